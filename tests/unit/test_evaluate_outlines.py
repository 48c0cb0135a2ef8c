# SPDX-License-Identifier: AGPL-3.0-or-later
"""How outlines are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.outlines import Picture, polygon_iou, read_boxes, report, write_boxes
from roomdet.geometry import Detections
from roomdet.outlines import UNCLEAR, Outline

SQUARE = np.array([(0, 0), (100, 0), (100, 100), (0, 100)], np.float64)
L_SHAPE = np.array([(0, 0), (100, 0), (100, 50), (50, 50), (50, 100), (0, 100)], np.float64)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(SQUARE, SQUARE, 1.0, id="same"),
        pytest.param(SQUARE, SQUARE + 500, 0.0, id="apart"),
        pytest.param(SQUARE, SQUARE + np.array([50, 0]), 1 / 3, id="half"),
        pytest.param(SQUARE, L_SHAPE, 0.75, id="L"),
        pytest.param(SQUARE / 1000, L_SHAPE / 1000, 0.75, id="fractions"),
    ],
)
def test_overlap_of_polygons(
    one: np.typing.NDArray[np.float64], other: np.typing.NDArray[np.float64], expected: float
) -> None:
    """Intersection over union, whatever the unit."""
    assert polygon_iou(one, other) == pytest.approx(expected, abs=0.003)


def picture(outlines: list[Outline]) -> Picture:
    """A page of 1000 px with an L-shaped room, found a little too wide, and a room never found."""
    found = Detections(
        np.array([(0, 0, 0.12, 0.1), (0.5, 0.5, 0.6, 0.6)], np.float32),
        np.array([0.9, 0.2], np.float32),
    )
    truth = [L_SHAPE, L_SHAPE + 300]
    return Picture(Path("plan.png"), (1000, 1000), truth, found, outlines, 0.01)


def test_polygons_are_judged_where_rooms_are_found() -> None:
    """Only found rooms count; boxes that are given a polygon's extent are judged as boxes."""
    exact = Outline(L_SHAPE / 1000, 0.99)
    figures = report([picture([exact, Outline(None, 0.1, UNCLEAR)])])

    assert (figures["true_rooms"], figures["found_rooms"]) == (2, 1)
    assert figures["with_polygon"] == 1
    assert figures["iou_of_polygons"]["mean"] == pytest.approx(1, abs=0.003)
    assert figures["iou_of_boxes_instead"]["mean"] == pytest.approx(0.75 / 1.2, abs=0.003)
    assert figures["ap50_95"]["extents_of_polygons"] > figures["ap50_95"]["boxes"]


def test_rooms_without_a_polygon_are_counted_by_reason() -> None:
    """A refusal lowers the share of polygons, not their overlap."""
    figures = report([picture([Outline(None, 0.1, UNCLEAR)] * 2)])

    assert figures["with_polygon"] == 0
    assert figures["without"] == {UNCLEAR: 1}
    assert figures["iou_of_polygons"] == {}
    assert figures["ap75"]["boxes"] == figures["ap75"]["extents_of_polygons"]


def test_found_rooms_are_kept_for_another_network(tmp_path: Path) -> None:
    """What was written is read again; a file that is not there has none."""
    one = picture([])
    assert read_boxes(tmp_path / "boxes.json") == {}
    write_boxes(tmp_path / "boxes.json", [one])
    kept = read_boxes(tmp_path / "boxes.json")["plan.png"]

    assert np.array_equal(kept.boxes_xyxy, one.found.boxes_xyxy)
    assert np.array_equal(kept.scores, one.found.scores)
