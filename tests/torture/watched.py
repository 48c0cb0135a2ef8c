# SPDX-License-Identifier: AGPL-3.0-or-later
"""A server to which something is done while clients send plans, and what was seen of it."""

from __future__ import annotations

import http.client
import re
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.health import read_health
from serving.polling import poll
from tests.conftest import SAMPLE_PNG
from tests.torture.asking import complaints
from tests.torture.box import open_box
from tests.torture.load import SAGEMAKER_S, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.torture.box import Box, Served
    from tests.torture.load import Reply

PLAN = SAMPLE_PNG.read_bytes()
CLIENTS = 2
BACK_S = 60.0  # a loaded machine starts a worker in ten
_TOLD_S = 5.0  # for a line of the log on its way
# What a plan may get: its rooms, or that the server failed, and TorchServe's full queue.
_STATUSES = {200, 500, 503, 507}


@dataclass
class Seen:
    """What was seen of a fault.

    Attributes:
        fault: Its name.
        replies: Of the clients.
        cut: Connections that ended without an answer, by what the client was told.
        back_s: Until a plan had its rooms again; None where nothing is to come back.
        end: How process 1 ended; empty while it runs.
        log: The line that tells of it.
        found: What must not be.
        over: Set when the clients are to send no more.
    """

    fault: str
    replies: list[Reply] = field(default_factory=list)
    cut: Counter[str] = field(default_factory=Counter)
    back_s: float | None = None
    end: str = ""
    log: str = ""
    found: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def expect(self, claim: bool, otherwise: str) -> None:  # noqa: FBT001  # a claim
        """Note what is not as it should be."""
        if not claim:
            self.found.append(otherwise)

    def judge(self, rooms: list[list[int]]) -> None:
        """Whether each client had its own rooms, or an answer that is documented, in time."""
        for reply in self.replies:
            if reply.seconds > SAGEMAKER_S:
                self.found.append(f"a client waited {reply.seconds:.0f} s")
            if reply.status == 200 and reply.boxes != rooms:
                self.found.append("a plan got other rooms")
            if reply.status not in _STATUSES or (reply.status == 503 and not reply.retry_after):
                self.found.append(f"a plan got {reply.status}, Retry-After {reply.retry_after}")
            self.found += complaints(reply.status, reply.body, of_torchserve=True)
        self.expect("TimeoutError" not in self.cut, "a client waited without end")

    def clients(self) -> str:
        """What they got."""
        counts = Counter(str(reply.status) for reply in self.replies) + self.cut
        slowest_s = max((reply.seconds for reply in self.replies), default=0.0)
        said = ", ".join(f"{count} x {what}" for what, count in sorted(counts.items()))
        return f"{said}; {slowest_s:.1f} s at most" if said else "nobody asked"

    def row(self) -> str:
        """Its line of the table."""
        back = "" if self.back_s is None else f"{self.back_s:.1f} s"
        is_lost = self.cut or any(reply.status != 200 for reply in self.replies)
        if self.replies and not is_lost and not self.end.startswith("ended"):
            back = "not lost"
        healthy = ", ".join(filter(None, (self.end, back)))
        log = self.log.replace("|", "/")
        return f"| {self.fault} | {self.clients()} | {healthy} | {log} |"


