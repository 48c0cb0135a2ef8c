# SPDX-License-Identifier: AGPL-3.0-or-later
"""What people leave on a sheet: stamps, scribbles, revision clouds, lines, notes, hatches.

Pages are uint8 RGB, shape ``(height, width, 3)``. No function changes the page that it gets; each
returns a new one of the same shape. Sizes follow the page's shorter side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from roomdet.geometry import Pixels

Color: TypeAlias = tuple[int, int, int]
PEN_COLORS: tuple[Color, ...] = ((200, 30, 40), (30, 60, 190), (20, 20, 20), (20, 120, 60))
STAMP_COLORS: tuple[Color, ...] = ((190, 30, 45), (35, 60, 170))
STAMP_TEXTS = ("APPROVED", "RECEIVED", "COPY", "VOID", "REV B", "FOR TENDER", "EXISTING")
NOTES = (
    "2.45", "3200", "see A-102", "NTS", "up", "dn", "typ.", "h = 2,60", "A", "B-B", "check!",
    "EQ", "1:100", "W1", "D03", "12,5 m2", "cl.", "?", "FFL +0.00", "new wall",
)  # fmt: skip
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_PX = 22  # height of the font's capitals at scale 1


def stamp(page: Pixels, opacity: float, generator: Generator) -> Pixels:
    """A ring with a word across it, in red or blue ink; ``opacity`` 0 to 1."""
    side = min(page.shape[:2])
    radius = int(side * generator.uniform(0.05, 0.12)) + 4
    color = STAMP_COLORS[generator.integers(len(STAMP_COLORS))]
    word = STAMP_TEXTS[generator.integers(len(STAMP_TEXTS))]
    print_wh = 2 * radius + 3
    mask = np.zeros((print_wh, print_wh), np.uint8)
    middle = (radius + 1, radius + 1)
    line_px = max(1, radius // 16)
    cv2.circle(mask, middle, radius - line_px, 255, line_px, cv2.LINE_AA)
    cv2.circle(mask, middle, int(radius * 0.8), 255, 1, cv2.LINE_AA)
    (width, height), _ = cv2.getTextSize(word, _FONT, 1.0, line_px)
    scale = 1.7 * radius / width
    at = (int(middle[0] - width * scale / 2), int(middle[1] + height * scale / 2))
    cv2.putText(mask, word, at, _FONT, scale, 255, line_px, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D(middle, generator.uniform(-35, 35), 1.0)
    mask = cv2.warpAffine(mask, turn, (print_wh, print_wh))
    worn = generator.integers(90, 256, mask.shape, np.uint8)
    mask = cv2.multiply(mask, worn, scale=opacity / 255)
    return _press(page, mask, color, _anywhere(page, print_wh, generator))


def scribble(page: Pixels, strokes: int, generator: Generator) -> Pixels:
    """Wavy pen strokes as of handwriting."""
    side = min(page.shape[:2])
    t = np.linspace(0, 1, 48)

    def draw(canvas: Pixels, color: Color) -> None:
        waves = generator.uniform(3, 9)
        size = side * generator.uniform(0.04, 0.16)
        phase, slant = generator.uniform(0, 6.28), generator.uniform(-0.3, 0.3)
        jitter = generator.normal(0, 0.04, (2, len(t))).cumsum(axis=1) * 0.3
        x = t + 0.1 * np.cos(6.28 * waves * t + phase)
        y = 0.18 * np.sin(6.28 * waves * t) + slant * t
        _poly(canvas, (np.stack([x, y]) + jitter).T * size + _point(page, generator), color)

    return _with_pen(page, strokes, draw, generator)


def revision_cloud(page: Pixels, count: int, generator: Generator) -> Pixels:
    """Closed outlines of small arcs around a part of the drawing."""
    side = min(page.shape[:2])

    def draw(canvas: Pixels, color: Color) -> None:
        t = np.linspace(0, 1, 160)
        arcs = int(generator.integers(10, 22))
        half = side * generator.uniform(0.06, 0.2, 2)
        # A squarish outline with bumps that all point outwards.
        around = np.stack([np.cos(6.283 * t), np.sin(6.283 * t)], axis=1)
        outline = np.sign(around) * np.sqrt(np.abs(around))
        bumps = 1 + 0.12 * np.abs(np.sin(3.1416 * arcs * t))[:, None]
        _poly(canvas, outline * bumps * half + _point(page, generator), color)

    return _with_pen(page, count, draw, generator)


def stray_lines(page: Pixels, count: int, generator: Generator) -> Pixels:
    """Straight lines across the drawing, such as axes, pipes and folds of a tracing."""
    height, width = page.shape[:2]

    def draw(canvas: Pixels, color: Color) -> None:
        start = _point(page, generator)
        length = min(height, width) * generator.uniform(0.1, 0.8)
        angle = generator.choice([0.0, 1.5708, generator.uniform(0, 3.14)])
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        _poly(canvas, np.stack([start, end]), color)

    return _with_pen(page, count, draw, generator)


def notes(page: Pixels, count: int, generator: Generator) -> Pixels:
    """Snippets of text, numbers and dimensions over the drawing."""
    side = min(page.shape[:2])

    def draw(canvas: Pixels, color: Color) -> None:
        scale = side * generator.uniform(0.012, 0.03) / _FONT_PX
        at = _point(page, generator).astype(int).tolist()
        cv2.putText(
            canvas, NOTES[generator.integers(len(NOTES))], at, _FONT, scale, color, 1, cv2.LINE_AA
        )

    return _with_pen(page, count, draw, generator)


def hatches(page: Pixels, count: int, generator: Generator) -> Pixels:
    """Patches of parallel lines over the drawing."""
    side = min(page.shape[:2])

    def draw(canvas: Pixels, color: Color) -> None:
        wh = (side * generator.uniform(0.05, 0.25, 2)).astype(int) + 8
        left, top = (_point(page, generator) - wh / 2).astype(int).clip(0)
        patch = canvas[top : top + wh[1], left : left + wh[0]]
        step = max(3, round(side * generator.uniform(0.008, 0.02)))
        lean = int(generator.choice([-1, 0, 1])) * patch.shape[0]
        for x in range(-abs(lean), patch.shape[1] + abs(lean), step):
            cv2.line(patch, (x, 0), (x + lean, patch.shape[0]), color, 1, cv2.LINE_AA)

    return _with_pen(page, count, draw, generator)


def _with_pen(
    page: Pixels, count: int, draw: Callable[[Pixels, Color], None], generator: Generator
) -> Pixels:
    """Draw ``count`` marks, each in a pen's color, on a copy."""
    canvas = page.copy()
    for _ in range(count):
        draw(canvas, PEN_COLORS[generator.integers(len(PEN_COLORS))])
    return canvas


