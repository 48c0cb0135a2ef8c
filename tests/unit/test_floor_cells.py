# SPDX-License-Identifier: AGPL-3.0-or-later
"""A room's floor between drawn lines, from masks that are a little off."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from roomdet.contours import contour, signed_area, straightened
from roomdet.floor_cells import Floor, floor_between_lines

Points = Sequence[tuple[float, float]]
Floats = npt.NDArray[np.float64]

PAGE_WH = (1000, 600)
WINDOW = np.array([200.0, 100.0, 600.0, 400.0])  # 3.1 x 2.3 px a pixel of the mask
BOUNDS = np.array([215.0, 110.0, 590.0, 390.0])
ROOM: Points = [(250.4, 140.3), (549.2, 140.3), (549.2, 360.7), (250.4, 360.7)]
WALL = 9.0
L_SHAPE: Points = [
    (250.4, 140.3), (549.2, 140.3), (549.2, 260.2), (430.6, 260.2), (430.6, 360.7), (250.4, 360.7),
]  # fmt: skip


def sides(corners: Points) -> list[tuple[float, float, float, float]]:
    """A closed polygon's sides as lines."""
    ends = [*corners[1:], corners[0]]
    return [(*start, *end) for start, end in zip(corners, ends, strict=True)]


def outer(corners: Points, by: float = WALL) -> Points:
    """The other faces of a rectangular room's walls."""
    (x0, y0), (x1, y1) = corners[0], corners[2]
    return [(x0 - by, y0 - by), (x1 + by, y0 - by), (x1 + by, y1 + by), (x0 - by, y1 + by)]


def floor(
    lines: Sequence[tuple[float, float, float, float]],
    seen: Points = ROOM,
    *,
    hidden: Sequence[tuple[float, float, float, float]] = (),
    filled: Sequence[tuple[float, float, float, float]] = (),
    blur_px: float = 1.0,
    bounds: Floats = BOUNDS,
) -> Floor | None:
    """The floor of what a mask shows, between lines of which some are not drawn on the page."""
    page = Image.new("L", PAGE_WH, 255)
    pen = ImageDraw.Draw(page)
    for line in lines:
        if line not in hidden:
            pen.line(line, fill=0, width=1)
    for box in filled:
        pen.rectangle(box, fill=0)
    large = Image.new("L", (1024, 1024))
    scale = 1024 / (WINDOW[2:] - WINDOW[:2])
    points = [tuple((np.array(corner) - WINDOW[:2]) * scale) for corner in seen]
    ImageDraw.Draw(large).polygon(points, fill=255)
    small = large.resize((128, 128), Image.Resampling.BOX)
    blurred = np.asarray(small.filter(ImageFilter.GaussianBlur(blur_px)), np.float32)
    mask = blurred / np.float32(255)
    ring = contour(mask)
    assert ring is not None
    step = (WINDOW[2:] - WINDOW[:2]) / 128
    outline = WINDOW[:2] + straightened(ring, (float(step[0]), float(step[1]))) * step
    ends = np.array(lines, np.float64).reshape(-1, 4)
    return floor_between_lines(mask, WINDOW, bounds, outline, ends, np.asarray(page))


def assert_is(found: Floor | None, corners: Points) -> None:
    """Whether a floor has exactly these corners, wherever it begins."""
    assert found is not None
    assert len(found.corners_px) == len(corners)
    for corner in corners:
        assert np.hypot(*(found.corners_px - corner).T).min() < 0.05


def off(by_x: float, by_y: float) -> Points:
    """The room where a mask sees it that is off."""
    return [(x + by_x, y + by_y) for x, y in ROOM]


@pytest.mark.parametrize("by", [(0, 0), (-4, 3), (4, -3)])
def test_sides_are_the_walls_inner_faces(by: tuple[float, float]) -> None:
    """Exactly, though the mask is off by more than one of its pixels, and both faces are drawn."""
    found = floor([*sides(ROOM), *sides(outer(ROOM))], off(*by))

    assert_is(found, ROOM)
    assert found is not None
    assert found.is_sure
    assert found.open == 0


def test_walls_that_overlap_have_no_corners_and_are_sure() -> None:
    """Each is a rectangle of its own; the lines of all go on through the others."""
    (x0, y0), (x1, y1) = ROOM[0], ROOM[2]
    walls = [
        (x0 - WALL, y0 - WALL, x1 + WALL, y0),
        (x0 - WALL, y1, x1 + WALL, y1 + WALL),
        (x0 - WALL, y0 - WALL, x0, y1 + WALL),
        (x1, y0 - WALL, x1 + WALL, y1 + WALL),
    ]
    lines = [side for a, b, c, d in walls for side in sides([(a, b), (c, b), (c, d), (a, d)])]
    found = floor(lines, filled=walls)

    assert_is(found, ROOM)
    assert found is not None
    assert found.open == 1
    assert found.is_closed
    assert found.is_sure


def test_l_shaped_room_keeps_its_step() -> None:
    """Lines run as far as they bound it, and are not taken to go on."""
    found = floor(sides(L_SHAPE), L_SHAPE)

    assert_is(found, L_SHAPE)
    assert found is not None
    assert found.is_sure


