# SPDX-License-Identifier: Apache-2.0
"""The harness itself: the port of a peer that is away is nobody else's."""
import socket

import harness
import pytest
from ports import HeldPort


def test_a_port_is_held_while_its_peer_comes_and_goes():
    held = HeldPort()
    try:
        for _ in range(2):
            with pytest.raises(OSError), socket.socket() as other:
                other.bind(("127.0.0.1", held.number))
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", held.number))
            with socket.create_server(("127.0.0.1", held.number)):
                assert harness.listening(held.number)
    finally:
        held.close()
