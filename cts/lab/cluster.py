# SPDX-License-Identifier: GPL-2.0-or-later
"""Corosync and Pacemaker on the nodes: configuration, and questions about their state."""

import shutil
import subprocess
import xml.etree.ElementTree as ET

from lab import node, quorum
from lab.state import LabError, State, until
from lab.topology import Member, Topology

FORM_TIMEOUT_S = 90
FENCING_TIMEOUT_S = 60
TOKEN_BETWEEN_REGIONS_MS = 5000
FENCE_AGENT = "stonith:fence_aws"


def corosync_conf(topology: Topology, name: str) -> str:
    """The corosync.conf of a cluster: knet over the primary interfaces, no encryption."""
    nodes = topology.clusters[name]
    members = "".join(
        f"""    node {{
        name: {member.name}
        nodeid: {number}
        ring0_addr: {member.enis[0].ip}
    }}
"""
        for number, member in enumerate(nodes.values(), 1)
    )
    # two_node brings wait_for_all with it: a node that boots alone fences nobody.
    alone = len(nodes) == 2 and topology.quorum_device is None
    two_node = "    two_node: 1\n" if alone else ""
    # Packets between regions are now and then late by seconds: that is no reason to fence.
    token = f"    token: {TOKEN_BETWEEN_REGIONS_MS}\n" if _spans_regions(nodes) else ""
    return f"""totem {{
    version: 2
    cluster_name: {name}
    transport: knet
    crypto_cipher: none
    crypto_hash: none
{token}}}

nodelist {{
{members}}}

quorum {{
    provider: corosync_votequorum
{two_node}{quorum.section(topology)}}}

logging {{
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: no
    timestamp: hires
}}
"""


def first_cib(nodes: dict[str, Member]) -> str:
    """The CIB of a cluster that has never run: fencing by fence_aws, as on AWS, and no more.

    Each node has a device of its own that never runs on it: when a node dies, the device that
    can end it is up already.
    """
    far = _spans_regions(nodes)
    # All nodes boot together here; dc-deadtime's 20 s are for machines that do not. Without
    # stickiness Pacemaker moves healthy resources, to balance the nodes, when a fence device fails.
    return f"""\
<cib crm_feature_set="3.0.0" validate-with="pacemaker-3.0"
     admin_epoch="0" epoch="1" num_updates="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="cib-bootstrap-options-dc-deadtime" name="dc-deadtime" value="2s"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources>{"".join(_fence_device(member, far) for member in nodes.values())}
    </resources>
    <constraints>{"".join(map(_fence_elsewhere, nodes))}
    </constraints>
    <rsc_defaults>
      <meta_attributes id="rsc-options">
        <nvpair id="rsc-options-stickiness" name="resource-stickiness" value="100"/>
      </meta_attributes>
    </rsc_defaults>
  </configuration>
  <status/>
</cib>
"""


def _spans_regions(nodes: dict[str, Member]) -> bool:
    return len({member.region for member in nodes.values()}) > 1


def _fence_device(member: Member, far: bool) -> str:
    device = f"fence-{member.name}"
    # fence_aws looks for its own instance in the region of the one to be fenced, unless told.
    skip = (
        f'\n          <nvpair id="{device}-skip" name="skip_race_check" value="1"/>' if far else ""
    )
    # A device whose monitor failed while AWS was away is tried again by itself.
    return f"""
      <primitive id="{device}" class="stonith" type="fence_aws">
        <instance_attributes id="{device}-attributes">
          <nvpair id="{device}-region" name="region" value="{member.region}"/>{skip}
          <nvpair id="{device}-map" name="pcmk_host_map" value="{member.name}:{member.instance}"/>
        </instance_attributes>
        <operations>
          <op id="{device}-start" name="start" interval="0s" timeout="60s"/>
          <op id="{device}-monitor" name="monitor" interval="60s" timeout="60s"/>
        </operations>
        <meta_attributes id="{device}-meta">
          <nvpair id="{device}-failure-timeout" name="failure-timeout" value="60s"/>
        </meta_attributes>
      </primitive>"""


def _fence_elsewhere(name: str) -> str:
    device = f"fence-{name}"
    place = f'rsc="{device}" node="{name}" score="-INFINITY"'
    return f"""
      <rsc_location id="{device}-elsewhere" {place}/>"""


def prepare(state: State, topology: Topology) -> None:
    """Give every node its corosync.conf and its first CIB, and what a quorum device needs."""
    for cluster, nodes in topology.clusters.items():
        for name in nodes:
            corosync = state.node(name) / "etc-corosync"
            corosync.mkdir()
            (corosync / "corosync.conf").write_text(corosync_conf(topology, cluster))
            cibs = state.node(name) / "var-lib-pacemaker" / "cib"
            if not cibs.is_dir():
                raise LabError("pacemaker is not installed; run 'make deps'")
            cib = cibs / "cib.xml"
            cib.write_text(first_cib(nodes))
            cib.chmod(0o600)
            shutil.chown(cib, cibs.owner(), cibs.group())
    quorum.prepare(state, topology)


def status(state: State, asked: str) -> ET.Element | None:
    """What crm_mon says on a node, as its XML; None while there is no cluster to ask."""
    argv = node.command(state, asked, ["crm_mon", "--output-as=xml", "--inactive"])
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return ET.fromstring(done.stdout) if done.returncode == 0 else None


def online(status_xml: ET.Element) -> set[str]:
    """The nodes the cluster can use."""
    return {
        entry.get("name")
        for entry in status_xml.findall("./nodes/node")
        if entry.get("online") == "true" and entry.get("pending") == "false"
    }


def has_dc(status_xml: ET.Element) -> bool:
    """Whether the node that was asked takes part in a cluster that has elected its DC."""
    return status_xml.find("./summary/current_dc[@present='true']") is not None


def has_quorum(status_xml: ET.Element) -> bool:
    """Whether the part of the cluster that was asked may run resources."""
    return status_xml.find("./summary/current_dc[@with_quorum='true']") is not None


def wait_formed(state: State, topology: Topology) -> None:
    """Wait until each cluster has its nodes online, and its quorum device if there is one."""

    def formed() -> bool:
        for nodes in topology.clusters.values():
            for name in nodes:
                seen = status(state, name)
                if seen is None or online(seen) != set(nodes):
                    return False
        return True

    until(formed, FORM_TIMEOUT_S, "all nodes to be online (pacemaker.log below nodes/ says more)")
    quorum.wait_voting(state, topology)


def wait_fencing(state: State, topology: Topology) -> None:
    """Wait until every node that has another one beside it can be fenced."""
    started = f".//resource[@resource_agent='{FENCE_AGENT}'][@role='Started']"

    def ready() -> bool:
        for nodes in topology.clusters.values():
            seen = status(state, next(iter(nodes)))
            wanted = len(nodes) if len(nodes) > 1 else 0
            if seen is None or len(seen.findall(started)) != wanted:
                return False
        return True

    until(ready, FENCING_TIMEOUT_S, "fence_aws to reach AWS")
