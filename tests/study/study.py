#!/usr/bin/env python3
"""Compares ways to foresee a limit, over recordings and made signals. Prints Markdown tables.

    TOCSIN_BUILD=build python3 tests/study/study.py [CANDIDATE...]

The recordings (fires, heating loops, rooms) are not part of this tree. TOCSIN_DATA names their
directory, ../shared/data if not given; where it is absent, only made signals are judged.

The oracle's lead is the least of `within` and the time from the onset to the limit. The onset of a fire
is when its value leaves the noise for good. A raise is false if the limit is not passed within
twice `within`; one within half of `within` after the last ended is "again"."""

import bisect
import collections
import csv
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import signals

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TOCSIN_BUILD", ROOT / "build"))
DATA = pathlib.Path(os.environ.get("TOCSIN_DATA", ROOT.parent / "shared/data"))
CANDIDATES = ("single", "dyadic", "kalman", "cusum", "holt", "tocsin")
MONTH_MS = 30.4 * 86400e3
FIRE_LIMIT = 57


def recording(name):
    with gzip.open(DATA / f"{name}.csv.gz", "rt") as f:
        return [(int(r["time_ms"]), r["point"], float(r["value"])) for r in csv.DictReader(f)]


class Set:
    """Samples and the jobs over them, as files that forecast_study reads."""

    def __init__(self, directory, name, rows, jobs):
        self.jobs = sorted(jobs)
        self.samples = collections.defaultdict(list)
        for time_ms, point, value in rows:
            self.samples[point].append((time_ms, value))
        self.files = [directory / f"{name}.jobs", directory / f"{name}.csv"]
        self.files[0].write_text("".join("%s,%s,%s,%s\n" % job for job in self.jobs))
        self.files[1].write_text("".join("%d,%s,%.5f\n" % row for row in rows))

    def warnings(self, candidate):
        """Of each job, when a warning begins or ends: (time_ms, begins)."""
        out = subprocess.run([BUILD / "tests/study/forecast_study", candidate, *self.files],
                             check=True, capture_output=True, text=True).stdout
        found = [[] for _ in self.jobs]
        for line in out.splitlines():
            job, time_ms, begins, _ = line.split(",")
            found[int(job)].append((int(time_ms), begins == "1"))
        return found

    def months(self, point):
        times = self.samples[point]
        return (times[-1][0] - times[0][0]) / MONTH_MS


def again(changes, within):
    return sum(not a[1] and b[1] and b[0] - a[0] < within * 500 for a, b in zip(changes, changes[1:]))


def leaves_noise(samples, ignition_ms, reached_ms):
    quiet = [v for t, v in samples if t < ignition_ms - 5000][-60:]
    over = statistics.mean(quiet) + max(1, 3 * statistics.pstdev(quiet))
    onset = reached_ms
    for time_ms, value in reversed([s for s in samples if ignition_ms <= s[0] <= reached_ms]):
        if 5 < value < over:  # 0 is a gap in the recording
            break
        onset = time_ms
    return onset


def fires(directory):
    known = json.loads((DATA / "fires.json").read_text())
    jobs = [(p, FIRE_LIMIT, w, w) for p in known for w in (600, 300, 120)]
    data = Set(directory, "fires", recording("fires"), jobs)
    for point, k in known.items():
        k["onset_ms"] = leaves_noise(data.samples[point], k["ignition_ms"], k["reached_57_ms"])
    return data, known


def judge_fires(data, known, candidate):
    found = data.warnings(candidate)
    for within in (600, 300, 120):
        leads, shares, late, early, repeats, n = [], [], 0, 0, 0, 0
        for (point, _, w, _), changes in zip(data.jobs, found):
            if w != within:
                continue
            k = known[point]
            begins = [t for t, is_begin in changes if is_begin]
            first = next((t for t in begins if t >= k["ignition_ms"]), None)
            lead = (k["reached_57_ms"] - first) / 1000 if first else 0
            n += 1
            early += sum(t < k["ignition_ms"] for t in begins)
            late += first is not None and lead <= 0
            repeats += again(changes, within)
            leads.append(max(lead, 0))
            oracle = min(within, (k["reached_57_ms"] - k["onset_ms"]) / 1000)
            shares.append(max(lead, 0) / oracle)
        warned = sum(lead > 0 for lead in leads)
        print(f"| {candidate} | {within // 60} min | {100 * warned / n:.0f} % |"
              f" {100 * late / n:.0f} % | {early} | {statistics.median(leads):.0f} s |"
              f" {statistics.median(shares):.2f} | {repeats} |")


def false_raises(data, candidate):
    """Of each kind of job: false and true raises, repeats, months."""
    sums = collections.defaultdict(lambda: [0, 0, 0, 0.0])
    for (point, limit, within, _), changes in zip(data.jobs, data.warnings(candidate)):
        samples, total = data.samples[point], sums[within]
        for time_ms in (t for t, is_begin in changes if is_begin):
            i = bisect.bisect_left(samples, (time_ms,))
            j = bisect.bisect_right(samples, (time_ms + 2000 * within,))
            over = samples[i][1] >= limit
            total[any((v >= limit) != over for _, v in samples[i:j])] += 1
        total[2] += again(changes, within)
        total[3] += data.months(point)
    return sums


def judge_life(data, name, candidate):
    for within, (false, true, repeats, months) in sorted(false_raises(data, candidate).items()):
        print(f"| {candidate} | {name} | {within / 60:g} min | {false / months:.2f} | {true} |"
              f" {repeats} |")


def judge_ramps(data, known, candidate, kinds):
    shares = collections.defaultdict(list)
    for (point, *_), changes in zip(data.jobs, data.warnings(candidate)):
        k = known[point]
        first = next((t for t, is_begin in changes if is_begin and t >= k["onset_ms"]), None)
        oracle = min(1000 * k["within"], k["limit_ms"] - k["onset_ms"])
        lead = max(0, k["limit_ms"] - first) if first is not None else 0
        shares[point[2:].rsplit("/", 2)[0]].append(
            lead / oracle)
    for kind, s in shares.items():
        if kind.startswith(kinds):
            print(f"| {candidate} | {kind} | {min(s):.2f} | {statistics.median(s):.2f} |")


def life(directory, name):
    limits = ((5, 80) if name == "loops" else (18, 28))
    rows = [r for r in recording(name) if "temperature" in r[1]]
    jobs = [(p, limit, w, f) for p in {r[1] for r in rows} for limit in limits
            for w, f in ((1800, 1800), (7200, 3600), (43200, 43200))]
    return Set(directory, name, rows, jobs)


def table(*columns):
    print("\n| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")


def main(candidates):
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        if DATA.is_dir():
            data, known = fires(directory)
            table("candidate", "within", "warned before", "only after", "before ignition",
                  "median lead", "share of the oracle's", "again")
            for c in candidates:
                judge_fires(data, known, c)
            lives = [(life(directory, n), n) for n in ("rooms", "loops")]
        else:
            print(f"{DATA} is not there: no recordings are judged")
            lives = []
        lives.append((Set(directory, "harmless", *signals.harmless()), "harmless"))
        table("candidate", "signals", "within", "false raises a month", "true raises", "again")
        for data, name in lives:
            for c in candidates:
                judge_life(data, name, c)
        rows, jobs, known = signals.ramps()
        data = Set(directory, "ramps", rows, jobs)
        for kinds in ("gas", "leak", "ramp"):
            table("candidate", "ramp", "least share of the oracle's lead", "median")
            for c in candidates:
                judge_ramps(data, known, c, kinds)


if __name__ == "__main__":
    main(sys.argv[1:] or CANDIDATES)
