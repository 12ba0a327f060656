# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the packets follow AWS's state: its route tables here, those of transit gateways by
lab.transit, addresses by lab.mapping, its balancers by lab.nlb.

Every subnet has a kernel routing table in its VPC's router. After each change of AWS's state
the table is brought to what the subnet's route table says, by the differences alone.
"""

from typing import Any

from lab import transit
from lab.mapping import Mapping, link_local
from lab.nlb import Balancers, Health
from lab.routes import BLACKHOLE, Routes, RoutingTables
from lab.state import State
from lab.topology import INTERNET_TABLE, Topology, Vpc


class DataPlane:
    """Applies snapshots of AWS's state to the namespaces of one lab.

    There must be one DataPlane for a lab, and one apply() at a time.
    """

    def __init__(self, topology: dict[str, Any]):
        self._topology = Topology.from_document(topology)
        self._state = State(self._topology.name)
        self._tables = RoutingTables(self._state)
        self._mapping = Mapping(self._topology, self._state)
        self._balancers = Balancers(self._topology, self._state)

    def apply(self, snapshot: dict[str, Any]) -> None:
        """Make the kernel's routes and the load balancers those of the snapshot.

        Does nothing while the namespaces are not built yet. Raises LabError when the kernel
        refuses; the next call then starts from empty tables.
        """
        if not self._state.network_built.exists():
            return
        self._mapping.apply(snapshot)
        for vpc in self._topology.vpcs:
            wanted = self._wanted(vpc, snapshot["regions"][vpc.region])
            self._tables.bring_to(vpc.namespace_part, vpc.tables, wanted)
        for gateway in self._topology.transit_gateways:
            wanted = transit.wanted(gateway, snapshot["regions"][gateway.region])
            self._tables.bring_to(gateway.namespace_part, gateway.neighbours, wanted)
        self._balancers.apply(snapshot)

    def target_health(self, group: str, target: str) -> Health | None:
        """What a load balancer's health checks have found; None before there were any."""
        return self._balancers.health(group, target)

    def close(self) -> None:
        """End what runs for the data plane."""
        self._balancers.close()

    def _wanted(self, vpc: Vpc, region: dict[str, Any]) -> Routes:
        tables = [table for table in region["route_tables"] if table["vpc"] == vpc.id]
        by_subnet = {subnet: table for table in tables for subnet in table["subnets"]}
        main = next(table for table in tables if table["main"])
        enis = {eni["id"]: eni for eni in region["enis"]}
        gateway = next(item["internet_gateway"] for item in region["vpcs"] if item["id"] == vpc.id)
        gateways = transit.ways(vpc, self._topology.transit_gateways, region)
        inside = _inside(vpc, region)
        wanted: Routes = {}
        if vpc.gateway:
            wanted |= {
                (INTERNET_TABLE, address): route
                for address, route in inside.items()
                if ":" not in address
            }
        for subnet in vpc.subnets.values():
            wanted[subnet.table, self._topology.api_net] = f"via {vpc.aws_side} dev aws"
            for route in by_subnet.get(subnet.id, main)["routes"]:
                if route["target"] == "local":
                    wanted |= {(subnet.table, address): way for address, way in inside.items()}
                else:
                    destination = route["destination"]
                    if gateway and route["target"] == gateway:
                        way = self._way_out(vpc, destination)
                    elif route["target"] in gateways and route["state"] == "active":
                        way = gateways[route["target"]]
                    else:
                        way = self._next_hop(vpc, route, enis)
                    wanted[subnet.table, destination] = way
        return wanted

    @staticmethod
    def _way_out(vpc: Vpc, destination: str) -> str:
        # The lab's internet speaks IPv4 alone.
        if not vpc.gateway or ":" in destination:
            return BLACKHOLE
        return f"via {vpc.internet_side} dev igw onlink"

    @staticmethod
    def _next_hop(vpc: Vpc, route: dict[str, Any], enis: dict[str, dict[str, Any]]) -> str:
        eni = enis.get(route["target"])
        # AWS drops what arrives at an interface for an address that is not its own, unless
        # the source/destination check is off.
        if eni is None or route["state"] != "active" or eni["source_dest_check"]:
            return BLACKHOLE
        bridge = next(
            (subnet.bridge for subnet in vpc.subnets.values() if subnet.id == eni["subnet"]), None
        )
        if bridge is None:
            return BLACKHOLE
        if ":" in route["destination"]:
            return f"via {link_local(eni['mac'])} dev {bridge}"
        return f"via {eni['ips'][0]} dev {bridge}"


def _inside(vpc: Vpc, region: dict[str, Any]) -> dict[str, str]:
    """Where the addresses in a VPC are: what no interface has leads nowhere."""
    bridges = {subnet.id: subnet.bridge for subnet in vpc.subnets.values()}
    return {
        f"{address}/{128 if ':' in address else 32}": f"dev {bridges[eni['subnet']]}"
        for eni in region["enis"]
        if eni["subnet"] in bridges
        for address in (*eni["ips"], *eni["ips6"])
    }
