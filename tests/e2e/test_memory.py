# SPDX-License-Identifier: Apache-2.0
"""What the daemon holds in memory once it runs."""
import pathlib

import building as b
import harness


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
