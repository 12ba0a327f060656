# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge of chaos: for each invariant a history that breaks it, and one that nearly does."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from chaos import judge, report, schedule
from chaos.__main__ import figures
from chaos.causes import LONGEST_S, MOVE_S, PAUSE_S
from chaos.history import End, Group, History, Power, Shown, Spell, Trouble
from lab.history import Failure, Holding, Operation, Verdict

LENGTH_S = 300.0
VIP, SERVICE = "elastic-ip", "service"

KILL_N1 = Trouble(schedule.KILL, "n1", ("n1",), {}, 100.0, 100.0)
FENCED_N1 = Verdict(112.0, "fenced", "n1")
OFF_N1 = Power(100.0, "n1", "off")


def api(began: float, ended: float, kind: str = "refuse", node: str | None = None) -> Trouble:
    """An outage of the API."""
    nodes = (node,) if node else ()
    return Trouble(schedule.API, "ec2", nodes, {"kind": kind, "node": node}, began, ended)


def freeze(began: float, ended: float, node: str = "n1") -> Trouble:
    return Trouble(schedule.FREEZE, node, (node,), {}, began, ended)


def cut(began: float, ended: float) -> Trouble:
    return Trouble(schedule.CUT, "n1", ("n1",), {"nodes": True, "aws": False}, began, ended)


def route53(began: float, ended: float) -> Trouble:
    """An outage of a service that the group does not ask."""
    return Trouble(schedule.API, "route53", (), {"kind": "hang"}, began, ended)


def on_node(what: str, node: str, began: float, ended: float, **params: Any) -> Trouble:
    return Trouble(what, node, (node,), params, began, ended)


def agent_killed(t: float, action: str, node: str = "n1") -> Trouble:
    params = {"action": action, "standby": False, "signal": "KILL", "after_ms": 10}
    return Trouble(schedule.KILL_AGENT, VIP, (node,), params, t, t)


def history(
    *tenures: tuple[str, float, float],
    troubles: tuple[Trouble, ...] = (),
    stops: bool = True,
    nodes: tuple[str, ...] = ("n1", "n2"),
    **more: Any,
) -> History:
    """A run of a group that nodes have one after the other, and that answers while one has it.

    With `stops` they give it up in good order.
    """
    operations = []
    for node, began, ended in tenures:
        operations += [Operation(began, "start", name, node, "ok") for name in (VIP, SERVICE)]
        if stops and ended < LENGTH_S:
            operations += [Operation(ended, "stop", name, node, "ok") for name in (SERVICE, VIP)]
    answers = []
    for (node, began, ended), after in zip(tenures, [*tenures[1:], None], strict=True):
        answers.append(Spell(max(began, 0.0), ended, node))
        if after and after[1] > ended:
            answers.append(Spell(ended, after[1], None))
    last = tenures[-1][0]
    group = Group(
        name="web",
        resources=(VIP, SERVICE),
        nodes=nodes,
        answers=tuple(answers),
        shown=tuple(Shown(began, (node,)) for node, began, _ended in tenures),
        holdings={
            name: tuple(Holding(node, began, ended) for node, began, ended in tenures)
            for name in (VIP, SERVICE)
        },
        end=End(last, (last,), (last,)),
    )
    return History(
        seed=1,
        ended=LENGTH_S,
        nodes=nodes,
        groups=(group,),
        troubles=troubles,
        operations=tuple(operations),
        **more,
    )


def changed(found: History, **fields: Any) -> History:
    """The same run, with other fields of its group."""
    (group,) = found.groups
    return dataclasses.replace(found, groups=(dataclasses.replace(group, **fields),))


def broken(found: History) -> set[str]:
    """The invariants that a run breaks."""
    return {violation.invariant for violation in judge.violations(found)}


CALM = history(("n1", -10.0, LENGTH_S))
# Killed, fenced and started elsewhere.
LOST = {"stops": False, "verdicts": (FENCED_N1,), "power": (OFF_N1,)}
FAILED_OVER = history(("n1", -10.0, 100.0), ("n2", 115.0, LENGTH_S), troubles=(KILL_N1,), **LOST)


def without(**changes: Any) -> History:
    """The failover, with something else about the run."""
    return dataclasses.replace(FAILED_OVER, **changes)


