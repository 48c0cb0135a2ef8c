# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ways to show a page to the network: each a function of page and network, without suppression.

A look gives one :class:`Detections` for each pass of the network, in fractions of the page, not
clipped to it. What makes one answer of them is in :mod:`benchmarks.answers.merges`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

from benchmarks.answers.canvas import (
    LOWEST_CONFIDENCE,
    Page,
    Place,
    RunNetwork,
    candidates,
    ink_box,
    resized,
    tile_starts,
)
from benchmarks.answers.views import (
    MIRRORED,
    UPRIGHT,
    View,
    apply_view,
    cells_of_view,
    to_corners,
    undo_view,
)
from roomdet.detector import ZOOM, ZOOMED_STEP_PX
from roomdet.detector import Look as OneLook
from roomdet.geometry import (
    CANVAS_STEP_PX,
    Boxes,
    Detections,
    Letterbox,
    Pixels,
    fit_within,
    non_maximum_suppression,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FIT_STEP_PX = 128
SURE = 0.25
CUT_PX = 4  # a box of a tile that comes so close to a cut edge is part of a room

Look: TypeAlias = Callable[[Page, RunNetwork], list[Detections]]


def letterboxed(side_px: int) -> Look:
    """The page on a square canvas."""
    return lambda page, run: [candidates(page.pixels(side_px), run, (side_px, side_px))]


def on_rectangle(side_px: int) -> Look:
    """The page on the smallest canvas that holds it."""
    return lambda page, run: [_on_rectangle(page.pixels(side_px), side_px, run)]


def closer(side_px: int, below_px: int) -> Look:
    """As served: once, and instead of that at twice the size where there are many small rooms."""

    def look(page: Page, run: RunNetwork) -> list[Detections]:
        pixels = page.pixels(side_px)
        letterbox = Letterbox.around((pixels.shape[1], pixels.shape[0]), side_px)
        output = run(letterbox.place(pixels))
        if OneLook(output, letterbox).has_small_rooms(below_px):
            zoomed_px = ZOOM * side_px
            return [_on_rectangle(page.pixels(zoomed_px), zoomed_px, run, ZOOMED_STEP_PX)]
        return [_on_rectangle(pixels, side_px, lambda _: output)]

    return look


def averaged(side_px: int, views: Sequence[View]) -> Look:
    """The letterboxed page in several views; each cell's box and scores are the views' mean.

    The grids of a square canvas turn with it, so that every cell has its own in every view.
    """

    def look(page: Page, run: RunNetwork) -> list[Detections]:
        pixels = page.pixels(side_px)
        place = Place.centered(pixels, (side_px, side_px))
        canvas = place.canvas(pixels)
        total = np.zeros(0, np.float32)
        for view in views:
            output = run(np.ascontiguousarray(apply_view(canvas, view)))
            boxes = to_corners(output[:4]).T / side_px
            cells = cells_of_view(side_px, view)
            aligned = np.empty_like(output)
            aligned[:4, cells] = undo_view(boxes, view).T
            aligned[4:, cells] = output[4:]
            total = total + aligned if total.size else aligned
        mean = total / len(views)
        scores = mean[4:].max(axis=0)
        chosen = scores >= LOWEST_CONFIDENCE
        return [place.to_page(mean[:4, chosen].T * side_px, scores[chosen])]

    return look


def stretched(side_px: int) -> Look:
    """Stretched to a square, as the training pictures are."""

    def look(page: Page, run: RunNetwork) -> list[Detections]:
        pixels = resized(page.at_most(2 * side_px), (side_px, side_px), Image.Resampling.BILINEAR)
        return [candidates(pixels, run, (side_px, side_px))]

    return look


def enlarged(side_px: int, resampling: Image.Resampling) -> Look:
    """A page that is smaller than the canvas is enlarged so; a larger one is reduced as served."""

    def look(page: Page, run: RunNetwork) -> list[Detections]:
        pixels = page.at_most(side_px)
        wanted_wh = fit_within(page.size_wh_px, side_px)
        if pixels.shape[1::-1] != wanted_wh:
            pixels = resized(pixels, wanted_wh, resampling)
        return [candidates(pixels, run, (side_px, side_px))]

    return look


def not_enlarged(side_px: int) -> Look:
    """A page that is smaller than the canvas keeps its size."""
    return lambda page, run: [candidates(page.at_most(side_px), run, (side_px, side_px))]


def turned(side_px: int, views: Sequence[View]) -> Look:
    """The letterboxed page, mirrored and turned in several ways."""

    def look(page: Page, run: RunNetwork) -> list[Detections]:
        pixels = page.pixels(side_px)
        passes = []
        for view in views:
            found = candidates(apply_view(pixels, view), run, (side_px, side_px))
            passes.append(Detections(undo_view(found.boxes_xyxy, view), found.scores))
        return passes

    return look


def cropped(side_px: int, *, as_rectangle: bool = False, view: View = UPRIGHT) -> Look:
    """The part of the page that has ink, letterboxed.

    Args:
        side_px: Longer side of that part as the network sees it.
        as_rectangle: Whether the canvas is no larger than needed.
        view: How that part is shown.
    """

    def look(page: Page, run: RunNetwork) -> list[Detections]:
        pixels = page.at_most(2 * side_px)
        x0, y0, x1, y1 = ink_box(pixels)
        part = pixels[y0:y1, x0:x1]
        part = resized(part, fit_within((x1 - x0, y1 - y0), side_px), Image.Resampling.BILINEAR)
        part = apply_view(part, view)
        found = (
            _on_rectangle(part, side_px, run)
            if as_rectangle
            else candidates(part, run, (side_px, side_px))
        )
        upright = Detections(undo_view(found.boxes_xyxy, view), found.scores)
        return [_within(upright, (x0, y0, x1, y1), pixels.shape[1::-1])]

    return look


def fitted(side_px: int, room_px: float, *, with_first: bool, as_rectangle: bool = False) -> Look:
    """The letterboxed page, then mirrored at the size at which its rooms have the wanted one.

    Args:
        side_px: Of the first canvas.
        room_px: Wanted side of the median room, the root of its area.
        with_first: Whether the first pass is part of the answer.
        as_rectangle: Whether canvases are no larger than needed.
    """

    def pass_at(page: Page, run: RunNetwork, side: int, view: View) -> Detections:
        pixels = apply_view(page.pixels(side), view)
        found = (
            _on_rectangle(pixels, side, run)
            if as_rectangle
            else candidates(pixels, run, (side, side))
        )
        return Detections(undo_view(found.boxes_xyxy, view), found.scores)

    def look(page: Page, run: RunNetwork) -> list[Detections]:
        first = pass_at(page, run, side_px, UPRIGHT)
        found_px = median_room_px(first, fit_within(page.size_wh_px, side_px))
        side = (
            FIT_STEP_PX * round(side_px * room_px / found_px / FIT_STEP_PX) if found_px else side_px
        )
        side = min(max(side, FIT_STEP_PX * 3), 2 * side_px)
        second = pass_at(page, run, side, MIRRORED)
        return [first, second] if with_first else [second]

    return look


def median_room_px(found: Detections, page_wh_px: tuple[int, int]) -> float:
    """Median side of the rooms that are found for sure on a page of that size; 0 without any."""
    kept = non_maximum_suppression(found, iou=0.45, max_count=300)
    boxes_px = kept.boxes_xyxy[kept.scores >= SURE] * np.array(page_wh_px * 2)
    areas = np.prod(boxes_px[:, 2:] - boxes_px[:, :2], axis=1)
    return float(np.sqrt(np.median(areas))) if areas.size else 0.0


def tiled(side_px: int, page_px: int, *, overlap: float = 0.25) -> Look:
    """The letterboxed page, then tiles of the page at ``page_px``, without what their edges cut.

    Args:
        side_px: Of the canvas and of a tile.
        page_px: Longer side of the page that is cut; a smaller page is not enlarged.
        overlap: Of neighboring tiles at least, as a fraction of a tile.
    """

    def look(page: Page, run: RunNetwork) -> list[Detections]:
        pixels = page.at_most(page_px)
        height, width = pixels.shape[:2]
        whole = candidates(page.pixels(side_px), run, (side_px, side_px))
        if max(height, width) <= side_px:
            return [whole]
        spans = [
            (x0, y0, min(x0 + side_px, width), min(y0 + side_px, height))
            for y0 in tile_starts(height, side_px, overlap)
            for x0 in tile_starts(width, side_px, overlap)
        ]
        return [whole, *(_tile(pixels, span, run, side_px) for span in spans)]

    return look


def together(looks: Iterable[Look]) -> Look:
    """The passes of several looks."""
    chosen = tuple(looks)
    return lambda page, run: [found for look in chosen for found in look(page, run)]


def _on_rectangle(
    pixels: Pixels, side_px: int, run: RunNetwork, step_px: int = CANVAS_STEP_PX
) -> Detections:
    height, width = pixels.shape[:2]
    letterbox = Letterbox.around((width, height), side_px, step_px)
    return candidates(pixels, run, letterbox.canvas_wh_px)


def _tile(
    pixels: Pixels, span: tuple[int, int, int, int], run: RunNetwork, side_px: int
) -> Detections:
    x0, y0, x1, y1 = span
    height, width = pixels.shape[:2]
    found = candidates(pixels[y0:y1, x0:x1], run, (side_px, side_px))
    edges = np.array([x0, y0, x1, y1])
    is_cut = edges != (0, 0, width, height)  # the page's own edges cut nothing
    corners_px = found.boxes_xyxy * ([x1 - x0, y1 - y0] * 2) + ([x0, y0] * 2)
    is_whole = ~((np.abs(corners_px - edges) < CUT_PX) & is_cut).any(axis=1)
    kept = Detections(found.boxes_xyxy[is_whole], found.scores[is_whole])
    return _within(kept, span, (width, height))


def _within(
    found: Detections, part_xyxy_px: tuple[int, int, int, int], page_wh_px: tuple[int, ...]
) -> Detections:
    """Map fractions of a part to fractions of the page."""
    x0, y0, x1, y1 = part_xyxy_px
    corners_px = found.boxes_xyxy * ([x1 - x0, y1 - y0] * 2) + ([x0, y0] * 2)
    boxes: Boxes = (corners_px / (list(page_wh_px) * 2)).astype(np.float32)
    return Detections(boxes, found.scores)
