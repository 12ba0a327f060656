# SPDX-License-Identifier: GPL-2.0-or-later
"""transit-gateway-vip run by hand in three regions: parameters, preflight, roles by region."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cloud import (
    DEGRADED,
    DENIED,
    FAILED,
    NOT_RUNNING,
    OK,
    ROLE,
    WRONG,
    WRONG_HERE,
    Bad,
    errors,
)
from lab.handle import Lab
from lab.topology import VIP, VIP6
from runner import Runner
from standalone import allow
from transit import OSAKA, REGIONS, SINGAPORE, TOKYO, Transit, agent_in

LAB_NAME = "cts_tgw_set"
# n1 and n3 are in Tokyo, n2 is in Osaka; nobody is in Singapore but clients.
NODES = 3
# A table on the way of a client.
NEEDED = f"{SINGAPORE}/hub/vpcs"


@pytest.fixture(scope="module")
def first(labs: Callable[[str], Lab]) -> Transit:
    """Nodes in two regions, and clients in three; everything leads to n1."""
    return Transit(labs("regions"))


@pytest.fixture
def cloud(first: Transit) -> Transit:
    first.reset()
    return first


@pytest.fixture
def vip(cloud: Transit) -> Iterator[Runner]:
    """The agent with nothing but the address."""
    yield from agent_in(cloud)


# --- parameters ----------------------------------------------------------------------------


@pytest.mark.parametrize("regions", [f"{TOKYO} {OSAKA}", f"{OSAKA},{TOKYO}", TOKYO])
def test_named_regions_leave_the_others_alone(vip: Runner, cloud: Transit, regions: str) -> None:
    before = cloud.targets()
    started = vip.start("n2", regions=regions)
    assert (started.code, started.stderr) == (OK, "")
    assert {entry["region"] for entry in started.asked("ec2")} == {TOKYO, OSAKA}
    alone = {name: to for name, to in before.items() if name.startswith(SINGAPORE)}
    assert cloud.targets() == cloud.wanted("n2") | alone
    assert vip.monitor("n2", regions=regions).code == OK


def test_label_is_on_the_address(vip: Runner, cloud: Transit) -> None:
    assert vip.start("n1", label="vip1").code == OK
    assert cloud.addresses("n1")[VIP]["label"] == "eth0:vip1"
    assert vip.stop("n1", label="vip1").code == OK
    assert not cloud.has("n1")


def test_assign_address_false_keeps_a_mark_instead(vip: Runner, cloud: Transit) -> None:
    own = {"assign_address": "false"}
    assert vip.probe("n2", **own).code == NOT_RUNNING
    assert vip.start("n2", **own).code == OK
    assert not cloud.has("n2")
    assert cloud.targets() == cloud.wanted("n2")
    assert vip.monitor("n2", **own).code == OK
    stopped = vip.stop("n2", **own)
    assert (stopped.code, stopped.requests) == (OK, [])
    assert vip.monitor("n2", **own).code == NOT_RUNNING


def test_reload_brings_new_parameters_into_effect(vip: Runner, cloud: Transit) -> None:
    assert vip.start("n2", regions=TOKYO).code == OK
    assert vip("n2", "reload-agent").code == OK
    assert cloud.targets() == cloud.wanted("n2")
    assert cloud.has("n2")


BAD = [
    Bad({"ip": ""}, WRONG, ('ip=""', "IPv4 or IPv6")),
    Bad({"ip": None}, WRONG, ("ip is not set", "required")),
    Bad({"ip": "10.1.0"}, WRONG, ('ip="10.1.0"', "IPv4 or IPv6")),
    Bad({"ip": f"{VIP}/24"}, WRONG, (f'ip="{VIP}/24"', "without a prefix")),
    Bad({"ip": f"{VIP} {VIP}"}, WRONG, (f'ip="{VIP} {VIP}"', "once")),
    Bad({"regions": "tokyo!"}, WRONG, ('regions="tokyo!"', TOKYO)),
    Bad({"regions": f"{TOKYO} {TOKYO}"}, WRONG, ("regions=", "once")),
    Bad({"interface": "nope"}, WRONG_HERE, ('interface="nope"', "eth0")),
    Bad({"assign_address": "maybe"}, WRONG, ('assign_address="maybe"', "true or false")),
    Bad({"label": "a-label-too-long"}, WRONG, ('label="a-label-too-long"', "characters")),
    Bad({"create_routes": "maybe"}, WRONG, ('create_routes="maybe"', "true or false")),
    Bad(
        {"disable_source_dest_check": "2"},
        WRONG,
        ('disable_source_dest_check="2"', "true or false"),
    ),
    Bad({"role_arn": "nope"}, WRONG, ('role_arn="nope"', "arn:aws:iam::")),
    Bad({"role_arn": f"{OSAKA}=nope"}, WRONG, (f'role_arn="{OSAKA}=nope"', "arn:aws:iam::")),
    Bad({"on_drift": "Report"}, WRONG, ('on_drift="Report"', "report or repair")),
    Bad({"on_unknown": "maybe"}, WRONG, ('on_unknown="maybe"', "degraded or ok or fail")),
    Bad({"api_timeout": "-1"}, WRONG, ('api_timeout="-1"', "5s")),
    Bad({"endpoint_url": "ftp://x"}, WRONG, ('endpoint_url="ftp://x"', "https://")),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize("action", ["validate-all", "start"])
def test_bad_value_is_refused(vip: Runner, cloud: Transit, action: str, bad: Bad) -> None:
    bad.check(vip("n2", action, **bad.parameters))
    assert (cloud.targets(), cloud.has("n2")) == (cloud.wanted("n1"), False)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_stop_with_a_bad_value_succeeds(vip: Runner, cloud: Transit, bad: Bad) -> None:
    before = cloud.addresses("n2")
    stopped = vip.stop("n2", **bad.parameters)
    assert (stopped.code, stopped.requests) == (OK, [])
    assert cloud.addresses("n2") == before


def test_label_too_long_for_the_interface(vip: Runner, cloud: Transit) -> None:
    refused = vip.start("n2", label="elevenchars")
    assert refused.code == WRONG_HERE
    assert 'label="elevenchars"' in refused.reason
    assert (cloud.targets(), cloud.has("n2")) == (cloud.wanted("n1"), False)


# --- the preflight --------------------------------------------------------------------------


def test_preflight_of_a_good_configuration(vip: Runner, cloud: Transit) -> None:
    """A write that is not due is not tried: nothing is on n1, ten are on n2."""
    for where, writes in (("n1", 0), ("n2", 10)):
        checked = vip(where, "validate-all", depth=10)
        assert (checked.code, checked.reasons) == (OK, [])
        lines = checked.stderr.splitlines()
        assert all(line.startswith("ok: ") for line in lines)
        for word in (VIP, *REGIONS):
            assert word in checked.stderr
        assert sum(f"of {VIP}/32 in " in line for line in lines) == writes
    assert (cloud.targets(), cloud.has("n2")) == (cloud.wanted("n1"), False)


def test_preflight_finds_what_is_missing(vip: Runner, cloud: Transit) -> None:
    cloud.lead(NEEDED, None)
    cloud.lab.fault("ec2", "denied", action="ReplaceTransitGatewayRoute", region=OSAKA)
    checked = vip("n2", "validate-all", depth=10, ip=f"{VIP} 10.2.0.5")
    found = "\n".join(errors(checked))
    assert "IAM denies ec2:ReplaceTransitGatewayRoute" in found
    assert 'ip="10.2.0.5" lies inside 10.2.0.0/16' in found
    assert cloud.id(NEEDED) in found
    assert checked.code in (DENIED, WRONG)
    assert len(checked.reasons) == 1


@pytest.mark.parametrize(
    ("table", "network"),
    [
        (f"{OSAKA}/main/private-a", "10.4.0.0/16"),
        (f"{OSAKA}/hub/vpcs", "10.4.0.0/16"),
        (f"{SINGAPORE}/hub/peers", "2001:db8:104::/56"),
    ],
)
def test_preflight_follows_the_way_back(
    vip: Runner, cloud: Transit, table: str, network: str
) -> None:
    """Singapore's packets reach the node, and no answer would reach Singapore."""
    good = vip("n2", "validate-all", depth=10, ip=f"{VIP} {VIP6}")
    assert good.code == OK
    assert good.stderr.count("answers reach ") == 4, "two networks of each of two other VPCs"
    cloud.lead(table, None, network)
    checked = vip("n2", "validate-all", depth=10, ip=f"{VIP} {VIP6}")
    assert checked.code == FAILED
    (line,) = errors(checked)
    assert all(word in line for word in (cloud.id(table), network, f"({SINGAPORE})"))
    cloud.lab.exec("n2", *line.rpartition(": ")[2].split())
    assert vip("n2", "validate-all", depth=10, ip=f"{VIP} {VIP6}").stderr == good.stderr


