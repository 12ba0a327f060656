# SPDX-License-Identifier: GPL-2.0-or-later
"""What everything that answers requests in one lab shares."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from lab.aws.auth import Authorizer, CredentialStore
from lab.aws.cloud import Cloud
from lab.aws.endpoints import Endpoint
from lab.aws.faults import FaultTable
from lab.aws.reqlog import RequestLog


@dataclass
class Settings:
    """What /settings changes."""

    read_delay_s: float = 0.0
    imds_delay_s: float = 0.0
    insync_delay_s: float | None = 0.0  # None: Route 53's changes are PENDING for ever
    change_batch_lists: bool = False  # InvalidChangeBatch as the older document, a list of messages
    clock_offset_s: float = 0.0
    quotas: bool = True
    latency_ms: float = 0.0


@dataclass
class Context:
    """The parts of one lab's AWS; `machines` maps a source address to a node or client."""

    cloud: Cloud
    endpoints: list[Endpoint]
    machines: dict[str, str]
    faults: FaultTable
    store: CredentialStore
    authorizer: Authorizer
    requests: RequestLog = field(default_factory=RequestLog)
    settings: Settings = field(default_factory=Settings)

    def now(self) -> float:
        """The services' clock."""
        return time.time() + self.settings.clock_offset_s

    def machine_at(self, address: str) -> str | None:
        """The node or client with a source address."""
        return self.machines.get(address.removeprefix("::ffff:"))
