# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why a job has no answer for a plan, out of the log that SageMaker keeps of it.

A job writes no file for a plan that its container refuses; it goes on with the others and is Failed
in the end (API reference, TransformOutput). The container's answer stands in the stream `data-log`
of the log group of transform jobs alone, in lines as users quote them
(aws/sagemaker-tensorflow-serving-container#93, aws/amazon-sagemaker-examples#1620):

    …T23:56:26.572:[sagemaker logs]: bucket/key: Bad HTTP status received from algorithm: 500
    …T23:56:26.573:[sagemaker logs]: bucket/key:
    …T23:56:26.573:[sagemaker logs]: bucket/key: Message:
    …T23:56:26.573:[sagemaker logs]: bucket/key: {"error": …}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from deploy.aws_codes import is_absent
from deploy.errors import AwsError
from roomdet_client.answers import parse_refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deploy.batch.files import Account

LOG_GROUP = "/aws/sagemaker/TransformJobs"
_LINE = re.compile(r"\S*\[sagemaker logs\]: (?P<object>[^:\s]+): ?(?P<text>.*)")
_STATUS = re.compile(r"(?:ClientError|Bad HTTP status received from algorithm): (?P<status>\d{3})")
_TOO_LARGE = re.compile(r"max payload|payload size", re.IGNORECASE)
_BODY = "Message:"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a plan has no answer.

    Attributes:
        status: HTTP status of the container; 0 if it was not asked or gave none.
        code: One of the API's, or ``unknown``.
        message: Why.
    """

    status: int
    code: str
    message: str

    @property
    def is_final(self) -> bool:
        """Whether the plan is to blame: the same is answered however often it is sent."""
        is_refused = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return is_refused or self.code == "file_too_large"

    def entry(self, file: str) -> dict[str, str]:
        """The line of a file in the result, as JSON."""
        return {"file": file, "status": "error", "error": self.code, "message": self.message}


def read_failures(account: Account, job: str) -> dict[str, Failure]:
    """The failures of a job by the last part of the object's key.

    Raises:
        AwsError: If the log cannot be read.
    """
    params = {
        "logGroupName": LOG_GROUP,
        "logStreamNamePrefix": f"{job}/",
        "filterPattern": '"[sagemaker logs]"',
    }
    try:
        events: list[Any] = account.pages("logs", "filter_log_events", params, "events")
    except AwsError as err:
        if is_absent(err.code, err.reason):  # nothing was ever logged
            return {}
        raise
    return parse_failures(str(event["message"]) for event in events)


def parse_failures(messages: Iterable[str]) -> dict[str, Failure]:
    """The failures that lines of the log tell of, by the last part of the object's key."""
    lines: dict[str, list[str]] = {}
    for message in messages:
        for line in message.splitlines():
            found = _LINE.fullmatch(line)
            if found:
                key = found["object"].rpartition("/")[2]
                lines.setdefault(key, []).append(found["text"])
    return {key: _failure(texts) for key, texts in lines.items()}


def _failure(texts: list[str]) -> Failure:
    """Of a plan that was tried again the last try counts."""
    starts = [number for number, text in enumerate(texts) if _STATUS.fullmatch(text)]
    texts = texts[starts[-1] :] if starts else texts
    found = _STATUS.fullmatch(texts[0])
    if found is None:
        reason = " ".join(filter(None, texts))
        return Failure(0, "file_too_large" if _TOO_LARGE.search(reason) else "unknown", reason)
    status = int(found["status"])
    body = "\n".join(texts[texts.index(_BODY) + 1 :]) if _BODY in texts else ""
    refused = parse_refusal(status, body.encode())
    return Failure(status, refused.code, refused.message)
