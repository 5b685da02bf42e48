# SPDX-License-Identifier: Apache-2.0
"""The checker finds what is planted, and nothing else."""
import copy
import datetime
import hashlib
import json
import random

import city_platform
import oracle
import pytest

T0 = 1_795_300_000_000


def stamp(ms):
    at = datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def event(seq, alarm, change, ms, run=1, occurrence=None):
    state = {"raised": "active-unacked", "cleared": "returned-unacked"}[change]
    return {"specversion": "1.0", "type": f"tocsin.alarm.{change}",
            "source": "urn:tocsin:box", "id": f"box-{run}-{seq:010d}", "time": stamp(ms),
            "data": {"gateway": "box", "alarm": alarm, "seq": seq, "run": run,
                     "change": change, "state": state, "durable": True, "value": 52.3,
                     "occurrence": occurrence or f"{alarm}/{seq}", "place": "锅炉房"}}


def pack(e):
    return json.dumps(e, ensure_ascii=False).encode()


def story(alarms=3, lives=6, seed=7):
    """A clean run: (causes, events in seq order)."""
    rng = random.Random(seed)
    plan = [f"s/d{n}/p:x" for n in range(alarms) for _ in range(lives * 2)]
    rng.shuffle(plan)
    causes, events, on, ms = [], [], {}, T0
    for seq, alarm in enumerate(plan, 1):
        change = "cleared" if on.get(alarm) else "raised"
        on[alarm] = not on.get(alarm)
        ms += rng.randrange(20, 500)
        causes.append(oracle.Cause(ms, alarm, change))
        events.append(event(seq, alarm, change, ms + rng.randrange(1, 15)))
    return causes, events


def judge(events, causes, **more):
    return oracle.check([oracle.Arrival(pack(e)) for e in events], causes, **more)


def kinds(wrong):
    return {w.split(":")[0] for w in wrong}


def test_a_clean_run_is_clean():
    causes, events = story()
    assert judge(events, causes, committed=range(1, len(events) + 1)) == []


def test_repeats_with_the_same_bytes_are_fine():
    causes, events = story()
    assert judge(events[:9] + events[4:9] + events[9:] + events[:2], causes) == []


def test_alarms_may_overtake_each_other():
    causes, events = story()
    events.sort(key=lambda e: (e["data"]["alarm"], e["data"]["seq"]))
    assert judge(events, causes) == []


@pytest.mark.parametrize("at", range(36))
def test_drop(at):
    causes, events = story()
    del events[at]
    wrong = judge(events, causes)
    assert "lost" in kinds(wrong), wrong


def test_drop_of_the_last_is_seen_by_commit_and_by_cause():
    causes, events = story()
    assert kinds(judge(events[:-1], causes)) == {"lost"}
    assert kinds(judge(events[:-1], None, committed=range(1, 37))) == {"lost"}


def test_drop_that_closes_the_gap_is_still_lost():
    """The gateway forgot a transition and numbered on as if it had never been."""
    causes, events = story()
    pair = [i for i, e in enumerate(events) if e["data"]["alarm"] == "s/d1/p:x"][2:4]
    kept = [e for i, e in enumerate(events) if i not in pair]
    for seq, e in enumerate(kept, 1):
        e["data"]["seq"], e["id"] = seq, f"box-1-{seq:010d}"
    wrong = judge(kept, causes)
    assert kinds(wrong) == {"lost"} and len(wrong) == 2, wrong


@pytest.mark.parametrize("at", (0, 5, 17, 35))
def test_duplicate_under_a_new_id(at):
    causes, events = story()
    twin = copy.deepcopy(events[at])
    twin["data"]["run"], twin["id"] = 2, f"box-2-{twin['data']['seq']:010d}"
    wrong = judge(events[:at + 1] + [twin] + events[at + 1:], causes)
    assert "twice" in kinds(wrong), wrong


