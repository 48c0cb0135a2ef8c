# SPDX-License-Identifier: AGPL-3.0-or-later
"""What stands between a corridor and a facade: offices, wards, hotel rooms, flats."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shapely.geometry import Polygon, box

from plans.synth.floor import Kind

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
        """Meters from the corridor's side to the other."""
        return abs(self.outer - self.inner)

    def piece(self, x0: float, x1: float, near: float, far: float) -> Polygon:
        """Return a rectangle from ``near`` to ``far`` meters away from the corridor."""
        sign = 1 if self.outer > self.inner else -1
        ys = sorted((self.inner + sign * near, self.inner + sign * far))
        return box(x0, ys[0], x1, ys[1])


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


UNITS: dict[Use, Callable[[Band, float, float, np.random.Generator], list[Cell]]] = {
    Use.OFFICE: _office,
    Use.LABORATORY: _laboratory,
    Use.SCHOOL: _school,
    Use.HOSPITAL: _ward,
    Use.HOTEL: _hotel,
    Use.FLATS: _flat,
}
