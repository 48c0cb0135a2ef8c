# SPDX-License-Identifier: AGPL-3.0-or-later
"""Capacity of an endpoint that answers at once, and how an update of instances goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from deploy.endpoint.checks import check_range
from deploy.endpoint.instances import check_instances, check_scaling
from deploy.errors import SpecError

_MEMORY_MB = range(1024, 6144 + 1, 1024)
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
        check_scaling(section, self, fewest=1)
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
        check_instances("realtime", self)
        lowest = 10 if self.rollout is Traffic.LINEAR else 1
        check_range("realtime.step_percent", self.step_percent, lowest, 50)
        check_range("realtime.wait_s", self.wait_s, 0, 3600)
        self._check_rollout()
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

    def _check_rollout(self) -> None:
        if self.rollout is not Traffic.ALL_AT_ONCE and self.fewest_instances < _FEWEST_TO_SHIFT:
            of = "autoscaling.min_instances" if self.autoscaling else "instance_count"
            raise SpecError(
                f"realtime.rollout is {self.rollout} with one instance: SageMaker moves whole "
                f"instances, so it needs realtime.{of} of {_FEWEST_TO_SHIFT} or more"
            )
