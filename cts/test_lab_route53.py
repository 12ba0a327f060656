# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's Route 53: its API on loopback, its name servers in a lab of namespaces."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from dnslib import QTYPE, RCODE, DNSRecord
from lab import client
from lab.aws.client import ControlError
from lab.aws.records import BatchError, canonical_name, sort_key
from lab.handle import SERVICE_PORT, Lab
from lab.state import until
from lab.topology import PUBLIC_IP, ZONE, describe
from standalone import REGION, Aws, allow, refused, running

NAME = "ctsdns"
ROLE = "ocf-aws-node"
DB = f"db.{ZONE}"
WEB = f"web.{ZONE}"
NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
HOST = "route53.amazonaws.com"
WAIT_S = 5


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running(tmp_path_factory.mktemp("aws"), describe("pytest", "dns", 2)) as aws:
        aws.control.set_policy(ROLE, [allow("route53:*")])
        yield aws


@pytest.fixture
def aws(daemon: Aws) -> Iterator[Aws]:
    """The daemon with the records of the scenario, no faults and an empty log."""
    daemon.control.settings(quotas=False)
    before = {private: records(daemon, private=private) for private in (True, False)}
    yield daemon
    daemon.control.clear_faults()
    daemon.control.settings(insync_delay_s=0, quotas=False, latency_ms=0, change_batch_lists=False)
    daemon.control.set_policy(ROLE, [allow("route53:*")])
    for private, wanted in before.items():
        have = records(daemon, private=private)
        changes = [("DELETE", record) for record in have if record not in wanted]
        changes += [("CREATE", record) for record in wanted if record not in have]
        if changes:
            daemon.control.aws(
                REGION, "route53", "ChangeResourceRecordSets", **batch(daemon, private, *changes)
            )
    daemon.control.clear_requests()


@pytest.fixture
def route53(aws: Aws) -> Any:
    return aws.client("route53")


def zone_id(aws: Aws, private: bool = True) -> str:
    return next(zone["id"] for zone in aws.topology["zones"] if zone["private"] == private)


def records(aws: Aws, private: bool = True) -> list[dict[str, Any]]:
    """The record sets of a zone, past everything."""
    answer = aws.control.aws(
        REGION, "route53", "ListResourceRecordSets", HostedZoneId=zone_id(aws, private)
    )
    return answer["ResourceRecordSets"]


def record(name: str, *values: str, kind: str = "A", ttl: int = 10, **more: Any) -> dict[str, Any]:
    listed = [{"Value": value} for value in values]
    return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": listed, **more}


def batch(aws: Aws, private: bool, *changes: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    listed = [{"Action": action, "ResourceRecordSet": item} for action, item in changes]
    return {"HostedZoneId": zone_id(aws, private), "ChangeBatch": {"Changes": listed}}


def change(aws: Aws, route53: Any, *changes: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Change the private zone; returns the ChangeInfo."""
    answer = route53.change_resource_record_sets(**batch(aws, True, *changes))
    return answer["ChangeInfo"]


def current(aws: Aws, name: str = DB, kind: str = "A", identifier: str | None = None) -> Any:
    """A record set of the private zone, None when there is none."""
    wanted = (name, kind, identifier)
    found = {(r["Name"], r["Type"], r.get("SetIdentifier")): r for r in records(aws)}
    return found.get(wanted)


def send(aws: Aws, body: str, path: str = "") -> tuple[int, dict[str, str], str]:
    """A signed request with a body of one's own, to the private zone unless told otherwise."""
    path = path or f"/2013-04-01/hostedzone/{zone_id(aws)}/rrset/"
    request = AWSRequest("POST", f"https://{HOST}{path}", data=body.encode())
    request.headers["Host"] = HOST
    SigV4Auth(aws.credentials(), "route53", "us-east-1").add_auth(request)
    status, headers, answer = aws.send("POST", path, request.data, dict(request.headers.items()))
    return status, headers, answer.decode()


# Names.


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("db.corp.example", "db.corp.example."),
        ("DB.Corp.Example.", "db.corp.example."),
        ("*.corp.example", r"\052.corp.example."),
        (r"\052.corp.example.", r"\052.corp.example."),
        (r"\101b_c-1.example", "ab_c-1.example."),
        (r"a\056b.example", r"a\056b.example."),
        (r"a\.b.example", r"a\056b.example."),
        (r"a\040b.example", r"a\040b.example."),
        ("a/b.example", r"a\057b.example."),
    ],
)
def test_names_have_one_form(given: str, canonical: str) -> None:
    assert canonical_name(given) == canonical
    assert canonical_name(canonical) == canonical


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a..example", "DomainLabelEmpty"),
        (".example", "DomainLabelEmpty"),
        ("a b.example", "UnsupportedCharacter"),
        ("ü.example", "UnsupportedCharacter"),
        (f"{'a' * 64}.example", "DomainLabelTooLong"),
        (".".join(["a" * 60] * 5), "DomainNameTooLong"),
    ],
)
def test_names_that_cannot_be(name: str, code: str) -> None:
    with pytest.raises(BatchError, match=code):
        canonical_name(name)


def test_names_sort_by_reversed_labels() -> None:
    # By characters: what comes before a dot in ASCII comes first.
    names = ["example.", "a.example.", "z.a.example.", "a-b.example.", "b.example."]
    ordered = ["example.", "a-b.example.", "a.example.", "z.a.example.", "b.example."]
    assert sorted(names, key=sort_key) == ordered


# Zones.


def test_zones_of_one_name_are_told_apart(aws: Aws, route53: Any) -> None:
    found = route53.list_hosted_zones_by_name(DNSName="corp.example")
    assert found["DNSName"] == ZONE
    assert not found["IsTruncated"]
    by_id = {zone["Id"]: zone for zone in found["HostedZones"]}
    assert len(by_id) == 2
    for private in (True, False):
        zone = by_id[f"/hostedzone/{zone_id(aws, private)}"]
        assert zone["Name"] == ZONE
        assert zone["Config"]["PrivateZone"] is private
        assert re.fullmatch("Z[A-Z0-9]{21}", zone_id(aws, private))
    private = route53.get_hosted_zone(Id=zone_id(aws))
    assert private["VPCs"] == [{"VPCRegion": REGION, "VPCId": aws.vpc()}]
    assert "DelegationSet" not in private
    public = route53.get_hosted_zone(Id=f"/hostedzone/{zone_id(aws, private=False)}")
    assert "VPCs" not in public
    assert len(public["DelegationSet"]["NameServers"]) == 4
    assert public["HostedZone"]["ResourceRecordSetCount"] == 5


