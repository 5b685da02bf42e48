# SPDX-License-Identifier: Apache-2.0
"""What code that took the daemon over could do: a preloaded thread tries it. Each case names the
directive that forbids it, and without that directive the same attempt must succeed."""
import os
import pathlib
import subprocess

import building as b
import pytest
from harness import wait_for
from service import PRELOADED, UNIT

FOLDER = "/run/tocsin/probe"
PREPARED = f"""
mkdir -p /home/probe /srv/probe {FOLDER}
echo secret >/home/probe/secret
chmod 0777 /srv/probe {FOLDER}
[ -e /dev/probe ] || mknod -m 0666 /dev/probe c 1 11
"""

# what is tried: (the errnos that forbid it, what the unit must lose for it to succeed)
CASES = {
    "read /home/probe/secret": ("EACCES ENOENT", "ProtectHome=no"),
    "write /srv/probe/file": ("EROFS", "ProtectSystem=no"),
    "read /proc/1/status": ("ENOENT", "ProtectProc=default"),
    "write /dev/probe": ("EPERM", "ProtectClock=no\nDevicePolicy=auto\nDeviceAllow="),
    # a file that the daemon may write becomes no code, nor does memory
    "map /var/lib/tocsin/probe": ("EPERM EACCES", "NoExecPaths="),
    "write-exec": ("EPERM EACCES", "MemoryDenyWriteExecute=no"),
    "set-user-id /var/lib/tocsin/probe": ("EPERM", "RestrictSUIDSGID=no"),
    "personality": ("EPERM", "LockPersonality=no"),
    "socket 16": ("EAFNOSUPPORT", "RestrictAddressFamilies=AF_NETLINK"),
    "multicast": ("EPERM", "IPAddressDeny="),
    "trace": ("EPERM", "SystemCallFilter=ptrace"),
    "namespace": ("EPERM", "RestrictNamespaces=no\nSystemCallFilter=unshare"),
    # the daemon's own filter: no directive would let systemd start it
    "exec /bin/true": ("EPERM", None),
    "bind": ("EPERM", None),
    "listen": ("EPERM", None),
    "io-uring": ("EPERM", None),
}


class Probe:
    def __init__(self, service):
        self.machine = service.machine

    def ask(self, what):
        answer = self.machine.path(f"{FOLDER}/answer")
        answer.unlink(missing_ok=True)
        self.machine.write(f"{FOLDER}/ask", what + "\n", mode=0o666)
        wait_for(answer.exists, f"an answer to {what}")
        return answer.read_text()


def start(service, without=""):
    service.configure(b.config({"name": "s", "driver": "sim", "devices": [
        {"name": "d", "points": [{"name": "v", "value": 1}]}]}))
    service.drop_in("probe", f"[Service]\n{without}\n"
                    f"Environment=LD_PRELOAD={PRELOADED}/libprobe.so TOCSIN_PROBE={FOLDER}\n")
    service.machine.shell(PREPARED)
    service.start()
    service.machine.shell("echo x >/var/lib/tocsin/probe; chown tocsin /var/lib/tocsin/probe")
    return Probe(service)


def test_nothing_but_its_work_is_left_to_the_daemon(service):
    probe = start(service)
    allowed = {what: got for what, (forbidden, _) in CASES.items()
               if (got := probe.ask(what)) not in forbidden.split()}
    assert not allowed


@pytest.mark.long
@pytest.mark.parametrize("what", [w for w, (_, without) in CASES.items() if without])
def test_it_is_the_directive_that_forbids_it(service, what):
    got = start(service, CASES[what][1]).ask(what)
    if what == "namespace" and got == "ENOSPC":
        pytest.skip("this host allows no user namespaces")
    assert got == "done"


@pytest.mark.parametrize("of_the_unit", (True, False))
def test_io_uring_is_refused_twice(service, of_the_unit):
    """Its operations bind and listen without a system call of that name. The unit refuses it from the
    start on, the daemon's own filter where there is no unit."""
    disabled = pathlib.Path("/proc/sys/kernel/io_uring_disabled")
    if disabled.exists() and disabled.read_text().strip() != "0":
        pytest.skip("this kernel refuses io_uring by itself (kernel.io_uring_disabled)")
    probe = start(service, "" if of_the_unit else "SystemCallFilter=io_uring_setup")
    assert ("io_uring_setup" in service.show("SystemCallFilter").split()) != of_the_unit
    assert probe.ask("io-uring") == "EPERM"


