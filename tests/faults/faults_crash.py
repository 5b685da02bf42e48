# SPDX-License-Identifier: Apache-2.0
"""SIGKILL: at random, and before or after each system call in the life of one alarm, in start-up,
in recovery and in a reload. The ordinary run takes a seeded sample; a night takes every one."""
import pathlib
import time

import harness
from trial import Family

family = Family("crash")
SIDE = r"^city|^other|^gateway:|chattering"


def under_tracer(fixture):
    fixture.side = SIDE
    fixture.gateway.wrap = fixture.killat.wrap()


def untraced(fixture):
    """Whatever is left ends; the next start is without the tracer."""
    g = fixture.gateway
    if g.process and g.process.alive():
        g.kill()
    harness.wait_for(lambda: not alive(fixture.killat.pid()), "the traced daemon is gone")
    g.wrap = []


def ended(fixture):
    pid = fixture.killat.pid()
    return pid and not alive(pid)


def alive(pid):
    """Any of its threads: the first one may be dead while others still hold files and locks."""
    try:
        states = [t.read_text(errors="replace").rsplit(")", 1)[1].split()[0]
                  for t in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
    except (OSError, IndexError):
        return pathlib.Path(f"/proc/{pid}").exists()  # one ended meanwhile
    return any(state not in "ZX" for state in states)


def after_kill(fixture):
    untraced(fixture)
    fixture.heal()
    fixture.start()
    fixture.change(fixture.rng.randrange(4))
    fixture.judge(within=30)


def one_life(fixture, at=0, after=False):
    """One alarm from the sensor to the mark that it was delivered: the calls of all threads."""
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.killat.arm(at, after)
    fixture.change(0, bound_ms=None)
    if at == 0:
        fixture.arrived()
        time.sleep(0.3)  # the marks are written, the acknowledgement has left
        return
    harness.wait_for(lambda: ended(fixture) or len(fixture.came()) == len(fixture.due),
                     lambda: f"call {at}: {fixture.gateway.log()[-500:]}", 20)
    time.sleep(0.05)


def start_up(fixture, at=0, after=False):
    """The first start of all, on an empty folder."""
    fixture.killat.arm(at, after)
    fixture.gateway.spawn()
    harness.wait_for(lambda: ended(fixture) or fixture.gateway.answers(),
                     lambda: fixture.gateway.log()[-500:], 30)


def recovery(fixture, at=0, after=False):
    """A start after a kill, with owed events and standing alarms."""
    fixture.gateway.wrap = []
    fixture.start()
    fixture.city.stop()
    fixture.changes(4, bound_ms=None)
    fixture.logged()
    fixture.committed()
    fixture.kill()
    under_tracer(fixture)
    fixture.killat.arm(at, after)
    fixture.gateway.spawn()
    harness.wait_for(lambda: ended(fixture) or fixture.gateway.answers(),
                     lambda: fixture.gateway.log()[-500:], 30)
    fixture.city.start()


def reloading(fixture, at=0, after=False):
    """A reload that adds an uplink, in an outage."""
    fixture.start()
    fixture.city.stop()
    fixture.changes(4, bound_ms=None)
    fixture.logged()
    fixture.another_city("other")
    fixture.gateway.write(fixture.config())
    fixture.killat.arm(at, after)
    fixture.gateway.reload()  # the tracer passes it on
    harness.wait_for(lambda: ended(fixture) or "reloaded" in fixture.gateway.log(),
                     lambda: fixture.gateway.log()[-500:], 30)
    fixture.city.start()


STAGES = {"life": (one_life, 120), "start": (start_up, 2000), "recovery": (recovery, 2000),
          "reload": (reloading, 220)}
_counts = {}


def count(fixture, stage):
    """How many calls there are, counted once per process in a run without a kill."""
    if stage not in _counts:
        import fixture as fixtures
        probe = fixtures.Fixture(fixture.shared, fixture.seed)
        try:
            under_tracer(probe)
            STAGES[stage][0](probe)
            _counts[stage] = max(1, probe.killat.calls())
        finally:
            probe.close()
    return _counts[stage]


def covered(fixture, stage):
    """The cases of a nightly run reach beyond the last call of the stage."""
    most = STAGES[stage][1]
    calls = count(fixture, stage)
    fixture.require([] if calls < most else [f"{stage} makes {calls} calls, STAGES has {most}"])


def kill_at(fixture, stage, at, after):
    under_tracer(fixture)
    STAGES[stage][0](fixture, at, after)
    after_kill(fixture)


def sampled(fixture, stage):
    most = count(fixture, stage)
    kill_at(fixture, stage, fixture.rng.randrange(1, most + 1), fixture.rng.random() < 0.5)


for stage, (_, most) in STAGES.items():
    for k in range(8 if stage == "life" else 4):
        family.add(f"{stage}-{k}", sampled, stage, fault=f"SIGKILL at a system call: {stage}")
    family.add(f"{stage}-covered", covered, stage, fault=f"SIGKILL at a system call: {stage}")
    for n in range(1, most):
        for after in (False, True):
            family.add(f"{stage}-{'after' if after else 'before'}-{n:03}", kill_at, stage, n, after,
                       fault=f"SIGKILL at a system call: {stage}", nightly=True)


def random_kills(fixture, times):
    fixture.side = SIDE
    fixture.start()
    for _ in range(times):
        for _ in range(fixture.rng.randrange(1, 6)):
            fixture.change(bound_ms=None)
        time.sleep(fixture.rng.uniform(0, 0.05))
        fixture.kill()
        fixture.gateway.spawn()
        time.sleep(fixture.rng.uniform(0, 0.15))
        if fixture.rng.random() < 0.3:
            fixture.kill()
            fixture.gateway.spawn()
        harness.wait_for(fixture.gateway.answers, fixture.gateway.log, 20)
    fixture.heal()
    fixture.change(0)
    fixture.judge(within=30)


for k in range(3):
    family.add(f"random-{k}", random_kills, 10, fault="SIGKILL at random under load")
family.add("random-200", random_kills, 200, fault="SIGKILL at random under load", nightly=True)
