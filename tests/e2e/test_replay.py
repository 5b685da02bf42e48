# SPDX-License-Identifier: Apache-2.0
"""tocsin replay: what a configuration would have raised over recorded samples."""
import json
import os
import subprocess

import pytest

from harness import BUILD, ROOT, SLOW, yaml_text

T0 = 1795220130000  # 2026-11-21T00:15:30Z
FIELDS = """gateway unit area grid alarm name occurrence seq run durable point source device place
    change state level class text value unit_of_measure limit condition onset since_boot_ms boot
    clock quality peak confirmed_by""".split()


def config(alarms, **device):
    points = [{"name": "ch4", "unit": "%LEL", "range": [0, 100], "valid": [0, 1000]},
              {"name": "smoke", "type": "bool"}]
    return {"gateway": {"id": "box", "state_dir": "state"},
            "sources": [{"name": "b", "driver": "sim", "devices": [
                {"name": "gas", "poll": "1s", "points": points, **device},
                {"name": "never-recorded", "poll": "1s", "points": [{"name": "t"}]}]}],
            "alarms": alarms}


def high(above, **more):
    return {"name": "high", "on": "b/gas/ch4", "when": {"above": above, "clear": 45},
            "level": "red", "class": "alarm", **more}


@pytest.fixture
def desk(tmp_path):
    """A folder with configurations and files, and the command run inside it."""
    class Desk:
        folder = tmp_path

        def write(self, name, text):
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
            return name

        def config(self, name, alarms, **device):
            return self.write(name, yaml_text(config(alarms, **device)))

        def csv(self, name, rows, head="time_ms,point,value", t0=T0):
            return self.write(name, head + "\n" + "".join(
                f"{t0 + int(t * 1000)},{','.join(map(str, rest))}\n" for t, *rest in rows))

        def run(self, *args, cwd=tmp_path):
            return subprocess.run([BUILD / "tocsin", "replay", *args], cwd=cwd, text=True,
                                  capture_output=True, timeout=60 * SLOW,
                                  env={**os.environ, "TZ": "UTC", "NO_COLOR": "1"})

        def good(self, *args):
            done = self.run(*args)
            assert done.returncode == 0, done.stderr
            return done

        def events(self, *args):
            return [json.loads(line) for line in self.good("--json", *args).stdout.splitlines()]
    return Desk()


def ch4(*values, step=1.0):
    return [(i * step, "b/gas/ch4", v) for i, v in enumerate(values)]


def told(events):
    return [((e["time_ms"] - T0) / 1000, e["alarm"], e["change"]) for e in events]


def test_it_tells_what_when_and_how_long(desk):
    desk.config("new.yaml", [high(50)])
    desk.csv("a.csv", ch4(10, 51, 60, 44, 10, 52, 52, 40))
    assert desk.good("--config", "new.yaml", "a.csv").stdout == """\
8 samples of 1 points over 7.0s: raised 2 times

LEVEL  ALARM           RAISED  FIRST                    TOTAL  LONGEST  CONDITION
RED    b/gas/ch4:high       2  2026-11-21 00:15:31.000   4.0s     2.0s  above 50

TIME                     LEVEL  ALARM           LASTED     PEAK
2026-11-21 00:15:31.000  RED    b/gas/ch4:high    2.0s  60 %LEL
2026-11-21 00:15:35.000  RED    b/gas/ch4:high    2.0s  52 %LEL
"""


def test_an_event_has_the_fields_of_the_platform_and_its_time(desk):
    desk.config("new.yaml", [high(50)])
    desk.csv("a.csv", ch4(10, 51, 44))
    up, down = desk.events("--config", "new.yaml", "a.csv")
    for e in up, down:
        assert sorted(set(e)) == sorted([*FIELDS, "time_ms"])
    assert (up["change"], up["time_ms"], up["seq"]) == ("raised", T0 + 1000, 1)
    assert (down["change"], down["time_ms"], down["seq"]) == ("cleared", T0 + 2000, 2)
    assert up["run"] == 1 and up["clock"] == "synced" and up["durable"] is True
    assert up["boot"] == "00000000-0000-0000-0000-000000000000"
    assert up["onset"] == "2026-11-21T00:15:31.000Z"
    assert up["occurrence"] == down["occurrence"]


