# SPDX-License-Identifier: GPL-2.0-or-later
"""Elastic IPs and secondary addresses in the lab: the API, the metadata, and real packets."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from lab import client
from lab.handle import SERVICE_PORT, Lab
from lab.state import until
from lab.topology import PUBLIC_IP, SECONDARY
from standalone import REGION, Aws, allow, refused, running

ROLE = "ocf-aws-node"
WEB, OTHER = PUBLIC_IP, f"{PUBLIC_IP}3"
PRIMARY1, PRIMARY2 = "10.0.2.10", "10.0.2.11"
SECONDARY6 = "2001:db8:100:2::50"
ACCOUNT = "123456789012"
PUBLIC, ONE_SUBNET = "cts_public", "cts_subnet"
FOLLOW_S = 5


def _machine(vpc: str, ip: str, **more: Any) -> dict[str, Any]:
    return {"region": REGION, "vpc": vpc, "subnet": "a", "ip": ip, "ip6": None, **more}


def _vpc(prefix: str, cidr6: str | None, gateway: bool) -> dict[str, Any]:
    subnet6 = cidr6 and cidr6.replace("::/56", ":2::/64")
    return {
        "cidr": f"{prefix}.0.0/16",
        "cidr6": cidr6,
        "internet_gateway": gateway,
        "subnets": {
            "a": {"cidr": f"{prefix}.2.0/24", "az": f"{REGION}a", "cidr6": subnet6},
        },
        "route_tables": {},
    }


LAB = {
    "name": "pytest",
    "api_net": "198.18.0.0/24",
    "regions": {
        REGION: {
            "vpcs": {
                "main": _vpc("10.0", "2001:db8:100::/56", True),
                "closed": _vpc("10.9", None, False),
            },
            "elastic_ips": {
                "web": {"public_ip": WEB, "node": None},
                "other": {"public_ip": OTHER, "node": "n2"},
            },
        }
    },
    "nodes": {
        "n1": _machine("main", PRIMARY1, ip6="2001:db8:100:2::10", role=ROLE),
        "n2": _machine("main", PRIMARY2, ip6="2001:db8:100:2::11", role=ROLE),
        "closed": _machine("closed", "10.9.2.10"),
    },
    "clients": {"outside": {"internet": True, "ip": "198.51.100.100"}},
}


class Ec2:
    """The calls of these tests, by node, as the role of n1."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.client = aws.client()
        self.ids = {
            item["public_ip"]: item["id"]
            for item in aws.topology["regions"][REGION]["elastic_ips"].values()
        }

    def associate(self, public_ip: str, node: str, **more: Any) -> str:
        answer = self.client.associate_address(
            AllocationId=self.ids[public_ip], NetworkInterfaceId=self.aws.eni(node), **more
        )
        return answer["AssociationId"]

    def address(self, public_ip: str) -> dict[str, Any]:
        (found,) = self.client.describe_addresses(PublicIps=[public_ip])["Addresses"]
        return found

    def assign(self, node: str, address: str, **more: Any) -> None:
        if ":" in address:
            self.client.assign_ipv6_addresses(
                NetworkInterfaceId=self.aws.eni(node), Ipv6Addresses=[address]
            )
        else:
            self.client.assign_private_ip_addresses(
                NetworkInterfaceId=self.aws.eni(node), PrivateIpAddresses=[address], **more
            )

    def unassign(self, node: str, address: str) -> None:
        if ":" in address:
            self.client.unassign_ipv6_addresses(
                NetworkInterfaceId=self.aws.eni(node), Ipv6Addresses=[address]
            )
        else:
            self.client.unassign_private_ip_addresses(
                NetworkInterfaceId=self.aws.eni(node), PrivateIpAddresses=[address]
            )

    def interface(self, node: str) -> dict[str, Any]:
        found = self.client.describe_network_interfaces(NetworkInterfaceIds=[self.aws.eni(node)])
        return found["NetworkInterfaces"][0]

    def private(self, node: str) -> list[str]:
        """All private addresses of a node's interface, of both families."""
        found = self.interface(node)
        own = [item["PrivateIpAddress"] for item in found["PrivateIpAddresses"]]
        return own + [item["Ipv6Address"] for item in found["Ipv6Addresses"]]

    def nic(self, node: str, leaf: str) -> list[str]:
        """The lines of a leaf of a node's interface in the metadata; none when it is absent."""
        mac = self.aws.metadata("meta-data/mac", node)
        base = f"meta-data/network/interfaces/macs/{mac}/"
        if leaf.partition("/")[0] not in self.aws.metadata(base, node).replace("/", "").split("\n"):
            return []
        return self.aws.metadata(base + leaf, node).split("\n")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running(tmp_path_factory.mktemp("aws"), LAB) as daemon:
        daemon.control.set_policy(ROLE, [allow("ec2:*")])
        yield daemon


