# SPDX-License-Identifier: AGPL-3.0-or-later
"""Application-autoscaling, which moto keeps but does not do.

As much as a rehearsal needs of it: bounds; a target of the queue, out and in, down to no instance;
and the first instance that an alarm brings (user guide of application-autoscaling; cooldowns are
not kept, since a policy looks for whole minutes anew after each change).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sagemaker_local.asynchronous import backlog_gauges
from sagemaker_local.resizing import begin_resize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sagemaker_local.backend import Backend
    from sagemaker_local.fleets import Variant
    from sagemaker_local.records import Endpoint, Region

    Found = Mapping[str, Any]

_COUNT = "sagemaker:variant:DesiredInstanceCount"
_PERIOD_S = 60.0
HIGH_PERIODS = 3  # above the target
LOW_PERIODS = 15  # well below it
_LOW_SHARE = 0.9


@dataclass(slots=True)
class Scaling:
    """Scales the endpoints of a hosting.

    Attributes:
        backend: Whose.
    """

    backend: Backend
    _since_s: dict[tuple[str, int], float] = field(default_factory=dict)

    def look_at(self, region: Region) -> None:
        """Bring instance counts between their bounds, and to where policies want them."""
        if not any(_scalable(endpoint) for endpoint in list(region.endpoints.values())):
            return
        policies = self.backend.aws.scaling_policies(region.name)
        for target in self.backend.aws.scalable_targets(region.name):
            _, name, _, variant_name = target["ResourceId"].split("/")
            endpoint = region.endpoints.get(name)
            if endpoint is None or target["ScalableDimension"] != _COUNT:
                continue
            variant = next((v for v in _scalable(endpoint) if v.name == variant_name), None)
            if variant is None:
                continue
            assert endpoint.live
            if endpoint.live.asynchronous is None:
                variant.instances = _bounded(target, variant.instances)
                continue
            own = [one for one in policies if one["ResourceId"] == target["ResourceId"]]
            self._scale(endpoint, variant, target, own)

    def _scale(
        self, endpoint: Endpoint, variant: Variant, target: Found, policies: Sequence[Found]
    ) -> None:
        """Begin what bounds and policies want; the most that one of them wants."""
        found = [self._wanted(endpoint, variant, policy) for policy in policies]
        wanted = [count for count in found if count is not None]
        count = _bounded(target, max(wanted, default=variant.instances))
        if count == variant.instances:
            return
        for policy in policies:
            self._since_s.pop((policy["PolicyARN"], HIGH_PERIODS), None)
            self._since_s.pop((policy["PolicyARN"], LOW_PERIODS), None)
        with endpoint.lock:
            if endpoint.status == "InService":
                begin_resize(self.backend, endpoint, variant, count)

    def _wanted(self, endpoint: Endpoint, variant: Variant, policy: Found) -> int | None:
        """How many instances a policy wants; None if it wants nothing now."""
        if policy["PolicyType"] == "StepScaling":
            return 1 if not variant.instances and self._is_called(endpoint, policy) else None
        config, arn = policy["TargetTrackingScalingPolicyConfiguration"], policy["PolicyARN"]
        metric = config.get("CustomizedMetricSpecification", {}).get("MetricName", "")
        value = backlog_gauges(endpoint, variant.instances).get(metric)
        goal = float(config["TargetValue"])
        is_high = self._lasts(arn, HIGH_PERIODS, is_so=value is not None and value > goal)
        is_low = self._lasts(
            arn, LOW_PERIODS, is_so=value is not None and value < _LOW_SHARE * goal
        )
        if value is None or not (is_high or is_low):
            return None
        scope = 1 if metric == "ApproximateBacklogSize" else max(variant.instances, 1)
        count = math.ceil(scope * value / goal)
        return max(count, variant.instances + 1) if is_high else min(count, variant.instances)

    def _is_called(self, endpoint: Endpoint, policy: Found) -> bool:
        """Whether an alarm that names a policy is in ALARM."""
        return any(
            alarm["ActionsEnabled"]
            and policy["PolicyARN"] in alarm["AlarmActions"]
            and alarm["StateValue"] == "ALARM"
            for alarm in self.backend.aws.alarms(endpoint.region)
        )

    def _lasts(self, arn: str, periods: int, *, is_so: bool) -> bool:
        """Whether something has been so for that many minutes."""
        key = (arn, periods)
        if not is_so:
            self._since_s.pop(key, None)
            return False
        since_s = self._since_s.setdefault(key, time.monotonic())
        return time.monotonic() - since_s >= periods * _PERIOD_S * self.backend.clock.scale


def _scalable(endpoint: Endpoint) -> list[Variant]:
    """The variants whose instances may be counted anew."""
    with endpoint.lock:
        live = endpoint.live if endpoint.status == "InService" else None
        return [one for one in live.variants if not one.serverless] if live else []


def _bounded(target: Found, count: int) -> int:
    least, most = int(target["MinCapacity"]), int(target["MaxCapacity"])
    return min(max(count, least), most)
