# SPDX-License-Identifier: GPL-2.0-or-later
"""Who had a resource and when, put together from logs and events."""

import datetime
import math
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from lab import history
from lab.handle import Lab

NODES = ("n1", "n2")
REQUESTED = "Requesting local execution of start operation for vip on {} | key"
STOPPED = "Result of stop operation for vip on {}: ok | rc=0"


def recorded(directory: Path, log: list[tuple[float, str, str]], events: list[dict]) -> Lab:
    """What is left of a lab: lines of logs as (time, node, text), and events."""
    offset = time.time() - time.monotonic()
    for node in NODES:
        file = directory / node / "log" / "pacemaker" / "pacemaker.log"
        file.parent.mkdir(parents=True)
        with open(file, "w") as lines:
            for t, where, text in log:
                if where == node:
                    moment = datetime.datetime.fromtimestamp(t + offset)
                    stamp = moment.strftime("%b %d %H:%M:%S.%f")[:-3]
                    line = f"{stamp} {node} pacemaker-controld  [9] (f) \tnotice: {text}\n"
                    lines.write(line.format(node))
    files = SimpleNamespace(node=lambda name: directory / name, events=lambda: events)
    return SimpleNamespace(topology=SimpleNamespace(nodes=dict.fromkeys(NODES)), files=files)


@pytest.mark.parametrize(
    ("second", "events", "several"),
    [
        pytest.param(31, [], False, id="stopped-before"),
        pytest.param(29, [], True, id="stopped-after"),
        pytest.param(
            21, [{"t": 20.0, "kind": "power", "node": "n1", "state": "off"}], False, id="fenced"
        ),
        pytest.param(21, [{"t": 22.0, "kind": "kill", "node": "n1"}], True, id="died-after"),
        pytest.param(
            21, [{"t": 20.0, "kind": "power", "node": "n2", "state": "off"}], True, id="another-off"
        ),
    ],
)
def test_held_by_several(tmp_path: Path, second: float, events: list[dict], several: bool) -> None:
    """A node has a resource until it has stopped it, or is off."""
    now = time.monotonic() - 100
    for event in events:
        event["t"] += now
    log = [(now + 10, "n1", REQUESTED), (now + second, "n2", REQUESTED), (now + 30, "n1", STOPPED)]
    lab = recorded(tmp_path, log, events)
    held = history.holdings(lab, "vip")
    assert [each.node for each in held] == ["n1", "n2"]
    assert held[-1].ended == math.inf
    assert bool(history.held_by_several(held)) == several
    assert history.holdings(lab, "other") == []


def test_start_that_was_refused_is_none(tmp_path: Path) -> None:
    """A node that has to join anew first is asked for what it does not do."""
    now = time.monotonic() - 100
    refused = "Discarding attempt to perform action start on {} in state S_PENDING (shutdown=false)"
    log = [
        (now + 10, "n1", REQUESTED),
        (now + 20, "n1", STOPPED),
        (now + 30, "n2", REQUESTED),
        (now + 30, "n2", refused.format("other")),
        (now + 31, "n1", REQUESTED),
        (now + 30, "n2", refused.format("vip")),
        (now + 40, "n1", REQUESTED),
    ]
    held = history.holdings(recorded(tmp_path, log, []), "vip")
    assert [(each.node, round(each.began - now)) for each in held] == [("n1", 10), ("n1", 31)]


def test_failures(tmp_path: Path) -> None:
    """A failure is told once, with its result, however many nodes note it and whenever."""
    now = time.monotonic() - 100
    result = "Result of monitor operation for vip on {}: Error (why: it | broke) | CIB update 2, key=vip_monitor_5000"
    noted = "Setting last-failure-vip#monitor_5000[n1]: {} | from n2 with no write delay"
    again = noted.format("1795325292 -> 1795325392")
    log = [
        (now + 10, "n1", result),
        (now + 11, "n1", noted.format("(unset) -> 1795325292")),
        (now + 11, "n2", noted.format("(unset) -> 1795325292")),
        (now + 40, "n2", noted.format("(unset) -> 1795325292")),
        (now + 70, "n2", noted.format("1795325292 -> (unset)")),
        (now + 80, "n2", again),
    ]
    found = history.failures(recorded(tmp_path, log, []))
    assert [round(failure.t - now) for failure in found] == [11, 80]
    first = found[0]
    assert (first.action, first.resource, first.node) == ("monitor_5000", "vip", "n1")
    assert first.result == "Error (why: it | broke)"
