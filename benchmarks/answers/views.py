# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mirrored and turned pictures, and how what is found on them maps back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from roomdet.anchors import anchor_grids

if TYPE_CHECKING:
    from roomdet.geometry import Boxes

View: TypeAlias = tuple[bool, int]  # mirrored left to right, then so many quarter turns

UPRIGHT: View = (False, 0)
MIRRORED: View = (True, 0)
FLIPS: tuple[View, ...] = (UPRIGHT, MIRRORED, (True, 2), (False, 2))
TURNS: tuple[View, ...] = tuple((False, quarters) for quarters in range(4))
ALL_VIEWS: tuple[View, ...] = tuple(
    (is_mirrored, n) for is_mirrored in (False, True) for n in range(4)
)


def apply_view(grid: npt.NDArray[Any], view: View) -> npt.NDArray[Any]:
    """Mirror an array of rows and columns and turn it counterclockwise."""
    is_mirrored, quarters = view
    return np.rot90(grid[:, ::-1] if is_mirrored else grid, quarters)


def undo_view(boxes_xyxy_norm: npt.NDArray[np.floating[Any]], view: View) -> Boxes:
    """Map boxes of a mirrored and turned picture back to the picture, in fractions."""
    is_mirrored, quarters = view
    x0, y0, x1, y1 = boxes_xyxy_norm.T
    for _ in range(quarters):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    if is_mirrored:
        x0, x1 = 1 - x1, 1 - x0
    boxes: Boxes = np.stack([x0, y0, x1, y1], axis=1)
    return boxes


def to_corners(boxes_cxcywh: Boxes) -> Boxes:
    """Corners ``x0, y0, x1, y1`` of boxes in columns: center x, center y, width, height."""
    center, half = boxes_cxcywh[:2], boxes_cxcywh[2:] / 2
    corners: Boxes = np.concatenate([center - half, center + half])
    return corners


def cells_of_view(side_px: int, view: View) -> npt.NDArray[np.int64]:
    """For each cell of the grids over a viewed square canvas the same cell of the upright one."""
    return np.concatenate(
        [apply_view(grid, view).ravel() for grid in anchor_grids((side_px, side_px))]
    )
