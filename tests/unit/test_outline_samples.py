# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the outline network is trained on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from plans.synth.outline_samples import Room, draw_mask, draw_sample, read_rooms
from roomdet.room_crops import CROP_PX, MARGIN

if TYPE_CHECKING:
    from pathlib import Path

ROOM = [(30.0, 20.0), (130.0, 20.0), (130.0, 90.0), (80.0, 90.0), (80.0, 120.0), (30.0, 120.0)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plan of one room in black walls on white, and a room that is too small to have a form."""
    page = Image.new("RGB", (160, 140), "white")
    ImageDraw.Draw(page).line([*ROOM, ROOM[0]], fill="black", width=3)
    (tmp_path / "images").mkdir()
    page.save(tmp_path / "images" / "plan.png")
    small = [[1, 1], [5, 1], [5, 5], [1, 5]]
    row = {"image": "plan.png", "rooms": [{"polygon": ROOM}, {"polygon": small}]}
    (tmp_path / "rooms.jsonl").write_text(json.dumps(row) + "\n")
    return tmp_path


def test_a_room_is_read_with_what_is_around_it(folder: Path) -> None:
    """The outline lies on the walls of the picture that is kept; beyond the page is paper."""
    (room,) = read_rooms(folder)

    assert room.picture.shape == (220, 220)
    for x, y in room.corners_px:
        assert room.picture[int(y), int(x)] == 0
    assert room.picture[0, 0] == 255


def test_a_mask_is_as_large_as_its_polygon() -> None:
    """Pixels at the edge count in part."""
    mask = draw_mask(np.array([(10.25, 20.0), (60.5, 20.0), (60.5, 99.5), (10.25, 99.5)]))

    assert mask.dtype == np.float32
    assert mask.sum() == pytest.approx(50.25 * 79.5, rel=0.006)
    assert 0 < mask[50, 60] < 1


def test_a_sample_shows_its_mask(folder: Path) -> None:
    """Walls are at the edge of the mask and nowhere in it, however it is turned and inked."""
    (room,) = read_rooms(folder)
    for seed in range(40):
        crop, mask = draw_sample(room, np.random.default_rng(seed))
        assert crop.shape == mask.shape == (CROP_PX, CROP_PX)
        inside = crop[mask == 1].astype(float)
        wall = crop[(mask > 0) & (mask < 1)].astype(float)
        assert abs(np.median(inside) - np.median(wall)) > 25


def test_boxes_are_off_as_a_detector_is(folder: Path) -> None:
    """Masks mostly fill the place of the box, and not always: that has to be learned."""
    (room,) = read_rooms(folder)
    masks = [draw_sample(room, np.random.default_rng(seed))[1] for seed in range(60)]
    spans = np.array([(np.flatnonzero(mask.max(axis=0) > 0.5)[[0, -1]]) for mask in masks])

    edge = MARGIN / (1 + 2 * MARGIN) * CROP_PX
    assert np.median(spans[:, 0]) == pytest.approx(edge, abs=2)
    assert 1 < spans[:, 0].std() < 15


def test_equal_seeds_give_equal_samples(folder: Path) -> None:
    """A run that goes on sees what it would have seen."""
    (room,) = read_rooms(folder)
    one, other = (draw_sample(room, np.random.default_rng(3)) for _ in range(2))

    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])


def test_a_room_knows_its_extent() -> None:
    """Whatever its form."""
    room = Room(np.zeros((9, 9), np.uint8), np.array([(1, 2), (7, 3), (4, 8)], np.float64))
    assert room.box_xyxy_px.tolist() == [1, 2, 7, 8]
