# SPDX-License-Identifier: Apache-2.0
"""tocsin backup and restore: consistent while it runs, and no event lost or given another's id."""
import contextlib
import hashlib
import io
import itertools
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import tarfile
import threading
import time

import building as b
import harness
import oracle
import pytest
from judge import journal, judge

KILLS = int(os.environ.get("TOCSIN_KILLS", "100"))
SENSORS = 4
ALARM = "zigbee/smoke-{}/smoke:smoke"


def site(broker, *uplinks, sensors=SENSORS):
    return b.config(b.mqtt(broker.port, *(b.smoke(n) for n in range(1, sensors + 1))),
                    alarms=[b.SMOKE], uplinks=list(uplinks))


class Smoke:
    """Smoke that comes and goes, on the injector's ledger."""

    def __init__(self, publisher, ledger, city):
        self.publisher, self.ledger, self.city = publisher, ledger, city
        self.on = set()

    def set(self, n, smoke):
        self.ledger.will(ALARM.format(n), "raised" if smoke else "cleared")
        self.publisher.send(f"zigbee2mqtt/smoke-{n}", {"smoke": smoke})
        (self.on.add if smoke else self.on.discard)(n)


@pytest.fixture
def smoke(publisher, ledger, city):
    return Smoke(publisher, ledger, city)


def members(archive):
    with tarfile.open(archive) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}


def database_of(archive, folder):
    path = folder / "of-archive.db"
    path.write_bytes(members(archive)["tocsin.db"])
    return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)


def seqs_of(archive, folder):
    with contextlib.closing(database_of(archive, folder)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in db.execute("SELECT seq FROM event ORDER BY seq")]


def backup(g, path, timeout=60.0):
    return g.ask("backup", "--config", g.config_path, path, timeout=timeout)


def restore(g, path, config=None):
    return g.run("restore", "--config", config or g.config_path, path, timeout=60.0)


def restored(g, path, config=None):
    done = restore(g, path, config)
    assert done.returncode == 0, done.stderr
    return done.stdout


def burning(g, smoke, city):
    """Started, with one alarm that the platform has."""
    g.start()
    g.wait_up("zigbee")
    smoke.set(1, True)
    city.until(ALARM.format(1), "raised")
    return g


def contents(folder):
    """What a state folder holds, but for locks."""
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*"))
            if p.is_file()}


def settled(g, city, ledger):
    """Judged good, but for the order of what an earlier start still owed: design.md, Delivery."""
    harness.wait_for(lambda: g.uplink()["pending"] == 0, lambda: g.uplink(), 20)
    harness.wait_for(lambda: not wrong(g, city, ledger), lambda: wrong(g, city, ledger), 15)


def wrong(g, city, ledger):
    causes = oracle.read_injector(ledger.path)
    return [w for w in oracle.check(city.arrivals(), causes, [row["seq"] for row in g.lines()],
                                    only="^zigbee/smoke-[0-9]+/smoke:smoke$")
            if not w.endswith(oracle.LATER_START)]


# ---- while it runs ----------------------------------------------------------------------------

