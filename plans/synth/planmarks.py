# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is drawn over and around a large plan: axes, dimensions, clouds, hatched areas, marks."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from shapely.geometry import Point, box

from plans.synth.canvas import arc_points
from plans.synth.surroundings import draw_chain
from plans.synth.tags import draw_mark, paper

if TYPE_CHECKING:
    from plans.synth.cad import Cad
    from plans.synth.canvas import Canvas, PointM
    from plans.synth.floor import Floor

PAPER = (255, 255, 255)


def mm_in_m(canvas: Canvas, cad: Cad) -> float:
    """Return how many meters of the building a millimeter of the paper is."""
    return cad.px_per_mm / canvas.px_per_m


def draw_axes(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw the grid's lines across the plan, dash-dotted, with bubbles at one or both ends."""
    mm = mm_in_m(canvas, cad)
    x0, y0, x1, y1 = floor.bounds_m
    reach, radius_mm = rng.uniform(12, 40) * mm, float(rng.uniform(3, 5.5))
    pen = cad.pen(0.5, int(rng.choice([0, 60, 120, 170]))).dashed(8 * mm, 1.5 * mm)
    at_low, at_high = ((True, False), (False, True), (True, True))[int(rng.integers(3))]
    crosses = rng.random() < 0.75
    step = max(float(rng.uniform(3.6, 9)), 2.4 * radius_mm * mm, max(x1 - x0, y1 - y0) / 18)
    for runs_down in (True, False):
        low, high, start, stop = (x0, x1, y0, y1) if runs_down else (y0, y1, x0, x1)
        a = start - (reach if at_low else 0.2 * reach)
        b = stop + (reach if at_high else 0.2 * reach)
        for i, at in enumerate(_steps(low, high, step, rng)):
            text = str(i + 1) if runs_down else chr(65 + i % 26)
            pieces = [(a, b)] if crosses else [(a, start), (stop, b)]
            for piece in pieces:
                canvas.path([(at, v) if runs_down else (v, at) for v in piece], pen)
            for end, wanted in ((a - radius_mm * mm, at_low), (b + radius_mm * mm, at_high)):
                if wanted:
                    px = canvas.to_px([(at, end) if runs_down else (end, at)])[0]
                    draw_mark(paper(canvas), (px[0], px[1]), "circle", text, cad, 2 * radius_mm)


def _steps(low: float, high: float, step: float, rng: np.random.Generator) -> list[float]:
    stops = [low]
    while stops[-1] < high - 0.5 * step:
        stops.append(stops[-1] + step * float(rng.choice([1.0, 1.0, 1.0, 1.0, 0.5])))
    return stops


def draw_dimension_chains(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw one to three chains on some sides, and a few across the plan."""
    mm = mm_in_m(canvas, cad)
    x0, y0, x1, y1 = floor.bounds_m
    ink = (cad.pen(0.5, cad.tag_gray), cad.letters(0.75 * cad.text_mm, cad.tag_gray))
    apart = 3.2 * cad.text_mm * mm
    least = 2.2 * cad.text_mm * mm
    for side in rng.permutation(4)[: int(rng.integers(1, 5))]:
        along_x = bool(side < 2)
        stops = _stops(floor, int(side), least)
        if len(stops) < 2:
            continue
        for row in range(int(rng.integers(1, 4))):
            away = (row + 1.3) * apart
            at = (y0 - away, y1 + away, x0 - away, x1 + away)[side]
            kept = stops if row == 0 else [*stops[: -1 : 4 * row], stops[-1]]
            draw_chain(canvas, kept, at, ink, along_x=along_x)
    for _ in range(int(rng.choice([0, 2, 6]))):
        space = floor.spaces[int(rng.integers(len(floor.spaces)))]
        a, b, c, d = space.shape.bounds
        if rng.random() < 0.5 and c - a > least:
            draw_chain(canvas, [a, c], rng.uniform(b, d), ink, along_x=True)
        elif d - b > least:
            draw_chain(canvas, [b, d], rng.uniform(a, c), ink, along_x=False)


def _stops(floor: Floor, side: int, least: float) -> list[float]:
    """Return where rooms end that lie at a side of the plan."""
    edge = floor.bounds_m[(1, 3, 0, 2)[side]]
    lows = (0, 2) if side < 2 else (1, 3)
    near = [
        s.shape.bounds for s in floor.spaces if abs(s.shape.bounds[(1, 3, 0, 2)[side]] - edge) < 6
    ]
    stops: list[float] = []
    for stop in sorted(bounds[i] for bounds in near for i in lows):
        if not stops or stop - stops[-1] > least:
            stops.append(stop)
    return stops


def draw_untouched(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Fill or hatch a part of the plan on which no work is done; to be drawn before the plan.

    Its rooms are rooms.
    """
    x0, y0, x1, y1 = floor.bounds_m
    share = rng.uniform(0.2, 0.6)
    part = (
        box(x0, y0, x0 + share * (x1 - x0), y1)
        if rng.random() < 0.5
        else box(x0, y1 - share * (y1 - y0), x1, y1)
    )
    gray = int(rng.integers(190, 240))
    angle = float(rng.choice([45, 135]))
    spacing = cad.px_per_mm * rng.uniform(1.5, 5)
    fills = rng.random() < 0.5
    for space in floor.spaces:
        if not part.contains(space.shape.centroid):
            continue
        if fills:
            canvas.fill_shape(space.shape, (gray,) * 3)
        else:
            around = canvas.around(space.shape)
            around.hatch(space.shape, cad.pen(0.5, gray - 60), spacing, angle)


def draw_untouched_words(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Write that an area is not in the contract, in a box over the rooms."""
    space = floor.spaces[int(rng.integers(len(floor.spaces)))].shape.centroid
    x, y = canvas.to_px([(space.x, space.y)])[0]
    text = str(rng.choice(["NO WORK THIS AREA", "NOT IN CONTRACT", "N.I.C.", "EJ AKTUELLT"]))
    font = cad.letters(1.6 * cad.text_mm)
    h, w = font.coverage(text).shape
    sheet = paper(canvas)
    sheet.box(x - w / 2 - 4, y - h / 2 - 2, w + 8, h + 4, cad.pen(), PAPER)
    sheet.text((x, y), text, font)


def fade(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Make a part of the plan an underlay of gray lines, perhaps named: what exists already."""
    x0, y0, x1, y1 = floor.bounds_m
    share = rng.uniform(0.2, 1.0)
    px = canvas.to_px([(x0 - 2, y0 - 2), (x0 + share * (x1 - x0), y1 + 2)])
    low, high = px.min(axis=0).clip(0).astype(int), px.max(axis=0).clip(0).astype(int)
    part = canvas.page[low[1] : high[1], low[0] : high[0]]
    if part.size:
        strength = rng.uniform(0.35, 0.7)
        table = (255 - (255 - np.arange(256)) * strength).astype(np.uint8)
        cv2.LUT(part, table, dst=part)
        if rng.random() < 0.3:
            paper(canvas).text((low[0] + 9.0, low[1] + 9.0), "EXISTING", cad.letters(2.5))


def draw_clouds(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw revision clouds around parts of the plan, each with its triangle."""
    sheet = paper(canvas)
    h, w = sheet.page.shape[:2]
    mm = cad.px_per_mm
    bump = rng.uniform(2.5, 6) * mm
    pen = cad.pen(float(rng.uniform(0.6, 1.5)))
    for _ in range(int(rng.integers(1, 4))):
        middle = floor.spaces[int(rng.integers(len(floor.spaces)))].shape.centroid
        x, y = canvas.to_px([(middle.x, middle.y)])[0]
        dx, dy = rng.uniform(8, 60, 2) * mm
        a, b, c, d = max(x - dx, 0), max(y - dy, 0), min(x + dx, w), min(y + dy, h)
        ring = box(a, b, c, d).exterior
        count = max(6, int(ring.length / bump))
        dots = [ring.interpolate(i / count, normalized=True) for i in range(count + 1)]
        for p, q in pairwise(dots):
            turn = math.degrees(math.atan2(q.y - p.y, q.x - p.x))
            r = math.hypot(q.x - p.x, q.y - p.y) / 2
            sheet.arc(((p.x + q.x) / 2, (p.y + q.y) / 2), r, turn, turn - 180, pen)
        t = 4 * mm
        sheet.path([(c, b - t), (c - t, b + 0.7 * t), (c + t, b + 0.7 * t)], pen, closed=True)
        sheet.text((c, b + 0.15 * t), str(int(rng.integers(1, 9))), cad.letters(2.0))


def draw_view_marks(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw marks of elevations and sections: circles with a black tip, and cutting lines."""
    sheet = paper(canvas)
    mm = mm_in_m(canvas, cad)
    x0, y0, x1, y1 = floor.bounds_m
    pen = cad.pen(0.8)
    size = float(rng.uniform(2.5, 4)) * cad.text_mm
    for _ in range(int(rng.integers(2, 14))):
        at = (float(rng.uniform(x0 - 8 * mm, x1)), float(rng.uniform(y0 - 8 * mm, y1 + 8 * mm)))
        x, y = canvas.to_px([at])[0]
        r = size * cad.px_per_mm / 2
        turn = float(rng.choice([0, 90, 180, 270]))
        tip = arc_points((x, y), 1.5 * r, 1.5 * r, turn, turn + 10)[0]
        left, right = (arc_points((x, y), r, r, turn + s, 0)[0] for s in (-70, 70))
        sheet.fill([tip, left, right], pen.color)
        draw_mark(sheet, (x, y), "circle", f"A{int(rng.integers(1, 9))}", cad, size)
        sheet.line((x - r, y), (x + r, y), pen)
    for _ in range(int(rng.integers(0, 3))):
        down = rng.random() < 0.5
        v = float(rng.uniform(x0, x1) if down else rng.uniform(y0, y1))
        ends = ((v, y0 - 20 * mm), (v, y1 + 20 * mm)) if down else ((x0 - 20 * mm, v), (x1, v))
        canvas.line(*ends, cad.pen(1.2).dashed(14 * mm, 4 * mm))


def draw_fire_line(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw thick dashes along the walls of some rooms: a fire compartment or wall protection."""
    mm = mm_in_m(canvas, cad)
    pen = cad.pen(float(rng.uniform(1, 2.5))).dashed(rng.uniform(2, 5) * mm, rng.uniform(1, 2) * mm)
    chosen = floor.spaces[int(rng.integers(len(floor.spaces)))].shape.centroid
    reach = rng.uniform(5, 25)
    for space in floor.spaces:
        if space.shape.centroid.distance(Point(chosen)) < reach and rng.random() < 0.5:
            ring: list[PointM] = list(space.shape.exterior.coords)
            canvas.path(ring[: int(rng.integers(2, len(ring) + 1))], pen)
