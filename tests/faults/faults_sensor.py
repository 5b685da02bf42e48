# SPDX-License-Identifier: Apache-2.0
"""The sensor that speaks and is not heard: over-range, a dead point beside a living one, one bad
member in a message, an old retained value, a message that is too long."""
import contextlib
import os
import socket
import threading
import time

import harness
from peers import ModbusTcp
from trial import Family

family = Family("sensor")
OWN = r"^(zigbee|plant|hall)/[^:]*:(smoke|tank|door|high|fire)$"
SIDE = r":(unreadable|out-of-range|silent|chattering|down|bad)$|^gateway:|^city"
GAS = "plant/gas-1/ch4:high"
FIRE = "hall/room/smoke:fire"


def with_gas(fixture, point=None, more=()):
    """A Modbus device: holding 0 is CH4 in tenths of %LEL, others as given; 10 %LEL now."""
    plant = ModbusTcp(fixture.folder)
    fixture.closing.callback(plant.close)
    plant.set(3, "holding", 0, 100)
    ch4 = {"name": "ch4", "register": "holding:0", "type": "u16", "scale": 0.1, "unit": "%LEL",
           "range": [0, 100], **(point or {})}
    fixture.more_sources = [{"name": "plant", "driver": "modbus-tcp", "host": "127.0.0.1",
                         "port": plant.port, "poll": "100ms", "timeout": "300ms", "devices": [
                             {"name": "gas-1", "unit": 3, "points": [ch4, *more]}]}]
    fixture.more_alarms = [{"name": "high", "on": "plant/gas-1/ch4", "when": {"above": 50,
                        "clear": 45}, "level": "red", "class": "alarm"}]
    fixture.own, fixture.side = OWN, SIDE
    fixture.gateway.write(fixture.config())
    return plant


def over_range(fixture):
    """10 %LEL, then 105: above the measuring range, and well above the limit."""
    plant = with_gas(fixture)
    fixture.start()
    fixture.gateway.wait_up("plant")
    fixture.gateway.wait_point("plant/gas-1/ch4", 10)
    fixture.expect(GAS, "raised")
    plant.set(3, "holding", 0, 1050)
    fixture.judge(within=10)
    fixture.expect(GAS, "cleared")
    plant.set(3, "holding", 0, 100)
    fixture.judge(within=10)


family.add("over-range", over_range, fault="a value above the measuring range")


def dead_point(fixture, spoil):
    """One point becomes unusable while its neighbour answers: said within the silence time."""
    plant = with_gas(fixture, more=({"name": "other", "register": "holding:100", "type": "u16"},
                                {"name": "level", "register": "holding:200", "type": "f32"}))
    if spoil == "nan":
        fixture.more_alarms[0]["on"] = "plant/gas-1/level"
        fixture.gateway.write(fixture.config())
    fixture.start()
    fixture.gateway.wait_up("plant")
    fixture.gateway.wait_point("plant/gas-1/ch4", 10)
    fixture.reported = r":unreadable"
    if spoil == "exception":
        plant.tell("hole", 3, "holding", 0, 1)
    else:
        plant.set(3, "holding", 200, 0x7fc0, 0)
    fixture.judge_reported(within=20)
    if spoil == "exception":
        plant.tell("fill", 3, "holding", 0, 1)
        fixture.expect(GAS, "raised", 15000)  # found again when it is next asked for
        plant.set(3, "holding", 0, 600)
        fixture.judge(within=20)


for spoil in ("exception", "nan"):
    family.add(f"dead-point-{spoil}", dead_point, spoil,
               fault="a dead point beside a living one")


# ---- MQTT

def with_room(fixture, port=None, points=None, **device):
    """One more MQTT device with several members in a message."""
    topic = f"{fixture.topic}/room"
    points = points or [{"name": "smoke", "type": "bool"},
                        {"name": "temperature", "unit": "°C"}, {"name": "battery", "unit": "%"}]
    fixture.more_sources = [{"name": "hall", "driver": "mqtt",
                         "url": f"mqtt://127.0.0.1:{port or fixture.shared.broker.port}",
                         "client_id": fixture.topic.replace("/", "-") + "-hall",
                         "devices": [{"name": "room", "topic": topic, "points": points, **device}]}]
    fixture.more_alarms = [{"name": "fire", "on": "hall/room/smoke", "when": {"is": True},
                        "level": "red", "class": "alarm"}]
    fixture.own, fixture.side = OWN, SIDE
    fixture.gateway.write(fixture.config())
    return topic


BAD_MEMBERS = {
    "nan": b'{"smoke":%s,"temperature":nan}',
    "gbk": b'{"smoke":%s,"place":"\xb9\xf8\xc2\xaf"}',
    "nul-escape": b'{"smoke":%s,"na\\u0000me":1}',
    "duplicate": b'{"smoke":%s,"battery":1,"battery":2}',
    "trailing-nul": b'{"smoke":%s}\0',
    "bom": b'\xef\xbb\xbf{"smoke":%s}',
    "tab": b'{"smoke":%s,"text":"a\tb"}',
}


