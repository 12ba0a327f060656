# SPDX-License-Identifier: GPL-2.0-or-later
"""Talks to the daemon of a lab over its control socket, with the standard library only."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any


class ControlError(RuntimeError):
    """The daemon refused a request, or cannot be reached; the text says why."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Control:
    """The daemon that serves the lab in a state directory."""

    def __init__(self, state_dir: Path | str, timeout_s: float = 60.0) -> None:
        self._path = Path(state_dir) / "control.sock"
        self._timeout_s = timeout_s

    def _call(self, method: str, path: str, document: Any = None) -> Any:
        connection = _Connection(self._path, self._timeout_s)
        body = None if document is None else json.dumps(document)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            result = json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ControlError(
                f"the lab's daemon at {self._path} does not answer: {error}"
            ) from error
        finally:
            connection.close()
        if answer.status != 200:
            raise ControlError(result["error"])
        return result

    def topology(self) -> dict[str, Any]:
        """The lab as it was built, with ids and addresses."""
        return self._call("GET", "/topology")

    def state(self) -> dict[str, Any]:
        """AWS's state now."""
        return self._call("GET", "/state")

    def requests(self) -> list[dict[str, Any]]:
        """The request log."""
        return self._call("GET", "/requests")

    def clear_requests(self) -> None:
        """Empty the request log."""
        self._call("DELETE", "/requests")

    def faults(self) -> list[dict[str, Any]]:
        """The fault rules in force."""
        return self._call("GET", "/faults")

    def add_fault(self, service: str, kind: str, **selectors: Any) -> dict[str, Any]:
        """Add a fault rule; selectors are action, count, node, region, param and match."""
        return self._call("POST", "/faults", {"service": service, "kind": kind, **selectors})

    def clear_faults(self, rule_id: int | None = None) -> None:
        """Remove all fault rules, or one."""
        self._call("DELETE", "/faults", {} if rule_id is None else {"id": rule_id})

    def open_imds(self, node: str, netns: str) -> None:
        """Serve a node's metadata inside its network namespace."""
        self._call("POST", "/imds", {"node": node, "netns": netns})

    def close_imds(self, node: str) -> None:
        """Stop serving a node's metadata."""
        self._call("DELETE", "/imds", {"node": node})

    def open_dns(
        self, vpc: str | None, netns: str | None, addresses: list[str], port: int = 53
    ) -> int:
        """Let a VPC (None is the internet) have its resolver at these addresses of a namespace;
        returns the port, which is picked when it is 0."""
        document = {"vpc": vpc, "netns": netns, "addresses": addresses, "port": port}
        return self._call("POST", "/dns", document)["port"]

    def set_policy(self, role: str, documents: list[Any] | None = None) -> None:
        """Replace all inline policies of a role; None puts the default back."""
        self._call("POST", "/policy", {"role": role, "documents": documents})

    def rotate(
        self, node: str, lifetime_s: float | None = None, expire_old: bool = False
    ) -> dict[str, Any]:
        """Give a node's role new credentials."""
        document: dict[str, Any] = {"node": node, "expire_old": expire_old}
        if lifetime_s is not None:
            document["lifetime_s"] = lifetime_s
        return self._call("POST", "/rotate", document)

    def web_identity(self, subject: str, audience: str, lifetime_s: float = 3600.0) -> str:
        """A web identity token that the lab's STS accepts."""
        document = {"subject": subject, "audience": audience, "lifetime_s": lifetime_s}
        return self._call("POST", "/webidentity", document)["token"]

    def settings(self, **values: Any) -> dict[str, Any]:
        """Change settings; returns all of them."""
        return self._call("POST", "/settings", values)

    def aws(self, region: str, service: str, operation: str, **params: Any) -> Any:
        """Call AWS's state directly, past signatures, permissions and faults."""
        document = {
            "region": region,
            "service": service,
            "operation": operation,
            "params": params,
        }
        return self._call("POST", "/aws", document)

    def announce(self, region: str, table: str, destination: str, attachment: str | None) -> None:
        """Let a Transit Gateway's route table have a propagated route to an attachment, as if a
        router behind it announced the destination; None ends that."""
        document = {
            "region": region,
            "table": table,
            "destination": destination,
            "attachment": attachment,
        }
        self._call("POST", "/announce", document)

    def sync(self) -> None:
        """Let the data plane follow AWS's state once more."""
        self._call("POST", "/sync", {})

    def shutdown(self) -> None:
        """End the daemon."""
        self._call("POST", "/shutdown", {})
