# SPDX-License-Identifier: AGPL-3.0-or-later
"""A plan as a one-page vector PDF, and that page as pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pypdfium2
from reportlab.lib import units
from reportlab.pdfgen.canvas import Canvas

from plans.sample.elements import Side
from plans.sample.furniture import draw_fixture
from plans.sample.layout import cut_wall
from plans.sample.pen import Pen, page_pen
from plans.sample.plan import PAGE_WH_MM, place
from plans.sample.sheet import (
    draw_chain,
    draw_frame,
    draw_north_arrow,
    draw_scale_bar,
    draw_section_mark,
    draw_title_block,
)

if TYPE_CHECKING:
    from PIL import Image

    from plans.sample.elements import Box, Door, Plan, Room
    from plans.sample.plan import Placement

NAME_MM = 2.9  # text height of room names
AREA_MM = 2.4  # text height of areas
LEAF_M = 0.04  # thickness of a door leaf
OUTER_WALL_M = 0.30  # from here on a wall is an outer one and its doors have a threshold


def plan_to_pdf(plan: Plan) -> bytes:
    """Return the plan as a one-page PDF, A3 landscape; equal plans give equal bytes."""
    placement = place(plan)
    page_w_mm, page_h_mm = PAGE_WH_MM
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(page_w_mm * units.mm, page_h_mm * units.mm), invariant=1)
    canvas.setTitle(f"{plan.title.project}: {plan.title.drawing}")
    sheet_pen = page_pen(canvas, page_h_mm)
    _draw_building(sheet_pen, plan, placement)
    for chain in plan.chains:
        draw_chain(sheet_pen, plan, placement, chain)
    draw_section_mark(sheet_pen, plan, placement)
    draw_frame(sheet_pen)
    draw_title_block(sheet_pen, plan, placement)
    draw_scale_bar(sheet_pen, placement)
    draw_north_arrow(sheet_pen)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def pdf_to_image(pdf: bytes, long_side_px: int) -> Image.Image:
    """Return the first page as an 8-bit gray image whose longer side is ``long_side_px``."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        page = document[0]
        scale = long_side_px / max(page.get_size())
        image: Image.Image = page.render(scale=scale, grayscale=True).to_pil()
        return image.convert("L")
    finally:
        document.close()


def _draw_building(sheet_pen: Pen, plan: Plan, placement: Placement) -> None:
    """Draw everything that is built or stands in the rooms, in plan meters."""
    k = placement.mm_per_m
    with sheet_pen.frame((placement.x_mm, placement.y_mm), (k, 0), (0, k)):
        pen = Pen(sheet_pen.canvas, 1 / k)
        for fixture in plan.fixtures:
            draw_fixture(pen, fixture)
        for wall in plan.walls:
            for piece in cut_wall(wall, plan.openings):
                pen.solid(piece.x0_m, piece.y0_m, piece.width_m, piece.depth_m)
        for window in plan.windows:
            _draw_window(pen, window)
        for door in plan.doors:
            _draw_door(pen, door)
        for room in plan.rooms:
            _draw_label(pen, room)


def _draw_window(pen: Pen, window: Box) -> None:
    """Draw both sills and, between them, the two lines of the glass."""
    runs_x = window.width_m > window.depth_m
    length, depth = window.width_m, window.depth_m
    origin, u, v = (window.x0_m, window.y0_m), (1, 0), (0, 1)
    if not runs_x:
        length, depth = depth, length
        u, v = v, u
    with pen.frame(origin, u, v):
        pen.gray(0)
        pen.width(0.25)
        pen.box(0, 0, length, depth, fill=1)
        pen.box(0, depth / 2 - 0.04, length, 0.08)


def _draw_door(pen: Pen, door: Door) -> None:
    """Draw the leaf, fully open, and the quarter circle it sweeps."""
    if door.is_entrance and door.into:
        _draw_entrance_mark(pen, door.box, door.into)
    box = door.box
    if min(box.width_m, box.depth_m) >= OUTER_WALL_M:
        pen.gray(0)
        pen.width(0.15)
        pen.box(box.x0_m, box.y0_m, box.width_m, box.depth_m)
    swing = door.swing_box
    if not (swing and door.hinge and door.into):
        return
    # The hinge is the corner of the swept square nearest the wall, on the hinge's side.
    at_x = swing.x0_m if Side.W in (door.hinge, _opposite(door.into)) else swing.x1_m
    at_y = swing.y0_m if Side.N in (door.hinge, _opposite(door.into)) else swing.y1_m
    along, width_m = _opposite(door.hinge).vector, door.width_m
    with pen.frame((at_x, at_y), along, door.into.vector):
        pen.gray(0)
        pen.width(0.15)
        pen.arc(0, 0, width_m, 0, 90)
        pen.width(0.25)
        pen.box(0, 0, LEAF_M, width_m, fill=1)


def _draw_entrance_mark(pen: Pen, hole: Box, into: Side) -> None:
    """Draw a small solid triangle outside the door, pointing in."""
    x_m, y_m = hole.center_m
    in_x, in_y = into.vector
    mm = pen.units_per_mm
    back_m = min(hole.width_m, hole.depth_m) / 2 + 0.8 * mm
    tip = (x_m - in_x * back_m, y_m - in_y * back_m)
    with pen.frame(tip, (in_y, -in_x), (-in_x, -in_y)):
        pen.gray(0)
        pen.width(0.1)
        pen.polygon((0, 0), (2 * mm, 3.6 * mm), (-2 * mm, 3.6 * mm), fill=0)


def _draw_label(pen: Pen, room: Room) -> None:
    """Write the room's name and, below it, its area."""
    x_m, y_m = room.label_center_m
    mm = pen.units_per_mm
    pen.text((x_m, y_m - 0.4 * mm), room.name, NAME_MM, bold=True)
    pen.text((x_m, y_m + (AREA_MM + 0.8) * mm), room.area_text, AREA_MM)


def _opposite(side: Side) -> Side:
    return {Side.N: Side.S, Side.S: Side.N, Side.E: Side.W, Side.W: Side.E}[side]