def test_zones_are_listed_from_a_name_on(aws: Aws, route53: Any) -> None:
    """ListHostedZonesByName does not filter: zones of other names follow."""
    for name in ("zz.example.", "a.corp.example.", "corp.test."):
        aws.control.aws(REGION, "route53", "CreateHostedZone", Name=name, CallerReference=name)
    try:
        names = [zone["Name"] for zone in route53.list_hosted_zones_by_name()["HostedZones"]]
        assert names == [ZONE, ZONE, "a.corp.example.", "zz.example.", "corp.test."]
        later = route53.list_hosted_zones_by_name(DNSName="b.corp.example.")["HostedZones"]
        assert [zone["Name"] for zone in later] == ["zz.example.", "corp.test."]
        seen, start = [], {}
        while True:
            page = route53.list_hosted_zones_by_name(MaxItems="2", **start)
            assert page["MaxItems"] == "2"
            seen += [zone["Name"] for zone in page["HostedZones"]]
            if not page["IsTruncated"]:
                break
            start = {"DNSName": page["NextDNSName"], "HostedZoneId": page["NextHostedZoneId"]}
        assert seen == names
        ids = sorted(zone_id(aws, private) for private in (True, False))
        second = route53.list_hosted_zones_by_name(DNSName=ZONE, HostedZoneId=ids[1], MaxItems="1")
        assert second["HostedZones"][0]["Id"] == f"/hostedzone/{ids[1]}"
        with refused("InvalidInput", 400):
            route53.list_hosted_zones_by_name(HostedZoneId=ids[1])
        with refused("InvalidDomainName", 400):
            route53.list_hosted_zones_by_name(DNSName="a..b")
    finally:
        for zone in aws.control.state()["zones"]:
            if zone["name"] != ZONE:
                aws.control.aws(REGION, "route53", "DeleteHostedZone", Id=zone["id"])


@pytest.mark.parametrize("operation", ["get", "list", "change"])
def test_zone_that_does_not_exist(aws: Aws, route53: Any, operation: str) -> None:
    with refused("NoSuchHostedZone", 404, "No hosted zone found with ID: Z0NONE"):
        if operation == "get":
            route53.get_hosted_zone(Id="Z0NONE")
        elif operation == "list":
            route53.list_resource_record_sets(HostedZoneId="Z0NONE")
        else:
            wanted = batch(aws, True, ("CREATE", record(f"x.{ZONE}", "10.0.0.1")))
            route53.change_resource_record_sets(**{**wanted, "HostedZoneId": "Z0NONE"})


def test_first_records_of_a_zone(aws: Aws) -> None:
    servers = current(aws, ZONE, "NS")
    assert servers["TTL"] == 172800
    assert all(item["Value"].endswith(".") for item in servers["ResourceRecords"])
    authority = current(aws, ZONE, "SOA")
    assert authority["TTL"] == 900
    assert len(authority["ResourceRecords"][0]["Value"].split()) == 7


# Listing records.


def test_records_are_listed_in_pages(aws: Aws, route53: Any) -> None:
    change(
        aws,
        route53,
        ("CREATE", record(f"z.db.{ZONE}", "10.0.0.1")),
        ("CREATE", record(f"*.{ZONE}", "10.0.0.1")),
        ("CREATE", record(f"a.{ZONE}", '"text"', kind="TXT")),
    )
    keys = [(r["Name"], r["Type"], r.get("SetIdentifier")) for r in records(aws)]
    assert keys == [
        (ZONE, "NS", None),
        (ZONE, "SOA", None),
        (rf"\052.{ZONE}", "A", None),
        (f"a.{ZONE}", "TXT", None),
        (DB, "A", None),
        (DB, "AAAA", None),
        (f"z.{DB}", "A", None),
        (WEB, "A", "blue"),
        (WEB, "A", "green"),
    ]
    for size in (1, 2, 4):
        seen, start = [], {}
        while True:
            page = route53.list_resource_record_sets(
                HostedZoneId=zone_id(aws), MaxItems=str(size), **start
            )
            seen += [
                (r["Name"], r["Type"], r.get("SetIdentifier")) for r in page["ResourceRecordSets"]
            ]
            if not page["IsTruncated"]:
                assert "NextRecordName" not in page
                break
            start = {
                "StartRecordName": page["NextRecordName"],
                "StartRecordType": page["NextRecordType"],
            }
            if "NextRecordIdentifier" in page:
                start["StartRecordIdentifier"] = page["NextRecordIdentifier"]
        assert seen == keys


def test_records_are_listed_from_a_name_on(aws: Aws, route53: Any) -> None:
    """A name that does not exist is answered with what comes after it."""

    def first(**start: str) -> tuple[str, str, str | None]:
        page = route53.list_resource_record_sets(HostedZoneId=zone_id(aws), **start)
        found = page["ResourceRecordSets"][0]
        return found["Name"], found["Type"], found.get("SetIdentifier")

    assert first(StartRecordName="DB.corp.example") == (DB, "A", None)
    assert first(StartRecordName="DB.corp.example", StartRecordType="AAAA") == (DB, "AAAA", None)
    assert first(StartRecordName="da.corp.example") == (DB, "A", None)
    assert first(StartRecordName=DB, StartRecordType="TXT") == (WEB, "A", "blue")
    second = {"StartRecordType": "A", "StartRecordIdentifier": "c"}
    assert first(StartRecordName=WEB, **second) == (WEB, "A", "green")
    with refused("InvalidInput", 400):
        first(StartRecordType="A")
    with refused("InvalidInput", 400):
        first(StartRecordName=DB, StartRecordIdentifier="c")
    with refused("InvalidInput", 400):
        first(MaxItems="0")


# Changes.


def test_compare_and_set_by_delete_and_create(aws: Aws, route53: Any) -> None:
    """The writer that has read an old value loses, and changes nothing."""
    old, first, second = current(aws), record(DB, "10.0.4.10"), record(DB, "10.0.9.9")
    change(aws, route53, ("DELETE", old), ("CREATE", first))
    assert current(aws) == first
    text = f"[Tried to delete resource record set [name='{DB}', type='A'] but the values "
    text += "provided do not match the current values, Tried to create resource record set "
    text += f"[name='{DB}', type='A'] but it already exists]"
    with refused("InvalidChangeBatch", 400, text):
        change(aws, route53, ("DELETE", old), ("CREATE", second))
    assert current(aws) == first


