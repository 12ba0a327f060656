# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened in a lab and when, put together from AWS's record and Pacemaker's logs.

All times are seconds of the monotonic clock, which the machines of a lab share.
"""

import datetime
import itertools
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from lab.handle import Lab

# "Nov 21 20:05:20.123 n1 pacemaker-controld  [31] (function) \tnotice: text"
_LOG_LINE = re.compile(r"(\w{3} \d\d [\d:]{8}\.\d{3}) (\S+) \S+\s*\[\d+\] \(\w+\)\s+\w+: (.*)")
_OPERATION = re.compile(r"Result of (start|stop) operation for (\S+) on (\S+): (\w+)")
_REQUESTED = re.compile(r"Requesting local execution of start operation for (\S+) on (\S+)")
_DISCARDED = re.compile(r"Discarding attempt to perform action start on (\S+) in state")
_FENCED = re.compile(r"Operation '(?:reboot|off)' targeting (\S+) by (\S+) for .*: OK")
_LOST = re.compile(r"Node (\S+) state is now lost")
# Each failure has an attribute of its own, with the second in which it happened.
_FAILED = re.compile(r"Setting last-failure-(\S+)#(\w+)\[(\S+)\]\D*: .* -> (\d+)")
# What one of the above is in; most lines are about something else.
_TOLD = re.compile(
    "Result of|Requesting local|Discarding|Operation '|is now lost|Setting last-failure"
)
_RESULT = re.compile(r"Result of (\w+) operation for (\S+) on (\S+): (.*) \| .*key=(\S+)")


@dataclass(frozen=True)
class RouteChange:
    """A route that AWS has sent to another node. A node is None when the route leads nowhere."""

    t: float
    table: str
    destination: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class HealthChange:
    """A target that a load balancer has found in another state, None where it has no view."""

    t: float
    target_group: str
    node: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Operation:
    """A start or stop that Pacemaker has finished on a node."""

    t: float
    action: str
    resource: str
    node: str
    result: str


@dataclass(frozen=True)
class Holding:
    """The time in which a node may have had a resource: from the request of its start to the end
    of its stop, or of the node. `ended` is infinite while it goes on."""

    node: str
    began: float
    ended: float


@dataclass(frozen=True)
class Failure:
    """An action that the cluster counts as failed: a fail-count has gone up."""

    t: float
    action: str  # start_0, monitor_10000 and so on: the name, and the interval in milliseconds
    resource: str
    node: str
    result: str


@dataclass(frozen=True)
class Verdict:
    """What the cluster found out about a node: "lost" or "fenced"."""

    t: float
    what: str
    node: str


def route_changes(lab: Lab, destination: str) -> list[RouteChange]:
    """How the route moved, by AWS's record."""
    owners = {
        eni.id: member.name for member in lab.topology.members.values() for eni in member.enis
    }

    def owner(route: dict | None) -> str | None:
        return owners.get(route["target"]) if route and route["state"] == "active" else None

    return [
        RouteChange(
            event["t"], change["table"], destination, owner(change["old"]), owner(change["new"])
        )
        for event in lab.files.events()
        if event["kind"] == "aws"
        for change in event["changes"]
        if change["what"] == "route" and change["destination"] == destination
    ]


def health_changes(lab: Lab, target_group: str) -> list[HealthChange]:
    """How the targets of a target group came and went, by the load balancer's health checks."""
    return [
        HealthChange(event["t"], target_group, event["target"], event["old"], event["new"])
        for event in lab.files.events()
        if event["kind"] == "health"
        and event["target_group"] == target_group
        and event["old"] != event["new"]
    ]


def takeovers(changes: list[RouteChange]) -> list[RouteChange]:
    """The changes by which the last table came to lead to a new node."""
    owners: dict[str, str | None] = {}
    for change in changes:
        owners.setdefault(change.table, change.old)
    agreed = _agreed(owners)
    found = []
    for change in changes:
        owners[change.table] = change.new
        now = _agreed(owners)
        if now and now != agreed:
            found.append(change)
            agreed = now
    return found


def _agreed(owners: dict[str, str | None]) -> str | None:
    values = set(owners.values())
    return values.pop() if len(values) == 1 else None


