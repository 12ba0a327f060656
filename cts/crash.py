# SPDX-License-Identifier: GPL-2.0-or-later
"""Crash safety: an agent is killed at each point of an action, and somebody goes on from there.

A cell of the rows K1 (SIGTERM) and K2 (SIGKILL) is one run that is cut short at one point, and then
either the same action once more on that node, a stop there and a start on the other node, or, as
after fencing, a start on the other node alone. However it was cut short, in the end exactly one
node has the resource, and the other says that it has not.
"""

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crashpoint import Point, crashing, listing, points, reached
from drifts import Drift
from faultlab import Cell, Stage
from faults import ACTIVE, DEGRADED, FAILED, NOT_RUNNING, OK, REMOTE, Row
from lab.aws.cloud import is_read
from lab.state import until
from runner import ASIDE, LOG_FILE, REASON_MAX, Outcome, Runner, Running

# As a node sees it; strace writes there.
TRACE = "/tmp/trace"
# The sanitizer of leaks does not work where a process is traced.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0"}

START, STOP, REPAIR, RELOAD = "start", "stop", "repair", "reload"
LEAVE, FINISH = "leave", "finish"
ACTIONS = {
    START: "a start",
    STOP: "a stop",
    REPAIR: "a monitor that repairs",
    RELOAD: "a reload that has something to change",
    LEAVE: "a start while another region is dead",
    FINISH: "the monitor that finishes such a start",
}
# What comes after the crash.
AGAIN, STOPPED, FENCED = "again", "stopped", "fenced"
SEQUELS = (AGAIN, STOPPED, FENCED)
KILL = "SIGKILL"
SIGNALS = {"SIGTERM": ("K1", "asked to end"), KILL: ("K2", "killed")}
# timeout(1) ends with this when a signal has ended what it watches.
TERMINATED = 128 + signal.SIGTERM
LATE_S = 20
# An action is not the same each time: one that repeats a call once less does not come to its last
# points, and is done again.
TRIES = 5
# Here it is no matter that a region is slow.
PATIENCE = "10s"
# When the writer of a file began: see common/cache.c.
AGED = re.compile(r"-[0-9a-f]{16}-")


def _how(action: str) -> tuple[str, dict[str, Any]]:
    """What Pacemaker calls an action, and its options."""
    if action in (REPAIR, FINISH):
        repair = {"on_drift": "repair"} if action == REPAIR else {}
        return "monitor", {"interval_ms": 10000, **repair}
    return {STOP: "stop", RELOAD: "reload-agent"}.get(action, "start"), {}