@pytest.mark.parametrize(
    "damage",
    [
        {"TTL": 11},
        {"ResourceRecords": [{"Value": "10.0.2.10"}, {"Value": "10.0.2.11"}]},
        {"ResourceRecords": [{"Value": "10.0.2.1"}]},
    ],
    ids=["ttl", "more values", "other value"],
)
def test_delete_names_all_that_there_is(aws: Aws, route53: Any, damage: dict[str, Any]) -> None:
    old = current(aws)
    with refused("InvalidChangeBatch", 400, "do not match the current values"):
        change(aws, route53, ("DELETE", {**old, **damage}))
    assert current(aws) == old
    change(aws, route53, ("DELETE", {**old, "Name": "DB.corp.example"}))
    assert current(aws) is None


def test_delete_of_a_member_of_a_weighted_set(aws: Aws, route53: Any) -> None:
    blue, green = (current(aws, WEB, "A", identifier) for identifier in ("blue", "green"))
    text = "set-identifier='blue'] but the values provided do not match the current values"
    with refused("InvalidChangeBatch", 400, text):
        change(aws, route53, ("DELETE", {**blue, "Weight": 4}))
    with refused("InvalidChangeBatch", 400, "set-identifier='red'] but it was not found"):
        change(aws, route53, ("DELETE", {**blue, "SetIdentifier": "red"}))
    plain = {key: item for key, item in blue.items() if key not in ("SetIdentifier", "Weight")}
    with refused("InvalidChangeBatch", 400, "type='A'] but it was not found"):
        change(aws, route53, ("DELETE", plain))
    change(aws, route53, ("DELETE", blue))
    assert current(aws, WEB, "A", "blue") is None
    assert current(aws, WEB, "A", "green") == green


def test_order_of_values_has_no_meaning(aws: Aws, route53: Any) -> None:
    name = f"many.{ZONE}"
    change(aws, route53, ("CREATE", record(name, "10.0.0.1", "10.0.0.2")))
    change(aws, route53, ("DELETE", record(name, "10.0.0.2", "10.0.0.1")))
    assert current(aws, name) is None


def test_batch_is_done_whole_or_not_at_all(aws: Aws, route53: Any) -> None:
    before = records(aws)
    with refused("InvalidChangeBatch", 400, "it was not found"):
        change(
            aws,
            route53,
            ("UPSERT", record(DB, "10.0.4.10")),
            ("CREATE", record(f"new.{ZONE}", "10.0.0.1")),
            ("DELETE", record(f"none.{ZONE}", "10.0.0.1")),
        )
    assert records(aws) == before


def test_upsert_creates_and_replaces(aws: Aws, route53: Any) -> None:
    new = record(f"new.{ZONE}", "10.0.0.1")
    change(aws, route53, ("UPSERT", new))
    assert current(aws, new["Name"]) == new
    newer = record(f"new.{ZONE}", "10.0.0.2", ttl=60)
    change(aws, route53, ("UPSERT", newer))
    assert current(aws, new["Name"]) == newer


