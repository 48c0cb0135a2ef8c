# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a user reads when something goes wrong with AWS.

Every failure of the table is made to happen, on a server of this machine, with boto3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.aws.client import AwsAccount
from deploy.endpoint.invocation import invoke
from deploy.errors import DeployError
from tests.contract.account_setup import environ
from tests.contract.aws_failures import CASES, STATES
from tests.contract.aws_server import serve_aws

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.aws_failures import Case

# Nothing listens on the port of the discard protocol.
NOBODY = "http://127.0.0.1:9"


def message_of(case: Case) -> str:
    """What a user reads when it happens."""
    with environ(case.environ):
        if case.answer is None:
            return _message(lambda: _ask(case, NOBODY))
        with serve_aws([case.answer]) as url:
            return _message(lambda: _ask(case, url))


def _ask(case: Case, url: str) -> object:
    account = AwsAccount(case.region, url)
    if case.call is None:
        return invoke(account, "rooms", b"plan", {}, pauses_s=())
    return account.call(*case.call)


def _message(ask: Callable[[], object]) -> str:
    with pytest.raises(DeployError) as caught:
        ask()
    return f"error: {caught.value}"


def messages() -> dict[str, dict[str, str]]:
    """All messages, by area and title."""
    found = {
        area: {case.title: message_of(case) for case in cases} for area, cases in CASES.items()
    }
    states = {title: f"error: {error}" for title, error in STATES.items()}
    return {**found, "States of an endpoint": states}
