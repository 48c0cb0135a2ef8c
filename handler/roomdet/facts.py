# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an answer says of rooms beside their boxes, where that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from roomdet.areas import room_areas
from roomdet.errors import PageTooSlow
from roomdet.geometry import GRID
from roomdet.labels import name_rooms
from roomdet.outlines import Outline
from roomdet.schema import Include

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from roomdet.areas import RoomArea
    from roomdet.geometry import Boxes, Pixels
    from roomdet.labels import RoomLabel
    from roomdet.outlines import Outliner
    from roomdet.page import Page
    from roomdet.schema import RequestOptions

Facts = dict[str, object]
_CONFIDENCE_DECIMALS = 2
_TOO_SLOW = "there was no time to see the page closely"


class FactFinder:
    """Says of rooms what is asked for.

    Args:
        outliner: Draws their outlines.
    """

    def __init__(self, outliner: Outliner) -> None:
        self._outliner = outliner

    def find(
        self,
        page: Page,
        boxes_xyxy_norm: Boxes,
        options: RequestOptions,
        sharp_pixels: Callable[[], Pixels],
    ) -> list[Facts]:
        """Say of each room what was asked for.

        Args:
            page: With its lines of text.
            boxes_xyxy_norm: float32, shape ``(n, 4)``, the rooms as fractions of the page.
            options: ``include`` says what.
            sharp_pixels: The page, uint8 RGB, shape ``(height, width, 3)``, as sharp as outlines
                need it; called where they are asked for.

        Returns:
            For each room the keys that its answer has more.
        """
        facts: list[Facts] = [{} for _ in boxes_xyxy_norm]
        asked = options.include
        if Include.NAME in asked:
            _add(facts, map(_named, name_rooms(page.lines, boxes_xyxy_norm, page.source_wh)))
        if Include.POLYGON in asked or Include.AREA in asked:
            outlines = self._outline(sharp_pixels, boxes_xyxy_norm)
            if Include.POLYGON in asked:
                _add(facts, map(_outlined, outlines))
            if Include.AREA in asked:
                areas = room_areas(
                    [outline.polygon for outline in outlines],
                    boxes_xyxy_norm,
                    page.lines,
                    page.paper_wh_pt,
                    options.asked_scale,
                )
                _add(facts, map(_measured, areas))
        return facts

    def _outline(self, sharp_pixels: Callable[[], Pixels], boxes_xyxy_norm: Boxes) -> list[Outline]:
        try:
            pixels = sharp_pixels()
        except PageTooSlow:  # it was read for the rooms; its time is over now
            return [Outline(None, 0.0, _TOO_SLOW)] * len(boxes_xyxy_norm)
        return self._outliner.outlines(pixels, boxes_xyxy_norm)


def _add(facts: Sequence[Facts], more: Iterable[Facts]) -> None:
    for known, new in zip(facts, more, strict=True):
        known.update(new)


def _named(label: RoomLabel | None) -> Facts:
    if label is None:
        return {"name_hint": None}
    confidence = round(label.confidence, _CONFIDENCE_DECIMALS)
    return {"name_hint": label.name, "name_source": "text", "name_confidence": confidence}


def _outlined(outline: Outline) -> Facts:
    if outline.polygon is None:
        return {"polygon": None, "polygon_reason": outline.reason}
    return {"polygon": to_grid(outline.polygon)}


def to_grid(polygon: npt.NDArray[np.floating]) -> list[list[float]]:
    """A polygon as it is answered: in thousandths with one decimal, its first corner repeated.

    Args:
        polygon: Shape ``(k, 2)``, fractions of the page, implicitly closed.
    """
    corners = (polygon * GRID).round(1)
    closed: list[list[float]] = np.concatenate([corners, corners[:1]]).tolist()
    return closed


def _measured(area: RoomArea) -> Facts:
    if area.m2 is None:
        return {"area": None, "area_reason": area.reason}
    measured: Facts = {"m2": area.m2, "scale": area.scale, "scale_source": area.scale_source}
    if area.printed_m2 is not None:
        measured |= {"printed_m2": area.printed_m2, "agrees": area.agrees}
    return {"area": measured}
