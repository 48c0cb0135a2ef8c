# SPDX-License-Identifier: AGPL-3.0-or-later
"""Levels vote: one answer of what was found on several."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from roomdet.merging import Level, known, merge
from roomdet.slices import Slice, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet.geometry import Boxes, Detections

Box: TypeAlias = tuple[float, float, float, float]
Room: TypeAlias = tuple[Box, float]

# All boxes below are in pixels of the first level, whatever level they are found on.
PAGE_WH = (640, 480)
LOWEST = 0.01


def boxes_of(*rows: Box) -> Boxes:
    """Boxes as an array, also when there are none."""
    return np.array(rows, np.float32).reshape(-1, 4)


def level(factor: int, rooms: Sequence[Room] = (), seen: Sequence[Box] | None = None) -> Level:
    """A level with what was found on it.

    Args:
        factor: So many times as large as the first.
        rooms: Boxes with their scores.
        seen: What was looked at; the whole page where nothing is said.
    """
    slices = tuple(
        Slice(*(round(edge * factor) for edge in part)) for part in seen or [(0, 0, *PAGE_WH)]
    )
    return Level(
        (PAGE_WH[0] * factor, PAGE_WH[1] * factor),
        slices,
        boxes_of(*(box for box, _ in rooms)) * np.float32(factor),
        np.array([score for _, score in rooms], np.float32),
    )


def merged(*levels: Level, confidence: float = LOWEST, iou: float = 0.5) -> list[Room]:
    """The rooms of an answer, in pixels of the first level."""
    found = merge(levels, confidence=confidence, iou=iou)
    corners = found.boxes_xyxy * np.array(PAGE_WH * 2, np.float32)
    return [
        ((box[0], box[1], box[2], box[3]), score)
        for box, score in zip(corners.round(2).tolist(), found.scores.tolist(), strict=True)
    ]


def assert_rooms(found: list[Room], expected: Sequence[Room]) -> None:
    """The same boxes to a tenth of a pixel, the same scores to a hundredth, in the same order."""
    assert len(found) == len(expected), found
    for (box, score), (expected_box, expected_score) in zip(found, expected, strict=True):
        assert box == pytest.approx(expected_box, abs=0.1)
        assert score == pytest.approx(expected_score, abs=0.01)


@pytest.mark.parametrize(
    ("side_px", "low", "high"),
    [
        pytest.param(0, 0, 0, id="no room"),
        pytest.param(20, 0, 0, id="too small"),
        pytest.param(30, 0.3, 0.7, id="nearly too small"),
        pytest.param(45, 1, 1, id="small"),
        pytest.param(100, 1, 1, id="as trained"),
        pytest.param(220, 1, 1, id="large"),
        pytest.param(300, 0.3, 0.7, id="nearly too large"),
        pytest.param(420, 0, 0, id="too large"),
        pytest.param(5000, 0, 0, id="larger than a canvas"),
    ],
)
def test_the_network_knows_rooms_of_some_sizes(side_px: float, low: float, high: float) -> None:
    """Where it starts to know and no longer does there is a slope."""
    (weight,) = known(np.array([side_px], np.float64))

    assert low - 1e-9 <= weight <= high + 1e-9


def test_known_sizes_rise_and_fall() -> None:
    """Without a step."""
    weights = known(np.arange(1, 1000, dtype=np.float64))

    assert (np.diff(weights[:100]) >= 0).all()
    assert (np.diff(weights[150:]) <= 0).all()
    assert np.abs(np.diff(weights)).max() < 0.1


ROOM: Box = (100, 100, 160, 160)
BESIDE: Box = (160, 100, 220, 160)
BOTH: Box = (100, 100, 220, 160)
CLOSET: Box = (300, 300, 312, 312)  # 12 px: two levels are blind to it
HALL: Box = (20, 20, 420, 320)  # 346 px: from the second level on too large
CORRIDOR: Box = (0, 400, 640, 430)  # 139 px
SQUARE, OTHER_SQUARE = (100, 100, 200, 200), (140, 100, 240, 200)  # IoU 0.43


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param([level(1), level(2)], [], id="nothing"),
        pytest.param([level(1, [(ROOM, 0.8)])], [(ROOM, 0.8)], id="a single level"),
        pytest.param(
            [level(1, [(CLOSET, 0.8)])], [(CLOSET, 0.8)], id="one that does not know the size"
        ),
        pytest.param([level(1), level(2, [(ROOM, 0.8)])], [(ROOM, 0.4)], id="one of two"),
        pytest.param([level(1, [(ROOM, 0.9)]), level(2, [(ROOM, 0.7)])], [(ROOM, 0.8)], id="both"),
        pytest.param(
            [level(1, [(ROOM, 0.9), (ROOM, 0.3)]), level(2, [(ROOM, 0.7), (ROOM, 0.6)])],
            [(ROOM, 0.8)],
            id="the surest candidate of a level is its vote",
        ),
        pytest.param(
            [level(1), level(2), level(4, [(CLOSET, 0.8)])],
            [(CLOSET, 0.65)],
            id="a closet that the coarse levels do not know and 24 px hardly",
        ),
        pytest.param(
            [level(1, [(HALL, 0.8)]), level(2), level(4)],
            [(HALL, 0.79)],
            id="a hall that the fine levels do not know",
        ),
        pytest.param(
            [level(1, [(CLOSET, 0.9)]), level(4)],
            [],
            id="a false closet of a level that is blind to it",
        ),
        pytest.param(
            [level(1, [(ROOM, 0.8)]), level(2, seen=[(320, 0, 640, 480)])],
            [(ROOM, 0.8)],
            id="what was not looked at does not count",
        ),
        pytest.param(
            [level(1, [(ROOM, 0.8)]), level(2, seen=[(0, 0, 130, 480), (120, 0, 640, 480)])],
            [(ROOM, 0.8)],
            id="nor what no slice shows as a whole",
        ),
        pytest.param(
            [level(1, [(ROOM, 0.8)]), level(2, seen=[(0, 0, 320, 480), (280, 0, 640, 480)])],
            [(ROOM, 0.4)],
            id="but what one of them shows",
        ),
        pytest.param(
            [
                level(1, [(BOTH, 0.8), (ROOM, 0.7), (BESIDE, 0.7)]),
                level(2, [(ROOM, 0.8), (BESIDE, 0.9)]),
            ],
            [(BESIDE, 0.8), (ROOM, 0.75), (BOTH, 0.4)],
            id="a box around two rooms loses",
        ),
        pytest.param(
            [
                level(1, [(CORRIDOR, 0.8)]),
                level(2, seen=[(0, 0, 380, 480), (260, 0, 640, 480)]),
                level(4, [((150, 400, 300, 430), 0.6)]),
            ],
            [(CORRIDOR, 0.8), ((150, 400, 300, 430), 0.155)],
            id="a piece of a corridor is less than the corridor",
        ),
        pytest.param(
            [level(1, [(SQUARE, 0.9), (OTHER_SQUARE, 0.8)])],
            [(SQUARE, 0.9), (OTHER_SQUARE, 0.8)],
            id="rooms that overlap a little",
        ),
    ],
)
def test_levels_vote(levels: list[Level], expected: list[Room]) -> None:
    """A room's score is the mean of what the levels say that know its size and have seen it."""
    assert_rooms(merged(*levels), expected)


