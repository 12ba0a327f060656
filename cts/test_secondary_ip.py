# SPDX-License-Identifier: GPL-2.0-or-later
"""secondary-ip run by hand in the nodes of a lab: what it finds, does, asks and says."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import (
    CONFIRM_MS,
    DEGRADED,
    DENIED,
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
from runner import BUILD, Outcome, Runner
from standalone import allow

AGENT = "secondary-ip"
LAB_NAME = "cts_secondary"
# One is the beginning of the other.
IP, LONGER = "10.0.2.6", "10.0.2.60"
IP6, LONGER6 = "2001:db8:100:2::6", "2001:db8:100:2::60"
ALL = (IP, LONGER, IP6, LONGER6)
# n1 and n3 are in one subnet, n2 is in another.
OWN, OWN1, OTHERS = "10.0.2.10", "10.0.2.50", "10.0.2.11"
CLIENT = "10.0.2.100"
READ = "DescribeNetworkInterfaces"
ASSIGN, UNASSIGN = "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"
ASSIGN6, UNASSIGN6 = "AssignIpv6Addresses", "UnassignIpv6Addresses"
POLICY = json.loads((REPOSITORY / "xml" / "iam" / f"{AGENT}.json").read_text())


@pytest.fixture(scope="module")
def machines(agents: Path) -> Iterator[Lab]:
    """Three nodes with two interfaces each."""
    options = {"scenario": "two-interfaces", "nodes": 3, "with_cluster": False, "agents": agents}
    with Lab.running(LAB_NAME, **options) as lab:
        yield lab
        lab.collect(BUILD / "check" / LAB_NAME)


@pytest.fixture
def cloud(machines: Lab) -> Cloud:
    """Nothing is wrong, and nobody has one of the addresses."""
    cloud = Cloud(machines)
    cloud.mend()
    cloud.unassign(ALL)
    for where in machines.topology.nodes:
        cloud.remove(where, *ALL)
    return cloud


@pytest.fixture
def second(machines: Lab, cloud: Cloud) -> Iterator[Runner]:
    """The agent with nothing but the address; whatever a test does, no secret may come out."""
    runner = Runner(machines, AGENT, ip=IP)
    runner.clean()
    yield runner
    runner.check_secrets()


@pytest.fixture
def here(second: Runner) -> Runner:
    """The address runs on n1, whose caches are warm."""
    assert second.start("n1").code == OK
    return second


def family(ip: str) -> list[str]:
    """The addresses of a parameter."""
    return ip.replace(",", " ").split()


def holders(cloud: Cloud, ip: str = IP) -> set[str | None]:
    """The interfaces that have the addresses."""
    return {cloud.holder(address) for address in family(ip)}


def on(cloud: Cloud, where: str, ip: str = IP) -> list[int]:
    """The prefix lengths of those of the addresses that a node has."""
    present = cloud.addresses(where)
    return [present[item]["prefixlen"] for item in family(ip) if item in present]


# --- the life of an address ----------------------------------------------------------------


@pytest.mark.parametrize(
    "ip", [IP, IP6, f"{IP} {LONGER}", f"{IP},{IP6}", f"{LONGER6} {LONGER} {IP} {IP6}"]
)
def test_life_cycle_moves_between_nodes(second: Runner, cloud: Cloud, ip: str) -> None:
    prefixes = [128 if ":" in address else 32 for address in family(ip)]
    for active, other in (("n3", "n1"), ("n1", "n3")):
        assert second.probe(active, ip=ip).code == NOT_RUNNING
        assert second.start(active, ip=ip).code == OK
        assert holders(cloud, ip) == {cloud.eni(active)}
        assert on(cloud, active, ip) == prefixes
        assert second.probe(active, ip=ip).code == OK
        warm = second.monitor(active, ip=ip)
        assert (warm.code, warm.calls(), len(warm.calls("imds"))) == (OK, [], 2)
        for look in (second.probe, second.monitor):
            seen = look(other, ip=ip)
            assert (seen.code, seen.requests) == (NOT_RUNNING, [])
        assert second.stop(active, ip=ip).code == OK
        assert (holders(cloud, ip), on(cloud, active, ip)) == ({None}, [])
        assert second.probe(active, ip=ip).code == NOT_RUNNING


@pytest.mark.parametrize("ip", [IP, IP6, f"{IP} {IP6}"])
def test_start_takes_it_from_the_other_node(
    second: Runner, cloud: Cloud, machines: Lab, ip: str
) -> None:
    for active, other in (("n1", "n3"), ("n3", "n1")):
        assert second.start(active, ip=ip).code == OK
        assert holders(cloud, ip) == {cloud.eni(active)}
        for address in family(ip):
            machines.exec("client-c", "ping", "-c1", "-W2", address)
        stopped = second.stop(other, ip=ip)
        assert (stopped.code, stopped.stderr, cloud.writes(stopped)) == (OK, "", [])
        assert holders(cloud, ip) == {cloud.eni(active)}
        assert second.monitor(active, ip=ip).code == OK


def test_start_twice_writes_nothing(here: Runner, cloud: Cloud) -> None:
    again = here.start("n1")
    assert (again.code, again.reasons, cloud.writes(again)) == (OK, [], [])


def test_stop_twice_is_fine(here: Runner, cloud: Cloud) -> None:
    for writes in ([UNASSIGN], []):
        stopped = here.stop("n1")
        assert (stopped.code, stopped.stderr, cloud.writes(stopped)) == (OK, "", writes)


@pytest.mark.parametrize("prefix", [None, 32, 24])
def test_address_that_was_put_there_by_hand_is_taken_over(
    second: Runner, cloud: Cloud, machines: Lab, prefix: int | None
) -> None:
    cloud.assign(cloud.eni("n1"), IP)
    if prefix:
        machines.exec("n1", "ip", "address", "add", f"{IP}/{prefix}", "dev", "eth0")
    probed = second.probe("n1")
    assert probed.code == (OK if prefix else NOT_RUNNING)
    started = second.start("n1")
    writes = [] if prefix == 32 else [ASSIGN]
    assert (started.code, cloud.writes(started)) == (OK, writes)
    assert second.monitor("n1").code == OK
    assert second.stop("n1").code == OK
    assert (holders(cloud), on(cloud, "n1")) == ({None}, [])


@pytest.mark.parametrize("ip", [IP, IP6])
def test_start_does_not_trust_reads_of_before_the_stop(
    second: Runner, cloud: Cloud, ip: str
) -> None:
    assert second.start("n1", ip=ip).code == OK
    cloud.lab.control.settings(read_delay_s=60)
    assert second.stop("n1", ip=ip).code == OK
    assert holders(cloud, ip) == {None}
    assert second.start("n1", ip=ip).code == OK, "what it reads is of before the stop"
    assert holders(cloud, ip) == {cloud.eni("n1")}


def test_start_does_not_trust_reads_of_before_the_last_owner(here: Runner, cloud: Cloud) -> None:
    cloud.lab.control.settings(read_delay_s=60)
    assert here.stop("n1").code == OK
    cloud.assign(cloud.eni("n3"), IP)
    assert here.start("n1").code == OK
    assert holders(cloud) == {cloud.eni("n1")}


def test_start_writes_all_when_reads_show_a_part(second: Runner, cloud: Cloud) -> None:
    both = f"{IP} {LONGER}"
    cloud.assign(cloud.eni("n1"), IP)
    cloud.lab.control.settings(read_delay_s=60)
    cloud.assign(cloud.eni("n3"), IP)
    running = second.begin("n1", "start", ip=both)
    until(lambda: holders(cloud, both) == {cloud.eni("n1")}, END_TIMEOUT_S, "both to be here")
    cloud.lab.control.settings(read_delay_s=0)
    assert second.end(running).code == OK


def test_start_waits_to_see_who_has_an_ipv6_address(second: Runner, cloud: Cloud) -> None:
    """Nobody can take it from whom the reads do not show."""
    assert second.start("n1", ip=IP6).code == OK
    cloud.lab.control.settings(read_delay_s=60)
    assert second.stop("n1", ip=IP6).code == OK
    cloud.assign(cloud.eni("n3"), IP6)
    running = second.begin("n1", "start", ip=IP6)
    until(lambda: str(running.requests()).count(ASSIGN6) > 1, END_TIMEOUT_S, "a second try")
    cloud.lab.control.settings(read_delay_s=0)
    assert second.end(running).code == OK
    assert holders(cloud, IP6) == {cloud.eni("n1")}


@pytest.mark.parametrize("ip", [IP, IP6])
def test_start_that_may_not_write_goes_by_what_it_reads(
    second: Runner, cloud: Cloud, ip: str
) -> None:
    call = UNASSIGN6 if ":" in ip else ASSIGN
    assert second.start("n1", ip=ip).code == OK
    cloud.lab.fault("ec2", "denied", action=UNASSIGN6 if ":" in ip else UNASSIGN)
    assert second.stop("n1", ip=ip).code == OK
    cloud.lab.fault("ec2", "denied", action=call)
    started = second.start("n1", ip=ip)
    assert (started.code, started.reasons) == (OK, [])
    (warning,) = started.stderr.splitlines()
    assert warning.startswith("WARNING: here by what AWS shows, which could not be written again: ")
    assert f"ec2:{call}" in warning
    assert second.monitor("n1", ip=ip).code == OK


def test_start_owns_up_to_what_it_took_off_its_own_interface(second: Runner, cloud: Cloud) -> None:
    """An IPv6 address is taken off before it is assigned, and reads may still show it."""
    assert second.start("n1", ip=IP6).code == OK
    cloud.remove("n1", IP6)
    cloud.lab.control.settings(read_delay_s=60)
    cloud.lab.fault("ec2", "denied", action=ASSIGN6)
    assert second.start("n1", ip=IP6).code == DENIED
    cloud.lab.clear_faults()
    cloud.lab.control.settings(read_delay_s=0)
    assert second.stop("n1", ip=IP6).code == OK
    assert second.start("n1", ip=IP6).code == OK
    assert holders(cloud, IP6) == {cloud.eni("n1")}


def test_two_starts_at_once_both_succeed(second: Runner, cloud: Cloud) -> None:
    both = [second.begin("n3", "start", ip=f"{IP} {IP6}") for _ in range(2)]
    assert [second.end(one).code for one in both] == [OK, OK]
    assert holders(cloud, f"{IP} {IP6}") == {cloud.eni("n3")}


@pytest.mark.parametrize(("ip", "call"), [(IP, UNASSIGN), (IP6, UNASSIGN6)])
def test_stop_leaves_what_another_node_has_just_taken(
    second: Runner, cloud: Cloud, ip: str, call: str
) -> None:
    """What the stop reads does not show it yet."""
    assert second.start("n1", ip=ip).code == OK
    cloud.lab.control.settings(read_delay_s=60)
    cloud.assign(cloud.eni("n3"), ip)
    stopped = second.stop("n1", ip=ip)
    assert (stopped.code, stopped.reasons, cloud.writes(stopped)) == (OK, [], [call])
    assert holders(cloud, ip) == {cloud.eni("n3")}


# --- several addresses and interfaces ------------------------------------------------------


@pytest.mark.parametrize(
    ("present", "missing", "calls"),
    [
        (IP, LONGER, [ASSIGN]),
        (LONGER, IP, [ASSIGN]),
        (IP, IP6, [ASSIGN, ASSIGN6, UNASSIGN6]),
        (IP6, IP, [ASSIGN, ASSIGN6, UNASSIGN6]),
    ],
)
def test_one_of_two_is_already_here(
    second: Runner, cloud: Cloud, present: str, missing: str, calls: list[str]
) -> None:
    """It may be there by a read of before the last owner: all are written."""
    both = f"{present} {missing}"
    cloud.assign(cloud.eni("n1"), present)
    cloud.assign(cloud.eni("n3"), missing)
    started = second.start("n1", ip=both)
    assert started.code == OK
    assert sorted(cloud.writes(started)) == sorted(calls)
    assert holders(cloud, both) == {cloud.eni("n1")}
    assert len(on(cloud, "n1", both)) == 2
    assert second.monitor("n1", ip=both).code == OK


def test_several_resources_of_a_node(second: Runner, cloud: Cloud) -> None:
    others = [{"instance": ip, "ip": ip} for ip in ALL[1:]]
    for action in ("start", "monitor", "start"):
        running = [second.begin("n1", action, **options) for options in ({}, *others)]
        assert [second.end(one).code for one in running] == [OK] * len(ALL)
        assert holders(cloud, " ".join(ALL)) == {cloud.eni("n1")}
    assert second.stop("n1").code == OK
    assert holders(cloud) == {None}
    assert holders(cloud, " ".join(ALL[1:])) == {cloud.eni("n1")}
    for options in others:
        assert second.monitor("n1", **options).code == OK


@pytest.mark.parametrize(
    ("mine", "others"), [(IP, LONGER), (LONGER, IP), (IP6, LONGER6), (LONGER6, IP6)]
)
def test_no_address_is_taken_for_one_that_contains_it(
    second: Runner, cloud: Cloud, mine: str, others: str
) -> None:
    def options(ip: str) -> dict[str, str]:
        return {"instance": ip, "ip": ip}

    assert second.start("n1", **options(others)).code == OK
    assert second.probe("n1", **options(mine)).code == NOT_RUNNING
    assert second.start("n1", **options(mine)).code == OK
    cloud.assign(cloud.eni("n3"), mine)
    for depth in (0, 10):
        assert second.monitor("n1", depth=depth, **options(others)).code == OK
        assert second.monitor("n1", depth=depth, **options(mine)).code == NOT_RUNNING
    stopped = second.stop("n1", **options(mine))
    assert (stopped.code, cloud.writes(stopped)) == (OK, [])
    assert on(cloud, "n1", f"{mine} {others}") == [128 if ":" in others else 32]
    assert holders(cloud, others) == {cloud.eni("n1")}


def test_second_interface(second: Runner, cloud: Cloud) -> None:
    own = {"interface": "eth1"}
    assert second.start("n1", **own).code == OK
    assert holders(cloud) == {cloud.eni("n1", 1)}
    assert cloud.addresses("n1")[IP]["ifname"] == "eth1"
    warm = second.monitor("n1", **own)
    assert (warm.code, warm.calls()) == (OK, [])
    cloud.assign(cloud.eni("n1"), IP)
    assert second.monitor("n1", **own).code == NOT_RUNNING, "another interface of the same node"
    assert second.start("n1", **own).code == OK
    assert second.stop("n1", **own).code == OK
    assert (holders(cloud), on(cloud, "n1")) == ({None}, [])


def test_assign_address_false_leaves_the_interface_alone(second: Runner, cloud: Cloud) -> None:
    own = {"assign_address": "false"}
    assert second.probe("n1", **own).code == NOT_RUNNING
    assert second.start("n1", **own).code == OK
    assert (holders(cloud), on(cloud, "n1")) == ({cloud.eni("n1")}, [])
    warm = second.monitor("n1", **own)
    assert (warm.code, warm.calls(), len(warm.calls("imds"))) == (OK, [], 2)
    assert second.stop("n1", **own).code == OK
    assert holders(cloud) == {None}
    stopped = second.probe("n1", **own)
    assert (stopped.code, stopped.requests) == (NOT_RUNNING, [])


def test_label_is_on_the_address(second: Runner, cloud: Cloud) -> None:
    assert second.start("n1", label="db").code == OK
    assert cloud.addresses("n1")[IP]["label"] == "eth0:db"
    assert second.stop("n1", label="db").code == OK
    assert on(cloud, "n1") == []


# --- drift and losses -----------------------------------------------------------------------


def test_one_of_two_elsewhere_is_drift(second: Runner, cloud: Cloud) -> None:
    both = {"ip": f"{IP} {LONGER}"}
    assert second.start("n1", **both).code == OK
    cloud.assign(cloud.eni("n3"), LONGER)
    for depth in (0, 10):
        seen = second.monitor("n1", depth=depth, **both)
        assert (seen.code, cloud.writes(seen)) == (DEGRADED, [])
        assert f"{LONGER} is on {cloud.eni('n3')}" in seen.reason
    probed = second.probe("n1", on_drift="repair", **both)
    assert (probed.code, cloud.writes(probed)) == (OK, [])
    repaired = second.monitor("n1", on_drift="repair", **both)
    assert (repaired.code, cloud.writes(repaired)) == (OK, [ASSIGN])
    assert holders(cloud, both["ip"]) == {cloud.eni("n1")}


def _stolen(cloud: Cloud) -> str:
    cloud.assign(cloud.eni("n3"), IP)
    return f"{IP} is on {cloud.eni('n3')}, not on our {cloud.eni('n1')}"


def _unassigned(cloud: Cloud) -> str:
    cloud.unassign([IP])
    return f"{IP} is on no interface"


def _removed(cloud: Cloud) -> str:
    cloud.remove("n1", IP)
    return f"{IP} is on no network interface of this node"


@pytest.mark.parametrize("arrange", [_stolen, _unassigned, _removed])
@pytest.mark.parametrize("options", [{}, {"on_drift": "repair"}, {"depth": 10}], ids=str)
def test_loss_is_seen_and_never_repaired(
    here: Runner, cloud: Cloud, arrange: Callable[[Cloud], str], options: dict[str, Any]
) -> None:
    says = arrange(cloud)
    before = holders(cloud)
    lost = here.monitor("n1", **options)
    assert (lost.code, cloud.writes(lost)) == (NOT_RUNNING, [])
    assert says in lost.reason
    assert len(lost.calls()) != 1, "one read is not believed, and a local loss needs none"
    assert here.probe("n1", **options).code == NOT_RUNNING
    assert holders(cloud) == before


def test_loss_that_only_a_late_read_shows_is_none(here: Runner, cloud: Cloud) -> None:
    _stolen(cloud)
    cloud.lab.control.settings(read_delay_s=3, imds_delay_s=3)
    cloud.assign(cloud.eni("n1"), IP)
    seen = here.monitor("n1")
    assert (seen.code, seen.reasons) == (OK, [])
    assert seen.calls() != []


# --- AWS or the metadata cannot be asked ----------------------------------------------------


@pytest.mark.parametrize("kind", ["refuse", "hang", "e503", "denied"])
@pytest.mark.parametrize("ip", [IP, IP6])
def test_stop_without_aws_warns_and_the_next_start_takes_it(
    second: Runner, cloud: Cloud, kind: str, ip: str
) -> None:
    assert second.start("n1", ip=ip).code == OK
    cloud.lab.fault("ec2", kind, node="n1")
    stopped = second.stop("n1", timeout_ms=SHORT_MS, ip=ip)
    assert (stopped.code, stopped.reasons) == (OK, [])
    (warning,) = stopped.stderr.splitlines()
    assert warning.startswith("WARNING: ")
    assert on(cloud, "n1", ip) == [], "what is local is always given up"
    assert holders(cloud, ip) == {cloud.eni("n1")}
    assert second.probe("n1", ip=ip, timeout_ms=SHORT_MS).code == NOT_RUNNING
    assert second.start("n3", ip=ip).code == OK
    assert holders(cloud, ip) == {cloud.eni("n3")}


def test_metadata_behind_a_start_and_a_stop(second: Runner, cloud: Cloud) -> None:
    cloud.lab.control.settings(imds_delay_s=60)
    assert second.start("n1").code == OK
    seen = second.monitor("n1")
    assert (seen.code, seen.calls()) == (OK, [READ])
    assert second.stop("n1").code == OK
    probed = second.probe("n1")
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
        other = look("n3", timeout_ms=SHORT_MS)
        assert (other.code, other.requests) == (NOT_RUNNING, [])


# --- writes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ip", "start", "stop"),
    [
        (IP, [READ, ASSIGN, READ], [READ, UNASSIGN]),
        (f"{IP} {LONGER}", [READ, ASSIGN, READ], [READ, UNASSIGN]),
        (IP6, [READ, ASSIGN6, READ], [READ, UNASSIGN6]),
        (
            f"{IP} {IP6}",
            [READ, READ, ASSIGN, ASSIGN6, READ, READ],
            [READ, READ, UNASSIGN, UNASSIGN6],
        ),
    ],
)
def test_round_trips_of_start_and_stop(
    second: Runner, cloud: Cloud, ip: str, start: list[str], stop: list[str]
) -> None:
    # Slow answers, so that calls that go out together are seen to overlap.
    cloud.lab.control.settings(latency_ms=300)
    started = second.start("n1", ip=ip)
    assert sorted(started.calls()) == sorted(start)
    assert started.rounds() <= 3
    stopped = second.stop("n1", ip=ip)
    assert (sorted(stopped.calls()), stopped.calls("imds")) == (sorted(stop), [])
    assert stopped.rounds() <= 2


def test_ipv6_of_another_node_is_taken_first(second: Runner, cloud: Cloud) -> None:
    assert second.start("n3", ip=IP6).code == OK
    taken = second.start("n1", ip=IP6)
    assert taken.calls() == [READ, UNASSIGN6, ASSIGN6, READ]
    given = {entry["action"]: entry for entry in taken.requests}
    assert given[UNASSIGN6]["ended"] <= given[ASSIGN6]["started"]


@pytest.mark.parametrize("ip", [IP, IP6])
@pytest.mark.parametrize("kind", ["lost", "stale"])
def test_write_is_looked_for_and_not_repeated(
    second: Runner, cloud: Cloud, ip: str, kind: str
) -> None:
    call = ASSIGN6 if ":" in ip else ASSIGN
    if kind == "lost":
        cloud.lab.fault("ec2", kind, action=call, count=1)
    else:
        cloud.lab.fault("ec2", kind, param=1.5)
    started = second.start("n1", ip=ip)
    assert (started.code, cloud.writes(started)) == (OK, [call])
    assert holders(cloud, ip) == {cloud.eni("n1")}


def test_ipv6_address_whose_owner_is_read_too_late(second: Runner, cloud: Cloud) -> None:
    """EC2 refuses what another has, which the first read did not show."""
    cloud.lab.control.settings(read_delay_s=3)
    cloud.assign(cloud.eni("n3"), IP6)
    started = second.start("n1", ip=IP6)
    assert started.code == OK
    assert started.calls().count(UNASSIGN6) == 1
    assert cloud.writes(started)[0] == ASSIGN6
    assert holders(cloud, IP6) == {cloud.eni("n1")}


def test_ipv6_address_that_cannot_be_is_given_up(second: Runner) -> None:
    refused = second.start("n1", ip="2001:db8:100:4::77")
    assert refused.code == FAILED
    assert "2001:db8:100:4::77" in refused.reason
    assert 1 < refused.calls().count(ASSIGN6) <= 5


@pytest.mark.parametrize("call", [UNASSIGN6, ASSIGN6])
def test_lost_answer_while_an_ipv6_address_moves(second: Runner, cloud: Cloud, call: str) -> None:
    assert second.start("n3", ip=IP6).code == OK
    cloud.lab.fault("ec2", "lost", action=call, count=1)
    assert second.start("n1", ip=IP6).code == OK
    assert holders(cloud, IP6) == {cloud.eni("n1")}


def test_lost_answer_to_the_stop(here: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("ec2", "lost", action=UNASSIGN, count=1)
    assert here.stop("n1").code == OK
    assert (holders(cloud), on(cloud, "n1")) == ({None}, [])


# --- ends before its time ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "call"), [("start", READ), ("start", ASSIGN), ("stop", READ), ("stop", UNASSIGN)]
)
def test_signal_ends_an_action_at_once(here: Runner, cloud: Cloud, action: str, call: str) -> None:
    running = here.held("n3" if action == "start" else "n1", action, call)
    running.signal(signal.SIGTERM)
    until(running.ended, END_TIMEOUT_S, f"the {action} to end")
    ended = here.end(running)
    assert ended.code == FAILED
    assert "signal" in ended.reason
    cloud.lab.clear_faults()
    assert here.start("n3").code == OK
    assert holders(cloud) == {cloud.eni("n3")}


@pytest.mark.parametrize("ip", [IP, IP6])
@pytest.mark.parametrize("stale", [False, True])
def test_start_killed_after_its_write(second: Runner, cloud: Cloud, ip: str, stale: bool) -> None:
    """The stop that follows may still read what was before."""
    call = ASSIGN6 if ":" in ip else ASSIGN
    cloud.lab.control.settings(read_delay_s=60)
    running = second.begin("n1", "start", ip=ip)
    until(lambda: call in str(running.requests()), END_TIMEOUT_S, "the write")
    running.kill()
    assert holders(cloud, ip) == {cloud.eni("n1")}
    cloud.lab.control.settings(read_delay_s=60 if stale else 0)
    assert second.stop("n1", ip=ip).code == OK
    assert holders(cloud, ip) == {cloud.eni("n1") if stale else None}
    assert on(cloud, "n1", ip) == []
    assert second.probe("n1", ip=ip).code == NOT_RUNNING
    cloud.lab.control.settings(read_delay_s=0)
    assert second.start("n3", ip=ip).code == OK
    assert holders(cloud, ip) == {cloud.eni("n3")}


# --- the state directory --------------------------------------------------------------------


@pytest.mark.parametrize("options", ["ro", "nr_inodes=1"])
def test_unusable_state_directory_is_done_without(
    second: Runner, cloud: Cloud, options: str
) -> None:
    with second.state_mounted("n1", options):
        assert second.start("n1").code == OK
        seen = second.monitor("n1")
        assert (seen.code, seen.reasons) == (OK, [])
        assert second.stop("n1").code == OK
        assert second.probe("n1").code == NOT_RUNNING
    assert (holders(cloud), on(cloud, "n1")) == ({None}, [])


# --- addresses that do not move --------------------------------------------------------------


@pytest.mark.parametrize(
    ("ip", "left"), [(OWN, {OWN}), (OWN1, {OWN1}), (f"{IP} {OWN}", {OWN}), (OTHERS, set())]
)
def test_primary_address_is_refused_and_never_removed(
    second: Runner, cloud: Cloud, ip: str, left: set[str]
) -> None:
    before = cloud.addresses("n1")
    for action, depth in (("start", None), ("validate-all", 10)):
        refused = second("n1", action, depth=depth, ip=ip)
        assert (refused.code, cloud.writes(refused)) == (WRONG, [])
        wrong = family(ip)[-1]
        for word in (f'ip="{wrong}" is the primary address', "allowed is a secondary one"):
            assert word in refused.reason
    seen = second.monitor("n1", ip=ip)
    assert seen.code in (DEGRADED, NOT_RUNNING)
    stopped = second.stop("n1", ip=ip)
    assert (stopped.code, stopped.reasons, cloud.writes(stopped)) == (OK, [], [])
    for address in left:
        assert f"{address}/24" in stopped.stderr
    assert cloud.addresses("n1") == before
    assert holders(cloud, OTHERS) == {cloud.eni("n3")}


def test_primary_address_is_not_removed_by_the_stop_of_what_has_run(
    here: Runner, cloud: Cloud
) -> None:
    """The parameter was changed to a wrong value while the resource ran."""
    stopped = here.stop("n1", ip=OWN)
    assert (stopped.code, cloud.writes(stopped)) == (OK, [])
    assert cloud.has("n1", OWN)
    assert here.stop("n1").code == OK
    assert on(cloud, "n1") == []


def test_stop_gives_up_the_others_of_a_primary_address(here: Runner, cloud: Cloud) -> None:
    assert here.stop("n1", ip=f"{IP} {OTHERS}").code == OK
    assert (holders(cloud), on(cloud, "n1")) == ({None}, [])
    assert holders(cloud, OTHERS) == {cloud.eni("n3")}


def test_address_of_another_subnet(second: Runner, cloud: Cloud) -> None:
    checked = second("n2", "validate-all", depth=10)
    assert checked.code == WRONG_HERE
    for word in (f'ip="{IP}" lies outside', "allowed is an address inside"):
        assert word in checked.reason
    failed = second.start("n2")
    assert failed.code == FAILED
    assert IP in failed.reason
    assert second.stop("n2").code == OK
    assert (holders(cloud), on(cloud, "n2")) == ({None}, [])


# --- bad input -----------------------------------------------------------------------------


BAD = [
    Bad({"ip": ""}, WRONG, ('ip=""', "IPv4 or IPv6")),
    Bad({"ip": None}, WRONG, ("ip is not set", "required")),
    Bad({"ip": "10.0.2"}, WRONG, ('ip="10.0.2"', "IPv4 or IPv6")),
    Bad({"ip": "10.0.2.06"}, WRONG, ('ip="10.0.2.06"', "IPv4 or IPv6")),
    Bad({"ip": f"{IP}/24"}, WRONG, (f'ip="{IP}/24"', "without a prefix")),
    Bad({"ip": f"{IP} {IP}"}, WRONG, (f'ip="{IP} {IP}"', "once")),
    Bad({"interface": "nope"}, WRONG_HERE, ('interface="nope"', "eth0")),
    Bad({"assign_address": "maybe"}, WRONG, ('assign_address="maybe"', "true or false")),
    Bad({"label": "a-label-too-long"}, WRONG, ('label="a-label-too-long"', "characters")),
    Bad({"on_drift": "Report"}, WRONG, ('on_drift="Report"', "report or repair")),
    Bad({"api_timeout": "-1"}, WRONG, ('api_timeout="-1"', "5s")),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize("action", ["validate-all", "start"])
def test_bad_value_is_refused(second: Runner, cloud: Cloud, action: str, bad: Bad) -> None:
    bad.check(second("n1", action, **bad.parameters))
    assert (holders(cloud), on(cloud, "n1")) == ({None}, [])


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_stop_with_a_bad_value_succeeds_and_takes_nothing_from_others(
    second: Runner, cloud: Cloud, bad: Bad
) -> None:
    cloud.assign(cloud.eni("n3"), IP)
    cloud.assign(cloud.eni("n1"), LONGER)
    before = cloud.addresses("n1")
    stopped = second.stop("n1", **bad.parameters)
    assert (stopped.code, stopped.reasons, cloud.writes(stopped)) == (OK, [], [])
    assert cloud.addresses("n1") == before


def test_label_too_long_for_the_interface(second: Runner, cloud: Cloud) -> None:
    refused = second.start("n1", label="elevenchars")
    assert refused.code == WRONG_HERE
    assert 'label="elevenchars"' in refused.reason
    assert (holders(cloud), on(cloud, "n1")) == ({None}, [])


# --- preflight and permissions --------------------------------------------------------------


ACTIONS = actions_of(POLICY)
BOTH = f"{IP} {LONGER} {IP6}"


@pytest.mark.parametrize("active", [None, "n1", "n3"])
def test_policy_is_enough(second: Runner, cloud: Cloud, active: str | None) -> None:
    cloud.lab.control.set_policy(ROLE, [POLICY])
    if active:
        assert second.start(active, ip=BOTH).code == OK

    def state() -> tuple[Any, ...]:
        return tuple(map(cloud.holder, ALL)), cloud.addresses("n1")

    before = state()
    checked = second("n1", "validate-all", depth=10, ip=BOTH)
    assert (checked.code, checked.reasons) == (OK, [])
    lines = checked.stderr.splitlines()
    assert all(line.startswith("ok: ") for line in lines)
    for word in (*ACTIONS, *family(BOTH)):
        assert word in checked.stderr
    assert state() == before
    for action in ("start", "monitor", "reload-agent", "stop"):
        done = second("n1", action, ip=BOTH, depth=10)
        assert (done.code, done.stderr) == (OK, ""), action
    assert holders(cloud, BOTH) == {None}


def test_preflight_asks_only_for_what_the_family_needs(second: Runner, cloud: Cloud) -> None:
    four = [item for item in ACTIONS if "Ipv6" not in item]
    cloud.lab.control.set_policy(ROLE, [allow(*four)])
    assert second("n1", "validate-all", depth=10).code == OK
    assert second("n1", "validate-all", depth=10, ip=IP6).code == DENIED


def test_preflight_lists_every_finding(second: Runner, cloud: Cloud) -> None:
    cloud.lab.control.set_policy(ROLE, [allow(f"ec2:{READ}")])
    outside = "10.0.4.77"
    checked = second("n1", "validate-all", depth=10, ip=f"{outside} {IP}")
    found = errors(checked)
    wanted = [f'ip="{outside}"', f"IAM denies ec2:{ASSIGN}", f"IAM denies ec2:{UNASSIGN}"]
    assert all(word in line for word, line in zip(wanted, found, strict=True)), found
    assert checked.code == DENIED


def test_preflight_without_metadata(second: Runner, machines: Lab) -> None:
    machines.fault("imds", "refuse")
    checked: Outcome = second("n1", "validate-all", depth=10, timeout_ms=SHORT_MS)
    assert checked.code == FAILED
    assert errors(checked)
