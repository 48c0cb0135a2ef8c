# SPDX-License-Identifier: AGPL-3.0-or-later
"""CloudWatch's alarms on metrics of endpoints; moto keeps alarms, but does not evaluate them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from deploy.local.sagemaker.metrics import NAMESPACE, OF_INSTANCES, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deploy.local.sagemaker.hosting import Hosting
    from deploy.local.sagemaker.metrics import Sample

OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"
_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum, "Average": fmean, "Maximum": max, "Minimum": min, "SampleCount": len,
}  # fmt: skip
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, limit: value >= limit,
    "GreaterThanThreshold": lambda value, limit: value > limit,
    "LessThanThreshold": lambda value, limit: value < limit,
    "LessThanOrEqualToThreshold": lambda value, limit: value <= limit,
}


@dataclass(slots=True)
class Alarms:
    """Evaluates the alarms of a hosting's endpoints.

    A state changes when the data says another thing than before, so that a state which somebody
    has set by hand lasts until then.
    """

    hosting: Hosting
    _last: dict[tuple[str, str], str] = field(default_factory=dict)

    def evaluate(self, region: str) -> None:
        """Set the states of a region's alarms."""
        for alarm in self.hosting.neighbors.alarms(region):
            series = series_of(alarm, region)
            if series is None:
                continue
            samples = self.hosting.metrics.samples(series)
            state = state_of(alarm, samples, time.monotonic(), self.hosting.clock.scale)
            key = (region, alarm["AlarmArn"])
            if state and state != self._last.get(key, alarm["StateValue"]):
                reason = f"{series.name} of the last {alarm['EvaluationPeriods']} periods"
                self.hosting.neighbors.set_alarm(region, alarm["AlarmName"], state, reason)
            self._last[key] = state or self._last.get(key, alarm["StateValue"])


def series_of(alarm: Mapping[str, Any], region: str) -> Series | None:
    """The metric that an alarm watches; None if it is none of an endpoint's variant."""
    dimensions = {entry["Name"]: entry["Value"] for entry in alarm.get("Dimensions", [])}
    if alarm.get("Namespace") not in {NAMESPACE, OF_INSTANCES}:
        return None
    if set(dimensions) != {"EndpointName", "VariantName"}:
        return None
    series = Series(
        region, dimensions["EndpointName"], dimensions["VariantName"], alarm["MetricName"]
    )
    return series if series.namespace == alarm["Namespace"] else None


def state_of(
    alarm: Mapping[str, Any], samples: Sequence[Sample], now_s: float, scale: float = 1.0
) -> str:
    """The state that the data gives an alarm; empty if it stays as it is.

    Args:
        alarm: As DescribeAlarms tells it.
        samples: Of its metric, the oldest first.
        now_s: The end of the last period.
        scale: By what periods are shortened.
    """
    length_s, count = alarm["Period"] * scale, alarm["EvaluationPeriods"]
    periods: list[list[float]] = [[] for _ in range(count)]
    for at_s, value in samples:
        index = int((now_s - at_s) / length_s)
        if at_s <= now_s and index < count:
            periods[index].append(value)
    verdicts = [_verdict(alarm, period) for period in periods]
    known = [verdict for verdict in verdicts if verdict is not None]
    needed = alarm.get("DatapointsToAlarm", count)
    treatment = alarm.get("TreatMissingData", "missing")
    if treatment in {"breaching", "notBreaching"}:
        known += [treatment == "breaching"] * (count - len(known))
    elif not known:
        return UNKNOWN if treatment == "missing" else ""
    # Where missing data counts for nothing, what is there decides.
    return ALARM if sum(known) >= min(needed, len(known)) else OK


def _verdict(alarm: Mapping[str, Any], values: Sequence[float]) -> bool | None:
    """Whether a period breaches the threshold; None if it has no data."""
    if not values:
        return None
    return _COMPARISONS[alarm["ComparisonOperator"]](_statistic(alarm, values), alarm["Threshold"])


def _statistic(alarm: Mapping[str, Any], values: Sequence[float]) -> float:
    if "Statistic" in alarm:
        return float(_STATISTICS[alarm["Statistic"]](values))
    return percentile(values, float(alarm["ExtendedStatistic"].removeprefix("p")))


def percentile(values: Sequence[float], percent: float) -> float:
    """A percentile, interpolated between the two values that are nearest to it."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
