# SPDX-License-Identifier: Apache-2.0
"""A config is right, or every complaint names its place; a reload changes only what differs."""
import re
import shutil
import time

import building as b
import harness
import pytest
from judge import judge

PLACE = re.compile(r"(?P<file>[^:]+):(?P<line>\d+):(?P<col>\d+): (?:(?P<path>[^:]+): )?(?P<what>.+)")

GOOD = """gateway:
  id: box
  state_dir: @/state
  alert_log: @/alerts.log
  control_socket: @/control.sock
sources:
  - name: plant
    driver: modbus-tcp
    host: 127.0.0.1
    port: 5020
    poll: 1s
    devices:
      - name: gas-1
        unit: 3
        points:
          - {name: ch4, register: "holding:0", type: u16, scale: 0.1, unit: "%LEL"}
alarms:
  - name: high
    on: plant/gas-1/ch4
    when: {above: 50, clear: 45}
    level: red
"""

# What is changed in GOOD, and what each complaint must name: (line, in its text)
BAD = {
    "comma": (("above: 50", 'above: "57,5"'), 20, ("57,5", "57.5")),
    "trailing": (("above: 50", "above: 60abc"), 20, ("60abc",)),
    "nan": (("above: 50", "above: .nan"), 20, (".nan",)),
    "leading-zero": (("above: 50", "above: 010"), 20, ("010",)),
    "maybe": (("{above: 50, clear: 45}", "{is: maybe}"), 20, ("maybe",)),
    "unit": (("unit: 3", "unit: 300"), 14, ("300",)),
    "duration": (("poll: 1s", "poll: 1"), 11, ("1",)),
    "unknown-key": (("level: red", "levle: red"), 21, ("levle", "level")),
    "unknown-choice": (("level: red", "level: purple"), 21, ("purple",)),
    "duplicate-key": (("level: red", "level: red\n    level: blue"), 22, ("level",)),
    "no-match": (("on: plant/gas-1/ch4", "on: plant/gas-9/*"), 19, ("plant/gas-9/*",)),
    "register": (("holding:0", "40001"), 16, ("40001",)),
    "table": (("holding:0", "holdin:0"), 16, ("holdin",)),
    "port": (("port: 5020", "port: 70000"), 10, ("70000",)),
    "alias": (("level: red", "level: *x"), 21, ()),
    "clear": (("clear: 45", "clear: 55"), 20, ("55",)),
    "driver": (("modbus-tcp", "modbus-tpc"), 8, ("modbus-tpc", "modbus-tcp")),
    "tab": (("    level: red", "\tlevel: red"), 21, ()),
    "two-conditions": (("above: 50, clear: 45", "above: 50, is: true"), 20, ()),
    "missing": (("    on: plant/gas-1/ch4\n", ""), 18, ("on",)),
}


@pytest.fixture
def written(folder):
    def write(*changes, text=GOOD):
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = folder / "tocsin.yaml"
        path.write_text(text.replace("@", str(folder)))
        return path
    return write


def test_a_good_config_is_quiet(written, folder):
    assert harness.check_config(written()) == (0, [])
    assert not (folder / "state").exists(), "--check touches nothing"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_config_is_told_by_place(written, name):
    change, line, words = BAD[name]
    path = written(change)
    code, said = harness.check_config(path)
    assert code == 1 and said
    found = [PLACE.fullmatch(s) for s in said]
    assert all(found), said
    assert {f["file"] for f in found} <= {str(path), path.name}
    mine = [f for f in found if int(f["line"]) == line]
    assert mine, said
    assert any(all(w in f[0] for w in words) for f in mine), said


def test_the_complaint_of_the_design_to_the_letter(written):
    path = written(("above: 50", 'above: "57,5"'))
    said = harness.check_config(path)[1]
    assert [s.split(":", 3)[3] for s in said] == [
        ' alarms[0].when.above: "57,5" is not a number (did you mean 57.5?)']


def test_all_complaints_in_one_run(written):
    path = written(("above: 50", "above: 60abc"), ("unit: 3", "unit: 300"),
                   ("port: 5020", "port: 70000"), ("level: red", "levle: red"))
    code, said = harness.check_config(path)
    lines = {int(PLACE.fullmatch(s)["line"]) for s in said}
    assert code == 1 and {10, 14, 20, 21} <= lines, said


def test_a_flood_of_brackets_is_refused_at_once(folder):
    path = folder / "deep.yaml"
    path.write_text("[" * 200_000)
    at = time.monotonic()
    code, said = harness.check_config(path)
    assert code == 1 and said and time.monotonic() - at < 1 * harness.SLOW


@pytest.mark.parametrize("text", ("", "null\n", "- a\n", "a: b\n", "\x00", "gateway:\n", "\u2028"))
def test_not_a_config_at_all(folder, text):
    path = folder / "odd.yaml"
    path.write_text(text)
    code, said = harness.check_config(path)
    assert code == 1 and said


