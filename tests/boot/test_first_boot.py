# SPDX-License-Identifier: Apache-2.0
"""Without a configuration that it can use the service waits: one line, no failed unit, no loop."""
import re
import time

import building as b
import harness
import pytest
from harness import wait_for
from machine import Machine
from service import CONFIG, PREPARE

REFUSED = "gateway: {id: box}\nsources: [{name: plant, driver: no-such-driver}]\n"


@pytest.fixture
def site(plant):
    return b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH])


def waits(service, pattern, during=0):
    """It is started for systemd, says the line once and does not restart."""
    service.start()
    service.wait_log(pattern)
    time.sleep(during)
    lines = [x for x in service.log().splitlines() if "nothing is watched" in x]
    assert len(lines) == 1, service.log()
    assert service.show("ActiveState") == "active" and service.show("NRestarts") == "0"
    assert service.show("StatusText") == lines[0] and lines[0].startswith("waiting")
    assert "systemctl reload tocsind" in lines[0]
    refused = service.tocsin("status", check=False)
    assert refused.returncode != 0 and lines[0] in refused.stderr
    return lines[0]


def test_a_machine_boots_with_the_file_that_is_installed(staged, booted):
    """It has no gateway.id yet. A service that failed in a loop would keep the boot from ever
    being finished."""
    m = Machine(root=booted.root, files=staged, prepare=PREPARE + "systemctl enable tocsind")
    try:
        m.start()
        assert m.systemctl("is-system-running").stdout.strip() == "running"
        assert m.show("tocsind", "ActiveState") == "active"
        status = m.show("tocsind", "StatusText")
        assert status.startswith("waiting, nothing is watched") and "gateway.id" in status
    finally:
        m.stop()


def test_without_a_configuration_it_waits_and_says_what_to_run(service, site):
    waits(service, "there is no /etc/tocsin/tocsin.yaml", during=7)  # more than one try
    service.configure(site)
    service.reload()
    service.wait_point("plant/gas-1/ch4", 10)
    assert service.show("StatusText") == "" and service.show("NRestarts") == "0"


def test_the_watchdog_is_fed_while_it_waits(service):
    """systemd ends who is silent for WatchdogSec; it waits for longer than that."""
    service.drop_in("watchdog", "[Service]\nWatchdogSec=3\n")
    waits(service, "there is no /etc/tocsin/tocsin.yaml", during=7)
    assert service.show("Result") == "success"


def test_a_refused_configuration_waits_likewise(service, site):
    service.configure(None, text=REFUSED)
    line = waits(service, "is refused")
    assert "no-such-driver" in line and "tocsind --check" in line
    service.configure(site)  # by itself: nobody may be there to run a command
    service.wait_point("plant/gas-1/ch4", 10, within=20)


def test_a_change_of_what_is_wrong_is_said(service):
    service.configure(None, text=REFUSED)
    service.start()
    service.wait_log("no-such-driver")
    service.configure(None, text=REFUSED.replace("no-such-driver", "sim, colour: red"))
    service.wait_log("is refused.*colour", within=15)


@pytest.mark.long
def test_a_file_that_grows_is_not_used_before_it_is_whole(service, site):
    """Its first half reads well, with half of the alarms."""
    text = harness.yaml_text({"gateway": {"id": "box"}, **site})
    half, whole = text.split("alarms:")[0], text
    service.start()
    service.wait_log("nothing is watched")
    for n in range(4):
        service.configure(None, text=half + f"# {n}\n")
        time.sleep(4)
    assert not re.search(r"tocsind \S+ started", service.log())
    service.configure(None, text=whole)
    service.wait_log(r"tocsind \S+ started", within=20)
    assert service.ask("alarms", "--all")


def test_it_ends_well_while_it_waits(service):
    service.start()
    assert service.time_to_stop() < 5
    assert service.show("Result") == "success"


def test_the_copy_that_ran_last_starts_without_waiting(service, site):
    service.configure(site)
    service.start()
    wait_for(lambda: service.machine.path("/var/lib/tocsin/last-good.conf").exists(), service.log)
    service.stop()
    service.configure(None, text=REFUSED)
    service.start()
    service.wait_log("started from the copy")
    service.wait_point("plant/gas-1/ch4", 10)
    assert service.machine.read(CONFIG) == REFUSED
