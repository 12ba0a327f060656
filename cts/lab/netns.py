# SPDX-License-Identifier: GPL-2.0-or-later
"""The network namespaces: AWS's side, a router for each VPC, one for each node and client.

    NAME-NODE  eth0 --veth-- [bridge of the subnet] NAME-vpc-REGION-VPC  aws --veth-- NAME-aws
                                                                         igw --veth-- NAME-internet
    [NAME-vpc-REGION-VPC] --veth-- NAME-tgw-REGION-GATEWAY --veth-- [another NAME-tgw-...]

A load balancer's NAME-nlb-BALANCER is connected as a node is, to a bridge with each interface.
Machines of a subnet reach each other by way of the router alone. Where addresses lead to is not
made here but by lab.dataplane and lab.mapping, from AWS's state.
"""

import ipaddress
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from lab.state import CLEAN_ENV, LabError
from lab.topology import (
    INTERNET_TABLE,
    Balancer,
    Eni,
    Member,
    Network,
    Topology,
    TransitGateway,
    Vpc,
)

NETNS_DIR = Path("/run/netns")
METADATA_ADDRESSES = ("169.254.169.254/32", "fd00:ec2::254/128")

_MEMBER_SYSCTLS = (
    # A redirect would lead around the router, past the next change of a route.
    "net.ipv4.conf.all.accept_redirects=0",
    "net.ipv6.conf.all.accept_redirects=0",
    "net.ipv6.conf.default.accept_redirects=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.default.accept_ra=0",
)
_ROUTER_SYSCTLS = (
    *_MEMBER_SYSCTLS,
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    # Client and active node may share a subnet, yet the way to the address is the router.
    "net.ipv4.conf.all.send_redirects=0",
    "net.ipv4.conf.default.send_redirects=0",
    # The router answers for whatever it has a route to, also when that is in the same subnet.
    "net.ipv4.conf.default.proxy_arp_pvlan=1",
    "net.ipv6.conf.default.proxy_ndp=1",
)

# Cuts and refusals of one member: an element in a set is a rule.
_MEMBER_FILTER = """
table inet lab {
    set refuse4 { type ipv4_addr; counter; }
    set refuse6 { type ipv6_addr; counter; }
    set drop4 { type ipv4_addr; flags interval; }
    set drop6 { type ipv6_addr; flags interval; }
    set cut4 { type ipv4_addr; flags interval; }
    set cut6 { type ipv6_addr; flags interval; }
    chain out {
        type filter hook output priority 0;
        ip daddr @refuse4 meta l4proto tcp reject with tcp reset
        ip6 daddr @refuse6 meta l4proto tcp reject with tcp reset
        ip daddr @drop4 drop
        ip6 daddr @drop6 drop
        ip daddr @cut4 drop
        ip6 daddr @cut6 drop
    }
    counter metadata { }
    chain in {
        type filter hook input priority 0;
        ip saddr @cut4 drop
        ip6 saddr @cut6 drop
        # The kernel's answer where nobody listens; what breaks off later has a sequence.
        ip saddr 169.254.169.254 tcp sequence 0 tcp flags & rst == rst counter name metadata
        ip6 saddr fd00:ec2::254 tcp sequence 0 tcp flags & rst == rst counter name metadata
    }
}
"""
# Endpoints of AWS that swallow what anybody sends to them.
_AWS_FILTER = """
table inet lab {
    set cut4 { type ipv4_addr; }
    chain in {
        type filter hook input priority 0;
        ip daddr @cut4 drop
    }
}
"""
# A router with this table lets nothing pass.
_CLOSED = """
table inet closed {
    chain forward {
        type filter hook forward priority 0; policy drop;
    }
}
"""
_OPEN = "add table inet closed; delete table inet closed"
_BLOCKS = {"refuse": "refuse", "drop": "drop"}


def path(namespace: str) -> Path:
    """The file that stands for a network namespace."""
    return NETNS_DIR / namespace


def run(argv: list[str], stdin: str | None = None) -> str:
    """Run a tool to its end and return what it printed. Raises LabError with what it said."""
    try:
        done = subprocess.run(
            argv, input=stdin, env=CLEAN_ENV, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed; run 'make deps'") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(argv)} ended with {done.returncode}: {said}")
    return done.stdout


def inside(namespace: str, argv: list[str]) -> list[str]:
    """The command line that runs argv in a network namespace."""
    return ["nsenter", f"--net={path(namespace)}", "--", *argv]


