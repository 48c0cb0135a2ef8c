# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the generator draws so that it is not taken for a room, and closets in a row, which are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapely.geometry import box

from plans.synth.blueprint import Spec, draw_blueprint
from plans.synth.cabinets import CABINETS, TALL_CABINETS
from plans.synth.canvas import Canvas, Pen
from plans.synth.floor import Floor, Kind, Space
from plans.synth.furnish import furnish
from plans.synth.neighbors import draw_neighbors
from plans.synth.overlays import draw_clearances
from plans.synth.partition import Building
from plans.synth.regions import _carved
from plans.synth.storey import build_storey
from plans.synth.style import draw_style
from plans.synth.wordsheets import draw_wordsheet

if TYPE_CHECKING:
    import numpy.typing as npt

    from plans.synth.symbols import Symbol

SCALE = 60.0  # pixels per meter


def empty_canvas() -> Canvas:
    """A white page of about 10 x 10 m, its origin a meter inside."""
    page = np.full((600, 600, 3), 255, np.uint8)
    return Canvas(page, np.array([[SCALE, 0, SCALE], [0, SCALE, SCALE]]))


def inked(canvas: Canvas) -> npt.NDArray[np.bool_]:
    """Where the page is no longer white."""
    dark: npt.NDArray[np.bool_] = canvas.page.min(axis=2) < 200
    return dark


def room(kind: Kind, width_m: float = 5.0, depth_m: float = 4.0) -> Floor:
    """A storey of a single room."""
    inside = box(0, 0, width_m, depth_m)
    walls = inside.buffer(0.2, join_style="mitre").difference(inside)
    return Floor((Space(kind, inside),), walls, walls.buffer(-1), ())


@pytest.mark.parametrize("symbol", [CABINETS, TALL_CABINETS])
@pytest.mark.parametrize("seed", range(8))
def test_cabinets_stand_in_a_row(symbol: Symbol, seed: int) -> None:
    """Upright lines from back to front part the row; nothing reaches far out of it."""
    canvas, width, depth = empty_canvas(), 3.0, 0.6
    symbol.draw(canvas, width, depth, Pen((0, 0, 0), 1), np.random.default_rng(seed))
    dark = inked(canvas)
    back, front = round(SCALE), round(SCALE * (1 + depth))
    columns = np.flatnonzero(dark[back:front].all(axis=0))
    fronts = 1 + int((np.diff(columns) > 3).sum())
    assert 4 <= fronts <= 12
    assert not dark[round(SCALE * (1 + 2 * depth)) :].any()


def test_kitchens_and_halls_have_cabinets() -> None:
    """Rows of them are the rule where a plan shows its fixtures, and none where it does not."""
    for kind in (Kind.KITCHEN, Kind.HALL, Kind.BEDROOM):
        seeds = range(40)
        symbols = [
            {thing.symbol for thing in furnish(room(kind), 1.0, 0.0, np.random.default_rng(seed))}
            for seed in seeds
        ]
        assert sum(bool(found & {CABINETS, TALL_CABINETS}) for found in symbols) >= 12
        assert not furnish(room(kind), 0.0, 0.0, np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(12))
def test_clearances_lie_in_rooms_and_enclose_none(seed: int) -> None:
    """Dashed circles and boxes leave most of a room white, and a shaft untouched."""
    rng = np.random.default_rng(seed)
    canvas = empty_canvas()
    style = draw_style(rng)
    draw_clearances(canvas, room(Kind.DUCT), style, rng)
    assert not inked(canvas).any()
    drawn = 0.0
    for _ in range(6):
        draw_clearances(canvas, room(Kind.BATH), style, rng)
        drawn = float(inked(canvas).mean())
    assert 0 < drawn < 0.2


@pytest.mark.parametrize("seed", range(30))
def test_word_sheets_have_ink_and_no_plan(seed: int) -> None:
    """They are mostly paper; only now and then is one blank."""
    rng = np.random.default_rng(seed)
    page = np.full((1000, 1280, 3), 255, np.uint8)
    draw_wordsheet(Canvas(page, np.array([[1.0, 0, 0], [0, 1.0, 0]])), draw_style(rng), rng)
    assert (page.min(axis=2) < 200).mean() < 0.35


def test_sheets_without_a_plan_have_no_rooms() -> None:
    """A few of a hundred sheets hold words alone; left out, they have rooms like all others."""
    clean = ("degrade", "tilt", "photo", "crop")
    words = Spec(without=clean, long_side_px=160)
    empty = [seed for seed in range(120) if not len(draw_blueprint(seed, words).boxes_xyxy_px)]
    assert 1 <= len(empty) <= 14
    spec = Spec(without=(*clean, "words only"), long_side_px=160)
    assert all(len(draw_blueprint(seed, spec).boxes_xyxy_px) for seed in (*empty, *range(20)))


def test_neighbors_stay_outside() -> None:
    """Walls of the neighbors' flats lie beyond the storey's own, on some of its sides."""
    seen = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        floor = build_storey(Building.HOME, rng)
        x0, y0, x1, y1 = floor.bounds_m
        scale = 400 / max(x1 - x0, y1 - y0)
        page = np.full((800, 800, 3), 255, np.uint8)
        middle = np.array([x0 + x1, y0 + y1]) / 2
        offset = 400 - scale * middle
        canvas = Canvas(page, np.column_stack([np.diag([scale, scale]), offset]))
        draw_neighbors(canvas, floor, replace(draw_style(rng), line_px=1), rng)
        dark = inked(canvas)
        (left, top), (right, bottom) = canvas.to_px([(x0, y0), (x1, y1)]).round().astype(int) + 4
        seen.append(float(dark.mean()))
        assert dark[top : bottom - 8, left : right - 8].mean() < 0.02
    assert np.mean(np.array(seen) > 0.001) > 0.8


@pytest.mark.parametrize("seed", range(20))
def test_a_built_in_closet_is_one_or_a_row(seed: int) -> None:
    """A shallow nook is closets beside each other that fill it, or one; never a sliver."""
    nook = box(1, 2, 1 + 3.0, 2 + 0.65)
    regions = _carved(nook, np.random.default_rng(seed))
    assert 1 <= len(regions) <= 4
    cells = [region.cell for region in regions]
    assert sum(cell.area for cell in cells) == pytest.approx(nook.area)
    assert all(nook.covers(cell.buffer(-1e-9)) for cell in cells)
    assert min(cell.area for cell in cells) > 0.45
    if len(regions) > 1:
        assert {kind for region in regions for kind, _ in region.zones} == {Kind.CLOSET}


def test_rows_of_closets_occur() -> None:
    """Both forms are drawn: a single closet and two or more in a row."""
    nook = box(0, 0, 0.65, 2.8)
    counts = {len(_carved(nook, np.random.default_rng(seed))) for seed in range(40)}
    assert 1 in counts
    assert counts & {2, 3}
