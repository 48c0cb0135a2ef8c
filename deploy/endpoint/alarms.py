# SPDX-License-Identifier: AGPL-3.0-or-later
"""The CloudWatch alarms of an endpoint of instances, as data.

Source of metrics, units and dimensions: "Amazon SageMaker AI metrics in Amazon CloudWatch",
SageMaker developer guide, read 2026-11. The same metrics hold old and new instances of an update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.endpoint.actions import ApiCall
from deploy.endpoint.release import VARIANT, as_tags
from deploy.endpoint.spec import OUR_TAG
from deploy.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from deploy.endpoint.spec import Spec

_REQUESTS, _INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
_PERIOD_S = 60  # SageMaker publishes once a minute
_ENDINGS = ("5xx", "model-errors", "latency-p95", "memory")
# What makes two alarms the same; tags are not described, and what AWS may add is not compared.
_DEFINITION = (
    "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions",
    "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit",
    "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator",
    "TreatMissingData", "Metrics", "ThresholdMetricId",
)  # fmt: skip


def possible_names(endpoint: str) -> list[str]:
    """Of all alarms that guard an endpoint."""
    return [f"{endpoint}-{ending}" for ending in _ENDINGS]


def all_names(endpoint: str) -> list[str]:
    """Of all alarms that an endpoint can have, for `describe_alarms`."""
    return [*possible_names(endpoint), backlog_name(endpoint)]


def backlog_name(endpoint: str) -> str:
    """Of the alarm that starts an instance (async_scaling.py); it guards no update."""
    return f"{endpoint}-backlog"


def definition(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """What an alarm that is there was made with, but for its tags."""
    return {key: alarm[key] for key in _DEFINITION if alarm.get(key) not in (None, "", [])}


def alarm_names(spec: Spec) -> list[str]:
    """Of the alarms that are wanted."""
    return [alarm["AlarmName"] for alarm in desired_alarms(spec)]


def desired_alarms(spec: Spec) -> list[dict[str, Any]]:
    """The parameters of `put_metric_alarm`, one for each alarm; none in mode serverless."""
    alarms = spec.alarms
    if alarms is None:
        return []
    found = []
    if alarms.errors_5xx_percent is not None:
        percent = alarms.errors_5xx_percent
        what = f"over {percent:g} % of the requests are answered with 5xx"
        metric = _metric(spec, _REQUESTS, "Invocation5XXErrors", Statistic="Average")
        found.append(_alarm(spec, "5xx", what, metric | {"Threshold": percent / 100}))
    if alarms.model_errors_percent is not None:
        percent = alarms.model_errors_percent
        what = f"over {percent:g} % of the requests get 5xx or no valid answer"
        metric = {"Metrics": _model_errors(spec), "Threshold": float(percent)}
        found.append(_alarm(spec, "model-errors", what, metric))
    if alarms.latency_p95_ms is not None:
        what = f"the container takes over {alarms.latency_p95_ms} ms, for one request in twenty"
        metric = _metric(spec, _REQUESTS, "ModelLatency", ExtendedStatistic="p95")
        threshold_us = alarms.latency_p95_ms * 1000.0
        found.append(_alarm(spec, "latency-p95", what, metric | {"Threshold": threshold_us}))
    if alarms.memory_percent is not None:
        what = f"over {alarms.memory_percent:g} % of an instance's memory is in use"
        metric = _metric(spec, _INSTANCES, "MemoryUtilization", Statistic="Maximum")
        threshold = float(alarms.memory_percent)
        found.append(_alarm(spec, "memory", what, metric | {"Threshold": threshold}))
    return found


def alarm_steps(spec: Spec, found: Iterable[Mapping[str, Any]]) -> list[ApiCall]:
    """The calls that are left to make.

    Args:
        spec: What is wanted.
        found: Alarms as `describe_alarms` tells of them, asked for :func:`all_names`, and
            their `Tags`.

    Raises:
        PlanError: If an alarm of somebody else's has the name of one that is wanted.
    """
    there = {alarm["AlarmName"]: alarm for alarm in found}
    steps: list[ApiCall] = []
    for alarm in desired_alarms(spec):
        steps += put_steps(spec.endpoint, alarm, there.get(alarm["AlarmName"]))
    wanted = alarm_names(spec)
    unwanted = [
        name for name in possible_names(spec.endpoint) if name in there and name not in wanted
    ]
    return steps + delete_steps(spec.endpoint, [there[name] for name in unwanted])


def put_steps(
    endpoint: str, wanted: Mapping[str, Any], found: Mapping[str, Any] | None
) -> list[ApiCall]:
    """The call that makes an alarm as it is wanted; none if it is so.

    Raises:
        PlanError: If it is somebody else's.
    """
    if found is None:
        return [ApiCall("cloudwatch", "put_metric_alarm", wanted, "it is not there")]
    if not is_ours(endpoint, found):
        raise PlanError(
            f"there is an alarm {found['AlarmName']} that was not made by this tool (it has no tag "
            f"{OUR_TAG}={endpoint}); rename it, or take another name for the endpoint"
        )
    if is_same_alarm(wanted, found):
        return []
    return [ApiCall("cloudwatch", "put_metric_alarm", wanted, "it is defined otherwise")]


def delete_steps(endpoint: str, found: Iterable[Mapping[str, Any]]) -> list[ApiCall]:
    """The call that deletes those alarms that are ours; none if none is."""
    params = {"AlarmNames": [alarm["AlarmName"] for alarm in found if is_ours(endpoint, alarm)]}
    if not params["AlarmNames"]:
        return []
    return [ApiCall("cloudwatch", "delete_alarms", params, "no longer wanted")]


def is_ours(endpoint: str, found: Mapping[str, Any]) -> bool:
    """Whether an alarm was made for an endpoint by this tool."""
    return {"Key": OUR_TAG, "Value": endpoint} in found.get("Tags", ())


def is_same_alarm(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether an alarm is defined as it is wanted; its state does not matter."""
    return all(_plain(wanted.get(key)) == _plain(found.get(key)) for key in _DEFINITION)