def ip_batch(namespace: str | None, commands: Iterable[str], *options: str) -> None:
    """Run several `ip` commands at once; the first that fails ends it with LabError.

    The option "-6" is for commands that mention no address to tell the family by.
    """
    where = ["-n", namespace] if namespace else []
    text = "".join(f"{command}\n" for command in commands)
    if text:
        run(["ip", *options, *where, "-batch", "-"], text)


def create_aws(name: str) -> None:
    """Make the namespace in which the AWS daemon runs."""
    namespace = f"{name}-aws"
    ip_batch(None, [f"netns add {namespace}"])
    ip_batch(namespace, ["link set lo up"])
    run(inside(namespace, ["nft", "-f", "-"]), _AWS_FILTER)


def create(topology: Topology) -> None:
    """Make all other namespaces and connect them. create_aws() has been called before."""
    name = topology.name
    routers = {network: f"{name}-{network.namespace_part}" for network in topology.networks}
    gateways = [f"{name}-{item.namespace_part}" for item in topology.transit_gateways]
    members = [f"{name}-{member.name}" for member in topology.machines.values()]
    namespaces = (*routers.values(), *gateways, *members)
    ip_batch(None, [f"netns add {namespace}" for namespace in namespaces])
    for network, namespace in routers.items():
        _create_router(network, namespace)
    for namespace in gateways:
        _sysctl(namespace, _ROUTER_SYSCTLS)
    if topology.internet is not None:
        # An Elastic IP that is nobody's swallows what is sent to it.
        ip_batch(routers[topology.internet], ["route add blackhole default"])
    for vpc in topology.vpcs:
        _connect_aws(topology, vpc, routers[vpc])
        if vpc.gateway:
            _connect_internet(vpc, routers[vpc], routers[topology.internet])
    for gateway in topology.transit_gateways:
        _connect_transit(topology, gateway)
    ip_batch(f"{name}-aws", [f"addr add {ip}/32 dev lo" for ip in set(topology.endpoints.values())])
    for member in topology.machines.values():
        namespace = f"{name}-{member.name}"
        _sysctl(namespace, _MEMBER_SYSCTLS)
        run(inside(namespace, ["nft", "-f", "-"]), _MEMBER_FILTER)
        ip_batch(None, _member_links(routers[member.vpc], namespace, member))
        ip_batch(
            routers[member.vpc],
            [
                command
                for eni in member.enis
                for port in [_port(member, eni.device_index)]
                for command in (
                    f"link set {port} master {eni.subnet.bridge} up",
                    f"link set {port} type bridge_slave isolated on",
                )
            ],
        )
        # What has an address leaves by its interface, as AWS's own images arrange it: from any
        # other it would not pass the source/destination check.
        for option, family in (("-4", "ip"), ("-6", "ip6")):
            rules = [
                f"rule add pref {_own_table(eni)} from {ip} lookup {_own_table(eni)}"
                for eni in _with_own_table(member)
                for ip in [getattr(eni, family)]
                if ip
            ]
            ip_batch(namespace, rules, option)
        configure_member(name, member)


def configure_member(name: str, member: Member | Balancer) -> None:
    """Give a node, client or balancer the network of a machine that has just been switched on.

    Addresses and routes that software has added since are gone afterwards.
    """
    namespace = f"{name}-{member.name}"
    commands = ["link set lo up"]
    commands += [
        f"addr replace {address} dev lo"
        for address in METADATA_ADDRESSES
        if member.enis[0].ip6 or ":" not in address
    ]
    for eni in member.enis:
        # Down first: this also drops the routes, and IPv6 makes its link address anew.
        commands += [f"link set {eni.device} down", f"addr flush dev {eni.device}"]
        commands += [f"addr add {address} dev {eni.device}" for address in eni.addresses]
        commands += [f"link set {eni.device} up"]
        for gateway in eni.subnet.gateways[: len(eni.addresses)]:
            via = gateway.partition("/")[0]
            everywhere = "::/0" if ":" in via else "0.0.0.0/0"
            route = f"route add {everywhere} via {via} dev {eni.device}"
            if eni.device_index == 0:
                commands.append(route)
            if eni in _with_own_table(member):
                commands.append(f"{route} table {_own_table(eni)}")
    ip_batch(namespace, commands)


