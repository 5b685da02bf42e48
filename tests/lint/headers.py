#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone, and twice in a row: headers.py ROOT BUILD"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys


def flags(build):
    """The compiler and its flags as the build uses them, without files."""
    entry = next(e for e in json.loads((build / "compile_commands.json").read_text())
                 if e["file"].endswith("gateway/base/error.c"))
    words, kept = iter(shlex.split(entry["command"])), []
    for word in words:
        if word in ("-o", "-MQ", "-MF"):
            next(words)
        elif word not in ("-c", "-MD", entry["file"]):
            kept.append(word)
    return kept


def complaint(header, command, build):
    text = f'#include "{os.path.abspath(header)}"\n' * 2
    run = subprocess.run(command + ["-fsyntax-only", "-x", "c", "-"], input=text, cwd=build,
                         capture_output=True, text=True)
    return run.stderr if run.returncode else ""


def complaints(root, build):
    headers = [h for folder in ("config", "drivers", "gateway")
               for h in sorted(root.glob(folder + "/**/*.h"))]
    command = flags(build)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for header, said in zip(headers, pool.map(
                lambda h: complaint(h, command, build), headers)):
            if said:
                yield f"{header.relative_to(root)}: does not compile alone\n{said}"


if __name__ == "__main__":
    lines = list(complaints(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
    print("\n".join(lines) or "headers: each compiles alone")
    sys.exit(1 if lines else 0)