def test_duplicate_under_a_new_seq():
    causes, events = story()
    twin = copy.deepcopy(events[0])
    twin["data"]["seq"], twin["id"] = 37, "box-1-0000000037"
    # Put behind everything: raised again while it may stand or not, but never with a cause.
    assert kinds(judge(events + [twin], causes)) & {"invented", "twice"}
    events = [events[0], {**copy.deepcopy(events[0]), "id": "box-1-0000000002"}]
    events[1]["data"]["seq"] = 2
    assert "twice" in kinds(judge(events, causes[:1]))


def test_a_seq_given_again_after_a_disk_that_forgot_is_allowed():
    first = event(1, "s/d/p:x", "raised", T0 + 5)
    first["data"]["durable"] = False
    second = event(1, "s/e/p:x", "raised", T0 + 900, run=2)
    causes = [oracle.Cause(T0, "s/d/p:x", "raised"), oracle.Cause(T0 + 800, "s/e/p:x", "raised")]
    assert judge([first, second], causes) == []
    first["data"]["durable"] = True
    assert "twice" in kinds(judge([first, second], causes))


def test_a_start_that_knows_no_number_begins_far_above():
    far = 4_000_000_000
    causes = [oracle.Cause(T0 + n, f"s/d{n}/p:x", "raised") for n in range(4)]

    def of(seqs, runs):
        return judge([event(s, f"s/d{n}/p:x", "raised", T0 + n + 5, run=r)
                      for n, (s, r) in enumerate(zip(seqs, runs))], causes)
    assert of((1, 2, far, far + 1), (1, 1, 2, 2)) == []
    assert kinds(of((1, 2, far, far + 1), (1, 1, 1, 1))) == {"lost"}, "not within a run"
    assert kinds(of((1, 2, far, far + 2), (1, 1, 2, 2))) == {"lost"}, "then without gaps"
    assert kinds(of((1, 2, 9, 10), (1, 1, 2, 2))) == {"lost"}, "nor by a few"
    assert kinds(of((1, 2, far, far + 1), (2, 1, 2, 2))) == {"lost"}, "nor in its middle"


def test_swap():
    causes, events = story()
    mine = [i for i, e in enumerate(events) if e["data"]["alarm"] == "s/d2/p:x"]
    a, b = mine[3], mine[4]
    events[a], events[b] = events[b], events[a]
    wrong = judge(events, causes)
    assert kinds(wrong) == {"order"}, wrong


def test_numbers_that_a_power_cut_forgot_are_given_again():
    """The first start sent 2 to 5 before their commit; the second begins anew with 2."""
    def life(run):
        return [event(n, "s/d/p:x", "cleared" if n % 2 == 0 else "raised", T0 + n, run=run)
                for n in range(2, 6)]
    events = [event(1, "s/d/p:x", "raised", T0)] + life(1) + life(2)
    for e in events[1:5]:
        e["data"]["durable"] = False
    assert oracle.check([oracle.Arrival(pack(e)) for e in events]) == []
    late = [events[0], *events[5:], events[1]]
    assert "order" in kinds(oracle.check([oracle.Arrival(pack(e)) for e in late]))
    swapped = [*events[:5], events[6], events[5], *events[7:]]
    assert "order" in kinds(oracle.check([oracle.Arrival(pack(e)) for e in swapped]))


def test_swap_of_what_happened():
    """Cleared before raised, though numbered in order."""
    causes, events = story(alarms=1, lives=1)
    for e, change in zip(events, ("cleared", "raised")):
        e["data"]["change"], e["type"] = change, f"tocsin.alarm.{change}"
        e["data"]["state"] = "active-unacked" if change == "raised" else "returned-unacked"
    assert "invented" in kinds(judge(events, causes))


def test_invented_alarm():
    causes, events = story()
    events.append(event(37, "s/never/p:x", "raised", T0 + 10 ** 6))
    assert kinds(judge(events, causes)) == {"invented"}
    assert judge(events, causes, only="^s/d") == []


