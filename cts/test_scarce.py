# SPDX-License-Identifier: GPL-2.0-or-later
"""What an action that has too little memory may do, and what not: the checks of row L4."""

from types import SimpleNamespace

import pytest
from faults import (
    AGENTS,
    DEGRADED,
    FAILED,
    MONITOR,
    NOT_RUNNING,
    OK,
    REPAIR,
    START,
    STOP,
    VALIDATE,
    Agent,
)
from runner import REASON, Outcome
from scarce import NOT_BEGUN, Scarce

WHY = f"{REASON}out of memory\n"
BY_NAME = {agent.name: agent for agent in AGENTS}
ROUTE, ELASTIC = BY_NAME["route-table-vip"], BY_NAME["elastic-ip"]


def scarce(agent: Agent, action: str, outcome: Outcome, owners: set[str]) -> list[str]:
    """What is wrong with an action that ended so."""
    looked = Scarce.__new__(Scarce)
    looked.action, looked.where, looked.lab = action, "n1", None
    looked.agent = SimpleNamespace(
        **{name: getattr(agent, name) for name in ("stays", "other", "at_aws", "remote_calls")},
        drift=agent.drift,
        owners=lambda _lab: owners,
    )
    looked.runner = SimpleNamespace(learn_secrets=lambda _where: None, secrets={"s" * 40})
    return list(looked._wrong(outcome))


@pytest.mark.parametrize(
    ("agent", "action", "code", "stderr", "owners"),
    [
        (ROUTE, MONITOR, NOT_BEGUN, "cannot allocate memory", {"n1"}),
        (ROUTE, MONITOR, DEGRADED, WHY, {"n1"}),
        (ROUTE, START, OK, "", {"n3"}),
        (ROUTE, START, FAILED, WHY, {"n1", "n3"}),
        (ROUTE, STOP, OK, "", {"n1"}),
        (ROUTE, REPAIR, DEGRADED, WHY, {"n1", "n3"}),
        (ELASTIC, STOP, OK, "", set()),
        (ELASTIC, STOP, OK, "WARNING: stopped; left at AWS\n", {"n1"}),
    ],
)
def test_what_an_action_without_memory_may_do(
    agent: Agent, action: str, code: int, stderr: str, owners: set[str]
) -> None:
    assert scarce(agent, action, Outcome(action, code, "", stderr), owners) == []


@pytest.mark.parametrize(
    ("action", "code", "stderr", "owners", "said"),
    [
        (MONITOR, NOT_RUNNING, WHY, {"n1"}, "exit code 7"),
        (MONITOR, DEGRADED, "", {"n1"}, "0 exit reasons"),
        (MONITOR, DEGRADED, WHY * 2, {"n1"}, "2 exit reasons"),
        (MONITOR, DEGRADED, f"{REASON}{'x' * 129}\n", {"n1"}, "cannot be shown"),
        (MONITOR, OK, "", {"n3"}, "it is on ['n3'], not on one of [{'n1'}]"),
        (VALIDATE, DEGRADED, WHY, {"n1"}, "exit code 190"),
        (START, OK, "", {"n1"}, "it is on ['n1'], not on one of [{'n3'}]"),
        (START, FAILED, WHY, set(), "it is on []"),
        (REPAIR, OK, "", {"n1", "n3"}, "it is on ['n1', 'n3']"),
        (STOP, OK, "", set(), "it is on []"),
        (STOP, FAILED, f"{REASON}{'s' * 40}\n", {"n1"}, "a secret is in its output"),
    ],
)
def test_what_an_action_without_memory_must_not_do(
    action: str, code: int, stderr: str, owners: set[str], said: str
) -> None:
    (wrong,) = scarce(ROUTE, action, Outcome(action, code, "", stderr), owners)
    assert said in wrong
