# SPDX-License-Identifier: AGPL-3.0-or-later
"""CreateEndpointConfig, DescribeEndpointConfig and DeleteEndpointConfig."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sagemaker_local import tags
from sagemaker_local.model_data import parse_url
from sagemaker_local.models import container_of
from sagemaker_local.records import CONFIG, MODEL
from sagemaker_local.refusal import already_exists, invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sagemaker_local.records import Record, Region

_MEMORY_STEP_MB = 1024
# What a serverless variant, or a configuration that has one, does not take.
_NOT_SERVERLESS = ("InstanceType", "InitialInstanceCount", "AcceleratorType", "RoutingConfig",
                   "ManagedInstanceScaling", "VolumeSizeInGB", "ModelDataDownloadTimeoutInSeconds",
                   "ContainerStartupHealthCheckTimeoutInSeconds")  # fmt: skip
_NOT_BESIDE_SERVERLESS = ("DataCaptureConfig", "AsyncInferenceConfig", "ShadowProductionVariants",
                          "ExplainerConfig", "VpcConfig", "EnableNetworkIsolation")  # fmt: skip


def create_config(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """CreateEndpointConfig."""
    name = given["EndpointConfigName"]
    if name in region.records[CONFIG]:
        raise already_exists(CONFIG, region.arn(CONFIG, name))
    own_tags = tags.checked(given.get("Tags", []))
    variants = given["ProductionVariants"]
    if len({variant["VariantName"] for variant in variants}) != len(variants):
        raise invalid("Variant names must be unique within an endpoint configuration.")
    for variant in variants:
        if "ModelName" not in variant:
            raise invalid("A variant without ModelName, for components, is not served here.")
        model = region.find(MODEL, variant["ModelName"])
        if "ServerlessConfig" in variant:
            _check_serverless(given, variant, model)
        elif "InstanceType" not in variant or "InitialInstanceCount" not in variant:
            raise invalid(
                f"Variant {variant['VariantName']} needs ServerlessConfig, or InstanceType and "
                "InitialInstanceCount."
            )
    _check_async(given)
    params = {key: value for key, value in given.items() if key != "Tags"}
    params["ProductionVariants"] = [{"InitialVariantWeight": 1.0, **entry} for entry in variants]
    record = region.add(CONFIG, name, params)
    region.tags[record.arn] = own_tags
    return {"EndpointConfigArn": record.arn}


def describe_config(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeEndpointConfig."""
    record = region.find(CONFIG, given["EndpointConfigName"])
    return {**record.params, "EndpointConfigArn": record.arn, "CreationTime": record.created}


def delete_config(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """DeleteEndpointConfig; as on AWS, also of one that an endpoint has, which is a mistake."""
    name = given["EndpointConfigName"]
    with region.lock:
        record = region.records[CONFIG].pop(name, None)
        if record is None:
            raise not_found(CONFIG, region.arn(CONFIG, name))
        region.tags.pop(record.arn, None)
    return {}


def variants_of(config: Record) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = config.params["ProductionVariants"]
    return found


def is_serverless(config: Record) -> bool:
    """Whether it has a serverless variant, which is then its only one."""
    return any("ServerlessConfig" in variant for variant in variants_of(config))


def _check_async(given: Mapping[str, Any]) -> None:
    config = given.get("AsyncInferenceConfig")
    if config is None:
        return
    if len(given["ProductionVariants"]) > 1:
        raise invalid("An asynchronous endpoint of several variants is not served here.")
    for key in ("S3OutputPath", "S3FailurePath"):
        url = config["OutputConfig"].get(key, "")
        if (url or key == "S3OutputPath") and parse_url(f"{url.rstrip('/')}/x") is None:
            raise invalid(f"{key} {url!r} is no place in S3.")


def _check_serverless(given: Mapping[str, Any], variant: Mapping[str, Any], model: Record) -> None:
    """Refuse what serverless hosting does not have.

    Source: developer guide, "Serverless endpoints", feature exclusions.
    """
    refused = [key for key in _NOT_SERVERLESS if key in variant]
    refused += [key for key in _NOT_BESIDE_SERVERLESS if given.get(key)]
    refused += [key for key in ("VpcConfig", "EnableNetworkIsolation") if model.params.get(key)]
    if "ModelDataSource" in container_of(model):
        refused.append("ModelDataSource")
    if refused:
        raise invalid(f"{', '.join(refused)} is not supported for serverless endpoints.")
    if len(given["ProductionVariants"]) > 1:
        raise invalid("A serverless endpoint has only one variant.")
    settings = variant["ServerlessConfig"]
    if settings["MemorySizeInMB"] % _MEMORY_STEP_MB:
        raise invalid("MemorySizeInMB must be 1024, 2048, 3072, 4096, 5120 or 6144.")
    if settings.get("ProvisionedConcurrency", 0) > settings["MaxConcurrency"]:
        raise invalid("ProvisionedConcurrency must not be greater than MaxConcurrency.")
