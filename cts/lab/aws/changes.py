# SPDX-License-Identifier: GPL-2.0-or-later
"""What changed between two snapshots of AWS's state, for the lab's list of events."""

from __future__ import annotations

from typing import Any

# How the kinds of objects in a snapshot are called in an event.
_KINDS = {
    "vpcs": "vpc",
    "subnets": "subnet",
    "route_tables": "route_table",
    "enis": "eni",
    "addresses": "address",
    "load_balancers": "load_balancer",
    "target_groups": "target_group",
    "transit_gateways": "transit_gateway",
    "tgw_attachments": "tgw_attachment",
}
Key = tuple[str, ...]


def _flatten(snapshot: dict[str, Any]) -> dict[Key, tuple[dict[str, Any], Any]]:
    """Each thing that changes by itself: what names it in an event, and its value."""
    found: dict[Key, tuple[dict[str, Any], Any]] = {}
    for zone in snapshot.get("zones", []):
        for record in zone["records"]:
            names = ("name", "type", "set_identifier")
            label = {"what": "record", "zone": zone["id"]}
            label |= {name: record[name] for name in names if record[name] is not None}
            value = {name: item for name, item in record.items() if name not in names}
            key = ("record", zone["id"], *(record[name] or "" for name in names))
            found[key] = (label, value)
    for region, content in snapshot.get("regions", {}).items():
        for kind, items in content.items():
            for item in items:
                what = _KINDS[kind]
                apart = ("id", "routes", "tables", "instance_state", "ips", "ips6")
                rest = {key: value for key, value in item.items() if key not in apart}
                label = {"what": what, "region": region, "id": item["id"]}
                if what == "address":
                    label["public_ip"] = item["public_ip"]
                    at = {"eni": item["eni"], "private_ip": item["private_ip"]}
                    rest = at if item["eni"] else None
                found[what, region, item["id"]] = (label, rest)
                for address in (*item.get("ips", []), *item.get("ips6", [])):
                    label = {"what": "private-address", "region": region, "address": address}
                    found["private-address", region, item["vpc"], address] = (label, item["id"])
                if what == "eni" and item["node"] and item["device_index"] == 0:
                    label = {"what": "instance", "node": item["node"]}
                    found["instance", item["node"]] = (label, item["instance_state"])
                _add_routes(found, "route", region, item)
                for table in item.get("tables", []):
                    rest = {"name": table["name"], "associations": table["associations"]}
                    label = {"what": "tgw-table", "region": region, "id": table["id"]}
                    found["tgw-table", region, table["id"]] = (label, rest)
                    _add_routes(found, "tgw-route", region, table)
    return found


def _add_routes(
    found: dict[Key, tuple[dict[str, Any], Any]], what: str, region: str, table: dict[str, Any]
) -> None:
    for route in table.get("routes", []):
        label = {
            "what": what,
            "region": region,
            "table": table["name"],
            "table_id": table["id"],
            "destination": route["destination"],
        }
        value = {"target": route.get("target", route.get("attachment")), "state": route["state"]}
        if "type" in route:
            value["type"] = route["type"]
        found[what, table["id"], route["destination"]] = (label, value)


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry for each object that is new, gone or different."""
    before, after = _flatten(old), _flatten(new)
    changes = []
    for key in sorted({*before, *after}):
        label, was = before.get(key, ({}, None))
        label, now = after.get(key, (label, None))
        if was != now:
            changes.append({**label, "old": was, "new": now})
    return changes
