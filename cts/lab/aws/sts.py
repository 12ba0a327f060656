# SPDX-License-Identifier: GPL-2.0-or-later
"""STS: role sessions whose credentials the lab then accepts, with the role's own policies.

moto's STS hands out credentials without looking at trust policies, so these calls are served here.
"""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lab.aws import policy
from lab.aws.auth import Authorizer, Credential, CredentialStore, Principal
from lab.aws.cloud import ACCOUNT, Cloud, partition_of
from lab.aws.errors import AwsError

ISSUER = "oidc.lab.invalid"
_SHORTEST_S, _CHAINED_S, _LONGEST_S = 900, 3600, 43200
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Issuer:
    """The OpenID Connect issuer whose tokens the lab's STS trusts."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, subject: str, audience: str, lifetime_s: float) -> str:
        """A signed web identity token."""
        now = int(time.time())
        claims = {
            "iss": f"https://{ISSUER}",
            "sub": subject,
            "aud": audience,
            "iat": now,
            "exp": now + int(lifetime_s),
        }
        head = _encode(json.dumps({"alg": "RS256", "typ": "JWT"}).encode())
        signed = f"{head}.{_encode(json.dumps(claims).encode())}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encode(signature)}"

    def claims(self, token: str, now: float) -> dict[str, Any]:
        """The claims of a token of ours; raises AwsError."""
        signed, _, signature = token.rpartition(".")
        try:
            self._key.public_key().verify(
                _decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            claims = json.loads(_decode(signed.partition(".")[2]))
        except (InvalidSignature, ValueError):
            text = "The ID Token provided is not a valid JWT. "
            text += "(You may see this error if you sent an Access Token)"
            raise AwsError("InvalidIdentityToken", text, 400) from None
        if now >= claims["exp"]:
            text = f"Token expired: current date/time {int(now)} must be before the expiration "
            text += f"date/time {claims['exp']}"
            raise AwsError("ExpiredTokenException", text, 400)
        return claims


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(item)}</{name}>" for name, item in value.items())
    return escape(str(value))


@dataclass
class Sts:
    """The STS of the lab's account."""

    cloud: Cloud
    store: CredentialStore
    authorizer: Authorizer
    issuer: Issuer
    home: str  # a region of the partition, for IAM and ARNs

    def serve(
        self,
        action: str,
        params: dict[str, str],
        principal: Principal | None,
        now: float,
        request_id: str,
    ) -> bytes:
        """Answer one call; `principal` is None for an unsigned AssumeRoleWithWebIdentity."""
        actions = {
            "GetCallerIdentity": self._caller,
            "AssumeRole": self._assume,
            "AssumeRoleWithWebIdentity": self._assume_web,
        }
        if action not in actions:
            text = f"Could not find operation {action} for version 2011-06-15"
            raise AwsError("InvalidAction", text, 400)
        result = actions[action](params, principal, now)
        return (
            f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{_xml(result)}'
            f"</{action}Result><ResponseMetadata><RequestId>{request_id}</RequestId>"
            f"</ResponseMetadata></{action}Response>"
        ).encode()

    @staticmethod
    def _caller(_: dict[str, str], principal: Principal, now: float) -> dict[str, Any]:
        del now
        return {"Arn": principal.arn, "UserId": principal.user_id, "Account": ACCOUNT}

    def _role(self, arn: str) -> Any | None:
        with self.cloud.lock:
            roles = self.cloud.backend("iam", self.home).roles.values()
            return next((role for role in roles if role.arn == arn), None)

    def _assume(self, params: dict[str, str], caller: Principal, now: float) -> dict[str, Any]:
        arn = _required(params, "RoleArn")
        refusal = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole "
        refusal += f"on resource: {arn}"
        role = self._role(arn)
        if role is None:
            raise AwsError("AccessDenied", refusal, 403)
        context = {"sts:rolesessionname": _required(params, "RoleSessionName")}
        if "ExternalId" in params:
            context["sts:externalid"] = params["ExternalId"]
        root = f"arn:{partition_of(self.home)}:iam::{ACCOUNT}"
        own = {caller.arn}
        if caller.role is not None:
            own.add(f"{root}:role/{caller.role}")
        trust = policy.load(role.assume_role_policy_document, trust=True)
        named = [item for item in trust if own & set(item.principals)]
        delegated = [
            item for item in trust if {"*", ACCOUNT, f"{root}:root"} & set(item.principals)
        ]
        decision = policy.evaluate([*named, *delegated], "sts:AssumeRole", arn, context)
        allowed = decision is policy.Decision.ALLOW
        if allowed and not any(item.effect == "Allow" for item in named):
            # The trust names the account: the caller's own policies decide.
            mine = self.authorizer.statements(caller)
            allowed = policy.evaluate(mine, "sts:AssumeRole", arn, context) is decision
        if not allowed:
            raise AwsError("AccessDenied", refusal, 403)
        longest = _CHAINED_S if caller.role is not None else int(role.max_session_duration or 3600)
        return self._session(role, params, longest, now)

    def _assume_web(
        self, params: dict[str, str], _: Principal | None, now: float
    ) -> dict[str, Any]:
        claims = self.issuer.claims(_required(params, "WebIdentityToken"), now)
        arn = _required(params, "RoleArn")
        provider = f"arn:{partition_of(self.home)}:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
        context = {
            f"{ISSUER}:sub": claims["sub"],
            f"{ISSUER}:aud": claims["aud"],
            "sts:rolesessionname": _required(params, "RoleSessionName"),
        }
        role = self._role(arn)
        trust = policy.load(role.assume_role_policy_document, trust=True) if role else []
        trust = [item for item in trust if {"*", provider, ISSUER} & set(item.principals)]
        decision = policy.evaluate(trust, "sts:AssumeRoleWithWebIdentity", arn, context)
        if decision is not policy.Decision.ALLOW:
            text = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
            raise AwsError("AccessDenied", text, 403)
        longest = int(role.max_session_duration or 3600)
        return {
            **self._session(role, params, longest, now),
            "SubjectFromWebIdentityToken": claims["sub"],
            "Audience": claims["aud"],
            "Provider": provider,
        }

    def _session(
        self, role: Any, params: dict[str, str], longest_s: int, now: float
    ) -> dict[str, Any]:
        if "Policy" in params or any(name.startswith("PolicyArns") for name in params):
            raise AwsError("ValidationError", "The lab does not evaluate session policies", 400)
        name = params["RoleSessionName"]
        if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
            text = f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to "
            text += "satisfy constraint: Member must satisfy regular expression pattern: "
            raise AwsError("ValidationError", text + "[\\w+=,.@-]*", 400)
        lifetime = params.get("DurationSeconds", str(min(3600, longest_s)))
        if not lifetime.isdigit() or not _SHORTEST_S <= int(lifetime) <= _LONGEST_S:
            text = f"1 validation error detected: Value '{lifetime}' at 'durationSeconds' failed "
            raise AwsError("ValidationError", text + "to satisfy constraint: 900..43200", 400)
        if int(lifetime) > longest_s:
            text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise AwsError("ValidationError", text, 400)
        principal = role_principal(self.home, role, name)
        credential = self.store.issue(principal, int(lifetime), now)
        return {
            "Credentials": {
                "AccessKeyId": credential.access_key,
                "SecretAccessKey": credential.secret_key,
                "SessionToken": credential.token,
                "Expiration": iso_time(credential.expires),
            },
            "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
        }


def _required(params: dict[str, str], name: str) -> str:
    if not params.get(name):
        text = f"1 validation error detected: Value null at '{name[0].lower()}{name[1:]}' failed "
        raise AwsError("ValidationError", text + "to satisfy constraint: must not be null", 400)
    return params[name]


def role_principal(region: str, role: Any, session: str) -> Principal:
    """The caller that a session of one of moto's roles is."""
    arn = f"arn:{partition_of(region)}:sts::{ACCOUNT}:assumed-role/{role.name}/{session}"
    return Principal(arn, f"{role.id}:{session}", role=role.name)


def iso_time(when: float) -> str:
    """A time in the form that AWS writes."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def credential_document(credential: Credential) -> dict[str, str]:
    """Credentials as the instance metadata service shows them."""
    return {
        "Code": "Success",
        "LastUpdated": iso_time(credential.issued),
        "Type": "AWS-HMAC",
        "AccessKeyId": credential.access_key,
        "SecretAccessKey": credential.secret_key,
        "Token": credential.token,
        "Expiration": iso_time(credential.expires),
    }