def test_the_same_file_gives_the_same_bytes(desk):
    desk.config("new.yaml", [high(50)])
    desk.csv("a.csv", ch4(*(30 + i * 37 % 40 for i in range(500))))
    one, two = (desk.good("--json", "--config", "new.yaml", "a.csv").stdout for _ in "ab")
    assert one == two and one.count("raised") > 10


def test_delays_run_on_the_time_of_the_file(desk):
    desk.config("new.yaml", [high(50, on_delay="2s", off_delay="3s")])
    desk.csv("a.csv", [(0, "b/gas/ch4", 10), (1, "b/gas/ch4", 60), (8, "b/gas/ch4", 10),
                       (9, "b/gas/ch4", 10), (20, "b/gas/ch4", 10)])
    assert [e for e in told(desk.events("--config", "new.yaml", "a.csv")) if "high" in e[1]] == [
        (3, "b/gas/ch4:high", "raised"), (11, "b/gas/ch4:high", "cleared")]


def test_time_stops_at_the_last_sample(desk):
    desk.config("new.yaml", [high(50, on_delay="2s")])
    desk.csv("due.csv", [(0, "b/gas/ch4", 60), (2, "b/x/y", 1)])
    desk.csv("not-yet.csv", [(0, "b/gas/ch4", 60), (1.999, "b/x/y", 1)])
    assert told(desk.events("--config", "new.yaml", "due.csv")) == [
        (2, "b/gas/ch4:high", "raised")]
    assert desk.events("--config", "new.yaml", "not-yet.csv") == []
    assert "2.0s, still" not in desk.good("--config", "new.yaml", "due.csv").stdout
    assert "0ms, still" in desk.good("--config", "new.yaml", "due.csv").stdout


def test_a_device_is_silent_only_where_the_file_speaks_of_it(desk):
    desk.config("new.yaml", [])
    desk.csv("a.csv", [(0, "b/gas/ch4", 1), (5, "b/gas/ch4", 1), (3600, "b/gas/ch4", 1)])
    assert told(desk.events("--config", "new.yaml", "a.csv")) == [
        (15, "b/gas:silent", "raised"), (3600, "b/gas:silent", "cleared")]
    # the timer comes before the sample that is half a second too late, and after one in time
    desk.csv("late.csv", [(0, "b/gas/ch4", 1), (10.5, "b/gas/ch4", 1), (20.5, "b/gas/ch4", 1)])
    assert told(desk.events("--config", "new.yaml", "late.csv")) == [
        (10, "b/gas:silent", "raised"), (10.5, "b/gas:silent", "cleared")]
    # of which nothing good is ever heard: in life that is a dead device, too
    desk.csv("dead.csv", [(t, "b/gas/ch4", "", "bad-timeout") for t in range(0, 20)],
             head="time_ms,point,value,quality")
    assert told(desk.events("--config", "new.yaml", "dead.csv")) == [
        (10, "b/gas:silent", "raised")]


def test_bad_values_are_no_values(desk):
    desk.config("new.yaml", [high(50)])
    desk.csv("a.csv", [(0, "b/gas/ch4", 1, "good"), (1, "b/gas/ch4", 99, "bad-protocol"),
                       (2, "b/gas/ch4", 2000, "good"), (3, "b/gas/ch4", 60, "silent"),
                       (4, "b/gas/ch4", 60, "uncertain")], head="time_ms,point,value,quality")
    events = desk.events("--config", "new.yaml", "a.csv")
    assert told(events) == [(4, "b/gas/ch4:high", "raised")]  # 2000 is not valid
    assert events[0]["quality"] == "uncertain"


