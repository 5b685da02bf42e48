# SPDX-License-Identifier: Apache-2.0
"""What `tocsin replay` says of a signal under the example of a page: the story a picture tells."""
import dataclasses
import json
import pathlib
import re
import subprocess
import tempfile

import yaml

import signals

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
    raised: list  # events; their minute is in `minute`
    cleared: list
    active: list  # (from, to)
    waiting: list  # (from, to): a delay runs
    latched: list  # (from, to)


@dataclasses.dataclass
class Story:
    name: str
    signal: signals.Signal
    alarms: list
    lanes: list

    @property
    def main(self):
        """The alarm the picture is about: the first, or the vote."""
        return next((a for a in self.alarms if "at_least" in a["when"]), self.alarms[0])

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

    def sentence(self):
        """For those who cannot see the picture."""
        said = []
        for lane in self.lanes:
            for event in lane.raised:
                said.append((event["minute"], f"{lane.name} raised at {event['minute']:.1f} min"))
            for event in lane.cleared:
                said.append((event["minute"], f"{lane.name} cleared at {event['minute']:.1f} min"))
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
        if event["change"] == "raised":
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
    """A delay runs while the condition says one thing and the alarm another."""
    edges = sorted({0, end, *(t for span in truth + active for t in span)})
    return [(a, b) for a, b in zip(edges, edges[1:])
            if inside(truth, (a + b) / 2) != inside(active, (a + b) / 2)]


def lane_name(key, alarm, keys):
    if sum(k.endswith(":" + alarm["name"]) for k in keys) < 2:
        return alarm["name"]
    return alarm["name"] + " " + key.split("/")[1].rsplit("-", 1)[-1]


def tell(tocsin, name, example):
    signal = signals.SIGNALS[name]()
    alarms = alarms_of(example)
    events = replay(tocsin, signal, example)
    at_once = re.sub(r"^ *(on|off)_delay:.*\n", "", example, flags=re.M)
    truths = replay(tocsin, signal, at_once) if at_once != example else events
    keys = sorted({e["alarm"] for e in events})
    lanes = []
    for alarm in alarms:
        for key in (k for k in keys if k.rsplit(":", 1)[-1] == alarm["name"]):
            mine = [e for e in events if e["alarm"] == key]
            active, latched = spells(mine, signal.minutes)
            truth, _ = spells([e for e in truths if e["alarm"] == key], signal.minutes)
            lanes.append(Lane(lane_name(key, alarm, keys), alarm,
                              [e for e in mine if e["change"] == "raised"],
                              [e for e in mine if e["change"] == "cleared"], active,
                              where_they_differ(truth, active, signal.minutes), latched))
    return Story(name, signal, alarms, lanes)
