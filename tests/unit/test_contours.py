# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a mask to a polygon of few corners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter

from roomdet.contours import contour, is_simple, signed_area, straightened, without_needless

SIDE_PX, FINE = 128, 8
RECTANGLE = [(20, 18), (107, 18), (107, 109), (20, 109)]
SHAPES = {
    "rectangle": RECTANGLE,
    "L": [(20, 18), (107, 18), (107, 60), (70, 60), (70, 109), (20, 109)],
    "T": [(20, 20), (110, 20), (110, 50), (80, 50), (80, 110), (50, 110), (50, 50), (20, 50)],
    "notch": [(20, 20), (60, 20), (60, 24), (75, 24), (75, 20), (110, 20), (110, 110), (20, 110)],
    "step": [(20, 20), (64, 20), (64, 22), (110, 22), (110, 110), (20, 110)],
    "slanted": [(20, 20), (90, 20), (110, 60), (110, 110), (20, 110)],
    "turned": [(64, 12), (112, 70), (64, 110), (16, 52)],
    "triangle": [(20, 110), (64, 20), (110, 110)],
}

Points = npt.NDArray[np.float64]


def mask_of(corners: list[tuple[int, int]], blur_px: float = 0.0) -> npt.NDArray[np.float32]:
    """How much of each pixel lies in a polygon, perhaps blurred as a network's answer is."""
    fine = Image.new("L", (SIDE_PX * FINE, SIDE_PX * FINE))
    ImageDraw.Draw(fine).polygon([(x * FINE, y * FINE) for x, y in corners], fill=255)
    small = fine.reduce(FINE).filter(ImageFilter.GaussianBlur(blur_px))
    return np.asarray(small, np.float32) / np.float32(255)


def nearest(corners: Points, expected: list[tuple[int, int]]) -> float:
    """How far the farthest expected corner is from a corner that was found."""
    away = np.hypot(*(corners[:, None] - np.array(expected, float)).T)
    return float(away.min(axis=1).max())


@pytest.mark.parametrize("blur_px", [0.0, 1.2])
@pytest.mark.parametrize("name", SHAPES)
def test_corners_are_those_that_were_drawn(name: str, blur_px: float) -> None:
    """Rectangles, steps, notches and slanted rooms keep their corners, and get no others."""
    ring = contour(mask_of(SHAPES[name], blur_px))
    assert ring is not None
    corners = straightened(ring, (1.0, 1.0))

    allowed = 1 if name == "triangle" and blur_px else 0  # a sharp tip is blunted
    assert len(SHAPES[name]) <= len(corners) <= len(SHAPES[name]) + allowed
    assert nearest(corners, SHAPES[name]) < 1.5 + 3 * allowed
    assert is_simple(corners)


@pytest.mark.parametrize("name", ["rectangle", "L", "T", "notch", "step"])
def test_walls_along_the_page_are_drawn_along_it(name: str) -> None:
    """Of a room with walls along the page every side is horizontal or vertical."""
    ring = contour(mask_of(SHAPES[name], 1.2))
    assert ring is not None
    corners = straightened(ring, (1.0, 1.0))

    sides = np.roll(corners, -1, axis=0) - corners
    assert (np.abs(sides).min(axis=1) < 1e-6).all()


def test_angles_are_those_on_the_page() -> None:
    """A side that is slanted on the page stays so where the mask is stretched across it."""
    slightly = [(20, 20), (110, 27), (110, 110), (20, 110)]
    ring = contour(mask_of(slightly))
    assert ring is not None

    assert nearest(straightened(ring, (1.0, 8.0)), slightly) < 1.0
    assert np.ptp(straightened(ring, (8.0, 1.0))[:, 1].round(3)) < 90


def test_the_contour_runs_between_the_pixels() -> None:
    """A mask's values say where an edge is, to a fraction of a pixel."""
    mask = np.zeros((8, 8), np.float32)
    mask[2:6, 2:6] = 1
    mask[2:6, 6] = 0.75  # three quarters of a pixel more
    ring = contour(mask)

    assert ring is not None
    assert ring[:, 0].min() == pytest.approx(2.0)
    assert ring[:, 0].max() == pytest.approx(6.83, abs=0.01)


def test_the_largest_part_is_taken_without_its_holes() -> None:
    """A speck beside a room and a column in it leave no trace."""
    mask = np.zeros((32, 32), np.float32)
    mask[4:28, 4:20] = 1
    mask[10:14, 8:12] = 0
    mask[2:6, 24:28] = 1
    ring = contour(mask)

    assert ring is not None
    assert abs(signed_area(ring)) == pytest.approx(24 * 16, abs=1)


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_a_mask_of_nothing_has_no_contour(value: float) -> None:
    """Below the level everywhere there is no room."""
    assert contour(np.full((16, 16), value, np.float32)) is None


def test_a_full_mask_ends_at_its_edge() -> None:
    """What fills the mask has the mask's own outline."""
    ring = contour(np.ones((16, 16), np.float32))
    assert ring is not None
    assert [*ring.min(axis=0), *ring.max(axis=0)] == [0, 0, 16, 16]


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        pytest.param([(0, 0), (4, 0), (4, 4), (0, 4)], True, id="square"),
        pytest.param([(0, 0), (4, 4), (4, 0), (0, 4)], False, id="crossed"),
        pytest.param([(0, 0), (4, 0), (4, 4), (2, 0), (0, 4)], False, id="touching"),
        pytest.param([(0, 0), (4, 0), (4, 4), (4, 0), (0, 4)], False, id="there and back"),
        pytest.param([(0, 0), (2, 0), (4, 0)], False, id="flat"),
        pytest.param([(0, 0), (4, 0)], False, id="two corners"),
        pytest.param([(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)], True, id="not convex"),
    ],
)
def test_what_crosses_or_touches_itself_is_not_simple(
    corners: list[tuple[int, int]], *, expected: bool
) -> None:
    """Only a polygon whose sides meet in its corners alone is one."""
    assert is_simple(np.array(corners, np.float64)) is expected


def test_corners_on_a_line_are_dropped() -> None:
    """A corner between two others on their line is none."""
    corners = np.array([(0, 0), (2, 0), (4, 0), (4, 4), (0, 4)], np.float64)
    assert without_needless(corners).tolist() == [[0, 0], [4, 0], [4, 4], [0, 4]]
