# SPDX-License-Identifier: AGPL-3.0-or-later
"""What on a page asks for a closer look, and what on it tells a room from a cell of a table.

On the plan of a flat most of the ink lies in and around rooms that the network knows at the first
level. On a sheet the rooms are small or not found at all, and their ink is left over.

A room has a door: somewhere along its edges the line of the wall is open. A cell of a title block
has none, and it may lie at the frame of the sheet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from roomdet.geometry import Boxes, Pixels
    from roomdet.slices import Slice

Ink = npt.NDArray[np.float32]
Shares = npt.NDArray[np.float32]

# Sides of the blocks of pixels of the first level that are averaged: nothing thin is missed.
BLOCK_PX = 4
# Blocks that differ from the paper by less than this are paper, of 255.
PAPER_RANGE = 16
# A room explains the ink of its walls, too: this much around it, as a share of the page.
AROUND = 0.0125
# Pixels that differ from the paper by this much are of a line, of 255.
LINE_RANGE = 60
# A line so near to an edge of a box is its edge, px, or of a small box this share of its sides.
EDGE_PX, EDGE_SHARE = 4.0, 0.15
# A line that runs along so much of the page, in so much of it at its border, is of its frame.
FRAME_LENGTH, FRAME_MARGIN = 0.8, 0.1
LEAST_SIDES = 3  # that have such a line, where there is a frame


@dataclass(frozen=True, slots=True)
class InkMap:
    """Where a page has ink.

    Attributes:
        ink: float32, shape ``(rows, columns)``, how much darker than paper, 0 to 1; on white
            paper or, of white lines on black, how much lighter.
    """

    ink: Ink

    @classmethod
    def of(cls, pixels: Pixels) -> InkMap:
        """Measure a page.

        Args:
            pixels: uint8 RGB, shape ``(height, width, 3)``, the first level.
        """
        height, width = pixels.shape[:2]
        # As one channel of three times the width, so that a block's mean is over its colors, too.
        flat = Image.fromarray(pixels.reshape(height, 3 * width))
        blocks = flat.reduce((3 * BLOCK_PX, BLOCK_PX))
        paper = int(np.argmax(blocks.histogram()))
        away = np.abs(np.asarray(blocks, np.int16) - paper)
        away[away < PAPER_RANGE] = 0
        return cls(away.astype(np.float32) / np.float32(255))

    def without(self, rooms_xyxy_norm: Boxes) -> InkMap:
        """What is left without the ink in and around rooms.

        Args:
            rooms_xyxy_norm: float32, shape ``(n, 4)``, fractions of the page.
        """
        left = self.ink.copy()
        rows, columns = left.shape
        around = AROUND * max(rows, columns)
        for x0, y0, x1, y1 in rooms_xyxy_norm * np.array([columns, rows] * 2):
            top, bottom = max(0, int(y0 - around)), int(y1 + around) + 1
            start, end = max(0, int(x0 - around)), int(x1 + around) + 1
            left[top:bottom, start:end] = 0
        return InkMap(left)

    @property
    def amount(self) -> float:
        """All ink, as a share of a page that is nothing but ink."""
        return float(self.ink.mean())

    def blocks_in(self, part: Slice, size_wh_px: tuple[int, int]) -> float:
        """Ink in a slice, in blocks that are nothing but ink.

        Args:
            part: The slice.
            size_wh_px: Size of its level.
        """
        rows, columns = self.ink.shape
        width, height = size_wh_px
        top, bottom = part.y0 * rows // height, -(-part.y1 * rows // height)
        start, end = part.x0 * columns // width, -(-part.x1 * columns // width)
        return float(self.ink[top:bottom, start:end].sum())


@dataclass(frozen=True, slots=True)
class LineMap:
    """Where a page has lines.

    Attributes:
        is_dark: bool, shape ``(height, width)``.
    """

    is_dark: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, pixels: Pixels) -> LineMap:
        """Find a page's lines.

        Args:
            pixels: uint8 RGB, shape ``(height, width, 3)``.
        """
        gray = Image.fromarray(pixels).convert("L")
        paper = int(np.argmax(gray.histogram()))
        is_dark = [int(abs(value - paper) >= LINE_RANGE) for value in range(256)]
        return cls(np.asarray(gray.point(is_dark)).view(np.bool_))

    def drawn_shares(self, boxes_xyxy_norm: npt.NDArray[np.floating]) -> Shares:
        """How much of each edge of boxes is drawn as one straight line.

        Args:
            boxes_xyxy_norm: float, shape ``(n, 4)``, fractions of the page.

        Returns:
            float32, shape ``(n, 4)``: left, upper, right and lower edge, 0 to 1.
        """
        height, width = self.is_dark.shape
        corners = boxes_xyxy_norm.astype(np.float64) * np.array([width, height] * 2)
        turned = self.is_dark.T
        shares = [
            (
                _longest(self.is_dark, x0, (y0, y1), near),
                _longest(turned, y0, (x0, x1), near),
                _longest(self.is_dark, x1, (y0, y1), near),
                _longest(turned, y1, (x0, x1), near),
            )
            for x0, y0, x1, y1 in corners.tolist()
            for near in [min(EDGE_PX, max(1.0, EDGE_SHARE * min(x1 - x0, y1 - y0)))]
        ]
        return np.array(shares, np.float32).reshape(-1, 4)

    def frame(self) -> tuple[float, float, float, float] | None:
        """The frame of the sheet, as fractions; None where fewer than three sides have a line."""
        (left, right), (upper, lower) = _border(self.is_dark), _border(self.is_dark.T)
        sides = (left, upper, right, lower)
        has_line = [side is not None for side in sides]
        if sum(has_line) < LEAST_SIDES:
            return None
        edges = [
            edge if side is None else side for side, edge in zip(sides, (0, 0, 1, 1), strict=True)
        ]
        return edges[0], edges[1], edges[2], edges[3]


def _longest(
    is_dark: npt.NDArray[np.bool_], place_px: float, span_px: tuple[float, float], near_px: float
) -> float:
    """Share of a span that the best of the columns near a place is dark in, in either of two."""
    start = max(0, int(span_px[0] + near_px))
    end = max(start + 1, int(span_px[1] - near_px))
    first = max(0, round(place_px - near_px) - 1)
    band = is_dark[start:end, first : round(place_px + near_px) + 1]
    if not band.size:
        return 0.0
    # Two neighboring columns are one line: it may be drawn between them, or lean a little.
    pairs = band[:, 1:] | band[:, :-1] if band.shape[1] > 1 else band
    return float(pairs.mean(axis=0).max())


def _border(is_dark: npt.NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """The innermost long vertical lines at the left and right border, as fractions."""
    width = is_dark.shape[1]
    margin = int(FRAME_MARGIN * width)
    lengths = [
        (part[:, 1:] | part[:, :-1]).mean(axis=0)
        for part in (is_dark[:, :margin], is_dark[:, width - margin :])
    ]
    left, right = (np.flatnonzero(length >= FRAME_LENGTH) for length in lengths)
    return (
        (int(left.max()) + 2) / width if left.size else None,
        (width - margin + int(right.min())) / width if right.size else None,
    )
