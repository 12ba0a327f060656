# SPDX-License-Identifier: GPL-2.0-or-later
"""The instance metadata service, version 2 only, one listener a node.

What it says is read from moto at each request, so it follows every change of an interface.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

from lab.aws import addresses
from lab.aws.auth import Credential, CredentialStore
from lab.aws.cloud import ACCOUNT, subnet_cidr6
from lab.aws.context import Context
from lab.aws.faults import IMDS_ADDRESS, IMDS_ADDRESS6, ROLE_LIFETIME_S, Effect
from lab.aws.httpd import Reply, Request, Server, listen
from lab.aws.inside import opened
from lab.aws.sts import credential_document, iso_time, role_principal

_MAX_TTL_S = 21600
_TOKEN_PATH = "/latest/api/token"
# Role credentials of an instance are replaced this long before they expire.
_RENEW_S = 600.0
_IMAGE = "ami-0123456789abcdef0"
Tree = dict[str, Any]


def _margin(credential: Credential) -> float:
    """How long before they expire credentials are replaced; less for short-lived ones."""
    return min(_RENEW_S, (credential.expires - credential.issued) / 10)


@dataclass
class Where:
    """Where a node's service listens: addresses, port, and the namespace (None for our own)."""

    addresses: list[str]
    port: int
    netns: str | None = None


class RoleCredentials:
    """The credentials that each instance's role has at the moment."""

    def __init__(self, store: CredentialStore) -> None:
        self._store = store
        self._current: dict[str, Credential] = {}
        self._lock = threading.Lock()

    def get(self, instance: Any, region: str, role: Any, now: float) -> Credential:
        """The current ones, renewed when they are about to expire."""
        with self._lock:
            current = self._current.get(instance.id)
            if current is None or now > current.expires - _margin(current):
                principal = role_principal(region, role, instance.id)
                current = self._store.issue(principal, ROLE_LIFETIME_S, now)
                self._current[instance.id] = current
            return current

    def rotate(
        self, instance: Any, region: str, role: Any, now: float, lifetime_s: float, expire: bool
    ) -> Credential:
        """Replace the credentials now; `expire` makes the old ones invalid at once."""
        principal = role_principal(region, role, instance.id)
        with self._lock:
            old = self._current.get(instance.id)
            new = self._store.issue(principal, lifetime_s, now)
            self._current[instance.id] = new
        if old is not None and expire:
            self._store.revoke(old.access_key, now)
        return new


