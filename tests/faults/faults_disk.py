# SPDX-License-Identifier: Apache-2.0
"""The disk under the state folder: full, read-only, slow, unreadable, spoilt, gone."""
import contextlib
import shutil
import sqlite3
import time

import harness
import injection as i
from bed import DETECTORS
from trial import Family

family = Family("disk")
STORE = r"gateway:store|store: |database"
SIDE = r"^gateway:|^city:|chattering"


def owed(bed, changes=7):
    """A building whose platform is away: committed, owed, on paper; then the power goes."""
    bed.side = SIDE
    bed.start()
    bed.city.stop()
    bed.changes(changes, bound_ms=None)
    bed.logged()
    bed.committed()
    bed.kill()


def back(bed):
    """The platform is back; a new alarm and all that was owed must arrive."""
    bed.heal()
    bed.city.start()
    bed.change(0)
    bed.judge(within=30, unordered=True)


# ---- while it runs

SICK_MS = 3500  # the broker's next message on a topic waits for a commit, 2 s at most


def late(bed, harm, away=False):
    bed.side, bed.reported = SIDE, STORE
    bed.start()
    bed.changes(2, arrive=True)
    bed.mark()
    if away:
        bed.city.stop()
    harm(bed)
    bed.changes(6, bound_ms=None if away else SICK_MS)
    if not away:
        bed.arrived()
    bed.gateway.wait_log(STORE, within=20)
    bed.heal()
    if away:
        bed.city.start()
    bed.changes(2)
    bed.judge(within=30)


def full(bed):
    bed.inject.full("/state/")


def read_only(bed):
    bed.inject.read_only("/state/")


def sync_fails(bed):
    bed.inject.rule(0, i.SYNC, 5, "/state/")


def reads_fail(bed):
    bed.inject.unreadable("/state/")
    bed.inject.rule(1, i.WRITE, 5, "/state/")


for name, harm in (("full", full), ("read-only", read_only), ("sync-eio", sync_fails),
                   ("all-eio", reads_fail)):
    family.add(f"late-{name}", late, harm, fault=f"{name} while running")
    family.add(f"late-{name}-outage", late, harm, True,
               fault=f"{name} while running, platform away")


def late_then_kill(bed, harm):
    """Nothing more can be written, the platform takes it; then a kill and a healthy start. What
    was never written is forgotten; the next change of each detector sets both sides right."""
    bed.side = SIDE
    bed.start()
    bed.changes(3, arrive=True)
    harm(bed)
    bed.changes(3, arrive=True)
    bed.kill()
    bed.heal()
    bed.start()
    for value in ("false", "true"):
        for name, _, _ in DETECTORS:
            bed.shared.publisher.send(f"{bed.topic}/{name}", value)
    bed.agrees("active-unacked")


for name, harm in (("full", full), ("read-only", read_only)):
    family.add(f"late-{name}-kill", late_then_kill, harm, fault=f"{name} while running, kill")


# ---- at the start

def at_start(bed, harm, seconds=1.5):
    """Owed events, a kill; at the next start the disk is sick, and heals after a while."""
    owed(bed)
    bed.reported = STORE
    bed.log_from = len(bed.gateway.log())
    harm(bed)
    bed.start()
    bed.change(1, bound_ms=None)
    time.sleep(seconds)
    back(bed)


def read_eio(bed):
    bed.inject.unreadable("/state/tocsin.db")


def open_eacces(bed):
    bed.inject.rule(0, i.OPEN, 13, "/state/")


family.add("start-read-only", at_start, read_only, fault="read-only at the start")
family.add("start-read-only-long", at_start, read_only, 12, nightly=True,
           fault="read-only at the start")
family.add("start-full", at_start, full, fault="full at the start")
family.add("start-read-eio", at_start, read_eio, fault="unreadable at the start")
family.add("start-read-eio-long", at_start, read_eio, 12, nightly=True,
           fault="unreadable at the start")
family.add("start-open-eacces", at_start, open_eacces, fault="cannot be opened at the start",
           open_="seen once: the platform's last word was the end of the life before the start")


def start_nth(bed, ops, nth, count=1):
    """The n-th call of the start fails, once or from there on for a while."""
    owed(bed, 4)
    bed.inject.rule(0, ops, 5, "/state/", first=nth, count=count)
    bed.start()
    if count > 1:
        time.sleep(1)
    back(bed)


def nth_random(bed, ops, most, count=1):
    start_nth(bed, ops, bed.rng.randrange(1, most), count)


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


def running_nth(bed, ops):
    """One call in the midst of work fails."""
    bed.side = SIDE
    bed.start()
    bed.changes(1, arrive=True)
    bed.mark()
    for _ in range(4):
        bed.inject.rule(0, ops, 5, "/state/", first=bed.rng.randrange(1, 4), count=1)
        bed.changes(2, arrive=True)
    bed.heal()
    bed.judge(within=30)
    bed.restart()
    bed.changes(2)
    bed.judge(within=30)