def test_others_do_not_see_its_temporary_files(service):
    start(service).ask("write /tmp/of-the-daemon")
    assert not service.machine.path("/tmp/of-the-daemon").exists()


def test_exposure(service):
    """As systemd measures the loaded unit; offline, tests/lint/unit_file.py."""
    import unit_file
    text = service.machine.read(f"/usr/lib/systemd/system/{UNIT}")
    exposure(service, unit_file.threshold(text))
    rows = service.machine.run("systemd-analyze", "security", "--json=short", "--no-pager", UNIT).stdout
    assert not unit_file.unexplained(rows)


def exposure(service, tenths):
    done = service.machine.run("systemd-analyze", "security", f"--threshold={tenths}", "--no-pager",
                               UNIT, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_with_users_kept_apart_peers_keep_their_names(service):
    """PrivateUsers=identity, which meson.build writes for a systemd that has it."""
    m = service.machine
    if int(m.run("systemctl", "--version").stdout.split()[1]) < 257:
        pytest.skip("systemd 257 is the first with PrivateUsers=identity")
    m.shell("id member >/dev/null 2>&1 || useradd --no-create-home -G tocsin-operators member")
    service.drop_in("users", "[Service]\nPrivateUsers=identity\n")
    service.configure(b.config({"name": "s", "driver": "sim", "devices": [
        {"name": "d", "points": [{"name": "v", "value": 9}]}]}, alarms=[
        {"name": "high", "on": "s/d/v", "when": {"above": 5}, "level": "red", "class": "alarm"}]))
    service.start()
    wait_for(lambda: any("raised" in line for line in service.alerts()), service.log)
    service.tocsin("ack", "s/d/v:high", user="member")
    member = m.run("id", "-u", "member").stdout.strip()
    service.wait_log(f"acknowledge s/d/v:high, asked by uid {member}")
    exposure(service, 12)


def test_systemd_finds_nothing_to_complain_about(service):
    done = service.machine.run("systemd-analyze", "verify", "--man=no",
                               f"/usr/lib/systemd/system/{UNIT}", check=False)
    assert UNIT not in done.stdout + done.stderr, done.stderr


def test_no_system_call_of_a_usual_day_is_refused(service, plant, city):
    """With the default action of the filter, which is to kill, the daemon would die of one."""
    # (reading the state of the clock is refused by ProtectClock=, in a filter of its own)
    service.drop_in("kill", "[Service]\nSystemCallErrorNumber=\nSystemCallFilter=@clock\n")
    service.configure(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                               uplinks=[city.entry()]))
    service.start()
    service.wait_point("plant/gas-1/ch4", 10)
    for tenths, change in ((520, "raised"), (100, "cleared")):
        plant.set(3, "holding", 0, tenths, 0)
        city.until("plant/gas-1/ch4:ch4-high", change)
    for command in (("status",), ("alarms",), ("verify",), ("reload",)):
        service.tocsin(*command)
    service.reload()
    service.tocsin("status")
    service.stop()
    assert service.show("Result") == "success" and service.show("NRestarts") == "0"


def test_the_host_is_left_alone(booted):
    """Of the tests themselves: what belongs to the host's kernel is read only in the machine."""
    null = booted.path("/dev/null").stat()
    assert null.st_dev != os.stat("/dev/null").st_dev, "systemd changes owner and mode of devices"
    for name in ("/proc/sys/kernel/core_pattern", "/proc/sys/fs/file-max", "/sys/power/state"):
        done = subprocess.run(["nsenter", f"--target={booted.pid}", "--mount", "--root",
                               "test", "-w", name], check=False)
        assert done.returncode != 0, name
    has = next(int(line.split()[1], 16) for line in booted.read("/proc/1/status").splitlines()
               if line.startswith("CapEff:"))
    for name, bit in {"sys_module": 16, "sys_rawio": 17, "sys_time": 25, "syslog": 34}.items():
        assert not has >> bit & 1, name
