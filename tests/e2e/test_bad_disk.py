# SPDX-License-Identifier: Apache-2.0
"""A disk that is slow or cannot be read when the gateway starts: neither holds it back, and what
was owed before arrives when the disk is itself again."""
import errno
import os
import shutil
import socket
import threading
import time

import building as b
import harness
import pytest
from judge import judge

SMOKE = [b.smoke(n) for n in range(1, 8)]


class Disk:
    """What tests/peers/bad_disk.c does to the state folder, from now on."""

    def __init__(self, folder):
        self.path = folder / "disk"
        self.heals()

    def is_(self, **words):
        self.path.with_suffix(".new").write_text(" ".join(f"{k}={v}" for k, v in words.items()))
        os.replace(self.path.with_suffix(".new"), self.path)

    def heals(self):
        self.is_()


@pytest.fixture
def disk(folder):
    return Disk(folder)


@pytest.fixture
def on(gateway, disk):
    """on(config): a Gateway whose state folder is on that disk."""
    def make(config):
        g = gateway(config)
        g.env = {"LD_PRELOAD": str(harness.BUILD / "tests" / "peers" / "libbad_disk.so"),
                 "BAD_DISK": str(disk.path), "BAD_DISK_DIR": str(g.state)}
        return g
    return make


@pytest.fixture
def broker(folder, closing):
    return closing(harness.Broker(folder / "broker", extra="log_type all\n"))


def acknowledged(broker):
    """How many messages the gateway has acknowledged."""
    return broker.process.log().count("Received PUBACK from tocsin")


