#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""1,000 alarms at once, all stored, until the last one has reached the platform over HTTPS."""
import sys

from bench import Bench, Publisher, Receiver, median, report  # first: it knows the way
import building as b
import harness

ALARMS, GATEWAYS, ROUNDS = 1000, 2, 4  # a third raise within a minute would be chattering


def storm(publisher, receiver, prefix, payload, mark):
    """ms from the first publish to the last event received, known by its mark."""
    receiver.clear()
    sent = publisher.send_all([(f"{prefix}/{n}", payload) for n in range(ALARMS)])
    rows = receiver.wait(lambda rows: sum(body.count(mark) for _, body in rows) >= ALARMS, 60)
    return (rows[-1][0] - sent) / 1e6, len(rows)


def main():
    with Bench() as bench:
        receiver = bench.keep(Receiver(bench.folder))
        broker = bench.keep(harness.Broker(bench.folder / "broker", extra="max_inflight_messages 0\n"))
        publisher = bench.keep(Publisher(broker.port))
        bench.bare("mqtt", broker.port, "bare/#", receiver.url, receiver.ca)
        ours, bare, requests = [], [], []
        for _ in range(GATEWAYS):
            gateway = bench.gateway(b.config(
                b.mqtt(broker.port, *(b.plain(f"d-{n}", f"ours/{n}") for n in range(ALARMS))),
                alarms=[{"name": "high", "on": "zigbee/d-*/value", "when": {"above": 50}}],
                uplinks=[{"name": "city", "url": receiver.url, "ca": str(receiver.ca),
                          "heartbeat": "1h"}])).start()
            gateway.wait_up("zigbee")
            for n in range(ROUNDS):
                took, posts = storm(publisher, receiver, "ours", b"10" if n % 2 else b"60",
                                    b'"name":"high"')
                ours.append(took)
                requests.append(posts)
                bare.append(storm(publisher, receiver, "bare", b"60", b'"specversion"')[0])
            harness.wait_for(lambda: sum(x["name"] == "high" for x in gateway.lines())
                             == ALARMS * ROUNDS, "all in the alert log")
            gateway.stop()
        report("storm", alarms=ALARMS, rounds=len(ours), ms=median(ours), bare_ms=median(bare),
               ratio=median(ours) / median(bare), posts=median(requests), goal_ms=100)


if __name__ == "__main__":
    sys.exit(main())
