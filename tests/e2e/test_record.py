# SPDX-License-Identifier: Apache-2.0
"""tocsin record: the live samples of a running gateway, and that a replay of them raises what
the gateway raised."""
import datetime
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from harness import BUILD, ROOT, SLOW, Process, wait_for

LIVE = {"sources": [{
    "name": "b", "driver": "sim", "speed": 10, "poll": "50ms", "devices": [
        {"name": "gas", "points": [
            {"name": "ch4", "unit": "%LEL", "wave": [[40, "8s"]], "noise": 1},
            {"name": "still", "value": 5},
            {"name": "smoke", "type": "bool", "script": [["0s", 0], ["6s", 1], ["11s", 0]],
             "repeat": "15s"}]},
        {"name": "泵", "points": [{"name": "压力", "wave": [[2, "5s"]]}]}]}],
    "alarms": [
        {"name": "high", "on": "b/gas/ch4", "when": {"above": 20, "clear": 15}, "level": "red",
         "class": "alarm"},
        {"name": "smoke", "on": "b/gas/smoke", "when": {"is": True}, "level": "red",
         "class": "alarm", "on_delay": "100ms"},
        {"name": "low", "on": "b/泵/压力", "when": {"below": 1}}]}


def recorder(gateway, file, *args):
    return Process([BUILD / "tocsin", "--socket", gateway.socket, "record", *args, file],
                   gateway.folder / "record.log")


def replay(gateway, *files, config=None):
    done = subprocess.run([BUILD / "tocsin", "replay", "--json", "--config",
                           config or gateway.config_path, *files], capture_output=True, text=True,
                          timeout=30 * SLOW, env={**os.environ, "TOCSIN_PROFILES":
                                                  str(ROOT / "config" / "profiles")})
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def raises(gateway):
    return gateway.alert_log.read_text().count(" raised ") if gateway.alert_log.exists() else 0


def until_raises(gateway, more):
    """So much has gone through the engine: a file grows when it ends, or once a minute."""
    until = raises(gateway) + more
    wait_for(lambda: raises(gateway) >= until, f"{more} raises more", 20)


def raw(gateway, request):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10 * SLOW)
    s.connect(str(gateway.socket))
    s.sendall(request.encode() + b"\n")
    return s


def test_a_replay_of_a_recording_raises_what_the_gateway_raised(gateway, tmp_path):
    g = gateway(LIVE).start()
    g.wait_point("b/gas/still", 5)
    file = tmp_path / "a.rec"
    p = recorder(g, file)
    wait_for(file.exists, "the file")
    began = time.time()
    wait_for(lambda: g.alert_log.read_text().count(" raised ") > 12, "12 raises", 30)
    ended = time.time()
    assert p.stop(signal.SIGINT) == 0, p.log()
    events, said = replay(g, file)
    assert said == ""
    live, again = {}, {}
    for line in g.alert_log.read_text().splitlines():
        at, _, change, subject, name = line.split(" ")[:5]
        live.setdefault((f"{subject}:{name}", change), []).append(
            datetime.datetime.fromisoformat(at).timestamp())
    for e in events:
        again.setdefault((e["alarm"], e["change"]), []).append(e["time_ms"] / 1000)
    assert len(live) == 6, live.keys()
    compared = 0
    for key in live.keys() | again.keys():
        # the first and last moments of a recording belong to either side
        for these, those in (live, again), (again, live):
            for t in these.get(key, ()):
                if began + 0.7 < t < ended - 0.5:
                    compared += 1
                    assert any(abs(t - other) < 0.005 for other in those.get(key, ())), (
                        key, t, those.get(key))
    assert compared > 20


def test_one_at_a_time_and_then_the_next(gateway, tmp_path):
    g = gateway(LIVE).start()
    first = recorder(g, tmp_path / "a.rec")
    wait_for((tmp_path / "a.rec").exists, "the first")
    done = g.run("record", tmp_path / "b.rec")
    assert done.returncode == 1 and "one at a time" in done.stderr
    assert not (tmp_path / "b.rec").exists()
    assert first.stop(signal.SIGINT) == 0
    done = g.run("record", "--for", "300ms", tmp_path / "b.rec")
    assert done.returncode == 0, done.stderr
    first = recorder(g, tmp_path / "c.rec")
    wait_for((tmp_path / "c.rec").exists, "the third")
    first.kill()  # the gateway hears that nobody is left
    wait_for(lambda: g.run("record", "--for", "100ms", tmp_path / "d.rec").returncode == 0,
             "the place is free again")
    events, said = replay(g, tmp_path / "c.rec")
    assert "cut off" in said


def test_it_ends_by_itself_below_its_bound(gateway):
    g = gateway(LIVE).start()
    s = raw(g, '{"cmd":"record","max_bytes":3000}')
    got = b""
    while part := s.recv(65536):
        got += part
    answer, file = got.split(b"\n", 1)
    assert json.loads(answer) == {"ok": True, "result": {"recording": True}}
    assert 1500 < len(file) <= 3000
    assert file.startswith(b"TOCSINR\x01") and file[-12:-4] == b"END!\0\0\0\0"


def test_the_gateway_stops_and_the_file_has_its_end(gateway, tmp_path):
    g = gateway(LIVE).start()
    p = recorder(g, tmp_path / "a.rec")
    wait_for((tmp_path / "a.rec").exists, "the file")
    until_raises(g, 3)
    g.stop()
    assert p.popen.wait(10 * SLOW) == 0, p.log()
    events, said = replay(g, tmp_path / "a.rec")
    assert said == "" and events


def test_a_reload_goes_on_with_the_new_points(gateway, tmp_path):
    g = gateway(LIVE).start()
    p = recorder(g, tmp_path / "a.rec")
    wait_for((tmp_path / "a.rec").exists, "the file")
    until_raises(g, 2)
    more = json.loads(json.dumps(LIVE))
    more["sources"][0]["devices"].insert(0, {"name": "new", "points": [{"name": "t", "value": 3}]})
    g.write(more)
    g.reload()
    g.wait_point("b/new/t", 3)
    until_raises(g, 2)
    assert p.stop(signal.SIGTERM) == 0
    more["alarms"] += [{"name": "three", "on": "b/new/t", "when": {"above": 2}},
                       {"name": "five", "on": "b/gas/still", "when": {"above": 4}}]
    g.write(more)
    events, said = replay(g, tmp_path / "a.rec")
    assert said == ""
    raised = {e["name"]: e for e in events if e["change"] == "raised"}
    assert raised["three"]["value"] == 3 and raised["five"]["value"] == 5
    assert raised["five"]["time_ms"] < raised["three"]["time_ms"], "from before the reload"


@pytest.mark.parametrize("request_,why", [
    ('{"cmd":"record","max_bytes":"x"}', "whole number"), ('{"cmd":"record","file":"/x"}', "file")])
def test_what_is_no_request(gateway, request_, why):
    g = gateway(LIVE).start()
    answer = json.loads(raw(g, request_).makefile().readline())
    assert answer["ok"] is False and why in answer["error"]


def test_usage(gateway, tmp_path):
    g = gateway(LIVE).start()
    assert g.run("record").returncode == 2
    assert g.run("record", "--for", "5", tmp_path / "a").returncode == 2
    assert g.run("record", "--max-mb", "0", tmp_path / "a").returncode == 2
    done = g.run("record", tmp_path / "nowhere" / "a")
    assert done.returncode == 1 and "No such file" in done.stderr
    assert g.run("record", "--for", "100ms", tmp_path / "a").returncode == 0
