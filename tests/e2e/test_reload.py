# SPDX-License-Identifier: Apache-2.0
"""SIGHUP after SIGHUP while thresholds, devices and uplinks change and alarms come and go: every
event reaches the alert log, the store and the platform once. Run it under ThreadSanitizer."""
import collections
import os
import re
import signal
import sqlite3
import time

import harness
import pytest

HUPS = int(os.environ.get("TOCSIN_HUPS", "25"))


def config(i, folder, broker):
    def devices(letter, n, period):
        return [{"name": f"{letter}{k}", "poll": "20ms",
                 "points": [{"name": "v", "value": 50, "wave": [10, period]}]} for k in range(n)]

    uplinks = [{"name": "city", "url": f"file://{folder}/city.out"}]
    if i // 4 % 2:
        uplinks.append({"name": "other", "url": f"file://{folder}/other.out"})
    return {
        "sources": [{"name": "changes", "driver": "sim", "devices": devices("d", 6 + i // 3 % 3, "1s")},
                    {"name": "stays", "driver": "sim", "devices": devices("e", 6, "700ms")},
                    {"name": "mqtt", "driver": "mqtt", "url": f"mqtt://127.0.0.1:{broker.port}",
                     "client_id": "reload", "devices": [
                         {"name": "m", "topic": "t/m", "points": [{"name": "v", "path": "/v"}]}]}],
        "alarms": [{"name": "high", "on": "changes/d*/v", "when": {"above": 54 + i % 3}},
                   {"name": "high-too", "on": "stays/e*/v", "when": {"above": 55}, "latch": True},
                   {"name": "told", "on": "mqtt/m/v", "when": {"above": 5}},
                   {"name": "several", "when": {"at_least": 3, "of": ["high"], "within": "1s"}}],
        "uplinks": uplinks}


def test_debug_logs_the_steps_of_a_reload():
    source = {"name": "s", "driver": "sim", "devices": [
        {"name": "d", "points": [{"name": "v", "value": 5}]}]}
    g = harness.Gateway({"sources": [source, {**source, "name": "t"}]})
    g.arguments = ["--debug"]
    try:
        g.start()
        g.write({"sources": [source, {**source, "name": "u"}]})
        g.reload()
        log = harness.wait_for(lambda: "thread t has ended" in g.log() and g.log(), g.log)
        for line in ("control: client ", "reload: source s: unchanged, keeps running",
                     "reload: source u: new", "reload: source t: is stopped",
                     "reload: the engine is replaced at event #"):
            assert line in log, log
        assert g.run("status").returncode == 0
        harness.wait_for(lambda: ": status" in g.log(), g.log)
        assert g.process.stop() == 0
    finally:
        g.close()


def seqs(path, pattern):
    return [int(x) for x in re.findall(pattern, path.read_text())]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_reload_after_reload(broker, publisher, end):
    g = harness.Gateway({})
    try:
        g.write(config(0, g.folder, broker))
        g.start()
        for i in range(1, HUPS + 1):
            g.write(config(i, g.folder, broker))
            g.reload()
            until = time.monotonic() + 0.15
            while time.monotonic() < until:
                publisher.send("t/m", {"v": 10 * (i % 2)}, wait=False)
                g.run("ack", "changes/d1/v:high")
        harness.wait_for(lambda: g.alert_log.exists() and seqs(g.alert_log, r"#(\d+)\s*\n"),
                         "an alarm")
        g.reload()  # and the end right behind it
        assert g.process.stop(end) == 0, g.log()[-2000:]
        g.clean()
        assert "not reloaded" not in g.log()
        log = seqs(g.alert_log, r"#(\d+)\s*\n")
        assert log == list(range(1, len(log) + 1))
        sent = collections.Counter(seqs(g.folder / "city.out", r'"seq":(\d+)'))
        with sqlite3.connect(g.state / "tocsin.db") as db:
            rows = [r[0] for r in db.execute("select seq from event order by seq")]
            owed = {r[0] for r in db.execute("select seq from owed")}
        assert rows == log
        assert all(n == 1 for n in sent.values())
        assert set(sent) | owed == set(log)  # what the last second did not deliver is owed
    finally:
        g.close()
