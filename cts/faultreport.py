# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of the fault matrix: faults.html to be read, faults.json for programs."""

import json
from collections import defaultdict
from dataclasses import asdict
from html import escape
from pathlib import Path

from faultlab import Cell, Seen
from faults import (
    ACTIONS,
    DEEP,
    MONITOR,
    PROBE,
    PROBE_STANDBY,
    RELOAD,
    REPAIR,
    STANDBY,
    START,
    STOP,
    VALIDATE,
    Agent,
    Row,
)

# What stands for an action in the table.
MARKS = {
    PROBE: "P",
    PROBE_STANDBY: "p",
    MONITOR: "M",
    DEEP: "D",
    STANDBY: "m",
    RELOAD: "R",
    VALIDATE: "v",
    REPAIR: "F",
    STOP: "0",
    START: "1",
}
MEANINGS = {
    PROBE: "probe where it runs",
    PROBE_STANDBY: "probe of the other node",
    MONITOR: "recurring monitor",
    DEEP: "recurring monitor that asks AWS, of agents whose usual one does not",
    STANDBY: "recurring monitor of the other node",
    RELOAD: "reload",
    VALIDATE: "validate-all with its preflight, on the other node",
    REPAIR: "recurring monitor that puts drift right",
    STOP: "stop",
    START: "start on the other node",
}
RIGHT, WRONG, SENSELESS = "right", "wrong", "senseless"

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  color: #1a202c; background: #fff; margin: 1.5rem auto; padding: 0 1rem; max-width: 80rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .3rem; }
.sum { font-size: 1.15rem; font-weight: 600; } .bad { color: #c53030; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem;
  border-bottom: 1px solid #cbd5e0; }
thead th { font-size: .8rem; vertical-align: bottom; }
tbody th { font-weight: 400; } tbody th b { display: inline-block; min-width: 2.5rem; }
.marks { display: flex; flex-wrap: wrap; gap: 1px; min-width: 4.3rem; }
dt span { display: block; border-radius: 3px; font-size: .75rem; }
.marks > * { display: inline-block; width: 1rem; line-height: 1.2rem; text-align: center;
  font-size: .75rem; border-radius: 3px; text-decoration: none; }
.right { background: #c6f6d5; color: #22543d; }
.wrong { background: #c53030; color: #fff; font-weight: 700; }
.senseless { background: #edf2f7; color: #718096; }
.all td { font-size: .8rem; } .all td:nth-child(n+4) { overflow-wrap: anywhere; }
.all .why { color: #4a5568; } .n { white-space: nowrap; }
tr:target { outline: 2px solid #2b6cb0; }
pre { font-size: .75rem; white-space: pre-wrap; overflow-wrap: anywhere; background: #f7fafc;
  padding: .5rem; border: 1px solid #cbd5e0; }
dl { columns: 20rem; margin: .8rem 0; } dl div { display: flex; gap: .6rem; break-inside: avoid; }
dt { width: 1rem; text-align: center; flex: none; } dd { margin: 0; }
@media print { body { font-size: 9pt; max-width: none; margin: 0; padding: 0; }
  .marks > *, .sum { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  tr { break-inside: avoid; } h2, h3 { break-after: avoid; } .wide { overflow: visible; } }
"""


def verdict(cell: Cell) -> str:
    """What a cell is, in a word."""
    if cell.senseless is not None:
        return SENSELESS
    return WRONG if cell.wrong else RIGHT


def write(directory: Path, agents: list[Agent], rows: list[Row], cells: list[Cell], about: str):
    """Write faults.html and faults.json; `about` says under what and for how long it was run."""
    # By the tables, whatever order they were run in.
    places = {name: i for i, name in enumerate([*(a.name for a in agents), *(r.id for r in rows)])}
    ordered = sorted(cells, key=lambda cell: (places[cell.row], places[cell.agent]))
    entries = [{"verdict": verdict(cell)} | asdict(cell) for cell in ordered]
    document = {"about": about, "cells": entries}
    (directory / "faults.json").write_text(json.dumps(document, indent=1) + "\n")
    (directory / "faults.html").write_text(page(agents, rows, ordered, about))


def page(agents: list[Agent], rows: list[Row], cells: list[Cell], about: str) -> str:
    """The whole page."""
    numbers = {id(cell): number for number, cell in enumerate(cells)}
    wrong = [cell for cell in cells if cell.wrong]
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Fault matrix</title><style>{STYLE}</style></head><body>",
        "<h1>Fault matrix</h1>",
        _summary(cells, about),
        _matrix(agents, rows, cells, numbers),
        "<h2>Wrong cells</h2>" if wrong else "",
        *(_wrong(cell, numbers[id(cell)]) for cell in wrong),
        "<h2>All cells</h2>",
        *(_row(row, [cell for cell in cells if cell.row == row.id], numbers) for row in rows),
        "</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _summary(cells: list[Cell], about: str) -> str:
    counts = {name: sum(verdict(cell) == name for cell in cells) for name in (RIGHT, WRONG)}
    senseless = len(cells) - sum(counts.values())
    style = "sum bad" if counts[WRONG] else "sum"
    marks = [(MARKS[name], escape(MEANINGS[name])) for name in ACTIONS]
    marks += [
        (f'<span class="{name}">{mark}</span>', meaning)
        for name, mark, meaning in (
            (RIGHT, MARKS[PROBE], "right"),
            (WRONG, "✗", "wrong"),
            (SENSELESS, "·", "makes no sense"),
        )
    ]
    legend = "".join(f"<div><dt>{mark}</dt><dd>{text}</dd></div>" for mark, text in marks)
    return (
        f'<p class="{style}">{sum(counts.values())} cells, {counts[RIGHT]} right, '
        f"{counts[WRONG]} wrong</p><p>Agents {escape(about)}. {senseless} more cells make no "
        "sense, for the reasons given below. Each cell is one run of an agent under one fault; "
        f"its mark leads to what was seen.</p><dl>{legend}</dl>"
    )


def _matrix(
    agents: list[Agent], rows: list[Row], cells: list[Cell], numbers: dict[int, int]
) -> str:
    found = defaultdict(list)
    for cell in cells:
        found[cell.agent, cell.row].append(cell)
    head = "".join(f"<th>{escape(agent.name)}</th>" for agent in agents)
    lines = []
    for row in rows:
        marks = (
            "".join(_mark(cell, i, numbers[id(cell)]) for i, cell in enumerate(of_agent, 1))
            for of_agent in (found[agent.name, row.id] for agent in agents)
        )
        columns = "".join(f'<td><div class="marks">{each}</div></td>' for each in marks)
        name = f"<b>{escape(row.id)}</b> {escape(row.what)}"
        lines.append(f"<tr><th>{name}</th>{columns}</tr>")
    return (
        f'<div class="wide"><table><thead><tr><th>fault</th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _mark(cell: Cell, place: int, number: int) -> str:
    name = verdict(cell)
    text = {WRONG: "✗", SENSELESS: "·"}.get(name, MARKS.get(cell.action, str(place)))
    told = f"{cell.action}: {name}. {cell.senseless or ''}{_short(cell.seen)}"
    told += "".join(f"\n{text}" for text in cell.wrong)
    return f'<a class="{name}" href="#c{number}" title="{escape(told)}">{text}</a>'


def _short(seen: Seen | None) -> str:
    if seen is None:
        return ""
    return (
        f"exit code {seen.code}, {_time(seen)}, {_memory(seen)}, calls: "
        f"{', '.join(seen.calls) or 'none'}. {seen.reason}"
    )


def _time(seen: Seen) -> str:
    took = "?" if seen.seconds is None else f"{seen.seconds:.2f}"
    return f"{took} of {seen.deadline_s:g} s"


def _memory(seen: Seen) -> str:
    return "? MiB" if seen.peak_kib is None else f"{seen.peak_kib / 1024:.1f} MiB"


def _wrong(cell: Cell, number: int) -> str:
    name = f"{cell.agent}, {cell.row}, {cell.action}"
    said = "\n".join(cell.wrong)
    evidence = cell.seen.evidence if cell.seen else ""
    return (
        f'<h3 class="bad"><a href="#c{number}">{escape(name)}</a></h3>'
        f"<pre>{escape(said)}\n{escape(evidence)}</pre>"
    )


def _row(row: Row, cells: list[Cell], numbers: dict[int, int]) -> str:
    titles = ("agent", "action", "", "exit code", "said", "time", "peak", "calls", "writes", "on")
    head = "".join(f"<th>{title}</th>" for title in titles)
    lines = "".join(_line(cell, numbers[id(cell)]) for cell in cells)
    return (
        f"<h3>{escape(row.id)}: {escape(row.what)}</h3>"
        f'<div class="wide"><table class="all"><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _line(cell: Cell, number: int) -> str:
    name = verdict(cell)
    first = f'<td class="n">{escape(cell.agent)}</td><td class="n">{escape(cell.action)}</td>'
    first += f'<td><span class="{name}">{name}</span></td>'
    if cell.seen is None:
        why = cell.senseless or "; ".join(cell.wrong)
        return f'<tr id="c{number}">{first}<td colspan="7" class="why">{escape(why)}</td></tr>'
    seen = cell.seen
    columns = (
        _both(str(seen.code), str(seen.wanted_code)),
        seen.reason,
        _time(seen),
        _memory(seen),
        ", ".join(seen.calls),
        ", ".join(seen.writes),
        _both(", ".join(seen.owners), ", ".join(seen.wanted_owners)),
    )
    short = {0, 2, 3}
    rest = "".join(
        f"<td{' class=n' if i in short else ''}>{escape(text)}</td>"
        for i, text in enumerate(columns)
    )
    return f'<tr id="c{number}">{first}{rest}</tr>'


def _both(seen: str, wanted: str) -> str:
    return seen if seen == wanted else f"{seen or 'none'}, not {wanted or 'none'}"
