# SPDX-License-Identifier: GPL-2.0-or-later
"""Network Load Balancers in the lab: the API, and where packets go."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lab import client, history, netns, nlb, process
from lab.aws.client import ControlError
from lab.handle import Lab
from lab.nlb import CHECKING, FAILED, HEALTHY, TIMED_OUT, Plan, Server, Target, judge, together
from lab.state import State, until
from standalone import REGION, Aws, allow, refused, running
from test_lab_cluster import aws_lab, traces

NAME = "ctsnlb"
OTHER = "ctsnlbother"
ROLE = "ocf-aws-node"
ELB = "elasticloadbalancing"
DESCRIBE = f"{ELB}:DescribeTargetHealth"
DB_PORT, WEB_PORT, WEB_LISTENER = 5432, 8080, 80
DB_CHECK, WEB_CHECK = 3999, 3998
CONNECT_S = 2
FOLLOW_S = 20
NODES = ("n1", "n2")


# --- the API alone ---------------------------------------------------------------------------


def _machine(subnet: str, ip: str, vpc: str = "main", **more: Any) -> dict[str, Any]:
    return {"region": REGION, "vpc": vpc, "subnet": subnet, "ip": ip, "ip6": None, **more}


def _vpc(prefix: str) -> dict[str, Any]:
    zones = {"a": 2, "c": 4, "d": 6}
    return {
        "cidr": f"{prefix}.0.0/16",
        "cidr6": None,
        "subnets": {
            zone: {"cidr": f"{prefix}.{number}.0/24", "az": f"{REGION}{zone}", "cidr6": None}
            for zone, number in zones.items()
        },
        "route_tables": {},
    }


def _group(serves: int, targets: list[str], **health_check: Any) -> dict[str, Any]:
    return {
        "region": REGION,
        "vpc": "main",
        "port": serves,
        "health_check": health_check,
        "targets": targets,
    }


LAB = {
    "name": "pytest",
    "api_net": "198.18.0.0/24",
    "regions": {REGION: {"vpcs": {"main": _vpc("10.0"), "other": _vpc("10.9")}}},
    "nodes": {
        "n1": _machine("a", "10.0.2.10", role=ROLE),
        "n2": _machine("c", "10.0.4.10", role=ROLE),
        "far": _machine("d", "10.0.6.10"),
        "stranger": _machine("a", "10.9.2.10", vpc="other"),
    },
    "clients": {},
    "target_groups": {
        "db": _group(DB_PORT, ["n1", "n2", "far"], interval_s=10, timeout_s=5, healthy=3),
        "web": _group(WEB_PORT, ["n1"], protocol="HTTP", port=WEB_CHECK, path="/up?x='1'"),
        "idle": _group(7, ["n1"]),
    },
    "load_balancers": {
        "nlb": {
            "region": REGION,
            "vpc": "main",
            "subnets": ["a", "c"],
            "listeners": [
                {"port": DB_PORT, "target_group": "db"},
                {"port": WEB_LISTENER, "target_group": "web"},
            ],
        }
    },
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running(tmp_path_factory.mktemp("aws"), LAB) as aws:
        aws.control.set_policy(ROLE, [allow(f"{ELB}:*", "ec2:StopInstances", "ec2:StartInstances")])
        yield aws


@pytest.fixture(scope="module")
def elb(daemon: Aws) -> Any:
    return daemon.client("elbv2")


def arn(aws: Any, group: str) -> str:
    """The ARN of a target group, by topology.json of a daemon or a lab."""
    return aws.topology["target_groups"][group]["arn"]


def nobodys(group_arn: str) -> str:
    """The ARN of a target group that there is not."""
    return group_arn[:-1] + ("1" if group_arn.endswith("0") else "0")


def described(elb: Any, group_arn: str, **more: Any) -> dict[str, dict[str, Any]]:
    """DescribeTargetHealth by instance."""
    answer = elb.describe_target_health(TargetGroupArn=group_arn, **more)
    return {item["Target"]["Id"]: item for item in answer["TargetHealthDescriptions"]}


def test_api_seeded_as_lab_json_says(daemon: Aws, elb: Any) -> None:
    """Names, ARNs and health checks are those of a network balancer on AWS."""
    balancer = daemon.topology["load_balancers"]["nlb"]
    assert [eni["ip"] for eni in balancer["enis"]] == ["10.0.2.4", "10.0.4.4"]
    (found,) = elb.describe_load_balancers()["LoadBalancers"]
    assert found["LoadBalancerArn"] == balancer["arn"]
    assert (found["Type"], found["Scheme"]) == ("network", "internal")
    assert ":loadbalancer/net/nlb/" in balancer["arn"]
    assert found["DNSName"].endswith(f".elb.{REGION}.amazonaws.com")
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["arn"])["Listeners"]
    assert sorted(item["Port"] for item in listeners) == [WEB_LISTENER, DB_PORT]
    groups = {
        item["TargetGroupName"]: item for item in elb.describe_target_groups()["TargetGroups"]
    }
    db, web = groups["db"], groups["web"]
    assert (db["HealthCheckProtocol"], db["HealthCheckPort"]) == ("TCP", "traffic-port")
    assert (db["HealthCheckIntervalSeconds"], db["HealthCheckTimeoutSeconds"]) == (10, 5)
    assert (db["HealthyThresholdCount"], db["UnhealthyThresholdCount"]) == (3, 2)
    assert (web["HealthCheckPath"], web["Matcher"]) == ("/up?x='1'", {"HttpCode": "200-399"})


def test_api_health_without_packets(daemon: Aws, elb: Any) -> None:
    """Where nobody checks, a target is initial; where no balancer looks, it is unused."""
    health = described(elb, arn(daemon, "db"))
    n1, far = health[daemon.instance("n1")], health[daemon.instance("far")]
    assert n1["Target"] == {"Id": daemon.instance("n1"), "Port": DB_PORT}
    assert n1["HealthCheckPort"] == str(DB_PORT)
    assert n1["TargetHealth"] == {
        "State": "initial",
        "Reason": "Elb.RegistrationInProgress",
        "Description": "Target registration is in progress",
    }
    assert (far["TargetHealth"]["State"], far["TargetHealth"]["Reason"]) == (
        "unused",
        "Target.NotInUse",
    )
    assert "Availability Zone" in far["TargetHealth"]["Description"]
    (web,) = described(elb, arn(daemon, "web")).values()
    assert web["HealthCheckPort"] == str(WEB_CHECK)
    (idle,) = described(elb, arn(daemon, "idle")).values()
    assert idle["TargetHealth"]["Reason"] == "Target.NotInUse"


def test_api_health_of_a_target_that_is_not_registered(daemon: Aws, elb: Any) -> None:
    """Asked for by id, a target of no group is unused; the same port elsewhere is another."""
    for target in (
        {"Id": daemon.instance("n2")},
        {"Id": daemon.instance("n1"), "Port": 9},
    ):
        (found,) = described(elb, arn(daemon, "web"), Targets=[target]).values()
        assert found["TargetHealth"]["State"] == "unused"
        assert found["TargetHealth"]["Reason"] == "Target.NotRegistered"


def test_api_stopped_instance_is_unused(daemon: Aws, elb: Any) -> None:
    """A balancer does not look at an instance that is stopped."""
    ec2, instance = daemon.client(), daemon.instance("n2")
    ec2.stop_instances(InstanceIds=[instance])
    health = described(elb, arn(daemon, "db"))[instance]["TargetHealth"]
    assert health == {
        "State": "unused",
        "Reason": "Target.InvalidState",
        "Description": "Target is in the stopped state",
    }
    ec2.start_instances(InstanceIds=[instance])
    health = described(elb, arn(daemon, "db"))[instance]["TargetHealth"]
    assert health["State"] == "initial"


def test_api_deregistered_target_drains_first(daemon: Aws, elb: Any) -> None:
    """It is listed as draining until it is registered again."""
    group, targets = arn(daemon, "web"), [{"Id": daemon.instance("n1")}]
    elb.deregister_targets(TargetGroupArn=group, Targets=targets)
    (found,) = described(elb, group).values()
    assert found["TargetHealth"] == {
        "State": "draining",
        "Reason": "Target.DeregistrationInProgress",
        "Description": "Target deregistration is in progress",
    }
    elb.register_targets(TargetGroupArn=group, Targets=targets)
    (found,) = described(elb, group).values()
    assert found["TargetHealth"]["State"] == "initial"


def test_api_end_of_draining_is_a_change(daemon: Aws, elb: Any) -> None:
    """After the delay the target is listed no more, and the record says when that was."""
    group, targets = arn(daemon, "idle"), [{"Id": daemon.instance("n1")}]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=delay)
    elb.deregister_targets(TargetGroupArn=group, Targets=targets)

    def recorded() -> dict[str, Any] | None:
        last = json.loads((daemon.state_dir / "events.jsonl").read_text().splitlines()[-1])
        return last if last["action"] == "drained" else None

    (change,) = until(recorded, FOLLOW_S, "the end of draining to be recorded")["changes"]
    assert [target["use"] for target in change["old"]["targets"]] == ["draining"]
    assert change["new"]["targets"] == []
    assert described(elb, group) == {}
    elb.register_targets(TargetGroupArn=group, Targets=targets)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda elb, aws: described(elb, nobodys(arn(aws, "db"))), "TargetGroupNotFound"),
        (
            lambda elb, aws: elb.register_targets(
                TargetGroupArn=arn(aws, "db"), Targets=[{"Id": "i-00000000000000000"}]
            ),
            "InvalidTarget",
        ),
        (
            lambda elb, aws: elb.register_targets(
                TargetGroupArn=arn(aws, "db"), Targets=[{"Id": aws.instance("stranger")}]
            ),
            "InvalidTarget",
        ),
        (
            lambda elb, aws: elb.deregister_targets(
                TargetGroupArn=arn(aws, "web"), Targets=[{"Id": aws.instance("n2")}]
            ),
            "InvalidTarget",
        ),
        (
            lambda elb, aws: elb.modify_target_group(
                TargetGroupArn=arn(aws, "web"), HealthCheckPath="no-slash"
            ),
            "ValidationError",
        ),
        (
            lambda elb, aws: elb.modify_target_group(
                TargetGroupArn=arn(aws, "web"), HealthCheckPort="65536"
            ),
            "ValidationError",
        ),
        (
            lambda elb, aws: elb.modify_target_group(
                TargetGroupArn=arn(aws, "web"), Matcher={"HttpCode": "200-99999"}
            ),
            "ValidationError",
        ),
    ],
)
def test_api_refusals(daemon: Aws, elb: Any, call: Callable[[Any, Aws], Any], code: str) -> None:
    """What AWS refuses is refused with its code."""
    with refused(code, 400):
        call(elb, daemon)


@pytest.mark.parametrize(
    ("name", "value"),
    [("HealthCheckIntervalSeconds", "4"), ("HealthCheckTimeoutSeconds", "121")]
    + [(f"{kind}ThresholdCount", value) for kind in ("Healthy", "Unhealthy") for value in "1x"],
)
def test_api_numbers_of_a_health_check(daemon: Aws, name: str, value: str) -> None:
    """AWS's limits hold for callers that do not check them first."""
    group = arn(daemon, "db")
    params = {"Action": "ModifyTargetGroup", "Version": "2015-12-01", "TargetGroupArn": group}
    host = f"{ELB}.{REGION}.amazonaws.com"
    status, _headers, body = daemon.post({**params, name: value}, scope=(ELB, REGION), host=host)
    assert status == 400
    assert b"<Code>ValidationError</Code>" in body
    assert f"'{value}' must be between".encode() in body


