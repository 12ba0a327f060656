# SPDX-License-Identifier: GPL-2.0-or-later
"""A run as a page: what was done to it, who had what when, what clients missed, what was wrong."""

import html
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.timeline import (
    FAINT,
    FONT,
    GRID,
    INK,
    LOST,
    NODE_COLOURS,
    OFF,
    PALE,
    caption,
    rectangle,
    stroke,
)

from chaos import causes, judge, schedule
from chaos.history import Group, History, Trouble

PER_SECOND = 5.0
TICK_S = 30
TOP, GAP, THIN = 30, 10, 12
LABELS = 190
FROZEN, CUT, AWS = "#90cdf4", "#f6ad55", "#d69e2e"
PLANNED, KILLED_AGENT = "#805ad5", "#b83280"
# So many of the longest have a row.
OUTAGES = 12
# The least a bar is wide, to be seen.
LEAST = 2.0

_STYLE = """
body { font-family: system-ui, sans-serif; margin: 2em auto; max-width: 1400px; color: #1a202c }
table { border-collapse: collapse; margin-bottom: 2em }
td, th { border-bottom: 1px solid #cbd5e0; padding: .3em 1em .3em 0; text-align: left;
         vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.picture { display: flex } .picture > div:last-child { overflow-x: auto }
.wrong { color: #c53030 } .right { color: #276749 } .key span { margin-right: 1.5em }
.key i { display: inline-block; width: 1em; height: 1em; margin-right: .4em;
         vertical-align: text-bottom }
"""


@dataclass(frozen=True)
class Bar:
    """From when to when something was so, and how it looks."""

    began: float
    ended: float
    colour: str
    about: str
    opacity: float = 1


@dataclass(frozen=True)
class Row:
    """A line of bars; the first of some that belong together stands apart from those above."""

    label: str
    bars: list[Bar]
    first: bool = True


