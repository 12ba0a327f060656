# SPDX-License-Identifier: GPL-2.0-or-later
"""Clocks of nodes that are wrong: who sees it, and that agents go on."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.handle import Lab
from lab.state import LabError, until
from lab.topology import VIP
from runner import Runner
from test_lab_cluster import aws_lab

NAME = "ctsclock"
HOUR_S, DAY_S = 3600, 86400
# Two programs that say the time one after the other.
NEAR_S = 30
CLOCKS = """
import time
print(time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))
"""


@pytest.fixture(scope="module")
def steps(agents: Path) -> Iterator[Lab]:
    """A lab whose clocks can be set; it is there in seconds."""
    with Lab.running(NAME, with_cluster=False, clocks=True, agents=agents) as running:
        yield running


@pytest.fixture(autouse=True)
def _right_again(steps: Lab) -> Iterator[None]:
    yield
    for name in steps.topology.nodes:
        steps.clock(name, 0)


def errors(lab: Lab, node: str) -> list[float]:
    """How far a node's clocks are from the machine's: of the day, monotonic, since the boot."""
    said = lab.exec(node, "python3", "-c", CLOCKS).stdout.split()
    here = (time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))
    return [float(theirs) - ours for theirs, ours in zip(said, here, strict=True)]


@pytest.mark.parametrize("seconds", [HOUR_S, -90, -DAY_S])
def test_clock_time_of_day_alone(steps: Lab, seconds: float) -> None:
    """One node has another time of day, in whatever it starts; nothing else changes."""
    assert aws_lab("--lab", NAME, "clock", "n1", str(seconds)).returncode == 0
    of_day, *others = errors(steps, "n1")
    assert of_day == pytest.approx(seconds, abs=NEAR_S)
    date = int(steps.exec("n1", "date", "+%s").stdout)
    assert date - time.time() == pytest.approx(seconds, abs=NEAR_S)
    assert [*others, *errors(steps, "n2")] == pytest.approx([0] * 5, abs=NEAR_S)
    steps.clock("n1", 0)
    assert errors(steps, "n1")[0] == pytest.approx(0, abs=NEAR_S)


def test_clock_right_after_a_boot(steps: Lab) -> None:
    """As from a time server."""
    steps.clock("n2", HOUR_S)
    steps.kill("n2")
    steps.repair()
    until(lambda: steps.is_running("n2"), NEAR_S, "n2 to run")
    assert errors(steps, "n2")[0] == pytest.approx(0, abs=NEAR_S)


@pytest.mark.parametrize("seconds", [6 * HOUR_S, 600, -600, -6 * HOUR_S])
def test_clock_agent_goes_on(steps: Lab, seconds: float) -> None:
    """An agent signs with AWS's time, which the node learns by one refusal."""
    agent = Runner(steps, "route-table-vip", ip=VIP)
    assert agent("n1", "start").code == 0
    agent.forget("n1")
    for error, statuses in ((seconds, [401, 200]), (seconds, [200]), (0, [200])):
        steps.clock("n1", error)
        monitored = agent("n1", "monitor", interval_ms=10000)
        assert monitored.code == 0
        assert [request["status"] for request in monitored.asked("ec2")] == statuses
        assert agent("n1", "start").code == 0
    assert agent("n1", "stop").code == 0


def test_clock_without_the_option_nothing_is_preloaded(lab: Lab) -> None:
    """Other labs are as they were, and say how to have it."""
    assert "LD_PRELOAD" not in lab.exec("n1", "env").stdout
    with pytest.raises(LabError, match="brought up with --clocks"):
        lab.clock("n1", 1)


def test_clock_of_no_node(steps: Lab) -> None:
    """Clients have none to be set."""
    with pytest.raises(LabError, match="no node 'client' has a clock"):
        steps.clock("client", 1)
