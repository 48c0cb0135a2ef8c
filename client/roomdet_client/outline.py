# SPDX-License-Identifier: AGPL-3.0-or-later
"""Outlines of rooms: which way they run, what they enclose, where a label goes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomdet_client.sheet import Ring

# Heights at which a place for a label is looked for, as parts of the room's.
_HEIGHTS = (0.15, 0.25, 0.35, 0.5, 0.65, 0.75, 0.85)
# How much wider a room must be elsewhere for a label to leave the height that is wanted.
_BETTER = 1.25


def signed_area(ring: Ring) -> float:
    """What a closed ring encloses, in squares of its unit.

    Positive where it runs counterclockwise with y upward, which is clockwise with y downward.
    """
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring)) / 2


def counterclockwise(ring: Ring) -> Ring:
    """The ring, turned round where it runs clockwise; y counts upward."""
    return ring if signed_area(ring) >= 0 else ring[::-1]


def place_inside(ring: Ring, at: float) -> tuple[float, float]:
    """A point inside a closed ring with much of it to the left and right: for a label.

    Args:
        ring: Closed, does not cross itself; y counts either way.
        at: The height that is wanted, 0 to 1 of the way from the least y to the greatest. Plans
            have their own labels in the middle.

    Returns:
        The middle of the widest part at about that height, or at one where it is much wider.
    """
    low, high = min(y for _, y in ring), max(y for _, y in ring)
    best = ring[0]
    best_width = 0.0
    for share in sorted(_HEIGHTS, key=lambda height: abs(height - at)):
        y = low + share * (high - low)
        crossings = sorted(
            x0 + (x1 - x0) * (y - y0) / (y1 - y0)
            for (x0, y0), (x1, y1) in pairwise(ring)
            if (y0 <= y) != (y1 <= y)
        )
        for left, right in zip(crossings[::2], crossings[1::2], strict=False):
            if right - left > best_width * _BETTER:
                best, best_width = ((left + right) / 2, y), right - left
    return best
