# SPDX-License-Identifier: GPL-2.0-or-later
"""IAM policy documents: what they allow and deny.

Elements that cannot be evaluated here are refused when a document is loaded, so that a policy
never allows less or more than it would on AWS.
"""

from __future__ import annotations

import enum
import fnmatch
import json
import re
from dataclasses import dataclass
from typing import Any

_KEYS = {
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "Principal",
}
_CONDITION_KEYS = {"aws:requestedregion", "sts:externalid", "sts:rolesessionname"}
# Keys of a web identity, such as "oidc.example.com:sub".
_IDENTITY_KEYS = (":sub", ":aud")
_OPERATORS = {"StringEquals", "StringNotEquals", "StringLike", "StringNotLike"}


class PolicyError(ValueError):
    """A document that is not a policy, or uses an element that is not supported."""


class Decision(enum.Enum):
    """The outcome of an evaluation."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


def _strings(value: Any, where: str) -> list[str]:
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, str) for item in items):
        raise PolicyError(f"{where} must be a string or a list of strings, not {value!r}")
    if any("${" in item for item in items):
        raise PolicyError(f"{where} uses a policy variable, which is not supported: {value!r}")
    return items


def _like(pattern: str, text: str, *, fold: bool = False) -> bool:
    """IAM wildcards: * and ?; brackets have no meaning."""
    if fold:
        pattern, text = pattern.lower(), text.lower()
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), text) is not None


@dataclass(frozen=True)
class _Condition:
    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: dict[str, str]) -> bool:
        actual = context.get(self.key)
        negated = "Not" in self.operator
        if actual is None:
            return negated
        if self.operator.endswith("Like"):
            found = any(_like(value, actual) for value in self.values)
        else:
            found = actual in self.values
        return found != negated


@dataclass(frozen=True)
class Statement:
    """One statement; an empty tuple of principals means that it names none."""

    effect: str
    actions: tuple[str, ...]
    inverse_actions: bool
    resources: tuple[str, ...]
    inverse_resources: bool
    conditions: tuple[_Condition, ...]
    principals: tuple[str, ...]

    def applies(self, action: str, resource: str, context: dict[str, str]) -> bool:
        """Whether the statement speaks of this action on this resource."""
        named = any(_like(pattern, action, fold=True) for pattern in self.actions)
        if named == self.inverse_actions:
            return False
        named = any(_like(pattern, resource) for pattern in self.resources)
        if named == self.inverse_resources:
            return False
        return all(condition.holds(context) for condition in self.conditions)


def _conditions(document: Any) -> tuple[_Condition, ...]:
    if not isinstance(document, dict):
        raise PolicyError(f"Condition must be an object, not {document!r}")
    found = []
    for operator, keys in document.items():
        if operator not in _OPERATORS:
            allowed = ", ".join(sorted(_OPERATORS))
            raise PolicyError(f"condition operator {operator!r} is not supported ({allowed} are)")
        for key, values in keys.items():
            if key.lower() not in _CONDITION_KEYS and not key.endswith(_IDENTITY_KEYS):
                allowed = ", ".join(sorted(_CONDITION_KEYS))
                raise PolicyError(f"condition key {key!r} is not supported ({allowed} are)")
            where = f"condition {operator} {key}"
            found.append(_Condition(operator, key.lower(), tuple(_strings(values, where))))
    return tuple(found)


def _principals(value: Any) -> tuple[str, ...]:
    if value == "*":
        return ("*",)
    if not isinstance(value, dict):
        raise PolicyError(f'Principal must be "*" or an object, not {value!r}')
    names: list[str] = []
    for kind, items in value.items():
        if kind not in ("AWS", "Service", "Federated"):
            raise PolicyError(f"principal type {kind!r} is not supported (AWS, Service, Federated)")
        names += _strings(items, f"Principal {kind}")
    return tuple(names)


def _either(document: dict[str, Any], name: str) -> tuple[tuple[str, ...], bool]:
    inverse = f"Not{name}"
    if (name in document) == (inverse in document):
        raise PolicyError(f"a statement needs either {name} or {inverse}")
    key = name if name in document else inverse
    return tuple(_strings(document[key], key)), key == inverse


def _statement(document: Any, *, trust: bool) -> Statement:
    if not isinstance(document, dict):
        raise PolicyError(f"a statement must be an object, not {document!r}")
    unknown = set(document) - _KEYS
    if unknown:
        raise PolicyError(f"statement element {min(unknown)!r} is not supported")
    if document.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(f"Effect must be Allow or Deny, not {document.get('Effect')!r}")
    actions, inverse_actions = _either(document, "Action")
    if trust:
        resources, inverse_resources = ("*",), False
        principals = _principals(document.get("Principal"))
    else:
        if "Principal" in document:
            raise PolicyError("Principal has no place in a policy of an identity")
        resources, inverse_resources = _either(document, "Resource")
        principals = ()
    return Statement(
        effect=document["Effect"],
        actions=actions,
        inverse_actions=inverse_actions,
        resources=resources,
        inverse_resources=inverse_resources,
        conditions=_conditions(document.get("Condition", {})),
        principals=principals,
    )


def load(document: Any, *, trust: bool = False) -> list[Statement]:
    """The statements of a policy document (JSON text or an object); `trust` for a role's trust
    policy, which has principals and no resources. Raises PolicyError."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError as error:
            raise PolicyError(f"a policy must be JSON: {error}") from error
    if not isinstance(document, dict) or "Statement" not in document:
        raise PolicyError("a policy must be an object with a Statement")
    statements = document["Statement"]
    if not isinstance(statements, list):
        statements = [statements]
    return [_statement(item, trust=trust) for item in statements]


def check_parameters(params: dict[str, Any]) -> None:
    """Check the policies among the parameters of an IAM call. Raises PolicyError."""
    for name in ("PolicyDocument", "AssumeRolePolicyDocument"):
        if name in params:
            load(params[name], trust=name.startswith("Assume"))


def evaluate(
    statements: list[Statement], action: str, resource: str, context: dict[str, str]
) -> Decision:
    """IAM's rule: an explicit Deny wins, then an Allow; otherwise it is denied."""
    effects = {item.effect for item in statements if item.applies(action, resource, context)}
    if "Deny" in effects:
        return Decision.EXPLICIT_DENY
    return Decision.ALLOW if "Allow" in effects else Decision.IMPLICIT_DENY
