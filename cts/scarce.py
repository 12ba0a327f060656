# SPDX-License-Identifier: GPL-2.0-or-later
"""Row L4 of the fault matrix: memory runs out, at one place of an action after the other.

Each action runs under many limits, from one at which nothing begins to one that is plenty. Under
each of them it says what is so, or fails and says why: a healthy service is never "not running",
nothing is ever "running" where it does not, and nothing crashes.
"""

from collections.abc import Iterator

from faultlab import NATIVE, PLAIN, Cell, Stage
from faults import (
    ACTIONS,
    DEEP,
    DEGRADED,
    FAILED,
    SHORT_MS,
    START,
    STOP,
    Row,
)
from runner import TIMEOUT_MS, Outcome

# KiB of data: programs with these libraries begin at about 1700. From 3000 on they lack nothing, but
# where they ask several regions at once.
LIMITS_KIB = (*range(1600, 2800, 75), 3000, 4500, 8000, 32768)
# Of the dynamic linker, when there is not even memory to begin.
NOT_BEGUN = 127


def _allowed(action: str) -> set[int]:
    codes = {ACTIONS[action].healthy, FAILED, NOT_BEGUN}
    return codes if action in (START, STOP) else codes | {DEGRADED}


def _wrong(action: str, kib: int, outcome: Outcome) -> Iterator[str]:
    for violation in outcome.violations:
        yield f"{kib} KiB: {violation}"
    if outcome.code not in _allowed(action):
        yield f"{kib} KiB: exit code {outcome.code}: {outcome.stderr}"
    silent = outcome.code in (FAILED, DEGRADED) and not outcome.reasons
    if silent:
        yield f"{kib} KiB: exit code {outcome.code} without a reason: {outcome.stderr}"


def _cell(stage: Stage, row: Row, action: str) -> Cell:
    wrong, codes = [], set()
    for kib in LIMITS_KIB:
        wrapper = ("prlimit", f"--data={kib << 10}")
        # Without memory for a thread that looks names up, an action tries until its time is over.
        timeout_ms = TIMEOUT_MS if kib == LIMITS_KIB[-1] else SHORT_MS
        running = stage.begin(action, timeout_ms, wrapper=wrapper, api_timeout="10s")
        outcome = stage.runner.end(running, judged=False)
        wrong += _wrong(action, kib, outcome)
        codes.add(outcome.code)
    if ACTIONS[action].healthy not in codes and action != DEEP:
        wrong.append(f"never well, only {sorted(codes)}")
    return Cell(stage.agent.name, row.id, action, wrong=tuple(wrong))


def _play(stage: Stage, row: Row) -> Iterator[Cell]:
    for action in ACTIONS:
        why = None
        if action == DEEP and stage.agent.depth is None:
            why = "a monitor of depth 0 asks AWS already"
        elif NATIVE is not PLAIN or stage.conditions is not PLAIN:
            why = "what checks the agent from inside needs its own memory"
        if why is None:
            yield _cell(stage, row, action)
        else:
            yield Cell(stage.agent.name, row.id, action, senseless=why)


ROWS = [Row("L4", "memory runs out", play=_play)]
