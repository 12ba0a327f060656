# SPDX-License-Identifier: GPL-2.0-or-later
"""One cluster with all agents in use, each in a group with a service, and a client for each group.

Of two nodes both are in one subnet of Tokyo, of four two in Tokyo and two in Osaka, with a quorum
device in Singapore. What cannot leave a subnet, a VPC or a balancer stays in Tokyo by constraints.
The resources are made with pcs, with the monitors that the README shows and the deeper ones.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import owners
import services
from lab.handle import SERVICE, Lab
from lab.state import until
from lab.topology import (
    OWN_ADDRESSES,
    PUBLIC_IP,
    REGION,
    SECONDARY,
    VIP,
    VIP6,
    ZONE,
)
from runner import BUILD
from watch import Watch, Watched

SCENARIO = "everything"
ARBITER = "arbiter"
TARGET_GROUP, PROBE_PORT = "web", 3998
# Every monitor but those of the record, which has a quota of five requests a second to share.
MONITOR_S, STOPPED_S, DEEP_S = 10, 61, 67
RECORD_MONITOR_S, RECORD_STOPPED_S = 60, 301
# A node where a start has failed, as without AWS's API, is tried again by itself.
FAILURE_TIMEOUT_S = 60
# Six clients for up to an hour, beside the cluster, on whatever machine this is.
INTERVAL_S, TIMEOUT_S = 0.25, 2.0
SETTLE_S = 240
# What n1 has to fence the other before that one may fence it: fence_aws takes 2 to 4 seconds.
FIRST_S = 10
# In the node, whose /tmp is its own.
_CIB = "/tmp/everything.xml"


@dataclass(frozen=True)
class Group(Watched):
    """A group of the cluster; its resource of ours has the name of its agent."""

    agent: str
    nodes: tuple[str, ...]  # where it may run
    client: str
    url: str
    resolve: str | None
    monitor_s: int  # how often the resource of ours is looked at
    api_s: int  # how often that asks AWS and not only the node

    @property
    def agents(self) -> dict[str, str]:
        """The resources of ours, and their agents."""
        return {self.agent: self.agent}


@dataclass(frozen=True)
class Everything:
    """The lab, and what its cluster runs."""

    lab: Lab
    groups: dict[str, Group]

    @contextmanager
    def clients(self, directory: Path) -> Iterator[dict[str, Path]]:
        """A client asks for each group all the while; the record of each."""
        records = {name: directory / f"{name}.jsonl" for name in self.groups}
        with ExitStack() as stack:
            for name, record in records.items():
                group = self.groups[name]
                asked = self.lab.asking(
                    group.url,
                    record,
                    where=group.client,
                    resolve=group.resolve,
                    interval_s=INTERVAL_S,
                    timeout_s=TIMEOUT_S,
                )
                stack.enter_context(asked)
            yield records

    @contextmanager
    def watching(self, directory: Path) -> Iterator[dict[str, Watch]]:
        """That, and a watch for each group; they begin when everybody is served."""
        with self.clients(directory) as records:
            watches = {
                name: Watch(self.lab, group, records[name]) for name, group in self.groups.items()
            }
            for watch in watches.values():
                until(lambda watch=watch: watch.active, SETTLE_S, f"{watch.group.name} to run")
                watch.wait_served_by(watch.active)
            began = time.monotonic()
            for watch in watches.values():
                watch.began = began
            yield watches


@dataclass(frozen=True)
class _Plan:
    """How a group is made."""

    agent: str
    options: list[str]
    service: services.Service
    client: str
    host: str
    owners: Callable[[Lab], set[str | None]]
    far: bool = False  # it may run in the other region, too
    deep: int | None = None  # the check level of its deeper monitor
    local: bool = False  # only that asks AWS; the others ask the node and its metadata
    service_first: bool = False
    port: int | None = None  # that the client asks, where it is not the service's
    resolve: str | None = None
    monitor_s: int = MONITOR_S
    stopped_s: int | None = STOPPED_S

    def monitors(self) -> list[str]:
        """The monitors of the resource of ours, as pcs takes them."""
        ops = ["op", "monitor", f"interval={self.monitor_s}s", "timeout=30s"]
        if self.deep:
            level = f"OCF_CHECK_LEVEL={self.deep}"
            ops += ["op", "monitor", f"interval={DEEP_S}s", "timeout=30s", level]
        if self.stopped_s:
            ops += ["op", "monitor", f"interval={self.stopped_s}s", "role=Stopped", "timeout=30s"]
        return ops


def _answerer(name: str, port: int) -> services.Service:
    """A service that answers with the name of its node."""
    pcs = ["ocf:heartbeat:anything", "binfile=/usr/bin/python3", f"pidfile=/run/{name}.pid"]
    return services.Service(name, "http", port, [*pcs, f"cmdline_options={SERVICE} {port}"])


def _plans(lab: Lab) -> dict[str, _Plan]:
    own = OWN_ADDRESSES[REGION]
    (target_group,) = lab.state()["regions"][REGION]["target_groups"]
    probe = [f"port={PROBE_PORT}", "protocol=http", f"target_group_arn={target_group['id']}"]
    return {
        "route": _Plan(
            agent="route-table-vip",
            options=[f"ip={own}"],
            service=_answerer("inventory", 8081),
            client="tokyo",
            host=own,
            owners=lambda lab: owners.of_routes(lab, own),
            deep=10,
        ),
        "elastic": _Plan(
            agent="elastic-ip",
            options=[f"public_ip={PUBLIC_IP}"],
            service=_answerer("shop", 8082),
            client="outside",
            host=PUBLIC_IP,
            owners=owners.of_elastic_ip,
            deep=10,
            local=True,
        ),
        "secondary": _Plan(
            agent="secondary-ip",
            options=[f"ip={SECONDARY}"],
            service=services.postgresql(lab),
            client="tokyo",
            host=SECONDARY,
            owners=owners.of_secondary,
            deep=10,
            local=True,
        ),
        "record": _Plan(
            agent="route53-record",
            options=[f"name={owners.RECORD}", f"zone={ZONE}"],
            service=_answerer("mail", 8083),
            client="osaka",
            host=owners.RECORD.rstrip("."),
            owners=owners.of_record,
            far=True,
            deep=20,
            service_first=True,
            resolve="A",
            monitor_s=RECORD_MONITOR_S,
            stopped_s=RECORD_STOPPED_S,
        ),
        "balanced": _Plan(
            agent="nlb-health-probe",
            options=probe,
            service=services.nginx(lab),
            client="tokyo",
            host=lab.topology.balancers["nlb"].addresses[0],
            owners=lambda lab: owners.of_target_group(lab, TARGET_GROUP),
            deep=20,
            local=True,
            service_first=True,
            port=80,
            stopped_s=None,
        ),
        "transit": _Plan(
            agent="transit-gateway-vip",
            options=[f"ip={VIP} {VIP6}"],
            service=_answerer("billing", 8084),
            client="singapore",
            host=VIP,
            owners=lambda lab: owners.of_ways(lab, f"{VIP}/32", f"{VIP6}/128"),
            far=True,
        ),
    }


def _create(lab: Lab, name: str, plan: _Plan) -> Group:
    """Make a group in the CIB that is in preparation."""
    service = plan.service
    ours = [f"ocf:aws:{plan.agent}", *plan.options, *plan.monitors()]
    monitor = ["op", "monitor", f"interval={MONITOR_S}s", "timeout=30s"]
    resources = {plan.agent: ours, service.name: [*service.pcs, *monitor]}
    if plan.service_first:
        resources = dict(reversed(resources.items()))
    for resource, what in resources.items():
        _pcs(lab, "resource", "create", resource, *what, "--group", name)
    everybody = lab.topology.nodes
    at_home = [node for node, member in everybody.items() if member.region == REGION]
    nodes = list(everybody) if plan.far else at_home
    elsewhere = [node for node in everybody if node not in nodes]
    if elsewhere:
        _pcs(lab, "constraint", "location", name, "avoids", *elsewhere)
    return Group(
        name=name,
        resources=list(resources),
        program=service.name,
        owners=plan.owners,
        agent=plan.agent,
        nodes=tuple(nodes),
        client=plan.client,
        url=f"{service.scheme}://{plan.host}:{plan.port or service.port}/",
        resolve=plan.resolve,
        monitor_s=plan.monitor_s,
        api_s=DEEP_S if plan.local else plan.monitor_s,
    )


def _pcs(lab: Lab, *arguments: str) -> None:
    lab.exec("n1", "pcs", "-f", _CIB, *arguments)


@contextmanager
def bring_up(name: str, nodes: int, agents: Path) -> Iterator[Everything]:
    """The lab with its cluster, for the time of a with statement; all groups have started.

    Raises LabError when something cannot be had. The lab's logs are kept in build/check/NAME.
    """
    quorum_device = ARBITER if nodes > 2 else None
    options = {"nodes": nodes, "scenario": SCENARIO, "quorum_device": quorum_device}
    with Lab.running(name, agents=agents, clocks=True, **options) as lab:
        try:
            lab.exec("n1", "pcs", "cluster", "cib", _CIB)
            retry = f"failure-timeout={FAILURE_TIMEOUT_S}s"
            _pcs(lab, "resource", "defaults", "update", retry)
            groups = {key: _create(lab, key, plan) for key, plan in _plans(lab).items()}
            if nodes == 2:
                # When they lose each other, one of them has to be the first.
                _pcs(lab, "stonith", "update", "fence-n1", f"pcmk_delay_base={FIRST_S}s")
            lab.exec("n1", "pcs", "cluster", "cib-push", _CIB)
            lab.exec("n1", "crm_resource", "--wait", timeout_s=SETTLE_S)
            yield Everything(lab, groups)
        finally:
            lab.collect(BUILD / "check" / name)
