# SPDX-License-Identifier: Apache-2.0
"""Whatever a broker does: smoke on another topic is raised, and the source does not stand still."""
import building as b
import harness
import pytest
from judge import judge
from mqtt_faulty_broker import FAULTS, FaultyBroker, publish
from mqtt_proxy import Proxy

TOPIC = "zigbee2mqtt/smoke-{}"


@pytest.mark.parametrize("old", [True, False], ids=["3.1.1", "5"])
def test_an_over_long_message_is_drained_and_smoke_is_raised(gateway, broker, publisher, city,
                                                             closing, old):
    """Over a real link a message comes in pieces; an old broker knows no limit of ours and
    delivers it again until it is acknowledged."""
    proxy = closing(Proxy(broker.port, bytes_per_s=8_000_000, old=old))
    g = gateway(b.config(b.mqtt(proxy.port, b.smoke(1), b.smoke(2)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    publisher.send(TOPIC.format(1), b"x" * 1_000_000)
    publisher.send(TOPIC.format(2), {"smoke": True})
    city.until("zigbee/smoke-2/smoke:smoke", "raised")
    source = g.source("zigbee")
    assert source["state"] == "up" and source["too_long"] == (1 if old else 0)
    assert proxy.connects == 1
    if old:
        g.wait_log(r"zigbee/smoke-1: a message of 1000027 bytes is longer than max_packet")
    publisher.send(TOPIC.format(1), {"smoke": True})
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    g.restart()  # it was acknowledged: it does not come again
    g.wait_up("zigbee")
    publisher.send(TOPIC.format(2), {"smoke": False})
    city.until("zigbee/smoke-2/smoke:smoke", "cleared")
    assert g.source("zigbee")["too_long"] == 0
    judge(g, city)


def test_an_over_long_message_is_drained_wherever_it_begins_in_a_tls_record(
        gateway, broker, publisher, city, closing, authority):
    """With what came before it: libmosquitto would go on into it unasked."""
    proxy = closing(Proxy(broker.port, bytes_per_s=8_000_000, gather_s=0.2,
                          tls=authority.issue("broker", hosts=["127.0.0.1"])))
    source = b.mqtt(proxy.port, b.smoke(1), b.smoke(2), ca=str(authority.pem))
    source["url"] = source["url"].replace("mqtt:", "mqtts:")
    g = gateway(b.config(source, alarms=[b.SMOKE], uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    publisher.send(TOPIC.format(2), {"smoke": False}, wait=False)
    publisher.send(TOPIC.format(1), b"x" * 1_000_000, wait=False)
    publisher.send(TOPIC.format(2), {"smoke": True})
    city.until("zigbee/smoke-2/smoke:smoke", "raised")
    assert g.source("zigbee")["too_long"] == 1
    assert proxy.connects == 1
    judge(g, city)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_whatever_a_broker_does_once_smoke_is_raised(gateway, city, closing, name):
    """At most a time of silence later (two keepalives), and no thread stands still for it."""
    faulty = closing(FaultyBroker(FAULTS[name]))
    g = gateway(b.config(b.mqtt(faulty.port, b.smoke(1), b.smoke(2), keepalive="5s"),
                         alarms=[b.SMOKE], uplinks=[city.uplink()])).start()
    harness.wait_for(lambda: faulty.connects, "it connects")
    faulty.send(TOPIC.format(2), b'{"smoke": true}')
    city.until("zigbee/smoke-2/smoke:smoke", "raised", within=30)
    harness.wait_for(lambda: not faulty.owed, "all is acknowledged")
    assert "has not moved" not in g.log()
    assert not [a for a in city.seen_events() if a.change == "raised"
                and a.alarm.startswith("zigbee/smoke-1/smoke:smoke")], "half a message is none"


def test_a_topic_that_is_refused_is_said_and_the_other_is_heard(gateway, city, closing):
    faulty = closing(FaultyBroker(lambda broker, client, step: b"\x90\x04\x00\x01\x80\x01"
                        if step == "subscribe" else None, times=1000))
    g = gateway(b.config(b.mqtt(faulty.port, b.smoke(1), b.smoke(2)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    faulty.send(TOPIC.format(2), b'{"smoke": true}')
    city.until("zigbee/smoke-2/smoke:smoke", "raised")
    g.wait_log("zigbee/smoke-1: the broker refuses its topic")
    assert g.point("zigbee/smoke-1/smoke")["quality"] == "bad-refused"
    judge(g, city)


def test_what_is_delivered_again_for_ever_raises_once(gateway, city, closing):
    """A broker that forgets every acknowledgement."""
    faulty = closing(FaultyBroker(lambda broker, client, step: publish(
        TOPIC.format(1), b'{"smoke": true}', 7, dup=True) * 20 if step == "ready" else None,
        times=1000))
    g = gateway(b.config(b.mqtt(faulty.port, b.smoke(1), b.smoke(2)), alarms=[b.SMOKE],
                         uplinks=[city.uplink()])).start()
    g.wait_up("zigbee")
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    faulty.send(TOPIC.format(2), b'{"smoke": true}')
    city.until("zigbee/smoke-2/smoke:smoke", "raised")
    assert len(city.seen_events("zigbee/smoke-1/smoke:smoke")) == 1
    assert g.source("zigbee")["duplicates"] >= 20
    judge(g, city)
