# SPDX-License-Identifier: GPL-2.0-or-later
"""HAProxy as a process of the lab: its start, its successor, and what it is asked at run time."""

import csv
import io
import shutil
import socket
import subprocess
from pathlib import Path

from lab import netns
from lab.state import CLEAN_ENV, LabError, State, until, write_atomically

START_TIMEOUT_S = 10
END_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 5
# Without a number it takes memory for as many as the limit of open files allows.
MAX_CONNECTIONS = 2000
# "show stat" for every proxy, servers only.
_SHOW_SERVERS = "show stat -1 4 -1"

# What a server of HAProxy is called: backend and name.
Key = tuple[str, str]


class HAProxy:
    """One HAProxy in a network namespace of the lab, a child of this process."""

    def __init__(self, state: State, part: str):
        self._state = state
        self._part = part
        self._config = state.dir / f"{part}.cfg"
        self._log = state.dir / f"{part}.log"
        self._generation = 0
        self._process: subprocess.Popen | None = None
        self._retiring: list[subprocess.Popen] = []

    @property
    def alive(self) -> bool:
        """Whether it was started and still runs."""
        self._retiring = [process for process in self._retiring if process.poll() is None]
        return self._process is not None and self._process.poll() is None

    def configure(self, config: str) -> None:
        """Run with a configuration, everything but "global".

        A process that runs already goes on with the connections it has and takes no new ones.
        Raises LabError with HAProxy's last words when it does not accept the configuration.
        """
        if shutil.which("haproxy", path=CLEAN_ENV["PATH"]) is None:
            raise LabError("haproxy is not installed; run 'make deps'")
        argv = ["haproxy", "-db", "-f", str(self._config)]
        if self.alive:
            argv += ["-x", str(self._socket(self._generation)), "-sf", str(self._process.pid)]
        following = self._generation + 1
        write_atomically(self._config, self._global(following) + config)
        with open(self._log, "ab") as log:
            successor = subprocess.Popen(
                netns.inside(self._state.netns(self._part), argv),
                env=CLEAN_ENV,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(
                lambda: self._answers(successor, following),
                START_TIMEOUT_S,
                "HAProxy's start",
                0.01,
            )
        except LabError:
            successor.kill()
            successor.wait()
            raise
        if self._process is not None:
            self._retiring.append(self._process)
        self._process, self._generation = successor, following

    def _socket(self, generation: int) -> Path:
        """Each process has a socket of its own, since two of them live for a moment."""
        return self._state.dir / f"{self._part}.{generation}.sock"

    def _global(self, generation: int) -> str:
        return (
            "global\n"
            f"    stats socket {self._socket(generation)} mode 600 level admin "
            "expose-fd listeners\n"
            f"    maxconn {MAX_CONNECTIONS}\n"
            "    nbthread 1\n"
        )

    def _answers(self, process: subprocess.Popen, generation: int) -> bool:
        if process.poll() is not None:
            raise LabError(f"{self.last_words()} (its configuration is {self._config})")
        try:
            return f"\nPid: {process.pid}\n" in self._ask("show info", generation)
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def last_words(self) -> str:
        """What it said before its end."""
        last = self._log.read_text(errors="replace").splitlines()[-3:]
        return f"HAProxy of {self._part} has ended: {' '.join(last)}"

    def command(self, *commands: str, answer: str = "") -> None:
        """Let it do something at run time. Raises LabError when it answers anything else."""
        got = self._ask("; ".join(commands)).strip()
        if got != answer:
            raise LabError(f"HAProxy of {self._part}: {'; '.join(commands)}: {got}")

    def try_command(self, command: str, answer: str) -> bool:
        """The same for what may have to be tried again; returns whether it was done."""
        return self._ask(command).strip() == answer

    def servers(self) -> dict[Key, dict[str, str]]:
        """All servers with the columns of HAProxy's statistics (management.txt, 9.1)."""
        text = self._ask(_SHOW_SERVERS).removeprefix("# ")
        rows = csv.DictReader(io.StringIO(text.strip()))
        return {(row["pxname"], row["svname"]): row for row in rows}

    def _ask(self, command: str, generation: int | None = None) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.connect(str(self._socket(generation or self._generation)))
            connection.sendall(f"{command}\n".encode())
            with connection.makefile("rb") as answer:
                return answer.read().decode(errors="replace")

    def stop(self) -> None:
        """End it and those it has succeeded, with all their connections."""
        processes = [*self._retiring, *filter(None, [self._process])]
        self._retiring, self._process = [], None
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def quote(text: str) -> str:
    """A word of HAProxy's configuration that means exactly this text (configuration.txt, 2.2)."""
    return "'" + text.replace("'", "'\\''") + "'"
