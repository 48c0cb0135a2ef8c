# SPDX-License-Identifier: AGPL-3.0-or-later
"""Outlines of rooms: which way they run, what they enclose, where a label goes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomdet_client.sheet import Ring

# Heights at which a place for a label is looked for: the middle first.
_HEIGHTS = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9)
# Parts of a room's width within which another height is not worth leaving the middle.
_BETTER = 1.25


def signed_area(ring: Ring) -> float:
    """What a closed ring encloses, in squares of its unit.

    Positive where it runs counterclockwise with y upward, which is clockwise with y downward.
    """
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring)) / 2


def counterclockwise(ring: Ring) -> Ring:
    """The ring, turned round where it runs clockwise; y counts upward."""
    return ring if signed_area(ring) >= 0 else ring[::-1]


def place_inside(ring: Ring) -> tuple[float, float]:
    """A point inside a closed ring with much of it to the left and right: for a label.

    Args:
        ring: Closed, does not cross itself; y counts either way.

    Returns:
        The middle of the widest part at the height of the middle, or at one that is much wider.
    """
    low, high = min(y for _, y in ring), max(y for _, y in ring)
    best = ring[0]
    best_width = 0.0
    for share in _HEIGHTS:
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
