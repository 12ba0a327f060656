# SPDX-License-Identifier: GPL-2.0-or-later
"""elastic-ip run by hand in the nodes of a lab: what it finds, does, asks and says."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import (
    CONFIRM_MS,
    DEGRADED,
    END_TIMEOUT_S,
    FAILED,
    NOT_RUNNING,
    OK,
    ROLE,
    SHORT_MS,
    WRONG,
    WRONG_HERE,
    Bad,
    Cloud,
    actions_of,
    errors,
)
from lab.handle import Lab
from lab.state import REPOSITORY, until
from runner import BUILD, RSCTMP, Runner

AGENT = "elastic-ip"
LAB_NAME = "cts_eip"
# One is the beginning of the other.
WEB, OTHER = "52.9.0.12", "52.9.0.123"
NOBODYS = "52.9.0.99"
PRIMARY = {"n1": "10.0.2.10", "n2": "10.0.4.10"}
# A second private address of eth0, and the address of eth1.
SECOND = {"n1": "10.0.2.60", "n2": "10.0.4.60"}
PRIMARY1 = {"n1": "10.0.2.50", "n2": "10.0.4.50"}
READ = "DescribeAddresses"
STANDBY = {"CRM_meta_role": "Stopped"}
POLICY = json.loads((REPOSITORY / "xml" / "iam" / f"{AGENT}.json").read_text())


@pytest.fixture(scope="module")
def machines(agents: Path) -> Iterator[Lab]:
    """Two nodes with two interfaces each, an internet gateway, and two Elastic IPs."""
    options = {"scenario": "two-interfaces", "with_cluster": False, "agents": agents}
    with Lab.running(LAB_NAME, **options) as lab:
        cloud = Cloud(lab)
        gateway = cloud.ec2("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
        cloud.ec2("AttachInternetGateway", InternetGatewayId=gateway, VpcId=cloud.vpc())
        for public_ip in (WEB, OTHER):
            cloud.allocate(public_ip)
        for where, address in SECOND.items():
            cloud.assign(cloud.eni(where), address)
        yield lab
        lab.collect(BUILD / "check" / LAB_NAME)


@pytest.fixture
def cloud(machines: Lab) -> Cloud:
    """Nothing is wrong, and the Elastic IPs lead nowhere."""
    cloud = Cloud(machines)
    cloud.mend()
    for public_ip in (WEB, OTHER):
        cloud.disassociate(public_ip)
    return cloud


@pytest.fixture
def eip(machines: Lab, cloud: Cloud) -> Iterator[Runner]:
    """The agent with nothing but the address; whatever a test does, no secret may come out."""
    runner = Runner(machines, AGENT, public_ip=WEB)
    runner.clean()
    yield runner
    runner.check_secrets()


@pytest.fixture
def here(eip: Runner) -> Runner:
    """The address runs on n1, whose caches are warm."""
    assert eip.start("n1").code == OK
    return eip


def at(cloud: Cloud, where: str) -> tuple[str, str]:
    """What the Elastic IP leads to when it leads to a node."""
    return cloud.eni(where), PRIMARY[where]


# --- the life of an address ----------------------------------------------------------------


@pytest.mark.parametrize("by", ["public_ip", "allocation_id"])
def test_life_cycle_moves_between_nodes(eip: Runner, cloud: Cloud, by: str) -> None:
    named = {"public_ip": WEB}
    if by == "allocation_id":
        named = {"public_ip": None, by: cloud.elastic_ip(WEB)["AllocationId"]}
    for active, other in (("n2", "n1"), ("n1", "n2")):
        assert eip.probe(active, **named).code == NOT_RUNNING
        assert eip.start(active, **named).code == OK
        assert cloud.leads_to(WEB) == at(cloud, active)
        assert eip.probe(active, **named).code == OK
        warm = eip.monitor(active, **named)
        assert (warm.code, warm.calls(), len(warm.calls("imds"))) == (OK, [], 1)
        assert eip.probe(other, **named).code == NOT_RUNNING
        assert eip.monitor(other, **named).code == NOT_RUNNING
        assert eip.stop(active, **named).code == OK
        assert cloud.leads_to(WEB) is None
        assert eip.probe(active, **named).code == NOT_RUNNING


def test_start_takes_it_from_the_other_node(here: Runner, cloud: Cloud) -> None:
    assert here.start("n2").code == OK
    assert cloud.leads_to(WEB) == at(cloud, "n2")
    stopped = here.stop("n1")
    assert (stopped.code, stopped.stderr, cloud.writes(stopped)) == (OK, "", [])
    assert cloud.leads_to(WEB) == at(cloud, "n2")
    assert here.monitor("n2").code == OK


def test_start_twice_writes_nothing(here: Runner, cloud: Cloud) -> None:
    again = here.start("n1")
    assert (again.code, again.reasons, cloud.writes(again)) == (OK, [], [])


def test_stop_twice_is_fine(here: Runner, cloud: Cloud) -> None:
    for writes in (["DisassociateAddress"], []):
        stopped = here.stop("n1")
        assert (stopped.code, stopped.stderr, cloud.writes(stopped)) == (OK, "", writes)


def test_address_that_was_associated_by_hand_is_taken_over(eip: Runner, cloud: Cloud) -> None:
    cloud.associate(WEB, cloud.eni("n1"))
    assert eip.probe("n1").code == NOT_RUNNING, "nobody started it"
    started = eip.start("n1")
    assert (started.code, cloud.writes(started)) == (OK, ["AssociateAddress"])
    assert eip.monitor("n1").code == OK
    assert eip.stop("n1").code == OK
    assert cloud.leads_to(WEB) is None


def test_start_does_not_trust_reads_of_before_the_last_owner(here: Runner, cloud: Cloud) -> None:
    cloud.lab.control.settings(read_delay_s=60)
    assert here.stop("n1").code == OK
    cloud.associate(WEB, cloud.eni("n2"))
    assert here.start("n1").code == OK, "what it reads is of before the stop"
    assert cloud.leads_to(WEB) == at(cloud, "n1")


def test_start_that_may_not_write_goes_by_what_it_reads(here: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("ec2", "denied", action="DisassociateAddress")
    assert here.stop("n1").code == OK
    cloud.lab.fault("ec2", "denied", action="AssociateAddress")
    started = here.start("n1")
    assert (started.code, started.reasons) == (OK, [])
    (warning,) = started.stderr.splitlines()
    assert warning.startswith("WARNING: here by what AWS shows, which could not be written again: ")
    assert "ec2:AssociateAddress" in warning
    assert here.monitor("n1").code == OK


def test_two_starts_at_once_both_succeed(eip: Runner, cloud: Cloud) -> None:
    both = [eip.begin("n2", "start") for _ in range(2)]
    assert [eip.end(one).code for one in both] == [OK, OK]
    assert cloud.leads_to(WEB) == at(cloud, "n2")


def test_stop_leaves_what_another_node_has_just_taken(here: Runner, cloud: Cloud) -> None:
    """What the stop reads does not show it yet."""
    cloud.lab.control.settings(read_delay_s=60)
    cloud.associate(WEB, cloud.eni("n2"))
    stopped = here.stop("n1")
    assert (stopped.code, stopped.stderr) == (OK, "")
    assert cloud.writes(stopped) == ["DisassociateAddress"]
    assert cloud.leads_to(WEB) == at(cloud, "n2")


# --- several addresses and interfaces ------------------------------------------------------


def test_several_resources_of_a_node(eip: Runner, cloud: Cloud) -> None:
    of_other = {"instance": "other", "public_ip": OTHER, "private_ip": SECOND["n1"]}
    for action in ("start", "monitor", "start"):
        both = [eip.begin("n1", action), eip.begin("n1", action, **of_other)]
        assert [eip.end(one).code for one in both] == [OK, OK]
        assert cloud.leads_to(WEB) == at(cloud, "n1")
        assert cloud.leads_to(OTHER) == (cloud.eni("n1"), SECOND["n1"])
    assert eip.stop("n1", **of_other).code == OK
    assert cloud.leads_to(OTHER) is None
    assert eip.monitor("n1").code == OK


@pytest.mark.parametrize(("mine", "others"), [(WEB, OTHER), (OTHER, WEB)])
def test_no_address_is_taken_for_one_that_contains_it(
    eip: Runner, cloud: Cloud, mine: str, others: str
) -> None:
    here = {"instance": others, "public_ip": others, "private_ip": SECOND["n1"]}
    lost = {"instance": mine, "public_ip": mine}
    assert eip.start("n1", **here).code == OK
    assert eip.probe("n1", **lost).code == NOT_RUNNING
    assert eip.start("n1", **lost).code == OK
    assert cloud.leads_to(mine) == at(cloud, "n1")
    cloud.associate(mine, cloud.eni("n2"))
    for depth in (0, 10):
        assert eip.monitor("n1", depth=depth, **here).code == OK
        assert eip.monitor("n1", depth=depth, **lost).code == NOT_RUNNING
    stopped = eip.stop("n1", **lost)
    assert (stopped.code, cloud.writes(stopped)) == (OK, [])
    assert cloud.leads_to(others) == (cloud.eni("n1"), SECOND["n1"])


def test_second_interface(eip: Runner, cloud: Cloud) -> None:
    own = {"interface": "eth1"}
    assert eip.start("n1", **own).code == OK
    assert cloud.leads_to(WEB) == (cloud.eni("n1", 1), PRIMARY1["n1"])
    warm = eip.monitor("n1", **own)
    assert (warm.code, warm.calls()) == (OK, [])
    cloud.associate(WEB, cloud.eni("n1"))
    seen = eip.monitor("n1", **own)
    assert seen.code == NOT_RUNNING, "another interface of the same node"
    assert cloud.eni("n1") in seen.reason
    assert eip.start("n1", **own).code == OK
    assert cloud.leads_to(WEB) == (cloud.eni("n1", 1), PRIMARY1["n1"])
    assert eip.stop("n1", **own).code == OK
    assert cloud.leads_to(WEB) is None


def test_private_ip_is_the_address_behind(eip: Runner, cloud: Cloud) -> None:
    own = {"private_ip": SECOND["n1"]}
    assert eip.start("n1", **own).code == OK
    assert cloud.leads_to(WEB) == (cloud.eni("n1"), SECOND["n1"])
    warm = eip.monitor("n1", **own)
    assert (warm.code, warm.calls()) == (OK, [])
    assert eip.stop("n1", **own).code == OK
    assert cloud.leads_to(WEB) is None


def test_private_ip_that_the_interface_lacks(eip: Runner, cloud: Cloud) -> None:
    refused = eip.start("n1", private_ip="10.0.2.99")
    assert refused.code == FAILED
    for word in ("10.0.2.99", cloud.eni("n1")):
        assert word in refused.reason
    assert cloud.leads_to(WEB) is None


def test_default_is_the_primary_address(eip: Runner, cloud: Cloud) -> None:
    cloud.associate(WEB, cloud.eni("n1"), SECOND["n1"])
    assert eip.start("n1").code == OK
    assert cloud.leads_to(WEB) == at(cloud, "n1")
    assert eip.monitor("n1").code == OK


# --- drift ---------------------------------------------------------------------------------


@pytest.mark.parametrize("private_ip", [None, PRIMARY["n1"]])
def test_another_private_address_is_drift(
    here: Runner, cloud: Cloud, private_ip: str | None
) -> None:
    own = {"private_ip": private_ip}
    cloud.associate(WEB, cloud.eni("n1"), SECOND["n1"])
    for depth in (0, 10):
        seen = here.monitor("n1", depth=depth, **own)
        assert (seen.code, cloud.writes(seen)) == (DEGRADED, [])
        assert f"{WEB} leads to {SECOND['n1']}" in seen.reason
    probed = here.probe("n1", on_drift="repair", **own)
    assert (probed.code, cloud.writes(probed)) == (OK, [])
    repaired = here.monitor("n1", on_drift="repair", **own)
    assert (repaired.code, cloud.writes(repaired)) == (OK, ["AssociateAddress"])
    assert cloud.leads_to(WEB) == at(cloud, "n1")


def test_drift_does_not_keep_stop_from_giving_it_up(here: Runner, cloud: Cloud) -> None:
    cloud.associate(WEB, cloud.eni("n1"), SECOND["n1"])
    assert here.stop("n1").code == OK
    assert cloud.leads_to(WEB) is None


def test_reload_leads_to_the_new_private_address(here: Runner, cloud: Cloud) -> None:
    own = {"private_ip": SECOND["n1"]}
    assert here("n1", "reload-agent", **own).code == OK
    assert cloud.leads_to(WEB) == (cloud.eni("n1"), SECOND["n1"])
    assert here.monitor("n1", **own).code == OK
    assert here("n1", "reload-agent").code == OK
    assert cloud.leads_to(WEB) == at(cloud, "n1")


def test_reload_of_what_does_not_run(eip: Runner, cloud: Cloud) -> None:
    assert eip("n1", "reload-agent", private_ip=SECOND["n1"]).code == NOT_RUNNING
    assert cloud.leads_to(WEB) is None


# --- losses --------------------------------------------------------------------------------


def _stolen(cloud: Cloud) -> str:
    cloud.associate(WEB, cloud.eni("n2"))
    return f"{WEB} leads to {cloud.eni('n2')}, not to our {cloud.eni('n1')}"


def _disassociated(cloud: Cloud) -> str:
    cloud.disassociate(WEB)
    return f"{WEB} is associated with no interface"


@pytest.mark.parametrize("arrange", [_stolen, _disassociated])
@pytest.mark.parametrize("options", [{}, {"on_drift": "repair"}, {"depth": 10}], ids=str)
def test_loss_is_seen_and_never_repaired(
    here: Runner, cloud: Cloud, arrange: Any, options: dict[str, Any]
) -> None:
    says = arrange(cloud)
    before = cloud.leads_to(WEB)
    lost = here.monitor("n1", **options)
    assert (lost.code, cloud.writes(lost)) == (NOT_RUNNING, [])
    assert says in lost.reason
    assert len(lost.calls()) > 1, "one read is not believed"
    assert here.probe("n1", **options).code == NOT_RUNNING
    assert cloud.leads_to(WEB) == before


def test_loss_that_only_a_late_read_shows_is_none(here: Runner, cloud: Cloud) -> None:
    _stolen(cloud)
    cloud.lab.control.settings(read_delay_s=3, imds_delay_s=3)
    cloud.associate(WEB, cloud.eni("n1"))
    seen = here.monitor("n1")
    assert (seen.code, seen.reasons) == (OK, [])
    assert seen.calls() != []


@pytest.mark.parametrize("by", ["public_ip", "allocation_id"])
def test_address_that_was_released(eip: Runner, cloud: Cloud, by: str) -> None:
    allocation = cloud.allocate("52.9.0.200")
    named = {"public_ip": None, by: "52.9.0.200" if by == "public_ip" else allocation}
    assert eip.start("n1", **named).code == OK
    cloud.disassociate("52.9.0.200")
    cloud.ec2("ReleaseAddress", AllocationId=allocation)
    for look in (eip.monitor, eip.probe):
        seen = look("n1", **named)
        assert seen.code == NOT_RUNNING
        assert named[by] in seen.reason
    refused = eip.start("n1", **named)
    assert refused.code == WRONG
    for word in (by, named[by]):
        assert word in refused.reason
    assert eip.stop("n1", **named).code == OK


# --- AWS or the metadata cannot be asked ----------------------------------------------------


@pytest.mark.parametrize("kind", ["refuse", "hang", "e503", "denied"])
def test_stop_without_aws_warns_and_the_next_start_takes_it(
    here: Runner, cloud: Cloud, kind: str
) -> None:
    cloud.lab.fault("ec2", kind, node="n1")
    stopped = here.stop("n1", timeout_ms=SHORT_MS)
    assert (stopped.code, stopped.reasons) == (OK, [])
    (warning,) = stopped.stderr.splitlines()
    assert warning.startswith("WARNING: ")
    assert READ in warning or "ec2" in warning
    assert cloud.leads_to(WEB) == at(cloud, "n1")
    assert here.probe("n1", timeout_ms=SHORT_MS).code == NOT_RUNNING
    assert here.start("n2").code == OK
    assert cloud.leads_to(WEB) == at(cloud, "n2")


def test_metadata_behind_a_start_and_a_stop(eip: Runner, cloud: Cloud) -> None:
    cloud.lab.control.settings(imds_delay_s=60)
    assert eip.start("n1").code == OK
    seen = eip.monitor("n1")
    assert (seen.code, seen.calls()) == (OK, [READ])
    assert eip.stop("n1").code == OK
    probed = eip.probe("n1")
    assert (probed.code, probed.requests) == (NOT_RUNNING, [])


def test_depth_10_does_not_believe_the_metadata(here: Runner, cloud: Cloud) -> None:
    deep = here.monitor("n1", depth=10)
    assert (deep.code, deep.calls(), deep.calls("imds")) == (OK, [READ], [])
    cloud.lab.control.settings(imds_delay_s=60)
    _stolen(cloud)
    assert here.monitor("n1").code == OK
    assert here.monitor("n1", depth=10).code == NOT_RUNNING


@pytest.mark.parametrize("kind", ["refuse", "hang", "e503", "e403"])
def test_metadata_dead_and_aws_alive(here: Runner, cloud: Cloud, kind: str) -> None:
    cloud.lab.fault("imds", kind)
    seen = here.monitor("n1", timeout_ms=SHORT_MS)
    assert (seen.code, seen.reasons, seen.calls()) == (OK, [], [READ])
    _stolen(cloud)
    hurried = here.monitor("n1", timeout_ms=SHORT_MS)
    assert (hurried.code, "no time to confirm" in hurried.reason) == (DEGRADED, True)
    assert here.probe("n1", timeout_ms=CONFIRM_MS).code == NOT_RUNNING


@pytest.mark.parametrize("kind", ["refuse", "hang"])
def test_both_dead_leave_the_node_to_its_own_knowledge(
    here: Runner, cloud: Cloud, kind: str
) -> None:
    for service in ("imds", "ec2"):
        cloud.lab.fault(service, kind)
    seen = here.monitor("n1", timeout_ms=SHORT_MS)
    assert seen.code == DEGRADED
    assert "cannot ask AWS" in seen.reason
    assert here.probe("n1", timeout_ms=SHORT_MS).code == OK
    for look in (here.monitor, here.probe):
        other = look("n2", timeout_ms=SHORT_MS)
        assert (other.code, other.requests) == (NOT_RUNNING, [])


# --- writes --------------------------------------------------------------------------------


def test_round_trips_of_start_and_stop(eip: Runner) -> None:
    started = eip.start("n1")
    assert started.calls() == [READ, "AssociateAddress", READ]
    eip.stop("n1")
    warm = eip.start("n1")
    assert (warm.calls(), warm.calls("imds")) == ([READ, "AssociateAddress", READ], [])
    stopped = eip.stop("n1")
    assert (stopped.calls(), stopped.calls("imds")) == ([READ, "DisassociateAddress"], [])


@pytest.mark.parametrize(
    "fault",
    [{"kind": "lost", "action": "AssociateAddress", "count": 1}, {"kind": "stale", "param": 1.5}],
    ids=lambda fault: fault["kind"],
)
def test_write_is_looked_for_and_not_repeated(
    eip: Runner, cloud: Cloud, fault: dict[str, Any]
) -> None:
    cloud.lab.fault("ec2", **fault)
    started = eip.start("n1")
    assert (started.code, cloud.writes(started)) == (OK, ["AssociateAddress"])
    assert cloud.leads_to(WEB) == at(cloud, "n1")


def test_lost_answer_to_the_stop(here: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("ec2", "lost", action="DisassociateAddress", count=1)
    assert here.stop("n1").code == OK
    assert cloud.leads_to(WEB) is None


# --- ends before its time ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("start", READ),
        ("start", "AssociateAddress"),
        ("stop", READ),
        ("stop", "DisassociateAddress"),
    ],
)
def test_signal_ends_an_action_at_once(here: Runner, cloud: Cloud, action: str, call: str) -> None:
    running = here.held("n2" if action == "start" else "n1", action, call)
    running.signal(signal.SIGTERM)
    until(running.ended, END_TIMEOUT_S, f"the {action} to end")
    ended = here.end(running)
    assert ended.code == FAILED
    assert "signal" in ended.reason
    cloud.lab.clear_faults()
    assert here.start("n2").code == OK
    assert cloud.leads_to(WEB) == at(cloud, "n2")


@pytest.mark.parametrize("stale", [False, True])
def test_start_killed_after_its_write(eip: Runner, cloud: Cloud, stale: bool) -> None:
    """The stop that follows may still read what was before."""
    cloud.lab.control.settings(read_delay_s=60)
    running = eip.begin("n1", "start")
    until(lambda: "AssociateAddress" in str(running.requests()), END_TIMEOUT_S, "the write")
    running.kill()
    assert cloud.leads_to(WEB) == at(cloud, "n1")
    cloud.lab.control.settings(read_delay_s=60 if stale else 0)
    assert eip.stop("n1").code == OK
    assert cloud.leads_to(WEB) == (at(cloud, "n1") if stale else None)
    assert eip.probe("n1").code == NOT_RUNNING
    cloud.lab.control.settings(read_delay_s=0)
    assert eip.start("n2").code == OK
    assert cloud.leads_to(WEB) == at(cloud, "n2")


# --- the state directory --------------------------------------------------------------------


@pytest.mark.parametrize("options", ["ro", "nr_inodes=1"])
def test_start_that_cannot_be_marked_touches_nothing(
    here: Runner, cloud: Cloud, options: str
) -> None:
    """Without its mark a stopped node could not be told from a started one."""
    with here.state_mounted("n2", options):
        failed = here.start("n2")
        assert (failed.code, cloud.writes(failed)) == (FAILED, [])
        assert RSCTMP in failed.reason
        assert here.stop("n2").code == OK
    assert cloud.leads_to(WEB) == at(cloud, "n1")
    assert here.monitor("n1").code == OK


def test_full_state_directory_lets_a_service_live_and_end(
    eip: Runner, cloud: Cloud, machines: Lab
) -> None:
    with eip.state_mounted("n1", "size=64k"):
        assert eip.start("n1").code == OK
        machines.exec("n1", "sh", "-c", f"cat /dev/zero >{RSCTMP}/rest", check=False)
        seen = eip.monitor("n1")
        assert (seen.code, seen.reasons) == (OK, [])
        assert eip.stop("n1").code == OK
        assert eip.probe("n1").code == NOT_RUNNING
    assert cloud.leads_to(WEB) is None


def test_stop_succeeds_when_its_mark_cannot_be_removed(here: Runner, cloud: Cloud) -> None:
    """A failed stop would have the node fenced; and nobody says afterwards that it runs here."""
    with here.state_read_only("n1"):
        assert (here.monitor("n1").code, here.probe("n1").code) == (OK, OK)
        stopped = here.stop("n1")
        assert stopped.code == OK
        assert "mark stays" in stopped.stderr
        assert RSCTMP in stopped.stderr
        assert cloud.leads_to(WEB) is None
        assert here.probe("n1").code == NOT_RUNNING
        assert here.monitor("n1", **STANDBY).code == NOT_RUNNING
        assert here.start("n2").code == OK
        assert here.probe("n1").code == NOT_RUNNING
        cloud.lab.fault("ec2", "refuse")
        asleep = here.probe("n1")
        assert asleep.code == FAILED
        assert here.monitor("n1", **STANDBY).code == NOT_RUNNING
        assert here.stop("n1").code == OK
    assert cloud.leads_to(WEB) == at(cloud, "n2")


def test_unreadable_state_directory_of_a_standby_node(here: Runner, machines: Lab) -> None:
    """Nothing shows that it runs there; where it runs, it still does."""
    for where in ("n1", "n2"):
        machines.exec(where, "mkdir", "-p", RSCTMP)
        machines.exec(where, "install", "-d", f"{RSCTMP}/ocf-aws")
        machines.exec(where, "chmod", "777", f"{RSCTMP}/ocf-aws")
    assert here.monitor("n2", **STANDBY).code == NOT_RUNNING
    assert here.probe("n2").code == NOT_RUNNING
    assert here.monitor("n1").code == OK
    assert here.stop("n1").code == OK


# --- bad input -----------------------------------------------------------------------------


BAD = [
    Bad({"public_ip": "52.9.0"}, WRONG, ('public_ip="52.9.0"', "IPv4")),
    Bad({"public_ip": "2001:db8::1"}, WRONG, ('public_ip="2001:db8::1"', "IPv4")),
    Bad({"public_ip": f"{WEB} {OTHER}"}, WRONG, (f'public_ip="{WEB} {OTHER}"', "IPv4")),
    Bad({"public_ip": f"{WEB}/32"}, WRONG, (f'public_ip="{WEB}/32"', "IPv4")),
    Bad({"public_ip": ""}, WRONG, ("public_ip",)),
    Bad({"public_ip": None}, WRONG, ("allocation_id", "public_ip", "none is set")),
    Bad(
        {"public_ip": None, "allocation_id": "eipalloc-xyz"},
        WRONG,
        ('allocation_id="eipalloc-xyz"', "eipalloc-0123"),
    ),
    Bad(
        {"public_ip": None, "allocation_id": "eipassoc-0123456789abcdef0"},
        WRONG,
        ('allocation_id="eipassoc-0123456789abcdef0"', "eipalloc-0123"),
    ),
    Bad(
        {"allocation_id": "eipalloc-0123456789abcdef0"},
        WRONG,
        ("public_ip", "not both", "eipalloc-0123456789abcdef0"),
    ),
    Bad({"private_ip": "10.0.2"}, WRONG, ('private_ip="10.0.2"', "IPv4")),
    Bad({"private_ip": "::1"}, WRONG, ('private_ip="::1"', "IPv4")),
    Bad({"interface": "nope"}, WRONG_HERE, ('interface="nope"', "eth0")),
    Bad({"on_drift": "Report"}, WRONG, ('on_drift="Report"', "report or repair")),
    Bad({"api_timeout": "-1"}, WRONG, ('api_timeout="-1"', "5s")),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize("action", ["validate-all", "start"])
def test_bad_value_is_refused(eip: Runner, cloud: Cloud, action: str, bad: Bad) -> None:
    bad.check(eip("n1", action, **bad.parameters))
    assert cloud.leads_to(WEB) is None


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_stop_with_a_bad_value_succeeds_and_takes_nothing_from_others(
    eip: Runner, cloud: Cloud, bad: Bad
) -> None:
    for public_ip, where in ((WEB, "n2"), (OTHER, "n1")):
        cloud.associate(public_ip, cloud.eni(where))
    stopped = eip.stop("n1", **bad.parameters)
    assert (stopped.code, stopped.reasons, cloud.writes(stopped)) == (OK, [], [])


@pytest.mark.parametrize(
    "named",
    [
        {"public_ip": NOBODYS},
        {"public_ip": None, "allocation_id": "eipalloc-0123456789abcdef0"},
    ],
    ids=str,
)
def test_address_that_the_account_has_not(eip: Runner, named: dict[str, str]) -> None:
    name, value = list(named.items())[-1]
    for action, depth in (("start", None), ("validate-all", 10)):
        refused = eip("n1", action, depth=depth, **named)
        assert (refused.code, refused.calls()) == (WRONG, [READ])
        for word in (name, value):
            assert word in refused.reason
    assert eip.stop("n1", **named).code == OK


# --- preflight and permissions --------------------------------------------------------------


ACTIONS = actions_of(POLICY)


@pytest.mark.parametrize("active", [None, "n1", "n2"])
def test_policy_is_enough(eip: Runner, cloud: Cloud, active: str | None) -> None:
    cloud.lab.control.set_policy(ROLE, [POLICY])
    if active:
        assert eip.start(active).code == OK
    before = cloud.leads_to(WEB)
    checked = eip("n1", "validate-all", depth=10)
    assert (checked.code, checked.reasons) == (OK, [])
    assert all(line.startswith("ok: ") for line in checked.stderr.splitlines())
    for word in (*ACTIONS, cloud.elastic_ip(WEB)["AllocationId"]):
        assert word in checked.stderr
    assert cloud.leads_to(WEB) == before
    for action in ("start", "monitor", "reload-agent", "stop"):
        done = eip("n1", action, private_ip=SECOND["n1"], depth=10)
        assert (done.code, done.stderr) == (OK, ""), action
    assert cloud.leads_to(WEB) is None


def test_preflight_without_metadata(eip: Runner, machines: Lab) -> None:
    machines.fault("imds", "refuse")
    checked = eip("n1", "validate-all", depth=10, timeout_ms=SHORT_MS)
    assert checked.code == FAILED
    assert errors(checked)
