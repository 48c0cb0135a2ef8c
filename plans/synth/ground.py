# SPDX-License-Identifier: AGPL-3.0-or-later
"""What lies around and in a large floor and is no room: roofs below, courts, columns, tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from plans.synth.floor import Kind

if TYPE_CHECKING:
    import numpy as np
    from shapely.geometry.base import BaseGeometry

    from plans.synth.cad import Cad
    from plans.synth.canvas import Canvas
    from plans.synth.floor import Floor

_COURT_M2 = 30.0
_COURT_NAMES = ("COURTYARD", "COURT", "GÅRD", "INNENHOF", "LIGHT WELL", "ROOF BELOW")


def footprint(floor: Floor) -> BaseGeometry:
    """Return all that a floor covers, with its courts as holes."""
    shapes = [floor.outer_walls, floor.inner_walls, *[space.shape for space in floor.spaces]]
    return unary_union(shapes).buffer(0.05)


def draw_roofs(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw lower roofs, terraces and canopies beside the building, as outlines of one or two lines.

    They look like large rooms without doors, and are none.
    """
    x0, y0, x1, y1 = floor.bounds_m
    building = footprint(floor)
    pen = cad.pen(0.6, int(rng.choice([0, 0, 110])))
    dashed = pen.dashed(1.0, 0.5)
    for _ in range(int(rng.integers(1, 4))):
        w, h = rng.uniform(0.15, 0.7) * (x1 - x0), rng.uniform(0.15, 0.7) * (y1 - y0)
        x, y = rng.uniform(x0 - 0.3 * w, x1 - 0.7 * w), rng.uniform(y0 - 0.3 * h, y1 - 0.7 * h)
        roof = box(x, y, x + w, y + h).difference(building)
        is_canopy = rng.random() < 0.3
        canvas.outline(roof, pen)
        if is_canopy:
            a, b, c, d = roof.bounds
            canvas.line((a, b), (c, d), dashed)
        elif rng.random() < 0.6:
            canvas.outline(roof.buffer(-0.35, join_style="mitre"), pen)


def draw_courts(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Name courts, pave or plant them; many are left empty."""
    building = footprint(floor)
    rings = [
        ring
        for part in getattr(building, "geoms", [building])
        for ring in part.interiors
        if Polygon(ring).area > _COURT_M2
    ]
    pen = cad.pen(0.5, int(rng.choice([0, 100, 160])))
    for ring in rings:
        court = Polygon(ring)
        if rng.random() < 0.3:
            part = canvas.around(court)
            for angle in (0.0, 90.0):
                part.hatch(court, pen, canvas.px_per_m * rng.uniform(0.5, 2.5), angle)
        x0, y0, x1, y1 = court.bounds
        for _ in range(int(rng.choice([0, 3, 10]))):
            r = rng.uniform(0.6, 2.2)
            at = (float(rng.uniform(x0, x1)), float(rng.uniform(y0, y1)))
            tree = box(at[0] - r, at[1] - r, at[0] + r, at[1] + r)
            if court.contains(tree):
                canvas.ellipse(at, r, r, pen)
                canvas.ellipse(at, 0.1 * r, 0.1 * r, pen)
        if rng.random() < 0.4:
            name = str(rng.choice(_COURT_NAMES))
            middle = court.representative_point()
            canvas.text((middle.x, middle.y), name, cad.letters(1.3 * cad.text_mm))


def draw_tiers(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw tiers of seats or benches in halls: lines that do not part the room."""
    pen = cad.pen(0.6, int(rng.choice([0, 110])))
    for space in floor.spaces:
        if space.kind is not Kind.CLASSROOM or space.shape.area < 45 or rng.random() < 0.3:
            continue
        x0, y0, x1, y1 = space.shape.buffer(-0.8).bounds
        steps = int(rng.integers(5, 12))
        a, b = x0 + rng.uniform(0, 0.3) * (x1 - x0), x1 - rng.uniform(0, 0.3) * (x1 - x0)
        for i in range(steps + 1):
            y = y0 + (0.2 + 0.8 * i / steps) * (y1 - y0)
            canvas.line((a, y), (b, y), pen)
        canvas.box(a, y0 + 0.2 * (y1 - y0), b - a, 0.8 * (y1 - y0), pen)


def draw_columns(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw columns on a grid, in rooms as well as in walls."""
    x0, y0, x1, y1 = floor.bounds_m
    building = unary_union([space.shape for space in floor.spaces]).buffer(0.3)
    step_x, step_y = rng.uniform(4.5, 9, 2)
    size = float(rng.uniform(0.3, 0.7))
    gray = int(rng.choice([0, 0, 120, 255]))
    is_round = rng.random() < 0.2
    x = x0 + 0.3
    while x < x1:
        y = y0 + 0.3
        while y < y1:
            square = box(x, y, x + size, y + size)
            if building.contains(square):
                if is_round:
                    at = (x + size / 2, y + size / 2)
                    canvas.ellipse(at, size / 2, size / 2, cad.pen(), (gray,) * 3)
                else:
                    canvas.box(x, y, size, size, cad.pen(), (gray,) * 3)
            y += step_y
        x += step_x
