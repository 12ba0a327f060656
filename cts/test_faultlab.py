# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a cell of the fault matrix wrong: each check, with a result that it must not pass."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import faultreport
import meter
import pytest
from faultlab import MAX_MEMORY, PLAIN, Result, judge
from faults import (
    ACTIONS,
    AGENTS,
    CREDENTIALS,
    DEGRADED,
    MONITOR,
    ROWS,
    SESSION,
    STEPS,
    STOP,
    VALIDATE,
    Required,
    required,
)
from lab.process import Process
from runner import KILLED, REASON, Outcome, reveals

(ROUTE,) = (agent for agent in AGENTS if agent.name == "route-table-vip")
(DENIED,) = (row for row in ROWS if row.id == "A1")
SECRET = "x" * 40
REASON_LINE = f"{REASON}IAM denies ec2:DescribeRouteTables; allow it in the IAM policy\n"
# One request, as the lab logs it.
ASKED = {
    "service": "ec2",
    "region": "ap-northeast-1",
    "action": "DescribeRouteTables",
    "fault": "denied",
    "code": "UnauthorizedOperation",
}


def seen(action: str, outcome: Outcome) -> Result:
    """What a monitor or stop of n1 may leave."""
    figures = meter.Figures(outcome.code, 20, 18000, 0.1)
    return Result(
        action, outcome, "", {"n1"}, [], deadline_s=2.5, figures=figures, limit=PLAIN.limit
    )


def right() -> tuple[Result, Required]:
    """A monitor that AWS denies, and what it has to do."""
    outcome = Outcome("monitor", DEGRADED, "", REASON_LINE, [ASKED])
    result = seen(MONITOR, outcome)
    wanted = required(ROUTE, DENIED, MONITOR)
    assert isinstance(wanted, Required)
    return result, wanted


def wrongs(outcome: dict[str, Any] | None = None, **changes: Any) -> str:
    """What is wrong with it after some changes."""
    result, wanted = right()
    changed = dataclasses.replace(result.outcome, **outcome or {})
    result = dataclasses.replace(result, **{"outcome": changed} | changes)
    return "\n".join(judge("route-table-vip", "A1", result, wanted).wrong)


def test_cell_with_nothing_wrong_is_right() -> None:
    cell = judge("route-table-vip", "A1", *right())
    assert cell.wrong == ()
    assert cell.seen.code == cell.seen.wanted_code == DEGRADED
    assert cell.seen.reason == REASON_LINE.removeprefix(REASON).strip()
    assert cell.seen.evidence == ""


WRITE = {**ASKED, "action": "ReplaceRoute", "fault": None, "code": None}
RENEWAL = {**ASKED, "service": "imds", "action": "GET /iam/security-credentials/ocf-aws-node"}


@pytest.mark.parametrize(
    ("outcome", "changes", "said"),
    [
        ({"code": 0}, {}, "exit code 0, not 190"),
        ({"code": KILLED}, {}, "killed at its timeout, of 2.5 s"),
        ({"code": -signal.SIGKILL}, {}, "killed at its timeout"),
        ({"left": [Process(1, 1)]}, {}, "1 processes were left behind"),
        ({"stderr": ""}, {}, "0 exit reasons"),
        ({"stderr": REASON_LINE * 2}, {}, "2 exit reasons"),
        ({"stderr": f"{REASON_LINE[:-1]}{'!' * 128}\n"}, {}, "exit reason that cannot be shown"),
        ({"stderr": f"{REASON_LINE[:-1]}\a\n"}, {}, "exit reason that cannot be shown"),
        ({"stderr": f"{REASON_LINE[:-1]}, request 12345678-1\n"}, {}, "the id of a request"),
        ({"stderr": f"{REASON}something\n"}, {}, "nothing says ["),
        ({"stderr": f"{REASON_LINE}WARNING: stale\n"}, {}, "a warning"),
        ({"requests": [ASKED, WRITE]}, {}, "1 writes carried out, not 0"),
        ({"requests": [ASKED] * 99}, {}, "a storm: 99 times ec2"),
        ({}, {"refused": {("imds", ""): 21}}, "a storm: 21 connections refused, imds"),
        ({}, {"lifted": "not read-only"}, "the fault was lifted before its end: not read-only"),
        ({"requests": [RENEWAL] * 2}, {}, "credentials renewed 2 times"),
        ({}, {"owners": {"n1", "n3"}}, "it is on ['n1', 'n3'], not on ['n1']"),
        ({}, {"owners": set()}, "it is on [], not on ['n1']"),
        ({}, {"action": STOP, "probe": 0}, "a probe after it says 0"),
        ({}, {"files": ["/tmp/x"]}, "files left: /tmp/x"),
        ({}, {"log": "pcmk: out of memory"}, "bytes needed"),
        ({}, {"figures": meter.Figures(190, 1, (MAX_MEMORY >> 10) + 1, 1)}, "bytes needed"),
        ({}, {"figures": None}, "nothing was measured"),
        ({}, {"reveals": True}, "a secret is in its output"),
        ({}, {"reports": ["Invalid read of size 1"]}, "Invalid read"),
    ],
)
def test_each_check_can_fail(outcome: dict[str, Any], changes: dict[str, Any], said: str) -> None:
    assert said in wrongs(outcome, **changes)


