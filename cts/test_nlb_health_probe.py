# SPDX-License-Identifier: GPL-2.0-or-later
"""nlb-health-probe run by hand in the nodes of a lab: its listener, and who asks it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import LAB_NAME
from crash import ENVIRONMENT, TRACE
from lab.handle import Lab
from lab.haproxy import HAProxy
from lab.process import PROC, Process
from lab.state import until
from runner import (
    BEGIN_TIMEOUT_S,
    BUILD,
    INSTALLED,
    RSCTMP,
    Outcome,
    Runner,
    ocf_environment,
)

AGENT = "nlb-health-probe"
TCP_PORT, HTTP_PORT = "3999", "3998"
OTHER_PORT = "4000"
WAIT_S = 20
HEALTHY_S = 30
OK, FAILED, WRONG_HERE, WRONG, NOT_RUNNING, DEGRADED = 0, 1, 2, 6, 7, 190
SHORT_MS = 2500
MAX_MEMORY_KIB = 32 << 10
SANITIZED = BUILD.name == "sanitize"
FLOOD = Path(__file__).with_name("flood.py")
IDLE, SLOW, NOISY = 10000, 1000, 50
SLOW_BYTES = 6 * SLOW
NOBODY = 65534
ROLE = "ocf-aws-node"

pytestmark = pytest.mark.usefixtures("probe")


@pytest.fixture(scope="module")
def machines(agents: Path) -> Iterator[Lab]:
    """Two nodes without a cluster, a client in each zone, and a balancer that checks the nodes."""
    options = {"scenario": "nlb", "with_cluster": False, "agents": agents}
    with Lab.running(f"{LAB_NAME}_probe", **options) as lab:
        yield lab
        lab.collect(BUILD / "check" / f"{LAB_NAME}_probe")


@pytest.fixture
def probe(machines: Lab) -> Iterator[Runner]:
    """The agent by TCP; when a test is over, none of its listeners may be left."""
    runner = Runner(machines, AGENT, port=TCP_PORT)
    runner.clean()
    yield runner
    machines.repair()
    machines.control.set_policy(ROLE, None)
    for where in machines.topology.nodes:
        for instance in ("vip", "other"):
            assert runner.stop(where, instance=instance).code == OK
        assert runner.processes(where) == []
    runner.check_secrets()


@pytest.fixture
def here(probe: Runner) -> Runner:
    """The listener runs on n1."""
    assert probe.start("n1").code == OK
    return probe


@pytest.fixture
def web(probe: Runner) -> Runner:
    """The listener runs on n1, by HTTP."""
    probe.parameters |= {"port": HTTP_PORT, "protocol": "http", "path": "/health"}
    assert probe.start("n1").code == OK
    return probe


def listener(runner: Runner, where: str = "n1") -> Process:
    """The one listener of a node."""
    (one,) = runner.processes(where)
    return one


def address(lab: Lab, where: str = "n1") -> str:
    return lab.topology.member(where).enis[0].ip


def is_open(lab: Lab, port: str = TCP_PORT, where: str = "n1") -> bool:
    """Whether a client's connection is accepted."""
    argv = ["timeout", "2", "bash", "-c", f"exec 3<>/dev/tcp/{address(lab, where)}/{port}"]
    return lab.exec("client", *argv, check=False).returncode == 0


def ask(lab: Lab, path: str, *options: str) -> str:
    """The status of an HTTP request of a client."""
    url = f"http://{address(lab)}:{HTTP_PORT}{path}"
    argv = ["curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", *options, url]
    return lab.exec("client", *argv, check=False).stdout


def status_of(process: Process, name: str) -> str:
    """A line of /proc/PID/status."""
    text = (PROC / str(process.pid) / "status").read_text()
    return re.search(rf"^{name}:[ \t]*(.*)$", text, re.MULTILINE)[1]


@contextmanager
def running(lab: Lab, where: str, *argv: str, **options: Any) -> Iterator[subprocess.Popen]:
    """A program of the test's own on a machine."""
    command = lab.command(where, *argv)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


# --- the life of a listener ----------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["tcp", "http"])
def test_life_cycle(probe: Runner, machines: Lab, protocol: str) -> None:
    probe.parameters["protocol"] = protocol
    assert probe.probe("n1").code == NOT_RUNNING
    assert not is_open(machines)
    assert probe.start("n1").code == OK
    assert is_open(machines)
    for check in (probe.probe, probe.monitor):
        assert check("n1").code == OK
        assert check("n2").code == NOT_RUNNING
    assert probe.stop("n1").code == OK
    assert not is_open(machines)
    assert probe.probe("n1").code == NOT_RUNNING
    assert probe.processes("n1") == []


