# SPDX-License-Identifier: Apache-2.0
"""The sensor that speaks and is not heard: for each driver each way in which a device answers
without a value, which fault it is, and within which time. One device a row beside a good point."""
import json
import re
import threading
import time

import pytest

import building as b
import harness
from harness import wait_for

SILENCE = 2.0  # seconds of every device here
# What is raised, how long after the refusal (of a value outside the range: its first sample).
UNREADABLE, OUT, SILENT = "unreadable", "out-of-range", "silent"


class Row:
    """One device: how it is spoilt, what quality its point has then, which fault is raised."""

    def __init__(self, name, quality, fault, spoil, said=None, **point):
        self.name, self.quality, self.fault, self.said = name, quality, fault, said
        self.spoil, self.point = spoil, point


def regs(*values):
    return lambda plant, unit: plant.set(unit, "holding", 0, *values)


def hole(table="holding"):
    return lambda plant, unit: plant.tell("hole", unit, table, 0, 2)


def mute(plant, unit):
    plant.mute(unit)


F32 = {"type": "f32", "range": [0, 100], "valid": [-50, 400], "invalid": [85, -127]}
U16 = {"type": "u16", "scale": 0.1, "range": [0, 100]}
S16 = {"type": "s16", "invalid": ["raw:0x7FFF", "raw:0x8000"]}
MODBUS = [
    Row("above", "uncertain-over-range", OUT, regs(1050), **U16),
    Row("far-above", "uncertain-over-range", OUT, regs(65535), **U16),
    Row("below", "uncertain-under-range", OUT, regs(0xC120, 0), **F32),      # -10
    Row("over-valid", "bad-invalid", UNREADABLE, regs(0x43FA, 0), "500", **F32),
    Row("under-valid", "bad-invalid", UNREADABLE, regs(0xC28C, 0), "-70", **F32),
    Row("power-on", "bad-invalid", UNREADABLE, regs(0x42AA, 0), "85", **F32),
    Row("gone", "bad-invalid", UNREADABLE, regs(0xC2FE, 0), "-127", **F32),
    Row("nan", "bad-invalid", UNREADABLE, regs(0x7FC0, 0), "finite", **F32),
    Row("infinite", "bad-invalid", UNREADABLE, regs(0x7F80, 0), "finite", **F32),
    Row("open", "bad-invalid", UNREADABLE, regs(0x7FFF), "32767", **S16),
    Row("short", "bad-invalid", UNREADABLE, regs(0x8000), "-32768", **S16),
    Row("contact", "bad-invalid", UNREADABLE, regs(0xFFFF), None, type="bool",
        invalid=["raw:0xFFFF"]),
    Row("hole", "bad-refused", UNREADABLE, hole(),
        r"illegal data address \(exception 2\)", type="u16"),
    Row("dead", "silent", SILENT, mute, None, type="u16"),
]


def alarm(name, source):
    return {"name": name, "on": f"{source}/*/p", "level": "red", "class": "alarm"}


def faults(source):
    """Every device is silent after SILENCE; outside of its range a point is told as fast."""
    return [{"name": "silent", "on": f"{source}/*", "when": {"silent": f"{SILENCE:g}s"}},
            {"name": OUT, "on": f"{source}/*/p", "on_delay": f"{SILENCE:g}s"}]


def key(source, row):
    return f"{source}/{row.name}:silent" if row.fault == SILENT else (
        f"{source}/{row.name}/p:{row.fault}")


def config(source, alarms):
    """In a flood of faults each is told all the same."""
    return {**b.config(source, alarms=alarms), "gateway": {"flood_level": "none"}}


def standing(g):
    return {a["alarm"]: a for a in g.ask("alarms") if a["state"].startswith("active")}


def told(g):
    """The faults that were ever raised."""
    return {f'{x["subject"]}:{x["name"]}' for x in g.lines() if x["change"] == "raised"}


