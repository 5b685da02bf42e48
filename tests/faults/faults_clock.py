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


def lenient(bed):
    bed.side, bed.slack_ms = SIDE, 10 ** 15  # its times are what is wrong


def jump(bed, seconds):
    lenient(bed)
    bed.start()
    bed.changes(2, arrive=True)
    bed.mark()
    bed.inject.clock(wall_s=seconds)
    bed.changes(3, arrive=True)
    bed.inject.clock()
    bed.changes(3, arrive=True)
    bed.judge(within=15)


for name, s in (("1s", 1), ("1h", 3600), ("1d", DAY), ("10y", 10 * YEAR)):
    for sign in (1, -1):
        family.add(f"jump-{'plus' if sign > 0 else 'minus'}-{name}", jump, sign * s,
                   fault="wall clock jumps by 1 s to 10 years and back")


def start_at(bed, epoch_s):
    """Started twice with the clock there, then once with the right one."""
    lenient(bed)
    bed.inject.clock(wall_s=epoch_s - time.time())
    bed.start()
    bed.changes(3, arrive=True)
    dated = [oracle.parse_time_ms(a.event["time"]) / 1000 for a in bed.came()]
    bed.require([f"I4 dated {s}, not {epoch_s}" for s in dated if abs(s - epoch_s) > DAY])
    bed.city.stop()
    bed.changes(2, bound_ms=None)
    bed.logged()
    bed.kill()
    bed.inject.clock(wall_s=epoch_s - time.time())
    bed.start()
    bed.changes(2, bound_ms=None)
    bed.kill()
    bed.heal()
    bed.inject.clock()
    bed.start()
    bed.city.start()
    bed.change(0)
    bed.judge(within=30)
    runs = [a.data["run"] for a in sorted(bed.city.seen_events(), key=lambda a: a.seq)]
    bed.require([] if runs == sorted(runs) else [f"I2 runs do not rise: {runs}"])


for name, epoch in (("1970", 60), ("1970-negative", -3600), ("2000", 946684800),
                    ("2038-before", 2 ** 31 - 2), ("2038-after", 2 ** 31 + 60),
                    ("2106", 2 ** 32 + 60), ("2200", 7258118400)):
    family.add(f"start-{name}", start_at, epoch, fault="started in 1970, 2000, 2038, 2106, 2200",
               nightly=name in ("2000", "2200"))


def first_sync(bed):
    """No clock battery: alarms in 1970, marked unsynced; then NTP sets the clock. Order and ids
    stay, and what was dated wrongly is amended."""
    lenient(bed)
    bed.inject.synced(False)
    bed.inject.clock(wall_s=60 - time.time())
    bed.start()
    bed.changes(3, arrive=True)
    early = {a.id: a for a in bed.came()}
    bed.require([f"I4 {a.id} says its clock is {a.data['clock']}" for a in early.values()
                 if a.data["clock"] != "unsynced"])
    bed.inject.clock()
    bed.inject.synced(True)
    harness.wait_for(lambda: bed.gateway.status()["clock"] == "synced", "synced", 10)
    bed.changes(3, arrive=True)
    bed.judge(within=15)


family.add("first-ntp-sync", first_sync, fault="first NTP sync after alarms")