@pytest.mark.parametrize(
    ("coarse_y1", "fine_y1", "y1"),
    [
        pytest.param(160, 160, 160, id="the same"),
        pytest.param(160, 154, 156.1, id="they nearly agree: the finer one counts twice"),
        pytest.param(154, 160, 158.1, id="and the other way round"),
        pytest.param(160, 136, 160, id="they hardly agree: the surer one's"),
    ],
)
def test_corners_are_of_all_that_agree(coarse_y1: float, fine_y1: float, y1: float) -> None:
    """A finer level counts more, because its pixels are smaller."""
    levels = (
        level(1, [((100, 100, 160, coarse_y1), 0.81)]),
        level(2, [((100, 100, 160, fine_y1), 0.8)]),
    )

    assert_rooms(merged(*levels), [((100, 100, 160, y1), 0.805)])


@pytest.mark.parametrize(
    ("iou", "rooms"),
    [
        pytest.param(0.5, [(SQUARE, 0.9), (OTHER_SQUARE, 0.8)], id="above what they share"),
        pytest.param(0.3, [(SQUARE, 0.9)], id="below"),
        pytest.param(1.0, [(SQUARE, 0.9), (OTHER_SQUARE, 0.8)], id="all"),
    ],
)
def test_overlap_is_the_callers_choice(iou: float, rooms: list[Room]) -> None:
    """Of rooms that overlap more the surer one is answered."""
    both = [(SQUARE, 0.9), (OTHER_SQUARE, 0.8)]

    assert_rooms(merged(level(1, both), level(2, both), iou=iou), rooms)