def unplug(name: str, member: Member) -> None:
    """Take a member's links down, as when the power goes."""
    ip_batch(f"{name}-{member.name}", [f"link set {eni.device} down" for eni in member.enis])


def delete(name: str, parts: Iterable[str]) -> None:
    """Remove the lab's namespaces, those that exist, with all that is in them."""
    present = [f"{name}-{part}" for part in parts if path(f"{name}-{part}").exists()]
    ip_batch(None, [f"netns del {namespace}" for namespace in present])


def block(name: str, node: str, addresses: list[str], how: str) -> None:
    """Make addresses refuse ("refuse") or swallow ("drop") what a node sends to them."""
    if how not in _BLOCKS:
        raise LabError(f"'{how}' is no way to block an address; there are {', '.join(_BLOCKS)}")
    unblock(name, node, addresses)
    _change_set(name, node, ["add"], [_BLOCKS[how]], addresses)


def unblock(name: str, node: str, addresses: list[str]) -> None:
    """Undo block(); does nothing where nothing is blocked."""
    _remove_from_sets(name, node, list(_BLOCKS.values()), addresses)


def refused(name: str, node: str) -> dict[str, int]:
    """How many connections each address that refuses has refused a node so far; the node's
    metadata, by IPv4 and IPv6, are METADATA_ADDRESSES[0].
    """
    listing = run(inside(f"{name}-{node}", ["nft", "-j", "list", "table", "inet", "lab"]))
    objects = json.loads(listing)["nftables"]
    sets = {item["set"]["name"]: item["set"] for item in objects if "set" in item}
    (metadata,) = (item["counter"]["packets"] for item in objects if "counter" in item)
    elements = [element["elem"] for element in sets["refuse4"].get("elem", [])]
    found = {element["val"]: element["counter"]["packets"] for element in elements}
    return found | {METADATA_ADDRESSES[0]: metadata}


def cut(name: str, node: str, addresses: list[str]) -> None:
    """Drop every packet between a node or client and these addresses or networks."""
    _change_set(name, node, ["add"], ["cut"], addresses)


def mend(name: str, node: str, addresses: list[str]) -> None:
    """Undo cut() of these addresses or networks; does nothing to those that are not cut."""
    _remove_from_sets(name, node, ["cut"], addresses)


def heal(name: str, node: str) -> None:
    """Undo every cut() of a node or client."""
    run(inside(f"{name}-{node}", ["nft", "flush set inet lab cut4; flush set inet lab cut6"]))


def swallow(name: str, addresses: list[str]) -> None:
    """Let these endpoints of AWS drop all that is sent to them, on open connections as well."""
    _change_set(name, "aws", ["add"], ["cut"], addresses)


def answer(name: str, addresses: list[str]) -> None:
    """Undo swallow(); does nothing to endpoints that answer."""
    _remove_from_sets(name, "aws", ["cut"], addresses)


def close_router(namespace: str) -> None:
    """Let no packet pass a router."""
    open_router(namespace)
    run(inside(namespace, ["nft", "-f", "-"]), _CLOSED)


def open_router(namespace: str) -> None:
    """Undo close_router(); does nothing to a router that lets packets pass."""
    run(inside(namespace, ["nft", _OPEN]))


def _change_set(
    name: str, node: str, verbs: list[str], bases: list[str], addresses: list[str]
) -> None:
    """Do one thing after the other to sets of a member's filter, in a single step."""
    elements = [
        f"element inet lab {base}{ipaddress.ip_network(address).version} {{ {address} }}"
        for base in bases
        for address in addresses
    ]
    commands = [f"{verb} {element}" for verb in verbs for element in elements]
    run(inside(f"{name}-{node}", ["nft", "; ".join(commands)]))


def _remove_from_sets(name: str, node: str, bases: list[str], addresses: list[str]) -> None:
    # Deleting an element that is not there is an error, adding one that is there is not.
    _change_set(name, node, ["add", "delete"], bases, addresses)


def _create_router(network: Network, namespace: str) -> None:
    """A router with a bridge for each subnet."""
    _sysctl(namespace, _ROUTER_SYSCTLS)
    commands = ["link set lo up"]
    commands += [f"addr add {address}/32 dev lo" for address in network.resolvers]
    for subnet in network.subnets.values():
        commands.append(f"link add {subnet.bridge} type bridge")
        commands += [f"addr add {ip} dev {subnet.bridge}" for ip in subnet.gateways]
        commands.append(f"link set {subnet.bridge} up")
    ip_batch(namespace, commands)
    _sysctl(
        namespace,
        [
            f"net.{family}.neigh.{subnet.bridge}.proxy_delay=0"
            for subnet in network.subnets.values()
            for family in ("ipv4", "ipv6")
        ],
    )


