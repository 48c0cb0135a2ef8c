# SPDX-License-Identifier: AGPL-3.0-or-later
"""Straight runs of walls, and what outlines share."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from shapely.geometry import LineString, MultiLineString, Point
from shapely.ops import linemerge

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

TOUCHING_M = 0.02  # cells that were turned or bent touch to within rounding


def straight_runs(line: BaseGeometry, least_m: float) -> list[LineString]:
    """Return the straight pieces of a line that are at least so long."""
    lines = [part for part in getattr(line, "geoms", [line]) if isinstance(part, LineString)]
    if len(lines) > 1:
        merged = linemerge(MultiLineString(lines))
        lines = list(getattr(merged, "geoms", [merged]))
    runs = []
    for part in lines:
        points = list(part.simplify(1e-6).coords)
        runs += [LineString(pair) for pair in pairwise(points)]
    return [run for run in runs if run.length >= least_m]


def shared_line(first: BaseGeometry, second: BaseGeometry) -> BaseGeometry:
    """Return what two outlines share, also where rounding has moved them a little apart.

    The first is to be the shorter one.
    """
    exact = first.intersection(second)
    return exact if exact.length > 0 else second.intersection(first.buffer(TOUCHING_M))


def across(run: LineString, towards: BaseGeometry | None) -> tuple[float, float]:
    """Return the unit vector across a run, pointing into ``towards`` where that is given."""
    (ax, ay), (bx, by) = run.coords[0], run.coords[-1]
    length = run.length
    nx, ny = -(by - ay) / length, (bx - ax) / length
    middle = run.interpolate(0.5, normalized=True)
    if towards is not None and not towards.buffer(1e-6).contains(
        Point(middle.x + 0.05 * nx, middle.y + 0.05 * ny)
    ):
        nx, ny = -nx, -ny
    return (nx, ny)
