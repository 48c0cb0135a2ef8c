# SPDX-License-Identifier: AGPL-3.0-or-later
"""The servers that run, shared by all that want the same."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sagemaker_local.model_servers import ServerFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sagemaker_local.model_servers import LaunchSpec, ModelServer


class Closing(Exception):
    """Everything is about to stop."""


@dataclass(slots=True)
class _Shared:
    server: Future[ModelServer] = field(default_factory=Future)
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

    start: Callable[[LaunchSpec], ModelServer]
    closing: threading.Event
    spare: int = 0
    _shared: dict[tuple[object, ...], _Shared] = field(default_factory=dict)
    _idle: dict[tuple[object, ...], ModelServer] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lease(self, launch: LaunchSpec) -> ModelServer:
        """A healthy server; started, unless one of the same launch runs.

        Raises:
            Closing: If all shall end.
            ServerFailed: If it does not become healthy.
        """
        with self._lock:
            self._check_open()
            shared = self._shared.setdefault(launch.key(), _Shared())
            shared.users += 1
            is_first = shared.users == 1
        if is_first:
            self._launch(launch, shared)
        return shared.server.result()

    def release(self, launch: LaunchSpec, *, spare: bool = True) -> None:
        """Give a server back; without users it is a spare one, and the oldest of too many ends.

        Args:
            launch: What it was started with.
            spare: Whether it may run on without users.
        """
        key = launch.key()
        with self._lock:
            shared = self._shared.get(key)
            if shared is None:  # all have ended
                return
            shared.users -= 1
            if shared.users:
                return
            del self._shared[key]
            self._idle[key] = shared.server.result()
            oldest = list(self._idle)[: max(len(self._idle) - self.spare, 0)] if spare else [key]
            ending = [self._idle.pop(other) for other in oldest]
        for server in ending:
            server.stop()

    def replace(self, launch: LaunchSpec, ended: ModelServer) -> ModelServer:
        """A server in the place of one that has ended by itself, for all its users.

        Args:
            launch: What that was started with.
            ended: It; whoever comes second is given what the first one has started.

        Raises:
            Closing: If all shall end, or nobody uses it any more.
            ServerFailed: If the new one does not become healthy; the ended one stays in its place.
        """
        with self._lock:
            self._check_open()
            shared = self._shared.get(launch.key())
            if shared is None:
                raise Closing
            is_first = shared.server.done() and shared.server.result() is ended
            if is_first:
                shared.server = Future()
            future = shared.server
        if is_first:
            try:
                future.set_result(self._started(launch))
            except BaseException:
                future.set_result(ended)
                raise
            ended.stop()
        return future.result()

    def running(self) -> int:
        """How many servers are used."""
        return len(self._shared)

    def _launch(self, launch: LaunchSpec, shared: _Shared) -> None:
        try:
            server = self._reused(launch) or self._started(launch)
        except BaseException as err:
            with self._lock:
                self._shared.pop(launch.key(), None)
            shared.server.set_exception(err)
            raise
        shared.server.set_result(server)

    def _reused(self, launch: LaunchSpec) -> ModelServer | None:
        """A spare server; None if there is none that is healthy."""
        with self._lock:
            server = self._idle.pop(launch.key(), None)
        if server is None:
            return None
        try:
            server.wait_ready(self.closing)
            self._check_open()
        except ServerFailed:
            server.stop()
            return None
        except BaseException:
            server.stop()
            raise
        return server

    def _started(self, launch: LaunchSpec) -> ModelServer:
        server = self.start(launch)
        try:
            server.wait_ready(self.closing)
            self._check_open()
        except BaseException:
            server.stop()
            raise
        return server

    def _check_open(self) -> None:
        if self.closing.is_set():
            raise Closing

    def close(self) -> None:
        self.closing.set()
        with self._lock:
            left, self._shared = list(self._shared.values()), {}
            idle, self._idle = list(self._idle.values()), {}
        for server in idle:
            server.stop()
        for shared in left:
            if shared.server.exception() is None:
                shared.server.result().stop()
