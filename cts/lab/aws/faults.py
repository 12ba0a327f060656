# SPDX-License-Identifier: GPL-2.0-or-later
"""Fault rules: which requests they take, and how often.

What a kind does to an answer is in gateway.py (AWS) and imds.py (instance metadata); `refuse` and
`drop` are done in the node's packet filter through the callbacks handed to FaultTable.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.aws.endpoints import SERVICES, Endpoint

IMDS_ADDRESS = "169.254.169.254"
IMDS_ADDRESS6 = "fd00:ec2::254"

# What a node asks at an address of its own network; the action is "GET /path", "A name." for DNS.
_NOT_AWS = ("imds", "dns")

# Role credentials of an instance live this long.
ROLE_LIFETIME_S = 6 * 3600.0

# Kinds that act below HTTP, before a request can be read.
WIRE_KINDS = {"refuse", "drop"}
# Kinds that change a request which is then served as usual, and the default of their parameter.
MODIFIERS = {
    "slow": 1000.0,
    "stale": 5.0,
    "skew": 600.0,
    "pending": math.inf,
    "rotate": ROLE_LIFETIME_S,
}
AWS_KINDS = {
    *WIRE_KINDS,
    *MODIFIERS,
    *("hang", "reset", "badcert", "html502", "truncate", "wrongroot", "huge", "bomb", "badutf8"),
    *("empty", "throttle", "e500", "e503", "mix", "denied", "expired", "reqexpired", "badsig"),
    *("lost", "prior", "held"),
}
# Served as usual, but not before the rule is removed: what is on its way when its sender dies.
HELD = "held"
# Kinds that only some services have, and their one action.
_ONLY_SERVICES = {"stale": ("ec2", "imds"), "pending": ("route53",), "prior": ("route53",)}
_ONLY_ACTION = {"pending": "ChangeResourceRecordSets", "prior": "ChangeResourceRecordSets"}
IMDS_KINDS = {*WIRE_KINDS, "hang", "slow", "stale", "e503", "e401", "e403", "norole"}
DNS_KINDS = {"hang", "servfail"}
BOMBS = ("entity", "nesting", "wide")
_DEFAULT_MEGABYTES = 100


class FaultError(ValueError):
    """A rule that cannot be; the text names the field, the value and what is allowed."""


def _refuse(name: str, value: object, allowed: str) -> FaultError:
    return FaultError(f"{name}: {value!r} is not possible; allowed: {allowed}")


@dataclass
class Rule:
    """One fault rule. None in a selector means any."""

    service: str
    kind: str
    action: str | None = None
    count: int | None = None
    node: str | None = None
    region: str | None = None
    param: Any = None
    match: dict[str, str] = field(default_factory=dict)
    id: int = 0
    hits: int = 0

    def selects(
        self, service: str, region: str | None, action: str, node: str | None, params: dict
    ) -> bool:
        """Whether this rule is meant for such a request. "*" is every service with an endpoint."""
        if self.service != service and (self.service != "*" or service in _NOT_AWS):
            return False
        # A token can be refused only where it is shown, a role be missing only where it is read.
        if self.kind == "e401" and action.startswith("PUT "):
            return False
        if self.kind == "norole" and "/latest/meta-data/iam" not in action:
            return False
        if self.kind in _ONLY_ACTION and action != _ONLY_ACTION[self.kind]:
            return False
        return (
            self.action in (None, action)
            and self.node in (None, node)
            and self.region in (None, region)
            and all(params.get(name) == value for name, value in self.match.items())
        )


_Blocked = tuple[str, str, str]  # node, address, "refuse" or "drop"


def _by_filter(items: Iterable[_Blocked]) -> list[tuple[tuple[str, str], list[_Blocked]]]:
    """What is for the same node and of the same kind together."""

    def place(item: _Blocked) -> tuple[str, str]:
        return item[0], item[2]

    found = itertools.groupby(sorted(items, key=place), key=place)
    return [(key, list(group)) for key, group in found]


_EFFECTS = {
    "slow": "slow_ms",
    "stale": "lag_s",
    "skew": "skew_s",
    "pending": "insync_s",
    "rotate": "rotated_s",
}


@dataclass
class Effect:
    """What the rules do to one request: one kind at most, and what modifies it."""

    kind: str | None = None
    param: Any = None
    hit: int = 0
    slow_ms: float = 0.0
    lag_s: float = 0.0
    skew_s: float = 0.0
    insync_s: float | None = None
    # Lifetime of the credentials that replace the caller's once it has been served.
    rotated_s: float | None = None
    # Rules that are to be removed before it is served.
    held: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


class FaultTable:
    """The rules in force.

    `nodes` and `endpoints` say what rules may name. `block` takes (node, addresses, "refuse" or
    "drop"), `unblock` (node, addresses); without them rules for AWS's endpoints cannot be of these
    kinds. `gate_imds` is told of each node whether its metadata port must be closed.
    """

    def __init__(
        self,
        nodes: Iterable[str],
        endpoints: list[Endpoint],
        *,
        block: Callable[[str, list[str], str], None] | None = None,
        unblock: Callable[[str, list[str]], None] | None = None,
        gate_imds: Callable[[str, bool], None] | None = None,
    ) -> None:
        self._nodes = list(nodes)
        self._endpoints = endpoints
        self._block = block
        self._unblock = unblock
        self._gate_imds = gate_imds
        self._rules: list[Rule] = []
        self._blocked: set[_Blocked] = set()
        self._closed: set[str] = set()
        self._ids = itertools.count(1)
        # The rules, and what has become of them in packet filters: no request waits for these.
        self._lock = threading.Lock()
        self._removed = threading.Condition(self._lock)
        self._wire = threading.Lock()

    def rules(self) -> list[dict[str, Any]]:
        """The rules as JSON objects."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def add(self, document: Any) -> dict[str, Any]:
        """Put a rule in force; raises FaultError when it cannot be."""
        rule = self._parse(document)
        with self._wire:
            with self._lock:
                rule.id = next(self._ids)
                self._rules.append(rule)
            try:
                self._apply_wire()
            except Exception:
                with self._lock:
                    self._rules.remove(rule)
                raise
        return asdict(rule)

    def clear(self, rule_id: int | None = None) -> int:
        """Remove one rule, or all; returns how many."""
        with self._wire:
            with self._lock:
                kept = [rule for rule in self._rules if rule_id not in (None, rule.id)]
                removed = len(self._rules) - len(kept)
                self._rules = kept
                self._removed.notify_all()
            self._apply_wire()
        return removed

    def reapply(self, node: str) -> None:
        """Block again what the packet filter of a node forgot when its namespace was remade."""
        with self._wire:
            self._blocked = {item for item in self._blocked if item[0] != node}
            self._closed.discard(node)
            self._apply_wire()

    def holds_changes(self) -> bool:
        """Whether a rule keeps changes of Route 53 PENDING."""
        with self._lock:
            return any(rule.kind == "pending" for rule in self._rules)

    def max_lag_s(self) -> float:
        """The longest delay of a read in any rule."""
        with self._lock:
            lags = [self._number(rule) for rule in self._rules if rule.kind == "stale"]
        return max(lags, default=0.0)

    def take(
        self, service: str, region: str | None, action: str, node: str | None, params: dict
    ) -> Effect:
        """The rules for one request, each counted down."""
        effect = Effect()
        with self._lock:
            for rule in self._rules:
                if rule.kind in WIRE_KINDS or rule.kind == "badcert" or rule.count == rule.hits:
                    continue
                if not rule.selects(service, region, action, node, params):
                    continue
                if rule.kind == HELD:
                    effect.held.append(rule.id)
                elif rule.kind in MODIFIERS:
                    setattr(effect, _EFFECTS[rule.kind], self._number(rule))
                elif effect.kind is None:
                    effect.kind, effect.param, effect.hit = rule.kind, rule.param, rule.hits
                else:
                    continue
                rule.hits += 1
                effect.names.append(rule.kind)
        return effect

    def hold(self, effect: Effect) -> None:
        """Wait until the rules are removed that hold a request."""
        with self._removed:
            self._removed.wait_for(lambda: not any(rule.id in effect.held for rule in self._rules))

    def bad_certificate(self, service: str | None, region: str | None, node: str | None) -> bool:
        """Whether a TLS connection gets the certificate nobody trusts."""
        with self._lock:
            for rule in self._rules:
                if rule.kind != "badcert" or rule.count == rule.hits:
                    continue
                if rule.node not in (None, node) or rule.region not in (None, region):
                    continue
                if rule.service not in ("*", service):
                    continue
                rule.hits += 1
                return True
        return False

    @staticmethod
    def _number(rule: Rule) -> float:
        return MODIFIERS[rule.kind] if rule.param is None else float(rule.param)

    def _apply_wire(self) -> None:
        """Make the packet filters and metadata ports follow the rules."""
        wanted: set[_Blocked] = set()
        closed: set[str] = set()
        with self._lock:
            rules = list(self._rules)
        for rule in rules:
            if rule.kind not in WIRE_KINDS:
                continue
            nodes = self._nodes if rule.node is None else [rule.node]
            if rule.service == "imds" and rule.kind == "refuse":
                closed.update(nodes)
            elif rule.service == "imds":
                addresses = (IMDS_ADDRESS, IMDS_ADDRESS6)
                wanted.update((node, item, rule.kind) for node in nodes for item in addresses)
            else:
                wanted.update(
                    (node, endpoint.address, rule.kind)
                    for node in nodes
                    for endpoint in self._endpoints
                    if rule.service in ("*", endpoint.service)
                    and rule.region in (None, endpoint.region)
                )
        for (node, _), items in _by_filter(self._blocked - wanted):
            self._unblock(node, [address for _, address, _ in items])
            self._blocked.difference_update(items)
        for (node, kind), items in _by_filter(wanted - self._blocked):
            self._block(node, [address for _, address, _ in items], kind)
            self._blocked.update(items)
        for node in closed ^ self._closed:
            self._gate_imds(node, node in closed)
        self._closed = closed

    def _parse(self, document: Any) -> Rule:
        if not isinstance(document, dict):
            raise FaultError(f"a fault rule must be an object, not {document!r}")
        fields = ("service", "action", "kind", "count", "node", "region", "param", "match")
        for name in document:
            if name not in fields:
                raise _refuse("field", name, ", ".join(fields))
        services = [*SERVICES, *_NOT_AWS, "*"]
        service, kind = document.get("service"), document.get("kind")
        if service not in services:
            raise _refuse("service", service, ", ".join(services))
        kinds = {"imds": IMDS_KINDS, "dns": DNS_KINDS}.get(service, AWS_KINDS)
        if kind not in kinds:
            raise _refuse("kind", kind, ", ".join(sorted(kinds)))
        only = (*_ONLY_SERVICES.get(kind, (service,)), "*")
        if service not in only:
            raise _refuse("service", service, f"{', '.join(only)} for {kind}")
        rule = Rule(service, kind)
        self._parse_selectors(rule, document)
        self._parse_param(rule, document.get("param"))
        return rule

    def _parse_selectors(self, rule: Rule, document: dict[str, Any]) -> None:
        action, count = document.get("action"), document.get("count")
        if action is not None and not isinstance(action, str):
            raise _refuse("action", action, "a name such as ReplaceRoute, or null")
        if count is not None and (type(count) is not int or count < 1):
            raise _refuse("count", count, "an integer from 1, or null")
        node, region = document.get("node"), document.get("region")
        if node is not None and node not in self._nodes:
            raise _refuse("node", node, ", ".join(self._nodes))
        regions = sorted({endpoint.region for endpoint in self._endpoints})
        if region is not None and (region not in regions or rule.service in _NOT_AWS):
            allowed = "null" if rule.service in _NOT_AWS else ", ".join(regions)
            raise _refuse("region", region, allowed)
        match = document.get("match") or {}
        if not isinstance(match, dict) or not all(isinstance(v, str) for v in match.values()):
            raise _refuse("match", match, "an object of request parameters and their text")
        if rule.kind in WIRE_KINDS or rule.kind == "badcert":
            # These act before a request can be read; packets are not counted either.
            if action is not None:
                raise _refuse("action", action, f"null for {rule.kind}")
            if match:
                raise _refuse("match", match, f"nothing for {rule.kind}")
        if rule.kind in WIRE_KINDS:
            if count is not None:
                raise _refuse("count", count, f"null for {rule.kind}")
            inside = rule.service == "imds" and rule.kind == "refuse"
            if self._block is None and not inside:
                raise _refuse("kind", rule.kind, "other kinds where the lab has no namespaces")
        rule.action, rule.count, rule.match = action, count, match
        rule.node, rule.region = node, region

    @staticmethod
    def _parse_param(rule: Rule, param: Any) -> None:
        number = isinstance(param, (int, float)) and not isinstance(param, bool)
        if rule.kind == "bomb":
            if param not in (None, *BOMBS):
                raise _refuse("param", param, ", ".join(BOMBS))
            param = param or BOMBS[0]
        elif rule.kind == "huge":
            if param is not None and (not number or not 1 <= param <= 1000):
                raise _refuse("param", param, "megabytes from 1 to 1000")
            param = param or _DEFAULT_MEGABYTES
        elif rule.kind in MODIFIERS:
            if param is not None and (not number or (param < 0 and rule.kind != "skew")):
                unit = "milliseconds" if rule.kind == "slow" else "seconds"
                raise _refuse("param", param, f"a number of {unit}")
        elif param is not None:
            raise _refuse("param", param, f"null for {rule.kind}")
        rule.param = param
