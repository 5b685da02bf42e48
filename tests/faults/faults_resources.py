# SPDX-License-Identifier: Apache-2.0
"""Too little of everything: memory, descriptors, processor time, a thread that does not run, a log
nobody reads, a machine that was asleep."""
import contextlib
import fcntl
import os
import resource
import signal
import threading
import time

import faults_sensor
import harness
import injection as i
from trial import Family

family = Family("resources")
SIDE = r"^city|^gateway:|^zigbee:down|chattering"


# ---- memory

START_ALLOCATIONS = 25000  # until the platform has the first alarm, and some more


def ended_well(fixture):
    """It goes on, or ends by itself with a word: never by a signal."""
    code, log = fixture.gateway.process.popen.poll(), fixture.gateway.log()
    fixture.require([f"I8 ended by signal {-code}: {log[-800:]}"]
                    if code is not None and code < 0 else [])
    return code is None


def malloc_start(fixture, nth=None):
    """The n-th allocation of a start fails."""
    fixture.side = SIDE
    fixture.inject.memory(nth or fixture.rng.randrange(1, START_ALLOCATIONS))
    fixture.gateway.spawn()
    harness.wait_for(lambda: fixture.gateway.answers() or not fixture.gateway.process.alive(),
                     fixture.gateway.log, 20)
    alive = ended_well(fixture)
    fixture.inject.memory(0, 0)
    if not alive:
        fixture.start()
    fixture.gateway.wait_up("zigbee", within=30)
    fixture.changes(2)
    fixture.judge(within=20)


def start_covered(fixture):
    """The cases of a nightly run reach beyond the last allocation of a start."""
    fixture.inject.memory(1 << 60)
    fixture.start()
    fixture.changes(1, arrive=True)
    n = fixture.inject.allocations()
    fixture.require([] if n < START_ALLOCATIONS else
                [f"a start makes {n} allocations, START_ALLOCATIONS is {START_ALLOCATIONS}"])


def malloc_work(fixture, nth=None, many=1):
    """The n-th allocation from an alarm on fails, or several in a row."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.inject.memory(nth or fixture.rng.randrange(1, 300), many)
    if many > 1000:  # and a new handshake falls into it
        fixture.city.stop()
        fixture.city.start()
    for n in (0, 1, 2, 3):
        fixture.change(n, bound_ms=None)
    time.sleep(0.5)
    alive = ended_well(fixture)
    fixture.inject.memory(0, 0)
    fixture.heal()
    if not alive:
        fixture.start()
    fixture.change(0)
    fixture.judge(within=30)


for k in range(4):
    family.add(f"malloc-start-{k}", malloc_start, fault="the n-th allocation of a start fails")
    family.add(f"malloc-work-{k}", malloc_work, fault="the n-th allocation at work fails")
for n in (1, 200):
    family.add(f"malloc-work-none-{n}", malloc_work, n, 10 ** 12,
               fault="no memory at all for half a second")
family.add("malloc-work-row", malloc_work, None, 20, fault="20 allocations in a row fail")
family.add("malloc-start-covered", start_covered, fault="the n-th allocation of a start fails")
# The first 1,600 are those of the configuration and of OpenSSL's tables; sources, store and uplink
# make the others, most of them in the first handshake.
for n in (*range(1, 1600), *range(1600, START_ALLOCATIONS, 7)):
    family.add(f"malloc-start-every-{n:05}", malloc_start, n, nightly=True,
               fault="the n-th allocation of a start fails")
for n in range(1, 300, 3):
    family.add(f"malloc-work-every-{n:04}", malloc_work, n, nightly=True,
               fault="the n-th allocation at work fails")


def openssl_unusable(fixture):
    """OpenSSL was refused memory and is unusable for the rest of the process: the gateway ends by
    itself, and the next start, which systemd makes, delivers."""
    fixture.side, fixture.reported = SIDE, r"OpenSSL ran out of memory"
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.inject.break_tls()
    fixture.city.stop()
    fixture.city.start()  # the next event needs a new handshake
    fixture.change(0, bound_ms=None)
    harness.wait_for(lambda: not fixture.gateway.process.alive(), fixture.gateway.log, 20)
    code = fixture.gateway.process.popen.returncode
    fixture.require([] if code == 2 else [f"I8 ended with {code}"])
    fixture.inject.break_tls(False)
    fixture.start()
    fixture.heal()
    fixture.change(1)
    fixture.judge(within=30)


def openssl_without_algorithms(fixture):
    """OpenSSL of this machine is set up such that it can do nothing: the building is watched."""
    conf = fixture.folder / "openssl.cnf"
    conf.write_text("openssl_conf = a\n[a]\nproviders = b\n[b]\nnull = c\n[c]\nactivate = 1\n")
    fixture.gateway.env["OPENSSL_CONF"] = str(conf)
    fixture.start()
    fixture.reported = "no link with TLS will work"
    fixture.judge_reported()
    fixture.changes(3, bound_ms=None)
    fixture.logged()
    del fixture.gateway.env["OPENSSL_CONF"]
    fixture.gateway.stop()


family.add("openssl-without-algorithms", openssl_without_algorithms,
           fault="OpenSSL of the machine has no algorithms")
family.add("openssl-unusable", openssl_unusable,
           fault="OpenSSL is unusable after it was refused memory")


# ---- descriptors

def no_descriptors(fixture):
    """No descriptor is left while the platform comes back: it is reached again afterwards."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.mark()
    fixture.city.stop()
    pid = fixture.gateway.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    highest = max(int(n) for n in os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, hard))
    for n in (0, 1, 2):
        fixture.change(n, bound_ms=None)
    time.sleep(1)
    fixture.city.start()
    time.sleep(1)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    fixture.heal()
    fixture.change(0)
    fixture.judge(within=30)


