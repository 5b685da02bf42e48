# SPDX-License-Identifier: Apache-2.0
"""A building in trouble: one tocsind behind a real broker and before a real TLS platform, four
detectors whose every change is written to the injector's ledger first, and the verdict."""
import contextlib
import os
import pathlib
import random
import re
import shutil
import sqlite3
import tempfile
import time

import harness
import invariants
import oracle
from injection import Injection, KillAt
from peers import City

# name, level, class; each an alarm of its own on one MQTT topic
DETECTORS = (("smoke-0", "red", "alarm"), ("smoke-1", "red", "alarm"),
             ("door-2", "yellow", "warning"), ("tank-3", "blue", "warning"))
HEALTHY_MS = 2000   # cause to arrival at a healthy gateway
DRAINED_MS = 10000  # end of an outage to arrival


class Platform(City):
    """A city that may also answer every batch of alarms with a body of its own."""
    said = None
    delay_s = 0.0  # before the answer to a batch of alarms

    def arrivals(self):
        """Read while it is written: a last line may be half there."""
        for _ in range(20):
            try:
                return super().arrivals()
            except ValueError:
                time.sleep(0.005)
        return super().arrivals()

    def answer_with(self, body, taken=True, content="application/json"):
        """Alarms are answered 200 with that body from now on; taken: they are in the ledger."""
        self.said = (body, taken, content)

    def _note(self, events, wall, mono, request):
        heartbeat = all("-hb-" in e["id"] for e, _ in events)
        if heartbeat or not self.said or self.said[1]:
            super()._note(events, wall, mono, request)

    def _say(self, conn, status, why, fault, stopped):
        if self.delay_s and fault["kind"] == "status":
            stopped.wait(self.delay_s)
        if self.said and status == 200 and fault["kind"] is None:
            body = self.said[0].encode()
            conn.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {self.said[2]}\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            return True
        return super()._say(conn, status, why, fault, stopped)


def slow(ms):
    return round(ms * harness.SLOW)


