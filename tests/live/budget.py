# SPDX-License-Identifier: AGPL-3.0-or-later
"""A ceiling on what a run may cost, kept by time: nothing here is paid for but by the hour."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


class OverBudget(Exception):
    """What has run so long would have cost the ceiling."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent.

    Attributes:
        max_usd: The ceiling.
        usd_per_hour: Of one instance that is used; of serverless hosting it is more than it takes.
        instances: That run at once at most: an endpoint, its candidate, and a transform job.
        started_s: When it began.
    """

    max_usd: float
    usd_per_hour: float
    instances: int = 3
    started_s: float = field(default_factory=time.monotonic)

    @property
    def spent_usd(self) -> float:
        """At most, as if all instances had run from the beginning."""
        hours = (time.monotonic() - self.started_s) / 3600
        return hours * self.instances * self.usd_per_hour

    def left_s(self) -> float:
        """Seconds until the ceiling.

        Raises:
            OverBudget: If it is reached.
        """
        left_usd = self.max_usd - self.spent_usd
        if left_usd <= 0:
            raise OverBudget(f"{self.spent_usd:.2f} USD of {self.max_usd:.2f} may have been spent")
        return left_usd / (self.instances * self.usd_per_hour) * 3600
