# SPDX-License-Identifier: Apache-2.0
"""The wall clock is wrong, jumps, begins in 1970, passes 2038, is set by NTP after alarms: it
labels and nothing else. The same alarms arrive, once, in order, and no id is given twice."""
import time

import harness
import oracle
from trial import Family

family = Family("clock")
SIDE = r"^city|^gateway:|chattering"
DAY = 86400
YEAR = 365.25 * DAY


def lenient(fixture):
    fixture.side, fixture.slack_ms = SIDE, 10 ** 15  # its times are what is wrong


def jump(fixture, seconds):
    lenient(fixture)
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.mark()
    fixture.inject.clock(wall_s=seconds)
    fixture.changes(3, arrive=True)
    fixture.inject.clock()
    fixture.changes(3, arrive=True)
    fixture.judge(within=15)


for name, s in (("1s", 1), ("1h", 3600), ("1d", DAY), ("10y", 10 * YEAR)):
    for sign in (1, -1):
        family.add(f"jump-{'plus' if sign > 0 else 'minus'}-{name}", jump, sign * s,
                   fault="wall clock jumps by 1 s to 10 years and back")


def start_at(fixture, epoch_s):
    """Started twice with the clock there, then once with the right one."""
    lenient(fixture)
    fixture.inject.clock(wall_s=epoch_s - time.time())
    fixture.start()
    fixture.changes(3, arrive=True)
    dated = [oracle.parse_time_ms(a.event["time"]) / 1000 for a in fixture.came()]
    fixture.require([f"I4 dated {s}, not {epoch_s}" for s in dated if abs(s - epoch_s) > DAY])
    fixture.city.stop()
    fixture.changes(2, bound_ms=None)
    fixture.logged()
    fixture.committed()
    fixture.kill()
    fixture.inject.clock(wall_s=epoch_s - time.time())
    fixture.start()
    fixture.changes(2, bound_ms=None)
    fixture.kill()
    fixture.heal()
    fixture.inject.clock()
    fixture.start()
    fixture.city.start()
    fixture.change(0)
    fixture.judge(within=30)
    runs = [a.data["run"] for a in sorted(fixture.city.seen_events(), key=lambda a: a.seq)]
    fixture.require([] if runs == sorted(runs) else [f"I2 runs do not rise: {runs}"])


for name, epoch in (("1970", 60), ("1970-negative", -3600), ("2000", 946684800),
                    ("2038-before", 2 ** 31 - 2), ("2038-after", 2 ** 31 + 60),
                    ("2106", 2 ** 32 + 60), ("2200", 7258118400)):
    family.add(f"start-{name}", start_at, epoch, fault="started in 1970, 2000, 2038, 2106, 2200",
               nightly=name in ("2000", "2200"))


def first_sync(fixture):
    """No clock battery: alarms in 1970, marked unsynced; then NTP sets the clock. Order and ids
    stay, and what was dated wrongly is amended."""
    lenient(fixture)
    fixture.inject.synced(False)
    fixture.inject.clock(wall_s=60 - time.time())
    fixture.start()
    fixture.changes(3, arrive=True)
    early = {a.id: a for a in fixture.came()}
    fixture.require([f"I4 {a.id} says its clock is {a.data['clock']}" for a in early.values()
                 if a.data["clock"] != "unsynced"])
    fixture.inject.clock()
    fixture.inject.synced(True)
    harness.wait_for(lambda: fixture.gateway.status()["clock"] == "synced", "synced", 10)
    fixture.changes(3, arrive=True)
    fixture.judge(within=15)


family.add("first-ntp-sync", first_sync, fault="first NTP sync after alarms")
