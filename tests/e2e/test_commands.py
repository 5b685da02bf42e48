# SPDX-License-Identifier: Apache-2.0
"""What the operator sees and says: the commands, their JSON, and the control socket's nerves."""
import json
import os
import socket
import stat
import subprocess
import tarfile
import threading
import time

import building as b
import harness
import oracle
import pytest
from judge import judge


@pytest.fixture
def site(gateway, plant, broker, city):
    plant.set(3, "holding", 0, 100, 0)
    latched = {**b.SMOKE, "latch": True}
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()),
                         b.mqtt(broker.port, b.smoke(1), b.smoke(2)),
                         alarms=[b.GAS_LOW, b.GAS_HIGH, latched], uplinks=[city.uplink()])).start()
    g.wait_point("plant/gas-1/ch4", 10)
    g.wait_up("zigbee")
    return g


HIGH, LOW, SMOKE = ("plant/gas-1/ch4:ch4-high", "plant/gas-1/ch4:ch4-low",
                    "zigbee/smoke-1/smoke:smoke")


def test_points(site):
    points = {p["point"]: p for p in site.ask("points")}
    assert {"plant/gas-1/ch4", "plant/gas-1/sensor-fault", "zigbee/smoke-1/smoke",
            "zigbee/smoke-1/battery"} <= set(points)
    ch4 = points["plant/gas-1/ch4"]
    assert ch4["value"] == 10 and ch4["quality"] == "good" and ch4["unit"] == "%LEL"
    assert 0 <= ch4["age_ms"] < 5000 * harness.SLOW
    unread = points["zigbee/smoke-2/smoke"]
    assert unread["value"] is None and unread["quality"] == "silent"
    few = [p["point"] for p in site.ask("points", "zigbee/*/smoke")]
    assert sorted(few) == ["zigbee/smoke-1/smoke", "zigbee/smoke-2/smoke"]


def test_alarms(site, plant, publisher):
    assert site.ask("alarms") == []
    plant.set(3, "holding", 0, 600, 0)
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    for alarm in (HIGH, LOW, SMOKE):
        site.wait_state(alarm, "active-unacked")
    standing = site.ask("alarms")
    assert [a["alarm"] for a in standing] == [HIGH, SMOKE, LOW], "worst first"
    high = standing[0]
    assert {"alarm", "name", "state", "level", "class", "since", "value", "limit"} <= set(high)
    assert (high["name"], high["level"], high["class"], high["value"], high["limit"]) == (
        "ch4-high", "red", "alarm", 60, 50)
    assert abs(oracle.parse_time_ms(high["since"]) - oracle.wall_ms()) < 60_000
    every = {a["alarm"]: a for a in site.ask("alarms", "--all")}
    assert {"plant/gas-1:silent", "plant:down", "zigbee:down"} <= set(every)
    assert every["plant:down"]["state"] == "normal"


def test_status(site, city):
    status = harness.wait_for(lambda: site.uplink()["state"] == "up" and site.status(),
                              lambda: str(site.uplink()))
    assert {s["name"]: s["state"] for s in status["sources"]} == {"plant": "up", "zigbee": "up"}
    uplink = status["uplinks"][0]
    assert uplink["name"] == "city" and uplink["pending"] == 0
    assert "oldest_ms" in uplink
    control = status["control"]
    assert control["clients"] >= 1 and control["requests"] >= 1 and control["malformed"] == 0


@pytest.mark.parametrize("command", (["status"], ["points"], ["alarms"], ["alarms", "--all"]))
def test_words_for_people(site, command):
    done = site.run(*command)
    assert done.returncode == 0 and done.stdout.strip() and not done.stderr
    assert "\x1b" not in done.stdout, "no colour where there is no terminal"


def test_acknowledge_reset_shelve(site, plant, publisher, city):
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    site.wait_state(SMOKE, "active-unacked")
    assert site.ask("ack", SMOKE, "-m", "去看看")["state"] == "active-acked"
    assert site.alarm(SMOKE)["state"] == "active-acked"
    assert site.run("reset", SMOKE).returncode != 0, "it is still true"
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    site.wait_state(SMOKE, "latched-acked")
    assert site.ask("reset", SMOKE)["state"] == "normal"
    plant.set(3, "holding", 0, 300, 0)
    site.wait_state(LOW, "active-unacked")
    assert site.ask("shelve", LOW, "--for", "1h", "-m", "Wartung")["state"] == "shelved"
    assert site.run("shelve", HIGH).returncode != 0, "always with an end time"
    assert site.ask("unshelve", LOW)["state"] == "active-unacked"
    for change in ("acked", "reset"):
        city.until(SMOKE, change)
    for change in ("shelved", "unshelved"):
        city.until(LOW, change)
    assert city.seen_events(SMOKE)[0].change == "raised"
    judge(site, city)


