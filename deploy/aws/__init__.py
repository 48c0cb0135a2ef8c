# SPDX-License-Identifier: AGPL-3.0-or-later
"""The one port to AWS; boto3 is behind it, in client.py alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.aws.api import AwsApi


def open_account(region: str | None, endpoint_url: str | None = None) -> AwsApi:
    """The account that boto3's chain of credentials leads to; nothing is asked yet.

    The one place that loads boto3: whoever builds an image, plans for an empty account or asks
    what is missing here need not have it.

    Args:
        region: None takes that of boto3's own configuration.
        endpoint_url: Address of all services, in the place of AWS's own.

    Raises:
        AwsError: If there is no region, or the address is none.
    """
    from deploy.aws.client import AwsAccount  # noqa: PLC0415  # see above

    return AwsAccount(region, endpoint_url)
