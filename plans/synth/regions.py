# SPDX-License-Identifier: AGPL-3.0-or-later
"""A storey's regions: the footprint divided, then rooms merged, carved, slanted and bulged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from plans.synth.floor import Kind
from plans.synth.partition import (
    Building,
    Region,
    cells_to_kind,
    divide_part,
    draw_footprint,
)

if TYPE_CHECKING:
    import numpy as np


def divide(building: Building, rng: np.random.Generator) -> list[Region]:
    """Return the regions of one storey, from its footprint to the carved closets."""
    regions: list[Region] = []
    for part in draw_footprint(building, rng):
        regions += divide_part(part, building, rng)
    _merge_some(regions, building, rng)
    _open_some(regions, building, rng)
    _carve_closets(regions, building, rng)
    _cut_corners(regions, rng)
    _add_bays(regions, building, rng)
    return regions


def _merge_some(regions: list[Region], building: Building, rng: np.random.Generator) -> None:
    """Join neighbors: halls of L and T shape, and open plans under one name or several."""
    home = building in (Building.HOME, Building.FLATS)
    joins = rng.poisson(1.3 if home else 0.7)
    for _ in range(int(joins)):
        if len(regions) < 4:
            return
        first = _choose_first(regions, rng)
        near = [r for r in regions if r is not first and _shared_m(first.cell, r.cell) > 0.9]
        if not near:
            continue
        second = near[int(rng.integers(len(near)))]
        merged = unary_union([first.cell, second.cell])
        if not isinstance(merged, Polygon) or merged.area > (60 if home else 200):
            continue
        regions.remove(second)
        if rng.random() < 0.45 and first.cell.area > 5 and second.cell.area > 5 and home:
            kinds = rng.permutation([Kind.LIVING, Kind.KITCHEN, Kind.DINING])[:2]
            first.zones = [(Kind(kinds[0]), first.cell), (Kind(kinds[1]), second.cell)]
        else:
            small = merged.area < 14
            kind = Kind.HALL if small and home else cells_to_kind(merged.area, building, rng)
            first.zones = [(kind, merged)]


def _choose_first(regions: list[Region], rng: np.random.Generator) -> Region:
    """Return any region, often a hall: halls of L and T shape are the rule in flats."""
    halls = [region for region in regions if region.zones[0][0] in (Kind.HALL, Kind.CORRIDOR)]
    chosen = halls if halls and rng.random() < 0.35 else regions
    return chosen[int(rng.integers(len(chosen)))]


def _open_some(regions: list[Region], building: Building, rng: np.random.Generator) -> None:
    """Give large rooms of homes a kitchen, a dining place or an entrance without a wall."""
    if building not in (Building.HOME, Building.FLATS):
        return
    for region in regions:
        kinds = [kind for kind, _ in region.zones]
        if kinds in ([Kind.LIVING], [Kind.OPEN_PLAN]) and rng.random() < 0.4:
            region.zones = open_zones(region.cell, rng) or region.zones


def open_zones(cell: Polygon, rng: np.random.Generator) -> list[tuple[Kind, Polygon]]:
    """Return a living room and a zone in its corner or at its end; none if it is too small.

    Args:
        cell: The whole, in meters.
        rng: Decides.
    """
    x0, y0, x1, y1 = cell.bounds
    width, depth = x1 - x0, y1 - y0
    if cell.area < 14 or min(width, depth) < 2.6:
        return []
    if rng.random() < 0.45:  # a whole end
        across = width < depth
        w, d = (width, rng.uniform(0.25, 0.5) * depth)
        w, d = (w, d) if across else (rng.uniform(0.25, 0.5) * width, depth)
    else:
        w, d = rng.uniform(1.5, 0.6 * width), rng.uniform(1.5, 0.6 * depth)
    left, top = rng.random() < 0.5, rng.random() < 0.5
    corner_x, corner_y = (x0 if left else x1 - w), (y0 if top else y1 - d)
    nook = cell.intersection(box(corner_x, corner_y, corner_x + w, corner_y + d))
    rest = cell.difference(nook)
    if not (isinstance(nook, Polygon) and isinstance(rest, Polygon)) or nook.area < 3:
        return []
    kinds = (Kind.KITCHEN, Kind.DINING, Kind.HALL)
    return [(Kind.LIVING, rest), (kinds[int(rng.choice(3, p=[0.6, 0.2, 0.2]))], nook)]


def _shared_m(a: Polygon, b: Polygon) -> float:
    return float(a.boundary.intersection(b.boundary).length)


def _carve_closets(regions: list[Region], building: Building, rng: np.random.Generator) -> None:
    """Take closets, ducts and little baths out of corners, which leaves L-shaped rooms."""
    chance = 0.28 if building in (Building.HOME, Building.FLATS) else 0.08
    for region in list(regions):
        if len(region.zones) != 1 or rng.random() > chance:
            continue
        kind, cell = region.zones[0]
        x0, y0, x1, y1 = cell.bounds
        if cell.area < 6 or min(x1 - x0, y1 - y0) < 2.2:
            continue
        width, depth = _nook_size_m(x1 - x0, y1 - y0, rng)
        left, top = rng.random() < 0.5, rng.random() < 0.5
        nook = box(
            x0 if left else x1 - width,
            y0 if top else y1 - depth,
            x0 + width if left else x1,
            y0 + depth if top else y1,
        )
        rest = cell.difference(nook)
        if not cell.covers(nook) or not isinstance(rest, Polygon):
            continue
        region.zones = [(kind, rest)]
        regions += _carved(nook, rng)


def _nook_size_m(width: float, depth: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return width and depth of what is taken out of a room of that width and depth."""
    draw = rng.random()
    if draw < 0.3:  # built-in closets take a whole side
        return (width, 0.65) if rng.random() < 0.5 else (0.65, depth)
    if draw < 0.45:
        return float(rng.uniform(0.35, 0.75)), float(rng.uniform(0.35, 0.75))
    shorter, longer = float(rng.uniform(0.55, 1.2)), float(rng.uniform(0.7, 2.4))
    across, along = (shorter, longer) if rng.random() < 0.5 else (longer, shorter)
    return min(across, 0.5 * width), min(along, 0.5 * depth)


