# SPDX-License-Identifier: Apache-2.0
"""A part that stands still holds nobody else up, and is said."""
import contextlib
import fcntl
import os
import pathlib
import re
import signal
import socket
import threading
import time

import building as b
import harness
import pytest


@pytest.fixture
def full_pipe():
    """A pipe that takes not one byte more, and that nobody reads: (read end, write end)."""
    read, write = os.pipe()
    flags = fcntl.fcntl(write, fcntl.F_GETFL)
    fcntl.fcntl(write, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(write, b"." * 4096)
    except BlockingIOError:
        fcntl.fcntl(write, fcntl.F_SETFL, flags)
    yield read, write
    os.close(read)
    os.close(write)


# ---- the daemon's own log ----

def test_a_log_that_nobody_reads_holds_nothing_up(gateway, plant, city, full_pipe):
    """stderr is a full pipe from before the start on: alarms arrive, the platform may go and
    come, and SIGTERM ends it in time."""
    read, write = full_pipe
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                         uplinks=[city.uplink(heartbeat="1s")]),
                wrap=["/bin/sh", "-c", f'exec "$@" 2>/proc/{os.getpid()}/fd/{write}', "sh"])
    g.start()
    g.wait_point("plant/gas-1/ch4", 10)
    plant.set(3, "holding", 0, 520, 0)
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    city.stop()  # the uplink's thread says so, and that it is back
    harness.wait_for(lambda: g.uplink()["state"] == "down", lambda: str(g.uplink()), 60)
    city.start()
    plant.set(3, "holding", 0, 100, 0)
    city.until("plant/gas-1/ch4:ch4-high", "cleared", within=60)
    assert g.status()["log"]["state"] == "blocked"
    assert "BLOCKED" in g.run("status").stdout
    at = time.monotonic()
    g.stop()
    assert time.monotonic() - at < 8 * harness.SLOW


def test_what_the_log_did_not_write_is_counted(gateway, plant, full_pipe):
    """Once the pipe is read again the lines that waited come, and those that did not are said."""
    read, write = full_pipe
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH]),
                wrap=["/bin/sh", "-c", f'exec "$@" 2>/proc/{os.getpid()}/fd/{write}', "sh"])
    g.start()
    g.wait_point("plant/gas-1/ch4", 10)
    long = "x" * 900  # a line of the log each, until no more fit
    for _ in range(400):
        if g.status()["log"]["lost"]:
            break
        g.write({"sources": []}, text=f"gateway: {{id: box}}\n{long}: 1\n")
        g.reload()
        time.sleep(0.005)
    lost = harness.wait_for(lambda: g.status()["log"]["lost"], "lines to be lost")
    text = b""
    os.set_blocking(read, False)

    def said():
        nonlocal text
        try:
            text += os.read(read, 65536)
        except BlockingIOError:
            pass
        return b"log lines were not written" in text
    harness.wait_for(said, lambda: text[-2000:], every=0.001)
    assert text.startswith(b"..."), "the pipe was full from the start"
    assert re.search(rb"tocsind \S+ started", text)
    assert f"{lost} log lines were not written".encode() in text
    assert g.status()["log"] == {"state": "ok", "lost": lost}
    g.stop()


# ---- threads that stand still ----

class Hang:
    """Makes one thread of tocsind stand still in its next wait, and lets it go again."""

    def __init__(self, folder):
        self.folder = folder / "hang"
        self.folder.mkdir()
        preload = harness.BUILD / "tests" / "unit" / "libhang.so"
        self.env = {"LD_PRELOAD": str(preload), "TOCSIN_HANG": str(self.folder)}
        if harness.sanitized(harness.BUILD):
            pytest.skip("a sanitizer stands before these calls itself")

    def stop(self, thread):
        (self.folder / thread).touch()

    def go(self, thread):
        (self.folder / thread).unlink()


class Systemd:
    """What the daemon says to systemd, with the time it came."""

    def __init__(self, folder):
        self.path, self.said = folder / "notify.sock", []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(0.1)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                self.said.append((time.monotonic(), self.socket.recv(1000).decode()))

    def fed_since(self, at):
        return [t for t, text in self.said if t > at and "WATCHDOG=1" in text]

    def close(self):
        self.ended.set()
        self.thread.join()
        self.socket.close()


