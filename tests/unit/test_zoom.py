# SPDX-License-Identifier: AGPL-3.0-or-later
"""A page of many small rooms is looked at again at twice the size, any other one once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.answers.judging import precision
from evaluation.mosaics import own_sheets
from roomdet.config import Config, Limits
from roomdet.detector import ZOOMED_STEP_PX, Look, load_detector
from roomdet.geometry import Detections, Letterbox, non_maximum_suppression
from roomdet.images import read_page
from roomdet.schema import RequestOptions
from tests.conftest import ROOT, SAMPLE_PNG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet.detector import OpenVinoDetector
    from roomdet.geometry import Boxes, Pixels

INPUT_PX, ZOOMED_PX = 640, 1280
BELOW_PX = 90
LOWEST = RequestOptions(confidence=0.01)


@cache
def detector(zoom_below_px: int = BELOW_PX, passes: int = 1) -> OpenVinoDetector:
    """The shipped network."""
    config = Config(zoom_below_px=zoom_below_px, passes=passes)
    return load_detector(ROOT / "weights" / "rooms", config)


@dataclass(slots=True)
class Sheet:
    """A file that is read at a size, and remembers at which.

    Attributes:
        data: The file.
        sides_px: What it was asked for.
    """

    data: bytes
    sides_px: list[int] = field(default_factory=list)

    def at(self, side_px: int) -> Pixels:
        """The page with a longer side of so many pixels."""
        self.sides_px.append(side_px)
        return read_page(self.data, page=1, side_px=side_px, limits=Limits()).pixels

    def detect(self, network: OpenVinoDetector, options: RequestOptions) -> Detections:
        """As the handler does it."""
        self.sides_px.clear()
        return network.detect(self.at(INPUT_PX), options, closer=self.at)


@pytest.fixture(scope="module")
def small() -> Sheet:
    """Nine plans on a sheet."""
    return Sheet(own_sheets(3)[0].data)


@pytest.mark.parametrize(
    "options", [RequestOptions(), LOWEST, RequestOptions(confidence=0.99, iou=0.1, max_rooms=1)]
)
def test_small_rooms_are_looked_at_more_closely(small: Sheet, options: RequestOptions) -> None:
    """Whatever the caller wants of the answer, which then is of the larger page alone."""
    found = small.detect(detector(), options)

    assert small.sides_px == [INPUT_PX, ZOOMED_PX]
    larger = detector()._look(small.at(ZOOMED_PX), 1, ZOOMED_PX, ZOOMED_STEP_PX)
    assert np.array_equal(found.boxes_xyxy, larger.rooms(options).boxes_xyxy)


def test_a_closer_look_finds_more() -> None:
    """On sheets of sixteen plans each; by far, so that other weights pass too."""
    sheets = own_sheets(4)
    closely, once = (
        precision(sheets, [Sheet(sheet.data).detect(detector(below), LOWEST) for sheet in sheets])
        for below in (BELOW_PX, 0)
    )

    assert closely.ap50 > once.ap50 + 0.05
    assert closely.ap50_95 > once.ap50_95 + 0.05


def test_a_plan_of_usual_rooms_is_looked_at_once() -> None:
    """With the same answer as without a closer look, and the golden plan, too, is proved so."""
    plan = Sheet(SAMPLE_PNG.read_bytes())
    found = plan.detect(detector(), RequestOptions())

    assert plan.sides_px == [INPUT_PX]
    once = plan.detect(detector(0), RequestOptions())
    np.testing.assert_allclose(found.boxes_xyxy, once.boxes_xyxy, atol=1e-5)
    np.testing.assert_allclose(found.scores, once.scores, atol=1e-5)


def test_it_can_be_switched_off(small: Sheet) -> None:
    """By 0; and who gives no larger page has one look."""
    found = small.detect(detector(0), RequestOptions())

    assert small.sides_px == [INPUT_PX]
    alone = detector().detect(small.at(INPUT_PX), RequestOptions())
    np.testing.assert_allclose(found.boxes_xyxy, alone.boxes_xyxy, atol=1e-5)


def test_two_passes_look_closer_too(small: Sheet) -> None:
    """At both sizes."""
    found = small.detect(detector(passes=2), LOWEST)

    assert small.sides_px == [INPUT_PX, ZOOMED_PX]
    assert not np.array_equal(found.scores, small.detect(detector(), LOWEST).scores)


@pytest.mark.parametrize(
    ("options", "times"),
    [(RequestOptions(), 1), (RequestOptions(page=2), 1), (LOWEST, 2)],
    ids=["defaults", "defaults, page 2", "others"],
)
def test_an_answer_at_the_defaults_is_found_once(
    monkeypatch: pytest.MonkeyPatch, options: RequestOptions, times: int
) -> None:
    """What decides about a closer look is what is answered, whatever page it is."""
    thresholds: list[tuple[float, int]] = []

    def noted(found: Detections, *, iou: float, max_count: int) -> Detections:
        thresholds.append((iou, max_count))
        return non_maximum_suppression(found, iou=iou, max_count=max_count)

    network = detector()
    monkeypatch.setattr("roomdet.detector.non_maximum_suppression", noted)
    Sheet(SAMPLE_PNG.read_bytes()).detect(network, options)

    assert thresholds == [(0.45, 300)] * times


# -- what counts as many small rooms ----------------------------------------------------------


def look_at(boxes_cxcywh_px: Sequence[tuple[float, float, float, float]], score: float) -> Look:
    """What a network says that sees these boxes on a page of 640 by 300 px, its canvas has 320."""
    letterbox = Letterbox.around((640, 300), INPUT_PX)
    output: Boxes = np.zeros((5, max(1, len(boxes_cxcywh_px))), np.float32)
    for column, box in enumerate(boxes_cxcywh_px):
        output[:, column] = (*box, score)
    return Look(output, letterbox)


def row_of(side_px: float, count: int, *, y: float) -> list[tuple[float, float, float, float]]:
    """Squares side by side; a side of 0 would be no room."""
    return [(40 + 80 * place, y, side_px, side_px) for place in range(count)]


@pytest.mark.parametrize(
    ("boxes", "score", "is_small"),
    [
        pytest.param(row_of(59, 8, y=50), 0.9, True, id="8 small ones"),
        pytest.param(row_of(50, 7, y=50), 0.9, False, id="7 small ones"),
        pytest.param(row_of(50, 8, y=50), 0.2, False, id="8 unsure ones"),
        pytest.param(row_of(79, 8, y=50), 0.9, False, id="8 large ones"),
        pytest.param(row_of(50, 6, y=50) + row_of(79, 2, y=250), 0.9, True, id="6 of 8"),
        pytest.param(row_of(50, 6, y=50) + row_of(79, 3, y=250), 0.9, False, id="6 of 9"),
        pytest.param(row_of(50, 4, y=50) * 3, 0.9, False, id="4, each seen three times"),
        pytest.param([], 0.9, False, id="none"),
    ],
)
def test_most_of_many_rooms_are_small(
    boxes: list[tuple[float, float, float, float]], score: float, *, is_small: bool
) -> None:
    """Eight rooms of an answer at the defaults, three of four of them below the side."""
    assert look_at(boxes, score).has_small_rooms(below_px=60) is is_small
