# SPDX-License-Identifier: GPL-2.0-or-later
"""Power and network accidents of nodes, recorded with the time they happened."""

from lab import clock, netns, node, process
from lab.process import Process
from lab.state import LabError, State
from lab.topology import Topology

AWS = "aws"
# From power to services, as fast as an instance can be. Without it a fenced node would be back
# before the survivor has had the time to take over.
BOOT_S = 10


def off(state: State, topology: Topology, name: str) -> None:
    """Take the power away: nothing is shut down, no packet says goodbye."""
    netns.unplug(state.name, topology.member(name))
    first = node.running(state, name)
    if first:
        first.kill()


def on(state: State, topology: Topology, name: str) -> None:
    """Boot a node that is off, with the network of a fresh start."""
    if node.running(state, topology.member(name).name):
        return
    netns.configure_member(state.name, topology.member(name))
    clock.boot(state, name)
    node.boot(state, name, BOOT_S)


def switch(state: State, topology: Topology, name: str, how: str) -> None:
    """What StopInstances ("off"), StartInstances ("on") and RebootInstances ("reset") do."""
    if how in ("off", "reset"):
        off(state, topology, name)
        state.event("power", node=name, state="off")
    if how in ("on", "reset"):
        on(state, topology, name)
        state.event("boot", node=name)


def kill(state: State, topology: Topology, name: str) -> None:
    """Lose a node as in a crash of its kernel: AWS goes on to call it running."""
    _require_running(state, topology, name)
    state.event("kill", node=name)
    off(state, topology, name)


def freeze(state: State, topology: Topology, name: str) -> None:
    """Stop all processes of a node; its kernel still answers."""
    process.freeze(_require_running(state, topology, name))
    state.event("freeze", node=name)


def thaw(state: State, topology: Topology, name: str) -> None:
    """Let a frozen node go on where it was."""
    process.thaw(_require_running(state, topology, name))
    state.event("thaw", node=name)


def cut(state: State, topology: Topology, left: str, right: str) -> None:
    """Drop all packets between two nodes, clients or balancers, or one and AWS's endpoints."""
    for name, addresses in _ends(topology, left, right):
        netns.cut(state.name, name, addresses)
    state.event("cut", between=[left, right])


def mend(state: State, topology: Topology, left: str, right: str) -> None:
    """Undo cut() of these two."""
    for name, addresses in _ends(topology, left, right):
        netns.mend(state.name, name, addresses)
    state.event("heal", between=[left, right])


def _ends(topology: Topology, left: str, right: str) -> list[tuple[str, list[str]]]:
    """The machines of a cut, and what each of them loses."""
    if left == right:
        raise LabError(f"cannot cut '{left}' from itself")
    if AWS in (left, right):
        one = topology.machine(right if left == AWS else left)
        return [(one.name, [topology.api_net])]
    one, other = topology.machine(left), topology.machine(right)
    return [(one.name, other.addresses), (other.name, one.addresses)]


def heal(state: State, topology: Topology) -> None:
    """Undo every cut, those of regions included."""
    for name in topology.machines:
        netns.heal(state.name, name)
    for region in topology.regions:
        _reopen_region(state, topology, region)
    state.event("heal")


def cut_region(
    state: State, topology: Topology, region: str, api: bool = True, network: bool = True
) -> None:
    """Lose a region: its endpoints swallow all packets (api), its transit gateways too (network).

    Both are so for every machine, those of the region included; among them the machines of a VPC
    still reach each other. Global services such as IAM and Route 53 are of no region.
    """
    topology.require_region(region)
    gateways = topology.gateways_of(region)
    if network and not gateways:
        raise LabError(
            f"region {region} has no transit gateway that could be cut; cut its API alone (--api)"
        )
    if api:
        netns.swallow(state.name, topology.endpoint_addresses[region])
    if network:
        for gateway in gateways:
            netns.close_router(state.netns(gateway.namespace_part))
    state.event("cut-region", region=region, api=api, network=network)


def heal_region(state: State, topology: Topology, region: str) -> None:
    """Undo what cut_region() has done to a region."""
    topology.require_region(region)
    _reopen_region(state, topology, region)
    state.event("heal-region", region=region)


def _reopen_region(state: State, topology: Topology, region: str) -> None:
    netns.answer(state.name, topology.endpoint_addresses[region])
    for gateway in topology.gateways_of(region):
        netns.open_router(state.netns(gateway.namespace_part))


def _require_running(state: State, topology: Topology, name: str) -> Process:
    first = node.running(state, topology.member(name).name)
    if first is None:
        raise LabError(f"node '{name}' is off")
    return first
