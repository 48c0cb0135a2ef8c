# SPDX-License-Identifier: AGPL-3.0-or-later
"""What on a page asks for a closer look: ink that no room of a known size explains.

On the plan of a flat most of the ink lies in and around rooms that the network knows at the first
level. On a sheet the rooms are small or not found at all, and their ink is left over.
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

# Sides of the blocks of pixels of the first level that are averaged: nothing thin is missed.
BLOCK_PX = 4
# Blocks that differ from the paper by less than this are paper, of 255.
PAPER_RANGE = 16
# A room explains the ink of its walls, too: this much around it, as a share of the page.
AROUND = 0.0125


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
