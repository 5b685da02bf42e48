# SPDX-License-Identifier: Apache-2.0
"""What `tocsin replay` says of a signal under the example of a page: the timeline of a picture."""
import dataclasses
import json
import pathlib
import re
import subprocess
import tempfile

import yaml

import signals

SAID = {"raised": "raised", "again": "raised again", "cleared": "cleared"}
UNITS = {"ms": 1 / 60000, "s": 1 / 60, "min": 1, "h": 60, "d": 1440}


def minutes(duration):
    """30s, 1.5h."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-z]+)", duration).groups()
    return float(number) * UNITS[unit]


@dataclasses.dataclass
class Lane:
    """One alarm over the time of the picture; all times in minutes."""
    name: str
    alarm: dict  # as in the example
    raised: list  # events, repeats included; their minute is in `minute`
    cleared: list
    active: list  # (from, to)
    waiting: list  # (from, to): a delay runs
    held: list  # (from, to): true, but something it has under `unless` is
    latched: list  # (from, to)

    @property
    def told(self):
        """(minute, word), in order."""
        starts = {begin for begin, _ in self.active}
        words = [(e["minute"], "raised" if e["minute"] in starts else "again")
                 for e in self.raised] + [(e["minute"], "cleared") for e in self.cleared]
        return sorted(words)


@dataclasses.dataclass
class Timeline:
    name: str
    signal: signals.Signal
    alarms: list
    lanes: list

    @property
    def main(self):
        """The alarm the picture is about: the one with the key of its name, else the first."""
        return next((a for a in self.alarms if self.name in {**a, **a.get("when", {})}),
                    self.alarms[0])

    @property
    def lane(self):
        return next(lane for lane in self.lanes if lane.alarm is self.main)

    @property
    def place(self):
        """source/device/point, where it is, its unit."""
        points = self.signal.points
        place = signals.PLACES[points[0].key.rsplit("/", 1)[0]]
        where = "/".join(place[k] for k in ("building", "floor", "room"))
        keys = ", ".join(p.key for p in points)
        return " · ".join(x for x in (keys, where, points[0].unit) if x)

    def name_of(self, point):
        """Its device; its own name where several are on one."""
        _, device, name = point.key.split("/")
        devices = {p.key.rsplit("/", 1)[0] for p in self.signal.points}
        return device if len(devices) == len(self.signal.points) else name

    def sentence(self):
        """For those who cannot see the picture."""
        said = []
        for lane in self.lanes:
            said += [(at, f"{lane.name} {SAID[word]} at {at:.1f} min") for at, word in lane.told]
            said += [(a, f"{lane.name} held back from {a:.1f} to {b:.1f} min")
                     for a, b in lane.held]
        return "; ".join(text for _, text in sorted(said, key=lambda x: x[0])) + "."


def examples(page):
    """Each picture of a page with the example above it: {name: yaml text}."""
    found, last = {}, None
    for block, name in re.findall(r"```yaml\n(.*?)```|\(pictures/([a-z_]+)\.svg\)",
                                  pathlib.Path(page).read_text("utf-8"), re.S):
        if block:
            last = block
        elif name in signals.SIGNALS:
            found[name] = last
    return found


def configuration(signal, example):
    """The example, as it stands, under the sources it takes for granted."""
    sources = {}
    for point in signal.points:
        source, device, name = point.key.split("/")
        more = {"unit": point.unit} if point.unit else {"type": "bool"}
        sources.setdefault(source, []).append({
            "name": device, "poll": "1s", "place": signals.PLACES[f"{source}/{device}"],
            "points": [{"name": name, **more}]})
    rows = [{"name": s, "driver": "sim", "devices": d} for s, d in sources.items()]
    return ("gateway: {id: example, state_dir: state}\n"
            f"sources: {json.dumps(rows, ensure_ascii=False)}\n{example}")


def alarms_of(example):
    """Its alarms, every number and word as it is written."""
    return yaml.load(example, yaml.BaseLoader)["alarms"]


def text_of(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def replay(tocsin, signal, example):
    """The events of the example's own alarms, each with its `minute`."""
    rows = sorted((ms, point.key, text_of(value), quality) for point in signal.points
                  for ms, value, quality in point.samples)
    with tempfile.TemporaryDirectory() as folder:
        config, csv = pathlib.Path(folder, "example.yaml"), pathlib.Path(folder, "signal.csv")
        config.write_text(configuration(signal, example), "utf-8")
        csv.write_text("time_ms,point,value,quality\n" + "".join(
            f"{ms},{point},{value},{quality}\n" for ms, point, value, quality in rows), "utf-8")
        run = subprocess.run([tocsin, "replay", "--json", "--config", config, csv],
                             stdout=subprocess.PIPE)
    if run.returncode != 0:
        raise SystemExit("replay refuses this example:\n" + example)
    names = {a["name"] for a in alarms_of(example)}
    events = [json.loads(line) for line in run.stdout.splitlines()]
    return [{**e, "minute": e["time_ms"] / 60000} for e in events
            if e["alarm"].rsplit(":", 1)[-1] in names]


def spells(events, end):
    """(from, to) of each raise, and (from, to) of what stays latched behind it."""
    active, latched, since, held = [], [], None, None
    for event in events:
        if event["change"] == "raised" and since is None:  # else it is a repeat
            since = event["minute"]
            if held is not None:
                latched.append((held, since))
                held = None
        elif event["change"] == "cleared":
            active.append((since, event["minute"]))
            since = None
            if event["state"].startswith("latched"):
                held = event["minute"]
    if since is not None:
        active.append((since, end))
    if held is not None:
        latched.append((held, end))
    return active, latched


def inside(spans, t):
    return any(a <= t < b for a, b in spans)


def where_they_differ(truth, active, end):
    """A delay runs while the condition says one thing and the alarm another; it is held back while
    without its `unless` it would be active."""
    edges = sorted({0, end, *(t for span in truth + active for t in span)})
    return [(a, b) for a, b in zip(edges, edges[1:])
            if inside(truth, (a + b) / 2) != inside(active, (a + b) / 2)]


def without(example, *keys):
    """The example without the lines of these keys."""
    return re.sub(rf"^ *({'|'.join(keys)}):.*\n", "", example, flags=re.M)


def lane_name(key, alarm, keys):
    if sum(k.endswith(":" + alarm["name"]) for k in keys) < 2:
        return alarm["name"]
    return alarm["name"] + " " + key.split("/")[1].rsplit("-", 1)[-1]


def replay_example(tocsin, name, example):
    signal = signals.SIGNALS[name]()
    alarms = alarms_of(example)
    free = without(example, "unless")
    at_once = without(free, "on_delay", "off_delay", "chatter")
    said = {text: replay(tocsin, signal, text) for text in {example, free, at_once}}
    keys = sorted({e["alarm"] for e in said[free]})
    lanes = []
    for alarm in alarms:
        for key in (k for k in keys if k.rsplit(":", 1)[-1] == alarm["name"]):
            mine, freely, truth = ([e for e in said[text] if e["alarm"] == key]
                                   for text in (example, free, at_once))
            active, latched = spells(mine, signal.minutes)
            would, _ = spells(freely, signal.minutes)
            true, _ = spells(truth, signal.minutes)
            lanes.append(Lane(lane_name(key, alarm, keys), alarm,
                              [e for e in mine if e["change"] == "raised"],
                              [e for e in mine if e["change"] == "cleared"], active,
                              where_they_differ(true, would, signal.minutes),
                              where_they_differ(would, active, signal.minutes), latched))
    return Timeline(name, signal, alarms, lanes)
