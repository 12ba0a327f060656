# SPDX-License-Identifier: GPL-2.0-or-later
"""Where transit gateways send packets, out of AWS's state: routes for the kernel, nothing applied.

A gateway has a kernel routing table for each neighbour, a VPC or a peer, with the routes of the
transit gateway route table that the neighbour's attachment is associated with.
"""

from typing import Any

from lab.routes import BLACKHOLE, Routes
from lab.topology import TransitGateway, Vpc

# (id of the transit gateway, id of the VPC or of the peer) -> attachment
Attachments = dict[tuple[str, str], dict[str, Any]]


def available(region: dict[str, Any]) -> Attachments:
    """The attachments of a region that carry packets."""
    return {
        (item["tgw"], item["resource"]): item
        for item in region["tgw_attachments"]
        if item["state"] == "available"
    }


def wanted(gateway: TransitGateway, region: dict[str, Any]) -> Routes:
    """The routes in a gateway's namespace, from the snapshot of its region."""
    attachments = available(region)
    found = [
        (number, neighbour, attachments[gateway.id, neighbour.id])
        for number, neighbour in gateway.neighbours.items()
        if (gateway.id, neighbour.id) in attachments
    ]
    ways = {attachment["id"]: _way(neighbour) for _, neighbour, attachment in found}
    tables = {
        table["id"]: table
        for item in region["transit_gateways"]
        if item["id"] == gateway.id
        for table in item["tables"]
    }
    return {
        (number, route["destination"]): ways.get(route["attachment"], BLACKHOLE)
        for number, _, attachment in found
        if attachment["table"]
        for route in tables[attachment["table"]]["routes"]
    }


def ways(vpc: Vpc, gateways: list[TransitGateway], region: dict[str, Any]) -> dict[str, str]:
    """How a VPC's router sends to each of the gateways that the VPC is attached to, by their id."""
    attached = [gateway for gateway in gateways if vpc in gateway.vpcs]
    return {
        gateway.id: _way(gateway)
        for gateway in attached
        if (gateway.id, vpc.id) in available(region)
    }


def _way(neighbour: Vpc | TransitGateway) -> str:
    return f"via inet6 {neighbour.link_address} dev {neighbour.port}"
