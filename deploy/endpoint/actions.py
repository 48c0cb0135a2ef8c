# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a plan is made of: calls, and what must come true between them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# Parameters that name what a call is about; the first one that a call has does.
_NAMES = (
    "EndpointName", "EndpointConfigName", "ModelName", "Key", "AlarmName", "AlarmNames",
    "PolicyName", "ResourceId",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call; equal steps are equal calls."""

    service: str
    operation: str
    params: Mapping[str, Any]
    why: str

    def __str__(self) -> str:
        found = [self.params[key] for key in _NAMES if key in self.params]
        names = [name if isinstance(name, str) else ", ".join(name) for name in found]
        return " ".join([self.service, self.operation, *names[:1]]) + f": {self.why}"


@dataclass(frozen=True, slots=True)
class Wait:
    """Until an endpoint serves with a configuration."""

    endpoint: str
    config: str

    def __str__(self) -> str:
        return f"wait until {self.endpoint} serves with {self.config}"


@dataclass(frozen=True, slots=True)
class WaitDeleted:
    """Until an endpoint is no longer there."""

    endpoint: str

    def __str__(self) -> str:
        return f"wait until {self.endpoint} is gone"


@dataclass(frozen=True, slots=True)
class Try:
    """An endpoint must find the rooms of the golden plan, and refuse what is no plan."""

    endpoint: str

    def __str__(self) -> str:
        return f"test {self.endpoint} with the golden plan"


@dataclass(frozen=True, slots=True)
class TryAsync(Try):
    """The same of an endpoint that takes its requests from a queue.

    Attributes:
        inbox: S3 address that what is sent begins with.
    """

    inbox: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """In the place of a scaling policy's ARN, which is not known before the policy is made."""

    endpoint: str
    policy: str


@dataclass(frozen=True, slots=True)
class TagResource:
    """Tag an endpoint, such as with the configuration that passed the last test."""

    endpoint: str
    tags: Mapping[str, str]

    def __str__(self) -> str:
        tags = ", ".join(f"{key}={value}" for key, value in self.tags.items())
        return f"sagemaker add_tags {self.endpoint}: {tags}"


Action = ApiCall | Wait | WaitDeleted | Try | TagResource


@dataclass(frozen=True, slots=True)
class ModelFile:
    """``model.tar.gz`` made of an archive, as the body of an upload."""

    archive: str
    sha256: str


NOTHING_TO_DO = "Nothing to do: everything is as it is wanted."


def as_text(actions: Sequence[Action], nothing: str = NOTHING_TO_DO) -> str:
    """Actions for people."""
    if not actions:
        return nothing
    return "\n".join(f"{number:>3}. {action}" for number, action in enumerate(actions, 1))


# What `plan --json` calls them.
_WORDS = {
    ApiCall: "step",
    Wait: "wait",
    WaitDeleted: "gone",
    Try: "try",
    TryAsync: "tryasync",
    TagResource: "mark",
}


def as_document(action: Action) -> dict[str, Any]:
    """An action as JSON."""
    return {"action": _WORDS[type(action)], **asdict(action)}
