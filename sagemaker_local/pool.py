# SPDX-License-Identifier: AGPL-3.0-or-later
"""The servers that run, shared by all that want the same."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sagemaker_local.fleets import FleetFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sagemaker_local.fleets import Fleet, Recipe


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
        spare: How many run on without users, for a next endpoint of the same model: an endpoint
            that is made after its candidate was tried finds its server ready.
    """

    start: Callable[[Recipe], Fleet]
    closing: threading.Event
    spare: int = 0
    _shared: dict[tuple[object, ...], _Shared] = field(default_factory=dict)
    _idle: dict[tuple[object, ...], Fleet] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lease(self, recipe: Recipe) -> Fleet:
        """A healthy server; started, unless one of the same recipe runs.

        Raises:
            Closing: If all shall end.
            FleetFailed: If it does not become healthy.
        """
        with self._lock:
            self._check_open()
            shared = self._shared.setdefault(recipe.key(), _Shared())
            shared.users += 1
            is_first = shared.users == 1
        if is_first:
            self._launch(recipe, shared)
        return shared.fleet.result()

    def release(self, recipe: Recipe, *, spare: bool = True) -> None:
        """Give a server back; without users it is a spare one, and the oldest of too many ends.

        Args:
            recipe: What it was started with.
            spare: Whether it may run on without users.
        """
        key = recipe.key()
        with self._lock:
            shared = self._shared.get(key)
            if shared is None:  # all have ended
                return
            shared.users -= 1
            if shared.users:
                return
            del self._shared[key]
            self._idle[key] = shared.fleet.result()
            oldest = list(self._idle)[: max(len(self._idle) - self.spare, 0)] if spare else [key]
            ending = [self._idle.pop(other) for other in oldest]
        for fleet in ending:
            fleet.stop()

    def running(self) -> int:
        """How many servers are used."""
        return len(self._shared)

    def _launch(self, recipe: Recipe, shared: _Shared) -> None:
        try:
            fleet = self._reused(recipe) or self._started(recipe)
        except BaseException as err:
            with self._lock:
                self._shared.pop(recipe.key(), None)
            shared.fleet.set_exception(err)
            raise
        shared.fleet.set_result(fleet)

    def _reused(self, recipe: Recipe) -> Fleet | None:
        """A spare server; None if there is none that is healthy."""
        with self._lock:
            fleet = self._idle.pop(recipe.key(), None)
        if fleet is None:
            return None
        try:
            fleet.wait_ready(self.closing)
            self._check_open()
        except FleetFailed:
            fleet.stop()
            return None
        except BaseException:
            fleet.stop()
            raise
        return fleet

    def _started(self, recipe: Recipe) -> Fleet:
        fleet = self.start(recipe)
        try:
            fleet.wait_ready(self.closing)
            self._check_open()
        except BaseException:
            fleet.stop()
            raise
        return fleet

    def _check_open(self) -> None:
        if self.closing.is_set():
            raise Closing

    def close(self) -> None:
        """End all servers."""
        self.closing.set()
        with self._lock:
            left, self._shared = list(self._shared.values()), {}
            idle, self._idle = list(self._idle.values()), {}
        for fleet in idle:
            fleet.stop()
        for shared in left:
            if shared.fleet.exception() is None:
                shared.fleet.result().stop()
