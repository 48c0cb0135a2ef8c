# SPDX-License-Identifier: AGPL-3.0-or-later
"""Errors of the deployment tools.

BadUsage (serving/errors.py)
└── SpecError                the endpoint's configuration is malformed, or does not fit its mode
DeployError                  any other; like BadUsage a ToolError
├── EngineError              Docker or podman is not here, or failed
├── ManifestError            what the registry holds cannot be taken for an image
│   ├── Malformed            a manifest or a configuration is not of its own form
│   ├── WrongContent         content is not what its digest says
│   └── Unconvertible        there is an image, but not one that can become linux/amd64 in v2s2
├── RegistryError            the registry did not do what it was asked for
│   ├── RegistryUnreachable  no answer came, or too large a one
│   ├── AccessDenied         credentials are missing, wrong or not sufficient
│   ├── NotFound             there is no such repository, manifest or layer
│   ├── TagIsImmutable       the tag exists and must not be moved
│   └── RegistryRefused      any other error status
├── AwsError                 a call to AWS failed
│   ├── AwsDenied            … which is an AccessDenied, too
│   ├── AwsNotFound          … which is a NotFound, too
│   └── AwsTagIsImmutable    … which is a TagIsImmutable, too
├── EndpointFailed           an endpoint came into a state in which it does not go on
├── InvocationFailed         an endpoint answered a request with an error, or not at all
├── NothingServes            there is no endpoint, or no model, that could be asked
├── LogsMissing              an endpoint has no log to be read
├── WaitTimeout              an endpoint is not there yet, and the time to wait is over
│   └── AnswerTimeout        a request is in a queue, and the time to wait is over
├── ContractError            the container under test cannot be asked at all
└── PlanError                no calls lead from what is there to what is wanted
"""

from __future__ import annotations

from deploy.aws.advice import next_step
from deploy.aws.codes import DENIED, MISSING
from deploy.aws.states import next_step_in
from serving.errors import BadUsage, ToolError


class DeployError(ToolError):
    """What this package raises on purpose, but for what is the caller's own mistake."""


class SpecError(BadUsage):
    """The endpoint's configuration is malformed or does not fit its mode; AWS was not asked."""


class EngineError(DeployError):
    """There is nothing to build or run images with, or it failed; the message says why."""


class ManifestError(DeployError):
    """What the registry holds cannot be taken for an image."""


class Malformed(ManifestError):
    """A manifest or a configuration is not of the form that its media type promises."""


class WrongContent(ManifestError):
    """Content is not what its digest or its size says."""


class Unconvertible(ManifestError):
    """No Docker v2 schema 2 manifest for linux/amd64 can be made of it; the message says why."""


class RegistryError(DeployError):
    """The registry did not do what it was asked for."""


class RegistryUnreachable(RegistryError):
    """No answer came, it broke off, or it was larger than what is read."""


class AccessDenied(RegistryError):
    """Credentials are missing, wrong or not sufficient."""


class NotFound(RegistryError):
    """There is no such repository, manifest or layer."""


class TagIsImmutable(RegistryError):
    """The tag exists, and the repository lets no tag be moved."""


class RegistryRefused(RegistryError):
    """The registry answered with an error.

    Args:
        status: HTTP status.
        reason: What it said.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"the registry answered {status}: {reason}")
        self.status = status


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
    """

    def __init__(self, endpoint: str, status: str, reason: str) -> None:
        self.endpoint, self.status, self.reason = endpoint, status, " ".join(reason.split())
        self.advice = next_step_in(status, self.reason)
        why = f": {self.reason}" if self.reason else ""
        super().__init__(_with_advice(f"endpoint {endpoint} is {status}{why}", self.advice))


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
            "an instance, `logs --errors` what its container says. --timeout-s waits longer."
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


class NothingServes(DeployError):
    """There is no endpoint, or no model, that could be asked; the message says what to do."""


class LogsMissing(DeployError):
    """An endpoint has no log to be read; the message says why."""


class ContractError(DeployError):
    """The container under test cannot be asked at all: it does not start, or nothing is there."""


class PlanError(DeployError):
    """No calls lead from what is there to what is wanted; the message says another way."""


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


def _with_advice(text: str, advice: str) -> str:
    return f"{text}\nNext: {advice}" if advice else text
