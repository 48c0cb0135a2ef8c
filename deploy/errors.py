# SPDX-License-Identifier: AGPL-3.0-or-later
"""Errors of the deployment tools.

DeployError
├── BadUsage                 a name, an address or an option is malformed
│   └── SpecError            the endpoint's configuration is, or does not fit its mode
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
├── ContractError            the container under test cannot be asked at all
├── ArchiveError             a file is no archive of the room detector
├── WrongAnswer              the golden plan is not answered as its archive demands
├── PlanError                no calls lead from what is there to what is wanted
└── RolloutError             a new version did not take the place of the old one
"""

from __future__ import annotations


class DeployError(Exception):
    """Anything that this package raises on purpose."""


class BadUsage(DeployError):
    """A name, an address or an option is malformed; nothing was done."""


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
        super().__init__(f"{operation}{of}: {f'{code}: ' if code else ''}{self.reason}{traced}")


class AwsDenied(AwsError, AccessDenied):
    """AWS takes the credentials not at all, or not for this call."""


class AwsNotFound(AwsError, NotFound):
    """ECR has no such repository, image or layer."""


class AwsTagIsImmutable(AwsError, TagIsImmutable):
    """The tag exists, and the repository of ECR lets no tag be moved."""


class ContractError(DeployError):
    """The container under test cannot be asked at all: it does not start, or nothing is there."""


class ArchiveError(DeployError):
    """A file is no archive of the room detector; the message says why."""


class WrongAnswer(DeployError):
    """The golden plan is not answered as its archive demands."""


class RolloutError(DeployError):
    """A new version did not take the place of the old one; the message says what serves now."""


class PlanError(DeployError):
    """No calls lead from what is there to what is wanted; the message says another way."""
