# SPDX-License-Identifier: AGPL-3.0-or-later
"""IAM's decision on a call, for the part of its policies that we write.

Source: "Policy evaluation logic" and "IAM JSON policy elements", IAM user guide. moto looks at
resources of S3 alone and at no conditions; a test compares the two where both can decide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ALLOWED, DENIED, NOTHING = "allowed", "explicitDeny", "implicitDeny"


def decide(
    policies: Iterable[Mapping[str, Any]],
    action: str,
    resource: str = "*",
    context: Mapping[str, str] | None = None,
) -> str:
    """What IAM says: ``allowed``, ``explicitDeny`` or ``implicitDeny``.

    Args:
        policies: All that hold for the caller.
        action: Such as ``s3:GetObject``.
        resource: ARN; ``*`` if the action takes none.
        context: Values of condition keys.
    """
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in policy["Statement"]
        if _concerns(statement, action, resource) and _holds(statement, context or {})
    }
    if "Deny" in effects:
        return DENIED
    return ALLOWED if "Allow" in effects else NOTHING


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern with ``*`` and ``?`` fits."""
    if "${" in pattern:
        raise NotImplementedError(f"{pattern} has a policy variable")
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _concerns(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    odd = {"NotAction", "NotResource", "NotPrincipal"} & set(statement)
    if odd:
        raise NotImplementedError(f"{odd} is not decided here")
    actions = _all(statement["Action"])
    resources = _all(statement.get("Resource", "*"))  # a trust policy has none
    return any(matches(a.lower(), action.lower()) for a in actions) and any(
        matches(r, resource) for r in resources
    )


def _holds(statement: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    lowered = {key.lower(): value for key, value in context.items()}
    return all(
        key.lower() in lowered and _compare(operator, _all(wanted), lowered[key.lower()])
        for operator, pairs in statement.get("Condition", {}).items()
        for key, wanted in pairs.items()
    )


def _compare(operator: str, wanted: Sequence[str], found: str) -> bool:
    match operator:
        case "StringEquals":
            return found in wanted
        case "StringLike":
            return any(matches(pattern, found) for pattern in wanted)
        case "Bool":
            return found.lower() in [value.lower() for value in wanted]
    raise NotImplementedError(f"the operator {operator} is not decided here")


def _all(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
