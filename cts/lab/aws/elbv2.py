# SPDX-License-Identifier: GPL-2.0-or-later
"""Elastic Load Balancing where it behaves otherwise than moto 5.2.5, and its part of the snapshot.

`install` gives Network Load Balancers the names and defaults they have on AWS, keeps targets that
drain, and answers DescribeTargetHealth from what the balancers' own health checks have found.
`check` refuses requests that AWS refuses and moto accepts.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from moto.elbv2.exceptions import TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeLoadBalancer, FakeTargetGroup

from lab.aws.errors import AwsError

if TYPE_CHECKING:
    from lab.aws.cloud import Cloud

# State, reason and description of a target, in AWS's words.
Health = tuple[str, str | None, str | None]
# (target group, instance) -> what the balancer's health checks say, None when there are none.
View = Callable[[str, str], Health | None]

REGISTRATION: Health = (
    "initial",
    "Elb.RegistrationInProgress",
    "Target registration is in progress",
)
DRAINING: Health = (
    "draining",
    "Target.DeregistrationInProgress",
    "Target deregistration is in progress",
)
_NOT_REGISTERED: Health = (
    "unused",
    "Target.NotRegistered",
    "Target is not registered to the target group",
)
_NOT_IN_USE: Health = (
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
_WRONG_ZONE: Health = (
    "unused",
    "Target.NotInUse",
    "Target is in an Availability Zone that is not enabled for the load balancer",
)

# Protocols of the target groups of a Network Load Balancer, and what it has without being told.
_NETWORK = ("TCP", "UDP", "TCP_UDP", "TLS")
_CODES = "200-399"
_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300",
    "deregistration_delay.connection_termination.enabled": "false",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "preserve_client_ip.enabled": "true",
    "proxy_protocol_v2.enabled": "false",
    "stickiness.enabled": "false",
    "stickiness.type": "source_ip",
    "target_health_state.unhealthy.connection_termination.enabled": "true",
    "target_health_state.unhealthy.draining_interval_seconds": "0",
}
_HTTP = ("HTTP", "HTTPS")
# Numbers of a health check: lowest and highest value.
_RANGES = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}
_serials = itertools.count(1)


# What moto computes.


def _is_network(group: FakeTargetGroup) -> bool:
    return group.protocol in _NETWORK


def _complete(group: FakeTargetGroup, codes: str | None) -> None:
    """Give the health check of a network target group what belongs to its protocol."""
    if group.health_check_protocol in _HTTP:
        group.health_check_path = group.health_check_path or "/"
        group.matcher = {"HttpCode": codes or _codes(group) or _CODES}
    else:
        group.health_check_path = None
        group.matcher = {}


def _codes(group: FakeTargetGroup) -> str | None:
    return getattr(group, "matcher", {}).get("HttpCode")


def _create_load_balancer(original: Callable[..., FakeLoadBalancer]) -> Callable[..., Any]:
    def create(backend: ELBv2Backend, name: str, *args: Any, **options: Any) -> FakeLoadBalancer:
        """moto gives every kind the ARN and the DNS name of an Application Load Balancer."""
        balancer = original(backend, name, *args, **options)
        if balancer.type == "network":
            del backend.load_balancers[balancer.arn]
            provisional, balancer.arn = balancer.arn, balancer.arn.replace("/app/", "/net/")
            backend.tagging_service.copy_tags(provisional, balancer.arn)
            backend.tagging_service.delete_all_tags_for_resource(provisional)
            number = balancer.arn.rpartition("/")[2]
            balancer.dns_name = f"{name}-{number}.elb.{backend.region_name}.amazonaws.com"
            backend.load_balancers[balancer.arn] = balancer
        return balancer

    return create


def _create_target_group(original: Callable[..., FakeTargetGroup]) -> Callable[..., Any]:
    def create(backend: ELBv2Backend, name: str, **options: Any) -> FakeTargetGroup:
        """moto's defaults are those of Application Load Balancers."""
        http = options.get("healthcheck_protocol") in _HTTP
        if options.get("protocol") in _NETWORK and http:
            options["healthcheck_timeout_seconds"] = options["healthcheck_timeout_seconds"] or 6
        group = original(backend, name, **options)
        if _is_network(group):
            group.attributes = dict(_ATTRIBUTES)
            _complete(group, (options.get("matcher") or {}).get("HttpCode", _CODES))
        return group

    return create


def _modify_target_group(original: Callable[..., FakeTargetGroup]) -> Callable[..., Any]:
    def modify(backend: ELBv2Backend, *args: Any, **options: Any) -> FakeTargetGroup:
        """moto takes a matcher only for the groups of Application Load Balancers."""
        group = original(backend, *args, **options)
        if _is_network(group):
            *_, codes = args
            _complete(group, codes)
        return group

    return modify


