# SPDX-License-Identifier: AGPL-3.0-or-later
"""A scale is measured from a scale bar or from dimensions, or from neither."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomdet.measures import M_PER_PT, length_m, measured_scale, nearest_plan_scale, turned_box
from tests.unit.placed import PAGE_WH_PT, line

if TYPE_CHECKING:
    from roomdet.texts import TextLine

METERS = [3.6, 2.4, 4.25, 1.8, 5.1, 3.0, 2.75, 3.6, 1.2]


def chain(ratio: float, meters: list[float], *, form: str = "mm", turn: int = 0) -> list[TextLine]:
    """Dimensions at the middles of what they measure, one behind the other."""
    pt = [length / (M_PER_PT * ratio) for length in meters]
    ends = list(accumulate(pt))
    result = []
    for length, wide, end in zip(meters, pt, ends, strict=True):
        at = 200 + end - wide / 2
        inches = length / 0.0254
        text = {
            "mm": f"{1000 * length:.0f}",
            "m": f"{length:.2f}".replace(".", ","),
            "feet": f"{int(inches // 12)}'-{int(inches % 12)} 1/2\"",
        }[form]
        result.append(line(text, 300, at, turn=turn) if turn else line(text, at, 300))
    return result


@pytest.mark.parametrize("form", ["mm", "m", "feet"])
@pytest.mark.parametrize("ratio", [50, 96, 100, 200])
@pytest.mark.parametrize("turn", [0, 90])
def test_a_chain_of_dimensions_fits_its_scale(form: str, ratio: int, turn: int) -> None:
    """In millimetres, metres or feet, along the page or down it."""
    meters = METERS if ratio < 150 else METERS * 2
    lines = chain(ratio, meters, form=form, turn=turn)

    fit = measured_scale(lines, PAGE_WH_PT)

    assert fit is not None
    assert fit.source == "dimensions"
    assert fit.ratio == pytest.approx(ratio, rel=0.01)


def test_numbers_of_rooms_in_a_row_are_no_chain() -> None:
    """They stand at equal distances, as dimensions would that are all the same."""
    rooms = [line(str(2100 + i), 200 + 60 * i, 300) for i in range(20)]

    assert measured_scale(rooms, PAGE_WH_PT) is None


def test_dimensions_of_which_few_fit_are_no_evidence() -> None:
    """Moved beside what they measure, they say nothing."""
    lines = [line(str(1000 + 370 * (i % 7)), 200 + 61.3 * i, 300) for i in range(20)]

    assert measured_scale(lines, PAGE_WH_PT) is None


def test_a_scale_in_which_no_plan_is_drawn_is_not_measured_from_dimensions() -> None:
    """Centimetres read as millimetres, or a page that was made smaller."""
    assert measured_scale(chain(10, METERS), PAGE_WH_PT) is None
    assert measured_scale(chain(141, METERS), PAGE_WH_PT) is None


@pytest.mark.parametrize(
    ("texts", "meters"),
    [
        (["0", "5", "10", "20 m"], [0, 5, 10, 20]),
        (["0", "1", "2", "3", "4", "5 M"], [0, 1, 2, 3, 4, 5]),
        (["0'", "4'", "8'", "16'"], [0, 1.2192, 2.4384, 4.8768]),
        (["0", "10", "20", "40 FEET"], [0, 3.048, 6.096, 12.192]),
    ],
)
def test_a_scale_bar_is_measured(texts: list[str], meters: list[float]) -> None:
    """Its numbers stand at its ticks; the last, with the unit, may stand beside its own."""
    ratio = 141  # a page that was made smaller
    at = [300 + m / (M_PER_PT * ratio) for m in meters]
    lines = [line(text, x, 1500) for text, x in zip(texts, at, strict=True)]

    fit = measured_scale(lines, PAGE_WH_PT)

    assert fit is not None
    assert fit.source == "scale_bar"
    assert fit.ratio == pytest.approx(ratio, rel=0.005)


def test_the_unit_of_a_bar_may_stand_beside_it() -> None:
    """As a word of its own; without one numbers are the names of axes."""
    ticks = [line(str(n), 300 + 40 * n, 1500) for n in (0, 1, 2, 3)]

    assert measured_scale(ticks, PAGE_WH_PT) is None
    fit = measured_scale([*ticks, line("m", 440, 1500)], PAGE_WH_PT)
    assert fit is not None
    assert fit.ratio == pytest.approx(1 / (40 * M_PER_PT))


@pytest.mark.parametrize("at", [[0, 40, 85, 120], [120, 80, 40, 0]])
def test_numbers_that_are_not_at_their_ticks_are_no_bar(at: list[float]) -> None:
    """Nor those that run the other way."""
    lines = [line(f"{n} m" if n == 3 else str(n), 300 + x, 1500) for n, x in enumerate(at)]

    assert measured_scale(lines, PAGE_WH_PT) is None


def test_bars_of_several_drawings_say_nothing_of_the_page() -> None:
    """Unless they agree."""
    one = [line(text, 300 + 40 * i, 900) for i, text in enumerate(["0", "1", "2", "3 m"])]
    same = [line(text, 300 + 40 * i, 1500) for i, text in enumerate(["0", "1", "2", "3 m"])]
    other = [line(text, 300 + 20 * i, 1500) for i, text in enumerate(["0", "1", "2", "3 m"])]

    assert measured_scale([*one, *same], PAGE_WH_PT) is not None
    assert measured_scale([*one, *other], PAGE_WH_PT) is None


def test_dimensions_are_more_exact_than_a_bar() -> None:
    """Where both fit the same; where they do not there is none."""
    bar = [line(text, 300 + 57.5 * i, 1500) for i, text in enumerate(["0", "2", "4", "6 m"])]

    fit = measured_scale([*bar, *chain(100, METERS)], PAGE_WH_PT)

    assert fit is not None
    assert fit.source == "dimensions"
    assert measured_scale([*bar, *chain(50, METERS)], PAGE_WH_PT) is None


@pytest.mark.parametrize(
    ("text", "meters"),
    [("3600", 3.6), ("12 400", 12.4), ("1,200", 1.2), ("900", 0.9), ("3.60", 3.6), ("3,605", 3.605),
     ("12'-6 1/2\"", 3.8227), ("7'", 2.1336), ("0'-4\"", 0.1016), ("450 MM", 0.45),
     ("2,10 M", 2.1)],
)  # fmt: skip
def test_lengths_are_read(text: str, meters: float) -> None:
    """As dimensions are written."""
    assert length_m(text) == pytest.approx(meters, abs=1e-3)


@pytest.mark.parametrize(
    "text", ["", "A", "12", "1:100", "101A", "3'-4 1/0\"", "1234567", "EQ.", "+3.60"]
)
def test_what_is_no_length_is_not_read(text: str) -> None:
    """Short numbers, levels, letters."""
    assert length_m(text) is None


def test_scales_are_taken_for_the_nearest_in_which_plans_are_drawn() -> None:
    """If that is near."""
    assert nearest_plan_scale(97.2) == 96
    assert nearest_plan_scale(99.1) == 100
    assert nearest_plan_scale(141) is None


def test_a_box_is_turned_as_its_reader_turns_the_page() -> None:
    """Along the line from left to right, and downwards from line to line."""
    box = (0.1, 0.2, 0.3, 0.6)

    assert turned_box(box, 0, (100, 50)) == pytest.approx((10, 10, 30, 30))
    assert turned_box(box, 90, (100, 50)) == pytest.approx((10, -30, 30, -10))
    assert turned_box(box, 180, (100, 50)) == pytest.approx((-30, -30, -10, -10))
    assert turned_box(box, 270, (100, 50)) == pytest.approx((-30, 10, -10, 30))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda text, x, y, turn: line(text, x, y, turn=turn),
            st.text("0123456789.,'\"mMft ½", max_size=8),
            st.floats(0, 2384),
            st.floats(0, 1684),
            st.sampled_from([0, 90, 180, 270]),
        ),
        max_size=60,
    )
)
def test_any_page_is_measured_or_not(lines: list[TextLine]) -> None:
    """Numbers anywhere never break it; what it measures is a positive number."""
    fit = measured_scale(lines, PAGE_WH_PT)

    assert fit is None or 0 < fit.ratio < float("inf")
