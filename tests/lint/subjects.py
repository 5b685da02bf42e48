#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Subjects of commits are `area: imperative`: subjects.py ROOT. Commits before the rule are left
alone. Exit 77 without git or without history."""
import pathlib
import re
import subprocess
import sys

SUBJECT = re.compile(r"([A-Za-z0-9_./-]+(, [A-Za-z0-9_./-]+)*: [a-z0-9`]|Merge |Revert )")
LENGTH = 72
SINCE = "2026-11-30T12:10:00+0000"  # when the rule was made


def complaint(subject):
    """Why it will not do, or ""."""
    if not SUBJECT.match(subject):
        return "is not `area: imperative`"
    if len(subject) > LENGTH:
        return f"is longer than {LENGTH} characters"
    return ""


if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1])
    try:
        run = subprocess.run(["git", f"--git-dir={root / '.git'}", "log", f"--since={SINCE}",
                              "--format=%h %s"], capture_output=True, text=True)
    except FileNotFoundError:
        run = None
    if run is None or run.returncode:
        print("subjects: no history to look at")
        sys.exit(77)
    bad = [f"{line.partition(' ')[0]}: \"{line.partition(' ')[2]}\" {why}"
           for line in run.stdout.splitlines() if (why := complaint(line.partition(" ")[2]))]
    print("\n".join(bad) or "subjects: clean")
    sys.exit(1 if bad else 0)
