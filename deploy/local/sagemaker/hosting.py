# SPDX-License-Identifier: AGPL-3.0-or-later
"""What all parts of the local SageMaker share."""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.local.sagemaker.neighbors import ACCOUNT, Neighbors
from deploy.local.sagemaker.pool import Closing, Pool
from deploy.local.sagemaker.records import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.local.sagemaker.logs import Logs
    from deploy.local.sagemaker.metrics import Metrics
    from deploy.local.sagemaker.records import Endpoint


@dataclass(frozen=True, slots=True)
class Quotas:
    """What the account may use; None for as much as it likes.

    Attributes:
        serverless_concurrency: Sum of MaxConcurrency of all serverless endpoints of a region.
        instances: By instance type, of a region.
    """

    serverless_concurrency: int | None = None
    instances: Mapping[str, int] = field(default_factory=dict)


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
class Hosting:
    """One local SageMaker.

    Attributes:
        neighbors: Other services.
        pool: Servers.
        clock: Waits.
        metrics: What is counted.
        logs: What servers print.
        quotas: What the account may use.
        faults: What tests let go wrong.
        bugs: Traces of what should not have happened; tests look here.
    """

    neighbors: Neighbors
    pool: Pool
    clock: Clock
    metrics: Metrics
    logs: Logs
    quotas: Quotas = field(default_factory=Quotas)
    faults: Faults = field(default_factory=Faults)
    bugs: list[str] = field(default_factory=list)
    regions: dict[str, Region] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def region(self, name: str) -> Region:
        """Everything of a region."""
        with self._lock:
            return self.regions.setdefault(name, Region(name, ACCOUNT))

    def begin(self, work: Callable[[Hosting, Endpoint], None], endpoint: Endpoint) -> None:
        """Let something happen to an endpoint in the background."""
        thread = threading.Thread(target=self._work, args=(work, endpoint), name=endpoint.name)
        with self._lock:
            self._threads = [other for other in self._threads if other.is_alive()]
            self._threads.append(thread)
        thread.start()

    def _work(self, work: Callable[[Hosting, Endpoint], None], endpoint: Endpoint) -> None:
        try:
            work(self, endpoint)
        except Closing:
            return
        except Exception as err:  # noqa: BLE001 - the endpoint must not stay in progress for ever
            self.bugs.append(traceback.format_exc())
            endpoint.move_to("Failed", f"InternalFailure: {type(err).__name__}: {err}")

    def join(self) -> None:
        """Wait until nothing happens any more."""
        for thread in list(self._threads):
            thread.join()
