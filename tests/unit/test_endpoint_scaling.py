# SPDX-License-Identifier: AGPL-3.0-or-later
"""Autoscaling is data: what is wanted, what is there, and the calls between them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from deploy.endpoint.reading import read_spec
from deploy.endpoint.scaling import (
    pause_steps,
    policies_query,
    scaling_steps,
    stop_step,
    targets_query,
)
from tests.unit.calls import faults
from tests.unit.test_endpoint_spec import ACCOUNT, INSTANCES, SCALING, SHIPPED

if TYPE_CHECKING:
    from deploy.endpoint.actions import ApiCall

LIMITS = ("realtime.instance_count=2", f"{SCALING}.min_instances=2", f"{SCALING}.max_instances=4")
SPEC = read_spec(SHIPPED, (*INSTANCES, *LIMITS, "tags.team=plans"))
FIXED = read_spec(SHIPPED, INSTANCES)
STEPS = scaling_steps(SPEC, [], [])
TARGET, POLICY = (step.params for step in STEPS)


def there(**changes: Any) -> dict[str, Any]:
    """The target as the service describes it."""
    described = {"CreationTime": 0, "ScalableTargetARN": "arn", "SuspendedState": {}}
    return {key: value for key, value in TARGET.items() if key != "Tags"} | described | changes


def policy(**changes: Any) -> dict[str, Any]:
    """The policy as the service describes it."""
    found = copy.deepcopy(dict(POLICY)) | {"PolicyARN": "arn", "Alarms": [], "CreationTime": 0}
    found["TargetTrackingScalingPolicyConfiguration"] |= changes
    return found


STOP, START = pause_steps("rooms", [there()], [policy()])


@pytest.mark.parametrize("step", [*STEPS, *STOP, *START], ids=lambda step: step.operation)
def test_every_call_is_one_of_botocores(step: ApiCall) -> None:
    """Names, types, ranges and words are those of its service model."""
    assert "" == faults(step.service, step.operation, step.params)


def test_every_question_is_one_of_botocores() -> None:
    """And asks for the one variant."""
    service = "application-autoscaling"

    assert "" == faults(service, "describe_scalable_targets", targets_query("rooms"))
    assert "" == faults(service, "describe_scaling_policies", policies_query("rooms"))
    assert ["endpoint/rooms/variant/AllTraffic"] == targets_query("rooms")["ResourceIds"]
    assert "endpoint/rooms/variant/AllTraffic" == policies_query("rooms")["ResourceId"]


def test_instances_follow_the_requests_in_flight() -> None:
    """Within seconds, by the metric of high resolution."""
    assert ["register_scalable_target", "put_scaling_policy"] == [s.operation for s in STEPS]
    assert (2, 4) == (TARGET["MinCapacity"], TARGET["MaxCapacity"])
    assert {"roomdet:endpoint": "rooms", "team": "plans"} == TARGET["Tags"]
    assert {
        "TargetValue": 2.0,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"
        },
        "ScaleOutCooldown": 60,
        "ScaleInCooldown": 300,
        "DisableScaleIn": False,
    } == POLICY["TargetTrackingScalingPolicyConfiguration"]


def test_scaling_is_set_up_once() -> None:
    """What is there is left alone, also where somebody has suspended it."""
    suspended = there(SuspendedState={"DynamicScalingInSuspended": True})

    assert [] == scaling_steps(SPEC, [there()], [policy()])
    assert [] == scaling_steps(SPEC, [suspended], [policy()])
    assert STEPS[1:] == scaling_steps(SPEC, [there()], [])


def test_what_the_service_may_leave_out_is_its_default() -> None:
    """Taking instances away is on unless it is off."""
    found = policy()
    del found["TargetTrackingScalingPolicyConfiguration"]["DisableScaleIn"]

    assert [] == scaling_steps(SPEC, [there()], [found])


@pytest.mark.parametrize("changes", [{"MinCapacity": 1}, {"MaxCapacity": 5}])
def test_other_limits_are_put_right(changes: dict[str, int]) -> None:
    """Without tags, which the service takes of new targets alone."""
    (step,) = scaling_steps(SPEC, [there(**changes)], [policy()])

    assert "register_scalable_target" == step.operation
    assert {key: value for key, value in TARGET.items() if key != "Tags"} == step.params


@pytest.mark.parametrize(
    "changes",
    [
        {"TargetValue": 3.0},
        {"PredefinedMetricSpecification": {"PredefinedMetricType": "Other"}},
        {"ScaleOutCooldown": 61},
        {"ScaleInCooldown": 301},
        {"DisableScaleIn": True},
        {"CustomizedMetricSpecification": {}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_each_changed_value_of_the_policy_is_put_right(changes: dict[str, Any]) -> None:
    """Whoever edits it by hand has it put right."""
    assert STEPS[1].params == scaling_steps(SPEC, [there()], [policy(**changes)])[0].params


def test_a_policy_of_another_kind_is_put_right() -> None:
    """It has our name, so it is ours."""
    found = policy() | {"PolicyType": "StepScaling"}

    assert ["put_scaling_policy"] == [s.operation for s in scaling_steps(SPEC, [there()], [found])]


@pytest.mark.parametrize("key", ["ServiceNamespace", "ResourceId", "ScalableDimension"])
def test_targets_of_others_are_not_ours(key: str) -> None:
    """Such as those of another endpoint in the same answer."""
    other = {key: "other"}

    assert STEPS == scaling_steps(SPEC, [there(**other)], [policy() | other])
    assert [] == scaling_steps(FIXED, [there(**other)], [])


@pytest.mark.parametrize("changes", [INSTANCES, ACCOUNT], ids=["fixed", "serverless"])
def test_scaling_ends_where_it_is_not_wanted(changes: tuple[str, ...]) -> None:
    """Policies go with the target."""
    spec = read_spec(SHIPPED, changes)

    assert [stop_step("rooms")] == scaling_steps(spec, [there()], [policy()])
    assert [] == scaling_steps(spec, [], [])


def test_scaling_is_paused_and_goes_on_as_it_was() -> None:
    """Limits, suspension and policies, also those that others made."""
    suspended = {"DynamicScalingInSuspended": True}
    found = there(MaxCapacity=9, SuspendedState=suspended)
    own = policy(TargetValue=7.0)
    others = own | {"PolicyName": "nights"}
    stop, start = pause_steps("rooms", [there(ResourceId="other"), found], [own, others])

    assert [stop_step("rooms")] == stop
    assert (9, suspended) == (start[0].params["MaxCapacity"], start[0].params["SuspendedState"])
    assert ["rooms-concurrent-requests", "nights"] == [s.params["PolicyName"] for s in start[1:]]
    for step in start[1:]:
        configuration = step.params["TargetTrackingScalingPolicyConfiguration"]
        assert 7.0 == configuration["TargetValue"]
        assert "" == faults(step.service, step.operation, step.params)


def test_nothing_is_paused_where_nothing_is_scaled() -> None:
    """A call would fail."""
    assert ([], []) == pause_steps("rooms", [], [])
    assert ([], []) == pause_steps("rooms", [there(ResourceId="other")], [])


def test_other_policies_of_ours_are_removed() -> None:
    """Such as that of another mode; what others made stays."""
    old, others = (policy() | {"PolicyName": name} for name in ("rooms-first-request", "nights"))
    (step,) = scaling_steps(SPEC, [there()], [policy(), old, others])

    assert ("delete_scaling_policy", "rooms-first-request") == (
        step.operation, step.params["PolicyName"],
    )  # fmt: skip
    assert "" == faults(step.service, step.operation, step.params)
