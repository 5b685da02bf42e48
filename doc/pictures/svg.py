# SPDX-License-Identifier: Apache-2.0
"""A timeline as an SVG: readable in light and dark, by eye and by ear."""
import html
import math

from timeline import minutes

WIDTH, LEFT, RIGHT = 640, 104, 602  # the chart lies between LEFT and RIGHT
PLOT, STEP, LANE, GAP = 150, 30, 20, 10  # heights
TOP = 66
AROUND = "on_delay", "off_delay", "latch", "unless", "re_alarm", "chatter"  # a condition

STYLE = """
text{font:12px system-ui,-apple-system,"Segoe UI","Noto Sans","PingFang SC","Noto Sans CJK SC",\
"Microsoft YaHei",sans-serif;fill:#1f2328}
.k{font:600 14px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
.m{fill:#59636e}.r{fill:#c01f2b}.g{fill:#1a7f37}.b{fill:#0b5bb5}.i{fill:#fff;font-weight:600}
.card{fill:#fff;stroke:#d0d7de}.grid{stroke:#e4e8ec}.axis{stroke:#8c959f}
.sig{stroke:#0b5bb5;stroke-width:1.6}.dots{stroke:#0b5bb5;stroke-width:3;stroke-linecap:round}
.win{fill:#0b5bb5;opacity:.1}.some{fill:#0b5bb5;opacity:.45}.full{fill:#c01f2b;opacity:.7}.rule{stroke:#0b5bb5;opacity:.6}.up{fill:#c01f2b;stroke:#fff}.down{fill:#fff;stroke:#1a7f37}
.lim{stroke:#c01f2b;stroke-dasharray:7 4}.clr{stroke:#1a7f37;stroke-dasharray:2 3}
.ray{stroke:#8250df;stroke-width:1.6;stroke-dasharray:5 4}.v{fill:#8250df}.ring{stroke:#8250df}
.calm{fill:#eaeef2}.act{fill:#c01f2b}.lat{fill:#8250df}.wait{fill:#bf8700}.side{stroke:#8c959f;stroke-dasharray:5 4}
.at{stroke-dasharray:1 3}.h{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
"""
DARK = """
text{fill:#e6edf3}.m{fill:#9198a1}.r{fill:#ff7b72}.g{fill:#56d364}.b{fill:#79c0ff}.i{fill:#0d1117}
.card{fill:#0d1117;stroke:#30363d}.grid{stroke:#22282f}.axis{stroke:#6e7681}
.sig,.dots{stroke:#58a6ff}.win{fill:#58a6ff;opacity:.16}.some{fill:#58a6ff}.full{fill:#ff7b72}.rule{stroke:#58a6ff}
.up{fill:#ff7b72;stroke:#0d1117}.down{fill:#0d1117;stroke:#56d364}
.lim{stroke:#ff7b72}.clr{stroke:#56d364}.ray,.ring{stroke:#bc8cff}.v{fill:#bc8cff}
.calm{fill:#22282f}.act{fill:#ff7b72}.lat{fill:#bc8cff}.wait{fill:#e3b341}.side{stroke:#6e7681}.h{stroke:#0d1117}
"""


def num(v):
    """As short as one decimal can be."""
    return f"{v:.1f}".removesuffix(".0").replace("-0", "0") if abs(v) < 0.05 else \
        f"{v:.1f}".removesuffix(".0")


def ticks(low, high, most):
    """Round numbers from low to high, at most so many."""
    size = 10.0 ** -6
    while True:
        for step in (size, 2 * size, 5 * size):
            first = math.ceil(low / step - 1e-9)
            count = math.floor(high / step + 1e-9) - first + 1
            if count <= most:
                return [round((first + i) * step, 6) for i in range(count)]
        size *= 10


def wide(text, size=6.3):
    """About how wide it is at 12 px; a Chinese character takes two."""
    return sum(size if ord(c) < 0x2e80 else 12 for c in text)


class Sheet:
    """Elements, and the scale of the time axis."""

    def __init__(self, length_min):
        self.parts, self.length = [], length_min

    def x(self, minute):
        return LEFT + (RIGHT - LEFT) * minute / self.length

    def add(self, element):
        self.parts.append(element)

    def text(self, x, y, words, klass="", anchor="start"):
        more = f' class="{klass}"' if klass else ""
        more += f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.add(f'<text x="{num(x)}" y="{num(y)}"{more}>{html.escape(words, False)}</text>')

    def line(self, x1, y1, x2, y2, klass):
        self.add(f'<path class="{klass}" d="M{num(x1)} {num(y1)}L{num(x2)} {num(y2)}"/>')

    def box(self, x1, y1, x2, y2, klass, round_=0):
        more = f' rx="{round_}"' if round_ else ""
        self.add(f'<rect class="{klass}" x="{num(x1)}" y="{num(y1)}" width="{num(x2 - x1)}" '
                 f'height="{num(y2 - y1)}"{more}/>')

    def path(self, klass, points):
        """Through the points; each step is relative, which is shorter."""
        at = [(round(x * 10), round(y * 10)) for x, y in points]
        d = f"M{num(at[0][0] / 10)} {num(at[0][1] / 10)}l"
        for (x1, y1), (x2, y2) in zip(at, at[1:]):
            d += f"{num((x2 - x1) / 10)} {num((y2 - y1) / 10)} ".replace(" -", "-")
        self.add(f'<path class="{klass}" d="{d.strip()}"/>')

    def triangle(self, x, y, klass, up):
        d = "l5 9h-10z" if up else "l5-9h-10z"
        self.add(f'<path class="{klass}" d="M{num(x)} {num(y - 5 if up else y + 5)}{d}"/>')


