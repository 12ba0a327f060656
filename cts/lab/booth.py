# SPDX-License-Identifier: GPL-2.0-or-later
"""booth, which decides between clusters: the distribution's own, on kernels it does not know.

Up to version 1.1 boothd waits for ever at its start on Linux 6.9 and later. A library that is
preloaded gives it what older kernels do; the program itself is the host's.
"""

import shutil
from pathlib import Path

from lab import preload
from lab.state import LabError, State
from lab.topology import Topology

HOST_BOOTHD = Path("/usr/sbin/boothd")
# Where machines see State.booth_dir; the script boothd knows it too.
SHOWN_AT = Path("/run/lab-booth")
NETLINK = Path(__file__).with_name("netlink.c")


def prepare(state: State, topology: Topology) -> None:
    """Let all machines of a lab of several clusters run boothd."""
    if len(topology.clusters) == 1:
        return
    if not HOST_BOOTHD.exists():
        raise LabError("booth is not installed; run 'make deps'")
    state.booth_dir.mkdir()
    shutil.copy(HOST_BOOTHD, state.booth_dir)
    preload.build(NETLINK, state.booth_dir / "netlink.so")
