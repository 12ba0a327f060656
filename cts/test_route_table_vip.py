# SPDX-License-Identifier: GPL-2.0-or-later
"""route-table-vip run by hand in the nodes of a lab: what it finds, does, asks and says."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cloud import (
    DEGRADED,
    DENIED,
    END_TIMEOUT_S,
    FAILED,
    NOT_RUNNING,
    OK,
    ROLE,
    ROUTE,
    ROUTE6,
    SHORT_MS,
    WRONG,
    WRONG_HERE,
    Bad,
    Cloud,
)
from lab import netns, node
from lab.handle import Lab
from lab.state import until
from lab.topology import REGION, VIP, VIP6
from runner import BUILD, RSCTMP, Runner
from standalone import allow

AGENT = "route-table-vip"
LAB_NAME = "cts_vip"
TABLES = ("private-a", "private-c")


def reset(cloud: Cloud) -> None:
    """All routes lead to n1, and no node has an address."""
    for table in TABLES:
        for destination in (ROUTE, ROUTE6):
            cloud.point(table, cloud.eni("n1"), destination)
    for where in cloud.lab.topology.nodes:
        for index, on in enumerate((False, True)):
            cloud.set_check(cloud.eni(where, index), on)
        cloud.remove(where, VIP, VIP6)


@pytest.fixture(scope="module")
def machines(agents: Path) -> Iterator[Lab]:
    """Two nodes with two interfaces each and without a cluster."""
    options = {"scenario": "two-interfaces", "with_cluster": False, "agents": agents}
    with Lab.running(LAB_NAME, **options) as lab:
        yield lab
        lab.collect(BUILD / "check" / LAB_NAME)


@pytest.fixture
def cloud(machines: Lab) -> Cloud:
    """AWS as it was in the beginning."""
    cloud = Cloud(machines)
    cloud.mend()
    reset(cloud)
    return cloud


@pytest.fixture
def vip(machines: Lab, cloud: Cloud) -> Iterator[Runner]:
    """The agent with nothing but the address; whatever a test does, no secret may come out."""
    runner = Runner(machines, AGENT, ip=VIP)
    runner.clean()
    yield runner
    runner.check_secrets()


@pytest.fixture
def here(vip: Runner) -> Runner:
    """The address runs on n1, whose caches are warm."""
    assert vip.start("n1").code == OK
    return vip


@pytest.fixture
def ten_tables(cloud: Cloud) -> Iterator[list[str]]:
    """Eight more route tables with a route for the address; the names of all ten."""
    names = [f"extra-{number}" for number in range(3, 11)]
    ids = []
    for name in names:
        tags = [{"ResourceType": "route-table", "Tags": [{"Key": "Name", "Value": name}]}]
        made = cloud.ec2("CreateRouteTable", VpcId=cloud.vpc(), TagSpecifications=tags)
        ids.append(made["RouteTable"]["RouteTableId"])
        cloud.route("Create", name, ROUTE, cloud.eni("n1"))
    yield [*TABLES, *names]
    for table_id in ids:
        cloud.ec2("DeleteRouteTable", RouteTableId=table_id)


# --- the life of an address ----------------------------------------------------------------


def test_life_cycle_moves_between_nodes(vip: Runner, cloud: Cloud) -> None:
    for active, other in (("n2", "n1"), ("n1", "n2")):
        assert vip.probe(active).code == NOT_RUNNING
        assert vip.start(active).code == OK
        assert cloud.owners() == {active}
        assert cloud.addresses(active)[VIP]["prefixlen"] == 32
        assert vip.probe(active).code == OK
        assert vip.monitor(active).code == OK
        assert vip.probe(other).code == NOT_RUNNING
        assert vip.monitor(other).code == NOT_RUNNING
        assert vip.stop(active).code == OK
        assert not cloud.has(active)
        assert cloud.owners() == {active}, "stop leaves the routes"
        assert vip.probe(active).code == NOT_RUNNING


def test_client_reaches_the_node_that_started(vip: Runner, machines: Lab) -> None:
    for active in ("n2", "n1"):
        assert vip.start(active).code == OK
        for client in machines.topology.members.keys() - machines.topology.nodes.keys():
            machines.exec(client, "ping", "-c1", "-W2", VIP)
        assert vip.stop(active).code == OK


def test_start_twice_writes_nothing(here: Runner, cloud: Cloud) -> None:
    again = here.start("n1")
    assert again.code == OK
    assert cloud.writes(again) == []
    assert again.reasons == []


def test_stop_twice_is_fine(here: Runner) -> None:
    for _ in range(2):
        stopped = here.stop("n1")
        assert (stopped.code, stopped.reasons, stopped.requests) == (OK, [], [])


def test_start_does_not_trust_reads_of_before_the_last_owner(here: Runner, cloud: Cloud) -> None:
    assert here.stop("n1").code == OK
    cloud.lab.control.settings(read_delay_s=60)
    for table in TABLES:
        cloud.route("Replace", table, ROUTE, cloud.eni("n2"))
    started = here.start("n1")
    assert (started.code, started.stderr) == (OK, ""), "what it reads is of before"
    assert set(cloud.writes(started)) == {"ReplaceRoute"}
    assert cloud.owners() == {"n1"}


def test_start_that_may_not_write_goes_by_what_it_reads(here: Runner, cloud: Cloud) -> None:
    assert here.stop("n1").code == OK
    cloud.lab.fault("ec2", "denied", action="ReplaceRoute")
    started = here.start("n1")
    assert (started.code, started.reasons) == (OK, [])
    (warning,) = started.stderr.splitlines()
    assert warning.startswith("WARNING: here by what AWS shows, which could not be written again: ")
    assert "ec2:ReplaceRoute" in warning
    assert here.monitor("n1").code == OK


def test_credentials_that_were_denied_are_not_kept(here: Runner, cloud: Cloud) -> None:
    """Another role may have been attached to the instance since."""
    assert here.monitor("n2").code == NOT_RUNNING
    cloud.lab.fault("ec2", "denied", action="ReplaceRoute")
    assert here.start("n2").code == DENIED
    cloud.lab.clear_faults()
    assert here.stop("n2").code == OK
    started = here.start("n2")
    assert started.code == OK
    assert any("security-credentials" in call for call in started.calls("imds"))
    assert "n2" in cloud.owners()


def test_two_starts_at_once_both_succeed(vip: Runner, cloud: Cloud) -> None:
    both = [vip.begin("n2", "start") for _ in range(2)]
    assert [vip.end(one).code for one in both] == [OK, OK]
    assert cloud.owners() == {"n2"}
    assert vip.monitor("n2").code == OK


@pytest.mark.parametrize("ip", [VIP6, f"{VIP} {VIP6}", f"{VIP6},{VIP}"])
def test_ipv6_and_several_addresses(vip: Runner, cloud: Cloud, machines: Lab, ip: str) -> None:
    addresses = ip.replace(",", " ").split()
    routes = [ROUTE6 if ":" in address else ROUTE for address in addresses]
    assert vip.start("n2", ip=ip).code == OK
    for address, route in zip(addresses, routes, strict=True):
        assert cloud.owners(route) == {"n2"}
        assert cloud.addresses("n2")[address]["prefixlen"] == (128 if ":" in address else 32)
        machines.exec("client", "ping", "-c1", "-W2", address)
    warm = vip.monitor("n2", ip=ip)
    assert (warm.code, warm.calls()) == (OK, ["DescribeRouteTables"])
    cloud.point("private-a", cloud.eni("n1"), routes[-1])
    assert vip.monitor("n2", ip=ip).code == DEGRADED
    assert vip.stop("n2", ip=ip).code == OK
    assert not set(addresses) & cloud.addresses("n2").keys()


def test_address_missing_of_two_is_not_running(vip: Runner, cloud: Cloud, machines: Lab) -> None:
    both = f"{VIP} {VIP6}"
    assert vip.start("n1", ip=both).code == OK
    machines.exec("n1", "ip", "address", "del", f"{VIP6}/128", "dev", "eth0")
    found = vip.monitor("n1", ip=both)
    assert found.code == NOT_RUNNING
    assert VIP6 in found.reason
    assert vip.start("n1", ip=both).code == OK
    assert cloud.has("n1", VIP6)


# --- verdicts ------------------------------------------------------------------------------


def _one_elsewhere(cloud: Cloud) -> str:
    cloud.point("private-c", cloud.eni("n2"))
    return f"{cloud.table('private-c')}: {ROUTE} -> {cloud.eni('n2')}"


def _loose_eni(cloud: Cloud) -> str:
    """An ENI that is attached to nothing: what is routed there is a blackhole."""
    subnet = cloud.lab.topology.vpcs[0].subnets["private-a"].id
    made = cloud.ec2("CreateNetworkInterface", SubnetId=subnet)
    return made["NetworkInterface"]["NetworkInterfaceId"]


def _one_blackhole(cloud: Cloud) -> str:
    eni = _loose_eni(cloud)
    cloud.point("private-a", eni)
    return f"{cloud.table('private-a')}: {ROUTE} -> {eni} (blackhole)"


def _all_stolen(cloud: Cloud) -> str:
    for table in TABLES:
        cloud.point(table, cloud.eni("n2"))
    return f"{ROUTE} -> {cloud.eni('n2')}"


def _all_deleted(cloud: Cloud) -> str:
    for table in TABLES:
        cloud.route("Delete", table)
    return f"no route table: {ROUTE} has a route"


def _address_removed(cloud: Cloud) -> str:
    cloud.lab.exec("n1", "ip", "address", "del", ROUTE, "dev", "eth0")
    return f"{VIP} is on no network interface"


@pytest.mark.parametrize(
    ("arrange", "probe", "monitor"),
    [
        pytest.param(_one_elsewhere, OK, DEGRADED, id="one_elsewhere"),
        pytest.param(_one_blackhole, OK, DEGRADED, id="R4_blackhole"),
        pytest.param(_all_stolen, NOT_RUNNING, NOT_RUNNING, id="R5_stolen"),
        pytest.param(_all_deleted, NOT_RUNNING, NOT_RUNNING, id="R6_deleted"),
        pytest.param(_address_removed, NOT_RUNNING, NOT_RUNNING, id="R7_address_removed"),
    ],
)
def test_monitor_sees_what_changed(
    here: Runner, cloud: Cloud, arrange: Callable[[Cloud], str], probe: int, monitor: int
) -> None:
    says = arrange(cloud)
    before = cloud.targets()
    for seen, code in ((here.probe("n1"), probe), (here.monitor("n1"), monitor)):
        assert seen.code == code
        assert says in seen.reason
        assert cloud.writes(seen) == []
    assert cloud.targets() == before


def test_partial_loss_is_mended_by_start(here: Runner, cloud: Cloud) -> None:
    _one_elsewhere(cloud)
    assert here.start("n1").code == OK
    assert cloud.owners() == {"n1"}


STANDBY = {"OCF_RESKEY_CRM_meta_role": "Stopped"}


def test_role_stopped_monitor_warms_the_caches(here: Runner, cloud: Cloud) -> None:
    cold = here("n2", "monitor", interval_ms=11000, environment=STANDBY)
    assert cold.code == NOT_RUNNING
    assert cold.calls() == ["DescribeRouteTables"]
    assert cold.calls("imds") != []
    started = here.start("n2")
    assert (started.code, started.calls("imds")) == (OK, [])
    assert cloud.owners() == {"n2"}


def test_depth_10_sees_the_check_of_the_interface(here: Runner, cloud: Cloud) -> None:
    eni = cloud.eni("n1")
    cloud.set_check(eni, True)
    assert here.monitor("n1").code == OK
    deep = here.monitor("n1", depth=10)
    assert deep.code == DEGRADED
    assert eni in deep.reason
    cloud.set_check(eni, False)
    assert here.monitor("n1", depth=10).code == OK


# --- parameters ----------------------------------------------------------------------------


def test_cidr_routes_move_without_an_address(vip: Runner, cloud: Cloud) -> None:
    network = "192.168.50.0/24"
    cloud.point("private-a", cloud.eni("n1"), network)
    try:
        assert vip.start("n2", cidr_routes=network).code == OK
        assert cloud.targets(network) == {"private-a": cloud.eni("n2")}
        assert cloud.owners() == {"n2"}
        assert set(cloud.addresses("n2")) & {VIP, "192.168.50.0"} == {VIP}
        cloud.point("private-a", cloud.eni("n1"), network)
        assert vip.monitor("n2", cidr_routes=network).code == DEGRADED
    finally:
        cloud.route("Delete", "private-a", network)


def test_named_route_tables_leave_the_others_alone(vip: Runner, cloud: Cloud) -> None:
    named = cloud.table("private-c")
    assert vip.start("n2", route_tables=named).code == OK
    assert cloud.targets() == {"private-a": cloud.eni("n1"), "private-c": cloud.eni("n2")}
    assert vip.monitor("n2", route_tables=named).code == OK


def test_missing_route_names_the_command(vip: Runner, cloud: Cloud) -> None:
    cloud.route("Delete", "private-c")
    named = cloud.table("private-c")
    failed = vip.start("n2", route_tables=named)
    assert failed.code == WRONG
    command = f"aws ec2 create-route --route-table-id {named} --destination-cidr-block {ROUTE} "
    assert command + f"--network-interface-id {cloud.eni('n2')}" in failed.stderr
    assert (cloud.targets(), cloud.has("n2")) == ({"private-a": cloud.eni("n1")}, False)


def test_no_route_anywhere_is_wrong_everywhere(vip: Runner, cloud: Cloud) -> None:
    _all_deleted(cloud)
    failed = vip.start("n1")
    assert failed.code == WRONG
    assert f"--destination-cidr-block {ROUTE}" in failed.reason
    assert (cloud.targets(), cloud.has("n1")) == ({}, False)


def test_create_routes_creates_what_is_missing(vip: Runner, cloud: Cloud) -> None:
    cloud.route("Delete", "private-c")
    named = f"{cloud.table('private-a')} {cloud.table('private-c')}"
    started = vip.start("n2", route_tables=named, create_routes="true")
    assert started.code == OK
    assert sorted(cloud.writes(started)) == ["CreateRoute", "ReplaceRoute"]
    assert cloud.targets() == dict.fromkeys(TABLES, cloud.eni("n2"))


def test_label_is_on_the_address(vip: Runner, cloud: Cloud) -> None:
    assert vip.start("n1", label="vip1").code == OK
    assert cloud.addresses("n1")[VIP]["label"] == "eth0:vip1"
    assert vip.stop("n1", label="vip1").code == OK
    assert not cloud.has("n1")


def test_label_too_long_for_the_interface(vip: Runner, cloud: Cloud) -> None:
    refused = vip.start("n2", label="elevenchars")
    assert refused.code == WRONG_HERE
    assert 'label="elevenchars"' in refused.reason
    assert not cloud.has("n2")
    assert cloud.owners() == {"n1"}


def test_assign_address_false_keeps_a_mark_instead(vip: Runner, cloud: Cloud) -> None:
    own = {"assign_address": "false"}
    assert vip.probe("n2", **own).code == NOT_RUNNING
    assert vip.start("n2", **own).code == OK
    assert not cloud.has("n2")
    assert cloud.owners() == {"n2"}
    assert vip.monitor("n2", **own).code == OK
    stopped = vip.stop("n2", **own)
    assert (stopped.code, stopped.requests) == (OK, [])
    assert vip.monitor("n2", **own).code == NOT_RUNNING


def test_mark_that_cannot_be_looked_for_is_not_absent(vip: Runner, machines: Lab) -> None:
    """The state directory is open to others, so it is not used: that says nothing of the mark.

    Where the cluster keeps the address stopped it is stopped as long as nothing shows otherwise.
    """
    own = {"assign_address": "false"}
    directory = "/run/resource-agents/ocf-aws"
    assert vip.start("n2", **own).code == OK
    machines.exec("n2", "chmod", "777", directory)
    try:
        seen = vip.monitor("n2", **own)
        assert seen.code == DEGRADED
        assert f"cannot tell: cannot use {directory}" in seen.reason
        assert vip.probe("n2", **own).code == FAILED
        assert vip.monitor("n2", environment=STANDBY, **own).code == NOT_RUNNING
        stopped = vip.stop("n2", **own)
        assert (stopped.code, "mark stays" in stopped.stderr) == (OK, True)
        assert vip.start("n1", **own).code == OK
        assert vip.probe("n2", **own).code == NOT_RUNNING, "the routes lead elsewhere"
        assert vip.start("n2", **own).code == FAILED
    finally:
        machines.exec("n2", "chmod", "700", directory)
    assert vip.monitor("n1", **own).code == OK
    for where in ("n1", "n2"):
        assert vip.stop(where, **own).code == OK
        assert vip.probe(where, **own).code == NOT_RUNNING


def test_stop_succeeds_when_its_mark_cannot_be_removed(vip: Runner, cloud: Cloud) -> None:
    """The routes lead here until another node takes them: that does not show that it runs."""
    own = {"assign_address": "false"}
    assert vip.start("n2", **own).code == OK
    with vip.state_read_only("n2"):
        assert vip.monitor("n2", **own).code == OK
        assert vip.stop("n2", **own).code == OK
        assert vip.probe("n2", **own).code == FAILED, "which has the cluster stop it"
        assert vip.monitor("n2", environment=STANDBY, **own).code == NOT_RUNNING
        assert vip.start("n1", **own).code == OK
        assert vip.probe("n2", **own).code == NOT_RUNNING
    assert vip.stop("n1", **own).code == OK


def test_second_interface_is_the_target(vip: Runner, cloud: Cloud) -> None:
    started = vip.start("n2", interface="eth1", disable_source_dest_check="true")
    assert started.code == OK
    assert set(cloud.targets().values()) == {cloud.eni("n2", 1)}
    assert cloud.addresses("n2")[VIP]["ifname"] == "eth1"
    assert vip.monitor("n2", interface="eth1", depth=10).code == OK
    cloud.point("private-a", cloud.eni("n2", 0))
    assert vip.monitor("n2", interface="eth1").code == DEGRADED, "another ENI of the same node"


def test_source_dest_check_is_turned_off(vip: Runner, cloud: Cloud) -> None:
    eni = cloud.eni("n1", 1)
    found = cloud.ec2("DescribeNetworkInterfaces", NetworkInterfaceIds=[eni])
    assert found["NetworkInterfaces"][0]["SourceDestCheck"]
    started = vip.start("n1", interface="eth1", disable_source_dest_check="true")
    assert started.code == OK
    assert "ModifyNetworkInterfaceAttribute" in started.calls()
    found = cloud.ec2("DescribeNetworkInterfaces", NetworkInterfaceIds=[eni])
    assert not found["NetworkInterfaces"][0]["SourceDestCheck"]


def test_unknown_limit_ends_the_patience(here: Runner, machines: Lab) -> None:
    impatient = {"unknown_limit": "1ms"}
    machines.fault("ec2", "wrongroot")
    assert here.monitor("n1", **impatient).code == DEGRADED
    over = here.monitor("n1", **impatient)
    assert over.code == FAILED
    assert "unknown_limit" in over.reason
    machines.clear_faults()
    assert here.monitor("n1", **impatient).code == OK
    machines.fault("ec2", "wrongroot")
    assert here.monitor("n1", **impatient).code == DEGRADED, "an answer ends the silence"


def test_on_drift_repair_mends_a_part(here: Runner, cloud: Cloud) -> None:
    says = _one_elsewhere(cloud)
    probed = here.probe("n1", on_drift="repair")
    assert (probed.code, cloud.writes(probed)) == (OK, [])
    assert says in probed.reason
    repaired = here.monitor("n1", on_drift="repair")
    assert (repaired.code, cloud.writes(repaired)) == (OK, ["ReplaceRoute"])
    assert cloud.owners() == {"n1"}


@pytest.mark.parametrize("arrange", [_all_stolen, _all_deleted, _address_removed])
def test_on_drift_repair_never_takes_back_everything(
    here: Runner, cloud: Cloud, arrange: Callable[[Cloud], str]
) -> None:
    arrange(cloud)
    before = cloud.targets()
    seen = here.monitor("n1", on_drift="repair")
    assert (seen.code, cloud.writes(seen)) == (NOT_RUNNING, [])
    assert cloud.targets() == before


def test_reload_brings_new_parameters_into_effect(here: Runner, cloud: Cloud) -> None:
    network = "192.168.51.0/24"
    cloud.point("private-a", cloud.eni("n2"), network)
    try:
        assert here("n1", "reload-agent", cidr_routes=network).code == OK
        assert cloud.targets(network) == {"private-a": cloud.eni("n1")}
        assert cloud.owners() == {"n1"}
        assert cloud.has("n1")
    finally:
        cloud.route("Delete", "private-a", network)


def test_reload_of_what_does_not_run(vip: Runner, cloud: Cloud) -> None:
    assert vip("n2", "reload-agent").code == NOT_RUNNING
    assert cloud.owners() == {"n1"}


def test_reload_while_aws_is_silent_keeps_the_service(here: Runner, machines: Lab) -> None:
    machines.fault("ec2", "wrongroot")
    reloaded = here("n1", "reload-agent", timeout_ms=SHORT_MS)
    assert reloaded.code == OK
    assert "not yet in effect" in reloaded.reason


def test_reload_to_a_table_without_the_route_keeps_the_service(here: Runner, cloud: Cloud) -> None:
    """It names the command; that the route is missing is what monitors say until it is there."""
    named = f"{cloud.table('private-a')} {cloud.table('private-c')}"
    cloud.route("Delete", "private-c")
    reloaded = here("n1", "reload-agent", route_tables=named)
    assert reloaded.code == OK
    assert "not yet in effect" in reloaded.reason
    assert f"--route-table-id {cloud.table('private-c')}" in reloaded.stderr
    assert here.monitor("n1", route_tables=named).code == DEGRADED
    assert cloud.has("n1")


# --- how AWS is reached --------------------------------------------------------------------


def _trusting(caller: str, external_id: str) -> str:
    """The trust policy of a role that one other role may assume."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": caller},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def other_role(cloud: Cloud) -> Iterator[str]:
    """A role that may move routes, while the node's own may only assume it."""

    def iam(operation: str, **params: Any) -> Any:
        return cloud.lab.control.aws(REGION, "iam", operation, **params)

    caller = iam("GetRole", RoleName=ROLE)["Role"]["Arn"]
    name = "vip-mover"
    trust = _trusting(caller, "lab-42")
    role = iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    cloud.lab.control.set_policy(name, [allow("ec2:*")])
    cloud.lab.control.set_policy(ROLE, [allow("sts:AssumeRole")])
    yield role["Arn"]
    cloud.lab.control.set_policy(name, [])
    iam("DeleteRole", RoleName=name)


