# SPDX-License-Identifier: GPL-2.0-or-later
"""Each way of moving clients, in a real cluster, in a group with a service as a user has it.

Three things happen to each: the active node is put on standby, it loses its power, and what the
agent did is undone by hand. A client asks all the while, and what it missed is recorded in
build/check/outages.jsonl with the cluster's own part: detection and fencing.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import owners
import pytest
import services
from lab import history
from lab.client import read
from lab.handle import Lab
from lab.state import until
from lab.topology import PUBLIC_IP, RECORD_TTL_S, REGION, SECONDARY, VIP, ZONE
from owners import RECORD
from runner import BUILD
from watch import SETTLE_S, STEADY_ANSWERS, Watch, Watched

LAB_NAME = "cts_methods"
GROUP = "group"
MONITOR_S = 5
PROBE_PORT = 3999
DRAIN_S = 10
CLONED_LAB_NAME = "cts_cloned"
TARGET_GROUP = "db"


@dataclass(frozen=True)
class Method:
    """One agent as a user configures it."""

    agent: str
    scenario: str
    service: Callable[[Lab], services.Service]
    host: Callable[[Lab], str]  # what the client asks for
    options: list[str]
    owners: Callable[[Lab], set[str]]
    damage: Callable[[Lab, str], None]
    client: str = "client"
    resolve: str | None = None
    agent_first: bool = True


def _ec2(lab: Lab, operation: str, **params: Any) -> Any:
    return lab.control.aws(REGION, "ec2", operation, **params)


# --- how it is undone by hand ------------------------------------------------


def _remove_address(lab: Lab, node: str) -> None:
    lab.exec(node, "ip", "address", "del", f"{VIP}/32", "dev", "eth0")


def _disassociate(lab: Lab, _node: str) -> None:
    _ec2(lab, "DisassociateAddress", AssociationId=owners.elastic_ip(lab)["association"])


def _unassign(lab: Lab, node: str) -> None:
    eni = lab.topology.member(node).enis[0].id
    _ec2(
        lab,
        "UnassignPrivateIpAddresses",
        NetworkInterfaceId=eni,
        PrivateIpAddresses=[SECONDARY],
    )


def _point_record_elsewhere(lab: Lab, _node: str) -> None:
    """All of it: a part that is still ours would be drift, which is reported and no more."""
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": RECORD,
                "Type": kind,
                "TTL": RECORD_TTL_S,
                "ResourceRecords": [{"Value": value}],
            },
        }
        for kind, value in (("A", "192.0.2.1"), ("AAAA", "2001:db8:ffff::1"))
    ]
    lab.control.aws(
        REGION,
        "route53",
        "ChangeResourceRecordSets",
        HostedZoneId=owners.private_zone(lab)["id"],
        ChangeBatch={"Changes": changes},
    )


def _healthy_targets(lab: Lab) -> set[str]:
    return owners.of_target_group(lab, TARGET_GROUP)


def _kill_listener(lab: Lab, node: str) -> None:
    lab.exec(node, "pkill", "-KILL", "-f", "^probe-listener")


METHODS = [
    Method(
        agent="route-table-vip",
        scenario="textbook",
        service=services.nginx,
        host=lambda lab: VIP,
        options=[f"ip={VIP}"],
        owners=lambda lab: owners.of_routes(lab, VIP),
        damage=_remove_address,
    ),
    Method(
        agent="elastic-ip",
        scenario="public",
        service=services.nginx,
        host=lambda lab: PUBLIC_IP,
        options=[f"public_ip={PUBLIC_IP}"],
        owners=owners.of_elastic_ip,
        damage=_disassociate,
        client="outside",
    ),
    Method(
        agent="secondary-ip",
        scenario="one-subnet",
        service=services.postgresql,
        host=lambda lab: SECONDARY,
        options=[f"ip={SECONDARY}"],
        owners=owners.of_secondary,
        damage=_unassign,
    ),
    Method(
        agent="route53-record",
        scenario="dns",
        service=services.postgresql,
        host=lambda lab: RECORD.rstrip("."),
        options=[f"name={RECORD}", f"zone={ZONE}", "zone_visibility=private"],
        owners=owners.of_record,
        damage=_point_record_elsewhere,
        resolve="A",
        agent_first=False,
    ),
    Method(
        agent="nlb-health-probe",
        scenario="nlb",
        service=services.postgresql,
        host=lambda lab: lab.topology.balancers["nlb"].addresses[0],
        options=[f"port={PROBE_PORT}", f"drain={DRAIN_S}s"],
        owners=_healthy_targets,
        damage=_kill_listener,
        agent_first=False,
    ),
]


# --- the cluster ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Cluster:
    """A lab whose cluster runs the group of one method."""

    lab: Lab
    method: Method
    url: str
    watched: Watched
    address: str  # the resource of ours


def _create(lab: Lab, method: Method) -> Cluster:
    """Make the group with pcs, in the order that its method wants."""
    service = method.service(lab)
    ours, monitor = "address", ["op", "monitor", f"interval={MONITOR_S}s"]
    agent = [f"ocf:aws:{method.agent}", *method.options, *monitor]
    resources = {ours: agent, service.name: [*service.pcs, *monitor]}
    if not method.agent_first:
        resources = dict(reversed(resources.items()))
    lab.exec("n1", "pcs", "resource", "defaults", "update", "resource-stickiness=100")
    for name, what in resources.items():
        lab.exec("n1", "pcs", "resource", "create", name, *what, "--group", GROUP)
    url = f"{service.scheme}://{method.host(lab)}:{service.port}/"
    watched = Watched(GROUP, list(resources), service.name, method.owners)
    return Cluster(lab, method, url, watched, ours)


@pytest.fixture(scope="module", params=METHODS, ids=lambda method: method.agent)
def cluster(agents: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    method = request.param
    with Lab.running(LAB_NAME, scenario=method.scenario, agents=agents) as lab:
        try:
            yield _create(lab, method)
        finally:
            lab.collect(BUILD / "check" / f"{LAB_NAME}-{method.agent}")


@pytest.fixture
def watch(cluster: Cluster, tmp_path: Path) -> Iterator[Watch]:
    """A client that asks during the test, which begins when the service is settled."""
    record = tmp_path / "client.jsonl"
    method = cluster.method
    with cluster.lab.asking(cluster.url, record, where=method.client, resolve=method.resolve):
        watch = Watch(cluster.lab, cluster.watched, record)
        watch.begin()
        yield watch
        cluster.lab.repair()


@contextlib.contextmanager
def _standby(lab: Lab, node: str) -> Iterator[None]:
    lab.exec(node, "pcs", "node", "standby", node)
    try:
        yield
    finally:
        lab.exec(node, "pcs", "node", "unstandby", node)


def test_planned_move(cluster: Cluster, watch: Watch) -> None:
    """The active node is put on standby: the other has everything, and nobody is fenced."""
    first = watch.active
    heir = watch.other(first)
    with _standby(cluster.lab, first):
        watch.wait_served_by(heir)
    watch.note(cluster.method.agent, "planned move")
    assert watch.answered_by == [first, heir]
    assert watch.fail_count(cluster.address) == 0
    assert watch.fenced == []


def test_node_killed(cluster: Cluster, watch: Watch) -> None:
    """The active node dies without a word; it is fenced once, and the other serves."""
    victim = watch.active
    heir = watch.other(victim)
    cluster.lab.kill(victim)
    watch.wait_served_by(heir)
    found = {
        verdict.what: verdict.t
        for verdict in history.verdicts(cluster.lab)
        if verdict.t >= watch.began and verdict.node == victim
    }
    killed = next(
        event["t"]
        for event in cluster.lab.files.events()
        if event["kind"] == "kill" and event["t"] >= watch.began
    )
    detection, fencing = found["lost"] - killed, found["fenced"] - found["lost"]
    times = {"detection_s": detection, "fencing_s": fencing}
    watch.note(cluster.method.agent, "node killed", **times)
    assert watch.answered_by == [victim, heir]
    assert watch.fenced == [victim]
    watch.wait_online()


def test_undone_by_hand(cluster: Cluster, watch: Watch) -> None:
    """What the agent did is undone behind the cluster's back: it is seen, and mended."""
    node = watch.active
    cluster.method.damage(cluster.lab, node)
    mended = ("start", cluster.address, node)
    until(lambda: mended in watch.operations, SETTLE_S, "the cluster to see and mend it")
    watch.wait_served_by(node)
    watch.note(cluster.method.agent, "undone by hand")
    assert watch.answered_by == [node]
    assert watch.fail_count(cluster.address) == 1
    assert watch.fenced == []


