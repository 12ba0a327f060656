# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's AWS against botocore as its client, on loopback and without privileges."""

from __future__ import annotations

import copy
import http.client
import json
import operator
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.exceptions
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, InstanceMetadataProvider
from botocore.utils import InstanceMetadataFetcher
from lab.aws import policy
from lab.aws.client import ControlError
from lab.aws.quotas import uses
from lab.aws.reqlog import rounds
from lab.state import until
from standalone import EC2_HOST, REGION, VIP, Aws, allow, refused, running, sending_from

OTHER_REGION = "us-west-2"
ROLE = "ocf-aws-node"
VIP6 = "2001:db8:1::10/128"


def _vpc(prefix: str, cidr6: str | None, routes: dict[str, str]) -> dict[str, Any]:
    subnet6 = cidr6.replace("::/56", ":2::/64") if cidr6 else None
    return {
        "cidr": f"{prefix}.0.0/16",
        "cidr6": cidr6,
        "subnets": {
            "a": {"cidr": f"{prefix}.2.0/24", "az": "ap-northeast-1a", "cidr6": subnet6},
            "c": {"cidr": f"{prefix}.4.0/24", "az": "ap-northeast-1c", "cidr6": None},
        },
        "route_tables": {
            "private-a": {"subnets": ["a"], "routes": routes},
            "private-c": {"subnets": ["c"], "routes": routes},
            "public": {"subnets": [], "routes": {"0.0.0.0/0": "igw"}},
        },
    }


def _machine(vpc: str, subnet: str, ip: str, **more: Any) -> dict[str, Any]:
    return {"region": REGION, "vpc": vpc, "subnet": subnet, "ip": ip, "ip6": None, **more}


# The VPC lies in 127.0.0.0/8, so that a test can send from a node's own address.
LAB = {
    "name": "pytest",
    "api_net": "198.18.0.0/24",
    "regions": {
        REGION: {
            "vpcs": {
                "main": _vpc("127.10", "2001:db8:100::/56", {VIP: "n1", VIP6: "n1"}),
                "other": _vpc("127.20", None, {}),
            }
        },
        OTHER_REGION: {"vpcs": {"main": _vpc("127.30", None, {})}},
    },
    "nodes": {
        "n1": _machine(
            "main",
            "a",
            "127.10.2.10",
            ip6="2001:db8:100:2::10",
            source_dest_check=False,
            role=ROLE,
        ),
        "n2": _machine(
            "main",
            "c",
            "127.10.4.10",
            source_dest_check=False,
            role=ROLE,
            extra_enis=[{"subnet": "a", "ip": "127.10.2.20"}],
        ),
        "stranger": _machine("other", "a", "127.20.2.10"),
    },
    "clients": {"client": _machine("main", "a", "127.10.2.100")},
}
for _vpc_of_other_region in LAB["regions"][OTHER_REGION]["vpcs"].values():
    for _subnet in _vpc_of_other_region["subnets"].values():
        _subnet["az"] = "us-west-2a"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running(tmp_path_factory.mktemp("aws"), LAB) as aws:
        # These tests are about the endpoints: what agents may do is their own tests' business.
        routes = ("ec2:ReplaceRoute", "ec2:CreateRoute", "ec2:ModifyNetworkInterfaceAttribute")
        machines = ("ec2:StartInstances", "ec2:StopInstances", "ec2:RebootInstances")
        aws.control.set_policy(ROLE, [allow("ec2:Describe*", *routes, *machines)])
        yield aws


@pytest.fixture
def aws(daemon: Aws) -> Iterator[Aws]:
    """The daemon with the routes where they were, no faults and an empty log."""
    yield daemon
    daemon.control.clear_faults()
    daemon.control.settings(read_delay_s=0, clock_offset_s=0, quotas=True, latency_ms=0)
    for table in ("private-a", "private-c"):
        for destination, route in daemon.routes(daemon.table(table)).items():
            if destination == VIP and route.get("NetworkInterfaceId") != daemon.eni("n1"):
                daemon.control.aws(
                    REGION,
                    "ec2",
                    "ReplaceRoute",
                    RouteTableId=daemon.table(table),
                    DestinationCidrBlock=VIP,
                    NetworkInterfaceId=daemon.eni("n1"),
                )
    daemon.control.clear_requests()


@pytest.fixture(scope="module")
def ec2(daemon: Aws) -> Any:
    return daemon.client()


# Calls and their answers.


def test_credentials_from_imds_are_accepted(aws: Aws) -> None:
    fetcher = InstanceMetadataFetcher(
        base_url=aws.topology["standalone"]["imds"]["n1"] + "/", user_agent="test", timeout=5
    )
    credentials = InstanceMetadataProvider(fetcher).load()
    identity = aws.client("sts", credentials=credentials).get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert identity["Arn"].endswith(f":assumed-role/{ROLE}/{aws.instance('n1')}")


def test_replace_route_moves_the_route_and_is_recorded(aws: Aws, ec2: Any) -> None:
    table = aws.table("private-a")
    answer = aws.replace(ec2, "n2")
    assert re.fullmatch(
        r"[0-9a-f-]{36}", answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    )
    assert "date" in answer["ResponseMetadata"]["HTTPHeaders"]
    route = aws.routes(table)[VIP]
    assert route["NetworkInterfaceId"] == aws.eni("n2")
    assert route["InstanceId"] == aws.instance("n2")
    assert route["InstanceOwnerId"] == "123456789012"
    assert (route["State"], route["Origin"]) == ("active", "CreateRoute")
    last = json.loads((aws.state_dir / "events.jsonl").read_text().splitlines()[-1])
    assert last["action"] == "ReplaceRoute"
    assert last["changes"] == [
        {
            "what": "route",
            "region": REGION,
            "table": "private-a",
            "table_id": table,
            "destination": VIP,
            "old": {"target": aws.eni("n1"), "state": "active"},
            "new": {"target": aws.eni("n2"), "state": "active"},
        }
    ]


def test_answer_has_one_request_id_the_namespace_and_return(aws: Aws) -> None:
    status, headers, body = aws.post(
        {
            "Action": "ReplaceRoute",
            "Version": "2016-11-15",
            "RouteTableId": aws.table("private-a"),
            "DestinationCidrBlock": VIP,
            "NetworkInterfaceId": aws.eni("n1"),
        }
    )
    assert status == 200
    text = body.decode()
    assert 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"' in text
    assert f"<requestId>{headers['x-amzn-RequestId']}</requestId>" in text
    assert "<return>true</return>" in text


def test_error_has_the_shape_of_the_service(aws: Aws) -> None:
    status, headers, body = aws.post({"Action": "Nonsense", "Version": "2016-11-15"})
    assert status == 400
    assert b"<Response><Errors><Error><Code>InvalidAction</Code>" in body
    assert f"<RequestID>{headers['x-amzn-RequestId']}</RequestID>".encode() in body
    status, _, body = aws.post(
        {"Action": "Nonsense", "Version": "2011-06-15"},
        scope=("sts", REGION),
        host=f"sts.{REGION}.amazonaws.com",
    )
    assert status == 400
    assert b"<ErrorResponse xmlns=" in body and b"<Type>Sender</Type>" in body


