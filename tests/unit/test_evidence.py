# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a page has ink, on any paper, and what of it is left beside rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from roomdet.evidence import InkMap
from roomdet.slices import Slice

if TYPE_CHECKING:
    from roomdet.geometry import Boxes, Pixels

WIDTH, HEIGHT = 640, 480
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
Color = tuple[int, int, int]
# Of the page's 640 x 480 px a tenth.
LEFT, UPPER, RIGHT, LOWER = 64, 96, 256, 256
SHARE = (RIGHT - LEFT) * (LOWER - UPPER) / (WIDTH * HEIGHT)


def page(paper: Color = WHITE, ink: Color = BLACK) -> Pixels:
    """A page with one inked rectangle."""
    pixels = np.full((HEIGHT, WIDTH, 3), paper, np.uint8)
    pixels[UPPER:LOWER, LEFT:RIGHT] = ink
    return pixels


def boxes(*rows: tuple[float, float, float, float]) -> Boxes:
    """Boxes as an array, also when there are none."""
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("paper", "ink", "strength"),
    [
        pytest.param(WHITE, BLACK, 1.0, id="black on white"),
        pytest.param(BLACK, WHITE, 1.0, id="white on black"),
        pytest.param((30, 60, 120), (255, 255, 255), 185 / 255, id="white on blue"),
        pytest.param((230, 225, 210), (40, 40, 40), 182 / 255, id="a scan on yellowed paper"),
        pytest.param(WHITE, (255, 0, 0), 170 / 255, id="red lines"),
        pytest.param(WHITE, (0, 0, 255), 170 / 255, id="blue lines"),
        pytest.param(WHITE, (0, 255, 255), 85 / 255, id="cyan lines"),
        pytest.param(WHITE, (255, 255, 0), 85 / 255, id="yellow lines"),
        pytest.param(WHITE, (200, 200, 200), 55 / 255, id="grey lines"),
        pytest.param(WHITE, (240, 240, 240), 0.0, id="a shadow on the paper"),
        pytest.param(WHITE, WHITE, 0.0, id="blank"),
        pytest.param(BLACK, BLACK, 0.0, id="black all over"),
    ],
)
def test_ink_is_what_differs_from_the_paper(paper: Color, ink: Color, strength: float) -> None:
    """By how much it does; noise of a scanner is none."""
    assert InkMap.of(page(paper, ink)).amount == pytest.approx(strength * SHARE, rel=1e-3)


def test_noise_is_no_ink() -> None:
    """A photo's paper is of many greys."""
    noise = np.random.default_rng(1).integers(-9, 10, (HEIGHT, WIDTH, 1))
    pixels = (np.full((HEIGHT, WIDTH, 3), 220) + noise).astype(np.uint8)

    assert InkMap.of(pixels).amount == 0


ROOM = (LEFT / WIDTH, UPPER / HEIGHT, RIGHT / WIDTH, LOWER / HEIGHT)


@pytest.mark.parametrize(
    ("rooms", "left"),
    [
        pytest.param(boxes(), 1.0, id="no room"),
        pytest.param(boxes(ROOM), 0.0, id="the room"),
        pytest.param(boxes((0.11, 0.21, 0.39, 0.52)), 0.0, id="its walls lie around it"),
        pytest.param(boxes((0.1, 0.2, 0.25, 0.55)), 0.46, id="half of it and its walls"),
        pytest.param(boxes((0.6, 0.6, 0.9, 0.9)), 1.0, id="a room elsewhere"),
        pytest.param(boxes((0.0, 0.0, 1.0, 1.0)), 0.0, id="all of the page"),
        pytest.param(boxes((0.6, 0.6, 0.9, 0.9), ROOM), 0.0, id="two rooms"),
    ],
)
def test_rooms_explain_their_ink(rooms: Boxes, left: float) -> None:
    """And that of their walls; what was measured stays as it is."""
    measured = InkMap.of(page())

    assert measured.without(rooms).amount == pytest.approx(left * SHARE, abs=0.05 * SHARE)
    assert measured.amount == pytest.approx(SHARE, rel=1e-3)


BLOCKS = SHARE * (WIDTH // 4) * (HEIGHT // 4)


@pytest.mark.parametrize(
    ("part", "blocks"),
    [
        pytest.param(Slice(0, 0, 1280, 960), BLOCKS, id="the page"),
        pytest.param(Slice(128, 192, 512, 512), BLOCKS, id="nothing but ink"),
        pytest.param(Slice(640, 0, 1280, 960), 0, id="the blank half"),
        pytest.param(Slice(504, 0, 1280, 960), BLOCKS / 48, id="and a strip of ink beside it"),
        pytest.param(Slice(0, 512, 1280, 960), 0, id="below the ink"),
        pytest.param(Slice(128, 192, 129, 193), 1, id="a single pixel of the level"),
    ],
)
def test_slices_of_a_larger_level_are_looked_up(part: Slice, blocks: float) -> None:
    """The level is twice as large as the page that was measured."""
    found = InkMap.of(page()).blocks_in(part, (2 * WIDTH, 2 * HEIGHT))

    assert found == pytest.approx(blocks, rel=1e-3)
