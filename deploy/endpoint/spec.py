# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is wanted: ``deploy/endpoint-config.yaml`` as values that have checked themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from deploy.errors import BadUsage, SpecError
from deploy.image.names import parse_name

if TYPE_CHECKING:
    from collections.abc import Mapping

OUR_TAG = "roomdet:endpoint"
DIGEST_VARIABLE = "ROOMDET_ARCHIVE_SHA256"
# Source: botocore 1.44's model of SageMaker (CreateEndpointConfig, CreateModel).
_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@/-]+")
_ARTIFACTS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*?))?/?")
_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")
# A version and a digest follow the name, and 63 characters is all there is.
LONGEST_NAME = 32
_MEMORY_MB = range(1024, 6144 + 1, 1024)
_MOST_VARIABLES, _MOST_VARIABLE_BYTES = 100, 1024
_MOST_TAGS = 49  # SageMaker takes 50, and one is ours


class Mode(StrEnum):
    """How the endpoint is hosted."""

    SERVERLESS = "serverless"
    REALTIME = "realtime"


class Traffic(StrEnum):
    """How an update of a real-time endpoint moves the requests over."""

    ALL_AT_ONCE = "all-at-once"
    CANARY = "canary"
    LINEAR = "linear"


@dataclass(frozen=True, slots=True)
class Serverless:
    """Capacity of a serverless endpoint; SageMaker itself has no defaults."""

    memory_mb: int = 2048
    max_concurrency: int = 5
    provisioned_concurrency: int = 0

    def __post_init__(self) -> None:
        if self.memory_mb not in _MEMORY_MB:
            raise SpecError(
                f"serverless.memory_mb is {self.memory_mb}; 1024 to 6144 in steps of 1024"
            )
        _check_range("serverless.max_concurrency", self.max_concurrency, 1, 200)
        _check_range(
            "serverless.provisioned_concurrency",
            self.provisioned_concurrency, 0, self.max_concurrency,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Realtime:
    """Capacity of an endpoint of instances, and how an update goes."""

    instance_type: str
    instance_count: int = 1
    rollout: Traffic = Traffic.ALL_AT_ONCE
    step_percent: int = 50
    wait_s: int = 300

    def __post_init__(self) -> None:
        if not _INSTANCE.fullmatch(self.instance_type):
            raise SpecError(f"realtime.instance_type is {self.instance_type!r}; say ml.c6i.large")
        _check_range("realtime.instance_count", self.instance_count, 1, 1000)
        lowest = 10 if self.rollout is Traffic.LINEAR else 1
        _check_range("realtime.step_percent", self.step_percent, lowest, 50)
        _check_range("realtime.wait_s", self.wait_s, 0, 3600)
        if self.rollout is not Traffic.ALL_AT_ONCE and self.instance_count < 2:  # noqa: PLR2004
            raise SpecError(
                f"realtime.rollout is {self.rollout} with one instance: SageMaker moves whole "
                "instances, so it needs realtime.instance_count of 2 or more"
            )


@dataclass(frozen=True, slots=True)
class Spec:
    """An endpoint as it is wanted.

    Raises:
        SpecError: If a value is out of range or does not fit the mode.
    """

    endpoint: str
    mode: Mode
    archive: str
    artifacts: str
    image: str
    role: str
    region: str | None = None
    serverless: Serverless | None = None
    realtime: Realtime | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.endpoint) or len(self.endpoint) > LONGEST_NAME:
            raise SpecError(
                f"endpoint is {self.endpoint!r}; letters, digits and single hyphens between them, "
                f"at most {LONGEST_NAME}: a version and a digest follow it in other names"
            )
        _check_form("artifacts", self.artifacts, _ARTIFACTS, "s3://bucket or s3://bucket/prefix")
        _check_form("role", self.role, _ROLE, "arn:aws:iam::123456789012:role/name")
        if self.region is not None:
            _check_form("region", self.region, _REGION, "eu-central-1, or null")
        self._check_mode()
        self._check_image()
        self._check_maps()

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and prefix of the artifacts; the prefix is empty or ends with a slash."""
        found = _ARTIFACTS.fullmatch(self.artifacts)
        assert found  # checked when it was made
        return found["bucket"], f"{found['prefix']}/" if found["prefix"] else ""

    def _check_mode(self) -> None:
        if self.mode is Mode.REALTIME and self.realtime is None:
            raise SpecError("mode is realtime: realtime.instance_type is missing")
        if self.mode is Mode.REALTIME and self.serverless is not None:
            raise SpecError("mode is realtime: `serverless` is for the other mode; leave it out")
        if self.mode is Mode.SERVERLESS and self.realtime is not None:
            raise SpecError(
                "mode is serverless: it has no instances and moves all requests at once, so "
                "`realtime` is refused; leave it out, or say mode: realtime"
            )

    def _check_image(self) -> None:
        try:
            image = parse_name(self.image)
        except BadUsage as err:
            raise SpecError(f"image is {self.image!r}: {err}") from err
        if not image.ecr:
            raise SpecError(f"image is {self.image}: SageMaker takes images of ECR alone")
        if self.region and image.ecr.region != self.region:
            raise SpecError(
                f"image lies in {image.ecr.region}, the endpoint in {self.region}; "
                "SageMaker takes images of its own region"
            )
        if not image.digest:
            raise SpecError(
                f"image is {self.image}: a tag can be moved later; name it by digest, as "
                f"`python -m deploy image check {self.image}` prints it"
            )

    def _check_maps(self) -> None:
        if DIGEST_VARIABLE in self.environment:
            raise SpecError(f"environment.{DIGEST_VARIABLE} is set from the archive itself")
        _check_range("the number of variables", len(self.environment), 0, _MOST_VARIABLES - 1)
        for name, value in self.environment.items():
            if max(len(name.encode()), len(value.encode())) > _MOST_VARIABLE_BYTES:
                raise SpecError(f"environment.{name[:40]} is over {_MOST_VARIABLE_BYTES} bytes")
        _check_range("the number of tags", len(self.tags), 0, _MOST_TAGS)
        for name in self.tags:
            if name == OUR_TAG or name.lower().startswith("aws:"):
                raise SpecError(f"tags.{name} is reserved")


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SpecError(f"{name} is {value}; {low} to {high} are allowed")


def _check_form(name: str, value: str, form: re.Pattern[str], example: str) -> None:
    if not form.fullmatch(value):
        raise SpecError(f"{name} is {value!r}; say {example}")