IMPOSSIBLE = {
    "exists": (("CREATE", record(DB, "10.0.0.1")), "type='A'] but it already exists"),
    "other zone": (
        ("CREATE", record("db.other.example.", "10.0.0.1")),
        f"RRSet with DNS name db.other.example. is not permitted in zone {ZONE}",
    ),
    "name that ends alike": (
        ("CREATE", record("dbcorp.example.", "10.0.0.1")),
        f"is not permitted in zone {ZONE}",
    ),
    "no IPv4": (
        ("CREATE", record(f"x.{ZONE}", "10.0.0.256")),
        (
            "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a "
            "valid IPv4 address) encountered with '10.0.0.256''"
        ),
    ),
    "IPv6 for A": (("CREATE", record(f"x.{ZONE}", "2001:db8::1")), "ARRDATAIllegalIPv4Address"),
    "IPv4 for AAAA": (
        ("CREATE", record(f"x.{ZONE}", "10.0.0.1", kind="AAAA")),
        "AAAARRDATAIllegalIPv6Address",
    ),
    "TXT without quotes": (
        ("CREATE", record(f"x.{ZONE}", "text", kind="TXT")),
        "InvalidCharacterString",
    ),
    "value twice": (
        ("CREATE", record(f"x.{ZONE}", "10.0.0.1", "10.0.0.1")),
        "Duplicate Resource Record: '10.0.0.1'",
    ),
    "CNAME beside A": (
        ("CREATE", record(DB, WEB, kind="CNAME")),
        f"RRSet of type CNAME with DNS name {DB} is not permitted as it conflicts with other",
    ),
    "CNAME at the apex": (
        ("CREATE", record(ZONE, WEB, kind="CNAME")),
        f"is not permitted at apex in zone {ZONE}",
    ),
    "simple beside weighted": (
        ("CREATE", record(WEB, "10.0.0.1")),
        "SetIdentifier null cannot be created as other RRSets exist with the same name and type.",
    ),
    "weighted beside simple": (
        ("CREATE", record(DB, "10.0.0.1", SetIdentifier="a", Weight=1)),
        "SetIdentifier a cannot be created because a non weighted rrset exists with the same name",
    ),
    "failover beside weighted": (
        ("CREATE", record(WEB, "10.0.0.1", SetIdentifier="a", Failover="PRIMARY")),
        "cannot be created because a non failover rrset exists",
    ),
    "without SOA": (
        ("DELETE", "SOA"),
        "A HostedZone must contain exactly one SOA record.",
    ),
    "without NS": (("DELETE", "NS"), "must contain at least one NS record"),
    "name that cannot be": (("CREATE", record(f"a..{ZONE}", "10.0.0.1")), "DomainLabelEmpty"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_changes_that_are_not_possible(aws: Aws, route53: Any, case: str) -> None:
    (action, wanted), text = IMPOSSIBLE[case]
    if isinstance(wanted, str):
        wanted = current(aws, ZONE, wanted)
    before = records(aws)
    with refused("InvalidChangeBatch", 400, text):
        change(aws, route53, (action, wanted))
    assert records(aws) == before


@pytest.mark.parametrize(
    ("first", "second"), [("CREATE", "CREATE"), ("UPSERT", "DELETE"), ("CREATE", "DELETE")]
)
def test_changes_that_do_not_go_together(aws: Aws, route53: Any, first: str, second: str) -> None:
    new = record(f"new.{ZONE}", "10.0.0.1")
    text = (
        f"The request contains an invalid set of changes for a resource record set 'A new.{ZONE}'"
    )
    with refused("InvalidChangeBatch", 400, text):
        change(aws, route53, (first, new), (second, new))


def test_alias_records_are_kept_as_they_are(aws: Aws, route53: Any) -> None:
    target = {"HostedZoneId": zone_id(aws), "DNSName": "DB.corp.example"}
    alias = {"Name": f"alias.{ZONE}", "Type": "A", "AliasTarget": target}
    target["EvaluateTargetHealth"] = False
    change(aws, route53, ("CREATE", alias))
    kept = current(aws, alias["Name"])
    assert kept == {**alias, "AliasTarget": {**target, "DNSName": DB}}
    wrong = {**kept, "AliasTarget": {**target, "EvaluateTargetHealth": True}}
    with refused("InvalidChangeBatch", 400, "do not match the current values"):
        change(aws, route53, ("DELETE", wrong))
    change(aws, route53, ("DELETE", alias))
    assert current(aws, alias["Name"]) is None


def test_batch_has_a_thousand_values_at_most(aws: Aws, route53: Any) -> None:
    """Those of an UPSERT count twice."""
    values = [f"10.9.{number // 250}.{number % 250}" for number in range(501)]
    before = records(aws)
    with refused("InvalidChangeBatch", 400, "Number of records limit of 1000 exceeded"):
        change(aws, route53, ("UPSERT", record(f"many.{ZONE}", *values)))
    assert records(aws) == before
    change(aws, route53, ("UPSERT", record(f"many.{ZONE}", *values[:500])))


def test_cname_keeps_others_away(aws: Aws, route53: Any) -> None:
    change(aws, route53, ("CREATE", record(f"alias.{ZONE}", DB, kind="CNAME")))
    text = "is not permitted because a conflicting RRSet of type CNAME with the same DNS name "
    with refused("InvalidChangeBatch", 400, text + f"already exists in zone {ZONE}"):
        change(aws, route53, ("CREATE", record(f"alias.{ZONE}", "10.0.0.1")))


INCOMPLETE = {
    "no TTL": (
        {"ResourceRecords": [{"Value": "10.0.0.1"}]},
        "Expected exactly one of [AliasTarget",
    ),
    "no values": ({"TTL": 10}, "but found none in Change with [Action=CREATE, Name=x."),
    "weight without identifier": (
        {"TTL": 10, "ResourceRecords": [{"Value": "10.0.0.1"}], "Weight": 1},
        "Missing field 'SetIdentifier' in Change with",
    ),
    "identifier without weight": (
        {"TTL": 10, "ResourceRecords": [{"Value": "10.0.0.1"}], "SetIdentifier": "a"},
        "Expected exactly one of [Weight, Region, Failover",
    ),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_requests_that_are_not_complete(aws: Aws, route53: Any, case: str) -> None:
    members, text = INCOMPLETE[case]
    with refused("InvalidInput", 400, text):
        change(aws, route53, ("CREATE", {"Name": f"x.{ZONE}", "Type": "A", **members}))


def _request(changes: str, root: str = "ChangeResourceRecordSetsRequest") -> str:
    return (
        f'<{root} xmlns="{NAMESPACE}"><ChangeBatch><Changes>{changes}</Changes></ChangeBatch>'
        f"</{root}>"
    )


_RECORD = "<Name>x.corp.example</Name><Type>A</Type><TTL>10</TTL>"
_VALUES = (
    "<ResourceRecords><ResourceRecord><Value>10.0.0.1</Value></ResourceRecord></ResourceRecords>"
)
_CHANGE = (
    "<Change><Action>{action}</Action><ResourceRecordSet>{record}</ResourceRecordSet></Change>"
)
_GOOD = _CHANGE.format(action="UPSERT", record=_RECORD + _VALUES)
MALFORMED = {
    "not XML": ("<Change", "InvalidInput"),
    "other root": (_request(_GOOD, "ChangeBatch"), "MalformedInput"),
    "no namespace": (_request(_GOOD).replace(f' xmlns="{NAMESPACE}"', ""), "MalformedInput"),
    "no changes": (_request(""), "InvalidInput"),
    "unknown element": (_request(_GOOD.replace("TTL>", "Ttl>")), "InvalidInput"),
    "unknown action": (_request(_GOOD.replace("UPSERT", "REPLACE")), "InvalidInput"),
    "unknown type": (_request(_GOOD.replace(">A<", ">B<")), "InvalidInput"),
    "no name": (_request(_GOOD.replace("<Name>x.corp.example</Name>", "")), "InvalidInput"),
    "TTL is no number": (_request(_GOOD.replace(">10<", ">ten<")), "InvalidInput"),
    "TTL below 0": (_request(_GOOD.replace(">10<", ">-1<")), "InvalidInput"),
    "element twice": (_request(_GOOD.replace("<TTL>", "<TTL>5</TTL><TTL>")), "InvalidInput"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_requests_that_are_not_understood(aws: Aws, case: str) -> None:
    body, code = MALFORMED[case]
    status, _, answer = send(aws, body)
    assert (status, re.findall("<Code>(.*)</Code>", answer)) == (400, [code]), answer
    assert send(aws, _request(_GOOD))[0] == 200


def test_errors_have_the_form_of_route53(aws: Aws) -> None:
    wrong = _CHANGE.format(action="CREATE", record=_RECORD + _VALUES.replace("10.0.0.1", "a&amp;b"))
    status, headers, answer = send(aws, _request(wrong))
    found = re.fullmatch(
        rf'<\?xml version="1.0" encoding="UTF-8"\?>\s*<ErrorResponse xmlns="{NAMESPACE}"><Error>'
        r"<Type>Sender</Type><Code>InvalidChangeBatch</Code><Message>\[Invalid Resource Record: "
        r"'.*'a&amp;b''\]</Message></Error><RequestId>([0-9a-f-]{36})</RequestId></ErrorResponse>",
        answer,
    )
    assert status == 400
    assert found, answer
    assert headers["x-amzn-RequestId"] == found[1]


def test_errors_in_the_older_form(aws: Aws) -> None:
    """The document that the API reference shows; Route 53 has sent both."""
    aws.control.settings(change_batch_lists=True)
    wrong = _CHANGE.format(action="CREATE", record=_RECORD + _VALUES.replace("10.0.0.1", "x"))
    status, headers, answer = send(aws, _request(wrong))
    found = re.fullmatch(
        rf'<\?xml version="1.0" encoding="UTF-8"\?>\s*<InvalidChangeBatch xmlns="{NAMESPACE}">'
        r"<Messages><Message>Invalid Resource Record: '.*'</Message></Messages>"
        r"<RequestId>(.*)</RequestId></InvalidChangeBatch>",
        answer,
    )
    assert status == 400
    assert found, answer
    assert headers["x-amzn-RequestId"] == found[1]
    assert aws.control.requests()[-1]["code"] == "InvalidChangeBatch"


def test_change_is_recorded_as_an_event(aws: Aws, route53: Any) -> None:
    change(aws, route53, ("UPSERT", record(DB, "10.0.4.10", ttl=5)))
    events = (aws.state_dir / "events.jsonl").read_text().splitlines()
    values = {"weight": None, "failover": None}
    assert json.loads(events[-1])["changes"] == [
        {
            "what": "record",
            "zone": zone_id(aws),
            "name": DB,
            "type": "A",
            "old": {"ttl": 10, "values": ["10.0.2.10"], **values},
            "new": {"ttl": 5, "values": ["10.0.4.10"], **values},
        }
    ]


# PENDING and INSYNC.


def status(route53: Any, info: dict[str, Any]) -> str:
    return route53.get_change(Id=info["Id"])["ChangeInfo"]["Status"]


def test_change_is_in_sync_at_once_by_default(aws: Aws, route53: Any) -> None:
    info = change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))
    assert re.fullmatch("/change/C[A-Z0-9]{20}", info["Id"])
    assert info["Status"] == "INSYNC"
    assert status(route53, info) == "INSYNC"


def test_change_is_pending_for_a_while(aws: Aws, route53: Any) -> None:
    aws.control.settings(insync_delay_s=1)
    info = change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))
    assert info["Status"] == "PENDING"
    # The API shows it at once.
    assert current(aws)["ResourceRecords"] == [{"Value": "10.0.4.10"}]
    until(lambda: status(route53, info) == "INSYNC", WAIT_S, "the change to be INSYNC")
    aws.control.settings(insync_delay_s=60)
    assert status(route53, info) == "INSYNC"


def test_change_is_pending_for_ever(aws: Aws, route53: Any) -> None:
    aws.control.settings(insync_delay_s=None)
    info = change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))
    assert status(route53, info) == "PENDING"
    aws.control.settings(insync_delay_s=0)
    assert status(route53, info) == "INSYNC"