def bad_member(fixture, raw):
    topic = with_room(fixture)
    fixture.start()
    fixture.gateway.wait_up("hall")
    for value, change in ((b"true", "raised"), (b"false", "cleared")):
        fixture.expect(FIRE, change)
        fixture.shared.publisher.send(topic, bytearray(raw % value))
    fixture.judge(within=10)


for name, raw in BAD_MEMBERS.items():
    family.add(f"bad-member-{name}", bad_member, raw, fault="one bad member in a message")


def one_key_at_a_time(fixture):
    """A message with one configured key only: the others are not said, and nobody is silent."""
    topic = with_room(fixture, expect_every="2s")
    fixture.start()
    fixture.gateway.wait_up("hall")
    fixture.shared.publisher.send(topic, '{"temperature": 21, "battery": 90, "smoke": false}')
    fixture.gateway.wait_point("hall/room/battery", 90)
    fixture.side = "^$"
    for value, change in (("true", "raised"), ("false", "cleared")):
        fixture.expect(FIRE, change)
        fixture.shared.publisher.send(topic, f'{{"smoke": {value}}}')
        time.sleep(0.5)
    quality = fixture.gateway.point("hall/room/battery")["quality"]
    fixture.require([] if quality == "good" else [f"I4 battery is {quality}, which nobody said"])
    fixture.judge(within=10)


family.add("one-key-at-a-time", one_key_at_a_time, fault="a message without a configured key")


def stale_retained(fixture, how):
    """Retained false, then live true: the alarm stands, and an old retained value that comes
    again with SUBSCRIBE clears nothing; nor does an old retained true raise a second time."""
    broker = harness.Broker(fixture.folder / "own-broker")
    fixture.closing.callback(broker.close)
    publisher = harness.Publisher(broker.port)
    fixture.closing.callback(publisher.close)
    topic = with_room(fixture, broker.port)
    publisher.send(topic, '{"smoke": false}', retain=True)
    fixture.start()
    fixture.gateway.wait_up("hall")
    harness.wait_for(lambda: fixture.gateway.point("hall/room/smoke")["value"] == 0, "retained")
    fixture.expect(FIRE, "raised")
    publisher.send(topic, '{"smoke": true}')
    fixture.arrived()
    if how == "broker":
        broker.stop()
        harness.wait_for(lambda: fixture.gateway.source("hall")["state"] != "up", "the link is lost")
        broker.start()
    else:
        fixture.kill()
        fixture.start()
    fixture.gateway.wait_up("hall", within=30)
    time.sleep(1)  # what must not happen would happen now
    fixture.judge(within=10)
    assert fixture.gateway.alarm(FIRE)["state"].startswith("active"), "I4 cleared by an old value"
    publisher2 = harness.Publisher(broker.port)
    fixture.closing.callback(publisher2.close)
    fixture.expect(FIRE, "cleared")
    publisher2.send(topic, '{"smoke": false}')
    fixture.judge(within=10)


for how in ("kill", "broker"):
    family.add(f"stale-retained-{how}", stale_retained, how,
               fault="an old retained value after a restart")


class Throttle:
    """A TCP proxy before a broker that speaks MQTT 3.1.1 only, and lets so many bytes a second
    through to the client."""

    def __init__(self, port, rate):
        self.to, self.rate, self.open = port, rate, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if b"\0\4MQTT\5" in near.recv(64, socket.MSG_PEEK):
                near.sendall(b"\x20\2\0\1")  # CONNACK: unacceptable protocol version
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.to))
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.open += [near, far]
            threading.Thread(target=self._pump, args=(near, far, 0), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, self.rate), daemon=True).start()

    @staticmethod
    def _pump(a, b, rate):
        with contextlib.suppress(OSError):
            while data := a.recv(8192):
                b.sendall(data)
                if rate:
                    time.sleep(len(data) / rate)
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        for s in self.open:
            s.close()


def too_long(fixture):
    """A 1 MB message on a topic of a 3.1.1 broker over a slow link: it comes in pieces. It is
    drained and counted, and smoke on another topic is raised, now and after a restart."""
    broker = harness.Broker(fixture.folder / "own-broker")
    fixture.closing.callback(broker.close)
    proxy = Throttle(broker.port, 4 << 20)
    fixture.closing.callback(proxy.close)
    publisher = harness.Publisher(broker.port)
    fixture.closing.callback(publisher.close)
    topic = with_room(fixture, proxy.port)
    fixture.more_sources[0]["devices"].append(
        {"name": "chatty", "topic": topic + "/chatty", "points": [{"name": "v", "path": "/v"}]})
    fixture.gateway.write(fixture.config())
    fixture.start()
    fixture.gateway.wait_up("hall", within=30)
    publisher.send(topic + "/chatty", os.urandom(500_000).hex())
    for k in range(2):
        fixture.expect(FIRE, "raised", 15000)
        publisher.send(topic, '{"smoke": true}')
        fixture.expect(FIRE, "cleared", 15000)
        publisher.send(topic, '{"smoke": false}')
        fixture.judge(within=20)
        if k == 0:
            fixture.restart()


family.add("message-too-long", too_long, fault="an over-long message, then smoke on another topic")
