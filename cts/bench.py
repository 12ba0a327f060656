# SPDX-License-Identifier: GPL-2.0-or-later
"""What a warm monitor costs, beside its floor and beside one call of the AWS CLI.

All programs run in the same node of a lab and ask the same endpoint. The table goes to standard
output, and with all figures to build/bench/bench.json.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import meter
from lab.handle import Lab
from lab.state import LabError
from lab.topology import REGION, VIP
from runner import AGENTS, BUILD, INSTALLED, Runner, ocf_environment

AGENT = "route-table-vip"
LAB_NAME = "bench"
NODE = "n1"
OUTPUT = BUILD / "bench"
PACKAGES = ["pacemaker", "libqb", "libcurl", "libcrypto", "json-c", "libxml-2.0", "libmnl"]
EMPTY = "int\nmain(void)\n{\n    return 0;\n}\n"
# In the node, whose /tmp is its own.
CALLGRIND_OUT = "/tmp/callgrind.out"
TOP = 12
FLOOR = "empty program, same libraries"
MONITOR = f"{AGENT} monitor, warm"
CLI = "aws ec2 describe-route-tables"
# What calls main(), and so contains all that the program does.
RUNS_MAIN = "__libc_start"


class BenchError(Exception):
    """Something cannot be measured; the text says why."""


@dataclass(frozen=True)
class Cost:
    """What a program costs, a run."""

    name: str
    runs: int
    cpu_ms: float
    max_rss_mib: float
    aws_calls: float
    imds_calls: float


def libraries() -> list[str]:
    """The linker's options for all libraries of the agents."""
    argv = ["pkg-config", "--libs", *PACKAGES]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def in_node(lab: Lab, *argv: str) -> subprocess.CompletedProcess:
    """Run a command in the node; a failure is told in its own words."""
    try:
        return lab.exec(NODE, *argv)
    except LabError as error:
        raise BenchError(str(error)) from error


def measure(lab: Lab, measuring: Path, name: str, runs: int, argv: Sequence[str]) -> Cost:
    """Run a program so many times; each run must succeed."""
    in_node(lab, *argv)
    lab.clear_requests()
    # What the program prints stands before the line of figures.
    said = [in_node(lab, str(measuring), "/dev/stdout", *argv).stdout for _ in range(runs)]
    asked = Counter(
        "imds" if entry["service"] == "imds" else "aws"
        for entry in lab.requests()
        if entry["node"] == NODE
    )
    figures = [meter.read(text.splitlines()[-1])[0] for text in said]
    if any(run.code != 0 for run in figures):
        raise BenchError(f"{name}: exit codes {sorted({run.code for run in figures})}")
    return Cost(
        name=name,
        runs=runs,
        cpu_ms=statistics.median(run.cpu_ms for run in figures),
        max_rss_mib=max(run.peak_kib for run in figures) / 1024,
        aws_calls=asked["aws"] / runs,
        imds_calls=asked["imds"] / runs,
    )


# --- where the cost goes -------------------------------------------------------------------


@dataclass
class Profile:
    """Instructions of one run: in total, by library, and by what the agent calls in them."""

    total: int
    by_library: dict[str, int]
    by_call: dict[str, int]


def read_callgrind(text: str, program: str) -> Profile:
    """Add up a profile in callgrind's format (Valgrind manual, "Callgrind Format Specification").

    The cost of a call stands in the line after `calls=` and contains all that was called from
    there, so only what crosses from the program into a library is added up.
    """
    names: dict[tuple[str, str], str] = {}
    library, called_library, called = "", "", ""
    by_library: Counter[str] = Counter()
    by_call: Counter[str] = Counter()
    is_call = False
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key in ("ob", "fn", "cob", "cfn", "fl", "fi", "fe", "cfi", "cfl"):
            kind = {"cob": "ob", "cfn": "fn"}.get(key, key)
            number, _, name = value.partition(" ")
            name = names.setdefault((kind, number), name)
            if key == "ob":
                library = called_library = Path(name).name
            elif key == "cob":
                called_library = Path(name).name
            elif key == "cfn":
                called = name
        elif key == "calls":
            is_call = True
        elif re.match(r"[+*\-\d]", line):
            cost = int(line.split()[1])
            if not is_call:
                by_library[library] += cost
            elif library == program != called_library and not called.startswith(RUNS_MAIN):
                by_call[f"{called.partition(chr(39))[0]} ({called_library})"] += cost
            if is_call:
                is_call, called_library = False, library
    return Profile(by_library.total(), dict(by_library), dict(by_call))


