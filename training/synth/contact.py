# SPDX-License-Identifier: AGPL-3.0-or-later
"""Many synthetic blueprints on one picture: ``python -m training.synth.contact FILE.png``."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from training.synth.blueprint import Spec, draw_blueprint
from training.synth.layouts import read_layouts

COLUMNS, ROWS = 6, 4
CELL_PX, GAP_PX = 300, 6
COLORS_RGB = ((214, 39, 40), (31, 119, 180), (44, 160, 44), (255, 127, 14), (148, 103, 189))


def draw_contact_sheet(seed: int, layouts: Path | None) -> np.ndarray:
    """Return 24 blueprints in rows of six, rooms framed in every second one.

    Returns:
        uint8 RGB.
    """
    known = read_layouts(layouts) if layouts else []
    step = CELL_PX + GAP_PX
    sheet = np.full((ROWS * step + GAP_PX, COLUMNS * step + GAP_PX, 3), 128, np.uint8)
    for i in range(ROWS * COLUMNS):
        blueprint = draw_blueprint(seed + i, Spec(long_side_px=2 * CELL_PX), known)
        page = np.ascontiguousarray(blueprint.page)
        if i % 2:
            for number, box in enumerate(blueprint.boxes_xyxy_px.round().astype(int).tolist()):
                cv2.rectangle(page, box[:2], box[2:], COLORS_RGB[number % len(COLORS_RGB)], 3)
        small = cv2.resize(page, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        h, w = small.shape[:2]
        y, x = GAP_PX + i // COLUMNS * step, GAP_PX + i % COLUMNS * step
        sheet[y : y + h, x : x + w] = small
    return sheet


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m training.synth.contact", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layouts", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    sheet = draw_contact_sheet(args.seed, args.layouts)
    cv2.imwrite(str(args.file), sheet[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
