# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sheets without a plan: covers, notes, tables, title blocks, elevations. Nothing to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plans.synth import surroundings
from plans.synth.canvas import Font, Pen
from plans.synth.words import draw_note, draw_word

if TYPE_CHECKING:
    import numpy as np

    from plans.synth.canvas import Canvas
    from plans.synth.style import Style

_INK = (0, 0, 0)


def draw_wordsheet(sheet: Canvas, style: Style, rng: np.random.Generator) -> None:
    """Draw onto an empty page what sheets hold besides plans, one to three things of it."""
    draws = (_draw_word, _draw_lines, _draw_table, _draw_block, _draw_facade, _draw_frame)
    count = int(rng.choice([0, 1, 2, 3], p=[0.05, 0.55, 0.25, 0.15]))
    for i in rng.choice(len(draws), count, replace=False, p=[0.35, 0.2, 0.15, 0.1, 0.1, 0.1]):
        draws[int(i)](sheet, style, rng)


def _draw_word(sheet: Canvas, style: Style, rng: np.random.Generator) -> None:
    """Write a word or a line anywhere, as large as on a cover or as small as on a stamp."""
    h, w = sheet.page.shape[:2]
    text = draw_word(style.labeling, rng) if rng.random() < 0.7 else draw_note(rng)
    font = Font(style.font, max(12, round(rng.uniform(0.015, 0.12) * w)))
    sheet.text((rng.uniform(0.1, 0.9) * w, rng.uniform(0.05, 0.95) * h), text, font)


def _draw_lines(sheet: Canvas, style: Style, rng: np.random.Generator) -> None:
    """Write a column of notes."""
    h, w = sheet.page.shape[:2]
    size = max(11, round(rng.uniform(0.012, 0.03) * w))
    lines = "\n".join(draw_note(rng) for _ in range(int(rng.integers(4, 25))))
    at = (rng.uniform(0.3, 0.7) * w, rng.uniform(0.3, 0.7) * h)
    sheet.text(at, lines, Font(style.font, size))


def _draw_table(sheet: Canvas, style: Style, rng: np.random.Generator) -> None:
    """Draw a schedule of doors or rooms: cells of equal height, some with a word."""
    h, w = sheet.page.shape[:2]
    pen = Pen(_INK, style.line_px)
    x0, y0 = rng.uniform(0.03, 0.4) * w, rng.uniform(0.03, 0.4) * h
    columns, rows = int(rng.integers(2, 7)), int(rng.integers(3, 16))
    cell_w = rng.uniform(0.4, 1.0) * (0.97 * w - x0) / columns
    cell_h = rng.uniform(0.4, 1.0) * (0.97 * h - y0) / rows
    font = Font(style.font, max(9, round(min(cell_h * 0.4, cell_w * 0.12))))
    filled = rng.uniform(0.2, 1.0)
    for row in range(rows):
        for column in range(columns):
            x, y = x0 + column * cell_w, y0 + row * cell_h
            sheet.box(x, y, cell_w, cell_h, pen)
            if rng.random() < filled:
                word = draw_word(style.labeling, rng)
                sheet.text((x + cell_w / 2, y + cell_h / 2), word, font)


def _draw_block(sheet: Canvas, style: Style, rng: np.random.Generator) -> None:
    surroundings.draw_title_block(sheet, style, rng)


def _draw_facade(sheet: Canvas, _: Style, rng: np.random.Generator) -> None:
    h, w = sheet.page.shape[:2]
    x0, y0 = rng.uniform(0.05, 0.4) * w, rng.uniform(0.1, 0.5) * h
    x1, y1 = x0 + rng.uniform(0.3, 0.55) * w, y0 + rng.uniform(0.15, 0.4) * h
    surroundings.draw_elevation(sheet, (x0, y0, x1, y1), rng)


def _draw_frame(sheet: Canvas, _: Style, rng: np.random.Generator) -> None:
    """Draw the sheet's edge, or an empty box for a drawing that is not there."""
    h, w = sheet.page.shape[:2]
    m = rng.uniform(0.01, 0.2)
    sheet.box(m * w, m * h, (1 - 2 * m) * w, (1 - 2 * m) * h, Pen(_INK, int(rng.integers(1, 5))))
