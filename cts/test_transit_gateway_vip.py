# SPDX-License-Identifier: GPL-2.0-or-later
"""transit-gateway-vip run by hand in three regions: what it finds, does, asks and says."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cloud import (
    DEGRADED,
    END_TIMEOUT_S,
    FAILED,
    NOT_RUNNING,
    OK,
    ROUTE,
    ROUTE6,
    SHORT_MS,
    WRONG,
    WRONG_HERE,
)
from lab.handle import Lab
from lab.state import until
from lab.topology import VIP, VIP6
from runner import Outcome, Runner
from transit import (
    BLACKHOLE,
    OSAKA,
    REGIONS,
    SINGAPORE,
    TOKYO,
    Transit,
    agent_in,
    commands,
    slow_answers,
)

LAB_NAME = "cts_tgw"
# n1 and n3 are in Tokyo, n2 is in Osaka; nobody is in Singapore but clients.
NODES = 3
CLIENTS = ("tokyo", "osaka", "singapore")
BOTH = f"{VIP} {VIP6}"
# A start writes the two tables of the node's VPC whatever they show.
OWN_TABLES = ["ReplaceRoute"] * 2
STANDBY = {"OCF_RESKEY_CRM_meta_role": "Stopped"}
# A warm look at a region: its VPC tables, and each of its two Transit Gateway tables.
LOOK = ["DescribeRouteTables", "SearchTransitGatewayRoutes", "SearchTransitGatewayRoutes"]


@pytest.fixture(scope="module")
def first(labs: Callable[[str], Lab]) -> Transit:
    """Nodes in two regions, and clients in three; everything leads to n1."""
    return Transit(labs("regions"))


@pytest.fixture
def cloud(first: Transit) -> Transit:
    first.reset()
    return first


@pytest.fixture
def vip(cloud: Transit) -> Iterator[Runner]:
    """The agent with nothing but the address."""
    yield from agent_in(cloud)


@pytest.fixture
def here(vip: Runner) -> Runner:
    """The address runs on n1, whose caches are warm."""
    assert vip.start("n1").code == OK
    return vip


def looks(vip: Runner, where: str, **more: Any) -> list[Outcome]:
    """A probe and a recurring monitor, at once: a loss is only believed after some seconds."""
    begun = [vip.begin(where, "monitor", interval_ms=interval, **more) for interval in (0, 10000)]
    return [vip.end(running) for running in begun]


# --- the life of an address ----------------------------------------------------------------


def test_life_cycle_moves_between_regions(vip: Runner, cloud: Transit) -> None:
    for active, other in (("n2", "n1"), ("n3", "n2"), ("n1", "n3")):
        assert vip.probe(active).code == NOT_RUNNING
        started = vip.start(active)
        assert (started.code, started.stderr) == (OK, "")
        assert cloud.targets() == cloud.wanted(active)
        assert cloud.owners() == {active}
        assert cloud.addresses(active)[VIP]["prefixlen"] == 32
        assert [seen.code for seen in looks(vip, active)] == [OK, OK]
        assert [seen.code for seen in looks(vip, other)] == [NOT_RUNNING, NOT_RUNNING]
        stopped = vip.stop(active)
        assert (stopped.code, stopped.stderr, stopped.requests) == (OK, "", [])
        assert not cloud.has(active)
        assert cloud.targets() == cloud.wanted(active), "stop leaves the routes"
        assert vip.probe(active).code == NOT_RUNNING


@pytest.mark.parametrize("ip", [VIP, VIP6])
def test_clients_of_all_regions_reach_the_node_that_started(
    vip: Runner, cloud: Transit, ip: str
) -> None:
    for active in ("n2", "n1"):
        assert vip.start(active, ip=ip).code == OK
        with cloud.lab.serving(active):
            for client in CLIENTS:
                assert cloud.lab.ask(ip, client) == active
        assert vip.stop(active, ip=ip).code == OK


@pytest.mark.parametrize("ip", [VIP6, BOTH, f"{VIP6},{VIP}"])
def test_ipv6_and_several_addresses(vip: Runner, cloud: Transit, ip: str) -> None:
    addresses = ip.replace(",", " ").split()
    assert vip.start("n2", ip=ip).code == OK
    for address, route in ((VIP, ROUTE), (VIP6, ROUTE6)):
        assert cloud.targets(route) == cloud.wanted("n2" if address in addresses else "n1", route)
        assert cloud.has("n2", address) == (address in addresses)
    assert vip.monitor("n2", ip=ip).code == OK
    cloud.lead(f"{SINGAPORE}/hub/vpcs", cloud.attachment(SINGAPORE, "peering", TOKYO), ROUTE6)
    seen = vip.monitor("n2", ip=ip)
    assert seen.code == DEGRADED
    assert SINGAPORE in seen.reason
    assert vip.stop("n2", ip=ip).code == OK
    assert not set(addresses) & cloud.addresses("n2").keys()


def test_start_twice_writes_nothing(here: Runner, cloud: Transit) -> None:
    again = here.start("n1")
    assert (again.code, again.stderr, cloud.writes(again)) == (OK, "", [])


def test_start_does_not_trust_reads_of_before_the_last_owner(here: Runner, cloud: Transit) -> None:
    assert here.stop("n1").code == OK
    cloud.lab.control.settings(read_delay_s=60)
    own = [table for table, target in cloud.targets().items() if target == cloud.eni("n1")]
    cloud.lead_all(dict.fromkeys(own, cloud.eni("tokyo")))
    started = here.start("n1")
    assert (started.code, started.stderr) == (OK, ""), "what it reads is of before"
    assert set(cloud.writes(started)) == {"ReplaceRoute"}
    assert cloud.owners() == {"n1"}


def test_start_that_may_not_write_goes_by_what_it_reads(here: Runner, cloud: Transit) -> None:
    assert here.stop("n1").code == OK
    cloud.lab.fault("ec2", "denied", action="ReplaceRoute")
    started = here.start("n1")
    assert (started.code, started.reasons) == (OK, [])
    (warning,) = started.stderr.splitlines()
    assert warning.startswith("WARNING: here by what AWS shows, which could not be written again: ")
    assert "ec2:ReplaceRoute" in warning
    assert here.monitor("n1").code == OK


def test_two_starts_at_once_both_succeed(vip: Runner, cloud: Transit) -> None:
    both = [vip.begin("n2", "start") for _ in range(2)]
    assert [vip.end(one).code for one in both] == [OK, OK]
    assert cloud.targets() == cloud.wanted("n2")
    assert vip.monitor("n2").code == OK


@pytest.mark.parametrize("taker", ["n2", "n3"])
@pytest.mark.parametrize("drift", ["report", "repair"])
def test_takeover_is_seen_by_the_one_that_has_lost_it(
    here: Runner, cloud: Transit, taker: str, drift: str
) -> None:
    """The taker may be in another region, or in the same VPC, where only its routes change."""
    assert here.start(taker).code == OK
    for seen in looks(here, "n1", on_drift=drift):
        assert (seen.code, cloud.writes(seen)) == (NOT_RUNNING, [])
        assert ROUTE in seen.reason
    assert cloud.targets() == cloud.wanted(taker)


# --- how often AWS is asked, and by how many round trips ------------------------------------


def _all_wrong(cloud: Transit) -> None:
    """Not one of twelve tables leads where it shall for n2."""
    wrong = cloud.wanted("n1") | dict.fromkeys(
        (f"{SINGAPORE}/main/private-a", f"{SINGAPORE}/main/private-c"), cloud.loose_eni(SINGAPORE)
    )
    assert len(wrong) == 12
    cloud.lead_all(wrong)


def test_start_over_three_regions_with_twelve_tables(vip: Runner, cloud: Transit) -> None:
    _all_wrong(cloud)
    with slow_answers(cloud):
        started = vip.start("n2")
    assert (started.code, started.stderr) == (OK, "")
    for region in REGIONS:
        assert started.rounds("ec2", region) <= 4
        assert len(cloud.writes(started, region)) == 4
    # As many for both other regions as for one: they are asked and written at once.
    assert started.rounds("ec2", TOKYO, SINGAPORE) <= 3
    assert len(cloud.writes(started)) == 12
    assert cloud.targets() == cloud.wanted("n2")


def test_dual_stack_takes_no_more_round_trips(vip: Runner, cloud: Transit) -> None:
    with slow_answers(cloud):
        started = vip.start("n2", ip=BOTH)
    assert (started.code, started.stderr) == (OK, "")
    for region in REGIONS:
        assert started.rounds("ec2", region) <= 4
    assert started.rounds("ec2", TOKYO, SINGAPORE) <= 3
    # Singapore's VPC tables lead to its gateway already.
    assert len(cloud.writes(started)) == 2 * 10


def test_own_region_comes_first(vip: Runner, cloud: Transit) -> None:
    started = vip.start("n2")
    own, others = started.asked("ec2", OSAKA), started.asked("ec2", TOKYO, SINGAPORE)
    written = [entry for entry in own if entry["action"].startswith("Replace")]
    assert len(written) == 4
    assert max(entry["ended"] for entry in written) <= min(entry["started"] for entry in others)
    assert cloud.targets() == cloud.wanted("n2")


@pytest.mark.parametrize("ip", [VIP, BOTH])
def test_warm_monitor_is_one_round_trip_a_region(vip: Runner, cloud: Transit, ip: str) -> None:
    assert vip.start("n1", ip=ip).code == OK
    assert vip.monitor("n1", ip=ip).code == OK
    with slow_answers(cloud):
        warm = vip.monitor("n1", ip=ip)
    assert (warm.code, warm.stderr, warm.calls("imds")) == (OK, "", [])
    for region in REGIONS:
        assert set(warm.calls("ec2", region)) == set(LOOK)
        assert warm.rounds("ec2", region) == 1
    assert warm.rounds() == 1, "the regions are asked at once"
    if ip == VIP:
        assert sorted(warm.calls()) == sorted(LOOK * len(REGIONS))


def test_probe_asks_the_own_region_only(here: Runner, cloud: Transit) -> None:
    for forget in (False, True):
        if forget:
            here.forget("n1")
        probed = here.probe("n1")
        assert (probed.code, cloud.writes(probed)) == (OK, [])
        assert {entry["region"] for entry in probed.asked("ec2")} == {TOKYO}
    idle = here.probe("n2")
    assert (idle.code, idle.requests) == (NOT_RUNNING, [])


def test_probe_does_not_mind_another_region(here: Runner, cloud: Transit) -> None:
    cloud.lead(f"{SINGAPORE}/hub/vpcs", BLACKHOLE)
    probed = here.probe("n1")
    assert (probed.code, probed.stderr) == (OK, "")


def test_role_stopped_monitor_warms_the_caches(here: Runner, cloud: Transit) -> None:
    cold = here("n2", "monitor", interval_ms=11000, environment=STANDBY)
    assert (cold.code, cloud.writes(cold)) == (NOT_RUNNING, [])
    assert cold.calls("imds") != []
    started = here.start("n2")
    assert (started.code, started.calls("imds")) == (OK, [])
    assert cloud.targets() == cloud.wanted("n2")


# --- verdicts ------------------------------------------------------------------------------


def _to(target: Callable[[Transit], str | None], *tables: str) -> Callable[[Transit], None]:
    """Leads tables elsewhere."""
    return lambda cloud: cloud.lead_all(dict.fromkeys(tables, target(cloud)))


def _nowhere(_cloud: Transit) -> None:
    """Deletes a route."""


def _hole(_cloud: Transit) -> str:
    return BLACKHOLE


def _dead_eni(region: str) -> Callable[[Transit], str]:
    return lambda cloud: cloud.loose_eni(region)


def _eni(node: str) -> Callable[[Transit], str]:
    return lambda cloud: cloud.eni(node)


def _peer(region: str, to: str) -> Callable[[Transit], str]:
    return lambda cloud: cloud.attachment(region, "peering", to)


def _gone_eni(cloud: Transit) -> str:
    """An ENI that is deleted as soon as something leads to it: see _delete_loose()."""
    return cloud.loose_eni(TOKYO)


OWN = (f"{TOKYO}/main/private-a", f"{TOKYO}/main/private-c")
# Drifts that leave the service running: what happened, the table that the monitor names, and
# whether a repair mends it. A VPC of another region whose tables all lead to interfaces of its own
# is another node's: that is never taken back.
DRIFTS = {
    "R5-own-vpc": (_to(_eni("n3"), OWN[1]), OWN[1], True),
    "R4-own-vpc": (_to(_dead_eni(TOKYO), OWN[0]), OWN[0], True),
    "R5-own-tgw": (_to(_peer(TOKYO, OSAKA), f"{TOKYO}/hub/vpcs"), f"{TOKYO}/hub/vpcs", True),
    "R5-own-tgw-peers": (
        _to(_peer(TOKYO, OSAKA), f"{TOKYO}/hub/peers"),
        f"{TOKYO}/hub/peers",
        True,
    ),
    "R4-own-tgw": (_to(_hole, f"{TOKYO}/hub/peers"), f"{TOKYO}/hub/peers", True),
    "R6-own-tgw": (_to(_nowhere, f"{TOKYO}/hub/peers"), f"{TOKYO}/hub/peers", False),
    "R5-other-vpc": (_to(_eni("n2"), f"{OSAKA}/main/private-a"), f"{OSAKA}/main/private-a", True),
    "taken-other-vpc": (
        _to(_eni("n2"), f"{OSAKA}/main/private-a", f"{OSAKA}/main/private-c"),
        f"{OSAKA}/main/private-a",
        False,
    ),
    "R4-other-vpc": (
        _to(_dead_eni(SINGAPORE), f"{SINGAPORE}/main/private-c"),
        f"{SINGAPORE}/main/private-c",
        True,
    ),
    "R5-other-tgw": (
        _to(_peer(SINGAPORE, OSAKA), f"{SINGAPORE}/hub/vpcs"),
        f"{SINGAPORE}/hub/vpcs",
        True,
    ),
    "R5-other-tgw-peers": (
        _to(_peer(OSAKA, SINGAPORE), f"{OSAKA}/hub/peers"),
        f"{OSAKA}/hub/peers",
        True,
    ),
    "R4-other-tgw": (_to(_hole, f"{OSAKA}/hub/vpcs"), f"{OSAKA}/hub/vpcs", True),
    "R6-other-tgw": (_to(_nowhere, f"{SINGAPORE}/hub/vpcs"), f"{SINGAPORE}/hub/vpcs", False),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_monitor_reports_a_drift_and_repairs_it_when_told(
    here: Runner, cloud: Transit, drift: str
) -> None:
    arrange, table, mended = DRIFTS[drift]
    arrange(cloud)
    before = cloud.targets()
    probed = here.probe("n1")
    assert (probed.code, cloud.writes(probed)) == (OK, [])
    seen = here.monitor("n1")
    assert (seen.code, cloud.writes(seen)) == (DEGRADED, [])
    assert cloud.id(table) in seen.stderr
    assert table.partition("/")[0] in seen.stderr
    assert cloud.targets() == before
    repaired = here.monitor("n1", on_drift="repair")
    if mended:
        assert (repaired.code, len(cloud.writes(repaired))) == (OK, 1)
        assert cloud.targets() == cloud.wanted("n1")
    else:
        assert (repaired.code, cloud.writes(repaired)) == (DEGRADED, [])
        assert cloud.targets() == before


def test_route_of_a_table_that_no_client_needs_may_be_missing(here: Runner, cloud: Transit) -> None:
    for table in (f"{OSAKA}/hub/peers", f"{TOKYO}/hub/vpcs"):
        cloud.lead(table, None)
    seen = here.monitor("n1")
    assert (seen.code, seen.stderr) == (OK, "")


def test_client_that_has_lost_its_routes_is_missed_until_told(here: Runner, cloud: Transit) -> None:
    """A VPC's route is how a client says that it is one; that it is none any more, the operator."""
    tables = [f"{SINGAPORE}/main/private-a", f"{SINGAPORE}/main/private-c"]
    for table in (*tables, f"{SINGAPORE}/hub/vpcs"):
        cloud.lead(table, None)
    seen = here.monitor("n1")
    assert seen.code == DEGRADED
    assert any(f"{SINGAPORE}: {cloud.id(name)}: had a route" in seen.stderr for name in tables)
    assert "(and 1 more)" in seen.stderr
    told = here.start("n1")
    assert (told.code, cloud.writes(told)) == (OK, [])
    seen = here.monitor("n1")
    assert (seen.code, seen.stderr) == (OK, "")


