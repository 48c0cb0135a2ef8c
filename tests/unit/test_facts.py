# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is answered of rooms beside their boxes, put together of what others find out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from roomdet.areas import NO_POLYGON, NO_SIZE, NOT_SURE
from roomdet.errors import PageTooSlow
from roomdet.facts import Description, FactFinder, to_grid
from roomdet.geometry import Detections
from roomdet.linework import NONE
from roomdet.ocr import Reading, TextReader
from roomdet.outlines import MOST_PX, UNCLEAR, Outline
from roomdet.page import Page
from roomdet.schema import Include, RequestOptions
from roomdet.texts import TextLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomdet.facts import Facts
    from roomdet.geometry import Boxes, Pixels
    from roomdet.linework import Linework

PAPER_PT = (1000.0, 500.0)
BOXES = np.array([(0.1, 0.1, 0.3, 0.5), (0.5, 0.1, 0.9, 0.9)], np.float32)
FOUND = Detections(BOXES, np.array([0.9, 0.8], np.float32))
LINES = (
    TextLine("KITCHEN", (0.15, 0.25, 0.25, 0.28)),
    TextLine("12.4 m²", (0.15, 0.28, 0.25, 0.31)),
    TextLine("SCALE 1:100", (0.9, 0.95, 0.98, 0.98)),
)
PIXELS = np.full((50, 100, 3), 255, np.uint8)
SQUARE = Outline(np.array([(0.1, 0.1), (0.3, 0.1), (0.3, 0.5), (0.1, 0.5)]), 0.95)


@dataclass
class ToldOutliner:
    """Draws what it is told, and counts what it was shown."""

    found: list[Outline] = field(default_factory=lambda: [SQUARE, Outline(None, 0.3, UNCLEAR)])
    shown: list[Pixels] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def outlines(
        self,
        pixels: Pixels,
        _boxes_xyxy_norm: Boxes,
        linework: Linework = NONE,
        *,
        ends_s: float = 0,
    ) -> list[Outline]:
        """What it was told."""
        assert ends_s > 0
        self.lines.append(len(linework))
        self.shown.append(pixels)
        return self.found


@dataclass
class ToldReader(TextReader):
    """Reads what it is told."""

    reading: Reading

    def read_lines(self, _pixels: Pixels, _boxes: Boxes, *, ends_s: float) -> Reading:
        """What it was told, in time."""
        assert ends_s > time.monotonic()
        return self.reading


def sharp(_side_px: int) -> Pixels:
    """The page as it is seen closely."""
    return PIXELS


def facts(
    *include: Include,
    outliner: ToldOutliner | None = None,
    paper_wh_pt: tuple[float, float] | None = PAPER_PT,
    scale: str = "",
    sharp_pixels: Callable[[int], Pixels] = sharp,
) -> list[Facts]:
    """What is answered of two rooms on a page of 1000 by 500 points."""
    page = Page(PIXELS, PAPER_PT, float("inf"), 5000, 1, 1, lines=LINES, paper_wh_pt=paper_wh_pt)
    options = RequestOptions(include=frozenset(include), scale=scale)
    finder = FactFinder(outliner or ToldOutliner(), never_loaded, 8)
    return finder.find(page, FOUND, options, sharp_pixels).rooms


def never_loaded() -> TextReader | None:
    """The page has text of its own."""
    raise AssertionError("text is not recognized where it can be read")


def named_by_picture(
    reader: TextReader | None, sharp_pixels: Callable[[int], Pixels] = sharp
) -> Description:
    """What is answered of two rooms on a page without text."""
    page = Page(PIXELS, (100, 50), 100, 5000, 1, 1)
    options = RequestOptions(include=frozenset({Include.NAME}))
    return FactFinder(ToldOutliner(), lambda: reader, 8).find(page, FOUND, options, sharp_pixels)


