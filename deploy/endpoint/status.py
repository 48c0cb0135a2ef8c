# SPDX-License-Identifier: AGPL-3.0-or-later
"""How an endpoint is, what serves, and what to do if it does not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from deploy.aws.errors import AwsError
from deploy.aws.s3 import folder_of
from deploy.aws.states import next_step_in
from deploy.endpoint.lock import read_lock
from deploy.endpoint.log_group import group_of, read_cause
from deploy.endpoint.progress import read_progress
from deploy.endpoint.release import SHA256_TAG, VERSION_TAG, candidate_name
from deploy.endpoint.remote import (
    IN_TRANSIT,
    PREVIOUS_TAG,
    SERVICE,
    Status,
    find_alarms,
    last_good,
    read_folder,
    read_tags,
)
from serving.console import WOULD_CHANGE

# Source: SageMaker API reference, ProductionVariant: a model may be downloaded for an hour, and its
# container take another one to start.
_LONGEST_ATTEMPT = timedelta(hours=2)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.aws.api import AwsApi


def read_status(account: AwsApi, endpoint: str, place: str = "") -> dict[str, Any]:
    """An endpoint as one JSON document.

    Args:
        account: Asked.
        endpoint: Its name.
        place: S3 address that its models' files begin with, if there is no model yet.

    Returns:
        ``status`` is ``None`` if there is no such endpoint, ``next_step`` if it serves.

    Raises:
        AwsError: If AWS does not answer.
    """
    found = account.ask(SERVICE, "describe_endpoint", {"EndpointName": endpoint})
    beside = {
        "candidate": _candidate(account, candidate_name(endpoint)),
        "changed_by": _changed_by(account, endpoint, place),
    }
    if found is None:
        step = "python -m deploy apply makes it; or is it in another region?"
        return {"endpoint": endpoint, "status": None, "next_step": step, **beside}
    status, reason = found["EndpointStatus"], found.get("FailureReason", "")
    # SageMaker keeps the reason of an update that it took back until the next one.
    is_past = status in {Status.IN_SERVICE, "Updating", "SystemUpdating"}
    cause = ""
    if status == Status.FAILED:
        cause = read_cause(account, group_of(endpoint), start_ms=_attempt_ms(found))
    config = account.ask(
        SERVICE, "describe_endpoint_config", {"EndpointConfigName": found["EndpointConfigName"]}
    )
    tags = read_tags(account, found["EndpointArn"])
    alarms = {alarm["AlarmName"]: alarm["StateValue"] for alarm in find_alarms(account, endpoint)}
    return {
        "endpoint": endpoint,
        "status": status,
        "reason": None if is_past else reason or None,
        "log_says": cause or None,
        "next_step": _next_step(status, "" if is_past else reason, cause, alarms),
        "update": _update(account, found),
        "config": found["EndpointConfigName"],
        **(_served(account, config) if config else {}),
        "capacity": _capacity(found),
        "is_proved": last_good(tags) == found["EndpointConfigName"],
        "previous": tags.get(PREVIOUS_TAG),
        "alarms": alarms,
        "last_update_taken_back": reason if is_past and reason else None,
        "created": found["CreationTime"].isoformat(timespec="seconds"),
        "changed": found["LastModifiedTime"].isoformat(timespec="seconds"),
        **beside,
    }


def exit_status(document: Mapping[str, Any]) -> int:
    """0 if it serves and nothing goes on, 3 while something does, else 1."""
    candidate = document["candidate"] or {}
    is_moving = {document["status"], candidate.get("status")} & set(IN_TRANSIT)
    if is_moving or document["changed_by"]:
        return WOULD_CHANGE
    return 0 if document["status"] == Status.IN_SERVICE else 1


def _attempt_ms(found: Mapping[str, Any]) -> int:
    """When the attempt that failed may have begun, in milliseconds since 1970.

    The log group is as old as the first endpoint of this name.
    """
    began = max(found["CreationTime"], found["LastModifiedTime"] - _LONGEST_ATTEMPT)
    return int(began.timestamp() * 1000)


def _next_step(status: str, reason: str, cause: str, alarms: Mapping[str, str]) -> str | None:
    in_alarm = [name for name, state in alarms.items() if state == "ALARM"]
    if status == Status.IN_SERVICE and in_alarm:
        return (
            f"{', '.join(in_alarm)} in ALARM: `python -m deploy logs --errors` may show why; "
            "`rollback` goes back to the version before"
        )
    return next_step_in(status, reason, cause) or None


def _update(account: AwsApi, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """What it is updated to, and how far that is; None if it is not."""
    now = read_progress(account, found)
    if not now.to:
        return None
    arn = account.ask(SERVICE, "describe_endpoint_config", {"EndpointConfigName": now.to})
    tags = read_tags(account, arn["EndpointConfigArn"]) if arn else {}
    started = found["PendingDeploymentSummary"].get("StartTime")
    return {
        "config": now.to,
        "version": tags.get(VERSION_TAG),
        "stage": now.stage or None,
        "share_percent": now.share_percent,
        "since": started.isoformat(timespec="seconds") if started else None,
    }


def _candidate(account: AwsApi, name: str) -> dict[str, Any] | None:
    """The temporary endpoint, which costs while it is there; None if there is none."""
    found = account.ask(SERVICE, "describe_endpoint", {"EndpointName": name})
    if found is None:
        return None
    named = {"EndpointConfigName": found["EndpointConfigName"]}
    config = account.ask(SERVICE, "describe_endpoint_config", named) or {}
    return {
        "endpoint": name,
        "status": found["EndpointStatus"],
        "since": found["CreationTime"].isoformat(timespec="seconds"),
        "cost": _cost(next(iter(config.get("ProductionVariants", ())), {})),
        "next_step": "`python -m deploy apply` goes on with it, or removes it if it is of another "
        "version; nothing else needs it",
    }


def _cost(variant: Mapping[str, Any]) -> str:
    """What is paid for it; what that is in money is AWS's price list."""
    if "ServerlessConfig" in variant:
        return "nothing while nobody asks it (serverless)"
    if "InstanceType" not in variant:
        return "unknown: its configuration is gone"
    return f"{variant.get('InitialInstanceCount', 1)} x {variant['InstanceType']} by the second"


def _changed_by(account: AwsApi, endpoint: str, place: str) -> str | None:
    """Whose `apply`, `rollback` or `delete` is at it just now; None if nobody's, or unknown."""
    try:
        folder = folder_of(place) if place else read_folder(account, endpoint)
        seen = read_lock(account, folder) if folder else None
    except AwsError:
        return None
    return str(seen.holder) if seen and not seen.has_ended else None


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
