# SPDX-License-Identifier: AGPL-3.0-or-later
"""Each room has the scale of its drawing, with how that is known, or a reason why none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from roomdet.scale import NO_SCALE, NOT_TO_SCALE, PageScale, find_notes, room_scales
from roomdet.scale_notes import asked_scale
from tests.unit.placed import PAGE_WH_PT, line

if TYPE_CHECKING:
    import numpy.typing as npt

    from roomdet.texts import TextLine

BLOCK = [
    line("PROJECT", 2200, 1450),
    line("DRAWN BY", 2200, 1500),
    line("DATE", 2300, 1500),
    line("2026-11-30", 2300, 1515),
]
UNDER_LEFT, UNDER_RIGHT = (300, 1050), (1300, 1050)


def plan(x: float, y: float) -> npt.NDArray[np.float64]:
    """Twelve rooms of 100 by 100 points with walls between them, from a corner on: 420 by 310."""
    boxes = [
        (x + 105 * i, y + 105 * j, x + 105 * i + 100, y + 105 * j + 100)
        for j in range(3)
        for i in range(4)
    ]
    return np.array(boxes) / [*PAGE_WH_PT, *PAGE_WH_PT]


LEFT, RIGHT = plan(200, 700), plan(1200, 700)
BOTH = np.concatenate([LEFT, RIGHT])


def scales(boxes: npt.NDArray[np.float64], *lines: TextLine, asked: str = "") -> set[object]:
    """What the rooms have: ratio and source, or the reason."""
    asked_for = asked_scale(asked) if asked else None
    return {
        (round(scale.ratio, 1), scale.source) if isinstance(scale, PageScale) else scale
        for scale in room_scales(boxes, lines, PAGE_WH_PT, asked_for)
    }


def test_a_page_that_says_nothing_has_no_scale() -> None:
    """Nor has a page without text."""
    assert scales(LEFT) == {NO_SCALE}
    assert scales(LEFT, line("KITCHEN", 250, 750), line("SCALE", 2250, 1600), *BLOCK) == {NO_SCALE}
    assert room_scales(np.zeros((0, 4)), [], PAGE_WH_PT) == []


def test_the_title_block_says_the_scale() -> None:
    """With the word for it in the line, left of it or above it."""
    assert scales(LEFT, *BLOCK, line("SCALE 1:100", 2250, 1600)) == {(100, "title_block")}
    beside = [line("SCALE:", 2200, 1600), line("1/100", 2270, 1600)]
    assert scales(LEFT, *BLOCK, *beside) == {(100, "title_block")}
    above = [line("SKALA", 2200, 1590, height=6), line("1:50 (A1)", 2215, 1602)]
    assert scales(LEFT, *BLOCK, *above) == {(50, "title_block")}


def test_a_title_block_may_be_turned() -> None:
    """As in a strip that reads upwards."""
    block = [line("DRAWN", 2320, 900, turn=270), line("CHECKED", 2320, 800, turn=270)]
    label, value = line("SCALE", 2320, 1000, turn=270), line("1:20", 2320, 950, turn=270)

    assert scales(LEFT, *block, label, value) == {(20, "title_block")}


def test_one_note_is_for_the_whole_page() -> None:
    """As are several that agree."""
    note = line('1/8" = 1\'-0"', *UNDER_LEFT)

    assert scales(BOTH, note) == {(96, "note")}
    assert scales(BOTH, note, line("1/8\"=1'", *UNDER_RIGHT)) == {(96, "note")}


def test_each_drawing_has_the_note_below_it() -> None:
    """Where notes differ."""
    lines = [line("1:100", *UNDER_LEFT), line("1:50", *UNDER_RIGHT)]

    found = room_scales(BOTH, lines, PAGE_WH_PT)

    assert (
        found
        == [PageScale(100, "1:100", "viewport")] * 12 + [PageScale(50, "1:50", "viewport")] * 12
    )


def test_the_title_block_is_for_drawings_without_a_note() -> None:
    """A part at a larger scale has its own."""
    block = [*BLOCK, line("SCALE 1:100", 2250, 1600)]

    found = room_scales(BOTH, [*block, line("1:50", *UNDER_RIGHT)], PAGE_WH_PT)

    assert [scale.source for scale in found if isinstance(scale, PageScale)] == [
        *["title_block"] * 12,
        *["viewport"] * 12,
    ]
    assert scales(LEFT, *block, line("1:20", 1800, 300)) == {(100, "title_block")}


def test_where_notes_differ_and_none_is_near_there_is_none() -> None:
    """Told with what the page says."""
    far = [line("1:100", 300, 200), line("1:50", 1300, 200)]

    (reason,) = scales(LEFT, *far)

    assert reason == (
        "The page states several scales (1:100, 1:50), and none stands below this drawing."
    )


def test_a_note_is_of_the_drawing_that_is_nearest() -> None:
    """One drawing above another has none."""
    upper, lower = plan(200, 250), plan(200, 640)
    lines = [line("1:100", 300, 980), line("1:50", *UNDER_RIGHT)]

    found = room_scales(np.concatenate([upper, lower, RIGHT]), lines, PAGE_WH_PT)

    assert [isinstance(scale, PageScale) for scale in found] == [False] * 12 + [True] * 24


def test_a_drawing_that_is_not_to_scale_has_none() -> None:
    """The others keep theirs."""
    block = [*BLOCK, line("SCALE 1:100", 2250, 1600)]

    found = room_scales(BOTH, [*block, line("N.T.S.", *UNDER_RIGHT)], PAGE_WH_PT)

    assert found == [PageScale(100, "1:100", "title_block")] * 12 + [NOT_TO_SCALE] * 12
    assert scales(LEFT, *BLOCK, line("SCALE: NTS", 2250, 1600)) == {NOT_TO_SCALE}


def test_a_slope_in_a_room_is_no_note() -> None:
    """Though it looks like one."""
    lines = [line("1:50", 400, 800), line("1:100", *UNDER_LEFT)]

    assert scales(LEFT, *lines) == {(100, "viewport")}


def test_a_scale_for_another_paper_is_another_here() -> None:
    """The page was scaled, and what it says with it."""
    assert scales(LEFT, line("1:100 (A3)", *UNDER_LEFT)) == {(49.9, "note")}
    (found,) = set(room_scales(LEFT, [line("1:100 (A3)", *UNDER_LEFT)], PAGE_WH_PT))
    assert isinstance(found, PageScale)
    assert found.text == "1:50 (1:100 on A3)"
    both = line("1:50 (A1) 1:100 (A3)", *UNDER_LEFT)
    assert set(room_scales(LEFT, [both], PAGE_WH_PT)) == {PageScale(50, "1:50", "note")}


def test_a_paper_of_another_proportion_says_nothing() -> None:
    """Nobody knows how the page came from it."""
    (reason,) = scales(LEFT, line('1/8" = 1\'-0" (24x36)', *UNDER_LEFT))

    assert reason == '1/8" = 1\'-0" is for ARCH D, and the page does not have its proportion.'


def test_what_the_request_states_comes_first() -> None:
    """Whatever the page says."""
    assert scales(LEFT, line("1:100", *UNDER_LEFT), asked="1:50") == {(50, "request")}
    assert scales(LEFT, line("NTS", *UNDER_LEFT), asked="1:50@A3") == {(25, "request")}


BAR = [line(text, 600 + 28.35 * 2 * i, 1300) for i, text in enumerate(["0", "2", "4", "6 m"])]


def test_a_scale_bar_is_taken_where_nothing_is_stated() -> None:
    """1:100 is 28.35 points a meter; the same page at 71 % is 1:141."""
    ticks = [line(text, 600 + 20.05 * 2 * i, 1300) for i, text in enumerate("0246")]

    assert scales(LEFT, *BAR) == {(100, "scale_bar")}
    assert scales(LEFT, *ticks, line("m", 735, 1300)) == {(141.4, "scale_bar")}


def test_a_bar_that_contradicts_the_note_leaves_none() -> None:
    """A page that was made smaller still says what it said; one that agrees changes nothing."""
    assert scales(LEFT, *BAR, line("1:100", *UNDER_LEFT)) == {(100, "note")}
    (reason,) = scales(LEFT, *BAR, line("1:50", *UNDER_LEFT))
    assert reason == "The page says 1:50, but its scale bar fits 1:100."


def test_as_noted_is_no_note() -> None:
    """Nor is a warning that drawings are not to be measured."""
    assert find_notes([line("SCALE: AS NOTED", 2250, 1600), *BLOCK], PAGE_WH_PT) == []
    assert find_notes([line("DO NOT SCALE DRAWINGS", 2250, 1600), *BLOCK], PAGE_WH_PT) == []


def test_a_page_of_many_lines_and_rooms_takes_little() -> None:
    """2,000 lines and 300 rooms: about 40 ms of a free core; the limit is for a loaded one."""
    words = [line("PROVIDE NEW", 40.0 * (i % 50), 40.0 * (i // 50)) for i in range(2000)]
    boxes = np.concatenate([plan(430 * (i % 5), 330 * (i // 5)) for i in range(25)])
    lines = [*words, line("1:100", *UNDER_LEFT), line("1:50", *UNDER_RIGHT)]
    start = time.process_time()

    room_scales(boxes, lines, PAGE_WH_PT)

    assert time.process_time() - start < 1.0


def test_a_title_beside_the_title_block_is_none_of_it() -> None:
    """Words of one stand around it, but not the word for scale."""
    boxes = np.concatenate([plan(1700, 1200), LEFT])
    lines = [*BLOCK, line("1:50", 1750, 1560), line("1:100", *UNDER_LEFT)]

    found = room_scales(boxes, lines, PAGE_WH_PT)

    assert (
        found
        == [PageScale(50, "1:50", "viewport")] * 12 + [PageScale(100, "1:100", "viewport")] * 12
    )


@pytest.mark.parametrize("text", ["1:100", "SCALE 1:100"])
def test_a_title_under_a_drawing_at_the_edge_is_no_title_block(text: str) -> None:
    """Unless words of one stand around it."""
    (note,) = find_notes([line(text, 300, 1640), line("FIRST FLOOR PLAN", 320, 1620)], PAGE_WH_PT)

    assert not note.in_title_block


@pytest.mark.parametrize(
    "detail",
    [
        pytest.param([line("DETAIL B 1:20", *UNDER_LEFT)], id="in one line"),
        pytest.param([line("DETAIL B", 300, 1038), line("SCALE 1:20", *UNDER_LEFT)], id="above"),
        pytest.param([line("SECTION A-A", 240, 1050), line("1:50", 300, 1050)], id="beside"),
        pytest.param([line("SITE PLAN", 300, 1038), line("SCALE 1:500", 300, 1050)], id="site"),
    ],
)
def test_the_scale_of_a_detail_is_not_the_plans(detail: list[TextLine]) -> None:
    """Nor that of a section or of the site: the title block's stays, or there is none."""
    block = [*BLOCK, line("SCALE 1:100", 2250, 1600)]
    assert scales(LEFT, *block, *detail) == {(100, "title_block")}
    assert scales(LEFT, *detail) == {NO_SCALE}
    title = [line("FIRST FLOOR PLAN", 300, 1038), line("SCALE 1:50", 300, 1050)]
    assert scales(LEFT, *title) == {(50, "note")}
