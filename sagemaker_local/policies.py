# SPDX-License-Identifier: AGPL-3.0-or-later
"""What scaling policies want, as functions of values.

Source: user guide of application-autoscaling, "Target tracking" and "Step scaling".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sagemaker_local.metrics import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

PERIOD_S = 60.0
HIGH_PERIODS = 3  # of a target-tracking policy's alarms: above the target
LOW_PERIODS = 15  # well below it
LOW_SHARE = 0.9
_TRACKED = {"ApproximateBacklogSize", "ApproximateBacklogSizePerInstance"}


def tracked_metric(policy: Mapping[str, Any], endpoint: str) -> str:
    """The metric of an endpoint's queue that a policy tracks; empty if it does something else."""
    config = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    metric = config.get("CustomizedMetricSpecification", {})
    dimensions = [{"Name": "EndpointName", "Value": endpoint}]
    if metric.get("Namespace") != NAMESPACE or metric.get("Dimensions") != dimensions:
        return ""
    name: str = metric["MetricName"]
    return name if name in _TRACKED else ""


def tracked_count(value: float, target: float, instances: int) -> int:
    """How many instances bring a metric to its target."""
    return math.ceil(max(instances, 1) * value / target)


def stepped_count(config: Mapping[str, Any], breach: float, instances: int) -> int:
    """How many instances a step-scaling policy wants.

    Args:
        config: StepScalingPolicyConfiguration.
        breach: The metric minus the alarm's threshold.
        instances: How many there are.
    """
    adjustment = next(
        (
            entry["ScalingAdjustment"]
            for entry in config["StepAdjustments"]
            if _is_within(breach, entry)
        ),
        None,
    )
    if adjustment is None:
        return instances
    match config.get("AdjustmentType", "ChangeInCapacity"):
        case "ExactCapacity":
            return max(int(adjustment), 0)
        case "PercentChangeInCapacity":
            return max(instances + _percent(instances, adjustment, config), 0)
    return max(instances + int(adjustment), 0)


def _is_within(breach: float, entry: Mapping[str, float]) -> bool:
    """Whether a step is for it; the end that is nearer to the threshold belongs to the step."""
    lower = entry.get("MetricIntervalLowerBound", -math.inf)
    upper = entry.get("MetricIntervalUpperBound", math.inf)
    return lower <= breach < upper if breach >= 0 else lower < breach <= upper


def _percent(instances: int, adjustment: float, config: Mapping[str, Any]) -> int:
    change = math.trunc(instances * adjustment / 100)
    least = max(config.get("MinAdjustmentMagnitude", 1), 1)
    return int(math.copysign(max(abs(change), least), adjustment))
