# SPDX-License-Identifier: GPL-2.0-or-later
"""Real losses: what may become of an agent's resource behind its back, and what that has to say.

They are rows of the fault matrix. An outage of AWS stops no healthy service; but what is lost must
be seen by the next recurring monitor, whichever way it was lost.
"""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud import DEGRADED, END_TIMEOUT_S, FAILED, NOT_RUNNING, OK, ROUTE, WRONG, Cloud
from lab.handle import Lab
from lab.state import until
from lab.topology import PUBLIC_IP, SECONDARY, VIP, ZONE
from runner import Runner
from transit import BLACKHOLE, OSAKA, TOKYO, Transit

# Where the resource runs, who may take it over there and in another region, and route tables in
# the scenario of several regions.
HOME, OTHER, FAR = "n1", "n3", "n2"
TABLES = (f"{TOKYO}/main/private-a", f"{TOKYO}/main/private-c")
GATEWAY_TABLE = f"{TOKYO}/hub/peers"


def _nothing(_lab: Lab) -> None:
    """Most losses are mended by the next start."""


@dataclass(frozen=True)
class Loss:
    """One way in which one agent's resource is lost while it runs on HOME."""

    # How it happens; None: AWS gives it to the node that may take it over.
    happens: Callable[[Lab], None] | None
    # Of the recurring monitor.
    code: int
    # What was lost, and where.
    says: tuple[str, ...]
    # Whom AWS leads to then: None is nobody that is there.
    owners: frozenset[str | None]
    # The changes that a stop and a start elsewhere then make; None: as ever.
    stop_writes: int | None = None
    start_writes: int | None = None
    # Of a start elsewhere, and what it says.
    start: int = OK
    start_says: tuple[str, ...] = ()
    # Whom AWS leads to after a start that failed; None: as before.
    start_owners: frozenset[str | None] | None = None
    # Only a monitor that looks deeper can see it.
    deep_only: bool = False
    # It is seen by who remembers what there was: a recurring monitor.
    by_memory: bool = False
    # Of a probe; None: as the monitor, but that what is left is enough to run.
    probe: int | None = None
    # A stop succeeds with a warning; a probe after it.
    stop_warns: bool = False
    stopped: int = NOT_RUNNING
    # Why what has drifted cannot be put right: a reload warns of it, a repair tells of the drift.
    mends_says: tuple[str, ...] = ()
    # Puts right what no start does.
    undo: Callable[[Lab], None] = _nothing

    @property
    def probe_code(self) -> int:
        """Exit code of a probe."""
        if self.probe is not None:
            return self.probe
        return OK if self.code == DEGRADED else self.code


def _unharmed(_lab: Lab) -> None:
    """Nothing is lost: the node lacks something that only some actions need."""


NOBODY: frozenset[str | None] = frozenset()


def _on(*owners: str | None) -> frozenset[str | None]:
    return frozenset(owners)


# --- routes of a VPC -----------------------------------------------------------------------


def _tables(lab: Lab) -> list[str]:
    return sorted(Cloud(lab).targets())


def _point_all(lab: Lab, eni: str) -> None:
    for table in _tables(lab):
        Cloud(lab).point(table, eni)


def _loose_eni(lab: Lab) -> str:
    """An ENI that is attached to nothing."""
    subnet = lab.topology.vpcs[0].subnets["private-a"].id
    made = Cloud(lab).ec2("CreateNetworkInterface", SubnetId=subnet)
    return made["NetworkInterface"]["NetworkInterfaceId"]


def _delete_eni(lab: Lab, eni: str) -> None:
    Cloud(lab).ec2("DeleteNetworkInterface", NetworkInterfaceId=eni)


def _routes_to_deleted_eni(lab: Lab) -> None:
    eni = _loose_eni(lab)
    _point_all(lab, eni)
    _delete_eni(lab, eni)


def _one_route_to_hole(lab: Lab) -> None:
    eni = _loose_eni(lab)
    Cloud(lab).point(_tables(lab)[0], eni)
    _delete_eni(lab, eni)


def _one_route_to_other(lab: Lab) -> None:
    Cloud(lab).point(_tables(lab)[0], Cloud(lab).eni(OTHER))


def _delete_routes(lab: Lab) -> None:
    for table in _tables(lab):
        Cloud(lab).route("Delete", table)


def _delete_one_route(lab: Lab) -> None:
    Cloud(lab).route("Delete", _tables(lab)[0])


