# SPDX-License-Identifier: AGPL-3.0-or-later
"""Autoscaling of an endpoint of instances, as data.

Where requests are answered at once, instances are added and taken away so that each has a number of
requests in flight. The metric is of high resolution: Application Auto Scaling sees a rise within 10
seconds, not minutes. Where they wait in a queue it goes by the queue (async_scaling.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.endpoint import async_scaling
from deploy.endpoint.actions import ApiCall
from deploy.endpoint.release import VARIANT
from deploy.endpoint.spec import OUR_TAG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from deploy.endpoint.asynchronous import Backlog
    from deploy.endpoint.capacity import Autoscaling
    from deploy.endpoint.spec import Spec

SERVICE = "application-autoscaling"
_LIMITS = ("MinCapacity", "MaxCapacity", "SuspendedState")
_CONFIGURATIONS = ("TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration")
_DEFAULTS = {_CONFIGURATIONS[0]: {"DisableScaleIn": False}}
_POLICY = (
    "PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension", "PolicyType",
    *_CONFIGURATIONS,
)  # fmt: skip
_METRIC = "SageMakerVariantConcurrentRequestsPerModelHighResolution"


def scaled(endpoint: str) -> dict[str, str]:
    """What is scaled, in the parameters that each call of the service has."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def targets_query(endpoint: str) -> dict[str, Any]:
    """Parameters of `describe_scalable_targets`, the answer's key being `ScalableTargets`."""
    params: dict[str, Any] = scaled(endpoint)
    return {"ResourceIds": [params.pop("ResourceId")], **params}


def policies_query(endpoint: str) -> dict[str, Any]:
    """Parameters of `describe_scaling_policies`, the answer's key being `ScalingPolicies`."""
    return scaled(endpoint)


def policy_names(endpoint: str) -> list[str]:
    """Of all policies that we make, in one mode or another."""
    return [f"{endpoint}-concurrent-requests", *async_scaling.policy_names(endpoint)]


def scaling_steps(
    spec: Spec, targets: Iterable[Mapping[str, Any]], policies: Iterable[Mapping[str, Any]]
) -> list[ApiCall]:
    """The calls that are left to make, once the endpoint is in service.

    Args:
        spec: What is wanted.
        targets: As `describe_scalable_targets` tells of them.
        policies: As `describe_scaling_policies` tells of them.
    """
    target = next((entry for entry in targets if _is_scaled(spec.endpoint, entry)), None)
    autoscaling = spec.fleet.autoscaling if spec.fleet else None
    if autoscaling is None:
        return [] if target is None else [stop_step(spec.endpoint)]
    steps = []
    if target is None or not is_same_target(autoscaling, target):
        why = "instances are not scaled yet" if target is None else "it has other limits"
        params = _target(spec, autoscaling, is_new=target is None)
        steps.append(ApiCall(SERVICE, "register_scalable_target", params, why))
    ours = set(policy_names(spec.endpoint))
    there = {
        entry["PolicyName"]: entry
        for entry in policies
        if _is_scaled(spec.endpoint, entry) and entry.get("PolicyName") in ours
    }
    for policy in _policies(spec):
        found = there.pop(policy["PolicyName"], None)
        if found is None or not is_same_policy(policy, found):
            why = "it is not there" if found is None else "it is defined otherwise"
            steps.append(ApiCall(SERVICE, "put_scaling_policy", policy, why))
    for name in sorted(there):
        params = {"PolicyName": name, **scaled(spec.endpoint)}
        steps.append(ApiCall(SERVICE, "delete_scaling_policy", params, "no longer wanted"))
    return steps


def stop_step(endpoint: str) -> ApiCall:
    """Ends the scaling, its policies included.

    It goes before an update to another instance type, which SageMaker refuses otherwise.
    """
    why = "instances are no longer scaled"
    return ApiCall(SERVICE, "deregister_scalable_target", scaled(endpoint), why)


def pause_steps(
    endpoint: str, targets: Iterable[Mapping[str, Any]], policies: Iterable[Mapping[str, Any]]
) -> tuple[list[ApiCall], list[ApiCall]]:
    """The calls that end the scaling and those that start it again as it was.

    Both are empty if nothing is scaled.
    """
    target = next((entry for entry in targets if _is_scaled(endpoint, entry)), None)
    if target is None:
        return [], []
    limits = {key: target[key] for key in _LIMITS if key in target}
    params = {**scaled(endpoint), **limits, "Tags": {OUR_TAG: endpoint}}
    start = [ApiCall(SERVICE, "register_scalable_target", params, "with the limits of before")]
    for policy in policies:
        if _is_scaled(endpoint, policy):
            kept = {key: policy[key] for key in _POLICY if key in policy}
            start.append(ApiCall(SERVICE, "put_scaling_policy", kept, "as it was before"))
    return [stop_step(endpoint)], start


def is_same_target(autoscaling: Autoscaling | Backlog, found: Mapping[str, Any]) -> bool:
    """Whether the limits are those that are wanted; whether it is suspended does not matter."""
    limits = (autoscaling.min_instances, autoscaling.max_instances)
    return limits == (found.get("MinCapacity"), found.get("MaxCapacity"))


def is_same_policy(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether a policy is defined as it is wanted; what is left out there is the default."""
    return all(
        wanted.get(key) == (_DEFAULTS.get(key, {}) | found[key] if found.get(key) else None)
        for key in _CONFIGURATIONS
    ) and wanted["PolicyType"] == found.get("PolicyType")


def _target(spec: Spec, autoscaling: Autoscaling | Backlog, *, is_new: bool) -> dict[str, Any]:
    params: dict[str, Any] = {
        **scaled(spec.endpoint),
        "MinCapacity": autoscaling.min_instances,
        "MaxCapacity": autoscaling.max_instances,
    }
    # The service takes tags of a new target alone.
    return params | ({"Tags": {OUR_TAG: spec.endpoint, **spec.tags}} if is_new else {})


def _policies(spec: Spec) -> list[dict[str, Any]]:
    """Parameters of `put_scaling_policy`, one for each policy that is wanted."""
    if spec.realtime and spec.realtime.autoscaling:
        kind = ("TargetTrackingScaling", _CONFIGURATIONS[0], _tracking(spec.realtime.autoscaling))
        wanted = {f"{spec.endpoint}-concurrent-requests": kind}
    elif spec.async_ and spec.async_.autoscaling:
        wanted = async_scaling.policies(spec.endpoint, spec.async_.autoscaling)
    else:
        wanted = {}
    return [
        {"PolicyName": name, **scaled(spec.endpoint), "PolicyType": kind, key: configuration}
        for name, (kind, key, configuration) in wanted.items()
    ]


def _tracking(autoscaling: Autoscaling) -> dict[str, Any]:
    return {
        "TargetValue": float(autoscaling.concurrent_requests),
        "PredefinedMetricSpecification": {"PredefinedMetricType": _METRIC},
        "ScaleOutCooldown": autoscaling.scale_out_cooldown_s,
        "ScaleInCooldown": autoscaling.scale_in_cooldown_s,
        "DisableScaleIn": False,
    }


def _is_scaled(endpoint: str, found: Mapping[str, Any]) -> bool:
    return all(found.get(key) == value for key, value in scaled(endpoint).items())