def test_out_of_range_by_the_configuration_that_is_replayed(desk):
    desk.config("new.yaml", [high(50)])
    desk.csv("a.csv", [(0, "b/gas/ch4", 1), (1, "b/gas/ch4", 105), (2, "b/gas/ch4", 105),
                       (11, "b/gas/ch4", 105), (12, "b/gas/ch4", 1)])
    events = desk.events("--config", "new.yaml", "a.csv")
    assert told(events) == [
        (1, "b/gas/ch4:high", "raised"), (11, "b/gas/ch4:out-of-range", "raised"),
        (12, "b/gas/ch4:out-of-range", "cleared"), (12, "b/gas/ch4:high", "cleared")]
    assert events[0]["quality"] == "uncertain-over-range" and events[0]["value"] == 105
    desk.csv("q.csv", [(0, "b/gas/ch4", 60, "uncertain-under-range"),
                       (1, "b/gas/ch4", 0, "bad-invalid")], head="time_ms,point,value,quality")
    events = desk.events("--config", "new.yaml", "q.csv")
    assert told(events) == [(0, "b/gas/ch4:high", "raised")]
    assert events[0]["quality"] == "good"  # in range by this configuration


def test_a_delay_ends_after_the_samples_of_its_moment(desk):
    """One reading a minute: a spike of one reading is shorter than an on_delay of a minute."""
    desk.config("new.yaml", [high(50, on_delay="1min", off_delay="1min")], poll="1min")
    spike = [1, 60, 1, 60, 60, 1, 60, 1, 1, 1]
    desk.csv("a.csv", [(60 * i, "b/gas/ch4", v) for i, v in enumerate(spike)])
    assert told(desk.events("--config", "new.yaml", "a.csv")) == [
        (240, "b/gas/ch4:high", "raised"), (480, "b/gas/ch4:high", "cleared")]


def test_a_point_is_unreadable_only_where_the_file_speaks_of_it(desk):
    smoke = {"name": "smoke", "on": "b/gas/smoke", "when": {"is": True}}
    desk.config("new.yaml", [high(50), smoke])
    alone = [(t, "b/gas/ch4", 1) for t in range(300)]
    desk.csv("alone.csv", alone)
    assert desk.events("--config", "new.yaml", "alone.csv") == []
    desk.csv("both.csv", [row for t in range(60) for row in (
        (t, "b/gas/ch4", 1, "good"),
        (t, "b/gas/smoke", 0, "good" if t < 5 or t > 40 else "bad-refused"))],
        head="time_ms,point,value,quality")
    assert told(desk.events("--config", "new.yaml", "both.csv")) == [
        (14, "b/gas/smoke:unreadable", "raised"), (41, "b/gas/smoke:unreadable", "cleared")]


def test_discrete_points_may_be_words(desk):
    desk.config("new.yaml", [{"name": "smoke", "on": "b/gas/smoke", "when": {"is": True}}])
    desk.csv("a.csv", [(0, "b/gas/smoke", "false"), (1, "b/gas/smoke", "true"),
                       (2, "b/gas/smoke", 0)])
    assert [e[::2] for e in told(desk.events("--config", "new.yaml", "a.csv"))] == [
        (1, "raised"), (2, "cleared")]


def test_votes_count_what_the_replay_raises(desk):
    desk.config("new.yaml", [
        high(50), {"name": "smoke", "on": "b/gas/smoke", "when": {"is": True}},
        {"name": "both", "when": {"at_least": 1, "of": ["b/gas/ch4:high", "b/gas/smoke:smoke"],
                                  "within": "10s"}}])
    desk.csv("a.csv", [(0, "b/gas/ch4", 1), (1, "b/gas/ch4", 60)])
    assert (1, "both", "raised") in told(desk.events("--config", "new.yaml", "a.csv"))


