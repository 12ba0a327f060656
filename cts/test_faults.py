# SPDX-License-Identifier: GPL-2.0-or-later
"""A sample of the fault matrix, of which `make faults` runs the whole."""

import dataclasses
from collections.abc import Callable, Iterator

import crowd
import pytest
import scarce
from faultlab import PLAIN, Stage
from faults import AGENTS, DEGRADED, FAILED, MONITOR, NOTHING, OK, ROWS, Row, required
from lab.handle import Lab
from matrix import NODES as MATRIX_NODES
from matrix import meets, sample

LAB_NAME, NODES = "cts_faults", MATRIX_NODES


@pytest.fixture(scope="module", params=AGENTS, ids=lambda agent: agent.name)
def stage(labs: Callable[[str], Lab], request: pytest.FixtureRequest) -> Iterator[Stage]:
    """One agent, with something for it to move."""
    stage = Stage(labs(request.param.scenario), request.param)
    stage.runner.clean()
    yield stage
    stage.tear_down()


@pytest.mark.parametrize(
    ("stage", "row"),
    [pytest.param(agent, row, id=f"{agent.name}-{row.id}") for agent, row in sample()],
    indirect=["stage"],
)
def test_row_of_the_matrix(stage: Stage, row: Row) -> None:
    wrong = [cell for cell in stage.run(row) if cell.wrong]
    assert not wrong, "\n".join(f"{cell}\n{cell.seen.evidence}" for cell in wrong)


OWN_STEPS = [
    ("route-table-vip", crowd.ONCE),
    ("route53-record", crowd.FEW),
    ("elastic-ip", scarce.FEW),
]


@pytest.mark.parametrize(
    ("stage", "row"),
    [
        pytest.param(agent, row, id=f"{name}-{row.id}")
        for name, row in OWN_STEPS
        for agent in AGENTS
        if agent.name == name
    ],
    indirect=["stage"],
)
def test_row_with_steps_of_its_own(stage: Stage, row: Row) -> None:
    cells = list(stage.run(row))
    assert [str(cell) for cell in cells if cell.wrong] == []
    assert any(cell.senseless is None for cell in cells)


@pytest.mark.parametrize(("policy", "code"), [("degraded", DEGRADED), ("ok", OK), ("fail", FAILED)])
def test_on_unknown_decides_the_recurring_monitor(stage: Stage, policy: str, code: int) -> None:
    stage.set_up()
    done = stage.on_unknown(policy)
    assert done.code == code
    assert "IAM denies" in done.reason


def test_sample_meets_every_row_and_every_agent() -> None:
    chosen = sample()
    assert sorted(row.id for _, row in chosen) == sorted(row.id for row in ROWS)
    assert all(meets(agent, row) for agent, row in chosen)
    # Rows that happen to all agents are spread evenly; those that do not go where they can.
    counts = [sum(agent is one for agent, _ in chosen) for one in AGENTS]
    assert min(counts) >= len(ROWS) // (2 * len(AGENTS))


# What a wrapper of the agent does, and what its cells are then blamed for.
SABOTAGE = {
    "sleep 60 &": "processes were left behind",
    "sleep 60": "killed at its timeout",
    "touch /run/left": "files left: /run/left",
    "touch /run/resource-agents/ocf-aws/.new-left": "files left: /run/resource-agents",
    "cat /run/resource-agents/ocf-aws/* >&2": "a secret is in its output",
    "cat /run/resource-agents/ocf-aws/* >>/tmp/agent.log": "a secret is in its output",
    "echo leak >/tmp/report.1": "leak",
    "head -c 64M /dev/zero | tail -c 64M >/dev/null": "bytes needed",
}


@pytest.mark.parametrize(("does", "said"), SABOTAGE.items())
def test_sabotage_makes_a_cell_wrong(labs: Callable[[str], Lab], does: str, said: str) -> None:
    agent = next(agent for agent in AGENTS if agent.name == "route-table-vip")
    wrapper = ("sh", "-c", f'{does}\nexec "$@"', "sh")
    stage = Stage(labs(agent.scenario), agent, dataclasses.replace(PLAIN, wrapper=wrapper))
    stage.runner.clean()
    stage.set_up()
    row = dataclasses.replace(NOTHING, timeout_ms=2500)
    (cell,) = stage.step(row, {MONITOR: required(agent, row, MONITOR)})
    assert said in "\n".join(cell.wrong)
