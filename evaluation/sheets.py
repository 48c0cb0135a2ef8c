# SPDX-License-Identifier: AGPL-3.0-or-later
"""Architects' sheets: more rooms than a plan has, and labels that may be of one building alone.

On a sheet that is labeled in part, whoever finds a room of another building must not lose by it.
There a found room counts only if its center lies near a labeled room or in the title strip, where
no room can be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from roomdet.geometry import Boxes, Detections

if TYPE_CHECKING:
    import numpy.typing as npt

    from evaluation.scoring import EvalResult

MAX_ROOMS = 1000  # what the API answers at most; also COCO's maxDets on sheets
# Near: in the box of a labeled room, enlarged on each side by this much of its width and height.
MARGIN = 0.6
TITLE_STRIP_XY = (0.85, 0.93)  # fractions of the page; the strip lies to the right or below


def near_labels(picture: EvalResult) -> EvalResult:
    """The same picture with only those found rooms that its labels can judge; others are spared."""
    found = picture.found
    counts = is_judgeable(found.boxes_xyxy, picture.truth_xyxy_px, picture.size_wh_px)
    judgeable, spared = (
        Detections(found.boxes_xyxy[chosen], found.scores[chosen]) for chosen in (counts, ~counts)
    )
    return replace(picture, found=judgeable, spared=spared)


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
    strip_x, strip_y = np.multiply(TITLE_STRIP_XY, size_wh_px)
    counts: npt.NDArray[np.bool_] = (x > strip_x) | (y > strip_y)
    for x0, y0, x1, y1 in labeled_xyxy_px:
        dx, dy = (x1 - x0) * MARGIN, (y1 - y0) * MARGIN
        counts |= (x0 - dx <= x) & (x <= x1 + dx) & (y0 - dy <= y) & (y <= y1 + dy)
    return counts
