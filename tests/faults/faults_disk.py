# SPDX-License-Identifier: Apache-2.0
"""The disk under the state folder: full, read-only, slow, unreadable, spoilt, gone."""
import contextlib
import shutil
import sqlite3
import time

import harness
import injection as i
from fixture import DETECTORS, HEALTHY_MS
from trial import Family

family = Family("disk")
STORE = r"gateway:store|store: |database"
SIDE = r"^gateway:|^city:|chattering"


def owed(fixture, changes=7):
    """A building whose platform is away: committed, owed, on paper; then the power goes."""
    fixture.side = SIDE
    fixture.start()
    fixture.city.stop()
    fixture.changes(changes, bound_ms=None)
    fixture.logged()
    fixture.committed()
    fixture.kill()


AGAIN_MS = 2000  # an uplink that just failed tries a new alarm no sooner


def back(fixture):
    """The platform is back; a new alarm and all that was owed must arrive."""
    fixture.heal()
    fixture.city.start()
    fixture.change(0, bound_ms=HEALTHY_MS + AGAIN_MS)
    fixture.judge(within=30, unordered=True)


# ---- while it runs

SICK_MS = 3500  # the broker's next message on a topic waits for a commit, 2 s at most


def late(fixture, harm, away=False):
    fixture.side, fixture.reported = SIDE, STORE
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.mark()
    if away:
        fixture.city.stop()
    harm(fixture)
    fixture.changes(6, bound_ms=None if away else SICK_MS)
    if not away:
        fixture.arrived()
    fixture.gateway.wait_log(STORE, within=20)
    fixture.heal()
    if away:
        fixture.city.start()
    fixture.changes(2)
    fixture.judge(within=30)


def full(fixture):
    fixture.inject.full("/state/")


def read_only(fixture):
    fixture.inject.read_only("/state/")


def sync_fails(fixture):
    fixture.inject.rule(0, i.SYNC, 5, "/state/")


def reads_fail(fixture):
    fixture.inject.unreadable("/state/")
    fixture.inject.rule(1, i.WRITE, 5, "/state/")


for name, harm in (("full", full), ("read-only", read_only), ("sync-eio", sync_fails),
                   ("all-eio", reads_fail)):
    family.add(f"late-{name}", late, harm, fault=f"{name} while running")
    family.add(f"late-{name}-outage", late, harm, True,
               fault=f"{name} while running, platform away")


def late_then_kill(fixture, harm, again=False):
    """Nothing more can be written, the platform takes it; then a kill, perhaps a start on the same
    disk and a second one, and a healthy start. What was never committed is not forgotten."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(3, arrive=True)
    harm(fixture)
    fixture.changes(3, bound_ms=SICK_MS, arrive=True)
    fixture.kill()
    if again:
        fixture.start()
        fixture.changes(3, bound_ms=SICK_MS, arrive=True)
        fixture.kill()
    fixture.heal()
    fixture.start()
    fixture.judge()


for name, harm in (("full", full), ("read-only", read_only), ("all-eio", reads_fail)):
    family.add(f"late-{name}-kill", late_then_kill, harm, fault=f"{name} while running, kill")
    if harm is not reads_fail:  # a start without any memory cannot tell what ended
        family.add(f"late-{name}-kill-twice", late_then_kill, harm, True,
                   fault=f"{name} while running, two kills")


# ---- at the start

def at_start(fixture, harm, seconds=1.5):
    """Owed events, a kill; at the next start the disk is sick, and heals after a while."""
    owed(fixture)
    fixture.reported = STORE
    fixture.log_from = len(fixture.gateway.log())
    harm(fixture)
    fixture.start()
    fixture.change(1, bound_ms=None)
    time.sleep(seconds)
    back(fixture)


def read_eio(fixture):
    fixture.inject.unreadable("/state/tocsin.db")


def open_eacces(fixture):
    fixture.inject.rule(0, i.OPEN, 13, "/state/")


family.add("start-read-only", at_start, read_only, fault="read-only at the start")
family.add("start-read-only-long", at_start, read_only, 12, nightly=True,
           fault="read-only at the start")
family.add("start-full", at_start, full, fault="full at the start")
family.add("start-read-eio", at_start, read_eio, fault="unreadable at the start")
family.add("start-read-eio-long", at_start, read_eio, 12, nightly=True,
           fault="unreadable at the start")
family.add("start-open-eacces", at_start, open_eacces, fault="cannot be opened at the start")


def start_nth(fixture, ops, nth, count=1):
    """The n-th call of the start fails, once or from there on for a while."""
    owed(fixture, 4)
    fixture.inject.rule(0, ops, 5, "/state/", first=nth, count=count)
    fixture.start()
    if count > 1:
        time.sleep(1)
    back(fixture)


def nth_random(fixture, ops, most, count=1):
    start_nth(fixture, ops, fixture.rng.randrange(1, most), count)


for name, ops, most in (("read", i.READ, 40), ("write", i.WRITE, 20), ("sync", i.SYNC, 6),
                        ("open", i.OPEN, 12)):
    for k in range(3):
        family.add(f"start-{name}-eio-{k}", nth_random, ops, most,
                   fault=f"EIO on the n-th {name} of a start")
    family.add(f"start-{name}-eio-on", nth_random, ops, most, i.ALWAYS,
               fault=f"EIO from the n-th {name} of a start on, healed later")
    for n in range(1, most):
        family.add(f"start-{name}-eio-every-{n:02}", start_nth, ops, n, nightly=True,
                   fault=f"EIO on the n-th {name} of a start")


def running_nth(fixture, ops):
    """One call in the midst of work fails."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.mark()
    for _ in range(4):
        fixture.inject.rule(0, ops, 5, "/state/", first=fixture.rng.randrange(1, 4), count=1)
        fixture.changes(2, arrive=True)
    fixture.heal()
    fixture.judge(within=30)
    fixture.restart()
    fixture.changes(2)
    fixture.judge(within=30)


