# SPDX-License-Identifier: GPL-2.0-or-later
"""transit-gateway-vip while a region is dead, and when it is back (R2 of the fault matrix)."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cloud import DEGRADED, FAILED, NOT_RUNNING, OK, ROUTE6, SHORT_MS
from lab.handle import Lab
from lab.topology import VIP, VIP6
from runner import RSCTMP, Outcome, Runner
from transit import BLACKHOLE, OSAKA, SINGAPORE, TOKYO, Transit, agent_in

LAB_NAME = "cts_tgw_loss"
NODES = 3
# What no region takes longer to be waited for, in these tests.
CAP = "1s"
WRITE = "ReplaceTransitGatewayRoute"
PEERS, VPCS = f"{SINGAPORE}/hub/peers", f"{SINGAPORE}/hub/vpcs"


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
    """The agent with the address, and little patience."""
    yield from agent_in(cloud, api_timeout=CAP)


def lose(cloud: Transit, region: str, kind: str = "hang", **more: Any) -> None:
    """From now on a region does not answer."""
    cloud.lab.fault("ec2", kind, region=region, **more)


def check_warning(started: Outcome, *words: str) -> None:
    """The start has succeeded, and says in one line for each region what it could not do."""
    assert (started.code, started.reasons) == (OK, [])
    for warning, word in zip(started.stderr.splitlines(), words, strict=True):
        assert warning.startswith("WARNING: ")
        assert word in warning


def check_pending(vip: Runner, cloud: Transit, where: str, *regions: str, **more: Any) -> None:
    """The recurring monitor names the regions, and writes nothing."""
    seen = vip.monitor(where, **more)
    assert (seen.code, cloud.writes(seen)) == (DEGRADED, [])
    assert [region for region in regions if region not in seen.reason] == []


def check_finished(vip: Runner, cloud: Transit, where: str, writes: int, **more: Any) -> None:
    """The recurring monitor does what was left, and the next one has nothing to do."""
    seen = vip.monitor(where, **more)
    assert (seen.code, seen.stderr, len(cloud.writes(seen))) == (OK, "", writes)
    assert cloud.targets() == cloud.wanted(where)
    again = vip.monitor(where, **more)
    assert (again.code, again.stderr, cloud.writes(again)) == (OK, "", [])


def those_of(targets: dict[str, str], region: str) -> dict[str, str]:
    """The tables of one region."""
    return {name: target for name, target in targets.items() if name.startswith(region)}


# --- a start ---------------------------------------------------------------------------------


@pytest.mark.parametrize("warm", [False, True])
def test_silent_region_delays_the_start_by_one_attempt(
    vip: Runner, cloud: Transit, warm: bool, record_property: Callable[[str, object], None]
) -> None:
    """It accepts and never answers; nothing is asked twice, so one attempt is all that it costs."""
    if warm:
        assert vip.start("n2", api_timeout="5s").code == OK
        assert vip.stop("n2").code == OK
        cloud.reset()
    lose(cloud, SINGAPORE)
    cloud.lab.clear_requests()
    started = vip.start("n2", api_timeout="5s")
    check_warning(started, SINGAPORE)
    silent = started.asked("ec2", SINGAPORE)
    twice = Counter(entry["action"] for entry in silent) - Counter(set(LOOKS))
    assert not twice - Counter({"SearchTransitGatewayRoutes": 1}), "none again"
    own = started.asked("ec2", OSAKA)
    written = [entry for entry in own if entry["action"].startswith("Replace")]
    assert len(written) == 4
    assert max(entry["ended"] for entry in written) <= min(entry["started"] for entry in silent)
    wanted = cloud.wanted("n2")
    for region in (OSAKA, TOKYO):
        assert those_of(cloud.targets(), region) == those_of(wanted, region)
    answered = started.asked("ec2", OSAKA, TOKYO)
    spread = max(entry["ended"] for entry in answered) - answered[0]["started"]
    record_property("seconds_of_a_start_with_a_silent_region", round(spread, 2))


LOOKS = (
    "DescribeRouteTables",
    "DescribeTransitGatewayAttachments",
    "DescribeTransitGatewayPeeringAttachments",
    "DescribeTransitGatewayRouteTables",
    "SearchTransitGatewayRoutes",
)


@pytest.mark.parametrize("kind", ["hang", "refuse", "drop", "e503", "throttle"])
def test_region_that_comes_back_is_finished_by_a_monitor(
    vip: Runner, cloud: Transit, kind: str
) -> None:
    lose(cloud, SINGAPORE, kind)
    before = cloud.targets()
    check_warning(vip.start("n2"), SINGAPORE)
    assert cloud.targets() == cloud.wanted("n2") | those_of(before, SINGAPORE)
    for _ in range(2):
        check_pending(vip, cloud, "n2", SINGAPORE)
    assert vip.probe("n2").code == OK
    cloud.lab.clear_faults()
    check_finished(vip, cloud, "n2", 2)


def test_start_again_finishes_too(vip: Runner, cloud: Transit) -> None:
    lose(cloud, SINGAPORE)
    check_warning(vip.start("n2"), SINGAPORE)
    cloud.lab.clear_faults()
    again = vip.start("n2")
    assert (again.code, again.stderr) == (OK, "")
    assert cloud.targets() == cloud.wanted("n2")
    assert vip.monitor("n2").code == OK


def test_both_addresses_are_finished(vip: Runner, cloud: Transit) -> None:
    both = {"ip": f"{VIP} {VIP6}"}
    lose(cloud, SINGAPORE)
    check_warning(vip.start("n2", **both), SINGAPORE)
    cloud.lab.clear_faults()
    check_finished(vip, cloud, "n2", 4, **both)
    assert cloud.targets(ROUTE6) == cloud.wanted("n2", ROUTE6)


def test_both_other_regions_are_dead(vip: Runner, cloud: Transit) -> None:
    """The disaster: whoever is left can still start, and each region is finished when it is back."""
    lose(cloud, TOKYO)
    lose(cloud, SINGAPORE)
    before = cloud.targets()
    check_warning(vip.start("n2"), TOKYO, SINGAPORE)
    check_pending(vip, cloud, "n2", TOKYO, SINGAPORE)
    cloud.lab.clear_faults()
    lose(cloud, SINGAPORE)
    check = vip.monitor("n2")
    assert (check.code, len(cloud.writes(check, TOKYO))) == (DEGRADED, 4)
    assert cloud.targets() == cloud.wanted("n2") | those_of(before, SINGAPORE)
    cloud.lab.clear_faults()
    check_finished(vip, cloud, "n2", 2)


def test_old_active_region_is_dead_and_comes_back(vip: Runner, cloud: Transit) -> None:
    """The node left behind sees that it has lost the address, and does not fight for it."""
    assert vip.start("n1").code == OK
    lose(cloud, TOKYO, node="n2")
    check_warning(vip.start("n2"), TOKYO)
    seen = vip.monitor("n1")
    assert (seen.code, cloud.writes(seen)) == (DEGRADED, [])
    cloud.lab.clear_faults()
    check_finished(vip, cloud, "n2", 4)
    lost = vip.monitor("n1")
    assert (lost.code, cloud.writes(lost)) == (NOT_RUNNING, [])


# --- what is pending is compared, and only then written ---------------------------------------


@pytest.fixture
def half_done(vip: Runner, cloud: Transit) -> Runner:
    """n2 has started and read Singapore, whose gateway tables then could not be written."""
    lose(cloud, SINGAPORE, "e503", action=WRITE)
    check_warning(vip.start("n2"), SINGAPORE)
    cloud.lab.clear_faults()
    return vip


def test_writes_that_failed_are_finished(half_done: Runner, cloud: Transit) -> None:
    check_finished(half_done, cloud, "n2", 2)


@pytest.mark.parametrize("changed", [BLACKHOLE, None])
def test_table_that_somebody_changed_is_not_overwritten(
    half_done: Runner, cloud: Transit, changed: str | None
) -> None:
    cloud.lead(VPCS, changed)
    seen = half_done.monitor("n2")
    assert (seen.code, cloud.writes(seen)) == (DEGRADED, [WRITE])
    left = {name: to for name, to in cloud.wanted("n2").items() if name != VPCS}
    assert cloud.targets() == left | ({VPCS: changed} if changed else {})
    again = half_done.monitor("n2")
    assert (again.code, cloud.writes(again)) == (DEGRADED, [])
    for outcome in (seen, again):
        assert cloud.id(VPCS) in outcome.stderr
        assert SINGAPORE in outcome.stderr
    repaired = half_done.monitor("n2", on_drift="repair", create_routes="true")
    assert repaired.code == OK
    assert cloud.targets() == cloud.wanted("n2")


def test_nothing_is_finished_while_the_rest_is_not_ours(vip: Runner, cloud: Transit) -> None:
    """Somebody takes the address over elsewhere: what is pending is none of this node's."""
    lose(cloud, SINGAPORE)
    check_warning(vip.start("n2"), SINGAPORE)
    cloud.lead(f"{TOKYO}/hub/vpcs", cloud.attachment(TOKYO, "vpc"))
    before = cloud.targets()
    cloud.lab.clear_faults()
    for _ in range(2):
        seen = vip.monitor("n2")
        assert (seen.code, cloud.writes(seen)) == (DEGRADED, [])
    assert cloud.targets() == before


