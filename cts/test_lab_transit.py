# SPDX-License-Identifier: GPL-2.0-or-later
"""Transit Gateways and several regions in the lab's AWS: what EC2 answers, and what is refused."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import botocore.exceptions
import pytest
from lab.aws.client import ControlError
from lab.aws.cloud import Cloud
from lab.aws.endpoints import resolve
from lab.aws.faults import AWS_KINDS, WIRE_KINDS, FaultTable
from lab.aws.labjson import LabError
from lab.aws.seed import Seeder
from lab.state import until
from moto.backends import get_backend
from standalone import Aws, allow, refused, running

ROLE = "ocf-aws-node"
ACCOUNT = "123456789012"
TOKYO, OSAKA, SINGAPORE = "ap-northeast-1", "ap-northeast-3", "ap-southeast-1"
VIP, VIP6 = "10.1.0.10/32", "2001:db8:200::10/128"
NETS = {TOKYO: (0, 100), OSAKA: (2, 102), SINGAPORE: (4, 104)}
WAIT_S = 10
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


def _state(aws: Aws, region: str) -> dict[str, Any]:
    return aws.control.state()["regions"][region]


class Ec2:
    """AWS as the role of n1 sees it: a client for each region, and what lab.json's names mean."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.clients = {region: aws.client(region=region) for region in NETS}
        self.tokyo = self.clients[TOKYO]

    def hub(self, region: str = TOKYO, name: str = "hub") -> dict[str, Any]:
        return self.aws.topology["regions"][region]["transit_gateways"][name]

    def gateway(self, region: str = TOKYO, name: str = "hub") -> str:
        return self.hub(region, name)["id"]

    def table(self, name: str, region: str = TOKYO, hub: str = "hub") -> str:
        return self.hub(region, hub)["route_tables"][name]["id"]

    def vpc_attachment(self, region: str = TOKYO) -> str:
        return self.hub(region)["vpcs"]["main"]["attachment"]

    def peering(self, one: str, other: str) -> list[str]:
        """The attachments of both sides of a peering."""
        peerings = self.aws.topology["peerings"]
        ends = (one, other)
        return next(p["attachments"] for p in peerings if (p["from"], p["to"]) == ends)

    def vpc(self, region: str = TOKYO) -> str:
        return self.aws.topology["regions"][region]["vpcs"]["main"]["id"]

    def private(self, region: str = TOKYO) -> str:
        """The route table private-a."""
        vpc = self.aws.topology["regions"][region]["vpcs"]["main"]
        return vpc["route_tables"]["private-a"]["id"]

    def routes(self, table: str, *filters: tuple[str, str]) -> dict[str, dict[str, Any]]:
        """The routes of a Transit Gateway route table in Tokyo."""
        chosen = filters or (("type", "*"),)
        answer = self.tokyo.search_transit_gateway_routes(
            TransitGatewayRouteTableId=table,
            Filters=[{"Name": name, "Values": [value]} for name, value in chosen],
        )
        assert answer["AdditionalRoutesAvailable"] is False
        return {route["DestinationCidrBlock"]: route for route in answer["Routes"]}

    def create(self, table: str, destination: str, attachment: str | None, **more: Any) -> Any:
        return self._write("create", table, destination, attachment, more)

    def replace(self, table: str, destination: str, attachment: str | None, **more: Any) -> Any:
        return self._write("replace", table, destination, attachment, more)

    def _write(
        self, verb: str, table: str, destination: str, attachment: str | None, more: dict[str, Any]
    ) -> Any:
        method = getattr(self.tokyo, f"{verb}_transit_gateway_route")
        target = {"TransitGatewayAttachmentId": attachment} if attachment else {}
        return method(
            TransitGatewayRouteTableId=table, DestinationCidrBlock=destination, **target, **more
        )

    def delete(self, table: str, destination: str, **more: Any) -> Any:
        return self.tokyo.delete_transit_gateway_route(
            TransitGatewayRouteTableId=table, DestinationCidrBlock=destination, **more
        )


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running(tmp_path_factory.mktemp("aws"), _lab()) as daemon:
        daemon.control.set_policy(ROLE, [allow("ec2:*")])
        yield daemon


@pytest.fixture(scope="module")
def _clients(aws: Aws) -> Ec2:
    return Ec2(aws)


@pytest.fixture
def ec2(aws: Aws, _clients: Ec2) -> Iterator[Ec2]:
    """AWS without faults; tests make what they change."""
    yield _clients
    aws.control.clear_faults()
    aws.control.settings(read_delay_s=0, quotas=True)
    aws.control.set_policy(ROLE, [allow("ec2:*")])