def test_start_twice_leaves_the_listener(here: Runner) -> None:
    first = listener(here)
    again = here.start("n1")
    assert (again.code, again.stderr) == (OK, "")
    assert listener(here) == first


def test_stop_twice_is_fine(here: Runner) -> None:
    for _ in range(2):
        stopped = here.stop("n1")
        assert (stopped.code, stopped.stderr) == (OK, "")


def test_two_resources_on_one_node(here: Runner, machines: Lab) -> None:
    other = {"instance": "other", "port": OTHER_PORT}
    assert here.start("n1", **other).code == OK
    assert len(here.processes("n1")) == 2
    assert here.stop("n1").code == OK
    assert here.monitor("n1", **other).code == OK
    assert is_open(machines, OTHER_PORT)
    assert not is_open(machines)
    assert here.monitor("n1").code == NOT_RUNNING


def test_instance_of_an_anonymous_clone_is_one_resource(here: Runner) -> None:
    """The executor calls it by the name of the resource, crm_resource by a number."""
    assert here.monitor("n1", instance="vip:0").code == OK
    unique = {"CRM_meta_globally_unique": "true"}
    assert here.monitor("n1", instance="vip:0", **unique).code == NOT_RUNNING


def test_listener_has_nothing_of_its_starter(here: Runner) -> None:
    process = listener(here)
    directory = PROC / str(process.pid)
    assert (directory / "environ").read_bytes() == b""
    assert os.readlink(directory / "cwd") == "/"
    assert status_of(process, "Uid").split() == [str(NOBODY)] * 4
    assert status_of(process, "Groups") == ""
    assert status_of(process, "CapEff") == "0" * 16
    assert status_of(process, "NoNewPrivs") == "1"
    assert status_of(process, "SigBlk") == "0" * 16
    assert os.getsid(process.pid) == process.pid
    targets = [os.readlink(link) for link in (directory / "fd").iterdir()]
    known = re.compile(r"/dev/null|socket:.*|.*\.lock|anon_inode:\[eventpoll\]|pipe:.*")
    assert [target for target in targets if not known.fullmatch(target)] == []
    assert sum(target.startswith("socket:") for target in targets) == 2, "control and port"


@pytest.mark.parametrize("bind", ["10.0.2.10", "127.0.0.1,10.0.2.10", "0.0.0.0,[::]"])
def test_listens_on_the_named_addresses_alone(probe: Runner, machines: Lab, bind: str) -> None:
    probe.parameters["bind"] = bind.replace("[::]", "::")
    assert probe.start("n1").code == OK
    assert is_open(machines)
    listening = machines.exec("n1", "ss", "-Hltn", f"sport = :{TCP_PORT}").stdout
    assert {line.split()[3].rpartition(":")[0] for line in listening.splitlines()} == set(
        bind.split(",")
    )
    assert probe.monitor("n1").code == OK


# --- what it answers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/health", [], "200"),
        ("/health", ["--http1.0"], "200"),
        ("/health", ["-I"], "200"),
        ("/health?from=nlb", [], "200"),
        ("/healthy", [], "404"),
        ("/", [], "404"),
        ("/health", ["-X", "DELETE"], "405"),
        ("/health", ["-d", "x=1"], "405"),
        ("/health", ["-H", "X: " + "x" * 3000], "431"),
    ],
)
def test_http(web: Runner, machines: Lab, path: str, options: list[str], status: str) -> None:
    assert ask(machines, path, *options) == status
    assert web.monitor("n1").code == OK


# --- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "code", "said"),
    [
        ({"port": "0"}, WRONG, 'port="0": allowed is a port, 1 to 65535'),
        ({"port": "65536"}, WRONG, 'port="65536": allowed is a port, 1 to 65535'),
        ({"port": "http"}, WRONG, 'port="http"'),
        ({"path": "health"}, WRONG, 'path="health": allowed is /'),
        ({"path": "/a b"}, WRONG, 'path="/a b": allowed is /'),
        ({"protocol": "udp"}, WRONG, 'protocol="udp": allowed is tcp or http'),
        ({"bind": "10.0.2.0/24"}, WRONG, 'bind="10.0.2.0/24"'),
        ({"bind": "localhost"}, WRONG, 'bind="localhost"'),
        ({"target_group_arn": "db"}, WRONG, 'target_group_arn="db": allowed is arn:aws:'),
        ({"bind": "10.0.4.10"}, WRONG_HERE, "10.0.4.10:3999: no network interface of this node"),
        ({"bind": "2001:db8::9"}, WRONG_HERE, "[2001:db8::9]:3999: no network interface"),
    ],
)
def test_wrong_value(probe: Runner, parameters: dict[str, str], code: int, said: str) -> None:
    started = probe.start("n1", **parameters)
    assert started.code == code
    assert said in started.stderr
    assert started.reasons
    assert probe.processes("n1") == []


