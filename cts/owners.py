# SPDX-License-Identifier: GPL-2.0-or-later
"""Where AWS leads clients to, for each way of moving them: the names of the nodes.

What is no node's is shown as AWS has it.
"""

from typing import Any

from lab import history
from lab.handle import Lab
from lab.topology import PUBLIC_IP, REGION, SECONDARY, ZONE

RECORD = f"db.{ZONE}"


def _region(lab: Lab) -> dict[str, Any]:
    return lab.state()["regions"][REGION]


def of_routes(lab: Lab, ip: str) -> set[str]:
    """By the route tables of the VPC in Tokyo."""
    return set(lab.route_owners(f"{ip}/32").values())


def of_ways(lab: Lab, *destinations: str) -> set[str | None]:
    """By the route tables of all VPCs and transit gateways, None where one leads to no node."""
    found = (lab.reaches(destination).values() for destination in destinations)
    return {way.node for ways in found for tables in ways for way in tables.values()}


def elastic_ip(lab: Lab) -> dict[str, Any]:
    """The Elastic IP that moves, as AWS has it."""
    addresses = _region(lab)["addresses"]
    return next(each for each in addresses if each["public_ip"] == PUBLIC_IP)


def of_elastic_ip(lab: Lab) -> set[str]:
    """By the association of the Elastic IP."""
    eni = elastic_ip(lab)["eni"]
    return {each["node"] for each in _region(lab)["enis"] if each["id"] == eni}


def of_secondary(lab: Lab) -> set[str]:
    """By the interfaces that have the secondary address."""
    return {each["node"] for each in _region(lab)["enis"] if SECONDARY in each["ips"]}


def private_zone(lab: Lab) -> dict[str, Any]:
    """The private zone, as AWS has it."""
    return next(zone for zone in lab.state()["zones"] if zone["private"] and zone["name"] == ZONE)


def record_values(lab: Lab) -> list[str]:
    """The IPv4 addresses of the record that moves."""
    records = private_zone(lab)["records"]
    return next(r["values"] for r in records if r["name"] == RECORD and r["type"] == "A")


def of_record(lab: Lab) -> set[str]:
    """By the record in Route 53."""
    nodes = {ip: name for name, node in lab.topology.nodes.items() for ip in node.addresses}
    return {nodes.get(value, value) for value in record_values(lab)}


def of_target_group(lab: Lab, name: str) -> set[str]:
    """By the targets that the load balancer's health checks find healthy."""
    now: dict[str, str | None] = {}
    for change in history.health_changes(lab, name):
        now[change.node] = change.new
    return {node for node, state in now.items() if state == "healthy"}
