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

if TYPE_CHECKING:
    from roomdet.geometry import Boxes, Pixels
    from roomdet.slices import Slice

Ink = npt.NDArray[np.float32]

# Pixels of the first level that are looked at: every fourth of every fourth row, 0.2 ms for a page.
STEP = 4
# Darker than the paper by less than this is paper, of 255.
PAPER_RANGE = 20
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
            pixels: uint8 RGB, shape ``(height, width, 3)``, the first level. One channel of them
                is looked at: colored lines are darker than paper in each.
        """
        grey = pixels[::STEP, ::STEP, 1]
        counts = np.bincount(grey.reshape(-1), minlength=256)
        paper = int(np.argmax(counts))
        away = np.abs(grey.astype(np.int16) - paper)
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

    def is_in(self, part: Slice, size_wh_px: tuple[int, int], least: float) -> bool:
        """Whether a slice has ink.

        Args:
            part: The slice.
            size_wh_px: Size of its level.
            least: So much, as a share of a slice that is nothing but ink.
        """
        rows, columns = self.ink.shape
        width, height = size_wh_px
        top, bottom = part.y0 * rows // height, -(-part.y1 * rows // height)
        start, end = part.x0 * columns // width, -(-part.x1 * columns // width)
        return float(self.ink[top:bottom, start:end].mean()) >= least
