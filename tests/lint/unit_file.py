#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The systemd unit: hardened to an exposure of 1.2 (1.3 before systemd 257), each item that still costs
is one the daemon works with, and none of what would break it is there; and the files beside it agree
with it and with the daemon on who may read what."""
import json
import pathlib
import re
import shutil
import subprocess
import sys


# All that systemd may still find open, by its names for it, and what the daemon needs it for. Before
# systemd 257, 1.2 would take one of these away: the network, or who a peer of the socket is. All the
# others together would not do.
COSTS = {
    "PrivateNetwork": "brokers, devices and platforms are on the network of the site",
    "RestrictAddressFamilies_AF_INET_INET6": "the same",
    "IPAddressDeny": "the same; an installer who knows the addresses narrows them",
    "RestrictAddressFamilies_AF_UNIX": "control socket, systemd's notify socket, journal",
    "PrivateDevices": "a serial port that is plugged in later appears in the host's /dev only",
    "DeviceAllow": "serial ports, and the clock device that ProtectClock= adds to be read",
    "PrivateUsers": "before systemd 257 peers of the control socket would all be uid 65534",
    "ProcSubset": "the boot id stands in every event",
    "RootDirectoryOrRootImage": "programs and libraries are those of the distribution",
}


def threshold(text):
    """Tenths."""
    return 12 if re.search(r"^PrivateUsers=identity$", text, re.M) else 13


def unexplained(rows):
    """What systemd-analyze security --json finds open and COSTS does not have."""
    return [f"{row['name']}: {row['description']}" for row in json.loads(rows)
            if float(row["exposure"] or 0) and row["json_field"] not in COSTS]


MUST = {
    r"^LimitNOFILE=1024(:|$)": "libmodbus aborts on a descriptor of 1024 or more",
    r"^ExecStart=\S+/sbin/tocsind ": "where meson installs it",
    r"^ExecStart=\S+ --wait ": "a configuration that is refused is no reason to restart for ever",
    r"^Group=tocsin-operators$": "socket and alert log belong to it without a chown",
    r"^StateDirectoryMode=0700$": "operators do not read the database",
    r"^Type=notify$": "readiness",
    r"^NotifyAccess=main$": "nobody else feeds the watchdog",
    r"^WatchdogSec=": "a hung daemon is restarted",
    r"^Restart=always$": "a daemon that ended is restarted",
    r"^RuntimeDirectoryPreserve=yes$": "events that a failing disk did not take wait in it",
    r"^MemoryMax=": "a broker may send payloads of any size",
    r"^ProtectClock=yes$": "the clock is read only",
    r"^After=.*modprobe@usbserial\.service": "DeviceAllow=char-ttyUSB is ignored before",
    r"^DeviceAllow=char-ttyUSB ": "serial ports",
    r"^SystemCallFilter=seccomp$": "the daemon gives up execve and listen by a filter of its own",
    r"^NoExecPaths=/var/lib/tocsin ": "no file that the daemon can write becomes code",
    r"^ExecReload=.*-HUP": "SIGHUP reloads",
}
MUST_NOT = {
    r"^ExecPaths=": "its paths become writable mounts in systemd 252",
    r"^PrivateUsers=(yes|true|1)": "SO_PEERCRED would report 65534",
    r"^PrivateDevices=(yes|true|1)": "it takes the serial ports away",
    r"^ProcSubset=pid": "it hides the boot id",
}

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Operators use the socket and read the alert log; the keys in /etc/tocsin are the daemon's alone.
BESIDE = {
    "systemd/sysusers.conf": {
        r"^g tocsin-operators ": "the group of the control socket",
        r"^m tocsin tocsin$": "the unit's Group= is another one, and the daemon reads /etc/tocsin",
        r"^m tocsin tocsin-operators$": "a daemon started by hand gives them socket and log"},
    "systemd/tmpfiles.conf": {
        r"^d /etc/tocsin 0750 root tocsin ": "keys are read by the daemon's own group only",
        r"^d /var/lib/tocsin 0700 tocsin tocsin-operators ": "as the unit",
        r"^d /var/log/tocsin 0751 tocsin tocsin-operators ": "operators read the alert log"},
    "systemd/logrotate.conf": {
        r"^\tsu tocsin tocsin-operators$": "who may give the new file to operators",
        r"^\tcreate 0640 tocsin tocsin-operators$": "operators read the alert log"},
    "gateway/control/protocol.h": {
        r'^#define GW_PROTOCOL_GROUP\s+"tocsin-operators"$': "the group of the control socket"},
}


def beside(root=ROOT):
    for name, must in BESIDE.items():
        text = (root / name).read_text()
        for pattern, why in must.items():
            if not re.search(pattern, text, re.M):
                yield f"{name}: nothing like {pattern}: {why}"
    members = re.findall(r"^m (\S+) tocsin$", (root / "systemd/sysusers.conf").read_text(), re.M)
    if members != ["tocsin"]:
        yield f"systemd/sysusers.conf: {members} could read the keys in /etc/tocsin"


def complaints(text):
    for pattern, why in MUST.items():
        if not re.search(pattern, text, re.M):
            yield f"nothing like {pattern}: {why}"
    for pattern, why in MUST_NOT.items():
        if re.search(pattern, text, re.M):
            yield f"{pattern} is there: {why}"


def main(path):
    text = pathlib.Path(path).read_text()
    bad = list(complaints(text)) + list(beside())
    print("\n".join(bad))
    if bad:
        return 1
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is not installed")
        return 77
    analyze = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
    run = subprocess.run([*analyze, f"--threshold={threshold(text)}", path],
                         capture_output=True, text=True, check=False)
    print(run.stdout[-4000:], run.stderr)
    rows = subprocess.run([*analyze, "--json=short", path], capture_output=True, text=True,
                          check=True).stdout
    bad = unexplained(rows)
    print("\n".join(bad))
    return 1 if run.returncode or bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