@pytest.fixture
def hang(folder):
    return Hang(folder)


@pytest.fixture
def systemd(folder, closing):
    return closing(Systemd(folder))


def test_a_stop_does_not_wait_for_a_copy_that_the_disk_does_not_take(gateway, hang):
    (hang.folder / "last-good.sync").touch()
    g = gateway(b.config())
    g.env.update(hang.env)
    g.start()
    threads = pathlib.Path(f"/proc/{g.process.pid}/task")

    def names():
        return {(t / "comm").read_text().strip() for t in threads.iterdir()}
    harness.wait_for(lambda: "last-good" in names(), names)
    g.stop()
    assert "not written" in g.log()
    assert not (g.state / "last-good.conf").exists()
    hang.go("last-good.sync")
    g.start()
    harness.wait_for((g.state / "last-good.conf").exists, "the copy")


def test_a_source_that_hangs_does_not_hide_that_the_copy_is_not_written(gateway, plant, hang):
    """The copy is waited for as without such a source."""
    hang.stop("last-good.sync")
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH]),
                env=hang.env).start()
    g.wait_point("plant/gas-1/ch4", 10)
    hang.stop("plant")
    g.stop()
    assert "plant: its driver does not return" in g.log()
    assert "the copy of this configuration is not written" in g.log()


def test_an_engine_that_stands_still_is_missed_at_once(gateway, plant, city, hang, systemd):
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                         uplinks=[city.uplink(heartbeat="1s")]),
                env={**hang.env, "NOTIFY_SOCKET": str(systemd.path)}).start()
    g.wait_point("plant/gas-1/ch4", 10)
    beat = harness.wait_for(city.beats, "a heartbeat")[-1]["data"]
    assert beat["oldest_beat_ms"] < 5000 and beat["oldest_beat_thread"], beat
    stopped = time.monotonic()
    hang.stop("engine")
    g.wait_log(r"thread engine has not moved for \d+ s: no alarm is evaluated", within=6)
    missed = time.monotonic()
    assert missed - stopped < 6 * harness.SLOW
    assert g.status()["oldest_beat_thread"] == "engine"
    harness.wait_for(lambda: "engine has not moved for" in g.run("status").stdout,
                     lambda: g.run("status").stdout)
    time.sleep(1)  # what was under way to the platform has arrived
    n = len(city.beats())
    harness.stays(lambda: len(city.beats()) == n, "heartbeats say that all is well", 4)
    assert not systemd.fed_since(missed), "systemd would never restart it"
    hang.go("engine")
    g.wait_log("all threads move again")
    harness.wait_for(lambda: len(city.beats()) > n, "heartbeats come again", 5)
    harness.wait_for(lambda: systemd.fed_since(missed), "the watchdog is fed again")
    counts = [e["data"]["heartbeat"] for e in city.beats()]
    assert counts == list(range(1, len(counts) + 1)), "a heartbeat withheld is not one missed"
    plant.set(3, "holding", 0, 520, 0)
    city.until("plant/gas-1/ch4:ch4-high", "raised")


def two_plants(plant, closing, folder):
    from peers import ModbusTcp
    other = closing(ModbusTcp(folder))
    for p in (plant, other):
        p.set(3, "holding", 0, 100, 0)
    return other, b.config(b.modbus_tcp(plant.port, b.gas()),
                           b.modbus_tcp(other.port, b.gas(), name="other"), alarms=[b.GAS_HIGH])


