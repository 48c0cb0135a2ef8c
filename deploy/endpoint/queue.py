# SPDX-License-Identifier: AGPL-3.0-or-later
"""A request to an endpoint with a queue: put into S3, announced, its answer taken from there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from deploy.aws.api import OCTETS, Reply
from deploy.aws.errors import AnswerTimeout
from deploy.aws.s3 import fetch
from serving.polling import poll

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.aws.api import AwsApi

_FIRST_POLL_S, _LAST_POLL_S = 0.2, 5.0
_SAY_AGAIN_S = 60.0
# What a failure's file has: the container's own answer, or that in the words of ModelError.
_STATUSES = {
    "invalid_file_format": HTTPStatus.BAD_REQUEST,
    "validation_error": HTTPStatus.BAD_REQUEST,
    "file_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "processing_failed": HTTPStatus.INTERNAL_SERVER_ERROR,
}
_FROM_CONTAINER = re.compile(
    r"Received (?:client|server) error \((?P<status>\d{3})\) from \S+ with message "
    r"\"(?P<body>.*)\"(?:\. See .*)?\.?\s*",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class AsyncInvocation:
    """A request in the queue.

    Attributes:
        endpoint: Whose.
        output: S3 address that the answer will have.
        failure: Or what came of it instead; empty if the endpoint names no place for that.
        inference_id: SageMaker's name of it, which logs have.
    """

    endpoint: str
    output: str
    failure: str
    inference_id: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where something of it may lie."""
        return tuple(filter(None, (self.output, self.failure)))


def send(
    account: AwsApi,
    endpoint: str,
    address: str,
    *,
    attributes: str = "",
    invocation_timeout_s: int | None = None,
) -> AsyncInvocation:
    """Put a file that lies in S3 into the queue of an endpoint.

    Args:
        account: Whom to ask.
        endpoint: Its name.
        address: Of the file.
        attributes: Custom attributes, which reach the container.
        invocation_timeout_s: How long it may be worked on; None for SageMaker's own, 900.

    Raises:
        AwsError: If SageMaker does not take it.
    """
    params: dict[str, Any] = {
        "EndpointName": endpoint, "InputLocation": address, "ContentType": OCTETS,
    }  # fmt: skip
    if attributes:
        params["CustomAttributes"] = attributes
    if invocation_timeout_s:
        params["InvocationTimeoutSeconds"] = invocation_timeout_s
    found = account.call("sagemaker-runtime", "invoke_endpoint_async", params)
    return AsyncInvocation(
        endpoint,
        found["OutputLocation"],
        found.get("FailureLocation", ""),
        found.get("InferenceId", ""),
    )


def look(account: AwsApi, invocation: AsyncInvocation) -> Reply | None:
    """What came of a request so far; None if nothing.

    Raises:
        AwsError: If S3 refuses.
    """
    answer = fetch(account, invocation.output)
    if answer is not None:
        return Reply(HTTPStatus.OK, answer)
    failure = fetch(account, invocation.failure) if invocation.failure else None
    return None if failure is None else read_failure(failure)


def read_failure(content: bytes) -> Reply:
    """A failure's file as the reply that it would have been at once.

    Args:
        content: The container's answer in SageMaker's words, or SageMaker's own reason.
    """
    text = content.decode(errors="replace")
    found = _FROM_CONTAINER.fullmatch(text.strip())
    if found:
        return Reply(int(found["status"]), found["body"].encode(), code="ModelError")
    status = status_of(text)
    if status:
        return Reply(status, content, code="ModelError")
    return Reply(0, content, failure=text, code="InferenceFailed")


def status_of(text: str) -> int:
    """The status that an error of the container has (docs/api.md); 0 if it is none of those."""
    try:
        return _STATUSES.get(json.loads(text)["error"], 0)
    except (ValueError, KeyError, TypeError):
        return 0


def wait(
    account: AwsApi,
    invocation: AsyncInvocation,
    timeout_s: float,
    sleep: Callable[[float], None],
    say: Callable[[str], None],
) -> Reply:
    """What came of a request.

    Raises:
        AwsError: If S3 refuses.
        AnswerTimeout: If nothing comes in time; it may still come.
    """
    said_s = 0.0
    for waited_s in poll(timeout_s, _FIRST_POLL_S, _LAST_POLL_S, sleep=sleep):
        reply = look(account, invocation)
        if reply is not None:
            return reply
        if waited_s - said_s >= _SAY_AGAIN_S:
            say(f"  no answer after {waited_s:.0f} s; an instance may have to start first")
            said_s = waited_s
    raise AnswerTimeout(invocation.endpoint, timeout_s, invocation.output)
