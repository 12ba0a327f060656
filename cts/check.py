# SPDX-License-Identifier: GPL-2.0-or-later
"""Run all tests: the C unit tests that are given, then pytest. Ends with one line of counts."""

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

CTS = Path(__file__).resolve().parent
# Files whose few tests take minutes each: begun last, they would run on when all else has ended.
LONG = ("test_geo_*.py", "test_cluster_*.py")
UNIT_TEST_TIMEOUT_S = 300
# cmocka names each twice: when it fails and at the end.
_FAILED = re.compile(r"^\[  (?:FAILED|ERROR)  ?\] ([A-Za-z]\w*)$", re.MULTILINE)


@dataclass
class Count:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: "Count") -> None:
        """Add the counts of another run."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def run_unit(program: Path, wrapper: list[str]) -> Count:
    """Run one cmocka program. A crash, a timeout and silence are failures."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT")
    try:
        done = subprocess.run(
            [*wrapper, str(program)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=UNIT_TEST_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{program.name}: no end after {UNIT_TEST_TIMEOUT_S} s")
        return Count(failed=1)
    count = Count(
        passed=len(re.findall(r"^\[       OK \]", done.stdout, re.MULTILINE)),
        failed=len(set(_FAILED.findall(done.stdout))),
        skipped=len(re.findall(r"^\[  SKIPPED \] [A-Za-z]\w*$", done.stdout, re.MULTILINE)),
    )
    crashed = done.returncode != 0 and count.failed == 0
    silent = count.passed + count.failed + count.skipped == 0
    if crashed or silent:
        count.failed += 1
    if done.returncode != 0 or silent:
        print(f"--- {program.name}, exit code {done.returncode}\n{done.stdout}")
    print(f"{program.name}: {count.passed} passed, {count.failed} failed")
    return count


def run_pytest(report: Path, arguments: list[str]) -> Count:
    """Run pytest over this directory and read its report."""
    report.unlink(missing_ok=True)
    # The tests of a file share labs, so a file is run by one process. Labs mostly wait: twice as
    # many processes as processors leave those half idle.
    split = ["-n", str(2 * os.cpu_count()), "--dist", "loadfile", "--no-loadscope-reorder"]
    patterns = (*LONG, "test_*.py")
    files = dict.fromkeys(str(path) for name in patterns for path in sorted(CTS.glob(name)))
    command = [sys.executable, "-m", "pytest", f"--junit-xml={report}", *split]
    command += [*files, *arguments]
    done = subprocess.run(command, env=dict(os.environ, PYTHONPATH=str(CTS)), check=False)
    if not report.exists():
        return Count(failed=1)
    count = Count()
    for suite in ElementTree.parse(report).iter("testsuite"):
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        ran = int(suite.get("tests", 0))
        count.add(Count(passed=ran - bad - skipped, failed=bad, skipped=skipped))
    if done.returncode != 0 and count.failed == 0:
        count.failed = 1
    return count


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True, help="JUnit file of pytest")
    parser.add_argument("--wrapper", default="", help="run unit tests under this: valgrind ...")
    parser.add_argument("--only-unit", action="store_true", help="leave pytest out")
    parser.add_argument("--pytest", default="", help="further arguments for pytest")
    parser.add_argument("tests", nargs="*", type=Path, help="unit test programs")
    arguments = parser.parse_args()

    total = Count()
    for program in arguments.tests:
        total.add(run_unit(program, arguments.wrapper.split()))
    if not arguments.only_unit:
        arguments.report.parent.mkdir(parents=True, exist_ok=True)
        total.add(run_pytest(arguments.report, arguments.pytest.split()))
    if total.skipped:
        print(f"{total.skipped} skipped: the reasons are above")
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