@pytest.mark.long
def test_a_source_that_hangs_is_down_and_alone(gateway, plant, city, folder, closing, hang,
                                               systemd):
    """Its own fault comes first; nothing else is restarted, and it says itself what it is
    when it moves again."""
    other, config = two_plants(plant, closing, folder)
    g = gateway({**config, "uplinks": [city.uplink(heartbeat="1s")]},
                env={**hang.env, "NOTIFY_SOCKET": str(systemd.path)}).start()
    g.wait_point("plant/gas-1/ch4", 10)
    g.wait_point("other/gas-1/ch4", 10)
    hang.stop("plant")
    raised = city.until("plant:down", "raised", within=25)
    assert raised.data["class"] == "fault"
    status = g.source("plant")
    assert status["state"] == "down" and "does not return" in status["why"], status
    beat = city.beats()[-1]["data"]
    assert beat["oldest_beat_thread"] == "plant" and beat["oldest_beat_ms"] > 10000, beat
    other.set(3, "holding", 0, 520, 0)
    city.until("other/gas-1/ch4:ch4-high", "raised")
    assert systemd.fed_since(time.monotonic() - 3), "the others would be restarted"
    hang.go("plant")
    city.until("plant:down", "cleared", within=20)
    g.wait_up("plant")
    g.wait_log("plant: its driver returned after")
    plant.set(3, "holding", 0, 520, 0)
    city.until("plant/gas-1/ch4:ch4-high", "raised")


@pytest.mark.long
def test_a_source_whose_link_went_while_it_hung_stays_down(gateway, plant, city, folder, closing,
                                                          hang):
    other, config = two_plants(plant, closing, folder)
    g = gateway({**config, "uplinks": [city.uplink()]}, env=hang.env).start()
    g.wait_point("plant/gas-1/ch4", 10)
    hang.stop("plant")
    city.until("plant:down", "raised", within=25)
    plant.stop()
    hang.go("plant")
    g.wait_log("plant: its driver returned after", within=20)
    harness.stays(lambda: not city.seen_events("plant:down", "cleared"), "it is down", 2)
    plant.start()
    plant.set(3, "holding", 0, 100, 0)
    city.until("plant:down", "cleared", within=60)
    assert len(city.seen_events("plant:down")) == 2


# ---- a process that did not run ----

@pytest.mark.long
def test_who_was_stopped_finds_nobody_silent_for_it(gateway, plant, broker, publisher, city):
    """The process stands still for four times the time after which a device is silent. Polled and
    pushed devices are given the time to speak; one that is dead is found all the same."""
    silent = {"name": "silent", "on": "plant", "when": {"silent": "2s"}}
    for unit in range(1, 11):
        plant.set(unit, "holding", 0, 100, 0)
    polled = [b.gas(unit, f"gas-{unit}") for unit in range(1, 11)]
    pushed = [b.smoke(n, expect_every="2s") for n in range(10)]
    g = gateway(b.config(b.modbus_tcp(plant.port, *polled), b.mqtt(broker.port, *pushed),
                         alarms=[{**silent, "on": f"plant/gas-{unit}"} for unit in range(1, 11)],
                         uplinks=[city.uplink(heartbeat="1s")])).start()
    ended = threading.Event()

    def speak():
        while not ended.wait(0.5):
            for n in range(10):
                publisher.send(f"zigbee2mqtt/smoke-{n}", {"smoke": False}, wait=False)
    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        for unit in range(1, 11):
            g.wait_point(f"plant/gas-{unit}/ch4", 10)
        for n in range(10):
            g.wait_point(f"zigbee/smoke-{n}/smoke", 0)
        os.kill(g.process.pid, signal.SIGSTOP)
        time.sleep(8)
        os.kill(g.process.pid, signal.SIGCONT)
        time.sleep(4)
        assert not [x for x in g.lines() if "silent" in x["name"]], g.lines()
        assert "has not moved" not in g.log(), "no thread is to blame"
        plant.mute(3)
        city.until("plant/gas-3:silent", "raised", within=20)
    finally:
        ended.set()
        speaker.join()
    assert {a.alarm for a in city.seen_events(change="raised")} == {"plant/gas-3:silent"}


# ---- what the engine cannot keep ----

def flapping(n):
    """n points that come and go ten times a second each."""
    return {"name": "hall", "driver": "sim", "poll": "50ms", "devices": [
        {"name": f"d{i}", "points": [{"name": "v", "repeat": "100ms",
                                      "script": [["0s", 1], ["50ms", 0]]}]} for i in range(n)]}


