# SPDX-License-Identifier: Apache-2.0
"""The platform and what lies before it: refusals that are nobody's fault, certificates, hangs at
every stage, answers that are lost, a 200 that says no."""
import socket
import subprocess
import threading
import time

import harness
from trial import Family

family = Family("platform")
SIDE = r"^city:(down|parked|refused)|^city\b|chattering|^gateway:"
CODES = ([c for c in range(400, 419)] + [421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 499]
         + [c for c in range(500, 512)] + [520, 521, 522, 523, 524, 525, 526, 530, 599])


def tried(fixture, n=2, within=20):
    harness.wait_for(lambda: len(fixture.city.posts()) >= n,
                     lambda: f"{n} tries: {fixture.city.posts()}\n{fixture.gateway.log()[-1500:]}", within)


def refused_for_a_while(fixture, status, **uplink):
    """Everything is answered so for a while, then all is well: all of it arrives."""
    fixture.side = SIDE
    if uplink:
        fixture.gateway.write(fixture.config(uplinks=[fixture.city.uplink(**uplink)]))
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.mark()
    fixture.city.fault("status", times=None, status=status)
    for n in (0, 1, 2, 0, 1, 3):
        fixture.change(n, bound_ms=None)
    tried(fixture, 3)
    time.sleep(1)
    fixture.city.clear()
    fixture.heal()
    fixture.change(0)
    fixture.judge(within=40)
    none_parked(fixture)


def none_parked(fixture):
    """Nobody else was taken meanwhile: no record was to blame."""
    fixture.require(["I9 parked without a witness"] if "is parked" in fixture.gateway.log() else [])


REFUSALS = {400: "refused by everything", 401: "refused", 404: "refused", 413: "refused",
            422: "refused"}
for code in REFUSALS:
    family.add(f"status-{code}", refused_for_a_while, code, fault="4xx to everything for a while")
for code in (401, 404):
    def no_heartbeat(fixture, code=code):
        refused_for_a_while(fixture, code, heartbeat="0s")
    family.add(f"status-{code}-no-heartbeat", no_heartbeat, fault="4xx to everything for a while")
for code in (429, 500, 503):
    family.add(f"status-{code}", refused_for_a_while, code, fault="5xx to everything for a while")
for code in CODES:
    if code not in REFUSALS and code not in (429, 500, 503):
        family.add(f"status-{code}", refused_for_a_while, code, nightly=True,
                   fault=f"{code // 100}xx to everything for a while")


def random_status(fixture):
    refused_for_a_while(fixture, fixture.rng.choice(CODES))


for k in range(3):
    family.add(f"status-random-{k}", random_status, fault="4xx and 5xx to everything for a while")