@pytest.fixture(scope="module")
def _client(aws: Aws) -> Ec2:
    return Ec2(aws)


@pytest.fixture
def ec2(aws: Aws, _client: Ec2) -> Iterator[Ec2]:
    """AWS with the addresses where they were at first."""
    yield _client
    aws.control.clear_faults()
    aws.control.settings(imds_delay_s=0, quotas=True)
    aws.control.set_policy(ROLE, [allow("ec2:*")])
    for item in _client.client.describe_addresses()["Addresses"]:
        if "AssociationId" in item:
            _client.client.disassociate_address(AssociationId=item["AssociationId"])
        if item["PublicIp"] not in (WEB, OTHER):
            _client.client.release_address(AllocationId=item["AllocationId"])
    _client.associate(OTHER, "n2")
    for node in ("n1", "n2"):
        for address in _client.private(node)[1:]:
            if not address.endswith(("::10", "::11")):
                _client.unassign(node, address)


# Elastic IPs.


def test_elastic_ips_are_those_asked_for(aws: Aws, ec2: Ec2) -> None:
    free, held = ec2.address(WEB), ec2.address(OTHER)
    assert (free["AllocationId"], free["Domain"]) == (ec2.ids[WEB], "vpc")
    absent = {"AssociationId", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress"}
    assert not absent & set(free)
    assert held["NetworkInterfaceId"] == aws.eni("n2")
    assert held["NetworkInterfaceOwnerId"] == ACCOUNT
    assert held["PrivateIpAddress"] == PRIMARY2
    assert held["InstanceId"] == aws.instance("n2")
    assert held["AssociationId"].startswith("eipassoc-")


def test_addresses_are_found_by_id_address_and_filter(aws: Aws, ec2: Ec2) -> None:
    def found(**wanted: Any) -> list[str]:
        return [item["PublicIp"] for item in ec2.client.describe_addresses(**wanted)["Addresses"]]

    assert found() == [WEB, OTHER]
    assert found(AllocationIds=[ec2.ids[OTHER]]) == [OTHER]
    assert found(PublicIps=[WEB]) == [WEB]
    for name, value in {
        "allocation-id": ec2.ids[OTHER],
        "association-id": ec2.address(OTHER)["AssociationId"],
        "instance-id": aws.instance("n2"),
        "network-interface-id": aws.eni("n2"),
        "network-interface-owner-id": ACCOUNT,
        "private-ip-address": PRIMARY2,
        "public-ip": OTHER,
        "tag:Name": "other",
    }.items():
        assert found(Filters=[{"Name": name, "Values": [value]}]) == [OTHER], name
    assert found(Filters=[{"Name": "network-interface-id", "Values": [aws.eni("n1")]}]) == []
    with refused("InvalidAllocationID.NotFound", 400, "eipalloc-0badc0de0badc0de0"):
        found(AllocationIds=["eipalloc-0badc0de0badc0de0"])
    with refused("InvalidAddress.NotFound", 400, "52.9.0.1"):
        found(PublicIps=["52.9.0.1"])


def test_association_moves_by_itself_unless_forbidden(aws: Aws, ec2: Ec2) -> None:
    first = ec2.associate(WEB, "n1", AllowReassociation=True)
    assert ec2.associate(WEB, "n1", AllowReassociation=False) == first
    with refused("Resource.AlreadyAssociated", 400, f"{ec2.ids[WEB]} is already associated"):
        ec2.associate(WEB, "n2", AllowReassociation=False)
    assert ec2.address(WEB)["NetworkInterfaceId"] == aws.eni("n1")
    second = ec2.associate(WEB, "n2")
    assert second != first
    assert ec2.address(WEB)["NetworkInterfaceId"] == aws.eni("n2")
    with refused("InvalidAssociationID.NotFound", 400, first):
        ec2.client.disassociate_address(AssociationId=first)


def test_association_takes_the_place_of_another(aws: Aws, ec2: Ec2) -> None:
    """A private address has one Elastic IP; another one of the interface may have its own."""
    with refused("Resource.AlreadyAssociated", 400, aws.eni("n2")):
        ec2.associate(WEB, "n2", AllowReassociation=False)
    ec2.assign("n2", SECONDARY)
    ec2.associate(WEB, "n2", PrivateIpAddress=SECONDARY, AllowReassociation=False)
    assert ec2.address(OTHER)["PrivateIpAddress"] == PRIMARY2
    assert ec2.address(WEB)["PrivateIpAddress"] == SECONDARY
    ec2.associate(WEB, "n2")
    assert ec2.address(WEB)["PrivateIpAddress"] == PRIMARY2
    assert "AssociationId" not in ec2.address(OTHER)


def test_association_is_refused_and_changes_nothing(aws: Aws, ec2: Ec2) -> None:
    before = aws.control.state()
    with refused("Gateway.NotAttached", 400, aws.vpc("closed")):
        ec2.associate(WEB, "closed")
    with refused("InvalidParameterValue", 400, SECONDARY):
        ec2.associate(WEB, "n1", PrivateIpAddress=SECONDARY)
    with refused("InvalidParameterValue", 400, PRIMARY2):
        ec2.associate(WEB, "n1", PrivateIpAddress=PRIMARY2)
    wrong = {"AllocationId": "eipalloc-0badc0de0badc0de0", "NetworkInterfaceId": aws.eni("n1")}
    with refused("InvalidAllocationID.NotFound", 400):
        ec2.client.associate_address(**wrong)
    with refused("InvalidAddress.NotFound", 400):
        ec2.client.associate_address(PublicIp="52.9.0.1", NetworkInterfaceId=aws.eni("n1"))
    with refused("InvalidNetworkInterfaceID.NotFound", 400):
        ec2.client.associate_address(
            PublicIp=WEB, NetworkInterfaceId="eni-0badc0de0badc0de0", AllowReassociation=True
        )
    with refused("MissingParameter", 400):
        ec2.client.associate_address(AllocationId=ec2.ids[WEB])
    with refused("MissingParameter", 400):
        ec2.client.associate_address(NetworkInterfaceId=aws.eni("n1"))
    with refused("InvalidParameterCombination", 400):
        ec2.client.associate_address(
            PublicIp=WEB, NetworkInterfaceId=aws.eni("n1"), InstanceId=aws.instance("n1")
        )
    with refused("DryRunOperation", 412):
        ec2.associate(WEB, "n1", DryRun=True)
    with refused("DryRunOperation", 412):
        association = ec2.address(OTHER)["AssociationId"]
        ec2.client.disassociate_address(AssociationId=association, DryRun=True)
    assert aws.control.state() == before


def test_association_by_address_and_instance(aws: Aws, ec2: Ec2) -> None:
    ec2.client.associate_address(PublicIp=WEB, InstanceId=aws.instance("n1"))
    assert ec2.address(WEB)["NetworkInterfaceId"] == aws.eni("n1")
    ec2.client.disassociate_address(PublicIp=WEB)
    assert "NetworkInterfaceId" not in ec2.address(WEB)


def test_address_is_released_when_nobody_has_it(aws: Aws, ec2: Ec2) -> None:
    allocated = ec2.client.allocate_address(Domain="vpc")
    ec2.ids[allocated["PublicIp"]] = allocated["AllocationId"]
    with refused("InvalidIPAddress.InUse", 400, WEB):
        ec2.client.allocate_address(Address=WEB)
    association = ec2.associate(allocated["PublicIp"], "n1")
    with refused("InvalidIPAddress.InUse", 400):
        ec2.client.release_address(AllocationId=allocated["AllocationId"])
    ec2.client.disassociate_address(AssociationId=association)
    ec2.client.release_address(AllocationId=allocated["AllocationId"])
    with refused("InvalidAllocationID.NotFound", 400):
        ec2.client.describe_addresses(AllocationIds=[allocated["AllocationId"]])


def test_interface_shows_its_addresses(aws: Aws, ec2: Ec2) -> None:
    ec2.assign("n1", SECONDARY)
    association = ec2.associate(WEB, "n1", PrivateIpAddress=SECONDARY)
    found = ec2.interface("n1")
    first, second = found["PrivateIpAddresses"]
    assert (first["PrivateIpAddress"], first["Primary"]) == (PRIMARY1, True)
    assert (second["PrivateIpAddress"], second["Primary"]) == (SECONDARY, False)
    assert second["Association"] == {
        "AllocationId": ec2.ids[WEB],
        "AssociationId": association,
        "IpOwnerId": ACCOUNT,
        "PublicDnsName": f"ec2-52-9-0-12.{REGION}.compute.amazonaws.com",
        "PublicIp": WEB,
    }
    assert "Association" not in first and "Association" not in found
    assert found["Ipv6Addresses"] == [{"Ipv6Address": "2001:db8:100:2::10"}]
    assert ec2.interface("n2")["Association"]["PublicIp"] == OTHER


def test_permission_is_by_address_and_interface(aws: Aws, ec2: Ec2) -> None:
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
    web, eni = f"{arn}:elastic-ip/{ec2.ids[WEB]}", f"{arn}:network-interface/*"
    changes = ("ec2:AssociateAddress", "ec2:DisassociateAddress")
    aws.control.set_policy(ROLE, [allow("ec2:Describe*"), allow(*changes, resource=[web, eni])])
    association = ec2.associate(WEB, "n1")
    ec2.client.associate_address(PublicIp=WEB, NetworkInterfaceId=aws.eni("n1"))
    other = ec2.address(OTHER)["AssociationId"]
    with refused("UnauthorizedOperation", 403, ec2.ids[OTHER]):
        ec2.associate(OTHER, "n1")
    with refused("UnauthorizedOperation", 403, ec2.ids[OTHER]):
        ec2.client.disassociate_address(AssociationId=other)
    with refused("UnauthorizedOperation", 403, "elastic-ip/*"):
        ec2.client.disassociate_address(AssociationId="eipassoc-0badc0de0badc0de0")
    ec2.client.disassociate_address(AssociationId=association)
    aws.control.set_policy(ROLE, [allow("ec2:Describe*"), allow(*changes, resource=web)])
    with refused("UnauthorizedOperation", 403, "network-interface/"):
        ec2.associate(WEB, "n1")


# Private addresses.


def test_secondary_address_moves_when_allowed(aws: Aws, ec2: Ec2) -> None:
    ec2.assign("n1", SECONDARY)
    assert ec2.private("n1")[:2] == [PRIMARY1, SECONDARY]
    for node in ("n1", "n2"):
        with refused("InvalidParameterValue", 400, f"[{SECONDARY}] assigned, but move is not"):
            ec2.assign(node, SECONDARY, AllowReassignment=False)
    ec2.assign("n1", SECONDARY, AllowReassignment=True)
    assert ec2.private("n1")[:2] == [PRIMARY1, SECONDARY]
    ec2.assign("n2", SECONDARY, AllowReassignment=True)
    assert SECONDARY in ec2.private("n2") and SECONDARY not in ec2.private("n1")


def test_elastic_ip_goes_with_its_secondary_address(aws: Aws, ec2: Ec2) -> None:
    ec2.assign("n1", SECONDARY)
    association = ec2.associate(WEB, "n1", PrivateIpAddress=SECONDARY)
    ec2.assign("n2", SECONDARY, AllowReassignment=True)
    moved = ec2.address(WEB)
    assert (moved["NetworkInterfaceId"], moved["AssociationId"]) == (aws.eni("n2"), association)
    assert ec2.nic("n2", f"ipv4-associations/{WEB}") == [SECONDARY]
    assert ec2.nic("n1", "ipv4-associations/") == []
    ec2.unassign("n2", SECONDARY)
    assert "AssociationId" not in ec2.address(WEB)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("10.0.3.50", "does not fall within the subnet's address range"),
        ("10.0.2.3", "reserved"),
        ("10.0.2.255", "reserved"),
        (PRIMARY2, "primary"),
        (PRIMARY1, "primary"),
        ("10.0.2.500", "10.0.2.500"),
        ("2001:db8:100:3::50", "does not fall within the subnet's address range"),
        ("2001:db8:100:2::11", "assigned, but move is not allowed"),
        ("2001:db8:100:2::10", "assigned, but move is not allowed"),
    ],
)
def test_assignment_is_refused(aws: Aws, ec2: Ec2, address: str, text: str) -> None:
    before = aws.control.state()
    with refused("InvalidParameterValue", 400, text):
        ec2.assign("n1", address, AllowReassignment=True)
    assert aws.control.state() == before


