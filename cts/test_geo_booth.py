# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster in each of two regions; between them the service moves when the operator says so.

The configurations are xml/scenarios/confirm-failover-*.xml, the decision is a manual ticket of
booth. Clients in all three regions ask all the while.
"""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geo
import pytest
import services
from geo import ADDRESS, SCENARIOS, STALE_S, URL, Everywhere
from lab.cluster import wait_formed
from lab.handle import SYSTEMCTL, Lab
from lab.state import until
from lab.topology import OSAKA, OWN_ADDRESSES, REGION
from runner import BUILD
from watch import SETTLE_S

LAB_NAME = "cts_geo_booth"
SCENARIO = "confirm-failover"
TICKET = "web"
ARBITER = "arbiter"
CONFIGURATION, KEY = Path("/etc/booth/booth.conf"), Path("/etc/booth/booth.key")
CLUSTERS = {"tokyo": "n1", "osaka": "n2"}  # a node of each
SITES = {"tokyo": OWN_ADDRESSES[REGION], "osaka": OWN_ADDRESSES[OSAKA]}
# A client that has missed so many requests in a row is without service, and not unlucky.
MISSED = 100


# --- what the operator does ----------------------------------------------------------------------


def booth(lab: Lab, *argv: str, where: str = ARBITER, check: bool = True) -> str:
    """Ask booth, from the arbitrator unless told otherwise; what it says."""
    done = lab.exec(where, "booth", *argv, check=check)
    return done.stdout + done.stderr


def grant(lab: Lab, cluster: str, *options: str) -> None:
    """Give the ticket to a cluster, and wait until its site has it."""
    booth(lab, "grant", "-w", *options, "-s", SITES[cluster], TICKET)
    until(lambda: granted(lab, cluster), SETTLE_S, f"the ticket to be granted to {cluster}")


def revoke(lab: Lab, cluster: str) -> None:
    """Take the ticket from a cluster that has it, and wait until nothing needs it any more."""
    booth(lab, "revoke", "-w", "-s", SITES[cluster], TICKET)
    until(lambda: not granted(lab, cluster), SETTLE_S, f"the ticket to be revoked at {cluster}")
    lab.exec(CLUSTERS[cluster], "crm_resource", "--wait")


def granted(lab: Lab, cluster: str) -> bool:
    """Whether a cluster has the ticket, as its Pacemaker knows it."""
    ticket = lab.cluster(cluster).find(f"./tickets/ticket[@id='{TICKET}']")
    return ticket is not None and ticket.get("status") == "granted"


def leader(lab: Lab, cluster: str) -> str | None:
    """Which site has the ticket, by booth's own view in one of the regions."""
    running = lab.cluster(cluster).find(".//resource[@id='booth-site'][@role='Started']/node")
    said = booth(lab, "list", where=running.get("name")) if running is not None else ""
    found = re.search(rf"ticket: {TICKET}, leader: (\S+?),? ", said)
    return found and found[1]


# --- the clusters --------------------------------------------------------------------------------


def configure_booth(lab: Lab) -> None:
    """Give all machines that booth runs on the ready configuration and one key."""
    lab.exec(ARBITER, "booth-keygen", str(KEY))
    key = lab.files.node(ARBITER) / "etc-booth" / KEY.name
    for name in (ARBITER, *lab.topology.nodes):
        directory = lab.files.node(name) / "etc-booth"
        shutil.copyfile(SCENARIOS / f"{SCENARIO}-booth.conf", directory / CONFIGURATION.name)
        if name != ARBITER:
            shutil.copy(key, directory)
        shutil.chown(directory / KEY.name, "hacluster", "haclient")
    lab.exec(ARBITER, str(SYSTEMCTL), "start", "booth@booth")


def meaning(configuration: str) -> list[str]:
    """The lines of a booth.conf without what makes no difference."""
    lines = [line.split("#")[0].replace('"', "").strip() for line in configuration.splitlines()]
    return sorted(filter(None, lines))


