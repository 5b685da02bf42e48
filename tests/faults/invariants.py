# SPDX-License-Identifier: Apache-2.0
"""The nine invariants over what one trial left behind. Each finding is one sentence that begins
with the invariant it breaks:

    I1 nothing is lost past its commit      I6 gateway and platform end in the same state
    I2 a repeat has the same id and bytes   I7 descriptors, threads, memory are back at the baseline
    I3 the order holds per alarm            I8 the fault itself was reported
    I4 nothing is invented                  I9 what policy drops is counted, and of the lowest class
    I5 latency is bounded

Pure: the evidence comes as an argument, so each invariant is itself tested with planted evidence.
I1 to I4 are judged by tests/e2e/oracle.py."""
import re
from dataclasses import dataclass, field, replace

import oracle

# Of the oracle's words.
NUMBER = {"lost": "I1", "malformed": "I2", "altered": "I2", "twice": "I2", "order": "I3",
          "invented": "I4"}
CLASSES = ("fault", "supervisory", "warning", "alarm")
LEVELS = ("blue", "yellow", "orange", "red")
NORMAL = ("normal", "suppressed", "out-of-service")


@dataclass
class Due:
    """A cause and the wall time by which its effect must have arrived (None: not bounded)."""
    alarm: str
    change: str
    caused_ms: int
    due_ms: int | None


@dataclass
class Evidence:
    arrivals: list
    causes: list
    due: list = field(default_factory=list)
    committed: list = field(default_factory=list)  # seqs the gateway has on paper
    own: str = "^zigbee/"      # the alarms the injector speaks for
    side: str = "."            # faults that may be told besides
    slack_ms: int = 5          # how much earlier than its cause an event may be dated
    alarms: list | None = None      # `tocsin alarms --all --json` at the end
    before: dict | None = None      # {"fds", "threads", "rss_kb"} before the fault
    after: dict | None = None       # and after it
    rss_slack_kb: int = 8192
    reported: str = ""         # what must have been said of the fault
    said: str = ""             # log, alert log and alarm keys since the fault began
    dropped: int = 0           # what the gateway counts as dropped by policy
    drop_classes: dict = field(default_factory=dict)  # (class, level) of each alarm of the injector
    may_drop: bool = False
    unordered: bool = False  # what was owed could not be read: a new alarm does not wait for it
    forgets: bool = False  # killed while nothing could be written: see _remembered


def _remembered(arrivals):
    """What left before its commit, marked so, and went down with its run, is not known to the
    next one, which tells it again under its own ids: only the last telling is judged."""
    last = max((a.data.get("run", 0) for a in arrivals), default=0)
    return [a for a in arrivals if a.data.get("durable") is not False or a.data["run"] == last]


def _told_again(arrivals):
    """What left before its commit may be told again after a kill, and the earlier telling is then
    not judged: under the same seq by a run that never heard of it (two starts on an empty folder
    in one second have numbers in any order), or under the same id as durable, if the commit was
    made and what remembers the telling was not."""
    last = {a.seq: a for a in arrivals}
    return [a for a in arrivals if a.data.get("durable") is not False
            or a.data.get("run") == last[a.seq].data.get("run")
            and not _is_durable_of(last[a.seq], a)]


def _is_durable_of(later, earlier):
    data = {**earlier.data, "durable": True}
    return later is not earlier and later.event == {**earlier.event, "data": data}


def violations(e):
    wrong = []
    e = replace(e, arrivals=_told_again(e.arrivals))
    if e.forgets:
        e = replace(e, arrivals=_remembered(e.arrivals))
    _oracle(e, wrong)
    _side(e, wrong)
    _latency(e, wrong)
    _states(e, wrong)
    _resources(e, wrong)
    _reported(e, wrong)
    return wrong


def _oracle(e, wrong):
    found = oracle.check(e.arrivals, e.causes, committed=e.committed, slack_ms=e.slack_ms,
                         only=e.own)
    found = [w for w in found if not _overtook(w) and not _ended(e, w)
             and not (e.unordered and w.startswith("order"))]
    lost = [w for w in found if w.startswith("lost")]
    if e.may_drop:
        _drops(e, lost, wrong)
        found = [w for w in found if w not in lost]
    wrong += [f"{NUMBER[w.split(':')[0]]} {w}" for w in found]


def _overtook(words):
    """A start that could not read its journal numbers far above it, and what arises then leaves
    before what was owed: seq says which is older."""
    found = re.fullmatch(
        rf"order: .* seq (\d+) came after seq (\d+){oracle.LATER_START}", words)
    return found and int(found[2]) - int(found[1]) >= oracle.JUMP_LEAST


