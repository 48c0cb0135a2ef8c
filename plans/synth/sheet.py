# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whole sheets: one or several plans of large buildings with all that stands around them.

A sheet is a pure function of a seed and a specification, and knows the outline of each room.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from shapely import affinity

from plans.degrade.pixels import as_page
from plans.synth import strips, tables, views
from plans.synth.buildings import build_large_floor
from plans.synth.cad import draw_cad
from plans.synth.canvas import Canvas
from plans.synth.measured import layout_to_large_floor
from plans.synth.partition import Building
from plans.synth.planview import RoomPx, draw_plan
from plans.synth.storey import build_storey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from plans.synth.cad import Cad
    from plans.synth.floor import Floor

    PageU8 = npt.NDArray[np.uint8]
    FieldPx = tuple[float, float, float, float]

PAPERS_MM = ((841, 594), (841, 594), (1189, 841), (914, 610), (1067, 762), (1219, 914), (594, 420))
_LONG_PX = (3000, 5600)
_TRIES = 3
_LEAST_MM_PER_M = 4.0  # a floor that would be smaller is not put on the sheet, if another fits


@dataclass(frozen=True, slots=True)
class SheetSpec:
    """What a sheet may look like.

    Attributes:
        long_side_px: Longer side of the sheet; none draws it between 3000 and 5600.
        layout_share: Share of the floors from measured layouts, where there are any; 0 to 1.
        floors_only: Whether a sheet is one floor with its marks, without title, notes or legends.
    """

    long_side_px: int | None = None
    layout_share: float = 0.3
    floors_only: bool = False


@dataclass(slots=True)
class Sheet:
    """A sheet and its rooms.

    Attributes:
        page: uint8 RGB, shape ``(height, width, 3)``.
        rooms: Those of all plans on it; what is no plan (key plan, legend, details) has none.
    """

    page: PageU8
    rooms: list[RoomPx] = field(default_factory=list)


def draw_sheet(seed: int, spec: SheetSpec, layouts: Sequence[dict[str, Any]] = ()) -> Sheet:
    """Return the sheet of a seed; equal arguments give equal pixels and rooms.

    Args:
        seed: Any integer from 0.
        spec: What it may look like.
        layouts: Measured floors (:mod:`plans.synth.measured`), may be empty.
    """
    rng = np.random.default_rng([seed, 1])
    paper_mm = PAPERS_MM[int(rng.integers(len(PAPERS_MM)))]
    long_px = spec.long_side_px or round(float(rng.uniform(*_LONG_PX)))
    per_mm = long_px / paper_mm[0]
    # What is meant for A1 is plotted on other papers too: letters keep their share of the sheet.
    cad = draw_cad(per_mm * float(np.clip(paper_mm[0] / 841, 0.8, 1.25)), rng)
    page = np.full((round(paper_mm[1] * per_mm), long_px, 3), 255, np.uint8)
    result = Sheet(page)
    sheet = Canvas(page, np.eye(3)[:2])
    h, w = page.shape[:2]
    if spec.floors_only:
        m = rng.uniform(0.01, 0.08) * w
        place = (m, m, w - m, h - m)
        floor = choose_floor(spec, layouts, size_mm(place, cad), rng)
        result.rooms += draw_plan(page, floor, place, cad, rng)
        return _aged(result, rng)
    inside = strips.draw_frame(sheet, cad, rng)
    rest = strips.draw_strip(sheet, inside, cad, rng)
    fields, others = split_fields(rest, cad, rng)
    main: Floor | None = None
    for number, place in enumerate(fields):
        if number > 0 and rng.random() < 0.6:
            floor = build_storey(draw_home(rng), rng)
        else:
            main = floor = choose_floor(spec, layouts, size_mm(place, cad), rng)
        result.rooms += draw_plan(page, floor, place, cad, rng)
        if rng.random() < 0.8:
            x0, _, x1, y1 = place
            views.draw_view_title(sheet, (x0, y1 - 12 * cad.px_per_mm, x1, y1), cad, rng)
    for place in others:
        draw_other(sheet, place, main, cad, rng)
    _draw_small_marks(sheet, rest, cad, rng)
    return _aged(result, rng)


def _draw_small_marks(sheet: Canvas, rest: FieldPx, cad: Cad, rng: np.random.Generator) -> None:
    y = rest[3] - 14 * cad.px_per_mm
    if rng.random() < 0.7:
        views.draw_north(sheet, (float(rng.uniform(rest[0], rest[2])), y), cad, rng)
    if rng.random() < 0.4:
        at = (float(rng.uniform(rest[0], 0.7 * rest[2])), y)
        views.draw_scale_bar(sheet, at, cad, float(rng.uniform(3, 12)) * cad.px_per_mm)


def size_mm(place: FieldPx, cad: Cad) -> tuple[float, float]:
    """Return shorter and longer side of a field, as a draftsman sees it."""
    low, high = sorted((place[2] - place[0], place[3] - place[1]))
    return low / cad.px_per_mm, high / cad.px_per_mm


def draw_home(rng: np.random.Generator) -> Building:
    """Return what a small plan beside the main one is of."""
    return Building.FLATS if rng.random() < 0.5 else Building.HOME


