# SPDX-License-Identifier: AGPL-3.0-or-later
"""Symbols of fixtures and furniture, each drawn in its own axes.

Every symbol gets its width along the back and its depth from back to front, in meters;
the origin is the back left corner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plans.sample.elements import Kind, Side
from plans.sample.pen import axes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plans.sample.elements import Fixture
    from plans.sample.pen import Pen

LINE_MM = 0.18
FINE_MM = 0.10
INK_GRAY = 0.25


def draw_fixture(pen: Pen, fixture: Fixture) -> None:
    """Draw one fixture at its place; the pen works in plan meters."""
    box = fixture.box
    origin = {
        Side.S: (box.x0_m, box.y0_m),
        Side.N: (box.x1_m, box.y1_m),
        Side.E: (box.x0_m, box.y1_m),
        Side.W: (box.x1_m, box.y0_m),
    }[fixture.facing]
    width_m, depth_m = box.width_m, box.depth_m
    if not fixture.facing.is_vertical:
        width_m, depth_m = depth_m, width_m
    with pen.frame(origin, *axes(fixture.facing)):
        pen.gray(INK_GRAY)
        pen.width(LINE_MM)
        SYMBOLS[fixture.kind](pen, width_m, depth_m)


def _sofa(pen: Pen, w: float, d: float) -> None:
    pen.rounded(0, 0, w, d, 0.08)
    seats = max(2, round((w - 0.36) / 0.7))
    seat_w = (w - 0.36) / seats
    for i in range(seats):
        pen.rounded(0.18 + i * seat_w, 0.22, seat_w, d - 0.22, 0.05)


def _table(pen: Pen, w: float, d: float) -> None:
    pen.box(0, 0, w, d, fill=1)
    pen.width(FINE_MM)
    pen.box(0.05, 0.05, w - 0.1, d - 0.1)


def _chair(pen: Pen, x: float, y: float, out: int) -> None:
    """A chair of 0.44 m around ``(x, y)``, its back towards ``out`` (-1 or 1) along y."""
    pen.rounded(x - 0.22, y - 0.2, 0.44, 0.4, 0.05)
    pen.line((x - 0.2, y + 0.15 * out), (x + 0.2, y + 0.15 * out))


def _dining_table(pen: Pen, w: float, d: float) -> None:
    count = 3 if w >= 1.6 else 2
    for i in range(count):
        x = w * (i + 0.5) / count
        _chair(pen, x, 0.2, -1)
        _chair(pen, x, d - 0.2, 1)
    pen.box(0, 0.36, w, d - 0.72, fill=1)


def _meeting_table(pen: Pen, w: float, d: float) -> None:
    count = round((w - 0.6) / 0.75)
    for i in range(count):
        x = 0.3 + (w - 0.6) * (i + 0.5) / count
        _chair(pen, x, 0.22, -1)
        _chair(pen, x, d - 0.22, 1)
    pen.rounded(0, 0.48, w, d - 0.96, 0.3)


def _desk(pen: Pen, w: float, d: float) -> None:
    top = d - 0.55
    _chair(pen, w / 2, d - 0.24, 1)
    pen.box(0, 0, w, top, fill=1)
    pen.width(FINE_MM)
    pen.box(w / 2 - 0.28, 0.1, 0.56, 0.1)


def _bed(pen: Pen, w: float, d: float) -> None:
    pen.box(0, 0, w, d, fill=1)
    sleepers = 2 if w > 1.3 else 1
    pillow_w = w / sleepers
    for i in range(sleepers):
        pen.rounded(i * pillow_w + 0.12, 0.1, pillow_w - 0.24, 0.38, 0.08)
    pen.line((0, 0.62), (w, 0.62))
    pen.line((0, 0.80), (w - 0.35, 0.80), (w, 0.62))


def _wardrobe(pen: Pen, w: float, d: float) -> None:
    pen.box(0, 0, w, d, fill=1)
    pen.width(FINE_MM)
    pen.line((0.04, d / 2), (w - 0.04, d / 2))
    hangers = int((w - 0.1) / 0.16)
    for i in range(hangers):
        x = w * (i + 0.5) / hangers
        lean = 0.03 if i % 3 == 1 else 0.0
        pen.line((x - lean, 0.1), (x + lean, d - 0.1))


def _shelf(pen: Pen, w: float, d: float) -> None:
    pen.box(0, 0, w, d, fill=1)
    pen.width(FINE_MM)
    pen.line((0, 0), (w, d))


def _sideboard(pen: Pen, w: float, d: float) -> None:
    pen.box(0, 0, w, d, fill=1)
    pen.box(w * 0.18, d * 0.52, w * 0.64, 0.07, fill=0.25)


def _counter(pen: Pen, w: float, d: float) -> None:
    pen.box(0, 0, w, d, fill=1)


def _sink(pen: Pen, w: float, d: float) -> None:
    _counter(pen, w, d)
    pen.rounded(0.08, 0.12, 0.42, d - 0.22, 0.05)
    pen.oval(0.29, d / 2, 0.03, 0.03)
    pen.width(FINE_MM)
    for i in range(5):
        y = 0.16 + i * (d - 0.30) / 4
        pen.line((0.58, y), (w - 0.08, y))


def _hob(pen: Pen, w: float, d: float) -> None:
    _counter(pen, w, d)
    pen.rounded(0.08, 0.06, w - 0.16, d - 0.12, 0.02)
    for x, y, r in ((0.3, 0.3, 0.07), (0.7, 0.3, 0.09), (0.3, 0.7, 0.09), (0.7, 0.7, 0.07)):
        pen.oval(w * x, d * y, r, r)


def _fridge(pen: Pen, w: float, d: float) -> None:
    _counter(pen, w, d)
    pen.width(FINE_MM)
    pen.line((0, 0), (w, d))
    pen.line((w, 0), (0, d))
    pen.line((0.04, d - 0.05), (w - 0.04, d - 0.05))


def _toilet(pen: Pen, w: float, d: float) -> None:
    pen.rounded(0, 0, w, 0.18, 0.03)
    pen.oval(w / 2, 0.18 + (d - 0.18) / 2, w * 0.45, (d - 0.18) / 2)
    pen.width(FINE_MM)
    pen.oval(w / 2, 0.20 + (d - 0.18) / 2, w * 0.28, (d - 0.18) * 0.34)


def _basin(pen: Pen, w: float, d: float) -> None:
    pen.rounded(0, 0, w, d, 0.06)
    pen.oval(w / 2, d * 0.56, w * 0.36, d * 0.32)
    pen.oval(w / 2, d * 0.16, 0.02, 0.02, fill=0)


def _bathtub(pen: Pen, w: float, d: float) -> None:
    pen.box(0, 0, w, d, fill=1)
    pen.rounded(0.07, 0.07, w - 0.14, d - 0.14, 0.24)
    pen.oval(0.24, d / 2, 0.03, 0.03)


def _shower(pen: Pen, w: float, d: float) -> None:
    pen.box(0, 0, w, d, fill=1)
    pen.width(FINE_MM)
    pen.line((0, 0), (w, d))
    pen.line((w, 0), (0, d))
    pen.oval(w / 2, d / 2, 0.05, 0.05)


def _washer(pen: Pen, w: float, d: float) -> None:
    _counter(pen, w, d)
    pen.oval(w / 2, d / 2 + 0.03, w * 0.33, w * 0.33)
    pen.line((0.04, 0.07), (w - 0.04, 0.07))


def _boiler(pen: Pen, w: float, d: float) -> None:
    _counter(pen, w, d)
    pen.oval(w / 2, d / 2, w * 0.40, w * 0.40)
    pen.line((w / 2 - 0.15, d / 2), (w / 2 + 0.15, d / 2))
    pen.line((w / 2, d / 2 - 0.15), (w / 2, d / 2 + 0.15))


def _plant(pen: Pen, w: float, d: float) -> None:
    pen.oval(w / 2, d / 2, w / 2, d / 2)
    pen.width(FINE_MM)
    for x, y in ((0.5, 0.42), (0.42, -0.3), (-0.5, 0.05), (-0.2, -0.46), (0.1, 0.5), (-0.4, 0.4)):
        pen.line((w / 2, d / 2), (w / 2 + w * x * 0.9, d / 2 + d * y * 0.9))


def _cubicle(pen: Pen, w: float, d: float) -> None:
    """A toilet between thin partitions, its door ajar towards the front."""
    with pen.frame((w / 2 - 0.19, 0), (1, 0), (0, 1)):
        _toilet(pen, 0.38, 0.66)
    pen.width(0.3)
    pen.line((0, 0), (0, d), (0.15, d))
    pen.line((w, 0), (w, d), (w - 0.2, d))
    pen.width(LINE_MM)
    pen.line((w - 0.2, d), (w - 0.2, d - 0.65))
    pen.arc(w - 0.2, d, 0.65, 180, 90)


def _stairs(pen: Pen, w: float, d: float) -> None:
    """Two flights around a well, a landing at the back, an arrow up from the front left."""
    landing, well = 1.3, 0.16
    flight = (w - well) / 2
    steps = round((d - landing) / 0.28)
    for x in (0.0, flight + well):
        for i in range(steps + 1):
            y = landing + (d - landing) * i / steps
            pen.line((x, y), (x + flight, y))
    pen.box(flight, landing, well, d - landing, fill=1)
    left, right, turn = flight / 2, w - flight / 2, landing / 2
    pen.width(0.25)
    pen.oval(left, d - 0.1, 0.06, 0.06)
    pen.line((left, d - 0.1), (left, turn), (right, turn), (right, d - 0.1))
    pen.polygon((right - 0.12, d - 0.4), (right + 0.12, d - 0.4), (right, d - 0.05), fill=0)


SYMBOLS: Mapping[Kind, Callable[[Pen, float, float], None]] = {
    Kind.BASIN: _basin,
    Kind.BATHTUB: _bathtub,
    Kind.BED: _bed,
    Kind.BOILER: _boiler,
    Kind.COUNTER: _counter,
    Kind.CUBICLE: _cubicle,
    Kind.DESK: _desk,
    Kind.DINING_TABLE: _dining_table,
    Kind.FRIDGE: _fridge,
    Kind.HOB: _hob,
    Kind.MEETING_TABLE: _meeting_table,
    Kind.PLANT: _plant,
    Kind.SHELF: _shelf,
    Kind.SHOWER: _shower,
    Kind.SIDEBOARD: _sideboard,
    Kind.SINK: _sink,
    Kind.SOFA: _sofa,
    Kind.STAIRS: _stairs,
    Kind.TABLE: _table,
    Kind.TOILET: _toilet,
    Kind.WARDROBE: _wardrobe,
    Kind.WASHER: _washer,
}
