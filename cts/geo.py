# SPDX-License-Identifier: GPL-2.0-or-later
"""Clusters over several regions: the configurations of xml/scenarios, and a client in each region."""

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lab import history
from lab.handle import Lab
from lab.state import REPOSITORY, until
from lab.topology import VIP, VIP6
from services import WEB_PORT
from watch import SETTLE_S, Watch, Watched

SCENARIOS = REPOSITORY / "xml" / "scenarios"
CLIENTS = ("tokyo", "osaka", "singapore")
GROUP, ADDRESS, PROGRAM = "web", "vip", "service"
AGENT = "transit-gateway-vip"
# What the cluster adds by itself, or the lab before the scenario.
NOT_CONFIGURED = {
    "cluster-infrastructure",
    "cluster-name",
    "dc-deadtime",
    "dc-version",
    "have-watchdog",
    "last-lrm-refresh",
}
# Elements whose ids the user has chosen, and those whose order matters.
NAMED = {"node", "primitive", "group", "clone"}
ORDERED = {"primitive"}
URL = f"http://{VIP}:{WEB_PORT}/"
DEGRADED = "190"
MONITOR_S = 5
# A region that is back has no stale route after so long: the monitors' interval, and as much again.
STALE_S = 10
# An attempt to fence that hangs holds the rest up until its timeout.
FAILOVER_S = 150


# --- configurations ----------------------------------------------------------------------------


def load(lab: Lab, scenario: str, node: str = "n1") -> None:
    """Give a node's cluster a ready configuration, by the command that its comment names."""
    file = str(SCENARIOS / f"{scenario}.xml")
    lab.exec(node, "pcs", "cluster", "cib-push", file, "scope=configuration")
    lab.exec(node, "crm_resource", "--wait")


def make_by_pcs(lab: Lab, script: str, *arguments: str, node: str = "n1") -> None:
    """Configure a node's cluster by a script, after removing what the lab has put there."""
    for section in ("constraints", "resources", "rsc_defaults"):
        replace = ["--replace", "--scope", section, "--xml-text", f"<{section}/>"]
        lab.exec(node, "cibadmin", *replace)
    # What the cluster changes by itself meanwhile would get in the way of the script's changes.
    lab.exec(node, "crm_resource", "--wait")
    lab.exec(node, str(SCENARIOS / f"{script}.sh"), *arguments)


def of_file(scenario: str) -> Any:
    """What a ready configuration means."""
    return _meaning(ET.parse(SCENARIOS / f"{scenario}.xml").getroot().find("configuration"))


def of_cluster(lab: Lab, node: str = "n1") -> Any:
    """What the configuration of a node's cluster means."""
    found = lab.exec(node, "cibadmin", "--query", "--scope", "configuration").stdout
    return _meaning(ET.fromstring(found))


def _meaning(element: ET.Element) -> Any:
    """An element without what makes no difference: order, and ids that nobody refers to."""
    attributes = {
        key: value for key, value in element.items() if key != "id" or element.tag in NAMED
    }
    children = [
        _meaning(child)
        for child in element
        if not (child.tag == "nvpair" and child.get("name") in NOT_CONFIGURED)
    ]
    children.sort(key=lambda child: "" if child[0] in ORDERED else repr(child))
    return (element.tag, sorted(attributes.items()), children)


# --- clients -------------------------------------------------------------------------------------


def by_address(region: str) -> Watched:
    """The group as one region's tables lead to it, also over other regions."""

    def owners(lab: Lab) -> set[str | None]:
        found = (lab.reaches(destination) for destination in (f"{VIP}/32", f"{VIP6}/128"))
        return {way.node for regions in found for way in regions[region].values()}

    return Watched(GROUP, [ADDRESS, PROGRAM], PROGRAM, owners)


