# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an alarm looks at: a statistic of one metric, or arithmetic on several, period by period."""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from sagemaker_local.metrics import NAMESPACE, OF_INSTANCES, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sagemaker_local.metrics import Sample

_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum, "Average": fmean, "Maximum": max,
}  # fmt: skip
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


LEAST_S = 0.5  # of a period that is shortened: upkeep measures every quarter of a second


class NotUnderstood(Exception):
    """An expression has more in it than arithmetic."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic of one metric, such as ``Sum`` or ``p95``."""

    series: Series
    name: str

    def of(self, values: Sequence[float]) -> float:
        """Its value for a period that has data."""
        if self.name in _STATISTICS:
            return float(_STATISTICS[self.name](values))
        return percentile(values, float(self.name.removeprefix("p")))


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """What an alarm compares with its threshold.

    Attributes:
        statistics: By the name that the expression has for each.
        expression: Arithmetic on them; a name alone if there is only one.
        period_s: How long a period is, in seconds.
    """

    statistics: Mapping[str, Statistic]
    expression: str
    period_s: float

    def values(
        self, samples: Callable[[Series], Sequence[Sample]], count: int, now_s: float, scale: float
    ) -> list[float | None]:
        """One value for each of the last periods, the latest first; None without data.

        Args:
            samples: Gives those of a metric.
            count: How many periods.
            now_s: The end of the latest.
            scale: By what periods are shortened.

        Raises:
            NotUnderstood: If the expression has more in it than arithmetic.
        """
        length_s = max(self.period_s * scale, LEAST_S)
        periods: list[dict[str, float]] = [{} for _ in range(count)]
        for name, statistic in self.statistics.items():
            found: list[list[float]] = [[] for _ in range(count)]
            for at_s, value in samples(statistic.series):
                index = int((now_s - at_s) / length_s)
                if at_s <= now_s and index < count:
                    found[index].append(value)
            for period, values in zip(periods, found, strict=True):
                if values:
                    period[name] = statistic.of(values)
        return [calculate(self.expression, period) for period in periods]


def watched_by(alarm: Mapping[str, Any], region: str) -> MetricQuery | None:
    """What an alarm looks at; None if that is not metrics of endpoints alone."""
    if not alarm.get("Metrics"):
        statistic = alarm.get("Statistic") or alarm.get("ExtendedStatistic")
        series = _series(alarm, region)
        if series is None or not statistic:
            return None
        return MetricQuery({"value": Statistic(series, statistic)}, "value", alarm["Period"])
    queries = alarm["Metrics"]
    stats = {query["Id"]: query["MetricStat"] for query in queries if "MetricStat" in query}
    found = {
        name: Statistic(series, stat["Stat"])
        for name, stat in stats.items()
        if (series := _series(stat["Metric"], region))
    }
    shown = next((query for query in queries if query.get("ReturnData", True)), None)
    if shown is None or not stats or len(found) < len(stats):
        return None
    periods = [stat["Period"] for stat in stats.values()]
    return MetricQuery(found, shown.get("Expression", shown["Id"]), max(periods))


def _series(metric: Mapping[str, Any], region: str) -> Series | None:
    dimensions = {entry["Name"]: entry["Value"] for entry in metric.get("Dimensions", [])}
    if metric.get("Namespace") not in {NAMESPACE, OF_INSTANCES}:
        return None
    if set(dimensions) not in ({"EndpointName", "VariantName"}, {"EndpointName"}):
        return None
    series = Series(
        region, dimensions["EndpointName"], dimensions.get("VariantName", ""), metric["MetricName"]
    )
    return series if series.namespace == metric["Namespace"] else None


def calculate(expression: str, values: Mapping[str, float]) -> float | None:
    """The value of an expression; None where a value is missing or it divides by zero.

    Raises:
        NotUnderstood: If it has more in it than names, numbers, ``+ - * /`` and brackets.
    """
    try:
        return _value(ast.parse(expression, mode="eval").body, values)
    except (KeyError, ZeroDivisionError):
        return None
    except SyntaxError as err:
        raise NotUnderstood(expression) from err


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left, values), _value(right, values))
    raise NotUnderstood(ast.unparse(node))


def percentile(values: Sequence[float], percent: float) -> float:
    """A percentile, interpolated between the two values that are nearest to it."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
