# SPDX-License-Identifier: GPL-2.0-or-later
"""AWS's state: moto's backends in this process, and what the rest of the lab asks of them."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import run_wsgi_app

from lab.aws import addresses, elbv2, gaps, route53, tgwapi, transit
from lab.aws.endpoints import SERVICES

log = logging.getLogger(__name__)

ACCOUNT = "123456789012"
_READS = ("Describe", "Get", "List", "Search", "Lookup")
_MAX_VERSIONS = 256
Answer = tuple[int, list[tuple[str, str]], bytes]
Listener = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], None]


def is_read(action: str) -> bool:
    """Whether an action leaves AWS's state alone."""
    return action.startswith(_READS)


def partition_of(region: str) -> str:
    """The partition in the ARNs of a region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


class _Body(io.BytesIO):
    """A response body with the method botocore reads it by."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class Cloud:
    """moto behind one lock: moto itself does not expect several threads."""

    def __init__(self) -> None:
        gaps.install()
        addresses.install()
        tgwapi.install()
        elbv2.install(self)
        self.ledger = route53.Ledger()
        route53.install(self.ledger)
        self.lock = threading.RLock()
        self.regions: list[str] = []
        self.owners: dict[str, str] = {}  # instance id -> name of the node or client
        self.keep_s = 0.0
        # Who answers for the health checks; a lab without packets has none.
        self.target_health: elbv2.View = lambda _group, _target: None
        self._apps: dict[str, Any] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._versions: deque[tuple[float, dict[str, Any]]] = deque(maxlen=_MAX_VERSIONS)
        self._listeners: list[Listener] = []
        self._last: dict[str, Any] = {}
        self._session = botocore.session.Session()

    # Calls.

    def call(
        self,
        service: str,
        host: str,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: bytes,
    ) -> Answer:
        """Let moto serve one HTTP request; the caller has checked it."""
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "RAW_URI": target,
            "QUERY_STRING": query,
            "SERVER_NAME": host,
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in headers:
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        environ["HTTP_HOST"] = host
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_CONTENT_LENGTH", None)
        with self.lock:
            if service not in self._apps:
                self._apps[service] = create_backend_app(SERVICES[service])
            answer, status, answer_headers = run_wsgi_app(self._apps[service], environ)
            return int(status.split()[0]), list(answer_headers), b"".join(answer)

    def client(self, service: str, region: str) -> Any:
        """A botocore client whose requests go straight to moto, unchecked."""
        key = (service, region)
        with self.lock:
            if key not in self._clients:
                client = self._session.create_client(
                    SERVICES[service],
                    region,
                    aws_access_key_id="lab",
                    aws_secret_access_key="lab",
                    config=Config(retries={"total_max_attempts": 1}),
                )

                def short_circuit(request: Any, **_: Any) -> AWSResponse:
                    return self._short_circuit(service, request)

                client.meta.events.register("before-send", short_circuit)
                self._clients[key] = client
            return self._clients[key]

    @staticmethod
    def method(client: Any, operation: str) -> Callable[..., dict[str, Any]] | None:
        """The method of a client for an operation such as DescribeVpcs, or None."""
        names = {api: name for name, api in client.meta.method_to_api_mapping.items()}
        return getattr(client, names[operation]) if operation in names else None

    def _short_circuit(self, service: str, request: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        body = request.body or b""
        headers = [
            (name, value.decode() if isinstance(value, bytes) else value)
            for name, value in request.headers.items()
        ]
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        status, answer_headers, answer = self.call(
            service,
            parts.netloc,
            request.method,
            target or "/",
            headers,
            body.encode() if isinstance(body, str) else body,
        )
        return AWSResponse(request.url, status, dict(answer_headers), _Body(answer))

    def backend(self, service: str, region: str) -> Any:
        """moto's model of a service in a region (for IAM and Route 53 of its partition)."""
        accounts = get_backend(SERVICES[service])[ACCOUNT]
        if service in ("iam", "route53"):
            return accounts[partition_of(region)]
        return accounts[region]

    # Changes.

    def subscribe(self, listener: Listener) -> None:
        """Call `listener(cause, old snapshot, new snapshot)` after each change, one at a time."""
        self._listeners.append(listener)

    @contextlib.contextmanager
    def change(self, cause: dict[str, Any]) -> Iterator[None]:
        """Do a change of state; a copy of the old one is kept for reads that lag."""
        with self.lock:
            self._keep_version()
            try:
                yield
            finally:
                self.changed(cause)

    def changed(self, cause: dict[str, Any]) -> None:
        """Compare the state with the one last seen and tell the listeners."""
        with self.lock:
            new = self.snapshot()
            if new == self._last:
                return
            old, self._last = self._last, new
            for listener in self._listeners:
                listener(cause, old, new)

    # Reads that lag.

    def _keep_version(self) -> None:
        now = time.monotonic()
        while self._versions and self._versions[0][0] < now - self.keep_s:
            self._versions.popleft()
        if self.keep_s <= 0:
            return
        # What no call changes is shared: moto's images, whose snapshots are most of a backend.
        backends = {
            region: copy.deepcopy(
                backend, {id(item): item for item in (backend.amis, backend.snapshots)}
            )
            for region in self.regions
            for backend in [self.backend("ec2", region)]
        }
        self._versions.append((now, backends))

    @contextlib.contextmanager
    def as_of(self, region: str, lag_s: float) -> Iterator[None]:
        """Inside, EC2 of `region` is what it was `lag_s` seconds ago."""
        with self.lock:
            then = time.monotonic() - lag_s
            old = next((items for when, items in self._versions if when >= then), None)
            if lag_s <= 0 or old is None or region not in old:
                yield
                return
            accounts = get_backend("ec2")[ACCOUNT]
            live = accounts[region]
            accounts[region] = old[region]
            try:
                yield
            finally:
                accounts[region] = live

    # The snapshot.

    def snapshot(self) -> dict[str, Any]:
        """What AWS holds now, in the form that /state shows and the data plane follows."""
        with self.lock:
            regions = {region: self._region(region) for region in self.regions}
            zones = route53.snapshot(self.backend("route53", self.regions[0])) if regions else []
            return {"regions": regions, "zones": zones}

    def _region(self, region: str) -> dict[str, Any]:
        ec2 = self.backend("ec2", region)
        gateways = {
            gateway.vpc.id: gateway.id for gateway in ec2.internet_gateways.values() if gateway.vpc
        }
        elb = self.backend("elasticloadbalancing", region)
        return {
            "vpcs": [
                {
                    "id": vpc.id,
                    "name": self._name(vpc),
                    "cidrs": _cidrs(vpc, ipv6=False),
                    "cidrs6": _cidrs(vpc, ipv6=True),
                    "internet_gateway": gateways.get(vpc.id),
                }
                for vpc in ec2.vpcs.values()
            ],
            "subnets": [
                {
                    "id": subnet.id,
                    "name": self._name(subnet),
                    "vpc": subnet.vpc_id,
                    "cidr": subnet.cidr_block,
                    "cidr6": subnet_cidr6(subnet),
                    "az": subnet.availability_zone,
                }
                for zone in ec2.subnets.values()
                for subnet in zone.values()
            ],
            "route_tables": [self._route_table(table) for table in ec2.route_tables.values()],
            "enis": [self._eni(eni) for eni in ec2.enis.values()],
            "addresses": [
                {
                    "id": address.allocation_id,
                    "public_ip": address.public_ip,
                    "eni": address.eni.id if address.eni else None,
                    "private_ip": address.private_ip_address,
                    "association": address.association_id,
                }
                for address in ec2.addresses
            ],
            "load_balancers": elbv2.load_balancers(elb),
            "target_groups": elbv2.target_groups(elb, self.owners),
            "transit_gateways": transit.gateways(ec2, self._name),
            "tgw_attachments": transit.attachments(ec2),
        }

    def _name(self, resource: Any) -> str:
        tags = {tag["key"]: tag["value"] for tag in resource.get_tags()}
        return tags.get("Name", resource.id)

    def _route_table(self, table: Any) -> dict[str, Any]:
        return {
            "id": table.id,
            "name": self._name(table),
            "vpc": table.vpc_id,
            "main": table.main_association_id is not None,
            "subnets": [
                item for item in table._associations.values() if item.startswith("subnet-")
            ],
            "routes": [
                {
                    "destination": gaps.destination(route),
                    "target": gaps.target(route),
                    "state": route.state,
                    "origin": route.origin,
                }
                for route in table.routes
            ],
        }

    def _eni(self, eni: Any) -> dict[str, Any]:
        instance = eni.instance
        return {
            "id": eni.id,
            "mac": eni.mac_address,
            "node": self.owners.get(instance.id) if instance else None,
            "device_index": eni.device_index if instance else None,
            "subnet": eni.subnet.id,
            "vpc": eni.subnet.vpc_id,
            "ips": addresses.private_addresses(eni),
            "ips6": addresses.ipv6_addresses(eni),
            "source_dest_check": bool(eni.source_dest_check),
            "instance": instance.id if instance else None,
            "instance_state": instance.state if instance else None,
        }


def _cidrs(vpc: Any, *, ipv6: bool) -> list[str]:
    return [item["cidr_block"] for item in vpc.get_cidr_block_association_set(ipv6=ipv6)]


def subnet_cidr6(subnet: Any) -> str | None:
    """The IPv6 block of one of moto's subnets."""
    blocks = list(subnet.ipv6_cidr_block_associations.values())
    return blocks[0]["ipv6CidrBlock"] if blocks else None
