# SPDX-License-Identifier: AGPL-3.0-or-later
"""The document with its rooms as annotations, which viewers list, hide and print."""

from __future__ import annotations

import ctypes
import io
from typing import TYPE_CHECKING, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from roomdet_client.drawing import COLORS
from roomdet_client.errors import PlanUnreadable
from roomdet_client.exports.page import title_of
from roomdet_client.pages import pdfium_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.exports.page import ExportPage
    from roomdet_client.sheet import Box, Ring

_AUTHOR = "roomdet"
_LINE = 1 / 800  # of the page's longer side
_OPAQUE = 255


def encode(pages: Sequence[ExportPage]) -> bytes:
    """All pages of a document with the rooms of those given; a picture becomes a page of a PDF.

    Raises:
        PlanUnreadable: If the document cannot be read.
    """
    with pdfium_lock:
        try:
            document = pypdfium2.PdfDocument(_as_pdf(pages))
        except pypdfium2.PdfiumError as err:
            raise PlanUnreadable(f"{pages[0].file} cannot be read as PDF: {err}") from err
        try:
            for number, page in enumerate(pages):
                is_pdf = page.plan.is_pdf
                _annotate(document[page.page - 1 if is_pdf else number], page)
            file = io.BytesIO()
            document.save(file)
        finally:
            document.close()
        return file.getvalue()


def _as_pdf(pages: Sequence[ExportPage]) -> bytes:
    """The document's own bytes, or its pages as pictures with a point for a pixel."""
    plan = pages[0].plan
    if plan.is_pdf:
        return plan.data
    sides = [round(max(page.sheet.width, page.sheet.height)) for page in pages]
    first, *others = [plan.render(page.page, side) for page, side in zip(pages, sides, strict=True)]
    file = io.BytesIO()
    first.save(file, "PDF", resolution=72, save_all=True, append_images=others, quality=90)
    return file.getvalue()


def _annotate(target: pypdfium2.PdfPage, page: ExportPage) -> None:
    width = max(page.sheet.width, page.sheet.height) * _LINE
    sheet, is_pdf = page.sheet, page.plan.is_pdf
    for index, room in enumerate(page.rooms):
        grid, ring_grid = room.box_xyxy_grid, room.polygon_grid
        line = _Line(width, COLORS[index % len(COLORS)], title_of(room))
        if ring_grid:
            ring = sheet.ring_in_pdf(ring_grid) if is_pdf else sheet.ring_upward(ring_grid)
            _add_outline(target, ring, line)
        else:
            _add_square(target, sheet.in_pdf(grid) if is_pdf else sheet.upward(grid), line)


class _Line(NamedTuple):
    """How an annotation is drawn, and what it says."""

    width: float
    color: str
    text: str


def _add_square(target: pypdfium2.PdfPage, box: Box, line: _Line) -> None:
    square = pdfium.FPDFPage_CreateAnnot(target.raw, pdfium.FPDF_ANNOT_SQUARE)
    _finish(square, box, line)


def _add_outline(target: pypdfium2.PdfPage, ring: Ring, line: _Line) -> None:
    """A stroke of ink around the room: PDFium makes no polygons."""
    ink = pdfium.FPDFPage_CreateAnnot(target.raw, pdfium.FPDF_ANNOT_INK)
    points = (pdfium.FS_POINTF * len(ring))(*(pdfium.FS_POINTF(x, y) for x, y in ring))
    added = pdfium.FPDFAnnot_AddInkStroke(ink, points, len(ring))
    assert added >= 0, "PDFium refused a stroke"
    xs, ys = zip(*ring, strict=False)
    half = line.width / 2
    _finish(ink, (min(xs) - half, min(ys) - half, max(xs) + half, max(ys) + half), line)


def _finish(annotation: object, box: Box, line: _Line) -> None:
    x0, y0, x1, y1 = box
    red, green, blue = bytes.fromhex(line.color[1:])
    rectangle = pdfium.FS_RECTF(left=x0, top=y1, right=x1, bottom=y0)
    done = [
        pdfium.FPDFAnnot_SetRect(annotation, rectangle),
        pdfium.FPDFAnnot_SetColor(
            annotation, pdfium.FPDFANNOT_COLORTYPE_Color, red, green, blue, _OPAQUE
        ),
        pdfium.FPDFAnnot_SetBorder(annotation, 0, 0, line.width),
        pdfium.FPDFAnnot_SetFlags(annotation, pdfium.FPDF_ANNOT_FLAG_PRINT),
        _set_text(annotation, b"Contents", line.text),
        _set_text(annotation, b"T", _AUTHOR),
    ]
    pdfium.FPDFPage_CloseAnnot(annotation)
    assert all(done), "PDFium refused an annotation"


def _set_text(square: object, key: bytes, text: str) -> bool:
    encoded = ctypes.create_string_buffer((text + "\0").encode("utf-16-le"))
    wide = ctypes.cast(encoded, ctypes.POINTER(ctypes.c_ushort))
    return bool(pdfium.FPDFAnnot_SetStringValue(square, key, wide))
