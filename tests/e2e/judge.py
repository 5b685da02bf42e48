# SPDX-License-Identifier: Apache-2.0
"""The verdict on a run of the daemon: waits until everything has arrived, then asks the oracle."""
import sqlite3

import harness
import oracle


def journal(gateway):
    """seqs in the database of a stopped gateway."""
    assert not gateway.process.alive(), "nobody else opens the live file"
    db = sqlite3.connect(f"file:{gateway.state}/tocsin.db?mode=ro", uri=True)
    try:
        return [row[0] for row in db.execute("SELECT seq FROM event ORDER BY seq")]
    finally:
        db.close()


def judge(gateway, city, ledger=None, within=15.0, only=None, uplink="city"):
    """Everything caused has arrived, once, in order, and nothing else. The gateway must run."""
    causes = oracle.read_injector(ledger.path) if ledger else None
    logged = lambda: [row["seq"] for row in gateway.lines()]  # noqa: E731

    def verdict():
        return oracle.check(city.arrivals(), causes, committed=logged(), only=only)
    try:
        harness.wait_for(lambda: not verdict(), "a clean verdict", within)
    except AssertionError:
        raise AssertionError("\n".join(verdict()) + f"\n{gateway.uplink(uplink)}") from None
    harness.wait_for(lambda: gateway.uplink(uplink)["pending"] == 0,
                     lambda: f"nothing owed, is {gateway.uplink(uplink)}", within)
