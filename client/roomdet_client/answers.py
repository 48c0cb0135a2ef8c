# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answers as values, whichever part of the server wrote them. Standard library only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from roomdet_client.errors import NoAnswerForm, RequestRefused, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomdet_client.pages import Plan
    from roomdet_client.sheet import Box, Sheet

_CORNERS = 4
_ROOM_KEYS = {"id", "bounding_box", "confidence"}
_SHOWN_ROOMS = 20  # rows of a notebook's table


@dataclass(frozen=True)
class Room:
    """One room of an answer.

    Attributes:
        id: Such as ``room_001``; it names a room within its answer only.
        box_xyxy_grid: Corners ``x_min, y_min, x_max, y_max`` in thousandths of the upright page,
            0 to 1000, origin top left.
        confidence: 0 to 1.
        more: Keys that this version does not know, as they came.
        sheet: The page that the room is on, where it is known.
    """

    id: str
    box_xyxy_grid: tuple[int, int, int, int]
    confidence: float
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sheet: Sheet | None = field(default=None, repr=False, compare=False)

    @property
    def box_xyxy_px(self) -> Box:
        """Corners in pixels of the upright picture, origin top left.

        Raises:
            ValueError: If the page is unknown, or has points instead of pixels.
        """
        sheet = self._known_sheet()
        if sheet.unit != "px":
            raise ValueError("a PDF page has no pixels; ask for box_xyxy_pt, or for box_at(dpi)")
        return sheet.shown(self.box_xyxy_grid)

    @property
    def box_xyxy_pt(self) -> Box:
        """Corners in points of a PDF page, as its content counts them: origin at the lower left.

        Raises:
            ValueError: If the page is unknown, or a picture.
        """
        return self._known_sheet().in_pdf(self.box_xyxy_grid)

    def box_at(self, dpi: float) -> Box:
        """Corners in pixels of a PDF page rendered at that many dots per inch, origin top left.

        Raises:
            ValueError: If the page is unknown, or a picture.
        """
        sheet = self._known_sheet()
        if sheet.unit != "pt":
            raise ValueError("a picture has pixels of its own; ask for box_xyxy_px")
        return sheet.scaled(self.box_xyxy_grid, sheet.width * dpi / 72, sheet.height * dpi / 72)

    def _known_sheet(self) -> Sheet:
        if self.sheet is None:
            raise ValueError(
                "the size of the page is unknown: this answer was read without its plan"
            )
        return self.sheet


@dataclass(frozen=True)
class Detection:
    """A successful answer.

    Attributes:
        rooms: Highest confidence first.
        processing_time_ms: Time the server spent on this page.
        body: The answer as it came.
        page: The page that was read, counted from 1.
        page_count: Pages of the file.
        sheet: Size of the page, where the plan is known.
        sent_as: How the plan was sent: ``as it is``, or what was done to make it smaller.
        plan: The plan that was sent, where it is known; it is drawn in notebooks.
    """

    rooms: tuple[Room, ...]
    processing_time_ms: int
    body: str = field(repr=False)
    page: int = 1
    page_count: int = 1
    sheet: Sheet | None = None
    sent_as: str = "as it is"
    plan: Plan | None = field(default=None, repr=False, compare=False)

    def on(self, plan: Plan, page: int) -> Detection:
        """The same answer with the plan that it is about, so that boxes have pixels or points.

        Args:
            plan: What was sent.
            page: Which page of it, counted from 1.

        Raises:
            PlanUnreadable: If the plan has no such page, or cannot be read here.
        """
        sheet = plan.sheet(page)
        rooms = tuple(replace(room, sheet=sheet) for room in self.rooms)
        return replace(
            self, rooms=rooms, page=page, page_count=plan.page_count, sheet=sheet, plan=plan
        )

    def as_json(self) -> dict[str, Any]:
        """The answer in the form of docs/api.md."""
        rooms = [
            {
                "id": room.id,
                "bounding_box": list(room.box_xyxy_grid),
                "confidence": room.confidence,
                **room.more,
            }
            for room in self.rooms
        ]
        answer = {
            "status": "success",
            "processing_time_ms": self.processing_time_ms,
            "detected_rooms": rooms,
        }
        if self.page_count > 1:
            answer |= {"page": self.page, "page_count": self.page_count}
        return answer

    def _repr_png_(self) -> bytes | None:
        """The plan with its rooms, for a notebook; None where the plan is not known."""
        if self.plan is None:
            return None
        from roomdet_client.drawing import as_png, draw_rooms  # noqa: PLC0415  # needs Pillow

        return as_png(draw_rooms(self.plan, self.rooms, page=self.page))

    def _repr_html_(self) -> str:
        """The plan with its rooms and a table of them, for a notebook."""
        from roomdet_client.drawing import as_html  # noqa: PLC0415  # needs Pillow

        return as_html(self, at_most=_SHOWN_ROOMS)


def parse_answer(body: str) -> Detection:
    """Read a successful answer.

    Raises:
        NoAnswerForm: If it is not of the documented form.
    """
    try:
        document = json.loads(body)
        rooms = tuple(_parse_room(room) for room in document["detected_rooms"])
        return Detection(
            rooms,
            document["processing_time_ms"],
            body,
            page=document.get("page", 1),
            page_count=document.get("page_count", 1),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise NoAnswerForm(f"the answer has not the documented form: {body[:200]}") from err


def _parse_room(room: dict[str, Any]) -> Room:
    box = tuple(room["bounding_box"])
    numbers = (*box, room["confidence"])
    if len(box) != _CORNERS or not all(isinstance(x, (int, float)) for x in numbers):
        raise ValueError("a room has four corners and a confidence, all of them numbers")
    more = {key: value for key, value in room.items() if key not in _ROOM_KEYS}
    return Room(str(room["id"]), box, room["confidence"], more)


def parse_refusal(status: int, body: bytes) -> RequestRefused:
    """Read an error, ours (``error``, ``message``) or TorchServe's (``type``, ``message``)."""
    try:
        document: Any = json.loads(body)
        code = document.get("error") or document["type"]
        details = document.get("details")
        return refused(
            status,
            str(code),
            str(document["message"]),
            details if isinstance(details, dict) else {},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        text = body.decode(errors="replace")[:200]
        return refused(status, "unknown", text or "no reason was given")