def test_api_error_document(daemon: Aws) -> None:
    """Errors come as the ErrorResponse of the service."""
    params = {"Action": "DescribeTargetHealth", "Version": "2015-12-01", "TargetGroupArn": "none"}
    host = f"{ELB}.{REGION}.amazonaws.com"
    status, _headers, body = daemon.post(params, scope=(ELB, REGION), host=host)
    assert status == 400
    assert b"<ErrorResponse" in body
    assert b"<Code>TargetGroupNotFound</Code>" in body


def test_api_needs_permission(daemon: Aws) -> None:
    """The action is checked, and the policy that names it with resource * is enough."""
    daemon.control.set_policy(ROLE, [allow("ec2:*")])
    elbv2 = daemon.client("elbv2")
    with refused("AccessDenied", 403, DESCRIBE):
        described(elbv2, arn(daemon, "db"))
    daemon.control.set_policy(ROLE, [allow(DESCRIBE)])
    assert described(elbv2, arn(daemon, "db"))
    daemon.control.set_policy(ROLE, [allow(f"{ELB}:*", "ec2:StopInstances", "ec2:StartInstances")])


# --- what health checks mean -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "check", "before", "expected"),
    [
        ("UP", "L4OK", None, HEALTHY),
        ("UP 1/2", "L4CON", HEALTHY, HEALTHY),
        ("DOWN", "INI", None, CHECKING),
        ("DOWN 1/2", "L4OK", CHECKING, CHECKING),
        ("DOWN 1/2", "L7OK", TIMED_OUT, TIMED_OUT),
        ("DOWN 1/2", "* L7OK", HEALTHY, FAILED),
        ("DOWN", "* L4TOUT", HEALTHY, TIMED_OUT),
        ("DOWN", "L7TOUT", CHECKING, TIMED_OUT),
        ("DOWN", "L4CON", None, FAILED),
        ("DOWN", "L7RSP", HEALTHY, FAILED),
    ],
)
def test_judge(status: str, check: str, before: Any, expected: Any) -> None:
    """HAProxy's columns in AWS's words; a target on its way up keeps what it was."""
    assert judge({"status": status, "check_status": check, "check_code": ""}, before) == expected