@pytest.mark.long
def test_backups_while_alarms_are_raised(gateway, broker, publisher, city, folder):
    """Each one is whole, has every event up to its last one, and none is lost by it."""
    g = gateway(site(broker, city.uplink())).start()
    g.wait_up("zigbee")
    stop = threading.Event()

    def raise_alarms():
        n = 0
        while not stop.is_set():
            publisher.send(f"zigbee2mqtt/smoke-{n % SENSORS + 1}", {"smoke": n // SENSORS % 2 == 0})
            n += 1
    thread = threading.Thread(target=raise_alarms)
    thread.start()
    try:
        harness.wait_for(lambda: g.status()["store"]["committed"] > 500, "a journal to copy", 30)
        before = 0
        for n in range(5):
            committed = g.status()["store"]["committed"]
            told = backup(g, folder / "box.tar")
            seqs = seqs_of(folder / "box.tar", folder)
            assert seqs == list(range(1, told["last_seq"] + 1)), "an event is missing in it"
            assert told["last_seq"] >= committed > before, "what was committed before is in it"
            assert told["configuration"]
            before = committed
    finally:
        stop.set()
        thread.join()
    assert (folder / "box.tar").stat().st_mode & 0o777 == 0o600
    assert not list(folder.glob("box.tar.*")) and not (g.state / "backup.db").exists()
    assert set(members(folder / "box.tar")) >= {"tocsin.db", "last-good.conf", "MANIFEST"}

    def wrong():
        """None are on their way, either: the last messages may not have been read yet."""
        return oracle.check(city.arrivals(), None, [row["seq"] for row in g.lines()])
    harness.wait_for(lambda: g.uplink()["pending"] == 0 and not wrong(),
                     lambda: f"{g.uplink()} {wrong()}", 30)
    assert g.ask("verify")["broken"] is None


def ask_raw(g, *requests):
    """Each request on a connection of its own, all there before the daemon reads one: the first
    lines of the replies."""
    with contextlib.ExitStack() as stack:
        clients = []
        os.kill(g.process.pid, signal.SIGSTOP)
        for request in requests:
            c = stack.enter_context(socket.socket(socket.AF_UNIX))
            c.settimeout(20 * harness.SLOW)
            c.connect(str(g.socket))
            c.sendall(request + b"\n")
            clients.append(c)
        os.kill(g.process.pid, signal.SIGCONT)
        return [json.loads(c.makefile().readline()) for c in clients]


def test_one_at_a_time(gateway, broker, publisher, city, folder):
    g = gateway(site(broker, city.uplink())).start()
    g.wait_up("zigbee")
    journal_of(g, publisher, 300)
    replies = ask_raw(g, b'{"cmd":"backup"}', b'{"cmd":"backup"}')
    assert sorted("another backup" in reply.get("error", "") for reply in replies) == [False, True]
    # The copy that nobody waits for is given up.
    harness.wait_for(lambda: g.run("backup", "--config", g.config_path, folder / "next.tar",
                                   timeout=60).returncode == 0, "the next one")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_only_for_root(gateway, broker, city):
    g = gateway(site(broker, city.uplink())).start()
    g.folder.chmod(0o755)
    g.socket.chmod(0o666)
    ask = ("import socket, sys; c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1]);"
           "c.sendall(b'{\"cmd\":\"backup\"}\\n'); print(c.makefile().readline())")
    done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "/usr/bin/python3",
                           "-c", ask, str(g.socket)], capture_output=True, text=True,
                          timeout=20 * harness.SLOW)
    assert "only root" in done.stdout, done.stdout + done.stderr


