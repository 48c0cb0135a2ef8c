# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sheets that are drawn to scale, state it and are PDF pages, and what is known of their rooms."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from plans.synth import strips, views
from plans.synth.cad import draw_cad
from plans.synth.canvas import Canvas
from plans.synth.pdf_ink import PT_PER_MM, PdfInk
from plans.synth.planview import Plot, draw_plan
from plans.synth.sheet import (
    PAPERS_MM,
    SheetSpec,
    choose_floor,
    draw_home,
    draw_other,
    largest_of,
    size_mm,
    split_fields,
)
from plans.synth.storey import build_storey
from plans.synth.style import font_paths
from plans.synth.truth import rooms_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from plans.synth.cad import Cad
    from plans.synth.floor import Floor
    from plans.synth.planview import FieldPx, RoomPx

_METRIC = {ratio: f"1:{ratio:.0f}" for ratio in (50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 300.0,
                                                400.0, 500.0, 1000.0)}  # fmt: skip
_IMPERIAL = {
    48.0: "1/4\" = 1'-0\"", 64.0: "3/16\" = 1'-0\"", 96.0: "1/8\" = 1'-0\"",
    128.0: "3/32\" = 1'-0\"", 192.0: "1/16\" = 1'-0\"", 240.0: "1\" = 20'", 360.0: "1\" = 30'-0\"",
    480.0: "1\" = 40'", 768.0: "1/64\" = 1'-0\"",
}  # fmt: skip
_FACES = ("DejaVuSans.ttf", "Roboto-Regular.ttf", "Roboto-Light.ttf")
_LONG_PX = 4200
_TITLE_MM = 14  # below a plan
_HOMES = 0.6  # of further plans that are of small buildings
_USUAL_MM_PER_M, _TRIES = 5.0, 4  # a field holds its floor at 1:200, or the largest of a few


@dataclass(slots=True)
class PlottedSheet:
    """A sheet to scale and its rooms.

    Attributes:
        pdf: One page with lines, areas and a text layer.
        paper_mm: Width and height of its paper.
        px_per_mm: In whose pixels rooms are.
        rooms: Those of all plans on it.
        stated: What its title block says of the scale.
    """

    paper_mm: tuple[float, float]
    px_per_mm: float
    rooms: list[RoomPx] = field(default_factory=list)
    pdf: bytes = b""
    stated: str = ""


def draw_plotted(
    seed: int, spec: SheetSpec, layouts: Sequence[dict[str, Any]] = ()
) -> PlottedSheet:
    """Return the plotted sheet of a seed; equal arguments give equal bytes and rooms.

    Plans are whole and straight, each at a scale of the office that it has below it, and the title
    block says it, or ``AS NOTED`` where plans differ. Views that are no plans state any scale.

    Args:
        seed: Any integer from 0.
        spec: What it may look like; its pixels are what letters and pens are rounded to.
        layouts: Measured floors (:mod:`plans.synth.measured`), may be empty.
    """
    rng = np.random.default_rng([seed, 3])
    paper_mm = PAPERS_MM[int(rng.integers(len(PAPERS_MM)))]
    long_px = spec.long_side_px or _LONG_PX
    result = PlottedSheet(paper_mm, long_px / paper_mm[0])
    cad = draw_cad(result.px_per_mm * float(np.clip(paper_mm[0] / 841, 0.8, 1.25)), rng)
    cad = replace(cad, face=_face(rng))
    page = np.full((round(paper_mm[1] * result.px_per_mm), long_px, 3), 255, np.uint8)
    ink = PdfInk(paper_mm, result.px_per_mm)
    plot = Plot(ink, result.px_per_mm, tuple(scales_of(cad)))
    sheet = Canvas(page, np.eye(3)[:2], ink)
    inside = strips.draw_frame(sheet, cad, rng)
    rest, block = strips.draw_strip_with_block(sheet, inside, cad, rng)
    fields, others = split_fields(rest, cad, rng)
    main: Floor | None = None
    for number, (x0, y0, x1, y1) in enumerate(fields or [rest]):
        low = y1 - _TITLE_MM * cad.px_per_mm
        if number > 0 and rng.random() < _HOMES:
            floor = build_storey(draw_home(rng), rng)
        else:
            field_mm = size_mm((x0, y0, x1, low), cad)
            draw = partial(choose_floor, spec, layouts, field_mm, rng)
            main = floor = largest_of(draw, field_mm, _USUAL_MM_PER_M, _TRIES)
        rooms = draw_plan(page, floor, (x0, y0, x1, low), cad, rng, plot)
        result.rooms += rooms
        text = _scale_text(rooms[0], result, cad)
        left, top = _below(rooms, (x0, y0, x1, low), cad, rng)
        views.draw_view_title(sheet, (left, top, x1, y1), cad, rng, text)
    for place in others:
        draw_other(sheet, place, main, cad, rng)
    texts = {_scale_text(room, result, cad) for room in result.rooms}
    result.stated = texts.pop() if len(texts) == 1 else "AS NOTED"
    strips.write_block(sheet, block, result.stated, cad, rng)
    result.pdf = ink.finished()
    return result


def scales_of(cad: Cad) -> Mapping[float, str]:
    """Return the scales in which an office draws, rising, each with how it writes it."""
    return _IMPERIAL if cad.unit == "SF" else _METRIC


def _below(
    rooms: Sequence[RoomPx], place: FieldPx, cad: Cad, rng: np.random.Generator
) -> tuple[float, float]:
    """Return where the title of a plan starts: under it, or at the lower edge of its place."""
    bounds = np.array([room.shape.bounds for room in rooms])
    left, low = float(bounds[:, 0].min()), float(bounds[:, 3].max())
    x = left + float(rng.uniform(-12, 12)) * cad.px_per_mm
    y = low + float(rng.uniform(14, 55)) * cad.px_per_mm
    return max(place[0], x), min(place[3], y)


def _scale_text(room: RoomPx, sheet: PlottedSheet, cad: Cad) -> str:
    ratio = 1000 * sheet.px_per_mm / room.px_per_m
    return min(scales_of(cad).items(), key=lambda known: abs(known[0] / ratio - 1))[1]


def _face(rng: np.random.Generator) -> Path:
    """Return a typeface whose letters a document can keep as text."""
    faces = [path for path in font_paths() if path.name in _FACES]
    return faces[int(rng.integers(len(faces)))]


def truth_of(sheet: PlottedSheet) -> dict[str, Any]:
    """Return what is known of a plotted sheet, in points from its upper left corner.

    Returns:
        ``page_wh_pt``, ``stated``, and ``rooms``: each as :func:`~plans.synth.truth.rooms_of` has
        it, with ``m2``, its clear floor, and ``ratio``, lengths in the building per length on
        paper.
    """
    rooms = rooms_of(sheet.rooms, PT_PER_MM / sheet.px_per_mm)
    for known, room in zip(rooms, sheet.rooms, strict=True):
        known["m2"] = round(room.shape.area / room.px_per_m**2, 3)
        known["ratio"] = round(1000 * sheet.px_per_mm / room.px_per_m, 3)
    page_wh_pt = [round(mm * PT_PER_MM, 2) for mm in sheet.paper_mm]
    return {"page_wh_pt": page_wh_pt, "stated": sheet.stated, "rooms": rooms}