class HeldServers:
    """HAProxy as a balancer knows it; a server is deleted as soon as nothing holds it."""

    alive = True

    def __init__(self) -> None:
        self.statuses: dict[tuple[str, str], str] = {}
        self.held = False

    def servers(self) -> dict[tuple[str, str], dict[str, str]]:
        """The rows of statistics."""
        row = {"scur": "0", "check_status": "L7OK", "check_code": "200"}
        return {key: {**row, "status": status} for key, status in self.statuses.items()}

    def command(self, *commands: str, answer: str = "") -> None:
        """Those that change what a server is."""
        for words in (command.split() for command in commands):
            if words[:2] in (["add", "server"], ["set", "server"]):
                key = tuple(words[2].split("/"))
                if words[0] == "add" or words[4] == "maint":
                    self.statuses[key] = "MAINT"
                elif words[3:5] == ["state", "ready"]:
                    self.statuses[key] = "UP"

    def try_command(self, command: str, answer: str) -> bool:
        """Delete a server."""
        if not self.held:
            del self.statuses[tuple(command.split()[-1].split("/"))]
        return not self.held


def test_target_that_is_wanted_again_while_a_connection_holds_it() -> None:
    """It comes back as a new server; it used to stay in maintenance for ever."""
    haproxy = HeldServers()
    balancer = nlb._Running(SimpleNamespace(name="nlb", load_balancer="nlb"), State("ctsheld"))
    balancer._haproxy = haproxy
    target = Target("arn", "i-1", "web", "n1")
    server = Server(target, "10.0.2.10:8080", "check", draining=False, ends_when_drained=False)
    wanted = Plan("frontend", {"web": ""}, {("web", "i-1"): server})
    for plan, held in ((wanted, False), (Plan("frontend", {"web": ""}), True), (wanted, True)):
        balancer._plan, haproxy.held = plan, held
        balancer.look()
    assert set(haproxy.statuses.values()) == {"MAINT"}
    haproxy.held = False
    balancer.look()
    balancer.look()
    assert set(haproxy.statuses.values()) == {"UP"}
    assert len(haproxy.statuses) == 2


