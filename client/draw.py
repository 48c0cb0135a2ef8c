# SPDX-License-Identifier: AGPL-3.0-or-later
"""Draw found rooms on the submitted plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from roomdet.config import Limits
from roomdet.images import read_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.api import Room

GRID = 1000  # the answer's boxes run from 0 to 1000
SIDE_PX = 1600  # longer side of the drawing
LINE_PX = 4
FONT_PX = 18
# Colors that are told apart by most people, dark enough for white text
# (Okabe and Ito, "Color Universal Design", 2008; darkened).
COLORS = ("#0072b2", "#b34e00", "#007a5a", "#a0457a", "#1f6f9f", "#7a6a00")


def draw_rooms(data: bytes, rooms: Sequence[Room], *, page: int = 1) -> Image.Image:
    """Draw rooms as tinted boxes with their number and confidence.

    Args:
        data: The plan as it was submitted, a picture or PDF.
        rooms: What was found on it.
        page: The page that was asked for.

    Returns:
        RGB picture of the page, its longer side ``SIDE_PX``.
    """
    # The file has been served already, so the limits here need not be the server's.
    sheet = read_page(data, page=page, side_px=SIDE_PX, limits=Limits())
    picture = Image.fromarray(sheet.pixels)
    tint = Image.new("RGBA", picture.size)
    tinter = ImageDraw.Draw(tint)
    boxes = [_to_pixels(room, picture.size) for room in rooms]
    for index, box in enumerate(boxes):
        tinter.rectangle(box, fill=COLORS[index % len(COLORS)] + "30")
    picture.paste(tint, mask=tint.getchannel("A"))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(FONT_PX)
    for index, (room, box) in enumerate(zip(rooms, boxes, strict=True)):
        color = COLORS[index % len(COLORS)]
        pen.rectangle(box, outline=color, width=LINE_PX)
        label = f" {index + 1}  {room.confidence:.2f} "
        corner = (box[0], box[1])
        pen.rectangle(pen.textbbox(corner, label, font=font), fill=color)
        pen.text(corner, label, fill="white", font=font)
    return picture


def _to_pixels(room: Room, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    (x_min, y_min, x_max, y_max), (width, height) = room.box_xyxy_grid, size_wh
    return (
        x_min * (width - 1) // GRID,
        y_min * (height - 1) // GRID,
        x_max * (width - 1) // GRID,
        y_max * (height - 1) // GRID,
    )
