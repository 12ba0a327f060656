# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the lab's AWS share: a daemon alone on loopback, and ways to talk to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import botocore.exceptions
import botocore.session
import pytest
import urllib3.util.connection
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from lab.aws.client import Control
from lab.state import until

REGION = "ap-northeast-1"
VIP = "10.1.0.10/32"
EC2_HOST = f"ec2.{REGION}.amazonaws.com"
START_TIMEOUT_S = 30.0
ENDS_S = 30.0


class Aws:
    """A daemon under test and ways to talk to it."""

    def __init__(self, state_dir: Path, process: subprocess.Popen) -> None:
        self.state_dir = state_dir
        self.process = process
        self.control = Control(state_dir)
        self.topology = self.control.topology()
        self.ports = {
            scheme: urlsplit(self.topology["standalone"][scheme]).port
            for scheme in ("https", "http")
        }
        self.administrator: Credentials | None = None
        self._session = botocore.session.Session()

    def eni(self, node: str, index: int = 0) -> str:
        machines = {**self.topology["nodes"], **self.topology["clients"]}
        return machines[node]["enis"][index]["id"]

    def instance(self, node: str) -> str:
        return self.topology["nodes"][node]["instance"]

    def table(self, name: str, vpc: str = "main") -> str:
        return self.topology["regions"][REGION]["vpcs"][vpc]["route_tables"][name]["id"]

    def vpc(self, name: str = "main") -> str:
        return self.topology["regions"][REGION]["vpcs"][name]["id"]

    def credentials(self, node: str = "n1", **options: Any) -> Credentials:
        document = self.control.rotate(node, **options)
        return Credentials(document["AccessKeyId"], document["SecretAccessKey"], document["Token"])

    def client(
        self,
        service: str = "ec2",
        region: str = REGION,
        credentials: Credentials | None = None,
        read_timeout_s: float = 20.0,
    ) -> Any:
        """A client without retries, under AWS's real host names."""
        chosen = credentials or self.credentials()
        return self._session.create_client(
            service,
            region,
            aws_access_key_id=chosen.access_key,
            aws_secret_access_key=chosen.secret_key,
            aws_session_token=chosen.token,
            verify=str(self.state_dir / "ca.pem"),
            config=Config(
                retries={"total_max_attempts": 1},
                read_timeout=read_timeout_s,
                connect_timeout=5,
                proxies={},
            ),
        )

    def routes(self, table: str) -> dict[str, dict[str, Any]]:
        answer = self.control.aws(REGION, "ec2", "DescribeRouteTables", RouteTableIds=[table])
        return {
            route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]: route
            for route in answer["RouteTables"][0]["Routes"]
        }

    def replace(self, client: Any, node: str, table: str | None = None, **more: Any) -> Any:
        return client.replace_route(
            RouteTableId=table or self.table("private-a"),
            DestinationCidrBlock=VIP,
            NetworkInterfaceId=self.eni(node),
            **more,
        )

    def post(
        self,
        params: dict[str, str],
        credentials: Credentials | None = None,
        *,
        scope: tuple[str, str] = ("ec2", REGION),
        host: str = EC2_HOST,
        change: Any = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """A signed form POST by hand; `change(request)` damages it after signing."""
        body = urlencode(params)
        request = AWSRequest("POST", f"https://{host}/", data=body)
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        request.headers["Host"] = host
        SigV4Auth(credentials or self.credentials(), *scope).add_auth(request)
        if change is not None:
            change(request)
        return self.send("POST", "/", request.data, dict(request.headers.items()))

    def send(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def imds(
        self, path: str, method: str = "GET", node: str = "n1", **headers: str
    ) -> tuple[int, str]:
        place = urlsplit(self.topology["standalone"]["imds"][node])
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=5)
        with contextlib.closing(connection):
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def imds_token(self, node: str = "n1", ttl: str = "60") -> str:
        status, token = self.imds(
            "/latest/api/token", "PUT", node, X_aws_ec2_metadata_token_ttl_seconds=ttl
        )
        assert status == 200
        return token

    def metadata(self, path: str, node: str = "n1") -> str:
        status, text = self.imds(
            f"/latest/{path}", node=node, X_aws_ec2_metadata_token=self.imds_token(node)
        )
        assert status == 200, path
        return text


def _start(state_dir: Path, lab: dict[str, Any]) -> Aws:
    (state_dir / "lab.json").write_text(json.dumps(lab))
    log = (state_dir / "daemon.log").open("wb")
    command = [sys.executable, "-m", "lab.aws.daemon", str(state_dir), "--listen", "127.0.0.1"]
    command += ["--port-https", "0", "--port-http", "0"]
    for node in ("n1", "n2"):
        command += ["--imds", f"{node}=127.0.0.1:0"]
    process = subprocess.Popen(
        command,
        stdout=log,
        stderr=log,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent)},
    )

    def ready() -> bool:
        assert process.poll() is None, (state_dir / "daemon.log").read_text()
        return (state_dir / "topology.json").exists()

    until(ready, START_TIMEOUT_S, "the daemon to get ready")
    return Aws(state_dir, process)


SOURCE: list[tuple[str, int] | None] = [None]


@contextlib.contextmanager
def sending_from(address: str) -> Iterator[None]:
    """Inside, connections of botocore come from a node's address."""
    SOURCE[0] = (address, 0)
    try:
        yield
    finally:
        SOURCE[0] = None


@contextlib.contextmanager
def running(state_dir: Path, lab: dict[str, Any]) -> Iterator[Aws]:
    """A daemon for the time of a with statement; it must end well and leave nothing.

    Meanwhile AWS's host names lead to it, as /etc/hosts does inside a lab.
    """
    aws = _start(state_dir, lab)
    genuine = urllib3.util.connection.create_connection

    def connect(address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        host, port = address
        if host.endswith((".amazonaws.com", ".api.aws")):
            host, port = "127.0.0.1", aws.ports["https"]
        options["source_address"] = SOURCE[0]
        return genuine((host, port), *args, **options)

    urllib3.util.connection.create_connection = connect
    try:
        yield aws
    finally:
        urllib3.util.connection.create_connection = genuine
        aws.process.send_signal(signal.SIGTERM)
        code = aws.process.wait(ENDS_S)
    assert code == 0, (state_dir / "daemon.log").read_text()
    left = {path.name for path in state_dir.iterdir()}
    assert left == {"lab.json", "daemon.log", "events.jsonl", "ca.pem"}


@contextlib.contextmanager
def refused(code: str, status: int | None = None, text: str = "") -> Iterator[None]:
    """Inside, AWS must answer with this error."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield
    answer = caught.value.response
    assert answer["Error"]["Code"] == code, answer["Error"]
    assert text in answer["Error"]["Message"]
    if status is not None:
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status


def allow(*actions: str, resource: Any = "*", effect: str = "Allow", **more: Any) -> dict:
    """A policy document of one statement."""
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}
