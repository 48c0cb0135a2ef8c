# SPDX-License-Identifier: AGPL-3.0-or-later
"""Floors divided into cells: footprints, corridors, recursive cuts, merged and carved rooms.

A cell reaches to the middle of its inner walls. Cells of one :class:`Region` have no wall between
them: an L-shaped room is a region under one name, an open plan one under several.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from plans.synth.floor import Kind

if TYPE_CHECKING:
    import numpy as np

RectM = tuple[float, float, float, float]


class Building(StrEnum):
    """What is built; decides sizes and how the floor is divided."""

    HOME = "home"
    FLATS = "flats"
    OFFICE = "office"
    SCHOOL = "school"


@dataclass(slots=True)
class Region:
    """Floor without walls in it.

    Attributes:
        zones: Kind and cell of each named zone.
    """

    zones: list[tuple[Kind, Polygon]] = field(default_factory=list)

    @property
    def cell(self) -> Polygon:
        """All of it."""
        return unary_union([cell for _, cell in self.zones])


# Lower and upper area in square meters, kinds and their shares, for cells of homes.
_HOME_KINDS: tuple[tuple[float, tuple[tuple[Kind, float], ...]], ...] = (
    (1.6, ((Kind.CLOSET, 5), (Kind.WC, 2), (Kind.DUCT, 0.3))),
    (3.6, ((Kind.WC, 3), (Kind.CLOSET, 4), (Kind.BATH, 2), (Kind.STORAGE, 2), (Kind.SAUNA, 1))),
    (
        7.0,
        (
            (Kind.BATH, 5),
            (Kind.HALL, 4),
            (Kind.KITCHEN, 2),
            (Kind.LAUNDRY, 2),
            (Kind.SAUNA, 1),
            (Kind.STORAGE, 2),
            (Kind.STAIRS, 1),
            (Kind.BEDROOM, 1),
            (Kind.CLOSET, 1),
        ),
    ),
    (
        16.0,
        (
            (Kind.BEDROOM, 6),
            (Kind.KITCHEN, 3),
            (Kind.LIVING, 2),
            (Kind.DINING, 1),
            (Kind.HALL, 2),
            (Kind.BATH, 0.6),
            (Kind.OFFICE, 0.6),
            (Kind.STAIRS, 0.5),
        ),
    ),
    (1e9, ((Kind.LIVING, 4), (Kind.OPEN_PLAN, 3), (Kind.BEDROOM, 2), (Kind.GARAGE, 0.6))),
)


def cells_to_kind(area_m2: float, building: Building, rng: np.random.Generator) -> Kind:
    """Return a plausible kind for a cell of that area."""
    if building in (Building.OFFICE, Building.SCHOOL) and area_m2 > 6:
        main = Kind.CLASSROOM if building is Building.SCHOOL else Kind.OFFICE
        return main if rng.random() < 0.85 else Kind.STORAGE
    for limit, kinds in _HOME_KINDS:
        if area_m2 <= limit:
            weights = [weight for _, weight in kinds]
            total = sum(weights)
            return kinds[int(rng.choice(len(kinds), p=[w / total for w in weights]))][0]
    raise AssertionError(area_m2)


def draw_footprint(building: Building, rng: np.random.Generator) -> list[RectM]:
    """Return the rectangles that the building covers, touching, not overlapping."""
    if building in (Building.HOME, Building.FLATS):
        width, depth = rng.uniform(4.5, 12.5), rng.uniform(4.5, 10)
    else:
        width, depth = rng.uniform(22, 60), rng.uniform(11, 22)
    if building is Building.FLATS:
        width *= 1.6
    parts: list[RectM] = [(0.0, 0.0, width, depth)]
    wings = int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15]))
    for _ in range(wings):
        wing_w = rng.uniform(0.25, 0.6) * width
        wing_d = rng.uniform(0.25, 0.7) * depth
        x0 = float(rng.choice([0.0, width - wing_w, rng.uniform(0, width - wing_w)]))
        below = rng.random() < 0.5
        wing = (
            (x0, depth, x0 + wing_w, depth + wing_d) if below else (x0, -wing_d, x0 + wing_w, 0.0)
        )
        if not any(box(*wing).intersection(box(*part)).area > 0 for part in parts):
            parts.append(wing)
    return parts


def cut_recursively(rect: RectM, largest_m2: float, rng: np.random.Generator) -> list[RectM]:
    """Cut a rectangle until each piece has at most about ``largest_m2`` and is no sliver."""
    x0, y0, x1, y1 = rect
    width, depth = x1 - x0, y1 - y0
    area = width * depth
    goal = largest_m2 * float(
        rng.choice([0.15, 0.3, 0.6, 1.0, 1.6], p=[0.06, 0.17, 0.32, 0.3, 0.15])
    )
    if area <= goal or (min(width, depth) < 1.7 and max(width, depth) < 3.2) or area < 2.2:
        return [rect]
    along_x = width > depth * rng.uniform(0.75, 1.35)
    length = width if along_x else depth
    share = rng.uniform(0.25, 0.75) if rng.random() < 0.5 else rng.uniform(0.42, 0.58)
    at = max(0.9, min(length - 0.9, share * length))
    if length < 1.8:
        return [rect]
    if along_x:
        halves: tuple[RectM, RectM] = ((x0, y0, x0 + at, y1), (x0 + at, y0, x1, y1))
    else:
        halves = ((x0, y0, x1, y0 + at), (x0, y0 + at, x1, y1))
    return [piece for half in halves for piece in cut_recursively(half, largest_m2, rng)]


def cut_along_corridor(
    rect: RectM, building: Building, rng: np.random.Generator
) -> tuple[list[RectM], RectM]:
    """Cut a rectangle into a corridor along its longer side and rooms on both sides of it."""
    x0, y0, x1, y1 = rect
    if y1 - y0 > x1 - x0:
        rooms, corridor = cut_along_corridor((y0, x0, y1, x1), building, rng)
        return [(b, a, d, c) for a, b, c, d in rooms], (
            corridor[1],
            corridor[0],
            corridor[3],
            corridor[2],
        )
    home = building in (Building.HOME, Building.FLATS)
    width = rng.uniform(1.0, 1.7) if home else rng.uniform(1.6, 3.0)
    low = y0 + (y1 - y0 - width) * (rng.uniform(0.3, 0.7) if rng.random() < 0.85 else 0.0)
    start = x0 + (rng.uniform(0.1, 0.35) * (x1 - x0) if home and rng.random() < 0.6 else 0.0)
    corridor = (start, low, x1, low + width)
    sides: list[RectM] = []
    if start > x0:
        sides.append((x0, y0, start, y1))
    usual = rng.uniform(2.4, 4.4) if home else rng.uniform(2.6, 8.5)
    for band_y0, band_y1 in ((y0, low), (low + width, y1)):
        if band_y1 - band_y0 < 0.8:
            continue
        at = start
        while x1 - at > 0.05:
            step = usual * rng.uniform(0.6, 1.5) if home or rng.random() < 0.3 else usual
            end = x1 if x1 - at - step < 1.5 else at + step
            sides.append((at, band_y0, end, band_y1))
            at = end
    return sides, corridor


def divide_part(part: RectM, building: Building, rng: np.random.Generator) -> list[Region]:
    """Return the regions of one rectangle of the footprint."""
    home = building in (Building.HOME, Building.FLATS)
    longest = max(part[2] - part[0], part[3] - part[1])
    shortest = min(part[2] - part[0], part[3] - part[1])
    largest = rng.uniform(10, 32) if home else rng.uniform(18, 90)
    with_corridor = shortest > 4.2 and longest > 6 and rng.random() < (0.45 if home else 0.9)
    if not with_corridor:
        return [_one(cut, building, rng) for cut in cut_recursively(part, largest, rng)]
    rooms, corridor = cut_along_corridor(part, building, rng)
    kind = Kind.HALL if home else Kind.CORRIDOR
    regions = [Region([(kind, box(*corridor))])]
    for room in rooms:
        cut_again = rng.random() < (0.4 if home else 0.18)
        pieces = cut_recursively(room, largest * 0.6, rng) if cut_again else [room]
        regions += [_one(piece, building, rng) for piece in pieces]
    return regions


def _one(rect: RectM, building: Building, rng: np.random.Generator) -> Region:
    cell = box(*rect)
    return Region([(cells_to_kind(cell.area, building, rng), cell)])
