# SPDX-License-Identifier: Apache-2.0
"""tocsin verify: whoever changes the journal behind the gateway's back is found out."""
import sqlite3

import building as b
import harness


def site(broker, city):
    return b.config(b.mqtt(broker.port, b.smoke(1)), alarms=[b.SMOKE],
                    uplinks=[city.uplink(heartbeat="1s")])


def test_a_changed_row_is_named(gateway, broker, publisher, city):
    g = gateway(site(broker, city)).start()
    g.wait_up("zigbee")
    for n in range(10):
        publisher.send("zigbee2mqtt/smoke-1", {"smoke": n % 2 == 0})
    city.until("zigbee/smoke-1/smoke:smoke", "cleared", 5)
    harness.wait_for(lambda: g.status()["store"]["pending"] == 0, "all is committed")
    good = g.ask("verify")
    assert good["broken"] is None and good["events"] == good["head"]["seq"] == 10
    assert "as it was written: 10 events" in g.run("verify").stdout
    # The platform hears of the head.
    harness.wait_for(lambda: city.beats()[-1]["data"].get("journal_head") == good["head"],
                     lambda: city.beats()[-1])
    g.stop()
    db = sqlite3.connect(g.state / "tocsin.db")
    with db:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("UPDATE event SET level = 0 WHERE seq = 4")
    db.close()
    g.start()
    done = g.run("verify")
    assert done.returncode == 1 and "#4" in done.stdout, done.stdout + done.stderr
    found = g.run("verify", "--json")
    assert found.returncode == 1 and '"broken":4' in found.stdout
