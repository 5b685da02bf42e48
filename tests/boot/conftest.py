# SPDX-License-Identifier: Apache-2.0
"""One machine for all tests: systemd is its PID 1, tocsin is installed as `meson install` does it."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "peers"),
                str(HERE.parent / "lint")]

import harness  # noqa: E402
import machine  # noqa: E402
import service as unit  # noqa: E402
from fixtures import authority, closing, folder  # noqa: E402, F401: pytest finds them here

# A folder with a Debian that has systemd, dbus and the libraries of the programs, for example of
# another release: mmdebstrap makes one.
ROOT = os.environ.get("TOCSIN_BOOT_ROOT", "/")

def pytest_configure(config):
    config.addinivalue_line("markers", "long: for the night")


def pytest_collection_modifyitems(items):
    if "TOCSIN_BUILD" in os.environ and not (harness.BUILD / "tocsind").exists():
        raise pytest.UsageError(f"no tocsind in {harness.BUILD}")


@pytest.fixture(scope="session")
def possible():
    """Root, all that a machine needs, and a build: else nothing of this can run here."""
    try:
        machine.require(ROOT)
    except machine.Missing as missing:
        pytest.skip(str(missing))
    if not (harness.BUILD / "tocsind").exists():
        pytest.skip(f"no tocsind in {harness.BUILD}")


@pytest.fixture(scope="session")
def staged(possible):
    """A folder with all that is installed, and the tests' own libraries."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-stage-"))
    try:
        subprocess.run(["meson", "install", "-C", harness.BUILD, "--no-rebuild", "--quiet"],
                       env={**os.environ, "DESTDIR": str(folder)}, check=True)
        (folder / unit.PRELOADED.lstrip("/")).mkdir(parents=True)
        for library in ("unit/libhang.so", "boot/libprobe.so"):
            shutil.copy(harness.BUILD / "tests" / library, folder / unit.PRELOADED.lstrip("/"))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def booted(staged):
    """The machine of the session."""
    m = machine.Machine(root=ROOT, files=staged, prepare=unit.PREPARE).start()
    try:
        yield m
    finally:
        m.stop()


@pytest.fixture
def service(booted):
    """tocsind.service as just installed."""
    s = unit.Service(booted).reset()
    yield s
    s.stop()


@pytest.fixture
def plant(booted, folder):
    """A Modbus TCP device on the machine's loopback; unit 3 is a gas sensor at 10 %LEL."""
    from peers import ModbusTcp
    made = booted.in_network(lambda: ModbusTcp(folder))
    made.set(3, "holding", 0, 100, 0)
    yield made
    made.close()


@pytest.fixture
def city(booted, folder, authority):
    """The platform, on the machine's loopback; city.entry() is its entry of uplinks:."""
    from peers import City
    made = booted.in_network(lambda: City(folder / "city", authority))

    def entry(**more):
        booted.copy_in(authority.pem, "/etc/tocsin/ca.pem")
        return made.uplink(**{"ca": "/etc/tocsin/ca.pem", **more})
    made.entry = entry
    yield made
    made.close()