def operations(lab: Lab) -> list[Operation]:
    """Every start and stop, oldest first."""
    return [
        Operation(t, *found.groups())
        for t, _node, text in _log(lab)
        if (found := _OPERATION.search(text))
    ]


def _begun(lab: Lab, resource: str) -> list[tuple[float, str, str]]:
    """The starts of a resource: those that a node has not refused for having to join anew."""
    begun: list[tuple[float, str, str]] = []
    for t, node, text in _log(lab):
        if (found := _REQUESTED.search(text)) and found.group(1) == resource:
            begun.append((t, "begin", found.group(2)))
        elif (found := _DISCARDED.search(text)) and found.group(1) == resource:
            refused = max(i for i, (_, _, where) in enumerate(begun) if where == node)
            del begun[refused]
    return begun


def holdings(lab: Lab, resource: str) -> list[Holding]:
    """Who may have had a resource and when, in the order of the ends."""
    begun = _begun(lab, resource)
    stopped = [
        (operation.t, "end", operation.node)
        for operation in operations(lab)
        if (operation.action, operation.resource, operation.result) == ("stop", resource, "ok")
    ]
    off = [
        (event["t"], "end", event["node"])
        for event in lab.files.events()
        if event["kind"] == "kill" or (event["kind"] == "power" and event["state"] == "off")
    ]
    since: dict[str, float] = {}
    found = []
    for t, what, node in sorted([*begun, *stopped, *off]):
        if what == "begin":
            since.setdefault(node, t)
        elif node in since:
            found.append(Holding(node, since.pop(node), t))
    return found + [Holding(node, began, math.inf) for node, began in since.items()]


def held_by_several(found: list[Holding]) -> list[tuple[Holding, Holding]]:
    """The pairs of different nodes that may have had a resource at the same time."""
    return [
        (one, other)
        for one, other in itertools.combinations(found, 2)
        if one.node != other.node and one.began < other.ended and other.began < one.ended
    ]


def failures(lab: Lab) -> list[Failure]:
    """What has raised a fail-count, each as the first node noted it."""
    results: dict[tuple[str, str, str], str] = {}
    found: dict[tuple[str, ...], Failure] = {}
    for t, _node, text in _log(lab):
        if match := _RESULT.search(text):
            _action, resource, node, result, key = match.groups()
            results[resource, key.removeprefix(f"{resource}_"), node] = result
        elif match := _FAILED.search(text):
            resource, action, node, _second = match.groups()
            # A node that joins is told of all there is, and logs it anew.
            result = results.get((resource, action, node), "no result in the logs")
            found.setdefault(match.groups(), Failure(t, action, resource, node, result))
    return list(found.values())


def verdicts(lab: Lab) -> list[Verdict]:
    """When nodes were found lost and when fenced, each as the first node noticed it."""
    found = []
    for t, _node, text in _log(lab):
        for what, pattern in (("lost", _LOST), ("fenced", _FENCED)):
            match = pattern.search(text)
            if match:
                found.append(Verdict(t, what, match.group(1)))
    # Several daemons of several nodes report the same; they do so within a moment.
    return [
        verdict
        for index, verdict in enumerate(found)
        if not any(
            (verdict.what, verdict.node) == (earlier.what, earlier.node)
            and verdict.t - earlier.t < 5
            for earlier in found[:index]
        )
    ]


def _log(lab: Lab) -> Iterator[tuple[float, str, str]]:
    """(time, node, text) of what matters in all nodes' Pacemaker logs, in order of time; what a node
    logs in one millisecond stays in its order."""
    to_monotonic = time.monotonic() - time.time()
    year = datetime.date.today().year
    lines = []
    for name in lab.topology.nodes:
        log = lab.files.node(name) / "log" / "pacemaker" / "pacemaker.log"
        for line in log.read_text(errors="replace").splitlines():
            found = _LOG_LINE.match(line) if _TOLD.search(line) else None
            if found:
                stamp, node, text = found.groups()
                # The log leaves the year out.
                wall = datetime.datetime.strptime(f"{year} {stamp}", "%Y %b %d %H:%M:%S.%f")
                lines.append((wall.timestamp() + to_monotonic, node, text))
    return iter(sorted(lines, key=lambda line: line[0]))
