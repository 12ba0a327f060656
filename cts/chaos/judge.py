# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a run kept the promise: what happened, against what may happen and until when.

Nothing here looks at a lab; a history is all there is. An outage of a client, a failover, a
restart, a fencing and a raised fail-count each need an event of the schedule that explains it: one
that hit the node or the resource in question, and not too long ago. Outages of AWS's API, of IMDS,
of credentials, of DNS and steps of the clock explain none of these. They only hinder what an event
of a node has made necessary, and the time for it then counts from their end.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from everything import FAILURE_TIMEOUT_S
from lab.history import Failure, Holding, held_by_several

from chaos import schedule
from chaos.history import Group, History, Spell, Trouble

# --- bounds, in seconds; a machine under load takes twice what an idle one does ------------------

# What a record may be late, and a request that was sent before: it waits two seconds.
EARLY_S = 3.0
# From the end of a service to the line in the log that says so.
LATE_S = 0.5
# Four requests in a row. The machine's own scheduler can cause as much; a restart is seen anyway.
BLIP_S = 1.0
# A node that is silent for less is not lost: Corosync's token is three seconds and more.
TOKEN_S = 2.0
# Detection by Corosync takes 7 to 12 s (token, consensus), pcmk_delay_base 10, fence_aws 4, probes
# and starts of a group 5, the record's TTL or the balancer's health checks 10; and all that twice.
FAILOVER_S = 80.0
# Detection, delay and fencing alone. With hindrance fence_aws is tried again and again.
FENCING_S = 50.0
# A group stops and starts in good order, an action that was killed is repeated: 2 s, TTL 10.
MOVE_S = 40.0
# An attempt to fence that hangs is given up after pcmk_reboot_timeout (60 s) and a fifth of it;
# pauses between a start's attempts grow to 20 s.
HANG_S = 75.0
# Where a start has failed, Pacemaker tries again after failure-timeout.
RETRY_S = float(FAILURE_TIMEOUT_S)
# AWS shows the new owner when a start succeeds; a balancer's health checks are three seconds later,
# another region's routes after the next monitor.
SHOWN_S = 20.0

# AWS refuses requests with a time five minutes off: fence_aws goes by the node's clock.
SKEW_S = 240

OUTAGE, FAILOVER, RESTART, FENCING, FAILURE = "outage", "failover", "restart", "fencing", "failure"
_ALL = frozenset({OUTAGE, FAILOVER, RESTART, FENCING, FAILURE})
_MOVED = frozenset({OUTAGE, FAILOVER, RESTART})


@dataclass(frozen=True)
class Violation:
    """A promise that was not kept."""

    t: float
    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.t:8.1f} s  {self.invariant}: {self.text}"


@dataclass(frozen=True)
class Failover:
    """A group that has begun to start on another node, and what explains that; None is nothing."""

    t: float
    group: str
    left: str
    to: str
    cause: Trouble | None


def violations(history: History) -> list[Violation]:
    """Every violation, oldest first."""
    found = itertools.chain.from_iterable(check(history) for check in _CHECKS)
    return sorted(found, key=lambda violation: violation.t)


def failovers(history: History) -> list[Failover]:
    """Every move of a group to another node, planned or not, oldest first."""
    found = [
        Failover(
            later.began,
            group.name,
            earlier.node,
            later.node,
            explained(history, FAILOVER, later.began, group=group),
        )
        for group in history.groups
        for earlier, later in itertools.pairwise(group.holdings[group.resources[0]])
        if earlier.node != later.node and later.began >= 0
    ]
    return sorted(found, key=lambda failover: failover.t)


# --- what explains what --------------------------------------------------------------------------


def explained(
    history: History,
    effect: str,
    t: float,
    ended: float | None = None,
    *,
    group: Group | None = None,
    node: str | None = None,
) -> Trouble | None:
    """The latest event that explains an effect from `t` to `ended`, on a group or on a node."""
    until = t if ended is None else ended
    for trouble in sorted(history.troubles, key=lambda trouble: -trouble.began):
        if (
            effect in effects(trouble, history)
            and trouble.began - EARLY_S <= t
            and (group is None or _hits_group(trouble, group, history))
            and (node is None or node in _hit_nodes(trouble, history))
            and until <= deadline(history, trouble, effect, until, group)
        ):
            return trouble
    return None


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
    return restart | {FAILOVER} if _hindrances(history, trouble) else restart


def _is_kill(trouble: Trouble, *actions: str) -> bool:
    """Whether it is one of these actions of an agent that was killed."""
    return trouble.kind == schedule.KILL_AGENT and trouble.params["action"] in actions