def test_what_valgrind_cannot_run_makes_no_sense() -> None:
    result, wanted = right()
    unknown = "--7-- WARNING: unhandled amd64-linux syscall: 434\n"
    cell = judge(ROUTE.name, DENIED.id, dataclasses.replace(result, reports=[unknown]), wanted)
    assert cell.senseless == "valgrind knows no system call 434, which it needs"


def test_fault_that_does_not_meet_the_agent_is_wrong() -> None:
    (throttled,) = (row for row in ROWS if row.id == "T1")
    wanted = required(ROUTE, throttled, MONITOR)
    outcome = Outcome("monitor", 0, "", "", [{**ASKED, "fault": None, "code": None}])
    (wrong,) = judge(ROUTE.name, throttled.id, seen(MONITOR, outcome), wanted).wrong
    assert "the fault did not meet it: no throttle" in wrong


def unmet(row: str, outcome: Outcome, **changes: Any) -> list[str]:
    """What is wrong with a healthy monitor in a row that is named."""
    (named,) = (each for each in ROWS if each.id == row)
    result = dataclasses.replace(seen(MONITOR, outcome), **changes)
    return list(judge(ROUTE.name, row, result, required(ROUTE, named, MONITOR)).wrong)


@pytest.mark.parametrize("row", [row.id for row in ROWS if row.id.startswith("L")])
def test_caches_that_are_not_used_are_asked_for_again(row: str) -> None:
    session = {**RENEWAL, "action": "PUT /latest/api/token"}
    for asked, missing in (([], SESSION), ([session], CREDENTIALS), ([RENEWAL], SESSION)):
        (wrong,) = unmet(row, Outcome("monitor", 0, "", "", asked))
        assert "it had in a cache what is not asked for: " in wrong
        assert missing in wrong
    assert unmet(row, Outcome("monitor", 0, "", "", [session, RENEWAL])) == []


def test_connections_that_nobody_refuses_are_wrong() -> None:
    said = f"{REASON}cannot ask AWS: cannot connect: x; check network, DNS and security group\n"
    outcome = Outcome("monitor", DEGRADED, "", said)
    assert unmet("N1", outcome, refused={("ec2", "ap-northeast-1"): 1}) == []
    (wrong,) = unmet("N1", outcome, refused={("ec2", "ap-northeast-1"): 0})
    assert wrong == "the fault did not meet it: no connection was refused"


def test_preflight_lists_what_it_cannot_ask() -> None:
    """All lines of one that is well are fine; what it finds is in a line and in the reason."""
    well, denied = required(ROUTE, ROWS[0], VALIDATE), required(ROUTE, DENIED, VALIDATE)
    says = "ec2:DescribeRouteTables: IAM denies ec2:DescribeRouteTables; allow it in the IAM policy"
    traced = dataclasses.replace(denied, traces=())
    for code, stderr, wanted, wrong in (
        (0, "ok: x\nok: y\n", well, ""),
        (0, "ok: x\nhm\n", well, "not invisible: hm"),
        (0, f"ERROR: {says}\n", well, "a finding"),
        (4, f"ok: x\nERROR: {says}\n{REASON}{says}\n", traced, ""),
        (4, f"ok: x\n{REASON}{says}\n", traced, "no finding"),
        (0, "ok: x\n", traced, "exit code 0, not 4"),
    ):
        outcome = Outcome("validate-all", code, "", stderr)
        wanted = dataclasses.replace(wanted, calls=None)
        found = "\n".join(judge(ROUTE.name, "A1", seen(VALIDATE, outcome), wanted).wrong)
        assert wrong in found, stderr
        assert bool(wrong) == bool(found), found


