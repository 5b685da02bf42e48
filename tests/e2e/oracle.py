# SPDX-License-Identifier: Apache-2.0
"""The oracle: what was done to the building, what reached the platform, and do they agree?

The injector writes a ledger of what it did, the platform a ledger of what it took before it
answered 2xx. check() compares the two:

- nothing lost: every transition that was sure to be seen has arrived, seq has no gap, and all
  that the gateway says it committed (alert log, journal) has arrived;
- nothing twice: a repeat has the same id and identical bytes;
- in order: per alarm the first arrivals rise by seq, and what is raised was not active yet;
- nothing invented: every transition has a cause in the injector's ledger, and not before it;
  a chattering fault that was not foreseen has one in what arrived: three raises in a minute.

Standard library only: tools/demo gives its verdict with the same checker.
"""
import calendar
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field

PREFIX = "tocsin.alarm."
CHATTERING = ":chattering"
HEARTBEAT = "tocsin.gateway.heartbeat"
JUMP_LEAST = 1 << 20  # numbers that a start may pass over


def wall_ms():
    return time.time_ns() // 1_000_000


class Injector:
    """The ledger of what was done. Each expected transition is written before it is caused, so
    that nothing can arrive whose cause is not on paper yet. May be used by several threads."""

    def __init__(self, path):
        self.path = path
        self._lock = threading.Lock()
        self._file = open(path, "a", encoding="utf-8", buffering=1)

    def will(self, alarm, change, sure=True, point=None, value=None):
        """About to cause `change` of `alarm`; sure=False: it may go unseen (a value that comes
        and goes between two polls)."""
        row = {"wall_ms": wall_ms(), "alarm": alarm, "change": change, "sure": sure,
               "point": point, "value": value}
        with self._lock:
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def close(self):
        self._file.close()


@dataclass
class Cause:
    wall_ms: int
    alarm: str
    change: str
    sure: bool = True


@dataclass
class Arrival:
    raw: bytes
    event: dict = field(default_factory=dict)
    arrived_ms: int = 0

    def __post_init__(self):
        self.event = self.event or json.loads(self.raw)

    id = property(lambda self: self.event.get("id"))
    data = property(lambda self: self.event.get("data", {}))
    seq = property(lambda self: self.data.get("seq"))
    alarm = property(lambda self: self.data.get("alarm"))
    change = property(lambda self: self.data.get("change"))


def read_injector(path):
    causes = []
    with open(path, encoding="utf-8") as rows:
        for line in rows:
            row = json.loads(line)
            causes.append(Cause(row["wall_ms"], row["alarm"], row["change"], row["sure"]))
    return causes


def read_platform(path):
    """The alarm events a platform took, in the order they came, each as the bytes it came in;
    heartbeats are left out, and so is a last line that is half there. A ledger line is
    {..., "sha": of the bytes, "event": the bytes}."""
    found = []
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                break  # it is being written
            raw = line[line.index(b'"event": ') + 9:line.rindex(b"}")]
            row = json.loads(line)
            if hashlib.sha256(raw).hexdigest() != row["sha"]:
                raise ValueError(f"{path}:{number}: the ledger does not hold what came")
            if row["event"]["type"].startswith(PREFIX):
                found.append(Arrival(raw, row["event"], round(row.get("time", 0) * 1000)))
    return found


LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:[+-]\d\d:\d\d|Z)) "
    r"(?P<level>RED|ORANGE|YELLOW|BLUE) "
    r"(?P<change>raised|cleared|acked|reset|shelved|unshelved|level|amended) "
    r"(?P<subject>\S+) (?P<name>\S+) (?P<words>.*) @ (?P<place>.+) #(?P<seq>[1-9]\d*)")


def read_alert_log(path):
    """The lines of an alert log as dicts; a line of another shape is an error."""
    rows = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            found = LINE.fullmatch(line.rstrip("\n"))
            if not found or not line.endswith("\n"):
                raise ValueError(f"{path}:{number}: not an alert line: {line!r}")
            rows.append({**found.groupdict(), "seq": int(found["seq"])})
    return rows


def check(arrived, causes=None, committed=(), slack_ms=5, only=None):
    """What is wrong, one sentence each; an empty list is the good answer.

    arrived: Arrivals in order. causes: the injector's rows; None: what was caused is not
    known (then only the platform's half is judged). committed: seqs the gateway has on paper.
    only: regular expression of the alarms the injector speaks for; others are not its causes.
    """
    wrong = []
    first = _repeats(arrived, wrong)
    _gaps(first, committed, wrong)
    _order(first, wrong)
    if causes is not None:
        _causes(first, causes, slack_ms, only, wrong)
    return wrong


