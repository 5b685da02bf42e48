# SPDX-License-Identifier: Apache-2.0
"""The signals of the pictures: what sensors could have sent, the same on every machine.

Times are minutes. Values are rounded to the steps of a real sensor, so that the last bit of an
exponential or a square root, which differs from one C library to the next, never shows."""
import dataclasses
import math
import random


@dataclasses.dataclass
class Point:
    key: str  # source/device/point
    unit: str  # "" for a contact
    samples: list  # (ms, value, quality); value None where the quality is bad
    low: float = 0  # of the axis
    high: float = 1
    dots: bool = False  # each sample by itself instead of a line

    @property
    def contact(self):
        return not self.unit


@dataclasses.dataclass
class Note:
    """Some words at a place of the first point's chart; `to` draws a thin line to a place."""
    minute: float
    value: float
    text: str
    anchor: str = "middle"
    to: tuple = None


@dataclasses.dataclass
class Signal:
    minutes: float
    points: list
    notes: list = dataclasses.field(default_factory=list)


# source/device: place; as in config/tocsin.yaml
PLACES = {
    "boiler-room/gas-1": {"building": "A", "floor": "-1", "room": "锅炉房"},
    "boiler-room/leak-1": {"building": "A", "floor": "-1", "room": "锅炉房"},
    "boiler-room/supply": {"building": "A", "floor": "-1", "room": "换热站"},
    "plant/heat-3f": {"building": "A", "floor": "3", "room": "301"},
    "garage/co-1": {"building": "B", "floor": "-2", "room": "车库"},
    "zigbee/hydrant": {"building": "A", "floor": "12", "room": "消火栓"},
    "zigbee/smoke-3f-07": {"building": "A", "floor": "3", "room": "走廊"},
    "zigbee/smoke-3f-08": {"building": "A", "floor": "3", "room": "走廊"},
}


def noise(rng):
    """About normal with a deviation of one, by sums alone."""
    return sum(rng.random() for _ in range(12)) - 6


def between(corners):
    """A function of the minute through (minute, value) corners, straight in between."""
    def at(t):
        before = corners[0]
        for corner in corners:
            if t < corner[0]:
                share = (t - before[0]) / (corner[0] - before[0])
                return before[1] + share * (corner[1] - before[1])
            before = corner
        return before[1]
    return at


def sampled(minutes, every_s, shape, step, deviation=0, seed=1):
    """shape(minute) every so many seconds, with noise, rounded to the step of the sensor."""
    rng = random.Random(seed)
    samples = []
    for i in range(int(minutes * 60 / every_s) + 1):
        value = shape(i * every_s / 60) + deviation * noise(rng)
        samples.append((i * every_s * 1000, round(round(value / step) * step, 6), "good"))
    return samples


def contact(minutes, every_s, *spells):
    """True in each (from, to)."""
    return [(i * every_s * 1000, any(a <= i * every_s / 60 < b for a, b in spells), "good")
            for i in range(int(minutes * 60 / every_s) + 1)]


def above():
    shape = between([(0, 3), (6, 3), (10, 30), (13, 53), (14.5, 56), (16.5, 47.2), (18, 48),
                     (19.5, 54), (21, 52), (24, 30), (27, 12), (30, 6)])
    ch4 = Point("boiler-room/gas-1/ch4", "%LEL", sampled(30, 5, shape, 0.1, 0.6, 4), 0, 70)
    return Signal(30, [ch4], [
        Note(17, 32, "under 50, but not yet 45: it stands", "middle", (17.2, 46))])


def below():
    shape = between([(0, 0.16), (8, 0.155), (11, 0.085), (14, 0.075), (18, 0.105), (22, 0.111),
                     (24, 0.113), (26, 0.15), (30, 0.16)])
    pressure = Point("zigbee/hydrant/pressure", "MPa",
                     sampled(30, 5, shape, 0.001, 0.0015, 2), 0.04, 0.18)
    return Signal(30, [pressure], [
        Note(20.5, 0.15, "over 0.10, but not yet 0.12", "middle", (20, 0.112))])


def outside():
    shape = between([(0, 64), (12, 66), (17, 78), (21, 79), (26, 70), (38, 64), (45, 51),
                     (49, 51.5), (55, 60), (60, 63)])
    supply = Point("boiler-room/supply/temperature", "°C",
                   sampled(60, 10, shape, 0.1, 0.4, 3), 40, 90)
    return Signal(60, [supply])


def is_():
    smoke = Point("zigbee/smoke-3f-07/smoke", "", contact(30, 5, (9, 17)))
    return Signal(30, [smoke])


def rises():
    shape = between([(0, 21), (6, 21), (12, 29), (13, 29.3), (16, 74), (17, 78), (20, 80)])
    temperature = Point("plant/heat-3f/temperature", "°C", sampled(20, 5, shape, 0.1, 0.15, 5),
                        10, 90)
    temperature.samples[30] = (150000, 58.0, "good")
    return Signal(20, [temperature], [
        Note(2.5, 70, "one spike: no rise"),
        Note(7.5, 46, "1.3 °C a minute: too slow", "middle", (9, 26))])