def test_assignment_is_all_or_nothing(aws: Aws, ec2: Ec2) -> None:
    with refused("InvalidParameterValue", 400, "10.0.3.50"):
        ec2.client.assign_private_ip_addresses(
            NetworkInterfaceId=aws.eni("n1"), PrivateIpAddresses=[SECONDARY, "10.0.3.50"]
        )
    assert SECONDARY not in ec2.private("n1")


def test_assignment_by_count(aws: Aws, ec2: Ec2) -> None:
    answer = ec2.client.assign_private_ip_addresses(
        NetworkInterfaceId=aws.eni("n1"), SecondaryPrivateIpAddressCount=2
    )
    given = [item["PrivateIpAddress"] for item in answer["AssignedPrivateIpAddresses"]]
    assert given == ["10.0.2.4", "10.0.2.5"]
    assert ec2.private("n1")[:3] == [PRIMARY1, *given]
    answer = ec2.client.assign_ipv6_addresses(NetworkInterfaceId=aws.eni("n1"), Ipv6AddressCount=1)
    assert answer["AssignedIpv6Addresses"][0] in ec2.private("n1")


def test_unassignment_takes_only_what_is_there(aws: Aws, ec2: Ec2) -> None:
    ec2.assign("n1", SECONDARY)
    ec2.assign("n1", SECONDARY6)
    before = aws.control.state()
    not_assigned = f"not assigned to interface {aws.eni('n2')}"
    with refused("InvalidParameterValue", 400, not_assigned):
        ec2.unassign("n2", SECONDARY)
    with refused("InvalidParameterValue", 400, f"not mapped to interface ID '{aws.eni('n2')}'"):
        ec2.unassign("n2", SECONDARY6)
    with refused("InvalidParameterValue", 400, "primary"):
        ec2.unassign("n1", PRIMARY1)
    assert aws.control.state() == before
    ec2.unassign("n1", SECONDARY)
    ec2.unassign("n1", SECONDARY6)
    assert ec2.private("n1") == [PRIMARY1, "2001:db8:100:2::10"]