def journal_of(g, publisher, n):
    """At least n events in it."""
    sent = itertools.count()
    while g.status()["store"]["committed"] < n:
        for _ in range(50):
            k = next(sent)
            publisher.send(f"zigbee2mqtt/smoke-{k % SENSORS + 1}",
                           {"smoke": k // SENSORS % 2 == 0})


def test_of_a_stopped_gateway(gateway, broker, smoke, city, ledger, folder):
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    judge(g, city, ledger)
    g.kill()  # the WAL stays
    told = backup(g, folder / "box.tar")
    assert seqs_of(folder / "box.tar", folder) == [1] and told["last_seq"] == 1
    g.start()
    judge(g, city, ledger)


@pytest.mark.parametrize("running", [True, False])
def test_never_over_another_file(gateway, broker, smoke, city, ledger, folder, running):
    """Not in the state folder, where a name may be that of the database; and what is beside the
    archive stays."""
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    judge(g, city, ledger)
    if not running:
        g.stop()
    for name in ("tocsin", "tocsin.db", "box.tar"):
        done = g.run("backup", "--config", g.config_path, g.state / name, timeout=60)
        assert done.returncode == 1 and "state folder" in done.stderr, done.stderr
        assert (g.state / "tocsin.db").read_bytes()[:6] == b"SQLite"
    (folder / "box.db").write_text("mine")
    backup(g, folder / "box")
    assert (folder / "box.db").read_text() == "mine"
    assert not list(folder.glob("box.[!d]*"))


def test_a_full_disk_costs_only_the_backup(mounted, broker, publisher, city, folder):
    """Less than the database needs: refused before anything is written, and said so."""
    g = mounted(site(broker, city.uplink()), size="12m").start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    city.until(ALARM.format(1), "raised")
    harness.wait_for(lambda: g.status()["store"]["pending"] == 0, "all is committed")
    before = g.status()["store"]
    done = subprocess.run(["nsenter", "-m", "-t", str(g.process.pid), str(g.build / "tocsin"),
                           "--socket", str(g.socket), "backup", "--config", str(g.config_path),
                           str(folder / "box.tar")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "free" in done.stderr, done.stderr + done.stdout
    assert not list(folder.glob("box.tar*"))
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    city.until(ALARM.format(1), "cleared")
    after = g.status()["store"]
    assert after["state"] == "ok" and after["lost"] == before["lost"] == 0
    assert "ballast" not in g.log() and "cannot write" not in g.log()


def test_space_for_alarms_is_left_on_the_same_disk(gateway, broker, smoke, city, folder):
    """Neither the copy nor the archive takes the last 16 MiB of the state folder's disk."""
    from conftest import own_mounts
    words = own_mounts()
    if not words:
        pytest.skip("no private mounts permitted here")
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    g.stop()
    with contextlib.closing(sqlite3.connect(g.state / "tocsin.db")) as db:
        db.execute("INSERT INTO boot(boot) VALUES(hex(zeroblob(4194304)))")  # 8 MiB
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    disk = folder / "disk"
    disk.mkdir()
    (disk / "box.tar.new").write_text("of one that was killed")
    for mib, fits in ((30, False), (38, False), (70, True)):
        script = (f'mount -t tmpfs -o size={mib}m none "{disk}" && mkdir "{disk}/archives" && '
                  f'cp -a "{g.state}" "{disk}/state" && mount --bind "{disk}/state" "{g.state}" '
                  f'&& touch "{disk}/archives/box.tar.new" && "$@"; echo "code $?";'
                  f'ls "{disk}/archives"')
        done = subprocess.run(
            [*words, "sh", "-c", script, "sh", str(g.build / "tocsin"), "--socket", str(g.socket),
             "backup", "--config", str(g.config_path), str(disk / "archives" / "box.tar")],
            capture_output=True, text=True, timeout=60 * harness.SLOW)
        if fits:
            assert "code 0" in done.stdout and done.stdout.endswith("\nbox.tar\n"), done
            continue
        assert "stay free for alarms" in done.stderr, f"{mib} MiB: {done}"
        assert "box.tar\n" not in done.stdout and "code 1" in done.stdout, done


def test_what_is_in_quarantine_is_not_left_out_in_silence(gateway, broker, smoke, city, ledger,
                                                         folder):
    """What a file there still owes: backup says so, and beside a restored database it is sent."""
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    backup(g, folder / "first.tar")
    city.stop()
    smoke.set(2, True)
    harness.wait_for(lambda: g.uplink()["pending"] == 1 and g.status()["store"]["pending"] == 0,
                     lambda: g.uplink())
    g.stop()
    restored(g, folder / "first.tar")  # which puts what is owed aside
    done = g.run("backup", "--config", g.config_path, folder / "box.tar", timeout=60)
    assert done.returncode == 0 and "may owe events that are not in this backup" in done.stderr
    aside = [p for p in g.state.iterdir() if ".corrupt-" in p.name]
    assert str(aside[0].name) in done.stderr
    kept = {p.name: p.read_bytes() for p in aside}
    shutil.rmtree(g.state)
    restored(g, folder / "box.tar")
    for name, data in kept.items():
        (g.state / name).write_bytes(data)
    g.start()
    city.start()
    city.until(ALARM.format(2), "raised", within=30)
    told = backup(g, folder / "box.tar")
    assert told["left_out"] == 0 and told["folder"] == str(g.state)


# ---- restore ----------------------------------------------------------------------------------

def test_an_older_backup_twice(gateway, broker, smoke, city, ledger, folder):
    """What was delivered since is known to the platform, and no id is given to another event."""
    g = gateway(site(broker, city.uplink())).start()
    g.wait_up("zigbee")
    smoke.set(1, True)
    smoke.set(2, True)
    city.until(ALARM.format(2), "raised")
    backup(g, folder / "old.tar")
    smoke.set(2, False)
    smoke.set(3, True)
    city.until(ALARM.format(3), "raised")
    judge(g, city, ledger)
    runs = {city.arrivals()[-1].data["run"]}
    for n, times in ((4, 1), (2, 2)):
        last = g.status()["store"]["committed"]
        g.stop()
        told = restored(g, folder / "old.tar")
        assert "put aside" in told
        g.start()
        g.wait_up("zigbee")
        # What stood stands, under its id, and what went since the backup is not back.
        assert g.alarm(ALARM.format(1))["state"] == "active-unacked"
        assert g.alarm(ALARM.format(3))["state"] == "active-unacked"
        smoke.set(n, True)
        arrived = city.until(ALARM.format(n), "raised", times)
        assert arrived.seq > last and arrived.data["run"] not in runs
        runs.add(arrived.data["run"])
        settled(g, city, ledger)
        assert g.ask("verify")["broken"] is None
    smoke.set(1, False)
    city.until(ALARM.format(1), "cleared")
    settled(g, city, ledger)
    g.stop()
    assert len(journal(g)) == len(set(journal(g)))


def test_what_is_owed_survives_a_restore(gateway, broker, smoke, city, ledger, folder):
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    backup(g, folder / "old.tar")
    city.stop()
    smoke.set(2, True)
    smoke.set(1, False)
    harness.wait_for(lambda: g.uplink()["pending"] == 2 and g.status()["store"]["pending"] == 0,
                     lambda: g.uplink())
    g.stop()
    restored(g, folder / "old.tar")
    smoke.set(3, True)
    g.start()
    city.start()
    for n, change in ((2, "raised"), (1, "cleared"), (3, "raised")):
        city.until(ALARM.format(n), change, within=30)
    settled(g, city, ledger)
    assert g.ask("verify")["broken"] is None


def test_on_another_box(gateway, broker, smoke, city, ledger, folder):
    """No state folder and no configuration: both come from the backup, and it goes on there."""
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    judge(g, city, ledger)
    backup(g, folder / "box.tar")
    text = g.config_path.read_bytes()
    first = g.alarm(ALARM.format(1))
    g.stop()
    shutil.rmtree(g.state)
    g.config_path.unlink()
    told = restored(g, folder / "box.tar")
    assert "is written" in told and g.config_path.read_bytes() == text
    assert g.config_path.stat().st_mode & 0o777 == 0o640
    g.start()
    g.wait_up("zigbee")
    assert g.alarm(ALARM.format(1))["state"] == first["state"]
    smoke.set(1, False)
    city.until(ALARM.format(1), "cleared")
    settled(g, city, ledger)
    assert "refused" not in g.log()


def test_a_restored_alarm_keeps_no_raise_back(gateway, broker, smoke, city, ledger, folder):
    """Cleared after the backup, on a box whose state is gone: the platform must learn that it is
    true again, although the backup has it active."""
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    backup(g, folder / "box.tar")
    smoke.set(1, False)
    city.until(ALARM.format(1), "cleared")
    judge(g, city, ledger)
    g.stop()
    shutil.rmtree(g.state)
    told = restored(g, folder / "box.tar")
    assert "1 alarms stood then" in told
    g.start()
    g.wait_up("zigbee")
    assert "1 alarms stand by the restored backup" in g.log()
    smoke.set(1, True)
    again = city.until(ALARM.format(1), "raised", 2)
    assert again.data["note"].startswith("restored from a backup")
    settled(g, city, ledger)
    # Once: a start after it says nothing more.
    g.stop()
    g.start()
    g.wait_up("zigbee")
    assert g.log().count("stand by the restored backup") == 1
    smoke.set(1, False)
    city.until(ALARM.format(1), "cleared", 2)
    settled(g, city, ledger)


def test_an_old_database_confirms_what_stands(gateway, broker, smoke, city, ledger, folder):
    """Also one that has deleted the newest event of the backup; and what it has as normal is."""
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    smoke.set(2, True)
    city.until(ALARM.format(2), "raised")
    backup(g, folder / "box.tar")
    smoke.set(2, False)
    city.until(ALARM.format(2), "cleared")
    judge(g, city, ledger)
    g.stop()
    with contextlib.closing(sqlite3.connect(g.state / "tocsin.db")) as db:
        db.execute("DELETE FROM event WHERE seq = 2")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    told = restored(g, folder / "box.tar")
    assert "stood then" not in told
    g.start()
    g.wait_up("zigbee")
    smoke.publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})  # still: nothing new
    smoke.set(2, True)
    city.until(ALARM.format(2), "raised", 2)
    assert "stand by the restored backup" not in g.log()
    settled(g, city, ledger)


def test_an_unusable_configuration_is_kept_each_time(gateway, broker, smoke, city, folder):
    """The second one does not replace what the first one kept."""
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    backup(g, folder / "box.tar")
    g.stop()
    for n, name in enumerate((".old", ".old-2")):
        g.config_path.write_text(f"bad {n}:")
        told = restored(g, folder / "box.tar")
        kept = g.config_path.with_name(g.config_path.name + name)
        assert str(kept) in told and kept.read_text() == f"bad {n}:"
    other = folder / "other.yaml"
    other.write_text(g.config_path.read_text())
    assert "no configuration for" in restored(g, folder / "box.tar", other)
    # The state counts even if the configuration cannot be written.
    g.config_path.unlink()
    g.config_path.mkdir()
    for n in range(2, 1000):
        g.config_path.with_name(f"{g.config_path.name}.old-{n}").touch()
    done = restore(g, folder / "box.tar")
    assert done.returncode == 1 and "the state is restored" in done.stderr, done.stderr


def test_what_another_gateway_owes_is_not_given_up(gateway, broker, smoke, city, folder):
    """Its events have the numbers of others in the backup: they could not be told apart."""
    first = burning(gateway(site(broker, city.uplink())), smoke, city)
    backup(first, folder / "first.tar")
    first.stop()
    other = gateway({**site(broker, city.uplink()), "gateway": {"id": "other"}}).start()
    other.wait_up("zigbee")
    city.stop()
    smoke.set(2, True)
    harness.wait_for(lambda: other.uplink()["pending"] > 0
                     and other.status()["store"]["pending"] == 0, lambda: other.uplink())
    other.stop()
    before = contents(other.state)
    done = restore(other, folder / "first.tar")
    assert done.returncode == 1 and "owes #1" in done.stderr, done.stderr
    assert contents(other.state) == before
    city.start()
    other.start()
    harness.wait_for(lambda: other.uplink()["pending"] == 0, lambda: other.uplink(), 30)
    other.stop()
    restored(other, folder / "first.tar")
    other.start()
    assert other.alarm(ALARM.format(1))["state"] == "active-unacked"


def test_refused_and_nothing_changed(gateway, broker, smoke, city, folder):
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    backup(g, folder / "box.tar")
    done = restore(g, folder / "box.tar")
    assert done.returncode == 1 and "systemctl stop tocsind" in done.stderr, done.stderr
    g.stop()
    before, whole = contents(g.state), (folder / "box.tar").read_bytes()
    rng = random.Random(9)
    cuts = [0, 1, 511, 512, 700, len(whole) // 2, len(whole) - 1024, len(whole) - 1,
            *(rng.randrange(len(whole)) for _ in range(10))]
    bad = {f"cut at {n}": whole[:n] for n in cuts}
    for n in [rng.randrange(len(whole)) for _ in range(10)]:
        flipped = bytearray(whole)
        flipped[n] ^= 1 << rng.randrange(8)
        bad[f"bit flipped at {n}"] = bytes(flipped)
    bad["not ours"] = b"#!/bin/sh\necho hello\n" * 100
    bad["another tar"] = foreign_tar()
    for sql in ("CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM owed; END",
                "CREATE VIEW v AS SELECT * FROM event",
                "REPLACE INTO meta VALUES('last_seq', 9223372036854775806)",
                "REPLACE INTO meta VALUES('last_seq', -5); REPLACE INTO meta VALUES('run', -1)"):
        bad[sql] = changed(whole, folder, sql)
    bad["a newer schema"] = with_schema(whole, folder, 99)
    for what, data in bad.items():
        (folder / "bad.tar").write_bytes(data)
        done = restore(g, folder / "bad.tar")
        if done.returncode == 0:  # a bit in the padding or in a time of the tar's header
            assert what.startswith("bit") and members(folder / "bad.tar") == members(
                folder / "box.tar"), f"{what}: {done.stdout}"
            shutil.rmtree(g.state)
            for path, content in before.items():
                (g.state / path).parent.mkdir(parents=True, exist_ok=True)
                (g.state / path).write_bytes(content)
            continue
        assert done.returncode == 1 and "bad.tar" in done.stderr, f"{what}: {done.stderr}"
        assert contents(g.state) == before, what
    assert "schema 99" in done.stderr and "install tocsin" in done.stderr, done.stderr
    g.start()


def foreign_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("etc/passwd")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"root"))
    return out.getvalue()


