# SPDX-License-Identifier: GPL-2.0-or-later
"""The policies in xml/iam: enough for every agent, and each permission in them is needed."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from cloud import (
    DEGRADED,
    DENIED,
    FAILED,
    NOT_RUNNING,
    OK,
    ROLE,
    ROUTE,
    ROUTE6,
    Cloud,
    actions_of,
    errors,
)
from faults import health_probe_parameters
from lab.handle import Lab
from lab.state import REPOSITORY
from lab.topology import PUBLIC_IP, REGION, SECONDARY, VIP, VIP6, ZONE
from runner import Outcome, Runner, agents
from standalone import allow
from transit import SINGAPORE, Transit

LAB_NAME = "cts_permissions"
# The resource is elsewhere at first.
NODE, ELSEWHERE, NODES = "n3", "n1", 3
IP6 = "2001:db8:100:2::50"
DENIALS = re.compile(r"IAM denies (\w+:\w+)[;,]")


@dataclass(frozen=True)
class Use:
    """A way to run an agent that needs all its permissions."""

    # Its parameters; makes in the lab what they name, and what it is to change.
    prepare: Callable[[Cloud], dict[str, str]]
    # How deep its monitor looks, and what that says when all is well.
    depth: int = 10
    monitored: int = OK
    scenario: str = "complete"
    # What the preflight has no need of, or cannot try without doing it.
    untried: frozenset[str] = field(default_factory=frozenset)


def _route_table_vip(cloud: Cloud) -> dict[str, str]:
    """One route is missing, the others lead elsewhere; the source/dest check is on."""
    for table in ("private-a", "private-c"):
        for route in (ROUTE, ROUTE6):
            cloud.point(table, cloud.eni(ELSEWHERE), route)
    cloud.route("Delete", "private-c", ROUTE)
    cloud.set_check(cloud.eni(NODE), True)
    return {
        "ip": f"{VIP} {VIP6}",
        "route_tables": f"{cloud.table('private-a')} {cloud.table('private-c')}",
        "create_routes": "true",
        "disable_source_dest_check": "true",
    }


def _elastic_ip(cloud: Cloud) -> dict[str, str]:
    cloud.associate(PUBLIC_IP, cloud.eni(ELSEWHERE))
    return {"public_ip": PUBLIC_IP}


def _secondary_ip(cloud: Cloud) -> dict[str, str]:
    cloud.assign(cloud.eni(ELSEWHERE), SECONDARY, IP6)
    return {"ip": f"{SECONDARY} {IP6}"}


def _route53_record(cloud: Cloud) -> dict[str, str]:
    """The name stands for nothing that a node has."""
    zones = cloud.lab.control.aws(REGION, "route53", "ListHostedZones")["HostedZones"]
    (zone,) = (item["Id"] for item in zones if item["Config"]["PrivateZone"])
    value = {"Name": f"db.{ZONE}", "Type": "A", "TTL": 10}
    value["ResourceRecords"] = [{"Value": "192.0.2.1"}]
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": value}]}
    change = {"HostedZoneId": zone, "ChangeBatch": batch}
    cloud.lab.control.aws(REGION, "route53", "ChangeResourceRecordSets", **change)
    cloud.lab.control.settings(insync_delay_s=1)
    return {"name": f"db.{ZONE}", "zone": ZONE}


def _transit_gateway_vip(cloud: Cloud) -> dict[str, str]:
    """One route is missing, the others lead elsewhere; the source/dest check is on."""
    transit = Transit(cloud.lab)
    for route in (ROUTE, ROUTE6):
        transit.lead_all(transit.wanted("n2", route), route)
    transit.lead(f"{SINGAPORE}/hub/vpcs", None, ROUTE)
    transit.set_check(transit.eni(NODE), True)
    return {
        "ip": f"{VIP} {VIP6}",
        "create_routes": "true",
        "disable_source_dest_check": "true",
    }


USES = {
    "elastic-ip": Use(_elastic_ip),
    "nlb-health-probe": Use(
        lambda cloud: health_probe_parameters(cloud.lab), depth=20, monitored=DEGRADED
    ),
    "route-table-vip": Use(_route_table_vip, untried=frozenset(("ec2:DescribeNetworkInterfaces",))),
    "route53-record": Use(
        _route53_record, untried=frozenset(("route53:ChangeResourceRecordSets",))
    ),
    "secondary-ip": Use(_secondary_ip),
    "transit-gateway-vip": Use(
        _transit_gateway_vip,
        scenario="regions",
        untried=frozenset(("ec2:DescribeNetworkInterfaces",)),
    ),
}


def policy_of(agent: str) -> dict[str, Any]:
    """The policy that users are told to attach."""
    return json.loads((REPOSITORY / "xml" / "iam" / f"{agent}.json").read_text())


TAKEN = [(agent, item) for agent in sorted(USES) for item in actions_of(policy_of(agent))]


def run_all(machines: Lab, agent: str, *allowed: str | dict[str, Any]) -> dict[str, Outcome]:
    """Everything that an agent does, with cold caches and these permissions."""
    use = USES[agent]
    cloud = Cloud(machines)
    cloud.mend()
    runner = Runner(machines, agent, **use.prepare(cloud))
    runner.clean()
    documents = [item if isinstance(item, dict) else allow(item) for item in allowed]
    machines.control.set_policy(ROLE, documents)
    try:
        steps = (("validate-all", 10), ("start", None), ("monitor", use.depth), ("stop", None))
        return {
            action: runner(NODE, action, depth=depth, interval_ms=10000 if depth else None)
            for action, depth in steps
        }
    finally:
        cloud.mend()
        assert runner.stop(NODE).code == OK
        runner.check_secrets()


def test_every_agent_with_a_policy_is_here() -> None:
    policies = {path.stem for path in (REPOSITORY / "xml" / "iam").glob("*.json")}
    assert set(USES) == policies == set(agents())


@pytest.mark.parametrize("agent", sorted(USES))
def test_policy_is_enough(labs: Callable[[str], Lab], agent: str) -> None:
    done = run_all(labs(USES[agent].scenario), agent, policy_of(agent))
    codes = {action: outcome.code for action, outcome in done.items()}
    monitored = USES[agent].monitored
    assert codes == {"validate-all": OK, "start": OK, "monitor": monitored, "stop": OK}
    assert not any(DENIALS.search(outcome.stderr) for outcome in done.values())


@pytest.mark.parametrize(("agent", "missing"), TAKEN)
def test_each_permission_is_needed_and_named(
    labs: Callable[[str], Lab], agent: str, missing: str
) -> None:
    left = [item for item in actions_of(policy_of(agent)) if item != missing]
    done = run_all(labs(USES[agent].scenario), agent, *left)
    said = {action: DENIALS.findall(outcome.stderr) for action, outcome in done.items()}
    named = {item for items in said.values() for item in items}
    assert named == {missing}
    found = any(missing in line for line in errors(done["validate-all"]))
    assert found == (missing not in USES[agent].untried)
    call = missing.partition(":")[2]
    needed = [action for action in done if action != "validate-all" and call in done[action].stderr]
    assert needed, "it is asked for and never used"
    codes = {action: outcome.code for action, outcome in done.items()}
    assert codes["validate-all"] == (DENIED if found else OK)
    assert codes["start"] in (OK, DENIED if missing in said["start"] else FAILED)
    assert codes["monitor"] in (OK, DEGRADED, NOT_RUNNING)
    assert codes["stop"] == OK
