# SPDX-License-Identifier: AGPL-3.0-or-later
"""Levels end where a page holds no more, and slices leave no pixel out."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomdet.slices import Slice, cover, cut, level_sides

INPUT_PX = 640


@pytest.mark.parametrize(
    ("native_px", "most", "sides_px"),
    [
        pytest.param(inf, 4, [640, 1280, 2560, 4160], id="lines have no end"),
        pytest.param(inf, 3, [640, 1280, 2560], id="three are granted"),
        pytest.param(inf, 2, [640, 1280], id="two are granted"),
        pytest.param(inf, 1, [640], id="one is granted"),
        pytest.param(9933, 4, [640, 1280, 2560, 4160], id="A1 at 300 dpi"),
        pytest.param(300, 4, [640], id="a small picture has its first level all the same"),
        pytest.param(640, 4, [640], id="as large as the first level"),
        pytest.param(799, 4, [640], id="little more is no level"),
        pytest.param(800, 4, [640, 800], id="a quarter more is one"),
        pytest.param(1280, 4, [640, 1280], id="as large as the second level"),
        pytest.param(1599.9, 4, [640, 1280], id="little more than it"),
        pytest.param(1600, 4, [640, 1280, 1600], id="a quarter more than it"),
        pytest.param(1600, 2, [640, 1280], id="which is not granted"),
        pytest.param(2500, 4, [640, 1280, 2500], id="the last level is what there is"),
        pytest.param(3000, 4, [640, 1280, 2560], id="little more than the third level"),
        pytest.param(3200, 4, [640, 1280, 2560, 3200], id="a quarter more than the third level"),
    ],
)
def test_levels_end_with_the_page(native_px: float, most: int, sides_px: list[int]) -> None:
    """Nothing is enlarged beyond what it holds."""
    assert level_sides(INPUT_PX, native_px, most) == sides_px


def test_levels_are_multiples_of_the_input() -> None:
    """A network of another size has others."""
    assert level_sides(320, inf, 4) == [320, 640, 1280, 2080]


@pytest.mark.parametrize(
    ("page_wh_px", "columns", "rows", "slice_wh_px"),
    [
        pytest.param((640, 453), 1, 1, (640, 453), id="the first level"),
        pytest.param((1280, 905), 1, 1, (1280, 905), id="the second"),
        pytest.param((1280, 1280), 1, 1, (1280, 1280), id="a square that just fits"),
        pytest.param((1281, 900), 2, 1, (960, 900), id="one pixel more"),
        pytest.param((2432, 900), 2, 1, (1280, 900), id="two that share 128 px"),
        pytest.param((2433, 900), 3, 1, (960, 900), id="one pixel more than two hold"),
        pytest.param((2560, 1810), 3, 2, (960, 1280), id="a sheet at the third level"),
        pytest.param((3840, 2715), 5, 3, (960, 1280), id="a sheet at the fourth"),
        pytest.param((2715, 3840), 3, 5, (1280, 960), id="and upright"),
        pytest.param((3840, 7), 5, 1, (960, 7), id="a strip"),
    ],
)
def test_a_level_is_cut_for_few_canvases(
    page_wh_px: tuple[int, int], columns: int, rows: int, slice_wh_px: tuple[int, int]
) -> None:
    """Of 1280 px or of 960, whichever has fewer pixels in all; row by row."""
    parts = cut(page_wh_px, INPUT_PX)

    assert len(parts) == columns * rows
    assert {(part.x1 - part.x0, part.y1 - part.y0) for part in parts} == {slice_wh_px}
    assert parts == sorted(parts, key=lambda part: (part.y0, part.x0))


def spans(parts: list[Slice]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Where columns and rows begin and end."""
    return (
        sorted({(part.x0, part.x1) for part in parts}),
        sorted({(part.y0, part.y1) for part in parts}),
    )


@given(st.tuples(st.integers(1, 4000), st.integers(1, 4000)))
def test_slices_cover_every_pixel_and_overlap(page_wh_px: tuple[int, int]) -> None:
    """From edge to edge; a room of up to 128 px is whole in one of them; each fits a canvas."""
    parts = cut(page_wh_px, INPUT_PX)
    columns, rows = spans(parts)

    assert len(parts) == len(columns) * len(rows)
    for of_side, side_px in zip((columns, rows), page_wh_px, strict=True):
        assert (of_side[0][0], of_side[-1][1]) == (0, side_px)
        assert all(end - start <= 2 * INPUT_PX for start, end in of_side)
        assert all(end - start >= 128 for (_, end), (start, _) in pairwise(of_side))


@pytest.mark.parametrize(
    ("boxes", "count"),
    [
        pytest.param([], 0, id="nothing is looked at"),
        pytest.param([(10, 10, 40, 40)], 1, id="a closet in the corner of the page"),
        pytest.param([(4130, 2900, 4160, 2942)], 1, id="in the last one"),
        pytest.param([(100, 100, 160, 160), (700, 600, 760, 660)], 1, id="near ones share a slice"),
        pytest.param([(100, 100, 160, 160), (3000, 150, 3060, 210)], 2, id="far ones do not"),
        pytest.param([(100, 100, 160, 160), (150, 2000, 210, 2060)], 2, id="nor those below"),
        pytest.param([(200, 1000, 3900, 1060)], 4, id="a corridor is covered along its length"),
    ],
)
def test_slices_are_laid_over_boxes(boxes: list[tuple[float, ...]], count: int) -> None:
    """Each piece of a box lies in some slice with a margin, and no slice leaves the page."""
    page_wh, corners = (4160, 2942), np.array(boxes, np.float32).reshape(-1, 4)
    slices = cover(corners, page_wh, 640)

    assert len(slices) == count
    for part in slices:
        assert 0 <= part.x0 < part.x1 <= page_wh[0]
        assert 0 <= part.y0 < part.y1 <= page_wh[1]
        assert {part.x1 - part.x0, part.y1 - part.y0} <= {960, 1280}
    for x0, y0, x1, y1 in boxes:
        for x in np.arange(x0, x1, 10):
            assert any(
                part.x0 <= max(0, x - 32) and min(page_wh[0], x + 32) <= part.x1
                and part.y0 <= y0 and y1 <= part.y1
                for part in slices
            )  # fmt: skip


def test_slices_over_many_boxes_are_fewer_than_all() -> None:
    """Of a plan in the middle of a sheet; a small page has one, as large as it is."""
    chance = np.random.default_rng(3)
    low = chance.uniform((1000, 800), (3000, 2000), (120, 2))
    boxes = np.concatenate([low, low + chance.uniform(20, 110, (120, 2))], axis=1)
    slices = cover(boxes.astype(np.float32), (4160, 2942), 640)

    assert len(slices) < len(cut((4160, 2942), 640)) / 2
    for x0, y0, x1, y1 in boxes:
        assert any(p.x0 <= x0 and x1 <= p.x1 and p.y0 <= y0 and y1 <= p.y1 for p in slices)
    assert cover(boxes[:1].astype(np.float32) - 900, (800, 700), 640) == [Slice(0, 0, 800, 700)]
