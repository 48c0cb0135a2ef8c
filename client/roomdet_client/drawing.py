# SPDX-License-Identifier: AGPL-3.0-or-later
"""Draw found rooms on the submitted plan."""

from __future__ import annotations

import base64
import contextlib
import functools
import html
import io
import unicodedata
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from roomdet_client.pages import Plan
from roomdet_client.sheet import GRID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.answers import Detection, Room
    from roomdet_client.sheet import Ring

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
# With Latin letters and their marks, on Linux, Windows and macOS.
_SYSTEM_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf",
                 "arial.ttf", "Arial.ttf", "Helvetica.ttc")  # fmt: skip
_SYSTEM_FONT_PX = 16  # their letters are wider than those of Pillow's own
_Box = tuple[int, int, int, int]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_rooms(plan: bytes | Plan, rooms: Sequence[Room], *, page: int = 1) -> Image.Image:
    """Draw rooms, tinted, as outlines or boxes, with number and name, area or confidence.

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
    labels = [_label(index, room) for index, room in enumerate(rooms, start=1)]
    return draw_boxes(
        _rendered(plan, page, side_px),
        [room.box_xyxy_grid for room in rooms],
        colors,
        labels,
        [room.polygon_grid for room in rooms],
    )


def _label(number: int, room: Room) -> str:
    """What is known of a room; its confidence where nothing else is."""
    known = [text for text in (room.name_hint, room.area and str(room.area)) if text]
    return "  ".join([str(number), *(known or [f"{room.confidence:.2f}"])])


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
    polygons_grid: Sequence[Ring | None] = (),
) -> Image.Image:
    """Draw boxes on a picture, in place; labels make way for each other.

    Args:
        picture: RGB.
        boxes_xyxy_grid: Thousandths of the picture.
        colors: ``#rrggbb``, one a box.
        labels: One a box; an empty one is not drawn.
        polygons_grid: Closed outlines that are drawn in the place of their boxes; none, or one
            or None a box.
    """
    boxes = [_to_pixels(box, picture.size) for box in boxes_xyxy_grid]
    rings = [ring and _ring_to_pixels(ring, picture.size) for ring in polygons_grid]
    rings = rings or [None] * len(boxes)
    tint = Image.new("RGBA", picture.size)
    tinter = ImageDraw.Draw(tint)
    for box, ring, color in zip(boxes, rings, colors, strict=True):
        if ring:
            tinter.polygon(ring, fill=color + _TINT)
        else:
            tinter.rectangle(box, fill=color + _TINT)
    picture.paste(tint, mask=tint.getchannel("A"))
    pen = ImageDraw.Draw(picture)
    plain = ImageFont.load_default(FONT_PX)
    line_px = SHEET_LINE_PX if len(boxes) > MANY_ROOMS else LINE_PX
    for box, ring, color in zip(boxes, rings, colors, strict=True):
        if ring:
            pen.line([*ring, ring[1]], fill=color, width=line_px, joint="curve")
        else:
            pen.rectangle(box, outline=color, width=line_px)
    taken: list[_Box] = []
    for box, color, label in zip(boxes, colors, labels, strict=True):
        if label:
            text, font = f" {label} ", plain
            if not label.isascii():
                text, font = _beyond_ascii(text)
            width, height = (round(x) for x in pen.textbbox((0, 0), text, font=font)[2:])
            at = _free_place(box, (width, height), picture.size, taken)
            taken.append(at)
            pen.rectangle(at, fill=color)
            pen.text(at[:2], text, fill="white", font=font)
    return picture


def _beyond_ascii(text: str) -> tuple[str, _Font]:
    """The text with a font that has its letters; Pillow's own has those of ASCII alone.

    Without such a font on the system, letters lose their marks: ``Kok``, ``12.3 m2``.
    """
    font = _system_font()
    if font:
        return text, font
    bare = (mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
    return "".join(bare).encode("ascii", "replace").decode(), ImageFont.load_default(FONT_PX)


@functools.cache
def _system_font() -> _Font | None:
    for name in _SYSTEM_FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, _SYSTEM_FONT_PX)
    return None


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


def _ring_to_pixels(ring_grid: Ring, size_wh: tuple[int, int]) -> list[tuple[float, float]]:
    width, height = size_wh
    return [(x * (width - 1) / GRID, y * (height - 1) / GRID) for x, y in ring_grid]


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
    included = {word for room in detection.rooms for word in room.included}
    head = ["id", "box, thousandths", "confidence"]
    head += [word for word in ("name", "area") if word in included]
    rows = "".join(
        f"<tr><td>{html.escape(room.id)}</td>"
        f"<td>{', '.join(map(str, room.box_xyxy_grid))}</td><td>{room.confidence:.2f}</td>"
        f"{_known_cells(room, included)}</tr>"
        for room in detection.rooms[:at_most]
    )
    heads = "".join(f"<th>{word}</th>" for word in head)
    left = len(detection.rooms) - at_most
    more = f"<p>… and {left} more</p>" if left > 0 else ""
    return (
        f"<p>{len(detection.rooms)} rooms, page {detection.page} of {detection.page_count}, "
        f"{detection.processing_time_ms} ms</p>{shown}"
        f"<table><tr>{heads}</tr>{rows}</table>{more}"
    )


def _known_cells(room: Room, included: set[str]) -> str:
    """Cells of what was asked for; an area with its scale and who says so."""
    cells = []
    if "name" in included:
        cells.append(room.name_hint or "")
    if "area" in included:
        area = room.area
        cells.append(f"{area} at {area.scale} ({area.scale_source})" if area else "")
    return "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
