# SPDX-License-Identifier: GPL-2.0-or-later
"""The quorum device: corosync-qnetd on a machine beside the cluster, corosync-qdevice on its nodes.

The daemons are unmodified and talk TLS; the certificates come from the daemons' own tools. What
`pcs quorum device add` does through pcsd is done here before the first boot.
"""

import shutil
import subprocess

from lab import node
from lab.state import CLEAN_ENV, LabError, State, until
from lab.topology import Topology

CONNECT_TIMEOUT_S = 60
QNETD_GROUP = "coroqnetd"

# One vote, which qnetd gives to one of two halves: an even number of nodes survives the loss of
# half of them. Were qnetd lost too, the nodes alone still had a majority with one of them missing,
# which the other algorithm, lms, does not give.
_DEVICE = """
    device {{
        model: net
        votes: 1
        net {{
            host: {host}
            algorithm: ffsplit
            tls: required
        }}
    }}
"""

# $1 becomes /etc/corosync for the tools, which know no other place; $2 is the cluster's name.
# The authority is qnetd's; all nodes share one certificate.
_CERTIFICATES = """
set -e
mount --bind "$1" /etc/corosync
qnetd=/etc/corosync/qnetd/nssdb qdevice=/etc/corosync/qdevice/net/nssdb
corosync-qnetd-certutil -i
corosync-qdevice-net-certutil -i -c $qnetd/qnetd-cacert.crt
corosync-qdevice-net-certutil -r -n "$2"
corosync-qnetd-certutil -s -c $qdevice/qdevice-net-node.crq -n "$2"
corosync-qdevice-net-certutil -M -c "$qnetd/cluster-$2.crt"
"""


def section(topology: Topology) -> str:
    """What the quorum section of corosync.conf says of the device; nothing without one."""
    if topology.quorum_device is None:
        return ""
    return _DEVICE.format(host=topology.member(topology.quorum_device).enis[0].ip)


def prepare(state: State, topology: Topology) -> None:
    """Give qnetd and every node their certificates, where the lab has a quorum device."""
    if topology.quorum_device is None:
        return
    made = state.dir / "certificates"
    made.mkdir(mode=0o700)
    argv = ["unshare", "--mount", "sh", "-c", _CERTIFICATES, "sh", str(made), topology.name]
    done = subprocess.run(argv, env=CLEAN_ENV, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise LabError(f"certificates of the quorum device: {' '.join(said)}; run 'make deps'")
    for name in topology.nodes:
        shutil.copytree(made / "qdevice", state.node(name) / "etc-corosync" / "qdevice")
    qnetd = state.node(topology.quorum_device) / "etc-corosync" / "qnetd"
    shutil.copytree(made / "qnetd", qnetd)
    for path in (qnetd / "nssdb", *(qnetd / "nssdb").iterdir()):
        shutil.chown(path, group=QNETD_GROUP)
    shutil.rmtree(made)


def voting(state: State, asked: str) -> bool:
    """Whether a node counts the vote of the quorum device."""
    argv = node.command(state, asked, ["corosync-quorumtool", "-s"])
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    # The node's own line says of its device: alive, voting.
    return any(" A,V," in line and "(local)" in line for line in done.stdout.splitlines())


def wait_voting(state: State, topology: Topology) -> None:
    """Wait until every node counts the vote of the quorum device, where there is one."""
    if topology.quorum_device is None:
        return

    def everywhere() -> bool:
        return all(voting(state, name) for name in topology.nodes)

    until(everywhere, CONNECT_TIMEOUT_S, "the quorum device to vote on all nodes", 0.2)
