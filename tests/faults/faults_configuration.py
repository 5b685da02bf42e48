# SPDX-License-Identifier: Apache-2.0
"""The configuration changes during an outage, twice, and the daemon is killed before, during or
after the second reload: what was owed to a platform still arrives there, whatever its uplink was
called meanwhile."""
import itertools
import os
import signal
import time

import fixture as fixtures
import harness
from trial import Family

family = Family("configuration")
CHANGES = ("uplink-added", "uplink-removed", "uplink-renamed", "alarm-renamed", "source-removed",
           "file-cut-off")
KILLS = ("before", "during", "after")
SIDE = r"^city|^other|^gateway:|^town|chattering|^extra"


class Site:
    """The configuration as a set of switches."""

    def __init__(self, fixture):
        self.fixture, self.name, self.other, self.extra, self.cut = fixture, "city", None, True, False
        self.was_away = False

    def write(self):
        fixture = self.fixture
        sources = [fixture.source()]
        if self.extra:
            sources.append({"name": "extra", "driver": "sim", "devices": [
                {"name": "d", "poll": "100ms", "points": [{"name": "v", "value": 1}]}]})
        uplinks = [fixture.city.uplink(self.name)] if self.name else []
        if self.other:
            uplinks.append(self.other.uplink("other"))
        alarms = fixture.alarms() + ([{"name": "extra", "on": "extra/d/v", "when": {"above": 5}}]
                                 if self.extra else [])
        fixture.gateway.write({"sources": sources, "alarms": alarms,
                           **({"uplinks": uplinks} if uplinks else {})})
        if self.cut:
            path = fixture.gateway.config_path
            path.write_text(path.read_text().split("alarms:\n")[0])

    def apply(self, change):
        fixture = self.fixture
        if change == "uplink-added":
            self.other = fixture.another_city("other")
        elif change == "uplink-removed":
            self.name, self.was_away = None, True
        elif change == "uplink-renamed":
            self.name = "town" if self.name else None
        elif change == "alarm-renamed":
            for n in (0, 1):
                if fixture.on[n]:
                    fixture.ledger.will(fixture.alarm(n), "cleared", sure=False)
            fixture.renamed["smoke"] = "rauch"
            for n in (0, 1):
                if fixture.on[n]:
                    fixture.ledger.will(fixture.alarm(n), "raised", sure=False)
        elif change == "source-removed":
            self.extra = False
        elif change == "file-cut-off":
            for n in range(len(fixture.on)):  # also what had returned ends then
                fixture.ledger.will(fixture.alarm(n), "cleared", sure=False)
            self.cut = self.was_away = True
        self.write()


def reload(fixture, within=10):
    said = fixture.gateway.log().count("reloaded")
    fixture.gateway.reload()
    harness.wait_for(lambda: fixture.gateway.log().count("reloaded") > said
                     or not fixture.gateway.process.alive(), fixture.gateway.log, within)


def trial(fixture, changes, kill):
    fixture.side = SIDE
    site = Site(fixture)
    site.write()
    fixture.start()
    fixture.change(0)
    fixture.arrived()
    fixture.city.stop()
    for n in (1, 0, 2, 3, 0, 2):
        fixture.change(n, bound_ms=None)
    fixture.logged()
    fixture.committed()
    for k, change in enumerate(changes):
        site.apply(change)
        last = k == len(changes) - 1
        if last and kill == "before":
            fixture.kill()
            fixture.start(settle=False)
        elif last and kill == "during":
            os.kill(fixture.gateway.process.pid, signal.SIGHUP)
            time.sleep(fixture.rng.uniform(0, 0.02))
            fixture.kill()
            fixture.start(settle=False)
        else:
            reload(fixture)
            if last and kill == "after":
                fixture.kill()
                fixture.start(settle=False)
    finish(fixture, site)


def finish(fixture, site):
    """An uplink to the same platform, under whatever name; nothing owed was forgotten."""
    site.name, site.cut = site.name or "city", False
    for n, on in enumerate(fixture.on):
        if on:  # told again after a file that was cut off
            fixture.ledger.will(fixture.alarm(n), "raised", sure=False)
    site.write()
    reload(fixture)
    fixture.gateway.wait_up("zigbee", within=20)
    fixture.city.start()
    fixture.heal()
    for n, on in enumerate(fixture.on):
        fixture.ledger.will(fixture.alarm(n), "cleared", sure=False)
        fixture.shared.publisher.send(f"{fixture.topic}/{fixtures.DETECTORS[n][0]}", "false")
        fixture.on[n] = False
    if site.was_away:  # what arose while no uplink was configured: the operator's way
        done = fixture.gateway.run("resend", "--since", "1", "--uplink", site.name)
        assert done.returncode == 0, done.stderr
    fixture.ledger.will(fixture.alarm(0), "raised")
    fixture.shared.publisher.send(f"{fixture.topic}/{fixtures.DETECTORS[0][0]}", "true")
    fixture.judge(within=30)


for one in CHANGES:
    for how in (None, "before", "after"):
        family.add(one + (f"-kill-{how}" if how else ""), trial, (one,), how,
                   fault=f"{one.replace('-', ' ')} in an outage")
for pair in itertools.permutations(CHANGES, 2):
    for how in (None, *KILLS):
        family.add("+".join(pair) + (f"-kill-{how}" if how else ""), trial, pair, how,
                   fault="two changes of the configuration in an outage, kill "
                         + (how or "never"), nightly=True)


def any_pair(fixture):
    pair = fixture.rng.sample(CHANGES, 2)
    trial(fixture, pair, fixture.rng.choice((None, *KILLS)))


for k in range(6):
    family.add(f"pair-random-{k}", any_pair,
               fault="two changes of the configuration in an outage")


def added_then_unreadable(fixture):
    """A reload that adds an uplink, one read that fails, a kill: nothing of the backlog is lost."""
    fixture.side = SIDE
    fixture.start()
    fixture.city.stop()
    for n in (0, 1, 2, 3):
        fixture.change(n, bound_ms=None)
    fixture.logged()
    other = fixture.another_city("other")
    fixture.gateway.write(fixture.config())
    reload(fixture)
    for n in (0, 1, 2, 3):
        fixture.change(n, bound_ms=None)
    fixture.logged()
    fixture.committed()
    other.stop()
    fixture.inject.unreadable("/state/tocsin.db", count=1)
    fixture.kill()
    fixture.start()
    fixture.change(0, bound_ms=None)
    fixture.logged()
    fixture.committed()
    fixture.kill()
    fixture.start()
    fixture.heal()
    fixture.city.start()
    fixture.change(1)
    fixture.judge(within=30)


family.add("uplink-added-then-eio", added_then_unreadable,
           fault="an uplink added, one EIO, a kill")


def bad_file(fixture):
    """A file with a mistake: the running configuration stays, it is said and raised; the next
    start after a power cut runs the last good one."""
    fixture.side, fixture.reported = SIDE, r"gateway:config"
    fixture.start()
    fixture.changes(2, arrive=True)
    good = fixture.gateway.config_path.read_text()
    fixture.gateway.config_path.write_text(good + "\nalarms: [{name: ]\n")
    fixture.gateway.reload()
    fixture.gateway.wait_log("not reloaded")
    fixture.changes(2, arrive=True)
    fixture.judge_reported()
    fixture.kill()
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.gateway.config_path.write_text(good)
    reload(fixture)
    fixture.judge(within=30)


family.add("bad-file", bad_file, fault="a refused configuration, then a power cut")
