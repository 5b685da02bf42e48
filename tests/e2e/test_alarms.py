# SPDX-License-Identifier: Apache-2.0
"""An alarm is raised and cleared over every protocol, and says what the design promises."""
import re
import subprocess
import uuid

import building as b
import harness
import oracle
import pytest
from judge import judge

FIELDS = ("gateway, unit, area, grid, alarm, name, occurrence, seq, run, durable, point, source, "
          "device, place, change, state, level, class, text, value, unit_of_measure, limit, "
          "condition, onset, since_boot_ms, boot, clock, quality, peak, confirmed_by").split(", ")


@pytest.mark.smoke
def test_raise_and_clear_over_mqtt(gateway, broker, publisher, city, ledger):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1), b.smoke(2)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False, "battery": 97})
    g.wait_point("zigbee/smoke-1/battery", 97)
    alarm = "zigbee/smoke-1/smoke:smoke"
    for _ in range(3):
        ledger.will(alarm, "raised")
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": True, "battery": 97})
        ledger.will(alarm, "cleared")
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": False, "battery": 97})
    city.until(alarm, "cleared", 3)
    judge(g, city, ledger)
    assert [x["name"] for x in g.lines()] == ["smoke"] * 6


def test_an_alarm_that_chatters_is_reported_once(gateway, broker, publisher, city, ledger):
    at_once = {"name": "chattering", "on": "zigbee/smoke-*", "on_delay": "0s"}
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE, at_once],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    alarm = "zigbee/smoke-1/smoke:smoke"
    for times in range(6):
        ledger.will(alarm, "raised")
        if times == 2:  # the third within a minute
            ledger.will("zigbee/smoke-1:chattering", "raised")
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": True, "battery": 97})
        ledger.will(alarm, "cleared")
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": False, "battery": 97})
    city.until(alarm, "cleared", 6)
    judge(g, city, ledger)
    fault = city.seen_events("zigbee/smoke-1:chattering", "raised")[0].data
    assert fault["class"] == "fault" and fault["confirmed_by"] == [alarm]


@pytest.mark.smoke
def test_raise_and_clear_over_modbus_tcp(gateway, plant, city, ledger):
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_LOW, b.GAS_HIGH],
                         uplinks=[city.uplink()])).start()
    g.wait_point("plant/gas-1/ch4", 10)
    gas_goes_up_and_down(plant, "plant", city, ledger)
    judge(g, city, ledger)


@pytest.mark.smoke
def test_raise_and_clear_over_modbus_rtu(gateway, bus, city, ledger):
    bus.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_rtu(bus.device, b.gas()), alarms=[b.GAS_LOW, b.GAS_HIGH],
                         uplinks=[city.uplink()])).start()
    g.wait_point("boiler-room/gas-1/ch4", 10)
    gas_goes_up_and_down(bus, "boiler-room", city, ledger)
    judge(g, city, ledger)


def gas_goes_up_and_down(peer, source, city, ledger):
    key = f"{source}/gas-1/ch4:"
    for tenths, change, name in ((210, "raised", "ch4-low"), (523, "raised", "ch4-high"),
                                 (449, "cleared", "ch4-high"), (170, "cleared", "ch4-low")):
        ledger.will(key + name, change, value=tenths / 10)
        peer.set(3, "holding", 0, tenths, 0)
        event = city.until(key + name, change)
        assert event.data["value"] == tenths / 10 and event.data["unit_of_measure"] == "%LEL"
        assert event.data["place"] == {"building": "A", "floor": "-1", "room": "锅炉房"}


def test_hysteresis_holds_between_limit_and_clear(gateway, plant, city, ledger):
    plant.set(3, "holding", 0, 510, 0)
    ledger.will("plant/gas-1/ch4:ch4-high", "raised")  # true at start: raises
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                         uplinks=[city.uplink()])).start()
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    for tenths in (460, 510, 455, 505):
        plant.set(3, "holding", 0, tenths, 0)
        g.wait_point("plant/gas-1/ch4", tenths / 10)
    judge(g, city, ledger)


