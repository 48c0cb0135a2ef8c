# SPDX-License-Identifier: AGPL-3.0-or-later
"""How far a change of an endpoint is: its stage, who gets the requests, what the alarms say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deploy.endpoint.remote import find_alarms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.aws.api import AwsApi

_ALL = 100.0


@dataclass(frozen=True, slots=True)
class Progress:
    """A change that goes on, or the state that it has led to.

    Attributes:
        status: Of the endpoint.
        to: The configuration that it is to have; empty if only its capacity changes, or nothing.
        stage: In SageMaker's words, such as ``Baking``; empty if it says none.
        share_percent: How much of the requests goes to the new one; None if that is unknown.
        steps: How much it gets one after the other; empty if that is unknown.
        alarms: The state of each of ours.
    """

    status: str
    to: str = ""
    stage: str = ""
    share_percent: float | None = None
    steps: tuple[float, ...] = ()
    alarms: Mapping[str, str] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """Which of the steps it is, from 1; 0 before the first."""
        share = self.share_percent or 0.0
        return sum(1 for percent in self.steps if percent <= share + 0.5)

    def __str__(self) -> str:
        told = [self.stage] if self.stage else []
        if self.share_percent is not None:
            count = f"step {self.step} of {len(self.steps)}, " if self.steps and self.step else ""
            told.append(f"{count}{self.share_percent:.0f} % of the requests")
        if self.alarms:
            other = [f"{name} {state}" for name, state in self.alarms.items() if state != "OK"]
            told.append(f"alarms: {', '.join(other) or 'all OK'}")
        head = f"{self.status} to {self.to}" if self.to else self.status
        return f"{head} ({'; '.join(told)})" if told else head


def read_progress(
    account: AwsApi, found: Mapping[str, Any], deployment: Mapping[str, Any] | None = None
) -> Progress:
    """How far it is.

    Args:
        account: Asked for the alarms.
        found: What DescribeEndpoint says.
        deployment: The `DeploymentConfig` of the update; None if that is unknown.

    Raises:
        AwsError: If CloudWatch refuses.
    """
    status = str(found["EndpointStatus"])
    pending: Mapping[str, Any] = found.get("PendingDeploymentSummary", {})
    if not pending:
        return Progress(status)
    coming = pending.get("ProductionVariants", [])
    said = [state for variant in coming for state in variant.get("VariantStatus", [])]
    share = _share_percent(coming, found.get("ProductionVariants", []))
    watched = find_alarms(account, found["EndpointName"]) if share is not None else []
    return Progress(
        status,
        str(pending.get("EndpointConfigName", "")),
        str(said[-1].get("Status", "")) if said else "",
        share,
        steps_of(deployment or {}),
        {alarm["AlarmName"]: alarm["StateValue"] for alarm in watched},
    )


def steps_of(deployment: Mapping[str, Any]) -> tuple[float, ...]:
    """How much of the requests an update moves, one step after the other, in percent."""
    policy = deployment.get("BlueGreenUpdatePolicy", {})
    traffic = policy.get("TrafficRoutingConfiguration", {})
    match traffic.get("Type"):
        case "CANARY":
            return float(traffic["CanarySize"]["Value"]), _ALL
        case "LINEAR":
            size = float(traffic["LinearStepSize"]["Value"])
            return *(size * count for count in range(1, int(-(-_ALL // size)))), _ALL
    return ()


def _share_percent(coming: list[Mapping[str, Any]], live: list[Mapping[str, Any]]) -> float | None:
    """By the weights of new and old; None before the new one has any, as where it starts."""
    new = sum(variant.get("CurrentWeight", 0.0) for variant in coming)
    old = sum(variant.get("CurrentWeight", 0.0) for variant in live)
    return _ALL * new / (new + old) if new else None
