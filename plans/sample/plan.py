# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plans this project draws, and where their rooms lie on the sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plans.sample.elements import Plan
from plans.sample.family_house import family_house
from plans.sample.office_floor import office_floor
from plans.sample.two_room_flat import two_room_flat

if TYPE_CHECKING:
    from plans.sample.elements import Box

__all__ = [
    "PAGE_WH_MM",
    "PLAN_BUILDERS",
    "Placement",
    "Plan",
    "family_house",
    "office_floor",
    "place",
    "room_boxes_xyxy_norm",
    "two_room_flat",
]

PLAN_BUILDERS = (family_house, two_room_flat, office_floor)

PAGE_WH_MM = (420.0, 297.0)  # ISO 216, A3 landscape
FRAME_XYXY_MM = (20.0, 10.0, 410.0, 287.0)  # ISO 5457: 20 mm filing margin, 10 mm elsewhere
TITLE_STRIP_MM = 34.0  # lowest part of the frame: scale bar, north arrow, title block
CHAIN_MARGIN_MM = 24.0  # room for two dimension chains on each side of the building
SCALES = (50, 100, 200)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a building lies on the sheet.

    ``scale`` 50 means 1:50. The origin is the building's outer top left corner in
    millimeters from the sheet's top left corner.
    """

    scale: int
    x_mm: float
    y_mm: float

    @property
    def mm_per_m(self) -> float:
        """Millimeters on paper for one meter of building."""
        return 1000 / self.scale

    def box_to_xyxy_norm(self, box: Box) -> tuple[float, float, float, float]:
        """Map a plan box to fractions of the page, origin top left, in [0, 1]."""
        page_w_mm, page_h_mm = PAGE_WH_MM
        k = self.mm_per_m
        return (
            (self.x_mm + k * box.x0_m) / page_w_mm,
            (self.y_mm + k * box.y0_m) / page_h_mm,
            (self.x_mm + k * box.x1_m) / page_w_mm,
            (self.y_mm + k * box.y1_m) / page_h_mm,
        )


def place(plan: Plan) -> Placement:
    """Return the largest usual scale at which the plan fits, centered above the title strip.

    Raises:
        ValueError: If the building does not fit an A3 sheet at 1:200.
    """
    x0_mm, y0_mm, x1_mm, y1_mm = FRAME_XYXY_MM
    width_mm, height_mm = x1_mm - x0_mm, y1_mm - y0_mm - TITLE_STRIP_MM
    for scale in SCALES:
        plan_w_mm = plan.outline.width_m * 1000 / scale
        plan_h_mm = plan.outline.depth_m * 1000 / scale
        if plan_w_mm <= width_mm - 2 * CHAIN_MARGIN_MM and (
            plan_h_mm <= height_mm - 2 * CHAIN_MARGIN_MM
        ):
            return Placement(
                scale, x0_mm + (width_mm - plan_w_mm) / 2, y0_mm + (height_mm - plan_h_mm) / 2
            )
    msg = f"{plan.name} is larger than an A3 sheet holds at 1:{SCALES[-1]}"
    raise ValueError(msg)


def room_boxes_xyxy_norm(plan: Plan) -> tuple[tuple[float, float, float, float], ...]:
    """Return the true room boxes ``x0, y0, x1, y1`` as fractions of the page.

    The order is the plan's order of rooms; the origin is the page's top left corner.
    """
    placement = place(plan)
    return tuple(placement.box_to_xyxy_norm(room.box) for room in plan.rooms)
