# SPDX-License-Identifier: GPL-2.0-or-later
"""Following routes over regions: what the lab says of a snapshot of AWS's state, and of broken ones."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lab import reach
from lab.topology import OSAKA, REGION, SINGAPORE, VIP, VIP6, describe
from standalone import running

ROUTE = f"{VIP}/32"
Snapshot = dict[str, Any]


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Snapshot]]:
    """The state of AWS in both scenarios; each test breaks a copy of its own."""
    found = {}
    for scenario in ("regions", "regions-chain"):
        with running(tmp_path_factory.mktemp("aws"), describe("pytest", scenario, 2)) as aws:
            found[scenario] = aws.control.state()
    yield found


@pytest.fixture
def mesh(snapshots: dict[str, Snapshot]) -> Snapshot:
    return copy.deepcopy(snapshots["regions"])


@pytest.fixture
def chain(snapshots: dict[str, Snapshot]) -> Snapshot:
    return copy.deepcopy(snapshots["regions-chain"])


def _table(snapshot: Snapshot, region: str, name: str) -> dict[str, Any]:
    """A route table by the name that reach gives it."""
    content, (owner, _, table) = snapshot["regions"][region], name.partition("/")
    if owner == "main":
        return next(item for item in content["route_tables"] if item["name"] == table)
    (gateway,) = content["transit_gateways"]
    return next(item for item in gateway["tables"] if item["name"] == table)


def _route(snapshot: Snapshot, region: str, name: str, destination: str = ROUTE) -> dict[str, Any]:
    routes = _table(snapshot, region, name)["routes"]
    return next(item for item in routes if item["destination"] == destination)


def _attachment(snapshot: Snapshot, region: str, to: str | None) -> dict[str, Any]:
    """The attachment of a region's VPC (None), or the one to another region."""
    attachments = snapshot["regions"][region]["tgw_attachments"]
    return next(item for item in attachments if item["peer_region"] == to)


def _eni(snapshot: Snapshot, node: str) -> dict[str, Any]:
    regions = snapshot["regions"].values()
    return next(eni for region in regions for eni in region["enis"] if eni["node"] == node)


@pytest.mark.parametrize("scenario", ["regions", "regions-chain"])
@pytest.mark.parametrize("destination", [ROUTE, f"{VIP6}/128"])
def test_follow_new_lab_twelve_tables_lead_to_n1(
    snapshots: dict[str, Snapshot], scenario: str, destination: str
) -> None:
    """Two tables of the VPC and two of the gateway in each region."""
    found = reach.follow(snapshots[scenario], destination)
    assert list(found) == [REGION, OSAKA, SINGAPORE]
    for ways in found.values():
        assert set(ways) == {"main/private-a", "main/private-c", "hub/vpcs", "hub/peers"}
        assert {way.node for way in ways.values()} == {"n1"}


def test_follow_two_hops_says_every_table_on_the_way(chain: Snapshot) -> None:
    """From Singapore to Osaka by way of Tokyo."""
    to_osaka = _attachment(chain, REGION, OSAKA)["id"]
    for name in ("hub/vpcs", "hub/peers"):
        _route(chain, REGION, name)["attachment"] = to_osaka
        _route(chain, OSAKA, name)["attachment"] = _attachment(chain, OSAKA, None)["id"]
    _route(chain, OSAKA, "main/private-a")["target"] = _eni(chain, "n2")["id"]
    way = reach.follow(chain, ROUTE)[SINGAPORE]["main/private-c"]
    assert way.node == "n2"
    assert way.tables == (
        f"{SINGAPORE} main/private-c",
        f"{SINGAPORE} hub/vpcs",
        f"{REGION} hub/peers",
        f"{OSAKA} hub/peers",
        f"{OSAKA} main/private-a",
    )


def test_follow_route_of_one_address_missing_longer_prefix_decides(mesh: Snapshot) -> None:
    """Only tables with the very route are asked; what others do with the packet still counts."""
    vpcs = _table(mesh, OSAKA, "hub/vpcs")
    vpcs["routes"].remove(_route(mesh, OSAKA, "hub/vpcs"))
    vpcs["routes"].append(
        {**_route(mesh, OSAKA, "hub/peers"), "destination": "10.1.0.0/16"},
    )
    found = reach.follow(mesh, ROUTE)[OSAKA]
    assert "hub/vpcs" not in found
    assert found["main/private-a"].node == "n1"


