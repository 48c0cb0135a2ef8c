# SPDX-License-Identifier: AGPL-3.0-or-later
"""One page seen level by level, as deep as what is on it asks for; one answer of all levels.

Who calls it reads the page and keeps the time::

    inspection = Inspection(detector, page, options, ceiling)
    while side_px := inspection.next_side_px():
        inspection.look(page_pixels_at(side_px))
    rooms = inspection.rooms()

Why it is built so: docs/decisions/0027-sliced-inference.md.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from roomdet.evidence import InkMap
from roomdet.geometry import Boxes, Detections, areas, fit_within
from roomdet.merging import Level, merge
from roomdet.schema import Detail, RequestOptions
from roomdet.slices import Slice, cover, cut, level_sides

if TYPE_CHECKING:
    from roomdet.detector import Detector
    from roomdet.geometry import Pixels
    from roomdet.page import Page

# A page is a sheet where this share of its ink is in no room that is large enough on the first
# level: 1 in 10 of CubiCasa5k's plans and none of R3D's have as much, 19 of 20 sheets have.
SHEET_INK_SHARE = 0.45
# So is one on which at least so many rooms were found and such a share of them smaller than this:
# plans of several flats side by side, whose ink lies in rooms that are found, but not well
# (docs/decisions/0026-a-closer-look.md).
MANY_ROOMS, SMALL_SHARE, SMALL_PX = 8, 0.75, 90
# Rooms of this side (root of the area, px) are seen well enough to tell that a page is no sheet;
# and of this one, so well that the next level would only show them too large.
ENOUGH_PX, PLENTY_PX = 60, 120
THIN_PX = 60  # a corridor of this width is as small as a closet, however long it is
# The default of the option `iou` there: boxes of L-shaped rooms overlap those in their corners, and
# that all candidates of one place are one room was seen to by then.
SHEET_IOU = 0.5
# Less ink than this in no such room is dust; in blocks of the first level that are nothing but ink.
# A flat on a fifteenth of a sheet's width has more.
OPEN_INK = 3.0
# A slice whose samples differ by less than this is blank, of 255.
BLANK_RANGE = 16
# After so many levels a place where not even a guess of a small room was made has none, and the
# next level is seen where there are such guesses.
TRUSTED_LEVELS, LEAST_GUESS = 3, 0.1


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What an operator grants to a page.

    Attributes:
        levels: At most so many levels, 1 or more.
        ends_s: No slice is begun at or after this time, of :func:`time.monotonic`.
    """

    levels: int
    ends_s: float


