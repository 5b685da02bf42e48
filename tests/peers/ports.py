# SPDX-License-Identifier: Apache-2.0
"""Ports for peers that go away and come back under the same number."""
import pathlib
import random
import socket

RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port(host="127.0.0.1"):
    """A free one below those that the kernel gives to outgoing connections: while the peer is
    away, no connection of a test that runs beside it gets the number."""
    first_ephemeral = int(RANGE.read_text().split()[0])
    for port in random.SystemRandom().sample(range(first_ephemeral - 12000, first_ephemeral), 1000):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((host, port))
            except OSError:
                continue
            return port
    raise OSError("no free port")
