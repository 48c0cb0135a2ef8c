# SPDX-License-Identifier: AGPL-3.0-or-later
"""Levels of a page's pyramid and the slices that a level is cut into: pure functions.

The network knows rooms of some 40 to 300 px. A page is therefore seen at several sizes, the levels
of a pyramid; what is larger than a canvas is cut into slices that overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from roomdet.geometry import Boxes

Corners: TypeAlias = npt.NDArray[np.floating]

# Longer sides of the levels, as multiples of the network's input: 640, 1280, 2560 and 4160 px. An
# A1 sheet of 4160 px has 126 dots to an inch: a closet of 0.6 m at 1:100 has 30 px
# (docs/decisions/0027-sliced-inference.md).
LEVELS = (1, 2, 4, 6.5)
# A level is this much finer than the one before, or is left out: a picture may hold no more.
LEAST_STEP = 1.25
# Neighboring slices share this much, as a share of the input: 128 px. A room that is larger and is
# cut is seen whole one level above.
OVERLAP = 0.2
# A box that a slice is laid over has this much around it there, as a share of the input: 32 px.
MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a level that fits a canvas; corners in pixels of the level."""

    x0: int
    y0: int
    x1: int
    y1: int


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


def cover(boxes_xyxy: Boxes, page_wh_px: tuple[int, int], input_px: int) -> list[Slice]:
    """Lay slices over boxes, so that each lies in one of them; what has no boxes is left out.

    Of four forms of slices, 1.5 or 2 times the input a side, the one that needs the fewest pixels.

    Args:
        boxes_xyxy: float32, shape ``(n, 4)``, pixels of the level. Of a box that is longer than
            half the input each such piece lies in a slice.
        page_wh_px: Size of the level.
        input_px: Longer side of the first level.

    Returns:
        Rows of slices of one height, each row from left to right.
    """
    pieces = _pieces(boxes_xyxy, input_px / 2)
    low = np.maximum(pieces[:, :2] - MARGIN * input_px, 0)
    high = np.minimum(pieces[:, 2:] + MARGIN * input_px, np.array(page_wh_px))
    lengths = (2 * input_px, round(1.5 * input_px))
    plans = [
        _cover(low, high, page_wh_px, (width, height)) for width in lengths for height in lengths
    ]
    return min(plans, key=lambda plan: sum((s.x1 - s.x0) * (s.y1 - s.y0) for s in plan))


def _pieces(boxes_xyxy: Boxes, length_px: float) -> Corners:
    """Cut boxes into equal pieces, none longer than that."""
    size_wh = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    counts = np.maximum(np.ceil(size_wh / length_px), 1).astype(int)
    pieces = [
        (x0 + column * width, y0 + row * height, x0 + (column + 1) * width, y0 + (row + 1) * height)
        for (x0, y0), (columns, rows), (width, height) in zip(
            boxes_xyxy[:, :2].tolist(), counts.tolist(), (size_wh / counts).tolist(), strict=True
        )
        for row in range(rows)
        for column in range(columns)
    ]
    return np.array(pieces, np.float64).reshape(-1, 4)


def _cover(
    low: Corners, high: Corners, page_wh_px: tuple[int, int], slice_wh_px: tuple[int, int]
) -> list[Slice]:
    """Lay slices of one size over boxes that fit them, from the upper left on."""
    width, height = (min(pair) for pair in zip(slice_wh_px, page_wh_px, strict=True))
    last_x, last_y = page_wh_px[0] - width, page_wh_px[1] - height
    slices: list[Slice] = []
    rest = np.arange(len(low))
    while rest.size:
        y0 = min(int(low[rest, 1].min()), last_y)
        is_here = (low[rest, 1] >= y0) & (high[rest, 1] <= y0 + height)
        row, rest = rest[is_here], rest[~is_here]
        while row.size:
            x0 = min(int(low[row, 0].min()), last_x)
            slices.append(Slice(x0, y0, x0 + width, y0 + height))
            row = row[(low[row, 0] < x0) | (high[row, 0] > x0 + width)]
    return slices


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
