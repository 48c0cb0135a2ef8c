# SPDX-License-Identifier: AGPL-3.0-or-later
"""The calls of AWS that the code of `deploy` makes, read from its source, and their actions."""

from __future__ import annotations

import ast
import importlib
from typing import TYPE_CHECKING, Any

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

DEPLOY = ROOT / "deploy"
_VERBS = {"ask", "call", "pages"}  # of the port (deploy/aws/api.py)
_WHERE_NAMED_AT_RUN_TIME = {"step", "self"}  # the executor's: the steps themselves are read
_OF_S3 = {"setting", "_s3"}  # functions whose second argument is a call of S3
_OF_CLIENTS = {"invoke_endpoint": "sagemaker-runtime"}  # of a client of boto3's
# S3's actions are not called as its calls are; where others' are not, it is here, too.
_ACTIONS = {
    ("s3", "list_objects_v2"): "s3:ListBucket",
    ("s3", "head_bucket"): "s3:ListBucket",
    ("s3", "head_object"): "s3:GetObject",
    ("s3", "copy_object"): "s3:PutObject",  # and s3:GetObject of what is copied
    ("s3", "get_bucket_encryption"): "s3:GetEncryptionConfiguration",
    ("s3", "put_bucket_encryption"): "s3:PutEncryptionConfiguration",
    ("s3", "get_public_access_block"): "s3:GetBucketPublicAccessBlock",
    ("s3", "put_public_access_block"): "s3:PutBucketPublicAccessBlock",
    ("s3", "get_bucket_lifecycle_configuration"): "s3:GetLifecycleConfiguration",
    ("s3", "put_bucket_lifecycle_configuration"): "s3:PutLifecycleConfiguration",
}
_PREFIXES = {"sagemaker-runtime": "sagemaker", "service-quotas": "servicequotas"}
FREE = {"sts:GetCallerIdentity"}  # IAM user guide: needs no permission
# What AWS asks for beside the action of the same name.
_WITH_TAGS = {
    "sagemaker": "sagemaker:AddTags",
    "cloudwatch": "cloudwatch:TagResource",
    "application-autoscaling": "application-autoscaling:TagResource",
    "ecr": "ecr:TagResource",
    "iam": "iam:TagRole",
}
_TAGGED = {
    "create_model", "create_endpoint", "create_endpoint_config", "put_metric_alarm",
    "register_scalable_target", "create_repository", "create_role", "create_transform_job",
}  # fmt: skip
_PASSING = {"create_model"}


def calls(paths: list[Path]) -> set[tuple[str, str]]:
    """Service and operation, as boto3 names them, of each call in some files.

    Raises:
        AssertionError: If one cannot be read from the source.
    """
    return {call for path in paths for call in _calls_of(path)}


def actions(found: set[tuple[str, str]]) -> set[str]:
    """The actions of IAM that calls need."""
    needed = set()
    for service, operation in found:
        name = "".join(word.capitalize() for word in operation.split("_"))
        prefix = _PREFIXES.get(service, service)
        needed.add(_ACTIONS.get((service, operation), f"{prefix}:{name}"))
        if operation in _TAGGED:
            needed.add(_WITH_TAGS[service])
        if operation in _PASSING:
            needed.add("iam:PassRole")
    return needed - FREE


def sources(*without: str) -> list[Path]:
    """Files of `deploy`, but not those of some folders and names below it."""
    return [
        path
        for path in sorted(DEPLOY.rglob("*.py"))
        if not path.relative_to(DEPLOY).as_posix().startswith(without)
    ]


def _calls_of(path: Path) -> Iterator[tuple[str, str]]:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    module = importlib.import_module(name)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield from _call(module, node)
        if isinstance(node, ast.Tuple):
            yield from _listed(node)


def _call(module: ModuleType, node: ast.Call) -> Iterator[tuple[str, str]]:
    match node.func:
        case ast.Attribute(attr=verb, value=owner) if verb in _VERBS and len(node.args) > 1:
            if any(_is_named_at_run_time(argument) for argument in node.args[:2]):
                return
            yield _read(module, node.args[0], owner), _read(module, node.args[1], owner)
        case ast.Name(id=helper) if helper in _OF_S3:
            yield "s3", _read(module, node.args[1], node.func)
        case ast.Name(id="ApiCall") if node.args and not _is_named_at_run_time(node.args[1]):
            yield _read(module, node.args[0], node.func), _read(module, node.args[1], node.func)
        case ast.Attribute(attr=operation, value=ast.Name(id="client")) if (
            module.__name__ == "deploy.aws.client"
        ):
            yield _OF_CLIENTS[operation], operation


def _listed(node: ast.Tuple) -> Iterator[tuple[str, str]]:
    """A call as data: its service, its operation and parameters, as `doctor` tries them."""
    match node.elts:
        case [ast.Constant(value=str(service)), ast.Constant(value=str(operation)), ast.Dict()]:
            yield service, operation


def _is_named_at_run_time(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr="service", value=ast.Name(id=owner)):
            return owner in _WHERE_NAMED_AT_RUN_TIME
        # Of a tuple that is read by itself, or an argument of one of `_OF_S3`.
        case ast.Name(id="service" | "operation"):
            return True
    return False


def _read(module: ModuleType, node: ast.expr, near: ast.expr) -> str:
    """The text that an expression of constants has."""
    try:
        value: Any = ast.literal_eval(node)
    except ValueError:
        value = eval(ast.unparse(node), vars(module))  # noqa: S307 - names of our own module
    assert isinstance(value, str), f"{module.__name__}, line {near.lineno}: not a constant"
    return value
