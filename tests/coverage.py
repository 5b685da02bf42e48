#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which branches the tests took: coverage.py BUILD [--uncovered] [--least PERCENT] [FOLDER...]

BUILD is a build folder with -Db_coverage=true whose tests have run. Prints lines and branches of
each file in FOLDER (gateway/alarm, engine, store and uplink by default) and of each folder; with
--uncovered also file:line of each branch that was never taken. Branches of assert(3) do not
count: a failing assertion is not behaviour. Exit 1 if a folder is below --least.
"""
import argparse
import collections
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

FOLDERS = ("gateway/alarm", "gateway/engine", "gateway/store", "gateway/uplink")


def notes(build, folders):
    """The .gcda files of the library's own objects."""
    marks = tuple(f.replace("/", "_") for f in folders)
    return [p.resolve() for p in build.glob("libgw.a.p/*.gcda") if p.name.startswith(marks)]


def read(build, folders):
    """{file: ({line: count}, {(line, branch): count})}"""
    files = collections.defaultdict(lambda: ({}, {}))
    with tempfile.TemporaryDirectory() as here:
        found = notes(build, folders)
        if not found:
            sys.exit(f"coverage: nothing in {build} (is it built with -Db_coverage=true, and run?)")
        subprocess.run(["gcov", "--json-format", "--branch-probabilities", *map(str, found)],
                       cwd=here, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for path in pathlib.Path(here).glob("*.gcov.json.gz"):
            with gzip.open(path) as text:
                for file in json.load(text)["files"]:
                    name = file["file"].removeprefix("../")
                    if name.startswith(folders):
                        add(files[name], file["lines"])
    return files


def add(known, lines):
    counts, branches = known
    for line in lines:
        at = line["line_number"]
        counts[at] = counts.get(at, 0) + line["count"]
        for i, branch in enumerate(line["branches"]):
            if not branch["throw"]:
                branches[at, i] = branches.get((at, i), 0) + branch["count"]


def without_asserts(root, name, known):
    text = (root / name).read_text("utf-8").splitlines()
    skip = {i for i, line in enumerate(text, 1) if "assert(" in line and "static_assert" not in line}
    return known[0], {k: v for k, v in known[1].items() if k[0] not in skip}


def percent(counts):
    taken = sum(1 for c in counts.values() if c)
    return taken, len(counts), 100 * taken / len(counts) if counts else 100.0


def row(name, known):
    line, branch = percent(known[0]), percent(known[1])
    print(f"{name:40} lines {line[2]:5.1f} %   branches {branch[0]:5} of {branch[1]:5}  {branch[2]:5.1f} %")
    return branch[2]


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("build", type=pathlib.Path)
    asked.add_argument("--uncovered", action="store_true")
    asked.add_argument("--least", type=float, default=0)
    asked.add_argument("folders", nargs="*", default=FOLDERS)
    a = asked.parse_args()
    root, low = pathlib.Path(__file__).resolve().parents[1], False
    files = read(a.build.resolve(), tuple(a.folders))
    whole = {folder: ({}, {}) for folder in a.folders}
    for name in sorted(files):
        known = without_asserts(root, name, files[name])
        row(name, known)
        for at, i in sorted(known[1]):
            if a.uncovered and not known[1][at, i]:
                print(f"  {name}:{at}: branch {i} never taken")
        folder = next(f for f in a.folders if name.startswith(f))
        for kind in (0, 1):
            whole[folder][kind].update({(name, k): v for k, v in known[kind].items()})
    print()
    for folder in a.folders:
        low |= row(folder, whole[folder]) < a.least
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
