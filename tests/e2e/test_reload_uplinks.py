# SPDX-License-Identifier: Apache-2.0
"""Uplinks that a reload adds, removes and renames: nothing owed is dropped, and the engine does
not wait for the disk."""
import os
import pathlib
import signal
import sqlite3
import sys
import time

import building as b
import harness
import pytest
from judge import judge
from peers import City

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
from injection import Injection  # noqa: E402

SYNC_S = 5


def site(broker, *uplinks, n=8, alarms=None):
    return b.config(b.mqtt(broker.port, *(b.smoke(i) for i in range(1, n + 1))),
                    alarms=[b.SMOKE] if alarms is None else alarms, uplinks=list(uplinks))


def smoke(publisher, *numbers, ledger=None, value=True):
    for i in numbers:
        if ledger:
            ledger.will(f"zigbee/smoke-{i}/smoke:smoke", "raised" if value else "cleared")
        publisher.send(f"zigbee2mqtt/smoke-{i}", {"smoke": value})


def reload(g, config=None):
    """A reload and its end; how the log went on."""
    if config:
        g.write(config)
    before = len(g.log())
    g.reload()
    harness.wait_for(lambda: "reloaded" in g.log()[before:], lambda: g.log()[-2000:], 30)
    return g.log()[before:]


def owed(g, name="city"):
    return g.uplink(name)["pending"]


@pytest.mark.timing
def test_an_alarm_is_out_while_a_reload_renames_an_uplink_and_the_disk_is_slow(
        gateway, broker, publisher, city, folder):
    inject = Injection(folder)
    seconds = SYNC_S * harness.SLOW
    g = gateway(site(broker, city.uplink()), env=inject.env()).start()
    g.wait_up("zigbee")
    inject.slow_sync(g.state, seconds)
    slowest = 0
    for i in range(1, 7):
        g.write(site(broker, city.uplink(("city", "town")[i % 2])))
        smoke(publisher, i)  # the store sits in its sync for it
        time.sleep(0.3)
        g.reload()
        at = time.monotonic()
        publisher.send(f"zigbee2mqtt/smoke-{i}", {"smoke": False})
        city.until(f"zigbee/smoke-{i}/smoke:smoke", "cleared", within=20)
        slowest = max(slowest, time.monotonic() - at)
    inject.end()
    assert g.log().count("reloaded") == 6, g.log()
    assert slowest < 1 * harness.SLOW, f"{slowest:.3f} s beside a reload with slow syncs"
    judge(g, city, within=60, uplink="city")


def test_a_renamed_uplink_is_owed_what_the_old_name_was(
        gateway, broker, publisher, city, ledger):
    g = gateway(site(broker, city.uplink())).start()
    g.wait_up("zigbee")
    city.stop()
    smoke(publisher, *range(1, 9), ledger=ledger)
    harness.wait_for(lambda: owed(g) >= 8, lambda: str(g.uplink()))
    # what is in memory only is taken over without a word
    harness.wait_for(lambda: g.status()["store"]["pending"] == 0, "all is committed")
    run = g.status()["run"]
    reload(g, site(broker, city.uplink("platform")))
    assert g.status()["run"] == run, "the store was not opened again"
    harness.wait_for(lambda: "takes over 8 alerts" in g.log(), g.log)
    assert owed(g, "platform") >= 8
    city.start()
    judge(g, city, ledger, within=60, uplink="platform")