def _create_routes(lab: Lab) -> None:
    for table in ("private-a", "private-c"):
        Cloud(lab).point(table, Cloud(lab).eni(HOME))


def _remove_address(address: str) -> Callable[[Lab], None]:
    return lambda lab: Cloud(lab).remove(HOME, address)


def _gone(address: str) -> tuple[str, ...]:
    return (f"{address} is on no network interface",)


EXTRA = [f"extra-{number}" for number in range(3, 11)]


def _create_tables(lab: Lab) -> None:
    """Ten route tables have the route."""
    cloud = Cloud(lab)
    for name in EXTRA:
        tags = [{"ResourceType": "route-table", "Tags": [{"Key": "Name", "Value": name}]}]
        cloud.ec2("CreateRouteTable", VpcId=cloud.vpc(), TagSpecifications=tags)
        cloud.point(name, cloud.eni(HOME))


def _delete_tables(lab: Lab) -> None:
    for name in EXTRA:
        Cloud(lab).ec2("DeleteRouteTable", RouteTableId=Cloud(lab).table(name))


def refuse_one_table(lab: Lab, where: str) -> None:
    """What a node writes to one route table of its region is denied."""
    cloud = Cloud(lab, lab.topology.member(where).region)
    table = cloud.table(min(cloud.targets()))
    lab.fault("ec2", "denied", action="ReplaceRoute", node=where, match={"RouteTableId": table})


# --- routes over regions -------------------------------------------------------------------


def _home_routes_to_deleted_eni(lab: Lab) -> None:
    cloud = Transit(lab)
    eni = cloud.loose_eni(TOKYO)
    cloud.lead_all(dict.fromkeys(TABLES, eni))
    _delete_eni(lab, eni)


def _lead(target: str | None, *tables: str) -> Callable[[Lab], None]:
    return lambda lab: Transit(lab).lead_all(dict.fromkeys(tables, target))


def _create_home_routes(lab: Lab) -> None:
    _lead(Transit(lab).eni(HOME), *TABLES)(lab)


def _one_home_route_to_other(lab: Lab) -> None:
    _lead(Transit(lab).eni(OTHER), TABLES[0])(lab)


# --- addresses and records -----------------------------------------------------------------


def _elastic_ip_to_deleted_eni(lab: Lab) -> None:
    eni = _loose_eni(lab)
    Cloud(lab).associate(PUBLIC_IP, eni)
    _delete_eni(lab, eni)


def _disassociate(lab: Lab) -> None:
    Cloud(lab).disassociate(PUBLIC_IP)


def _secondary_to_deleted_eni(lab: Lab) -> None:
    eni = _loose_eni(lab)
    Cloud(lab).assign(eni, SECONDARY)
    _delete_eni(lab, eni)


def _unassign(lab: Lab) -> None:
    Cloud(lab).unassign([SECONDARY])


NAME = f"db.{ZONE}"


def _delete_records(lab: Lab) -> None:
    region = lab.topology.vpcs[0].region
    zone = {"HostedZoneId": next(zone["id"] for zone in lab.state()["zones"] if zone["private"])}
    sets = lab.control.aws(region, "route53", "ListResourceRecordSets", **zone)
    changes = [
        {"Action": "DELETE", "ResourceRecordSet": record}
        for record in sets["ResourceRecordSets"]
        if record["Name"] == NAME
    ]
    batch = {"ChangeBatch": {"Changes": changes}}
    lab.control.aws(region, "route53", "ChangeResourceRecordSets", **zone, **batch)


# --- a port --------------------------------------------------------------------------------


PORT_AGENT, GROUP = "nlb-health-probe", "faults"


def _to_listener(number: signal.Signals) -> Callable[[Lab], None]:
    def send(lab: Lab) -> None:
        for process in Runner(lab, PORT_AGENT).processes(HOME):
            process.signal(number)
            ended = "its end" if number == signal.SIGKILL else "its rest"
            until(lambda process=process: process.stopped, END_TIMEOUT_S, ended)

    return send


def _targets(verb: str) -> Callable[[Lab], None]:
    """Let HOME no more be a target of the agent's target group, or again."""

    def change(lab: Lab) -> None:
        region = lab.topology.vpcs[0].region

        def elb(operation: str, **params: Any) -> Any:
            return lab.control.aws(region, "elasticloadbalancing", operation, **params)

        groups = elb("DescribeTargetGroups")["TargetGroups"]
        (arn,) = (item["TargetGroupArn"] for item in groups if item["TargetGroupName"] == GROUP)
        target = {"Id": lab.topology.nodes[HOME].instance}
        elb(f"{verb}Targets", TargetGroupArn=arn, Targets=[target])

    return change


