# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answers as values, whichever part of the server wrote them. Standard library only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from roomdet_client.errors import NoAnswerForm, RequestRefused, refused
from roomdet_client.facts import FACT_KEYS, Area, parse_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomdet_client.pages import Plan
    from roomdet_client.sheet import Box, Ring, Sheet

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
        included: What the answer says beside that, of ``name``, ``polygon`` and ``area``: what
            was asked for with ``include``. The rest is None where it is not among them.
        name_hint: What is written in the room; None where nothing is.
        name_source: ``text`` of the page, or ``ocr``.
        name_confidence: 0 to 1.
        polygon_grid: The room's outline in thousandths of the upright page, its last point the
            first again; None where none was found.
        polygon_reason: Why none was.
        area: Its size, with the scale that it was measured at; None where none is known.
        area_reason: Why none is.
    """

    id: str
    box_xyxy_grid: tuple[int, int, int, int]
    confidence: float
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sheet: Sheet | None = field(default=None, repr=False, compare=False)
    included: frozenset[str] = field(default=frozenset(), repr=False)
    name_hint: str | None = None
    name_source: str | None = None
    name_confidence: float | None = None
    polygon_grid: Ring | None = field(default=None, repr=False)
    polygon_reason: str | None = field(default=None, repr=False)
    area: Area | None = None
    area_reason: str | None = field(default=None, repr=False)

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

    @property
    def outline_grid(self) -> Ring:
        """The polygon, or the corners of the box where there is none; closed, in thousandths."""
        if self.polygon_grid is not None:
            return self.polygon_grid
        x0, y0, x1, y1 = self.box_xyxy_grid
        return ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))

    @property
    def polygon_px(self) -> Ring | None:
        """The polygon in pixels of the upright picture, origin top left.

        Raises:
            ValueError: If the page is unknown, or has points instead of pixels.
        """
        sheet = self._known_sheet()
        if sheet.unit != "px":
            raise ValueError("a PDF page has no pixels; ask for polygon_pt, or for polygon_at(dpi)")
        return self.polygon_grid and sheet.ring_shown(self.polygon_grid)

    @property
    def polygon_pt(self) -> Ring | None:
        """The polygon in points of a PDF page, as its content counts them; origin lower left.

        Raises:
            ValueError: If the page is unknown, or a picture.
        """
        sheet = self._known_sheet()
        return self.polygon_grid and sheet.ring_in_pdf(self.polygon_grid)

    def polygon_at(self, dpi: float) -> Ring | None:
        """The polygon in pixels of a PDF page rendered at that many dots per inch, origin top left.

        Raises:
            ValueError: If the page is unknown, or a picture.
        """
        sheet = self._known_sheet()
        if sheet.unit != "pt":
            raise ValueError("a picture has pixels of its own; ask for polygon_px")
        return self.polygon_grid and sheet.ring_scaled(
            self.polygon_grid, sheet.width * dpi / 72, sheet.height * dpi / 72
        )

    def as_json(self) -> dict[str, Any]:
        """The room in the form of docs/api.md, with the keys that came."""
        polygon = self.polygon_grid and [list(point) for point in self.polygon_grid]
        asked = {
            "name_hint": ("name", self.name_hint),
            "polygon": ("polygon", polygon),
            "area": ("area", self.area and self.area.as_json()),
        }
        said: dict[str, Any] = {
            "name_source": self.name_source,
            "name_confidence": self.name_confidence,
            "polygon_reason": self.polygon_reason,
            "area_reason": self.area_reason,
        }
        found: dict[str, Any] = {
            "id": self.id,
            "bounding_box": list(self.box_xyxy_grid),
            "confidence": self.confidence,
        }
        for key in FACT_KEYS:
            word, value = asked.get(key, ("", said.get(key)))
            if value is not None or word in self.included:
                found[key] = value
        return {**found, **self.more}

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
        answer = {
            "status": "success",
            "processing_time_ms": self.processing_time_ms,
            "detected_rooms": [room.as_json() for room in self.rooms],
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
    more = {key: value for key, value in room.items() if key not in (*_ROOM_KEYS, *FACT_KEYS)}
    return Room(str(room["id"]), box, room["confidence"], more, **parse_facts(room))


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
