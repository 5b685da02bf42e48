# SPDX-License-Identifier: Apache-2.0
"""The platform says no: to the record, to the credentials, to heartbeats, or to everything."""
import os
import pty
import re
import signal
import subprocess
import time

import building as b
import harness
import oracle
import pytest

STATUSES = (400, 401, 403, 404, 413, 422)


@pytest.fixture
def reds(broker):
    """Points t/0 ... with a red alarm each."""
    def make(n=8):
        return (b.mqtt(broker.port, *(b.plain(f"p-{i}", f"t/{i}") for i in range(n))),
                [{"name": "high", "on": "zigbee/p-*/value", "when": {"above": 1}, "level": "red",
                  "class": "alarm"}])
    return make


def raised(city):
    return {a.alarm for a in city.seen_events(change="raised") if a.alarm.startswith("zigbee/")}


def start(gateway, reds, city, **more):
    source, alarms = reds()
    g = gateway(b.config(source, alarms=alarms, uplinks=[city.uplink(**more)])).start()
    g.wait_up("zigbee")
    return g


@pytest.mark.parametrize("heartbeat", ("0s", "1s"))
@pytest.mark.parametrize("status", STATUSES)
def test_what_everything_is_refused_is_not_parked(gateway, reds, publisher, city, status, heartbeat):
    g = start(gateway, reds, city, heartbeat=heartbeat)
    city.fault("status", times=None, status=status)
    for i in range(8):
        publisher.send(f"t/{i}", "5")
    # one of them, at least, was refused all by itself
    harness.wait_for(lambda: any(len(r["ids"]) == 1 for r in city.posts()),
                     lambda: str(city.posts()), 20)
    time.sleep(2)
    assert g.uplink()["parked"] == 0, g.log()
    city.clear()
    harness.wait_for(lambda: len(raised(city)) == 8, lambda: str(g.uplink()), 60)
    harness.wait_for(lambda: g.uplink()["pending"] == 0, lambda: str(g.uplink()))
    assert g.uplink()["parked"] == 0


def test_what_was_refused_outlives_a_restart(gateway, reds, publisher, city):
    g = start(gateway, reds, city, heartbeat="0s")
    city.fault("status", times=None, status=400)
    for i in range(8):
        publisher.send(f"t/{i}", "5")
    harness.wait_for(lambda: g.uplink()["state"] == "down", lambda: str(g.uplink()), 30)
    g.restart()
    city.clear()
    harness.wait_for(lambda: len(raised(city)) == 8, lambda: str(g.uplink()), 60)
    assert g.uplink()["parked"] == 0


@pytest.mark.parametrize("sig", (signal.SIGTERM, signal.SIGHUP))
def test_nothing_is_parked_while_stopping(gateway, reds, publisher, city, sig):
    g = start(gateway, reds, city)
    city.spoil("status", times=None, status=401, delay=0.7)
    publisher.send("t/0", "5")
    harness.wait_for(city.posts, "a request is under way")
    if sig == signal.SIGTERM:
        g.stop()
        city.clear()
        g.start()
    else:
        g.write({**g.config, "uplinks": [city.uplink(batch=32)]})
        g.reload()
        g.wait_log("reloaded")
        city.clear()
    assert "parked" not in g.log()
    harness.wait_for(lambda: len(raised(city)) == 1, lambda: str(g.uplink()), 60)
    assert g.uplink()["parked"] == 0


def park_one(g, city, publisher):
    """Whatever is seq 3 is refused, and everything else is taken."""
    city.fault("reject", match="-0*3$", status=422)
    for i in range(5):
        publisher.send(f"t/{i}", "5")
    harness.wait_for(lambda: g.uplink()["parked"] == 1 and g.uplink()["pending"] == 0,
                     lambda: str(g.uplink()) + g.log(), 30)
    assert 3 not in {a.seq for a in city.seen_events()}
    city.clear()


def comes(g, city, within=20):
    harness.wait_for(lambda: 3 in {a.seq for a in city.seen_events()}, lambda: g.log(), within)
    harness.wait_for(lambda: g.uplink()["parked"] == 0, lambda: str(g.uplink()))
    harness.wait_for(lambda: g.alarm("city:parked")["state"] in ("normal", "returned-unacked"),
                     lambda: str(g.alarm("city:parked")))
    arrivals = [a for a in city.arrivals() if a.seq == 3]
    assert len({a.raw for a in arrivals}) == 1


