# SPDX-License-Identifier: GPL-2.0-or-later
"""One cluster over two regions, two nodes in each, and a quorum device in a third region.

The configuration is xml/scenarios/two-regions-quorum.xml. Inside a region everything is automatic,
between regions as far as fencing can prove that what is lost is off. Clients in all three regions
ask all the while; by the recorded history the address is never in two places.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import geo
import geopicture
import pytest
import services
from geo import ADDRESS, GROUP, MONITOR_S, STALE_S, URL, Everywhere
from lab import quorum
from lab.handle import Lab
from lab.state import until
from lab.timeline import Moment
from lab.topology import OSAKA, REGION
from runner import BUILD
from watch import SETTLE_S

LAB_NAME = "cts_geo_quorum"
SCENARIO = "two-regions-quorum"
PICTURE = BUILD / "check" / "region-lost.svg"
ARBITER = "arbiter"


@pytest.fixture(scope="module")
def cluster(agents: Path) -> Iterator[Lab]:
    """Four nodes with what the configuration refers to, and nothing configured yet."""
    options = {"scenario": "regions", "nodes": 4, "quorum_device": ARBITER, "agents": agents}
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
    """Clients that ask during the test, which begins with the service at home."""
    loaded.repair()
    with geo.asking(loaded, URL, tmp_path) as watch:
        if watch.region(watch.active) != REGION:
            geo.move(loaded, GROUP, watch.nodes_of(REGION)[0])
            watch.begin()
        yield watch


def test_pcs_commands_make_the_ready_configuration(cluster: Lab) -> None:
    """The script and the file mean the same."""
    geo.make_by_pcs(cluster, SCENARIO)
    assert geo.of_cluster(cluster) == geo.of_file(SCENARIO)


def test_planned_move(watch: Everywhere) -> None:
    """The operator moves the service to the other region and back; nobody is fenced."""
    first = watch.active
    heir = watch.nodes_of(OSAKA)[0]
    geo.move(watch.lab, GROUP, heir)
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "planned move")
    assert watch.answered_by == [first, heir]
    geo.move(watch.lab, GROUP, first)
    watch.wait_everywhere(first)
    assert watch.fail_count(ADDRESS) == 0
    assert watch.fenced == []


def test_node_killed_is_replaced_in_its_region(watch: Everywhere) -> None:
    """The active node dies: the other one of its region has the service, and keeps it."""
    victim = watch.active
    (heir,) = set(watch.nodes_of(REGION)) - {victim}
    watch.lab.kill(victim)
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "node killed")
    watch.wait_online()
    until(
        lambda: quorum.voting(watch.lab.files, victim), SETTLE_S, f"the device to vote on {victim}"
    )
    watch.wait_everywhere(heir)
    assert watch.answered_by == [victim, heir]
    assert watch.fenced == [victim]


def test_region_without_network_is_fenced_and_replaced(watch: Everywhere) -> None:
    """Nothing reaches home but its API: its nodes are fenced, and the other region takes over."""
    first = watch.active
    watch.lab.cut_region(REGION, api=False)
    heir = watch.wait_active_in(OSAKA)
    watch.wait_everywhere(heir, but=REGION)
    watch.lab.heal_region(REGION)
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "region's network lost")
    assert first in watch.fenced
    assert watch.answered_by == [first, heir]
    watch.wait_online()


def test_split_between_regions_one_side_goes_on(watch: Everywhere) -> None:
    """The regions lose each other, not the arbiter: the device gives its vote to one of them.

    That is the one with the lowest node, home. The service runs on the other side: it ends there
    before home starts it.
    """
    loser = watch.nodes_of(OSAKA)[0]
    geo.move(watch.lab, GROUP, loser)
    watch.begin()
    geo.part(watch.lab, watch.nodes_of(REGION), watch.nodes_of(OSAKA))
    heir = watch.wait_active_in(REGION)
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "regions lose each other")
    assert loser in watch.fenced
    assert watch.answered_by == [loser, heir]
    watch.lab.heal()
    watch.wait_online()
    watch.wait_everywhere(heir)


def test_split_between_regions_home_keeps_what_it_has(watch: Everywhere) -> None:
    """The service runs on the side that the device votes for: nobody notices."""
    first = watch.active
    others = watch.nodes_of(OSAKA)
    geo.part(watch.lab, watch.nodes_of(REGION), others)
    until(lambda: set(watch.fenced) == set(others), SETTLE_S, "home to fence the other side")
    watch.lab.heal()
    watch.wait_online()
    watch.wait_everywhere(first)
    watch.note_everywhere(
        SCENARIO, "regions lose each other, the service is on the side that stays"
    )
    assert set(watch.fenced) == set(others)
    assert [what for what in watch.operations if what[2] == first] == []
    assert [seen.answered_by for seen in watch.of.values()] == [[first]] * len(watch.of)


def test_region_lost_with_its_api_waits_for_the_operator(watch: Everywhere) -> None:
    """Nobody can prove that home is off: nothing moves until the operator says so, then all does.

    Home itself stops the service, since it has lost the vote. Once it is back, its routes are
    brought to the new place.
    """
    lost = watch.nodes_of(REGION)
    geo.lose_region(watch.lab, REGION)
    began = time.monotonic()
    moments = [Moment(began, "Tokyo is lost, with its API")]
    geo.confirm_region_lost(watch, REGION)
    moments.append(Moment(time.monotonic(), f"the operator: {' and '.join(lost)} are off"))
    times = {"confirmed_s": moments[-1].t - began}
    heir = watch.wait_active_in(OSAKA)
    watch.wait_everywhere(heir, but=REGION)
    moments.append(Moment(time.monotonic(), "Osaka and Singapore are served"))
    reason = until(watch.degraded, SETTLE_S, "a monitor to miss the region")
    assert REGION in reason

    watch.lab.heal()
    moments.append(Moment(time.monotonic(), "Tokyo is back"))
    watch.wait_led_to(heir, REGION, STALE_S)
    moments.append(Moment(time.monotonic(), f"every route of Tokyo leads to {heir}"))
    times["stale_s"] = moments[-1].t - moments[-2].t
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "region lost with its API", **times)
    geopicture.draw(watch, "A region is lost, and comes back", moments, PICTURE)
    assert watch.fenced == []
    watch.wait_online()
    watch.wait_everywhere(heir)
    watch.wait_monitor_succeeds(ADDRESS, MONITOR_S)