def check(g, source, rows, began):
    """Each has its fault in its time and no other, its quality, and its one line in the log."""
    want = {key(source, row) for row in rows}
    wait_for(lambda: want <= set(standing(g)), lambda: str(sorted(want - set(standing(g)))),
             4 * SILENCE + 4)
    for row in rows:
        point = g.point(f"{source}/{row.name}/p")
        dead = row.fault == SILENT and point["quality"] == "bad-timeout"  # said since
        assert dead or point["quality"] == row.quality, (row.name, point)
        assert (point["value"] is None) == (row.fault != OUT), (row.name, point)
    wrong = {a for a in told(g) if a.rpartition(":")[2] in (UNREADABLE, OUT, SILENT)} - want
    assert not wrong, wrong
    for row in rows:
        lines = re.findall(rf"{source}/{row.name}/p: no value: .*", g.log())
        assert len(lines) == (row.fault == UNREADABLE), (row.name, lines)
        if row.said:
            assert re.search(row.said, lines[0]), (row.name, lines)
    assert time.monotonic() - began > SILENCE * 0.9


def clears(g, source, rows):
    """All is as before: every fault is gone, and the log says so once."""
    wait_for(lambda: not [a for a in standing(g).values() if a["class"] == "fault"],
             lambda: str(list(standing(g))), 10 * SILENCE)
    for row in rows:
        lines = re.findall(rf"{source}/{row.name}/p: readable again after \d\d:\d\d:\d\d",
                           g.log())
        assert len(lines) == (row.fault == UNREADABLE), (row.name, lines)


@pytest.mark.parametrize("peer", ("plant", "bus"))
def test_modbus(gateway, request, peer):
    far = request.getfixturevalue(peer)
    devices = []
    for unit, row in enumerate(MODBUS, 1):
        far.set(unit, "holding", 0, 0, 0, 7)
        point = {"register": "holding:0", **row.point}
        devices.append({"name": row.name, "unit": unit, "points": [
            {"name": "p", **point}, {"name": "good", "register": "holding:2"}]})
    one = b.modbus_tcp(far.port, *devices) if peer == "plant" else b.modbus_rtu(
        far.device, *devices, name="plant")
    one["poll"] = "300ms"
    bools = {row.name for row in MODBUS if row.point.get("type") == "bool"}
    high = [{**alarm("high", "plant"), "on": f"plant/{row.name}/p",
             "when": {"is": True} if row.name in bools else {"above": 400}} for row in MODBUS]
    g = gateway(config(one, [*high, *faults("plant")])).start()
    for row in MODBUS:
        g.wait_point(f"plant/{row.name}/p", 0, within=20)
    began = time.monotonic()
    for unit, row in enumerate(MODBUS, 1):
        row.spoil(far, unit)
    check(g, "plant", MODBUS, began)
    assert "plant/far-above/p:high" in standing(g)  # 6553.5, out of its range: it drives all the same
    assert not {"plant/contact/p:high", "plant/over-valid/p:high"} & set(standing(g))
    for unit, row in enumerate(MODBUS, 1):
        if row.spoil is mute:
            far.unmute(unit)
        far.tell("fill", unit, "holding", 0, 2)
        far.set(unit, "holding", 0, 0, 0, 7)
    clears(g, "plant", MODBUS)


def test_modbus_from_the_start(gateway, plant):
    """A register that was never there: neither is that a reason to be quiet."""
    plant.set(1, "holding", 0, 0, 0, 7)
    plant.tell("hole", 1, "holding", 0, 1)
    device = {"name": "never", "unit": 1, "points": [
        {"name": "p", "register": "holding:0"}, {"name": "good", "register": "holding:2"},
        {"name": "nobody", "register": "holding:0"}]}
    g = gateway(config(b.modbus_tcp(plant.port, device), [
        {**alarm("high", "plant"), "when": {"above": 400}}, faults("plant")[0]])).start()
    g.wait_state("plant/never/p:unreadable", "active-unacked", within=4 * SILENCE)
    assert not [a for a in g.ask("alarms", "--all") if a["alarm"].endswith("nobody:unreadable")]
    assert "plant/never:silent" not in told(g)


