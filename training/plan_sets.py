# SPDX-License-Identifier: AGPL-3.0-or-later
"""Read a plan set: a folder with ``images/`` and, for each picture, ``labels/<stem>.txt``.

A label's lines are ``class cx cy w h``, fractions of the picture; every class is a room. A file
without lines is a picture without rooms.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from training.errors import DataError
from training.labels import parse_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet.geometry import Boxes

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
_Item = TypeVar("_Item")


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


def named_set(text: str) -> tuple[str, Path, str]:
    """Take ``NAME=DIR`` or ``NAME=DIR:PREFIX`` of a command line apart.

    Raises:
        argparse.ArgumentTypeError: If it is neither.
    """
    name, equals, place = text.partition("=")
    folder, _, prefix = place.partition(":")
    if not (name and equals and folder):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR or NAME=DIR:PREFIX")
    return name, Path(folder), prefix


def read_plan_set(folder: Path, prefix: str = "") -> list[PlanPicture]:
    """Read a plan set, in the order of its file names.

    Args:
        folder: The plan set.
        prefix: Only pictures whose file name starts so.

    Raises:
        DataError: If there is no such picture, or a label is missing or malformed.
    """
    pictures = [
        PlanPicture(path, _read_boxes(folder / "labels" / f"{path.stem}.txt"))
        for path in find_pictures(folder / "images", f"{prefix}*")
    ]
    if not pictures:
        raise DataError(f"{folder / 'images'} holds no picture named {prefix}*")
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
        text = label.read_text("utf-8")
    except (OSError, ValueError) as err:
        raise DataError(f"{label} cannot be read: {err}") from err
    boxes_xywhn, _ = parse_labels(text, name=str(label))
    center, half = boxes_xywhn[:, :2], boxes_xywhn[:, 2:] / 2
    boxes: Boxes = np.concatenate([center - half, center + half], axis=1)
    return boxes
