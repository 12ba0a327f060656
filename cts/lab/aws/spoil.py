# SPDX-License-Identifier: GPL-2.0-or-later
"""What fault rules make of AWS's answers."""

from __future__ import annotations

from collections.abc import Iterator

from lab.aws import auth, errors
from lab.aws.errors import AwsError
from lab.aws.faults import Effect
from lab.aws.httpd import Reply

_MEGABYTE = 1024 * 1024
# Of several at once it is the depth that is refused, and not their size together.
_NESTING = 50_000
_WIDTH = 500_000
_HTML = b"""<html><head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center></body></html>
"""


def error(effect: Effect, service: str) -> AwsError | None:
    """The error that a service answers instead of doing what it was asked, or None."""
    match effect.kind:
        case "throttle":
            return errors.throttled(service)
        case "e500":
            return errors.internal()
        case "e503":
            return errors.unavailable(service)
        case "mix":
            return errors.unavailable(service) if effect.hit % 2 else errors.internal()
        case "expired":
            text = "The security token included in the request is expired"
            return AwsError("ExpiredToken", text)
        case "reqexpired":
            return AwsError("RequestExpired", "Request has expired.")
        case "prior":
            return errors.prior_request()
        case "badsig":
            return auth.mismatch()
    return None


def instead(effect: Effect, action: str, headers: list[tuple[str, str]]) -> Reply | None:
    """The answer that comes in place of AWS's, which is not asked then, or None."""
    match effect.kind:
        case "hang":
            return Reply(0, delivery="hang")
        case "html502":
            return Reply(502, [("Content-Type", "text/html"), ("Server", "proxy")], _HTML)
        case "wrongroot":
            return Reply(200, headers, b"<Unexpected><Root/></Unexpected>")
        case "empty":
            return Reply(200, headers)
        case "bomb":
            return Reply(200, headers, _bomb(effect.param))
        case "huge":
            return _huge(effect.param, action, headers)
    return None


def damage(effect: Effect, reply: Reply) -> None:
    """Spoil the answer of a request that was carried out."""
    if effect.kind in ("reset", "lost"):
        reply.delivery = effect.kind
    elif effect.kind == "truncate":
        reply.body = reply.body[: len(reply.body) // 2]
    elif effect.kind == "badutf8":
        middle = reply.body.rfind(b"</", 0, max(len(reply.body) // 2, 64))
        reply.body = reply.body[:middle] + b"\xff\xfe\xc3(" + reply.body[middle:]


def _huge(megabytes: float, action: str, headers: list[tuple[str, str]]) -> Reply:
    """A well-formed answer that goes on and on."""
    tag = f"{action or 'Any'}Response".encode()
    item = b"<item><id>" + b"x" * 1000 + b"</id></item>"
    block = item * (_MEGABYTE // len(item))
    count = int(megabytes * _MEGABYTE) // len(block)
    head, tail = b"<" + tag + b"><set>", b"</set></" + tag + b">"

    def chunks() -> Iterator[bytes]:
        yield head
        for _ in range(count):
            yield block
        yield tail

    length = len(head) + len(tail) + count * len(block)
    return Reply(200, headers, chunks=chunks(), length=length)


def _bomb(kind: str) -> bytes:
    """XML that is small on the wire and enormous, very deep or very wide, when it is read."""
    if kind == "nesting":
        return b"<a>" * _NESTING + b"</a>" * _NESTING
    if kind == "wide":
        return b"<r>" + b"<a/>" * _WIDTH + b"</r>"
    entities = b'<!ENTITY e0 "lol">'
    for level in range(1, 12):
        inner = b"&e%d;" % (level - 1) * 10
        entities += b'<!ENTITY e%d "%s">' % (level, inner)
    return b'<?xml version="1.0"?><!DOCTYPE r [' + entities + b"]><r>&e11;</r>"
