# SPDX-License-Identifier: AGPL-3.0-or-later
"""A plan that is too large to be sent: put into S3, and named (docs/api.md, by reference)."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deploy.aws.errors import AwsError
from deploy.aws.s3 import put, tidy
from deploy.endpoint.served import PREFIXES_VARIABLE, read_served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deploy.aws.api import AwsApi

JSON = "application/json"
_FOLDER = "invoke/"
_HOW = (
    f"or let the endpoint read it from S3: environment.{PREFIXES_VARIABLE}=s3://bucket/prefix/ "
    "in the configuration, then `apply`; `invoke` does the rest"
)


def place_for(account: AwsApi, endpoint: str) -> tuple[str, str]:
    """Where such a plan may lie, empty if nowhere, and what would change that.

    Raises:
        AwsError: If AWS does not answer.
        NothingServes: If there is no such endpoint.
    """
    try:
        return read_served(account, endpoint).readable, _HOW
    except AwsError as err:  # who may only invoke cannot look
        return "", f"or let the endpoint read it from S3, but what it may read is not told: {err}"


@contextmanager
def stored(
    account: AwsApi, place: str, data: bytes, options: Mapping[str, float | str]
) -> Iterator[bytes]:
    """Put a plan where the endpoint reads it, and yield the request that names it.

    Raises:
        AwsError: If S3 does not take it.
    """
    address = f"{place}{_FOLDER}{uuid.uuid4().hex}"
    put(account, address, data)
    try:
        yield json.dumps({"image_url": address, **options}).encode()
    finally:
        tidy(account, address)