def test_a_chattering_fault_has_its_cause_in_three_raises():
    causes = [oracle.Cause(T0 + n * 1000, "s/d/p:x", ("raised", "cleared")[n % 2])
              for n in range(6)]
    events = [event(n + 1, c.alarm, c.change, c.wall_ms) for n, c in enumerate(causes)]
    fault = event(7, "s/d:chattering", "raised", T0 + 5000)
    fault["data"]["confirmed_by"] = ["s/d/p:x"]
    assert judge(events + [fault], causes) == []
    fault["data"]["confirmed_by"] = ["s/d/p:y"]
    assert kinds(judge(events + [fault], causes)) == {"invented"}
    fault["data"]["confirmed_by"] = ["s/d/p:x"]
    fault["time"] = stamp(T0 + 60_000)  # the first was a minute ago
    assert kinds(judge(events + [fault], causes)) == {"invented"}


def test_invented_life():
    causes, events = story()
    events += [event(37, "s/d0/p:x", "raised", T0 + 10 ** 6),
               event(38, "s/d0/p:x", "cleared", T0 + 10 ** 6 + 1)]
    wrong = judge(events, causes)
    assert kinds(wrong) == {"invented"} and len(wrong) == 2, wrong


def test_invented_before_its_cause():
    causes, events = story(alarms=1, lives=1)
    events[0]["time"] = stamp(causes[0].wall_ms - 400)
    assert kinds(judge(events, causes)) == {"invented", "lost"}


@pytest.mark.parametrize("key, value", (("value", 52.4), ("place", "锅炉房 "), ("alarm", "s/d9/p:x")))
def test_altered_repeat(key, value):
    causes, events = story()
    twin = copy.deepcopy(events[3])
    twin["data"][key] = value
    wrong = judge(events + [twin], causes)
    assert kinds(wrong) == {"altered"} and key in wrong[0], wrong


def test_altered_spacing_of_a_repeat():
    causes, events = story()
    sent = [oracle.Arrival(pack(e)) for e in events]
    again = oracle.Arrival(json.dumps(events[0], ensure_ascii=False, indent=1).encode())
    assert kinds(oracle.check(sent + [again], causes)) == {"altered"}


def says(events, words, causes=None):
    """Exactly one complaint, which holds the words."""
    wrong = judge(events, causes)
    assert len(wrong) == 1 and words in wrong[0], wrong


def test_altered_id():
    causes, events = story()
    events[2]["id"] = "box-1-3"
    says(events, "altered: id box-1-3 but", causes)


def test_altered_type():
    causes, events = story()
    events[4]["type"] = "tocsin.alarm.amended"
    says(events, "is of type tocsin.alarm.amended", causes)


def test_a_raise_that_is_not_active():
    events = [event(1, "s/d/p:x", "raised", T0)]
    events[0]["data"]["state"] = "normal"
    says(events, "altered: box-1-0000000001 raised, but state is 'normal'")


def test_malformed():
    causes, events = story()
    del events[-1]["data"]["occurrence"]
    assert "malformed" in kinds(judge(events, causes))


def test_without_the_injector_gaps_and_orphans_are_seen():
    says([event(1, "s/d/p:x", "raised", T0), event(3, "s/d/p:x", "cleared", T0 + 9)],
         "lost: box seq 2 never arrived")
    says([event(1, "s/d/p:x", "cleared", T0)], "which was never raised")


def test_a_shelved_alarm_moves_unseen():
    events = [event(1, "s/d/p:x", "raised", T0), event(2, "s/d/p:x", "raised", T0 + 1),
              event(3, "s/d/p:x", "cleared", T0 + 2)]
    events[1]["data"].update(change="shelved", state="shelved")
    events[1]["type"] = "tocsin.alarm.shelved"
    assert judge(events, None) == []


def test_unsure_causes_may_go_unseen_but_sure_ones_not():
    alarm = "s/d/p:x"
    causes = [oracle.Cause(T0 + 100 * n, alarm, c, sure) for n, (c, sure) in enumerate(
        [("raised", False), ("cleared", False), ("raised", True), ("cleared", True)])]
    both = [event(1, alarm, "raised", T0 + 210), event(2, alarm, "cleared", T0 + 310)]
    assert judge(both, causes) == []
    assert kinds(judge(both[:1], causes)) == {"lost"}
    assert kinds(judge([], causes)) == {"lost"}