LOSSES = {
    "R5-stolen": (_to(_eni("n3"), *OWN), ROUTE),
    "R6-deleted": (_to(_nowhere, *OWN), f"{ROUTE}"),
    "R7-address": (lambda cloud: cloud.remove("n1", VIP), f"{VIP} is on no network interface"),
}


@pytest.mark.parametrize("drift", ["report", "repair"])
@pytest.mark.parametrize("loss", LOSSES)
def test_loss_is_seen_and_never_taken_back(
    here: Runner, cloud: Transit, loss: str, drift: str
) -> None:
    arrange, says = LOSSES[loss]
    arrange(cloud)
    before = cloud.targets()
    for seen in looks(here, "n1", on_drift=drift):
        assert (seen.code, cloud.writes(seen)) == (NOT_RUNNING, [])
        assert says in seen.reason
    assert cloud.targets() == before


def test_interface_that_was_deleted_is_seen(here: Runner, cloud: Transit) -> None:
    """R3: the own routes lead to an ENI that is gone, while the address is here."""
    eni = cloud.loose_eni(TOKYO)
    cloud.lead_all(dict.fromkeys(OWN, eni))
    cloud.ec2("DeleteNetworkInterface", NetworkInterfaceId=eni)
    seen = here.monitor("n1")
    assert seen.code == NOT_RUNNING
    assert "blackhole" in seen.reason
    assert here.start("n1").code == OK
    assert cloud.targets() == cloud.wanted("n1")


