# SPDX-License-Identifier: GPL-2.0-or-later
"""Watches a group of resources in a cluster: the client, AWS and the cluster must agree."""

import json
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import client, history
from lab.handle import Lab
from lab.state import until
from runner import BUILD

SETTLE_S = 90
STEADY_ANSWERS = 10
OUTAGES = BUILD / "check" / "outages.jsonl"


@dataclass(frozen=True)
class Watched:
    """A group of resources, and how AWS shows where it is."""

    name: str
    resources: list[str]  # in the order of their start
    program: str  # the one that answers the client
    owners: Callable[[Lab], set[str | None]]  # the nodes that AWS leads clients to


class Watch:
    """What has become of a group since the test began, in the eyes of all three."""

    def __init__(self, lab: Lab, group: Watched, record: Path, cluster: str | None = None):
        """In a lab of several clusters it is one of them that is watched."""
        self.lab = lab
        self.cluster = cluster
        self.group = group
        self.record = record
        self.began = time.monotonic()

    def begin(self) -> None:
        """Wait until everything is well; the test begins then."""
        self.wait_online()
        # Cleaning forgets results and probes anew; the test must not come in between.
        node = next(iter(self.lab.topology.cluster(self.cluster)))
        self.lab.exec(node, "pcs", "resource", "cleanup")
        self.lab.exec(node, "crm_resource", "--wait")
        until(lambda: self.active, SETTLE_S, "the cluster to run the service")
        self.wait_served_by(self.active)
        self.began = self.requests[-STEADY_ANSWERS].t

    @property
    def active(self) -> str | None:
        """The one node on which the cluster runs the service; None while there is none."""
        nodes = self.lab.cluster(self.cluster).findall(
            f".//resource[@id='{self.group.program}'][@active='true'][@failed='false']/node"
        )
        return nodes[0].get("name") if len(nodes) == 1 else None

    def other(self, node: str) -> str:
        """The other node of two."""
        return next(name for name in self.lab.topology.cluster(self.cluster) if name != node)

    @property
    def requests(self) -> list[client.Request]:
        """The client's requests since the test began."""
        return [request for request in client.read(self.record) if request.t >= self.began]

    @property
    def answered_by(self) -> list[str]:
        """Who answered the client, one entry for each change."""
        answers = [request.who for request in self.requests if request.ok]
        return [who for index, who in enumerate(answers) if answers[index - 1 : index] != [who]]

    @property
    def lost(self) -> list[client.Request]:
        """The requests nobody answered."""
        return [request for request in self.requests if not request.ok]

    def note(self, agent: str, what: str, **more: Any) -> None:
        """Record what the client missed: the longest time without an answer."""
        missed = [outage.seconds for outage in client.outages(self.requests)]
        entry = {
            "agent": agent,
            "what": what,
            "outage_s": max(missed, default=0.0),
            "lost": len(self.lost),
            "requests": len(self.requests),
            **more,
        }
        rounded = {k: round(v, 2) if isinstance(v, float) else v for k, v in entry.items()}
        OUTAGES.parent.mkdir(parents=True, exist_ok=True)
        with open(OUTAGES, "a") as file:
            file.write(json.dumps(rounded) + "\n")

    def _is_served_by(self, node: str) -> bool:
        last = self.requests[-STEADY_ANSWERS:]
        return (
            len(last) == STEADY_ANSWERS
            and {request.who for request in last} == {node}
            and self.group.owners(self.lab) == {node}
            and self.active == node
        )

    def wait_served_by(self, node: str) -> None:
        """Wait until the client, AWS and the cluster agree that a node has the service."""
        until(lambda: self._is_served_by(node), SETTLE_S, f"{node} to serve the client", 0.2)

    def wait_online(self) -> None:
        """Wait until the cluster has all its nodes."""
        everyone = set(self.lab.topology.cluster(self.cluster))
        until(
            lambda: self.lab.online(self.cluster) == everyone,
            SETTLE_S,
            "all nodes to be online",
            0.2,
        )

    def fail_count(self, resource: str) -> int:
        """How often a resource has failed, on all nodes together."""
        histories = self.lab.cluster(self.cluster).findall(f".//resource_history[@id='{resource}']")
        return sum(int(entry.get("fail-count", 0)) for entry in histories)

    def wait_monitor_succeeds(self, resource: str, interval_s: int) -> None:
        """Wait until the recurring monitor of a resource has succeeded where the service is."""
        # crm_mon goes on to show the last failure until somebody cleans it up.
        monitor = f"lrm_rsc_op[@id='{resource}_monitor_{interval_s}000']"
        operation = f"//node_state[@uname='{self.active}']//{monitor}"

        def succeeded() -> bool:
            argv = ["cibadmin", "--query", "--xpath", operation]
            found = self.lab.exec(self.active, *argv, check=False)
            return found.returncode == 0 and ET.fromstring(found.stdout).get("rc-code") == "0"

        until(succeeded, SETTLE_S, f"the monitor of {resource} to succeed", 0.2)

    @property
    def operations(self) -> list[tuple[str, str, str]]:
        """Starts and stops of the group since the test began: (action, resource, node)."""
        return [
            (operation.action, operation.resource, operation.node)
            for operation in history.operations(self.lab)
            if operation.t >= self.began and operation.resource in self.group.resources
        ]

    @property
    def fenced(self) -> list[str]:
        """The nodes whose instances AWS has been asked to stop since the test began."""
        return [
            change["node"]
            for event in self.lab.files.events()
            if event["kind"] == "aws" and event["t"] >= self.began
            for change in event["changes"]
            if change["what"] == "instance" and change["new"] == "stopping"
        ]