@pytest.fixture
def table(ec2: Ec2) -> Iterator[str]:
    """An empty route table of Tokyo's hub."""
    asked = {"TransitGatewayId": ec2.gateway()}
    answer = ec2.tokyo.create_transit_gateway_route_table(**asked)
    made = answer["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    yield made
    named = {"TransitGatewayRouteTableId": made}
    ec2.aws.control.aws(TOKYO, "ec2", "DeleteTransitGatewayRouteTable", **named)


@pytest.fixture
def attachment(ec2: Ec2) -> Iterator[str]:
    """An attachment of a VPC of its own to Tokyo's hub, with its subnet."""
    tokyo = ec2.tokyo
    vpc = tokyo.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnet = tokyo.create_subnet(VpcId=vpc, CidrBlock="10.8.1.0/24")["Subnet"]["SubnetId"]
    answer = tokyo.create_transit_gateway_vpc_attachment(
        TransitGatewayId=ec2.gateway(), VpcId=vpc, SubnetIds=[subnet]
    )
    made = answer["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    yield made
    control = ec2.aws.control
    states = {item["id"]: item["state"] for item in _state(ec2.aws, TOKYO)["tgw_attachments"]}
    if states[made] == "available":
        named = {"TransitGatewayAttachmentId": made}
        control.aws(TOKYO, "ec2", "DeleteTransitGatewayVpcAttachment", **named)
    control.aws(TOKYO, "ec2", "DeleteSubnet", SubnetId=subnet)
    control.aws(TOKYO, "ec2", "DeleteVpc", VpcId=vpc)


# What lab.json asks for.


def test_instances_have_the_ids_asked_for(aws: Aws) -> None:
    assert [aws.instance("n1"), aws.instance("n2")] == [FIRST, SECOND]
    answer = aws.control.aws(OSAKA, "ec2", "DescribeInstances", InstanceIds=[SECOND])
    assert answer["Reservations"][0]["Instances"][0]["InstanceId"] == SECOND
    assert aws.metadata("meta-data/instance-id", "n1") == FIRST


def test_the_state_has_gateways_tables_and_attachments(aws: Aws, ec2: Ec2) -> None:
    found = _state(aws, OSAKA)
    hub, tokyo = ec2.hub(OSAKA), ec2.hub()
    (mine,) = set(ec2.peering(f"{TOKYO}/hub", f"{OSAKA}/hub"))
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


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """AWS's state in this process, empty."""
    regions = get_backend("ec2")[ACCOUNT]
    regions.reset()
    yield Cloud()
    regions.reset()


def _without(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(lab: dict[str, Any]) -> None:
        place = lab
        for part in path[:-1]:
            place = place[part]
        del place[path[-1]]

    return change


def _with(value: Any, *path: str) -> Callable[[dict[str, Any]], None]:
    def change(lab: dict[str, Any]) -> None:
        place = lab
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return change


_HUB = ("regions", TOKYO, "transit_gateways", "hub")
_ROUTES = (*_HUB, "route_tables", "vpcs", "routes")
_TABLES = ("regions", TOKYO, "vpcs", "main", "route_tables")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_with("i-1", "nodes", "n1", "instance"), "'n1': instance 'i-1' is no id"),
        (_without(*_HUB, "vpcs"), f"Transit Gateway {TOKYO}/hub has no 'vpcs'"),
        (_without(*_HUB, "vpcs", "main", "subnets"), "VPC 'main' has no 'subnets'"),
        (_with({"table": "x", "subnets": []}, *_HUB, "vpcs", "x"), "VPC 'x' does not exist"),
        (_with("x", *_HUB, "vpcs", "main", "table"), "'x' does not exist; allowed: vpcs, peers"),
        (_with([{"from": "a"}], "peerings"), "peering has no 'to'"),
        (_with("vpc:x", *_ROUTES, VIP), "VPC 'x' does not exist; allowed: main"),
        (_with("peering:x/hub", *_ROUTES, VIP), "peer 'x/hub' does not exist; allowed: "),
        (_with("n1", *_ROUTES, VIP), "target 'n1' is none; allowed: vpc:NAME"),
        (_with({}, *_ROUTES, VIP), f"route {VIP} has no 'propagated'"),
        (_with("tgw:x", *_TABLES, "private-a", "routes", VIP), "'x' does not exist; allowed: hub"),
    ],
)
def test_lab_json_is_checked(
    cloud: Cloud, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    lab = _lab()
    change(lab)
    seeder = Seeder(cloud, lab)
    with pytest.raises(LabError) as caught:
        seeder.check()
        seeder.build(resolve(list(lab["regions"]), lab["api_net"]))
    assert complaint in str(caught.value)


# Describing.


def _found(answer: dict[str, Any], key: str) -> list[str]:
    (items,) = [value for value in answer.values() if isinstance(value, list)]
    return sorted(item[key] for item in items)


def test_gateways_are_found_by_id_and_filter(ec2: Ec2) -> None:
    hub, second = ec2.gateway(), ec2.gateway(name="second")

    def found(**wanted: Any) -> list[str]:
        return _found(ec2.tokyo.describe_transit_gateways(**wanted), "TransitGatewayId")

    assert found() == sorted([hub, second])
    assert found(TransitGatewayIds=[second]) == [second]
    for name, value in {
        "options.amazon-side-asn": "64513",
        "tag:Name": "second",
        "transit-gateway-id": second,
    }.items():
        assert found(Filters=[{"Name": name, "Values": [value]}]) == [second], name
    assert found(Filters=[{"Name": "state", "Values": ["deleted"]}]) == []
    assert found(Filters=[{"Name": "state", "Values": ["deleted", "available"]}]) == found()
    with refused("InvalidTransitGatewayID.NotFound", 400, "tgw-0badc0de0badc0de0"):
        found(TransitGatewayIds=["tgw-0badc0de0badc0de0"])
    with refused("InvalidTransitGatewayID.Malformed", 400):
        found(TransitGatewayIds=["tgw-x"])
    with refused("InvalidParameterValue", 400, "The filter 'colour' is invalid"):
        found(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_a_gateway_is_described_as_on_aws(ec2: Ec2) -> None:
    (found,) = ec2.clients[OSAKA].describe_transit_gateways()["TransitGateways"]
    assert found["TransitGatewayId"] == ec2.gateway(OSAKA)
    assert found["TransitGatewayArn"].startswith(f"arn:aws:ec2:{OSAKA}:{ACCOUNT}:transit-gateway/")
    assert (found["State"], found["OwnerId"]) == ("available", ACCOUNT)
    assert found["Options"]["DefaultRouteTableAssociation"] == "disable"
    assert "AssociationDefaultRouteTableId" not in found["Options"]
    assert found["Tags"] == [{"Key": "Name", "Value": "hub"}]


def test_an_attachment_is_listed_as_each_side_sees_it(ec2: Ec2) -> None:
    def rows(region: str) -> dict[str, dict[str, Any]]:
        answer = ec2.clients[region].describe_transit_gateway_attachments(
            Filters=[{"Name": "resource-type", "Values": ["peering"]}]
        )
        return {
            row["TransitGatewayAttachmentId"]: row for row in answer["TransitGatewayAttachments"]
        }

    (both,) = set(ec2.peering(f"{TOKYO}/hub", f"{OSAKA}/hub"))
    for region, peer in ((TOKYO, OSAKA), (OSAKA, TOKYO)):
        row = rows(region)[both]
        assert row["TransitGatewayId"] == ec2.gateway(region)
        assert row["ResourceId"] == ec2.gateway(peer)
        table = ec2.table("peers", region)
        association = {"TransitGatewayRouteTableId": table, "State": "associated"}
        assert row["Association"] == association
        assert (row["State"], row["ResourceOwnerId"]) == ("available", ACCOUNT)
    mine, theirs = ec2.peering(f"{TOKYO}/hub", f"{TOKYO}/second")
    assert mine != theirs
    sides = {item: rows(TOKYO)[item] for item in (mine, theirs)}
    hub, second = ec2.gateway(), ec2.gateway(name="second")
    assert (sides[mine]["TransitGatewayId"], sides[mine]["ResourceId"]) == (hub, second)
    assert (sides[theirs]["TransitGatewayId"], sides[theirs]["ResourceId"]) == (second, hub)


def test_attachments_are_found_by_filter(ec2: Ec2) -> None:
    main = ec2.vpc_attachment()

    def found(**wanted: Any) -> list[str]:
        answer = ec2.tokyo.describe_transit_gateway_attachments(**wanted)
        return _found(answer, "TransitGatewayAttachmentId")

    def among(name: str, value: str) -> list[str]:
        usable = {"Name": "state", "Values": ["available"]}
        return found(Filters=[{"Name": name, "Values": [value]}, usable])

    for name, value in {
        "association.transit-gateway-route-table-id": ec2.table("vpcs"),
        "resource-id": ec2.vpc(),
        "resource-type": "vpc",
        "tag:Name": "main",
        "transit-gateway-attachment-id": main,
    }.items():
        assert among(name, value) == [main], name
    _, theirs = ec2.peering(f"{TOKYO}/hub", f"{TOKYO}/second")
    assert among("transit-gateway-id", ec2.gateway(name="second")) == [theirs]
    assert found(TransitGatewayAttachmentIds=[theirs]) == [theirs]
    with refused("InvalidTransitGatewayAttachmentID.NotFound", 400, "tgw-attach-0badc0de0badc0de0"):
        found(TransitGatewayAttachmentIds=["tgw-attach-0badc0de0badc0de0"])
    with refused("InvalidTransitGatewayAttachmentID.Malformed", 400):
        found(TransitGatewayAttachmentIds=["tgw-0badc0de0badc0de0"])


def test_vpc_attachments_have_their_subnets(ec2: Ec2) -> None:
    wanted = [{"Name": "vpc-id", "Values": [ec2.vpc()]}]
    (found,) = ec2.tokyo.describe_transit_gateway_vpc_attachments(Filters=wanted)[
        "TransitGatewayVpcAttachments"
    ]
    vpc = ec2.aws.topology["regions"][TOKYO]["vpcs"]["main"]
    assert found["TransitGatewayAttachmentId"] == ec2.vpc_attachment()
    assert found["SubnetIds"] == [subnet["id"] for subnet in vpc["subnets"].values()]
    assert found["Options"]["Ipv6Support"] == "enable"


def test_route_tables_are_found_by_id_and_filter(ec2: Ec2) -> None:
    def found(**wanted: Any) -> list[str]:
        answer = ec2.tokyo.describe_transit_gateway_route_tables(**wanted)
        return _found(answer, "TransitGatewayRouteTableId")

    main = ec2.table("main", hub="second")
    assert found(TransitGatewayRouteTableIds=[main]) == [main]
    for name, value in {
        "transit-gateway-id": ec2.gateway(name="second"),
        "transit-gateway-route-table-id": main,
        "tag:Name": "main",
    }.items():
        assert found(Filters=[{"Name": name, "Values": [value]}]) == [main], name
    default = [{"Name": "default-association-route-table", "Values": ["true"]}]
    assert found(Filters=default) == []
    with refused("InvalidRouteTableID.NotFound", 400, "tgw-rtb-0badc0de0badc0de0"):
        found(TransitGatewayRouteTableIds=["tgw-rtb-0badc0de0badc0de0"])


def test_answers_come_in_pages(ec2: Ec2, table: str) -> None:
    blocks = {f"10.9.{number}.0/24" for number in range(7)}
    for block in blocks:
        ec2.create(table, block, ec2.vpc_attachment())
    asked = {
        "TransitGatewayRouteTableId": table,
        "Filters": [{"Name": "type", "Values": ["static"]}],
        "MaxResults": 5,
    }
    first = ec2.tokyo.search_transit_gateway_routes(**asked)
    assert (len(first["Routes"]), first["AdditionalRoutesAvailable"]) == (5, True)
    rest = ec2.tokyo.search_transit_gateway_routes(**asked, NextToken=first["NextToken"])
    assert rest["AdditionalRoutesAvailable"] is False
    assert "NextToken" not in rest
    routes = first["Routes"] + rest["Routes"]
    assert {route["DestinationCidrBlock"] for route in routes} == blocks
    for operation in (
        "describe_transit_gateways",
        "describe_transit_gateway_attachments",
        "describe_transit_gateway_peering_attachments",
        "describe_transit_gateway_route_tables",
        "describe_transit_gateway_vpc_attachments",
    ):
        method = getattr(ec2.tokyo, operation)
        with refused("InvalidParameterValue", 400, "token x"):
            method(NextToken="x")


def test_route_tables_come_in_pages(ec2: Ec2) -> None:
    asked = {"TransitGatewayId": ec2.gateway(SINGAPORE)}
    client = ec2.clients[SINGAPORE]
    made = [
        client.create_transit_gateway_route_table(**asked)["TransitGatewayRouteTable"]
        for _ in range(4)
    ]
    pages = list(
        client.get_paginator("describe_transit_gateway_route_tables").paginate(MaxResults=5)
    )
    assert [len(page["TransitGatewayRouteTables"]) for page in pages] == [5, 1]
    for item in made:
        named = {"TransitGatewayRouteTableId": item["TransitGatewayRouteTableId"]}
        client.delete_transit_gateway_route_table(**named)


# Searching routes.


def test_routes_say_where_they_lead(ec2: Ec2) -> None:
    exact = ec2.routes(ec2.table("peers"), ("route-search.exact-match", VIP))
    attachment = {
        "ResourceId": ec2.vpc(),
        "TransitGatewayAttachmentId": ec2.vpc_attachment(),
        "ResourceType": "vpc",
    }
    assert exact == {
        VIP: {
            "DestinationCidrBlock": VIP,
            "TransitGatewayAttachments": [attachment],
            "Type": "static",
            "State": "active",
        }
    }
    main = ec2.routes(ec2.table("main", hub="second"))
    _, theirs = ec2.peering(f"{TOKYO}/hub", f"{TOKYO}/second")
    (leads,) = main["192.0.2.0/24"]["TransitGatewayAttachments"]
    assert leads == {
        "ResourceId": ec2.gateway(),
        "TransitGatewayAttachmentId": theirs,
        "ResourceType": "peering",
    }
    hole = main["203.0.113.0/24"]
    assert (hole["State"], hole["Type"]) == ("blackhole", "static")
    assert "TransitGatewayAttachments" not in hole


def test_routes_are_found_by_filter(ec2: Ec2, table: str) -> None:
    main, (peer, _) = ec2.vpc_attachment(), ec2.peering(f"{TOKYO}/hub", f"{OSAKA}/hub")
    for block in ("10.0.0.0/8", "10.20.0.0/16", "10.20.30.0/24", "2001:db8:200::/48", VIP6):
        ec2.create(table, block, main)
    ec2.create(table, "10.20.30.40/32", None, Blackhole=True)
    ec2.create(table, "10.30.0.0/16", peer)

    def found(*filters: tuple[str, str]) -> list[str]:
        return list(ec2.routes(table, *filters))

    def search(how: str, value: str) -> list[str]:
        return found((f"route-search.{how}", value))

    assert search("exact-match", "10.20.0.0/16") == ["10.20.0.0/16"]
    assert search("exact-match", "10.20.0.0/17") == []
    assert search("exact-match", "2001:DB8:200:0::10/128") == [VIP6]
    assert search("longest-prefix-match", "10.20.30.41/32") == ["10.20.30.0/24"]
    assert search("longest-prefix-match", "10.20.30.40") == ["10.20.30.40/32"]
    assert search("longest-prefix-match", "10.20.0.0/15") == ["10.0.0.0/8"]
    assert search("longest-prefix-match", "2001:db8:200::11/128") == ["2001:db8:200::/48"]
    assert search("longest-prefix-match", "192.0.2.1/32") == []
    assert search("subnet-of-match", "10.20.0.0/16") == [
        "10.20.0.0/16",
        "10.20.30.0/24",
        "10.20.30.40/32",
    ]
    assert search("supernet-of-match", "10.20.30.0/24") == [
        "10.0.0.0/8",
        "10.20.0.0/16",
        "10.20.30.0/24",
    ]
    assert found(("state", "blackhole")) == ["10.20.30.40/32"]
    assert found(("type", "propagated")) == []
    assert found(("attachment.transit-gateway-attachment-id", peer)) == ["10.30.0.0/16"]
    assert found(("attachment.resource-id", ec2.gateway(OSAKA))) == ["10.30.0.0/16"]
    assert found(("attachment.resource-type", "peering")) == ["10.30.0.0/16"]
    both = (("route-search.exact-match", "10.20.0.0/16"), ("state", "blackhole"))
    assert found(*both) == []
    with refused("InvalidParameterValue", 400, "The filter 'tag:Name' is invalid"):
        found(("tag:Name", "x"))
    with refused("InvalidParameterValue", 400, "10.0.0"):
        search("exact-match", "10.0.0")
    with refused("InvalidRouteTableID.NotFound", 400, "tgw-rtb-0badc0de0badc0de0"):
        ec2.routes("tgw-rtb-0badc0de0badc0de0")
    with refused("InvalidRouteTableId.Malformed", 400):
        ec2.routes("rtb-0badc0de0badc0de0")


def test_what_clients_do_not_send_is_refused(ec2: Ec2, table: str) -> None:
    def code(action: str, **params: str) -> str:
        sent = {"Action": action, "Version": "2016-11-15", **params}
        status, _, body = ec2.aws.post(sent)
        assert status == 400
        return re.search(rb"<Code>(.*)</Code>", body)[1].decode()

    search = {"action": "SearchTransitGatewayRoutes", "TransitGatewayRouteTableId": table}
    assert code(**search) == "MissingParameter"
    filters = {"Filter.1.Name": "type", "Filter.1.Value.1": "static"}
    assert code(**search, **filters, MaxResults="4") == "InvalidParameterValue"
    assert code(**search, **filters, Colour="red") == "UnknownParameter"
    for action in (
        "DescribeTransitGatewayAttachments",
        "DescribeTransitGatewayPeeringAttachments",
        "DescribeTransitGatewayRouteTables",
    ):
        assert code(action, MaxResults="1001") == "InvalidParameterValue"
    write = {"DestinationCidrBlock": VIP, "TransitGatewayAttachmentId": ec2.vpc_attachment()}
    for action in ("CreateTransitGatewayRoute", "ReplaceTransitGatewayRoute"):
        assert code(action, **write) == "MissingParameter"


# Changing routes.


def test_a_route_is_created_replaced_and_deleted(ec2: Ec2, table: str) -> None:
    main, (peer, _) = ec2.vpc_attachment(), ec2.peering(f"{TOKYO}/hub", f"{OSAKA}/hub")

    def leads(answer: dict[str, Any]) -> str:
        return answer["Route"]["TransitGatewayAttachments"][0]["TransitGatewayAttachmentId"]

    for destination in (VIP, VIP6):
        assert leads(ec2.create(table, destination, main)) == main
        assert leads(ec2.replace(table, destination, peer)) == peer
        (seen,) = ec2.routes(table, ("route-search.exact-match", destination)).values()
        assert seen["TransitGatewayAttachments"][0]["ResourceId"] == ec2.gateway(OSAKA)
        hole = ec2.replace(table, destination, None, Blackhole=True)["Route"]
        assert hole == {"DestinationCidrBlock": destination, "Type": "static", "State": "blackhole"}
        assert ec2.delete(table, destination)["Route"]["State"] == "deleted"
        assert ec2.routes(table) == {}


def test_a_destination_loses_its_host_bits(ec2: Ec2, table: str) -> None:
    ec2.create(table, "10.7.1.1/16", ec2.vpc_attachment())
    assert list(ec2.routes(table)) == ["10.7.0.0/16"]


def test_writes_are_refused_and_destroy_nothing(ec2: Ec2, table: str) -> None:
    main = ec2.vpc_attachment()
    _, foreign = ec2.peering(f"{TOKYO}/hub", f"{TOKYO}/second")
    ec2.create(table, VIP, main)
    before = ec2.routes(table)
    unknown = "tgw-rtb-0badc0de0badc0de0"
    for write in (ec2.create, ec2.replace):
        with refused("InvalidRouteTableID.NotFound", 400, unknown):
            write(unknown, VIP, main)
        attachment = "tgw-attach-0badc0de0badc0de0"
        with refused("InvalidTransitGatewayAttachmentID.NotFound", 400, attachment):
            write(table, VIP, attachment)
        # The attachment of a region is none of another's.
        osaka = ec2.vpc_attachment(OSAKA)
        with refused("InvalidTransitGatewayAttachmentID.NotFound", 400, osaka):
            write(table, VIP, osaka)
        with refused("InvalidParameterValue", 400, "different Transit Gateways"):
            write(table, VIP, foreign)
        with refused("InvalidParameterValue", 400, "not a valid CIDR block"):
            write(table, "10.1.0.10", main)
        with refused("MissingParameter", 400):
            write(table, VIP, None)
        with refused("InvalidParameterCombination", 400):
            write(table, VIP, main, Blackhole=True)
        assert ec2.routes(table) == before
    with refused("RouteAlreadyExists", 400, VIP):
        ec2.create(table, VIP, None, Blackhole=True)
    with refused("InvalidRoute.NotFound", 400, VIP6):
        ec2.replace(table, VIP6, main)
    with refused("InvalidRoute.NotFound", 400, VIP6):
        ec2.delete(table, VIP6)
    with refused("InvalidRouteTableID.NotFound", 400, unknown):
        ec2.delete(unknown, VIP)
    assert ec2.routes(table) == before


def test_dry_runs_change_nothing(ec2: Ec2, table: str) -> None:
    main, peer = ec2.vpc_attachment(), ec2.peering(f"{TOKYO}/hub", f"{OSAKA}/hub")[0]
    ec2.create(table, VIP, main)
    before = ec2.routes(table)
    with refused("DryRunOperation", 412):
        ec2.create(table, VIP6, main, DryRun=True)
    with refused("DryRunOperation", 412):
        ec2.replace(table, VIP, peer, DryRun=True)
    with refused("DryRunOperation", 412):
        ec2.delete(table, VIP, DryRun=True)
    assert ec2.routes(table) == before
    for operation in (
        "describe_transit_gateways",
        "describe_transit_gateway_attachments",
        "describe_transit_gateway_peering_attachments",
        "describe_transit_gateway_route_tables",
    ):
        with refused("DryRunOperation", 412):
            getattr(ec2.tokyo, operation)(DryRun=True)


# Attachments that go, and what leads to them.


def _leave(ec2: Ec2, attachment: str) -> None:
    answer = ec2.tokyo.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachment)
    assert answer["TransitGatewayVpcAttachment"]["State"] == "deleted"


def test_a_route_to_an_attachment_that_is_gone_is_a_blackhole(
    ec2: Ec2, table: str, attachment: str
) -> None:
    ec2.create(table, VIP, attachment)
    assert ec2.routes(table)[VIP]["State"] == "active"
    _leave(ec2, attachment)
    found = ec2.routes(table)[VIP]
    (leads,) = found["TransitGatewayAttachments"]
    assert (found["State"], leads["TransitGatewayAttachmentId"]) == ("blackhole", attachment)
    with refused("IncorrectState", 400, attachment):
        ec2.replace(table, VIP, attachment)
    ec2.replace(table, VIP, ec2.vpc_attachment())
    assert ec2.routes(table)[VIP]["State"] == "active"


def test_a_vpc_can_route_to_a_gateway_it_is_attached_to(ec2: Ec2, attachment: str) -> None:
    hub, tokyo = ec2.gateway(), ec2.tokyo
    (row,) = tokyo.describe_transit_gateway_attachments(TransitGatewayAttachmentIds=[attachment])[
        "TransitGatewayAttachments"
    ]
    vpc = [{"Name": "vpc-id", "Values": [row["ResourceId"]]}]

    def routes() -> dict[str, dict[str, Any]]:
        (found,) = tokyo.describe_route_tables(Filters=vpc)["RouteTables"]
        return {
            route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]: route
            for route in found["Routes"]
        }

    (table,) = _found(tokyo.describe_route_tables(Filters=vpc), "RouteTableId")
    to_hub = {"RouteTableId": table, "TransitGatewayId": hub}
    tokyo.create_route(DestinationCidrBlock=VIP, **to_hub)
    tokyo.create_route(DestinationIpv6CidrBlock=VIP6, **to_hub)
    for destination in (VIP, VIP6):
        found = routes()[destination]
        assert (found["TransitGatewayId"], found["State"]) == (hub, "active")
    filters = [{"Name": "route.transit-gateway-id", "Values": [hub]}, *vpc]
    assert _found(tokyo.describe_route_tables(Filters=filters), "RouteTableId") == [table]
    second = ec2.gateway(name="second")
    for write in (tokyo.replace_route, tokyo.create_route):
        for gateway in (second, "tgw-0badc0de0badc0de0", ec2.gateway(OSAKA)):
            with refused("InvalidTransitGatewayID.NotFound", 400, gateway):
                write(RouteTableId=table, DestinationCidrBlock=VIP, TransitGatewayId=gateway)
    assert routes()[VIP]["TransitGatewayId"] == hub
    tokyo.replace_route(DestinationCidrBlock=VIP, **to_hub)
    _leave(ec2, attachment)
    for destination in (VIP, VIP6):
        found = routes()[destination]
        assert (found["TransitGatewayId"], found["State"]) == (hub, "blackhole")
    with refused("InvalidTransitGatewayID.NotFound", 400, hub):
        tokyo.replace_route(DestinationCidrBlock=VIP, **to_hub)


