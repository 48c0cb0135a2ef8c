# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rooms have areas where their scale is known, and those that are printed are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomdet.areas import NO_POLYGON, NO_SIZE, NOT_SURE, RoomArea, area_m2, parse_area, room_areas
from roomdet.scale import NO_SCALE
from roomdet.scale_notes import asked_scale
from tests.unit.placed import PAGE_WH_PT, line

if TYPE_CHECKING:
    from roomdet.texts import TextLine

if TYPE_CHECKING:
    import numpy.typing as npt

PT = 1 / (0.0254 / 72 * 100)  # of a meter at 1:100: 28.35
NOTE = line("1:100", 300, 1600)


def polygon(*corners_m: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Corners in meters at 1:100, from 200 points left and above on."""
    return (np.array(corners_m) * PT + 200) / PAGE_WH_PT


def rectangle(x: float, y: float, w: float, h: float) -> npt.NDArray[np.float64]:
    """The same of a rectangle."""
    return polygon((x, y), (x + w, y), (x + w, y + h), (x, y + h))


def boxes(*polygons: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Their boxes."""
    return np.array([[*p.min(axis=0), *p.max(axis=0)] for p in polygons])


ROOM = rectangle(0, 0, 4, 3)
ELL = polygon((5, 0), (9, 0), (9, 2), (7, 2), (7, 5), (5, 5))


def test_areas_are_of_the_polygons() -> None:
    """12 m² and, shaped like an L, 14 m²; at the scale of the page, with its source."""
    found = room_areas([ROOM, ELL], boxes(ROOM, ELL), [NOTE], PAGE_WH_PT)

    assert found == [RoomArea(12.0, "1:100", "note"), RoomArea(14.0, "1:100", "note")]
    assert [area.agrees for area in found] == [None, None]


def test_feet_give_square_meters() -> None:
    """At 1/8" to the foot a square of an inch is 64 square feet."""
    inch = np.array([(100, 100), (172, 100), (172, 172), (100, 172)]) / PAGE_WH_PT
    lines = [line('1/8" = 1\'-0"', 300, 1600)]

    (found,) = room_areas([inch], boxes(inch), lines, PAGE_WH_PT)

    assert found.m2 == pytest.approx(64 * 0.09290304, abs=0.005)


def test_the_direction_of_corners_does_not_matter() -> None:
    """Nor where a page's corner is."""
    assert area_m2(ROOM[::-1], PAGE_WH_PT, 100) == pytest.approx(12)
    assert area_m2(ROOM + 0.3, PAGE_WH_PT, 100) == pytest.approx(12)


@pytest.mark.parametrize(
    ("text", "printed", "agrees"),
    [("12,3 m²", 12.3, True), ("131 SF", 12.17, True), ("13.5 m2", 13.5, False)],
)
def test_a_printed_area_agrees_or_not(text: str, printed: float, *, agrees: bool) -> None:
    """Within 5 %, and is told in either case."""
    label = line(text, 200 + 2 * PT, 200 + 2 * PT, height=4)

    (found,) = room_areas([ROOM], boxes(ROOM), [NOTE, label], PAGE_WH_PT)

    assert (found.m2, found.printed_m2, found.agrees) == (12.0, printed, agrees)


def test_a_room_that_is_not_sure_has_an_area_if_what_is_printed_agrees() -> None:
    """A number that two sources give; beside another one, or without one, there is none."""
    agreeing, other = (
        line(text, 200 + 2 * PT, 200 + 2 * PT, height=4) for text in ("12.1 m²", "9 m²")
    )

    def area(*lines: TextLine) -> RoomArea:
        (found,) = room_areas([ROOM], boxes(ROOM), [NOTE, *lines], PAGE_WH_PT, are_sure=[False])
        return found

    assert area(agreeing) == RoomArea(12.0, "1:100", "note", 12.1)
    assert area(other) == area() == RoomArea(reason=NOT_SURE)


def test_a_printed_area_is_of_the_smallest_room_that_holds_it() -> None:
    """A closet in a room; two areas in one room are of parts of it."""
    inner = rectangle(1, 1, 1, 1)
    hall = rectangle(10, 0, 8, 4)
    lines = [
        NOTE,
        line("1 m²", 200 + 1.5 * PT, 200 + 1.5 * PT, height=4),
        line("11 m²", 200 + 3 * PT, 200 + 2.5 * PT, height=4),
        line("20 m²", 200 + 12 * PT, 200 + 2 * PT, height=4),
        line("12 m²", 200 + 16 * PT, 200 + 2 * PT, height=4),
    ]

    found = room_areas([ROOM, inner, hall], boxes(ROOM, inner, hall), lines, PAGE_WH_PT)

    assert [area.printed_m2 for area in found] == [11, 1, None]


def test_the_area_of_a_label_is_where_its_name_is() -> None:
    """Below a closet whose label is larger than it, in the room beside it."""
    closet = rectangle(0, 0, 1.2, 0.8)
    hall = rectangle(0, 0.9, 4, 4)
    x, y = 200 + 0.6 * PT, 200 + 0.5 * PT
    label = [line("STORAGE", x, y, height=5), line("0.96 m²", x, y + 13, height=5)]
    label.insert(1, line("136A", x, y + 6.5, height=5))

    closets, halls = room_areas(
        [closet, hall], boxes(closet, hall), [NOTE, *label], PAGE_WH_PT
    )  # fmt: skip

    assert (closets.m2, closets.printed_m2, closets.agrees) == (0.96, 0.96, True)
    assert halls.printed_m2 is None


def test_without_polygon_scale_or_paper_there_is_a_reason() -> None:
    """Never a number."""
    assert room_areas([None], boxes(ROOM), [NOTE], PAGE_WH_PT) == [RoomArea(reason=NO_POLYGON)]
    assert room_areas([ROOM], boxes(ROOM), [], PAGE_WH_PT) == [RoomArea(reason=NO_SCALE)]
    assert room_areas([ROOM], boxes(ROOM), [NOTE], None) == [RoomArea(reason=NO_SIZE)]
    asked = asked_scale("1:100")
    assert room_areas([ROOM], boxes(ROOM), [NOTE], None, asked) == [RoomArea(reason=NO_SIZE)]
    assert room_areas([], np.zeros((0, 4)), [NOTE], PAGE_WH_PT) == []


def test_a_scale_under_which_rooms_are_none_is_not_the_plan_s() -> None:
    """A wrong note alone on the page; what the request states is the caller's word."""
    (found,) = room_areas([ROOM], boxes(ROOM), [line("SCALE 1:5", 300, 1600)], PAGE_WH_PT)

    assert found.reason == "At 1:5 the middle room would have 0.03 m²: not the plan's scale."
    (asked,) = room_areas([ROOM], boxes(ROOM), [], PAGE_WH_PT, asked_scale("1:5"))
    assert asked.m2 == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("text", "m2"),
    [("12,3 m²", 12.3), ("12.3 m2", 12.3), ("12.3 M2", 12.3), ("14 kvm", 14), ("A = 12.5 m²", 12.5),
     ("A: 12,5m²", 12.5), ("231 SF", 21.46), ("231 S.F.", 21.46), ("1,234 sq ft", 114.64),
     ("231 SQ. FT.", 21.46), ("640 ft²", 59.46), ("LIVING 24.5 m²", 24.5), ("NGF 8,25 qm", 8.25),
     ("101 231 SF", 21.46), ("1.234,50 m²", 1234.5), ("12 sqm", 12), ("12,5 м²", 12.5),
     ("3.5 m 2", 3.5), ("25 m^2", 25), ("101 OFFICE 231 SQUARE FEET", 21.46), ("5,25 m²", 5.25),
     ("17 sq meters", 17), ("1'250 m²", 1250)],
)  # fmt: skip
def test_printed_areas_are_read(text: str, m2: float) -> None:
    """With the units that plans use."""
    assert parse_area(text) == pytest.approx(m2, abs=0.01)


@pytest.mark.parametrize(
    "text",
    ["", "231", "12.5", "101", "12 m", "12 m³", "2.5 kN/m²", "5 m²/person", "3 x 4 m2", "3 × 4 m²",
     "MIN 12 m²", "max. 30 m²", "≥ 12 m²", "60-70 m²", "12 m² 14 m²", "1,234 m²", "12.345 m²",
     "1 234,5 m²", "101 231 m²", "SF", "231 SFR", "A12 m2", "m2", "12 persons",
     "NOTES " * 20 + "12 m²"],
)  # fmt: skip
def test_what_is_no_area_is_not_read(text: str) -> None:
    """Limits, loads, products, ranges, volumes, and what half of the world reads otherwise."""
    assert parse_area(text) is None


@given(st.text(alphabet="0123456789., 'm²2sfqtSFx/-", max_size=80))
def test_any_label_is_read_or_not(text: str) -> None:
    """A number or none."""
    area = parse_area(text)

    assert area is None or 0 <= area < 1e10