def test_depth_10_sees_the_check_of_the_interface(here: Runner, cloud: Transit) -> None:
    eni = cloud.eni("n1")
    cloud.set_check(eni, True)
    try:
        assert here.monitor("n1").code == OK
        deep = here.monitor("n1", depth=10)
        assert deep.code == DEGRADED
        assert eni in deep.reason
        again = here.start("n1", disable_source_dest_check="true")
        assert "ModifyNetworkInterfaceAttribute" in again.calls()
        assert here.monitor("n1", depth=10).code == OK
    finally:
        cloud.set_check(eni, False)


# --- routes that are missing ----------------------------------------------------------------


MISSING = [f"{SINGAPORE}/hub/vpcs", f"{TOKYO}/hub/peers"]


@pytest.mark.parametrize("table", MISSING)
@pytest.mark.parametrize("route", [ROUTE, ROUTE6])
def test_command_of_the_message_mends_a_missing_route(
    vip: Runner, cloud: Transit, table: str, route: str
) -> None:
    ip = route.partition("/")[0]
    cloud.lead(table, None, route)
    started = vip.start("n1", ip=ip)
    assert started.code == OK
    seen = vip.monitor("n1", ip=ip)
    assert (seen.code, cloud.writes(seen)) == (DEGRADED, [])
    checked = vip("n1", "validate-all", depth=10, ip=ip)
    assert checked.code == WRONG
    assert "validate-all tells what mends it" in seen.stderr
    (command,) = commands(started.stderr)
    assert commands(checked.stderr) == [command]
    cloud.lab.exec("n1", *command.split())
    assert cloud.targets(route) == cloud.wanted("n1", route)
    mended = vip.monitor("n1", ip=ip)
    assert (mended.code, mended.stderr) == (OK, "")


