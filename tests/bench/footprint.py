#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU with 1,000 Modbus points at 1 Hz, an alarm on each, against a bare libmodbus
loop on the same plan and server; the same with an HTTPS uplink beside it; and 1,000 MQTT points
that get a message a second each, with that uplink."""
import pathlib
import sys
import threading
import time

from bench import Bench, Publisher, Receiver, report  # first: it knows the way
import building as b
import harness
import peers

UNITS, SECONDS, TOPICS = 100, 15, 1000


def cpu_ns(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(t.read_text().split()[0]) for t in tasks)


def memory_mib(pid):
    """RSS, pages nobody else has mapped, and those of them that a file does not back."""
    rows = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    mib = {r.split()[0].rstrip(":"): int(r.split()[1]) / 1024 for r in rows}
    return (mib["Rss"], mib["Private_Clean"] + mib["Private_Dirty"], mib["Private_Dirty"])


def measure(gateway, bare_pid):
    """Start it and let it run beside the bare program; memory of the gateway, CPU of both."""
    gateway.start()
    gateway.wait_point(f"plant/d-{UNITS}/p9")
    time.sleep(3)
    pids = gateway.process.pid, bare_pid
    polls, began = gateway.source("plant")["requests"], [cpu_ns(p) for p in pids]
    at = time.monotonic()
    time.sleep(SECONDS)
    cpu = [100 * (cpu_ns(p) - c) / 1e9 / (time.monotonic() - at) for p, c in zip(pids, began)]
    requests = (gateway.source("plant")["requests"] - polls) / SECONDS
    memory = memory_mib(gateway.process.pid)
    gateway.stop()
    return (*memory, *cpu, requests)


class Sensors:
    """A message a second for each topic, a hundredth of them at a time."""

    def __init__(self, port):
        self.publisher, self.ended = Publisher(port), threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        at, first, value = time.monotonic(), 0, 0
        while not self.ended.wait(max(0, at - time.monotonic())):
            self.publisher.send_all([(f"s/{n}", b"%d" % (10 + value % 7))
                                     for n in range(first, first + TOPICS // 100)])
            at, first, value = at + 0.01, (first + TOPICS // 100) % TOPICS, value + 1

    def close(self):
        self.ended.set()
        self.thread.join()
        self.publisher.close()


def measure_mqtt(bench, uplink):
    """RSS, private and dirty MiB, CPU in percent, messages a second."""
    broker = bench.keep(harness.Broker(bench.folder / "broker"))
    bench.keep(Sensors(broker.port))
    gateway = bench.gateway(b.config(
        b.mqtt(broker.port, *(b.plain(f"d-{n}", f"s/{n}") for n in range(TOPICS))),
        alarms=[{"name": "high", "on": "zigbee/d-*/value", "when": {"above": 50}}],
        uplinks=[uplink])).start()
    gateway.wait_point(f"zigbee/d-{TOPICS - 1}/value")
    time.sleep(3)
    pid = gateway.process.pid
    before, began, at = gateway.source("zigbee")["samples"], cpu_ns(pid), time.monotonic()
    time.sleep(SECONDS)
    took = time.monotonic() - at
    cpu = 100 * (cpu_ns(pid) - began) / 1e9 / took
    rate = (gateway.source("zigbee")["samples"] - before) / took
    memory = memory_mib(pid)
    gateway.stop()
    return (*memory, cpu, rate)


def main():
    with Bench() as bench:
        receiver = bench.keep(Receiver(bench.folder))
        plant = bench.keep(peers.ModbusTcp(bench.folder))
        for unit in range(1, UNITS + 1):
            plant.unmute(unit)  # makes it exist
        devices = [{"name": f"d-{unit}", "unit": unit, "points": [
            {"name": f"p{r}", "register": f"holding:{r}", "type": "u16"} for r in range(10)]}
            for unit in range(1, UNITS + 1)]
        source = {**b.modbus_tcp(plant.port, *devices), "poll": "1s"}
        alarms = [{"name": "high", "on": "plant/d-*/p*", "when": {"above": 50}}]
        uplink = {"name": "city", "url": receiver.url, "ca": str(receiver.ca)}
        bare = bench.bare("poll", plant.port, UNITS)
        rss, private, dirty, ours, floor, requests = measure(
            bench.gateway(b.config(source, alarms=alarms)), bare.pid)
        https = measure(
            bench.gateway(b.config(source, alarms=alarms, uplinks=[uplink])), bare.pid)
        mqtt = measure_mqtt(bench, uplink)
        report("footprint", points=UNITS * 10, requests_per_s=requests, rss_mib=rss,
               private_mib=private, dirty_mib=dirty, cpu_percent=ours,
               bare_rss_mib=memory_mib(bare.pid)[0], bare_cpu_percent=floor,
               ratio_cpu=ours / floor, https_rss_mib=https[0], https_private_mib=https[1],
               https_dirty_mib=https[2], https_cpu_percent=https[3],
               mqtt_rss_mib=mqtt[0], mqtt_private_mib=mqtt[1], mqtt_dirty_mib=mqtt[2],
               mqtt_cpu_percent=mqtt[3], mqtt_messages_per_s=mqtt[4],
               goal_rss_mib=12, goal_private_mib=5, goal_cpu_percent=0.5,
               goal_mqtt_rss_mib=14, goal_mqtt_cpu_percent=2.5)


if __name__ == "__main__":
    sys.exit(main())
