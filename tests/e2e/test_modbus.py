# SPDX-License-Identifier: Apache-2.0
"""Modbus lines that lie, drip, stall and mix things up: never a value that was not there."""
import threading
import time

import building as b
import harness
import pytest

VALUES = {100: 1001, 200: 2002, 300: 3003, 400: 4004}


def spread(unit=3, name="d"):
    """Four registers too far apart for one request."""
    return {"name": name, "unit": unit, "place": b.place("x"), "points": [
        {"name": f"at-{a}", "register": f"holding:{a}", "type": "u16"} for a in VALUES]}


class Eye(threading.Thread):
    """Looks at the points all the time and keeps every good value that was not there."""

    def __init__(self, gateway, prefix):
        super().__init__(daemon=True)
        self.gateway, self.prefix, self.wrong, self.looks = gateway, prefix, [], 0
        self.stopping = threading.Event()

    def run(self):
        right = {f"{self.prefix}/at-{a}": v for a, v in VALUES.items()}
        while not self.stopping.wait(0.02):
            for p in self.gateway.ask("points", f"{self.prefix}/*"):
                if p["quality"] == "good" and p["value"] != right[p["point"]]:
                    self.wrong.append((p["point"], p["value"]))
            self.looks += 1

    def done(self):
        self.stopping.set()
        self.join()
        assert self.looks > 3
        assert not self.wrong, f"values that were not there: {sorted(set(self.wrong))}"


@pytest.fixture(params=("tcp", "rtu"))
def line(request, folder, closing):
    """(peer, source) over both transports, with the four values set."""
    from peers import ModbusRtu, ModbusTcp
    peer = closing((ModbusTcp if request.param == "tcp" else ModbusRtu)(folder))
    for address, value in VALUES.items():
        peer.set(3, "holding", address, value)
        peer.set(4, "holding", address, value)
    if request.param == "tcp":
        return peer, lambda *d: b.modbus_tcp(peer.port, *d)
    return peer, lambda *d: b.modbus_rtu(peer.device, *d, name="plant")


# (fault, argument, transports). Hazards 1 to 4 and what users of the peers complain about.
FAULTS = (("late", 450, "tcp rtu"), ("late", 700, "tcp rtu"), ("drop", 0, "tcp rtu"),
          ("wrong-unit", 0, "tcp rtu"), ("wrong-function", 0, "tcp rtu"),
          ("wrong-count", 0, "tcp rtu"), ("wrong-length", 0, "tcp"), ("wrong-protocol", 0, "tcp"),
          ("wrong-transaction", 0, "tcp"), ("bad-crc", 0, "rtu"), ("stray", 5, "tcp rtu"),
          ("extra", 5, "tcp rtu"), ("half", 0, "tcp rtu"), ("drip", 60, "tcp rtu"),
          ("close", 0, "tcp"), ("twice", 0, "tcp rtu"), ("foreign", 0, "rtu"),
          ("exception", 4, "tcp rtu"))


@pytest.mark.parametrize("line, fault, arg", [
    pytest.param(t, f, a, id=f"{t}-{f}-{a}") for f, a, ts in FAULTS for t in ts.split()],
    indirect=["line"])
def test_a_spoilt_answer_never_becomes_a_value(gateway, line, fault, arg):
    peer, source = line
    g = gateway(b.config(source(spread()))).start()
    for address, value in VALUES.items():
        g.wait_point(f"plant/d/at-{address}", value)
    eye = Eye(g, "plant/d")
    eye.start()
    for _ in range(3):
        peer.fault(3, fault, 1, arg)
        before = g.source("plant")["requests"]
        harness.wait_for(lambda: g.source("plant")["requests"] >= before + 6,
                         lambda: f"polling goes on: {g.source('plant')}", 20)
    # Whatever it was, it is over: all four are good and right again, and stay so.
    for address, value in VALUES.items():
        g.wait_point(f"plant/d/at-{address}", value, within=20)
    eye.done()


@pytest.mark.timing
def test_one_slow_drip_holds_the_bus_no_longer_than_an_answer_may_take(gateway, line):
    """Hazard 4: the response timeout binds the whole answer; the neighbour is polled on."""
    peer, source = line
    g = gateway(b.config(source(spread(3, "slow"), spread(4, "quick")))).start()
    g.wait_point("plant/quick/at-400", 4004)
    g.wait_point("plant/slow/at-400", 4004)
    peer.fault(3, "drip", -1, 200)
    for n in range(3):
        peer.set(4, "holding", 400, 5000 + n)
        at = time.monotonic()
        g.wait_point("plant/quick/at-400", 5000 + n)
        assert time.monotonic() - at < 4
    peer.fault(3, "none", 0)
    g.wait_point("plant/slow/at-400", 4004, within=90)


def test_adjacent_registers_travel_in_one_request(gateway, line):
    peer, source = line
    device = {"name": "d", "unit": 3, "place": b.place("x"), "points": [
        {"name": f"p{n}", "register": f"holding:{n}", "type": "u16"} for n in range(50)]}
    peer.set(3, "holding", 0, *range(50))
    g = gateway(b.config(source(device))).start()
    g.wait_point("plant/d/p49", 49)
    peer.tell("trace", 3)
    before = peer.requests(3)
    harness.wait_for(lambda: peer.requests(3) >= before + 3, "some polls")
    assert set(peer.tell("trace", 3)) == {"3:0:50"}


def test_a_hole_in_the_map_costs_only_itself(gateway, line):
    peer, source = line
    device = {"name": "d", "unit": 3, "place": b.place("x"), "points": [
        {"name": f"p{n}", "register": f"holding:{n}", "type": "u16"} for n in range(10)]}
    peer.set(3, "holding", 0, *range(10))
    peer.tell("hole", 3, "holding", 4, 1)
    g = gateway(b.config(source(device))).start()
    for n in (0, 3, 5, 9):
        g.wait_point(f"plant/d/p{n}", n, within=20)
    g.wait_point("plant/d/p4", quality="bad-refused", within=20)


def test_it_only_ever_reads(gateway, line):
    peer, source = line
    g = gateway(b.config(source(spread(), b.supply()))).start()
    g.wait_point("plant/d/at-400", 4004)
    g.wait_point("plant/supply/pump-fault")
    g.stop()
    assert peer.writes() == 0