def test_fault_keeps_changes_pending(aws: Aws, route53: Any) -> None:
    aws.control.add_fault("route53", "pending", count=1)
    held = change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))
    other = change(aws, route53, ("UPSERT", record(f"new.{ZONE}", "10.0.4.10")))
    assert (status(route53, held), status(route53, other)) == ("PENDING", "INSYNC")
    aws.control.clear_faults()
    assert status(route53, held) == "INSYNC"
    aws.control.add_fault("route53", "pending", param=0.5)
    brief = change(aws, route53, ("UPSERT", record(DB, "10.0.4.11")))
    assert brief["Status"] == "PENDING"
    until(lambda: status(route53, brief) == "INSYNC", WAIT_S, "the change to be INSYNC")


def test_change_that_does_not_exist(aws: Aws, route53: Any) -> None:
    with refused("NoSuchChange", 404):
        route53.get_change(Id="C0NONE")


# Limits, permissions and faults.


def test_quota_of_the_account(aws: Aws, route53: Any) -> None:
    """Five requests a second, whoever sends them."""
    other = aws.client("route53", credentials=aws.credentials("n2"))
    aws.control.settings(quotas=True)
    codes = []
    for number in range(12):
        try:
            (route53, other)[number % 2].get_hosted_zone(Id=zone_id(aws))
            codes.append(None)
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Message"] == "Rate exceeded"
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
            codes.append(error.response["Error"]["Code"])
    assert codes[:5] == [None] * 5
    assert "Throttling" in codes

    def answered() -> bool:
        try:
            route53.get_hosted_zone(Id=zone_id(aws))
        except botocore.exceptions.ClientError:
            return False
        return True

    until(answered, WAIT_S, "the quota to fill again")


def test_two_changes_of_a_zone_at_a_time(aws: Aws, route53: Any) -> None:
    aws.control.settings(latency_ms=1500)

    def write(private: bool, value: str) -> str | None:
        wanted = batch(aws, private, ("UPSERT", record(f"new.{ZONE}", value)))
        try:
            route53.change_resource_record_sets(**wanted)
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return None

    clients = [(True, "10.0.0.1"), (True, "10.0.0.2"), (False, "10.0.0.3")]
    with ThreadPoolExecutor(3) as pool:
        codes = list(pool.map(lambda item: write(*item), clients))
    assert sorted(codes[:2], key=str) == [None, "PriorRequestNotComplete"]
    assert codes[2] is None
    assert write(True, "10.0.0.4") is None


def test_prior_request_by_rule(aws: Aws, route53: Any) -> None:
    aws.control.add_fault("route53", "prior", count=1)
    route53.get_hosted_zone(Id=zone_id(aws))
    before = current(aws)
    with refused("PriorRequestNotComplete", 400, "still processing a prior request"):
        change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))
    assert current(aws) == before
    change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))


def test_answer_to_a_write_lost(aws: Aws, route53: Any) -> None:
    aws.control.add_fault("route53", "lost", action="ChangeResourceRecordSets", count=1)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))
    assert current(aws)["ResourceRecords"] == [{"Value": "10.0.4.10"}]


def test_denied_by_rule(aws: Aws, route53: Any) -> None:
    aws.control.add_fault("route53", "denied", action="ChangeResourceRecordSets", count=1)
    with refused("AccessDenied", 403, "route53:ChangeResourceRecordSets"):
        change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))


def test_faults_that_route53_has_not(aws: Aws) -> None:
    """Its reads are consistent; and no other service has its changes."""
    with pytest.raises(ControlError, match=r"service: 'route53' .* ec2, imds, \* for stale"):
        aws.control.add_fault("route53", "stale")
    for kind in ("pending", "prior"):
        with pytest.raises(ControlError, match=rf"service: 'ec2' .* route53, \* for {kind}"):
            aws.control.add_fault("ec2", kind)


