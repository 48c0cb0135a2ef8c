# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a bucket is kept: S3 tells settings one by one, and an error of those that nobody made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.account.desired_state import PUBLIC_ACCESS
from deploy.aws.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.aws.api import AwsApi

# What S3 says of a setting that nobody has made.
_UNSET = {
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "ServerSideEncryptionConfigurationNotFoundError",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a bucket is kept.

    Attributes:
        is_public: Its policy lets everybody in.
        is_closed: All settings that block public access are made.
        versioning: ``Enabled``, ``Suspended`` or empty.
    """

    is_public: bool
    is_closed: bool
    versioning: str


def read_settings(aws: AwsApi, named: Mapping[str, str]) -> Settings:
    """How a bucket is kept, whosever it is."""
    status = setting(aws, "get_bucket_policy_status", named).get("PolicyStatus", {})
    blocks = setting(aws, "get_public_access_block", named)
    made = blocks.get("PublicAccessBlockConfiguration", {})
    versioning = aws.call("s3", "get_bucket_versioning", named).get("Status", "")
    return Settings(
        status.get("IsPublic", False),
        all(made.get(key) for key in PUBLIC_ACCESS),
        versioning,
    )


def setting(aws: AwsApi, operation: str, whose: Mapping[str, str]) -> Mapping[str, Any]:
    """What a bucket has of a setting; empty if nobody has made it."""
    try:
        return aws.call("s3", operation, whose)
    except AwsError as err:
        if err.code in _UNSET:
            return {}
        raise
