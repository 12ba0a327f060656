# SPDX-License-Identifier: GPL-2.0-or-later
"""Actions of agents that are found and killed while they run."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chaos.prey import Prey, runs
from lab import node
from lab.handle import Lab
from lab.state import until
from lab.topology import VIP
from runner import Runner, Running

NAME = "ctsprey"
AGENT = "route-table-vip"
GIVE_UP_S, NONE_S = 30, 1.0
TIMEOUT_MS = 5000


@pytest.fixture(scope="module")
def silent(agents: Path) -> Iterator[Lab]:
    """A lab whose EC2 does not answer: actions wait for it."""
    with Lab.running(NAME, with_cluster=False, agents=agents) as running:
        running.fault("ec2", "hang")
        # Without it a monitor knows its answer at once.
        running.exec("n2", "ip", "address", "add", f"{VIP}/32", "dev", "lo")
        yield running


def begun(agent: Runner, action: str, interval_ms: int | None) -> Running:
    """An action that has become one: a moment before, its process is one of another program, which
    no executor has."""
    running = agent.begin("n2", action, interval_ms=interval_ms, timeout_ms=TIMEOUT_MS)
    until(lambda: agent.processes("n2"), GIVE_UP_S, "the agent to run", interval_s=0.01)
    return running


def hunted(lab: Lab, prey: Prey, within_s: float, after_s: float = 0) -> str | None:
    """Where a prey was killed."""
    until_t = time.monotonic() + within_s
    nodes = ["n1", "n2"]
    return prey.kill(lab, nodes, signal.SIGKILL, after_s, lambda: time.monotonic() > until_t)


@pytest.mark.parametrize(
    ("action", "interval_ms", "prey", "found"),
    [
        pytest.param("start", None, Prey("vip", AGENT, "start"), True, id="start"),
        pytest.param("monitor", 10000, Prey("vip", AGENT, "monitor"), True, id="monitor"),
        pytest.param("monitor", None, Prey("vip", AGENT, "monitor"), False, id="probe"),
        pytest.param("start", None, Prey("vip", AGENT, "monitor"), False, id="another-action"),
        pytest.param("start", None, Prey("other", AGENT, "start"), False, id="another-resource"),
        pytest.param(
            "monitor", 10000, Prey("vip", AGENT, "monitor", standby=True), False, id="not-standby"
        ),
    ],
)
def test_kills_what_it_is_for(
    silent: Lab, action: str, interval_ms: int | None, prey: Prey, found: bool
) -> None:
    """The action that is meant, wherever it runs, and no other."""
    agent = Runner(silent, AGENT, ip=VIP)
    running = begun(agent, action, interval_ms)
    assert hunted(silent, prey, GIVE_UP_S if found else NONE_S) == ("n2" if found else None)
    assert (running.wait().code == -signal.SIGKILL) == found


def test_does_not_look_beyond_the_node(silent: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that is starting up has not left the host's root yet: there, all nodes are seen."""
    agent = Runner(silent, AGENT, ip=VIP)
    first = node.running(silent.files, "n1")
    running = begun(agent, "monitor", 10000)
    with subprocess.Popen(["unshare", "--pid", "--fork", "cat"], stdin=subprocess.PIPE) as starting:
        children = Path(f"/proc/{starting.pid}/task/{starting.pid}/children")
        (child,) = until(lambda: children.read_text().split(), GIVE_UP_S, "a process 1")
        monkeypatch.setattr(node, "running", lambda *_: replace(first, pid=int(child)))
        assert hunted(silent, Prey("vip", AGENT, "monitor"), NONE_S) is None
        starting.stdin.close()
    assert running.wait().code != -signal.SIGKILL


def test_does_not_count_what_has_ended(silent: Lab) -> None:
    """An action that was seen and is over when its time has come was not killed."""
    running = begun(Runner(silent, AGENT, ip=VIP), "monitor", 10000)
    prey = Prey("vip", AGENT, "monitor")
    assert hunted(silent, prey, NONE_S, 2 * TIMEOUT_MS / 1000) is None
    running.wait()


def test_what_waits_for_its_parent_has_ended() -> None:
    """A signal would be taken, and do nothing."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        directory = os.open(f"/proc/{child.pid}", os.O_RDONLY | os.O_DIRECTORY)
        assert runs(directory)
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not runs(directory)
        os.close(directory)
