# SPDX-License-Identifier: AGPL-3.0-or-later
"""CreateEndpoint, DescribeEndpoint and DeleteEndpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sagemaker_local import life, tags
from sagemaker_local.configs import variants_of
from sagemaker_local.deployments import check_deployment
from sagemaker_local.quotas import check_quotas
from sagemaker_local.records import CONFIG, ENDPOINT, MODEL, Endpoint
from sagemaker_local.refusal import already_exists, in_progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.backend import Backend
    from sagemaker_local.fleets import Fleet, Variant
    from sagemaker_local.records import Record, Region

IN_PROGRESS = {"Creating", "Updating", "RollingBack", "Deleting"}


def create_endpoint(backend: Backend, region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    name, arn = given["EndpointName"], region.arn(ENDPOINT, given["EndpointName"])
    if name in region.endpoints:
        raise already_exists(ENDPOINT, arn)
    config = find_config(region, given["EndpointConfigName"])
    check_deployment(given.get("DeploymentConfig", {}), config)
    own_tags = tags.checked(given.get("Tags", []))
    with region.lock:
        check_quotas(backend.quotas, region, config)
        if name in region.endpoints:
            raise already_exists(ENDPOINT, arn)
        endpoint = Endpoint(name, arn, region.name, config.name)
        region.endpoints[name] = endpoint
        region.tags[arn] = own_tags
    backend.begin(life.create, endpoint)
    return {"EndpointArn": arn}


def find_config(region: Region, name: str) -> Record:
    """A configuration whose models are there, too.

    Raises:
        Refusal: If something is missing.
    """
    config = region.find(CONFIG, name)
    for variant in variants_of(config):
        region.find(MODEL, variant["ModelName"])
    return config


def delete_endpoint(backend: Backend, region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """DeleteEndpoint; SageMaker refuses it while something happens to the endpoint."""
    endpoint = region.endpoint(given["EndpointName"])
    with endpoint.lock:
        if endpoint.status in IN_PROGRESS:
            raise in_progress(endpoint.arn)
        endpoint.move_to("Deleting")
    backend.begin(life.delete, endpoint)
    return {}


def describe_endpoint(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = region.endpoint(given["EndpointName"])
    with endpoint.lock:
        answer: dict[str, Any] = {
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn,
            "EndpointConfigName": endpoint.config,
            "EndpointStatus": endpoint.status,
            "CreationTime": endpoint.created,
            "LastModifiedTime": endpoint.modified,
        }
        if endpoint.failure_reason:
            answer["FailureReason"] = endpoint.failure_reason
        if endpoint.deployment:
            answer["LastDeploymentConfig"] = endpoint.deployment
        if endpoint.live:
            answer["ProductionVariants"] = _variants(endpoint, endpoint.live)
            if endpoint.live.asynchronous is not None:
                answer["AsyncInferenceConfig"] = endpoint.live.asynchronous
        if endpoint.coming_config:
            answer["PendingDeploymentSummary"] = _pending(region, endpoint)
        return answer


def _pending(region: Region, endpoint: Endpoint) -> dict[str, Any]:
    pending: dict[str, Any] = {
        "EndpointConfigName": endpoint.coming_config,
        "StartTime": endpoint.modified,
    }
    if endpoint.coming:
        stage = "Baking" if endpoint.share_percent else "Creating"
        pending["ProductionVariants"] = [
            _variant(variant, endpoint.share_percent / 100)
            | {"VariantStatus": [{"Status": stage, "StartTime": endpoint.modified}]}
            for variant in endpoint.coming.variants
        ]
        return pending
    config = region.records[CONFIG].get(endpoint.coming_config)
    if config:
        pending["ProductionVariants"] = [
            {
                "VariantName": settings["VariantName"],
                "VariantStatus": [{"Status": "Creating", "StartTime": endpoint.modified}],
            }
            for settings in variants_of(config)
        ]
    return pending


def _variants(endpoint: Endpoint, fleet: Fleet) -> list[dict[str, Any]]:
    share = 1 - endpoint.share_percent / 100
    return [_variant(variant, share) for variant in fleet.variants]


def _variant(variant: Variant, share: float) -> dict[str, Any]:
    image = variant.launch.image
    answer: dict[str, Any] = {
        "VariantName": variant.name,
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": variant.resolved_image}],
        "CurrentWeight": variant.weight * share,
        "DesiredWeight": variant.weight,
        "CurrentInstanceCount": variant.instances,
        "DesiredInstanceCount": variant.instances if variant.pending is None else variant.pending,
    }
    if variant.serverless:
        answer["CurrentServerlessConfig"] = dict(variant.serverless)
        answer["DesiredServerlessConfig"] = dict(variant.serverless)
    return answer
