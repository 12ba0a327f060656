# SPDX-License-Identifier: GPL-2.0-or-later
"""The log of every request, for counting calls and sequential round trips."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import Any

_MAX_ENTRIES = 200_000


class RequestLog:
    """Entries in the order in which their answers were finished, oldest dropped first."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=_MAX_ENTRIES)
        self._lock = threading.Lock()

    def add(self, entry: dict[str, Any]) -> None:
        """Append one finished request."""
        with self._lock:
            self._entries.append(entry)

    def entries(self) -> list[dict[str, Any]]:
        """A copy of the log, ordered by the time a request began."""
        with self._lock:
            copy = list(self._entries)
        return sorted(copy, key=lambda entry: entry["started"])

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


def rounds(entries: Iterable[dict[str, Any]]) -> int:
    """How many sequential round trips the entries took.

    That is the length of the longest chain in which each request began only after the one before
    it had been answered; requests that overlap count once.
    """
    count, answered = 0, float("-inf")
    for entry in sorted(entries, key=lambda item: item["ended"]):
        if entry["started"] >= answered:
            count += 1
            answered = entry["ended"]
    return count