def _administrator(aws: Aws) -> Credentials:
    """The keys of a user who may do everything."""
    if aws.administrator is None:
        aws.control.aws(REGION, "iam", "CreateUser", UserName="admin")
        aws.control.aws(
            REGION,
            "iam",
            "PutUserPolicy",
            UserName="admin",
            PolicyName="all",
            PolicyDocument=json.dumps(allow("*")),
        )
        key = aws.control.aws(REGION, "iam", "CreateAccessKey", UserName="admin")["AccessKey"]
        aws.administrator = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    return aws.administrator


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("route53", "list_hosted_zones"),
        ("elbv2", "describe_target_groups"),
        ("iam", "list_roles"),
    ],
)
def test_every_service_answers(aws: Aws, service: str, operation: str) -> None:
    client = aws.client(service, credentials=_administrator(aws))
    answer = getattr(client, operation)()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    with refused("AccessDenied", 403, "no identity-based policy allows"):
        getattr(aws.client(service), operation)()


# Where moto and EC2 differ.


def test_dry_run_changes_nothing(aws: Aws, ec2: Any) -> None:
    with refused("DryRunOperation", 412):
        aws.replace(ec2, "n2", DryRun=True)
    with refused("DryRunOperation", 412):
        ec2.create_route(
            RouteTableId=aws.table("private-a"),
            DestinationCidrBlock="10.1.0.77/32",
            NetworkInterfaceId=aws.eni("n1"),
            DryRun=True,
        )
    with refused("DryRunOperation", 412):
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=aws.eni("n1"), SourceDestCheck={"Value": True}, DryRun=True
        )
    for operation in ("describe_route_tables", "describe_vpcs", "describe_network_interfaces"):
        with refused("DryRunOperation", 412):
            getattr(ec2, operation)(DryRun=True)
    with refused("UnauthorizedOperation", 403):
        ec2.create_vpc(CidrBlock="10.9.0.0/16", DryRun=True)
    assert aws.routes(aws.table("private-a"))[VIP]["NetworkInterfaceId"] == aws.eni("n1")


def test_bad_route_requests_are_refused_and_change_nothing(aws: Aws, ec2: Any) -> None:
    table, eni = aws.table("private-a"), aws.eni("n1")
    good = {
        "RouteTableId": table,
        "DestinationCidrBlock": VIP,
        "NetworkInterfaceId": eni,
    }
    before = aws.routes(table)
    cases = [
        ("InvalidParameterValue", "There is no route", {"DestinationCidrBlock": "10.1.0.99/32"}),
        ("InvalidParameterValue", "not a valid CIDR", {"DestinationCidrBlock": "10.1.0.10"}),
        ("InvalidParameterValue", "subnet CIDR", {"DestinationCidrBlock": "127.10.2.77/32"}),
        ("InvalidRouteTableID.NotFound", "does not exist", {"RouteTableId": "rtb-12345678"}),
        ("InvalidRouteTableId.Malformed", "rtb-xyz", {"RouteTableId": "rtb-xyz"}),
        ("InvalidNetworkInterfaceID.NotFound", "", {"NetworkInterfaceId": "eni-12345678"}),
        ("InvalidNetworkInterfaceId.Malformed", "", {"NetworkInterfaceId": "eni-1"}),
        ("InvalidParameterCombination", "", {"GatewayId": "igw-12345678"}),
        (
            "InvalidParameterValue",
            "different networks",
            {"NetworkInterfaceId": aws.eni("stranger")},
        ),
    ]
    for code, text, change in cases:
        with refused(code, 400, text):
            ec2.replace_route(**{**good, **change})
    for missing in ("NetworkInterfaceId", "DestinationCidrBlock"):
        with refused("MissingParameter", 400):
            ec2.replace_route(**{name: good[name] for name in good if name != missing})
    with refused("InvalidInstanceID", 400, "multiple interfaces"):
        ec2.replace_route(
            RouteTableId=table, DestinationCidrBlock=VIP, InstanceId=aws.instance("n2")
        )
    with refused("RouteAlreadyExists", 400):
        ec2.create_route(**good)
    assert aws.routes(table) == before


def test_parameters_are_checked_against_the_model(aws: Aws) -> None:
    base = {"Action": "ReplaceRoute", "Version": "2016-11-15"}
    cases = {
        "UnknownParameter": {"RouteTableId": "rtb-12345678", "DestinationIPv6CidrBlock": VIP6},
        "MissingParameter": {"DestinationCidrBlock": VIP},
        "InvalidParameterValue": {"RouteTableId": "rtb-12345678", "DryRun": "yes"},
    }
    for code, params in cases.items():
        status, _, body = aws.post({**base, **params})
        assert (status, f"<Code>{code}</Code>" in body.decode()) == (400, True), body
    for version in ({}, {"Version": "2001-01-01"}):
        body = aws.post({"Action": "DescribeVpcs", **version})[2]
        assert b"<Code>InvalidAction</Code>" in body


def test_ipv6_routes(aws: Aws, ec2: Any) -> None:
    table = aws.table("private-a")
    ec2.replace_route(
        RouteTableId=table, DestinationIpv6CidrBlock=VIP6, NetworkInterfaceId=aws.eni("n2")
    )
    assert aws.routes(table)[VIP6]["NetworkInterfaceId"] == aws.eni("n2")
    spelt_out = "2001:0db8:0001:0:0:0:0:0010/128"
    ec2.replace_route(
        RouteTableId=table, DestinationIpv6CidrBlock=spelt_out, NetworkInterfaceId=aws.eni("n1")
    )
    assert aws.routes(table)[VIP6]["NetworkInterfaceId"] == aws.eni("n1")
    with refused("RouteAlreadyExists", 400):
        ec2.create_route(
            RouteTableId=table, DestinationIpv6CidrBlock=VIP6, NetworkInterfaceId=aws.eni("n1")
        )


def test_describe_filters(aws: Aws, ec2: Any) -> None:
    def found(**filters: str) -> set[str]:
        given = [
            {"Name": name.replace("__", ".").replace("_", "-"), "Values": [value]}
            for name, value in filters.items()
        ]
        answer = ec2.describe_route_tables(Filters=given)
        return {table["RouteTableId"] for table in answer["RouteTables"]}

    with_vip = {aws.table("private-a"), aws.table("private-c")}
    assert found(route__destination_cidr_block=VIP) == with_vip
    assert found(route__destination_ipv6_cidr_block=VIP6) == with_vip
    assert found(route__destination_cidr_block=VIP, vpc_id=aws.vpc("other")) == set()
    assert len(found(vpc_id=aws.vpc())) == 4
    assert found(route__state="blackhole") == set()
    assert found(route__instance_id=aws.instance("n1")) == with_vip
    with refused("InvalidParameterValue", 400, "The filter 'bogus' is invalid"):
        found(bogus="x")


