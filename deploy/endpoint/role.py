# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether the role that SageMaker shall assume is there, before anything is made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.aws.errors import AwsError
from deploy.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.aws.api import AwsApi


def check_role(account: AwsApi, role: str, say: Callable[[str], None]) -> None:
    """Refuse a role that is not there; whoever may not look is told that nobody has.

    Args:
        account: Asked.
        role: Its ARN.
        say: Told what cannot be seen.

    Raises:
        PlanError: If it is not there, or has another ARN.
    """
    name = role.rpartition("/")[2]
    try:
        found = account.ask("iam", "get_role", {"RoleName": name})
    except AwsError as err:
        say(
            f"note: whether there is a role {role} was not looked at ({err.operation}: {err.code}; "
            "it takes iam:GetRole): SageMaker looks when the model is made"
        )
        return
    if found is None:
        raise PlanError(
            f"there is no role {role}\nNext: `python -m deploy bootstrap` makes one and prints "
            "`role`; or correct it"
        )
    if found["Role"]["Arn"] != role:
        there = found["Role"]["Arn"]
        raise PlanError(f"the role's ARN is {there}, not {role}\nNext: Correct `role`")
