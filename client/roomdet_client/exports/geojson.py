# SPDX-License-Identifier: AGPL-3.0-or-later
"""GeoJSON of a page: polygons in points or pixels, y upward (RFC 7946 but for its degrees)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roomdet_client.exports.page import LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.exports.page import ExportPage


def feature(page: ExportPage, index: int) -> dict[str, Any]:
    """One room; its ring is closed and runs counterclockwise."""
    room = page.rooms[index]
    x0, y0, x1, y1 = (round(value, 2) for value in page.sheet.upward(room.box_xyxy_grid))
    return {
        "type": "Feature",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]],
        },
        "properties": {
            "id": room.id,
            "label": LABEL,
            "confidence": room.confidence,
            "file": page.file,
            "page": page.page,
            "unit": page.sheet.unit,
            **room.more,
        },
    }


def encode(pages: Sequence[ExportPage]) -> bytes:
    """All rooms of the pages."""
    features = [feature(page, index) for page in pages for index in range(len(page.rooms))]
    return (json.dumps({"type": "FeatureCollection", "features": features}) + "\n").encode()
