# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that never stops asking: `python -m lab.client URL [--interval S] [--timeout S]`.

The URL is http://... or postgresql://...: of a web server the text it answers is taken for its
name, of a database its cluster_name.

Every interval one request on a connection of its own, whether or not the last is answered. Each
becomes a line of JSON on standard output when it has ended: "t" and "wall" are monotonic and
wall-clock seconds at its start, "ms" how long it took, "ok" whether it was answered, "who" the
answer, "error" what went wrong.

The system looks the host's name up for every request. With `--resolve A` (or AAAA) the client does
what applications with a cache do: it asks DNS itself and keeps the answer for its TTL.
"""

import argparse
import asyncio
import json
import re
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import psycopg
from dnslib import QTYPE, RCODE, DNSError, DNSRecord

INTERVAL_S = 0.05
TIMEOUT_S = 0.5
RESOLV_CONF = Path("/etc/resolv.conf")


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


class _Question(asyncio.DatagramProtocol):
    """One question to a name server; `answer` is done when it has answered."""

    def __init__(self, question: DNSRecord) -> None:
        self._question = question
        self.answer: asyncio.Future[DNSRecord] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        transport.sendto(self._question.pack())

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        try:
            reply = DNSRecord.parse(data)
        except DNSError as error:
            self._fail(ConnectionError(f"the name server's answer is damaged: {error}"))
            return
        if reply.header.id == self._question.header.id and not self.answer.done():
            self.answer.set_result(reply)

    def error_received(self, error: Exception) -> None:
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Names:
    """Addresses of host names, each kept for as long as its TTL says and no longer."""

    def __init__(self, kind: str, server: str) -> None:
        self._kind = kind
        self._server = server
        self._kept: dict[str, tuple[str, float]] = {}
        self._asking = asyncio.Lock()

    async def address(self, name: str) -> str:
        """The address of a name. Raises OSError when there is none."""
        async with self._asking:
            address, expires = self._kept.get(name, ("", 0.0))
            if time.monotonic() >= expires:
                address, ttl_s = await self._ask(name)
                self._kept[name] = (address, time.monotonic() + ttl_s)
        return address

    async def _ask(self, name: str) -> tuple[str, int]:
        question = DNSRecord.question(name, self._kind)
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Question(question), remote_addr=(self._server, 53)
        )
        try:
            reply = await protocol.answer
        finally:
            transport.close()
        found = [rr for rr in reply.rr if QTYPE.get(rr.rtype) == self._kind]
        if not found:
            code = RCODE.get(reply.header.rcode)
            raise ConnectionError(f"{name} has no address: the name server says {code}")
        # A chain of aliases holds no longer than its shortest-lived link.
        return str(found[0].rdata), min(rr.ttl for rr in reply.rr)


async def _ask_database(host: str, port: int) -> str:
    """Its name. Raises OSError when it does not answer the question."""
    try:
        connection = await psycopg.AsyncConnection.connect(
            host=host, port=port, user="postgres", dbname="postgres"
        )
        async with connection:
            cursor = await connection.execute("SELECT current_setting('cluster_name')")
            (name,) = await cursor.fetchone()
    except psycopg.Error as error:
        raise ConnectionError(str(error)) from error
    return name


async def _ask(url: urllib.parse.SplitResult, names: Names | None) -> str:
    host = await names.address(url.hostname) if names else url.hostname
    if url.scheme == "postgresql":
        return await _ask_database(host, url.port or 5432)
    reader, writer = await asyncio.open_connection(host, url.port or 80)
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


async def _record(url: urllib.parse.SplitResult, timeout_s: float, names: Names | None) -> None:
    started, wall = time.monotonic(), time.time()
    who = error = None
    try:
        who = await asyncio.wait_for(_ask(url, names), timeout_s)
    except TimeoutError:
        error = f"no answer within {timeout_s:g} s"
    except OSError as failure:
        error = str(failure)
    ms = round((time.monotonic() - started) * 1000, 3)
    result = {"t": started, "wall": wall, "ms": ms, "ok": who is not None, "who": who}
    print(json.dumps({**result, "error": error}), flush=True)


def _name_server() -> str:
    """The first of resolv.conf."""
    return re.search(r"^nameserver\s+(\S+)", RESOLV_CONF.read_text(), re.MULTILINE)[1]


async def _ask_for_ever(
    url: urllib.parse.SplitResult, interval_s: float, timeout_s: float, kind: str | None
) -> None:
    names = Names(kind, _name_server()) if kind else None
    pending: set[asyncio.Task] = set()
    due = time.monotonic()
    while True:
        request = asyncio.create_task(_record(url, timeout_s, names))
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
    parser.add_argument("--resolve", choices=("A", "AAAA"), help="ask DNS, and keep the answer")
    arguments = parser.parse_args()
    url = urllib.parse.urlsplit(arguments.url)
    asyncio.run(_ask_for_ever(url, arguments.interval, arguments.timeout, arguments.resolve))


if __name__ == "__main__":
    main()
