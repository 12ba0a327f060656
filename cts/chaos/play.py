# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays a schedule in a lab, and records what it did in the lab's record of events.

    {"kind": "chaos", "phase": "began", "number": 7, "what": "freeze", "target": "route",
     "nodes": ["n1"], "params": {}}
    {"kind": "chaos", "phase": "ended", "number": 7}

`nodes` are those it was done to, none when that is all. A kill-agent that has found nothing to kill
has "missed" in place of both, when it was given up. "broken" in place of "began" tells that the cluster has not become whole in
time for an event, or after the last; an operator then cleans up.
"""

import contextlib
import itertools
import signal
import subprocess
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from everything import Everything, Group
from lab.state import LabError, until

from chaos import schedule
from chaos.prey import Prey
from chaos.schedule import AWS, Event

CHAOS = "chaos"
# A failover takes 40 s at most, and the way back of the node as long. An outage of the API holds
# both up, and an attempt to fence that hangs is given up after a minute.
WHOLE_S = 240
LOOK_S = 1.0
# Nobody cleans up after a start that failed because it was killed: Pacemaker tries again by itself.
FAILURE_TIMEOUT_S = 60


class Player:
    """Plays events, each in a thread of its own; those that are calm wait for a whole cluster.

    Whatever happens, all is undone at the end.
    """

    def __init__(
        self, everything: Everything, events: list[Event], say: Callable[[str], None] = print
    ):
        self._everything, self._lab = everything, everything.lab
        self._events = events
        self._say = say
        self._numbers = itertools.count(1)
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._doers: dict[str, Callable[[Event], None]] = {
            schedule.KILL: self._kill,
            schedule.FREEZE: self._freeze,
            schedule.CUT: self._cut,
            schedule.REGION: self._region,
            schedule.STANDBY: self._standby,
            schedule.MOVE: self._move,
            schedule.API: self._api,
            schedule.IMDS: self._fault_on_node,
            schedule.DNS: self._fault_on_node,
            schedule.ROTATE: self._rotate,
            schedule.KILL_AGENT: self._kill_agent,
            schedule.CLOCK: self._clock,
        }

    def run(self) -> None:
        """Play all events to their end, and wait until the cluster is whole again."""
        forget = f"failure-timeout={FAILURE_TIMEOUT_S}s"
        self._in_cluster("pcs", "resource", "defaults", "update", forget)
        try:
            with ThreadPoolExecutor(max(1, len(self._events))) as pool:
                try:
                    played = self._play(pool)
                    wait(played)
                except BaseException:
                    self._over.set()
                    raise
            for event in played:
                event.result()
            self._await_whole("the end")
        finally:
            self._undo()

    def _play(self, pool: ThreadPoolExecutor) -> list[Future]:
        """Begin all events in time, until one fails; what has been begun."""
        began = time.monotonic()
        played: list[Future] = []
        calm: Future | None = None
        for event in self._events:
            if self._over.wait(max(0.0, began + event.t - time.monotonic())):
                break
            if event.calm:
                asked = time.monotonic()
                if calm is not None:
                    wait([calm])
                self._await_whole(f"{event.kind} {event.target}")
                # All that follows keeps its distance.
                began += time.monotonic() - asked
            begun = pool.submit(self._doers[event.kind], event)
            begun.add_done_callback(self._stop_at_failure)
            played.append(begun)
            calm = begun if event.calm else calm
        return played

    def _stop_at_failure(self, done: Future) -> None:
        if done.exception() is not None:
            self._over.set()

    # --- the record ---

    @contextlib.contextmanager
    def _recorded(self, event: Event, *nodes: str) -> Iterator[None]:
        """Record when an event began and ended, and what it was done to."""
        number = next(self._numbers)
        where = f" ({', '.join(nodes)})" if nodes and nodes != (event.target,) else ""
        given = "".join(f" {name}={value}" for name, value in event.params.items())
        self._say(f"{event.kind} {event.target}{where}{given}")
        about = {"what": event.kind, "target": event.target, "params": event.params}
        self._lab.files.event(CHAOS, phase="began", number=number, nodes=list(nodes), **about)
        try:
            yield
        finally:
            self._lab.files.event(CHAOS, phase="ended", number=number)

    def _last(self, event: Event) -> None:
        """Let an event last as long as it shall."""
        self._over.wait(event.lasts)

    # --- the cluster ---

    def _await_whole(self, before: str) -> None:
        """Wait until all nodes are there and run everything; what is amiss in the end is recorded,
        and cleaned up as an operator would."""
        for _attempt in range(2):
            try:
                until(self._is_whole_or_over, WHOLE_S, "the cluster to be whole", LOOK_S)
                return
            except LabError as error:
                self._say(f"BROKEN before {before}: {error}")
                self._lab.files.event(CHAOS, phase="broken", before=before, after_s=WHOLE_S)
            with contextlib.suppress(LabError):
                self._in_cluster("crm_resource", "--cleanup")

    def _is_whole_or_over(self) -> bool:
        if self._over.is_set():
            return True
        with contextlib.suppress(LabError):
            status = self._lab.cluster()
            entries = status.findall("./nodes/node")
            usable = [
                entry.get("name")
                for entry in entries
                if entry.get("online") == "true"
                and not {entry.get(what) for what in ("pending", "standby", "unclean")} & {"true"}
            ]
            return set(usable) == set(self._lab.topology.nodes) and all(
                self._runs(status, resource) for resource in self._resources()
            )
        return False

    def _resources(self) -> list[str]:
        return [name for group in self._everything.groups.values() for name in group.resources]

    @staticmethod
    def _runs(status: ET.Element, resource: str) -> bool:
        (entry,) = status.findall(f".//resource[@id='{resource}']")
        return (
            (entry.get("role"), entry.get("failed")) == ("Started", "false")
            and len(entry.findall("node")) == 1
            and entry.get("pending") in (None, "Monitoring")
        )

    def _in_cluster(self, *argv: str) -> None:
        """Run a command of the cluster's on a node that is there."""
        where = next(iter(sorted(self._lab.online())))
        self._lab.exec(where, *argv)

    def _active(self, group: str) -> str | None:
        """The node that runs a group."""
        first = self._everything.groups[group].resources[0]
        nodes = self._lab.cluster().findall(f".//resource[@id='{first}']/node")
        return nodes[0].get("name") if nodes else None

    def _node(self, target: str) -> str:
        """The node that a target stands for."""
        group = self._everything.groups.get(target)
        return target if group is None else self._active(target) or group.nodes[0]

    # --- what is done ---

    def _kill(self, event: Event) -> None:
        name = self._node(event.target)
        with self._recorded(event, name):
            self._lab.kill(name)

    def _freeze(self, event: Event) -> None:
        name = self._node(event.target)
        with self._recorded(event, name):
            self._lab.freeze(name)
            self._last(event)
            # It may have been fenced, and be off now or another.
            with contextlib.suppress(LabError, FileNotFoundError):
                self._lab.thaw(name)

    def _cut(self, event: Event) -> None:
        name = self._node(event.target)
        others = [other for other in self._lab.topology.nodes if other != name]
        ends = (others if event.params["nodes"] else []) + ([AWS] if event.params["aws"] else [])
        with self._recorded(event, name):
            try:
                for end in ends:
                    self._lab.cut(name, end)
                self._last(event)
            finally:
                for end in ends:
                    self._lab.mend(name, end)

    def _region(self, event: Event) -> None:
        inside = [n for n, m in self._lab.topology.nodes.items() if m.region == event.target]
        # Its endpoints are lost for everybody.
        with self._recorded(event, *(inside if event.params["network"] else [])):
            try:
                self._lab.cut_region(event.target, **event.params)
                self._last(event)
            finally:
                self._lab.heal_region(event.target)

    def _standby(self, event: Event) -> None:
        name = self._node(event.target)
        with self._recorded(event, name):
            try:
                self._in_cluster("pcs", "node", "standby", name)
                self._last(event)
            finally:
                self._in_cluster("pcs", "node", "unstandby", name)

    def _move(self, event: Event) -> None:
        with self._moved(event):
            self._last(event)

    @contextlib.contextmanager
    def _moved(self, event: Event) -> Iterator[None]:
        """A group on its way to the next of its nodes; afterwards it may be anywhere."""
        group = event.target
        active = self._active(group)
        nodes = self._everything.groups[group].nodes
        to = next(name for name in nodes[nodes.index(active) + 1 :] + nodes if name != active)
        move = ["crm_resource", "--resource", group]
        with self._recorded(event, active):
            command = self._lab.command(active, *move, "--move", "--node", to)
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as done:
                try:
                    yield
                finally:
                    said = done.communicate()[0]
                    self._in_cluster(*move, "--clear")
            if done.returncode != 0:
                raise LabError(f"{group} cannot be moved to {to}: {said.decode().strip()}")

    def _api(self, event: Event) -> None:
        self._fault(event, event.target, **event.params)

    def _fault_on_node(self, event: Event) -> None:
        self._fault(event, event.kind, node=event.target, **event.params)

    def _fault(self, event: Event, service: str, kind: str, node: str | None, **more: Any) -> None:
        with self._recorded(event, *([node] if node else [])):
            rule = self._lab.fault(service, kind, node=node, **more)
            try:
                self._last(event)
            finally:
                self._lab.clear_faults(rule)

    def _rotate(self, event: Event) -> None:
        with self._recorded(event, event.target):
            self._lab.control.rotate(event.target, expire_old=event.params["expire_old"])

    def _clock(self, event: Event) -> None:
        with self._recorded(event, event.target):
            try:
                self._lab.clock(event.target, event.params["seconds"])
                self._last(event)
            finally:
                self._lab.clock(event.target, 0)

    def _kill_agent(self, event: Event) -> None:
        group = next(
            name
            for name, group in self._everything.groups.items()
            if event.target in group.resources
        )
        moves = event.params["action"] != "monitor"
        move = Event(event.t, schedule.MOVE, group, lasts=event.lasts)
        with self._moved(move) if moves else contextlib.nullcontext():
            self._kill_action(event, self._everything.groups[group])

    def _kill_action(self, event: Event, group: Group) -> None:
        until_t = time.monotonic() + event.lasts
        prey = Prey(
            event.target,
            group.agents[event.target],
            event.params["action"],
            event.params["standby"],
        )
        node = prey.kill(
            self._lab,
            group.nodes,
            signal.Signals[f"SIG{event.params['signal']}"],
            event.params["after_ms"] / 1000,
            lambda: self._over.is_set() or time.monotonic() > until_t,
        )
        if node is None:
            self._say(f"{event.kind} {event.target}: none lived so long")
            about = {"what": event.kind, "target": event.target, "params": event.params}
            self._lab.files.event(CHAOS, phase="missed", **about)
            return
        with self._recorded(event, node):
            pass

    # --- the end ---

    def _undo(self) -> None:
        """End whatever an event that failed has left."""
        self._lab.repair()
        for name in self._lab.topology.nodes:
            self._lab.clock(name, 0)
