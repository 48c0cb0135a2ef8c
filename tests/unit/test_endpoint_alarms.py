# SPDX-License-Identifier: AGPL-3.0-or-later
"""Alarms are data: what is wanted, what is there, and the calls between them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from deploy.endpoint.alarms import (
    alarm_names,
    alarm_steps,
    delete_steps,
    desired_alarms,
    in_alarm,
    is_same_alarm,
    possible_names,
)
from deploy.endpoint.reading import read_spec
from deploy.errors import PlanError
from tests.unit.calls import faults
from tests.unit.test_endpoint_spec import ACCOUNT, INSTANCES, SHIPPED

TOPIC = "arn:aws:sns:eu-central-1:123456789012:ops"
SPEC = read_spec(SHIPPED, (*INSTANCES, f"alarms.sns_topic={TOPIC}", "tags.team=plans"))
THRESHOLDS = ["errors_5xx_percent", "model_errors_percent", "latency_p95_ms", "memory_percent"]
# What CloudWatch adds when it describes an alarm.
STATE = {
    "AlarmArn": "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:x",
    "StateValue": "OK",
    "StateReason": "Unchecked",
    "OKActions": [],
    "InsufficientDataActions": [],
    "EvaluationState": "PARTIAL_DATA",
}
ALARMS = {alarm["AlarmName"]: alarm for alarm in desired_alarms(SPEC)}


def described(alarm: dict[str, Any]) -> dict[str, Any]:
    """An alarm as CloudWatch describes it, lists in an order of its own, and its tags."""
    found = copy.deepcopy(alarm) | STATE
    for name in ("Dimensions", "Metrics"):
        if name in found:
            found[name].reverse()
    return found


@pytest.mark.parametrize("name", list(ALARMS))
def test_an_alarm_is_a_call_of_botocores(name: str) -> None:
    """And carries our tag beside those of the configuration."""
    assert "" == faults("cloudwatch", "put_metric_alarm", ALARMS[name])
    tags = {tag["Key"]: tag["Value"] for tag in ALARMS[name]["Tags"]}
    assert {"roomdet:endpoint": "rooms", "team": "plans"} == tags


def test_metrics_are_those_of_the_endpoint() -> None:
    """Shares are fractions, latency is in microseconds, memory in percent."""
    seen = {
        name: (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"])
        for name, alarm in ALARMS.items()
        if "MetricName" in alarm
    }

    assert {
        "rooms-5xx": ("AWS/SageMaker", "Invocation5XXErrors", 0.05),
        "rooms-latency-p95": ("AWS/SageMaker", "ModelLatency", 5_000_000.0),
        "rooms-memory": ("/aws/sagemaker/Endpoints", "MemoryUtilization", 90.0),
    } == seen
    assert "p95" == ALARMS["rooms-latency-p95"]["ExtendedStatistic"]
    assert "Statistic" not in ALARMS["rooms-latency-p95"]
    for alarm in ALARMS.values():
        assert "notBreaching" == alarm["TreatMissingData"]
        assert (2, 2) == (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"])
        assert [TOPIC] == alarm["AlarmActions"]


def test_what_callers_got_wrong_is_no_error_of_the_model() -> None:
    """SageMaker's own metric counts it, so it is taken off."""
    alarm = ALARMS["rooms-model-errors"]
    expression, *metrics = alarm["Metrics"]

    assert "100 * (failed - refused) / requests" == expression["Expression"]
    assert 5.0 == alarm["Threshold"]
    names = {metric["Id"]: metric["MetricStat"]["Metric"]["MetricName"] for metric in metrics}
    assert {
        "failed": "InvocationModelErrors",
        "refused": "Invocation4XXErrors",
        "requests": "Invocations",
    } == names
    assert [True, False, False, False] == [metric["ReturnData"] for metric in alarm["Metrics"]]


def test_every_metric_is_of_the_one_variant() -> None:
    """SageMaker publishes none without these two dimensions."""
    of_endpoint = [
        {"Name": "EndpointName", "Value": "rooms"},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]
    for alarm in ALARMS.values():
        metrics = [entry["MetricStat"]["Metric"] for entry in alarm.get("Metrics", [])[1:]]
        for metric in metrics or [alarm]:
            assert of_endpoint == metric["Dimensions"]


@pytest.mark.parametrize("number", range(4))
def test_a_null_switches_one_alarm_off(number: int) -> None:
    """The others stay."""
    spec = read_spec(SHIPPED, (*INSTANCES, f"alarms.{THRESHOLDS[number]}=null"))
    names = possible_names("rooms")

    assert [*names[:number], *names[number + 1 :]] == alarm_names(spec)


def test_there_are_none_without_instances() -> None:
    """Nor where they are switched off altogether."""
    assert [] == desired_alarms(read_spec(SHIPPED, ACCOUNT))
    assert [] == desired_alarms(read_spec(SHIPPED, (*INSTANCES, "alarms=null")))


def test_an_error_at_all_can_be_the_threshold() -> None:
    """Zero is a value, not nothing."""
    spec = read_spec(SHIPPED, (*INSTANCES, "alarms.errors_5xx_percent=0"))
    alarm = desired_alarms(spec)[0]

    assert 0 == alarm["Threshold"]
    assert not is_same_alarm(alarm, described(ALARMS["rooms-5xx"]))


