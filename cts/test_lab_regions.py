# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's regions: packets over transit gateways, regions cut off, and a cluster over both."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cloud import ROUTE, ROUTE6
from lab.handle import Lab
from lab.state import LabError, until
from lab.topology import OSAKA, REGION, SINGAPORE, VIP, VIP6
from test_lab_cluster import aws_lab, traces
from transit import BLACKHOLE, Transit

NAME, CHAIN, FAR = "ctsregions", "ctschain", "ctsfar"
CLIENTS = ("tokyo", "osaka", "singapore")
REBOOT_S = 90
TIMED_OUT = 28  # curl's code
# Connects at once, asks when it is told to, and says what came within two seconds.
_ASK_LATER = """
import socket, sys
connection = socket.create_connection((sys.argv[1], 80))
print("connected", flush=True)
sys.stdin.readline()
connection.settimeout(2)
connection.sendall(b"GET / HTTP/1.0\\r\\nHost: " + sys.argv[1].encode() + b"\\r\\n\\r\\n")
try:
    print("answer" if connection.recv(1) else "end")
except TimeoutError:
    print("nothing")
"""


@contextmanager
def _served(name: str, scenario: str) -> Iterator[Lab]:
    """A lab without a cluster; both nodes hold the addresses and answer for them."""
    with Lab.running(name, scenario=scenario, with_cluster=False) as lab:
        for node in lab.topology.nodes:
            for address in (f"{VIP}/32", f"{VIP6}/128"):
                lab.exec(node, "ip", "address", "replace", address, "dev", "eth0")
        with lab.serving(*lab.topology.nodes):
            yield lab


@pytest.fixture(scope="module")
def mesh() -> Iterator[Lab]:
    with _served(NAME, "regions") as lab:
        yield lab


@pytest.fixture
def aws(mesh: Lab) -> Iterator[Transit]:
    """Its AWS; afterwards all routes are as before and no region is cut off."""
    aws = Transit(mesh)
    before = {destination: aws.targets(destination) for destination in (ROUTE, ROUTE6)}
    yield aws
    mesh.heal()
    for destination, targets in before.items():
        aws.lead_all(targets, destination)


def who(lab: Lab, address: str = VIP) -> dict[str, str | None]:
    """Which node answers each client at an address."""
    return {where: lab.ask(address, where) for where in CLIENTS}


def everywhere(node: str) -> dict[str, str]:
    return dict.fromkeys(CLIENTS, node)


def api(lab: Lab, where: str, region: str) -> str:
    """What a machine gets from EC2 of a region without credentials: the HTTP status, or curl's
    code when nothing comes for two seconds."""
    url = f"https://ec2.{region}.amazonaws.com/"
    asked = lab.exec(
        where, "curl", "-s", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}", url, check=False
    )
    return asked.stdout if asked.returncode == 0 else str(asked.returncode)


# --- packets ---


@pytest.mark.parametrize(("address", "destination"), [(VIP, ROUTE), (VIP6, ROUTE6)])
def test_packets_all_routes_moved_all_clients_follow(
    aws: Transit, address: str, destination: str
) -> None:
    """Clients of three regions reach the node that all tables lead to, at once."""
    for node in ("n1", "n2", "n1"):
        aws.lead_all(aws.wanted(node, destination), destination)
        assert who(aws.lab, address) == everywhere(node)


def test_packets_own_addresses_cross_regions_both_families(aws: Transit) -> None:
    """Machines reach each other by their own addresses over any two gateways."""
    members = aws.lab.topology.members
    for where, to in (("n1", "n2"), ("arbiter", "n1"), ("osaka", "arbiter"), ("n2", "tokyo")):
        for address in members[to].addresses:
            aws.lab.exec(where, "ping", "-c1", "-W5", address)


def test_packets_gateway_blackhole_drops_its_clients_alone(aws: Transit) -> None:
    """A blackhole in one gateway's table takes the service from the clients of its VPC."""
    aws.lead(f"{OSAKA}/hub/vpcs", BLACKHOLE)
    assert who(aws.lab) == {**everywhere("n1"), "osaka": None}


def test_packets_gateway_route_missing_drops(aws: Transit) -> None:
    aws.lead(f"{SINGAPORE}/hub/vpcs", None)
    assert who(aws.lab) == {**everywhere("n1"), "singapore": None}


