# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the cells of the fault matrix in a lab, and says what was not as faults.py requires it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faults import (
    ACTIONS,
    ACTIVE,
    API,
    DEEP,
    NOT_RUNNING,
    OK,
    STANDBY,
    STEPS,
    STOP,
    Agent,
    Required,
    Row,
    Rule,
    required,
)
from lab.aws.cloud import is_read
from lab.handle import Lab
from runner import ASIDE, BUILD, REASON, REASON_MAX, TIMEOUT_MS, Outcome, Runner, Running

MAX_MEMORY = 32 << 20
# The sanitizers need far more memory than the programs.
LIMITED = () if BUILD.name == "sanitize" else ("prlimit", f"--data={MAX_MEMORY}")
# How often one thing may be asked for in the two seconds that an action has under a fault that
# lasts: with pauses of a quarter, a half and one second on average it is four times.
MAX_ATTEMPTS = 8
# Faults of requests that are served all the same.
SERVED = {"lost", "stale", "rotate", "pending"}
WARNING = "WARNING: "
CUT_ID = re.compile(r", request (?![0-9a-f-]{36}(;|$))", re.MULTILINE)
CREDENTIALS = "/iam/security-credentials/ocf-aws-node"


@dataclass(frozen=True)
class Cell:
    """One cell, and what came of it."""

    agent: str
    row: str
    action: str
    # Why it makes no sense; then nothing was run.
    senseless: str | None = None
    wrong: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = self.senseless or "\n    ".join(("", *self.wrong)) or "right"
        return f"{self.agent} {self.row} {self.action}: {said}"


@dataclass(frozen=True)
class Result:
    """What an action did in a cell, and what it left."""

    action: str
    outcome: Outcome
    # What it added to Pacemaker's log.
    log: str
    owners: set[str]
    files: list[str]
    # What a probe of the node says afterwards, of a stop.
    probe: int = NOT_RUNNING

    @property
    def told(self) -> str:
        """The lines for the operator: exit reasons and warnings."""
        lines = self.outcome.stderr.splitlines()
        return "\n".join(line for line in lines if line.startswith((REASON, WARNING)))

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


# --- checks: each says what is wrong -------------------------------------------------------


def _code(result: Result, wanted: Required) -> Iterator[str]:
    if result.outcome.code != wanted.code:
        yield f"exit code {result.outcome.code}, not {wanted.code}: {result.outcome.stderr}"


def _reason(result: Result, _wanted: Required) -> Iterator[str]:
    reasons = result.outcome.reasons
    if len(reasons) > 1 or (not reasons and result.outcome.code != OK):
        yield f"{len(reasons)} exit reasons: {result.outcome.stderr}"
    for reason in reasons:
        if len(reason.encode()) > REASON_MAX or not reason.isprintable():
            yield f"exit reason that cannot be shown: {reason!r}"
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
    if invisible and result.outcome.stderr:
        yield f"not invisible: {result.outcome.stderr}"


def _traces(result: Result, wanted: Required) -> Iterator[str]:
    missing = set(wanted.traces) - result.traces
    if missing:
        yield f"the fault did not meet it: no {', '.join(sorted(missing))} among its requests"


def _writes(result: Result, wanted: Required) -> Iterator[str]:
    if len(result.writes) != wanted.writes:
        yield f"{len(result.writes)} writes carried out, not {wanted.writes}: {result.writes}"


def _calls(result: Result, wanted: Required) -> Iterator[str]:
    made = [entry["action"] for entry in result.outcome.requests if entry["service"] != "imds"]
    if wanted.calls is not None and Counter(made) != Counter(wanted.calls):
        yield f"it calls {made}, not {list(wanted.calls)}"


def _owners(result: Result, wanted: Required) -> Iterator[str]:
    if result.owners != wanted.owners:
        yield f"it is on {sorted(map(str, result.owners))}, not on {sorted(wanted.owners)}"


def _stopped(result: Result, _wanted: Required) -> Iterator[str]:
    if result.probe != NOT_RUNNING:
        yield f"a probe after it says {result.probe}"


def _storm(result: Result, wanted: Required) -> Iterator[str]:
    asked = Counter(
        (entry["service"], entry["region"], entry["action"]) for entry in result.outcome.requests
    )
    for (service, _, action), times in asked.items():
        if times > MAX_ATTEMPTS * wanted.at_once:
            yield f"a storm: {times} times {service} {action}"


def _renewals(result: Result, _wanted: Required) -> Iterator[str]:
    times = sum(CREDENTIALS in call for call in result.outcome.calls("imds"))
    if times > 1:
        yield f"credentials renewed {times} times"


