# SPDX-License-Identifier: AGPL-3.0-or-later
"""What AWS's codes mean, and how a call and what it is about are named.

A code is AWS's own, or the name of botocore's exception where no answer came.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_CREDENTIALS = {
    "NoCredentialsError",
    "NoAuthTokenError",
    "PartialCredentialsError",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
}
EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "UnauthorizedSSOTokenError",
    "SSOTokenLoadError",
    "LoginTokenLoadError",
    "LoginRefreshRequired",
}
NOT_RETRIEVED = {
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "MetadataRetrievalError",
    "SSOError",
    "LoginError",
    "LoginInsufficientPermissions",
    "LoginAuthorizationCodeError",
    "RefreshWithMFAUnsupportedError",
}
UNKNOWN_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}
BAD_SIGNATURE = {
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "RequestTimeTooSkewed",
}
# "403": S3's HEAD has a status alone.
NOT_ALLOWED = {"AccessDenied", "AccessDeniedException", "403"}
NOT_OPTED_IN = {"OptInRequired", "SubscriptionRequiredException"}
QUOTA = {
    "ResourceLimitExceeded",
    "LimitExceeded",
    "LimitExceededFault",
    "LimitExceededException",
    "ServiceQuotaExceededException",
    "TooManyBuckets",
}
# Source: botocore 1.44, retries.standard.ThrottledRetryableChecker.
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "SlowDown",
    "EC2ThrottledException",
}
ELSEWHERE = {
    "301",
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
}
NO_REGION = {"NoRegionError", "InvalidRegionError", "UnknownRegionError", "UnknownEndpointError"}
UNREACHABLE = {
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ConnectionError",
    "ConnectionClosedError",
    "ReadTimeoutError",
    "HTTPClientError",
    "ResponseStreamingError",
    "IncompleteReadError",
}
BUSY = {"ConcurrentUpdateException", "ResourceConflict", "ConflictException", "OperationAborted"}
AWS_BROKEN = {
    "InternalFailure",
    "InternalServiceError",
    "InternalServiceException",
    "InternalDependencyException",
    "InternalError",
    "ServerException",
    "ServiceFailure",
    "ServiceFailureException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "500",
    "503",
}
NOT_KNOWN = {
    "ParamValidationError",
    "UnknownServiceError",
    "DataNotFoundError",
    "OperationNotPageableError",
}
DENIED = NO_CREDENTIALS | EXPIRED | NOT_RETRIEVED | UNKNOWN_KEY | BAD_SIGNATURE | NOT_ALLOWED
# Codes that mean the same as an answer of any other registry.
MISSING = {
    "RepositoryNotFoundException",
    "ImageNotFoundException",
    "ImageNotFound",
    "LayersNotFoundException",
    "LayerInaccessibleException",
}
# What is named is not there: S3, IAM, CloudWatch's logs and alarms, autoscaling, ECR.
ABSENT = {
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
VALIDATION = {"ValidationException", "ValidationError"}
# SageMaker's words for what was otherwise when a plan was made; wording.py says who quotes them.
_OF_OTHERS = re.compile(
    r"in-progress endpoint|already existing|currently in use endpoint configuration"
)
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


def is_absent(code: str, message: str) -> bool:
    """Whether an error says that what is named is not there; SageMaker has no code for it."""
    is_named = message.startswith("Could not find") and "model data" not in message
    return code in ABSENT or (code == "ValidationException" and is_named)


def is_in_the_way(code: str, message: str) -> bool:
    """Whether an error says that somebody else changes the same thing, or just has."""
    return code in BUSY or (code in VALIDATION and bool(_OF_OTHERS.search(message)))


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