def test_port_in_use_says_who_has_it(probe: Runner, machines: Lab) -> None:
    with running(machines, "n1", sys.executable, "-m", "http.server", TCP_PORT) as server:
        until(lambda: is_open(machines), WAIT_S, "the other server to listen")
        started = probe.start("n1")
        assert started.code == FAILED
        assert f"cannot listen on *:{TCP_PORT}: Address already in use, by python" in started.reason
        said = int(re.search(r"\(pid (\d+)\)", started.reason)[1])
        name = machines.exec("n1", "cat", f"/proc/{said}/cmdline").stdout
        assert "http.server" in name
        checked = probe("n1", "validate-all", depth=10)
        assert checked.code == FAILED
        assert f"*:{TCP_PORT}" in checked.reason
        assert probe.monitor("n1").code == NOT_RUNNING
        assert probe.stop("n1").code == OK
        assert server.poll() is None
        assert is_open(machines)


def test_preflight_of_a_free_port_and_of_one_in_use_by_itself(here: Runner) -> None:
    assert "ok: the listener runs on this node" in here("n1", "validate-all", depth=10).stderr
    free = here("n2", "validate-all", depth=10)
    assert (free.code, free.stderr) == (OK, f"ok: *:{TCP_PORT} is free\n")


def test_state_directory_that_is_not_ours(probe: Runner, machines: Lab) -> None:
    machines.exec("n1", "install", "-d", "-m", "777", f"{RSCTMP}/ocf-aws")
    started = probe.start("n1")
    assert started.code == FAILED
    assert f"{RSCTMP}/ocf-aws" in started.reason
    assert probe.processes("n1") == []
    machines.exec("n1", "rmdir", f"{RSCTMP}/ocf-aws")


# --- its end, and other processes ------------------------------------------------------------


def test_killed_listener_is_seen_and_replaced(here: Runner, machines: Lab) -> None:
    first = listener(here)
    first.signal(signal.SIGKILL)
    until(lambda: not first.alive, WAIT_S, "the listener to end")
    found = here.monitor("n1")
    assert (found.code, found.reason) == (NOT_RUNNING, "no listener runs on this node")
    assert not is_open(machines)
    assert here.start("n1").code == OK
    assert listener(here) != first
    assert is_open(machines)


def test_listener_that_hangs_has_failed(here: Runner) -> None:
    first = listener(here)
    first.signal(signal.SIGSTOP)
    for check in (here.monitor, here.probe):
        found = check("n1")
        assert found.code == FAILED
        assert "does not answer" in found.reason
    assert here.start("n1").code == OK
    assert listener(here) != first


def test_stop_ends_a_listener_that_hangs(here: Runner) -> None:
    first = listener(here)
    first.signal(signal.SIGSTOP)
    stopped = here.stop("n1", drain="1s")
    assert stopped.code == OK
    assert "WARNING: not drained" in stopped.stderr
    assert not first.alive


def lock_files(lab: Lab) -> list[str]:
    return lab.exec("n1", "find", f"{RSCTMP}/ocf-aws", "-name", "*.lock").stdout.split()


@pytest.mark.parametrize("listener_is", ["alive", "dead"])
def test_pid_of_another_process_is_never_signalled(
    here: Runner, machines: Lab, listener_is: str
) -> None:
    first = listener(here)
    with running(machines, "n1", "sh", "-c", "echo $$; exec sleep 600", stdout=-1, text=True) as it:
        other = it.stdout.readline().strip()
        if listener_is == "dead":
            first.signal(signal.SIGKILL)
            until(lambda: not first.alive, WAIT_S, "the listener to end")
        (file,) = lock_files(machines)
        machines.exec("n1", "sh", "-c", f"echo {other} > {file}")
        assert here.monitor("n1").code == (OK if listener_is == "alive" else NOT_RUNNING)
        assert here.stop("n1").code == OK
        assert not first.alive
        machines.exec("n1", "kill", "-0", other)
        assert it.poll() is None


