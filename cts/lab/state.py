# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a lab keeps its files, its lock and its record of events."""

import contextlib
import fcntl
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path("/run/aws-lab")
REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_NAME = "lab"
# No dash: namespaces are called NAME-NODE, which must stay unambiguous.
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,31}")

# Programs of a lab never inherit the caller's proxies, CA bundles or credentials.
CLEAN_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(REPOSITORY / "cts"),
}


class LabError(Exception):
    """Something the user of the lab can understand and act on."""


def until(condition: Callable[[], Any], timeout_s: float, what: str, interval_s: float = 0.05):
    """Evaluate `condition` until it is true and return its value.

    Raises LabError naming `what` when that has not happened after timeout_s seconds.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise LabError(f"gave up after {timeout_s:g} s waiting for {what}")
        time.sleep(interval_s)


def clean_up_on_sigterm() -> None:
    """Let SIGTERM unwind the program as an error does, so that a lab in the making is removed."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def write_atomically(path: Path, text: str) -> None:
    """Replace the file so that a reader sees the old text or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.rename(path)


class State:
    """The directory /run/aws-lab/NAME of one lab."""

    def __init__(self, name: str):
        if not NAME_PATTERN.fullmatch(name):
            raise LabError(
                f"'{name}' cannot name a lab: use a letter, then up to 31 of a-z, 0-9 and _"
            )
        self.name = name
        self.dir = ROOT / name

    @property
    def exists(self) -> bool:
        return self.dir.is_dir()

    @property
    def lab_json(self) -> Path:
        return self.dir / "lab.json"

    @property
    def topology_json(self) -> Path:
        return self.dir / "topology.json"

    @property
    def control_socket(self) -> Path:
        return self.dir / "control.sock"

    @property
    def daemon_pid(self) -> Path:
        return self.dir / "daemon.pid"

    @property
    def daemon_log(self) -> Path:
        return self.dir / "daemon.log"

    @property
    def ca_pem(self) -> Path:
        return self.dir / "ca.pem"

    @property
    def trust_pem(self) -> Path:
        """The authorities nodes trust: the host's and the lab's own."""
        return self.dir / "trust.pem"

    @property
    def trust_dir(self) -> Path:
        """The same authorities as a directory in which OpenSSL looks them up by hash."""
        return self.dir / "certs"

    @property
    def events_jsonl(self) -> Path:
        return self.dir / "events.jsonl"

    @property
    def network_built(self) -> Path:
        """Exists once the namespaces can take routes."""
        return self.dir / "network-built"

    @property
    def booth_dir(self) -> Path:
        """What boothd needs; only in a lab of several clusters."""
        return self.dir / "booth"

    def node(self, node: str) -> Path:
        """The directory of one node or client."""
        return self.dir / "nodes" / node

    def clock(self, node: str) -> Path:
        """What sets a node's clock; only in a lab that was brought up for it."""
        return self.node(node) / "clock"

    def netns(self, part: str) -> str:
        """The name of one of the lab's network namespaces."""
        return f"{self.name}-{part}"

    def event(self, kind: str, **fields: Any) -> None:
        """Append to the lab's record of what happened when."""
        line = json.dumps({"t": time.monotonic(), "wall": time.time(), "kind": kind, **fields})
        # One write to a file opened for appending: lines of several writers do not mix.
        with open(self.events_jsonl, "ab", buffering=0) as events:
            events.write(line.encode() + b"\n")

    def events(self) -> list[dict[str, Any]]:
        """Everything recorded so far, oldest first."""
        if not self.events_jsonl.exists():
            return []
        with open(self.events_jsonl, encoding="utf-8") as events:
            return sorted((json.loads(line) for line in events), key=lambda event: event["t"])

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lab against every other `up` and `down` of the same name."""
        ROOT.mkdir(mode=0o755, exist_ok=True)
        with open(ROOT / f".{self.name}.lock", "w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LabError(
                    f"another command is bringing lab '{self.name}' up or down; wait for it, "
                    "or choose another name with --lab"
                ) from None
            yield


def running_labs() -> list[str]:
    """Names of the labs that exist on this machine."""
    if not ROOT.is_dir():
        return []
    return sorted(path.name for path in ROOT.iterdir() if (path / "lab.json").is_file())
