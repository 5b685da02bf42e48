# SPDX-License-Identifier: Apache-2.0
"""Every case of every family, once (TOCSIN_NIGHTLY=1: also the long ones). A failing one prints
the line that repeats it."""
import os

import pytest
import trial

CASES = trial.cases(nightly=os.environ.get("TOCSIN_NIGHTLY") == "1")


@pytest.mark.parametrize("case", CASES, ids=[f"{c.kind}-{c.name}" for c in CASES])
def test_fault(case, shared):
    seed = int(os.environ["TOCSIN_SEED"])
    result = trial.run(case, shared, seed)
    if result.wrong and case.open:
        pytest.xfail(f"{case.open}: {result.wrong[0]}")
    assert not result.wrong, "\n".join(
        result.wrong + [f"again: tests/faults/run.py --kind {case.kind} --case '{case.name}' "
                        f"--seed {seed}"])
