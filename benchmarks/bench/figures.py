# SPDX-License-Identifier: AGPL-3.0-or-later
"""From measurements to figures: percentiles, medians of rounds, the price of serverless."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMORY_TIERS_MB = range(1024, 6144 + 1, 1024)  # SageMaker serverless; these MB are MiB
_MIB = 2**20
_MB = 10**6


def percentile(values: Sequence[float], cut: int) -> float:
    """The value that ``cut`` percent do not exceed, interpolated between neighbors.

    Raises:
        ValueError: If there is no value.
    """
    if not values:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(values)
    position = (len(ordered) - 1) * cut / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def latency_figures(rounds_ms: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Median of the rounds' p50; p95 and p99 of all requests together, as tails need many."""
    p50_ms = [percentile(values, 50) for values in rounds_ms]
    together = [value for values in rounds_ms for value in values]
    return {
        "requests": len(together),
        "p50_ms": round(statistics.median(p50_ms), 2),
        "p95_ms": round(percentile(together, 95), 2),
        "p99_ms": round(percentile(together, 99), 2),
        "rounds_p50_ms": [round(value, 2) for value in p50_ms],
    }


def ratio_of_rounds(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median of the ratios round by round: what slows the whole machine cancels out."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def memory_tier_mb(peak_mb: float) -> int | None:
    """The smallest tier of serverless memory that holds a peak of so many MB (10^6 bytes)."""
    needed = peak_mb * _MB / _MIB
    return next((tier for tier in MEMORY_TIERS_MB if tier >= needed), None)


def gb_seconds_per_1000(p50_ms: float, tier_mb: int) -> float:
    """What 1,000 pictures are billed for, one at a time: memory of the tier times duration."""
    return tier_mb / 1024 * p50_ms  # 1,000 pictures and 1,000 ms a second cancel out
