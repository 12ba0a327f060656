# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the cells of the fault matrix in a lab, and says what was not as faults.py requires it."""

import contextlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import meter
from faults import (
    ACTIONS,
    ACTIVE,
    API,
    CREDENTIALS,
    DEEP,
    MENDS,
    NOT_RUNNING,
    OK,
    STANDBY,
    STEPS,
    STOP,
    VALIDATE,
    Agent,
    Required,
    Row,
    Rule,
    required,
)
from lab import node
from lab.aws.cloud import is_read
from lab.handle import Lab
from lab.process import PROC
from lab.state import REPOSITORY
from runner import (
    ASIDE,
    BUILD,
    INSTALLED,
    LOG_FILE,
    REASON,
    REASON_MAX,
    RSCTMP,
    TIMEOUT_MS,
    Outcome,
    Runner,
    Running,
    reveals,
)

MAX_MEMORY = 32 << 20
# Beside the agents, where it can be executed whatever the nodes have mounted how.
METER = f"{INSTALLED}/.meter"
GRACE_MS = 60000
# As a node sees it.
FIGURES_FILE = "/tmp/figures"
# What checks an agent from inside writes here what it has found.
REPORT = "/tmp/report"
# The directories of a node where an agent could leave something.
WRITABLE = ("run", "srv", "tmp", "root", "dev/shm")
# What memcheck says of a system call that it does not let through.
UNKNOWN_CALL = re.compile(r"WARNING: unhandled \S+ syscall: (\d+)")
STATE_DIR = f"{RSCTMP}/ocf-aws"
# Faults of requests that are served all the same.
SERVED = {"lost", "stale", "rotate", "pending", "skew"}
WARNING = "WARNING: "
# What a preflight has found, each on a line.
ERROR, FINE = "ERROR: ", "ok: "
CUT_ID = re.compile(r", request (?![0-9a-f-]{36}(;|$))", re.MULTILINE)
REQUEST_FIELDS = (
    "started",
    "ended",
    "node",
    "region",
    "service",
    "action",
    "status",
    "code",
    "fault",
)
# Of one attempt; the default is five seconds.
API_TIMEOUT = "api_timeout"
API_TIMEOUT_MAX_S = 60


@dataclass(frozen=True)
class Conditions:
    """What the agents run under."""

    name: str
    # The beginning of a command line that runs the rest of it.
    wrapper: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    # Of memory, in bytes; None where what checks the agent needs far more than it does.
    limit: int | None = None
    # How many times as long its timeouts are, both Pacemaker's and its own for a request.
    slowed: int = 1
    # How much later than at its timeout it is killed: for what checks it, to tell what it found.
    grace_ms: int = 0


PLAIN = Conditions("as they are installed", ("prlimit", f"--data={MAX_MEMORY}"), limit=MAX_MEMORY)
SANITIZED = Conditions(
    "built with ASan and UBSan",
    # One runtime has the options of both.
    environment=dict.fromkeys(("ASAN_OPTIONS", "UBSAN_OPTIONS"), f"log_path={REPORT}"),
    slowed=4,
    grace_ms=GRACE_MS,
)
NATIVE = SANITIZED if BUILD.name == "sanitize" else PLAIN
MEMCHECK = Conditions(
    "under valgrind memcheck",
    (
        *("valgrind", "--quiet", "--vgdb=no", f"--log-file={REPORT}.%p", "--trace-children=yes"),
        *("--leak-check=full", "--show-leak-kinds=definite,indirect"),
    ),
    slowed=16,
    grace_ms=GRACE_MS,
)
CONDITIONS = {"valgrind": MEMCHECK}


