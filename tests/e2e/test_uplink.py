# SPDX-License-Identifier: Apache-2.0
"""The way to the platform: at least once, one id for ever, worst level first, then seq."""
import json
import pathlib
import time

import building as b
import harness
import oracle
import pytest
from judge import judge

RANK = {"red": 3, "orange": 2, "yellow": 1, "blue": 0}


@pytest.fixture
def levels(broker):
    """Four points with one alarm of each level, `n` points of each."""
    def make(n=5):
        devices = [b.plain(f"{level}-{i}", f"t/{level}/{i}") for level in RANK for i in range(n)]
        alarms = [{"name": level, "on": f"zigbee/{level}-*/value", "when": {"above": 1},
                   "level": level, "class": "warning"} for level in RANK]
        return b.mqtt(broker.port, *devices), alarms
    return make


def raise_all(publisher, ledger, n=5):
    for i in range(n):
        for level in ("blue", "yellow", "orange", "red"):
            ledger.will(f"zigbee/{level}-{i}/value:{level}", "raised")
            publisher.send(f"t/{level}/{i}", "5", wait=False)


def test_after_an_outage_all_arrives_worst_first(gateway, levels, publisher, city, ledger):
    source, alarms = levels()
    g = gateway(b.config(source, alarms=alarms, uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    city.stop()
    raise_all(publisher, ledger)
    harness.wait_for(lambda: g.uplink()["pending"] >= 20, lambda: str(g.uplink()))
    harness.wait_for(lambda: g.uplink()["state"] == "down", lambda: str(g.uplink()), 90)
    status = g.uplink()
    assert status["oldest_ms"] > 0
    city.start()
    judge(g, city, ledger, within=60, only="^zigbee/")
    came = [a for a in city.seen_events() if a.alarm.startswith("zigbee/")]
    order = [(-RANK[a.data["level"]], a.seq) for a in came]
    # The one that was under way when the line went dead may come before all others.
    assert order == sorted(order) or order[1:] == sorted(order[1:]), order


def test_the_uplink_being_down_is_a_local_alarm(gateway, broker, publisher, city):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink(heartbeat="1s")])).start()
    harness.wait_for(city.beats, "a heartbeat")
    city.stop()
    alarm = harness.wait_for(
        lambda: [a for a in g.ask("alarms") if "city" in a["alarm"]],
        lambda: str(g.uplink()), 90)[0]
    assert alarm["class"] == "fault" and alarm["state"].startswith("active")
    city.start()
    g.wait_state(alarm["alarm"], "normal", "returned-unacked", within=90)
    judge(g, city)


FAULTS = (dict(kind="status", status=500), dict(kind="status", status=429),
          dict(kind="status", status=408), dict(kind="status", status=503, headers={
              "Retry-After": "1"}), dict(kind="cut", at="head"), dict(kind="cut", at="none"),
          dict(kind="lie"), dict(kind="hang", seconds=30))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: "-".join(
    str(f[k]) for k in ("kind", "status", "at") if k in f))
def test_a_platform_that_misbehaves_is_tried_again_with_the_same_id(
        gateway, broker, publisher, city, ledger, fault):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    city.spoil(times=2, **fault)
    ledger.will("zigbee/smoke-1/smoke:smoke", "raised")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    harness.wait_for(lambda: len(city.posts()) >= 3, lambda: str(city.posts()), 60)
    judge(g, city, ledger)
    ids = {i for r in city.posts() for i in r["ids"]}
    assert len(ids) == 1


def test_retry_after_is_obeyed(gateway, broker, publisher, city):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    city.spoil("status", status=503, headers={"Retry-After": "3"})
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    city.until("zigbee/smoke-1/smoke:smoke", "raised", within=30)
    first, second = (r["mono_ns"] for r in city.posts()[:2])
    assert second - first >= 2.9e9


