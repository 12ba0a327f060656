# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that never stops asking: `python -m lab.client URL [--interval S] [--timeout S]`.

Every interval one request on a connection of its own, whether or not the last is answered. Each
becomes a line of JSON on standard output when it has ended: "t" and "wall" are monotonic and
wall-clock seconds at its start, "ms" how long it took, "ok" whether it was answered, "who" the
answer, "error" what went wrong.
"""

import argparse
import asyncio
import json
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

INTERVAL_S = 0.05
TIMEOUT_S = 0.5


@dataclass(frozen=True)
class Outage:
    """A time without service, in seconds of the monotonic clock."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True)
class Request:
    """One request and what became of it."""

    t: float
    wall: float
    ms: float
    ok: bool
    who: str | None
    error: str | None


def read(file: Path) -> list[Request]:
    """The requests recorded so far, in the order they were sent."""
    lines = file.read_text().split("\n")
    # The last line may still be in the writing.
    return sorted((Request(**json.loads(line)) for line in lines[:-1]), key=lambda r: r.t)


def outages(requests: list[Request]) -> list[Outage]:
    """From each first lost request to the first answered one after it."""
    found = []
    began = None
    for request in requests:
        if not request.ok and began is None:
            began = request.t
        elif request.ok and began is not None:
            found.append(Outage(began, request.t))
            began = None
    if began is not None:
        found.append(Outage(began, requests[-1].t))
    return found


async def _ask(url: urllib.parse.SplitResult) -> str:
    reader, writer = await asyncio.open_connection(url.hostname, url.port or 80)
    try:
        writer.write(f"GET {url.path or '/'} HTTP/1.0\r\n\r\n".encode())
        answer = await reader.read(-1)
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].split()
    if status[1:2] != [b"200"]:
        raise ConnectionError(f"answered {head[:60]!r}")
    return body.decode().strip()


async def _record(url: urllib.parse.SplitResult, timeout_s: float) -> None:
    started, wall = time.monotonic(), time.time()
    who = error = None
    try:
        who = await asyncio.wait_for(_ask(url), timeout_s)
    except TimeoutError:
        error = f"no answer within {timeout_s:g} s"
    except OSError as failure:
        error = str(failure)
    ms = round((time.monotonic() - started) * 1000, 3)
    result = {"t": started, "wall": wall, "ms": ms, "ok": who is not None, "who": who}
    print(json.dumps({**result, "error": error}), flush=True)


async def _ask_for_ever(url: urllib.parse.SplitResult, interval_s: float, timeout_s: float):
    pending: set[asyncio.Task] = set()
    due = time.monotonic()
    while True:
        request = asyncio.create_task(_record(url, timeout_s))
        pending.add(request)
        request.add_done_callback(pending.discard)
        due += interval_s
        await asyncio.sleep(max(0, due - time.monotonic()))


def main() -> None:
    """Ask until killed."""
    parser = argparse.ArgumentParser(prog="lab.client", description="A client that keeps asking.")
    parser.add_argument("url")
    parser.add_argument("--interval", type=float, default=INTERVAL_S, metavar="SECONDS")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S, metavar="SECONDS")
    arguments = parser.parse_args()
    url = urllib.parse.urlsplit(arguments.url)
    asyncio.run(_ask_for_ever(url, arguments.interval, arguments.timeout))


if __name__ == "__main__":
    main()
