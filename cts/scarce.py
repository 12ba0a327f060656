# SPDX-License-Identifier: GPL-2.0-or-later
"""Row L4 of the fault matrix: memory runs out, at one place of an action after the other.

Each action runs under many limits, from one at which nothing begins to one that is plenty, and each
time with all its work to do. Under each of them it says what is so, or fails and says why: a healthy
service is never "not running", nothing is ever "running" where it does not, nothing crashes or is
left behind, and AWS leads to whom the action says.
"""

from collections.abc import Iterator

from faultlab import NATIVE, PLAIN, Cell, Stage, files_of, unreadable
from faults import (
    ACTIONS,
    ACTIVE,
    DEEP,
    DEGRADED,
    FAILED,
    MENDS,
    OK,
    REPAIR,
    SHORT_MS,
    START,
    STOP,
    VALIDATE,
    Agent,
    Row,
)
from runner import TIMEOUT_MS, Outcome, reveals

# KiB of data: programs with these libraries begin at about 1700. From 3000 on they lack nothing, but
# where they ask several regions at once.
LIMITS_KIB = (*range(1600, 2800, 75), 3000, 4500, 8000, 32768)
# One at which it does not begin, one at which it does not come to its end, and one that is plenty.
FEW_LIMITS_KIB = (1600, 2050, 32768)
# Of the dynamic linker, when there is not even memory to begin.
NOT_BEGUN = 127


def _allowed(action: str) -> set[int]:
    codes = {ACTIONS[action].healthy, FAILED, NOT_BEGUN}
    return codes if action in (START, STOP, VALIDATE) else codes | {DEGRADED}


def _may_have_it(agent: Agent, action: str, outcome: Outcome) -> list[set[str | None]]:
    """Who may have it after an action; what it did not get done may be done in part."""
    here, there = {ACTIVE}, {agent.other}
    done = outcome.code == OK and not outcome.stderr
    if action == START and not agent.at_aws:
        return [there] if done else [set(), there]
    if action == START:
        # From a region that has heard of it there may be no way while another has not.
        nowhere = {None} if agent.remote_calls else set()
        return (
            [there] if done else [here, there, here | there, here | nowhere, here | there | nowhere]
        )
    if action == STOP and not agent.stays:
        return [set()] if done else [here, set()]
    if action in MENDS and agent.drift is not None:
        return [here] if done else [here, set(agent.drift.owners)]
    return [here]


class Scarce:
    """One action of an agent under one limit after the other."""

    def __init__(self, stage: Stage, action: str):
        self.stage, self.action = stage, action
        self.lab, self.agent, self.runner = stage.lab, stage.agent, stage.runner
        self.where = self.agent.node(action)
        self.codes: set[int] = set()

    def play(self, limits_kib: tuple[int, ...]) -> Iterator[str]:
        """What is wrong."""
        for kib in limits_kib:
            self._put_back()
            files = files_of(self.lab, self.where)
            outcome = self._run(kib)
            self.codes.add(outcome.code)
            for wrong in (*self._wrong(outcome), *self._left(files)):
                yield f"{kib} KiB: {wrong}"
        if ACTIONS[self.action].healthy not in self.codes and self.action != DEEP:
            yield f"never well, only {sorted(self.codes)}"

    def _put_back(self) -> None:
        """All that the action does is to be done again."""
        self.stage.undo_drift()
        if self.action == STOP:
            assert self.runner.start(ACTIVE).code == OK
        elif self.action == START:
            assert self.runner.stop(self.agent.other).code == OK
            if self.agent.at_aws:
                self.agent.place(self.lab, ACTIVE)
        elif self.action in MENDS:
            self.stage.drift()

    def _run(self, kib: int) -> Outcome:
        wrapper = ("prlimit", f"--data={kib << 10}")
        # Without memory for a thread that looks names up, an action tries until its time is over.
        timeout_ms = TIMEOUT_MS if kib == LIMITS_KIB[-1] else SHORT_MS
        running = self.stage.begin(self.action, timeout_ms, wrapper=wrapper, api_timeout="10s")
        return self.runner.end(running, judged=False)

    def _wrong(self, outcome: Outcome) -> Iterator[str]:
        yield from outcome.violations
        if outcome.code not in _allowed(self.action):
            yield f"exit code {outcome.code}: {outcome.stderr}"
        if outcome.code != NOT_BEGUN:
            yield from unreadable(outcome)
        owners = self.agent.owners(self.lab)
        allowed = _may_have_it(self.agent, self.action, outcome)
        if owners not in allowed:
            yield f"it is on {sorted(map(str, owners))}, not on one of {allowed}: {outcome}"
        self.runner.learn_secrets(self.where)
        if reveals(outcome.stdout + outcome.stderr, self.runner.secrets):
            yield "a secret is in its output"

    def _left(self, files: set[str]) -> Iterator[str]:
        left = sorted(files_of(self.lab, self.where) - files)
        if left:
            yield f"files left: {', '.join(left)}"


def _why_not(stage: Stage, action: str) -> str | None:
    if action == DEEP and stage.agent.depth is None:
        return "a monitor of depth 0 asks AWS already"
    if action == REPAIR and stage.agent.drift is None:
        return "it has no part that could drift"
    if NATIVE is not PLAIN or stage.conditions is not PLAIN:
        return "what checks the agent from inside needs its own memory"
    return None


def play(stage: Stage, row: Row, limits_kib: tuple[int, ...] = LIMITS_KIB) -> Iterator[Cell]:
    """All actions of an agent, each under these limits."""
    for action in ACTIONS:
        why = _why_not(stage, action)
        wrong = () if why else tuple(Scarce(stage, action).play(limits_kib))
        yield Cell(stage.agent.name, row.id, action, senseless=why, wrong=wrong)


ROWS = [Row("L4", "memory runs out", play=play)]
FEW = Row(
    "L4",
    "the same for those who have less time",
    play=lambda stage, row: play(stage, row, FEW_LIMITS_KIB),
)