def test_redirects_are_not_followed(gateway, broker, publisher, city, folder, authority, closing):
    from peers import City
    elsewhere = closing(City(folder / "elsewhere", authority))
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    city.spoil("status", status=307, times=1, headers={"Location": elsewhere.url})
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    harness.wait_for(lambda: city.posts() and g.uplink()["pending"] == 0
                     or g.uplink().get("parked"), lambda: str(g.uplink()), 30)
    assert elsewhere.requests() == []


def test_a_400_parks_that_record_only(gateway, levels, publisher, city):
    source, alarms = levels()
    g = gateway(b.config(source, alarms=alarms, uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    city.fault("reject", match="-0*3$", status=400)  # whatever is seq 3
    for i in range(5):
        publisher.send(f"t/yellow/{i}", "5")
    harness.wait_for(lambda: g.uplink()["parked"] == 1 and g.uplink()["pending"] == 0,
                     lambda: str(g.uplink()), 30)
    seqs = {a.seq for a in city.seen_events()}
    assert 3 not in seqs and {1, 2, 4, 5} <= seqs
    # Parked is kept, shown, and an alarm of its own.
    harness.wait_for(lambda: [a for a in g.ask("alarms") if "park" in a["alarm"]],
                     lambda: str(g.ask("alarms")))
    publisher.send("t/red/0", "5")
    city.until("zigbee/red-0/value:red", "raised")
    tries = [r for r in city.posts() if any(i.endswith("0000000003") for i in r["ids"])]
    assert len(tries) <= 3, "a parked record is not sent again and again"


def test_a_poisoned_record_in_a_backlog_does_not_block_it(gateway, levels, publisher, city):
    source, alarms = levels()
    g = gateway(b.config(source, alarms=alarms, uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    city.stop()
    for i in range(5):
        for level in RANK:
            publisher.send(f"t/{level}/{i}", "5")
    harness.wait_for(lambda: g.uplink()["pending"] >= 20, lambda: str(g.uplink()))
    city.fault("reject", match="-0*(7|13)$", status=422)
    city.start()
    harness.wait_for(lambda: g.uplink()["parked"] == 2 and g.uplink()["pending"] == 0,
                     lambda: str(g.uplink()), 60)
    seqs = {a.seq for a in city.seen_events()}
    assert {n for n in range(1, 21)} - seqs == {7, 13}


def test_two_uplinks_each_with_its_own_progress(gateway, broker, publisher, city, folder,
                                                authority, closing, ledger):
    from peers import City
    other = closing(City(folder / "other", authority))
    other.stop()
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink(), other.uplink("other")])).start()
    g.wait_up("zigbee")
    for n in range(4):
        change = "cleared" if n % 2 else "raised"
        ledger.will("zigbee/smoke-1/smoke:smoke", change)
        at = time.monotonic()
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": n % 2 == 0})
        city.until("zigbee/smoke-1/smoke:smoke", change, n // 2 + 1)
        assert time.monotonic() - at < 3 * harness.SLOW, "the dead one holds the other back"
    harness.wait_for(lambda: g.uplink("other")["pending"] >= 4
                     and g.uplink("city")["pending"] == 0, lambda: str(g.status()["uplinks"]))
    g.restart()
    harness.wait_for(lambda: g.uplink("other")["pending"] >= 4, lambda: str(g.uplink("other")))
    other.start()
    judge(g, other, ledger, within=90, only="^zigbee/", uplink="other")
    judge(g, city, ledger, only="^zigbee/")
    mine, theirs = ({a.id: a.raw for a in c.arrivals()} for c in (city, other))
    assert all(mine[i] == theirs[i] for i in mine.keys() & theirs.keys())


def test_mutual_tls_and_token(gateway, broker, publisher, folder, authority, closing):
    from peers import City
    city = closing(City(folder / "strict", authority, mtls=True, token="s3cret-token"))
    token = folder / "token"
    token.write_text("s3cret-token\n")
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink(token_file=str(token))])).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    assert {r["client"] for r in city.posts()} == {"gateway"}
    judge(g, city)


