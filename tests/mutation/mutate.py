#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks one comparison at a time and looks whether a unit test goes red.

mutate.py [--least PERCENT] [--jobs N] [--only LINE,...] [--part I/N] ROOT [FILE.c ...]
mutate.py --names ROOT: breaks nothing, only looks whether the tests and lines that it names exist.

Default: all of gateway/alarm. A mutant swaps one < <= > >= == != (to its neighbour at the edge and
to its opposite), one && or ||, one + or - beside a time, or moves one constant in a condition by
one. One that compiles to the same code is the same program and not counted, and neither is one
that equivalent.txt says, with the reason, no test can tell: it is run all the same, and one that
a test tells after all is complained of. Prints the survivors and the figure a file; exit 1 if less
than PERCENT of all were killed or equivalent.txt is wrong.

Last figures: 373 of 373 killed in gateway/alarm, 13 more known to be equivalent.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

FLOORS = ["base", "flow", "alarm", "engine"]
# Quick ones first, then what holds the file beside a reference; other files: engine's.
ALWAYS = ["state", "state_shelve", "state_suppress", "condition_limit", "condition_rate", "condition_dose",
          "condition_silent", "condition_vote", "alarm", "engine", "silence_votes", "suppression", "shelf", "flood",
          "condition_edges", "condition"]
BESIDE = {"condition_limit": ["reference_limit"], "state": ["reference_state", "reference_limit"],
          "condition_silent": ["quiet_band", "history", "reference_silence"],
          "condition_vote": ["reference_vote"],
          "condition_dose": ["quiet_band", "history", "reference_dose"],
          "condition_rate": ["quiet_band", "history", "reference_rate"],
          "condition_forecast": ["condition_forecast", "quiet_band", "history", "reference_forecast"],
          **{file: ["condition_forecast", "reference_forecast"]
             for file in ("approach", "bin_ladder", "trend", "usual")}}
ENGINE = ["history", "adopt", "adopt_votes", "restore", "outputs", "engine_thread", "reference_unless", "reference_limit",
          "reference_silence", "reference_vote"]
TESTS = sorted({t for tests in [ALWAYS, ENGINE, *BESIDE.values()] for t in tests})
CFLAGS = ["-std=c17", "-D_GNU_SOURCE", "-O1", "-w", "-fno-math-errno",
          "-fsanitize=address,bounds", "-fno-sanitize-recover"]
LIBS = ["-fsanitize=address,bounds", "-lcmocka", "-lm", "-pthread", "-ljansson"]

SWAPS = {"<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
         "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"],
         "+": ["-"], "-": ["+"], "+=": ["-="], "-=": ["+="]}
TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|->|<<=?|>>=?|\+\+|--|[<>=!+\-*/%&|^]=|&&|\|\||\S")
BLANK = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
                   r"|^[ \t]*#(?:\\\n|[^\n])*", re.S | re.M)
TIME = re.compile(r"_(?:ns|ms|s)\b")
COMPARES = {"<", "<=", ">", ">=", "==", "!="}
WORDS_BEFORE_UNARY = {"return", "case", "sizeof", "else"}


def statement(tokens, i):
    """The tokens around i, as far as ; { }."""
    lo = hi = i
    while lo > 0 and tokens[lo - 1][0] not in ";{}":
        lo -= 1
    while hi + 1 < len(tokens) and tokens[hi + 1][0] not in ";{}":
        hi += 1
    return [t for t, _ in tokens[lo:hi + 1]]


def mutants(text):
    """Yields (offset, old, new)."""
    blanked = BLANK.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    tokens = [(m[0], m.start()) for m in TOKEN.finditer(blanked)]
    for i, (token, at) in enumerate(tokens):
        if "static_assert" in statement(tokens, i):
            continue
        before = tokens[i - 1][0] if i else ""
        binary = (re.fullmatch(r"\w[\w.]*|\)|\]", before)
                  and before not in WORDS_BEFORE_UNARY)
        if token in ("+", "-") and not (binary and TIME.search(" ".join(statement(tokens, i)))):
            continue
        if token in ("+=", "-=") and not TIME.search(" ".join(statement(tokens, i))):
            continue
        for new in SWAPS.get(token, []):
            yield at, token, new
        after = tokens[i + 1][0] if i + 1 < len(tokens) else ""
        if token in ("0", "1") and ({before, after} & COMPARES or before in ("+", "-")
                                    and COMPARES & set(statement(tokens, i))):
            yield at, token, str(int(token) + 1)


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL, check=False, **more).returncode


