# SPDX-License-Identifier: AGPL-3.0-or-later
"""A request to an endpoint with a queue: put into S3, announced, its answer taken from there."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from deploy.endpoint.release import split_address
from deploy.errors import AnswerTimeout, AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.aws import Reply

_OCTETS = "application/octet-stream"
_FIRST_POLL_S, _LAST_POLL_S, _POLL_GROWTH = 0.2, 5.0, 1.3
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


class Account(Protocol):
    """Asks AWS; :class:`deploy.aws.AwsAccount` does."""

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The answer of a call; None if what it names is not there."""
        ...

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer of a call."""
        ...


@dataclass(frozen=True, slots=True)
class Ticket:
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


def put(account: Account, address: str, body: bytes, content_type: str = _OCTETS) -> None:
    """Store a file.

    Raises:
        AwsError: If S3 does not take it.
    """
    bucket, key = split_address(address)
    params = {"Bucket": bucket, "Key": key, "Body": body, "ContentType": content_type}
    account.call("s3", "put_object", params)


def discard(account: Account, *addresses: str) -> None:
    """Remove files; those that are not there are nothing to remove.

    Raises:
        AwsError: If S3 refuses.
    """
    for address in addresses:
        bucket, key = split_address(address)
        account.call("s3", "delete_object", {"Bucket": bucket, "Key": key})


def tidy(account: Account, address: str) -> None:
    """Remove a file that is of no more use; if that fails, its answer is worth more."""
    try:
        discard(account, address)
    except AwsError as err:
        print(f"warning: {address} is left: {err}", file=sys.stderr, flush=True)


def fetch(account: Account, address: str) -> bytes | None:
    """A file; None if it is not there.

    Raises:
        AwsError: If S3 refuses.
    """
    bucket, key = split_address(address)
    found = account.ask("s3", "get_object", {"Bucket": bucket, "Key": key})
    return None if found is None else found["Body"].read()


def send(
    account: Account,
    endpoint: str,
    address: str,
    *,
    attributes: str = "",
    invocation_timeout_s: int | None = None,
) -> Ticket:
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
        "EndpointName": endpoint, "InputLocation": address, "ContentType": _OCTETS,
    }  # fmt: skip
    if attributes:
        params["CustomAttributes"] = attributes
    if invocation_timeout_s:
        params["InvocationTimeoutSeconds"] = invocation_timeout_s
    found = account.call("sagemaker-runtime", "invoke_endpoint_async", params)
    return Ticket(
        endpoint,
        found["OutputLocation"],
        found.get("FailureLocation", ""),
        found.get("InferenceId", ""),
    )


def look(account: Account, ticket: Ticket) -> Reply | None:
    """What came of a request so far; None if nothing.

    Raises:
        AwsError: If S3 refuses.
    """
    answer = fetch(account, ticket.output)
    if answer is not None:
        return _reply(HTTPStatus.OK, answer)
    failure = fetch(account, ticket.failure) if ticket.failure else None
    return None if failure is None else read_failure(failure)


def read_failure(content: bytes) -> Reply:
    """A failure's file as the reply that it would have been at once.

    Args:
        content: The container's answer in SageMaker's words, or SageMaker's own reason.
    """
    text = content.decode(errors="replace")
    found = _FROM_CONTAINER.fullmatch(text.strip())
    if found:
        return _reply(int(found["status"]), found["body"].encode(), code="ModelError")
    status = status_of(text)
    if status:
        return _reply(status, content, code="ModelError")
    return _reply(0, content, failure=text, code="InferenceFailed")


def _reply(status: int, body: bytes, **more: str) -> Reply:
    from deploy.aws import Reply  # noqa: PLC0415  # boto3, which whoever only plans has not

    return Reply(status, body, **more)


def status_of(text: str) -> int:
    """The status that an error of the container has (docs/api.md); 0 if it is none of those."""
    try:
        return _STATUSES.get(json.loads(text)["error"], 0)
    except (ValueError, KeyError, TypeError):
        return 0


def wait(
    account: Account,
    ticket: Ticket,
    timeout_s: float,
    sleep: Callable[[float], None],
    say: Callable[[str], None],
) -> Reply:
    """What came of a request.

    Raises:
        AwsError: If S3 refuses.
        AnswerTimeout: If nothing comes in time; it may still come.
    """
    started_s = said_s = time.monotonic()
    pause_s = _FIRST_POLL_S
    while True:
        reply = look(account, ticket)
        if reply is not None:
            return reply
        now_s = time.monotonic()
        if now_s - started_s > timeout_s:
            raise AnswerTimeout(ticket.endpoint, now_s - started_s, ticket.output)
        if now_s - said_s >= _SAY_AGAIN_S:
            say(f"  no answer after {now_s - started_s:.0f} s; an instance may have to start first")
            said_s = now_s
        sleep(pause_s)
        pause_s = min(pause_s * _POLL_GROWTH, _LAST_POLL_S)
