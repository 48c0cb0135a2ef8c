# SPDX-License-Identifier: AGPL-3.0-or-later
"""deploy/aws.py against botocore's own models: no error of theirs is without an outcome of ours."""

from __future__ import annotations

import inspect
import re
import string
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import botocore.parsers
import botocore.session
import pytest
from botocore import xform_name
from botocore.retries.standard import ThrottledRetryableChecker

from deploy.aws import codes as aws_codes
from deploy.aws.advice import RULES, next_step
from deploy.aws.client import AwsAccount, translated
from deploy.aws.codes import api_name, resource_of
from deploy.aws.errors import AwsDenied, AwsError, aws_error
from deploy.errors import DeployError, NotFound, TagIsImmutable
from deploy.image.ecr import MAX_PART_BYTES
from tests.conftest import ROOT
from tests.contract.account_setup import environ
from tests.contract.aws_failures import CREDENTIALS
from tests.contract.aws_server import REQUEST_ID, Answer, serve_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

ECR_CALLS = (
    "BatchGetImage", "GetDownloadUrlForLayer", "PutImage", "BatchCheckLayerAvailability",
    "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "GetAuthorizationToken",
)  # fmt: skip
# What `python -m deploy` calls.
CALLS = {
    "s3": ("head_object", "get_object", "put_object", "delete_object", "copy_object",
           "list_objects_v2"),
    "sagemaker": (
        *[f"{verb}_{kind}" for verb in ("create", "describe", "delete")
          for kind in ("model", "endpoint_config", "endpoint")],
        "list_models", "list_endpoint_configs", "list_endpoints", "update_endpoint",
        "update_endpoint_weights_and_capacities", "list_tags", "add_tags",
        "create_transform_job", "describe_transform_job",
    ),
    "sagemaker-runtime": ("invoke_endpoint", "invoke_endpoint_async"),
    "ecr": ("batch_get_image", "describe_images"),
    "cloudwatch": (
        "put_metric_alarm", "describe_alarms", "delete_alarms", "list_tags_for_resource",
    ),
    "application-autoscaling": (
        "register_scalable_target", "deregister_scalable_target", "describe_scalable_targets",
        "put_scaling_policy", "delete_scaling_policy", "describe_scaling_policies",
    ),
    "logs": ("filter_log_events",),
    "sts": ("get_caller_identity",),
    "iam": ("get_role",),
}  # fmt: skip
# AWS's own reason is all there is to say: a parameter is refused, or this tool speaks wrongly.
SAID_BY_AWS = {
    "EmptyUploadException", "EncryptionTypeMismatch",
    "ImageDigestDoesNotMatchException",
    "InvalidLayerException", "InvalidLayerPartException", "InvalidObjectState", "InvalidNextToken",
    "InvalidNextTokenException", "InvalidParameterException", "InvalidParameterValue",
    "InvalidRequest",
    "InvalidWriteOffset", "KmsException", "LayerPartTooSmallException", "ModelError",
    "ReferencedImagesNotFoundException", "TooManyParts",
    "UnableToGetUpstreamImageException", "UnableToGetUpstreamLayerException",
    "UploadNotFoundException", "ValidationError", "ValidationException",
    "LayersNotFoundException", "LayerInaccessibleException", "ObjectNotInActiveTierError",
    "ImageTagAlreadyExistsException",
}  # fmt: skip
# No failure: what was to be written is there.
THERE = {"ImageAlreadyExistsException", "LayerAlreadyExistsException"}
SESSION = botocore.session.get_session()
ECR = SESSION.get_service_model("ecr")
EXCEPTIONS = {
    name: kind
    for name, kind in vars(botocore.exceptions).items()
    if inspect.isclass(kind) and issubclass(kind, Exception) and not issubclass(kind, Warning)
}


def declared() -> Iterator[tuple[str, str]]:
    """Every call of ours with every code that its service declares for it."""
    for service, operations in CALLS.items():
        model = SESSION.get_service_model(service)
        names = [api_name(operation) for operation in operations]
        for name in [*names, *(ECR_CALLS if service == "ecr" else ())]:
            for shape in model.operation_model(name).error_shapes:
                yield name, shape.metadata.get("error", {}).get("code", shape.name)


