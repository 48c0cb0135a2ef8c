# SPDX-License-Identifier: AGPL-3.0-or-later
"""Boxes and the letterbox: pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
Boxes: TypeAlias = npt.NDArray[np.float32]
Scores: TypeAlias = npt.NDArray[np.float32]
GridBoxes: TypeAlias = npt.NDArray[np.int64]

GRID = 1000  # the API's coordinates run from 0 to 1000 (docs/api.md)
# The gray around a letterboxed page; ultralytics trains with it (ultralytics 8.4, LetterBox).
PADDING_VALUE = 114
# Sides of a canvas are multiples of this, or the longest that there is. It is a multiple of the
# network's coarsest stride, 32, and a large one, because OpenVINO keeps 10 MB for each form of
# canvas. Sheets of the A series fit 640 x 480 (docs/decisions/0022-rectangles-in-int8.md).
CANVAS_STEP_PX = 160
# Boxes that suppression compares with one another at a time: 60 kB a matrix, and one block for
# most plans.
_BLOCK_BOXES = 128
# And voting: with thousands of voters the arrays of so many fit a core's cache, which takes a
# quarter of the time.
_BLOCK_KEPT = 32


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes of one page with their confidence.

    Attributes:
        boxes_xyxy: float32, shape ``(n, 4)``, corners ``x0, y0, x1, y1``. The unit is the maker's.
        scores: float32, shape ``(n,)``, 0 to 1, highest first.
    """

    boxes_xyxy: Boxes
    scores: Scores

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes_xyxy.shape != (n, 4) or self.scores.shape != (n,):
            raise ValueError(
                f"expected boxes (n, 4) and scores (n,); "
                f"got {self.boxes_xyxy.shape} and {self.scores.shape}"
            )

    def __len__(self) -> int:
        return len(self.scores)


