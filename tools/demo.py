#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The simulated building of tools/demo: its script, its screen and its verdict."""
import argparse
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "tests" / "e2e"), str(TOP / "tests" / "peers")]

import harness  # noqa: E402
import oracle  # noqa: E402
import peers  # noqa: E402

ROUND = 40  # seconds that one run through the script takes at its usual pace
COLOUR = {"red": "\x1b[1;31m", "orange": "\x1b[38;5;208m", "yellow": "\x1b[33m",
          "blue": "\x1b[34m", "dim": "\x1b[2m", "bold": "\x1b[1m", "green": "\x1b[1;32m"}


class Screen:
    """Lines with who speaks in front, and on a terminal a line of progress below them."""

    def __init__(self, seconds):
        self.began, self.seconds = time.monotonic(), seconds
        self.tty = sys.stdout.isatty()
        self._lock, self._status, self._shown = threading.Lock(), "", 0.0

    def paint(self, colour, text):
        return f"{COLOUR[colour]}{text}\x1b[0m" if self.tty and colour in COLOUR else text

    def say(self, who, text, colour=None):
        stamp = self.paint("dim", f"{time.monotonic() - self.began:6.1f} s")
        with self._lock:
            self._wipe()
            print(f"{stamp}  {self.paint('bold', f'{who:<9}')} {self.paint(colour, text)}",
                  flush=True)
            self._draw()

    def progress(self, text):
        now = time.monotonic()
        with self._lock:
            self._status = self._bar(now) + text
            if self.tty:
                self._wipe()
                self._draw()
            elif now - self._shown >= 5:
                self._shown = now
                print(f"{now - self.began:6.1f} s  ...       {self._status}", flush=True)

    def _bar(self, now):
        gone = now - self.began
        if not self.seconds:
            return f"{gone:4.0f} s  "
        part = min(1.0, gone / self.seconds)
        return f"{'█' * round(part * 20):░<20} {min(gone, self.seconds):3.0f}/{self.seconds:g} s  "

    def _wipe(self):
        if self.tty:
            print("\r\x1b[K", end="")

    def _draw(self):
        if self.tty and self._status:
            width = shutil.get_terminal_size().columns - 1
            print(self._status[:width], end="", flush=True)

    def end(self):
        with self._lock:
            self._wipe()
            self._status = ""


class Building:
    """Everything that is not the gateway: sensors, broker and the city's platform."""

    def __init__(self, folder, opened):
        def keep(x):
            opened.append(x)
            return x
        token = folder / "token"
        token.write_text("demo-token\n")
        self.city = keep(peers.City(folder / "city", mtls=True, token="demo-token"))
        self.token = token
        self.broker = keep(harness.Broker(folder / "broker"))
        self.plant = keep(peers.ModbusTcp(folder))
        self.bus = keep(peers.ModbusRtu(folder))
        self.mqtt = keep(harness.Publisher(self.broker.port))
        self.calm()

    def calm(self):
        self.gas(3)
        self.bus.set(4, "input", 0, 215)
        self.plant.set(1, "input", 100, 230)
        for n in (1, 2, 3):
            self.smoke(n, False)
        self.pressure(0.35)

    def gas(self, percent):
        self.bus.set(3, "holding", 0, round(percent * 10), 0)

    def heat(self, degrees):
        self.plant.set(1, "input", 100, round(degrees * 10))

    def smoke(self, n, there):
        self.mqtt.send(f"zigbee2mqtt/smoke-3f-{n:02d}", {"smoke": there, "battery": 97},
                       retain=True)

    def pressure(self, mpa):
        self.mqtt.send("water/hydrant/pressure", str(mpa), retain=True)

    def config(self):
        at = lambda floor, room: {"building": "A", "floor": floor, "room": room}  # noqa: E731
        detectors = [{"name": f"smoke-3f-{n:02d}", "topic": f"zigbee2mqtt/smoke-3f-{n:02d}",
                      "place": at("3", room), "points": [
                          {"name": "smoke", "path": "/smoke", "type": "bool"},
                          {"name": "battery", "path": "/battery", "unit": "%"}]}
                     for n, room in ((1, "301"), (2, "302"), (3, "走廊"))]
        return {
            "gateway": {"id": "demo-heping-01"},
            "sources": [
                {"name": "boiler-room", "driver": "modbus-rtu", "device": str(self.bus.device),
                 "baud": 115200, "format": "8N1", "timeout": "200ms", "poll": "250ms", "devices": [
                     {"name": "gas-1", "unit": 3, "profile": "gas-ch4-lel",
                      "place": at("-1", "锅炉房")},
                     {"name": "supply", "unit": 4, "place": at("-1", "换热站"), "points": [
                         {"name": "temperature", "register": "input:0", "type": "s16",
                          "scale": 0.1, "unit": "°C"}]}]},
                {"name": "plant", "driver": "modbus-tcp", "host": "127.0.0.1",
                 "port": self.plant.port, "poll": "250ms", "timeout": "300ms", "devices": [
                     {"name": "heat-3f", "unit": 1, "place": at("3", "301"), "points": [
                         {"name": "temperature", "register": "input:100", "type": "s16",
                          "scale": 0.1, "unit": "°C", "range": [-40, 200]}]}]},
                {"name": "zigbee", "driver": "mqtt", "client_id": "tocsin-demo",
                 "url": f"mqtt://127.0.0.1:{self.broker.port}", "devices": [
                     *detectors, {"name": "hydrant", "topic": "water/hydrant/pressure",
                                  "place": at("12", "消火栓"),
                                  "points": [{"name": "pressure", "unit": "MPa"}]}]}],
            "alarms": [
                {"name": "smoke", "on": "zigbee/smoke-*/smoke", "when": {"is": True},
                 "level": "orange", "class": "alarm", "latch": True, "text": "感烟探测器报警"},
                {"name": "smoke-confirmed", "level": "red", "class": "alarm", "latch": True,
                 "when": {"at_least": 2, "of": ["zigbee/smoke-*/smoke"], "within": "60s"},
                 "text": "同一区域两只探测器同时报警"},
                {"name": "heat", "on": "plant/heat-3f/temperature",
                 "when": {"above": 60, "clear": 55}, "level": "orange", "class": "alarm"},
                {"name": "sensor-silent", "on": "boiler-room/supply", "when": {"silent": "2s"},
                 "level": "yellow", "class": "fault"},
                {"name": "hydrant-low", "on": "zigbee/hydrant/pressure",
                 "when": {"below": 0.10, "clear": 0.12}, "level": "yellow", "class": "warning"}],
            "uplinks": [self.city.uplink(heartbeat="5s", token_file=str(self.token))]}