def _carved(nook: Polygon, rng: np.random.Generator) -> list[Region]:
    """Return what a nook becomes: a shaft, a toilet, a closet or a row of them."""
    x0, y0, x1, y1 = nook.bounds
    shorter, longer = sorted((x1 - x0, y1 - y0))
    if nook.area < 0.6:
        return [Region([(Kind.DUCT, nook)])]
    if shorter < 0.9 and longer > 1.6 and rng.random() < 0.5:
        return [Region([(Kind.CLOSET, part)]) for part in _in_a_row(nook, rng)]
    is_toilet = nook.area > 1.7 and rng.random() < 0.4
    return [Region([(Kind.WC if is_toilet else Kind.CLOSET, nook)])]


def _in_a_row(nook: Polygon, rng: np.random.Generator) -> list[Polygon]:
    """Return a shallow nook cut into closets of equal width, each of which gets doors."""
    x0, y0, x1, y1 = nook.bounds
    count = max(2, min(4, int(max(x1 - x0, y1 - y0) / rng.uniform(0.8, 1.4))))
    if x1 - x0 > y1 - y0:
        step = (x1 - x0) / count
        return [box(x0 + i * step, y0, x0 + (i + 1) * step, y1) for i in range(count)]
    step = (y1 - y0) / count
    return [box(x0, y0 + i * step, x1, y0 + (i + 1) * step) for i in range(count)]


def _add_bays(regions: list[Region], building: Building, rng: np.random.Generator) -> None:
    """Push a bay window out of a few facades, and chimney breasts into a few rooms."""
    if building is not Building.HOME:
        return
    for region in regions:
        if len(region.zones) != 1 or region.cell.area < 8 or rng.random() > 0.12:
            continue
        kind, cell = region.zones[0]
        x0, y0, x1, y1 = cell.bounds
        others = unary_union([other.cell for other in regions if other is not region])
        width, reach = rng.uniform(1.6, 2.6), rng.uniform(0.4, 0.9)
        if x1 - x0 > width + 0.6 and rng.random() < 0.6:
            middle = (x0 + x1) / 2
            edge, far = (y0, y0 - reach) if rng.random() < 0.5 else (y1, y1 + reach)
            slant = rng.uniform(0.0, 0.5)
            bay = Polygon(
                [
                    (middle - width / 2, edge),
                    (middle - width / 2 + slant, far),
                    (middle + width / 2 - slant, far),
                    (middle + width / 2, edge),
                ]
            )
            bulged = cell.union(bay)
            if bay.distance(others) > 0.3 and isinstance(bulged, Polygon):
                region.zones = [(kind, bulged)]
        elif y1 - y0 > 2.5:
            at, deep = rng.uniform(y0 + 0.5, y1 - 1.7), rng.uniform(0.25, 0.45)
            breast = box(x0, at, x0 + deep, at + rng.uniform(0.8, 1.4))
            rest = cell.difference(breast)
            if isinstance(rest, Polygon):
                region.zones = [(kind, rest)]


def _cut_corners(regions: list[Region], rng: np.random.Generator) -> None:
    """Slant one outer corner of a few buildings."""
    if rng.random() > 0.12:
        return
    x0, y0, x1, y1 = unary_union([region.cell for region in regions]).bounds
    size = rng.uniform(0.8, 0.3 * min(x1 - x0, y1 - y0))
    slope = rng.uniform(0.6, 1.8)
    corner = Polygon([(x0, y0), (x0 + size, y0), (x0, y0 + size * slope)])
    for region in list(regions):
        zones = [(kind, cell.difference(corner)) for kind, cell in region.zones]
        kept = [(k, c) for k, c in zones if isinstance(c, Polygon) and c.area > 0.6]
        if kept:
            region.zones = kept
        else:
            regions.remove(region)
