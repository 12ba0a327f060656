# SPDX-License-Identifier: GPL-2.0-or-later
"""Who signs a request, and whether IAM lets them.

Signatures are computed again from the request as it was received, with botocore's signer; what
it says differently from AWS (which headers are signed) is taken from the Authorization header.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import secrets
import string
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from lab.aws import addresses, policy
from lab.aws.cloud import ACCOUNT, Cloud, partition_of
from lab.aws.errors import AwsError
from lab.aws.httpd import Request

# How far the date of a request may be from the service's clock.
CLOCK_SKEW_S = 300
_SCHEME = re.compile(r"AWS4-HMAC-SHA256\s+(.*)", re.DOTALL)
_KEY_ALPHABET = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class Principal:
    """A caller: an assumed role's session or a user."""

    arn: str
    user_id: str
    role: str | None = None
    user: str | None = None


@dataclass(frozen=True)
class Credential:
    """An access key; `expires` is None for a user's key."""

    access_key: str
    secret_key: str
    token: str | None
    issued: float
    expires: float | None
    principal: Principal


class CredentialStore:
    """Every access key that is accepted: those issued here, and those of moto's IAM users."""

    def __init__(self, cloud: Cloud, region: str) -> None:
        self._cloud = cloud
        self._region = region
        self._issued: dict[str, Credential] = {}
        self._lock = threading.Lock()

    def issue(self, principal: Principal, lifetime_s: float, now: float) -> Credential:
        """New temporary credentials."""
        credential = Credential(
            access_key="ASIA" + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(16)),
            secret_key=secrets.token_urlsafe(30),
            token="IQoJ" + secrets.token_urlsafe(300),
            issued=now,
            expires=now + lifetime_s,
            principal=principal,
        )
        with self._lock:
            self._issued[credential.access_key] = credential
        return credential

    def revoke(self, access_key: str, now: float) -> None:
        """Let temporary credentials expire at once."""
        with self._lock:
            old = self._issued[access_key]
            self._issued[access_key] = Credential(**{**old.__dict__, "expires": now})

    def find(self, access_key: str) -> Credential | None:
        """The credential of an access key, or None when nobody has it."""
        with self._lock:
            if access_key in self._issued:
                return self._issued[access_key]
        with self._cloud.lock:
            for user in self._cloud.backend("iam", self._region).users.values():
                for key in user.access_keys:
                    if key.access_key_id == access_key and key.status == "Active":
                        principal = Principal(user.arn, user.id, user=user.name)
                        return Credential(
                            access_key, key.secret_access_key, None, 0.0, None, principal
                        )
        return None


class _Verifier(SigV4Auth):
    """botocore's signer, told which headers the client signed."""

    def __init__(
        self, credential: Credential, service: str, region: str, signed: list[str]
    ) -> None:
        keys = Credentials(credential.access_key, credential.secret_key, credential.token)
        super().__init__(keys, service, region)
        self._signed = signed

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        chosen = HTTPHeaders()
        for name, value in request.headers.items():
            if name.lower() in self._signed:
                chosen.add_header(name.lower(), value)
        return chosen

    def expected(self, request: AWSRequest) -> str:
        """The signature that the request should carry."""
        return self.signature(
            self.string_to_sign(request, self.canonical_request(request)), request
        )


def _invalid_key(service: str) -> AwsError:
    if service == "ec2":
        message = "AWS was not able to validate the provided access credentials"
        return AwsError("AuthFailure", message, 401)
    message = "The security token included in the request is invalid."
    return AwsError("InvalidClientTokenId", message, 403)


def expired(service: str) -> AwsError:
    """Temporary credentials have run out; EC2 has a code of its own for it."""
    if service == "ec2":
        return AwsError("RequestExpired", "Request has expired.", 400)
    return AwsError("ExpiredToken", "The security token included in the request is expired", 403)


def mismatch() -> AwsError:
    """The signature is not the one that the secret key gives."""
    message = "The request signature we calculated does not match the signature you provided. "
    message += "Check your AWS Secret Access Key and signing method. "
    message += "Consult the service documentation for details."
    return AwsError("SignatureDoesNotMatch", message, 403)


def _incomplete(message: str) -> AwsError:
    return AwsError("IncompleteSignature", message, 400)


def _skewed(service: str, stamp: str, now: float) -> AwsError:
    # EC2 does not tell a wrong clock from a wrong key.
    if service == "ec2":
        return _invalid_key(service)
    form = "%Y%m%dT%H%M%SZ"
    clock = time.strftime(form, time.gmtime(now))
    if stamp < clock:
        limit = time.strftime(form, time.gmtime(now - CLOCK_SKEW_S))
        text = f"Signature expired: {stamp} is now earlier than {limit} ({clock} - 5 min.)"
    else:
        limit = time.strftime(form, time.gmtime(now + CLOCK_SKEW_S))
        text = f"Signature not yet current: {stamp} is still later than {limit} ({clock} + 5 min.)"
    return AwsError("SignatureDoesNotMatch", text, 403)