@pytest.mark.parametrize("how", ("reload", "restart"))
def test_an_uplink_that_was_away_is_owed_all_it_was(
        gateway, broker, publisher, city, ledger, how):
    g = gateway(site(broker, city.uplink())).start()
    g.wait_up("zigbee")
    city.stop()
    smoke(publisher, *range(1, 9), ledger=ledger)
    harness.wait_for(lambda: owed(g) >= 8, lambda: str(g.uplink()))
    other = {"name": "paper", "url": f"file://{g.folder}/paper.out"}
    for uplinks in ([other], [other, city.uplink()]):
        if how == "reload":
            reload(g, site(broker, *uplinks))
        else:
            g.write(site(broker, *uplinks))
            g.restart()
        if len(uplinks) == 1:
            gone = harness.wait_for(lambda: g.status()["store"]["vanished"],
                                    lambda: str(g.status()["store"]))
            assert [v["name"] for v in gone] == ["city"]
            assert gone[0]["owed"] >= 8  # and that it was down, maybe
            harness.wait_for(lambda: "alerts are owed to uplink city" in g.log(), g.log)
            assert "alerts are owed to city" in g.run("status").stdout
    harness.wait_for(lambda: g.status()["store"]["vanished"] == [], lambda: str(g.status()))
    city.start()
    judge(g, city, ledger, within=60)


def test_a_person_gives_what_a_gone_uplink_was_owed_to_another(
        gateway, broker, publisher, city, folder, authority, closing):
    other = closing(City(folder / "other", authority))
    g = gateway(site(broker, city.uplink())).start()
    g.wait_up("zigbee")
    city.stop()
    smoke(publisher, *range(1, 9))
    harness.wait_for(lambda: owed(g) >= 8, lambda: str(g.uplink()))
    reload(g, site(broker, other.uplink("county")))
    harness.wait_for(lambda: g.status()["store"]["vanished"], lambda: str(g.status()))
    done = g.run("resend", "--uplink", "county")
    assert done.returncode == 0, done.stderr
    for i in range(1, 9):
        other.until(f"zigbee/smoke-{i}/smoke:smoke", "raised")
    harness.wait_for(lambda: g.status()["store"]["vanished"] == [], lambda: str(g.status()))


def test_a_kill_after_an_uplink_was_added_loses_nothing(
        gateway, broker, publisher, city, ledger, folder):
    """The journal has the run of the ids, whatever the reload added."""
    inject = Injection(folder)
    g = gateway(site(broker, city.uplink()), env=inject.env()).start()
    g.wait_up("zigbee")
    city.stop()
    smoke(publisher, 1, 2, 3, ledger=ledger)
    other = {"name": "paper", "url": f"file://{g.folder}/paper.out"}
    reload(g, site(broker, city.uplink(), other))
    smoke(publisher, 4, 5, 6, ledger=ledger)
    harness.wait_for(lambda: owed(g) >= 6, lambda: str(g.uplink()))
    harness.wait_for(lambda: g.status()["store"]["pending"] == 0, "all is committed")
    inject.rule(0, 1 << 4, 5, g.state, count=1)  # one sync fails with EIO
    smoke(publisher, 7, 8, ledger=ledger)
    harness.wait_for(lambda: g.status()["store"]["pending"] == 0 and owed(g) >= 8,
                     lambda: str(g.status()))
    g.kill()
    inject.end()
    g.start()
    assert not list(g.state.glob("*corrupt*"))
    with sqlite3.connect(f"file:{g.state}/tocsin.db?mode=ro&immutable=1", uri=True):
        pass
    city.start()
    judge(g, city, ledger, within=60)


def test_an_uplink_that_stays_keeps_its_connection(gateway, broker, publisher, city):
    g = gateway(site(broker, city.uplink(heartbeat="1s"))).start()
    g.wait_up("zigbee")
    harness.wait_for(city.beats, "a heartbeat")
    connections = city.counts["connections"]
    other = {"name": "paper", "url": f"file://{g.folder}/paper.out"}
    reload(g, site(broker, city.uplink(heartbeat="1s"), other))
    smoke(publisher, 1)
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    harness.wait_for(lambda: g.uplink("paper")["sent"] >= 1, lambda: str(g.uplink("paper")))
    reload(g, site(broker, city.uplink(heartbeat="1s")))
    smoke(publisher, 2)
    city.until("zigbee/smoke-2/smoke:smoke", "raised")
    assert city.counts["connections"] == connections, "its thread and its link go on"
    judge(g, city)
