# SPDX-License-Identifier: AGPL-3.0-or-later
"""One storey of a building as geometry: spaces, walls, openings. Meters, y down, no drawing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shapely import affinity, make_valid, set_precision
from shapely.geometry import LineString

if TYPE_CHECKING:
    from shapely.geometry import Polygon
    from shapely.geometry.base import BaseGeometry

PointM = tuple[float, float]


def snap(shape: BaseGeometry) -> BaseGeometry:
    """Return a shape with its corners on a grid of a millimeter, which keeps GEOS from failing."""
    return set_precision(make_valid(shape), 0.001)


class Kind(StrEnum):
    """What a space is for; decides its name, floor, furniture and windows."""

    LIVING = "living"
    KITCHEN = "kitchen"
    DINING = "dining"
    OPEN_PLAN = "open_plan"  # living, kitchen and dining under one name
    BEDROOM = "bedroom"
    BATH = "bath"
    WC = "wc"
    SAUNA = "sauna"
    HALL = "hall"
    CORRIDOR = "corridor"
    CLOSET = "closet"
    STORAGE = "storage"
    LAUNDRY = "laundry"
    OFFICE = "office"
    CLASSROOM = "classroom"
    STAIRS = "stairs"
    TERRACE = "terrace"
    BALCONY = "balcony"
    GARAGE = "garage"
    CARPORT = "carport"
    DUCT = "duct"  # shafts and chimneys: drawn, not a room
    ELEVATOR = "elevator"
    VOID = "void"  # an atrium's air, open to the floor below: drawn, not a room


CIRCULATION = frozenset({Kind.HALL, Kind.CORRIDOR, Kind.LIVING, Kind.OPEN_PLAN})
OUTDOOR = frozenset({Kind.TERRACE, Kind.BALCONY, Kind.CARPORT})
WET = frozenset({Kind.BATH, Kind.WC, Kind.SAUNA, Kind.LAUNDRY})


class OpeningKind(StrEnum):
    """How an opening in a wall is closed, if it is."""

    SWING = "swing"
    DOUBLE = "double"
    BIFOLD = "bifold"
    SLIDING = "sliding"
    GAP = "gap"
    WINDOW = "window"
    GARAGE_DOOR = "garage_door"


@dataclass(frozen=True, slots=True)
class Space:
    """A space that is named on the plan.

    Attributes:
        kind: What it is for.
        shape: Its clear floor between the walls; for a zone of an open plan, its share of it.
    """

    kind: Kind
    shape: Polygon

    @property
    def is_room(self) -> bool:
        """Whether the detector should find it: every named space but shafts and voids."""
        return self.kind not in (Kind.DUCT, Kind.VOID)


@dataclass(frozen=True, slots=True)
class Opening:
    """A door, window or gap.

    Attributes:
        kind: How it is closed.
        start: One end, on the middle of the wall.
        end: The other end.
        inward: Unit vector across the wall, towards the side into which a leaf turns.
        depth_m: Thickness of the wall.
    """

    kind: OpeningKind
    start: PointM
    end: PointM
    inward: PointM
    depth_m: float

    @property
    def hole(self) -> Polygon:
        """The part of the wall that it takes away, a little deeper than the wall."""
        return LineString([self.start, self.end]).buffer(self.depth_m * 0.55, cap_style="flat")


@dataclass(frozen=True, slots=True)
class Floor:
    """A storey.

    Attributes:
        spaces: Named spaces; zones of one open plan share it without a wall.
        outer_walls: Walls towards the outside, uncut.
        inner_walls: The others, uncut.
        openings: What is cut into them.
        rails: Outlines of balconies, terraces and carports, drawn thin.
    """

    spaces: tuple[Space, ...]
    outer_walls: BaseGeometry
    inner_walls: BaseGeometry
    openings: tuple[Opening, ...]
    rails: tuple[LineString, ...] = ()

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """Extent ``x0, y0, x1, y1`` of walls and outdoor spaces."""
        parts = [self.outer_walls.bounds, self.inner_walls.bounds]
        parts += [space.shape.bounds for space in self.spaces]
        known = [b for b in parts if b[0] == b[0]]  # NaN: nothing there
        lows, highs = zip(*((b[:2], b[2:]) for b in known), strict=True)
        return (*map(min, zip(*lows, strict=True)), *map(max, zip(*highs, strict=True)))

    def transformed(self, matrix: tuple[float, float, float, float, float, float]) -> Floor:
        """Return the storey under ``x' = a x + b y + xoff``, ``y' = d x + e y + yoff``.

        Args:
            matrix: ``a, b, d, e, xoff, yoff`` as in shapely; turns, mirrors and moves only.
        """
        a, b, d, e, dx, dy = matrix

        def move(p: PointM) -> PointM:
            return (a * p[0] + b * p[1] + dx, d * p[0] + e * p[1] + dy)

        def turn(v: PointM) -> PointM:
            return (a * v[0] + b * v[1], d * v[0] + e * v[1])

        return Floor(
            tuple(Space(s.kind, affinity.affine_transform(s.shape, matrix)) for s in self.spaces),
            snap(affinity.affine_transform(self.outer_walls, matrix)),
            snap(affinity.affine_transform(self.inner_walls, matrix)),
            tuple(
                Opening(o.kind, move(o.start), move(o.end), turn(o.inward), o.depth_m)
                for o in self.openings
            ),
            tuple(affinity.affine_transform(r, matrix) for r in self.rails),
        )
