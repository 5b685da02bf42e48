# SPDX-License-Identifier: Apache-2.0
"""What the daemon holds in memory once it runs."""
import pathlib

import pytest

import building as b
import harness

POINTS = 1000


def code_kb(pid, library):
    """Resident code of a library."""
    kb, counts = 0, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0]:  # the head of a mapping
            counts = words[1] == "r-xp" and library in words[-1]
        elif words[0] == "Rss:" and counts:
            kb += int(words[1])
    return kb


def test_code_that_only_set_up_the_links_is_given_back(gateway, city):
    g = gateway(b.config({"name": "hall", "driver": "sim", "devices": [
        {"name": "d", "points": [{"name": "value"}]}]}, uplinks=[city.uplink()])).start()
    harness.wait_for(lambda: g.uplink("city")["state"] == "up", "the uplink to be up")
    kb = []

    def shrank():
        kb.append(code_kb(g.process.pid, "libcurl.so"))
        return kb[-1] < max(kb) / 2

    harness.wait_for(shrank, lambda: f"libcurl to shrink: {kb} kB", within=15, every=0.2)


def private_mib(pid):
    """Pages that no other process has mapped, code included."""
    rows = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(r.split()[1]) for r in rows if r.startswith("Private_")) / 1024


def test_a_thousand_points_need_five_mib(gateway, broker, publisher, city):
    if harness.sanitized(harness.BUILD):
        pytest.skip("a sanitizer has memory of its own")
    g = gateway(b.config(
        b.mqtt(broker.port, *(b.plain(f"d-{n}", f"s/{n}") for n in range(POINTS))),
        alarms=[{"name": "high", "on": "zigbee/d-*/value", "when": {"above": 50}}],
        uplinks=[city.uplink()])).start(60)
    g.wait_up("zigbee")
    for n in range(POINTS):
        publisher.send(f"s/{n}", "20")
    g.wait_point(f"zigbee/d-{POINTS - 1}/value", 20)
    harness.wait_for(lambda: g.uplink("city")["state"] == "up", "the uplink to be up")
    harness.wait_for(lambda: private_mib(g.process.pid) <= 5,
                     lambda: f"5 MiB: {private_mib(g.process.pid):.2f}", within=20, every=0.5)
