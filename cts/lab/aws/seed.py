# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds in moto what lab.json asks for, and describes the result as topology.json."""

from __future__ import annotations

import copy
import ipaddress
import json
import re
from pathlib import Path
from typing import Any

from lab.aws import balancers, gaps, hubs, policy, zones
from lab.aws.cloud import ACCOUNT, Cloud
from lab.aws.endpoints import Endpoint
from lab.aws.labjson import LabError, lookup, need

_IMAGE = "ami-0123456789abcdef0"
_TYPE = "t3.micro"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
# What the cluster's fence device needs besides the agents' own policies.
_FENCING = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ec2:DescribeInstances",
                "ec2:StartInstances",
                "ec2:StopInstances",
                "ec2:RebootInstances",
                "ec2:DescribeTags",
            ],
            "Resource": "*",
        }
    ],
}


def default_policies() -> dict[str, Any]:
    """The policies of a node's role: those the project ships in xml/iam, and fencing."""
    directory = Path(__file__).resolve().parents[3] / "xml" / "iam"
    found = {path.stem: json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))}
    return {**found, "lab-fencing": _FENCING}


class Seeder:
    """Builds one lab."""

    def __init__(self, cloud: Cloud, lab: dict[str, Any]) -> None:
        self._cloud = cloud
        self._lab = lab
        self._topology = copy.deepcopy(lab)
        self._enis: dict[str, str] = {}  # "n1", "n1:1" -> ENI id

    def check(self) -> None:
        """Look for what every part of the lab needs. Raises LabError."""
        need(self._lab, "lab", "name", "api_net", "regions", "nodes")
        for region, content in self._lab["regions"].items():
            need(content, f"region {region!r}", "vpcs")
            for name, vpc in content["vpcs"].items():
                need(vpc, f"VPC {name!r}", "cidr", "subnets", "route_tables")
                for subnet, found in vpc["subnets"].items():
                    need(found, f"subnet {subnet!r}", "cidr", "az")
        for name, machine in {**self._lab["nodes"], **self._lab.get("clients", {})}.items():
            if machine.get("internet"):
                need(machine, f"machine {name!r}", "ip")
                continue
            need(machine, f"machine {name!r}", "region", "vpc", "subnet", "ip")
            instance = machine.get("instance")
            if instance is not None and not re.fullmatch("i-[0-9a-f]{17}", instance):
                raise LabError(f"machine {name!r}: instance {instance!r} is no id such as i-0a...1")
            for eni in machine.get("extra_enis", []):
                need(eni, f"extra interface of {name!r}", "subnet", "ip")
        hubs.check(self._lab)
        balancers.check(self._lab)
        zones.check(self._lab)

    def build(self, endpoints: list[Endpoint]) -> dict[str, Any]:
        """Seed everything; returns the topology. Raises LabError."""
        topology = self._topology
        topology["account"] = ACCOUNT
        topology["endpoints"] = {name: item.address for item in endpoints for name in item.names}
        topology["services"] = [
            {
                "service": item.service,
                "region": item.region,
                "address": item.address,
                "names": item.names,
            }
            for item in endpoints
        ]
        self._cloud.regions = list(topology["regions"])
        for region in topology["regions"]:
            self._clear_default_vpc(region)
            for name, vpc in topology["regions"][region]["vpcs"].items():
                self._vpc(region, name, vpc)
        hubs.build(self._cloud, topology)
        for group in ("nodes", "clients"):
            for name, machine in topology.get(group, {}).items():
                if not machine.get("internet"):
                    self._machine(name, machine)
        for region in topology["regions"]:
            for name, vpc in topology["regions"][region]["vpcs"].items():
                for table in vpc["route_tables"].values():
                    self._routes(region, name, vpc, table)
            for name, wanted in topology["regions"][region].get("elastic_ips", {}).items():
                self._elastic_ip(region, name, wanted)
        balancers.build(self._cloud, topology)
        zones.seed(self._cloud, topology)
        return topology

    def _ec2(self, region: str) -> Any:
        return self._cloud.client("ec2", region)

    def _tag(self, kind: str, name: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]

    def _clear_default_vpc(self, region: str) -> None:
        """An account of one's own making has no default VPC."""
        ec2 = self._ec2(region)
        for vpc in ec2.describe_vpcs()["Vpcs"]:
            mine = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
            for subnet in ec2.describe_subnets(Filters=mine)["Subnets"]:
                ec2.delete_subnet(SubnetId=subnet["SubnetId"])
            ec2.delete_vpc(VpcId=vpc["VpcId"])

    def _vpc(self, region: str, name: str, vpc: dict[str, Any]) -> None:
        ec2 = self._ec2(region)
        created = ec2.create_vpc(CidrBlock=vpc["cidr"], TagSpecifications=self._tag("vpc", name))[
            "Vpc"
        ]
        vpc["id"] = created["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc["id"], EnableDnsHostnames={"Value": True})
        if vpc.get("internet_gateway"):
            self._internet_gateway(region, name, vpc)
        if vpc.get("cidr6"):
            gaps.associate_ipv6(self._cloud.backend("ec2", region), vpc["id"], vpc["cidr6"])
        mine = [{"Name": "vpc-id", "Values": [vpc["id"]]}]
        main = ec2.describe_route_tables(Filters=mine)["RouteTables"][0]["RouteTableId"]
        vpc["main_route_table"] = main
        ec2.create_tags(Resources=[main], Tags=[{"Key": "Name", "Value": f"{name}-main"}])
        for subnet_name, subnet in vpc["subnets"].items():
            options = {"Ipv6CidrBlock": subnet["cidr6"]} if subnet.get("cidr6") else {}
            subnet["id"] = ec2.create_subnet(
                VpcId=vpc["id"],
                CidrBlock=subnet["cidr"],
                AvailabilityZone=subnet["az"],
                TagSpecifications=self._tag("subnet", subnet_name),
                **options,
            )["Subnet"]["SubnetId"]
        for table_name, table in vpc["route_tables"].items():
            table["id"] = ec2.create_route_table(
                VpcId=vpc["id"], TagSpecifications=self._tag("route-table", table_name)
            )["RouteTable"]["RouteTableId"]
            for subnet_name in table.get("subnets", []):
                subnet = lookup(vpc["subnets"], subnet_name, f"route table {table_name!r}: subnet")
                ec2.associate_route_table(RouteTableId=table["id"], SubnetId=subnet["id"])

    def _machine(self, name: str, machine: dict[str, Any]) -> None:
        region = machine["region"]
        ec2 = self._ec2(region)
        vpcs = lookup(self._topology["regions"], region, f"{name}: region")["vpcs"]
        vpc = lookup(vpcs, machine["vpc"], f"{name}: vpc")
        primary = {key: machine.get(key) for key in ("subnet", "ip", "ip6")}
        machine["enis"] = []
        for index, wanted in enumerate([primary, *machine.get("extra_enis", [])]):
            subnet = lookup(vpc["subnets"], wanted["subnet"], f"{name}: subnet")
            options = {}
            if wanted.get("ip6"):
                options["Ipv6Addresses"] = [{"Ipv6Address": wanted["ip6"]}]
            label = name if index == 0 else f"{name}:{index}"
            eni = ec2.create_network_interface(
                SubnetId=subnet["id"],
                PrivateIpAddress=wanted["ip"],
                TagSpecifications=self._tag("network-interface", label),
                **options,
            )["NetworkInterface"]
            self._enis[label] = eni["NetworkInterfaceId"]
            if index == 0:
                self._enis[f"{name}:0"] = eni["NetworkInterfaceId"]
            if not wanted.get("source_dest_check", machine.get("source_dest_check", True)):
                ec2.modify_network_interface_attribute(
                    NetworkInterfaceId=eni["NetworkInterfaceId"], SourceDestCheck={"Value": False}
                )
            network = ipaddress.ip_network(subnet["cidr"])
            machine["enis"].append(
                {
                    "id": eni["NetworkInterfaceId"],
                    "mac": eni["MacAddress"],
                    "device_index": index,
                    "interface": f"eth{index}",
                    "subnet": wanted["subnet"],
                    "subnet_id": subnet["id"],
                    "ip": wanted["ip"],
                    "ip6": wanted.get("ip6"),
                    "cidr": subnet["cidr"],
                    "cidr6": subnet.get("cidr6"),
                    "gateway": str(network.network_address + 1),
                }
            )
        profile = {}
        if machine.get("role"):
            self._role(region, machine["role"])
            profile = {"IamInstanceProfile": {"Name": machine["role"]}}
        with gaps.instance_id(machine.get("instance")):
            instance = ec2.run_instances(
                ImageId=_IMAGE,
                InstanceType=_TYPE,
                MinCount=1,
                MaxCount=1,
                NetworkInterfaces=[
                    {"DeviceIndex": eni["device_index"], "NetworkInterfaceId": eni["id"]}
                    for eni in machine["enis"]
                ],
                TagSpecifications=self._tag("instance", name),
                **profile,
            )["Instances"][0]["InstanceId"]
        machine["instance"] = instance
        self._cloud.owners[instance] = name

    def _role(self, region: str, name: str) -> None:
        iam = self._cloud.client("iam", region)
        if any(role["RoleName"] == name for role in iam.list_roles()["Roles"]):
            return
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        set_policies(self._cloud, region, name, default_policies())

    def _routes(self, region: str, name: str, vpc: dict[str, Any], table: dict[str, Any]) -> None:
        ec2 = self._ec2(region)
        for destination, target in table.get("routes", {}).items():
            family = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
            if target == "local":
                if destination not in (vpc["cidr"], vpc.get("cidr6")):
                    raise LabError(f"route {destination}: 'local' is for the VPC's own blocks")
                continue
            if target == "igw":
                chosen = {"GatewayId": self._internet_gateway(region, name, vpc)}
            elif target.startswith("tgw:"):
                hub = hubs.reference(self._topology, f"{region}/{target.removeprefix('tgw:')}")
                chosen = {"TransitGatewayId": hub["id"]}
            else:
                eni = lookup(self._enis, target, f"route {destination}: target")
                chosen = {"NetworkInterfaceId": eni}
            ec2.create_route(RouteTableId=table["id"], **{family: destination}, **chosen)

    def _elastic_ip(self, region: str, name: str, wanted: dict[str, Any]) -> None:
        ec2 = self._ec2(region)
        need(wanted, f"Elastic IP {name!r}", "public_ip")
        address = ec2.allocate_address(
            Address=wanted["public_ip"], TagSpecifications=self._tag("elastic-ip", name)
        )
        wanted["id"] = address["AllocationId"]
        if wanted.get("node"):
            eni = lookup(self._enis, wanted["node"], f"Elastic IP {name!r}: node")
            ec2.associate_address(AllocationId=wanted["id"], NetworkInterfaceId=eni)

    def _internet_gateway(self, region: str, name: str, vpc: dict[str, Any]) -> str:
        if "igw" not in vpc:
            ec2 = self._ec2(region)
            vpc["igw"] = ec2.create_internet_gateway(
                TagSpecifications=self._tag("internet-gateway", name)
            )["InternetGateway"]["InternetGatewayId"]
            ec2.attach_internet_gateway(InternetGatewayId=vpc["igw"], VpcId=vpc["id"])
        return vpc["igw"]


def set_policies(cloud: Cloud, region: str, role: str, documents: dict[str, Any]) -> None:
    """Replace all inline policies of a role. Raises PolicyError."""
    for document in documents.values():
        policy.load(document)
    iam = cloud.client("iam", region)
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    for name, document in documents.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
