# SPDX-License-Identifier: AGPL-3.0-or-later
"""CVAT's XML for images, version 1.1 (CVAT's documentation, XML annotation format)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from roomdet_client.exports.page import LABEL, facts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from roomdet_client.answers import Room
    from roomdet_client.exports.page import ExportPage, Picture

NAME = "annotations.xml"
_ATTRIBUTES = ("name", "area_m2", "scale", "scale_source")  # beside the confidence


def document(pages: Iterable[tuple[ExportPage, Picture]]) -> ET.Element:
    """All pages; confidence, name and area are attributes of each box or polygon."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    label = ET.SubElement(ET.SubElement(task, "labels"), "label")
    ET.SubElement(label, "name").text = LABEL
    declared = ET.SubElement(label, "attributes")
    names = {"confidence": None}  # in the order in which they came
    for number, (page, picture) in enumerate(pages):
        image = ET.SubElement(root, "image", id=str(number), name=picture.name,
                              width=str(picture.width), height=str(picture.height))  # fmt: skip
        for room in page.rooms:
            shape = _shape(image, room, picture)
            facts = facts_of(room)
            said = {"confidence": f"{room.confidence:.4f}"}
            said |= {name: str(facts[name]) for name in _ATTRIBUTES if name in facts}
            for name, value in said.items():
                ET.SubElement(shape, "attribute", name=name).text = value
            names |= dict.fromkeys(said)
    for name in names:
        attribute = ET.SubElement(declared, "attribute")
        for key, value in (("name", name), ("mutable", "False"), ("input_type", "text"),
                           ("default_value", ""), ("values", "")):  # fmt: skip
            ET.SubElement(attribute, key).text = value
    ET.indent(root)
    return root


def _shape(image: ET.Element, room: Room, picture: Picture) -> ET.Element:
    common = {"label": LABEL, "source": "auto", "occluded": "0", "z_order": "0"}
    if room.polygon_grid:
        points = picture.ring_px(room.polygon_grid)[:-1]
        text = ";".join(f"{x:.2f},{y:.2f}" for x, y in points)
        return ET.SubElement(image, "polygon", {**common, "points": text})
    x0, y0, x1, y1 = (f"{value:.2f}" for value in picture.box_px(room))
    return ET.SubElement(image, "box", {**common, "xtl": x0, "ytl": y0, "xbr": x1, "ybr": y1})


def text(pages: Sequence[ExportPage]) -> str:
    """The annotations without the pictures."""
    return _as_text(document((page, page.picture()) for page in pages))


def write(pages: Sequence[ExportPage], folder: Path) -> None:
    """Write ``annotations.xml`` and ``images/``, whose names it has."""
    folder.mkdir(parents=True, exist_ok=True)

    def written() -> Iterable[tuple[ExportPage, Picture]]:
        for page in pages:
            picture = page.picture()
            picture.write(folder / "images")
            yield page, picture

    (folder / NAME).write_text(_as_text(document(written())), "utf-8")


def _as_text(root: ET.Element) -> str:
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"
