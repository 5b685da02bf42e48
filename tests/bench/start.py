#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""From exec to the first Modbus request on the wire, with a store and an uplink configured."""
import shutil
import socket
import subprocess
import sys
import time

from bench import BARE, Bench, Receiver, median, report  # first: it knows the way
import building as b

ROUNDS = 15


def first_request(listener, spawn):
    """ms from just before the process is started until its first request is there."""
    began = time.monotonic_ns()
    process = spawn()
    conn, _ = listener.accept()
    with conn:
        conn.recv(260)
        took = (time.monotonic_ns() - began) / 1e6
    return took, process


def main():
    with Bench() as bench, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        receiver = bench.keep(Receiver(bench.folder))
        gateway = bench.gateway(b.config(
            b.modbus_tcp(port, b.gas(), poll="1s"), alarms=[b.GAS_HIGH, b.GAS_LOW],
            uplinks=[{"name": "city", "url": receiver.url, "ca": str(receiver.ca)}]))
        ours, new, bare = [], [], []
        for n in range(2 * ROUNDS):
            if n % 2:
                shutil.rmtree(gateway.state)
            took, process = first_request(listener, lambda: gateway.spawn().process)
            (new if n % 2 else ours).append(took)
            process.kill()
            while True:  # what it opened again meanwhile
                listener.settimeout(0.05)
                try:
                    listener.accept()[0].close()
                except OSError:
                    break
            listener.settimeout(None)
            took, process = first_request(listener, lambda: subprocess.Popen(
                [BARE, "first", str(port)], stderr=subprocess.DEVNULL))
            bare.append(took)
            process.wait()
        ours, bare = median(ours[1:]), median(bare[1:])  # the very first made the database, too
        report("start", rounds=ROUNDS, first_poll_ms=ours,
               new_database_ms=median(new), bare_ms=bare, ratio=ours / bare,
               goal_ms=30)


if __name__ == "__main__":
    sys.exit(main())
