# SPDX-License-Identifier: GPL-2.0-or-later
"""AWS or the metadata service is away, under a cluster with all agents: nothing moves.

Half a minute each as part of all tests; `make outage MINUTES=20` has four nodes and takes its time.
The requests meanwhile are held against AWS's quotas; the figures go to build/check/outage.json.
"""

import json
import os
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import everything
import pytest
from everything import MONITOR_S, Everything
from lab.aws import quotas
from lab.state import until
from runner import BUILD
from watch import SETTLE_S, Watch

NODES = int(os.environ.get("OUTAGE_NODES", "2"))
LAB_NAME = f"cts_outage{NODES}"
OUTAGE_S = 60 * float(os.environ.get("OUTAGE_MINUTES", "0.5"))
# What the nodes have at hand helps for some minutes or not at all.
IMDS_OUTAGE_S = min(OUTAGE_S, 180)
FIGURES = BUILD / "check" / "outage.json"
SAMPLE_S = 2
OCF_DEGRADED = "190"
# EC2 User Guide, Access instance metadata: 1024 packets a second and interface, to all of the
# services at link-local addresses. A request with its connection has so many, sent by the node.
LINK_LOCAL_PACKETS, PACKETS_OF_REQUEST = 1024, 6


@pytest.fixture(scope="module")
def stage(agents: Path) -> Iterator[Everything]:
    """The cluster with all agents."""
    with everything.bring_up(LAB_NAME, NODES, agents) as stage:
        FIGURES.unlink(missing_ok=True)
        yield stage


@pytest.fixture
def watches(stage: Everything, tmp_path: Path) -> Iterator[dict[str, Watch]]:
    """A client for each group that asks during the test, which begins when all are served."""
    stage.lab.repair()
    with stage.watching(tmp_path) as watches:
        yield watches


def _attributes(stage: Everything) -> dict[str, str]:
    """The attributes that nodes have for the time that they are up, failures among them."""
    nodes = ET.fromstring(stage.lab.exec("n1", "cibadmin", "--query", "--scope", "status").stdout)
    return {
        attribute.get("name"): attribute.get("value")
        for attribute in nodes.iterfind(".//transient_attributes//nvpair")
    }


def _failed(stage: Everything, attributes: dict[str, str]) -> set[str]:
    """Those for failures of the groups' resources."""
    resources = [name for group in stage.groups.values() for name in group.resources]
    return {name for name in attributes for resource in resources if f"-{resource}#" in name}


class _FenceDevices:
    """Their fail-counts, the highest that were seen.

    These may rise: start and monitor of fence_aws, which is not ours, list the instances in EC2. It
    has no answer for "I cannot know" and fails, and Pacemaker counts that until failure-timeout.
    Which devices it hits is a matter of when their monitors, a minute apart, are due. So the counts
    are told and not judged; but nothing else of a device asks AWS, and nothing else may fail.
    """

    ASKING = ("start_0", "monitor_60000")

    def __init__(self, stage: Everything):
        self.failed: dict[str, str] = {}
        self._devices = {f"fence-{node}" for node in stage.lab.topology.nodes}

    def look(self, attributes: dict[str, str]) -> None:
        """Take in what there is now."""
        for name, value in attributes.items():
            device, _, action = name.removeprefix("fail-count-").partition("#")
            if device in self._devices:
                assert action in self.ASKING, f"{name}={value}"
                # Each is a number or "INFINITY", which a start that fails has at once.
                self.failed[f"{device} {action}"] = max(
                    value, self.failed.get(f"{device} {action}", "0"), key=float
                )


def _asking(stage: Everything, seconds: float) -> set[str]:
    """The agents whose monitors ask AWS in so short a time; the others do so now and then."""
    longest = max(seconds / 2, MONITOR_S)
    return {group.agent for group in stage.groups.values() if group.api_s <= longest}


def _degraded(stage: Everything) -> dict[str, str]:
    """The agents whose monitor says that it does not know, and why."""
    failures = stage.lab.cluster().findall("./failures/failure")
    return {
        failure.get("op_key").partition("_monitor_")[0]: failure.get("exitreason")
        for failure in failures
        if failure.get("exitcode") == OCF_DEGRADED
    }


class _Refused:
    """Connections that are refused are not logged but counted: here they are as log entries,
    those between two looks at the counters spread evenly."""

    def __init__(self, stage: Everything):
        self.entries: list[dict[str, Any]] = []
        self._lab = stage.lab
        # Of metadata goes on what earlier tests have counted.
        self._seen = self._counts()
        self._looked = time.monotonic()

    def _counts(self) -> dict[tuple[str, str, str], int]:
        return {
            (node, *which): count
            for node in self._lab.topology.nodes
            for which, count in self._lab.refused(node).items()
        }

    def sample(self) -> None:
        """Look what has come since the last time."""
        counts, now = self._counts(), time.monotonic()
        for (node, service, region), count in counts.items():
            more = count - self._seen[node, service, region]
            # By monitors, so reads.
            entry = {"node": node, "service": service, "region": region, "action": "Describe"}
            for number in range(1, more + 1):
                t = self._looked + (now - self._looked) * number / more
                self.entries.append({**entry, "t": t})
        self._seen, self._looked = counts, now


