# SPDX-License-Identifier: AGPL-3.0-or-later
"""Fleets: what serves a model. One real server stands for all instances of a variant."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from deploy.contract.answers import Answer


class FleetFailed(Exception):
    """A server did not start.

    Args:
        reason: As an endpoint's FailureReason; with ``{variant}`` where its name belongs.
        log: What the server printed.
    """

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log


PING_FAILED = (
    "The primary container for production variant {variant} did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a server is started with; equal ones share a server.

    Attributes:
        image: Name of the image.
        data: The content of ``model.tar.gz``.
        data_url: Where that came from.
        environ: Variables of the container.
        is_serverless: Whether it runs as serverless hosting does: with a read-only root.
        memory_mb: What it may use, in MB of 2^20 bytes.
        timeout_s: How long it may take until it is healthy.
    """

    image: str
    data: bytes = field(repr=False)
    data_url: str
    environ: Mapping[str, str]
    is_serverless: bool = False
    memory_mb: int = 4096
    timeout_s: float = field(default=240.0, compare=False)

    def key(self) -> tuple[object, ...]:
        """What makes two recipes the same server."""
        environ = tuple(sorted(self.environ.items()))
        return self.image, self.data, environ, self.is_serverless, self.memory_mb


class Fleet(Protocol):
    """A server that is healthy, or will be."""

    @property
    def log(self) -> Path:
        """Everything that it prints."""
        ...

    def wait_ready(self, stop: threading.Event) -> None:
        """Wait until it is healthy, or until ``stop`` is set.

        Raises:
            FleetFailed: If it ends, or takes longer than its recipe allows.
        """
        ...

    def send(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
        """POST /invocations."""
        ...

    def memory_percent(self) -> float | None:
        """How much of its memory it uses; None if that cannot be seen."""
        ...

    def stop(self) -> None:
        """End it; nothing is left."""
        ...


class Closing(Exception):
    """Everything is about to stop."""


@dataclass(slots=True)
class _Shared:
    fleet: Future[Fleet] = field(default_factory=Future)
    users: int = 0


@dataclass(slots=True)
class Pool:
    """The servers that run.

    Attributes:
        start: Starts one; it need not be healthy yet.
        closing: Set when all shall end.
        spare: How many run on without users, for a next endpoint of the same model.
    """

    start: Callable[[Recipe], Fleet]
    closing: threading.Event
    spare: int = 0
    _shared: dict[tuple[object, ...], _Shared] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lease(self, recipe: Recipe) -> Fleet:
        """A healthy server; started, unless one of the same recipe runs.

        Raises:
            Closing: If all shall end.
            FleetFailed: If it does not become healthy.
        """
        with self._lock:
            self._check_open()
            is_new = recipe.key() not in self._shared
            shared = self._shared.setdefault(recipe.key(), _Shared())
            shared.users += 1
        if is_new:
            self._launch(recipe, shared)
        return shared.fleet.result()

    def release(self, recipe: Recipe) -> None:
        """Give a server back; without users it is a spare one, and the oldest of too many ends."""
        with self._lock:
            shared = self._shared.pop(recipe.key(), None)
            if shared is None:  # all have ended
                return
            shared.users -= 1
            self._shared[recipe.key()] = shared  # the newest
            idle = [key for key, found in self._shared.items() if not found.users]
            ending = [self._shared.pop(key) for key in idle[: max(len(idle) - self.spare, 0)]]
        for found in ending:
            found.fleet.result().stop()

    def running(self) -> int:
        """How many servers run or start."""
        return len(self._shared)

    def _launch(self, recipe: Recipe, shared: _Shared) -> None:
        fleet = None
        try:
            fleet = self.start(recipe)
            fleet.wait_ready(self.closing)
            self._check_open()
        except BaseException as err:
            if fleet is not None:
                fleet.stop()
            with self._lock:
                self._shared.pop(recipe.key(), None)
            shared.fleet.set_exception(err)
            raise
        shared.fleet.set_result(fleet)

    def _check_open(self) -> None:
        if self.closing.is_set():
            raise Closing

    def close(self) -> None:
        """End all servers."""
        self.closing.set()
        with self._lock:
            left, self._shared = list(self._shared.values()), {}
        for shared in left:
            if shared.fleet.exception() is None:
                shared.fleet.result().stop()