@pytest.fixture(scope="module")
def lab(agents: Path) -> Iterator[Lab]:
    """Two clusters with what their configurations refer to, and nothing configured yet."""
    with Lab.running(LAB_NAME, scenario="regions-two-clusters", nodes=4, agents=agents) as lab:
        try:
            services.nginx(lab)
            configure_booth(lab)
            yield lab
        finally:
            lab.collect(BUILD / "check" / LAB_NAME)


@pytest.fixture(scope="module")
def loaded(lab: Lab) -> Lab:
    """The clusters with the ready configurations."""
    for cluster, node in CLUSTERS.items():
        geo.load(lab, f"{SCENARIO}-{cluster}", node)
    for cluster in CLUSTERS:
        until(lambda cluster=cluster: leader(lab, cluster), SETTLE_S, f"booth in {cluster}")
    return lab


@dataclass(frozen=True)
class Regions:
    """The group in the eyes of all clients, as each of the clusters runs it."""

    lab: Lab
    tokyo: Everywhere
    osaka: Everywhere

    def note(self, what: str, decided: float | None = None) -> None:
        """Record what each client missed, and how much of it after the operator had decided."""
        for client, watch in self.tokyo.of.items():
            more = {}
            if decided is not None:
                answered = next(r.t for r in watch.requests if r.ok and r.t > decided)
                more["after_decision_s"] = answered - decided
            watch.note(geo.AGENT, what, scenario=SCENARIO, client=client, **more)

    def wait_missed(self) -> None:
        """Wait until the clients outside Tokyo have been without service for a while."""
        outside = [watch for client, watch in self.tokyo.of.items() if client != "tokyo"]

        def all_missed() -> bool:
            last = [watch.requests[-MISSED:] for watch in outside]
            return not any(request.ok for requests in last for request in requests)

        until(all_missed, SETTLE_S, "the clients in other regions to miss the service", 0.2)


@pytest.fixture
def regions(loaded: Lab, tmp_path: Path) -> Iterator[Regions]:
    """Clients that ask during the test, which begins with the ticket and the service in Tokyo."""
    loaded.repair()
    if granted(loaded, "osaka"):
        revoke(loaded, "osaka")
    if not granted(loaded, "tokyo"):
        grant(loaded, "tokyo")
    with geo.clients(loaded, URL, tmp_path) as records:
        tokyo, osaka = (Everywhere(loaded, records, cluster=name) for name in CLUSTERS)
        osaka.wait_online()
        tokyo.begin()
        for watch in (osaka, *osaka.of.values()):
            watch.began = tokyo.began
        yield Regions(loaded, tokyo, osaka)


# --- tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_pcs_commands_make_the_ready_configuration(lab: Lab, cluster: str) -> None:
    """The script and the files mean the same."""
    node = CLUSTERS[cluster]
    files = [lab.files.node(node) / "etc-booth" / path.name for path in (CONFIGURATION, KEY)]
    ready = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    geo.make_by_pcs(lab, SCENARIO, cluster, node=node)
    assert geo.of_cluster(lab, node) == geo.of_file(f"{SCENARIO}-{cluster}")
    assert meaning(files[0].read_text()) == meaning(ready[0].decode())
    # booth begins anew with the key that all others have.
    for file, content in zip(files, ready, strict=True):
        file.write_bytes(content)
    lab.exec(node, "crm_resource", "--wait")
    lab.exec(node, "pcs", "resource", "restart", "booth")


def test_planned_move(regions: Regions) -> None:
    """The ticket is revoked in one region and granted to the other: the service goes with it."""
    first = regions.tokyo.active
    revoke(regions.lab, "tokyo")
    assert regions.tokyo.active is None
    grant(regions.lab, "osaka")
    heir = regions.osaka.wait_active_in(OSAKA)
    regions.osaka.wait_everywhere(heir)
    regions.note("planned move")
    assert regions.tokyo.answered_by == [first, heir]
    assert regions.osaka.fail_count(ADDRESS) == regions.tokyo.fail_count(ADDRESS) == 0
    assert regions.tokyo.fenced == []


