# SPDX-License-Identifier: AGPL-3.0-or-later
"""The queue of an asynchronous endpoint."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sagemaker_local.fleets import Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Task:
    """One request that nobody waits for.

    Attributes:
        inference_id: The caller's, or a new one.
        shown: Parameters of the request, as notifications have them.
        headers: What of them reaches the container.
        body: What came with the request; None if it lies in S3.
        output: Where the answer goes in S3.
        failure: Where an error goes; empty for nowhere.
        timeout_s: How long the container may take.
        expires_s: Until when it may wait, by ``time.monotonic``.
        received: When it came.
        received_s: The same by ``time.monotonic``.
    """

    inference_id: str
    shown: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)
    output: str
    failure: str
    timeout_s: float
    expires_s: float
    received: datetime
    received_s: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Backlog:
    """Requests that wait, and those that are worked on: SageMaker counts both.

    Attributes:
        share: Whose turn it is while there are two sides.
    """

    share: Share = field(default_factory=Share)
    _waiting: deque[Task] = field(default_factory=deque)
    _working: list[Task] = field(default_factory=list)
    _is_closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, task: Task) -> None:
        with self._lock:
            self._waiting.append(task)

    def is_waiting(self) -> bool:
        """Whether any request waits."""
        return bool(self._waiting)

    def take(self) -> Task | None:
        """The request whose turn it is; None if none waits."""
        with self._lock:
            if self._is_closed or not self._waiting:
                return None
            task = self._waiting.popleft()
            self._working.append(task)
            return task

    def done(self, task: Task) -> None:
        """It is no longer worked on."""
        with self._lock:
            self._working.remove(task)

    def expired(self) -> Sequence[Task]:
        """Requests that have waited too long; they wait no more, and are worked on."""
        now_s = time.monotonic()
        with self._lock:
            found = [task for task in self._waiting if task.expires_s <= now_s]
            for task in found:
                self._waiting.remove(task)
            self._working += found
            return found

    def close(self) -> None:
        """Forget those that wait."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()

    def size(self) -> int:
        """How many there are."""
        with self._lock:
            return len(self._waiting) + len(self._working)

    def oldest_s(self) -> float:
        """For how long the oldest has been there; 0 if there is none."""
        with self._lock:
            tasks = [*self._waiting, *self._working]
            return max((time.monotonic() - task.received_s for task in tasks), default=0.0)
