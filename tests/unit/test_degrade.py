# SPDX-License-Identifier: AGPL-3.0-or-later
"""Spoiled pages keep their form, are repeatable, and boxes follow what they enclose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from plans.degrade import EFFECT_NAMES, degrade_randomly, mix
from plans.degrade.geometry import photograph, quarter_turn, skew
from plans.degrade.mix import EFFECTS, STAGES, Effect

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomdet.geometry import Boxes, Pixels

PAGE_WH = (413, 300)
ROOM = (120, 60, 300, 200)
# Effect and severity, seeds 0 to 7, as when the mix was first trained on.
HAPPENED = [
    "thicken 0.32", "notes 0.10", "blur 0.07", "notes 0.51", "fade 0.39", "invert 0.63",
    "contrast 0.82", "invert 0.63", "blur 0.91", "cloud 0.18", "thicken 0.54", "photocopy 0.50",
]  # fmt: skip
EACH_EFFECT = pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)


@pytest.fixture
def page() -> Pixels:
    """A room with thick walls, a door line and a shade of gray."""
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

    spoiled, again = (effect.apply(page, severity, 1.0, generator()) for _ in range(2))

    assert spoiled.shape == page.shape
    assert spoiled.dtype == np.uint8
    assert spoiled.flags.c_contiguous
    assert (spoiled != page).any()
    np.testing.assert_array_equal(before, page)
    np.testing.assert_array_equal(again, spoiled)


@EACH_EFFECT
def test_an_effect_leaves_the_walls_in_place(page: Pixels, effect: Effect) -> None:
    """Walls still stand out from the paper around them where they were, most of all shifts."""
    walls = 255.0 - page.mean(axis=2)

    spoiled = effect.apply(page, 0.5, 1.0, generator()).astype(np.float64).mean(axis=2)

    def likeness(dx: int, dy: int) -> float:
        shifted = np.roll(spoiled, (dy, dx), (0, 1))
        return abs(float(np.corrcoef(shifted.ravel(), walls.ravel())[0, 1]))

    here = likeness(0, 0)
    assert here > 0.3
    assert all(here > likeness(dx, dy) for dx, dy in [(5, 0), (-5, 0), (0, 5), (0, -5)])


@pytest.mark.parametrize("wh", [(1, 1), (7, 3), (640, 20)])
def test_pages_of_any_size_can_be_spoiled(wh: tuple[int, int]) -> None:
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
    untouched = sum((spoiled == page).all() for spoiled in pages)

    assert 35 <= untouched <= 70
    np.testing.assert_array_equal(degrade_randomly(page, generator(7)), pages[7])


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name and severity of each effect that is applied from here on."""
    record: list[str] = []

    def noting(effect: Effect) -> Effect:
        def apply(page: Pixels, severity: float, scale: float, rng: np.random.Generator) -> Pixels:
            record.append(f"{effect.name} {severity:.2f}")
            return effect.apply(page, severity, scale, rng)

        return replace(effect, apply=apply)

    monkeypatch.setattr(mix, "EFFECTS", tuple(map(noting, EFFECTS)))
    return record


@pytest.mark.parametrize("without", [(), EFFECT_NAMES], ids=["with", "without"])
def test_what_happens_to_a_seed_stays_the_same(
    page: Pixels, happened: list[str], without: tuple[str, ...]
) -> None:
    """Sets that were drawn once can be drawn again; what is left out moves nothing else."""
    for seed in range(8):
        spoiled = degrade_randomly(page, generator(seed), without)
        assert not without or (spoiled == page).all()

    assert happened == HAPPENED


@EACH_EFFECT
def test_an_effect_can_be_left_out(page: Pixels, effect: Effect, happened: list[str]) -> None:
    """Pages that have it differ, all others are the same to the pixel."""
    strip, differing = page[100:160], 0  # a strip across the room
    for seed in range(150):
        happened.clear()
        whole = degrade_randomly(strip, generator(seed))
        has_it = any(row.startswith(f"{effect.name} ") for row in happened)
        differs = (degrade_randomly(strip, generator(seed), [effect.name]) != whole).any()
        assert has_it or not differs
        differing += bool(differs)

    assert differing


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