def test_together_changes_when_all_addresses_agree() -> None:
    """Whoever waits for a state can rely on every address of the balancer."""
    assert together([HEALTHY, HEALTHY], FAILED) == HEALTHY
    assert together([TIMED_OUT, FAILED], HEALTHY) == TIMED_OUT
    assert together([FAILED, HEALTHY], HEALTHY) == HEALTHY
    assert together([FAILED, HEALTHY], FAILED) == FAILED
    assert together([CHECKING, FAILED], None) == CHECKING


# --- packets ---------------------------------------------------------------------------------

# Answers health checks, counted for each address that asks, with one of the answers after the
# other: an HTTP status, "accept", "silent" or "garbage"; the last one goes on. Prints each.
_PROBE = """
import socket, sys
answers, seen, held = sys.argv[2].split(","), {}, []
listener = socket.create_server(("", int(sys.argv[1])))
while True:
    connection, peer = listener.accept()
    number = seen[peer[0]] = seen.get(peer[0], 0) + 1
    answer = answers[min(number, len(answers)) - 1]
    if answer == "silent":
        held.append(connection)
    elif answer != "accept":
        connection.recv(4096)
        text = "nonsense" if answer == "garbage" else f"HTTP/1.1 {answer} X"
        connection.sendall(f"{text}\\r\\nContent-Length: 0\\r\\n\\r\\n".encode())
    if answer != "silent":
        connection.close()
    print(peer[0], answer, flush=True)
"""
# Answers each line of a connection with the name of the machine, and a request by HTTP as well.
_SERVICE = """
import socket, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line.startswith(b"GET"):
                self.wfile.write(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + socket.gethostname().encode())
                return
            self.wfile.write(socket.gethostname().encode() + b"\\n")
socketserver.ThreadingTCPServer.daemon_threads = True
socketserver.ThreadingTCPServer(("", int(sys.argv[1])), Handler).serve_forever()
"""
# Passes lines between a connection and its own streams; ends when the connection does.
_CALLER = """
import select, socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
while True:
    for ready in select.select([connection, sys.stdin.buffer], [], [])[0]:
        data = connection.recv(4096) if ready is connection else sys.stdin.buffer.readline()
        if not data:
            sys.exit()
        if ready is connection:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            connection.sendall(data)
"""


# Takes connections and does nothing with them.
_HOLDER = """
import socket, sys
listener, held = socket.create_server(("", int(sys.argv[1]))), []
while True:
    held.append(listener.accept())
"""
# Ends its half of some connections, and waits for the other half to end.
_HALF_CLOSER = """
import socket, sys
made = [socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) for _ in range(4)]
for connection in made:
    connection.shutdown(socket.SHUT_WR)
print("half closed", flush=True)
for connection in made:
    connection.recv(1)
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Lab]:
    """The scenario with a service on both nodes' ports, and nobody who answers health checks."""
    with (
        Lab.running(NAME, scenario="nlb", with_cluster=False) as lab,
        contextlib.ExitStack() as programs,
    ):
        for node in NODES:
            for port in (DB_PORT, WEB_PORT):
                programs.enter_context(program(lab, node, "-c", _SERVICE, str(port)))
                own = lab.topology.member(node).enis[0].ip
                until(lambda own=own, port=port: asks(lab, own, port), FOLLOW_S, "the service")
        yield lab


