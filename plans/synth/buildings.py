# SPDX-License-Identifier: AGPL-3.0-or-later
"""Floors of large buildings: wings put together at any angle, bent, around courts and atria."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from shapely import segmentize, transform
from shapely.geometry import Point, Polygon, box
from shapely.ops import unary_union

from plans.synth.floor import Floor, Kind
from plans.synth.partition import Region
from plans.synth.storey import Thickness, raise_walls
from plans.synth.units import Use
from plans.synth.wings import Wing, cut_wing

if TYPE_CHECKING:
    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

    from plans.synth.units import Cell

LEAST_ROOMS, MOST_ROOMS = 40, 250
_TRIES = 12
_BEND_STEP_M = 1.6  # chords of a curved front


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a wing stands.

    Attributes:
        x: Of its start, on its axis, meters.
        y: The same.
        angle_deg: Direction of its axis.
        length: Along the axis.
        depth: Across it; the axis is its middle.
        radius: Of the axis where it is bent, positive to the right; none for a straight wing.
    """

    x: float
    y: float
    angle_deg: float
    length: float
    depth: float
    radius: float | None = None

    def put(self, shape: Polygon) -> Polygon:
        """Return a shape of the wing's own meters in the building's."""
        if self.radius is not None:
            shape = segmentize(shape, _BEND_STEP_M)
        moved: Polygon = transform(shape, self._move)
        if moved.is_valid:
            return moved
        whole = moved.buffer(0)  # chords of a narrow bent part crossed
        parts = [p for p in getattr(whole, "geoms", [whole]) if isinstance(p, Polygon)]
        return max(parts, key=lambda part: part.area)

    def _move(self, xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        along, across = xy[:, 0], xy[:, 1] - self.depth / 2
        if self.radius is not None:
            turn = along / self.radius
            along = (self.radius - across) * np.sin(turn)
            across = self.radius - (self.radius - across) * np.cos(turn)
        c, s = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        return np.column_stack([self.x + c * along - s * across, self.y + s * along + c * across])


def build_large_floor(rng: np.random.Generator) -> Floor:
    """Return a floor of 40 to 250 rooms of a large building of the program's own invention."""
    goal = math.exp(rng.uniform(math.log(LEAST_ROOMS + 5), math.log(MOST_ROOMS - 10)))
    use = list(Use)[int(rng.integers(len(Use)))]
    best: list[Region] = []
    scale = 1.0
    for _ in range(_TRIES):
        seats = _seats(goal * scale, use, rng)
        regions = _join([(seat, _cut(seat, use, rng)) for seat in seats], rng)
        rooms = sum(region.zones[0][0] not in (Kind.DUCT, Kind.VOID) for region in regions)
        if LEAST_ROOMS <= rooms <= MOST_ROOMS:
            best = regions
            break
        scale *= 1.3 if rooms < LEAST_ROOMS else 0.75
    if not best:
        raise AssertionError(use)
    inner = float(rng.uniform(0.08, 0.2))
    thickness = Thickness(float(rng.uniform(0.2, 0.55)), inner)
    return raise_walls(best, thickness, rng, outdoor=False)


def _cut(seat: Seat, use: Use, rng: np.random.Generator) -> Wing:
    return cut_wing(use, seat.length, seat.depth, rng)


# Rooms that a meter of a wing holds, about.
_ROOMS_PER_M = {
    Use.OFFICE: 0.62,
    Use.LABORATORY: 0.55,
    Use.SCHOOL: 0.4,
    Use.HOSPITAL: 0.85,
    Use.HOTEL: 1.05,
    Use.FLATS: 1.1,
}


def _seats(goal: float, use: Use, rng: np.random.Generator) -> list[Seat]:
    """Return where wings stand that hold about so many rooms."""
    total = goal / _ROOMS_PER_M[use] * rng.uniform(0.85, 1.15)
    depth = float(rng.uniform(11.5, 18))
    if rng.random() < 0.12:
        depth = float(rng.uniform(20, 27))
    shapes = (_bar, _bent, _elbow, _comb, _ring, _star, _curve)
    return shapes[int(rng.choice(7, p=[0.14, 0.12, 0.2, 0.18, 0.14, 0.12, 0.1]))](total, depth, rng)


def _bar(total: float, depth: float, _: np.random.Generator) -> list[Seat]:
    if total > 110:  # two side by side rather than a very long one
        return [
            Seat(0, 0, 0, total / 2, depth),
            Seat(0.25 * total, depth * 1.6, 0, total / 2, depth),
            Seat(0.3 * total, 0, 90, depth * 1.6, min(depth, 8.5)),
        ]
    return [Seat(0, 0, 0, total, depth)]


def _bent(total: float, depth: float, rng: np.random.Generator) -> list[Seat]:
    """Two or three wings in a row, each turned by some angle."""
    count = int(rng.integers(2, 4))
    seats: list[Seat] = []
    x = y = angle = 0.0
    for _ in range(count):
        length = total / count * rng.uniform(0.7, 1.3)
        seats.append(Seat(x, y, angle, length, depth))
        reach = length - depth / 3
        x += reach * math.cos(math.radians(angle))
        y += reach * math.sin(math.radians(angle))
        angle += float(rng.uniform(12, 65) * rng.choice([-1, 1]))
    return seats


def _elbow(total: float, depth: float, rng: np.random.Generator) -> list[Seat]:
    """L, U, T or Z."""
    main = total * rng.uniform(0.4, 0.6)
    seats = [Seat(0, 0, 0, main, depth)]
    ends = [depth / 2, main - depth / 2, main * rng.uniform(0.35, 0.65)]
    count = int(rng.integers(1, 3))
    for i in rng.choice(3, count, replace=False):
        side = float(rng.choice([-90, 90]))
        d = depth * float(rng.choice([1, 0.8, 0.6]))
        seats.append(Seat(ends[int(i)], 0, side, (total - main) / count + depth / 2, d))
    return seats


def _comb(total: float, depth: float, rng: np.random.Generator) -> list[Seat]:
    """E or H: wings on one or both sides of a spine."""
    count = int(rng.integers(2, 5))
    spine = count * (depth + rng.uniform(8, 16))
    rest = max((total - spine) / count, 12.0)
    seats = [Seat(0, 0, 0, spine, depth)]
    both = rng.random() < 0.4
    for i in range(count):
        x = spine * (i + 0.5) / count
        side = float(rng.choice([-90, 90])) if both else 90.0
        seats.append(Seat(x, 0, side, rest + depth / 2, depth * rng.uniform(0.7, 1.0)))
    return seats


def _ring(total: float, depth: float, rng: np.random.Generator) -> list[Seat]:
    """Four wings around a court; sometimes a fifth parts it into two."""
    width = total / 4 * rng.uniform(0.8, 1.7) + depth
    height = max(total / 2 - width + 2 * depth, 1.7 * depth + 4)
    seats = [
        Seat(0, depth / 2, 0, width, depth),
        Seat(0, height - depth / 2, 0, width, depth),
        Seat(depth / 2, depth / 2, 90, height - depth, depth),
        Seat(width - depth / 2, depth / 2, 90, height - depth, depth),
    ]
    if width > 4.2 * depth and rng.random() < 0.6:
        seats.append(Seat(width * 0.5, depth / 2, 90, height - depth, depth * 0.8))
    return seats


def _star(total: float, depth: float, rng: np.random.Generator) -> list[Seat]:
    """Three or four wings from one hub."""
    count = int(rng.integers(3, 5))
    start = rng.uniform(0, 360)
    return [
        Seat(0, 0, start + 360 * i / count + rng.uniform(-14, 14), total / count + depth / 3, depth)
        for i in range(count)
    ]


def _curve(total: float, depth: float, rng: np.random.Generator) -> list[Seat]:
    """A bent wing, with a straight one at its end or middle."""
    arc = total * rng.uniform(0.5, 0.8)
    radius = max(arc / math.radians(rng.uniform(40, 150)), 1.6 * depth)
    if rng.random() < 0.5:
        radius = -radius
    seats = [Seat(0, 0, 0, arc, depth, radius)]
    turn = arc / radius
    if rng.random() < 0.5:
        x, y, angle = radius * math.sin(turn), radius * (1 - math.cos(turn)), math.degrees(turn)
        back = depth / 4
        x -= back * math.cos(turn)
        y -= back * math.sin(turn)
        seats.append(Seat(x, y, angle, total - arc + depth, depth))
    else:
        middle = turn / 2
        x, y = radius * math.sin(middle), radius * (1 - math.cos(middle))
        side = math.degrees(middle) + float(rng.choice([-90, 90]))
        seats.append(Seat(x, y, side, total - arc + depth / 2, depth * 0.8))
    return seats


# -- wings that meet ------------------------------------------------------------------------------


def _join(wings: list[tuple[Seat, Wing]], rng: np.random.Generator) -> list[Region]:
    """Return the cells of all wings; later wings and then rooms give way where they overlap."""
    outlines = [seat.put(box(0, 0, seat.length, seat.depth)) for seat, _ in wings]
    corridors = [[(kind, seat.put(cell)) for kind, cell in wing.corridors] for seat, wing in wings]
    hall = _hub(wings, rng)
    halls = [hall] if hall is not None else []
    regions: list[Region] = []
    for i, (seat, wing) in enumerate(wings):
        earlier = halls + [shape for row in corridors[:i] for _, shape in row]
        regions += _cells(corridors[i], earlier)
        others = halls + outlines[:i] + [shape for row in corridors[i + 1 :] for _, shape in row]
        rooms = [(kind, seat.put(cell)) for kind, cell in wing.rooms]
        regions += _cells(rooms, others)
    if hall is not None:
        regions += _hall_regions(hall, rng)
    return regions


def _hub(wings: list[tuple[Seat, Wing]], rng: np.random.Generator) -> Polygon | None:
    """Return a hall where the second wing starts, or none."""
    if len(wings) < 2 or rng.random() < 0.45:
        return None
    seat = wings[1][0]
    r = seat.depth * rng.uniform(0.4, 0.75)
    if rng.random() < 0.35:
        return Point(seat.x, seat.y).buffer(r, quad_segs=int(rng.choice([2, 3, 5])))
    across = r * rng.uniform(0.7, 1.5)
    own = Seat(seat.x, seat.y, seat.angle_deg, 0, 0)
    return own.put(box(-r, -across, r, across))


def _hall_regions(hall: Polygon, rng: np.random.Generator) -> list[Region]:
    """Return a hall, sometimes around the void of an atrium."""
    hole = hall.buffer(-(hall.area**0.5) * rng.uniform(0.18, 0.28), join_style="mitre")
    if hall.area > 90 and isinstance(hole, Polygon) and not hole.is_empty and rng.random() < 0.5:
        ring = hall.difference(hole)
        return [Region([(Kind.HALL, ring)]), Region([(Kind.VOID, hole)])]
    return [Region([(Kind.HALL, hall)])]


def _cells(cells: list[Cell], others: list[Polygon]) -> list[Region]:
    regions = []
    for kind, shape in cells:
        near = [other for other in others if other.intersects(shape)]
        left: BaseGeometry = shape.difference(unary_union(near)) if near else shape
        for part in getattr(left, "geoms", [left]):
            if isinstance(part, Polygon) and part.area > 0.3:
                regions.append(Region([(_kind_now(kind, part, shape), part)]))
    return regions


def _kind_now(kind: Kind, part: Polygon, whole: Polygon) -> Kind:
    """Return what a cell is when only a part of it is left: a shaft if it is a sliver."""
    if part.area > 0.97 * whole.area:
        return kind
    if part.buffer(-0.5).is_empty:
        return Kind.DUCT
    if kind is Kind.CORRIDOR:
        return kind
    return kind if part.area > 0.6 * whole.area else Kind.STORAGE
