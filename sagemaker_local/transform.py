# SPDX-License-Identifier: AGPL-3.0-or-later
"""CreateTransformJob, DescribeTransformJob and StopTransformJob."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from sagemaker_local import tags
from sagemaker_local.models import container_of
from sagemaker_local.records import MODEL, TRANSFORM, TransformJob
from sagemaker_local.refusal import Refusal, invalid, over_quota
from sagemaker_local.transform_input import find_items
from sagemaker_local.transform_run import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.backend import Backend, Quotas
    from sagemaker_local.records import Region

MOST_PAYLOAD_MB = 100  # API reference, CreateTransformJob: also of all that is sent at a time
UNFINISHED = {"InProgress", "Stopping"}


def create_job(backend: Backend, region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """CreateTransformJob."""
    name, arn = given["TransformJobName"], region.arn(TRANSFORM, given["TransformJobName"])
    _check_unused(region, name, arn)
    own_tags = tags.checked(given.get("Tags", []))
    model = region.find(MODEL, given["ModelName"])
    if "ModelDataSource" in container_of(model):  # aws/sagemaker-python-sdk#4777
        raise invalid(
            "SageMaker Batch currently doesn't support Model entity with container definitions "
            "which use ModelDataSource attribute."
        )
    _check_served(given)
    _check_payload(given)
    source = given["TransformInput"]["DataSource"]["S3DataSource"]
    role = model.params["ExecutionRoleArn"]
    items = find_items(backend.aws, region.name, source, role)
    params = {key: value for key, value in given.items() if key != "Tags"}
    job = TransformJob(name, arn, region.name, params)
    with region.lock:
        _check_unused(region, name, arn)
        _check_quota(backend.quotas, region, given["TransformResources"])
        region.jobs[name] = job
        region.tags[arn] = own_tags
    backend.ask(partial(run, backend, job, model, items), name, partial(job.end, "Failed"))
    return {"TransformJobArn": arn}


def describe_job(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeTransformJob."""
    job = _find(region, given["TransformJobName"])
    with job.lock:
        answer = {
            **job.params,
            "TransformJobArn": job.arn,
            "TransformJobStatus": job.status,
            "CreationTime": job.created,
        }
        optional = {
            "FailureReason": job.failure_reason,
            "TransformStartTime": job.started,
            "TransformEndTime": job.ended,
        }
    return answer | {key: value for key, value in optional.items() if value}


def stop_job(region: Region, given: Mapping[str, Any]) -> dict[str, Any]:
    """StopTransformJob: objects that are being worked on are finished."""
    job = _find(region, given["TransformJobName"])
    with job.lock:
        if job.status not in UNFINISHED:
            raise invalid(
                f"The request was rejected because the transform job is in status {job.status}."
            )
        job.move_to("Stopping")
    return {}


def _find(region: Region, name: str) -> TransformJob:
    try:
        return region.jobs[name]
    except KeyError:
        raise invalid(f"Could not find requested job with name: {name}") from None


def _check_unused(region: Region, name: str, arn: str) -> None:
    if name in region.jobs:
        raise Refusal(
            "ResourceInUse",
            "Job name must be unique within an AWS account and region, and a job with this name "
            f"already exists ({arn})",
        )


def _check_served(given: Mapping[str, Any]) -> None:
    """Refuse what SageMaker has and we have not."""
    source, output = given["TransformInput"], given["TransformOutput"]
    kind = source["DataSource"]["S3DataSource"]["S3DataType"]
    refused = [
        f"{what} {value}"
        for what, value, ours in (
            ("S3DataType", kind, ("S3Prefix", "ManifestFile")),
            ("SplitType", source.get("SplitType", "None"), ("None",)),
            ("CompressionType", source.get("CompressionType", "None"), ("None",)),
            ("AssembleWith", output.get("AssembleWith", "None"), ("None",)),
        )
        if value not in ours
    ]
    refused += [key for key in ("DataProcessing", "DataCaptureConfig") if given.get(key)]
    if refused:
        raise invalid(f"{', '.join(refused)} is not served here: one object is one request.")


def _check_payload(given: Mapping[str, Any]) -> None:
    payload, count = given.get("MaxPayloadInMB"), given.get("MaxConcurrentTransforms") or 1
    if payload == 0:
        raise invalid("MaxPayloadInMB 0, for bodies sent in chunks, is not served here.")
    if payload and payload * count > MOST_PAYLOAD_MB:
        raise invalid(
            f"MaxConcurrentTransforms * MaxPayloadInMB is {payload * count} MB; {MOST_PAYLOAD_MB} "
            "MB are the most."
        )


def _check_quota(quotas: Quotas, region: Region, resources: Mapping[str, Any]) -> None:
    kind, count = resources["InstanceType"], resources["InstanceCount"]
    used = Counter[str]()
    for job in region.jobs.values():
        if job.status in UNFINISHED:
            own = job.params["TransformResources"]
            used[own["InstanceType"]] += own["InstanceCount"]
    limit = quotas.transform_instances.get(kind)
    if limit is not None and used[kind] + count > limit:
        raise over_quota(f"{kind} for transform job usage", "Instances", limit, used[kind], count)
