# SPDX-License-Identifier: AGPL-3.0-or-later
"""A sheet's border and its title strip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plans.synth.tables import write_column
from plans.synth.views import PROJECTS, draw_key_plan

if TYPE_CHECKING:
    from plans.synth.cad import Cad
    from plans.synth.canvas import Canvas

FieldPx = tuple[float, float, float, float]
PAPER = (255, 255, 255)
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


_BLOCK_MM = 32  # of a strip, for what a plotted sheet says of itself


def draw_strip_with_block(
    sheet: Canvas, inside: FieldPx, cad: Cad, rng: np.random.Generator
) -> tuple[FieldPx, FieldPx]:
    """Draw a title strip at the right or at the bottom with a free field at its end.

    Returns:
        What is left of the sheet, and the field, which :func:`write_block` fills.
    """
    x0, y0, x1, y1 = inside
    w, h = x1 - x0, y1 - y0
    free = _BLOCK_MM * cad.px_per_mm
    if rng.random() < 0.6:
        left = x1 - rng.uniform(0.09, 0.13) * w
        _fill_strip(sheet, (left, y0, x1, y1 - free), cad, rng)
        return (x0, y0, left, y1), (left, y1 - free, x1, y1)
    top = y1 - max(rng.uniform(0.08, 0.13) * h, free)
    _fill_strip(sheet, (x0, top, x1 - 2 * free, y1), cad, rng)
    return (x0, y0, x1, top), (x1 - 2 * free, top, x1, y1)


def write_block(
    sheet: Canvas, field: FieldPx, scale: str, cad: Cad, rng: np.random.Generator
) -> None:
    """Write rows of what a sheet says of itself, its scale among them, beside or below its word."""
    x0, y0, x1, y1 = field
    words = _BLOCKS[cad.language] if cad.language in _BLOCKS else _BLOCKS["en"]
    values = ("28-1143", "2026-11-30", str(rng.choice(["AB", "K. L.", "MN/OP"])), scale)
    step = (y1 - y0) / len(words)
    sheet.box(x0, y0, x1 - x0, y1 - y0, cad.pen(1.5))
    below = rng.random() < 0.5
    size = min(2.2, 0.3 * step / cad.px_per_mm)
    small = cad.letters(0.8 * size) if below else cad.letters(size)
    for i, (word, value) in enumerate(zip(words, values, strict=True)):
        y = y0 + i * step
        sheet.line((x0, y), (x1, y), cad.pen(0.6))
        wide = small.coverage(word).shape[1]
        at = (x0 + wide / 2 + cad.px_per_mm, y + (0.25 if below else 0.5) * step)
        sheet.text(at, word, small)
        font = cad.letters(size)
        left = x0 + (2 * cad.px_per_mm if below else wide + 4 * cad.px_per_mm)
        middle = left + font.coverage(value).shape[1] / 2
        sheet.text((middle, y + (0.68 if below else 0.5) * step), value, font)


_BLOCKS = {
    "en": ("PROJECT NUMBER", "DATE", "DRAWN BY", "SCALE"),
    "sv": ("UPPDRAG NR", "DATUM", "RITAD AV", "SKALA"),
    "de": ("PROJEKT", "DATUM", "GEZ.", "MASSSTAB"),
}


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
            lines = "\n".join(str(t) for t in rng.choice(PROJECTS, int(rng.integers(1, 3))))
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