def test_a_route_moves_between_an_interface_and_a_gateway(aws: Aws, ec2: Ec2) -> None:
    asked = {"RouteTableId": ec2.private(), "DestinationCidrBlock": VIP}
    ec2.tokyo.replace_route(**asked, TransitGatewayId=ec2.gateway())
    routes = aws.routes(ec2.private())
    assert routes[VIP]["TransitGatewayId"] == ec2.gateway()
    assert "NetworkInterfaceId" not in routes[VIP]
    ec2.tokyo.replace_route(**asked, NetworkInterfaceId=aws.eni("n1"))
    routes = aws.routes(ec2.private())
    assert routes[VIP]["NetworkInterfaceId"] == aws.eni("n1")
    assert "TransitGatewayId" not in routes[VIP]


def test_a_vpc_is_attached_once_with_a_subnet_in_each_zone(ec2: Ec2, attachment: str) -> None:
    tokyo = ec2.tokyo
    (row,) = tokyo.describe_transit_gateway_vpc_attachments(
        TransitGatewayAttachmentIds=[attachment]
    )["TransitGatewayVpcAttachments"]
    asked = {"TransitGatewayId": ec2.gateway(), "VpcId": row["VpcId"]}
    attach = tokyo.create_transit_gateway_vpc_attachment
    with refused("DuplicateTransitGatewayAttachment", 400, ec2.gateway()):
        attach(**asked, SubnetIds=row["SubnetIds"])
    private = ec2.aws.topology["regions"][TOKYO]["vpcs"]["main"]["subnets"]["private-a"]["id"]
    with refused("InvalidParameterValue", 400, private):
        attach(**asked, SubnetIds=[private])
    with refused("DuplicateSubnetsInSameZone", 400):
        attach(**asked, SubnetIds=row["SubnetIds"] * 2)
    with refused("InvalidSubnetID.NotFound", 400):
        attach(**asked, SubnetIds=["subnet-0badc0de0badc0de0"])
    with refused("InvalidTransitGatewayID.NotFound", 400, "tgw-0badc0de0badc0de0"):
        attach(
            TransitGatewayId="tgw-0badc0de0badc0de0",
            VpcId=row["VpcId"],
            SubnetIds=row["SubnetIds"],
        )
    # A peering is none of a VPC's attachments.
    peer = ec2.peering(f"{TOKYO}/hub", f"{OSAKA}/hub")[0]
    with refused("InvalidTransitGatewayAttachmentID.NotFound", 400, peer):
        tokyo.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=peer)


