# SPDX-License-Identifier: GPL-2.0-or-later
"""transit-gateway-vip where the way between two VPCs is longer than one peering."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import DEGRADED, NOT_RUNNING, OK, ROUTE, ROUTE6
from lab.handle import Lab
from lab.topology import VIP, VIP6
from runner import BUILD, Runner
from transit import BLACKHOLE, OSAKA, REGIONS, SINGAPORE, TOKYO, Transit, agent_in, slow_answers

LAB_NAME, NODES = "cts_tgw", 2
HALLS = f"{LAB_NAME}_halls"
BOTH = f"{VIP} {VIP6}"


# --- Osaka and Singapore reach each other by way of Tokyo alone --------------------------------


VIA = {SINGAPORE: TOKYO}


@pytest.fixture(scope="module")
def chain(labs: Callable[[str], Lab]) -> Transit:
    """Nodes in Tokyo and Osaka, without a cluster."""
    return Transit(labs("regions-chain"))


@pytest.fixture
def chained(chain: Transit) -> Iterator[Runner]:
    chain.reset()
    yield from agent_in(chain, api_timeout="1s")


def test_two_hops_are_found_from_the_address_alone(chained: Runner, chain: Transit) -> None:
    chain.lead(f"{SINGAPORE}/hub/vpcs", BLACKHOLE)
    with slow_answers(chain):
        started = chained.start("n2", ip=BOTH, api_timeout="10s")
    assert (started.code, started.stderr) == (OK, "")
    for region in REGIONS:
        assert started.rounds("ec2", region) <= 4
    for ip, route in ((VIP, ROUTE), (VIP6, ROUTE6)):
        assert chain.targets(route) == chain.wanted("n2", route, VIA)
        assert chain.owners(route) == {"n2"}
        for client in ("tokyo", "osaka", "singapore"):
            chain.lab.exec(client, "ping", "-c1", "-W2", ip)
    assert chained.monitor("n2", ip=BOTH).code == OK


def test_region_behind_a_dead_one_is_written_all_the_same(chained: Runner, chain: Transit) -> None:
    """Its own side tells of the way, and the node has known of it since before."""
    assert chained.start("n2").code == OK
    assert chained.stop("n2").code == OK
    chain.reset()
    chain.lead(f"{SINGAPORE}/hub/vpcs", BLACKHOLE)
    chain.lab.fault("ec2", "hang", region=TOKYO)
    started = chained.start("n2")
    assert started.code == OK
    assert TOKYO in started.stderr
    wanted = chain.wanted("n2", via=VIA)
    assert chain.targets()[f"{SINGAPORE}/hub/vpcs"] == wanted[f"{SINGAPORE}/hub/vpcs"]
    chain.lab.clear_faults()
    assert chained.monitor("n2").code == OK
    assert chain.targets() == wanted


def test_dead_region_in_the_middle_of_unknown_ones(chained: Runner, chain: Transit) -> None:
    chain.lab.fault("ec2", "hang", region=TOKYO)
    assert chained.start("n2").code == OK
    seen = chained.monitor("n2")
    assert (seen.code, chain.writes(seen)) == (DEGRADED, [])
    assert TOKYO in seen.reason
    chain.lab.clear_faults()
    assert chained.monitor("n2").code == OK
    assert chain.targets() == chain.wanted("n2", via=VIA)
    assert chained.monitor("n2").code == OK


# --- two gateways in Tokyo, several VPCs, and a region that nothing leads to --------------------


def _vpc(number: int, region: str, routes: dict[str, str]) -> dict[str, Any]:
    """10.NUMBER.0.0/16 with one subnet and one table."""
    return {
        "cidr": f"10.{number}.0.0/16",
        "cidr6": None,
        "subnets": {"a": {"cidr": f"10.{number}.2.0/24", "az": f"{region}a", "cidr6": None}},
        "route_tables": {"a": {"subnets": ["a"], "routes": routes}},
    }


def _machine(number: int, region: str, vpc: str, host: int, **more: Any) -> dict[str, Any]:
    place = {"region": region, "vpc": vpc, "subnet": "a", "ip": f"10.{number}.2.{host}"}
    return {**place, "ip6": None, **more}


def _halls() -> dict[str, Any]:
    """n1 is behind the gateway hub, n2 behind edge, a client behind both; Osaka behind edge.

    Every table of a gateway knows every VPC. Singapore has a gateway without any peering.
    """
    numbers = {"main": 0, "side": 2, "visit": 4, "far": 6}
    cidrs = {name: f"10.{number}.0.0/16" for name, number in numbers.items()}
    by_hub = {"main": "vpc:main", "visit": "vpc:visit"}
    by_edge = {"side": "vpc:side", "visit": "vpc:visit", "far": f"peering:{OSAKA}/hub"}
    hub = by_hub | dict.fromkeys(("side", "far"), f"peering:{TOKYO}/edge")
    edge = by_edge | {"main": f"peering:{TOKYO}/hub"}
    far = dict.fromkeys(numbers, f"peering:{TOKYO}/edge") | {"far": "vpc:far"}

    def gateway(vpcs: list[str], ways: dict[str, str]) -> dict[str, Any]:
        routes = {cidrs[name]: way for name, way in ways.items()} | {ROUTE: ways["main"]}
        return {
            "vpcs": {name: {"table": "vpcs", "subnets": ["a"]} for name in vpcs},
            "route_tables": {name: {"routes": dict(routes)} for name in ("vpcs", "peers")},
        }

    def vpc(name: str, region: str, by: str, vip: str) -> dict[str, Any]:
        others = {cidr: f"tgw:{by}" for other, cidr in cidrs.items() if other != name}
        return _vpc(numbers[name], region, others | {ROUTE: vip})

    node = {"source_dest_check": False, "role": "ocf-aws-node"}
    alone = _vpc(8, SINGAPORE, {ROUTE: "tgw:hub"})
    return {
        "regions": {
            TOKYO: {
                "vpcs": {
                    "main": vpc("main", TOKYO, "hub", "n1"),
                    "side": vpc("side", TOKYO, "edge", "tgw:edge"),
                    "visit": vpc("visit", TOKYO, "hub", "tgw:hub"),
                },
                "transit_gateways": {
                    "hub": gateway(["main", "visit"], hub),
                    "edge": gateway(["side", "visit"], edge),
                },
            },
            OSAKA: {
                "vpcs": {"far": vpc("far", OSAKA, "hub", "tgw:hub")},
                "transit_gateways": {"hub": gateway(["far"], far)},
            },
            SINGAPORE: {
                "vpcs": {"alone": alone},
                "transit_gateways": {
                    "hub": {
                        "vpcs": {"alone": {"table": "vpcs", "subnets": ["a"]}},
                        "route_tables": {"vpcs": {"routes": {ROUTE: BLACKHOLE}}},
                    }
                },
            },
        },
        "peerings": [
            {"from": f"{TOKYO}/hub", "to": f"{TOKYO}/edge", "tables": ["peers", "peers"]},
            {"from": f"{OSAKA}/hub", "to": f"{TOKYO}/edge", "tables": ["peers", "peers"]},
        ],
        "nodes": {
            "n1": _machine(0, TOKYO, "main", 10, **node),
            "n2": _machine(2, TOKYO, "side", 10, **node),
        },
        "clients": {
            "visitor": _machine(4, TOKYO, "visit", 100),
            "osaka": _machine(6, OSAKA, "far", 100),
        },
    }


@pytest.fixture(scope="module")
def halls(agents: Path) -> Iterator[Transit]:
    """The nodes of two VPCs of one region, without a cluster."""
    options = {"scenario": _halls(), "with_cluster": False, "agents": agents}
    with Lab.running(HALLS, **options) as lab:
        yield Transit(lab)
        lab.collect(BUILD / "check" / HALLS)


@pytest.fixture
def hall(halls: Transit) -> Iterator[Runner]:
    halls.reset()
    yield from agent_in(halls, api_timeout="1s")


def within(cloud: Transit, gateway: str) -> str:
    """A gateway's own side of the peering within Tokyo."""
    content = cloud.lab.state()["regions"][TOKYO]
    ids = {item["name"]: item["id"] for item in content["transit_gateways"]}
    (found,) = (
        item["id"]
        for item in content["tgw_attachments"]
        if item["tgw"] == ids[gateway] and item["resource"] in ids.values()
    )
    return found


