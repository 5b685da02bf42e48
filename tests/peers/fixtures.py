# SPDX-License-Identifier: Apache-2.0
"""Fixtures of tests/e2e and tests/boot alike."""
import pathlib
import shutil
import tempfile

import pytest


@pytest.fixture
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    import ca
    made = ca.Authority(tmp_path_factory.mktemp("ca"))
    made.issue("server", hosts=["localhost", "127.0.0.1"])
    made.issue("gateway", client=True)
    return made


@pytest.fixture
def closing():
    """closing(x) closes x at the end, last opened first, even if one of them fails."""
    opened = []

    def add(x):
        opened.append(x)
        return x
    yield add
    failures = []
    for x in reversed(opened):
        try:
            x.close()
        except Exception as e:  # noqa: BLE001: the others must be closed all the same
            failures.append(e)
    if failures:
        raise failures[0]
