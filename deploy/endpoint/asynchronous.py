# SPDX-License-Identifier: AGPL-3.0-or-later
"""Capacity of an endpoint whose requests wait in a queue, and where its answers are put."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from deploy.endpoint.checks import check_form, check_range
from deploy.endpoint.instances import check_instances, check_scaling
from deploy.endpoint.thresholds import SNS_TOPIC
from deploy.errors import SpecError

# Source: botocore 1.44's model of SageMaker (AsyncInferenceConfig) and of its runtime.
_FOLDER = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/.*)?")
_LONGEST_ADDRESS = 512
_LONGEST_INVOCATION_S = 3600
_SAID = "s3://bucket/prefix"


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many instances there are, by the requests that wait.

    Attributes:
        min_instances: 0 pays for nothing while no request waits; the first one then waits for an
            instance, some minutes.
        backlog_per_instance: Requests for each instance, waiting or worked on, that are aimed at.
        scale_out_cooldown_s: Pause after instances were added.
        scale_in_cooldown_s: Pause after instances were taken away.
    """

    max_instances: int
    min_instances: int = 0
    backlog_per_instance: int = 5
    scale_out_cooldown_s: int = 60
    scale_in_cooldown_s: int = 300

    def __post_init__(self) -> None:
        section = "async.autoscaling"
        check_scaling(section, self, fewest=0)
        check_range(f"{section}.backlog_per_instance", self.backlog_per_instance, 1, 10_000)
        check_range(f"{section}.scale_out_cooldown_s", self.scale_out_cooldown_s, 0, 3600)
        check_range(f"{section}.scale_in_cooldown_s", self.scale_in_cooldown_s, 0, 3600)


@dataclass(frozen=True, slots=True)
class Asynchronous:
    """An endpoint that takes its requests from S3 and puts the answers there.

    Attributes:
        instance_type: Such as ``ml.c6i.large``.
        output: S3 address that answers are put under.
        failures: And what came of requests without one.
        instance_count: When the endpoint is made or updated; autoscaling may change it.
        max_concurrent_per_instance: Requests that an instance gets at once.
        invocation_timeout_s: That ``invoke`` lets a request be worked on; others say their own.
        success_topic: ARN of an SNS topic that is told of each answer.
        error_topic: And of each failure.
        autoscaling: None leaves the number as it is.
        termination_wait_s: After an update, until the old instances end.
        max_execution_s: Of an update; what takes longer is taken back.
        health_check_timeout_s: From the start of a container to its first good ``/ping``.
        model_download_timeout_s: To fetch and unpack the model.
    """

    instance_type: str
    output: str
    failures: str
    instance_count: int = 1
    max_concurrent_per_instance: int = 2
    invocation_timeout_s: int = 900
    success_topic: str | None = None
    error_topic: str | None = None
    autoscaling: Backlog | None = None
    termination_wait_s: int = 0
    max_execution_s: int = 7200
    health_check_timeout_s: int = 240
    model_download_timeout_s: int = 300

    def __post_init__(self) -> None:
        check_instances("async", self)
        check_range("async.max_concurrent_per_instance", self.max_concurrent_per_instance, 1, 1000)
        check_range(
            "async.invocation_timeout_s", self.invocation_timeout_s, 1, _LONGEST_INVOCATION_S
        )
        self._check_places()
        if self.termination_wait_s >= self.max_execution_s:
            raise SpecError(
                f"async.max_execution_s is {self.max_execution_s}, but the update waits for "
                f"termination_wait_s alone, {self.termination_wait_s} s"
            )

    @property
    def topics(self) -> dict[str, str]:
        """Those that are told, in SageMaker's words."""
        given = {"SuccessTopic": self.success_topic, "ErrorTopic": self.error_topic}
        return {name: topic for name, topic in given.items() if topic}

    @property
    def scales_to_zero(self) -> bool:
        """Whether there may be no instance at all."""
        return self.autoscaling is not None and not self.autoscaling.min_instances

    def _check_places(self) -> None:
        for name in ("output", "failures"):
            value = getattr(self, name)
            check_form(f"async.{name}", value, _FOLDER, _SAID)
            if len(value) > _LONGEST_ADDRESS:
                raise SpecError(f"async.{name} is longer than {_LONGEST_ADDRESS} characters")
        if self.output.rstrip("/") == self.failures.rstrip("/"):
            raise SpecError("async.output and async.failures are the same place; keep them apart")
        for name in ("success_topic", "error_topic"):
            value = getattr(self, name)
            if value is not None:
                example = "arn:aws:sns:eu-central-1:123456789012:name, or null"
                check_form(f"async.{name}", value, SNS_TOPIC, example)


def inference_config(settings: Asynchronous, *, is_candidate: bool = False) -> dict[str, Any]:
    """What a configuration says of the queue, in SageMaker's words.

    Args:
        settings: What is wanted.
        is_candidate: Of the temporary endpoint, whose answers are nobody's news.
    """
    output: dict[str, Any] = {
        "S3OutputPath": settings.output.rstrip("/"),
        "S3FailurePath": settings.failures.rstrip("/"),
    }
    if settings.topics and not is_candidate:
        output["NotificationConfig"] = settings.topics
    most = settings.max_concurrent_per_instance
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": most},
        "OutputConfig": output,
    }