def test_a_latched_alarm_stays_until_reset(site, publisher, city):
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": True})
    publisher.send("zigbee2mqtt/smoke-1", {"smoke": False})
    site.wait_state(SMOKE, "latched-unacked")
    assert [a["alarm"] for a in site.ask("alarms")] == [SMOKE]
    site.restart()
    assert site.alarm(SMOKE)["state"] == "latched-unacked"
    judge(site, city)


def test_a_shelved_alarm_comes_back_by_itself(site, plant):
    plant.set(3, "holding", 0, 300, 0)
    site.wait_state(LOW, "active-unacked")
    assert site.ask("shelve", LOW, "--for", "1s")["state"] == "shelved"
    site.wait_state(LOW, "active-unacked")


def test_names_that_do_not_tell_which(site):
    done = site.run("ack", "smoke")
    assert done.returncode != 0 and "zigbee/smoke-1/smoke:smoke" in done.stderr + done.stdout
    done = site.run("ack", "no-such-alarm")
    assert done.returncode != 0 and "no-such-alarm" in done.stderr
    done = site.run("ack", HIGH)
    assert done.returncode != 0, "nothing to acknowledge"


def test_tail_history_and_live(site, plant):
    plant.set(3, "holding", 0, 600, 0)
    site.wait_state(HIGH, "active-unacked")
    log = open(site.folder / "tail.out", "w+b")
    tail = subprocess.Popen([str(site.build / "tocsin"), "--socket", str(site.socket), "tail",
                             "-n", "10"], stdout=log, stderr=log)
    read = lambda: (site.folder / "tail.out").read_text().splitlines()  # noqa: E731
    try:
        harness.wait_for(lambda: len(read()) == 2, lambda: str(read()))
        plant.set(3, "holding", 0, 100, 0)
        harness.wait_for(lambda: len(read()) == 4, lambda: str(read()))
        assert tail.poll() is None
        assert all(oracle.LINE.fullmatch(x) for x in read()), read()
        harness.wait_for(lambda: read() == site.alert_log.read_text().splitlines(),
                         lambda: f"{read()}, logged: {site.alert_log.read_text()}")
    finally:
        tail.terminate()
        tail.wait()
        log.close()