def _hit_nodes(trouble: Trouble, history: History) -> set[str]:
    """The nodes whose place in the cluster an event puts in question."""
    pair = len(history.nodes) == 2
    cut_off = trouble.kind == schedule.CUT and trouble.params.get("nodes")
    # Of two nodes that lose each other, either may fence the other.
    return set(history.nodes) if cut_off and pair else set(trouble.nodes)


def _hits_group(trouble: Trouble, group: Group, history: History) -> bool:
    if trouble.target == group.name or trouble.target in group.resources:
        return True
    # A node whose stop fails is fenced, with all that it has.
    if trouble.kind == schedule.MOVE or _is_kill(trouble, "start", "monitor"):
        return False
    if trouble.kind == schedule.REGION:
        return True
    hit = _hit_nodes(trouble, history)
    return any(
        holding.node in hit and holding.began - EARLY_S <= trouble.began <= holding.ended + EARLY_S
        for found in group.holdings.values()
        for holding in found
    )


def over(history: History, trouble: Trouble) -> float:
    """When what an event does to the cluster has an end: with itself, or when the node is off."""
    off = [
        power.t
        for power in history.power
        if power.state == "off"
        and power.node in _hit_nodes(trouble, history)
        and trouble.began <= power.t <= trouble.ended
    ]
    begun = trouble.kind in (*schedule.PLANNED_KINDS, schedule.KILL_AGENT)
    return trouble.began if begun else min([*off, trouble.ended])


def deadline(
    history: History, trouble: Trouble, effect: str, until: float, group: Group | None
) -> float:
    """Until when an event explains an effect that lasts until a time."""
    in_order = trouble.kind in schedule.PLANNED_KINDS or _is_kill(trouble, "start", "monitor")
    within_s = FENCING_S if effect == FENCING else MOVE_S if in_order else FAILOVER_S
    latest = over(history, trouble) + within_s
    for hindrance in sorted(_hindrances(history, trouble), key=lambda each: each.began):
        if hindrance.began <= min(latest, until):
            latest = max(latest, hindrance.ended + within_s + HANG_S)
    for failure in history.failures if group else ():
        start = failure.resource in group.resources and failure.action == "start_0"
        if start and trouble.began - RETRY_S <= failure.t <= min(latest, until):
            latest = max(latest, failure.t + RETRY_S + within_s)
    return latest


def _hindrances(history: History, trouble: Trouble) -> list[Trouble]:
    """What keeps a start or a fencing waiting that an event has made necessary."""
    fallen = set(trouble.nodes) if trouble.kind in schedule.NODE_KINDS else set()
    return [
        other
        for other in history.troubles
        if _hinders(other)
        and other is not trouble
        # What is being fenced neither fences nor starts anything.
        and not (fallen and other.nodes and set(other.nodes) <= fallen)
        and other.ended >= trouble.began
        and other.began <= trouble.ended + FAILOVER_S
    ]


def _hinders(trouble: Trouble) -> bool:
    match trouble.kind:
        case schedule.API | schedule.IMDS | schedule.REGION:
            return True
        case schedule.CUT:
            return bool(trouble.params.get("aws"))
        case schedule.CLOCK:
            return abs(trouble.params["seconds"]) > SKEW_S
    return False


# --- the invariants ------------------------------------------------------------------------------


def _one_holder(history: History) -> Iterator[Violation]:
    """At most one node has a resource at a time; a node that is off has none."""
    for group in history.groups:
        for resource, found in group.holdings.items():
            for one, other in held_by_several(list(found)):
                began, ended = max(one.began, other.began), min(one.ended, other.ended)
                yield Violation(
                    began,
                    "one holder",
                    f"{resource} was on {one.node} and {other.node} for {ended - began:.1f} s",
                )


def _answered_by_holder(history: History) -> Iterator[Violation]:
    """Only the node that has the group answers its clients."""
    for group in history.groups:
        held = [holding for found in group.holdings.values() for holding in found]
        for spell in group.answers:
            if spell.who is not None and not _covered(held, spell):
                yield Violation(
                    spell.began,
                    "answered by holder",
                    f"{spell.who} answered clients of {group.name} until +{spell.ended:.1f} s, "
                    "without having it",
                )


def _covered(held: list[Holding], spell: Spell) -> bool:
    """Whether the one who answered had the group all the while. What it answers when it has just
    got it may have been asked before; what it has given up it answers no more."""
    covered = None
    for holding in sorted(held, key=lambda holding: holding.began):
        since = spell.began if covered is None else covered
        if holding.node == spell.who and holding.began - EARLY_S <= since <= holding.ended + LATE_S:
            covered = max(since, holding.ended + LATE_S)
    return covered is not None and covered >= spell.ended