def _connect_aws(topology: Topology, vpc: Vpc, namespace: str) -> None:
    """The link to AWS's endpoints, and a table of routes for each subnet."""
    peer, aws = vpc.port, f"{topology.name}-aws"
    ip_batch(None, [f"link add aws netns {namespace} type veth peer name {peer} netns {aws}"])
    commands = [f"addr add {vpc.router_side}/30 dev aws", "link set aws up"]
    commands.append(f"route add {topology.api_net} via {vpc.aws_side}")
    ip_batch(namespace, commands)
    for subnet in vpc.subnets.values():
        _route_arriving(namespace, subnet.bridge, subnet.table)
    ip_batch(
        aws,
        [f"addr add {vpc.aws_side}/30 dev {peer}", f"link set {peer} up"]
        + [f"route add {subnet.cidr} via {vpc.router_side}" for subnet in vpc.subnets.values()],
    )


def _connect_internet(vpc: Vpc, namespace: str, internet: str) -> None:
    """The VPC's internet gateway: a link. Which addresses pass, and as what, says lab.mapping."""
    peer = vpc.port
    ip_batch(None, [f"link add igw netns {namespace} type veth peer name {peer} netns {internet}"])
    ip_batch(
        namespace,
        [
            f"addr add {vpc.gateway_side}/30 dev igw",
            "link set igw up",
        ],
    )
    _route_arriving(namespace, "igw", INTERNET_TABLE)
    ip_batch(internet, [f"addr add {vpc.internet_side}/30 dev {peer}", f"link set {peer} up"])


def _connect_transit(topology: Topology, gateway: TransitGateway) -> None:
    """A transit gateway's links to the VPCs, and to those peers that come after it."""
    namespace = f"{topology.name}-{gateway.namespace_part}"
    for table, neighbour in gateway.neighbours.items():
        _route_arriving(namespace, neighbour.port, table)
    for vpc, subnet in gateway.vpcs.items():
        router = f"{topology.name}-{vpc.namespace_part}"
        _link(gateway, namespace, vpc, router)
        _route_arriving(router, gateway.port, subnet.table)
    for peer in gateway.peers:
        if peer.index > gateway.index:
            _link(gateway, namespace, peer, f"{topology.name}-{peer.namespace_part}")


def _link(one: TransitGateway, one_router: str, other: Vpc | TransitGateway, router: str) -> None:
    """Connect two routers; each calls its end of the link by the other."""
    ends = f"{other.port} netns {one_router} type veth peer name {one.port} netns {router}"
    ip_batch(None, [f"link add {ends}"])
    for here, there, namespace in ((one, other, one_router), (other, one, router)):
        address = f"addr add {here.link_address}/64 dev {there.port} nodad"
        ip_batch(namespace, [address, f"link set {there.port} up"])


def _route_arriving(namespace: str, link: str, table: int) -> None:
    """Let a table have the routes for what comes over a link."""
    rules = [
        f"rule add pref {table} iif {link} lookup {table}",
        # What no route table of AWS mentions vanishes; it does not fall through to main.
        f"rule add pref 1000 iif {link} blackhole",
    ]
    for family in ("-4", "-6"):
        ip_batch(namespace, rules, family)


def _member_links(router: str, namespace: str, member: Member | Balancer) -> list[str]:
    return [
        f"link add {eni.device} address {eni.mac} netns {namespace} type veth "
        f"peer name {_port(member, eni.device_index)} netns {router}"
        for eni in member.enis
    ]


def _port(member: Member | Balancer, device_index: int) -> str:
    return f"{member.name}.{device_index}"


def _with_own_table(member: Member | Balancer) -> list[Eni]:
    """The interfaces of a machine that has several."""
    return member.enis if len(member.enis) > 1 else []


def _own_table(eni: Eni) -> int:
    return 10000 + eni.device_index


def _sysctl(namespace: str, settings: Iterable[str]) -> None:
    run(inside(namespace, ["sysctl", "-q", "-w", *settings]))
