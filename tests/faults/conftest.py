# SPDX-License-Identifier: Apache-2.0
"""One base seed for the whole run, printed; workers of xdist take it from the environment."""
import os
import pathlib
import random
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
if os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"  # the disk's faults are ours to make

import trial  # noqa: E402


def pytest_configure():
    os.environ.setdefault("TOCSIN_SEED", str(random.randrange(10 ** 6)))


def pytest_report_header():
    return f"TOCSIN_SEED={os.environ['TOCSIN_SEED']}"


@pytest.fixture(scope="session")
def shared():
    made = trial.Shared()
    yield made
    made.close()
