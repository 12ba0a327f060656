# SPDX-License-Identifier: GPL-2.0-or-later
"""The fault matrix as data: agents x actions x faults, and what each cell requires.

The promise behind it: an outage of AWS's API, of instance metadata or of credentials never stops,
moves or fences a healthy service, and what AWS has accepted is never done twice.

An agent is one entry of AGENTS, a fault one of ROWS. required() says what an agent has to do in a
cell, or in words why there is nothing that it could do. faultlab.py runs the cells.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from drifts import DRIFTS, Drift, place_record
from lab.aws.cloud import is_read
from lab.handle import Lab
from lab.topology import PUBLIC_IP, REGION, SECONDARY, VIP, ZONE
from losses import GROUP, LOSSES, ONE_REFUSES, READ_ONLY, Loss, refuse_one_table
from runner import RSCTMP, TIMEOUT_MS, Runner
from transit import Transit

# Each cell begins on ACTIVE.
ACTIVE = "n1"
OK, FAILED, DENIED, NOT_RUNNING, DEGRADED = 0, 1, 4, 7, 190
# Of an action whose fault never ends: it gives up half a second before.
SHORT_MS = 2500

# A region with clients and no node, where a lab has several regions.
REMOTE = "ap-southeast-1"

PROBE, PROBE_STANDBY = "probe", "probe-standby"
MONITOR, DEEP, STANDBY = "monitor", "monitor-deep", "monitor-standby"
RELOAD, REPAIR, VALIDATE = "reload", "repair", "validate"
STOP, START = "stop", "start"
# What meets a part that has drifted.
MENDS = (RELOAD, REPAIR)


@dataclass(frozen=True)
class Action:
    """One way to run an agent; `healthy` is its exit code when nothing is wrong."""

    # Not on the node that has the resource, but on the one that may take it over.
    elsewhere: bool
    verb: str
    healthy: int
    # When the fault lasts, and the agent cannot do without what is broken.
    blind: int
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


_RECURRING = {"interval_ms": 10000}
_PREFLIGHT = {"depth": 10}
_STOPPED = {"OCF_RESKEY_CRM_meta_role": "Stopped"}
ACTIONS = {
    PROBE: Action(False, "monitor", OK, OK, {"interval_ms": 0}),
    PROBE_STANDBY: Action(True, "monitor", NOT_RUNNING, NOT_RUNNING, {"interval_ms": 0}),
    MONITOR: Action(False, "monitor", OK, DEGRADED, _RECURRING),
    DEEP: Action(False, "monitor", OK, DEGRADED, _RECURRING),
    STANDBY: Action(True, "monitor", NOT_RUNNING, NOT_RUNNING, _RECURRING, _STOPPED),
    # The service runs on, whatever comes of it.
    RELOAD: Action(False, "reload-agent", OK, OK),
    VALIDATE: Action(True, "validate-all", OK, FAILED, _PREFLIGHT),
    REPAIR: Action(False, "monitor", OK, DEGRADED, _RECURRING | {"on_drift": "repair"}),
    STOP: Action(False, "stop", OK, OK),
    START: Action(True, "start", OK, FAILED),
}
# In this order; what stands together goes on at once, one action a node.
STEPS = (
    (PROBE, VALIDATE),
    (MONITOR, STANDBY),
    (DEEP,),
    # This probe does not ask AWS, where a part drifts.
    (RELOAD, PROBE_STANDBY),
    (REPAIR,),
    (STOP,),
    (START,),
)


# --- agents --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Agent:
    """What the matrix has to know of an agent that calls AWS."""

    name: str
    service: str
    # Its parameters; makes in the lab what they name.
    parameters: Callable[[Lab], dict[str, str]]
    # The nodes that have the resource, as AWS sees it (or clients, where AWS has no say).
    owners: Callable[[Lab], set[str | None]]
    # Give it to a node, at AWS alone; None where AWS has nothing that could be given.
    place: Callable[[Lab, str], None] | None
    # The calls of each action to the service when nothing is wrong and the caches are warm. Those
    # that are not here have no need of AWS.
    calls: dict[str, tuple[str, ...]]
    # A stop leaves it at AWS, for the next owner to take.
    stays: bool = False
    # What asks instance metadata even then; whoever calls AWS with cold caches does in any case.
    by_metadata: frozenset[str] = frozenset()
    # The depth at which a monitor asks AWS whatever metadata say; None: it does at depth 0.
    depth: int | None = None
    # What such a monitor answers in this lab when nothing is wrong.
    deep_code: int = OK
    deep_says: tuple[str, ...] = ()
    # The lab's scenario, and the node that may take over: in the active one's subnet, so that a
    # secondary address can move.
    scenario: str = "complete"
    other: str = "n3"
    # Those of its calls that go to REMOTE, where no node is.
    remote_calls: dict[str, tuple[str, ...]] = field(default_factory=dict)

    # What a monitor calls beside those when its cache is empty.
    cold_calls: tuple[str, ...] = ()
    # Its calls wait for their turn: no quota refuses them.
    paced: bool = False

    # How many calls of one kind it makes to one region at once, for different objects.
    at_once: int = 1
    # Actions that make all their calls together: nothing can come between two of them.
    one_round: frozenset[str] = frozenset()

    @property
    def at_aws(self) -> bool:
        """Whether AWS says who has it, and not each node of itself."""
        return self.service != "elasticloadbalancing"

    def node(self, action: str) -> str:
        """Where an action is run."""
        return self.other if ACTIONS[action].elsewhere else ACTIVE

    @property
    def words(self) -> dict[str, str]:
        """What the texts of a row may name in braces: the service, and its error codes."""
        if self.service == "ec2":
            own = {"throttled": "RequestLimitExceeded", "expired": "RequestExpired"}
        else:
            own = {"throttled": "Throttling", "expired": "ExpiredToken"}
        return {"service": self.service, **own}

    @property
    def drift(self) -> Drift | None:
        """How a part of it drifts; None where it has no part that could."""
        return DRIFTS.get(self.name)

    def writes(self, action: str) -> int:
        """How many calls of an action change AWS: a preflight only asks whether they may."""
        return 0 if action == VALIDATE else _writes(self.calls.get(action, ()))

    def remote_writes(self, action: str) -> int:
        """How many of them go to REMOTE."""
        return _writes(self.remote_calls.get(action, ()))


def _writes(calls: tuple[str, ...]) -> int:
    return sum(not is_read(call) for call in calls)


def _nodes_by_eni(lab: Lab) -> dict[str, str]:
    return {eni["id"]: eni["node"] for eni in lab.state()["regions"][REGION]["enis"]}


def _eni(lab: Lab, where: str) -> str:
    return lab.topology.member(where).enis[0].id


def _ec2(lab: Lab, operation: str, **params: Any) -> Any:
    return lab.control.aws(REGION, "ec2", operation, **params)


_ROUTE = f"{VIP}/32"


def _route_owners(lab: Lab) -> set[str]:
    return set(lab.route_owners(_ROUTE).values())


def _place_routes(lab: Lab, where: str) -> None:
    for table in lab.state()["regions"][REGION]["route_tables"]:
        if any(route["destination"] == _ROUTE for route in table["routes"]):
            given = {"RouteTableId": table["id"], "DestinationCidrBlock": _ROUTE}
            _ec2(lab, "ReplaceRoute", NetworkInterfaceId=_eni(lab, where), **given)


def _elastic_ip(lab: Lab) -> dict[str, Any]:
    addresses = lab.state()["regions"][REGION]["addresses"]
    return next(item for item in addresses if item["public_ip"] == PUBLIC_IP)


def _elastic_ip_owners(lab: Lab) -> set[str]:
    eni = _elastic_ip(lab)["eni"]
    return {_nodes_by_eni(lab)[eni]} if eni else set()


def _place_elastic_ip(lab: Lab, where: str) -> None:
    given = {"AllocationId": _elastic_ip(lab)["id"], "AllowReassociation": True}
    _ec2(lab, "AssociateAddress", NetworkInterfaceId=_eni(lab, where), **given)


def _secondary_owners(lab: Lab) -> set[str]:
    enis = lab.state()["regions"][REGION]["enis"]
    return {eni["node"] for eni in enis if SECONDARY in eni["ips"]}


def _place_secondary(lab: Lab, where: str) -> None:
    given = {"PrivateIpAddresses": [SECONDARY], "AllowReassignment": True}
    _ec2(lab, "AssignPrivateIpAddresses", NetworkInterfaceId=_eni(lab, where), **given)


def _record_owners(lab: Lab) -> set[str]:
    by_address = {ip: name for name, node in lab.topology.nodes.items() for ip in node.addresses}
    return {
        by_address[value]
        for zone in lab.state()["zones"]
        if zone["private"]
        for record in zone["records"]
        if record["name"] == f"db.{ZONE}"
        for value in record["values"]
    }


_PORT = 3999


def health_probe_parameters(lab: Lab) -> dict[str, str]:
    """A target group of its own, which no balancer uses: AWS always says the same of it."""

    def elb(operation: str, **params: Any) -> Any:
        return lab.control.aws(REGION, "elasticloadbalancing", operation, **params)

    groups = elb("DescribeTargetGroups")["TargetGroups"]
    arns = [group["TargetGroupArn"] for group in groups if group["TargetGroupName"] == GROUP]
    if not arns:
        options = {"Name": GROUP, "Protocol": "TCP", "Port": _PORT, "TargetType": "instance"}
        made = elb("CreateTargetGroup", VpcId=lab.topology.vpcs[0].id, **options)
        arns = [made["TargetGroups"][0]["TargetGroupArn"]]
        targets = [{"Id": node.instance} for node in lab.topology.nodes.values()]
        elb("RegisterTargets", TargetGroupArn=arns[0], Targets=targets)
    return {"port": str(_PORT), "target_group_arn": arns[0]}


def _listening(lab: Lab) -> set[str]:
    runner = Runner(lab, "nlb-health-probe")
    return {where for where in lab.topology.nodes if runner.processes(where)}


def _place_everywhere(lab: Lab, where: str) -> None:
    transit = Transit(lab)
    for table, target in transit.wanted(where).items():
        transit.lead(table, target, again=True)


_FIND_ROUTES, _FIND_ADDRESS, _FIND_HOLDER = (
    "DescribeRouteTables",
    "DescribeAddresses",
    "DescribeNetworkInterfaces",
)
_LIST_RECORDS = "ListResourceRecordSets"

# A look at a region: its VPC tables, and each of its two Transit Gateway tables; a start does not
# believe what the node remembers of gateways.
_GATEWAYS = (
    "DescribeTransitGatewayRouteTables",
    "DescribeTransitGatewayAttachments",
    "DescribeTransitGatewayPeeringAttachments",
)
_LOOK = (_FIND_ROUTES, "SearchTransitGatewayRoutes", "SearchTransitGatewayRoutes")
_TURN = ("ReplaceTransitGatewayRoute", "ReplaceTransitGatewayRoute")
_DRIFTED = ("ReplaceRoute", *_TURN)
_OWN_TABLES = ("ReplaceRoute", "ReplaceRoute", *_TURN)

AGENTS = [
    Agent(
        "route-table-vip",
        "ec2",
        lambda _lab: {"ip": VIP},
        _route_owners,
        _place_routes,
        {
            **dict.fromkeys((PROBE, MONITOR, STANDBY), (_FIND_ROUTES,)),
            RELOAD: (_FIND_ROUTES, _FIND_ROUTES, "ReplaceRoute", _FIND_ROUTES),
            REPAIR: (_FIND_ROUTES, "ReplaceRoute", _FIND_ROUTES),
            VALIDATE: (_FIND_ROUTES, "ReplaceRoute", "ReplaceRoute", _FIND_HOLDER),
            START: (_FIND_ROUTES, "ReplaceRoute", "ReplaceRoute", _FIND_ROUTES),
        },
        stays=True,
    ),
    Agent(
        "elastic-ip",
        "ec2",
        lambda _lab: {"public_ip": PUBLIC_IP},
        _elastic_ip_owners,
        _place_elastic_ip,
        {
            **dict.fromkeys((DEEP, STANDBY), (_FIND_ADDRESS,)),
            RELOAD: (_FIND_ADDRESS, _FIND_ADDRESS, "AssociateAddress"),
            REPAIR: (_FIND_ADDRESS, "AssociateAddress"),
            VALIDATE: (_FIND_ADDRESS, "AssociateAddress", "DisassociateAddress"),
            STOP: (_FIND_ADDRESS, "DisassociateAddress"),
            START: (_FIND_ADDRESS, "AssociateAddress", _FIND_ADDRESS),
        },
        by_metadata=frozenset((PROBE, MONITOR)),
        depth=10,
    ),
    Agent(
        "secondary-ip",
        "ec2",
        lambda _lab: {"ip": SECONDARY},
        _secondary_owners,
        _place_secondary,
        {
            **dict.fromkeys((DEEP, STANDBY), (_FIND_HOLDER,)),
            RELOAD: (_FIND_HOLDER, _FIND_HOLDER, "AssignPrivateIpAddresses"),
            REPAIR: (_FIND_HOLDER, "AssignPrivateIpAddresses"),
            VALIDATE: (_FIND_HOLDER, "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"),
            STOP: (_FIND_HOLDER, "UnassignPrivateIpAddresses"),
            START: (_FIND_HOLDER, "AssignPrivateIpAddresses", _FIND_HOLDER),
        },
        by_metadata=frozenset((PROBE, MONITOR)),
        depth=10,
    ),
    Agent(
        "route53-record",
        "route53",
        lambda _lab: {"name": f"db.{ZONE}", "zone": ZONE},
        _record_owners,
        place_record,
        {
            **dict.fromkeys((PROBE, MONITOR, STANDBY), (_LIST_RECORDS,)),
            RELOAD: (_LIST_RECORDS, _LIST_RECORDS, "ChangeResourceRecordSets", _LIST_RECORDS),
            REPAIR: (_LIST_RECORDS, "ChangeResourceRecordSets", _LIST_RECORDS),
            VALIDATE: ("ListHostedZonesByName", _LIST_RECORDS, "GetHostedZone", "GetChange"),
            START: (_LIST_RECORDS, "ChangeResourceRecordSets", _LIST_RECORDS),
        },
        stays=True,
        cold_calls=("ListHostedZonesByName",),
        paced=True,
    ),
    Agent(
        "nlb-health-probe",
        "elasticloadbalancing",
        health_probe_parameters,
        _listening,
        None,
        dict.fromkeys((DEEP, VALIDATE), ("DescribeTargetHealth",)),
        depth=20,
        deep_code=DEGRADED,
        deep_says=("is unused, Target.NotInUse",),
    ),
    Agent(
        "transit-gateway-vip",
        "ec2",
        lambda _lab: {"ip": VIP, "api_timeout": "1s"},
        lambda lab: Transit(lab).owners(),
        _place_everywhere,
        {
            PROBE: _LOOK,
            **dict.fromkeys((MONITOR, STANDBY), _LOOK * 3),
            RELOAD: (*_LOOK * 5, *_GATEWAYS * 3, *_DRIFTED),
            REPAIR: (*_LOOK * 9, *_GATEWAYS * 3, *_DRIFTED),
            # It asks for the routes to where its answers go, too, and of each route that is not
            # as it would make it whether it may.
            VALIDATE: (
                *(*_LOOK * 5, _FIND_ROUTES, *_GATEWAYS * 3),
                *(*_OWN_TABLES * 2, *_TURN, _FIND_HOLDER),
            ),
            # Its own region once more in the end; the VPC's tables in REMOTE lead to the gateway
            # there already.
            START: (*_LOOK * 4, *_GATEWAYS * 3, *_OWN_TABLES * 2, *_TURN),
        },
        stays=True,
        scenario="regions",
        other="n2",
        remote_calls={
            MONITOR: _LOOK,
            STANDBY: _LOOK,
            RELOAD: (*_LOOK, *_GATEWAYS, _TURN[0]),
            # A repair leaves all other regions alone while one of them is silent.
            REPAIR: (*_LOOK, *_GATEWAYS, *_TURN),
            VALIDATE: _LOOK,
            START: (*_LOOK, *_GATEWAYS, *_TURN),
        },
        cold_calls=_GATEWAYS * 3,
        at_once=2,
        one_round=frozenset((PROBE, MONITOR, STANDBY)),
    ),
]


# --- faults --------------------------------------------------------------------------------

# What a rule's service may be beside "imds": the agent's.
API = "api"
# What is asked of metadata, as the request log has it, to begin a session and for credentials.
SESSION = "PUT /latest/api/token"
CREDENTIALS = "/iam/security-credentials/ocf-aws-node"


@dataclass(frozen=True)
class Rule:
    """One rule of the lab, for the nodes of a step."""

    service: str
    kind: str
    count: int | None = None
    param: float | str | None = None
    # Only the calls that change AWS, or only the others.
    of: str = "all"
    region: str | None = None


def _nothing(_lab: Lab, _agent: Agent, _action: str) -> None:
    """Most rows need no more than their rules."""


def _still(_lab: Lab, _agent: Agent, _action: str) -> str | None:
    """The rules of most rows stay until they are removed."""


def _nowhere(_lab: Lab, _agent: Agent) -> AbstractContextManager[None]:
    """Most rows happen at each action anew."""
    return nullcontext()


@dataclass(frozen=True)
class Row:
    """One fault."""

    id: str
    what: str
    rules: tuple[Rule, ...] = ()
    # It does not end before the action does.
    lasting: bool = False
    # It is about REMOTE alone: who does not work there does not have it.
    remote: bool = False
    # The caches are empty, but for the marks of what has been started.
    cold: bool = False
    # It is about metadata as a whole, and not only about the API and the credentials for it.
    of_metadata: bool = False
    # What whoever suffers says: what failed, and what to do. {words} are the agent's.
    says: tuple[str, ...] = ()
    # Faults and error codes that the request log must show of whoever suffers, and goes on.
    traces: tuple[str, ...] = ()
    # Only whoever makes so many calls, or writes so often, can suffer.
    least_calls: int = 0
    least_writes: int = 0
    # Nothing that whoever suffers asks may reach the service.
    unheard: bool = False
    # Actions that it means nothing to, and why.
    never: dict[str, str] = field(default_factory=dict)
    # How often one thing may be asked for in the two seconds of an action whose fault lasts: pauses
    # of a tenth of a second on average and twice as much each time, and a start asks anew.
    most_attempts: int = 20
    # What the agents are told beside their own parameters.
    parameters: dict[str, str] = field(default_factory=dict)
    # The services that can have it.
    only: frozenset[str] = frozenset(("ec2", "route53", "elasticloadbalancing"))
    # Exit code of a start that suffers while it lasts.
    start: int = FAILED
    # Actions that succeed with a warning when they suffer.
    warns: frozenset[str] = frozenset()
    # And those that do where they suffer in other regions than their own.
    warns_afar: frozenset[str] = frozenset()
    timeout_ms: int = TIMEOUT_MS
    # What it is to each agent, by name, when it is no outage: or why it is nothing.
    losses: dict[str, Loss | str] = field(default_factory=dict)
    # The beginning of a command line that runs the rest of it.
    wrapper: tuple[str, ...] = ()
    # Around all its actions, when the resource has been started.
    around: Callable[[Lab, Agent], AbstractContextManager[None]] = _nowhere
    # Whoever suffers asks metadata for what a warm cache would have held.
    uncached: bool = False
    # What is wrong when the fault is not there any more after an action.
    lifted: Callable[[Lab, Agent, str], str | None] = _still
    # Done before the rules are made, and after.
    before: Callable[[Lab, Agent, str], None] = _nothing
    after: Callable[[Lab, Agent, str], None] = _nothing
    # What is no matter of rules, and has steps of its own: gives the cells from faultlab's Stage
    # and the row. required() does not ask after its cells.
    play: Callable[[Any, "Row"], Iterator[Any]] | None = None


def _expire_credentials(lab: Lab, agent: Agent, action: str) -> None:
    lab.control.rotate(agent.node(action), expire_old=True)


def _move_away(lab: Lab, agent: Agent, action: str) -> None:
    """What reads that lag will show: of what only looks, that the resource was elsewhere."""
    agent.place(lab, ACTIVE if action in (STOP, START) else agent.other)


def _bring_back(lab: Lab, agent: Agent, _action: str) -> None:
    agent.place(lab, ACTIVE)


def _losing(losses: dict[str, Loss | str]) -> Callable[[Lab, Agent], AbstractContextManager[None]]:
    @contextmanager
    def around(lab: Lab, agent: Agent) -> Iterator[None]:
        loss = losses[agent.name]
        if loss.happens is None:
            agent.place(lab, agent.other)
        else:
            loss.happens(lab)
        try:
            yield
        finally:
            loss.undo(lab)

    return around


def _refuse_one_table(lab: Lab, agent: Agent, action: str) -> None:
    if action == START:
        refuse_one_table(lab, agent.node(action))


@contextmanager
def _read_only(lab: Lab, agent: Agent) -> Iterator[None]:
    runner = Runner(lab, agent.name)
    with ExitStack() as mounts:
        for where in (ACTIVE, agent.other):
            # Nothing is in the caches, and nothing comes into them.
            runner.forget(where)
            mounts.enter_context(runner.state_read_only(where))
        yield


@contextmanager
def _of_little_room(lab: Lab, agent: Agent) -> Iterator[None]:
    yield
    for where in (ACTIVE, agent.other):
        lab.exec(where, "mount", "-o", "remount,size=50%", "/run")


def _leave_no_room(lab: Lab, agent: Agent, action: str) -> None:
    """Make /run as large as what is in it."""
    where = agent.node(action)
    used = lab.exec(where, "df", "--output=used", "-k", "/run").stdout.split()[1]
    lab.exec(where, "mount", "-o", f"remount,size={used}k", "/run")


def _cannot_write(why: str) -> Callable[[Lab, Agent, str], str | None]:
    """A file cannot be written where the caches are, for this reason."""

    def lifted(lab: Lab, agent: Agent, action: str) -> str | None:
        one = "dd if=/dev/zero of=.written bs=1 count=1 status=none"
        script = f"cd {RSCTMP}/ocf-aws || exit; {one}; e=$?; rm -f .written; exit $e"
        done = lab.exec(agent.node(action), "sh", "-c", script, check=False)
        if done.returncode != 0 and why in done.stderr:
            return None
        return f"not {why!r}: {done.stderr!r}"

    return lifted


def _damage(command: str) -> Callable[[Lab, Agent, str], None]:
    """Do this to each file of the cache, $f. Marks have no contents."""

    def before(lab: Lab, agent: Agent, action: str) -> None:
        script = f'cd {RSCTMP}/ocf-aws && for f in *; do [ -s "$f" ] && {command}; done; true'
        lab.exec(agent.node(action), "sh", "-c", script)

    return before


def _about(rule: Rule) -> dict[str, Any]:
    """Whoever has warm caches hardly asks metadata: the test is to have none."""
    metadata = rule.service == "imds"
    return {"rules": (rule,), "cold": metadata, "of_metadata": metadata}


def _lasting(id_: str, what: str, rule: Rule, *says: str, **more: Any) -> Row:
    options = {"says": says, "warns": frozenset((STOP,)), "timeout_ms": SHORT_MS}
    return Row(id_, what, lasting=True, **_about(rule) | options | more)


def _passing(id_: str, what: str, rule: Rule, **more: Any) -> Row:
    return Row(id_, what, **_about(rule) | {"traces": (rule.kind,)} | more)


def _lacking(id_: str, what: str, **more: Any) -> Row:
    """AWS is well: it may take as long as it takes on a busy machine. What warm caches would have
    saved is asked for, and that shows that there was nothing in them.
    """
    return Row(id_, what, parameters={"api_timeout": "10s"}, uncached=True, **more)


_NETWORK = "check network, DNS and security group"
_PROXY = "check endpoint and proxy"
_AWS = "AWS is at fault: wait"
# No hosts file knows such a name, and it is no service's own.
_UNNAMED = {
    "unheard": True,
    "parameters": {"endpoint_url": "https://{service}.{region}.nowhere.invalid"},
}
_CHANGES = {"only": frozenset(("route53",)), "least_writes": 1}
_PENDING_S = 1.5
# Reads that lag so long show what was before the first change after the rule was made.
_LONG_S = 3600

NOTHING = Row("none", "nothing is wrong")
ROWS = [
    NOTHING,
    _lasting("N1", "connection refused", Rule(API, "refuse"), "cannot connect", _NETWORK),
    _lasting("N2", "accepted and silent", Rule(API, "hang"), "no answer in time", _NETWORK),
    _lasting("N3", "reset in the body", Rule(API, "reset"), "connection broke", _NETWORK),
    _passing("N3-once", "reset in the body, once", Rule(API, "reset", count=1, of="reads")),
    Row(
        "N4",
        "name does not resolve",
        lasting=True,
        says=("does not resolve", _NETWORK),
        warns=frozenset((STOP,)),
        timeout_ms=SHORT_MS,
        **_UNNAMED,
    ),
    _lasting(
        "N4-fails",
        "name server fails",
        Rule("dns", "servfail"),
        "does not resolve",
        _NETWORK,
        **_UNNAMED,
    ),
    _lasting(
        "N4-silent",
        "name server is silent",
        Rule("dns", "hang"),
        "{service}.",
        _NETWORK,
        **_UNNAMED,
    ),
    _lasting(
        "N5",
        "bad certificate",
        Rule(API, "badcert"),
        "certificate",
        "check CA bundle, endpoint and clock",
        unheard=True,
    ),
    _lasting("N6", "a proxy's HTML", Rule(API, "html502"), "502 without an AWS error", _PROXY),
    _passing("N6-once", "a proxy's HTML, once", Rule(API, "html502", count=1, of="reads")),
    _lasting("P1", "truncated XML", Rule(API, "truncate"), "XML", _PROXY),
    _lasting("P2", "wrong root", Rule(API, "wrongroot"), "answer ", _PROXY),
    _lasting("P3", "answer of 100 MB", Rule(API, "huge", param=100), "answer too large", _PROXY),
    _lasting("P4-entities", "entity bomb", Rule(API, "bomb", param="entity"), "XML", _PROXY),
    _lasting("P4-nesting", "nesting bomb", Rule(API, "bomb", param="nesting"), "XML", _PROXY),
    _lasting("P4-wide", "wide bomb", Rule(API, "bomb", param="wide"), "answer too large", _PROXY),
    _lasting("P5", "invalid UTF-8", Rule(API, "badutf8"), "XML", _PROXY),
    _lasting("P6", "empty 200", Rule(API, "empty"), "empty answer", _PROXY),
    _passing("T1", "throttled twice", Rule(API, "throttle", count=2)),
    _lasting(
        "T2",
        "throttled for ever",
        Rule(API, "throttle"),
        "{throttled}",
        "raise the quota",
        # With pauses of a quarter, a half and one second on average it is four times.
        most_attempts=8,
    ),
    _passing("T3", "500, 503 and 500", Rule(API, "mix", count=3)),
    _lasting("T3-500", "500 for ever", Rule(API, "e500"), "InternalError", _AWS),
    _lasting("T3-503", "503 for ever", Rule(API, "e503"), "navailable", _AWS),
    _lasting(
        "A1",
        "denied",
        Rule(API, "denied"),
        " {service}:",
        "allow it in the IAM policy",
        start=DENIED,
    ),
    _passing("A2-ahead", "AWS's clock ten minutes ahead", Rule(API, "skew", param=600)),
    _passing("A2-behind", "AWS's clock ten minutes behind", Rule(API, "skew", param=-600)),
    _lasting(
        "A3",
        "signature refused",
        Rule(API, "badsig"),
        "SignatureDoesNotMatch",
        "check role, keys and clock",
    ),
    _lasting("I1", "metadata: refused", Rule("imds", "refuse"), "cannot connect", _NETWORK),
    _lasting("I2", "metadata: silent", Rule("imds", "hang"), "no answer in time", _NETWORK),
    _passing("I3", "metadata: busy three times", Rule("imds", "e503", count=3)),
    _passing("I4", "metadata: session token expired", Rule("imds", "e401", count=1)),
    _lasting(
        "I5",
        "metadata: disabled",
        Rule("imds", "e403"),
        "refuses (403)",
        "enable the metadata endpoint of this instance",
    ),
    _lasting(
        "I6",
        "metadata: no role",
        Rule("imds", "norole"),
        "no IAM role on this instance",
        "attach an instance profile",
        of_metadata=False,
    ),
    Row(
        "C1",
        "cached credentials have expired",
        traces=("{expired}",),
        before=_expire_credentials,
    ),
    _passing(
        "C2",
        "credentials rotate between two calls",
        Rule(API, "rotate", count=1),
        traces=("rotate", "{expired}"),
        least_calls=2,
    ),
    _passing("C3-token", "credentials expire in flight", Rule(API, "expired", count=1)),
    _passing("C3-request", "request expires in flight", Rule(API, "reqexpired", count=1)),
    Row(
        "S1",
        "reads lag behind what was written",
        (
            Rule(API, "stale", count=2, param=_LONG_S, of="reads"),
            Rule("imds", "stale", param=_LONG_S),
        ),
        of_metadata=True,
        traces=("stale",),
        never={RELOAD: "what it shall put into effect has never been there"},
        only=frozenset(("ec2",)),
        before=_move_away,
        after=_bring_back,
    ),
    _passing("S2", "PENDING for a while", Rule(API, "pending", param=_PENDING_S), **_CHANGES),
    _passing(
        "S3",
        "PENDING for ever",
        Rule(API, "pending"),
        warns=frozenset((RELOAD, START)),
        timeout_ms=4000,
        **_CHANGES,
    ),
    _passing("S4", "PriorRequestNotComplete twice", Rule(API, "prior", count=2), **_CHANGES),
    _passing(
        "S5",
        "answer to a write lost",
        Rule(API, "lost", count=1, of="writes"),
        least_writes=1,
        warns=frozenset((STOP,)),
        # What another region does not confirm is left to later monitors.
        warns_afar=frozenset((RELOAD,)),
    ),
    Row(
        "R1",
        "one of many tables refuses",
        losses=ONE_REFUSES,
        around=_losing(ONE_REFUSES),
        before=_refuse_one_table,
    ),
    _lasting(
        "R2",
        "a remote region dead",
        Rule(API, "hang", region=REMOTE),
        f"no answer in time: ec2.{REMOTE}",
        remote=True,
        start=OK,
        warns=frozenset((RELOAD, REPAIR, START)),
        timeout_ms=TIMEOUT_MS,
    ),
    *(
        Row(id_, what, losses=losses, around=_losing(losses))
        for id_, (what, losses) in LOSSES.items()
    ),
    _lacking(
        "L1-full",
        "/run is full",
        cold=True,
        around=_of_little_room,
        before=_leave_no_room,
        lifted=_cannot_write("No space left on device"),
    ),
    _lacking(
        "L1-readonly",
        "/run is read-only",
        losses=READ_ONLY,
        around=_read_only,
        lifted=_cannot_write("Read-only file system"),
    ),
    _lacking(
        "L2-corrupt",
        "cache corrupt",
        # A byte that no entry has.
        before=_damage('printf "\\001" | dd of="$f" bs=1 seek=120 conv=notrunc'),
    ),
    _lacking("L2-truncated", "cache truncated", before=_damage('truncate -s 100 "$f"')),
    _lacking("L2-foreign", "cache owned by another", before=_damage('chown 65534 "$f"')),
    # Cold, so that all there is to open is opened.
    _lacking("L3", "sixteen descriptors", cold=True, wrapper=("prlimit", "--nofile=16")),
]


# --- what a cell requires ------------------------------------------------------------------


@dataclass(frozen=True)
class Required:
    """What an agent has to do in a cell."""

    code: int
    # It cannot do without what is broken.
    suffers: bool
    # What failed, and what to do: in the exit reason or warning.
    says: tuple[str, ...]
    traces: tuple[str, ...]
    # What metadata must have been asked for.
    asks: tuple[str, ...]
    unheard: bool
    # Connections have been refused it, which no log shows.
    refused: bool
    warns: bool
    # Calls carried out that change AWS, and the nodes that have the resource afterwards.
    writes: int
    owners: frozenset[str | None]
    # How often it may call one thing.
    most_calls: int
    # A probe after a stop.
    stopped: int = field(default=NOT_RUNNING, kw_only=True)
    # Exactly these calls to the service, when nothing is wrong.
    calls: tuple[str, ...] | None


def _senseless(agent: Agent, row: Row, action: str) -> str | None:
    """Why there is nothing in a cell that could be right or wrong."""
    if row.remote and not agent.remote_calls:
        return "it works in its own region alone"
    if agent.service not in row.only:
        return f"{agent.service} has no such fault"
    if action == DEEP and agent.depth is None:
        return "a monitor of depth 0 asks AWS already"
    if action == REPAIR and agent.drift is None:
        return "it has no part that could drift"
    if action in row.never:
        return row.never[action]
    if agent.writes(action) < row.least_writes:
        return "it changes nothing at AWS"
    if len(agent.calls.get(action, ())) < row.least_calls:
        return f"it makes no {row.least_calls} calls"
    if row.least_calls > 1 and action in agent.one_round:
        return "all its calls go out at once"
    return None


def _suffers(agent: Agent, row: Row, action: str) -> bool:
    by_metadata = row.of_metadata and action in agent.by_metadata
    if row.remote:
        return action in agent.remote_calls
    return row is not NOTHING and (action in agent.calls or by_metadata)


def _asks(agent: Agent, row: Row, action: str) -> tuple[str, ...]:
    """Without caches a session with metadata is begun, and AWS is asked with new credentials."""
    if not row.uncached or not _suffers(agent, row, action):
        return ()
    return (SESSION, CREDENTIALS) if action in agent.calls else (SESSION,)


def _owners(agent: Agent, row: Row, action: str, suffers: bool) -> frozenset[str | None]:
    if action == PROBE_STANDBY:
        # As the reload of the same step leaves it.
        action, suffers = RELOAD, _suffers(agent, row, RELOAD)
    lasts = suffers and row.lasting and not row.remote
    # While another region is silent, a repair changes no other but its own.
    if (action in MENDS and lasts) or (action == REPAIR and suffers and row.remote):
        return agent.drift.owners
    if action == START:
        stopped = _owners(agent, row, STOP, _suffers(agent, row, STOP))
        return stopped if lasts else frozenset((agent.other,))
    if action == STOP and not agent.stays and not lasts:
        return frozenset()
    return frozenset((ACTIVE,))


def _writes_in(agent: Agent, row: Row, action: str, lasts: bool) -> int:
    if row.remote:
        return agent.writes(action) - agent.remote_writes(action)
    return 0 if lasts else agent.writes(action)


def _sees(loss: Loss, action: str) -> bool:
    if action == START:
        return loss.start != OK
    if action == PROBE and loss.probe is not None:
        return True
    looks = (MONITOR, DEEP) if loss.by_memory else (PROBE, MONITOR, DEEP)
    looks = (DEEP,) if loss.deep_only else looks
    return loss.code != OK and action in looks


def _cannot_mend(agent: Agent, loss: Loss, action: str) -> bool:
    return action in MENDS and bool(loss.mends_says) and agent.drift is not None


def _writes_after(agent: Agent, loss: Loss, action: str) -> int:
    writes = {STOP: loss.stop_writes, START: loss.start_writes}.get(action)
    if _cannot_mend(agent, loss, action):
        return 0
    return agent.writes(action) if writes is None else writes


def _owners_after(agent: Agent, loss: Loss, action: str) -> frozenset[str | None]:
    if action == START and loss.start == OK:
        return frozenset((agent.other,))
    if action == START and loss.start_owners is not None:
        return loss.start_owners
    taken_away = action in (STOP, START) and not agent.stays
    return loss.owners - {ACTIVE} if taken_away else loss.owners


def _required_of_loss(agent: Agent, row: Row, loss: Loss, action: str) -> Required:
    """Who looks says what is lost and where; a stop succeeds, and a start elsewhere mends it."""
    says: tuple[str, ...] = ()
    code = ACTIONS[action].healthy
    if action == DEEP:
        code, says = agent.deep_code, agent.deep_says
    suffers = _sees(loss, action)
    if _cannot_mend(agent, loss, action):
        code, says = ACTIONS[action].blind, loss.mends_says if action == RELOAD else ()
    elif suffers:
        code = {PROBE: loss.probe_code, START: loss.start}.get(action, loss.code)
        says = loss.start_says if action == START else loss.says
    return Required(
        code=code,
        suffers=suffers,
        says=says,
        traces=(),
        asks=_asks(agent, row, action),
        unheard=False,
        refused=False,
        warns=action == STOP and loss.stop_warns,
        stopped=loss.stopped,
        writes=_writes_after(agent, loss, action),
        owners=_owners_after(agent, loss, action),
        most_calls=NOTHING.most_attempts * agent.at_once,
        calls=None,
    )


def required(agent: Agent, row: Row, action: str) -> Required | str:
    """What a cell requires, or why it makes no sense."""
    loss = row.losses.get(agent.name)
    senseless = loss if isinstance(loss, str) else _senseless(agent, row, action)
    if isinstance(loss, Loss) and action in (*MENDS, VALIDATE) and not row.uncached:
        senseless = "what is lost is no drift, and no matter of the configuration"
    if senseless is not None:
        return senseless
    if loss is not None:
        return _required_of_loss(agent, row, loss, action)
    suffers = _suffers(agent, row, action)
    lasts = suffers and row.lasting
    code = ACTIONS[action].blind if lasts else ACTIONS[action].healthy
    says = row.says if lasts else ()
    if lasts and (action == START or (action == VALIDATE and row.start != OK)):
        code = row.start
    elif action == DEEP and not lasts:
        code, says = agent.deep_code, agent.deep_says
    return Required(
        code=code,
        suffers=suffers,
        says=tuple(text.format(**agent.words) for text in says),
        traces=tuple(text.format(**agent.words) for text in row.traces if suffers),
        asks=_asks(agent, row, action),
        unheard=suffers and row.unheard,
        refused=suffers and any(rule.kind == "refuse" for rule in row.rules),
        warns=suffers
        and action in (row.warns | row.warns_afar if agent.remote_calls else row.warns),
        writes=_writes_in(agent, row, action, lasts),
        owners=_owners(agent, row, action, suffers),
        most_calls=row.most_attempts * agent.at_once,
        calls=agent.calls.get(action, ()) if row is NOTHING else None,
    )