# Route tables: associations and propagations.


def test_an_attachment_has_one_table(ec2: Ec2, table: str, attachment: str) -> None:
    tokyo = ec2.tokyo

    def related(table: str) -> dict[str, str]:
        return {"TransitGatewayRouteTableId": table, "TransitGatewayAttachmentId": attachment}

    answer = tokyo.associate_transit_gateway_route_table(**related(table))
    assert answer["Association"]["TransitGatewayRouteTableId"] == table
    with refused("Resource.AlreadyAssociated", 400, attachment):
        tokyo.associate_transit_gateway_route_table(**related(ec2.table("vpcs")))
    found = tokyo.get_transit_gateway_route_table_associations(TransitGatewayRouteTableId=table)
    assert _found(found, "TransitGatewayAttachmentId") == [attachment]
    with refused("IncorrectState", 400, table):
        tokyo.delete_transit_gateway_route_table(TransitGatewayRouteTableId=table)
    with refused("InvalidAssociation.NotFound", 400):
        tokyo.disassociate_transit_gateway_route_table(**related(ec2.table("vpcs")))
    tokyo.disassociate_transit_gateway_route_table(**related(table))
    (row,) = tokyo.describe_transit_gateway_attachments(TransitGatewayAttachmentIds=[attachment])[
        "TransitGatewayAttachments"
    ]
    assert "Association" not in row
    with refused("InvalidParameterValue", 400, "different Transit Gateways"):
        tokyo.associate_transit_gateway_route_table(**related(ec2.table("main", hub="second")))