def test_name_needs_no_pixels() -> None:
    """Text is there already; nothing is read again, and the other keys are not there."""
    outliner = ToldOutliner()
    first, second = facts(Include.NAME, outliner=outliner)
    assert {"name_hint": "KITCHEN", "name_source": "text", "name_confidence": 1.0} == first
    assert {"name_hint": None} == second
    assert [] == outliner.shown


def test_polygon_is_closed_and_in_thousandths() -> None:
    """Or there is none, and a reason."""
    first, second = facts(Include.POLYGON)
    corners = [[100.0, 100.0], [300.0, 100.0], [300.0, 500.0], [100.0, 500.0], [100.0, 100.0]]
    assert {"polygon": corners} == first
    assert {"polygon": None, "polygon_reason": UNCLEAR} == second


def test_area_is_measured_without_answering_the_polygon() -> None:
    """200 by 200 pt at 1:100 are 7.06 m by 7.06 m; printed is another area."""
    first, second = facts(Include.AREA)
    side_m = 200 * 0.0254 / 72 * 100
    measured = first["area"]
    assert isinstance(measured, dict)
    assert {"scale": "1:100", "scale_source": "note"}.items() <= measured.items()
    assert side_m**2 == pytest.approx(measured["m2"], abs=0.01)
    assert (12.4, False) == (measured["printed_m2"], measured["agrees"])
    assert {"area", "area_reason"} == set(second)
    assert second["area"] is None


def test_scale_of_the_request_comes_before_that_of_the_page() -> None:
    """Half the scale, a quarter of the area."""
    own, asked = (facts(Include.AREA, scale=scale)[0]["area"] for scale in ("", "1:50"))
    assert isinstance(own, dict)
    assert isinstance(asked, dict)
    assert ("1:50", "request") == (asked["scale"], asked["scale_source"])
    assert own["m2"] / 4 == pytest.approx(asked["m2"], abs=0.01)


def test_picture_has_no_area() -> None:
    """Its pixels say nothing of its paper, whatever scale is written on it."""
    expected = {"area": None, "area_reason": NO_SIZE}
    assert [expected] * 2 == facts(Include.AREA, paper_wh_pt=None)


def test_all_at_once_look_once() -> None:
    """Polygons that are answered are those that are measured."""
    outliner = ToldOutliner()
    first, _ = facts(*Include, outliner=outliner)
    assert ["name_hint", "name_source", "name_confidence", "polygon", "area"] == list(first)
    assert 1 == len(outliner.shown)


def too_slow(_side_px: int) -> Pixels:
    """No page."""
    raise PageTooSlow("10 s")


def test_page_without_text_is_read_by_its_pixels() -> None:
    """With its source and how sure it is; what was not seen to in time is said."""
    lines = [TextLine("Kök", (0.15, 0.25, 0.25, 0.28), 0, 0.876)]
    first, second = named_by_picture(ToldReader(Reading(lines))).rooms
    assert {"name_hint": "Kök", "name_source": "ocr", "name_confidence": 0.88} == first
    assert {"name_hint": None} == second
    late = named_by_picture(ToldReader(Reading(lines, is_cut_short=True)))
    assert ("Kök", True) == (late.rooms[0]["name_hint"], late.is_cut_short)


@pytest.mark.parametrize("has_wall", [False, True])
def test_room_is_named_by_its_part_if_no_wall_is_between(*, has_wall: bool) -> None:
    """A part around a label is found as a room of its own at times."""
    boxes = np.array([(0.1, 0.1, 0.9, 0.9), (0.1, 0.1, 0.5, 0.9)], np.float32)
    page = np.full((200, 400, 3), 255, np.uint8)
    page[20:180, [40, 360]] = page[[20, 180], 40:360] = 0
    page[20:180, 200] = 0 if has_wall else 255
    lines = [TextLine("Kontor", (0.2, 0.4, 0.3, 0.43), 0, 0.95)]
    described = FactFinder(ToldOutliner(), lambda: ToldReader(Reading(lines)), 8).find(
        Page(page, (400, 200), 400, 80000, 1, 1),
        Detections(boxes, np.array([0.9, 0.8], np.float32)),
        RequestOptions(include=frozenset({Include.NAME})),
        lambda _side_px: page,
    )
    names = [room["name_hint"] for room in described.rooms]
    assert names == [None if has_wall else "Kontor", "Kontor"]