def limits(when):
    """The lines a condition draws: (words, value, whether it is where the alarm clears, whether the
    words stand over the line)."""
    lines = [(f"{key} {when[key]}", float(when[key]), False, key != "below")
             for key in ("above", "below", "reaches") if key in when]
    lines += [(f"{time} over {level}", float(level), False, True)
              for level, time in when.get("dose", [])]
    if "outside" in when:
        low, high = when["outside"]
        lines += [(f"over {high}", float(high), False, True),
                  (f"under {low}", float(low), False, False)]
    back = float(when.get("deadband", 0))
    if "clear" in when:
        lines.append((f"clear {when['clear']}", float(when["clear"]), True, not lines[0][3]))
    elif back and "per" not in when:
        for _, value, _, over in lines[:]:
            value += -back if over else back
            lines.append((f"clear {value:g}", value, True, not over))
    return lines


class Chart:
    """The values of one point over time, and what the condition makes of them."""

    def __init__(self, sheet, timeline, top):
        self.s, self.timeline, self.top = sheet, timeline, top
        self.point = timeline.signal.points[0]
        self.bottom = top + PLOT

    def y(self, value):
        share = (value - self.point.low) / (self.point.high - self.point.low)
        return self.bottom - PLOT * share

    def scale(self):
        for value in ticks(self.point.low, self.point.high, 6):
            self.s.line(LEFT, self.y(value), RIGHT, self.y(value), "grid")
            self.s.text(LEFT - 8, self.y(value) + 4, f"{value:g}", "m", "end")

    def limits(self):
        for text, value, clears, over in limits(self.timeline.main["when"]):
            if not self.point.low <= value <= self.point.high:
                continue
            self.s.line(LEFT, self.y(value), RIGHT, self.y(value), "clr" if clears else "lim")
            self.s.text(LEFT + 6, self.y(value) + (-5 if over else 14), text,
                        "g h" if clears else "r h")

    def behind(self):
        """What lies behind the signal: windows, the time that has to pass."""
        when, span = self.timeline.main["when"], None
        for key in ("stuck", "silent"):
            if key in when:
                span = minutes(when[key])
        if "reaches" in when:
            span = minutes(when.get("fit", when["within"]))
        for event in self.timeline.lane.raised if span else []:
            at = self.s.x(event["minute"])
            begin = self.s.x(event["minute"] - span)
            words = f"trend of {num(span)} min" if "reaches" in when else f"{num(span)} min"
            self.s.box(begin, self.top, at, self.bottom, "win")
            self.s.text((begin + at) / 2, self.top + 14, words, "b h", "middle")
        for event in self.timeline.lane.raised if "per" in when else []:
            self.ruler(event, float(when.get("rises", when.get("falls"))))

    def ruler(self, event, change):
        """How far the value had to move, in the time it had for it."""
        per = minutes(self.timeline.main["when"]["per"])
        base = event["value"] - change if "rises" in self.timeline.main["when"] else event["value"] + change
        low, high = sorted((self.y(base), self.y(event["value"])))
        left, right = self.s.x(event["minute"] - per), self.s.x(event["minute"])
        self.s.box(left, low, right, high, "win")
        self.s.box(left, low, right, high, "rule")
        self.s.text(left - 6, (low + high) / 2 + 4,
                    f"{change:g} {self.point.unit} in {num(per)} min", "b h", "end")

    def signal(self):
        good = [(self.s.x(ms / 60000), self.y(v)) for ms, v, _ in self.point.samples
                if v is not None]
        if self.point.dots:
            self.s.add('<path class="dots" d="' + "".join(
                f"M{num(x)} {num(y)}h0" for x, y in good) + '"/>')
            bad = [self.s.x(ms / 60000) for ms, v, _ in self.point.samples if v is None]
            self.s.add('<path class="axis" d="' + "".join(
                f"M{num(x - 3)} {num(self.bottom - 13)}l6 6m0-6l-6 6" for x in bad) + '"/>')
        else:
            self.s.path("sig", good)

    def marks(self):
        """Where it raised and cleared, down to the alarm."""
        lane = self.timeline.lane
        for event in lane.raised:
            if "eta_ms" in event and "reaches" in self.timeline.main["when"]:
                self.forecast(event)
            if event["value"] is not None:
                self.s.triangle(self.s.x(event["minute"]), self.y(event["value"]), "up", True)
        for event in lane.cleared:
            if event["value"] is not None:
                self.s.triangle(self.s.x(event["minute"]), self.y(event["value"]), "down", False)

    def forecast(self, event):
        at, limit = event["minute"] + event["eta_ms"] / 60000, float(self.timeline.main["when"]["reaches"])
        self.s.line(self.s.x(event["minute"]), self.y(event["value"]), self.s.x(at),
                    self.y(limit), "ray")
        self.s.add(f'<circle class="ring" cx="{num(self.s.x(at))}" cy="{num(self.y(limit))}" '
                   'r="4.5"/>')
        self.s.text(self.s.x(at) - 8, self.y(limit) - 8, f"predicted: {num(at)} min", "v h", "end")

    def notes(self):
        for note in self.timeline.signal.notes:
            x, y = self.s.x(note.minute), self.y(note.value)
            if note.to:
                to = self.y(note.to[1])
                self.s.line(x, y + 4 if to > y else y - 11, self.s.x(note.to[0]), to, "axis at")
            self.s.text(x, y, note.text, "m h", note.anchor)

    def draw(self):
        self.scale()
        self.behind()
        self.limits()
        self.signal()
        self.marks()
        self.notes()


