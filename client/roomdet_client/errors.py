# SPDX-License-Identifier: AGPL-3.0-or-later
"""What can go wrong.

::

    ClientError
    ├── ServerUnreachable         no answer came
    │   └── AnswerTimeout         … in time
    ├── CredentialsRefused        AWS does not know who asks
    ├── RequestRefused            the server answered with an error; status, code, message, details
    │   ├── InvalidFileFormat     400 invalid_file_format
    │   ├── ValidationError       400 validation_error
    │   ├── FileTooLarge          413
    │   ├── ProcessingFailed      500 processing_failed
    │   ├── ServerBusy            429 and 503: the queue is full, or AWS throttles
    │   └── WorkerDied            500 and 507 of TorchServe
    ├── NoAnswerForm              the answer has not the documented form
    ├── PlanUnreadable            a file is not there, or cannot be read here
    ├── PayloadTooLarge           a plan cannot be made small enough to be sent
    └── MissingDependency         what was asked for needs a package that is not installed
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class ClientError(Exception):
    """Anything this package raises on purpose."""


class ServerUnreachable(ClientError):
    """No answer came: nothing listens there, or the connection broke."""


class AnswerTimeout(ServerUnreachable):
    """No answer came in time; the server may still be at work on it."""


class CredentialsRefused(ClientError):
    """AWS found no credentials, or does not take them."""


class NoAnswerForm(ClientError):
    """The server answered with success, but not in the documented form."""


class PlanUnreadable(ClientError):
    """A file is not there, is damaged, or is of a kind that is not read here."""


class PayloadTooLarge(ClientError):
    """A plan cannot be made small enough to be sent without losing what the detector looks at."""


class MissingDependency(ClientError):
    """What was asked for needs a package that is not installed.

    Args:
        what: What was asked for.
        extra: Which extra of ``roomdet-client`` brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more: pip install 'roomdet-client[{extra}]'")


class RequestRefused(ClientError):
    """The server answered with an error.

    Args:
        status: HTTP status of the server itself, also behind a SageMaker endpoint.
        code: One of the API's codes, such as ``file_too_large``; or the error type of TorchServe,
            which answers some failures in its own form (docs/api.md); or AWS's code.
        message: Why.
        details: What the detector adds for programs, such as ``request_id``.
    """

    def __init__(
        self, status: int, code: str, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = dict(details or {})


class InvalidFileFormat(RequestRefused):
    """The file is empty, damaged, encrypted or of a kind that is not read."""


class ValidationError(RequestRefused):
    """An option is unknown or out of range, or the file has no such page."""


class FileTooLarge(RequestRefused):
    """The file has too many bytes, pixels or pages."""


class ProcessingFailed(RequestRefused):
    """Something broke in the detector; ``details["request_id"]`` finds it in the server's log."""


class ServerBusy(RequestRefused):
    """The queue is full, there is no worker, or AWS throttles: try again later."""


class WorkerDied(RequestRefused):
    """The worker ended while it had this request, or took longer than it may."""


_BY_CODE: dict[str, type[RequestRefused]] = {
    "invalid_file_format": InvalidFileFormat,
    "validation_error": ValidationError,
    "file_too_large": FileTooLarge,
    "processing_failed": ProcessingFailed,
    "ModelNotReadyException": ServerBusy,
    "ServiceUnavailable": ServerBusy,
    "Throttling": ServerBusy,
    "ThrottlingException": ServerBusy,
    "TooManyRequestsException": ServerBusy,
}
_BY_STATUS: dict[int, type[RequestRefused]] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: FileTooLarge,
    HTTPStatus.TOO_MANY_REQUESTS: ServerBusy,
    HTTPStatus.SERVICE_UNAVAILABLE: ServerBusy,
    HTTPStatus.INSUFFICIENT_STORAGE: WorkerDied,
}
# TorchServe's words (docs/api.md, Errors of TorchServe).
_WORKER_DIED = "Worker died."


def refused(
    status: int, code: str, message: str, details: Mapping[str, Any] | None = None
) -> RequestRefused:
    """The error of an answer, of the class that its code and status ask for."""
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, RequestRefused)
    if message == _WORKER_DIED:
        kind = WorkerDied
    return kind(status, code, message, details)
