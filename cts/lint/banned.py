# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that house style bans, and descriptors that a child process would inherit."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from lint.csource import Call, Finding, calls, code_of, is_c

BANNED = {
    "atoi": "it cannot tell an error from 0; param.c parses numbers",
    "atol": "it cannot tell an error from 0; param.c parses numbers",
    "strcpy": "it knows no size; snprintf() or a struct buf",
    "strcat": "it knows no size; snprintf() or a struct buf",
    "sprintf": "it knows no size; snprintf() or a struct buf",
    "vsprintf": "it knows no size; vsnprintf() or a struct buf",
    "gets": "it knows no size",
    "strtok": "it keeps state; strcspn()",
    "system": "no shells",
    "popen": "no shells",
    "pipe": "pipe2() with O_CLOEXEC",
    "accept": "accept4() with SOCK_CLOEXEC",
    "dup": "fcntl() with F_DUPFD_CLOEXEC",
}
# Numbers are parsed in one place, where their errors are handled.
PARSERS = ("strtol", "strtoul", "strtoll", "strtoull", "strtoimax", "strtoumax", "strtod")
PARSERS_FILE = "param.c"
OPENERS = ("open", "openat", "socket", "signalfd", "eventfd", "timerfd_create", "inotify_init1")


def _problem(call: Call, file_name: str) -> str | None:
    """What is wrong with the call, if anything."""
    if call.name in BANNED:
        return BANNED[call.name]
    if call.name in PARSERS and file_name != PARSERS_FILE:
        return f"numbers are parsed in {PARSERS_FILE}"
    if call.name == "exit" and call.function != "main":
        return "only main() ends the program"
    if call.name in OPENERS and "CLOEXEC" not in call.arguments:
        return "without CLOEXEC"
    return None


def check(files: dict[str, str]) -> Iterator[Finding]:
    """Every banned call in C source."""
    for name, text in files.items():
        if is_c(name):
            for call in calls(code_of(text), [*BANNED, *PARSERS, *OPENERS, "exit"]):
                problem = _problem(call, PurePosixPath(name).name)
                if problem is not None:
                    yield Finding(name, call.line, f"{call.name}(): {problem}")
