# SPDX-License-Identifier: AGPL-3.0-or-later
"""One plan on a sheet: a floor in its field, with tags, axes, dimensions and other marks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from shapely import affinity
from shapely.geometry import Polygon, box

from plans.synth import ground, planmarks, tags
from plans.synth.canvas import Canvas
from plans.synth.render import draw_floor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from plans.synth.cad import Cad
    from plans.synth.canvas import Ink
    from plans.synth.floor import Floor, Kind

    PageU8 = npt.NDArray[np.uint8]
    Mark = Callable[[Canvas, Floor, Cad, np.random.Generator], None]

FieldPx = tuple[float, float, float, float]
PAPER = (255, 255, 255)
_MOST_MM_PER_M = 22.0  # larger than 1:45 no plan is drawn
_LETTERS_M = 0.48  # capitals are not higher than this is in the building,
_LETTERS_OF_ROOM = 0.11  # nor than this share of the median room's side
_READABLE_PX = 4.0
_LEAST_VISIBLE = 0.5  # share of a room on this side of a matchline that makes it a room

_BEFORE = (  # what lies under the plan, and how often
    (0.15, ground.draw_roofs),
    (0.5, ground.draw_courts),
    (0.12, ground.draw_tiers),
)
_AFTER = (
    (0.25, ground.draw_columns),
    (0.08, planmarks.fade),
    (0.5, tags.draw_opening_marks),
    (0.2, tags.draw_wall_marks),
    (0.22, tags.draw_keynotes),
    (0.22, tags.draw_remarks),
    (0.42, planmarks.draw_axes),
    (0.45, planmarks.draw_dimension_chains),
    (0.12, planmarks.draw_clouds),
    (0.35, planmarks.draw_view_marks),
    (0.15, planmarks.draw_fire_line),
)


@dataclass(frozen=True, slots=True)
class RoomPx:
    """A room on a sheet.

    Attributes:
        kind: What it is for.
        shape: Its clear floor, in pixels of the sheet.
        tag: What is written in it.
        px_per_m: Of its plan.
    """

    kind: Kind
    shape: Polygon
    tag: tags.Tag = field(default_factory=tags.Tag)
    px_per_m: float = 1.0


@dataclass(frozen=True, slots=True)
class Plot:
    """How plans are drawn to scale.

    Attributes:
        ink: Keeps the drawing.
        px_per_mm: Pixels of the canvas a millimeter of paper.
        ratios: Scales in which plans are drawn, as lengths of the building per length on paper,
            rising; the last is that of a plan that is too large for all.
    """

    ink: Ink
    px_per_mm: float
    ratios: tuple[float, ...]

    def px_per_m(self, most: float) -> float:
        """Return the largest scale that is none larger than one that fits, in pixels a meter."""
        scales = [1000 * self.px_per_mm / ratio for ratio in self.ratios]
        return next((scale for scale in scales if scale <= most), scales[-1])


def draw_plan(
    page: PageU8,
    floor: Floor,
    place: FieldPx,
    cad: Cad,
    rng: np.random.Generator,
    plot: Plot | None = None,
) -> list[RoomPx]:
    """Draw a floor with its marks into a field of a page; return its rooms.

    Args:
        page: uint8 RGB, shape ``(height, width, 3)``; drawn on.
        floor: The floor.
        place: ``x0, y0, x1, y1`` in pixels.
        cad: The office's decisions.
        rng: Turns, mirrors and marks it.
        plot: Draws it to scale, whole; none draws it as large as its place is.
    """
    canvas = fit(page, floor, place, _MOST_MM_PER_M * cad.px_per_mm, rng)
    if plot is not None:
        canvas = _to_scale(canvas, place, plot)
    cad = _scaled(cad, canvas, floor)
    _draw_some(_BEFORE, canvas, floor, cad, rng)
    untouched = rng.random() < 0.14
    if untouched:
        planmarks.draw_untouched(canvas, floor, cad, rng)
    draw_floor(canvas, floor, cad.style, rng)
    readable = cad.text_mm * cad.px_per_mm >= _READABLE_PX
    written = [tags.Tag()] * len(floor.spaces)
    if rng.random() < (0.92 if readable else 0.3):
        written = tags.draw_room_tags(canvas, floor, cad, rng)
    _draw_some(_AFTER, canvas, floor, cad, rng)
    if untouched:
        planmarks.draw_untouched_words(canvas, floor, cad, rng)
    window = box(0, 0, page.shape[1], page.shape[0])
    if plot is None and rng.random() < 0.1:
        window = _cut_at_matchline(canvas, floor, cad, rng)
    return _rooms(canvas, floor, written, window)


def _draw_some(
    marks: Sequence[tuple[float, Mark]],
    canvas: Canvas,
    floor: Floor,
    cad: Cad,
    rng: np.random.Generator,
) -> None:
    for probability, draw in marks:
        if rng.random() < probability:
            draw(canvas, floor, cad, rng)


def _scaled(cad: Cad, canvas: Canvas, floor: Floor) -> Cad:
    """Return the office's decisions for a plan that is too small for its usual letters."""
    side_m = float(np.median([space.shape.area**0.5 for space in floor.spaces]))
    most_m = min(_LETTERS_M, _LETTERS_OF_ROOM * side_m)
    return replace(cad, text_mm=min(cad.text_mm, most_m * canvas.px_per_m / cad.px_per_mm))