def script(b, say, gateway):
    """(second, what to do): one round. Every round ends as it began."""
    def ramp(set_value, start, end, at, seconds, words):
        steps = max(1, round(seconds * 2))
        rows = [(at + seconds * n / steps,
                 lambda v=start + (end - start) * n / steps: set_value(v))
                for n in range(steps + 1)]
        return [(at, lambda: say(words))] + rows

    def and_say(words, *what):
        def do():
            say(words)
            for w in what:
                w()
        return do

    def away():
        say("the city platform goes away")
        b.city.stop()

    def back():
        say("the city platform is back")
        b.city.start()

    def operator():
        say("the operator acknowledges and resets what is over")
        for alarm in gateway.ask("alarms"):
            gateway.run("ack", alarm["alarm"], "-m", "demo")
            gateway.run("reset", alarm["alarm"])

    return sorted([
        *ramp(b.gas, 3, 32, 1, 3, "a gas leak begins in the boiler room"),
        *ramp(b.gas, 32, 64, 5, 3, "the leak grows"),
        (9, and_say("smoke in room 301", lambda: b.smoke(1, True))),
        (11, and_say("smoke in room 302", lambda: b.smoke(2, True))),
        *ramp(b.heat, 23, 78, 11, 2, "it gets hot in room 301"),
        (15, and_say("the supply sensor falls silent", lambda: b.bus.mute(4))),
        (18, and_say("the supply sensor answers again", lambda: b.bus.unmute(4))),
        (19, away),
        (20, and_say("hydrants lose pressure", lambda: b.pressure(0.05))),
        (21, and_say("smoke in the corridor", lambda: b.smoke(3, True))),
        *ramp(b.gas, 64, 5, 22, 2, "the valve is shut, the gas disperses"),
        (26, back),
        (28, and_say("the fire is out", lambda: b.heat(30), lambda: b.smoke(1, False),
                     lambda: b.smoke(2, False), lambda: b.smoke(3, False))),
        (31, and_say("pressure is restored", lambda: b.pressure(0.35))),
        (36, operator),
    ], key=lambda row: row[0])


EXPECTED = ("boiler-room/gas-1/ch4:ch4-low", "boiler-room/gas-1/ch4:ch4-high",
            "zigbee/smoke-3f-01/smoke:smoke", "zigbee/smoke-3f-02/smoke:smoke",
            "smoke-confirmed", "plant/heat-3f/temperature:heat",
            "boiler-room/supply:sensor-silent", "zigbee/hydrant/pressure:hydrant-low")