class Crash:
    """The crashes of one agent on ACTIVE by one signal."""

    def __init__(self, stage: Stage, row: str, signal_name: str):
        self.row, self.signal = row, signal_name
        self.lab, self.agent = stage.lab, stage.agent
        parameters = self.agent.parameters(self.lab) | {"api_timeout": PATIENCE}
        self.runner = Runner(self.lab, self.agent.name, **parameters)

    def play(self, action: str, thorough: bool = False) -> Iterator[Cell]:
        """Crash at the points of an action; each is followed by one of the sequels, or by all."""
        why = self._why_not(action)
        if why is not None:
            yield Cell(self.agent.name, self.row, action, senseless=why)
            return
        # What asks to end is looked at when an agent waits: many points are the same to it. And a
        # reload consists of what a repair consists of.
        each = (1 if self.signal == KILL else 2) * (3 if action == RELOAD else 1)
        each = 1 if thorough else each
        for index, point in enumerate(self.points(action)[::each]):
            for sequel in SEQUELS if thorough else (SEQUELS[index % len(SEQUELS)],):
                yield self.cell(action, point, sequel)
        if self._drift is not None:
            self._drift.undo(self.lab)
        self.runner.check_secrets()

    def _why_not(self, action: str) -> str | None:
        if action in (LEAVE, FINISH) and not self.agent.remote_calls:
            return "it works in its own region alone"
        if action == RELOAD and self._drift is None:
            return "it has nothing to change"
        return None

    @property
    def _drift(self) -> Drift | None:
        """How a part of it drifts that it has without being told anything else."""
        drift = self.agent.drift
        return None if drift is None or drift.parameters else drift

    def points(self, action: str) -> list[Point]:
        """Where an action can be cut short."""
        self._arrange(action)
        self._end(self._begin(action, listing(TRACE)))
        found = points(self._trace(), LOG_FILE)
        assert found, f"{self.agent.name}: {action} does nothing"
        return found

    def cell(self, action: str, point: Point, sequel: str) -> Cell:
        """Crash at one point, and see what follows."""
        name = f"{action} before {point}, {sequel}"
        for _ in range(TRIES):
            self._arrange(action)
            outcome = self._begin(action, crashing(TRACE, point, self.signal)).wait()
            self.lab.clear_faults()
            if reached(self._trace(), point):
                break
        wrong = list(self._cut(point, outcome))
        wrong += self._sane(action) if sequel != FENCED else ()
        wrong += {AGAIN: self._again, STOPPED: self._stopped, FENCED: self._fenced}[sequel](action)
        wrong += self._swept()
        if wrong:
            wrong.insert(0, f"{point} is {point.shown}, {outcome}")
        return Cell(self.agent.name, self.row, name, wrong=tuple(wrong))

    # --- before the crash ---

    def _arrange(self, action: str) -> None:
        """ACTIVE is to start, to stop or to put something right; its caches are empty."""
        other = self.agent.other
        self._expect(OK, self.runner.stop(other))
        if action in (START, LEAVE, FINISH):
            self._expect(OK, self.runner.stop(ACTIVE))
            if self.agent.at_aws:
                self.agent.place(self.lab, other)
        else:
            self._expect(OK, self.runner.start(ACTIVE))
        if action in (REPAIR, RELOAD) and self._drift is not None:
            self._drift.happens(self.lab, other)
        self.runner.forget(ACTIVE)
        if action in (LEAVE, FINISH):
            self.lab.fault(self.agent.service, "refuse", region=REMOTE)
        if action == FINISH:
            self._expect(OK, self.runner.start(ACTIVE))
            self.lab.clear_faults()

    def _begin(self, action: str, wrapper: tuple[str, ...]) -> Running:
        verb, options = _how(action)
        return self.runner.begin(ACTIVE, verb, wrapper=wrapper, environment=ENVIRONMENT, **options)

    def _end(self, running: Running) -> None:
        self._expect(OK, self.runner.end(running))

    def _expect(self, code: int, outcome: Outcome) -> None:
        assert outcome.code == code, outcome

    def _trace(self) -> list[str]:
        path = self.lab.files.node(ACTIVE) / TRACE.lstrip("/")
        return path.read_text(errors="replace").splitlines()

    # --- after it: each says what is wrong ---

    def _cut(self, point: Point, outcome: Outcome) -> Iterator[str]:
        """It has met its end, and nothing of it goes on but what a start may leave."""
        if not reached(self._trace(), point):
            yield f"it did not come to it: {self._trace()[-3:]}"
        violations = [text for text in outcome.violations if not text.startswith("killed")]
        yield from violations
        if self.signal == KILL and len(violations) == len(outcome.violations):
            yield "it was not killed"
        if self.signal != KILL and outcome.code not in (OK, TERMINATED, -signal.SIGTERM):
            yield from self._told(outcome)

    def _told(self, outcome: Outcome) -> Iterator[str]:
        for reason in outcome.reasons:
            if len(reason.encode()) > REASON_MAX or not reason.isprintable():
                yield f"exit reason that cannot be shown: {reason!r}"
        if len(outcome.reasons) != 1:
            yield f"{len(outcome.reasons)} exit reasons: {outcome.stderr}"

    def _sane(self, action: str) -> Iterator[str]:
        """Whoever looks at the node now gets one of the answers that there are."""
        starts = action in (START, LEAVE)
        outcome = self.runner.probe(ACTIVE) if starts else self.runner.monitor(ACTIVE)
        legal = {OK, NOT_RUNNING} | (set() if starts else {DEGRADED})
        if not self.agent.at_aws:
            # A listener that does not do its work has failed.
            legal.add(FAILED)
        if outcome.code not in legal:
            yield f"then {outcome}"
        elif outcome.code != OK:
            yield from self._told(outcome)

    def _again(self, action: str) -> Iterator[str]:
        """Whatever was cut short succeeds when it is done once more."""
        if action == STOP:
            yield from self._stop_crashed()
            if not self.agent.stays:
                yield from self._owned_by(None)
            return
        verb, options = _how(action)
        yield from self._succeeds(self.runner(ACTIVE, verb, **options))
        yield from self._only(ACTIVE)

    def _stopped(self, _action: str) -> Iterator[str]:
        """Pacemaker's way: a stop where it failed, then a start elsewhere."""
        yield from self._stop_crashed()
        yield from self._succeeds(self.runner.start(self.agent.other))
        yield from self._only(self.agent.other)

    def _fenced(self, _action: str) -> Iterator[str]:
        """The node is gone. What it has left takes nothing away from the new one, ever."""
        yield from self._succeeds(self.runner.start(self.agent.other))
        if self.agent.at_aws:
            yield from self._owned_by(self.agent.other)
        yield from self._stop_crashed()
        yield from self._only(self.agent.other)

    def _stop_crashed(self) -> Iterator[str]:
        yield from self._succeeds(self.runner.stop(ACTIVE))
        if self.runner.processes(ACTIVE):
            yield "a stop leaves a process"
        code = self.runner.probe(ACTIVE).code
        if code != NOT_RUNNING:
            yield f"after a stop a probe says {code}"

    def _succeeds(self, outcome: Outcome) -> Iterator[str]:
        if outcome.code != OK or outcome.stderr:
            yield f"then {outcome}"

    def _only(self, where: str) -> Iterator[str]:
        """One node has it, and knows; the other knows that it has not."""
        yield from self._owned_by(where)
        other = self.agent.other if where == ACTIVE else ACTIVE
        for outcome, code in (
            (self.runner.monitor(where), OK),
            (self.runner.probe(other), NOT_RUNNING),
        ):
            if outcome.code != code:
                yield f"{where} has it, and not {code} but {outcome}"

    def _owned_by(self, where: str | None) -> Iterator[str]:
        owners = self.agent.owners(self.lab)
        if owners != {where} - {None}:
            yield f"it is on {sorted(map(str, owners))}, not on {where}"

    def _asides(self) -> list[Path]:
        return sorted(self.runner.state_dir(ACTIVE).glob(ASIDE))

    def _swept(self) -> Iterator[str]:
        """A file that was being written goes with the next that is written, a minute later."""
        if not self._asides():
            return
        for path in self._asides():
            path.rename(path.with_name(AGED.sub("-0000000000000000-", path.name)))
        self.runner.learn_secrets(ACTIVE)
        for path in self.runner.state_dir(ACTIVE).iterdir():
            if path.is_file() and path.stat().st_size > 0 and not path.match(ASIDE):
                path.unlink()
        self.runner.start(ACTIVE)
        yield from (f"{path.name} stays for ever" for path in self._asides())


