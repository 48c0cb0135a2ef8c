# SPDX-License-Identifier: AGPL-3.0-or-later
"""One synthetic blueprint: a pure function of a seed and a specification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from plans.degrade import EFFECT_NAMES, degrade_randomly
from plans.degrade.geometry import photograph
from plans.degrade.pixels import as_page
from plans.synth import overlays, surroundings
from plans.synth.canvas import Canvas
from plans.synth.floor import snap
from plans.synth.layouts import layout_to_floor
from plans.synth.neighbors import draw_neighbors
from plans.synth.outlines import Outlines
from plans.synth.partition import Building
from plans.synth.render import draw_floor
from plans.synth.storey import build_storey
from plans.synth.style import WallStyle, draw_style
from plans.synth.tilt import tilt
from plans.synth.wordsheets import draw_wordsheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from plans.synth.floor import Floor
    from plans.synth.style import Style

    PageU8 = npt.NDArray[np.uint8]
    Boxes = npt.NDArray[np.float32]

_OVERSAMPLING = 2  # lines are drawn at twice the size and averaged, as a scanner sees them
_LEAST_VISIBLE = 0.5  # share of a room that must lie on the page to be labeled
_LEAST_SIDE_PX = 5.0


@dataclass(frozen=True, slots=True)
class Spec:
    """What a blueprint may look like.

    Attributes:
        long_side_px: Longer side of the picture.
        layout_share: Share of storeys from measured layouts, where there are any; 0 to 1.
        without_walls: Wall styles that are left out.
        without: Names of other ingredients that are left out, of :data:`INGREDIENTS`.
        without_damage: Names of effects of the world that are left out, of
            :data:`plans.degrade.EFFECT_NAMES`; other pages stay the same.
    """

    long_side_px: int = 640
    layout_share: float = 0.35
    without_walls: tuple[WallStyle, ...] = ()
    without: tuple[str, ...] = ()
    without_damage: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse ingredients and damage that do not exist."""
        for what, names, known in (
            ("ingredients", self.without, INGREDIENTS),
            ("damage", self.without_damage, EFFECT_NAMES),
        ):
            if unknown := set(names) - set(known):
                msg = f"unknown {what} {sorted(unknown)}; known are {', '.join(known)}"
                raise ValueError(msg)


