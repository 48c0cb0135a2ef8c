# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answered pages to export: pictures, one of them turned, a PDF, a page without rooms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roomdet_client.answers import Room
from roomdet_client.exports import ExportPage
from roomdet_client.facts import INCLUDES, Area
from roomdet_client.pages import Plan
from tests.builders import draw_plan, encode, exif, plan_pdf

if TYPE_CHECKING:
    from pathlib import Path

# Thousandths: not the drawn rooms' places, so that each format's rounding shows.
BOXES = ((100, 100, 400, 250), (550, 600, 900, 850), (613, 107, 901, 299))
CONFIDENCES = (0.9321, 0.8, 0.4567)


def rooms(count: int = 3) -> tuple[Room, ...]:
    """That many of the three."""
    return tuple(
        Room(f"room_{number:03d}", box, confidence)
        for number, (box, confidence) in enumerate(
            zip(BOXES[:count], CONFIDENCES[:count], strict=True), start=1
        )
    )


def page(
    name: str, data: bytes, *, number: int = 1, stem: str | None = None, count: int = 3
) -> ExportPage:
    """One page of a file."""
    plan = Plan(data, name)
    return ExportPage(
        name, stem or name.partition(".")[0], plan, number, plan.page_count, plan.sheet(number),
        rooms(count), 12,
    )  # fmt: skip


def pages() -> list[ExportPage]:
    """What a folder of plans may hold."""
    pdf = plan_pdf(pages=2, wh_pt=(640, 400))
    return [
        page("ground floor.png", encode(draw_plan((1000, 800)), "PNG")),
        page("turned.jpg", encode(draw_plan(), "JPEG", exif=exif(6))),
        page("set.pdf", pdf, stem="set-p1"),
        page("set.pdf", pdf, number=2, stem="set-p2", count=1),
        page("empty.tiff", encode(draw_plan((300, 200)), "TIFF"), count=0),
        page("Erdgeschoß & 'Keller'.png", encode(draw_plan(), "PNG"), count=2),
    ]


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """The pictures of a folder, as Pillow reads them."""
    from PIL import Image  # noqa: PLC0415

    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".png", ".jpg", ".webp"):
            with Image.open(path) as picture:
                found[path.name] = picture.size
    return found


# An L in its box, 3/4 of it; runs clockwise as seen.
RING = ((100.5, 100.0), (400.0, 100.0), (400.0, 175.0), (250.3, 175.0), (250.3, 250.0),
        (100.5, 250.0), (100.5, 100.0))  # fmt: skip
RING_GRID2 = (400 - 100.5) * 75 + (250.3 - 100.5) * 75  # what it encloses, in thousandths
AREA = Area(12.31, "1:100", "title_block", 12.5, agrees=True)
KNOWN_NAMES = ("Kök & <hall>", "Bedroom 2", "")


def known_rooms() -> tuple[Room, ...]:
    """The three, asked for all there is: one with it all, one with a name alone, one without."""
    asked = [replace(room, included=frozenset(INCLUDES)) for room in rooms()]
    known = [
        replace(room, name_hint=name or None, name_source="text", name_confidence=1.0)
        for room, name in zip(asked[:2], KNOWN_NAMES, strict=False)
    ]
    unknown = [
        replace(room, polygon_reason="it is open", area_reason="the page states no scale")
        for room in (known[1], asked[2])
    ]
    return (replace(known[0], polygon_grid=RING, area=AREA), *unknown)


def known_page(name: str = "known.png", data: bytes | None = None) -> ExportPage:
    """One page of them, a picture of 1000 x 800 px if nothing else is given."""
    data = data or encode(draw_plan((1000, 800)), "PNG")
    return replace(page(name, data), rooms=known_rooms())
