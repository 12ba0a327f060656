# SPDX-License-Identifier: GPL-2.0-or-later
"""Transit Gateways and several regions in the lab's AWS: what EC2 answers, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from standalone import Aws, running

ROLE = "ocf-aws-node"
ACCOUNT = "123456789012"
TOKYO, OSAKA, SINGAPORE = "ap-northeast-1", "ap-northeast-3", "ap-southeast-1"
VIP, VIP6 = "10.1.0.10/32", "2001:db8:200::10/128"
NETS = {TOKYO: (0, 100), OSAKA: (2, 102), SINGAPORE: (4, 104)}
FIRST, SECOND = "i-0a000000000000001", "i-0a000000000000002"


def _vpc(region: str) -> dict[str, Any]:
    second, third = NETS[region]
    subnets = {
        f"private-{zone}": {
            "cidr": f"10.{second}.{number}.0/24",
            "az": f"{region}{zone}",
            "cidr6": f"2001:db8:{third}:{number}::/64",
        }
        for zone, number in (("a", 2), ("c", 4))
    }
    target = "n1" if region == TOKYO else "tgw:hub"
    tables = {name: {"subnets": [name], "routes": {VIP: target, VIP6: target}} for name in subnets}
    return {
        "cidr": f"10.{second}.0.0/16",
        "cidr6": f"2001:db8:{third}::/56",
        "subnets": subnets,
        "route_tables": tables,
    }


def _region(region: str) -> dict[str, Any]:
    to = "vpc:main" if region == TOKYO else f"peering:{TOKYO}/hub"
    routes = {VIP: to, VIP6: to}
    hub = {
        "vpcs": {"main": {"table": "vpcs", "subnets": ["private-a", "private-c"]}},
        "route_tables": {
            "vpcs": {"routes": routes},
            "peers": {"routes": dict(routes), "propagated": ["main"]},
        },
    }
    return {"vpcs": {"main": _vpc(region)}, "transit_gateways": {"hub": hub}}


def _machine(region: str, host: int, **more: Any) -> dict[str, Any]:
    second, third = NETS[region]
    return {
        "region": region,
        "vpc": "main",
        "subnet": "private-a",
        "ip": f"10.{second}.2.{host}",
        "ip6": f"2001:db8:{third}:2::{host}",
        **more,
    }


def _lab() -> dict[str, Any]:
    regions = {region: _region(region) for region in NETS}
    # A second gateway in Tokyo, whose other routes nothing in this lab can change.
    second = {
        "vpcs": {},
        "route_tables": {
            "main": {
                "routes": {
                    "192.0.2.0/24": f"peering:{TOKYO}/hub",
                    "203.0.113.0/24": "blackhole",
                    "198.51.100.0/24": {"propagated": f"peering:{TOKYO}/hub"},
                }
            }
        },
    }
    regions[TOKYO]["transit_gateways"]["second"] = second
    pairs = [(TOKYO, OSAKA), (OSAKA, SINGAPORE), (TOKYO, SINGAPORE)]
    peerings = [
        {"from": f"{one}/hub", "to": f"{two}/hub", "tables": ["peers", "peers"]}
        for one, two in pairs
    ]
    peerings.append({"from": f"{TOKYO}/hub", "to": f"{TOKYO}/second", "tables": ["peers", "main"]})
    return {
        "name": "pytest",
        "api_net": "198.18.0.0/24",
        "regions": regions,
        "peerings": peerings,
        "nodes": {
            "n1": _machine(TOKYO, 10, role=ROLE, instance=FIRST, source_dest_check=False),
            "n2": _machine(OSAKA, 10, role=ROLE, instance=SECOND, source_dest_check=False),
        },
        "clients": {"singapore": _machine(SINGAPORE, 100)},
    }


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running(tmp_path_factory.mktemp("aws"), _lab()) as daemon:
        yield daemon


def _hub(aws: Aws, region: str, name: str = "hub") -> dict[str, Any]:
    return aws.topology["regions"][region]["transit_gateways"][name]


def _state(aws: Aws, region: str) -> dict[str, Any]:
    return aws.control.state()["regions"][region]


# What lab.json asks for.


def test_instances_have_the_ids_asked_for(aws: Aws) -> None:
    assert [aws.instance("n1"), aws.instance("n2")] == [FIRST, SECOND]
    answer = aws.control.aws(OSAKA, "ec2", "DescribeInstances", InstanceIds=[SECOND])
    assert answer["Reservations"][0]["Instances"][0]["InstanceId"] == SECOND
    assert aws.metadata("meta-data/instance-id", "n1") == FIRST


def test_the_state_has_gateways_tables_and_attachments(aws: Aws) -> None:
    found = _state(aws, OSAKA)
    hub, tokyo = _hub(aws, OSAKA), _hub(aws, TOKYO)
    peering = next(p for p in aws.topology["peerings"] if p["to"] == f"{OSAKA}/hub")
    (mine,) = set(peering["attachments"])
    vpc = hub["vpcs"]["main"]["attachment"]
    attachments = {item["id"]: item for item in found["tgw_attachments"]}
    assert attachments[mine] == {
        "id": mine,
        "tgw": hub["id"],
        "type": "peering",
        "resource": tokyo["id"],
        "table": hub["route_tables"]["peers"]["id"],
        "state": "available",
        "peer_region": TOKYO,
        "subnets": [],
    }
    assert attachments[vpc]["table"] == hub["route_tables"]["vpcs"]["id"]
    assert attachments[vpc]["peer_region"] is None
    (gateway,) = found["transit_gateways"]
    assert (gateway["id"], gateway["name"]) == (hub["id"], "hub")
    tables = {table["name"]: table for table in gateway["tables"]}
    assert tables["vpcs"]["associations"] == [vpc]
    routes = {route["destination"]: route for route in tables["peers"]["routes"]}
    static = {"attachment": mine, "type": "static", "state": "active"}
    assert routes[VIP] == {"destination": VIP, **static}
    assert routes[VIP6] == {"destination": VIP6, **static}
    assert routes["10.2.0.0/16"]["attachment"] == vpc
    assert routes["10.2.0.0/16"]["type"] == "propagated"
    assert routes["2001:db8:102::/56"]["type"] == "propagated"
    private = next(item for item in found["route_tables"] if item["name"] == "private-a")
    targets = {route["destination"]: route["target"] for route in private["routes"]}
    assert targets[VIP] == targets[VIP6] == hub["id"]


def test_a_region_has_addresses_of_its_own(aws: Aws) -> None:
    services = aws.topology["services"]
    addresses = [item["address"] for item in services]
    assert len(set(addresses)) == len(addresses)
    for region in NETS:
        mine = {item["service"] for item in services if item["region"] == region}
        assert mine == {"ec2", "sts", "elasticloadbalancing"}