INGREDIENTS = (
    "furniture",  # and fixtures
    "names",
    "patterns",  # of floors, and their colors
    "words only",  # sheets without a plan
    "several",  # several plans a sheet
    "offices",
    "neighbors",
    "dimensions",
    "grid",
    "roof",
    "sections",
    "crossing",  # beams, ridges and slopes drawn across rooms
    "room dimensions",
    "clearances",  # dashed circles and outlines in rooms
    "title",
    "notes",
    "elevation",
    "crop",  # plans larger than the picture
    "stretch",  # aspect ratio not kept
    "tilt",  # turned and sheared by a few degrees
    "photo",  # lying on a desk, seen at an angle
    "degrade",  # what plans.degrade does
)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A picture and its rooms.

    Attributes:
        page: uint8 RGB, shape ``(height, width, 3)``.
        boxes_xyxy_px: float32, shape ``(n, 4)``, inside the page.
        outlines: The same rooms' clear floors in pixels, as far as they lie on the page.
        wall_style: Of the outer walls of the first plan.
    """

    page: PageU8
    boxes_xyxy_px: Boxes
    outlines: Outlines
    wall_style: WallStyle


def draw_blueprint(seed: int, spec: Spec, layouts: Sequence[dict[str, Any]] = ()) -> Blueprint:
    """Return the blueprint of a seed; equal arguments give equal pixels and boxes.

    Args:
        seed: Any integer from 0.
        spec: What it may look like.
        layouts: Measured layouts (:func:`plans.synth.layouts.read_layouts`), may be empty.
    """
    rng = np.random.default_rng(seed)
    has = _Chance(spec, rng)
    page, boxes, outlines, style = _draw_sheet(spec, layouts, has, rng)
    if has("tilt", 0.35):
        page, moved = tilt(page, outlines.beside(boxes), rng)
        boxes, outlines = outlines.moved(moved)
    boxes, outlines = _visible(boxes, outlines, page.shape)
    if has("photo", 0.06):
        depth = rng.uniform(0.04, 0.12)
        page, moved = photograph(page, outlines.beside(boxes), depth, rng)
        boxes, outlines = outlines.moved(moved)
    if has("degrade", 0.6):
        page = degrade_randomly(page, rng, spec.without_damage)
    return Blueprint(page, *_visible(boxes, outlines, page.shape), style.outer_wall)


def _draw_sheet(
    spec: Spec, layouts: Sequence[dict[str, Any]], has: _Chance, rng: np.random.Generator
) -> tuple[PageU8, Boxes, Outlines, Style]:
    """Return a clean sheet, its rooms, which may reach over its edges, and its style."""
    width, height = _page_wh_px(spec, rng)
    page = np.full((height, width, 3), 255, np.uint8)
    sheet = Canvas(page, np.array([[1.0, 0, 0], [0, 1.0, 0]]))
    style = draw_style(rng, spec.without_walls, spec.without)
    if has("words only", 0.04):
        draw_wordsheet(sheet, style, rng)
        return _averaged(page), np.zeros((0, 4), np.float32), Outlines(), style
    fields = _fields(width, height, has, rng)
    boxes, outlines = [], []
    for field in fields:
        floor = _choose_storey(spec, layouts, rng)
        canvas = _draw_plan(sheet, floor, style, field, has, rng)
        boxes.append(_boxes(canvas, floor))
        outlines += [
            canvas.to_px(space.shape.exterior.coords[:-1]) / _OVERSAMPLING
            for space in floor.spaces
            if space.is_room
        ]
    if has("elevation", 0.05) and len(fields) == 1:
        x, y = rng.uniform(0, 0.7) * width, rng.uniform(0.75, 0.9) * height
        surroundings.draw_elevation(sheet, (x, y, x + 0.25 * width, y + 0.1 * height), rng)
    if has("notes", 0.55):
        surroundings.draw_notes(sheet, style, rng)
        surroundings.draw_north_arrow(sheet, rng)
    if has("title", 0.15):
        surroundings.draw_title_block(sheet, style, rng)
    boxes_px: Boxes = np.concatenate(boxes) / np.float32(_OVERSAMPLING)
    return _averaged(page), boxes_px, Outlines(tuple(outlines)), style


def _averaged(page: PageU8) -> PageU8:
    """Return a page at the size that is asked for."""
    wh_px = (page.shape[1] // _OVERSAMPLING, page.shape[0] // _OVERSAMPLING)
    return as_page(cv2.resize(page, wh_px, interpolation=cv2.INTER_AREA))


class _Chance:
    """Throws the dice for an ingredient, unless the specification leaves it out."""

    def __init__(self, spec: Spec, rng: np.random.Generator) -> None:
        self._spec, self._rng = spec, rng

    def __call__(self, ingredient: str, probability: float) -> bool:
        drawn = self._rng.random() < probability
        return drawn and ingredient not in self._spec.without


def _page_wh_px(spec: Spec, rng: np.random.Generator) -> tuple[int, int]:
    aspect = float(rng.choice([1.0, rng.uniform(0.6, 1.0), 0.75], p=[0.45, 0.35, 0.2]))
    long_side = spec.long_side_px * _OVERSAMPLING
    short_side = round(long_side * aspect / _OVERSAMPLING) * _OVERSAMPLING
    return (long_side, short_side) if rng.random() < 0.55 else (short_side, long_side)


def _fields(
    width: int, height: int, has: _Chance, rng: np.random.Generator
) -> list[tuple[float, float, float, float]]:
    """Return where on the page plans lie, ``x0, y0, x1, y1`` in pixels."""
    if not has("several", 0.09):
        left, top, right, bottom = rng.uniform(0.0, 0.12, 4)  # plans are often cut out narrowly
        return [(left * width, top * height, (1 - right) * width, (1 - bottom) * height)]
    columns, rows = ((2, 1), (1, 2), (2, 2), (3, 1))[int(rng.choice(4, p=[0.4, 0.3, 0.2, 0.1]))]
    w, h = width / columns, height / rows
    fields = []
    for i in range(columns):
        for j in range(rows):
            m = rng.uniform(0.05, 0.15)
            fields.append(((i + m) * w, (j + m) * h, (i + 1 - m) * w, (j + 1 - m) * h))
    return fields


def _choose_storey(
    spec: Spec, layouts: Sequence[dict[str, Any]], rng: np.random.Generator
) -> Floor:
    from_layout = rng.random() < spec.layout_share
    building = list(Building)[int(rng.choice(4, p=[0.87, 0.05, 0.04, 0.04]))]
    if "offices" in spec.without and building in (Building.OFFICE, Building.SCHOOL):
        building = Building.HOME
    if not (from_layout and len(layouts)):
        return build_storey(building, rng)
    floor = layout_to_floor(layouts[int(rng.integers(len(layouts)))], rng)
    if rng.random() < 0.1:
        floor = _beside(floor, layout_to_floor(layouts[int(rng.integers(len(layouts)))], rng), rng)
    return floor


def _beside(first: Floor, second: Floor, rng: np.random.Generator) -> Floor:
    """Return two flats side by side under one roof, or one and its mirror image."""
    x1, y0 = first.bounds_m[2], first.bounds_m[1]
    if rng.random() < 0.5:
        second = first.transformed((-1, 0, 0, 1, 2 * x1, 0))
    else:
        bx0, by0, _, _ = second.bounds_m
        second = second.transformed((1, 0, 0, 1, x1 - bx0, y0 - by0))
    return type(first)(
        first.spaces + second.spaces,
        snap(first.outer_walls.union(second.outer_walls)),
        snap(first.inner_walls.union(second.inner_walls)),
        first.openings + second.openings,
        first.rails + second.rails,
    )


def _draw_plan(
    sheet: Canvas,
    floor: Floor,
    style: Style,
    field: tuple[float, float, float, float],
    has: _Chance,
    rng: np.random.Generator,
) -> Canvas:
    """Draw a storey and what belongs to it into a field; return the canvas that it is drawn on."""
    canvas = _fit(sheet, floor, field, has, rng)
    if has("neighbors", 0.42):
        draw_neighbors(canvas, floor, style, rng)
    draw_floor(canvas, floor, style, rng)
    for ingredient, probability, draw in (
        ("dimensions", 0.35, surroundings.draw_dimensions),
        ("grid", 0.06, surroundings.draw_grid),
        ("roof", 0.15, surroundings.draw_roof_line),
        ("sections", 0.12, surroundings.draw_section_marks),
        ("crossing", 0.3, surroundings.draw_crossing_lines),
        ("room dimensions", 0.2, surroundings.draw_room_dimensions),
        ("clearances", 0.2, overlays.draw_clearances),
    ):
        if has(ingredient, probability):
            draw(canvas, floor, style, rng)
    return canvas


def _boxes(canvas: Canvas, floor: Floor) -> Boxes:
    """Return the boxes of a storey's rooms in pixels."""
    boxes = []
    for space in floor.spaces:
        if space.is_room:
            x0, y0, x1, y1 = space.shape.bounds
            corners = canvas.to_px([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
            boxes.append([*corners.min(axis=0), *corners.max(axis=0)])
    return np.array(boxes, np.float32).reshape(-1, 4)


def _fit(
    sheet: Canvas,
    floor: Floor,
    field: tuple[float, float, float, float],
    has: _Chance,
    rng: np.random.Generator,
) -> Canvas:
    """Return a canvas whose meters put the storey into a field, turned and mirrored at random."""
    x0, y0, x1, y1 = floor.bounds_m
    turn = np.eye(2)[:, [1, 0]] if rng.random() < 0.5 else np.eye(2)
    axes = turn @ np.diag(rng.choice([-1.0, 1.0], 2))
    corners = np.array([(x0, y0), (x1, y1)]) @ axes.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    fx0, fy0, fx1, fy1 = field
    scale_xy = np.array([fx1 - fx0, fy1 - fy0]) / (high - low)
    scale = np.repeat(scale_xy.min(), 2)
    if has("stretch", 0.4):
        scale = scale * rng.uniform(0.72, 1.0, 2)
    middle = np.array([fx0 + fx1, fy0 + fy1]) / 2
    if has("crop", 0.3):
        scale = scale * rng.uniform(1.05, 2.0)
        middle = middle + rng.uniform(-0.25, 0.25, 2) * np.array([fx1 - fx0, fy1 - fy0])
    elif rng.random() < 0.12:
        scale = scale * rng.uniform(0.4, 1.0)
    offset = middle - scale * (low + high) / 2
    return Canvas(sheet.page, np.column_stack([np.diag(scale) @ axes, offset]))


def _visible(boxes: Boxes, outlines: Outlines, page_hw: tuple[int, ...]) -> tuple[Boxes, Outlines]:
    """Return the rooms cut at the page's edges, without those of which too little is left."""
    h, w = page_hw[:2]
    cut = boxes.clip(0, np.array([w, h, w, h], np.float32))
    sides = cut[:, 2:] - cut[:, :2]
    whole = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    kept = (sides.min(axis=1, initial=np.inf) >= _LEAST_SIDE_PX) & (
        np.prod(sides, axis=1) >= _LEAST_VISIBLE * whole
    )
    return cut[kept], outlines.on_page(cut, kept, page_hw)
