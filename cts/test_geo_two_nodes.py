# SPDX-License-Identifier: GPL-2.0-or-later
"""A plain cluster of two nodes, one in each of two regions, and a client in each of three.

The configuration is xml/scenarios/two-regions.xml. There is nobody to decide between the two but
fencing; by the recorded history the address is never in two places.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import geo
import pytest
import services
from geo import ADDRESS, GROUP, MONITOR_S, STALE_S, URL, Everywhere
from lab.handle import Lab
from lab.state import until
from runner import BUILD
from watch import SETTLE_S

LAB_NAME = "cts_geo_two"
SCENARIO = "two-regions"


@pytest.fixture(scope="module")
def cluster(agents: Path) -> Iterator[Lab]:
    """Two nodes with what the configuration refers to, and nothing configured yet."""
    with Lab.running(LAB_NAME, scenario="regions", nodes=2, agents=agents) as lab:
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
    """Clients that ask during the test, wherever the service is when it begins."""
    loaded.repair()
    with geo.asking(loaded, URL, tmp_path) as watch:
        yield watch


def test_pcs_commands_make_the_ready_configuration(cluster: Lab) -> None:
    """The script and the file mean the same."""
    geo.make_by_pcs(cluster, SCENARIO)
    assert geo.of_cluster(cluster) == geo.of_file(SCENARIO)


def test_planned_move(watch: Everywhere) -> None:
    """The operator moves the service to the other region; nobody is fenced."""
    first = watch.active
    heir = watch.other(first)
    geo.move(watch.lab, GROUP, heir)
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "planned move")
    assert watch.answered_by == [first, heir]
    assert watch.fail_count(ADDRESS) == 0
    assert watch.fenced == []


def test_node_killed_is_replaced_by_the_other(watch: Everywhere) -> None:
    """The active node dies: it is fenced by its region's API, and the other one has the service."""
    victim = watch.active
    heir = watch.other(victim)
    watch.lab.kill(victim)
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "node killed")
    watch.wait_online()
    watch.wait_everywhere(heir)
    assert watch.answered_by == [victim, heir]
    assert watch.fenced == [victim]


def test_split_between_regions_active_node_goes_on(watch: Everywhere) -> None:
    """Only the nodes lose each other: the one without the service is fenced, nobody else notices.

    Until the network is mended it waits for the other: it has no quorum, and fences nobody.
    """
    active = watch.active
    loser = watch.other(active)
    watch.lab.cut(active, loser)
    until(lambda: watch.fenced == [loser], SETTLE_S, f"{loser} to be fenced")
    until(lambda: watch.lab.is_running(loser), SETTLE_S, f"{loser} to boot")
    watch.wait_everywhere(active)
    watch.note_everywhere(SCENARIO, "regions lose each other")
    watch.lab.heal()
    watch.wait_online()
    assert watch.operations == []
    assert watch.fenced == [loser]
    assert all(each.lost == [] for each in watch.of.values())


def test_region_lost_with_its_api_waits_for_the_operator(watch: Everywhere) -> None:
    """Nobody can prove that the lost node is off: nothing moves until the operator says so.

    A node that is cut off has quorum and would go on, so the operator has to know it off, as here.
    """
    victim = watch.active
    heir = watch.other(victim)
    region = watch.region(victim)
    geo.lose_region(watch.lab, region)
    watch.lab.kill(victim)
    began = time.monotonic()
    geo.wait_fencing_pending(watch.lab, [victim])
    assert watch.operations == []
    geo.confirm_lost(watch.lab, heir, [victim])
    times = {"confirmed_s": time.monotonic() - began}
    watch.wait_everywhere(heir, but=region)
    reason = until(watch.degraded, SETTLE_S, "a monitor to miss the region")
    assert region in reason

    watch.lab.heal()
    back = time.monotonic()
    watch.wait_led_to(heir, region, STALE_S)
    times["stale_s"] = time.monotonic() - back
    watch.wait_everywhere(heir)
    watch.note_everywhere(SCENARIO, "region lost with its API", **times)
    watch.lab.repair()
    watch.wait_online()
    watch.wait_everywhere(heir)
    assert watch.fenced == []
    watch.wait_monitor_succeeds(ADDRESS, MONITOR_S)
