# SPDX-License-Identifier: GPL-2.0-or-later
"""Which node a route leads to, over VPCs, transit gateways and regions: read from AWS's state.

This is what AWS's tables say. Whether packets get there is another question: a machine may be
off and a region be cut off, which AWS's tables do not know.
"""

import ipaddress
from dataclasses import dataclass
from typing import Any

Item = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """Where a packet ends that one route table has been asked about.

    `tables` are those it passes, as "REGION TABLE", the first one included. Without a node
    `reason` says where and why it ends.
    """

    node: str | None
    tables: tuple[str, ...]
    reason: str | None


@dataclass(frozen=True, eq=False)
class _Table:
    """A route table of a VPC or of a transit gateway."""

    region: str
    label: str
    owner: Item
    of_gateway: bool
    routes: list[Item]

    @property
    def name(self) -> str:
        return f"{self.region} {self.label}"


class _DeadEnd(Exception):
    """A packet goes no further; the text says where and why."""


def follow(snapshot: dict[str, Any], destination: str) -> dict[str, dict[str, Way]]:
    """For each region and table with a route to exactly this destination: where it leads.

    Tables are named VPC/TABLE and GATEWAY/TABLE; regions without any are left out.
    """
    follower = _Follower(snapshot["regions"], destination)
    found = {
        region: {
            table.label: follower.way(table)
            for table in follower.tables(region)
            if any(route["destination"] == destination for route in table.routes)
        }
        for region in snapshot["regions"]
    }
    return {region: ways for region, ways in found.items() if ways}


def addresses(snapshot: dict[str, Any]) -> list[str]:
    """The destinations of routes that are one address each, as /32 or /128."""
    destinations = {
        route["destination"]
        for region in snapshot["regions"].values()
        for _, _, table in _tables(region)
        for route in table["routes"]
    }
    return sorted(item for item in destinations if item.endswith(("/32", "/128")))


class _Follower:
    """Follows a packet for one address."""

    def __init__(self, regions: dict[str, Item], destination: str):
        self._regions = regions
        self._address = ipaddress.ip_network(destination).network_address
        self._tables = {
            (region, item["id"]): _Table(region, f"{owner['name']}/{item['name']}", owner, of, rows)
            for region, content in regions.items()
            for owner, of, item in _tables(content)
            for rows in [item["routes"]]
        }

    def tables(self, region: str) -> list[_Table]:
        return [table for (where, _), table in self._tables.items() if where == region]

    def way(self, table: _Table) -> Way:
        names: list[str] = []
        at: _Table | str = table
        try:
            while isinstance(at, _Table):
                if at.name in names:
                    raise _DeadEnd(f"a loop: it comes back to {at.name}")
                names.append(at.name)
                at = self._next(at)
        except _DeadEnd as end:
            return Way(None, tuple(names), str(end))
        return Way(at, tuple(names), None)

    def _next(self, table: _Table) -> "_Table | str":
        """The next table, or the node that it arrives at."""
        route = self._route(table)
        if table.of_gateway:
            return self._beyond_gateway(table, route["attachment"])
        target = route["target"]
        if target.startswith("tgw-"):
            attachment = self._attachment(table.region, tgw=target, resource=table.owner["id"])
            if attachment is None:
                raise _DeadEnd(f"{table.name}: the VPC has no available attachment to {target}")
            return self._associated(table.region, attachment)
        return self._node(table, target)

    def _route(self, table: _Table) -> Item:
        """The route that a table has for the address: the longest prefix, static routes first."""
        found = [
            (ipaddress.ip_network(route["destination"]).prefixlen, route)
            for route in table.routes
            if not route["destination"].startswith("pl-")
            and self._address in ipaddress.ip_network(route["destination"])
        ]
        if not found:
            raise _DeadEnd(f"{table.name} has no route for {self._address}")
        _, route = max(found, key=lambda item: (item[0], item[1].get("type") == "static"))
        if route["state"] != "active":
            raise _DeadEnd(f"{table.name}: the route {route['destination']} is a blackhole")
        return route

    def _beyond_gateway(self, table: _Table, attachment_id: str) -> _Table:
        gateway = table.owner["id"]
        attachment = self._attachment(table.region, tgw=gateway, id=attachment_id)
        if attachment is None:
            raise _DeadEnd(f"{table.name}: the attachment {attachment_id} is not available")
        resource = attachment["resource"]
        if attachment["type"] == "vpc":
            return self._table_of_subnet(table.region, resource, attachment["subnets"][0])
        region = attachment["peer_region"]
        other_side = self._attachment(region, tgw=resource, resource=gateway)
        if other_side is None:
            raise _DeadEnd(f"{table.name}: {resource} in {region} has no available peering here")
        return self._associated(region, other_side)

    def _attachment(self, region: str, **wanted: str) -> Item | None:
        """The available attachment in a region that has these values."""
        for item in self._regions[region]["tgw_attachments"]:
            if item["state"] == "available" and wanted.items() <= item.items():
                return item
        return None

    def _associated(self, region: str, attachment: Item) -> _Table:
        if not attachment["table"]:
            raise _DeadEnd(f"{region}: the attachment {attachment['id']} has no route table")
        return self._tables[region, attachment["table"]]

    def _table_of_subnet(self, region: str, vpc: str, subnet: str) -> _Table:
        tables = [t for t in self._regions[region]["route_tables"] if t["vpc"] == vpc]
        own = [table for table in tables if subnet in table["subnets"]]
        main = [table for table in tables if table["main"]]
        return self._tables[region, (own or main)[0]["id"]]

    def _node(self, table: _Table, target: str) -> str:
        """The node behind an interface; "local" is whichever has the address."""
        address = str(self._address)
        for eni in self._regions[table.region]["enis"]:
            own = address in (*eni["ips"], *eni["ips6"])
            if eni["id"] == target or (
                target == "local" and own and eni["vpc"] == table.owner["id"]
            ):
                return _arrived(table, eni, own)
        raise _DeadEnd(f"{table.name} leads to {target}, which no interface is")


def _tables(region: Item) -> list[tuple[Item, bool, Item]]:
    """(VPC or transit gateway, whether it is the latter, route table) for all tables."""
    vpcs = {vpc["id"]: vpc for vpc in region["vpcs"]}
    found = [(vpcs[table["vpc"]], False, table) for table in region["route_tables"]]
    return found + [
        (gw, True, table) for gw in region["transit_gateways"] for table in gw["tables"]
    ]


def _arrived(table: _Table, eni: Item, own: bool) -> str:
    node = eni["node"]
    if node is None:
        raise _DeadEnd(f"{table.name} leads to {eni['id']}, which is no machine's")
    if eni["instance_state"] != "running":
        raise _DeadEnd(f"{table.name} leads to {node}, which is {eni['instance_state']}")
    if eni["source_dest_check"] and not own:
        raise _DeadEnd(f"{table.name} leads to {node}, whose source/destination check is on")
    return node
