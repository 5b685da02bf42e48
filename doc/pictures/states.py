# SPDX-License-Identifier: Apache-2.0
"""How an alarm's state moves, drawn by hand: gateway/alarm/state.c in one picture."""
import svg

BOX = 160, 46
# state: its middle, its look, what it means
STATES = {
    "normal": (100, 128, "calm", "nothing is the matter"),
    "active-unacked": (320, 128, "act", "nobody has seen it"),
    "active-acked": (540, 128, "acted", "somebody knows"),
    "returned-unacked": (100, 268, "gone", "over before it was seen"),
    "latched-unacked": (320, 268, "lat", "over, not seen, held"),
    "latched-acked": (540, 268, "latted", "over, seen, held"),
}
STYLE = """.n{font:600 13px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}\
.t{font-size:15px;font-weight:600}.n.i,.p{fill:#fff}.gone,.acted,.latted{fill:none;stroke-width:2;stroke:#1a7f37}.acted{stroke:#c01f2b}\
.latted{stroke:#8250df}.way{stroke:#59636e;stroke-width:1.4}.tip{fill:#59636e}\
.red{stroke:#c01f2b}.redtip{fill:#c01f2b}"""
DARK = """.n.i,.p{fill:#0d1117}.gone{stroke:#56d364}.acted{stroke:#ff7b72}.latted{stroke:#bc8cff}.way{stroke:#9198a1}\
.tip{fill:#9198a1}.red{stroke:#ff7b72}.redtip{fill:#ff7b72}"""
BESIDE = (
    ("shelved", "put aside by a person, until a time: moves on silently underneath"),
    ("suppressed", "by unless: it is true, but is not raised before that has ended"),
    ("out-of-service", "by the configuration: it raises nothing, and what stood is cleared"),
)
SENTENCE = """From normal an alarm is raised to active-unacked; acknowledged it is active-acked. When \
its condition is over, an acknowledged one is normal, one that nobody has seen is \
returned-unacked until it is acknowledged. With latch it is latched-unacked or latched-acked \
instead; latched-acked becomes normal by a reset. Whatever is true again is raised again; with re_alarm \
an active-acked one becomes active-unacked again after that time. Beside these: shelved, suppressed \
and out-of-service."""
TIPS = {"right": "l-9-4.5v9z", "left": "l9-4.5v9z", "up": "l-4.5 9h9z", "down": "l-4.5-9h9z"}


def way(sheet, corners, direction, red=False):
    """An arrow along the corners."""
    d = "M" + "L".join(f"{svg.num(x)} {svg.num(y)}" for x, y in corners)
    x, y = corners[-1]
    sheet.add(f'<path class="{"way red" if red else "way"}" d="{d}"/>')
    sheet.add(f'<path class="{"redtip" if red else "tip"}" '
              f'd="M{svg.num(x)} {svg.num(y)}{TIPS[direction]}"/>')


def box(sheet, name):
    x, y, look, means = STATES[name]
    wide, high = BOX
    sheet.box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2, look, 8)
    on = look in ("act", "lat")
    sheet.text(x, y - 3, name, "n i" if on else "n", "middle")
    sheet.text(x, y + 14, means, "p" if on else "m", "middle")


def draw():
    sheet = svg.Sheet(1)
    sheet.text(20, 28, "How an alarm's state moves", "t")
    way(sheet, [(180, 120), (240, 120)], "right", red=True)
    sheet.text(210, 108, "raised", "r", "middle")
    way(sheet, [(400, 116), (460, 116)], "right")
    sheet.text(430, 108, "ack", "m", "middle")
    way(sheet, [(460, 138), (400, 138)], "left", red=True)
    sheet.text(430, 155, "re_alarm", "r", "middle")
    way(sheet, [(540, 105), (540, 66), (100, 66), (100, 105)], "down")
    sheet.text(320, 58, "cleared, no latch", "g", "middle")
    way(sheet, [(256, 151), (256, 200), (130, 200), (130, 245)], "down")
    sheet.text(193, 192, "cleared, no latch", "g", "middle")
    way(sheet, [(70, 245), (70, 151)], "up")
    sheet.text(62, 202, "ack", "m", "end")
    way(sheet, [(310, 151), (310, 245)], "down")
    sheet.text(318, 182, "cleared,", "g")
    sheet.text(318, 198, "latch", "g")
    way(sheet, [(400, 268), (460, 268)], "right")
    sheet.text(430, 260, "ack", "m", "middle")
    way(sheet, [(570, 151), (570, 245)], "down")
    sheet.text(562, 182, "cleared,", "g", "end")
    sheet.text(562, 198, "latch", "g", "end")
    way(sheet, [(540, 291), (540, 318), (10, 318), (10, 128), (20, 128)], "right")
    sheet.text(320, 312, "reset", "m", "middle")
    # what comes true again: taps from the three below, one arrow
    sheet.line(160, 245, 160, 228, "way red")
    sheet.line(500, 245, 500, 228, "way red")
    sheet.line(376, 245, 376, 228, "way red")
    way(sheet, [(160, 228), (500, 228), (376, 228), (376, 151)], "up", red=True)
    sheet.text(438, 222, "raised again", "r", "middle")
    for name in STATES:
        box(sheet, name)
    top = 346
    for name, means in BESIDE:
        sheet.box(20, top, 620, top + 34, "side", 8)
        sheet.text(32, top + 22, name, "n")
        sheet.text(170, top + 22, means, "m")
        top += 44
    return svg.page("How an alarm's state moves", SENTENCE, top + 6, sheet.parts, STYLE, DARK)
