# SPDX-License-Identifier: GPL-2.0-or-later
"""Bringing a lab up, and down again without a trace."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from lab import booth, clock, cluster, netns, node
from lab.aws.client import Control
from lab.process import in_namespace
from lab.state import CLEAN_ENV, LabError, State, until, write_atomically
from lab.topology import Topology, namespace_parts

DAEMON_START_TIMEOUT_S = 60
END_TIMEOUT_S = 5


def up(state: State, document: dict[str, Any], progress: Callable[[str], None]) -> Topology:
    """Build the lab that the document (the contents of lab.json) describes.

    `progress` is told what is being done. When anything fails, all that was built is removed
    again and the error goes to the caller.
    """
    with state.locked():
        _require_free(state, progress)
        state.dir.mkdir(parents=True)
        write_atomically(state.lab_json, json.dumps(document, indent=2))
        try:
            return _build(state, document, progress)
        except BaseException:
            progress("failed; removing what was built")
            _remove(state)
            raise


def down(state: State) -> bool:
    """Remove a lab, also a half-built or broken one. Returns whether there was one."""
    with state.locked():
        if not state.exists:
            return False
        _remove(state)
        return True


def _require_free(state: State, progress: Callable[[str], None]) -> None:
    """Refuse when a lab of the name runs; remove what is left of one whose processes are dead."""
    if not state.exists:
        return
    if in_namespace("net", _namespace_inodes(state, _parts(state))):
        raise LabError(
            f"lab '{state.name}' is up already: bring it down with "
            f"'aws-lab --lab {state.name} down', or choose another name with --lab"
        )
    progress(f"removing what is left of an earlier lab '{state.name}', which nothing runs any more")
    _remove(state)


def _parts(state: State) -> list[str]:
    """The parts of the lab that have a namespace each."""
    if not state.lab_json.exists():
        return []
    return namespace_parts(json.loads(state.lab_json.read_text()))


def _namespace_inodes(state: State, parts: list[str]) -> set[int]:
    paths = [netns.path(state.netns(part)) for part in parts]
    return {path.stat().st_ino for path in paths if path.exists()}


def _build(state: State, document: dict[str, Any], progress: Callable[[str], None]) -> Topology:
    progress("AWS: endpoints and instances")
    netns.create_aws(state.name)
    _start_daemon(state)
    topology = Topology.load(state)
    progress(f"network: {len(topology.vpcs)} VPC, {len(topology.members)} machines")
    netns.create(topology)
    state.network_built.touch()
    control = Control(state.dir)
    control.sync()
    node.prepare(state, topology)
    cluster.prepare(state, topology)
    booth.prepare(state, topology)
    if document["clocks"]:
        clock.prepare(state, topology)
    for network in topology.networks:
        namespace = str(netns.path(state.netns(network.namespace_part)))
        control.open_dns(network.id, namespace, network.resolvers)
    for name in topology.nodes:
        namespace = str(netns.path(state.netns(name)))
        control.open_imds(name, namespace)
    progress(f"booting {', '.join(topology.members)}")
    # The cluster last: it looks for its quorum device as it starts.
    for member in sorted(topology.members.values(), key=lambda member: member.in_cluster):
        node.boot(state, member.name)
    if document["cluster"]:
        progress("cluster: corosync and pacemaker")
        cluster.wait_formed(state, topology)
        progress("cluster: fencing by fence_aws")
        cluster.wait_fencing(state, topology)
    return topology


def _start_daemon(state: State) -> None:
    argv = netns.inside(
        state.netns("aws"), [sys.executable, "-m", "lab.aws.daemon", str(state.dir)]
    )
    with open(state.daemon_log, "ab") as log:
        daemon = subprocess.Popen(
            argv,
            env=CLEAN_ENV,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def ready() -> bool:
        if daemon.poll() is not None:
            last = "\n".join(state.daemon_log.read_text().splitlines()[-5:])
            raise LabError(f"the AWS daemon ended with {daemon.returncode}:\n{last}")
        return state.topology_json.exists() and state.control_socket.exists()

    until(ready, DAEMON_START_TIMEOUT_S, f"the AWS daemon to be ready (see {state.daemon_log})")


def _remove(state: State) -> None:
    parts = _parts(state)
    if parts:
        document = json.loads(state.lab_json.read_text())
        for name in (*document["nodes"], *document["clients"]):
            first = node.running(state, name)
            if first:
                first.kill()
    # The daemon and whatever else was started in one of the lab's namespaces.
    _end_all(_namespace_inodes(state, parts))
    netns.delete(state.name, parts)
    shutil.rmtree(state.dir)


def _end_all(inodes: set[int]) -> None:
    """End every process in these network namespaces, kindly first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in in_namespace("net", inodes):
            process.signal(number)
        try:
            until(lambda: not in_namespace("net", inodes), END_TIMEOUT_S, "processes to end")
            return
        except LabError:
            if number == signal.SIGKILL:
                raise
