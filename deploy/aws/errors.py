# SPDX-License-Identifier: AGPL-3.0-or-later
"""What AWS says that is no answer, each with the next step.

DeployError (deploy/errors.py)
├── AwsError                 a call to AWS failed
│   ├── AwsDenied            … which is an AccessDenied, too
│   ├── AwsNotFound          … which is a NotFound, too
│   └── AwsTagIsImmutable    … which is a TagIsImmutable, too
├── EndpointFailed           an endpoint came into a state in which it does not go on
├── InvocationFailed         an endpoint answered a request with an error, or not at all
└── WaitTimeout              an endpoint is not there yet, and the time to wait is over
    └── AnswerTimeout        a request is in a queue, and the time to wait is over
"""

from __future__ import annotations

from deploy.aws.advice import next_step
from deploy.aws.codes import DENIED, MISSING
from deploy.aws.states import next_step_in
from deploy.errors import AccessDenied, DeployError, NotFound, TagIsImmutable


class AwsError(DeployError):
    """A call to AWS failed.

    Args:
        operation: AWS's name of the call, such as ``CreateModel``.
        code: AWS's code, such as ``ValidationException``, or the name of botocore's exception if
            no answer came.
        reason: What it said.
        resource: What the call was about, such as ``model rooms-1``; empty if unknown.
        request_id: AWS's id of the request; empty if no answer came.
    """

    def __init__(
        self, operation: str, code: str, reason: str, *, resource: str = "", request_id: str = ""
    ) -> None:
        self.operation, self.code = operation, code
        self.reason = " ".join(reason.split())
        self.resource, self.request_id = resource, request_id
        of = f" of {resource}" if resource else ""
        traced = f" [request {request_id}]" if request_id else ""
        self.advice = next_step(operation, code, self.reason)
        text = f"{operation}{of}: {f'{code}: ' if code else ''}{self.reason}{traced}"
        super().__init__(_with_advice(text, self.advice))


class AwsDenied(AwsError, AccessDenied):
    """AWS takes the credentials not at all, or not for this call."""


class AwsNotFound(AwsError, NotFound):
    """ECR has no such repository, image or layer."""


class AwsTagIsImmutable(AwsError, TagIsImmutable):
    """The tag exists, and the repository of ECR lets no tag be moved."""


class EndpointFailed(DeployError):
    """An endpoint came into a state in which it does not go on by itself.

    Args:
        endpoint: Its name.
        status: ``EndpointStatus``, such as ``Failed``.
        reason: ``FailureReason``; empty if there is none.
        cause: What its container's log says of it; empty if that is unknown.
        is_candidate: It is the temporary one.
    """

    def __init__(
        self,
        endpoint: str,
        status: str,
        reason: str,
        cause: str = "",
        *,
        is_candidate: bool = False,
    ) -> None:
        self.endpoint, self.status, self.reason = endpoint, status, " ".join(reason.split())
        self.cause = cause
        self.advice = next_step_in(status, self.reason, cause, is_candidate=is_candidate)
        why = f": {self.reason}" if self.reason else ""
        text = with_cause(f"endpoint {endpoint} is {status}{why}", cause)
        super().__init__(_with_advice(text, self.advice))


class WaitTimeout(DeployError):
    """An endpoint is not there yet, and the time to wait is over; AWS goes on with it.

    Args:
        endpoint: Its name.
        waited_s: Seconds.
        last_status: ``EndpointStatus`` when it was last asked for.
    """

    def __init__(self, endpoint: str, waited_s: float, last_status: str) -> None:
        self.endpoint, self.waited_s, self.last_status = endpoint, waited_s, last_status
        self.advice = "AWS goes on. " + next_step_in(last_status) + " --timeout-s waits longer."
        text = f"endpoint {endpoint} is still {last_status} after {waited_s:.0f} s"
        super().__init__(_with_advice(text, self.advice))


class AnswerTimeout(WaitTimeout):
    """A request is in an endpoint's queue, and the time to wait is over; it may still be answered.

    Args:
        endpoint: Its name.
        waited_s: Seconds.
        output: S3 address that the answer will have.
    """

    def __init__(self, endpoint: str, waited_s: float, output: str) -> None:
        self.endpoint, self.waited_s, self.last_status = endpoint, waited_s, "InService"
        self.advice = (
            "It stays in the queue for six hours. `python -m deploy status` shows whether there is "
            "an instance, `python -m deploy logs --errors` what its container says. --timeout-s "
            "waits longer."
        )
        text = f"endpoint {endpoint} has put nothing at {output} after {waited_s:.0f} s"
        DeployError.__init__(self, _with_advice(text, self.advice))


class InvocationFailed(DeployError):
    """An endpoint answered a request with an error, or not at all.

    Args:
        endpoint: Its name.
        status: The container's, or SageMaker's in its place; 0 if no answer came.
        code: The container's, such as ``invalid_file_format``, or AWS's.
        reason: What it said.
        advice: The next step; empty if the reason is enough.
        request_id: AWS's id of the request; empty if no answer came.
    """

    def __init__(  # an error carries all that is known of it
        self,
        endpoint: str,
        status: int,
        code: str,
        reason: str,
        *,
        advice: str = "",
        request_id: str = "",
    ) -> None:
        self.endpoint, self.status, self.code, self.reason = endpoint, status, code, reason
        self.advice, self.request_id = advice, request_id
        said = " ".join(filter(None, [str(status or "no answer"), code]))
        traced = f" [request {request_id}]" if request_id else ""
        super().__init__(_with_advice(f"endpoint {endpoint}: {said}: {reason}{traced}", advice))


def aws_error(
    operation: str, code: str, reason: str, resource: str = "", request_id: str = ""
) -> AwsError:
    """An error of ours for a code of AWS's, or for the name of an exception of botocore's."""
    kind = AwsError
    if code in MISSING:
        kind = AwsNotFound
    elif code == "ImageTagAlreadyExistsException":
        kind = AwsTagIsImmutable
    elif code in DENIED:
        kind = AwsDenied
    return kind(operation, code, reason, resource=resource, request_id=request_id)


def with_cause(text: str, cause: str) -> str:
    """What failed, and what its own log says of that, if it does."""
    return f"{text}\nIts log says: {cause}" if cause else text


def _with_advice(text: str, advice: str) -> str:
    return f"{text}\nNext: {advice}" if advice else text
