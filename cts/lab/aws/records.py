# SPDX-License-Identifier: GPL-2.0-or-later
"""Route 53's record sets: their names and values, and which changes of a zone are possible.

A zone's record sets are a dictionary from Key to the ResourceRecordSet of the API, as botocore's
model spells it, with names in the form Route 53 keeps them in.
"""

from __future__ import annotations

import copy
import ipaddress
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from typing import Any

from botocore.model import Shape

from lab.aws.errors import AwsError

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
_MAX_LABEL = 63
_MAX_NAME = 255
_MAX_VALUES = 1000
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
# An escaped character of a name: three octal digits, or the character itself.
_CHARACTER = re.compile(r"\\([0-7]{3})|\\(.)|(.)", re.DOTALL)
# Members that say how one of several record sets of a name and type is chosen.
_ROUTING = (
    "Weight",
    "Region",
    "GeoLocation",
    "Failover",
    "MultiValueAnswer",
    "GeoProximityLocation",
    "CidrRoutingConfig",
)
_ROUTING_NAMES = (
    "[Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, "
    "or CidrRoutingConfig]"
)
# What Route 53 has and this zone model has not.
_MISSING = ("TrafficPolicyInstanceId", "GeoProximityLocation", "CidrRoutingConfig")
Key = tuple[str, str, str | None]
RecordSet = dict[str, Any]
RecordSets = dict[Key, RecordSet]


class BatchError(ValueError):
    """Changes that are not possible; `args` are Route 53's messages."""


# Names.


def canonical_name(name: str) -> str:
    """A name in Route 53's form: lower case, octal escapes, a dot at its end.

    Raises BatchError in Route 53's words.
    """
    labels = [""]
    for octal, escaped, plain in _CHARACTER.findall(name):
        if plain == ".":
            labels.append("")
            continue
        code = int(octal, 8) if octal else ord(escaped or plain)
        if not 0x20 < code < 0x7F and not octal:
            raise _fatal("UnsupportedCharacter", "Value contains unsupported characters", name)
        character = chr(code).lower()
        labels[-1] += character if character in _PLAIN else f"\\{code:03o}"
    if labels[-1] == "":
        labels.pop()
    for label in labels:
        length = len(re.sub(r"\\\d{3}", "x", label))
        if length == 0:
            raise _fatal("DomainLabelEmpty", "Domain label is empty", name)
        if length > _MAX_LABEL:
            raise _fatal("DomainLabelTooLong", "Domain label is too long", name)
    if sum(len(label) + 1 for label in labels) > _MAX_NAME:
        raise _fatal("DomainNameTooLong", "Domain name is too long", name)
    return ".".join([*labels, ""])


def name_of(labels: Iterable[bytes]) -> str:
    """The canonical name of labels as DNS carries them."""
    octal = ["".join(f"\\{code:03o}" for code in label) for label in labels]
    return canonical_name(".".join(octal))


def sort_key(name: str) -> str:
    """By what ListHostedZonesByName and ListResourceRecordSets sort a canonical name."""
    return ".".join(reversed(name.rstrip(".").split("."))) + "."


def _fatal(code: str, text: str, value: str) -> BatchError:
    return BatchError(f"FATAL problem: {code} ({text}) encountered with '{value}'")


# Reading a ChangeResourceRecordSets request.


def read_batch(body: bytes, shape: Shape) -> dict[str, Any]:
    """The ChangeBatch of a request; `shape` is that of botocore's model. Raises AwsError."""
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise AwsError("InvalidInput", f"Invalid XML ; {error}") from None
    if root.tag != f"{{{NAMESPACE}}}ChangeResourceRecordSetsRequest":
        text = "ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest"
        raise AwsError("MalformedInput", text)
    if [child.tag for child in root] != [f"{{{NAMESPACE}}}ChangeBatch"]:
        raise _unexpected(root[0].tag if len(root) else "", ["ChangeBatch"])
    return _read(root[0], shape.members["ChangeBatch"])


def _unexpected(tag: str, allowed: list[str]) -> AwsError:
    name = tag.rpartition("}")[2]
    text = "Invalid XML ; cvc-complex-type.2.4.a: Invalid content was found starting with "
    text += f"element '{name}'. One of '{{{', '.join(allowed)}}}' is expected."
    return AwsError("InvalidInput", text)


def _read(node: ET.Element, shape: Shape) -> Any:
    if shape.type_name == "structure":
        return _read_structure(node, shape)
    if shape.type_name == "list":
        name = shape.member.serialization["name"]
        for child in node:
            if child.tag != f"{{{NAMESPACE}}}{name}":
                raise _unexpected(child.tag, [name])
        if len(node) < shape.metadata.get("min", 0):
            text = f"The content of element '{node.tag.rpartition('}')[2]}' is not complete."
            text += f" One of '{{{name}}}' is expected."
            raise AwsError("InvalidInput", f"Invalid XML ; cvc-complex-type.2.4.b: {text}")
        return [_read(child, shape.member) for child in node]
    return _read_scalar(node.tag.rpartition("}")[2], node.text or "", shape)


