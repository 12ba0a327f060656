# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a run kept the promise: what happened, against what may happen and until when.

Nothing here looks at a lab; a history is all there is. An outage of a client, a failover, a
restart, a fencing and a raised fail-count each need an event of the schedule that explains it: one
that hit the node or the resource in question, not too long ago, and that does not explain another
one of the same group already. What explains what is in causes.py.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.history import Failure, Holding, held_by_several

from chaos import schedule
from chaos.causes import (
    EARLY_S,
    FAILOVER,
    FAILOVER_S,
    FAILURE,
    FENCING,
    HANG_S,
    OUTAGE,
    RESTART,
    SHOWN_S,
    actives,
    attributed,
    deadline,
    effects,
    explained,
    hinders_group,
    hindrances,
    hit_nodes,
    hits_group,
    is_kill,
    share_out,
)
from chaos.history import Group, History, Spell, Trouble

# From the end of a service to the line in the log that says so.
LATE_S = 0.5
# Four requests in a row. The machine's own scheduler can cause as much; a restart is seen anyway.
BLIP_S = 1.0


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
    found = [failover for group in history.groups for failover in _moves(history, group)]
    return sorted(found, key=lambda failover: failover.t)


def _moves(history: History, group: Group) -> Iterator[Failover]:
    moves = [
        (earlier, later)
        for earlier, later in itertools.pairwise(group.holdings[group.resources[0]])
        if earlier.node != later.node and later.began >= 0
    ]
    causes = attributed(history, FAILOVER, [later.began for _earlier, later in moves], group)
    for (earlier, later), cause in zip(moves, causes, strict=True):
        yield Failover(later.began, group.name, earlier.node, later.node, cause)


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


@dataclass(frozen=True)
class Outage:
    """A time in which nobody answered a group's clients, the event before it, if any, and until
    when that explains it."""

    group: Group
    spell: Spell
    cause: Trouble | None
    explained_until: float

    @property
    def t(self) -> float:
        """When it began."""
        return self.spell.began

    @property
    def lasted_s(self) -> float:
        """How long it lasted."""
        return self.spell.ended - self.spell.began

    @property
    def bound_s(self) -> float:
        """How long it might have lasted."""
        return max(0.0, self.explained_until - self.spell.began)

    @property
    def kept(self) -> bool:
        """Whether it ended in time."""
        return self.cause is not None and self.spell.ended <= self.explained_until

    def __str__(self) -> str:
        client = f" ({self.group.client})" if self.group.client else ""
        return (
            f"{self.t:8.1f} s  {self.group.name}{client} without an answer for "
            f"{self.lasted_s:.1f} of {self.bound_s:.1f} s; {self.cause or 'nothing'}"
        )


def outages(history: History) -> list[Outage]:
    """All that were longer than a blip, the longest first."""
    found = [
        _outage(history, group, spell)
        for group in history.groups
        for spell in group.answers
        if spell.who is None and spell.ended - spell.began > BLIP_S
    ]
    return sorted(found, key=lambda outage: -outage.lasted_s)


def _outage(history: History, group: Group, spell: Spell) -> Outage:
    enough = explained(history, OUTAGE, spell.began, spell.ended, group=group)
    cause = next(iter(enough), None) or _nearest(history, OUTAGE, spell.began, group)
    until = deadline(history, cause, OUTAGE, spell.ended, group) if cause else spell.began
    return Outage(group, spell, cause, until)


def _clients_served(history: History) -> Iterator[Violation]:
    """A client is without an answer only after an event on the way, and not for too long."""
    for outage in outages(history):
        if not outage.kept:
            why = (
                f"{outage.cause} explains it until +{outage.explained_until:.1f} s"
                if outage.cause
                else "nothing explains it"
            )
            yield Violation(
                outage.t,
                "clients served",
                f"nobody answered clients of {outage.group.name} for {outage.lasted_s:.1f} s, "
                f"until +{outage.spell.ended:.1f} s; {why}",
            )


def _nearest(history: History, effect: str, t: float, group: Group) -> Trouble | None:
    """The last event before a time that has such an effect on a group, however long ago."""
    before = [
        trouble
        for trouble in history.troubles
        if effect in effects(trouble, history)
        and trouble.began - EARLY_S <= t
        and hits_group(trouble, group, history)
    ]
    return max(before, key=lambda trouble: trouble.began, default=None)