def write(file: Path, history: History) -> None:
    """Write the page, which needs no other file."""
    wrong = judge.violations(history)
    moves = judge.failovers(history)
    nodes = len(history.nodes)
    verdict = (
        f"<p class=wrong><b>{len(wrong)} violations.</b></p>"
        if wrong
        else "<p class=right><b>No violation.</b></p>"
    )
    file.write_text(
        f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Chaos: seed {history.seed}, {nodes} nodes</title>
<style>{_STYLE}</style></head><body>
<h1>{nodes} nodes, seed {history.seed}, {history.ended / 60:.1f} minutes</h1>
<p>{len(history.troubles)} events, {len(moves)} failovers.{_missed(history)}</p>
{verdict}
{_table(("s", "invariant", "what"), _violation_rows(wrong)) if wrong else ""}
{_key(history)}
{_picture(history)}
<h2>Longest outages</h2>
{_table(("s", "group", "client", "lasted s", "bound s", "of it", "because of"), _outage_rows(history))}
<h2>Clients</h2>
{_table(("group", "may run on", "outages", "longest", "without an answer in all"), _clients(history))}
<h2>Failovers</h2>
{_table(("s", "group", "from", "to", "because of"), _failover_rows(moves))}
<h2>Events</h2>
{_table(("from s", "to s", "event"), _event_rows(history.troubles))}
<h2>Fencing</h2>
{_table(("s", "node"), _verdict_rows(history))}
<h2>Raised fail-counts</h2>
{_table(("s", "resource", "action", "node", "result"), _failure_rows(history))}
</body></html>
"""
    )


# --- tables --------------------------------------------------------------------------------------


def _table(heads: Iterable[str], rows: Iterable[tuple[object, ...]]) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"<td class=number>{value:.1f}</td>"
    return f"<td>{html.escape(str(value))}</td>"


def _violation_rows(wrong: list[judge.Violation]) -> Iterator[tuple[object, ...]]:
    return ((each.t, each.invariant, each.text) for each in wrong)


def _failover_rows(moves: list[judge.Failover]) -> Iterator[tuple[object, ...]]:
    return ((m.t, m.group, m.left, m.to, m.cause or "nothing") for m in moves)


def _event_rows(troubles: tuple[Trouble, ...]) -> Iterator[tuple[object, ...]]:
    return ((each.began, each.ended, each) for each in troubles)


def _verdict_rows(history: History) -> Iterator[tuple[object, ...]]:
    return (
        (verdict.t, verdict.node)
        for verdict in history.verdicts
        if verdict.what == "fenced" and verdict.t >= 0
    )


def _failure_rows(history: History) -> Iterator[tuple[object, ...]]:
    return (
        (each.t, each.resource, each.action, each.node, each.result)
        for each in history.failures
        if each.t >= 0
    )


def _missed(history: History) -> str:
    """What was to be killed and was not there."""
    if not history.missed:
        return ""
    what = "; ".join(f"{each}, +{each.began:.1f} s" for each in history.missed)
    return f" Not counted, as it met no agent: {html.escape(what)}."


def _outage_rows(history: History) -> Iterator[tuple[object, ...]]:
    """How close to its bound each of the longest came."""
    for outage in judge.outages(history)[:OUTAGES]:
        share = f"{outage.lasted_s / outage.bound_s:.0%}" if outage.bound_s else "all"
        group = outage.group
        times = outage.lasted_s, outage.bound_s, share
        yield outage.t, group.name, group.client, *times, outage.cause or "nothing"


def _clients(history: History) -> Iterator[tuple[object, ...]]:
    outages = judge.outages(history)
    for group in history.groups:
        missed = [outage.lasted_s for outage in outages if outage.group is group]
        longest, total = max(missed, default=0.0), sum(missed, 0.0)
        yield group.name, ", ".join(group.nodes), len(missed), f"{longest:.1f} s", f"{total:.1f} s"


# --- the picture ---------------------------------------------------------------------------------


def _key(history: History) -> str:
    colours = _colours(history)
    entries = [*((colour, node) for node, colour in colours.items())]
    entries += [(LOST, "no answer"), (OFF, "off"), (FROZEN, "frozen"), (CUT, "cut off")]
    entries += [(AWS, "AWS, IMDS, credentials, clock"), (PLANNED, "planned")]
    entries += [(KILLED_AGENT, "agent killed")]
    keys = "".join(f"<span><i style='background:{c}'></i>{t}</span>" for c, t in entries)
    return f"<p class=key>{keys}</p>"


def _colours(history: History) -> dict[str, str]:
    return dict(zip(history.nodes, itertools.cycle(NODE_COLOURS)))


def _picture(history: History) -> str:
    """Labels that stay, and beside them the bars, which scroll."""
    rows = list(_rows(history))
    labels, bars, y = [], [], float(TOP)
    for row in rows:
        if row.first:
            y += GAP
        labels.append(caption(LABELS - 8, y + THIN - 1, row.label, anchor="end", size=12))
        bars += [_bar(bar, y) for bar in row.bars]
        y += THIN + 3
    width = history.ended * PER_SECOND + 20
    ticks = list(_ticks(history.ended, y))
    return (
        "<div class=picture>"
        f"<div><svg width='{LABELS}' height='{y + 10:.0f}' {FONT} fill='{INK}'>"
        f"{''.join(labels)}</svg></div>"
        f"<div><svg width='{width:.0f}' height='{y + 10:.0f}' {FONT} fill='{INK}'>"
        f"{''.join([*ticks, *bars])}</svg></div></div>"
    )


def _ticks(ended: float, bottom: float) -> Iterator[str]:
    for t in range(0, int(ended) + 1, TICK_S):
        x = t * PER_SECOND
        yield stroke(x, TOP - 6, x, bottom, GRID)
        yield caption(x + 3, TOP - 8, f"{t} s", colour=FAINT, size=11)


def _bar(bar: Bar, y: float) -> str:
    began = max(bar.began, 0.0)
    width = max((bar.ended - began) * PER_SECOND, LEAST)
    about = f"{bar.about}, +{bar.began:.1f} to +{bar.ended:.1f} s"
    return rectangle(began * PER_SECOND, y, width, THIN, bar.colour, bar.opacity, about)


def _rows(history: History) -> Iterator[Row]:
    colours = _colours(history)
    nodes, planned, aws = [], [], []
    for trouble in history.troubles:
        bar = Bar(trouble.began, trouble.ended, _trouble_colour(trouble), str(trouble))
        if trouble.kind in schedule.PLANNED_KINDS or trouble.kind == schedule.KILL_AGENT:
            planned.append(bar)
        elif causes.effects(trouble, history):
            nodes.append(bar)
        else:
            aws.append(bar)
    yield Row("nodes and network", nodes)
    yield Row("planned, agents killed", planned, first=False)
    yield from _apart("AWS and the rest", aws)
    for node in history.nodes:
        yield Row(node, list(_node_bars(history, node, colours[node])))
    for group in history.groups:
        yield from _group_rows(history, group, colours)
    wrong = [Bar(v.t, v.t + 1, LOST, str(v)) for v in judge.violations(history)]
    yield from _apart("violations", wrong)


def _apart(label: str, bars: list[Bar]) -> Iterator[Row]:
    """As many rows as it takes for bars not to cover each other."""
    rows: list[list[Bar]] = []
    for bar in bars:
        free = next((row for row in rows if row[-1].ended + LEAST <= bar.began), None)
        if free is None:
            rows.append([bar])
        else:
            free.append(bar)
    for number, row in enumerate(rows or [[]]):
        yield Row("" if number else label, row, first=not number)


def _trouble_colour(trouble: Trouble) -> str:
    match trouble.kind:
        case schedule.KILL:
            return INK
        case schedule.FREEZE:
            return FROZEN
        case schedule.STANDBY | schedule.MOVE:
            return PLANNED
        case schedule.KILL_AGENT:
            return KILLED_AGENT
        case schedule.CUT | schedule.REGION:
            return CUT
    return AWS


def _node_bars(history: History, node: str, colour: str) -> Iterator[Bar]:
    """Up, off, and over that frozen or cut off."""
    turns = [power for power in history.power if power.node == node]
    since, state = 0.0, "on"
    for t, following in [*((power.t, power.state) for power in turns), (history.ended, "")]:
        if following != state and t > since:
            what = "up" if state == "on" else "off"
            yield Bar(since, t, colour if state == "on" else OFF, f"{node} {what}")
            since = t
        state = following or state
    for trouble in history.troubles:
        if node in trouble.nodes and trouble.kind in (schedule.FREEZE, schedule.CUT):
            yield Bar(trouble.began, trouble.ended, _trouble_colour(trouble), str(trouble))


def _group_rows(history: History, group: Group, colours: dict[str, str]) -> Iterator[Row]:
    held = [
        Bar(
            holding.began,
            holding.ended,
            colours[holding.node],
            f"{resource} on {holding.node}",
            1 if resource == group.resources[-1] else PALE * 2,
        )
        for resource, found in group.holdings.items()
        for holding in found
        if holding.ended > 0
    ]
    ends = [shown.t for shown in group.shown[1:]] + [history.ended]
    aws = [
        Bar(
            shown.t,
            end,
            colours.get(str(shown.nodes[0]), FAINT) if len(shown.nodes) == 1 else OFF,
            "AWS leads to " + (", ".join(map(str, shown.nodes)) or "nowhere"),
        )
        for shown, end in zip(group.shown, ends, strict=True)
    ]
    answers = [
        Bar(
            spell.began,
            spell.ended,
            colours.get(spell.who, FAINT) if spell.who else LOST,
            f"answered by {spell.who}" if spell.who else "no answer",
        )
        for spell in group.answers
    ]
    yield Row(f"{group.name}: cluster", held)
    yield Row("AWS", aws, first=False)
    yield Row("clients", answers, first=False)