# --- which agent loses what, and how -------------------------------------------------------

ROUTES, REGIONS = "route-table-vip", "transit-gateway-vip"
ELASTIC, SECOND, RECORD, PORT = "elastic-ip", "secondary-ip", "route53-record", PORT_AGENT

_NO_ENI = "no interface of AWS stands behind it"
_NO_ROUTE = "no route stands behind it"
_NO_ADDRESS = "it has no address on the interface"
_NOT_AT_AWS = "AWS has nothing of it that could be taken"
_HOLE = "(blackhole)"
_NO_PROCESS = "nothing of it runs between two actions"

# By the id of the row: what it is, and what it is to each agent, or why it is nothing.
LOSSES: dict[str, tuple[str, dict[str, Loss | str]]] = {
    "R3": (
        "the interface that it leads to is gone",
        {
            ROUTES: Loss(_routes_to_deleted_eni, NOT_RUNNING, ("rtb-", _HOLE), _on("blackhole")),
            ELASTIC: Loss(
                _elastic_ip_to_deleted_eni,
                NOT_RUNNING,
                (f"{PUBLIC_IP} is associated with no interface",),
                NOBODY,
                stop_writes=0,
            ),
            SECOND: Loss(
                _secondary_to_deleted_eni,
                NOT_RUNNING,
                (f"{SECONDARY} is on no interface",),
                NOBODY,
                stop_writes=0,
            ),
            REGIONS: Loss(
                _home_routes_to_deleted_eni, NOT_RUNNING, (TOKYO, "rtb-", _HOLE), _on(None)
            ),
            RECORD: _NO_ENI,
            PORT: _NO_ENI,
        },
    ),
    "R4": (
        "one of its routes is a blackhole",
        {
            ROUTES: Loss(_one_route_to_hole, DEGRADED, ("rtb-", _HOLE), _on(HOME, "blackhole")),
            REGIONS: Loss(
                _lead(BLACKHOLE, GATEWAY_TABLE), DEGRADED, (TOKYO, "tgw-rtb-"), _on(HOME, None)
            ),
            **dict.fromkeys((ELASTIC, SECOND, RECORD, PORT), _NO_ROUTE),
        },
    ),
    "R5": (
        "stolen by another node",
        {
            ROUTES: Loss(None, NOT_RUNNING, ("rtb-", "-> eni-"), _on(OTHER)),
            ELASTIC: Loss(
                None,
                NOT_RUNNING,
                (f"{PUBLIC_IP} leads to eni-", "not to our eni-"),
                _on(OTHER),
                stop_writes=0,
            ),
            SECOND: Loss(
                None,
                NOT_RUNNING,
                (f"{SECONDARY} is on eni-", "not on our eni-"),
                _on(OTHER),
                stop_writes=0,
            ),
            RECORD: Loss(None, NOT_RUNNING, (NAME,), _on(OTHER), start_writes=0),
            # Of what leads there already, a start writes its own VPC's routes.
            REGIONS: Loss(None, NOT_RUNNING, (TOKYO, "rtb-"), _on(FAR), start_writes=2),
            PORT: _NOT_AT_AWS,
        },
    ),
    "R5-part": (
        "a part of it stolen by another node",
        {
            ROUTES: Loss(_one_route_to_other, DEGRADED, ("rtb-", "-> eni-"), _on(HOME, OTHER)),
            REGIONS: Loss(_one_home_route_to_other, DEGRADED, (TOKYO, "rtb-"), _on(HOME, OTHER)),
            **dict.fromkeys((ELASTIC, SECOND, RECORD), "it is one and has no parts"),
            PORT: _NOT_AT_AWS,
        },
    ),
    "R6": (
        "deleted at AWS",
        {
            ROUTES: Loss(
                _delete_routes,
                NOT_RUNNING,
                (f"no route table: {ROUTE} has a route",),
                NOBODY,
                start=WRONG,
                start_says=("aws ec2 create-route",),
                start_writes=0,
                undo=_create_routes,
            ),
            ELASTIC: Loss(
                _disassociate,
                NOT_RUNNING,
                (f"{PUBLIC_IP} is associated with no interface",),
                NOBODY,
                stop_writes=0,
            ),
            SECOND: Loss(
                _unassign,
                NOT_RUNNING,
                (f"{SECONDARY} is on no interface",),
                NOBODY,
                stop_writes=0,
            ),
            RECORD: Loss(_delete_records, NOT_RUNNING, (NAME,), NOBODY),
            REGIONS: Loss(
                _lead(None, *TABLES),
                NOT_RUNNING,
                (TOKYO, ROUTE),
                _on(None),
                start_writes=8,
                undo=_create_home_routes,
            ),
            PORT: Loss(
                _targets("Deregister"),
                DEGRADED,
                ("target i-", "is draining"),
                _on(HOME),
                deep_only=True,
                undo=_targets("Register"),
            ),
        },
    ),
    "R6-part": (
        "a part of it deleted at AWS",
        {
            ROUTES: Loss(
                _delete_one_route,
                DEGRADED,
                ("rtb-", f"had a route to {ROUTE}", "create it"),
                _on(HOME),
                by_memory=True,
                start_writes=1,
                undo=_create_routes,
            ),
            REGIONS: Loss(
                _lead(None, TABLES[0]),
                DEGRADED,
                (TOKYO, "rtb-", f"had a route to {ROUTE}"),
                _on(HOME, None),
                by_memory=True,
                start_writes=9,
                undo=_create_home_routes,
            ),
            **dict.fromkeys((ELASTIC, SECOND, RECORD), "it is one and has no parts"),
            PORT: _NOT_AT_AWS,
        },
    ),
    "R7": (
        "removed from the node by hand",
        {
            ROUTES: Loss(_remove_address(VIP), NOT_RUNNING, _gone(VIP), _on(HOME)),
            SECOND: Loss(_remove_address(SECONDARY), NOT_RUNNING, _gone(SECONDARY), _on(HOME)),
            REGIONS: Loss(_remove_address(VIP), NOT_RUNNING, _gone(VIP), _on(HOME)),
            PORT: Loss(_to_listener(signal.SIGKILL), NOT_RUNNING, ("no listener runs",), NOBODY),
            **dict.fromkeys((ELASTIC, RECORD), _NO_ADDRESS),
        },
    ),
    "R7-stuck": (
        "stuck on the node",
        {
            PORT: Loss(_to_listener(signal.SIGSTOP), FAILED, ("listener (pid ",), _on(HOME)),
            **dict.fromkeys((ROUTES, ELASTIC, SECOND, RECORD, REGIONS), _NO_PROCESS),
        },
    ),
}


