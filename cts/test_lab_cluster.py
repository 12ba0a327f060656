# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab itself: namespaces, packets, nodes, and that nothing of it is left behind."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import client, netns, process
from lab.handle import SERVICE_PORT, Lab
from lab.state import REPOSITORY, LabError, State, until
from lab.topology import REGION, VIP, VIP6, Member

AWS_LAB = REPOSITORY / "cts" / "aws-lab"
NAME = "ctsnet"
OTHER = "ctsother"
FOLLOW_S = 5


@pytest.fixture(scope="module")
def machines() -> Iterator[Lab]:
    """A lab with IPv4 and IPv6 and no cluster: it is there in seconds."""
    with Lab.running(NAME, scenario="dual-stack", with_cluster=False) as running:
        yield running


@pytest.fixture(autouse=True)
def _repaired(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "machines" in request.fixturenames:
        request.getfixturevalue("machines").repair()
    if State(OTHER).exists:  # a test that failed half-way must not fail the next
        aws_lab("--lab", OTHER, "down")


def aws_lab(*arguments: str) -> subprocess.CompletedProcess:
    """Run the command as a user would."""
    command = [AWS_LAB, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def traces(name: str) -> list[str]:
    """All that a lab of this name has left on the machine."""
    found = [str(path) for path in Path("/run/netns").glob(f"{name}-*")]
    found += [str(State(name).dir)] if State(name).dir.exists() else []
    found += [
        line for line in Path("/proc/self/mountinfo").read_text().splitlines() if name in line
    ]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if name in command.split("\0") or f"/{name}" in command:
                found.append(command)
    return found


def replace_routes(lab: Lab, destination: str, to: Member) -> None:
    """Let AWS send a destination to a node in every table that has it."""
    key = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
    for table in lab.state()["regions"][REGION]["route_tables"]:
        if any(route["destination"] == destination for route in table["routes"]):
            target = {key: destination, "NetworkInterfaceId": to.enis[0].id}
            lab.control.aws(REGION, "ec2", "ReplaceRoute", RouteTableId=table["id"], **target)


@pytest.fixture
def served(machines: Lab) -> Iterator[Lab]:
    """Both nodes hold the addresses and answer for them, as no cluster would have it."""
    nodes = machines.topology.nodes
    for name in nodes:
        for address in (f"{VIP}/32", f"{VIP6}/128"):
            machines.exec(name, "ip", "address", "replace", address, "dev", "eth0")
    with machines.serving(*nodes):
        yield machines


@pytest.mark.parametrize("address", [VIP, VIP6])
@pytest.mark.parametrize("where", ["client", "client-c", "n1"])
def test_packets_route_replaced_reach_its_target(served: Lab, address: str, where: str) -> None:
    """The client's packets follow the route table of its own subnet at once."""
    bits = 128 if ":" in address else 32
    for name in ("n2", "n1", "n2"):
        replace_routes(served, f"{address}/{bits}", served.topology.member(name))
        # The machine itself answers for an address that it holds.
        assert served.ask(address, where) == ("n1" if where == "n1" else name)


def test_packets_route_replaced_loses_what_was_under_way(served: Lab, tmp_path: Path) -> None:
    """Between two nodes that both answer, a change costs the one request in its middle at most."""
    record = tmp_path / "client.jsonl"
    changes = ("n2", "n1") * 5
    with served.asking(f"http://{VIP}:{SERVICE_PORT}/", record):
        for name in changes:
            replace_routes(served, f"{VIP}/32", served.topology.member(name))
            until(
                lambda name=name: [r.who for r in client.read(record)][-1:] == [name],
                FOLLOW_S,
                f"{name} to answer",
            )
    assert len([request for request in client.read(record) if not request.ok]) <= len(changes)


def test_packets_source_dest_check_on_dropped(served: Lab) -> None:
    """An interface whose check is on gets no packets for a foreign address."""
    eni = served.topology.member("n2").enis[0]
    replace_routes(served, f"{VIP}/32", served.topology.member("n2"))
    modify = {"NetworkInterfaceId": eni.id}
    change = "ModifyNetworkInterfaceAttribute"
    served.control.aws(REGION, "ec2", change, **modify, SourceDestCheck={"Value": True})
    assert served.ask(VIP) is None
    assert served.ask(eni.ip) == "n2"
    served.control.aws(REGION, "ec2", change, **modify, SourceDestCheck={"Value": False})
    assert served.ask(VIP) == "n2"


def test_packets_no_route_vanish(served: Lab) -> None:
    """What no route table mentions gets no answer, not even that it is unreachable."""
    asked = served.exec("client", "ping", "-c1", "-W1", "10.77.0.1", check=False)
    assert "100% packet loss" in asked.stdout
    assert "nreachable" not in asked.stdout


def test_instance_stopped_route_is_blackhole(served: Lab) -> None:
    """StopInstances by a node takes the other one's power, and AWS calls its routes dead."""
    victim = served.topology.member("n2")
    replace_routes(served, f"{VIP}/32", victim)
    ec2 = ["aws", "ec2", "--region", REGION]
    served.exec("n1", *ec2, "stop-instances", "--instance-ids", victim.instance)
    until(lambda: served.instance_state("n2") == "stopped", FOLLOW_S, "n2 to be stopped")
    assert not served.is_running("n2")
    assert set(served.route_owners(f"{VIP}/32").values()) == {"blackhole"}
    served.exec("n1", *ec2, "start-instances", "--instance-ids", victim.instance)
    until(lambda: served.instance_state("n2") == "running", FOLLOW_S, "n2 to run again")
    assert served.is_running("n2")
    held = served.exec("n2", "ip", "-o", "address", "show", "dev", "eth0").stdout
    assert VIP not in held, "a machine that has booted knows nothing of the addresses it held"


def test_kill_aws_still_calls_it_running(machines: Lab) -> None:
    """A dead node answers nothing, and AWS does not know."""
    machines.kill("n2")
    assert not machines.is_running("n2")
    assert machines.instance_state("n2") == "running"
    address = machines.topology.member("n2").enis[0].ip
    assert machines.exec("n1", "ping", "-c1", "-W1", address, check=False).returncode != 0
    with pytest.raises(LabError, match="node 'n2' is off"):
        machines.exec("n2", "true")


def test_freeze_nothing_runs_until_thaw(served: Lab) -> None:
    """All processes stop; the kernel still answers, and they go on afterwards."""
    own = served.topology.member("n1").enis[0].ip
    served.freeze("n1")
    assert served.ask(own) is None
    assert served.exec("n2", "ping", "-c1", "-W1", own).returncode == 0
    served.thaw("n1")
    assert served.ask(own) == "n1"


def test_cut_and_heal(machines: Lab) -> None:
    """A cut drops packets of that pair alone, both ways and in both families."""

    def reaches(source: str, target: str) -> bool:
        pings = [
            machines.exec(source, "ping", "-c1", "-W1", address, check=False).returncode == 0
            for address in machines.topology.member(target).addresses
        ]
        assert len(set(pings)) == 1
        return pings[0]

    assert reaches("n1", "n2")
    machines.cut("n1", "n2")
    assert not reaches("n1", "n2") and not reaches("n2", "n1")
    assert reaches("client", "n1") and reaches("client", "n2")
    machines.cut("client", "n2")
    machines.mend("n2", "n1")
    assert reaches("n1", "n2") and not reaches("client", "n2")
    machines.mend("n1", "client")
    assert not reaches("client", "n2"), "what is not cut is not mended"
    machines.heal()
    assert reaches("client", "n2")


def whoami(lab: Lab, node: str) -> subprocess.CompletedProcess:
    """Ask AWS with the AWS CLI who we are."""
    identity = ["aws", "sts", "get-caller-identity", "--region", REGION, "--cli-connect-timeout=1"]
    return lab.exec(node, "env", "AWS_MAX_ATTEMPTS=1", *identity, check=False)


def test_aws_real_names_and_trust(machines: Lab) -> None:
    """Debian's AWS CLI and curl reach the lab by AWS's names, with certificates they trust."""
    answer = whoami(machines, "n1")
    assert answer.returncode == 0, answer.stderr
    assert machines.topology.member("n1").instance in json.loads(answer.stdout)["Arn"]
    machines.exec("n1", "curl", "-sS", f"https://ec2.{REGION}.amazonaws.com/")


def test_cut_from_aws(machines: Lab) -> None:
    """A node can lose AWS and nothing else."""
    machines.cut("n1", "aws")
    assert whoami(machines, "n1").returncode != 0
    assert whoami(machines, "n2").returncode == 0
    machines.mend("n1", "aws")
    assert whoami(machines, "n1").returncode == 0


def test_block_refuse_and_drop(machines: Lab) -> None:
    """A blocked address refuses or swallows; blocking twice and unblocking twice is harmless."""
    address = machines.topology.endpoints[f"ec2.{REGION}.amazonaws.com"]
    url = f"https://{address}/"

    def connects() -> int:
        return machines.exec("n1", "curl", "-sk", "-m1", url, check=False).returncode

    could_not_connect, timed_out = 7, 28
    for how, expected in (("refuse", could_not_connect), ("drop", timed_out)):
        netns.block(NAME, "n1", [address], how)
        netns.block(NAME, "n1", [address], how)
        assert connects() == expected
    netns.unblock(NAME, "n1", [address])
    netns.unblock(NAME, "n1", [address])
    assert connects() == 0


@pytest.mark.parametrize(
    ("service", "url", "known"),
    [
        ("ec2", f"https://ec2.{REGION}.amazonaws.com/", REGION),
        ("imds", "http://169.254.169.254/latest/meta-data/", ""),
    ],
)
def test_refused_connections_are_counted(machines: Lab, service: str, url: str, known: str) -> None:
    """By node; those that are taken, and those that the other node makes, do not count."""
    before = machines.refused("n1")
    machines.fault(service, "refuse", node="n1")
    for where in ("n1", "n1", "n2"):
        machines.exec(where, "curl", "-sk", "-m5", url, check=False)
    counts = machines.refused("n1")
    machines.clear_faults()
    machines.exec("n1", "curl", "-sk", "-m5", url)
    assert {key: counts[key] - before[key] for key in counts if counts[key] != before[key]} == {
        (service, known): 2
    }


def test_node_own_directories_and_environment(machines: Lab, monkeypatch) -> None:
    """A node sees neither the host's files nor the caller's environment, nor another node's."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere")
    assert "AWS_CA_BUNDLE" not in machines.exec("n1", "env").stdout
    for directory in ("/run", "/tmp", "/dev/shm", "/var/log", "/root"):
        machines.exec("n1", "touch", f"{directory}/mark-of-n1")
        assert machines.exec("n2", "test", "-e", f"{directory}/mark-of-n1", check=False).returncode
        assert not Path(directory, "mark-of-n1").exists()
    assert machines.exec("n1", "hostname").stdout == "n1\n"
    assert machines.exec("n1", "cat", "/proc/1/comm").stdout.startswith("python")
    assert not machines.exec("n1", "getent", "hosts", "nowhere.example", check=False).stdout


def test_exec_caller_gone_command_ends(machines: Lab) -> None:
    """A command in a node does not outlive the one who asked for it."""
    running = subprocess.Popen(machines.command("n1", "sleep", "1000"))
    until(lambda: "sleep" in machines.exec("n1", "ps", "axo", "comm").stdout, 5, "sleep to run")
    running.kill()
    running.wait()
    until(lambda: "sleep" not in machines.exec("n1", "ps", "axo", "comm").stdout, 5, "its end")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lab", "no-dash", "up"], "'no-dash' cannot name a lab"),
        (["--lab", "ctsnone", "status"], f"lab 'ctsnone' is not up: .* running: .*{NAME}"),
        (["--lab", NAME, "up"], f"lab '{NAME}' is up already: .*--lab {NAME} down"),
        (["--lab", NAME, "exec", "n9", "--", "true"], "no node 'n9'; it has n1, n2, client"),
        (["--lab", NAME, "exec", "n1"], "exec needs a command"),
        (["--lab", NAME, "kill", "n9"], "no node 'n9'"),
        (["--lab", NAME, "cut", "n1", "n1"], "cannot cut 'n1' from itself"),
        (["--lab", NAME, "heal", "n1"], "heal takes the two ends of a cut, or nothing"),
        (["--lab", NAME, "fault", "clear", "7"], "id: 7 is not possible; .* there are no rules"),
        (["--lab", NAME, "fault", "add", "ec2", "no-such-kind"], "kind.*no-such-kind.*refuse"),
        (["--lab", OTHER, "up", "--scenario", "nope"], "'nope' is unknown; there are textbook"),
        (["--lab", OTHER, "up", "--nodes", "0"], "--nodes 0: a lab has from 1 to"),
        (["--lab", OTHER, "up", "--agents", "/nowhere"], "no agents in /nowhere"),
    ],
)
def test_command_wrong_use_says_what_is_allowed(
    machines: Lab, arguments: list[str], message: str
) -> None:
    """One line that names what was wrong; nothing is changed."""
    done = aws_lab(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert re.search(message, done.stderr)
    assert not State(OTHER).exists


def test_command_exec_passes_code_and_streams(machines: Lab) -> None:
    """exec ends as the command does."""
    done = aws_lab("--lab", NAME, "exec", "n1", "--", "sh", "-c", "hostname; echo oops >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "n1\n", "oops\n")


def test_command_requests_and_state(machines: Lab) -> None:
    """The request log and AWS's state, for programs and for people."""
    machines.clear_requests()
    whoami(machines, "n2")
    log = json.loads(aws_lab("--lab", NAME, "requests", "--json").stdout)
    assert [entry["node"] for entry in log if entry["action"] == "GetCallerIdentity"] == ["n2"]
    assert "GetCallerIdentity" in aws_lab("--lab", NAME, "requests", "--clear").stdout
    assert json.loads(aws_lab("--lab", NAME, "requests", "--json").stdout) == []
    assert json.loads(aws_lab("--lab", NAME, "state", "--json").stdout) == machines.state()
    assert f"{VIP}/32" in aws_lab("--lab", NAME, "state").stdout


def test_command_faults_and_cuts_end_one_by_one(machines: Lab) -> None:
    """What is under way goes on when another fault or cut ends."""
    first, second = machines.fault("ec2", "e500"), machines.fault("imds", "hang", node="n2")
    listed = aws_lab("--lab", NAME, "fault", "list").stdout.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [
        [str(first), "ec2", "e500"],
        [str(second), "imds", "hang"],
    ]
    assert aws_lab("--lab", NAME, "fault", "clear", str(first)).returncode == 0
    assert [rule["id"] for rule in machines.control.faults()] == [second]
    assert aws_lab("--lab", NAME, "fault", "clear").returncode == 0
    assert machines.control.faults() == []
    machines.cut("n1", "aws")
    machines.cut("n2", "aws")
    assert aws_lab("--lab", NAME, "heal", "aws", "n1").returncode == 0
    assert whoami(machines, "n1").returncode == 0
    assert whoami(machines, "n2").returncode != 0


def test_labs_side_by_side_and_without_a_trace(machines: Lab) -> None:
    """A second lab does not disturb the first, and leaves nothing."""
    with Lab.running(OTHER, nodes=1, with_cluster=False) as other:
        assert other.exec("n1", "hostname").stdout == "n1\n"
        assert whoami(other, "n1").stdout != whoami(machines, "n1").stdout
        assert traces(OTHER)
    assert traces(OTHER) == []
    assert whoami(machines, "n1").returncode == 0
    assert aws_lab("--lab", OTHER, "down").returncode == 0


def test_down_after_daemon_was_killed() -> None:
    """A lab whose daemon is dead, with a frozen node and a command in one, still goes away."""
    lab = Lab.up(OTHER, with_cluster=False)
    command = subprocess.Popen(lab.command("n2", "sleep", "1000"))
    lab.freeze("n1")
    daemon = process.Process.of(int(lab.files.daemon_pid.read_text()))
    daemon.signal(signal.SIGKILL)
    until(lambda: not daemon.alive, 5, "the daemon's end")
    assert "does not answer" in aws_lab("--lab", OTHER, "state").stderr
    assert aws_lab("--lab", OTHER, "down").returncode == 0
    command.wait(timeout=5)
    assert traces(OTHER) == []


def test_up_over_the_remains_of_a_dead_lab_removes_them() -> None:
    """What a killed machine or CI job leaves is no lab that is up."""
    lab = Lab.up(OTHER, with_cluster=False)
    inodes = {path.stat().st_ino for path in netns.NETNS_DIR.glob(f"{OTHER}-*")}
    for running in process.in_namespace("net", inodes):
        running.signal(signal.SIGKILL)
    until(lambda: not process.in_namespace("net", inodes), 5, "all of the lab to be dead")
    assert lab.files.exists
    done = aws_lab("--lab", OTHER, "up", "--no-cluster")
    assert done.returncode == 0
    assert f"earlier lab '{OTHER}'" in done.stdout + done.stderr
    assert aws_lab("--lab", OTHER, "up").returncode == 1
    assert aws_lab("--lab", OTHER, "down").returncode == 0
    assert traces(OTHER) == []


def test_up_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """When a namespace of that name is in the way, up says so and removes what it built."""
    netns.ip_batch(None, [f"netns add {OTHER}-n2"])
    done = aws_lab("--lab", OTHER, "up", "--no-cluster")
    assert done.returncode == 1
    assert f"{OTHER}-n2" in done.stderr
    assert traces(OTHER) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_interrupted_leaves_nothing(number: signal.Signals) -> None:
    """Ctrl-C, or the end of a CI job, in the middle of up."""
    # A background job of a shell, such as these tests may be, is born deaf to SIGINT.
    command = ["env", "--default-signal=INT,TERM", AWS_LAB, "--lab", OTHER, "up"]
    starting = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until(lambda: State(OTHER).topology_json.exists(), 30, "the lab to be half built")
    starting.send_signal(number)
    assert starting.wait(timeout=30) == 128 + number
    assert traces(OTHER) == []


def test_up_while_another_up_runs_is_refused() -> None:
    """The second of two at the same time is told so."""
    with State(OTHER).locked():
        done = aws_lab("--lab", OTHER, "up")
    assert done.returncode == 1
    assert "another command is bringing lab" in done.stderr


def test_until_gives_up_and_names_what() -> None:
    """A condition that never holds ends with what was waited for."""
    began = time.monotonic()
    with pytest.raises(LabError, match=r"gave up after 0\.1 s waiting for a miracle"):
        until(lambda: False, 0.1, "a miracle")
    assert time.monotonic() - began < 1