def with_schema(whole, folder, version):
    """The same backup as a later version would write it, with right sums."""
    return changed(whole, folder, f"PRAGMA user_version={version}", version)


def changed(whole, folder, sql, version=2):
    """The same backup with another database, with right sums."""
    (folder / "newer.tar").write_bytes(whole)
    held = members(folder / "newer.tar")
    path = folder / "newer.db"
    path.write_bytes(held["tocsin.db"])
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        db.executescript(sql)
        db.commit()
    held["tocsin.db"] = path.read_bytes()
    lines = held.pop("MANIFEST").decode().splitlines()[:-1]
    rest = [f"schema {version}" if line.startswith("schema ") else line
            for line in lines if not line.startswith("file ")]
    text = "".join(f"file {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n"
                   for name, data in held.items()) + "".join(line + "\n" for line in rest)
    held["MANIFEST"] = (text + f"end {hashlib.sha256(text.encode()).hexdigest()}\n").encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in held.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


# ---- what the daemon's user may do to root ------------------------------------------------------

ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
DAEMON = 65534


def backed_up(g, smoke, city, archive):
    """Stopped; its state folder belongs to another user, as that of a daemon does."""
    burning(g, smoke, city)
    backup(g, archive)
    g.stop()
    g.folder.chmod(0o755)
    for path in [g.state, *g.state.rglob("*")]:
        os.chown(path, DAEMON, DAEMON)


