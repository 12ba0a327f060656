# SPDX-License-Identifier: GPL-2.0-or-later
"""Where Route 53 behaves otherwise than moto 5.2.5, and how its changes get to the name servers.

moto keeps the zones. What is asked of their record sets is answered here: a batch of changes is
one transaction, and PENDING until the name servers have it. The API shows it at once.
"""

from __future__ import annotations

import contextlib
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.model import ServiceModel
from moto.core.responses import ActionResult
from moto.route53.models import FakeZone, RecordSet, Route53Backend
from moto.route53.responses import Route53

from lab.aws import records
from lab.aws.errors import AwsError
from lab.aws.records import BatchError, Key, RecordSets

CHANGE = "ChangeResourceRecordSets"
_ID_ALPHABET = string.ascii_uppercase + string.digits
_MAX_RECORDS = 300
_MAX_ZONES = 100
# Members of a ResourceRecordSet, and what moto's class calls them where it is not the same.
_ATTRIBUTES = {
    "Name": "name",
    "Type": "type",
    "SetIdentifier": "set_identifier",
    "Weight": "weight",
    "Region": "region",
    "GeoLocation": "geo_location",
    "Failover": "failover",
    "MultiValueAnswer": "multi_value_answer",
    "TTL": "ttl",
    "ResourceRecords": "resource_records",
    "AliasTarget": "alias_target",
    "HealthCheckId": "health_check_id",
}


# Changes on their way to the name servers.


@dataclass
class Change:
    """An accepted change: what the zone's record sets were before it; `delay_s` is its own."""

    id: str
    zone: str
    submitted: datetime
    accepted: float
    delay_s: float | None
    before: dict[Key, dict[str, Any] | None]
    comment: str | None = None
    in_sync: bool = False


class Ledger:
    """Every change that was accepted, and whether the name servers have it yet."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.list_errors = False
        self._changes: dict[str, Change] = {}
        self._next_delay_s: float | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def delayed(self, delay_s: float | None) -> Iterator[None]:
        """Inside, an accepted change has a delay of its own; None is everybody's."""
        self._next_delay_s = delay_s
        try:
            yield
        finally:
            self._next_delay_s = None

    def release(self) -> None:
        """Take back the delays that changes have of their own."""
        with self._lock:
            for change in self._changes.values():
                change.delay_s = None

    def submit(
        self, zone: str, before: dict[Key, dict[str, Any] | None], comment: str | None = None
    ) -> Change:
        """Enter a change."""
        change = Change(
            "C" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(20)),
            zone,
            datetime.now(UTC),
            time.monotonic(),
            self._next_delay_s,
            before,
            comment,
        )
        with self._lock:
            self._changes[change.id] = change
        return change

    def info(self, change_id: str) -> dict[str, Any]:
        """The ChangeInfo of a change. Raises AwsError when there is none."""
        with self._lock:
            change = self._changes.get(change_id.removeprefix("/change/"))
            if change is None:
                text = f"Could not find resource with ID: {change_id}"
                raise AwsError("NoSuchChange", text, 404)
            return {
                "Id": f"/change/{change.id}",
                "Status": "INSYNC" if self._arrived(change) else "PENDING",
                "SubmittedAt": change.submitted,
                "Comment": change.comment,
            }

    def published(self, zones: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        """Zones of a snapshot as the name servers have them: without what is PENDING; and
        whether that is all of them, for good."""
        with self._lock:
            newest_first = list(reversed(self._changes.values()))
            undone = {zone["id"]: self._undo(zone["id"], newest_first) for zone in zones}
            complete = all(self._arrived(change) for change in newest_first)
        return [_without(zone, undone[zone["id"]]) for zone in zones], complete

    def _undo(self, zone: str, newest_first: list[Change]) -> dict[Key, dict[str, Any] | None]:
        """The record sets to put back: each as it was before the first change of it that is
        pending and that no later change has overtaken."""
        undone: dict[Key, dict[str, Any] | None] = {}
        overtaken: set[Key] = set()
        for change in newest_first:
            if change.zone != zone:
                continue
            if self._arrived(change):
                overtaken.update(change.before)
            else:
                undone |= {k: old for k, old in change.before.items() if k not in overtaken}
        return undone

    def _arrived(self, change: Change) -> bool:
        if not change.in_sync:
            delay_s = self.delay_s if change.delay_s is None else change.delay_s
            change.in_sync = time.monotonic() >= change.accepted + delay_s
        return change.in_sync


def _without(zone: dict[str, Any], undone: dict[Key, dict[str, Any] | None]) -> dict[str, Any]:
    kept = [r for r in zone["records"] if (r["name"], r["type"], r["set_identifier"]) not in undone]
    return {**zone, "records": kept + [old for old in undone.values() if old is not None]}


# The zones in moto.


def snapshot(backend: Route53Backend) -> list[dict[str, Any]]:
    """All zones with their record sets, as /state shows them."""
    return [
        {
            "id": zone.resource_id,
            "name": zone.name,
            "private": zone.private_zone,
            "vpcs": [vpc["vpc_id"] for vpc in zone.vpcs],
            "records": [_summary(record) for record in zone.rrsets],
        }
        for zone in backend.zones.values()
    ]


def _summary(record: RecordSet) -> dict[str, Any]:
    return {
        "name": record.name,
        "type": record.type,
        "ttl": record.ttl,
        "values": list(record.records),
        "set_identifier": record.set_identifier,
        "weight": record.weight,
        "failover": record.failover,
    }


def _content(zone: FakeZone) -> dict[Key, RecordSet]:
    return {(r.name, r.type, r.set_identifier): r for r in zone.rrsets}


def _document(record: RecordSet) -> dict[str, Any]:
    """A record set of moto's as the API spells it."""
    found = {name: getattr(record, attribute) for name, attribute in _ATTRIBUTES.items()}
    return {name: value for name, value in found.items() if value is not None}


def _record(document: dict[str, Any]) -> RecordSet:
    values = [item["Value"] for item in document.get("ResourceRecords", [])]
    return RecordSet({**document, "ResourceRecords": values})


def _sorted(content: dict[Key, RecordSet]) -> list[tuple[tuple[str, str, str], RecordSet]]:
    """In the order of ListResourceRecordSets, each with what it is sorted by."""
    keyed = [((records.sort_key(n), t, i or ""), item) for (n, t, i), item in content.items()]
    return sorted(keyed, key=lambda pair: pair[0])


def _zone(backend: Route53Backend, zone_id: str) -> FakeZone:
    zone = backend.zones.get(zone_id.removeprefix("/hostedzone/"))
    if zone is None:
        raise AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}", 404)
    return zone


