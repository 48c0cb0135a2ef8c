# SPDX-License-Identifier: AGPL-3.0-or-later
"""Many synthetic blueprints on one picture: ``python -m plans.synth.contact FILE.png``.

With ``--kind sheets``: six whole sheets, then twelve tiles that are cut from others.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from plans.synth.blueprint import Spec, draw_blueprint
from plans.synth.layouts import read_layouts
from plans.synth.measured import read_large_layouts
from plans.synth.sheet import SheetSpec, draw_sheet
from plans.synth.tiles import cut_tiles, visible_rooms

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    PageU8 = npt.NDArray[np.uint8]

COLUMNS, ROWS = 6, 4
CELL_PX, GAP_PX = 300, 6
COLORS = 64  # of the picture, which keeps it small
WIDE = 3  # whole sheets in a row
COLORS_RGB = ((214, 39, 40), (31, 119, 180), (44, 160, 44), (255, 127, 14), (148, 103, 189))


def draw_contact_sheet(seed: int, layouts: Sequence[dict[str, Any]]) -> PageU8:
    """Return 24 blueprints in rows of six, rooms framed in every second one.

    Returns:
        uint8 RGB.
    """
    cells = []
    for i in range(ROWS * COLUMNS):
        blueprint = draw_blueprint(seed + i, Spec(long_side_px=2 * CELL_PX), layouts)
        boxes = blueprint.boxes_xyxy_px[: None if i % 2 else 0]
        cells.append(_cell(blueprint.page, boxes, CELL_PX))
    return _in_rows(cells, COLUMNS, CELL_PX)


def draw_sheets_contact(seed: int, layouts: Sequence[dict[str, Any]]) -> PageU8:
    """Return six whole sheets and twelve tiles of others, rooms framed in every second one.

    Returns:
        uint8 RGB.
    """
    wide_px = (COLUMNS * (CELL_PX + GAP_PX) + GAP_PX) // WIDE - 2 * GAP_PX
    sheets, tiles = [], []
    for i in range(2 * WIDE):
        sheet = draw_sheet(seed + i, SheetSpec(2 * wide_px), layouts)
        boxes, _ = visible_rooms(sheet.rooms, 1.0, (0, 0), sheet.page.shape)
        sheets.append(_cell(sheet.page, boxes[: None if i % 2 else 0], wide_px))
        sheet = draw_sheet(seed + 100 + i, SheetSpec(), layouts)
        rng = np.random.default_rng(seed + i)
        for k, tile in enumerate(cut_tiles(sheet, 2, 2 * CELL_PX, rng)):
            tiles.append(_cell(tile.page, tile.boxes_xyxy_px[: None if k else 0], CELL_PX))
    upper, lower = _in_rows(sheets, WIDE, wide_px), _in_rows(tiles, COLUMNS, CELL_PX)
    width = max(upper.shape[1], lower.shape[1])
    parts = [
        np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=128)
        for part in (upper, lower)
    ]
    return np.concatenate(parts)


def _cell(page: PageU8, boxes: npt.NDArray[np.float32], px: int) -> PageU8:
    """Return a page with frames around its rooms, its longer side reduced to ``px``."""
    framed = np.ascontiguousarray(page)
    for number, box in enumerate(boxes.tolist()):
        x0, y0, x1, y1 = map(round, box)
        color = COLORS_RGB[number % len(COLORS_RGB)]
        cv2.rectangle(framed, (x0, y0), (x1, y1), color, 3)
    factor = px / max(page.shape[:2])
    small: PageU8 = cv2.resize(framed, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return small


def _in_rows(cells: Sequence[PageU8], columns: int, px: int) -> PageU8:
    """Return pictures in rows, each as high as its highest."""
    rows = []
    for i in range(0, len(cells), columns):
        row = cells[i : i + columns]
        height = max(cell.shape[0] for cell in row) + GAP_PX
        strip = np.full((height, columns * (px + GAP_PX) + GAP_PX, 3), 128, np.uint8)
        for k, cell in enumerate(row):
            x = GAP_PX + k * (px + GAP_PX)
            strip[GAP_PX : GAP_PX + cell.shape[0], x : x + cell.shape[1]] = cell
        rows.append(strip)
    return np.concatenate(rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m plans.synth.contact", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--kind", default="plans", choices=("plans", "sheets"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layouts", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    cv2.setNumThreads(1)
    if args.kind == "plans":
        known = [row for path in args.layouts for row in read_layouts(path)]
        sheet = draw_contact_sheet(args.seed, known)
    else:
        known = [row for path in args.layouts for row in read_large_layouts(path)]
        sheet = draw_sheets_contact(args.seed, known)
    few_colors = Image.fromarray(sheet).quantize(COLORS, dither=Image.Dither.NONE)
    few_colors.save(args.file, optimize=True)


if __name__ == "__main__":
    main()