for name, ops in (("write", i.WRITE), ("sync", i.SYNC)):
    family.add(f"running-{name}-eio", running_nth, ops, fault=f"EIO on one {name} at work")


# ---- slow

def slow_start(bed, seconds):
    """Each sync takes so long from the start on: the first poll does not wait for it."""
    bed.side = SIDE
    bed.inject.slow_sync("/state/", seconds)
    began = time.monotonic()
    bed.gateway.spawn()
    harness.wait_for(lambda: bed.gateway.answers() or not bed.gateway.process.alive(),
                     lambda: f"an answer {time.monotonic() - began:.0f} s after the start "
                     f"with syncs of {seconds} s\n{bed.gateway.log()[-1500:]}", 4)
    bed.gateway.wait_up("zigbee", within=4)
    bed.changes(4, arrive=True)
    bed.heal()
    bed.changes(2)
    bed.judge(within=30)


def slow_sync(bed, seconds):
    """The disk hangs at work; delivery goes on, and nothing is lost by a kill after it."""
    bed.side = SIDE
    bed.start()
    bed.changes(2, arrive=True)
    bed.mark()
    bed.inject.slow_sync("/state/", seconds)
    bed.changes(6, arrive=True)
    bed.heal()
    bed.changes(2)
    bed.judge(within=30)
    bed.restart()
    bed.judge(within=30)


for s in (5, 12, 30):
    family.add(f"start-sync-{s}s", slow_start, s, fault=f"each sync takes {s} s from the start on")
    family.add(f"sync-{s}s", slow_sync, s, fault=f"each sync takes {s} s")


def undurable_repeat(bed):
    """An event leaves before its commit and says so; the answer is lost. It comes again, from
    memory and after a kill from the journal, with the same bytes."""
    bed.side = SIDE
    bed.start()
    bed.changes(1, arrive=True)
    bed.inject.slow_sync("/state/", 1)
    bed.city.fault("cut", times=None, at="none")
    bed.change(0, bound_ms=None)
    bed.arrived()
    bed.require([] if bed.came()[-1].data["durable"] is False else ["I2 says it is durable"])
    seq = bed.came()[-1].seq
    harness.wait_for(lambda: bed.gateway.status()["store"]["committed"] >= seq, "committed", 20)
    bed.inject.end()
    harness.wait_for(lambda: bed.gateway.status()["store"]["pending"] == 0, "its mark, too", 20)
    tries = len(bed.city.posts())
    bed.kill()
    bed.start()
    harness.wait_for(lambda: len(bed.city.posts()) > tries, "it comes again", 20)
    bed.city.clear()
    bed.heal()
    bed.change(1)
    bed.judge(within=30)


family.add("undurable-repeat", undurable_repeat, fault="left before its commit, told again")


def slow_reload(bed):
    """A reload while syncs hang: the engine must not wait for the disk."""
    bed.side = SIDE
    bed.start()
    bed.changes(2, arrive=True)
    bed.inject.slow_sync("/state/", 12)
    other = bed.another_city("other")
    bed.gateway.write(bed.config())
    bed.gateway.reload()
    bed.changes(4, bound_ms=4000)
    bed.arrived(within=5)
    bed.heal()
    bed.judge(within=30)
    assert other


family.add("reload-sync-12s", slow_reload, fault="reload while each sync takes 12 s")


# ---- spoilt

def spoilt(bed, spoil, report=STORE, all_owed=False):
    """The file is harmed while the daemon is away; it is said, and new alarms work. What can
    still be read of what was owed arrives."""
    owed(bed)
    committed = len(bed.due)
    bed.reported = report
    bed.log_from = len(bed.gateway.log())
    spoil(bed)
    bed.start()
    bed.heal()
    bed.city.start()
    bed.on = [False] * len(bed.on) if not all_owed else bed.on
    if all_owed:
        bed.change(0)
        bed.judge(within=30)
        return
    # What stood in the file may be gone with it; what is new must be right.
    seen = {a.id: a.raw for a in bed.city.arrivals()}
    for n in range(len(bed.on)):
        bed.shared.publisher.send(f"{bed.topic}/{DETECTORS[n][0]}", "false")
    for _ in range(2):
        bed.shared.publisher.send(f"{bed.topic}/smoke-0", "true")
        bed.shared.publisher.send(f"{bed.topic}/smoke-0", "false")
    harness.wait_for(lambda: len([a for a in bed.came() if a.id not in seen
                                  and a.alarm == bed.alarm(0) and a.change == "raised"]) >= 2,
                     lambda: f"new alarms\n{bed.gateway.log()[-2000:]}", 20)
    arrivals = bed.city.arrivals()
    by_id = {}
    for a in arrivals:
        assert by_id.setdefault(a.id, a.raw) == a.raw, f"I2 altered: {a.id}"
    runs = sorted({a.data["run"] for a in arrivals})
    assert len(runs) >= 1 and committed
    bed.judge_reported()


def db(bed):
    return bed.gateway.state / "tocsin.db"


def drop_wal(bed):
    for more in ("-wal", "-shm"):
        db(bed).with_name("tocsin.db" + more).unlink(missing_ok=True)