def fell(back_s: float, *more: Trouble) -> History:
    """The failover, which takes so long and has other company."""
    tenures = ("n1", -10.0, 100.0), ("n2", back_s, LENGTH_S)
    return history(*tenures, troubles=(KILL_N1, *more), **LOST)


def restarted(*troubles: Trouble, **more: Any) -> History:
    """The group is restarted where it is."""
    return history(("n1", -10.0, 100.0), ("n1", 102.0, LENGTH_S), troubles=troubles, **more)


def moved(*troubles: Trouble, **more: Any) -> History:
    """The group goes to the other node in good order."""
    return history(("n1", -10.0, 100.0), ("n2", 103.0, LENGTH_S), troubles=troubles, **more)


def silent(began: float, ended: float, *troubles: Trouble) -> History:
    """Nobody answers for a time, and the cluster does nothing."""
    spells = Spell(0.0, began, "n1"), Spell(began, ended, None), Spell(ended, LENGTH_S, "n1")
    return changed(history(("n1", -10.0, LENGTH_S), troubles=troubles), answers=spells)


def also_held(began: float, ended: float) -> History:
    """The other node has the service for a time."""
    held = dict(CALM.groups[0].holdings)
    held[SERVICE] = (*held[SERVICE], Holding("n2", began, ended))
    return changed(CALM, holdings=held)


def answered(*spells: Spell) -> History:
    """The failover, with other answers after it."""
    return changed(FAILED_OVER, answers=(*FAILED_OVER.groups[0].answers[:2], *spells))


def shown(*turns: Shown, troubles: tuple[Trouble, ...] = ()) -> History:
    """AWS leads clients elsewhere while they go on to be answered."""
    run = history(("n1", -10.0, LENGTH_S), troubles=troubles)
    return changed(run, shown=(Shown(-10.0, ("n1",)), *turns))


def failed(action: str, t: float, *troubles: Trouble, base: History = CALM) -> History:
    """An action of the address fails on the first node."""
    failure = Failure(t, action, VIP, "n1", "error")
    return dataclasses.replace(base, troubles=troubles, failures=(failure,))


STANDBY = Trouble(schedule.STANDBY, "n1", ("n1",), {}, 98.0, 120.0)
MOVE = Trouble(schedule.MOVE, "web", ("n1",), {}, 98.0, 120.0)


