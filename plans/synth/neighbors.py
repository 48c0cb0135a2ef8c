# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a plan shows of the flats beyond its walls: drawn, cut off, and not to be found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from plans.synth.canvas import Canvas, Pen
from plans.synth.render import draw_floor
from plans.synth.style import WallStyle

if TYPE_CHECKING:
    import numpy as np
    from shapely.geometry.base import BaseGeometry

    from plans.synth.floor import Floor
    from plans.synth.style import Style

_DEEPEST_M = 3.5  # so much of a neighbor is seen at most
_EXCERPT_M = 7.0  # and so much where a flat is cut out of a large building's plan


def draw_neighbors(canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator) -> None:
    """Draw stubs of the neighbors' walls, or a strip of the mirrored storey, before the storey."""
    if rng.random() < 0.4:
        _draw_stubs(canvas, _build_stubs(floor, rng), style, rng)
        return
    if rng.random() < 0.5:  # only the flat that is sold is named and furnished
        style = replace(style, unnamed=1.0, fixtures=style.fixtures * 0.5, furniture=0.0)
    deepest_m = _EXCERPT_M if rng.random() < 0.3 else _DEEPEST_M
    for side in rng.permutation(4)[: int(rng.integers(1, 5))]:
        reach_m = float(rng.uniform(0.4, deepest_m))
        _draw_mirrored(canvas, floor, style, (int(side), reach_m), rng)


def _draw_mirrored(
    canvas: Canvas,
    floor: Floor,
    style: Style,
    strip: tuple[int, float],
    rng: np.random.Generator,
) -> None:
    """Draw the storey's mirror image beyond a side, ``strip`` is which and how much of it."""
    x0, y0, x1, y1 = floor.bounds_m
    side, reach = strip
    mirrors = (
        ((-1, 0, 0, 1, 2 * x0, 0), (x0 - reach, y0, x0, y1)),
        ((-1, 0, 0, 1, 2 * x1, 0), (x1, y0, x1 + reach, y1)),
        ((1, 0, 0, -1, 0, 2 * y0), (x0, y0 - reach, x1, y0)),
        ((1, 0, 0, -1, 0, 2 * y1), (x0, y1, x1, y1 + reach)),
    )
    matrix, seen_m = mirrors[side]
    whole = Canvas(canvas.page.copy(), canvas.matrix)
    draw_floor(whole, floor.transformed(matrix), style, rng)
    seen = canvas.mask(box(*seen_m)) > 0
    canvas.page[seen] = whole.page[seen]


def _draw_stubs(
    canvas: Canvas, stubs: BaseGeometry, style: Style, rng: np.random.Generator
) -> None:
    filled = style.outer_wall is WallStyle.BLACK and rng.random() < 0.5
    canvas.fill_shape(stubs, (0, 0, 0) if filled else (255, 255, 255))
    canvas.outline(stubs, Pen((0, 0, 0), style.line_px))


def _build_stubs(floor: Floor, rng: np.random.Generator) -> BaseGeometry:
    """Return stubs of the neighbors' walls beyond one or two sides of a storey.

    They end in the open a step beyond the boundary, as on an excerpt of a larger plan.
    """
    x0, y0, x1, y1 = floor.bounds_m
    thick = rng.uniform(0.1, 0.3)
    stubs: list[Polygon] = []
    for _ in range(int(rng.integers(1, 3))):
        vertical, before = rng.random() < 0.5, rng.random() < 0.5
        low, high = (x0, x1) if vertical else (y0, y1)
        near = (y0 if before else y1) if vertical else (x0 if before else x1)
        for _ in range(int(rng.integers(2, 6))):
            at, reach = rng.uniform(low, high), rng.uniform(0.3, 3.0)
            far = near - reach if before else near + reach
            a, b = min(near, far), max(near, far)
            stubs.append(box(at, a, at + thick, b) if vertical else box(a, at, b, at + thick))
            if rng.random() < 0.4:
                reach_m, cross = rng.uniform(0.4, 2.5), (a + b) / 2
                stubs.append(
                    box(at, cross, at + reach_m, cross + thick)
                    if vertical
                    else box(cross, at, cross + thick, at + reach_m)
                )
    return unary_union(stubs)
