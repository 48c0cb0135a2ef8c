# SPDX-License-Identifier: AGPL-3.0-or-later
"""Application-autoscaling, which moto keeps but does not do: bounds, and policies of queues."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sagemaker_local.alarms import values_of
from sagemaker_local.asynchronous import backlog_gauges
from sagemaker_local.policies import (
    HIGH_PERIODS,
    LOW_PERIODS,
    LOW_SHARE,
    PERIOD_S,
    stepped_count,
    tracked_count,
    tracked_metric,
)
from sagemaker_local.resizing import begin_resize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sagemaker_local.hosting import Hosting
    from sagemaker_local.records import Endpoint, Region
    from sagemaker_local.sides import Variant

    Found = Mapping[str, Any]

_COUNT = "sagemaker:variant:DesiredInstanceCount"
COOLDOWN_S = 300  # user guide of application-autoscaling: the default for SageMaker


@dataclass(slots=True)
class Scaling:
    """Scales the endpoints of a hosting.

    Attributes:
        hosting: It.
    """

    hosting: Hosting
    _since_s: dict[tuple[str, str], float] = field(default_factory=dict)
    _scaled_s: dict[str, float] = field(default_factory=dict)

    def look_at(self, region: Region) -> None:
        """Bring instance counts between their bounds, and to where policies want them."""
        if not any(_scalable(endpoint) for endpoint in list(region.endpoints.values())):
            return
        policies: Sequence[Found] | None = None
        for target in self.hosting.neighbors.scalable_targets(region.name):
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
            if policies is None:
                policies = self.hosting.neighbors.scaling_policies(region.name)
            own = [one for one in policies if one["ResourceId"] == target["ResourceId"]]
            self._scale(endpoint, variant, target, own)

    def _scale(
        self, endpoint: Endpoint, variant: Variant, target: Found, policies: Sequence[Found]
    ) -> None:
        """Begin what bounds and policies want; the most that one of them wants."""
        current = variant.instances
        count = _bounded(target, current)
        if count == current:
            wanted: dict[str, int] = {}
            for policy in policies:
                one = self._wanted(endpoint, variant, policy)
                if one is not None and _bounded(target, one) != current:
                    wanted[policy["PolicyARN"]] = _bounded(target, one)
            if not wanted:
                return
            count = max(wanted.values())
            now_s = time.monotonic()
            self._scaled_s |= {arn: now_s for arn in wanted if wanted[arn] == count}
        with endpoint.lock:
            if endpoint.status == "InService":
                begin_resize(self.hosting, endpoint, variant, count)

    def _wanted(self, endpoint: Endpoint, variant: Variant, policy: Found) -> int | None:
        """How many instances a policy wants; None if it wants nothing now."""
        if policy["PolicyType"] == "StepScaling":
            return self._stepped(endpoint, variant, policy)
        metric = tracked_metric(policy, endpoint.name)
        return self._tracked(endpoint, variant, policy, metric) if metric else None

    def _tracked(
        self, endpoint: Endpoint, variant: Variant, policy: Found, metric: str
    ) -> int | None:
        config, arn = policy["TargetTrackingScalingPolicyConfiguration"], policy["PolicyARN"]
        value = backlog_gauges(endpoint, variant.instances).get(metric)
        goal = config["TargetValue"]
        is_high = self._lasts(arn, "high", HIGH_PERIODS, is_so=value is not None and value > goal)
        is_low = self._lasts(
            arn, "low", LOW_PERIODS, is_so=value is not None and value < LOW_SHARE * goal
        )
        if value is None:
            return None
        scope = 1 if metric == "ApproximateBacklogSize" else variant.instances
        count = tracked_count(value, goal, scope)
        if is_high and self._is_cool(arn, config.get("ScaleOutCooldown", COOLDOWN_S)):
            return max(count, variant.instances + 1)
        is_in = is_low and not config.get("DisableScaleIn", False)
        if is_in and self._is_cool(arn, config.get("ScaleInCooldown", COOLDOWN_S)):
            return min(count, variant.instances)
        return None

    def _stepped(self, endpoint: Endpoint, variant: Variant, policy: Found) -> int | None:
        config = policy["StepScalingPolicyConfiguration"]
        if not self._is_cool(policy["PolicyARN"], config.get("Cooldown", COOLDOWN_S)):
            return None
        for alarm in self.hosting.neighbors.alarms(endpoint.region):
            acts = alarm["ActionsEnabled"] and policy["PolicyARN"] in alarm["AlarmActions"]
            if acts and alarm["StateValue"] == "ALARM":
                breach = self._breach(alarm, endpoint.region)
                return stepped_count(config, breach, variant.instances)
        return None

    def _breach(self, alarm: Found, region: str) -> float:
        """How far its metric is beyond an alarm's threshold; 0 if that cannot be told."""
        values = values_of(self.hosting, alarm, region) or []
        value = next((one for one in values if one is not None), None)
        return 0.0 if value is None else value - alarm["Threshold"]

    def _lasts(self, arn: str, what: str, periods: int, *, is_so: bool) -> bool:
        """Whether something has been so for that long."""
        if not is_so:
            self._since_s.pop((arn, what), None)
            return False
        since_s = self._since_s.setdefault((arn, what), time.monotonic())
        return time.monotonic() - since_s >= periods * PERIOD_S * self.hosting.clock.scale

    def _is_cool(self, arn: str, seconds: float) -> bool:
        """Whether a policy may scale again."""
        last_s = self._scaled_s.get(arn)
        return last_s is None or time.monotonic() - last_s >= seconds * self.hosting.clock.scale


def _scalable(endpoint: Endpoint) -> list[Variant]:
    """The variants whose instances may be counted anew."""
    with endpoint.lock:
        live = endpoint.live if endpoint.status == "InService" else None
        return [one for one in live.variants if not one.serverless] if live else []


def _bounded(target: Found, count: int) -> int:
    least, most = int(target["MinCapacity"]), int(target["MaxCapacity"])
    return min(max(count, least), most)
