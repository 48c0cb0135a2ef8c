# SPDX-License-Identifier: AGPL-3.0-or-later
"""Test-time augmentation: the network's answers to a page and to its mirror image, averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomdet.anchors import STRIDES, anchor_count, mirror_back
from roomdet.config import Config, Limits, Precision
from roomdet.detector import OpenVinoDetector, load_detector
from roomdet.images import read_page
from roomdet.schema import RequestOptions
from tests.conftest import ROOT

if TYPE_CHECKING:
    from roomdet.detector import RawPrediction
    from roomdet.geometry import Boxes, Pixels

CANVAS_WH_PX = WIDTH_PX, HEIGHT_PX = 96, 64
NETWORK = ROOT / "weights" / "rooms"
LIMITS = Limits()


def answer_to(center_xy: tuple[int, int], stride: int) -> Boxes:
    """A network's output that sees one box, 10 by 6 px, at the anchor of a cell."""
    output = np.zeros((5, anchor_count(CANVAS_WH_PX)), np.float32)
    first = sum((WIDTH_PX // finer) * (HEIGHT_PX // finer) for finer in STRIDES if finer < stride)
    column, row = center_xy[0] // stride, center_xy[1] // stride
    output[:, first + row * (WIDTH_PX // stride) + column] = (*center_xy, 10, 6, 0.9)
    return output


@given(
    st.tuples(st.integers(1, WIDTH_PX - 1), st.integers(0, HEIGHT_PX - 1)),
    st.sampled_from(STRIDES),
)
def test_a_mirrored_answer_is_that_to_the_mirror_image(xy: tuple[int, int], stride: int) -> None:
    """Box and anchor, wherever the box lies off the borders of cells."""
    x, y = xy
    if x % stride == 0:
        x += 1
    there, here = answer_to((WIDTH_PX - x, y), stride), answer_to((x, y), stride)

    back = mirror_back(there, CANVAS_WH_PX)

    seen = back[4] > 0
    assert np.array_equal(seen, here[4] > 0)
    assert np.array_equal(back[:, seen], here[:, seen])


def test_mirroring_twice_changes_nothing() -> None:
    """Nor does it change what it gets."""
    output = (
        np.random.default_rng(1).uniform(0, 64, (5, anchor_count(CANVAS_WH_PX))).astype(np.float32)
    )
    before = output.copy()

    twice = mirror_back(mirror_back(output, CANVAS_WH_PX), CANVAS_WH_PX)

    assert np.array_equal(output, before)
    np.testing.assert_allclose(twice, output, atol=1e-4)


def detector(tta_flip: int) -> OpenVinoDetector:
    """The shipped network in fp32."""
    return load_detector(NETWORK, Config(Precision.FP32, tta_flip=tta_flip))


@pytest.fixture(scope="module")
def page() -> Pixels:
    """The sample plan at the network's size."""
    data = (ROOT / "docs" / "sample" / "plan.png").read_bytes()
    return read_page(data, page=1, side_px=640, limits=LIMITS).pixels


def test_two_passes_do_not_know_left_from_right(page: Pixels) -> None:
    """A mirrored page has the mirrored rooms, which a single pass does not promise."""
    found = {}
    for tta_flip in (0, 1):
        network, options = detector(tta_flip), RequestOptions(confidence=0.2)
        upright = network.detect(page, options)
        mirrored = network.detect(np.ascontiguousarray(page[:, ::-1]), options)
        boxes = mirrored.boxes_xyxy.copy()
        boxes[:, [0, 2]] = 1 - mirrored.boxes_xyxy[:, [2, 0]]
        found[tta_flip] = upright, boxes, mirrored.scores

    upright, boxes, scores = found[1]
    assert len(upright) > 5
    np.testing.assert_allclose(boxes, upright.boxes_xyxy, atol=2e-3)
    np.testing.assert_allclose(scores, upright.scores, atol=2e-3)
    single, _, single_scores = found[0]
    assert len(single_scores) != len(single) or not np.allclose(
        single_scores, single.scores, atol=2e-3
    )


def test_the_golden_plan_is_judged_in_a_single_pass(page: Pixels) -> None:
    """As the reference found its rooms, whatever is configured; asked for no mirror, all do so."""
    options = RequestOptions(confidence=0.2)
    single, both = detector(0), detector(1)

    assert np.array_equal(
        single.detect(page, options).boxes_xyxy,
        both.detect(page, options, tta_flip=False).boxes_xyxy,
    )
    assert not np.array_equal(
        single.detect(page, options).scores, both.detect(page, options).scores
    )


def test_the_proof_of_a_mirroring_detector_asks_for_one_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The mean of two may find the golden plan's rooms where one pass does not."""
    asked, predict = list[bool | None](), OpenVinoDetector.predict

    def noted(
        self: OpenVinoDetector, pixels: Pixels, *, tta_flip: bool | None = None
    ) -> RawPrediction:
        asked.append(tta_flip)
        return predict(self, pixels, tta_flip=tta_flip)

    monkeypatch.setattr(OpenVinoDetector, "predict", noted)
    detector(1)

    assert asked == [False]
