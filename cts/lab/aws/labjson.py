# SPDX-License-Identifier: GPL-2.0-or-later
"""Looking things up in lab.json, with errors that name the place and what there is."""

from __future__ import annotations

from typing import Any


class LabError(ValueError):
    """lab.json asks for something that cannot be; the text names the place and the value."""


def need(document: dict[str, Any], where: str, *names: str) -> None:
    """Raise LabError unless the document, found at `where`, has all these keys."""
    for name in names:
        if name not in document:
            raise LabError(f"{where} has no {name!r}")


def lookup(table: dict[str, Any], name: str, where: str) -> Any:
    """The entry of that name. Raises LabError naming those there are."""
    if name not in table:
        raise LabError(f"{where} {name!r} does not exist; allowed: {', '.join(table)}")
    return table[name]