def test_an_answer_without_rooms_is_empty_arrays() -> None:
    """Also where every level is."""
    found = merge([level(1), level(2), level(4)], confidence=LOWEST, iou=0.5)

    assert (found.boxes_xyxy.shape, found.scores.shape) == ((0, 4), (0,))


def test_no_room_is_empty() -> None:
    """A box without area is none, and one that reaches beyond the page ends there."""
    flat, beyond = (100, 100, 100, 200), (600, 440, 680, 520)

    assert_rooms(merged(level(1, [(flat, 0.9), (beyond, 0.8)])), [((600, 440, 640, 480), 0.8)])


def drawn_by_chance(seed: int) -> list[Level]:
    """Rooms of all sizes on four levels, most of them on each, scores and corners of each own."""
    chance = np.random.default_rng(seed)
    rooms = [
        (x, y, x + width, y + height)
        for x, y, width, height in chance.uniform((0, 0, 5, 5), (600, 440, 200, 200), (80, 4))
    ]
    return [
        level(
            factor,
            [
                (tuple(np.array(box) + chance.normal(0, 1, 4)), float(chance.uniform(0.02, 1)))
                for box in rooms
                if chance.random() < 0.7
            ],
            [
                (part.x0 / factor, part.y0 / factor, part.x1 / factor, part.y1 / factor)
                for part in cut((640 * factor, 480 * factor), 640)
            ],
        )
        for factor in (1, 2, 4, 6)
    ]


def same(found: Detections, expected: Detections) -> bool:
    """Whether two answers are equal to the bit."""
    return np.array_equal(found.boxes_xyxy, expected.boxes_xyxy) and np.array_equal(
        found.scores, expected.scores
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("confidence", [0.1, 0.25, 0.5])
def test_a_confidence_leaves_out_and_changes_nothing(seed: int, confidence: float) -> None:
    """A higher one answers the same rooms with the same boxes, less those below it."""
    levels = drawn_by_chance(seed)
    every = merge(levels, confidence=LOWEST, iou=0.5)
    sure = merge(levels, confidence=confidence, iou=0.5)
    count = int((every.scores >= confidence).sum())

    assert 0 < count < len(every)
    assert len(sure) == count
    assert np.array_equal(sure.boxes_xyxy, every.boxes_xyxy[:count])
    assert np.array_equal(sure.scores, every.scores[:count])


def test_the_order_of_candidates_plays_no_role() -> None:
    """Whatever order the network's threads left them in; the surest room comes first."""
    levels = drawn_by_chance(7)
    shuffled = []
    for one in levels:
        order = np.random.default_rng(8).permutation(len(one.scores))
        shuffled.append(Level(one.size_wh_px, one.slices, one.boxes_xyxy[order], one.scores[order]))
    found = merge(levels, confidence=LOWEST, iou=0.5)

    assert same(merge(shuffled, confidence=LOWEST, iou=0.5), found)
    assert same(merge(levels, confidence=LOWEST, iou=0.5), found)
    assert all(first >= second for first, second in pairwise(found.scores.tolist()))