@pytest.mark.parametrize(
    ("run", "invariants"),
    [
        pytest.param(CALM, set(), id="calm"),
        pytest.param(FAILED_OVER, set(), id="killed"),
        # one holder
        pytest.param(also_held(100, 101), {"one holder"}, id="held-by-two"),
        pytest.param(
            history(("n1", -10.0, 100.0), ("n2", 99.9, LENGTH_S), troubles=(MOVE,)),
            {"one holder"},
            id="overlap-in-a-move",
        ),
        pytest.param(moved(MOVE), set(), id="moved"),
        # answered by holder
        pytest.param(
            answered(Spell(115, 150, "n2"), Spell(150, 151, "n1"), Spell(151, 300, "n2")),
            {"answered by holder"},
            id="two-answer",
        ),
        pytest.param(
            changed(moved(MOVE), answers=(Spell(0, 102, "n1"), Spell(102, 300, "n2"))),
            {"answered by holder"},
            id="old-node-goes-on",
        ),
        pytest.param(
            changed(moved(MOVE), answers=(Spell(0, 100.4, "n1"), Spell(100.4, 300, "n2"))),
            set(),
            id="record-is-late",
        ),
        # clients served
        pytest.param(silent(100, 102), {"clients served"}, id="outage-of-nothing"),
        pytest.param(silent(100, 100.9), set(), id="blip"),
        pytest.param(silent(100, 102, api(90, 120)), {"clients served"}, id="outage-of-the-api"),
        pytest.param(
            silent(100, 102, Trouble(schedule.IMDS, "n1", ("n1",), {"kind": "hang"}, 90, 120)),
            {"clients served"},
            id="outage-of-imds",
        ),
        pytest.param(
            silent(100, 102, Trouble(schedule.ROTATE, "n1", ("n1",), {}, 99, 99)),
            {"clients served"},
            id="outage-of-credentials",
        ),
        pytest.param(
            silent(100, 102, Trouble(schedule.CLOCK, "n1", ("n1",), {"seconds": 7200}, 99, 120)),
            {"clients served"},
            id="outage-of-the-clock",
        ),
        pytest.param(silent(100, 102, freeze(100, 101.5)), set(), id="frozen"),
        pytest.param(
            silent(100, 102, freeze(104, 105.5)), {"clients served"}, id="frozen-afterwards"
        ),
        pytest.param(
            silent(100, 102, freeze(100, 101.5, "n2")), {"clients served"}, id="n2-frozen"
        ),
        pytest.param(fell(151), set(), id="slow-failover"),
        pytest.param(fell(153), {"clients served", "failover explained"}, id="too-slow"),
        pytest.param(fell(190, api(90, 130)), set(), id="hindered"),
        pytest.param(
            fell(205, api(90, 130)),
            {"clients served", "failover explained"},
            id="hindered-too-slow",
        ),
        pytest.param(
            changed(
                FAILED_OVER,
                answers=(Spell(0, 100, "n1"), Spell(100, 134, None), Spell(134, 300, "n2")),
            ),
            set(),
            id="answers-soon-after-its-start",
        ),
        pytest.param(
            changed(
                FAILED_OVER,
                answers=(Spell(0, 100, "n1"), Spell(100, 136, None), Spell(136, 300, "n2")),
            ),
            {"clients served"},
            id="answers-long-after-its-start",
        ),
        pytest.param(
            fell(300 - 1, api(90, 130)), {"clients served", "failover explained"}, id="api-back"
        ),
        pytest.param(
            fell(190, api(90, 130, node="n1")),
            {"clients served", "failover explained"},
            id="only-the-dead-hindered",
        ),
        pytest.param(
            fell(190, api(182, 186)), {"clients served", "failover explained"}, id="hindered-later"
        ),
        # failover explained
        pytest.param(moved(), {"failover explained", "clients served"}, id="moved-by-itself"),
        pytest.param(
            moved(api(90, 130)), {"failover explained", "clients served"}, id="moved-by-the-api"
        ),
        pytest.param(
            moved(freeze(90, 130, "n2")),
            {"failover explained", "clients served"},
            id="moved-to-the-frozen",
        ),
        pytest.param(moved(freeze(99, 100)), {"failover explained"}, id="moved-by-a-short-freeze"),
        pytest.param(moved(STANDBY), set(), id="standby"),
        pytest.param(
            moved(dataclasses.replace(STANDBY, nodes=("n2",), target="n2")),
            {"failover explained", "clients served"},
            id="the-other-on-standby",
        ),
        pytest.param(moved(agent_killed(99, "start")), set(), id="start-killed"),
        pytest.param(
            moved(agent_killed(99, "monitor")), {"failover explained"}, id="monitor-killed"
        ),
        pytest.param(
            moved(agent_killed(99, "monitor"), api(95, 140)), set(), id="monitor-killed-no-api"
        ),
        # fenced first
        pytest.param(without(verdicts=()), {"fenced first"}, id="never-fenced"),
        pytest.param(
            without(verdicts=(Verdict(120.0, "fenced", "n1"),)), {"fenced first"}, id="fenced-later"
        ),
        pytest.param(
            without(verdicts=(Verdict(112.0, "fenced", "n2"),)),
            {"fenced first", "fencing explained"},
            id="the-other-fenced",
        ),
        # restart explained
        pytest.param(restarted(), {"restart explained", "clients served"}, id="restarted"),
        pytest.param(
            restarted(api(90, 130)), {"restart explained", "clients served"}, id="by-the-api"
        ),
        pytest.param(restarted(agent_killed(99, "monitor")), set(), id="by-a-killed-monitor"),
        pytest.param(
            restarted(dataclasses.replace(agent_killed(99, "monitor"), target="other")),
            {"restart explained", "clients served"},
            id="by-another-monitor",
        ),
        # fencing explained
        pytest.param(
            without(troubles=()),
            {"fencing explained", "failover explained", "clients served"},
            id="fenced-by-itself",
        ),
        pytest.param(
            without(verdicts=(FENCED_N1, Verdict(125.0, "fenced", "n1"))),
            {"fencing explained"},
            id="fenced-twice",
        ),
        pytest.param(
            without(
                troubles=(cut(100, 130),), verdicts=(FENCED_N1, Verdict(113.0, "fenced", "n2"))
            ),
            {"fencing explained"},
            id="both-fenced",
        ),
        pytest.param(without(troubles=(cut(100, 130),)), set(), id="cut-off"),
        pytest.param(
            dataclasses.replace(
                CALM, troubles=(freeze(100, 101.5),), verdicts=(Verdict(103, "fenced", "n1"),)
            ),
            {"fencing explained"},
            id="fenced-for-a-short-freeze",
        ),
        pytest.param(
            dataclasses.replace(
                CALM, troubles=(api(90, 130),), verdicts=(Verdict(103, "fenced", "n1"),)
            ),
            {"fencing explained"},
            id="fenced-for-the-api",
        ),
        pytest.param(
            without(troubles=(agent_killed(99, "stop"),)), set(), id="fenced-for-a-killed-stop"
        ),
        # fail-count explained
        pytest.param(failed("monitor_10000", 100), {"fail-count explained"}, id="monitor-failed"),
        pytest.param(
            failed("monitor_10000", 100, api(90, 130)), {"fail-count explained"}, id="failed-by-api"
        ),
        pytest.param(
            failed("monitor_10000", 100, agent_killed(99, "monitor")), set(), id="killed-and-failed"
        ),
        pytest.param(
            failed("start_0", 103, MOVE, base=moved(MOVE)),
            {"fail-count explained"},
            id="start-failed",
        ),
        pytest.param(
            failed("start_0", 103, MOVE, api(95, 110), base=moved(MOVE)), set(), id="start-hindered"
        ),
        pytest.param(failed("monitor_10000", 100, freeze(90, 99)), set(), id="failed-when-thawed"),
        pytest.param(
            failed("monitor_10000", 100, freeze(90, 99, "n2")),
            {"fail-count explained"},
            id="failed-when-the-other-thawed",
        ),
        # owner in AWS
        pytest.param(
            shown(Shown(100, ("n2",)), Shown(125, ("n1",))), {"owner in AWS"}, id="led-elsewhere"
        ),
        pytest.param(shown(Shown(100, ("n2",)), Shown(119, ("n1",))), set(), id="soon-put-right"),
        pytest.param(
            shown(Shown(100, ("n1", "n2")), Shown(112, ("n2",)), Shown(124, ("n1",))),
            {"owner in AWS"},
            id="astray-in-turns",
        ),
        pytest.param(shown(Shown(290, ())), set(), id="nowhere-for-a-moment"),
        pytest.param(
            shown(Shown(100, ("n2",)), Shown(150, ("n1",)), troubles=(api(99, 140),)),
            set(),
            id="could-not-be-put-right",
        ),
        # whole again
        pytest.param(dataclasses.replace(CALM, broken=(100.0,)), {"whole again"}, id="broken"),
        # all agree
        pytest.param(changed(CALM, end=End(None, (), (None,))), {"all agree"}, id="not-running"),
        pytest.param(
            changed(CALM, end=End("n1", ("n2",), ("n1",))), {"all agree"}, id="aws-disagrees"
        ),
        pytest.param(
            changed(CALM, end=End("n1", ("n1",), ("n1", None))), {"all agree"}, id="some-unanswered"
        ),
        # nothing left
        pytest.param(
            dataclasses.replace(CALM, left=("a file",)), {"nothing left"}, id="something-left"
        ),
    ],
)
def test_invariants(run: History, invariants: set[str]) -> None:
    """Each is broken by what breaks it, and by nothing that only looks like it."""
    assert broken(run) == invariants, judge.violations(run)


