# SPDX-License-Identifier: Apache-2.0
"""A configuration that is refused: the running one stays, or the last good one starts; a plan
that the system does not allow is dropped whole."""
import os
import pathlib
import re
import subprocess

import building as b
import harness
import pytest
from judge import judge

FAULT = "gateway:config"


def sim(n, name="bus"):
    return [{"name": f"{name}-{i}", "driver": "sim", "devices": [
        {"name": "d", "poll": "1s", "points": [{"name": "v", "value": 1}]}]} for i in range(n)]


def copy(g):
    return g.state / "last-good.conf"


def spoil(g):
    g.config_path.write_text(g.config_path.read_text().replace("above: 50", "above: 50x"))


@pytest.fixture
def site(plant, city):
    plant.set(3, "holding", 0, 100, 0)
    return b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                    uplinks=[city.uplink()])


def reload_refused(g):
    before = len(g.log())
    g.reload()
    harness.wait_for(lambda: "not reloaded" in g.log()[before:], g.log, 30)
    return g.log()[before:]


def test_a_refused_reload_is_a_fault_until_the_file_is_good(gateway, site, city):
    g = gateway(site).start()
    good = g.config_path.read_text()
    g.wait_point("plant/gas-1/ch4", 10)
    spoil(g)
    reload_refused(g)
    raised = city.until(FAULT, "raised")
    assert "50x" in raised.data["note"], raised.data
    assert g.alarm(FAULT)["state"] == "active-unacked"
    done = g.run("reload")
    assert done.returncode == 1 and "50x" in done.stderr
    g.config_path.write_text(good)
    done = g.run("reload")
    assert done.returncode == 0 and "1 sources" in done.stdout, done.stderr
    city.until(FAULT, "cleared")


def test_what_only_a_start_changes_stays_as_it_runs(gateway, folder):
    """A is running; B differs in what only a start changes, and in a limit."""
    fixed = {"state_dir": str(folder / "other"), "alert_log": str(folder / "other.log"),
             "control_socket": str(folder / "other.sock"), "store_max_mb": 100}
    limit = [{"name": "high", "on": "bus-0/d/v", "when": {"above": 50}}]
    g = gateway(b.config(*sim(1))).start()
    a = g.config_path.read_text()
    harness.wait_for(copy(g).exists, "the copy")

    def reload():
        before = len(g.log())
        done = g.run("reload")
        assert done.returncode == 0, done.stderr
        harness.wait_for(lambda: "reloaded: " in g.log()[before:], g.log)
        return sorted(re.findall(r"gateway\.(\w+) stays (\S+)", g.log()[before:]))
    runs = sorted({"state_dir": str(g.state), "alert_log": str(g.alert_log),
                   "control_socket": str(g.socket), "store_max_mb": "256"}.items())
    g.write({**b.config(*sim(1), alarms=limit), "gateway": fixed})
    assert reload() == runs
    harness.wait_for(lambda: "above: 50" in copy(g).read_text(), "the copy of B")
    assert reload() == runs, "it still differs from what runs"
    g.config_path.write_text(a)
    assert reload() == [], "it is what runs"
    harness.wait_for(lambda: "above: 50" not in copy(g).read_text(), "the copy of A")
    assert not (folder / "other").exists()


def test_the_last_good_configuration_starts_when_the_file_is_refused(
        gateway, site, plant, city, folder):
    g = gateway(site).start()
    g.wait_point("plant/gas-1/ch4", 10)
    harness.wait_for(copy(g).exists, "the copy")
    assert copy(g).stat().st_mode & 0o777 == 0o640
    spoil(g)
    reload_refused(g)
    g.kill()
    assert harness.check_config(g.config_path)[0] == 1
    g.start()
    assert "started from the copy" in g.log()
    g.wait_point("plant/gas-1/ch4", 10)
    raised = city.until(FAULT, "raised")
    assert "50x" in raised.data["note"]
    plant.set(3, "holding", 0, 520, 0)
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    # The file's folder may be gone with it.
    g.kill()
    g.config_path.unlink()
    code = subprocess.run([harness.BUILD / "tocsind", "--config", g.config_path],
                          capture_output=True, text=True, timeout=20 * harness.SLOW,
                          check=False, env={"HOME": "/"}).returncode
    assert code == 1, "its state folder is not known, and not the default one"


