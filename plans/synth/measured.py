# SPDX-License-Identifier: AGPL-3.0-or-later
"""Floors of large buildings from measured layouts: polygons of rooms, one JSON object a line.

Each line has ``id`` and ``rooms`` (``label``, ``polygon``) in pixels. Where walls lie between the
rooms and how wide doors are is measured only in part, so both are drawn anew: rooms are turned to
the axes that most of their edges have, made straight where they nearly are, and grown until they
meet in the middle of the walls.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from shapely import affinity
from shapely.geometry import Polygon
from shapely.ops import unary_union

from plans.synth.floor import Floor, Kind
from plans.synth.partition import Region
from plans.synth.storey import Thickness, raise_walls

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

_KINDS = {
    "Stairway": Kind.STAIRS,
    "stairs": Kind.STAIRS,
    "Elevator": Kind.ELEVATOR,
    "elevator": Kind.ELEVATOR,
    "Shaft": Kind.DUCT,
    "MainHallway": Kind.CORRIDOR,
    "corridor": Kind.CORRIDOR,
    "InternalHallway": Kind.HALL,
    "Hallway": Kind.HALL,
    "Entrance": Kind.HALL,
    "entrance": Kind.HALL,
    "lobby": Kind.HALL,
    "hall": Kind.HALL,
    "Bathroom": Kind.BATH,
    "bathroom": Kind.WC,
    "washroom": Kind.WC,
    "Toilet": Kind.WC,
    "Kitchen": Kind.KITCHEN,
    "kitchen": Kind.KITCHEN,
    "LivingRoom": Kind.LIVING,
    "FamilyRoom": Kind.LIVING,
    "Bedroom": Kind.BEDROOM,
    "MasterBedroom": Kind.BEDROOM,
    "DiningRoom": Kind.DINING,
    "StorageRoom": Kind.STORAGE,
    "BoxRoom": Kind.STORAGE,
    "closet": Kind.CLOSET,
    "WalkInCloset": Kind.CLOSET,
    "LaundryRoom": Kind.LAUNDRY,
    "AccessBalcony": Kind.BALCONY,
    "ExternalSpace": Kind.BALCONY,
    "classroom": Kind.CLASSROOM,
    "lab": Kind.CLASSROOM,
    "gym": Kind.CLASSROOM,
    "library": Kind.CLASSROOM,
}
_TYPICAL_M2 = {Kind.BEDROOM: 12.0, Kind.CLASSROOM: 58.0, Kind.LIVING: 24.0}
_LEAST_ROOMS = 40
_OFTEN = 5  # rooms of a kind that tell the scale
_STRAIGHT_DEG = 9.0  # edges that are this near to an axis are along it
_NOTCH_M = 0.3  # half the width of a notch that furniture leaves
_BETWEEN_M = 0.6  # half the width of what is too narrow to be outside
_GROWTH_STEPS, _GROWTH_M = 3, 0.14  # walls of up to twice as much lie between rooms


def read_large_layouts(path: Path) -> list[dict[str, Any]]:
    """Return the layouts of a JSON-lines file that are floors of large buildings."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return [row for row in rows if len(row["rooms"]) >= _LEAST_ROOMS]


def layout_to_large_floor(row: dict[str, Any], rng: np.random.Generator) -> Floor:
    """Return the floor of one layout, in meters by the area that its rooms usually have."""
    rooms = [
        (_KINDS.get(room["label"], Kind.OFFICE), Polygon(room["polygon"]).buffer(0))
        for room in row["rooms"]
    ]
    rooms = [(kind, shape) for kind, shape in rooms if isinstance(shape, Polygon) and shape.area]
    m_per_px = _meters_per_px(rooms)
    turn = main_axis_deg([shape for _, shape in rooms])
    kinds, shapes = [], []
    for kind, shape in rooms:
        turned = affinity.rotate(shape, -turn, origin=(0, 0))
        meters = affinity.scale(turned, m_per_px, m_per_px, origin=(0, 0))
        smooth = straighten(_closed(meters, _NOTCH_M))
        if not smooth.is_empty:
            kinds.append(kind)
            shapes.append(smooth)
    cells = list(zip(kinds, _grown(shapes), strict=True))
    kept, solid = _with_rest(cells)
    regions = [Region([cell]) for cell in kept]
    thickness = Thickness(float(rng.uniform(0.2, 0.45)), float(rng.uniform(0.1, 0.22)))
    floor = raise_walls(regions, thickness, rng, outdoor=False, solid=solid)
    if rng.random() < 0.4:  # slanted as it was, or otherwise
        c, s = np.cos(a := np.radians(rng.uniform(0, 360))), np.sin(a)
        floor = floor.transformed((c, -s, s, c, 0, 0))
    return floor


