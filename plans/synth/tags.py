# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tags on a plan: of rooms, doors, walls and windows, and keynotes with their leaders."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from shapely.geometry import Point, box

from plans.synth.canvas import arc_points
from plans.synth.floor import Kind, OpeningKind

if TYPE_CHECKING:
    from plans.synth.cad import Cad
    from plans.synth.canvas import Canvas, PointM
    from plans.synth.floor import Floor, Space

PAPER = (255, 255, 255)
_SF_PER_M2 = 10.7639


class Tag(NamedTuple):
    """What is written in a room.

    Attributes:
        number: Its number; like the others empty where it is not written.
        name: Its name, perhaps of several lines.
        area: Its area with its unit, if it has one.
    """

    number: str = ""
    name: str = ""
    area: str = ""


def paper(canvas: Canvas) -> Canvas:
    """Return the page of a canvas in its own pixels."""
    return canvas.over(np.array([[1.0, 0, 0], [0, 1.0, 0]]))


def draw_room_tags(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> list[Tag]:
    """Write number, name and area into the rooms, as one office does it.

    Returns:
        What was written in each space.
    """
    sheet = paper(canvas)
    number = cad.first_number
    untagged = float(rng.choice([0.0, 0.05, 0.3]))
    written = []
    for space in floor.spaces:
        number += 1
        if space.kind in (Kind.DUCT, Kind.BALCONY) or rng.random() < untagged:
            written.append(Tag())
            continue
        at = _tag_place(space, rng)
        x, y = canvas.to_px([at])[0]
        room = np.ptp(canvas.to_px(box(*space.shape.bounds).exterior.coords), axis=0)
        area = f"{space.shape.area * _SF_PER_M2:.0f} SF" if cad.unit == "SF" else ""
        area = area or f"{space.shape.area:.1f}" + (" m2" if cad.unit == "m2" else "")
        texts = Tag(str(number), cad.name(space.kind, rng), area if cad.has_area else "")
        wh_px = (float(room[0]), float(room[1]))
        written.append(draw_tag(sheet, (x, y), texts, cad, room_wh_px=wh_px))
    return written


def _tag_place(space: Space, rng: np.random.Generator) -> PointM:
    middle = space.shape.centroid
    if not space.shape.contains(middle) or rng.random() < 0.15:
        middle = space.shape.representative_point()
    return (middle.x, middle.y)


def draw_tag(
    sheet: Canvas,
    at_px: PointM,
    texts: Tag,
    cad: Cad,
    *,
    room_wh_px: tuple[float, float],
) -> Tag:
    """Write one room's number, name and area, smaller and less in small rooms; return that."""
    number, name, area = texts
    height = cad.text_mm
    widest = max(len(line) for line in name.split("\n")) * height * cad.px_per_mm
    if widest > 1.1 * room_wh_px[0] or room_wh_px[1] < 5 * height * cad.px_per_mm:
        height *= 0.7
        area = ""
        name = "" if 0.7 * widest > 1.4 * room_wh_px[0] else name
    number = "" if cad.tag == "name" else number
    name, area = ("", "") if cad.tag == "number" else (name, area)
    lines = [text for text in (number, name, area) if text]
    if cad.tag in ("lines", "number", "name"):
        font = cad.letters(height, cad.tag_gray, left=cad.tag == "lines")
        sheet.text(at_px, "\n".join(lines), font)
    elif cad.tag == "table":
        _draw_rows(sheet, at_px, lines, cad, height)
    else:
        _draw_boxed(sheet, at_px, Tag(number, name, area), cad, height)
    return Tag(number, name, area)


def _draw_rows(sheet: Canvas, at_px: PointM, lines: list[str], cad: Cad, height_mm: float) -> None:
    """Draw a small table of one column."""
    x, y = at_px
    step = 1.75 * height_mm * cad.px_per_mm
    w = 0.9 * height_mm * cad.px_per_mm * max(map(len, lines)) + step / 2
    for i, line in enumerate(lines):
        top = y + (i - len(lines) / 2) * step
        sheet.box(x - w / 2, top, w, step, cad.pen(0.6, cad.tag_gray))
        text = line.replace("\n", " ")
        sheet.text((x, top + step / 2), text, cad.letters(height_mm, cad.tag_gray))


def _draw_boxed(sheet: Canvas, at_px: PointM, texts: Tag, cad: Cad, height_mm: float) -> None:
    """Draw the name above, the number in a box or an oval, the area below."""
    number, name, area = texts
    x, y = at_px
    font, pen = cad.letters(height_mm, cad.tag_gray), cad.pen(0.6, cad.tag_gray)
    line = 1.75 * height_mm * cad.px_per_mm
    if name:
        sheet.text((x, y - line * (name.count("\n") + 1) / 2), name, font)
    w = 0.85 * height_mm * cad.px_per_mm * (len(number) + 1)
    middle = (x, y + line * 0.6)
    if cad.tag == "oval":
        sheet.ellipse(middle, 0.65 * w, 0.6 * line, pen)
    else:
        sheet.box(x - w / 2, y + 0.12 * line, w, 0.95 * line, pen)
    sheet.text(middle, number, font)
    if area:
        sheet.text((x, y + line * 1.75), area, font)


# -- marks ------------------------------------------------------------------------------------


def draw_mark(sheet: Canvas, at_px: PointM, form: str, text: str, cad: Cad, size_mm: float) -> None:
    """Draw a small form with a text in it: ``circle``, ``hexagon``, ``diamond``, ``box``, ``oval``.

    Args:
        sheet: In pixels.
        at_px: Its middle.
        form: One of these.
        text: What it holds.
        cad: Pens and letters.
        size_mm: Its height.
    """
    x, y = at_px
    r = size_mm * cad.px_per_mm / 2
    pen = cad.pen(0.6, cad.tag_gray)
    match form:
        case "circle":
            sheet.ellipse(at_px, r, r, pen, PAPER)
        case "oval":
            sheet.ellipse(at_px, 1.7 * r, r, pen, PAPER)
        case "box":
            sheet.box(x - 1.6 * r, y - 0.8 * r, 3.2 * r, 1.6 * r, pen, PAPER)
        case _:
            turns = range(0, 360, 60) if form == "hexagon" else range(0, 360, 90)
            corners = [
                (x + r * math.cos(math.radians(t)), y + r * math.sin(math.radians(t)))
                for t in turns
            ]
            sheet.fill(corners, PAPER)
            sheet.path(corners, pen, closed=True)
    sheet.text(at_px, text, cad.letters(0.42 * size_mm, cad.tag_gray))


def draw_opening_marks(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw tags beside doors and outside of windows."""
    sheet = paper(canvas)
    forms = ("circle", "hexagon", "oval", "box", "diamond")
    door, window = (str(rng.choice(forms)) for _ in range(2))
    size = float(rng.uniform(1.4, 2.3)) * cad.text_mm
    shares = rng.uniform(0.2, 1.0, 2) * (rng.random(2) < [0.75, 0.4])
    for number, opening in enumerate(floor.openings):
        is_window = opening.kind is OpeningKind.WINDOW
        if rng.random() > shares[int(is_window)]:
            continue
        away = (-1.6 if is_window else 0.9) * (0.8 + 0.4 * rng.random())
        x = (opening.start[0] + opening.end[0]) / 2 + away * opening.inward[0]
        y = (opening.start[1] + opening.end[1]) / 2 + away * opening.inward[1]
        text = f"{chr(65 + number % 7)}" if is_window else f"{cad.first_number + number}"
        at = canvas.to_px([(x, y)])[0]
        draw_mark(sheet, (at[0], at[1]), window if is_window else door, text, cad, size)


def draw_wall_marks(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw wall types: a form beside the wall, tied to it by a short line."""
    sheet = paper(canvas)
    form = str(rng.choice(["diamond", "hexagon", "circle", "box"]))
    share, size = rng.uniform(0.1, 0.5), float(rng.uniform(1.3, 2.0)) * cad.text_mm
    pen = cad.pen(0.6, cad.tag_gray)
    for space in floor.spaces:
        if space.shape.area < 4 or rng.random() > share:
            continue
        x0, y0, x1, y1 = space.shape.bounds
        side = int(rng.integers(4))
        t = rng.uniform(0.2, 0.8)
        wall = (
            (x0 + t * (x1 - x0), y0),
            (x0 + t * (x1 - x0), y1),
            (x0, y0 + t * (y1 - y0)),
            (x1, y0 + t * (y1 - y0)),
        )[side]
        inward = ((0, 1), (0, -1), (1, 0), (-1, 0))[side]
        reach = size * cad.px_per_mm / canvas.px_per_m
        tag = (wall[0] + inward[0] * reach, wall[1] + inward[1] * reach)
        a, b = canvas.to_px([wall, tag])
        sheet.line((a[0], a[1]), (b[0], b[1]), pen)
        draw_mark(sheet, (b[0], b[1]), form, f"{chr(65 + int(rng.integers(8)))}{side}", cad, size)


def draw_keynotes(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Draw keynotes or short texts whose leaders end with an arrow or a dot in a room."""
    sheet = paper(canvas)
    form = str(rng.choice(["hexagon", "circle", "box"]))
    pen = cad.pen(0.5, cad.tag_gray)
    mm = cad.px_per_mm
    for _ in range(int(rng.integers(5, 45))):
        space = floor.spaces[int(rng.integers(len(floor.spaces)))]
        x0, y0, x1, y1 = space.shape.bounds
        tip = (float(rng.uniform(x0, x1)), float(rng.uniform(y0, y1)))
        if not space.shape.contains(Point(tip)):
            continue
        x, y = canvas.to_px([tip])[0]
        angle, reach = rng.uniform(0, 2 * math.pi), rng.uniform(8, 30) * mm
        bend = (x + reach * math.cos(angle), y + reach * math.sin(angle))
        end = (bend[0] + rng.choice([-4, 4]) * mm, bend[1])
        sheet.path([(x, y), bend, end], pen)
        if rng.random() < 0.6:
            sheet.fill(arc_points((x, y), 0.5 * mm, 0.5 * mm, 0, 360), pen.color)
        else:
            back = arc_points((x, y), 2.4 * mm, 2.4 * mm, math.degrees(angle) - 10, 0)[0]
            fore = arc_points((x, y), 2.4 * mm, 2.4 * mm, math.degrees(angle) + 10, 0)[0]
            sheet.fill([(x, y), back, fore], pen.color)
        if rng.random() < 0.6:
            draw_mark(sheet, end, form, str(int(rng.integers(1, 40))), cad, 2 * cad.text_mm)
        else:
            text = _REMARKS[int(rng.integers(len(_REMARKS)))]
            sheet.text(end, text, cad.letters(0.75 * cad.text_mm, cad.tag_gray))


_REMARKS = (
    "CPT-1",
    "VCT-1",
    "PT-1/PT-2",
    "EXIST. TO REMAIN",
    "ALIGN",
    "TYP.",
    "V.I.F.",
    "F.E.C.",
    "FD",
    "2.1A",
    "UP",
    "DN",
    "+35.48",
    "EI 60",
    "R=1200",
    "CG",
    "HOLD",
    "SEE 4/A501",
)


def draw_remarks(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> None:
    """Write finishes, levels and short remarks along the walls of rooms."""
    sheet = paper(canvas)
    font = cad.letters(0.65 * cad.text_mm, cad.tag_gray)
    share = rng.uniform(0.2, 1.0)
    words = rng.choice(_REMARKS, 4)
    for space in floor.spaces:
        if space.shape.area < 5 or rng.random() > share:
            continue
        x0, y0, x1, y1 = space.shape.buffer(-0.4).bounds
        if not x1 - x0 > 0.5:
            continue
        for _ in range(int(rng.integers(1, 5))):
            x, y = (rng.uniform(x0, x1), float(rng.choice([y0, y1])))
            if space.shape.contains(Point(x, y)):
                at = canvas.to_px([(x, y)])[0]
                sheet.text((at[0], at[1]), str(rng.choice(words)), font)