def test_killed_stop() -> None:
    """A node whose stop was killed is fenced: everything leaves it, also other groups."""
    stop = dataclasses.replace(agent_killed(100, "stop"), target="other")
    assert broken(without(troubles=(stop,))) == set()
    elsewhere = dataclasses.replace(stop, nodes=("n2",))
    assert {"fencing explained", "failover explained"} <= broken(without(troubles=(elsewhere,)))
    start = dataclasses.replace(agent_killed(100, "start"), target="other")
    assert {"fencing explained", "failover explained"} <= broken(without(troubles=(start,)))


def test_cut_of_four() -> None:
    """Of four nodes the one that is cut off is fenced, of two it may be either."""
    run = without(troubles=(dataclasses.replace(cut(100, 130), nodes=("n2",), target="n2"),))
    assert broken(run) == set()
    of_four = dataclasses.replace(run, nodes=("n1", "n2", "n3", "n4"))
    assert broken(of_four) == {"fencing explained", "failover explained", "clients served"}


def test_start_is_tried_again() -> None:
    """Where starts have failed the cluster tries again after failure-timeout."""
    failure = Failure(135.0, "start_0", VIP, "n2", "error")
    assert broken(fell(200)) == {"clients served", "failover explained"}
    run = dataclasses.replace(fell(200), failures=(failure,))
    assert broken(run) == {"fail-count explained"}


