# SPDX-License-Identifier: AGPL-3.0-or-later
"""The same as a CloudFormation template, for those who keep accounts in stacks.

``python -m deploy bootstrap --print template > deploy/account/bootstrap.yaml`` writes it anew; a
test compares. Policies and settings are those of `bootstrap`, with CloudFormation's names of
account, region and partition in the place of true ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from deploy.account import desired_state, policies
from deploy.account.places import MODELS, NAME, Account, Names

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = """\
# SPDX-License-Identifier: AGPL-3.0-or-later
# What `python -m deploy bootstrap --yes` makes, as a stack; written by
# `python -m deploy bootstrap --print template`, so change deploy/account, not this file.
"""
_PSEUDO = Account("${AWS::Partition}", "${AWS::Region}", "${AWS::AccountId}")


class _Plain(yaml.SafeDumper):
    """Writes equal lists twice, where YAML would refer to the first."""

    def ignore_aliases(self, data: Any) -> bool:
        """None is an alias."""
        del data
        return True


def build_template(plans: Sequence[str] = (), outputs: Sequence[str] = ()) -> dict[str, Any]:
    """The template as a document.

    Args:
        plans: S3 addresses that the role may read plans under.
        outputs: S3 addresses that it may write answers under.
    """
    names = Names(_PSEUDO, "${Name}", tuple(plans), tuple(outputs))
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Bucket, repository and role of the room detector's endpoint",
        "Parameters": {
            "Name": {
                "Type": "String",
                "Default": NAME,
                "AllowedPattern": "[a-z0-9](-?[a-z0-9])*",
                "MaxLength": 32,
                "Description": "Name of the endpoint, and the beginning of all other names",
            }
        },
        "Resources": _with_subs(
            {
                "Bucket": _bucket(names),
                "BucketPolicy": _bucket_policy(names),
                "Repository": _repository(names),
                "Role": _role(names),
            }
        ),
        "Outputs": _outputs(),
    }


def as_yaml(plans: Sequence[str] = (), outputs: Sequence[str] = ()) -> str:
    """The template as `deploy/account/bootstrap.yaml` has it, where no address is named."""
    return _HEAD + yaml.dump(
        build_template(plans, outputs), Dumper=_Plain, sort_keys=False, width=100
    )


def _bucket(names: Names) -> dict[str, Any]:
    """Named in full, so that `bootstrap` and the stack cannot make two of them.

    The stack leaves bucket and repository where they are when it is deleted: endpoints need them.
    """
    rules = [_lifecycle(rule) for rule in desired_state.LIFECYCLE_RULES]
    encryption = [
        {"ServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"]}
        for rule in desired_state.ENCRYPTION["Rules"]
    ]
    return _kept(
        "AWS::S3::Bucket",
        {
            "BucketName": names.bucket,
            "BucketEncryption": {"ServerSideEncryptionConfiguration": encryption},
            "PublicAccessBlockConfiguration": desired_state.PUBLIC_ACCESS,
            "VersioningConfiguration": desired_state.VERSIONING,
            "LifecycleConfiguration": {"Rules": rules},
            "Tags": desired_state.tags(names),
        },
    )


def _lifecycle(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule in CloudFormation's words."""
    words: dict[str, Any] = {"Id": rule["ID"], "Status": rule["Status"]}
    if "NoncurrentVersionExpiration" in rule:
        words["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    if "AbortIncompleteMultipartUpload" in rule:
        words["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return words


def _bucket_policy(names: Names) -> dict[str, Any]:
    document = policies.bucket_policy(names.account, names.bucket)
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": document},
    }


def _repository(names: Names) -> dict[str, Any]:
    params = desired_state.repository(names)
    return _kept(
        "AWS::ECR::Repository",
        {
            "RepositoryName": params["repositoryName"],
            "ImageTagMutability": params["imageTagMutability"],
            "ImageScanningConfiguration": {
                "ScanOnPush": params["imageScanningConfiguration"]["scanOnPush"]
            },
            "Tags": params["tags"],
        },
    )


def _role(names: Names) -> dict[str, Any]:
    params = desired_state.role(names)
    inline = {
        "PolicyName": desired_state.INLINE_POLICY,
        "PolicyDocument": desired_state.role_policy(names),
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": params["RoleName"],
            "Description": params["Description"],
            "AssumeRolePolicyDocument": policies.trust_policy(names.account),
            "Policies": [inline],
            "Tags": params["Tags"],
        },
    }


def _outputs() -> dict[str, Any]:
    """What goes into the endpoint's configuration."""
    return {
        "Artifacts": {
            "Description": "For `artifacts`",
            "Value": {"Fn::Sub": f"s3://${{Bucket}}/{MODELS}"},
        },
        "Role": {"Description": "For `role`", "Value": {"Fn::GetAtt": ["Role", "Arn"]}},
        "ImageRepository": {
            "Description": "Images are pushed here; `image` is one of them",
            "Value": {"Fn::GetAtt": ["Repository", "RepositoryUri"]},
        },
    }


def _kept(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    keep = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return {"Type": kind, **keep, "Properties": properties}


def _with_subs(value: Any) -> Any:
    """The same with `Fn::Sub` around each text that has a name of CloudFormation's in it."""
    if isinstance(value, dict):
        return {key: _with_subs(entry) for key, entry in value.items()}
    if isinstance(value, str):
        return {"Fn::Sub": value} if "${" in value else value
    if isinstance(value, (list, tuple)):
        return _all_with_subs(value)
    return value


def _all_with_subs(values: Sequence[Any]) -> list[Any]:
    return [_with_subs(value) for value in values]