def test_describe_pages(aws: Aws, ec2: Any) -> None:
    pages = list(
        ec2.get_paginator("describe_route_tables").paginate(PaginationConfig={"PageSize": 5})
    )
    assert [len(page["RouteTables"]) for page in pages] == [5, 3]
    too_few = {"Action": "DescribeRouteTables", "Version": "2016-11-15", "MaxResults": "4"}
    assert b"<Code>InvalidParameterValue</Code>" in aws.post(too_few)[2]
    with refused("InvalidParameterValue", 400):
        ec2.describe_route_tables(MaxResults=5, NextToken="nonsense!")
    pages = list(
        ec2.get_paginator("describe_network_interfaces").paginate(PaginationConfig={"PageSize": 5})
    )
    assert sum(len(page["NetworkInterfaces"]) for page in pages) == 5


def test_source_dest_check_of_an_instance_is_its_interfaces(aws: Aws, ec2: Any) -> None:
    def checks() -> tuple[bool, bool]:
        instance = aws.control.aws(
            REGION, "ec2", "DescribeInstances", InstanceIds=[aws.instance("n1")]
        )["Reservations"][0]["Instances"][0]
        return instance["SourceDestCheck"], instance["NetworkInterfaces"][0]["SourceDestCheck"]

    def modify(instance: str, value: bool) -> None:
        aws.control.aws(
            REGION,
            "ec2",
            "ModifyInstanceAttribute",
            InstanceId=instance,
            SourceDestCheck={"Value": value},
        )

    assert checks() == (False, False)
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=aws.eni("n1"), SourceDestCheck={"Value": True}
    )
    assert checks() == (True, True)
    modify(aws.instance("n1"), False)
    assert checks() == (False, False)


def test_unknown_table_is_named(aws: Aws, ec2: Any) -> None:
    with refused("InvalidRouteTableID.NotFound", 400, "rtb-00000000"):
        ec2.describe_route_tables(RouteTableIds=[aws.table("private-a"), "rtb-00000000"])


def _spare_instance(aws: Aws) -> tuple[str, str]:
    subnet = aws.topology["regions"][REGION]["vpcs"]["main"]["subnets"]["a"]["id"]
    eni = aws.control.aws(REGION, "ec2", "CreateNetworkInterface", SubnetId=subnet)
    eni_id = eni["NetworkInterface"]["NetworkInterfaceId"]
    started = aws.control.aws(
        REGION,
        "ec2",
        "RunInstances",
        ImageId="ami-0123456789abcdef0",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": eni_id}],
    )
    return started["Instances"][0]["InstanceId"], eni_id


def test_route_is_a_blackhole_without_a_running_instance(aws: Aws) -> None:
    instance, eni = _spare_instance(aws)
    table = aws.table("private-c")

    def state() -> tuple[str, str | None]:
        route = aws.routes(table)["10.1.0.20/32"]
        return route["State"], route.get("InstanceId")

    def do(operation: str, **params: Any) -> None:
        aws.control.aws(REGION, "ec2", operation, **params)

    do(
        "CreateRoute",
        RouteTableId=table,
        DestinationCidrBlock="10.1.0.20/32",
        NetworkInterfaceId=eni,
    )
    assert state() == ("active", instance)
    do("StopInstances", InstanceIds=[instance])
    assert state() == ("blackhole", instance)
    do("StartInstances", InstanceIds=[instance])
    assert state() == ("active", instance)
    do("TerminateInstances", InstanceIds=[instance])
    assert state() == ("blackhole", None)
    do("DeleteNetworkInterface", NetworkInterfaceId=eni)
    assert state() == ("blackhole", None)
    assert aws.routes(table)["10.1.0.20/32"]["NetworkInterfaceId"] == eni
    do("DeleteRoute", RouteTableId=table, DestinationCidrBlock="10.1.0.20/32")


def test_stop_and_start_as_a_fence_agent_does(aws: Aws, ec2: Any) -> None:
    instance = aws.instance("n2")

    def state() -> str:
        answer = ec2.describe_instances(InstanceIds=[instance])
        return answer["Reservations"][0]["Instances"][0]["State"]["Name"]

    answer = ec2.stop_instances(InstanceIds=[instance], Force=True)["StoppingInstances"][0]
    assert answer["CurrentState"]["Name"] == "stopping"
    assert state() == "stopped"
    with refused("IncorrectInstanceState", 400):
        ec2.reboot_instances(InstanceIds=[instance])
    ec2.start_instances(InstanceIds=[instance])
    assert state() == "running"
    ec2.reboot_instances(InstanceIds=[instance])
    assert state() == "running"


def test_machine_is_switched_before_the_state_is_final() -> None:
    from lab.aws.cloud import Cloud
    from lab.aws.endpoints import resolve
    from lab.aws.power import Power
    from lab.aws.seed import Seeder

    cloud = Cloud()
    lab = copy.deepcopy(LAB)
    topology = Seeder(cloud, lab).build(resolve([REGION], lab["api_net"]))
    instance = topology["nodes"]["n1"]["instance"]
    switched, calls = threading.Event(), []

    def switch(node: str, what: str) -> bool:
        calls.append((node, what))
        return switched.wait(5)

    power = Power(cloud, switch)

    def act(action: str) -> None:
        done = power.before("n2", REGION, action, [instance])
        cloud.method(cloud.client("ec2", REGION), action)(InstanceIds=[instance])
        done()

    def state() -> str:
        return cloud.backend("ec2", REGION).get_instance(instance).state

    act("StopInstances")
    assert state() == "stopping"
    act("StopInstances")
    assert state() == "stopping"
    switched.set()
    power.wait(5)
    assert (state(), calls) == ("stopped", [("n1", "off")])
    act("StartInstances")
    power.wait(5)
    assert (state(), calls[-1]) == ("running", ("n1", "on"))


def test_reads_lag_behind_writes(aws: Aws, ec2: Any) -> None:
    table = aws.table("private-a")

    def seen() -> str:
        answer = ec2.describe_route_tables(RouteTableIds=[table])
        routes = answer["RouteTables"][0]["Routes"]
        return next(r for r in routes if r.get("DestinationCidrBlock") == VIP)["NetworkInterfaceId"]

    aws.control.settings(read_delay_s=60)
    aws.replace(ec2, "n2")
    assert seen() == aws.eni("n1")
    assert aws.routes(table)[VIP]["NetworkInterfaceId"] == aws.eni("n2")
    aws.control.settings(read_delay_s=1)
    until(lambda: seen() == aws.eni("n2"), 5, "the read to catch up with the write")


def test_quota_of_route_changes(aws: Aws, ec2: Any) -> None:
    codes = []
    for _ in range(70):
        try:
            aws.replace(ec2, "n1")
        except botocore.exceptions.ClientError as error:
            codes.append(error.response["Error"]["Code"])
            break
    assert codes == ["RequestLimitExceeded"]
    ec2.describe_vpcs()
    aws.control.settings(quotas=False)
    aws.replace(ec2, "n1")