def _grown(shapes: list[Polygon]) -> list[Polygon]:
    """Return shapes grown step by step until they meet; larger ones first give way."""
    shapes = list(shapes)
    order = sorted(range(len(shapes)), key=lambda i: shapes[i].area)
    for _ in range(_GROWTH_STEPS):
        for i in order:
            grown = shapes[i].buffer(_GROWTH_M, join_style="mitre", mitre_limit=1.5)
            near = [s for k, s in enumerate(shapes) if k != i and s.intersects(grown)]
            left = grown.difference(unary_union(near)) if near else grown
            parts = [p for p in getattr(left, "geoms", [left]) if isinstance(p, Polygon)]
            if parts:
                shapes[i] = max(parts, key=lambda part: part.area).simplify(0.01)
    return shapes


def _with_rest(
    cells: list[tuple[Kind, Polygon]],
) -> tuple[list[tuple[Kind, Polygon]], list[Polygon]]:
    """Return the cells of the building without what stands apart, and what is solid between them.

    Nobody measured what is left narrow between rooms, so it is wall.
    """
    whole = unary_union([cell for _, cell in cells])
    filled = whole.buffer(_BETWEEN_M, join_style="mitre", mitre_limit=1.5)
    filled = filled.buffer(-_BETWEEN_M, join_style="mitre", mitre_limit=1.5)
    main = max(getattr(filled, "geoms", [filled]), key=lambda part: part.area)
    kept = [(kind, cell) for kind, cell in cells if cell.intersects(main)]
    rest = main.difference(whole)
    holes = [p for p in getattr(rest, "geoms", [rest]) if isinstance(p, Polygon) and p.area > 0.2]
    return kept, holes


def _meters_per_px(rooms: list[tuple[Kind, Polygon]]) -> float:
    for kind, m2 in _TYPICAL_M2.items():
        areas = [shape.area for k, shape in rooms if k is kind]
        if len(areas) >= _OFTEN:
            return float((m2 / np.median(areas)) ** 0.5)
    return float((20.0 / np.median([shape.area for _, shape in rooms])) ** 0.5)


def _closed(shape: BaseGeometry, by: float) -> Polygon:
    """Return the largest part of a shape without its narrow notches."""
    closed = shape.buffer(by, join_style="mitre").buffer(-by, join_style="mitre")
    parts = [p for p in getattr(closed, "geoms", [closed]) if isinstance(p, Polygon)]
    return Polygon(max(parts, key=lambda p: p.area).exterior) if parts else Polygon()


def main_axis_deg(shapes: list[Polygon]) -> float:
    """Return the direction that most edges have or stand across, 0 to 90 degrees."""
    edges = np.concatenate([np.diff(np.asarray(s.exterior.coords), axis=0) for s in shapes])
    lengths = np.hypot(*edges.T)
    angles = np.degrees(np.arctan2(edges[:, 1], edges[:, 0])) % 90
    histogram, _ = np.histogram(angles, 90, (0, 90), weights=lengths)
    smooth = histogram + np.roll(histogram, 1) + np.roll(histogram, -1)
    best = float(np.argmax(smooth)) + 0.5
    off = (angles - best + 45) % 90 - 45
    near = np.abs(off) < 2
    return best + float(np.average(off[near], weights=lengths[near]))


def straighten(shape: Polygon) -> Polygon:
    """Return a polygon with nearly straight runs made one edge, along an axis where it nearly is.

    Edges that are slanted by more than a few degrees stay slanted.
    """
    points = np.asarray(shape.simplify(0.2).exterior.coords)[:-1]
    if len(points) < 4:
        return shape
    level = [_axis_of(points[i], points[(i + 1) % len(points)]) for i in range(len(points))]
    moved = points.copy()
    for axis in (0, 1):  # edges along x share their y, and the other way round
        moved[:, 1 - axis] = _leveled(points[:, 1 - axis], [a == axis for a in level])
    straight = Polygon(moved).buffer(0)
    is_sound = isinstance(straight, Polygon) and straight.area > 0.7 * shape.area
    return straight if is_sound else shape


def _axis_of(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> int | None:
    angle = np.degrees(np.arctan2(abs(b[1] - a[1]), abs(b[0] - a[0])))
    if angle < _STRAIGHT_DEG:
        return 0
    return 1 if angle > 90 - _STRAIGHT_DEG else None


def _leveled(values: npt.NDArray[np.float64], tied: list[bool]) -> npt.NDArray[np.float64]:
    """Return values of which each run of tied neighbors has its mean; ``tied[i]``: i and i + 1."""
    n = len(values)
    if all(tied):
        return np.full(n, values.mean())
    start = (tied.index(False) + 1) % n
    out = values.copy()
    run = [start]
    for k in range(n):
        i = (start + k) % n
        if tied[i] and k < n - 1:
            run.append((i + 1) % n)
        else:
            out[run] = values[run].mean()
            run = [(i + 1) % n]
    return out