def test_every_action_has_its_step() -> None:
    steps = [action for step in STEPS for action in step]
    assert sorted(steps) == sorted(ACTIONS)
    for agent in AGENTS:
        for step in STEPS:
            nodes = [agent.node(action) for action in step]
            assert len(set(nodes)) == len(nodes), "one action a node"


def test_healthy_action_is_silent_and_makes_the_calls_that_are_known() -> None:
    wanted = required(ROUTE, ROWS[0], MONITOR)
    asked = {**ASKED, "fault": None, "code": None}
    told = Outcome("monitor", 0, "", "hm\n", [asked, asked])
    wrong = judge(ROUTE.name, ROWS[0].id, seen(MONITOR, told), wanted).wrong
    assert [text.split(":")[0].split(" ")[0:2] for text in wrong] == [
        ["not", "invisible"],
        ["it", "calls"],
    ]


def test_stop_must_leave_nothing_that_runs() -> None:
    wanted = required(ROUTE, ROWS[0], STOP)
    stopped = seen(STOP, Outcome("stop", 0, "", ""))
    assert judge(ROUTE.name, ROWS[0].id, stopped, wanted).wrong == ()
    running = dataclasses.replace(stopped, probe=0)
    assert judge(ROUTE.name, ROWS[0].id, running, wanted).wrong == ("a probe after it says 0",)


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        (f"key {SECRET}", True),
        ("X-Amz-Security-Token: 1", True),
        ("AKIDEXAMPLE", False),
    ],
)
def test_secrets_are_found(text: str, is_secret: bool) -> None:
    assert reveals(text, {SECRET}) == is_secret


def test_meter_tells_what_a_program_costs(tmp_path: Path) -> None:
    program, figures = meter.build(tmp_path / "meter"), tmp_path / "figures"
    big = "bytearray(64 << 20).count(1)"
    for code in (f"{big}; raise SystemExit(7)", "import os; os.kill(os.getpid(), 9)"):
        done = subprocess.run([program, figures, sys.executable, "-c", code], check=False)
        assert done.returncode in (7, -signal.SIGKILL)
    exited, killed = meter.read(figures.read_text())
    assert (exited.code, killed.code) == (7, -signal.SIGKILL)
    assert exited.peak_kib > 64 << 10
    # Not that of this process, which may be anything.
    assert killed.peak_kib < 64 << 10
    assert exited.cpu_ms > 0
    assert exited.seconds > 0


def test_report_shows_all_cells(tmp_path: Path) -> None:
    result, wanted = right()
    fine = judge(ROUTE.name, DENIED.id, result, wanted)
    broken = dataclasses.replace(result, files=["/tmp/<left>"])
    wrong = judge(ROUTE.name, DENIED.id, broken, wanted)
    senseless = dataclasses.replace(fine, seen=None, senseless="it changes nothing at AWS")
    faultreport.write(tmp_path, [ROUTE], [DENIED], [fine, wrong, senseless], "under test")
    page = (tmp_path / "faults.html").read_text()
    assert "2 cells, 1 right, 1 wrong" in page
    assert "files left: /tmp/&lt;left&gt;" in page
    assert "it changes nothing at AWS" in page
    # What one needs to find out more of a wrong one.
    assert "action=DescribeRouteTables" in page
    assert "<script" not in page
    assert "http" not in page
    document = json.loads((tmp_path / "faults.json").read_text())
    assert [cell["verdict"] for cell in document["cells"]] == ["right", "wrong", "senseless"]
    assert document["cells"][0]["seen"]["peak_kib"] == 18000