def test_records_are_part_of_the_state(aws: Aws) -> None:
    zone = aws.control.aws(
        REGION, "route53", "CreateHostedZone", Name="example.com.", CallerReference="1"
    )["HostedZone"]["Id"]
    change = {
        "Name": "vip.example.com.",
        "Type": "A",
        "TTL": 10,
        "ResourceRecords": [{"Value": "10.1.0.10"}],
    }
    aws.control.aws(
        REGION,
        "iam",
        "PutRolePolicy",
        RoleName=ROLE,
        PolicyName="dns",
        PolicyDocument=json.dumps(allow("route53:*", resource=f"arn:aws:route53:::{zone[1:]}")),
    )
    route53 = aws.client("route53")
    route53.change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": change}]},
    )
    records = route53.list_resource_record_sets(
        HostedZoneId=zone, StartRecordName="vip.example.com"
    )
    assert records["ResourceRecordSets"][0]["ResourceRecords"] == [{"Value": "10.1.0.10"}]
    with refused("AccessDenied", 403, "route53:ListHostedZones"):
        route53.list_hosted_zones()
    found = aws.control.state()["zones"][0]
    assert {
        "name": "vip.example.com.",
        "type": "A",
        "ttl": 10,
        "values": ["10.1.0.10"],
        "set_identifier": None,
        "weight": None,
        "failover": None,
    } in found["records"]
    event = json.loads((aws.state_dir / "events.jsonl").read_text().splitlines()[-1])
    assert event["changes"][0]["what"] == "record"


def test_interfaces_in_use_stay(aws: Aws) -> None:
    keys = _administrator(aws)
    ec2 = aws.client(credentials=keys)
    with refused("InvalidParameterValue", 400, "currently in use"):
        ec2.delete_network_interface(NetworkInterfaceId=aws.eni("n1"))
    nics = ec2.describe_network_interfaces(NetworkInterfaceIds=[aws.eni("n1")])
    attachment = nics["NetworkInterfaces"][0]["Attachment"]["AttachmentId"]
    with refused("OperationNotPermitted", 400, "device index 0"):
        ec2.detach_network_interface(AttachmentId=attachment)


# Signatures and credentials.


def _code(body: bytes) -> str:
    return re.search(rb"<Code>([^<]+)</Code>", body)[1].decode()


DESCRIBE = {"Action": "DescribeVpcs", "Version": "2016-11-15"}


def test_signature_covers_the_request(aws: Aws) -> None:
    def body(request: AWSRequest) -> None:
        request.data += "&MaxResults=5"

    def date(request: AWSRequest) -> None:
        value = request.headers["X-Amz-Date"]
        other = "1Z" if value.endswith("0Z") else "0Z"
        request.headers.replace_header("X-Amz-Date", value[:-2] + other)

    def signature(request: AWSRequest) -> None:
        value = request.headers["Authorization"]
        request.headers.replace_header("Authorization", value[:-4] + "0000")

    for change in (body, date, signature):
        status, _, answer = aws.post(DESCRIBE, change=change)
        assert (status, _code(answer)) == (403, "SignatureDoesNotMatch"), change


def test_headers_that_must_be_signed(aws: Aws) -> None:
    def unsigned_token(request: AWSRequest) -> None:
        value = request.headers["Authorization"].replace(";x-amz-security-token", "")
        request.headers.replace_header("Authorization", value)

    def no_token(request: AWSRequest) -> None:
        del request.headers["X-Amz-Security-Token"]

    def no_signature(request: AWSRequest) -> None:
        del request.headers["Authorization"]

    assert _code(aws.post(DESCRIBE, change=unsigned_token)[2]) == "SignatureDoesNotMatch"
    assert _code(aws.post(DESCRIBE, change=no_token)[2]) == "AuthFailure"
    assert _code(aws.post(DESCRIBE, change=no_signature)[2]) == "AuthFailure"


def test_wrong_keys(aws: Aws) -> None:
    good = aws.credentials()
    wrong = Credentials(good.access_key, "x" * 40, good.token)
    unknown = Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)
    assert _code(aws.post(DESCRIBE, wrong)[2]) == "SignatureDoesNotMatch"
    status, _, body = aws.post(DESCRIBE, unknown)
    assert (status, _code(body)) == (401, "AuthFailure")
    with refused("InvalidClientTokenId", 403):
        aws.client("sts", credentials=unknown).get_caller_identity()


def test_scope_must_be_the_endpoints(aws: Aws) -> None:
    assert _code(aws.post(DESCRIBE, scope=("ec2", OTHER_REGION))[2]) == "AuthFailure"
    assert _code(aws.post(DESCRIBE, scope=("sts", REGION))[2]) == "SignatureDoesNotMatch"


def test_clock_may_be_five_minutes_off(aws: Aws) -> None:
    credentials = aws.credentials()
    ec2, sts = aws.client(credentials=credentials), aws.client("sts", credentials=credentials)
    for offset in (-240, 240):
        aws.control.settings(clock_offset_s=offset)
        ec2.describe_vpcs()
    for offset, text in ((-600, "Signature not yet current"), (600, "Signature expired")):
        aws.control.settings(clock_offset_s=offset)
        with refused("AuthFailure", 401):
            ec2.describe_vpcs()
        with refused("SignatureDoesNotMatch", 403, text):
            sts.get_caller_identity()


def test_credentials_expire_and_rotate(aws: Aws) -> None:
    old = aws.credentials()
    aws.control.rotate("n1", expire_old=True)
    with refused("RequestExpired", 400):
        aws.client(credentials=old).describe_vpcs()
    with refused("ExpiredToken", 403):
        aws.client("sts", credentials=old).get_caller_identity()
    short = aws.control.rotate("n1", lifetime_s=100)
    path = f"meta-data/iam/security-credentials/{ROLE}"
    assert json.loads(aws.metadata(path))["AccessKeyId"] == short["AccessKeyId"]
    aws.control.settings(clock_offset_s=95)
    renewed = json.loads(aws.metadata(path))
    assert renewed["AccessKeyId"] != short["AccessKeyId"]
    assert renewed["Expiration"] > short["Expiration"]


def test_random_requests_signed_by_botocore_are_accepted(aws: Aws) -> None:
    credentials = aws.credentials()
    texts = ["ü é/%20+&=~", "日本語", "a b  c", "*'();:@$,[]", "tab\tnewline\n"]
    for text in texts:
        params = {**DESCRIBE, "Filter.1.Name": "tag:Name", "Filter.1.Value.1": text}
        status, _, body = aws.post(params, credentials)
        assert status == 200, body
    for text in texts:
        request = AWSRequest(
            "GET", f"https://{EC2_HOST}/", params={**DESCRIBE, "Filter.1.Name": "tag:Name"}
        )
        request.params["Filter.1.Value.1"] = text
        request.headers["Host"] = EC2_HOST
        SigV4Auth(credentials, "ec2", REGION).add_auth(request)
        path = "/" + request.prepare().url.partition(EC2_HOST + "/")[2]
        status, _, body = aws.send("GET", path, None, dict(request.headers.items()))
        assert status == 200, body


# Permissions.


@pytest.fixture
def own_role(aws: Aws) -> Iterator[tuple[str, Credentials]]:
    """A role that a test may give policies, and a session of it."""
    name = "test-role"
    arn = f"arn:aws:iam::123456789012:role/{name}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::123456789012:role/{ROLE}"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    aws.control.aws(
        REGION, "iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=json.dumps(trust)
    )
    answer = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="s1")
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/test-role/s1")
    keys = answer["Credentials"]
    yield (
        name,
        Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]),
    )
    aws.control.set_policy(name, [])
    aws.control.aws(REGION, "iam", "DeleteRole", RoleName=name)


