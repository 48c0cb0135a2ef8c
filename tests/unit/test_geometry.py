# SPDX-License-Identifier: AGPL-3.0-or-later
"""Boxes, letterbox, grid and suppression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from roomdet.geometry import (
    CANVAS_STEP_PX,
    GRID,
    PADDING_VALUE,
    Boxes,
    Detections,
    Letterbox,
    fit_within,
    fractions_to_grid,
    iou_matrix,
    non_maximum_suppression,
    vote,
)

SIDES = st.integers(1, 20_000)


def boxes_of(*rows: tuple[float, float, float, float]) -> Boxes:
    """Boxes as an array, also when there are none."""
    return np.array(rows, np.float32).reshape(-1, 4)


def detections_of(*rows: tuple[float, float, float, float, float]) -> Detections:
    """Detections from rows of four corners and a score."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4])


@st.composite
def fractions(draw: st.DrawFn) -> Boxes:
    """Up to 40 boxes as fractions of the page, corners in order, also empty and tiny ones."""
    corners: npt.NDArray[np.float32] = draw(
        hnp.arrays(
            np.float32,
            st.tuples(st.integers(0, 40), st.just(2), st.just(2)),
            elements=st.floats(0, 1, width=32),
        )
    )
    return np.sort(corners, axis=1).reshape(-1, 4)


@given(width=SIDES, height=SIDES, side=st.integers(1, 2000))
def test_a_fitted_page_has_the_wanted_longer_side(width: int, height: int, side: int) -> None:
    """The longer side is exact, the shorter one at least a pixel, the proportions are kept."""
    fitted = fit_within((width, height), side)

    assert max(fitted) == side
    assert min(fitted) >= 1
    assert abs(fitted[0] * height - fitted[1] * width) <= max(width, height)


@pytest.mark.parametrize(
    ("page_wh", "canvas_wh", "offset"),
    [
        pytest.param((640, 640), (640, 640), (0, 0), id="square"),
        pytest.param((640, 453), (640, 480), (0, 13), id="wide-odd"),
        pytest.param((453, 640), (480, 640), (13, 0), id="tall-odd"),
        pytest.param((640, 480), (640, 480), (0, 0), id="fits"),
        pytest.param((640, 481), (640, 640), (0, 79), id="just-too-large"),
        pytest.param((1, 640), (160, 640), (79, 0), id="one-pixel-wide"),
    ],
)
def test_the_letterbox_centers_the_page(
    page_wh: tuple[int, int], canvas_wh: tuple[int, int], offset: tuple[int, int]
) -> None:
    """An odd remainder goes to the right and bottom, as in ultralytics' LetterBox."""
    letterbox = Letterbox.around(page_wh, 640)

    assert (letterbox.canvas_wh_px, letterbox.offset_xy_px) == (canvas_wh, offset)


def test_the_letterbox_pads_with_the_training_gray() -> None:
    """The canvas around the page is the gray that the network was trained with."""
    canvas = Letterbox.around((64, 62), 64).place(np.zeros((62, 64, 3), np.uint8))

    assert canvas.shape == (64, 64, 3)
    assert np.all(canvas[1:63] == 0)
    assert np.all(canvas[[0, 63]] == PADDING_VALUE)


@given(width=SIDES, height=SIDES, side=st.integers(1, 60).map(lambda strides: 32 * strides))
def test_a_canvas_holds_the_page(width: int, height: int, side: int) -> None:
    """Nothing is cropped, the network can take it, and it is no larger than it must be."""
    page_wh = fit_within((width, height), side)
    canvas = Letterbox.around(page_wh, side).canvas_wh_px

    for page_px, canvas_px in zip(page_wh, canvas, strict=True):
        assert canvas_px % 32 == 0
        assert page_px <= canvas_px <= side
        assert canvas_px - page_px < CANVAS_STEP_PX


def test_canvases_have_few_forms() -> None:
    """Each takes memory that is never given back."""
    pages = [fit_within((width, 1000), 640) for width in range(1, 1000)]
    pages += [(height, width) for width, height in pages]

    assert len({Letterbox.around(page_wh, 640).canvas_wh_px for page_wh in pages}) == 7


