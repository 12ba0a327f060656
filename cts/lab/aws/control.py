# SPDX-License-Identifier: GPL-2.0-or-later
"""The control API: JSON over HTTP on the unix socket of the lab."""

from __future__ import annotations

import datetime
import json
import logging
import math
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lab.aws import dns, policy, seed, transit
from lab.aws.cloud import is_read
from lab.aws.context import Settings
from lab.aws.endpoints import SERVICES
from lab.aws.errors import AwsError
from lab.aws.faults import ROLE_LIFETIME_S, FaultError
from lab.aws.httpd import Reply, Request
from lab.aws.imds import in_namespace
from lab.aws.policy import PolicyError
from lab.aws.sts import credential_document

if TYPE_CHECKING:
    from lab.aws.daemon import Daemon

log = logging.getLogger(__name__)


class ControlError(ValueError):
    """A control request that cannot be done; the text names field, value and what is allowed."""


_REFUSALS = (ControlError, FaultError, PolicyError, AwsError, ClientError, BotoCoreError)


def _bad(name: str, value: object, allowed: str) -> ControlError:
    return ControlError(f"{name}: {value!r} is not possible; allowed: {allowed}")


def _json(value: Any) -> Any:
    """What JSON cannot say for itself, in an answer of AWS."""
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError(f"{type(value)} has no JSON form")


