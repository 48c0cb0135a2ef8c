# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is there of bucket, repository and role: describing calls alone, nothing is changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deploy.account.places import Account
from deploy.account.settings import setting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.aws.api import AwsApi


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that is there.

    Attributes:
        tags: Of it.
        is_empty: No object lies in it.
        algorithm: Of its encryption; empty if there is none.
        public_access: Settings that block access of everybody; empty if nobody has made them.
        versioning: ``Enabled``, ``Suspended`` or empty.
        policy: Its own; None if it has none.
        lifecycle: Its rules.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    is_empty: bool = False
    algorithm: str = ""
    public_access: Mapping[str, bool] = field(default_factory=dict)
    versioning: str = ""
    policy: Mapping[str, Any] | None = None
    lifecycle: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that is there.

    Attributes:
        tags: Of it.
        mutability: Of tags of images.
        is_scanned: Each image is scanned when it is pushed.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    mutability: str = ""
    is_scanned: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    """A role that is there.

    Attributes:
        arn: Of it.
        tags: Of it.
        trust: Who may assume it.
        policy: The one of ours in it; None if it has none.
    """

    arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    trust: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What is there; None for what is not."""

    bucket: Bucket | None = None
    repository: Repository | None = None
    role: Role | None = None


def read_account(aws: AwsApi, region: str) -> Account:
    """Whose credentials these are.

    Raises:
        AwsError: If they are nobody's.
    """
    identity = aws.call("sts", "get_caller_identity", {})
    return Account(str(identity["Arn"]).split(":")[1], region, str(identity["Account"]))


def read_bucket(aws: AwsApi, name: str, account: str) -> Bucket | None:
    """A bucket of this account; None if there is none of the name.

    Raises:
        AwsError: If S3 does not answer, as it does of a bucket of another account.
    """
    whose = {"Bucket": name, "ExpectedBucketOwner": account}
    if aws.ask("s3", "head_bucket", whose) is None:
        return None
    listed = aws.call("s3", "list_objects_v2", whose | {"MaxKeys": 1})
    policy = setting(aws, "get_bucket_policy", whose).get("Policy")
    encryption = setting(aws, "get_bucket_encryption", whose)
    rules = encryption.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    public = setting(aws, "get_public_access_block", whose)
    return Bucket(
        _tags(setting(aws, "get_bucket_tagging", whose).get("TagSet", [])),
        not listed.get("Contents"),
        default.get("SSEAlgorithm", ""),
        public.get("PublicAccessBlockConfiguration", {}),
        aws.call("s3", "get_bucket_versioning", whose).get("Status", ""),
        json.loads(policy) if policy else None,
        setting(aws, "get_bucket_lifecycle_configuration", whose).get("Rules", []),
    )


def read_repository(aws: AwsApi, name: str) -> Repository | None:
    """A repository of this account; None if there is none of the name."""
    found = aws.ask("ecr", "describe_repositories", {"repositoryNames": [name]})
    if found is None:
        return None
    repository = found["repositories"][0]
    tags = aws.call("ecr", "list_tags_for_resource", {"resourceArn": repository["repositoryArn"]})
    return Repository(
        _tags(tags.get("tags", [])),
        repository.get("imageTagMutability", ""),
        repository.get("imageScanningConfiguration", {}).get("scanOnPush", False),
    )


def read_role(aws: AwsApi, name: str, policy: str) -> Role | None:
    """A role and one of its inline policies; None if there is no such role."""
    found = aws.ask("iam", "get_role", {"RoleName": name})
    if found is None:
        return None
    role = found["Role"]
    inline = aws.ask("iam", "get_role_policy", {"RoleName": name, "PolicyName": policy})
    return Role(
        role["Arn"],
        _tags(role.get("Tags", [])),
        role["AssumeRolePolicyDocument"],
        inline["PolicyDocument"] if inline else None,
    )


def _tags(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {entry["Key"]: entry["Value"] for entry in listed}