def outages(group: Group) -> list[Spell]:
    """The times in which nobody answered a group's clients for longer than a blip."""
    return [
        spell for spell in group.answers if spell.who is None and spell.ended - spell.began > BLIP_S
    ]


def _clients_served(history: History) -> Iterator[Violation]:
    """A client is without an answer only after an event on the way, and not for too long."""
    for group in history.groups:
        for spell in outages(group):
            if not explained(history, OUTAGE, spell.began, spell.ended, group=group):
                near = _nearest(history, OUTAGE, spell.began, group=group)
                limit = near and deadline(history, near, OUTAGE, spell.ended, group)
                why = f"{near} explains it until +{limit:.1f} s" if near else "nothing explains it"
                yield Violation(
                    spell.began,
                    "clients served",
                    f"nobody answered clients of {group.name} for "
                    f"{spell.ended - spell.began:.1f} s, until +{spell.ended:.1f} s; {why}",
                )


def _nearest(history: History, effect: str, t: float, group: Group) -> Trouble | None:
    """The last event before a time that has such an effect on a group, however long ago."""
    before = [
        trouble
        for trouble in history.troubles
        if effect in effects(trouble, history)
        and trouble.began - EARLY_S <= t
        and _hits_group(trouble, group, history)
    ]
    return max(before, key=lambda trouble: trouble.began, default=None)


def _failovers_explained(history: History) -> Iterator[Violation]:
    """A group moves only when its node was hit, by plan, or when its agent was killed."""
    for failover in failovers(history):
        if failover.cause is None:
            yield Violation(
                failover.t,
                "failover explained",
                f"{failover.group} moved from {failover.left} to {failover.to}; "
                f"{_around(history, failover.t)}",
            )


def _fenced_first(history: History) -> Iterator[Violation]:
    """What a lost node had starts elsewhere only when that node has been fenced."""
    for group in history.groups:
        for resource, found in group.holdings.items():
            for earlier, later in itertools.pairwise(found):
                lost = not _stopped(history, resource, earlier)
                apart = earlier.node != later.node and earlier.ended <= later.began
                if later.began < 0 or not lost or not apart:
                    continue
                fenced = any(
                    verdict.what == "fenced"
                    and verdict.node == earlier.node
                    and earlier.began < verdict.t <= later.began + EARLY_S
                    for verdict in history.verdicts
                )
                if not fenced:
                    yield Violation(
                        later.began,
                        "fenced first",
                        f"{resource} started on {later.node}, and {earlier.node}, which was lost "
                        "with it, had not been fenced",
                    )


def _stopped(history: History, resource: str, holding: Holding) -> bool:
    """Whether a node gave a resource up in good order."""
    return any(
        (operation.action, operation.resource, operation.node, operation.result)
        == ("stop", resource, holding.node, "ok")
        and abs(operation.t - holding.ended) < LATE_S
        for operation in history.operations
    )


def _restarts_explained(history: History) -> Iterator[Violation]:
    """A group stops and starts where it is only when its agent was killed, or its node was hit."""
    for group in history.groups:
        for resource, found in group.holdings.items():
            for earlier, later in itertools.pairwise(found):
                same = earlier.node == later.node and later.began >= 0
                if same and not explained(history, RESTART, later.began, group=group):
                    yield Violation(
                        later.began,
                        "restart explained",
                        f"{resource} was restarted on {later.node}; "
                        f"{_around(history, later.began)}",
                    )


def _fencings_explained(history: History) -> Iterator[Violation]:
    """A node is fenced only when it was hit, or when a stop was killed; once for each event."""
    answered: set[int] = set()
    for verdict in history.verdicts:
        if verdict.what != "fenced" or verdict.t < 0:
            continue
        cause = explained(history, FENCING, verdict.t, node=verdict.node)
        if cause is None:
            yield Violation(
                verdict.t,
                "fencing explained",
                f"{verdict.node} was fenced; {_around(history, verdict.t)}",
            )
        elif id(cause) in answered:
            yield Violation(
                verdict.t, "fencing explained", f"{verdict.node} was the second fenced for {cause}"
            )
        else:
            answered.add(id(cause))


