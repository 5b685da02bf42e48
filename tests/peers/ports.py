# SPDX-License-Identifier: Apache-2.0
"""Ports for peers that go away and come back under the same number."""
import pathlib
import random
import socket

RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


class HeldPort:
    """A free one below those that the kernel gives to outgoing connections, held until close():
    while its peer is away, nobody who runs beside gets the number. A connection to it is refused
    unless the peer listens."""

    def __init__(self, host="127.0.0.1"):
        end = int(RANGE.read_text().split()[0])
        for number in random.SystemRandom().sample(range(end - 12000, end), 1000):
            self._socket = socket.socket()
            try:
                self._socket.bind((host, number))  # not beside one who holds it
            except OSError:
                self._socket.close()
                continue
            # now beside the peer, which sets it, too
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.number = number
            return
        raise OSError("no free port")

    def close(self):
        self._socket.close()


def free_port(host="127.0.0.1"):
    """For a peer that comes at once and stays."""
    held = HeldPort(host)
    held.close()
    return held.number
