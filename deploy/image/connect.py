# SPDX-License-Identifier: AGPL-3.0-or-later
"""The registry of a name: ECR through AWS's calls, any other over HTTP.

The one place that loads urllib3: whoever has none can build images, and ask `doctor`, all the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.aws import open_account
from deploy.cli import parse_endpoint_url
from deploy.image.credentials import find_credentials

if TYPE_CHECKING:
    import argparse

    from deploy.aws.api import AwsApi
    from deploy.image.names import EcrPlace, ImageName
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


def connection_of(args: argparse.Namespace) -> Connection:
    """How the registry is asked, by the options of a command."""
    return Connection(args.plain_http, args.ca_file, parse_endpoint_url(args.endpoint_url))


def open_registry(name: ImageName, connection: Connection | None = None) -> Registry:
    """The repository that an image lies in; nothing is asked yet.

    Raises:
        AwsError: If boto3 cannot make a client.
        BadUsage: If a file with logins cannot be read.
    """
    connection = connection or Connection()
    if name.ecr is not None:
        ca_file = connection.ca_file or os.environ.get("AWS_CA_BUNDLE")
        aws = open_account(name.ecr.region, connection.aws_url)
        return ecr_registry(aws, name.ecr, name, ca_file)
    from deploy.image.http_registry import HttpRegistry  # noqa: PLC0415  # urllib3

    return HttpRegistry(
        name,
        find_credentials(name.registry, os.environ),
        is_plain=connection.is_plain or (name.is_loopback and not connection.ca_file),
        ca_file=connection.ca_file,
    )


def ecr_registry(
    aws: AwsApi, place: EcrPlace, name: ImageName, ca_file: str | None = None
) -> Registry:
    """The repository of ECR that an image lies in; nothing is asked yet.

    Args:
        aws: The account that asks, in the region of the repository.
        place: Account and region of the repository.
        name: An image in it.
        ca_file: Certificates to trust, where layers are downloaded, in the place of the system's.
    """
    from deploy.image.ecr import EcrRegistry  # noqa: PLC0415  # urllib3

    return EcrRegistry(aws, place, name, ca_file)