@pytest.mark.parametrize("how", ("restart", "reload", "other-reload", "back", "command"))
def test_a_parked_record_is_offered_again(gateway, reds, publisher, city, how):
    g = start(gateway, reds, city, heartbeat="1s" if how == "back" else "1h")
    park_one(g, city, publisher)
    if how == "restart":
        g.restart()
    elif how == "reload":
        g.reload()
    elif how == "other-reload":
        g.write({**g.config, "uplinks": [city.uplink(batch=32)]})
        g.reload()
    elif how == "back":
        city.stop()
        harness.wait_for(lambda: g.alarm("city:down")["state"].startswith("active"),
                         lambda: str(g.uplink()), 60)
        city.start()
    else:
        answer = g.ask("resend")
        assert answer == {"uplinks": [{"name": "city", "parked": 1, "resent": 0}]}
    # sooner than by the uplink's own clock, which begins with 30 s
    comes(g, city, 60 if how == "back" else 4)


def test_a_parked_record_is_offered_under_a_new_token(gateway, reds, publisher, city, folder):
    token = folder / "token"
    token.write_text("old\n")
    g = start(gateway, reds, city, token_file=str(token))
    park_one(g, city, publisher)
    token.write_text("another\n")
    comes(g, city, 4)


def test_resend_since(gateway, reds, publisher, city):
    g = start(gateway, reds, city)
    for i in range(5):
        publisher.send(f"t/{i}", "5")
    harness.wait_for(lambda: len(raised(city)) == 5 and g.uplink()["pending"] == 0,
                     lambda: str(g.uplink()))
    time.sleep(0.3)  # what was delivered is on its way to the store
    first = {a.id: a.raw for a in city.arrivals()}
    answer = g.ask("resend", "--since", "3")
    assert answer["uplinks"][0]["name"] == "city"
    assert answer["uplinks"][0]["resent"] >= 3
    harness.wait_for(lambda: len([a for a in city.arrivals() if a.seq >= 3]) >= 6,
                     lambda: str(g.uplink()))
    assert all(first[a.id] == a.raw for a in city.arrivals() if a.id in first)
    assert {a.seq for a in city.arrivals() if a.seq < 3} == {1, 2}
    assert len([a for a in city.arrivals() if a.seq < 3]) == 2
    at = len(city.arrivals())
    assert g.ask("resend", "--since", "1h", "--uplink", "city")["uplinks"][0]["resent"] >= 5
    harness.wait_for(lambda: len(city.arrivals()) >= at + 5, lambda: str(g.uplink()))
    assert g.run("resend").stdout.strip().startswith("city")
    wrong = g.run("resend", "--uplink", "town")
    assert wrong.returncode == 1 and "town" in wrong.stderr and "city" in wrong.stderr
    assert g.run("resend", "--since", "yesterdayish").returncode == 2


PAGE = "<!DOCTYPE html>\n<html><head><title>Please log in</title>"


@pytest.mark.parametrize("body,accept,why", (
    (PAGE, None, "a login or captive page took it"),
    ('{"errcode":310000,"errmsg":"keywords not in content"}', {"/errcode": 0},
     "/errcode is 310000, not 0"),
    ('{"success":false}', {"/success": True}, "/success is false, not true"),
    ("ok", {"/code": 200, "/success": True}, "its body is not JSON")), ids=lambda x: str(x)[:12])
def test_a_200_that_says_no(gateway, reds, publisher, city, body, accept, why):
    g = start(gateway, reds, city, heartbeat="0s", **({"accept": accept} if accept else {}))
    city.fault("status", times=None, status=200, body=body, takes=False)
    for i in range(3):
        publisher.send(f"t/{i}", "5")
    harness.wait_for(lambda: g.uplink()["state"] == "down", lambda: str(g.uplink()), 30)
    assert g.uplink()["pending"] >= 3 and g.uplink()["parked"] == 0
    assert why in g.uplink()["why"]
    g.wait_log(re.escape(why), 30)
    city.clear()
    if accept:
        city.fault("status", times=None, status=200, body='{"errcode":0,"code":"200","success":true}')
    harness.wait_for(lambda: len(raised(city)) == 3 and g.uplink()["pending"] == 0,
                     lambda: str(g.uplink()), 60)


def test_accept_any_takes_a_page_for_a_yes(gateway, reds, publisher, city):
    g = start(gateway, reds, city, accept="any")
    city.fault("status", times=None, status=200, body=PAGE)
    publisher.send("t/0", "5")
    city.until("zigbee/p-0/value:high", "raised")
    harness.wait_for(lambda: g.uplink()["pending"] == 0, lambda: str(g.uplink()))