def test_ipv6_address_is_compared_by_value(ec2: Ec2) -> None:
    ec2.assign("n1", "2001:0DB8:100:2:0:0:0:50")
    assert SECONDARY6 in ec2.private("n1")
    with refused("InvalidParameterValue", 400, SECONDARY6):
        ec2.assign("n2", SECONDARY6)
    ec2.unassign("n1", "2001:db8:100:2::0050")
    ec2.assign("n2", SECONDARY6)
    assert SECONDARY6 in ec2.private("n2")


# Instance metadata, quotas, events.


def test_imds_follows_the_addresses(ec2: Ec2) -> None:
    assert ec2.nic("n1", "public-ipv4s") == ec2.nic("n1", "public-hostname") == []
    ec2.assign("n1", SECONDARY)
    ec2.assign("n1", SECONDARY6)
    ec2.associate(WEB, "n1", PrivateIpAddress=SECONDARY)
    assert ec2.nic("n1", "local-ipv4s") == [PRIMARY1, SECONDARY]
    assert ec2.nic("n1", "ipv6s") == ["2001:db8:100:2::10", SECONDARY6]
    assert ec2.nic("n1", "public-ipv4s") == ec2.nic("n1", "ipv4-associations/") == [WEB]
    assert ec2.nic("n1", f"ipv4-associations/{WEB}") == [SECONDARY]
    assert "public-ipv4" not in ec2.aws.metadata("meta-data/").split("\n")
    ec2.associate(WEB, "n1")
    assert ec2.nic("n1", f"ipv4-associations/{WEB}") == [PRIMARY1]
    assert ec2.aws.metadata("meta-data/public-ipv4") == WEB
    name = f"ec2-52-9-0-12.{REGION}.compute.amazonaws.com"
    assert ec2.aws.metadata("meta-data/public-hostname") == name
    assert ec2.nic("n1", "public-hostname") == [name]