def _read_structure(node: ET.Element, shape: Shape) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in node:
        name = child.tag.removeprefix(f"{{{NAMESPACE}}}")
        if name not in shape.members or name in found:
            raise _unexpected(child.tag, list(shape.members))
        found[name] = _read(child, shape.members[name])
    for name in shape.required_members:
        if name not in found:
            text = f"The content of element '{node.tag.rpartition('}')[2]}' is not complete."
            text += f" One of '{{{name}}}' is expected."
            raise AwsError("InvalidInput", f"Invalid XML ; cvc-complex-type.2.4.b: {text}")
    return found


def _read_scalar(name: str, text: str, shape: Shape) -> Any:
    allowed = shape.metadata.get("enum")
    if allowed and text not in allowed:
        raise AwsError(
            "InvalidInput",
            f"Invalid XML ; cvc-enumeration-valid: Value '{text}' is not facet-valid with respect "
            f"to enumeration '[{', '.join(allowed)}]'. It must be a value from the enumeration.",
        )
    value: Any = text
    size = len(text)
    if shape.type_name in ("long", "integer"):
        if not re.fullmatch(r"[+-]?\d{1,18}", text):
            raise _invalid_value(name, text, f"a valid value for '{shape.type_name}'")
        value = size = int(text)
    elif shape.type_name == "boolean":
        if text not in ("true", "false"):
            raise _invalid_value(name, text, "a valid value for 'boolean'")
        return text == "true"
    low, high = shape.metadata.get("min", size), shape.metadata.get("max", size)
    if not low <= size <= high:
        raise _invalid_value(name, text, f"from {low} to {high}")
    return value


def _invalid_value(name: str, text: str, wanted: str) -> AwsError:
    message = f"Invalid XML ; cvc-type.3.1.3: The value '{text}' of element '{name}' is not valid:"
    return AwsError("InvalidInput", f"{message} it is not {wanted}.")


# What a batch may say.


def _named(action: str, wanted: RecordSet) -> str:
    """The words in which Route 53 names a change of a request that it cannot understand."""
    identifier = wanted.get("SetIdentifier", "null")
    return (
        f"Change with [Action={action}, Name={wanted['Name']}, Type={wanted['Type']}, "
        f"SetIdentifier={identifier}]"
    )


def check_request(batch: dict[str, Any]) -> None:
    """Refuse what is not a request for a change at all. Raises AwsError."""
    count = 0
    for change in batch["Changes"]:
        action, wanted = change["Action"], change["ResourceRecordSet"]
        problem = _incomplete(wanted)
        if problem is not None:
            text = f"Invalid request: {problem} in {_named(action, wanted)}"
            raise AwsError("InvalidInput", text)
        size = len(wanted.get("ResourceRecords", []))
        count += 2 * size if action == "UPSERT" else size
    if count > _MAX_VALUES:
        text = f"Number of records limit of {_MAX_VALUES} exceeded."
        raise AwsError("InvalidChangeBatch", f"[{text}]")


def _incomplete(wanted: RecordSet) -> str | None:
    """What is missing from a record set, or too much of it."""
    for name in _MISSING:
        if name in wanted:
            return f"The lab has no {name}"
    either = "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
    either += "TrafficPolicyInstanceId], but found"
    values = "TTL" in wanted and "ResourceRecords" in wanted
    if "AliasTarget" in wanted and ("TTL" in wanted or "ResourceRecords" in wanted):
        return f"{either} more than one"
    if "AliasTarget" not in wanted and not values:
        return f"{either} none"
    chosen = [name for name in _ROUTING if name in wanted]
    if chosen and "SetIdentifier" not in wanted:
        return "Missing field 'SetIdentifier'"
    if "SetIdentifier" in wanted and len(chosen) != 1:
        number = "more than one" if chosen else "none"
        return f"Expected exactly one of {_ROUTING_NAMES}, but found {number}"
    return None


def key_of(record: RecordSet) -> Key:
    """What tells a record set from all others of its zone."""
    return record["Name"], record["Type"], record.get("SetIdentifier")


def apply(zone: str, old: RecordSets, changes: list[dict[str, Any]]) -> RecordSets:
    """The record sets of a zone after a batch of changes; `old` stays as it is.

    Raises BatchError with all that is wrong: a batch is done whole or not at all.
    """
    new = dict(old)
    messages: list[str] = []
    done: Counter[tuple[str, Key]] = Counter()
    for change in changes:
        wanted = copy.deepcopy(change["ResourceRecordSet"])
        try:
            wanted["Name"] = canonical_name(wanted["Name"])
            alias = wanted.get("AliasTarget")
            if alias is not None:
                alias["DNSName"] = canonical_name(alias["DNSName"])
            _change(zone, new, change["Action"], wanted, done)
        except BatchError as error:
            messages += error.args
    messages += _left(zone, new) if not messages else []
    if messages:
        raise BatchError(*messages)
    return new


