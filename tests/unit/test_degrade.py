# SPDX-License-Identifier: AGPL-3.0-or-later
"""Spoilt pages keep their form, are repeatable, and boxes follow what they enclose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from training.degrade import degrade_randomly
from training.degrade.geometry import photograph, quarter_turn, skew
from training.degrade.mix import EFFECTS, STAGES, Effect

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomdet.geometry import Boxes, Pixels

PAGE_WH = (413, 300)
ROOM = (120, 60, 300, 200)
EACH_EFFECT = pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)


@pytest.fixture
def page() -> Pixels:
    """A room with thick walls, a door line and a shade of grey."""
    picture = Image.new("RGB", PAGE_WH, "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle(ROOM, fill=(225, 225, 225), outline="black", width=6)
    pen.line((120, 130, 300, 130), fill="black", width=1)
    return np.array(picture)


def generator(seed: int = 3) -> np.random.Generator:
    """A generator in the same state for the same seed."""
    return np.random.default_rng(seed)


@EACH_EFFECT
@pytest.mark.parametrize("severity", [0.0, 0.5, 1.0])
def test_an_effect_changes_the_page_and_keeps_its_form(
    page: Pixels, effect: Effect, severity: float
) -> None:
    """Shape, type and the given page stay; the same seed gives the same page."""
    before = page.copy()

    spoilt, again = (effect.apply(page, severity, 1.0, generator()) for _ in range(2))

    assert spoilt.shape == page.shape
    assert spoilt.dtype == np.uint8
    assert spoilt.flags.c_contiguous
    assert (spoilt != page).any()
    np.testing.assert_array_equal(before, page)
    np.testing.assert_array_equal(again, spoilt)


@EACH_EFFECT
def test_an_effect_leaves_the_walls_in_place(page: Pixels, effect: Effect) -> None:
    """Walls still stand out from the paper around them where they were, most of all shifts."""
    walls = 255.0 - page.mean(axis=2)

    spoilt = effect.apply(page, 0.5, 1.0, generator()).astype(np.float64).mean(axis=2)

    def likeness(dx: int, dy: int) -> float:
        shifted = np.roll(spoilt, (dy, dx), (0, 1))
        return abs(float(np.corrcoef(shifted.ravel(), walls.ravel())[0, 1]))

    here = likeness(0, 0)
    assert here > 0.3
    assert all(here > likeness(dx, dy) for dx, dy in [(5, 0), (-5, 0), (0, 5), (0, -5)])


@pytest.mark.parametrize("wh", [(1, 1), (7, 3), (640, 20)])
def test_pages_of_any_size_can_be_spoilt(wh: tuple[int, int]) -> None:
    """A page may be a sliver."""
    blank = np.full((wh[1], wh[0], 3), 255, np.uint8)

    for effect in EFFECTS:
        assert effect.apply(blank, 1.0, 1.0, generator()).shape == blank.shape, effect.name


def test_every_effect_has_a_stage() -> None:
    """The mix knows when each happens, and no stage is empty."""
    assert {effect.stage for effect in EFFECTS} == set(STAGES)


def test_the_random_mix_is_moderate_and_repeatable(page: Pixels) -> None:
    """A quarter of the pages stays as it was; equal seeds give equal pages."""
    pages = [degrade_randomly(page, generator(seed)) for seed in range(200)]
    untouched = sum((spoilt == page).all() for spoilt in pages)

    assert 35 <= untouched <= 70
    np.testing.assert_array_equal(degrade_randomly(page, generator(7)), pages[7])


def turned(page: Pixels, boxes: Boxes) -> tuple[Pixels, Boxes]:
    """A quarter turn to the left."""
    return quarter_turn(page, boxes, 90)


MOVES: dict[str, Callable[[Pixels, Boxes], tuple[Pixels, Boxes]]] = {
    "90": turned,
    "180": lambda page, boxes: quarter_turn(page, boxes, 180),
    "270": lambda page, boxes: quarter_turn(page, boxes, 270),
    "skew-left": lambda page, boxes: skew(page, boxes, 3.0),
    "skew-right": lambda page, boxes: skew(page, boxes, -10.0),
    "photo": lambda page, boxes: photograph(page, boxes, 0.15, generator()),
    "steep-photo": lambda page, boxes: photograph(page, boxes, 0.35, generator(5)),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_box_follows_its_room(move: Callable[[Pixels, Boxes], tuple[Pixels, Boxes]]) -> None:
    """A red rectangle lies within its new box and touches all four sides, to a pixel and a half."""
    picture = Image.new("RGB", PAGE_WH, "white")
    left, top, right, bottom = ROOM
    ImageDraw.Draw(picture).rectangle((left, top, right - 1, bottom - 1), fill=(255, 0, 0))

    moved, boxes = move(np.array(picture), np.array([ROOM], np.float32))

    red = (moved[:, :, 0] > 190) & (moved[:, :, 1] < 64) & (moved[:, :, 2] < 64)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    np.testing.assert_allclose(boxes[0], found, atol=1.5)
    assert boxes.dtype == np.float32
    assert moved.flags.c_contiguous


def test_four_quarter_turns_are_none(page: Pixels) -> None:
    """A page and its boxes come back exactly."""
    boxes = np.array([ROOM, (0, 0, *PAGE_WH)], np.float32)
    turned_page, turned_boxes = page, boxes

    for _ in range(4):
        turned_page, turned_boxes = quarter_turn(turned_page, turned_boxes, 90)

    np.testing.assert_array_equal(page, turned_page)
    np.testing.assert_array_equal(boxes, turned_boxes)


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_page_without_rooms_moves_too(
    page: Pixels, move: Callable[[Pixels, Boxes], tuple[Pixels, Boxes]]
) -> None:
    """No boxes in, none out."""
    _, boxes = move(page, np.zeros((0, 4), np.float32))

    assert boxes.shape == (0, 4)
