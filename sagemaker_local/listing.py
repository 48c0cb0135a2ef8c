# SPDX-License-Identifier: AGPL-3.0-or-later
"""ListModels, ListEndpointConfigs, ListEndpoints, ListTransformJobs: filters, order and pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sagemaker_local.records import (
    CONFIG,
    MODEL,
    Endpoint,
    Record,
    Region,
    TransformJob,
)
from sagemaker_local.refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Item = TypeVar("_Item", Record, Endpoint, TransformJob)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_PAGE = 10  # API reference, MaxResults of each of them


def list_models(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    found = _chosen(list(region.records[MODEL].values()), given)
    return page("Models", [_summary(item, "Model") for item in found], given)


def list_configs(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """ListEndpointConfigs."""
    found = _chosen(list(region.records[CONFIG].values()), given)
    return page("EndpointConfigs", [_summary(item, "EndpointConfig") for item in found], given)


def list_endpoints(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    found = _chosen(list(region.endpoints.values()), given)
    summaries = [
        _summary(item, "Endpoint")
        | {"LastModifiedTime": item.modified, "EndpointStatus": item.status}
        for item in found
        if given.get("StatusEquals") in {None, item.status}
    ]
    return page("Endpoints", summaries, given)


def list_jobs(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """ListTransformJobs."""
    summaries = []
    for item in _chosen(list(region.jobs.values()), given):
        if given.get("StatusEquals") in {None, item.status}:
            summary = _summary(item, "TransformJob") | {
                "LastModifiedTime": item.modified,
                "TransformJobStatus": item.status,
            }
            optional = {"TransformEndTime": item.ended, "FailureReason": item.failure_reason}
            summaries.append(summary | {key: value for key, value in optional.items() if value})
    return page("TransformJobSummaries", summaries, given)


def page(
    key: str, items: Sequence[Any], given: Mapping[str, Any], default: int = _PAGE
) -> dict[str, Any]:
    """One page of an answer; the token is the number of items before it.

    Raises:
        Refusal: If the token is not one of ours.
    """
    token = given.get("NextToken", "0")
    if not token.isdecimal():
        raise invalid("Invalid NextToken.")
    start = int(token)
    end = start + given.get("MaxResults", default)
    more = {"NextToken": str(end)} if end < len(items) else {}
    return {key: list(items[start:end]), **more}


def _chosen(items: list[_Item], given: Mapping[str, Any]) -> list[_Item]:
    part = given.get("NameContains", "").lower()
    found = [item for item in items if part in item.name.lower() and _is_in_time(item, given)]
    order = given.get("SortBy", "CreationTime")
    is_descending = given.get("SortOrder", "Descending") == "Descending"
    return sorted(found, key=lambda item: _rank(item, order), reverse=is_descending)


def _rank(item: Record | Endpoint | TransformJob, order: str) -> tuple[Any, ...]:
    first = {"Name": item.name, "Status": getattr(item, "status", "")}.get(order, item.created)
    return first, item.created


def _is_in_time(item: Record | Endpoint | TransformJob, given: Mapping[str, Any]) -> bool:
    ends = {
        "CreationTime": item.created,
        "LastModifiedTime": getattr(item, "modified", item.created),
    }
    return all(
        _time(given, f"{name}After", _FIRST) <= at <= _time(given, f"{name}Before", _LAST)
        for name, at in ends.items()
    )


def _summary(item: Record | Endpoint | TransformJob, kind: str) -> dict[str, Any]:
    return {f"{kind}Name": item.name, f"{kind}Arn": item.arn, "CreationTime": item.created}


def _time(given: Mapping[str, Any], key: str, default: datetime) -> datetime:
    return datetime.fromtimestamp(given[key], UTC) if key in given else default