def test_killed_start_leaves_nothing_that_stop_does_not_clean(probe: Runner, machines: Lab) -> None:
    variables = ocf_environment(AGENT, "start", port=TCP_PORT)
    argv = ["env", *(f"{name}={value}" for name, value in variables.items())]
    left = set()
    for tick in range(40):
        killed = ["timeout", "-s", "KILL", f"{0.001 * tick + 0.001:.3f}"]
        machines.exec("n1", *argv, *killed, f"{INSTALLED}/{AGENT}", "start", check=False)
        left.add(len(probe.processes("n1")))
        assert probe.stop("n1").code == OK
        assert probe.processes("n1") == []
        assert not is_open(machines)
    assert left == {0, 1}, "killed before there was a listener, and after that"
    assert probe.start("n1").code == OK


# strace outlives the agent as long as there is a listener to look at.
STRACE = ("strace", "-D", "-f", "-o", TRACE)
CALL = re.compile(r"(\d+) +(\w+)\(")
SERVES = "accept4"


def listeners_beginning(lab: Lab) -> list[tuple[str, int]]:
    """The calls of a listener until it serves: their names, and the how manieth each was.

    Only those that the agent which has started it did not come to: strace counts for each process,
    and where the listener is killed the agent is to live.
    """
    trace = (lab.files.node("n1") / TRACE.lstrip("/")).read_text(errors="replace")
    calls = [match.groups() for match in map(CALL.match, trace.splitlines()) if match]
    agent, _ = calls[0]
    most = Counter(call for pid, call in calls if pid == agent)
    own, found = Counter(), []
    for call in (call for pid, call in calls if pid != agent):
        own[call] += 1
        if call == SERVES:
            break
        if own[call] > most[call]:
            found.append((call, own[call]))
    return found


def test_listener_killed_before_it_serves(probe: Runner, machines: Lab) -> None:
    """Its start fails at once and says why; nothing is left, and the next start succeeds."""
    options = {"environment": ENVIRONMENT}
    listed = probe.end(probe.begin("n1", "start", wrapper=STRACE, **options), judged=False)
    assert listed.code == OK
    points = listeners_beginning(machines)
    assert {"setsid", "setresuid", "epoll_ctl"} <= {call for call, _ in points}
    assert probe.stop("n1").code == OK
    for call, number in points:
        inject = ("-e", f"inject={call}:signal=SIGKILL:when={number}")
        begun = probe.begin("n1", "start", wrapper=(*STRACE, *inject), **options)
        killed = probe.end(begun, judged=False)
        why = "start failed: the listener has ended at once: signal 9"
        assert (killed.code, killed.reason) == (FAILED, why), (call, number)
        assert probe.processes("n1") == []
        assert probe.monitor("n1").code == NOT_RUNNING
        assert not is_open(machines)
        assert probe.start("n1").code == OK
        assert is_open(machines)
        assert probe.stop("n1").code == OK


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_ended_by_a_signal_leaves_no_listener(
    probe: Runner, machines: Lab, number: signal.Signals
) -> None:
    with running(machines, "n1", sys.executable, "-c", HOLD_LOCK, RSCTMP, stdout=-1) as holder:
        assert holder.stdout.readline() == b"held\n"
        begun = probe.begin("n1", "start")
        until(lambda: begun.takes(number), BEGIN_TIMEOUT_S, "the start to take signals")
        begun.signal(number)
        assert probe.end(begun).code == FAILED
        assert probe.processes("n1") == []


# Holds the first byte of the listener's lock, as a start does that is under way.
HOLD_LOCK = """
import fcntl, hashlib, os, signal, struct, sys
os.makedirs(sys.argv[1] + "/ocf-aws", 0o700, exist_ok=True)
name = hashlib.sha256(b"listener nlb-health-probe vip").hexdigest() + ".lock"
fd = os.open(f"{sys.argv[1]}/ocf-aws/{name}", os.O_RDWR | os.O_CREAT, 0o600)
fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 1, 0))
print("held", flush=True)
signal.pause()
"""


def test_lock_that_nobody_owns_up_to_is_an_error(probe: Runner, machines: Lab) -> None:
    with running(machines, "n1", sys.executable, "-c", HOLD_LOCK, RSCTMP, stdout=-1) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert probe.monitor("n1").code == DEGRADED
        for action in (probe.probe, probe.start, probe.stop):
            done = action("n1", timeout_ms=SHORT_MS)
            assert done.code == FAILED
            assert ".lock is locked" in done.stderr
        assert holder.poll() is None


