# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of cabinets and wardrobes: squares beside squares along a wall, none of them a room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plans.synth.canvas import Font
from plans.synth.style import font_paths
from plans.synth.symbols import Symbol

if TYPE_CHECKING:
    import numpy as np

    from plans.synth.canvas import Canvas, Pen

_WIDTHS_M = (0.3, 0.4, 0.5, 0.6, 0.6, 0.8, 1.0)
# What draftsmen write into cabinets: refrigerator, broom, tall, linen, washing machine, sizes.
_CODES = ("JK", "PK", "APK", "TK", "SK", "R", "L", "KK", "UK", "KS", "GS", "WM", "DW", "W", "60")
_MARKS = ("diagonal", "cross", "doors", "plain")
_MARK_SHARES = (0.4, 0.25, 0.1, 0.25)


def _row(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    """Cabinets of several widths, marked alike or each in its own way."""
    if rng.random() < 0.3:
        pen = replace(pen, width_px=pen.width_px + 1)
    marks = pen.dashed(0.12, 0.07) if rng.random() < 0.35 else pen
    alike = str(rng.choice(_MARKS, p=_MARK_SHARES)) if rng.random() < 0.6 else None
    lettered = float(rng.choice([0.0, 0.35, 0.9], p=[0.5, 0.3, 0.2]))
    equal_m = float(rng.choice(_WIDTHS_M)) if rng.random() < 0.6 else None
    at = 0.0
    while w - at > 0.25:
        step = min(equal_m or float(rng.choice(_WIDTHS_M)), w - at)
        c.box(at, 0, step, d, pen)
        mark = alike or str(rng.choice(_MARKS, p=_MARK_SHARES))
        _mark(c, (at, step, d), mark, marks)
        if rng.random() < lettered:
            size_px = max(7, round(0.2 * c.px_per_m))
            font = Font(font_paths()[int(rng.integers(2))], size_px, pen.color)
            c.text((at + step / 2, d / 2), str(rng.choice(_CODES)), font)
        at += step
    if rng.random() < 0.3:  # wall cabinets above a worktop, or the sliding doors' two planes
        depth = d * float(rng.choice([0.55, 0.9]))
        c.line((0, depth), (at, depth), pen.dashed(0.15, 0.1) if rng.random() < 0.7 else pen)


def _mark(c: Canvas, place: tuple[float, float, float], mark: str, pen: Pen) -> None:
    """Mark a cabinet, ``place`` is where it begins, its width and its depth."""
    x, step, d = place
    match mark:
        case "diagonal":
            c.line((x, 0), (x + step, d), pen)
        case "cross":
            c.line((x, 0), (x + step, d), pen)
            c.line((x + step, 0), (x, d), pen)
        case "doors":
            c.path([(x, d), (x + step / 2, d * 1.35), (x + step, d)], pen)
        case _:
            pass


CABINETS = Symbol(_row, (1.1, 4.0), (0.45, 0.68), is_fixture=True)
TALL_CABINETS = Symbol(_row, (0.6, 2.0), (0.55, 0.65), is_fixture=True)
