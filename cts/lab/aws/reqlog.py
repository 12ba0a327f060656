# SPDX-License-Identifier: GPL-2.0-or-later
"""The log of every request, for counting calls and sequential round trips."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from lab.aws.httpd import Reply, Request

_MAX_ENTRIES = 200_000
# How long a reader waits for answers that are on their way to the client.
_SETTLE_S = 1.0


class RequestLog:
    """One entry a request, oldest dropped first.

    An entry is there before its client can have the whole answer, so whoever has seen an answer
    finds the request in the log.
    """

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=_MAX_ENTRIES)
        self._sending = 0
        self._changed = threading.Condition()

    def record(self, request: Request, reply: Reply, **details: Any) -> None:
        """Log a request whose answer is about to be sent; `details` say what it was."""
        entry = {
            "t": request.started,
            "wall": request.wall,
            **details,
            "bytes_in": request.size,
            "bytes_out": 0,
            "started": request.started,
            "ended": time.monotonic(),
            "tls_new": request.tls_new,
        }
        waits = reply.delivery != "hang"

        def sent(ended: float, size: int) -> None:
            with self._changed:
                entry.update(ended=ended, bytes_out=size)
                self._sending -= waits
                self._changed.notify_all()

        with self._changed:
            self._entries.append(entry)
            self._sending += waits
        reply.sent = sent

    def record_handshake(self, node: str | None, error: Exception) -> None:
        """Log a connection that did not get as far as a request."""
        now = time.monotonic()
        entry = dict.fromkeys(("region", "service", "action", "fault"))
        entry |= {"t": now, "wall": time.time(), "node": node, "status": 0, "tls_new": True}
        entry |= {"code": f"TLS: {error}", "bytes_in": 0, "bytes_out": 0}
        with self._changed:
            self._entries.append({**entry, "started": now, "ended": now})

    def entries(self) -> list[dict[str, Any]]:
        """A copy of the log, ordered by the time a request began."""
        with self._changed:
            self._changed.wait_for(lambda: self._sending == 0, _SETTLE_S)
            copies = [dict(entry) for entry in self._entries]
        return sorted(copies, key=lambda entry: entry["started"])

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._changed.wait_for(lambda: self._sending == 0, _SETTLE_S)
            self._entries.clear()


def rounds(entries: Iterable[dict[str, Any]]) -> int:
    """How many sequential round trips the entries took.

    That is the length of the longest chain in which each request began only after the one before
    it had been answered; requests that overlap count once. A request begins when the daemon comes
    to read it, so let answers take a while (the setting latency_ms) where requests are to be seen
    to overlap.
    """
    count, answered = 0, float("-inf")
    for entry in sorted(entries, key=lambda item: item["ended"]):
        if entry["started"] >= answered:
            count += 1
            answered = entry["ended"]
    return count