def test_role_arn_is_assumed_once(vip: Runner, cloud: Cloud, other_role: str) -> None:
    role = {"role_arn": other_role, "external_id": "lab-42"}
    started = vip.start("n2", **role)
    assert started.code == OK
    assert started.calls("sts") == ["AssumeRole"]
    assert cloud.owners() == {"n2"}
    warm = vip.monitor("n2", **role)
    assert (warm.code, warm.calls("sts"), warm.calls("imds")) == (OK, [], [])
    assert vip.start("n1").code == DENIED, "the node's own role may do nothing"


def test_role_arn_with_another_external_id_is_denied(vip: Runner, other_role: str) -> None:
    denied = vip.start("n2", role_arn=other_role, external_id="lab-43")
    assert denied.code == DENIED
    assert "sts:AssumeRole" in denied.reason


@pytest.fixture
def user_key(cloud: Cloud) -> Iterator[dict[str, str]]:
    """The access key of a user who may do everything with EC2."""

    def iam(operation: str, **params: Any) -> Any:
        return cloud.lab.control.aws(REGION, "iam", operation, UserName="mover", **params)

    iam("CreateUser")
    iam("PutUserPolicy", PolicyName="all", PolicyDocument=json.dumps(allow("ec2:*")))
    yield iam("CreateAccessKey")["AccessKey"]
    iam("DeleteUserPolicy", PolicyName="all")
    for key in iam("ListAccessKeys")["AccessKeyMetadata"]:
        iam("DeleteAccessKey", AccessKeyId=key["AccessKeyId"])
    iam("DeleteUser")