@pytest.mark.parametrize("table", MISSING)
def test_create_routes_creates_what_gateways_lack(vip: Runner, cloud: Transit, table: str) -> None:
    cloud.lead(table, None)
    started = vip.start("n1", create_routes="true")
    assert (started.code, started.stderr) == (OK, "")
    assert sorted(cloud.writes(started)) == ["CreateTransitGatewayRoute", *OWN_TABLES]
    assert cloud.targets() == cloud.wanted("n1")
    assert vip.monitor("n1", create_routes="true").code == OK


def test_create_routes_repairs_when_told(here: Runner, cloud: Transit) -> None:
    cloud.lead(MISSING[0], None)
    both = {"create_routes": "true", "on_drift": "repair"}
    assert here.monitor("n1", create_routes="true").code == DEGRADED
    repaired = here.monitor("n1", **both)
    assert (repaired.code, cloud.writes(repaired)) == (OK, ["CreateTransitGatewayRoute"])
    assert cloud.targets() == cloud.wanted("n1")


@pytest.mark.parametrize("create", ["false", "true"])
def test_no_route_in_the_own_vpc_is_wrong_for_its_nodes_only(
    vip: Runner, cloud: Transit, create: str
) -> None:
    cloud.lead_all(dict.fromkeys((f"{OSAKA}/main/private-a", f"{OSAKA}/main/private-c")))
    before = cloud.targets()
    failed = vip.start("n2", create_routes=create)
    assert (failed.code, cloud.writes(failed)) == (WRONG_HERE, [])
    assert f"--destination-cidr-block {ROUTE}" in failed.stderr
    assert "aws ec2 create-route " in failed.stderr
    assert (cloud.targets(), cloud.has("n2")) == (before, False)
    assert vip.start("n1").code == OK, "a node whose VPC has the route starts"