def tests_of(source):
    return ALWAYS + BESIDE.get(source.stem, ENGINE)


class Equivalents:
    """equivalent.txt: FILE | LINE OF CODE | N-th such token in such lines | OLD -> NEW | WHY."""

    def __init__(self, path):
        self.rows = {}
        for text in path.read_text().splitlines():
            if text and not text.startswith("#"):
                file, line = text.split(" | ", 1)
                line, nth, swap, why = (part.strip() for part in line.rsplit(" | ", 3))
                assert why, text
                self.rows[file, line, int(nth), swap] = False

    def has(self, file, text, mutant):
        at, old, new = mutant
        lines = text.splitlines()
        number = text.count("\n", 0, at)
        line = lines[number].strip()
        nth = 0
        for i in range(number + 1):
            if lines[i].strip() == line:
                end = at - text.rfind("\n", 0, at) - 1 if i == number else len(lines[i])
                nth += sum(m[0] == old for m in TOKEN.finditer(lines[i][:end]))
        row = file, line, nth + 1, f"{old} -> {new}"
        if row not in self.rows:
            return False
        self.rows[row] = True
        return True

    def unseen(self, files):
        return [" | ".join(map(str, row)) for row, seen in self.rows.items()
                if not seen and row[0] in files]


def stale(root):
    """Tests, files and lines that are named here or in equivalent.txt and are not there."""
    tests = {p.stem[len("test_"):] for p in root.glob("tests/unit/*/test_*.c")}
    yield from (f"there is no test_{name}.c" for name in TESTS if name not in tests)
    yield from (f"there is no gateway/alarm/{name}.c" for name in sorted(BESIDE)
                if not (root / f"gateway/alarm/{name}.c").exists())
    for file, line, nth, swap in Equivalents(pathlib.Path(__file__).parent / "equivalent.txt").rows:
        lines = (root / file).read_text().splitlines() if (root / file).exists() else []
        if line not in (text.strip() for text in lines):
            yield f"equivalent.txt: {file} has no line {line}"


class Bench:
    """The sources in a scratch folder, built once; each mutant replaces one object."""

    def __init__(self, root, scratch):
        self.scratch = scratch
        shutil.copytree(root / "gateway", scratch / "gateway")
        shutil.copytree(root / "tests/unit", scratch / "tests/unit")
        unit = scratch / "tests/unit"
        self.test_source = {p.stem[len("test_"):]: p for p in unit.rglob("test_*.c")}
        self.include = [f"-I{scratch}/gateway", f"-I{scratch}", f"-I{unit}",
                        *(f"-I{p}" for p in sorted(unit.iterdir()) if p.is_dir())]
        self.objects = {}
        sources = [p for f in FLOORS for p in sorted((scratch / "gateway" / f).glob("*.c"))]
        self.longest_s = {t: 120 for t in TESTS}
        (scratch / "gateway/gw_build.h").write_text("")
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            files = sources + [self.test_source[t] for t in TESTS]
            list(pool.map(self.build, files))
        # An archive, as tests may displace a file by what they define themselves.
        self.archive = scratch / "libgw.a"
        run(["ar", "rcs", self.archive, *self.objects.values()])

    def build(self, source):
        target = source.with_suffix(".o")
        if not self.compile(source, target):
            sys.exit(f"{source} does not compile")
        if "tests" not in source.parts:
            self.objects[source] = target

    def compile(self, source, target):
        return run(["gcc", *CFLAGS, *self.include, "-iquote", source.parent, "-c", source,
                    "-o", target]) == 0

    def passes(self, folder, tests, *target):
        """Whether tests are green with target in place of what it is an object of."""
        environment = {**os.environ, "REFERENCE_SEQUENCES": "5000",
                       "ASAN_OPTIONS": "detect_leaks=0"}
        for test in tests:
            program = folder / f"test_{test}"
            if run(["gcc", self.test_source[test].with_suffix(".o"), *target, self.archive,
                    *LIBS, "-o", program]):
                sys.exit(f"test_{test} does not link")
            try:
                if run([program], env=environment, timeout=self.longest_s[test]):
                    return False
            except subprocess.TimeoutExpired:
                return False
        return True

    def verdict(self, source, text, mutant):
        """killed, SURVIVED, same or broken."""
        at, old, new = mutant
        with tempfile.TemporaryDirectory(dir=self.scratch) as name:
            # the same folder name for all: paths must not make objects differ
            folder = pathlib.Path(name)
            changed = folder / source.name
            changed.write_text(text[:at] + new + text[at + len(old):])
            target = folder / "mutant.o"
            if not self.compile(changed, target):
                return "broken"
            if code_of(target) == code_of(self.objects[source]):
                return "same"
            return ("SURVIVED" if self.passes(folder, tests_of(source), target)
                    else "killed")