def test_packets_association_decides_the_table(aws: Transit) -> None:
    """What comes from a peer is routed by the table that the peering is associated with."""
    aws.lead(f"{REGION}/hub/peers", BLACKHOLE)
    assert who(aws.lab) == {"tokyo": "n1", "osaka": None, "singapore": None}
    attachment = aws.attachment(REGION, "peering", OSAKA)
    try:
        associate(aws, attachment, "vpcs")
        assert who(aws.lab) == {"tokyo": "n1", "osaka": "n1", "singapore": None}
    finally:
        associate(aws, attachment, "peers")


def associate(aws: Transit, attachment: str, table: str) -> None:
    """Associate an attachment in Tokyo with another table of the gateway; None for a while."""
    (row,) = (
        item
        for item in aws.lab.state()["regions"][REGION]["tgw_attachments"]
        if item["id"] == attachment
    )
    old = {"TransitGatewayAttachmentId": attachment, "TransitGatewayRouteTableId": row["table"]}
    aws.ec2("DisassociateTransitGatewayRouteTable", **old)
    new = {**old, "TransitGatewayRouteTableId": aws.id(f"{REGION}/hub/{table}")}
    aws.ec2("AssociateTransitGatewayRouteTable", **new)


def test_packets_leading_back_and_forth_vanish(aws: Transit) -> None:
    """Two gateways that lead to each other let nothing through, and say nothing."""
    aws.lead(f"{REGION}/hub/peers", aws.attachment(REGION, "peering", OSAKA))
    pinged = aws.lab.exec("osaka", "ping", "-c1", "-W1", VIP, check=False)
    assert "100% packet loss" in pinged.stdout
    assert aws.lab.ask(VIP, "tokyo") == "n1"


def test_packets_two_hops_pass_the_region_between() -> None:
    """Singapore and Osaka are peered with Tokyo alone: a client's packets pass its gateway."""
    with _served(CHAIN, "regions-chain") as lab:
        aws = Transit(lab)
        assert who(lab) == everywhere("n1")
        aws.lead_all(aws.wanted("n2", via={SINGAPORE: REGION}))
        assert who(lab) == everywhere("n2")
        lab.cut_region(REGION, api=False)
        assert who(lab) == {"tokyo": None, "osaka": "n2", "singapore": None}


# --- a region cut off ---


def test_cut_region_network_only_its_own_clients_are_served(aws: Transit) -> None:
    """Nothing passes its gateway; inside its VPC, and between the others, all is as before."""
    lab = aws.lab
    lab.cut_region(REGION, api=False)
    assert who(lab) == {"tokyo": "n1", "osaka": None, "singapore": None}
    assert lab.ask(lab.topology.member("n2").enis[0].ip, "singapore") == "n2"
    assert api(lab, "n2", REGION) != str(TIMED_OUT)
    lab.heal_region(REGION)
    assert who(lab) == everywhere("n1")


def test_cut_region_api_silent_for_everybody(aws: Transit) -> None:
    """No machine reaches its endpoints, whichever region it is in; packets pass."""
    lab = aws.lab
    answered = api(lab, "n1", REGION)
    lab.cut_region(REGION, network=False)
    for where in ("n1", "n2"):
        assert api(lab, where, REGION) == str(TIMED_OUT)
        assert api(lab, where, OSAKA) == answered
    assert who(lab) == everywhere("n1")
    lab.heal_region(REGION)
    assert api(lab, "n2", REGION) == answered


