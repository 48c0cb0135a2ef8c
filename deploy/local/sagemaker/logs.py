# SPDX-License-Identifier: AGPL-3.0-or-later
"""What servers print, sent to CloudWatch Logs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.local.sagemaker.neighbors import Neighbors
    from deploy.local.sagemaker.records import Endpoint
    from deploy.local.sagemaker.sides import Variant

GROUP = "/aws/sagemaker/Endpoints/{endpoint}"
_MOST_EVENTS = 1000  # CloudWatch Logs API reference: 10,000 and 1 MB
_MOST_CHARACTERS = 800


@dataclass(slots=True)
class Logs:
    """Remembers how far each log has been sent, by log stream."""

    neighbors: Neighbors
    _sent_bytes: dict[tuple[str, str], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pump(self, endpoint: Endpoint, variant: Variant) -> None:
        """Send what a variant's server has printed since the last time, whole lines alone."""
        with self._lock:
            key = (endpoint.arn, variant.stream)
            start = self._sent_bytes.get(key, 0)
            try:
                with variant.fleet.log.open("rb") as file:
                    file.seek(start)
                    fresh = file.read()
            except OSError:
                return  # it has ended meanwhile
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._sent_bytes[key] = start + len(whole)
            text = whole.decode("utf-8", errors="replace")
            self.put(endpoint.region, endpoint.name, variant.stream, text)

    def put(self, region: str, endpoint: str, stream: str, text: str) -> None:
        """Send lines."""
        at_ms = int(time.time() * 1000)
        events = [
            {"timestamp": at_ms, "message": line[:_MOST_CHARACTERS]}
            for line in text.splitlines()
            if line.strip()
        ]
        group = GROUP.format(endpoint=endpoint)
        for start in range(0, len(events), _MOST_EVENTS):
            self.neighbors.put_log(region, group, stream, events[start : start + _MOST_EVENTS])