def bound(trouble: Trouble, *hindrances: Trouble, **more: Any) -> float:
    """For how long an event explains an outage, with other things about it. Of three nodes the
    group may run on two."""
    run = history(("n1", -10.0, LENGTH_S), troubles=(trouble, *hindrances), **more)
    run = dataclasses.replace(run, nodes=("n1", "n2", "n3"))
    until = judge.deadline(run, trouble, "outage", LENGTH_S, run.groups[0])
    return until - trouble.began


IMDS_N1, IMDS_N2, IMDS_N3 = (
    on_node(schedule.IMDS, node, 90, 130, kind="refuse") for node in ("n1", "n2", "n3")
)
SKEWED_N2 = on_node(schedule.CLOCK, "n2", 90, 130, seconds=7200)
OTHER_REGION = Trouble(schedule.API, "ec2", (), {"kind": "refuse", "region": "osaka"}, 90, 130)


@pytest.mark.parametrize(
    ("event", "other"),
    [
        pytest.param(KILL_N1, route53(90, 130), id="service-that-nobody-asks"),
        pytest.param(KILL_N1, IMDS_N1, id="on-the-lost-node"),
        pytest.param(
            KILL_N1, on_node(schedule.CLOCK, "n2", 90, 130, seconds=100), id="tolerated-clock"
        ),
        pytest.param(
            KILL_N1, on_node(schedule.ROTATE, "n2", 99, 99, expire_old=True), id="credentials"
        ),
        pytest.param(KILL_N1, on_node(schedule.IMDS, "n2", 20, 60, kind="hang"), id="long-over"),
        pytest.param(KILL_N1, api(165, 180), id="too-late"),
        pytest.param(MOVE, route53(90, 130), id="move-and-another-service"),
        pytest.param(MOVE, SKEWED_N2, id="move-and-a-clock"),
        pytest.param(MOVE, IMDS_N3, id="move-and-another-node"),
        pytest.param(MOVE, OTHER_REGION, id="move-and-another-region"),
    ],
)
def test_what_has_nothing_to_do_with_it_is_no_excuse(event: Trouble, other: Trouble) -> None:
    """A hindrance of something that neither the fencing nor the start asks for changes no bound."""
    regions = {"n1": "tokyo", "n2": "tokyo", "n3": "osaka"}
    assert bound(event, other, regions=regions) == bound(event, regions=regions)


@pytest.mark.parametrize(
    ("event", "other"),
    [
        pytest.param(KILL_N1, api(90, 130), id="api"),
        pytest.param(KILL_N1, api(90, 130, node="n2"), id="api-of-the-survivor"),
        pytest.param(KILL_N1, IMDS_N2, id="imds"),
        pytest.param(KILL_N1, IMDS_N3, id="imds-of-one-that-may-fence"),
        pytest.param(KILL_N1, SKEWED_N2, id="clock-of-one-that-may-fence"),
        pytest.param(KILL_N1, on_node(schedule.DNS, "n2", 90, 130, kind="hang"), id="dns"),
        pytest.param(KILL_N1, on_node(schedule.CUT, "n2", 90, 130, aws=True), id="cut-from-aws"),
        pytest.param(
            KILL_N1,
            Trouble(schedule.REGION, "tokyo", (), {"api": True, "network": False}, 90, 130),
            id="region",
        ),
        pytest.param(KILL_N1, OTHER_REGION, id="fence-devices-of-another-region"),
        pytest.param(KILL_N1, api(50, 90, kind="hang"), id="hangs-beyond-its-end"),
        pytest.param(MOVE, api(90, 130), id="move-and-its-service"),
        pytest.param(MOVE, IMDS_N2, id="move-and-its-node"),
    ],
)
def test_what_a_fencing_or_a_start_asks_for_is_an_excuse(event: Trouble, other: Trouble) -> None:
    """Each of these alone makes the bound longer, but not without end."""
    regions = {"n1": "tokyo", "n2": "tokyo", "n3": "osaka"}
    longer = bound(event, other, regions=regions)
    assert bound(event, regions=regions) < longer <= LONGEST_S