# --- what AWS may refuse ------------------------------------------------------------------

ONE_REFUSES: dict[str, Loss | str] = {
    ROUTES: Loss(
        _create_tables,
        OK,
        (),
        _on(HOME),
        start=FAILED,
        start_says=("rtb-", "1 of 10 routes failed", "UnauthorizedOperation"),
        start_writes=9,
        start_owners=_on(HOME, OTHER),
        undo=_delete_tables,
    ),
    REGIONS: Loss(
        _unharmed,
        OK,
        (),
        _on(HOME),
        start=FAILED,
        start_says=(OSAKA, "rtb-", "1 of 2 routes failed"),
        start_writes=3,
        # The way from the table that refuses leads to a gateway that leads back: the next start
        # mends it.
        start_owners=_on(HOME, FAR, None),
    ),
    **dict.fromkeys((ELASTIC, SECOND, RECORD), "what it changes is one object"),
    PORT: _NOT_AT_AWS,
}


# --- what a node may lack ------------------------------------------------------------------

# A start that cannot be written down fails, for nobody would know of it; what else there is to
# write can be done without.
_UNWRITTEN = {
    "start": FAILED,
    "start_says": ("Read-only file system",),
    "start_writes": 0,
    "mends_says": ("Read-only file system",),
}
READ_ONLY: dict[str, Loss | str] = {
    **dict.fromkeys((ROUTES, SECOND, REGIONS), Loss(_unharmed, OK, (), _on(HOME))),
    ELASTIC: Loss(_unharmed, OK, (), _on(HOME), stop_warns=True, **_UNWRITTEN),
    # The name leads here before a stop and after it, and so does the mark that no stop can remove:
    # a probe cannot tell.
    RECORD: Loss(
        _unharmed,
        OK,
        ("cannot tell", "Read-only file system"),
        _on(HOME),
        probe=FAILED,
        stop_warns=True,
        stopped=FAILED,
        **_UNWRITTEN,
    ),
    PORT: Loss(_unharmed, OK, (), _on(HOME), **_UNWRITTEN),
}