def _name(text: str, code: str) -> str:
    try:
        return records.canonical_name(text)
    except BatchError as error:
        raise AwsError(code, str(error)) from None


def _page_size(response: Route53, most: int) -> int:
    text = response._get_param("MaxItems")
    if text is None:
        return most
    if not str(text).isdecimal() or int(text) < 1:
        raise AwsError("InvalidInput", f"Invalid value for MaxItems: '{text}'")
    return min(int(text), most)


class _Answers:
    """What moto's Route 53 answers in place of its own methods of these names."""

    def __init__(self, ledger: Ledger, model: ServiceModel) -> None:
        self._ledger = ledger
        self._request = model.operation_model(CHANGE).input_shape

    def change_resource_record_sets(self, response: Route53) -> ActionResult:
        """All changes of a batch or none."""
        zone = _zone(response.backend, response._get_param("HostedZoneId"))
        batch = records.read_batch(response.raw_body, self._request)
        records.check_request(batch)
        self._check_health_checks(response.backend, batch)
        have = _content(zone)
        old: RecordSets = {key: _document(record) for key, record in have.items()}
        try:
            new = records.apply(zone.name, old, batch["Changes"])
        except BatchError as error:
            listed = list(error.args) if self._ledger.list_errors else None
            text = f"[{', '.join(error.args)}]"
            raise AwsError("InvalidChangeBatch", text, listed=listed) from None
        touched = {key for key in {*old, *new} if old.get(key) != new.get(key)}
        before = {key: _summary(have[key]) if key in have else None for key in touched}
        zone.rrsets = [have[key] if key not in touched else _record(new[key]) for key in new]
        change = self._ledger.submit(zone.resource_id, before, batch.get("Comment"))
        return ActionResult({"ChangeInfo": self._ledger.info(change.id)})

    @staticmethod
    def _check_health_checks(backend: Route53Backend, batch: dict[str, Any]) -> None:
        for change in batch["Changes"]:
            check = change["ResourceRecordSet"].get("HealthCheckId")
            if check is not None and check not in backend.health_checks:
                text = f"A health check with id {check} does not exist."
                raise AwsError("NoSuchHealthCheck", text, 404)

    def get_change(self, response: Route53) -> ActionResult:
        """PENDING or INSYNC."""
        return ActionResult({"ChangeInfo": self._ledger.info(response._get_param("Id"))})

    @staticmethod
    def get_hosted_zone(response: Route53) -> ActionResult:
        """A zone, with its VPCs when it is private and its name servers when it is public."""
        zone = _zone(response.backend, response._get_param("Id"))
        result: dict[str, Any] = {"HostedZone": zone}
        if zone.private_zone:
            vpcs = [{"VPCRegion": v.get("vpc_region"), "VPCId": v["vpc_id"]} for v in zone.vpcs]
            result["VPCs"] = vpcs
        else:
            result["DelegationSet"] = zone.delegation_set
        return ActionResult(result)

    @staticmethod
    def list_resource_record_sets(response: Route53) -> ActionResult:
        """Sorted by name with its labels reversed, type and identifier, page by page."""
        zone = _zone(response.backend, response._get_param("HostedZoneId"))
        name = response._get_param("StartRecordName")
        kind = response._get_param("StartRecordType")
        identifier = response._get_param("StartRecordIdentifier")
        if (kind and not name) or (identifier and not kind):
            raise AwsError("InvalidInput", "The input is not valid")
        size = _page_size(response, _MAX_RECORDS)
        start = ("", "", "")
        if name:
            start = (records.sort_key(_name(name, "InvalidInput")), kind or "", identifier or "")
        found = [item for key, item in _sorted(_content(zone)) if key >= start]
        result = {
            "ResourceRecordSets": [_document(item) for item in found[:size]],
            "IsTruncated": len(found) > size,
            "MaxItems": str(size),
        }
        if len(found) > size:
            following = found[size]
            result["NextRecordName"] = following.name
            result["NextRecordType"] = following.type
            if following.set_identifier:
                result["NextRecordIdentifier"] = following.set_identifier
        return ActionResult(result)

    @staticmethod
    def list_hosted_zones_by_name(response: Route53) -> ActionResult:
        """All zones from a name on, sorted by name with its labels reversed, then by id."""
        name, zone_id = response._get_param("DNSName"), response._get_param("HostedZoneId")
        if zone_id and not name:
            raise AwsError("InvalidInput", "The input is not valid")
        size = _page_size(response, _MAX_ZONES)
        result: dict[str, Any] = {"MaxItems": str(size)}
        start = ("", "")
        if name:
            result["DNSName"] = _name(name, "InvalidDomainName")
            start = (records.sort_key(result["DNSName"]), "")
        if zone_id:
            result["HostedZoneId"] = zone_id.removeprefix("/hostedzone/")
            start = (start[0], result["HostedZoneId"])
        keyed = [
            ((records.sort_key(zone.name), zone.resource_id), zone)
            for zone in response.backend.zones.values()
        ]
        found = [zone for key, zone in sorted(keyed, key=lambda pair: pair[0]) if key >= start]
        result |= {"HostedZones": found[:size], "IsTruncated": len(found) > size}
        if len(found) > size:
            result["NextDNSName"] = found[size].name
            result["NextHostedZoneId"] = found[size].resource_id
        return ActionResult(result)


