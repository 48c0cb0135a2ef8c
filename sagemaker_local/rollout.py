# SPDX-License-Identifier: AGPL-3.0-or-later
"""UpdateEndpoint: a second fleet beside the first, traffic that moves over, and the way back.

Source: developer guide, "Deployment guardrails": all at once, canary and linear, a baking period
after each shift, in which alarms lead back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sagemaker_local.life import start_fleet, stop_fleet
from sagemaker_local.model_servers import ServerFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sagemaker_local.backend import Backend
    from sagemaker_local.fleets import Fleet
    from sagemaker_local.records import Endpoint

_POLL_S = 0.2
_ALL = 100.0


@dataclass(frozen=True, slots=True)
class Retained:
    """What an update keeps of a variant instead of taking it from the configuration."""

    instances: int | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """One update.

    Attributes:
        config: Name of the new configuration.
        deployment: DeploymentConfig; empty for none.
        retained: By name of the variant.
    """

    config: str
    deployment: Mapping[str, Any]
    retained: Mapping[str, Retained]

    def __call__(self, backend: Backend, endpoint: Endpoint) -> None:
        region = backend.region(endpoint.region)
        try:
            fleet = start_fleet(backend, region, endpoint, self.config)
        except ServerFailed as err:
            _roll_back(backend, endpoint, err.reason)
            return
        self._retain(fleet)
        with endpoint.lock:
            endpoint.coming = fleet
        for percent, wait_s in shifts(self.deployment, _instances(fleet)):
            endpoint.share_percent = percent
            if tripped := self._bake(backend, endpoint, wait_s):
                _roll_back(backend, endpoint, _reason(tripped))
                return
        policy = self.deployment.get("BlueGreenUpdatePolicy", {})
        backend.clock.wait(policy.get("TerminationWaitInSeconds", 0))
        self._finish(backend, endpoint, fleet)

    def _finish(self, backend: Backend, endpoint: Endpoint, fleet: Fleet) -> None:
        with endpoint.lock:
            old = endpoint.live
            endpoint.live, endpoint.coming, endpoint.share_percent = fleet, None, 0.0
            endpoint.config, endpoint.coming_config = self.config, ""
            endpoint.deployment = self.deployment or None
        assert old
        stop_fleet(backend, endpoint, old)
        endpoint.move_to("InService", "")

    def _retain(self, fleet: Fleet) -> None:
        for variant in fleet.variants:
            kept = self.retained.get(variant.name, Retained())
            variant.instances = variant.instances if kept.instances is None else kept.instances
            variant.weight = variant.weight if kept.weight is None else kept.weight

    def _bake(self, backend: Backend, endpoint: Endpoint, wait_s: float) -> list[str]:
        """Watch the alarms for a while; names of those that go off."""
        alarms = self.deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        names = [alarm["AlarmName"] for alarm in alarms]
        tripped: list[str] = []
        next_s = 0.0

        def is_over() -> bool:
            nonlocal next_s, tripped
            if names and time.monotonic() >= next_s:
                tripped = in_alarm(backend, endpoint.region, names)
                next_s = time.monotonic() + _POLL_S
            return bool(tripped)

        backend.clock.wait(wait_s, is_over)
        return tripped


def in_alarm(backend: Backend, region: str, names: Sequence[str]) -> list[str]:
    """Which of these alarms are in ALARM."""
    return [
        alarm["AlarmName"]
        for alarm in backend.aws.alarms(region, names)
        if alarm["StateValue"] == "ALARM"
    ]


def shifts(deployment: Mapping[str, Any], instances: int) -> Iterator[tuple[float, float]]:
    """How much traffic the new fleet gets, and for how long it is watched then.

    Args:
        deployment: DeploymentConfig.
        instances: Of the new fleet.
    """
    policy = deployment.get("BlueGreenUpdatePolicy", {})
    traffic = policy.get("TrafficRoutingConfiguration", {})
    wait_s = traffic.get("WaitIntervalInSeconds", 0)
    kind = traffic.get("Type", "ALL_AT_ONCE")
    if kind == "CANARY":
        yield share_of(traffic["CanarySize"], instances), wait_s
    if kind == "LINEAR":
        step = share_of(traffic["LinearStepSize"], instances)
        for count in range(1, int(-(-_ALL // step))):
            yield count * step, wait_s
    yield _ALL, wait_s


def share_of(size: Mapping[str, Any], instances: int) -> float:
    """A CapacitySize in percent of the instances."""
    value: int = size["Value"]
    return float(value) if size["Type"] == "CAPACITY_PERCENT" else _ALL * value / instances


def _instances(fleet: Fleet) -> int:
    return sum(variant.instances for variant in fleet.variants)


def _reason(tripped: Sequence[str]) -> str:
    return f"One or more alarms went off: {', '.join(tripped)}. The endpoint is rolled back."


def _roll_back(backend: Backend, endpoint: Endpoint, reason: str) -> None:
    with endpoint.lock:
        endpoint.share_percent = 0.0
        fleet, endpoint.coming = endpoint.coming, None
        endpoint.coming_config = ""
        endpoint.move_to("RollingBack", reason)
    if fleet:
        stop_fleet(backend, endpoint, fleet)
    endpoint.move_to("UpdateRollbackFailed" if backend.faults.rollback else "InService")