def _write_profile(machines: Lab, where: str, profile: str, key: dict[str, str]) -> str:
    """Put a credentials file into a node; returns its path there."""
    path = machines.files.node(where) / "tmp" / "credentials"
    path.write_text(
        f"[{profile}]\naws_access_key_id = {key['AccessKeyId']}\n"
        f"aws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    path.chmod(0o600)
    return "/tmp/credentials"


def test_profile_of_a_credentials_file(
    vip: Runner, machines: Lab, user_key: dict[str, str]
) -> None:
    vip.secrets.add(user_key["SecretAccessKey"])
    machines.control.set_policy(ROLE, [])
    file = _write_profile(machines, "n2", "mover", user_key)
    started = vip.start("n2", credentials_file=file, profile="mover")
    assert started.code == OK
    assert not any("security-credentials" in call for call in started.calls("imds"))
    wrong = vip.monitor("n2", credentials_file=file, profile="nobody")
    assert wrong.code == DEGRADED
    assert '"nobody"' in wrong.reason


def test_keys_of_the_environment(vip: Runner, machines: Lab, user_key: dict[str, str]) -> None:
    vip.secrets.add(user_key["SecretAccessKey"])
    machines.control.set_policy(ROLE, [])
    environment = {
        "AWS_ACCESS_KEY_ID": user_key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": user_key["SecretAccessKey"],
    }
    assert vip.start("n2", environment=environment).code == OK


def test_endpoint_url_replaces_the_endpoint(vip: Runner, cloud: Cloud) -> None:
    plain = "http://{service}.{region}.amazonaws.com"
    started = vip.start("n2", endpoint_url=plain)
    assert (started.code, cloud.owners()) == (OK, {"n2"})
    assert not any(entry["tls_new"] for entry in started.requests)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2"):
        warm = vip.monitor("n2", environment={name: plain})
        assert warm.code == OK
        assert warm.calls() == ["DescribeRouteTables"]
        assert not any(entry["tls_new"] for entry in warm.requests)


def test_endpoint_that_does_not_resolve_is_unknown(here: Runner) -> None:
    seen = here.monitor("n1", endpoint_url="https://ec2.nowhere.invalid", timeout_ms=SHORT_MS)
    assert seen.code == DEGRADED
    assert "ec2.nowhere.invalid" in seen.reason


def test_metadata_url_by_ipv6(vip: Runner, machines: Lab) -> None:
    netns.block(LAB_NAME, "n2", ["169.254.169.254"], "refuse")
    try:
        assert vip.start("n2", metadata_url="http://[fd00:ec2::254]").code == OK
    finally:
        netns.unblock(LAB_NAME, "n2", ["169.254.169.254"])


def test_ca_file_is_the_only_authority(vip: Runner, machines: Lab) -> None:
    directory = machines.files.node("n2") / "tmp"
    (directory / "lab.pem").write_text(machines.files.ca_pem.read_text())
    assert vip.start("n2", ca_file="/tmp/lab.pem").code == OK
    others = "/etc/ssl/certs/ISRG_Root_X1.pem"
    distrusting = vip.monitor("n2", ca_file=others, timeout_ms=SHORT_MS)
    assert distrusting.code == DEGRADED
    assert "certificate" in distrusting.reason
    assert vip.monitor("n2", environment={"AWS_CA_BUNDLE": "/tmp/lab.pem"}).code == OK


def test_authority_only_in_the_bundle_is_trusted(vip: Runner, machines: Lab) -> None:
    """An administrator may have added it there and not to the hashed directory."""
    added = [path for path in machines.files.trust_dir.glob("*.0") if not path.is_symlink()]
    assert len(added) == 1
    aside = added[0].with_suffix(".aside")
    added[0].rename(aside)
    try:
        assert vip.start("n2").code == OK
        assert vip.monitor("n2").code == OK
    finally:
        aside.rename(added[0])


@pytest.fixture
def proxy(machines: Lab) -> Iterator[Callable[[], list[str]]]:
    """A proxy at port 3128 of n2; a call tells what it was asked to connect to."""
    log = machines.files.node("n2") / "tmp" / "proxy.log"
    script = Path(__file__).with_name("connect_proxy.py")
    argv = node.command(machines.files, "n2", ["/usr/bin/python3", str(script), "3128"])
    with open(log, "w", encoding="ascii") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output)
    until(lambda: log.read_text(), END_TIMEOUT_S, "the proxy to listen")
    yield lambda: log.read_text().splitlines()[1:]
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    "how",
    [{"proxy": "http://127.0.0.1:3128"}, {"environment": {"https_proxy": "http://127.0.0.1:3128"}}],
)
def test_proxy_is_for_aws_and_not_for_metadata(
    vip: Runner, proxy: Callable[[], list[str]], how: dict[str, Any]
) -> None:
    assert vip.start("n2", **how).code == OK
    assert set(proxy()) == {"CONNECT ec2.ap-northeast-1.amazonaws.com:443"}