def draw_contact(sheet, timeline, point, top):
    """A line that is high while the contact says true."""
    at = [(sheet.x(0), top + (5 if point.samples[0][1] else STEP - 5))]
    for ms, value, _ in point.samples:
        y = top + (5 if value else STEP - 5)
        if y != at[-1][1]:
            at += [(sheet.x(ms / 60000), at[-1][1]), (sheet.x(ms / 60000), y)]
            if not value and "within" in timeline.main["when"]:
                end = sheet.x(ms / 60000 + minutes(timeline.main["when"]["within"]))
                sheet.box(at[-1][0], top + 5, end, top + STEP - 5, "win")
    at.append((sheet.x(timeline.signal.minutes), at[-1][1]))
    sheet.path("sig", at)
    sheet.text(LEFT - 8, top + STEP / 2 + 4, timeline.name_of(point), "m", "end")


def dose_rows(timeline):
    """How full each row is at each sample, by the rule of the manual, and what fired holds it to
    that: a row is full when, and only when, the alarm is raised."""
    rows = [(float(level), minutes(time), [(0, 0)]) for level, time in timeline.main["when"]["dose"]]
    samples = timeline.signal.points[0].samples
    for (ms, value, _), (next_ms, _, _) in zip(samples, samples[1:]):
        for level, full, curve in rows:
            by = (next_ms - ms) / 60000
            at = curve[-1][1] + (by if value > level else -by)
            curve.append((next_ms / 60000, min(max(at, 0), full)))
    firsts = [t for level, full, curve in rows for t, at in curve if at >= full][:1]
    if firsts != [e["minute"] for e in timeline.lane.raised]:
        raise ValueError(f"dose: rows full at {firsts}, raised otherwise")
    return rows


def corners(curve):
    """The curve without the points that lie on a line between their neighbours."""
    return [p for i, p in enumerate(curve) if i in (0, len(curve) - 1) or
            abs(curve[i - 1][1] + curve[i + 1][1] - 2 * p[1]) > 1e-9]


def draw_dose(sheet, row, top):
    level, full, curve = row
    bottom = top + STEP - 4
    way = [(sheet.x(t), bottom - (STEP - 8) * at / full) for t, at in corners(curve)]
    most = max(at for _, at in curve)
    sheet.box(LEFT, top + 4, RIGHT, bottom, "calm", 3)
    sheet.path("full" if most == full else "some", [*way, (RIGHT, bottom), (LEFT, bottom)])
    sheet.text(LEFT - 8, top + STEP / 2 + 4, f"over {level:g}", "m", "end")
    sheet.text(LEFT + 6, top + STEP / 2 + 4, f"{num(most)} of {num(full)} min",
               "r" if most == full else "m")


