# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ways back: from a release that failed, to a version of before, and to nothing at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deploy.endpoint import alarms, async_scaling, scaling
from deploy.endpoint.actions import Action, ApiCall, TagResource, Wait
from deploy.endpoint.plan import check_ours, delete_endpoint, drop_candidate
from deploy.endpoint.prune import prune
from deploy.endpoint.release import trial
from deploy.endpoint.remote import (
    LAST_GOOD_TAG,
    PREVIOUS_TAG,
    SERVICE,
    Endpoint,
    RemoteState,
    Status,
    Version,
)
from deploy.endpoint.spec import Mode
from deploy.errors import PlanError

if TYPE_CHECKING:
    from deploy.endpoint.release import Release


def undo(release: Release, remote: RemoteState, before: RemoteState | None = None) -> list[Action]:
    """What takes a release back that failed; nothing of it stays.

    Args:
        release: What failed.
        remote: What is there after that.
        before: What was there before it, if that is known; the scaling is taken from it.

    Raises:
        PlanError: If there is no way back.
    """
    endpoint = remote.endpoint
    actions = drop_candidate(remote)
    if endpoint and endpoint.last_good == release.config:
        return actions
    if endpoint and endpoint.config == release.config:
        former = remote.version_of(endpoint.last_good or endpoint.previous)
        if former is None or endpoint.status == Status.FAILED:
            actions += delete_endpoint(endpoint, "it failed")
            endpoint = None
        elif former.mode is Mode.SERVERLESS and endpoint.instances:
            raise PlanError(
                f"{endpoint.name} serves with {release.config}, which failed, and SageMaker never "
                "makes an endpoint of instances serverless again: `apply` an archive that is good, "
                "or `delete` it and `apply` the configuration of before"
            )
        else:
            actions += _back(remote, endpoint, former)
            endpoint = replace(endpoint, config=former.config)
    if endpoint is None:
        actions += _unwatch(remote, release.spec.endpoint)
    elif before:
        actions += scale_again(endpoint, remote, before)
    rest = replace(remote, endpoint=endpoint, candidate=None, candidate_configs=())
    keep = {version.config for version in remote.versions} - {release.config}
    return actions + list(prune(rest, keep))


def scale_again(endpoint: Endpoint, remote: RemoteState, before: RemoteState) -> list[ApiCall]:
    """What scales an endpoint as before, if an update to another type of instances ended that.

    Args:
        endpoint: As it is, or will be.
        remote: What is there.
        before: What was there when it served with the same configuration.
    """
    if remote.targets or not before.endpoint or before.endpoint.config != endpoint.config:
        return []
    _, start = scaling.pause_steps(endpoint.name, before.targets, before.policies)
    return [*start, *(async_scaling.restart_steps(endpoint.name, remote.alarms) if start else [])]


def choose(remote: RemoteState, name: str, to: str = "") -> tuple[Version, str]:
    """The version to go back to, and the configuration that a next `rollback` shall lead to.

    That is an older one, never the one that is left, unless somebody names a newer version; empty
    if there is none.

    Args:
        remote: What is there.
        name: Of the endpoint.
        to: A version of an archive, or the name of a configuration; empty for the one before.

    Raises:
        PlanError: If there is no such version, or no way to it.
    """
    check_ours(replace(remote, candidate=None), name)  # which is not touched
    endpoint = remote.endpoint
    if endpoint is None:
        raise PlanError(f"there is no endpoint {name} to roll back")
    target = _target(remote, to)
    now = remote.version_of(endpoint.config)
    if target.mode is Mode.SERVERLESS and now and now.mode is not Mode.SERVERLESS:
        raise PlanError(
            f"{target.config} is serverless, and SageMaker never makes an endpoint of instances "
            "serverless; make another one of that version (--set endpoint=…)"
        )
    configs = [version.config for version in remote.versions]  # newest first
    at = configs.index(target.config)
    if to and endpoint.config in configs[at + 1 :]:
        return target, endpoint.config
    older = [config for config in configs[at + 1 :] if config != endpoint.config]
    return target, next(iter(older), "")


