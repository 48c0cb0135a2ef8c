# SPDX-License-Identifier: AGPL-3.0-or-later
"""States of alarms from data, as CloudWatch gives them."""

from __future__ import annotations

from typing import Any

import pytest

from sagemaker_local.alarms import state_of
from sagemaker_local.metrics import Sample, Series
from sagemaker_local.readings import NotUnderstood, calculate, percentile, watched_by

NOW_S = 1000.0
DIMENSIONS = [{"Name": "VariantName", "Value": "v"}, {"Name": "EndpointName", "Value": "e"}]
ALARM: dict[str, Any] = {
    "Namespace": "AWS/SageMaker",
    "Metrics": [],  # as moto tells it
    "MetricName": "Invocations",
    "Dimensions": DIMENSIONS,
    "Period": 60,
    "EvaluationPeriods": 1,
    "Statistic": "Sum",
    "Threshold": 3.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}
BAD, GOOD = 5.0, 1.0


def state(alarm: dict[str, Any], samples: list[Sample], scale: float = 1.0) -> str:
    """Of an alarm, when all its metrics have the same samples."""
    watched = watched_by(alarm, "r")
    assert watched
    values = watched.values(lambda _: samples, alarm["EvaluationPeriods"], NOW_S, scale)
    return state_of(alarm, values)


@pytest.mark.parametrize(
    ("changes", "values", "expected"),
    [
        pytest.param({}, [(10, 2.0), (50, 1.0)], "ALARM", id="sum"),
        pytest.param({}, [(10, 2.0), (61, 1.0)], "OK", id="before the period"),
        pytest.param({}, [], "INSUFFICIENT_DATA", id="nothing"),
        pytest.param({"TreatMissingData": "notBreaching"}, [], "OK", id="nothing is good"),
        pytest.param({"Statistic": "Average"}, [(1, 1.0), (2, 6.0)], "ALARM", id="average"),
        pytest.param({"Statistic": "Maximum"}, [(1, 1.0), (2, 3.0)], "ALARM", id="maximum"),
        pytest.param(
            {"ExtendedStatistic": "p95", "Statistic": None},
            [(1, 1.0)] * 99 + [(1, 9.0)], "OK", id="p95 below",
        ),
        pytest.param(
            {"ExtendedStatistic": "p95", "Statistic": None},
            [(1, 1.0)] * 90 + [(1, 9.0)] * 10, "ALARM", id="p95 above",
        ),
        pytest.param(
            {"ComparisonOperator": "LessThanThreshold"}, [(1, 3.0)], "", id="not looked at",
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
def test_states(changes: dict[str, Any], values: list[tuple[float, float]], expected: str) -> None:
    """Values by how many seconds ago they came."""
    alarm = {key: value for key, value in (ALARM | changes).items() if value is not None}
    samples = [(NOW_S - ago_s, value) for ago_s, value in values]
    assert expected == state(alarm, samples)


def test_periods_can_be_shortened() -> None:
    """As much as SageMaker's own waits."""
    samples = [(NOW_S - 1, BAD)]
    assert "ALARM" == state(ALARM, samples, 0.1)
    assert "INSUFFICIENT_DATA" == state(ALARM, samples, 0.01)


def test_periods_are_as_long_as_it_takes_to_measure() -> None:
    """However much they are shortened."""
    assert "ALARM" == state(ALARM, [(NOW_S - 0.45, BAD)], 0.0001)
    assert "INSUFFICIENT_DATA" == state(ALARM, [(NOW_S - 0.55, BAD)], 0.0001)


def test_percentiles() -> None:
    """Between the two nearest values."""
    assert 1.0 == percentile([1.0], 95)
    assert 2.5 == percentile([4.0, 1.0, 2.0, 3.0], 50)
    assert 4.0 == percentile([4.0, 1.0], 100)


def test_only_metrics_of_endpoints_are_looked_at() -> None:
    """With both names or the endpoint's alone, in the namespace that the metric has."""
    memory = ALARM | {"MetricName": "MemoryUtilization"}
    watched = watched_by(ALARM, "r")

    assert watched
    assert [Series("r", "e", "v", "Invocations")] == [s.series for s in watched.statistics.values()]
    assert watched_by(ALARM | {"Dimensions": DIMENSIONS[:1]}, "r") is None
    whole = watched_by(ALARM | {"Dimensions": DIMENSIONS[1:]}, "r")
    assert whole
    assert [Series("r", "e", "", "Invocations")] == [s.series for s in whole.statistics.values()]
    assert watched_by(ALARM | {"Namespace": "AWS/Lambda"}, "r") is None
    assert watched_by(memory, "r") is None
    assert watched_by(memory | {"Namespace": "/aws/sagemaker/Endpoints"}, "r") is not None


def test_arithmetic_on_metrics() -> None:
    """As in the alarm on errors that are not the caller's."""

    def query(name: str, metric: str) -> dict[str, Any]:
        what = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": DIMENSIONS}
        stat = {"Metric": what, "Period": 60, "Stat": "Sum"}
        return {"Id": name, "MetricStat": stat, "ReturnData": False}

    text = "100 * (failed - refused) / requests"
    alarm = {
        "Metrics": [
            {"Id": "percent", "Expression": text, "ReturnData": True},
            query("failed", "InvocationModelErrors"),
            query("refused", "Invocation4XXErrors"),
            query("requests", "Invocations"),
        ],
        "EvaluationPeriods": 2,
    }
    samples = {
        "InvocationModelErrors": [(NOW_S - 1, 3.0)],
        "Invocation4XXErrors": [(NOW_S - 1, 1.0)],
        "Invocations": [(NOW_S - 1, 8.0), (NOW_S - 61, 8.0)],
    }
    watched = watched_by(alarm, "r")
    assert watched
    assert [25.0, None] == watched.values(lambda series: samples[series.name], 2, NOW_S, 1.0)
    other = {"Namespace": "AWS/Lambda", "MetricName": "Errors"}
    mixed = [*alarm["Metrics"], query("x", "y") | {"MetricStat": {"Metric": other, "Period": 60}}]  # type: ignore[misc]
    assert watched_by({"Metrics": mixed}, "r") is None


def test_what_is_more_than_arithmetic() -> None:
    """Is not guessed."""
    assert 1.5 == calculate("(1 + 2) / 2", {})
    assert calculate("1 / x", {"x": 0.0}) is None
    for expression in ("FILL(x, 0)", "x > 1", "x[0]", "1 +", "-x", "'a' + x"):
        with pytest.raises(NotUnderstood):
            calculate(expression, {"x": 1.0})
