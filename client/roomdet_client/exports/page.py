# SPDX-License-Identifier: AGPL-3.0-or-later
"""One answered page, as the exports take it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from roomdet_client.payload import LEVEL_PX

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from roomdet_client.answers import Room
    from roomdet_client.pages import Plan
    from roomdet_client.sheet import Ring, Sheet

LABEL = "room"
# What every labeling tool and `make train` opens as it is.
_PLAIN_KINDS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True)
class ExportPage:
    """A page and its rooms.

    Attributes:
        file: As the user named it.
        stem: Name of this page's files, without suffix; no two pages of an export share one.
        plan: The file.
        page: Counted from 1.
        page_count: Pages of the file.
        sheet: Size of the page.
        rooms: What was found, the highest confidence first.
        processing_time_ms: Time the server spent on it.
    """

    file: str
    stem: str
    plan: Plan
    page: int
    page_count: int
    sheet: Sheet
    rooms: tuple[Room, ...]
    processing_time_ms: int = 0

    def picture(self) -> Picture:
        """The page as a picture: the file's own bytes where tools read them, else drawn.

        A PDF page is drawn with a longer side of 4160 px, where thin walls are still seen.

        Raises:
            PlanUnreadable: If it cannot be drawn.
        """
        if not self.plan.is_pdf and self.plan.page_count == 1:
            with Image.open(io.BytesIO(self.plan.data)) as opened:
                suffix = _PLAIN_KINDS.get(opened.format or "")
                is_upright = opened.getexif().get(_ORIENTATION_TAG, 1) == 1
                if suffix and is_upright:
                    return Picture(f"{self.stem}{suffix}", self.plan.data, *opened.size)
        side = LEVEL_PX if self.plan.is_pdf else round(max(self.sheet.width, self.sheet.height))
        drawn = self.plan.render(self.page, side)
        file = io.BytesIO()
        drawn.save(file, "PNG")
        return Picture(f"{self.stem}.png", file.getvalue(), *drawn.size)


@dataclass(frozen=True)
class Picture:
    """A page as tools open it.

    Attributes:
        name: Of the file, without a folder.
        data: Its bytes.
        width: In pixels, as a person sees it.
        height: The same.
    """

    name: str
    data: bytes
    width: int
    height: int

    def box_px(self, room: Room) -> tuple[float, float, float, float]:
        """Corners of a room in pixels, origin top left, with two decimals."""
        x0, y0, x1, y1 = room.box_xyxy_grid
        across, down = self.width / 1000, self.height / 1000
        return (round(x0 * across, 2), round(y0 * down, 2), round(x1 * across, 2),
                round(y1 * down, 2))  # fmt: skip

    def ring_px(self, ring_grid: Ring) -> Ring:
        """An outline in pixels, origin top left, with two decimals."""
        across, down = self.width / 1000, self.height / 1000
        return tuple((round(x * across, 2), round(y * down, 2)) for x, y in ring_grid)

    def write(self, folder: Path) -> None:
        """Write it into a folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.name).write_bytes(self.data)


def facts_of(room: Room) -> dict[str, Any]:
    """What is known of a room beside its place, by plain names: for tools with flat attributes.

    Nothing where nothing was asked for; an area never without its scale and who says so.
    """
    facts: dict[str, Any] = {
        "name": room.name_hint,
        "name_source": room.name_source,
        "name_confidence": room.name_confidence,
        "polygon_reason": room.polygon_reason,
    }
    if room.area:
        facts |= {
            "area_m2": room.area.m2,
            "scale": room.area.scale,
            "scale_source": room.area.scale_source,
            "printed_m2": room.area.printed_m2,
            "area_agrees": room.area.agrees,
        }
    facts["area_reason"] = room.area_reason
    return {name: value for name, value in facts.items() if value is not None}


def title_of(room: Room) -> str:
    """A room in words: its name, its area and how sure it is, or its id where it has no name."""
    said = [room.name_hint or room.id, str(room.area or ""), f"confidence {room.confidence:.2f}"]
    return ", ".join(filter(None, said))
