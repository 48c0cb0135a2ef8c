# SPDX-License-Identifier: AGPL-3.0-or-later
"""Calls and answers in AWS's JSON protocol 1.1, each checked against botocore's service model."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import OperationNotFoundError, ServiceModel
from botocore.validate import ParamValidator

from sagemaker_local.constraints import violations
from sagemaker_local.refusal import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import Shape, StructureShape

JSON = "application/x-amz-json-1.1"
_MOST_SHOWN = 5


class ProtocolError(Exception):
    """An answer of ours is not what the service model says: a bug."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@cache
def service_model(name: str) -> ServiceModel:
    """The model that botocore has of a service."""
    return botocore.session.get_session().get_service_model(name)


def input_shape(service: str, operation: str) -> StructureShape:
    """The parameters of a call.

    Raises:
        OperationNotFoundError: If there is no such call.
    """
    shape = service_model(service).operation_model(operation).input_shape
    assert shape  # each of SageMaker's calls has parameters
    return shape


def parse_call(operation: str, body: bytes) -> dict[str, Any]:
    """The parameters of a control call.

    Raises:
        Refusal: If there is no such call, or its parameters do not fit the service model.
    """
    try:
        shape = input_shape("sagemaker", operation)
    except OperationNotFoundError as err:
        raise Refusal("UnknownOperationException", f"SageMaker has no {operation}") from err
    try:
        given = json.loads(body or b"{}")
    except ValueError as err:
        raise Refusal("SerializationException", f"the body is no JSON: {err}") from err
    if not isinstance(given, dict):
        raise Refusal("SerializationException", "the body is no JSON object")
    check(given, shape)
    return given


def check(given: Mapping[str, Any], shape: Shape) -> None:
    """Compare parameters with the service model.

    Raises:
        Refusal: If they do not fit.
    """
    report = ParamValidator().validate(given, shape)
    if report.has_errors():
        raise invalid(report.generate_report())
    found = list(violations(given, shape))
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
        raise invalid(count + "; ".join(found[:_MOST_SHOWN]))


def render_answer(operation: str, answer: Mapping[str, Any]) -> Response:
    """An answer as it is sent.

    Raises:
        ProtocolError: If it does not fit the service model.
    """
    shape = service_model("sagemaker").operation_model(operation).output_shape
    if shape is None:
        if answer:
            raise ProtocolError(f"{operation} answers nothing, not {answer}")
        return Response(HTTPStatus.OK, b"", _headers())
    report = ParamValidator().validate(answer, shape)
    problems = [report.generate_report()] if report.has_errors() else []
    problems += list(violations(answer, shape)) if not problems else []
    if problems:
        raise ProtocolError(f"the answer to {operation} is malformed: {'; '.join(problems)}")
    return Response(HTTPStatus.OK, json.dumps(answer, default=_timestamp).encode(), _headers())


def render_refusal(refusal: Refusal) -> Response:
    """An error as it is sent."""
    content = {"__type": refusal.code, "message": refusal.message, **refusal.fields}
    return Response(refusal.status, json.dumps(content).encode(), _headers())


def render_unknown(message: str, *, is_json: bool) -> tuple[bytes, int, dict[str, str]]:
    """An error of a call that is not served here, in the form of its service."""
    if is_json:
        answer = render_refusal(Refusal("UnknownOperationException", message))
        return answer.body, answer.status, dict(answer.headers)
    error = f"<Error><Code>InvalidAction</Code><Message>{escape(message)}</Message></Error>"
    body = f"<ErrorResponse>{error}<RequestId>{request_id()}</RequestId></ErrorResponse>"
    return body.encode(), HTTPStatus.BAD_REQUEST, {"Content-Type": "text/xml"}


def render_failure(err: Exception) -> Response:
    """A bug of ours, in AWS's form, so that whoever called sees it."""
    content = {"__type": "InternalFailure", "message": f"{type(err).__name__}: {err}"}
    return Response(HTTPStatus.INTERNAL_SERVER_ERROR, json.dumps(content).encode(), _headers())


def request_id() -> str:
    return str(uuid.uuid4())


def _headers() -> dict[str, str]:
    return {"Content-Type": JSON, "x-amzn-RequestId": request_id()}


def _timestamp(value: object) -> float:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return value.timestamp()
