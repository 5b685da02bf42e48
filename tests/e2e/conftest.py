# SPDX-License-Identifier: Apache-2.0
"""Fixtures: every peer is real, on loopback, on a port of its own, and ended by its pid."""
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "peers")]

import harness  # noqa: E402
import oracle  # noqa: E402
from fixtures import authority, closing, folder  # noqa: E402, F401: pytest finds them here


def pytest_configure(config):
    for mark in ("long: takes more than some seconds", "timing: measures time, not for slow builds",
                 "smoke: the shortest way through everything"):
        config.addinivalue_line("markers", mark)


def pytest_collection_modifyitems(items):
    """The long ones first. Without a built daemon only the tests of the tests can run."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if (harness.BUILD / "tocsind").exists():
        return
    if "TOCSIN_BUILD" in os.environ:
        raise pytest.UsageError(f"no tocsind in {harness.BUILD}")
    for item in items:
        if item.fspath.basename != "test_oracle.py":
            item.add_marker(pytest.mark.skip(reason=f"no tocsind in {harness.BUILD}"))


@pytest.fixture
def city(folder, authority, closing):
    from peers import City
    return closing(City(folder / "city", authority))


@pytest.fixture
def broker(folder, closing):
    return closing(harness.Broker(folder / "broker"))


@pytest.fixture
def publisher(broker, closing):
    return closing(harness.Publisher(broker.port))


@pytest.fixture
def plant(folder, closing):
    """A Modbus TCP server with commanded faults."""
    from peers import ModbusTcp
    return closing(ModbusTcp(folder))


@pytest.fixture
def bus(folder, closing):
    """A Modbus RTU slave on a pty pair."""
    from peers import ModbusRtu
    return closing(ModbusRtu(folder))


@pytest.fixture
def ledger(folder, closing):
    return closing(oracle.Injector(folder / "injector.jsonl"))


@pytest.fixture
def gateway(closing, request):
    """gateway(config): a Gateway that is ended at the end, and must end well; its folder is
    kept if the test failed."""
    made = []

    def make(config=None, **more):
        made.append(closing(harness.Gateway(config, **more)))
        return made[-1]
    yield make
    for g in made:
        g.keep = getattr(request.node, "failed_call", False)
        if g.keep:
            sys.stderr.write(f"\n{g.folder} is kept; the end of its log:\n{g.log()[-4000:]}\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if call.when == "call":
        item.failed_call = report.failed


def own_mounts():
    """The words before a command that may mount for itself alone, or None."""
    for words in (["unshare", "-m"], ["unshare", "-U", "-r", "-m"]):
        tried = subprocess.run([*words, "mount", "-t", "tmpfs", "none", "/mnt"],
                               capture_output=True, check=False)
        if tried.returncode == 0:
            return words
    return None


@pytest.fixture
def mounted(gateway, folder):
    """mounted(config, size): a Gateway whose state_dir is a small tmpfs of its own; .inside is
    that folder as seen from here while it runs."""
    words = own_mounts()
    if not words:
        pytest.skip("no private mounts permitted here")

    def make(config, size="4m"):
        g = gateway(config)
        g.state.mkdir()
        g.wrap = [*words, "sh", "-c", f'mount -t tmpfs -o size={size},mode=750 none "{g.state}" '
                  '&& exec "$@"', "sh"]
        return g
    return make
