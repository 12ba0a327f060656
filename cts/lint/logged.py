# SPDX-License-Identifier: GPL-2.0-or-later
"""Secrets where people can read them: arguments of log calls, error texts and prints."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from lint.csource import Finding, calls, code_of, is_c

READABLE = (
    "log_at",
    "log_write",
    "log_debug",
    "log_info",
    "log_notice",
    "log_warning",
    "log_error",
    "err_set",
    "err_prefix",
    "syslog",
    "qb_log",
    "printf",
    "fprintf",
    "dprintf",
    "puts",
    "fputs",
)
# A name with one of these words in it (session_token, body) is, or may hold, a secret ...
SECRET_WORDS = {
    "token",
    "secret",
    "password",
    "authorization",
    "signature",
    "sign",
    "canonical",
    "body",
}
# ... unless it ends in one of these (body_len).
HARMLESS_ENDS = {"len", "size", "max", "count"}


def _names(arguments: str) -> Iterator[str]:
    """The identifiers; constants, in capitals, hold no secrets."""
    for name in re.findall(r"[A-Za-z_]\w*", arguments):
        if not name.isupper():
            yield name


def _is_secret(name: str) -> bool:
    words = name.lower().split("_")
    return not SECRET_WORDS.isdisjoint(words) and words[-1] not in HARMLESS_ENDS


def check(files: dict[str, str]) -> Iterator[Finding]:
    """Every argument in common/ and agents/ that could bring a secret into the open."""
    for name, text in files.items():
        if not is_c(name) or str(PurePosixPath(name).parent) not in ("common", "agents"):
            continue
        for call in calls(code_of(text), READABLE):
            for secret in filter(_is_secret, _names(call.arguments)):
                yield Finding(name, call.line, f'{call.name}() is given "{secret}", a secret')
