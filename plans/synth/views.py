# SPDX-License-Identifier: AGPL-3.0-or-later
"""Other views on a sheet: details, sections, elevations, key plans. None of them holds a room."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from shapely.geometry import box
from shapely.ops import unary_union

from plans.synth.canvas import Pen, arc_points
from plans.synth.surroundings import draw_elevation
from plans.synth.tables import draw_words
from plans.synth.tags import draw_mark

if TYPE_CHECKING:
    from plans.synth.cad import Cad
    from plans.synth.canvas import Canvas
    from plans.synth.floor import Floor

FieldPx = tuple[float, float, float, float]
PAPER = (255, 255, 255)
PROJECTS = (
    "RENOVATE BUILDING 28",
    "NORTH CAMPUS",
    "KV. EKEN 4",
    "COUNTY GENERAL HOSPITAL",
    "MIDDLE SCHOOL ADDITION",
    "HOTEL ON THE PIER",
    "HARBOR APARTMENTS",
    "INSTITUT FÜR PHYSIK",
    "PLAN 3",
    "FIRST FLOOR PLAN",
    "SECOND FLOOR PLAN - PART B",
    "RELATIONSRITNING",
)


def draw_key_plan(
    sheet: Canvas, field: FieldPx, floor: Floor | None, cad: Cad, rng: np.random.Generator
) -> None:
    """Draw the building small, as outlines of its parts, some filled: no rooms.

    Args:
        sheet: In pixels.
        field: Where.
        floor: The building; none invents an outline.
        cad: Pens and letters.
        rng: Fills parts.
    """
    x0, y0, x1, y1 = field
    w, h = x1 - x0, y1 - y0
    if floor is None:
        bars = [(*xy, *(xy + wh)) for xy, wh in rng.uniform(0.1, 0.6, (3, 2, 2))]
        whole = unary_union([box(*map(float, bar)) for bar in bars])
    else:
        whole = floor.outer_walls.union(floor.inner_walls)
        whole = unary_union([whole, *[space.shape for space in floor.spaces]])
    a, b, c, d = whole.bounds
    scale = 0.75 * min(w / (c - a), h / (d - b))
    matrix = np.array([[scale, 0, x0 + w / 2], [0, scale, y0 + h / 2]], np.float64)
    matrix[:, 2] -= scale * np.array([(a + c) / 2, (b + d) / 2])
    part = sheet.over(matrix)
    shape = whole.buffer(0.5).buffer(-0.5).simplify(0.005 * max(c - a, d - b))
    gray = int(rng.choice([255, 170, 120, 60]))
    if rng.random() < 0.6:
        part.fill_shape(shape, (gray,) * 3)
    part.outline(shape, cad.pen(0.8))
    for _ in range(int(rng.integers(0, 3))):
        x = float(rng.uniform(a, c))
        part.line((x, b), (x, d), cad.pen(0.6))
    sheet.text((x0 + w / 2, y1 - 2.5 * cad.px_per_mm), "KEY PLAN", cad.letters(2.0))


def draw_detail(sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    """Draw a detail of a wall: layers, hatches, leaders with notes."""
    x0, y0, x1, y1 = field
    w, h = x1 - x0, y1 - y0
    pen, thin = cad.pen(1.2), cad.pen(0.6)
    edges = x0 + 0.1 * w + np.cumsum(rng.uniform(0.02, 0.12, int(rng.integers(3, 7)))) * w
    for i, (a, b) in enumerate(pairwise(edges.tolist())):
        sheet.box(float(a), y0 + 0.1 * h, float(b - a), 0.7 * h, pen)
        if i % 2:
            for t in np.arange(0.1, 0.78, 0.03):
                sheet.line((float(a), y0 + t * h), (float(b), y0 + (t + 0.02) * h), thin)
    for k in range(int(rng.integers(2, 6))):
        y = y0 + h * (0.15 + 0.12 * k)
        tip = float(rng.uniform(edges[0], edges[-1]))
        sheet.line((tip, y + 0.05 * h), (x0 + 0.62 * w, y), thin)
        text = draw_words(2, rng)[:18]
        sheet.text((x0 + 0.82 * w, y), text, cad.letters(min(1.8, w / 60 / cad.px_per_mm)))
    draw_view_title(sheet, (x0, y1 - 0.1 * h, x1, y1), cad, rng)


def draw_section(sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    """Draw a section of the building: slabs, cut walls, a roof; its squares are no rooms."""
    x0, y0, x1, y1 = field
    w, h = x1 - x0, y1 - y0
    storeys = int(rng.integers(2, 6))
    pen = cad.pen()
    fill = (int(rng.choice([0, 90, 160, 255])),) * 3
    top, low = y0 + 0.2 * h, y1 - 0.2 * h
    slab = 0.08 * (low - top) / storeys
    for i in range(storeys + 1):
        sheet.box(x0, top + (low - top) * i / storeys, w, slab, pen, fill)
    walls = [0.0, *sorted(rng.uniform(0.1, 0.9, int(rng.integers(1, 7)))), 0.99]
    for x in walls:
        sheet.box(x0 + x * w, top, 0.01 * w, low - top, pen, fill)
    if rng.random() < 0.5:
        sheet.path([(x0, top), (x0 + w / 2, y0), (x1, top)], pen)
    sheet.line((x0 - 0.05 * w, low), (x1 + 0.05 * w, low), cad.pen(2))
    draw_view_title(sheet, (x0, y1 - 0.1 * h, x1, y1), cad, rng)


def draw_facade(sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    """Draw an elevation with its title."""
    x0, y0, x1, y1 = field
    w, h = x1 - x0, y1 - y0
    facade = (x0 + 0.15 * w, y0 + 0.1 * h, x1 - 0.15 * w, y1 - 0.15 * h)
    draw_elevation(sheet, facade, rng)
    draw_view_title(sheet, (x0, y1 - 0.1 * h, x1, y1), cad, rng)


def draw_view_title(
    sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator, scale: str = ""
) -> None:
    """Write number, title and scale of a view under it; any scale if none is given."""
    x0, y0, x1, _ = field
    r = 4.5 * cad.px_per_mm
    draw_mark(sheet, (x0 + r, y0 + r), "circle", str(int(rng.integers(1, 9))), cad, 9)
    sheet.line((x0 + 2 * r, y0 + r), (min(x1, x0 + 30 * r), y0 + r), cad.pen(1.2))
    text = str(rng.choice(PROJECTS))
    at = (x0 + 2.4 * r + 1.5 * len(text) * cad.px_per_mm, y0 + 0.5 * r)
    sheet.text(at, text, cad.letters(2.8))
    scales = ["1:100", "1:200", '1/8" = 1\'-0"', "SKALA 1:100", "SCALE: AS NOTED"]
    scale = scale or str(rng.choice(scales))
    sheet.text((x0 + 4.5 * r, y0 + 1.5 * r), scale, cad.letters(1.8))


def draw_scale_bar(sheet: Canvas, at: tuple[float, float], cad: Cad, px_per_m: float) -> None:
    """Draw a bar of ten meters, black and white or with strokes."""
    x, y = at
    h = 1.5 * cad.px_per_mm
    for i in range(5):
        fill = (0, 0, 0) if i % 2 == 0 else PAPER
        sheet.box(x + 2 * i * px_per_m, y, 2 * px_per_m, h, cad.pen(0.6), fill)
        sheet.text((x + 2 * i * px_per_m, y - 2 * h), str(2 * i), cad.letters(1.8))


def draw_north(sheet: Canvas, at: tuple[float, float], cad: Cad, rng: np.random.Generator) -> None:
    x, y = at
    r = rng.uniform(4, 10) * cad.px_per_mm
    turn = float(rng.uniform(0, 360))
    tip, tail, left = (arc_points((x, y), r, r, turn + a, 0)[0] for a in (0, 180, 140))
    if rng.random() < 0.6:
        sheet.ellipse((x, y), r, r, cad.pen())
    sheet.fill([tip, left, (x, y)], (0, 0, 0))
    sheet.line(tip, tail, Pen((0, 0, 0), cad.pen().width_px))
    sheet.text((tip[0], tip[1] - 3 * cad.px_per_mm), "N", cad.letters(2.5))