def _register(original: Callable[..., None]) -> Callable[..., None]:
    def register(group: FakeTargetGroup, targets: list[dict[str, Any]]) -> None:
        """AWS registers all or none, and only instances of the group's VPC.

        Each registration gets a number: the balancer begins anew with a target that comes back.
        """
        for target in targets:
            instance = group.ec2_backend.get_instance_by_id(target["Id"])
            if instance is None or instance.vpc_id != group.vpc_id:
                text = f"The following targets are not in the target group VPC '{group.vpc_id}': "
                raise AwsError("InvalidTarget", f"{text}'{target['Id']}'")
        before = dict(group.targets)
        original(group, targets)
        for target in targets:
            entry, old = group.targets[target["Id"]], before.get(target["Id"])
            again = old is not None and int(old["Port"]) == int(entry["Port"])
            entry["Serial"] = old["Serial"] if again else next(_serials)

    return register


def _deregister(original: Callable[..., None], settled: Callable[[], None]) -> Callable[..., None]:
    def deregister(group: FakeTargetGroup, targets: list[dict[str, Any]]) -> None:
        """moto forgets a target at once, AWS lets it drain first."""
        original(group, targets)
        delay_s = float(group.attributes["deregistration_delay.timeout_seconds"])
        for target in targets:
            group.deregistered_targets[target["Id"]]["Until"] = time.monotonic() + delay_s
        timer = threading.Timer(delay_s, settled)
        timer.daemon = True
        timer.start()

    return deregister


def _draining(group: FakeTargetGroup) -> list[dict[str, Any]]:
    now = time.monotonic()
    return [item for item in group.deregistered_targets.values() if item["Until"] > now]


def _listeners(balancer: FakeLoadBalancer, backend: ELBv2Backend) -> list[dict[str, Any]]:
    return [
        {
            "id": listener.arn,
            "protocol": listener.protocol,
            "port": int(listener.port),
            "target_groups": [
                arn
                for action in listener.default_actions
                for arn in backend._get_target_group_arns_from(action_data=action.data)
            ],
        }
        for listener in balancer.listeners.values()
    ]


def _zones(backend: ELBv2Backend, group: FakeTargetGroup) -> set[str] | None:
    """The zones in which balancers use the group; None when no listener leads to it."""
    using = [
        balancer
        for balancer in backend.load_balancers.values()
        if any(group.arn in item["target_groups"] for item in _listeners(balancer, backend))
    ]
    if not using:
        return None
    return {zone.zone_name for balancer in using for zone in balancer.availability_zones}


def _standing(backend: ELBv2Backend, group: FakeTargetGroup, target: str) -> Health | None:
    """Why no balancer looks at a registered target; None when one does."""
    instance = backend.ec2_backend.get_instance_by_id(target)
    state = "terminated" if instance is None else instance.state
    if state in ("stopped", "terminated"):
        return ("unused", "Target.InvalidState", f"Target is in the {state} state")
    zones = _zones(backend, group)
    if zones is None:
        return _NOT_IN_USE
    primary = instance.nics[0].subnet
    return None if primary.availability_zone in zones else _WRONG_ZONE


def _health(
    backend: ELBv2Backend, group: FakeTargetGroup, wanted: dict[str, Any], view: View
) -> FakeHealthStatus:
    name = wanted["Id"]
    port = int(wanted.get("Port") or group.port)
    draining = {item["Id"]: item for item in _draining(group)}
    entry = group.targets.get(name) or draining.get(name)
    if entry is None or ("Port" in wanted and int(entry["Port"]) != port):
        health = _NOT_REGISTERED
    elif name in group.targets:
        port = int(entry["Port"])
        health = _standing(backend, group, name) or view(group.arn, name) or REGISTRATION
    else:
        port, health = int(entry["Port"]), DRAINING
    return FakeHealthStatus(name, str(port), _check_port(group, port), *health)


def _check_port(group: FakeTargetGroup, port: int) -> str:
    return str(port) if group.health_check_port == "traffic-port" else str(group.health_check_port)


def _describe_target_health(view: View) -> Callable[..., list[FakeHealthStatus]]:
    def describe(
        backend: ELBv2Backend, target_group_arn: str, targets: list[dict[str, Any]]
    ) -> list[FakeHealthStatus]:
        """moto calls every registered target healthy."""
        group = backend.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError
        wanted = targets or [*group.targets.values(), *_draining(group)]
        return [_health(backend, group, item, view) for item in wanted]

    return describe