def test_profiles_are_in_the_copy(gateway, plant, city, folder):
    profiles = folder / "profiles"
    profiles.mkdir()
    (profiles / "mine.yaml").write_text(
        "profile: mine\npoints:\n- {name: ch4, register: 'holding:0', type: u16, scale: 0.1}\n"
        "alarms:\n- {name: high, on: ch4, when: {above: 50}, level: red}\n")
    config = b.config(b.modbus_tcp(plant.port, {"name": "gas-1", "unit": 3, "profile": "mine"}),
                      uplinks=[city.uplink()])
    g = gateway(config, env={"TOCSIN_PROFILES": str(profiles)}).start()
    g.wait_point("plant/gas-1/ch4")
    harness.wait_for(copy(g).exists, "the copy")
    g.stop()
    (profiles / "mine.yaml").unlink()
    plant.set(3, "holding", 0, 520, 0)
    g.start()
    city.until("plant/gas-1/ch4:high", "raised")
    assert g.alarm(FAULT)["state"] == "active-unacked"


@pytest.mark.parametrize("how", ("torn", "spoilt", "of-another"))
def test_a_copy_that_is_not_whole_or_of_another_file_is_none(gateway, site, how):
    g = gateway(site).start()
    harness.wait_for(copy(g).exists, "the copy")
    g.stop()
    text = copy(g).read_text()
    copy(g).write_text({"torn": text[:-30] + text[-20:], "of-another": text,
                        "spoilt": text.replace("above: 50", "above: 90")}[how])
    if how == "of-another":
        g.config_path = g.config_path.with_name("other.yaml")
        g.write(site)
    spoil(g)
    g.spawn()
    harness.wait_for(lambda: not g.process.alive(), g.log, 20)
    assert "50x" in g.log() and g.log().count(" started: gateway") == 1


def test_a_restart_writes_no_copy_again(gateway, site):
    g = gateway(site).start()
    harness.wait_for(copy(g).exists, "the copy")
    made = copy(g).stat().st_mtime_ns
    g.restart()
    g.wait_point("plant/gas-1/ch4", 10)
    g.stop()
    assert copy(g).stat().st_mtime_ns == made


@pytest.mark.parametrize("cut", ("uplinks", "alarms", "sources"))
def test_a_file_cut_off_is_refused_while_something_is_owed_or_stands(
        gateway, site, plant, city, cut):
    g = gateway(site).start()
    g.wait_point("plant/gas-1/ch4", 10)
    city.stop()
    plant.set(3, "holding", 0, 520, 0)
    g.wait_state("plant/gas-1/ch4:ch4-high", "active-unacked")
    harness.wait_for(lambda: g.uplink()["pending"] > 0, lambda: str(g.uplink()))
    less = {k: v for k, v in site.items() if k != cut}
    if cut == "sources":
        less.pop("alarms", None)
    g.write(less)
    assert "cut off" in reload_refused(g)
    assert g.alarm("plant/gas-1/ch4:ch4-high")["state"] == "active-unacked"
    done = g.run("reload")
    assert done.returncode == 1 and "--force" in done.stderr
    done = g.run("reload", "--force")
    assert done.returncode == 0, done.stderr
    status = g.status()
    assert len(status[cut]) == 0 if cut != "alarms" else True
    if cut == "uplinks":
        harness.wait_for(lambda: g.status()["store"]["vanished"], lambda: str(g.status()))


def descriptors(g):
    return len(list(pathlib.Path(f"/proc/{g.process.pid}/fd").iterdir()))


@pytest.mark.parametrize("files,few,many", ((64, 2, 61), (1024, 3, 1101)))
def test_a_plan_that_does_not_fit_leaves_what_runs(
        gateway, city, broker, publisher, files, few, many):
    site = b.config(b.mqtt(broker.port, b.smoke(1)), *sim(few), alarms=[b.SMOKE],
                    uplinks=[city.uplink()])
    more = b.config(b.mqtt(broker.port, b.smoke(1)), *sim(many), alarms=[b.SMOKE],
                    uplinks=[city.uplink()])
    g = gateway(site, wrap=["prlimit", f"--nofile={files}"]).start()
    g.wait_up("zigbee")
    before = descriptors(g)
    g.write(more)
    assert "descriptors" in reload_refused(g)
    code, said = harness.check_config(g.config_path)
    assert code == (1 if many > 1000 else 0), said
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    city.until("zigbee/smoke-1/smoke:smoke", "raised")
    city.until(FAULT, "raised")
    # more for a moment while something connects or is written
    harness.wait_for(lambda: descriptors(g) <= before + 2, lambda: f"{descriptors(g)}, {before}")
    g.write(site)
    assert g.run("reload").returncode == 0
    judge(g, city)


