# SPDX-License-Identifier: Apache-2.0
"""A part that stands still holds nobody else up, and is said."""
import fcntl
import os
import time

import building as b
import harness
import pytest


@pytest.fixture
def full_pipe():
    """A pipe that takes not one byte more, and that nobody reads: (read end, write end)."""
    read, write = os.pipe()
    flags = fcntl.fcntl(write, fcntl.F_GETFL)
    fcntl.fcntl(write, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(write, b"." * 4096)
    except BlockingIOError:
        fcntl.fcntl(write, fcntl.F_SETFL, flags)
    yield read, write
    os.close(read)
    os.close(write)


# ---- the daemon's own log ----

def test_a_log_that_nobody_reads_holds_nothing_up(gateway, plant, city, full_pipe):
    """stderr is a full pipe from before the start on: alarms arrive, the platform may go and
    come, and SIGTERM ends it in time."""
    read, write = full_pipe
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                         uplinks=[city.uplink(heartbeat="1s")]),
                wrap=["/bin/sh", "-c", f'exec "$@" 2>/proc/{os.getpid()}/fd/{write}', "sh"])
    g.start()
    g.wait_point("plant/gas-1/ch4", 10)
    plant.set(3, "holding", 0, 520, 0)
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    city.stop()  # the uplink's thread says so, and that it is back
    harness.wait_for(lambda: g.uplink()["state"] == "down", lambda: str(g.uplink()), 60)
    city.start()
    plant.set(3, "holding", 0, 100, 0)
    city.until("plant/gas-1/ch4:ch4-high", "cleared", within=60)
    assert g.status()["log"]["state"] == "blocked"
    assert "BLOCKED" in g.run("status").stdout
    at = time.monotonic()
    g.stop()
    assert time.monotonic() - at < 8 * harness.SLOW


def test_what_the_log_did_not_write_is_counted(gateway, plant, full_pipe):
    """Once the pipe is read again the lines that waited come, and those that did not are said."""
    read, write = full_pipe
    plant.set(3, "holding", 0, 100, 0)
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH]),
                wrap=["/bin/sh", "-c", f'exec "$@" 2>/proc/{os.getpid()}/fd/{write}', "sh"])
    g.start()
    g.wait_point("plant/gas-1/ch4", 10)
    long = "x" * 900  # a line of the log each, until no more fit
    for _ in range(400):
        if g.status()["log"]["lost"]:
            break
        g.write({"sources": []}, text=f"gateway: {{id: box}}\n{long}: 1\n")
        g.reload()
        time.sleep(0.005)
    lost = harness.wait_for(lambda: g.status()["log"]["lost"], "lines to be lost")
    text = b""
    os.set_blocking(read, False)

    def said():
        nonlocal text
        try:
            text += os.read(read, 65536)
        except BlockingIOError:
            pass
        return b"log lines were not written" in text
    harness.wait_for(said, lambda: text[-2000:], every=0.001)
    assert text.startswith(b"..."), "the pipe was full from the start"
    assert b"tocsind 0.1.0 started" in text
    assert f"{lost} log lines were not written".encode() in text
    assert g.status()["log"] == {"state": "ok", "lost": lost}
    g.stop()
