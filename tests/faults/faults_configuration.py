# SPDX-License-Identifier: Apache-2.0
"""The configuration changes during an outage, twice, and the daemon is killed before, during or
after the second reload: what was owed to a platform still arrives there, whatever its uplink was
called meanwhile."""
import itertools
import os
import signal
import time

import bed as beds
import harness
from trial import Family

family = Family("configuration")
CHANGES = ("uplink-added", "uplink-removed", "uplink-renamed", "alarm-renamed", "source-removed",
           "file-cut-off")
KILLS = ("before", "during", "after")
SIDE = r"^city|^other|^gateway:|^town|chattering|^extra"


class Site:
    """The configuration as a set of switches."""

    def __init__(self, bed):
        self.bed, self.name, self.other, self.extra, self.cut = bed, "city", None, True, False
        self.was_away = False

    def write(self):
        bed = self.bed
        sources = [bed.source()]
        if self.extra:
            sources.append({"name": "extra", "driver": "sim", "devices": [
                {"name": "d", "poll": "100ms", "points": [{"name": "v", "value": 1}]}]})
        uplinks = [bed.city.uplink(self.name)] if self.name else []
        if self.other:
            uplinks.append(self.other.uplink("other"))
        alarms = bed.alarms() + ([{"name": "extra", "on": "extra/d/v", "when": {"above": 5}}]
                                 if self.extra else [])
        bed.gateway.write({"sources": sources, "alarms": alarms,
                           **({"uplinks": uplinks} if uplinks else {})})
        if self.cut:
            path = bed.gateway.config_path
            path.write_text(path.read_text().split("alarms:\n")[0])

    def apply(self, change):
        bed = self.bed
        if change == "uplink-added":
            self.other = bed.another_city("other")
        elif change == "uplink-removed":
            self.name, self.was_away = None, True
        elif change == "uplink-renamed":
            self.name = "town" if self.name else None
        elif change == "alarm-renamed":
            for n in (0, 1):
                if bed.on[n]:
                    bed.ledger.will(bed.alarm(n), "cleared", sure=False)
            bed.renamed["smoke"] = "rauch"
            for n in (0, 1):
                if bed.on[n]:
                    bed.ledger.will(bed.alarm(n), "raised", sure=False)
        elif change == "source-removed":
            self.extra = False
        elif change == "file-cut-off":
            for n in range(len(bed.on)):  # also what had returned ends then
                bed.ledger.will(bed.alarm(n), "cleared", sure=False)
            self.cut = self.was_away = True
        self.write()


def reload(bed, within=10):
    said = bed.gateway.log().count("reloaded")
    bed.gateway.reload()
    harness.wait_for(lambda: bed.gateway.log().count("reloaded") > said
                     or not bed.gateway.process.alive(), bed.gateway.log, within)


def trial(bed, changes, kill):
    bed.side = SIDE
    site = Site(bed)
    site.write()
    bed.start()
    bed.change(0)
    bed.arrived()
    bed.city.stop()
    for n in (1, 0, 2, 3, 0, 2):
        bed.change(n, bound_ms=None)
    bed.logged()
    for k, change in enumerate(changes):
        site.apply(change)
        last = k == len(changes) - 1
        if last and kill == "before":
            bed.kill()
            bed.start(settle=False)
        elif last and kill == "during":
            os.kill(bed.gateway.process.pid, signal.SIGHUP)
            time.sleep(bed.rng.uniform(0, 0.02))
            bed.kill()
            bed.start(settle=False)
        else:
            reload(bed)
            if last and kill == "after":
                bed.kill()
                bed.start(settle=False)
    finish(bed, site)


def finish(bed, site):
    """An uplink to the same platform, under whatever name; nothing owed was forgotten."""
    site.name, site.cut = site.name or "city", False
    for n, on in enumerate(bed.on):
        if on:  # told again after a file that was cut off
            bed.ledger.will(bed.alarm(n), "raised", sure=False)
    site.write()
    reload(bed)
    bed.gateway.wait_up("zigbee", within=20)
    bed.city.start()
    bed.heal()
    for n, on in enumerate(bed.on):
        bed.ledger.will(bed.alarm(n), "cleared", sure=False)
        bed.shared.publisher.send(f"{bed.topic}/{beds.DETECTORS[n][0]}", "false")
        bed.on[n] = False
    if site.was_away:  # what arose while no uplink was configured: the operator's way
        done = bed.gateway.run("resend", "--since", "1", "--uplink", site.name)
        assert done.returncode == 0, done.stderr
    bed.ledger.will(bed.alarm(0), "raised")
    bed.shared.publisher.send(f"{bed.topic}/{beds.DETECTORS[0][0]}", "true")
    bed.judge(within=30)


for one in CHANGES:
    for how in (None, "before", "after"):
        family.add(one + (f"-kill-{how}" if how else ""), trial, (one,), how,
                   fault=f"{one.replace('-', ' ')} in an outage")
for pair in itertools.permutations(CHANGES, 2):
    for how in (None, *KILLS):
        family.add("+".join(pair) + (f"-kill-{how}" if how else ""), trial, pair, how,
                   fault="two changes of the configuration in an outage, kill "
                         + (how or "never"), nightly=True)


def any_pair(bed):
    pair = bed.rng.sample(CHANGES, 2)
    trial(bed, pair, bed.rng.choice((None, *KILLS)))


for k in range(6):
    family.add(f"pair-random-{k}", any_pair,
               fault="two changes of the configuration in an outage")


def added_then_unreadable(bed):
    """A reload that adds an uplink, one read that fails, a kill: nothing of the backlog is lost."""
    bed.side = SIDE
    bed.start()
    bed.city.stop()
    for n in (0, 1, 2, 3):
        bed.change(n, bound_ms=None)
    bed.logged()
    other = bed.another_city("other")
    bed.gateway.write(bed.config())
    reload(bed)
    for n in (0, 1, 2, 3):
        bed.change(n, bound_ms=None)
    bed.logged()
    other.stop()
    bed.inject.unreadable("/state/tocsin.db", count=1)
    bed.kill()
    bed.start()
    bed.change(0, bound_ms=None)
    bed.logged()
    bed.committed()
    bed.kill()
    bed.start()
    bed.heal()
    bed.city.start()
    bed.change(1)
    bed.judge(within=30)


family.add("uplink-added-then-eio", added_then_unreadable,
           fault="an uplink added, one EIO, a kill")


def bad_file(bed):
    """A file with a mistake: the running configuration stays, it is said and raised; the next
    start after a power cut runs the last good one."""
    bed.side, bed.reported = SIDE, r"gateway:config"
    bed.start()
    bed.changes(2, arrive=True)
    good = bed.gateway.config_path.read_text()
    bed.gateway.config_path.write_text(good + "\nalarms: [{name: ]\n")
    bed.gateway.reload()
    bed.gateway.wait_log("not reloaded")
    bed.changes(2, arrive=True)
    bed.judge_reported()
    bed.kill()
    bed.start()
    bed.changes(2, arrive=True)
    bed.gateway.config_path.write_text(good)
    reload(bed)
    bed.judge(within=30)


family.add("bad-file", bad_file, fault="a refused configuration, then a power cut")
