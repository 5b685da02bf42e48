#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The machinery against planted defects: defects.py [--only NAME] [--work FOLDER] [--fit]

Each defect is one small change of the gateway's source, most of them a cure taken out. A copy of the
tree is built with one defect at a time, and the trials named for it must fail; with none they pass. A
change that no longer fits the source is an error: it is to be written anew. --fit looks for these only:
each change must have its place and, if there is a build, compile."""
import argparse
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGETS = ("tocsind", "tocsin", "tests/peers/modbus_server", "tests/faults/libinject.so",
           "tests/faults/killat", "tests/faults/power_cut")


@dataclass
class Defect:
    name: str
    file: str
    was: str
    becomes: str
    trials: tuple  # "kind/case", any of which must fail; "power_cut": the program
    more: tuple = ()  # (file, was, becomes) that belong to it


def copy(to):
    tracked = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], check=True,
                             capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, tracked):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, to / name)


def build(tree):
    out = tree / "build"
    if not (out / "build.ninja").exists():
        subprocess.run(["meson", "setup", "-Dwerror=false", out, tree], check=True, capture_output=True)
    done = subprocess.run(["ninja", "-C", out, *TARGETS], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("does not build:\n" + done.stdout[-2000:])


def fails(tree, trial):
    """Whether that trial finds fault with what was built."""
    env = {**os.environ, "TOCSIN_BUILD": str(tree / "build")}
    env.pop("TOCSIN_FAULTS_OUT", None)
    if trial == "power_cut":
        return subprocess.run([tree / "build/tests/faults/power_cut"], capture_output=True,
                              env={**env, "POWER_CUTS": "300"}).returncode != 0
    kind, case = trial.split("/")
    done = subprocess.run([sys.executable, HERE / "run.py", "--kind", kind, "--case", case,
                           "--seed", "1", "--strict"], capture_output=True, text=True, env=env)
    return done.returncode != 0


def main():
    from planted import DEFECTS
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="")
    options.add_argument("--work")
    options.add_argument("--fit", action="store_true")
    o = options.parse_args()
    if o.fit:
        return fit([d for d in DEFECTS if o.only in d.name])
    work = pathlib.Path(o.work or tempfile.mkdtemp(prefix="defects-"))
    tree = work / "tree"
    missed, caught = [], 0
    try:
        copy(tree)
        build(tree)
        chosen = [d for d in DEFECTS if o.only in d.name]
        clean = {t: not fails(tree, t) for d in chosen for t in d.trials}
        for d in chosen:
            edits = ((d.file, d.was, d.becomes), *d.more)
            texts = {file: (tree / file).read_text() for file, _, _ in edits}
            bad = unfit(d, tree)
            if bad:
                missed.append(d.name)
                print(f"UNFIT   {d.name}: {bad[0]} has not just one such place", flush=True)
                continue
            for file, was, becomes in edits:
                (tree / file).write_text(texts[file].replace(was, becomes))
            try:
                build(tree)
                found = next((t for t in d.trials if clean[t] and fails(tree, t)), None)
            except RuntimeError as e:
                found = None
                print(f"{d.name}: {e}", flush=True)
            finally:
                for file, text in texts.items():
                    (tree / file).write_text(text)
            caught += found is not None
            if not found:
                missed.append(d.name)
            red = [t for t in d.trials if not clean[t]]
            print(f"{'caught ' if found else 'MISSED '} {d.name}: {found or ''}"
                  + (f" ({', '.join(red)} fails without it, too)" if red else ""), flush=True)
            note(d, found)
    finally:
        if not o.work:
            shutil.rmtree(work, ignore_errors=True)
    print(f"{caught} of {caught + len(missed)} planted defects were caught")
    return 1 if missed else 0


def unfit(defect, tree):
    """The files in which a change has not just one place."""
    edits = ((defect.file, defect.was, defect.becomes), *defect.more)
    return [file for file, was, _ in edits
            if not (tree / file).exists() or (tree / file).read_text().count(was) != 1]


def compiler():
    """The command of each source file in the build, or none."""
    table = pathlib.Path(os.environ.get("TOCSIN_BUILD", ROOT / "build")) / "compile_commands.json"
    if not table.exists():
        return {}
    rows = json.loads(table.read_text())
    return {os.path.realpath(os.path.join(r["directory"], r["file"])): r for r in rows}


def complaint(row, text):
    """What the compiler says of the text in the file's place; "" if it compiles."""
    words = shlex.split(row["command"])
    words = words[words[0].endswith("ccache"):]  # it keeps no syntax checks
    source = words.index(row["file"])
    with tempfile.TemporaryDirectory() as folder:
        words[source] = str(pathlib.Path(folder) / pathlib.Path(row["file"]).name)
        pathlib.Path(words[source]).write_text(text)
        words[words.index("-o") + 1] = "/dev/null"
        done = subprocess.run([*words, "-fsyntax-only", "-Wno-error"], cwd=row["directory"],
                              capture_output=True, text=True)
    return done.stderr[-600:] if done.returncode else ""


def uncompilable(defect, commands):
    """What the compiler says of each of its files."""
    texts = {}
    for file, was, becomes in ((defect.file, defect.was, defect.becomes), *defect.more):
        texts[file] = texts.get(file, (ROOT / file).read_text()).replace(was, becomes)
    for file, text in texts.items():
        row = commands.get(str((ROOT / file).resolve()))
        if row and (words := complaint(row, text)):
            yield f"{defect.name}: {file} does not compile: {words}"


def fit(chosen):
    commands = compiler()
    bad = [f"{d.name}: {file} has not just one such place" for d in chosen
           for file in unfit(d, ROOT)]
    bad += [words for d in chosen for words in uncompilable(d, commands)]
    print("\n".join(bad) or f"{len(chosen)} planted defects fit the source")
    return 1 if bad else 0


def note(defect, found):
    path = os.environ.get("TOCSIN_FAULTS_OUT")
    if path:
        with open(path, "a", encoding="utf-8") as out:
            out.write(json.dumps({"kind": "defects", "name": defect.name, "fault": defect.name,
                                  "trials": 1, "losses": 0, "duplicates": 0, "worst_ms": 0,
                                  "wrong": [] if found else ["not caught"]}) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())
