# SPDX-License-Identifier: Apache-2.0
"""Cases, and how one is run: seeded, judged, written down for the report."""
import contextlib
import fnmatch
import importlib
import itertools
import json
import os
import pathlib
import sys
import tempfile
import time
import traceback
import zlib
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "peers")]

import harness  # noqa: E402

# The longest case first, so that the others fill the time beside it.
FAMILIES = ("long", "disk", "platform", "configuration", "crash", "power", "sensor", "resources",
            "clock")


@dataclass
class Case:
    kind: str
    name: str
    run: object          # run(fixture), or run(shared, seed) -> dict of figures if bare
    fault: str           # its row in the report
    nightly: bool = False
    bare: bool = False
    open: str = ""       # not cured yet: why it is expected to fail


@dataclass
class Result:
    kind: str
    name: str
    fault: str
    seed: int
    wrong: list = field(default_factory=list)
    trials: int = 1
    losses: int = 0
    duplicates: int = 0
    worst_ms: int = 0
    seconds: float = 0.0
    open: str = ""


class Family:
    """The cases of one file. nightly=True keeps a case out of the ordinary run."""

    def __init__(self, kind):
        self.kind, self.cases = kind, []

    def add(self, name, run, *args, fault=None, nightly=False, bare=False, open_=""):
        def call(*given):
            return run(*given, *args)
        self.cases.append(Case(self.kind, name, call, fault or name, nightly, bare, open_))

    def case(self, name=None, **how):
        def wrap(run):
            self.add(name or run.__name__.replace("_", "-"), run, **how)
            return run
        return wrap


def cases(nightly=False, kind=None, pattern="*"):
    found = []
    for family in FAMILIES:
        if (kind and family != kind) or not (HERE / f"faults_{family}.py").exists():
            continue
        module = importlib.import_module(f"faults_{family}")
        found += [c for c in module.family.cases if fnmatch.fnmatch(c.name, pattern)
                  and (nightly or not c.nightly)]
    return found


class Shared:
    """What many trials use one after the other: a broker, a publisher, an authority."""

    def __init__(self):
        import ca
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="faults-shared-"))
        self.authority = ca.Authority(self.folder / "ca")
        self.authority.issue("server", hosts=["localhost", "127.0.0.1"])
        self.authority.issue("gateway", client=True)
        self.broker = harness.Broker(self.folder / "broker")
        self.publisher = harness.Publisher(self.broker.port)
        self._numbers = itertools.count(1)

    def number(self):
        return next(self._numbers)

    def close(self):
        import shutil
        self.publisher.close()
        self.broker.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def seed_of(base, case):
    """Of one case: the same for the same base, whatever else is run."""
    return zlib.crc32(f"{base}/{case.kind}/{case.name}".encode())


def run(case, shared, base):
    import fixture as fixtures
    result = Result(case.kind, case.name, case.fault, base, open=case.open)
    began = time.monotonic()
    seed = seed_of(base, case)
    fixture = None
    try:
        if case.bare:
            vars(result).update(case.run(shared, seed) or {})
        else:
            fixture = fixtures.Fixture(shared, seed)
            fixture.patience = 8 if case.open else 60
            case.run(fixture)
    except fixtures.Violated as e:
        result.wrong = e.wrong
    except Exception as e:  # noqa: BLE001: whatever went wrong is the verdict
        result.wrong = [f"{type(e).__name__}: {e}", traceback.format_exc(limit=-3)]
    finally:
        if fixture:
            result.worst_ms = fixture.worst_ms()
            if result.wrong:
                result.wrong.append("log: " + fixture.gateway.log()[-3000:])
            with contextlib.suppress(Exception):
                fixture.close()
    result.seconds = round(time.monotonic() - began, 2)
    result.losses += sum(w.startswith("I1") for w in result.wrong)
    result.duplicates += sum(w.startswith("I2 twice") for w in result.wrong)
    note(result)
    return result


def note(result):
    path = os.environ.get("TOCSIN_FAULTS_OUT")
    if path:
        with open(path, "a", encoding="utf-8") as out:
            row = {**vars(result), "wrong": [w[:300] for w in result.wrong if w[:4] != "log:"]}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