def test_accept_is_checked_and_reloaded(gateway, reds, publisher, city):
    source, alarms = reds()
    g = gateway(b.config(source, alarms=alarms, uplinks=[city.uplink(accept={"errcode": 0})]))
    code, said = harness.check_config(g.config_path)
    assert code == 1 and "uplinks[0].accept" in said[0] and "begins with /" in said[0]
    g.write({**g.config, "uplinks": [city.uplink(accept="everything")]})
    code, said = harness.check_config(g.config_path)
    assert code == 1 and "or any" in said[0]
    g.write({**g.config, "uplinks": [city.uplink(heartbeat="1s")]})
    g.start()
    g.wait_up("zigbee")
    harness.wait_for(city.beats, "a heartbeat")
    # only the expectation differs: the uplink must still be another one
    g.write({**g.config, "uplinks": [city.uplink(heartbeat="1s", accept={"/errcode": 0})]})
    g.reload()
    harness.wait_for(lambda: "heartbeats are refused" in g.uplink()["why"]
                     and "no body" in g.uplink()["why"], lambda: str(g.uplink()))


def lock(key, folder, name="locked.key"):
    """The key, encrypted."""
    locked = folder / name
    subprocess.run(["openssl", "pkey", "-in", key, "-out", locked, "-aes256", "-passout", "pass:x"],
                   check=True, stdin=subprocess.DEVNULL)
    return locked


def test_an_encrypted_key_asks_nobody(gateway, broker, publisher, folder, authority, closing):
    """On a terminal of its own: nothing is asked there, nothing read, and it ends at once."""
    from peers import City
    city = closing(City(folder / "strict", authority, mtls=True))
    entry = city.uplink(heartbeat="1s")
    entry["key"] = str(lock(entry["key"], folder))
    tls = b.mqtt(city.port, b.smoke(1), name="secure",
                 url=f"mqtts://127.0.0.1:{city.port}", ca=entry["ca"],
                 cert=entry["cert"], key=entry["key"])
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)), tls, alarms=[b.SMOKE],
                         uplinks=[entry]))
    code, said = harness.check_config(g.config_path)
    assert code == 1
    assert [line for line in said if "uplinks[0].key" in line and "remove its pass phrase" in line]
    assert [line for line in said if "sources[1].key" in line and "remove its pass phrase" in line]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TOCSIN_PROFILES"] = str(harness.ROOT / "config" / "profiles")
        os.execv(harness.BUILD / "tocsind", ["tocsind", "--config", str(g.config_path)])
    try:
        os.write(terminal, b"x\n")  # what a prompt would take
        harness.wait_for(lambda: g.answers() and g.uplink()["state"] == "down",
                         lambda: str(g.uplink()), 30)
        assert "the key is encrypted: remove its pass phrase" in g.uplink()["why"]
        harness.wait_for(lambda: "the key is encrypted" in g.source("secure")["why"],
                         lambda: str(g.source("secure")))
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
        g.wait_state("zigbee/smoke-1/smoke:smoke", "active-unacked")
        at = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        harness.wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "it ends", 10)
        assert time.monotonic() - at < 3 * harness.SLOW
        pid = 0
        said = b""
        while True:
            try:
                more = os.read(terminal, 65536)
            except OSError:
                break
            said += more
            if not more:
                break
        assert b"pass phrase:" not in said, said.decode()
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(terminal)


def test_a_heartbeats_hold_does_not_hold_an_alarm(gateway, reds, publisher, city):
    g = start(gateway, reds, city, heartbeat="1s")
    city.fault("status", times=None, on="heartbeats", status=429, headers={"Retry-After": "60"})
    harness.wait_for(lambda: any(r["status"] == 429 for r in city.requests()), "a 429", 20)
    at = time.monotonic()
    publisher.send("t/0", "5")
    city.until("zigbee/p-0/value:high", "raised", within=10)
    assert time.monotonic() - at < 3 * harness.SLOW
    assert g.uplink()["state"] == "up"


@pytest.mark.parametrize("status", (400, 404, 405, 429))
def test_heartbeats_refused_are_no_outage(gateway, reds, publisher, city, status):
    g = start(gateway, reds, city, heartbeat="1s")
    city.fault("status", times=None, on="heartbeats", status=status)
    for n in range(12):
        publisher.send("t/0", "5" if n % 2 == 0 else "0")
        time.sleep(1)
    assert not [a for a in city.seen_events() if a.alarm == "city:down"]
    assert not [line for line in g.lines() if "city:down" in str(line)]
    city.until("zigbee/p-0/value:high", "raised", n=6)
    assert g.uplink()["state"] == "up" and "heartbeats are refused" in g.uplink()["why"]
    assert g.log().count("refuses heartbeats") == 1
    city.clear()
    g.wait_log("takes heartbeats again", 20)
    harness.wait_for(lambda: g.uplink()["why"] == "", lambda: str(g.uplink()))
    assert oracle.check(city.arrivals(), committed=range(1, 3)) == []
