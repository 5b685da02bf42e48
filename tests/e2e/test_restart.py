# SPDX-License-Identifier: Apache-2.0
"""Stopped, killed, started again: no alarm is lost, none is told twice, none forgotten."""
import os
import random
import threading
import time

import building as b
import harness
import pytest
from judge import judge

KILLS = int(os.environ.get("TOCSIN_KILLS", "100"))


def site(plant, broker, city):
    return b.config(b.modbus_tcp(plant.port, b.gas()), b.mqtt(broker.port, b.smoke(1)),
                    alarms=[b.GAS_LOW, b.GAS_HIGH, b.SMOKE], uplinks=[city.uplink()])


@pytest.mark.parametrize("end", ("stop", "kill"))
def test_still_true_after_a_restart_is_told_once(gateway, plant, broker, city, ledger, end):
    plant.set(3, "holding", 0, 520, 0)
    ledger.will("plant/gas-1/ch4:ch4-low", "raised")
    ledger.will("plant/gas-1/ch4:ch4-high", "raised")
    g = gateway(site(plant, broker, city)).start()
    first = city.until("plant/gas-1/ch4:ch4-high", "raised")
    judge(g, city, ledger)
    for _ in range(2):
        getattr(g, end)()
        g.start()
        g.wait_point("plant/gas-1/ch4", 52)
        assert g.alarm("plant/gas-1/ch4:ch4-high")["state"] == "active-unacked"
    # The life goes on under its old name, and ends under it.
    ledger.will("plant/gas-1/ch4:ch4-high", "cleared")
    plant.set(3, "holding", 0, 400, 0)
    last = city.until("plant/gas-1/ch4:ch4-high", "cleared")
    assert last.data["occurrence"] == first.data["occurrence"]
    assert last.data["run"] > first.data["run"]
    judge(g, city, ledger)


@pytest.mark.parametrize("end", ("stop", "kill"))
def test_gone_while_away_is_cleared(gateway, plant, broker, city, ledger, end):
    plant.set(3, "holding", 0, 520, 0)
    ledger.will("plant/gas-1/ch4:ch4-low", "raised")
    ledger.will("plant/gas-1/ch4:ch4-high", "raised")
    g = gateway(site(plant, broker, city)).start()
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    judge(g, city, ledger)
    getattr(g, end)()
    ledger.will("plant/gas-1/ch4:ch4-high", "cleared")
    plant.set(3, "holding", 0, 300, 0)
    g.start()
    city.until("plant/gas-1/ch4:ch4-high", "cleared")
    judge(g, city, ledger)


def test_come_while_away_is_raised(gateway, plant, broker, city, ledger):
    g = gateway(site(plant, broker, city)).start()
    g.wait_point("plant/gas-1/ch4", 0)
    g.stop()
    ledger.will("plant/gas-1/ch4:ch4-low", "raised")
    plant.set(3, "holding", 0, 300, 0)
    g.start()
    city.until("plant/gas-1/ch4:ch4-low", "raised")
    judge(g, city, ledger)


def test_an_acknowledgement_survives_and_a_dead_sensor_clears_nothing(gateway, plant, broker, city):
    plant.set(3, "holding", 0, 520, 0)
    g = gateway(site(plant, broker, city)).start()
    g.wait_state("plant/gas-1/ch4:ch4-high", "active-unacked")
    assert g.run("ack", "plant/gas-1/ch4:ch4-high", "-m", "王 geht nachsehen").returncode == 0
    g.wait_state("plant/gas-1/ch4:ch4-high", "active-acked")
    plant.stop()
    g.wait_state("plant:down", "active-unacked", within=30)
    assert g.alarm("plant/gas-1/ch4:ch4-high")["state"] == "active-acked"
    g.kill()
    g.start()
    g.wait_state("plant/gas-1/ch4:ch4-high", "active-acked")
    plant.start()
    plant.set(3, "holding", 0, 520, 0)
    g.wait_point("plant/gas-1/ch4", 52, within=60)
    assert g.alarm("plant/gas-1/ch4:ch4-high")["state"] == "active-acked"
    judge(g, city)
    assert len(city.seen_events("plant/gas-1/ch4:ch4-high", "raised")) == 1


