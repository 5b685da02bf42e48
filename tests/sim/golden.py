#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A simulation's events are those of its golden file, byte for byte:
golden.py [--update] SIMULATE CONFIG GOLDEN [DAYS]"""
import difflib
import pathlib
import subprocess
import sys

PERSON_S = "600"  # acknowledges and resets after ten minutes


def main(update, simulate, config, golden, days="1"):
    run = subprocess.run([simulate, "-d", days, "-p", PERSON_S, config],
                         stdout=subprocess.PIPE, check=True)
    golden = pathlib.Path(golden)
    if update:
        golden.write_bytes(run.stdout)
        return 0
    if golden.read_bytes() == run.stdout:
        return 0
    sys.stdout.writelines(difflib.unified_diff(
        golden.read_text("utf-8").splitlines(True), run.stdout.decode().splitlines(True),
        "golden", "now"))
    return 1


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    sys.exit(main("--update" in sys.argv, *arguments))
