# SPDX-License-Identifier: AGPL-3.0-or-later
"""What endpoints count, kept for alarms and sent to CloudWatch."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sagemaker_local.aws_clients import AwsClients

NAMESPACE = "AWS/SageMaker"
OF_INSTANCES = "/aws/sagemaker/Endpoints"
_NAMESPACES = {"MemoryUtilization": OF_INSTANCES}
# Developer guide, "Monitor SageMaker with CloudWatch" and "Monitor asynchronous endpoint"; what is
# not here has no unit.
_UNITS = {
    name: unit
    for unit, names in {
        "Percent": ("MemoryUtilization",),
        "Microseconds": ("ModelLatency", "RequestDownloadLatency", "ResponseUploadLatency"),
        "Milliseconds": ("TimeInBacklog", "TotalProcessingTime"),
        "Seconds": ("ApproximateAgeOfOldestRequest",),
        "Count": (
            "ApproximateBacklogSize", "ApproximateBacklogSizePerInstance",
            "HasBacklogWithoutCapacity", "InvocationsProcessed", "InvocationFailures",
            "ExpiredRequests", "RequestDownloadFailures", "ResponseUploadFailures",
            "NotificationFailures",
        ),
    }.items()
    for name in names
}  # fmt: skip
_MOST_KEPT = 100_000
_MOST_VALUES = 150  # CloudWatch API reference, MetricDatum

Sample = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one variant, or of an endpoint as a whole if that has no name."""

    region: str
    endpoint: str
    variant: str
    name: str

    @property
    def namespace(self) -> str:
        """CloudWatch's namespace of the metric."""
        return _NAMESPACES.get(self.name, NAMESPACE)


@dataclass(slots=True)
class Metrics:
    """Samples: a time by ``time.monotonic``, and a value."""

    _kept: dict[Series, deque[Sample]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_MOST_KEPT))
    )
    _unsent: dict[Series, list[float]] = field(default_factory=lambda: defaultdict(list))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, region: str, endpoint: str, variant: str, values: Mapping[str, float]) -> None:
        """Keep values of one moment by the metric's name."""
        at_s = time.monotonic()
        with self._lock:
            for name, value in values.items():
                series = Series(region, endpoint, variant, name)
                self._kept[series].append((at_s, value))
                self._unsent[series].append(value)

    def samples(self, series: Series) -> Sequence[Sample]:
        """Everything that is kept of a metric, the oldest first."""
        with self._lock:
            return list(self._kept.get(series, ()))

    def send(self, aws: AwsClients) -> None:
        """Send to CloudWatch what has not been sent yet."""
        with self._lock:
            unsent, self._unsent = self._unsent, defaultdict(list)
        batches: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for series, values in unsent.items():
            for start in range(0, len(values), _MOST_VALUES):
                datum = _datum(series, values[start : start + _MOST_VALUES])
                batches[series.region, series.namespace].append(datum)
        for (region, namespace), data in batches.items():
            aws.put_metrics(region, namespace, data)


def _datum(series: Series, values: Sequence[float]) -> dict[str, Any]:
    dimensions = {"EndpointName": series.endpoint, "VariantName": series.variant}
    return {
        "MetricName": series.name,
        "Dimensions": [
            {"Name": key, "Value": dimensions[key]} for key in dimensions if dimensions[key]
        ],
        "Values": list(values),
        "Unit": _UNITS.get(series.name, "None"),
    }
