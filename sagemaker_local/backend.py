# SPDX-License-Identifier: AGPL-3.0-or-later
"""What all parts of the local SageMaker share."""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sagemaker_local.aws_clients import ACCOUNT, AwsClients
from sagemaker_local.pool import Closing, Pool
from sagemaker_local.records import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sagemaker_local.logs import Logs
    from sagemaker_local.metrics import Metrics
    from sagemaker_local.records import Endpoint


@dataclass(frozen=True, slots=True)
class Quotas:
    """What the account may use; None for as much as it likes.

    Attributes:
        serverless_concurrency: Sum of MaxConcurrency of all serverless endpoints of a region.
        instances: Of endpoints, by instance type, of a region.
        transform_instances: Of transform jobs, likewise.
    """

    serverless_concurrency: int | None = None
    instances: Mapping[str, int] = field(default_factory=dict)
    transform_instances: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Faults:
    """What tests let go wrong.

    Attributes:
        rollback: A rollback fails, and leaves an endpoint in UpdateRollbackFailed.
    """

    rollback: bool = False


@dataclass(slots=True)
class Clock:
    """Waits of SageMaker's own, which may be shortened; servers start in real time.

    Attributes:
        scale: By what waits are multiplied.
        closing: Set when all shall end.
    """

    scale: float
    closing: threading.Event

    def wait(self, seconds: float, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Wait, unless something is over first; whether it was.

        Raises:
            Closing: If all shall end.
        """
        deadline = time.monotonic() + seconds * self.scale
        while not is_over():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self.closing.wait(min(left, 0.05)):
                raise Closing
        return True


@dataclass(slots=True)
class Backend:
    """One local SageMaker.

    Attributes:
        aws: Other services.
        pool: Servers.
        clock: Waits.
        metrics: What is counted.
        logs: What servers print.
        quotas: What the account may use.
        faults: What tests let go wrong.
        seconds_per_object: How long an instance of a transform job takes for an object at least,
            before it is scaled; for simulations.
        bugs: Traces of what should not have happened; tests look here.
    """

    aws: AwsClients
    pool: Pool
    clock: Clock
    metrics: Metrics
    logs: Logs
    quotas: Quotas = field(default_factory=Quotas)
    faults: Faults = field(default_factory=Faults)
    seconds_per_object: float = 0.0
    bugs: list[str] = field(default_factory=list)
    regions: dict[str, Region] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _requests: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def region(self, name: str) -> Region:
        with self._lock:
            return self.regions.setdefault(name, Region(name, ACCOUNT))

    def begin(self, work: Callable[[Backend, Endpoint], None], endpoint: Endpoint) -> None:
        """Let something happen to an endpoint in the background."""

        def fail(reason: str) -> None:
            endpoint.move_to("Failed", reason)

        thread = self._thread(partial(work, self, endpoint), fail, endpoint.name)
        with self._lock:
            self._threads = [other for other in self._threads if other.is_alive()]
            self._threads.append(thread)
        thread.start()

    def ask(
        self, work: Callable[[], None], name: str, fail: Callable[[str], None] = lambda _: None
    ) -> None:
        """Let requests be made of a server in the background.

        Args:
            work: What makes them. It ends soon after the servers have ended.
            name: For whom.
            fail: Is told the reason if something happens that should not.
        """
        thread = self._thread(work, fail, name)
        with self._lock:
            self._requests = [other for other in self._requests if other.is_alive()]
            self._requests.append(thread)
        thread.start()

    def _thread(
        self, work: Callable[[], None], fail: Callable[[str], None], name: str
    ) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Closing:
                return
            except Exception as err:  # noqa: BLE001 - nothing may stay in progress for ever
                self.bugs.append(traceback.format_exc())
                fail(f"InternalFailure: {type(err).__name__}: {err}")

        return threading.Thread(target=run, name=name)

    def join(self) -> None:
        """Wait until nothing happens to endpoints any more."""
        for thread in list(self._threads):
            thread.join()

    def join_requests(self) -> None:
        """Wait for the last requests; the servers have ended."""
        for thread in list(self._requests):
            thread.join()