@pytest.mark.parametrize("taker", ["n2", "n3"])
def test_takeover_drops_what_is_pending(vip: Runner, cloud: Transit, taker: str) -> None:
    """n1 keeps the address, as behind a split, and never learns of the stop."""
    cloud.lead_all(cloud.wanted("n2"))
    lose(cloud, SINGAPORE)
    check_warning(vip.start("n1"), SINGAPORE)
    cloud.lab.clear_faults()
    assert vip.start(taker).code == OK
    lost = vip.monitor("n1")
    assert (lost.code, cloud.writes(lost)) == (NOT_RUNNING, [])
    assert cloud.targets() == cloud.wanted(taker)
    # All but Singapore is given back by hand: had n1 still something pending, it would write.
    cloud.lead_all(cloud.wanted("n1") | {VPCS: BLACKHOLE, PEERS: BLACKHOLE})
    check_pending(vip, cloud, "n1", SINGAPORE)
    assert cloud.targets()[VPCS] == BLACKHOLE


def test_stop_drops_what_is_pending(vip: Runner, cloud: Transit) -> None:
    lose(cloud, SINGAPORE)
    check_warning(vip.start("n2"), SINGAPORE)
    stopped = vip.stop("n2")
    assert (stopped.code, stopped.stderr, stopped.requests) == (OK, "", [])
    cloud.lab.clear_faults()
    cloud.lab.exec("n2", "ip", "address", "add", f"{VIP}/32", "dev", "eth0")
    check_pending(vip, cloud, "n2", SINGAPORE)