def test_permissions_name_the_zone(aws: Aws, route53: Any) -> None:
    mine = f"arn:aws:route53:::hostedzone/{zone_id(aws)}"
    writes = allow("route53:ChangeResourceRecordSets", "route53:GetHostedZone", resource=mine)
    reads = allow("route53:GetChange", resource="arn:aws:route53:::change/*")
    aws.control.set_policy(ROLE, [writes, reads])
    info = change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))
    assert status(route53, info) == "INSYNC"
    route53.get_hosted_zone(Id=zone_id(aws))
    other = f"arn:aws:route53:::hostedzone/{zone_id(aws, private=False)}"
    with refused("AccessDenied", 403, f"on resource: {other}"):
        route53.get_hosted_zone(Id=zone_id(aws, private=False))
    with refused("AccessDenied", 403, f"ListResourceRecordSets on resource: {mine}"):
        route53.list_resource_record_sets(HostedZoneId=zone_id(aws))
    with refused("AccessDenied", 403, "ListHostedZonesByName on resource: *"):
        route53.list_hosted_zones_by_name()
    aws.control.set_policy(ROLE, [writes])
    change_id = info["Id"].rpartition("/")[2]
    with refused(
        "AccessDenied", 403, f"GetChange on resource: arn:aws:route53:::change/{change_id}"
    ):
        status(route53, info)


# The name servers, on loopback.


@dataclass(frozen=True)
class Resolver:
    """A resolver of the daemon, asked from loopback."""

    address: str
    port: int

    def ask(self, name: str, kind: str = "A", *, tcp: bool = False) -> DNSRecord:
        """The whole answer."""
        question = DNSRecord.question(name, kind)
        data = question.send(self.address, self.port, tcp=tcp, timeout=WAIT_S)
        reply = DNSRecord.parse(data)
        assert reply.header.id == question.header.id
        return reply

    def values(self, name: str, kind: str = "A", *, tcp: bool = False) -> list[str] | str:
        """The data of the answer, or its code when that is not NOERROR."""
        reply = self.ask(name, kind, tcp=tcp)
        if reply.header.rcode != RCODE.NOERROR:
            return RCODE[reply.header.rcode]
        return [str(rr.rdata) for rr in reply.rr]


@pytest.fixture(scope="module")
def inside(daemon: Aws) -> Resolver:
    """The resolver of the VPC that the private zone belongs to."""
    address = "127.0.0.1"
    return Resolver(address, daemon.control.open_dns(daemon.vpc(), None, [address], 0))


@pytest.fixture(scope="module")
def outside(daemon: Aws) -> Resolver:
    """A resolver of the internet."""
    address = "127.0.0.2"
    return Resolver(address, daemon.control.open_dns(None, None, [address], 0))


def test_private_zone_hides_the_public_one(
    aws: Aws, route53: Any, inside: Resolver, outside: Resolver
) -> None:
    assert inside.values(DB) == ["10.0.2.10"]
    assert outside.values(DB) == [PUBLIC_IP]
    new = record(f"new.{ZONE}", "192.0.2.7")
    route53.change_resource_record_sets(**batch(aws, False, ("CREATE", new)))
    assert outside.values(new["Name"]) == ["192.0.2.7"]
    assert inside.values(new["Name"]) == "NXDOMAIN"
    change(aws, route53, ("CREATE", record(f"own.{ZONE}", "10.0.0.1")))
    assert inside.values(f"own.{ZONE}") == ["10.0.0.1"]
    assert outside.values(f"own.{ZONE}") == "NXDOMAIN"


def test_private_zone_hides_a_public_one_below_it(
    aws: Aws, inside: Resolver, outside: Resolver
) -> None:
    below = {"Name": f"sub.{ZONE}", "CallerReference": "sub"}
    zone = aws.control.aws(REGION, "route53", "CreateHostedZone", **below)["HostedZone"]["Id"]
    try:
        assert len(outside.values(f"sub.{ZONE}", "NS")) == 4
        assert inside.values(f"sub.{ZONE}", "NS") == "NXDOMAIN"
    finally:
        aws.control.aws(REGION, "route53", "DeleteHostedZone", Id=zone)


