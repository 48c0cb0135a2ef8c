# SPDX-License-Identifier: AGPL-3.0-or-later
"""How SageMaker moves the requests to another configuration, and when it takes that back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.endpoint.alarms import alarm_names
from deploy.endpoint.capacity import Traffic

if TYPE_CHECKING:
    from collections.abc import Collection

    from deploy.endpoint.asynchronous import Asynchronous
    from deploy.endpoint.capacity import Realtime
    from deploy.endpoint.spec import Spec

_AT_ONCE = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}


def deployment_config(spec: Spec, without: Collection[str] = ()) -> dict[str, Any] | None:
    """How an update goes; None where SageMaker takes no such thing, in mode serverless.

    Args:
        spec: What is wanted.
        without: Alarms that do not take the update back, such as those in ALARM before it.
    """
    if spec.fleet is None:
        return None
    # Requests that wait in a queue need not be moved over in steps.
    traffic = _traffic(spec.realtime) if spec.realtime else _AT_ONCE
    config = {"BlueGreenUpdatePolicy": _policy(spec.fleet, traffic)}
    names = [name for name in alarm_names(spec) if name not in without]
    if names:
        alarms = [{"AlarmName": name} for name in names]
        config["AutoRollbackConfiguration"] = {"Alarms": alarms}
    return config


def _policy(fleet: Realtime | Asynchronous, traffic: dict[str, Any]) -> dict[str, Any]:
    return {
        "TrafficRoutingConfiguration": traffic,
        "TerminationWaitInSeconds": fleet.termination_wait_s,
        "MaximumExecutionTimeoutInSeconds": fleet.max_execution_s,
    }


def _traffic(realtime: Realtime) -> dict[str, Any]:
    kind = realtime.rollout
    traffic: dict[str, Any] = {
        "Type": kind.value.upper().replace("-", "_"),
        "WaitIntervalInSeconds": realtime.wait_s,
    }
    if kind is not Traffic.ALL_AT_ONCE:
        step = "CanarySize" if kind is Traffic.CANARY else "LinearStepSize"
        traffic[step] = {"Type": "CAPACITY_PERCENT", "Value": realtime.step_percent}
    return traffic