def test_tail_json_is_one_event_a_line(site, plant):
    plant.set(3, "holding", 0, 600, 0)
    site.wait_state(HIGH, "active-unacked")
    tail = subprocess.Popen([str(site.build / "tocsin"), "--socket", str(site.socket), "tail",
                             "-n", "2", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        rows = [json.loads(tail.stdout.readline()) for _ in range(2)]
    finally:
        tail.terminate()
        tail.wait()
        tail.stdout.close()
    data = [r.get("data", r) for r in rows]
    assert [d["seq"] for d in data] == [1, 2] and {d["alarm"] for d in data} == {HIGH, LOW}


def test_check_as_the_daemon_does(site, folder):
    assert site.run("check", site.config_path).returncode == 0
    bad = folder / "bad.yaml"
    bad.write_text(site.config_path.read_text().replace("above: 50", "above: 57,5"))
    done = site.run("check", bad)
    assert done.returncode == 1 and "57,5" in done.stderr + done.stdout


def test_no_daemon(site):
    site.stop()
    done = site.run("status")
    assert done.returncode != 0 and str(site.socket) in done.stderr


def connect(site):
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(site.socket))  # waits for room in the backlog; with a timeout it would not
    s.settimeout(15 * harness.SLOW)
    return s


def read_all(s):
    """What it says until it closes the connection; a reset after the answer is a close too."""
    got = b""
    try:
        while part := s.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got


ABUSE = (b"hello\n", b"{\n", b'{"cmd":"status"} x\n', b'{"cmd":7}\n', b"[1,2]\n", b"\xff\xfe\n",
         b'{"cmd":"status","cmd":"points"}\n', b"\n", b"\x00\n", b"[" * 3000 + b"\n",
         b'{"cmd":"' + b"a" * 100_000 + b'"}\n', b'{"cmd":"status"' + b" " * 200_000)


@pytest.mark.parametrize("request_bytes", ABUSE, ids=range(len(ABUSE)))
def test_malformed_gets_an_error_and_the_door(site, request_bytes):
    with connect(site) as s:
        try:
            s.sendall(request_bytes)
        except (BrokenPipeError, ConnectionResetError):
            pass
        first = read_all(s).split(b"\n")[0]
        # A line far too long may be cut off before the answer can be read.
        if len(request_bytes) < 8192 or first:
            assert json.loads(first)["ok"] is False and json.loads(first)["error"]
    assert site.ask("status")["sources"]


@pytest.mark.parametrize("line", (
    b'{"cmd":"explode"}', b'{"cmd":"status","surprise":1}', b'{"cmd":"ack"}',
    b'{"cmd":"ack","alarm":7}', b'{"cmd":"shelve","alarm":"x","for":"forever"}',
    b'{"cmd":"points","pattern":"[["}'))
def test_refused_for_its_meaning(site, line):
    with connect(site) as s:
        s.sendall(line + b"\n")
        answer = json.loads(s.makefile("rb").readline())
        assert answer["ok"] is False or line.startswith(b'{"cmd":"points"')
        assert answer["ok"] or answer["error"]


def test_slow_is_too_slow(site):
    with connect(site) as s:
        at = time.monotonic()
        s.sendall(b'{"cmd":')
        assert b'"error"' in read_all(s)
        assert time.monotonic() - at < 12 * harness.SLOW
    with connect(site) as s:  # dripping does not help
        at = time.monotonic()
        try:
            while time.monotonic() - at < 12 * harness.SLOW:
                s.sendall(b" ")
                time.sleep(0.3)
            raise AssertionError("still open")
        except (BrokenPipeError, ConnectionResetError):
            pass


def test_idle_and_many_clients_lock_nobody_out(site):
    held = [connect(site) for _ in range(20)]
    try:
        assert site.ask("status")["sources"]
        more = [connect(site) for _ in range(60)]
        time.sleep(0.1)
        for s in more:
            s.close()
    finally:
        for s in held:
            s.close()
    harness.wait_for(site.answers, "it answers again", 20)


def test_a_reader_that_does_not_read_is_cut(site, plant):
    with connect(site) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        for _ in range(3000):
            try:
                s.sendall(b'{"cmd":"alarms","all":true}\n')
            except (BrokenPipeError, ConnectionResetError, socket.timeout):
                break
            if not site.process.alive():
                break
        assert site.ask("status")["sources"]


def test_the_socket_is_for_the_group_only(site):
    mode = os.stat(site.socket).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    site.stop()
    assert not site.socket.exists()


def test_a_socket_left_by_a_kill_is_no_obstacle(site):
    site.kill()
    assert site.socket.exists()
    site.start()
    assert site.ask("status")["sources"]


def test_a_second_daemon_does_not_take_over(site):
    done = subprocess.run([site.build / "tocsind", "--config", site.config_path],
                          capture_output=True, text=True, timeout=20 * harness.SLOW, check=False)
    assert done.returncode == 2 and done.stderr
    assert site.ask("status")["sources"]


# ---- support ----

def members(path):
    with tarfile.open(path) as archive:
        return {m.name.removeprefix("tocsin-support/"): archive.extractfile(m).read()
                for m in archive.getmembers()}


def test_support_makes_one_archive_without_secrets(gateway, plant, city, folder):
    plant.set(3, "holding", 0, 520, 0)
    secret = folder / "token"
    secret.write_text("S3CRET\n")
    g = gateway(b.config(b.modbus_tcp(plant.port, b.gas()), alarms=[b.GAS_HIGH],
                         uplinks=[city.uplink(token_file=str(secret),
                                              url=city.url + "?key=S3CRET")])).start()
    city.until("plant/gas-1/ch4:ch4-high", "raised")
    assert "S3CRET" in json.dumps(g.status()), "the daemon knows it"
    text = g.config_path.read_text()
    g.config_path.write_text("# S3CRET\n" + text + "# password: S3CRET\n")
    path = folder / "support.tar"
    done = g.run("support", "--config", g.config_path, path)
    assert done.returncode == 0, done.stderr
    made = members(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert not [name for name, content in made.items() if b"S3CRET" in content]
    status = json.loads(made["status.json"])["result"]
    assert status["gateway"] == "box"
    assert status["uplinks"][0]["url"] == city.url.replace("/v1/alerts", "/(left out)")
    assert b"plant/gas-1/ch4:ch4-high" in made["alarms.json"] and b"ch4" in made["points.json"]
    assert b'"change":"raised"' in made["events.json"].replace(b": ", b":")
    assert json.loads(made["journal.json"])["result"]["head"]["seq"] > 0
    assert b"token_file: (left out)" in made["tocsin.yaml"] and b"ca.pem" in made["tocsin.yaml"]
    assert b"private keys" in made["README"] and b"Linux" in made["system.txt"]
    again = g.run("support", path)
    assert again.returncode != 0 and "exists" in again.stderr


def test_support_names_what_it_could_not_have(gateway, folder):
    g = gateway({})
    path = folder / "support.tar"
    done = g.run("support", "--config", folder / "no.yaml", path)
    assert done.returncode == 0, done.stderr
    for name in ("status.json", "points.json", "tocsin.yaml"):
        assert name in done.stdout and name in members(path)["README"].decode()
    assert "No such file" in done.stdout and "is it running?" in done.stdout


def support(g, folder, path=None, within=30):
    """Its archive and what it said; the programs in folder/bin come first."""
    done = subprocess.run([g.build / "tocsin", "--socket", path or g.socket, "support", "--config",
                           g.config_path, folder / "support.tar"], capture_output=True, text=True,
                          env={**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"},
                          timeout=within * harness.SLOW, check=False)
    assert done.returncode == 0, done.stderr
    return members(folder / "support.tar"), done.stdout


def programs(folder, **scripts):
    (folder / "bin").mkdir()
    for name, text in scripts.items():
        (folder / "bin" / name).write_text("#!/bin/sh\n" + text)
        (folder / "bin" / name).chmod(0o755)


def test_support_leaves_secrets_out_of_the_log_and_the_unit(gateway, folder):
    programs(folder, journalctl="echo 'cannot reach https://me:S3CRET@city/hook/S3CRET: refused'",
             systemctl="""case "$*" in *-p*) echo "asked $*";; *) echo Environment=S3CRET;; esac
echo ExecStart=https://city/S3CRET""")
    made, _ = support(gateway({}), folder)
    assert not [name for name, content in made.items() if b"S3CRET" in content]
    assert b"https://(left out)@city/(left out) refused" in made["log.txt"]
    assert b"ActiveState" in made["unit.txt"] and b"Environment" not in made["unit.txt"]


def test_support_waits_for_no_program_that_hangs(gateway, folder):
    hangs = "echo begun; exec sleep 600"
    programs(folder, journalctl=hangs, systemctl=hangs, df=hangs, timeout="""
[ "$1" = -k ] && shift 2
[ "$1" = 20 ] && shift && exec /usr/bin/timeout 1 "$@" """)
    made, said = support(gateway({}), folder)
    assert made["log.txt"] == made["unit.txt"] == b"begun\n"
    for name in ("log.txt (in part)", "unit.txt (in part)"):
        assert name in said and name in made["README"].decode()
    assert said.count("did not end within 20 s") == 2 and b"df: 124" in made["system.txt"]


@pytest.fixture
def daemon(folder):
    """daemon(tail): a socket where each request gets its reply, and tail what tail(send) sends."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "fake.sock"))
    listener.listen()
    threads = []

    def serve(c, tail):
        with c:
            asked = json.loads(c.makefile("rb").readline())
            c.sendall(b'{"ok":true,"result":{"last_seq":7}}\n')
            try:
                if asked["cmd"] == "tail":
                    tail(c.sendall)
                    c.recv(1)
            except OSError:
                pass

    def accept(tail):
        while True:
            try:
                c = listener.accept()[0]
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(c, tail)))
            threads[-1].start()

    def start(tail):
        threads.append(threading.Thread(target=accept, args=(tail,)))
        threads[0].start()
        return folder / "fake.sock"
    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for t in threads:
        t.join(20 * harness.SLOW)


def test_support_ends_while_events_come(gateway, folder, daemon):
    def tail(send):
        for seq in range(100_000):
            send(b'{"event":{"seq":%d}}\n' % seq)
            time.sleep(0.01)
    made, said = support(gateway({}), folder, daemon(tail))
    assert made["events.json"].count(b"\n") == 201 and "events.json" not in said


def test_support_waits_for_a_slow_history(gateway, folder, daemon):
    def tail(send):
        time.sleep(2)
        send(b'{"event":{"seq":7}}\n')
    made, said = support(gateway({}), folder, daemon(tail))
    assert b'"seq":7' in made["events.json"] and "events.json" not in said


def test_support_names_a_history_that_did_not_come(gateway, folder, daemon):
    made, said = support(gateway({}), folder, daemon(lambda send: None))
    assert made["events.json"].count(b"\n") == 1
    assert "events.json (in part)" in said and b"events.json (in part)" in made["README"]


def test_support_without_events_waits_for_none(gateway, folder):
    began = time.monotonic()
    made, said = support(gateway({}).start(), folder)
    assert "events.json" not in said and made["events.json"].count(b"\n") == 1
    assert time.monotonic() - began < 8 * harness.SLOW


def test_support_names_a_configuration_that_is_too_large(gateway, folder):
    g = gateway({})
    with open(g.config_path, "wb") as f:
        f.truncate(65 << 20)
    _, said = support(g, folder)
    assert "tocsin.yaml" in said and "File too large" in said


def test_support_leaves_out_a_configuration_that_is_no_yaml(gateway, folder):
    g = gateway({})
    g.config_path.write_text("gateway: {id: box}\nuplinks: [S3CRET\nx: S3CRET\n")
    made, said = support(g, folder)
    assert "tocsin.yaml" not in made and "line 3, column 2: did not find" in said
    assert b"line 3, column 2: did not find" in made["README"]
    assert not [name for name, content in made.items() if b"S3CRET" in content]
