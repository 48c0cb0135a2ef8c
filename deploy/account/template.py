# SPDX-License-Identifier: AGPL-3.0-or-later
"""The same as a CloudFormation template, for those who keep accounts in stacks.

``python -m deploy bootstrap --print template > deploy/account/bootstrap.yaml`` writes it anew; a
test compares. Policies and settings are those of `bootstrap`, with CloudFormation's names of
account, region and partition in the place of true ones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from deploy.account.bootstrap import bootstrap
from deploy.account.places import MODELS, NAME, Account, Names
from deploy.account.reading import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    resources: dict[str, Any] = {}
    for call in bootstrap(names, Found()):
        name, properties = _WORDS[call.operation](call.params)
        made = resources.setdefault(name, {**_KINDS[name], "Properties": {}})
        made["Properties"] |= properties
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
        "Resources": _with_subs(resources),
        "Outputs": _outputs(),
    }


def as_yaml(plans: Sequence[str] = (), outputs: Sequence[str] = ()) -> str:
    """The template as `deploy/account/bootstrap.yaml` has it, where no address is named."""
    return _HEAD + yaml.dump(
        build_template(plans, outputs), Dumper=_Plain, sort_keys=False, width=100
    )


def _lifecycle(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule in CloudFormation's words, which has one for all objects without a filter."""
    renamed = {"Id" if key == "ID" else key: value for key, value in rule.items()}
    renamed.pop("Filter")
    return renamed


def _encryption(rules: Mapping[str, Any]) -> dict[str, Any]:
    found = [
        {"ServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"]}
        for rule in rules["Rules"]
    ]
    return {"ServerSideEncryptionConfiguration": found}


def _repository(params: Mapping[str, Any]) -> dict[str, Any]:
    scanning = params["imageScanningConfiguration"]
    return {
        "RepositoryName": params["repositoryName"],
        "ImageTagMutability": params["imageTagMutability"],
        "ImageScanningConfiguration": {"ScanOnPush": scanning["scanOnPush"]},
        "Tags": params["tags"],
    }


def _role(params: Mapping[str, Any]) -> dict[str, Any]:
    trust = json.loads(params["AssumeRolePolicyDocument"])
    rest = {key: params[key] for key in ("RoleName", "Description", "Tags")}
    return {**rest, "AssumeRolePolicyDocument": trust}


def _inline(params: Mapping[str, Any]) -> dict[str, Any]:
    document = json.loads(params["PolicyDocument"])
    return {"Policies": [{"PolicyName": params["PolicyName"], "PolicyDocument": document}]}


# What each call of `bootstrap` is in a stack: the resource that it is about, and properties of it.
# Bucket and repository stay where they are when the stack is deleted, since endpoints need them,
# and are named in full, so that `bootstrap` and the stack cannot make two of them.
_STAYS = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
_KINDS = {
    "Bucket": {"Type": "AWS::S3::Bucket", **_STAYS},
    "BucketPolicy": {"Type": "AWS::S3::BucketPolicy"},
    "Repository": {"Type": "AWS::ECR::Repository", **_STAYS},
    "Role": {"Type": "AWS::IAM::Role"},
}
_WORDS: dict[str, Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]]]] = {
    "create_bucket": lambda p: ("Bucket", {"BucketName": p["Bucket"]}),
    "put_bucket_tagging": lambda p: ("Bucket", {"Tags": p["Tagging"]["TagSet"]}),
    "put_public_access_block": lambda p: (
        "Bucket",
        {"PublicAccessBlockConfiguration": p["PublicAccessBlockConfiguration"]},
    ),
    "put_bucket_encryption": lambda p: (
        "Bucket",
        {"BucketEncryption": _encryption(p["ServerSideEncryptionConfiguration"])},
    ),
    "put_bucket_policy": lambda p: (
        "BucketPolicy",
        {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": json.loads(p["Policy"])},
    ),
    "put_bucket_versioning": lambda p: (
        "Bucket",
        {"VersioningConfiguration": p["VersioningConfiguration"]},
    ),
    "put_bucket_lifecycle_configuration": lambda p: (
        "Bucket",
        {
            "LifecycleConfiguration": {
                "Rules": [_lifecycle(rule) for rule in p["LifecycleConfiguration"]["Rules"]]
            }
        },
    ),
    "create_repository": lambda p: ("Repository", _repository(p)),
    "create_role": lambda p: ("Role", _role(p)),
    "put_role_policy": lambda p: ("Role", _inline(p)),
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
