#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU with 1,000 Modbus points at 1 Hz, an alarm on each, against a bare libmodbus
loop on the same plan and server; and the same with an HTTPS uplink beside it."""
import pathlib
import sys
import time

from bench import Bench, Receiver, report  # first: it knows the way
import building as b
import peers

UNITS, SECONDS = 100, 15


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
        report("footprint", points=UNITS * 10, requests_per_s=requests, rss_mib=rss,
               private_mib=private, dirty_mib=dirty, cpu_percent=ours,
               bare_rss_mib=memory_mib(bare.pid)[0], bare_cpu_percent=floor,
               ratio_cpu=ours / floor, https_rss_mib=https[0], https_private_mib=https[1],
               https_dirty_mib=https[2], https_cpu_percent=https[3],
               goal_rss_mib=12, goal_private_mib=5, goal_cpu_percent=0.5)


if __name__ == "__main__":
    sys.exit(main())