# --- drain ---------------------------------------------------------------------------------


def drain(runner: Runner, seconds: int, refused: Any) -> Outcome:
    """A stop that drains: the listener lives on, refusing, for at least so long."""
    process = listener(runner)
    began = time.monotonic()
    stop = runner.begin("n1", "stop", drain=f"{seconds}s")
    until(refused, WAIT_S, "health checks to be refused")
    assert process.alive
    assert not stop.ended()
    outcome = runner.end(stop)
    assert time.monotonic() - began >= seconds
    assert not process.alive
    return outcome


def test_drain_by_tcp(here: Runner, machines: Lab) -> None:
    done = drain(here, 3, lambda: not is_open(machines))
    assert (done.code, done.stderr) == (OK, "")


def test_drain_by_http(web: Runner, machines: Lab) -> None:
    done = drain(web, 3, lambda: ask(machines, "/health") == "503")
    assert (done.code, done.stderr) == (OK, "")


def test_drain_is_cut_to_the_timeout_of_the_stop(here: Runner) -> None:
    stopped = here.stop("n1", drain="1h", timeout_ms=5000)
    assert stopped.code == OK
    assert "WARNING: drain: cut to 1s of 3600s: give the stop a longer timeout" in stopped.stderr
    assert here.processes("n1") == []


def test_drain_that_was_interrupted_has_failed_and_goes_on(here: Runner, machines: Lab) -> None:
    process = listener(here)
    stop = here.begin("n1", "stop", drain="600s", timeout_ms=900000)
    until(lambda: not is_open(machines), WAIT_S, "health checks to be refused")
    stop.kill()
    found = here.monitor("n1")
    assert found.code == FAILED
    assert "drains" in found.reason
    assert process.alive
    stopped = here.stop("n1", drain="1s")
    assert (stopped.code, stopped.stderr) == (OK, "")
    assert not process.alive


def test_drain_longer_than_the_advertised_stop_is_warned_about(probe: Runner) -> None:
    checked = probe("n1", "validate-all", drain="60s")
    assert checked.code == OK
    assert checked.stderr == "WARNING: drain: 60s needs op stop timeout=65s or more\n"
    assert probe("n1", "validate-all", drain="25s").stderr == ""


# --- without AWS ---------------------------------------------------------------------------


def test_no_route_to_aws_or_metadata(probe: Runner, machines: Lab) -> None:
    machines.cut("n1", "aws")
    machines.fault("imds", "refuse")
    machines.clear_requests()
    for action, code in [
        ("monitor", NOT_RUNNING),
        ("start", OK),
        ("start", OK),
        ("monitor", OK),
        ("reload-agent", OK),
        ("validate-all", OK),
        ("stop", OK),
        ("stop", OK),
    ]:
        done = probe("n1", action, timeout_ms=SHORT_MS, depth=20)
        assert done.code == code, (action, done.stderr)
    assert [entry for entry in machines.requests() if entry["node"] == "n1"] == []


# --- what the balancer does and thinks -------------------------------------------------------


def test_silence_of_the_balancer_is_degraded(here: Runner, machines: Lab) -> None:
    """The agent's own checks are none, and neither are those of this host's other programs."""
    silent = {"probe_timeout": "3s", "port": OTHER_PORT, "instance": "other"}
    assert here.start("n1", **silent).code == OK

    def told() -> Outcome | None:
        machines.exec("n1", "bash", "-c", f"exec 3<>/dev/tcp/10.0.2.10/{OTHER_PORT}")
        found = here.monitor("n1", **silent)
        return found if found.code == DEGRADED else None

    found = until(told, WAIT_S, "the silence to be noticed")
    assert found.reason.startswith("no health check for ")
    assert here.probe("n1", **silent).code == OK
    assert here("n1", "reload-agent", **silent).code == OK
    assert is_open(machines, OTHER_PORT)
    assert here.monitor("n1", **silent).code == OK


def target_group(lab: Lab, name: str) -> str:
    document = json.loads(lab.files.topology_json.read_text())
    return document["target_groups"][name]["arn"]