def test_node_killed_is_replaced_in_its_region(regions: Regions) -> None:
    """The active node dies: the other one of its region has the service, without the operator."""
    victim = regions.tokyo.active
    heir = regions.tokyo.other(victim)
    regions.lab.kill(victim)
    regions.tokyo.wait_everywhere(heir)
    regions.note("node killed")
    regions.tokyo.wait_online()
    assert regions.tokyo.answered_by == [victim, heir]
    assert regions.tokyo.fenced == [victim]
    assert regions.osaka.started_in(OSAKA) == []


def test_region_lost_moves_when_the_ticket_is_granted(regions: Regions) -> None:
    """Tokyo is cut off with its API: nothing moves until the ticket is granted, then all does.

    Its nodes are alive and keep the ticket. When it is back, its routes are led to Osaka and its
    service stops, and stays so when the operator has revoked the ticket there.
    """
    lab, first = regions.lab, regions.tokyo.active
    geo.lose_region(lab, REGION)
    until(regions.tokyo.degraded, SETTLE_S, "Tokyo to miss its API")
    regions.wait_missed()
    assert "granted ticket" in booth(lab, "grant", "-s", SITES["osaka"], TICKET, check=False)
    assert not granted(lab, "osaka")
    assert regions.osaka.started_in(OSAKA) == []

    decided = time.monotonic()
    grant(lab, "osaka", "-F")
    heir = regions.osaka.wait_active_in(OSAKA)
    regions.osaka.wait_everywhere(heir, but=REGION)
    reason = until(regions.osaka.degraded, SETTLE_S, "a monitor to miss the region")
    assert REGION in reason

    lab.heal()
    regions.osaka.wait_led_to(heir, REGION, STALE_S)
    regions.tokyo.wait_stopped(first)
    regions.osaka.wait_everywhere(heir)
    regions.note("region lost with its API", decided)
    assert leader(lab, "tokyo") == SITES["tokyo"]
    revoke(lab, "tokyo")
    node = CLUSTERS["tokyo"]
    lab.exec(node, "pcs", "resource", "cleanup", ADDRESS)
    lab.exec(node, "crm_resource", "--wait")
    until(lambda: leader(lab, "tokyo") == SITES["osaka"], SETTLE_S, "Tokyo's site to know Osaka's")
    regions.osaka.wait_everywhere(heir)
    assert regions.tokyo.active is None
    assert regions.osaka.answered_by[-1:] == [heir]
    assert regions.osaka.started_in(REGION) == []
    assert granted(lab, "osaka")


def test_region_without_power_comes_back_without_the_ticket(regions: Regions) -> None:
    """Both nodes in Tokyo die, and Osaka is given the ticket: Tokyo starts nothing when it boots."""
    lab, first = regions.lab, regions.tokyo.active
    dead = regions.tokyo.nodes_of(REGION)
    for node in dead:
        lab.kill(node)
    regions.wait_missed()
    assert regions.osaka.started_in(OSAKA) == []
    decided = time.monotonic()
    grant(lab, "osaka", "-F")
    heir = regions.osaka.wait_active_in(OSAKA)
    regions.osaka.wait_everywhere(heir)
    regions.note("region's nodes lost", decided)

    lab.repair()
    wait_formed(lab.files, lab.topology)
    until(lambda: leader(lab, "tokyo") == SITES["osaka"], SETTLE_S, "Tokyo's site to know Osaka's")
    lab.exec(dead[0], "crm_resource", "--wait")
    assert not granted(lab, "tokyo")
    assert regions.osaka.answered_by == [first, heir]
    assert regions.osaka.started_in(REGION) == []
