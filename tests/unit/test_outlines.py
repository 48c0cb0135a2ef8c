# SPDX-License-Identifier: AGPL-3.0-or-later
"""Outlines of rooms from masks: what is answered, what is refused, and how crops are cut."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from roomdet.floor_cells import PlacedLines
from roomdet.outlines import (
    BEYOND_BOX,
    NO_NETWORK,
    OTHER_EXTENT,
    UNCLEAR,
    NoOutlines,
    Outline,
    outline,
)
from roomdet.room_crops import CROP_PX, MARGIN, cut_crops, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE_WH = np.array([2000.0, 1000.0])
PAPER = np.full((1000, 2000), 255, np.uint8)
BOX = np.array([0.2, 0.3, 0.4, 0.5])  # 400 x 200 px
WINDOW = windows(BOX * np.tile(PAGE_WH, 2))[0]

Mask = npt.NDArray[np.float32]


def mask_on(*parts_norm: Sequence[float] | npt.NDArray[np.float64]) -> Mask:
    """A certain mask of rectangles that are given as fractions of the page."""
    mask = np.zeros((CROP_PX, CROP_PX), np.float32)
    scale = CROP_PX / (WINDOW[2:] - WINDOW[:2])
    for part in parts_norm:
        corners = (np.array(part).reshape(2, 2) * PAGE_WH - WINDOW[:2]) * scale
        (x0, y0), (x1, y1) = corners.round().astype(int).clip(0, CROP_PX).tolist()
        mask[y0:y1, x0:x1] = 1
    return mask


def drawn(mask: Mask) -> Outline:
    """The outline of a mask in the box of these tests."""
    return outline(mask, WINDOW, BOX, PAPER)


def crosses_itself(polygon: npt.NDArray[np.float64]) -> bool:
    """Whether two sides have a point in common that is no corner of both, in whole numbers."""
    points = [(int(x), int(y)) for x, y in (polygon * 10_000).round()]
    sides = list(zip(points, [*points[1:], points[0]], strict=True))

    def turn(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
        cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        return (cross > 0) - (cross < 0)

    def lies_on(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
        return turn(a, b, c) == 0 and all(
            min(p, q) <= r <= max(p, q) for p, q, r in zip(a, b, c, strict=True)
        )

    for (i, (a, b)), (j, (c, d)) in combinations(enumerate(sides), 2):
        if j == i + 1 or (i == 0 and j == len(sides) - 1):  # they meet in a corner
            one, other = (a, d) if j == i + 1 else (b, c)
            if lies_on(a, b, other) or lies_on(c, d, one):
                return True
            continue
        if turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0:
            return True
        if any((lies_on(a, b, c), lies_on(a, b, d), lies_on(c, d, a), lies_on(c, d, b))):
            return True
    return False


def test_a_room_that_fills_its_box_is_its_box() -> None:
    """Four corners, clockwise from the upper left one, to a thousandth of the page."""
    found = drawn(mask_on(BOX))

    assert found.polygon is not None
    assert found.reason == ""
    expected = [(0.2, 0.3), (0.4, 0.3), (0.4, 0.5), (0.2, 0.5)]
    assert np.abs(found.polygon - expected).max() < 0.001


def test_an_l_shaped_room_has_six_corners() -> None:
    """A corner that is another room's is left out."""
    found = drawn(mask_on((0.2, 0.3, 0.4, 0.4), (0.2, 0.4, 0.3, 0.5)))

    assert found.polygon is not None
    expected = [(0.2, 0.3), (0.4, 0.3), (0.4, 0.4), (0.3, 0.4), (0.3, 0.5), (0.2, 0.5)]
    assert np.abs(found.polygon - expected).max() < 0.002


def test_sides_lie_where_the_wall_begins() -> None:
    """The page's lines say it more finely than the mask, whose pixels are 4 x 2 of the page's."""
    page = PAPER.copy()
    page[295:299, 390:810] = page[501:505, 390:810] = 0  # walls of four pixels
    page[295:505, 394:398] = page[295:505, 803:807] = 0
    found = outline(mask_on(BOX), WINDOW, BOX, page)

    assert found.polygon is not None
    expected = np.array([(398, 299), (803, 299), (803, 501), (398, 501)]) / PAGE_WH
    assert np.abs((found.polygon - expected) * PAGE_WH).max() < 0.6