def test_without_recognition_a_picture_names_nothing() -> None:
    """As where the extra is not installed."""
    assert Description([{"name_hint": None}] * 2) == named_by_picture(None)


def test_picture_that_cannot_be_seen_closely_in_time_names_nothing() -> None:
    """And it is said."""
    found = named_by_picture(ToldReader(Reading([])), too_slow)
    assert Description([{"name_hint": None}] * 2, is_cut_short=True) == found


def test_page_that_cannot_be_seen_closely_in_time_has_no_outlines() -> None:
    """The rooms were found: they are answered, and the reason."""
    for room in facts(Include.POLYGON, Include.AREA, sharp_pixels=too_slow):
        assert room["polygon"] is None
        assert room["area"] is None
        assert "no time" in str(room["polygon_reason"])


def test_corner_on_the_grid() -> None:
    """One decimal of a thousandth."""
    corners = np.array([(0.12344, 0.5), (0.2, 0.99999), (0.0, 1.0)])
    assert [[123.4, 500.0], [200.0, 1000.0], [0.0, 1000.0], [123.4, 500.0]] == to_grid(corners)


@pytest.mark.parametrize(
    ("sides", "expected_px"),
    [([0.1] * 10, 1600), ([0.01] * 10, MOST_PX), ([0.5], 1280), ([], 1280)],
)
def test_page_is_seen_as_closely_as_its_rooms_are_small(
    sides: list[float], expected_px: int
) -> None:
    """A flat need not be drawn like a sheet; a sheet is drawn no larger than for its rooms."""
    asked: list[int] = []

    def note(side_px: int) -> Pixels:
        asked.append(side_px)
        return PIXELS

    boxes = np.array([(0, 0, side, 0.9) for side in sides], np.float32).reshape(-1, 4)
    found = Detections(boxes, np.full(len(sides), 0.9, np.float32))
    page = Page(PIXELS, PAPER_PT, float("inf"), 5000, 1, 1)
    options = RequestOptions(include=frozenset({Include.POLYGON}))
    told = ToldOutliner([SQUARE] * len(sides))
    FactFinder(told, never_loaded, 8).find(page, found, options, note)
    assert [expected_px] == pytest.approx(asked, abs=1)


def test_outlines_are_drawn_between_the_pages_lines() -> None:
    """What the file says of its lines is handed on with the pixels."""
    outliner = ToldOutliner()
    linework = np.zeros((3, 4), np.float32)
    page = Page(PIXELS, PAPER_PT, float("inf"), 5000, 1, 1, linework=linework)
    options = RequestOptions(include=frozenset({Include.POLYGON}))
    FactFinder(outliner, never_loaded, 8).find(page, FOUND, options, sharp)
    assert outliner.lines == [3]


def test_a_room_that_may_not_be_measured_keeps_its_polygon() -> None:
    """Its area is refused, with a reason."""
    lines = (LINES[0], LINES[2])  # nothing is printed that would agree
    page = Page(PIXELS, PAPER_PT, float("inf"), 5000, 1, 1, lines=lines, paper_wh_pt=PAPER_PT)
    options = RequestOptions(include=frozenset({Include.POLYGON, Include.AREA}))
    outliner = ToldOutliner([replace(SQUARE, is_sure=False), Outline(None, 0.3, UNCLEAR)])
    first, second = FactFinder(outliner, never_loaded, 8).find(page, FOUND, options, sharp).rooms
    assert first["polygon"]
    assert (first["area"], first["area_reason"]) == (None, NOT_SURE)
    assert second["area_reason"] == NO_POLYGON
