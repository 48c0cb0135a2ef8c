# SPDX-License-Identifier: AGPL-3.0-or-later
"""Asynchronous requests worked off: fetched, answered, stored, and told to those who listen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sagemaker_local.invoke import TOO_LONG
from sagemaker_local.logs import stamped, stream_of
from sagemaker_local.model_data import parse_url
from sagemaker_local.notices import Outcome, message, topic_of
from sagemaker_local.pool import Closing

if TYPE_CHECKING:
    from deploy.contract.answers import Answer
    from sagemaker_local.backend import Backend
    from sagemaker_local.backlog import Task
    from sagemaker_local.fleets import Fleet, Variant
    from sagemaker_local.records import Endpoint

_TEXT = "text/plain"
_OCTETS = "application/octet-stream"
_SERVER_ERROR = 500


@dataclass(slots=True)
class Work:
    """One request that is worked on.

    Attributes:
        backend: Where.
        endpoint: Whose it is.
        side: What serves it, with one variant.
        task: It.
    """

    backend: Backend
    endpoint: Endpoint
    fleet: Fleet
    task: Task
    _counts: dict[str, float] = field(default_factory=dict)

    @property
    def variant(self) -> Variant:
        """What serves it."""
        (variant,) = self.fleet.variants
        return variant

    def answer(self) -> None:
        """Let the container answer it.

        Raises:
            Closing: If everything is about to stop.
        """
        self._counts["TimeInBacklog"] = self._age_ms()
        self._tell(self._outcome())

    def expire(self) -> None:
        """Give it up: it has waited for longer than its RequestTTLSeconds."""
        self._counts |= {"TimeInBacklog": self._age_ms(), "ExpiredRequests": 1.0}
        self._tell(self._failed("ClientError: The request was queued for longer than its TTL."))

    def _outcome(self) -> Outcome:
        begun_s = time.monotonic()
        body = self._input()
        self._counts["RequestDownloadLatency"] = (time.monotonic() - begun_s) * 1e6
        if body is None:
            self._counts["RequestDownloadFailures"] = 1.0
            where = self.task.shown["inputLocation"]
            return self._failed(f"ClientError: Could not download the request from {where}.")
        assert self.variant.server  # it does not end before its last request
        answer = self.variant.server.send(body, self.task.headers, self.task.timeout_s)
        if self.backend.clock.closing.is_set():
            raise Closing
        return self._stored(answer) if answer.is_success else self._refused(answer)

    def _input(self) -> bytes | None:
        """The body; None if it is not there."""
        if self.task.body is not None:
            return self.task.body
        place = parse_url(self.task.shown["inputLocation"])
        assert place  # checked when it came
        return self.backend.aws.object_bytes(self.endpoint.region, *place)

    def _stored(self, answer: Answer) -> Outcome:
        self._count(answer)
        kind = answer.headers.get("content-type", _OCTETS)
        begun_s = time.monotonic()
        if not self._store(self.task.output, answer.body, kind):
            self._counts["ResponseUploadFailures"] = 1.0
            return self._failed(
                f"ClientError: Could not upload the response to {self.task.output}."
            )
        self._counts["ResponseUploadLatency"] = (time.monotonic() - begun_s) * 1e6
        return Outcome(answer.body, kind, self.task.output)

    def _refused(self, answer: Answer) -> Outcome:
        """The container has answered with an error, too late, or not at all."""
        self._count(answer)
        fleet = "client" if answer.is_refusal else "server"
        received = f"Received {fleet} error ({answer.status}) from"
        body = answer.body
        if not answer.status:
            body = (TOO_LONG if "Timeout" in answer.failure else answer.failure).encode()
        text = body.decode("utf-8", errors="replace")
        line = f' [{self.task.inference_id}] {received} primary with message "{text}"'
        self.backend.logs.put(stream_of(self.endpoint, self.variant).beside, stamped(line))
        return self._failed(
            f"ClientError: {received} model. See the SageMaker Endpoint logs in your account for "
            "more information.",
            body,
            answer.headers.get("content-type", _TEXT),
        )

    def _failed(self, reason: str, body: bytes = b"", kind: str = _TEXT) -> Outcome:
        body = body or reason.encode()
        where = self.task.failure
        is_stored = bool(where) and self._store(where, body, kind)
        return Outcome(body, kind, where if is_stored else "", reason)

    def _store(self, url: str, body: bytes, kind: str) -> bool:
        place = parse_url(url)
        return place is not None and self.backend.aws.put_object(
            self.endpoint.region, *place, body, kind
        )

    def _count(self, answer: Answer) -> None:
        is_server = answer.status >= _SERVER_ERROR or not answer.status
        self._counts |= {
            "ModelLatency": answer.seconds * 1e6,
            "Invocation4XXErrors": float(answer.is_refusal),
            "Invocation5XXErrors": float(is_server),
        }

    def _tell(self, outcome: Outcome) -> None:
        """Publish it and count it."""
        region = self.endpoint.region
        assert self.fleet.asynchronous
        topic, is_included = topic_of(self.fleet.asynchronous, outcome)
        if topic:
            text = message(region, self.task, outcome, is_included=is_included)
            is_told = self.backend.aws.publish(topic, text)
            self._counts["NotificationFailures"] = float(not is_told)
        self._counts |= {
            "InvocationsProcessed": 1.0,
            "InvocationFailures": float(bool(outcome.reason)),
            "TotalProcessingTime": self._age_ms(),
        }
        name = self.variant.name
        self.backend.metrics.record(region, self.endpoint.name, name, self._counts)

    def _age_ms(self) -> float:
        return (time.monotonic() - self.task.received_s) * 1e3
