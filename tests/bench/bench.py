# SPDX-License-Identifier: Apache-2.0
"""What the process benchmarks share: a receiver and a publisher with little of their own in the
way, and the one JSON line."""
import json
import os
import pathlib
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests" / "e2e"), str(TOP / "tests" / "peers")]

import harness  # noqa: E402
from ca import Authority  # noqa: E402

BARE, PROBE = (harness.BUILD / "tests" / "bench" / name for name in ("bare", "probe"))


class Receiver:
    """An HTTPS receiver in a process of its own: notes when each body was complete, answers 200
    and judges nothing. rows() gives (CLOCK_MONOTONIC ns, body)."""

    def __init__(self, folder):
        authority = Authority(folder / "ca")
        self.ca = authority.pem
        pair = authority.issue("server", hosts=["127.0.0.1"])
        self.process = subprocess.Popen(
            [sys.executable, __file__, *map(str, pair)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE)
        self.url = f"https://127.0.0.1:{int(self.process.stdout.readline())}/v1/alerts"
        self._rows, self._more = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        out = self.process.stdout
        while len(head := out.read(16)) == 16:
            at, size = struct.unpack("<qq", head)
            body = out.read(size)
            with self._more:
                self._rows.append((at, body))
                self._more.notify_all()

    def rows(self):
        with self._more:
            return list(self._rows)

    def wait(self, enough, within=20):
        """Wait until enough(rows)."""
        end = time.monotonic() + within
        with self._more:
            while not enough(self._rows):
                if not self._more.wait(end - time.monotonic()) and time.monotonic() > end:
                    raise AssertionError(f"only {len(self._rows)} requests within {within} s")
            return list(self._rows)

    def clear(self):
        with self._more:
            self._rows.clear()

    def close(self):
        self.process.terminate()
        self.process.wait()


def _receive(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    out, lock = sys.stdout.buffer, threading.Lock()

    def serve(raw):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(raw, server_side=True) as conn:
            pending = b""
            while True:
                while b"\r\n\r\n" not in pending:
                    got = conn.recv(65536)
                    if not got:
                        return
                    pending += got
                head, pending = pending.split(b"\r\n\r\n", 1)
                low = head.lower()
                at = low.index(b"content-length:") + 15
                size = int(low[at:].split(b"\r\n", 1)[0])
                if b"expect: 100-continue" in low:
                    conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                while len(pending) < size:
                    got = conn.recv(262144)
                    if not got:
                        return
                    pending += got
                now = time.monotonic_ns()
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                body, pending = pending[:size], pending[size:]
                with lock:
                    out.write(struct.pack("<qq", now, size) + body)
                    out.flush()

    def guarded(raw):
        try:
            serve(raw)
        except OSError:
            pass
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=guarded, args=(raw,), daemon=True).start()


class Publisher:
    """MQTT 3.1.1, QoS 1, by hand: what is measured is not a client library."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = f"bench-{os.getpid()}".encode()
        self._send(0x10, b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(name)) + name)
        assert self._exactly(4) == b"\x20\x02\x00\x00", "CONNACK"
        self.count = 0

    def _send(self, kind, body):
        self.socket.sendall(self._frame(kind, body))

    @staticmethod
    def _frame(kind, body):
        size, n = b"", len(body)
        while True:
            size += bytes([n % 128 | (0x80 if n > 127 else 0)])
            n //= 128
            if not n:
                return bytes([kind]) + size + body

    def _exactly(self, n):
        got = b""
        while len(got) < n:
            part = self.socket.recv(n - len(got))
            assert part, "the broker closed the connection"
            got += part
        return got

    def frame(self, topic, payload):
        self.count = self.count % 65535 + 1
        name = topic.encode()
        return self._frame(0x32, struct.pack(">H", len(name)) + name
                           + struct.pack(">H", self.count) + payload)

    def send(self, topic, payload):
        """Publish and return the time just before; the PUBACK is awaited."""
        frame = self.frame(topic, payload)
        at = time.monotonic_ns()
        self.socket.sendall(frame)
        self._exactly(4)
        return at

    def send_all(self, messages):
        """Publish all at once, then await every PUBACK."""
        whole = b"".join(self.frame(t, p) for t, p in messages)
        at = time.monotonic_ns()
        drain = threading.Thread(target=self._exactly, args=(4 * len(messages),))
        drain.start()
        self.socket.sendall(whole)
        drain.join()
        return at

    def close(self):
        self.socket.close()


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def probe_ns():
    return int(subprocess.run([PROBE], capture_output=True, text=True, check=True).stdout)


def report(name, **figures):
    """The one JSON line."""
    rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}
    print(json.dumps({"bench": name, **rounded, "probe_ns": probe_ns()}), flush=True)


class Bench:
    """with Bench() as b: a folder and things to close, last opened first."""

    def __enter__(self):
        self.opened, self.gateways = [], []
        self._folder = tempfile.TemporaryDirectory(prefix="tocsin-bench-")
        self.folder = pathlib.Path(self._folder.name)
        return self

    def keep(self, x):
        self.opened.append(x)
        return x

    def gateway(self, config):
        return self.keep(harness.Gateway(config))

    def bare(self, *words):
        """A bare program that says "ready" first (mqtt) or nothing."""
        process = subprocess.Popen([BARE, *map(str, words)], stdout=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL)
        self.keep(_Ended(process))
        if words[0] == "mqtt":
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.3)  # its subscription is under way and tells nobody
        return process

    def __exit__(self, *_):
        for x in reversed(self.opened):
            x.close()
        self._folder.cleanup()


class _Ended:
    def __init__(self, process):
        self.process = process

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


median = statistics.median

if __name__ == "__main__":
    _receive(*sys.argv[1:])