@pytest.fixture
def announced(cloud: Transit) -> Iterator[str]:
    """A gateway's table that has the route from a router behind it, and none of its own."""
    table = f"{SINGAPORE}/hub/vpcs"
    cloud.lead(table, None)
    known = cloud.id(table)
    announce = cloud.lab.control.announce
    announce(SINGAPORE, known, ROUTE, cloud.attachment(SINGAPORE, "peering", OSAKA))
    yield table
    announce(SINGAPORE, known, ROUTE, None)


def test_propagated_route_is_reported_with_the_command(
    vip: Runner, cloud: Transit, announced: str
) -> None:
    started = vip.start("n1")
    assert (started.code, cloud.writes(started)) == (OK, OWN_TABLES)
    seen = vip.monitor("n1", on_drift="repair")
    assert (seen.code, cloud.writes(seen)) == (DEGRADED, [])
    for outcome in (started, seen):
        assert cloud.id(announced) in outcome.stderr
    assert "propagated" in seen.stderr
    (command,) = commands(started.stderr)
    cloud.lab.exec("n1", *command.split())
    assert cloud.targets() == cloud.wanted("n1")
    mended = vip.monitor("n1")
    assert (mended.code, mended.stderr) == (OK, "")


# --- writes that are refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "call", "match"),
    [
        (f"{OSAKA}/main/private-a", "ReplaceRoute", "RouteTableId"),
        (f"{OSAKA}/hub/vpcs", "ReplaceTransitGatewayRoute", "TransitGatewayRouteTableId"),
    ],
)
@pytest.mark.parametrize("kind", ["denied", "e500"])
def test_one_table_of_the_own_region_refuses(
    vip: Runner, cloud: Transit, table: str, call: str, match: str, kind: str
) -> None:
    """R1: the start fails and says which, and the other three are done."""
    bad = cloud.id(table)
    before = cloud.targets()
    cloud.lab.fault("ec2", kind, action=call, match={match: bad})
    failed = vip.start("n2", timeout_ms=SHORT_MS)
    assert failed.code == FAILED
    assert bad in failed.reason
    wanted = {
        name: before[name] if name == table else target
        for name, target in cloud.wanted("n2").items()
        if name.startswith(OSAKA)
    }
    assert {name: to for name, to in cloud.targets().items() if name.startswith(OSAKA)} == wanted