def test_the_blocks_of_a_vpc_propagate(ec2: Ec2, table: str, attachment: str) -> None:
    tokyo = ec2.tokyo
    main, block = ec2.vpc_attachment(), "10.8.0.0/16"

    def enable(attachment: str) -> None:
        tokyo.enable_transit_gateway_route_table_propagation(
            TransitGatewayRouteTableId=table, TransitGatewayAttachmentId=attachment
        )

    enable(main)
    enable(attachment)
    with refused("TransitGatewayRouteTablePropagation.Duplicate", 400, main):
        enable(main)
    with refused("UnsupportedOperation", 400, "peering"):
        enable(ec2.peering(f"{TOKYO}/hub", f"{OSAKA}/hub")[0])
    found = ec2.routes(table, ("type", "propagated"))
    assert list(found) == ["10.0.0.0/16", block, "2001:db8:100::/56"]
    assert found[block]["TransitGatewayAttachments"][0]["TransitGatewayAttachmentId"] == attachment
    # The first that propagates a destination has it.
    ec2.aws.control.announce(TOKYO, table, block, main)
    found = ec2.routes(table, ("type", "propagated"))
    assert found[block]["TransitGatewayAttachments"][0]["TransitGatewayAttachmentId"] == attachment
    ec2.aws.control.announce(TOKYO, table, block, None)
    # A propagated route is none that could be replaced or deleted; a static one hides it.
    with refused("InvalidRoute.NotFound", 400, block):
        ec2.replace(table, block, main)
    with refused("InvalidRoute.NotFound", 400, block):
        ec2.delete(table, block)
    assert ec2.create(table, block, main)["Route"]["Type"] == "static"
    assert list(ec2.routes(table, ("type", "static"))) == [block]
    ec2.delete(table, block)
    assert ec2.routes(table)[block]["Type"] == "propagated"
    _leave(ec2, attachment)
    assert block not in ec2.routes(table)
    asked = {"TransitGatewayRouteTableId": table}
    found = tokyo.get_transit_gateway_route_table_propagations(**asked)
    assert _found(found, "TransitGatewayAttachmentId") == [main]
    gone = {**asked, "TransitGatewayAttachmentId": main}
    tokyo.disable_transit_gateway_route_table_propagation(**gone)
    assert ec2.routes(table) == {}
    with refused("TransitGatewayRouteTablePropagation.NotFound", 400, main):
        tokyo.disable_transit_gateway_route_table_propagation(**gone)