def _remains(result: Result, _wanted: Required) -> Iterator[str]:
    if result.files:
        yield f"files left: {', '.join(result.files)}"
    if "out of memory" in result.log:
        yield f"more than {MAX_MEMORY} bytes needed"


CHECKS: list[Callable[[Result, Required], Iterator[str]]] = [
    _code,
    _reason,
    _says,
    _is_quiet,
    _traces,
    _writes,
    _calls,
    _owners,
    _stopped,
    _storm,
    _renewals,
    _remains,
]


# --- running -------------------------------------------------------------------------------


class Stage:
    """One agent in a lab of its scenario without a cluster, for row after row."""

    def __init__(self, lab: Lab, agent: Agent):
        self.lab, self.agent = lab, agent
        self.runner = Runner(lab, agent.name, **agent.parameters(lab))

    def run(self, row: Row) -> Iterator[Cell]:
        """Run one row and say of each cell what came of it."""
        self.set_up()
        for step in STEPS:
            yield from self._step(row, step)
        self.lab.clear_faults()

    def set_up(self) -> None:
        """The resource runs on ACTIVE and on no other; the caches of both nodes are warm."""
        self.lab.clear_faults()
        assert self.runner.stop(self.agent.other).code == OK
        assert self.runner.start(ACTIVE).code == OK
        for action, code in ((STANDBY, NOT_RUNNING), (DEEP, self.agent.deep_code)):
            done = self.runner.end(self._begin(action, TIMEOUT_MS))
            assert done.code == code, done
        self.lab.clear_requests()

    def tear_down(self) -> None:
        """Stop it everywhere; whatever the faults were, no secret may have come out."""
        self.lab.clear_faults()
        for where in (self.agent.other, ACTIVE):
            assert self.runner.stop(where).code == OK
            assert self.runner.processes(where) == []
        self.runner.check_secrets()

    def on_unknown(self, policy: str) -> Outcome:
        """The recurring monitor of ACTIVE by a policy, while AWS cannot be asked."""
        self.lab.fault(self.agent.service, "denied")
        done = self.runner.monitor(ACTIVE, depth=self.agent.depth, on_unknown=policy)
        self.lab.clear_faults()
        return done

    def _step(self, row: Row, step: tuple[str, ...]) -> Iterator[Cell]:
        wanted = {action: required(self.agent, row, action) for action in step}
        actions = [action for action in step if isinstance(wanted[action], Required)]
        self._arrange(row, actions)
        logged = {action: len(self.runner.log(self.agent.node(action))) for action in actions}
        begun = {action: self._begin(action, row.timeout_ms, LIMITED) for action in actions}
        ended = {action: self._end(running) for action, running in begun.items()}
        for action in step:
            if action not in actions:
                yield Cell(self.agent.name, row.id, action, senseless=wanted[action])
                continue
            wrong = ended[action]
            if isinstance(wrong, Outcome):
                result = self._look(action, wrong, logged[action])
                wrong = [text for check in CHECKS for text in check(result, wanted[action])]
            yield Cell(self.agent.name, row.id, action, wrong=tuple(wrong))

    def _begin(self, action: str, timeout_ms: int, wrapper: tuple[str, ...] = ()) -> Running:
        how = ACTIONS[action]
        options = {**how.options, "environment": how.environment, "timeout_ms": timeout_ms}
        if action == DEEP:
            options["depth"] = self.agent.depth
        return self.runner.begin(self.agent.node(action), how.verb, wrapper=wrapper, **options)

    def _end(self, running: Running) -> Outcome | list[str]:
        """The outcome, or why there is none: killed at its timeout, or a child left."""
        try:
            return self.runner.end(running)
        except AssertionError as error:
            return [str(error)]

    def _arrange(self, row: Row, actions: list[str]) -> None:
        self.lab.clear_faults()
        for action in actions:
            if row.cold:
                self.runner.forget(self.agent.node(action))
            row.before(self.lab, self.agent, action)
        for action in actions:
            for rule in row.rules:
                self._add_rule(rule, action)
            row.after(self.lab, self.agent, action)

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

    def _look(self, action: str, outcome: Outcome, logged: int) -> Result:
        where = self.agent.node(action)
        self.runner.learn_secrets(where)
        left = sorted(path.name for path in self.runner.state_dir(where).glob(ASIDE))
        log, owners = self.runner.log(where)[logged:], self.agent.owners(self.lab)
        probe = self.runner.probe(where).code if action == STOP else NOT_RUNNING
        return Result(action, outcome, log, owners, left, probe)
