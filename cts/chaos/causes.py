# SPDX-License-Identifier: GPL-2.0-or-later
"""What an event of the schedule explains: which effects, on what, and until when.

Outages of AWS's API, of IMDS, of credentials, of DNS and steps of the clock explain no effect. They
hinder what an event of a node has made necessary, and only what they have to do with: a fencing,
that asks EC2 from some other node, and a start, that asks the services of its agent from a node
where it may be. The time in which something hinders does not count, and only once however many
things do so together.
"""

import itertools
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from everything import FAILURE_TIMEOUT_S
from lab.history import Failure, Holding

from chaos import schedule
from chaos.history import Group, History, Trouble

# --- bounds, in seconds; a machine under load takes twice what an idle one mostly does -----------

# What a record may be late, and a request that was sent before: it waits two seconds.
EARLY_S = 3.0
# A node that is silent for less is not lost: Corosync's token is three seconds and more.
TOKEN_S = 2.0
# Detection by Corosync takes 7 to 12 s (token, consensus), pcmk_delay_base 10, fence_aws 4, probes
# and starts of all groups 5, the record's TTL or the balancer's health checks 10: 41 s where all are
# at their longest. Runs on a machine under load have taken 10 to 32 s.
FAILOVER_S = 60.0
# Detection, delay and fencing alone.
FENCING_S = 40.0
# A group stops and starts in good order, an action that was killed is repeated: 2 s, TTL 10. Nor
# does it take longer when all that was missing was an answer of AWS's.
MOVE_S = 40.0
# What hangs when a hindrance ends: an attempt to fence, or a fence device's start, is given up
# after its timeout (60 s) and a fifth of that. No other can begin before.
HANG_S = 75.0
# What is only refused is tried again: pauses between attempts grow to 20 s, and an attempt of
# fence_aws, with its own repetitions, takes as long.
PAUSE_S = 30.0
# Where a start has failed, Pacemaker tries again after failure-timeout.
RETRY_S = float(FAILURE_TIMEOUT_S)
# Whatever hinders: an outage of 40 s, an attempt that hangs until amid the next, which is 25 s later
# and as long, and one more move. A service that is still away then does not come back by itself.
LONGEST_S = 180.0

# AWS shows the new owner when a start succeeds; a balancer's health checks are three seconds later,
# the record's TTL is 10, another region's routes follow after the next monitor.
SHOWN_S = 20.0

# AWS refuses requests with a time five minutes off: fence_aws goes by the node's clock.
SKEW_S = 240

OUTAGE, FAILOVER, RESTART, FENCING, FAILURE = "outage", "failover", "restart", "fencing", "failure"
_ALL = frozenset({OUTAGE, FAILOVER, RESTART, FENCING, FAILURE})
_MOVED = frozenset({OUTAGE, FAILOVER, RESTART})

EC2, ROUTE53 = "ec2", "route53"
# The service that the start of each agent asks; a balancer's probe and what is not ours ask none.
# A resource of ours has the name of its agent.
_ASKS = {
    "elastic-ip": EC2,
    "route-table-vip": EC2,
    "secondary-ip": EC2,
    "transit-gateway-vip": EC2,
    "route53-record": ROUTE53,
}
# It has routes in every region.
_EVERYWHERE = "transit-gateway-vip"


@dataclass(frozen=True)
class _Need:
    """What somebody asks AWS for: a service, of which regions, from which nodes. None is any."""

    service: str
    nodes: frozenset[str]
    regions: frozenset[str] | None
    fences: bool = False


@dataclass(frozen=True)
class _Span:
    """A time in which something hinders, and how long what was begun in it may go on."""

    began: float
    ended: float
    after_s: float


def explained(
    history: History,
    effect: str,
    t: float,
    ended: float | None = None,
    *,
    group: Group | None = None,
    node: str | None = None,
) -> list[Trouble]:
    """The events that explain an effect from `t` to `ended`, on a group or on a node; the latest
    first."""
    until = t if ended is None else ended
    return [
        trouble
        for trouble in sorted(history.troubles, key=lambda trouble: -trouble.began)
        if effect in effects(trouble, history)
        and trouble.began - EARLY_S <= t
        and (group is None or hits_group(trouble, group, history))
        and (node is None or node in hit_nodes(trouble, history))
        and until <= deadline(history, trouble, effect, until, group)
    ]


def effects(trouble: Trouble, history: History) -> frozenset[str]:
    """What an event may do to the node or the resource that it hits."""
    match trouble.kind:
        case schedule.KILL:
            return _ALL
        case schedule.FREEZE:
            return _ALL if trouble.ended - trouble.began > TOKEN_S else frozenset({OUTAGE})
        case schedule.CUT:
            return _ALL if trouble.params.get("nodes") else frozenset()
        case schedule.REGION:
            # Clients of other regions lose their way; the cluster must not.
            return frozenset({OUTAGE}) if trouble.params.get("network") else frozenset()
        case schedule.STANDBY | schedule.MOVE:
            return _MOVED
        case schedule.KILL_AGENT:
            return _agent_effects(trouble, history)
    return frozenset()


