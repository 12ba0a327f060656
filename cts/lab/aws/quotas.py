# SPDX-License-Identifier: GPL-2.0-or-later
"""Request quotas: a token bucket per account, region and group of actions.

The lab enforces them, and a log of requests can be held against them.
"""

from __future__ import annotations

import bisect
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# Actions that change routes share EC2's small bucket.
_ROUTE_CHANGES = {
    "ReplaceRoute",
    "CreateRoute",
    "DeleteRoute",
    "ReplaceTransitGatewayRoute",
    "CreateTransitGatewayRoute",
    "DeleteTransitGatewayRoute",
}
# Actions that have a bucket each.
_OF_THEIR_OWN = {
    "AssignIpv6Addresses",
    "AssignPrivateIpAddresses",
    "UnassignIpv6Addresses",
    "UnassignPrivateIpAddresses",
}


@dataclass(frozen=True)
class Limit:
    """A bucket that holds so many tokens, and gets so many a second."""

    capacity: float
    rate: float


# EC2: Amazon EC2 Developer Guide, Request throttling for the Amazon EC2 API. There each action has
# such a bucket of its own; here those of a kind share one, which is stricter.
# Elastic Load Balancing: its User Guide, Request throttling for the Elastic Load Balancing API.
# Route 53: its Developer Guide, Quotas on API requests, as it was for years. Since then the bucket
# has become larger: 50 and 10 a second (Throttling for Amazon Route 53 API requests).
LIMITS = {
    ("ec2", "describe"): Limit(100.0, 20.0),
    ("ec2", "route"): Limit(50.0, 5.0),
    ("ec2", "change"): Limit(50.0, 5.0),
    ("elasticloadbalancing", "describe"): Limit(40.0, 10.0),
    ("route53", "all"): Limit(5.0, 5.0),
    **{("ec2", action): Limit(100.0, 5.0) for action in _OF_THEIR_OWN},
}


class _Bucket:
    """A bucket that is full at first; times are seconds of the monotonic clock."""

    def __init__(self, limit: Limit, now: float) -> None:
        self._limit = limit
        self._filled = now
        self.tokens = limit.capacity

    def fill(self, now: float) -> None:
        """Add what has come since the last time."""
        more = (now - self._filled) * self._limit.rate
        self.tokens = min(self._limit.capacity, self.tokens + more)
        self._filled = now


def group_of(service: str, action: str) -> str:
    """The group of actions that an action shares its bucket with: (service, group) is in LIMITS."""
    if service == "route53":
        return "all"
    if action in _ROUTE_CHANGES:
        return "route"
    if action in _OF_THEIR_OWN:
        return action
    return "describe" if action.startswith(("Describe", "Get", "Search")) else "change"


class Quotas:
    """Buckets that are full at first."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str, str, str], _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, account: str, region: str, service: str, action: str) -> bool:
        """Take a token for one request; False when there is none left."""
        group = group_of(service, action)
        limit = LIMITS.get((service, group))
        if limit is None:
            return True
        now = time.monotonic()
        with self._lock:
            key = (account, region, service, group)
            bucket = self._buckets.setdefault(key, _Bucket(limit, now))
            bucket.fill(now)
            if bucket.tokens < 1.0:
                return False
            bucket.tokens -= 1.0
            return True

    def refill(self) -> None:
        """Fill every bucket."""
        with self._lock:
            self._buckets.clear()


@dataclass(frozen=True)
class Use:
    """What the requests of some time have taken from one bucket."""

    region: str
    service: str
    group: str
    actions: dict[str, int]  # how often each was asked for
    per_s: float  # on the average
    most: int  # in any one second
    least: float  # tokens that were left when there were fewest; below 0 it was too much
    limit: Limit

    @property
    def requests(self) -> int:
        """All together."""
        return sum(self.actions.values())


def uses(entries: Iterable[dict[str, Any]], seconds: float) -> list[Use]:
    """What each bucket would have given, with the requests of so many seconds of a request log.

    Raises KeyError for a request whose quota is not in LIMITS.
    """
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for entry in sorted(entries, key=lambda item: item["t"]):
        service = entry["service"]
        key = (entry["region"], service, group_of(service, entry["action"]))
        found.setdefault(key, []).append(entry)
    return [_use(key, of_key, seconds) for key, of_key in sorted(found.items())]


def _use(key: tuple[str, str, str], entries: list[dict[str, Any]], seconds: float) -> Use:
    region, service, group = key
    limit, times = LIMITS[service, group], [entry["t"] for entry in entries]
    bucket = _Bucket(limit, times[0])
    least = limit.capacity
    for t in times:
        bucket.fill(t)
        bucket.tokens -= 1.0
        least = min(least, bucket.tokens)
    most = max(index + 1 - bisect.bisect_right(times, t - 1.0) for index, t in enumerate(times))
    actions = dict(Counter(entry["action"] for entry in entries))
    return Use(region, service, group, actions, len(times) / seconds, most, least, limit)
