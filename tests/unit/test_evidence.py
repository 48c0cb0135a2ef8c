# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a page has ink and lines, on any paper, and what of it is left beside rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from roomdet.evidence import InkMap, LineMap
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
        pytest.param(WHITE, (200, 200, 200), 55 / 255, id="gray lines"),
        pytest.param(WHITE, (240, 240, 240), 0.0, id="a shadow on the paper"),
        pytest.param(WHITE, WHITE, 0.0, id="blank"),
        pytest.param(BLACK, BLACK, 0.0, id="black all over"),
    ],
)
def test_ink_is_what_differs_from_the_paper(paper: Color, ink: Color, strength: float) -> None:
    """By how much it does; noise of a scanner is none."""
    assert InkMap.of(page(paper, ink)).amount == pytest.approx(strength * SHARE, rel=1e-3)


def test_noise_is_no_ink() -> None:
    """A photo's paper is of many grays."""
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


def lines(*rects: tuple[int, int, int, int], gap: tuple[int, int] | None = None) -> LineMap:
    """A page of 400 x 300 px with outlined rectangles, the lowest line of them open at a gap."""
    picture = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(picture)
    for rect in rects:
        draw.rectangle(rect, outline="black", width=2)
    if gap is not None:
        draw.rectangle((gap[0], rects[0][3] - 3, gap[1], rects[0][3] + 1), fill="white")
    return LineMap.of(np.asarray(picture))


def shares(found: LineMap, box: tuple[float, float, float, float]) -> list[float]:
    """Of one box that is given in pixels."""
    (of_box,) = found.drawn_shares(np.array([box]) / np.array([400, 300] * 2))
    return [float(share) for share in of_box]


def test_edges_that_are_drawn() -> None:
    """A line a few pixels beside an edge is its edge; one farther away is not."""
    room = lines((100, 100, 200, 180))

    assert shares(room, (100, 100, 200, 180)) == [1, 1, 1, 1]
    assert shares(room, (103, 97, 198, 182)) == [1, 1, 1, 1]
    assert shares(room, (100, 100, 150, 180)) == pytest.approx([1, 1, 0, 1], abs=0.05)


def test_a_door_leaves_an_edge_open() -> None:
    """By its share of the wall."""
    room = lines((100, 100, 200, 180), gap=(120, 143))

    left, upper, right, lower = shares(room, (100, 100, 200, 180))
    assert (left, upper, right) == (1, 1, 1)
    assert lower == pytest.approx(1 - 24 / 92, abs=0.03)


def test_lines_are_of_any_paper() -> None:
    """Two grays that lie far enough apart; a faint one is no line."""
    on_white = lines((100, 100, 200, 180)).is_dark
    picture = np.where(on_white[:, :, None], np.uint8(255), np.uint8(60)).repeat(3, axis=2)
    faint = np.where(on_white[:, :, None], np.uint8(255), np.uint8(210)).repeat(3, axis=2)

    assert np.array_equal(LineMap.of(picture).is_dark, on_white)
    assert not LineMap.of(faint).is_dark.any()


def test_boxes_at_the_edge_of_a_page_have_shares() -> None:
    """Also of one that is all of it, and of none."""
    blank = lines()

    assert shares(blank, (0, 0, 400, 300)) == [0, 0, 0, 0]
    assert shares(blank, (399, 299, 400, 300)) == [0, 0, 0, 0]
    assert blank.drawn_shares(boxes()).shape == (0, 4)


@pytest.mark.parametrize(
    ("rects", "frame"),
    [
        pytest.param([], None, id="no line"),
        pytest.param([(20, 15, 380, 285)], (22, 17, 379, 284), id="a frame"),
        pytest.param([(4, 4, 396, 296), (20, 15, 380, 285)], (22, 17, 379, 284), id="a double one"),
        pytest.param([(60, 50, 340, 250)], None, id="a building"),
        pytest.param([(20, 15, 440, 285)], (22, 17, 400, 284), id="open at the right"),
        pytest.param([(20, 15, 440, 340)], None, id="two sides"),
    ],
)
def test_frame_of_a_sheet(
    rects: list[tuple[int, int, int, int]], frame: tuple[int, int, int, int] | None
) -> None:
    """The innermost lines that run along the page near its border."""
    found = lines(*rects).frame()
    if frame is None:
        assert found is None
    else:
        assert found is not None
        assert np.array(found) * [400, 300, 400, 300] == pytest.approx(np.array(frame), abs=1.5)
