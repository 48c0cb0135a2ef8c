# SPDX-License-Identifier: AGPL-3.0-or-later
"""Send the plans of a batch that have no answer yet; the same call goes on after a kill."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from deploy.aws.api import OCTETS
from deploy.aws.s3 import put
from deploy.batch.files import store
from deploy.batch.state import read_state
from deploy.endpoint.release import as_tags
from deploy.endpoint.spec import OUR_TAG
from serving.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deploy.aws.api import AwsApi
    from deploy.batch.failures import Failure
    from deploy.batch.files import Plan
    from deploy.batch.place import Batch
    from deploy.batch.state import State

BATCH_TAG = "roomdet:batch"
_JSON = "application/json"
_THREADS = 8  # uploads and downloads wait for the network, not for a core
_MOST_JOBS = 999


@dataclass(frozen=True, slots=True)
class Resources:
    """What a job runs on.

    Attributes:
        model: Name of SageMaker's model.
        instance_type: Such as ``ml.c6i.large``.
        instance_count: Each takes its share of the plans.
        concurrency: Plans that an instance gets at once; None lets its container say so.
        payload_mb: Size of the largest plan; None likewise.
    """

    model: str
    instance_type: str
    instance_count: int = 1
    concurrency: int | None = None
    payload_mb: int | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What was sent.

    Attributes:
        batch: Its name.
        folder: S3 address.
        job: The new job; empty if there was nothing to send.
        sent: Files of the new job.
        objects: What they are in S3; the same content under several names is one.
        uploaded: Objects that were not there before.
        answered: Plans that have an answer already.
        refused: Plans that the container has refused; they are not sent again.
        in_progress: Plans that a job is busy with.
        unfit: Lines of the result of those that batch transform does not take.
    """

    batch: str
    folder: str
    job: str
    sent: int
    objects: int
    uploaded: int
    answered: int
    refused: int
    in_progress: int
    unfit: list[dict[str, str]]


def submit(
    account: AwsApi,
    batch: Batch,
    plans: Sequence[Plan],
    resources: Resources,
    say: Callable[[str], None],
    *,
    again: bool = False,
) -> Submitted:
    """Upload what is not there, and begin a job with what has no answer.

    Files that batch transform does not take are noted in the batch, and the others sent.

    Args:
        account: Where.
        batch: Which.
        plans: Beside those that the batch has already.
        resources: What the job runs on.
        say: Told what happens.
        again: Send also what the container has refused.

    Raises:
        AwsError: If AWS refuses a call; the same call goes on.
        BadUsage: If there are too many jobs.
        OSError: If a file cannot be read.
    """
    state = read_state(account, batch)
    unfit = {plan.file: failure for plan in plans if (failure := plan.unfit)}
    fit = [plan for plan in plans if plan.file not in unfit]
    files, left_out = _named(state, fit, unfit)
    if (files, left_out) != (state.files, state.unfit):  # first: no object is without a name
        names = files | {file: asdict(failure) for file, failure in left_out.items()}
        put(account, batch.names, json.dumps(names, indent=1).encode(), _JSON)
    new = {plan.key: plan for plan in fit if plan.key not in state.uploaded}
    say(f"{len(fit)} files; {len(new)} objects to upload to {batch.inputs}")
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(partial(_upload, account, batch), new.values()))
    now = read_state(account, batch)
    keys = now.open_keys(again=again)
    job = _begin(account, batch, len(now.jobs) + 1, keys, resources) if keys else ""
    count = Counter(files.values())  # the same content may have several names
    return Submitted(
        batch.name,
        batch.folder,
        job,
        sum(count[key] for key in keys),
        len(keys),
        len(new),
        sum(count[key] for key in now.answered),
        sum(count[key] for key in now.failures if key not in keys),
        sum(count[key] for key in now.running),
        [failure.entry(file) for file, failure in unfit.items()],
    )


def _named(
    state: State, fit: Sequence[Plan], unfit: Mapping[str, Failure]
) -> tuple[dict[str, str], dict[str, Failure]]:
    """The batch's files with these plans: names of objects, and why some have none."""
    files = {**state.files, **{plan.file: plan.key for plan in fit}}
    left_out = {**state.unfit, **unfit}
    return (
        {file: key for file, key in files.items() if file not in unfit},
        {file: failure for file, failure in left_out.items() if file in unfit or file not in files},
    )


def _upload(account: AwsApi, batch: Batch, plan: Plan) -> None:
    store(account, plan, batch.inputs)


def _begin(
    account: AwsApi, batch: Batch, number: int, keys: Sequence[str], resources: Resources
) -> str:
    """Begin a job; its name."""
    if number > _MOST_JOBS:
        raise BadUsage(f"batch {batch.name} has had {_MOST_JOBS} jobs; take another --name")
    content = json.dumps([{"prefix": batch.inputs}, *keys]).encode()
    manifest = batch.manifest(number, content)
    put(account, manifest, content, _JSON)
    params = job_params(batch, number, resources, manifest)
    account.call("sagemaker", "create_transform_job", params)
    return batch.job(number)


def job_params(batch: Batch, number: int, resources: Resources, manifest: str) -> dict[str, Any]:
    """Parameters of `create_transform_job`: one object is one request."""
    source = {"S3DataType": "ManifestFile", "S3Uri": manifest}
    params: dict[str, Any] = {
        "TransformJobName": batch.job(number),
        "ModelName": resources.model,
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": OCTETS,  # a job has one for all; the content decides
            "SplitType": "None",
            "CompressionType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": batch.outputs.rstrip("/"),
            "Accept": _JSON,
            "AssembleWith": "None",
        },
        "TransformResources": {
            "InstanceType": resources.instance_type,
            "InstanceCount": resources.instance_count,
        },
        "Tags": as_tags({OUR_TAG: batch.endpoint, BATCH_TAG: batch.name}),
    }
    # What is left out SageMaker asks of the container (GET /execution-parameters).
    if resources.concurrency:
        params["MaxConcurrentTransforms"] = resources.concurrency
    if resources.payload_mb:
        params["MaxPayloadInMB"] = resources.payload_mb
    return params
