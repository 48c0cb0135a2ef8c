# SPDX-License-Identifier: AGPL-3.0-or-later
"""A drawing pen on a reportlab canvas with the origin top left and y down."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from reportlab.lib import units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reportlab.pdfgen.canvas import Canvas

    from plans.sample.elements import Side

FONT, FONT_BOLD = "Helvetica", "Helvetica-Bold"
Point = tuple[float, float]


class Pen:
    """Draws in one unit of length (paper millimeters or plan meters).

    Line widths and text heights are always millimeters on paper.

    Args:
        canvas: The page; its transform must already map the unit with y down.
        units_per_mm: How many drawing units one paper millimeter is.
    """

    def __init__(self, canvas: Canvas, units_per_mm: float) -> None:
        self.canvas = canvas
        self.units_per_mm = units_per_mm

    @contextmanager
    def frame(self, origin: Point, u: Point, v: Point) -> Iterator[None]:
        """Draw in local axes: ``u`` and ``v`` are the unit vectors of the new x and y."""
        self.canvas.saveState()
        self.canvas.transform(*u, *v, *origin)
        try:
            yield
        finally:
            self.canvas.restoreState()

    def width(self, width_mm: float) -> None:
        """Set the line width."""
        self.canvas.setLineWidth(width_mm * self.units_per_mm)

    def gray(self, level: float) -> None:
        """Set the stroke: 0 black, 1 white."""
        self.canvas.setStrokeGray(level)

    def dash(self, *pattern_mm: float) -> None:
        """Set the dash pattern; none means solid."""
        self.canvas.setDash([length * self.units_per_mm for length in pattern_mm])

    def line(self, *points: Point) -> None:
        """Stroke an open polyline."""
        self._trace(points, fill=None, close=False)

    def polygon(self, *points: Point, fill: float | None = None) -> None:
        """Stroke a closed polygon, filled with a gray level if given."""
        self._trace(points, fill=fill, close=True)

    def box(self, x: float, y: float, w: float, h: float, *, fill: float | None = None) -> None:
        """Stroke a rectangle, filled with a gray level if given."""
        self._set_fill(fill)
        self.canvas.rect(x, y, w, h, stroke=1, fill=int(fill is not None))

    def solid(self, x: float, y: float, w: float, h: float) -> None:
        """Fill a rectangle in black, without an outline."""
        self._set_fill(0)
        self.canvas.rect(x, y, w, h, stroke=0, fill=1)

    def rounded(self, x: float, y: float, w: float, h: float, r: float) -> None:
        """Stroke a rectangle with rounded corners over a white ground."""
        self._set_fill(1)
        self.canvas.roundRect(x, y, w, h, r, stroke=1, fill=1)

    def oval(self, x: float, y: float, rx: float, ry: float, *, fill: float = 1) -> None:
        """Stroke an ellipse around a center, filled with a gray level."""
        self._set_fill(fill)
        self.canvas.ellipse(x - rx, y - ry, x + rx, y + ry, stroke=1, fill=1)

    def arc(self, x: float, y: float, r: float, start_deg: float, extent_deg: float) -> None:
        """Stroke a part of a circle; angles run from the x axis towards the y axis."""
        self.canvas.arc(x - r, y - r, x + r, y + r, start_deg, extent_deg)

    def text(
        self, at: Point, words: str, height_mm: float, *, bold: bool = False, anchor: str = "middle"
    ) -> None:
        """Write words with the baseline at ``at``; the anchor is start, middle or end."""
        font = FONT_BOLD if bold else FONT
        size = height_mm * self.units_per_mm
        shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        with self.frame(at, (1, 0), (0, -1)):
            self._set_fill(0)
            self.canvas.setFont(font, size)
            self.canvas.drawString(-shift * self.canvas.stringWidth(words, font, size), 0, words)

    def _set_fill(self, level: float | None) -> None:
        if level is not None:
            self.canvas.setFillGray(level)

    def _trace(self, points: tuple[Point, ...], *, fill: float | None, close: bool) -> None:
        self._set_fill(fill)
        path = self.canvas.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        if close:
            path.close()
        self.canvas.drawPath(path, stroke=1, fill=int(fill is not None))


def axes(facing: Side) -> tuple[Point, Point]:
    """Return the local axes of something whose back is left to right and front is ``facing``."""
    v_x, v_y = facing.vector
    return (v_y, -v_x), (v_x, v_y)


def page_pen(canvas: Canvas, page_h_mm: float) -> Pen:
    """Turn the canvas to paper millimeters, y down, and return a pen for it."""
    canvas.transform(units.mm, 0, 0, -units.mm, 0, page_h_mm * units.mm)
    return Pen(canvas, 1.0)
