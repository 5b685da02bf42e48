# SPDX-License-Identifier: Apache-2.0
"""The engine of the daemon as it is shipped neither allocates nor locks nor formats text, and
calls the kernel for nothing but to sleep and to wake: tests/unit/engine/still.c, preloaded, ends the
daemon otherwise."""
import os
import subprocess

import building as b
import harness
import pytest

SPEED = 100  # seconds of the script in a second


def hall():
    """Gas that rises and falls again every ten minutes, smoke with it, a device that dies."""
    return {"name": "hall", "driver": "sim", "poll": "50ms", "speed": SPEED, "devices": [
        {"name": "gas-1", "points": [
            {"name": "ch4", "value": 5, "noise": 0.1, "ramp": True, "repeat": "10min",
             "script": [["1min", 0], ["5min", 60], ["6min", 0]]},
            {"name": "still", "value": 1}]},
        *({"name": f"smoke-{n}", "points": [
            {"name": "smoke", "type": "bool", "repeat": "10min",
             "script": [[f"{n}min", 1], [f"{n + 2}min", 0]]}]} for n in (1, 2)),
        {"name": "mortal", "dead": ["2min", "4min"], "points": [{"name": "value"}]}]}


ALARMS = [
    {"name": "low", "on": "hall/gas-1/ch4", "when": {"above": 20}, "on_delay": "100ms"},
    {"name": "soon", "on": "hall/gas-1/ch4", "when": {"reaches": 50, "within": "10s"}},
    {"name": "rate", "on": "hall/gas-1/ch4", "when": {"rises": 5, "per": "1s"}},
    {"name": "dose", "on": "hall/gas-1/ch4", "when": {"dose": [[10, "1s"]]}},
    {"name": "stuck", "on": "hall/gas-1/still", "when": {"stuck": "1s"}},
    {"name": "smoke", "on": "hall/smoke-*/smoke", "when": {"is": True}, "latch": True},
    {"name": "fire", "when": {"at_least": 2, "of": ["smoke"], "within": "1s"}},
    {"name": "dead", "on": "hall/mortal", "when": {"silent": "500ms"}}]


def test_the_engine_of_the_daemon_is_still(gateway):
    guard = harness.BUILD / "tests" / "unit" / "libstill.so"
    env = {"LD_PRELOAD": str(guard)}
    started = subprocess.run([harness.BUILD / "tocsind", "--version"], env={**os.environ, **env},
                             capture_output=True, text=True, check=False)
    if "runtime does not come first" in started.stderr:
        pytest.skip("a sanitizer wants to be preloaded itself")
    assert started.returncode == 0, started.stderr
    g = gateway(b.config(hall(), alarms=ALARMS), env=env).start()
    g.wait_log("still: .*\n")
    said = g.log()[g.log().index("still: "):].splitlines()[0]
    if said in ("still: no seccomp here", "still: impossible"):  # impossible: built with a sanitizer
        pytest.skip(said)
    assert said == "still: engine held"
    seen = {a["name"] for a in ALARMS} - {"soon", "stuck", "smoke"}  # these stand, or never do
    harness.wait_for(lambda: seen <= {x["name"] for x in g.lines()
                                     if x["change"] == "cleared"},
                     lambda: f"every alarm to come and go: {g.lines()}\n{g.log()}", within=20)
    assert g.run("shelve", "hall/gas-1/ch4:low", "--for", "1s").returncode == 0
    assert g.run("ack", "hall/gas-1/still:stuck").returncode == 0
    assert g.run("reset", "hall/gas-1/ch4:rate").returncode != 0
    g.write(b.config(hall(), alarms=ALARMS[1:]))
    g.reload()  # the thread goes on with another engine
    g.wait_log("reloaded: 1 sources")
    cleared = len(g.lines())
    harness.wait_for(lambda: len(g.lines()) > cleared, g.log)
    g.stop()
    assert "may not" not in g.log()