def made(kind: Any) -> Exception:
    """An exception of botocore's, with something for every field of its message."""
    if issubclass(kind, botocore.exceptions.ClientError):
        return kind({"Error": {"Code": "Some", "Message": "why"}}, "CreateModel")  # type: ignore[no-any-return]
    if kind is botocore.exceptions.WaiterError:
        return kind(name="x", reason="why", last_response={})
    template = getattr(kind, "fmt", "")
    fields = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    return kind(**dict.fromkeys(fields, "x"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_every_exception_of_botocore_becomes_ours(name: str) -> None:
    """With its own message, and its name or AWS's code."""
    original = made(EXCEPTIONS[name])

    with pytest.raises(AwsError) as caught, translated("CreateModel", {"ModelName": "rooms-1"}):
        raise original

    is_answer = isinstance(original, botocore.exceptions.ClientError)
    assert ("Some" if is_answer else name) == caught.value.code
    said = "why" if is_answer else " ".join(str(original).split())
    assert f"CreateModel of model rooms-1: {caught.value.code}: {said}" in str(caught.value)


def test_a_page_of_a_proxys_is_no_answer() -> None:
    """The parser of botocore raises an exception of no family of its own."""
    text = "Unable to parse response (syntax error: line 1, column 0), invalid XML received"

    with (
        pytest.raises(AwsError, match=r"^GetRole: ResponseParserError: Unable"),
        translated("GetRole"),
    ):
        raise botocore.parsers.ResponseParserError(text)


def test_what_is_about_credentials_is_denied() -> None:
    """Whichever source of them it is that botocore asks."""
    about = {name for name in EXCEPTIONS if re.search("Credential|AuthToken|SSO|Login|MFA", name)}
    about -= {"UnknownCredentialError"}  # a mistake in the source code of who calls

    assert about <= aws_codes.DENIED
    assert isinstance(aws_error("x", "NoCredentialsError", ""), AwsDenied)


def test_names_of_exceptions_exist() -> None:
    """A misspelled one would never be met; AWS's codes are no exceptions of botocore's."""
    ours = set().union(*(rule.codes for rule in RULES)) | aws_codes.DENIED
    looks_like_one = {code for code in ours if code.endswith("Error")}

    # Codes of S3, of CloudWatch and of SageMaker's runtime, and one of Python's.
    assert looks_like_one - set(EXCEPTIONS) == {
        "InternalError", "InternalServiceError", "ModelError", "ValueError",
    }  # fmt: skip


def test_throttling_is_what_botocore_takes_for_it() -> None:
    """Except for a quota, which has advice of its own."""
    codes = set(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"])

    assert codes - aws_codes.QUOTA == aws_codes.THROTTLED


@pytest.mark.parametrize(("call", "code"), sorted(set(declared())))
def test_every_declared_code_has_an_outcome(call: str, code: str) -> None:
    """Advice; or AWS's reason is enough; or it is no failure."""
    error = aws_error(call, code, "why")

    assert isinstance(error, DeployError)
    assert str(error).startswith(f"{call}: {code}: why")
    assert bool(error.advice) != (code in SAID_BY_AWS | THERE)


def test_codes_without_advice_are_declared() -> None:
    """No name stands in these lists in vain."""
    assert {code for _, code in declared()} >= SAID_BY_AWS | THERE


def test_codes_that_ecr_shares_with_registries() -> None:
    """Each becomes the error that another registry would lead to."""
    kinds = {code: type(aws_error("", code, "")) for _, code in declared()}

    assert {code for code, kind in kinds.items() if issubclass(kind, NotFound)} == {
        "RepositoryNotFoundException", "LayersNotFoundException", "LayerInaccessibleException",
        "ImageNotFoundException",
    }  # fmt: skip
    assert [code for code, kind in kinds.items() if issubclass(kind, TagIsImmutable)] == [
        "ImageTagAlreadyExistsException"
    ]
    assert "ImageNotFound" in ECR.shape_for("ImageFailureCode").metadata["enum"]


def test_no_call_is_forgotten() -> None:
    """What the source names, and a service knows, is in the table above."""
    models = [SESSION.get_service_model(service) for service in CALLS]
    known = {xform_name(name) for model in models for name in model.operation_names}
    source = "".join(
        path.read_text("utf-8")
        for folder in ("endpoint", "batch")
        for path in (ROOT / "deploy" / folder).glob("*.py")
    )
    named = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', source)) & known

    assert len(named) > 20
    assert named <= {operation for operations in CALLS.values() for operation in operations}


def test_limits_are_those_of_the_model() -> None:
    """ECR takes no larger part of a layer."""
    assert ECR.shape_for("LayerPartBlob").metadata["max"] == MAX_PART_BYTES


@pytest.mark.parametrize("service", CALLS)
def test_calls_are_named_as_aws_does(service: str) -> None:
    """Such as in its policies and in CloudTrail."""
    with environ({}):
        client = AwsAccount("eu-central-1")._client(service)

    for operation in CALLS[service]:
        assert client.meta.method_to_api_mapping[operation] == api_name(operation)


@pytest.mark.parametrize(
    ("params", "resource"),
    [
        pytest.param({}, "", id="nothing"),
        pytest.param({"Bucket": "b", "Key": "k/1"}, "s3://b/k/1", id="object"),
        pytest.param({"AlarmNames": ["a", "b"]}, "alarms a, b", id="alarms"),
        pytest.param(
            {"EndpointConfigName": "c", "EndpointName": "e"},
            "endpoint e, endpoint configuration c",
            id="two",
        ),
        pytest.param({"AlarmNames": [], "Tags": []}, "", id="empty"),
    ],
)
def test_what_a_call_is_about(params: dict[str, Any], resource: str) -> None:
    """It is read from the parameters."""
    assert resource_of(params) == resource


def test_the_region_of_a_bucket_is_told() -> None:
    """Where S3 names it."""
    advice = next_step("PutObject", "AuthorizationHeaderMalformed", "…; expecting 'eu-west-1'")

    assert "--set region=eu-west-1" in advice
    assert "another region" in next_step("HeadObject", "301", "Moved Permanently")


def test_two_that_begin_the_same_job_are_told() -> None:
    """SageMaker's word for it means another thing elsewhere."""
    taken = "a job with this name already exists (arn:aws:sagemaker:a:1:transform-job/rooms-a-001)"
    assert "submit" in next_step("CreateTransformJob", "ResourceInUse", taken)
    assert "submit" not in next_step("DeleteModel", "ResourceInUse", "it is used")


def test_all_pages_are_read() -> None:
    """Each is asked for with the token of the one before."""
    first = {"Models": [{"ModelName": "a"}], "NextToken": "more"}
    last = {"Models": [{"ModelName": "b"}]}
    asked: list[tuple[str, bytes]] = []
    answers = [Answer(200, fields=first), Answer(200, fields=last)]
    with environ(CREDENTIALS), serve_aws(answers, asked) as url:
        found = AwsAccount("eu-central-1", url).pages("sagemaker", "list_models", {}, "Models")

    assert ["a", "b"] == [model["ModelName"] for model in found]
    assert [("ListModels", b"{}"), ("ListModels", b'{"NextToken": "more"}')] == asked


def test_a_body_that_breaks_off_is_an_error_of_ours() -> None:
    """It is received within the call, so that no exception of botocore's comes later."""
    broken = {"Content-Length": "7", "Body": b"mod"}
    with environ(CREDENTIALS), serve_aws([Answer(200, fields=broken)]) as url:
        account = AwsAccount("eu-central-1", url)
        with pytest.raises(AwsError, match=r"GetObject of s3://plans/1: \w+Error"):
            account.call("s3", "get_object", {"Bucket": "plans", "Key": "1"})
        with serve_aws([Answer(200, fields={"Body": b"model"})]) as whole:
            found = AwsAccount("eu-central-1", whole).call(
                "s3", "get_object", {"Bucket": "plans", "Key": "1"}
            )

    assert found["Body"].read() == b"model"


def test_an_invocation_is_sent_once() -> None:
    """A retry would hide the status, which the caller judges; the id of the request is kept."""
    asked: list[tuple[str, bytes]] = []
    answers = [Answer(503, "ServiceUnavailable", "no")]
    with environ(CREDENTIALS), serve_aws(answers, asked) as url:
        reply = AwsAccount("eu-central-1", url).invoke("rooms", b"plan")

    assert len(asked) == 1
    assert (503, "ServiceUnavailable", REQUEST_ID) == (reply.status, reply.code, reply.request_id)


def test_an_address_that_is_none() -> None:
    """It is an error with advice, not a trace."""
    with environ({"AWS_ENDPOINT_URL": "nonsense"}), pytest.raises(AwsError) as caught:
        AwsAccount("eu-central-1").call("sts", "get_caller_identity", {})

    assert "Correct --endpoint-url or AWS_ENDPOINT_URL" in str(caught.value)
