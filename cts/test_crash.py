# SPDX-License-Identifier: GPL-2.0-or-later
"""Crash safety: how the points are found, and a sample of the crashes at them.

`make crash` crashes every agent at every point.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import crashpoint
import pytest
from crash import SEQUELS, START, STOP, Crash
from crashpoint import SENDS, Point
from crowd import torn
from faultlab import Stage
from faults import AGENTS
from lab.handle import Lab

LAB_NAME, NODES = "cts_crash", 3
LOG = "/tmp/agent.log"
TRACE = r"""
execve("/usr/lib/ocf/resource.d/aws/vip", ["vip", "start"], 0x7ffd0e670990 /* 19 vars */) = 0
openat(AT_FDCWD</root>, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3</etc/ld.so.cache>
openat(AT_FDCWD</root>, "/tmp/agent.log", O_WRONLY|O_CREAT|O_APPEND, 0666) = 4</tmp/agent.log>
write(4</tmp/agent.log>, "Nov 22 0"..., 134) = 134
openat(6</run/x>, ".new-0123456789abcdef", O_WRONLY|O_CREAT|O_EXCL, 0600) = 7</run/x/.new-01234>
write(7</run/x/.new-01234>, "ocf-aws "..., 98) = 98
fcntl(8</run/x/a.lock>, F_SETFD, FD_CLOEXEC) = 0
fcntl(8</run/x/a.lock>, F_OFD_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=0, l_len=1}) = 0
bind(8<NETLINK:[1]>, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 0
sendto(8<NETLINK:[ROUTE:1]>, [{nlmsg_len=24, nlmsg_type=RTM_GETADDR, nlmsg_seq=1}], 24, 0) = 24
sendto(8<NETLINK:[ROUTE:1]>, [{nlmsg_len=32, nlmsg_type=RTM_NEWADDR, nlmsg_seq=1}], 32, 0) = 32
clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SETTLS, child_tid=0x7f}) = 13
clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 14
sendto(9<TCP:[10.0.2.10:1->198.18.0.10:443]>, "\26\3\1\2\0\1\0\1"..., 517, MSG_NOSIGNAL) = 517
sendto(9<TCP:[10.0.2.10:1->198.18.0.10:443]>, "\24\3\3\0\1\1\27\3"..., 80, MSG_NOSIGNAL) = 80
sendto(9<TCP:[10.0.2.10:1->198.18.0.10:443]>, "\27\3\3\4>5S\26"..., 1091, MSG_NOSIGNAL) = 1091
sendto(9<TCP:[10.0.2.10:1->198.18.0.10:443]>, "\27\3\3\0\0230\1\2"..., 24, MSG_NOSIGNAL) = 24
sendto(9<TCP:[10.0.2.10:1->198.18.0.10:443]>, "\27\3\3\0\23\235\25"..., 24, MSG_NOSIGNAL) = 24
sendto(9<TCP:[10.0.2.10:2->169.254.169.254:80]>, "PUT /lat"..., 115, MSG_NOSIGNAL) = 115
exit_group(0) = ?
+++ exited with 0 +++
""".splitlines()


def test_points_are_what_changes_something_outside() -> None:
    found = [(point.call, point.number) for point in crashpoint.points(TRACE, LOG)]
    assert found == [
        ("openat", 3),
        ("write", 2),
        ("fcntl", 2),
        ("sendto", 2),
        ("clone", 1),
        ("sendto", 5),
        ("sendto", 8),
        ("exit_group", 1),
    ]


def test_a_point_that_was_reached_is_told_from_one_that_was_not() -> None:
    assert crashpoint.reached(TRACE, Point("sendto", 8))
    assert not crashpoint.reached(TRACE, Point("sendto", 9))


def test_a_point_is_named_by_what_strace_counts() -> None:
    command = crashpoint.crashing("/tmp/trace", Point("renameat", 3), "SIGKILL")
    assert command[-1] == "inject=renameat:signal=SIGKILL:when=3"


def test_cache_files_that_are_not_whole_are_found(tmp_path: Path) -> None:
    body = b"eni-1 vpc-1\n"
    header = f"ocf-aws cache 1 {len(body):016x} {hashlib.sha256(body).hexdigest()}\n".encode()
    for name, content in {
        "whole": header + body,
        "mark": b"",
        "pace-route53": b"00000000000000000001\n",
        ".new-0123456789abcdef": header + body,
        "short": header + body[:-1],
        "other": header + body.swapcase(),
        "strange": b"something else",
    }.items():
        (tmp_path / name).write_bytes(content)
    said = list(torn(tmp_path))
    assert [text.split()[0] for text in said] == [
        ".new-0123456789abcdef",
        "other",
        "short",
        "strange",
    ]


@pytest.fixture(scope="module", params=AGENTS, ids=lambda agent: agent.name)
def stage(labs: Callable[[str], Lab], request: pytest.FixtureRequest) -> Iterator[Stage]:
    """One agent, with something for it to move."""
    stage = Stage(labs(request.param.scenario), request.param)
    stage.runner.clean()
    stage.set_up()
    yield stage
    stage.tear_down()


@pytest.mark.parametrize(
    ("signal", "action"), [("SIGKILL", START), ("SIGKILL", STOP), ("SIGTERM", START)]
)
def test_crash_at_the_last_sends(stage: Stage, signal: str, action: str) -> None:
    crash = Crash(stage, "sample", signal)
    points = crash.points(action)
    sends = [point for point in points if point.call in SENDS] or points
    chosen = zip(sends[-len(SEQUELS) :], SEQUELS, strict=False)
    cells = [crash.cell(action, point, sequel) for point, sequel in chosen]
    wrong = [cell for cell in cells if cell.wrong]
    assert not wrong, "\n" + "\n".join(map(str, wrong))