def choose_floor(
    spec: SheetSpec,
    layouts: Sequence[dict[str, Any]],
    field_mm: tuple[float, float],
    rng: np.random.Generator,
) -> Floor:
    """Return a floor that is not too small in its field, or the least small of a few."""

    def draw() -> Floor:
        if len(layouts) and rng.random() < spec.layout_share:
            return layout_to_large_floor(layouts[int(rng.integers(len(layouts)))], rng)
        return build_large_floor(rng)

    return largest_of(draw, field_mm, _LEAST_MM_PER_M, _TRIES)


def largest_of(
    draw: Callable[[], Floor], field_mm: tuple[float, float], enough_mm_per_m: float, tries: int
) -> Floor:
    """Return the first floor that its field holds at a scale, or the one that it holds largest."""
    floors: list[tuple[float, int, Floor]] = []
    for number in range(tries):
        floor = draw()
        x0, y0, x1, y1 = floor.bounds_m
        sides = sorted((x1 - x0, y1 - y0))
        mm_per_m = min(mm / m for mm, m in zip(field_mm, sides, strict=True))
        floors.append((mm_per_m, number, floor))
        if mm_per_m >= enough_mm_per_m:
            return floor
    return max(floors)[2]


def split_fields(
    rest: FieldPx, cad: Cad, rng: np.random.Generator
) -> tuple[list[FieldPx], list[FieldPx]]:
    """Return where plans lie and where other things do."""
    x0, y0, x1, y1 = rest
    w, h = x1 - x0, y1 - y0
    pad = 6 * cad.px_per_mm
    others: list[FieldPx] = []
    if rng.random() < 0.62:  # a column of notes, legends and schedules
        side = rng.uniform(0.13, 0.27) * w
        count = int(rng.integers(1, 5))
        edges = y0 + h * np.concatenate(
            [[0], np.cumsum(s := rng.uniform(0.5, 1.5, count)) / s.sum()]
        )
        right = rng.random() < 0.8
        a, b = (x1 - side, x1) if right else (x0, x0 + side)
        others += [
            (a + pad, float(edges[i]) + pad, b - pad, float(edges[i + 1]) - pad)
            for i in range(count)
            if rng.random() < 0.85
        ]
        x0, x1 = (x0, x1 - side) if right else (x0 + side, x1)
    if rng.random() < 0.22:  # a row of views
        deep = rng.uniform(0.2, 0.4) * h
        count = int(rng.integers(2, 6))
        low = rng.random() < 0.7
        c, d = (y1 - deep, y1) if low else (y0, y0 + deep)
        step = (x1 - x0) / count
        others += [
            (x0 + i * step + pad, c + pad, x0 + (i + 1) * step - pad, d - pad) for i in range(count)
        ]
        y0, y1 = (y0, y1 - deep) if low else (y0 + deep, y1)
    return _plan_fields((x0 + pad, y0 + pad, x1 - pad, y1 - pad), rng), others


def _plan_fields(whole: FieldPx, rng: np.random.Generator) -> list[FieldPx]:
    x0, y0, x1, y1 = whole
    w, h = x1 - x0, y1 - y0
    draw = rng.random()
    if draw < 0.07:
        return []
    if draw < 0.25:
        at = rng.uniform(0.35, 0.7)
        if rng.random() < 0.5:
            return [(x0, y0, x0 + 0.97 * at * w, y1), (x0 + at * w, y0, x1, y1)]
        return [(x0, y0, x1, y0 + 0.97 * at * h), (x0, y0 + at * h, x1, y1)]
    if draw < 0.5:  # a part of what is free
        a, b = rng.uniform(0.4, 0.9, 2)
        u, v = rng.uniform(0, 1 - a), rng.uniform(0, 1 - b)
        return [(x0 + u * w, y0 + v * h, x0 + (u + a) * w, y0 + (v + b) * h)]
    m = rng.uniform(0, 0.06)
    return [(x0 + m * w, y0 + m * h, x1 - m * w, y1 - m * h)]


def draw_other(
    sheet: Canvas, place: FieldPx, floor: Floor | None, cad: Cad, rng: np.random.Generator
) -> None:
    """Draw what is no plan into a field: notes, legends, schedules, other views."""
    wide = place[2] - place[0] > 1.3 * (place[3] - place[1])
    if rng.random() < 0.12:
        views.draw_key_plan(sheet, place, floor, cad, rng)
        return
    draws = (
        tables.draw_notes_block,
        tables.draw_legend,
        tables.draw_schedule,
        views.draw_detail,
        views.draw_section,
        views.draw_facade,
    )
    shares = [0.1, 0.05, 0.25, 0.25, 0.15, 0.2] if wide else [0.45, 0.25, 0.2, 0.06, 0.02, 0.02]
    draws[int(rng.choice(6, p=shares))](sheet, place, cad, rng)


# -- the world ----------------------------------------------------------------------------------


def _aged(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Return the sheet as it is kept: gray mostly, of two tones as a fax, or turned a little."""
    if rng.random() < 0.12:
        angle = float(rng.normal(0, 0.5))
        h, w = sheet.page.shape[:2]
        matrix = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1.0)
        sheet.page = as_page(
            cv2.warpAffine(sheet.page, matrix, (w, h), borderValue=(255, 255, 255))
        )
        flat = [*matrix[:, :2].ravel(), *matrix[:, 2]]
        sheet.rooms = [
            replace(room, shape=affinity.affine_transform(room.shape, flat)) for room in sheet.rooms
        ]
    if rng.random() < 0.15:
        _, sheet.page = cv2.threshold(
            sheet.page, int(rng.integers(90, 220)), 255, cv2.THRESH_BINARY
        )
    return sheet