def test_policy_decides_by_action_and_table(aws: Aws, own_role: tuple[str, Credentials]) -> None:
    role, credentials = own_role
    ec2 = aws.client(credentials=credentials)
    with refused("UnauthorizedOperation", 403, "ec2:DescribeVpcs"):
        ec2.describe_vpcs()
    own = f"arn:aws:ec2:{REGION}:123456789012:route-table/{aws.table('private-a')}"
    aws.control.set_policy(role, [allow("ec2:Describe*"), allow("ec2:ReplaceRoute", resource=own)])
    ec2.describe_vpcs()
    aws.replace(ec2, "n2")
    with refused("UnauthorizedOperation", 403, aws.table("private-c")):
        aws.replace(ec2, "n2", aws.table("private-c"))
    aws.control.set_policy(
        role, [allow("ec2:*"), allow("ec2:replaceroute", resource=own, effect="Deny")]
    )
    with refused("UnauthorizedOperation", 403, "explicit deny"):
        aws.replace(ec2, "n1")
    aws.replace(ec2, "n2", aws.table("private-c"))
    # A resource-level permission does not cover calls that know no resources.
    aws.control.set_policy(role, [allow("ec2:DescribeRouteTables", resource=own)])
    with refused("UnauthorizedOperation", 403):
        ec2.describe_route_tables()
    aws.control.set_policy(role)
    ec2.describe_route_tables()


def test_policies_that_cannot_be_evaluated_are_refused(aws: Aws) -> None:
    condition = {"Bool": {"aws:SecureTransport": "true"}}
    with pytest.raises(ControlError, match="'Bool' is not supported"):
        aws.control.set_policy(ROLE, [allow("ec2:*", Condition=condition)])
    with pytest.raises(ControlError, match="policy variable"):
        aws.control.set_policy(ROLE, [allow("ec2:*", resource="arn:aws:x:::${aws:username}")])
    bad = json.dumps(allow("ec2:*", Condition=condition))
    administrator = aws.client("iam", credentials=_administrator(aws))
    with refused("MalformedPolicyDocument", 400, "'Bool' is not supported"):
        administrator.put_role_policy(RoleName=ROLE, PolicyName="bad", PolicyDocument=bad)
    with pytest.raises(ControlError, match="'Bool' is not supported"):
        aws.control.aws(
            REGION, "iam", "PutRolePolicy", RoleName=ROLE, PolicyName="bad", PolicyDocument=bad
        )
    with pytest.raises(ControlError, match="role: 'nobody' is not possible"):
        aws.control.set_policy("nobody", [allow("ec2:*")])


def test_policy_elements() -> None:
    def decide(document: dict, action: str, resource: str = "*") -> policy.Decision:
        context = {"aws:requestedregion": REGION}
        return policy.evaluate(policy.load(document), action, resource, context)

    allowed, denied = policy.Decision.ALLOW, policy.Decision.IMPLICIT_DENY
    assert decide(allow("ec2:Describe?pcs"), "ec2:DescribeVpcs") is allowed
    assert decide(allow("ec2:[D]escribeVpcs"), "ec2:DescribeVpcs") is denied
    inverse = {"Statement": {"Effect": "Allow", "NotAction": "ec2:*", "Resource": "*"}}
    assert decide(inverse, "ec2:DescribeVpcs") is denied
    assert decide(inverse, "route53:GetChange") is allowed
    here = {"StringEquals": {"aws:RequestedRegion": REGION}}
    there = {"StringNotEquals": {"aws:RequestedRegion": [REGION, "x"]}}
    assert decide(allow("ec2:*", Condition=here), "ec2:DescribeVpcs") is allowed
    assert decide(allow("ec2:*", Condition=there), "ec2:DescribeVpcs") is denied
    with pytest.raises(policy.PolicyError, match="Effect"):
        policy.load({"Statement": {"Effect": "Maybe", "Action": "*", "Resource": "*"}})


def test_assume_role_needs_the_external_id(aws: Aws) -> None:
    trust = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::123456789012:role/{ROLE}"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "secret-id"}},
            }
        ]
    }
    aws.control.aws(
        REGION,
        "iam",
        "CreateRole",
        RoleName="with-id",
        AssumeRolePolicyDocument=json.dumps(trust),
    )
    sts = aws.client("sts")
    call = {"RoleArn": "arn:aws:iam::123456789012:role/with-id", "RoleSessionName": "s1"}
    with refused("AccessDenied", 403, "sts:AssumeRole"):
        sts.assume_role(**call)
    with refused("AccessDenied", 403):
        sts.assume_role(**call, ExternalId="wrong")
    sts.assume_role(**call, ExternalId="secret-id")
    with refused("ValidationError", 400, "MaxSessionDuration"):
        sts.assume_role(**call, ExternalId="secret-id", DurationSeconds=7200)
    with refused("AccessDenied", 403):
        sts.assume_role(RoleArn=call["RoleArn"] + "-not", RoleSessionName="s1")


def test_web_identity(aws: Aws) -> None:
    trust = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {
                    "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.lab.invalid"
                },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {"oidc.lab.invalid:sub": "pod-1"}},
            }
        ]
    }
    aws.control.aws(
        REGION, "iam", "CreateRole", RoleName="web", AssumeRolePolicyDocument=json.dumps(trust)
    )
    aws.control.set_policy("web", [allow("ec2:DescribeVpcs")])
    sts = aws.client("sts")

    def assume(token: str) -> dict[str, Any]:
        return sts.assume_role_with_web_identity(
            RoleArn="arn:aws:iam::123456789012:role/web",
            RoleSessionName="s1",
            WebIdentityToken=token,
        )

    token = aws.control.web_identity("pod-1", "sts.amazonaws.com")
    keys = assume(token)["Credentials"]
    session = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    aws.client(credentials=session).describe_vpcs()
    with refused("AccessDenied", 403):
        assume(aws.control.web_identity("pod-2", "sts.amazonaws.com"))
    with refused("InvalidIdentityToken", 400):
        assume(token[:-8] + "AAAAAAAA")
    with refused("ExpiredTokenException", 400):
        assume(aws.control.web_identity("pod-1", "sts.amazonaws.com", lifetime_s=-1))


# Faults.


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "RequestLimitExceeded", 503),
        ("e500", "InternalError", 500),
        ("e503", "Unavailable", 503),
        ("denied", "UnauthorizedOperation", 403),
        ("expired", "ExpiredToken", 400),
        ("reqexpired", "RequestExpired", 400),
        ("badsig", "SignatureDoesNotMatch", 403),
        ("skew", "AuthFailure", 401),
    ],
)
def test_fault_answers_an_error(aws: Aws, ec2: Any, kind: str, code: str, status: int) -> None:
    aws.control.add_fault("ec2", kind, action="ReplaceRoute", count=1)
    with refused(code, status):
        aws.replace(ec2, "n2")
    assert aws.routes(aws.table("private-a"))[VIP]["NetworkInterfaceId"] == aws.eni("n1")
    aws.replace(ec2, "n2")
    assert [entry["fault"] for entry in aws.control.requests()] == [kind, None]


