# SPDX-License-Identifier: Apache-2.0
"""The unit with a real systemd: start, stop, reload, who may what."""
import building as b
import pytest
from harness import wait_for


def gas_config(plant, *uplinks, **more):
    return b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                    uplinks=list(uplinks), **more)


def test_it_starts_and_is_ready_when_it_watches(service, plant, city):
    """Type=notify: `systemctl start` returns when the daemon said that it is ready."""
    service.configure(gas_config(plant, city.entry()))
    service.start()
    assert service.show("Type") == "notify" and service.show("ActiveState") == "active"
    assert service.ask("status")["gateway"] == "box"
    service.wait_point("plant/gas-1/ch4", 10)
    plant.set(3, "holding", 0, 520, 0)
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    wait_for(lambda: any("raised" in line for line in service.alerts()), service.alerts)
    assert service.show("NRestarts") == "0"


def test_stop_drains_within_five_seconds(service, plant, city):
    """What was measured before the stop is evaluated and delivered, and nothing is killed."""
    service.configure(gas_config(plant, city.entry()))
    service.start()
    service.wait_point("plant/gas-1/ch4", 10)
    plant.set(3, "holding", 0, 520, 0)
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    plant.set(3, "holding", 0, 100, 0)
    assert service.time_to_stop() < 5
    assert service.show("Result") == "success" and service.show("ExecMainStatus") == "0"
    assert "tocsind stopped" in service.log()


# ---- who may what ----

def test_who_is_no_operator_is_told_the_group(service, plant):
    service.machine.shell("""
        id member >/dev/null 2>&1 || useradd --no-create-home -G tocsin-operators member
        id stranger >/dev/null 2>&1 || useradd --no-create-home stranger""")
    service.configure(gas_config(plant))
    service.start()
    assert "box" in service.tocsin("status", user="member").stdout
    refused = service.tocsin("status", user="stranger", check=False)
    assert refused.returncode != 0 and "gpasswd -a USER tocsin-operators" in refused.stderr
    assert "cannot be given" not in service.log()


def test_operators_read_the_alert_log_and_nothing_else(service, plant):
    m = service.machine
    m.shell("id member >/dev/null 2>&1 || useradd --no-create-home -G tocsin-operators member")
    service.configure(gas_config(plant))
    service.start()
    service.wait_point("plant/gas-1/ch4", 10)
    plant.set(3, "holding", 0, 520, 0)
    wait_for(lambda: any("raised" in line for line in service.alerts()), service.alerts)
    assert "raised" in m.run("cat", "/var/log/tocsin/alerts.log", user="member").stdout
    for closed in ("/var/lib/tocsin/tocsin.db", "/var/lib/tocsin/last-good.conf",
                   "/etc/tocsin/tocsin.yaml"):
        done = m.run("cat", closed, user="member", check=False)
        assert "Permission denied" in done.stderr, closed


def test_no_login_is_in_the_groups_that_read_keys(service):
    """The daemon's own group has one member, and a new file of it is not for others."""
    groups = service.machine.read("/etc/group").splitlines()
    assert [g.split(":")[3] for g in groups if g.startswith("tocsin:")] == ["tocsin"]