def _entered(
    original: Callable[[Route53], ActionResult], ledger: Ledger
) -> Callable[[Route53], ActionResult]:
    def method(response: Route53) -> ActionResult:
        """moto names the same change in every answer."""
        result = dict(original(response).result)
        result["ChangeInfo"] = ledger.info(ledger.submit("", {}).id)
        return ActionResult(result)

    method.__name__ = original.__name__
    return method


def _created(original: Callable[..., FakeZone]) -> Callable[..., FakeZone]:
    def create_hosted_zone(backend: Route53Backend, name: str, *args: Any, **more: Any) -> FakeZone:
        """moto keeps the name as it is given, and the first record sets in several forms."""
        zone = original(backend, _name(name, "InvalidDomainName"), *args, **more)
        # The ids of zones begin with a Z.
        del backend.zones[zone.resource_id]
        zone.resource_id = f"Z{zone.resource_id[1:]}"
        backend.zones[zone.resource_id] = zone
        servers = [f"{server}." for server in zone.delegation_set.name_servers]
        authority = f"{servers[0]} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
        zone.rrsets = [
            RecordSet({"Name": zone.name, "Type": kind, "TTL": ttl, "ResourceRecords": values})
            for kind, ttl, values in (("NS", 172800, servers), ("SOA", 900, [authority]))
        ]
        return zone

    return create_hosted_zone


_ORIGINAL = {
    name: getattr(Route53, name)
    for name in (
        "create_hosted_zone",
        "delete_hosted_zone",
        "associate_vpc_with_hosted_zone",
        "disassociate_vpc_from_hosted_zone",
    )
}
_ORIGINAL_CREATE = Route53Backend.create_hosted_zone


def install(ledger: Ledger) -> None:
    """Let moto's Route 53 in this process behave so, and enter its changes in `ledger`."""
    document = botocore.session.Session().get_component("data_loader")
    model = ServiceModel(document.load_service_model("route53", "service-2"), "route53")
    answers = _Answers(ledger, model)

    def answer(method: Callable[[Route53], ActionResult]) -> Callable[[Route53], ActionResult]:
        return lambda response: method(response)

    for name in vars(_Answers):
        if not name.startswith("_"):
            setattr(Route53, name, answer(getattr(answers, name)))
    for name, original in _ORIGINAL.items():
        setattr(Route53, name, _entered(original, ledger))
    Route53Backend.create_hosted_zone = _created(_ORIGINAL_CREATE)
