# SPDX-License-Identifier: AGPL-3.0-or-later
"""LabelMe's JSON beside each picture (labelme 6, ``_label_file.py``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roomdet_client.exports.page import LABEL, title_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roomdet_client.answers import Room
    from roomdet_client.exports.page import ExportPage, Picture

_VERSION = "5.0.0"  # of LabelMe, whose form this is since then


def document(page: ExportPage, picture: Picture) -> dict[str, Any]:
    """One page; name, area and confidence are in the shape's description.

    The label is ``room`` whatever a room is called: LabelMe's labels are classes.
    """
    shapes = [_shape(room, picture) for room in page.rooms]
    return {
        "version": _VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": picture.name,
        "imageData": None,
        "imageHeight": picture.height,
        "imageWidth": picture.width,
    }


def _shape(room: Room, picture: Picture) -> dict[str, Any]:
    x0, y0, x1, y1 = picture.box_px(room)
    points: list[Any] = [[x0, y0], [x1, y1]]
    if room.polygon_grid:
        points = [list(point) for point in picture.ring_px(room.polygon_grid)[:-1]]
    said = title_of(room).removeprefix(f"{room.id}, ")
    return {
        "label": LABEL,
        "points": points,
        "group_id": None,
        "description": said,
        "shape_type": "polygon" if room.polygon_grid else "rectangle",
        "flags": {},
        "mask": None,
    }


def write(pages: Sequence[ExportPage], folder: Path) -> None:
    """Write a picture and its JSON a page."""
    for page in pages:
        picture = page.picture()
        picture.write(folder)
        text = json.dumps(document(page, picture), indent=2)
        (folder / f"{page.stem}.json").write_text(text, "utf-8")