def _agent_effects(trouble: Trouble, history: History) -> frozenset[str]:
    """A start that was killed moves the group, a stop fences the node, and a monitor restarts the
    group where it is: elsewhere only if something hinders the start there."""
    match trouble.params["action"]:
        case "start":
            return _MOVED | {FAILURE}
        case "stop":
            return _ALL
    restart = frozenset({OUTAGE, RESTART, FAILURE})
    return restart | {FAILOVER} if hindrances(history, trouble) else restart


def is_kill(trouble: Trouble, *actions: str) -> bool:
    """Whether it is one of these actions of an agent that was killed."""
    return trouble.kind == schedule.KILL_AGENT and trouble.params["action"] in actions


def hit_nodes(trouble: Trouble, history: History) -> set[str]:
    """The nodes whose place in the cluster an event puts in question."""
    # Of two nodes that lose each other, either may fence the other.
    return set(history.nodes) if _splits_pair(trouble, history) else set(trouble.nodes)


def _splits_pair(trouble: Trouble, history: History) -> bool:
    cut_off = trouble.kind == schedule.CUT and bool(trouble.params.get("nodes"))
    return cut_off and len(history.nodes) == 2


def hits_group(trouble: Trouble, group: Group, history: History) -> bool:
    """Whether an event has to do with a group: by its name, or by a node that has it."""
    if trouble.target == group.name or trouble.target in group.resources:
        return True
    # A node whose stop fails is fenced, with all that it has.
    if trouble.kind == schedule.MOVE or is_kill(trouble, "start", "monitor"):
        return False
    if trouble.kind == schedule.REGION:
        return True
    hit = hit_nodes(trouble, history)
    return any(
        holding.node in hit and holding.began - EARLY_S <= trouble.began <= holding.ended + EARLY_S
        for found in group.holdings.values()
        for holding in found
    )


# --- until when ----------------------------------------------------------------------------------


def deadline(
    history: History, trouble: Trouble, effect: str, until: float, group: Group | None
) -> float:
    """Until when an event explains an effect that lasts until a time.

    It counts from the begin of the event, not from its end: what is lost for long is fenced, and
    what comes back before comes back within the same bound. What has been done by then, the fencing
    or all the starts, needs no more time: the rest is measured from there.
    """
    case = _Case(history, trouble, until, group)
    if effect == FENCING:
        bounds = [case.bound(trouble.began, FENCING_S, _fencing_needs(history))]
    else:
        bounds = [case.from_begin(), *case.from_fencing(), *case.from_start()]
    return min(*bounds, trouble.began + LONGEST_S)


@dataclass(frozen=True)
class _Case:
    """An event, and something that it may explain until a time; a group has it, or a node."""

    history: History
    trouble: Trouble
    until: float
    group: Group | None

    def from_begin(self) -> float:
        """By the time since the event."""
        in_order = self.trouble.kind in schedule.PLANNED_KINDS
        in_order = in_order or is_kill(self.trouble, "start", "monitor")
        return self._started(self.trouble.began, MOVE_S if in_order else FAILOVER_S)

    def from_fencing(self) -> Iterator[float]:
        """By the time since the fencing that the event has made necessary."""
        fenced = [
            verdict.t
            for verdict in self.history.verdicts
            if verdict.what == "fenced"
            and verdict.node in hit_nodes(self.trouble, self.history)
            and self.trouble.began < verdict.t <= self.until
        ]
        if self.group and fenced and FENCING in effects(self.trouble, self.history):
            yield self._started(min(fenced), MOVE_S)

    def from_start(self) -> Iterator[float]:
        """By the time since the last start of the group, if it went on to run there."""
        for active in actives(self.history, self.group) if self.group else ():
            stayed = active.ended > active.began + SHOWN_S
            if stayed and self.trouble.began < active.began <= self.until:
                needs = list(_start_needs(self.history, self.group))
                yield self.bound(active.began, SHOWN_S, needs)

    def _started(self, since: float, within_s: float) -> float:
        """When all has started that could do so from a time on; again, where a start has failed."""
        needs = list(_needs(self.history, self.trouble))
        latest = self.bound(since, within_s, needs)
        for failure in start_failures(self.history, self.group) if self.group else ():
            if self.trouble.began - RETRY_S <= failure.t <= min(latest, self.until):
                latest = max(latest, self.bound(failure.t + RETRY_S, MOVE_S, needs))
        return latest

    def bound(self, since: float, within_s: float, needs: list[_Need]) -> float:
        """So many seconds after a time, without those in which what is needed was hindered."""
        spans = _merged(_spans(self.history, self.trouble, since, needs))
        return _unhindered(since, within_s, [span for span in spans if span.began <= self.until])


