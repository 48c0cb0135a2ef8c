# SPDX-License-Identifier: AGPL-3.0-or-later
"""InvokeEndpoint: limits, the way to a server, and its errors in SageMaker's wrapping."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.validate import ParamValidator

from deploy.contract.answers import ATTRIBUTES
from sagemaker_local.constraints import violations
from sagemaker_local.fleets import Share, choose
from sagemaker_local.protocol import (
    ProtocolError,
    Response,
    input_shape,
    request_id,
    service_model,
)
from sagemaker_local.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import Shape

    from deploy.contract.answers import Answer
    from sagemaker_local.backend import Backend
    from sagemaker_local.fleets import Fleet, Variant
    from sagemaker_local.records import Endpoint, Region

MAX_BYTES = 6_291_456  # botocore's model of InvokeEndpoint, Body
MAX_SERVERLESS_BYTES = 4 * 2**20  # developer guide, invoke a serverless endpoint
TIMEOUT_S = 60.0
TOO_LONG = (
    "Your invocation timed out while waiting for a response from container primary. Review the "
    "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)
READY = {"InService", "Updating", "RollingBack", "UpdateRollbackFailed"}
# What of a request reaches the container, beside the body.
_FORWARDED = ("Content-Type", "Accept", ATTRIBUTES, "X-Amzn-SageMaker-Inference-Id",
              "X-Amzn-SageMaker-Target-Variant")  # fmt: skip
_SERVER_ERROR = 500
_CLIENT_ERROR = 400


@dataclass(frozen=True, slots=True)
class Invocation:
    """One request.

    Attributes:
        name: Of the endpoint.
        body: Its body.
        headers: Names in any case.
    """

    name: str
    body: bytes
    headers: Mapping[str, str]

    def given(self) -> dict[str, str]:
        """The headers that reach a container, as they are called there."""
        lower = {name.lower(): value for name, value in self.headers.items()}
        return {name: lower[name.lower()] for name in _FORWARDED if lower.get(name.lower())}


class Runtime:
    """Answers invocations.

    Args:
        backend: Where the endpoints are.
    """

    def __init__(self, backend: Backend, timeout_s: float = TIMEOUT_S) -> None:
        self._backend = backend
        self._timeout_s = timeout_s
        self._shares: dict[str, Share] = {}
        self._turns: dict[str, int] = {}

    def invoke(self, region: Region, request: Invocation) -> Response:
        """Answer one invocation.

        Raises:
            Refusal: If SageMaker refuses it, or the container answers with an error.
        """
        endpoint, live = find_live(region, request.name)
        if live.asynchronous is not None:
            raise refused(f"Endpoint {request.name} is asynchronous; it takes InvokeEndpointAsync.")
        header_params("InvokeEndpoint", request)
        variant = self._choose(endpoint, request)
        _check_size(request, variant)
        assert variant.server  # only asynchronous ones are without
        if not variant.enter():
            # amazon-kinesis-video-streams-parser-library#187: status 400, and no message.
            raise Refusal("ThrottlingException", None)
        try:
            answer = variant.server.send(request.body, request.given(), self._timeout_s)
        finally:
            variant.leave()
        self._count(endpoint, variant, answer)
        if not answer.is_success:
            raise _failure(answer, endpoint, region, variant)
        return _success(answer, variant)

    def _choose(self, endpoint: Endpoint, request: Invocation) -> Variant:
        """The variant whose turn it is; a target is taken as it is."""
        with endpoint.lock:
            live, coming, percent = endpoint.live, endpoint.coming, endpoint.share_percent
            self._turns[endpoint.arn] = turn = self._turns.get(endpoint.arn, 0) + 1
            share = self._shares.setdefault(endpoint.arn, Share())
        assert live
        fleet: Fleet = coming if coming and share.takes(percent) else live
        target = request.given().get("X-Amzn-SageMaker-Target-Variant", "")
        if not target:
            return choose(fleet, turn)
        variant = fleet.variant(target)
        if variant is None:
            raise refused(f"Variant {target} is not found in endpoint {endpoint.name}.")
        return variant

    def _count(self, endpoint: Endpoint, variant: Variant, answer: Answer) -> None:
        counts = {
            "Invocations": 1.0,
            "Invocation4XXErrors": float(answer.is_refusal),
            "Invocation5XXErrors": float(answer.status >= _SERVER_ERROR or not answer.status),
            "InvocationModelErrors": float(not answer.is_success),
            "ModelLatency": answer.seconds * 1e6,
        }
        self._backend.metrics.record(endpoint.region, endpoint.name, variant.name, counts)


def refused(message: str, status: int = _CLIENT_ERROR, **fields: Any) -> Refusal:
    """What the runtime says of a request that no container has seen."""
    return Refusal("ValidationError", message, status, **fields)


def render_refusal(refusal: Refusal) -> Response:
    """An error as the runtime sends it."""
    content = {"Message": refusal.message, **refusal.fields}
    headers = {
        "Content-Type": "application/json",
        "x-amzn-ErrorType": f"{refusal.code}:http://internal.amazon.com/coral/com.amazon.sagemaker/",
        "x-amzn-RequestId": request_id(),
    }
    return Response(refusal.status, json.dumps(content).encode(), headers)


def find_live(region: Region, name: str) -> tuple[Endpoint, Fleet]:
    """An endpoint that serves, and what of it does.

    Raises:
        Refusal: If there is none.
    """
    endpoint = region.endpoints.get(name)
    if endpoint is None or endpoint.live is None or endpoint.status not in READY:
        message = f"Endpoint {name} of account {region.account} not found."
        raise refused(message, ErrorCode="NO_SUCH_ENDPOINT")
    return endpoint, endpoint.live


def header_params(operation: str, request: Invocation) -> dict[str, Any]:
    """Parameters of a runtime call by name.

    Raises:
        Refusal: If they do not fit the service model.
    """
    shape = input_shape("sagemaker-runtime", operation)
    lower = {name.lower(): value for name, value in request.headers.items()}
    given: dict[str, Any] = {"EndpointName": request.name, "Body": request.body}
    for name, member in shape.members.items():
        text = lower.get(member.serialization.get("name", "").lower())
        if member.serialization.get("location") == "header" and text:
            given[name] = int(text) if _is_number(member, text) else text
    report = ParamValidator().validate(given, shape)
    found = [report.generate_report()] if report.has_errors() else list(violations(given, shape))
    if found:
        raise refused(f"{len(found)} validation error detected: {'; '.join(found)}")
    return given


def _is_number(member: Shape, text: str) -> bool:
    return member.type_name == "integer" and text.isascii() and text.isdecimal()


def _check_size(request: Invocation, variant: Variant) -> None:
    size = len(request.body)
    if variant.serverless and size > MAX_SERVERLESS_BYTES:  # aws/sagemaker-python-sdk#4271
        raise refused(f"Request {request_id()} has oversize body.")
    if size > MAX_BYTES:  # aws/sagemaker-python-sdk#171
        raise Refusal(
            "413",
            f"HTTP content length exceeded {MAX_BYTES} bytes.",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )


def _success(answer: Answer, variant: Variant) -> Response:
    """An answer as it is sent.

    Raises:
        ProtocolError: If it does not fit the service model.
    """
    given = {
        "ContentType": answer.headers.get("content-type", "application/octet-stream"),
        "InvokedProductionVariant": variant.name,
    }
    if attributes := answer.headers.get(ATTRIBUTES.lower()):
        given["CustomAttributes"] = attributes
    shape = service_model("sagemaker-runtime").operation_model("InvokeEndpoint").output_shape
    assert shape
    if found := list(violations({"Body": answer.body, **given}, shape)):
        raise ProtocolError(f"the container's answer is malformed: {'; '.join(found)}")
    headers = {shape.members[name].serialization["name"]: given[name] for name in given}
    return Response(HTTPStatus.OK, answer.body, headers | {"x-amzn-RequestId": request_id()})


def _failure(answer: Answer, endpoint: Endpoint, region: Region, variant: Variant) -> Refusal:
    is_timeout = "Timeout" in answer.failure
    if not answer.status and not is_timeout:
        return _unreachable(answer, variant)
    original = TOO_LONG if is_timeout else answer.body.decode("utf-8", errors="replace")
    whose = "client" if answer.is_refusal else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
    message = (
        f'Received {whose} error ({answer.status}) from primary with message "{original}". See '
        f"https://{region.name}.console.aws.amazon.com/cloudwatch/home?region={region.name}"
        f"#logEventViewer:group={group} in account {region.account} for more information."
    )
    return Refusal(
        "ModelError",
        message,
        HTTPStatus.FAILED_DEPENDENCY,
        ErrorCode=f"{whose.upper()}_ERROR_FROM_MODEL",
        OriginalStatusCode=answer.status,
        OriginalMessage=original,
        LogStreamArn=f"arn:aws:logs:{region.name}:{region.account}:log-group:{group}",
    )


def _unreachable(answer: Answer, variant: Variant) -> Refusal:
    """The server has gone: serverless hosting makes another one, an instance is restarted."""
    if variant.serverless:
        return Refusal(
            "ModelNotReadyException", "The model is not ready.", HTTPStatus.TOO_MANY_REQUESTS
        )
    return Refusal(
        "ServiceUnavailable", f"No answer: {answer.failure}", HTTPStatus.SERVICE_UNAVAILABLE
    )