def ledger_line(n, raw, sha=None):
    meta = json.dumps({"n": n, "id": "x", "sha": sha or hashlib.sha256(raw).hexdigest()})
    return meta[:-1].encode() + b', "event": ' + raw + b"}\n"


def test_ledger_of_the_platform_reads_back_to_the_byte(tmp_path):
    odd = b'{"type": "tocsin.alarm.raised",  "id": "1", "data":{"text":"}\\u00e9, \xe9\x94\x85"}}'
    beat = b'{"type":"tocsin.gateway.heartbeat","id":"b"}'
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(ledger_line(1, beat) + ledger_line(2, odd))
    assert [a.raw for a in oracle.read_platform(path)] == [odd]
    path.write_bytes(ledger_line(1, odd, sha="0" * 64))
    with pytest.raises(ValueError, match=":1: "):
        oracle.read_platform(path)


def test_a_line_that_is_being_written_is_not_read_yet(tmp_path):
    raw = json.dumps({"id": "a", "type": "tocsin.alarm.raised", "data": {}})
    sha = hashlib.sha256(raw.encode()).hexdigest()
    whole = f'{{"n": 1, "sha": "{sha}", "event": {raw}}}\n'
    (tmp_path / "ledger").write_text(whole + whole[:40])
    assert len(oracle.read_platform(tmp_path / "ledger")) == 1


def test_ledger_of_the_injector_reads_back(tmp_path):
    ledger = oracle.Injector(tmp_path / "injector.jsonl")
    ledger.will("s/d/p:x", "raised", point="s/d/p", value=1)
    ledger.will("s/d/p:x", "cleared", sure=False)
    ledger.close()
    rows = oracle.read_injector(tmp_path / "injector.jsonl")
    assert [(r.alarm, r.change, r.sure) for r in rows] == [
        ("s/d/p:x", "raised", True), ("s/d/p:x", "cleared", False)]


def test_alert_lines():
    good = ("2026-11-21T08:15:30.123+08:00 RED raised boiler-room/gas-1/ch4 ch4-high "
            "52.3 %LEL above 50 @ A/-1/锅炉房 #42")
    assert oracle.LINE.fullmatch(good)["seq"] == "42"
    for bad in (good + " ", good.replace("RED", "red"), good.replace("#42", "#042"),
                good.replace("+08:00", ""), good.replace(" @ ", " "), " " + good):
        assert not oracle.LINE.fullmatch(bad), bad


def test_alert_log_is_read_strictly(tmp_path):
    path = tmp_path / "alerts.log"
    line = "2026-11-21T08:15:30.123Z RED raised a/b/c n 52.3 %LEL above 50 @ A/-1/锅炉房 #42\n"
    path.write_text(line * 2)
    assert [row["seq"] for row in oracle.read_alert_log(path)] == [42, 42]
    for bad in (line + line[:-1], line + "\n", "started\n" + line):
        path.write_text(bad)
        with pytest.raises(ValueError, match="not an alert line"):
            oracle.read_alert_log(path)


@pytest.mark.parametrize("text, ms", (
    ("1970-01-01T00:00:00.000Z", 0), ("2026-11-21T08:15:30.123+08:00", 1795220130123),
    ("2026-11-21T00:15:30Z", 1795220130000), ("2026-11-20T19:45:30.1-04:30", 1795220130100)))
def test_times(text, ms):
    assert oracle.parse_time_ms(text) == ms


def test_a_file_that_is_being_written_is_read_up_to_its_last_whole_line(tmp_path):
    ledger = tmp_path / "ledger"
    for written, rows in ((b"", 0), (b'{"id": "a', 0), (b'{"id": "a\xe2\x80\xa8"}\n', 1),
                          (b'{"id": 1}\n{"id": "\xe9\x94', 1)):
        ledger.write_bytes(written)
        assert len(city_platform.whole_lines(ledger)) == rows, written