class Imds:
    """One node's metadata service."""

    def __init__(
        self, context: Context, node: str, region: str, instance_id: str, roles: RoleCredentials
    ) -> None:
        self.node = node
        self._context = context
        self._cloud = context.cloud
        self._region = region
        self._instance_id = instance_id
        self._roles = roles
        self._tokens: dict[str, float] = {}
        self._where: Where | None = None
        self._closed = False
        self._servers: list[Server] = []
        self._lock = threading.RLock()

    # Listening.

    def open(self, where: Where) -> None:
        """Listen at `where` in place of anywhere else."""
        with self._lock:
            self._stop()
            self._where = where
            if not self._closed:
                self._start()

    def close(self) -> None:
        """Stop listening for good."""
        with self._lock:
            self._stop()
            self._where = None

    def gate(self, closed: bool) -> None:
        """Close the port, so that connections are refused, or open it again."""
        with self._lock:
            self._closed = closed
            self._stop()
            if not closed and self._where is not None:
                self._start()

    def url(self) -> str | None:
        """The base URL of the first address, or None when nobody listens."""
        with self._lock:
            if not self._servers:
                return None
            address, port = self._servers[0].socket.getsockname()[:2]
        return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"

    def rotate(self, lifetime_s: float, expire_old: bool) -> Credential:
        """Give the instance's role new credentials; the role must exist."""
        return self._roles.rotate(
            self.instance(), self._region, self.role(), self._context.now(), lifetime_s, expire_old
        )

    def _start(self) -> None:
        where = self._where
        listeners = opened(
            where.netns, lambda: [listen(address, where.port) for address in where.addresses]
        )
        # A port that was picked once is kept when the listener is reopened.
        where.port = listeners[0].getsockname()[1]
        self._servers = [Server(listener, self.serve) for listener in listeners]
        for server in self._servers:
            server.start()

    def _stop(self) -> None:
        for server in self._servers:
            server.stop()
        self._servers = []

    # Serving.

    def serve(self, request: Request) -> Reply:
        """Answer one request."""
        action = f"{request.method} {request.path}"
        effect = self._context.faults.take("imds", None, action, self.node, {})
        if effect.slow_ms:
            time.sleep(effect.slow_ms / 1000.0)
        reply = self._faulty(effect.kind) or self._answer(request, effect)
        reply.headers.append(("Server", "EC2ws"))
        self._context.requests.record(
            request,
            reply,
            node=self.node,
            region=self._region,
            service="imds",
            action=action,
            status=reply.status if reply.delivery == "whole" else 0,
            code=None,
            fault="+".join(effect.names) or None,
        )
        return reply

    @staticmethod
    def _faulty(kind: str | None) -> Reply | None:
        if kind == "hang":
            return Reply(0, delivery="hang")
        status = {"e503": 503, "e401": 401, "e403": 403}.get(kind or "")
        return _error(status) if status else None

    def _answer(self, request: Request, effect: Effect) -> Reply:
        if request.path == _TOKEN_PATH:
            return self._token(request)
        if request.method not in ("GET", "HEAD"):
            return _error(405)
        if not self._valid(request.header("X-aws-ec2-metadata-token")):
            return _error(401)
        lag = max(self._context.settings.imds_delay_s, effect.lag_s)
        value: Any = self._tree(effect.kind == "norole", lag)
        for part in [item for item in request.path.split("/") if item]:
            if not isinstance(value, dict) or part not in value:
                return _error(404)
            value = value[part]
        if isinstance(value, dict):
            value = "\n".join(
                name + ("/" if isinstance(item, dict) else "") for name, item in value.items()
            )
        kind = "application/json" if value.startswith("{") else "text/plain"
        return Reply(200, [("Content-Type", kind)], value.encode())

    def _token(self, request: Request) -> Reply:
        if request.method != "PUT":
            return _error(405)
        if request.header("X-Forwarded-For") is not None:
            return _error(403)
        text = request.header("X-aws-ec2-metadata-token-ttl-seconds") or ""
        if not text.isdigit() or not 1 <= int(text) <= _MAX_TTL_S:
            return _error(400)
        now = time.monotonic()
        token = secrets.token_urlsafe(40)
        with self._lock:
            self._tokens = {item: end for item, end in self._tokens.items() if end > now}
            self._tokens[token] = now + int(text)
        headers = [
            ("Content-Type", "text/plain"),
            ("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", text),
        ]
        return Reply(200, headers, token.encode())

    def _valid(self, token: str | None) -> bool:
        with self._lock:
            end = self._tokens.get(token or "")
        return end is not None and time.monotonic() < end

    # The tree.

    def role(self) -> Any | None:
        """The role in the profile that is associated with the instance now."""
        with self._cloud.lock:
            backend = self._cloud.backend("ec2", self._region)
            association = backend.iam_instance_profile_associations.get(self._instance_id)
            roles = association.iam_instance_profile.roles if association is not None else []
            return roles[0] if roles else None

    def instance(self) -> Any:
        """The instance in moto."""
        with self._cloud.lock:
            return self._cloud.backend("ec2", self._region).get_instance(self._instance_id)

    def _tree(self, without_role: bool, lag_s: float) -> Tree:
        """Everything there is; what tells of the network lags behind AWS's state."""
        with self._cloud.lock:
            role = None if without_role else self.role()
            with self._cloud.as_of(self._region, lag_s):
                instance, meta = self.instance(), self._network()
            if role is not None:
                meta["iam"] = self._iam(instance, role)
            document = {
                "accountId": ACCOUNT,
                "architecture": "x86_64",
                "availabilityZone": meta["placement"]["availability-zone"],
                "imageId": _IMAGE,
                "instanceId": instance.id,
                "instanceType": instance.instance_type,
                "pendingTime": iso_time(instance.launch_time.timestamp()),
                "privateIp": meta["local-ipv4"],
                "region": self._region,
                "version": "2017-09-30",
            }
        dynamic = {"instance-identity": {"document": json.dumps(document, indent=2)}}
        return {"latest": {"dynamic": dynamic, "meta-data": meta}}

    def _network(self) -> Tree:
        instance = self.instance()
        backend = self._cloud.backend("ec2", self._region)
        primary = instance.nics[0]
        nics = sorted(instance.nics.items())
        macs = {nic.mac_address: _interface(backend, nic, index) for index, nic in nics}
        meta: Tree = {
            "ami-id": _IMAGE,
            "instance-id": instance.id,
            "instance-type": instance.instance_type,
            "local-ipv4": primary.private_ip_address,
            "mac": primary.mac_address,
            "network": {"interfaces": {"macs": macs}},
            "placement": {
                "availability-zone": primary.subnet.availability_zone,
                "region": self._region,
            },
            "services": {"domain": "amazonaws.com", "partition": "aws"},
        }
        meta |= _public(primary)
        if primary.ipv6_addresses:
            meta["ipv6"] = addresses.ipv6_addresses(primary)[0]
        return meta

    def _iam(self, instance: Any, role: Any) -> Tree:
        credential = self._roles.get(instance, self._region, role, self._context.now())
        profile = role.instance_profile_list[0]
        info = {
            "Code": "Success",
            "LastUpdated": iso_time(credential.issued),
            "InstanceProfileArn": profile.arn,
            "InstanceProfileId": profile.id,
        }
        text = json.dumps(credential_document(credential), indent=2)
        return {"info": json.dumps(info, indent=2), "security-credentials": {role.name: text}}


