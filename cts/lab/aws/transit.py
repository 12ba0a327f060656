# SPDX-License-Identifier: GPL-2.0-or-later
"""Transit Gateways of a region: gateways, attachments, route tables, and what follows from them.

moto 5.2.5 keeps them, but without what routing needs: peerings have one attachment for both
sides, routes outlive their attachments unchanged, nothing propagates. The models here take the
place of moto's in its backend, where its CreateRoute and reads that lag find them. Each side of a
peering is an object of its own region. tgwapi.py has the actions.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.utils import (
    random_transit_gateway_attachment_id,
    random_transit_gateway_id,
    random_transit_gateway_route_table_id,
)

AVAILABLE, PENDING, REJECTED, DELETED = "available", "pendingAcceptance", "rejected", "deleted"


class _Resource(TaggedEC2Resource):
    """What they have in common: an id, the region's backend, tags."""

    def __init__(self, backend: Any, resource_id: str, tags: dict[str, str]) -> None:
        self.ec2_backend = backend
        self.id = resource_id
        self.created = utcnow()
        self.add_tags(tags)


class Gateway(_Resource):
    """A Transit Gateway; `default_table` takes attachments that nobody associates."""

    def __init__(
        self, backend: Any, description: str, options: dict[str, Any], tags: dict[str, str]
    ) -> None:
        super().__init__(backend, random_transit_gateway_id(), tags)
        self.description = description
        self.options = options
        self.default_table: str | None = None
        backend.transit_gateways[self.id] = self

    def enabled(self, option: str) -> bool:
        """Whether one of its options is "enable"."""
        return self.options.get(option) == "enable"


class Table(_Resource):
    """A Transit Gateway's route table."""

    def __init__(self, backend: Any, gateway: str, tags: dict[str, str]) -> None:
        super().__init__(backend, random_transit_gateway_route_table_id(), tags)
        self.gateway = gateway
        # Destination -> attachment, None for a blackhole.
        self.static: dict[str, str | None] = {}
        # Attachments whose routes come here by themselves.
        self.propagating: list[str] = []
        # Destination -> attachment, as a router behind the attachment announces it.
        self.announced: dict[str, str] = {}
        backend.transit_gateways_route_tables[self.id] = self


@dataclass(frozen=True)
class Peer:
    """One side of a peering."""

    gateway: str
    region: str


@dataclass(frozen=True)
class Peering:
    """Who has asked whom; `accepter_attachment` where both sides are in one region, since each
    has an attachment of its own there."""

    requester: Peer
    accepter: Peer
    accepter_attachment: str | None = None


@dataclass
class Join:
    """What an attachment joins to its gateway: a VPC by its subnets, or another gateway."""

    kind: str
    resource: str
    subnets: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    peering: Peering | None = None


class Attachment(_Resource):
    """An attachment as one gateway sees it; a deleted one stays to be seen."""

    def __init__(
        self,
        backend: Any,
        gateway: str,
        join: Join,
        tags: dict[str, str],
        attachment_id: str | None = None,
    ) -> None:
        super().__init__(backend, attachment_id or random_transit_gateway_attachment_id(), tags)
        self.gateway = gateway
        self.join = join
        self.state = PENDING if join.peering is not None else AVAILABLE
        # The route table that says where packets go that come from here.
        self.table: str | None = None
        backend.transit_gateway_attachments[self.id] = self

    @property
    def is_accepter(self) -> bool:
        """Whether this is the side of a peering that has been asked."""
        peering = self.join.peering
        mine = Peer(self.gateway, self.ec2_backend.region_name)
        return peering is not None and peering.accepter == mine

    @property
    def peer_region(self) -> str | None:
        """The region of the other side of a peering."""
        peering = self.join.peering
        if peering is None:
            return None
        return (peering.requester if self.is_accepter else peering.accepter).region