for name, ops in (("write", i.WRITE), ("sync", i.SYNC)):
    family.add(f"running-{name}-eio", running_nth, ops, fault=f"EIO on one {name} at work")


# ---- slow

def slow_start(fixture, seconds):
    """Each sync takes so long from the start on: the first poll does not wait for it."""
    fixture.side = SIDE
    fixture.inject.slow_sync("/state/", seconds)
    began = time.monotonic()
    fixture.gateway.spawn()
    harness.wait_for(lambda: fixture.gateway.answers() or not fixture.gateway.process.alive(),
                     lambda: f"an answer {time.monotonic() - began:.0f} s after the start "
                     f"with syncs of {seconds} s\n{fixture.gateway.log()[-1500:]}", 4)
    fixture.gateway.wait_up("zigbee", within=4)
    fixture.changes(4, arrive=True)
    fixture.heal()
    fixture.changes(2)
    fixture.judge(within=30)


def slow_sync(fixture, seconds):
    """The disk hangs at work; delivery goes on, and nothing is lost by a kill after it."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.mark()
    fixture.inject.slow_sync("/state/", seconds)
    fixture.changes(6, arrive=True)
    fixture.heal()
    fixture.changes(2)
    fixture.judge(within=30)
    fixture.restart()
    fixture.judge(within=30)


for s in (5, 12, 30):
    family.add(f"start-sync-{s}s", slow_start, s, fault=f"each sync takes {s} s from the start on")
    family.add(f"sync-{s}s", slow_sync, s, fault=f"each sync takes {s} s")


def undurable_repeat(fixture):
    """An event leaves before its commit and says so; the answer is lost. It comes again, from
    memory and after a kill from the journal, with the same bytes."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.inject.slow_sync("/state/", 1)
    fixture.city.fault("cut", times=None, at="none")
    fixture.change(0, bound_ms=None)
    fixture.arrived()
    fixture.require([] if fixture.came()[-1].data["durable"] is False else ["I2 says it is durable"])
    seq = fixture.came()[-1].seq
    harness.wait_for(lambda: fixture.gateway.status()["store"]["committed"] >= seq, "committed", 20)
    fixture.inject.end()
    harness.wait_for(lambda: fixture.gateway.status()["store"]["pending"] == 0, "its mark, too", 20)
    def copies():
        return [arrival for arrival in fixture.city.arrivals() if arrival.seq == seq]
    tries = len(copies())
    fixture.kill()
    fixture.start()
    harness.wait_for(lambda: len(copies()) > tries, "it comes again", 20)
    # the judge lets a repeat differ in this, for a kill while the disk hangs; here it did not
    fixture.require([f"I2 #{seq} came again and says that it is durable"
                     for copy in copies() if copy.data["durable"]])
    fixture.city.clear()
    fixture.heal()
    fixture.change(1)
    fixture.judge(within=30)


