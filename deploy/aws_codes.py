# SPDX-License-Identifier: AGPL-3.0-or-later
"""What AWS's codes mean, and how a call and what it is about are named; without boto3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.errors import AwsDenied, AwsError, AwsNotFound, AwsTagIsImmutable

if TYPE_CHECKING:
    from collections.abc import Mapping

# Codes that mean the same as an answer of any other registry.
_MISSING = {
    "RepositoryNotFoundException",
    "ImageNotFoundException",
    "ImageNotFound",
    "LayersNotFoundException",
    "LayerInaccessibleException",
}
DENIED = {
    "403",  # S3's HEAD has a status alone
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NoCredentialsError",
    "PartialCredentialsError",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
# What is named is not there: S3, IAM, CloudWatch's logs and alarms, autoscaling, ECR.
_ABSENT = {
    "404",
    "NoSuchKey",
    "NoSuchBucket",
    "NoSuchEntity",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "ObjectNotFoundException",
    "RepositoryNotFoundException",
    "ImageNotFoundException",
}
# Parameters that name what a call is about, and what that is called.
_RESOURCES = {
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint configuration",
    "ModelName": "model",
    "repositoryName": "repository",
    "AlarmName": "alarm",
    "AlarmNames": "alarms",
    "AlarmNamePrefix": "alarms",
    "ResourceId": "scalable target",
    "ResourceArn": "resource",
    "RoleName": "role",
    "logGroupName": "log group",
}


def failure(
    operation: str, code: str, reason: str, resource: str = "", request_id: str = ""
) -> AwsError:
    """An error of ours for a code of AWS's, or for the name of an exception of botocore's."""
    kind = AwsError
    if code in _MISSING:
        kind = AwsNotFound
    elif code == "ImageTagAlreadyExistsException":
        kind = AwsTagIsImmutable
    elif code in DENIED:
        kind = AwsDenied
    return kind(operation, code, reason, resource=resource, request_id=request_id)


def is_absent(code: str, message: str) -> bool:
    """Whether an error says that what is named is not there; SageMaker has no code for it."""
    return code in _ABSENT or (
        code == "ValidationException" and message.startswith("Could not find")
    )


def resource_of(params: Mapping[str, Any]) -> str:
    """What a call is about, as its parameters name it; empty if they do not."""
    if "Bucket" in params:
        return f"s3://{params['Bucket']}/{params.get('Key', '')}"
    found = []
    for name, kind in _RESOURCES.items():
        if value := params.get(name):
            found.append(f"{kind} {value if isinstance(value, str) else ', '.join(value)}")
    return ", ".join(found)


def api_name(operation: str) -> str:
    """AWS's name of a call of boto3's: ``create_model`` is ``CreateModel``."""
    return "".join(word.capitalize() for word in operation.split("_"))
