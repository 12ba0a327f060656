# SPDX-License-Identifier: GPL-2.0-or-later
"""Request quotas: a token bucket per account, region and group of actions."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

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
# (service, group) -> capacity and tokens a second.
_LIMITS = {
    ("ec2", "describe"): (100.0, 20.0),
    ("ec2", "route"): (50.0, 5.0),
    ("ec2", "change"): (50.0, 5.0),
    ("route53", "all"): (5.0, 5.0),
    **{("ec2", action): (100.0, 5.0) for action in _OF_THEIR_OWN},
}


@dataclass
class _Bucket:
    tokens: float
    filled: float


def _group(service: str, action: str) -> str:
    if service != "ec2":
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
        group = _group(service, action)
        limit = _LIMITS.get((service, group))
        if limit is None:
            return True
        capacity, rate = limit
        now = time.monotonic()
        with self._lock:
            key = (account, region, service, group)
            bucket = self._buckets.setdefault(key, _Bucket(capacity, now))
            bucket.tokens = min(capacity, bucket.tokens + (now - bucket.filled) * rate)
            bucket.filled = now
            if bucket.tokens < 1.0:
                return False
            bucket.tokens -= 1.0
            return True

    def refill(self) -> None:
        """Fill every bucket."""
        with self._lock:
            self._buckets.clear()