@dataclass(frozen=True)
class Seen:
    """What is worth being told of a cell that was run."""

    code: int
    wanted_code: int
    reason: str
    seconds: float | None
    deadline_s: float
    peak_kib: int | None
    calls: tuple[str, ...]
    writes: tuple[str, ...]
    owners: tuple[str, ...]
    wanted_owners: tuple[str, ...]
    # All that one needs to find out more; of wrong cells.
    evidence: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell, and what came of it."""

    agent: str
    row: str
    action: str
    # Why it makes no sense; then nothing was run.
    senseless: str | None = None
    wrong: tuple[str, ...] = ()
    seen: Seen | None = None

    def __str__(self) -> str:
        said = self.senseless or "\n    ".join(("", *self.wrong)) or "right"
        return f"{self.agent} {self.row} {self.action}: {said}"


@dataclass(frozen=True)
class Before:
    """What the node of an action had before it."""

    # The length of the log.
    logged: int
    files: set[str]
    # The connections refused it, by service and region.
    refused: Counter[tuple[str, str]]


@dataclass(frozen=True)
class Result:
    """What an action did in a cell, and what it left."""

    action: str
    outcome: Outcome
    # What it added to Pacemaker's log.
    log: str
    owners: set[str]
    # Files that were not there before, but for caches.
    files: list[str]
    # What a probe of the node says afterwards, of a stop.
    probe: int = NOT_RUNNING
    deadline_s: float = TIMEOUT_MS / 1000
    # None of an action that was killed.
    figures: meter.Figures | None = None
    # What checks it from inside has found.
    reports: list[str] = field(default_factory=list)
    # It has put a secret where others may read it.
    reveals: bool = False
    limit: int | None = None
    # How many times as long as usual its timeout was.
    slowed: int = 1
    # How many connections were refused it, by service and region.
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    # What is wrong when the fault did not last as long as it.
    lifted: str | None = None

    @property
    def told(self) -> str:
        """The lines for the operator: exit reasons, warnings, and what a preflight finds wrong."""
        lines = self.outcome.stderr.splitlines()
        return "\n".join(line for line in lines if line.startswith((REASON, WARNING, ERROR)))

    @property
    def unexpected(self) -> str:
        """What it said that nobody need read when all is well."""
        lines = self.outcome.stderr.splitlines()
        fine = FINE if self.action == VALIDATE else None
        return "\n".join(line for line in lines if fine is None or not line.startswith(fine))

    @property
    def traces(self) -> set[str]:
        """Faults and error codes of its requests."""
        return {
            word
            for entry in self.outcome.requests
            for word in (*(entry["fault"] or "").split("+"), entry["code"])
            if word
        }

    @property
    def writes(self) -> list[str]:
        """Calls that AWS has carried out, and that are no reads."""
        return [
            entry["action"]
            for entry in self.outcome.requests
            if entry["service"] != "imds"
            and not is_read(entry["action"] or "")
            and entry["code"] is None
            and set((entry["fault"] or "lost").split("+")) <= SERVED
        ]


def files_of(lab: Lab, where: str) -> set[str]:
    """All files of a node that its programs may have made, but for caches and what tests need."""
    root = PROC / str(node.running(lab.files, where).pid) / "root"
    found = set()
    for top in WRITABLE:
        for directory, below, names in os.walk(root / top):
            inside = f"/{Path(directory).relative_to(root)}"
            # A repository below /tmp is seen there too, with the files of all labs.
            below[:] = [name for name in below if Path(inside, name) != REPOSITORY]
            found |= {f"{inside}/{name}" for name in names if _counts(inside, name)}
    return found


def _counts(directory: str, name: str) -> bool:
    if directory == STATE_DIR:
        return Path(name).match(ASIDE)
    path = f"{directory}/{name}"
    return path not in (LOG_FILE, FIGURES_FILE) and not path.startswith(REPORT)


# --- checks: each says what is wrong -------------------------------------------------------


def _ended(result: Result, _wanted: Required) -> Iterator[str]:
    for violation in result.outcome.violations:
        yield f"{violation}, of {result.deadline_s:g} s: {result.outcome.stderr}"


def _code(result: Result, wanted: Required) -> Iterator[str]:
    if result.outcome.code != wanted.code:
        yield f"exit code {result.outcome.code}, not {wanted.code}: {result.outcome.stderr}"


def unreadable(outcome: Outcome) -> Iterator[str]:
    """What keeps an operator from reading why something failed."""
    reasons = outcome.reasons
    if len(reasons) > 1 or (not reasons and outcome.code != OK):
        yield f"{len(reasons)} exit reasons: {outcome.stderr}"
    for reason in reasons:
        if len(reason.encode()) > REASON_MAX or not reason.isprintable():
            yield f"exit reason that cannot be shown: {reason!r}"


def _reason(result: Result, _wanted: Required) -> Iterator[str]:
    yield from unreadable(result.outcome)
    if CUT_ID.search(result.told):
        yield f"the id of a request is of no use unless it is whole: {result.told}"


def _says(result: Result, wanted: Required) -> Iterator[str]:
    if result.action == STANDBY:
        # Nothing for the operator to do: that the caches could not be warmed is in the log.
        missing = [words for words in wanted.says[:1] if words not in result.log]
    else:
        missing = [words for words in wanted.says if words not in result.told]
    if missing:
        yield f"nothing says {missing}: {result.told}"


def _is_quiet(result: Result, wanted: Required) -> Iterator[str]:
    warned = WARNING in result.told
    if warned != wanted.warns:
        yield f"{'a' if warned else 'no'} warning: {result.outcome.stderr}"
    invisible = wanted.code == OK and not wanted.says and not wanted.warns
    if invisible and result.unexpected:
        yield f"not invisible: {result.unexpected}"
    listed = any(line.startswith(ERROR) for line in result.told.splitlines())
    if result.action == VALIDATE and listed == (wanted.code == OK):
        yield f"{'a' if listed else 'no'} finding: {result.outcome.stderr}"


def _traces(result: Result, wanted: Required) -> Iterator[str]:
    missing = set(wanted.traces) - result.traces
    if missing:
        yield f"the fault did not meet it: no {', '.join(sorted(missing))} among its requests"
    if wanted.refused and not any(result.refused.values()):
        yield "the fault did not meet it: no connection was refused"
    if result.lifted is not None:
        yield f"the fault was lifted before its end: {result.lifted}"


def _asks(result: Result, wanted: Required) -> Iterator[str]:
    asked = result.outcome.calls("imds")
    missing = [words for words in wanted.asks if not any(words in call for call in asked)]
    if missing:
        yield f"it had in a cache what is not asked for: {', '.join(missing)}"


def _unheard(result: Result, wanted: Required) -> Iterator[str]:
    # A connection that ends before a request came is in the log without one.
    asked = [entry for entry in result.outcome.requests if entry["service"] != "imds"]
    heard = [entry["action"] for entry in asked if entry["action"]]
    if wanted.unheard and heard:
        yield f"it talks on: {heard}"


def _writes(result: Result, wanted: Required) -> Iterator[str]:
    if len(result.writes) != wanted.writes:
        yield f"{len(result.writes)} writes carried out, not {wanted.writes}: {result.writes}"


def _calls(result: Result, wanted: Required) -> Iterator[str]:
    made = [entry["action"] for entry in result.outcome.requests if entry["service"] != "imds"]
    if wanted.calls is not None and Counter(made) != Counter(wanted.calls):
        yield f"it calls {made}, not {list(wanted.calls)}"


def _owners(result: Result, wanted: Required) -> Iterator[str]:
    if result.owners != wanted.owners:
        yield f"it is on {sorted(map(str, result.owners))}, not on {sorted(map(str, wanted.owners))}"


def _stopped(result: Result, wanted: Required) -> Iterator[str]:
    if result.action == STOP and result.probe != wanted.stopped:
        yield f"a probe after it says {result.probe}"


def _storm(result: Result, wanted: Required) -> Iterator[str]:
    asked = Counter(
        (entry["service"], entry["region"], entry["action"]) for entry in result.outcome.requests
    )
    for (service, _, action), times in asked.items():
        if times > wanted.most_calls * result.slowed:
            yield f"a storm: {times} times {service} {action}"
    for (service, region), times in result.refused.items():
        if times > wanted.most_calls * result.slowed:
            yield f"a storm: {times} connections refused, {service} {region}"


def _renewals(result: Result, _wanted: Required) -> Iterator[str]:
    times = sum(CREDENTIALS in call for call in result.outcome.calls("imds"))
    if times > 1:
        yield f"credentials renewed {times} times"


def _remains(result: Result, _wanted: Required) -> Iterator[str]:
    if result.files:
        yield f"files left: {', '.join(result.files)}"


def _memory(result: Result, _wanted: Required) -> Iterator[str]:
    if result.figures is None:
        yield "nothing was measured: it was killed"
    elif result.limit is not None:
        peak = result.figures.peak_kib << 10
        if "out of memory" in result.log or peak > result.limit:
            yield f"more than {result.limit} bytes needed, at least {peak}"


def _secrets(result: Result, _wanted: Required) -> Iterator[str]:
    if result.reveals:
        yield "a secret is in its output or log"


def _reports(result: Result, _wanted: Required) -> Iterator[str]:
    yield from result.reports


CHECKS: list[Callable[[Result, Required], Iterator[str]]] = [
    _ended,
    _code,
    _reason,
    _says,
    _is_quiet,
    _traces,
    _asks,
    _unheard,
    _writes,
    _calls,
    _owners,
    _stopped,
    _storm,
    _renewals,
    _remains,
    _memory,
    _secrets,
    _reports,
]


# --- running -------------------------------------------------------------------------------


def judge(agent: str, row: str, result: Result, wanted: Required) -> Cell:
    """The cell that a result makes, after all checks."""
    unknown = sorted(set(UNKNOWN_CALL.findall("\n".join(result.reports))))
    if unknown:
        why = f"valgrind knows no system call {', '.join(unknown)}, which it needs"
        return Cell(agent, row, result.action, senseless=why)
    wrong = tuple(text for check in CHECKS for text in check(result, wanted))
    outcome, figures = result.outcome, result.figures
    calls = Counter(entry["action"] or entry["service"] for entry in outcome.requests)
    seen = Seen(
        code=outcome.code,
        wanted_code=wanted.code,
        reason=result.told.removeprefix(REASON),
        seconds=figures and figures.seconds,
        deadline_s=result.deadline_s,
        peak_kib=figures and figures.peak_kib,
        calls=tuple(f"{name} x{times}" if times > 1 else name for name, times in calls.items()),
        writes=tuple(result.writes),
        owners=tuple(sorted(map(str, result.owners))),
        wanted_owners=tuple(sorted(map(str, wanted.owners))),
        evidence=_evidence(result, wanted) if wrong else "",
    )
    return Cell(agent, row, result.action, wrong=wrong, seen=seen)


def _evidence(result: Result, wanted: Required) -> str:
    asked = [
        " ".join(f"{name}={entry.get(name)}" for name in REQUEST_FIELDS)
        for entry in result.outcome.requests
    ]
    parts = {
        "required": str(wanted),
        "stdout": result.outcome.stdout,
        "stderr": result.outcome.stderr,
        "requests": "\n".join(asked),
        "log": result.log,
        "files left": "\n".join(result.files),
    }
    return "\n".join(f"--- {name}\n{text}" for name, text in parts.items() if text)


def with_meter(source: Path, target: Path) -> Path:
    """A copy of the agents, which a build under way does not change, and the meter beside them."""
    shutil.copytree(source, target)
    meter.build(target / Path(METER).name)
    return target


class Stage:
    """One agent in a lab of its scenario without a cluster, for row after row."""

    def __init__(self, lab: Lab, agent: Agent, conditions: Conditions = NATIVE):
        self.lab, self.agent, self.conditions = lab, agent, conditions
        parameters = {API_TIMEOUT: "5s"} | agent.parameters(lab)
        seconds = int(parameters[API_TIMEOUT].removesuffix("s")) * conditions.slowed
        seconds = min(seconds, API_TIMEOUT_MAX_S)
        self.runner = Runner(lab, agent.name, **parameters | {API_TIMEOUT: f"{seconds}s"})
        self._drifted = False

    def run(self, row: Row) -> Iterator[Cell]:
        """Run one row and say of each cell what came of it."""
        if row.play is not None:
            self.set_up()
            yield from row.play(self, row)
            self.lab.clear_faults()
            return
        wanted = {action: required(self.agent, row, action) for action in ACTIONS}
        with contextlib.ExitStack() as around:
            if any(isinstance(each, Required) for each in wanted.values()):
                self.set_up()
                around.enter_context(row.around(self.lab, self.agent))
            for step in STEPS:
                yield from self.step(row, {action: wanted[action] for action in step})
            self.lab.clear_faults()

    def set_up(self) -> None:
        """The resource runs on ACTIVE and on no other; the caches of both nodes are warm."""
        self.lab.clear_faults()
        for done in (self.runner.stop(self.agent.other), self.runner.start(ACTIVE)):
            assert done.code == OK, done
        warming = {STANDBY: NOT_RUNNING, DEEP: self.agent.deep_code}
        if STANDBY not in self.agent.calls:
            warming[VALIDATE] = OK
        for action, code in warming.items():
            done = self.runner.end(self.begin(action, TIMEOUT_MS))
            assert done.code == code, done
        for where in (ACTIVE, self.agent.other):
            self.runner.learn_secrets(where)
        self.lab.clear_requests()

    def tear_down(self) -> None:
        """Stop it everywhere; whatever the faults were, no secret may have come out."""
        self.lab.clear_faults()
        for where in (self.agent.other, ACTIVE):
            assert self.runner.stop(where).code == OK
            assert self.runner.processes(where) == []
            assert self._taken(where, f"{REPORT}*") == []
        self.runner.check_secrets()

    def on_unknown(self, policy: str) -> Outcome:
        """The recurring monitor of ACTIVE by a policy, while AWS cannot be asked."""
        self.lab.fault(self.agent.service, "denied")
        done = self.runner.monitor(ACTIVE, depth=self.agent.depth, on_unknown=policy)
        self.lab.clear_faults()
        return done

    def step(self, row: Row, wanted: dict[str, Required | str]) -> Iterator[Cell]:
        """Run some actions at once, one a node, and say what came of them."""
        actions = [action for action in wanted if isinstance(wanted[action], Required)]
        self._arrange(row, actions)
        before = {action: self._before(row, action) for action in actions}
        begun = {action: self._begin_measured(action, row) for action in actions}
        ended = {
            action: self.runner.end(running, judged=False) for action, running in begun.items()
        }
        for action, required_of_it in wanted.items():
            if isinstance(required_of_it, str):
                yield Cell(self.agent.name, row.id, action, senseless=required_of_it)
                continue
            result = self._look(row, action, ended[action], before[action])
            yield judge(self.agent.name, row.id, result, required_of_it)

    def _begin_measured(self, action: str, row: Row) -> Running:
        wrapper = (METER, FIGURES_FILE, *self.conditions.wrapper, *row.wrapper)
        return self.begin(action, self._timeout_ms(row), wrapper=wrapper, **row.parameters)

    def begin(self, action: str, timeout_ms: int, **more: Any) -> Running:
        """Start an action as its row of ACTIONS says."""
        how = ACTIONS[action]
        options = {**how.options, "timeout_ms": timeout_ms, **more}
        options["grace_ms"] = self.conditions.grace_ms
        options["environment"] = how.environment | self.conditions.environment
        if action == DEEP:
            options["depth"] = self.agent.depth
        if action in MENDS and self.agent.drift is not None:
            options |= self.agent.drift.parameters
        return self.runner.begin(self.agent.node(action), how.verb, **options)

    def _before(self, row: Row, action: str) -> Before:
        where = self.agent.node(action)
        logged, files = len(self.runner.log(where)), files_of(self.lab, where)
        return Before(logged, files, self._refused(row, where))

    def _arrange(self, row: Row, actions: list[str]) -> None:
        self.lab.clear_faults()
        self.undo_drift()
        for action in actions:
            if row.cold:
                self.runner.forget(self.agent.node(action))
            row.before(self.lab, self.agent, action)
        for action in actions:
            for rule in row.rules:
                self._add_rule(rule, action)
            row.after(self.lab, self.agent, action)
        if any(action in MENDS for action in actions):
            self.drift()

    def drift(self) -> None:
        """Let a part of what ACTIVE has drift, where the agent has parts that can."""
        if self.agent.drift is not None:
            self.agent.drift.happens(self.lab, self.agent.other)
            self._drifted = True

    def undo_drift(self) -> None:
        """ACTIVE has all of it again, whatever became of the part that had drifted."""
        if self._drifted:
            self.agent.place(self.lab, ACTIVE)
            self.agent.drift.undo(self.lab)
            self._drifted = False

    def _add_rule(self, rule: Rule, action: str) -> None:
        service = self.agent.service if rule.service == API else rule.service
        more = {"node": self.agent.node(action), "count": rule.count, "param": rule.param}
        calls = {call for calls in self.agent.calls.values() for call in calls}
        chosen = {call for call in calls if is_read(call) == (rule.of == "reads")}
        for call in {None} if rule.of == "all" else chosen:
            for region in self._regions(rule):
                where = {} if region is None else {"region": region}
                self.lab.fault(service, rule.kind, action=call, **more, **where)

    def _regions(self, rule: Rule) -> set[str | None]:
        """Where a rule holds; None is everywhere. Reads lag in each region by itself."""
        if rule.kind == "stale" and rule.service == API:
            return {vpc.region for vpc in self.lab.topology.vpcs}
        return {rule.region}

    def _look(self, row: Row, action: str, outcome: Outcome, before: Before) -> Result:
        where = self.agent.node(action)
        secrets = self.runner.learn_secrets(where) | self.runner.secrets
        log = self.runner.log(where)[before.logged :]
        left = sorted(files_of(self.lab, where) - before.files)
        figures = [meter.read(text)[-1] for text in self._taken(where, FIGURES_FILE)]
        return Result(
            action=action,
            outcome=outcome,
            log=log,
            owners=self.agent.owners(self.lab),
            files=left,
            probe=self.runner.probe(where).code if action == STOP else NOT_RUNNING,
            deadline_s=self._timeout_ms(row) / 1000,
            figures=figures[0] if figures else None,
            reports=self._taken(where, f"{REPORT}*"),
            reveals=reveals(f"{outcome.stdout}\n{outcome.stderr}\n{log}", secrets),
            limit=self.conditions.limit,
            slowed=self.conditions.slowed,
            refused=dict(self._refused(row, where) - before.refused),
            lifted=row.lifted(self.lab, self.agent, action),
        )

    def _refused(self, row: Row, where: str) -> Counter[tuple[str, str]]:
        """The connections refused a node so far, if the rules of a row refuse any."""
        refuses = any(rule.kind == "refuse" for rule in row.rules)
        return Counter(self.lab.refused(where) if refuses else {})

    def _timeout_ms(self, row: Row) -> int:
        return row.timeout_ms * self.conditions.slowed

    def _taken(self, where: str, pattern: str) -> list[str]:
        """The contents of files of a node's /tmp, which are then no more."""
        found = sorted((self.lab.files.node(where) / "tmp").glob(Path(pattern).name))
        texts = [path.read_text(errors="replace") for path in found]
        for path in found:
            path.unlink()
        return [text for text in texts if text]