class Control:
    """Serves the control API of a daemon."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._routes: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "/topology"): lambda _: daemon.topology,
            ("GET", "/state"): lambda _: daemon.context.cloud.snapshot(),
            ("GET", "/requests"): lambda _: daemon.context.requests.entries(),
            ("DELETE", "/requests"): lambda _: daemon.context.requests.clear(),
            ("GET", "/faults"): lambda _: daemon.context.faults.rules(),
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/imds"): self._open_imds,
            ("DELETE", "/imds"): self._close_imds,
            ("POST", "/dns"): self._open_dns,
            ("POST", "/policy"): self._policy,
            ("POST", "/rotate"): self._rotate,
            ("POST", "/webidentity"): self._web_identity,
            ("GET", "/settings"): lambda _: asdict(daemon.context.settings),
            ("POST", "/settings"): self._settings,
            ("POST", "/aws"): self._aws,
            ("POST", "/announce"): self._announce,
            ("POST", "/sync"): lambda _: daemon.sync(),
            ("POST", "/shutdown"): lambda _: daemon.stop(),
        }

    def serve(self, request: Request) -> Reply:
        """Answer one control request."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = ", ".join(f"{method} {path}" for method, path in self._routes)
            return self._reply(404, {"error": str(_bad("request", request.path, known))})
        try:
            document = json.loads(request.body or b"{}")
            if not isinstance(document, dict):
                raise _bad("body", document, "a JSON object")
            return self._reply(200, route(document))
        except _REFUSALS as error:
            return self._reply(400, {"error": str(error)})
        except ValueError as error:
            return self._reply(400, {"error": f"body: {error}; allowed: a JSON object"})
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            return self._reply(500, {"error": f"{type(error).__name__}: {error}"})

    @staticmethod
    def _reply(status: int, document: Any) -> Reply:
        body = json.dumps(document, default=_json).encode()
        return Reply(status, [("Content-Type", "application/json")], body)

    @staticmethod
    def _fields(document: dict[str, Any], *names: str) -> None:
        for name in document:
            if name not in names:
                raise _bad("field", name, ", ".join(names))

    @staticmethod
    def _text(document: dict[str, Any], name: str) -> str:
        value = document.get(name)
        if not isinstance(value, str) or not value:
            raise _bad(name, value, "text")
        return value

    @staticmethod
    def _number(name: str, value: Any, low: float) -> float:
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not right or not math.isfinite(value) or value < low:
            allowed = "a number" if low == -math.inf else f"a number from {low:g}"
            raise _bad(name, value, allowed)
        return float(value)

    def _node(self, document: dict[str, Any]) -> str:
        node = document.get("node")
        if node not in self._daemon.imds:
            raise _bad("node", node, ", ".join(self._daemon.imds))
        return node

    def _add_fault(self, document: dict[str, Any]) -> Any:
        rule = self._daemon.context.faults.add(document)
        self._daemon.follow_settings()
        return rule

    def _clear_faults(self, document: dict[str, Any]) -> Any:
        self._fields(document, "id")
        rule_id = document.get("id")
        ids = [rule["id"] for rule in self._daemon.context.faults.rules()]
        if rule_id is not None and rule_id not in ids:
            raise _bad("id", rule_id, ", ".join(map(str, ids)) or "none, there are no rules")
        removed = self._daemon.context.faults.clear(rule_id)
        self._daemon.follow_settings()
        return {"removed": removed}

    def _open_imds(self, document: dict[str, Any]) -> Any:
        self._fields(document, "node", "netns")
        node, netns = self._node(document), self._text(document, "netns")
        if not Path(netns).exists():
            raise _bad("netns", netns, "the path of a network namespace")
        machine = self._daemon.machines[node]
        ipv6 = any(eni["ip6"] for eni in machine["enis"])
        self._daemon.imds[node].open(in_namespace(netns, ipv6))
        self._daemon.context.faults.reapply(node)
        return {}

    def _close_imds(self, document: dict[str, Any]) -> Any:
        self._fields(document, "node")
        self._daemon.imds[self._node(document)].close()
        return {}

    def _open_dns(self, document: dict[str, Any]) -> Any:
        self._fields(document, "vpc", "netns", "addresses", "port")
        vpc, netns = document.get("vpc"), document.get("netns")
        ids = [
            item["id"]
            for region in self._daemon.topology["regions"].values()
            for item in region["vpcs"].values()
        ]
        if vpc is not None and vpc not in ids:
            raise _bad("vpc", vpc, f"{', '.join(ids)}, null for the internet")
        if netns is not None and not Path(netns).exists():
            raise _bad("netns", netns, "the path of a network namespace, null for the daemon's")
        addresses = document.get("addresses")
        if not addresses or not isinstance(addresses, list):
            raise _bad("addresses", addresses, "a list of addresses")
        port = document.get("port", dns.PORT)
        return {"port": self._daemon.dns.open(vpc, netns, addresses, port)}

    def _policy(self, document: dict[str, Any]) -> Any:
        self._fields(document, "role", "documents")
        role, documents = self._text(document, "role"), document.get("documents")
        if documents is not None and not isinstance(documents, list):
            raise _bad("documents", documents, "a list of policy documents, null for the default")
        region = self._daemon.context.cloud.regions[0]
        roles = [
            item.name for item in self._daemon.context.cloud.backend("iam", region).roles.values()
        ]
        if role not in roles:
            raise _bad("role", role, ", ".join(roles))
        if documents is None:
            named = seed.default_policies()
        else:
            named = {f"policy-{number}": item for number, item in enumerate(documents)}
        with self._daemon.context.cloud.lock:
            seed.set_policies(self._daemon.context.cloud, region, role, named)
        return {}

    def _rotate(self, document: dict[str, Any]) -> Any:
        self._fields(document, "node", "lifetime_s", "expire_old")
        imds = self._daemon.imds[self._node(document)]
        role = imds.role()
        if role is None:
            raise _bad("node", document["node"], "a node with a role")
        lifetime = self._number("lifetime_s", document.get("lifetime_s", ROLE_LIFETIME_S), 1)
        expire = document.get("expire_old", False)
        if not isinstance(expire, bool):
            raise _bad("expire_old", expire, "true, false")
        credential = imds.rotate(lifetime, expire)
        return credential_document(credential)

    def _web_identity(self, document: dict[str, Any]) -> Any:
        self._fields(document, "subject", "audience", "lifetime_s")
        lifetime = self._number("lifetime_s", document.get("lifetime_s", 3600), -math.inf)
        subject, audience = self._text(document, "subject"), self._text(document, "audience")
        return {"token": self._daemon.issuer.token(subject, audience, lifetime)}

    def _settings(self, document: dict[str, Any]) -> Any:
        self._fields(document, *(item.name for item in fields(Settings)))
        settings = self._daemon.context.settings
        checked: dict[str, Any] = {}
        for name, value in document.items():
            if isinstance(getattr(settings, name), bool):
                if not isinstance(value, bool):
                    raise _bad(name, value, "true, false")
                checked[name] = value
            elif name == "insync_delay_s" and value is None:
                checked[name] = None
            else:
                low = -math.inf if name == "clock_offset_s" else 0
                checked[name] = self._number(name, value, low)
        for name, value in checked.items():
            setattr(settings, name, value)
        if checked.get("quotas"):
            self._daemon.gateway.quotas.refill()
        self._daemon.follow_settings()
        return asdict(settings)

    def _announce(self, document: dict[str, Any]) -> Any:
        self._fields(document, "region", "table", "destination", "attachment")
        cloud = self._daemon.context.cloud
        region, attachment = document.get("region"), document.get("attachment")
        if region not in cloud.regions:
            raise _bad("region", region, ", ".join(cloud.regions))
        backend = cloud.backend("ec2", region)
        tables = backend.transit_gateways_route_tables
        table = tables.get(document.get("table"))
        if table is None:
            raise _bad("table", document.get("table"), ", ".join(tables))
        mine = [
            item.id
            for item in backend.transit_gateway_attachments.values()
            if item.gateway == table.gateway
        ]
        if attachment is not None and attachment not in mine:
            raise _bad("attachment", attachment, f"{', '.join(mine)}, null for none")
        destination = self._text(document, "destination")
        with cloud.change({"node": None, "service": "ec2", "action": "announce"}):
            transit.announce(table, destination, attachment)
        return {}

    def _aws(self, document: dict[str, Any]) -> Any:
        self._fields(document, "region", "service", "operation", "params")
        cloud = self._daemon.context.cloud
        region, service = document.get("region"), document.get("service")
        if region not in cloud.regions:
            raise _bad("region", region, ", ".join(cloud.regions))
        if service not in SERVICES or service == "sts":
            raise _bad("service", service, ", ".join(sorted(set(SERVICES) - {"sts"})))
        operation, params = self._text(document, "operation"), document.get("params", {})
        if not isinstance(params, dict):
            raise _bad("params", params, "an object")
        client = cloud.client(service, region)
        method = cloud.method(client, operation)
        if method is None:
            raise _bad("operation", operation, f"an operation of {service} such as DescribeVpcs")
        policy.check_parameters(params)
        if is_read(operation):
            answer = method(**params)
        else:
            power = self._daemon.gateway.power
            with cloud.change({"node": None, "service": service, "action": operation}):
                done = power.before(None, region, operation, params.get("InstanceIds", []))
                answer = method(**params)
                done()
        answer.pop("ResponseMetadata", None)
        return answer
