# SPDX-License-Identifier: Apache-2.0
"""A timeline in plain characters, for manual pages: a terminal has no SVG, and not always UTF-8."""
import svg
from timeline import inside, minutes

LEFT, COLUMNS, ROWS = 13, 52, 12
MOST = 6  # events in one line


def column(timeline, minute):
    return min(int(minute / timeline.signal.minutes * COLUMNS), COLUMNS - 1)


def strip(timeline, fill, spans):
    """One line of characters: spans of ((from, to), character), later ones over earlier ones; each
    is seen, however short."""
    line = [fill] * COLUMNS
    for (begin, end), mark in spans:
        first = column(timeline, begin)
        for i in range(first, max(first + 1, round(end / timeline.signal.minutes * COLUMNS))):
            line[min(i, COLUMNS - 1)] = mark
    return "".join(line)


class Grid:
    """The values of one point, as rows of characters."""

    def __init__(self, timeline):
        self.timeline, self.point = timeline, timeline.signal.points[0]
        self.rows = [[" "] * COLUMNS for _ in range(ROWS)]

    def row(self, value):
        share = (value - self.point.low) / (self.point.high - self.point.low)
        return min(max(round((1 - share) * (ROWS - 1)), 0), ROWS - 1)

    def limits(self):
        """Behind the signal, their names where it is not."""
        taken = set()
        for text, value, clears, _ in svg.limits(self.timeline.main["when"]):
            row = self.row(value)
            if not self.point.low < value < self.point.high or row in taken:
                continue
            taken.add(row)
            line = "".join(self.rows[row])
            line = line.replace(" ", "." if clears else "-")
            for at in (1, COLUMNS - len(text) - 3):
                if "*" not in line[at:at + len(text) + 2]:
                    line = f"{line[:at]} {text} {line[at + len(text) + 2:]}"
                    break
            self.rows[row] = list(line)

    def signal(self):
        before = None
        for ms, value, _ in self.point.samples:
            at = column(self.timeline, ms / 60000)
            if value is None:
                self.rows[ROWS - 1][at] = "x"
                continue
            row = self.row(value)
            near = before is not None and not self.point.dots and before[0] != at
            low, high = sorted((row, before[1] if near else row))
            for i in range(low, high + 1):
                if i == row or i != (before or (row,))[-1]:
                    self.rows[i][at] = "*"
            before = (at, row)

    def forecast(self):
        limit = self.timeline.main["when"].get("reaches")
        for event in self.timeline.lane.raised if limit else []:
            end = event["minute"] + event["eta_ms"] / 60000
            self.rows[self.row(float(limit))][column(self.timeline, end)] = "o"

    def lines(self):
        self.signal()
        self.limits()
        self.forecast()
        ticks = {self.row(v): f"{v:g}" for v in svg.ticks(self.point.low, self.point.high, 4)}
        return [f"{ticks.get(i, ''):>{LEFT - 2}} |{''.join(row)}" for i, row in
                enumerate(self.rows)]


def contact(timeline, point):
    samples, end = point.samples, timeline.signal.minutes
    within = minutes(timeline.main["when"].get("within", "0s"))
    spans = []
    for (ms, value, _), (next_ms, after, _) in zip(samples, samples[1:] + [(end * 60000, 0, "")]):
        if value:
            spans.append(((ms / 60000, next_ms / 60000), "1"))
    tails = [((b, min(b + within, end)), ":") for (_, b), _ in spans if within]
    return named(timeline.name_of(point), strip(timeline, "_", tails + spans))


def named(name, line):
    return f"{name:>{LEFT - 2}} |{line}"


def dose(timeline, row):
    level, full, curve = row
    spans = []
    for (t, at), (after, then) in zip(curve, curve[1:]):
        mark = "#" if at >= full else "+" if then > at else "-"
        if at > 0 or then > 0:
            spans.append(((t, after), mark))
    return named(f">{level:g}", strip(timeline, " ", spans))


def lasting(timeline):
    """What has to last: a delay, or the time of stuck and silent."""
    when, spans = timeline.main["when"], list(timeline.lane.waiting)
    for key in ("stuck", "silent"):
        if key in when:
            spans += [(e["minute"] - minutes(when[key]), e["minute"]) for e in timeline.lane.raised]
    return spans


def axis(timeline):
    line = [" "] * (COLUMNS + 8)
    times = svg.ticks(0, timeline.signal.minutes, 10 if timeline.signal.minutes > 120 else 7)
    for minute in times:
        text = f"{minute:g}" + (" min" if minute == times[-1] else "")
        at = round(minute / timeline.signal.minutes * COLUMNS)
        line[at:at + len(text)] = text
    return " " * LEFT + "".join(line).rstrip()


def told(lane):
    if len(lane.told) > MOST:
        return (f"raised {len(lane.active)} times from {svg.num(lane.told[0][0])} to "
                f"{svg.num(lane.told[-1][0])}")
    return ", ".join(f"{word} {svg.num(minute)}" for minute, word in lane.told)


def draw(timeline):
    points = timeline.signal.points
    said = [f"{points[0].unit:>{LEFT - 2}}  {svg.heading(timeline.main)}"]
    if not points[0].contact:
        said += Grid(timeline).lines()
    said += [contact(timeline, p) for p in points if p.contact]
    if "dose" in timeline.main["when"]:
        said += [dose(timeline, row) for row in svg.dose_rows(timeline)]
    said.append(" " * (LEFT - 1) + "+" + "-" * COLUMNS)
    for lane in timeline.lanes:
        spans = [(s, "#") for s in lane.active] + [(s, "=") for s in lane.latched]
        spans += [(s, "/") for s in lane.held]
        if lane is timeline.lane:
            spans += [(s, "~") for s in lasting(timeline)]
        said.append(named(lane.name, strip(timeline, ".", spans)))
    said.append(axis(timeline))
    said.append(" " * LEFT + told(timeline.lane))
    return "\n".join(line.rstrip() for line in said) + "\n"
