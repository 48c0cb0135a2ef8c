# SPDX-License-Identifier: AGPL-3.0-or-later
"""The straight lines that a PDF page is drawn of, and the edges of what is filled on it.

To be called by :mod:`roomdet.documents` alone, which sees to it that one thread is inside PDFium.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pypdfium2.raw as pdfium_c

from roomdet.linework import MOST_LINES, NONE, Linework
from roomdet.shown_page import ShownPage

if TYPE_CHECKING:
    from collections.abc import Callable

    import pypdfium2 as pdfium

    Parts = Callable[[object, int], object]

# A page of more paths, of more points, or that takes longer to walk through, has no lines: a large
# sheet has 95,000 paths of 113,000 points, which take 1 s. It is the processor's time: what else
# runs on the machine shall not change answers.
MOST_PATHS, MOST_POINTS, MOST_S = 150_000, 400_000, 1.5
_SECONDS_ASKED_EVERY = 512  # paths
# A line shorter than this bounds no room; most are of letters and curves.
_LEAST_PT = 1.5
# Forms lie in forms; ISO 32000 names no limit, programs have one at 28 and drawings need 3.
_DEEPEST = 8
_FAINT = 20.0  # of 255: a lighter line is none
_GRAY = (0.299, 0.587, 0.114)

# a, b, c, d, e and f as PDF has them: x' = a x + c y + e, y' = b x + d y + f.
_Matrix: TypeAlias = tuple[float, float, float, float, float, float]
_MOVE_TO, _LINE_TO = pdfium_c.FPDF_SEGMENT_MOVETO, pdfium_c.FPDF_SEGMENT_LINETO
_AS_IT_IS: _Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class _TooMuch(Exception):  # no error: the page is read without its lines
    """There are more lines than are looked at."""


def read_linework(sheet: pdfium.PdfPage) -> Linework:
    """Read the straight lines of a page.

    Args:
        sheet: A loaded page.

    Returns:
        Lines along the middle of what is stroked, and edges of what is filled, if they are not
        nearly white; in order of the file. Layers that are hidden are among them. None of a page
        that has too many.
    """
    walk = _Walk()
    try:
        walk.through(
            pdfium_c.FPDFPage_GetObject, sheet, pdfium_c.FPDFPage_CountObjects(sheet), _AS_IT_IS, 0
        )
    except _TooMuch:
        return NONE
    if not walk.lines:
        return NONE
    shown = ShownPage.of(sheet)
    ends = np.array(walk.lines, np.float64).reshape(-1, 2)
    steps = np.array([shown.step_x, shown.step_y])
    lines: Linework = (np.array(shown.origin) + ends @ steps).reshape(-1, 4).astype(np.float32)
    is_near = ((lines > -1) & (lines < 2)).all(axis=1)  # noqa: PLR2004  # a page around the page
    near: Linework = lines[is_near]
    return near


class _Pens:
    """Asks how paths are drawn, with memory that is used again for each: there are 100,000."""

    def __init__(self) -> None:
        self.x, self.y = ctypes.c_float(), ctypes.c_float()
        self.to_x, self.to_y = ctypes.byref(self.x), ctypes.byref(self.y)
        self._fill, self._is_stroked = ctypes.c_int(), ctypes.c_int()
        self._mode = (ctypes.byref(self._fill), ctypes.byref(self._is_stroked))
        self._channels = [ctypes.c_uint() for _ in range(4)]
        self._to_channels = [ctypes.byref(channel) for channel in self._channels]
        self._matrix = pdfium_c.FS_MATRIX()
        self._to_matrix = ctypes.byref(self._matrix)

    def is_drawn(self, path: object) -> bool:
        """Whether a path is stroked or filled, and not in white."""
        if not pdfium_c.FPDFPath_GetDrawMode(path, *self._mode):
            return False
        if self._is_stroked.value:
            color_of = pdfium_c.FPDFPageObj_GetStrokeColor
        elif self._fill.value:
            color_of = pdfium_c.FPDFPageObj_GetFillColor
        else:
            return False
        if not color_of(path, *self._to_channels):
            return False
        red, green, blue, alpha = (channel.value for channel in self._channels)
        gray = _GRAY[0] * red + _GRAY[1] * green + _GRAY[2] * blue
        return (255 - gray) * alpha / 255 >= _FAINT

    def matrix(self, thing: object) -> _Matrix:
        """What places an object on the page, or in its form."""
        matrix = self._matrix
        if not pdfium_c.FPDFPageObj_GetMatrix(thing, self._to_matrix):
            return (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        return (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)


@dataclass(slots=True)
class _Walk:
    """Collects the lines of objects.

    Attributes:
        lines: x and y of both ends of each, in points of the page before it is turned.
    """

    lines: list[tuple[float, float, float, float]] = field(default_factory=list)
    _ends_s: float = field(default_factory=lambda: time.thread_time() + MOST_S)
    _paths: int = 0
    _points: int = 0
    _pens: _Pens = field(default_factory=_Pens)

    def through(self, part: Parts, whole: object, count: int, matrix: _Matrix, depth: int) -> None:
        """Look at all objects of a page, or of a form on it."""
        kind_of = pdfium_c.FPDFPageObj_GetType
        for index in range(count):
            thing = part(whole, index)
            kind = kind_of(thing)
            if kind == pdfium_c.FPDF_PAGEOBJ_PATH:
                self._path(thing, matrix)
            elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
                count_in = pdfium_c.FPDFFormObj_CountObjects(thing)
                inner = _times(matrix, self._pens.matrix(thing))
                self.through(pdfium_c.FPDFFormObj_GetObject, thing, count_in, inner, depth + 1)

    def _path(self, path: object, matrix: _Matrix) -> None:
        self._paths += 1
        count = pdfium_c.FPDFPath_CountSegments(path)
        self._points += count
        is_late = self._paths % _SECONDS_ASKED_EVERY == 0 and time.thread_time() >= self._ends_s
        if self._paths > MOST_PATHS or self._points > MOST_POINTS or is_late:
            raise _TooMuch
        pens = self._pens
        if not pens.is_drawn(path):
            return
        own = pens.matrix(path)
        a, b, c, d, e, f = own if matrix == _AS_IT_IS else _times(matrix, own)
        x, y, to_x, to_y = pens.x, pens.y, pens.to_x, pens.to_y
        segment_at, kind_of = pdfium_c.FPDFPath_GetPathSegment, pdfium_c.FPDFPathSegment_GetType
        point_of, closes = pdfium_c.FPDFPathSegment_GetPoint, pdfium_c.FPDFPathSegment_GetClose
        start = at = (0.0, 0.0)
        for index in range(count):
            segment = segment_at(path, index)
            kind = kind_of(segment)
            point_of(segment, to_x, to_y)
            u, v = x.value, y.value
            to = (a * u + c * v + e, b * u + d * v + f)
            if kind == _MOVE_TO:  # closed at once it has no length
                start = at = to
                continue
            if kind == _LINE_TO:
                self._add(at, to)
            at = to
            if closes(segment):
                self._add(at, start)
                at = start

    def _add(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        if (end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2 >= _LEAST_PT**2:
            self.lines.append((*start, *end))
            if len(self.lines) > MOST_LINES:
                raise _TooMuch


def _times(outer: _Matrix, inner: _Matrix) -> _Matrix:
    """What places something in a form, and the form on a page."""
    a, b, c, d, e, f = outer
    k, l, m, n, o, p = inner  # noqa: E741
    return (
        a * k + c * l, b * k + d * l,
        a * m + c * n, b * m + d * n,
        a * o + c * p + e, b * o + d * p + f,
    )  # fmt: skip
