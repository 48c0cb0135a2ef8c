# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an answer says of rooms beside their boxes, where that was asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from roomdet.areas import room_areas
from roomdet.errors import PageTooSlow
from roomdet.geometry import GRID
from roomdet.labels import name_rooms
from roomdet.outlines import MOST_PX, Outline
from roomdet.schema import Include

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from roomdet.areas import RoomArea
    from roomdet.geometry import Boxes, Detections, Pixels
    from roomdet.labels import RoomLabel
    from roomdet.ocr import TextReader
    from roomdet.outlines import Outliner
    from roomdet.page import Page
    from roomdet.schema import RequestOptions

Facts = dict[str, object]
_CONFIDENCE_DECIMALS = 2
# The page is read with a longer side of at most this: letters of an A1 sheet have 16 px then.
OCR_PX = 5600
_TOO_SLOW = "there was no time to see the page closely"


@dataclass(frozen=True, slots=True)
class Description:
    """What is answered of a page's rooms beside their boxes.

    Attributes:
        rooms: For each room the keys that its answer has more.
        is_cut_short: Whether time ended before all rooms were seen to.
    """

    rooms: list[Facts] = field(default_factory=list)
    is_cut_short: bool = False


class FactFinder:
    """Says of rooms what is asked for.

    Args:
        outliner: Draws their outlines.
        load_reader: Gives what reads text from pictures, None where nothing does; called for pages
            whose own text names no room.
        ocr_seconds: That reading a page may take.
    """

    def __init__(
        self, outliner: Outliner, load_reader: Callable[[], TextReader | None], ocr_seconds: float
    ) -> None:
        self._outliner, self._load_reader = outliner, load_reader
        self._ocr_seconds = ocr_seconds

    def find(
        self,
        page: Page,
        found: Detections,
        options: RequestOptions,
        sharp_pixels: Callable[[int], Pixels],
    ) -> Description:
        """Say of each room what was asked for.

        Args:
            page: With its lines of text.
            found: Its rooms, boxes as fractions of it.
            options: ``include`` says what.
            sharp_pixels: The page, uint8 RGB, shape ``(height, width, 3)``, with a longer side of
                so many pixels if it holds as many; called where pixels are needed.

        Raises:
            ModelError: If a network cannot be loaded, or answers with numbers that are none.
        """
        boxes_xyxy_norm = found.boxes_xyxy
        facts: list[Facts] = [{} for _ in boxes_xyxy_norm]
        asked, is_cut_short = options.include, False
        if Include.NAME in asked:
            labels, source = (
                name_rooms(page.lines, boxes_xyxy_norm, page.source_wh, found.scores),
                "text",
            )
            reader = None if any(labels) or not facts else self._load_reader()
            if reader is not None:
                source = "ocr"
                labels, is_cut_short = self._read(reader, page, found, sharp_pixels)
            _add(facts, (_named(label, source) for label in labels))
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
        return Description(facts, is_cut_short)

    def _read(
        self,
        reader: TextReader,
        page: Page,
        found: Detections,
        sharp_pixels: Callable[[int], Pixels],
    ) -> tuple[list[RoomLabel | None], bool]:
        """Names from the page's pixels, and whether there was no time for all of them."""
        ends_s = time.monotonic() + self._ocr_seconds
        try:
            pixels = sharp_pixels(OCR_PX)
        except PageTooSlow:  # it was read for the rooms; its time is over now
            return [None] * len(found), True
        reading = reader.read_lines(pixels, found.boxes_xyxy, ends_s=ends_s)
        labels = name_rooms(reading.lines, found.boxes_xyxy, page.source_wh, found.scores)
        return labels, reading.is_cut_short

    def _outline(
        self, sharp_pixels: Callable[[int], Pixels], boxes_xyxy_norm: Boxes
    ) -> list[Outline]:
        try:
            pixels = sharp_pixels(MOST_PX)
        except PageTooSlow:
            return [Outline(None, 0.0, _TOO_SLOW)] * len(boxes_xyxy_norm)
        return self._outliner.outlines(pixels, boxes_xyxy_norm)


def _add(facts: Sequence[Facts], more: Iterable[Facts]) -> None:
    for known, new in zip(facts, more, strict=True):
        known.update(new)


def _named(label: RoomLabel | None, source: str) -> Facts:
    if label is None:
        return {"name_hint": None}
    confidence = round(label.confidence, _CONFIDENCE_DECIMALS)
    return {"name_hint": label.name, "name_source": source, "name_confidence": confidence}


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
