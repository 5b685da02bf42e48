# SPDX-License-Identifier: Apache-2.0
"""The unit with a real systemd: start, stop, reload, who may what."""
import building as b
from harness import wait_for
from service import PRELOADED, UNIT


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


# ---- reload, watchdog, credentials, logs ----

def test_reload_takes_the_new_configuration(service, plant):
    service.configure(gas_config(plant))
    service.start()
    pid = service.pid()
    low = {**b.GAS_LOW, "when": {"above": 5}}
    service.configure(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH, low]))
    service.reload()
    wait_for(lambda: any(a["alarm"] == "plant/gas-1/ch4:ch4-low" for a in service.ask("alarms")),
             service.log)
    assert service.pid() == pid


def test_the_watchdog_restarts_it_when_a_thread_stands_still(service, plant, city):
    """The engine evaluates nothing: systemd ends the process and starts another, which knows of
    the alarm that stood and raises the next one."""
    hang = "/run/tocsin/hang"
    service.drop_in("hang", "[Service]\nWatchdogSec=5\n"
                    f"Environment=LD_PRELOAD={PRELOADED}/libhang.so TOCSIN_HANG={hang}\n")
    service.configure(gas_config(plant, city.entry()))
    service.start()
    service.wait_point("plant/gas-1/ch4", 10)
    plant.set(3, "holding", 0, 520, 0)
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    service.machine.shell(f"mkdir -p {hang}; chmod 0755 {hang}; : >{hang}/engine")
    service.wait_log("thread engine has not moved", within=20)
    service.wait_log("Watchdog timeout", within=20)
    service.machine.shell(f"rm {hang}/engine")
    wait_for(lambda: service.show("NRestarts") == "1", service.log, 20, every=0.2)
    service.wait_point("plant/gas-1/ch4", 52, within=20)
    assert len(city.seen_events("plant/gas-1/ch4:ch4-high", "raised")) == 1
    plant.set(3, "holding", 0, 100, 0)
    city.until("plant/gas-1/ch4:ch4-high", "cleared")


def test_keys_and_tokens_by_credentials(service, plant, booted, folder, authority):
    """Files that only root reads; the daemon gets copies that only it reads."""
    from peers import City
    city = booted.in_network(lambda: City(folder / "mtls", authority, mtls=True, token="t0ken"))
    try:
        private = "/etc/tocsin/private"
        booted.shell(f"mkdir -p -m 0700 {private}")
        cert, key = city.client
        booted.copy_in(cert, f"{private}/gateway.pem", 0o600)
        booted.copy_in(key, f"{private}/gateway.key", 0o600)
        booted.copy_in(authority.pem, "/etc/tocsin/ca.pem")
        booted.write(f"{private}/token", "t0ken\n", mode=0o600)
        loaded = f"/run/credentials/{UNIT}"
        service.drop_in("credentials", "[Service]\n" + "".join(
            f"LoadCredential={name}:{private}/{name}\n"
            for name in ("gateway.pem", "gateway.key", "token")))
        entry = city.uplink(ca="/etc/tocsin/ca.pem")
        entry.update(cert=f"{loaded}/gateway.pem", key=f"{loaded}/gateway.key",
                     token_file=f"{loaded}/token")
        service.configure(gas_config(plant, entry))
        service.start()
        service.wait_point("plant/gas-1/ch4", 10)
        plant.set(3, "holding", 0, 520, 0)
        wait_for(lambda: city.seen_events("plant/gas-1/ch4:ch4-high", "raised"), service.log, 20)
        refused = booted.run("cat", f"{private}/token", user="tocsin", check=False)
        assert "Permission denied" in refused.stderr, "the test shows nothing"
    finally:
        city.close()


def alternate(plant, city, times, meanwhile=lambda n: None):
    for n in range(times):
        plant.set(3, "holding", 0, 520, 0)
        city.until("plant/gas-1/ch4:ch4-high", "raised", n + 1, within=60)
        meanwhile(n)
        plant.set(3, "holding", 0, 100, 0)
        city.until("plant/gas-1/ch4:ch4-high", "cleared", n + 1)


def numbers(service, name):
    """Of the events in a file of the alert log, in its order."""
    return [int(line.rpartition("#")[2]) for line in service.alerts(f"/var/log/tocsin/{name}")]


def test_logrotate_moves_the_alert_log_without_a_lost_line(service):
    """Hundreds of lines a second are written meanwhile. What the daemon could not yet write when
    it was stopped does not count."""
    m = service.machine
    service.configure(b.config({"name": "hall", "driver": "sim", "poll": "50ms", "devices": [
        {"name": f"d{i}", "points": [{"name": "v", "repeat": "100ms",
                                      "script": [["0s", 1], ["50ms", 0]]}]} for i in range(20)]},
        alarms=[{"name": "high", "on": "hall/*/v", "when": {"above": 0.5}, "level": "blue",
                 "class": "warning"}]))
    service.start()
    for n in range(1, 16):
        wait_for(lambda: len(service.alerts()) > 10, service.log)
        m.run("logrotate", "--force", "/etc/logrotate.d/tocsin")
        assert m.path(f"/var/log/tocsin/alerts.log.{n}{'.gz' if n > 1 else ''}").exists()
    wait_for(lambda: len(service.alerts()) > 10, service.log)
    mode = m.shell("stat --format='%U %G %a' /var/log/tocsin/alerts.log").strip()
    service.stop()
    m.shell("gunzip /var/log/tocsin/*.gz")
    told = sum((numbers(service, f"alerts.log.{n}") for n in range(15, 0, -1)), [])
    told += numbers(service, "alerts.log")
    assert told == list(range(1, len(told) + 1))
    assert mode == "tocsin tocsin-operators 640"


def test_without_a_journal_alarms_go_on(service, plant, city):
    """journald is stopped, with its sockets: what the daemon logs has nowhere to go."""
    m = service.machine
    journal = ["systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald.service"]
    service.configure(gas_config(plant, city.entry(heartbeat="1s")))
    service.start()
    service.wait_point("plant/gas-1/ch4", 10)
    pid = service.pid()
    m.systemctl("stop", *journal)
    try:
        city.stop()  # lines to log
        wait_for(lambda: service.ask("status")["uplinks"][0]["state"] == "down", "down", 30)
        m.in_network(city.start)
        alternate(plant, city, 3)
        assert service.ask("status")["gateway"] == "box"
    finally:
        m.systemctl("start", *journal)
    assert service.pid() == pid
    assert service.time_to_stop() < 5


def test_stop_is_as_fast_with_a_platform_that_hangs(service, plant, city):
    service.configure(gas_config(plant, city.entry()))
    service.start()
    service.wait_point("plant/gas-1/ch4", 10)
    city.spoil("hang", times=None)
    plant.set(3, "holding", 0, 520, 0)
    wait_for(city.posts, "a request")
    assert service.time_to_stop() < 5
    city.clear()
    service.start()  # what was owed comes
    city.until("plant/gas-1/ch4:ch4-high", "raised", within=20)
