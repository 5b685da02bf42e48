#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ninety days of a whole building under the shipped profiles: building.py [--update] SIMULATE
PROFILES GOLDEN [DAYS]

200 points with daily cycles, slow wander, noise, lost answers and what every building does that is
no danger (doors, ovens, cars, pumps), and a list of what was done to it on purpose: leaks, fires,
bursts, carbon monoxide, detectors that die or freeze. The events are compared byte for byte with the
golden file; then every alarm is held against the list. Printed and bounded: false alarms per
detector and year, what was detected, how long before its limit. With fewer DAYS only the beginning
of the golden file is compared. Look at what has changed, then make it anew with
  tests/sim/building.py --update BUILD/tests/sim/simulate config/profiles tests/sim/building.golden
"""
import collections
import datetime
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

SEED, DAYS, DAY, HOUR, MIN = 42, 90, 86400, 3600, 60
BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
GRACE = 2 * HOUR  # what still belongs to an injection after its end

# source: seconds from poll to poll, and the device types on it
SOURCES = {
    "contacts": (20, {"smoke-contact": 40}),
    "fire": (10, {"heat-a1r": 20, "heat-a2s": 10, "smoke-obscuration": 20}),
    "gas": (15, {"gas-ch4-lel": 8, "gas-co-ppm": 8}),
    "plant": (15, {"heating-loop": 6}),
    "water": (30, {"hydrant-pressure": 10, "liquid-level": 6}),
    "mains": (2, {"hydrant-pressure": 2}),
    "electric": (30, {"residual-current": 16, "cable-temperature": 12}),
    "homes": (60, {"indoor-temperature": 16}),
}

# profile: point -> how it looks when nothing is the matter
CALM = {
    "smoke-contact": {"smoke": {}},
    "smoke-obscuration": {"obscuration": {
        "value": 0.25, "wander": (0.15, 6 * HOUR), "noise": 0.04, "step": 0.01}},
    "heat-a1r": {"temperature": {
        "value": 22, "wave": (3, DAY), "wander": (1.5, 3 * HOUR), "noise": 0.05, "step": 0.1}},
    "heat-a2s": {"temperature": {
        "value": 26, "wave": (3, DAY), "wander": (3, HOUR), "noise": 0.1, "step": 0.1}},
    "gas-ch4-lel": {"ch4": {
        "value": 2, "wander": (1, 2 * HOUR), "noise": 0.25, "step": 0.1},
        "sensor-fault": {}},
    "gas-co-ppm": {"co": {
        "value": 6, "wander": (4, 2 * HOUR), "noise": 0.6, "step": 1}},
    "heating-loop": {
        "supply-temperature": {"value": 60, "wave": (5, DAY), "wander": (3, 4 * HOUR),
                               "noise": 0.15, "step": 0.1},
        "return-temperature": {"value": 42, "wave": (3, DAY), "wander": (2, 4 * HOUR),
                               "noise": 0.1, "step": 0.1},
        "supply-pressure": {"value": 0.40, "wander": (0.02, 2 * HOUR), "noise": 0.003,
                            "step": 0.001},
        "return-pressure": {"value": 0.28, "wander": (0.02, 2 * HOUR), "noise": 0.002,
                            "step": 0.001}},
    "hydrant-pressure": {"pressure": {
        "value": 0.30, "wave": (0.02, DAY), "wander": (0.02, HOUR), "noise": 0.002,
        "step": 0.001}},
    "liquid-level": {"level": {
        "value": 2.2, "wander": (0.2, 3 * HOUR), "noise": 0.004, "step": 0.01}},
    "residual-current": {"current": {
        "value": 115, "wave": (30, DAY), "wander": (15, HOUR), "noise": 3, "step": 1}},
    "cable-temperature": {"temperature": {
        "value": 36, "wave": (7, DAY), "wander": (4, 2 * HOUR), "noise": 0.15, "step": 0.1}},
    "indoor-temperature": {"temperature": {
        "value": 20.5, "wave": (1, DAY), "wander": (0.7, 4 * HOUR), "noise": 0.05,
        "step": 0.1}},
}
CYCLE = ((0, 0), (40 * MIN, -0.05), (41 * MIN, 0))  # the jockey pump of every other hydrant

# What happens all the time and is no danger: profile, point, shape, how often in 90 days. A shape is
# rows of (time, what is added) from its beginning to its end.
BENIGN = (
    ("heat-a1r", "temperature", ((0, 0), (600, -8), (1500, -8), (2100, 0)), 6),  # a door
    ("heat-a1r", "temperature", ((0, 0), (HOUR, 7), (3 * HOUR, 7), (5 * HOUR, 0)), 6),  # sun
    ("heat-a2s", "temperature", ((0, 0), (20, 20), (60, 20), (150, 0)), 12),  # an oven
    ("smoke-obscuration", "obscuration", ((0, 0), (5, 2.4), (12, 0)), 12),  # steam, one sample
    ("gas-ch4-lel", "ch4", ((0, 0), (20, 7), (90, 0)), 20),  # a cooker lit
    ("gas-co-ppm", "co", ((0, 0), (30, 35), (180, 30), (270, 0)), 20),  # a car, 4 min
    ("heating-loop", "supply-pressure",
     ((0, 0), (5, -0.06), (1200, -0.06), (1205, 0)), 12),  # a pump rests
    ("heating-loop", "supply-temperature",
     ((0, 0), (2 * HOUR, -12), (7 * HOUR, -12), (9 * HOUR, 0)), 20),  # a night's setback
    ("liquid-level", "level", ((0, 0), (2 * HOUR, -0.4), (4 * HOUR, 0)), 12),  # use, refill
    ("residual-current", "current", ((0, 0), (5, 40), (2 * HOUR, 40), (7205, 0)), 12),  # a heater
    ("cable-temperature", "temperature",
     ((0, 0), (300, 5), (900, 12), (1800, 17), (HOUR, 19), (3 * HOUR, 20), (4 * HOUR, 0)), 12),
    ("indoor-temperature", "temperature",
     ((0, 0), (300, -6), (1500, -6), (2400, -1), (2 * HOUR, 0)), 12),  # a window
)

# What was done on purpose: profile, how many devices, kind, {point: shape}, and what must be raised
# when, in seconds after the beginning.
INJECTED = (
    ("gas-ch4-lel", 4, "slow gas leak", {"ch4": ((0, 0), (HOUR, 60), (4200, 60), (4800, 0))},
     {"ch4-rising": (0, 1200), "ch4-low": (900, 1300), "ch4-high": (2600, 3200)}),
    ("gas-ch4-lel", 2, "fast gas leak", {"ch4": ((0, 0), (300, 80), (900, 80), (1500, 0))},
     {"ch4-low": (30, 120), "ch4-high": (120, 240)}),
    ("gas-ch4-lel", 2, "gas sensor fault", {"sensor-fault": ((0, 1), (5 * HOUR, 0))},
     {"sensor-fault": (0, 30)}),
    ("smoke-obscuration", 8, "smouldering",
     {"obscuration": ((0, 0), (40 * MIN, 6), (50 * MIN, 6), (HOUR, 0))},
     {"smoke-ahead": (0, 1300), "smoke-pre": (600, 900), "smoke": (1100, 1500)}),
    ("smoke-obscuration", 2, "dirty chamber",
     {"obscuration": ((0, 0), (2 * DAY, 1.3), (4 * DAY, 1.3), (4 * DAY + 60, 0))},
     {"dirty": (2 * DAY, 4 * DAY)}),
    ("heat-a1r", 3, "fire, 5 °C/min",
     {"temperature": ((0, 0), (900, 75), (1800, 75), (2 * HOUR, 0))},
     {"heat": (300, 600)}),
    ("heat-a1r", 3, "fire, 10 °C/min",
     {"temperature": ((0, 0), (540, 90), (1800, 90), (2 * HOUR, 0))},
     {"heat-rate": (50, 120), "heat": (120, 300)}),
    ("heat-a1r", 3, "fire, 30 °C/min",
     {"temperature": ((0, 0), (180, 90), (1800, 90), (2 * HOUR, 0))},
     {"heat-rate": (20, 70), "heat": (40, 120)}),
    ("heat-a2s", 3, "fire, 20 °C/min",
     {"temperature": ((0, 0), (300, 100), (1800, 100), (2 * HOUR, 0))},
     {"heat": (60, 193)}),
    ("gas-co-ppm", 3, "CO, 60 ppm", {"co": ((0, 0), (1, 60), (3 * HOUR, 60), (3 * HOUR + 60, 0))},
     {"co-present": (290, 400), "co-dose": (60 * MIN, 90 * MIN)}),
    ("gas-co-ppm", 3, "CO, 100 ppm", {"co": ((0, 0), (1, 100), (HOUR, 100), (HOUR + 60, 0))},
     {"co-dose": (10 * MIN, 40 * MIN)}),
    ("gas-co-ppm", 2, "CO, 350 ppm", {"co": ((0, 0), (1, 350), (600, 350), (660, 0))},
     {"co-high": (0, 30), "co-dose": (0, 3 * MIN)}),
    ("heating-loop", 3, "pipe burst",
     {"supply-pressure": ((0, 0), (30, -0.22), (2 * HOUR, -0.25), (3 * HOUR, 0))},
     {"burst": (10, 75), "supply-low": (15, 90)}),
    ("heating-loop", 3, "loop leaks",
     {"supply-pressure": ((0, 0), (2 * HOUR, -0.28), (3 * HOUR, -0.28), (4 * HOUR, 0))},
     {"leak-ahead": (0, 90 * MIN), "supply-low": (HOUR, 2 * HOUR)}),
    ("heating-loop", 2, "boiler off, frost",
     {"supply-temperature": ((0, 0), (100 * MIN, -50), (4 * HOUR, -58), (6 * HOUR, 0)),
      "return-temperature": ((0, 0), (2 * HOUR, -35), (4 * HOUR, -42), (6 * HOUR, 0))},
     {"supply-cooling": (600, 3000), "freezing-ahead": (900, 3 * HOUR),
      "freezing": (90 * MIN, 4 * HOUR)}),
    ("hydrant-pressure", 4, "hydrant pressure decays",
     {"pressure": ((0, 0), (4 * HOUR, -0.24), (5 * HOUR, -0.24), (6 * HOUR, 0))},
     {"pressure-ahead": (HOUR, 4 * HOUR), "pressure-low": (90 * MIN, 4 * HOUR),
      "pressure-lowlow": (2 * HOUR, 5 * HOUR)}),
    ("liquid-level", 2, "tank drains",
     {"level": ((0, 0), (3 * HOUR, -2), (4 * HOUR, -2), (8 * HOUR, 0))},
     {"level-ahead": (0, 3 * HOUR), "level-low": (HOUR, 3 * HOUR),
      "level-lowlow": (2 * HOUR, 4 * HOUR)}),
    ("residual-current", 5, "insulation fails",
     {"current": ((0, 0), (15 * HOUR, 450), (16 * HOUR, 450), (17 * HOUR, 0))},
     {"leakage-ahead": (0, 7 * HOUR), "leakage-warning": (2 * HOUR, 9 * HOUR),
      "leakage": (8 * HOUR, 15 * HOUR)}),
    ("cable-temperature", 4, "joint runs away",
     {"temperature": ((0, 0), (90 * MIN, 65), (2 * HOUR, 65), (4 * HOUR, 0))},
     {"hot-ahead": (0, 80 * MIN), "warm": (20 * MIN, 70 * MIN), "hot": (40 * MIN, 90 * MIN)}),
    ("indoor-temperature", 4, "a flat gets cold",
     {"temperature": ((0, 0), (6 * HOUR, -6), (12 * HOUR, -6), (16 * HOUR, 0))},
     {"cold": (2 * HOUR, 8 * HOUR), "colder": (5 * HOUR, 12 * HOUR)}),
)
DEAD, FROZEN = 20, 4  # so many detectors die; so many transmitters freeze
FREEZE = ("heat-a1r", "heat-a2s", "cable-temperature", "indoor-temperature")
# Early warning, and the limit it warns of.
AHEAD = (("ch4-rising", "ch4-low"), ("smoke-ahead", "smoke"), ("leak-ahead", "supply-low"),
         ("freezing-ahead", "freezing"), ("pressure-ahead", "pressure-lowlow"),
         ("level-ahead", "level-low"), ("leakage-ahead", "leakage-warning"), ("hot-ahead", "hot"))

LEAST_LEAD_S = 120  # an early warning comes at least this long before its limit
MOST_FALSE_WARNINGS = 0.1  # yellow and blue, for one detector in a year; orange and red: none

Truth = collections.namedtuple("Truth", "kind device begin end must")


class Device:
    def __init__(self, source, profile, number):
        self.source, self.profile, self.number = source, profile, number
        self.name = f"{profile}-{number:02}"
        self.key = f"{source}/{self.name}"
        self.busy = {0, 1, DAYS - 1}  # days that are taken
        self.shapes = {point: [] for point in CALM[profile]}
        self.dead = self.frozen = None

    def find_day(self, rng, days=1):
        """A day from which on so many are free, and the next morning; taken from now on."""
        while True:
            day = int(rng.uniform(2, DAYS - 1 - days))
            if not self.busy & set(range(day, day + days + 1)):
                self.busy |= set(range(day, day + days))
                return day * DAY

    def add(self, point, begin, shape):
        self.shapes[point] += [(begin + t, v) for t, v in shape]


def build(rng):
    """The devices, and the list of what is done to them."""
    devices = [Device(source, profile, n + (90 if source == "mains" else 0))
               for source, (_, types) in SOURCES.items()
               for profile, count in types.items() for n in range(count)]
    by_profile = collections.defaultdict(list)
    for d in devices:
        by_profile[d.profile].append(d)
    truth, used = [], collections.Counter()

    def take(profile):  # in turn, so that none gets everything
        used[profile] += 1
        return by_profile[profile][(used[profile] - 1) % len(by_profile[profile])]

    for profile, count, kind, shapes, must in INJECTED:
        for _ in range(count):
            d, length = take(profile), max(s[-1][0] for s in shapes.values())
            begin = int(d.find_day(rng, 1 + length // DAY) + rng.uniform(0, 6 * HOUR))
            for point, shape in shapes.items():
                d.add(point, begin, shape)
            truth.append(Truth(kind, d.key, begin, begin + length, must))
    # Two neighbours smell the same fire: the zone's vote.
    for zone in range(6):
        day = max(d.find_day(rng) for d in by_profile["smoke-contact"][zone * 5:zone * 5 + 2])
        begin = int(day + rng.uniform(0, 12 * HOUR))
        for n, late in (0, 0), (1, 40):
            d = by_profile["smoke-contact"][zone * 5 + n]
            d.add("smoke", begin + late, ((0, 1), (900, 0)))
            truth.append(Truth("smoke in a zone", d.key, begin, begin + 960, {"smoke": (0, 70)}))
        truth.append(Truth("two detectors", f"fire-{zone}", begin, begin + 1200,
                           {f"fire-{zone}": (40, 70)}))
    for n in range(DEAD):
        d = take(tuple(CALM)[n % len(CALM)])
        length = int(rng.uniform(HOUR, 30 * HOUR))
        begin = int(d.find_day(rng, 2) + rng.uniform(0, 12 * HOUR))
        d.dead = begin, begin + length
        truth.append(Truth("detector dies", d.key, *d.dead,
                           {"silent": (0, max(15, 3.5 * SOURCES[d.source][0]))}))
    for n in range(FROZEN):
        d = take(FREEZE[n % len(FREEZE)])
        begin = int(d.find_day(rng, 3) + rng.uniform(0, 12 * HOUR))
        d.frozen = begin, begin + 30 * HOUR
        truth.append(Truth("transmitter freezes", d.key, *d.frozen,
                           {"frozen": (23 * HOUR, 25 * HOUR)}))
    for profile, point, shape, often in BENIGN:
        for d in by_profile[profile]:
            for _ in range(often):
                d.add(point, int(d.find_day(rng) + rng.uniform(0, 14 * HOUR)), shape)
    return devices, truth


def write(devices, path):
    """As a configuration file."""
    out = ["gateway: {id: building}", "sources:"]
    for number, (source, (poll, _)) in enumerate(SOURCES.items()):
        out += [f"  - name: {source}", "    driver: sim", f"    seed: {SEED + number}",
                f"    poll: {poll}s"]
        if source == "plant":
            out.append(f"    down: [{45 * DAY}s, {45 * DAY + HOUR}s]")
        out.append("    devices:")
        for d in (d for d in devices if d.source == source):
            out += [f"      - name: {d.name}", f"        profile: {d.profile}",
                    "        drops: 0.002"]
            out += [f"        {word}: [{t[0]}s, {t[1]}s]"
                    for word, t in (("dead", d.dead), ("frozen", d.frozen)) if t]
            out.append("        points:")
            for point, calm in CALM[d.profile].items():
                out.append(f"          - name: {point}")
                for key, value in calm.items():
                    out.append(f"            {key}: [{value[0]}, {value[1]}s]"
                               if isinstance(value, tuple) else f"            {key}: {value}")
                if "noise" in calm:
                    out.append("            shape: gaussian")
                rows = sorted(d.shapes[point])
                if not rows and d.profile == "hydrant-pressure" and d.number % 2:
                    rows = CYCLE
                    out.append(f"            repeat: {CYCLE[-1][0] + 60}s")
                if rows:
                    out.append(f"            ramp: {'true' if calm else 'false'}")
                    out.append("            script: [" + ", ".join(
                        f"[{t}s, {v}]" for t, v in rows) + "]")
    out.append("alarms:")
    for zone in range(8):
        of = ", ".join(f"contacts/smoke-contact-{zone * 5 + n:02}/smoke" for n in range(5))
        out.append(f"  - {{name: fire-{zone}, when: {{at_least: 2, of: [{of}], within: 60s}}, "
                   "level: red, class: alarm, latch: true}")
    path.write_text("\n".join(out) + "\n", "utf-8")


Raised = collections.namedtuple("Raised", "at level device name line")


def read(lines):
    """What was raised, from the lines of the simulation."""
    for line in lines:
        time, level, change, subject, name, _ = line.split(" ", 5)
        if change == "raised":
            at = (datetime.datetime.fromisoformat(time) - BEGIN).total_seconds()
            device = name if subject == "-" else "/".join(subject.split("/")[:2])
            if "/" not in subject and subject != "-":
                device, name = subject, "down" if name == "down" else name
            yield Raised(at, level, device, name, line)


def judge(devices, truth, raised):
    """Hold what was raised against what was done. How much of that is not as it should be."""
    wrong = 0
    by_device = collections.defaultdict(list)
    for r in raised:
        by_device[r.device].append(r)
    down = Truth("link lost", "plant", 45 * DAY, 45 * DAY + HOUR, {"down": (0, 60)})
    truth = truth + [down] + [down._replace(device=d.key, must={"silent": (0, 60)})
                              for d in devices if d.source == "plant"]

    # 1. what was done has been told, neither early nor late
    kinds, leads = collections.defaultdict(list), collections.defaultdict(list)
    for t in truth:
        at = {}
        for r in by_device[t.device]:
            if t.begin <= r.at <= t.end + GRACE:
                at.setdefault(r.name, r.at - t.begin)
        for name, (earliest, latest) in t.must.items():
            kinds[t.kind, name].append(at.get(name))
            if name not in at or not earliest <= at[name] <= latest:
                print(f"WRONG: {t.kind} on {t.device} at {t.begin}: {name} after "
                      f"{at.get(name)} s, wanted {earliest} .. {latest}")
                wrong += 1
        for early, limit in AHEAD:
            if early in t.must and early in at and limit in at:
                leads[early, limit].append(at[limit] - at[early])
    print(f"{'done on purpose':26}{'told by':18}{'times':>6}   after, s (least, median, most)")
    for (kind, name), at in kinds.items():
        known = sorted(a for a in at if a is not None) or [0]
        print(f"{kind:26}{name:18}{len(at):6}   {known[0]:8.0f}{statistics.median(known):8.0f}"
              f"{known[-1]:8.0f}")

    # 2. warned before the limit
    print(f"\n{'early warning':18}{'limit':18}{'times':>6}   ahead, min (least, median, most)")
    for early, limit in AHEAD:
        lead = sorted(leads[early, limit]) or [-1]
        print(f"{early:18}{limit:18}{len(lead):6}   {lead[0] / 60:8.1f}"
              f"{statistics.median(lead) / 60:8.1f}{lead[-1] / 60:8.1f}")
        if lead[0] < LEAST_LEAD_S:
            print(f"WRONG: {early} not {LEAST_LEAD_S} s before {limit}")
            wrong += 1

    # 3. nothing was invented
    false = collections.Counter()
    for r in raised:
        if not any(t.device == r.device and t.begin <= r.at <= t.end + GRACE for t in truth):
            profile = r.device.split("/")[-1].rsplit("-", 1)[0]
            false[profile, r.level in ("ORANGE", "RED")] += 1
            print(f"false: {r.line}")
    years = DAYS / 365
    print(f"\n{'profile':20}{'detectors':>10}{'alarms/year':>13}{'warnings/year':>15}"
          "   false, each detector")
    for profile in CALM:
        n = sum(d.profile == profile for d in devices)
        print(f"{profile:20}{n:10}{false[profile, True] / n / years:13.2f}"
              f"{false[profile, False] / n / years:15.2f}")
    alarms = sum(n for (_, serious), n in false.items() if serious)
    warnings = sum(false.values()) - alarms
    rate = warnings / len(devices) / years
    print(f"{'all':20}{len(devices):10}{alarms / len(devices) / years:13.2f}{rate:15.2f}")
    if alarms > 0 or rate > MOST_FALSE_WARNINGS:
        print("WRONG: too many false alarms")
        wrong += 1
    return wrong


def main(update, simulate, profiles, golden, days=DAYS):
    days, golden = int(days), pathlib.Path(golden)
    devices, truth = build(random.Random(SEED))
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "building.yaml")
        write(devices, config)
        run = subprocess.run([simulate, "-d", str(days), "-p", "600", config],
                             stdout=subprocess.PIPE, check=True,
                             env={**os.environ, "TOCSIN_PROFILES": profiles})
    if update:
        golden.write_bytes(run.stdout)
    wanted = golden.read_bytes()
    same = wanted == run.stdout if days == DAYS else wanted.startswith(run.stdout)
    lines, wanted = run.stdout.decode().splitlines(), wanted.decode().splitlines()
    if not same:
        at = next((i for i, (a, b) in enumerate(zip(wanted, lines)) if a != b), len(wanted))
        print(f"line {at + 1} differs from {golden}:\n- {wanted[at:at + 1]}\n+ {lines[at:at + 1]}")
    if days < DAYS:
        return not same or not lines
    return judge(devices, truth, list(read(lines))) > 0 or not same


if __name__ == "__main__":
    sys.exit(main("--update" in sys.argv, *(a for a in sys.argv[1:] if a != "--update")))
