# SPDX-License-Identifier: AGPL-3.0-or-later
"""PDF pages, rendered by PDFium straight to the working size.

May be called from several threads at once; they take turns.
"""

from __future__ import annotations

import re
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from roomdet.errors import InvalidFileFormat
from roomdet.geometry import fit_within
from roomdet.page import Page, check_page, check_pixels, turn_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.config import Limits
    from roomdet.filetypes import FileType

# The sides of a picture stand uncompressed in front of its pixels: a picture is a stream, and no
# stream lies inside a compressed one (ISO 32000-1, 7.5.7 and 8.9.5).
_SIDE = re.compile(rb"/(Width|Height)\s+(\d{1,9})")
_WHITE = (255, 255, 255, 255)
# PDFium is not thread-safe: one thread at a time may be inside it, whatever document it works on
# (pypdfium2's documentation, "Thread incompatibility").
_pdfium = threading.Lock()


def read(data: bytes, kind: FileType, *, page: int, side_px: int, limits: Limits) -> Page:
    """Render a page of a PDF; arguments and errors as :func:`roomdet.images.read_page`.

    The page is what a viewer shows: its crop box, turned as the page says, with annotations.
    """
    pictures_wh = list(_picture_sizes(data))
    largest = max((width * height for width, height in pictures_wh), default=0)
    try:
        # In this order everywhere, or two threads may wait for each other.
        with (
            turn_for(largest),
            _pdfium,
            closing(pdfium.PdfDocument(data)) as document,
        ):
            count = len(document)
            check_page(page, count, limits)
            for picture_wh in pictures_wh:
                check_pixels(*picture_wh, limits)
            with closing(document[page - 1]) as sheet:
                return _render(sheet, number=page, count=count, side_px=side_px)
    except pdfium.PdfiumError as err:
        raise _refusal(kind, err) from err


def _picture_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """Width and height of every picture in a document, whatever it is used for.

    A walk over the page's objects would be slower and would not see soft masks, which PDFium
    decodes as a whole: 1.6 GB from a file of 2 MB.
    """
    sides: dict[bytes, int] = {}
    end = 0
    # Searched for in between, because a pattern of both is eight times slower: 60 ms for 20 MB.
    for token in _SIDE.finditer(data):
        if sides and data.find(b"stream", end, token.start()) >= 0:
            yield sides.get(b"Width", 0), sides.get(b"Height", 0)
            sides.clear()
        name, value = token.groups()
        sides[name] = int(value)
        end = token.end()
    if sides and data.find(b"stream", end) >= 0:
        yield sides.get(b"Width", 0), sides.get(b"Height", 0)


def _render(sheet: pdfium.PdfPage, *, number: int, count: int, side_px: int) -> Page:
    width_pt, height_pt = sheet.get_size()
    if not (width_pt > 0 and height_pt > 0):
        raise InvalidFileFormat(f"page {number} has no area")
    width, height = fit_within((width_pt, height_pt), side_px)
    # PdfPage.render takes a scale and rounds sides up, to side_px + 1 at times; this is exact.
    bitmap = pdfium.PdfBitmap.new_native(
        width, height, format=pdfium_c.FPDFBitmap_BGR, rev_byteorder=True
    )
    with closing(bitmap):  # here and not by Python at some later time, outside the lock
        bitmap.fill_rect(_WHITE, 0, 0, width, height)
        flags = pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER
        pdfium_c.FPDF_RenderPageBitmap(bitmap, sheet, 0, 0, width, height, 0, flags)
        pixels = np.array(bitmap.to_numpy())
    return Page(pixels, (width_pt, height_pt), width * height, number=number, count=count)


def _refusal(kind: FileType, err: pdfium.PdfiumError) -> InvalidFileFormat:
    if err.err_code == pdfium_c.FPDF_ERR_PASSWORD:
        return InvalidFileFormat(
            "the PDF is encrypted with a password; send it without", {"found": "encrypted PDF"}
        )
    return InvalidFileFormat("the PDF is damaged or ends early", {"found": kind.value})