def test_imds_lags_behind_ec2(ec2: Ec2) -> None:
    ec2.aws.control.settings(imds_delay_s=1)
    ec2.associate(WEB, "n1")
    assert ec2.address(WEB)["PrivateIpAddress"] == PRIMARY1
    assert ec2.nic("n1", "public-ipv4s") == []
    until(lambda: ec2.nic("n1", "public-ipv4s") == [WEB], 5, "the metadata to follow")


def test_imds_lags_by_rule(ec2: Ec2) -> None:
    ec2.aws.control.add_fault("imds", "stale", node="n1", param=60)
    ec2.associate(WEB, "n1")
    assert ec2.nic("n1", "public-ipv4s") == []
    ec2.aws.control.clear_faults()
    assert ec2.nic("n1", "public-ipv4s") == [WEB]


def test_quotas_of_private_addresses_are_their_own(ec2: Ec2) -> None:
    def code() -> str:
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            ec2.unassign("n1", SECONDARY)
        return caught.value.response["Error"]["Code"]

    ec2.aws.control.settings(quotas=True)
    codes = list(itertools.takewhile(lambda item: item != "RequestLimitExceeded", iter(code, None)))
    assert len(codes) >= 100 and set(codes) == {"InvalidParameterValue"}
    ec2.assign("n1", SECONDARY)


