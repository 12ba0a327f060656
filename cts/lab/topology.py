# SPDX-License-Identifier: GPL-2.0-or-later
"""What a lab consists of: the scenarios one can ask for, and the typed view of the answer.

The dictionary a scenario makes is written to lab.json. The AWS daemon creates all of it, adds
ids and MAC addresses and writes topology.json; Topology reads that.
"""

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lab.state import LabError, State

REGION = "ap-northeast-1"
OSAKA, SINGAPORE = "ap-northeast-3", "ap-southeast-1"
VIP = "10.1.0.10"
SECONDARY = "10.0.2.50"
VIP6 = "2001:db8:200::10"
MAX_NODES = 8
INTERNET_CIDR = "198.51.100.0/24"
ZONE = "corp.example."
RECORD_TTL_S = 10
# What moves inside one region and not beyond.
OWN_ADDRESSES = {REGION: "10.1.1.10", OSAKA: "10.1.2.10"}
# The transit gateway of each region.
HUB = "hub"
# A router's table of routes for what comes from the internet.
INTERNET_TABLE = 99
# The private subnets, and the third number of their addresses.
PRIVATE = {"private-a": 2, "private-c": 4}
# An Elastic IP, and what the public zone says of n1.
PUBLIC_IP = "52.9.0.12"
# A client in the internet.
OUTSIDE = {"internet": True, "ip": "198.51.100.100"}
# Targets of a load balancer, which asks them by HTTP who is active.
WEB_TARGETS = {"port": 8080, "health_check": {"protocol": "HTTP", "port": 3998, "path": "/"}}


# --- scenarios -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """A region with one VPC, called main: 10.NUMBER.0.0/16, perhaps with an IPv6 block."""

    region: str
    number: int
    six: bool

    @property
    def cidrs(self) -> list[str]:
        return [f"10.{self.number}.0.0/16", *([f"{self._prefix6}::/56"] if self.six else [])]

    @property
    def _prefix6(self) -> str:
        return f"2001:db8:10{self.number}"

    def subnet(self, number: int, zone: str) -> dict[str, Any]:
        """The lab.json entry of a subnet."""
        return {
            "cidr": f"10.{self.number}.{number}.0/24",
            "az": f"{self.region}{zone}",
            "cidr6": f"{self._prefix6}:{number}::/64" if self.six else None,
        }

    def member(self, subnet: str, host: int) -> dict[str, Any]:
        """The lab.json entry of a machine in one of the private subnets."""
        number = PRIVATE[subnet]
        return {
            "region": self.region,
            "vpc": "main",
            "subnet": subnet,
            "ip": f"10.{self.number}.{number}.{host}",
            "ip6": f"{self._prefix6}:{number}::{host}" if self.six else None,
        }

    def node(self, subnet: str, host: int) -> dict[str, Any]:
        """The lab.json entry of a node of the cluster."""
        return {**self.member(subnet, host), "source_dest_check": False, "role": "ocf-aws-node"}

    def vpc(self, subnets: dict[str, Any], route_tables: dict[str, Any]) -> dict[str, Any]:
        """The lab.json entry of the VPC."""
        cidr, cidr6 = (*self.cidrs, None)[:2]
        return {"cidr": cidr, "cidr6": cidr6, "subnets": subnets, "route_tables": route_tables}

    def vip_routes(self, target: str) -> dict[str, str]:
        """The routes of the addresses that move."""
        return dict.fromkeys([f"{VIP}/32", f"{VIP6}/128"][: len(self.cidrs)], target)


# The regions that are joined by transit gateways.
_PLACES = {
    region: _Place(region, number, six=True)
    for region, number in ((REGION, 0), (OSAKA, 2), (SINGAPORE, 4))
}


