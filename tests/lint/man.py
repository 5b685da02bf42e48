#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The man pages are clean, and tocsin(1) knows every command and option of `tocsin --help`."""
import pathlib
import re
import shutil
import subprocess
import sys


def main(tocsin, pages):
    if not shutil.which("mandoc"):
        print("mandoc is not installed")
        return 77
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], check=False)
    helped = subprocess.run([tocsin, "--help"], capture_output=True, text=True, check=True).stdout
    page = next(pathlib.Path(p).read_text() for p in pages if p.endswith("tocsin.1"))
    failed = lint.returncode != 0
    for command in re.findall(r"^  ([a-z]+) ", helped, re.M):
        if f".It Cm {command}" not in page:
            print(f"tocsin.1 does not know the command {command}")
            failed = True
    for option in sorted(set(re.findall(r"--([a-z]+)", helped))):
        if f"-{option}" not in page:
            print(f"tocsin.1 does not know --{option}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
