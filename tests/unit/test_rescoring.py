# SPDX-License-Identifier: AGPL-3.0-or-later
"""Scores on a sheet: doors, frames and the other rooms have a say."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from roomdet.evidence import LineMap
from roomdet.geometry import Detections
from roomdet.rescoring import NEIGHBOR_SCORE, least_score, rescore

Box = tuple[int, int, int, int]
SIZE = 500
ROOM: Box = (100, 100, 300, 250)


def page(*outlines: Box, door: bool = False) -> LineMap:
    """A square page with outlines; with a door the first is open below."""
    picture = Image.new("RGB", (SIZE, SIZE), "white")
    draw = ImageDraw.Draw(picture)
    for outline in outlines:
        draw.rectangle(outline, outline="black", width=2)
    if door:
        x0, _, _, y1 = outlines[0]
        draw.rectangle((x0 + 40, y1 - 3, x0 + 80, y1 + 3), fill="white")
    return LineMap.of(np.asarray(picture))


def rooms(*found: tuple[Box, float]) -> Detections:
    """Boxes in pixels of the page and their scores."""
    boxes = np.array([box for box, _ in found], np.float32).reshape(-1, 4) / np.float32(SIZE)
    return Detections(boxes, np.array([score for _, score in found], np.float32))


def score_of(box: Box, found: Detections) -> float:
    """What is said of a box."""
    at = np.abs(found.boxes_xyxy * SIZE - np.array(box)).max(axis=1) < 1
    return float(found.scores[at].item())


def test_a_box_without_a_door_is_less_of_a_room() -> None:
    """As a cell of a table has none."""
    closed = rescore(rooms((ROOM, 0.5)), page(ROOM)).scores.item()
    opened = rescore(rooms((ROOM, 0.5)), page(ROOM, door=True)).scores.item()

    assert closed < opened - 0.1
    assert opened > 0.5


def test_a_surer_score_stays_the_surer_one() -> None:
    """Boxes that nothing is known of keep their order, from the lowest score to the highest."""
    found = rooms(*(((x, x, x + 20, x + 20), x / 500) for x in range(5, 500, 30)))
    scores = rescore(found, page()).scores

    assert np.array_equal(np.sort(scores)[::-1], scores)
    assert len(np.unique(scores)) == len(found)
    assert (scores > 0).all()
    assert (scores < 1).all()


def test_a_box_around_found_rooms_is_less_of_one() -> None:
    """The more the more of it lies in them, and the surer they are."""
    halves = [(100, 100, 200, 250), (200, 100, 300, 250)]

    def around(*scores: float) -> float:
        found = rooms((ROOM, 0.5), *zip(halves, scores, strict=False))
        return score_of(ROOM, rescore(found, page()))

    alone, one, both, guessed = around(), around(0.9), around(0.9, 0.9), around(0.15, 0.15)
    assert both < one < alone
    assert both < guessed < alone
    assert around(NEIGHBOR_SCORE / 2, NEIGHBOR_SCORE / 2) == alone


def test_a_piece_of_a_surer_room_is_less_of_one() -> None:
    """Its whole is not."""
    piece = (120, 120, 180, 180)
    alone = rescore(rooms((piece, 0.5)), page()).scores.item()
    beside = rescore(rooms((ROOM, 0.9), (piece, 0.5)), page())

    assert score_of(piece, beside) < alone - 0.1


def test_a_box_at_the_frame_of_the_sheet_is_none() -> None:
    """A cell of the title strip; one of the same kind farther in is."""
    frame, cell = (20, 20, 480, 480), (380, 440, 479, 479)
    found = rescore(rooms((cell, 0.9), (ROOM, 0.8)), page(frame, cell, ROOM))

    assert found.boxes_xyxy * SIZE == pytest.approx(np.array([ROOM]), abs=0.01)
    assert len(rescore(rooms((cell, 0.9), (ROOM, 0.8)), page(cell, ROOM))) == 2


def test_no_room_stays_none() -> None:
    """On a page that may have a frame."""
    assert len(rescore(rooms(), page((20, 20, 480, 480)))) == 0


@pytest.mark.parametrize("confidence", [0.01, 0.05, 0.1, 0.25, 0.5, 0.99, 1.0])
def test_nothing_is_left_out_that_may_be_sure_enough(confidence: float) -> None:
    """Of a lower score none is put right to the confidence that is asked for."""
    least = least_score(confidence)
    assert 0 < least <= NEIGHBOR_SCORE
    if least > 0.011:
        assert rescore(rooms((ROOM, least * 0.98)), page()).scores.item() < confidence
