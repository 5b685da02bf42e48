# SPDX-License-Identifier: Apache-2.0
"""A machine as it is set up for years: the root read only, state on a partition of its own."""
import building as b
from harness import wait_for
from machine import Machine
from service import PREPARE, Service


def test_a_read_only_root_with_a_writable_state_partition(staged, booted, plant):
    m = Machine(root=booted.root, files=staged, prepare=PREPARE).start()
    try:
        service = Service(m).reset()
        service.configure(b.config({"name": "s", "driver": "sim", "devices": [{
            "name": "d", "points": [{"name": "v", "repeat": "2s",
                                     "script": [["0s", 0], ["1s", 9]]}]}]},
            alarms=[{"name": "high", "on": "s/d/v", "when": {"above": 5}, "level": "red",
                     "class": "alarm"}]))
        m.shell("mount -t tmpfs state /var/lib/tocsin; mount -t tmpfs log /var/log/tocsin")
        m.shell("mount -o remount,bind,ro /; ! touch /etc/tocsin/x 2>/dev/null")
        service.start()
        wait_for(lambda: any("raised" in line for line in service.alerts()), service.log, 20)
        wait_for(m.path("/var/lib/tocsin/last-good.conf").exists, service.log)
        status = service.ask("status")
        assert status["store"]["state"] == "ok" and status["alert_log"]["state"] == "ok", status
        service.stop()
        assert service.show("Result") == "success"
        assert "Read-only" not in service.log() and "read-only" not in service.log()
    finally:
        m.stop()
