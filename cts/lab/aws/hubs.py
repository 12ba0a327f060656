# SPDX-License-Identifier: GPL-2.0-or-later
"""The Transit Gateways of lab.json: created in EC2 with attachments, route tables and peerings."""

from __future__ import annotations

from typing import Any

from lab.aws import transit
from lab.aws.cloud import ACCOUNT, Cloud
from lab.aws.labjson import LabError, lookup, need

# The private numbers of 16 bits (RFC 6996); gateways that are peered should not share one.
_FIRST_ASN = 64512


def check(lab: dict[str, Any]) -> None:
    """Look for what every gateway and peering needs. Raises LabError."""
    for region, content in lab["regions"].items():
        for name, hub in content.get("transit_gateways", {}).items():
            where = f"Transit Gateway {region}/{name}"
            need(hub, where, "vpcs", "route_tables")
            for vpc, joined in hub["vpcs"].items():
                need(joined, f"{where}: VPC {vpc!r}", "subnets")
    for peering in lab.get("peerings", []):
        need(peering, "peering", "from", "to", "tables")


def reference(topology: dict[str, Any], text: str) -> dict[str, Any]:
    """The gateway that REGION/NAME means. Raises LabError."""
    region, _, name = text.partition("/")
    content = lookup(topology["regions"], region, f"Transit Gateway {text!r}: region")
    return lookup(content.get("transit_gateways", {}), name, f"{region}: Transit Gateway")


def build(cloud: Cloud, topology: dict[str, Any]) -> None:
    """Create all of it and give each its id; the VPCs are there. Raises LabError, ClientError."""
    hubs = [
        (region, name, hub)
        for region, content in topology["regions"].items()
        for name, hub in content.get("transit_gateways", {}).items()
    ]
    for number, (region, name, hub) in enumerate(hubs):
        _gateway(cloud.client("ec2", region), _FIRST_ASN + number, name, hub)
        vpcs = topology["regions"][region]["vpcs"]
        for vpc_name, joined in hub["vpcs"].items():
            vpc = lookup(vpcs, vpc_name, f"Transit Gateway {name!r}: VPC")
            _attach(cloud.client("ec2", region), hub, vpc_name, vpc, joined)
    for peering in topology.get("peerings", []):
        _peer(cloud, topology, peering)
    for region, name, hub in hubs:
        for table in hub["route_tables"].values():
            _routes(cloud, topology, f"{region}/{name}", hub, table)


def _tag(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


def _gateway(ec2: Any, asn: int, name: str, hub: dict[str, Any]) -> None:
    hub["id"] = ec2.create_transit_gateway(
        Options={
            "AmazonSideAsn": asn,
            "DefaultRouteTableAssociation": "disable",
            "DefaultRouteTablePropagation": "disable",
        },
        TagSpecifications=_tag("transit-gateway", name),
    )["TransitGateway"]["TransitGatewayId"]
    for table_name, table in hub["route_tables"].items():
        table["id"] = ec2.create_transit_gateway_route_table(
            TransitGatewayId=hub["id"],
            TagSpecifications=_tag("transit-gateway-route-table", table_name),
        )["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]


def _attach(
    ec2: Any, hub: dict[str, Any], name: str, vpc: dict[str, Any], joined: dict[str, Any]
) -> None:
    subnets = [lookup(vpc["subnets"], item, f"VPC {name!r}: subnet") for item in joined["subnets"]]
    joined["attachment"] = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=hub["id"],
        VpcId=vpc["id"],
        SubnetIds=[subnet["id"] for subnet in subnets],
        Options={"Ipv6Support": "enable" if vpc.get("cidr6") else "disable"},
        TagSpecifications=_tag("transit-gateway-attachment", name),
    )["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    _associate(ec2, hub, joined["attachment"], joined.get("table"))


def _associate(ec2: Any, hub: dict[str, Any], attachment: str, table: str | None) -> None:
    if table is not None:
        found = lookup(hub["route_tables"], table, "Transit Gateway: route table")
        ec2.associate_transit_gateway_route_table(
            TransitGatewayAttachmentId=attachment, TransitGatewayRouteTableId=found["id"]
        )


def _peer(cloud: Cloud, topology: dict[str, Any], peering: dict[str, Any]) -> None:
    """Peer two gateways; "attachments" are then the ids of both sides."""
    regions = [peering[side].partition("/")[0] for side in ("from", "to")]
    hubs = [reference(topology, peering[side]) for side in ("from", "to")]
    clients = [cloud.client("ec2", region) for region in regions]
    asked = clients[0].create_transit_gateway_peering_attachment(
        TransitGatewayId=hubs[0]["id"],
        PeerTransitGatewayId=hubs[1]["id"],
        PeerAccountId=ACCOUNT,
        PeerRegion=regions[1],
    )["TransitGatewayPeeringAttachment"]
    mine = asked["TransitGatewayAttachmentId"]
    theirs = asked.get("AccepterTransitGatewayAttachmentId", mine)
    clients[1].accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=theirs)
    peering["attachments"] = [mine, theirs]
    ends = zip(clients, hubs, peering["attachments"], peering["tables"], strict=True)
    for client, hub, attachment, table in ends:
        _associate(client, hub, attachment, table)


def _routes(
    cloud: Cloud, topology: dict[str, Any], own: str, hub: dict[str, Any], table: dict[str, Any]
) -> None:
    region = own.partition("/")[0]
    ec2, backend = cloud.client("ec2", region), cloud.backend("ec2", region)
    for vpc in table.get("propagated", []):
        joined = lookup(hub["vpcs"], vpc, f"Transit Gateway {own}: VPC")
        ec2.enable_transit_gateway_route_table_propagation(
            TransitGatewayAttachmentId=joined["attachment"], TransitGatewayRouteTableId=table["id"]
        )
    for destination, target in table.get("routes", {}).items():
        if isinstance(target, dict):
            need(target, f"route {destination}", "propagated")
            attachment = _attachment(topology, own, hub, target["propagated"])
            known = backend.transit_gateways_route_tables[table["id"]]
            transit.announce(known, destination, attachment)
            continue
        chosen = {"Blackhole": True}
        if target != "blackhole":
            attachment = _attachment(topology, own, hub, target)
            chosen = {"TransitGatewayAttachmentId": attachment}
        ec2.create_transit_gateway_route(
            TransitGatewayRouteTableId=table["id"], DestinationCidrBlock=destination, **chosen
        )


def _attachment(topology: dict[str, Any], own: str, hub: dict[str, Any], target: str) -> str:
    """The attachment that vpc:NAME or peering:REGION/NAME means to the gateway `own`."""
    kind, _, name = target.partition(":")
    if kind == "vpc":
        return lookup(hub["vpcs"], name, f"Transit Gateway {own}: VPC")["attachment"]
    if kind != "peering":
        allowed = "vpc:NAME, peering:REGION/NAME, blackhole"
        raise LabError(f"Transit Gateway {own}: target {target!r} is none; allowed: {allowed}")
    peers = {}
    for peering in topology.get("peerings", []):
        mine, theirs = peering["attachments"]
        if peering["from"] == own:
            peers[peering["to"]] = mine
        if peering["to"] == own:
            peers[peering["from"]] = theirs
    return lookup(peers, name, f"Transit Gateway {own}: peer")
