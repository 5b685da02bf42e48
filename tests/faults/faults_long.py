# SPDX-License-Identifier: Apache-2.0
"""The long run: a fault every few simulated minutes while alarms come and go, day after day in one
process. Nothing is lost or told twice, and memory does not grow."""
import errno
import os
import pathlib
import time

import harness
import injection as i
from bed import DETECTORS, Violated
from trial import Family

family = Family("long")
FAULTS_A_DAY = 288          # one every five minutes
SLOPE_BYTES_A_DAY = 1024


def anonymous_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])
    return 0


def harm(bed):
    kind = bed.rng.randrange(5)
    if kind == 0:
        bed.city.spoil("status", status=bed.rng.choice((500, 502, 503, 429, 400, 401, 404)))
    elif kind == 1:
        bed.city.spoil("cut", at=bed.rng.choice(("head", "body", "none")))
    elif kind == 2:
        bed.inject.rule(0, i.SYNC, errno.EIO, "/state/", count=1)
    elif kind == 3:
        bed.inject.rule(0, i.WRITE, errno.ENOSPC, "/state/", count=bed.rng.randrange(1, 4))
    else:
        bed.inject.clock(wall_s=bed.rng.uniform(-3600, 3600), boot_s=bed.asleep_s)


def told(bed):
    """What arrived of each detector, in the order of seq, each id once."""
    first = {}
    for a in bed.came():
        first.setdefault(a.id, a)
    out = {}
    for a in sorted(first.values(), key=lambda a: a.seq):
        out.setdefault(a.alarm, []).append(a.change)
    return out


def days(bed, n, faults_a_day=FAULTS_A_DAY):
    bed.start()
    done = {bed.alarm(k): [] for k in range(len(DETECTORS))}
    memory, bed.asleep_s = [], 0
    pid = bed.gateway.process.pid
    for _ in range(n):
        for _ in range(faults_a_day):
            harm(bed)
            k = bed.rng.randrange(len(DETECTORS))
            bed.on[k] = not bed.on[k]
            done[bed.alarm(k)].append("raised" if bed.on[k] else "cleared")
            bed.shared.publisher.send(f"{bed.topic}/{DETECTORS[k][0]}",
                                      "true" if bed.on[k] else "false")
            os.sched_yield()
        bed.inject.end()
        bed.asleep_s += 120  # configurations that were replaced are kept for a minute
        bed.inject.clock(boot_s=bed.asleep_s)
        bed.city.clear()
        sure = sum(map(len, done.values()))
        harness.wait_for(lambda: bed.city.wait(sure, 0) and bed.gateway.uplink()["pending"] == 0,
                         lambda: f"{sure} changes at the platform: {bed.gateway.uplink()}\n"
                         + bed.gateway.log()[-1500:], 90)
        said = bed.gateway.log().count("reloaded")
        bed.gateway.reload()
        harness.wait_for(lambda: bed.gateway.log().count("reloaded") > said, bed.gateway.log)
        memory.append(anonymous_kb(pid))
    # faults were told besides, so that the count above was reached before the last changes
    def untold():
        came = told(bed)
        return [f"I1 {alarm}: {len(changes)} changes were made, {len(came.get(alarm, []))} told"
                for alarm, changes in done.items() if came.get(alarm, []) != changes]
    end = time.monotonic() + 60 * harness.SLOW
    while (wrong := untold()) and time.monotonic() < end:
        time.sleep(0.5)
    wrong += growth(memory)
    if wrong:
        raise Violated(wrong)


def growth(kb):
    """The slope of memory over the days after the first third, least squares: until then the
    heap grows to what the worst day of so many needs."""
    tail = kb[len(kb) // 3:]
    if len(tail) < 10:
        return []
    mean_x, mean_y = (len(tail) - 1) / 2, sum(tail) / len(tail)
    slope = 1024 * (sum((x - mean_x) * (y - mean_y) for x, y in enumerate(tail))
                    / sum((x - mean_x) ** 2 for x in range(len(tail))))
    return [f"I7 memory grows by {slope:.0f} bytes a day: {kb}"] \
        if slope > SLOPE_BYTES_A_DAY else []


family.add("one-day", days, 1, fault="a fault every five minutes for simulated days")
family.add("90-days", days, 90, fault="a fault every five minutes for simulated days", nightly=True)