def test_what_is_suppressed_or_out_of_service_says_so_and_nothing_else(
        gateway, plant, city, ledger):
    plant.set(3, "holding", 0, 600, 0)  # at once over both limits
    high, low = (f"plant/gas-1/ch4:{x}" for x in ("ch4-high", "ch4-low"))
    ledger.will(high, "raised")
    off = {"name": "off", "on": "plant/gas-1/ch4", "when": {"above": 1}, "out_of_service": True}
    g = gateway(b.config(
        b.modbus_tcp(plant.port, b.gas()), uplinks=[city.uplink()],
        alarms=[{**b.GAS_LOW, "unless": "ch4-high"}, b.GAS_HIGH, off])).start()
    city.until(high, "raised")
    def states():
        return {a["name"]: a["state"] for a in g.ask("alarms")}
    harness.wait_for(lambda: states() == {"ch4-high": "active-unacked", "ch4-low": "suppressed",
                                          "off": "out-of-service"}, lambda: str(states()))
    refused = g.run("ack", "plant/gas-1/ch4:off")
    assert refused.returncode == 1 and "out of service" in refused.stderr
    ledger.will(high, "cleared")
    ledger.will(low, "raised")
    plant.set(3, "holding", 0, 300, 0)
    assert city.until(low, "raised").data["onset"] < city.until(high, "cleared").event["time"]
    judge(g, city, ledger)


def test_a_contact_whose_device_has_died_mutes_nothing(gateway, plant, city, ledger):
    plant.set(3, "holding", 0, 600, 0)
    plant.set(7, "discrete", 4, 1)
    high = "plant/gas-1/ch4:ch4-high"
    g = gateway(b.config(
        b.modbus_tcp(plant.port, b.gas(), b.supply()), uplinks=[city.uplink()],
        alarms=[{**b.GAS_HIGH, "unless": "plant/supply/pump-fault", "on_delay": "1s"}])).start()
    g.wait_state(high, "suppressed")
    ledger.will(high, "raised")
    plant.mute(7)
    raised = city.until(high, "raised", within=20)
    assert raised.data["onset"] < raised.event["time"]
    judge(g, city, ledger, only="ch4-high")


def test_what_began_on_a_shelf_is_raised_when_it_ends(gateway, plant, city, ledger):
    plant.set(3, "holding", 0, 100, 0)
    low = "plant/gas-1/ch4:ch4-low"
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), uplinks=[city.uplink()],
                         alarms=[b.GAS_LOW])).start()
    g.wait_point("plant/gas-1/ch4", 10)
    assert g.ask("shelve", low, "--for", "1h")["state"] == "shelved"
    plant.set(3, "holding", 0, 300, 0)
    g.wait_point("plant/gas-1/ch4", 30)
    g.kill()
    g.start()
    g.wait_point("plant/gas-1/ch4", 30)
    assert g.alarm(low)["state"] == "shelved"
    g.reload()
    ledger.will(low, "raised")
    assert g.ask("unshelve", low)["state"] == "active-unacked"
    raised, off = city.until(low, "raised"), city.until(low, "unshelved")
    assert raised.seq == off.seq + 1 and off.data["state"] == "normal"
    assert raised.data["onset"] < off.event["time"]
    assert g.ask("shelve", low, "--for", "1h")["state"] == "shelved"
    assert g.ask("unshelve", low)["state"] == "active-unacked"
    city.until(low, "unshelved", 2)
    judge(g, city, ledger)  # raised once


def test_every_type_and_order_of_register(gateway, plant):
    plant.set(7, "input", 0, 0xFF9C)               # -100 tenths
    plant.set(7, "holding", 0x07D0, 0x999A, 0x3E99)  # 0.3 as CDAB
    plant.set(7, "holding", 10, 0x0001, 0x86A0)      # 100000 thousandths as ABCD
    plant.set(7, "discrete", 4, 1)
    plant.set(7, "coil", 2, 1)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.supply()))).start()
    g.wait_point("plant/supply/temperature", -10)
    assert g.wait_point("plant/supply/pressure")["value"] == pytest.approx(0.3)
    assert g.wait_point("plant/supply/flow")["value"] == pytest.approx(100)
    assert g.wait_point("plant/supply/pump-fault")["value"] in (1, True)
    assert g.wait_point("plant/supply/valve-open")["value"] in (1, True)