class Watch(threading.Thread):
    """Shows what the gateway raises (its alert log) and what arrives at the platform."""

    def __init__(self, screen, gateway, city):
        super().__init__(daemon=True)
        self.screen, self.gateway, self.city = screen, gateway, city
        self.raised, self.arrived, self.stopping = 0, 0, threading.Event()

    def run(self):
        while not self.stopping.wait(0.05):
            self.look()
            owed = max(0, self.raised - self.arrived)
            away = "" if self.city.listens() else "  platform away"
            self.screen.progress(f"raised {self.raised}  arrived {self.arrived}  "
                                 f"on the way {owed}{away}")

    def end(self):
        self.stopping.set()
        self.join()
        self.look()

    def look(self):
        if self.gateway.alert_log.exists():
            lines = self.gateway.alert_log.read_text(encoding="utf-8").split("\n")[:-1]
            for line in lines[self.raised:]:
                words = line.split(" ")
                self.screen.say("gateway ▶", " ".join(words[1:]), words[1].lower())
            self.raised = len(lines)
        came = self.city.seen_events()
        for a in came[self.arrived:]:
            late = a.arrived_ms - oracle.parse_time_ms(a.event["time"])
            self.screen.say("platform◀", f"{a.data['level'].upper()} {a.change} {a.alarm} "
                            f"#{a.seq} after {late} ms", a.data["level"])
        self.arrived = len(came)


def verdict(screen, watch, gateway, city, rounds):
    """Wait for what is on its way, then judge; returns the exit code."""
    logged = lambda: [row["seq"] for row in gateway.lines()]  # noqa: E731
    judge = lambda: oracle.check(city.arrivals(), committed=logged())  # noqa: E731
    screen.say("demo", "waiting for what is on its way", "dim")
    if not city.listens():
        city.start()
    try:
        harness.wait_for(lambda: gateway.uplink()["pending"] == 0 and not judge(), "", 20)
    except AssertionError:
        pass  # what is missing is named below
    watch.end()
    wrong = judge()
    try:
        gateway.stop()
    except AssertionError as e:
        wrong.append(str(e))
    seen = {a.alarm for a in city.seen_events(change="raised")}
    if rounds:
        wrong += [f"lost: {alarm} was never raised" for alarm in EXPECTED if alarm not in seen]
    seqs, ids = {a.seq for a in city.arrivals()}, {a.id for a in city.arrivals()}
    raised = sum(row["change"] == "raised" for row in gateway.lines())
    screen.end()
    print()
    for w in wrong:
        print(screen.paint("red", f"  {w}"))
    print(f"{raised} alerts raised in {len(logged())} transitions; {len(ids)} arrived, "
          f"{len(set(logged()) - seqs)} lost, {len(ids) - len(seqs)} twice under two ids")
    good = not wrong and ids
    print(screen.paint("green", "every alert raised reached the platform, once") if good
          else screen.paint("red", "NOT every alert raised reached the platform once"))
    return 0 if good else 1


def play(building, gateway, screen, seconds, quit_event):
    """Run the script round after round; returns how many rounds were completed."""
    rounds = max(1, int(seconds // ROUND)) if seconds else 10 ** 9
    pace = max(0.35, (seconds - 4) / (rounds * ROUND)) if seconds else 1.0
    say = lambda words: screen.say("building ", words)  # noqa: E731
    for done in range(rounds):
        began = time.monotonic()
        for at, act in script(building, say, gateway):
            if quit_event.wait(max(0, began + at * pace - time.monotonic())):
                return done
            act()
        if quit_event.wait(max(0, began + ROUND * pace - time.monotonic())):
            return done + 1
    return rounds


def main():
    options = argparse.ArgumentParser(prog="tools/demo", description=__doc__)
    options.add_argument("--for", dest="seconds", type=float, default=0, metavar="SECONDS",
                         help="end after so long with a verdict (at least 15; default: Ctrl-C)")
    options.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    o = options.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    seconds = max(15, o.seconds) if o.seconds else 0
    quit_event, opened = threading.Event(), []
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda *_: quit_event.set())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-demo-"))
    gateway, code = None, 1
    try:
        screen = Screen(seconds)
        screen.say("demo", "starting sensors, broker and platform", "dim")
        building = Building(folder, opened)
        gateway = harness.Gateway(building.config())
        gateway.start()
        screen.say("demo", f"tocsind runs; tocsin --socket {gateway.socket} status", "dim")
        screen.say("demo", "gateway ▶ its alert log; platform◀ what the city platform got",
                   "dim")
        watch = Watch(screen, gateway, building.city)
        watch.start()
        rounds = play(building, gateway, screen, seconds, quit_event)
        code = verdict(screen, watch, gateway, building.city, rounds)
    except AssertionError as e:
        print(f"\n{e}", file=sys.stderr)
    finally:
        if gateway and gateway.process and gateway.process.alive():
            gateway.kill()
        for x in reversed(opened):
            x.close()
        if o.keep or code:
            print(f"logs: {folder} {gateway.folder if gateway else ''}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(gateway.folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
