# SPDX-License-Identifier: GPL-2.0-or-later
"""Watches a run in a lab, and afterwards makes a history of what the lab's files tell."""

import contextlib
import itertools
import re
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from everything import Everything
from everything import Group as Configured
from lab import client, history
from lab.handle import Lab
from lab.history import Holding
from lab.process import PROC, Process
from lab.state import LabError, until
from runner import ASIDE, Runner
from watch import STEADY_ANSWERS, Watch

from chaos.history import End, Group, History, Power, Shown, Spell, Trouble

OWNERS, CHAOS = "owners", "chaos"
# What the lab records of AWS that may lead clients elsewhere.
_LEADS = (b'"kind": "aws"', b'"kind": "health"')
_LOOK_S = 0.25
# All is healed: the monitors, the TTL and the clients have their say, and a failure-timeout.
AGREE_S = 150
# No action of an agent takes longer, but for a start that waits for AWS.
ENDED_S = 35
EXECUTOR = "pacemaker-execd"
LISTENER = "nlb-health-probe"


# --- during the run ------------------------------------------------------------------------------


class Owners:
    """Notes in the lab's record whom AWS shows as the owner of each group, after each change."""

    def __init__(self, everything: Everything):
        self._lab, self._groups = everything.lab, everything.groups
        self._seen: dict[str, set[str | None]] = {}
        self._read = 0
        self._over = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look for the time of a with statement."""
        self._changed()
        self._look()
        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(self._watch)
            try:
                yield
            finally:
                self._over.set()
            watching.result()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_S):
            if self._changed():
                self._look()

    def _changed(self) -> bool:
        """Whether AWS has recorded something since the last call."""
        with open(self._lab.files.events_jsonl, "rb") as events:
            events.seek(self._read)
            added = events.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        return any(kind in whole for kind in _LEADS)

    def _look(self) -> None:
        for name, group in self._groups.items():
            now = group.owners(self._lab)
            if now != self._seen.get(name):
                self._seen[name] = now
                self._lab.files.event(OWNERS, group=name, nodes=sorted(now, key=str))


# --- at its end ----------------------------------------------------------------------------------


def wait_agreed(everything: Everything, records: dict[str, Path]) -> dict[str, End]:
    """Who has each group at the end: as soon as all agree, or after AGREE_S if they do not."""
    watches = {
        name: Watch(everything.lab, group, records[name])
        for name, group in everything.groups.items()
    }
    ends: dict[str, End] = {}

    def agreed() -> bool:
        ends.update({name: _end(watch) for name, watch in watches.items()})
        return all(end.agreed for end in ends.values())

    # If they do not, that is for the judge.
    with contextlib.suppress(LabError):
        until(agreed, AGREE_S, "the cluster, AWS and the clients to agree", 1)
    return ends


def _end(watch: Watch) -> End:
    last = {request.who for request in watch.requests[-STEADY_ANSWERS:]}
    active = None
    # No node may be there to be asked.
    with contextlib.suppress(LabError):
        active = watch.active
    return End(active, _sorted(watch.group.owners(watch.lab)), _sorted(last))


def _sorted(names: set[str | None]) -> tuple[str | None, ...]:
    return tuple(sorted(names, key=str))


def left_behind(everything: Everything, ends: dict[str, End]) -> tuple[str, ...]:
    """Processes of agents that no action waits for, and temporary files, a moment later too."""
    lab = everything.lab
    listening = {
        ends[name].cluster
        for name, group in everything.groups.items()
        if LISTENER in group.agents.values()
    }
    agents = sorted(
        {agent for group in everything.groups.values() for agent in group.agents.values()}
    )

    def found() -> list[str]:
        return [
            what for node in lab.topology.nodes for what in _left_on(lab, node, agents, listening)
        ]

    with contextlib.suppress(LabError):
        until(lambda: not found(), ENDED_S, "the agents to end", 0.5)
    return tuple(found())


def _left_on(lab: Lab, node: str, agents: list[str], listening: set[str | None]) -> Iterator[str]:
    for agent in agents:
        runner = Runner(lab, agent)
        alone = [process for process in runner.processes(node) if not _is_watched(process)]
        # One listener is what a start is for.
        allowed = 1 if agent == LISTENER and node in listening else 0
        for process in alone[allowed:]:
            yield f"a process of {agent}, {process.pid}, is left on {node}"
    # All agents have one directory.
    for file in runner.state_dir(node).glob(ASIDE):
        yield f"the temporary file {file.name} is left on {node}"


def _is_watched(process: Process) -> bool:
    """Whether Pacemaker's executor waits for it, or it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        parent = re.search(r"^PPid:\s*(\d+)$", _proc(process.pid, "status"), re.MULTILINE)[1]
        return _proc(int(parent), "comm").strip() == EXECUTOR
    return True