def test_sigterm_ends_at_once_and_well_when_the_platform_hangs(gateway, plant, broker, city):
    plant.set(3, "holding", 0, 520, 0)
    city.spoil("hang", times=None)
    g = gateway(site(plant, broker, city)).start()
    harness.wait_for(city.posts, "a try that hangs")
    at = time.monotonic()
    g.stop()
    assert time.monotonic() - at < 4 * harness.SLOW
    city.clear()
    city.stop()
    city.start()
    g.start()
    judge(g, city)
    assert len(city.seen_events("plant/gas-1/ch4:ch4-high", "raised")) == 1


def test_what_was_committed_in_an_outage_survives_a_kill(gateway, broker, publisher, city, ledger,
                                                         plant):
    g = gateway(site(plant, broker, city)).start()
    g.wait_up("zigbee")
    city.stop()
    for n in range(40):
        ledger.will("zigbee/smoke-1/smoke:smoke", "cleared" if n % 2 else "raised")
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": n % 2 == 0})
    harness.wait_for(lambda: len([x for x in g.lines() if x["name"] == "smoke"]) == 40,
                     lambda: str(len(g.lines())))
    g.kill()
    city.start()
    g.start()
    judge(g, city, ledger, within=60, only="^zigbee/")


@pytest.mark.long
def test_kill_at_any_moment_loses_nothing(gateway, folder, closing, plant, city, ledger):
    """SIGKILL at 100 random moments while alarms come and go over QoS 1 and Modbus. Every message
    the broker took has had its effect at the platform, once and in order."""
    broker = closing(harness.Broker(folder / "broker"))
    seed = int(os.environ.get("TOCSIN_SEED", time.time_ns() % 10 ** 6))
    print(f"{KILLS} kills, TOCSIN_SEED={seed}")
    rng = random.Random(seed)
    detectors = 5
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()),
                         b.mqtt(broker.port, *(b.smoke(n) for n in range(detectors))),
                         alarms=[b.SMOKE, b.GAS_HIGH], uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")  # the broker knows the session from here on
    stop = threading.Event()
    injector = threading.Thread(target=toggle, args=(
        stop, random.Random(seed + 1), closing(harness.Publisher(broker.port)), plant, ledger,
        detectors))
    injector.start()
    try:
        for n in range(KILLS):
            # Mostly in the midst of work, sometimes while it starts.
            time.sleep(rng.uniform(0.0, 0.1) if n % 5 == 0 else rng.uniform(0.1, 1.0))
            g.kill()
            g.clean()
            g.spawn()
    finally:
        stop.set()
        injector.join()
    harness.wait_for(g.answers, lambda: g.log()[-3000:])
    judge(g, city, ledger, within=60, slow_starts=True)
    g.stop()


def toggle(stop, rng, publisher, plant, ledger, detectors):
    """Each detector on and off again and again: each message sure to be seen. The gas moves
    faster than a restart takes, so what it does may go unseen, but not its end."""
    on, gas = [False] * detectors, False
    while not stop.is_set():
        n = rng.randrange(detectors)
        on[n] = not on[n]
        ledger.will(f"zigbee/smoke-{n}/smoke:smoke", "raised" if on[n] else "cleared")
        publisher.send(f"zigbee2mqtt/smoke-{n}", {"smoke": on[n]})
        if rng.random() < 0.1:
            gas = not gas
            ledger.will("plant/gas-1/ch4:ch4-high", "raised" if gas else "cleared", sure=False)
            plant.set(3, "holding", 0, 600 if gas else 100, 0)
        stop.wait(rng.uniform(0.01, 0.1))
    ledger.will("plant/gas-1/ch4:ch4-high", "cleared", sure=False)
    plant.set(3, "holding", 0, 100, 0)
    time.sleep(1)
    ledger.will("plant/gas-1/ch4:ch4-high", "raised")
    plant.set(3, "holding", 0, 600, 0)
