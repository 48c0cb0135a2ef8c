# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is drawn over furnished rooms and encloses nothing: space to move, things to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plans.synth.canvas import Pen
from plans.synth.floor import Kind

if TYPE_CHECKING:
    import numpy as np

    from plans.synth.canvas import Canvas
    from plans.synth.floor import Floor
    from plans.synth.style import Style

_LEAST_M2 = 2.5


def draw_clearances(canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator) -> None:
    """Draw dashed turning circles and dashed outlines of furniture into some rooms."""
    gray = int(rng.choice([0, 0, 110]))
    pen = Pen((gray,) * 3, style.line_px).dashed(0.12, 0.08)
    share, radius_m = rng.uniform(0.3, 0.9), rng.uniform(0.55, 0.8)
    for space in floor.spaces:
        if space.kind is Kind.DUCT or space.shape.area < _LEAST_M2 or rng.random() > share:
            continue
        x0, y0, x1, y1 = space.shape.bounds
        if rng.random() < 0.6:
            center = rng.uniform(x0, x1), rng.uniform(y0, y1)
            canvas.ellipse(center, radius_m, radius_m, pen)
        if rng.random() < 0.5:
            _draw_outlines(canvas, (x0, y0, x1, y1), pen, rng)


def _draw_outlines(
    canvas: Canvas,
    bounds_m: tuple[float, float, float, float],
    pen: Pen,
    rng: np.random.Generator,
) -> None:
    """Draw one to three equal dashed boxes in a row, as far as the room reaches."""
    x0, y0, x1, y1 = bounds_m
    side_x, side_y = rng.uniform(0.5, 2.0), rng.uniform(0.5, 1.2)
    along_x = rng.random() < 0.5
    x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
    gap = rng.uniform(0.0, 0.4)
    for _ in range(int(rng.integers(1, 4))):
        if x + side_x > x1 or y + side_y > y1:
            return
        canvas.box(x, y, side_x, side_y, pen)
        x, y = (x + side_x + gap, y) if along_x else (x, y + side_y + gap)