def test_against_tells_added_gone_earlier_later(desk):
    desk.config("old.yaml", [high(60), {"name": "smoke", "on": "b/gas/smoke", "when": {"is": True}}])
    desk.config("new.yaml", [high(50), {"name": "smoke", "on": "b/gas/smoke",
                                        "when": {"is": True}, "on_delay": "2s"}])
    hour = 3600
    desk.csv("a.csv", [
        (0, "b/gas/ch4", 10), (1, "b/gas/ch4", 55), (2, "b/gas/ch4", 65), (3, "b/gas/ch4", 10),
        (hour, "b/gas/ch4", 55), (hour + 1, "b/gas/ch4", 10),
        (2 * hour, "b/gas/smoke", 1), (2 * hour + 1, "b/gas/smoke", 0),
        (3 * hour, "b/gas/smoke", 1), (3 * hour + 5, "b/gas/smoke", 0)])
    args = ("--config", "new.yaml", "--against", "old.yaml", "a.csv")
    lines = [e for e in desk.events(*args) if "against" in e and e["alarm"] != "b/gas:silent"]
    assert [(e["against"], e["alarm"], e["by_ms"]) for e in lines] == [
        ("earlier", "b/gas/ch4:high", 1000), ("added", "b/gas/ch4:high", 0),
        ("gone", "b/gas/smoke:smoke", 0), ("later", "b/gas/smoke:smoke", 2000)]
    assert lines[1]["was_time_ms"] is None and lines[2]["time_ms"] is None
    assert (lines[0]["time_ms"], lines[0]["was_time_ms"]) == (T0 + 1000, T0 + 2000)
    text = desk.good(*args).stdout
    assert "against old.yaml: 1 added, 1 gone, 1 earlier, 1 later" in text
    assert "earlier by 1.0s" in text and "later by 2.0s" in text
    # without --against the events are the same and nothing else is printed
    alone = desk.events("--config", "new.yaml", "a.csv")
    assert alone == [e for e in desk.events(*args) if "against" not in e]


def test_against_itself_all_is_the_same(desk):
    desk.config("new.yaml", [high(50)])
    desk.csv("a.csv", ch4(*(30 + i * 37 % 40 for i in range(300))))
    lines = [e for e in desk.events("--config", "new.yaml", "--against", "new.yaml", "a.csv")
             if "against" in e]
    assert len(lines) > 10 and {e["against"] for e in lines} == {"same"}


def test_an_alarm_only_the_old_one_had(desk):
    desk.config("old.yaml", [high(50)])
    desk.config("new.yaml", [])
    desk.csv("a.csv", ch4(60, 10))
    text = desk.good("--config", "new.yaml", "--against", "old.yaml", "a.csv").stdout
    assert "1 gone" in text
    assert "RED    b/gas/ch4:high       0       1  -" in text


def test_files_follow_one_another(desk):
    desk.config("new.yaml", [high(50)])
    desk.csv("a.csv", ch4(10, 60))
    desk.csv("b.csv", [(5, "b/gas/ch4", 60), (6, "b/gas/ch4", 10)])
    assert told(desk.events("--config", "new.yaml", "a.csv", "b.csv")) == [
        (1, "b/gas/ch4:high", "raised"), (6, "b/gas/ch4:high", "cleared")]
    done = desk.run("--config", "new.yaml", "b.csv", "a.csv")
    assert done.returncode == 1 and done.stderr.startswith("a.csv:2:1: time falls")


def test_points_nobody_configured_are_named_once(desk):
    desk.config("new.yaml", [high(50)])
    desk.csv("a.csv", ch4(60, 10) + [(2, "b/gas/ch5", 1), (3, "b/gas/ch5", 1), (3, "x/y/z", 1),
                                     (3, "b/down/down", 1)])
    done = desk.good("--config", "new.yaml", "a.csv")
    assert done.stderr == ("tocsin: 3 of the 4 points are not in new.yaml (4 samples): "
                           "b/gas/ch5, x/y/z, b/down/down\n")


@pytest.mark.parametrize("t0", [0, -100000, 5])
def test_any_origin(desk, t0):
    desk.config("new.yaml", [high(50)])
    desk.csv("a.csv", ch4(10, 60, 10), t0=t0)
    events = desk.events("--config", "new.yaml", "a.csv")
    assert [e["time_ms"] - t0 for e in events] == [1000, 2000]
    desk.good("--config", "new.yaml", "a.csv")


def test_mark_and_carriage_returns(desk):
    desk.config("new.yaml", [high(50)])
    desk.write("a.csv", b"\xef\xbb\xbftime_ms,point,value\r\n0,b/gas/ch4,60\r\n1,b/gas/ch4,10")
    assert [e["time_ms"] for e in desk.events("--config", "new.yaml", "a.csv")] == [0, 1]


