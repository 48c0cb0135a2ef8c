# SPDX-License-Identifier: AGPL-3.0-or-later
"""Wings of large buildings: corridors, rooms on both sides of them, stairs and shafts.

A wing is cut in its own meters: x along it, y across it. Cells reach to the middle of their walls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapely.geometry import Polygon, box

from plans.synth.floor import Kind
from plans.synth.units import UNITS, Band, Use

if TYPE_CHECKING:
    import numpy as np

    from plans.synth.units import Cell


@dataclass(frozen=True, slots=True)
class Wing:
    """A wing that is cut up.

    Attributes:
        corridors: Cells that other wings give way to.
        rooms: The others.
    """

    corridors: tuple[Cell, ...]
    rooms: tuple[Cell, ...]


def cut_wing(use: Use, length: float, depth: float, rng: np.random.Generator) -> Wing:
    """Return a wing of that length and depth in meters."""
    width = float(rng.uniform(1.5, 3.2 if use in (Use.SCHOOL, Use.HOSPITAL) else 2.2))
    corridors: list[tuple[float, float]] = []
    bands: list[tuple[float, float]] = []
    if depth > 19:  # two corridors around a core
        core = depth * rng.uniform(0.22, 0.36)
        rim = (depth - core - 2 * width) / 2
        corridors = [(rim, rim + width), (rim + width + core, rim + 2 * width + core)]
        bands = [(rim, 0), (rim + width, rim + width + core), (depth - rim, depth)]
    elif depth < 9:  # rooms on one side
        corridors, bands = [(0, width)], [(width, depth)]
    else:
        low = (depth - width) * rng.uniform(0.38, 0.62)
        corridors, bands = [(low, low + width)], [(low, 0), (low + width, depth)]
    cells: list[Cell] = []
    for i, (inner, outer) in enumerate(bands):
        is_core = len(bands) == 3 and i == 1
        cells += _fill_band(Band(0, length, inner, outer), use, rng, is_core=is_core)
    return Wing(tuple(_cut_corridors(corridors, length, rng)), tuple(cells))


def _cut_corridors(
    corridors: list[tuple[float, float]], length: float, rng: np.random.Generator
) -> list[Cell]:
    """Return the corridors, cut by fire doors or whole."""
    most = float(rng.choice([25, 45, 200], p=[0.35, 0.35, 0.3]))
    count = int(length // most) + 1
    return [
        (Kind.CORRIDOR, box(length * i / count, y0, length * (i + 1) / count, y1))
        for y0, y1 in corridors
        for i in range(count)
    ]


def _fill_band(band: Band, use: Use, rng: np.random.Generator, *, is_core: bool) -> list[Cell]:
    """Return rooms one beside the other, with stairs, toilets and shafts between them."""
    cells: list[Cell] = []
    module = float(rng.uniform(*_MODULES_M[use]))
    next_core = float(rng.uniform(0, 30))
    x = band.x0
    while band.x1 - x > 0.1:
        if x >= next_core and band.x1 - x > 9:
            step, more = _cut_core(band, x, rng)
            next_core = x + step + float(rng.uniform(9, 25) if is_core else rng.uniform(22, 60))
        else:
            step = module * float(rng.choice([1, 2, 0.6, 3, rng.uniform(0.7, 1.6)], p=_STEPS[use]))
            rest = band.x1 - x - step
            step = band.x1 - x if rest < 0.7 * module else step
            more = UNITS[use](band, x, x + step, rng)
        cells += more
        x += step
    return cells


# Width of the module that rooms repeat, meters.
_MODULES_M = {
    Use.OFFICE: (2.4, 4.2),
    Use.LABORATORY: (3.0, 6.5),
    Use.SCHOOL: (5.5, 9.5),
    Use.HOSPITAL: (3.2, 5.0),
    Use.HOTEL: (3.3, 4.4),
    Use.FLATS: (6.0, 11.0),
}
# Shares of one, two, 0.6 and three modules and of something else.
_STEPS = {
    Use.OFFICE: (0.66, 0.14, 0.02, 0.08, 0.1),
    Use.LABORATORY: (0.4, 0.25, 0.1, 0.1, 0.15),
    Use.SCHOOL: (0.6, 0.05, 0.15, 0.02, 0.18),
    Use.HOSPITAL: (0.62, 0.1, 0.13, 0.02, 0.13),
    Use.HOTEL: (0.84, 0.06, 0.02, 0.0, 0.08),
    Use.FLATS: (0.6, 0.0, 0.1, 0.0, 0.3),
}


def _cut_core(band: Band, x: float, rng: np.random.Generator) -> tuple[float, list[Cell]]:
    """Return how wide a core is, and its stairs, lifts, toilets, shafts and stores."""
    parts: list[tuple[Kind, float, float]] = []  # kind, width, depth from the corridor
    if rng.random() < 0.85:
        parts.append((Kind.STAIRS, rng.uniform(2.5, 3.4), min(band.depth, rng.uniform(4.5, 6.5))))
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.35, 0.35, 0.2, 0.1]))):
        parts.append((Kind.ELEVATOR, rng.uniform(1.7, 2.3), rng.uniform(1.7, 2.4)))
    for _ in range(int(rng.choice([0, 1, 2, 3, 4], p=[0.2, 0.2, 0.3, 0.2, 0.1]))):
        parts.append((Kind.WC, rng.uniform(1.0, 1.9), rng.uniform(1.5, 2.6)))
    if rng.random() < 0.6:
        parts.append((Kind.DUCT, rng.uniform(0.5, 1.2), rng.uniform(0.6, 2.0)))
    if rng.random() < 0.4 or not parts:
        parts.append((Kind.CLOSET, rng.uniform(1.0, 2.2), rng.uniform(1.2, 3.0)))
    cells: list[Cell] = []
    at, behind = x, []
    for i in rng.permutation(len(parts)):
        kind, width, deep = parts[int(i)]
        deep = band.depth if band.depth - deep < 1.5 else deep
        cells.append((kind, band.piece(at, at + width, 0, deep)))
        if band.depth > deep:
            behind.append((at, at + width, deep))
        at += width
    cells += _fill_behind(band, behind, rng)
    return at - x, cells


def _fill_behind(
    band: Band, gaps: list[tuple[float, float, float]], rng: np.random.Generator
) -> list[Cell]:
    """Return rooms behind small ones: neighbors of like depth share one."""
    cells: list[Cell] = []
    while gaps:
        x0, x1, deep = gaps.pop(0)
        shape = band.piece(x0, x1, deep, band.depth)
        while gaps and gaps[0][0] == x1:
            following = band.piece(gaps[0][0], gaps[0][1], gaps[0][2], band.depth)
            x1 = gaps.pop(0)[1]
            shape = shape.union(following)
        kinds = (Kind.STORAGE, Kind.OFFICE, Kind.LAUNDRY)
        if isinstance(shape, Polygon):
            cells.append((kinds[int(rng.integers(3))], shape))
    return cells