def _proc(pid: int, file: str) -> str:
    return (PROC / str(pid) / file).read_text()


# --- afterwards ----------------------------------------------------------------------------------


def read(
    everything: Everything,
    seed: int,
    began: float,
    records: dict[str, Path],
    ends: dict[str, End],
    left: tuple[str, ...],
) -> History:
    """The history of a run that began at a time of the monotonic clock, and ends now."""
    lab = everything.lab
    events = lab.files.events()
    ended = time.monotonic() - began

    def since(found: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(replace(each, t=each.t - began) for each in found)

    return History(
        seed=seed,
        ended=ended,
        nodes=tuple(lab.topology.nodes),
        groups=tuple(
            _group(lab, group, events, client.read(records[name]), ends[name], (began, ended))
            for name, group in everything.groups.items()
        ),
        troubles=tuple(_troubles(events, began, ended)),
        operations=since(history.operations(lab)),
        failures=since(history.failures(lab)),
        verdicts=since(history.verdicts(lab)),
        power=since(_power(events)),
        missed=tuple(_missed(events, began)),
        regions={name: member.region for name, member in lab.topology.nodes.items()},
        broken=tuple(
            event["t"] - began
            for event in events
            if event["kind"] == CHAOS and event["phase"] == "broken"
        ),
        left=left,
    )


def _group(
    lab: Lab,
    group: Configured,
    events: list[dict[str, Any]],
    requests: list[client.Request],
    end: End,
    run: tuple[float, float],
) -> Group:
    began, ended = run
    shown = [event for event in events if event["kind"] == OWNERS and event["group"] == group.name]
    return Group(
        name=group.name,
        resources=tuple(group.resources),
        nodes=group.nodes,
        answers=tuple(_answers(requests, *run)),
        shown=tuple(Shown(event["t"] - began, tuple(event["nodes"])) for event in shown),
        holdings={
            resource: tuple(
                Holding(held.node, held.began - began, min(held.ended - began, ended))
                for held in sorted(history.holdings(lab, resource), key=lambda held: held.began)
            )
            for resource in group.resources
        },
        end=end,
        client=group.client,
    )


def _answers(requests: list[client.Request], began: float, ended: float) -> Iterator[Spell]:
    """Who answered from when to when; a spell ends where that of another begins."""
    seen = [request for request in requests if 0 <= request.t - began <= ended]
    runs = itertools.groupby(seen, key=lambda request: request.who)
    turns = [(next(found).t - began, who) for who, found in runs]
    if turns:
        ends = [t for t, _who in turns[1:]] + [seen[-1].t - began]
        for (t, who), end in zip(turns, ends, strict=True):
            yield Spell(t, end, who)


def _power(events: list[dict[str, Any]]) -> Iterator[Power]:
    for event in events:
        match event["kind"]:
            case "kill":
                yield Power(event["t"], event["node"], "off")
            case "power" if event["state"] == "off":
                yield Power(event["t"], event["node"], "off")
            case "boot":
                yield Power(event["t"], event["node"], "on")


def _troubles(events: list[dict[str, Any]], began: float, ended: float) -> Iterator[Trouble]:
    """What has been played; what has no end goes on to the end of the run."""
    played = [event for event in events if event["kind"] == CHAOS]
    ends = {event["number"]: event["t"] - began for event in played if event["phase"] == "ended"}
    for event in played:
        if event["phase"] == "began":
            yield Trouble(
                kind=event["what"],
                target=event["target"],
                nodes=tuple(event["nodes"]),
                params=event["params"],
                began=event["t"] - began,
                ended=ends.get(event["number"], ended),
            )


def _missed(events: list[dict[str, Any]], began: float) -> Iterator[Trouble]:
    """The kill-agents that have met no agent until they were given up."""
    for event in events:
        if event["kind"] == CHAOS and event["phase"] == "missed":
            t = event["t"] - began
            yield Trouble(event["what"], event["target"], (), event["params"], t, t)
