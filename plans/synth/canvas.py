# SPDX-License-Identifier: AGPL-3.0-or-later
"""A page of pixels on which a plan is drawn in meters."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from shapely import get_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

    PageU8 = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.uint8]
    Points = npt.NDArray[np.float64]

ColorRGB = tuple[int, int, int]
PointM = tuple[float, float]
_SUBPIXEL_BITS = 4  # OpenCV takes coordinates in 1/16 pixel
_INK_FLOOR = 40  # coverage of 255 below which a text's pixel is paper


@dataclass(frozen=True, slots=True)
class Pen:
    """How a line is drawn.

    Attributes:
        color: Ink.
        width_px: Line width.
        dash_m: Lengths of stroke and gap; none draws a solid line.
    """

    color: ColorRGB = (0, 0, 0)
    width_px: int = 1
    dash_m: tuple[float, float] | None = None

    def dashed(self, stroke_m: float, gap_m: float) -> Pen:
        """Return this pen with dashes."""
        return replace(self, dash_m=(stroke_m, gap_m))


class Ink(Protocol):
    """What keeps a drawing as lines, areas and text beside its pixels; coordinates are pixels."""

    def stroke(self, lines_px: list[Points], pen: Pen, *, closed: bool = False) -> None:
        """Draw lines through points, each shape ``(k, 2)``."""

    def fill(self, rings_px: list[Points], color: ColorRGB) -> None:
        """Fill what lies in an odd number of rings."""

    def hatch(self, rings_px: list[Points], lines_px: list[Points], pen: Pen) -> None:
        """Draw lines as far as they lie in an odd number of rings."""

    def text(self, at_px: Points, text: str, font: Lettering, *, turned: bool) -> None:
        """Write a text centered on a point, shape ``(2,)``."""

    def moved(self, by_px: tuple[int, int]) -> Ink:
        """Return the same drawing with its origin at a pixel."""


class Canvas:
    """A page, and the affine map from meters to its pixels."""

    def __init__(
        self, page: PageU8, matrix: npt.NDArray[np.float64], ink: Ink | None = None
    ) -> None:
        """Draw on ``page`` (H×W×3, RGB) through ``matrix`` (2×3, meters to pixels).

        What is drawn is told to ``ink``, too, if there is one.
        """
        self.page = page
        self.matrix = matrix
        self.ink = ink
        self.px_per_m = math.sqrt(abs(np.linalg.det(matrix[:, :2])))

    def moved(self, origin: PointM, u: PointM, v: PointM) -> Canvas:
        """Return the same page with axes ``u`` and ``v`` at ``origin``, given in meters."""
        inner = np.array([[u[0], v[0], origin[0]], [u[1], v[1], origin[1]], [0, 0, 1]])
        return self.over(self.matrix @ inner)

    def over(self, matrix: npt.NDArray[np.float64]) -> Canvas:
        """Return the same page under another map, 2×3, from meters or pixels to its pixels."""
        return Canvas(self.page, matrix, self.ink)

    def to_px(self, points_m: Iterable[PointM]) -> npt.NDArray[np.float64]:
        """Map points to pixels, shape ``(n, 2)``."""
        points = np.asarray(list(points_m), dtype=np.float64).reshape(-1, 2)
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    # -- lines and areas ----------------------------------------------------------------------

    def path(self, points_m: Sequence[PointM], pen: Pen, *, closed: bool = False) -> None:
        """Draw a line through the points."""
        if closed:
            points_m = [*points_m, points_m[0]]
        if pen.dash_m is None:
            self._strokes([self.to_px(points_m)], pen)
            return
        self._strokes([self.to_px(dash) for dash in _dashes(points_m, *pen.dash_m)], pen)

    def _strokes(self, lines_px: list[Points], pen: Pen) -> None:
        if self.ink is not None:
            self.ink.stroke(lines_px, pen)
        fixed = [np.round(line * 2**_SUBPIXEL_BITS).astype(np.int32) for line in lines_px]
        cv2.polylines(
            self.page,
            fixed,
            isClosed=False,
            color=pen.color,
            thickness=max(1, pen.width_px),
            lineType=cv2.LINE_AA,
            shift=_SUBPIXEL_BITS,
        )

    def fill(self, points_m: Sequence[PointM], color: ColorRGB) -> None:
        ring = self.to_px(points_m)
        if self.ink is not None:
            self.ink.fill([ring], color)
        fixed = np.round(ring * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(self.page, [fixed], color, cv2.LINE_AA, _SUBPIXEL_BITS)

    def box(
        self, x_m: float, y_m: float, w_m: float, h_m: float, pen: Pen, fill: ColorRGB | None = None
    ) -> None:
        """Draw a rectangle, filled where a color is given."""
        corners = [(x_m, y_m), (x_m + w_m, y_m), (x_m + w_m, y_m + h_m), (x_m, y_m + h_m)]
        if fill is not None:
            self.fill(corners, fill)
        self.path(corners, pen, closed=True)

    def line(self, a: PointM, b: PointM, pen: Pen) -> None:
        """Draw a straight line."""
        self.path([a, b], pen)

    def ellipse(
        self, center: PointM, rx_m: float, ry_m: float, pen: Pen, fill: ColorRGB | None = None
    ) -> None:
        """Draw an ellipse along the axes, filled where a color is given."""
        points = arc_points(center, rx_m, ry_m, 0.0, 360.0)
        if fill is not None:
            self.fill(points, fill)
        self.path(points, pen, closed=True)

    def arc(self, center: PointM, r_m: float, from_deg: float, to_deg: float, pen: Pen) -> None:
        """Draw a part of a circle."""
        self.path(arc_points(center, r_m, r_m, from_deg, to_deg), pen)

    def around(self, shape: BaseGeometry) -> Canvas:
        """Return this canvas cut to the part of the page that a shape takes, to save work."""
        h, w = self.page.shape[:2]
        corners = self.to_px([shape.bounds[:2], shape.bounds[2:], *_other_corners(shape.bounds)])
        x0, y0 = np.floor(corners.min(axis=0)).astype(int).clip(0, [w, h]) - 2
        x1, y1 = np.ceil(corners.max(axis=0)).astype(int).clip(0, [w, h]) + 2
        x0, y0 = max(x0, 0), max(y0, 0)
        matrix = self.matrix.copy()
        matrix[:, 2] -= x0, y0
        ink = None if self.ink is None else self.ink.moved((int(x0), int(y0)))
        return Canvas(self.page[y0:y1, x0:x1], matrix, ink)

    # -- shapes with holes ----------------------------------------------------------------------

    def mask(self, shape: BaseGeometry) -> Mask:
        """Return 255 where a shape is, 0 elsewhere, size of the page."""
        mask = np.zeros(self.page.shape[:2], np.uint8)
        rings = [np.round(ring * 2**_SUBPIXEL_BITS).astype(np.int32) for ring in self.rings(shape)]
        if rings:
            cv2.fillPoly(mask, rings, 255, cv2.LINE_8, _SUBPIXEL_BITS)
        return mask

    def rings(self, shape: BaseGeometry) -> list[npt.NDArray[np.float64]]:
        """Return the outlines of a shape in pixels, holes included."""
        rings = []
        for part in get_parts(get_parts(shape)):  # of collections in collections, too
            if part.geom_type == "Polygon" and not part.is_empty:
                rings += [self.to_px(ring.coords) for ring in (part.exterior, *part.interiors)]
        return rings

    def fill_shape(self, shape: BaseGeometry, color: ColorRGB) -> None:
        """Fill a shape, leaving its holes."""
        exact = self.rings(shape)
        if self.ink is not None and exact:
            self.ink.fill(exact, color)
        rings = [np.round(ring * 2**_SUBPIXEL_BITS).astype(np.int32) for ring in exact]
        if rings:
            cv2.fillPoly(self.page, rings, color, cv2.LINE_8, _SUBPIXEL_BITS)

    def hatch(self, shape: BaseGeometry, pen: Pen, spacing_px: float, angle_deg: float) -> None:
        """Draw parallel lines where a shape is."""
        mask = self.mask(shape)
        x, y, w, h = cv2.boundingRect(mask)
        if w == 0 or h == 0:
            return
        reach = math.hypot(w, h)
        c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
        offsets = np.arange(-reach / 2, reach / 2, max(spacing_px, 2.0))
        center = np.array([w / 2, h / 2])
        along, cross = np.array([c, s]), np.array([-s, c])
        part = np.zeros((h, w), np.uint8)
        lines: list[Points] = []
        for offset in offsets:
            a = center + cross * offset - along * reach / 2
            b = a + along * reach
            lines.append(np.stack([a, b]) + np.array([x, y]))
            cv2.line(
                part, _point(a), _point(b), 255, max(1, pen.width_px), cv2.LINE_AA, _SUBPIXEL_BITS
            )
        if self.ink is not None:
            self.ink.hatch(self.rings(shape), lines, pen)
        part[mask[y : y + h, x : x + w] == 0] = 0
        _blend(self.page[y : y + h, x : x + w], part, pen.color)

    def outline(self, shape: BaseGeometry, pen: Pen) -> None:
        """Draw the outlines of a shape, holes included."""
        rings = self.rings(shape)
        if self.ink is not None and rings:
            self.ink.stroke(rings, pen, closed=True)
        fixed = [np.round(ring * 2**_SUBPIXEL_BITS).astype(np.int32) for ring in rings]
        if fixed:
            cv2.polylines(
                self.page,
                fixed,
                isClosed=True,
                color=pen.color,
                thickness=max(1, pen.width_px),
                lineType=cv2.LINE_AA,
                shift=_SUBPIXEL_BITS,
            )

    # -- text -----------------------------------------------------------------------------------

    def text(self, at_m: PointM, text: str, font: Lettering, *, turned: bool = False) -> None:
        """Write a text centered on a point, upright on the page or turned left by 90 degrees."""
        (x, y), coverage = self.to_px([at_m])[0], font.coverage(text)
        if self.ink is not None:
            self.ink.text(np.array([x, y]), text, font, turned=turned)
        if turned:
            coverage = np.rot90(coverage)
        h, w = coverage.shape
        x0, y0 = round(x - w / 2), round(y - h / 2)
        left, top = max(0, -x0), max(0, -y0)
        page = self.page[max(y0, 0) : y0 + h, max(x0, 0) : x0 + w]
        part = coverage[top : top + page.shape[0], left : left + page.shape[1]]
        if part.size and page.size:
            _blend(page, part, font.color)


class Lettering(Protocol):
    """What texts are written with."""

    @property
    def color(self) -> ColorRGB:
        """Ink."""

    def coverage(self, text: str) -> Mask:
        """Return how much ink each pixel of a text holds, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Font:
    """A typeface at a size."""

    path: Path
    size_px: int
    color: ColorRGB = (0, 0, 0)

    def coverage(self, text: str) -> Mask:
        """Return how much ink each pixel of a text holds, 0 to 255, lines centered."""
        face = _face(str(self.path), max(5, self.size_px))
        draw = ImageDraw.Draw(Image.new("L", (1, 1)))
        left, top, right, bottom = draw.multiline_textbbox((0, 0), text, font=face, align="center")
        image = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
        pen = ImageDraw.Draw(image)
        pen.multiline_text((2 - left, 2 - top), text, fill=255, font=face, align="center")
        return np.asarray(image)