def test_target_health_at_depth_20(here: Runner, machines: Lab) -> None:
    asked = {"target_group_arn": target_group(machines, "db")}

    def health(where: str = "n1", **more: Any) -> Outcome:
        return here.monitor(where, depth=20, **asked, **more)

    until(lambda: health().code == OK, HEALTHY_S, "the balancer to find the node healthy")
    warm = health()
    assert warm.calls("elasticloadbalancing") == ["DescribeTargetHealth"]
    assert warm.calls("imds") == []
    assert here.monitor("n1", **asked).requests == [], "depth 0 does not ask"
    assert here.start("n1", depth=20, **asked).requests == []
    here.start("n2", port=OTHER_PORT)
    found = health("n2", port=OTHER_PORT)
    assert found.code == DEGRADED
    assert "unhealthy, Target." in found.reason
    assert machines.topology.member("n2").instance in found.reason


def test_target_health_when_aws_is_silent_or_refuses(here: Runner, machines: Lab) -> None:
    asked = {"target_group_arn": target_group(machines, "db"), "depth": 20}
    machines.fault("elasticloadbalancing", "refuse")
    silent = here.monitor("n1", timeout_ms=SHORT_MS, **asked)
    assert silent.code == DEGRADED
    assert silent.reason.startswith("cannot ask AWS")
    assert here.monitor("n1", timeout_ms=SHORT_MS, on_unknown="ok", **asked).code == OK
    assert here.probe("n1", timeout_ms=SHORT_MS, **asked).code == OK
    machines.clear_faults()
    machines.control.set_policy(ROLE, [])
    denied = here.monitor("n1", **asked)
    assert denied.code == DEGRADED
    assert "elasticloadbalancing:DescribeTargetHealth" in denied.reason


def test_target_group_that_does_not_know_the_node(here: Runner, machines: Lab) -> None:
    arn = target_group(machines, "db")
    missing = here.monitor("n1", depth=20, target_group_arn=f"{arn[:-16]}{'0' * 16}")
    assert missing.code == DEGRADED
    assert missing.reasons


# --- under attack --------------------------------------------------------------------------

HAPROXY = """
defaults
    timeout connect 2s
    timeout client 2s
    timeout server 2s
    timeout check 2s
    default-server check inter 200ms fall 1 rise 1
backend tcp
    mode tcp
    server n1 {address}:{tcp}
backend http
    mode http
    option httpchk GET /health
    server n1 {address}:{http}
"""


@pytest.fixture
def haproxy(machines: Lab) -> Iterator[HAProxy]:
    """HAProxy on a client, which checks both ports of n1 and must never find fault."""
    checker = HAProxy(machines.files, "client")
    where = {"address": address(machines), "tcp": TCP_PORT, "http": HTTP_PORT}
    checker.configure(HAPROXY.format(**where))
    yield checker
    checker.stop()


@pytest.mark.parametrize("protocol", ["tcp", "http"])
def test_health_checks_are_answered_under_a_flood(
    probe: Runner, machines: Lab, tmp_path: Path, protocol: str, request: pytest.FixtureRequest
) -> None:
    port = {"tcp": TCP_PORT, "http": HTTP_PORT}[protocol]
    probe.parameters |= {"port": port, "protocol": protocol, "path": "/health"}
    assert probe.start("n1").code == OK
    process = listener(probe)
    checker = request.getfixturevalue("haproxy")
    key = (protocol, "n1")
    until(lambda: checker.servers()[key]["status"] == "UP", WAIT_S, "HAProxy to see it up")
    sizes = map(str, (IDLE, SLOW, NOISY))
    argv = [sys.executable, str(FLOOD), address(machines), port, *sizes]
    output = tmp_path / "flood.jsonl"

    def done() -> dict[str, int]:
        lines = output.read_text().split("\n")[:-1]
        return json.loads(lines[-1]) if lines else {}

    def enough() -> bool:
        so_far = done()
        assert checker.servers()[key]["status"] == "UP"
        return (
            so_far.get("idle", 0) >= IDLE
            and so_far.get("noisy", 0) >= 2 * NOISY
            and so_far.get("slow bytes", 0) >= SLOW_BYTES
        )

    with open(output, "wb") as file, running(machines, "client-c", *argv, stdout=file) as flood:
        until(enough, 120, "the flood to have done its worst", 0.2)
        assert flood.poll() is None
        monitored = probe.monitor("n1")
        assert (monitored.code, monitored.stderr) == (OK, "")
    server = checker.servers()[key]
    assert (server["status"], server["chkfail"], server["chkdown"]) == ("UP", "0", "0")
    peak = int(status_of(process, "VmHWM").removesuffix(" kB"))
    assert SANITIZED or peak < MAX_MEMORY_KIB
    assert int(status_of(process, "Threads")) == 1
    assert listener(probe) == process
