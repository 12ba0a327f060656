# SPDX-License-Identifier: GPL-2.0-or-later
"""Drift: a part of what an agent has at AWS comes to lead elsewhere while it runs on HOME.

A monitor reports it, or puts it right where on_drift says so; and a reload does, to which it is the
same as a parameter that has been changed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cloud import Cloud
from lab.handle import Lab
from lab.topology import PUBLIC_IP, REGION, SECONDARY, ZONE
from transit import OSAKA, SINGAPORE, TOKYO, Transit

# Where the resource runs, and who may take it over in the same region.
HOME, OTHER = "n1", "n3"
# A further address in the subnet of HOME.
SPARE = "10.0.2.51"


def _nothing(_lab: Lab) -> None:
    """Most drifts are gone when HOME has been given everything again."""


@dataclass(frozen=True)
class Drift:
    """How a part of one agent's resource drifts to another node, or away from what it shall be."""

    happens: Callable[[Lab, str], None]
    # Whom AWS leads to then: None is nobody that is there.
    owners: frozenset[str | None]
    # Puts right what remains when AWS has given all of it to HOME again.
    undo: Callable[[Lab], None] = _nothing
    # What an agent is told that has such a part, beside its own parameters.
    parameters: dict[str, str] = field(default_factory=dict)


def _one_route(lab: Lab, other: str) -> None:
    """One of the route tables leads to the other node."""
    cloud = Cloud(lab)
    cloud.point(min(cloud.targets()), cloud.eni(other))


def _a_table_each(lab: Lab, other: str) -> None:
    """A table in each region leads towards the other node."""
    transit = Transit(lab)
    wanted = transit.wanted(other)
    for name in (f"{TOKYO}/main/private-a", f"{OSAKA}/hub/vpcs", f"{SINGAPORE}/hub/peers"):
        transit.lead(name, wanted[name])


def place_record(lab: Lab, where: str, ttl_s: int = 10) -> None:
    """Let the record stand for a node."""
    zone = next(zone["id"] for zone in lab.state()["zones"] if zone["private"])
    given = {"Name": f"db.{ZONE}", "TTL": ttl_s}
    eni = lab.topology.member(where).enis[0]
    sets = [
        {**given, "Type": kind, "ResourceRecords": [{"Value": value}]}
        for kind, value in {"A": eni.ip, "AAAA": eni.ip6}.items()
    ]
    changes = [{"Action": "UPSERT", "ResourceRecordSet": each} for each in sets]
    batch = {"HostedZoneId": zone, "ChangeBatch": {"Changes": changes}}
    lab.control.aws(REGION, "route53", "ChangeResourceRecordSets", **batch)


def _longer_life(lab: Lab, _other: str) -> None:
    """The record may be cached for longer."""
    place_record(lab, HOME, ttl_s=300)


def _to_spare_address(lab: Lab, _other: str) -> None:
    """The Elastic IP leads to another private address of HOME's interface."""
    cloud = Cloud(lab)
    if cloud.holder(SPARE) is None:
        cloud.assign(cloud.eni(HOME), SPARE)
    cloud.associate(PUBLIC_IP, cloud.eni(HOME), SPARE)


def _spare_to_other(lab: Lab, other: str) -> None:
    """One of two addresses is on HOME's interface, and AWS has given it to the other node."""
    cloud = Cloud(lab)
    if not cloud.has(HOME, SPARE):
        device = cloud.addresses(HOME)[SECONDARY]["ifname"]
        lab.exec(HOME, "ip", "address", "add", f"{SPARE}/32", "dev", device)
    cloud.assign(cloud.eni(other), SPARE)


def _no_spare(lab: Lab) -> None:
    Cloud(lab).remove(HOME, SPARE)
    Cloud(lab).unassign([SPARE])


# Of the agents of which a part can drift.
DRIFTS: dict[str, Drift] = {
    "route-table-vip": Drift(_one_route, frozenset((HOME, OTHER))),
    # From some tables there is no way to any node.
    "transit-gateway-vip": Drift(_a_table_each, frozenset((HOME, None))),
    "route53-record": Drift(_longer_life, frozenset((HOME,))),
    "elastic-ip": Drift(_to_spare_address, frozenset((HOME,)), undo=_no_spare),
    "secondary-ip": Drift(
        _spare_to_other,
        frozenset((HOME,)),
        undo=_no_spare,
        parameters={"ip": f"{SECONDARY} {SPARE}"},
    ),
}
