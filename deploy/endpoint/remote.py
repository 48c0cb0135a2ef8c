# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is on the account of one endpoint: describing calls alone, nothing is changed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from deploy.aws.errors import AwsError
from deploy.aws.s3 import addresses, folder_of
from deploy.endpoint import alarms, scaling
from deploy.endpoint.release import (
    CANDIDATE,
    OBJECT_PREFIX,
    SHA256_TAG,
    VERSION_TAG,
    candidate_name,
)
from deploy.endpoint.spec import OUR_TAG, Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.aws.api import AwsApi

# Tags of an endpoint: the configuration that passed the last test, and the one before it.
LAST_GOOD_TAG = "roomdet:last-good"
_PROVED_TAG = "roomdet:proved"  # its name until 2026-11; plan.py writes the new one
PREVIOUS_TAG = "roomdet:previous"
SERVICE = "sagemaker"


class Status(StrEnum):
    """States of an endpoint that are told apart here.

    Source: SageMaker API reference, DescribeEndpoint.
    """

    IN_SERVICE = "InService"
    FAILED = "Failed"
    UPDATE_ROLLBACK_FAILED = "UpdateRollbackFailed"


# What ends by itself.
IN_TRANSIT = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that is there.

    Attributes:
        name: Of it.
        status: As SageMaker says it.
        config: Name of its configuration.
        reason: Why it failed; else empty.
        tags: Of it.
        instances: That it has or shall have; 0 if it is serverless.
    """

    name: str
    status: str
    config: str
    reason: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    instances: int = 0

    @property
    def last_good(self) -> str:
        """The configuration that passed the last test; empty if none did."""
        return last_good(self.tags)

    @property
    def has_old_tag(self) -> bool:
        """Whether what passed is known by the tag's former name alone."""
        return bool(self.last_good) and LAST_GOOD_TAG not in self.tags

    @property
    def previous(self) -> str:
        """The configuration that passed the test before that; empty if none did."""
        return self.tags.get(PREVIOUS_TAG, "")


@dataclass(frozen=True, slots=True)
class Version:
    """A configuration of ours, which an endpoint can go back to.

    Attributes:
        config: Its name.
        model: Name of its model.
        mode: How it is hosted.
        version: Of the archive.
        sha256: Of the archive.
        created: When it was made, ISO 8601.
        instances: With which it starts; 0 if it is serverless.
        instance_type: Empty if it is serverless.
    """

    config: str
    model: str
    mode: Mode
    version: str
    sha256: str
    created: str
    instances: int = 0
    instance_type: str = ""


@dataclass(frozen=True, slots=True)
class RemoteState:
    """What is there.

    Attributes:
        endpoint: The one that callers use.
        candidate: The temporary one.
        versions: Newest first.
        candidate_configs: Configurations of temporary endpoints.
        models: Where the file of each model lies, as an S3 address.
        objects: S3 addresses of models' files.
        in_use: Configurations that other endpoints use.
        alarms: As `describe_alarms` tells of those that the endpoint can have, and their `Tags`.
        targets: As `describe_scalable_targets` tells.
        policies: As `describe_scaling_policies` tells.
    """

    endpoint: Endpoint | None = None
    candidate: Endpoint | None = None
    versions: tuple[Version, ...] = ()
    candidate_configs: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    objects: frozenset[str] = frozenset()
    in_use: frozenset[str] = frozenset()
    alarms: tuple[Mapping[str, Any], ...] = ()
    targets: tuple[Mapping[str, Any], ...] = ()
    policies: tuple[Mapping[str, Any], ...] = ()

    def version_of(self, config: str) -> Version | None:
        """The version of a configuration."""
        return next((v for v in self.versions if v.config == config), None)


def read_remote(
    account: AwsApi, endpoint: str, place: str = "", *, is_new: bool = True
) -> RemoteState:
    """What is there of an endpoint and of all its versions.

    Args:
        account: Asked.
        endpoint: Its name.
        place: S3 address that the files of models begin with; those of known models are looked
            for where they are.
        is_new: A file shall be put there, so that there must be such a bucket.

    Raises:
        AwsError: If AWS does not answer.
    """
    versions, candidates = read_versions(account, endpoint)
    models = _models(account, endpoint)
    known = {folder_of(address) + OBJECT_PREFIX for address in models.values()}
    objects = [address for where in sorted(known - {place}) for address in _objects(account, where)]
    if place:
        objects += _objects(account, place, is_needed=is_new)
    return RemoteState(
        read_endpoint(account, endpoint),
        read_endpoint(account, candidate_name(endpoint)),
        versions,
        candidates,
        models,
        frozenset(objects),
        _in_use(account, {endpoint, candidate_name(endpoint)}),
        *_watchers(account, endpoint),
    )


def _watchers(
    account: AwsApi, endpoint: str
) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]:
    """Alarms, scalable targets and scaling policies of an endpoint."""
    targets = account.pages(
        scaling.SERVICE, "describe_scalable_targets", scaling.targets_query(endpoint),
        "ScalableTargets",
    )  # fmt: skip
    policies = find_policies(account, endpoint)
    return read_alarms(account, endpoint), tuple(targets), tuple(policies)


def find_policies(account: AwsApi, endpoint: str) -> list[Mapping[str, Any]]:
    """The scaling policies of an endpoint, whoever made them."""
    params = scaling.policies_query(endpoint)
    return account.pages(scaling.SERVICE, "describe_scaling_policies", params, "ScalingPolicies")


