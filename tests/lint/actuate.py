#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""It observes and never actuates: no Modbus write function is referenced. actuate.py FILE..."""
import re
import subprocess
import sys

WRITES = re.compile(r"\bmodbus_(write_\w+|mask_write_register)\b")


def complaints(path):
    names = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    for name in sorted({found[0] for found in WRITES.finditer(names)}):
        yield f"{path}: references {name}"


if __name__ == "__main__":
    lines = [line for path in sys.argv[1:] for line in complaints(path)]
    print("\n".join(lines) or "actuate: nothing writes to a device")
    sys.exit(1 if lines else 0)
