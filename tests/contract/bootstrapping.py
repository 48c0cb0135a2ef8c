# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs of `bootstrap` on an account of this machine, call by call."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from deploy.account.bootstrap import bootstrap, read_found
from deploy.account.places import Account, Names
from deploy.aws.client import AwsAccount
from deploy.endpoint.execution import Executor
from tests.contract.aws_account import NUMBER, AwsLab

if TYPE_CHECKING:
    from deploy.endpoint.actions import ApiCall

REGION = "ap-northeast-1"


def of_name(name: str, **more: Any) -> Names:
    """What a test makes."""
    return Names(Account("aws", REGION, NUMBER), name, **more)


def gateway(lab: AwsLab) -> AwsAccount:
    """The account, as the command has it."""
    return _account(lab.region, lab.place.url)


@lru_cache
def _account(region: str, url: str) -> AwsAccount:
    return AwsAccount(region, url)


def make(lab: AwsLab, names: Names, most: int = 99, *, is_pruned: bool = False) -> list[ApiCall]:
    """Do what is left, or the first calls of it; all that was left."""
    account = gateway(lab)
    steps = bootstrap(names, read_found(account, names), is_pruned=is_pruned)
    Executor(account, None, lambda _: None).run(steps[:most])
    return steps


def operations(steps: list[ApiCall]) -> list[str]:
    """Names of the calls."""
    return [step.operation for step in steps]
