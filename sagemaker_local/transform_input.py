# SPDX-License-Identifier: AGPL-3.0-or-later
"""The objects of a transform job: which they are, and where their answers go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sagemaker_local.model_data import parse_url
from sagemaker_local.refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sagemaker_local.aws_clients import AwsClients

SUFFIX = ".out"


@dataclass(frozen=True, slots=True)
class Item:
    """One object.

    Attributes:
        bucket: Where it lies.
        key: Its key.
        relative: Its key below the prefix, and the answer's below the output path.
        size: In bytes; None if that is not known.
    """

    bucket: str
    key: str
    relative: str
    size: int | None = None

    @property
    def name(self) -> str:
        """As the job's log calls it."""
        return f"{self.bucket}/{self.key}"


def find_items(
    aws: AwsClients, region: str, source: Mapping[str, Any], role: str
) -> Sequence[Item]:
    """The objects of an S3DataSource, in order.

    Raises:
        Refusal: If there is none, or a manifest cannot be read.
    """
    url = source["S3Uri"]
    bucket, _, key = url.partition("://")[2].partition("/")
    if source["S3DataType"] == "ManifestFile":
        return _listed(aws, region, url)
    items = [
        Item(bucket, found, _below(key, found), size)
        for found, size in aws.keys(region, bucket, key)
        if not found.endswith("/")  # what the console makes for a folder
    ]
    if not items:  # aws/amazon-sagemaker-examples#2414
        raise invalid(
            f'No S3 objects found under S3 URL "{url}" given in input data source. Please ensure '
            f"that the bucket exists in the selected region ({region}), that objects exist under "
            f'that S3 prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket '
            f'"{bucket}".'
        )
    return items


def _below(prefix: str, key: str) -> str:
    """A key without the folders that the prefix names in full."""
    if key.startswith(f"{prefix.rstrip('/')}/"):
        return key[len(prefix.rstrip("/")) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def _listed(aws: AwsClients, region: str, url: str) -> Sequence[Item]:
    """What a manifest lists: a prefix, then keys below it."""
    place = parse_url(url)
    body = aws.object_bytes(region, *place) if place else None
    if body is None:
        raise invalid(f"Could not find the manifest at {url}.")
    try:
        first, *rest = json.loads(body)
        prefix = first["prefix"]
        names = [str(name) for name in rest]
        bucket, _, folder = str(prefix).partition("s3://")[2].partition("/")
    except (ValueError, TypeError, KeyError) as err:
        raise invalid(
            f"The manifest at {url} is not a JSON array of one prefix and keys below it."
        ) from err
    if not bucket or not names:
        raise invalid(f"The manifest at {url} names no objects of S3.")
    return [Item(bucket, f"{folder}{name}", name) for name in names]