def joined(cloud: Transit, region: str, gateway: str, vpc: str) -> str:
    """The attachment of a VPC to a gateway."""
    content = cloud.lab.state()["regions"][region]
    (tgw,) = (item["id"] for item in content["transit_gateways"] if item["name"] == gateway)
    (resource,) = (item["id"] for item in content["vpcs"] if item["name"] == vpc)
    (found,) = (
        item["id"]
        for item in content["tgw_attachments"]
        if (item["tgw"], item["resource"]) == (tgw, resource)
    )
    return found


def wanted_in_halls(cloud: Transit, active: str) -> dict[str, str]:
    """Where each table leads, but those of Singapore."""
    gateways = cloud.lab.state()["regions"][TOKYO]["transit_gateways"]
    hub, edge = (
        next(item["id"] for item in gateways if item["name"] == name) for name in ("hub", "edge")
    )
    first = active == "n1"
    by_hub = joined(cloud, TOKYO, "hub", "main") if first else within(cloud, "hub")
    by_edge = within(cloud, "edge") if first else joined(cloud, TOKYO, "edge", "side")
    return {
        f"{TOKYO}/main/a": cloud.eni("n1") if first else hub,
        f"{TOKYO}/side/a": edge if first else cloud.eni("n2"),
        f"{TOKYO}/visit/a": hub if first else edge,
        **{f"{TOKYO}/hub/{name}": by_hub for name in ("vpcs", "peers")},
        **{f"{TOKYO}/edge/{name}": by_edge for name in ("vpcs", "peers")},
        f"{OSAKA}/far/a": cloud.gateway(OSAKA),
        **{f"{OSAKA}/hub/{name}": cloud.attachment(OSAKA, "peering") for name in ("vpcs", "peers")},
    }


