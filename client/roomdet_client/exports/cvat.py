# SPDX-License-Identifier: AGPL-3.0-or-later
"""CVAT's XML for images, version 1.1 (CVAT's documentation, XML annotation format)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from roomdet_client.exports.page import LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from roomdet_client.exports.page import ExportPage, Picture

NAME = "annotations.xml"


def document(pages: Iterable[tuple[ExportPage, Picture]]) -> ET.Element:
    """All pages; the confidence is an attribute of each box."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    label = ET.SubElement(ET.SubElement(task, "labels"), "label")
    ET.SubElement(label, "name").text = LABEL
    attribute = ET.SubElement(ET.SubElement(label, "attributes"), "attribute")
    for name, value in (("name", "confidence"), ("mutable", "False"), ("input_type", "text"),
                        ("default_value", ""), ("values", "")):  # fmt: skip
        ET.SubElement(attribute, name).text = value
    for number, (page, picture) in enumerate(pages):
        image = ET.SubElement(root, "image", id=str(number), name=picture.name,
                              width=str(picture.width), height=str(picture.height))  # fmt: skip
        for room in page.rooms:
            x0, y0, x1, y1 = (f"{value:.2f}" for value in picture.box_px(room))
            box = ET.SubElement(image, "box", label=LABEL, source="auto", occluded="0",
                                xtl=x0, ytl=y0, xbr=x1, ybr=y1, z_order="0")  # fmt: skip
            ET.SubElement(box, "attribute", name="confidence").text = f"{room.confidence:.4f}"
    ET.indent(root)
    return root


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