def test_proxy_that_is_not_there_is_unknown(here: Runner) -> None:
    seen = here.monitor("n1", proxy="http://127.0.0.1:9", timeout_ms=SHORT_MS)
    assert seen.code == DEGRADED
    assert "127.0.0.1 port 9" in here.log("n1")


# --- faults: AWS cannot be asked; most are rows of faults.py -------------------------------


@dataclass(frozen=True)
class Fault:
    """One row of the fault matrix, and what the exit reason has to say."""

    id: str
    service: str
    kind: str
    says: str
    more: dict[str, Any] = field(default_factory=dict)


IMDS_FAULTS = [
    Fault("I2_dropped", "imds", "drop", "no answer in time"),
    Fault("I3_busy", "imds", "e503", "503"),
]


def check_unknown(vip: Runner, cloud: Cloud, fault: Fault) -> None:
    """The address runs on n1; all four actions while AWS cannot be asked."""
    cloud.lab.fault(fault.service, fault.kind, **fault.more)
    begun = {
        "probe": vip.begin("n1", "monitor", interval_ms=0, timeout_ms=SHORT_MS),
        "monitor": vip.begin("n1", "monitor", interval_ms=10000, timeout_ms=SHORT_MS),
        "other": vip.begin("n2", "monitor", interval_ms=10000, timeout_ms=SHORT_MS),
        "start": vip.begin("n2", "start", timeout_ms=SHORT_MS),
    }
    ended = {name: vip.end(running) for name, running in begun.items()}
    codes = {name: outcome.code for name, outcome in ended.items()}
    assert codes == {"probe": OK, "monitor": DEGRADED, "other": NOT_RUNNING, "start": FAILED}
    for name in ("probe", "monitor", "start"):
        assert fault.says in ended[name].reason
    assert not cloud.has("n2")
    assert cloud.has("n1")
    stopped = vip.stop("n1")
    assert (stopped.code, stopped.reasons, stopped.requests) == (OK, [], [])
    assert not cloud.has("n1")
    assert cloud.owners() == {"n1"}
    assert "assert" not in vip.log("n1") + vip.log("n2")