def _poly(canvas: Pixels, points_xy: np.ndarray, color: Color) -> None:
    line_px = max(1, round(min(canvas.shape[:2]) / 500))
    cv2.polylines(
        canvas,
        [np.rint(points_xy).astype(np.int32)],
        isClosed=False,
        color=color,
        thickness=line_px,
        lineType=cv2.LINE_AA,
    )


def _point(page: Pixels, generator: Generator) -> np.ndarray:
    height, width = page.shape[:2]
    return generator.uniform(0.02, 0.98, 2) * (width, height)


def _anywhere(page: Pixels, side_px: int, generator: Generator) -> tuple[int, int]:
    height, width = page.shape[:2]
    left = generator.integers(max(1, width - side_px))
    top = generator.integers(max(1, height - side_px))
    return int(left), int(top)


def _press(page: Pixels, mask: np.ndarray, color: Color, at_xy: tuple[int, int]) -> Pixels:
    """Lay ink on a copy where the mask says so; 255 covers."""
    left, top = at_xy
    stamped = page.copy()
    below = stamped[top : top + mask.shape[0], left : left + mask.shape[1]]
    cover = mask[: below.shape[0], : below.shape[1], None].astype(np.float32) / 255
    below[:] = np.rint(below * (1 - cover) + np.array(color, np.float32) * cover)
    return stamped
