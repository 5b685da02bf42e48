# SPDX-License-Identifier: Apache-2.0
"""tocsind.service on a booted machine, as an administrator handles it."""
import json
import re
import time

import harness
from harness import wait_for

UNIT = "tocsind.service"
DROP_INS = f"/run/systemd/system/{UNIT}.d"
CONFIG = "/etc/tocsin/tocsin.yaml"
ALERT_LOG = "/var/log/tocsin/alerts.log"
# What a package does when it is installed; the host may have a broker that starts by itself.
PREPARE = """
systemd-sysusers tocsin.conf
systemctl mask mosquitto
"""
PRELOADED = "/usr/lib/tocsin-test"  # libraries of the tests


class Service:
    def __init__(self, machine):
        self.machine = machine
        self.began = None

    def reset(self):
        """As just installed: no configuration, no state, no drop-in, not started."""
        m = self.machine
        m.systemctl("stop", UNIT)
        m.shell(f"rm -rf {DROP_INS} /etc/tocsin/* /var/lib/tocsin/* /var/log/tocsin/* /run/tocsin")
        m.systemctl("daemon-reload")
        m.systemctl("reset-failed", check=False)
        self.began = m.cursor()
        return self

    def configure(self, config, text=None):
        whole = {"gateway": {"id": "box", **config.get("gateway", {})},
                 **{k: v for k, v in config.items() if k != "gateway"}} if config else None
        self.machine.write(CONFIG, text if text is not None else harness.yaml_text(whole),
                           owner="root:tocsin", mode=0o640)

    def drop_in(self, name, text):
        self.machine.write(f"{DROP_INS}/{name}.conf", text)
        self.machine.systemctl("daemon-reload")

    def start(self):
        """Returns when systemd takes it for started, that is, READY=1 came."""
        done = self.machine.systemctl("start", UNIT, check=False)
        assert done.returncode == 0, done.stderr + self.log()
        return self

    def restart(self):
        self.machine.systemctl("restart", UNIT)

    def stop(self):
        self.machine.systemctl("stop", UNIT)

    def reload(self):
        self.machine.systemctl("reload", UNIT)

    def show(self, name):
        return self.machine.show(UNIT, name)

    def pid(self):
        """Of tocsind, within the machine."""
        return int(self.show("MainPID"))

    def log(self):
        return self.machine.journal(UNIT, after=self.began)

    def wait_log(self, pattern, within=10.0):
        return wait_for(lambda: re.search(pattern, self.log()),
                        lambda: f"log line {pattern}: {self.log()[-3000:]}", within, every=0.1)

    def tocsin(self, *args, user=None, check=True):
        return self.machine.run("tocsin", *args, user=user, check=check)

    def ask(self, *args):
        return json.loads(self.tocsin(*args, "--json").stdout)

    def point(self, key):
        """None while nobody answers, too."""
        done = self.tocsin("points", "--json", check=False)
        return None if done.returncode else next(
            (p for p in json.loads(done.stdout) if p["point"] == key), None)

    def wait_point(self, key, value, within=10.0):
        def there():
            p = self.point(key)
            return p and p["quality"] == "good" and p["value"] == value
        wait_for(there, lambda: f"{key} = {value}: {self.point(key)}\n{self.log()}", within,
                 every=0.1)

    def alerts(self, name=ALERT_LOG):
        path = self.machine.path(name)
        return path.read_text().splitlines() if path.exists() else []

    def time_to_stop(self):
        at = time.monotonic()
        self.stop()
        return time.monotonic() - at
