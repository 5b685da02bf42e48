# SPDX-License-Identifier: Apache-2.0
"""A machine whose PID 1 is systemd, in namespaces of its own: an overlay over a folder with a
Debian (the host's own root by default), a network with loopback only, nothing of it stays."""
import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
SYSTEMD = "lib/systemd/systemd"
CLONE_NEWNET = 0x40000000


class Missing(Exception):
    """This host cannot boot a machine; the text says what it lacks."""


def _cgroup2():
    """A folder of a mounted cgroup2 hierarchy."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, at, kind, options = line.split()[:4]
        if kind == "cgroup2" and "rw" in options.split(","):
            return pathlib.Path(at)
    raise Missing("no writable cgroup2 is mounted")


def require(root="/"):
    """Raise Missing unless a machine can be booted."""
    if os.geteuid() != 0:
        raise Missing("needs root")
    for program in ("unshare", "nsenter", "setpriv", "pivot_root"):
        if not shutil.which(program):
            raise Missing(f"{program} is not installed (util-linux)")
    if not (pathlib.Path(root) / SYSTEMD).exists():
        raise Missing(f"systemd is not installed in {root}")
    if "\toverlay\n" not in pathlib.Path("/proc/filesystems").read_text():
        raise Missing("this kernel has no overlay file system")
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--net", "--cgroup", "true"],
                           capture_output=True, text=True, check=False)
    if tried.returncode:
        raise Missing("no namespaces: " + tried.stderr.strip())
    return _cgroup2()


class Machine:
    """files: a folder whose content is copied into the root; prepare: a shell script run in it
    before systemd starts (offline: `systemctl enable` works, `systemctl start` does not)."""

    def __init__(self, root="/", files=None, prepare=""):
        self.root, self.prepare, self.files = str(root), prepare, files
        self.folder = self.popen = self.cgroup = self.pid = None

    # -- life ------------------------------------------------------------------------------

    def start(self, within=60.0):
        """Boot, and wait until everything that starts at boot has."""
        at = require(self.root)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-boot-"))
        scratch, empty = self.folder / "scratch", self.folder / "empty"
        scratch.mkdir()
        empty.mkdir()
        self.cgroup = at / self.folder.name
        self.cgroup.mkdir()
        with open(self.folder / "console", "wb") as out:
            self.popen = subprocess.Popen(
                ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', self.cgroup / "cgroup.procs",
                 "setpriv", "--pdeathsig", "KILL", "unshare", "--fork", "--kill-child=KILL",
                 "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup",
                 "--propagation", "private", "/bin/sh", HERE / "enter_root.sh", self.root,
                 scratch, self.files or empty, self.prepare],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            self._wait_booted(time.monotonic() + within)
        except BaseException:
            self.stop()
            raise
        return self

    def _child(self):
        path = pathlib.Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children")
        with contextlib.suppress(OSError, IndexError):
            pid = int(path.read_text().split()[0])
            if pathlib.Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
                return pid
        return None

    def _wait_booted(self, until):
        while True:
            assert self.popen.poll() is None, "the machine does not start: " + self.console()
            assert time.monotonic() < until, "the machine does not boot: " + self.console()
            self.pid = self._child()
            if self.pid and self.run("systemctl", "is-system-running", check=False).stdout.strip() in (
                    "running", "degraded"):
                return
            time.sleep(0.1)

    def stop(self):
        """Like pulling the plug: services that should end well are stopped before."""
        if self.popen:
            self.popen.send_signal(signal.SIGKILL)
            self.popen.wait()
            self.popen = None
        if self.cgroup:
            self._remove_cgroup(time.monotonic() + 10)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.cgroup = self.folder = self.pid = None

    close = stop

    def _remove_cgroup(self, until):
        """Processes of the machine take a moment to be gone."""
        while self.cgroup.exists():
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            assert time.monotonic() < until, f"{self.cgroup} is still in use"
            time.sleep(0.01)

    def console(self):
        return (self.folder / "console").read_text(errors="replace")[-3000:]

    # -- inside ----------------------------------------------------------------------------

    def run(self, *argv, user=None, check=True, timeout=60.0, stdin=None):
        """A command in the machine, as root or as user; its output is text."""
        how = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] if user else []
        done = subprocess.run(
            ["nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--net", "--pid",
             "--cgroup", "--root", "--wd=/", *how, *map(str, argv)],
            capture_output=True, text=True, timeout=timeout, input=stdin, check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"})
        assert not check or done.returncode == 0, (
            f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def shell(self, script, **how):
        return self.run("/bin/sh", "-euc", script, **how).stdout

    def path(self, name):
        """The machine's file as the host's root sees it. No link to an absolute path in it."""
        return pathlib.Path(f"/proc/{self.pid}/root") / str(name).lstrip("/")

    def read(self, name):
        return self.path(name).read_text(errors="replace")

    def write(self, name, text, owner="root:root", mode=0o644):
        """Nobody sees a part of it."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        new.chmod(mode)
        if owner != "root:root":
            self.run("chown", owner, f"{name}.new")
        new.rename(path)

    def copy_in(self, source, name, mode=0o644):
        shutil.copyfile(source, self.path(name))
        self.path(name).chmod(mode)

    def systemctl(self, *args, **how):
        return self.run("systemctl", "--no-pager", *args, **how)

    def show(self, unit, name):
        return self.systemctl("show", unit, "--value", f"--property={name}").stdout.strip()

    def journal(self, unit, after=None):
        """What the unit and systemd about it said, one message a line; after: a cursor()."""
        more = [f"--after-cursor={after}"] if after else []
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}", *more).stdout

    def cursor(self):
        """A place in the journal."""
        shown = self.run("journalctl", "--no-pager", "--lines=0", "--show-cursor").stdout
        return shown.rpartition("-- cursor: ")[2].strip()

    def in_network(self, make):
        """make() in a thread of the machine's network: sockets, threads and processes that it
        makes stay there. Returns what it returned."""
        got = {}

        def enter():
            try:
                with open(f"/proc/{self.pid}/ns/net") as net:
                    if ctypes.CDLL(None, use_errno=True).setns(net.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                got["made"] = make()
            except BaseException as e:  # noqa: BLE001: is raised in the caller
                got["error"] = e
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if "error" in got:
            raise got["error"]
        return got["made"]
