# SPDX-License-Identifier: AGPL-3.0-or-later
"""What surrounds a plan on the sheet: dimensions, marks, scale bar, frame, title block."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from plans.sample.elements import Side
from plans.sample.plan import FRAME_XYXY_MM, PAGE_WH_MM

if TYPE_CHECKING:
    from plans.sample.elements import DimensionChain, Plan
    from plans.sample.pen import Pen, Point
    from plans.sample.plan import Placement

CHAIN_GAP_MM = 9.0  # from the wall to the first chain
CHAIN_STEP_MM = 7.0  # between chains
FIGURE_MM = 2.0  # text height of dimensions
TICK_MM = 1.1
TITLE_W_MM = 150.0
ROW_MM = 8.0


def dimension_text(length_m: float) -> str:
    """Return a dimension as drawings print it: meters, or whole centimeters below one meter.

    Source:
        DIN 1356-1: building drawings give meters from 1 m up and centimeters below.
    """
    return f"{length_m:.2f}" if length_m >= 0.995 else f"{length_m * 100:.0f}"


def draw_chain(pen: Pen, plan: Plan, placement: Placement, chain: DimensionChain) -> None:
    """Draw one dimension chain outside the building; the pen works in millimeters."""
    k = placement.mm_per_m
    offset = CHAIN_GAP_MM + CHAIN_STEP_MM * chain.row
    far_x, far_y = k * plan.outline.width_m, k * plan.outline.depth_m
    # Local axes: u along the chain, v away from the reader's bottom of the figures.
    origin, u, v, stops = {
        Side.N: ((0.0, -offset), (1, 0), (0, 1), chain.stops_m),
        Side.S: ((0.0, far_y + offset), (1, 0), (0, 1), chain.stops_m),
        Side.W: ((-offset, far_y), (0, -1), (1, 0), _reversed(plan, chain)),
        Side.E: ((far_x + offset, far_y), (0, -1), (1, 0), _reversed(plan, chain)),
    }[chain.side]
    toward_wall = -1 if chain.side in (Side.S, Side.E) else 1
    at = (placement.x_mm + origin[0], placement.y_mm + origin[1])
    with pen.frame(at, u, v):
        _chain_lines(pen, [k * stop_m for stop_m in stops], toward_wall)
        for start_m, end_m in pairwise(stops):
            _figure(pen, (k * start_m, k * end_m), dimension_text(end_m - start_m), toward_wall)


def _reversed(plan: Plan, chain: DimensionChain) -> tuple[float, ...]:
    """Return the stops of an upright chain, counted from the bottom."""
    return tuple(plan.outline.y1_m - stop_m for stop_m in reversed(chain.stops_m))


def _chain_lines(pen: Pen, stops_mm: list[float], toward_wall: int) -> None:
    pen.gray(0)
    pen.width(0.13)
    pen.line((stops_mm[0] - 2, 0), (stops_mm[-1] + 2, 0))
    for stop_mm in stops_mm:
        pen.line((stop_mm, -1.5 * toward_wall), (stop_mm, 3.5 * toward_wall))
    pen.width(0.35)
    for stop_mm in stops_mm:
        pen.line((stop_mm - TICK_MM, TICK_MM), (stop_mm + TICK_MM, -TICK_MM))


def _figure(pen: Pen, span_mm: Point, words: str, toward_wall: int) -> None:
    """Write a dimension above its line; one too wide for its place moves off the lines."""
    start_mm, end_mm = span_mm
    is_narrow = end_mm - start_mm < 0.556 * FIGURE_MM * len(words) + 2.4
    aside_mm = -1.9 if toward_wall > 0 else 1.9 + 0.72 * FIGURE_MM
    pen.text(((start_mm + end_mm) / 2, aside_mm if is_narrow else -0.9), words, FIGURE_MM)


def draw_section_mark(pen: Pen, plan: Plan, placement: Placement, letter: str = "A") -> None:
    """Draw where the section cuts: a mark above and below, looking to the right."""
    x_mm = placement.x_mm + placement.mm_per_m * plan.section_x_m
    top_mm = placement.y_mm - CHAIN_GAP_MM - CHAIN_STEP_MM - 5
    bottom_mm = placement.y_mm + placement.mm_per_m * plan.outline.depth_m
    bottom_mm += CHAIN_GAP_MM + CHAIN_STEP_MM + 2
    for y_mm, text_y_mm in ((top_mm, top_mm + 0.9), (bottom_mm, bottom_mm + 4.6)):
        pen.width(0.6)
        pen.gray(0)
        pen.line((x_mm, y_mm), (x_mm, y_mm + 4))
        center_mm = y_mm if y_mm == top_mm else y_mm + 4
        pen.width(0.2)
        pen.polygon(
            (x_mm, center_mm - 1.4), (x_mm + 2.6, center_mm), (x_mm, center_mm + 1.4), fill=0
        )
        pen.text((x_mm - 1.4, text_y_mm), letter, 3.2, bold=True, anchor="end")


def draw_frame(pen: Pen) -> None:
    """Draw the border of the sheet and its four centering marks."""
    x0, y0, x1, y1 = FRAME_XYXY_MM
    pen.gray(0)
    pen.width(0.6)
    pen.box(x0, y0, x1 - x0, y1 - y0)
    page_w, page_h = PAGE_WH_MM
    middle_x, middle_y = page_w / 2, page_h / 2
    pen.width(0.35)
    pen.line((middle_x, y0 - 5), (middle_x, y0))
    pen.line((middle_x, y1), (middle_x, y1 + 5))
    pen.line((x0 - 5, middle_y), (x0, middle_y))
    pen.line((x1, middle_y), (x1 + 5, middle_y))


def draw_title_block(pen: Pen, plan: Plan, placement: Placement) -> None:
    """Draw the table in the lower right corner."""
    _, _, right, bottom = FRAME_XYXY_MM
    left, top = right - TITLE_W_MM, bottom - 3 * ROW_MM
    pen.gray(0)
    pen.width(0.5)
    pen.line((left, bottom), (left, top), (right, top))
    pen.width(0.18)
    for row in (1, 2):
        pen.line((left, top + row * ROW_MM), (right, top + row * ROW_MM))
    floor_m2 = sum(room.area_m2 for room in plan.rooms)
    rows = (
        (("PROJECT", plan.title.project, 0.0), ("SHEET", plan.title.sheet, 110.0)),
        (("DRAWING", plan.title.drawing, 0.0), ("SCALE (A3)", f"1:{placement.scale}", 110.0)),
        (
            ("NOTE", "Example drawing, not for construction", 0.0),
            ("NET AREA", f"{floor_m2:.2f} m²", 72.0),
            ("DATE", plan.title.date, 110.0),
        ),
    )
    for index, cells in enumerate(rows):
        for caption, words, x in cells:
            _cell(pen, (left + x, top + index * ROW_MM), caption, words, is_divided=x > 0)


def _cell(pen: Pen, at: Point, caption: str, words: str, *, is_divided: bool) -> None:
    """Write one cell of the title block, with a line on its left unless it comes first."""
    x, y = at
    if is_divided:
        pen.line((x, y), (x, y + ROW_MM))
    pen.text((x + 2, y + 2.6), caption, 1.7, anchor="start")
    pen.text((x + 2, y + 6.6), words, 3.2, bold=True, anchor="start")


def draw_scale_bar(pen: Pen, placement: Placement) -> None:
    """Draw five parts of one meter (of two meters beyond 1:50) in the lower left corner."""
    x0, _, _, y1 = FRAME_XYXY_MM
    step_m = 1 if placement.scale <= 50 else 2
    part = placement.mm_per_m * step_m
    x, y = x0 + 34, y1 - 13
    pen.gray(0)
    pen.width(0.2)
    for i in range(5):
        pen.box(x + i * part, y, part, 1.6, fill=0 if i % 2 == 0 else 1)
    for i in range(6):
        pen.text((x + i * part, y - 1.4), str(i * step_m), 2.2)
    pen.text((x + 5 * part + 2.5, y - 1.4), "m", 2.2, anchor="start")
    pen.text((x, y + 5.2), f"Scale 1:{placement.scale}", 2.4, anchor="start")


def draw_north_arrow(pen: Pen) -> None:
    """Draw a circle with a needle that points up the sheet."""
    x0, _, _, y1 = FRAME_XYXY_MM
    x, y, r = x0 + 15.0, y1 - 12.0, 7.0
    pen.gray(0)
    pen.width(0.25)
    pen.oval(x, y, r, r)
    pen.polygon((x, y - r), (x - 2.6, y + r * 0.72), (x, y + r * 0.4), fill=0)
    pen.polygon((x, y - r), (x + 2.6, y + r * 0.72), (x, y + r * 0.4), fill=1)
    pen.text((x, y - r - 1.4), "N", 3.4, bold=True)