def test_sources_leave_descriptors_for_uplinks(gateway, city, broker, publisher):
    """Fewer are allowed than were counted on; the platform goes away and comes back. Which of the
    sources come up is left to chance."""
    sources = [b.mqtt(broker.port, b.smoke(i), name=f"bus-{i}") for i in range(1, 14)]
    g = gateway(b.config(*sources, alarms=[{**b.SMOKE, "on": "bus-*/smoke-*/smoke"}],
                         uplinks=[city.uplink()]), wrap=["prlimit", "--nofile=62"]).start()
    harness.wait_for(lambda: "kept for uplinks" in str(g.status()["sources"]), g.log, 20)
    number = harness.wait_for(
        lambda: next((s["name"][4:] for s in g.status()["sources"] if s["state"] == "up"), None),
        g.log)
    city.stop()
    publisher.send(f"zigbee2mqtt/smoke-{number}", {"smoke": True})
    harness.wait_for(lambda: g.uplink()["pending"] > 0, lambda: str(g.uplink()))
    city.start()
    city.until(f"bus-{number}/smoke-{number}/smoke:smoke", "raised", within=30)


def test_the_check_counts(gateway, folder):
    path = folder / "tocsin.yaml"
    path.write_text("gateway: {id: x}\nuplinks:\n- {name: city, url: 'file:///tmp/x'}\n")
    done = subprocess.run([harness.BUILD / "tocsind", "--check", "--config", path],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert re.search(r"up to \d+ descriptors of \d+, \d+ threads", done.stdout), done.stdout


def test_the_check_counts_the_threads_that_run(gateway, broker):
    """All but two that run now and then: the writer of the last good configuration, and the
    look-up of the broker's name, which is a number here."""
    g = gateway(b.config(b.mqtt(broker.port, b.smoke(1)))).start()
    g.wait_up("zigbee")
    done = subprocess.run([harness.BUILD / "tocsind", "--check", "--config", g.config_path],
                          capture_output=True, text=True, check=True)
    counted = int(re.search(r"(\d+) threads", done.stdout)[1])

    def names():
        tasks = pathlib.Path(f"/proc/{g.process.pid}/task").iterdir()
        return sorted((t / "comm").read_text().strip() for t in tasks)
    harness.wait_for(lambda: copy(g).exists() and "last-good" not in names(), names)
    assert counted == len(names()) + 2, (counted, names())


def test_the_check_warns_of_what_a_name_that_goes_is_owed(gateway, site, plant, city, folder):
    g = gateway(site).start()
    g.wait_point("plant/gas-1/ch4", 10)
    city.stop()
    plant.set(3, "holding", 0, 520, 0)
    harness.wait_for(lambda: g.uplink()["pending"] > 0, lambda: str(g.uplink()))

    def warnings(*uplinks):
        g.write({**site, "uplinks": list(uplinks)})
        done = subprocess.run([harness.BUILD / "tocsind", "--check", "--against-running",
                               "--config", g.config_path], capture_output=True, text=True,
                              timeout=20 * harness.SLOW, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr
    paper = {"name": "paper", "url": f"file://{folder}/paper.out"}
    assert warnings(city.uplink()) == ""
    assert warnings(city.uplink("renamed")) == "", "it inherits"
    assert re.search(r"\d+ alerts are owed to city, which this configuration no longer has",
                     warnings(paper))
    g.run("reload")
    harness.wait_for(lambda: g.status()["store"]["vanished"], lambda: str(g.status()))
    assert "owed to city" in warnings(paper)
    g.stop()
    assert "no gateway that runs answers" in warnings(paper)


def test_with_wait_a_refused_configuration_is_waited_for(gateway, site):
    """Without --wait it would end at once. Who asks is told, and the file is read again on SIGHUP."""
    g = gateway(site)
    spoil(g)
    g.arguments = ["--wait"]
    g.spawn()
    g.wait_log("nothing is watched: .* is refused .*50x.*systemctl reload tocsind")
    refused = g.run("status")
    assert refused.returncode != 0 and "nothing is watched" in refused.stderr
    g.reload()
    harness.wait_for(lambda: g.log().count("nothing is watched") == 2, g.log)
    g.write(site)
    g.reload()
    harness.wait_for(g.answers, g.log)
    g.wait_point("plant/gas-1/ch4", 10)


def test_with_wait_it_ends_on_sigterm(gateway, site):
    g = gateway(site)
    spoil(g)
    g.arguments = ["--wait"]
    g.spawn()
    g.wait_log("nothing is watched")
    g.stop()


def test_with_wait_a_log_that_nobody_reads_any_more_does_not_end_it(gateway, site):
    read, write = os.pipe()
    g = gateway(site, wrap=["/bin/sh", "-c", f'exec "$@" 2>/proc/{os.getpid()}/fd/{write}', "sh"])
    spoil(g)
    g.arguments = ["--wait"]
    g.spawn()
    harness.wait_for(lambda: "nothing is watched" in g.run("status").stderr, g.log)
    os.close(read)
    os.close(write)
    g.reload()  # which it answers with a line
    harness.stays(g.process.alive, lambda: "SIGPIPE", 1)
    g.write(site)
    g.reload()
    harness.wait_for(g.answers, g.log)