@pytest.mark.parametrize("kind", ["refuse", "denied"])
def test_preflight_with_a_silent_region(vip: Runner, cloud: Transit, kind: str) -> None:
    cloud.lab.fault("ec2", kind, region=SINGAPORE)
    checked = vip("n2", "validate-all", depth=10, api_timeout="1s")
    assert checked.code in (FAILED, DENIED)
    assert any(SINGAPORE in line for line in errors(checked))


# --- roles by region ------------------------------------------------------------------------


def _trusting(caller: str) -> str:
    """The trust policy of a role that one other role may assume."""
    statement = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def roles(cloud: Transit) -> Iterator[dict[str, str]]:
    """A role for Tokyo and one for Singapore, while the nodes' own may nothing there."""

    def iam(operation: str, **params: Any) -> Any:
        return cloud.lab.control.aws(TOKYO, "iam", operation, **params)

    trust = _trusting(iam("GetRole", RoleName=ROLE)["Role"]["Arn"])
    names = {TOKYO: "mover-tokyo", SINGAPORE: "mover-singapore"}
    found = {}
    for region, name in names.items():
        made = iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)
        cloud.lab.control.set_policy(name, [_only(region, "ec2:*")])
        found[region] = made["Role"]["Arn"]
    cloud.lab.control.set_policy(ROLE, [_only(OSAKA, "ec2:*"), allow("sts:AssumeRole")])
    yield found
    for name in names.values():
        cloud.lab.control.set_policy(name, [])
        iam("DeleteRole", RoleName=name)