# --- a service on every node -----------------------------------------------------------------


def _keep_connections(lab: Lab) -> None:
    """By default a balancer ends what is under way on a target the moment it turns unhealthy."""
    topology = json.loads(lab.files.topology_json.read_text())
    lab.control.aws(
        REGION,
        "elasticloadbalancing",
        "ModifyTargetGroupAttributes",
        TargetGroupArn=topology["target_groups"][TARGET_GROUP]["arn"],
        Attributes=[
            {
                "Key": "target_health_state.unhealthy.connection_termination.enabled",
                "Value": "false",
            }
        ],
    )


@pytest.fixture
def cloned(agents: Path) -> Iterator[Cluster]:
    """PostgreSQL and the probe on both nodes, as with replicas that all may answer."""
    method = next(each for each in METHODS if each.agent == "nlb-health-probe")
    with Lab.running(CLONED_LAB_NAME, scenario=method.scenario, agents=agents) as lab:
        cluster = _create(lab, method)
        _keep_connections(lab)
        lab.exec("n1", "pcs", "resource", "clone", GROUP, "interleave=true")
        both = set(lab.topology.nodes)
        until(lambda: _healthy_targets(lab) == both, SETTLE_S, "both nodes to be healthy")
        yield cluster
        lab.collect(BUILD / "check" / CLONED_LAB_NAME)


def test_drain_moves_clients_before_the_service_stops(tmp_path: Path, cloned: Cluster) -> None:
    """A node is put on standby and comes back: no request of any client is lost."""
    lab, record = cloned.lab, tmp_path / "client.jsonl"

    def answered_by(nodes: set[str]) -> bool:
        last = read(record)[-STEADY_ANSWERS:]
        return len(last) == STEADY_ANSWERS and {request.who for request in last} <= nodes

    with lab.asking(cloned.url, record):
        until(lambda: answered_by({"n1", "n2"}), SETTLE_S, "the client to be served")
        with _standby(lab, "n1"):
            lab.exec("n1", "crm_resource", "--wait")
            assert _healthy_targets(lab) == {"n2"}
            until(lambda: answered_by({"n2"}), SETTLE_S, "n2 to serve the client")
        both = {"n1", "n2"}
        until(lambda: _healthy_targets(lab) == both, SETTLE_S, "n1 to be healthy again")
        until(lambda: answered_by(both), SETTLE_S, "the client to be served")
    requests = read(record)
    assert {request.who for request in requests} == both
    assert [request for request in requests if not request.ok] == []
