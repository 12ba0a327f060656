# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs an agent in the nodes of a lab as Pacemaker's executor does, and keeps what came of it."""

import contextlib
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import netns, node
from lab.aws.reqlog import rounds
from lab.handle import Lab
from lab.process import PROC, Process, in_namespace
from lab.state import REPOSITORY, until

BUILD = Path(os.environ.get("OCF_AWS_BUILD", REPOSITORY / "build"))
AGENTS = BUILD / "agents"
INSTALLED = "/usr/lib/ocf/resource.d/aws"
RSCTMP = "/run/resource-agents"
# Files that are being written; the writer renames or removes them.
ASIDE = ".new-*"
REASON = "ocf-exit-reason:"
REASON_MAX = 128
TIMEOUT_MS = 20000
BEGIN_TIMEOUT_S = 10
# How often it is looked whether an action that has ended has left its output to others.
HELD_S = 1
# As a node sees it; the same file is in the node's directory of the lab.
LOG_FILE = "/tmp/agent.log"
# The shortest secret, a secret access key, has as many characters.
SECRET_MIN = 40
# `timeout -s KILL` ends with this when it had to kill.
KILLED = 128 + signal.SIGKILL
MARK = "OCF_AWS_TEST_MARK"

# No output may contain these, whatever the secrets are.
FORBIDDEN = re.compile(
    r"AWS4-HMAC-SHA256|Authorization:|Signature=|X-Amz-Security-Token", re.IGNORECASE
)
SANITIZER = re.compile(r"\w+Sanitizer|runtime error:")


def agents() -> list[str]:
    """The names of all agents that were built."""
    found = [path.name for path in AGENTS.iterdir() if not path.suffix and os.access(path, os.X_OK)]
    return sorted(found)


def ocf_environment(
    agent: str,
    action: str = "",
    *,
    instance: str = "vip",
    timeout_ms: int | None = TIMEOUT_MS,
    interval_ms: int | None = None,
    depth: int | None = None,
    **parameters: str,
) -> dict[str, str]:
    """The variables that the executor sets for one action; parameters without OCF_RESKEY_."""
    found = {
        "OCF_ROOT": "/usr/lib/ocf",
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_INSTANCE": instance,
        "OCF_RESOURCE_TYPE": agent,
        "OCF_RESOURCE_PROVIDER": "aws",
        "HA_RSCTMP": RSCTMP,
        "PCMK_service": "pacemaker-execd",
        "OCF_RESKEY_crm_feature_set": "3.16.2",
    }
    numbers = {"timeout": timeout_ms, "interval": interval_ms}
    for name, value in numbers.items():
        if value is not None:
            found[f"OCF_RESKEY_CRM_meta_{name}"] = str(value)
    if action:
        found["OCF_RESKEY_CRM_meta_name"] = action
    if depth is not None:
        found["OCF_CHECK_LEVEL"] = str(depth)
    return found | {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}


def reveals(text: str, secrets: Iterable[str]) -> bool:
    """Whether a text that anybody may read holds a secret."""
    return bool(FORBIDDEN.search(text)) or any(secret in text for secret in secrets)


@dataclass(frozen=True)
class Outcome:
    """What one action did."""

    action: str
    code: int
    stdout: str
    stderr: str
    # AWS and metadata calls of the node meanwhile, from the request log, by the time they began.
    requests: list[dict[str, Any]] = field(repr=False, default_factory=list)
    # Processes that it has left behind.
    left: list[Process] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """What no action may ever do, whatever its arguments and the world are."""
        found = []
        # timeout(1) kills itself together with what it watches.
        if self.code in (KILLED, -signal.SIGKILL):
            found.append("killed at its timeout")
        if SANITIZER.search(self.stderr):
            found.append("a sanitizer complains")
        if self.left:
            found.append(f"{len(self.left)} processes were left behind")
        return found

    @property
    def reasons(self) -> list[str]:
        """The exit reasons; Pacemaker keeps the last."""
        lines = self.stderr.splitlines()
        return [line.removeprefix(REASON) for line in lines if line.startswith(REASON)]

    @property
    def reason(self) -> str:
        """The exit reason; there must be exactly one, of a length that Pacemaker shows whole."""
        (reason,) = self.reasons
        assert len(reason.encode()) <= REASON_MAX, reason
        return reason

    def asked(self, service: str, *regions: str) -> list[dict[str, Any]]:
        """The requests to one service, in some regions or in all."""
        return [
            entry
            for entry in self.requests
            if entry["service"] == service and (not regions or entry["region"] in regions)
        ]

    def calls(self, service: str = "ec2", *regions: str) -> list[str]:
        """The actions that one service was asked for, in some regions or in all."""
        return [entry["action"] for entry in self.asked(service, *regions)]

    def rounds(self, service: str = "ec2", *regions: str) -> int:
        """How many sequential round trips to one service there were, in some regions or in all."""
        return rounds(self.asked(service, *regions))