@pytest.mark.long
def test_modbus_without_a_word_of_configuration(gateway, plant):
    """The times nobody has to configure: ten seconds each."""
    plant.set(3, "holding", 0, 300, 0)
    g = gateway(config(b.modbus_tcp(plant.port, b.gas()), [
        b.GAS_HIGH, {"name": "fault", "on": "*/gas-*/sensor-fault", "when": {"is": True}}])).start()
    g.wait_point("plant/gas-1/ch4", 30)
    began = time.monotonic()
    plant.set(3, "holding", 0, 1050, 0)
    plant.tell("hole", 3, "holding", 1, 1)
    g.wait_state("plant/gas-1/ch4:ch4-high", "active-unacked")  # at once
    assert time.monotonic() - began < 5 * harness.SLOW
    for fault in ("ch4:out-of-range", "sensor-fault:unreadable"):
        g.wait_state(f"plant/gas-1/{fault}", "active-unacked", within=20)
        assert time.monotonic() - began > 9
        assert g.alarm(f"plant/gas-1/{fault}")["class"] == "fault"
    assert "plant/gas-1:silent" not in told(g)


def text(payload):
    return lambda send: send(payload)


NUMBER = {"unit": "°C", "range": [0, 100], "valid": [-50, 400],
          "invalid": [85, -127, "raw:32767"]}
BOOL = {"type": "bool"}
MQTT = [
    Row("above", "uncertain-over-range", OUT, text('{"p": 150, "good": 1}'), **NUMBER),
    Row("below", "uncertain-under-range", OUT, text('{"p": -1, "good": 1}'), **NUMBER),
    Row("over-valid", "bad-invalid", UNREADABLE, text('{"p": 999.9, "good": 1}'), "999.9",
        **NUMBER),
    Row("power-on", "bad-invalid", UNREADABLE, text('{"p": 85, "good": 1}'), "85", **NUMBER),
    Row("gone", "bad-invalid", UNREADABLE, text('{"p": -127.0, "good": 1}'), "-127", **NUMBER),
    Row("raw", "bad-invalid", UNREADABLE, text('{"p": 32767, "good": 1}'), "32767", **NUMBER),
    Row("null", "bad-payload", UNREADABLE, text('{"p": null, "good": 1}'), "null", **NUMBER),
    Row("word", "bad-payload", UNREADABLE, text('{"p": "n/a", "good": 1}'), "n/a", **NUMBER),
    Row("object", "bad-payload", UNREADABLE, text('{"p": {"x": 1}, "good": 1}'), None, **NUMBER),
    Row("two", "bad-payload", UNREADABLE, text('{"p": 2, "good": 1}'), None, **BOOL),
    Row("perhaps", "bad-payload", UNREADABLE, text('{"p": "perhaps", "good": 1}'), "perhaps",
        **BOOL),
    Row("truth", "bad-payload", UNREADABLE, text('{"p": true, "good": 1}'), None, **NUMBER),
    Row("quiet", "silent", SILENT, lambda send: None, None, **NUMBER),
]


class Speaking:
    """Devices that say their last word again and again, as those that are heard do."""

    def __init__(self, publisher, words):
        self.publisher, self.words, self.ended = publisher, dict(words), threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ended.wait(0.3):
            for topic, payload in self.words.items():
                if payload is not None:
                    self.publisher.send(topic, payload, wait=False)

    def close(self):
        self.ended.set()
        self.thread.join()


def mqtt_devices(rows):
    return [{"name": row.name, "topic": f"t/{row.name}", "expect_every": f"{SILENCE:g}s",
             "points": [{"name": "p", **row.point}, {"name": "good"}]} for row in rows]


def alarms_of(rows):
    return [{**alarm("high", "zigbee"), "on": f"zigbee/{row.name}/p",
             "when": {"is": True} if row.point.get("type") == "bool" else {"above": 400}}
            for row in rows]