def test_follow_static_and_propagated_the_static_one_counts(mesh: Snapshot) -> None:
    """Of two routes to one destination AWS uses the static one, wherever it stands."""
    routes = _table(mesh, SINGAPORE, "hub/vpcs")["routes"]
    announced = _attachment(mesh, SINGAPORE, None)["id"]
    propagated = {**_route(mesh, SINGAPORE, "hub/vpcs"), "attachment": announced}
    for place in (0, len(routes)):
        routes.insert(place, {**propagated, "type": "propagated"})
        assert reach.follow(mesh, ROUTE)[SINGAPORE]["main/private-a"].node == "n1"
        routes.pop(place)


def _blackhole(snapshot: Snapshot) -> None:
    _route(snapshot, OSAKA, "hub/vpcs")["state"] = "blackhole"


def _no_route(snapshot: Snapshot) -> None:
    table = _table(snapshot, REGION, "hub/peers")
    table["routes"].remove(_route(snapshot, REGION, "hub/peers"))


def _vpc_detached(snapshot: Snapshot) -> None:
    _attachment(snapshot, OSAKA, None)["state"] = "deleted"


def _arrival_detached(snapshot: Snapshot) -> None:
    _attachment(snapshot, REGION, None)["state"] = "deleted"


def _peering_gone_here(snapshot: Snapshot) -> None:
    _attachment(snapshot, OSAKA, REGION)["state"] = "deleting"


def _peering_gone_there(snapshot: Snapshot) -> None:
    attachments = snapshot["regions"][REGION]["tgw_attachments"]
    attachments.remove(_attachment(snapshot, REGION, OSAKA))


def _not_associated(snapshot: Snapshot) -> None:
    _attachment(snapshot, REGION, OSAKA)["table"] = None


def _loop(snapshot: Snapshot) -> None:
    _route(snapshot, REGION, "hub/peers")["attachment"] = _attachment(snapshot, REGION, OSAKA)["id"]


def _check_on(snapshot: Snapshot) -> None:
    _eni(snapshot, "n1")["source_dest_check"] = True


def _stopped(snapshot: Snapshot) -> None:
    _eni(snapshot, "n1")["instance_state"] = "stopped"


def _interface_free(snapshot: Snapshot) -> None:
    _eni(snapshot, "n1")["node"] = None


def _interface_gone(snapshot: Snapshot) -> None:
    snapshot["regions"][REGION]["enis"].remove(_eni(snapshot, "n1"))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (_blackhole, (f"{OSAKA} hub/vpcs", ROUTE, "blackhole")),
        (_no_route, (f"{REGION} hub/peers", VIP, "no route")),
        (_vpc_detached, (f"{OSAKA} main/private-a", "no available attachment", "tgw-")),
        (_arrival_detached, (f"{REGION} hub/peers", "not available", "tgw-attach-")),
        (_peering_gone_here, (f"{OSAKA} hub/vpcs", "not available", "tgw-attach-")),
        (_peering_gone_there, (f"{OSAKA} hub/vpcs", REGION, "no available peering")),
        (_not_associated, (REGION, "tgw-attach-", "no route table")),
        (_loop, ("loop", f"{REGION} hub/peers")),
        (_check_on, ("n1", "source/destination check")),
        (_stopped, ("n1", "stopped")),
        (_interface_free, ("eni-", "no machine's")),
        (_interface_gone, (f"{REGION} main/private-a", "eni-", "no interface")),
    ],
)
def test_follow_broken_link_nowhere_and_why(
    mesh: Snapshot, break_it: Callable[[Snapshot], None], says: tuple[str, ...]
) -> None:
    """What breaks the way from Osaka to n1, and how it is named."""
    break_it(mesh)
    way = reach.follow(mesh, ROUTE)[OSAKA]["main/private-a"]
    assert way.node is None
    for word in says:
        assert word in way.reason


def test_addresses_single_addresses_of_both_families(mesh: Snapshot) -> None:
    assert reach.addresses(mesh) == [ROUTE, f"{VIP6}/128"]
