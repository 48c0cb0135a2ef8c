# SPDX-License-Identifier: AGPL-3.0-or-later
"""The registry of a name: ECR through AWS's calls, any other over HTTP."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.aws import open_account
from deploy.image.credentials import find_credentials

if TYPE_CHECKING:
    from deploy.image.names import ImageName
    from deploy.image.registry import Registry


@dataclass(frozen=True, slots=True)
class Connection:
    """How a registry is asked.

    Attributes:
        is_plain: Without TLS; a registry on loopback always is.
        ca_file: Certificates to trust in the place of the system's.
        aws_url: Address of ECR's calls, in the place of AWS's own.
    """

    is_plain: bool = False
    ca_file: str | None = None
    aws_url: str | None = None


def open_registry(name: ImageName, connection: Connection | None = None) -> Registry:
    """The repository that an image lies in; nothing is asked yet.

    Raises:
        AwsError: If boto3 cannot make a client.
        BadUsage: If a file with logins cannot be read.
    """
    connection = connection or Connection()
    # The one place that loads urllib3: whoever has none can build images all the same.
    if name.ecr is not None:
        from deploy.image.ecr import EcrRegistry  # noqa: PLC0415

        ca_file = connection.ca_file or os.environ.get("AWS_CA_BUNDLE")
        aws = open_account(name.ecr.region, connection.aws_url)
        return EcrRegistry(aws, name.ecr, name, ca_file)
    from deploy.image.http_registry import HttpRegistry  # noqa: PLC0415

    return HttpRegistry(
        name,
        find_credentials(name.registry, os.environ),
        is_plain=connection.is_plain or (name.is_loopback and not connection.ca_file),
        ca_file=connection.ca_file,
    )
