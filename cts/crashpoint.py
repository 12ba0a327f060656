# SPDX-License-Identifier: GPL-2.0-or-later
"""The points at which a crash of a process can leave something half done, found by strace.

A point is a system call that changes something outside of its process: what it sends, the files
that it makes, writes, renames and removes, the addresses it puts on an interface, its sockets and
locks, its children and signals, and its end. Between two points nothing can be seen from outside,
so to crash right before each of them is to crash everywhere.

strace both lists the points and sends the signal on entry to one of them: SIGKILL then comes before
the call is carried out.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

SENDS = ("sendto", "sendmsg")
FILES = (
    *("open", "openat", "creat", "write", "writev", "pwrite64", "ftruncate", "fsync"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlinkat", "unlink", "unlinkat"),
    *("mkdir", "mkdirat", "fchmod", "fchown"),
)
OTHERS = (
    *("bind", "listen", "flock", "fcntl", "clone", "clone3", "fork", "vfork"),
    *("kill", "tgkill", "pidfd_send_signal", "exit_group"),
)
CALLS = (*SENDS, *FILES, *OTHERS)

# Calls of these names that change nothing outside: they look, greet, or write the log.
_HARMLESS = re.compile(
    r"open(at)?\((?!.*O_CREAT)"
    r"|fcntl\((?!.*F_(OFD_)?SETLK)"
    r"|bind\(\d+<NETLINK:"
    r"|clone3?\(.*CLONE_THREAD"
    r"|sendto\(\d+<NETLINK:.*RTM_GET"
    # A TLS handshake, and the alert that closes a connection.
    r'|sendto\(\d+<TCP[^"]*"\\2[46]\\3'
    r'|sendto\(\d+<TCP[^"]*"\\27\\3\\3\\0\\0?23'
    # To one's own threads.
    r"|sendto\(\d+<UNIX(-STREAM)?:\[\d+->\d+\]>.*MSG_NOSIGNAL.*= 1$"
)
_LINE = re.compile(r"(?P<call>\w+)\((?P<rest>.*)")
# Of a file in the state directory, only the kind of its name.
_HASH = re.compile(r"[0-9a-f]{16,64}")
_WHAT_MAX = 60


@dataclass(frozen=True)
class Point:
    """A call of a process: the how manieth of its name."""

    call: str
    number: int
    # How strace shows it, for people.
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.call} {self.number}"


def listing(output: str) -> tuple[str, ...]:
    """The beginning of a command line that runs the rest and lists its calls for points()."""
    return ("strace", "-yy", "-s", "8", "-o", output, "-e", f"trace={','.join(CALLS)}")


def crashing(output: str, point: Point, signal: str) -> tuple[str, ...]:
    """The same, and a signal at a point."""
    return (*listing(output), "-e", f"inject={point.call}:signal={signal}:when={point.number}")


def points(trace: Iterable[str], log_file: str) -> list[Point]:
    """The points of a process that has been listed; what it writes to its log is none."""
    seen = Counter()
    found = []
    for line in trace:
        match = _LINE.match(line)
        if match is None or match["call"] not in CALLS:
            continue
        seen[match["call"]] += 1
        if not _HARMLESS.match(line) and log_file not in line:
            shown = _HASH.sub("*", match["rest"])[:_WHAT_MAX]
            found.append(Point(match["call"], seen[match["call"]], shown))
    return found


def reached(trace: Iterable[str], point: Point) -> bool:
    """Whether a process has come to a point."""
    return sum(line.startswith(f"{point.call}(") for line in trace) >= point.number