class Everywhere(Watch):
    """What has become of the group in the eyes of clients in all regions.

    Where one client is meant, as for answered_by, that is the first.
    """

    def __init__(
        self,
        lab: Lab,
        records: dict[str, Path],
        watched: Callable[[str], Watched] = by_address,
        cluster: str | None = None,
    ):
        """`watched` tells of a region how the group is seen from there."""
        self.of = {
            client: Watch(lab, watched(lab.topology.member(client).region), record, cluster)
            for client, record in records.items()
        }
        first = next(iter(self.of.values()))
        super().__init__(lab, first.group, first.record, cluster)

    def begin(self) -> None:
        """Wait until everything is well for everybody; the test begins then."""
        super().begin()
        self.wait_everywhere(self.active)
        for watch in self.of.values():
            watch.began = self.began

    def wait_everywhere(self, node: str, but: str | None = None) -> None:
        """Wait until all clients but those of one region are served by a node."""
        for client, watch in self.of.items():
            if self.region(client) != but:
                watch.wait_served_by(node)

    def region(self, machine: str) -> str:
        """The region of a node or client."""
        return self.lab.topology.member(machine).region

    def nodes_of(self, region: str) -> list[str]:
        """The nodes in a region."""
        return [name for name, node in self.lab.topology.nodes.items() if node.region == region]

    def note_everywhere(self, scenario: str, what: str, agent: str = AGENT, **more: Any) -> None:
        """Record what each client missed."""
        for client, watch in self.of.items():
            watch.note(agent, what, scenario=scenario, client=client, **more)

    def degraded(self) -> str | None:
        """Why the monitor of the address is degraded, as crm_mon shows it."""
        failures = self.lab.cluster(self.cluster).findall("./failures/failure")
        for failure in failures:
            key = failure.get("op_key", "")
            if key.startswith(f"{ADDRESS}_monitor_") and failure.get("exitcode") == DEGRADED:
                return failure.get("exitreason")
        return None

    def started_in(self, region: str) -> list[str]:
        """The nodes of a region that have started the address since the test began."""
        nodes = self.nodes_of(region)
        return [
            n
            for action, what, n in self.operations
            if (action, what) == ("start", ADDRESS) and n in nodes
        ]

    def wait_active_in(self, region: str) -> str:
        """Wait until the cluster runs the service in a region, and return on which node."""

        def found() -> str | None:
            active = self.active
            return active if active in self.nodes_of(region) else None

        return until(found, FAILOVER_S, f"the service to start in {region}", 0.2)

    def wait_led_to(self, node: str, region: str, within_s: float) -> None:
        """Wait until no table of a region leads anywhere else than to a node."""
        owners = by_address(region).owners
        until(lambda: owners(self.lab) == {node}, within_s, f"{region} to lead to {node}", 0.2)

    def wait_stopped(self, node: str) -> None:
        """Wait until a node has stopped the address, by its own log."""
        stopped = ("stop", ADDRESS, node)
        until(lambda: stopped in self.operations, SETTLE_S, f"{node} to stop the address", 0.2)


@contextmanager
def clients(
    lab: Lab, url: str, directory: Path, resolve: str | None = None
) -> Iterator[dict[str, Path]]:
    """Clients of all regions ask all the while; the record of each."""
    records = {client: directory / f"{client}.jsonl" for client in CLIENTS}
    with ExitStack() as stack:
        for client, record in records.items():
            stack.enter_context(lab.asking(url, record, where=client, resolve=resolve))
        yield records


@contextmanager
def asking(lab: Lab, url: str, directory: Path) -> Iterator[Everywhere]:
    """Clients of all regions ask during a test, which begins when the service is settled."""
    with clients(lab, url, directory) as records:
        watch = Everywhere(lab, records)
        watch.begin()
        yield watch
        held = history.holdings(lab, ADDRESS)
        assert history.held_by_several(held) == []
        # Else the logs were read in vain.
        assert {holding.node for holding in held} >= set(watch.answered_by)


def move(lab: Lab, group: str, node: str) -> None:
    """Move a group to a node, as an operator does."""
    lab.exec("n1", "pcs", "resource", "move", group, node, "--wait=60")


# --- accidents -----------------------------------------------------------------------------------


def part(lab: Lab, some: list[str], others: list[str]) -> None:
    """Drop what these machines send to those, and the other way round."""
    for one, other in itertools.product(some, others):
        lab.cut(one, other)


def lose_region(lab: Lab, region: str) -> None:
    """Lose a region with network and API; its machines reach each other and nothing else."""
    lab.cut_region(region)
    for name, member in lab.topology.nodes.items():
        if member.region == region:
            lab.cut(name, "aws")


def wait_fencing_pending(lab: Lab, nodes: list[str]) -> None:
    """Wait until the cluster tries to fence one of these nodes, and knows of none any more.

    On a machine under load Pacemaker does one thing after the other, fencing too.
    """

    def tries() -> bool:
        pending = lab.cluster().findall("./fence_history/fence_event[@status='pending']")
        targets = {event.get("target") for event in pending}
        return bool(targets & set(nodes)) and not lab.online() & set(nodes)

    until(tries, SETTLE_S, f"the cluster to fence {' or '.join(nodes)}", 0.2)


def confirm_region_lost(watch: Everywhere, region: str) -> None:
    """Wait until a lost region has stopped the service, and nothing moves; then say it is off."""
    lost = watch.nodes_of(region)
    survivors = [name for name in watch.lab.topology.nodes if name not in lost]
    watch.wait_stopped(watch.answered_by[0])
    wait_fencing_pending(watch.lab, lost)
    assert [watch.started_in(watch.region(name)) for name in survivors] == [[] for _ in survivors]
    confirm_lost(watch.lab, survivors[0], lost)


def confirm_lost(lab: Lab, where: str, nodes: list[str]) -> None:
    """Tell the cluster, on one of its nodes, that others are off: the operator has made sure."""
    for name in nodes:
        lab.exec(where, "pcs", "stonith", "confirm", name, "--force")
