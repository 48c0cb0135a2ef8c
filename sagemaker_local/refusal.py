# SPDX-License-Identifier: AGPL-3.0-or-later
"""Errors as SageMaker sends them.

The words are SageMaker's own where a report quotes them; docs/local-sagemaker.md lists the others.
"""

from __future__ import annotations

from typing import Any

_BAD_REQUEST = 400


class Refusal(Exception):
    """A call is refused.

    Args:
        code: AWS's name of the error.
        message: What went wrong; None as for throttling, which comes without words.
        status: HTTP status.
        fields: Further members of the error.
    """

    def __init__(
        self, code: str, message: str | None, status: int = _BAD_REQUEST, **fields: Any
    ) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


def invalid(message: str) -> Refusal:
    """What SageMaker's control plane says of nearly every mistake."""
    return Refusal("ValidationException", message)


def not_found(kind: str, arn: str) -> Refusal:
    """There is no such model, endpoint configuration or endpoint."""
    return invalid(f'Could not find {kind} "{arn}".')


def already_exists(kind: str, arn: str) -> Refusal:
    """A name is taken."""
    return invalid(f'Cannot create already existing {kind} "{arn}".')


def in_progress(arn: str) -> Refusal:
    """An endpoint cannot be updated, scaled or deleted before it has settled."""
    return invalid(f'Cannot update in-progress endpoint "{arn}".')


def over_quota(what: str, unit: str, limit: int, used: int, asked: int) -> Refusal:
    """The account has too little of something."""
    return Refusal(
        "ResourceLimitExceeded",
        f"The account-level service limit '{what}' is {limit} {unit}, with current utilization of "
        f"{used} {unit} and a request delta of {asked} {unit}. Please use AWS Service Quotas to "
        "request an increase for this quota. If AWS Service Quotas is not available, contact AWS "
        "support to request an increase for this quota.",
    )