def _objects(account: AwsApi, place: str, *, is_needed: bool = False) -> list[str]:
    """Files of models; none where the bucket is gone, unless it is needed."""
    try:
        return addresses(account, place)
    except AwsError as err:
        if is_needed or err.code != "NoSuchBucket":
            raise
        return []


def find_alarms(account: AwsApi, endpoint: str) -> list[Mapping[str, Any]]:
    """The alarms that an endpoint can have, whoever made them."""
    names = {"AlarmNames": alarms.all_names(endpoint), "AlarmTypes": ["MetricAlarm"]}
    return account.pages("cloudwatch", "describe_alarms", names, "MetricAlarms")


def read_alarms(account: AwsApi, endpoint: str) -> tuple[Mapping[str, Any], ...]:
    """The same with their `Tags`."""
    found = []
    for alarm in find_alarms(account, endpoint):
        arn = {"ResourceARN": alarm["AlarmArn"]}
        tagged = account.ask("cloudwatch", "list_tags_for_resource", arn) or {}
        found.append({**alarm, "Tags": tagged.get("Tags", [])})
    return tuple(found)


def read_endpoint(account: AwsApi, name: str) -> Endpoint | None:
    """An endpoint, or None if there is none of this name."""
    found = account.ask(SERVICE, "describe_endpoint", {"EndpointName": name})
    if found is None:
        return None
    variants: Sequence[Mapping[str, Any]] = found.get("ProductionVariants", ())
    return Endpoint(
        name,
        found["EndpointStatus"],
        found.get("EndpointConfigName", ""),
        found.get("FailureReason", ""),
        read_tags(account, found["EndpointArn"]),
        variants[0].get("DesiredInstanceCount", 0) if variants else 0,
    )


def read_versions(account: AwsApi, endpoint: str) -> tuple[tuple[Version, ...], tuple[str, ...]]:
    """The configurations of ours for an endpoint, newest first, and those of its candidates."""
    form = re.compile(rf"{re.escape(endpoint)}-({'|'.join([*Mode, CANDIDATE])})-[0-9a-f]{{8}}")
    listed = account.pages(
        SERVICE,
        "list_endpoint_configs",
        {"NameContains": f"{endpoint}-", "SortBy": "CreationTime", "SortOrder": "Descending"},
        "EndpointConfigs",
    )
    versions, candidates = [], []
    for entry in listed:
        name = entry["EndpointConfigName"]
        kind = form.fullmatch(name)
        if not kind:
            continue
        tags = read_tags(account, entry["EndpointConfigArn"])
        if tags.get(OUR_TAG) != endpoint:
            continue
        if kind[1] == CANDIDATE:
            candidates.append(name)
            continue
        found = account.ask(SERVICE, "describe_endpoint_config", {"EndpointConfigName": name})
        if found is not None:
            versions.append(_version(found, tags, Mode(kind[1])))
    return tuple(versions), tuple(candidates)


def _version(found: Mapping[str, Any], tags: Mapping[str, str], mode: Mode) -> Version:
    variant = found["ProductionVariants"][0]
    return Version(
        found["EndpointConfigName"],
        variant["ModelName"],
        mode,
        tags.get(VERSION_TAG, ""),
        tags.get(SHA256_TAG, ""),
        found["CreationTime"].isoformat(timespec="seconds"),
        variant.get("InitialInstanceCount", 0),
        variant.get("InstanceType", ""),
    )


def _models(account: AwsApi, endpoint: str) -> dict[str, str]:
    """The models of ours for an endpoint, and where their files lie."""
    models = {}
    params = {"NameContains": f"{endpoint}-"}
    for entry in account.pages(SERVICE, "list_models", params, "Models"):
        name = entry["ModelName"]
        if read_tags(account, entry["ModelArn"]).get(OUR_TAG) != endpoint:
            continue
        found = account.ask(SERVICE, "describe_model", {"ModelName": name})
        if found is not None:
            models[name] = found["PrimaryContainer"].get("ModelDataUrl", "")
    return models


def read_folder(account: AwsApi, endpoint: str) -> str:
    """S3 address of the folder of an endpoint's models; empty if it has none."""
    return next((folder_of(url) for url in _models(account, endpoint).values() if url), "")


def _in_use(account: AwsApi, ours: set[str]) -> frozenset[str]:
    """Configurations that endpoints of other names use; SageMaker would let us delete them."""
    used = set()
    for entry in account.pages(SERVICE, "list_endpoints", {}, "Endpoints"):
        if entry["EndpointName"] not in ours:
            params = {"EndpointName": entry["EndpointName"]}
            found = account.ask(SERVICE, "describe_endpoint", params)
            used.add((found or {}).get("EndpointConfigName", ""))
    return frozenset(used - {""})


def last_good(tags: Mapping[str, str]) -> str:
    """The configuration that passed the last test, by an endpoint's tags; empty if none did."""
    return tags.get(LAST_GOOD_TAG) or tags.get(_PROVED_TAG, "")


def read_tags(account: AwsApi, arn: str) -> dict[str, str]:
    """Tags of a resource of SageMaker."""
    listed = account.pages(SERVICE, "list_tags", {"ResourceArn": arn}, "Tags")
    return {entry["Key"]: entry["Value"] for entry in listed}
