# SPDX-License-Identifier: GPL-2.0-or-later
"""One object to drive a lab from Python: for the demo, the tests and the benchmark."""

import contextlib
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from lab import clock, cluster, lifecycle, netns, node, power, reach
from lab.aws.client import Control
from lab.state import CLEAN_ENV, LabError, State, until
from lab.topology import REGION, Topology, describe

EXEC_TIMEOUT_S = 120
SWITCH_TIMEOUT_S = 60
# The logs and records among a lab's files.
COLLECTED = (".log", ".json", ".jsonl")
SERVICE = Path(__file__).with_name("service.py")
SERVICE_PORT = 8080
ANSWER_S = 1
SYSTEMCTL = Path(__file__).with_name("systemctl")


class Lab:
    """A lab that is up. Methods raise LabError when something cannot be done."""

    def __init__(self, name: str):
        self.name = name
        self.files = State(name)
        self.control = Control(self.files.dir)

    @classmethod
    def up(
        cls,
        name: str,
        nodes: int = 2,
        scenario: str | dict[str, Any] = "textbook",
        agents: Path | None = None,
        with_cluster: bool = True,
        quorum_device: str | None = None,
        clocks: bool = False,
        progress: Callable[[str], None] = lambda _text: None,
    ) -> "Lab":
        """Bring a lab up, as `aws-lab up` does; the nodes have ocf:aws only if told where from.

        Instead of a scenario's name, what it would make may be given; its nodes then count. The
        quorum device is the name of the client that corosync-qnetd shall run on. With `clocks` the
        clocks of nodes can be set.
        """
        if agents and not agents.is_dir():
            raise LabError(f"there are no agents in {agents}; run 'make' first")
        document = describe(name, scenario, nodes)
        document["agents"] = agents and str(agents.resolve())
        document["cluster"] = with_cluster
        document["quorum_device"] = quorum_device
        document["clocks"] = clocks
        if quorum_device not in (None, *document["clients"]):
            clients = ", ".join(document["clients"])
            raise LabError(f"'{quorum_device}' cannot be the quorum device: there are {clients}")
        lab = cls(name)
        lifecycle.up(lab.files, document, progress)
        return lab

    @classmethod
    @contextlib.contextmanager
    def running(cls, name: str, **options: Any) -> Iterator["Lab"]:
        """A lab for the time of a with statement; the options are those of up()."""
        lab = cls.up(name, **options)
        try:
            yield lab
        finally:
            lab.down()

    def down(self) -> None:
        """Remove the lab."""
        lifecycle.down(self.files)

    def repair(self) -> None:
        """Undo faults and accidents: no fault, no cut, nothing frozen, all machines running."""
        self.clear_faults()
        self.heal()
        for name, member in self.topology.members.items():
            state = until(
                lambda name=name: self._settled(name), SWITCH_TIMEOUT_S, f"AWS to switch {name}"
            )
            if state == "stopped":
                started = {"InstanceIds": [member.instance]}
                self.control.aws(member.region, "ec2", "StartInstances", **started)
                until(lambda name=name: self._settled(name), SWITCH_TIMEOUT_S, f"{name} to start")
            elif not self.is_running(name):
                power.switch(self.files, self.topology, name, "on")
            self.thaw(name)

    def _settled(self, name: str) -> str | None:
        state = self.instance_state(name)
        return state if state in ("running", "stopped") else None

    def collect(self, directory: Path) -> None:
        """Copy all logs and records, to be read when the lab is gone."""
        shutil.rmtree(directory, ignore_errors=True)
        for file in self.files.dir.rglob("*"):
            if file.is_file() and file.suffix in COLLECTED:
                copy = directory / file.relative_to(self.files.dir)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        (directory / "requests.json").write_text(json.dumps(self.requests(), indent=1))

    @cached_property
    def topology(self) -> Topology:
        return Topology.load(self.files)

    # --- commands inside the machines ---

    def command(self, where: str, *argv: str) -> list[str]:
        """The command line that runs argv on a node or client."""
        return node.command(self.files, self.topology.member(where).name, list(argv))

    def exec(
        self, where: str, *argv: str, check: bool = True, timeout_s: float = EXEC_TIMEOUT_S
    ) -> subprocess.CompletedProcess:
        """Run a command on a node or client and return its outcome with text output."""
        command = self.command(where, *argv)
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise LabError(f"{where}: {' '.join(argv)} ended with {done.returncode}: {said}")
        return done

    @contextlib.contextmanager
    def serving(self, *names: str) -> Iterator[None]:
        """Let nodes or clients answer with their names, as ask() and asking() expect it."""
        programs = []
        try:
            for name in names:
                service = self.command(name, "/usr/bin/python3", str(SERVICE), str(SERVICE_PORT))
                programs.append(subprocess.Popen(service, stdin=subprocess.DEVNULL))
                until(
                    lambda name=name: self.ask("127.0.0.1", name) == name,
                    SWITCH_TIMEOUT_S,
                    f"the service on {name}",
                )
            yield
        finally:
            for program in programs:
                program.kill()
                program.wait()

    def ask(self, host: str, where: str = "client") -> str | None:
        """Who answers at an address; None when nobody does."""
        name = f"[{host}]" if ":" in host else host
        url = f"http://{name}:{SERVICE_PORT}/"
        asked = self.exec(where, "curl", "-s", "-m", str(ANSWER_S), url, check=False)
        return asked.stdout if asked.returncode == 0 else None

    @contextlib.contextmanager
    def asking(
        self,
        url: str,
        output: Path,
        where: str = "client",
        resolve: str | None = None,
        interval_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[None]:
        """Let a client ask all the while; lab.client.read(output) tells what happened.

        With `resolve` (A or AAAA) it keeps the address of the URL's host for its TTL. How often it
        asks and how long it waits for an answer is up to lab.client, unless told.
        """
        argv = ["env", f"PYTHONPATH={CLEAN_ENV['PYTHONPATH']}", sys.executable, "-m", "lab.client"]
        given = {"resolve": resolve, "interval": interval_s, "timeout": timeout_s}
        options = [f"--{name}={value}" for name, value in given.items() if value is not None]
        command = self.command(where, *argv, url, *options)
        with open(output, "wb") as file:
            asker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file)
        try:
            yield
        finally:
            asker.kill()
            asker.wait()

    # --- AWS ---

    def state(self) -> dict[str, Any]:
        """AWS's state, as `aws-lab state --json` prints it."""
        return self.control.state()

    def route_owners(self, destination: str, region: str = REGION) -> dict[str, str]:
        """Which node each VPC route table of a region sends a destination to, in one step:
        {table's name: node or state}."""
        owners = {}
        content = self.state()["regions"][region]
        nodes = {eni["id"]: eni["node"] for eni in content["enis"]}
        for table in content["route_tables"]:
            for route in table["routes"]:
                if route["destination"] == destination:
                    target = nodes.get(route["target"], route["target"])
                    active = route["state"] == "active"
                    owners[table["name"]] = target if active else route["state"]
        return owners

    def reaches(self, destination: str) -> dict[str, dict[str, reach.Way]]:
        """Where each route table of a VPC or a transit gateway leads a destination in the end, by
        region and table, of those that have a route to exactly it."""
        return reach.follow(self.state(), destination)

    def instance_state(self, name: str) -> str:
        """What AWS says about a node: running, stopped and so on; others always run."""
        member = self.topology.member(name)
        if member.instance is None:
            return "running"
        enis = self.state()["regions"][member.region]["enis"]
        return next(eni["instance_state"] for eni in enis if eni["instance"] == member.instance)

    def requests(self) -> list[dict[str, Any]]:
        """Every call to AWS and to the metadata service since the last clear_requests()."""
        return self.control.requests()

    def clear_requests(self) -> None:
        self.control.clear_requests()

    def refused(self, *nodes: str) -> dict[tuple[str, str], int]:
        """How many connections the fault `refuse` has refused some nodes or all, by service and
        region; those to a node's metadata are of the service "imds" and of no region.

        What is refused is in no request log. A rule that is removed takes its counts with it, but
        those of metadata go on.
        """
        counts = Counter()
        for name in nodes or self.topology.nodes:
            counts.update(netns.refused(self.name, name))
        services = self.control.topology()["services"]
        found = {(item["service"], item["region"]): counts[item["address"]] for item in services}
        return found | {("imds", ""): counts[netns.METADATA_ADDRESSES[0]]}

    def fault(self, service: str, kind: str, **more: Any) -> int:
        """Add a fault rule: action, count, node, region, param, match; returns its id."""
        return self.control.add_fault(service, kind, **more)["id"]

    def clear_faults(self, rule_id: int | None = None) -> None:
        """End all faults, or one."""
        self.control.clear_faults(rule_id)

    # --- accidents ---

    def kill(self, name: str) -> None:
        power.kill(self.files, self.topology, name)

    def freeze(self, name: str) -> None:
        power.freeze(self.files, self.topology, name)

    def thaw(self, name: str) -> None:
        power.thaw(self.files, self.topology, name)

    def cut(self, left: str, right: str) -> None:
        power.cut(self.files, self.topology, left, right)

    def mend(self, left: str, right: str) -> None:
        """Undo one cut; heal() undoes all."""
        power.mend(self.files, self.topology, left, right)

    def heal(self) -> None:
        power.heal(self.files, self.topology)

    def cut_region(self, region: str, api: bool = True, network: bool = True) -> None:
        power.cut_region(self.files, self.topology, region, api, network)

    def heal_region(self, region: str) -> None:
        power.heal_region(self.files, self.topology, region)

    def clock(self, name: str, seconds: float) -> None:
        """Set the clock of a node so many seconds ahead, in a lab that is up with `clocks`."""
        clock.set_error(self.files, self.topology, name, seconds)

    def is_running(self, name: str) -> bool:
        return node.running(self.files, name) is not None

    # --- the cluster ---

    def start_cluster(self, name: str) -> None:
        """Start corosync and Pacemaker on a node, as at its boot."""
        self.exec(name, str(SYSTEMCTL), "start", "pacemaker")

    def stop_cluster(self, name: str) -> None:
        """Stop Pacemaker and corosync on a node in good order."""
        self.exec(name, str(SYSTEMCTL), "stop", "corosync")

    def cluster(self, of: str | None = None) -> ET.Element:
        """crm_mon's XML from the first node that knows a DC; one that just boots does not yet.

        A lab of several clusters wants to know which. When the cluster is split, it is from a part
        that has quorum.
        """
        without_quorum = None
        for name in self.topology.cluster(of):
            if self.is_running(name):
                status = cluster.status(self.files, name)
                if status is not None and cluster.has_dc(status):
                    if cluster.has_quorum(status):
                        return status
                    without_quorum = status
        if without_quorum is None:
            raise LabError("no node of the cluster answers")
        return without_quorum

    def online(self, of: str | None = None) -> set[str]:
        """The nodes that the cluster can use, or that one of several clusters can."""
        return cluster.online(self.cluster(of))
