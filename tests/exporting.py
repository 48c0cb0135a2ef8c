# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answered pages to export: pictures, one of them turned, a PDF, a page without rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomdet_client.answers import Room
from roomdet_client.exports import ExportPage
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
