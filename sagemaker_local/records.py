# SPDX-License-Identifier: AGPL-3.0-or-later
"""What lasts between calls: models, configurations, endpoints, transform jobs, tags of a region."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sagemaker_local.backlog import Backlog
from sagemaker_local.refusal import already_exists, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.fleets import Fleet

MODEL, CONFIG, ENDPOINT = "model", "endpoint configuration", "endpoint"
TRANSFORM = "transform job"
_IN_ARN = {MODEL: "model", CONFIG: "endpoint-config", ENDPOINT: "endpoint",
           TRANSFORM: "transform-job"}  # fmt: skip
_MOST_REASON = 1024  # botocore's model of FailureReason


def now() -> datetime:
    """The time, as answers have it."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Record:
    """A model or an endpoint configuration, which never change.

    Attributes:
        name: Its name.
        arn: Its name in full.
        params: The parameters that made it, without tags.
        created: When.
    """

    name: str
    arn: str
    params: Mapping[str, Any]
    created: datetime = field(default_factory=now)


@dataclass(slots=True)
class Endpoint:
    """An endpoint.

    Attributes:
        name: Its name.
        arn: Its name in full.
        region: Where it is.
        config: Name of the configuration that it has.
        status: As DescribeEndpoint tells it.
        failure_reason: Likewise; empty for none.
        live: What serves; None until it does.
        coming: What an update has started beside it; None for none.
        coming_config: Name of the configuration of an update.
        share_percent: How much of the traffic goes to ``coming``.
        backlog: Requests nobody waits for; always empty unless it is asynchronous.
        deployment: DeploymentConfig of the last update.
        created: When it was made.
        modified: When its status last changed.
        lock: Held while more than one of these is read or changed.
    """

    name: str
    arn: str
    region: str
    config: str
    status: str = "Creating"
    failure_reason: str = ""
    live: Fleet | None = None
    coming: Fleet | None = None
    coming_config: str = ""
    share_percent: float = 0.0
    backlog: Backlog = field(default_factory=Backlog)
    deployment: Mapping[str, Any] | None = None
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def move_to(self, status: str, reason: str | None = None) -> None:
        """Change the status; a reason of None leaves that as it is."""
        with self.lock:
            self.status, self.modified = status, now()
            if reason is not None:
                self.failure_reason = reason[:_MOST_REASON]


@dataclass(slots=True)
class TransformJob:
    """A transform job.

    Attributes:
        name: Its name.
        arn: Its name in full.
        region: Where it is.
        params: The parameters that made it, without tags.
        status: As DescribeTransformJob tells it.
        failure_reason: Likewise; empty for none.
        started: When its servers were healthy; None until then.
        ended: When it ended; None until then.
        created: When it was made.
        modified: When its status last changed.
        lock: Held while its status is read and changed.
    """

    name: str
    arn: str
    region: str
    params: Mapping[str, Any]
    status: str = "InProgress"
    failure_reason: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def start(self) -> None:
        """Its servers are healthy."""
        with self.lock:
            self.started = self.modified = now()

    def move_to(self, status: str) -> None:
        with self.lock:
            self.status, self.modified = status, now()

    def end(self, status: str, reason: str = "") -> None:
        with self.lock:
            self.status, self.failure_reason = status, reason[:_MOST_REASON]
            self.ended = self.modified = now()


@dataclass(slots=True)
class Region:
    """Everything of one region.

    Attributes:
        name: Such as ``eu-central-1``.
        account: Twelve digits.
        records: Models and configurations by kind and name.
        endpoints: By name.
        jobs: Transform jobs by name; they stay for ever.
        tags: By ARN.
        lock: Held while any of these is read or changed.
    """

    name: str
    account: str
    records: dict[str, dict[str, Record]] = field(default_factory=lambda: {MODEL: {}, CONFIG: {}})
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    jobs: dict[str, TransformJob] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def arn(self, kind: str, name: str) -> str:
        """The name in full; SageMaker writes it in lower case."""
        return f"arn:aws:sagemaker:{self.name}:{self.account}:{_IN_ARN[kind]}/{name.lower()}"

    def add(self, kind: str, name: str, params: Mapping[str, Any]) -> Record:
        """Keep a new model or configuration.

        Raises:
            Refusal: If the name is taken.
        """
        with self.lock:
            if name in self.records[kind]:
                raise already_exists(kind, self.arn(kind, name))
            record = Record(name, self.arn(kind, name), params)
            self.records[kind][name] = record
            return record

    def find(self, kind: str, name: str) -> Record:
        """A model or a configuration.

        Raises:
            Refusal: If there is none.
        """
        try:
            return self.records[kind][name]
        except KeyError:
            raise not_found(kind, self.arn(kind, name)) from None

    def endpoint(self, name: str) -> Endpoint:
        """An endpoint.

        Raises:
            Refusal: If there is none.
        """
        try:
            return self.endpoints[name]
        except KeyError:
            raise not_found(ENDPOINT, self.arn(ENDPOINT, name)) from None

    def arns(self) -> set[str]:
        """Of everything that can have tags."""
        records = {record.arn for kind in self.records.values() for record in kind.values()}
        jobs = {job.arn for job in self.jobs.values()}
        return records | jobs | {endpoint.arn for endpoint in self.endpoints.values()}