def go_back(remote: RemoteState, name: str, target: Version, previous: str) -> list[Action]:
    """What leads to a version; nothing if it serves and has passed its test.

    It is written down as the last good one before it is tested: it was, and should it answer
    wrongly, a next `rollback` leads further back, not to the version that was left.
    """
    endpoint = remote.endpoint
    if endpoint is None:
        raise PlanError(f"there is no endpoint {name} to roll back")
    is_marked = endpoint.last_good == target.config
    if is_marked and endpoint.config == target.config:
        return []
    is_there = endpoint.config == target.config
    tags = {LAST_GOOD_TAG: target.config, PREVIOUS_TAG: previous}
    return [
        *([] if is_there else _back(remote, endpoint, target)),
        *([] if is_marked else [TagResource(name, tags)]),
        trial(name, target.mode, remote.models.get(target.model, "")),
    ]


def _target(remote: RemoteState, to: str) -> Version:
    assert remote.endpoint
    endpoint = remote.endpoint
    if to:
        fitting = [v for v in remote.versions if to in (v.config, v.version)]
        if not fitting:
            known = ", ".join(f"{v.version} ({v.config})" for v in remote.versions)
            raise PlanError(f"there is no version {to}; there are: {known or 'none'}")
        if len(fitting) > 1:
            names = ", ".join(version.config for version in fitting)
            raise PlanError(f"version {to} was deployed several times; say which: {names}")
        return fitting[0]
    is_unfinished = endpoint.last_good and endpoint.last_good != endpoint.config
    config = endpoint.last_good if is_unfinished else endpoint.previous
    if is_unfinished and endpoint.previous == endpoint.config:
        config = endpoint.config  # a `rollback` that was stopped on its way: it goes on
    version = remote.version_of(config)
    if version is None:
        others = [
            f"{v.version} ({v.config})" for v in remote.versions if v.config != endpoint.config
        ]
        raise PlanError(
            f"endpoint {endpoint.name} has no version before {endpoint.config}"
            + (f": {config} is gone" if config else "")
            + (f"; --to takes one of {', '.join(others)}" if others else "")
        )
    return version


def _back(remote: RemoteState, endpoint: Endpoint, version: Version) -> list[Action]:
    """All at once and without alarms: what they say is of the version that is left."""
    params: dict[str, Any] = {
        "EndpointName": endpoint.name,
        "EndpointConfigName": version.config,
    }
    if endpoint.instances and version.mode is not Mode.SERVERLESS:
        params["RetainAllVariantProperties"] = True  # the capacity of this moment
    now = remote.version_of(endpoint.config)
    is_other_type = now is None or now.instance_type != version.instance_type
    stop, start = scaling.pause_steps(endpoint.name, remote.targets, remote.policies)
    return [
        *(stop if is_other_type else []),
        ApiCall(SERVICE, "update_endpoint", params, f"back from {endpoint.config}"),
        Wait(endpoint.name, version.config),
        *(start if is_other_type else []),
        *(async_scaling.restart_steps(endpoint.name, remote.alarms) if is_other_type else []),
    ]


def _unwatch(remote: RemoteState, endpoint: str) -> list[ApiCall]:
    """Ends what looks after an endpoint."""
    stop, _ = scaling.pause_steps(endpoint, remote.targets, remote.policies)
    return [*stop, *alarms.delete_steps(endpoint, remote.alarms)]


def dismantle(remote: RemoteState, name: str) -> list[Action]:
    """What removes an endpoint and all that was made for it.

    Raises:
        PlanError: If it is not ours.
    """
    check_ours(remote, name)
    actions = [*drop_candidate(remote), *_unwatch(remote, name)]
    if remote.endpoint:
        actions += delete_endpoint(remote.endpoint, "as asked")
    rest = replace(remote, endpoint=None, candidate=None, candidate_configs=())
    return actions + list(prune(rest, ()))
