# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes wrong with AWS, in its own words, as a table: tests run it, and docs print it.

The wording is AWS's as users have quoted it (deploy/aws/advice.py says where), with other names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.aws.errors import EndpointFailed, WaitTimeout
from tests.contract.aws_server import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_ARN = "arn:aws:sagemaker:eu-central-1:123456789012"
_ROLE = "arn:aws:iam::123456789012:role/rooms"
_USER = "User: arn:aws:iam::123456789012:user/builder is not authorized to perform:"
_IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/rooms"
_PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)

Call = tuple[str, str, dict[str, object]]
MODEL: Call = (
    "sagemaker", "create_model", {"ModelName": "rooms-1-0", "ExecutionRoleArn": _ROLE},
)  # fmt: skip
CONFIG: Call = (
    "sagemaker",
    "create_endpoint_config",
    {
        "EndpointConfigName": "rooms-1-0",
        "ProductionVariants": [{"VariantName": "AllTraffic", "ModelName": "rooms-1-0"}],
    },
)
CREATE: Call = (
    "sagemaker", "create_endpoint", {"EndpointName": "rooms", "EndpointConfigName": "rooms-1-0"},
)  # fmt: skip
UPDATE: Call = ("sagemaker", "update_endpoint", CREATE[2])
DESCRIBE: Call = ("sagemaker", "describe_endpoint", {"EndpointName": "rooms"})
DELETE: Call = ("sagemaker", "delete_endpoint", {"EndpointName": "rooms"})
HEAD: Call = ("s3", "head_object", {"Bucket": "plans", "Key": "rooms/1.0.tar.gz"})
PUT: Call = ("s3", "put_object", {"Bucket": "plans", "Key": "rooms/1.0.tar.gz", "Body": b"model"})
IMAGE: Call = (
    "ecr", "batch_get_image", {"repositoryName": "rooms", "imageIds": [{"imageTag": "1"}]},
)  # fmt: skip
ALARM: Call = (
    "cloudwatch",
    "put_metric_alarm",
    {"AlarmName": "rooms-5xx", "EvaluationPeriods": 1, "ComparisonOperator": "LessThanThreshold"},
)
SCALING: Call = (
    "application-autoscaling",
    "register_scalable_target",
    {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/rooms/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    },
)
WHO: Call = ("sts", "get_caller_identity", {})


@dataclass(frozen=True)
class Case:
    """One failure.

    Attributes:
        title: What is wrong.
        call: What is asked of AWS; None for an invocation.
        answer: What AWS says; None if nobody answers.
        environ: Beside the credentials, or in their place.
        region: That of the account.
    """

    title: str
    call: Call | None
    answer: Answer | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: CREDENTIALS)
    region: str | None = REGION


def _says(title: str, call: Call, message: str, code: str = "ValidationException") -> Case:
    return Case(title, call, Answer(400, code, message))


