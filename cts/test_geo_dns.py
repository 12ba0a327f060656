# SPDX-License-Identifier: GPL-2.0-or-later
"""One cluster over two regions, and a name that leads to the address of the active region.

The configuration is xml/scenarios/two-regions-dns.xml. Clients in all three regions ask by name
and keep the answer for its TTL.
"""

from collections.abc import Iterator
from pathlib import Path

import geo
import pytest
import services
from geo import ADDRESS, GROUP, PROGRAM, Everywhere
from lab.handle import Lab
from lab.topology import OSAKA, OWN_ADDRESSES, REGION, ZONE
from runner import BUILD
from watch import Watched

LAB_NAME = "cts_geo_dns"
SCENARIO = "two-regions-dns"
AGENT = "route53-record"
ARBITER = "arbiter"
NAME = f"db.{ZONE}".rstrip(".")
RECORD = "name"  # the resource
URL = f"http://{NAME}:{services.WEB_PORT}/"


def record_values(lab: Lab) -> list[str]:
    """What Route 53 says of the name."""
    (zone,) = lab.state()["zones"]
    return next(record["values"] for record in zone["records"] if record["type"] == "A")


def by_name(region: str) -> Watched:
    """The group as the name leads to it from a region."""

    def owners(lab: Lab) -> set[str | None]:
        return {
            way.node
            for address in record_values(lab)
            for way in lab.reaches(f"{address}/32")[region].values()
        }

    return Watched(GROUP, [ADDRESS, PROGRAM, RECORD], PROGRAM, owners)


@pytest.fixture(scope="module")
def cluster(agents: Path) -> Iterator[Lab]:
    """Four nodes with what the configuration refers to, and nothing configured yet."""
    options = {"scenario": "regions-dns", "nodes": 4, "quorum_device": ARBITER, "agents": agents}
    with Lab.running(LAB_NAME, **options) as lab:
        try:
            services.nginx(lab)
            yield lab
        finally:
            lab.collect(BUILD / "check" / LAB_NAME)


@pytest.fixture(scope="module")
def loaded(cluster: Lab) -> Lab:
    """The cluster with the ready configuration."""
    geo.load(cluster, SCENARIO)
    return cluster


@pytest.fixture
def watch(loaded: Lab, tmp_path: Path) -> Iterator[Everywhere]:
    """Clients that ask during the test, which begins when the service is settled."""
    loaded.repair()
    with geo.clients(loaded, URL, tmp_path, resolve="A") as records:
        watch = Everywhere(loaded, records, by_name)
        watch.begin()
        yield watch


def change_requests(lab: Lab) -> list[dict]:
    """The calls that change records."""
    return [entry for entry in lab.requests() if entry["action"] == "ChangeResourceRecordSets"]


def test_pcs_commands_make_the_ready_configuration(cluster: Lab) -> None:
    """The script and the file mean the same."""
    geo.make_by_pcs(cluster, SCENARIO)
    assert geo.of_cluster(cluster) == geo.of_file(SCENARIO)


def test_planned_move_to_the_other_region(watch: Everywhere) -> None:
    """The operator moves the service: the name leads to the other region's address."""
    first = watch.active
    other = OSAKA if watch.region(first) == REGION else REGION
    heir = watch.nodes_of(other)[0]
    geo.move(watch.lab, GROUP, heir)
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "planned move", AGENT)
    assert record_values(watch.lab) == [OWN_ADDRESSES[other]]
    assert watch.answered_by == [first, heir]
    assert watch.fail_count(ADDRESS) == watch.fail_count(RECORD) == 0
    assert watch.fenced == []


def test_node_killed_is_replaced_in_its_region(watch: Everywhere) -> None:
    """The other node of the region has the same address: Route 53 has nothing to change."""
    geo.move(watch.lab, GROUP, watch.nodes_of(REGION)[0])
    watch.begin()
    watch.lab.clear_requests()
    victim = watch.active
    (heir,) = set(watch.nodes_of(REGION)) - {victim}
    watch.lab.kill(victim)
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "node killed", AGENT)
    assert record_values(watch.lab) == [OWN_ADDRESSES[REGION]]
    assert change_requests(watch.lab) == []
    assert watch.answered_by == [victim, heir]
    assert watch.fenced == [victim]
    watch.wait_online()


def test_last_node_of_a_region_killed_is_replaced_in_the_other(watch: Everywhere) -> None:
    """No node is left at home: clients find the other region when what they know has expired."""
    first = watch.active
    home = watch.region(first)
    (neighbour,) = set(watch.nodes_of(home)) - {first}
    watch.lab.stop_cluster(neighbour)
    watch.lab.kill(first)
    heir = watch.wait_active_in(OSAKA if home == REGION else REGION)
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "region's nodes lost", AGENT)
    assert watch.answered_by == [first, heir]
    assert watch.fenced == [first]
    watch.lab.start_cluster(neighbour)
    watch.wait_online()


def test_region_lost_with_its_api_waits_for_the_operator(watch: Everywhere) -> None:
    """Home stops the service; once the operator says that it is off, the name leads elsewhere."""
    geo.move(watch.lab, GROUP, watch.nodes_of(REGION)[0])
    watch.begin()
    geo.lose_region(watch.lab, REGION)
    geo.confirm_region_lost(watch, REGION)
    heir = watch.wait_active_in(OSAKA)
    watch.wait_everywhere(heir, but=REGION)
    assert record_values(watch.lab) == [OWN_ADDRESSES[OSAKA]]
    watch.lab.heal()
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "region lost with its API", AGENT)
    assert watch.fenced == []
    watch.wait_online()
    watch.wait_everywhere(heir)