family.add("undurable-repeat", undurable_repeat, fault="left before its commit, told again")


def slow_reload(fixture):
    """A reload while syncs hang: the engine must not wait for the disk."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.inject.slow_sync("/state/", 12)
    other = fixture.another_city("other")
    fixture.gateway.write(fixture.config())
    fixture.gateway.reload()
    fixture.changes(4, bound_ms=4000)
    fixture.arrived(within=5)
    fixture.heal()
    fixture.judge(within=30)
    assert other


family.add("reload-sync-12s", slow_reload, fault="reload while each sync takes 12 s")


# ---- spoilt

def spoilt(fixture, spoil, report=STORE, all_owed=False):
    """The file is harmed while the daemon is away; it is said, and new alarms work. What can
    still be read of what was owed arrives."""
    owed(fixture)
    committed = len(fixture.due)
    fixture.reported = report
    fixture.log_from = len(fixture.gateway.log())
    spoil(fixture)
    fixture.start()
    fixture.heal()
    fixture.city.start()
    fixture.on = [False] * len(fixture.on) if not all_owed else fixture.on
    if all_owed:
        fixture.change(0)
        fixture.judge(within=30)
        return
    # What stood in the file may be gone with it; what is new must be right.
    seen = {a.id: a.raw for a in fixture.city.arrivals()}
    for n in range(len(fixture.on)):
        fixture.shared.publisher.send(f"{fixture.topic}/{DETECTORS[n][0]}", "false")
    for _ in range(2):
        fixture.shared.publisher.send(f"{fixture.topic}/smoke-0", "true")
        fixture.shared.publisher.send(f"{fixture.topic}/smoke-0", "false")
    harness.wait_for(lambda: len([a for a in fixture.came() if a.id not in seen
                                  and a.alarm == fixture.alarm(0) and a.change == "raised"]) >= 2,
                     lambda: f"new alarms\n{fixture.gateway.log()[-2000:]}", 20)
    arrivals = fixture.city.arrivals()
    by_id = {}
    for a in arrivals:
        assert by_id.setdefault(a.id, a.raw) == a.raw, f"I2 altered: {a.id}"
    runs = sorted({a.data["run"] for a in arrivals})
    assert len(runs) >= 1 and committed
    fixture.judge_reported()


def db(fixture):
    return fixture.gateway.state / "tocsin.db"


def drop_wal(fixture):
    for more in ("-wal", "-shm"):
        db(fixture).with_name("tocsin.db" + more).unlink(missing_ok=True)


def checkpointed(fixture):
    """All rows in the file itself, none in the WAL."""
    with contextlib.closing(sqlite3.connect(db(fixture))) as c:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def header(fixture):
    checkpointed(fixture)
    with open(db(fixture), "r+b") as f:
        f.write(b"\xff" * 64)


def page(fixture):
    checkpointed(fixture)
    size = db(fixture).stat().st_size
    with open(db(fixture), "r+b") as f:
        f.seek(size // 2048 * 1024)
        f.write(fixture.rng.randbytes(1024))


def truncated_wal(fixture):
    wal = db(fixture).with_name("tocsin.db-wal")
    if wal.exists():
        with open(wal, "r+b") as f:
            f.truncate(wal.stat().st_size * 2 // 3)


def foreign(fixture):
    drop_wal(fixture)
    db(fixture).unlink()
    with contextlib.closing(sqlite3.connect(db(fixture))) as c:
        c.execute("CREATE TABLE somebody_elses (a, b)")
        c.commit()


def emptied_file(fixture):
    drop_wal(fixture)
    db(fixture).write_bytes(b"")


def version(number):
    def change(fixture):
        checkpointed(fixture)
        with contextlib.closing(sqlite3.connect(db(fixture))) as c:
            c.execute(f"PRAGMA user_version = {number}")
            c.commit()
    return change


family.add("corrupt-header", spoilt, header, fault="corrupt header")
family.add("corrupt-page", spoilt, page, "", fault="corrupt page")
family.add("truncated-wal", spoilt, truncated_wal, "", fault="truncated WAL")
family.add("foreign-file", spoilt, foreign, fault="a foreign file")
family.add("empty-file", spoilt, emptied_file, fault="an empty file")
family.add("newer-schema", spoilt, version(99), "", True, fault="a newer schema")
family.add("older-schema", spoilt, version(0), "", True, fault="an older schema")


def deleted_file(fixture):
    drop_wal(fixture)
    db(fixture).unlink()


family.add("file-deleted", spoilt, deleted_file, r"gateway:store-replaced",
           fault="the database deleted")


def emptied(fixture, clock_s=0.0):
    """The state folder is emptied: no id is given twice, with whatever clock."""
    fixture.side = SIDE
    fixture.slack_ms = 10 ** 15
    fixture.inject.clock(wall_s=clock_s)
    fixture.start()
    fixture.changes(4, arrive=True)
    fixture.kill()
    before = {a.id: a.raw for a in fixture.city.arrivals()}
    shutil.rmtree(fixture.gateway.state)
    fixture.start()
    for n in (0, 1, 2, 3):
        fixture.shared.publisher.send(f"{fixture.topic}/{DETECTORS[n][0]}", "false")
    for _ in range(2):
        fixture.shared.publisher.send(f"{fixture.topic}/smoke-0", "true")
        fixture.shared.publisher.send(f"{fixture.topic}/smoke-0", "false")
    only_new_ids(fixture, before)


def only_new_ids(fixture, before):
    """New events arrive, and no id with two contents."""
    harness.wait_for(lambda: len({a.id for a in fixture.city.arrivals()} - set(before)) >= 2,
                     "new events", 20)
    fixture.require([f"I2 twice: {a.id} is given to two events" for a in fixture.city.arrivals()
                 if before.setdefault(a.id, a.raw) != a.raw])


family.add("folder-emptied", emptied, fault="the state folder emptied")
family.add("folder-emptied-1970", emptied, -1.79e9,
           fault="the state folder emptied, clock in 1970")


def backup(fixture):
    """Yesterday's copy of the folder is put back: no id twice."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.gateway.stop()
    shutil.copytree(fixture.gateway.state, fixture.folder / "backup")
    fixture.start()
    fixture.changes(3, arrive=True)
    fixture.kill()
    shutil.rmtree(fixture.gateway.state)
    shutil.copytree(fixture.folder / "backup", fixture.gateway.state)
    before = {a.id: a.raw for a in fixture.city.arrivals()}
    fixture.start()
    for _ in range(3):
        for value in ("true", "false"):
            fixture.shared.publisher.send(f"{fixture.topic}/smoke-1", value)
    only_new_ids(fixture, before)


