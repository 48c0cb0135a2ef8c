# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sheets are judged where they are labeled, with all of their rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from evaluation.figures import figures, recall_by_size
from evaluation.scoring import EvalResult
from evaluation.sheets import MAX_ROOMS, near_labels
from roomdet.geometry import Detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet.geometry import Boxes

Box: TypeAlias = tuple[float, float, float, float]

PAGE_WH = (1000, 800)
ROOM: Box = (300, 200, 400, 300)  # 100 px wide and high: what lies up to 60 px beside it counts


def boxes_of(boxes: Sequence[Box]) -> Boxes:
    """Boxes as an array, also when there are none."""
    return np.array(boxes, np.float32).reshape(-1, 4)


def judged(truth: Sequence[Box], found: Sequence[Box], scores: Sequence[float] = ()) -> EvalResult:
    """A page with labeled rooms and found ones, all as sure unless said."""
    confidence = np.array(scores or [0.9] * len(found), np.float32)
    return EvalResult(
        "sheet.png", boxes_of(truth), Detections(boxes_of(found), confidence), PAGE_WH
    )


def around(x: float, y: float) -> Box:
    """A box of 20 px with this center."""
    return (x - 10, y - 10, x + 10, y + 10)


@pytest.mark.parametrize(
    ("center", "counts"),
    [
        ((350, 250), True),
        ((241, 141), True),
        ((459, 359), True),
        ((239, 250), False),
        ((461, 250), False),
        ((350, 139), False),
        ((350, 361), False),
        ((851, 100), True),
        ((849, 100), False),
        ((100, 745), True),
        ((100, 743), False),
    ],
    ids=[
        "inside", "near left top", "near right bottom", "left", "right", "above", "below",
        "strip at the right", "beside it", "strip at the bottom", "above it",
    ],
)  # fmt: skip
def test_what_the_labels_can_judge_counts(center: tuple[float, float], *, counts: bool) -> None:
    """A box near a labeled room or in the title strip; in another building nobody knows."""
    picture = near_labels(judged([ROOM], [around(*center)]))

    assert len(picture.found) == counts


def test_the_rest_of_the_answer_stays_as_it_is() -> None:
    """Boxes keep their order and confidence, labels stay all."""
    far = around(600, 600)
    picture = judged([ROOM, around(100, 100)], [far, ROOM, around(120, 100)], [0.9, 0.3, 0.6])

    kept = near_labels(picture)

    np.testing.assert_array_equal(kept.found.boxes_xyxy, boxes_of([ROOM, around(120, 100)]))
    np.testing.assert_allclose(kept.found.scores, [0.3, 0.6])
    np.testing.assert_array_equal(kept.truth_xyxy_px, picture.truth_xyxy_px)
    assert (kept.name, kept.size_wh_px) == (picture.name, picture.size_wh_px)


@pytest.mark.parametrize("truth", [[], [ROOM]])
@pytest.mark.parametrize("found", [[], [around(100, 760)]])
def test_pages_without_rooms_or_answers(truth: list[Box], found: list[Box]) -> None:
    """Only the title strip can be wrong where nothing is labeled."""
    assert len(near_labels(judged(truth, found)).found) == len(found)


def test_rooms_of_another_building_cost_nothing() -> None:
    """They halve the precision of a page that is labeled whole."""
    picture = judged([ROOM], [ROOM, around(600, 600)], [0.5, 0.9])

    assert figures([picture])["ap50"] == pytest.approx(0.5)
    assert figures([picture])["precision"] == 0.5
    assert figures([near_labels(picture)])["ap50"] == 1
    assert figures([near_labels(picture)])["precision"] == 1


def test_a_sheet_of_more_than_300_rooms_counts_whole() -> None:
    """COCO's maxDets is what the API answers at most."""
    rooms: list[Box] = [(20.0 * x, 20.0 * y, 20.0 * x + 18, 20.0 * y + 18)
                        for x in range(50) for y in range(12)]  # fmt: skip
    picture = judged(rooms, rooms)

    assert figures([picture])["ar50_95"] == 0.5
    assert figures([picture], MAX_ROOMS)["ar50_95"] == 1
    assert figures([picture], MAX_ROOMS)["ap50_95"] == 1


def test_recall_is_told_by_size() -> None:
    """Sides are percent of the page's longer side, 10 px here; a step begins with its size."""
    small, at_two, at_four, large = (
        (0, 0, 9, 9), (100, 0, 120, 20), (200, 0, 220, 80), (300, 0, 700, 400),
    )  # fmt: skip
    pictures = [judged([small, at_two, at_four], [at_two]), judged([large, at_two], [large])]

    assert [(step["from_percent"], step["rooms"], step["recall"])
            for step in recall_by_size(pictures)] == [
        (0, 1, 0), (1, 0, None), (2, 2, 0.5), (4, 1, 0), (8, 1, 1),
    ]  # fmt: skip