def of_root(folder):
    """Stands for /etc: anybody may look into it."""
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "shadow").write_text("secret\n")
    (folder / "shadow").chmod(0o600)
    return folder


def link(path, to):
    if path.is_dir():
        shutil.rmtree(path)
    path.symlink_to(to)
    os.chown(path, DAEMON, DAEMON, follow_symlinks=False)


@ONLY_ROOT
@pytest.mark.parametrize("at", ["restored.new", "restored.new/sources", "restored/sources",
                                "restored", "restored/sources.old"])
def test_restore_deletes_nothing_outside(gateway, broker, smoke, city, folder, at):
    """Not by a link, either, that the daemon's user made."""
    g = gateway(site(broker, city.uplink()))
    backed_up(g, smoke, city, folder / "box.tar")
    victim = of_root(g.folder / "etc")
    path = g.state / at
    if path.parent != g.state:
        path.parent.mkdir()
        os.chown(path.parent, DAEMON, DAEMON)
    link(path, victim)
    restore(g, folder / "box.tar")  # done or refused
    assert (victim / "shadow").read_text() == "secret\n"
    assert (victim / "shadow").stat().st_uid == 0 == victim.stat().st_uid


@ONLY_ROOT
def test_restored_files_are_the_daemons(gateway, broker, smoke, city, folder):
    g = gateway(site(broker, city.uplink()))
    backed_up(g, smoke, city, folder / "box.tar")
    restored(g, folder / "box.tar")
    assert {(p.stat().st_uid, p.stat().st_gid)
            for p in [g.state, *g.state.rglob("*")]} == {(DAEMON, DAEMON)}