def code_of(target):
    stripped = target.with_suffix(".bin")
    run(["objcopy", "--strip-all", "-R", ".comment", target, stripped])
    return stripped.read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--least", type=float, default=95)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    parser.add_argument("--part", default="1/1", help="every N-th mutant, from the I-th")
    parser.add_argument("--names", action="store_true", help="only look whether all names exist")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    wrong = list(stale(args.root))
    if args.names or wrong:
        print("\n".join(wrong) or "mutation: all is there")
        return 1 if wrong else 0
    files = args.files or sorted(
        str(p.relative_to(args.root)) for p in args.root.glob("gateway/alarm/*.c"))
    only = {int(n) for n in args.only.split(",") if n}
    part, parts = map(int, args.part.split("/"))
    equivalents = Equivalents(pathlib.Path(__file__).parent / "equivalent.txt")
    killed = total = wrong = 0
    with tempfile.TemporaryDirectory(prefix="mutate") as name:
        bench = Bench(args.root, pathlib.Path(name))
        for test in TESTS:
            began = time.monotonic()
            if not bench.passes(bench.scratch, [test]):
                sys.exit(f"test_{test} fails without any mutant")
            bench.longest_s[test] = 5 + 10 * (time.monotonic() - began)
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for file in files:
                source = bench.scratch / file
                text = source.read_text()
                found = [m for m in mutants(text)
                         if not only or text.count("\n", 0, m[0]) + 1 in only]
                found = found[part - 1::parts]
                results = pool.map(lambda m, s=source, t=text: bench.verdict(s, t, m), found)
                counts = {"killed": 0, "SURVIVED": 0, "same": 0, "broken": 0, "known": 0}
                for mutant, verdict in zip(found, results):
                    at, old, new = mutant
                    line = text.count("\n", 0, at) + 1
                    column = at - text.rfind("\n", 0, at)
                    where = f"{file}:{line}:{column}: {old} -> {new}"
                    known = equivalents.has(file, text, mutant)
                    counts["known" if known else verdict] += 1
                    if known and verdict == "killed":
                        wrong += 1
                        print(f"{where} is not equivalent: a test tells it", flush=True)
                    elif verdict == "SURVIVED" and not known:
                        print(f"{where} survived: {text.splitlines()[line - 1].strip()}",
                              flush=True)
                n = counts["killed"] + counts["SURVIVED"]
                killed, total = killed + counts["killed"], total + n
                print(f"{file}: {counts['killed']} of {n} killed, {counts['same']} the same "
                      f"program, {counts['known']} known to be equivalent, "
                      f"{counts['broken']} do not compile", flush=True)
    if not only and parts == 1:
        for row in equivalents.unseen(files):
            wrong += 1
            print(f"equivalent.txt has no mutant: {row}")
    figure = 100 * killed / total if total else 100
    print(f"{killed} of {total} mutants killed: {figure:.1f} %")
    return 0 if figure >= args.least and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
