# SPDX-License-Identifier: GPL-2.0-or-later
"""Libraries of the lab's own that programs of its machines are started with."""

import subprocess
from pathlib import Path

from lab.state import CLEAN_ENV, LabError


def build(source: Path, library: Path) -> None:
    """Compile a C file into a library to be preloaded."""
    compiler = ["cc", "-shared", "-fPIC", "-O2", "-D_GNU_SOURCE", str(source)]
    done = subprocess.run(
        [*compiler, "-o", library], env=CLEAN_ENV, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LabError(f"{source.name} cannot be compiled: {done.stderr.strip()}")
