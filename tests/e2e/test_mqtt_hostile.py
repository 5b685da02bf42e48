# SPDX-License-Identifier: Apache-2.0
"""Whatever a broker does: smoke on another topic is raised, and the source does not stand still."""
import building as b
import harness
import pytest
from judge import judge

TOPIC = "zigbee2mqtt/smoke-{}"


@pytest.mark.parametrize("old", [True, False], ids=["3.1.1", "5"])
def test_an_over_long_message_is_drained_and_smoke_is_raised(gateway, broker, publisher, city,
                                                             closing, old):
    """Over a real link a message comes in pieces; an old broker knows no limit of ours and
    delivers it again until it is acknowledged."""
    from mqtt_proxy import Proxy
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
    from mqtt_proxy import Proxy
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
