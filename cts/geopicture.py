# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws the loss of a region: who may have had the address, and who answered each client."""

import itertools
from pathlib import Path

from geo import ADDRESS, Everywhere
from lab import history, timeline
from lab.client import Request
from lab.timeline import NOBODY, Bar, Lane, Moment, Panel

BEFORE_S, AFTER_S = 5, 10


def draw(watch: Everywhere, title: str, moments: list[Moment], file: Path) -> None:
    """Write a picture from just before the first moment until just after the last one."""
    zero = min(moment.t for moment in moments)
    began, ended = zero - BEFORE_S, max(moment.t for moment in moments) + AFTER_S
    held = history.holdings(watch.lab, ADDRESS)
    lanes = [
        Lane(
            f"{name}, {watch.region(name)[3:]}",
            [
                Bar(max(each.began, began), min(each.ended, ended), name, "has the address")
                for each in held
                if each.node == name and each.began < ended and each.ended > began
            ],
        )
        for name in watch.lab.topology.nodes
    ]
    lanes += [
        Lane(f"client {client}", _answers(each.requests, began, ended))
        for client, each in watch.of.items()
    ]
    lost = {client: len(each.lost) for client, each in watch.of.items()}
    subtitle = "Requests lost: " + ", ".join(f"{client} {n}" for client, n in lost.items())
    panel = Panel(title, subtitle, zero, began, ended, lanes, [], moments)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(timeline.draw([panel], list(watch.lab.topology.nodes)))


def _answers(requests: list[Request], began: float, ended: float) -> list[Bar]:
    """Who answered a client from when to when."""
    shown = [request for request in requests if began <= request.t <= ended]
    groups = itertools.groupby(shown, key=lambda request: request.who or NOBODY)
    turns = [(next(group).t, who) for who, group in groups]
    ends = [t for t, _who in turns[1:]] + [ended]
    return [
        Bar(t, end, who, "no answer" if who == NOBODY else f"answered by {who}")
        for (t, who), end in zip(turns, ends, strict=True)
    ]
