#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""count.py JUNIT EXIT-CODE: "passed failed skipped" of a JUnit file, then the failed by name.
A run that ended badly without a failed test in its file counts as one failure."""
import sys
import xml.etree.ElementTree


def count(path, code):
    passed, failed, skipped, lines = 0, 0, 0, []
    try:
        cases = list(xml.etree.ElementTree.parse(path).iter("testcase"))
    except (OSError, xml.etree.ElementTree.ParseError):
        cases = []
    for case in cases:
        name = "/".join(filter(None, (case.get("classname"), case.get("name"))))
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
            lines.append(f"  failed: {name}")
        elif "skipped" in kinds:
            skipped += 1
            why = case.find("skipped").get("message") or ""
            lines.append(f"  skipped: {name} {why}".rstrip())
        else:
            passed += 1
    if code != 0 and failed == 0:
        failed = 1
        lines.append("  failed: " + ("out of time" if code in (124, 137)
                                     else f"ended with exit code {code}"))
    return [f"{passed} {failed} {skipped}"] + lines


if __name__ == "__main__":
    print("\n".join(count(sys.argv[1], int(sys.argv[2]))))
