# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files in S3, by their addresses, ``s3://BUCKET/KEY``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.aws.api import OCTETS
from deploy.aws.errors import AwsError
from serving.console import say

if TYPE_CHECKING:
    from deploy.aws.api import AwsApi


def split_address(address: str) -> tuple[str, str]:
    """Bucket and key of an address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def folder_of(address: str) -> str:
    """What an address begins with, up to its last slash."""
    return f"{address.rpartition('/')[0]}/"


def put(aws: AwsApi, address: str, body: bytes, content_type: str = OCTETS) -> None:
    """Store a file.

    Raises:
        AwsError: If S3 does not take it.
    """
    bucket, key = split_address(address)
    params = {"Bucket": bucket, "Key": key, "Body": body, "ContentType": content_type}
    aws.call("s3", "put_object", params)


def fetch(aws: AwsApi, address: str) -> bytes | None:
    """A file; None if it is not there.

    Raises:
        AwsError: If S3 refuses.
    """
    bucket, key = split_address(address)
    found = aws.ask("s3", "get_object", {"Bucket": bucket, "Key": key})
    return None if found is None else found["Body"].read()


def addresses(aws: AwsApi, start: str) -> list[str]:
    """Addresses of all files that begin with an address.

    Raises:
        AwsError: If S3 refuses.
    """
    bucket, prefix = split_address(start)
    listed = aws.pages("s3", "list_objects_v2", {"Bucket": bucket, "Prefix": prefix}, "Contents")
    return [f"s3://{bucket}/{entry['Key']}" for entry in listed]


def discard(aws: AwsApi, *addresses: str) -> None:
    """Remove files; those that are not there are nothing to remove.

    Raises:
        AwsError: If S3 refuses.
    """
    for address in addresses:
        bucket, key = split_address(address)
        aws.call("s3", "delete_object", {"Bucket": bucket, "Key": key})


def tidy(aws: AwsApi, address: str) -> None:
    """Remove a file that is of no more use; if that fails, its answer is worth more."""
    try:
        discard(aws, address)
    except AwsError as err:
        say(f"warning: {address} is left: {err}")