@contextlib.contextmanager
def program(lab: Lab, where: str, *arguments: str, **streams: Any) -> Iterator[subprocess.Popen]:
    """A Python program on a machine for the time of a with statement."""
    started = subprocess.Popen(lab.command(where, "/usr/bin/python3", *arguments), **streams)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


class Probe:
    """What has asked a listener for the health of a node, and what it was told."""

    def __init__(self, record: Path):
        self._record = record

    def told(self) -> dict[str, list[str]]:
        """The answers so far, by the address that asked."""
        found: dict[str, list[str]] = {}
        for line in self._record.read_text().splitlines():
            source, answer = line.split()
            found.setdefault(source, []).append(answer)
        return found


@pytest.fixture
def answering(served: Lab, tmp_path: Path) -> Any:
    """Answers health checks on a node."""

    @contextlib.contextmanager
    def answer(node: str, port: int = DB_CHECK, answers: str = "accept") -> Iterator[Probe]:
        record = tmp_path / f"{node}.{port}"
        with (
            open(record, "w") as file,
            program(served, node, "-c", _PROBE, str(port), answers, stdout=file),
        ):
            yield Probe(record)

    return answer


def asks(lab: Lab, host: str, port: int, where: str = "client") -> str | None:
    """Who answers; None when nobody does."""
    url = f"http://{host}:{port}/"
    asked = lab.exec(where, "curl", "-s", "-m", str(CONNECT_S), url, check=False)
    return asked.stdout if asked.returncode == 0 else None


def answers(lab: Lab, port: int, number: int = 4) -> dict[str, Counter]:
    """Who answers clients in both zones so many times, by the address of the balancer."""
    clients = ("client", "client-c")
    return {
        address: Counter(asks(lab, address, port, who) for who in clients for _ in range(number))
        for address in lab.topology.balancers["nlb"].addresses
    }


def lab_arn(lab: Lab, group: str) -> str:
    """The ARN of a target group of a lab."""
    return lab.control.topology()["target_groups"][group]["arn"]


def elb_call(lab: Lab, operation: str, group: str, **more: Any) -> Any:
    """A call about a target group, past permissions."""
    return lab.control.aws(REGION, ELB, operation, TargetGroupArn=lab_arn(lab, group), **more)


def health(lab: Lab, group: str = "db") -> dict[str, dict[str, str]]:
    """What DescribeTargetHealth says of each node."""
    nodes = {member.instance: name for name, member in lab.topology.nodes.items()}
    return {
        nodes[item["Target"]["Id"]]: item["TargetHealth"]
        for item in elb_call(lab, "DescribeTargetHealth", group)["TargetHealthDescriptions"]
    }


def comes(lab: Lab, group: str = "db", **states: str) -> None:
    """Wait for states of nodes."""

    def so() -> bool:
        now = health(lab, group)
        return all(now.get(node, {}).get("State") == state for node, state in states.items())

    until(so, FOLLOW_S, f"{group} to be {states}")


def transitions(lab: Lab, since: float, group: str, node: str) -> list[str]:
    """The states of a node in the record of events since a time of the monotonic clock."""
    changes = history.health_changes(lab, group)
    return [change.new for change in changes if change.node == node and change.t > since]


def test_packets_go_where_the_probe_answers(served: Lab, answering: Any) -> None:
    """Every address of the balancer leads clients of every zone to the one healthy node."""
    for active, standby in (NODES, NODES[::-1]):
        with answering(active) as probe:
            comes(served, **{active: "healthy", standby: "unhealthy"})
            for found in answers(served, DB_PORT).values():
                assert set(found) == {active}
            # The balancer checks from each of its own addresses.
            assert set(probe.told()) == set(served.topology.balancers["nlb"].addresses)


def test_state_for_people(served: Lab, answering: Any) -> None:
    """`aws-lab state` shows the balancer, its listeners and each target's health."""
    with answering("n2"):
        comes(served, n1="unhealthy", n2="healthy")
        shown = aws_lab("--lab", NAME, "state").stdout
    lines = [line.split() for line in shown.splitlines()]
    assert ["nlb", str(DB_PORT), "db"] in [line[:3] for line in lines]
    assert ["db", "n2", str(DB_PORT), "healthy"] in lines
    assert ["db", "n1", str(DB_PORT), "unhealthy", "Target.FailedHealthChecks"] in lines


def test_cut_from_the_balancer(served: Lab, answering: Any) -> None:
    """A node that the balancer alone has lost times out, and comes back."""
    with answering("n1"):
        comes(served, n1="healthy")
        served.cut("n1", "nlb-nlb")
        try:
            comes(served, n1="unhealthy")
            assert health(served)["n1"]["Reason"] == "Target.Timeout"
            own = served.topology.member("n1").enis[0].ip
            assert asks(served, own, DB_PORT) == "n1"
        finally:
            served.heal()
        comes(served, n1="healthy")