def test_ipv6_blocks_propagate_with_ipv6_support_alone(
    aws: Aws, ec2: Ec2, table: str, attachment: str
) -> None:
    (row,) = ec2.tokyo.describe_transit_gateway_vpc_attachments(
        TransitGatewayAttachmentIds=[attachment]
    )["TransitGatewayVpcAttachments"]
    assert row["Options"]["Ipv6Support"] == "disable"
    aws.control.aws(
        TOKYO,
        "ec2",
        "AssociateVpcCidrBlock",
        VpcId=row["VpcId"],
        AmazonProvidedIpv6CidrBlock=True,
    )
    ec2.tokyo.enable_transit_gateway_route_table_propagation(
        TransitGatewayRouteTableId=table, TransitGatewayAttachmentId=attachment
    )
    assert list(ec2.routes(table)) == ["10.8.0.0/16"]


def test_a_router_behind_an_attachment_announces_routes(aws: Aws, ec2: Ec2, table: str) -> None:
    main = ec2.vpc_attachment()
    aws.control.announce(TOKYO, table, VIP, main)
    found = ec2.routes(table)[VIP]
    assert (found["Type"], found["State"]) == ("propagated", "active")
    with refused("InvalidRoute.NotFound", 400, VIP):
        ec2.replace(table, VIP, main)
    second = ec2.routes(ec2.table("main", hub="second"), ("type", "propagated"))
    assert list(second) == ["198.51.100.0/24"]
    aws.control.announce(TOKYO, table, VIP, None)
    assert ec2.routes(table) == {}
    _, foreign = ec2.peering(f"{TOKYO}/hub", f"{TOKYO}/second")
    with pytest.raises(ControlError, match=f"attachment: '{foreign}' is not possible"):
        aws.control.announce(TOKYO, table, VIP, foreign)
    with pytest.raises(ControlError, match="table: 'x' is not possible"):
        aws.control.announce(TOKYO, "x", VIP, main)
    with pytest.raises(ControlError, match="region: 'mars' is not possible"):
        aws.control.announce("mars", table, VIP, main)


def test_a_gateway_associates_new_attachments_by_default(ec2: Ec2) -> None:
    osaka = ec2.clients[OSAKA]
    gateway = osaka.create_transit_gateway(Description="a new one")["TransitGateway"]
    default = gateway["Options"]["AssociationDefaultRouteTableId"]
    assert gateway["Options"]["PropagationDefaultRouteTableId"] == default
    named = {"TransitGatewayId": gateway["TransitGatewayId"]}
    subnets = ec2.aws.topology["regions"][OSAKA]["vpcs"]["main"]["subnets"]
    made = osaka.create_transit_gateway_vpc_attachment(
        **named, VpcId=ec2.vpc(OSAKA), SubnetIds=[subnets["private-a"]["id"]]
    )["TransitGatewayVpcAttachment"]
    asked = {"TransitGatewayAttachmentIds": [made["TransitGatewayAttachmentId"]]}
    (row,) = osaka.describe_transit_gateway_attachments(**asked)["TransitGatewayAttachments"]
    assert row["Association"]["TransitGatewayRouteTableId"] == default
    routes = osaka.search_transit_gateway_routes(
        TransitGatewayRouteTableId=default, Filters=[{"Name": "type", "Values": ["propagated"]}]
    )["Routes"]
    assert [route["DestinationCidrBlock"] for route in routes] == ["10.2.0.0/16"]
    with refused("IncorrectState", 400, made["TransitGatewayAttachmentId"]):
        osaka.delete_transit_gateway(**named)
    osaka.delete_transit_gateway_vpc_attachment(
        TransitGatewayAttachmentId=made["TransitGatewayAttachmentId"]
    )
    osaka.delete_transit_gateway(**named)
    with refused("InvalidTransitGatewayID.NotFound", 400):
        osaka.describe_transit_gateways(TransitGatewayIds=[gateway["TransitGatewayId"]])
    with refused("InvalidRouteTableID.NotFound", 400, default):
        osaka.describe_transit_gateway_route_tables(TransitGatewayRouteTableIds=[default])


def test_a_gateway_is_not_modified_here(ec2: Ec2) -> None:
    with refused("UnsupportedOperation", 400):
        ec2.tokyo.modify_transit_gateway(TransitGatewayId=ec2.gateway(), Description="x")


# Peerings.


def _ask(ec2: Ec2, mine: str, peer: str, region: str, **more: Any) -> dict[str, Any]:
    asked = {
        "TransitGatewayId": mine,
        "PeerTransitGatewayId": peer,
        "PeerAccountId": ACCOUNT,
        "PeerRegion": region,
    }
    answer = ec2.tokyo.create_transit_gateway_peering_attachment(**{**asked, **more})
    return answer["TransitGatewayPeeringAttachment"]


def _peering(client: Any, attachment: str) -> dict[str, Any]:
    (found,) = client.describe_transit_gateway_peering_attachments(
        TransitGatewayAttachmentIds=[attachment]
    )["TransitGatewayPeeringAttachments"]
    return found


