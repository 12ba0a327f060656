# SPDX-License-Identifier: GPL-2.0-or-later
"""Clocks of nodes that are wrong, where a lab has been brought up for it.

The machine's own clock is never touched. Programs of a node start with a library that adds the
error to the time of day; which error is read when a program starts. So an agent, a command and
fence_aws see the step, and daemons that run already do not: their logs stay comparable. A node that
boots has the right time again, as from a time server.
"""

from pathlib import Path

from lab import preload
from lab.state import LabError, State, write_atomically
from lab.topology import Topology

# Where nodes see State.clock(NODE).
SHOWN_AT = Path("/run/lab-clock")
SOURCE = Path(__file__).with_name("clock.c")
LIBRARY, ERROR = "clock.so", "error"


def prepare(state: State, topology: Topology) -> None:
    """Let the clocks of all nodes be set."""
    for name in topology.nodes:
        state.clock(name).mkdir()
        preload.build(SOURCE, state.clock(name) / LIBRARY)


def environment(state: State, node: str) -> dict[str, str]:
    """What programs of a node have in their environment for it; nothing where clocks are right."""
    if not state.clock(node).exists():
        return {}
    return {"LD_PRELOAD": str(SHOWN_AT / LIBRARY)}


def set_error(state: State, topology: Topology, node: str, seconds: float) -> None:
    """Set a node's clock so many seconds ahead of the machine's, or back where they are negative.

    Raises LabError in a lab that was not brought up for it.
    """
    if node not in topology.nodes:
        raise LabError(f"no node '{node}' has a clock to be set: {', '.join(topology.nodes)}")
    if not state.clock(node).exists():
        raise LabError("clocks can be set in a lab that was brought up with --clocks")
    write_atomically(state.clock(node) / ERROR, f"{seconds:.3f}\n")
    state.event("clock", node=node, seconds=seconds)


def boot(state: State, node: str) -> None:
    """Set the clock of a node that is switched on."""
    (state.clock(node) / ERROR).unlink(missing_ok=True)
