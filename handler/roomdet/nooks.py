# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rooms that lie in a corner of another: what is found of them is taken out of the larger one.

A room around a bathroom or a closet fills its box but for these, and a mask that is not sure of
their walls takes them in. They were found as rooms of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from roomdet.contours import are_inside, signed_area

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet.geometry import Boxes

    Mask = npt.NDArray[np.float32]

Points: TypeAlias = npt.NDArray[np.float64]

_SAMPLES = 9  # a side, of a room's box, at which it is asked where they lie
_INSIDE = 0.6  # of a room's samples that lie in a larger one, for it to be a nook of that
_LARGEST = 0.7  # of the larger one's area; what is larger is the same room, found twice
_WALL = 0.05  # thickness of a nook's walls, of its side (the root of its area)
_LEAST_WALL_PX = 3.0
_POINTS_A_SIDE, _OFFSETS = 24, 9  # at which it is asked for ink, across a nook's side
_PAPER = 200  # what is as light is paper
_LEAST_INKED = 0.65  # of a nook's sides within the larger room; the rest are doors


def nooks_of(polygons: Sequence[Points | None], boxes_xyxy: Boxes | Points) -> list[list[Points]]:
    """Return, for each room, the polygons of smaller rooms whose floor its own takes in.

    Args:
        polygons: Of each room, shape ``(k, 2)``; none where there is none.
        boxes_xyxy: Shape ``(n, 4)``, in the same unit.
    """
    boxes = np.asarray(boxes_xyxy, np.float64)
    known = {i: polygon for i, polygon in enumerate(polygons) if polygon is not None}
    samples = {i: _samples(polygon, boxes[i]) for i, polygon in known.items()}
    sizes = np.array([_area(known[i]) if i in known else np.inf for i in range(len(polygons))])
    result: list[list[Points]] = [[] for _ in polygons]
    for i, polygon in known.items():
        touches = (boxes[i, :2] < boxes[:, 2:]) & (boxes[:, :2] < boxes[i, 2:])
        is_smaller = sizes <= _LARGEST * sizes[i]
        for j in np.flatnonzero(touches.all(axis=1) & is_smaller).tolist():
            if len(samples[j]) and are_inside(polygon, samples[j]).mean() >= _INSIDE:
                result[i].append(known[j])
    return result


def has_walls(nook_px: Points, room_px: Points, page: npt.NDArray[np.uint8]) -> bool:
    """Return whether ink parts a nook from its room: where none does it is no room of its own.

    Args:
        nook_px: Its polygon, in pixels of the page.
        room_px: That of the room around it.
        page: uint8 gray, shape ``(height, width)``.
    """
    wall = max(_WALL * _area(nook_px) ** 0.5, _LEAST_WALL_PX)
    sides = np.roll(nook_px, -1, axis=0) - nook_px
    lengths = np.hypot(*sides.T)
    kept = lengths > 2 * wall
    share = (np.arange(_POINTS_A_SIDE) + 0.5) / _POINTS_A_SIDE
    points = nook_px[kept, None] + share[:, None] * sides[kept, None]
    across = (sides[kept] / lengths[kept, None])[:, ::-1] * (1, -1)
    offsets = np.linspace(-wall, wall, _OFFSETS)
    places = points[:, :, None] + offsets[:, None] * across[:, None, None]
    is_inner = (are_inside(room_px, flat := points.reshape(-1, 2))) & (
        _distance(room_px, flat) > 2 * wall
    )
    x, y = places.reshape(-1, _OFFSETS, 2)[is_inner].astype(np.intp).transpose(2, 0, 1)
    if not len(x):
        return False
    height, width = page.shape
    ink = page[y.clip(0, height - 1), x.clip(0, width - 1)].min(axis=1)
    return float((ink < _PAPER).mean()) >= _LEAST_INKED


def without(mask: Mask, polygons: Sequence[Points]) -> Mask:
    """Return a mask without rooms, and without walls around them.

    Args:
        mask: float32, shape ``(height, width)``, 0 to 1.
        polygons: Of the rooms, in pixels of the mask, where the first one runs from 0 to 1.
    """
    height, width = mask.shape
    centers = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    result = mask.copy()
    for polygon in polygons:
        wall = _WALL * _area(polygon) ** 0.5
        low, high = polygon.min(axis=0) - wall, polygon.max(axis=0) + wall
        (x0, y0), (x1, y1) = low.astype(int).clip(0), np.ceil(high).astype(int).clip(0)
        part = centers[y0:y1, x0:x1]
        flat = part.reshape(-1, 2)
        taken = are_inside(polygon, flat) | (_distance(polygon, flat) < wall)
        result[y0:y1, x0:x1][taken.reshape(part.shape[:2])] = 0.0
    return result


def _samples(polygon: Points, box_xyxy: Points) -> Points:
    """Return points of a room, evenly spaced."""
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    points: Points = box_xyxy[:2] + grid * (box_xyxy[2:] - box_xyxy[:2])
    return points[are_inside(polygon, points)]


def _area(polygon: Points) -> float:
    return abs(signed_area(polygon))


def _distance(polygon: Points, points: Points) -> Points:
    """How far points are from the sides of a polygon."""
    a = polygon
    sides = np.roll(polygon, -1, axis=0) - a
    from_a = points[:, None] - a
    along = (from_a * sides).sum(axis=2) / np.maximum((sides**2).sum(axis=1), 1e-12)
    nearest = from_a - along.clip(0, 1)[:, :, None] * sides
    distance: Points = np.sqrt((nearest**2).sum(axis=2)).min(axis=1)
    return distance
