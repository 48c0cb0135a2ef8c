# SPDX-License-Identifier: AGPL-3.0-or-later
"""The servers that run, shared by all that want the same."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.local.sagemaker.fleets import FleetFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.local.sagemaker.fleets import Fleet, Recipe


class Closing(Exception):
    """Everything is about to stop."""


@dataclass(slots=True)
class _Shared:
    fleet: Future[Fleet] = field(default_factory=Future)
    users: int = 0


@dataclass(slots=True)
class _Idle:
    fleet: Fleet
    end: threading.Timer


@dataclass(slots=True)
class Pool:
    """The servers that run.

    Attributes:
        start: Starts one; it need not be healthy yet.
        closing: Set when all shall end.
        linger_s: For how long a server is kept that nobody uses. An endpoint that is made of what
            a trial endpoint was made of, which was deleted just before, finds it ready.
    """

    start: Callable[[Recipe], Fleet]
    closing: threading.Event
    linger_s: float = 0.0
    _shared: dict[tuple[object, ...], _Shared] = field(default_factory=dict)
    _idle: dict[tuple[object, ...], _Idle] = field(default_factory=dict)
    _ends: list[threading.Timer] = field(default_factory=list)
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

    def release(self, recipe: Recipe) -> None:
        """Give a server back; it ends some time after its last user has gone."""
        key = recipe.key()
        with self._lock:
            shared = self._shared.get(key)
            if shared is None:  # all have ended
                return
            shared.users -= 1
            if shared.users:
                return
            del self._shared[key]
            end = threading.Timer(self.linger_s, self._expire, (key,))
            self._idle[key] = _Idle(shared.fleet.result(), end)
            self._ends = [other for other in self._ends if other.is_alive()] + [end]
            end.start()

    def running(self) -> int:
        """How many servers are used."""
        return len(self._shared)

    def _expire(self, key: tuple[object, ...]) -> None:
        with self._lock:
            idle = self._idle.pop(key, None)
        if idle:
            idle.fleet.stop()

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
        """A server that nobody uses; None if there is none that is healthy."""
        with self._lock:
            idle = self._idle.pop(recipe.key(), None)
        if idle is None:
            return None
        idle.end.cancel()
        try:
            idle.fleet.wait_ready(self.closing)
            self._check_open()
        except FleetFailed:
            idle.fleet.stop()
            return None
        except BaseException:
            idle.fleet.stop()
            raise
        return idle.fleet

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
        for unused in idle:
            unused.end.cancel()
            unused.fleet.stop()
        for shared in left:
            if shared.fleet.exception() is None:
                shared.fleet.result().stop()
        for end in list(self._ends):
            end.join()  # one may be stopping its server just now