@pytest.mark.parametrize("page_wh", [(641, 10), (10, 641), (0, 10)])
def test_a_page_that_does_not_fit_is_refused(page_wh: tuple[int, int]) -> None:
    """A letterbox never crops and never holds an empty page."""
    with pytest.raises(ValueError, match="does not fit"):
        Letterbox.around(page_wh, 640)


@given(width=st.integers(1, 640), height=st.integers(1, 640), boxes=fractions())
def test_boxes_survive_the_way_to_the_canvas_and_back(
    width: int, height: int, boxes: Boxes
) -> None:
    """A box of the page, moved onto the canvas and mapped back, is the same box."""
    letterbox = Letterbox.around((width, height), 640)
    size = np.array([width, height] * 2, np.float32)
    offset = np.array(letterbox.offset_xy_px * 2, np.float32)

    back = letterbox.canvas_to_page(boxes * size + offset)

    np.testing.assert_allclose(back, boxes, atol=2e-4)


@given(fractions())
def test_every_grid_box_has_an_area(boxes: Boxes) -> None:
    """Whatever the box, even a sliver at an edge, 0 <= min < max <= 1000."""
    grid = fractions_to_grid(boxes)

    assert grid.shape == (len(boxes), 4)
    assert np.all(grid >= 0)
    assert np.all(grid <= GRID)
    assert np.all(grid[:, :2] < grid[:, 2:])


@given(fractions())
def test_the_grid_rounds_to_the_nearest(boxes: Boxes) -> None:
    """No edge moves by more than one step, and by half a step where the box is not a sliver."""
    moved = np.abs(fractions_to_grid(boxes) - boxes * GRID)
    is_sliver = ((boxes[:, 2:] - boxes[:, :2]) * GRID < 1).any(axis=1)

    assert np.all(moved <= 1.001)
    assert np.all(moved[~is_sliver] <= 0.501)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param((0, 0, 1, 1), (0, 0, 1000, 1000), id="whole-page"),
        pytest.param((0.9999, 0.2, 1, 0.3), (999, 200, 1000, 300), id="sliver-right"),
        pytest.param((0, 0, 0.0001, 0.3), (0, 0, 1, 300), id="sliver-left"),
        pytest.param((0.5, 1, 0.6, 1), (500, 999, 600, 1000), id="empty-bottom"),
    ],
)
def test_the_grid_at_the_edges(
    box: tuple[float, float, float, float], expected: tuple[int, int, int, int]
) -> None:
    """A sliver is widened inwards."""
    assert list(expected) == fractions_to_grid(boxes_of(box))[0].tolist()


@pytest.mark.parametrize(
    ("box", "other", "expected"),
    [
        pytest.param((0, 0, 2, 2), (0, 0, 2, 2), 1.0, id="same"),
        pytest.param((0, 0, 2, 2), (1, 0, 3, 2), 1 / 3, id="half"),
        pytest.param((0, 0, 1, 1), (1, 1, 2, 2), 0.0, id="touching"),
        pytest.param((0, 0, 1, 1), (5, 5, 6, 6), 0.0, id="apart"),
        pytest.param((1, 1, 1, 1), (1, 1, 1, 1), 0.0, id="empty"),
    ],
)
def test_intersection_over_union(
    box: tuple[float, float, float, float],
    other: tuple[float, float, float, float],
    expected: float,
) -> None:
    """The table of known overlaps."""
    assert iou_matrix(boxes_of(box), boxes_of(other))[0, 0] == pytest.approx(expected)


def test_no_boxes_give_an_empty_matrix() -> None:
    """Shapes hold when one side has no boxes."""
    assert iou_matrix(boxes_of(), boxes_of((0, 0, 1, 1))).shape == (0, 1)


def test_suppression_keeps_the_more_confident_box() -> None:
    """Of two overlapping boxes one stays; a distant one is not touched."""
    found = detections_of((0, 0, 10, 10, 0.5), (1, 0, 11, 10, 0.9), (50, 50, 60, 60, 0.3))

    kept = non_maximum_suppression(found, iou=0.45, max_count=300)

    assert kept.scores.tolist() == pytest.approx([0.9, 0.3])


def test_suppression_needs_more_than_the_threshold() -> None:
    """An overlap of exactly the threshold is allowed, as in torchvision's nms."""
    found = detections_of((0, 0, 2, 1, 0.9), (0, 0, 1, 1, 0.8))

    assert len(non_maximum_suppression(found, iou=0.5, max_count=300)) == 2