def test_hindrances_at_a_time_count_once() -> None:
    """Those that overlap take the time from the first begin to the last end."""
    one = bound(KILL_N1, api(95, 135))
    assert bound(KILL_N1, api(95, 125), IMDS_N2, api(105, 135)) == one
    assert one == 35 + PAUSE_S + MOVE_S


def test_all_hindrances_together_have_an_end() -> None:
    """A service that is never back is missed."""
    outages = [api(t, t + 20, kind="hang") for t in range(90, 290, 30)]
    assert bound(KILL_N1, *outages) == LONGEST_S


def test_lost_node_that_is_back_may_hinder() -> None:
    """When it has booted it may be to start the group."""
    trouble = on_node(schedule.IMDS, "n1", 120, 150, kind="hang")
    assert bound(KILL_N1, trouble, power=(OFF_N1, Power(115.0, "n1", "on"))) > bound(KILL_N1)


def test_event_of_another_group_holds_it_up() -> None:
    """Of what a node had, Pacemaker starts one after the other; a moved group is alone."""
    run = history(("n1", -10.0, LENGTH_S), troubles=(KILL_N1, MOVE, route53(90, 130)))
    (group,) = run.groups
    held = dict.fromkeys(("mail", "route53-record"), group.holdings[VIP])
    other = dataclasses.replace(
        group, name="mail", resources=("mail", "route53-record"), holdings=held
    )
    both = dataclasses.replace(run, groups=(group, other))
    for event, longer in ((KILL_N1, True), (MOVE, False)):
        alone, together = (
            judge.deadline(each, event, "outage", LENGTH_S, group) for each in (run, both)
        )
        assert (together > alone) == longer


def test_one_event_moves_a_group_once() -> None:
    """A second failover needs another event, or a start that failed."""
    tenures = ("n1", -10.0, 100.0), ("n2", 103.0, 110.0), ("n1", 112.0, LENGTH_S)
    twice = history(*tenures, troubles=(MOVE,))
    assert broken(twice) == {"failover explained"}
    (wrong,) = judge.violations(twice)
    assert "web moved from n2 to n1; move web (n1) explains another one" in str(wrong)
    back = dataclasses.replace(MOVE, nodes=("n2",), began=109.0)
    assert broken(history(*tenures, troubles=(MOVE, back))) == set()
    assert broken(history(*tenures, troubles=(MOVE, agent_killed(104, "start", "n2")))) == set()
    killed = agent_killed(104, "start", "n2")
    failure = Failure(104.0, "start_0", VIP, "n2", "error")
    moves = judge.failovers(
        history(*tenures, troubles=(MOVE, killed), failures=(failure,), stops=True)
    )
    assert [move.cause for move in moves] == [MOVE, killed]


def test_a_start_that_failed_moves_it_again() -> None:
    """As one that was hindered: the next try is elsewhere, and its fail-count is explained."""
    tenures = ("n1", -10.0, 100.0), ("n2", 103.0, 110.0), ("n1", 112.0, LENGTH_S)
    failure = Failure(109.0, "start_0", VIP, "n2", "error")
    run = history(*tenures, troubles=(MOVE, api(95, 108)), failures=(failure,))
    assert broken(run) == set()
    once_more = (*tenures[:2], ("n1", 112.0, 114.0), ("n2", 116.0, LENGTH_S))
    run = history(*once_more, troubles=(MOVE, api(95, 108)), failures=(failure,))
    assert broken(run) == {"failover explained"}