def those_known(cloud: Transit) -> dict[str, str]:
    """Where each table leads, but those of Singapore."""
    return {name: to for name, to in cloud.targets().items() if not name.startswith(SINGAPORE)}


def test_gateways_of_one_region_lead_to_each_other(hall: Runner, halls: Transit) -> None:
    """Each side of a peering within a region has an id of its own, and a VPC two ways out."""
    for active, other in (("n2", "n1"), ("n1", "n2")):
        with slow_answers(halls):
            started = hall.start(active, api_timeout="10s")
        assert (started.code, started.stderr) == (OK, "")
        assert those_known(halls) == wanted_in_halls(halls, active)
        halls.lab.exec("visitor", "ping", "-c1", "-W2", VIP)
        halls.lab.exec("osaka", "ping", "-c1", "-W2", VIP)
        assert started.asked("ec2", SINGAPORE) == []
        for region in (TOKYO, OSAKA):
            assert started.rounds("ec2", region) <= 4
        seen = hall.monitor(active)
        assert (seen.code, seen.stderr) == (OK, "")
        assert hall.probe(other).code == NOT_RUNNING
        assert hall.stop(active).code == OK


def test_takeover_by_a_node_of_another_vpc_of_the_region(hall: Runner, halls: Transit) -> None:
    assert hall.start("n1").code == OK
    assert hall.start("n2").code == OK
    lost = hall.monitor("n1", on_drift="repair")
    assert (lost.code, halls.writes(lost)) == (NOT_RUNNING, [])
    assert those_known(halls) == wanted_in_halls(halls, "n2")


def test_way_that_is_as_short_is_left_alone(hall: Runner, halls: Transit) -> None:
    """The client's VPC reaches n1 by hub at once, by edge over a peering: only one is short."""
    assert hall.start("n1").code == OK
    content = halls.lab.state()["regions"][TOKYO]["transit_gateways"]
    edge = next(item["id"] for item in content if item["name"] == "edge")
    halls.lead(f"{TOKYO}/visit/a", edge)
    seen = hall.monitor("n1")
    assert (seen.code, halls.id(f"{TOKYO}/visit/a") in seen.stderr) == (DEGRADED, True)
    assert hall.monitor("n1", on_drift="repair").code == OK
    assert those_known(halls) == wanted_in_halls(halls, "n1")


def test_region_without_a_way_is_reported(hall: Runner, halls: Transit) -> None:
    named = {"regions": f"{OSAKA} {SINGAPORE}"}
    started = hall.start("n1", **named)
    assert started.code == OK
    seen = hall.monitor("n1", **named)
    assert (seen.code, halls.writes(seen)) == (DEGRADED, [])
    for outcome in (started, seen):
        assert halls.gateway(SINGAPORE) in outcome.stderr + hall.log("n1")
        assert SINGAPORE in outcome.stderr
    assert those_known(halls) == wanted_in_halls(halls, "n1")


@pytest.mark.parametrize("table", [f"{TOKYO}/edge/vpcs", f"{OSAKA}/hub/vpcs"])
def test_repair_of_a_gateway_on_a_long_way(hall: Runner, halls: Transit, table: str) -> None:
    assert hall.start("n1").code == OK
    halls.lead(table, BLACKHOLE)
    seen = hall.monitor("n1")
    assert seen.code == DEGRADED
    assert halls.id(table) in seen.stderr
    assert hall.monitor("n1", on_drift="repair").code == OK
    assert those_known(halls) == wanted_in_halls(halls, "n1")