def test_regions_peer_with_one_attachment_id(ec2: Ec2, table: str) -> None:
    tokyo, osaka = ec2.clients[TOKYO], ec2.clients[OSAKA]
    far = osaka.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    asked = _ask(ec2, ec2.gateway(), far, OSAKA)
    attachment = {"TransitGatewayAttachmentId": asked["TransitGatewayAttachmentId"]}
    (both,) = attachment.values()
    assert asked["State"] == "pendingAcceptance"
    assert "AccepterTransitGatewayAttachmentId" not in asked
    for client in (tokyo, osaka):
        found = _peering(client, both)
        side = {"OwnerId": ACCOUNT}
        mine = {**side, "TransitGatewayId": ec2.gateway(), "Region": TOKYO}
        assert found["RequesterTgwInfo"] == mine
        assert found["AccepterTgwInfo"] == {**side, "TransitGatewayId": far, "Region": OSAKA}
        assert found["State"] == found["Status"]["Code"] == "pendingAcceptance"
    with refused("IncorrectState", 400, both):
        ec2.create(table, VIP, both)
    with refused("InvalidParameterValue", 400, "Cannot accept"):
        tokyo.accept_transit_gateway_peering_attachment(**attachment)
    osaka.accept_transit_gateway_peering_attachment(**attachment)
    with refused("IncorrectState", 400, both):
        osaka.accept_transit_gateway_peering_attachment(**attachment)
    assert [_peering(client, both)["State"] for client in (tokyo, osaka)] == ["available"] * 2
    ec2.create(table, VIP, both)
    assert ec2.routes(table)[VIP]["State"] == "active"
    # Whoever deletes it deletes it for both.
    osaka.delete_transit_gateway_peering_attachment(**attachment)
    assert [_peering(client, both)["State"] for client in (tokyo, osaka)] == ["deleted"] * 2
    assert ec2.routes(table)[VIP]["State"] == "blackhole"
    osaka.delete_transit_gateway(TransitGatewayId=far)


def test_gateways_of_a_region_peer_with_an_attachment_each(ec2: Ec2, table: str) -> None:
    tokyo = ec2.tokyo
    near = tokyo.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    asked = _ask(ec2, ec2.gateway(), near, TOKYO)
    mine, theirs = asked["TransitGatewayAttachmentId"], asked["AccepterTransitGatewayAttachmentId"]
    assert mine != theirs
    with refused("InvalidParameterValue", 400, "as the source of the peering request"):
        tokyo.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=mine)
    tokyo.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=theirs)
    assert [_peering(tokyo, item)["State"] for item in (mine, theirs)] == ["available"] * 2
    filters = [{"Name": "transit-gateway-id", "Values": [near]}]
    found = tokyo.describe_transit_gateway_peering_attachments(Filters=filters)
    assert _found(found, "TransitGatewayAttachmentId") == [theirs]
    ec2.create(table, VIP, mine)
    with refused("InvalidParameterValue", 400, "different Transit Gateways"):
        ec2.create(table, VIP6, theirs)
    tokyo.delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=mine)
    assert _peering(tokyo, theirs)["State"] == "deleted"
    tokyo.delete_transit_gateway(TransitGatewayId=near)


def test_a_peering_can_be_rejected(ec2: Ec2) -> None:
    asked = _ask(ec2, ec2.gateway(name="second"), ec2.gateway(OSAKA), OSAKA)
    attachment = {"TransitGatewayAttachmentId": asked["TransitGatewayAttachmentId"]}
    ec2.clients[OSAKA].reject_transit_gateway_peering_attachment(**attachment)
    (both,) = attachment.values()
    assert _peering(ec2.tokyo, both)["State"] == "rejected"
    ec2.tokyo.delete_transit_gateway_peering_attachment(**attachment)
    assert _peering(ec2.clients[OSAKA], both)["State"] == "deleted"


def test_a_peering_needs_a_peer(ec2: Ec2) -> None:
    hub = ec2.gateway()
    with refused("InvalidTransitGatewayID.NotFound", 400, "tgw-0badc0de0badc0de0"):
        _ask(ec2, hub, "tgw-0badc0de0badc0de0", OSAKA)
    with refused("InvalidTransitGatewayID.NotFound", 400):
        _ask(ec2, hub, ec2.gateway(OSAKA), SINGAPORE)
    with refused("InvalidParameterValue", 400, "itself"):
        _ask(ec2, hub, hub, TOKYO)
    with refused("InvalidParameterValue", 400, "No peer 210987654321"):
        _ask(ec2, hub, ec2.gateway(OSAKA), OSAKA, PeerAccountId="210987654321")


# Permissions, quotas, faults, log and events.


def test_each_permission_is_needed(aws: Aws, ec2: Ec2, table: str) -> None:
    main = ec2.vpc_attachment()
    calls: dict[str, Callable[[], Any]] = {
        "DescribeTransitGatewayAttachments": ec2.tokyo.describe_transit_gateway_attachments,
        "DescribeTransitGatewayPeeringAttachments": (
            ec2.tokyo.describe_transit_gateway_peering_attachments
        ),
        "DescribeTransitGatewayRouteTables": ec2.tokyo.describe_transit_gateway_route_tables,
        "SearchTransitGatewayRoutes": lambda: ec2.routes(table),
        "CreateTransitGatewayRoute": lambda: ec2.create(table, VIP, main),
        "ReplaceTransitGatewayRoute": lambda: ec2.replace(table, VIP, main),
        "DeleteTransitGatewayRoute": lambda: ec2.delete(table, VIP),
    }
    for action, call in calls.items():
        aws.control.set_policy(ROLE, [allow(*(f"ec2:{item}" for item in calls if item != action))])
        with refused("UnauthorizedOperation", 403, f"perform: ec2:{action}"):
            call()
        aws.control.set_policy(ROLE, [allow(f"ec2:{action}")])
        call()


def test_permission_can_be_for_one_table(aws: Aws, ec2: Ec2, table: str) -> None:
    main = ec2.vpc_attachment()
    place = f"arn:aws:ec2:{TOKYO}:{ACCOUNT}"
    resources = [
        f"{place}:transit-gateway-route-table/{table}",
        f"{place}:transit-gateway-attachment/*",
    ]
    aws.control.set_policy(ROLE, [allow("ec2:*", resource=resources)])
    ec2.create(table, VIP, main)
    assert list(ec2.routes(table)) == [VIP]
    other = ec2.table("vpcs")
    with refused("UnauthorizedOperation", 403, f"transit-gateway-route-table/{other}"):
        ec2.replace(other, VIP, main)
    with refused("UnauthorizedOperation", 403):
        ec2.tokyo.describe_transit_gateway_attachments()
    aws.control.set_policy(ROLE, [allow("ec2:*")])


def test_permission_can_be_for_one_region(aws: Aws, ec2: Ec2) -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": TOKYO}}
    aws.control.set_policy(ROLE, [allow("ec2:*", Condition=condition)])
    ec2.tokyo.describe_transit_gateways()
    with refused("UnauthorizedOperation", 403):
        ec2.clients[OSAKA].describe_transit_gateways()


