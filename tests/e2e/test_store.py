# SPDX-License-Identifier: Apache-2.0
"""Disks that are full, read-only or broken never stop evaluation or delivery."""
import os
import pathlib

import building as b
import harness
import oracle
from judge import judge


def inside(g):
    """The gateway's own view of its state_dir."""
    return pathlib.Path(f"/proc/{g.process.pid}/root{g.state}")


def fill(folder):
    """Take every byte that is left."""
    with open(folder / "filler", "wb", buffering=0) as f:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    f.write(b"x" * size)
            except OSError:
                pass


def toggle(publisher, city, ledger, times, start=0):
    for n in range(start, start + times):
        change = "cleared" if n % 2 else "raised"
        ledger.will("zigbee/smoke-1/smoke:smoke", change)
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": n % 2 == 0})
        city.until("zigbee/smoke-1/smoke:smoke", change, n // 2 + 1)


def site(broker, city):
    return b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE], uplinks=[city.uplink()])


def test_a_full_disk(mounted, broker, publisher, city, ledger):
    g = mounted(site(broker, city)).start()
    g.wait_up("zigbee")
    toggle(publisher, city, ledger, 4)
    fill(inside(g))
    toggle(publisher, city, ledger, 20, start=4)
    os.unlink(inside(g) / "filler")
    toggle(publisher, city, ledger, 4, start=24)
    judge(g, city, ledger, only="^zigbee/")


def test_a_full_disk_from_the_start(mounted, broker, publisher, city, ledger):
    g = mounted(site(broker, city), size="64k")
    g.wrap[-2] = g.wrap[-2].replace(
        "&& exec", f'&& {{ dd if=/dev/zero of="{g.state}/filler" 2>/dev/null || :; }} && exec')
    g.start()
    g.wait_up("zigbee")
    toggle(publisher, city, ledger, 6)
    arrived = city.arrivals()
    assert {a.data["durable"] for a in arrived if a.alarm.startswith("zigbee/")} == {False}


def test_a_state_dir_that_was_always_read_only(mounted, broker, publisher, city, ledger):
    g = mounted(site(broker, city))
    g.wrap[-2] = g.wrap[-2].replace("mode=750", "mode=750,ro")
    g.start()
    g.wait_up("zigbee")
    toggle(publisher, city, ledger, 6)
    # And the next start must not give the same ids again.
    before = {a.id for a in city.arrivals()}
    g.kill()
    g.start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    harness.wait_for(lambda: {a.id for a in city.arrivals()} - before, "a new id")
    by_id = {}
    for a in city.arrivals():
        assert by_id.setdefault(a.id, a.raw) == a.raw


def test_a_corrupt_database_is_put_aside_and_is_itself_an_alarm(gateway, broker, publisher, city):
    g = gateway(site(broker, city)).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    run = city.arrivals()[-1].data["run"]
    g.stop()
    db = g.state / "tocsin.db"
    db.write_bytes(b"not a database " * 1000)
    for more in ("tocsin.db-wal", "tocsin.db-shm"):
        (g.state / more).unlink(missing_ok=True)
    g.start()
    assert list(g.state.glob("tocsin.db.corrupt-*"))
    harness.wait_for(lambda: [a for a in g.ask("alarms") if a["class"] == "fault"],
                     "the loss is told")
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    harness.wait_for(lambda: any(a.data["run"] > run for a in city.arrivals()), "a higher run")
    assert len({a.raw for a in city.arrivals()}) == len({a.id for a in city.arrivals()})


def test_a_quiet_building_writes_nothing(gateway, plant, city):
    """SD cards die of small periodic writes."""
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                         uplinks=[city.uplink(heartbeat="1s")])).start()
    g.wait_point("plant/gas-1/ch4", 0)

    def written():
        rows = pathlib.Path(f"/proc/{g.process.pid}/io").read_text().splitlines()
        return next(int(r.split()[1]) for r in rows if r.startswith("write_bytes"))

    def files():
        return {p.name: p.stat().st_mtime_ns for p in g.state.iterdir()}

    def writes():
        """What 20 polls and two heartbeats changed: before and after, or None."""
        before = written(), files()
        polls, beats = g.source("plant")["requests"], len(city.beats())
        harness.wait_for(lambda: g.source("plant")["requests"] > polls + 20, "20 polls more")
        harness.wait_for(lambda: len(city.beats()) > beats + 1, "heartbeats meanwhile")
        after = written(), files()
        return (before, after) if before != after else None

    harness.wait_for(lambda: not writes(), "the writes of the start are over", 20)
    assert writes() is None


def test_the_alert_log_and_the_journal_tell_the_same(gateway, broker, publisher, city, ledger):
    g = gateway(site(broker, city)).start()
    g.wait_up("zigbee")
    toggle(publisher, city, ledger, 6)
    judge(g, city, ledger)
    g.stop()
    history = [row["seq"] for row in oracle.read_alert_log(g.alert_log)]
    assert history == list(range(1, 7))
