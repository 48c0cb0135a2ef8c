# SPDX-License-Identifier: AGPL-3.0-or-later
"""Read a plan set: a folder with ``images/`` and, for each picture, ``labels/<stem>.txt``.

A label's lines are ``class cx cy w h``, fractions of the picture; every class is a room. A file
without lines is a picture without rooms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roomdet.geometry import Boxes

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
_LINE_ITEMS = 5
_Item = TypeVar("_Item")


class PlanSetError(Exception):
    """A folder is no plan set; the message says why."""


@dataclass(frozen=True, slots=True)
class PlanPicture:
    """One picture and its true rooms.

    Attributes:
        path: The picture's file.
        boxes_xyxy_norm: float32, shape ``(n, 4)``, corners as fractions of the picture.
    """

    path: Path
    boxes_xyxy_norm: Boxes

    def boxes_xyxy_px(self, size_wh: tuple[float, float]) -> Boxes:
        """The rooms on a rendering of the picture, in its pixels."""
        return self.boxes_xyxy_norm * np.array([*size_wh, *size_wh], np.float32)


def read_plan_set(folder: Path, prefix: str = "") -> list[PlanPicture]:
    """Read a plan set, in the order of its file names.

    Args:
        folder: The plan set.
        prefix: Only pictures whose file name starts so.

    Raises:
        PlanSetError: If there is no such picture, or a label is missing or malformed.
    """
    pictures = [
        PlanPicture(path, _read_boxes(folder / "labels" / f"{path.stem}.txt"))
        for path in find_pictures(folder / "images", f"{prefix}*")
    ]
    if not pictures:
        raise PlanSetError(f"{folder / 'images'} holds no picture named {prefix}*")
    return pictures


def find_pictures(folder: Path, pattern: str) -> list[Path]:
    """The pictures of a folder whose paths match a glob pattern, sorted; perhaps none."""
    return sorted(path for path in folder.glob(pattern) if path.suffix.lower() in PICTURE_SUFFIXES)


def evenly_thinned(pictures: Sequence[_Item], at_most: int) -> list[_Item]:
    """Every k-th picture, with the smallest k that leaves no more than ``at_most``."""
    step = max(1, -(-len(pictures) // at_most))
    return list(pictures[::step])


def _read_boxes(label: Path) -> Boxes:
    try:
        lines = label.read_text("utf-8").splitlines()
        rows = [[float(item) for item in line.split()] for line in lines if line.strip()]
    except (OSError, ValueError) as err:
        raise PlanSetError(f"{label} cannot be read: {err}") from err
    if any(len(row) != _LINE_ITEMS for row in rows):
        raise PlanSetError(f"{label} has a line that is not `class cx cy w h`")
    center_size = np.array(rows, np.float32).reshape(-1, _LINE_ITEMS)[:, 1:]
    center, half = center_size[:, :2], center_size[:, 2:] / 2
    boxes: Boxes = np.concatenate([center - half, center + half], axis=1)
    return np.clip(boxes, 0.0, 1.0)