def test_fault_codes_of_other_services(aws: Aws) -> None:
    sts = aws.client("sts")
    for kind, code, status in (
        ("throttle", "Throttling", 400),
        ("denied", "AccessDenied", 403),
        ("skew", "SignatureDoesNotMatch", 403),
    ):
        aws.control.add_fault("sts", kind, count=1)
        with refused(code, status):
            sts.get_caller_identity()
    aws.control.add_fault("sts", "mix", count=4)
    codes = []
    for _ in range(4):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            sts.get_caller_identity()
        codes.append(caught.value.response["Error"]["Code"])
    assert codes == ["InternalError", "ServiceUnavailable"] * 2


def test_skew_shows_in_the_date_header(aws: Aws) -> None:
    credentials = aws.credentials()
    aws.control.add_fault("ec2", "skew", param=-600)
    _, headers, body = aws.post(DESCRIBE, credentials)
    assert _code(body) == "AuthFailure"
    date = parsedate_to_datetime(headers["Date"])
    assert -605 < date.timestamp() - time.time() < -595


def test_fault_spoils_the_body(aws: Aws, ec2: Any) -> None:
    whole = aws.post(DESCRIBE)[2]
    answers = {}
    for kind in ("truncate", "wrongroot", "badutf8", "empty", "html502"):
        aws.control.add_fault("ec2", kind, count=1)
        answers[kind] = aws.post(DESCRIBE)
    assert (
        answers["truncate"][2]
        == re.sub(
            rb"(?<=requestId>)[^<]*", answers["truncate"][1]["x-amzn-RequestId"].encode(), whole
        )[: len(answers["truncate"][2])]
    )
    assert len(answers["truncate"][2]) == len(whole) // 2
    assert answers["wrongroot"][2].startswith(b"<Unexpected>")
    with pytest.raises(UnicodeDecodeError):
        answers["badutf8"][2].decode()
    assert (answers["empty"][0], answers["empty"][2]) == (200, b"")
    assert (answers["html502"][0], answers["html502"][1]["Content-Type"]) == (502, "text/html")
    for param, expected in (("entity", b"<!ENTITY e11 "), ("nesting", b"<a><a><a>")):
        aws.control.add_fault("ec2", "bomb", count=1, param=param)
        assert expected in aws.post(DESCRIBE)[2]
    aws.control.add_fault("ec2", "huge", count=1, param=3)
    body = aws.post(DESCRIBE)[2]
    assert 2.9e6 < len(body) < 3.2e6 and body.endswith(b"</DescribeVpcsResponse>")


def test_fault_breaks_the_connection(aws: Aws) -> None:
    # Without TLS, because Python's ssl module takes a reset for the end of the data.
    aws.control.add_fault("ec2", "reset", count=1)
    with pytest.raises(ConnectionResetError):
        aws.post(DESCRIBE)
    aws.control.add_fault("ec2", "hang", count=1)
    impatient = aws.client(read_timeout_s=0.3)
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        impatient.describe_vpcs()
    impatient.describe_vpcs()


def test_lost_answer_of_a_write_that_was_done(aws: Aws, ec2: Any) -> None:
    aws.control.add_fault("ec2", "lost", action="ReplaceRoute", count=1)
    with pytest.raises(botocore.exceptions.HTTPClientError):
        aws.replace(ec2, "n2")
    assert aws.routes(aws.table("private-a"))[VIP]["NetworkInterfaceId"] == aws.eni("n2")
    entry = aws.control.requests()[-1]
    assert (entry["status"], entry["bytes_out"], entry["fault"]) == (0, 0, "lost")


def test_held_request_is_served_when_its_sender_has_gone(aws: Aws, ec2: Any) -> None:
    rule = aws.control.add_fault("ec2", "held", action="ReplaceRoute")
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        aws.replace(aws.client(read_timeout_s=0.3), "n2")
    assert [found["hits"] for found in aws.control.faults()] == [1]
    table = aws.table("private-a")
    assert aws.routes(table)[VIP]["NetworkInterfaceId"] == aws.eni("n1")
    aws.control.clear_faults(rule["id"])
    until(lambda: aws.routes(table)[VIP]["NetworkInterfaceId"] == aws.eni("n2"), 5, "the write")


def test_slow_and_latency(aws: Aws, ec2: Any) -> None:
    aws.control.add_fault("ec2", "slow", count=1, param=300)
    start = time.monotonic()
    ec2.describe_vpcs()
    assert 0.3 <= time.monotonic() - start < 1.5
    aws.control.settings(latency_ms=200)
    start = time.monotonic()
    ec2.describe_vpcs()
    assert 0.2 <= time.monotonic() - start < 1.5


def test_stale_reads_by_rule(aws: Aws, ec2: Any) -> None:
    table = aws.table("private-a")
    aws.control.add_fault("ec2", "stale", action="DescribeRouteTables", param=30)
    aws.replace(ec2, "n2")
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert aws.eni("n1") in [route.get("NetworkInterfaceId") for route in routes]
    aws.control.clear_faults()
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert aws.eni("n2") in [route.get("NetworkInterfaceId") for route in routes]


def test_bad_certificate_of_one_service(aws: Aws) -> None:
    credentials = aws.credentials()
    aws.control.add_fault("ec2", "badcert", count=1)
    aws.client("sts", credentials=credentials).get_caller_identity()
    with pytest.raises(botocore.exceptions.SSLError):
        aws.client(credentials=credentials).describe_vpcs()
    aws.client(credentials=credentials).describe_vpcs()
    assert "Traceback" not in (aws.state_dir / "daemon.log").read_text()
    assert any("TLS" in (entry["code"] or "") for entry in aws.control.requests())


def test_rule_selects_by_parameter_region_and_node(aws: Aws, ec2: Any) -> None:
    table = aws.table("private-c")
    aws.control.add_fault("ec2", "denied", match={"RouteTableId": table})
    aws.replace(ec2, "n1")
    with refused("UnauthorizedOperation"):
        aws.replace(ec2, "n1", table)
    aws.control.clear_faults()
    aws.control.add_fault("*", "e500", region=OTHER_REGION)
    ec2.describe_vpcs()
    with refused("InternalError"):
        aws.client(region=OTHER_REGION).describe_vpcs()
    aws.control.clear_faults()
    aws.control.add_fault("ec2", "e503", node="n2")
    for address, works in (("127.10.2.10", True), ("127.10.4.10", False)):
        with sending_from(address):
            client = aws.client()
            if works:
                client.describe_vpcs()
            else:
                with refused("Unavailable", 503):
                    client.describe_vpcs()
    assert [entry["node"] for entry in aws.control.requests()[-2:]] == ["n1", "n2"]


