# SPDX-License-Identifier: GPL-2.0-or-later
"""The fault matrix: every agent that calls AWS, in every action, under every fault."""

from collections.abc import Callable, Iterator

import pytest
from faultlab import Stage
from faults import AGENTS, DEGRADED, FAILED, OK, ROWS, Row
from lab.handle import Lab

LAB_NAME, NODES = "cts_faults", 3


@pytest.fixture(scope="module", params=AGENTS, ids=lambda agent: agent.name)
def stage(labs: Callable[[str], Lab], request: pytest.FixtureRequest) -> Iterator[Stage]:
    """One agent, with something for it to move."""
    stage = Stage(labs(request.param.scenario), request.param)
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