def test_pymodbus_as_the_other_end(gateway, folder, closing, city, ledger):
    """Both ends are not one library."""
    from peers import Pymodbus
    peer = closing(Pymodbus(folder))
    peer.set(3, "holding", 0, 100, 0)
    peer.set(7, "input", 0, 655)
    g = gateway(b.config(b.modbus_tcp(peer.port, b.gas(), b.supply()),
                         alarms=[b.GAS_LOW, b.GAS_HIGH], uplinks=[city.uplink()])).start()
    g.wait_point("plant/gas-1/ch4", 10)
    g.wait_point("plant/supply/temperature", 65.5)
    gas_goes_up_and_down(peer, "plant", city, ledger)
    judge(g, city, ledger)


def test_the_event_says_everything(gateway, broker, publisher, city):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    raised = city.until("zigbee/smoke-1/smoke:smoke", "raised")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    cleared = city.until("zigbee/smoke-1/smoke:smoke", "cleared")
    for event in (raised, cleared):
        assert sorted(set(FIELDS) - set(event.data)) == []
        assert event.event["specversion"] == "1.0"
        assert event.event["source"] == "urn:tocsin:box"
        assert event.event["type"] == f"tocsin.alarm.{event.change}"
        assert re.fullmatch(r"box-[1-9]\d*-\d{10}", event.id)
        assert abs(oracle.parse_time_ms(event.event["time"]) - oracle.wall_ms()) < 60_000
    d = raised.data
    life = uuid.UUID(d["occurrence"])
    assert life.version == 7 and cleared.data["occurrence"] == d["occurrence"]
    boot = open("/proc/sys/kernel/random/boot_id", encoding="ascii").read().strip()
    expected = {"gateway": "box", "unit": "天津市和平区示例大厦", "area": "120101",
                "grid": "120101003012004", "name": "smoke", "source": "zigbee",
                "device": "smoke-1", "point": "zigbee/smoke-1/smoke", "change": "raised",
                "state": "active-unacked", "level": "orange", "class": "alarm",
                "text": "感烟探测器报警", "quality": "good", "boot": boot,
                "place": {"building": "A", "floor": "3", "room": "走廊"}}
    assert {k: d[k] for k in expected} == expected
    assert d["value"] in (1, True) and d["clock"] in ("synced", "unsynced")
    assert d["run"] >= 1 and d["seq"] == 1 and d["durable"] in (True, False)


def test_the_alert_log_line(gateway, broker, publisher):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1), b.plain("hydrant", "water/pressure")),
                         alarms=[b.SMOKE, {"name": "low", "on": "zigbee/hydrant/value",
                                           "when": {"below": 0.1, "clear": 0.12}}])).start()
    g.wait_up("zigbee")
    publisher.send("water/pressure", "0.05")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    harness.wait_for(lambda: len(g.lines()) == 2, lambda: str(g.lines()))
    low, smoke = g.lines()
    assert (low["level"], low["change"], low["subject"], low["name"], low["words"]) == (
        "YELLOW", "raised", "zigbee/hydrant/value", "low", "0.05 MPa below 0.1")
    assert low["place"] == "A/12/hydrant" and low["seq"] == 1
    assert smoke["level"] == "ORANGE" and smoke["place"] == "A/3/走廊" and smoke["seq"] == 2


def test_two_detectors_confirm_but_never_hold_back_the_first(gateway, broker, publisher, city):
    vote = {"name": "smoke-confirmed", "when": {"at_least": 2, "of": ["zigbee/smoke-*/smoke"],
                                                "within": "60s"}, "level": "red", "class": "alarm"}
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1), b.smoke(2)), alarms=[b.SMOKE, vote],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    assert not city.seen_events("smoke-confirmed")
    publisher.send("zigbee2mqtt/smoke-2", {"smoke": True})
    confirmed = city.until("smoke-confirmed", "raised")
    assert confirmed.data["level"] == "red" and len(confirmed.data["confirmed_by"]) == 2
    judge(g, city)


def test_several_levels_on_one_point(gateway, plant, city):
    """From normal straight over both limits: both are told (collectd#578)."""
    plant.set(3, "holding", 0, 0, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_LOW, b.GAS_HIGH],
                         uplinks=[city.uplink()])).start()
    g.wait_point("plant/gas-1/ch4", 0)
    plant.set(3, "holding", 0, 900, 0)
    city.until("plant/gas-1/ch4:ch4-low", "raised")
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    judge(g, city)


