#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A city platform for tests and the demo: an HTTPS receiver of CloudEvents batches that keeps a
ledger and misbehaves on command. (Not "platform.py": that would hide Python's own module.)

    with Platform(directory, mtls=True, token="t0ken").start() as p:
        p.url                          # https://127.0.0.1:PORT/v1/alerts
        p.authority.pem                # what the gateway must trust; p.client = (cert, key)
        p.fault("status", status=500, times=2)
        p.wait(5, seconds=10)          # until 5 distinct alarm events are in the ledger
        p.ledger()                     # of the alarm events, oldest first
        p.ledger(heartbeats=True)      # of everything
        p.stop(); p.start()            # away and back on the same port

directory/ledger.jsonl has one line an event the platform took, in order, written before it
answers (fsync=True: and synced):
    {"n", "id", "type", "time", "mono_ns", "request", "place", "sha", "event"}
n counts lines; request counts requests; place is the event's index in its request; sha is
SHA-256 of the event's bytes as received, which also stand verbatim in event; time is wall time
and mono_ns CLOCK_BOOTTIME, both of arrival. directory/requests.jsonl has a line for every request,
refused ones too: {"request", "time", "mono_ns", "status", "fault", "ids", "bytes", "connection",
"client"} (status 0: no honest answer was given; client is the common name of its certificate).

fault(kind, times=1, on="any", ...): for the next `times` requests (None: until clear()), of "any",
"alarms" or "heartbeats" only; faults queue up.
    status  status=500, headers={}, body=""    answer that; nothing goes into the ledger, but for
            delay=0, takes=True                a status of 2xx with takes; that late
    hang    seconds=3600                       no ledger, no answer, then the connection is closed
    slow    seconds=1                          ledger first, a correct answer that late
    cut     at="head"|"body"|"none"            ledger first, then half an answer (or nothing at all)
    lie     bytes="..."                        ledger first, then that instead of HTTP
    long    size=N                             ledger first, then 200 with that many bytes of body
    reject  match=REGEX, status=400            any request with an id that matches (times: None)

As a program: city_platform.py --dir D [--port N] [--mtls] [--token T] [--fsync] [--stdin]
Prints one line {"url", "port", "control", "ca", "cert", "key", "ledger"} when it is ready, ends at
SIGTERM, at {"do": "quit"}, or with --stdin when its standard input closes. control is a
loopback TCP port that takes one JSON object a line and answers one: {"do": "fault", "kind":
"status", "status": 500, "times": 2}, {"do": "clear"}, {"do": "stats"}, {"do": "down"},
{"do": "up"}, {"do": "token", "token": T}, {"do": "serve", "cert": FILE, "key": FILE},
{"do": "issue", "name": N, "hosts": [...], "client": bool, "start": days, "end": days}.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import select
import signal
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from ca import Authority  # noqa: E402
from ports import HeldPort  # noqa: E402

BATCH = "application/cloudevents-batch+json"
SINGLE = "application/cloudevents+json"
HEARTBEAT = "tocsin.gateway.heartbeat"
REQUEST_MAX = 64 << 20
REASON = {200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized",
          415: "Unsupported Media Type", 429: "Too Many Requests", 500: "Internal Server Error",
          503: "Service Unavailable"}


def _pairs(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(text):
    raise ValueError(text + " is not JSON")


DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_refuse)
SPACE = re.compile(r"[ \t\r\n]*")


def split(body, content_type):
    """The events of a request as (object, bytes as received); ValueError if it is not one."""
    text = body.decode("utf-8")
    if content_type == SINGLE:
        text = "[" + text + "]"
    elif content_type != BATCH:
        raise ValueError("content type " + content_type)
    events = []
    at = SPACE.match(text).end()
    if text[at:at + 1] != "[":
        raise ValueError("not an array")
    at = SPACE.match(text, at + 1).end()
    if text[at:at + 1] == "]":
        return events if not text[at + 1:].strip() else _refuse("what follows")
    while True:
        event, end = DECODER.raw_decode(text, at)
        for name in ("id", "source", "type"):
            if not isinstance(event.get(name), str) or not event[name]:
                raise ValueError(name + " is missing")
        if event.get("specversion") != "1.0":
            raise ValueError("specversion")
        events.append((event, text[at:end].encode("utf-8")))
        at = SPACE.match(text, end).end()
        if text[at:at + 1] == "]" and not text[at + 1:].strip():
            return events
        if text[at:at + 1] != ",":
            raise ValueError("not a JSON array")
        at = SPACE.match(text, at + 1).end()


def whole_lines(path):
    """The JSON lines of a file that is still written: a last line that is half there is left."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


class Closed(Exception):
    pass


class Platform:
    def __init__(self, directory, authority=None, mtls=False, token=None, host="127.0.0.1",
                 port=0, fsync=False):
        self.dir = pathlib.Path(directory).absolute()
        self.dir.mkdir(parents=True, exist_ok=True)
        self.authority = authority or Authority(self.dir / "ca")
        self.server = self._pair("server", hosts=["localhost", "127.0.0.1", "::1"])
        self.client = self._pair("gateway", client=True)
        self.host, self.port, self.mtls, self.token = host, port, mtls, token
        self.fsync = fsync
        self.ledger_path = self.dir / "ledger.jsonl"
        self.requests_path = self.dir / "requests.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._ledger = os.fdopen(os.open(self.ledger_path, flags, 0o644), "wb", buffering=0)
        self._requests = os.fdopen(os.open(self.requests_path, flags, 0o644), "wb", buffering=0)
        self._lines = len(self.ledger())
        self.seen = {line["id"] for line in self.ledger()}
        self.counts = {"requests": 0, "connections": 0, "handshakes": 0, "refused_handshakes": 0}
        self.handshake_errors = []
        self.faults = []
        self._lock = threading.Lock()
        self._taken = threading.Condition(self._lock)
        self._listener = self._held = None
        self._connections = set()
        self._context = None
        self._stopped = threading.Event()

    def _pair(self, name, **how):
        cert, key = self.authority.dir / (name + ".pem"), self.authority.dir / (name + ".key")
        return (cert, key) if cert.exists() else self.authority.issue(name, **how)

    # ---- life

    @property
    def url(self):
        return f"https://{self.host}:{self.port}/v1/alerts"

    def start(self):
        self.serve(*self.server)
        if not self.port:
            self._held = HeldPort(self.host)
            self.port = self._held.number
        listener = socket.create_server((self.host, self.port), backlog=64)
        self._stopped = threading.Event()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener, self._stopped), daemon=True).start()
        return self

    def stop(self):
        """Away: nothing listens, open connections are closed. start() brings it back."""
        self._stopped.set()
        if self._listener:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()
            self._listener = None
        with self._lock:
            connections, self._connections = self._connections, set()
        for one in connections:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        """For good: its files are closed, too."""
        self.stop()
        if self._held:
            self._held.close()
        with self._lock:
            self._ledger.close()
            self._requests.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def serve(self, cert, key):
        """Use another certificate for connections from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(cert, key)
        context.set_alpn_protocols(["http/1.1"])
        if self.mtls:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority.pem)
        self.server, self._context = (cert, key), context

    # ---- what came

    def ledger(self, heartbeats=False):
        return [one for one in whole_lines(self.ledger_path)
                if heartbeats or one["type"] != HEARTBEAT]

    def requests(self):
        return whole_lines(self.requests_path)

    def wait(self, n, seconds=10, heartbeats=False):
        """True once n distinct events are in the ledger."""
        end = time.monotonic() + seconds
        with self._taken:
            while True:
                have = sum(1 for i in self.seen if heartbeats or "-hb-" not in i)
                left = end - time.monotonic()
                if have >= n or left <= 0:
                    return have >= n
                self._taken.wait(left)

    # ---- faults

    def fault(self, kind, times=1, on="any", **how):
        if kind == "reject":
            times, how = None, {**how, "match": re.compile(how["match"])}
        elif kind not in ("status", "hang", "slow", "cut", "lie", "long"):
            raise ValueError("no such fault: " + kind)
        with self._lock:
            self.faults.append({"kind": kind, "times": times, "on": on, **how})

    def clear(self):
        with self._lock:
            self.faults.clear()

    def _fault_for(self, events):
        kinds = {e["type"] == HEARTBEAT for e, _ in events}
        for fault in self.faults:
            if fault["kind"] == "reject":
                if any(fault["match"].search(e["id"]) for e, _ in events):
                    return {"kind": "status", "status": fault.get("status", 400)}
                continue
            if fault["on"] == "alarms" and False not in kinds:
                continue
            if fault["on"] == "heartbeats" and True not in kinds:
                continue
            if fault["times"] is not None:
                fault["times"] -= 1
                if fault["times"] <= 0:
                    self.faults.remove(fault)
            return dict(fault)
        return {"kind": None}

    # ---- one connection, one thread

    def _accept(self, listener, stopped):
        while not stopped.is_set():
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if stopped.is_set():
                    raw.close()
                    return
                self.counts["connections"] += 1
                number = self.counts["connections"]
                self._connections.add(raw)
            threading.Thread(target=self._serve, args=(raw, number, stopped),
                             daemon=True).start()

    def _serve(self, raw, number, stopped):
        conn = raw
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.settimeout(30)
            try:
                conn = self._context.wrap_socket(raw, server_side=True)
            except (OSError, ValueError) as error:
                self.counts["refused_handshakes"] += 1
                self.handshake_errors.append(str(error))
                return
            with self._lock:
                self._connections.discard(raw)
                if stopped.is_set():
                    return
                self._connections.add(conn)
                self.counts["handshakes"] += 1
            conn.settimeout(None)
            self._talk(conn, number, stopped)
        except (OSError, Closed, ValueError):
            pass
        finally:
            with self._lock:
                self._connections.discard(raw)
                self._connections.discard(conn)
            try:
                conn.close()
            except OSError:
                pass

    def _talk(self, conn, number, stopped):
        names = dict(pair[0] for pair in (conn.getpeercert() or {}).get("subject", ()))
        client = names.get("commonName", "")
        pending = b""
        while not stopped.is_set():
            while b"\r\n\r\n" not in pending:
                pending = self._more(conn, pending, 65536)
            head, pending = pending.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            headers = {k.strip().lower(): v.strip()
                       for k, _, v in (line.partition(":") for line in lines[1:])}
            if headers.get("expect", "").lower() == "100-continue":
                conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = int(headers.get("content-length", "0"))
            while len(pending) < length:
                pending = self._more(conn, pending, REQUEST_MAX)
            body, pending = pending[:length], pending[length:]
            if not self._answer(conn, number, client, lines[0], headers, body, stopped):
                return

    @staticmethod
    def _more(conn, pending, most):
        if len(pending) > most:
            raise Closed
        got = conn.recv(262144)
        if not got:
            raise Closed
        return pending + got

    def _answer(self, conn, number, client, first, headers, body, stopped):
        wall, mono = time.time(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        content_type = headers.get("content-type", "").split(";")[0].strip().lower()
        status, events, why = 200, [], ""
        with self._lock:
            token = self.token
        if not first.startswith("POST "):
            status, why = 405, "POST only"
        elif token and headers.get("authorization") != "Bearer " + token:
            status, why = 401, "who are you?"
        elif content_type not in (BATCH, SINGLE):
            status, why = 415, "not CloudEvents"
        else:
            try:
                events = split(body, content_type)
            except (ValueError, AttributeError) as error:
                status, why = 400, str(error)
        with self._lock:
            if self._ledger.closed:
                return False
            fault = self._fault_for(events) if status == 200 else {"kind": None}
            self.counts["requests"] += 1
            request = self.counts["requests"]
            if fault["kind"] == "status":
                status, why = fault.get("status", 500), fault.get("body", "commanded")
            takes = (200 <= status < 300 and fault["kind"] != "hang"
                     and fault.get("takes", True))
            honest = fault["kind"] in (None, "status", "slow", "long")
            self._requests.write((json.dumps({
                "request": request, "time": round(wall, 6), "mono_ns": mono,
                "status": status if honest else 0, "fault": fault["kind"],
                "ids": [e["id"] for e, _ in events], "bytes": len(body), "connection": number,
                "client": client, "why": why}, ensure_ascii=False) + "\n").encode())
            if takes:
                self._note(events, wall, mono, request)
        return self._say(conn, status, why, fault, stopped)

    def _note(self, events, wall, mono, request):
        lines = []
        for place, (event, raw) in enumerate(events):
            self._lines += 1
            meta = json.dumps({"n": self._lines, "id": event["id"], "type": event["type"],
                               "time": round(wall, 6), "mono_ns": mono, "request": request,
                               "place": place, "sha": hashlib.sha256(raw).hexdigest()})
            flat = raw.replace(b"\r", b" ").replace(b"\n", b" ")
            lines.append(meta[:-1].encode() + b', "event": ' + flat + b"}\n")
        at = memoryview(b"".join(lines))
        while at:
            at = at[self._ledger.write(at):]
        if self.fsync:
            os.fsync(self._ledger.fileno())
        self.seen.update(e["id"] for e, _ in events)
        self._taken.notify_all()

    @staticmethod
    def _say(conn, status, why, fault, stopped):
        kind = fault["kind"]
        if kind == "hang":
            stopped.wait(fault.get("seconds", 3600))
            return False
        if kind == "slow":
            stopped.wait(fault.get("seconds", 1))
        if kind == "status" and fault.get("delay"):
            stopped.wait(fault["delay"])
        if kind == "lie":
            conn.sendall(fault.get("bytes", "\x00\x01 yes yes, got it\r\n\r\n").encode("latin-1"))
            return False
        if kind == "cut":
            said = {"head": b"HTTP/1.1 200 OK\r\nContent-Le", "none": b"",
                    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"took"}
            conn.sendall(said[fault.get("at", "body")])
            conn.unwrap()
            return False
        body = why.encode() if kind == "status" or status >= 300 else b""
        if status in (204, 304):
            body = b""  # has none, whatever is said
        if kind == "long":
            body = b"x" * fault.get("size", 1 << 20)
        extra = "".join(f"{k}: {v}\r\n" for k, v in fault.get("headers", {}).items())
        conn.sendall(f"HTTP/1.1 {status} {REASON.get(status, 'Answer')}\r\n{extra}"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return True

    # ---- the control port

    def control(self, asked):
        do = asked.pop("do", None)
        if do == "fault":
            self.fault(asked.pop("kind"), **asked)
        elif do == "clear":
            self.clear()
        elif do == "down":
            self.stop()
        elif do == "up":
            self.start()
        elif do == "token":
            with self._lock:
                self.token = asked["token"]
        elif do == "serve":
            self.serve(asked["cert"], asked["key"])
        elif do == "issue":
            cert, key = self.authority.issue(asked.pop("name"), **asked)
            return {"ok": True, "cert": str(cert), "key": str(key)}
        elif do == "stats":
            with self._lock:
                return {"ok": True, **self.counts, "lines": self._lines, "ids": len(self.seen),
                        "faults": len(self.faults), "handshake_errors": self.handshake_errors}
        else:
            raise ValueError(f"do what? {do}")
        return {"ok": True}


def _control_loop(platform, listener, quit_event):
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=_control_talk, args=(platform, conn, quit_event),
                         daemon=True).start()


def _control_talk(platform, conn, quit_event):
    with conn, conn.makefile("rw") as lines:
        for line in lines:
            try:
                asked = json.loads(line)
                if asked.get("do") == "quit":
                    answer = {"ok": True}
                    quit_event.set()
                else:
                    answer = platform.control(asked)
            except Exception as error:  # a bad command must not end the platform
                answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            lines.write(json.dumps(answer) + "\n")
            lines.flush()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--dir", required=True)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--mtls", action="store_true")
    options.add_argument("--token")
    options.add_argument("--fsync", action="store_true")
    options.add_argument("--stdin", action="store_true")
    o = options.parse_args()
    quit_event = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: quit_event.set())
    signal.signal(signal.SIGINT, lambda *_: quit_event.set())
    platform = Platform(o.dir, mtls=o.mtls, token=o.token, host=o.host, port=o.port,
                        fsync=o.fsync).start()
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_control_loop, args=(platform, listener, quit_event),
                     daemon=True).start()
    print(json.dumps({
        "url": platform.url, "port": platform.port, "control": listener.getsockname()[1],
        "ca": str(platform.authority.pem), "cert": str(platform.client[0]),
        "key": str(platform.client[1]), "ledger": str(platform.ledger_path)}), flush=True)
    while not quit_event.wait(0.2):
        if o.stdin and select.select([sys.stdin], [], [], 0)[0] and not os.read(0, 4096):
            break
    platform.stop()


if __name__ == "__main__":
    main()
