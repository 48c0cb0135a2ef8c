# SPDX-License-Identifier: AGPL-3.0-or-later
"""What slices cut is known, and a room that runs through several of them is one again."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from roomdet.geometry import Boxes, Detections
from roomdet.merging import Level
from roomdet.slices import Slice, cut
from roomdet.stitching import cut_edges, stitch

if TYPE_CHECKING:
    from collections.abc import Sequence

Box: TypeAlias = tuple[float, float, float, float]
Room: TypeAlias = tuple[Box, float]

PAGE_WH = (2560, 1920)
MIDDLE = Slice(1000, 800, 2280, 1760)


def boxes_of(*rows: Box) -> Boxes:
    """Boxes as an array, also when there are none."""
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("box", "part", "expected"),
    [
        pytest.param((1100, 900, 1300, 1000), MIDDLE, "", id="inside"),
        pytest.param((1000, 900, 1300, 1000), MIDDLE, "left", id="at the left edge"),
        pytest.param((1002, 900, 1300, 1000), MIDDLE, "left", id="2 px from it"),
        pytest.param((1003, 900, 1300, 1000), MIDDLE, "", id="3 px from it"),
        pytest.param((1100, 801, 1300, 1000), MIDDLE, "upper", id="at the upper edge"),
        pytest.param((1100, 900, 2279, 1000), MIDDLE, "right", id="at the right edge"),
        pytest.param((1100, 900, 1300, 1760), MIDDLE, "lower", id="at the lower edge"),
        pytest.param(
            (990, 790, 2290, 1770), MIDDLE, "left upper right lower", id="larger than the slice"
        ),
        pytest.param((0, 0, 100, 100), Slice(0, 0, 960, 960), "", id="the page's corner"),
        pytest.param((900, 0, 960, 100), Slice(0, 0, 960, 960), "right", id="its other is none"),
        pytest.param(
            (2500, 1900, 2560, 1920), Slice(1600, 960, 2560, 1920), "", id="the page's last one"
        ),
        pytest.param((0, 0, 2560, 1920), Slice(0, 0, 2560, 1920), "", id="all of the page"),
    ],
)
def test_edges_of_a_slice_cut(box: Box, part: Slice, expected: str) -> None:
    """The page's own edges cut nothing."""
    edges = cut_edges(boxes_of(box), part, PAGE_WH)

    names = np.array(["left", "upper", "right", "lower"])
    assert names[edges[0]].tolist() == expected.split()


def shown(
    rooms: Sequence[Room], page_wh: tuple[int, int] = PAGE_WH
) -> list[tuple[Slice, Detections]]:
    """Each room as the slices of a page show it, cut at their edges."""
    found = []
    for part in cut(page_wh, 640):
        pieces = [
            ((max(x0, part.x0), max(y0, part.y0), min(x1, part.x1), min(y1, part.y1)), score)
            for (x0, y0, x1, y1), score in rooms
            if x0 < part.x1 and part.x0 < x1 and y0 < part.y1 and part.y0 < y1
        ]
        scores = np.array([score for _, score in pieces], np.float32)
        found.append((part, Detections(boxes_of(*(box for box, _ in pieces)), scores)))
    return found


ACROSS: Box = (100, 400, 2500, 460)  # through all three columns of slices
DOWN: Box = (300, 100, 360, 1800)  # through both rows
SHORT: Box = (1000, 500, 1100, 560)  # some slice shows all of it
HALL: Box = (100, 100, 2500, 1800)  # through all slices, both ways


@pytest.mark.parametrize(
    ("rooms", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(SHORT, 0.9)], [], id="whole in a slice"),
        pytest.param([(ACROSS, 0.6)], [ACROSS], id="a corridor across the sheet"),
        pytest.param([(DOWN, 0.6)], [DOWN], id="one from its top to its bottom"),
        pytest.param([(ACROSS, 0.6), (DOWN, 0.7)], [ACROSS, DOWN], id="two that cross"),
        pytest.param([(ACROSS, 0.05)], [], id="pieces that are mere guesses"),
        pytest.param([(HALL, 0.9)], [], id="cut on all sides: a coarser level shows it"),
    ],
)
def test_pieces_side_by_side_are_one_room(rooms: list[Room], expected: list[Box]) -> None:
    """Each is found once or more, at its place."""
    found = stitch(shown(rooms), PAGE_WH)

    assert {tuple(box) for box in found.boxes_xyxy.tolist()} == set(expected)
    assert all(np.isclose(found.scores, [0.6]).tolist()) or len(rooms) > 1


def test_pieces_at_other_heights_are_other_rooms() -> None:
    """Two offices at an edge of slices, one a little lower than the other."""
    left, right = Slice(0, 0, 960, 960), Slice(800, 0, 1760, 960)
    found = [
        (left, Detections(boxes_of((700, 100, 960, 200)), np.array([0.9], np.float32))),
        (right, Detections(boxes_of((800, 150, 1000, 250)), np.array([0.9], np.float32))),
    ]

    assert len(stitch(found, (1760, 960))) == 0


def test_the_surest_piece_goes_on() -> None:
    """Of several guesses of the next piece; the score is the mean of the pieces'."""
    left, right = Slice(0, 0, 960, 960), Slice(800, 0, 1760, 960)
    nexts = boxes_of((800, 100, 1500, 200), (800, 100, 1700, 200))
    found = [
        (left, Detections(boxes_of((700, 100, 960, 200)), np.array([0.5], np.float32))),
        (right, Detections(nexts, np.array([0.3, 0.9], np.float32))),
    ]
    whole = stitch(found, (1760, 960))

    assert whole.boxes_xyxy.tolist() == [[700, 100, 1700, 200]]
    assert whole.scores.tolist() == pytest.approx([0.7])


def test_many_pieces_end_soon() -> None:
    """A hatch at the edge of slices: as many chains as pieces begin, not as their products."""
    rooms = [((100, 3 * row, 2500, 3 * row + 60), 0.5) for row in range(200)]

    assert len(stitch(shown(rooms), PAGE_WH)) <= len(rooms) * len(cut(PAGE_WH, 640))


def test_a_level_has_no_pieces() -> None:
    """But what is whole, and what was put together."""
    level = Level.of(shown([(ACROSS, 0.6), (SHORT, 0.9), (HALL, 0.8)]), PAGE_WH)

    assert {tuple(box) for box in level.boxes_xyxy.tolist()} == {ACROSS, SHORT}