ACCESS = (
    Case("There are no credentials", DESCRIBE, environ={}),
    Case("Half of the credentials is missing", DESCRIBE, environ={"AWS_ACCESS_KEY_ID": "test"}),
    Case("The profile is unknown", DESCRIBE, environ={"AWS_PROFILE": "plans"}),
    _says("The session has expired", DESCRIBE, "The security token included in the request is "
          "expired", "ExpiredTokenException"),
    Case("The session has expired, says S3",
         PUT, Answer(400, "ExpiredToken", "The provided token has expired.")),
    _says("The key is unknown", MODEL, "The security token included in the request is invalid.",
          "UnrecognizedClientException"),
    Case("The key is unknown, says STS", WHO, Answer(
        403, "InvalidClientTokenId", "The security token included in the request is invalid.")),
    Case("The signature is wrong", PUT, Answer(403, "SignatureDoesNotMatch", "The request "
         "signature we calculated does not match the signature you provided. Check your key and "
         "signing method.")),
    _says("A permission is missing", CREATE, f"{_USER} sagemaker:CreateEndpoint on resource: "
          f"{_ARN}:endpoint/rooms because no identity-based policy allows the "
          "sagemaker:CreateEndpoint action", "AccessDeniedException"),
    _says("A permission is denied from above", CREATE, f"{_USER} sagemaker:CreateEndpoint on "
          f"resource: {_ARN}:endpoint/rooms with an explicit deny in a service control policy",
          "AccessDeniedException"),
    _says("The role may not be handed on", MODEL, f"{_USER} iam:PassRole on resource: {_ROLE} "
          "because no identity-based policy allows the iam:PassRole action",
          "AccessDeniedException"),
    Case("S3 does not say what is missing", HEAD, Answer(403)),
    Case("S3 refuses to write", PUT, Answer(403, "AccessDenied", "Access Denied")),
)  # fmt: skip
LIMITS = (
    _says("A quota of instances is used up", CREATE, "The account-level service limit "
          "'ml.c6i.large for endpoint usage' is 0 Instances, with current utilization of 0 "
          "Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request "
          "an increase for this quota.", "ResourceLimitExceeded"),
    _says("A quota of memory is too small", CONFIG, "The account-level service limit 'Memory size "
          "in MB per serverless endpoint' is 3072 MBs, with current utilization of 0 MBs and a "
          "request delta of 4096 MBs. Please use AWS Service Quotas to request an increase for "
          "this quota.", "ResourceLimitExceeded"),
    Case("A quota of alarms is used up", ALARM, Answer(
        400, "LimitExceeded", "The maximum limit for alarms has been reached.")),
    _says("AWS throttles the calls", DESCRIBE, "Rate exceeded", "ThrottlingException"),
)  # fmt: skip
IMAGES = (
    _says("SageMaker does not take the manifest", MODEL, "Unsupported manifest media type "
          f"application/vnd.oci.image.index.v1+json for image {_IMAGE}:1. Ensure that valid "
          "manifest media type is used for specified image."),
    _says("The role cannot read the image, or there is none", MODEL, f"Role {_ROLE} cannot pull "
          f"{_IMAGE}:1. Ensure that the role exists and the image was granted pull permission."),
    _says("The image is another account's", MODEL, f"The repository of your image {_IMAGE}:1 does "
          "not grant ecr:GetDownloadUrlForLayer, ecr:BatchGetImage, "
          "ecr:BatchCheckLayerAvailability permission to sagemaker.amazonaws.com service "
          "principal."),
    _says("The name of the image is wrong", MODEL, f'ECR image "{_IMAGE}" is invalid.'),
    _says("The repository is not there", IMAGE, "The repository with name 'rooms' does not exist "
          "in the registry with id '123456789012'", "RepositoryNotFoundException"),
    _says("The image is too large for a serverless endpoint", CREATE, "Image size 12704675783 is "
          "greater than supported size 10737418240"),
)  # fmt: skip
ROLE_AND_MODEL = (
    _says("SageMaker may not take the role", MODEL, f"Could not assume role {_ROLE}. Please ensure "
          "that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the "
          "role."),
    _says("The model's file is not there", MODEL, "Could not find model data at "
          "s3://plans/rooms/1.0.tar.gz."),
    _says("The model's file cannot be read, or lies in another region", MODEL, "Could not access "
          "model data at s3://plans/rooms/1.0.tar.gz. Please ensure that the role "
          f'"{_ROLE}" exists and that its trust relationship policy allows the action '
          '"sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". Also ensure that '
          'the role has "s3:GetObject" permissions and that the object is located in '
          "eu-central-1."),
)  # fmt: skip
PLACES = (
    Case("There is no region", DESCRIBE, region=None),
    Case("The region or the network is wrong", None),
    _says("The endpoint is not there, or in another region", UPDATE, "Could not find endpoint "
          f'"{_ARN}:endpoint/rooms".'),
    Case("The endpoint that is asked is not there, or in another region", None, Answer(
        400, "ValidationError", "Endpoint rooms of account 123456789012 not found.")),
    Case("The bucket lies in another region", PUT, Answer(
        400, "IllegalLocationConstraintException", "The eu-west-1 location constraint is "
        "incompatible for the region specific endpoint this request was sent to.")),
    Case("There is no such bucket", PUT, Answer(
        404, "NoSuchBucket", "The specified bucket does not exist")),
)  # fmt: skip
IN_USE = (
    _says("The name is taken", CREATE, "Cannot create already existing endpoint "
          f'"{_ARN}:endpoint/rooms".'),
    _says("A change is under way", UPDATE, "Cannot update in-progress endpoint "
          f'"{_ARN}:endpoint/rooms".'),
    _says("Autoscaling may not be ended", DELETE,
          "An Application AutoScaling scalable target exists for a variant being deleted, and the "
          "IAM identity used to invoke DeleteEndpoint does not have "
          "application-autoscaling:DeregisterScalableTarget permission to deregister the scalable "
          "target."),
    _says("Autoscaling is changed twice at once", SCALING, "A concurrent update was made.",
          "ConcurrentUpdateException"),
)  # fmt: skip
INVOKING = (
    Case("A container is being started", None, Answer(
        429, "ModelNotReadyException", "The model is not ready for inference yet.")),
    Case("More requests at once than containers", None, Answer(400, "ThrottlingException")),
    Case("The container refuses the file", None, Answer(424, "ModelError", "Received client error "
         "(400) from primary with message …", {
             "OriginalStatusCode": 400,
             "OriginalMessage": '{"status":"error","error":"invalid_file_format","message":'
             '"the file starts like no picture or PDF that is read","details":{"bytes":5}}'})),
    Case("The container fails", None, Answer(424, "ModelError", "Received server error (500) from "
         "primary with message …", {
             "OriginalStatusCode": 500,
             "OriginalMessage": '{"status":"error","error":"processing_failed","message":"the '
             "picture could not be processed; the server's log says why\",\"details\":"
             '{"request_id":"6f0c"}}'})),
    Case("The container does not answer in time", None, Answer(424, "ModelError", "Received server "
         "error (0) from primary with message …", {
             "OriginalStatusCode": 0,
             "OriginalMessage": "Your invocation timed out while waiting for a response from "
             "container primary. Review the latency metrics for each container in Amazon "
             "CloudWatch, resolve the issue, and try again."})),
    Case("AWS fails", None, Answer(500, "InternalFailure", "An internal failure occurred.")),
)  # fmt: skip
STATES = {
    "Failed: the container is not healthy": EndpointFailed("rooms", "Failed", _PING),
    "Failed: the container does not start": EndpointFailed(
        "rooms",
        "Failed",
        "CannotStartContainerError. Please ensure the model container for variant AllTraffic "
        "starts correctly when invoked with 'docker run <image> serve'",
    ),
    "Failed: AWS has no such instance": EndpointFailed(
        "rooms",
        "Failed",
        "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity "
        "error. Please retry using a different ML instance type or after some time.",
    ),
    "Failed: the image": EndpointFailed(
        "rooms",
        "Failed",
        "Please make sure all images included in the model for the production variant AllTraffic "
        "exist, and that the execution role used to create the model has permissions to access "
        "them.",
    ),
    "Failed: the model's file": EndpointFailed(
        "rooms",
        "Failed",
        'Failed to download model data for container "container_1" from URL: '
        '"s3://plans/rooms/1.0.tar.gz". Please ensure that there is an object located at the URL '
        "and that the role passed to CreateModel has permissions to download the object.",
    ),
    "Failed: the model's file is no .tar.gz": EndpointFailed(
        "rooms",
        "Failed",
        'Failed to extract model data archive from URL "s3://plans/rooms/1.0.tar.gz". Please '
        "ensure that the object located at the URL is a valid tar.gz archive.",
    ),
    "Failed: something else": EndpointFailed("rooms", "Failed", "Request to service failed."),
    "RollingBack": EndpointFailed("rooms", "RollingBack", ""),
    "UpdateRollbackFailed": EndpointFailed("rooms", "UpdateRollbackFailed", ""),
    "The endpoint went back": EndpointFailed(
        "rooms",
        "InService",
        "SageMaker went back to the configuration of before, rooms-1-0",
    ),
    "Somebody deleted it": EndpointFailed("rooms", "gone", ""),
    "OutOfService": EndpointFailed("rooms", "OutOfService", ""),
    "SystemUpdating": EndpointFailed("rooms", "SystemUpdating", ""),
    "Deleting": EndpointFailed("rooms", "Deleting", ""),
    "Creating, and the time to wait is over": WaitTimeout("rooms", 1800, "Creating"),
    "Updating, and the time to wait is over": WaitTimeout("rooms", 3600, "Updating"),
}
CASES = {
    "Credentials and permissions": ACCESS,
    "Quotas and throttling": LIMITS,
    "The image": IMAGES,
    "The role and the model's file": ROLE_AND_MODEL,
    "Region and network": PLACES,
    "Two changes at once": IN_USE,
    "Invocations": INVOKING,
}