def _only(region: str, *actions: str) -> dict[str, Any]:
    """A policy for one region."""
    return allow(*actions, Condition={"StringEquals": {"aws:RequestedRegion": region}})


@pytest.mark.parametrize("separator", [" ", ","])
def test_role_of_each_region_is_used_there_alone(
    vip: Runner, cloud: Transit, roles: dict[str, str], separator: str
) -> None:
    pairs = {"role_arn": separator.join(f"{region}={arn}" for region, arn in roles.items())}
    started = vip.start("n2", **pairs)
    assert (started.code, started.stderr) == (OK, "")
    assert started.calls("sts") == ["AssumeRole"] * 2
    assert cloud.targets() == cloud.wanted("n2")
    warm = vip.monitor("n2", **pairs)
    assert (warm.code, warm.calls("sts"), warm.calls("imds")) == (OK, [], [])


def test_role_that_is_missing_is_one_regions_trouble(
    vip: Runner, cloud: Transit, roles: dict[str, str]
) -> None:
    started = vip.start("n2", role_arn=f"{TOKYO}={roles[TOKYO]}")
    assert started.code == OK
    assert "IAM denies ec2:" in started.stderr
    assert started.calls("sts") == ["AssumeRole"]
    written = {entry["region"] for entry in started.asked("ec2") if "Replace" in entry["action"]}
    assert written == {TOKYO, OSAKA}
    seen = vip.monitor("n2", role_arn=f"{TOKYO}={roles[TOKYO]}")
    assert seen.code == DEGRADED
    assert SINGAPORE in seen.stderr


def test_one_role_for_all_other_regions(vip: Runner, cloud: Transit, roles: dict[str, str]) -> None:
    """A bare ARN stands for every region without a pair."""
    cloud.lab.control.set_policy("mover-tokyo", [allow("ec2:*")])
    cloud.lab.control.set_policy(ROLE, [allow("sts:AssumeRole")])
    started = vip.start("n2", role_arn=roles[TOKYO])
    assert (started.code, started.stderr) == (OK, "")
    assert started.calls("sts") == ["AssumeRole"]
    assert cloud.targets() == cloud.wanted("n2")
