# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables for people: AWS's state, requests and faults of a lab."""

import time
from collections.abc import Iterable
from typing import Any

from lab import reach


def table(rows: Iterable[Iterable[Any]]) -> str:
    """Columns as wide as their widest entry; None is shown as a dash."""
    texts = [["-" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )


def requests(log: list[dict[str, Any]]) -> str:
    """The request log: time, node, region, service, action, status and bytes."""
    rows: list[list[Any]] = [
        ["TIME", "NODE", "REGION", "SERVICE", "ACTION", "STATUS", "IN", "OUT", "MS", "FAULT"]
    ]
    for entry in log:
        clock = time.strftime("%H:%M:%S", time.localtime(entry["wall"]))
        status = f"{entry['status']} {entry['code']}" if entry["code"] else entry["status"]
        rows.append(
            [
                f"{clock}.{int(entry['wall'] * 1000) % 1000:03}",
                entry["node"],
                entry["region"],
                entry["service"],
                entry["action"],
                status,
                entry["bytes_in"],
                entry["bytes_out"],
                round((entry["ended"] - entry["started"]) * 1000),
                entry["fault"],
            ]
        )
    return table(rows)


def state(snapshot: dict[str, Any], health: dict[str, dict[str, Any]]) -> str:
    """Instances, routes, addresses and balancers, region by region; records, zone by zone.

    `health` has what DescribeTargetHealth says, by target group and instance.
    """
    reached = _reached(snapshot)
    parts = [
        f"{name}\n{_region(region, health, reached.get(name, {}))}"
        for name, region in snapshot["regions"].items()
    ]
    return "\n\n".join([*parts, *map(_zone, snapshot["zones"])])


def _reached(snapshot: dict[str, Any]) -> dict[str, dict[tuple[str, str], str]]:
    """By region, then by table and destination: where a route to one address leads in the end.

    Only for labs with transit gateways: in one VPC the target says it.
    """
    if not any(region["transit_gateways"] for region in snapshot["regions"].values()):
        return {}
    found: dict[str, dict[tuple[str, str], str]] = {}
    for destination in reach.addresses(snapshot):
        for region, ways in reach.follow(snapshot, destination).items():
            for label, way in ways.items():
                end = way.node or f"nowhere: {way.reason}"
                found.setdefault(region, {})[label, destination] = end
    return found


def _zone(zone: dict[str, Any]) -> str:
    kind = "private" if zone["private"] else "public"
    rows: list[list[Any]] = [["RECORD", "TYPE", "TTL", "SET", "WEIGHT", "VALUES"]]
    rows += [
        [
            record["name"],
            record["type"],
            record["ttl"],
            record["set_identifier"],
            record["weight"],
            " ".join(record["values"]),
        ]
        for record in zone["records"]
    ]
    return f"{zone['name']} {kind} {zone['id']}\n\n{table(rows)}"


def _region(
    region: dict[str, Any],
    health: dict[str, dict[str, Any]],
    reached: dict[tuple[str, str], str],
) -> str:
    owners = {
        eni["id"]: f"{eni['node']} eth{eni['device_index']}"
        for eni in region["enis"]
        if eni["node"]
    }
    owners |= {gateway["id"]: gateway["name"] for gateway in region["transit_gateways"]}
    parts = [_interfaces(region, owners), _routes(region, owners, reached)]
    if region["transit_gateways"]:
        parts += _transit_gateways(region, reached)
    if region["addresses"]:
        addresses: list[list[Any]] = [["ELASTIC IP", "ALLOCATION", "INTERFACE", "PRIVATE"]]
        addresses += [
            [entry["public_ip"], entry["id"], entry["eni"], entry["private_ip"]]
            for entry in region["addresses"]
        ]
        parts.append(table(addresses))
    if region["load_balancers"]:
        parts += _balancers(region, health)
    return "\n\n".join(parts)


def _interfaces(region: dict[str, Any], owners: dict[str, str]) -> str:
    subnets = {subnet["id"]: subnet["name"] for subnet in region["subnets"]}
    rows: list[list[Any]] = [["INTERFACE", "OF", "SUBNET", "ADDRESSES", "CHECK", "INSTANCE"]]
    rows += [
        [
            eni["id"],
            owners.get(eni["id"]),
            subnets[eni["subnet"]],
            " ".join([*eni["ips"], *eni["ips6"]]),
            "on" if eni["source_dest_check"] else "off",
            f"{eni['instance']} {eni['instance_state']}" if eni["instance"] else None,
        ]
        for eni in region["enis"]
    ]
    return table(rows)


def _routes(
    region: dict[str, Any], owners: dict[str, str], reached: dict[tuple[str, str], str]
) -> str:
    vpcs = {vpc["id"]: vpc["name"] for vpc in region["vpcs"]}
    # Without transit gateways the last column is empty, and so not there.
    reaches = "REACHES" if reached else ""
    rows: list[list[Any]] = [["ROUTE TABLE", "", "DESTINATION", "TARGET", "", "STATE", reaches]]
    rows += [
        [
            entry["name"],
            entry["id"],
            route["destination"],
            route["target"],
            owners.get(route["target"], ""),
            route["state"],
            reached.get((f"{vpcs[entry['vpc']]}/{entry['name']}", route["destination"]), ""),
        ]
        for entry in region["route_tables"]
        for route in entry["routes"]
    ]
    return table(rows)


def _transit_gateways(region: dict[str, Any], reached: dict[tuple[str, str], str]) -> list[str]:
    vpcs = {vpc["id"]: vpc["name"] for vpc in region["vpcs"]}
    tables = {
        entry["id"]: f"{gateway['name']}/{entry['name']}"
        for gateway in region["transit_gateways"]
        for entry in gateway["tables"]
    }
    ends = {
        item["id"]: (
            f"VPC {vpcs.get(item['resource'], item['resource'])}"
            if item["type"] == "vpc"
            else f"peer in {item['peer_region']}"
        )
        for item in region["tgw_attachments"]
    }
    gateways = {gateway["id"]: gateway["name"] for gateway in region["transit_gateways"]}
    attachments: list[list[Any]] = [["TRANSIT GATEWAY", "ATTACHMENT", "TO", "TABLE", "STATE"]]
    attachments += [
        [
            gateways.get(item["tgw"], item["tgw"]),
            item["id"],
            ends[item["id"]],
            tables.get(item["table"]),
            item["state"],
        ]
        for item in region["tgw_attachments"]
    ]
    routes: list[list[Any]] = [
        ["TRANSIT TABLE", "", "DESTINATION", "ATTACHMENT", "TO", "TYPE", "STATE", "REACHES"]
    ]
    routes += [
        [
            tables[entry["id"]],
            entry["id"],
            route["destination"],
            route["attachment"],
            ends.get(route["attachment"]),
            route["type"],
            route["state"],
            reached.get((tables[entry["id"]], route["destination"]), ""),
        ]
        for gateway in region["transit_gateways"]
        for entry in gateway["tables"]
        for route in entry["routes"]
    ]
    return [table(attachments), table(routes)]


def _balancers(region: dict[str, Any], health: dict[str, dict[str, Any]]) -> list[str]:
    groups = {group["id"]: group["name"] for group in region["target_groups"]}
    listeners: list[list[Any]] = [["LOAD BALANCER", "PORT", "TARGET GROUP", "DNS NAME"]]
    listeners += [
        [
            balancer["name"],
            listener["port"],
            " ".join(groups.get(group, group) for group in listener["target_groups"]),
            balancer["dns_name"],
        ]
        for balancer in region["load_balancers"]
        for listener in balancer["listeners"]
    ]
    targets: list[list[Any]] = [["TARGET GROUP", "TARGET", "PORT", "HEALTH", ""]]
    targets += [
        [
            group["name"],
            target["node"] or target["id"],
            target["port"],
            health[group["id"]][target["id"]]["State"],
            health[group["id"]][target["id"]].get("Reason", ""),
        ]
        for group in region["target_groups"]
        for target in group["targets"]
    ]
    return [table(listeners), table(targets)]


def faults(rules: list[dict[str, Any]]) -> str:
    """The fault rules in force."""
    if not rules:
        return "No faults."
    head = ["ID", "SERVICE:ACTION", "KIND", "LEFT", "NODE", "REGION", "PARAM", "HITS"]
    rows: list[list[Any]] = [head]
    for rule in rules:
        action = f":{rule['action']}" if rule["action"] else ""
        match = "".join(f" {key}={value}" for key, value in rule["match"].items())
        rows.append(
            [
                rule["id"],
                f"{rule['service']}{action}{match}",
                rule["kind"],
                rule["count"],
                rule["node"],
                rule["region"],
                rule["param"],
                rule["hits"],
            ]
        )
    return table(rows)
