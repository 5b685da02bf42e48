# SPDX-License-Identifier: Apache-2.0
"""Debian's own checks of the packages that take long: two builds each that must be the same, and
piuparts. For the night."""
import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest
import root as roots

TOP = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif("TOCSIN_NIGHTLY" not in os.environ, reason="for the night")


def possible(*programs):
    why = roots.missing()
    if why:
        pytest.skip(why)
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize("arch", ("amd64", "arm64", "armhf"))
def test_two_builds_are_the_same(arch):
    possible()
    done = subprocess.run([TOP / "tools" / "package", "--twice", arch], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    made = list((TOP / "dist").glob(f"tocsin_*_{arch}.deb"))
    assert [roots.field(deb, "Architecture") for deb in made] == [arch]


def archive(folder, deb):
    """A folder that apt takes packages from."""
    data = deb.read_bytes()
    (folder / "Packages").write_text(
        subprocess.run(["dpkg-deb", "--field", deb], check=True, capture_output=True,
                       text=True).stdout +
        f"Filename: ./{deb.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n")


def test_piuparts_finds_nothing(built, tmp_path):
    """Install and purge; install an older version from an archive, upgrade, purge."""
    possible("piuparts")
    older = tmp_path / "archive"
    older.mkdir()
    archive(older, roots.other_version(built.tocsin, "0.1", older))
    base = tmp_path / "base.tar.gz"
    roots.bootstrap(base, "systemd")  # which leaves folders of its own when it is purged
    done = subprocess.run(
        ["piuparts", "--distribution=bookworm", f"--mirror={roots.lib('echo $mirror')} main",
         f"--basetgz={base}", "--no-eatmydata", f"--tmpdir={tmp_path}", "--warn-on-others",
         f"--bindmount={older}", f"--extra-repo=deb [trusted=yes] file:{older} ./",
         built.tocsin, built.doc], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "PASS: Installation and purging test." in done.stdout, done.stdout[-3000:]
    assert "PASS: Installation, upgrade and purging tests." in done.stdout, done.stdout[-3000:]