def actives(history: History, group: Group) -> Iterator[Holding]:
    """When which node had the whole group, each from the end of its last start."""
    last = group.resources[-1]
    started = sorted(
        (operation.t, operation.node)
        for operation in history.operations
        if (operation.action, operation.resource, operation.result) == ("start", last, "ok")
    )
    for holding in group.holdings[last]:
        ready = [
            t for t, node in started if node == holding.node and holding.began <= t <= holding.ended
        ]
        ended = min(
            held.ended
            for found in group.holdings.values()
            for held in found
            if held.node == holding.node and held.ended > holding.began
        )
        if ready and max(ready[0], 0) < ended:
            yield Holding(holding.node, max(ready[0], 0), ended)


def start_failures(history: History, group: Group) -> list[Failure]:
    """The starts of a group's resources that failed, oldest first."""
    found = [
        failure
        for failure in history.failures
        if failure.resource in group.resources and failure.action == "start_0"
    ]
    return sorted(found, key=lambda failure: failure.t)


def _unhindered(t: float, within_s: float, hindered: list[_Span]) -> float:
    """When so many seconds have passed since a time, not counting those of the spans. What was
    begun in the last of them may go on beyond it, and is done in the end."""
    latest = t + within_s
    for span in hindered:
        if span.ended < t:
            continue
        if span.began > t + within_s:
            break
        within_s -= max(0.0, span.began - t)
        t = span.ended
        latest = max(latest, t + within_s, t + span.after_s + MOVE_S)
    return latest


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    """Spans that do not overlap, in order."""
    merged: list[_Span] = []
    for each in sorted(spans, key=lambda span: span.began):
        if merged and each.began <= merged[-1].ended:
            last = merged.pop()
            ended, after_s = max(last.ended, each.ended), max(last.after_s, each.after_s)
            merged.append(_Span(last.began, ended, after_s))
        else:
            merged.append(each)
    return merged


def _spans(history: History, trouble: Trouble, since: float, needs: list[_Need]) -> Iterator[_Span]:
    """What hinders from a time on, each by itself; of what was over then, what still hung."""
    for other, need in _hindering(history, trouble, needs):
        until = other.ended + _after(other, need)
        ended = max(since, other.ended)
        if until > since:
            began = max(since, _hinders_from(history, trouble, other))
            yield _Span(began, ended, until - ended)


def _after(hindrance: Trouble, need: _Need) -> float:
    """How long what has begun in a hindrance may go on after it."""
    # Agents give up an attempt after some seconds; fence_aws waits for its own timeout.
    return HANG_S if need.fences and _hangs(hindrance) else PAUSE_S


def _hangs(hindrance: Trouble) -> bool:
    """Whether a request gets no answer, rather than a bad one. IMDS is given up soon."""
    if hindrance.kind in (schedule.API, schedule.DNS):
        return hindrance.params.get("kind") == "hang"
    return hindrance.kind in (schedule.CUT, schedule.REGION)


# --- what hinders what ---------------------------------------------------------------------------


def hindrances(history: History, trouble: Trouble) -> list[Trouble]:
    """What keeps a start or a fencing waiting that an event has made necessary."""
    found = _hindering(history, trouble, list(_needs(history, trouble)))
    return list({id(other): other for other, _need in found}.values())


def _hindering(
    history: History, trouble: Trouble, needs: list[_Need]
) -> Iterator[tuple[Trouble, _Need]]:
    """What stands in the way of what, after an event."""
    for other, need in itertools.product(history.troubles, needs):
        if (
            other is not trouble
            and other.began <= trouble.began + LONGEST_S
            and trouble.began <= other.ended + _after(other, need)
            and _hinders_from(history, trouble, other) <= max(trouble.began, other.ended)
            and _hinders(other, need)
        ):
            yield other, need


def _needs(history: History, trouble: Trouble) -> Iterator[_Need]:
    """What is asked because of an event: by a fencing, and by the starts of all groups that it hits.

    One group that waits holds up the others: a node under load has one action at a time, and
    Pacemaker begins nothing new before what is in flight has ended.
    """
    if _moves_node(trouble) or _device_failed(history, trouble):
        yield from _fencing_needs(history)
    for group in history.groups:
        if hits_group(trouble, group, history):
            yield from _start_needs(history, group)


def _fencing_needs(history: History) -> list[_Need]:
    """What fence_aws asks, on any node: who will do it is Pacemaker's choice."""
    # The devices that a node had start elsewhere meanwhile, each asking the region of its own node.
    return [_Need(EC2, frozenset(history.nodes), None, fences=True)]