@dataclass
class Watched:
    """A server in a box, and what faults did to it.

    Attributes:
        box: Where it runs.
        served: The server that runs now.
        rooms: Boxes of the sample plan.
        seen: A row for each fault so far.
    """

    box: Box
    served: Served
    rooms: list[list[int]]
    seen: list[Seen]

    def back(self, since_s: float, limit_s: float = BACK_S) -> float | None:
        """Seconds until /ping and a plan are answered as they should be; None if that is never."""
        for _ in poll(limit_s, 0.1):
            with suppress(OSError):
                if self.is_ready():
                    reply = ask(self.served.port, PLAN, timeout_s=SAGEMAKER_S)
                    if reply.status == 200 and reply.boxes == self.rooms:
                        return time.monotonic() - since_s
        return None

    def is_ready(self) -> bool:
        """Whether /ping says 200."""
        health = read_health(f"http://127.0.0.1:{self.served.port}")
        return bool(health and health.is_ready)

    def wait_busy(self) -> None:
        """Wait until a request is in flight."""

        def is_busy() -> bool:
            health = read_health(f"http://127.0.0.1:{self.served.port}")
            return bool(health and health.in_flight)

        wait_for(is_busy, "no request is in flight")

    def wait_ready(self) -> None:
        """Wait for that, and take the rooms that a plan has as those that it must have.

        Raises:
            RuntimeError: If it does not come.
        """
        try:
            wait_for(self.is_ready, "not ready", 2 * BACK_S)
        except RuntimeError as err:
            raise RuntimeError(f"{err}:\n{self.served.tail()}") from None
        self.rooms = ask(self.served.port, PLAN).boxes

    @contextmanager
    def fault(self, name: str, says: str, *, ends: int | None = None) -> Iterator[Seen]:
        """Have clients send plans while the block does harm; the server must be well afterwards.

        Args:
            name: What happens.
            says: What the log must say of it; empty where nothing is to be said.
            ends: The status with which process 1 is to end, and then is started again.
        """
        seen, since = Seen(name), len(self.served.entries())
        with self._sending(seen):
            wait_for(lambda: len(seen.replies) >= CLIENTS, "the clients had no answer")
            started_s = time.monotonic()
            yield seen
            if ends is None:
                seen.back_s = self.back(started_s)
            else:
                status = self.served.wait_end()
                seen.end = f"ended with {status} after {time.monotonic() - started_s:.1f} s"
                seen.expect(status == ends, f"it ended with {status}, not {ends}")
        told = self.served
        if ends is not None:
            self.served = self.box.start(port=told.port)
            seen.back_s = self.back(started_s)
        for _ in poll(_TOLD_S, 0.1):
            seen.log = seen.log or line(told.entries(since), says)
            if seen.log or not says:
                break
        seen.expect(seen.back_s is not None, f"it did not come back:\n{self.served.tail()}")
        seen.expect(bool(seen.log) or not says, f"the log does not say {says!r}")
        seen.judge(self.rooms)
        self.tell(seen)

    @contextmanager
    def _sending(self, seen: Seen) -> Iterator[None]:
        over = seen.over

        def send() -> None:
            while not over.is_set():
                try:
                    reply = ask(self.served.port, PLAN, timeout_s=2 * SAGEMAKER_S)
                except (OSError, http.client.HTTPException) as err:
                    seen.cut[type(err).__name__] += 1
                    over.wait(0.5)
                else:
                    seen.replies.append(reply)
                    over.wait(0.2)

        threads = [threading.Thread(target=send) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def one(self, name: str, says: str, body: bytes, statuses: Sequence[int], **more: Any) -> None:
        """Send what is the fault itself, while the clients go on."""
        with self.fault(name, says) as seen:
            reply = ask(self.served.port, body, timeout_s=2 * SAGEMAKER_S, **more)
            seen.expect(reply.status in statuses, f"{reply.status}: {reply.body[:200]!r}")
            seen.found += complaints(reply.status, reply.body, of_torchserve=True)
            seen.fault += f": {reply.status} after {reply.seconds:.1f} s"
            seen.expect(reply.seconds < SAGEMAKER_S, f"it took {reply.seconds:.0f} s")

    def tell(self, seen: Seen) -> None:
        """Keep and print a row."""
        self.seen.append(seen)
        print(seen.row(), flush=True)


def line(entries: Sequence[dict[str, Any]], says: str) -> str:
    """The first message with a text in it, shortened around it; empty if there is none."""
    for entry in entries:
        text = f"{entry.get('message', '')} {entry.get('outcome', '')}"
        if says and (found := re.search(says, text)):
            start = max(0, found.start() - 20)
            return text[start : start + 100].replace("\n", " ").strip()
    return ""


def wait_for(claim: Callable[[], bool], otherwise: str, limit_s: float = BACK_S) -> None:
    """Wait until a claim is true; a server that cannot be reached is asked again.

    Raises:
        RuntimeError: If it is not true in time.
    """
    for _ in poll(limit_s, 0.05):
        with suppress(OSError):
            if claim():
                return
    raise RuntimeError(otherwise)


@contextmanager
def watched(
    archive: Path, seen: list[Seen], environ: dict[str, str] | None = None, **more: Any
) -> Iterator[Watched]:
    """A server in a box that is ready."""
    with tempfile.TemporaryDirectory() as folder, open_box(archive, Path(folder)) as box:
        box.run(more.pop("furnish", "true"))
        served = box.start(environ, **more)
        ready = Watched(box, served, [], seen)
        ready.wait_ready()
        assert ready.rooms
        yield ready