def profile(lab: Lab, argv: Sequence[str]) -> Profile:
    """Profile one run in the node by Valgrind."""
    options = ["--tool=callgrind", f"--callgrind-out-file={CALLGRIND_OUT}", "--quiet"]
    position = next(i for i, word in enumerate(argv) if word.startswith("/"))
    in_node(lab, *argv[:position], "valgrind", *options, *argv[position:])
    found = in_node(lab, "cat", CALLGRIND_OUT).stdout
    return read_callgrind(found, Path(argv[position]).name)


# --- the report ----------------------------------------------------------------------------


def table(costs: list[Cost], profiles: dict[str, Profile]) -> str:
    """The figures, a line a program."""
    lines = [f"{'program':<34} {'CPU ms':>8} {'MiB':>6} {'AWS':>5} {'IMDS':>5} {'M instr.':>9}"]
    for cost in costs:
        found = profiles.get(cost.name)
        counted = "-" if found is None else f"{found.total / 1e6:.1f}"
        lines.append(
            f"{cost.name:<34} {cost.cpu_ms:>8.2f} {cost.max_rss_mib:>6.1f} "
            f"{cost.aws_calls:>5.1f} {cost.imds_calls:>5.1f} {counted:>9}"
        )
    return "\n".join(lines)


def shares(title: str, parts: dict[str, int], total: int) -> str:
    """The largest parts of a whole."""
    lines = [f"{title} ({total / 1e6:.1f} M instructions in all):"]
    for name, cost in sorted(parts.items(), key=lambda item: -item[1])[:TOP]:
        lines.append(f"  {cost / total:>6.1%}  {cost / 1e6:>7.2f} M  {name}")
    return "\n".join(lines)


def bench(lab: Lab, runs: int) -> dict:
    """Measure everything and print it; returns the contents of bench.json."""
    measuring = meter.build(OUTPUT / "meter")
    empty = meter.cc(OUTPUT / "empty", None, "-Wl,--no-as-needed", *libraries(), text=EMPTY)
    started = Runner(lab, AGENT, ip=VIP).start(NODE)
    if started.code != 0:
        raise BenchError(f"start ended with {started.code}: {started.stderr.strip()}")
    variables = ocf_environment(AGENT, "monitor", interval_ms=10000, ip=VIP)
    as_executor = ["env", *(f"{name}={value}" for name, value in variables.items())]
    agent = f"{INSTALLED}/{AGENT}"
    cli = ["aws", "--region", REGION, "ec2", "describe-route-tables", "--filters"]
    cli += [f"Name=route.destination-cidr-block,Values={VIP}/32"]
    programs = {
        FLOOR: [str(empty)],
        f"{AGENT} meta-data": [agent, "meta-data"],
        MONITOR: [*as_executor, agent, "monitor"],
    }
    costs = [measure(lab, measuring, name, runs, argv) for name, argv in programs.items()]
    costs.append(measure(lab, measuring, CLI, max(runs // 5, 3), cli))
    profiles = {}
    if shutil.which("valgrind"):
        profiles = {name: profile(lab, argv) for name, argv in programs.items()}
    cpu_ms = {cost.name: cost.cpu_ms for cost in costs}
    ratio = cpu_ms[CLI] / cpu_ms[MONITOR]
    print(table(costs, profiles))
    print(f"\nA warm monitor costs {ratio:.0f} times less CPU than the AWS CLI's one call,")
    print(f"and {cpu_ms[MONITOR] / cpu_ms[FLOOR]:.1f} times the floor.")
    if MONITOR in profiles:
        found = profiles[MONITOR]
        print("\n" + shares("A warm monitor by library", found.by_library, found.total))
        print("\n" + shares("What the agent calls, with all below", found.by_call, found.total))
    return {
        "costs": [asdict(cost) for cost in costs],
        "cpu_ratio": ratio,
        "profiles": {name: asdict(found) for name, found in profiles.items()},
    }


def main() -> int:
    """Bring a lab up for the time of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40, help="of each program, default %(default)s")
    parser.add_argument("--lab", default=LAB_NAME, help="name of the lab, default %(default)s")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with Lab.running(arguments.lab, with_cluster=False, agents=AGENTS) as lab:
            lab.control.settings(quotas=False)
            document = bench(lab, arguments.runs)
    except (LabError, BenchError, meter.CompileError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    (OUTPUT / "bench.json").write_text(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