def test_no_such_file(folder):
    code, said = harness.check_config(folder / "none.yaml")
    assert code != 0 and "none.yaml" in said[0]


def test_the_example_of_the_tree_passes(folder):
    example = harness.ROOT / "config" / "tocsin.yaml"
    assert harness.check_config(example) == (0, [])
    for path in sorted((harness.ROOT / "config" / "examples").glob("*.yaml")):
        assert harness.check_config(path) == (0, []), path


def test_a_daemon_with_a_bad_config_does_not_start(written):
    import subprocess
    path = written(("above: 50", "above: 60abc"))
    done = subprocess.run([harness.BUILD / "tocsind", "--config", path], capture_output=True,
                          text=True, timeout=20 * harness.SLOW, check=False)
    assert done.returncode == 1 and "60abc" in done.stderr


def test_a_daemon_that_cannot_start_says_2(written, folder):
    import subprocess
    shutil.rmtree(folder / "state", ignore_errors=True)
    path = written()
    (folder / "control.sock").mkdir()  # nothing can listen there
    (folder / "control.sock" / "x").touch()
    done = subprocess.run([harness.BUILD / "tocsind", "--config", path], capture_output=True,
                          text=True, timeout=20 * harness.SLOW, check=False)
    assert done.returncode == 2 and done.stderr.strip()


def test_version_and_help():
    import subprocess
    for program in ("tocsind", "tocsin"):
        done = subprocess.run([harness.BUILD / program, "--version"], capture_output=True,
                              text=True, timeout=10 * harness.SLOW, check=False)
        assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout)
        bad = subprocess.run([harness.BUILD / program, "--nonsense"], capture_output=True,
                             text=True, timeout=10 * harness.SLOW, check=False)
        assert bad.returncode != 0 and bad.stderr


def test_a_bad_reload_keeps_what_runs(gateway, plant, city):
    good = b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                    uplinks=[city.uplink()])
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(good).start()
    g.wait_point("plant/gas-1/ch4", 10)
    g.write(good, text=g.config_path.read_text().replace("above: 50", "above: 50x"))
    g.reload()
    g.wait_log("50x")
    plant.set(3, "holding", 0, 520, 0)
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    judge(g, city)


def test_a_good_reload_changes_only_what_differs(gateway, plant, broker, publisher, city, ledger):
    def site(limit, *more):
        return b.config(b.modbus_tcp(plant.port, b.gas()), b.mqtt(broker.port, b.smoke(1), *more),
                        alarms=[{**b.GAS_HIGH, "when": {"above": limit}}, b.SMOKE],
                        uplinks=[city.uplink()])
    plant.set(3, "holding", 0, 400, 0)
    g = gateway(site(50)).start()
    g.wait_point("plant/gas-1/ch4", 40)
    g.wait_up("zigbee")
    ledger.will("zigbee/smoke-1/smoke:smoke", "raised")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    g.wait_state("zigbee/smoke-1/smoke:smoke", "active-unacked")
    connections = plant.connections()
    # Another limit: raised by the value that stands, without a new poll plan.
    ledger.will("plant/gas-1/ch4:ch4-high", "raised")
    g.write(site(30))
    g.reload()
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    assert plant.connections() == connections, "the source was not touched"
    assert g.alarm("zigbee/smoke-1/smoke:smoke")["state"] == "active-unacked"
    # Another device on one source: only that source starts again, the alarm stands.
    g.write(site(30, b.smoke(2)))
    g.reload()
    harness.wait_for(lambda: g.point("zigbee/smoke-2/smoke"), "the new point")
    g.wait_up("zigbee")
    ledger.will("zigbee/smoke-2/smoke:smoke", "raised")
    publisher.send("zigbee2mqtt/smoke-2", {"smoke": True})
    city.until("zigbee/smoke-2/smoke:smoke", "raised")
    assert plant.connections() == connections
    judge(g, city, ledger)


def test_an_alarm_that_is_taken_out_is_cleared(gateway, plant, city):
    plant.set(3, "holding", 0, 600, 0)
    both = b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH, b.GAS_LOW],
                    uplinks=[city.uplink()])
    g = gateway(both).start()
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    g.write({**both, "alarms": [b.GAS_LOW]})
    g.reload()
    city.until("plant/gas-1/ch4:ch4-high", "cleared")
    judge(g, city)
    # The same when the config changed while it was away.
    g.stop()
    g.write({**both, "alarms": [{**b.GAS_LOW, "name": "other"}]})
    g.start()
    city.until("plant/gas-1/ch4:ch4-low", "cleared")
    city.until("plant/gas-1/ch4:other", "raised")
    judge(g, city)