def fit(
    page: PageU8, floor: Floor, place: FieldPx, most_px_per_m: float, rng: np.random.Generator
) -> Canvas:
    """Return a canvas whose meters put a floor into a field, turned by quarters and mirrored."""
    x0, y0, x1, y1 = floor.bounds_m
    w, h = place[2] - place[0], place[3] - place[1]
    lies = (x1 - x0 > y1 - y0) == (w > h)
    turn = np.eye(2) if lies or rng.random() < 0.1 else np.eye(2)[:, [1, 0]]
    axes = turn @ np.diag(rng.choice([-1.0, 1.0], 2))
    corners = np.array([(x0, y0), (x1, y1)]) @ axes.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = float(rng.choice([0.0, 0.03, 0.1]))
    scale = min((1 - 2 * margin) * min(np.array([w, h]) / (high - low)), most_px_per_m)
    middle = np.array([place[0] + place[2], place[1] + place[3]]) / 2
    return Canvas(page, np.column_stack([scale * axes, middle - scale * (low + high) / 2]))


def _to_scale(canvas: Canvas, place: FieldPx, plot: Plot) -> Canvas:
    """Return a canvas at the next smaller scale in which plans are drawn, with the same middle."""
    share = plot.px_per_m(canvas.px_per_m) / canvas.px_per_m
    middle = np.array([place[0] + place[2], place[1] + place[3]]) / 2
    matrix = canvas.matrix * share
    matrix[:, 2] += (1 - share) * middle
    return Canvas(canvas.page, matrix, plot.ink)


def _cut_at_matchline(canvas: Canvas, floor: Floor, cad: Cad, rng: np.random.Generator) -> Polygon:
    """Take away what lies beyond a matchline; return what is left of the page."""
    h, w = canvas.page.shape[:2]
    corners = canvas.to_px([floor.bounds_m[:2], floor.bounds_m[2:]])
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    reach = 45 * cad.px_per_mm  # of dimensions and axes around the plan
    sheet = tags.paper(canvas)
    pen = cad.pen(3).dashed(15 * cad.px_per_mm, 4 * cad.px_per_mm)
    text = f"MATCHLINE - SEE A{int(rng.integers(100, 300))}"
    if x1 - x0 > y1 - y0:
        at = x0 + rng.uniform(0.5, 0.85) * (x1 - x0)
        canvas.page[max(0, int(y0 - reach)) : int(y1 + reach), int(at) : int(x1 + reach)] = 255
        sheet.line((at, y0 - reach / 2), (at, y1 + reach / 2), pen)
        sheet.text((at + 5 * cad.px_per_mm, y0), text, cad.letters(2.5), turned=True)
        return box(0, 0, at, h)
    at = y0 + rng.uniform(0.5, 0.85) * (y1 - y0)
    canvas.page[int(at) : int(y1 + reach), max(0, int(x0 - reach)) : int(x1 + reach)] = 255
    sheet.line((x0 - reach / 2, at), (x1 + reach / 2, at), pen)
    sheet.text((x0, at + 5 * cad.px_per_mm), text, cad.letters(2.5))
    return box(0, 0, w, at)


def _rooms(canvas: Canvas, floor: Floor, written: list[tags.Tag], window: Polygon) -> list[RoomPx]:
    matrix = canvas.matrix
    flat = [*matrix[:, :2].ravel(), *matrix[:, 2]]
    rooms = []
    for space, tag in zip(floor.spaces, written, strict=True):
        whole = affinity.affine_transform(space.shape, flat)
        if not space.is_room:
            continue
        shape = whole if window.contains(whole) else whole.intersection(window)
        if isinstance(shape, Polygon) and shape.area >= _LEAST_VISIBLE * whole.area:
            rooms.append(RoomPx(space.kind, shape, tag, canvas.px_per_m))
    return rooms