@dataclass(frozen=True)
class Authorization:
    """The parts of an Authorization header."""

    access_key: str
    date: str
    region: str
    service: str
    signed: list[str]
    signature: str


def parse_authorization(request: Request) -> Authorization | None:
    """Read the Authorization header; None when there is none. Raises AwsError."""
    header = request.header("Authorization")
    if header is None:
        return None
    found = _SCHEME.fullmatch(header.strip())
    if found is None:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{header.split()[0] if header else ''}'.")
    fields = {}
    for item in found[1].split(","):
        name, separator, value = item.strip().partition("=")
        if separator:
            fields[name] = value
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not fields.get(name):
            raise _incomplete(f"Authorization header requires '{name}' parameter.")
    scope = fields["Credential"].split("/")
    if len(scope) != 5 or scope[4] != "aws4_request":
        raise _incomplete("Credential must have exactly 5 slash-delimited elements.")
    signed = fields["SignedHeaders"].split(";")
    return Authorization(scope[0], scope[1], scope[2], scope[3], signed, fields["Signature"])


def _timestamp(request: Request) -> tuple[str, float]:
    stamp = request.header("X-Amz-Date") or ""
    try:
        return stamp, calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise _incomplete(
            "Authorization header requires existence of a valid 'X-Amz-Date' header."
        ) from None


def _canonical_query(query: str) -> str:
    """The query with every name and value encoded the one way that SigV4 allows.

    botocore sends a space as "+" and signs it as "%20", which AWS accepts.
    """
    pairs = [item.partition("=") for item in query.split("&") if item]
    return "&".join(
        f"{quote(unquote_plus(name), safe='-_.~')}={quote(unquote_plus(value), safe='-_.~')}"
        for name, _, value in pairs
    )


def verify(
    request: Request,
    authorization: Authorization | None,
    service: str,
    region: str,
    store: CredentialStore,
    now: float,
) -> Principal:
    """Check date, scope, token and signature of a request; returns the caller.

    Raises AwsError with the code that the service uses.
    """
    if authorization is None:
        if service == "ec2":
            raise _invalid_key(service)
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    credential = store.find(authorization.access_key)
    token = request.header("X-Amz-Security-Token")
    if credential is None or credential.token != token:
        raise _invalid_key(service)
    stamp, signed_at = _timestamp(request)
    if authorization.service != service:
        text = f"Credential should be scoped to correct service: '{service}'."
        raise AwsError("SignatureDoesNotMatch", text, 403)
    if authorization.region != region:
        code = "AuthFailure" if service == "ec2" else "SignatureDoesNotMatch"
        text = f"Credential should be scoped to a valid region, not '{authorization.region}'."
        raise AwsError(code, text, 401 if service == "ec2" else 403)
    if authorization.date != stamp[:8]:
        text = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
        text += f"from HTTP: '{authorization.date}' != '{stamp[:8]}', from '{stamp}'."
        raise AwsError("SignatureDoesNotMatch", text, 403)
    _check_signed_headers(request, authorization.signed)
    if abs(signed_at - now) > CLOCK_SKEW_S:
        raise _skewed(service, stamp, now)
    declared = request.header("X-Amz-Content-SHA256")
    if declared is not None and declared != hashlib.sha256(request.body).hexdigest():
        raise mismatch()
    verifier = _Verifier(credential, service, region, authorization.signed)
    query = _canonical_query(request.query)
    url = f"https://{request.header('Host')}{request.path}" + (f"?{query}" if query else "")
    received = AWSRequest(method=request.method, url=url, data=request.body)
    for name, value in request.headers:
        received.headers.add_header(name, value)
    received.context["timestamp"] = stamp
    if not hmac.compare_digest(verifier.expected(received), authorization.signature):
        raise mismatch()
    if credential.expires is not None and now >= credential.expires:
        raise expired(service)
    return credential.principal


def _check_signed_headers(request: Request, signed: list[str]) -> None:
    if "host" not in signed:
        text = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        raise AwsError("SignatureDoesNotMatch", text, 403)
    for name in ("x-amz-date", "x-amz-security-token"):
        if request.header(name) is not None and name not in signed:
            text = f"'{name}' must be a 'SignedHeader' in the AWS Authorization."
            raise AwsError("SignatureDoesNotMatch", text, 403)


# Authorisation.