@pytest.mark.parametrize("lack", ("cert", "ca", "host", "http"))
def test_without_trust_nothing_is_sent(gateway, broker, publisher, folder, authority, closing, lack):
    import ca
    from peers import City
    city = closing(City(folder / "strict", authority, mtls=lack == "cert"))
    entry = city.uplink()
    if lack == "cert":
        del entry["cert"], entry["key"]
    if lack == "ca":
        entry["ca"] = str(ca.Authority(folder / "stranger").pem)
    if lack == "host":
        city.serve(*authority.issue("elsewhere", hosts=["elsewhere.example"]))
    if lack == "http":
        entry["url"] = entry["url"].replace("https:", "http:")
        g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), uplinks=[entry]))
        assert harness.check_config(g.config_path)[0] == 1
        return
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[entry])).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    harness.wait_for(lambda: city.counts["connections"] >= 2, "it tries", 20)
    harness.wait_for(lambda: g.uplink()["pending"] >= 1, lambda: str(g.uplink()))
    assert city.posts() == []


def test_heartbeats_say_what_is_owed(gateway, broker, publisher, city):
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink(heartbeat="1s")])).start()
    beats = harness.wait_for(lambda: len(city.beats()) >= 3 and city.beats(), "three heartbeats")
    for beat in beats:
        assert beat["specversion"] == "1.0" and beat["source"] == "urn:tocsin:box"
        assert beat["data"]["gateway"] == "box" and beat["data"]["pending"] == 0
    assert len({beat["id"] for beat in beats}) == len(beats)
    times = [oracle.parse_time_ms(beat["time"]) for beat in beats]
    assert times[-1] - times[0] >= 1500
    assert g.uplink()["pending"] == 0, "a heartbeat is not owed"


def test_the_file_sink(gateway, broker, publisher, folder):
    out = folder / "out.ndjson"
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE], uplinks=[
        {"name": "file", "url": f"file://{out}"}])).start()
    g.wait_up("zigbee")
    for n in range(4):
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": n % 2 == 0})

    def events():
        rows = out.read_text().splitlines() if out.exists() else []
        return [e for e in map(json.loads, rows) if e["type"].startswith(oracle.PREFIX)]
    harness.wait_for(lambda: len(events()) == 4, lambda: str(events()))
    assert oracle.check([oracle.Arrival(json.dumps(e).encode()) for e in events()],
                        committed=range(1, 5)) == []


def test_a_rotated_token_is_read_again(gateway, broker, publisher, folder, authority, closing):
    from peers import City
    city = closing(City(folder / "strict", authority, token="old"))
    token = pathlib.Path(folder / "token")
    token.write_text("old\n")
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                         uplinks=[city.uplink(token_file=str(token))])).start()
    g.wait_up("zigbee")
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    token.write_text("new\n")
    city.token = "new"
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    city.until("zigbee/smoke-1/smoke:smoke", "cleared", within=60)


@pytest.mark.long
def test_hundreds_of_alarms_over_an_outage(gateway, levels, publisher, city, ledger):
    """More than one batch, from memory and, after a restart, from the store."""
    source, alarms = levels(60)
    g = gateway(b.config(source, alarms=alarms, uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    city.stop()
    raise_all(publisher, ledger, 60)
    harness.wait_for(lambda: g.uplink()["pending"] >= 240, lambda: str(g.uplink()), 30)
    g.restart()
    harness.wait_for(lambda: g.uplink()["pending"] >= 240, lambda: str(g.uplink()))
    city.start()
    judge(g, city, ledger, within=90, only="^zigbee/")
    came = [a for a in city.seen_events() if a.alarm.startswith("zigbee/")]
    ranks = [RANK[a.data["level"]] for a in came]
    assert ranks == sorted(ranks, reverse=True) or ranks[1:] == sorted(ranks[1:], reverse=True)
