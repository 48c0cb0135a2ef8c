# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whole sheets: one or several plans of large buildings with all that stands around them.

A sheet is a pure function of a seed and a specification, and knows the outline of each room.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from shapely import affinity
from shapely.geometry import box

from training.degrade.pixels import as_page
from training.synth import planmarks, sheetparts, surroundings, tags
from training.synth.buildings import build_large_floor
from training.synth.cad import draw_cad
from training.synth.canvas import Canvas
from training.synth.measured import layout_to_large_floor
from training.synth.partition import Building
from training.synth.render import draw_floor
from training.synth.storey import build_storey

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from shapely.geometry import Polygon

    from training.synth.cad import Cad
    from training.synth.floor import Floor, Kind

    PageU8 = npt.NDArray[np.uint8]
    FieldPx = tuple[float, float, float, float]

_PAPERS_MM = ((841, 594), (841, 594), (1189, 841), (914, 610), (1067, 762), (1219, 914), (594, 420))
_LONG_PX = (2500, 5600)
_LEAST_PX_PER_M = 9.0  # smaller plans are drawn on larger sheets


@dataclass(frozen=True, slots=True)
class SheetSpec:
    """What a sheet may look like.

    Attributes:
        long_side_px: Longer side of the sheet; none draws it between 2500 and 5600.
        layout_share: Share of the floors from measured layouts, where there are any; 0 to 1.
        floors_only: Whether a sheet is one floor with its marks, without title, notes or legends.
    """

    long_side_px: int | None = None
    layout_share: float = 0.3
    floors_only: bool = False