def checkpointed(bed):
    """All rows in the file itself, none in the WAL."""
    with contextlib.closing(sqlite3.connect(db(bed))) as c:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def header(bed):
    checkpointed(bed)
    with open(db(bed), "r+b") as f:
        f.write(b"\xff" * 64)


def page(bed):
    checkpointed(bed)
    size = db(bed).stat().st_size
    with open(db(bed), "r+b") as f:
        f.seek(size // 2048 * 1024)
        f.write(bed.rng.randbytes(1024))


def truncated_wal(bed):
    wal = db(bed).with_name("tocsin.db-wal")
    if wal.exists():
        with open(wal, "r+b") as f:
            f.truncate(wal.stat().st_size * 2 // 3)


def foreign(bed):
    drop_wal(bed)
    db(bed).unlink()
    with contextlib.closing(sqlite3.connect(db(bed))) as c:
        c.execute("CREATE TABLE somebody_elses (a, b)")
        c.commit()


def emptied_file(bed):
    drop_wal(bed)
    db(bed).write_bytes(b"")


def version(number):
    def change(bed):
        checkpointed(bed)
        with contextlib.closing(sqlite3.connect(db(bed))) as c:
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


def deleted_file(bed):
    drop_wal(bed)
    db(bed).unlink()


family.add("file-deleted", spoilt, deleted_file, r"gateway:store-replaced",
           fault="the database deleted")


def emptied(bed, clock_s=0.0):
    """The state folder is emptied: no id is given twice, with whatever clock."""
    bed.side = SIDE
    bed.slack_ms = 10 ** 15
    bed.inject.clock(wall_s=clock_s)
    bed.start()
    bed.changes(4, arrive=True)
    bed.kill()
    before = {a.id: a.raw for a in bed.city.arrivals()}
    shutil.rmtree(bed.gateway.state)
    bed.start()
    for n in (0, 1, 2, 3):
        bed.shared.publisher.send(f"{bed.topic}/{DETECTORS[n][0]}", "false")
    for _ in range(2):
        bed.shared.publisher.send(f"{bed.topic}/smoke-0", "true")
        bed.shared.publisher.send(f"{bed.topic}/smoke-0", "false")
    only_new_ids(bed, before)


def only_new_ids(bed, before):
    """New events arrive, and no id with two contents."""
    harness.wait_for(lambda: len({a.id for a in bed.city.arrivals()} - set(before)) >= 2,
                     "new events", 20)
    bed.require([f"I2 twice: {a.id} is given to two events" for a in bed.city.arrivals()
                 if before.setdefault(a.id, a.raw) != a.raw])


family.add("folder-emptied", emptied, fault="the state folder emptied")
family.add("folder-emptied-1970", emptied, -1.79e9,
           fault="the state folder emptied, clock in 1970")


def backup(bed):
    """Yesterday's copy of the folder is put back: no id twice."""
    bed.side = SIDE
    bed.start()
    bed.changes(2, arrive=True)
    bed.gateway.stop()
    shutil.copytree(bed.gateway.state, bed.folder / "backup")
    bed.start()
    bed.changes(3, arrive=True)
    bed.kill()
    shutil.rmtree(bed.gateway.state)
    shutil.copytree(bed.folder / "backup", bed.gateway.state)
    before = {a.id: a.raw for a in bed.city.arrivals()}
    bed.start()
    for _ in range(3):
        for value in ("true", "false"):
            bed.shared.publisher.send(f"{bed.topic}/smoke-1", value)
    only_new_ids(bed, before)


family.add("backup-restored", backup, fault="an old copy of the state folder put back")


def deleted_under(bed):
    """The folder is deleted while the daemon runs: said within seconds, nothing lost."""
    bed.side = SIDE
    bed.start()
    bed.changes(2, arrive=True)
    bed.mark()
    bed.reported = r"gateway:store-replaced|gateway:store-failing"
    shutil.rmtree(bed.gateway.state)
    bed.changes(4, arrive=True)
    bed.judge(within=20)


family.add("folder-deleted-running", deleted_under, fault="the state folder deleted at work")


def small(bed):
    """A database at its bound in an outage: what goes is of the lowest class, and counted."""
    bed.side = SIDE
    bed.gateway.write(bed.config(gateway={"store_max_mb": 1}))
    bed.start()
    bed.city.stop()
    for n in range(400):
        bed.change(n % 4 if n % 40 == 0 else 3, bound_ms=None, wait=n % 50 == 49)
    bed.logged(within=60)
    bed.city.start()
    bed.heal()
    bed.change(0)
    bed.judge(within=60, may_drop=True, dropped=dropped(bed),
              drop_classes={bed.alarm(n): (c, v) for n, (_, v, c) in enumerate(DETECTORS)})


def dropped(bed):
    store = bed.gateway.status()["store"]
    return sum(store.get(k, 0) for k in ("lost", "refused", "trimmed"))


family.add("bound-reached", small, nightly=True, fault="the database at its bound in an outage")
