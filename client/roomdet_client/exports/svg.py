# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rooms as rectangles over the page, in one file that opens in any browser."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from roomdet_client.drawing import COLORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.exports.page import ExportPage

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
_LINE = 1 / 500  # of the page's longer side


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
        x0, y0, x1, y1 = sheet.shown(room.box_xyxy_grid)
        color = COLORS[index % len(COLORS)]
        shapes.append(
            f'<rect id={quoteattr(room.id)} x="{x0:.2f}" y="{y0:.2f}" width="{x1 - x0:.2f}" '
            f'height="{y1 - y0:.2f}" fill="{color}" stroke="{color}">'
            f"<title>{escape(room.id)}, confidence {room.confidence:.2f}</title></rect>"
        )
    body = "\n".join([*shapes, "</g>"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {sheet.width:g} {sheet.height:g}">\n{body}\n</svg>\n'
    ).encode()
