# SPDX-License-Identifier: AGPL-3.0-or-later
"""CreateModel, DescribeModel and DeleteModel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.image.names import ImageName, parse_name
from sagemaker_local import tags
from sagemaker_local.model_data import parse_url
from sagemaker_local.records import MODEL
from sagemaker_local.refusal import already_exists, invalid, not_found
from serving.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.backend import Backend
    from sagemaker_local.records import Record, Region

WANTED_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def create_model(backend: Backend, region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    name, arn = given["ModelName"], region.arn(MODEL, given["ModelName"])
    if name in region.records[MODEL]:
        raise already_exists(MODEL, arn)
    own_tags = tags.checked(given.get("Tags", []))
    container = _only_container(given)
    role = given.get("ExecutionRoleArn")
    if not role:
        raise invalid("ExecutionRoleArn is missing.")
    _check_image(backend, region, container)
    _check_data(backend, region, container, role)
    params = {key: value for key, value in given.items() if key != "Tags"}
    record = region.add(MODEL, name, params)
    region.tags[record.arn] = own_tags
    return {"ModelArn": record.arn}


def describe_model(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    record = region.find(MODEL, given["ModelName"])
    answer = {"EnableNetworkIsolation": False, **record.params}
    return {**answer, "CreationTime": record.created, "ModelArn": record.arn}


def delete_model(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """DeleteModel; as on AWS, also of a model that a configuration names."""
    with region.lock:
        record = region.records[MODEL].pop(given["ModelName"], None)
        if record is None:
            raise not_found(MODEL, region.arn(MODEL, given["ModelName"]))
        region.tags.pop(record.arn, None)
    return {}


def container_of(model: Record) -> Mapping[str, Any]:
    """The one container of a model."""
    return _only_container(model.params)


def resolve(backend: Backend, region: Region, name: ImageName) -> str:
    """An image by digest.

    Raises:
        Refusal: If ECR does not have it, or its manifest is not one that SageMaker takes.
    """
    found = backend.aws.manifest(region.name, name)
    if found is None:
        raise invalid(f"Requested image {name} not found.")
    kind, digest = found
    if kind != WANTED_MANIFEST:
        raise invalid(
            f"Unsupported manifest media type {kind} for image {name}. Ensure that valid manifest "
            "media type is used for specified image."
        )
    return f"{name.repository_name}@{digest}"


def _only_container(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if ("PrimaryContainer" in given) == ("Containers" in given):
        raise invalid("One of PrimaryContainer and Containers is needed.")
    containers = given.get("Containers") or [given["PrimaryContainer"]]
    if len(containers) != 1 or containers[0].get("Mode") == "MultiModel":
        raise invalid("Inference pipelines and multi-model endpoints are not served here.")
    container: Mapping[str, Any] = containers[0]
    return container


def _check_image(backend: Backend, region: Region, container: Mapping[str, Any]) -> None:
    image = container.get("Image", "")
    try:
        name = parse_name(image)
    except BadUsage:
        name = None
    if name is None or name.ecr is None:
        raise invalid(
            f'Using non-ECR image "{image}" without Vpc repository access mode is not supported.'
        )
    resolve(backend, region, name)


def _check_data(backend: Backend, region: Region, container: Mapping[str, Any], role: str) -> None:
    url = data_url(container)
    if not backend.aws.can_be_assumed(region.name, role):
        raise invalid(
            f'Could not access model data at {url}. Please ensure that the role "{role}" exists '
            'and that its trust relationship policy allows the action "sts:AssumeRole" for the '
            'service principal "sagemaker.amazonaws.com". Also ensure that the role has '
            '"s3:GetObject" permissions and that the object is located in '
            f"{region.name}."
        )
    place = parse_url(url)
    if url and (place is None or not backend.aws.has_object(region.name, *place)):
        raise invalid(f"Could not find model data at {url}.")


def data_url(container: Mapping[str, Any]) -> str:
    """Where a container's model lies; empty if it is in the image."""
    if "ModelDataSource" in container:
        source = container["ModelDataSource"].get("S3DataSource", {})
        if source.get("S3DataType") != "S3Object" or source.get("CompressionType") != "Gzip":
            raise invalid("Of ModelDataSource, only one S3Object in Gzip is served here.")
        return str(source["S3Uri"])
    return str(container.get("ModelDataUrl", ""))