@pytest.mark.parametrize("line,place", [
    ("5,b/gas/ch4", "3:1"), ("5,b/gas,1", "3:3"), ("5,b/gas/ch4,x", "3:13"),
    ('5,b/gas/ch4,"57,5"', "3:17"), ("x,b/gas/ch4,1", "3:1"), ("3,b/gas/ch4,1", "3:1"), ("", "3:1"),
    ("5,b/gas/ch4,1" + "0" * 5000, "3:1")])
def test_a_bad_line_has_its_place(desk, line, place):
    desk.config("new.yaml", [high(50)])
    desk.write("a.csv", f"time_ms,point,value\n4,b/gas/ch4,1\n{line}\n6,b/gas/ch4,1\n")
    done = desk.run("--config", "new.yaml", "a.csv")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"a.csv:{place}: ") and done.stderr.count("\n") == 1


def test_exit_codes(desk):
    desk.config("new.yaml", [high(50)])
    desk.write("bad.yaml", "gateway: {id: box}\nsources: 5\n")
    desk.csv("a.csv", ch4(1))
    assert desk.run("--config", "new.yaml").returncode == 2
    assert desk.run("a.csv").returncode == 2
    assert desk.run("--config", "new.yaml", "--for", "1h", "a.csv").returncode == 2
    done = desk.run("--config", "bad.yaml", "a.csv")
    assert done.returncode == 1 and done.stderr.startswith("bad.yaml:2:")
    assert desk.run("--config", "new.yaml", "--against", "bad.yaml", "a.csv").returncode == 1
    for name in "nowhere.csv", ".":
        done = desk.run("--config", "new.yaml", name)
        assert done.returncode == 1 and done.stderr.startswith(f"{name}: ")
    desk.write("empty.csv", "")
    assert desk.run("--config", "new.yaml", "empty.csv").returncode == 1
    with open("/dev/full", "w") as full:
        assert subprocess.run([BUILD / "tocsin", "replay", "--config", "new.yaml", "a.csv"],
                              cwd=desk.folder, stdout=full, stderr=subprocess.PIPE).returncode == 1


def test_nothing_is_touched(desk, tmp_path):
    """No state directory, log, socket or link, whatever the configuration asks for."""
    site = config([high(50)])
    site["gateway"].update(state_dir=str(tmp_path / "state"), alert_log=str(tmp_path / "alerts.log"),
                           control_socket=str(tmp_path / "control.sock"))
    site["sources"].append({"name": "m", "driver": "mqtt", "url": "mqtt://127.0.0.1:1",
                            "devices": [{"name": "d", "topic": "t",
                                         "points": [{"name": "p"}]}]})
    site["uplinks"] = [{"name": "city", "url": f"file://{tmp_path}/out.ndjson"}]
    desk.write("new.yaml", yaml_text(site))
    desk.csv("a.csv", ch4(10, 60, 10))
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o555)
    before = sorted(tmp_path.rglob("*"))
    done = desk.run("--json", "--config", str(tmp_path / "new.yaml"), str(tmp_path / "a.csv"),
                    cwd=empty)
    assert done.returncode == 0 and done.stdout.count("\n") == 2, done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_profile_is_tried_on_data(desk):
    """The shipped gas profile over a leak: the forecast comes before the limit."""
    done = yaml_text({"gateway": {"id": "box"}, "sources": [{
        "name": "b", "driver": "modbus-tcp", "host": "127.0.0.1", "devices": [
            {"name": "gas", "unit": 1, "profile": "gas-ch4-lel"}]}]})
    desk.write("new.yaml", done)
    os.environ.setdefault("TOCSIN_PROFILES", str(ROOT / "config" / "profiles"))
    desk.csv("a.csv", [(t, "b/gas/ch4", round(2 + max(0, t - 600) / 60, 2))
                       for t in range(0, 3600)])
    raised = {e["name"]: e["time_ms"] for e in desk.events("--config", "new.yaml", "a.csv")
              if e["change"] == "raised"}
    assert raised["ch4-rising"] < raised["ch4-low"] < raised["ch4-high"]