def test_aws_drops_what_it_is_sent(here: Runner, cloud: Cloud) -> None:
    check_unknown(here, cloud, Fault("N2_dropped", "ec2", "drop", "no answer in time"))


@pytest.mark.parametrize("fault", IMDS_FAULTS, ids=lambda fault: fault.id)
def test_metadata_cannot_be_asked(here: Runner, cloud: Cloud, fault: Fault) -> None:
    here.clean()
    check_unknown(here, cloud, fault)


@pytest.mark.parametrize("kind", ["refuse", "hang", "drop", "e503", "e403", "norole"])
def test_warm_caches_need_no_metadata(here: Runner, machines: Lab, kind: str) -> None:
    machines.fault("imds", kind)
    seen = here.monitor("n1", timeout_ms=SHORT_MS)
    assert (seen.code, seen.reasons, seen.calls("imds")) == (OK, [], [])


# --- faults that nobody notices ------------------------------------------------------------


def test_credentials_close_to_their_end_are_renewed_before(vip: Runner, machines: Lab) -> None:
    machines.control.rotate("n1", lifetime_s=120)
    assert vip.start("n1").code == OK
    vip.learn_secrets("n1")
    machines.control.rotate("n1")
    renewed = vip.monitor("n1")
    assert (renewed.code, renewed.calls()) == (OK, ["DescribeRouteTables"])
    assert any("security-credentials" in call for call in renewed.calls("imds"))