@ONLY_ROOT
def test_backup_holds_no_file_of_root(gateway, broker, smoke, city, folder):
    g = gateway(site(broker, city.uplink()))
    backed_up(g, smoke, city, folder / "box.tar")
    backup(g, folder / "next.tar")  # of the folder, as it should be
    link(g.state / "sources", of_root(g.folder / "etc"))
    done = g.run("backup", "--config", g.config_path, folder / "stolen.tar", timeout=60)
    assert not (folder / "stolen.tar").exists() or "sources/shadow" not in members(
        folder / "stolen.tar")
    assert done.returncode == 1 and "shadow" in done.stderr, done.stderr


def test_a_folder_among_the_old_files(gateway, broker, smoke, city, folder):
    """It goes with them."""
    g = burning(gateway(site(broker, city.uplink())), smoke, city)
    backup(g, folder / "box.tar")
    g.stop()
    (g.state / "sources" / "of-a-person" / "deep").mkdir(parents=True)
    (g.state / "sources" / "of-a-person" / "deep" / "notes").write_text("x")
    restored(g, folder / "box.tar")
    assert not list(g.state.glob("restored*"))
    g.start()
    harness.wait_for(lambda: g.status()["store"]["state"] == "ok", "the store is open")
    assert g.alarm(ALARM.format(1))["state"] == "active-unacked"


