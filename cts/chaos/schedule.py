# SPDX-License-Identifier: GPL-2.0-or-later
"""What will happen when in a run: drawn from a seed alone, so that a seed reproduces it.

    schedule.make(seed=1, minutes=20, world=world)

There are two lanes. In the first one thing happens at a time: nodes that die, freeze or lose each
other, planned moves, and what may only meet a cluster that is whole (CALM below). The other lane
is of outages that a healthy service must not notice; they overlap with everything, also with the
failover of a dead node, and do not overlap with others of the same service on the same node.
"""

from dataclasses import dataclass, field
from typing import Any

AWS = "aws"

# Kinds of events. What each one's target is, and its parameters.
KILL = "kill"  # a node: power loss
FREEZE = "freeze"  # a node: all its processes stop, and go on after `lasts`
CUT = "cut"  # a node: {"from": [nodes or "aws"]}
REGION = "region"  # a region: {"api": bool, "network": bool}
STANDBY = "standby"  # a node: put on standby in good order, and taken back
MOVE = "move"  # a group: {"node": where to, None lets the player choose one}
API = "api"  # a service or "*": {"kind": of the fault, "node": or None, "region": or None}
IMDS = "imds"  # a node: {"kind": of the fault}
DNS = "dns"  # a node: {"kind": of the fault}
ROTATE = "rotate"  # a node: {"expire_old": bool}
KILL_AGENT = "kill-agent"  # a resource: {"action", "signal", "after_ms"}
CLOCK = "clock"  # a node: {"seconds": ahead of the others}

KINDS = (
    *(KILL, FREEZE, CUT, REGION, STANDBY, MOVE),
    *(API, IMDS, DNS, ROTATE, KILL_AGENT, CLOCK),
)
# What explains that a node loses its resources, or its life.
NODE_KINDS = (KILL, FREEZE, CUT, REGION)
# What explains that a resource moves in good order.
PLANNED_KINDS = (STANDBY, MOVE)


@dataclass(frozen=True)
class World:
    """What there is to break. Names are those of the lab and the cluster."""

    nodes: dict[str, str]  # the region of each
    clients: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]  # the nodes that each may run on
    agents: dict[str, str]  # the agent of each resource of ours, without "ocf:aws:"

    @property
    def regions(self) -> list[str]:
        """The regions that have nodes."""
        return sorted(set(self.nodes.values()))


@dataclass(frozen=True)
class Event:
    """Something that goes wrong, or is done, `t` seconds after the begin of the run at the
    earliest. It is over after `lasts` seconds; 0 is for what has no end of its own."""

    t: float
    kind: str
    target: str
    params: dict[str, Any] = field(default_factory=dict)
    lasts: float = 0.0

    @property
    def ends(self) -> float:
        """When it is over."""
        return self.t + self.lasts
