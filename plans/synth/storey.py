# SPDX-License-Identifier: AGPL-3.0-or-later
"""From cells to a storey: walls around them, doors that connect them, windows, balconies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from shapely import STRtree
from shapely.geometry import LineString, Polygon
from shapely.ops import unary_union

from plans.synth.floor import CIRCULATION, WET, Floor, Kind, Opening, OpeningKind, Space
from plans.synth.regions import divide
from plans.synth.runs import TOUCHING_M, across, shared_line, straight_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapely.geometry.base import BaseGeometry

    from plans.synth.partition import Building, Region

_NO_WINDOW = frozenset(
    {Kind.CLOSET, Kind.STORAGE, Kind.DUCT, Kind.CORRIDOR, Kind.ELEVATOR, Kind.VOID}
)

_CLOSED = frozenset({Kind.DUCT, Kind.VOID})  # no door leads there
_SLIVER_M2 = 0.05

_MORE_DOORS = 0.07  # share of the pairs that get a door the tree does not need


@dataclass(frozen=True, slots=True)
class Thickness:
    """Wall thickness in meters."""

    outer_m: float
    inner_m: float


def build_storey(building: Building, rng: np.random.Generator) -> Floor:
    """Return one storey of the program's own invention."""
    regions = divide(building, rng)
    thin = rng.random() < 0.12
    inner_m = rng.uniform(0.02, 0.05) if thin else rng.uniform(0.08, 0.2)
    outer_m = inner_m if thin else rng.uniform(0.2, 0.5)
    return raise_walls(regions, Thickness(float(outer_m), float(inner_m)), rng)


def raise_walls(
    regions: list[Region],
    thickness: Thickness,
    rng: np.random.Generator,
    *,
    outdoor: bool = True,
    solid: Sequence[Polygon] = (),
) -> Floor:
    """Return the storey of some regions: walls around them, doors, windows.

    Args:
        regions: What the floor is divided into; what no cell covers between them is outside.
        thickness: Of the walls.
        rng: Places doors and windows.
        outdoor: Whether it may get a balcony, terrace or carport.
        solid: Parts of the floor that are wall all through.
    """
    insides = [_inside(region.cell, thickness.inner_m / 2) for region in regions]
    regions = [r for r, inside in zip(regions, insides, strict=True) if not inside.is_empty]
    insides = [inside for inside in insides if not inside.is_empty]
    ground = _without_slivers(unary_union([*(region.cell for region in regions), *solid]))
    shell = ground.buffer(thickness.outer_m - thickness.inner_m / 2, join_style="mitre")
    walls = shell.difference(unary_union(insides))
    with np.errstate(divide="ignore", invalid="ignore"):  # GEOS's, at corners of nearly 180°
        core = ground.buffer(-thickness.inner_m / 2, join_style="mitre")
    openings = _connect(regions, thickness, rng)
    openings += _pierce_facade(regions, ground, thickness, rng)
    spaces = _name_spaces(regions, insides)
    added, rails = _add_outdoor(ground, shell, thickness, rng) if outdoor else (None, [])
    if added is not None:
        openings.append(added[1])
        spaces.append(added[0])
    return Floor(
        tuple(spaces),
        walls.difference(core),
        walls.intersection(core),
        tuple(openings),
        tuple(rails),
    )


def _inside(cell: BaseGeometry, by_m: float) -> BaseGeometry:
    return cell.buffer(-by_m, join_style="mitre")


def _without_slivers(ground: BaseGeometry) -> BaseGeometry:
    """Return a floor without the hair-thin holes that rounding leaves between turned cells."""
    parts = [part for part in getattr(ground, "geoms", [ground]) if part.area > _SLIVER_M2]
    rings = [ring for part in parts for ring in part.interiors]
    if not any(Polygon(ring).area < _SLIVER_M2 for ring in rings):
        return ground
    filled = [
        Polygon(p.exterior, [r for r in p.interiors if Polygon(r).area >= _SLIVER_M2])
        for p in parts
    ]
    return unary_union(filled).simplify(0.001)


