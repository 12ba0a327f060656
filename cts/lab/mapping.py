# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes packets reach the interface that AWS has mapped their address to, and no other.

A VPC's router knows the MAC address of every mapped address and asks nobody for it: a machine
that merely puts an address on its interface gets nothing, and a move takes effect without a word
of ARP. What an interface sends from an address that is not its own is dropped, unless its
source/destination check is off.

An Elastic IP is translated where the router is linked to the internet, packet by packet as an
internet gateway does it. There is no memory of connections, so none goes on at the old place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab import netns
from lab.state import State
from lab.topology import Topology, Vpc

_TABLE = """
add table inet mapping
delete table inet mapping
table inet mapping {
    set checked { type ether_addr; }
    set own4 { type ether_addr . ipv4_addr; }
    set own6 { type ether_addr . ipv6_addr; }
    map inbound { type ipv4_addr : ipv4_addr; }
    map outbound { type ipv4_addr : ipv4_addr; }
    chain arriving {
        type filter hook prerouting priority raw;
        iifname "igw" ip daddr set ip daddr map @inbound accept
        iifname "igw" drop
        ether saddr @checked ether saddr . ip saddr != @own4 drop
        ether saddr @checked ip6 saddr != { ::, fe80::/10 } ether saddr . ip6 saddr != @own6 drop
    }
    chain leaving {
        type filter hook postrouting priority 0;
        oifname "igw" ip saddr set ip saddr map @outbound accept
        oifname "igw" drop
    }
}
"""


@dataclass(frozen=True)
class _Router:
    """What one VPC's router knows."""

    neighbours: dict[tuple[str, str], str]  # (address, bridge) -> MAC address
    elements: frozenset[tuple[str, str]]  # (set or map of the packet filter, element)


class Mapping:
    """Applies snapshots of AWS's state to the routers of one lab, by the differences alone.

    There must be one Mapping for a lab, and one apply() at a time.
    """

    def __init__(self, topology: Topology, state: State):
        self._topology = topology
        self._state = state
        self._applied: dict[Vpc, _Router] = {}
        self._public: dict[str, str] | None = {}  # Elastic IP -> address of the VPC's gateway

    def apply(self, snapshot: dict[str, Any]) -> None:
        """Make the routers' knowledge that of the snapshot. The namespaces have been built.

        Raises LabError when the kernel refuses; the next call then starts from nothing.
        """
        public = {}
        for vpc in self._topology.vpcs:
            region = snapshot["regions"][vpc.region]
            elastic = _elastic(vpc, region) if vpc.gateway else {}
            self._bring_to(vpc, _router(vpc, region, elastic))
            public |= dict.fromkeys(elastic, vpc.gateway_side)
        if self._topology.internet is not None:
            self._publish(public)

    def _bring_to(self, vpc: Vpc, wanted: _Router) -> None:
        namespace = self._state.netns(vpc.namespace_part)
        have = self._applied.pop(vpc, None)
        filters = ""
        if have is None:
            have, filters = _Router({}, frozenset()), _TABLE
            netns.run(["ip", "-n", namespace, "neigh", "flush", "nud", "permanent"])
        filters += "".join(
            f"{verb} element inet mapping {name} {{ {element} }}\n"
            for verb, elements in (
                ("delete", have.elements - wanted.elements),
                ("add", wanted.elements - have.elements),
            )
            for name, element in sorted(elements)
        )
        if filters:
            netns.run(netns.inside(namespace, ["nft", "-f", "-"]), filters)
        netns.ip_batch(namespace, _neighbour_commands(have.neighbours, wanted.neighbours))
        self._applied[vpc] = wanted

    def _publish(self, wanted: dict[str, str]) -> None:
        """Let the internet know the way to each Elastic IP that is somebody's."""
        namespace = self._state.netns(self._topology.internet.namespace_part)
        have, self._public = self._public, None
        if have is None:
            netns.run(["ip", "-n", namespace, "route", "flush", "proto", "static"])
            have = {}
        commands = [f"route del {address}/32" for address in have.keys() - wanted.keys()]
        commands += [
            f"route replace {address}/32 via {via} proto static"
            for address, via in wanted.items()
            if have.get(address) != via
        ]
        netns.ip_batch(namespace, commands)
        self._public = wanted


def _elastic(vpc: Vpc, region: dict[str, Any]) -> dict[str, str]:
    """Elastic IP -> private address, of those that are in a VPC."""
    subnets = {subnet.id for subnet in vpc.subnets.values()}
    inside = {eni["id"] for eni in region["enis"] if eni["subnet"] in subnets}
    return {
        address["public_ip"]: address["private_ip"]
        for address in region["addresses"]
        if address["eni"] in inside
    }


def _router(vpc: Vpc, region: dict[str, Any], elastic: dict[str, str]) -> _Router:
    bridges = {subnet.id: subnet.bridge for subnet in vpc.subnets.values()}
    neighbours: dict[tuple[str, str], str] = {}
    elements = {("inbound", f"{public} : {private}") for public, private in elastic.items()}
    elements |= {("outbound", f"{private} : {public}") for public, private in elastic.items()}
    for eni in region["enis"]:
        if eni["subnet"] not in bridges:
            continue
        mac = eni["mac"]
        if eni["source_dest_check"]:
            elements.add(("checked", mac))
        bridge = bridges[eni["subnet"]]
        neighbours[link_local(mac), bridge] = mac
        for address in (*eni["ips"], *eni["ips6"]):
            neighbours[address, bridge] = mac
            elements.add((f"own{6 if ':' in address else 4}", f"{mac} . {address}"))
    return _Router(neighbours, frozenset(elements))


def _neighbour_commands(
    have: dict[tuple[str, str], str], wanted: dict[tuple[str, str], str]
) -> Iterator[str]:
    for address, bridge in have.keys() - wanted.keys():
        yield f"neigh del {address} dev {bridge}"
        if _has_proxy(address):
            yield f"neigh del proxy {address} dev {bridge}"
    for (address, bridge), mac in wanted.items():
        if have.get((address, bridge)) == mac:
            continue
        yield f"neigh replace {address} lladdr {mac} dev {bridge} nud permanent"
        if _has_proxy(address):
            yield f"neigh replace proxy {address} dev {bridge}"


def _has_proxy(address: str) -> bool:
    """For IPv6 the kernel has to be told each address it shall answer for in another's stead."""
    return ":" in address and not address.startswith("fe80:")


def link_local(mac: str) -> str:
    """The address an interface gives itself from its MAC address (RFC 4291, appendix A)."""
    octets = [int(part, 16) for part in mac.split(":")]
    identifier = [octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]]
    groups = [f"{high:02x}{low:02x}" for high, low in zip(*[iter(identifier)] * 2, strict=True)]
    return "fe80::" + ":".join(groups)
