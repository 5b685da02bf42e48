# SPDX-License-Identifier: Apache-2.0
"""The package on a booted machine: the first start, an upgrade of a gateway that watches, and one
whose configuration the new version refuses."""
import pathlib
import tempfile
import threading

import building as b
import machine
import oracle
import pytest
import service as unit
from harness import wait_for

HIGH = "plant/gas-1/ch4:ch4-high"
LOW = "plant/gas-1/ch4:ch4-low"


@pytest.fixture
def box(bare, built):
    """A booted Debian in which the package has just been installed."""
    try:
        machine.require(bare)
    except machine.Missing as missing:
        pytest.skip(str(missing))
    m = machine.Machine(root=bare, prepare="systemctl mask systemd-resolved").start()
    try:
        m.copy_in(built.tocsin, "/root/tocsin.deb")
        m.installed = m.run("dpkg", "-i", "/root/tocsin.deb")
        yield m
    finally:
        m.stop()


@pytest.fixture
def folder_of_test():
    with tempfile.TemporaryDirectory(prefix="tocsin-") as path:
        yield pathlib.Path(path)


@pytest.fixture
def plant(box, folder_of_test):
    from peers import ModbusTcp
    made = box.in_network(lambda: ModbusTcp(folder_of_test))
    made.set(3, "holding", 0, 100, 0)
    yield made
    made.close()


@pytest.fixture
def city(box, folder_of_test):
    import ca
    from peers import City
    authority = ca.Authority(folder_of_test / "ca")
    authority.issue("server", hosts=["localhost", "127.0.0.1"])
    made = box.in_network(lambda: City(folder_of_test / "city", authority))
    box.copy_in(authority.pem, "/etc/tocsin/ca.pem")
    yield made
    made.close()


@pytest.fixture
def service(box, plant, city):
    """The gateway of the box, watching the plant and telling the city."""
    s = unit.Service(box)
    s.began = box.cursor()
    s.configure(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_LOW, b.GAS_HIGH],
                         uplinks=[city.uplink(ca="/etc/tocsin/ca.pem")]))
    s.restart()
    s.wait_point("plant/gas-1/ch4", 10)
    yield s
    s.stop()


def test_the_first_start_waits_for_a_configuration(box, newer):
    s = unit.Service(box)
    wait_for(lambda: s.show("StatusText").startswith("waiting"), lambda: s.show("StatusText"))
    assert s.show("ActiveState") == "active" and s.show("NRestarts") == "0"
    pid = s.pid()
    told = box.journal(unit.UNIT)
    assert told.count("gateway.id: has no value") == 1 and "tocsind --check" in told, told
    # It watches nothing yet, so the new version takes over at once.
    assert upgrade(box, newer).returncode == 0 and s.pid() not in (0, pid)


def upgrade(box, newer, check=True):
    box.copy_in(newer, "/root/newer.deb")
    return box.run("dpkg", "-i", "/root/newer.deb", check=check, timeout=180)


def logged(service):
    """seq of each line of the alert log."""
    return [int(line.rpartition("#")[2].split()[0]) for line in service.alerts()]


def test_an_upgrade_under_load_loses_no_alarm(box, service, plant, city, newer, folder_of_test):
    """Gas comes and goes all the time, the platform is away for a while: all that was raised before,
    during and after the upgrade arrives, once, and what stands stays as it is."""
    ledger = oracle.Injector(folder_of_test / "injector.jsonl")
    ledger.will(LOW, "raised")
    ledger.will(HIGH, "raised")
    plant.set(3, "holding", 0, 520, 0)
    before = city.until(HIGH, "raised")
    for change in ("raised", "cleared"):
        ledger.will("city:down", change)
    city.stop()  # what follows is owed when the new version starts
    quit_event = threading.Event()

    def load():
        while not quit_event.is_set():
            for change, value in (("cleared", 400), ("raised", 520)):
                ledger.will(HIGH, change, sure=False)
                plant.set(3, "holding", 0, value, 0)
                quit_event.wait(1.3)
    flicker = threading.Thread(target=load)
    flicker.start()
    try:
        wait_for(lambda: len(logged(service)) >= 4, "some alarms before the upgrade", 30)
        old = service.pid()
        said = upgrade(box, newer).stdout
        assert service.pid() not in (0, old), said
        count = len(logged(service))
        wait_for(lambda: len(logged(service)) >= count + 4, "some alarms after the upgrade", 30)
    finally:
        quit_event.set()
        flicker.join()
    box.in_network(city.start)
    ledger.will(HIGH, "cleared", sure=False)
    plant.set(3, "holding", 0, 520, 0)
    causes = oracle.read_injector(ledger.path)
    verdict = lambda: oracle.check(city.arrivals(), causes, logged(service))  # noqa: E731
    wait_for(lambda: verdict() == [], verdict, 60)
    lows = city.seen_events(LOW)
    assert [a.change for a in lows] == ["raised"], "it stood all the time"
    assert before.data["run"] < city.seen_events(HIGH)[-1].data["run"], "the new version raised"
    assert service.show("NRestarts") == "0"


def test_a_configuration_that_the_new_version_refuses_leaves_the_old_one_running(
        box, service, plant, city, newer):
    old = service.pid()
    good = box.read(unit.CONFIG)
    box.write(unit.CONFIG, good.replace("above: 50", "above: 50x"), owner="root:tocsin", mode=0o640)
    done = upgrade(box, newer)
    said = done.stdout + done.stderr
    line = good.split("above: 50")[0].count("\n") + 1
    assert f"{unit.CONFIG}:{line}:" in said and "50x" in said, said
    assert "systemctl restart tocsind" in said, said
    assert service.pid() == old and service.show("ActiveState") == "active"
    plant.set(3, "holding", 0, 520, 0)
    city.until(HIGH, "raised")  # the old version still watches
    # The way out that it named.
    box.write(unit.CONFIG, good, owner="root:tocsin", mode=0o640)
    box.shell(f"tocsind --check --config {unit.CONFIG} && systemctl restart tocsind")
    assert service.pid() not in (0, old)
    assert service.ask("status")["gateway"] == "box"


def test_a_remove_stops_it_and_a_second_installation_goes_on(box, service, plant, city):
    plant.set(3, "holding", 0, 520, 0)
    city.until(HIGH, "raised")
    box.run("dpkg", "--remove", "tocsin")
    assert service.show("ActiveState") == "inactive"
    box.run("dpkg", "-i", "/root/tocsin.deb")
    service.wait_point("plant/gas-1/ch4", 52)
    assert [a["alarm"] for a in service.ask("alarms") if a["alarm"] == HIGH] == [HIGH]
    assert len(city.seen_events(HIGH, "raised")) == 1
    # Stopped by the administrator and disabled: an upgrade does not start it.
    box.systemctl("disable", "--now", unit.UNIT)
    box.run("dpkg", "-i", "/root/tocsin.deb")
    assert service.show("ActiveState") == "inactive"
