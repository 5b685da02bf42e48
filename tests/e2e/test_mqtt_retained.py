# SPDX-License-Identifier: Apache-2.0
"""A retained message is of unknown age: it may raise an alarm, and takes back nothing that a newer
live one raised."""
import signal

import building as b
import harness
import pytest
from judge import judge

TOPIC = "zigbee2mqtt/smoke-1"
SMOKE = "zigbee/smoke-1/smoke:smoke"
ON, OFF = {"smoke": True}, {"smoke": False}


@pytest.fixture(params=["3.1.1", "5"])
def old(request):
    return request.param == "3.1.1"


@pytest.fixture
def site(gateway, broker, city, closing, old):
    """site(**device): a gateway behind a proxy that speaks MQTT as `old` says."""
    from mqtt_proxy import Proxy
    proxy = closing(Proxy(broker.port, old=old))

    def make(**device):
        g = gateway(b.config(b.mqtt(proxy.port, b.smoke(1, **device)), alarms=[b.SMOKE],
                             uplinks=[city.uplink()])).start()
        g.wait_up("zigbee")
        return g
    return make


@pytest.fixture
def send(broker, closing):
    """Each message by a connection of its own: brokers come and go here."""
    def publish(payload, **how):
        publisher = harness.Publisher(broker.port)
        try:
            publisher.send(TOPIC, payload, **how)
        finally:
            publisher.close()
    return publish


def restart_broker(g, broker):
    broker.process.stop(signal.SIGTERM)  # it writes what it retains
    harness.wait_for(lambda: g.source("zigbee")["state"] == "down", "the link is lost")
    broker.start()
    g.wait_up("zigbee", within=30)


def kill_gateway(g, broker):
    g.kill()
    g.start()
    g.wait_up("zigbee")


def restart_gateway(g, broker):
    g.restart()
    g.wait_up("zigbee")


def remembered(g):
    """Wait until the file holds a live message that was not retained, of the one topic."""
    path = g.state / "sources" / "zigbee"
    harness.wait_for(lambda: path.exists() and path.read_bytes()[-1:] == b"\x01",
                     "it is remembered", within=15)


AGAIN = pytest.mark.parametrize("again", [restart_broker, kill_gateway, restart_gateway],
                                ids=lambda f: f.__name__)


def changes(city):
    return [a.change for a in city.seen_events(SMOKE)]


@AGAIN
def test_an_old_retained_value_clears_nothing(site, broker, city, send, again):
    send(OFF, retain=True)
    g = site()
    send(ON)
    city.until(SMOKE, "raised")
    for _ in range(2):
        again(g, broker)
        messages = g.source("zigbee")["requests"]
        harness.stays(lambda: changes(city) == ["raised"], lambda: changes(city), during=1)
        assert g.alarm(SMOKE)["state"] == "active-unacked"
        assert messages <= g.source("zigbee")["requests"]
    send(OFF)
    city.until(SMOKE, "cleared")
    judge(g, city)


@AGAIN
def test_an_old_retained_value_raises_nothing_again(site, broker, city, send, again, old):
    """Where the broker tells which live messages were retained: MQTT 5. Else it is in doubt."""
    send(ON, retain=True)
    g = site()
    assert city.until(SMOKE, "raised").data["quality"] == "uncertain"
    send(OFF)
    city.until(SMOKE, "cleared")
    if old:
        restart_broker(g, broker)
        city.until(SMOKE, "raised", 2)
        return
    if again is kill_gateway:  # what it knows is written within a moment
        remembered(g)
    again(g, broker)
    harness.stays(lambda: changes(city) == ["raised", "cleared"], lambda: changes(city), during=1)
    send(ON)
    city.until(SMOKE, "raised", 2)
    judge(g, city)


def test_a_retained_change_while_the_gateway_was_away_raises(site, broker, city, send):
    """At QoS 0 no broker queues it."""
    send(OFF, retain=True)
    g = site()
    g.wait_point("zigbee/smoke-1/smoke", 0, quality="uncertain")
    g.stop()
    send(ON, retain=True, qos=0)
    g.start()
    assert city.until(SMOKE, "raised").data["quality"] == "uncertain"
    send(OFF, retain=True)
    city.until(SMOKE, "cleared")
    judge(g, city)


def test_what_a_retained_value_raised_a_newer_one_may_clear(site, broker, city, send):
    send(ON, retain=True)
    g = site()
    city.until(SMOKE, "raised")
    g.stop()
    send(OFF, retain=True, qos=0)
    g.start()
    city.until(SMOKE, "cleared")
    judge(g, city)


def test_a_kill_leaves_doubt(site, broker, city, send):
    """What was seen in the last seconds is not written yet."""
    send(OFF, retain=True)
    g = site()
    g.restart()
    g.wait_up("zigbee")
    g.wait_point("zigbee/smoke-1/smoke", 0, quality="uncertain")
    send({"smoke": False, "n": 2}, retain=True)
    send(ON)
    city.until(SMOKE, "raised")
    kill_gateway(g, broker)
    harness.stays(lambda: changes(city) == ["raised"], lambda: changes(city), during=1)
    send(OFF)
    city.until(SMOKE, "cleared")
    judge(g, city)


@AGAIN
def test_a_publisher_that_retains_every_message_says_so(site, broker, city, send, again):
    send(OFF, retain=True)
    g = site(retained="current")
    send(ON)
    city.until(SMOKE, "raised")
    again(g, broker)
    city.until(SMOKE, "cleared")
    judge(g, city)


def test_live_messages_are_live_whether_retained_or_not(site, broker, city, send):
    g = site()
    for n in range(1, 4):
        send(ON, retain=True)
        city.until(SMOKE, "raised", n)
        send(OFF, retain=True)
        city.until(SMOKE, "cleared", n)
        restart_broker(g, broker)
    judge(g, city)