def test_on_delay_and_off_delay(gateway, broker, publisher, city, ledger):
    slow = {"name": "low", "on": "zigbee/hydrant/value", "when": {"below": 0.1, "clear": 0.12},
            "on_delay": "1s", "off_delay": "1s"}
    g = gateway(b.config(b.mqtt(broker.port, b.plain("hydrant", "water/pressure")),
                         alarms=[slow], uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    for value in (0.05, 0.5, 0.04, 0.6):  # shorter than the delay: nothing
        publisher.send("water/pressure", str(value))
        g.wait_point("zigbee/hydrant/value", value)
    ledger.will("zigbee/hydrant/value:low", "raised")
    publisher.send("water/pressure", "0.03")
    city.until("zigbee/hydrant/value:low", "raised")
    publisher.send("water/pressure", "0.7")
    g.wait_point("zigbee/hydrant/value", 0.7)
    publisher.send("water/pressure", "0.02")
    g.wait_point("zigbee/hydrant/value", 0.02)
    ledger.will("zigbee/hydrant/value:low", "cleared")
    publisher.send("water/pressure", "0.8")
    city.until("zigbee/hydrant/value:low", "cleared")
    judge(g, city, ledger)


def test_a_retained_current_state_raises_once(gateway, broker, publisher, city, ledger):
    ledger.will("zigbee/smoke-1/smoke:smoke", "raised")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True}, retain=True)
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    g.restart()
    g.wait_up("zigbee")
    judge(g, city, ledger)


PAYLOADS = ('{"smoke": tru', '{"smoke": true, "smoke": true}', "[]", "", '{"smoke": 2}', '{"smoke": "perhaps"}', '{"smoke": null}',
            '{"smoke": {}}', "\xff\xfe", '{"smoke": 1e999}', "[" * 50_000)


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_bad_payload_is_never_a_value(gateway, broker, publisher, payload):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE])).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    g.wait_point("zigbee/smoke-1/smoke", 0)
    publisher.send("zigbee2mqtt/smoke-1", payload.encode("latin-1"))
    harness.wait_for(lambda: g.point("zigbee/smoke-1/smoke")["quality"].startswith("bad"),
                     lambda: str(g.point("zigbee/smoke-1/smoke")))
    assert g.source("zigbee")["bad_frames"] >= 1
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    g.wait_point("zigbee/smoke-1/smoke", 0)
    assert not [x for x in g.lines() if x["name"] == "smoke"]


DAMAGED = (b'{"smoke":true,"temperature":nan}', b'{"temperature":nan,"smoke":true}',
           b'{"a\\u0000b":1,"smoke":true}', "{\"name\":\"测试\",\"smoke\":true}".encode("gbk"),
           "{\"name\":\"Küche\",\"smoke\":true}".encode("latin-1"),
           b'{"smoke":true}\0', b'\xef\xbb\xbf{"smoke":true}', b'{"x":"a\tb","smoke":true}',
           b'{"smoke":true,"x":"cut o', b'{"smoke":true} x')


def test_damage_elsewhere_in_a_message_costs_no_smoke(gateway, broker, publisher, city, ledger):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    alarm = "zigbee/smoke-1/smoke:smoke"
    ledger.will("zigbee/smoke-1:chattering", "raised", sure=False)
    for times, payload in enumerate(DAMAGED, 1):
        ledger.will(alarm, "raised")
        publisher.send("zigbee2mqtt/smoke-1", payload)
        city.until(alarm, "raised", times)
        ledger.will(alarm, "cleared")
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
        city.until(alarm, "cleared", times)
    source = g.source("zigbee")
    assert (source["damaged"], source["bad_frames"]) == (len(DAMAGED), 0)
    said = [x for x in g.log().splitlines() if "is damaged" in x]
    assert len(said) == 1 and "zigbee2mqtt/smoke-1" in said[0], "once for the topic"
    judge(g, city, ledger, only="smoke:smoke")


