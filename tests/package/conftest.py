# SPDX-License-Identifier: Apache-2.0
"""The packages of this machine, built by tools/package in a bare Debian, and bare roots to install
them in. TOCSIN_DEBS=FOLDER: the packages are there already; TOCSIN_BARE=FOLDER: so is the root."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "boot"), str(HERE.parent / "e2e"),
                str(HERE.parent / "peers")]

import root as roots  # noqa: E402

LOGS = TOP / "build-logs"


class Built:
    """What tools/package left."""

    def __init__(self, folder):
        self.arch = subprocess.run(["dpkg", "--print-architecture"], check=True,
                                   capture_output=True, text=True).stdout.strip()
        self.folder = pathlib.Path(folder)
        self.version = (TOP / "debian" / "changelog").read_text().split("(")[1].split(")")[0]
        self.tocsin = self.folder / f"tocsin_{self.version}_{self.arch}.deb"
        self.doc = self.folder / f"tocsin-doc_{self.version}_all.deb"
        self.changes = self.folder / f"tocsin_{self.version}_{self.arch}.changes"
        self.log = LOGS / f"package-{self.arch}.log"


@pytest.fixture(scope="session")
def built():
    why = roots.missing()
    if why:
        pytest.skip(why)
    folder = os.environ.get("TOCSIN_DEBS")
    if not folder:
        done = subprocess.run([TOP / "tools" / "package"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]
        folder = TOP / "dist"
    return Built(folder)


@pytest.fixture(scope="session")
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-package-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def newer(built, folder):
    """The same package as the next version."""
    return roots.other_version(built.tocsin, built.version + "+1", folder)


@pytest.fixture(scope="session")
def bare(built):
    """A folder with a Debian that has all the package depends on, and systemd."""
    if "TOCSIN_BARE" in os.environ:
        yield pathlib.Path(os.environ["TOCSIN_BARE"])
        return
    path = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-bare-"))
    try:
        roots.bootstrap(path, "systemd", "systemd-sysv", "dbus", "logrotate", "bash-completion",
                        "man-db", "groff-base")
        done = subprocess.run(
            ["chroot", path, "sh", "-euc", "apt-get update -q; apt-get satisfy -q -y "
             f"--no-install-recommends '{roots.field(built.tocsin, 'Depends')}'"],
            capture_output=True, text=True, env=roots.ENV, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def root(bare):
    made = roots.Root(bare)
    yield made
    made.close()


@pytest.fixture
def installed(root, built):
    """The root, with the package installed by the command of the manual."""
    root.put(built.tocsin, "/root/tocsin.deb")
    root.said = root.run("apt-get", "install", "-q", "-y", "--no-install-recommends",
                         "/root/tocsin.deb").stdout
    return root
