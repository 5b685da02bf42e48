# SPDX-License-Identifier: Apache-2.0
"""The other ends, as tests use them: the city platform, Modbus devices, pymodbus."""
import sys

import harness
import oracle
from city_platform import HEARTBEAT, Platform
from harness import wait_for


class City(Platform):
    """An HTTPS platform that is up from the start and speaks of events as the oracle does."""

    def __init__(self, folder, authority=None, **how):
        super().__init__(folder, authority=authority, **how)
        self.start()

    close = Platform.stop

    def uplink(self, name="city", **more):
        """An entry of `uplinks:` that leads here."""
        entry = {"name": name, "url": self.url, "format": "cloudevents",
                 "ca": str(self.authority.pem), "heartbeat": "1h", **more}
        if self.mtls:
            entry.update(cert=str(self.client[0]), key=str(self.client[1]))
        return entry

    def arrivals(self):
        return oracle.read_platform(self.ledger_path)

    def seen_events(self, alarm=None, change=None):
        """First arrivals, in order, of one alarm and change."""
        first = {}
        for a in self.arrivals():
            if (alarm is None or a.alarm == alarm) and (change is None or a.change == change):
                first.setdefault(a.id, a)
        return list(first.values())

    def until(self, alarm, change, n=1, within=10.0):
        """Wait for the n-th such event and return it."""
        def there():
            found = self.seen_events(alarm, change)
            return len(found) >= n and found[n - 1]
        return wait_for(there, lambda: f"{alarm} {change} no. {n}; came: " + ", ".join(
            f"{a.alarm} {a.change}" for a in self.seen_events()), within)

    def beats(self):
        return [row["event"] for row in self.ledger(heartbeats=True) if row["type"] == HEARTBEAT]


class _Modbus:
    """Values and faults of a Modbus peer, by commands on its standard input."""

    def tell(self, words):
        self.process.popen.stdin.write((words + "\n").encode())
        self.process.popen.stdin.flush()


class Pymodbus(_Modbus):
    """python3-pymodbus over TCP, so that both ends are not one library."""

    def __init__(self, folder):
        import subprocess
        self.port = harness.free_port()
        self.process = harness.Process(
            [sys.executable, harness.ROOT / "tests/peers/pymodbus_server.py", self.port],
            folder / "pymodbus.log", stdin=subprocess.PIPE)
        wait_for(lambda: harness.listening(self.port), lambda: self.process.log())

    def set(self, unit, table, address, *values):
        self.tell(" ".join(map(str, ("set", unit, table, address, *values))))

    def close(self):
        self.process.stop()