def test_a_device_that_sends_one_key_at_a_time(gateway, broker, publisher):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1, expect_every="3s")),
                         alarms=[b.SMOKE])).start()
    g.wait_up("zigbee")
    silent = "zigbee/smoke-1:silent"
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    g.wait_point("zigbee/smoke-1/smoke", 1)
    publisher.send("zigbee2mqtt/smoke-1", {"linkquality": 80})  # none of its keys
    publisher.send("zigbee2mqtt/smoke-1", {"battery": 90})
    g.wait_point("zigbee/smoke-1/battery", 90)
    assert g.point("zigbee/smoke-1/smoke")["quality"] == "good"
    assert g.source("zigbee")["bad_frames"] == 0
    g.wait_state(silent, "active-unacked")
    publisher.send("zigbee2mqtt/smoke-1", {"battery": 89})
    g.wait_state(silent, "returned-unacked")
    assert g.alarm("zigbee/smoke-1/smoke:smoke")["state"] == "active-unacked"


def test_a_key_that_never_comes_is_reported(gateway, broker, publisher):
    """Not said is not bad; but of a device that speaks for its whole time it must be known."""
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1, expect_every="3s")),
                         alarms=[b.SMOKE])).start()
    g.wait_up("zigbee")
    unreadable = "zigbee/smoke-1/smoke:unreadable"

    def speak():
        publisher.send("zigbee2mqtt/smoke-1", {"battery": 90})
        return g.alarm(unreadable)["state"] == "active-unacked"
    harness.wait_for(speak, "a point that an alarm listens to and that never came", 20)
    assert g.source("zigbee")["bad_frames"] == 0
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    g.wait_state(unreadable, "returned-unacked")


def test_one_bad_part_leaves_the_rest_of_the_message(gateway, broker, publisher):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE])).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True, "battery": "full"})
    g.wait_point("zigbee/smoke-1/smoke", 1)
    g.wait_point("zigbee/smoke-1/battery", quality="bad-payload")


def test_out_of_its_range_it_drives_all_the_same(gateway, plant, city):
    """A gas detector at 105 %LEL is no reason to be quiet."""
    plant.set(3, "holding", 0, 300, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                         uplinks=[city.uplink()])).start()
    g.wait_point("plant/gas-1/ch4", 30)
    plant.set(3, "holding", 0, 1050, 0)
    g.wait_point("plant/gas-1/ch4", 105, quality="uncertain-over-range")
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    data = city.seen_events("plant/gas-1/ch4:ch4-high", "raised")[0].event["data"]
    assert (data["value"], data["quality"]) == (105, "uncertain-over-range")
    assert g.status()["points"]["uncertain"] == 1
    plant.set(3, "holding", 0, 300, 0)
    city.until("plant/gas-1/ch4:ch4-high", "cleared")


def test_what_is_no_value_is_none(gateway, plant, city):
    plant.set(3, "holding", 0, 300, 0)
    gas = b.gas()
    gas["points"][0]["valid"] = [0, 2300]
    g = gateway(b.config(b.modbus_tcp(plant.port, gas), alarms=[b.GAS_HIGH],
                         uplinks=[city.uplink()])).start()
    g.wait_point("plant/gas-1/ch4", 30)
    plant.set(3, "holding", 0, 65535, 0)
    g.wait_point("plant/gas-1/ch4", quality="bad-invalid")
    plant.set(3, "holding", 0, 300, 0)
    g.wait_point("plant/gas-1/ch4", 30)
    assert not city.seen_events("plant/gas-1/ch4:ch4-high")


def test_an_unknown_topic_is_counted(gateway, broker, publisher):
    """The broker's session remembers a topic that the config has dropped since."""
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1), b.smoke(2)), alarms=[b.SMOKE])).start()
    g.wait_up("zigbee")
    g.stop()
    publisher.send("zigbee2mqtt/smoke-2", {"smoke": True})
    g.write(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE]))
    g.start()
    harness.wait_for(lambda: g.source("zigbee")["unknown_topics"] == 1,
                     lambda: str(g.source("zigbee")))
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    g.wait_point("zigbee/smoke-1/smoke", 0)


def test_no_modbus_write_function_is_in_the_binary():
    """It observes and warns; it never actuates."""
    names = subprocess.run(["nm", "-D", "--undefined-only", harness.BUILD / "tocsind"],
                           capture_output=True, text=True, check=True).stdout
    assert "modbus_" in names
    assert not re.search(r"modbus_(write|mask_write|report_slave)", names)