def test_one_event_restarts_a_group_once() -> None:
    """A second restart needs another event."""
    tenures = ("n1", -10.0, 100.0), ("n1", 102.0, 105.0), ("n1", 107.0, LENGTH_S)
    killed = agent_killed(99, "monitor")
    assert broken(history(*tenures, troubles=(killed,))) == {"restart explained"}
    again = agent_killed(104, "monitor")
    assert broken(history(*tenures, troubles=(killed, again))) == set()


def test_one_event_explains_a_failure_once() -> None:
    """Of an agent that was killed one action failed; of a node that was frozen each may once."""
    killed = agent_killed(99, "monitor")
    one = Failure(100.0, "monitor_10000", VIP, "n1", "error")
    other = Failure(101.0, "monitor_67000", VIP, "n1", "error")
    run = dataclasses.replace(CALM, troubles=(killed,), failures=(one, other))
    assert broken(run) == {"fail-count explained"}
    frozen = dataclasses.replace(run, troubles=(freeze(90, 99),))
    assert broken(frozen) == set()
    again = dataclasses.replace(one, t=110.0)
    assert broken(dataclasses.replace(frozen, failures=(one, again))) == {"fail-count explained"}


def test_fencings_are_shared_out() -> None:
    """Each of two events explains one, also where the later would explain either."""
    kills = KILL_N1, dataclasses.replace(KILL_N1, began=102.0, ended=102.0)
    fencings = Verdict(112.0, "fenced", "n1"), Verdict(141.0, "fenced", "n1")
    assert broken(without(troubles=kills, verdicts=fencings)) == set()
    assert broken(without(troubles=kills[1:], verdicts=fencings)) == {"fencing explained"}


def test_failovers() -> None:
    """They are counted with what explains them."""
    (failover,) = judge.failovers(FAILED_OVER)
    assert (failover.group, failover.left, failover.to) == ("web", "n1", "n2")
    assert failover.cause == KILL_N1
    assert judge.failovers(CALM) == judge.failovers(restarted()) == []


def test_what_is_said() -> None:
    """A violation says when, what and what it may have to do with."""
    (first, _second) = judge.violations(moved(api(90, 130)))
    assert "web for 3.0 s, until +103.0 s; nothing explains it" in str(first)
    text = str(judge.violations(fell(190))[0])
    assert "kill n1 explains it until +152.0 s" in text


def test_longest_outages_are_told(tmp_path: Path) -> None:
    """With whom they hit, how long they lasted, and what was allowed."""
    run = changed(FAILED_OVER, client="tokyo")
    (outage,) = judge.outages(run)
    assert (outage.lasted_s, outage.bound_s, outage.cause) == (15.0, 35.0, KILL_N1)
    assert str(outage).strip() == (
        "100.0 s  web (tokyo) without an answer for 15.0 of 35.0 s; kill n1"
    )
    report.write(tmp_path / "report.html", run)
    page = (tmp_path / "report.html").read_text()
    assert "<td>tokyo</td><td class=number>15.0</td><td class=number>35.0</td><td>43%</td>" in page


def test_killings_that_met_no_agent_are_told_apart(tmp_path: Path) -> None:
    """They are no events, and stand beside their number."""
    missed = dataclasses.replace(agent_killed(99, "monitor"), nodes=())
    run = dataclasses.replace(FAILED_OVER, missed=(missed,))
    assert figures([run]) == "1 events, 1 failovers, 0 violations (1 more met no agent to kill)"
    assert figures([FAILED_OVER]) == "1 events, 1 failovers, 0 violations"
    report.write(tmp_path / "report.html", run)
    page = (tmp_path / "report.html").read_text()
    assert "Not counted, as it met no agent: kill-agent elastic-ip" in page
    # What was not killed explains nothing.
    assert broken(dataclasses.replace(restarted(), missed=(missed,))) == broken(restarted())


def test_json(tmp_path: Path) -> None:
    """A history is the same after it has been written and read."""
    file = tmp_path / "history.json"
    missed = dataclasses.replace(agent_killed(99, "monitor"), nodes=())
    run = dataclasses.replace(FAILED_OVER, missed=(missed,), regions={"n1": "tokyo"})
    run.save(file)
    assert History.load(file) == run