def ruled(
    *corners_px: tuple[float, float],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """A page on which a closed polygon is drawn, and its lines."""
    page = Image.fromarray(PAPER.copy())
    ImageDraw.Draw(page).polygon(corners_px, outline=0, width=5)
    ends = np.array(corners_px)
    return np.asarray(page), np.concatenate([ends, np.roll(ends, -1, axis=0)], axis=1)


WALLS = ((397.0, 299.0), (803.4, 299.0), (803.4, 501.0), (397.0, 501.0))


def test_sides_lie_on_the_lines_that_the_file_has() -> None:
    """On the middle of thick ones, to the grid: where ink begins is two pixels off."""
    page, lines = ruled(*WALLS)
    found = outline(mask_on(BOX), WINDOW, BOX, page, PlacedLines(lines))

    assert found.polygon is not None
    assert found.is_sure
    assert np.abs(found.polygon * PAGE_WH - WALLS).max() < 0.11


def test_lines_make_a_less_certain_mask_do() -> None:
    """They bound what it shows; without them there is no polygon."""
    page, lines = ruled(*WALLS)
    mask = mask_on(BOX) * np.float32(0.89)

    assert outline(mask, WINDOW, BOX, page).reason == UNCLEAR
    found = outline(mask, WINDOW, BOX, page, PlacedLines(lines))
    assert found.polygon is not None
    assert found.is_sure


def test_lines_that_do_not_bound_a_room_leave_it_unsure() -> None:
    """Its polygon is that of the pixels, and may not be measured; beside no line at all it may."""
    page, lines = ruled((380.0, 380.0), (820.0, 420.0), (820.0, 424.0))
    with_lines = outline(mask_on(BOX), WINDOW, BOX, page, PlacedLines(lines))
    elsewhere = outline(mask_on(BOX), WINDOW, BOX, page, PlacedLines(lines + 1000))
    without = outline(mask_on(BOX), WINDOW, BOX, page)

    assert with_lines.polygon is not None
    assert without.polygon is not None
    assert with_lines.polygon.tolist() == without.polygon.tolist()
    assert (with_lines.is_sure, elsewhere.is_sure, without.is_sure) == (False, True, True)


def test_numbers_are_those_of_the_grid() -> None:
    """Fractions have four decimals: one on the grid of 0 to 1000."""
    polygon = drawn(mask_on((0.2, 0.3, 0.4, 0.4), (0.2, 0.4, 0.3, 0.5))).polygon

    assert polygon is not None
    assert (polygon == polygon.round(4)).all()


def test_what_leaks_out_of_the_box_is_clamped() -> None:
    """A mask that fills all that is seen ends a little beyond the box, on each side."""
    found = drawn(np.ones((CROP_PX, CROP_PX), np.float32))

    assert found.polygon is not None
    extent = [*found.polygon.min(axis=0), *found.polygon.max(axis=0)]
    assert extent == pytest.approx([0.198, 0.298, 0.402, 0.502])


def test_a_leak_through_a_door_leaves_no_trace() -> None:
    """A mask that runs through a door into the corridor draws the wall as if it were closed."""
    found = drawn(mask_on(BOX, (0.25, 0.3, 0.27, 0.6)))

    assert found.polygon is not None
    assert len(found.polygon) == 4
    assert found.polygon[:, 1].max() == pytest.approx(0.5, abs=0.0015)


def test_a_mask_that_is_not_sure_draws_nothing() -> None:
    """Half of the room may as well be outside: no polygon."""
    mask = mask_on(BOX)
    mask[:, CROP_PX // 2 :] *= 0.4

    found = drawn(mask)
    assert found.certainty == pytest.approx(0.71, abs=0.05)
    assert (found.polygon, found.reason) == (None, UNCLEAR)


def test_an_empty_mask_draws_nothing() -> None:
    """Where no pixel is of the room there is no outline."""
    assert drawn(np.zeros((CROP_PX, CROP_PX), np.float32)) == Outline(None, 0.0, UNCLEAR)


def test_a_room_of_another_extent_is_refused() -> None:
    """Walls that enclose only a half of the box are those of another room."""
    found = drawn(mask_on((0.2, 0.3, 0.3, 0.5)))

    assert found.polygon is None
    assert found.reason == OTHER_EXTENT


@given(
    st.integers(0, 2**32 - 1),
    st.floats(1, 20),
    st.floats(0.2, 0.8),
    st.tuples(*[st.floats(0, 0.9)] * 2, *[st.floats(0.0005, 0.5)] * 2),
)
def test_whatever_a_mask_says_the_polygon_is_one(
    seed: int, blur_px: float, share: float, box: tuple[float, float, float, float]
) -> None:
    """It lies on the page and in the box up to two thousandths, and does not cross itself."""
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(0, 256, (CROP_PX, CROP_PX), np.uint8))
    field = np.asarray(noise.filter(ImageFilter.GaussianBlur(blur_px)), np.float64)
    mask = (field > np.quantile(field, share)).astype(np.float32)
    x, y, width, height = box
    box_norm = np.array([x, y, min(1, x + width), min(1, y + height)])
    page = np.tile(rng.integers(0, 2, (100, 200), np.uint8) * 255, (10, 10))
    found = outline(mask, windows(box_norm * np.tile(PAGE_WH, 2))[0], box_norm, page)

    assert (found.polygon is None) == bool(found.reason)
    if found.polygon is not None:
        assert (found.polygon >= (box_norm[:2] - BEYOND_BOX - 1e-9).clip(0)).all()
        assert (found.polygon <= (box_norm[2:] + BEYOND_BOX + 1e-9).clip(None, 1)).all()
        assert not crosses_itself(found.polygon)


def test_an_archive_without_the_network_says_so() -> None:
    """Every room has the reason, none a polygon."""
    found = NoOutlines().outlines(np.zeros((10, 10, 3), np.uint8), np.zeros((3, 4), np.float32))
    assert found == [Outline(None, 0.0, NO_NETWORK)] * 3


def test_every_box_fills_the_same_part_of_its_crop() -> None:
    """A box is seen with its margin, whatever its form; beyond the page is paper."""
    page = Image.new("L", (200, 100), 200)
    page.paste(0, (0, 0, 40, 100))
    crops = cut_crops(page, windows(np.array([(0, 0, 40, 100), (80, 20, 160, 30)])))

    edge = MARGIN / (1 + 2 * MARGIN) * CROP_PX
    first, second = crops.pixels
    dark = np.flatnonzero(first[CROP_PX // 2] < 100)
    assert (dark[0], dark[-1]) == pytest.approx((edge, CROP_PX - edge), abs=1.5)
    assert first[0, CROP_PX // 2] == 255
    assert (second == 200).all()


def test_no_rooms_have_no_crops() -> None:
    """An empty page is no special case."""
    crops = cut_crops(Image.new("L", (20, 10)), windows(np.zeros((0, 4))))
    assert crops.pixels.shape == (0, CROP_PX, CROP_PX)
