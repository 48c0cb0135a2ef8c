# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rooms longer than a slice, put together again from what neighboring slices show of them.

A corridor that runs across a sheet is cut by every slice of the finer levels, and on the coarser
ones it is a few pixels wide. Two neighbors that each show a piece of it, one up to its right edge
and one from its left edge on, at the same height, show one corridor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from roomdet.geometry import Boxes, Detections, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet.slices import Slice

# A box so near to the edge of a slice is cut by it, px.
CUT_PX = 3
# Pieces agree where they are seen to lie side by side, as an overlap of their intervals.
LEAST_AGREEMENT = 0.8
# Pieces below this are not put together; a guess of two guesses is none.
LEAST_PIECE = 0.1
_ALONG = ((0, 1), (1, 0))  # an axis and the one across it


@dataclass(frozen=True, slots=True)
class _Piece:
    """What a slice, or a row of them, shows of a room.

    Attributes:
        corners: ``x0, y0, x1, y1`` in pixels of the level.
        score: 0 to 1.
        part: The last slice that shows it.
        cut: Whether it is cut at its left, upper, right and lower edge.
    """

    corners: tuple[float, ...]
    score: float
    part: Slice
    cut: tuple[bool, ...]


def cut_edges(
    boxes_xyxy: npt.NDArray[np.floating], part: Slice, size_wh_px: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Which edges of boxes lie at an edge of their slice that is not the page's.

    Args:
        boxes_xyxy: float, shape ``(n, 4)``, pixels of the level.
        part: The slice.
        size_wh_px: Size of the level.

    Returns:
        bool, shape ``(n, 4)``: left, upper, right and lower edge.
    """
    low, high = np.array([part.x0, part.y0]), np.array([part.x1, part.y1])
    at_low = (boxes_xyxy[:, :2] < low + CUT_PX) & (low > 0)
    at_high = (boxes_xyxy[:, 2:] > high - CUT_PX) & (high < np.array(size_wh_px))
    return np.concatenate([at_low, at_high], axis=1)


def stitch(found: Sequence[tuple[Slice, Detections]], size_wh_px: tuple[int, int]) -> Detections:
    """Put rooms together that run through several slices of a level.

    Args:
        found: Slices and what was found on each, in pixels of the level.
        size_wh_px: Size of the level.

    Returns:
        Rooms that no slice shows whole, in pixels of the level; the score is the mean of their
        pieces'.
    """
    pieces = [
        _Piece(tuple(box), float(score), part, tuple(cut))
        for part, rooms in found
        for box, score, cut in zip(
            rooms.boxes_xyxy.tolist(),
            rooms.scores,
            cut_edges(rooms.boxes_xyxy, part, size_wh_px).tolist(),
            strict=True,
        )
        if any(cut) and score >= LEAST_PIECE
    ]
    whole = [room for axis, across in _ALONG for room in _chained(pieces, axis, across)]
    boxes: Boxes = np.array([room.corners for room in whole], np.float32).reshape(-1, 4)
    scores: Scores = np.array([room.score for room in whole], np.float32)
    return Detections(boxes, scores)


def _chained(pieces: Sequence[_Piece], axis: int, across: int) -> list[_Piece]:
    """Rooms whose pieces lie one after the other along an axis and are cut nowhere else."""
    straight = [p for p in pieces if not (p.cut[across] or p.cut[across + 2])]
    starts = [p for p in straight if p.cut[axis + 2] and not p.cut[axis]]
    others = [p for p in straight if p.cut[axis]]
    whole: list[_Piece] = []
    while starts:
        first = starts.pop()
        nexts = [second for second in others if _go_on(first, second, axis, across)]
        if nexts:
            joined = _joined(first, max(nexts, key=lambda second: second.score))
            (starts if joined.cut[axis + 2] else whole).append(joined)
    return whole


def _go_on(first: _Piece, second: _Piece, axis: int, across: int) -> bool:
    """Whether the second piece shows how the first goes on in the next slice."""
    here = (first.part.x0, first.part.y0, first.part.x1, first.part.y1)
    there = (second.part.x0, second.part.y0, second.part.x1, second.part.y1)
    is_next = here[across] == there[across] and here[axis] < there[axis] < here[axis + 2]
    return is_next and _agreement(first, second, across) >= LEAST_AGREEMENT


def _agreement(first: _Piece, second: _Piece, across: int) -> float:
    """Intersection over union of two pieces' intervals across the axis."""
    a0, a1 = first.corners[across], first.corners[across + 2]
    b0, b1 = second.corners[across], second.corners[across + 2]
    union = max(a1, b1) - min(a0, b0)
    return max(0.0, min(a1, b1) - max(a0, b0)) / union if union > 0 else 0.0


def _joined(first: _Piece, second: _Piece) -> _Piece:
    corners = (
        min(first.corners[0], second.corners[0]),
        min(first.corners[1], second.corners[1]),
        max(first.corners[2], second.corners[2]),
        max(first.corners[3], second.corners[3]),
    )
    cut = (first.cut[0], first.cut[1], second.cut[2], second.cut[3])
    return _Piece(corners, (first.score + second.score) / 2, second.part, cut)
