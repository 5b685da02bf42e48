# SPDX-License-Identifier: Apache-2.0
"""doc/install.md, followed step by step on a booted machine. Both languages have the same commands."""
import json
import re

import harness
import pytest
import service as unit
from harness import wait_for
from machine import Machine

PAGES = {language: harness.ROOT / "doc" / f"install{language}.md" for language in ("", ".zh")}
FENCED = re.compile(r"(?:^<!-- (?P<mark>[^>]*) -->\n)?^```sh\n(?P<text>.*?)^```$", re.M | re.S)
PLATFORM = "platform.example.cn"
ALARM = "demo/gas-1/ch4:ch4-high"


def blocks(language=""):
    """(mark, commands) in order."""
    page = PAGES[language].read_text()
    found = [(m["mark"], m["text"]) for m in FENCED.finditer(page)]
    assert len(found) == page.count("```sh\n"), "a block that is not closed"
    return found


def steps():
    return {mark.removeprefix("step: "): text for mark, text in blocks()
            if mark.startswith("step: ")}


def test_both_languages_have_the_same_commands():
    assert blocks("") == blocks(".zh")


def test_each_block_is_tried_or_says_why_not():
    for mark, text in blocks():
        assert mark and re.match(r"step: [a-z-]+$|not in a machine: \w", mark), text
    names = [mark for mark, _ in blocks() if mark.startswith("step: ")]
    assert len(names) == len(set(names))


@pytest.fixture
def box(staged, booted):
    """A machine of its own, as just installed, with what the platform gave in root's home."""
    m = Machine(root=booted.root, files=staged, prepare=unit.PREPARE + "systemctl enable tocsind\n"
                f"echo '127.0.0.1 {PLATFORM}' >>/etc/hosts").start()
    try:
        yield m
    finally:
        m.stop()


@pytest.fixture
def platform(box, folder, authority, closing):
    """The platform at its own name, which wants the token."""
    from peers import City
    pair = authority.issue("platform-example", hosts=[PLATFORM])
    city = closing(box.in_network(lambda: City(folder / "city", authority, port=443,
                                               token="secret-4711")))
    city.serve(*pair)
    box.copy_in(authority.pem, "/root/platform-ca.pem")
    box.write("/root/token", "secret-4711\n", mode=0o600)
    return city


class Follower:
    """Runs the page's steps in their order, in root's home."""

    def __init__(self, box):
        self.box, self.left = box, list(steps().items())

    def step(self, name):
        assert self.left and self.left[0][0] == name, f"the next step is {self.left[:1]}"
        _, text = self.left.pop(0)
        return self.box.shell("cd /root\n" + text)


def status(box):
    return json.loads(box.run("tocsin", "status", "--json").stdout)


def states(box):
    alarms = json.loads(box.run("tocsin", "alarms", "--all", "--json").stdout)
    return {a["alarm"]: a["state"] for a in alarms}


def uplink_is_idle(box):
    up = status(box)["uplinks"][0]
    return up["state"] == "up" and up["pending"] == 0


@pytest.mark.long
def test_the_page_step_by_step(box, platform):
    page = Follower(box)
    assert "waiting, nothing is watched" in page.step("waits")
    page.step("operator")
    page.step("keys")
    assert box.path("/etc/tocsin/token").stat().st_mode & 0o777 == 0o640
    page.step("first-configuration")
    assert ": good: 1 sources" in page.step("first-start")
    # the unit's filter of system calls lets the daemon lock its folder
    assert box.run("flock", "--nonblock", "/var/lib/tocsin", "true", check=False).returncode == 1
    first = platform.until(ALARM, "raised", within=30)
    wait_for(lambda: uplink_is_idle(box), lambda: status(box)["uplinks"])
    shown = page.step("first-alarm")
    assert "ch4-high" in shown and "RED raised" in shown and "锅炉房" in shown
    assert box.run("tocsin", "ack", "ch4-high", user="duty").returncode == 0

    page.step("sensors")
    assert status(box)["sources"][0]["name"] == "boiler-room"
    platform.until(ALARM, "cleared", within=30)  # no longer configured
    platform.until("boiler-room:down", "raised", within=60)  # there is no adapter here
    assert "boiler-room/gas-1/ch4:ch4-high" in page.step("look")
    page.step("watchdog")
    assert "RuntimeWatchdogSec=14s" in box.shell("systemd-analyze cat-config systemd/system.conf")
    shown = page.step("monitor")
    assert shown.startswith("active\n") and "as it was written" in shown
    assert "notAfter" in page.step("certificate")

    wait_for(lambda: uplink_is_idle(box), lambda: status(box)["uplinks"])
    page.step("backup")
    assert box.path("/root/box.tar").stat().st_mode & 0o777 == 0o600
    shown = page.step("restore")
    assert "restored as of" in shown and "as it was written" in shown
    wait_for(lambda: states(box).get("boiler-room:down", "").startswith("active"),
             lambda: states(box))

    page.step("old-box")
    wipe(box)  # from here on it is the new box, as just installed
    box.shell("systemctl start tocsind; cd /root; " + steps()["keys"])
    assert "waiting, nothing is watched" in box.run("systemctl", "status", "--no-pager",
                                                    "tocsind").stdout
    page.step("new-box")
    assert not page.left
    wait_for(lambda: states(box).get("boiler-room:down", "").startswith("active"),
             lambda: states(box))
    wait_for(lambda: uplink_is_idle(box), lambda: status(box)["uplinks"], within=30)
    assert box.read("/etc/tocsin/tocsin.yaml") == steps()["sensors"].partition("<<'EOF'\n")[2].partition(
        "EOF\n")[0]
    journal = box.journal("tocsind")
    assert "refused" not in journal.rpartition("Stopped")[2], journal
    arrived = platform.arrivals()
    ids = {a.id: a.raw for a in arrived}
    assert all(ids[a.id] == a.raw for a in arrived) and first.id in ids


def wipe(box):
    box.shell("rm -rf /etc/tocsin/* /var/lib/tocsin/* /var/log/tocsin/* /run/tocsin")
    box.copy_in(harness.ROOT / "config" / "starter.yaml", "/etc/tocsin/tocsin.yaml")
    box.shell("chown root:tocsin /etc/tocsin/tocsin.yaml")
