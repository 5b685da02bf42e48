# SPDX-License-Identifier: Apache-2.0
"""The gateway under test, and what every test needs to run it: waiting with a deadline,
processes ended by their own pid. Standard library and PyYAML only."""
import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from ports import HeldPort, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TOCSIN_BUILD", ROOT / "build")).resolve()
# Sanitizers and busy machines: every deadline is multiplied by this, no measured bound is.
SLOW = float(os.environ.get("TOCSIN_SLOW", "1"))
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def wait_for(condition, what, within=10.0, every=0.02):
    """Poll until condition() is true and return what it gave; fail with `what` after the
    deadline. `what` may be a function, called only to explain a failure."""
    end = time.monotonic() + within * SLOW
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            words = what() if callable(what) else what
            raise AssertionError(f"not within {within * SLOW:g} s: {words}")
        time.sleep(every)


def stays(condition, what, during):
    """The condition must hold all the time: for what must not happen."""
    end = time.monotonic() + during
    while time.monotonic() < end:
        assert condition(), what() if callable(what) else what
        time.sleep(0.02)


def listening(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


class Process:
    """One child: its output goes to a file, it ends by its pid."""

    def __init__(self, argv, log, env=None, stdin=subprocess.DEVNULL):
        self.log_path = pathlib.Path(log)
        with open(log, "ab") as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdin=stdin, stdout=out,
                                          stderr=out, env={**os.environ, **(env or {})})
        self.pid = self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self, sig=signal.SIGTERM, within=10.0):
        """End it and return its exit code (negative: the signal that ended it)."""
        if self.alive():
            self.popen.send_signal(sig)
        try:
            return self.popen.wait(within * SLOW)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.popen.args[0]} did not end on signal {sig}: "
                                 + self.log()[-2000:]) from None
        finally:
            if self.popen.stdin:
                self.popen.stdin.close()

    def kill(self):
        self.popen.kill()
        self.popen.wait()


def yaml_text(config):
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data):
            return True
    return yaml.dump(config, Dumper=Plain, sort_keys=False, allow_unicode=True, width=90)


def sanitized(build):
    return re.search(rb"__[atm]san_init", (pathlib.Path(build) / "tocsind").read_bytes())