def test_changes_are_recorded(ec2: Ec2) -> None:
    def last() -> list[dict[str, Any]]:
        lines = (ec2.aws.state_dir / "events.jsonl").read_text().splitlines()
        kinds = ("address", "private-address")
        return [item for item in json.loads(lines[-1])["changes"] if item["what"] in kinds]

    at = {node: ec2.aws.eni(node) for node in ("n1", "n2")}
    ec2.associate(WEB, "n1")
    (change,) = last()
    assert change["public_ip"] == WEB
    assert change["old"] is None
    assert change["new"] == {"eni": at["n1"], "private_ip": PRIMARY1}
    ec2.client.disassociate_address(PublicIp=WEB)
    assert last()[0]["new"] is None
    ec2.assign("n1", SECONDARY)
    ec2.assign("n2", SECONDARY, AllowReassignment=True)
    (change,) = last()
    assert (change["address"], change["old"], change["new"]) == (SECONDARY, at["n1"], at["n2"])
    ec2.assign("n1", SECONDARY6)
    assert [item["address"] for item in last()] == [SECONDARY6]


# Packets of Elastic IPs.


def change(lab: Lab, action: str, **params: Any) -> dict[str, Any]:
    """Call EC2 as its owner."""
    return lab.control.aws(REGION, "ec2", action, **params)


def associate(lab: Lab, name: str, **more: Any) -> None:
    """Let 52.9.0.12 lead to a machine."""
    target = {"NetworkInterfaceId": lab.topology.member(name).enis[0].id}
    web = lab.topology.elastic_ips["web"].id
    change(lab, "AssociateAddress", AllocationId=web, **target, **more)


def disassociate(lab: Lab) -> None:
    (web,) = change(lab, "DescribeAddresses", PublicIps=[WEB])["Addresses"]
    if "AssociationId" in web:
        change(lab, "DisassociateAddress", AssociationId=web["AssociationId"])


def assign(lab: Lab, name: str, address: str) -> None:
    """Map a secondary address to a machine, wherever it is."""
    eni = {"NetworkInterfaceId": lab.topology.member(name).enis[0].id}
    if ":" in address:
        unassign(lab, address)
        change(lab, "AssignIpv6Addresses", **eni, Ipv6Addresses=[address])
    else:
        more = {"PrivateIpAddresses": [address], "AllowReassignment": True}
        change(lab, "AssignPrivateIpAddresses", **eni, **more)


