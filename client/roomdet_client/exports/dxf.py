# SPDX-License-Identifier: AGPL-3.0-or-later
"""A DXF drawing with the rooms of a page, to lie over the plan. Needs ezdxf."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from roomdet_client.errors import MissingDependency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.exports.page import ExportPage

LAYER = "ROOMS"
LABEL_LAYER = "ROOM_LABELS"
_COLOR, _LABEL_COLOR = 5, 8  # AutoCAD color index: blue, grey
_LABEL_HEIGHT = 1 / 150  # of the page's longer side


def encode(pages: Sequence[ExportPage]) -> bytes:
    """Closed polylines in the page's unit, origin at the lower left of the page as it is seen.

    Raises:
        MissingDependency: If ezdxf is not installed.
    """
    try:
        from ezdxf.filemanagement import new  # noqa: PLC0415  # an extra
    except ImportError as err:
        raise MissingDependency("DXF", "dxf") from err
    drawing = new("R2010")
    drawing.layers.add(LAYER, color=_COLOR)
    drawing.layers.add(LABEL_LAYER, color=_LABEL_COLOR)
    space = drawing.modelspace()
    for page in pages:
        height = max(page.sheet.width, page.sheet.height) * _LABEL_HEIGHT
        for room in page.rooms:
            x0, y0, x1, y1 = page.sheet.upward(room.box_xyxy_grid)
            corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
            space.add_lwpolyline(corners, close=True, dxfattribs={"layer": LAYER})
            text = f"{room.id} {room.confidence:.2f}"
            place = (x0 + height / 2, y1 - 1.5 * height)
            space.add_text(text, height=height, dxfattribs={"layer": LABEL_LAYER, "insert": place})
    file = io.StringIO()
    drawing.write(file)
    return file.getvalue().encode(drawing.output_encoding)
