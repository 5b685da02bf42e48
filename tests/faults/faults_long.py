# SPDX-License-Identifier: Apache-2.0
"""The long run: a fault every few simulated minutes while alarms come and go, day after day in one
process. Nothing is lost or told twice, and memory does not grow."""
import errno
import os
import pathlib
import time

import harness
import injection as i
from fixture import DETECTORS, Violated
from trial import Family

family = Family("long")
FAULTS_A_DAY = 288          # one every five minutes
SLOPE_BYTES_A_DAY = 1024


def anonymous_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])
    return 0


def harm(fixture):
    kind = fixture.rng.randrange(5)
    if kind == 0:
        fixture.city.spoil("status", status=fixture.rng.choice((500, 502, 503, 429, 400, 401, 404)))
    elif kind == 1:
        fixture.city.spoil("cut", at=fixture.rng.choice(("head", "body", "none")))
    elif kind == 2:
        fixture.inject.rule(0, i.SYNC, errno.EIO, "/state/", count=1)
    elif kind == 3:
        fixture.inject.rule(0, i.WRITE, errno.ENOSPC, "/state/", count=fixture.rng.randrange(1, 4))
    else:
        fixture.inject.clock(wall_s=fixture.rng.uniform(-3600, 3600), boot_s=fixture.asleep_s)


def told(fixture):
    """What arrived of each detector, in the order of seq, each id once."""
    first = {}
    for a in fixture.came():
        first.setdefault(a.id, a)
    out = {}
    for a in sorted(first.values(), key=lambda a: a.seq):
        out.setdefault(a.alarm, []).append(a.change)
    return out


def untold(fixture, done):
    """What was made and never arrived, but for warnings that a full disk dropped and counted: what
    was refused and waits for its next offer makes room before what was never sent."""
    came, wrong, missing = told(fixture), [], 0
    for n, (_, _, class_) in enumerate(DETECTORS):
        made, got = done[fixture.alarm(n)], iter(came.get(fixture.alarm(n), []))
        gone = len(made) - len(came.get(fixture.alarm(n), []))
        missing += gone
        rest = iter(made)
        if any(change not in rest for change in got) or (gone and class_ == "alarm"):
            wrong.append(f"I1 {fixture.alarm(n)}: {len(made)} changes were made, {gone} not told")
    dropped = fixture.gateway.status()["store"]["lost"]
    if missing > dropped:
        wrong.append(f"I9 {missing} changes are missing, {dropped} are counted as dropped")
    return wrong


def days(fixture, n, faults_a_day=FAULTS_A_DAY):
    # Each thread's cache of free blocks, which is bounded, fills for more than a year: 0.3 kB a day.
    fixture.gateway.env["GLIBC_TUNABLES"] = "glibc.malloc.tcache_count=0"
    fixture.start()
    done = {fixture.alarm(k): [] for k in range(len(DETECTORS))}
    memory, fixture.asleep_s = [], 0
    pid = fixture.gateway.process.pid
    for _ in range(n):
        for _ in range(faults_a_day):
            harm(fixture)
            k = fixture.rng.randrange(len(DETECTORS))
            fixture.on[k] = not fixture.on[k]
            done[fixture.alarm(k)].append("raised" if fixture.on[k] else "cleared")
            fixture.shared.publisher.send(f"{fixture.topic}/{DETECTORS[k][0]}",
                                      "true" if fixture.on[k] else "false")
            os.sched_yield()
        fixture.inject.end()
        # What was refused is offered again within a day, and what a reload replaced is freed.
        fixture.asleep_s += 86400
        fixture.inject.clock(boot_s=fixture.asleep_s)
        fixture.city.clear()
        sure = sum(map(len, done.values()))
        harness.wait_for(lambda: fixture.city.wait(sure, 0) and fixture.gateway.uplink()["pending"] == 0,
                         lambda: f"{sure} changes at the platform: {fixture.gateway.uplink()}\n"
                         + fixture.gateway.log()[-1500:], 90)
        said = fixture.gateway.log().count("reloaded")
        fixture.gateway.reload()
        harness.wait_for(lambda: fixture.gateway.log().count("reloaded") > said, fixture.gateway.log)
        memory.append(anonymous_kb(pid))
    # faults were told besides, so that the count above was reached before the last changes
    end = time.monotonic() + 60 * harness.SLOW
    while (wrong := untold(fixture, done)) and time.monotonic() < end:
        time.sleep(0.5)
    wrong += growth(memory)
    if wrong:
        raise Violated(wrong)


def growth(kb):
    """The slope of the weekly minima after the first third, least squares. A leak raises the least
    of a week as it raises the rest, while a queue that was long for some days does not. Before,
    the heap grows to what the worst day needs. Free memory that is scattered comes and goes by
    0.5 MB: over a quarter of a year that alone is a slope of up to 3 kB a day."""
    weeks = [min(kb[n:n + 7]) for n in range(0, len(kb) - 6, 7)]
    tail = weeks[len(weeks) // 3:]
    if len(tail) < 10:
        return []
    mean_x, mean_y = (len(tail) - 1) / 2, sum(tail) / len(tail)
    slope = 1024 / 7 * (sum((x - mean_x) * (y - mean_y) for x, y in enumerate(tail))
                        / sum((x - mean_x) ** 2 for x in range(len(tail))))
    return [f"I7 memory grows by {slope:.0f} bytes a day: {weeks}"] \
        if slope > SLOPE_BYTES_A_DAY else []


family.add("one-day", days, 1, fault="a fault every five minutes for simulated days")
family.add("365-days", days, 365, fault="a fault every five minutes for simulated days", nightly=True)
