# SPDX-License-Identifier: Apache-2.0
"""What disturbs the daemon, as the test commands it: libinject.so (files, memory, clocks) and
killat (the end at a system call). The layouts are those of inject.h and killat.c."""
import ctypes
import errno
import mmap
import os
import pathlib
import signal
import struct
import time

import harness

OPEN, OPEN_WRITE, READ, WRITE, SYNC, TRUNCATE, UNLINK, RENAME, MKDIR = (1 << n for n in range(9))
ANY = (1 << 9) - 1
CHANGES = OPEN_WRITE | WRITE | TRUNCATE | UNLINK | RENAME | MKDIR
ALWAYS = 1 << 62
BEFORE, AFTER = 1, 2

_RULES, _PATH = 8, 168
_HEAD = struct.Struct("<qqQQQQQQ")
_RULE = struct.Struct(f"<IiIIQQQ{_PATH}s")
_COUNT = 24  # of a rule's `count` in it; `calls` follows


class Injection:
    """The page of one daemon. Rules are numbered; a rule is changed as a whole, count last."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "inject.page"
        self.path.write_bytes(bytes(_HEAD.size + _RULES * _RULE.size))
        with open(self.path, "r+b") as f:
            self._page = mmap.mmap(f.fileno(), 0)

    def env(self):
        library = harness.BUILD / "tests" / "faults" / "libinject.so"
        return {"LD_PRELOAD": str(library), "TOCSIN_INJECT": str(self.path)}

    def _at(self, number):
        return _HEAD.size + number * _RULE.size

    def rule(self, number, ops, error=0, path="", first=1, count=ALWAYS, delay_ms=0, kill=0):
        """Calls first, first + 1, ... of those that match suffer."""
        at = self._at(number)
        self._put(at + _COUNT, 0)
        row = _RULE.pack(ops, error, delay_ms, kill, first, 0, 0, str(path).encode())
        self._page[at:at + len(row)] = row
        self._put(at + _COUNT, count)

    def _put(self, at, value, form="<Q"):
        struct.pack_into(form, self._page, at, value)

    def _get(self, at):
        return struct.unpack_from("<Q", self._page, at)[0]

    def end(self, number=None):
        """The rule, or all of them, no longer hold."""
        for n in range(_RULES) if number is None else (number,):
            self._put(self._at(n) + _COUNT, 0)

    def calls(self, number):
        return self._get(self._at(number) + _COUNT + 8)

    def suffered(self):
        return self._get(40)

    def clock(self, wall_s=0.0, boot_s=0.0):
        """Offsets of CLOCK_REALTIME and CLOCK_BOOTTIME."""
        self._put(0, round(wall_s * 1e9), "<q")
        self._put(8, round(boot_s * 1e9), "<q")

    def synced(self, yes):
        """What the system says of its clock; None: the truth."""
        self._put(48, 0 if yes is None else 2 if yes else 1)

    def memory(self, first, count=1):
        """Allocations first, first + 1, ... from now on fail; count 0: none."""
        self._put(24, 0)
        self._put(16, first)
        self._put(32, 0)
        self._put(24, count)

    def break_tls(self, yes=True):
        """OpenSSL was refused memory once, and makes no TLS context from then on."""
        self._put(56, int(yes))

    def allocations(self):
        return self._get(32)

    # disks that people know

    def full(self, path):
        self.rule(0, WRITE | TRUNCATE | OPEN_WRITE | MKDIR, errno.ENOSPC, path)

    def read_only(self, path):
        self.rule(0, CHANGES, errno.EROFS, path)

    def unreadable(self, path, first=1, count=ALWAYS):
        self.rule(0, READ, errno.EIO, path, first, count)

    def slow_sync(self, path, seconds):
        self.rule(0, SYNC, 0, path, delay_ms=round(seconds * 1000))


class KillAt:
    """Words before the daemon's command that end it at a system call."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "killat.page"
        self.path.write_bytes(bytes(64))
        with open(self.path, "r+b") as f:
            self._page = mmap.mmap(f.fileno(), 0)

    def wrap(self):
        return [harness.BUILD / "tests" / "faults" / "killat", self.path]

    def _put(self, word, value):
        struct.pack_into("<Q", self._page, 8 * word, value)

    def _get(self, word):
        return struct.unpack_from("<Q", self._page, 8 * word)[0]

    def arm(self, at=0, after=False):
        """Count from now on; at: end at that call. 0: never."""
        self._put(0, 0)
        for word, value in ((1, 0), (2, at), (3, int(after)), (5, 0), (0, 1)):
            self._put(word, value)

    def disarm(self):
        self._put(0, 0)

    def calls(self):
        return self._get(1)

    def ended_at(self):
        """Number of the system call it was ended at."""
        return self._get(5)

    def pid(self):
        return self._get(4)


_PTRACE_SEIZE, _PTRACE_INTERRUPT, _PTRACE_DETACH, _WALL = 0x4206, 0x4207, 17, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def threads(pid):
    """{name: [thread ids]}"""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            found.setdefault((task / "comm").read_text().strip(), []).append(int(task.name))
        except OSError:
            pass
    return found


class Stopped:
    """with Stopped(tid): that one thread of another process does not run. From one thread."""

    def __init__(self, tid):
        self.tid = tid

    def __enter__(self):
        for request in (_PTRACE_SEIZE, _PTRACE_INTERRUPT):
            if _libc.ptrace(request, self.tid, None, None):
                raise OSError(ctypes.get_errno(), f"ptrace of thread {self.tid}")
        os.waitpid(self.tid, _WALL)
        return self

    def __exit__(self, *_):
        _libc.ptrace(_PTRACE_DETACH, self.tid, None, None)


class Paused:
    """with Paused(pid): no thread of the process runs."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


class Cycle:
    """A lightweight deadline: for loops that do something until a time is over."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds * harness.SLOW

    def __bool__(self):
        return time.monotonic() < self.end
