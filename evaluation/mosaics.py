# SPDX-License-Identifier: AGPL-3.0-or-later
"""Large sheets with known rooms: several plans on one, our own or those of a plan set."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from plans.plan_sets import Sample, evenly_thinned
from plans.sample.draw import pdf_to_image, plan_to_pdf
from plans.sample.plan import PLAN_BUILDERS, room_boxes_xyxy_norm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roomdet.geometry import Boxes

A3_150_DPI_PX = 2480  # longer side of a plan that has a sheet of its own, or a quarter of one


@dataclass(frozen=True, slots=True)
class KnownPlan:
    """A picture and its rooms.

    Attributes:
        data: The file.
        size_wh_px: Its size.
        rooms_xyxy_norm: float32, shape ``(n, 4)``, corners as fractions of the picture.
    """

    data: bytes
    size_wh_px: tuple[int, int]
    rooms_xyxy_norm: Boxes

    @classmethod
    def read(cls, picture: Sample) -> KnownPlan:
        """Read a picture of a plan set."""
        with Image.open(picture.path) as opened:
            size_wh_px = opened.size
        return cls(picture.path.read_bytes(), size_wh_px, picture.boxes_xyxyn)


def own_sheets(plans_a_side: int) -> list[KnownPlan]:
    """Sheets of ``plans_a_side`` by as many of our own plans; three that begin with each in turn.

    Every second plan is mirrored, so that they are not all the same.
    """
    cell_px = A3_150_DPI_PX * 2 // max(2, plans_a_side)
    drawn: list[tuple[Image.Image, Boxes]] = []
    for build in PLAN_BUILDERS:
        picture = pdf_to_image(plan_to_pdf(build()), cell_px)
        boxes = np.array(room_boxes_xyxy_norm(build()), np.float32)
        drawn += [(picture, boxes), (ImageOps.mirror(picture), mirrored(boxes))]
    count = plans_a_side**2
    return [
        compose([drawn[(2 * (start + i) + i % 2) % len(drawn)] for i in range(count)], plans_a_side)
        for start in range(len(PLAN_BUILDERS))
    ]


def mosaics(plans: Sequence[KnownPlan], plans_a_side: int) -> list[KnownPlan]:
    """Sheets of a set's plans side by side, at their own size; what fills no sheet is left out."""
    count = plans_a_side**2
    sheets = []
    for start in range(0, len(plans) - count + 1, count):
        chosen = plans[start : start + count]
        pictures = [Image.open(io.BytesIO(plan.data)).convert("RGB") for plan in chosen]
        boxes = [plan.rooms_xyxy_norm for plan in chosen]
        sheets.append(compose(list(zip(pictures, boxes, strict=True)), plans_a_side))
    return sheets


def write_mosaics(
    pictures: Sequence[Sample], plans_a_sheet: int, folder: Path, at_most: int | None
) -> list[Sample]:
    """Write sheets of a set's plans as PNG, plans side by side in the order of the set.

    Args:
        pictures: The plans.
        plans_a_sheet: A square number; what fills no sheet is left out.
        folder: Is made.
        at_most: Only so many sheets, spread over all.

    Returns:
        The sheets; none if there are too few plans for one.
    """
    starts = range(0, len(pictures) - plans_a_sheet + 1, plans_a_sheet)
    folder.mkdir(parents=True)
    written = []
    for start in evenly_thinned(starts, at_most or len(pictures)):
        plans = [KnownPlan.read(one) for one in pictures[start : start + plans_a_sheet]]
        (sheet,) = mosaics(plans, math.isqrt(plans_a_sheet))
        path = folder / f"{start:04d}-{pictures[start].path.stem}.png"
        path.write_bytes(sheet.data)
        written.append(Sample.of_corners(path, sheet.rooms_xyxy_norm, sheet.size_wh_px[::-1]))
    return written


def compose(plans: Sequence[tuple[Image.Image, Boxes]], plans_a_side: int) -> KnownPlan:
    """Lay plans on a white sheet, row by row, each in the middle of its cell.

    Args:
        plans: Pictures with their rooms as fractions, ``plans_a_side`` squared.
        plans_a_side: Rows and columns.

    Returns:
        A PNG and all rooms as its fractions.
    """
    width = max(picture.width for picture, _ in plans)
    height = max(picture.height for picture, _ in plans)
    sheet_wh = (width * plans_a_side, height * plans_a_side)
    sheet = Image.new(plans[0][0].mode, sheet_wh, "white")
    rooms = []
    for place, (picture, boxes) in enumerate(plans):
        left = place % plans_a_side * width + (width - picture.width) // 2
        top = place // plans_a_side * height + (height - picture.height) // 2
        sheet.paste(picture, (left, top))
        rooms.append((boxes * (picture.size * 2) + [left, top] * 2) / (sheet_wh * 2))
    file = io.BytesIO()
    sheet.save(file, "PNG", compress_level=1)
    return KnownPlan(file.getvalue(), sheet_wh, np.concatenate(rooms).astype(np.float32))


def mirrored(boxes_xyxyn: Boxes) -> Boxes:
    """Boxes of a picture mirrored left to right, in fractions."""
    x0, y0, x1, y1 = boxes_xyxyn.T
    boxes: Boxes = np.stack([1 - x1, y0, 1 - x0, y1], axis=1)
    return boxes