def _ended(e, words):
    """An alarm that is no longer configured ends as cleared, also one that had returned; and a
    life that turns out to have been begun anew under another name ends, with a note."""
    found = re.fullmatch(r"invented: (\S+) clears .*, which was returned-unacked", words)
    if found:
        return any(a.id == found[1] and a.data.get("state") == "normal" for a in e.arrivals)
    found = re.fullmatch(r"invented: (\S+) cleared \(seq (\d+)\) has no cause", words)
    return found and any(
        a.alarm == found[1] and a.seq == int(found[2]) and a.data.get("state") == "normal"
        and "raised anew" in (a.data.get("note") or "") for a in e.arrivals)


def _drops(e, lost, wrong):
    """I9. Lost causes were counted, and each is of the lowest rank that was around."""
    gone = [w.split()[1] for w in lost if " cause " in w]
    if len(gone) > e.dropped:
        wrong.append(f"I9 {len(gone)} are missing, {e.dropped} are counted as dropped")
    rank = {alarm: (CLASSES.index(c), LEVELS.index(v)) for alarm, (c, v) in e.drop_classes.items()}
    lowest = min(rank.values(), default=None)
    for alarm in sorted(set(gone)):
        if rank.get(alarm) != lowest:
            wrong.append(f"I9 {alarm} was dropped, which is not of the lowest class")


def _side(e, wrong):
    for key in sorted({a.alarm for a in e.arrivals if a.alarm}):
        if not re.search(e.own, key) and not re.search(e.side, key):
            wrong.append(f"I4 invented: {key} has no cause in what was done")


def latencies(e):
    """[(Due, ms or None)]: the k-th effect of an alarm and change belongs to the k-th cause."""
    first = {}
    for a in e.arrivals:
        first.setdefault(a.id, a)
    came = {}
    for a in sorted(first.values(), key=lambda a: (a.data.get("run", 0), a.seq or 0)):
        came.setdefault((a.alarm, a.change), []).append(a.arrived_ms)
    out, used = [], {}
    for d in e.due:
        key = (d.alarm, d.change)
        n = used[key] = used.get(key, -1) + 1
        times = came.get(key, [])
        out.append((d, times[n] - d.caused_ms if n < len(times) else None))
    return out


def _latency(e, wrong):
    for d, ms in latencies(e):
        if ms is not None and d.due_ms is not None and d.caused_ms + ms > d.due_ms:
            wrong.append(f"I5 {d.alarm} {d.change} came after {ms} ms, "
                         f"{d.caused_ms + ms - d.due_ms} ms past its bound")


def platform_states(arrivals):
    """What a platform believes that keeps the last event of each alarm that came, repeats too."""
    return {a.alarm: a.data.get("state") for a in arrivals}


def platform_newest(arrivals):
    """What a platform believes that keeps the event with the highest seq. Numbers begin anew
    below those of an earlier start only when the state folder was lost: then the later run."""
    newest, spans = {}, {}
    for a in arrivals:
        first, last = spans.get(_run(a), (_seq(a), _seq(a)))
        spans[_run(a)] = min(first, _seq(a)), max(last, _seq(a))
    for a in arrivals:
        was = newest.get(a.alarm)
        if was is None or _is_newer(a, was, spans):
            newest[a.alarm] = a
    return {alarm: a.data.get("state") for alarm, a in newest.items()}


def _run(a):
    return a.data.get("run", 0)


def _seq(a):
    return a.seq or 0


def _is_newer(a, b, spans):
    """Of two runs the later one began anew if it gave numbers that the earlier one had given."""
    (first, _), (base, last) = spans[max(_run(a), _run(b))], spans[min(_run(a), _run(b))]
    if _run(a) != _run(b) and first <= last and base - first < oracle.JUMP_LEAST:
        return _run(a) > _run(b)
    return _seq(a) >= _seq(b)


def _states(e, wrong):
    if e.alarms is None:
        return
    here = {a["alarm"]: a["state"] for a in e.alarms}
    for there, how in ((platform_states(e.arrivals), "came last"),
                       (platform_newest(e.arrivals), "has the highest number")):
        for alarm in sorted(set(here) | set(there)):
            mine, theirs = here.get(alarm, "normal"), there.get(alarm, "normal")
            if alarm not in here and theirs == "returned-unacked":
                theirs = "normal"  # no longer configured, and cleared
            if mine != theirs and not (mine in NORMAL and theirs in NORMAL):
                wrong.append(f"I6 {alarm} is {mine} here and {theirs} at the platform by what {how}")


def _resources(e, wrong):
    if not e.before or not e.after:
        return
    for what, slack in (("fds", 2), ("threads", 0), ("rss_kb", e.rss_slack_kb)):
        if e.after[what] > e.before[what] + slack:
            wrong.append(f"I7 {what}: {e.before[what]} before, {e.after[what]} after")


def _reported(e, wrong):
    if e.reported and not re.search(e.reported, e.said):
        wrong.append(f"I8 nothing said /{e.reported}/")