def _failures_explained(history: History) -> Iterator[Violation]:
    """A fail-count rises only when an agent was killed, its node was hit, or a start that an event
    made necessary was hindered."""
    owners = {resource: group for group in history.groups for resource in group.resources}
    for failure in history.failures:
        group = owners.get(failure.resource)
        if group is None or failure.t < 0:
            continue
        if not _failure_explained(history, failure, group):
            yield Violation(
                failure.t,
                "fail-count explained",
                f"{failure.action} of {failure.resource} failed on {failure.node} "
                f"({failure.result}); {_around(history, failure.t)}",
            )


def _failure_explained(history: History, failure: Failure, group: Group) -> bool:
    for trouble in history.troubles:
        hit = FAILURE in effects(trouble, history) and (
            _hits_group(trouble, group, history)
            if trouble.kind == schedule.KILL_AGENT
            else failure.node in _hit_nodes(trouble, history)
        )
        latest = deadline(history, trouble, FAILURE, failure.t, group)
        if hit and trouble.began - EARLY_S <= failure.t <= latest:
            return True
    necessary = explained(history, FAILOVER, failure.t, group=group) or explained(
        history, RESTART, failure.t, group=group
    )
    return bool(failure.action == "start_0" and necessary and _hindrances(history, necessary))


def _owner_in_aws(history: History) -> Iterator[Violation]:
    """Where a group runs, AWS leads to that node and to no other."""
    for group in history.groups:
        for active in _active(history, group):
            for began, ended, nodes in _led_astray(group, active):
                if (
                    ended - began <= SHOWN_S
                    or _hindered_at(history, began, ended)
                    or explained(history, OUTAGE, began, ended, group=group)
                ):
                    continue
                names = ", ".join(sorted(node or "nowhere" for node in nodes)) or "nowhere"
                yield Violation(
                    began,
                    "owner in AWS",
                    f"AWS led clients of {group.name} to {names} until +{ended:.1f} s, while the "
                    f"cluster ran it on {active.node}",
                )


def _active(history: History, group: Group) -> Iterator[Holding]:
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


def _led_astray(group: Group, active: Holding) -> Iterator[tuple[float, float, set[str | None]]]:
    """From when to when AWS led elsewhere than to the active node, and where to in the end."""
    ends = [shown.t for shown in group.shown[1:]] + [active.ended]
    turns = [
        (max(shown.t, active.began), min(end, active.ended), set(shown.nodes))
        for shown, end in zip(group.shown, ends, strict=True)
    ]
    turns = [(began, ended, nodes) for began, ended, nodes in turns if began < ended]
    for astray, found in itertools.groupby(turns, key=lambda turn: turn[2] != {active.node}):
        if astray:
            spells = list(found)
            yield spells[0][0], spells[-1][1], spells[-1][2]


def _hindered_at(history: History, began: float, ended: float) -> bool:
    """Whether AWS could not be written to, until a moment before the end."""
    return any(
        _hinders(trouble) and trouble.began <= began + EARLY_S and ended <= trouble.ended + SHOWN_S
        for trouble in history.troubles
    )


def _whole_again(history: History) -> Iterator[Violation]:
    """What has been broken comes right by itself: nobody has to clean up."""
    for t in history.broken:
        yield Violation(t, "whole again", "the cluster did not become whole by itself")


def _all_agree(history: History) -> Iterator[Violation]:
    """At the end the cluster, AWS and the client name the same node for every group."""
    for group in history.groups:
        end = group.end
        if not end.agreed:
            aws, client = (
                ", ".join(sorted(who or "nobody" for who in seen)) or "nobody"
                for seen in (end.aws, end.client)
            )
            yield Violation(
                history.ended,
                "all agree",
                f"{group.name} is on {end.cluster or 'no node'} by the cluster, on {aws} by AWS, "
                f"and {client} answers",
            )


def _nothing_left(history: History) -> Iterator[Violation]:
    """No process of an agent and no temporary file stays behind."""
    for what in history.left:
        yield Violation(history.ended, "nothing left", what)


def _around(history: History, t: float) -> str:
    """What was going on at a time, to be read by who looks into it."""
    near = [
        f"{trouble} from +{trouble.began:.1f} to +{trouble.ended:.1f} s"
        for trouble in history.troubles
        if trouble.began - EARLY_S <= t <= trouble.ended + FAILOVER_S
    ]
    return "about then: " + "; ".join(near) if near else "nothing had happened"


_CHECKS: tuple[Callable[[History], Iterator[Violation]], ...] = (
    _one_holder,
    _answered_by_holder,
    _clients_served,
    _failovers_explained,
    _fenced_first,
    _restarts_explained,
    _fencings_explained,
    _failures_explained,
    _owner_in_aws,
    _whole_again,
    _all_agree,
    _nothing_left,
)