@ONLY_ROOT
def test_old_files_that_cannot_be_deleted(gateway, broker, smoke, city, folder):
    """The backup counts all the same, and every start finds it."""
    g = gateway(site(broker, city.uplink()))
    backed_up(g, smoke, city, folder / "box.tar")
    of_root(g.state / "sources" / "of-root")
    restored(g, folder / "box.tar")
    assert not (g.state / "restored").exists()
    assert (g.state / "restored.new" / "sources.old" / "of-root" / "shadow").exists()
    g.start()
    harness.wait_for(lambda: g.status()["store"]["state"] == "ok", "the store is open")
    assert g.alarm(ALARM.format(1))["state"] == "active-unacked"
    assert "took in a backup" not in g.log()


@ONLY_ROOT
def test_backup_of_a_running_daemon_that_is_not_root(gateway, broker, smoke, city, folder):
    """What its user may read, from the folder it names."""
    g = gateway(site(broker, city.uplink()))
    backed_up(g, smoke, city, folder / "box.tar")
    os.chown(g.folder, DAEMON, DAEMON)
    g.config_path.chmod(0o644)
    g.wrap = ["setpriv", "--reuid", str(DAEMON), "--regid", str(DAEMON), "--clear-groups"]
    g.start()
    assert backup(g, folder / "next.tar")["configuration"]
    link(g.state / "sources", of_root(g.folder / "etc"))
    done = g.run("backup", "--config", g.config_path, folder / "stolen.tar", timeout=60)
    assert done.returncode == 1 and "shadow" in done.stderr, done.stderr
    assert not (folder / "stolen.tar").exists()


@ONLY_ROOT
def test_folders_made_can_be_read_by_the_daemon(gateway, broker, plant, smoke, city, folder):
    """By the group of the folder above: profiles, and the parents of the state folder."""
    config = site(broker, city.uplink())
    config["sources"].append(b.modbus_tcp(plant.port, {"name": "gas-1", "unit": 3,
                                                       "profile": "mine"}))
    g = gateway(config)
    profiles = g.folder / "more" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "mine.yaml").write_text(
        "profile: mine\npoints:\n- {name: ch4, register: 'holding:0', type: u16}\n")
    g.env = {**g.env, "TOCSIN_PROFILES": str(profiles)}
    backed_up(g, smoke, city, folder / "box.tar")
    shutil.rmtree(profiles.parent)
    g.config_path.unlink()
    shutil.rmtree(g.state)
    os.chown(g.folder, 0, DAEMON)
    assert "is written" in restored(g, folder / "box.tar")
    for path in (profiles.parent, profiles, profiles / "mine.yaml", g.config_path):
        st = path.stat()
        assert (st.st_uid, st.st_gid) == (0, DAEMON), path
        assert st.st_mode & 0o777 == (0o750 if path.is_dir() else 0o640), path


