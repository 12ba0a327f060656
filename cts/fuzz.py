# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the targets of libFuzzer from their committed corpora, two on each processor at a time.

What they learn goes to a directory below build/, and so does an input that is a finding. Ends with
one line, `fuzz: N targets, N findings`, and with 1 when there is a finding. With --coverage it
shows instead which lines of the parsers all inputs reach that there are.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
CORPUS = REPOSITORY / "common/tests/corpus"
OUTPUT = REPOSITORY / "build/fuzz"
LEARNED = OUTPUT / "corpus"
FINDINGS = OUTPUT / "findings"
PROGRAMS = OUTPUT / "tests"

MAX_LEN = 4096
RSS_LIMIT_MB = 1024
INPUT_TIMEOUT_S = 20
AT_ONCE = 2 * os.cpu_count()

# Modules that read what others wrote.
PARSERS = (
    *("addr", "awscall", "cache", "creds", "dns", "dnsname", "ec2", "ec2addr", "elbv2"),
    *("endpoint", "err", "exchange", "fields", "hostedzone", "http", "imds", "json", "known"),
    *("netif", "node", "pace", "param", "pending", "probectl", "probehttp", "profile", "retry"),
    *("route53", "sigv4", "sts", "tgw", "tgwback", "tgwcache", "xmlq"),
)


@dataclass
class Outcome:
    """How one target ended."""

    target: str
    executions: int
    per_second: int
    finding: Path | None
    output: str
    code: int

    @property
    def is_finding(self) -> bool:
        """Anything but an orderly end."""
        return self.code != 0


def targets() -> list[str]:
    """The names of all targets."""
    sources = (REPOSITORY / "common/tests").glob("fuzz_*.c")
    return sorted(source.stem.removeprefix("fuzz_") for source in sources)


def _max_len(corpus: Path) -> int:
    """Room for inputs of twice the size of what is there."""
    return max([MAX_LEN, *(2 * path.stat().st_size for path in corpus.iterdir())])


def run(programs: Path, target: str, directories: list[Path], *limits: str) -> Outcome:
    """Run a target over directories of inputs; new ones go to the first."""
    FINDINGS.mkdir(parents=True, exist_ok=True)
    prefix = FINDINGS / f"{target}-"
    before = set(FINDINGS.iterdir())
    command = [
        str(programs / f"fuzz_{target}"),
        f"-artifact_prefix={prefix}",
        f"-max_len={_max_len(CORPUS / target)}",
        f"-rss_limit_mb={RSS_LIMIT_MB}",
        f"-timeout={INPUT_TIMEOUT_S}",
        "-print_final_stats=1",
        *limits,
        *map(str, directories),
    ]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", check=False
    )
    stats = dict(re.findall(r"^stat::(\w+): +(\d+)$", done.stdout, re.MULTILINE))
    new = sorted(
        path for path in set(FINDINGS.iterdir()) - before if path.name.startswith(f"{target}-")
    )
    return Outcome(
        target=target,
        executions=int(stats.get("number_of_executed_units", 0)),
        per_second=int(stats.get("average_exec_per_sec", 0)),
        finding=new[0] if new else None,
        output=done.stdout,
        code=done.returncode,
    )


def replay(target: str, programs: Path = PROGRAMS) -> Outcome:
    """Run a target over its committed corpus and nothing else."""
    return run(programs, target, [CORPUS / target], "-runs=0")


def fuzz(target: str, seconds: int, programs: Path = PROGRAMS) -> Outcome:
    """Run a target for a while."""
    learned = LEARNED / target
    learned.mkdir(parents=True, exist_ok=True)
    return run(programs, target, [learned, CORPUS / target], f"-max_total_time={seconds}")


def tell(outcome: Outcome, programs: Path = PROGRAMS) -> str:
    """What happened, and for a finding how to see it again."""
    if not outcome.is_finding:
        return (
            f"{outcome.target}: {outcome.executions} executions, {outcome.per_second}/s, "
            f"{len(list((CORPUS / outcome.target).iterdir()))} inputs committed"
        )
    again = [str(programs / f"fuzz_{outcome.target}")]
    again += (
        [str(outcome.finding)] if outcome.finding else [str(CORPUS / outcome.target), "-runs=0"]
    )
    end = "\n".join(outcome.output.splitlines()[-60:])
    return f"{end}\n{outcome.target}: FINDING; to see it again: {' '.join(again)}"


def fuzz_all(programs: Path, names: list[str], seconds: int) -> int:
    """Run the targets; how many findings there are."""
    findings = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for outcome in pool.map(lambda name: fuzz(name, seconds, programs), names):
            findings += outcome.is_finding
            print(tell(outcome, programs), flush=True)
    print(f"fuzz: {len(names)} targets, {findings} findings")
    return findings


def cover(programs: Path, names: list[str]) -> int:
    """Print how many lines of each parser the inputs reach; 1 when a target cannot be run."""
    profiles = []
    for name in names:
        profile = programs / f"{name}.profraw"
        directories = [path for path in (CORPUS / name, LEARNED / name) if path.is_dir()]
        os.environ["LLVM_PROFILE_FILE"] = str(profile)
        outcome = run(programs, name, directories, "-runs=0")
        if outcome.is_finding:
            print(tell(outcome, programs))
            return 1
        profiles.append(profile)
    merged = programs / "all.profdata"
    subprocess.run(["llvm-profdata", "merge", "-o", merged, *profiles], check=True)
    objects = [programs / f"fuzz_{name}" for name in names]
    command = ["llvm-cov", "export", "-summary-only", f"-instr-profile={merged}", objects[0]]
    for other in objects[1:]:
        command += ["-object", other]
    exported = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY)
    (data,) = json.loads(exported.stdout)["data"]
    lines = {
        Path(file["filename"]).stem: file["summary"]["lines"]
        for file in data["files"]
        if file["filename"].endswith(".c") and "/tests/" not in file["filename"]
    }
    total = covered = 0
    for parser in PARSERS:
        count = lines.get(parser)
        if count is not None:
            total += count["count"]
            covered += count["covered"]
            print(
                f"{parser + '.c':14} {count['covered']:5} of {count['count']:5} lines "
                f"{count['percent']:5.1f} %"
            )
    print(f"{'all':14} {covered:5} of {total:5} lines {100 * covered / total:5.1f} %")
    return 0


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=Path, default=PROGRAMS, help="where the targets are")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--coverage", action="store_true", help="show the lines that are reached")
    parser.add_argument("targets", nargs="*", help="all when none is named")
    arguments = parser.parse_args()
    names = arguments.targets or targets()
    programs = arguments.programs.resolve()
    if arguments.coverage:
        return cover(programs, names)
    return 1 if fuzz_all(programs, names, arguments.seconds) else 0


if __name__ == "__main__":
    sys.exit(main())
