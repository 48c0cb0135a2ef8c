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


def anchor_count(canvas_wh_px: tuple[int, int]) -> int:
    """Anchors of a canvas."""
    return sum(grid.size for grid in anchor_grids(canvas_wh_px))


def anchor_grids(canvas_wh_px: tuple[int, int]) -> list[npt.NDArray[np.int64]]:
    """Which anchor each cell of a canvas has, grid by grid, each ``(rows, columns)``."""
    first, grids = 0, []
    for stride in STRIDES:
        columns, rows = (side // stride for side in canvas_wh_px)
        grids.append(np.arange(first, first + rows * columns).reshape(rows, columns))
        first += rows * columns
    return grids


def mirror_back(output: Boxes, canvas_wh_px: tuple[int, int]) -> Boxes:
    """Turn what the network says of a canvas mirrored left to right into what it says of it.

    Args:
        output: float32, shape ``(4 + classes, anchors)``: center x, center y, width and height in
            canvas pixels, then scores. Not modified.
        canvas_wh_px: Size of the canvas.

    Returns:
        New float32 array of the same shape; each anchor's column is that of its mirror image.
    """
    upright = output[:, _mirrored_anchors(canvas_wh_px)]
    upright[0] = canvas_wh_px[0] - upright[0]
    return upright


@cache
def _mirrored_anchors(canvas_wh_px: tuple[int, int]) -> npt.NDArray[np.int64]:
    """For each anchor the one in its mirror image."""
    return np.concatenate([grid[:, ::-1].ravel() for grid in anchor_grids(canvas_wh_px)])
