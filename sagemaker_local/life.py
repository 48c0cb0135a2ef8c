# SPDX-License-Identifier: AGPL-3.0-or-later
"""The life of an endpoint: its servers start, serve, and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.image.names import parse_name
from sagemaker_local.configs import variants_of
from sagemaker_local.fleets import Fleet, Variant, new_instance_id
from sagemaker_local.logs import OF_ENDPOINTS, Stream, stream_of
from sagemaker_local.model_data import parse_url
from sagemaker_local.model_servers import LaunchSpec, ServerFailed
from sagemaker_local.models import container_of, data_url, resolve
from sagemaker_local.pool import Closing
from sagemaker_local.records import CONFIG, MODEL, Endpoint
from sagemaker_local.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.backend import Backend
    from sagemaker_local.model_servers import ModelServer
    from sagemaker_local.records import Record, Region

_SERVERLESS_TIMEOUT_S = 180.0  # developer guide, serverless endpoints: /ping within 3 minutes
_TIMEOUT_S = 240.0  # developer guide, custom inference code: 4 minutes
_INSTANCE_MEMORY_MB = 4096  # of ml.c6i.large, the smallest that we name
_RESTART_S = 10.0  # between two tries
_DRAIN_S = 60.0  # an invocation takes no longer


def create(backend: Backend, endpoint: Endpoint) -> None:
    """Bring a new endpoint into service."""
    region = backend.region(endpoint.region)
    try:
        fleet = start_fleet(backend, region, endpoint, endpoint.config)
    except ServerFailed as err:
        endpoint.move_to("Failed", err.reason)
        return
    with endpoint.lock:
        endpoint.live = fleet
        endpoint.move_to("InService", "")


def delete(backend: Backend, endpoint: Endpoint) -> None:
    """End an endpoint and forget it."""
    region = backend.region(endpoint.region)
    endpoint.backlog.close()
    if endpoint.live:
        stop_fleet(backend, endpoint, endpoint.live)
    with region.lock:
        del region.endpoints[endpoint.name]
        region.tags.pop(endpoint.arn, None)


def start_fleet(backend: Backend, region: Region, endpoint: Endpoint, config_name: str) -> Fleet:
    """Start the servers of an endpoint configuration.

    Raises:
        ServerFailed: If one does not start; the others have ended then.
    """
    variants: list[Variant] = []
    try:
        config = region.find(CONFIG, config_name)
        for settings in variants_of(config):
            model = region.find(MODEL, settings["ModelName"])
            variants.append(_start(backend, region, endpoint, (settings, model)))
    except (ServerFailed, Refusal, Closing) as err:
        for variant in variants:
            backend.pool.release(variant.launch)
        if isinstance(err, Refusal):  # something was deleted meanwhile
            raise ServerFailed(str(err)) from err
        raise
    return Fleet(variants, config.params.get("AsyncInferenceConfig"))


def _start(
    backend: Backend,
    region: Region,
    endpoint: Endpoint,
    what: tuple[Mapping[str, Any], Record],
) -> Variant:
    settings, model = what
    name = settings["VariantName"]
    launch, resolved = launch_spec_of(backend, region, settings, model)
    server = lease(backend, endpoint, name, launch)
    variant = Variant(
        name,
        settings,
        launch,
        server,
        resolved,
        settings["InitialVariantWeight"],
        settings.get("InitialInstanceCount", 0),
        settings.get("ServerlessConfig"),
    )
    backend.logs.pump(stream_of(endpoint, variant), server.log)
    return variant


def lease(backend: Backend, endpoint: Endpoint, name: str, launch: LaunchSpec) -> ModelServer:
    """A server for the variant of a name.

    Raises:
        ServerFailed: If it does not start; what it printed is in the log then.
    """
    try:
        return backend.pool.lease(launch)
    except ServerFailed as err:
        group = OF_ENDPOINTS.format(endpoint=endpoint.name)
        backend.logs.put(Stream(endpoint.region, group, f"{name}/i-{'0' * 17}"), err.log)
        raise ServerFailed(err.reason.format(variant=name), err.log) from err


def launch_spec_of(
    backend: Backend, region: Region, settings: Mapping[str, Any], model: Record
) -> tuple[LaunchSpec, str]:
    """With what a server of a model is started, and its image by digest.

    Args:
        backend: Where the model's file lies.
        region: Likewise.
        settings: Of a variant; empty for none.
        model: What is served.

    Raises:
        ServerFailed: If the model's file is gone.
        Refusal: If its image is gone.
    """
    container = container_of(model)
    url = data_url(container)
    place = parse_url(url)
    data = backend.aws.object_bytes(region.name, *place) if place else b""
    if data is None:
        raise ServerFailed(f"Could not find model data at {url}.")
    serverless = settings.get("ServerlessConfig")
    timeout = settings.get("ContainerStartupHealthCheckTimeoutInSeconds", _TIMEOUT_S)
    launch = LaunchSpec(
        container["Image"],
        data,
        url,
        container.get("Environment", {}),
        is_serverless=serverless is not None,
        memory_mb=serverless["MemorySizeInMB"] if serverless else _INSTANCE_MEMORY_MB,
        timeout_s=_SERVERLESS_TIMEOUT_S if serverless else timeout,
    )
    return launch, resolve(backend, region, parse_name(container["Image"]))


def stop_fleet(backend: Backend, endpoint: Endpoint, fleet: Fleet) -> None:
    """Let a side answer what it has, and end its servers."""
    for variant in fleet.variants:
        drain(backend, variant)
        if variant.server:
            backend.logs.pump(stream_of(endpoint, variant), variant.server.log)
            backend.pool.release(variant.launch)


def restart(backend: Backend, endpoint: Endpoint, variant: Variant) -> None:
    """Start a server in the place of one that has ended by itself, as often as it takes.

    Requests are refused meanwhile, as on AWS, and the endpoint stays in service.
    """
    stream = stream_of(endpoint, variant)
    try:
        while (ended := variant.server) is not None and not ended.is_running():
            backend.logs.pump(stream, ended.log)
            server = ended
            try:
                server = backend.pool.replace(variant.launch, ended)
            except ServerFailed as err:
                backend.logs.put(stream, err.log)
            if server is ended:
                backend.clock.wait(_RESTART_S)
            elif variant.server is ended:
                variant.instance_id = new_instance_id()
                variant.server = server
    finally:
        variant.is_restarting = False


def drain(backend: Backend, variant: Variant) -> None:
    """Let a variant answer what it has."""
    backend.clock.wait(_DRAIN_S / backend.clock.scale, lambda: not variant.in_flight)