@pytest.mark.parametrize("off_s", [-86400, 3600])
def test_clock_that_is_off_costs_the_node_one_refusal(
    here: Runner, machines: Lab, off_s: int
) -> None:
    machines.fault("ec2", "skew", param=off_s)
    for refused in (1, 0, 0):
        seen = here.monitor("n1")
        assert (seen.code, seen.reasons) == (OK, [])
        assert len(seen.calls()) == 1 + refused
    machines.clear_faults()
    assert [len(here.monitor("n1").calls()) for _ in range(2)] == [2, 1]


def test_token_that_metadata_forgot_is_renewed(here: Runner, machines: Lab) -> None:
    """I4 with a token in the cache and a value that is not: what a monitor does after hours."""
    directory = f"{RSCTMP}/ocf-aws"
    keep_token = f'cd {directory} && for f in *; do grep -q eni- "$f" && rm "$f"; done'
    machines.exec("n1", "sh", "-c", keep_token, check=False)
    machines.fault("imds", "e401", count=1)
    assert here.monitor("n1").code == OK


# --- faults of writes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "says"), [("denied", "ReplaceRoute: UnauthorizedOperation"), ("e500", "InternalError")]
)
def test_one_table_of_ten_refuses(
    vip: Runner, cloud: Cloud, ten_tables: list[str], kind: str, says: str
) -> None:
    bad = ten_tables[4]
    cloud.lab.fault("ec2", kind, action="ReplaceRoute", match={"RouteTableId": cloud.table(bad)})
    failed = vip.start("n2", timeout_ms=SHORT_MS)
    assert failed.code == FAILED
    assert cloud.table(bad) in failed.reason
    assert says in failed.reason
    wanted = dict.fromkeys(ten_tables, cloud.eni("n2")) | {bad: cloud.eni("n1")}
    assert cloud.targets() == wanted


def test_writes_denied_names_the_action(vip: Runner, cloud: Cloud) -> None:
    cloud.lab.control.set_policy(ROLE, [allow("ec2:DescribeRouteTables")])
    failed = vip.start("n2")
    assert failed.code == DENIED
    assert "ec2:ReplaceRoute" in failed.reason
    assert cloud.owners() == {"n1"}


