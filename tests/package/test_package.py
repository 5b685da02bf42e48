# SPDX-License-Identifier: Apache-2.0
"""The Debian package in a bare Debian: built clean, installed, upgraded, removed, purged."""
import os
import re
import shutil
import subprocess

import pytest
import root as roots

STATE = {"/var/lib/tocsin/tocsin.db": "journal", "/var/log/tocsin/alerts.log": "alerts",
         "/etc/tocsin/gateway.key": "key"}
# What stays after a purge: users and groups, and what dpkg, apt, systemd and caches note of any
# package.
NOTED = (r"^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$", r"^/etc/\.pwd\.lock$",
         r"^/var/lib/dpkg/", r"^/var/lib/apt/", r"^/var/cache/", r"^/var/log/(apt|dpkg)",
         r"^/root/", r"^/var/lib/systemd/deb-systemd-helper-", r"^/var/log/alternatives.log$")


def changed(before, after):
    return sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))


def keep_state(root):
    for name, text in STATE.items():
        root.path(name).write_text(text)


def has_state(root):
    return all(root.path(name).exists() and root.path(name).read_text() == text
               for name, text in STATE.items())


def test_lintian_says_nothing(built):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    done = subprocess.run(["lintian", "--allow-root", "--no-cfg", "--fail-on=error,warning",
                           built.tocsin, built.doc], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_compilation_is_hardened(built):
    if not shutil.which("blhc"):
        pytest.skip("blhc is not installed")
    done = subprocess.run(["blhc", "--all", "--debian", built.log], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_what_is_installed(installed):
    for name in ("/usr/sbin/tocsind", "/usr/bin/tocsin", "/usr/libexec/tocsin/tocsin-replay",
                 "/usr/libexec/tocsin/tocsin-backup",
                 "/lib/systemd/system/tocsind.service", "/lib/udev/rules.d/70-tocsin.rules",
                 "/usr/lib/sysusers.d/tocsin.conf", "/usr/lib/tmpfiles.d/tocsin.conf",
                 "/etc/logrotate.d/tocsin", "/usr/share/tocsin/profiles/gas-ch4-lel.yaml",
                 "/usr/share/tocsin/tocsin.schema.json", "/usr/share/zsh/vendor-completions/_tocsin",
                 "/usr/share/doc/tocsin/examples/tocsin.yaml", "/usr/share/doc/tocsin/copyright"):
        assert installed.path(name).is_file(), name
    conffiles = installed.run("dpkg-query", "-W", "-f", "${Conffiles}", "tocsin").stdout
    assert re.findall(r"/\S+", conffiles) == ["/etc/logrotate.d/tocsin", "/etc/tocsin/tocsin.yaml"]
    # as the unit's own test in tests/lint/unit_file.py wants them
    owners = installed.run("stat", "-c", "%n %A %U %G", "/etc/tocsin", "/var/lib/tocsin",
                           "/var/log/tocsin").stdout.splitlines()
    assert owners[0] == "/etc/tocsin drwxr-x--- root tocsin", owners
    assert all(" tocsin " in line for line in owners[1:]), owners
    assert "tocsin" in installed.run("id", "-nG", "tocsin").stdout.split()
    assert "dialout" in installed.run("id", "-nG", "tocsin").stdout.split()
    enabled = "/etc/systemd/system/multi-user.target.wants/tocsind.service"
    assert os.readlink(installed.path(enabled)) == "/lib/systemd/system/tocsind.service"


def test_programs_run(installed, built):
    assert installed.run("tocsind", "--version").stdout == f"tocsind {built.version}\n"
    example = "/usr/share/doc/tocsin/examples/tocsin.yaml"
    assert f"{example}: good: " in installed.run("tocsind", "--check", "--config", example).stdout
    said = installed.run("tocsin", "check", example).stdout
    assert "good" in said
    installed.path("/root/s.csv").write_text(
        "time_ms,point,value\n0,b/d/v,1\n1000,b/d/v,60\n2000,b/d/v,1\n")
    installed.path("/root/c.yaml").write_text(
        "gateway: {id: x}\nsources: [{name: b, driver: sim, devices: [{name: d, points: "
        "[{name: v, value: 1}]}]}]\nalarms: [{name: high, on: b/d/v, when: {above: 50}, "
        "level: red, class: alarm}]\n")
    events = installed.run("tocsin", "replay", "--config", "/root/c.yaml", "--json", "/root/s.csv")
    assert '"change":"raised"' in events.stdout, events.stdout


def test_the_shipped_configuration_waits_for_an_id(installed):
    done = installed.run("tocsind", "--check", check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"/etc/tocsin/tocsin\.yaml:\d+:\d+: gateway\.id: has no value\n", done.stdout)
    path = installed.path("/etc/tocsin/tocsin.yaml")
    path.write_text(re.sub(r"(?m)^  id: ", "  id: box-1 ", path.read_text()))
    assert "good: 0 sources" in installed.run("tocsind", "--check").stdout


def test_manual_and_completions(installed):
    for page in ("tocsind.8", "tocsin.1", "tocsin.yaml.5"):
        name, section = page.rsplit(".", 1)
        text = installed.run("man", "--warnings=w", "-Tutf8", section, name).stdout
        text = re.sub(".\x08", "", text)  # bold, as printers do it
        assert "NAME" in text and not re.search(r":\d+: warning", text), text[:600]
    words = installed.shell("""
        bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader tocsin || true
        complete -p tocsin; COMP_WORDS=(tocsin sta); COMP_CWORD=1; COMP_LINE="tocsin sta"
        COMP_POINT=10; $(complete -p tocsin | sed "s/.*-F \\([^ ]*\\).*/\\1/"); echo "${COMPREPLY[@]}"'
        """)
    assert "status" in words.split(), words


def test_an_upgrade_keeps_state_and_configuration(installed, newer):
    keep_state(installed)
    config = installed.path("/etc/tocsin/tocsin.yaml")
    config.write_text(config.read_text() + "# mine\n")
    mine = config.read_text()
    installed.dpkg("-i", installed.put(newer, "/root/newer.deb"))
    assert has_state(installed) and config.read_text() == mine
    assert installed.run("dpkg-query", "-W", "-f", "${Version}", "tocsin").stdout.endswith("+1")


def test_a_remove_keeps_state_and_a_purge_leaves_nothing(root, built):
    before = root.listing(*NOTED)
    root.dpkg("-i", root.put(built.tocsin, "/root/tocsin.deb"))
    keep_state(root)
    root.dpkg("--remove", "tocsin")
    assert has_state(root) and not root.path("/usr/sbin/tocsind").exists()
    root.dpkg("-i", "/root/tocsin.deb")
    assert has_state(root)
    root.dpkg("--purge", "tocsin")
    assert changed(before, root.listing(*NOTED)) == []


def test_a_full_disk_during_an_upgrade_loses_nothing(bare, built, newer):
    root = roots.Root(bare)
    try:
        root.dpkg("-i", root.put(built.tocsin, "/root/tocsin.deb"))
        root.put(newer, "/root/newer.deb")
        keep_state(root)
        ours = root.run("dpkg", "-L", "tocsin").stdout.split("\n")
        shown = lambda: {k: v for k, v in root.listing().items()  # noqa: E731
                         if k in ours or k in STATE}
        before = shown()
        assert before["/usr/sbin/tocsind"]
        # room for what dpkg notes, not for the programs
        room = os.statvfs(root.scratch)
        used = (room.f_blocks - room.f_bfree) * room.f_frsize
        root.resize(used + 200_000)
        done = root.dpkg("-i", "/root/newer.deb", check=False)
        assert done.returncode and "No space left" in done.stdout, done.stdout
        assert changed(before, shown()) == []
        root.resize(600 << 20)
        root.dpkg("-i", "/root/newer.deb")
        assert has_state(root)
        assert root.run("dpkg-query", "-W", "-f", "${Status} ${Version}",
                        "tocsin").stdout == f"install ok installed {built.version}+1"
    finally:
        root.close()


def test_the_manual_has_its_pictures(root, built):
    root.dpkg("-i", root.put(built.doc, "/root/doc.deb"))
    at = root.path("/usr/share/doc/tocsin")
    for page in [at / "README.md", *(at / "doc").glob("*.md")]:
        text = page.read_text()
        for name in re.findall(r'(?:\]\(|src=")([^)#:" ]+\.(?:md|svg|yaml))\b', text):
            assert (page.parent / name).exists(), f"{page.name}: {name}"
