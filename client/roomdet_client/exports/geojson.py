# SPDX-License-Identifier: AGPL-3.0-or-later
"""GeoJSON of a page: polygons in points or pixels, y upward (RFC 7946 but for its degrees)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roomdet_client.exports.page import LABEL, facts_of
from roomdet_client.outline import counterclockwise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.exports.page import ExportPage


def feature(page: ExportPage, index: int) -> dict[str, Any]:
    """One room: its outline, or its box where there is none.

    The ring is closed and runs counterclockwise.
    """
    room = page.rooms[index]
    ring = counterclockwise(page.sheet.ring_upward(room.outline_grid))
    return {
        "type": "Feature",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[round(x, 2), round(y, 2)] for x, y in ring]],
        },
        "properties": {
            "id": room.id,
            "label": LABEL,
            "confidence": room.confidence,
            "file": page.file,
            "page": page.page,
            "unit": page.sheet.unit,
            **facts_of(room),
            **room.more,
        },
    }


def encode(pages: Sequence[ExportPage]) -> bytes:
    """All rooms of the pages."""
    features = [feature(page, index) for page in pages for index in range(len(page.rooms))]
    return (json.dumps({"type": "FeatureCollection", "features": features}) + "\n").encode()