def test_interface_that_was_deleted_is_seen(here: Runner, cloud: Cloud) -> None:
    """R3: the routes lead to an ENI that is gone, while the address is here."""
    eni = _loose_eni(cloud)
    for table in TABLES:
        cloud.point(table, eni)
    cloud.ec2("DeleteNetworkInterface", NetworkInterfaceId=eni)
    seen = here.monitor("n1")
    assert seen.code == NOT_RUNNING
    assert "blackhole" in seen.reason
    assert here.start("n1").code == OK
    assert cloud.owners() == {"n1"}


# --- ends before its time ------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("action", ["DescribeRouteTables", "ReplaceRoute"])
def test_signal_ends_a_start_at_once(
    vip: Runner, cloud: Cloud, action: str, number: signal.Signals
) -> None:
    running = vip.held("n2", "start", action)
    running.signal(number)
    until(running.ended, END_TIMEOUT_S, "the start to end")
    ended = vip.end(running)
    assert ended.code == FAILED
    assert "signal" in ended.reason
    vip.lab.clear_faults()
    assert vip.start("n1").code == OK
    assert cloud.owners() == {"n1"}


@pytest.mark.parametrize("action", ["DescribeRouteTables", "ReplaceRoute"])
def test_start_elsewhere_after_a_killed_start(vip: Runner, cloud: Cloud, action: str) -> None:
    running = vip.held("n2", "start", action)
    running.kill()
    vip.lab.clear_faults()
    assert vip.stop("n2").code == OK
    assert vip.start("n1").code == OK
    assert (cloud.owners(), cloud.has("n2")) == ({"n1"}, False)


# --- the cache -----------------------------------------------------------------------------


def test_state_directory_that_cannot_be_used(here: Runner) -> None:
    seen = here.monitor("n1", environment={"HA_RSCTMP": "/proc/nowhere"})
    assert (seen.code, seen.reasons) == (OK, [])
    assert "DescribeRouteTables" in seen.calls()
    assert seen.calls("imds")


@pytest.mark.parametrize(
    "damage", ["echo rubbish >{}", ": >{}", "chmod 644 {}", "ln -sf /dev/zero {}"]
)
def test_damaged_cache_is_not_used(here: Runner, machines: Lab, damage: str) -> None:
    here.learn_secrets("n1")
    each = damage.format('"$f"')
    machines.exec("n1", "sh", "-c", f"cd {RSCTMP}/ocf-aws && for f in *; do {each}; done")
    seen = here.monitor("n1")
    assert (seen.code, seen.reasons) == (OK, [])
    assert seen.calls("imds")
    assert here.monitor("n1").calls("imds") == []


def test_few_descriptors_are_enough(here: Runner, ten_tables: list[str], cloud: Cloud) -> None:
    assert here.start("n2", wrapper=["prlimit", "--nofile=16"]).code == OK
    assert cloud.targets() == dict.fromkeys(ten_tables, cloud.eni("n2"))


# --- how often AWS is asked ----------------------------------------------------------------


def test_warm_monitor_is_one_call(here: Runner) -> None:
    warm = here.monitor("n1")
    assert (warm.code, warm.calls(), warm.calls("imds")) == (OK, ["DescribeRouteTables"], [])


def test_warm_monitor_of_ten_tables_is_one_call(vip: Runner, ten_tables: list[str]) -> None:
    assert vip.start("n1").code == OK
    warm = vip.monitor("n1")
    assert (warm.code, warm.calls(), warm.calls("imds")) == (OK, ["DescribeRouteTables"], [])


def test_start_of_ten_tables_is_three_round_trips(
    vip: Runner, cloud: Cloud, ten_tables: list[str]
) -> None:
    # Slow answers, so that calls that go out together are seen to overlap.
    cloud.lab.control.settings(latency_ms=300)
    started = vip.start("n2")
    assert started.code == OK
    reads = ["DescribeRouteTables"] * 2
    assert sorted(started.calls()) == reads + ["ReplaceRoute"] * len(ten_tables)
    assert started.rounds() <= 3
    assert cloud.targets() == dict.fromkeys(ten_tables, cloud.eni("n2"))


# --- bad input -----------------------------------------------------------------------------


