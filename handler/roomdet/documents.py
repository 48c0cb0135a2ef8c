# SPDX-License-Identifier: AGPL-3.0-or-later
"""PDF pages, rendered by PDFium straight to the working size."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from roomdet.errors import InvalidFileFormat
from roomdet.geometry import fit_within
from roomdet.page import Page, check_page, check_pixels

if TYPE_CHECKING:
    from roomdet.config import Limits
    from roomdet.filetypes import FileType

# Pictures are looked for in form objects nested up to this depth before a page is rendered.
_MAX_NESTING = 8
_WHITE = (255, 255, 255, 255)


def read(data: bytes, kind: FileType, *, page: int, side_px: int, limits: Limits) -> Page:
    """Render a page of a PDF; arguments and errors as :func:`roomdet.images.read_page`.

    The page is what a viewer shows: its crop box, turned as the page says, with annotations.
    """
    try:
        with closing(pdfium.PdfDocument(data)) as document:
            count = len(document)
            check_page(page, count, limits)
            with closing(document[page - 1]) as sheet:
                return _render(sheet, number=page, count=count, side_px=side_px, limits=limits)
    except pdfium.PdfiumError as err:
        raise _refusal(kind, err) from err


def _render(
    sheet: pdfium.PdfPage, *, number: int, count: int, side_px: int, limits: Limits
) -> Page:
    width_pt, height_pt = sheet.get_size()
    if not (width_pt > 0 and height_pt > 0):
        raise InvalidFileFormat(f"page {number} has no area")
    for picture in sheet.get_objects(
        filter=(pdfium_c.FPDF_PAGEOBJ_IMAGE,), max_depth=_MAX_NESTING
    ):
        check_pixels(*picture.get_px_size(), limits)
    width, height = fit_within((width_pt, height_pt), side_px)
    # PdfPage.render takes a scale and rounds sides up, to side_px + 1 at times; this is exact.
    bitmap = pdfium.PdfBitmap.new_native(
        width, height, format=pdfium_c.FPDFBitmap_BGR, rev_byteorder=True
    )
    bitmap.fill_rect(_WHITE, 0, 0, width, height)
    flags = pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER
    pdfium_c.FPDF_RenderPageBitmap(bitmap, sheet, 0, 0, width, height, 0, flags)
    return Page(np.array(bitmap.to_numpy()), (width_pt, height_pt), number=number, count=count)


def _refusal(kind: FileType, err: pdfium.PdfiumError) -> InvalidFileFormat:
    if err.err_code == pdfium_c.FPDF_ERR_PASSWORD:
        return InvalidFileFormat(
            "the PDF is encrypted with a password; send it without", {"found": "encrypted PDF"}
        )
    return InvalidFileFormat("the PDF is damaged or ends early", {"found": kind.value})
