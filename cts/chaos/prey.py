# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills an action of an agent that Pacemaker has just begun, at some point of its short life."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab import node
from lab.handle import Lab
from lab.process import PROC
from runner import INSTALLED

# Actions take from a few milliseconds on.
LOOK_S = 0.004
# What a child of Pacemaker's executor is called until it becomes an agent.
EXECUTOR = "pacemaker-execd"


@dataclass
class Prey:
    """Which action of which resource; of the monitors a recurring one, where the resource runs or,
    on `standby`, where it does not."""

    resource: str
    agent: str
    action: str
    standby: bool = False
    # Processes, by their directories, that are nothing of the kind.
    _others: set[Path] = field(default_factory=set)

    def kill(
        self,
        lab: Lab,
        nodes: Iterable[str],
        number: signal.Signals,
        after_s: float,
        given_up: Callable[[], bool],
    ) -> str | None:
        """Send the next such action on any of the nodes a signal, some time after it was seen.

        Returns the node; None when it was time to give up and no action had lived so long.
        """
        while not given_up():
            for name in nodes:
                for process in self._running(lab, name):
                    time.sleep(after_s)
                    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                        if runs(process):
                            signal.pidfd_send_signal(process, number)
                            return name
            time.sleep(LOOK_S)
        return None

    def _running(self, lab: Lab, name: str) -> Iterator[int]:
        """The actions that run on a node, as descriptors of their directories in /proc."""
        first = node.running(lab.files, name)
        if first is None:
            return
        # The node's own, which has the few processes of the node.
        proc = PROC / str(first.pid) / "root" / "proc"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if not _is_own(proc, first.pid):
                return
            pids = [pid for pid in os.listdir(proc) if pid.isdigit()]
            for directory in (proc / pid for pid in pids):
                if directory in self._others:
                    continue
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    process = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
                    try:
                        if self._is(process, directory):
                            yield process
                    finally:
                        os.close(process)

    def _is(self, process: int, directory: Path) -> bool:
        program, *arguments = _words(process, "cmdline")
        if program != f"{INSTALLED}/{self.agent}":
            if not program.endswith(EXECUTOR):
                self._others.add(directory)
            return False
        given = dict(entry.partition("=")[::2] for entry in _words(process, "environ"))
        if (given.get("OCF_RESOURCE_INSTANCE"), arguments[:1]) != (self.resource, [self.action]):
            return False
        recurs = given.get("OCF_RESKEY_CRM_meta_interval", "0") != "0"
        on_standby = given.get("OCF_RESKEY_CRM_meta_role") == "Stopped"
        return self.action != "monitor" or (recurs and on_standby == self.standby)


def _is_own(proc: Path, first: int) -> bool:
    """Whether a node sees itself there. One that is starting up sees the host for a moment, and all
    other nodes of all labs with it."""
    space = PROC / str(first) / "ns" / "pid"
    try:
        return (proc / "1" / "ns" / "pid").stat().st_ino == space.stat().st_ino
    except PermissionError:  # of a container's guardian
        return False


def runs(process: int) -> bool:
    """Whether a process has not ended; one that has may still wait for its parent to notice, and
    takes signals as if nothing were."""
    # "pid (name) state ...": the name may have anything in it.
    return _read(process, "stat").rpartition(")")[2].split()[0] not in ("Z", "X")


def _words(process: int, file: str) -> list[str]:
    return _read(process, file).split("\0")


def _read(process: int, file: str) -> str:
    with open(os.open(file, os.O_RDONLY, dir_fd=process), encoding="utf-8", errors="replace") as f:
        return f.read()
