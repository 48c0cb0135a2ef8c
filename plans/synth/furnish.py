# SPDX-License-Identifier: AGPL-3.0-or-later
"""What stands where: fixtures and furniture along the walls of each space.

Most of them are squares that are no rooms, which is what a detector has to learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from shapely.geometry import LineString, Point, Polygon
from shapely.ops import unary_union

from plans.synth import symbols
from plans.synth.cabinets import CABINETS, TALL_CABINETS
from plans.synth.floor import OUTDOOR, Kind, OpeningKind
from plans.synth.runs import across, straight_runs

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from plans.synth.floor import Floor, Space
    from plans.synth.symbols import Symbol

# Symbols of each kind of space and how probable each is.
_WISHES: dict[Kind, tuple[tuple[Symbol, float], ...]] = {
    Kind.LIVING: (
        (symbols.SOFA, 0.9),
        (symbols.RUG, 0.4),
        (symbols.ARMCHAIR, 0.6),
        (symbols.ARMCHAIR, 0.4),
        (symbols.STOVE, 0.25),
        (CABINETS, 0.35),
        (symbols.WARDROBE, 0.3),
        (symbols.TABLE, 0.3),
        (symbols.PLANT, 0.3),
    ),
    Kind.KITCHEN: (
        (symbols.CORNER_COUNTER, 0.4),
        (CABINETS, 0.8),
        (symbols.COUNTER, 0.8),
        (TALL_CABINETS, 0.6),
        (symbols.COUNTER, 0.3),
        (symbols.TABLE, 0.5),
        (symbols.ISLAND, 0.15),
    ),
    Kind.DINING: ((symbols.TABLE, 0.9), (symbols.WARDROBE, 0.3)),
    Kind.OPEN_PLAN: (
        (CABINETS, 0.8),
        (symbols.COUNTER, 0.8),
        (TALL_CABINETS, 0.4),
        (symbols.COUNTER, 0.4),
        (symbols.ISLAND, 0.3),
        (symbols.TABLE, 0.7),
        (symbols.SOFA, 0.8),
        (symbols.ARMCHAIR, 0.5),
        (symbols.RUG, 0.3),
    ),
    Kind.BEDROOM: (
        (CABINETS, 0.6),
        (symbols.WARDROBE, 0.45),
        (symbols.BED, 0.9),
        (symbols.DESK, 0.4),
        (symbols.ARMCHAIR, 0.2),
        (symbols.CROSSED, 0.2),
    ),
    Kind.BATH: (
        (symbols.BATHTUB, 0.5),
        (symbols.SHOWER, 0.55),
        (symbols.TOILET, 0.85),
        (symbols.BASIN, 0.9),
        (symbols.MACHINE, 0.3),
        (TALL_CABINETS, 0.3),
    ),
    Kind.WC: ((symbols.TOILET, 0.95), (symbols.BASIN, 0.8), (symbols.SHOWER, 0.1)),
    Kind.SAUNA: ((symbols.BENCH, 0.95), (symbols.CROSSED, 0.7)),
    Kind.HALL: (
        (CABINETS, 0.55),
        (TALL_CABINETS, 0.4),
        (symbols.WARDROBE, 0.3),
        (symbols.FLIGHT, 0.2),
        (symbols.SPIRAL, 0.06),
        (symbols.CROSSED, 0.2),
    ),
    Kind.CORRIDOR: ((symbols.CROSSED, 0.3), (symbols.CROSSED, 0.3)),
    Kind.CLOSET: ((symbols.WARDROBE, 0.35),),
    Kind.STORAGE: ((CABINETS, 0.2), (symbols.WARDROBE, 0.4), (symbols.CROSSED, 0.3)),
    Kind.LAUNDRY: ((symbols.MACHINE, 0.8), (symbols.MACHINE, 0.6), (CABINETS, 0.5)),
    Kind.OFFICE: (
        (symbols.DESK, 0.9),
        (symbols.DESK, 0.6),
        (symbols.DESK, 0.4),
        (symbols.WARDROBE, 0.5),
        (symbols.TABLE, 0.3),
    ),
    Kind.CLASSROOM: tuple((symbols.TABLE, 0.5) for _ in range(6)),
    Kind.STAIRS: ((symbols.FLIGHT, 1.0),),
    Kind.GARAGE: ((symbols.CAR, 0.6), (symbols.WARDROBE, 0.3)),
    Kind.CARPORT: ((symbols.CAR, 0.5),),
    Kind.TERRACE: ((symbols.TABLE, 0.3), (symbols.PLANT, 0.2), (symbols.FLIGHT, 0.12)),
    Kind.BALCONY: ((symbols.ARMCHAIR, 0.2),),
    Kind.DUCT: (),
    Kind.ELEVATOR: ((symbols.LIFT, 1.0),),
    Kind.VOID: (),
}
_FILLED = (Kind.STAIRS, Kind.ELEVATOR)  # by one thing that leaves nothing free
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """A symbol in its place.

    Attributes:
        symbol: What.
        origin: Back left corner.
        along: Unit vector along its back.
        inward: Unit vector from its back into the room.
        width_m: Along ``along``.
        depth_m: Along ``inward``.
    """

    symbol: Symbol
    origin: tuple[float, float]
    along: tuple[float, float]
    inward: tuple[float, float]
    width_m: float
    depth_m: float

    @property
    def footprint(self) -> Polygon:
        """The ground that it covers."""
        (x, y), (ux, uy), (vx, vy) = self.origin, self.along, self.inward
        w, d = self.width_m, self.depth_m
        return Polygon(
            [
                (x, y),
                (x + w * ux, y + w * uy),
                (x + w * ux + d * vx, y + w * uy + d * vy),
                (x + d * vx, y + d * vy),
            ]
        )


def furnish(
    floor: Floor, fixtures: float, furniture: float, rng: np.random.Generator
) -> list[Placed]:
    """Return symbols for each space; ``fixtures`` and ``furniture`` are shares of what fits."""
    kept_free = unary_union(
        [
            Point((o.start[0] + o.end[0]) / 2, (o.start[1] + o.end[1]) / 2).buffer(0.75)
            for o in floor.openings
            if o.kind is not OpeningKind.WINDOW
        ]
    )
    placed: list[Placed] = []
    for space in floor.spaces:
        if space.kind in OUTDOOR and rng.random() < 0.5:
            continue
        placed += _furnish_space(space, kept_free, (fixtures, furniture), rng)
    return placed


def _furnish_space(
    space: Space, kept_free: BaseGeometry, shares: tuple[float, float], rng: np.random.Generator
) -> list[Placed]:
    free = space.shape.buffer(0.02).difference(kept_free)
    runs = straight_runs(space.shape.exterior, 0.4)
    placed: list[Placed] = []
    for symbol, probability in _WISHES[space.kind]:
        if rng.random() > probability * shares[0 if symbol.is_fixture else 1]:
            continue
        ground = space.shape.buffer(0.02) if space.kind in _FILLED else free
        thing = _place(symbol, space, ground, runs, rng)
        if thing is not None:
            placed.append(thing)
            free = free.difference(thing.footprint.buffer(0.03))
    return placed


def _place(
    symbol: Symbol,
    space: Space,
    free: BaseGeometry,
    runs: list[LineString],
    rng: np.random.Generator,
) -> Placed | None:
    for _ in range(_TRIES):
        width, depth = float(rng.uniform(*symbol.width_m)), float(rng.uniform(*symbol.depth_m))
        if space.kind is Kind.STAIRS or not symbol.stands_free:
            if not runs:
                return None
            run = runs[int(rng.integers(len(runs)))]
            if space.kind is Kind.STAIRS or (space.kind is Kind.SAUNA and depth > 0.5):
                width = min(width, run.length) if rng.random() < 0.4 else run.length
            if run.length < width:
                continue
            slack = run.length - width
            at = slack * float(rng.choice([0.0, 1.0, rng.random()], p=[0.35, 0.35, 0.3]))
            inward = across(run, space.shape)
            start, end = run.interpolate(at), run.interpolate(at + width)
        else:
            x0, y0, x1, y1 = space.shape.bounds
            x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
            angle = rng.choice(
                [0.0, np.pi / 2, np.pi, rng.uniform(0, np.pi)], p=[0.4, 0.3, 0.2, 0.1]
            )
            ux, uy = np.cos(angle), np.sin(angle)
            start, end = Point(x, y), Point(x + width * ux, y + width * uy)
            inward = (-uy, ux)
        along = ((end.x - start.x) / width, (end.y - start.y) / width)
        thing = Placed(symbol, (start.x, start.y), along, inward, width, depth)
        if free.contains(thing.footprint.buffer(-0.01)):
            return thing
    return None
