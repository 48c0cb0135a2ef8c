# SPDX-License-Identifier: AGPL-3.0-or-later
"""A drawing as a PDF page of one sheet: lines, areas and a text layer, as CAD programs write it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas as PdfCanvas

from plans.synth.canvas import Font

if TYPE_CHECKING:
    import numpy.typing as npt
    from reportlab.pdfgen.pathobject import PDFPathObject

    from plans.synth.canvas import ColorRGB, Lettering, Pen

    Points = npt.NDArray[np.float64]

PT_PER_MM = 72 / 25.4
_LINE = 1.3  # distance of lines of text in sizes of the font
_CAPITALS = 0.35  # of the size, half of the height of capitals: a line stands around its middle
_FALLBACK = "Helvetica"
_EVEN_ODD = 0


class PdfInk:
    """Keeps what a canvas draws as a page.

    Coordinates are pixels of the canvas, y down; the page has the size of the paper.
    """

    def __init__(self, paper_mm: tuple[float, float], px_per_mm: float) -> None:
        """Start an empty page.

        Args:
            paper_mm: Its width and height.
            px_per_mm: Of the canvas.
        """
        self._file = io.BytesIO()
        size = (paper_mm[0] * PT_PER_MM, paper_mm[1] * PT_PER_MM)
        self._pdf = PdfCanvas(self._file, pagesize=size, invariant=1, pageCompression=1)
        self._pt_per_px = PT_PER_MM / px_per_mm
        self._height_pt = size[1]
        self._origin = np.zeros(2)
        self._pdf.setLineCap(1)
        self._pdf.setLineJoin(1)

    def moved(self, by_px: tuple[int, int]) -> PdfInk:
        """Return the same page with its origin at a pixel."""
        other: PdfInk = object.__new__(PdfInk)
        other.__dict__.update(self.__dict__)
        other._origin = self._origin + by_px
        return other

    def stroke(self, lines_px: list[Points], pen: Pen, *, closed: bool = False) -> None:
        """Draw lines through points, each shape ``(k, 2)``."""
        self._set(pen)
        path = self._path(lines_px, closed=closed)
        self._pdf.drawPath(path, stroke=1, fill=0)

    def fill(self, rings_px: list[Points], color: ColorRGB) -> None:
        """Fill what lies in an odd number of rings."""
        self._pdf.setFillColorRGB(*(channel / 255 for channel in color))
        path = self._path(rings_px, closed=True)
        self._pdf.drawPath(path, stroke=0, fill=1, fillMode=_EVEN_ODD)

    def hatch(self, rings_px: list[Points], lines_px: list[Points], pen: Pen) -> None:
        """Draw lines as far as they lie in an odd number of rings."""
        if not rings_px:
            return
        self._pdf.saveState()
        clip = self._path(rings_px, closed=True)
        self._pdf.clipPath(clip, stroke=0, fill=0, fillMode=_EVEN_ODD)
        self.stroke(lines_px, pen)
        self._pdf.restoreState()

    def text(self, at_px: Points, text: str, font: Lettering, *, turned: bool) -> None:
        """Write a text centered on a point, shape ``(2,)``; upwards if it is turned."""
        name, size_px = _FALLBACK, 10.0
        if isinstance(font, Font):
            name, size_px = _register(font.path), max(5, font.size_px)
        size = size_px * self._pt_per_px
        lines = text.split("\n")
        (place,) = self._to_pt(at_px[None])
        self._pdf.saveState()
        self._pdf.setFillColorRGB(*(channel / 255 for channel in font.color))
        self._pdf.translate(float(place[0]), float(place[1]))
        if turned:
            self._pdf.rotate(90)
        self._pdf.setFont(name, size)
        first = (len(lines) - 1) / 2 * _LINE * size - _CAPITALS * size
        for i, line in enumerate(lines):
            if line:
                self._pdf.drawCentredString(0, first - i * _LINE * size, line)
        self._pdf.restoreState()

    def finished(self) -> bytes:
        """Return the document; nothing can be drawn any more."""
        self._pdf.showPage()
        self._pdf.save()
        return self._file.getvalue()

    def _set(self, pen: Pen) -> None:
        self._pdf.setStrokeColorRGB(*(channel / 255 for channel in pen.color))
        self._pdf.setLineWidth(max(1, pen.width_px) * self._pt_per_px)

    def _path(self, lines_px: list[Points], *, closed: bool) -> PDFPathObject:
        path = self._pdf.beginPath()
        for line in lines_px:
            points = self._to_pt(line).tolist()
            path.moveTo(*points[0])
            for point in points[1:]:
                path.lineTo(*point)
            if closed:
                path.close()
        return path

    def _to_pt(self, points_px: Points) -> Points:
        points = (points_px + self._origin) * self._pt_per_px
        points[:, 1] = self._height_pt - points[:, 1]
        return points


def _register(path: str | Path) -> str:
    """Return the name under which a typeface is known, and make it known."""
    name = Path(path).stem
    if name not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(name, str(path)))
    return name
