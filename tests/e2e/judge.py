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


UNREAD_START = "the database could not be read in time"


def judge(gateway, city, ledger=None, within=15.0, only=None, uplink="city", slow_starts=False):
    """Everything caused has arrived, once, in order, and nothing else. The gateway must run.

    slow_starts: a busy machine may have kept some start from reading its database in time. Such
    a start begins without memory, and what it says is amended by the next (tests/faults judges
    that); here it only counts that no cause is without effect."""
    causes = oracle.read_injector(ledger.path) if ledger else None
    logged = lambda: [row["seq"] for row in gateway.lines()]  # noqa: E731

    def verdict():
        wrong = oracle.check(city.arrivals(), causes, committed=logged(), only=only)
        if slow_starts and UNREAD_START in gateway.log():
            wrong = [w for w in wrong if w.endswith("had no effect")]
        return wrong
    try:
        harness.wait_for(lambda: not verdict(), "a clean verdict", within)
    except AssertionError:
        raise AssertionError("\n".join(verdict()) + f"\n{gateway.uplink(uplink)}") from None
    harness.wait_for(lambda: gateway.uplink(uplink)["pending"] == 0,
                     lambda: f"nothing owed, is {gateway.uplink(uplink)}", within)
