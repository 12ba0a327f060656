# SPDX-License-Identifier: GPL-2.0-or-later
"""Schedules: reproducible, complete, and never more than a cluster can bear."""

import itertools
from collections.abc import Iterator

import pytest
from chaos import schedule
from chaos.schedule import AWS_SKEW_S, Event, World

TOKYO, OSAKA = "ap-northeast-1", "ap-northeast-3"
AGENTS = {"vip": "route-table-vip", "record": "route53-record", "probe": "nlb-health-probe"}
TWO = World(
    {"n1": TOKYO, "n2": TOKYO},
    ("client",),
    {"db": ("n1", "n2"), "web": ("n1", "n2")},
    AGENTS,
)
FOUR = World(
    {"n1": TOKYO, "n2": OSAKA, "n3": TOKYO, "n4": OSAKA},
    ("tokyo", "osaka"),
    {"db": ("n1", "n3"), "far": ("n1", "n2", "n3", "n4"), "web": ("n2", "n4")},
    AGENTS,
)
WORLDS = [pytest.param(TWO, id="two"), pytest.param(FOUR, id="four")]
SEEDS = range(40)
MINUTES = 20


def schedules(world: World, minutes: float = MINUTES) -> Iterator[list[Event]]:
    """What each of the seeds makes."""
    return (schedule.make(seed, minutes, world) for seed in SEEDS)


@pytest.mark.parametrize("world", WORLDS)
def test_seed_reproduces_its_schedule(world: World) -> None:
    """The same to the byte for a seed, and another for each seed."""
    printed = [schedule.text(events) for events in schedules(world)]
    assert printed == [schedule.text(events) for events in schedules(world)]
    assert len(set(printed)) == len(printed)


@pytest.mark.parametrize("world", WORLDS)
def test_long_runs_have_everything(world: World) -> None:
    """Twenty minutes have more than forty events, and three runs all kinds that the world has."""
    wanted = set(schedule.KINDS)
    if len(world.regions) == 1:
        wanted.remove(schedule.REGION)
    runs = list(schedules(world))
    for three in zip(runs, runs[1:], runs[2:], strict=False):
        assert {event.kind for events in three for event in events} == wanted
    for events in runs:
        assert len(events) >= 40
        # One that takes its life or its network from a node every three minutes.
        assert sum(event.calm and event.kind in schedule.NODE_KINDS for event in events) >= 6


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("minutes", [3, 5, MINUTES])
def test_ends_in_quiet(world: World, minutes: float) -> None:
    """A run begins at once, and has time to heal at its end; also a short one has events."""
    for events in schedules(world, minutes):
        assert events == sorted(events, key=lambda event: event.t)
        assert any(event.calm for event in events)
        assert all(event.t >= 0 and event.lasts >= 0 for event in events)
        assert max(event.ends for event in events) <= minutes * 60 - schedule.QUIET_S


@pytest.mark.parametrize("world", WORLDS)
def test_one_node_event_at_a_time(world: World) -> None:
    """Between two of the first lane there is time for the cluster to become whole."""
    for events in schedules(world):
        calm = [event for event in events if event.calm]
        for one, next_one in itertools.pairwise(calm):
            assert next_one.t >= one.ends + 20
            if one.kind in schedule.NODE_KINDS:
                assert next_one.t >= one.t + 60


@pytest.mark.parametrize("world", WORLDS)
def test_outages_of_the_api_leave_room(world: World) -> None:
    """They are short and apart, so that a fencing gets through before Pacemaker gives up."""
    for events in schedules(world):
        api = [
            event
            for event in events
            if not event.calm and event.kind in (schedule.API, schedule.CUT, schedule.REGION)
        ]
        assert all(event.lasts <= 40 for event in api)
        for one, next_one in itertools.pairwise(api):
            assert next_one.t >= one.ends + 20


@pytest.mark.parametrize("world", WORLDS)
def test_what_undoes_or_refuses_is_kept_apart(world: World) -> None:
    """One clock step and one outage of a kind on a node; nothing starts while it is denied."""
    for events in schedules(world):
        outages = [event for event in events if event.kind in (schedule.IMDS, schedule.DNS)]
        clocks = [event for event in events if event.kind == schedule.CLOCK]
        for one, other in itertools.combinations([*outages, *clocks], 2):
            if (one.kind, one.target) == (other.kind, other.target):
                assert one.ends < other.t
        killed = [event for event in events if event.kind == schedule.KILL_AGENT]
        denied = [event for event in events if event.params.get("kind") == "denied"]
        for one, other in itertools.product(killed, denied):
            assert one.ends + 20 < other.t or other.ends + 20 < one.t
        far_off = [event for event in clocks if abs(event.params["seconds"]) >= AWS_SKEW_S]
        assert all(event.calm for event in far_off)


@pytest.mark.parametrize("world", WORLDS)
def test_targets_exist(world: World) -> None:
    """Each event is about something that the world has."""
    nodes, groups = set(world.nodes), set(world.groups)
    allowed = {
        schedule.REGION: set(world.regions),
        schedule.MOVE: groups,
        schedule.API: {"ec2", "route53", "*"},
        schedule.KILL_AGENT: set(world.agents),
        **dict.fromkeys((schedule.KILL, schedule.FREEZE, schedule.CUT), nodes | groups),
        schedule.STANDBY: nodes | groups,
    }
    for events in schedules(world):
        for event in events:
            assert event.target in allowed.get(event.kind, nodes)


def test_agents_are_killed_at_all_points_of_their_lives() -> None:
    """Some before they have asked anything, some amid it, and of starts some after a write."""
    after_ms = [
        event.params["after_ms"]
        for events in schedules(FOUR)
        for event in events
        if event.kind == schedule.KILL_AGENT
    ]
    assert min(after_ms) >= 1
    assert max(after_ms) <= 500
    for below_ms, share in ((8, 1 / 3), (63, 2 / 3), (100, 0.74)):
        assert abs(sum(ms < below_ms for ms in after_ms) / len(after_ms) - share) < 0.1


def test_a_group_needs_two_nodes() -> None:
    """Else the loss of one would end it."""
    with pytest.raises(ValueError, match="group db needs two of the nodes"):
        schedule.make(1, MINUTES, World(TWO.nodes, (), {"db": ("n1",)}, AGENTS))


def test_a_name_has_one_meaning() -> None:
    """A target is a node or a group."""
    with pytest.raises(ValueError, match="'n1' is a group and another thing"):
        schedule.make(1, MINUTES, World(TWO.nodes, (), {"n1": ("n1", "n2")}, AGENTS))
