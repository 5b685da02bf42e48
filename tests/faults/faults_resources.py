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


def ended_well(bed):
    """It goes on, or ends by itself with a word: never by a signal."""
    code = bed.gateway.process.popen.poll()
    bed.require([f"I8 ended by signal {-code}: {bed.gateway.log()[-800:]}"]
                if code is not None and code < 0 else [])
    return code is None


def malloc_start(bed, nth=None):
    """The n-th allocation of a start fails."""
    bed.side = SIDE
    bed.inject.memory(nth or bed.rng.randrange(1, START_ALLOCATIONS))
    bed.gateway.spawn()
    harness.wait_for(lambda: bed.gateway.answers() or not bed.gateway.process.alive(),
                     bed.gateway.log, 20)
    alive = ended_well(bed)
    bed.inject.memory(0, 0)
    if not alive:
        bed.start()
    bed.gateway.wait_up("zigbee", within=30)
    bed.changes(2)
    bed.judge(within=20)


def start_covered(bed):
    """The cases of a nightly run reach beyond the last allocation of a start."""
    bed.inject.memory(1 << 60)
    bed.start()
    bed.changes(1, arrive=True)
    n = bed.inject.allocations()
    bed.require([] if n < START_ALLOCATIONS else
                [f"a start makes {n} allocations, START_ALLOCATIONS is {START_ALLOCATIONS}"])


def malloc_work(bed, nth=None, many=1):
    """The n-th allocation from an alarm on fails, or several in a row."""
    bed.side = SIDE
    bed.start()
    bed.changes(1, arrive=True)
    bed.inject.memory(nth or bed.rng.randrange(1, 300), many)
    if many > 1000:  # and a new handshake falls into it
        bed.city.stop()
        bed.city.start()
    for n in (0, 1, 2, 3):
        bed.change(n, bound_ms=None)
    time.sleep(0.5)
    alive = ended_well(bed)
    bed.inject.memory(0, 0)
    bed.heal()
    if not alive:
        bed.start()
    bed.change(0)
    bed.judge(within=30)


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


def openssl_unusable(bed):
    """OpenSSL was refused memory and is unusable for the rest of the process: the gateway ends by
    itself, and the next start, which systemd makes, delivers."""
    bed.side, bed.reported = SIDE, r"OpenSSL ran out of memory"
    bed.start()
    bed.changes(2, arrive=True)
    bed.inject.break_tls()
    bed.city.stop()
    bed.city.start()  # the next event needs a new handshake
    bed.change(0, bound_ms=None)
    harness.wait_for(lambda: not bed.gateway.process.alive(), bed.gateway.log, 20)
    code = bed.gateway.process.popen.returncode
    bed.require([] if code == 2 else [f"I8 ended with {code}"])
    bed.inject.break_tls(False)
    bed.start()
    bed.heal()
    bed.change(1)
    bed.judge(within=30)


def openssl_without_algorithms(bed):
    """OpenSSL of this machine is set up such that it can do nothing: the building is watched."""
    conf = bed.folder / "openssl.cnf"
    conf.write_text("openssl_conf = a\n[a]\nproviders = b\n[b]\nnull = c\n[c]\nactivate = 1\n")
    bed.gateway.env["OPENSSL_CONF"] = str(conf)
    bed.start()
    bed.reported = "no link with TLS will work"
    bed.judge_reported()
    bed.changes(3, bound_ms=None)
    bed.logged()
    del bed.gateway.env["OPENSSL_CONF"]
    bed.gateway.stop()


family.add("openssl-without-algorithms", openssl_without_algorithms,
           fault="OpenSSL of the machine has no algorithms")
family.add("openssl-unusable", openssl_unusable,
           fault="OpenSSL is unusable after it was refused memory")


# ---- descriptors

def no_descriptors(bed):
    """No descriptor is left while the platform comes back: it is reached again afterwards."""
    bed.side = SIDE
    bed.start()
    bed.changes(2, arrive=True)
    bed.mark()
    bed.city.stop()
    pid = bed.gateway.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    highest = max(int(n) for n in os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, hard))
    for n in (0, 1, 2):
        bed.change(n, bound_ms=None)
    time.sleep(1)
    bed.city.start()
    time.sleep(1)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    bed.heal()
    bed.change(0)
    bed.judge(within=30)


