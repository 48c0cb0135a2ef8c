# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tags of models, configurations and endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sagemaker_local.listing import page
from sagemaker_local.refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sagemaker_local.records import Region

_MOST_TAGS = 50  # API reference, AddTags


def list_tags(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    _check_exists(region, given["ResourceArn"])
    tags = _listed(region.tags.get(given["ResourceArn"], {}))
    return page("Tags", tags, given, default=_MOST_TAGS)


def add_tags(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    arn = given["ResourceArn"]
    _check_exists(region, arn)
    with region.lock:
        tags = region.tags.get(arn, {}) | checked(given["Tags"])
        _check_count(tags)
        region.tags[arn] = tags
        return {"Tags": _listed(tags)}


def delete_tags(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """DeleteTags; a key that is not there is no error."""
    arn = given["ResourceArn"]
    _check_exists(region, arn)
    with region.lock:
        for key in given["TagKeys"]:
            region.tags.get(arn, {}).pop(key, None)
    return {}


def checked(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags of a call by key.

    Raises:
        Refusal: If a key comes twice, is reserved, or there are too many.
    """
    found = {tag["Key"]: tag["Value"] for tag in tags}
    if len(found) != len(tags):
        raise invalid("Duplicate tag keys are not allowed.")
    reserved = [key for key in found if key.lower().startswith("aws:")]
    if reserved:
        raise invalid(f"Tag keys that start with aws: are reserved: {', '.join(reserved)}.")
    _check_count(found)
    return found


def _check_count(tags: Mapping[str, str]) -> None:
    if len(tags) > _MOST_TAGS:
        raise invalid(f"{len(tags)} tags; {_MOST_TAGS} are the most that a resource can have.")


def _check_exists(region: Region, arn: str) -> None:
    if arn not in region.arns():
        kind = arn.rpartition(":")[2].partition("/")[0].replace("-config", " configuration")
        raise invalid(f'Could not find {kind} "{arn}".')


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
