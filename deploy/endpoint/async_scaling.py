# SPDX-License-Identifier: AGPL-3.0-or-later
"""Autoscaling by the queue of an endpoint, down to no instance at all, as data.

Two policies, as "Autoscale an asynchronous endpoint" of the SageMaker developer guide has them
(read 2026-11). Target tracking goes by the requests for each instance; without an instance there
is no such number, so the first request after a pause is seen by an alarm, whose action is a second
policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.endpoint.actions import ApiCall, Deferred
from deploy.endpoint.alarms import backlog_name, definition, delete_steps, is_ours, put_steps
from deploy.endpoint.release import as_tags
from deploy.endpoint.spec import OUR_TAG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from deploy.endpoint.asynchronous import Backlog
    from deploy.endpoint.spec import Spec

_METRICS = "AWS/SageMaker"
_PERIOD_S = 60  # SageMaker publishes once a minute


def policy_names(endpoint: str) -> list[str]:
    """Of the two policies."""
    return [f"{endpoint}-backlog", _first_request(endpoint)]


def policies(endpoint: str, backlog: Backlog) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """By name: its type, and the key and value of its configuration."""
    tracking = {
        "TargetValue": float(backlog.backlog_per_instance),
        "CustomizedMetricSpecification": {
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Namespace": _METRICS,
            "Dimensions": _dimensions(endpoint),
            "Statistic": "Average",
        },
        "ScaleOutCooldown": backlog.scale_out_cooldown_s,
        "ScaleInCooldown": backlog.scale_in_cooldown_s,
        "DisableScaleIn": False,
    }
    step = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        "Cooldown": backlog.scale_in_cooldown_s,  # the instance must come before another is asked
        "MetricAggregationType": "Maximum",
    }
    by_queue, by_alarm = policy_names(endpoint)
    found = {
        by_queue: ("TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration", tracking)
    }
    if not backlog.min_instances:
        found[by_alarm] = ("StepScaling", "StepScalingPolicyConfiguration", step)
    return found


def alarm_steps(
    spec: Spec, alarms: Iterable[Mapping[str, Any]], known: Iterable[Mapping[str, Any]]
) -> list[ApiCall]:
    """The calls that are left to make for the alarm, once the policies are there.

    Args:
        spec: What is wanted.
        alarms: As `describe_alarms` tells of them.
        known: Policies that stay as they are, as `describe_scaling_policies` tells of them.

    Raises:
        PlanError: If somebody else's alarm has the name.
    """
    name = backlog_name(spec.endpoint)
    there = next((alarm for alarm in alarms if alarm["AlarmName"] == name), None)
    if not (spec.async_ and spec.async_.scales_to_zero):
        return delete_steps(spec.endpoint, [] if there is None else [there])
    return put_steps(spec.endpoint, _alarm(spec, known), there)


def restart_steps(endpoint: str, alarms: Iterable[Mapping[str, Any]]) -> list[ApiCall]:
    """Lets the alarm start the policy again after that was made anew, with an ARN of its own."""
    action = [Deferred(endpoint, _first_request(endpoint))]
    return [
        ApiCall(
            "cloudwatch",
            "put_metric_alarm",
            {"AlarmName": alarm["AlarmName"], **definition(alarm), "AlarmActions": action},
            "its policy was made anew",
        )
        for alarm in alarms
        if alarm["AlarmName"] == backlog_name(endpoint) and is_ours(endpoint, alarm)
    ]


def _alarm(spec: Spec, known: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    policy = _first_request(spec.endpoint)
    arns = [entry["PolicyARN"] for entry in known if entry["PolicyName"] == policy]
    return {
        "AlarmName": backlog_name(spec.endpoint),
        "AlarmDescription": f"Endpoint {spec.endpoint}: requests wait, and there is no instance.",
        "ActionsEnabled": True,
        "AlarmActions": arns or [Deferred(spec.endpoint, policy)],
        "Namespace": _METRICS,
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": _dimensions(spec.endpoint),
        "Period": _PERIOD_S,
        "Statistic": "Average",
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "EvaluationPeriods": 1,  # each more is a minute that the first request waits
        "DatapointsToAlarm": 1,
        "TreatMissingData": "missing",
        "Tags": as_tags({OUR_TAG: spec.endpoint, **spec.tags}),
    }


def _first_request(endpoint: str) -> str:
    return f"{endpoint}-first-request"


def _dimensions(endpoint: str) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": endpoint}]
