# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an account is after an action, as a function of what it was; every action succeeds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deploy.endpoint.actions import Action, ApiCall, Deferred, TagResource
from deploy.endpoint.release import CANDIDATE, SHA256_TAG, VERSION_TAG
from deploy.endpoint.remote import Endpoint, RemoteState, Version
from deploy.endpoint.spec import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable


def after(remote: RemoteState, actions: Iterable[Action]) -> RemoteState:
    """An account after some actions."""
    for action in actions:
        if isinstance(action, TagResource):
            assert remote.endpoint
            assert action.endpoint == remote.endpoint.name
            tags = {**remote.endpoint.tags, **action.tags}
            remote = replace(remote, endpoint=replace(remote.endpoint, tags=tags))
        elif isinstance(action, ApiCall):
            remote = _after(remote, action.operation, dict(action.params))
    return remote


def _after(remote: RemoteState, operation: str, params: dict[str, Any]) -> RemoteState:
    match operation:
        case "put_object" | "delete_object":
            return _with_object(remote, operation, f"s3://{params['Bucket']}/{params['Key']}")
        case "create_model" | "delete_model":
            return _with_model(remote, operation, params)
        case "create_endpoint_config":
            return _with_config(remote, params)
        case "delete_endpoint_config":
            return _without_config(remote, params["EndpointConfigName"])
        case "create_endpoint" | "update_endpoint" | "delete_endpoint":
            return _with_endpoint(remote, operation, params)
    return _watched(remote, operation, params)


def _with_object(remote: RemoteState, operation: str, address: str) -> RemoteState:
    if operation == "delete_object":
        assert address not in remote.models.values(), "a model's file"
        return replace(remote, objects=remote.objects - {address})
    assert address not in remote.objects
    return replace(remote, objects=remote.objects | {address})


def _with_model(remote: RemoteState, operation: str, params: dict[str, Any]) -> RemoteState:
    name = params["ModelName"]
    if operation == "delete_model":
        assert name not in {v.model for v in remote.versions}, "a configuration's model"
        return replace(remote, models={k: v for k, v in remote.models.items() if k != name})
    address = params["PrimaryContainer"]["ModelDataUrl"]
    assert name not in remote.models
    assert address in remote.objects
    return replace(remote, models={**remote.models, name: address})


def _with_config(remote: RemoteState, params: dict[str, Any]) -> RemoteState:
    name, (variant,) = params["EndpointConfigName"], params["ProductionVariants"]
    assert variant["ModelName"] in remote.models
    assert name not in {*remote.candidate_configs, *(v.config for v in remote.versions)}
    if f"-{CANDIDATE}-" in name:
        return replace(remote, candidate_configs=(*remote.candidate_configs, name))
    tags = {tag["Key"]: tag["Value"] for tag in params["Tags"]}
    mode = Mode.REALTIME if "InstanceType" in variant else Mode.SERVERLESS
    mode = Mode.ASYNC if "AsyncInferenceConfig" in params else mode
    made = Version(
        name, variant["ModelName"], mode, tags[VERSION_TAG], tags[SHA256_TAG], "",
        variant.get("InitialInstanceCount", 0), variant.get("InstanceType", ""),
    )  # fmt: skip
    return replace(remote, versions=(made, *remote.versions))


def _without_config(remote: RemoteState, name: str) -> RemoteState:
    used = {e.config for e in (remote.endpoint, remote.candidate) if e}
    assert name not in used, "a configuration in use"
    return replace(
        remote,
        candidate_configs=tuple(c for c in remote.candidate_configs if c != name),
        versions=tuple(v for v in remote.versions if v.config != name),
    )


def _with_endpoint(remote: RemoteState, operation: str, params: dict[str, Any]) -> RemoteState:
    is_candidate = params["EndpointName"].endswith(f"-{CANDIDATE}")
    before = remote.candidate if is_candidate else remote.endpoint
    assert (before is None) == (operation == "create_endpoint")
    made = None if operation == "delete_endpoint" else _endpoint(remote, before, params)
    return replace(remote, candidate=made) if is_candidate else replace(remote, endpoint=made)


def _endpoint(remote: RemoteState, before: Endpoint | None, params: dict[str, Any]) -> Endpoint:
    config = params["EndpointConfigName"]
    version = remote.version_of(config)
    assert version or config in remote.candidate_configs
    instances = version.instances if version else 0
    if before:
        is_kept = params.get("RetainAllVariantProperties")
        return replace(before, config=config, instances=before.instances if is_kept else instances)
    tags = {tag["Key"]: tag["Value"] for tag in params["Tags"]}
    return Endpoint(params["EndpointName"], "InService", config, "", tags, instances)


def _watched(remote: RemoteState, operation: str, params: dict[str, Any]) -> RemoteState:
    match operation:
        case "put_metric_alarm":
            return _with_alarm(remote, params)
        case "delete_alarms":
            rest = [a for a in remote.alarms if a["AlarmName"] not in params["AlarmNames"]]
            return replace(remote, alarms=tuple(rest))
        case "register_scalable_target":
            return replace(remote, targets=(params,))
        case "put_scaling_policy":
            others = [p for p in remote.policies if p["PolicyName"] != params["PolicyName"]]
            before = [p for p in remote.policies if p["PolicyName"] == params["PolicyName"]]
            assert remote.endpoint
            # Another one for each time that it is made anew, which an update can make necessary.
            new = f"arn:{params['PolicyName']}:{remote.endpoint.config}"
            arn = before[0]["PolicyARN"] if before else new
            return replace(remote, policies=(*others, {**params, "PolicyARN": arn}))
        case "delete_scaling_policy":
            rest = [p for p in remote.policies if p["PolicyName"] != params["PolicyName"]]
            return replace(remote, policies=tuple(rest))
        case "deregister_scalable_target":
            return replace(remote, targets=(), policies=())
    raise AssertionError(operation)


def _with_alarm(remote: RemoteState, params: dict[str, Any]) -> RemoteState:
    others = [a for a in remote.alarms if a["AlarmName"] != params["AlarmName"]]
    actions = [_arn(remote, action) for action in params["AlarmActions"]]
    made = {**params, "AlarmActions": actions, "StateValue": "OK"}
    for there in remote.alarms:
        if there["AlarmName"] == params["AlarmName"]:
            made["Tags"] = there["Tags"]  # those of the call are ignored then
    return replace(remote, alarms=(*others, made))


def _arn(remote: RemoteState, action: str | Deferred) -> str:
    """What an alarm does; the policy that it starts must be there, and keeps its ARN for life."""
    if isinstance(action, str):
        assert not action.startswith("arn:") or action in {p["PolicyARN"] for p in remote.policies}
        return action
    (found,) = [p["PolicyARN"] for p in remote.policies if p["PolicyName"] == action.policy]
    return str(found)
