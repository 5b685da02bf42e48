#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One version: that of meson.build heads both changelogs."""
import pathlib
import re
import sys

HEADS = {
    "meson.build": r"^\s+version: '([^']+)'",
    "debian/changelog": r"\Atocsin \(([^)]+)\) ",
    "CHANGELOG.md": r"^## \[([^\]]+)\]",
}


def versions(root):
    for name, pattern in HEADS.items():
        found = re.search(pattern, (root / name).read_text(), re.M)
        yield name, found.group(1) if found else "none"


def complaints(root):
    got = dict(versions(root))
    if len(set(got.values())) != 1:
        yield "versions differ: " + ", ".join(f"{k} {v}" for k, v in got.items())


def main(root):
    bad = list(complaints(pathlib.Path(root)))
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
