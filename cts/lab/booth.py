# SPDX-License-Identifier: GPL-2.0-or-later
"""booth, which decides between clusters: the distribution's own, on kernels it does not know.

Up to version 1.1 boothd waits for ever at its start on Linux 6.9 and later. A library that is
preloaded gives it what older kernels do; the program itself is the host's.
"""

import shutil
import subprocess
from pathlib import Path

from lab.state import CLEAN_ENV, LabError, State
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
    compiler = ["cc", "-shared", "-fPIC", "-O2", "-D_GNU_SOURCE", str(NETLINK)]
    library = state.booth_dir / "netlink.so"
    done = subprocess.run(
        [*compiler, "-o", library], env=CLEAN_ENV, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LabError(f"{NETLINK.name} cannot be compiled: {done.stderr.strip()}")
