# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the load balancers and target groups of lab.json in moto."""

from __future__ import annotations

import ipaddress
from typing import Any

from lab.aws.cloud import Cloud
from lab.aws.labjson import LabError, lookup, need

# A balancer's namespace and the router's ports to it are named after it; a port has 15 characters.
_MAX_NAME = 9
# AWS keeps the first four addresses of a subnet for itself.
_FIRST_ADDRESS = 4
# The shortest interval and timeout that AWS's API takes; lab.json may ask for less.
_MIN_INTERVAL_S, _MIN_TIMEOUT_S = 5, 2


def check(lab: dict[str, Any]) -> None:
    """Look for what every load balancer and target group of lab.json needs. Raises LabError."""
    for name, group in lab.get("target_groups", {}).items():
        where = f"target group {name!r}"
        need(group, where, "region", "vpc", "port", "health_check", "targets")
        for target in group["targets"]:
            lookup(lab["nodes"], target, f"{where}: target")
    for name, balancer in lab.get("load_balancers", {}).items():
        where = f"load balancer {name!r}"
        need(balancer, where, "region", "vpc", "subnets", "listeners")
        if len(name) > _MAX_NAME:
            raise LabError(f"{where}: a name of at most {_MAX_NAME} characters is needed here")
        for listener in balancer["listeners"]:
            need(listener, f"{where}: listener", "port", "target_group")
            lookup(lab.get("target_groups", {}), listener["target_group"], f"{where}: target group")


def build(cloud: Cloud, topology: dict[str, Any]) -> None:
    """Make them; machines and subnets are there already.

    Adds ids, addresses and names to their entries in the topology. Raises LabError.
    """
    for name, group in topology.get("target_groups", {}).items():
        _target_group(cloud, topology, name, group)
    for name, balancer in topology.get("load_balancers", {}).items():
        _load_balancer(cloud, topology, name, balancer)


def _vpc(topology: dict[str, Any], item: dict[str, Any], where: str) -> dict[str, Any]:
    region = lookup(topology["regions"], item["region"], f"{where}: region")
    return lookup(region["vpcs"], item["vpc"], f"{where}: vpc")


def _target_group(cloud: Cloud, topology: dict[str, Any], name: str, group: dict[str, Any]) -> None:
    elb = cloud.client("elasticloadbalancing", group["region"])
    check, options = group["health_check"], {}
    interval_s, timeout_s = check.get("interval_s", 30), check.get("timeout_s", 6)
    if "path" in check:
        options["HealthCheckPath"] = check["path"]
    group["arn"] = elb.create_target_group(
        Name=name,
        Protocol="TCP",
        Port=group["port"],
        VpcId=_vpc(topology, group, f"target group {name!r}")["id"],
        TargetType="instance",
        HealthCheckProtocol=check.get("protocol", "TCP"),
        HealthCheckPort=str(check.get("port", "traffic-port")),
        HealthCheckIntervalSeconds=max(interval_s, _MIN_INTERVAL_S),
        HealthCheckTimeoutSeconds=max(timeout_s, _MIN_TIMEOUT_S),
        HealthyThresholdCount=check.get("healthy", 2),
        UnhealthyThresholdCount=check.get("unhealthy", 2),
        **options,
    )["TargetGroups"][0]["TargetGroupArn"]
    model = cloud.backend("elasticloadbalancing", group["region"]).target_groups[group["arn"]]
    model.health_check_interval_seconds = interval_s
    model.health_check_timeout_seconds = timeout_s
    _attributes(elb.modify_target_group_attributes, group, TargetGroupArn=group["arn"])
    targets = [{"Id": topology["nodes"][target]["instance"]} for target in group["targets"]]
    if targets:
        elb.register_targets(TargetGroupArn=group["arn"], Targets=targets)


def _load_balancer(
    cloud: Cloud, topology: dict[str, Any], name: str, balancer: dict[str, Any]
) -> None:
    where = f"load balancer {name!r}"
    vpc = _vpc(topology, balancer, where)
    elb = cloud.client("elasticloadbalancing", balancer["region"])
    subnets = {
        subnet: lookup(vpc["subnets"], subnet, f"{where}: subnet") for subnet in balancer["subnets"]
    }
    created = elb.create_load_balancer(
        Name=name,
        Type="network",
        Scheme="internal",
        Subnets=[subnet["id"] for subnet in subnets.values()],
    )["LoadBalancers"][0]
    balancer["arn"], balancer["dns_name"] = created["LoadBalancerArn"], created["DNSName"]
    _attributes(elb.modify_load_balancer_attributes, balancer, LoadBalancerArn=balancer["arn"])
    for listener in balancer["listeners"]:
        group = topology["target_groups"][listener["target_group"]]
        forward = {"Type": "forward", "TargetGroupArn": group["arn"]}
        listener["arn"] = elb.create_listener(
            LoadBalancerArn=balancer["arn"],
            Protocol="TCP",
            Port=listener["port"],
            DefaultActions=[forward],
        )["Listeners"][0]["ListenerArn"]
    balancer["enis"] = [
        _interface(cloud, balancer, name, subnet, index)
        for index, subnet in enumerate(subnets.items())
    ]


def _attributes(modify: Any, item: dict[str, Any], **of: str) -> None:
    wanted = item.get("attributes", {})
    if wanted:
        modify(**of, Attributes=[{"Key": key, "Value": value} for key, value in wanted.items()])


def _interface(
    cloud: Cloud,
    balancer: dict[str, Any],
    name: str,
    subnet: tuple[str, dict[str, Any]],
    index: int,
) -> dict[str, Any]:
    """The balancer's interface in one of its subnets, at the first address that is free."""
    subnet_name, entry = subnet
    region = balancer["region"]
    taken = {eni.private_ip_address for eni in cloud.backend("ec2", region).enis.values()}
    network = ipaddress.ip_network(entry["cidr"])
    hosts = (str(network[number]) for number in range(_FIRST_ADDRESS, network.num_addresses - 1))
    address = next(host for host in hosts if host not in taken)
    eni = cloud.client("ec2", region).create_network_interface(
        SubnetId=entry["id"],
        PrivateIpAddress=address,
        Description=f"ELB {balancer['arn'].partition('loadbalancer/')[2]}",
    )["NetworkInterface"]
    return {
        "id": eni["NetworkInterfaceId"],
        "mac": eni["MacAddress"],
        "device_index": index,
        "subnet": subnet_name,
        "ip": address,
        "ip6": None,
    }
