# SPDX-License-Identifier: GPL-2.0-or-later
"""Talks to the AWS daemon of a lab over its control socket."""

import http.client
import json
import socket
from typing import Any

from lab.state import LabError, State


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float):
        super().__init__("lab", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Control:
    """The daemon's control API; every method is one request."""

    def __init__(self, state: State):
        self._state = state

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._call("POST", path, body if body is not None else {})

    def delete(self, path: str, body: Any = None) -> Any:
        return self._call("DELETE", path, body)

    def aws(self, service: str, operation: str, region: str, **params: Any) -> Any:
        """Call AWS as the owner of the account, past authentication and faults."""
        body = {"region": region, "service": service, "operation": operation, "params": params}
        return self.post("/aws", body)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        connection = _UnixConnection(str(self._state.control_socket), timeout_s=60)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise LabError(
                f"the AWS daemon of lab '{self._state.name}' does not answer ({error}); "
                f"see {self._state.daemon_log}, then bring the lab down and up again"
            ) from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise LabError(f"{method} {path}: the AWS daemon says {answer.status}: {text.strip()}")
        return json.loads(text) if text else None