def stop_while_refused(fixture, how, status):
    """SIGTERM or a reload during refusals parks nothing that was in flight."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.city.fault("status", times=None, status=status)
    fixture.city.delay_s = 0.4
    fixture.change(0, bound_ms=None)
    tried(fixture, 2)
    tries = len(fixture.city.posts())
    harness.wait_for(lambda: len(fixture.city.posts()) > tries, "one in flight", 20, every=0.001)
    if how == "stop":
        fixture.gateway.stop()
    else:
        other = fixture.another_city("other")
        assert other
        fixture.gateway.write(fixture.config())
        fixture.gateway.reload()
        fixture.gateway.wait_log("reloaded")
    fixture.city.clear()
    fixture.heal()
    if how == "stop":
        fixture.start()
    fixture.change(0)
    fixture.judge(within=40)
    none_parked(fixture)


for how in ("stop", "reload"):
    for status in (401, 404):
        family.add(f"{how}-during-{status}", stop_while_refused, how, status,
                   fault=f"{how} while everything is refused")


def poison(fixture):
    """One record is refused, the others are taken: it alone is parked, counted and said; and it
    is offered again once the platform was mended."""
    fixture.side, fixture.reported = SIDE, "park"
    fixture.start()
    fixture.change(0)
    fixture.arrived()
    second = fixture.came()[0].id[:-1] + "2"
    fixture.city.fault("reject", match=f"^{second}$", status=422)
    fixture.change(1, bound_ms=None)
    for n in (2, 3, 0, 2):
        fixture.change(n)
    harness.wait_for(lambda: fixture.gateway.uplink()["parked"] == 1
                     and fixture.gateway.uplink()["pending"] == 0,
                     lambda: str(fixture.gateway.uplink()), 20)
    fixture.city.clear()
    fixture.heal()
    fixture.gateway.reload()
    fixture.judge(within=30)


family.add("one-poisoned-record", poison, fault="one record refused, parked, offered again")


def backlog(fixture, n, restart=True):
    """More is owed than memory and one batch hold, a start in the midst of it."""
    fixture.side = SIDE
    fixture.start()
    fixture.city.stop()
    for k in range(n):
        fixture.change(bound_ms=None, wait=k % 100 == 99)
    fixture.logged(within=60)
    fixture.committed()
    if restart:
        fixture.kill()
        fixture.start()
    fixture.city.start()
    fixture.heal()
    for d in fixture.due:
        d.due_ms += 20000
    fixture.change(0, bound_ms=20000)
    fixture.judge(within=60)


family.add("backlog", backlog, 1500, fault="1,500 events owed, a kill, drained")
family.add("backlog-memory", backlog, 1500, False, nightly=True,
           fault="1,500 events owed, drained")


# ---- stages

class Trap:
    """A TCP port in the platform's place that takes connections and does something odd."""

    def __init__(self, port, stage):
        self.stage, self.stopped = stage, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=16)
        self.taken, self.connections = 0, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.stopped.is_set():
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            self.taken += 1
            self.connections.append(one)
            if self.stage == "reset":
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                one.close()
            elif self.stage == "garbage":
                one.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            elif self.stage == "half-hello":
                one.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")

    def close(self):
        self.stopped.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.connections:
            one.close()


def stage(fixture, name):
    fixture.side = SIDE
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.mark()
    port = fixture.city.port
    fixture.city.stop()
    trap = Trap(port, name)
    try:
        for n in (0, 1, 2):
            fixture.change(n, bound_ms=None)
        harness.wait_for(lambda: trap.taken >= 1, "a try", 20)
        time.sleep(1)
    finally:
        trap.close()
    fixture.city.start()
    fixture.heal()
    fixture.change(0, bound_ms=8000)
    fixture.judge(within=40)


for name in ("silent", "reset", "garbage", "half-hello"):
    family.add(f"stage-{name}", stage, name, fault="a peer that is no platform: " + name)


def spoilt_answer(fixture, kind, how):
    """It was stored, and the answer was lost: it comes again with the same id and bytes."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.mark()
    fixture.city.spoil(kind, 3, **how)
    for n in (0, 1, 2, 3):
        fixture.change(n, bound_ms=20000)
        time.sleep(0.05)
    fixture.judge(within=40)


for kind, how in (("cut", {"at": "head"}), ("cut", {"at": "body"}), ("cut", {"at": "none"}),
                  ("lie", {}), ("hang", {"seconds": 2}), ("slow", {"seconds": 2}),
                  ("long", {"size": 4 << 20})):
    family.add("-".join(["answer", kind, *map(str, list(how.values())[:1])]), spoilt_answer, kind,
               how, fault=f"answer {kind}: lost or odd after it was stored")


def certificate(fixture, bad):
    """The server's certificate expires (or another host's comes) and is renewed."""
    fixture.side, fixture.reported = SIDE, r"city.*(certificate|TLS|SSL|expired)"
    good = fixture.city.server
    name = f"bad-{fixture.shared.number()}"
    how = {"start": -20, "end": -10} if bad == "expired" else {}
    hosts = ["localhost", "127.0.0.1"] if bad == "expired" else ["elsewhere.example"]
    pair = fixture.shared.authority.issue(name, hosts=hosts, **how)
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.mark()
    fixture.city.stop()
    fixture.city.start()
    fixture.city.serve(*pair)
    for n in (0, 1, 2):
        fixture.change(n, bound_ms=None)
    harness.wait_for(lambda: fixture.city.counts["refused_handshakes"] >= 1
                     or fixture.city.counts["connections"] >= 2, "a try", 20)
    fixture.gateway.wait_log(fixture.reported, within=20)
    fixture.city.serve(*good)
    fixture.heal()
    fixture.change(0)
    fixture.judge(within=40)


family.add("certificate-expired", certificate, "expired", fault="certificate expired, then renewed")
family.add("certificate-wrong-host", certificate, "host", fault="certificate of another host")


def rotated_client(fixture):
    """The client's certificate has expired; nginx answers 400 to everything until a new one is
    in place. Nothing is parked."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(1, arrive=True)
    page = "<html><head><title>400 The SSL certificate error</title></head></html>"
    fixture.city.fault("status", times=None, status=400, body=page)
    for n in (0, 1, 2, 3, 0, 1):
        fixture.change(n, bound_ms=None)
    tried(fixture, 4, within=30)
    fixture.city.clear()
    fixture.restart()
    fixture.heal()
    fixture.change(0)
    fixture.judge(within=40)


