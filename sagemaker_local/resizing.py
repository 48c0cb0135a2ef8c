# SPDX-License-Identifier: AGPL-3.0-or-later
"""Instances that come and go: a server ends with the last of them and starts with the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sagemaker_local.asynchronous import dispatch
from sagemaker_local.fleets import new_instance_id
from sagemaker_local.life import drain, lease
from sagemaker_local.logs import stream_of
from sagemaker_local.model_servers import ServerFailed

if TYPE_CHECKING:
    from sagemaker_local.backend import Backend
    from sagemaker_local.fleets import Variant
    from sagemaker_local.records import Endpoint

RESCALE_S = 60.0  # a new instance takes minutes on AWS


def is_async(endpoint: Endpoint) -> bool:
    """Whether nobody waits for an endpoint's answers."""
    return endpoint.live is not None and endpoint.live.asynchronous is not None


def begin_resize(backend: Backend, endpoint: Endpoint, variant: Variant, count: int) -> None:
    """Let a variant have another number of instances, in the background.

    It must be called with the endpoint's lock held.
    """
    variant.pending = count
    endpoint.move_to("Updating")
    backend.begin(_resize, endpoint)


def _resize(backend: Backend, endpoint: Endpoint) -> None:
    backend.clock.wait(RESCALE_S)
    settle(backend, endpoint)


def settle(backend: Backend, endpoint: Endpoint) -> None:
    """Bring all variants to the numbers of instances that are pending; then it is in service."""
    reason = ""
    assert endpoint.live
    for variant in endpoint.live.variants:
        try:
            _rescale(backend, endpoint, variant)
        except ServerFailed as err:
            reason = err.reason
        variant.pending = None
    endpoint.move_to("InService", reason)
    dispatch(backend, endpoint)


def _rescale(backend: Backend, endpoint: Endpoint, variant: Variant) -> None:
    """Bring a variant to the number of instances that is pending.

    Raises:
        ServerFailed: If its server does not start.
    """
    count = variant.pending
    if count is None or variant.serverless:
        return
    if count and variant.server is None:
        server = lease(backend, endpoint, variant.name, variant.launch)
        variant.instance_id = new_instance_id()
        variant.server = server
    with endpoint.lock:
        variant.instances = count
    if not count and variant.server:
        drain(backend, variant)
        backend.logs.pump(stream_of(endpoint, variant), variant.server.log)
        variant.server = None
        backend.pool.release(variant.launch, spare=False)
