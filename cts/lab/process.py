# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of the lab, told from later ones that have got the same pid."""

import contextlib
import json
import os
import select
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.state import LabError, until, write_atomically

END_TIMEOUT_S = 10
FREEZE_TIMEOUT_S = 5
PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process by its pid and the time, in clock ticks since boot, at which it started."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Process":
        """The process that has this pid now. Raises ProcessLookupError when there is none."""
        return cls(pid, int(_stat(pid)[19]))

    @classmethod
    def recorded(cls, file: Path) -> "Process | None":
        """What record() wrote, when it still runs."""
        if not file.exists():
            return None
        process = cls(**json.loads(file.read_text()))
        return process if process.alive else None

    def record(self, file: Path) -> None:
        """Write it down for recorded()."""
        write_atomically(file, json.dumps(asdict(self)))

    @property
    def alive(self) -> bool:
        """Whether it runs; a zombie does not."""
        try:
            stat = _stat(self.pid)
        except ProcessLookupError:
            return False
        return int(stat[19]) == self.started and stat[0] not in "ZX"

    @property
    def stopped(self) -> bool:
        """Whether SIGSTOP has taken effect; also true when the process is gone."""
        try:
            return _stat(self.pid)[0] in "TtZX"
        except ProcessLookupError:
            return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, to this process or to none."""
        with self._pidfd() as pidfd:
            if pidfd is not None:
                signal.pidfd_send_signal(pidfd, number)

    def kill(self) -> None:
        """SIGKILL it and wait for its end. Of a namespace's process 1 that is the end of all."""
        with self._pidfd() as pidfd:
            if pidfd is None:
                return
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            readable, _, _ = select.select([pidfd], [], [], END_TIMEOUT_S)
            if not readable:
                raise LabError(f"process {self.pid} does not end within {END_TIMEOUT_S} s")

    @contextlib.contextmanager
    def _pidfd(self) -> Iterator[int | None]:
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            # Opened first, compared then: from here on the descriptor cannot mean another.
            yield pidfd if self.alive else None
        finally:
            os.close(pidfd)


def in_namespace(kind: str, inodes: set[int]) -> list[Process]:
    """All processes whose namespace of a kind ("net", "pid") is one of these."""
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "ns" / kind).stat().st_ino in inodes:
                process = Process.of(int(entry.name))
                if process.alive:
                    found.append(process)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            # Gone meanwhile, or of a container's guardian: neither is one of the lab's.
            continue
    return found


def freeze(first: Process) -> None:
    """Stop every process of the pid namespace whose process 1 is given."""
    inodes = {(PROC / str(first.pid) / "ns" / "pid").stat().st_ino}

    def all_stopped() -> bool:
        # A process forked while we looked is found the next time.
        running = [process for process in in_namespace("pid", inodes) if not process.stopped]
        for process in running:
            process.signal(signal.SIGSTOP)
        return not running

    until(all_stopped, FREEZE_TIMEOUT_S, "all processes to stop", interval_s=0.005)


def thaw(first: Process) -> None:
    """Undo freeze()."""
    inodes = {(PROC / str(first.pid) / "ns" / "pid").stat().st_ino}
    for process in in_namespace("pid", inodes):
        process.signal(signal.SIGCONT)


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on, i.e. from the third of proc(5)."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(f"no process {pid}") from None
    return text.rpartition(")")[2].split()
