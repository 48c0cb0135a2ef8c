# SPDX-License-Identifier: AGPL-3.0-or-later
"""A storey drawn in a style: floors, furniture, walls, openings, names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapely.ops import unary_union

from plans.synth.canvas import Font, Pen
from plans.synth.floor import OUTDOOR, WET, Kind, OpeningKind
from plans.synth.furnish import furnish
from plans.synth.style import WallStyle

if TYPE_CHECKING:
    import numpy as np
    from shapely.geometry.base import BaseGeometry

    from plans.synth.canvas import Canvas
    from plans.synth.floor import Floor, Opening, Space
    from plans.synth.style import Style

PAPER = (255, 255, 255)
_HATCH_ANGLES_DEG = {
    WallStyle.HATCHED: (45,),
    WallStyle.BRICK: (45, 135),
    WallStyle.INSULATED: (70, -20, 110, 20),
}
_HATCH_SPACING_M = 0.12
_LEAF_OF_WALL_M = 0.075  # masonry on either side of the insulation
_HEADED_GAP_M = 1.1  # narrower gaps show the edges of the wall above
_ROOM_COLORS = (
    (255, 246, 214),
    (226, 240, 217),
    (221, 235, 247),
    (252, 228, 214),
    (237, 237, 237),
    (255, 235, 205),
    (214, 234, 240),
)


def draw_floor(canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator) -> None:
    """Draw one storey onto a page."""
    pen = Pen((0, 0, 0), style.line_px)
    _draw_ground(canvas, floor, style, rng)
    gray = (style.furniture_gray,) * 3
    thin = Pen(gray, max(1, style.line_px - 1))
    hides_floor = rng.random() < 0.4
    for thing in furnish(floor, style.fixtures, style.furniture, rng):
        if hides_floor:
            canvas.fill_shape(thing.footprint, PAPER)
        part = canvas.moved(thing.origin, thing.along, thing.inward)
        thing.symbol.draw(part, thing.width_m, thing.depth_m, thin, rng)
    for rail in floor.rails:
        canvas.path(list(rail.coords), pen)
    holes = unary_union([opening.hole for opening in floor.openings])
    _draw_walls(canvas, floor.inner_walls.difference(holes), style.inner_wall, style)
    _draw_walls(canvas, floor.outer_walls.difference(holes), style.outer_wall, style)
    for opening in floor.openings:
        draw_opening(canvas, opening, style, pen, rng)
    if style.dashed_open_plan:
        _draw_zone_lines(canvas, floor, pen)
    _write_names(canvas, floor, style, rng)


# -- floors -----------------------------------------------------------------------------------


def _draw_ground(canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator) -> None:
    for space in floor.spaces:
        if space.kind is Kind.DUCT:
            _draw_duct(canvas, space, style, rng)
            continue
        if space.kind is Kind.VOID:
            _draw_void(canvas, space, style)
            continue
        if style.has_colored_rooms and rng.random() < 0.85:
            canvas.fill_shape(space.shape, _ROOM_COLORS[int(rng.integers(len(_ROOM_COLORS)))])
        if space.kind in OUTDOOR and rng.random() < 0.3:
            _draw_slabs(canvas, space, rng)
            continue
        likely = 2.0 if space.kind in OUTDOOR or space.kind in WET else 0.6
        if rng.random() < style.floor_pattern * likely:
            _draw_pattern(canvas.around(space.shape), space, rng)


def _draw_pattern(canvas: Canvas, space: Space, rng: np.random.Generator) -> None:
    gray = int(rng.integers(90, 210))
    pen = Pen((gray,) * 3, 1)
    spacing = canvas.px_per_m * rng.uniform(0.12, 0.5)
    angle = float(rng.choice([0.0, 90.0, 45.0]))
    canvas.hatch(space.shape, pen, spacing, angle)
    if rng.random() < 0.6:
        canvas.hatch(space.shape, pen, spacing, angle + 90)


def _draw_slabs(canvas: Canvas, space: Space, rng: np.random.Generator) -> None:
    """Pave a terrace or balcony with slabs, or floor it with boards."""
    canvas = canvas.around(space.shape)
    pen = Pen((int(rng.integers(0, 150)),) * 3, int(rng.integers(1, 3)))
    angle = float(rng.choice([0.0, 90.0]))
    canvas.hatch(space.shape, pen, canvas.px_per_m * rng.uniform(0.1, 0.9), angle)
    if rng.random() < 0.65:
        canvas.hatch(space.shape, pen, canvas.px_per_m * rng.uniform(0.4, 0.9), angle + 90)


def _draw_duct(canvas: Canvas, space: Space, style: Style, rng: np.random.Generator) -> None:
    pen = Pen((0, 0, 0), style.line_px)
    if rng.random() < 0.3:
        canvas.fill_shape(space.shape, (30, 30, 30))
        return
    canvas.outline(space.shape, pen)
    x0, y0, x1, y1 = space.shape.bounds
    if rng.random() < 0.8:
        canvas.line((x0, y0), (x1, y1), pen)
    if rng.random() < 0.6:
        canvas.line((x1, y0), (x0, y1), pen)


def _draw_void(canvas: Canvas, space: Space, style: Style) -> None:
    x0, y0, x1, y1 = space.shape.bounds
    pen = Pen((0, 0, 0), max(1, style.line_px - 1)).dashed(0.6, 0.3)
    canvas.line((x0, y0), (x1, y1), pen)
    canvas.line((x1, y0), (x0, y1), pen)


# -- walls ------------------------------------------------------------------------------------


def _draw_walls(canvas: Canvas, walls: BaseGeometry, how: WallStyle, style: Style) -> None:
    if walls.is_empty:
        return
    pen = Pen((0, 0, 0), style.line_px)
    solid = {WallStyle.BLACK: 0, WallStyle.THIN: 0, WallStyle.GRAY: style.wall_gray}
    canvas.fill_shape(walls, (solid[how],) * 3 if how in solid else PAPER)
    if how in _HATCH_ANGLES_DEG:
        spacing = max(4.0, canvas.px_per_m * _HATCH_SPACING_M)
        for angle in _HATCH_ANGLES_DEG[how]:
            canvas.hatch(walls, Pen((0, 0, 0), 1), spacing, angle)
    if how is WallStyle.INSULATED:
        canvas.outline(walls.buffer(-_LEAF_OF_WALL_M, join_style="mitre"), pen)
    canvas.outline(walls, pen)


# -- doors and windows ------------------------------------------------------------------------


def draw_opening(
    canvas: Canvas, opening: Opening, style: Style, pen: Pen, rng: np.random.Generator
) -> None:
    """Draw what closes an opening; the wall is already cut."""
    (ax, ay), (bx, by) = opening.start, opening.end
    width = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
    if width < 0.05:
        return
    along = ((bx - ax) / width, (by - ay) / width)
    part = canvas.moved(opening.start, along, opening.inward)
    half = opening.depth_m / 2
    match opening.kind:
        case OpeningKind.WINDOW:
            _draw_window(part, width, half, style, pen)
        case OpeningKind.SWING:
            _draw_leaf(part, width, half, style.door_leaf, pen)
        case OpeningKind.DOUBLE:
            _draw_leaf(part, width / 2, half, style.door_leaf, pen)
            other = canvas.moved(opening.end, (-along[0], -along[1]), opening.inward)
            _draw_leaf(other, width / 2, half, style.door_leaf, pen)
        case _:
            _draw_folding_or_gap(part, width, half, opening.kind, pen)
    if opening.kind is not OpeningKind.GAP and rng.random() < 0.1:
        part.line((0, half), (width, half), pen)
        part.line((0, -half), (width, -half), pen)


def _draw_folding_or_gap(
    part: Canvas, width: float, half: float, kind: OpeningKind, pen: Pen
) -> None:
    match kind:
        case OpeningKind.BIFOLD:
            quarter = width / 4
            points = [(quarter * i, half + (quarter * 0.8 if i % 2 else 0)) for i in range(5)]
            part.path(points, pen)
        case OpeningKind.SLIDING:
            leaf = min(0.05, half)
            part.box(0, -leaf, width * 0.55, leaf, pen)
            part.box(width * 0.45, 0, width * 0.55, leaf, pen)
        case OpeningKind.GARAGE_DOOR:
            part.box(0, -0.04, width, 0.08, pen)
            part.line((0, 1.8), (width, 1.8), pen.dashed(0.2, 0.15))
        case _:
            if width < _HEADED_GAP_M:
                part.line((0, -half), (width, -half), pen.dashed(0.12, 0.08))
                part.line((0, half), (width, half), pen.dashed(0.12, 0.08))


def _draw_window(part: Canvas, width: float, half: float, style: Style, pen: Pen) -> None:
    part.line((0, -half), (width, -half), pen)
    part.line((0, half), (width, half), pen)
    part.line((0, -half), (0, half), pen)
    part.line((width, -half), (width, half), pen)
    for i in range(style.window_lines):
        y = half * (2 * (i + 1) / (style.window_lines + 1) - 1)
        part.line((0, y), (width, y), pen)


def _draw_leaf(part: Canvas, width: float, half: float, leaf: str, pen: Pen) -> None:
    hinge = (0.0, half * 0.9)
    match leaf:
        case "half":
            part.line(hinge, (width * 0.72, hinge[1] + width * 0.68), pen)
        case "open":
            part.box(0, hinge[1], 0.05, width, pen)
        case _:
            part.box(0, hinge[1], 0.04, width, pen)
            part.arc(hinge, width, 0, 90, pen)


# -- names ------------------------------------------------------------------------------------


def _draw_zone_lines(canvas: Canvas, floor: Floor, pen: Pen) -> None:
    for i, first in enumerate(floor.spaces):
        for second in floor.spaces[:i]:
            if first.shape.distance(second.shape) < 1e-6:
                line = first.shape.boundary.intersection(second.shape.boundary)
                for part in getattr(line, "geoms", [line]):
                    if part.geom_type == "LineString" and part.length > 0.2:
                        canvas.path(list(part.coords), pen.dashed(0.15, 0.1))


def _write_names(canvas: Canvas, floor: Floor, style: Style, rng: np.random.Generator) -> None:
    for space in floor.spaces:
        if not space.is_room or rng.random() < style.unnamed:
            continue
        x0, y0, x1, y1 = space.shape.bounds
        small = space.shape.area < 1.2
        if small and rng.random() < 0.6:
            continue
        label = style.labeling.label(space.kind, (x1 - x0, y1 - y0), space.shape.area, rng)
        if small:
            label = label.split("\n", maxsplit=1)[0]
        size = round(style.text_m * canvas.px_per_m * (0.75 if small else 1.0))
        color = (0, 0, 0) if rng.random() < 0.9 else (90, 90, 90)
        font = Font(style.font, min(max(size, 9), 46), color)
        at = space.shape.representative_point()
        middle = space.shape.centroid
        if space.shape.contains(middle) and rng.random() < 0.7:
            at = middle
        turned = (y1 - y0) > 1.8 * (x1 - x0) and rng.random() < 0.6
        canvas.text((at.x, at.y), label, font, turned=turned)
