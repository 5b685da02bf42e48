# SPDX-License-Identifier: Apache-2.0
"""SIGKILL: at random, and before or after each system call in the life of one alarm, in start-up,
in recovery and in a reload. The ordinary run takes a seeded sample; a night takes every one."""
import pathlib
import time

import harness
from trial import Family

family = Family("crash")
SIDE = r"^city|^other|^gateway:|chattering"


def under_tracer(bed):
    bed.side = SIDE
    bed.gateway.wrap = bed.killat.wrap()


def untraced(bed):
    """Whatever is left ends; the next start is without the tracer."""
    g = bed.gateway
    if g.process and g.process.alive():
        g.kill()
    harness.wait_for(lambda: not alive(bed.killat.pid()), "the traced daemon is gone")
    g.wrap = []


def ended(bed):
    pid = bed.killat.pid()
    return pid and not alive(pid)


def alive(pid):
    """Any of its threads: the first one may be dead while others still hold files and locks."""
    try:
        states = [t.read_text(errors="replace").rsplit(")", 1)[1].split()[0]
                  for t in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
    except (OSError, IndexError):
        return pathlib.Path(f"/proc/{pid}").exists()  # one ended meanwhile
    return any(state not in "ZX" for state in states)


def after_kill(bed):
    untraced(bed)
    bed.heal()
    bed.start()
    bed.change(bed.rng.randrange(4))
    bed.judge(within=30)


def one_life(bed, at=0, after=False):
    """One alarm from the sensor to the mark that it was delivered: the calls of all threads."""
    bed.start()
    bed.changes(1, arrive=True)
    bed.killat.arm(at, after)
    bed.change(0, bound_ms=None)
    if at == 0:
        bed.arrived()
        time.sleep(0.3)  # the marks are written, the acknowledgement has left
        return
    harness.wait_for(lambda: ended(bed) or len(bed.came()) == len(bed.due),
                     lambda: f"call {at}: {bed.gateway.log()[-500:]}", 20)
    time.sleep(0.05)


def start_up(bed, at=0, after=False):
    """The first start of all, on an empty folder."""
    bed.killat.arm(at, after)
    bed.gateway.spawn()
    harness.wait_for(lambda: ended(bed) or bed.gateway.answers(),
                     lambda: bed.gateway.log()[-500:], 30)


def recovery(bed, at=0, after=False):
    """A start after a kill, with owed events and standing alarms."""
    bed.gateway.wrap = []
    bed.start()
    bed.city.stop()
    bed.changes(4, bound_ms=None)
    bed.logged()
    bed.kill()
    under_tracer(bed)
    bed.killat.arm(at, after)
    bed.gateway.spawn()
    harness.wait_for(lambda: ended(bed) or bed.gateway.answers(),
                     lambda: bed.gateway.log()[-500:], 30)
    bed.city.start()


def reloading(bed, at=0, after=False):
    """A reload that adds an uplink, in an outage."""
    bed.start()
    bed.city.stop()
    bed.changes(4, bound_ms=None)
    bed.logged()
    bed.another_city("other")
    bed.gateway.write(bed.config())
    bed.killat.arm(at, after)
    bed.gateway.reload()  # the tracer passes it on
    harness.wait_for(lambda: ended(bed) or "reloaded" in bed.gateway.log(),
                     lambda: bed.gateway.log()[-500:], 30)
    bed.city.start()


STAGES = {"life": (one_life, 120), "start": (start_up, 1500), "recovery": (recovery, 1600),
          "reload": (reloading, 220)}
_counts = {}


def count(bed, stage):
    """How many calls there are, counted once per process in a run without a kill."""
    if stage not in _counts:
        import bed as beds
        probe = beds.Bed(bed.shared, bed.seed)
        try:
            under_tracer(probe)
            STAGES[stage][0](probe)
            _counts[stage] = max(1, probe.killat.calls())
        finally:
            probe.close()
    return _counts[stage]


def covered(bed, stage):
    """The cases of a nightly run reach beyond the last call of the stage."""
    most = STAGES[stage][1]
    calls = count(bed, stage)
    bed.require([] if calls < most else [f"{stage} makes {calls} calls, STAGES has {most}"])


def kill_at(bed, stage, at, after):
    under_tracer(bed)
    STAGES[stage][0](bed, at, after)
    after_kill(bed)


def sampled(bed, stage):
    most = count(bed, stage)
    kill_at(bed, stage, bed.rng.randrange(1, most + 1), bed.rng.random() < 0.5)


for stage, (_, most) in STAGES.items():
    for k in range(8 if stage == "life" else 4):
        family.add(f"{stage}-{k}", sampled, stage, fault=f"SIGKILL at a system call: {stage}")
    family.add(f"{stage}-covered", covered, stage, fault=f"SIGKILL at a system call: {stage}")
    for n in range(1, most):
        for after in (False, True):
            family.add(f"{stage}-{'after' if after else 'before'}-{n:03}", kill_at, stage, n, after,
                       fault=f"SIGKILL at a system call: {stage}", nightly=True)


def random_kills(bed, times):
    bed.side = SIDE
    bed.start()
    for _ in range(times):
        for _ in range(bed.rng.randrange(1, 6)):
            bed.change(bound_ms=None)
        time.sleep(bed.rng.uniform(0, 0.05))
        bed.kill()
        bed.gateway.spawn()
        time.sleep(bed.rng.uniform(0, 0.15))
        if bed.rng.random() < 0.3:
            bed.kill()
            bed.gateway.spawn()
        harness.wait_for(bed.gateway.answers, bed.gateway.log, 20)
    bed.heal()
    bed.change(0)
    bed.judge(within=30)


for k in range(3):
    family.add(f"random-{k}", random_kills, 10, fault="SIGKILL at random under load")
family.add("random-200", random_kills, 200, fault="SIGKILL at random under load", nightly=True)