def reload_without_descriptors(fixture):
    """A reload that needs more descriptors than there are leaves a working gateway."""
    fixture.side = SIDE + r"|^s\d+"
    fixture.start()
    fixture.changes(2, arrive=True)
    pid = fixture.gateway.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, hard))
    fixture.more_sources = [{"name": f"s{n}", "driver": "sim", "devices": [
        {"name": "d", "points": [{"name": "v", "value": 1}]}]} for n in range(61)]
    fixture.gateway.write(fixture.config())
    fixture.gateway.reload()
    fixture.gateway.wait_log("reload")
    fixture.changes(2)
    fixture.require([] if fixture.gateway.process.alive() else ["I1 the gateway ended"])
    fixture.judge(within=20)


family.add("no-descriptors", no_descriptors, fault="no descriptor is left")
family.add("reload-no-descriptors", reload_without_descriptors,
           fault="a reload that needs more descriptors than there are")


# ---- threads

def one_thread_stopped(fixture, name, reported, arrives=True):
    """One thread stands still for some seconds: it is said, and what needs it not goes on."""
    fixture.side, fixture.reported = SIDE, reported
    fixture.start()
    fixture.changes(2, arrive=True)
    fixture.mark()
    tid = i.threads(fixture.gateway.process.pid)[name][0]
    with i.Stopped(tid):
        for n in (0, 1, 2):
            fixture.change(n, bound_ms=4000 if arrives else None)
        if arrives:
            fixture.arrived()
        if reported:
            fixture.judge_reported(within=12)
    fixture.heal()
    fixture.change(0)
    fixture.judge(within=30)


family.add("thread-engine", one_thread_stopped, "engine", r"engine has not moved", False,
           fault="the engine's thread stands still")
family.add("thread-store", one_thread_stopped, "store", "",
           fault="the store's thread stands still")
family.add("thread-alert-log", one_thread_stopped, "alert-log", "",
           fault="the alert log's thread stands still")
family.add("thread-city", one_thread_stopped, "city", "", False,
           fault="an uplink's thread stands still")


def log_full(fixture):
    """Nobody reads stderr and its pipe is full: alarms do not wait for it."""
    fixture.side = SIDE
    fifo = fixture.folder / "stderr"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 512)
    fixture.closing.callback(os.close, reader)
    fixture.closing.callback(os.close, writer)
    fixture.gateway.wrap = ["sh", "-c", f'exec "$@" 2>"{fifo}"', "sh"]
    fixture.start()
    for _ in range(2):
        fixture.changes(2, arrive=True)
        fixture.city.stop()  # a line of each thread
        fixture.change(0, bound_ms=None)
        time.sleep(0.5)
        fixture.city.start()
        fixture.heal()
        fixture.change(1)
        fixture.arrived()
    fixture.judge(within=20)
    fixture.gateway.stop()


family.add("log-full", log_full, fault="stderr is a full pipe")


# ---- processor

def tenth(fixture):
    """The process runs a tenth of the time, as under a CPU quota."""
    fixture.side = SIDE
    fixture.start()
    fixture.changes(1, arrive=True)
    fixture.mark()
    pid, stop = fixture.gateway.process.pid, threading.Event()

    def throttle():
        while not stop.is_set():
            os.kill(pid, signal.SIGSTOP)
            stop.wait(0.09)
            os.kill(pid, signal.SIGCONT)
            stop.wait(0.01)
    runner = threading.Thread(target=throttle)
    runner.start()
    try:
        for n in (0, 1, 2, 3, 0, 1):
            fixture.change(n, bound_ms=5000)
            fixture.arrived()
    finally:
        stop.set()
        runner.join()
        os.kill(pid, signal.SIGCONT)
    fixture.judge(within=20)


def asleep(fixture, seconds):
    """The machine sleeps: no healthy device is silent afterwards, and alarms go on."""
    plant = faults_sensor.with_gas(fixture)
    fixture.start()
    fixture.gateway.wait_up("plant")
    fixture.gateway.wait_point("plant/gas-1/ch4", 10)
    fixture.side = "^city"
    with i.Paused(fixture.gateway.process.pid):
        time.sleep(1)
        fixture.inject.clock(boot_s=seconds, wall_s=seconds)
    fixture.slack_ms = 10 ** 9
    time.sleep(1)
    fixture.expect(faults_sensor.GAS, "raised", 8000)
    plant.set(3, "holding", 0, 600)
    fixture.judge(within=20)


family.add("cpu-tenth", tenth, fault="a tenth of a processor")
for s in (25, 3600):
    family.add(f"suspend-{s}s", asleep, s, fault="suspended")
