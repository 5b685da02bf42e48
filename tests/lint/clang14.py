# SPDX-License-Identifier: Apache-2.0
"""The tools of clang 14, for which .clang-format and .clang-tidy are written: others format
otherwise, and find more."""
import shutil
import subprocess
import sys

VERSION = "14"


def find(name):
    """The path of clang-NAME; without one of the version: says so and exits with 77."""
    tool = shutil.which(f"clang-{name}-{VERSION}") or shutil.which(f"clang-{name}")
    said = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout if tool else ""
    if f"version {VERSION}." not in said:
        print(f"{name}: no clang-{name} {VERSION} is installed")
        sys.exit(77)
    return tool
