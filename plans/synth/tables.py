# SPDX-License-Identifier: AGPL-3.0-or-later
"""Notes, schedules and legends of a sheet. Their frames and squares are no rooms."""

from __future__ import annotations

from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from plans.synth.tags import draw_mark

if TYPE_CHECKING:
    from plans.synth.cad import Cad
    from plans.synth.canvas import Canvas

FieldPx = tuple[float, float, float, float]
_WORDS = (
    *("PROVIDE", "ALL", "NEW", "EXISTING", "WALL", "FINISH", "CEILING", "CONTRACTOR", "SHALL"),
    *("VERIFY", "DIMENSIONS", "ON", "SITE", "PRIOR", "TO", "WORK", "SEE", "SPECIFICATION", "FOR"),
    *("DOOR", "HARDWARE", "TYPE", "AND", "FRAME", "OF", "THE", "PARTITION", "AT", "UNDERSIDE"),
    *("STRUCTURE", "PATCH", "REPAIR", "MATCH", "ADJACENT", "SURFACES", "COORDINATE", "WITH"),
    *("MECHANICAL", "ELECTRICAL", "DRAWINGS", "NOTIFY", "ARCHITECT", "ANY", "DISCREPANCIES"),
    *("FIRE", "RATED", "ASSEMBLY", "SEALANT", "GYPSUM", "BOARD", "EACH", "SIDE", "METAL", "STUDS"),
    *("TYPICAL", "UNLESS", "NOTED", "OTHERWISE", "MATERIAL", "FLOOR", "BASE", "PAINT", "TILE"),
    *("REMOVE", "INSTALL"),
)
_SAMPLE = "NOTIFY ARCHITECT OF ANY WORK"  # how wide a letter is
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


def draw_words(count: int, rng: np.random.Generator) -> str:
    """Return some words of notes."""
    return " ".join(str(_WORDS[int(i)]) for i in rng.integers(len(_WORDS), size=count))


def write_column(
    sheet: Canvas, field: FieldPx, cad: Cad, rng: np.random.Generator, height_mm: float
) -> None:
    """Fill a field with numbered notes, as many lines as it holds."""
    x0, y0, x1, y1 = field
    font = cad.letters(height_mm, left=True)
    letter = font.coverage(_SAMPLE).shape[1] / len(_SAMPLE)
    wide = max(6, int((x1 - x0) / letter))
    step = 1.75 * height_mm * cad.px_per_mm
    most = int((y1 - y0) / step) - 1
    lines: list[str] = []
    number = 1
    while len(lines) < most:
        note = f"{number}. {draw_words(int(rng.integers(4, 26)), rng)}"
        lines += wrap(note, wide, subsequent_indent="   ")
        lines += [""] * int(rng.random() < 0.6)
        number += 1
    for i, line in enumerate(lines[:most]):
        if line:
            at = (x0 + font.coverage(line).shape[1] / 2, y0 + (i + 1) * step)
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
        for a, b in pairwise(edges.tolist()):
            if i and rng.random() > filled:
                continue
            most = max(1, int((b - a) / (size * cad.px_per_mm)))
            text = (
                draw_words(2, rng)
                if i == 0 or rng.random() < 0.4
                else str(int(rng.integers(1, 999)))
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
        text = draw_words(3, rng)[: max(2, int(room / (size * cad.px_per_mm)))]
        sheet.text((x + 1.3 * wide + room / 2, y + 0.3 * step), text, cad.letters(size))
