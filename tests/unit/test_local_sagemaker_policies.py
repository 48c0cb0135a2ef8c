# SPDX-License-Identifier: AGPL-3.0-or-later
"""What scaling policies want."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sagemaker_local.policies import stepped_count, tracked_count, tracked_metric

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEPS = [
    {"MetricIntervalUpperBound": -10.0, "ScalingAdjustment": -2},
    {"MetricIntervalLowerBound": -10.0, "MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1},
    {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
    {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 50},
]


@pytest.mark.parametrize(
    ("kind", "breach", "instances", "expected"),
    [
        pytest.param("ChangeInCapacity", 0, 2, 3, id="at the threshold"),
        pytest.param("ChangeInCapacity", 9.9, 2, 3, id="first step"),
        pytest.param("ChangeInCapacity", 10, 2, 52, id="second step"),
        pytest.param("ChangeInCapacity", -10, 2, 0, id="not below 0"),
        pytest.param("ChangeInCapacity", -9.9, 2, 1, id="one less"),
        pytest.param("ExactCapacity", 10, 2, 50, id="exactly"),
        pytest.param("PercentChangeInCapacity", 10, 4, 6, id="half as many again"),
        pytest.param("PercentChangeInCapacity", 10, 1, 2, id="one at least"),
        pytest.param("PercentChangeInCapacity", -9.9, 1, 0, id="one less at least"),
    ],
)
def test_steps(kind: str, breach: float, instances: int, expected: int) -> None:
    """The end that is nearer to the threshold belongs to a step."""
    config = {"AdjustmentType": kind, "StepAdjustments": _STEPS}
    assert expected == stepped_count(config, breach, instances)


def test_a_gap_between_steps() -> None:
    """Changes nothing."""
    config = {"StepAdjustments": [{"MetricIntervalLowerBound": 5.0, "ScalingAdjustment": 1}]}
    assert 2 == stepped_count(config, 1, 2)


@pytest.mark.parametrize(
    ("value", "instances", "expected"), [(0, 3, 0), (5, 1, 1), (5.1, 1, 2), (11, 0, 3), (10, 3, 6)]
)
def test_targets(value: float, instances: int, expected: int) -> None:
    """As many instances as bring 5 for each."""
    assert expected == tracked_count(value, 5, instances)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        pytest.param({}, "ApproximateBacklogSize", id="backlog"),
        pytest.param({"MetricName": "CPUUtilization"}, "", id="another metric"),
        pytest.param({"Namespace": "mine"}, "", id="another namespace"),
        pytest.param({"Dimensions": [{"Name": "EndpointName", "Value": "b"}]}, "", id="another's"),
    ],
)
def test_what_is_tracked(metric: Mapping[str, Any], expected: str) -> None:
    """The endpoint's own backlog alone."""
    whole = {
        "Namespace": "AWS/SageMaker", "MetricName": "ApproximateBacklogSize",
        "Dimensions": [{"Name": "EndpointName", "Value": "a"}], **metric,
    }  # fmt: skip
    config = {"CustomizedMetricSpecification": whole}
    policy = {"TargetTrackingScalingPolicyConfiguration": config}
    assert expected == tracked_metric(policy, "a")
    assert "" == tracked_metric({}, "a")