def _repeats(arrived, wrong):
    """The first arrival of each id, in order; repeats must be the same to the byte."""
    by_id = {}
    for a in arrived:
        missing = [k for k in ("seq", "run", "alarm", "change", "occurrence", "gateway",
                               "durable") if k not in a.data]
        if missing or not a.id:
            wrong.append(f"malformed: {a.id} lacks {', '.join(missing) or 'id'}")
            continue
        if a.id not in by_id:
            by_id[a.id] = a
        elif by_id[a.id].raw != a.raw:
            wrong.append(f"altered: {a.id} came again with other bytes: "
                         f"{_difference(by_id[a.id].event, a.event)}")
    for a in by_id.values():
        name = f"{a.data['gateway']}-{a.data['run']}-{a.seq:010d}"
        if a.id != name:
            wrong.append(f"altered: id {a.id} but its data says {name}")
        if a.event.get("type") != PREFIX + a.change:
            wrong.append(f"altered: {a.id} is of type {a.event.get('type')} "
                         f"but its change is {a.change}")
    return list(by_id.values())


def _difference(a, b):
    flat = {**a, **a.get("data", {})}, {**b, **b.get("data", {})}
    keys = [k for k in flat[0] if flat[0][k] != flat[1].get(k) and k != "data"]
    return ", ".join(f"{k} {flat[0][k]!r} -> {flat[1].get(k)!r}" for k in keys) or "spacing"


def _gaps(first, committed, wrong):
    by_seq = {}
    for a in first:
        before = by_seq.setdefault((a.data["gateway"], a.seq), a)
        # A disk that forgot: the earlier one left marked as not durable, under another run.
        if before is not a and before.data["durable"] and a.data["durable"]:
            wrong.append(f"twice: seq {a.seq} came as {before.id} and as {a.id}")
    for gateway in {g for g, _ in by_seq}:
        runs = {s: a.data["run"] for (g, s), a in by_seq.items() if g == gateway}
        lost = [gap for gap in _missing(sorted(runs)) if not _jumped(gap, runs)]
        if lost:
            wrong.append(f"lost: {gateway} seq {_words(lost)} never arrived")
    lost = sorted(set(committed) - {s for _, s in by_seq})
    if lost:
        wrong.append(f"lost: committed seq {_ranges(lost)} never arrived")


def _missing(seqs):
    """(first, last) of each run of numbers from 1 on that are not there."""
    return [(a + 1, b - 1) for a, b in zip([0, *seqs], seqs) if b > a + 1]


def _jumped(gap, runs):
    """A start that could not read the last number begins far above all that was given."""
    return (gap[1] - gap[0] > JUMP_LEAST and runs[gap[1] + 1] != runs.get(gap[0] - 1)
            and not any(run == runs[gap[1] + 1] for seq, run in runs.items() if seq < gap[0]))


def _ranges(numbers):
    out = []
    for n in numbers:
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return _words(out)


def _words(ranges):
    text = [str(a) if a == b else f"{a}-{b}" for a, b in ranges]
    return ", ".join(text[:8]) + (" ..." if len(text) > 8 else "")


LATER_START = " of a later start"


def _forgotten(first):
    """Ids of events that left as not durable before a power cut forgot them: a later start gave
    their numbers again."""
    newest = {(a.data["gateway"], a.seq): a for a in first}
    return {a.id for a in first
            if not a.data["durable"] and newest[a.data["gateway"], a.seq] is not a}