def _public(interface: Any) -> Tree:
    """The public address that leads to an interface's primary one, and its name if it has one."""
    elastic = addresses.associations(interface).get(interface.private_ip_address)
    if elastic is None:
        return {}
    name = addresses.public_name_of(interface, elastic.public_ip)
    return {"public-ipv4": elastic.public_ip, **({"public-hostname": name} if name else {})}


def _interface(backend: Any, nic: Any, index: int) -> Tree:
    vpc = backend.get_vpc(nic.subnet.vpc_id)
    blocks = [item["cidr_block"] for item in vpc.get_cidr_block_association_set()]
    blocks6 = [item["cidr_block"] for item in vpc.get_cidr_block_association_set(ipv6=True)]
    found: Tree = {
        "device-number": str(index),
        "interface-id": nic.id,
        "local-ipv4s": "\n".join(addresses.private_addresses(nic)),
        "mac": nic.mac_address,
        "owner-id": ACCOUNT,
        "subnet-id": nic.subnet.id,
        "subnet-ipv4-cidr-block": nic.subnet.cidr_block,
        "vpc-id": vpc.id,
        "vpc-ipv4-cidr-block": vpc.cidr_block,
        "vpc-ipv4-cidr-blocks": "\n".join(blocks),
    }
    if blocks6:
        found["vpc-ipv6-cidr-blocks"] = "\n".join(blocks6)
    cidr6 = subnet_cidr6(nic.subnet)
    if cidr6:
        found["subnet-ipv6-cidr-blocks"] = cidr6
    if nic.ipv6_addresses:
        found["ipv6s"] = "\n".join(addresses.ipv6_addresses(nic))
    elastic = addresses.associations(nic)
    if elastic:
        found["ipv4-associations"] = {item.public_ip: own for own, item in elastic.items()}
        found["public-ipv4s"] = "\n".join(item.public_ip for item in elastic.values())
    name = _public(nic).get("public-hostname")
    if name:
        found["public-hostname"] = name
    return dict(sorted(found.items()))


def _error(status: int) -> Reply:
    phrases = {
        400: "Bad Request",
        401: "Unauthorized",
        403: "Forbidden",
        404: "Not Found",
        405: "Not Allowed",
        503: "Service Unavailable",
    }
    title = f"{status} - {phrases[status]}"
    body = (
        '<?xml version="1.0" encoding="iso-8859-1"?>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n'
        f" <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n </body>\n"
        "</html>\n"
    )
    return Reply(status, [("Content-Type", "text/html")], body.encode())


def in_namespace(netns: str, ipv6: bool) -> Where:
    """Where an instance finds its metadata."""
    return Where([IMDS_ADDRESS, *([IMDS_ADDRESS6] if ipv6 else [])], 80, netns)