def _change(
    zone: str, new: RecordSets, action: str, wanted: RecordSet, done: Counter[tuple[str, Key]]
) -> None:
    key = key_of(wanted)
    before = {name for name in ("CREATE", "DELETE", "UPSERT") if done[name, key]}
    done[action, key] += 1
    # Only delete and create, in this order, go together.
    if before and not (before == {"DELETE"} and action == "CREATE"):
        raise BatchError(
            "The request contains an invalid set of changes for a resource record set "
            f"'{wanted['Type']} {wanted['Name']}'"
        )
    if wanted["Name"] != zone and not wanted["Name"].endswith("." + zone):
        text = f"RRSet with DNS name {wanted['Name']} is not permitted in zone {zone}"
        raise BatchError(text)
    if action == "DELETE":
        _delete(new, key, wanted)
        return
    if action == "CREATE" and key in new:
        text = f"Tried to create resource record set {_bracketed(wanted)} but it already exists"
        raise BatchError(text)
    _check_values(wanted)
    _check_neighbours(zone, new, key, wanted)
    new[key] = wanted


def _bracketed(record: RecordSet) -> str:
    text = f"name='{record['Name']}', type='{record['Type']}'"
    if "SetIdentifier" in record:
        text += f", set-identifier='{record['SetIdentifier']}'"
    return f"[{text}]"


def _delete(new: RecordSets, key: Key, wanted: RecordSet) -> None:
    tried = f"Tried to delete resource record set {_bracketed(wanted)}"
    if key not in new:
        raise BatchError(f"{tried} but it was not found")
    if _comparable(new[key]) != _comparable(wanted):
        raise BatchError(f"{tried} but the values provided do not match the current values")
    del new[key]


def _comparable(record: RecordSet) -> RecordSet:
    """The order of values has no meaning."""
    found = dict(record)
    if "ResourceRecords" in found:
        found["ResourceRecords"] = sorted(item["Value"] for item in found["ResourceRecords"])
    return found


def _check_values(wanted: RecordSet) -> None:
    values = [item["Value"] for item in wanted.get("ResourceRecords", [])]
    for value, count in Counter(values).items():
        if count > 1:
            raise BatchError(f"Duplicate Resource Record: '{value}'")
        _check_value(wanted["Type"], value)
    if wanted["Type"] == "CNAME" and len(values) > 1:
        raise BatchError(
            f"RRSet of type CNAME with DNS name {wanted['Name']} has more than one value"
        )


def _check_value(kind: str, value: str) -> None:
    problem = None
    if kind == "A" and not _is_address(value, ipaddress.IPv4Address):
        problem = _fatal("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address", value)
    elif kind == "AAAA" and not _is_address(value, ipaddress.IPv6Address):
        problem = _fatal("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address", value)
    elif kind in ("CNAME", "NS", "PTR"):
        try:
            canonical_name(value)
        except BatchError as error:
            problem = error
    elif kind in ("TXT", "SPF") and not re.fullmatch(r'\s*("(\\.|[^"\\])*"\s*)+', value):
        problem = _fatal(
            "InvalidCharacterString", "Value should be enclosed in quotation marks", value
        )
    if problem is not None:
        raise BatchError(f"Invalid Resource Record: '{problem}'")


def _is_address(text: str, kind: type) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return "%" not in text


def _check_neighbours(zone: str, new: RecordSets, key: Key, wanted: RecordSet) -> None:
    """What else there may be of the same name."""
    name, kind, identifier = key
    same_name = {item[1] for item in new if item[0] == name}
    if kind == "CNAME" and name == zone:
        text = f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"
        raise BatchError(text)
    if kind == "CNAME" and same_name - {"CNAME"}:
        raise BatchError(
            f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with "
            f"other records with the same DNS name in zone {zone}"
        )
    if kind != "CNAME" and "CNAME" in same_name:
        raise BatchError(
            f"RRSet of type {kind} with DNS name {name} is not permitted because a conflicting "
            f"RRSet of type CNAME with the same DNS name already exists in zone {zone}"
        )
    cannot = f"RRSet with DNS name {name}, type {kind}, SetIdentifier {identifier or 'null'} cannot"
    for other, record in new.items():
        if other[:2] != key[:2] or other == key:
            continue
        if identifier is None:
            raise BatchError(
                f"{cannot} be created as other RRSets exist with the same name and type."
            )
        if _routing(record) != _routing(wanted):
            raise BatchError(
                f"{cannot} be created because a non {_routing(wanted)} rrset exists with the same "
                "name and type."
            )


def _routing(record: RecordSet) -> str | None:
    """How one of several record sets is chosen, None for the only one."""
    names = {"Weight": "weighted", "Region": "latency", "GeoLocation": "geolocation"}
    names |= {"Failover": "failover", "MultiValueAnswer": "multivalue answer"}
    return next((names[name] for name in _ROUTING if name in record), None)


def _left(zone: str, new: RecordSets) -> list[str]:
    """What a zone cannot be without."""
    messages = []
    if (zone, "SOA", None) not in new:
        messages.append("A HostedZone must contain exactly one SOA record.")
    if (zone, "NS", None) not in new:
        messages.append("A HostedZone must contain at least one NS record for the zone itself.")
    return messages