def _order(first, wrong):
    last, before, forgotten = {}, {}, _forgotten(first)
    for a in first:
        starts = last.setdefault((a.data["gateway"], a.alarm), {})  # run: its highest seq
        for run, seq in starts.items():
            # A later start may give numbers again that the disk forgot, no earlier one does.
            if run == a.data["run"] and a.seq <= seq:
                wrong.append(f"order: {a.alarm} seq {a.seq} came after seq {seq}")
            elif run > a.data["run"] and a.seq < seq:
                wrong.append(f"order: {a.alarm} seq {a.seq} came after seq {seq}{LATER_START}")
        starts[a.data["run"]] = max(a.seq, starts.get(a.data["run"], 0))
    for a in sorted((a for a in first if a.id not in forgotten), key=lambda a: a.seq):
        # An amendment repeats what stands; a shelved alarm moves unseen until it is unshelved.
        was, state = before.get(a.alarm), a.data.get("state", "")
        active = was is not None and was.data.get("state", "").startswith("active")
        hidden = was is not None and was.data.get("state") == "shelved"
        if a.change == "raised" and active:
            wrong.append(f"twice: {a.alarm} raised as {was.id} and again as {a.id}")
        if a.change == "cleared" and not active and not hidden:
            wrong.append(f"invented: {a.id} clears {a.alarm}, which was "
                         f"{was.data.get('state') if was else 'never raised'}")
        if a.change == "raised" and not (state.startswith("active") or state == "shelved"):
            wrong.append(f"altered: {a.id} raised, but state is {state!r}")
        before[a.alarm] = a


def _causes(first, causes, slack_ms, only, wrong):
    wanted, seen = {}, {}
    for c in causes:
        wanted.setdefault(c.alarm, []).append(c)
    for a in sorted(first, key=lambda a: a.seq):
        if a.change in ("raised", "cleared") and (not only or re.search(only, a.alarm)):
            seen.setdefault(a.alarm, []).append(a)
    for alarm in [alarm for alarm in seen if alarm.endswith(CHATTERING) and alarm not in wanted]:
        _chatter(seen.pop(alarm), first, wrong)
    for alarm in sorted(set(wanted) | set(seen)):
        _align(alarm, wanted.get(alarm, []), seen.get(alarm, []), slack_ms, wrong)


def _chatter(faults, first, wrong):
    for fault in (a for a in faults if a.change == "raised"):
        at = parse_time_ms(fault.event["time"])
        of = fault.data.get("confirmed_by", [])
        raises = [a for a in first if a.alarm in of[:1] and a.change == "raised"
                  and at - 60_000 < parse_time_ms(a.event["time"]) <= at]
        if len(raises) < 3:
            wrong.append(f"invented: {fault.alarm} (seq {fault.seq}): {of} was raised "
                         f"{len(raises)} times in a minute")


def _align(alarm, causes, seen, slack_ms, wrong):
    """Pair what was seen with its causes, both in order, so that the fewest sure causes stay
    without effect and the fewest effects without cause (edit distance by rows)."""
    width = len(causes) + 1
    cost = [0] * width
    for j, c in enumerate(causes):
        cost[j + 1] = cost[j] + (1 if c.sure else 0)
    table = [cost]
    for a in seen:
        row = [table[-1][0] + 1]
        for j, c in enumerate(causes):
            best = min(table[-1][j + 1] + 1, row[j] + (1 if c.sure else 0))
            if _fits(c, a, slack_ms):
                best = min(best, table[-1][j])
            row.append(best)
        table.append(row)
    i, j = len(seen), len(causes)
    while i or j:
        here = table[i][j]
        if i and j and _fits(causes[j - 1], seen[i - 1], slack_ms) and here == table[i - 1][j - 1]:
            i, j = i - 1, j - 1
        elif j and here == table[i][j - 1] + (1 if causes[j - 1].sure else 0):
            j -= 1
            if causes[j].sure:
                wrong.append(f"lost: {alarm} {causes[j].change}, cause {j + 1} of "
                             f"{len(causes)} at {causes[j].wall_ms}, had no effect")
        else:
            i -= 1
            wrong.append(f"invented: {alarm} {seen[i].change} (seq {seen[i].seq}) has no cause")


def _fits(cause, arrival, slack_ms):
    if cause.change != arrival.change:
        return False
    happened = arrival.event.get("time")
    return happened is None or parse_time_ms(happened) + slack_ms >= cause.wall_ms


def parse_time_ms(text):
    """RFC 3339 with milliseconds, UTC or with an offset, as milliseconds since 1970."""
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?"
                         r"(Z|[+-]\d\d:\d\d)", text)
    if not found:
        raise ValueError(f"not a time: {text!r}")
    at = calendar.timegm(tuple(int(found[i]) for i in range(1, 7)))
    if found[8] != "Z":
        minutes = int(found[8][1:3]) * 60 + int(found[8][4:6])
        at -= 60 * minutes * (1 if found[8][0] == "+" else -1)
    return at * 1000 + int((found[7] or "0")[:3].ljust(3, "0"))