def test_suppression_stops_at_the_maximum() -> None:
    """The most confident ones are kept."""
    found = detections_of(*((i * 10, 0, i * 10 + 5, 5, i / 10) for i in range(10)))

    assert non_maximum_suppression(found, iou=0.45, max_count=2).scores.tolist() == pytest.approx(
        [0.9, 0.8]
    )


def test_suppression_of_nothing() -> None:
    """No boxes in, no boxes out."""
    assert len(non_maximum_suppression(detections_of(), iou=0.45, max_count=300)) == 0


@st.composite
def candidates(draw: st.DrawFn) -> Detections:
    """Boxes with distinct scores."""
    boxes = draw(fractions())
    scores = np.linspace(0.1, 0.9, len(boxes), dtype=np.float32)
    return Detections(boxes, np.array(draw(st.permutations(list(scores))), np.float32))


@given(found=candidates(), iou=st.floats(0, 1))
def test_suppression_is_idempotent(found: Detections, iou: float) -> None:
    """What is kept is kept again: no two kept boxes overlap too much."""
    once = non_maximum_suppression(found, iou=iou, max_count=300)
    twice = non_maximum_suppression(once, iou=iou, max_count=300)

    np.testing.assert_array_equal(once.boxes_xyxy, twice.boxes_xyxy)


@given(found=candidates(), iou=st.floats(0, 1), seed=st.integers(0, 1000))
def test_suppression_does_not_depend_on_the_order(found: Detections, iou: float, seed: int) -> None:
    """The network's order of candidates plays no role."""
    shuffled = np.random.default_rng(seed).permutation(len(found))
    other = Detections(found.boxes_xyxy[shuffled], found.scores[shuffled])

    np.testing.assert_array_equal(
        non_maximum_suppression(found, iou=iou, max_count=300).boxes_xyxy,
        non_maximum_suppression(other, iou=iou, max_count=300).boxes_xyxy,
    )


@given(found=candidates(), iou=st.floats(0, 1))
def test_every_dropped_box_overlaps_a_kept_one(found: Detections, iou: float) -> None:
    """Nothing disappears without a more confident neighbor."""
    kept = non_maximum_suppression(found, iou=iou, max_count=300)
    dropped = ~np.isin(found.scores, kept.scores)
    if not dropped.any():
        return

    overlap = iou_matrix(found.boxes_xyxy[dropped], kept.boxes_xyxy)
    stronger = kept.scores[None] >= found.scores[dropped][:, None]

    assert ((overlap > iou) & stronger).any(axis=1).all()


@given(kept=candidates(), voters=candidates(), least_iou=st.floats(0.1, 1))
def test_corners_are_voted(kept: Detections, voters: Detections, least_iou: float) -> None:
    """Each box by those that overlap it, as if it were alone; without voters it stays."""
    voted = vote(kept, voters, least_iou=least_iou)

    assert np.array_equal(voted.scores, kept.scores)
    for box, found in zip(kept.boxes_xyxy, voted.boxes_xyxy, strict=True):
        weights = voters.scores * (iou_matrix(box[None], voters.boxes_xyxy)[0] >= least_iou)
        mean = weights @ voters.boxes_xyxy / weights.sum() if weights.any() else box
        assert found == pytest.approx(mean, rel=1e-4, abs=1e-3)


def test_any_number_of_boxes_is_voted_on() -> None:
    """A hundred in a row, each by its own two voters."""
    left = np.arange(100, dtype=np.float32)[:, None] * 20
    kept = left + np.array([[0, 0, 10, 10]], np.float32)
    scores = np.ones(100, np.float32)
    voters = Detections(np.concatenate([kept, kept + np.float32(1)]), np.ones(200, np.float32))

    voted = vote(Detections(kept, scores), voters, least_iou=0.5)

    assert voted.boxes_xyxy == pytest.approx(kept + 0.5)


def test_detections_refuse_mismatched_arrays() -> None:
    """A box without a score is a mistake of ours, seen where it is made."""
    with pytest.raises(ValueError, match="expected boxes"):
        Detections(boxes_of((0, 0, 1, 1)), np.zeros(2, np.float32))
