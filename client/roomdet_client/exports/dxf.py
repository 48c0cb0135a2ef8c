# SPDX-License-Identifier: AGPL-3.0-or-later
"""A DXF drawing with the rooms of a page, to lie over the plan. Needs ezdxf."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from roomdet_client.errors import MissingDependency
from roomdet_client.outline import counterclockwise, place_inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.exports.page import ExportPage

LAYER = "ROOMS"
LABEL_LAYER = "ROOM_LABELS"
_COLOR, _LABEL_COLOR = 5, 8  # AutoCAD color index: blue, gray
_LABEL_HEIGHT = 1 / 150  # of the page's longer side


def encode(pages: Sequence[ExportPage]) -> bytes:
    """Closed polylines in the page's unit, origin at the lower left of the page as it is seen.

    Outlines where they are known, else boxes; name and area stand inside.

    Raises:
        MissingDependency: If ezdxf is not installed.
    """
    try:
        from ezdxf.enums import TextEntityAlignment  # noqa: PLC0415  # an extra
        from ezdxf.filemanagement import new  # noqa: PLC0415
    except ImportError as err:
        raise MissingDependency("DXF", "dxf") from err
    drawing = new("R2010")
    drawing.layers.add(LAYER, color=_COLOR)
    drawing.layers.add(LABEL_LAYER, color=_LABEL_COLOR)
    space = drawing.modelspace()
    for page in pages:
        height = max(page.sheet.width, page.sheet.height) * _LABEL_HEIGHT
        for room in page.rooms:
            x0, _, _, y1 = page.sheet.upward(room.box_xyxy_grid)
            ring = counterclockwise(page.sheet.ring_upward(room.outline_grid))
            space.add_lwpolyline(ring[:-1], close=True, dxfattribs={"layer": LAYER})
            text = f"{room.id} {room.confidence:.2f}"
            place = (x0 + height / 2, y1 - 1.5 * height)
            attributes = {"layer": LABEL_LAYER}
            space.add_text(text, height=height, dxfattribs={**attributes, "insert": place})
            x, y = place_inside(ring, at=0.85)
            for line in filter(None, (room.name_hint, str(room.area or ""))):
                written = space.add_text(line, height=height, dxfattribs=attributes)
                written.set_placement((x, y), align=TextEntityAlignment.MIDDLE_CENTER)
                y -= 1.5 * height
    file = io.StringIO()
    drawing.write(file)
    return file.getvalue().encode(drawing.output_encoding)