@pytest.mark.parametrize(
    ("table", "call", "match"),
    [
        (f"{TOKYO}/main/private-a", "ReplaceRoute", "RouteTableId"),
        (f"{SINGAPORE}/hub/vpcs", "ReplaceTransitGatewayRoute", "TransitGatewayRouteTableId"),
    ],
)
def test_refused_in_another_region_is_a_warning(
    vip: Runner, cloud: Transit, table: str, call: str, match: str
) -> None:
    bad = cloud.id(table)
    before = cloud.targets()
    cloud.lab.fault("ec2", "denied", action=call, match={match: bad})
    started = vip.start("n2")
    assert started.code == OK
    (warning,) = started.stderr.splitlines()
    assert warning.startswith("WARNING: ")
    assert f"ec2:{call}" in warning
    assert bad in started.stderr + vip.log("n2")
    assert cloud.targets() == cloud.wanted("n2") | {table: before[table]}
    for drift in ("report", "repair"):
        seen = vip.monitor("n2", on_drift=drift)
        assert seen.code == DEGRADED
        assert bad in seen.stderr
        assert table.partition("/")[0] in seen.stderr
    cloud.lab.clear_faults()
    assert vip.monitor("n2", on_drift="repair").code == OK
    assert cloud.targets() == cloud.wanted("n2")