@dataclass(frozen=True)
class Route:
    """A route of a table; without attachment it is a blackhole made as such."""

    destination: str
    attachment: Attachment | None
    kind: str

    @property
    def state(self) -> str:
        """As EC2 says: "active", or "blackhole" once the attachment is gone."""
        alive = self.attachment is not None and self.attachment.state == AVAILABLE
        return "active" if alive else "blackhole"


def sort_key(destination: str) -> tuple[int, Any]:
    """The order of destinations: IPv4 first, then by address."""
    network = ipaddress.ip_network(destination)
    return network.version, network


def routes(table: Table) -> list[Route]:
    """The routes of a table; a static one hides what propagates to the same destination."""
    attachments = table.ec2_backend.transit_gateway_attachments
    found: dict[str, Route] = {}
    for attachment_id in table.propagating:
        for block in _blocks(attachments[attachment_id]):
            found.setdefault(block, Route(block, attachments[attachment_id], "propagated"))
    for block, attachment_id in table.announced.items():
        if attachments[attachment_id].state == AVAILABLE:
            found.setdefault(block, Route(block, attachments[attachment_id], "propagated"))
    for block, chosen in table.static.items():
        found[block] = Route(block, attachments[chosen] if chosen else None, "static")
    return [found[block] for block in sorted(found, key=sort_key)]


def announce(table: Table, destination: str, attachment_id: str | None) -> None:
    """Let a router behind an attachment announce a route to a table, or (None) no longer do so.

    On AWS that is a VPN, Direct Connect or a Connect peer; this lab has none of them.
    """
    destination = str(ipaddress.ip_network(destination))
    if attachment_id is None:
        table.announced.pop(destination, None)
    else:
        table.announced[destination] = attachment_id


def _blocks(attachment: Attachment) -> Iterator[str]:
    """The CIDR blocks of the VPC behind an attachment."""
    vpc = attachment.ec2_backend.vpcs.get(attachment.join.resource)
    if vpc is None:
        return
    families = [False]
    if attachment.join.options.get("Ipv6Support") == "enable":
        families.append(True)
    for ipv6 in families:
        for item in vpc.get_cidr_block_association_set(ipv6=ipv6):
            yield str(ipaddress.ip_network(item["cidr_block"]))


def attached(backend: Any, vpc_id: str, gateway_id: str) -> Attachment | None:
    """The attachment of a VPC to a gateway, when there is one that works."""
    for attachment in backend.transit_gateway_attachments.values():
        if (
            attachment.state == AVAILABLE
            and attachment.gateway == gateway_id
            and (attachment.join.kind, attachment.join.resource) == ("vpc", vpc_id)
        ):
            return attachment
    return None


# The snapshot.


def gateways(backend: Any, name: Callable[[_Resource], str]) -> list[dict[str, Any]]:
    """The gateways of a region with their route tables; `name` knows what they are called."""
    return [
        {
            "id": gateway.id,
            "name": name(gateway),
            "tables": [
                {
                    "id": table.id,
                    "name": name(table),
                    "routes": [_route(route) for route in routes(table)],
                    "associations": [
                        item.id
                        for item in backend.transit_gateway_attachments.values()
                        if item.table == table.id
                    ],
                }
                for table in backend.transit_gateways_route_tables.values()
                if table.gateway == gateway.id
            ],
        }
        for gateway in backend.transit_gateways.values()
    ]


def _route(route: Route) -> dict[str, Any]:
    return {
        "destination": route.destination,
        "attachment": route.attachment.id if route.attachment else None,
        "type": route.kind,
        "state": route.state,
    }


def attachments(backend: Any) -> list[dict[str, Any]]:
    """The attachments of a region's gateways."""
    return [
        {
            "id": item.id,
            "tgw": item.gateway,
            "type": item.join.kind,
            "resource": item.join.resource,
            "table": item.table,
            "state": item.state,
            "peer_region": item.peer_region,
            "subnets": list(item.join.subnets),
        }
        for item in backend.transit_gateway_attachments.values()
    ]
