#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C files are as .clang-format makes them: format.py ROOT. Exit 77 without clang-format 14."""
import pathlib
import subprocess
import sys

import clang14

FOLDERS = ("config", "drivers", "gateway", "man", "tests")

if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1])
    tool = clang14.find("format")
    files = sorted(f for folder in FOLDERS for f in root.glob(folder + "/**/*.[ch]"))
    run = subprocess.run([tool, "--dry-run", "-Werror", *map(str, files)], cwd=root)
    print(f"format: {len(files)} files" + (", see above" if run.returncode else " clean"))
    sys.exit(1 if run.returncode else 0)