def test_a_door_is_closed_along_its_wall() -> None:
    """Though the mask bulges into it, and a leaf and its wall's ends are drawn."""
    (x0, y0), (x1, _) = ROOM[:2]
    wall = [
        (x0, y0, 380, y0),
        (430, y0, x1, y0),
        (380, y0, 380, y0 - WALL),
        (430, y0, 430, y0 - WALL),
    ]
    leaf = [(380, y0, 380, y0 + 50)]
    seen = [(x0, y0), (380, y0), (380, y0 - 6), (430, y0 - 6), (430, y0), *ROOM[1:]]
    found = floor([*wall, *leaf, *sides(ROOM)[1:]], seen)

    assert_is(found, ROOM)


def test_what_stands_in_a_room_is_part_of_it() -> None:
    """Furniture, an axis and tiles are lines at which the mask does not change."""
    table = sides([(300, 200), (360, 200), (360, 260), (300, 260)])
    axis = [(400.0, 0.0, 400.0, 600.0)]
    tiles = [(0.0, float(y), 1000.0, float(y)) for y in range(160, 350, 20)]

    assert_is(floor([*sides(ROOM), *table, *axis, *tiles]), ROOM)


def test_turned_room_lies_between_turned_lines() -> None:
    """By 20 degrees."""
    cos, sin = math.cos(math.radians(20)), math.sin(math.radians(20))
    around = [(-110, -60), (110, -60), (110, 60), (-110, 60)]
    room = [(400 + cos * x - sin * y, 250 + sin * x + cos * y) for x, y in around]
    seen = [(x + 3, y - 2) for x, y in room]

    assert_is(floor(sides(room), seen), room)


def test_lines_that_are_not_shown_are_none() -> None:
    """Layers are hidden; what is on them is in the file."""
    inner = [(253.4, 143.3), (546.2, 143.3), (546.2, 357.7), (253.4, 357.7)]
    hidden = sides(inner)

    assert_is(floor([*sides(ROOM), *hidden], inner), inner)
    assert_is(floor([*sides(ROOM), *hidden], inner, hidden=hidden), ROOM)


def test_a_side_ends_in_corners_of_the_drawing() -> None:
    """An axis beside a wall goes on through it, though the mask ends there."""
    axis = [(541.0, 0.0, 541.0, 600.0)]
    seen = [(min(x, 542.0), y) for x, y in ROOM]

    assert_is(floor([*sides(ROOM), *axis], seen), ROOM)


def test_open_side_is_where_the_mask_ends() -> None:
    """Nothing is drawn there, no corner is one of the drawing."""
    found = floor([sides(ROOM)[0], sides(ROOM)[2], sides(ROOM)[3]], off(0, 0))

    assert found is not None
    assert abs(abs(signed_area(found.corners_px)) - 298.8 * 220.4) < 0.03 * 298.8 * 220.4
    assert found.open > 0
    assert not found.is_closed


def test_mask_that_disagrees_is_not_sure() -> None:
    """A wall through what it takes for one room, and one that it does not know."""
    half = [(x if x < 300 else 460.0, y) for x, y in ROOM]
    found = floor(sides(half), ROOM, blur_px=9)

    assert found is None or not found.is_sure


def test_room_goes_no_farther_than_its_bounds() -> None:
    """Of a box that holds a part of it there is that part."""
    whole = floor(sides(ROOM))
    bounds = np.array([215.0, 110.0, 510.0, 390.0])
    part = floor(sides(ROOM), bounds=bounds)

    assert whole is not None
    assert part is not None
    assert (whole.corners_px[:, 0].max(), part.corners_px[:, 0].max()) == pytest.approx(
        (549.2, 510)
    )


@pytest.mark.parametrize(
    "lines", [[], [(0.0, 500.0, 1000.0, 500.0)], [(300.0, 100.0, 310.0, 400.0)]]
)
def test_without_lines_around_it_there_is_none_to_be_sure_of(
    lines: list[tuple[float, float, float, float]],
) -> None:
    """What is drawn elsewhere, or aslant through it, bounds no room."""
    found = floor(lines)

    assert found is None or not found.is_sure


def test_many_lines_end_in_time() -> None:
    """Of a hatch of a thousand lines those at which the mask changes most are taken."""
    hatch = [(240.0 + i / 40, 130.0, 240.0 + i / 40, 370.0) for i in range(1000)]

    assert floor([*sides(ROOM), *hatch]) is not None


@given(st.integers(0, 2**32 - 1))
def test_nothing_that_is_drawn_is_an_error(seed: int) -> None:
    """Neither lines without length nor masks without form; a floor is one ring of some size."""
    rng = np.random.default_rng(seed)
    ends = rng.integers(180, 620, (int(rng.integers(0, 40)), 2)).repeat(2, axis=0).reshape(-1, 4)
    lines = (ends + rng.integers(-80, 80, ends.shape) * rng.integers(0, 2, ends.shape)).astype(
        float
    )
    mask = np.clip(rng.normal(0.5, 0.4, (128, 128)), 0, 1).astype(np.float32)
    mask[: int(rng.integers(128)), : int(rng.integers(128))] = 1
    outline = rng.integers(200, 400, (int(rng.integers(1, 6)), 2)).astype(float)
    page = rng.integers(0, 256, PAGE_WH[::-1], np.uint8)

    found = floor_between_lines(mask, WINDOW, BOUNDS, outline, lines, page)

    assert found is None or abs(signed_area(found.corners_px)) > 0