class Inspection:
    """A page on its way through the levels of its pyramid.

    Args:
        detector: Answers for one canvas.
        page: The page on the first level, with a longer side of ``detector.input_px``.
        options: Of the request. Which levels are seen depends on ``detail`` alone.
        ceiling: What is granted.

    Attributes:
        slices: Slices that were shown to the network so far; the first level is one.
        largest_px: Longer side of the largest level that was looked at.
        deepest_px: Longer side of the largest level that may be asked for.
        is_cut_short: Whether the ceiling's time ended it.

    Raises:
        ModelError: If the network answers with numbers that are none.
    """

    def __init__(
        self, detector: Detector, page: Page, options: RequestOptions, ceiling: Ceiling
    ) -> None:
        self._detector, self._page = detector, page
        self._options, self._ceiling = options, ceiling
        most = 1 if options.detail is Detail.PAGE else ceiling.levels
        sides_px = level_sides(detector.input_px, page.native_px, most)
        self.largest_px, self.deepest_px = sides_px[0], sides_px[-1]
        self._further_px = sides_px[1:]
        self._ink = InkMap.of(page.pixels) if self._further_px else None
        self._first = detector.predict(page.pixels)
        self._levels: list[Level] = []  # empty until there is more than the first
        self._wanted: list[Slice] = []
        self.slices = 1
        self.is_cut_short = False

    @property
    def level_count(self) -> int:
        """Levels that were looked at, in part at least."""
        return max(1, len(self._levels))

    @property
    def left_s(self) -> float:
        """Seconds that are left of what is granted, 0 or more."""
        return max(0.0, self._ceiling.ends_s - time.monotonic())

    def cut_short(self) -> None:
        """Say that no further level comes in time."""
        self.is_cut_short = True

    def next_side_px(self) -> int | None:
        """Longer side of the level to look at next; None where enough was seen."""
        if self._ink is None:
            return None
        if not self._levels:
            if not self._is_sheet(self._ink) or _is_blank(self._page.pixels):
                return None
            found = self._first.candidates()
            height, width = self._page.pixels.shape[:2]
            whole = Slice(0, 0, width, height)
            self._levels.append(Level((width, height), (whole,), found.boxes_xyxy, found.scores))
        while self._further_px:
            side_px = self._further_px.pop(0)
            self._wanted = self._worth_seeing(side_px, self._ink)
            if self._wanted:
                return None if self._is_time_over() else side_px
        return None

    def look(self, pixels: Pixels) -> None:
        """See the level that was asked for, slice by slice.

        Args:
            pixels: uint8 RGB, shape ``(height, width, 3)``, the longer side as asked for.

        Raises:
            ModelError: If the network answers with numbers that are none.
        """
        size_wh = (pixels.shape[1], pixels.shape[0])
        found: list[tuple[Slice, Detections]] = []
        for part in self._wanted:
            shown = pixels[part.y0 : part.y1, part.x0 : part.x1]
            if _is_blank(shown):
                continue
            if self._is_time_over():
                break
            candidates = self._detector.predict(shown).candidates()
            corner = np.array([part.x0, part.y0] * 2, np.float32)
            found.append((part, Detections(candidates.boxes_xyxy + corner, candidates.scores)))
        if found:
            self.slices += len(found)
            self.largest_px = max(size_wh)
            self._levels.append(Level.of(found, size_wh))

    def rooms(self) -> Detections:
        """The rooms of all levels, boxes as fractions of the page, the surest first."""
        options = self._options
        if len(self._levels) <= 1:
            return self._first.voted_rooms(options)
        iou = SHEET_IOU if options.iou == RequestOptions().iou else options.iou
        found = merge(self._levels, confidence=options.confidence, iou=iou)
        kept = slice(options.max_rooms)
        return Detections(found.boxes_xyxy[kept], found.scores[kept])

    def _is_sheet(self, ink: InkMap) -> bool:
        """Whether rooms are many and small, or much ink is in no room that is large enough.

        Or the caller says so.
        """
        if self._options.detail is Detail.SHEET:
            return True
        rooms = self._first.rooms(RequestOptions()).boxes_xyxy
        width, height = self._page.pixels.shape[1::-1]
        areas_px = areas(rooms) * (width * height)
        if len(rooms) >= MANY_ROOMS and (areas_px < SMALL_PX**2).mean() >= SMALL_SHARE:
            return True
        left = ink.without(rooms[areas_px >= ENOUGH_PX**2]).amount
        return left > SHEET_INK_SHARE * ink.amount

    def _worth_seeing(self, side_px: int, ink: InkMap) -> list[Slice]:
        """Slices of the next level that may show what the levels so far do not."""
        size_wh, input_px = fit_within(self._page.source_wh, side_px), self._detector.input_px
        if self._options.detail is Detail.SHEET:
            return cut(size_wh, input_px)
        last = self._levels[-1]
        size_wh_twice = np.array(last.size_wh_px * 2, np.float32)
        fractions: Boxes = last.boxes_xyxy / size_wh_twice
        shorter = (last.boxes_xyxy[:, 2:] - last.boxes_xyxy[:, :2]).min(axis=1)
        is_small = (areas(last.boxes_xyxy) < PLENTY_PX**2) | (shorter < THIN_PX)
        if len(self._levels) >= TRUSTED_LEVELS:
            guesses: Boxes = fractions[is_small & (last.scores >= LEAST_GUESS)]
            return cover(guesses * np.array(size_wh * 2, np.float32), size_wh, input_px)
        is_sure = last.scores >= RequestOptions().confidence
        open_ink = ink.without(fractions[is_sure & ~is_small])
        parts = cut(size_wh, input_px)
        return [part for part in parts if open_ink.blocks_in(part, size_wh) >= OPEN_INK]

    def _is_time_over(self) -> bool:
        self.is_cut_short = self.is_cut_short or time.monotonic() >= self._ceiling.ends_s
        return self.is_cut_short


def _is_blank(pixels: Pixels) -> bool:
    return int(pixels.max()) - int(pixels.min()) < BLANK_RANGE