_TGW_TABLE = {"TransitGatewayRouteTableId": "transit-gateway-route-table"}
_TGW_ROUTE = {**_TGW_TABLE, "TransitGatewayAttachmentId": "transit-gateway-attachment"}
# EC2 actions with resource-level permissions: the parameters that name the resources.
_EC2_RESOURCES = {
    "ReplaceRoute": {"RouteTableId": "route-table"},
    "CreateRoute": {"RouteTableId": "route-table"},
    "DeleteRoute": {"RouteTableId": "route-table"},
    "ModifyNetworkInterfaceAttribute": {"NetworkInterfaceId": "network-interface"},
    "ModifyInstanceAttribute": {"InstanceId": "instance"},
    "AssignPrivateIpAddresses": {"NetworkInterfaceId": "network-interface"},
    "UnassignPrivateIpAddresses": {"NetworkInterfaceId": "network-interface"},
    "AssignIpv6Addresses": {"NetworkInterfaceId": "network-interface"},
    "UnassignIpv6Addresses": {"NetworkInterfaceId": "network-interface"},
    "AssociateAddress": {
        "AllocationId": "elastic-ip",
        "NetworkInterfaceId": "network-interface",
        "InstanceId": "instance",
    },
    "DisassociateAddress": {"AllocationId": "elastic-ip"},
    "ReleaseAddress": {"AllocationId": "elastic-ip"},
    "StartInstances": {"InstanceId": "instance"},
    "StopInstances": {"InstanceId": "instance"},
    "RebootInstances": {"InstanceId": "instance"},
    "TerminateInstances": {"InstanceId": "instance"},
    "CreateTransitGatewayRoute": _TGW_ROUTE,
    "ReplaceTransitGatewayRoute": _TGW_ROUTE,
    "DeleteTransitGatewayRoute": _TGW_TABLE,
    "SearchTransitGatewayRoutes": _TGW_TABLE,
}
# Services that check no permission for these, or check it against a role's trust (sts.py).
_FREE = {
    ("sts", "GetCallerIdentity"),
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithWebIdentity"),
}


def _resources(
    service: str, region: str, action: str, params: dict[str, str], path: str
) -> list[str]:
    partition = partition_of(region)
    if service == "ec2":
        named = _EC2_RESOURCES.get(action, {})
        found = [
            f"arn:{partition}:ec2:{region}:{ACCOUNT}:{named[base]}/{value}"
            for name, value in params.items()
            for base in [re.sub(r"\.\d+$", "", name)]
            if base in named
        ]
        return found or ["*"]
    if service == "route53":
        found = re.findall(r"/(hostedzone|change)/([A-Za-z0-9]+)", path)
        return [f"arn:{partition}:route53:::{kind}/{value}" for kind, value in found[:1]] or ["*"]
    return ["*"]


class Authorizer:
    """IAM of the lab: the policies of moto's roles and users."""

    def __init__(self, cloud: Cloud, region: str) -> None:
        self._cloud = cloud
        self._region = region

    def statements(self, principal: Principal) -> list[policy.Statement]:
        """Everything that the policies of a caller say."""
        with self._cloud.lock:
            iam = self._cloud.backend("iam", self._region)
            if principal.role is not None:
                holder = next((r for r in iam.roles.values() if r.name == principal.role), None)
                if holder is None:
                    return []  # the role was deleted while its session lived on
            else:
                holder = iam.users[principal.user]
            holders = [holder]
            if principal.user is not None:
                holders += iam.get_groups_for_user(principal.user)
            texts = [
                text
                for item in holders
                for text in (
                    *item.policies.values(),
                    *(managed.document for managed in item.managed_policies.values()),
                )
            ]
        return [statement for text in texts for statement in policy.load(text)]

    def authorize(
        self,
        principal: Principal,
        service: str,
        region: str,
        action: str,
        params: dict[str, str],
        path: str,
    ) -> None:
        """Raise what the service answers when a policy does not let the caller do this."""
        if (service, action) in _FREE:
            return
        statements = self.statements(principal)
        name = f"{service}:{action}"
        context = {"aws:requestedregion": region}
        if service == "ec2":
            with self._cloud.lock:
                params = addresses.named(self._cloud.backend("ec2", region), action, params)
        for resource in _resources(service, region, action, params, path):
            decision = policy.evaluate(statements, name, resource, context)
            if decision is not policy.Decision.ALLOW:
                raise denied(principal, service, name, resource, decision)


def denied(
    principal: Principal, service: str, action: str, resource: str, decision: policy.Decision
) -> AwsError:
    """The refusal of an action, in the words of the service."""
    where = "" if resource == "*" and service == "ec2" else f" on resource: {resource}"
    if decision is policy.Decision.EXPLICIT_DENY:
        why = "with an explicit deny in an identity-based policy"
    else:
        why = f"because no identity-based policy allows the {action} action"
    text = f"User: {principal.arn} is not authorized to perform: {action}{where} {why}"
    if service == "ec2":
        message = f"You are not authorized to perform this operation. {text}"
        return AwsError("UnauthorizedOperation", message, 403)
    return AwsError("AccessDenied", text, 403)
