# SPDX-License-Identifier: AGPL-3.0-or-later
"""Storeys from measured layouts: polygons of rooms, walls and openings, one JSON object a line.

Each line has ``rooms`` (``label``, ``polygon``), ``walls`` and ``openings`` (``outer``, ``holes``)
in pixels. The file is an argument of the generator, which also runs without it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shapely import affinity
from shapely.geometry import LineString, Polygon
from shapely.ops import unary_union

from plans.synth.floor import Floor, Kind, Opening, OpeningKind, Space, snap
from plans.synth.regions import open_zones
from plans.synth.runs import across

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from shapely.geometry.base import BaseGeometry

_KINDS: dict[str, tuple[Kind, ...]] = {
    "bathroom": (Kind.BATH, Kind.BATH, Kind.WC, Kind.LAUNDRY),
    "closet": (Kind.CLOSET, Kind.CLOSET, Kind.STORAGE),
    "bedroom": (Kind.BEDROOM,),
    "living/kitchen/dining": (Kind.OPEN_PLAN, Kind.LIVING, Kind.KITCHEN),
    "balcony": (Kind.BALCONY,),
    "hall": (Kind.HALL,),
}
_SMALLEST_ROOM_M2 = 0.45
_TYPICAL_FLAT_M2 = 62.0


def read_layouts(path: Path) -> list[dict[str, Any]]:
    """Return the layouts of a JSON-lines file that have rooms and walls."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return [row for row in rows if row["rooms"] and row["walls"]]


def layout_to_floor(row: dict[str, Any], rng: np.random.Generator) -> Floor:
    """Return the storey of one layout, in meters by the area that a flat usually has."""
    walls = unary_union([_polygon(wall["outer"], wall["holes"]) for wall in row["walls"]])
    rooms = [(room["label"], _polygon(room["polygon"])) for room in row["rooms"]]
    area_px = sum(shape.area for _, shape in rooms)
    m_per_px = (_TYPICAL_FLAT_M2 * rng.uniform(0.5, 1.4) / max(area_px, 1.0)) ** 0.5
    holes = [_polygon(opening["outer"], opening["holes"]) for opening in row["openings"]]

    def scaled(shape: BaseGeometry) -> BaseGeometry:
        return affinity.scale(shape, m_per_px, m_per_px, origin=(0, 0))

    spaces = []
    for label, shape_px in rooms:
        shape = scaled(shape_px)
        if isinstance(shape, Polygon) and not shape.is_empty:
            kind = _kind(label, shape, rng)
            is_large = kind in (Kind.LIVING, Kind.OPEN_PLAN)
            zones = open_zones(shape, rng) if is_large and rng.random() < 0.35 else []
            spaces += [Space(*zone) for zone in zones or [(kind, shape)]]
    openings = [_opening(scaled(hole), spaces, rng) for hole in holes if hole.area > 0]
    walls_m = snap(unary_union([scaled(walls), *(scaled(hole) for hole in holes)]))
    inner = unary_union([s.shape for s in spaces]).convex_hull.buffer(-0.12)
    return Floor(
        tuple(spaces),
        snap(walls_m.difference(inner)),
        snap(walls_m.intersection(inner)),
        tuple(openings),
    )


def _polygon(outer: Sequence[Any], holes: Sequence[Any] = ()) -> BaseGeometry:
    if len(outer) < 3:
        return Polygon()
    return Polygon(outer, [hole for hole in holes if len(hole) > 2]).buffer(0)


def _kind(label: str | None, shape: Polygon, rng: np.random.Generator) -> Kind:
    if label is None:
        return Kind.DUCT if shape.area < 2 * _SMALLEST_ROOM_M2 else Kind.STORAGE
    if shape.area < _SMALLEST_ROOM_M2:
        return Kind.DUCT
    kinds = _KINDS[label]
    return kinds[int(rng.integers(len(kinds)))]


def _opening(hole: BaseGeometry, spaces: list[Space], rng: np.random.Generator) -> Opening:
    x0, y0, x1, y1 = hole.bounds
    if x1 - x0 >= y1 - y0:
        ends, depth = ((x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2)), y1 - y0
    else:
        ends, depth = (((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1)), x1 - x0
    run = LineString(ends)
    near = [space for space in spaces if space.shape.distance(hole) < depth]
    indoors = [space for space in near if space.kind is not Kind.BALCONY]
    kind = OpeningKind.WINDOW
    if len(near) >= 2 and len(indoors) < len(near):
        kind = OpeningKind.SLIDING
    elif len(indoors) >= 2:
        kind = OpeningKind.SWING if run.length < 1.15 else OpeningKind.GAP
        if rng.random() < 0.2:
            kind = OpeningKind.SLIDING
    elif rng.random() < 0.12 and run.length < 1.2:
        kind = OpeningKind.SWING
    target = min(indoors or near, key=lambda s: s.shape.area).shape if near else None
    if rng.random() < 0.5:
        ends = (ends[1], ends[0])
    return Opening(kind, ends[0], ends[1], across(run, target), depth)