family.add("client-certificate-expired", rotated_client, fault="client certificate expired (400)")


def says_no(fixture, body, accept=None, content="application/json"):
    """A 2xx whose body says no took nothing."""
    fixture.side = SIDE
    uplink = fixture.city.uplink(**({"accept": accept} if accept else {}))
    fixture.gateway.write(fixture.config(uplinks=[uplink]))
    yes = '{"errcode": 0}' if accept else ""
    fixture.city.answer_with(yes)
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.mark()
    fixture.city.answer_with(body, taken=False, content=content)
    for n in (0, 1, 2):
        fixture.change(n, bound_ms=None)
    tried(fixture, 3)
    fixture.city.answer_with(yes)
    fixture.heal()
    fixture.change(0)
    fixture.judge(within=40)


family.add("says-no-errcode", says_no, '{"errcode":310000,"errmsg":"keywords not in content"}',
           {"/errcode": 0}, fault="200 that says no")
family.add("says-no-html", says_no, "<!DOCTYPE html><html><body>login</body></html>", None,
           "text/html", fault="200 that is a login page")


def held_by_heartbeat(fixture):
    """A heartbeat answered 429 with Retry-After holds no red alarm back."""
    fixture.side = SIDE
    fixture.gateway.write(fixture.config(uplinks=[fixture.city.uplink(heartbeat="1s")]))
    fixture.city.fault("status", times=None, on="heartbeats", status=429,
                   headers={"Retry-After": "60"})
    fixture.start()
    harness.wait_for(lambda: any("-hb-" in i for r in fixture.city.requests() for i in r["ids"]),
                     "a heartbeat", 10)
    fixture.change(0)
    fixture.change(1)
    fixture.judge(within=20)


family.add("heartbeat-429", held_by_heartbeat, fault="heartbeats answered 429 Retry-After: 60")


def heartbeat_refused(fixture):
    """Heartbeats are refused while alarms are taken: the platform is reached, nothing is down."""
    fixture.side = "^$"
    fixture.gateway.write(fixture.config(uplinks=[fixture.city.uplink(heartbeat="1s")]))
    fixture.city.fault("status", times=None, on="heartbeats", status=404)
    fixture.start()
    for _ in range(4):
        fixture.change(0)
        fixture.arrived()
        time.sleep(1)
    fixture.judge(within=20)


family.add("heartbeat-404", heartbeat_refused, fault="heartbeats refused, alarms taken")


def encrypted_key(fixture):
    """A client key with a pass phrase never prompts: it is said, and the daemon ends in time."""
    key = fixture.folder / "locked.key"
    subprocess.run(["openssl", "pkey", "-in", str(fixture.city.client[1]), "-aes256", "-passout",
                    "pass:secret", "-out", str(key)], check=True, capture_output=True)
    fixture.side, fixture.reported = SIDE, r"encrypted|pass phrase"
    fixture.gateway.write(fixture.config(uplinks=[fixture.city.uplink(cert=str(fixture.city.client[0]),
                                                          key=str(key))]))
    fixture.start()
    fixture.change(0, bound_ms=None)
    fixture.judge_reported(within=10)
    fixture.gateway.stop()


family.add("encrypted-key", encrypted_key, fault="an encrypted client key")