def reload_without_descriptors(bed):
    """A reload that needs more descriptors than there are leaves a working gateway."""
    bed.side = SIDE + r"|^s\d+"
    bed.start()
    bed.changes(2, arrive=True)
    pid = bed.gateway.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, hard))
    bed.more_sources = [{"name": f"s{n}", "driver": "sim", "devices": [
        {"name": "d", "points": [{"name": "v", "value": 1}]}]} for n in range(61)]
    bed.gateway.write(bed.config())
    bed.gateway.reload()
    bed.gateway.wait_log("reload")
    bed.changes(2)
    bed.require([] if bed.gateway.process.alive() else ["I1 the gateway ended"])
    bed.judge(within=20)


family.add("no-descriptors", no_descriptors, fault="no descriptor is left")
family.add("reload-no-descriptors", reload_without_descriptors,
           fault="a reload that needs more descriptors than there are")


# ---- threads

def one_thread_stopped(bed, name, reported, arrives=True):
    """One thread stands still for some seconds: it is said, and what needs it not goes on."""
    bed.side, bed.reported = SIDE, reported
    bed.start()
    bed.changes(2, arrive=True)
    bed.mark()
    tid = i.threads(bed.gateway.process.pid)[name][0]
    with i.Stopped(tid):
        for n in (0, 1, 2):
            bed.change(n, bound_ms=4000 if arrives else None)
        if arrives:
            bed.arrived()
        if reported:
            bed.judge_reported(within=12)
    bed.heal()
    bed.change(0)
    bed.judge(within=30)


family.add("thread-engine", one_thread_stopped, "engine", r"engine has not moved", False,
           fault="the engine's thread stands still")
family.add("thread-store", one_thread_stopped, "store", "",
           fault="the store's thread stands still")
family.add("thread-alert-log", one_thread_stopped, "alert-log", "",
           fault="the alert log's thread stands still")
family.add("thread-city", one_thread_stopped, "city", "", False,
           fault="an uplink's thread stands still")


def log_full(bed):
    """Nobody reads stderr and its pipe is full: alarms do not wait for it."""
    bed.side = SIDE
    fifo = bed.folder / "stderr"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 512)
    bed.closing.callback(os.close, reader)
    bed.closing.callback(os.close, writer)
    bed.gateway.wrap = ["sh", "-c", f'exec "$@" 2>"{fifo}"', "sh"]
    bed.start()
    for _ in range(2):
        bed.changes(2, arrive=True)
        bed.city.stop()  # a line of each thread
        bed.change(0, bound_ms=None)
        time.sleep(0.5)
        bed.city.start()
        bed.heal()
        bed.change(1)
        bed.arrived()
    bed.judge(within=20)
    bed.gateway.stop()


family.add("log-full", log_full, fault="stderr is a full pipe")


# ---- processor

def tenth(bed):
    """The process runs a tenth of the time, as under a CPU quota."""
    bed.side = SIDE
    bed.start()
    bed.changes(1, arrive=True)
    bed.mark()
    pid, stop = bed.gateway.process.pid, threading.Event()

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
            bed.change(n, bound_ms=5000)
            bed.arrived()
    finally:
        stop.set()
        runner.join()
        os.kill(pid, signal.SIGCONT)
    bed.judge(within=20)


def asleep(bed, seconds):
    """The machine sleeps: no healthy device is silent afterwards, and alarms go on."""
    plant = faults_sensor.with_gas(bed)
    bed.start()
    bed.gateway.wait_up("plant")
    bed.gateway.wait_point("plant/gas-1/ch4", 10)
    bed.side = "^city"
    with i.Paused(bed.gateway.process.pid):
        time.sleep(1)
        bed.inject.clock(boot_s=seconds, wall_s=seconds)
    bed.slack_ms = 10 ** 9
    time.sleep(1)
    bed.expect(faults_sensor.GAS, "raised", 8000)
    plant.set(3, "holding", 0, 600)
    bed.judge(within=20)


family.add("cpu-tenth", tenth, fault="a tenth of a processor")
for s in (25, 3600):
    family.add(f"suspend-{s}s", asleep, s, fault="suspended")
