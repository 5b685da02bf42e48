# SPDX-License-Identifier: Apache-2.0
"""Pieces of configuration that the tests put together, with the keys of examples/tocsin.yaml."""


def place(room, floor="1", building="A"):
    return {"building": building, "floor": floor, "room": room}


def gas(unit=3, name="gas-1", room="锅炉房"):
    """Holding 0: CH4 in tenths of %LEL, at most 100; holding 1 bit 0: the sensor's own fault."""
    return {"name": name, "unit": unit, "place": place(room, "-1"), "points": [
        {"name": "ch4", "register": "holding:0", "type": "u16", "scale": 0.1, "unit": "%LEL",
         "range": [0, 100]},
        {"name": "sensor-fault", "register": "holding:1", "type": "bit", "bit": 0}]}


def supply(unit=7, name="supply"):
    return {"name": name, "unit": unit, "place": place("换热站", "-1"), "points": [
        {"name": "temperature", "register": "input:0", "type": "s16", "scale": 0.1, "unit": "°C"},
        {"name": "pressure", "register": "holding:0x07D0", "type": "f32", "order": "CDAB",
         "unit": "MPa"},
        {"name": "flow", "register": "holding:10", "type": "u32", "scale": 0.001,
         "unit": "m3/h"},
        {"name": "pump-fault", "register": "discrete:4", "type": "bool"},
        {"name": "valve-open", "register": "coil:2", "type": "bool"}]}


def modbus_tcp(port, *devices, name="plant", **more):
    return {"name": name, "driver": "modbus-tcp", "host": "127.0.0.1", "port": port,
            "poll": "100ms", "timeout": "300ms", "devices": list(devices), **more}


def modbus_rtu(device, *devices, name="boiler-room", **more):
    return {"name": name, "driver": "modbus-rtu", "device": str(device), "baud": 115200,
            "format": "8N1", "poll": "100ms", "timeout": "300ms", "devices": list(devices),
            **more}


def smoke(number, **more):
    return {"name": f"smoke-{number}", "topic": f"zigbee2mqtt/smoke-{number}",
            "place": place("走廊", "3"),
            "points": [{"name": "smoke", "path": "/smoke", "type": "bool"},
                       {"name": "battery", "path": "/battery", "unit": "%"}], **more}


def plain(name, topic, unit="MPa"):
    return {"name": name, "topic": topic, "place": place(name, "12"),
            "points": [{"name": "value", "unit": unit}]}


def mqtt(port, *devices, name="zigbee", **more):
    return {"name": name, "driver": "mqtt", "url": f"mqtt://127.0.0.1:{port}",
            "client_id": f"tocsin-{name}", "devices": list(devices), **more}


GAS_HIGH = {"name": "ch4-high", "on": "*/gas-*/ch4", "when": {"above": 50, "clear": 45},
            "level": "red", "class": "alarm"}
GAS_LOW = {"name": "ch4-low", "on": "*/gas-*/ch4", "when": {"above": 20, "clear": 18},
           "level": "yellow", "class": "warning"}
SMOKE = {"name": "smoke", "on": "zigbee/smoke-*/smoke", "when": {"is": True},
         "level": "orange", "class": "alarm", "text": "感烟探测器报警"}


def config(*sources, alarms=(), uplinks=()):
    whole = {"sources": list(sources)}
    if alarms:
        whole["alarms"] = list(alarms)
    if uplinks:
        whole["uplinks"] = list(uplinks)
    return whole
