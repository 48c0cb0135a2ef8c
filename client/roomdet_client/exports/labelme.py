# SPDX-License-Identifier: AGPL-3.0-or-later
"""LabelMe's JSON beside each picture (labelme 6, ``_label_file.py``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roomdet_client.exports.page import LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roomdet_client.exports.page import ExportPage, Picture

_VERSION = "5.0.0"  # of LabelMe, whose form this is since then


def document(page: ExportPage, picture: Picture) -> dict[str, Any]:
    """One page; the confidence is in the shape's description."""
    shapes: list[dict[str, Any]] = [
        {
            "label": LABEL,
            "points": [[x0, y0], [x1, y1]],
            "group_id": None,
            "description": f"confidence {room.confidence:.2f}",
            "shape_type": "rectangle",
            "flags": {},
            "mask": None,
        }
        for room in page.rooms
        for x0, y0, x1, y1 in [picture.box_px(room)]
    ]
    return {
        "version": _VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": picture.name,
        "imageData": None,
        "imageHeight": picture.height,
        "imageWidth": picture.width,
    }


def write(pages: Sequence[ExportPage], folder: Path) -> None:
    """Write a picture and its JSON a page."""
    for page in pages:
        picture = page.picture()
        picture.write(folder)
        text = json.dumps(document(page, picture), indent=2)
        (folder / f"{page.stem}.json").write_text(text, "utf-8")