def unassign(lab: Lab, address: str) -> None:
    """Map a secondary address to nobody."""
    action, key = "UnassignPrivateIpAddresses", "PrivateIpAddresses"
    if ":" in address:
        action, key = "UnassignIpv6Addresses", "Ipv6Addresses"
    for eni in lab.state()["regions"][REGION]["enis"]:
        if address in (*eni["ips"], *eni["ips6"]):
            change(lab, action, NetworkInterfaceId=eni["id"], **{key: [address]})


def python(lab: Lab, where: str, code: str) -> subprocess.Popen:
    """A program on a machine, with pipes to it."""
    return subprocess.Popen(
        lab.command(where, "/usr/bin/python3", "-c", code),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def public_lab() -> Iterator[Lab]:
    running = Lab.running(PUBLIC, scenario="public", with_cluster=False)
    with running as lab, lab.serving(*lab.topology.members):
        yield lab


@pytest.fixture
def public(public_lab: Lab) -> Iterator[Lab]:
    """Everybody answers with his name; 52.9.0.12 is nobody's."""
    yield public_lab
    disassociate(public_lab)


def test_packets_elastic_ip_leads_where_it_is_associated(public: Lab) -> None:
    assert public.ask(WEB, "outside") is None
    for name in ("n1", "n2", "n1"):
        associate(public, name)
        assert public.ask(WEB, "outside") == name
        assert public.ask(OTHER, "outside") == "client"
    disassociate(public)
    assert public.ask(WEB, "outside") is None
    assert public.ask(OTHER, "outside") == "client"


def test_packets_elastic_ip_moved_clients_follow(public: Lab, tmp_path: Path) -> None:
    record = tmp_path / "client.jsonl"
    associate(public, "n1")
    with public.asking(f"http://{WEB}:{SERVICE_PORT}/", record, "outside"):
        for name in ("n1", "n2", "n1"):
            associate(public, name)
            until(
                lambda name=name: [item.who for item in client.read(record)][-1:] == [name],
                FOLLOW_S,
                f"{name} to answer",
            )
    assert len([item for item in client.read(record) if not item.ok]) <= 2


def test_packets_elastic_ip_moved_connection_ends(public: Lab) -> None:
    """What was connected to the old node is not answered by it any more, nor by the new one."""
    code = f"""
import socket
connection = socket.create_connection(("{WEB}", {SERVICE_PORT}), 5)
connection.sendall(b"GET / HTTP/1.0\\r\\n")
print("connected", flush=True)
input()
try:
    connection.sendall(b"\\r\\n")
    print(connection.recv(1000))
except ConnectionResetError:
    print("reset")
"""
    associate(public, "n1")
    with python(public, "outside", code) as program:
        assert program.stdout.readline() == "connected\n"
        associate(public, "n2")
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.stdout.readline() == "reset\n"


def test_packets_elastic_ip_of_a_secondary_address(public: Lab) -> None:
    secondary = "10.0.1.50"
    public.exec("n1", "ip", "address", "replace", f"{secondary}/32", "dev", "eth0")
    assign(public, "n1", secondary)
    associate(public, "n1", PrivateIpAddress=secondary)
    assert public.ask(WEB, "outside") == "n1"
    unassign(public, secondary)
    assert public.ask(WEB, "outside") is None


def test_packets_private_subnet_is_not_reached(public: Lab) -> None:
    """An Elastic IP is not enough: the route to the gateway has to be there as well."""
    associate(public, "client-c")
    assert public.ask(WEB, "outside") is None
    assert public.ask("198.51.100.100", "client-c") is None
    tables = public.state()["regions"][REGION]["route_tables"]
    private = next(table["id"] for table in tables if table["name"] == "private-c")
    gateway = public.state()["regions"][REGION]["vpcs"][0]["internet_gateway"]
    everywhere = {"RouteTableId": private, "DestinationCidrBlock": "0.0.0.0/0"}
    change(public, "CreateRoute", **everywhere, GatewayId=gateway)
    assert public.ask(WEB, "outside") == "client-c"
    assert public.ask("198.51.100.100", "client-c") == "outside"
    change(public, "DeleteRoute", **everywhere)
    assert public.ask(WEB, "outside") is None


def test_packets_leave_with_the_elastic_ip(public: Lab) -> None:
    """The outside sees the Elastic IP; without one nobody gets out, and private ones stay in."""
    assert public.ask("198.51.100.100", "n1") is None
    assert public.ask(public.topology.member("n1").enis[0].ip, "outside") is None
    code = """
import socket
server = socket.create_server(("", 9000))
print("ready", flush=True)
print(server.accept()[1][0], flush=True)
"""
    associate(public, "n1")
    with python(public, "outside", code) as program:
        assert program.stdout.readline() == "ready\n"
        public.exec("n1", "curl", "-s", "-m1", "telnet://198.51.100.100:9000", check=False)
        assert program.stdout.readline() == f"{WEB}\n"


def test_packets_elastic_ip_within_the_vpc(public: Lab) -> None:
    """Also from inside, an Elastic IP leads by way of the gateway: with one of one's own."""
    associate(public, "n1")
    assert public.ask(WEB, "client") == "n1"
    assert public.ask(WEB, "n2") is None
    assert public.ask(public.topology.member("n1").enis[0].ip, "n2") == "n1"


# Packets of secondary addresses.


@pytest.fixture(scope="module")
def one_subnet() -> Iterator[Lab]:
    """Both nodes answer, with the secondary addresses on both."""
    with Lab.running(ONE_SUBNET, scenario="one-subnet", with_cluster=False) as lab:
        for name in lab.topology.nodes:
            # Not preferred: nothing of its own shall leave by it.
            for address in (f"{SECONDARY}/32", f"{SECONDARY6}/128"):
                held = ("dev", "eth0", "preferred_lft", "0")
                lab.exec(name, "ip", "address", "replace", address, *held)
        with lab.serving(*lab.topology.nodes):
            yield lab


@pytest.mark.parametrize("address", [SECONDARY, SECONDARY6])
@pytest.mark.parametrize("where", ["client", "client-c"])
def test_packets_secondary_address_follows_the_mapping(
    one_subnet: Lab, address: str, where: str
) -> None:
    """Two machines have the address; the mapping decides, for neighbours as for others."""
    unassign(one_subnet, address)
    assert one_subnet.ask(address, where) is None
    assign(one_subnet, "n1", address)
    until(lambda: one_subnet.ask(address, where) == "n1", FOLLOW_S, "the address to be found")
    for name in ("n2", "n1", "n2"):
        assign(one_subnet, name, address)
        assert one_subnet.ask(address, where) == name
    unassign(one_subnet, address)
    assert one_subnet.ask(address, where) is None


def test_packets_neighbours_reach_each_other(one_subnet: Lab) -> None:
    for address in one_subnet.topology.member("n2").addresses:
        assert one_subnet.ask(address, "n1") == "n2"


@pytest.mark.parametrize(("check", "first"), [(True, "10.0.2.11"), (False, "10.0.2.50")])
def test_packets_from_a_foreign_address(one_subnet: Lab, check: bool, first: str) -> None:
    """What is sent from an address that is mapped elsewhere is dropped while the check is on."""
    target = one_subnet.topology.member("client").enis[0].ip
    listen = f"""
import socket
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("{target}", 9000))
print("ready", flush=True)
print(server.recvfrom(10)[1][0], flush=True)
"""
    send = f"""
import socket
for source in ("{SECONDARY}", "10.0.2.11"):
    sender = socket.socket(type=socket.SOCK_DGRAM)
    sender.bind((source, 0))
    sender.sendto(b"", ("{target}", 9000))
"""
    assign(one_subnet, "n1", SECONDARY)
    eni = {"NetworkInterfaceId": one_subnet.topology.member("n2").enis[0].id}
    switch = "ModifyNetworkInterfaceAttribute"
    change(one_subnet, switch, **eni, SourceDestCheck={"Value": check})
    with python(one_subnet, "client", listen) as program:
        assert program.stdout.readline() == "ready\n"
        one_subnet.exec("n2", "/usr/bin/python3", "-c", send)
        assert program.stdout.readline() == f"{first}\n"
