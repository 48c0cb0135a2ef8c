# SPDX-License-Identifier: AGPL-3.0-or-later
"""What leads from what is there to what is wanted, as data.

Each action is left out where what it makes is there already. So a plan that was stopped at any
point goes on where it ended, and one for what is there already is empty.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deploy.endpoint import alarms, async_scaling, scaling
from deploy.endpoint.actions import Action, ApiCall, TagResource, Wait, WaitDeleted
from deploy.endpoint.prune import prune
from deploy.endpoint.release import trial
from deploy.endpoint.remote import (
    LAST_GOOD_TAG,
    PREVIOUS_TAG,
    SERVICE,
    Endpoint,
    RemoteState,
    Status,
)
from deploy.endpoint.rollout import deployment_config
from deploy.endpoint.spec import OUR_TAG, Mode
from deploy.errors import PlanError

if TYPE_CHECKING:
    from deploy.endpoint.release import Release


def plan(release: Release, remote: RemoteState, *, with_candidate: bool = True) -> list[Action]:
    """What is left to do, in its order; empty if nothing is.

    Args:
        release: What is wanted.
        remote: What is there.
        with_candidate: Try the release on a temporary endpoint before requests go to it.

    Raises:
        PlanError: If nothing leads there.
    """
    check_ours(remote, release.spec.endpoint)
    endpoint = _standing(remote)
    _check_way(release, remote, endpoint)
    if endpoint and endpoint.config == release.config:
        return [
            # SageMaker lets what an endpoint needs be deleted; it serves on, and can no longer be
            # updated, or started anew. Made again it has the same name.
            *_make_model(release, remote),
            *_make_config(release, remote),
            *drop_candidate(remote),
            *alarms.alarm_steps(release.spec, remote.alarms),
            *_prove(release, endpoint),
            *_label(release, endpoint),
            *_tidy(release, remote),
        ]
    return [
        *_make_model(release, remote),
        *(_try_candidate(release, remote) if with_candidate else drop_candidate(remote)),
        *_make_config(release, remote),
        *_switch(release, remote),
        *_prove(release, endpoint),
        *_label(release, endpoint),
        *_tidy(release, remote),
    ]


def check_ours(remote: RemoteState, name: str) -> None:
    """Nothing that others have made is touched.

    Raises:
        PlanError: If it is one of these.
    """
    for endpoint in (remote.endpoint, remote.candidate):
        if endpoint is None:
            continue
        if endpoint.tags.get(OUR_TAG) != name:
            raise PlanError(
                f"there is an endpoint {endpoint.name} that was not made by this tool (it has no "
                f"tag {OUR_TAG}={name}); take another name (--set endpoint=…)"
            )


def _standing(remote: RemoteState) -> Endpoint | None:
    """The endpoint, if it can be updated."""
    endpoint = remote.endpoint
    return None if endpoint is None or endpoint.status == Status.FAILED else endpoint


def _check_way(release: Release, remote: RemoteState, endpoint: Endpoint | None) -> None:
    if endpoint is None:
        return
    version, mode = remote.version_of(endpoint.config), release.spec.mode
    # A queue cannot be taken from an endpoint (aws/sagemaker-python-sdk#3124), nor given to one.
    is_other_queue = version and version.mode is not mode and Mode.ASYNC in (version.mode, mode)
    has_instances = endpoint.instances or (version and version.mode is not Mode.SERVERLESS)
    if is_other_queue or (mode is Mode.SERVERLESS and has_instances):
        name = release.spec.endpoint
        now = "is asynchronous" if version and version.mode is Mode.ASYNC else "has instances"
        wanted = "asynchronous" if mode is Mode.ASYNC else str(mode)
        raise PlanError(
            f"endpoint {name} {now if has_instances else 'is serverless'}, and SageMaker never "
            f"makes such an endpoint {wanted}. Make another one "
            f"(--set endpoint={name}-{mode}), send the callers "
            f"there, and delete this one (delete --set endpoint={name})"
        )


def _make_model(release: Release, remote: RemoteState) -> list[Action]:
    return [
        *([] if release.address in remote.objects else [release.upload_step()]),
        *([] if release.model in remote.models else [release.model_step()]),
    ]


def _make_config(release: Release, remote: RemoteState) -> list[Action]:
    return [] if remote.version_of(release.config) else [release.config_step()]


def drop_candidate(remote: RemoteState) -> list[Action]:
    """Removes a temporary endpoint and its configurations."""
    actions: list[Action] = []
    if remote.candidate:
        actions += delete_endpoint(remote.candidate, "what is left of a test")
    return actions + [delete_config(name) for name in remote.candidate_configs]


def _try_candidate(release: Release, remote: RemoteState) -> list[Action]:
    """One of an earlier run is taken over if it is of this release and serves."""
    name, config = release.candidate, release.candidate_config
    actions: list[Action] = []
    found = remote.candidate
    if found and (found.config != config or found.status != Status.IN_SERVICE):
        actions += delete_endpoint(found, "it is of another release, or failed")
        found = None
    if config not in remote.candidate_configs:
        actions.append(release.candidate_config_step())
    if found is None:
        actions.append(release.create_candidate_step())
    tried = Endpoint(name, Status.IN_SERVICE, config)
    test = trial(name, release.spec.mode, release.address)
    actions += [Wait(name, config), test, *delete_endpoint(tried, "it has been tried")]
    return actions + [delete_config(c) for c in sorted({config, *remote.candidate_configs})]


def _switch(release: Release, remote: RemoteState) -> list[Action]:
    name, endpoint = release.spec.endpoint, remote.endpoint
    actions: list[Action] = [*alarms.alarm_steps(release.spec, remote.alarms)]
    if endpoint and endpoint.status == Status.FAILED:
        actions += delete_endpoint(endpoint, "SageMaker never updates one that failed")
        endpoint = None
    if endpoint is None:
        return [*actions, release.create_step(), Wait(name, release.config)]
    if _changes_instances(release, remote):
        actions.append(scaling.stop_step(name))
    if not endpoint.last_good:  # a run ended before it could be: all the same it is the way back
        actions.append(TagResource(name, {PREVIOUS_TAG: endpoint.config}))
    return [*actions, _update(release, remote, endpoint), Wait(name, release.config)]


def _changes_instances(release: Release, remote: RemoteState) -> bool:
    """SageMaker takes no other type of instances while their number is scaled."""
    endpoint, fleet = _standing(remote), release.spec.fleet
    before = remote.version_of(endpoint.config) if endpoint else None
    return bool(remote.targets and before and fleet and before.instance_type != fleet.instance_type)


def _update(release: Release, remote: RemoteState, endpoint: Endpoint) -> ApiCall:
    spec = release.spec
    params: dict[str, Any] = {"EndpointName": spec.endpoint, "EndpointConfigName": release.config}
    why = f"it serves with {endpoint.config}"
    before = remote.version_of(endpoint.config)
    if spec.fleet and (endpoint.instances or spec.async_):
        # Who asks for another number of instances shall have it, unless they scale by themselves.
        # Those that are all gone come back, since the version is tested with one.
        is_number_same = before is not None and before.instances == spec.fleet.instance_count
        if endpoint.instances and (spec.fleet.autoscaling or is_number_same):
            params["RetainAllVariantProperties"] = True
        guards = alarms.alarm_names(spec)
        blocking = [name for name in alarms.in_alarm(remote.alarms) if name in guards]
        params["DeploymentConfig"] = deployment_config(spec, without=blocking)
        if blocking:
            why += (
                f"; {', '.join(blocking)} in alarm already would end the update, so it is left out"
            )
    return ApiCall(SERVICE, "update_endpoint", params, why)


def _prove(release: Release, endpoint: Endpoint | None) -> list[Action]:
    """Tries the endpoint after the switch, and writes down that it passed."""
    name = release.spec.endpoint
    before = endpoint.last_good if endpoint else ""
    test = trial(name, release.spec.mode, release.address)
    if before == release.config:
        return [mark(name, before, "")] if endpoint and endpoint.has_old_tag else []
    return [test, mark(name, release.config, before)]


def _label(release: Release, endpoint: Endpoint | None) -> list[Action]:
    """Tags of the configuration that an endpoint of before lacks; none is taken away."""
    if endpoint is None:
        return []
    wanted = release.spec.tags.items()
    changed = {key: value for key, value in wanted if endpoint.tags.get(key) != value}
    return [TagResource(release.spec.endpoint, changed)] if changed else []


def mark(endpoint: str, config: str, before: str) -> TagResource:
    """Writes down which configuration passed the last test, and which did before."""
    previous = {PREVIOUS_TAG: before} if before else {}
    return TagResource(endpoint, {LAST_GOOD_TAG: config} | previous)


def _tidy(release: Release, remote: RemoteState) -> list[Action]:
    former = [v.config for v in remote.versions if v.config != release.config]
    serving = [remote.endpoint.config, remote.endpoint.last_good] if remote.endpoint else []
    keep = {release.config, *serving, *former[: release.spec.keep]}
    handled = replace(remote, candidate=None, candidate_configs=())
    is_stopped = _changes_instances(release, remote)
    targets, policies = ((), ()) if is_stopped else (remote.targets, remote.policies)
    return [
        *scaling.scaling_steps(release.spec, targets, policies),
        *async_scaling.alarm_steps(release.spec, remote.alarms, policies),
        *prune(handled, keep, models=[release.model], objects=[release.address]),
    ]


def delete_endpoint(endpoint: Endpoint, why: str) -> list[Action]:
    params = {"EndpointName": endpoint.name}
    return [ApiCall(SERVICE, "delete_endpoint", params, why), WaitDeleted(endpoint.name)]


def delete_config(name: str) -> ApiCall:
    params = {"EndpointConfigName": name}
    return ApiCall(SERVICE, "delete_endpoint_config", params, "it is no longer needed")
