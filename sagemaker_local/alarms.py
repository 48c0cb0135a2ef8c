# SPDX-License-Identifier: AGPL-3.0-or-later
"""CloudWatch's alarms on metrics of endpoints; moto keeps alarms, but does not evaluate them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sagemaker_local.readings import NotUnderstood, watched_by

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sagemaker_local.backend import Backend

OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, limit: value >= limit,
    "GreaterThanThreshold": lambda value, limit: value > limit,
}


@dataclass(slots=True)
class Alarms:
    """Evaluates the alarms of a hosting's endpoints.

    A state changes when the data says another thing than before, so that a state which somebody
    has set by hand lasts until then.
    """

    backend: Backend
    _last: dict[tuple[str, str, datetime], str] = field(default_factory=dict)

    def evaluate(self, region: str) -> None:
        """Set the states of a region's alarms."""
        for alarm in self.backend.aws.alarms(region):
            state = self._state(alarm, region)
            # Whoever changes an alarm makes another one of it.
            key = (region, alarm["AlarmArn"], alarm["AlarmConfigurationUpdatedTimestamp"])
            last = self._last.get(key, state_of(alarm, [None] * alarm["EvaluationPeriods"]))
            if state and state != last:
                reason = f"what callers got in the last {alarm['EvaluationPeriods']} periods"
                self.backend.aws.set_alarm(region, alarm["AlarmName"], state, reason)
            self._last[key] = state or last

    def _state(self, alarm: Mapping[str, Any], region: str) -> str:
        """What the data says; empty if it says nothing."""
        values = values_of(self.backend, alarm, region)
        return "" if values is None else state_of(alarm, values)


def values_of(backend: Backend, alarm: Mapping[str, Any], region: str) -> list[float | None] | None:
    """What an alarm looks at, one value for each of its periods, the latest first.

    Returns:
        None if it is not of our endpoints alone, or cannot be told (docs/local-sagemaker.md).
    """
    watched = watched_by(alarm, region)
    if watched is None:
        return None
    try:
        return watched.values(
            backend.metrics.samples,
            alarm["EvaluationPeriods"],
            time.monotonic(),
            backend.clock.scale,
        )
    except NotUnderstood:
        return None


def state_of(alarm: Mapping[str, Any], values: Sequence[float | None]) -> str:
    """The state that values give an alarm; empty if it stays as it is.

    Args:
        alarm: As DescribeAlarms tells it.
        values: One for each of its periods; None without data.
    """
    compare = _COMPARISONS.get(alarm["ComparisonOperator"])
    if compare is None:  # below a threshold, or in a band around what is expected
        return ""
    limit = alarm["Threshold"]
    known = [compare(value, limit) for value in values if value is not None]
    if alarm.get("TreatMissingData") == "notBreaching":
        known += [False] * (len(values) - len(known))
    elif not known:
        return UNKNOWN
    # Where missing data counts for nothing, what is there decides.
    needed = min(alarm.get("DatapointsToAlarm", len(values)), len(known))
    return ALARM if sum(known) >= needed else OK