def _let_pass(stage: Everything, seconds: float) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Let an outage go on until the monitors have seen it, and for as long as is said.

    Returns the requests meanwhile, and what failed of the fence devices.
    """
    lab, refused, devices = stage.lab, _Refused(stage), _FenceDevices(stage)
    lab.clear_requests()
    asking, everybody = _asking(stage, seconds), set(lab.topology.nodes)
    ends = time.monotonic() + seconds

    def over() -> bool:
        refused.sample()
        assert lab.online() == everybody
        attributes = _attributes(stage)
        assert _failed(stage, attributes) == set()
        devices.look(attributes)
        return time.monotonic() >= ends and set(_degraded(stage)) >= asking

    until(over, seconds + SETTLE_S, "the end of the outage", SAMPLE_S)
    logged = [entry for entry in lab.requests() if entry["service"] is not None]
    return logged + refused.entries, devices.failed


def _note(
    name: str, requests: list[dict[str, Any]], seconds: float, devices: dict[str, str]
) -> list[quotas.Use]:
    """Hold requests against the quotas of AWS, and record the figures."""
    found = quotas.uses((item for item in requests if item["service"] != "imds"), seconds)
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    figures[name] = {
        "nodes": NODES,
        "seconds": round(seconds, 1),
        "uses": list(map(asdict, found)),
        "fence_devices": devices,
    }
    FIGURES.write_text(json.dumps(figures, indent=1))
    print(f"{name}: fail-counts of fence devices: {devices or 'none'}")
    for use in found:
        print(
            f"{name}: {use.service} {use.region} {use.group}: {use.requests} requests, "
            f"{use.per_s:.2f} a second, {use.most} at most (quota {use.limit.rate:g}); "
            f"{use.least:.1f} of {use.limit.capacity:g} tokens left; {use.actions}"
        )
    return found


def _check_nothing_happened(stage: Everything, watches: dict[str, Watch]) -> None:
    """All is as it was, and the monitors say so."""
    for name, watch in watches.items():
        group = stage.groups[name]
        watch.wait_monitor_succeeds(group.agent, group.api_s)
        watch.wait_served_by(watch.active)
        assert watch.lost == []
        assert len(watch.answered_by) == 1
        assert watch.operations == []
        assert watch.fenced == []
    assert _failed(stage, _attributes(stage)) == set()


def test_every_api_refuses_and_then_throttles(stage: Everything, watches: dict[str, Watch]) -> None:
    """No service of AWS can be reached for minutes, and then all throttle every call."""
    for kind in ("refuse", "throttle"):
        stage.lab.clear_faults()
        stage.lab.fault("*", kind)
        began = time.monotonic()
        requests, devices = _let_pass(stage, OUTAGE_S)
        uses = _note(kind, requests, time.monotonic() - began, devices)
        assert {use.service for use in uses} >= {"ec2"}
        assert [use for use in uses if use.least < 0 or use.per_s > use.limit.rate] == []
        reasons = _degraded(stage)
        assert all("Describe" in reasons[agent] for agent in _asking(stage, MONITOR_S))
    stage.lab.clear_faults()
    _check_nothing_happened(stage, watches)


def test_metadata_is_away_and_credentials_expired(
    stage: Everything, watches: dict[str, Watch]
) -> None:
    """The metadata service refuses and then hangs, and AWS takes no credentials that are there."""
    for kind in ("refuse", "hang"):
        stage.lab.clear_faults()
        stage.lab.fault("imds", kind)
        for node in stage.lab.topology.nodes:
            stage.lab.control.rotate(node, expire_old=True)
        requests, devices = _let_pass(stage, IMDS_OUTAGE_S)
        print(f"imds {kind}: fail-counts of fence devices: {devices or 'none'}")
        assert {item["code"] for item in requests if item["service"] == "ec2"} != {None}
        times = sorted((item["node"], item["t"]) for item in requests if item["service"] == "imds")
        most = max(
            (sum(one[0] == node and t <= one[1] < t + 1 for one in times) for node, t in times),
            default=0,
        )
        print(f"imds {kind}: {len(times)} requests, {most} a second and node at most")
        assert most * PACKETS_OF_REQUEST < LINK_LOCAL_PACKETS
    stage.lab.clear_faults()
    _check_nothing_happened(stage, watches)
