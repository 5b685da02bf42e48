#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""MQTT publish to platform over HTTPS, every transition committed before it leaves, against the
bare program on the same broker and receiver, once as it is and once with a sync of the same
bytes before they leave: the least that a commit costs on this disk. Taken in turns."""
import sys
import time

from bench import Bench, Publisher, Receiver, quantile, report  # first: it knows the way
import building as b
import harness

BLOCKS, EACH = 20, 50


def block(publisher, receiver, topic, payloads, bodies):
    """Latencies in µs, one message after the other."""
    took = []
    for payload in payloads:
        receiver.clear()
        sent = publisher.send(topic, payload)
        arrived, body = receiver.wait(lambda rows: rows)[0]
        took.append((arrived - sent) / 1000)
        bodies.append(body)
        time.sleep(0.002)
    return took


def main():
    with Bench() as bench:
        receiver = bench.keep(Receiver(bench.folder))
        broker = bench.keep(harness.Broker(bench.folder / "broker"))
        publisher = bench.keep(Publisher(broker.port))
        bench.bare("mqtt", broker.port, "bench/bare", receiver.url, receiver.ca)
        bench.bare("mqtt", broker.port, "bench/synced", receiver.url, receiver.ca,
                   bench.folder / "synced")
        gateway = bench.gateway(b.config(
            b.mqtt(broker.port, b.plain("gas", "bench/ours", "%LEL")),
            alarms=[{"name": "high", "on": "zigbee/gas/value", "when": {"above": 50}}],
            uplinks=[{"name": "city", "url": receiver.url, "ca": str(receiver.ca),
                      "heartbeat": "1h"}])).start()
        gateway.wait_up("zigbee")
        toggles = [b"60", b"10"] * (EACH // 2)
        ours, bare, synced, bodies = [], [], [], []
        for n in range(-1, BLOCKS):  # the first block warms up
            for took, topic in ((bare, "bench/bare"), (synced, "bench/synced"),
                                (ours, "bench/ours")):
                new = block(publisher, receiver, topic, toggles, bodies)
                took += new if n >= 0 else []
        p50, p99 = quantile(ours, 0.5), quantile(ours, 0.99)
        floor50, floor99 = quantile(bare, 0.5), quantile(bare, 0.99)
        sync50, sync99 = quantile(synced, 0.5), quantile(synced, 0.99)
        gateway.stop()
        report("latency", n=len(ours), p50_us=p50, p99_us=p99, bare_p50_us=floor50,
               bare_p99_us=floor99, synced_p50_us=sync50, synced_p99_us=sync99,
               ratio_synced_p50=p50 / sync50, ratio_synced_p99=p99 / sync99, ratio_p50=p50 / floor50, ratio_p99=p99 / floor99,
               goal_ratio_p99=2.0, undurable=sum(b'"durable":false' in body for body in bodies))


if __name__ == "__main__":
    sys.exit(main())
