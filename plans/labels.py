# SPDX-License-Identifier: AGPL-3.0-or-later
"""What YOLO labels and Roboflow file names say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from plans.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]

ROBOFLOW_NAME = re.compile(r"^(?P<plan>.+)\.rf\.[0-9A-Za-z]+$")
SMALLEST_SIDE_NORM = 1e-4  # a box thinner than this share of the picture is degenerate
BOX_NUMBERS = 4
POLYGON_NUMBERS = 6  # three corners at least


def centers_to_corners(boxes_xywhn: Boxes) -> Boxes:
    """Center and size of each box, shape ``(n, 4)``, as its two corners."""
    center, half = boxes_xywhn[:, :2], boxes_xywhn[:, 2:] / 2
    corners: Boxes = np.concatenate([center - half, center + half], axis=1)
    return corners


def corners_to_centers(corners_xyxyn: Boxes) -> Boxes:
    """The other way round."""
    low, high = corners_xyxyn[:, :2], corners_xyxyn[:, 2:]
    boxes: Boxes = np.concatenate([(low + high) / 2, high - low], axis=1)
    return boxes


def plan_of(stem: str) -> str:
    """The plan that a file name stands for: a Roboflow name without its hash, else the name.

    ``ground_jpg.rf.0123abcd`` and its augmented siblings are the plan ``ground_jpg``.
    """
    matched = ROBOFLOW_NAME.match(stem)
    return matched["plan"] if matched else stem


def parse_labels(text: str, *, name: str) -> tuple[Boxes, int]:
    """Boxes of a YOLO labels file; polygons and oriented boxes become the boxes around them.

    Returns:
        Boxes as of :class:`plans.plan_sets.Sample`, and how many labels had no area inside the
        picture.

    Raises:
        DataError: If a line is neither a class with a box nor one with a polygon.
    """
    rows = [_parse_label(line, name) for line in text.splitlines() if line.strip()]
    corners = np.clip(np.array(rows, np.float64).reshape(-1, 4), 0.0, 1.0)
    low, high = corners[:, :2], corners[:, 2:]
    kept = ((high - low) >= SMALLEST_SIDE_NORM).all(axis=1)
    boxes = np.concatenate([(low + high) / 2, high - low], axis=1)[kept]
    return boxes.astype(np.float32), int((~kept).sum())


def _parse_label(line: str, name: str) -> tuple[float, float, float, float]:
    """Corners x0, y0, x1, y1 of one label, not clipped."""
    try:
        numbers = np.array([float(word) for word in line.split()[1:]])
    except ValueError as err:
        raise DataError(f"{name}: {line.strip()!r} holds something else than numbers") from err
    if not np.isfinite(numbers).all():
        raise DataError(f"{name}: {line.strip()!r} holds something else than numbers")
    if len(numbers) == BOX_NUMBERS:
        cx, cy, width, height = numbers.tolist()
        return cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2
    if len(numbers) >= POLYGON_NUMBERS and len(numbers) % 2 == 0:
        points = numbers.reshape(-1, 2)
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return x0, y0, x1, y1
    raise DataError(f"{name}: {line.strip()!r} is neither a class with a box nor with a polygon")
