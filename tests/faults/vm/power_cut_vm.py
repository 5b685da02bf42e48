#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Power cuts on a real kernel: tocsind in a virtual machine on ext4, its machine killed under load.

    power_cut_vm.py --build BUILD [--cuts 100] [--seed N] [--keep DIR]

The guest is Debian's cloud kernel under QEMU without hardware help, an initramfs with tocsind and
its libraries, and one disk image with ext4. What the guest's kernel had not yet written when the
machine is killed is gone, as after a power cut; between cuts its journal is replayed by the next
start. Twenty simulated points raise and clear alarms all the time; the platform is on the host.
Every cut comes at a random moment, often while the guest still starts or recovers.

At the end a last start drains what is owed and powers off, and the verdict is: nothing that was
committed is lost, a repeat has the same id and bytes, each alarm's events of one start come in
order, and what left as durable is in the journal. (A start that cannot read in 200 ms what earlier
ones owe does not hold a new event back for it, so those may come later; they are counted.) Exit 0: holds, 1: does not, 77: no QEMU or no kernel here.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "peers")]

import oracle  # noqa: E402
from ca import Authority  # noqa: E402
from city_platform import Platform  # noqa: E402
from harness import yaml_text  # noqa: E402

MODULES = ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev",
           "virtio_pci", "virtio_blk", "failover", "net_failover", "virtio_net")
DISK_MB = 64
BOOT_S = 120     # longest wait for a guest that only starts
POINTS = 20


def need(tool):
    path = shutil.which(tool)
    if not path:
        print(f"power cuts in a machine: {tool} is not installed")
        sys.exit(77)
    return path


def run(*argv, **how):
    return subprocess.run([str(a) for a in argv], check=True, capture_output=True, **how)


def kernel(folder):
    """Debian's cloud kernel, unpacked: (vmlinuz, modules folder)."""
    if not list(folder.glob("boot/vmlinuz-*")):
        found = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"],
                               capture_output=True, text=True).stdout
        names = [w for w in found.split() if w.startswith("linux-image-") and "cloud" in w
                 and w != "linux-image-cloud-amd64"]
        if not names or subprocess.run(["apt-get", "download", "-qq", names[0]], cwd=folder,
                                       capture_output=True).returncode:
            print("power cuts in a machine: no kernel package to be had")
            sys.exit(77)
        run("dpkg-deb", "-x", next(folder.glob("*.deb")), folder)
    modules = next(p for p in folder.glob("**/lib/modules/*") if (p / "kernel").is_dir())
    return next(folder.glob("boot/vmlinuz-*")), modules


def config(platform, load):
    """With load the points swing to and fro, without it they stand still."""
    points = [{"name": f"p{i}", "unit": "%LEL", "value": 0,
               **({"wave": [10, f"{300 + 37 * i}ms"]} if load else {})} for i in range(POINTS)]
    return {
        "gateway": {"id": "vm", "unit": "vm", "state_dir": "/var/tocsin",
                    "alert_log": "/var/alerts.log", "control_socket": "/run/control.sock"},
        "sources": [{"name": "plant", "driver": "sim", "poll": "50ms",
                     "devices": [{"name": "d", "points": points}]}],
        "alarms": [{"name": "high", "on": "plant/d/*", "when": {"above": 5, "clear": 0},
                    "level": "red", "class": "alarm"}],
        "uplinks": [{"name": "city", "url": f"https://10.0.2.2:{platform.port}/v1/alerts",
                     "ca": "/etc/ca.pem", "heartbeat": "1s"}],
    }


def libraries(*programs):
    found = set()
    for program in programs:
        for word in run("ldd", program, text=True).stdout.split():
            if word.startswith("/"):
                found.add(pathlib.Path(word))
    return found


def initramfs(folder, build, modules, platform):
    root = folder / "root"
    for name in ("bin", "etc", "modules", "proc", "sys", "dev", "run", "var", "lib64", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    programs = [build / "tocsind", build / "tocsin"]
    shutil.copy(need("busybox"), root / "bin/busybox")
    shutil.copy(HERE / "init", root / "init")
    (root / "init").chmod(0o755)
    for program in programs:
        run("strip", "-o", root / "bin" / program.name, program)
    for library in libraries(*programs):
        to = root / str(library)[1:]
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, to)
    order = []
    for name in MODULES:
        for path in modules.glob(f"kernel/**/{name}.ko"):
            shutil.copy(path, root / "modules" / path.name)
            order.append(path.name)
    (root / "modules/order").write_text("\n".join(order) + "\n")
    shutil.copy(platform.authority.pem, root / "etc/ca.pem")
    (root / "etc/load.yaml").write_text(yaml_text(config(platform, True)))
    (root / "etc/quiet.yaml").write_text(yaml_text(config(platform, False)))
    image = folder / "initramfs"
    with open(image, "wb") as out:
        names = run("find", ".", cwd=root).stdout
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=names, stdout=out, cwd=root,
                       check=True)
    return image


