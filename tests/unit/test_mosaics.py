# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sheets of several plans know their rooms, and answers to them are judged."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from evaluation.mosaics import KnownPlan, compose, mirrored, own_sheets
from evaluation.precision import precision
from plans.sample.plan import PLAN_BUILDERS
from roomdet.geometry import Boxes, Detections

if TYPE_CHECKING:
    import numpy.typing as npt

RED = (255, 0, 0)


def boxes_of(*rows: tuple[float, float, float, float]) -> Boxes:
    """Boxes as an array, also when there are none."""
    return np.array(rows, np.float32).reshape(-1, 4)


def test_composed_sheets_know_their_rooms() -> None:
    """Rooms lie where their colors are, on pictures of different sizes."""
    cells: list[tuple[Image.Image, Boxes]] = []
    for place in range(4):
        box = (0.25, 0.5, 0.75, 0.75)
        picture = Image.new("RGB", (80, 40 + 20 * place), "white")
        corners = np.rint(np.array(box) * (picture.size * 2)).astype(int).tolist()
        picture.paste(RED, tuple(corners))
        cells.append((picture, boxes_of(box)))
    sheet = compose(cells, 2)

    pixels: npt.NDArray[np.uint8] = np.asarray(Image.open(io.BytesIO(sheet.data)))
    assert sheet.size_wh_px == (160, 200)
    for x0, y0, x1, y1 in np.rint(sheet.rooms_xyxy_norm * (160, 200, 160, 200)).astype(int):
        assert (pixels[y0:y1, x0:x1] == RED).all()
        pixels = pixels.copy()
        pixels[y0:y1, x0:x1] = 255
    assert (pixels == 255).all()


def test_own_sheets_have_every_room() -> None:
    """A sheet of four plans has the rooms of four; mirrored ones are mirrored."""
    sheets = own_sheets(2)
    counts = [len(build().rooms) for build in PLAN_BUILDERS]

    assert [len(sheet.rooms_xyxy_norm) for sheet in sheets] == [
        sum(counts) + count for count in counts
    ]
    assert mirrored(boxes_of((0.1, 0.2, 0.4, 0.5)))[0] == pytest.approx([0.6, 0.2, 0.9, 0.5])


def test_precision_of_known_answers() -> None:
    """All rooms, none, and each room beside as good a false one."""
    rooms = boxes_of((0.1, 0.1, 0.4, 0.4), (0.5, 0.5, 0.9, 0.9))
    plan = KnownPlan(b"", (200, 100), rooms)
    right = Detections(rooms, np.array([0.9, 0.8], np.float32))
    wrong = Detections(rooms + np.float32(0.35), right.scores)
    first = np.concatenate([wrong.boxes_xyxy[:1], rooms])
    below = Detections(first, np.array([0.95, 0.9, 0.8], np.float32))

    assert precision([plan], [right]).ap50_95 == pytest.approx(1)
    assert precision([plan], [Detections(boxes_of(), np.zeros(0, np.float32))]).ap50 == 0
    assert precision([plan], [below]).ap50 == pytest.approx(2 / 3, abs=0.01)