class Gateway:
    """One tocsind with a folder of its own. `config` holds everything but `gateway:`, whose
    keys come from here and may be overridden by config["gateway"]."""

    def __init__(self, config, build=BUILD, wrap=(), env=None, text=None):
        self.build, self.wrap, self.env = pathlib.Path(build), list(wrap), env or {}
        # A short path: a Unix socket's name has 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-"))
        self.state, self.socket = self.folder / "state", self.folder / "control.sock"
        self.alert_log, self.config_path = self.folder / "alerts.log", self.folder / "tocsin.yaml"
        self.process, self.keep = None, False
        self.arguments = []
        self.write(config, text)

    def write(self, config, text=None):
        """Write the config file anew (a reload is the caller's)."""
        self.config = config
        site = {"id": "box", "unit": "天津市和平区示例大厦", "area": "120101",
                "grid": "120101003012004", "state_dir": str(self.state),
                "alert_log": str(self.alert_log), "control_socket": str(self.socket)}
        whole = {**(config or {}), "gateway": {**site, **(config or {}).get("gateway", {})}}
        whole = {"gateway": whole.pop("gateway"), **whole}
        self.config_path.write_text(text if text is not None else yaml_text(whole))

    def spawn(self):
        """Start without waiting."""
        assert not self.process or not self.process.alive()
        if "LD_PRELOAD" in self.env and sanitized(self.build):
            import pytest
            pytest.skip("a sanitizer stands before the preloaded calls itself")
        env = {"TOCSIN_PROFILES": str(ROOT / "config" / "profiles"), **self.env}
        self.process = Process([*self.wrap, self.build / "tocsind", "--config",
                                self.config_path, *self.arguments], self.folder / "tocsind.log", env)
        return self

    def start(self, within=10.0):
        """Start and wait until the control socket answers."""
        self.spawn()
        wait_for(lambda: self.answers() or not self.process.alive(),
                 lambda: "tocsind ready: " + self.log()[-3000:], within)
        assert self.process.alive(), f"tocsind ended: {self.log()[-3000:]}"
        return self

    def answers(self):
        return self.socket.exists() and self.run("status").returncode == 0

    def stop(self):
        """SIGTERM; it must end by itself, with exit 0 and a clean sanitizer."""
        code = self.process.stop()
        assert code == 0, f"tocsind ended with {code}: {self.log()[-3000:]}"
        self.clean()

    def kill(self):
        self.process.kill()

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        os.kill(self.process.pid, signal.SIGHUP)

    def clean(self):
        found = SANITIZER.search(self.log())
        assert not found, self.log()[max(0, found.start() - 200):found.start() + 6000]

    def log(self):
        path = self.folder / "tocsind.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self):
        """End it if a test left it running, check what it said, remove its folder."""
        try:
            if self.process and self.process.alive():
                self.stop()
            self.clean()
            if not self.keep:
                shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            if self.process and self.process.alive():
                self.kill()

    # -- the command line ------------------------------------------------------------------

    def run(self, *args, timeout=10.0):
        return subprocess.run([str(self.build / "tocsin"), "--socket", str(self.socket),
                               *map(str, args)], capture_output=True, text=True,
                              timeout=timeout * SLOW, stdin=subprocess.DEVNULL)

    def ask(self, *args, timeout=10.0):
        """A command's answer with --json."""
        done = self.run(*args, "--json", timeout=timeout)
        assert done.returncode == 0, f"tocsin {' '.join(map(str, args))}: {done.stderr}{done.stdout}"
        return json.loads(done.stdout)

    def status(self):
        return self.ask("status")

    def source(self, name):
        return next(s for s in self.status()["sources"] if s["name"] == name)

    def uplink(self, name="city"):
        return next(u for u in self.status()["uplinks"] if u["name"] == name)

    def point(self, key):
        return next((p for p in self.ask("points") if p["point"] == key), None)

    def alarm(self, key):
        return next((a for a in self.ask("alarms", "--all") if a["alarm"] == key), None)

    def wait_point(self, key, value=None, quality="good", within=10.0):
        def there():
            p = self.point(key)
            return p and p["quality"] == quality and (value is None or p["value"] == value) and p
        return wait_for(there, lambda: f"{key} = {value} {quality}, is {self.point(key)}\n"
                        + self.log()[-1500:], within)

    def wait_state(self, alarm, *states, within=10.0):
        def there():
            a = self.alarm(alarm)
            return a and a["state"] in states and a
        return wait_for(there, lambda: f"{alarm} {states}, is {self.alarm(alarm)}\n"
                        + self.log()[-1500:], within)

    def wait_up(self, source, within=10.0):
        return wait_for(lambda: self.source(source)["state"] == "up",
                        lambda: f"{source} up, is {self.source(source)}", within)

    def wait_log(self, pattern, within=10.0):
        return wait_for(lambda: re.search(pattern, self.log()),
                        lambda: f"log line {pattern}: {self.log()[-3000:]}", within)

    def lines(self):
        """The alert log, parsed strictly."""
        import oracle
        return oracle.read_alert_log(self.alert_log) if self.alert_log.exists() else []


def check_config(path, build=BUILD):
    """tocsind --check: (exit code, lines of stderr)."""
    done = subprocess.run([str(pathlib.Path(build) / "tocsind"), "--check", "--config", str(path)],
                          capture_output=True, text=True, timeout=20 * SLOW,
                          env={**os.environ, "TOCSIN_PROFILES": str(ROOT / "config/profiles")})
    return done.returncode, done.stderr.splitlines()


class Broker:
    """mosquitto on a port of its own, on loopback."""

    def __init__(self, folder, port=None, extra="", start=True):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._held = None if port else HeldPort()
        self.port = port or self._held.number
        self.config = self.folder / "mosquitto.conf"
        owner = "user root\n" if os.geteuid() == 0 else ""
        self.config.write_text(
            f"{owner}listener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence true\npersistence_location {self.folder}/\n"
            "max_queued_messages 0\nlog_dest stderr\nset_tcp_nodelay true\n" + extra)
        self.process = None
        if start:
            self.start()

    def start(self):
        self.process = Process(["mosquitto", "-c", self.config], self.folder / "mosquitto.log")
        wait_for(lambda: listening(self.port), lambda: "mosquitto: " + self.process.log())

    def stop(self):
        if self.process and self.process.alive():
            self.process.stop()

    def close(self):
        self.stop()
        if self._held:
            self._held.close()


class Publisher:
    """Publishes QoS 1 in order and returns when the broker has it."""

    numbers = itertools.count()  # a broker cuts off the older of two clients of one name

    def __init__(self, port):
        import paho.mqtt.client as mqtt
        self.client = mqtt.Client(client_id=f"injector-{os.getpid()}-{next(self.numbers)}")
        self.client.max_inflight_messages_set(1000)
        self.client.connect("127.0.0.1", port, keepalive=30)
        self.client.loop_start()

    def send(self, topic, payload, retain=False, qos=1, wait=True):
        if isinstance(payload, (dict, list, bool)):
            payload = json.dumps(payload)
        sent = self.client.publish(topic, payload, qos=qos, retain=retain)
        if wait:
            sent.wait_for_publish(10 * SLOW)
            assert sent.is_published(), f"the broker did not take {topic}"

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
