# SPDX-License-Identifier: AGPL-3.0-or-later
"""Wings of large buildings: corridors, rooms on both sides of them, stairs and shafts.

A wing is cut in its own metres: x along it, y across it. Cells reach to the middle of their walls.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shapely.geometry import Polygon, box

from training.synth.floor import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

Cell = tuple[Kind, Polygon]


class Use(StrEnum):
    """What a large building is for."""

    OFFICE = "office"
    LABORATORY = "laboratory"
    SCHOOL = "school"
    HOSPITAL = "hospital"
    HOTEL = "hotel"
    FLATS = "flats"


@dataclass(frozen=True, slots=True)
class Band:
    """A row of rooms between a corridor and a facade, or between two corridors.

    Attributes:
        x0: Where it starts.
        x1: Where it ends.
        inner: y of the corridor's side.
        outer: y of the other side; less than ``inner`` where the band lies above.
    """

    x0: float
    x1: float
    inner: float
    outer: float

    @property
    def depth(self) -> float:
        """Metres from the corridor's side to the other."""
        return abs(self.outer - self.inner)

    def piece(self, x0: float, x1: float, near: float, far: float) -> Polygon:
        """Return a rectangle from ``near`` to ``far`` metres away from the corridor."""
        sign = 1 if self.outer > self.inner else -1
        ys = sorted((self.inner + sign * near, self.inner + sign * far))
        return box(x0, ys[0], x1, ys[1])


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
    """Return a wing of that length and depth in metres."""
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
            more = _UNITS[use](band, x, x + step, rng)
        cells += more
        x += step
    return cells


# Width of the module that rooms repeat, metres.
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


# -- what stands between the corridor and the facade ----------------------------------------------


def _office(band: Band, x0: float, x1: float, rng: np.random.Generator) -> list[Cell]:
    kind = Kind.OFFICE if rng.random() < 0.85 else Kind.DINING
    if band.depth > 7 and rng.random() < 0.4:  # an inner room towards the corridor
        deep = rng.uniform(0.35, 0.5) * band.depth
        inner = Kind.STORAGE if rng.random() < 0.6 else Kind.OFFICE
        return [
            (inner, band.piece(x0, x1, 0, deep)),
            (kind, band.piece(x0, x1, deep, band.depth)),
        ]
    if x1 - x0 < 6 and rng.random() < 0.08:
        return _row_across(band, x0, x1, (Kind.WC, Kind.CLOSET), rng)
    return [(kind, band.piece(x0, x1, 0, band.depth))]


def _laboratory(band: Band, x0: float, x1: float, rng: np.random.Generator) -> list[Cell]:
    width = x1 - x0
    if rng.random() < 0.3 and width > 3.5 and band.depth > 4:  # a nook: cold room, sluice, store
        w, d = rng.uniform(1.4, 0.5 * width), rng.uniform(1.4, 0.6 * band.depth)
        left = rng.random() < 0.5
        nook = band.piece(x0 if left else x1 - w, x0 + w if left else x1, 0, d)
        rest = band.piece(x0, x1, 0, band.depth).difference(nook)
        return [(Kind.STORAGE, nook), (Kind.CLASSROOM, rest)]
    if rng.random() < 0.25:
        return _row_across(band, x0, x1, (Kind.STORAGE, Kind.OFFICE), rng)
    return [(Kind.CLASSROOM, band.piece(x0, x1, 0, band.depth))]


def _school(band: Band, x0: float, x1: float, rng: np.random.Generator) -> list[Cell]:
    if x1 - x0 < 5 and rng.random() < 0.6:
        return _row_across(band, x0, x1, (Kind.STORAGE, Kind.OFFICE, Kind.WC), rng)
    kind = Kind.CLASSROOM if rng.random() < 0.85 else Kind.OFFICE
    return [(kind, band.piece(x0, x1, 0, band.depth))]


def _ward(band: Band, x0: float, x1: float, rng: np.random.Generator) -> list[Cell]:
    width = x1 - x0
    if rng.random() < 0.3 or width < 3:
        return _row_across(band, x0, x1, (Kind.STORAGE, Kind.LAUNDRY, Kind.OFFICE), rng)
    w, d = rng.uniform(1.5, 2.3), rng.uniform(1.6, 2.6)
    left = rng.random() < 0.5
    near = 0 if rng.random() < 0.75 else band.depth - d  # at the corridor or at the facade
    bath = band.piece(x0 if left else x1 - w, x0 + w if left else x1, near, near + d)
    rest = band.piece(x0, x1, 0, band.depth).difference(bath)
    return [(Kind.BATH, bath), (Kind.BEDROOM, rest)]