@ONLY_ROOT
def test_parents_of_the_state_folder(gateway, broker, smoke, city, folder):
    g = gateway(site(broker, city.uplink()))
    backed_up(g, smoke, city, folder / "box.tar")
    state = g.folder / "srv" / "gateway" / "state"
    g.config_path.write_text(g.config_path.read_text().replace(str(g.state), str(state)))
    restored(g, folder / "box.tar")
    assert (state / "tocsin.db").exists()
    for path in (state, state.parent, state.parent.parent):
        assert path.stat().st_mode & 0o777 == 0o750, path


# ---- SIGKILL ----------------------------------------------------------------------------------

@pytest.mark.long
def test_killed_in_a_restore(gateway, broker, smoke, city, ledger, folder):
    """Afterwards there is the old state or the new one, and a start finds all of it."""
    rounds = max(8, KILLS // 5)
    g = gateway(site(broker, city.uplink(), sensors=rounds + 3)).start()
    g.wait_up("zigbee")
    smoke.set(1, True)
    city.until(ALARM.format(1), "raised")
    backup(g, folder / "old.tar")
    smoke.set(2, True)
    city.until(ALARM.format(2), "raised")
    judge(g, city, ledger)
    rng, whole_s, seen = random.Random(20261130), 0.5, []
    for n in range(rounds):
        smoke.set(3 + n, True)  # an event that only the old state has
        city.until(ALARM.format(3 + n), "raised")
        g.stop()
        held = set(journal(g))
        begin = time.monotonic()
        child = subprocess.Popen([str(g.build / "tocsin"), "--socket", str(g.socket), "restore",
                                  "--config", str(g.config_path), str(folder / "old.tar")],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(rng.uniform(0, 1.3 * whole_s) if n else None)  # the first is measured
        if child.poll() is None:
            child.kill()
        elif child.returncode == 0:
            whole_s = min(whole_s, time.monotonic() - begin)
        child.wait()
        with contextlib.suppress(FileNotFoundError):
            g.socket.unlink()  # a socket that nobody listens on
        g.start()
        harness.wait_for(lambda: g.status()["store"]["state"] == "ok", "the store is open")
        # Both states know what stands.
        for k in smoke.on:
            assert g.alarm(ALARM.format(k))["state"] == "active-unacked"
        assert not (g.state / "restored.new").exists() and not (g.state / "restored").exists()
        settled(g, city, ledger)
        g.stop()
        now = set(journal(g))
        seen.append("old" if held <= now else "new")
        assert seen[-1] == "old" or held & now == {1}, f"some of both: {held} {now}"
        g.start()
    assert set(seen) == {"old", "new"}, f"{seen}: no kill came in between"


@pytest.mark.long
def test_killed_in_a_backup(gateway, broker, publisher, city, folder):
    """Of tocsin, of tocsind: no file is left, and neither loses anything."""
    g = gateway(site(broker, city.uplink())).start()
    g.wait_up("zigbee")
    rng = random.Random(11)
    journal_of(g, publisher, 300)
    backup(g, folder / "good.tar")
    good = (folder / "good.tar").read_bytes()
    for n in range(max(6, KILLS // 10)):
        of_daemon = n % 2
        shutil.copy(folder / "good.tar", folder / "box.tar")
        child = subprocess.Popen([str(g.build / "tocsin"), "--socket", str(g.socket), "backup",
                                  "--config", str(g.config_path), str(folder / "box.tar")],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0, 0.15))
        if of_daemon:
            g.kill()
            g.start()
        else:
            child.kill()
        child.wait(90)
        # The archive of that name is the old one or a whole new one.
        if (folder / "box.tar").read_bytes() != good:
            assert seqs_of(folder / "box.tar", folder)
        assert not list(g.state.glob("backup.db*"))
        harness.wait_for(lambda: g.run("backup", "--config", g.config_path, folder / "next.tar",
                                       timeout=60).returncode == 0, "the next one")
    harness.wait_for(lambda: g.uplink()["pending"] == 0, lambda: g.uplink(), 30)
    assert not [w for w in oracle.check(city.arrivals(), None, [r["seq"] for r in g.lines()])
                if not w.endswith(oracle.LATER_START)]
