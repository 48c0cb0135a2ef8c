# SPDX-License-Identifier: AGPL-3.0-or-later
"""Completed plan sets: given boxes stay, missing rooms join them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from plans.complete import Rule, complete, missing_rooms
from plans.plan_sets import read_plan_set
from roomdet.geometry import Detections

GIVEN = np.array([[0.1, 0.1, 0.3, 0.3]], np.float32)


@pytest.mark.parametrize(
    ("box", "score", "is_added"),
    [
        ((0.5, 0.5, 0.7, 0.7), 0.9, True),
        ((0.5, 0.5, 0.7, 0.7), 0.4, False),  # not certain enough
        ((0.1, 0.1, 0.3, 0.28), 0.9, False),  # the given room again
        ((0.25, 0.25, 0.5, 0.5), 0.9, True),  # touches the given room
        ((0.0, 0.0, 1.0, 0.9), 0.9, False),  # the whole plan
    ],
)
def test_a_detection_joins_if_it_is_new(
    box: tuple[float, float, float, float],
    score: float,
    is_added: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Confident, apart from the given boxes, and not the plan as a whole."""
    found = Detections(np.array([box], np.float32), np.array([score], np.float32))
    assert len(missing_rooms(GIVEN, found, Rule())) == is_added


def test_everything_new_joins_an_empty_picture() -> None:
    """A picture without labels takes each confident detection."""
    found = Detections(GIVEN, np.array([0.8], np.float32))
    assert np.array_equal(missing_rooms(np.zeros((0, 4), np.float32), found, Rule()), GIVEN)


def test_the_sample_plan_is_completed(tmp_path: Path) -> None:
    """The shipped network adds rooms to a plan of which one room is labeled."""
    plans, out = tmp_path / "plans", tmp_path / "completed"
    for name in ("images", "labels"):
        (plans / name).mkdir(parents=True)
    shutil.copy("docs/sample/plan.png", plans / "images")
    (plans / "labels" / "plan.txt").write_text("0 0.9 0.1 0.05 0.05\n")
    samples = read_plan_set(plans).samples
    given, added = complete(samples, Path("weights/rooms"), out, Rule())
    completed = read_plan_set(out).samples[0]
    assert given == 1
    assert added >= 4
    assert len(completed.boxes_xywhn) == 1 + added
    assert completed.boxes_xywhn[0] == pytest.approx([0.9, 0.1, 0.05, 0.05])
    assert (plans / "labels" / "plan.txt").read_text() == "0 0.9 0.1 0.05 0.05\n"