def test_rules_are_listed_counted_and_removed(aws: Aws, ec2: Any) -> None:
    first = aws.control.add_fault("ec2", "e500", count=2)
    second = aws.control.add_fault("sts", "e500")
    with refused("InternalError"):
        ec2.describe_vpcs()
    assert [(rule["id"], rule["hits"]) for rule in aws.control.faults()] == [
        (first["id"], 1),
        (second["id"], 0),
    ]
    aws.control.clear_faults(first["id"])
    assert [rule["id"] for rule in aws.control.faults()] == [second["id"]]
    ec2.describe_vpcs()


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"service": "s3", "kind": "e500"}, "service: 's3' is not possible; allowed: ec2"),
        ({"service": "ec2", "kind": "explode"}, "kind: 'explode' is not possible; allowed: bad"),
        ({"service": "ec2", "kind": "e500", "nodes": "n1"}, "field: 'nodes'"),
        ({"service": "ec2", "kind": "e500", "node": "n9"}, "node: 'n9' .* allowed: n1, n2"),
        ({"service": "ec2", "kind": "e500", "region": "mars"}, "region: 'mars'"),
        ({"service": "ec2", "kind": "e500", "count": 0}, "count: 0 .* from 1"),
        ({"service": "ec2", "kind": "e500", "param": 3}, "param: 3 .* null for e500"),
        ({"service": "ec2", "kind": "slow", "param": "x"}, "param: 'x' .* milliseconds"),
        ({"service": "ec2", "kind": "badcert", "action": "X"}, "action: 'X' .* null for badcert"),
        ({"service": "ec2", "kind": "refuse"}, "kind: 'refuse' .* no namespaces"),
        ({"service": "imds", "kind": "throttle"}, "kind: 'throttle'"),
    ],
)
def test_bad_rules_name_field_value_and_choices(aws: Aws, rule: dict, text: str) -> None:
    with pytest.raises(ControlError, match=text):
        aws.control._call("POST", "/faults", rule)
    assert aws.control.faults() == []


def test_bad_control_requests(aws: Aws) -> None:
    cases = [
        (lambda: aws.control.settings(read_delay_s=-1), "read_delay_s: -1 .* from 0"),
        (lambda: aws.control.settings(quotas="on"), "quotas: 'on' .* true, false"),
        (lambda: aws.control.settings(colour=1), "field: 'colour'"),
        (lambda: aws.control.rotate("n9"), "node: 'n9'"),
        (lambda: aws.control.rotate("stranger"), "node: 'stranger' .* a node with a role"),
        (lambda: aws.control.open_imds("n1", "/no/such"), "netns: '/no/such'"),
        (lambda: aws.control.aws("mars", "ec2", "DescribeVpcs"), "region: 'mars'"),
        (lambda: aws.control.aws(REGION, "ec2", "Nonsense"), "operation: 'Nonsense'"),
        (lambda: aws.control.aws(REGION, "ec2", "DescribeVpcs", X=1), "Unknown parameter"),
        (lambda: aws.control._call("POST", "/faults", [1]), "body: "),
        (lambda: aws.control._call("GET", "/nonsense"), "request: '/nonsense'"),
    ]
    for call, text in cases:
        with pytest.raises(ControlError, match=text):
            call()


# Instance metadata.


def test_imds_needs_a_token(aws: Aws) -> None:
    path, header = "/latest/meta-data/instance-id", "X_aws_ec2_metadata_token"
    assert aws.imds(path)[0] == 401
    assert aws.imds(path, **{header: "nonsense"})[0] == 401
    token = aws.imds_token(ttl="1")
    assert aws.imds(path, **{header: token}) == (200, aws.instance("n1"))
    until(lambda: aws.imds(path, **{header: token})[0] == 401, 5, "the token to expire")
    assert aws.imds(path, node="n2", **{header: aws.imds_token()})[0] == 401
    for ttl in ("0", "21601", "x", ""):
        put = {"X_aws_ec2_metadata_token_ttl_seconds": ttl}
        assert aws.imds("/latest/api/token", "PUT", **put)[0] == 400
    put = {"X_aws_ec2_metadata_token_ttl_seconds": "60", "X_Forwarded_For": "1.2.3.4"}
    assert aws.imds("/latest/api/token", "PUT", **put)[0] == 403
    assert aws.imds("/latest/meta-data/nonsense", **{header: aws.imds_token()})[0] == 404


def test_imds_tree(aws: Aws) -> None:
    mac = aws.metadata("meta-data/mac", "n2")
    macs = "meta-data/network/interfaces/macs/"
    listed = aws.metadata(macs, "n2").split("\n")
    assert len(listed) == 2 and f"{mac}/" in listed
    assert aws.metadata(f"{macs}{mac}/interface-id", "n2") == aws.eni("n2")
    assert aws.metadata(f"{macs}{mac}/device-number", "n2") == "0"
    assert aws.metadata(f"{macs}{mac}/vpc-id", "n2") == aws.vpc()
    assert aws.metadata(f"{macs}{mac}/vpc-ipv4-cidr-blocks", "n2") == "127.10.0.0/16"
    assert aws.metadata(f"{macs}{mac}/subnet-ipv4-cidr-block", "n2") == "127.10.4.0/24"
    assert aws.metadata("meta-data/placement/region") == REGION
    assert aws.metadata("meta-data/placement/availability-zone", "n2") == "ap-northeast-1c"
    assert aws.metadata("meta-data/iam/security-credentials/") == ROLE
    assert "InstanceProfileArn" in json.loads(aws.metadata("meta-data/iam/info"))
    document = json.loads(aws.metadata("dynamic/instance-identity/document"))
    assert (document["region"], document["instanceId"]) == (REGION, aws.instance("n1"))
    own = aws.metadata("meta-data/mac")
    assert aws.metadata(f"{macs}{own}/ipv6s") == "2001:db8:100:2::10"
    assert aws.metadata(f"{macs}{own}/vpc-ipv6-cidr-blocks") == "2001:db8:100::/56"


def test_imds_follows_aws(aws: Aws) -> None:
    mac = aws.metadata("meta-data/mac")
    base = f"meta-data/network/interfaces/macs/{mac}"
    eni = aws.eni("n1")
    aws.control.aws(
        REGION,
        "ec2",
        "AssignPrivateIpAddresses",
        NetworkInterfaceId=eni,
        PrivateIpAddresses=["127.10.2.50"],
    )
    assert aws.metadata(f"{base}/local-ipv4s") == "127.10.2.10\n127.10.2.50"
    aws.control.aws(
        REGION,
        "ec2",
        "UnassignPrivateIpAddresses",
        NetworkInterfaceId=eni,
        PrivateIpAddresses=["127.10.2.50"],
    )
    address = aws.control.aws(REGION, "ec2", "AllocateAddress", Domain="vpc")
    association = aws.control.aws(
        REGION,
        "ec2",
        "AssociateAddress",
        AllocationId=address["AllocationId"],
        NetworkInterfaceId=eni,
    )
    public = address["PublicIp"]
    assert aws.metadata("meta-data/public-ipv4") == public
    assert aws.metadata(f"{base}/ipv4-associations/") == public
    assert aws.metadata(f"{base}/ipv4-associations/{public}") == "127.10.2.10"
    aws.control.aws(
        REGION, "ec2", "DisassociateAddress", AssociationId=association["AssociationId"]
    )
    assert "public-ipv4" not in aws.metadata("meta-data/").split("\n")


