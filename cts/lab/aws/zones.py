# SPDX-License-Identifier: GPL-2.0-or-later
"""The zones of lab.json: created in Route 53, with their records."""

from __future__ import annotations

from typing import Any

from lab.aws.cloud import Cloud
from lab.aws.labjson import LabError, lookup, need

_ROUTING = {"set_identifier": "SetIdentifier", "weight": "Weight", "failover": "Failover"}


def check(lab: dict[str, Any]) -> None:
    """Look for what every zone needs. Raises LabError."""
    for zone in lab.get("zones", []):
        need(zone, "zone", "name", "private", "records")
        where = f"zone {zone['name']!r}"
        if zone["private"] != bool(zone.get("vpcs")):
            raise LabError(f"{where}: a private zone has vpcs, a public one has none")
        for record in zone["records"]:
            need(record, f"record of {where}", "name", "type", "ttl", "values")


def seed(cloud: Cloud, topology: dict[str, Any]) -> None:
    """Create all zones and give each its id. Raises LabError, and ClientError of Route 53."""
    # Route 53 has no region: any client will do.
    route53 = cloud.client("route53", cloud.regions[0])
    for number, zone in enumerate(topology.get("zones", [])):
        vpcs = [_vpc(topology, zone, name) for name in zone.get("vpcs", [])]
        zone["id"] = route53.create_hosted_zone(
            Name=zone["name"],
            CallerReference=f"lab-{number}",
            HostedZoneConfig={"PrivateZone": zone["private"]},
            **({"VPC": vpcs[0]} if vpcs else {}),
        )["HostedZone"]["Id"].removeprefix("/hostedzone/")
        for vpc in vpcs[1:]:
            route53.associate_vpc_with_hosted_zone(HostedZoneId=zone["id"], VPC=vpc)
        changes = [
            {"Action": "CREATE", "ResourceRecordSet": _record_set(record)}
            for record in zone["records"]
        ]
        if changes:
            batch = {"Changes": changes}
            route53.change_resource_record_sets(HostedZoneId=zone["id"], ChangeBatch=batch)


def _vpc(topology: dict[str, Any], zone: dict[str, Any], name: str) -> dict[str, str]:
    vpcs = {
        f"{region}/{vpc_name}": {"VPCRegion": region, "VPCId": vpc["id"]}
        for region, content in topology["regions"].items()
        for vpc_name, vpc in content["vpcs"].items()
    }
    return lookup(vpcs, name, f"zone {zone['name']!r}: vpc")


def _record_set(record: dict[str, Any]) -> dict[str, Any]:
    """A record of lab.json as the API spells it."""
    more = {_ROUTING[name]: record[name] for name in _ROUTING if name in record}
    values = [{"Value": value} for value in record["values"]]
    common = {"Name": record["name"], "Type": record["type"], "TTL": record["ttl"]}
    return {**common, "ResourceRecords": values, **more}
