# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an answer says of rooms beside their boxes, where that was asked for."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from roomdet.areas import room_areas
from roomdet.errors import PageTooSlow
from roomdet.geometry import GRID
from roomdet.labels import find_labels, name_rooms, place_labels
from roomdet.nooks import has_walls
from roomdet.outlines import MOST_PX, TOO_SLOW, Outline
from roomdet.schema import Include

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from roomdet.areas import RoomArea
    from roomdet.geometry import Boxes, Detections, Pixels
    from roomdet.labels import RoomLabel
    from roomdet.linework import Linework
    from roomdet.ocr import TextReader
    from roomdet.outlines import Outliner
    from roomdet.page import Page
    from roomdet.schema import RequestOptions

Facts = dict[str, object]
_CONFIDENCE_DECIMALS = 2
# The page is drawn for outlines so large that but this share of its rooms have shorter sides of so
# many pixels, and with a longer side of no less: a flat has few and large rooms.
_SMALL_ROOMS, _OUTLINE_ROOM_PX, _LEAST_OUTLINE_PX = 0.1, 160, 1280
# The page is read with a longer side of at most this: letters of an A1 sheet have 16 px then.
OCR_PX = 5600
# Of what the page holds, up to that, letters are not recognized on less than this share.
_LEAST_SHARPNESS = 0.5


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
        *,
        ends_s: float = math.inf,
    ) -> Description:
        """Say of each room what was asked for.

        Args:
            page: With its lines of text.
            found: Its rooms, boxes as fractions of it.
            options: ``include`` says what.
            sharp_pixels: The page, uint8 RGB, shape ``(height, width, 3)``, with a longer side of
                so many pixels if it holds as many; called where pixels are needed.
            ends_s: Nothing long is begun at or after this time, of :func:`time.monotonic`.

        Raises:
            ModelError: If a network cannot be loaded, or answers with numbers that are none.
        """
        facts: list[Facts] = [{} for _ in found.scores]
        asked, is_cut_short = options.include, False
        outlines: list[Outline] = []
        if Include.POLYGON in asked or Include.AREA in asked:  # before names, which take long
            outlines = self._outline(found.boxes_xyxy, page.linework, sharp_pixels, ends_s)
            is_cut_short = any(outline.reason == TOO_SLOW for outline in outlines)
        placed = (
            find_labels(page.lines, page.source_wh, found.boxes_xyxy)
            if asked - {Include.POLYGON}
            else []
        )
        if Include.NAME in asked:
            labels = place_labels(placed, found.boxes_xyxy, found.scores)
            source = "text"
            reader = None if any(labels) or not facts else self._load_reader()
            if reader is not None:
                source, reading_ends_s = "ocr", min(ends_s, time.monotonic() + self._ocr_seconds)
                labels, is_late = _read(reader, page, found, sharp_pixels, reading_ends_s)
                is_cut_short = is_cut_short or is_late
            _add(facts, (_named(label, source) for label in labels))
        if Include.POLYGON in asked:
            _add(facts, map(_outlined, outlines))
        if Include.AREA in asked:
            areas = room_areas(
                [outline.polygon for outline in outlines],
                found.boxes_xyxy,
                page.lines,
                page.paper_wh_pt,
                options.asked_scale,
                [outline.is_sure for outline in outlines],
                labels=placed if page.paper_wh_pt == page.source_wh else None,
            )
            _add(facts, map(_measured, areas))
        return Description(facts, is_cut_short)

    def _outline(
        self,
        boxes_xyxy_norm: Boxes,
        linework: Linework,
        sharp_pixels: Callable[[int], Pixels],
        ends_s: float,
    ) -> list[Outline]:
        try:
            pixels = sharp_pixels(_outline_px(boxes_xyxy_norm))
        except PageTooSlow:  # it was read for the rooms; its time is over now
            return [Outline(None, 0.0, TOO_SLOW)] * len(boxes_xyxy_norm)
        return self._outliner.outlines(pixels, boxes_xyxy_norm, linework, ends_s=ends_s)


def _outline_px(boxes_xyxy_norm: Boxes) -> int:
    """Longer side of the page at which nearly all rooms are as large as outlines need them."""
    if not len(boxes_xyxy_norm):
        return _LEAST_OUTLINE_PX
    shorter = (boxes_xyxy_norm[:, 2:] - boxes_xyxy_norm[:, :2]).min(axis=1)
    small = max(float(np.quantile(shorter, _SMALL_ROOMS)), 1 / MOST_PX)
    return int(np.clip(_OUTLINE_ROOM_PX / small, _LEAST_OUTLINE_PX, MOST_PX))


def _read(
    reader: TextReader,
    page: Page,
    found: Detections,
    sharp_pixels: Callable[[int], Pixels],
    ends_s: float,
) -> tuple[list[RoomLabel | None], bool]:
    """Names from the page's pixels, and whether there was no time for all of them."""
    nothing: list[RoomLabel | None] = [None] * len(found)
    try:
        pixels = sharp_pixels(OCR_PX)
    except PageTooSlow:
        return nothing, True
    if max(pixels.shape) < _LEAST_SHARPNESS * min(OCR_PX, page.native_px):
        return nothing, False  # the server may not see it as it is; letters would be guesses
    reading = reader.read_lines(pixels, found.boxes_xyxy, ends_s=ends_s)
    is_part = parts_on(pixels, found.boxes_xyxy)
    labels = name_rooms(reading.lines, found.boxes_xyxy, page.source_wh, found.scores, is_part)
    return labels, reading.is_cut_short


def parts_on(pixels: Pixels, boxes_xyxy_norm: Boxes) -> Callable[[int, int], bool]:
    """What says whether no wall is drawn between a room and the one that holds it, by indices.

    Args:
        pixels: The page, uint8 RGB, shape ``(height, width, 3)``.
        boxes_xyxy_norm: float32, shape ``(n, 4)``, the rooms as fractions of the page.
    """
    corners = boxes_xyxy_norm.astype(np.float64)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    corners_px = corners * pixels.shape[1::-1]

    def is_part(inner: int, outer: int) -> bool:
        return not has_walls(corners_px[inner], corners_px[outer], pixels[..., 1])

    return is_part


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