def test_packets_http_check(served: Lab, answering: Any) -> None:
    """The same with a path and a status; clients' port and targets' port differ."""
    with answering("n1", WEB_CHECK, "503"), answering("n2", WEB_CHECK, "301"):
        comes(served, "web", n1="unhealthy", n2="healthy")
        for found in answers(served, WEB_LISTENER).values():
            assert set(found) == {"n2"}


def test_packets_nobody_healthy_fails_open(served: Lab) -> None:
    """With no healthy target all of them get connections, as with two healthy ones."""
    comes(served, n1="unhealthy", n2="unhealthy")
    for found in answers(served, DB_PORT).values():
        assert set(found) == set(NODES)


def test_packets_cross_zone_off(served: Lab, answering: Any) -> None:
    """Without it each zone's address knows its own zone's targets only."""
    balancer = served.topology.balancers["nlb"]

    def cross_zone(value: str) -> None:
        attribute = {"Key": "load_balancing.cross_zone.enabled", "Value": value}
        call = "ModifyLoadBalancerAttributes"
        served.control.aws(REGION, ELB, call, LoadBalancerArn=balancer.id, Attributes=[attribute])

    with answering("n1"), answering("n2"):
        comes(served, n1="healthy", n2="healthy")
        cross_zone("false")
        try:
            comes(served, n1="healthy", n2="healthy")
            found = [set(answer) for answer in answers(served, DB_PORT).values()]
            assert found == [{"n1"}, {"n2"}]
        finally:
            cross_zone("true")

        def both() -> bool:
            return all(set(found) == set(NODES) for found in answers(served, DB_PORT, 2).values())

        until(both, FOLLOW_S, "each address to use both nodes")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("503,200,200,200,503", []),
        ("503,200,200,200,200,503,503,200", ["healthy"]),
        ("503,200,200,200,200,200,503,503,503,503", ["healthy", "unhealthy"]),
    ],
    ids=["three-good", "four-good-two-bad", "three-bad"],
)
def test_thresholds_count_checks(
    served: Lab, answering: Any, script: str, expected: list[str]
) -> None:
    """Four checks in a row must pass, and three in a row fail, whatever the time they take."""
    comes(served, "web", n1="unhealthy")
    counts = {"HealthyThresholdCount": 4, "UnhealthyThresholdCount": 3}
    elb_call(served, "ModifyTargetGroup", "web", **counts)
    since, wanted = time.monotonic(), len(script.split(",")) + 1
    try:
        with answering("n1", WEB_CHECK, script) as probe:
            until(
                lambda: [len(told) > wanted for told in probe.told().values()] == [True, True],
                FOLLOW_S,
                f"more than {wanted} checks from each address",
            )
            assert transitions(served, since, "web", "n1") == expected
    finally:
        counts = dict.fromkeys(counts, 2)
        elb_call(served, "ModifyTargetGroup", "web", **counts)


