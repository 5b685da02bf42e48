#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""doc/reliability.md from what the trials wrote: report.py FAULTS.jsonl... > doc/reliability.md

Each line of the input is one trial (or many of a kind): trial.py's note() and power_cut.c."""
import collections
import datetime
import json
import sys

KINDS = (("power", "Power cut"), ("crash", "Crash"), ("disk", "Disk"), ("platform", "Platform"),
         ("configuration", "Configuration"), ("sensor", "Sensor"), ("resources", "Resources"),
         ("clock", "Clock"), ("long", "The long run"), ("defects", "Planted defects"))

HEAD = """# Reliability, measured

Written by `tests/faults/report.py` from the lines of the fault suite ({when}, {trials} trials, seeds in
`build-logs/faults.jsonl`); `tools/test nightly` writes it anew. Each trial disturbs the shipped `tocsind`
between a real broker and a real TLS platform and is judged by nine invariants: nothing lost past its
commit, a repeat has the same id and bytes, order per alarm, nothing invented, bounded latency, the same
final state on both sides, resources back at the baseline, the fault itself reported, and what policy drops
counted and of the lowest class.

*Losses* counts alarms that should have arrived and did not, *duplicates* an event under two ids. *Worst*
is the longest time from the cause at the sensor to the platform in any trial, the fault itself included: an
alarm that arises in an outage waits for its end. A disk fault holds nothing back for more than the 200 ms
of its own commit; the broker's next message on the same topic waits for that commit up to 2 s.
"""


def read(paths):
    rows = []
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            rows += [json.loads(line) for line in lines]
    return rows


def table(rows):
    by_fault = collections.OrderedDict()
    for r in rows:
        by_fault.setdefault(r["fault"], []).append(r)
    yield "| fault | trials | failed | losses | duplicates | worst |"
    yield "|---|---:|---:|---:|---:|---:|"
    for fault, group in by_fault.items():
        total = {k: sum(r.get(k, 0) for r in group) for k in ("trials", "losses", "duplicates")}
        failed = sum(bool(r["wrong"]) for r in group)
        worst = max(r["worst_ms"] for r in group)
        yield (f"| {fault} | {total['trials']:,} | {failed} | {total['losses']} | "
               f"{total['duplicates']} | {f'{worst:,} ms' if worst else ''} |")


def main(paths):
    rows = read(paths)
    when = datetime.date.today().isoformat()
    print(HEAD.format(when=when, trials=f"{sum(r['trials'] for r in rows):,}"))
    for kind, title in KINDS:
        mine = [r for r in rows if r["kind"] == kind]
        if mine and kind == "defects":
            caught = [r["fault"] for r in mine if not r["wrong"]]
            print(f"## {title}\n\nThe suite against itself: {len(caught)} of {len(mine)} defects "
                  "planted in the gateway's source were\nfound out by a trial that passes without "
                  "them:\n")
            print("\n".join(f"- {name}" for name in caught) + "\n")
        elif mine:
            print(f"## {title}\n")
            print("\n".join(table(mine)) + "\n")
    still = collections.OrderedDict()
    for r in rows:
        if r["wrong"]:
            still.setdefault((r["fault"], r.get("open", "")), []).append(r)
    if still:
        print("## What failed\n")
        for (fault, why), group in still.items():
            words = why or group[0]["wrong"][0].splitlines()[0][:120]
            print(f"- {fault} ({len(group)} of its trials): {words}")


if __name__ == "__main__":
    main(sys.argv[1:])