def processes_of(lab: Lab, where: str) -> list[Process]:
    """All processes of a node."""
    return in_namespace("net", {netns.path(lab.files.netns(where)).stat().st_ino})


def processes_with(lab: Lab, where: str, mark: str) -> list[Process]:
    """All processes of a node that have inherited a mark, whoever their parent is now."""
    needle = f"{MARK}={mark}".encode()
    found = []
    for process in processes_of(lab, where):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            environment = (PROC / str(process.pid) / "environ").read_bytes()
            if needle in environment.split(b"\0"):
                found.append(process)
    return found


class Running:
    """An action that has been started."""

    def __init__(self, lab: Lab, where: str, program: str, action: str, argv: list[str], mark: str):
        self._lab, self._where, self._mark = lab, where, mark
        self._program, self._action = program, action
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            node.command(lab.files, where, argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _processes(self) -> list[Process]:
        return processes_with(self._lab, self._where, self._mark)

    def agent_pid(self) -> int | None:
        """The agent's own process, None while it has not begun or when it has ended."""
        for process in self._processes():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if os.readlink(PROC / str(process.pid) / "exe") == self._program:
                    return process.pid
        return None

    def requests(self) -> list[dict[str, Any]]:
        """What the node has asked since."""
        return [
            entry
            for entry in self._lab.requests()
            if entry["node"] == self._where and entry["started"] >= self._began
        ]

    def takes(self, number: signal.Signals) -> bool:
        """Whether the agent has come to where it takes a signal itself: the kernel holds it back."""
        pid = self.agent_pid()
        if pid is None:
            return False
        status = (PROC / str(pid) / "status").read_text()
        held = int(re.search(r"^SigBlk:\s*(\w+)$", status, re.MULTILINE)[1], 16)
        return bool(held >> (number - 1) & 1)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the agent, and to nothing else."""
        os.kill(until(self.agent_pid, BEGIN_TIMEOUT_S, f"{self._action} to run"), number)

    def kill(self) -> None:
        """Kill the agent, as the executor and the kernel do without asking."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def ended(self) -> bool:
        """Whether it has come to its end; outcome() then does not wait."""
        return self._process.poll() is not None

    def wait(self) -> Outcome:
        """Wait for the end, however it comes; what is left behind is killed."""
        left = []
        while True:
            try:
                stdout, stderr = self._process.communicate(timeout=HELD_S)
                break
            except subprocess.TimeoutExpired:
                if self.ended():
                    # Who holds its output open then is a process that it has left.
                    left += self._kill_left()
        code = self._process.returncode
        left += self._kill_left()
        return Outcome(self._action, code, stdout, stderr, self.requests(), left)

    def _kill_left(self) -> list[Process]:
        left = self._processes()
        for process in left:
            process.kill()
        return left

    def outcome(self) -> Outcome:
        """Wait for the end. It must come before the timeout, and no process may stay behind."""
        outcome = self.wait()
        assert not outcome.violations, f"{', '.join(outcome.violations)}: {outcome}"
        return outcome


class Runner:
    """Runs one agent by hand. Every outcome is kept for check_secrets()."""

    def __init__(self, lab: Lab, agent: str, **parameters: str):
        self.lab, self.agent, self.parameters = lab, agent, parameters
        # Where nodes have it.
        self.program = f"{INSTALLED}/{agent}"
        self.secrets: set[str] = set()
        self._said: list[str] = []

    def begin(
        self,
        where: str,
        action: str,
        *,
        timeout_ms: int = TIMEOUT_MS,
        grace_ms: int = 0,
        environment: dict[str, str] | None = None,
        wrapper: Iterable[str] = (),
        **more: Any,
    ) -> Running:
        """Start an action, which is killed at its timeout or, for a wrapper's sake, later.

        `more` goes to ocf_environment(), None takes a parameter away; `wrapper` is the beginning
        of a command line that runs the rest of it.
        """
        mark = uuid.uuid4().hex
        options = {**self.parameters, **more}
        known = {name: value for name, value in options.items() if value is not None}
        variables = ocf_environment(self.agent, action, timeout_ms=timeout_ms, **known)
        variables |= {"PCMK_debug": "yes", "PCMK_logfile": LOG_FILE, MARK: mark}
        variables |= environment or {}
        argv = ["env", *(f"{name}={value}" for name, value in variables.items())]
        # As the executor does: the whole process group dies when the time is over.
        argv += ["timeout", "-s", "KILL", f"{(timeout_ms + grace_ms) / 1000}"]
        argv += [*wrapper, self.program, *action.split()]
        return Running(self.lab, where, self.program, action, argv, mark)

    def __call__(self, where: str, action: str, **more: Any) -> Outcome:
        """Run an action to its end."""
        return self.end(self.begin(where, action, **more))

    def end(self, running: Running, *, judged: bool = True) -> Outcome:
        """Wait for an action that was begun; unless `judged`, whatever it may have violated."""
        outcome = running.outcome() if judged else running.wait()
        self._said += [outcome.stdout, outcome.stderr]
        return outcome

    def probe(self, where: str, **more: Any) -> Outcome:
        """The monitor by which Pacemaker finds out whether a resource is active."""
        return self(where, "monitor", interval_ms=0, **more)

    def monitor(self, where: str, **more: Any) -> Outcome:
        """The recurring monitor."""
        return self(where, "monitor", interval_ms=10000, **more)

    def start(self, where: str, **more: Any) -> Outcome:
        return self(where, "start", **more)

    def stop(self, where: str, **more: Any) -> Outcome:
        return self(where, "stop", **more)

    def held(self, where: str, action: str, call: str, **more: Any) -> Running:
        """Begin an action that waits for the answer to one kind of call to EC2."""
        self.lab.fault("ec2", "hang", action=call)
        running = self.begin(where, action, timeout_ms=60000, api_timeout="50s", **more)
        until(
            lambda: any(entry["action"] == call for entry in running.requests()),
            BEGIN_TIMEOUT_S,
            f"the {action} to call {call}",
        )
        return running

    # --- what a node has of it ---

    def processes(self, where: str) -> list[Process]:
        """What runs of the agent on a node: what a start has left there to go on, too.

        outcome() does not find that: it has none of the environment of the action that started it.
        """
        found = []
        for process in processes_of(self.lab, where):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if os.readlink(PROC / str(process.pid) / "exe") == self.program:
                    found.append(process)
        return found

    def log(self, where: str) -> str:
        """What the agent wrote to Pacemaker's log on a node, since the last clean()."""
        path = self.lab.files.node(where) / LOG_FILE.lstrip("/")
        return path.read_text() if path.exists() else ""

    def state_dir(self, where: str) -> Path:
        """Where the agents of a node keep their caches and marks, as it is seen from outside."""
        first = node.running(self.lab.files, where)
        return PROC / str(first.pid) / "root" / RSCTMP.lstrip("/") / "ocf-aws"

    def forget(self, where: str) -> None:
        """Empty the caches of a node; the marks of what has been started are empty files."""
        self.learn_secrets(where)
        for entry in self.state_dir(where).glob("*"):
            if entry.is_file() and entry.stat().st_size > 0:
                entry.unlink()

    def clean(self) -> None:
        """Forget the outcomes, and empty the caches and logs of all nodes."""
        self._said.clear()
        for where in self.lab.topology.nodes:
            self.lab.exec(where, "rm", "-rf", f"{RSCTMP}/ocf-aws", LOG_FILE)

    @contextlib.contextmanager
    def state_mounted(self, where: str, options: str) -> Iterator[None]:
        """Inside, the state directory of a node is a file system of its own, of these options."""
        self.lab.exec(where, "mkdir", "-p", RSCTMP)
        self.lab.exec(where, "mount", "-t", "tmpfs", "-o", options, "tmpfs", RSCTMP)
        try:
            yield
        finally:
            self.lab.exec(where, "umount", RSCTMP)

    @contextlib.contextmanager
    def state_read_only(self, where: str) -> Iterator[None]:
        """Inside, nothing in the state directory of a node can be changed."""
        self.lab.exec(where, "mount", "--bind", RSCTMP, RSCTMP)
        self.lab.exec(where, "mount", "-o", "remount,bind,ro", RSCTMP)
        try:
            yield
        finally:
            self.lab.exec(where, "umount", RSCTMP)

    def learn_secrets(self, where: str) -> set[str]:
        """Remember the secrets that are in a node's cache, and return them.

        An entry is one line about itself, then a token alone, or key, secret, session token, time
        of expiry and source. The id of a key is not a secret.
        """
        dump = ""
        for entry in self.state_dir(where).glob("*"):
            if entry.is_file():
                dump += entry.read_text(errors="replace").partition("\n")[2] + "\n"
        words = {word for word in dump.split() if len(word) >= SECRET_MIN}
        found = {word for word in words if not word.startswith("arn:")}
        self.secrets |= found
        return found

    def revealing(self) -> list[str]:
        """The outcomes and logs since the last clean() that hold a secret."""
        for where in self.lab.topology.nodes:
            self.learn_secrets(where)
        texts = [*self._said, *map(self.log, self.lab.topology.nodes)]
        return [text for text in texts if reveals(text, self.secrets)]

    def check_secrets(self) -> None:
        """No outcome and no log since the last clean() may hold a secret."""
        found = self.revealing()
        assert not found, found[0]