def in_alarm(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of alarms that are in ALARM: an update would be taken back at once."""
    return [alarm["AlarmName"] for alarm in found if alarm.get("StateValue") == "ALARM"]


def _alarm(spec: Spec, ending: str, what: str, metric: Mapping[str, Any]) -> dict[str, Any]:
    assert spec.alarms
    topic = spec.alarms.sns_topic
    return {
        "AlarmName": f"{spec.endpoint}-{ending}",
        "AlarmDescription": f"Endpoint {spec.endpoint}: {what}.",
        "ActionsEnabled": True,
        "AlarmActions": [topic] if topic else [],
        **metric,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": spec.alarms.minutes,
        "DatapointsToAlarm": spec.alarms.minutes,
        "TreatMissingData": "notBreaching",  # no requests, no alarm
        "Tags": as_tags({OUR_TAG: spec.endpoint, **spec.tags}),
    }


def _metric(spec: Spec, namespace: str, name: str, **statistic: str) -> dict[str, Any]:
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": _dimensions(spec),
        "Period": _PERIOD_S,
        **statistic,
    }


def _model_errors(spec: Spec) -> list[dict[str, Any]]:
    """Share of the requests that failed by our fault, in percent.

    InvocationModelErrors counts 4xx too, which a caller is to blame for.
    """
    sums = {
        "failed": "InvocationModelErrors",
        "refused": "Invocation4XXErrors",
        "requests": "Invocations",
    }
    expression = {
        "Id": "percent",
        "Expression": "100 * (failed - refused) / requests",
        "Label": "requests that failed, in percent",
        "ReturnData": True,
    }
    return [expression, *(_sum(spec, name, metric) for name, metric in sums.items())]


def _sum(spec: Spec, name: str, metric: str) -> dict[str, Any]:
    what = {"Namespace": _REQUESTS, "MetricName": metric, "Dimensions": _dimensions(spec)}
    stat = {"Metric": what, "Period": _PERIOD_S, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, "ReturnData": False}


def _dimensions(spec: Spec) -> list[dict[str, str]]:
    values = {"EndpointName": spec.endpoint, "VariantName": VARIANT}
    return [{"Name": name, "Value": value} for name, value in values.items()]


def _plain(value: Any) -> Any:
    """A value without what does not matter: the order of lists, and what is empty."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return sorted((_plain(entry) for entry in value), key=repr) or None
    return None if value == "" else value
