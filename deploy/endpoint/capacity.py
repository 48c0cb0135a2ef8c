# SPDX-License-Identifier: AGPL-3.0-or-later
"""Capacity of an endpoint that answers at once, and how an update of instances goes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from deploy.endpoint.checks import check_form, check_range
from deploy.errors import SpecError

if TYPE_CHECKING:
    from deploy.endpoint.asynchronous import Asynchronous

_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_ACCELERATED = re.compile(r"ml\.(g|p|inf|trn|dl)[0-9]")
_ARM = re.compile(r"ml\.[a-z]+[0-9]+g[a-z]*\.")  # c7g, m6gd, … : Graviton
_MEMORY_MB = range(1024, 6144 + 1, 1024)
MOST_INSTANCES = 1000
_FEWEST_TO_SHIFT = 2


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
        check_range("serverless.max_concurrency", self.max_concurrency, 1, 200)
        check_range(
            "serverless.provisioned_concurrency",
            self.provisioned_concurrency, 0, self.max_concurrency,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """How many instances there are, by the requests that are in flight.

    Attributes:
        concurrent_requests: Of one instance, that are aimed at; a worker takes up to three.
        scale_out_cooldown_s: Pause after instances were added.
        scale_in_cooldown_s: Pause after instances were taken away.
    """

    min_instances: int
    max_instances: int
    concurrent_requests: int = 2
    scale_out_cooldown_s: int = 60
    scale_in_cooldown_s: int = 300

    def __post_init__(self) -> None:
        section = "realtime.autoscaling"
        check_range(f"{section}.max_instances", self.max_instances, 1, MOST_INSTANCES)
        check_range(f"{section}.min_instances", self.min_instances, 1, self.max_instances)
        check_range(f"{section}.concurrent_requests", self.concurrent_requests, 1, 1000)
        check_range(f"{section}.scale_out_cooldown_s", self.scale_out_cooldown_s, 0, 3600)
        check_range(f"{section}.scale_in_cooldown_s", self.scale_in_cooldown_s, 0, 3600)


@dataclass(frozen=True, slots=True)
class Realtime:
    """Capacity of an endpoint of instances, and how an update goes.

    Attributes:
        instance_type: Such as ``ml.c6i.large``.
        instance_count: When the endpoint is made; autoscaling may change it.
        autoscaling: None leaves the number as it is.
        rollout: How the requests move to the new instances.
        step_percent: Of the capacity that goes first, or at each step.
        wait_s: After each step, with an eye on the alarms.
        termination_wait_s: After all requests have moved, until the old instances end.
        max_execution_s: Of an update; what takes longer is taken back.
        health_check_timeout_s: From the start of a container to its first good ``/ping``.
        model_download_timeout_s: To fetch and unpack the model.
    """

    instance_type: str
    instance_count: int = 1
    autoscaling: Autoscaling | None = None
    rollout: Traffic = Traffic.ALL_AT_ONCE
    step_percent: int = 50
    wait_s: int = 300
    termination_wait_s: int = 300
    max_execution_s: int = 7200
    health_check_timeout_s: int = 240
    model_download_timeout_s: int = 300

    def __post_init__(self) -> None:
        self._check_instances()
        # Source: SageMaker API reference (UpdateEndpoint, CreateEndpointConfig), botocore 1.44.
        lowest = 10 if self.rollout is Traffic.LINEAR else 1
        check_range("realtime.step_percent", self.step_percent, lowest, 50)
        check_range("realtime.wait_s", self.wait_s, 0, 3600)
        check_range("realtime.termination_wait_s", self.termination_wait_s, 0, 3600)
        check_range("realtime.max_execution_s", self.max_execution_s, 600, 28_800)
        check_range("realtime.health_check_timeout_s", self.health_check_timeout_s, 60, 3600)
        check_range("realtime.model_download_timeout_s", self.model_download_timeout_s, 60, 3600)
        if self.waiting_s >= self.max_execution_s:
            raise SpecError(
                f"realtime.max_execution_s is {self.max_execution_s}, but the update waits for "
                f"{self.waiting_s} s alone (wait_s at each step, then termination_wait_s)"
            )

    @property
    def steps(self) -> int:
        """How many times an update moves requests over."""
        if self.rollout is Traffic.ALL_AT_ONCE:
            return 1
        return 2 if self.rollout is Traffic.CANARY else math.ceil(100 / self.step_percent)

    @property
    def waiting_s(self) -> int:
        """How long an update waits on purpose, at most."""
        return self.steps * self.wait_s + self.termination_wait_s

    @property
    def fewest_instances(self) -> int:
        """That may be there when an update starts."""
        return self.autoscaling.min_instances if self.autoscaling else self.instance_count

    def _check_instances(self) -> None:
        check_instance_type("realtime.instance_type", self.instance_type)
        check_range("realtime.instance_count", self.instance_count, 1, MOST_INSTANCES)
        scaling = self.autoscaling
        if scaling and not scaling.min_instances <= self.instance_count <= scaling.max_instances:
            raise SpecError(
                f"realtime.instance_count is {self.instance_count}, and realtime.autoscaling keeps "
                f"{scaling.min_instances} to {scaling.max_instances}"
            )
        if self.rollout is not Traffic.ALL_AT_ONCE and self.fewest_instances < _FEWEST_TO_SHIFT:
            of = "realtime.autoscaling.min_instances" if scaling else "realtime.instance_count"
            raise SpecError(
                f"realtime.rollout is {self.rollout} with one instance: SageMaker moves whole "
                f"instances, so it needs {of} of {_FEWEST_TO_SHIFT} or more"
            )


def check_instance_type(name: str, value: str) -> None:
    """Refuse a type of instance that the image does not run on.

    Raises:
        SpecError: If it is one, or no type of SageMaker's.
    """
    check_form(name, value, _INSTANCE, "ml.c6i.large")
    if _ACCELERATED.match(value):
        raise SpecError(f"{name} is {value}: the network runs on CPUs alone; say ml.c6i.large")
    if _ARM.match(value):
        raise SpecError(
            f"{name} is {value}, an arm64 CPU: the image is linux/amd64; say ml.c6i.large"
        )


def start_limits(fleet: Realtime | Asynchronous) -> dict[str, int]:
    """What a variant of instances says about its start, in SageMaker's words."""
    return {
        "ModelDataDownloadTimeoutInSeconds": fleet.model_download_timeout_s,
        "ContainerStartupHealthCheckTimeoutInSeconds": fleet.health_check_timeout_s,
    }
