# SPDX-License-Identifier: AGPL-3.0-or-later
"""A sheet that lay askew on the scanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    PageU8 = npt.NDArray[np.uint8]
    Boxes = npt.NDArray[np.float32]


def tilt(page: PageU8, boxes: Boxes, rng: np.random.Generator) -> tuple[PageU8, Boxes]:
    """Turn and shear a page by a few degrees; what that uncovers is black, gray or white.

    Args:
        page: uint8 RGB, shape ``(height, width, 3)``.
        boxes: float32, shape ``(n, 4)``, corners in pixels.
        rng: Says how far.

    Returns:
        The page, and boxes around the moved corners, which may reach over its edges.
    """
    h, w = page.shape[:2]
    angle = np.radians(rng.normal(0, 2.5))
    shear_x, shear_y = rng.uniform(-0.07, 0.07, 2) * (rng.random() < 0.6)
    c, s = np.cos(angle), np.sin(angle)
    linear = np.array([[c, -s], [s, c]]) @ np.array([[1, shear_x], [shear_y, 1]])
    middle = np.array([w, h]) / 2
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = middle - linear @ middle
    gray = int(rng.choice([0, 20, 114, 230, 255]))
    turned = cv2.warpAffine(page, matrix[:2], (w, h), flags=cv2.INTER_AREA, borderValue=(gray,) * 3)
    return turned, _moved(boxes, matrix)


def _moved(boxes: Boxes, matrix: npt.NDArray[np.float64]) -> Boxes:
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    moved = corners @ matrix[:2, :2].T + matrix[:2, 2]
    enclosing = [moved.min(axis=1), moved.max(axis=1)]
    return np.concatenate(enclosing, axis=1, dtype=np.float32, casting="same_kind")
