# SPDX-License-Identifier: AGPL-3.0-or-later
"""Architects' sheets: more rooms than a plan has, and labels that may be of one building alone.

On a sheet that is labeled in part, whoever finds a room of another building must not lose by it.
There a found room counts only if its center lies near a labeled room or in the title strip, where
no room can be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roomdet.geometry import Boxes, Detections

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from evaluation.scoring import Judged

MAX_ROOMS = 1000  # what the API answers at most; also COCO's maxDets on sheets
# Near: in the box of a labeled room, enlarged on each side by this much of its width and height.
NEAR = 0.6
TITLE_STRIP_X, TITLE_STRIP_Y = 0.85, 0.93  # fractions of the page beyond which the strip begins


def near_labels(picture: Judged) -> Judged:
    """The same picture with those of the found rooms that its labels can judge."""
    counts = is_judgeable(picture.found.boxes_xyxy, picture.truth_xyxy_px, picture.size_wh_px)
    found = Detections(picture.found.boxes_xyxy[counts], picture.found.scores[counts])
    return replace(picture, found=found)


def is_judgeable(
    boxes_xyxy_px: Boxes, labeled_xyxy_px: Boxes, size_wh_px: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Which found boxes count on a sheet that is labeled in part.

    Args:
        boxes_xyxy_px: float32, shape ``(n, 4)``, what was found.
        labeled_xyxy_px: float32, shape ``(m, 4)``, the labeled rooms in the same pixels.
        size_wh_px: Width and height of the page.

    Returns:
        bool, shape ``(n,)``.
    """
    x, y = (boxes_xyxy_px[:, :2] + boxes_xyxy_px[:, 2:]).T / 2
    width, height = size_wh_px
    counts: npt.NDArray[np.bool_] = (x > TITLE_STRIP_X * width) | (y > TITLE_STRIP_Y * height)
    for x0, y0, x1, y1 in labeled_xyxy_px:
        dx, dy = (x1 - x0) * NEAR, (y1 - y0) * NEAR
        counts |= (x0 - dx <= x) & (x <= x1 + dx) & (y0 - dy <= y) & (y <= y1 + dy)
    return counts