class Fixture:
    """Owner: one trial. Life: start, ..., judge, close."""

    def __init__(self, shared, seed, name="city"):
        self.shared, self.seed, self.rng = shared, seed, random.Random(seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="faults-"))
        self.topic = f"f/{os.getpid()}/{shared.number()}"
        self.city = Platform(self.folder / "city", shared.authority)
        self.cities = {name: self.city}
        self.ledger = oracle.Injector(self.folder / "injector.jsonl")
        self.inject, self.killat = Injection(self.folder), KillAt(self.folder)
        self.on = [False] * len(DETECTORS)
        self.more_sources, self.more_alarms = [], []
        self.own = "^zigbee/"
        self.renamed = {}  # alarm -> its name now
        self.due, self.reported, self.side = [], "", None
        self.before = None
        self.log_from = 0
        self.gateway = harness.Gateway(self.config(), env=self.inject.env())
        self.closing = contextlib.ExitStack()
        self.evidence = None
        self.rss_slack_kb, self.slack_ms = 8192, 5
        self.patience = 60  # seconds for a verdict; less where it is known to be bad

    # ---- the site

    def alarm(self, n):
        name = DETECTORS[n][0]
        kind = name.split("-")[0]
        return f"zigbee/{name}/value:{self.renamed.get(kind, kind)}"

    def source(self):
        return {"name": "zigbee", "driver": "mqtt",
                "url": f"mqtt://127.0.0.1:{self.shared.broker.port}",
                "client_id": self.topic.replace("/", "-"),
                "devices": [{"name": name, "topic": f"{self.topic}/{name}",
                             "place": {"building": "A", "floor": "3", "room": "走廊"},
                             "points": [{"name": "value", "type": "bool"}]}
                            for name, _, _ in DETECTORS]}

    def alarms(self):
        kinds = {}
        for name, level, class_ in DETECTORS:
            kinds.setdefault(name.split("-")[0], (level, class_))
        return [{"name": self.renamed.get(kind, kind), "on": f"zigbee/{kind}-*/value", "when": {"is": True},
                 "level": level, "class": class_} for kind, (level, class_) in kinds.items()]

    def uplinks(self):
        return [city.uplink(name) for name, city in self.cities.items()]

    def config(self, **changes):
        whole = {"sources": [self.source(), *self.more_sources],
                 "alarms": [*self.alarms(), *self.more_alarms], "uplinks": self.uplinks()}
        return {**whole, **changes}

    def another_city(self, name):
        self.cities[name] = Platform(self.folder / name, self.shared.authority)
        return self.cities[name]

    # ---- its life

    def start(self, settle=True):
        self.gateway.start(within=20)
        if settle:
            self.gateway.wait_up("zigbee", within=20)
        return self

    def kill(self):
        self.gateway.kill()

    def restart(self):
        self.gateway.kill()
        self.start()

    def heal(self):
        """The fault is over: what was not bounded is due from now on."""
        self.inject.end()
        now = oracle.wall_ms()
        for d in self.due:
            if d.due_ms is None:
                d.due_ms = now + slow(DRAINED_MS)

    # ---- what is done

    def change(self, n=None, bound_ms=HEALTHY_MS, wait=True):
        """One detector goes on or off; bound_ms None: due when healed."""
        n = self.rng.randrange(len(DETECTORS)) if n is None else n
        self.on[n] = not self.on[n]
        change = "raised" if self.on[n] else "cleared"
        self.ledger.will(self.alarm(n), change)
        now = oracle.wall_ms()
        self.due.append(invariants.Due(
            self.alarm(n), change, now, None if bound_ms is None else now + slow(bound_ms)))
        self.shared.publisher.send(f"{self.topic}/{DETECTORS[n][0]}",
                                   "true" if self.on[n] else "false", wait=wait)

    def expect(self, alarm, change, bound_ms=HEALTHY_MS):
        """The caller is about to cause it by other means."""
        self.ledger.will(alarm, change)
        now = oracle.wall_ms()
        self.due.append(invariants.Due(
            alarm, change, now, None if bound_ms is None else now + slow(bound_ms)))

    def changes(self, times, bound_ms=HEALTHY_MS, arrive=False):
        for _ in range(times):
            self.change(bound_ms=bound_ms)
            if arrive:
                self.arrived()

    def logged(self, within=10):
        """Until the gateway's own alert log has every change. On a slow disk a line may stand there
        before its commit: a trial that kills next, and holds the gateway to what it committed,
        waits for committed(), too."""
        def mine():
            return [x for x in self.gateway.lines()
                    if re.search(self.own, x["subject"] + ":" + x["name"])]
        harness.wait_for(lambda: len(mine()) >= len(self.due), lambda: f"{len(self.due)} changes "
                         f"in the alert log, is {len(mine())}\n{self.gateway.log()[-2000:]}", within)

    def committed(self, within=20):
        harness.wait_for(lambda: self.gateway.status()["store"]["pending"] == 0,
                         lambda: str(self.gateway.status()["store"]), within)

    def came(self, city=None):
        return [a for a in (city or self.city).seen_events() if re.search(self.own, a.alarm)]

    def arrived(self, within=20):
        harness.wait_for(lambda: len(self.came()) >= len(self.due), lambda:
                         f"{len(self.due)} changes at the platform, is {len(self.came())}\n"
                         + self.gateway.log()[-2000:], within)

    def mark(self):
        """The fault begins: what is said from here on may report it."""
        self.log_from = len(self.gateway.log())
        self.before = self.resources()

    def resources(self):
        pid = self.gateway.process.pid
        proc = pathlib.Path(f"/proc/{pid}")
        pages = int((proc / "statm").read_text().split()[1])
        return {"pid": pid, "fds": len(list((proc / "fd").iterdir())),
                "threads": len(list((proc / "task").iterdir())),
                "rss_kb": pages * os.sysconf("SC_PAGE_SIZE") // 1024}

    # ---- the verdict

    def said(self):
        lines = self.gateway.alert_log.read_text() if self.gateway.alert_log.exists() else ""
        return self.gateway.log()[self.log_from:] + lines + "\n".join(
            sorted({a.alarm for a in self.city.arrivals()}))

    def collect(self, city, final):
        g = self.gateway
        same = self.before and g.process.alive() and g.process.pid == self.before["pid"]
        return invariants.Evidence(
            arrivals=city.arrivals(), causes=oracle.read_injector(self.ledger.path),
            due=self.due, own=self.own, committed=[row["seq"] for row in g.lines()],
            side=self.side or ".", slack_ms=self.slack_ms,
            alarms=g.ask("alarms", "--all") if final else None,
            before=self.before if same else None, after=self.resources() if same else None,
            rss_slack_kb=self.rss_slack_kb, reported=self.reported, said=self.said())

    def judge(self, within=20, city=None, **more):
        """Waits until all nine hold, or says which do not."""
        city, last = city or self.city, []

        def good():
            evidence = self.collect(city, True)
            for key, value in more.items():
                setattr(evidence, key, value)
            self.evidence = evidence
            last[:] = invariants.violations(evidence)
            return not last
        with contextlib.suppress(AssertionError):
            harness.wait_for(good, "a clean verdict", min(within, self.patience), every=0.1)
        if last:
            raise Violated(last)

    def require(self, wrong):
        if wrong:
            raise Violated(list(wrong))

    def judge_reported(self, within=10):
        """Only that the fault was said."""
        harness.wait_for(lambda: not self.reported or re.search(self.reported, self.said()),
                         lambda: f"I8 nothing said /{self.reported}/", within)

    def journal(self):
        """seqs in the database of the stopped gateway."""
        with contextlib.closing(sqlite3.connect(
                f"file:{self.gateway.state}/tocsin.db?mode=ro", uri=True)) as db:
            return [row[0] for row in db.execute("SELECT seq FROM event ORDER BY seq")]

    def worst_ms(self):
        if not self.evidence:
            return 0
        return max((ms for d, ms in invariants.latencies(self.evidence) if ms is not None),
                   default=0)

    def end(self):
        """Stop it well; then it must have left no debt and said nothing bad."""
        self.gateway.stop()

    def close(self):
        self.inject.end()
        self.closing.close()
        g = self.gateway
        if g.process and g.process.alive():
            g.kill()
        for city in self.cities.values():
            city.close()
        self.ledger.close()
        shutil.rmtree(g.folder, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Violated(AssertionError):
    def __init__(self, wrong):
        super().__init__("\n".join(wrong))
        self.wrong = wrong


def pause(seconds):
    """Of simulated patience, not of hope: for what must last a while."""
    time.sleep(seconds)
