# SPDX-License-Identifier: AGPL-3.0-or-later
"""Training pictures cut from a sheet as a pyramid of slices sees it.

A level is the whole sheet at some size; a tile is a piece of a level that is as large as the
network's input. Truth: a room is labeled in a tile by the box of its visible part, if at least half
of its floor is visible and the part is no line; else it is not labeled, as
:data:`training.loader.LEAST_VISIBLE` has it for crops. A corridor that is longer than two tiles is
therefore labeled in none of them, but on a level where it is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from shapely import STRtree
from shapely.geometry import box

from plans.degrade import degrade_randomly
from plans.degrade.pixels import as_page
from plans.synth.outlines import Outlines, corners_px, largest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from plans.synth.planview import RoomPx
    from plans.synth.sheet import Sheet

    PageU8 = npt.NDArray[np.uint8]
    Boxes = npt.NDArray[np.float32]

LEAST_VISIBLE = 0.5  # share of a room's floor that must lie in a tile
LEAST_SIDE_PX = 5.0
_LEVELS_PX = (640, 4480)  # longer side of the sheet
_SIDES_PX = (42.0, 260.0)  # what the median room of a level measures
_WHOLE_PX = (640, 960, 1280)  # levels that sheets are also seen at, for a first look
_LEAST_MEDIAN_PX = 14.0  # of the rooms there
_CLEAN = 0.6  # share of the tiles without damage
_TRIES = 4
_PAPER, _LEAST_INK = 200, 0.004  # gray from which on a pixel is paper; share of others
_ON_ROOMS = 0.8  # share of the tiles that are put around a room


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture and its rooms.

    Attributes:
        page: uint8 RGB, shape ``(height, width, 3)``, at most as large as was asked for.
        boxes_xyxy_px: float32, shape ``(n, 4)``, inside the page.
        outlines: The visible parts of the same rooms.
        level_px: Longer side of the sheet that it was cut from.
    """

    page: PageU8
    boxes_xyxy_px: Boxes
    outlines: Outlines
    level_px: int


def cut_tiles(sheet: Sheet, count: int, px: int, rng: np.random.Generator) -> list[Tile]:
    """Return tiles of a sheet, a fourth of them from the levels at which it is seen as a whole.

    Args:
        sheet: The sheet.
        count: Tiles.
        px: Longest side of a tile.
        rng: Chooses levels and places.
    """
    h, w = sheet.page.shape[:2]
    levels = [*draw_levels(sheet, max(1, count // 3), rng)]
    tiles = []
    pages: dict[int, PageU8] = {}
    whole = [level for level in _WHOLE_PX if level * _median_side(sheet) >= _LEAST_MEDIAN_PX]
    for i in range(count):
        level = levels[i % len(levels)]
        if i % 4 == 3:
            level = whole[int(rng.integers(len(whole)))] if whole else _WHOLE_PX[-1]
        level = min(level, max(h, w))
        factor = level / max(h, w)
        if level not in pages:
            wh_px = (max(1, round(w * factor)), max(1, round(h * factor)))
            pages[level] = as_page(cv2.resize(sheet.page, wh_px, interpolation=cv2.INTER_AREA))
        left, top = _inked_corner(pages[level], sheet.rooms, factor, px, rng)
        page = np.ascontiguousarray(pages[level][top : top + px, left : left + px])
        boxes, outlines = visible_rooms(sheet.rooms, factor, (left, top), page.shape)
        if rng.random() > _CLEAN:
            page = degrade_randomly(page, rng)
        tiles.append(Tile(page, boxes, outlines, level))
    return tiles


def draw_levels(sheet: Sheet, count: int, rng: np.random.Generator) -> list[int]:
    """Return sizes of the sheet at which its median room has a size that the network is to know."""
    longest = max(sheet.page.shape[:2])
    low, high = _LEVELS_PX[0], min(_LEVELS_PX[1], longest)
    if sheet.rooms:
        side = _median_side(sheet)
        low = int(np.clip(_SIDES_PX[0] / side, low, 0.8 * high))
        high = int(np.clip(_SIDES_PX[1] / side, 1.2 * low, high))
    return [round(float(np.exp(rng.uniform(np.log(low), np.log(high))))) for _ in range(count)]


def _median_side(sheet: Sheet) -> float:
    """Return the side of the median room as a share of the sheet's longer side; 1 without rooms."""
    if not sheet.rooms:
        return 1.0
    sides = np.sqrt([room.shape.area for room in sheet.rooms])
    return float(np.median(sides) / max(sheet.page.shape[:2]))


def _inked_corner(
    page: PageU8, rooms: Sequence[RoomPx], factor: float, px: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Return left and top of a tile that is not empty, if one of a few is not."""
    left, top = 0, 0
    for _ in range(_TRIES):
        left, top = _corner(page.shape, rooms, factor, px, rng)
        if (page[top : top + px : 2, left : left + px : 2, 0] < _PAPER).mean() > _LEAST_INK:
            break
    return left, top


def _corner(
    shape: tuple[int, ...],
    rooms: Sequence[RoomPx],
    factor: float,
    px: int,
    rng: np.random.Generator,
) -> tuple[int, int]:
    """Return left and top of a tile on a level."""
    room = max(shape[1] - px, 0), max(shape[0] - px, 0)
    if rooms and rng.random() < _ON_ROOMS:
        x0, y0, x1, y1 = rooms[int(rng.integers(len(rooms)))].shape.bounds
        x, y = rng.uniform(x0, x1) * factor, rng.uniform(y0, y1) * factor
        at = np.array([x, y]) - rng.uniform(0.1, 0.9, 2) * px
        left, top = at.clip(0, room).round().astype(int).tolist()
        return left, top
    return int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1))


def visible_rooms(
    rooms: Sequence[RoomPx],
    factor: float,
    corner_px: tuple[int, int],
    page_hw: tuple[int, ...],
) -> tuple[Boxes, Outlines]:
    """Return boxes and outlines of what is visible of rooms in a piece of a level.

    Args:
        rooms: In pixels of the sheet.
        factor: Size of the level as a share of the sheet's.
        corner_px: Left and top of the piece on the level.
        page_hw: Height and width of the piece.

    Returns:
        float32, shape ``(n, 4)``, corners in pixels of the piece, and the outlines in the same.
    """
    left, top = corner_px
    frame = box(left, top, left + page_hw[1], top + page_hw[0])
    window = box(*(v / factor for v in frame.bounds))
    tree = STRtree([room.shape for room in rooms])
    boxes: list[npt.NDArray[np.float64]] = []
    outlines: list[npt.NDArray[np.float64]] = []
    for i in sorted(tree.query(window, predicate="intersects").tolist()):
        shape = rooms[i].shape
        part = shape.intersection(window)
        if part.area < LEAST_VISIBLE * shape.area:
            continue
        corners = np.array(part.bounds) * factor - [left, top, left, top]
        if min(corners[2] - corners[0], corners[3] - corners[1]) >= LEAST_SIDE_PX:
            boxes.append(corners)
            outlines.append(corners_px(largest(part, box(*part.bounds))) * factor - corner_px)
    h, w = page_hw[:2]
    inside = np.array(boxes, np.float32).reshape(-1, 4).clip(0, [w, h, w, h]).astype(np.float32)
    return inside, Outlines(tuple(outlines))
