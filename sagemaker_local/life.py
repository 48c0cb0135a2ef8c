# SPDX-License-Identifier: AGPL-3.0-or-later
"""The life of an endpoint: its servers start, serve, and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.image.names import parse_name
from sagemaker_local.configs import variants_of
from sagemaker_local.fleets import FleetFailed, Recipe
from sagemaker_local.logs import OF_ENDPOINTS, Stream, stream_of
from sagemaker_local.model_data import parse_url
from sagemaker_local.models import container_of, data_url, resolve
from sagemaker_local.pool import Closing
from sagemaker_local.records import CONFIG, MODEL, Endpoint
from sagemaker_local.refusal import Refusal
from sagemaker_local.sides import Side, Variant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.fleets import Fleet
    from sagemaker_local.hosting import Hosting
    from sagemaker_local.records import Record, Region

_SERVERLESS_TIMEOUT_S = 180.0  # developer guide, serverless endpoints: /ping within 3 minutes
_TIMEOUT_S = 240.0  # developer guide, custom inference code: 4 minutes
_INSTANCE_MEMORY_MB = 4096  # of ml.c6i.large, the smallest that we name
_DRAIN_S = 60.0  # an invocation takes no longer


def create(hosting: Hosting, endpoint: Endpoint) -> None:
    """Bring a new endpoint into service."""
    region = hosting.region(endpoint.region)
    try:
        side = start_side(hosting, region, endpoint, endpoint.config)
    except FleetFailed as err:
        endpoint.move_to("Failed", err.reason)
        return
    with endpoint.lock:
        endpoint.live = side
        endpoint.move_to("InService", "")


def delete(hosting: Hosting, endpoint: Endpoint) -> None:
    """End an endpoint and forget it."""
    region = hosting.region(endpoint.region)
    endpoint.backlog.close()
    if endpoint.live:
        stop_side(hosting, endpoint, endpoint.live)
    with region.lock:
        del region.endpoints[endpoint.name]
        region.tags.pop(endpoint.arn, None)


def start_side(hosting: Hosting, region: Region, endpoint: Endpoint, config_name: str) -> Side:
    """Start the servers of an endpoint configuration.

    Raises:
        FleetFailed: If one does not start; the others have ended then.
    """
    variants: list[Variant] = []
    try:
        config = region.find(CONFIG, config_name)
        for settings in variants_of(config):
            model = region.find(MODEL, settings["ModelName"])
            variants.append(_start(hosting, region, endpoint, (settings, model)))
    except (FleetFailed, Refusal, Closing) as err:
        for variant in variants:
            hosting.pool.release(variant.recipe)
        if isinstance(err, Refusal):  # something was deleted meanwhile
            raise FleetFailed(str(err)) from err
        raise
    return Side(variants, config.params.get("AsyncInferenceConfig"))


def _start(
    hosting: Hosting,
    region: Region,
    endpoint: Endpoint,
    what: tuple[Mapping[str, Any], Record],
) -> Variant:
    settings, model = what
    name = settings["VariantName"]
    recipe, resolved = recipe_of(hosting, region, settings, model)
    fleet = lease(hosting, endpoint, name, recipe)
    variant = Variant(
        name,
        settings,
        recipe,
        fleet,
        resolved,
        settings["InitialVariantWeight"],
        settings.get("InitialInstanceCount", 0),
        settings.get("ServerlessConfig"),
    )
    hosting.logs.pump(stream_of(endpoint, variant), fleet.log)
    return variant


def lease(hosting: Hosting, endpoint: Endpoint, name: str, recipe: Recipe) -> Fleet:
    """A server for the variant of a name.

    Raises:
        FleetFailed: If it does not start; what it printed is in the log then.
    """
    try:
        return hosting.pool.lease(recipe)
    except FleetFailed as err:
        group = OF_ENDPOINTS.format(endpoint=endpoint.name)
        hosting.logs.put(Stream(endpoint.region, group, f"{name}/i-{'0' * 17}"), err.log)
        raise FleetFailed(err.reason.format(variant=name), err.log) from err


def recipe_of(
    hosting: Hosting, region: Region, settings: Mapping[str, Any], model: Record
) -> tuple[Recipe, str]:
    """With what a server of a model is started, and its image by digest.

    Args:
        hosting: Where the model's file lies.
        region: Likewise.
        settings: Of a variant; empty for none.
        model: What is served.

    Raises:
        FleetFailed: If the model's file is gone.
        Refusal: If its image is gone.
    """
    container = container_of(model)
    url = data_url(container)
    place = parse_url(url)
    data = hosting.neighbors.object_bytes(region.name, *place) if place else b""
    if data is None:
        raise FleetFailed(f"Could not find model data at {url}.")
    serverless = settings.get("ServerlessConfig")
    timeout = settings.get("ContainerStartupHealthCheckTimeoutInSeconds", _TIMEOUT_S)
    recipe = Recipe(
        container["Image"],
        data,
        url,
        container.get("Environment", {}),
        is_serverless=serverless is not None,
        memory_mb=serverless["MemorySizeInMB"] if serverless else _INSTANCE_MEMORY_MB,
        timeout_s=_SERVERLESS_TIMEOUT_S if serverless else timeout,
    )
    return recipe, resolve(hosting, region, parse_name(container["Image"]))


def stop_side(hosting: Hosting, endpoint: Endpoint, side: Side) -> None:
    """Let a side answer what it has, and end its servers."""
    for variant in side.variants:
        drain(hosting, variant)
        if variant.fleet:
            hosting.logs.pump(stream_of(endpoint, variant), variant.fleet.log)
            hosting.pool.release(variant.recipe)


def drain(hosting: Hosting, variant: Variant) -> None:
    """Let a variant answer what it has."""
    hosting.clock.wait(_DRAIN_S / hosting.clock.scale, lambda: not variant.in_flight)
