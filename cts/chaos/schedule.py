# SPDX-License-Identifier: GPL-2.0-or-later
"""What will happen when in a run: drawn from a seed alone, so that a seed reproduces it.

    schedule.make(seed=1, minutes=20, world=world)

There are two lanes. In the first one thing happens at a time, to a cluster that is whole: nodes
that die, freeze or lose each other, planned moves, and what a start cannot outlast. In the other
are outages that a healthy service must not notice. They overlap with everything, the failover of
a dead node too, which only takes longer; so they end before Pacemaker gives up fencing.

What is not here is what needs a human afterwards. A region that loses its network for longer than
the token, or network and API, leaves halves that cannot fence each other: nothing moves by itself.
So a region loses its network for less than the token, or its API alone.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

AWS = "aws"

# Kinds of events: what the target of each is, and its parameters.
KILL = "kill"  # a node or group: power loss
FREEZE = "freeze"  # a node or group: all its processes stop, and go on after `lasts`
CUT = "cut"  # a node or group: {"nodes": from all others, "aws": from AWS's endpoints}
REGION = "region"  # a region: {"api": bool, "network": bool}
STANDBY = "standby"  # a node or group: on standby in good order, and taken back
MOVE = "move"  # a group: to another of its nodes in good order
API = "api"  # a service or "*": {"kind": of the fault, "node": or None, "region": or None}
IMDS = "imds"  # a node: {"kind": of the fault}
DNS = "dns"  # a node: {"kind": of the fault}
ROTATE = "rotate"  # a node: {"expire_old": bool}
KILL_AGENT = "kill-agent"  # a resource: {"action", "standby", "signal", "after_ms"}
CLOCK = "clock"  # a node: {"seconds": ahead of the others}

KINDS = (
    *(KILL, FREEZE, CUT, REGION, STANDBY, MOVE),
    *(API, IMDS, DNS, ROTATE, KILL_AGENT, CLOCK),
)
# What explains that a node loses its resources, or its life. A cut from AWS alone does not.
NODE_KINDS = (KILL, FREEZE, CUT, REGION)
# What explains that a resource moves in good order.
PLANNED_KINDS = (STANDBY, MOVE)

# A target that is a group stands for the node that runs it at that moment.
_ON_A_NODE = (KILL, FREEZE, CUT, STANDBY)

# Corosync's token is 3 s and more: the shortest freeze and the cut of a region's network end well
# before it is lost, the middle ones after it and before or amid the fencing.
_SHORT_S, _MIDDLE_S, _LONG_S = (0.5, 1.5), (4, 10), (30, 60)
_OUTAGE_S = (8, 40)
_BEGIN_S = 10
# Between the events of the first lane: for a fencing, a boot and the way back, or for a move.
_FENCING_S, _CALM_S = 75, 25
_PAUSE_S = (0, 30)
# From one outage to the next, and from one of the API to the next: a fencing gets through.
_OUTAGE_PAUSE_S = (6, 30)
_API_PAUSE_S = 25
# The end of a run, for everything to be healed.
QUIET_S = 45
# How long an agent is let live, in milliseconds, as likely below as above the square root: a monitor
# takes some tens, a start 100 to 400, with its first write in between.
_AFTER_MS = 500
# AWS refuses requests that are signed with a clock so far off. Agents correct it by AWS's own,
# fence_aws does not: whoever has such a clock cannot fence.
AWS_SKEW_S = 300
_TOLERATED_SKEW_S, _SKEW_S = (20, 240), (3600, 6 * 3600)


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

    @property
    def calm(self) -> bool:
        """Whether it is of the first lane: it begins when the cluster is whole."""
        if self.kind in (CUT, REGION):
            return bool(self.params.get("nodes") or self.params.get("network"))
        if self.kind == KILL_AGENT:
            return self.params["action"] != "monitor"
        if self.kind == CLOCK:
            return abs(self.params["seconds"]) >= AWS_SKEW_S
        return self.kind in (*NODE_KINDS, *PLANNED_KINDS) or self.params.get("kind") == "denied"

    def __str__(self) -> str:
        given = json.dumps(self.params, sort_keys=True) if self.params else ""
        return f"{self.t:7.1f} {self.lasts:6.1f}  {self.kind:<10}  {self.target:<16}  {given}"


def text(events: list[Event]) -> str:
    """A schedule as a table: when, for how long, what, where, how."""
    head = "      t  lasts  event       target            parameters\n"
    return head + "".join(f"{event}".rstrip() + "\n" for event in events)


def make(seed: int, minutes: float, world: World) -> list[Event]:
    """The events of a run, in the order of their begin. The last `QUIET_S` seconds are quiet.

    Raises ValueError when a group would be left without a node, or a name has two meanings.
    """
    _check(world)
    draw = _Draw(random.Random(seed), world)
    ends = minutes * 60 - QUIET_S
    calm = list(_calm_lane(draw, ends))
    return sorted([*calm, *_outages(draw, ends, calm)], key=lambda event: event.t)


def _check(world: World) -> None:
    for group, nodes in world.groups.items():
        if len(nodes) < 2 or not set(nodes) <= set(world.nodes):
            raise ValueError(f"group {group} needs two of the nodes, and has {', '.join(nodes)}")
    for name in world.groups:
        if name in world.nodes or name in world.regions:
            raise ValueError(f"'{name}' is a group and another thing too")


class _Draw:
    """Draws events of a world."""

    def __init__(self, rng: random.Random, world: World):
        self.rng = rng
        self.nodes = sorted(world.nodes)
        self.groups = sorted(world.groups)
        self.regions = world.regions
        self.agents = world.agents

    def seconds(self, bounds: tuple[float, float]) -> float:
        return round(self.rng.uniform(*bounds), 1)

    def deal(self, cards: list[Callable[[float], Event]]) -> Iterator[Callable[[float], Event]]:
        """Each of the cards before any comes again, for ever."""
        while True:
            deck = list(cards)
            self.rng.shuffle(deck)
            yield from deck

    def victim(self) -> str:
        """Mostly a node that has something to lose."""
        return self.rng.choice(self.groups if self.rng.random() < 0.7 else self.nodes)

    # --- one thing at a time ---

    def calm_cards(self) -> list[Callable[[float], Event]]:
        cards = [self.kill, self.kill, self.freeze_short, self.freeze_middle, self.freeze_long]
        cards += [self.cut, self.isolate, self.standby, self.move, self.denied, self.skew]
        cards += [self.kill_starting, self.kill_stopping] if self.agents else []
        cards += [self.region_network] if len(self.regions) > 1 else []
        return cards

    def kill(self, t: float) -> Event:
        return Event(t, KILL, self.victim())

    def freeze_short(self, t: float) -> Event:
        return Event(t, FREEZE, self.victim(), lasts=self.seconds(_SHORT_S))

    def freeze_middle(self, t: float) -> Event:
        return Event(t, FREEZE, self.victim(), lasts=self.seconds(_MIDDLE_S))

    def freeze_long(self, t: float) -> Event:
        return Event(t, FREEZE, self.victim(), lasts=self.seconds(_LONG_S))

    def cut(self, t: float) -> Event:
        return self._cut(t, nodes=True, aws=False)

    def isolate(self, t: float) -> Event:
        return self._cut(t, nodes=True, aws=True)

    def _cut(self, t: float, nodes: bool, aws: bool) -> Event:
        params = {"nodes": nodes, "aws": aws}
        return Event(t, CUT, self.victim(), params, lasts=self.seconds(_OUTAGE_S))

    def region_network(self, t: float) -> Event:
        params = {"api": False, "network": True}
        return Event(t, REGION, self.rng.choice(self.regions), params, self.seconds(_SHORT_S))

    def standby(self, t: float) -> Event:
        return Event(t, STANDBY, self.victim(), lasts=self.seconds((20, 30)))

    def move(self, t: float) -> Event:
        return Event(t, MOVE, self.rng.choice(self.groups), lasts=self.seconds((20, 30)))

    def denied(self, t: float) -> Event:
        return self._api(t, "denied")

    def skew(self, t: float) -> Event:
        return self._clock(t, _SKEW_S)

    def kill_starting(self, t: float) -> Event:
        return self._kill_agent(t, "start", standby=True, within_s=30)

    def kill_stopping(self, t: float) -> Event:
        return self._kill_agent(t, "stop", standby=False, within_s=30)

    # --- what a healthy service must not notice ---

    def outage_cards(self) -> list[Callable[[float], Event]]:
        cards = [self.refuse, self.hang, self.e500, self.throttle, self.throttle, self.cut_aws]
        cards += [self.imds_refuse, self.imds_hang, self.imds_e503, self.dns, self.clock]
        cards += [self.rotate, self.rotate]
        cards += [self.kill_monitor, self.kill_standby_monitor] if self.agents else []
        cards += [self.region_api] if len(self.regions) > 1 else []
        return cards

    def refuse(self, t: float) -> Event:
        return self._api(t, "refuse")

    def hang(self, t: float) -> Event:
        return self._api(t, "hang")

    def e500(self, t: float) -> Event:
        return self._api(t, "e500")

    def throttle(self, t: float) -> Event:
        return self._api(t, "throttle")

    def _api(self, t: float, kind: str) -> Event:
        services = ["ec2", "ec2", "*"]
        if "route53-record" in self.agents.values():
            services.append("route53")
        service = self.rng.choice(services)
        node = self.rng.choice([None, None, *self.nodes])
        several = len(self.regions) > 1 and service == "ec2"
        region = self.rng.choice([None, *self.regions]) if several else None
        params = {"kind": kind, "node": node, "region": region}
        return Event(t, API, service, params, self.seconds(_OUTAGE_S))

    def cut_aws(self, t: float) -> Event:
        return self._cut(t, nodes=False, aws=True)

    def region_api(self, t: float) -> Event:
        params = {"api": True, "network": False}
        return Event(t, REGION, self.rng.choice(self.regions), params, self.seconds(_OUTAGE_S))

    def imds_refuse(self, t: float) -> Event:
        return self._on_node(t, IMDS, "refuse")

    def imds_hang(self, t: float) -> Event:
        return self._on_node(t, IMDS, "hang")

    def imds_e503(self, t: float) -> Event:
        return self._on_node(t, IMDS, "e503")

    def dns(self, t: float) -> Event:
        return self._on_node(t, DNS, self.rng.choice(["hang", "servfail"]))

    def _on_node(self, t: float, what: str, kind: str) -> Event:
        return Event(t, what, self.rng.choice(self.nodes), {"kind": kind}, self.seconds(_OUTAGE_S))

    def clock(self, t: float) -> Event:
        return self._clock(t, _TOLERATED_SKEW_S)

    def _clock(self, t: float, bounds: tuple[float, float]) -> Event:
        seconds = self.rng.choice([-1, 1]) * self.rng.randint(*bounds)
        params = {"seconds": seconds}
        return Event(t, CLOCK, self.rng.choice(self.nodes), params, self.seconds(_OUTAGE_S))

    def rotate(self, t: float) -> Event:
        params = {"expire_old": self.rng.random() < 0.5}
        return Event(t, ROTATE, self.rng.choice(self.nodes), params)

    def kill_monitor(self, t: float) -> Event:
        return self._kill_agent(t, "monitor", standby=False, within_s=20)

    def kill_standby_monitor(self, t: float) -> Event:
        return self._kill_agent(t, "monitor", standby=True, within_s=70)

    def _kill_agent(self, t: float, action: str, standby: bool, within_s: float) -> Event:
        params = {
            "action": action,
            # On a node that does not run the resource, or does not yet.
            "standby": standby,
            "signal": self.rng.choice(["KILL", "TERM"]),
            "after_ms": round(_AFTER_MS ** self.rng.random()),
        }
        return Event(t, KILL_AGENT, self.rng.choice(sorted(self.agents)), params, within_s)


def _calm_lane(draw: _Draw, ends: float) -> Iterator[Event]:
    t = float(_BEGIN_S)
    for card in draw.deal(draw.calm_cards()):
        event = card(round(t, 1))
        fences = event.kind in NODE_KINDS or event.params.get("action") == "stop"
        over = event.ends + _CALM_S
        over = max(over, event.t + _FENCING_S) if fences else over
        if over > ends:
            return
        yield event
        t = over + draw.seconds(_PAUSE_S)


def _outages(draw: _Draw, ends: float, calm: list[Event]) -> Iterator[Event]:
    free: dict[str, float] = {}
    t = float(_BEGIN_S)
    for card in draw.deal(draw.outage_cards()):
        event = card(t)
        key = _exclusive(event)
        event = replace(event, t=round(max(t, free.get(key, t)), 1))
        if event.ends > ends:
            return
        if not any(_clash(event, other) for other in calm):
            yield event
            free[key] = event.ends + (_API_PAUSE_S if key == API else 1)
        t = event.t + draw.seconds(_OUTAGE_PAUSE_S)


def _exclusive(event: Event) -> str:
    """What there is one of at a time: an outage of the API, another of each kind on a node."""
    return API if event.kind in (API, REGION, CUT) else f"{event.kind} {event.target}"


def _clash(event: Event, calm: Event) -> bool:
    """Whether an outage must not meet an event of the first lane: one would undo the other, or
    a start would be refused for good."""
    if event.t > calm.ends + _CALM_S or calm.t > event.ends + _CALM_S:
        return False
    restarts = calm.kind == KILL_AGENT or calm.params.get("kind") == "denied"
    return (event.kind in (CUT, CLOCK) and event.kind == calm.kind) or (
        event.kind == KILL_AGENT and restarts
    )
