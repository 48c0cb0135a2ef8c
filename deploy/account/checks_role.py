# SPDX-License-Identifier: AGPL-3.0-or-later
"""The role that SageMaker assumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.account.diagnosis import Result, fails, ok
from deploy.account.policies import SAGEMAKER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.account.context import DoctorContext

_ASSUME = {"sts:AssumeRole", "sts:*", "*"}


def check_role(context: DoctorContext) -> Result:
    """It is there, under this ARN, and its trust policy lets SageMaker assume it."""
    role = context.places.role
    found = context.aws.ask("iam", "get_role", {"RoleName": role.rpartition("/")[2]})
    if found is None:
        return fails(
            f"there is no role {role}",
            "`python -m deploy bootstrap --yes` makes one and prints `role`; or correct it",
        )
    if found["Role"]["Arn"] != role:
        return fails(f"the role's ARN is {found['Role']['Arn']}, not {role}", "Correct `role`")
    trust = found["Role"]["AssumeRolePolicyDocument"]
    if not trusts_sagemaker(trust, context.account.number):
        return fails(
            f"the trust policy of {role} does not let SageMaker assume it for this account",
            f'Allow {{"Service": "{SAGEMAKER}"}} the action sts:AssumeRole in its trust policy '
            "(docs/bootstrap.md shows one)",
        )
    return ok(f"SageMaker may assume {role}")


def trusts_sagemaker(trust: Mapping[str, Any], account: str) -> bool:
    """Whether a statement allows it; other accounts' conditions are seen, odd ones are not."""
    listed = trust.get("Statement", [])
    return any(
        _allows(statement, account)
        for statement in (listed if isinstance(listed, list) else [listed])
    )


def _allows(statement: Mapping[str, Any], account: str) -> bool:
    principal = statement.get("Principal", {})
    services = _all(principal.get("Service", [])) if isinstance(principal, dict) else []
    equal = statement.get("Condition", {}).get("StringEquals", {})
    accounts = _all(equal.get("aws:SourceAccount", account))
    return (
        statement.get("Effect") == "Allow"
        and SAGEMAKER in services
        and bool(_ASSUME & set(_all(statement.get("Action", []))))
        and account in accounts
    )


def _all(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
