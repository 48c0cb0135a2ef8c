# SPDX-License-Identifier: AGPL-3.0-or-later
"""From which values on an endpoint of instances is in alarm, and an update of it is taken back."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deploy.endpoint.checks import check_form, check_range

SNS_TOPIC = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}"
)
_LONGEST_ANSWER_MS = 60_000  # SageMaker waits no longer (SageMaker developer guide, 2026-11)


@dataclass(frozen=True, slots=True)
class Alarms:
    """Thresholds; a value above one is an alarm, and None switches it off.

    Attributes:
        errors_5xx_percent: Requests that are answered with a status of 5xx.
        model_errors_percent: Those, and requests that get no valid answer at all. What a caller is
            to blame for (4xx) is not among them.
        latency_p95_ms: Time that the container takes, for all but one request in twenty.
        memory_percent: Of an instance, of the fullest one.
        minutes: How many minutes on end it must be so.
        sns_topic: ARN of the topic that is told.
    """

    errors_5xx_percent: float | None = 5
    model_errors_percent: float | None = 5
    latency_p95_ms: int | None = 5000
    memory_percent: float | None = 90
    minutes: int = 2
    sns_topic: str | None = None

    def __post_init__(self) -> None:
        limits = {
            "errors_5xx_percent": (0, 99),
            "model_errors_percent": (0, 99),
            "latency_p95_ms": (1, _LONGEST_ANSWER_MS),
            "memory_percent": (1, 99),
            "minutes": (1, 60),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is not None:
                check_range(f"alarms.{name}", value, low, high)
        if self.sns_topic is not None:
            example = "arn:aws:sns:eu-central-1:123456789012:name, or null"
            check_form("alarms.sns_topic", self.sns_topic, SNS_TOPIC, example)