@pytest.mark.long
def test_events_that_are_lost_are_an_alarm_of_their_own(gateway, city, hang):
    """The disk stands still while alarms flap and the platform is away: more than the rings, the
    engine and the store's memory hold. That is said everywhere."""
    alarms = [{"name": "high", "on": "hall/*/v", "when": {"above": 0.5}, "level": "blue",
               "class": "warning"}]
    g = gateway(b.config(flapping(60), alarms=alarms, uplinks=[city.uplink(heartbeat="1s")]),
                env=hang.env).start()
    assert g.status()["counters"]["events_lost"] == 0
    city.stop()
    harness.wait_for(lambda: g.uplink()["state"] == "down", lambda: str(g.uplink()), 30)
    hang.stop("store.sync")
    harness.wait_for(lambda: g.status()["counters"]["events_lost"] > 0,
                     lambda: g.run("status").stdout, 120)
    g.wait_log("events are lost")
    status = g.status()
    assert status["store"]["lost"] > 0, status
    assert "lost" in g.run("status").stdout
    g.wait_state("gateway:events-lost", "active-unacked")
    hang.go("store.sync")
    city.start()
    city.until("gateway:events-lost", "raised", within=120)
    g.wait_log(r"alerts delivered, but the gateway lost \d+ meanwhile", within=60)
    harness.wait_for(lambda: city.beats() and city.beats()[-1]["data"]["events_lost"] > 0,
                     lambda: city.beats()[-1:], 30)


# ---- a disk that does not sync ----

def test_an_alert_log_that_is_not_synced_holds_nobody_up(gateway, plant, hang):
    """Lines go on into the file, and the daemon ends in time."""
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH]),
                env=hang.env).start()
    g.wait_point("plant/gas-1/ch4", 10)
    hang.stop("alert-sync.sync")
    for n in range(1, 4):
        for tenths, change in ((520, "raised"), (100, "cleared")):
            plant.set(3, "holding", 0, tenths, 0)
            harness.wait_for(
                lambda c=change, n=n: sum(x["change"] == c for x in g.lines()) == n,
                lambda: g.alert_log.read_text())
    assert g.status()["alert_log"]["state"] == "ok"
    at = time.monotonic()
    g.stop()
    assert time.monotonic() - at < 8 * harness.SLOW


def test_a_repeat_of_what_left_before_its_commit_differs_in_durable_only(gateway, plant, city,
                                                                        hang):
    """Killed while the disk holds the commit, the gateway cannot know any more that the alarm left
    before it: the repeat says durable. Nothing else of it differs, least of all the id."""
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                         uplinks=[city.uplink()]), env=hang.env).start()
    g.wait_point("plant/gas-1/ch4", 10)

    def idle():  # the next commit is the alarm's
        before = g.status()["store"]
        time.sleep(0.5)
        return before["state"] == "ok" and before["pending"] == 0 and before == g.status()["store"]
    harness.wait_for(idle, lambda: str(g.status()))
    hang.stop("store.sync")
    plant.set(3, "holding", 0, 520, 0)
    first = city.until("plant/gas-1/ch4:ch4-high", "raised")
    assert first.data["durable"] is False
    g.kill()
    hang.go("store.sync")
    g.start()

    def again():
        return [a for a in city.arrivals() if a.id == first.id][1:]
    repeat = harness.wait_for(again, lambda: str(city.arrivals()), 20)[0]
    assert repeat.data == {**first.data, "durable": True}
    assert {k: v for k, v in repeat.event.items() if k != "data"} == {
        k: v for k, v in first.event.items() if k != "data"}
    assert len(city.seen_events("plant/gas-1/ch4:ch4-high", "raised")) == 1


@pytest.mark.long
def test_a_source_that_hangs_does_not_keep_the_others_from_ending(gateway, plant, city, folder,
                                                                 closing, hang):
    """SIGTERM while a driver does not return: what arose is delivered and committed, and the
    daemon ends in time."""
    other, config = two_plants(plant, closing, folder)
    g = gateway({**config, "uplinks": [city.uplink()]}, env=hang.env).start()
    g.wait_point("plant/gas-1/ch4", 10)
    g.wait_point("other/gas-1/ch4", 10)
    hang.stop("plant")
    other.set(3, "holding", 0, 520, 0)
    city.until("other/gas-1/ch4:ch4-high", "raised")
    at = time.monotonic()
    g.stop()
    assert time.monotonic() - at < 15 * harness.SLOW
    assert "tocsind stopped" in g.log()