def _failovers_explained(history: History) -> Iterator[Violation]:
    """A group moves only when its node was hit, by plan, or when its agent was killed; once."""
    groups = {group.name: group for group in history.groups}
    for failover in failovers(history):
        if failover.cause is None:
            yield Violation(
                failover.t,
                "failover explained",
                f"{failover.group} moved from {failover.left} to {failover.to}; "
                f"{_why_not(history, FAILOVER, failover.t, groups[failover.group])}",
            )


def _why_not(history: History, effect: str, t: float, group: Group) -> str:
    """What there was about a time that does not explain an effect, or explains another one."""
    spent = next(iter(explained(history, effect, t, group=group)), None)
    return f"{spent} explains another one" if spent else _around(history, t)


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
            again = [
                later
                for earlier, later in itertools.pairwise(found)
                if earlier.node == later.node and later.began >= 0
            ]
            causes = attributed(history, RESTART, [later.began for later in again], group)
            for later, cause in zip(again, causes, strict=True):
                if cause is None:
                    yield Violation(
                        later.began,
                        "restart explained",
                        f"{resource} was restarted on {later.node}; "
                        f"{_why_not(history, RESTART, later.began, group)}",
                    )


def _fencings_explained(history: History) -> Iterator[Violation]:
    """A node is fenced only when it was hit, or when a stop was killed; once for each event."""
    fencings = [
        verdict for verdict in history.verdicts if verdict.what == "fenced" and verdict.t >= 0
    ]
    causes = [explained(history, FENCING, fencing.t, node=fencing.node) for fencing in fencings]
    shares = share_out([[id(cause) for cause in each] for each in causes])
    for fencing, found, share in zip(fencings, causes, shares, strict=True):
        if share is None:
            spent = f"{found[0]} explains another one" if found else _around(history, fencing.t)
            yield Violation(fencing.t, "fencing explained", f"{fencing.node} was fenced; {spent}")


def _failures_explained(history: History) -> Iterator[Violation]:
    """A fail-count rises only when an agent was killed, its node was hit, or a start that an event
    made necessary was hindered; once for each of these."""
    owners = {resource: group for group in history.groups for resource in group.resources}
    failures = [each for each in history.failures if each.resource in owners and each.t >= 0]
    causes = [
        list(_failure_causes(history, failure, owners[failure.resource])) for failure in failures
    ]
    for failure, found, share in zip(failures, causes, share_out(causes), strict=True):
        if share is None:
            spent = "what explains it explains another one" if found else None
            yield Violation(
                failure.t,
                "fail-count explained",
                f"{failure.action} of {failure.resource} failed on {failure.node} "
                f"({failure.result}); {spent or _around(history, failure.t)}",
            )


def _failure_causes(history: History, failure: Failure, group: Group) -> Iterator[tuple]:
    """What may have made an action fail: an agent that was killed has done so once, a node that was
    hit once to each action, and so has each thing that hindered a start."""
    action = failure.resource, failure.action, failure.node
    for trouble in explained(history, FAILURE, failure.t):
        if trouble.kind == schedule.KILL_AGENT:
            # What else the node has is lost with it when its stop fails.
            if hits_group(trouble, group, history):
                yield (id(trouble), *(action if is_kill(trouble, "stop") else ()))
        elif failure.node in hit_nodes(trouble, history):
            yield id(trouble), *action
    if failure.action == "start_0":
        for necessary in _made_necessary(history, failure, group):
            for hindrance in hindrances(history, necessary):
                if hindrance.began <= failure.t <= hindrance.ended + HANG_S:
                    yield id(hindrance), *action


def _made_necessary(history: History, failure: Failure, group: Group) -> list[Trouble]:
    """The events that made a start necessary."""
    return [
        *explained(history, FAILOVER, failure.t, group=group),
        *explained(history, RESTART, failure.t, group=group),
    ]


def _owner_in_aws(history: History) -> Iterator[Violation]:
    """Where a group runs, AWS leads to that node and to no other."""
    for group in history.groups:
        for active in actives(history, group):
            for began, ended, nodes in _led_astray(group, active):
                if (
                    ended - began <= SHOWN_S
                    or _hindered_at(history, group, active.node, began, ended)
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


def _hindered_at(history: History, group: Group, node: str, began: float, ended: float) -> bool:
    """Whether a group's node could not write to AWS, until a moment before the end."""
    here = dataclasses.replace(group, nodes=(node,))
    return any(
        hinders_group(history, trouble, here)
        and trouble.began <= began + EARLY_S
        and ended <= trouble.ended + SHOWN_S
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