def _hotel(band: Band, x0: float, x1: float, rng: np.random.Generator) -> list[Cell]:
    w, d = (x1 - x0) * rng.uniform(0.45, 0.62), rng.uniform(2.0, 2.9)
    left = rng.random() < 0.5
    bath = band.piece(x0 if left else x1 - w, x0 + w if left else x1, 0, d)
    cells: list[Cell] = [(Kind.BATH, bath)]
    taken = bath
    if rng.random() < 0.3:
        side = (x0, x0 + w) if left else (x1 - w, x1)
        closet = band.piece(*side, d, d + 0.65)
        taken = taken.union(closet)
        cells.append((Kind.CLOSET, closet))
    rest = band.piece(x0, x1, 0, band.depth).difference(taken)
    return [*cells, (Kind.BEDROOM, rest)]


def _flat(band: Band, x0: float, x1: float, rng: np.random.Generator) -> list[Cell]:
    """Return a flat: hall, bath and stores along the corridor, rooms along the facade."""
    if band.depth < 4.5 or x1 - x0 < 4:
        return [(Kind.OPEN_PLAN, band.piece(x0, x1, 0, band.depth))]
    deep = float(rng.uniform(2.0, 2.9)) + (rng.uniform(0, 1.0) if band.depth > 7 else 0.0)
    facade = [Kind.LIVING, *[Kind.BEDROOM] * max(0, round((x1 - x0) / 3.6) - 1)]
    service = [Kind.HALL, Kind.BATH]
    service += [k for k, p in _FLAT_EXTRAS if rng.random() < p and len(service) < (x1 - x0) / 1.7]
    cells: list[Cell] = []
    for kinds, near, far in ((service, 0.0, deep), (facade, deep, band.depth)):
        weights = [_WEIGHTS.get(kind, 1.0) * rng.uniform(0.8, 1.25) for kind in kinds]
        order = rng.permutation(len(kinds))
        at = x0
        for i in order:
            step = (x1 - x0) * weights[int(i)] / sum(weights)
            cells.append((kinds[int(i)], band.piece(at, at + step, near, far)))
            at += step
    if rng.random() < 0.4:  # the hall and the living room are one
        return _open(cells)
    return cells


_FLAT_EXTRAS = (
    (Kind.KITCHEN, 0.6),
    (Kind.CLOSET, 0.7),
    (Kind.WC, 0.35),
    (Kind.LAUNDRY, 0.3),
    (Kind.DUCT, 0.4),
)
_WEIGHTS = {Kind.LIVING: 1.5, Kind.HALL: 1.3, Kind.KITCHEN: 1.5, Kind.CLOSET: 0.5, Kind.DUCT: 0.25}


def _open(cells: list[Cell]) -> list[Cell]:
    halls = [shape for kind, shape in cells if kind is Kind.HALL]
    rooms = [shape for kind, shape in cells if kind is Kind.LIVING]
    joined = halls[0].union(rooms[0])
    if not isinstance(joined, Polygon) or halls[0].intersection(rooms[0]).length < 0.8:
        return cells
    kept = [cell for cell in cells if cell[0] not in (Kind.HALL, Kind.LIVING)]
    return [*kept, (Kind.OPEN_PLAN, joined)]


def _row_across(
    band: Band, x0: float, x1: float, kinds: tuple[Kind, ...], rng: np.random.Generator
) -> list[Cell]:
    """Return small rooms one behind the other or side by side."""
    count = int(rng.integers(2, 4))
    cuts = [0.0, *sorted(rng.uniform(0.25, 0.75, count - 1)), 1.0]
    cells: list[Cell] = []
    for i in range(count):
        a, b = float(cuts[i]), float(cuts[i + 1])
        if band.depth > x1 - x0:
            shape = band.piece(x0, x1, a * band.depth, b * band.depth)
        else:
            shape = band.piece(x0 + a * (x1 - x0), x0 + b * (x1 - x0), 0, band.depth)
        cells.append((kinds[int(rng.integers(len(kinds)))], shape))
    return cells


_UNITS: dict[Use, Callable[[Band, float, float, np.random.Generator], list[Cell]]] = {
    Use.OFFICE: _office,
    Use.LABORATORY: _laboratory,
    Use.SCHOOL: _school,
    Use.HOSPITAL: _ward,
    Use.HOTEL: _hotel,
    Use.FLATS: _flat,
}