def test_stop_while_everything_is_dead(vip: Runner, cloud: Transit) -> None:
    assert vip.start("n2").code == OK
    cloud.lab.fault("ec2", "hang")
    stopped = vip.stop("n2")
    assert (stopped.code, stopped.stderr, stopped.requests) == (OK, "", [])
    assert not cloud.has("n2")


# --- nowhere to keep what is pending ----------------------------------------------------------


def test_full_state_directory_keeps_at_least_the_mark(vip: Runner, cloud: Transit) -> None:
    with vip.state_mounted("n2", "size=64k"):
        cloud.lab.exec("n2", "dd", "if=/dev/zero", f"of={RSCTMP}/full", check=False)
        lose(cloud, SINGAPORE)
        check_warning(vip.start("n2"), SINGAPORE)
        check_pending(vip, cloud, "n2", SINGAPORE)
        cloud.lab.clear_faults()
        check_finished(vip, cloud, "n2", 2)


def test_no_state_directory_makes_it_a_drift(vip: Runner, cloud: Transit) -> None:
    with vip.state_mounted("n2", "nr_inodes=1"):
        lose(cloud, SINGAPORE)
        check_warning(vip.start("n2"), "what is left cannot be remembered", SINGAPORE)
        check_pending(vip, cloud, "n2", SINGAPORE)
        cloud.lab.clear_faults()
        check_pending(vip, cloud, "n2", SINGAPORE)
        assert vip.monitor("n2", on_drift="repair").code == OK
        assert cloud.targets() == cloud.wanted("n2")


# --- the own region ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hang", "refuse", "e500"])
def test_own_region_is_dead(vip: Runner, cloud: Transit, kind: str) -> None:
    assert vip.start("n1").code == OK
    lose(cloud, TOKYO, kind)
    policies = {"degraded": DEGRADED, "ok": OK, "fail": FAILED}
    for policy, code in policies.items():
        seen = vip.monitor("n1", on_unknown=policy, timeout_ms=SHORT_MS)
        assert (seen.code, cloud.writes(seen)) == (code, [])
    probe = vip.begin("n1", "monitor", timeout_ms=SHORT_MS, interval_ms=0)
    failed = vip.start("n3", timeout_ms=SHORT_MS)
    assert (failed.code, vip.end(probe).code, cloud.writes(failed)) == (FAILED, OK, [])
    assert cloud.targets() == cloud.wanted("n1")
    stopped = vip.stop("n1")
    assert (stopped.code, stopped.stderr, stopped.requests) == (OK, "", [])


def test_own_region_dead_and_another_not_ours_is_still_unknown(vip: Runner, cloud: Transit) -> None:
    assert vip.start("n1").code == OK
    lose(cloud, TOKYO)
    cloud.lead(VPCS, BLACKHOLE)
    seen = vip.monitor("n1", on_unknown="ok", on_drift="repair", timeout_ms=SHORT_MS)
    assert (seen.code, cloud.writes(seen)) == (OK, [])


def test_silent_region_of_a_running_service(vip: Runner, cloud: Transit) -> None:
    """It dies while the service runs: named, nothing written, and well again by itself."""
    assert vip.start("n1").code == OK
    lose(cloud, SINGAPORE)
    for _ in range(2):
        check_pending(vip, cloud, "n1", SINGAPORE)
    probed = vip.probe("n1")
    assert (probed.code, probed.stderr) == (OK, "")
    cloud.lab.clear_faults()
    seen = vip.monitor("n1")
    assert (seen.code, seen.stderr, cloud.writes(seen)) == (OK, "", [])
