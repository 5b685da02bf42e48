#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pictures of the manual: draw.py [--check] TOCSIN

Each example of doc/alarms.md that has a picture below it is run by `TOCSIN replay` over the signal of
that name in signals.py, and what it says is drawn: NAME.svg for the page, NAME.txt for the man page.
With --check nothing is written; it fails if a committed picture is not what replay says today.
Needs python3-yaml. Look at what has changed, then commit it."""
import difflib
import pathlib
import sys

import plain
import signals
import states
import timeline
import svg

HERE = pathlib.Path(__file__).resolve().parent


def drawn(tocsin, page):
    """{file name: what belongs into it}."""
    files = {"states.svg": states.draw()}
    examples = timeline.examples(page)
    for name in signals.SIGNALS:
        if name not in examples:
            raise SystemExit(f"{page}: no example has the picture {name}.svg below it")
        view = timeline.replay_example(tocsin, name, examples[name])
        files[f"{name}.svg"], files[f"{name}.txt"] = svg.draw(view), plain.draw(view)
    return files


def differences(files, folder):
    found = {p.name: p.read_text("utf-8") for s in ("svg", "txt") for p in folder.glob(f"*.{s}")}
    for name in sorted(found | files):
        if found.get(name) != files.get(name):
            yield from difflib.unified_diff(
                found.get(name, "").splitlines(), files.get(name, "").splitlines(),
                f"{name} as committed", f"{name} as replay says today", lineterm="", n=0)


def main(tocsin, check, folder=HERE):
    files = drawn(tocsin, folder.parent / "alarms.md")
    if not check:
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
        return 0
    lies = [line[:200] for line in differences(files, folder)]
    for line in lies[:60] + ["run doc/pictures/draw.py TOCSIN"] if lies else []:
        print(line)
    return 1 if lies else 0


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise SystemExit(__doc__)
    sys.exit(main(arguments[0], "--check" in sys.argv))