def test_imds_faults(aws: Aws) -> None:
    def get() -> int:
        path = "/latest/meta-data/instance-id"
        return aws.imds(path, X_aws_ec2_metadata_token=token)[0]

    token = aws.imds_token()
    for kind, status in (("e503", 503), ("e401", 401), ("e403", 403)):
        aws.control.add_fault("imds", kind, node="n1", count=1)
        assert (get(), get()) == (status, 200)
    aws.control.add_fault("imds", "e401", count=1)
    assert aws.imds_token() and get() == 401
    aws.control.add_fault("imds", "norole", node="n1")
    assert get() == 200
    path = "/latest/meta-data/iam/security-credentials/"
    assert aws.imds(path, X_aws_ec2_metadata_token=token)[0] == 404
    aws.control.clear_faults()
    aws.control.add_fault("imds", "hang", count=1)
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        place = urlsplit(aws.topology["standalone"]["imds"]["n1"])
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=0.3)
        connection.request("GET", "/latest/meta-data/")
        connection.getresponse()
    assert time.monotonic() - start < 2
    connection.close()
    aws.control.add_fault("imds", "refuse", node="n1")
    with pytest.raises(ConnectionRefusedError):
        get()
    assert aws.imds_token("n2")
    aws.control.clear_faults()
    assert get() == 200
    faults = [entry["fault"] for entry in aws.control.requests()]
    assert {"e503", "e401", "e403", "norole", "hang"} <= set(faults)


# The log.


def test_request_has_ended_when_its_answer_is_there(aws: Aws) -> None:
    """So that what a client asks next never seems to have been asked meanwhile."""
    client = aws.client()
    aws.control.clear_requests()
    answered = []
    for _ in range(30):
        client.describe_vpcs()
        answered.append(time.monotonic())
    ended = [entry["ended"] for entry in aws.control.requests()]
    assert len(ended) == len(answered)
    assert all(map(operator.le, ended, answered))


def test_requests_and_round_trips_are_counted(aws: Aws) -> None:
    client = aws.client()
    client.describe_vpcs()
    aws.control.clear_requests()
    aws.control.settings(latency_ms=100, quotas=False)
    with sending_from("127.10.2.10"), ThreadPoolExecutor(8) as pool:
        client.describe_route_tables()
        tables = [aws.table("private-a"), aws.table("private-c")] * 4
        list(pool.map(lambda table: aws.replace(client, "n1", table), tables))
        client.describe_route_tables()
    entries = aws.control.requests()
    assert len(entries) == 10
    assert rounds(entries) == 3
    first = entries[0]
    assert (first["service"], first["region"]) == ("ec2", REGION)
    assert (first["action"], first["status"]) == ("DescribeRouteTables", 200)
    assert first["bytes_in"] > 200 and first["bytes_out"] > 500
    assert any(entry["tls_new"] for entry in entries[1:])
    assert not entries[-1]["tls_new"]


def test_requests_are_held_against_quotas() -> None:
    """The tokens that come in between count, and each region has a bucket of its own."""

    def sent(number: int, t: float, action: str, region: str = "one") -> list[dict[str, Any]]:
        return [{"t": t, "service": "ec2", "region": region, "action": action}] * number

    reads = sent(60, 100, "DescribeAddresses") + sent(80, 101, "SearchTransitGatewayRoutes")
    entries = reads + sent(7, 100.5, "DescribeAddresses", "two") + sent(1, 100, "ReplaceRoute")
    one, route, two = uses(entries, seconds=14)
    assert (one.region, one.group, one.requests) == ("one", "describe", 140)
    assert one.actions == {"DescribeAddresses": 60, "SearchTransitGatewayRoutes": 80}
    assert (one.per_s, one.most, one.least) == (10, 80, 100 - 60 + 20 - 80)
    assert (route.region, route.group, route.least) == ("one", "route", 49)
    assert (two.region, two.most, two.least) == ("two", 7, 93)
    with pytest.raises(KeyError):
        uses([{"t": 0, "service": "sqs", "region": "one", "action": "SendMessage"}], seconds=1)


def test_rounds_counts_the_longest_chain() -> None:
    def entries(*spans: tuple[float, float]) -> list[dict[str, float]]:
        return [{"started": start, "ended": end} for start, end in spans]

    assert rounds([]) == 0
    assert rounds(entries((0, 1), (0.5, 1.5))) == 1
    assert rounds(entries((0, 1), (1, 2), (1.2, 1.8), (3, 4))) == 3


def test_state_has_what_the_data_plane_needs(aws: Aws) -> None:
    region = aws.control.state()["regions"][REGION]
    enis = {eni["id"]: eni for eni in region["enis"]}
    own = enis[aws.eni("n1")]
    assert (own["node"], own["ips"], own["instance_state"]) == (
        "n1",
        ["127.10.2.10"],
        "running",
    )
    assert own["source_dest_check"] is False
    assert enis[aws.eni("client")]["source_dest_check"] is True
    second = enis[aws.eni("n2", 1)]
    assert (second["device_index"], second["node"]) == (1, "n2")
    table = next(item for item in region["route_tables"] if item["name"] == "private-a")
    assert {
        "destination": VIP,
        "target": aws.eni("n1"),
        "state": "active",
        "origin": "CreateRoute",
    } in table["routes"]


def test_endpoints_are_botocores(aws: Aws) -> None:
    names = aws.topology["endpoints"]
    for service in ("ec2", "sts", "elbv2", "route53", "iam"):
        client = aws.client(service)
        assert urlsplit(client.meta.endpoint_url).hostname in names
    assert {f"ec2.{REGION}.api.aws", f"ec2-fips.{REGION}.amazonaws.com"} <= set(names)
    assert names["route53.amazonaws.com"] == names["route53.global.api.aws"]
    pairs = {(item["service"], item["region"]) for item in aws.topology["services"]}
    assert len(set(names.values())) == len(pairs)


def test_daemon_cannot_reach_out() -> None:
    code = """
import socket, sys
from lab.aws.daemon import _forbid_outgoing
sys.addaudithook(_forbid_outgoing)
socket.create_connection(("127.0.0.1", 9), timeout=1)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent)},
        timeout=30,
        check=False,
    )
    assert "PermissionError: the lab's AWS does not connect to" in done.stderr


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda lab: lab["nodes"]["n1"].update(subnet="nowhere"),
            "n1: subnet 'nowhere' does not exist; allowed: a, c",
        ),
        (lambda lab: lab["clients"]["client"].pop("ip"), "machine 'client' has no 'ip'"),
    ],
)
def test_bad_lab_is_refused(tmp_path: Path, change: Any, text: str) -> None:
    lab = copy.deepcopy(LAB)
    change(lab)
    (tmp_path / "lab.json").write_text(json.dumps(lab))
    command = [sys.executable, "-m", "lab.aws.daemon", str(tmp_path), "--listen", "127.0.0.1"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent)},
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "topology.json").exists()