class Guest:
    def __init__(self, folder, vmlinuz, image):
        self.folder, self.vmlinuz, self.image = folder, vmlinuz, image
        self.console = folder / "console.log"
        self.process = None

    def start(self, more=""):
        self.at = self.console.stat().st_size if self.console.exists() else 0
        with open(self.console, "ab") as out:
            self.process = subprocess.Popen(
                [need("qemu-system-x86_64"), "-accel", "tcg", "-m", "256", "-nographic",
                 "-no-reboot", "-kernel", str(self.vmlinuz), "-initrd", str(self.image),
                 "-append", "console=ttyS0 quiet panic=-1 no_timer_check " + more,
                 "-drive", f"file={self.folder}/disk.img,format=raw,if=virtio,cache=writeback",
                 "-nic", "user,model=virtio-net-pci"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def said(self):
        with open(self.console, "rb") as log:
            log.seek(self.at)
            return log.read().decode(errors="replace")

    def wait(self, words, within):
        end = time.monotonic() + within
        while words not in self.said():
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"the guest did not say {words!r}: {self.said()[-3000:]}")
            time.sleep(0.05)

    def cut(self):
        self.process.kill()
        self.process.wait()


def journal(folder):
    """What the disk holds after the last start: (seq, run) of every row."""
    for name in ("tocsin.db", "tocsin.db-wal"):
        subprocess.run(["debugfs", "-R", f"dump /tocsin/{name} {folder}/{name}",
                        str(folder / "disk.img")], capture_output=True, check=True)
    db = sqlite3.connect(folder / "tocsin.db")
    try:
        return {(seq, run) for seq, run in db.execute("SELECT seq, run FROM event")}
    finally:
        db.close()


DURABLE_LATER = "came again with other bytes: durable False -> True"


def verdict(folder, platform):
    """(what is wrong, events, repeats, rows of the journal, events of earlier starts that came
    after one of the same alarm of a later start)"""
    arrived = oracle.read_platform(platform.ledger_path)
    kept = journal(folder)
    wrong = oracle.check(arrived, committed={seq for seq, _ in kept})
    first = {a.id: a for a in arrived}.values()
    overtaken = [w for w in wrong if w.startswith("order:") and w.endswith(oracle.LATER_START)]
    # Sent while its commit hung, committed, and cut before that was noted: see uplink/payload.h.
    wrong = [w for w in wrong if w not in set(overtaken) and not w.endswith(DURABLE_LATER)]
    if kept:
        oldest = min(seq for seq, _ in kept)  # older rows made room for newer ones
        wrong += [f"lost: {a.id} left as durable and is not in the journal" for a in first
                  if a.data["durable"] and a.seq >= oldest
                  and (a.seq, a.data["run"]) not in kept]
    return wrong, len(first), len(arrived) - len(first), len(kept), len(overtaken)


def note(said, wrong):
    """The line for tests/faults/report.py."""
    out = os.environ.get("TOCSIN_FAULTS_OUT")
    if out:
        with open(out, "a", encoding="utf-8") as lines:
            lines.write(json.dumps({
                "kind": "power", "name": "vm", "seed": said["seed"], "trials": said["cuts"],
                "fault": "power cut of a virtual machine with ext4 under load",
                "losses": sum(w.startswith("lost") for w in wrong),
                "duplicates": sum(w.startswith("twice") for w in wrong),
                "worst_ms": 0, "wrong": wrong[:40]}) + "\n")


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--build", type=pathlib.Path, required=True)
    asked.add_argument("--cuts", type=int, default=100)
    asked.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    asked.add_argument("--keep", type=pathlib.Path, help="folder for kernel, disk and logs")
    a = asked.parse_args()
    for tool in ("qemu-system-x86_64", "busybox", "cpio", "mkfs.ext4", "debugfs"):
        need(tool)
    folder = a.keep or pathlib.Path(tempfile.mkdtemp(prefix="tocsin-vm-"))
    (folder / "kernel").mkdir(parents=True, exist_ok=True)
    chance = random.Random(a.seed)
    print(f"power cuts in a machine: seed {a.seed}", flush=True)
    vmlinuz, modules = kernel(folder / "kernel")
    authority = Authority(folder / "ca")
    authority.issue("server", hosts=["10.0.2.2", "localhost", "127.0.0.1"])
    with Platform(folder / "city", authority=authority).start() as platform:
        image = initramfs(folder, a.build.resolve(), modules, platform)
        with open(folder / "disk.img", "wb") as disk:
            disk.truncate(DISK_MB << 20)
        run("mkfs.ext4", "-q", folder / "disk.img")
        guest = Guest(folder, vmlinuz, image)
        for cut in range(a.cuts):
            guest.start()
            starting = chance.random() < 0.25
            guest.wait("vm: starting" if starting else "link up", BOOT_S)
            time.sleep(chance.uniform(0, 1.5 if starting else 5))
            guest.cut()
            print(f"cut {cut + 1} of {a.cuts}: {len(platform.seen)} arrived", flush=True)
        guest.start("drain")
        guest.wait("vm: drained", BOOT_S)
        guest.process.wait(BOOT_S)
    wrong, events, repeats, rows, overtaken = verdict(folder, platform)
    said = {"cuts": a.cuts, "seed": a.seed, "events": events, "repeats": repeats,
            "journal_rows": rows, "overtaken": overtaken, "wrong": len(wrong)}
    print("\n".join(wrong[:40]))
    print(json.dumps(said))
    note(said, wrong)
    if wrong:
        print(f"what the platform got, and the disk: {folder}")
    elif not a.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong or events < a.cuts else 0


if __name__ == "__main__":
    sys.exit(main())