def test_alarms_are_made_once() -> None:
    """What is there as it is wanted is left alone."""
    steps = alarm_steps(SPEC, [])
    found = [described(alarm) for alarm in ALARMS.values()]

    assert ["put_metric_alarm"] * 4 == [step.operation for step in steps]
    assert possible_names("rooms") == [step.params["AlarmName"] for step in steps]
    assert [] == alarm_steps(SPEC, found)
    assert steps[1:2] == alarm_steps(SPEC, [found[0], *found[2:]])


def test_an_alarm_that_is_defined_otherwise_is_put_again() -> None:
    """One that is no longer wanted is deleted, one of somebody else is not."""
    found = [described(alarm) for alarm in ALARMS.values()]
    found.append({"AlarmName": "rooms-of-others"} | STATE)
    changes = ("alarms.memory_percent=80", "alarms.latency_p95_ms=null")
    spec = read_spec(SHIPPED, (*INSTANCES, f"alarms.sns_topic={TOPIC}", *changes))
    steps = alarm_steps(spec, found)

    assert ["put_metric_alarm", "delete_alarms"] == [step.operation for step in steps]
    assert ("rooms-memory", 80.0) == (steps[0].params["AlarmName"], steps[0].params["Threshold"])
    assert {"AlarmNames": ["rooms-latency-p95"]} == steps[1].params
    assert "" == faults("cloudwatch", "delete_alarms", steps[1].params)


def test_a_serverless_endpoint_keeps_no_alarms() -> None:
    """Those of an endpoint of instances of the same name go."""
    found = [described(alarm) for alarm in ALARMS.values()]
    (step,) = alarm_steps(read_spec(SHIPPED, ACCOUNT), found)

    assert {"AlarmNames": possible_names("rooms")} == step.params


def test_no_alarms_are_deleted_by_no_call() -> None:
    """CloudWatch would refuse an empty list."""
    assert [] == delete_steps("rooms", [])


def test_alarms_of_others_are_left_alone() -> None:
    """They may have such a name: nothing is deleted or put in its place."""
    ours, theirs = (described(ALARMS[name]) for name in ("rooms-5xx", "rooms-memory"))
    theirs["Tags"] = [{"Key": "roomdet:endpoint", "Value": "other"}]

    (step,) = delete_steps("rooms", [ours, theirs])

    assert {"AlarmNames": ["rooms-5xx"]} == step.params
    with pytest.raises(PlanError, match="an alarm rooms-memory that was not made by this tool"):
        alarm_steps(SPEC, [ours, theirs])
    switched_off = read_spec(SHIPPED, (*INSTANCES, "alarms=null"))
    assert [step.params] == [left.params for left in alarm_steps(switched_off, [ours, theirs])]


def fields_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each single value of a description."""
    if isinstance(value, dict):
        return [way for key, entry in value.items() for way in fields_of(entry, (*path, key))]
    if isinstance(value, list) and value:
        return [way for i, entry in enumerate(value) for way in fields_of(entry, (*path, i))]
    return [path]


CHANGES = [
    (name, way)
    for name, alarm in ALARMS.items()
    for way in fields_of({k: v for k, v in alarm.items() if k not in ("AlarmName", "Tags")})
]


@pytest.mark.parametrize(
    ("name", "way"), CHANGES, ids=[f"{name}-{'.'.join(map(str, way))}" for name, way in CHANGES]
)
def test_each_changed_value_is_a_difference(name: str, way: tuple[Any, ...]) -> None:
    """Whoever edits an alarm by hand has it put right."""
    found = described(ALARMS[name])
    assert is_same_alarm(ALARMS[name], found)
    changed = copy.deepcopy(ALARMS[name])
    *parents, key = way
    target: Any = changed
    for parent in parents:
        target = target[parent]
    target[key] = "changed" if isinstance(target[key], str) else not target[key]

    assert not is_same_alarm(ALARMS[name], described(changed))


@pytest.mark.parametrize(
    "added",
    [
        {"OKActions": [TOPIC]},
        {"InsufficientDataActions": [TOPIC]},
        {"Unit": "Seconds"},
        {"ThresholdMetricId": "band"},
        {"Dimensions": [{"Name": "EndpointName", "Value": "rooms"}]},
    ],
    ids=lambda added: next(iter(added)),
)
def test_each_added_value_is_a_difference(added: dict[str, Any]) -> None:
    """Such as a unit in which SageMaker publishes nothing."""
    found = described(ALARMS["rooms-5xx"])

    assert not is_same_alarm(ALARMS["rooms-5xx"], found | added)


def test_what_rings_already_is_known() -> None:
    """It would take the next update back at once."""
    found = [described(alarm) for alarm in ALARMS.values()]
    found[2]["StateValue"] = "ALARM"
    found[3]["StateValue"] = "INSUFFICIENT_DATA"

    assert ["rooms-latency-p95"] == in_alarm(found)
    assert is_same_alarm(ALARMS["rooms-latency-p95"], found[2])
