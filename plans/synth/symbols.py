# SPDX-License-Identifier: AGPL-3.0-or-later
"""Furniture and fixtures as plans show them, in meters, their back along ``y = 0``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plans.synth.canvas import arc_points

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from plans.synth.canvas import Canvas, Pen

PAPER = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A thing that stands in rooms.

    Attributes:
        draw: Draws it on a canvas whose axes are its own, ``w`` wide and ``d`` deep.
        width_m: Least and largest width, along the wall.
        depth_m: Least and largest depth.
        is_fixture: Built in (bath, kitchen) rather than furniture.
        stands_free: May stand in the middle of the room.
    """

    draw: Callable[[Canvas, float, float, Pen, np.random.Generator], None]
    width_m: tuple[float, float]
    depth_m: tuple[float, float]
    is_fixture: bool = False
    stands_free: bool = False


def _bed(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    c.box(0, 0, w, d, pen)
    pillows = 2 if w > 1.2 else 1
    for i in range(pillows):
        c.box(w / pillows * (i + 0.12), 0.08, w / pillows * 0.76, 0.35, pen)
    if rng.random() < 0.6:
        c.path([(0, 0.6 * d), (w * 0.6, 0.45 * d), (w, 0.45 * d)], pen)
    else:
        c.line((0, 0.5), (w, 0.5), pen)


def _sofa(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    c.box(0, 0, w, d, pen)
    c.box(0.15, 0.22, w - 0.3, d - 0.22, pen)
    seats = max(1, round(w / 0.75))
    for i in range(1, seats):
        x = 0.15 + (w - 0.3) * i / seats
        c.line((x, 0.22), (x, d), pen)


def _table(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    inset = 0.3
    is_round = rng.random() < 0.3
    if is_round:
        c.ellipse((w / 2, d / 2), w / 2 - inset, d / 2 - inset, pen)
    else:
        c.box(inset, inset, w - 2 * inset, d - 2 * inset, pen)
    seats = max(1, int((w - 2 * inset) / 0.55))
    for i in range(seats):
        x = inset + (w - 2 * inset) * (i + 0.5) / seats - 0.2
        c.box(x, 0, 0.4, inset * 0.8, pen)
        c.box(x, d - inset * 0.8, 0.4, inset * 0.8, pen)


def _desk(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    c.box(0, 0, w, d * 0.6, pen)
    c.ellipse((w / 2, d * 0.8), 0.22, 0.2, pen)


def _wardrobe(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    modules = max(1, round(w / 0.6))
    form = rng.integers(4)
    for i in range(modules):
        x, step = w * i / modules, w / modules
        c.box(x, 0, step, d, pen)
        if form == 0:
            c.line((x, 0), (x + step, d), pen)
        elif form == 1:
            c.line((x, 0), (x + step, d), pen)
            c.line((x + step, 0), (x, d), pen)
        elif form == 2:
            c.path([(x, d), (x + step / 2, d * 0.3), (x + step, d)], pen)
    if form == 3:
        c.line((0, d / 2), (w, d / 2), pen.dashed(0.15, 0.1))


def _counter(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    c.box(0, 0, w, d, pen)
    at = 0.1
    order = rng.permutation(["sink", "hob", "fridge", "dishes", "cabinet"])
    for thing in order:
        width = 0.85 if thing == "sink" else 0.6
        if at + width > w:
            break
        if thing == "sink":
            c.box(at + 0.05, 0.1, 0.4, d - 0.2, pen)
            c.line((at + 0.45, 0.15), (at + 0.8, 0.15), pen)
            c.line((at + 0.45, d / 2), (at + 0.8, d / 2), pen)
        elif thing == "hob":
            c.box(at, 0.03, 0.6, d - 0.06, pen)
            for x, y in ((0.17, 0.3), (0.43, 0.3), (0.17, 0.7), (0.43, 0.7)):
                c.ellipse((at + x, y * d), 0.1, 0.1, pen)
        elif thing == "fridge":
            c.box(at, 0, 0.6, d, pen)
            c.line((at, 0), (at + 0.6, d), pen)
            c.line((at + 0.6, 0), (at, d), pen)
        elif thing == "dishes":
            c.box(at, 0, 0.6, d, pen)
            c.line((at, d), (at + 0.6, 0), pen)
        else:
            c.line((at + 0.6, 0), (at + 0.6, d), pen)
        at += width


def _corner_counter(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    _counter(c, w, 0.6, pen, rng)
    c.path([(0.6, 0.6), (0.6, d), (0, d), (0, 0.6)], pen)
    if rng.random() < 0.5:
        c.box(0.05, d - 0.62, 0.5, 0.5, pen)


def _island(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    c.box(0, 0, w, d, pen)
    for i in range(int(w / 0.6)):
        c.ellipse((0.3 + 0.6 * i, d + 0.25), 0.16, 0.16, pen)


def _toilet(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    if rng.random() < 0.7:
        c.box(0, 0, w, 0.18, pen)
    c.ellipse((w / 2, 0.18 + (d - 0.18) / 2), w * 0.45, (d - 0.18) / 2, pen)


def _basin(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    if rng.random() < 0.6:
        c.box(0, 0, w, d, pen)
    c.ellipse((w / 2, d / 2), w * 0.36, d * 0.34, pen)
    c.ellipse((w / 2, d * 0.3), 0.03, 0.03, pen)


def _bathtub(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    c.box(0, 0, w, d, pen)
    inner = [
        *arc_points((w - d * 0.5, d / 2), d * 0.4, d * 0.4, -90, 90),
        (0.1, d * 0.9),
        (0.1, d * 0.1),
    ]
    c.path(inner, pen, closed=True)
    c.ellipse((0.3, d / 2), 0.05, 0.05, pen)


def _shower(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    form = rng.integers(4)
    if form == 3:
        c.path([(w, 0), *arc_points((0, 0), w, d, 0, 90), (0, 0)], pen)
        return
    c.box(0, 0, w, d, pen)
    if form in (0, 1):
        c.line((0, 0), (w, d), pen)
    if form == 0:
        c.line((w, 0), (0, d), pen)
    c.ellipse((w / 2, d / 2), 0.06, 0.06, pen)


def _machine(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    c.box(0, 0, w, d, pen)
    if rng.random() < 0.5:
        c.ellipse((w / 2, d / 2), w * 0.35, d * 0.35, pen)
    else:
        c.line((0, 0), (w, d), pen)


def _bench(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    lines = max(3, int(d / 0.12))
    for i in range(lines + 1):
        c.line((0, d * i / lines), (w, d * i / lines), pen)
    c.box(0, 0, w, d, pen)
    c.line((0, d / 2), (w, d / 2), pen)


def _stove(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    c.box(0, 0, w, d, pen)
    c.box(w * 0.25, d * 0.5, w * 0.5, d * 0.5, pen)
    if rng.random() < 0.5:
        for i in range(1, 5):
            c.line((w * i / 5, 0), (w * (i - 1) / 5, d * 0.5), pen)


def _flight(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    treads = max(4, int(w / 0.27))
    c.box(0, 0, w, d, pen)
    two = d > 1.7
    for i in range(1, treads):
        c.line((w * i / treads, 0), (w * i / treads, d), pen)
    if two:
        c.box(0, d / 2 - 0.05, w, 0.1, pen, PAPER)
    middle = d / 4 if two else d / 2
    c.line((0.1, middle), (w - 0.2, middle), pen)
    c.path([(w - 0.4, middle - 0.12), (w - 0.15, middle), (w - 0.4, middle + 0.12)], pen)
    if rng.random() < 0.4:
        c.path([(w * 0.5, 0), (w * 0.55, d * 0.45), (w * 0.48, d * 0.55), (w * 0.53, d)], pen)


def _spiral(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    c.ellipse((w / 2, d / 2), w / 2, d / 2, pen)
    for point in arc_points((w / 2, d / 2), w / 2, d / 2, 0, 300)[::3]:
        c.line((w / 2, d / 2), point, pen)
    c.ellipse((w / 2, d / 2), 0.12, 0.12, pen)


def _car(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    outline = [
        *arc_points((0.5, 0.7), 0.5, 0.7, 180, 270),
        *arc_points((w - 0.5, 0.7), 0.5, 0.7, 270, 360),
        *arc_points((w - 0.5, d - 0.4), 0.5, 0.4, 0, 90),
        *arc_points((0.5, d - 0.4), 0.5, 0.4, 90, 180),
    ]
    c.path(outline, pen, closed=True)
    c.box(0.2, d * 0.3, w - 0.4, d * 0.45, pen)


def _crossed(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    c.box(0, 0, w, d, pen)
    c.line((0, 0), (w, d), pen)
    c.line((w, 0), (0, d), pen)


def _lift(c: Canvas, w: float, d: float, pen: Pen, rng: np.random.Generator) -> None:
    _crossed(c, w, d, pen, rng)
    c.box(0.15 * w, 0.1 * d, 0.7 * w, 0.75 * d, pen)


def _rug(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    c.box(0, 0, w, d, pen)
    c.box(0.1, 0.1, w - 0.2, d - 0.2, pen)


def _plant(c: Canvas, w: float, d: float, pen: Pen, _: np.random.Generator) -> None:
    c.ellipse((w / 2, d / 2), w / 2, d / 2, pen)
    for point in arc_points((w / 2, d / 2), w / 2, d / 2, 0, 330)[::4]:
        c.line((w / 2, d / 2), point, pen)


BED = Symbol(_bed, (0.8, 1.9), (1.9, 2.1))
SOFA = Symbol(_sofa, (1.5, 2.8), (0.8, 1.0))
ARMCHAIR = Symbol(_sofa, (0.75, 0.95), (0.75, 0.95), stands_free=True)
TABLE = Symbol(_table, (1.3, 2.6), (1.3, 1.7), stands_free=True)
DESK = Symbol(_desk, (1.1, 1.8), (1.0, 1.3))
WARDROBE = Symbol(_wardrobe, (0.6, 3.0), (0.45, 0.65), is_fixture=True)
COUNTER = Symbol(_counter, (1.5, 3.8), (0.6, 0.65), is_fixture=True)
CORNER_COUNTER = Symbol(_corner_counter, (1.8, 3.2), (1.4, 2.6), is_fixture=True)
ISLAND = Symbol(_island, (1.2, 2.4), (0.8, 1.1), is_fixture=True, stands_free=True)
TOILET = Symbol(_toilet, (0.36, 0.42), (0.6, 0.72), is_fixture=True)
BASIN = Symbol(_basin, (0.45, 0.7), (0.35, 0.5), is_fixture=True)
BATHTUB = Symbol(_bathtub, (1.5, 1.8), (0.7, 0.8), is_fixture=True)
SHOWER = Symbol(_shower, (0.75, 1.0), (0.75, 1.0), is_fixture=True)
MACHINE = Symbol(_machine, (0.6, 0.62), (0.6, 0.62), is_fixture=True)
BENCH = Symbol(_bench, (1.2, 2.2), (0.6, 1.1), is_fixture=True)
STOVE = Symbol(_stove, (0.6, 1.5), (0.5, 0.9), is_fixture=True)
FLIGHT = Symbol(_flight, (2.0, 4.2), (0.9, 2.2), is_fixture=True)
SPIRAL = Symbol(_spiral, (1.4, 2.0), (1.4, 2.0), is_fixture=True)
CAR = Symbol(_car, (1.7, 1.9), (4.0, 4.7), stands_free=True)
CROSSED = Symbol(_crossed, (0.35, 0.9), (0.35, 0.9), is_fixture=True)
LIFT = Symbol(_lift, (1.1, 1.6), (1.1, 1.6), is_fixture=True)
RUG = Symbol(_rug, (1.2, 2.6), (1.2, 2.0), stands_free=True)
PLANT = Symbol(_plant, (0.4, 0.6), (0.4, 0.6))
