# SPDX-License-Identifier: AGPL-3.0-or-later
"""A server that is asked one thing after another, and watched while it answers."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from benchmarks.processes import memory
from serving.server import serve
from tests.conftest import ROOT, SAMPLE_PNG
from tests.openapi import validator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving.server import LocalServer
    from tests.torture.hostile import Request

RIGHT = (200, 400, 413, 415)
_SAMPLE_S = 0.1
_WAIT_S = 120.0
_HUNG_S = 60.0  # after which TorchServe ends a worker
_SETTLE_S = 3.0


def complaints(status: int, body: bytes, *, of_torchserve: bool = False) -> list[str]:
    """Whether an answer is as documented, and tells no more than it should.

    Args:
        status: Of the answer.
        body: Of it.
        of_torchserve: Whether TorchServe's own errors are right, too.
    """
    try:
        document = json.loads(body)
    except ValueError:
        return [f"an answer that is no JSON: {body[:200]!r}"]
    schema = "Answer" if status == 200 else "Error"
    if of_torchserve and "code" in document:
        schema = "ServerError"
    found = [
        f"an answer that is not as documented: {error.message[:200]}"
        for error in validator(schema).iter_errors(document)
    ]
    if status != 200 and any(
        word in str(document)
        for word in ("Traceback", "site-packages", "roomdet/", "/tmp", "/opt/")  # noqa: S108
    ):
        found.append(f"an answer that tells of the server: {document}")
    return found


@dataclass(slots=True)
class Asker:
    """Sends requests and notes what must not be.

    Attributes:
        server: It.
        most_s: Seconds that a request may take.
        is_loaded: Whether the machine does other things, too: then a request's seconds are those
            that the server's processors worked for it, or 60 on the clock.
        most_mb: MB that the server may have more than when it was idle.
        found: What was wrong, a line each.
        slowest: Seconds, and what took them.
        largest: MB beyond the idle server's, and what took them.
        statuses: How often each came.
    """

    server: LocalServer
    most_s: float
    most_mb: float
    is_loaded: bool = False
    found: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "nothing")
    largest: tuple[float, str] = (0.0, "nothing")
    statuses: dict[int, int] = field(default_factory=dict)
    _idle_mb: float = 0.0
    _workers: list[int] = field(default_factory=list)
    _plan: bytes = b""

    def begin(self) -> None:
        """Note what the idle server is like, and that it answers."""
        self._plan = self._post(SAMPLE_PNG.read_bytes(), {})[1]
        if self.most_mb < float("inf"):
            time.sleep(_SETTLE_S)
        self._workers, self._idle_mb = self.server.worker_pids(), self._memory_mb()

    def ask(self, request: Request) -> None:
        """Send a request and judge what comes."""
        with self._watched() as peak:
            started_s = time.monotonic()
            before_s = self._processor_s() if self.is_loaded else 0.0
            try:
                status, body = self._post(request.body, request.headers)
            except OSError as err:
                self._find(request.name, f"no answer: {err!r}")
                status, body = 0, b""
            clock_s = time.monotonic() - started_s
            cpu_s = self._processor_s() - before_s if self.is_loaded else clock_s
        self.statuses[status] = self.statuses.get(status, 0) + 1
        more_mb = max(peak, default=0.0) - self._idle_mb
        taken_s = cpu_s if self.is_loaded and clock_s < _HUNG_S else clock_s
        self.slowest = max(self.slowest, (taken_s, request.name))
        self.largest = max(self.largest, (more_mb, request.name))
        if taken_s > self.most_s:
            self._find(request.name, f"took {taken_s:.1f} s")
        if more_mb > self.most_mb:
            self._find(request.name, f"took {more_mb:.0f} MB")
        if status not in RIGHT:
            self._find(request.name, f"status {status}: {body[:200]!r}")
        elif body:
            self._judge(request.name, status, body)

    def is_alive(self) -> bool:
        """Whether the same worker still answers a plan as in the beginning."""
        before, now = json.loads(self._plan), json.loads(self._post(SAMPLE_PNG.read_bytes(), {})[1])
        assert before["detected_rooms"]
        if before.get("detected_rooms") != now.get("detected_rooms"):
            self._find("a plan", f"is answered with {now}, before with {before}")
        if self.server.worker_pids() != self._workers:
            self._find("the worker", f"was {self._workers}, is {self.server.worker_pids()}")
        return not self.found

    def summary(self) -> str:
        """What the answers were, and the extremes."""
        counts = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"{counts}; slowest {self.slowest[0]:.1f} s ({self.slowest[1]}); "
            f"largest {self.largest[0]:.0f} MB over {self._idle_mb:.0f} ({self.largest[1]})"
        )

    def _find(self, what: str, how: str) -> None:
        self.found.append(f"{what}: {how}")
        print(f"found: {self.found[-1]}", flush=True)

    def _judge(self, name: str, status: int, body: bytes) -> None:
        # Headers with control characters never reach the handler.
        is_unread = status == 400 and b'"BadRequestException"' in body
        for complaint in complaints(status, body, of_torchserve=is_unread):
            self._find(name, complaint)

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.ports.inference, timeout=_WAIT_S
        )
        with closing(connection):
            given = {"Content-Type": "application/octet-stream"} | headers
            connection.request("POST", "/invocations", body, given)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def _processes(self) -> Iterator[psutil.Process]:
        """The server's, as long as they live."""
        with suppress(psutil.Error):
            leader = psutil.Process(self.server.process.pid)
            yield from (leader, *leader.children(recursive=True))

    def _processor_s(self) -> float:
        """What all of them have worked, with those that have ended."""
        total = 0.0
        for process in self._processes():
            with suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        return total

    def _memory_mb(self) -> float:
        """Of all processes of the server, shared pages divided."""
        total = 0.0
        for process in self._processes():
            with suppress(OSError):
                total += memory(process.pid).pss
        return total

    @contextmanager
    def _watched(self) -> Iterator[list[float]]:
        """The server's memory while something is done, several times a second."""
        samples: list[float] = []
        if self.most_mb == float("inf"):
            yield samples
            return
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_SAMPLE_S):
                samples.append(self._memory_mb())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield samples
        finally:
            over.set()
            thread.join()


@contextmanager
def asking(
    archive: Path, *, most_s: float, most_mb: float, is_loaded: bool = False
) -> Iterator[Asker]:
    """A server of one's own, ready to be asked."""
    with serve(archive, config=ROOT / "config.properties") as server:
        server.wait_ready()
        asker = Asker(server, most_s, most_mb, is_loaded)
        asker.begin()
        yield asker
