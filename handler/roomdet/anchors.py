# SPDX-License-Identifier: AGPL-3.0-or-later
"""YOLOv8's output: one column an anchor, one anchor a cell of three grids over the canvas."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from roomdet.geometry import Boxes

# Sides of the cells in pixels, the finest grid first, row by row; a column has the box in the
# first rows, then one score per class (ultralytics 8.4, Detect and make_anchors).
STRIDES = (8, 16, 32)
BOX_ROWS = 4


def anchor_count(side_px: int) -> int:
    """Anchors of a square canvas."""
    return sum((side_px // stride) ** 2 for stride in STRIDES)


def anchor_grids(side_px: int) -> list[npt.NDArray[np.int64]]:
    """Which anchor each cell of a square canvas has, grid by grid, each ``(cells, cells)``."""
    first, grids = 0, []
    for stride in STRIDES:
        cells = side_px // stride
        grids.append(np.arange(first, first + cells**2).reshape(cells, cells))
        first += cells**2
    return grids


def mirror_back(output: Boxes, side_px: int) -> Boxes:
    """Turn what the network says of a canvas mirrored left to right into what it says of it.

    Args:
        output: float32, shape ``(4 + classes, anchors)``: center x, center y, width and height in
            canvas pixels, then scores. Not modified.
        side_px: Side of the canvas.

    Returns:
        New float32 array of the same shape; each anchor's column is that of its mirror image.
    """
    upright = output[:, _mirrored_anchors(side_px)]
    upright[0] = side_px - upright[0]
    return upright


@cache
def _mirrored_anchors(side_px: int) -> npt.NDArray[np.int64]:
    """For each anchor the one in its mirror image."""
    return np.concatenate([grid[:, ::-1].ravel() for grid in anchor_grids(side_px)])
