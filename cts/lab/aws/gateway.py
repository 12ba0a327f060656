# SPDX-License-Identifier: GPL-2.0-or-later
"""The way of a request: whose it is, faults, signature, permission, quota, checks, moto.

One gateway answers for every service and region, as one front door for all of AWS's host names.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import botocore.session
from botocore.model import OperationNotFoundError, ServiceModel
from moto.core.exceptions import ServiceException
from moto.core.request import Request as MotoRequest
from moto.core.routing import NotFound, get_service_router
from moto.ec2.exceptions import FilterNotImplementedError
from werkzeug.test import EnvironBuilder

from lab.aws import auth, elbv2, errors, gaps, policy, records, route53, spoil
from lab.aws.cloud import ACCOUNT, is_read
from lab.aws.context import Context
from lab.aws.endpoints import SERVICES, Endpoint
from lab.aws.errors import AwsError
from lab.aws.faults import Effect
from lab.aws.httpd import Reply, Request
from lab.aws.power import Power
from lab.aws.quotas import Quotas
from lab.aws.sts import Sts

log = logging.getLogger(__name__)

_UNSIGNED = {"AssumeRoleWithWebIdentity": "sts"}
_REQUEST_ID = re.compile(rb"<requestId>[^<]*</requestId>")
_ERROR_ROOT = re.compile(rb"<Response xmlns=[^>]*>")


@dataclass
class Call:
    """A request, understood."""

    request: Request
    node: str | None
    service: str = ""
    region: str = ""
    action: str = ""
    params: dict[str, str] = field(default_factory=dict)
    authorization: auth.Authorization | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    code: str | None = None


class Gateway:
    """Serves AWS's endpoints."""

    def __init__(
        self, context: Context, sts: Sts, power: Power, rotate: Callable[[str, float], Any]
    ) -> None:
        self._context = context
        # Gives the role of a node new credentials, of a lifetime, and ends the old ones.
        self._rotate = rotate
        self._cloud = context.cloud
        self._settings = context.settings
        self._by_name = {name: item for item in context.endpoints for name in item.names}
        self._scopes = {(item.service, item.region): item for item in context.endpoints}
        self._sts = sts
        self.power = power
        self.quotas = Quotas()
        # Paths of the zones whose change is being worked on.
        self._zones_busy: set[str] = set()
        self._zones_lock = threading.Lock()
        self._models: dict[str, ServiceModel] = {}
        self._models_lock = threading.Lock()
        self._loader = botocore.session.Session().get_component("data_loader")

    def endpoint(self, name: str | None) -> Endpoint | None:
        """The endpoint of a host name."""
        return self._by_name.get(name or "")

    # One request.

    def serve(self, request: Request) -> Reply:
        """Answer one request and log it."""
        call = Call(request, self._context.machine_at(request.peer))
        try:
            self._identify(call)
        except AwsError as error:
            effect = Effect()
            reply = self._error(call, error)
        else:
            effect = self._context.faults.take(
                call.service, call.region, call.action, call.node, call.params
            )
            self._context.faults.hold(effect)
            reply = self._respond(call, effect)
            if effect.rotated_s is not None and call.node is not None:
                self._rotate(call.node, effect.rotated_s)
        reply.date = self._context.now() + effect.skew_s
        self._context.requests.record(
            request,
            reply,
            node=call.node,
            region=call.region or None,
            service=call.service or None,
            action=call.action or None,
            status=reply.status if reply.delivery in ("whole", "reset") else 0,
            code=call.code,
            fault="+".join(effect.names) or None,
        )
        return reply

    def _respond(self, call: Call, effect: Effect) -> Reply:
        if call.action != route53.CHANGE:
            return self._answer(call, effect)
        zone = call.request.path.rstrip("/")
        with self._zones_lock:
            if zone in self._zones_busy:
                return self._error(call, errors.prior_request())
            self._zones_busy.add(zone)
        try:
            return self._answer(call, effect)
        finally:
            with self._zones_lock:
                self._zones_busy.remove(zone)

    def _answer(self, call: Call, effect: Effect) -> Reply:
        if self._settings.latency_ms:
            time.sleep(self._settings.latency_ms / 1000.0)
        reply = spoil.instead(effect, call.action, self._headers(call))
        if reply is None:
            reply = self._process(call, effect)
            spoil.damage(effect, reply)
        if effect.slow_ms:
            time.sleep(effect.slow_ms / 1000.0)
        return reply

    def _process(self, call: Call, effect: Effect) -> Reply:
        try:
            status, headers, body = self._perform(call, effect)
        except AwsError as error:
            return self._error(call, error)
        except ServiceException as error:
            # From moto's models, when a check of ours looks something up.
            return self._error(call, AwsError(error.code, error.message))
        except policy.PolicyError as error:
            return self._error(call, AwsError("MalformedPolicyDocument", str(error)))
        except FilterNotImplementedError as error:
            name = str(error).split("'")[1]
            text = f"The filter '{name}' is invalid"
            return self._error(call, AwsError("InvalidParameterValue", text))
        except Exception:
            log.exception("%s %s failed", call.service, call.action)
            return self._error(call, errors.internal())
        if status >= 400:
            found = re.search(rb"<Code>([^<]+)</Code>", body)
            call.code = found[1].decode() if found else None
        return Reply(status, headers, body)

    def _error(self, call: Call, error: AwsError) -> Reply:
        call.code = error.code
        body = error.body(call.service, call.request_id)
        return Reply(error.status, self._headers(call), body)

    @staticmethod
    def _headers(call: Call, kind: str = "text/xml;charset=UTF-8") -> list[tuple[str, str]]:
        headers = [("x-amzn-RequestId", call.request_id), ("Content-Type", kind)]
        if call.service == "ec2":
            headers.append(("Server", "AmazonEC2"))
        return headers

    # Understanding a request.

    def _identify(self, call: Call) -> None:
        request = call.request
        host = (request.header("Host") or "").rsplit(":", 1)[0].lower()
        call.params = self._read_params(request)
        call.action = call.params.get("Action", "")
        endpoint = self.endpoint(host)
        if endpoint is not None:
            call.service, call.region = endpoint.service, endpoint.region
        call.authorization = auth.parse_authorization(request)
        scope = call.authorization
        if endpoint is None and scope is not None:
            # An endpoint by another name (a proxy, an address): the signature says which it is.
            if (scope.service, scope.region) not in self._scopes:
                text = f"There is no endpoint of {scope.service} in {scope.region} in this lab"
                raise AwsError("InvalidEndpoint", text, 404)
            call.service, call.region = scope.service, scope.region
        elif endpoint is None:
            service = _UNSIGNED.get(call.action)
            found = next((item for item in self._scopes.values() if item.service == service), None)
            if found is None:
                text = f"The host {host!r} is no AWS endpoint and the request is not signed"
                raise AwsError("MissingAuthenticationToken", text, 403)
            call.service, call.region = found.service, found.region
        if call.service == "route53":
            call.action = self._route53_action(request)

    @staticmethod
    def _read_params(request: Request) -> dict[str, str]:
        pairs = parse_qsl(request.query, keep_blank_values=True)
        kind = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded":
            try:
                body = request.body.decode("ascii")
            except UnicodeDecodeError:
                raise AwsError("MalformedQueryString", "The query is not ASCII", 400) from None
            pairs += parse_qsl(body, keep_blank_values=True)
        return dict(pairs)

    @staticmethod
    def _route53_action(request: Request) -> str:
        builder = EnvironBuilder(
            method=request.method, path=request.path, query_string=request.query
        )
        try:
            operation, _ = get_service_router("route53").match(MotoRequest(builder.get_environ()))
        except NotFound:
            raise AwsError("InvalidAction", f"{request.method} {request.path}", 404) from None
        return operation.name

    def _model(self, service: str) -> ServiceModel:
        with self._models_lock:
            if service not in self._models:
                name = SERVICES[service]
                document = self._loader.load_service_model(name, "service-2")
                self._models[service] = ServiceModel(document, name)
            return self._models[service]

    # Serving it.

    def _perform(self, call: Call, effect: Effect) -> tuple[int, list[tuple[str, str]], bytes]:
        fault = self._denied(call) if effect.kind == "denied" else None
        fault = fault or spoil.error(effect, call.service)
        if fault is not None:
            raise fault
        now = self._context.now() + effect.skew_s
        if self._settings.quotas and not self.quotas.take(
            ACCOUNT, call.region, call.service, call.action
        ):
            raise errors.throttled(call.service)
        principal = None
        if call.authorization is not None or call.action not in _UNSIGNED:
            principal = auth.verify(
                call.request,
                call.authorization,
                call.service,
                call.region,
                self._context.store,
                now,
            )
        operation = self._operation(call)
        if call.service == "sts":
            body = self._sts.serve(call.action, call.params, principal, now, call.request_id)
            return 200, self._headers(call, "text/xml"), body
        if call.service == "ec2":
            gaps.validate(operation, call.params)
        if call.action == route53.CHANGE:
            records.read_batch(call.request.body, operation.input_shape)
        self._context.authorizer.authorize(
            principal, call.service, call.region, call.action, call.params, call.request.path
        )
        if call.service == "ec2" and call.params.get("DryRun") == "true":
            text = "Request would have succeeded, but DryRun flag is set."
            raise AwsError("DryRunOperation", text, 412)
        if is_read(call.action):
            lag = max(self._settings.read_delay_s, effect.lag_s) if call.service == "ec2" else 0.0
            with self._cloud.as_of(call.region, lag):
                answer = self._moto(call)
        else:
            cause = {"node": call.node, "service": call.service, "action": call.action}
            with self._cloud.change(cause), self._cloud.ledger.delayed(effect.insync_s):
                answer = self._moto(call)
        return self._finish(call, operation.output_shape is None, *answer)

    def _operation(self, call: Call) -> Any:
        model = self._model(call.service)
        version = call.params.get("Version")
        try:
            if version != model.api_version and call.service != "route53":
                raise OperationNotFoundError(version)
            return model.operation_model(call.action)
        except OperationNotFoundError:
            text = f"The action {call.action} is not valid for this web service."
            raise AwsError("InvalidAction", text, 400) from None

    def _moto(self, call: Call) -> tuple[int, list[tuple[str, str]], bytes]:
        request = call.request
        headers, body, target = request.headers, request.body, request.target
        if call.service != "route53":
            if call.service == "ec2":
                backend = self._cloud.backend("ec2", call.region)
                gaps.check(backend, call.action, call.params)
            if call.service == "elasticloadbalancing":
                elbv2.check(call.params)
            if call.service == "iam":
                policy.check_parameters(call.params)
            body, target = urlencode(call.params).encode(), "/"
            headers = [("Content-Type", "application/x-www-form-urlencoded")]
        host = f"{call.service}.{call.region}.amazonaws.com"
        named = [value for name, value in call.params.items() if name.startswith("InstanceId.")]
        done = self.power.before(call.node, call.region, call.action, named)
        answer = self._cloud.call(
            call.service, host, "POST" if target == "/" else request.method, target, headers, body
        )
        if answer[0] < 300:
            done()
        return answer

    def _finish(
        self, call: Call, void: bool, status: int, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Put into moto's answer what AWS's has: its request id, namespace and <return>."""
        request_id = call.request_id.encode()
        if call.service == "ec2":
            body = _ERROR_ROOT.sub(b"<Response>", body)
            body = body.replace(b'/doc/2016-11-15"', b'/doc/2016-11-15/"', 1)
            tail = b"<requestId>" + request_id + b"</requestId>"
            if void:
                tail += b"<return>true</return>"
            body = _REQUEST_ID.sub(tail, body)
        body = re.sub(
            rb"<(RequestI[Dd])>[^<]*</",
            lambda found: b"<" + found[1] + b">" + request_id + b"</",
            body,
        )
        dropped = ("content-length", "date", "server", "status", "x-amzn-requestid")
        kept = [
            (name, value)
            for name, value in headers
            if name.lower() not in dropped and not name.lower().startswith("access-control")
        ]
        kind = [value for name, value in kept if name.lower() == "content-type"]
        rest = [item for item in kept if item[0].lower() != "content-type"]
        return status, self._headers(call, kind[0] if kind else "text/xml") + rest, body

    def _denied(self, call: Call) -> AwsError:
        """What a policy without this action would answer to this caller."""
        credential = None
        if call.authorization is not None:
            credential = self._context.store.find(call.authorization.access_key)
        unknown = auth.Principal(f"arn:aws:iam::{ACCOUNT}:user/unknown", "unknown")
        principal = credential.principal if credential is not None else unknown
        name = f"{call.service}:{call.action}"
        return auth.denied(principal, call.service, name, "*", policy.Decision.IMPLICIT_DENY)
