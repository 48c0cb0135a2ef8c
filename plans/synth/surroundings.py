# SPDX-License-Identifier: AGPL-3.0-or-later
"""What surrounds a plan on its sheet: dimensions, grids, marks, notes, tables, other drawings."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from plans.synth.canvas import Canvas, Font, Pen, arc_points
from plans.synth.words import draw_note

if TYPE_CHECKING:
    from plans.synth.canvas import Lettering
    from plans.synth.floor import Floor
    from plans.synth.style import Style

_INK = (0, 0, 0)
BoundsM = tuple[float, float, float, float]


def draw_dimensions(canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator) -> None:
    """Draw chains of dimensions on one to four sides."""
    x0, y0, x1, y1 = floor.bounds_m
    pen = Pen(_INK, max(1, style.line_px - 1))
    font = Font(style.font, max(8, round(0.2 * canvas.px_per_m)))
    stops_x = sorted({round(s.shape.bounds[i], 2) for s in floor.spaces for i in (0, 2)})
    stops_y = sorted({round(s.shape.bounds[i], 2) for s in floor.spaces for i in (1, 3)})
    for side in rng.permutation(4)[: int(rng.integers(1, 5))]:
        stops = stops_x if side < 2 else stops_y
        stops = [v for i, v in enumerate(stops) if i == 0 or v - stops[i - 1] > 0.35]
        for row in range(int(rng.integers(1, 4))):
            away = 0.7 + 0.55 * row
            kept = stops if row == 0 else [stops[0], *stops[2:-1:3], stops[-1]]
            at = (y0 - away, y1 + away, x0 - away, x1 + away)[side]
            draw_chain(canvas, kept, at, (pen, font), along_x=bool(side < 2))


def draw_chain(
    canvas: Canvas,
    stops: list[float],
    at: float,
    ink: tuple[Pen, Lettering],
    *,
    along_x: bool,
    arrows: bool = False,
) -> None:
    """Draw a chain of dimensions through stops at a height, ends as strokes or arrows."""
    pen, font = ink
    tick = 0.12

    def point(s: float, off: float = 0.0) -> tuple[float, float]:
        return (s, at + off) if along_x else (at + off, s)

    canvas.line(point(stops[0] - tick), point(stops[-1] + tick), pen)
    for number, stop in enumerate(stops):
        a = point(stop)
        if arrows:
            inward = tick if number == 0 else -tick
            head = [a, point(stop + 2 * inward, tick / 2), point(stop + 2 * inward, -tick / 2)]
            canvas.fill(head, pen.color)
            continue
        canvas.line((a[0] - tick, a[1] + tick), (a[0] + tick, a[1] - tick), pen)
        canvas.line(point(stop, -tick), point(stop, 2 * tick), pen)
    for a_m, b_m in pairwise(stops):
        text = f"{round((b_m - a_m) * 1000)}"
        canvas.text(point((a_m + b_m) / 2, -0.18), text, font, turned=not along_x)


def draw_grid(canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator) -> None:
    """Draw structural axes with bubbles."""
    x0, y0, x1, y1 = floor.bounds_m
    reach, radius = rng.uniform(1.0, 2.4), rng.uniform(0.25, 0.45)
    pen = Pen(_INK, 1).dashed(0.6, 0.15)
    font = Font(style.font, max(8, round(radius * canvas.px_per_m)))
    step = rng.uniform(2.5, 6)
    for i, x in enumerate(np.arange(x0, x1, step)):
        canvas.line((x, y0 - reach), (x, y1 + reach * 0.3), pen)
        canvas.ellipse((x, y0 - reach - radius), radius, radius, Pen(_INK, style.line_px))
        canvas.text((x, y0 - reach - radius), chr(65 + i % 26), font)
    for i, y in enumerate(np.arange(y0, y1, step)):
        canvas.line((x0 - reach, y), (x1 + reach * 0.3, y), pen)
        canvas.ellipse((x0 - reach - radius, y), radius, radius, Pen(_INK, style.line_px))
        canvas.text((x0 - reach - radius, y), str(i + 1), font)


def draw_roof_line(canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator) -> None:
    """Draw the roof's edge or the plot's boundary around the building."""
    x0, y0, x1, y1 = floor.bounds_m
    pen = Pen(_INK, style.line_px)
    pen = pen.dashed(0.4, 0.25) if rng.random() < 0.7 else pen
    for _ in range(int(rng.integers(1, 3))):
        m = rng.uniform(0.4, 2.0)
        corners = [(x0 - m, y0 - m), (x1 + m, y0 - m), (x1 + m, y1 + m), (x0 - m, y1 + m)]
        canvas.path(corners, pen, closed=True)


def draw_section_marks(
    canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator
) -> None:
    """Draw a section line across the building, with arrows and letters."""
    x0, y0, x1, y1 = floor.bounds_m
    pen = Pen(_INK, style.line_px).dashed(0.8, 0.3)
    font = Font(style.font, max(10, round(0.4 * canvas.px_per_m)))
    letter = str(rng.choice(list("ABC")))
    if rng.random() < 0.5:
        x = rng.uniform(x0, x1)
        ends = ((x, y0 - 1.2), (x, y1 + 1.2))
        arrow = (0.5, 0.0)
    else:
        y = rng.uniform(y0, y1)
        ends = ((x0 - 1.2, y), (x1 + 1.2, y))
        arrow = (0.0, 0.5)
    canvas.line(*ends, pen)
    for x, y in ends:
        canvas.fill(
            [(x + arrow[0], y + arrow[1]), (x - arrow[1] / 3, y), (x + arrow[1] / 3, y)], _INK
        )
        canvas.text((x - arrow[0], y - arrow[1]), letter, font)


def draw_crossing_lines(
    canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator
) -> None:
    """Draw beams, ridges and sloped ceilings across the rooms, dashed or thin: no walls."""
    x0, y0, x1, y1 = floor.bounds_m
    pens = (
        Pen(_INK, style.line_px).dashed(0.3, 0.2),
        Pen(_INK, style.line_px).dashed(0.9, 0.15),
        Pen((120, 120, 120), 1),
    )
    for _ in range(int(rng.integers(1, 5))):
        pen = pens[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
        beyond = rng.uniform(-0.3, 1.5)
        x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
        match int(rng.choice(3, p=[0.4, 0.4, 0.2])):
            case 0:
                canvas.line((x0 - beyond, y), (x1 + beyond, y), pen)
            case 1:
                canvas.line((x, y0 - beyond), (x, y1 + beyond), pen)
            case _:
                space = floor.spaces[int(rng.integers(len(floor.spaces)))].shape.bounds
                canvas.line(space[:2], space[2:], pen)


def draw_room_dimensions(
    canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator
) -> None:
    """Draw the clear width or depth of some rooms from wall to wall inside them."""
    pen = Pen(_INK, max(1, style.line_px - 1))
    font = Font(style.font, max(8, round(0.18 * canvas.px_per_m)))
    share, arrows = rng.uniform(0.3, 0.9), bool(rng.random() < 0.5)
    for space in floor.spaces:
        x0, y0, x1, y1 = space.shape.bounds
        if space.shape.area < 3 or rng.random() > share:
            continue
        at = rng.uniform(0.2, 0.8)
        if rng.random() < 0.5:
            y = y0 + at * (y1 - y0)
            draw_chain(canvas, [x0, x1], y, (pen, font), along_x=True, arrows=arrows)
        if rng.random() < 0.5:
            x = x0 + at * (x1 - x0)
            draw_chain(canvas, [y0, y1], x, (pen, font), along_x=False, arrows=arrows)


# -- in pixels of the sheet ---------------------------------------------------------------------


def draw_north_arrow(sheet: Canvas, rng: np.random.Generator) -> None:
    """Draw a north arrow somewhere near the edge."""
    h, w = sheet.page.shape[:2]
    x, y = _near_edge(w, h, rng)
    r = rng.uniform(0.02, 0.05) * min(w, h)
    pen = Pen(_INK, int(rng.integers(1, 4)))
    turn = rng.uniform(-60, 60)
    tip = arc_points((x, y), r, r, turn - 90, turn - 80)[0]
    tail = arc_points((x, y), r, r, turn + 90, turn + 100)[0]
    left = arc_points((x, y), r / 3, r / 3, turn + 180, turn + 190)[0]
    if rng.random() < 0.6:
        sheet.ellipse((x, y), r, r, pen)
    sheet.fill([tip, left, tail], _INK)
    sheet.path([tip, tail], pen)


def draw_title_block(sheet: Canvas, style: Style, rng: np.random.Generator) -> None:
    """Draw a frame and a table of texts at the right or the bottom."""
    h, w = sheet.page.shape[:2]
    pen = Pen(_INK, int(rng.integers(1, 4)))
    m = 0.015 * w
    sheet.box(m, m, w - 2 * m, h - 2 * m, pen)
    if rng.random() < 0.5:
        size = rng.uniform(0.08, 0.16) * w
        x0, y0, x1, y1 = w - m - size, m, w - m, h - m
    else:
        size = rng.uniform(0.07, 0.15) * h
        x0, y0, x1, y1 = m + rng.uniform(0, 0.5) * w, h - m - size, w - m, h - m
    sheet.box(x0, y0, x1 - x0, y1 - y0, pen, (255, 255, 255))
    tall = y1 - y0 > x1 - x0
    cuts = int(rng.integers(3, 9))
    font = Font(style.font, max(8, round(min(x1 - x0, y1 - y0) * 0.1)))
    for i in range(cuts):
        a, b = i / cuts, (i + 1) / cuts
        if tall:
            cell = (x0, y0 + a * (y1 - y0), x1, y0 + b * (y1 - y0))
        else:
            cell = (x0 + a * (x1 - x0), y0, x0 + b * (x1 - x0), y1)
        sheet.box(cell[0], cell[1], cell[2] - cell[0], cell[3] - cell[1], pen)
        if rng.random() < 0.8:
            sheet.text(((cell[0] + cell[2]) / 2, (cell[1] + cell[3]) / 2), draw_note(rng), font)


def draw_notes(sheet: Canvas, style: Style, rng: np.random.Generator) -> None:
    """Write one or a few blocks of notes, titles or a legend near the edges."""
    h, w = sheet.page.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        x, y = _near_edge(w, h, rng)
        size = max(9, round(rng.uniform(0.012, 0.03) * w))
        lines = "\n".join(draw_note(rng) for _ in range(int(rng.choice([1, 1, 2, 6]))))
        sheet.text((x, y), lines, Font(style.font, size))
    if rng.random() < 0.3:
        _draw_legend(sheet, style, rng)


def _draw_legend(sheet: Canvas, style: Style, rng: np.random.Generator) -> None:
    h, w = sheet.page.shape[:2]
    x, y = _near_edge(w, h, rng)
    step = 0.03 * w
    pen = Pen(_INK, style.line_px)
    font = Font(style.font, max(8, round(step * 0.45)))
    rows = int(rng.integers(3, 8))
    if rng.random() < 0.6:
        sheet.box(x - step * 0.4, y - step * 0.4, step * 6, step * (rows + 0.3), pen)
    for i in range(rows):
        sheet.box(x, y + i * step, step * 1.2, step * 0.6, pen)
        sheet.text((x + step * 3.4, y + (i + 0.3) * step), draw_note(rng)[:14], font)


def draw_elevation(sheet: Canvas, bounds_px: BoundsM, rng: np.random.Generator) -> None:
    """Draw a facade with windows and a roof: rectangles in a row that are no rooms."""
    x0, y0, x1, y1 = bounds_px
    pen = Pen(_INK, int(rng.integers(1, 3)))
    w, h = x1 - x0, y1 - y0
    eaves = y0 + 0.35 * h
    sheet.box(x0, eaves, w, y1 - eaves, pen)
    sheet.path([(x0 - 0.03 * w, eaves), (x0 + w / 2, y0), (x1 + 0.03 * w, eaves)], pen)
    sheet.line((x0 - 0.2 * w, y1), (x1 + 0.2 * w, y1), pen)
    count = int(rng.integers(2, 7))
    for i in range(count):
        x = x0 + w * (i + 0.25) / count
        sheet.box(x, eaves + 0.15 * h, w / count / 2, 0.25 * h, pen)
        sheet.line((x + w / count / 4, eaves + 0.15 * h), (x + w / count / 4, eaves + 0.4 * h), pen)
    if rng.random() < 0.4:
        for y in np.arange(eaves, y1, max(6.0, 0.04 * h)):
            sheet.line((x0, y), (x1, y), Pen((150, 150, 150), 1))


def _near_edge(w: int, h: int, rng: np.random.Generator) -> tuple[float, float]:
    along, in_by = rng.uniform(0.1, 0.9), rng.uniform(0.03, 0.1)
    match int(rng.integers(4)):
        case 0:
            return along * w, in_by * h
        case 1:
            return along * w, (1 - in_by) * h
        case 2:
            return in_by * w, along * h
        case _:
            return (1 - in_by) * w, along * h
