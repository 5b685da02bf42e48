# SPDX-License-Identifier: Apache-2.0
"""Every type in every order of its bytes, from a server of another library."""
import struct

import building as b
import harness
import pytest
from peers import Pymodbus

ORDERS = {
    16: {"ABCD": (0, 1), "CDAB": (0, 1), "BADC": (1, 0), "DCBA": (1, 0)},
    32: {"ABCD": (0, 1, 2, 3), "CDAB": (2, 3, 0, 1), "BADC": (1, 0, 3, 2), "DCBA": (3, 2, 1, 0)},
    48: {"ABCD": (0, 1, 2, 3, 4, 5), "CDAB": (4, 5, 2, 3, 0, 1), "BADC": (1, 0, 3, 2, 5, 4),
         "DCBA": (5, 4, 3, 2, 1, 0)},
    64: {name: tuple("ABCDEFGH".index(c) for c in name) for name in (
        "ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "EFGHABCD", "CDABGHEF", "FEHGBADC",
        "DCBAHGFE")},
}


def bcd(digits):
    return bytes.fromhex(digits)


def signed_magnitude(value, size):
    return (abs(value) | (value < 0) << (8 * size - 1)).to_bytes(size, "big")


def mod10(value, registers):
    sign, value = (-1 if value < 0 else 1), abs(value)
    parts = [sign * (value // 10000 ** i % 10000) for i in reversed(range(registers))]
    return struct.pack(f">{registers}h", *parts)


# type: (value, its bytes, the most significant first)
VALUES = {
    "u16": (51966, struct.pack(">H", 51966)),
    "s16": (-12345, struct.pack(">h", -12345)),
    "u24": (0x123456, b"\xee\x12\x34\x56"),
    "s24": (-65538, b"\xff\xfe\xff\xfe"),
    "u32": (3735928559, struct.pack(">I", 3735928559)),
    "s32": (-559038737, struct.pack(">i", -559038737)),
    "u48": (0x0102030405FF, (0x0102030405FF).to_bytes(6, "big")),
    "s48": (-0x0102030405FF, (-0x0102030405FF).to_bytes(6, "big", signed=True)),
    "u64": (0x0102030405060, struct.pack(">Q", 0x0102030405060)),
    "s64": (-0x0102030405061, struct.pack(">q", -0x0102030405061)),
    "f16": (20.8, struct.pack(">e", 20.8)),
    "f32": (52.3, struct.pack(">f", 52.3)),
    "f64": (-3.141592653589793, struct.pack(">d", -3.141592653589793)),
    "bcd16": (1234, bcd("1234")),
    "bcd32": (12345678, bcd("12345678")),
    "bcd64": (12345678901234, bcd("0012345678901234")),
    "sign-magnitude16": (-101, signed_magnitude(-101, 2)),
    "sign-magnitude32": (-70001, signed_magnitude(-70001, 4)),
    "mod10x2": (-12345678, mod10(-12345678, 2)),
    "mod10x3": (123456789012, mod10(123456789012, 3)),
    "mod10x4": (1234567890123, mod10(1234567890123, 4)),
    "whole-tenths": (23.5, b"\x17\x05"),
}


def words(raw):
    return struct.unpack(f">{len(raw) // 2}H", raw)


def test_every_type_in_every_order(gateway, folder, closing):
    peer, points, want, at = closing(Pymodbus(folder)), [], {}, 0
    for kind, (value, raw) in VALUES.items():
        for order, places in ORDERS[8 * len(raw)].items():
            name = f"{kind}-{order}"
            points.append({"name": name, "register": f"holding:{at}", "type": kind,
                           "order": order})
            peer.set(3, "holding", at, *words(bytes(raw[i] for i in places)))
            want[name] = value
            at += len(raw) // 2
    peer.set(3, "holding", at, 0x12FE)
    points += [{"name": "high", "register": f"holding:{at}", "type": "u8", "byte": "high"},
               {"name": "low", "register": f"holding:{at}", "type": "s8"},
               {"name": "times", "register": f"holding:{at + 1}", "type": "s16", "scale": 2,
                "scale_register": f"holding:{at + 9}"}]
    peer.set(3, "holding", at + 1, 523)
    peer.set(3, "holding", at + 9, 0xFFFF)
    want |= {"high": 0x12, "low": -2, "times": 104.6}
    assert len(want) == 17 * 4 + 5 * 8 + 3
    g = gateway(b.config(b.modbus_tcp(peer.port, {"name": "d", "unit": 3, "points": points})))
    g.start()
    for name, value in want.items():
        assert g.wait_point(f"plant/d/{name}")["value"] == value, name


@pytest.mark.parametrize("written,meant", [
    ("int16", "s16"), ("UINT16", "u16"), ("float32", "f32"), ("real", "f32"), ("dint", "s32"),
    ("lreal", "f64"), ("bcd", "bcd16"), ("s61", "s16")])
def test_the_type_of_another_tool_is_translated(gateway, plant, written, meant):
    point = {"name": "x", "register": "holding:0", "type": written}
    g = gateway(b.config(b.modbus_tcp(plant.port, {"name": "d", "unit": 3, "points": [point]})))
    code, said = harness.check_config(g.config_path)
    assert code == 1
    assert f'"{written}" is not one of number, bool, bit, u8' in said[0], said
    assert f"(did you mean {meant}?)" in said[0], said
