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
├── AwsError …               what AWS says, with the next step (aws/errors.py)
├── NothingServes            there is no endpoint, or no model, that could be asked
├── LogsMissing              an endpoint has no log to be read
├── ContractError            the container under test cannot be asked at all
├── Unconfirmed              what would be done was shown, and nobody has said yes
└── PlanError                no calls lead from what is there to what is wanted
"""

from __future__ import annotations

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


class NothingServes(DeployError):
    """There is no endpoint, or no model, that could be asked; the message says what to do."""


class LogsMissing(DeployError):
    """An endpoint has no log to be read; the message says why."""


class ContractError(DeployError):
    """The container under test cannot be asked at all: it does not start, or nothing is there."""


class PlanError(DeployError):
    """No calls lead from what is there to what is wanted; the message says another way."""


class Unconfirmed(DeployError):
    """What would be done was shown, and nobody has said yes; nothing was changed."""
