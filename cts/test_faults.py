# SPDX-License-Identifier: GPL-2.0-or-later
"""The fault matrix: every agent that calls AWS, in every action, under every fault."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faultlab import Stage
from faults import AGENTS, DEGRADED, FAILED, NODES, OK, ROWS, Row
from lab.handle import Lab
from runner import BUILD

LAB_NAME = "cts_faults"


@pytest.fixture(scope="module")
def machines(agents: Path) -> Iterator[Lab]:
    """Nodes without a cluster, with something to move for every agent."""
    options = {"scenario": "complete", "nodes": NODES, "with_cluster": False, "agents": agents}
    with Lab.running(LAB_NAME, **options) as lab:
        lab.control.settings(quotas=False)
        yield lab
        lab.collect(BUILD / "check" / LAB_NAME)


@pytest.fixture(scope="module", params=AGENTS, ids=lambda agent: agent.name)
def stage(machines: Lab, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """One agent."""
    stage = Stage(machines, request.param)
    stage.runner.clean()
    yield stage
    stage.tear_down()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row_of_the_matrix(stage: Stage, row: Row) -> None:
    wrong = [cell for cell in stage.run(row) if cell.wrong]
    assert not wrong, "\n" + "\n".join(map(str, wrong))


@pytest.mark.parametrize(("policy", "code"), [("degraded", DEGRADED), ("ok", OK), ("fail", FAILED)])
def test_on_unknown_decides_the_recurring_monitor(stage: Stage, policy: str, code: int) -> None:
    stage.set_up()
    done = stage.on_unknown(policy)
    assert done.code == code
    assert "IAM denies" in done.reason