def _textbook(nodes: int, six: bool = False) -> dict[str, Any]:
    """VPC 10.0.0.0/16 with a public and a private subnet in two zones, as AWS's guides draw it."""
    place = _Place(REGION, 0, six)
    private = list(PRIVATE)
    members = {
        f"n{index + 1}": place.node(private[index % 2], 10 + index // 2) for index in range(nodes)
    }
    subnets = {
        "public-a": place.subnet(1, "a"),
        "private-a": place.subnet(PRIVATE["private-a"], "a"),
        "public-c": place.subnet(3, "c"),
        "private-c": place.subnet(PRIVATE["private-c"], "c"),
    }
    route_tables = {
        "public": {"subnets": ["public-a", "public-c"], "routes": {}},
        "private-a": {"subnets": ["private-a"], "routes": place.vip_routes("n1")},
        "private-c": {"subnets": ["private-c"], "routes": place.vip_routes("n1")},
    }
    return {
        "regions": {REGION: {"vpcs": {"main": place.vpc(subnets, route_tables)}}},
        "nodes": members,
        "clients": {
            "client": place.member("private-a", 100),
            "client-c": place.member("private-c", 100),
        },
    }


def _dual_stack(nodes: int) -> dict[str, Any]:
    """The textbook VPC with IPv6 as well, and a route for an IPv6 address."""
    return _textbook(nodes, six=True)


def _ten_tables(nodes: int) -> dict[str, Any]:
    """The textbook VPC with eight more route tables that hold the route."""
    lab = _textbook(nodes)
    tables = lab["regions"][REGION]["vpcs"]["main"]["route_tables"]
    for number in range(3, 11):
        tables[f"extra-{number}"] = {"subnets": [], "routes": {f"{VIP}/32": "n1"}}
    return lab


def _two_interfaces(nodes: int) -> dict[str, Any]:
    """The dual-stack VPC; every node has a second interface, whose source/dest check is on."""
    lab = _dual_stack(nodes)
    for member in lab["nodes"].values():
        network, _, host = member["ip"].rpartition(".")
        member["extra_enis"] = [
            {
                "subnet": member["subnet"],
                "ip": f"{network}.{int(host) + 40}",
                "source_dest_check": True,
            }
        ]
    return lab


def _nlb(nodes: int) -> dict[str, Any]:
    """The textbook VPC with a Network Load Balancer in both private subnets.

    Port 5432 asks the nodes' port 3999 by TCP who is active, as the agent nlb-health-probe
    answers; port 80 leads to port 8080 and asks the same by HTTP on port 3998.
    """

    lab = _textbook(nodes)
    targets = list(lab["nodes"])
    lab["target_groups"] = {
        "db": _target_group(targets, 5432, {"protocol": "TCP", "port": 3999}),
        "web": _target_group(targets, **WEB_TARGETS),
    }
    lab["load_balancers"] = {"nlb": _balancer({5432: "db", 80: "web"})}
    return lab


def _target_group(targets: list[str], port: int, health_check: dict[str, Any]) -> dict[str, Any]:
    return {
        "region": REGION,
        "vpc": "main",
        "port": port,
        # Tests shall not wait for the five seconds that are the least AWS allows.
        "health_check": {"interval_s": 1, "timeout_s": 1, **health_check},
        "attributes": {"deregistration_delay.timeout_seconds": "5"},
        "targets": targets,
    }


def _balancer(target_groups: dict[int, str]) -> dict[str, Any]:
    """A balancer in both private subnets; it leads each port to a target group."""
    return {
        "region": REGION,
        "vpc": "main",
        "subnets": list(PRIVATE),
        "attributes": {"load_balancing.cross_zone.enabled": "true"},
        "listeners": [{"port": port, "target_group": name} for port, name in target_groups.items()],
    }


def _dns(nodes: int) -> dict[str, Any]:
    """The dual-stack VPC; two zones of one name, private and public, whose records lead to n1.

    The internet is a hop away, where a client asks the public zone; each node has an Elastic IP.
    """
    lab = _dual_stack(nodes)
    region = lab["regions"][REGION]
    _connect_to_internet(lab)
    first_public = ipaddress.ip_address(PUBLIC_IP)
    region["elastic_ips"] = {
        node: {"public_ip": str(first_public + number), "node": node}
        for number, node in enumerate(lab["nodes"])
    }
    first = lab["nodes"]["n1"]

    def zone(private: bool, ip: str) -> dict[str, Any]:
        db, web = f"db.{ZONE}", f"web.{ZONE}"
        records = [{"name": db, "type": "A", "ttl": RECORD_TTL_S, "values": [ip]}]
        if private:
            values = [first["ip6"]]
            records.append({"name": db, "type": "AAAA", "ttl": RECORD_TTL_S, "values": values})
        for identifier, weight, value in (("blue", 3, ip), ("green", 1, "192.0.2.1")):
            weighted = {"set_identifier": identifier, "weight": weight, "values": [value]}
            records.append({"name": web, "type": "A", "ttl": RECORD_TTL_S, **weighted})
        vpcs = {"vpcs": [f"{REGION}/main"]} if private else {}
        return {"name": ZONE, "private": private, **vpcs, "records": records}

    lab["zones"] = [zone(True, first["ip"]), zone(False, PUBLIC_IP)]
    return lab


def _connect_to_internet(lab: dict[str, Any]) -> None:
    """Give the subnets of Tokyo a way to the internet, and the internet a client."""
    vpc = lab["regions"][REGION]["vpcs"]["main"]
    vpc["internet_gateway"] = True
    for table in vpc["route_tables"].values():
        table["routes"]["0.0.0.0/0"] = "igw"
    lab["clients"]["outside"] = dict(OUTSIDE)


def _complete(nodes: int) -> dict[str, Any]:
    """The VPC of the scenario dns, with something to move for every agent."""
    lab = _dns(nodes)
    lab["regions"][REGION]["elastic_ips"] = {"web": {"public_ip": PUBLIC_IP, "node": None}}
    return lab


def _public(nodes: int) -> dict[str, Any]:
    """The textbook VPC with an internet gateway; nodes and client are in the public subnets.

    One Elastic IP is nobody's at first, the other is the client's: its text begins with the first.
    """
    lab = _textbook(nodes)
    content = lab["regions"][REGION]
    vpc = content["vpcs"]["main"]
    vpc["internet_gateway"] = True
    vpc["route_tables"]["public"]["routes"]["0.0.0.0/0"] = "igw"
    content["elastic_ips"] = {
        "web": {"public_ip": PUBLIC_IP, "node": None},
        "other": {"public_ip": f"{PUBLIC_IP}3", "node": "client"},
    }
    for member in (*lab["nodes"].values(), lab["clients"]["client"]):
        member["subnet"] = member["subnet"].replace("private", "public")
        member["ip"] = _in_subnet(vpc, member["subnet"], member["ip"])
        member["source_dest_check"] = True
    lab["clients"]["outside"] = dict(OUTSIDE)
    return lab


def _one_subnet(nodes: int) -> dict[str, Any]:
    """The dual-stack VPC with all nodes in one subnet, where secondary addresses can move."""
    lab = _dual_stack(nodes)
    for index, member in enumerate(lab["nodes"].values()):
        member["subnet"] = "private-a"
        member["ip"], member["ip6"] = f"10.0.2.{10 + index}", f"2001:db8:100:2::{10 + index}"
        member["source_dest_check"] = True
    return lab


def _mesh(nodes: int) -> dict[str, Any]:
    """Three regions, each peered with both others."""
    return _regions(nodes, [(REGION, OSAKA), (OSAKA, SINGAPORE), (REGION, SINGAPORE)])


def _chain(nodes: int) -> dict[str, Any]:
    """Three regions; Osaka and Singapore reach each other by way of Tokyo alone."""
    return _regions(nodes, [(REGION, OSAKA), (REGION, SINGAPORE)])


def _regions(nodes: int, peerings: list[tuple[str, str]]) -> dict[str, Any]:
    """Dual-stack VPCs in Tokyo, Osaka and Singapore, each with a transit gateway called hub.

    The nodes are in Tokyo and Osaka, one after the other, and there is a client in each region.
    The arbiter in Singapore is a machine for what decides between the two others.
    """
    places = _PLACES
    private = list(PRIVATE)
    members = {
        f"n{index + 1}": {
            **places[(REGION, OSAKA)[index % 2]].node(private[index // 2 % 2], 10 + index // 4),
            # Known beforehand, so that a CIB can name the instances to be fenced.
            "instance": f"i-0a{index + 1:015}",
        }
        for index in range(nodes)
    }
    hops = {region: _next_hops(region, peerings) for region in places}
    return {
        "regions": {
            region: _region_with_hub(place, list(places.values()), hops[region])
            for region, place in places.items()
        },
        "peerings": [
            {"from": f"{one}/{HUB}", "to": f"{other}/{HUB}", "tables": ["peers", "peers"]}
            for one, other in peerings
        ],
        "nodes": members,
        "clients": {
            "tokyo": places[REGION].member("private-a", 100),
            "osaka": places[OSAKA].member("private-a", 100),
            "singapore": places[SINGAPORE].member("private-a", 100),
            "arbiter": places[SINGAPORE].member("private-a", 200),
        },
    }


def _region_with_hub(
    place: _Place, places: list[_Place], next_hops: dict[str, str]
) -> dict[str, Any]:
    """One of the regions: everything leads to its place, and the addresses that move to n1."""
    to_others = {cidr: f"tgw:{HUB}" for other in places if other != place for cidr in other.cidrs}
    to_vip = place.vip_routes("n1" if place.region == REGION else f"tgw:{HUB}")
    route_tables = {
        subnet: {"subnets": [subnet], "routes": to_vip | to_others} for subnet in PRIVATE
    }
    subnets = {
        subnet: place.subnet(number, subnet.rpartition("-")[2])
        for subnet, number in PRIVATE.items()
    }

    def towards(region: str) -> str:
        return "vpc:main" if region == place.region else f"peering:{next_hops[region]}/{HUB}"

    routes = {cidr: towards(other.region) for other in places for cidr in other.cidrs}
    routes |= place.vip_routes(towards(REGION))
    hub = {
        "vpcs": {"main": {"table": "vpcs", "subnets": list(PRIVATE)}},
        "route_tables": {"vpcs": {"routes": dict(routes)}, "peers": {"routes": dict(routes)}},
    }
    return {"vpcs": {"main": place.vpc(subnets, route_tables)}, "transit_gateways": {HUB: hub}}


def _next_hops(origin: str, peerings: list[tuple[str, str]]) -> dict[str, str]:
    """The first region on a shortest way from one region to each other."""
    pairs = [pair for a, b in peerings for pair in ((a, b), (b, a))]
    found = {b: b for a, b in pairs if a == origin}
    reached = list(found)
    for region in reached:
        for a, b in pairs:
            if a == region and b != origin and b not in found:
                found[b] = found[region]
                reached.append(b)
    return found


def _with_own_address(lab: dict[str, Any], home: str, node: str) -> None:
    """Give a region an address more, which moves inside it alone; at first it leads to a node.

    From other regions everything leads there for good.
    """
    destination = f"{OWN_ADDRESSES[home]}/32"
    for region, content in lab["regions"].items():
        here = region == home
        for table in content["vpcs"]["main"]["route_tables"].values():
            table["routes"][destination] = node if here else f"tgw:{HUB}"
        for table in content["transit_gateways"][HUB]["route_tables"].values():
            table["routes"][destination] = "vpc:main" if here else f"peering:{home}/{HUB}"


def _with_own_addresses(lab: dict[str, Any]) -> dict[str, Any]:
    """The regions, where those with nodes have an address of their own; the first nodes have it."""
    if len(lab["nodes"]) < len(OWN_ADDRESSES):
        raise LabError(f"this scenario needs --nodes {len(OWN_ADDRESSES)} or more")
    for index, home in enumerate(OWN_ADDRESSES):
        _with_own_address(lab, home, f"n{index + 1}")
    return lab


def _two_clusters(nodes: int) -> dict[str, Any]:
    """The regions with a cluster in each that has nodes, and an address for its booth site."""
    lab = _with_own_addresses(_mesh(nodes))
    lab["clusters"] = {
        name: [node for node, member in lab["nodes"].items() if member["region"] == region]
        for name, region in (("tokyo", REGION), ("osaka", OSAKA))
    }
    return lab


def _regions_dns(nodes: int) -> dict[str, Any]:
    """The regions with an address in each, and a private zone for all VPCs that leads to n1's."""
    lab = _with_own_addresses(_mesh(nodes))
    lab["zones"] = [_zone_of_all(lab, OWN_ADDRESSES[REGION])]
    return lab


def _zone_of_all(lab: dict[str, Any], ip: str) -> dict[str, Any]:
    """A private zone for the VPCs of all regions, with a record that leads to an address."""
    return {
        "name": ZONE,
        "private": True,
        "vpcs": [f"{region}/main" for region in lab["regions"]],
        "records": [{"name": f"db.{ZONE}", "type": "A", "ttl": RECORD_TTL_S, "values": [ip]}],
    }


def _everything(nodes: int) -> dict[str, Any]:
    """The regions with something to move for every agent, all at the same time.

    The nodes of each region are in one subnet, from two on those of Tokyo at first: there are the
    balancer's targets, and the Elastic IP and the secondary address can move.
    """
    lab = _mesh(nodes)
    in_tokyo = max(2, nodes // 2)
    for index, member in enumerate(lab["nodes"].values()):
        far = index >= in_tokyo
        place = _PLACES[OSAKA if far else REGION]
        member |= place.node("private-a", 10 + index - far * in_tokyo)
    _connect_to_internet(lab)
    lab["regions"][REGION]["elastic_ips"] = {"web": {"public_ip": PUBLIC_IP, "node": None}}
    _with_own_address(lab, REGION, "n1")
    lab["zones"] = [_zone_of_all(lab, lab["nodes"]["n1"]["ip"])]
    targets = list(lab["nodes"])[:in_tokyo]
    lab["target_groups"] = {"web": _target_group(targets, **WEB_TARGETS)}
    lab["load_balancers"] = {"nlb": _balancer({80: "web"})}
    return lab


def _in_subnet(vpc: dict[str, Any], subnet: str, ip: str) -> str:
    """The same host in another subnet."""
    host = int(ip.rpartition(".")[2])
    return str(ipaddress.ip_network(vpc["subnets"][subnet]["cidr"])[host])


SCENARIOS: dict[str, Callable[[int], dict[str, Any]]] = {
    "textbook": _textbook,
    "dual-stack": _dual_stack,
    "ten-tables": _ten_tables,
    "two-interfaces": _two_interfaces,
    "public": _public,
    "one-subnet": _one_subnet,
    "nlb": _nlb,
    "dns": _dns,
    "complete": _complete,
    "regions": _mesh,
    "regions-chain": _chain,
    "regions-two-clusters": _two_clusters,
    "regions-dns": _regions_dns,
    "everything": _everything,
}


def describe(name: str, scenario: str | dict[str, Any], nodes: int) -> dict[str, Any]:
    """The contents of lab.json for a scenario, or for what one would make.

    Raises LabError when it cannot be had.
    """
    if isinstance(scenario, dict):
        return {"name": name, "api_net": "198.18.0.0/24", **scenario}
    if scenario not in SCENARIOS:
        raise LabError(f"scenario '{scenario}' is unknown; there are {', '.join(SCENARIOS)}")
    if not 1 <= nodes <= MAX_NODES:
        raise LabError(f"--nodes {nodes}: a lab has from 1 to {MAX_NODES} nodes")
    return {"name": name, "api_net": "198.18.0.0/24", **SCENARIOS[scenario](nodes)}


# --- typed view ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Subnet:
    """One subnet: a bridge in its VPC's router, with a routing table of its own."""

    name: str
    id: str
    index: int
    cidr: str
    cidr6: str | None

    @property
    def bridge(self) -> str:
        return f"br{self.index}"

    @property
    def table(self) -> int:
        """Number of the kernel routing table for packets that come from this subnet."""
        return 100 + self.index

    @property
    def gateways(self) -> list[str]:
        """The router's addresses in this subnet, with prefix length; the first host of each."""
        return [_first_host(cidr) for cidr in self.cidrs]

    @property
    def cidrs(self) -> list[str]:
        return [self.cidr] + ([self.cidr6] if self.cidr6 else [])


@dataclass(frozen=True, eq=False)
class Network:
    """A namespace that routes between its subnets and to elsewhere: a VPC, or the internet."""

    name: str
    id: str | None
    cidr: str
    subnets: dict[str, Subnet]

    @property
    def namespace_part(self) -> str:
        """What its namespace is called after NAME-."""
        return self.name

    @property
    def resolvers(self) -> list[str]:
        """Addresses of the resolver: the network's plus two."""
        return [str(ipaddress.ip_network(self.cidr).network_address + 2)]


@dataclass(frozen=True, eq=False)
class Vpc(Network):
    """One VPC; with a gateway it is connected to the internet."""

    region: str
    index: int
    gateway: bool

    @property
    def namespace_part(self) -> str:
        return f"vpc-{self.region}-{self.name}"

    @property
    def resolvers(self) -> list[str]:
        """That, and one alike in every VPC."""
        return [*super().resolvers, "169.254.169.253"]

    @property
    def tables(self) -> list[int]:
        """Numbers of the kernel routing tables in its router."""
        return [INTERNET_TABLE, *(subnet.table for subnet in self.subnets.values())]

    @property
    def port(self) -> str:
        """What the other end of a link from this VPC's router is called."""
        return f"vpc{self.index}"

    @property
    def link_address(self) -> str:
        """Address of its router on the links to transit gateways."""
        return f"fe80::1:{self.index:x}"

    @property
    def aws_side(self) -> str:
        """Address of the AWS side on the link between it and this VPC's router."""
        return f"198.19.{self.index}.1"

    @property
    def router_side(self) -> str:
        return f"198.19.{self.index}.2"

    @property
    def internet_side(self) -> str:
        """Address of the internet's side on the link between it and this VPC's router."""
        return f"198.19.{self.index + 100}.1"

    @property
    def gateway_side(self) -> str:
        return f"198.19.{self.index + 100}.2"


@dataclass(frozen=True, eq=False)
class TransitGateway:
    """A transit gateway: a namespace with a link to each attached VPC's router and to each peer.

    `vpcs` has the subnet whose route table is for what comes from here.
    """

    name: str
    id: str
    region: str
    index: int
    vpcs: dict[Vpc, Subnet]
    peers: list["TransitGateway"]

    @property
    def namespace_part(self) -> str:
        """What its namespace is called after NAME-."""
        return f"tgw-{self.region}-{self.name}"

    @property
    def port(self) -> str:
        """What the other end of a link from it is called."""
        return f"tgw{self.index}"

    @property
    def link_address(self) -> str:
        """Its address on all its links."""
        return f"fe80::2:{self.index:x}"

    @property
    def neighbours(self) -> dict[int, "Vpc | TransitGateway"]:
        """Who is at the end of a link, by the number of the kernel routing table for packets
        that come from there."""
        return dict(enumerate([*self.vpcs, *self.peers], 100))


@dataclass(frozen=True)
class Eni:
    """One network interface of an instance."""

    id: str
    mac: str
    device_index: int
    subnet: Subnet
    ip: str
    ip6: str | None

    @property
    def device(self) -> str:
        return f"eth{self.device_index}"

    @property
    def addresses(self) -> list[str]:
        """Own addresses with the subnet's prefix length."""
        pairs = zip([self.ip, self.ip6], self.subnet.cidrs, strict=False)
        return [f"{ip}/{cidr.rpartition('/')[2]}" for ip, cidr in pairs if ip]


@dataclass(frozen=True)
class Member:
    """A node of the cluster, or a client beside it; one in the internet is no instance of AWS."""

    name: str
    instance: str | None
    region: str | None
    vpc: Network
    enis: list[Eni]
    in_cluster: bool

    @property
    def addresses(self) -> list[str]:
        return [ip for eni in self.enis for ip in (eni.ip, eni.ip6) if ip]


@dataclass(frozen=True)
class Balancer:
    """A Network Load Balancer: a namespace with an interface in each of its subnets."""

    load_balancer: str
    id: str
    dns_name: str
    vpc: Vpc
    enis: list[Eni]

    @property
    def name(self) -> str:
        """What its namespace is called after NAME-."""
        return f"nlb-{self.load_balancer}"

    @property
    def addresses(self) -> list[str]:
        return [eni.ip for eni in self.enis]


@dataclass(frozen=True)
class ElasticIp:
    """An Elastic IP that the lab has had from the beginning."""

    name: str
    id: str
    public_ip: str
    region: str


@dataclass(frozen=True)
class Topology:
    """The lab as AWS has created it."""

    name: str
    api_net: str
    endpoints: dict[str, str]
    endpoint_addresses: dict[str, list[str]]
    vpcs: list[Vpc]
    transit_gateways: list[TransitGateway]
    internet: Network | None
    elastic_ips: dict[str, ElasticIp]
    members: dict[str, Member]
    balancers: dict[str, Balancer]
    quorum_device: str | None  # the client that corosync-qnetd runs on
    clusters: dict[str, dict[str, Member]]  # the nodes of each

    @classmethod
    def load(cls, state: State) -> "Topology":
        """Read topology.json; it exists once the daemon has created everything."""
        return cls.from_document(json.loads(state.topology_json.read_text()))

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Topology":
        vpcs = [
            Vpc(
                name=name,
                id=vpc["id"],
                region=region,
                index=index,
                cidr=vpc["cidr"],
                gateway=bool(vpc.get("internet_gateway")),
                subnets={
                    subnet_name: Subnet(
                        subnet_name, subnet["id"], number, subnet["cidr"], subnet["cidr6"]
                    )
                    for number, (subnet_name, subnet) in enumerate(vpc["subnets"].items())
                },
            )
            for index, (region, name, vpc) in enumerate(
                (region, name, vpc)
                for region, content in document["regions"].items()
                for name, vpc in content["vpcs"].items()
            )
        ]
        by_name = {(vpc.region, vpc.name): vpc for vpc in vpcs}

        def interfaces(vpc: Vpc, entry: dict[str, Any]) -> list[Eni]:
            return [
                Eni(
                    eni["id"],
                    eni["mac"],
                    eni["device_index"],
                    vpc.subnets[eni["subnet"]],
                    eni["ip"],
                    eni["ip6"],
                )
                for eni in entry["enis"]
            ]

        def member(name: str, entry: dict[str, Any], in_cluster: bool) -> Member:
            vpc = by_name[entry["region"], entry["vpc"]]
            enis = interfaces(vpc, entry)
            return Member(name, entry["instance"], entry["region"], vpc, enis, in_cluster)

        def balancer(name: str, entry: dict[str, Any]) -> Balancer:
            vpc = by_name[entry["region"], entry["vpc"]]
            enis = interfaces(vpc, entry)
            return Balancer(name, entry["arn"], entry["dns_name"], vpc, enis)

        members = {n: member(n, e, True) for n, e in document["nodes"].items()}
        internet = _internet(document)
        for number, (name, entry) in enumerate(document["clients"].items()):
            if entry.get("internet"):
                members[name] = _outsider(name, number, internet, entry["ip"])
            else:
                members[name] = member(name, entry, False)
        elastic_ips = {
            name: ElasticIp(name, item["id"], item["public_ip"], region)
            for region, content in document["regions"].items()
            for name, item in content.get("elastic_ips", {}).items()
        }
        balancers = {n: balancer(n, e) for n, e in document.get("load_balancers", {}).items()}
        clusters = document.get("clusters", {document["name"]: document["nodes"]})
        return cls(
            name=document["name"],
            api_net=document["api_net"],
            endpoints=document["endpoints"],
            endpoint_addresses={
                region: [
                    item["address"] for item in document["services"] if item["region"] == region
                ]
                for region in document["regions"]
            },
            vpcs=vpcs,
            transit_gateways=_transit_gateways(document, by_name),
            internet=internet,
            elastic_ips=elastic_ips,
            members=members,
            balancers=balancers,
            quorum_device=document.get("quorum_device"),
            clusters={name: {n: members[n] for n in nodes} for name, nodes in clusters.items()},
        )

    @property
    def networks(self) -> list[Network]:
        """The VPCs, and the internet where there is one."""
        return [*self.vpcs, *([self.internet] if self.internet else [])]

    @property
    def regions(self) -> list[str]:
        return list(self.endpoint_addresses)

    def require_region(self, region: str) -> None:
        """Raise LabError naming the regions there are unless this is one."""
        if region not in self.regions:
            raise LabError(
                f"lab '{self.name}' has no region '{region}'; it has {', '.join(self.regions)}"
            )

    def gateways_of(self, region: str) -> list[TransitGateway]:
        """The transit gateways of a region."""
        return [gateway for gateway in self.transit_gateways if gateway.region == region]

    @cached_property
    def nodes(self) -> dict[str, Member]:
        """The members that run a cluster."""
        return {name: member for name, member in self.members.items() if member.in_cluster}

    def cluster(self, name: str | None) -> dict[str, Member]:
        """The nodes of a cluster; None means the only one. Raises LabError naming those there are."""
        if name is None and len(self.clusters) == 1:
            return self.nodes
        if name not in self.clusters:
            raise LabError(f"lab '{self.name}' has the clusters {', '.join(self.clusters)}")
        return self.clusters[name]

    def member(self, name: str) -> Member:
        """Look a node or client up. Raises LabError naming the ones there are."""
        try:
            return self.members[name]
        except KeyError:
            raise LabError(
                f"lab '{self.name}' has no node '{name}'; it has {', '.join(self.members)}"
            ) from None

    @property
    def machines(self) -> dict[str, Member | Balancer]:
        """Everything that is connected to a subnet: the members, and balancers as nlb-NAME."""
        return self.members | {item.name: item for item in self.balancers.values()}

    def machine(self, name: str) -> Member | Balancer:
        """Look one of the machines up. Raises LabError naming the ones there are."""
        if name not in self.machines:
            raise LabError(
                f"lab '{self.name}' has no node '{name}'; it has {', '.join(self.machines)}"
            )
        return self.machines[name]


def namespace_parts(document: dict[str, Any]) -> list[str]:
    """What the lab's network namespaces are called after NAME-, from lab.json or topology.json."""
    vpcs = [
        f"vpc-{region}-{name}"
        for region, content in document["regions"].items()
        for name in content["vpcs"]
    ]
    gateways = [
        f"tgw-{region}-{name}"
        for region, content in document["regions"].items()
        for name in content.get("transit_gateways", {})
    ]
    balancers = [f"nlb-{name}" for name in document.get("load_balancers", {})]
    internet = [network.namespace_part for network in (_internet(document),) if network]
    machines = [*balancers, *document["nodes"], *document["clients"]]
    return ["aws", *vpcs, *gateways, *internet, *machines]


def _transit_gateways(
    document: dict[str, Any], vpcs: dict[tuple[str, str], Vpc]
) -> list[TransitGateway]:
    entries = [
        (region, name, entry)
        for region, content in document["regions"].items()
        for name, entry in content.get("transit_gateways", {}).items()
    ]

    def attached(region: str, entry: dict[str, Any]) -> dict[Vpc, Subnet]:
        return {
            vpcs[region, name]: vpcs[region, name].subnets[attachment["subnets"][0]]
            for name, attachment in entry["vpcs"].items()
        }

    found = {
        f"{region}/{name}": TransitGateway(
            name, entry["id"], region, index, attached(region, entry), []
        )
        for index, (region, name, entry) in enumerate(entries)
    }
    for peering in document.get("peerings", []):
        one, other = found[peering["from"]], found[peering["to"]]
        one.peers.append(other)
        other.peers.append(one)
    return list(found.values())


def _internet(document: dict[str, Any]) -> Network | None:
    """The internet, where the lab has clients in it or a VPC with a gateway to it."""
    vpcs = [vpc for content in document["regions"].values() for vpc in content["vpcs"].values()]
    outsiders = any(client.get("internet") for client in document["clients"].values())
    if not outsiders and not any(vpc.get("internet_gateway") for vpc in vpcs):
        return None
    name = "internet"
    return Network(name, None, INTERNET_CIDR, {name: Subnet(name, "", 0, INTERNET_CIDR, None)})


def _outsider(name: str, number: int, internet: Network, ip: str) -> Member:
    (subnet,) = internet.subnets.values()
    eni = Eni("", f"02:00:00:00:00:{number:02x}", 0, subnet, ip, None)
    return Member(name, None, None, internet, [eni], False)


def _first_host(cidr: str) -> str:
    network = ipaddress.ip_network(cidr)
    return f"{network.network_address + 1}/{network.prefixlen}"
