# SPDX-License-Identifier: AGPL-3.0-or-later
"""How far a batch is: describing and listing calls alone, nothing is changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from deploy.aws.s3 import addresses, fetch
from deploy.batch.failures import LOG_GROUP, Failure, read_failures
from deploy.batch.place import OUT
from deploy.endpoint.log_group import read_cause
from serving.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.aws.api import AwsApi
    from deploy.batch.place import Batch

_SERVICE = "sagemaker"
_UNFINISHED = ("InProgress", "Stopping")


@dataclass(frozen=True, slots=True)
class Job:
    """A transform job of a batch.

    Attributes:
        name: Of it.
        status: As SageMaker says it.
        reason: Why it failed; SageMaker says it of a job with one bad plan, too.
        keys: Names of the objects that it was given.
        described: Everything that SageMaker tells of it.
        cause: What its container's log says of its failure; empty if it says nothing.
    """

    name: str
    status: str
    reason: str
    keys: frozenset[str]
    described: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)
    cause: str = ""

    @property
    def is_running(self) -> bool:
        """Whether more answers may come of it."""
        return self.status in _UNFINISHED


@dataclass(frozen=True, slots=True)
class State:
    """How far a batch is.

    Attributes:
        files: Name of each file's object.
        unfit: Files that have none, because batch transform does not take them.
        uploaded: Names of the objects that are there.
        answered: Names of the objects that have an answer, and the answer's S3 address.
        failures: Of the objects without one, as far as jobs that have ended tell of them.
        jobs: In their order.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    unfit: Mapping[str, Failure] = field(default_factory=dict)
    uploaded: frozenset[str] = frozenset()
    answered: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()

    @property
    def running(self) -> frozenset[str]:
        """Objects that a job is busy with."""
        keys = frozenset[str]().union(*(job.keys for job in self.jobs if job.is_running))
        return keys - set(self.answered)

    def open_keys(self, *, again: bool = False) -> list[str]:
        """Objects that are to be sent: without an answer, and nobody is busy with them.

        Args:
            again: Also those that the container has refused.
        """
        refused = {key for key, failure in self.failures.items() if failure.is_final and not again}
        return sorted(set(self.files.values()) - set(self.answered) - self.running - refused)


def read_state(account: AwsApi, batch: Batch) -> State:
    """How far a batch is; nothing is there of one that does not exist.

    Raises:
        AwsError: If AWS does not answer.
    """
    names: dict[str, Any] = json.loads(fetch(account, batch.names) or b"{}")
    jobs = read_jobs(account, batch)
    outputs = addresses(account, batch.outputs)
    # Whatever folders it makes of them below the output path.
    answered = {
        address.rpartition("/")[2].removesuffix(OUT): address
        for address in outputs
        if address.endswith(OUT)
    }
    failures: dict[str, Failure] = {}
    for job in jobs:
        if not job.is_running and not job.keys <= set(answered):
            failures |= read_failures(account, job.name)
    jobs = tuple(
        replace(job, cause=read_cause(account, LOG_GROUP, f"{job.name}/"))
        if job.status == "Failed" and not job.keys & {*answered, *failures}
        else job
        for job in jobs
    )
    return State(
        {file: key for file, key in names.items() if isinstance(key, str)},
        {file: Failure(**why) for file, why in names.items() if not isinstance(why, str)},
        frozenset(address.rpartition("/")[2] for address in addresses(account, batch.inputs)),
        answered,
        {key: failure for key, failure in failures.items() if key not in answered},
        jobs,
    )


def read_jobs(account: AwsApi, batch: Batch) -> tuple[Job, ...]:
    """The jobs of a batch; they cannot be deleted, so the first number that is free ends them.

    Raises:
        AwsError: If AWS does not answer.
        BadUsage: If another batch has a job of that name.
    """
    jobs: list[Job] = []
    while True:
        number = len(jobs) + 1
        params = {"TransformJobName": batch.job(number)}
        found = account.ask(_SERVICE, "describe_transform_job", params)
        if found is None:
            return tuple(jobs)
        given = found["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        # Names are for ever, and hyphens are in both parts.
        if not given.startswith(batch.manifests(number)):
            raise BadUsage(
                f"job {batch.job(number)} is of another batch, {given}; take another --name"
            )
        manifest = fetch(account, given)
        keys = frozenset(json.loads(manifest)[1:]) if manifest else frozenset()
        status, reason = found["TransformJobStatus"], found.get("FailureReason", "")
        jobs.append(Job(batch.job(number), status, reason, keys, found))