BAD = [
    Bad({"ip": ""}, WRONG, ('ip=""', "IPv4 or IPv6")),
    Bad({"ip": "10.1.0"}, WRONG, ('ip="10.1.0"', "IPv4 or IPv6")),
    Bad({"ip": "10.1.0.10/24"}, WRONG, ('ip="10.1.0.10/24"', "without a prefix")),
    Bad({"ip": f"{VIP} {VIP}"}, WRONG, (f'ip="{VIP} {VIP}"', "once")),
    Bad({"route_tables": "rtb-xyz"}, WRONG, ('route_tables="rtb-xyz"', "rtb-0123")),
    Bad({"interface": "nope"}, WRONG_HERE, ('interface="nope"', "eth0")),
    Bad({"api_timeout": "-1"}, WRONG, ('api_timeout="-1"', "5s")),
    Bad({"on_unknown": "maybe"}, WRONG, ('on_unknown="maybe"', "degraded or ok or fail")),
    Bad({"on_drift": "Report"}, WRONG, ('on_drift="Report"', "report or repair")),
    Bad({"create_routes": "maybe"}, WRONG, ('create_routes="maybe"', "true or false")),
    Bad({"create_routes": "true"}, WRONG, ('create_routes="true"', "route_tables")),
    Bad({"cidr_routes": "192.168.1.1/24"}, WRONG, ('cidr_routes="192.168.1.1/24"', "host bits")),
    Bad({"endpoint_url": "ftp://x"}, WRONG, ('endpoint_url="ftp://x"', "https://")),
    Bad({"label": "a-label-too-long"}, WRONG, ('label="a-label-too-long"', "characters")),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize("action", ["validate-all", "start"])
def test_bad_value_is_refused(vip: Runner, cloud: Cloud, action: str, bad: Bad) -> None:
    bad.check(vip("n2", action, **bad.parameters))
    assert (cloud.owners(), cloud.has("n2")) == ({"n1"}, False)


def test_missing_required_parameter(vip: Runner) -> None:
    refused = vip("n2", "validate-all", ip=None)
    assert refused.code == WRONG
    assert "ip is not set, and is required" in refused.reason


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_stop_with_a_bad_value_succeeds(vip: Runner, cloud: Cloud, bad: Bad) -> None:
    before = cloud.addresses("n2")
    stopped = vip.stop("n2", **bad.parameters)
    assert (stopped.code, stopped.requests) == (OK, [])
    assert cloud.addresses("n2") == before
    assert cloud.owners() == {"n1"}


@pytest.mark.parametrize("bad", [{"api_timeout": "-1"}, {"assign_address": "maybe"}])
def test_stop_with_a_bad_value_still_releases(
    here: Runner, cloud: Cloud, bad: dict[str, str]
) -> None:
    assert here.stop("n1", **bad).code == OK
    assert not cloud.has("n1")


def test_unknown_parameter_is_warned_about(vip: Runner) -> None:
    warned = vip("n2", "validate-all", route_table="rtb-0123456789abcdef0")
    assert warned.code == OK
    (line,) = warned.stderr.splitlines()
    for word in ('route_table="rtb-0123456789abcdef0"', "no such parameter", "route_tables?"):
        assert word in line


def test_named_table_that_does_not_exist(vip: Runner, cloud: Cloud) -> None:
    unknown = {"route_tables": "rtb-0123456789abcdef0"}
    for action, depth in (("start", None), ("validate-all", 10)):
        refused = vip("n2", action, depth=depth, **unknown)
        assert refused.code == WRONG
        assert "route_tables: " in refused.reason
        assert "rtb-0123456789abcdef0" in refused.stderr
        assert refused.calls() == ["DescribeRouteTables"]
    assert cloud.owners() == {"n1"}


def test_named_table_that_is_deleted_stops_nothing(here: Runner, cloud: Cloud) -> None:
    lost = f"{cloud.table('private-a')} rtb-0123456789abcdef0"
    seen = here.monitor("n1", route_tables=lost)
    assert seen.code == DEGRADED
    assert "rtb-0123456789abcdef0" in seen.reason


# --- preflight -----------------------------------------------------------------------------


def test_preflight_of_a_good_configuration(vip: Runner, cloud: Cloud) -> None:
    checked = vip("n2", "validate-all", depth=10)
    assert checked.code == OK
    assert checked.reasons == []
    lines = checked.stderr.splitlines()
    assert all(line.startswith("ok: ") for line in lines)
    for word in (VIP, "DescribeRouteTables", *map(cloud.table, TABLES), cloud.eni("n2")):
        assert word in checked.stderr
    assert (cloud.owners(), cloud.has("n2")) == ({"n1"}, False)


def test_preflight_lists_every_finding(vip: Runner, cloud: Cloud) -> None:
    inside = "10.0.0.5"
    cloud.lab.control.set_policy(
        ROLE, [allow("ec2:DescribeRouteTables", "ec2:DescribeNetworkInterfaces")]
    )
    checked = vip("n2", "validate-all", depth=10, ip=f"{VIP} {inside}", interface="eth1")
    assert checked.code == WRONG
    errors = [line for line in checked.stderr.splitlines() if line.startswith("ERROR: ")]
    wanted = {
        f'ip="{inside}" lies inside 10.0.0.0/16': "outside",
        f"create-route --route-table-id RTB --destination-cidr-block {inside}/32": "",
        f"{cloud.table('private-a')}": "IAM denies ec2:ReplaceRoute",
        f"{cloud.table('private-c')}": "IAM denies ec2:ReplaceRoute",
        f"source/dest check of {cloud.eni('n2', 1)} is on": "disable_source_dest_check",
    }
    for what, how_to_mend in wanted.items():
        assert any(what in line and how_to_mend in line for line in errors), (what, errors)
    assert len(errors) == len(wanted)
    assert len(checked.reasons) == 1


def test_preflight_refuses_an_address_of_the_vpc(vip: Runner) -> None:
    checked = vip("n2", "validate-all", depth=10, ip="10.0.0.5")
    assert checked.code == WRONG
    assert 'ip="10.0.0.5"' in checked.reason
    assert "outside" in checked.reason


def test_preflight_without_permission_to_read(vip: Runner, cloud: Cloud) -> None:
    cloud.lab.control.set_policy(ROLE, [])
    checked = vip("n2", "validate-all", depth=10)
    assert checked.code == DENIED
    assert "ec2:DescribeRouteTables" in checked.stderr


def test_preflight_without_metadata(vip: Runner, machines: Lab) -> None:
    machines.fault("imds", "refuse")
    checked = vip("n2", "validate-all", depth=10, timeout_ms=SHORT_MS)
    assert checked.code == FAILED
    assert "ERROR: " in checked.stderr


# --- secrets -------------------------------------------------------------------------------


def test_secrets_are_looked_for_where_they_would_be(here: Runner, machines: Lab) -> None:
    """The check behind every test here has something to look for, and in full verbosity."""
    machines.fault("ec2", "badsig", count=1)
    here.monitor("n1")
    credentials = machines.exec(
        "n1",
        "sh",
        "-c",
        "T=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "
        "http://169.254.169.254/latest/api/token); "
        'curl -s -H "X-aws-ec2-metadata-token: $T" '
        f"http://169.254.169.254/latest/meta-data/iam/security-credentials/{ROLE}",
    ).stdout
    known = json.loads(credentials)
    assert {known["SecretAccessKey"], known["Token"]} <= here.learn_secrets("n1")
    assert len(here.secrets) >= 3, "secret key, session token, token of the metadata service"
    assert "debug" in here.log("n1")
