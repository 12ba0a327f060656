# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run of a program costs: builds meter.c and reads what it writes."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class CompileError(Exception):
    """A program cannot be compiled; the text is what the compiler says."""


@dataclass(frozen=True)
class Figures:
    """What one run has cost."""

    # Below zero when a signal ended it.
    code: int
    cpu_ms: float
    peak_kib: int
    seconds: float


def cc(target: Path, source: Path | None, *flags: str, text: str | None = None) -> Path:
    """Compile a program of one file, or of a text."""
    argv = [os.environ.get("CC", "cc"), "-O2", "-o", str(target), "-x", "c"]
    done = subprocess.run(
        [*argv, str(source or "-"), "-x", "none", *flags],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CompileError(f"{target.name} cannot be compiled: {done.stderr.strip()}")
    return target


def build(target: Path) -> Path:
    """Compile the meter."""
    return cc(target, SOURCE)


def read(text: str) -> list[Figures]:
    """The lines of the meter's file, one a run."""
    rows = [tuple(map(int, line.split())) for line in text.splitlines()]
    return [Figures(code, cpu / 1000, peak, wall / 1e6) for code, cpu, peak, wall in rows]
