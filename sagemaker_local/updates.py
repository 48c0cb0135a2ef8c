# SPDX-License-Identifier: AGPL-3.0-or-later
"""UpdateEndpoint and UpdateEndpointWeightsAndCapacities: what is refused, and what they begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sagemaker_local.configs import is_serverless, variants_of
from sagemaker_local.deployments import check_deployment
from sagemaker_local.endpoints import IN_PROGRESS, find_config
from sagemaker_local.quotas import check_quotas
from sagemaker_local.records import CONFIG
from sagemaker_local.refusal import in_progress, invalid
from sagemaker_local.resizing import RESCALE_S, is_async, settle
from sagemaker_local.rollout import Retained, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.backend import Backend
    from sagemaker_local.fleets import Variant
    from sagemaker_local.records import Endpoint, Record, Region


def update_endpoint(backend: Backend, region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = region.endpoint(given["EndpointName"])
    with region.lock, endpoint.lock:
        _check_settled(endpoint)
        config = find_config(region, given["EndpointConfigName"])
        if config.name == endpoint.config:
            raise invalid(
                "Cannot update endpoint with the currently in use endpoint configuration "
                f'"{config.name}".'
            )
        # hashicorp/terraform-provider-aws#40048: without the old one there is no update.
        old = region.find(CONFIG, endpoint.config)
        _check_change(old, config)
        deployment = given.get("DeploymentConfig", {})
        if given.get("RetainDeploymentConfig"):
            deployment = endpoint.deployment or {}
        check_deployment(deployment, config)
        if deployment:
            _check_guarded(backend, region, deployment, (old, config))
        check_quotas(backend.quotas, region, config, name=endpoint.name)
        update = Update(config.name, deployment, _retained(endpoint, given))
        endpoint.coming_config = config.name
        endpoint.move_to("Updating")
    backend.begin(update, endpoint)
    return {"EndpointArn": endpoint.arn}


def _check_settled(endpoint: Endpoint) -> None:
    if endpoint.status in IN_PROGRESS:
        raise in_progress(endpoint.arn)
    if endpoint.status == "Failed":  # API reference, EndpointSummary: it can only be deleted
        raise invalid(f'Endpoint "{endpoint.arn}" is Failed; it can only be deleted.')


def _check_change(old: Record, new: Record) -> None:
    if ("AsyncInferenceConfig" in old.params) != ("AsyncInferenceConfig" in new.params):
        raise invalid(
            "An endpoint cannot be updated from asynchronous to synchronous inference, or back; "
            "make another endpoint."
        )
    if is_serverless(new) and not is_serverless(old):
        raise invalid(
            "An endpoint of instances cannot be updated to a serverless one; make another endpoint."
        )


def _check_guarded(
    backend: Backend, region: Region, deployment: Mapping[str, Any], configs: tuple[Record, Record]
) -> None:
    old, new = ({variant["VariantName"] for variant in variants_of(one)} for one in configs)
    if old != new:
        raise invalid("With a DeploymentConfig, variant names must stay the same.")
    alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    names = {alarm["AlarmName"] for alarm in alarms}
    if names:
        found = {alarm["AlarmName"] for alarm in backend.aws.alarms(region.name, [*names])}
        if names - found:
            raise invalid(f"Could not find alarms {', '.join(sorted(names - found))}.")


def _retained(endpoint: Endpoint, given: Mapping[str, Any]) -> dict[str, Retained]:
    if not given.get("RetainAllVariantProperties") or endpoint.live is None:
        return {}
    excluded = given.get("ExcludeRetainedVariantProperties", [])
    kinds = {entry["VariantPropertyType"] for entry in excluded}
    return {
        variant.name: Retained(
            variant.instances
            if variant.instances and "DesiredInstanceCount" not in kinds
            else None,
            None if "DesiredWeight" in kinds else variant.weight,
        )
        for variant in endpoint.live.variants
    }


def update_weights(backend: Backend, region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """UpdateEndpointWeightsAndCapacities."""
    endpoint = region.endpoint(given["EndpointName"])
    with endpoint.lock:
        _check_settled(endpoint)
        changes = []
        for wanted in given["DesiredWeightsAndCapacities"]:
            variant = endpoint.live.variant(wanted["VariantName"]) if endpoint.live else None
            if variant is None:
                raise invalid(f"Could not find variant {wanted['VariantName']}.")
            if variant.serverless and "DesiredInstanceCount" in wanted:
                raise invalid("DesiredInstanceCount is not supported for serverless endpoints.")
            if wanted.get("DesiredInstanceCount") == 0 and not is_async(endpoint):
                raise invalid("Only an asynchronous endpoint can have no instances.")
            changes.append((variant, wanted))
        for variant, wanted in changes:
            variant.pending = wanted.get("DesiredInstanceCount")
        endpoint.move_to("Updating")

    def change(backend: Backend, endpoint: Endpoint) -> None:
        backend.clock.wait(RESCALE_S)
        with endpoint.lock:
            for variant, wanted in changes:
                _apply(variant, wanted)
        settle(backend, endpoint)

    backend.begin(change, endpoint)
    return {"EndpointArn": endpoint.arn}


def _apply(variant: Variant, wanted: Mapping[str, Any]) -> None:
    variant.weight = wanted.get("DesiredWeight", variant.weight)
    if variant.serverless and "ServerlessUpdateConfig" in wanted:
        variant.serverless = {**variant.serverless, **wanted["ServerlessUpdateConfig"]}