def test_cut_region_api_open_connections_silent_too(aws: Transit) -> None:
    """What is sent on a connection that was there before is not heard either."""
    lab = aws.lab
    host = f"ec2.{REGION}.amazonaws.com"
    connection = subprocess.Popen(
        lab.command("n2", "python3", "-c", _ASK_LATER, host),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with connection:
        assert connection.stdout.readline() == "connected\n"
        lab.cut_region(REGION, network=False)
        lab.clear_requests()
        assert connection.communicate("ask\n")[0] == "nothing\n"
    assert [entry for entry in lab.requests() if entry["service"] == "ec2"] == []


def test_cut_region_both_healed_with_everything_else(aws: Transit) -> None:
    """The default is to lose both, twice as well as once; heal() knows of regions."""
    lab = aws.lab
    for _ in range(2):
        lab.cut_region(OSAKA)
    assert api(lab, "n1", OSAKA) == str(TIMED_OUT)
    assert who(lab) == {**everywhere("n1"), "osaka": None}
    lab.heal()
    assert api(lab, "n1", OSAKA) != str(TIMED_OUT)
    assert who(lab) == everywhere("n1")
    (cut, *_) = [event for event in lab.files.events() if event["kind"] == "cut-region"][-2:]
    assert (cut["region"], cut["api"], cut["network"]) == (OSAKA, True, True)


def test_cut_region_by_command_one_side_alone(aws: Transit) -> None:
    """What is not named is not lost; a region that is not there is refused with those there are."""
    lab = aws.lab
    command = ("--lab", NAME, "region")
    assert aws_lab(*command, "cut", OSAKA, "--network").returncode == 0
    assert api(lab, "n1", OSAKA) != str(TIMED_OUT)
    assert lab.ask(VIP, "osaka") is None
    assert aws_lab(*command, "heal", OSAKA).returncode == 0
    assert lab.ask(VIP, "osaka") == "n1"
    refused = aws_lab(*command, "cut", "eu-west-1")
    assert refused.returncode == 1
    for region in ("eu-west-1", REGION, OSAKA, SINGAPORE):
        assert region in refused.stderr


# --- machines and what is shown ---


def test_metadata_each_node_its_own_region(aws: Transit) -> None:
    metadata = "http://169.254.169.254/latest"
    script = (
        f'token=$(curl -s -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" {metadata}/api/token)'
        f' && curl -s -H "X-aws-ec2-metadata-token: $token" {metadata}/meta-data/placement/region'
    )
    for node, region in (("n1", REGION), ("n2", OSAKA)):
        assert aws.lab.exec(node, "sh", "-c", script).stdout == region


def test_arbiter_has_directories_of_its_own(aws: Transit) -> None:
    """What a daemon of the cluster writes there is not seen on another machine."""
    for directory in ("/etc/corosync", "/run", "/var/lib/corosync", "/srv"):
        file = f"{directory}/written-by-the-arbiter"
        aws.lab.exec("arbiter", "touch", file)
        assert aws.lab.exec("singapore", "test", "-e", file, check=False).returncode == 1


def test_state_shown_with_gateways_and_the_node_they_reach(aws: Transit) -> None:
    """Each route of the address, in a VPC and in a gateway, with the node it reaches in the end."""
    aws.lead(f"{SINGAPORE}/hub/vpcs", BLACKHOLE)
    shown = aws_lab("--lab", NAME, "state").stdout
    lines = [line for line in shown.splitlines() if f" {ROUTE} " in line]
    assert len(lines) == 12
    assert len([line for line in lines if line.endswith(" n1")]) == 9
    lost = [line for line in lines if "nowhere: " in line]
    assert len(lost) == 3  # that table, and the two of the VPC that lead to it
    assert all(f"{SINGAPORE} hub/vpcs" in line for line in lost)
    for word in ("VPC main", f"peer in {OSAKA}", "hub/peers"):
        assert word in shown


def test_region_unknown_or_without_gateway_refused(aws: Transit) -> None:
    with pytest.raises(LabError, match=f"no region 'nowhere'; it has {REGION}"):
        aws.lab.heal_region("nowhere")


# --- the cluster ---


def test_cluster_over_regions_forms_and_fences() -> None:
    """Corosync runs over the gateways; the survivor stops its peer by the other region's API."""
    with Lab.running(FAR, scenario="regions") as lab:
        assert lab.online() == {"n1", "n2"}
        lab.clear_requests()
        lab.kill("n2")
        until(
            lambda: ("n1", OSAKA) in stopped(lab), REBOOT_S, "n1 to have n2 stopped by Osaka's API"
        )
        until(lambda: lab.online() == {"n1", "n2"}, REBOOT_S, "n2 to come back")
    assert traces(FAR) == []


def stopped(lab: Lab) -> set[tuple[str, str]]:
    """Who has stopped an instance, and in which region."""
    return {
        (entry["node"], entry["region"])
        for entry in lab.requests()
        if entry["action"] == "StopInstances" and entry["status"] == 200
    }