def _name_spaces(regions: list[Region], insides: list[BaseGeometry]) -> list[Space]:
    spaces = []
    for region, inside in zip(regions, insides, strict=True):
        for kind, cell in region.zones:
            shape = _largest_polygon(cell.intersection(inside))
            if shape is not None and shape.area > 0.15:
                spaces.append(Space(kind, shape))
    return spaces


def _largest_polygon(shape: BaseGeometry) -> Polygon | None:
    parts = [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon)]
    return max(parts, key=lambda part: part.area, default=None)


def _connect(
    regions: list[Region], thickness: Thickness, rng: np.random.Generator
) -> list[Opening]:
    """Join the regions by doors: a spanning tree through the halls, and a few more."""
    cells = [region.cell for region in regions]
    tree = list(range(len(cells)))

    def root(i: int) -> int:
        while tree[i] != i:
            i = tree[i]
        return i

    doors = []
    for _, i, j, run in sorted(_neighbors(regions, cells, rng), key=lambda edge: edge[0]):
        if root(i) == root(j) and rng.random() > _MORE_DOORS:
            continue
        tree[root(i)] = root(j)
        smaller = min(cells[i], cells[j], key=lambda cell: cell.area)
        doors.append(_door_on(run, smaller, thickness.inner_m, rng))
    return doors


def _neighbors(
    regions: list[Region], cells: list[Polygon], rng: np.random.Generator
) -> Iterator[tuple[float, int, int, LineString]]:
    """Yield pairs of regions that a door may join: its cost, both, and the common wall."""
    kinds = [region.zones[0][0] for region in regions]
    small = WET | {Kind.CLOSET}
    pairs = STRtree(cells).query(cells, predicate="dwithin", distance=TOUCHING_M).T
    for i, j in sorted((int(i), int(j)) for i, j in pairs if i < j):
        if kinds[i] in _CLOSED or kinds[j] in _CLOSED:
            continue
        runs = straight_runs(shared_line(cells[i].boundary, cells[j].boundary), 0.75)
        if not runs:
            continue
        through_hall = (kinds[i] in CIRCULATION) + (kinds[j] in CIRCULATION)
        through_bath = kinds[i] in small and kinds[j] in small
        cost = rng.uniform(0, 1) - 0.8 * through_hall + (1.5 if through_bath else 0.0)
        yield cost, i, j, max(runs, key=lambda run: run.length)


def _door_on(
    run: LineString, smaller: Polygon, depth_m: float, rng: np.random.Generator
) -> Opening:
    small_m2 = smaller.area
    room_m = run.length - 0.12
    width = min(rng.uniform(0.55, 0.75) if small_m2 < 2.5 else rng.uniform(0.7, 1.0), room_m)
    kind = OpeningKind.SWING
    draw = rng.random()
    if small_m2 < 2.5 and draw < 0.45:
        kind = OpeningKind.BIFOLD if draw < 0.3 else OpeningKind.DOUBLE
        width = min(run.length - 0.12, rng.uniform(0.7, 1.8))
    elif draw < 0.08 and room_m > 1.3:
        kind, width = OpeningKind.DOUBLE, min(room_m, rng.uniform(1.2, 1.7))
    elif draw < 0.16:
        kind = OpeningKind.SLIDING
    elif draw < 0.27:
        kind, width = OpeningKind.GAP, min(room_m, rng.uniform(0.8, 2.2))
    slack = max(room_m - width, 0.0)
    at = 0.06 + (rng.uniform(0, min(0.25, slack)) if rng.random() < 0.6 else rng.uniform(0, slack))
    if rng.random() < 0.5:
        at = run.length - at - width
    start, end = run.interpolate(at), run.interpolate(at + width)
    ends = [(start.x, start.y), (end.x, end.y)]
    if rng.random() < 0.5:
        ends.reverse()
    inward = across(run, smaller if rng.random() < 0.7 else None)
    return Opening(kind, ends[0], ends[1], inward, depth_m)


