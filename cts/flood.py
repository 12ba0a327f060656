# SPDX-License-Identifier: GPL-2.0-or-later
"""Throws what a listener must bear at it: `flood.py ADDRESS PORT IDLE SLOW NOISY`.

IDLE connections send nothing, SLOW ones a byte a second, and NOISY ones random bytes. One that the
other side closes is opened again after a while. Each second what has been done so far becomes a
line of JSON on standard output.
"""

import asyncio
import contextlib
import itertools
import json
import os
import resource
import sys
from collections import Counter

REQUEST = b"GET / HTTP/1.1\r\nX-Slow: " + b"x" * 4096
REOPEN_S = 5
NOISE_MAX = 8192
# More at once would only wait for each other.
CONNECTING_MAX = 500


class Flood:
    """All the connections, and what they have done."""

    def __init__(self, address: str, port: int):
        self._to = (address, port)
        self._connecting = asyncio.Semaphore(CONNECTING_MAX)
        self.done: Counter[str] = Counter()

    async def _open(self, kind: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with self._connecting:
            streams = await asyncio.open_connection(*self._to, limit=NOISE_MAX)
        self.done[kind] += 1
        return streams

    async def _for_ever(self, kind: str, behave) -> None:
        while True:
            # That the other side has had enough is what this is about.
            with contextlib.suppress(OSError):
                reader, writer = await self._open(kind)
                try:
                    await behave(reader, writer)
                finally:
                    writer.close()
            await asyncio.sleep(REOPEN_S)

    async def _be_idle(self, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def _be_slow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in itertools.count():
            position = number % len(REQUEST)
            writer.write(REQUEST[position : position + 1])
            self.done["slow bytes"] += 1
            await writer.drain()
            await asyncio.sleep(1)
            if reader.at_eof():
                return

    async def _be_noisy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(os.urandom(1 + os.urandom(1)[0] * (NOISE_MAX // 256)))
        await writer.drain()
        await reader.read()

    async def _tell(self) -> None:
        while True:
            print(json.dumps(self.done), flush=True)
            await asyncio.sleep(1)

    async def run(self, idle: int, slow: int, noisy: int) -> None:
        """Go on until somebody ends the process."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            for kind, behave, count in (
                ("slow", self._be_slow, slow),
                ("noisy", self._be_noisy, noisy),
                ("idle", self._be_idle, idle),
            ):
                for _ in range(count):
                    group.create_task(self._for_ever(kind, behave))


async def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    await Flood(sys.argv[1], int(sys.argv[2])).run(*map(int, sys.argv[3:6]))


if __name__ == "__main__":
    asyncio.run(main())