@lru_cache(maxsize=512)
def _face(path: str, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size_px)


def _blend(page: PageU8, coverage: Mask, color: ColorRGB) -> None:
    inked = coverage > _INK_FLOOR
    if inked.any():
        share = coverage[inked][:, None].astype(np.float32) / 255
        page[inked] = (page[inked] * (1 - share) + np.array(color) * share).astype(np.uint8)


def _point(xy: npt.NDArray[np.float64]) -> tuple[int, int]:
    return (round(xy[0] * 2**_SUBPIXEL_BITS), round(xy[1] * 2**_SUBPIXEL_BITS))


def _other_corners(bounds: tuple[float, float, float, float]) -> list[PointM]:
    x0, y0, x1, y1 = bounds
    return [(x0, y1), (x1, y0)]


def arc_points(
    center: PointM, rx_m: float, ry_m: float, from_deg: float, to_deg: float
) -> list[PointM]:
    """Return points along a part of an ellipse, one every 10 degrees or so."""
    steps = max(3, int(abs(to_deg - from_deg) / 10) + 1)
    angles = np.radians(np.linspace(from_deg, to_deg, steps))
    return [(center[0] + rx_m * math.cos(a), center[1] + ry_m * math.sin(a)) for a in angles]


def _dashes(points_m: Sequence[PointM], stroke_m: float, gap_m: float) -> list[list[PointM]]:
    pieces = []
    for (ax, ay), (bx, by) in pairwise(points_m):
        length = math.hypot(bx - ax, by - ay)
        at = 0.0
        while at < length:
            end = min(at + stroke_m, length)
            pieces.append(
                [
                    (ax + (bx - ax) * at / length, ay + (by - ay) * at / length),
                    (ax + (bx - ax) * end / length, ay + (by - ay) * end / length),
                ]
            )
            at = end + gap_m
    return pieces
