# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a sheet holds besides plans: title strips, legends, schedules, notes, key plans, details.

None of it holds a room: a key plan's outlines, the squares of a legend and the storeys of a section
are no rooms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from shapely.geometry import box
from shapely.ops import unary_union

from training.synth.canvas import Canvas, Pen, arc_points
from training.synth.surroundings import draw_elevation
from training.synth.tags import draw_mark

if TYPE_CHECKING:
    from training.synth.cad import Cad
    from training.synth.floor import Floor

FieldPx = tuple[float, float, float, float]
PAPER = (255, 255, 255)
_WORDS = tuple(
    "PROVIDE ALL NEW EXISTING WALL FINISH CEILING CONTRACTOR SHALL VERIFY DIMENSIONS ON SITE PRIOR TO "
    "WORK SEE SPECIFICATION FOR DOOR HARDWARE TYPE AND FRAME OF THE PARTITION AT UNDERSIDE STRUCTURE "
    "PATCH REPAIR MATCH ADJACENT SURFACES COORDINATE WITH MECHANICAL ELECTRICAL DRAWINGS NOTIFY "
    "ARCHITECT ANY DISCREPANCIES FIRE RATED ASSEMBLY SEALANT GYPSUM BOARD EACH SIDE METAL STUDS "
    "TYPICAL UNLESS NOTED OTHERWISE MATERIAL FLOOR BASE PAINT TILE REMOVE INSTALL".split()
)
_TITLES = (
    "GENERAL NOTES",
    "LEGEND",
    "KEYNOTES",
    "FINISH PLAN GENERAL NOTES",
    "SYMBOLS AND ABBREVIATIONS",
    "WALL TYPES",
    "HÄNVISNINGAR",
    "FÖRKLARINGAR",
    "HINWEISE",
)
_STRIP = (
    "PROJECT NUMBER",
    "ISSUE DATE",
    "DRAWN BY",
    "CHECKED BY",
    "SCALE",
    "CONSULTANT",
    "ARCHITECT / ENGINEER OF RECORD",
    "STAMP",
    "REVISIONS",
    "DRAWING TITLE",
    "SKALA",
    "RITAD AV",
    "UPPDRAG NR",
    "ANSVARIG",
)
_PROJECTS = (
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


def _words(count: int, rng: np.random.Generator) -> str:
    return " ".join(str(_WORDS[int(i)]) for i in rng.integers(len(_WORDS), size=count))


def draw_frame(sheet: Canvas, cad: Cad, rng: np.random.Generator) -> FieldPx:
    """Draw the sheet's border, with zone marks or centering marks; return what lies inside."""
    h, w = sheet.page.shape[:2]
    m = rng.uniform(0.012, 0.05) * w
    left = m * float(rng.choice([1, 1.5]))
    field = (left, m, w - m, h - m)
    if rng.random() < 0.15:
        return field
    pen = cad.pen(float(rng.uniform(1, 3)))
    sheet.box(left, m, w - m - left, h - 2 * m, pen)
    count = int(rng.integers(4, 12))
    font = cad.letters(2.5)
    marks = rng.random() < 0.6
    for i in range(1, count):
        x = left + (w - m - left) * i / count
        if not marks:
            break
        for y in (m, h - m):
            sheet.line((x, y - 0.4 * m), (x, y + 0.2 * m), pen)
        sheet.text((x + (w - m - left) / count / 2, 0.6 * m), str(i), font)
        y = m + (h - 2 * m) * i / count
        for edge in (left, w - m):
            sheet.line((edge - 0.3 * m, y), (edge + 0.3 * m, y), pen)
        sheet.text((left - 0.5 * m, y), chr(65 + i), font)
    return field


def draw_strip(sheet: Canvas, inside: FieldPx, cad: Cad, rng: np.random.Generator) -> FieldPx:
    """Draw a title strip at the right, at the bottom or in the corner; return what is left."""
    x0, y0, x1, y1 = inside
    w, h = x1 - x0, y1 - y0
    form = int(rng.choice(4, p=[0.42, 0.3, 0.23, 0.05]))
    if form == 0:
        strip, rest = (x1 - rng.uniform(0.07, 0.13) * w, y0, x1, y1), None
        rest = (x0, y0, strip[0], y1)
    elif form == 1:
        strip = (x0, y1 - rng.uniform(0.08, 0.13) * h, x1, y1)
        rest = (x0, y0, x1, strip[1])
    elif form == 2:
        size = rng.uniform(0.11, 0.2) * w
        strip = (x1 - size, y1 - rng.uniform(0.2, 0.42) * h, x1, y1)
        rest = (x0, y0, x1, y1)
    else:
        return inside
    _fill_strip(sheet, strip, cad, rng)
    return rest


def _fill_strip(sheet: Canvas, strip: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    """Cut a strip into cells and fill them with words, tables, logos and numbers."""
    x0, y0, x1, y1 = strip
    thick, thin = cad.pen(float(rng.uniform(1, 3))), cad.pen(0.7)
    sheet.box(x0, y0, x1 - x0, y1 - y0, thick, PAPER)
    tall = y1 - y0 > x1 - x0
    count = int(rng.integers(4, 9))
    shares = rng.uniform(0.3, 1.5, count)
    edges = np.concatenate([[0], np.cumsum(shares) / shares.sum()])
    for i in range(count):
        a, b = float(edges[i]), float(edges[i + 1])
        if tall:
            cell = (x0, y0 + a * (y1 - y0), x1, y0 + b * (y1 - y0))
        else:
            cell = (x0 + a * (x1 - x0), y0, x0 + b * (x1 - x0), y1)
        sheet.box(cell[0], cell[1], cell[2] - cell[0], cell[3] - cell[1], thin)
        _fill_cell(sheet, cell, cad, rng, is_last=i == count - 1)


def _fill_cell(
    sheet: Canvas, cell: FieldPx, cad: Cad, rng: np.random.Generator, *, is_last: bool
) -> None:
    x0, y0, x1, y1 = cell
    w, h = x1 - x0, y1 - y0
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    mm = cad.px_per_mm
    big = min(w / 12, h / 4) / mm
    if is_last:
        text = f"A{int(rng.integers(1, 9))}{rng.choice(['.', '-', ''])}{int(rng.integers(10, 400))}"
        sheet.text(middle, text, cad.letters(min(1.6 * big, 0.5 * h / mm)))
        return
    match int(rng.choice(6, p=[0.22, 0.2, 0.16, 0.16, 0.16, 0.1])):
        case 0:
            _rows(sheet, cell, cad, rng)
        case 1:
            turned = h > 2 * w
            size = (min(h / 22, w / 4) if turned else min(w / 20, h / 4)) / mm
            lines = "\n".join(str(t) for t in rng.choice(_PROJECTS, int(rng.integers(1, 3))))
            sheet.text(middle, lines, cad.letters(size), turned=turned)
        case 2:
            r = 0.3 * min(w, h)
            sheet.ellipse((middle[0] - 0.2 * w, middle[1]), r, r, cad.pen(), (30, 30, 30))
            sheet.ellipse((middle[0] - 0.2 * w, middle[1]), 0.6 * r, 0.6 * r, cad.pen(), PAPER)
            sheet.text((middle[0] + 0.15 * w, middle[1]), "ARK", cad.letters(1.5 * big))
        case 3:
            write_column(sheet, (x0 + 0.05 * w, y0, x1, y1), cad, rng, 1.6)
        case 4:
            sheet.text((x0 + 0.3 * w, y0 + 2.5 * mm), str(rng.choice(_STRIP)), cad.letters(1.8))
        case _:
            draw_key_plan(sheet, cell, None, cad, rng)


def _rows(sheet: Canvas, cell: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    """Draw rows of labels and values."""
    x0, y0, x1, y1 = cell
    count = max(1, min(10, int((y1 - y0) / (7 * cad.px_per_mm))))
    step = (y1 - y0) / count
    columns = int(rng.integers(1, 4))
    for i in range(count):
        y = y0 + i * step
        sheet.line((x0, y), (x1, y), cad.pen(0.6))
        for c in range(columns):
            x = x0 + (x1 - x0) * c / columns
            sheet.line((x, y), (x, y + step), cad.pen(0.6))
            if rng.random() < 0.7:
                at = (x + (x1 - x0) / columns / 2, y + 0.55 * step)
                sheet.text(at, str(rng.choice(_STRIP))[: int(16 / columns) + 3], cad.letters(1.6))


def write_column(
    sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator, height_mm: float
) -> None:
    """Fill a field with numbered notes, as many lines as it holds."""
    x0, y0, x1, y1 = field
    letter = 0.95 * height_mm * cad.px_per_mm
    wide = max(6, int((x1 - x0) / letter * 0.92))
    lines: list[str] = []
    number = 1
    most = int((y1 - y0) / (1.75 * height_mm * cad.px_per_mm)) - 1
    while len(lines) < most:
        note = f"{number}. {_words(int(rng.integers(4, 26)), rng)}"
        while note and len(lines) < most:
            lines.append(note[:wide])
            note = "   " + note[wide:] if len(note) > wide else ""
        if rng.random() < 0.6:
            lines.append("")
        number += 1
    font = cad.letters(height_mm, left=True)
    for i, line in enumerate(lines[:most]):
        if line:
            covered = font.coverage(line)
            at = (x0 + covered.shape[1] / 2, y0 + (i + 1) * 1.75 * height_mm * cad.px_per_mm)
            sheet.text(at, line, font)


def draw_notes_block(sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    """Write notes under a title, in a frame or without one."""
    x0, y0, x1, y1 = _under_title(sheet, field, cad, rng)
    pad = 2 * cad.px_per_mm
    columns = 2 if x1 - x0 > 1.6 * (y1 - y0) else 1
    height = float(rng.uniform(1.5, 2.6))
    for i in range(columns):
        a = x0 + (x1 - x0) * i / columns + pad
        b = x0 + (x1 - x0) * (i + 1) / columns - pad
        write_column(sheet, (a, y0, b, y1), cad, rng, height)


def _under_title(
    sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator, title: str = ""
) -> FieldPx:
    """Write a title over a field, frame it perhaps; return the rest."""
    x0, y0, x1, y1 = field
    if rng.random() < 0.55:
        sheet.box(x0, y0, x1 - x0, y1 - y0, cad.pen(float(rng.uniform(0.6, 1.6))))
    size = float(rng.uniform(2.5, 5))
    text = title or str(rng.choice(_TITLES))
    font = cad.letters(min(size, (x1 - x0) / cad.px_per_mm / len(text)))
    y = y0 + 0.9 * size * cad.px_per_mm
    sheet.text(((x0 + x1) / 2, y), text, font)
    low = y0 + 1.9 * size * cad.px_per_mm
    if rng.random() < 0.6:
        sheet.line((x0, low), (x1, low), cad.pen())
    return (x0, low, x1, y1)


def draw_schedule(sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    """Draw a schedule of doors, rooms or finishes: a table with a head and many rows."""
    title = str(rng.choice(["DOOR SCHEDULE", "ROOM FINISH SCHEDULE", "RUMSLISTA", "SCHEDULE"]))
    x0, y0, x1, y1 = _under_title(sheet, field, cad, rng, title)
    step = float(rng.uniform(4, 9)) * cad.px_per_mm
    rows = max(2, int((y1 - y0) / step))
    shares = rng.uniform(0.4, 1.6, int(rng.integers(3, 10)))
    edges = x0 + (x1 - x0) * np.concatenate([[0], np.cumsum(shares) / shares.sum()])
    pen = cad.pen(0.6)
    size = min(2.2, 0.4 * step / cad.px_per_mm)
    filled, lined = rng.uniform(0.3, 1.0), rng.random() < 0.8
    for i in range(rows):
        y = y0 + i * step
        if lined:
            sheet.line((x0, y), (x1, y), pen)
        for a, b in zip(edges[:-1], edges[1:], strict=True):
            if i and rng.random() > filled:
                continue
            most = max(1, int((b - a) / (size * cad.px_per_mm)))
            text = (
                _words(2, rng) if i == 0 or rng.random() < 0.4 else str(int(rng.integers(1, 999)))
            )
            sheet.text(((a + b) / 2, y + step / 2), text[:most], cad.letters(size))
    for x in edges:
        sheet.line((float(x), y0), (float(x), y0 + rows * step), pen)
    sheet.line((x0, y0 + rows * step), (x1, y0 + rows * step), pen)


def draw_legend(sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    """Draw a legend: walls, hatches, lines and symbols, each with its meaning."""
    x0, y0, x1, y1 = _under_title(sheet, field, cad, rng)
    step = float(rng.uniform(6, 13)) * cad.px_per_mm
    pen = cad.pen(0.7)
    wide = min(2.2 * step, 0.3 * (x1 - x0))
    gridded = rng.random() < 0.4
    for i in range(int((y1 - y0) / step)):
        y = y0 + (i + 0.2) * step
        x = x0 + 0.1 * wide
        if gridded:
            sheet.box(x0, y0 + i * step, x1 - x0, step, pen)
        match int(rng.integers(5)):
            case 0:
                fill = (int(rng.integers(60, 255)),) * 3
                sheet.box(x, y, wide, 0.6 * step, pen, fill)
            case 1:
                sheet.box(x, y, wide, 0.6 * step, pen)
                for k in range(1, 8):
                    sheet.line((x + wide * k / 8, y), (x + wide * (k - 1) / 8, y + 0.6 * step), pen)
            case 2:
                dash = pen.dashed(2 * cad.px_per_mm, cad.px_per_mm)
                sheet.line((x, y + 0.3 * step), (x + wide, y + 0.3 * step), dash)
            case 3:
                form = str(rng.choice(["circle", "hexagon", "diamond", "box"]))
                at = (x + wide / 2, y + 0.3 * step)
                draw_mark(sheet, at, form, "101", cad, 0.6 * step / cad.px_per_mm)
            case _:
                sheet.line((x, y + 0.2 * step), (x + wide, y + 0.2 * step), pen)
                sheet.line((x, y + 0.4 * step), (x + wide, y + 0.4 * step), pen)
        room = x1 - x - 1.3 * wide
        size = float(min(2.4, 0.3 * step / cad.px_per_mm))
        text = _words(3, rng)[: max(2, int(room / (size * cad.px_per_mm)))]
        sheet.text((x + 1.3 * wide + room / 2, y + 0.3 * step), text, cad.letters(size))


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
    part = Canvas(sheet.page, matrix)
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
    for i, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        sheet.box(float(a), y0 + 0.1 * h, float(b - a), 0.7 * h, pen)
        if i % 2:
            for t in np.arange(0.1, 0.78, 0.03):
                sheet.line((float(a), y0 + t * h), (float(b), y0 + (t + 0.02) * h), thin)
    for k in range(int(rng.integers(2, 6))):
        y = y0 + h * (0.15 + 0.12 * k)
        tip = float(rng.uniform(edges[0], edges[-1]))
        sheet.line((tip, y + 0.05 * h), (x0 + 0.62 * w, y), thin)
        text = _words(2, rng)[:18]
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
    h = y1 - y0
    draw_elevation(sheet, (x0, y0 + 0.1 * h, x1, y1 - 0.15 * h), rng)
    draw_view_title(sheet, (x0, y1 - 0.1 * h, x1, y1), cad, rng)


def draw_view_title(sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    """Write number, title and scale of a view under it."""
    x0, y0, x1, _ = field
    r = 4.5 * cad.px_per_mm
    draw_mark(sheet, (x0 + r, y0 + r), "circle", str(int(rng.integers(1, 9))), cad, 9)
    sheet.line((x0 + 2 * r, y0 + r), (min(x1, x0 + 30 * r), y0 + r), cad.pen(1.2))
    text = str(rng.choice(_PROJECTS))
    at = (x0 + 2.4 * r + 1.5 * len(text) * cad.px_per_mm, y0 + 0.5 * r)
    sheet.text(at, text, cad.letters(2.8))
    scale = str(rng.choice(["1:100", "1:200", '1/8" = 1\'-0"', "SKALA 1:100", "SCALE: AS NOTED"]))
    sheet.text((x0 + 4.5 * r, y0 + 1.5 * r), scale, cad.letters(1.8))


def draw_scale_bar(sheet: Canvas, at: tuple[float, float], cad: Cad, px_per_m: float) -> None:
    """Draw a bar of ten metres, black and white or with strokes."""
    x, y = at
    h = 1.5 * cad.px_per_mm
    for i in range(5):
        fill = (0, 0, 0) if i % 2 == 0 else PAPER
        sheet.box(x + 2 * i * px_per_m, y, 2 * px_per_m, h, cad.pen(0.6), fill)
        sheet.text((x + 2 * i * px_per_m, y - 2 * h), str(2 * i), cad.letters(1.8))


def draw_north(sheet: Canvas, at: tuple[float, float], cad: Cad, rng: np.random.Generator) -> None:
    """Draw a north arrow."""
    x, y = at
    r = rng.uniform(4, 10) * cad.px_per_mm
    turn = float(rng.uniform(0, 360))
    tip, tail, left = (arc_points((x, y), r, r, turn + a, 0)[0] for a in (0, 180, 140))
    if rng.random() < 0.6:
        sheet.ellipse((x, y), r, r, cad.pen())
    sheet.fill([tip, left, (x, y)], (0, 0, 0))
    sheet.line(tip, tail, Pen((0, 0, 0), cad.pen().width_px))
    sheet.text((tip[0], tip[1] - 3 * cad.px_per_mm), "N", cad.letters(2.5))