def test_reads_of_another_region_are_denied(vip: Runner, cloud: Transit) -> None:
    cloud.lab.fault("ec2", "denied", region=SINGAPORE)
    started = vip.start("n2")
    assert started.code == OK
    assert "IAM denies ec2:" in started.stderr
    seen = vip.monitor("n2")
    assert seen.code == DEGRADED
    assert SINGAPORE in seen.stderr
    cloud.lab.clear_faults()
    assert vip.monitor("n2", on_drift="repair").code == OK
    assert cloud.targets() == cloud.wanted("n2")


# --- ends before its time ------------------------------------------------------------------


CALLS = ["DescribeRouteTables", "SearchTransitGatewayRoutes", "ReplaceTransitGatewayRoute"]


@pytest.mark.parametrize("call", CALLS)
def test_signal_ends_a_start_at_once(vip: Runner, cloud: Transit, call: str) -> None:
    running = vip.held("n2", "start", call)
    running.signal(signal.SIGTERM)
    until(running.ended, END_TIMEOUT_S, "the start to end")
    ended = vip.end(running)
    assert ended.code == FAILED
    assert "signal" in ended.reason
    vip.lab.clear_faults()
    assert vip.start("n1").code == OK
    assert cloud.targets() == cloud.wanted("n1")


@pytest.mark.parametrize("call", CALLS)
def test_start_elsewhere_after_a_killed_start(vip: Runner, cloud: Transit, call: str) -> None:
    running = vip.held("n2", "start", call)
    running.kill()
    vip.lab.clear_faults()
    assert vip.stop("n2").code == OK
    assert vip.start("n1").code == OK
    assert (cloud.targets(), cloud.has("n2")) == (cloud.wanted("n1"), False)


def test_few_descriptors_are_enough(vip: Runner, cloud: Transit) -> None:
    assert vip.start("n2", ip=BOTH, wrapper=["prlimit", "--nofile=16"]).code == OK
    for route in (ROUTE, ROUTE6):
        assert cloud.targets(route) == cloud.wanted("n2", route)