def test_zone_of_another_vpc_is_not_seen(aws: Aws, route53: Any, inside: Resolver) -> None:
    created = aws.control.aws(REGION, "ec2", "CreateVpc", CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    other = {"VPCRegion": REGION, "VPCId": created}
    zone = aws.control.aws(
        REGION,
        "route53",
        "CreateHostedZone",
        Name="far.example",
        CallerReference="far",
        VPC=other,
        HostedZoneConfig={"PrivateZone": True},
    )["HostedZone"]["Id"]
    wanted = {"HostedZoneId": zone, "VPC": {"VPCRegion": REGION, "VPCId": aws.vpc()}}
    try:
        assert inside.values("far.example", "SOA") == "NXDOMAIN"
        aws.control.aws(REGION, "route53", "AssociateVPCWithHostedZone", **wanted)
        assert len(inside.values("far.example", "SOA")) == 1
        vpcs = route53.get_hosted_zone(Id=zone)["VPCs"]
        assert {vpc["VPCId"] for vpc in vpcs} == {aws.vpc(), created}
    finally:
        aws.control.aws(REGION, "route53", "DeleteHostedZone", Id=zone)
        aws.control.aws(REGION, "ec2", "DeleteVpc", VpcId=created)


def test_answers_have_the_form_of_dns(inside: Resolver) -> None:
    reply = inside.ask("DB.Corp.Example")
    assert (reply.header.aa, reply.header.ra, reply.header.tc) == (1, 1, 0)
    assert [(str(rr.rname).lower(), rr.ttl) for rr in reply.rr] == [(DB, 10)]
    assert inside.values(DB, "AAAA") == ["2001:db8:100:2::10"]
    assert len(inside.values(ZONE, "NS")) == 4


@pytest.mark.parametrize(
    ("name", "kind", "code", "owner"),
    [
        (f"none.{ZONE}", "A", "NXDOMAIN", ZONE),
        (f"below.{DB}", "A", "NXDOMAIN", ZONE),
        (DB, "TXT", "NOERROR", ZONE),
        ("example.", "A", "NXDOMAIN", None),
        ("dbcorp.example.", "A", "NXDOMAIN", None),
        (".", "NS", "NXDOMAIN", None),
    ],
)
def test_names_without_an_answer(
    inside: Resolver, name: str, kind: str, code: str, owner: str | None
) -> None:
    """The SOA record says how long that holds; there is none for names nobody knows."""
    reply = inside.ask(name, kind)
    assert RCODE[reply.header.rcode] == code
    assert reply.rr == []
    assert [str(rr.rname) for rr in reply.auth if rr.rtype == QTYPE.SOA] == [owner] * bool(owner)


def test_records_of_every_type_we_know(aws: Aws, route53: Any, inside: Resolver) -> None:
    data = {
        "TXT": ('"a \\"b\\"" "c"', None),
        "MX": (f"10 mail.{ZONE}", None),
        "SRV": (f"1 2 5432 {DB}", None),
        "PTR": (rf"\052.{ZONE}", rf"*.{ZONE}"),
        "CAA": ('0 issue "example.net"', None),
    }
    for kind, (value, _) in data.items():
        change(aws, route53, ("CREATE", record(f"{kind}.{ZONE}", value, kind=kind)))
    for kind, (value, seen) in data.items():
        assert inside.ask(f"{kind}.{ZONE}", kind).rr, kind
        if kind != "TXT":
            assert inside.values(f"{kind}.{ZONE}", kind) == [seen or value]


def test_aliases_are_followed(aws: Aws, route53: Any, inside: Resolver) -> None:
    names = [f"alias{number}.{ZONE}" for number in range(2)]
    change(aws, route53, ("CREATE", record(names[0], names[1], kind="CNAME")))
    change(aws, route53, ("CREATE", record(names[1], DB, kind="CNAME", ttl=3)))
    reply = inside.ask(names[0])
    assert [(str(rr.rdata), rr.ttl) for rr in reply.rr] == [
        (names[1], 10),
        (DB, 3),
        ("10.0.2.10", 10),
    ]
    assert inside.values(names[0], "CNAME") == [names[1]]
    change(aws, route53, ("UPSERT", record(names[1], names[0], kind="CNAME")))
    assert inside.values(names[0]) == "SERVFAIL"


def test_wildcards(aws: Aws, route53: Any, inside: Resolver) -> None:
    change(
        aws,
        route53,
        ("CREATE", record(f"*.{ZONE}", "10.0.0.7")),
        ("CREATE", record(f"a.b.{ZONE}", "10.0.0.8")),
    )
    assert inside.values(f"any.{ZONE}") == ["10.0.0.7"]
    assert inside.values(f"any.any.{ZONE}") == ["10.0.0.7"]
    assert inside.values(f"*.{ZONE}") == ["10.0.0.7"]
    # b exists, as a.b does; so the wildcard is not for what lies below it.
    assert inside.values(f"b.{ZONE}") == []
    assert inside.values(f"c.b.{ZONE}") == "NXDOMAIN"
    assert inside.values(f"any.{DB}") == "NXDOMAIN"


def test_weighted_set_is_answered_by_weight(aws: Aws, route53: Any, inside: Resolver) -> None:
    seen = Counter(inside.values(WEB)[0] for _ in range(400))
    assert set(seen) == {"10.0.2.10", "192.0.2.1"}
    # 3 to 1: the bounds are six standard deviations away.
    assert 245 < seen["10.0.2.10"] < 355
    blue, green = (current(aws, WEB, "A", identifier) for identifier in ("blue", "green"))
    change(aws, route53, ("UPSERT", {**blue, "Weight": 0}))
    assert {inside.values(WEB)[0] for _ in range(20)} == {"192.0.2.1"}
    change(aws, route53, ("UPSERT", {**green, "Weight": 0}))
    assert {inside.values(WEB)[0] for _ in range(60)} == {"10.0.2.10", "192.0.2.1"}


def test_failover_set_is_answered_by_its_primary(aws: Aws, route53: Any, inside: Resolver) -> None:
    name = f"failover.{ZONE}"
    for identifier, role, value in (("b", "SECONDARY", "10.0.0.2"), ("c", "PRIMARY", "10.0.0.1")):
        member = {"SetIdentifier": identifier, "Failover": role}
        change(aws, route53, ("CREATE", record(name, value, **member)))
    assert inside.values(name) == ["10.0.0.1"]


def test_long_answers_come_by_tcp(aws: Aws, route53: Any, inside: Resolver) -> None:
    values = [f"10.0.1.{number}" for number in range(100)]
    change(aws, route53, ("CREATE", record(f"many.{ZONE}", *values)))
    assert inside.ask(f"many.{ZONE}").header.tc == 1
    assert inside.values(f"many.{ZONE}", tcp=True) == values
    assert inside.values(DB, tcp=True) == ["10.0.2.10"]


def test_name_servers_have_a_change_when_it_is_in_sync(
    aws: Aws, route53: Any, inside: Resolver
) -> None:
    aws.control.settings(insync_delay_s=None)
    change(aws, route53, ("DELETE", current(aws)), ("CREATE", record(DB, "10.0.4.10")))
    change(aws, route53, ("CREATE", record(f"new.{ZONE}", "10.0.0.1")))
    change(aws, route53, ("DELETE", current(aws, DB, "AAAA")))
    assert current(aws)["ResourceRecords"] == [{"Value": "10.0.4.10"}]
    assert inside.values(DB) == ["10.0.2.10"]
    assert inside.values(f"new.{ZONE}") == "NXDOMAIN"
    assert inside.values(DB, "AAAA") == ["2001:db8:100:2::10"]
    aws.control.settings(insync_delay_s=0)
    assert inside.values(DB) == ["10.0.4.10"]
    assert inside.values(f"new.{ZONE}") == ["10.0.0.1"]
    assert inside.values(DB, "AAAA") == []


def test_later_change_overtakes_one_that_is_pending(
    aws: Aws, route53: Any, inside: Resolver
) -> None:
    aws.control.add_fault("route53", "pending", count=1)
    change(aws, route53, ("UPSERT", record(DB, "10.0.0.1")))
    change(aws, route53, ("UPSERT", record(WEB.replace("web", "new"), "10.0.0.9")))
    assert inside.values(DB) == ["10.0.2.10"]
    assert inside.values(f"new.{ZONE}") == ["10.0.0.9"]
    change(aws, route53, ("UPSERT", record(DB, "10.0.0.2")))
    assert inside.values(DB) == ["10.0.0.2"]
    aws.control.clear_faults()
    assert inside.values(DB) == ["10.0.0.2"]


def test_name_server_appears_after_the_delay_by_itself(
    aws: Aws, route53: Any, inside: Resolver
) -> None:
    aws.control.settings(insync_delay_s=1)
    change(aws, route53, ("UPSERT", record(DB, "10.0.4.10")))
    until(lambda: inside.values(DB) == ["10.0.4.10"], WAIT_S, "the name server to have the change")


def test_name_servers_fail_by_rule(aws: Aws, inside: Resolver) -> None:
    aws.control.add_fault("dns", "servfail", action=f"A {DB}", count=1)
    assert inside.values(f"none.{ZONE}") == "NXDOMAIN"
    assert inside.values(DB) == "SERVFAIL"
    assert inside.values(DB) == ["10.0.2.10"]
    aws.control.add_fault("dns", "hang")
    question = DNSRecord.question(DB)
    for tcp in (False, True):
        with pytest.raises(TimeoutError):
            question.send(inside.address, inside.port, tcp=tcp, timeout=0.3)
    aws.control.clear_faults()
    assert inside.values(DB) == ["10.0.2.10"]
    with pytest.raises(ControlError, match=r"kind: 'throttle' .* hang, servfail"):
        aws.control.add_fault("dns", "throttle")
    # A rule for every service is for those with an endpoint.
    aws.control.add_fault("*", "hang")
    assert inside.values(DB) == ["10.0.2.10"]


def test_rubbish_is_not_answered(inside: Resolver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.settimeout(0.2)
        answer = DNSRecord.question(DB).reply().pack()
        for rubbish in (b"", b"\0", b"\xff" * 40, answer):
            own.sendto(rubbish, (inside.address, inside.port))
            with pytest.raises(TimeoutError):
                own.recv(512)
    with socket.create_connection((inside.address, inside.port), timeout=WAIT_S) as own:
        own.sendall(b"\xff\xff\0")
    assert inside.values(DB) == ["10.0.2.10"]


# In a lab of namespaces.


@pytest.fixture(scope="module")
def machines() -> Iterator[Lab]:
    """A lab without a cluster: it is there in seconds."""
    with Lab.running(NAME, scenario="dns", with_cluster=False) as lab:
        yield lab


@pytest.fixture
def place(machines: Lab) -> Iterator[Lab]:
    """The lab with the record of the scenario and nothing broken."""
    yield machines
    machines.repair()
    machines.control.settings(insync_delay_s=0)
    upsert(machines, "10.0.2.10")


def upsert(lab: Lab, value: str, ttl: int = 10, name: str = DB) -> None:
    zone = next(zone["id"] for zone in lab.state()["zones"] if zone["private"])
    item = {"Action": "UPSERT", "ResourceRecordSet": record(name, value, ttl=ttl)}
    lab.control.aws(
        REGION,
        "route53",
        "ChangeResourceRecordSets",
        HostedZoneId=zone,
        ChangeBatch={"Changes": [item]},
    )


def resolved(lab: Lab, where: str, name: str = DB, database: str = "ahostsv4") -> str | None:
    """What an application on a machine gets for a name; None for nothing."""
    done = lab.exec(where, "getent", database, name, check=False)
    return done.stdout.split()[0] if done.returncode == 0 else None


def test_client_outside_asks_the_public_zone(place: Lab) -> None:
    assert resolved(place, "outside") == PUBLIC_IP
    with place.serving("n1", "n2"):
        assert place.ask(DB.rstrip("."), "outside") == "n1"


@pytest.mark.parametrize("where", ["n1", "n2", "client", "client-c"])
def test_machines_resolve_names(place: Lab, where: str) -> None:
    assert resolved(place, where) == "10.0.2.10"
    assert resolved(place, where, database="ahostsv6") == "2001:db8:100:2::10"
    assert resolved(place, where, f"none.{ZONE}") is None
    # Names of the machine's own file need no name server.
    assert resolved(place, where, "n2") == "10.0.4.10"
    assert resolved(place, where, f"ec2.{REGION}.amazonaws.com") is not None


def test_resolver_has_two_addresses(place: Lab) -> None:
    question = "from dnslib import *; import sys; "
    question += "print(DNSRecord.parse(DNSRecord.question(sys.argv[2]).send(sys.argv[1])).short())"
    for address in ("10.0.0.2", "169.254.169.253"):
        asked = place.exec("n1", sys.executable, "-c", question, address, DB, timeout_s=WAIT_S)
        assert asked.stdout.split() == ["10.0.2.10"]


def test_name_leads_to_the_machine(place: Lab) -> None:
    name = f"four.{ZONE}".rstrip(".")
    with place.serving("n1", "n2"):
        for node, address in (("n1", "10.0.2.10"), ("n2", "10.0.4.10")):
            upsert(place, address, name=name)
            assert place.ask(name) == node


def test_machines_go_on_with_the_old_record_while_pending(place: Lab) -> None:
    place.control.settings(insync_delay_s=None)
    upsert(place, "10.0.4.10")
    assert resolved(place, "client") == "10.0.2.10"
    place.control.settings(insync_delay_s=0)
    assert resolved(place, "client") == "10.0.4.10"


def test_name_servers_fail_for_one_machine(place: Lab) -> None:
    place.fault("dns", "servfail", node="n1")
    assert resolved(place, "n1") is None
    assert resolved(place, "n2") == "10.0.2.10"


@pytest.mark.parametrize("keeps", [True, False])
def test_client_keeps_an_address_for_its_ttl(place: Lab, tmp_path: Path, keeps: bool) -> None:
    """An application with a cache goes on to the old address; one that asks each time does not."""
    upsert(place, "10.0.2.10", ttl=3600 if keeps else 0)
    output = tmp_path / "client.jsonl"

    def answers() -> list[str | None]:
        return [request.who for request in client.read(output) if request.ok]

    with (
        place.serving("n1", "n2"),
        place.asking(f"http://{DB}:{SERVICE_PORT}/", output, resolve="A"),
    ):
        until(answers, WAIT_S, "the client to be answered")
        upsert(place, "10.0.4.10")
        before = len(answers())
        until(lambda: len(answers()) > before + 10, WAIT_S, "more answers")
        assert answers()[-1] == ("n1" if keeps else "n2")
    assert answers()[0] == "n1"
