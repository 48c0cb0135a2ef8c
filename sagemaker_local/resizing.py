# SPDX-License-Identifier: AGPL-3.0-or-later
"""Instances that come and go: a server ends with the last of them and starts with the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sagemaker_local.asynchronous import dispatch
from sagemaker_local.fleets import FleetFailed
from sagemaker_local.life import drain, lease
from sagemaker_local.logs import stream_of
from sagemaker_local.sides import new_instance_id

if TYPE_CHECKING:
    from sagemaker_local.hosting import Hosting
    from sagemaker_local.records import Endpoint
    from sagemaker_local.sides import Variant

RESCALE_S = 60.0  # a new instance takes minutes on AWS


def is_async(endpoint: Endpoint) -> bool:
    """Whether nobody waits for an endpoint's answers."""
    return endpoint.live is not None and endpoint.live.asynchronous is not None


def begin_resize(hosting: Hosting, endpoint: Endpoint, variant: Variant, count: int) -> None:
    """Let a variant have another number of instances, in the background.

    It must be called with the endpoint's lock held.
    """
    variant.pending = count
    endpoint.move_to("Updating")
    hosting.begin(_resize, endpoint)


def _resize(hosting: Hosting, endpoint: Endpoint) -> None:
    hosting.clock.wait(RESCALE_S)
    settle(hosting, endpoint)


def settle(hosting: Hosting, endpoint: Endpoint) -> None:
    """Bring all variants to the numbers of instances that are pending; then it is in service."""
    reason = ""
    assert endpoint.live
    for variant in endpoint.live.variants:
        try:
            _rescale(hosting, endpoint, variant)
        except FleetFailed as err:
            reason = err.reason
        variant.pending = None
    endpoint.move_to("InService", reason)
    dispatch(hosting, endpoint)


def _rescale(hosting: Hosting, endpoint: Endpoint, variant: Variant) -> None:
    """Bring a variant to the number of instances that is pending.

    Raises:
        FleetFailed: If its server does not start.
    """
    count = variant.pending
    if count is None or variant.serverless:
        return
    if count and variant.fleet is None:
        fleet = lease(hosting, endpoint, variant.name, variant.recipe)
        variant.instance_id = new_instance_id()
        variant.fleet = fleet
    with endpoint.lock:
        variant.instances = count
    if not count and variant.fleet:
        drain(hosting, variant)
        hosting.logs.pump(stream_of(endpoint, variant), variant.fleet.log)
        variant.fleet = None
        hosting.pool.release(variant.recipe, spare=False)