family.add("backup-restored", backup, fault="an old copy of the state folder put back")


def deleted_under(fixture):
    """The folder is deleted while the daemon runs: said within seconds, nothing lost."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.mark()
    fixture.reported = r"gateway:store-replaced|gateway:store-failing"
    shutil.rmtree(fixture.gateway.state)
    fixture.changes(4, arrive=True)
    fixture.judge(within=20)


family.add("folder-deleted-running", deleted_under, fault="the state folder deleted at work")


def small(fixture):
    """A database at its bound in an outage: what goes is of the lowest class, and counted."""
    fixture.side = SIDE
    fixture.gateway.write(fixture.config(gateway={"store_max_mb": 1}))
    fixture.start()
    fixture.city.stop()
    for n in range(400):
        fixture.change(n % 4 if n % 40 == 0 else 3, bound_ms=None, wait=n % 50 == 49)
    fixture.logged(within=60)
    fixture.city.start()
    fixture.heal()
    fixture.change(0)
    fixture.judge(within=60, may_drop=True, dropped=dropped(fixture),
              drop_classes={fixture.alarm(n): (c, v) for n, (_, v, c) in enumerate(DETECTORS)})


def dropped(fixture):
    store = fixture.gateway.status()["store"]
    return sum(store.get(k, 0) for k in ("lost", "refused", "trimmed"))


family.add("bound-reached", small, nightly=True, fault="the database at its bound in an outage")
