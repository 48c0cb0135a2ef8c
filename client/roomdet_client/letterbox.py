# SPDX-License-Identifier: AGPL-3.0-or-later
"""Boxes of a plan that was sent in a square with margins, as clients for older servers do.

The detector makes its own margins, so that nobody has to; but a square is a picture like any
other, and its boxes are thousandths of the square.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from roomdet_client.sheet import GRID

if TYPE_CHECKING:
    from roomdet_client.answers import Detection, Room
    from roomdet_client.sheet import Ring

Anchor = Literal["center", "top-left"]


def unletterbox(
    detection: Detection, original_wh: tuple[float, float], *, anchor: Anchor = "center"
) -> Detection:
    """The answer to a letterboxed square, with boxes in thousandths of the original plan.

    Args:
        detection: Answer to a square that holds the whole plan, as large as it fits.
        original_wh: Width and height of the plan before it was put into the square; only their
            ratio matters.
        anchor: Where the plan lies in the square.

    Returns:
        Boxes cut to the plan; rooms that lie in the margins are left out, and the ids count anew.

    Raises:
        ValueError: If width or height is not positive.
    """
    width, height = original_wh
    if not (width > 0 and height > 0):
        raise ValueError(f"width and height must be positive; got {width} x {height}")
    used = (width / max(width, height), height / max(width, height))
    offsets = [(1 - share) / 2 if anchor == "center" else 0.0 for share in used]
    moved = [(room, _moved(room, offsets, used)) for room in detection.rooms]
    kept = [(room, box) for room, box in moved if box[0] < box[2] and box[1] < box[3]]
    rooms = tuple(
        replace(
            room,
            id=f"room_{number:03d}",
            box_xyxy_grid=box,
            polygon_grid=room.polygon_grid and _moved_ring(room.polygon_grid, offsets, used),
            sheet=None,
        )
        for number, (room, box) in enumerate(kept, start=1)
    )
    return replace(detection, rooms=rooms, sheet=None, plan=None)


def _moved(
    room: Room, offsets: list[float], used: tuple[float, float]
) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (
        round(_on_plan(value, offsets[axis % 2], used[axis % 2]))
        for axis, value in enumerate(room.box_xyxy_grid)
    )
    return (x0, y0, x1, y1)


def _moved_ring(ring_grid: Ring, offsets: list[float], used: tuple[float, float]) -> Ring:
    return tuple(
        (round(_on_plan(x, offsets[0], used[0]), 1), round(_on_plan(y, offsets[1], used[1]), 1))
        for x, y in ring_grid
    )


def _on_plan(value: float, offset: float, share: float) -> float:
    """A thousandth of the square in thousandths of the plan, which it is cut to."""
    return min(max((value - GRID * offset) / share, 0), GRID)
