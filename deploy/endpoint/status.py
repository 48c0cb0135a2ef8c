# SPDX-License-Identifier: AGPL-3.0-or-later
"""How an endpoint is, what serves, and what to do if it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.aws.states import next_step_in
from deploy.endpoint.release import SHA256_TAG, VERSION_TAG
from deploy.endpoint.remote import PREVIOUS_TAG, SERVICE, find_alarms, last_good, read_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.aws.api import AwsApi


def read_status(account: AwsApi, endpoint: str) -> dict[str, Any]:
    """An endpoint as one JSON document.

    Returns:
        ``status`` is ``None`` if there is no such endpoint, ``next_step`` if it serves.

    Raises:
        AwsError: If AWS does not answer.
    """
    found = account.ask(SERVICE, "describe_endpoint", {"EndpointName": endpoint})
    if found is None:
        step = "python -m deploy apply makes it; or is it in another region?"
        return {"endpoint": endpoint, "status": None, "next_step": step}
    status, reason = found["EndpointStatus"], found.get("FailureReason", "")
    config = account.ask(
        SERVICE, "describe_endpoint_config", {"EndpointConfigName": found["EndpointConfigName"]}
    )
    tags = read_tags(account, found["EndpointArn"])
    watched = find_alarms(account, endpoint)
    return {
        "endpoint": endpoint,
        "status": status,
        "reason": reason or None,
        "next_step": next_step_in(status, reason) or None,
        "config": found["EndpointConfigName"],
        **(_served(account, config) if config else {}),
        "capacity": _capacity(found),
        "is_proved": last_good(tags) == found["EndpointConfigName"],
        "previous": tags.get(PREVIOUS_TAG),
        "alarms": {alarm["AlarmName"]: alarm["StateValue"] for alarm in watched},
        "created": found["CreationTime"].isoformat(timespec="seconds"),
        "changed": found["LastModifiedTime"].isoformat(timespec="seconds"),
    }


def _served(account: AwsApi, config: Mapping[str, Any]) -> dict[str, Any]:
    tags = read_tags(account, config["EndpointConfigArn"])
    model = config["ProductionVariants"][0]["ModelName"]
    found = account.ask(SERVICE, "describe_model", {"ModelName": model}) or {}
    return {
        "version": tags.get(VERSION_TAG),
        "archive_sha256": tags.get(SHA256_TAG),
        "model": model,
        "image": found.get("PrimaryContainer", {}).get("Image"),
    }


def _capacity(found: Mapping[str, Any]) -> dict[str, Any]:
    variants = found.get("ProductionVariants", ())
    if not variants:
        return {}
    variant = variants[0]
    serverless = variant.get("CurrentServerlessConfig")
    if serverless:
        return {
            "memory_mb": serverless["MemorySizeInMB"],
            "max_concurrency": serverless["MaxConcurrency"],
        }
    return {
        "instances": variant.get("CurrentInstanceCount"),
        "wanted_instances": variant.get("DesiredInstanceCount"),
    }