def install(cloud: Cloud) -> None:
    """Correct moto's models in this process, which serves this one cloud."""
    if getattr(ELBv2Backend, "corrected", False):
        return

    def settled() -> None:
        cloud.changed({"node": None, "service": "elasticloadbalancing", "action": "drained"})

    ELBv2Backend.corrected = True
    ELBv2Backend.create_load_balancer = _create_load_balancer(ELBv2Backend.create_load_balancer)
    ELBv2Backend.create_target_group = _create_target_group(ELBv2Backend.create_target_group)
    ELBv2Backend.modify_target_group = _modify_target_group(ELBv2Backend.modify_target_group)
    ELBv2Backend.describe_target_health = _describe_target_health(
        lambda group, target: cloud.target_health(group, target)
    )
    FakeTargetGroup.register = _register(FakeTargetGroup.register)
    FakeTargetGroup.deregister = _deregister(FakeTargetGroup.deregister, settled)


# What moto does not check.


def _invalid(text: str) -> AwsError:
    return AwsError("ValidationError", text)


def check(params: dict[str, str]) -> None:
    """Refuse what AWS would refuse in the health check of a target group."""
    for name, (low, high) in _RANGES.items():
        value = params.get(name)
        if value is not None and not (value.isdigit() and low <= int(value) <= high):
            label = re.sub(r"(?<!^)(?=[A-Z])", " ", name).capitalize()
            raise _invalid(f"{label} '{value}' must be between '{low}' and '{high}' inclusive")
    port = params.get("HealthCheckPort")
    ranged = port is not None and port != "traffic-port"
    if ranged and not (port.isdigit() and 1 <= int(port) <= 65535):
        text = f"Health check port '{port}' must be 'traffic-port' or "
        raise _invalid(text + "between '1' and '65535' inclusive")
    path = params.get("HealthCheckPath")
    if path is not None and not re.fullmatch(r"/[!-~]{0,1023}", path):
        raise _invalid(f"Health check path '{path}' must begin with a '/' character")
    codes = params.get("Matcher.HttpCode")
    if codes is not None and not re.fullmatch(
        r"[2-5]\d\d(-[2-5]\d\d)?(,[2-5]\d\d(-[2-5]\d\d)?)*", codes
    ):
        raise _invalid(f"Health check matcher HTTP code '{codes}' must be within '200-599'")


# The snapshot.


def load_balancers(backend: ELBv2Backend) -> list[dict[str, Any]]:
    """The load balancers of a region for the snapshot."""
    return [
        {
            "id": balancer.arn,
            "name": balancer.name,
            "type": balancer.type,
            "scheme": balancer.scheme,
            "dns_name": balancer.dns_name,
            "vpc": balancer.vpc_id,
            "subnets": [subnet.id for subnet in balancer.subnets],
            "attributes": dict(balancer.attrs),
            "listeners": _listeners(balancer, backend),
        }
        for balancer in backend.load_balancers.values()
    ]


def target_groups(backend: ELBv2Backend, owners: dict[str, str]) -> list[dict[str, Any]]:
    """The target groups of a region for the snapshot; owners name the nodes of instances.

    A target's "use" is "active", "draining" or "unused"; health checks are for the active ones.
    """
    return [
        {
            "id": group.arn,
            "name": group.name,
            "vpc": group.vpc_id,
            "protocol": group.protocol,
            "port": int(group.port),
            "health_check": {
                "protocol": group.health_check_protocol,
                "port": group.health_check_port,
                "path": group.health_check_path,
                "codes": _codes(group),
                "interval_s": int(group.health_check_interval_seconds),
                "timeout_s": int(group.health_check_timeout_seconds),
                "healthy": int(group.healthy_threshold_count),
                "unhealthy": int(group.unhealthy_threshold_count),
            },
            "attributes": dict(group.attributes),
            "targets": _targets(backend, group, owners),
        }
        for group in backend.target_groups.values()
        if group.target_type == "instance"
    ]


def _targets(
    backend: ELBv2Backend, group: FakeTargetGroup, owners: dict[str, str]
) -> list[dict[str, Any]]:
    found = []
    for item in group.targets.values():
        use = "unused" if _standing(backend, group, item["Id"]) else "active"
        found.append((item, use))
    found += [(item, "draining") for item in _draining(group)]
    return [
        {
            "id": item["Id"],
            "node": owners.get(item["Id"]),
            "port": int(item["Port"]),
            "check_port": int(_check_port(group, int(item["Port"]))),
            "serial": item["Serial"],
            "use": use,
        }
        for item, use in found
    ]
