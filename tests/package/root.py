# SPDX-License-Identifier: Apache-2.0
"""Bare Debian roots to install packages in, and packages of another version."""
import contextlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
       "DEBIAN_FRONTEND": "noninteractive"}
LIB = pathlib.Path(__file__).resolve().parents[2] / "tools" / "lib.sh"


def lib(script):
    """What a line of shell says that knows tools/lib.sh."""
    return subprocess.run(["bash", "-euc", f'. "$1"; {script}', "bash", LIB], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.strip()


def missing():
    """Why this host can neither build nor install packages; None: it can."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("mmdebstrap", "dpkg-deb", "unshare"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return lib("mirror_fault bookworm") or None


def bootstrap(folder, *include):
    """A bare Debian 12 in the folder, with some packages more."""
    done = subprocess.run(
        ["mmdebstrap", "--variant=minbase", f"--include={','.join(include)}", "bookworm", folder,
         lib('echo "deb $mirror bookworm main"')],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


class Root:
    """An overlay over a folder with a Debian: what is done in it is gone with it. `room`: how many
    bytes may be written."""

    def __init__(self, lower, room="600m"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-root-"))
        self.top, self.scratch = self.folder / "root", self.folder / "scratch"
        self.top.mkdir()
        self.scratch.mkdir()
        self._mounts = []
        self._mount("-t", "tmpfs", "-o", f"size={room}", "tmpfs", self.scratch)
        for name in ("upper", "work"):
            (self.scratch / name).mkdir()
        self._mount("-t", "overlay", "-o", f"lowerdir={lower},upperdir={self.scratch}/upper,"
                    f"workdir={self.scratch}/work", "overlay", self.top)
        self._mount("-t", "proc", "proc", self.top / "proc")
        dev = self.top / "dev"
        for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            with contextlib.suppress(FileExistsError):
                os.mknod(dev / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
                os.chmod(dev / name, 0o666)

    def _mount(self, *args):
        subprocess.run(["mount", *map(str, args)], check=True)
        self._mounts.append(args[-1])

    def resize(self, room):
        subprocess.run(["mount", "-o", f"remount,size={room}", str(self.scratch)], check=True)

    def close(self):
        for at in reversed(self._mounts):
            subprocess.run(["umount", str(at)], check=True)
        self._mounts = []
        shutil.rmtree(self.folder)

    def run(self, *argv, check=True, timeout=300):
        """A command in the root; its output, both streams as one text."""
        done = subprocess.run(["chroot", self.top, *map(str, argv)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=timeout, env=ENV, check=False)
        assert not check or done.returncode == 0, (
            f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}")
        return done

    def shell(self, script, **how):
        return self.run("/bin/sh", "-euc", script, **how).stdout

    def path(self, name):
        return self.top / str(name).lstrip("/")

    def put(self, source, name):
        shutil.copyfile(source, self.path(name))
        return name

    def dpkg(self, *args, **how):
        return self.run("dpkg", *args, **how)

    def listing(self, *without):
        """Every path with its kind, mode, owner and what it holds, but those that match."""
        skip = re.compile("|".join(without) or "$^")
        found = {}
        for folder, names, files in os.walk(self.top):
            at = pathlib.Path(folder)
            inside = "/" + str(at.relative_to(self.top)).lstrip(".")
            names[:] = [n for n in names if inside != "/" or n not in ("proc", "sys", "dev", "tmp")]
            for name in names + files:
                path = at / name
                shown = str(pathlib.PurePosixPath(inside) / name)
                if skip.search(shown):
                    continue
                st = path.lstat()
                holds = (os.readlink(path) if stat.S_ISLNK(st.st_mode) else
                         path.read_bytes() if stat.S_ISREG(st.st_mode) else b"")
                found[shown] = (stat.filemode(st.st_mode), st.st_uid, st.st_gid, hash(holds))
        return found


def other_version(deb, version, folder):
    """The same package under another version."""
    tree = pathlib.Path(folder) / f"tree-{version}"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
    made = pathlib.Path(folder) / f"tocsin_{version}.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, made], check=True,
                   capture_output=True)
    shutil.rmtree(tree)
    return made


def field(deb, name):
    return subprocess.run(["dpkg-deb", "--field", deb, name], check=True, capture_output=True,
                          text=True).stdout.strip()