class Late(Crash):
    """A start is killed while AWS has its writes but has not carried them out; that comes later."""

    def play(self) -> Iterator[Cell]:
        """Once for each agent that writes; the others have nothing that could come late."""
        if self.agent.writes(START) == 0:
            why = "it writes nothing at AWS"
            yield Cell(self.agent.name, self.row, START, senseless=why)
        else:
            yield Cell(self.agent.name, self.row, START, wrong=tuple(self._late()))

    def _late(self) -> Iterator[str]:
        self._arrange(START)
        sent = self._die_writing()
        yield from self._succeeds(self.runner.start(self.agent.other))
        yield from self._owned_by(self.agent.other)
        self.lab.clear_requests()
        self.lab.clear_faults()
        until(lambda: len(self._carried_out()) == sent, LATE_S, "the writes to be carried out")
        codes = {entry["code"] for entry in self._carried_out()}
        if self.agent.owners(self.lab) == {self.agent.other}:
            # A batch that was made for another state of the record is refused.
            if codes != {"InvalidChangeBatch"}:
                yield f"it stays where it is, and AWS says {codes}"
        else:
            yield from self._notices(self.runner.monitor(self.agent.other))
            yield from self._succeeds(self.runner.stop(self.agent.other))
            yield from self._succeeds(self.runner.start(self.agent.other))
        yield from self._stop_crashed()
        yield from self._only(self.agent.other)

    def _die_writing(self) -> int:
        """Kill a start that waits for the answers to its writes; how many there are."""
        kinds = {call for call in self.agent.calls[START] if not is_read(call)}
        for call in kinds:
            self.lab.fault(self.agent.service, "held", action=call, node=ACTIVE)
        running = self.runner.begin(ACTIVE, START)
        held = until(self._settled_hits, LATE_S, "the start to write")
        running.kill()
        return held

    def _settled_hits(self) -> int:
        """How many writes AWS holds, once they are as many as the calls that go out at once."""
        held = sum(rule["hits"] for rule in self.lab.control.faults())
        return held if held >= self._first_writes() else 0

    def _first_writes(self) -> int:
        """Of several regions the own one's come first."""
        return self.agent.writes(START) if not self.agent.remote_calls else 4

    def _carried_out(self) -> list[dict[str, Any]]:
        return [entry for entry in self.lab.requests() if entry["fault"] == "held"]

    def _notices(self, outcome: Outcome) -> Iterator[str]:
        if outcome.code not in (NOT_RUNNING, DEGRADED):
            yield f"another has it, and not {NOT_RUNNING} or {DEGRADED}: {outcome}"
        else:
            yield from self._told(outcome)


def _row(name: str, action: str, thorough: bool) -> Row:
    number, what = SIGNALS[name]
    return Row(
        f"{number}-{action}" + ("-all" if thorough else ""),
        f"{what} at the points of {ACTIONS[action]}"
        + (", and all that may follow" if thorough else ""),
        play=lambda stage, row: Crash(stage, row.id, name).play(action, thorough),
    )


LATE = Row(
    "K2-late",
    "killed, and AWS carries out its writes when another has taken over",
    play=lambda stage, row: Late(stage, row.id, KILL).play(),
)
ROWS = [*(_row(name, action, False) for name in SIGNALS for action in ACTIONS), LATE]
THOROUGH = [_row(name, action, True) for name in SIGNALS for action in ACTIONS]