def fit_within(source_wh: tuple[float, float], side_px: int) -> tuple[int, int]:
    """Size of a page scaled so that its longer side is ``side_px``.

    Returns:
        Width and height in pixels, each at least 1, the longer one equal to ``side_px``.
    """
    width, height = source_wh
    longer = max(width, height)
    return (
        max(1, round(width * side_px / longer)),
        max(1, round(height * side_px / longer)),
    )


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a page lies on the canvas that the network sees.

    Attributes:
        canvas_wh_px: Size of the canvas in pixels.
        page_wh_px: Size of the page on it.
        offset_xy_px: Upper left corner of the page on it.
    """

    canvas_wh_px: tuple[int, int]
    page_wh_px: tuple[int, int]
    offset_xy_px: tuple[int, int]

    @classmethod
    def around(
        cls, page_wh_px: tuple[int, int], side_px: int, step_px: int = CANVAS_STEP_PX
    ) -> Letterbox:
        """Center a page on the smallest canvas; an odd remainder goes to the right and bottom.

        Args:
            page_wh_px: Size of the page.
            side_px: The longest side of a canvas, a multiple of 32.
            step_px: Shorter sides are multiples of this.

        Source:
            ultralytics 8.4, ``LetterBox``: ``round(remainder / 2 - 0.1)``.
        """
        if not 1 <= min(page_wh_px) <= max(page_wh_px) <= side_px:
            raise ValueError(f"a page of {page_wh_px} px does not fit into {side_px} px")
        width, height = (min(side_px, -(-side // step_px) * step_px) for side in page_wh_px)
        offset = (width - page_wh_px[0]) // 2, (height - page_wh_px[1]) // 2
        return cls((width, height), page_wh_px, offset)

    def place(self, pixels: Pixels) -> Pixels:
        """Lay a page on the gray canvas.

        Args:
            pixels: uint8, shape ``(height, width, 3)`` of ``page_wh_px``. Not modified.

        Returns:
            New uint8 array, shape ``(height, width, 3)`` of ``canvas_wh_px``.
        """
        (width, height), (left, top) = self.page_wh_px, self.offset_xy_px
        canvas = np.full((*self.canvas_wh_px[::-1], 3), PADDING_VALUE, np.uint8)
        canvas[top : top + height, left : left + width] = pixels
        return canvas

    def canvas_to_page(self, boxes_xyxy_px: Boxes) -> Boxes:
        """Map boxes from canvas pixels to fractions of the page.

        Args:
            boxes_xyxy_px: float32, shape ``(n, 4)``, canvas pixels. Not modified.

        Returns:
            New float32 array, shape ``(n, 4)``, clipped to 0 to 1.
        """
        offset = np.array(self.offset_xy_px * 2, np.float32)
        size = np.array(self.page_wh_px * 2, np.float32)
        fractions: Boxes = np.clip((boxes_xyxy_px - offset) / size, 0.0, 1.0)
        return fractions


def fractions_to_grid(boxes_xyxy_norm: Boxes) -> GridBoxes:
    """Round boxes to the API's integer grid, none of them empty.

    Args:
        boxes_xyxy_norm: float, shape ``(n, 4)``, corners as fractions of the page, 0 to 1,
            ``x0 <= x1`` and ``y0 <= y1``.

    Returns:
        int64, shape ``(n, 4)``, 0 to 1000; ``x_min < x_max`` and ``y_min < y_max`` also for a
        sliver at an edge, which is widened inwards.
    """
    scaled = boxes_xyxy_norm.astype(np.float64) * GRID
    low, high = np.rint(scaled[:, :2]), np.rint(scaled[:, 2:])
    is_empty = low >= high
    low = np.where(is_empty, np.clip(np.floor(scaled[:, :2]), 0, GRID - 1), low)
    high = np.where(is_empty, low + 1, high)
    return np.concatenate([low, high], axis=1).astype(np.int64)


def iou_matrix(boxes_xyxy: Boxes, others_xyxy: Boxes) -> Boxes:
    """Intersection over union of every box with every other one.

    Returns:
        float32, shape ``(len(boxes_xyxy), len(others_xyxy))``, 0 to 1; 0 where both are empty.
    """
    x0, y0, x1, y1 = boxes_xyxy.T[:, :, None]
    other_x0, other_y0, other_x1, other_y1 = others_xyxy.T[:, None, :]
    widths = np.minimum(x1, other_x1) - np.maximum(x0, other_x0)
    heights = np.minimum(y1, other_y1) - np.maximum(y0, other_y0)
    intersection = widths.clip(0, None) * heights.clip(0, None)
    union = areas(boxes_xyxy)[:, None] + areas(others_xyxy)[None, :] - intersection
    overlap: Boxes = np.divide(
        intersection, union, out=np.zeros_like(intersection), where=union > 0
    )
    return overlap


def non_maximum_suppression(found: Detections, *, iou: float, max_count: int) -> Detections:
    """Keep of overlapping boxes the most confident one.

    Args:
        found: Any order, any number.
        iou: A box that overlaps a kept one by more than this is dropped; 0 to 1.
        max_count: At most this many are kept.

    Returns:
        The kept boxes, highest score first; equal scores from top to bottom, then left to right.
    """
    order = np.lexsort((found.boxes_xyxy[:, 0], found.boxes_xyxy[:, 1], -found.scores))
    boxes = found.boxes_xyxy[order]
    kept: list[int] = []
    for start in range(0, len(order), _BLOCK_BOXES):
        block = np.arange(start, min(start + _BLOCK_BOXES, len(order)))
        block = block[(iou_matrix(boxes[block], boxes[kept]) <= iou).all(axis=1)]
        is_far = iou_matrix(boxes[block], boxes[block]) <= iou
        is_kept = np.ones(len(block), bool)
        for row in range(len(block)):
            if is_kept[row]:
                is_kept[row + 1 :] &= is_far[row, row + 1 :]
        kept += block[is_kept].tolist()
        if len(kept) >= max_count:
            break
    chosen = order[kept[:max_count]]
    return Detections(found.boxes_xyxy[chosen], found.scores[chosen])


def vote(kept: Detections, voters: Detections, *, least_iou: float) -> Detections:
    """Put the corners of kept boxes where the candidates of the same place say.

    Args:
        kept: What suppression kept.
        voters: Candidates, those that were kept among them, in the same unit.
        least_iou: Candidates that overlap a kept box by at least this share in its corners, by
            their scores; 0 to 1.

    Returns:
        The same scores in the same order.

    Source:
        Gidaris and Komodakis, arXiv 1505.01749, section 4.3, box voting.
    """
    mean = kept.boxes_xyxy.copy()
    for start in range(0, len(kept), _BLOCK_KEPT):
        block = mean[start : start + _BLOCK_KEPT]
        same = iou_matrix(block, voters.boxes_xyxy) >= least_iou
        weights = np.where(same, voters.scores, np.float32(0))
        total = weights.sum(axis=1, keepdims=True)
        np.divide(weights @ voters.boxes_xyxy, total, out=block, where=total > 0)
    return Detections(mean, kept.scores)


def areas(boxes_xyxy: Boxes) -> Scores:
    """Areas, float32, shape ``(n,)``, in the square of the boxes' unit; 0 of an empty one."""
    widths, heights = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).clip(0, None).T
    found: Scores = widths * heights
    return found
