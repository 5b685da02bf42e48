# SPDX-License-Identifier: Apache-2.0
"""Each invariant finds what is planted for it, and a clean trial is clean."""
import json

import invariants
import oracle
import pytest
import trial  # noqa: F401: the paths
from invariants import Due, Evidence

T0 = 1_795_300_000_000
ALARM = "zigbee/smoke-0/value:smoke"
TANK = "zigbee/tank-3/value:tank"


def arrival(seq, change, alarm=ALARM, run=1, ms=10, **more):
    state = {"raised": "active-unacked", "cleared": "returned-unacked"}[change]
    at = T0 + seq * 100
    event = {"type": f"tocsin.alarm.{change}", "id": f"box-{run}-{seq:010d}",
             "time": stamp(at), "data": {
                 "gateway": "box", "alarm": alarm, "seq": seq, "run": run, "change": change,
                 "state": state, "durable": True, "occurrence": f"{alarm}/{seq}", **more}}
    return oracle.Arrival(json.dumps(event).encode(), event, at + ms)


def stamp(ms):
    import datetime
    at = datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def clean(n=4):
    changes = [("raised", "cleared")[k % 2] for k in range(n)]
    arrivals = [arrival(k + 1, c) for k, c in enumerate(changes)]
    causes = [oracle.Cause(T0 + (k + 1) * 100, ALARM, c) for k, c in enumerate(changes)]
    due = [Due(c.alarm, c.change, c.wall_ms, c.wall_ms + 2000) for c in causes]
    state = arrivals[-1].data["state"] if arrivals else "normal"
    return Evidence(arrivals, causes, due, committed=list(range(1, n + 1)),
                    side="^gateway:", alarms=[{"alarm": ALARM, "state": state},
                                              {"alarm": "zigbee:down", "state": "normal"}],
                    before={"fds": 20, "threads": 7, "rss_kb": 9000},
                    after={"fds": 21, "threads": 7, "rss_kb": 9100},
                    reported="disk", said="store: the disk is full")


def broken(evidence):
    return {w[:2] for w in invariants.violations(evidence)}


def test_clean():
    assert invariants.violations(clean()) == []


@pytest.mark.parametrize("at", range(4))
def test_i1_lost(at):
    e = clean()
    del e.arrivals[at]
    assert "I1" in broken(e)


def test_i1_lost_past_its_commit():
    e = clean()
    e.committed.append(5)
    assert broken(e) == {"I1"}


def test_i2_other_bytes_and_other_id():
    e = clean()
    e.arrivals.append(arrival(4, "cleared", value=7))
    assert broken(e) == {"I2"}
    e = clean()
    e.arrivals.append(arrival(5, "raised", occurrence=e.arrivals[0].data["occurrence"]))
    assert broken(e)


def test_i3_order():
    e = clean()
    e.arrivals[1:3] = e.arrivals[2:0:-1]
    assert "I3" in broken(e)


def test_i4_invented():
    e = clean()
    e.arrivals += [arrival(5, "raised", TANK), arrival(6, "cleared", TANK)]
    assert "I4" in broken(e)
    e = clean()
    e.arrivals += [arrival(5, "raised", "city:down")]
    assert "I4" in broken(e)
    e.side = "^city:"
    assert "I4" not in broken(e)


def test_i5_late():
    e = clean()
    e.arrivals[3].arrived_ms = e.due[3].due_ms + 1
    assert broken(e) == {"I5"}
    e.due[3].due_ms = None
    assert broken(e) == set()


def test_i6_states_differ():
    e = clean()
    e.alarms[0]["state"] = "active-unacked"
    assert broken(e) == {"I6"}
    e = clean()
    e.alarms[1]["state"] = "active-unacked"  # never told
    assert broken(e) == {"I6"}
    e = clean()
    e.alarms = []  # no longer configured: cleared at the platform
    assert broken(e) == set()
    e = clean(3)
    e.alarms = []
    assert broken(e) == {"I6"}


@pytest.mark.parametrize("what, more", (("fds", 3), ("threads", 1), ("rss_kb", 9000)))
def test_i7_leak(what, more):
    e = clean()
    e.after[what] = e.before[what] + more
    assert broken(e) == {"I7"}


def test_i8_unreported():
    e = clean()
    e.said = ""
    assert broken(e) == {"I8"}


def test_i9_dropped():
    e = clean()
    e.may_drop, e.drop_classes = True, {ALARM: ("alarm", "red"), TANK: ("warning", "blue")}
    e.causes.append(oracle.Cause(T0, TANK, "raised"))
    assert broken(e) == {"I9"}          # not counted
    e.dropped = 1
    assert broken(e) == set()
    e.causes.append(oracle.Cause(T0 + 9000, ALARM, "raised"))
    e.dropped = 2
    assert broken(e) == {"I9"}          # counted, but of a higher class


def test_latency_pairs_the_kth_effect_with_the_kth_cause():
    e = clean()
    assert [ms for _, ms in invariants.latencies(e)] == [10] * 4
    del e.arrivals[3]
    assert [ms for _, ms in invariants.latencies(e)] == [10, 10, 10, None]


def test_what_went_down_with_its_run_is_told_again():
    e = clean(2)
    e.arrivals.insert(1, arrival(2, "cleared", run=1, durable=False))
    e.arrivals[2] = arrival(2, "cleared", run=2)
    assert broken(e) == set()          # under the same seq
    e.arrivals[1] = arrival(2, "cleared", run=1)
    assert broken(e)                    # it said that it was durable
    e.arrivals[1] = arrival(3, "cleared", run=1, durable=False)
    assert broken(e)                    # under another seq: killed with a disk that takes nothing
    e.forgets = True
    assert broken(e) == set()


def test_two_first_starts_in_one_second_may_be_numbered_in_any_order():
    e = clean(2)
    e.arrivals[1] = arrival(2, "cleared", run=1)
    e.arrivals.insert(1, arrival(2, "cleared", run=2, durable=False))
    assert broken(e) == set()


def test_a_repeat_may_differ_in_durable_alone():
    e = clean(2)
    e.arrivals.insert(1, arrival(2, "cleared", durable=False))
    assert broken(e) == set()
    e.arrivals[1] = arrival(2, "cleared", durable=False, occurrence="another")
    assert "I2" in broken(e)
    e.arrivals[1:] = [arrival(2, "cleared"), arrival(2, "cleared", durable=False)]
    assert "I2" in broken(e)            # it was said to be committed before


def test_what_a_start_without_its_journal_told_may_come_first():
    e = clean(3)
    late = e.arrivals.pop()
    jumped = arrival(oracle.JUMP_LEAST + 9, "cleared", run=2)
    e.arrivals[1:1] = [jumped]
    e.arrivals.append(late)
    e.causes.append(oracle.Cause(T0, ALARM, "cleared"))
    e.alarms, e.due = None, []
    assert broken(e) == set()
    e.arrivals[1:2] = [arrival(5, "cleared", run=2)]
    assert "I3" in broken(e)


def test_the_end_of_an_alarm_no_longer_configured_is_not_invented():
    e = clean(2)
    last = arrival(3, "cleared", state="normal")
    e.arrivals.append(last)
    e.causes.append(oracle.Cause(T0, ALARM, "cleared"))
    e.alarms = None
    assert broken(e) == set()
    e.arrivals[-1] = arrival(3, "cleared")
    assert broken(e) == {"I4"}
