# SPDX-License-Identifier: AGPL-3.0-or-later
"""States of alarms from data, as CloudWatch gives them."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.local.sagemaker.alarms import percentile, series_of, state_of
from deploy.local.sagemaker.metrics import Series

NOW_S = 1000.0
ALARM: dict[str, Any] = {
    "Period": 60,
    "EvaluationPeriods": 1,
    "Statistic": "Sum",
    "Threshold": 3.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}
BAD, GOOD = 5.0, 1.0


@pytest.mark.parametrize(
    ("changes", "values", "state"),
    [
        pytest.param({}, [(10, 2.0), (50, 1.0)], "ALARM", id="sum"),
        pytest.param({}, [(10, 2.0), (61, 1.0)], "OK", id="before the period"),
        pytest.param({}, [], "INSUFFICIENT_DATA", id="nothing"),
        pytest.param({"TreatMissingData": "notBreaching"}, [], "OK", id="nothing is good"),
        pytest.param({"TreatMissingData": "breaching"}, [], "ALARM", id="nothing is bad"),
        pytest.param({"TreatMissingData": "ignore"}, [], "", id="nothing changes nothing"),
        pytest.param({"Statistic": "Average"}, [(1, 1.0), (2, 6.0)], "ALARM", id="average"),
        pytest.param({"Statistic": "Maximum"}, [(1, 1.0), (2, 3.0)], "ALARM", id="maximum"),
        pytest.param({"Statistic": "Minimum"}, [(1, 1.0), (2, 3.0)], "OK", id="minimum"),
        pytest.param({"Statistic": "SampleCount"}, [(1, 0.0)] * 3, "ALARM", id="count"),
        pytest.param(
            {"ExtendedStatistic": "p95", "Statistic": None},
            [(1, 1.0)] * 99 + [(1, 9.0)], "OK", id="p95 below",
        ),
        pytest.param(
            {"ExtendedStatistic": "p95", "Statistic": None},
            [(1, 1.0)] * 90 + [(1, 9.0)] * 10, "ALARM", id="p95 above",
        ),
        pytest.param(
            {"ComparisonOperator": "LessThanThreshold"}, [(1, 3.0)], "OK", id="not less",
        ),
        pytest.param(
            {"EvaluationPeriods": 3}, [(1, BAD), (61, BAD), (121, GOOD)], "OK", id="2 of 3",
        ),
        pytest.param(
            {"EvaluationPeriods": 3, "DatapointsToAlarm": 2},
            [(1, BAD), (61, BAD), (121, GOOD)], "ALARM", id="2 of 3 are enough",
        ),
        pytest.param({"EvaluationPeriods": 3}, [(1, BAD)], "ALARM", id="what is there decides"),
        pytest.param(
            {"EvaluationPeriods": 2, "TreatMissingData": "notBreaching"}, [(1, BAD)], "OK",
            id="what is missing is good",
        ),
    ],
)  # fmt: skip
def test_states(changes: dict[str, Any], values: list[tuple[float, float]], state: str) -> None:
    """Values by how many seconds ago they came."""
    alarm = {key: value for key, value in (ALARM | changes).items() if value is not None}
    samples = [(NOW_S - ago_s, value) for ago_s, value in values]
    assert state == state_of(alarm, samples, NOW_S)


def test_periods_can_be_shortened() -> None:
    """As much as SageMaker's own waits."""
    samples = [(NOW_S - 1, BAD)]
    assert "ALARM" == state_of(ALARM, samples, NOW_S, scale=0.1)
    assert "INSUFFICIENT_DATA" == state_of(ALARM, samples, NOW_S, scale=0.01)


def test_percentiles() -> None:
    """Between the two nearest values."""
    assert 1.0 == percentile([1.0], 95)
    assert 2.5 == percentile([4.0, 1.0, 2.0, 3.0], 50)
    assert 4.0 == percentile([4.0, 1.0], 100)


def test_only_metrics_of_variants_are_looked_at() -> None:
    """With both names, in the namespace that the metric has."""
    dimensions = [
        {"Name": "VariantName", "Value": "v"},
        {"Name": "EndpointName", "Value": "e"},
    ]
    alarm = {"Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": dimensions}
    memory = alarm | {"MetricName": "MemoryUtilization"}

    assert Series("r", "e", "v", "Invocations") == series_of(alarm, "r")
    assert series_of(alarm | {"Dimensions": dimensions[:1]}, "r") is None
    assert series_of(alarm | {"Namespace": "AWS/Lambda"}, "r") is None
    assert series_of(memory, "r") is None
    assert series_of(memory | {"Namespace": "/aws/sagemaker/Endpoints"}, "r") is not None
