# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's quorum device: qnetd on a client, TLS, and a vote that keeps one node of two going."""

import re
from collections.abc import Iterator

import pytest
from lab import quorum
from lab.handle import Lab
from lab.state import LabError, State, until

NAME = "ctsquorum"
HOST = "client"
FOLLOW_S = 60


@pytest.fixture(scope="module")
def voters() -> Iterator[Lab]:
    """Two nodes and the device: three votes, and no two_node."""
    with Lab.running(NAME, quorum_device=HOST) as running:
        yield running


def quorum_of(lab: Lab, node: str) -> dict[str, str]:
    """What corosync-quorumtool says on a node, by the words before the colon."""
    said = lab.exec(node, "corosync-quorumtool", "-s", check=False).stdout
    return dict(re.findall(r"^([\w ]+):\s+(.*?)\s*$", said, re.MULTILINE))


def test_device_votes_on_every_node_by_tls(voters: Lab) -> None:
    """All tools that a user has agree on it."""
    for name in voters.topology.nodes:
        found = quorum_of(voters, name)
        assert (found["Expected votes"], found["Total votes"], found["Quorum"]) == ("3", "3", "2")
        assert "Qdevice" in found["Flags"]
        assert "2Node" not in found["Flags"]
    status = voters.exec("n2", "pcs", "quorum", "device", "status").stdout
    assert re.search(r"State:\s+Connected", status)
    clients = voters.exec(HOST, "corosync-qnetd-tool", "-l", "-v").stdout
    assert len(re.findall(r"TLS active:\s+Yes \(client certificate verified\)", clients)) == 2


def test_node_stopped_other_is_quorate(voters: Lab) -> None:
    """The device counts for who is left, and for who comes back."""
    voters.stop_cluster("n1")
    assert voters.exec("n1", "pgrep", "corosync", check=False).stdout == ""
    until(
        lambda: quorum_of(voters, "n2").get("Total votes") == "2", FOLLOW_S, "n2 to be one of two"
    )
    assert quorum_of(voters, "n2")["Quorate"] == "Yes"
    voters.start_cluster("n1")
    until(lambda: voters.online() == {"n1", "n2"}, FOLLOW_S, "n1 to be back")
    assert quorum.voting(voters.files, "n1")


def test_device_on_a_machine_that_does_not_exist_is_refused() -> None:
    """The error names the machines there are, and nothing is left."""
    with pytest.raises(LabError, match=r"'n7' cannot be the quorum device: .* client, client-c"):
        Lab.up("ctsnodevice", quorum_device="n7")
    assert not State("ctsnodevice").exists
