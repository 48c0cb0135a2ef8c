# SPDX-License-Identifier: AGPL-3.0-or-later
"""Levels of a page's pyramid and the slices that a level is cut into: pure functions.

The network knows rooms of some 40 to 300 px. A page is therefore seen at several sizes, the levels
of a pyramid; what is larger than a canvas is cut into slices that overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roomdet.geometry import Boxes

# Longer sides of the levels, as multiples of the network's input: 640, 1280, 2560 and 3840 px. An
# A1 sheet of 3840 px has 115 dots to an inch: a closet of 0.6 m at 1:100 has 27 px
# (docs/decisions/0027-sliced-inference.md).
LEVELS = (1, 2, 4, 6)
# A level is this much finer than the one before, or is left out: a picture may hold no more.
LEAST_STEP = 1.25
# Neighboring slices share this much, as a share of the input: 128 px. A room that is larger and is
# cut is seen whole one level above.
OVERLAP = 0.2


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a level that fits a canvas; corners in pixels of the level."""

    x0: int
    y0: int
    x1: int
    y1: int

    def has_center(self, boxes_xyxy: Boxes) -> bool:
        """Whether the center of some box lies in it.

        Args:
            boxes_xyxy: float32, shape ``(n, 4)``, pixels of the level.
        """
        x, y = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]).T / 2
        is_in = (self.x0 <= x) & (x < self.x1) & (self.y0 <= y) & (y < self.y1)
        return bool(is_in.any())


def level_sides(input_px: int, native_px: float, most: int) -> list[int]:
    """Longer sides of a page's levels, the coarsest first.

    Args:
        input_px: Longer side of the first level.
        native_px: Longer side of what the page holds; a picture is not enlarged beyond it.
        most: At most so many levels.

    Returns:
        Pixels, rising; the first is always ``input_px``, the last may lie between two levels.
    """
    sides = [input_px]
    for factor in LEVELS[1:most]:
        side = int(min(factor * input_px, native_px))
        if side >= LEAST_STEP * sides[-1]:
            sides.append(side)
    return sides


def cut(page_wh_px: tuple[int, int], input_px: int) -> list[Slice]:
    """Cut a level into slices of equal size, row by row.

    A side is cut for canvases of 1.5 or 2 times the input, whichever covers it with fewer pixels.

    Args:
        page_wh_px: Size of the level.
        input_px: Longer side of the first level.
    """
    columns, rows = (_spans(side, input_px) for side in page_wh_px)
    return [Slice(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns]


def _spans(side_px: int, input_px: int) -> list[tuple[int, int]]:
    """Where slices begin and end along a side."""
    overlap_px = round(OVERLAP * input_px)
    long_px, short_px = 2 * input_px, round(1.5 * input_px)
    if side_px <= long_px:
        return [(0, side_px)]
    counted = partial(_count, side_px, overlap_px)
    slice_px = min((long_px, short_px), key=lambda length: length * counted(length))
    count = counted(slice_px)
    starts = [round(place * (side_px - slice_px) / (count - 1)) for place in range(count)]
    return [(start, start + slice_px) for start in starts]


def _count(side_px: int, overlap_px: int, slice_px: int) -> int:
    return ceil((side_px - overlap_px) / (slice_px - overlap_px))