class Listener:
    """Says when the first request of a Modbus source came."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.first = self.socket.getsockname()[1], None
        self.came = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            peer, _ = self.socket.accept()
            with peer:
                if peer.recv(1):
                    self.first = time.monotonic()
                    self.came.set()
        except OSError:
            pass

    def close(self):
        self.socket.close()


def site(broker, city):
    return b.config(b.mqtt(broker.port, *SMOKE), alarms=[b.SMOKE], uplinks=[city.uplink()])


@pytest.mark.parametrize("before", ("nothing", "a kill"))
def test_the_first_poll_does_not_wait_for_the_disk(on, disk, closing, city, before):
    """Each sync takes 12 s: with syncs on the way to the first poll it would come after a minute."""
    took = []
    for _ in range(5):
        line = closing(Listener())
        g = on(b.config(b.modbus_tcp(line.port, b.gas()), alarms=[b.GAS_HIGH],
                        uplinks=[city.uplink()]))
        if before == "a kill":
            g.start()
            g.kill()
            line.close()
            line = closing(Listener())
            g.write(b.config(b.modbus_tcp(line.port, b.gas()), alarms=[b.GAS_HIGH],
                             uplinks=[city.uplink()]))
        disk.is_(sync=12000)
        began = time.monotonic()
        g.spawn()
        assert line.came.wait(5 * harness.SLOW), g.log()
        took.append(line.first - began)
        g.kill()
        disk.heals()
    print(f"start to first poll: {sorted(round(1000 * t) for t in took)} ms")
    assert min(took) < 1.0


def test_a_slow_disk_holds_no_alarm_back_at_the_start(on, disk, broker, publisher, city):
    disk.is_(sync=12000)
    g = on(site(broker, city)).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True}, wait=False)
    sent = time.monotonic()
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    assert time.monotonic() - sent < 5 * harness.SLOW
    assert city.arrivals()[-1].data["durable"] is False
    disk.heals()
    harness.wait_for(lambda: g.status()["store"]["state"] == "ok", lambda: g.status()["store"], 40)
    harness.wait_for(lambda: g.status()["store"]["pending"] == 0, "all is committed")


@pytest.mark.parametrize("how", ({"read": errno.EIO}, {"open": errno.EACCES},
                                 {"open": errno.EROFS, "write": errno.EROFS},
                                 {"open": errno.ENOENT, "read": errno.EIO}, {"sync": 3000}),
                         ids=lambda how: "-".join(how))
def test_what_cannot_be_read_at_the_start_is_owed_later(on, disk, broker, publisher, city, ledger,
                                                        how):
    """Seven committed alarms are owed, power goes, and the disk comes back a few seconds late."""
    g = on(site(broker, city)).start()
    g.wait_up("zigbee")
    city.stop()
    for n in range(1, 8):
        ledger.will(f"zigbee/smoke-{n}/smoke:smoke", "raised")
        publisher.send(f"zigbee2mqtt/smoke-{n}", {"smoke": True})
    harness.wait_for(lambda: g.status()["store"]["committed"] >= 7, lambda: g.status()["store"])
    # Else the broker sends them again, and they raise anew while the memory of the first is unread.
    harness.wait_for(lambda: acknowledged(broker) >= 7, broker.process.log)
    g.kill()
    disk.is_(**how)
    g.start()
    g.wait_up("zigbee")
    time.sleep(2)  # as long as it lasts
    disk.heals()
    city.start()
    for n in range(1, 8):
        city.until(f"zigbee/smoke-{n}/smoke:smoke", "raised", within=30)
    assert not list(g.state.glob("tocsin.db.corrupt-*"))
    # The alarms that stood before are remembered, under their occurrence, and end under it.
    for n in range(1, 8):
        ledger.will(f"zigbee/smoke-{n}/smoke:smoke", "cleared")
        publisher.send(f"zigbee2mqtt/smoke-{n}", {"smoke": False})
        raised = city.until(f"zigbee/smoke-{n}/smoke:smoke", "raised")
        cleared = city.until(f"zigbee/smoke-{n}/smoke:smoke", "cleared")
        assert raised.data["occurrence"] == cleared.data["occurrence"]
    judge(g, city, ledger, only="^zigbee/smoke")


def test_an_alarm_raised_while_its_memory_was_unread_leaves_no_second_life(on, disk, broker,
                                                                           publisher, city):
    """It stood before and is raised anew, because nobody knew: when the memory comes, one of the
    two lives ends on the platform, and the last word is right."""
    key = "zigbee/smoke-1/smoke:smoke"
    g = on(site(broker, city)).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    old = city.until(key, "raised")
    g.kill()
    disk.is_(read=errno.EIO)
    g.start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True}, wait=False)
    new = city.until(key, "raised", 2)
    assert new.data["occurrence"] != old.data["occurrence"]
    disk.heals()
    ended = city.until(key, "cleared", within=30)
    assert ended.data["occurrence"] == old.data["occurrence"]
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    ended = city.until(key, "cleared", 2)
    assert ended.data["occurrence"] == new.data["occurrence"]
    g.wait_log("was read: 1 alarms remembered, 1 of them")


def test_a_daemon_that_cannot_run_leaves_no_number(gateway, broker, city):
    """The socket is taken: the second one must not count as a start of this box."""
    first = gateway(site(broker, city)).start()
    number = first.state / "run"
    harness.wait_for(number.exists, "the number is noted")
    before = number.read_text()
    second = gateway(site(broker, city))
    second.write({**second.config, "gateway": {"state_dir": str(first.state),
                                               "control_socket": str(first.socket)}})
    second.spawn()
    harness.wait_for(lambda: not second.process.alive(), "it gives up")
    assert number.read_text() == before
    assert second.process.popen.returncode == 2


REPLACED = "gateway:store-replaced"


def owe_three(g, city, publisher, ledger):
    g.wait_up("zigbee")
    city.stop()
    for n in range(1, 4):
        ledger.will(f"zigbee/smoke-{n}/smoke:smoke", "raised")
        publisher.send(f"zigbee2mqtt/smoke-{n}", {"smoke": True})
    harness.wait_for(lambda: g.status()["store"]["committed"] >= 3, lambda: g.status()["store"])


@pytest.mark.parametrize("what", ("the folder", "the database"))
def test_a_state_folder_deleted_under_the_daemon_is_said_and_costs_nothing(gateway, broker, city,
                                                                           publisher, ledger, what):
    g = gateway(site(broker, city)).start()
    owe_three(g, city, publisher, ledger)
    if what == "the folder":
        gone = g.state.rename(g.folder / "gone")  # at once: the daemon may be writing in it
        shutil.rmtree(gone, ignore_errors=True)
    else:
        for name in ("tocsin.db", "tocsin.db-wal"):
            (g.state / name).unlink()
    g.wait_state(REPLACED, "active-unacked")
    g.wait_log("was deleted or replaced while it was in use")
    assert g.status()["store"]["replaced"] is True
    ledger.will("zigbee/smoke-4/smoke:smoke", "raised")
    publisher.send("zigbee2mqtt/smoke-4", {"smoke": True})
    harness.wait_for(lambda: g.status()["store"]["state"] == "ok", lambda: g.status()["store"])
    harness.wait_for(lambda: g.status()["store"]["pending"] == 0, lambda: g.status()["store"])
    g.kill()  # and it is all in the new one
    g.start()
    city.start()
    judge(g, city, ledger, only="^zigbee/smoke")


def test_a_database_deleted_between_two_starts_is_said(gateway, broker, city, publisher, ledger):
    g = gateway(site(broker, city)).start()
    g.wait_up("zigbee")
    harness.wait_for((g.state / "run").exists, "the number of the start is noted")
    g.stop()
    (g.state / "tocsin.db").unlink()
    g.start()
    g.wait_state(REPLACED, "active-unacked")
    g.wait_log("is gone, and there was one")
    assert g.status()["store"]["replaced"] is True
    g.restart()
    g.wait_up("zigbee")
    assert g.status()["store"]["replaced"] is False


def test_a_disk_that_hangs_while_events_wait_is_said(on, disk, broker, publisher, city):
    """It fails nothing, so the store itself, stuck in its sync, can say nothing."""
    failing = "gateway:store-failing"
    g = on(site(broker, city)).start()
    g.wait_up("zigbee")
    harness.wait_for(lambda: g.status()["store"]["state"] == "ok", lambda: g.status()["store"])
    disk.is_(sync=12000)
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True}, wait=False)
    sent = time.monotonic()
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    raised = city.until(failing, "raised", within=20)
    assert 4 < time.monotonic() - sent < 11 + 5 * harness.SLOW
    store = g.status()["store"]
    assert store["state"] == "stalled" and store["oldest_uncommitted_ms"] >= 5000, store
    assert raised.data["durable"] is False
    disk.heals()
    city.until(failing, "cleared", within=40)
    harness.wait_for(lambda: g.status()["store"]["state"] == "ok", lambda: g.status()["store"])
    assert g.status()["store"]["oldest_uncommitted_ms"] == 0
    assert g.log().count("the disk hangs") == 1 and "commits again" in g.log(), g.log()
