# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is wanted: ``deploy/endpoint-config.yaml`` as values that have checked themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from deploy.endpoint.checks import check_form, check_range
from deploy.endpoint.thresholds import SNS_TOPIC
from deploy.errors import SpecError
from deploy.image.names import EcrPlace, parse_name
from serving.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.endpoint.asynchronous import Asynchronous
    from deploy.endpoint.capacity import Realtime, Serverless
    from deploy.endpoint.thresholds import Alarms

OUR_TAG = "roomdet:endpoint"
DIGEST_VARIABLE = "ROOMDET_ARCHIVE_SHA256"
# Source: botocore 1.44's model of SageMaker (CreateEndpointConfig, CreateModel).
_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")
_ROLE = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/?[a-zA-Z_0-9+=,.@/-]+"
)
_ARTIFACTS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*?))?/?")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+")
# A temporary endpoint has such a name (deploy/endpoint/release.py).
_CANDIDATE = "-candidate"
# A version and a digest follow the name, and 63 characters is all there is.
LONGEST_NAME = 32
_MOST_VARIABLES, _MOST_VARIABLE_BYTES = 100, 1024
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# AWS's letters, spaces and digits are those of any script.
_TAG = re.compile(r"[\w .:/=+@-]*")
_LONGEST_TAG, _LONGEST_TAG_VALUE = 128, 256
_OUR_TAGS, _MOST_TAGS = "roomdet:", 45  # SageMaker takes 50; the rest is for ours
_MOST_KEPT = 20
# Source: botocore's partitions.json; a region of neither is of "aws".
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_TESTED = "The tests before and after the update do that work"
_NO_ALARMS = {
    "serverless": "SageMaker takes no alarms there, since it does not take such an update back by "
    f"itself, so `alarms` is refused; leave it out. {_TESTED}",
    "async": "its requests wait in a queue and its instances may all be gone, so that an alarm "
    f"would have nothing to go by; `alarms` is refused, leave it out. {_TESTED}",
}


class Mode(StrEnum):
    """How the endpoint is hosted."""

    SERVERLESS = "serverless"
    REALTIME = "realtime"
    ASYNC = "async"


@dataclass(frozen=True, slots=True)
class Spec:
    """An endpoint as it is wanted.

    Attributes:
        alarms: None makes none, and nothing takes an update back but the golden plan.
        keep: How many former versions stay for the way back.

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
    async_: Asynchronous | None = None
    alarms: Alarms | None = None
    keep: int = 3
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.endpoint) or len(self.endpoint) > LONGEST_NAME:
            raise SpecError(
                f"endpoint is {self.endpoint!r}; letters, digits and single hyphens between them, "
                f"at most {LONGEST_NAME}: a version and a digest follow it in other names"
            )
        if self.endpoint.endswith(_CANDIDATE):
            raise SpecError(
                f"endpoint is {self.endpoint!r}; the temporary endpoint of "
                f"{self.endpoint.removesuffix(_CANDIDATE)} is called so: take another name"
            )
        check_form("artifacts", self.artifacts, _ARTIFACTS, "s3://bucket or s3://bucket/prefix")
        check_form("role", self.role, _ROLE, "arn:aws:iam::123456789012:role/name")
        if self.region is not None:
            check_form("region", self.region, _REGION, "eu-central-1, or null")
        check_range("keep", self.keep, 1, _MOST_KEPT)
        self._check_mode()
        self._check_image()
        self._check_places()
        self._check_maps()

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and prefix of the artifacts; the prefix is empty or ends with a slash."""
        found = _ARTIFACTS.fullmatch(self.artifacts)
        assert found  # checked when it was made
        return found["bucket"], f"{found['prefix']}/" if found["prefix"] else ""

    @property
    def fleet(self) -> Realtime | Asynchronous | None:
        """The instances; None in mode serverless."""
        return self.realtime or self.async_

    @property
    def image_place(self) -> EcrPlace:
        """Account and region of the image."""
        place = parse_name(self.image).ecr
        assert place  # checked when it was made
        return place

    @property
    def account(self) -> str:
        """Twelve digits: that of the role, where the endpoint will be."""
        found = _ROLE.fullmatch(self.role)
        assert found  # checked when it was made
        return found["account"]

    def _check_mode(self) -> None:
        sections: dict[Mode, Any] = {
            Mode.SERVERLESS: self.serverless, Mode.REALTIME: self.realtime, Mode.ASYNC: self.async_,
        }  # fmt: skip
        if sections.pop(self.mode) is None and self.mode is not Mode.SERVERLESS:
            raise SpecError(f"mode is {self.mode}: {self.mode}.instance_type is missing")
        for other, section in sections.items():
            if section is not None:
                raise SpecError(_other_mode(self.mode, other))
        if self.alarms is not None and self.mode is not Mode.REALTIME:
            raise SpecError(f"mode is {self.mode}: {_NO_ALARMS[self.mode]}")

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

    def _check_places(self) -> None:
        """The role and the topic must be of the image's partition, and the topic of its region."""
        region = self.image_place.region
        ways = (name for prefix, name in _PARTITIONS.items() if region.startswith(prefix))
        partition = next(ways, "aws")
        role = _ROLE.fullmatch(self.role)
        if role and role["partition"] != partition:
            raise SpecError(
                f"role is of the partition {role['partition']}, and the image lies in {region}, "
                f"which is of {partition}; nothing reaches from one to the other"
            )
        for name, arn in self._topics().items():
            topic = SNS_TOPIC.fullmatch(arn)
            if topic and topic["region"] != region:
                raise SpecError(
                    f"{name} lies in {topic['region']}, the endpoint in {region}; "
                    "only topics of its own region are told"
                )

    def _topics(self) -> dict[str, str]:
        found = {
            "alarms.sns_topic": self.alarms and self.alarms.sns_topic,
            "async.success_topic": self.async_ and self.async_.success_topic,
            "async.error_topic": self.async_ and self.async_.error_topic,
        }
        return {name: arn for name, arn in found.items() if arn}

    def _check_maps(self) -> None:
        if DIGEST_VARIABLE in self.environment:
            raise SpecError(f"environment.{DIGEST_VARIABLE} is set from the archive itself")
        check_range("the number of variables", len(self.environment), 0, _MOST_VARIABLES - 1)
        for name, value in self.environment.items():
            check_form("the name of a variable", name, _VARIABLE, "ROOMDET_PRECISION")
            if max(len(name.encode()), len(value.encode())) > _MOST_VARIABLE_BYTES:
                raise SpecError(f"environment.{name[:40]} is over {_MOST_VARIABLE_BYTES} bytes")
        check_range("the number of tags", len(self.tags), 0, _MOST_TAGS)
        for name, value in self.tags.items():
            if name.lower().startswith((_OUR_TAGS, "aws:")):
                raise SpecError(f"tags.{name} is reserved")
            if not _TAG.fullmatch(name + value):
                raise SpecError(
                    f"tags.{name} is {value!r}; letters, digits, spaces and _.:/=+-@ are allowed "
                    "in a tag and its value"
                )
            check_range(f"the length of tags.{name[:40]}", len(name), 1, _LONGEST_TAG)
            check_range(
                f"the length of tags.{name[:40]}'s value", len(value), 0, _LONGEST_TAG_VALUE
            )


def _other_mode(mode: Mode, other: Mode) -> str:
    if mode is Mode.SERVERLESS:
        return (
            f"mode is serverless: it has no instances and moves all requests at once, so "
            f"`{other}` is refused; leave it out, or say mode: {other}"
        )
    return f"mode is {mode}: `{other}` is for the other mode; leave it out"
