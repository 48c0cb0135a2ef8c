# SPDX-License-Identifier: AGPL-3.0-or-later
"""COCO AP and precision, recall, F1 of cases whose figures can be worked out by hand."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from evaluation.coco import AveragePrecision, average_precision
from evaluation.scoring import Counts, EvalResult, count
from roomdet.geometry import Detections

if TYPE_CHECKING:
    from collections.abc import Sequence

Box: TypeAlias = tuple[float, float, float, float]

ROOMS: list[Box] = [(0, 0, 100, 100), (100, 0, 300, 100), (0, 100, 50, 400), (60, 120, 260, 380)]
TEN_THRESHOLDS = 10  # IoU 0.50, 0.55, … 0.95
POINTS = 101  # COCO reads the precision at recall 0, 0.01, … 1


def judged(truth: Sequence[Box], found: Sequence[tuple[Box, float]]) -> EvalResult:
    """A picture with true rooms, and found ones with their confidence."""
    boxes = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score in found], np.float32)
    true = np.array(truth, np.float32).reshape(-1, 4)
    return EvalResult("plan.png", true, Detections(boxes, scores), (1000, 1000))


def test_a_perfect_answer_has_1_everywhere() -> None:
    """Every room is found exactly, over two pictures with different confidences."""
    pictures = [
        judged(ROOMS[:2], [(box, 0.9) for box in ROOMS[:2]]),
        judged(ROOMS[2:], [(box, 0.3) for box in ROOMS[2:]]),
    ]

    assert astuple(average_precision(pictures)) == pytest.approx((1.0, 1.0, 1.0, 1.0))
    assert count(pictures, threshold=0.25) == Counts(tp=4, fp=0, fn=0)


def test_half_of_the_rooms_give_half_the_precision() -> None:
    """Two of four rooms: precision 1 up to recall 0.5, of 101 points the first 51."""
    pictures = [judged(ROOMS, [(box, 0.9) for box in ROOMS[:2]])]

    found = average_precision(pictures)

    assert astuple(found) == pytest.approx((51 / POINTS, 51 / POINTS, 51 / POINTS, 0.5))
    assert count(pictures, threshold=0.25) == Counts(tp=2, fp=0, fn=2)


def test_a_false_alarm_costs_by_its_confidence() -> None:
    """Above the hit it halves the precision, below it only F1 suffers."""
    nowhere = (500.0, 500.0, 600.0, 600.0)
    surer = [judged(ROOMS[:1], [(ROOMS[0], 0.5), (nowhere, 0.9)])]
    less_sure = [judged(ROOMS[:1], [(ROOMS[0], 0.9), (nowhere, 0.5)])]

    assert average_precision(surer).ap50 == pytest.approx(0.5)
    assert average_precision(less_sure).ap50 == pytest.approx(1.0)
    for pictures in (surer, less_sure):
        assert count(pictures, threshold=0.25) == Counts(tp=1, fp=1, fn=0)


def test_a_room_found_twice_counts_once() -> None:
    """The second box of a room is a false alarm, here between the hits of two rooms."""
    pictures = [judged(ROOMS[:2], [(ROOMS[0], 0.9), (ROOMS[0], 0.8), (ROOMS[1], 0.7)])]
    counts = count(pictures, threshold=0.25)

    # Precision 1 up to recall 0.5 (51 points), then two of three (50 points).
    assert average_precision(pictures).ap50 == pytest.approx((51 + 50 * 2 / 3) / POINTS)
    assert counts == Counts(tp=2, fp=1, fn=0)
    assert (counts.precision, counts.recall, counts.f1) == pytest.approx((2 / 3, 1.0, 0.8))


def test_a_loose_box_counts_up_to_its_overlap() -> None:
    """IoU 0.72 passes the thresholds 0.50 to 0.70, five of ten."""
    pictures = [judged([(0, 0, 100, 100)], [((0, 0, 72, 100), 0.9)])]

    expected = AveragePrecision(1.0, 0.0, 5 / TEN_THRESHOLDS, 5 / TEN_THRESHOLDS)
    assert astuple(average_precision(pictures)) == pytest.approx(astuple(expected))


def test_more_than_a_hundred_rooms_count() -> None:
    """COCO's usual limit of 100 boxes a picture does not cut an office floor."""
    floor = [(10.0 * x, 10.0 * y, 10.0 * x + 9, 10.0 * y + 9) for x in range(15) for y in range(15)]

    assert average_precision([judged(floor, [(box, 0.9) for box in floor])]).ar50_95 == 1.0


def test_nothing_found_is_zero() -> None:
    """No box on any picture; precision is that of no claim."""
    pictures = [judged(ROOMS, []), judged([], [])]
    counts = count(pictures, threshold=0.25)

    assert astuple(average_precision(pictures)) == (0.0, 0.0, 0.0, 0.0)
    assert (counts.precision, counts.recall, counts.f1) == (1.0, 0.0, 0.0)


def test_a_false_alarm_on_an_empty_picture_counts() -> None:
    """A picture without rooms is judged too."""
    pictures = [judged(ROOMS[:1], [(ROOMS[0], 0.5)]), judged([], [(ROOMS[0], 0.9)])]

    assert average_precision(pictures).ap50 == pytest.approx(0.5)
    assert count(pictures, threshold=0.25) == Counts(tp=1, fp=1, fn=0)


def test_without_true_rooms_there_is_no_figure() -> None:
    """A mistaken folder must not look like a bad model."""
    with pytest.raises(ValueError, match="no picture has a room"):
        average_precision([judged([], [(ROOMS[0], 0.9)])])


def test_the_threshold_is_part_of_the_count() -> None:
    """A confidence of exactly the threshold counts, one below it does not."""
    pictures = [judged(ROOMS[:2], [(ROOMS[0], 0.25), (ROOMS[1], 0.24)])]

    assert count(pictures, threshold=0.25) == Counts(tp=1, fp=0, fn=1)


def test_the_most_confident_box_chooses_first() -> None:
    """It takes the room that it overlaps most, and the next one takes what is left."""
    truth = [(0.0, 0.0, 100.0, 100.0), (0.0, 0.0, 100.0, 120.0)]
    pictures = [judged(truth, [(truth[0], 0.6), (truth[1], 0.9)])]
    lone_room = [judged(truth[:1], [(truth[0], 0.6), (truth[1], 0.9)])]

    assert count(pictures, threshold=0.25) == Counts(tp=2, fp=0, fn=0)
    assert count(lone_room, threshold=0.25) == Counts(tp=1, fp=1, fn=0)


def test_boxes_that_touch_are_no_match() -> None:
    """IoU just under one half is a miss and a false alarm."""
    pictures = [judged([(0, 0, 100, 100)], [((0, 0, 49, 100), 0.9)])]

    assert count(pictures, threshold=0.25) == Counts(tp=0, fp=1, fn=1)
