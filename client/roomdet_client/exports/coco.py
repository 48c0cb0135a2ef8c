# SPDX-License-Identifier: AGPL-3.0-or-later
"""COCO's JSON for object detection (cocodataset.org, Data format)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roomdet_client.exports.page import LABEL, facts_of
from roomdet_client.outline import signed_area

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from roomdet_client.exports.page import ExportPage, Picture
    from roomdet_client.sheet import Ring

IMAGES = "images"
NAME = "annotations.json"


def annotation(
    number: int,
    image: int,
    box_xyxy_px: tuple[float, float, float, float],
    ring_px: Ring | None = None,
) -> dict[str, Any]:
    """One room.

    Args:
        number: Its id in the document.
        image: Id of its picture.
        box_xyxy_px: Corners in the picture's pixels.
        ring_px: Its outline, closed; None leaves ``segmentation`` out, and ``area`` is the box's.
    """
    x0, y0, x1, y1 = box_xyxy_px
    width, height = round(x1 - x0, 2), round(y1 - y0, 2)
    found = {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": [x0, y0, width, height],
        "area": round(width * height, 2),
        "iscrowd": 0,
    }
    if ring_px:
        found["segmentation"] = [[value for point in ring_px[:-1] for value in point]]
        found["area"] = round(abs(signed_area(ring_px)), 2)
    return found


def document(pages: Iterable[tuple[ExportPage, Picture]]) -> dict[str, Any]:
    """All pages; ``score`` is the confidence, as COCO's results have it.

    Where polygons were asked for every room has a ``segmentation``: its box where it has none,
    which ``attributes`` says. ``bbox`` is what was found, whatever the outline.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (page, picture) in enumerate(pages, start=1):
        images.append(
            {
                "id": number,
                "file_name": picture.name,
                "width": picture.width,
                "height": picture.height,
            }
        )
        for room in page.rooms:
            is_outlined = room.polygon_grid or "polygon" in room.included
            ring_px = picture.ring_px(room.outline_grid) if is_outlined else None
            found = annotation(len(annotations) + 1, number, picture.box_px(room), ring_px)
            facts = facts_of(room)
            more = {"attributes": facts} if facts else {}
            annotations.append({**found, "score": room.confidence, **more})
    return {
        "info": {"description": "Rooms found by roomdet"},
        "licenses": [],
        "categories": [{"id": 1, "name": LABEL, "supercategory": ""}],
        "images": images,
        "annotations": annotations,
    }


def text(pages: Sequence[ExportPage]) -> str:
    """The annotations without the pictures."""
    return json.dumps(document((page, page.picture()) for page in pages)) + "\n"


def write(pages: Sequence[ExportPage], folder: Path) -> None:
    """Write ``annotations.json`` and ``images/``, whose names it has."""
    folder.mkdir(parents=True, exist_ok=True)

    def written() -> Iterable[tuple[ExportPage, Picture]]:
        for page in pages:  # one picture in memory at a time
            picture = page.picture()
            picture.write(folder / IMAGES)
            yield page, picture

    (folder / NAME).write_text(json.dumps(document(written())), "utf-8")
