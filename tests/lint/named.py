#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What README.md, HACKING.md, CHANGELOG.md and doc/ name is there: files, folders, and tests that are run.
named.py ROOT

`e2e/x.py::test_y` is below tests/, `store/db.c` below gateway/ (a name with an X stands for
any), and a `::test_z` after it in the same file. A bare `x.c` or `x.h` is in any folder."""
import pathlib
import re
import sys

QUOTED = re.compile(r"`([^`\n]+)`")
TESTS, CODE = "tests", "gateway"
BARE = re.compile(r"\w+\.[ch]")
PLACEHOLDER = re.compile(r"(^|[/_])X[./]")


def paths(text, tops):
    """Of the words in backquotes those that name a path, with the test behind them or ""."""
    file = ""
    for quoted in QUOTED.findall(text):
        for word in quoted.split():
            path, _, test = word.partition("::")
            if "/" in path and (path.split("/")[0] in tops or path.endswith((".c", ".h", ".py"))):
                file = path
            if file and (path == file or (test and not path)):
                yield file, test


def complaint(root, path, test):
    """Why it proves nothing, or ""."""
    if PLACEHOLDER.search(path):
        return ""
    file = next((f for f in (root / path, root / TESTS / path, root / CODE / path) if f.exists()),
                root / TESTS / path)
    unit = root / TESTS / "unit"
    in_unit = unit in file.parents
    listed = (unit if in_unit else file.parent) / "meson.build"
    rows = listed.read_text("utf-8") if listed.exists() else ""
    if not file.exists():
        return "" if f"test('{file.name}'" in rows and not test else "is not there"
    if in_unit and file.match("test_*.c") and not re.search(rf"['/]{file.name}'", rows):
        return "is not run"
    if file.match("lint/*.py") and f"'{file.name}'" not in rows:
        return "is not run"
    if test and not re.search(rf"\b{test}\(", file.read_text("utf-8")):
        return f"has no {test}"
    return ""


def bare_names(text):
    """Of the words in backquotes those that name a C file without its folder."""
    for quoted in QUOTED.findall(text):
        for word in quoted.split():
            if BARE.fullmatch(word) and not PLACEHOLDER.search(word):
                yield word


def complaints(root):
    tops = {f.name for folder in (root, root / TESTS) for f in folder.iterdir()
            if f.is_dir() and not f.name.startswith("build")}  # made by a run, or not yet
    files = {f.name for top in tops for f in (root / top).rglob("*.[ch]")}
    for page in (root / "README.md", root / "HACKING.md", root / "CHANGELOG.md", *sorted((root / "doc").glob("*.md"))):
        if not page.exists():
            continue
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
            for path, test in paths(line, tops):
                why = complaint(root, path, test)
                if why:
                    yield f"{page.relative_to(root)}:{number}: {path} {why}"
            for name in bare_names(line):
                if name not in files:
                    yield f"{page.relative_to(root)}:{number}: {name} is in no folder"


if __name__ == "__main__":
    lines = list(complaints(pathlib.Path(sys.argv[1])))
    print("\n".join(lines) or "named: all is there")
    sys.exit(1 if lines else 0)