def _pierce_facade(
    regions: list[Region], ground: Polygon, thickness: Thickness, rng: np.random.Generator
) -> list[Opening]:
    """Return windows for rooms that reach the outside, an entrance, garage doors."""
    openings = []
    entrance_due = rng.random() < 0.85
    shift = (thickness.outer_m - thickness.inner_m) / 2
    often = rng.uniform(0.5, 1.0)
    for region in regions:
        kind = region.zones[0][0]
        runs = straight_runs(shared_line(region.cell.boundary, ground.boundary), 1.0)
        for run in runs:
            outward = tuple(-v for v in across(run, region.cell))
            moved = [(x + shift * outward[0], y + shift * outward[1]) for x, y in run.coords]
            wall = LineString([moved[0], moved[-1]])
            is_entrance = entrance_due and kind in CIRCULATION
            if kind is Kind.GARAGE and run.length > 2.6:
                opening_kind, width = OpeningKind.GARAGE_DOOR, min(run.length - 0.4, 5.0)
            elif is_entrance:
                opening_kind, width = OpeningKind.SWING, 0.9
                entrance_due = False
            elif kind in _NO_WINDOW or rng.random() > often:
                continue
            else:
                opening_kind = OpeningKind.WINDOW
                width = min(run.length - 0.5, rng.uniform(0.4, 0.8) * min(run.length, 4.5))
            if width < 0.5:
                continue
            at = (run.length - width) * rng.uniform(0.3, 0.7)
            start, end = wall.interpolate(at), wall.interpolate(at + width)
            inward = (-outward[0], -outward[1])
            openings.append(
                Opening(opening_kind, (start.x, start.y), (end.x, end.y), inward, thickness.outer_m)
            )
    return openings


def _add_outdoor(
    ground: Polygon, shell: Polygon, thickness: Thickness, rng: np.random.Generator
) -> tuple[tuple[Space, Opening] | None, list[LineString]]:
    """Return a balcony, terrace or carport on one straight side, its door, and its outline."""
    runs = straight_runs(shell.boundary, 2.4)
    if not runs or rng.random() > 0.5:
        return None, []
    run = runs[int(rng.integers(len(runs)))]
    outward = tuple(-v for v in across(run, shell))
    kind = Kind(rng.choice([Kind.BALCONY, Kind.TERRACE, Kind.CARPORT], p=[0.45, 0.45, 0.1]))
    length = min(run.length, rng.uniform(2.0, 7.0))
    reach = rng.uniform(3, 5) if kind is Kind.CARPORT else rng.uniform(1.0, 2.8)
    at = (run.length - length) * float(rng.choice([0.0, 0.5, 1.0]))
    a, b = run.interpolate(at), run.interpolate(at + length)
    corners = [
        (a.x, a.y),
        (b.x, b.y),
        (b.x + reach * outward[0], b.y + reach * outward[1]),
        (a.x + reach * outward[0], a.y + reach * outward[1]),
    ]
    shape = Polygon(corners).difference(shell)
    if not isinstance(shape, Polygon) or shape.area < 1.2 or shape.intersects(ground):
        return None, []
    width = min(length - 0.2, 0.9 if rng.random() < 0.5 else 1.8)
    middle = run.interpolate(at + length / 2)
    inset = thickness.outer_m / 2
    ux, uy = (b.x - a.x) / length, (b.y - a.y) / length
    cx, cy = middle.x - inset * outward[0], middle.y - inset * outward[1]
    door = Opening(
        OpeningKind.SWING if width < 1 else OpeningKind.SLIDING,
        (cx - width / 2 * ux, cy - width / 2 * uy),
        (cx + width / 2 * ux, cy + width / 2 * uy),
        (outward[0], outward[1]),
        thickness.outer_m,
    )
    rails = [LineString([corners[1], corners[2], corners[3], corners[0]])]
    if rng.random() < 0.5:
        rails.append(rails[0].parallel_offset(rng.uniform(0.06, 0.15), "left", join_style="mitre"))
    return (Space(kind, shape), door), rails
