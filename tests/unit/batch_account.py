# SPDX-License-Identifier: AGPL-3.0-or-later
"""S3, transform jobs and their log as dictionaries; each call is held against botocore's model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any

from tests.unit.calls import faults
from tests.unit.closed_account import ClosedAccount

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOMS = {
    "detected_rooms": [{"id": "room_001", "bounding_box": [0, 0, 10, 10], "confidence": 0.9}],
    "processing_time_ms": 12,
}
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
REFUSED = '{"status":"error","error":"invalid_file_format","message":"no picture"}'


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Account(ClosedAccount):
    """An account of one test.

    Attributes:
        objects: S3, by address.
        jobs: Parameters of each transform job, and what became of it.
        lines: Of the log of transform jobs.
        changes: Operations that changed something, in their order.
        kill_at: After so many of them the process is gone; 0 never.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    kill_at: int = 0
    _lock: Lock = field(default_factory=Lock)

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """An object or a job."""
        assert "" == faults(service, operation, params)
        if operation == "describe_transform_job":
            return self.jobs.get(params["TransformJobName"])
        body = self.objects.get(f"s3://{params['Bucket']}/{params['Key']}")
        return None if body is None else {"Body": BytesIO(body)}

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """A change."""
        with self._lock:
            if self.kill_at and len(self.changes) >= self.kill_at:
                raise Killed
            # boto3 makes a text of it before it looks.
            source = params.get("CopySource", {})
            plain = {**params, "CopySource": "/".join(source.values())} if source else params
            assert "" == faults(service, operation, plain)
            self.changes.append(operation)
            if operation == "create_transform_job":
                name = params["TransformJobName"]
                assert name not in self.jobs
                self.jobs[name] = {**params, "TransformJobStatus": "InProgress"}
                return {}
            address = f"s3://{params['Bucket']}/{params['Key']}"
            if source:
                self.objects[address] = self.objects[f"s3://{source['Bucket']}/{source['Key']}"]
            else:
                self.objects[address] = params["Body"]
            return {}

    def pages(self, service: str, operation: str, params: Mapping[str, Any], key: str) -> list[Any]:
        """A listing, or the log."""
        assert "" == faults(service, operation, params)
        if key == "events":
            streams = [s for s in self.lines if s.startswith(params["logStreamNamePrefix"])]
            return [
                {"message": line, "logStreamName": s, "timestamp": 0}
                for s in streams
                for line in self.lines[s]
            ]
        start = f"s3://{params['Bucket']}/"
        return [
            {
                "Key": address.removeprefix(start),
                "Size": len(body),
                "ETag": hashlib.sha256(body).hexdigest(),
            }
            for address, body in sorted(self.objects.items())
            if address.startswith(f"{start}{params['Prefix']}")
        ]

    def work(self, bad: bytes = b"bad", broken: bytes = b"broken") -> None:
        """Let all jobs end as SageMaker does it: what is refused leaves lines of the log alone."""
        for name, job in self.jobs.items():
            if job["TransformJobStatus"] != "InProgress":
                continue
            manifest = self.objects[job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]]
            first, *keys = json.loads(manifest)
            failed = [self._one(name, first["prefix"], key, bad, broken) for key in keys]
            job |= {
                "TransformJobStatus": "Failed" if any(failed) else "Completed",
                "TransformStartTime": START,
                "TransformEndTime": START + timedelta(seconds=len(keys)),
            }
            if any(failed):
                job["FailureReason"] = "ClientError: See job logs for more information"

    def _one(self, job: str, prefix: str, key: str, bad: bytes, broken: bytes) -> bool:
        body = self.objects[f"{prefix}{key}"]
        if body not in {bad, broken}:
            output = self.jobs[job]["TransformOutput"]["S3OutputPath"]
            self.objects[f"{output}/{key}.out"] = json.dumps(ROOMS).encode()
            return False
        head = "ClientError: 400" if body == bad else "Bad HTTP status received from algorithm: 503"
        said = REFUSED if body == bad else ""
        name = f"{prefix}{key}".removeprefix("s3://")
        self.lines[f"{job}/i-1/data-log"] = [
            *self.lines.get(f"{job}/i-1/data-log", []),
            *(
                f"2026-11-24T12:00:00.000:[sagemaker logs]: {name}: {line}"
                for line in (head, "", "Message:", said)
            ),
        ]
        return True