def test_a_region_has_quotas_of_its_own(aws: Aws, ec2: Ec2) -> None:
    def write(region: str) -> None:
        ec2.clients[region].replace_transit_gateway_route(
            TransitGatewayRouteTableId=ec2.table("vpcs", region),
            DestinationCidrBlock=VIP,
            TransitGatewayAttachmentId=ec2.vpc_attachment(region),
            DryRun=True,
        )

    aws.control.settings(quotas=True)
    codes = []
    for _ in range(100):
        try:
            write(OSAKA)
        except botocore.exceptions.ClientError as error:
            codes.append(error.response["Error"]["Code"])
        if codes[-1] != "DryRunOperation":
            break
    assert codes[-1] == "RequestLimitExceeded"
    with refused("DryRunOperation"):
        write(TOKYO)
    ec2.clients[OSAKA].describe_transit_gateways()


def _fault_table(blocked: list[tuple[str, str, str]]) -> FaultTable:
    endpoints = resolve(list(NETS), "198.18.0.0/24")
    return FaultTable(
        ["n1"],
        endpoints,
        block=lambda node, found, how: blocked.extend((node, item, how) for item in found),
        unblock=lambda node, found: _forget(blocked, node, found),
    )


def _forget(blocked: list[tuple[str, str, str]], node: str, addresses: list[str]) -> None:
    blocked[:] = [item for item in blocked if item[0] != node or item[1] not in addresses]


def test_no_request_waits_for_packet_filters() -> None:
    """While a fault changes them, other requests find their rules: DNS is not held up."""
    under_way, done = threading.Event(), threading.Event()

    def block(*_: Any) -> None:
        under_way.set()
        assert done.wait(WAIT_S)

    table = FaultTable(["n1"], resolve(list(NETS), "198.18.0.0/24"), block=block)
    adding = threading.Thread(target=table.add, args=[{"service": "ec2", "kind": "refuse"}])
    adding.start()
    try:
        assert under_way.wait(WAIT_S)
        asked = threading.Thread(target=table.take, args=["dns", None, "A name.", "n1", {}])
        asked.start()
        asked.join(WAIT_S)
        assert not asked.is_alive()
    finally:
        done.set()
        adding.join()


@pytest.mark.parametrize("kind", sorted(AWS_KINDS))
def test_any_fault_can_be_of_one_region(aws: Aws, kind: str) -> None:
    blocked: list[tuple[str, str, str]] = []
    table = _fault_table(blocked)
    # Route 53 is in none of the lab's regions: its own faults are for where it is signed for.
    only = {"pending": "route53", "prior": "route53"}
    service, region = only.get(kind, "ec2"), OSAKA
    action = "ChangeResourceRecordSets" if kind in only else "ReplaceTransitGatewayRoute"
    table.add({"service": service, "kind": kind, "region": region})
    if kind in WIRE_KINDS:
        addresses = {
            item["address"]
            for item in aws.topology["services"]
            if (item["service"], item["region"]) == ("ec2", OSAKA)
        }
        assert {address for _, address, _ in blocked} == addresses
        table.clear()
        assert blocked == []
    elif kind == "badcert":
        assert not table.bad_certificate("ec2", TOKYO, "n1")
        assert table.bad_certificate("ec2", OSAKA, "n1")
    else:
        assert table.take(service, TOKYO, action, "n1", {}).names == []
        assert table.take(service, OSAKA, action, "n1", {}).names == [kind]


def test_a_region_can_be_cut_off_by_its_addresses(aws: Aws) -> None:
    blocked: list[tuple[str, str, str]] = []
    _fault_table(blocked).add({"service": "*", "kind": "drop", "region": OSAKA})
    mine = {item["address"] for item in aws.topology["services"] if item["region"] == OSAKA}
    assert {address for _, address, _ in blocked} == mine
    assert len(mine) == 3


def test_faults_of_a_region_leave_the_others_alone(aws: Aws, ec2: Ec2) -> None:
    aws.control.add_fault("ec2", "throttle", region=OSAKA, action="SearchTransitGatewayRoutes")
    searched = {"Filters": [{"Name": "route-search.exact-match", "Values": [VIP]}]}

    def search(region: str) -> None:
        ec2.clients[region].search_transit_gateway_routes(
            TransitGatewayRouteTableId=ec2.table("vpcs", region), **searched
        )

    aws.control.clear_requests()
    search(TOKYO)
    with refused("RequestLimitExceeded", 503):
        search(OSAKA)
    seen = [
        (entry["region"], entry["action"], entry["status"], entry["fault"])
        for entry in aws.control.requests()
    ]
    action = "SearchTransitGatewayRoutes"
    assert seen == [(TOKYO, action, 200, None), (OSAKA, action, 503, "throttle")]


def test_reads_lag_in_a_region(aws: Aws, ec2: Ec2, table: str, attachment: str) -> None:
    main, peer = ec2.vpc_attachment(), ec2.peering(f"{TOKYO}/hub", f"{OSAKA}/hub")[0]
    ec2.create(table, VIP, main)
    aws.control.add_fault("ec2", "stale", region=TOKYO, param=60)
    aws.control.add_fault("ec2", "stale", region=OSAKA, param=60)

    def seen() -> str:
        found = ec2.routes(table, ("route-search.exact-match", VIP))
        return found[VIP]["TransitGatewayAttachments"][0]["TransitGatewayAttachmentId"]

    ec2.replace(table, VIP, peer)
    assert seen() == main
    _leave(ec2, attachment)
    (row,) = ec2.tokyo.describe_transit_gateway_attachments(
        TransitGatewayAttachmentIds=[attachment]
    )["TransitGatewayAttachments"]
    assert row["State"] == "available"
    aws.control.clear_faults()
    assert seen() == peer
    aws.control.settings(read_delay_s=1)
    ec2.replace(table, VIP, main)
    until(lambda: seen() == main, 5, "the read to catch up with the write")


def test_changes_are_events(aws: Aws, ec2: Ec2, table: str, attachment: str) -> None:
    def last() -> dict[str, Any]:
        lines = (aws.state_dir / "events.jsonl").read_text().splitlines()
        return json.loads(lines[-1])

    main = ec2.vpc_attachment()
    ec2.create(table, VIP, attachment)
    where = {"what": "tgw-route", "region": TOKYO, "table": table, "table_id": table}
    route = {"target": attachment, "state": "active", "type": "static"}
    created = {**where, "destination": VIP, "old": None, "new": route}
    event = last()
    assert event["action"] == "CreateTransitGatewayRoute"
    assert event["changes"] == [created]
    ec2.replace(table, VIP, main)
    moved = {**created, "old": route, "new": {**route, "target": main}}
    assert last()["changes"] == [moved]
    ec2.tokyo.associate_transit_gateway_route_table(
        TransitGatewayRouteTableId=table, TransitGatewayAttachmentId=attachment
    )
    changes = {change["what"]: change for change in last()["changes"]}
    assert changes["tgw-table"]["new"]["associations"] == [attachment]
    assert changes["tgw_attachment"]["new"]["table"] == table
    _leave(ec2, attachment)
    changes = {change["what"]: change for change in last()["changes"]}
    assert changes["tgw_attachment"]["new"]["state"] == "deleted"