def falls():
    shape = between([(0, 0.41), (6, 0.40), (6.4, 0.36), (12, 0.36), (12.2, 0.35), (13.5, 0.13),
                     (14, 0.11), (20, 0.10)])
    pressure = Point("boiler-room/supply/pressure", "MPa",
                     sampled(20, 5, shape, 0.001, 0.002, 6), 0, 0.5)
    return Signal(20, [pressure], [
        Note(6.5, 0.22, "a pump stops: only 0.04 MPa", "middle", (6.6, 0.345))])


def reaches():
    shape = between([(0, 3), (10, 3), (10.2, 7), (13, 6), (13.2, 3), (20, 3), (41, 24),
                     (42, 24), (46, 5), (60, 3)])
    ch4 = Point("boiler-room/gas-1/ch4", "%LEL", sampled(60, 10, shape, 0.1, 0.35, 8), 0, 30)
    return Signal(60, [ch4], [Note(11.5, 11.5, "a door: a step is no trend")])


def dose():
    shape = between([(0, 6), (34, 8), (39, 62), (62, 66), (64, 30), (69, 28), (72, 70),
                     (79, 112), (103, 118), (109, 60), (117, 15), (180, 7)])
    co = Point("garage/co-1/co", "ppm", sampled(180, 30, shape, 1, 1.2, 9), 0, 150)
    return Signal(180, [co])


def stuck():
    def shape(t):
        return 62 + 4 * math.sin(t / 11)
    samples = [(ms, 65.3 if 30 <= ms / 60000 < 82 else value, quality)
               for ms, value, quality in sampled(120, 20, shape, 0.1, 0.25, 10)]
    supply = Point("boiler-room/supply/temperature", "°C", samples, 50, 75)
    return Signal(120, [supply], [Note(56, 57, "samples come, but never another value")])


def silent():
    shape = between([(0, 0.16), (30, 0.15)])
    samples = []
    for ms, value, quality in sampled(30, 20, shape, 0.001, 0.002, 11):
        if 5 <= ms / 60000 < 8 or 12 <= ms / 60000 < 17:
            continue
        bad = 17 <= ms / 60000 < 23
        samples.append((ms, None if bad else value, "bad-timeout" if bad else quality))
    pressure = Point("zigbee/hydrant/pressure", "MPa", samples, 0.10, 0.18, True)
    return Signal(30, [pressure], [
        Note(6.5, 0.125, "3 min: not yet"), Note(20, 0.125, "unusable answers")])


def at_least():
    one = Point("zigbee/smoke-3f-07/smoke", "", contact(30, 5, (4, 6), (16, 18), (20, 23)))
    two = Point("zigbee/smoke-3f-08/smoke", "", contact(30, 5, (10, 12), (19, 24)))
    return Signal(30, [one, two])


def delays():
    shape = between([(0, 30), (4, 31), (4.5, 52), (4.8, 52), (5.2, 31), (9, 32), (10, 50),
                     (16.9, 54), (17.2, 41), (17.6, 41), (18, 53), (22.8, 50), (23.2, 38),
                     (30, 33)])
    temperature = Point("plant/heat-3f/temperature", "°C",
                        sampled(30, 5, shape, 0.1, 0.2, 12), 20, 70)
    return Signal(30, [temperature], [
        Note(4.65, 60, "under a minute: no alarm"),
        Note(17.4, 26, "under a minute: it stands", "middle", (17.4, 39))])


def latch():
    shape = between([(0, 3), (5, 3), (9, 48), (10, 56), (12, 58), (16, 20), (20, 6), (30, 4)])
    ch4 = Point("boiler-room/gas-1/ch4", "%LEL", sampled(30, 5, shape, 0.1, 0.6, 13), 0, 70)
    return Signal(30, [ch4])


def unless():
    shape = between([(0, 62), (20, 62), (31, 49), (55, 40), (63, 56), (68, 61), (86, 62),
                     (92, 49), (100, 44), (104, 45), (110, 56), (115, 61), (120, 62)])
    supply = Point("boiler-room/supply/temperature", "°C",
                   sampled(120, 20, shape, 0.1, 0.25, 14), 30, 75)
    pump = Point("boiler-room/supply/pump", "", contact(120, 5, (0, 20), (55, 121)))
    return Signal(120, [supply, pump], [
        Note(42, 36, "no pump: cold by design"), Note(98, 36, "cold with the pump on")])


def re_alarm():
    shape = between([(0, 61), (18, 60), (27, 49), (40, 44), (105, 43), (150, 45), (168, 47),
                     (173, 55), (180, 60)])
    supply = Point("boiler-room/supply/temperature", "°C",
                   sampled(180, 30, shape, 0.1, 0.25, 15), 35, 70)
    return Signal(180, [supply])


def chatter():
    spells = [(1 + i * 0.4, 1.2 + i * 0.4) for i in range(6)]
    leak = Point("boiler-room/leak-1/leak", "", contact(8, 3, *spells, (6, 6.6)))
    return Signal(8, [leak])


SIGNALS = {f.__name__.strip("_"): f for f in (
    above, below, outside, is_, rises, falls, reaches, dose, stuck, silent, at_least, delays,
    latch, unless, re_alarm, chatter)}