def draw_lane(sheet, lane, top):
    """The alarm: calm, waiting, held back, active, latched, with the times."""
    bottom = top + LANE
    sheet.box(LEFT, top, RIGHT, bottom, "calm", 3)
    for spans, klass in ((lane.active, "act"), (lane.latched, "lat")):
        for a, b in spans:
            sheet.box(sheet.x(a), top, sheet.x(b), bottom, klass)
    for a, b in lane.waiting:
        sheet.box(sheet.x(a), top, sheet.x(b), bottom, "wait")
        sheet.box(sheet.x(a), top, sheet.x(b), bottom, "stripes")
    sheet.text(LEFT - 8, top + 14, lane.name, "", "end")
    taken = [(sheet.x(a), sheet.x(b))
             for a, b in lane.active + lane.waiting + lane.held + lane.latched]
    for a, b in lane.held:
        sheet.box(sheet.x(a), top + 0.5, sheet.x(b), bottom - 0.5, "side", 3)
        sheet.text(sheet.x((a + b) / 2), top + 14, "suppressed", "m", "middle")
    for a, b in lane.latched:
        sheet.text(sheet.x(a) + 6, top + 14, f"gone {num(a)}; latched till reset", "i")
    starts = [a for a, _ in lane.waiting] + [minute for minute, _ in lane.told]
    for minute, word in lane.told:
        room = min([t for t in starts if t > minute], default=minute)
        if any(a == minute for a, _ in lane.latched):
            continue
        if word == "again":
            sheet.line(sheet.x(minute), top, sheet.x(minute), bottom, "h")
        label(sheet, top, taken, minute, word, sheet.x(room) if word != "cleared" else 0)


def label(sheet, top, taken, minute, word, inside):
    """Its time where there is room: inside as far as that goes, to the right, to the left."""
    words, x = f"{word} {num(minute)}", sheet.x(minute)
    need = wide(words) + 8
    if x + need <= inside:
        return sheet.text(x + 5, top + 14, words, "i")
    for begin, end in ((x, x + need), (x - need, x)):
        if LEFT <= begin and end <= RIGHT and all(b <= begin or end <= a for a, b in taken):
            taken.append((begin, end))
            return sheet.text(begin + 5, top + 14, words, "g" if word == "cleared" else "r")
    return None


def draw_time(sheet, top, bottom):
    for minute in ticks(0, sheet.length, 10):
        sheet.line(sheet.x(minute), top, sheet.x(minute), bottom, "grid")
        last = minute == ticks(0, sheet.length, 10)[-1]
        sheet.text(sheet.x(minute), bottom + 16, f"{minute:g} min" if last else f"{minute:g}",
                   "m", "middle")
    sheet.line(LEFT, bottom, RIGHT, bottom, "axis")


def heading(alarm):
    def plain(v):
        if isinstance(v, list):
            return "[" + ", ".join(map(plain, v)) + "]"
        return v
    words = [f"{k}: {'[...]' if k == 'of' else plain(v)}" for k, v in alarm["when"].items()]
    words += [f"{k}: {alarm[k]}" for k in AROUND if k in alarm]
    return ", ".join(words)


def page(title, description, height, parts, style="", dark=""):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {num(height)}" '
        f'width="{WIDTH}" height="{num(height)}" fill="none" role="img" aria-labelledby="t d">',
        f'<title id="t">{html.escape(title, False)}</title>',
        f'<desc id="d">{html.escape(description, False)}</desc>',
        "<!-- drawn by doc/pictures/draw.py: change that, not this -->",
        f"<style>{STYLE}{style}\n@media(prefers-color-scheme:dark){{{DARK}{dark}}}\n"
        ".stripes{fill:url(#s)}</style>",
        '<pattern id="s" width="8" height="8" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><path class="card" d="M0 0h3v8h-3z" '
        'style="stroke:none;opacity:.45"/></pattern>',
        f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{num(height - 1)}" '
        'rx="8"/>', *parts, "</svg>", ""])


def draw(timeline):
    sheet, y = Sheet(timeline.signal.minutes), TOP
    plots = []
    for point in timeline.signal.points:
        if point.contact:
            plots.append(lambda p=point, at=y: draw_contact(sheet, timeline, p, at))
            y += STEP
        else:
            plots.append(Chart(sheet, timeline, y).draw)
            y += PLOT + GAP
    for row in dose_rows(timeline) if "dose" in timeline.main["when"] else []:
        plots.append(lambda r=row, at=y: draw_dose(sheet, r, at))
        y += STEP
    y += GAP if plots and y > TOP else 0
    for lane in timeline.lanes:
        plots.append(lambda l=lane, at=y: draw_lane(sheet, l, at))
        y += LANE + GAP
    draw_time(sheet, TOP, y)
    for events, klass in ((timeline.lane.raised, "lim at"), (timeline.lane.cleared, "clr at")):
        for event in events:
            sheet.line(sheet.x(event["minute"]), TOP, sheet.x(event["minute"]), y, klass)
    for plot in plots:
        plot()
    sheet.text(20, 26, heading(timeline.main), "k")
    sheet.text(20, 46, timeline.place, "m")
    return page(f"When {heading(timeline.main)} raises an alarm", timeline.sentence(), y + 28, sheet.parts)