@pytest.mark.parametrize(
    ("answer", "reason", "description"),
    [
        ("silent", "Target.Timeout", "Request timed out"),
        ("503", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
        ("garbage", "Target.FailedHealthChecks", "Health checks failed"),
        (None, "Target.FailedHealthChecks", "Health checks failed"),
    ],
)
def test_health_reasons_as_the_aws_cli_shows_them(
    served: Lab, answering: Any, answer: str | None, reason: str, description: str
) -> None:
    """Inside a node, with the permissions that the project's own policies give its role."""
    wanted = {"State": "unhealthy", "Reason": reason, "Description": description}
    command = ["aws", "elbv2", "describe-target-health", "--region", REGION, "--output", "json"]
    command += ["--target-group-arn", lab_arn(served, "web")]
    with answering("n1", WEB_CHECK, answer) if answer else contextlib.nullcontext():
        until(lambda: health(served, "web")["n1"] == wanted, FOLLOW_S, f"{reason}")
        told = json.loads(served.exec("n2", *command).stdout)["TargetHealthDescriptions"]
    of_n1 = served.topology.member("n1").instance
    found = {item["Target"]["Id"]: item for item in told}[of_n1]
    assert found["TargetHealth"] == wanted
    assert found["Target"] == {"Id": of_n1, "Port": WEB_PORT}
    assert found["HealthCheckPort"] == str(WEB_CHECK)


class Call:
    """A connection from a client through the balancer that stays open."""

    def __init__(self, running: subprocess.Popen):
        self._program = running

    def says(self) -> str | None:
        """Who is at the other end; None when the connection has been ended."""
        with contextlib.suppress(BrokenPipeError):
            self._program.stdin.write("who\n")
            self._program.stdin.flush()
        return self._program.stdout.readline().strip() or None

    def wait_ended(self) -> None:
        """Wait for the other side to end it."""
        self._program.wait(FOLLOW_S)


@contextlib.contextmanager
def connected(lab: Lab, to: str) -> Iterator[Call]:
    """A connection to a node, through the balancer's first address."""
    arguments = ["-c", _CALLER, lab.topology.balancers["nlb"].addresses[0], str(DB_PORT)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with contextlib.ExitStack() as programs:
        # Whom one gets is the balancer's choice.
        calls = (
            Call(programs.enter_context(program(lab, "client", *arguments, **streams)))
            for _ in range(2 * len(NODES))
        )
        yield next(call for call in calls if call.says() == to)


@contextlib.contextmanager
def attribute(lab: Lab, name: str, value: str) -> Iterator[None]:
    """An attribute of the target group with another value than it has of itself."""
    call = "ModifyTargetGroupAttributes"
    elb_call(lab, call, "db", Attributes=[{"Key": name, "Value": value}])
    try:
        yield
    finally:
        other = "false" if value == "true" else "true"
        elb_call(lab, call, "db", Attributes=[{"Key": name, "Value": other}])


@pytest.mark.parametrize("ends", [True, False], ids=["ended", "kept"])
def test_connection_when_its_target_gets_unhealthy(served: Lab, answering: Any, ends: bool) -> None:
    """It is ended, unless the target group's attribute says otherwise."""
    name = "target_health_state.unhealthy.connection_termination.enabled"
    kept = contextlib.nullcontext() if ends else attribute(served, name, "false")
    with kept, contextlib.ExitStack() as probe:
        probe.enter_context(answering("n1"))
        comes(served, n1="healthy", n2="unhealthy")
        with connected(served, "n1") as call:
            probe.close()
            comes(served, n1="unhealthy")
            if ends:
                call.wait_ended()
            else:
                assert call.says() == "n1"


@contextlib.contextmanager
def deregistered(lab: Lab, node: str) -> Iterator[None]:
    """Inside, a node is no target, though it may have to drain yet."""
    target = {"Targets": [{"Id": lab.topology.member(node).instance}]}
    elb_call(lab, "DeregisterTargets", "db", **target)
    try:
        yield
    finally:
        elb_call(lab, "RegisterTargets", "db", **target)


@pytest.mark.parametrize("ends", [True, False], ids=["ended", "kept"])
def test_deregistered_target_drains(served: Lab, answering: Any, ends: bool) -> None:
    """No new connections; those there are stay for the delay at least, and may be ended then."""
    name = "deregistration_delay.connection_termination.enabled"
    ended = attribute(served, name, "true") if ends else contextlib.nullcontext()
    with ended, answering("n1"), answering("n2"):
        comes(served, n1="healthy", n2="healthy")
        with connected(served, "n1") as call, deregistered(served, "n1"):
            assert health(served)["n1"]["Reason"] == "Target.DeregistrationInProgress"
            for found in answers(served, DB_PORT, 2).values():
                assert set(found) == {"n2"}
            until(lambda: "n1" not in health(served), FOLLOW_S, "the end of draining")
            if ends:
                call.wait_ended()
            else:
                assert call.says() == "n1"
        assert health(served)["n1"]["State"] == "initial"
        comes(served, n1="healthy")
        for found in answers(served, DB_PORT).values():
            assert set(found) == set(NODES)


def test_registered_target_gets_nothing_until_its_checks_have_passed(
    served: Lab, answering: Any, tmp_path: Path
) -> None:
    """As many as the threshold says."""
    record = tmp_path / "client.jsonl"
    address = served.topology.balancers["nlb"].addresses[0]
    elb_call(served, "ModifyTargetGroup", "db", HealthyThresholdCount=4)
    with contextlib.ExitStack() as stack:
        stack.callback(elb_call, served, "ModifyTargetGroup", "db", HealthyThresholdCount=2)
        stack.enter_context(answering("n2"))
        comes(served, n2="healthy")
        with deregistered(served, "n1"):
            until(lambda: "n1" not in health(served), FOLLOW_S, "the end of draining")
            probe = stack.enter_context(answering("n1"))
            stack.enter_context(served.asking(f"http://{address}:{DB_PORT}/", record))
        until(
            lambda: "n1" in {request.who for request in client.read(record)},
            FOLLOW_S,
            "requests to reach n1",
        )
        assert len(probe.told()[address]) >= 4


def test_changes_of_the_target_group_lose_no_request(
    served: Lab, answering: Any, tmp_path: Path
) -> None:
    """HAProxy's successor takes over its sockets and what is known of the targets."""
    record = tmp_path / "client.jsonl"
    address = served.topology.balancers["nlb"].addresses[0]
    with answering("n1"):
        comes(served, n1="healthy", n2="unhealthy")
        with served.asking(f"http://{address}:{DB_PORT}/", record):
            for count in (3, 4, 2):
                asked = len(client.read(record))
                elb_call(served, "ModifyTargetGroup", "db", HealthyThresholdCount=count)
                assert health(served)["n1"]["State"] == "healthy"
                until(
                    lambda asked=asked: len(client.read(record)) > asked + 3, FOLLOW_S, "requests"
                )
    assert {request.who for request in client.read(record)} == {"n1"}


@pytest.fixture
def own() -> Iterator[Lab]:
    """A lab to be spoilt."""
    with Lab.running(OTHER, scenario="nlb", with_cluster=False) as lab:
        comes(lab, n1="unhealthy", n2="unhealthy")
        yield lab


def begins_anew(lab: Lab, node: str) -> None:
    """Start a stopped instance, and see the balancer check it as one that it does not know."""
    since = time.monotonic()
    instance = lab.topology.member(node).instance
    lab.control.aws(REGION, "ec2", "StartInstances", InstanceIds=[instance])
    until(
        lambda: transitions(lab, since, "db", node)[:2] == ["initial", "unhealthy"],
        FOLLOW_S,
        f"{node} to be checked again",
    )


def test_stopped_instance_gets_nothing(own: Lab) -> None:
    """A stopped instance is unused, which is less than unhealthy; started, it begins anew."""
    member = own.topology.member("n2")
    own.control.aws(REGION, "ec2", "StopInstances", InstanceIds=[member.instance])
    comes(own, n2="unused")
    assert health(own)["n2"]["Reason"] == "Target.InvalidState"
    begins_anew(own, "n2")


def test_stopped_instance_comes_back_despite_half_closed_connections(own: Lab) -> None:
    """HAProxy does not end these when it is told to, and keeps their server as long."""
    member = own.topology.member("n2")
    address = own.topology.balancers["nlb"].addresses[0]
    arguments = ["-c", _HALF_CLOSER, address, str(DB_PORT)]
    with contextlib.ExitStack() as programs:
        for node in NODES:
            programs.enter_context(program(own, node, "-c", _HOLDER, str(DB_PORT)))
            ip = own.topology.member(node).enis[0].ip
            until(lambda ip=ip: accepts(own, ip), FOLLOW_S, "the holder")
            programs.enter_context(program(own, node, "-c", _PROBE, str(DB_CHECK), "accept"))
        comes(own, n1="healthy", n2="healthy")
        streams = {"stdout": subprocess.PIPE, "text": True}
        caller = programs.enter_context(program(own, "client", *arguments, **streams))
        assert caller.stdout.readline() == "half closed\n"
        # The balancer does not hear of the holder's end.
        own.cut("n2", "nlb-nlb")
        own.control.aws(REGION, "ec2", "StopInstances", InstanceIds=[member.instance])
        comes(own, n2="unused")
        begins_anew(own, "n2")


def accepts(lab: Lab, host: str) -> bool:
    """Whether somebody takes connections there."""
    connect = f"exec 3<>/dev/tcp/{host}/{DB_PORT}"
    return lab.exec("client", "bash", "-c", connect, check=False).returncode == 0


def haproxies(lab: Lab) -> list[process.Process]:
    """The processes in the balancer's namespace."""
    namespace = netns.path(lab.files.netns("nlb-nlb"))
    return process.in_namespace("net", {namespace.stat().st_ino})


def test_death_of_the_balancer_is_seen(own: Lab) -> None:
    """Its targets' health is unavailable, in the record as well, and changes are refused."""
    (haproxy,) = haproxies(own)
    since = time.monotonic()
    haproxy.kill()
    comes(own, n1="unavailable", n2="unavailable")
    assert health(own)["n1"]["Reason"] == "Elb.InternalError"
    assert transitions(own, since, "db", "n1") == ["unavailable"]
    with pytest.raises(ControlError, match="HAProxy of nlb-nlb has ended"):
        own.control.sync()
    assert "HAProxy of nlb-nlb has ended" in own.files.daemon_log.read_text()


def test_nothing_of_the_caller_and_nothing_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """HAProxy does not see the caller's environment, and goes with the lab."""
    monkeypatch.setenv("HTTPS_PROXY", "http://nowhere.example")
    lab = Lab.up(OTHER, scenario="nlb", with_cluster=False)
    try:
        (haproxy,) = haproxies(lab)
        environment = Path("/proc", str(haproxy.pid), "environ").read_text()
        assert "nowhere.example" not in environment
        elb_call(lab, "ModifyTargetGroup", "db", HealthyThresholdCount=3)
        until(lambda: len(haproxies(lab)) == 1, FOLLOW_S, "the end of the one before")
    finally:
        lab.down()
    assert traces(OTHER) == []
