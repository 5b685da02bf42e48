#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU with 1,000 Modbus points at 1 Hz, an alarm on each, against a bare libmodbus
loop on the same plan and server."""
import pathlib
import sys
import time

from bench import Bench, Receiver, report  # first: it knows the way
import building as b
import peers

UNITS, SECONDS = 100, 20


def cpu_ns(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(t.read_text().split()[0]) for t in tasks)


def memory_kib(pid):
    rows = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {r.split()[0].rstrip(":"): int(r.split()[1]) for r in rows}
    return kib["Rss"], kib["Private_Clean"] + kib["Private_Dirty"]


def main():
    with Bench() as bench:
        receiver = bench.keep(Receiver(bench.folder))
        plant = bench.keep(peers.ModbusTcp(bench.folder))
        for unit in range(1, UNITS + 1):
            plant.unmute(unit)  # makes it exist
        devices = [{"name": f"d-{unit}", "unit": unit, "points": [
            {"name": f"p{r}", "register": f"holding:{r}", "type": "u16"} for r in range(10)]}
            for unit in range(1, UNITS + 1)]
        gateway = bench.gateway(b.config(
            {**b.modbus_tcp(plant.port, *devices), "poll": "1s"},
            alarms=[{"name": "high", "on": "plant/d-*/p*", "when": {"above": 50}}],
            uplinks=[{"name": "city", "url": receiver.url, "ca": str(receiver.ca)}])).start()
        gateway.wait_point(f"plant/d-{UNITS}/p9")
        bare = bench.bare("poll", plant.port, UNITS)
        time.sleep(3)
        pids = gateway.process.pid, bare.pid
        polls, began = gateway.source("plant")["requests"], [cpu_ns(p) for p in pids]
        at = time.monotonic()
        time.sleep(SECONDS)
        ours, floor = (100 * (cpu_ns(p) - c) / 1e9 / (time.monotonic() - at)
                       for p, c in zip(pids, began))
        requests = gateway.source("plant")["requests"] - polls
        (rss, private), (bare_rss, _) = (memory_kib(p) for p in pids)
        gateway.stop()
        report("footprint", points=UNITS * 10, requests_per_s=requests / SECONDS,
               rss_mib=rss / 1024, private_mib=private / 1024, cpu_percent=ours,
               bare_rss_mib=bare_rss / 1024, bare_cpu_percent=floor, ratio_cpu=ours / floor,
               goal_rss_mib=12, goal_private_mib=5, goal_cpu_percent=0.5)


if __name__ == "__main__":
    sys.exit(main())
