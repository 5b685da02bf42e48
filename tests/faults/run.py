#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trials by hand: run.py [--kind disk] [--case GLOB] [--seed N] [--times K] [--nightly] [--list]

The same seed does the same again; a failing trial prints the line that repeats it."""
import argparse
import random
import sys
import tempfile
import os

if os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"

import trial  # noqa: E402


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kind", choices=trial.FAMILIES)
    options.add_argument("--case", default="*")
    options.add_argument("--seed", type=int, default=random.randrange(10 ** 6))
    options.add_argument("--times", type=int, default=1)
    options.add_argument("--nightly", action="store_true")
    options.add_argument("--list", action="store_true")
    options.add_argument("--strict", action="store_true", help="open ones fail, too")
    o = options.parse_args()
    chosen = trial.cases(o.nightly, o.kind, o.case)
    if o.list:
        for case in chosen:
            print(f"{case.kind:14} {case.name:40} {'open: ' + case.open if case.open else ''}")
        return 0
    shared, bad = trial.Shared(), 0
    try:
        for seed in range(o.seed, o.seed + o.times):
            for case in chosen:
                r = trial.run(case, shared, seed)
                failed = bool(r.wrong)
                bad += failed and (o.strict or not case.open)
                words = "ok" if not failed else "open" if case.open else "FAILED"
                if case.open and not failed:
                    words = "ok, was open"
                print(f"{words:12} {case.kind}/{case.name} seed {seed} {r.seconds:.1f} s, "
                      f"worst {r.worst_ms} ms", flush=True)
                if failed:
                    print("  " + "\n  ".join(r.wrong)[:6000 if not case.open else 700])
                    print(f"  again: tests/faults/run.py --kind {case.kind} --case '{case.name}' "
                          f"--seed {seed}", flush=True)
    finally:
        shared.close()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
