# SPDX-License-Identifier: AGPL-3.0-or-later
"""Draw found rooms on the submitted plan."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from roomdet_client.pages import Plan
from roomdet_client.sheet import GRID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.answers import Detection, Room

SIDE_PX = 1600  # longer side of a drawing
LINE_PX = 4
FONT_PX = 18
# From so many rooms on a page is a sheet: drawn larger, with thinner lines.
MANY_ROOMS = 60
SHEET_SIDE_PX = 2600
SHEET_LINE_PX = 3
# Colors that are told apart by most people, dark enough for white text
# (Okabe and Ito, "Color Universal Design", 2008; darkened).
COLORS = ("#0072b2", "#b34e00", "#007a5a", "#a0457a", "#1f6f9f", "#7a6a00")
_TINT = "30"  # opacity of a room's inside, hexadecimal
_Box = tuple[int, int, int, int]


def draw_rooms(plan: bytes | Plan, rooms: Sequence[Room], *, page: int = 1) -> Image.Image:
    """Draw rooms as tinted boxes with their number and confidence.

    Args:
        plan: The plan as it was submitted, a picture or PDF.
        rooms: What was found on it.
        page: The page that was asked for.

    Returns:
        RGB picture of the page; its longer side is :data:`SIDE_PX`, more with many rooms.

    Raises:
        PlanUnreadable: If the page cannot be read here.
    """
    side_px = SHEET_SIDE_PX if len(rooms) > MANY_ROOMS else SIDE_PX
    colors = [COLORS[index % len(COLORS)] for index in range(len(rooms))]
    labels = [f"{index}  {room.confidence:.2f}" for index, room in enumerate(rooms, start=1)]
    return draw_boxes(
        _rendered(plan, page, side_px), [room.box_xyxy_grid for room in rooms], colors, labels
    )


def _rendered(plan: bytes | Plan, page: int, side_px: int) -> Image.Image:
    picture = (plan if isinstance(plan, Plan) else Plan(plan)).render(page, side_px)
    scale = side_px / max(picture.size)
    if scale > 1:  # a small picture is enlarged: labels keep their size
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    return picture


def draw_boxes(
    picture: Image.Image,
    boxes_xyxy_grid: Sequence[tuple[int, int, int, int]],
    colors: Sequence[str],
    labels: Sequence[str],
) -> Image.Image:
    """Draw boxes on a picture, in place; labels make way for each other.

    Args:
        picture: RGB.
        boxes_xyxy_grid: Thousandths of the picture.
        colors: ``#rrggbb``, one a box.
        labels: One a box; an empty one is not drawn.
    """
    boxes = [_to_pixels(box, picture.size) for box in boxes_xyxy_grid]
    tint = Image.new("RGBA", picture.size)
    tinter = ImageDraw.Draw(tint)
    for box, color in zip(boxes, colors, strict=True):
        tinter.rectangle(box, fill=color + _TINT)
    picture.paste(tint, mask=tint.getchannel("A"))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(FONT_PX)
    line_px = SHEET_LINE_PX if len(boxes) > MANY_ROOMS else LINE_PX
    for box, color in zip(boxes, colors, strict=True):
        pen.rectangle(box, outline=color, width=line_px)
    taken: list[_Box] = []
    for box, color, label in zip(boxes, colors, labels, strict=True):
        if label:
            text = f" {label} "
            width, height = (round(x) for x in pen.textbbox((0, 0), text, font=font)[2:])
            at = _free_place(box, (width, height), picture.size, taken)
            taken.append(at)
            pen.rectangle(at, fill=color)
            pen.text(at[:2], text, fill="white", font=font)
    return picture


def _free_place(
    box: _Box, size_wh: tuple[int, int], picture_wh: tuple[int, int], taken: list[_Box]
) -> _Box:
    """Where a label goes: the first corner inside its box where no other label is."""
    width, height = size_wh
    lefts = (box[0], max(box[2] - width, box[0]))
    tops = [box[1], *range(box[1] + height, max(box[3] - height, box[1]) + 1, max(height, 1))]
    places = [(left, top) for top in tops for left in lefts]
    for left, top in places:
        place = (left, top, left + width, top + height)
        if not any(_overlap(place, other) for other in taken):
            break
    else:
        left, top = places[0]
    left, top = max(min(left, picture_wh[0] - width), 0), max(min(top, picture_wh[1] - height), 0)
    return (left, top, left + width, top + height)


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _to_pixels(box: tuple[int, int, int, int], size_wh: tuple[int, int]) -> _Box:
    (x_min, y_min, x_max, y_max), (width, height) = box, size_wh
    return (
        x_min * (width - 1) // GRID,
        y_min * (height - 1) // GRID,
        x_max * (width - 1) // GRID,
        y_max * (height - 1) // GRID,
    )


def as_png(picture: Image.Image) -> bytes:
    """A picture as PNG."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def as_html(detection: Detection, *, at_most: int) -> str:
    """A detection for a notebook: drawing, and a table of the first ``at_most`` rooms."""
    picture = detection._repr_png_()  # the notebook's protocol
    shown = ""
    if picture is not None:
        source = base64.b64encode(picture).decode()
        shown = (
            f'<img src="data:image/png;base64,{source}" alt="the plan with its rooms" '
            'style="max-width:100%">'
        )
    rows = "".join(
        f"<tr><td>{html.escape(room.id)}</td>"
        f"<td>{', '.join(map(str, room.box_xyxy_grid))}</td><td>{room.confidence:.2f}</td></tr>"
        for room in detection.rooms[:at_most]
    )
    left = len(detection.rooms) - at_most
    more = f"<p>… and {left} more</p>" if left > 0 else ""
    return (
        f"<p>{len(detection.rooms)} rooms, page {detection.page} of {detection.page_count}, "
        f"{detection.processing_time_ms} ms</p>{shown}"
        f"<table><tr><th>id</th><th>box, thousandths</th><th>confidence</th></tr>{rows}</table>"
        f"{more}"
    )
