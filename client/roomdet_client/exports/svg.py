# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rooms as outlines or rectangles over the page, in one file that opens in any browser."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from roomdet_client.drawing import COLORS
from roomdet_client.exports.page import title_of
from roomdet_client.outline import place_inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.answers import Room
    from roomdet_client.exports.page import ExportPage
    from roomdet_client.sheet import Sheet

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
_LINE = 1 / 500  # of the page's longer side
_LETTER = 6  # times the line


def encode(pages: Sequence[ExportPage]) -> bytes:
    """One page in its own unit, the picture inside the file, each room with its title.

    Raises:
        ValueError: If more than one page is given.
        PlanUnreadable: If the page cannot be drawn.
    """
    (page,) = pages
    sheet, picture = page.sheet, page.picture()
    kind = _TYPES["." + picture.name.rpartition(".")[2]]
    source = f"data:{kind};base64,{base64.b64encode(picture.data).decode()}"
    line = max(sheet.width, sheet.height) * _LINE
    size = f'width="{sheet.width:g}" height="{sheet.height:g}"'
    shapes = [
        f"<title>{escape(page.file)}</title>",
        f'<image {size} preserveAspectRatio="none" href="{source}"/>',
        f'<g id="rooms" fill-opacity="0.19" stroke-width="{line:g}">',
    ]
    for index, room in enumerate(page.rooms):
        shapes.append(_shape(room, sheet, COLORS[index % len(COLORS)]))
    shapes.append("</g>")
    names = [_name(room, sheet, line) for room in page.rooms if room.name_hint]
    if names:
        style = f'font-family="sans-serif" font-size="{_LETTER * line:g}" text-anchor="middle"'
        shapes += [f'<g id="names" {style}>', *names, "</g>"]
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {sheet.width:g} {sheet.height:g}">\n{body}\n</svg>\n'
    ).encode()


def _shape(room: Room, sheet: Sheet, color: str) -> str:
    if room.polygon_grid:
        ring = sheet.ring_shown(room.polygon_grid)[:-1]
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in ring)
        shape, end = f'polygon id={quoteattr(room.id)} points="{points}"', "polygon"
    else:
        x0, y0, x1, y1 = sheet.shown(room.box_xyxy_grid)
        place = f'x="{x0:.2f}" y="{y0:.2f}" width="{x1 - x0:.2f}" height="{y1 - y0:.2f}"'
        shape, end = f"rect id={quoteattr(room.id)} {place}", "rect"
    title = escape(title_of(room))
    return f'<{shape} fill="{color}" stroke="{color}"><title>{title}</title></{end}>'


def _name(room: Room, sheet: Sheet, line: float) -> str:
    """Name and area, legible on ink, too: letters on a white edge."""
    x, y = place_inside(sheet.ring_shown(room.outline_grid), at=0.15)
    edge = f'stroke="white" stroke-width="{line:g}" paint-order="stroke"'
    said = ", ".join(filter(None, (room.name_hint, str(room.area or ""))))
    return f'<text x="{x:.2f}" y="{y:.2f}" {edge}>{escape(said)}</text>'
