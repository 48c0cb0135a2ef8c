# SPDX-License-Identifier: AGPL-3.0-or-later
"""What servers print, sent to CloudWatch Logs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sagemaker_local.aws_clients import AwsClients
    from sagemaker_local.fleets import Variant
    from sagemaker_local.records import Endpoint

OF_ENDPOINTS = "/aws/sagemaker/Endpoints/{endpoint}"
OF_TRANSFORM_JOBS = "/aws/sagemaker/TransformJobs"
_MOST_EVENTS = 1000  # CloudWatch Logs API reference: 10,000 and 1 MB
_MOST_CHARACTERS = 40_000  # more than a line of docker/log4j2.xml with its trace


@dataclass(frozen=True, slots=True)
class Stream:
    """A log stream.

    Attributes:
        region: Where it is.
        group: Name of its log group.
        name: Its own.
    """

    region: str
    group: str
    name: str

    @property
    def beside(self) -> Stream:
        """Where SageMaker itself writes of requests that it makes."""
        return Stream(self.region, self.group, f"{self.name}/data-log")


def stream_of(endpoint: Endpoint, variant: Variant) -> Stream:
    """The stream of a variant's server."""
    group = OF_ENDPOINTS.format(endpoint=endpoint.name)
    return Stream(endpoint.region, group, variant.stream)


def stamped(text: str) -> str:
    """A line of SageMaker's own, as it is in a data-log."""
    now_s = time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_s))
    return f"{at}.{int(now_s * 1000) % 1000:03d}:[sagemaker logs]{text}"


@dataclass(slots=True)
class Logs:
    """Remembers how far each log has been sent."""

    aws: AwsClients
    _sent_bytes: dict[Stream, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pump(self, stream: Stream, log: Path) -> None:
        """Send what a server has printed since the last time, whole lines alone."""
        with self._lock:
            start = self._sent_bytes.get(stream, 0)
            try:
                with log.open("rb") as file:
                    file.seek(start)
                    fresh = file.read()
            except OSError:
                return  # it has ended meanwhile
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._sent_bytes[stream] = start + len(whole)
            self.put(stream, whole.decode("utf-8", errors="replace"))

    def put(self, stream: Stream, text: str) -> None:
        at_ms = int(time.time() * 1000)
        events = [
            {"timestamp": at_ms, "message": line[:_MOST_CHARACTERS]}
            for line in text.splitlines()
            if line.strip()
        ]
        for start in range(0, len(events), _MOST_EVENTS):
            part = events[start : start + _MOST_EVENTS]
            self.aws.put_log(stream.region, stream.group, stream.name, part)
