# SPDX-License-Identifier: GPL-2.0-or-later
"""How many calls many agents at once may make: the budget of row M2."""

from types import SimpleNamespace
from typing import Any

from crowd import Crowd
from faults import AGENTS, Agent

BY_NAME = {agent.name: agent for agent in AGENTS}
ROUTE, RECORD = BY_NAME["route-table-vip"], BY_NAME["route53-record"]


def crowded(agent: Agent, action: str, made: list[dict[str, Any]], cold: bool = False) -> list[str]:
    """What is wrong with the calls of fifty resources."""
    crowd = Crowd.__new__(Crowd)
    crowd.agent = agent
    known = {"node": "n1", "service": agent.service, "action": "Describe", "code": None}
    crowd.lab = SimpleNamespace(requests=lambda: [known | entry for entry in made])
    return list(crowd._budget(50, cold, crowd._alone(action, cold)))


def test_crowd_that_the_quotas_have_room_for_calls_little_more_than_alone() -> None:
    assert crowded(ROUTE, "monitor", [{}] * 62) == []
    assert crowded(ROUTE, "monitor", [{}] * 63) == [
        "a storm: 63 calls of 50 resources, and not 62.5"
    ]
    # A hundred changes at once are refused, and made again.
    assert crowded(ROUTE, "start", [{}] * 600) == []
    assert crowded(ROUTE, "start", [{}] * 601) != []


def test_crowd_of_paced_agents_waits_for_its_turn() -> None:
    assert crowded(RECORD, "monitor", [{}] * 50) == []
    assert crowded(RECORD, "monitor", [{"code": "Throttling"}]) == [
        "1 calls did not wait for their turn"
    ]


def test_crowd_with_cold_caches_may_find_each_of_them_empty() -> None:
    # A start lists, changes and lists again; when the cache is cold it looks for the zone before.
    assert crowded(RECORD, "start", [{}] * 187) == []
    assert crowded(RECORD, "start", [{}] * 188) != []
    assert crowded(RECORD, "start", [{}] * 250, cold=True) == []
    assert crowded(RECORD, "start", [{}] * 251, cold=True) != []


def test_crowd_fetches_credentials_once_each_at_most() -> None:
    renewal = {"service": "imds", "action": "GET /iam/security-credentials/ocf-aws-node"}
    assert crowded(ROUTE, "monitor", [renewal] * 50, cold=True) == []
    assert crowded(ROUTE, "monitor", [renewal] * 51, cold=True) != []
    assert crowded(ROUTE, "monitor", [renewal]) == ["credentials fetched 1 times"]