def test_mqtt(gateway, broker, publisher, closing):
    g = gateway(config(b.mqtt(broker.port, *mqtt_devices(MQTT)),
                         [*alarms_of(MQTT), faults("zigbee")[1]])).start()
    g.wait_up("zigbee")
    good = {f"t/{row.name}": '{"p": 0, "good": 1}' for row in MQTT}
    devices = closing(Speaking(publisher, good))
    for row in MQTT:
        g.wait_point(f"zigbee/{row.name}/p", 0)
    began = time.monotonic()
    for row in MQTT:
        devices.words[f"t/{row.name}"] = None
        row.spoil(lambda payload, row=row: devices.words.update({f"t/{row.name}": payload}))
    check(g, "zigbee", MQTT, began)
    devices.words.update(good)
    clears(g, "zigbee", MQTT)


def test_mqtt_may_keep_still(gateway, broker, publisher, closing):
    """What is said on change only is no fault while nothing changes; what has never been said
    is one where the device has a time of silence, and none where it has not."""
    rows = [Row(name, "good", None, None, **BOOL) for name in ("still", "never", "bare", "null")]
    devices = mqtt_devices(rows)
    del devices[2]["expect_every"]
    g = gateway(config(b.mqtt(broker.port, *devices), alarms_of(rows))).start()
    g.wait_up("zigbee")
    for name in ("still", "null"):
        publisher.send(f"t/{name}", '{"p": false, "good": 1}')
        g.wait_point(f"zigbee/{name}/p", 0)
    publisher.send("t/null", '{"p": null, "good": 1}')  # refused once, and not said since
    g.wait_point("zigbee/null/p", quality="bad-payload")
    closing(Speaking(publisher, {f"t/{row.name}": '{"good": 1}' for row in rows}))
    want = {"zigbee/never/p:unreadable", "zigbee/null/p:unreadable"}
    wait_for(lambda: told(g) >= want, lambda: str(told(g)), 4 * SILENCE)
    harness.stays(lambda: told(g) == want, lambda: str(told(g)), 3 * SILENCE)
    assert g.point("zigbee/still/p")["quality"] == "good"


# A simulated point is out of its range, or what is not a value, from the third second on.
def simulated(name, quality, fault, value, said=None):
    return Row(name, quality, fault, value, said, script=[["3s", value], ["15s", 0]], **{
        "range": [-1, 100], "valid": [-50, 400], "invalid": [85, -127]})


SIM = [
    simulated("above", "uncertain-over-range", OUT, 101),
    simulated("far-above", "uncertain-over-range", OUT, 399),
    simulated("below", "uncertain-under-range", OUT, -2),
    simulated("over-valid", "bad-invalid", UNREADABLE, 401, "401"),
    simulated("under-valid", "bad-invalid", UNREADABLE, -51, "-51"),
    simulated("power-on", "bad-invalid", UNREADABLE, 85, "85"),
    simulated("gone", "bad-invalid", UNREADABLE, -127, "-127"),
]


def test_sim(gateway):
    devices = [{"name": row.name, "points": [{"name": "p", **row.point}, {"name": "good"}]}
               for row in SIM]
    devices.append({"name": "dead", "dead": ["3s", "15s"],
                    "points": [{"name": "p"}, {"name": "good"}]})
    source = {"name": "sim", "driver": "sim", "poll": "100ms", "devices": devices}
    rows = [*SIM, Row("dead", "silent", SILENT, None)]
    began = time.monotonic() + 1
    g = gateway(config(source, [
        {**alarm("high", "sim"), "when": {"above": 300}}, *faults("sim")[:1],
        {"name": OUT, "on": "sim/*/p", "on_delay": f"{SILENCE:g}s"}])).start()
    check(g, "sim", rows, began)
    assert {"sim/far-above/p:high"} == {a for a in standing(g) if a.endswith("high")}
    clears(g, "sim", rows)


def test_the_table_is_whole():
    """What is promised of it."""
    assert len(MODBUS) + len(MQTT) + len(SIM) == 34
    for rows in (MODBUS, MQTT, SIM):
        assert len({row.name for row in rows}) == len(rows)
        assert {row.fault for row in rows} >= {UNREADABLE, OUT}
    json.dumps([row.point for row in MODBUS + MQTT + SIM])  # it can be written into a file
