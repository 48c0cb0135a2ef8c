# SPDX-License-Identifier: AGPL-3.0-or-later
"""What happens beside the calls, again and again: metrics, logs, alarms, queues, capacity."""

from __future__ import annotations

import threading
import traceback
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sagemaker_local.alarms import Alarms
from sagemaker_local.asynchronous import tend
from sagemaker_local.life import restart
from sagemaker_local.logs import stream_of
from sagemaker_local.resizing import is_async
from sagemaker_local.scaling import Scaling

if TYPE_CHECKING:
    from sagemaker_local.backend import Backend
    from sagemaker_local.records import Endpoint

_PERIOD_S = 0.25
_MEASURED_S = 10.0  # queues; CloudWatch's own period is a minute
_SELDOM = 4  # memory and capacity: once a second


@dataclass(slots=True)
class Upkeep:
    """A thread that keeps CloudWatch and capacities up to date until the hosting closes."""

    backend: Backend
    _alarms: Alarms = field(init=False)
    _scaling: Scaling = field(init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._alarms = Alarms(self.backend)
        self._scaling = Scaling(self.backend)
        self._thread = threading.Thread(target=self._run, name="upkeep")

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait for its end; the hosting must be closing."""
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while not self.backend.clock.closing.wait(_PERIOD_S):
            turn += 1
            try:
                self._once(turn)
            except Exception:  # noqa: BLE001 - endpoints shall serve on; tests look at the bugs
                self.backend.bugs.append(traceback.format_exc())

    def _once(self, turn: int) -> None:
        is_seldom = turn % _SELDOM == 0
        is_measured = turn % max(1, int(_MEASURED_S * self.backend.clock.scale / _PERIOD_S)) == 0
        for region in list(self.backend.regions.values()):
            endpoints = list(region.endpoints.values())
            for endpoint in endpoints:
                self._look_at(endpoint, is_seldom=is_seldom)
                tend(self.backend, endpoint, is_measured=is_measured)
            if endpoints:
                self.backend.metrics.send(self.backend.aws)
                self._alarms.evaluate(region.name)
                if is_seldom or any(map(is_async, endpoints)):
                    self._scaling.look_at(region)

    def _look_at(self, endpoint: Endpoint, *, is_seldom: bool) -> None:
        with endpoint.lock:
            fleets = [fleet for fleet in (endpoint.live, endpoint.coming) if fleet]
        for variant in [variant for fleet in fleets for variant in fleet.variants]:
            server = variant.server
            if server is None:
                continue
            if not server.is_running() and not variant.is_restarting:
                variant.is_restarting = True
                work = partial(restart, self.backend, endpoint, variant)
                self.backend.ask(work, f"restart-{endpoint.name}")
            self.backend.logs.pump(stream_of(endpoint, variant), server.log)
            percent = server.memory_percent() if is_seldom else None
            if percent is not None:
                values = {"MemoryUtilization": percent}
                self.backend.metrics.record(endpoint.region, endpoint.name, variant.name, values)
