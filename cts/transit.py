# SPDX-License-Identifier: GPL-2.0-or-later
"""The AWS of a lab with Transit Gateways as the tests of transit-gateway-vip arrange and inspect it.

A route table is called "REGION/OWNER/NAME": its owner is a VPC or a Transit Gateway.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cloud import ROUTE, ROUTE6, Cloud
from lab.handle import Lab
from lab.topology import VIP, VIP6
from owners import of_ways
from runner import Runner

TOKYO, OSAKA, SINGAPORE = REGIONS = ("ap-northeast-1", "ap-northeast-3", "ap-southeast-1")
BLACKHOLE = "blackhole"
SLOW_MS = 1500
COMMAND = re.compile(
    r"aws ec2 create-transit-gateway-route --region [a-z0-9-]+"
    r" --transit-gateway-route-table-id tgw-rtb-[0-9a-f]{17} --destination-cidr-block \S+"
    r" --transit-gateway-attachment-id tgw-attach-[0-9a-f]{17}"
)


@dataclass(frozen=True)
class Table:
    """A route table, and where its static routes lead: {destination: target}."""

    region: str
    id: str
    routes: dict[str, str]

    @property
    def of_gateway(self) -> bool:
        return self.id.startswith("tgw-rtb-")


class Transit(Cloud):
    """The lab's AWS, in all its regions."""

    def __init__(self, lab: Lab):
        super().__init__(lab)
        self._first = self.tables()

    def reset(self) -> None:
        """AWS as it was when the lab was new, and the addresses on no node."""
        self.mend()
        for name, table in self._first.items():
            for destination in (ROUTE, ROUTE6):
                self.lead(name, table.routes.get(destination), destination)
        for where in self.lab.topology.nodes:
            self.remove(where, VIP, VIP6)

    def at(self, region: str) -> Cloud:
        """One of the regions."""
        return Cloud(self.lab, region)

    # --- route tables ---

    def tables(self) -> dict[str, Table]:
        """All route tables."""
        found = {}
        for region, content in self.lab.state()["regions"].items():
            vpcs = {vpc["id"]: vpc["name"] for vpc in content["vpcs"]}
            for table in content["route_tables"]:
                routes = {item["destination"]: item["target"] for item in table["routes"]}
                name = f"{region}/{vpcs[table['vpc']]}/{table['name']}"
                found[name] = Table(region, table["id"], routes)
            for gateway in content["transit_gateways"]:
                for table in gateway["tables"]:
                    routes = {
                        item["destination"]: item["attachment"] or BLACKHOLE
                        for item in table["routes"]
                        if item["type"] == "static"
                    }
                    name = f"{region}/{gateway['name']}/{table['name']}"
                    found[name] = Table(region, table["id"], routes)
        return found

    def id(self, table: str) -> str:
        """The id of a route table."""
        return self.tables()[table].id

    def targets(self, destination: str = ROUTE) -> dict[str, str]:
        """Where each route table that knows the destination sends it: {table: target}."""
        return {
            name: table.routes[destination]
            for name, table in self.tables().items()
            if destination in table.routes
        }

    def owners(self, destination: str = ROUTE) -> set[str | None]:
        """The nodes that the tables lead to in the end, None where one leads to no node."""
        return of_ways(self.lab, destination)

    def lead(
        self, name: str, target: str | None, destination: str = ROUTE, again: bool = False
    ) -> None:
        """Lead a route elsewhere: to an ENI, a gateway, an attachment, BLACKHOLE; None deletes.

        A route that leads there already is written only when that is wanted `again`.
        """
        table = self.tables()[name]
        present = table.routes.get(destination)
        if target == present and not again:
            return
        six = ":" in destination
        params = {"RouteTableId": table.id}
        params["DestinationIpv6CidrBlock" if six else "DestinationCidrBlock"] = destination
        verb = "Delete" if target is None else "Replace" if present else "Create"
        if table.of_gateway:
            call = f"{verb}TransitGatewayRoute"
            params = {"TransitGatewayRouteTableId": table.id, "DestinationCidrBlock": destination}
            field, more = "TransitGatewayAttachmentId", {"Blackhole": True}
        else:
            call = f"{verb}Route"
            eni = target is not None and target.startswith("eni-")
            field, more = "NetworkInterfaceId" if eni else "TransitGatewayId", {}
        if target == BLACKHOLE:
            params |= more
        elif target is not None:
            params[field] = target
        self.at(table.region).ec2(call, **params)

    def lead_all(self, targets: dict[str, str], destination: str = ROUTE) -> None:
        """Lead several routes: {table: target}."""
        for name, target in targets.items():
            self.lead(name, target, destination)

    # --- where routes shall lead ---

    def attachment(self, region: str, kind: str, to: str | None = None) -> str:
        """The one attachment of this kind in a region, or the one to another region."""
        (found,) = (
            item["id"]
            for item in self.lab.state()["regions"][region]["tgw_attachments"]
            if item["type"] == kind and to in (None, item["peer_region"])
        )
        return found

    def gateway(self, region: str) -> str:
        """The one Transit Gateway of a region."""
        (found,) = self.lab.state()["regions"][region]["transit_gateways"]
        return found["id"]

    def wanted(
        self, active: str, destination: str = ROUTE, via: dict[str, str] | None = None
    ) -> dict[str, str]:
        """Where the routes lead when a node is active, in regions with one VPC and gateway each.

        `via` says of regions that are not peered with the node's through which one they go.
        """
        home = self.lab.topology.member(active).region
        found = {}
        for name, table in self.tables().items():
            if destination not in table.routes:
                continue
            if table.of_gateway and table.region == home:
                found[name] = self.attachment(home, "vpc")
            elif table.of_gateway:
                found[name] = self._peering(table.region, home, via or {})
            else:
                own = table.region == home
                found[name] = self.eni(active) if own else self.gateway(table.region)
        return found

    def _peering(self, region: str, home: str, via: dict[str, str]) -> str:
        return self.attachment(region, "peering", via.get(region, home))

    def loose_eni(self, region: str) -> str:
        """An ENI that is attached to nothing: what is routed there is a blackhole."""
        vpc = next(item for item in self.lab.topology.vpcs if item.region == region)
        subnet = vpc.subnets["private-a"].id
        made = self.at(region).ec2("CreateNetworkInterface", SubnetId=subnet)
        return made["NetworkInterface"]["NetworkInterfaceId"]


@contextmanager
def slow_answers(cloud: Transit) -> Iterator[None]:
    """Calls that go out together are seen to overlap, also on a machine that is busy."""
    cloud.lab.control.settings(latency_ms=SLOW_MS)
    try:
        yield
    finally:
        cloud.lab.control.settings(latency_ms=0)


def agent_in(cloud: Transit, **parameters: str) -> Iterator[Runner]:
    """The agent with the address for one test; whatever that does, no secret may come out."""
    runner = Runner(cloud.lab, "transit-gateway-vip", ip=VIP, **parameters)
    runner.clean()
    yield runner
    runner.check_secrets()


def commands(text: str) -> list[str]:
    """The commands that a text names for creating routes of Transit Gateways."""
    return sorted({found.group(0) for found in COMMAND.finditer(text)})
