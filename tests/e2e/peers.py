# SPDX-License-Identifier: Apache-2.0
"""The other ends, as tests use them: the city platform, Modbus devices, pymodbus."""
import subprocess
import sys
import threading

import harness
import oracle
from city_platform import HEARTBEAT, Platform
from harness import wait_for


class City(Platform):
    """An HTTPS platform that is up from the start and speaks of events as the oracle does. (Its
    faults and the rest: tests/peers/city_platform.py.)"""

    def __init__(self, folder, authority=None, **how):
        super().__init__(folder, authority=authority, **how)
        self.start()

    def uplink(self, name="city", **more):
        """An entry of `uplinks:` that leads here."""
        entry = {"name": name, "url": self.url, "format": "cloudevents",
                 "ca": str(self.authority.pem), "heartbeat": "1h", **more}
        if self.mtls:
            entry.update(cert=str(self.client[0]), key=str(self.client[1]))
        return entry

    def listens(self):
        return self._listener is not None

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

    def posts(self):
        """Requests with alarms, refused ones too; heartbeats go their own way."""
        return [r for r in self.requests() if any("-hb-" not in i for i in r["ids"])]

    def spoil(self, kind, times=1, **how):
        """A fault for the next requests with alarms."""
        self.fault(kind, times, on="alarms", **how)

    def beats(self):
        return [row["event"] for row in self.ledger(heartbeats=True) if row["type"] == HEARTBEAT]


class _Modbus:
    """tests/peers/modbus_server: values and faults by commands, see its head."""

    def __init__(self, *argv):
        self._popen = subprocess.Popen(
            [harness.BUILD / "tests" / "peers" / "modbus_server", *map(str, argv)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()
        self.ready = self._popen.stdout.readline().split()[1]

    def tell(self, *words):
        """One command; its answer without the "ok"."""
        with self._lock:
            self._popen.stdin.write(" ".join(map(str, words)) + "\n")
            self._popen.stdin.flush()
            answer = self._popen.stdout.readline().split()
        assert answer and answer[0] == "ok", f"{words}: {answer}"
        return answer[1:]

    def set(self, unit, table, address, *values):
        self.tell("set", unit, table, address, *values)

    def mute(self, unit):
        self.tell("alive", unit, "off")

    def unmute(self, unit):
        self.tell("alive", unit, "on")

    def fault(self, unit, name, times=1, arg=0):
        self.tell("fault", unit, name, times, arg)

    def requests(self, unit):
        """Requests to the unit so far."""
        return int(self.tell("stats", unit)[0])

    def connections(self):
        return int(self.tell("stats", 1)[1])

    def writes(self):
        return int(self.tell("stats", 1)[2])

    def unplug(self):
        self.tell("unplug")

    def plug(self):
        self.tell("plug")

    def close(self):
        self._popen.stdin.close()
        try:
            self._popen.wait(5)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._popen.stdout.close()


class ModbusTcp(_Modbus):
    def __init__(self, folder):
        super().__init__("tcp")
        self.port = int(self.ready)

    stop, start = _Modbus.unplug, _Modbus.plug


class ModbusRtu(_Modbus):
    """On a pty pair; device is the gateway's end."""
    number = 0

    def __init__(self, folder):
        ModbusRtu.number += 1
        self.device = folder / f"ttyBUS{self.number}"
        super().__init__("rtu", self.device)


class Pymodbus:
    """python3-pymodbus over TCP, so that both ends are not one library."""

    def __init__(self, folder):
        self.port = harness.free_port()
        self.process = harness.Process(
            [sys.executable, harness.ROOT / "tests/peers/pymodbus_server.py", self.port],
            folder / "pymodbus.log", stdin=subprocess.PIPE)
        wait_for(lambda: harness.listening(self.port), lambda: self.process.log())

    def set(self, unit, table, address, *values):
        words = " ".join(map(str, ("set", unit, table, address, *values)))
        self.process.popen.stdin.write((words + "\n").encode())
        self.process.popen.stdin.flush()

    def close(self):
        self.process.stop()
