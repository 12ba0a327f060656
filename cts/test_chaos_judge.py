# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge of chaos: for each invariant a history that breaks it, and one that nearly does."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from chaos import judge, schedule
from chaos.history import End, Group, History, Power, Shown, Spell, Trouble
from lab.history import Failure, Holding, Operation, Verdict

LENGTH_S = 300.0
VIP, SERVICE = "vip", "service"

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
        pytest.param(fell(179), set(), id="slow-failover"),
        pytest.param(fell(190), {"clients served", "failover explained"}, id="too-slow"),
        pytest.param(fell(190, api(90, 130)), set(), id="hindered"),
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
    assert "kill n1 explains it until +180.0 s" in text


def test_json(tmp_path: Path) -> None:
    """A history is the same after it has been written and read."""
    file = tmp_path / "history.json"
    FAILED_OVER.save(file)
    assert History.load(file) == FAILED_OVER
