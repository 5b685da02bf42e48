# SPDX-License-Identifier: Apache-2.0
"""An MQTT 3.1.1 broker that does one thing wrong on its first connections and everything right on
the ones after: at each connection it publishes, at QoS 1, what it owes until it is acknowledged."""
import socket
import struct
import threading
import time

from mqtt_proxy import read_packet


def _length(n):
    out = b""
    while True:
        byte, n = n & 127, n >> 7
        out += bytes([byte | 128 if n else byte])
        if not n:
            return out


def publish(topic, payload, mid=None, dup=False, retain=False, qos=None):
    """A PUBLISH: QoS 1 with a packet identifier, else 0."""
    qos = (1 if mid is not None else 0) if qos is None else qos
    topic = topic.encode()
    body = struct.pack("!H", len(topic)) + topic
    body += struct.pack("!H", mid) if qos else b""
    body += payload
    return bytes([0x30 | dup << 3 | qos << 1 | retain]) + _length(len(body)) + body


CONNACK, PINGRESP = b"\x20\x02\x00\x00", b"\xd0\x00"


class FaultyBroker:
    """fault: a function (broker, client, step) for steps "connect", "subscribe" and "ready" of a
    connection that is to go wrong: bytes to say instead, or None for what is right; it may sleep,
    raise OSError to hang up, or wait for broker.stop to hang. times: so many connections."""

    def __init__(self, fault, times=1):
        self.fault, self.times = fault, times
        self.stop = threading.Event()
        self.connects = 0
        self.owed = {}  # mid: (topic, payload)
        self.acked = []
        self._mid = 0
        self._client, self._lock = None, threading.Lock()
        self._open, self._threads = [], []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept)

    def _spawn(self, f, *args):
        t = threading.Thread(target=f, args=args, daemon=True)
        self._threads.append(t)
        t.start()

    def _accept(self):
        while not self.stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            self._spawn(self._serve, client)

    def _say(self, client, step, right):
        wrong = self.connects <= self.times and self.fault(self, client, step)
        client.sendall(wrong if wrong else right)

    def _serve(self, client):
        try:
            packet = read_packet(client)
            if packet is None:
                return
            if packet[(2 if packet[1] < 128 else 3) + 6] == 5:
                client.sendall(b"\x20\x02\x00\x01")
                return
            self.connects += 1
            self._say(client, "connect", CONNACK)
            while True:
                packet = read_packet(client)
                if packet is None:
                    return
                self._answer(client, packet)
        except OSError:
            pass
        finally:
            client.close()

    def _answer(self, client, packet):
        kind = packet[0] >> 4
        if kind == 8:
            head = 2 if packet[1] < 128 else 3
            topics, at = 0, head + 2
            while at < len(packet):
                at += 2 + struct.unpack_from("!H", packet, at)[0] + 1
                topics += 1
            right = b"\x90" + _length(2 + topics) + packet[head:head + 2] + b"\x01" * topics
            self._say(client, "subscribe", right)
            with self._lock:
                self._client = client
                for mid, (topic, payload) in self.owed.items():
                    client.sendall(publish(topic, payload, mid, dup=True))
            self._say(client, "ready", PINGRESP)
        elif kind == 4:
            mid = struct.unpack("!H", packet[2:4])[0]
            with self._lock:
                self.owed.pop(mid, None)
                self.acked.append(mid)
        elif kind == 12:
            client.sendall(PINGRESP)

    def send(self, topic, payload):
        """Now if somebody listens, and at each connection until it is acknowledged."""
        with self._lock:
            self._mid += 1
            self.owed[self._mid] = (topic, payload)
            try:
                if self._client:
                    self._client.sendall(publish(topic, payload, self._mid))
            except OSError:
                self._client = None

    def close(self):
        self.stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for s in self._open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        for t in self._threads:
            t.join(5)


def hang(broker, seconds=None):
    broker.stop.wait(seconds)
    raise OSError


# ---- what it may do wrong ----

def _at(step, action):
    return lambda broker, client, now: action(broker, client) if now == step else None


def _drip(broker, client):
    """A packet that comes byte by byte and never ends."""
    client.sendall(publish("zigbee2mqtt/smoke-1", b"x" * 200)[:3])
    while not broker.stop.wait(0.5):
        client.sendall(b"z" if broker.connects == 1 else b"")


def _endless(broker, client):
    """Messages instead of an answer."""
    while not broker.stop.wait(0.05):
        client.sendall(publish("zigbee2mqtt/smoke-1", b"{}"))


def _half(broker, client):
    client.sendall(publish("zigbee2mqtt/smoke-1", b'{"smoke": true}', 77)[:-5])
    raise OSError


FAULTS = {
    "no answer to CONNECT": _at("connect", lambda broker, client: hang(broker)),
    "hangs up at CONNECT": _at("connect", lambda broker, client: hang(broker, 0)),
    "half an answer to CONNECT": _at("connect", lambda broker, client: (
        client.sendall(b"\x20\x02"), hang(broker))),
    "session present, and there is none": _at("connect", lambda *_: b"\x20\x02\x01\x00"),
    "a message before the answer to CONNECT": _at("connect", lambda *_: publish(
        "zigbee2mqtt/smoke-1", b"{}") + CONNACK),
    "two answers to CONNECT": _at("connect", lambda *_: CONNACK + CONNACK),
    "no answer to SUBSCRIBE": _at("subscribe", lambda broker, client: hang(broker)),
    "messages instead of an answer to SUBSCRIBE": _at("subscribe", _endless),
    "half an answer to SUBSCRIBE": _at("subscribe", lambda broker, client: (
        client.sendall(b"\x90\x04\x00"), hang(broker))),
    "an answer to another SUBSCRIBE": _at("subscribe", lambda *_: b"\x90\x04\x77\x77\x01\x01"),
    "an answer for one topic only": _at("subscribe", lambda *_: b"\x90\x03\x00\x01\x01"),
    "hangs up at SUBSCRIBE": _at("subscribe", lambda broker, client: hang(broker, 0)),
    "cut within a message": _at("ready", _half),
    "a message that never ends": _at("ready", _drip),
    "nothing more is said": _at("ready", lambda broker, client: hang(broker)),
    "a message of QoS 2": _at("ready", lambda *_: publish(
        "zigbee2mqtt/smoke-1", b"{}", 99, qos=2)),
    "a message of QoS 3": _at("ready", lambda *_: publish(
        "zigbee2mqtt/smoke-1", b"{}", 99, qos=3)),
    "a topic that is no text": _at("ready", lambda *_: b"\x30\x06\x00\x03\xff\xfe\xfd1"),
    "no MQTT": _at("ready", lambda *_: b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}