@dataclass(frozen=True, slots=True)
class RoomPx:
    """A room on a sheet.

    Attributes:
        kind: What it is for.
        shape: Its clear floor, in pixels of the sheet.
    """

    kind: Kind
    shape: Polygon


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
        layouts: Measured floors (:mod:`training.synth.measured`), may be empty.
    """
    rng = np.random.default_rng([seed, 1])
    paper_mm = _PAPERS_MM[int(rng.integers(len(_PAPERS_MM)))]
    long_px = spec.long_side_px or round(float(rng.uniform(*_LONG_PX)))
    per_mm = long_px / paper_mm[0]
    # What is meant for A1 is plotted on other papers too: letters keep their share of the sheet.
    cad = draw_cad(per_mm * float(np.clip(paper_mm[0] / 841, 0.8, 1.25)), rng)
    page = np.full((round(paper_mm[1] * per_mm), long_px, 3), 255, np.uint8)
    result = Sheet(page)
    sheet = tags.paper(Canvas(page, np.eye(3)[:2]))
    h, w = page.shape[:2]
    if spec.floors_only:
        m = rng.uniform(0.01, 0.08) * w
        _draw_plan(result, _choose(spec, layouts, rng), (m, m, w - m, h - m), cad, rng)
        return _aged(result, rng)
    inside = sheetparts.draw_frame(sheet, cad, rng)
    rest = sheetparts.draw_strip(sheet, inside, cad, rng)
    fields, others = _split(rest, cad, rng)
    floor = None
    for number, place in enumerate(fields):
        small = number > 0 and rng.random() < 0.6
        floor = build_storey(_home(rng), rng) if small else _choose(spec, layouts, rng)
        _draw_plan(result, floor, place, cad, rng)
        if rng.random() < 0.8:
            x0, _, x1, y1 = place
            title = (x0, y1 - 12 * cad.px_per_mm, x1, y1)
            sheetparts.draw_view_title(sheet, title, cad, rng)
    for place in others:
        _draw_other(sheet, place, floor, cad, rng)
    if rng.random() < 0.7:
        x, y = rng.uniform(rest[0], rest[2]), rest[3] - 14 * cad.px_per_mm
        sheetparts.draw_north(sheet, (float(x), y), cad, rng)
    return _aged(result, rng)


def _home(rng: np.random.Generator) -> Building:
    return Building.FLATS if rng.random() < 0.5 else Building.HOME


def _choose(spec: SheetSpec, layouts: Sequence[dict[str, Any]], rng: np.random.Generator) -> Floor:
    if len(layouts) and rng.random() < spec.layout_share:
        return layout_to_large_floor(layouts[int(rng.integers(len(layouts)))], rng)
    return build_large_floor(rng)


def _split(
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
    if draw < 0.1:
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


def _draw_other(
    sheet: Canvas, place: FieldPx, floor: Floor | None, cad: Cad, rng: np.random.Generator
) -> None:
    wide = place[2] - place[0] > 1.3 * (place[3] - place[1])
    if rng.random() < 0.12:
        sheetparts.draw_key_plan(sheet, place, floor, cad, rng)
        return
    draws = (
        sheetparts.draw_notes_block,
        sheetparts.draw_legend,
        sheetparts.draw_schedule,
        sheetparts.draw_detail,
        sheetparts.draw_section,
        sheetparts.draw_facade,
    )
    shares = [0.1, 0.05, 0.25, 0.25, 0.15, 0.2] if wide else [0.45, 0.25, 0.2, 0.06, 0.02, 0.02]
    draws[int(rng.choice(6, p=shares))](sheet, place, cad, rng)


# -- the plan -----------------------------------------------------------------------------------


def _draw_plan(
    sheet: Sheet, floor: Floor, place: FieldPx, cad: Cad, rng: np.random.Generator
) -> None:
    """Draw a floor with its marks into a field and add its rooms to the sheet."""
    margin = float(rng.choice([0.0, 0.03, 0.1]))
    canvas = _fit(sheet.page, floor, place, margin, rng)
    if rng.random() < 0.14:
        planmarks.draw_untouched(canvas, floor, cad, rng)
        untouched = True
    else:
        untouched = False
    draw_floor(canvas, floor, cad.style, rng)
    if rng.random() < 0.1:
        planmarks.fade(canvas, floor, rng)
    if rng.random() < 0.9:
        tags.draw_room_tags(canvas, floor, cad, rng)
    for probability, draw in (
        (0.5, tags.draw_opening_marks),
        (0.22, tags.draw_wall_marks),
        (0.25, tags.draw_keynotes),
        (0.25, tags.draw_remarks),
        (0.4, planmarks.draw_axes),
        (0.45, planmarks.draw_dimension_chains),
        (0.12, planmarks.draw_clouds),
        (0.35, planmarks.draw_view_marks),
        (0.15, planmarks.draw_fire_line),
    ):
        if rng.random() < probability:
            draw(canvas, floor, cad, rng)
    if untouched:
        planmarks.draw_untouched_words(canvas, floor, cad, rng)
    if rng.random() < 0.15:
        surroundings.draw_crossing_lines(canvas, floor, cad.style, rng)
    if rng.random() < 0.3:
        at = canvas.to_px([floor.bounds_m[:2]])[0]
        sheetparts.draw_scale_bar(
            tags.paper(canvas), (max(at[0], 5.0), place[3]), cad, canvas.px_per_m
        )
    matrix = canvas.matrix
    flat = [matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]]
    page = box(0, 0, sheet.page.shape[1], sheet.page.shape[0])
    for space in floor.spaces:
        shape = affinity.affine_transform(space.shape, flat)
        if space.is_room and page.intersects(shape):
            sheet.rooms.append(RoomPx(space.kind, shape))


def _fit(
    page: PageU8, floor: Floor, place: FieldPx, margin: float, rng: np.random.Generator
) -> Canvas:
    """Return a canvas whose metres put a floor into a field, turned by quarters and mirrored."""
    x0, y0, x1, y1 = floor.bounds_m
    w, h = place[2] - place[0], place[3] - place[1]
    lies = (x1 - x0 > y1 - y0) == (w > h)
    turn = np.eye(2) if lies or rng.random() < 0.15 else np.eye(2)[:, [1, 0]]
    axes = turn @ np.diag(rng.choice([-1.0, 1.0], 2))
    corners = np.array([(x0, y0), (x1, y1)]) @ axes.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = (1 - 2 * margin) * min(np.array([w, h]) / (high - low))
    middle = np.array([place[0] + place[2], place[1] + place[3]]) / 2
    return Canvas(page, np.column_stack([scale * axes, middle - scale * (low + high) / 2]))


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
            RoomPx(room.kind, affinity.affine_transform(room.shape, flat)) for room in sheet.rooms
        ]
    if rng.random() < 0.15:
        _, sheet.page = cv2.threshold(
            sheet.page, int(rng.integers(90, 220)), 255, cv2.THRESH_BINARY
        )
    return sheet