def _moves_node(trouble: Trouble) -> bool:
    """Whether an event takes all that it has from a node: its fence devices, too."""
    lost = trouble.kind in schedule.NODE_KINDS and trouble.kind != schedule.REGION
    return lost or trouble.kind == schedule.STANDBY or is_kill(trouble, "stop")


def _device_failed(history: History, trouble: Trouble) -> bool:
    """Whether a fence device failed about the time of an event. Pacemaker then starts it again, and
    whatever shall move meanwhile waits for that."""
    ours = {resource for group in history.groups for resource in group.resources}
    return any(
        failure.resource not in ours
        and trouble.began - HANG_S <= failure.t <= trouble.began + MOVE_S
        for failure in history.failures
    )


def _start_needs(history: History, group: Group) -> Iterator[_Need]:
    """What the starts of a group's resources ask, on the nodes where it may run."""
    for resource in group.resources:
        if resource in _ASKS:
            everywhere = resource == _EVERYWHERE or not history.regions
            regions = None if everywhere else {history.regions[node] for node in group.nodes}
            yield _Need(
                _ASKS[resource], frozenset(group.nodes), frozenset(regions) if regions else None
            )


def hinders_group(history: History, other: Trouble, group: Group) -> bool:
    """Whether something keeps a group's agent from what it asks AWS for."""
    return any(_hinders(other, need) for need in _start_needs(history, group))


def _hinders(other: Trouble, need: _Need) -> bool:
    """Whether something is in the way of what is needed, somewhere."""
    if other.nodes and not need.nodes & set(other.nodes):
        return False
    match other.kind:
        case schedule.API:
            region = other.params.get("region")
            concerned = need.regions is None or region is None or region in need.regions
            return other.target in (need.service, "*") and concerned
        case schedule.REGION:
            concerned = need.regions is None or other.target in need.regions
            # Route 53 is of no region.
            return bool(other.params.get("api")) and need.service == EC2 and concerned
        case schedule.CUT:
            return bool(other.params.get("aws"))
        case schedule.IMDS | schedule.DNS:
            return True
        case schedule.CLOCK:
            return need.fences and abs(other.params["seconds"]) > SKEW_S
    return False


def _hinders_from(history: History, trouble: Trouble, other: Trouble) -> float:
    """From when on something may hinder: what has been lost neither fences nor starts anything
    before it is back."""
    backs = (_back(history, trouble, node) for node in other.nodes)
    return max(other.began, min(backs, default=other.began))


def _back(history: History, trouble: Trouble, node: str) -> float:
    """From when on a node takes part in what an event has made necessary."""
    lost = _moves_node(trouble) and trouble.kind != schedule.STANDBY
    if not lost or node not in trouble.nodes or _splits_pair(trouble, history):
        return trouble.began
    ends = [trouble.ended] if trouble.kind in (schedule.FREEZE, schedule.CUT) else []
    booted = [
        power.t
        for power in history.power
        if (power.node, power.state) == (node, "on") and power.t > trouble.began
    ]
    return min([*ends, *booted], default=float("inf"))


# --- how much one cause explains -----------------------------------------------------------------


def share_out(wanted: list[list[Hashable]]) -> list[Hashable | None]:
    """Give each effect one of the causes that it may have, and no cause to two effects, so that as
    few as can be remain without. The first of its causes is the one that it would have best."""
    taken: dict[Hashable, int] = {}

    def place(number: int, tried: set[Hashable]) -> bool:
        for cause in wanted[number]:
            if cause not in tried:
                tried.add(cause)
                if cause not in taken or place(taken[cause], tried):
                    taken[cause] = number
                    return True
        return False

    for number in range(len(wanted)):
        place(number, set())
    given = {number: cause for cause, number in taken.items()}
    return [given.get(number) for number in range(len(wanted))]


def attributed(
    history: History, effect: str, times: list[float], group: Group
) -> list[Trouble | None]:
    """The event that explains each of a group's moves, or each restart of a resource; None where
    all that might have have explained another one.

    An event moves a group once and restarts it once. A start that failed makes one more of either.
    """
    found = [explained(history, effect, t, group=group) for t in times]
    wanted: list[list[Hashable]] = [
        [*map(id, events), *_failed_since(events, t, start_failures(history, group))]
        for events, t in zip(found, times, strict=True)
    ]
    return [
        # Of a start that failed, the event that had made it necessary.
        next((event for event in events if id(event) == cause), events[0] if cause else None)
        for events, cause in zip(found, share_out(wanted), strict=True)
    ]


def _failed_since(events: list[Trouble], t: float, failures: list[Failure]) -> list[Failure]:
    """The starts that failed between the first of some events and a time."""
    began = min((event.began for event in events), default=float("inf"))
    return [each for each in failures if began - EARLY_S <= each.t <= t + EARLY_S]
