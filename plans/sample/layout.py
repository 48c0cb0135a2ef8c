# SPDX-License-Identifier: AGPL-3.0-or-later
"""Small rules by which a storey is put together from rows of meters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plans.sample.elements import EPSILON_M, Box, DimensionChain, Fixture, Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plans.sample.elements import Kind, Room

FACADE_REACH_M = 0.45  # just deeper than the thickest outer wall
FixtureRow = tuple["Kind", float, float, float, float, Side]


def build_shell(outline: Box, thickness_m: float) -> tuple[Box, Box, Box, Box]:
    """Return the four outer walls of a rectangular building, corners shared."""
    box, t_m = outline, thickness_m
    return (
        Box(box.x0_m, box.y0_m, box.x1_m, box.y0_m + t_m),
        Box(box.x0_m, box.y1_m - t_m, box.x1_m, box.y1_m),
        Box(box.x0_m, box.y0_m, box.x0_m + t_m, box.y1_m),
        Box(box.x1_m - t_m, box.y0_m, box.x1_m, box.y1_m),
    )


def holes_along_x(y0_m: float, y1_m: float, *spans_m: tuple[float, float]) -> tuple[Box, ...]:
    """Return openings in a wall that runs along x, one per ``(start, end)``."""
    return tuple(Box(start_m, y0_m, end_m, y1_m) for start_m, end_m in spans_m)


def holes_along_y(x0_m: float, x1_m: float, *spans_m: tuple[float, float]) -> tuple[Box, ...]:
    """Return openings in a wall that runs along y, one per ``(start, end)``."""
    return tuple(Box(x0_m, start_m, x1_m, end_m) for start_m, end_m in spans_m)


def build_fixtures(rows: Iterable[FixtureRow]) -> tuple[Fixture, ...]:
    """Return fixtures from rows ``kind, x, y, extent along x, extent along y, facing``."""
    return tuple(
        Fixture(kind, Box(x_m, y_m, x_m + width_m, y_m + depth_m), facing)
        for kind, x_m, y_m, width_m, depth_m, facing in rows
    )


def build_chains(
    outline: Box, rooms: Iterable[Room], openings: Iterable[Box]
) -> tuple[DimensionChain, ...]:
    """Return the chains of a sheet: openings and total above, rooms below and left."""
    room_boxes, holes = [room.box for room in rooms], list(openings)
    top, left = facade_stops(outline, Side.N, holes), facade_stops(outline, Side.W, room_boxes)
    bottom = facade_stops(outline, Side.S, room_boxes)
    right = facade_stops(outline, Side.E, room_boxes)
    return (
        DimensionChain(Side.N, 0, top),
        DimensionChain(Side.N, 1, (outline.x0_m, outline.x1_m)),
        DimensionChain(Side.S, 0, facade_stops(outline, Side.S, holes)),
        DimensionChain(Side.S, 1, bottom),
        DimensionChain(Side.W, 0, left),
        DimensionChain(Side.W, 1, (outline.y0_m, outline.y1_m)),
        DimensionChain(Side.E, 0, right),
    )


def cut_wall(wall: Box, openings: Iterable[Box]) -> list[Box]:
    """Return what stands of a wall once its openings are cut out.

    Args:
        wall: The uncut wall; its longer side is its run.
        openings: Holes; those that do not touch this wall are ignored, the others must
            reach through its whole thickness.
    """
    runs_x = wall.width_m >= wall.depth_m
    start_m, end_m = (wall.x0_m, wall.x1_m) if runs_x else (wall.y0_m, wall.y1_m)
    holes = sorted(
        (hole.x0_m, hole.x1_m) if runs_x else (hole.y0_m, hole.y1_m)
        for hole in openings
        if hole.overlaps(wall)
    )
    pieces = []
    for hole_start_m, hole_end_m in [*holes, (end_m, end_m)]:
        if hole_start_m - start_m > EPSILON_M:
            pieces.append((start_m, hole_start_m))
        start_m = max(start_m, hole_end_m)
    if runs_x:
        return [Box(a_m, wall.y0_m, b_m, wall.y1_m) for a_m, b_m in pieces]
    return [Box(wall.x0_m, a_m, wall.x1_m, b_m) for a_m, b_m in pieces]


def facade_stops(outline: Box, side: Side, boxes: Iterable[Box]) -> tuple[float, ...]:
    """Return where the edges of ``boxes`` meet one side of the building, ends included.

    Args:
        outline: The building's outer rectangle.
        side: The side to walk along.
        boxes: Rooms or openings; only those within ``FACADE_REACH_M`` of that side count.
    """
    strip = {
        Side.N: Box(outline.x0_m, outline.y0_m, outline.x1_m, outline.y0_m + FACADE_REACH_M),
        Side.S: Box(outline.x0_m, outline.y1_m - FACADE_REACH_M, outline.x1_m, outline.y1_m),
        Side.W: Box(outline.x0_m, outline.y0_m, outline.x0_m + FACADE_REACH_M, outline.y1_m),
        Side.E: Box(outline.x1_m - FACADE_REACH_M, outline.y0_m, outline.x1_m, outline.y1_m),
    }[side]
    near = [box for box in (outline, *boxes) if box.overlaps(strip)]
    return tuple(sorted({edge_m for box in near for edge_m in _ends(box, side)}))


def _ends(box: Box, side: Side) -> tuple[float, float]:
    """Return the box's extent along a side of the building."""
    return (box.x0_m, box.x1_m) if side.is_vertical else (box.y0_m, box.y1_m)
