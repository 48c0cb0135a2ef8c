# SPDX-License-Identifier: AGPL-3.0-or-later
"""PDF pages, rendered by PDFium straight to the working size.

May be called from several threads at once; they take turns.
"""

from __future__ import annotations

import ctypes
import io
import math
import re
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from roomdet.errors import InvalidFileFormat
from roomdet.filetypes import FileType
from roomdet.geometry import fit_within
from roomdet.page import Page, check_page, check_pixels, decode_lock
from roomdet.pdf_linework import read_linework
from roomdet.pdf_text import read_lines
from roomdet.scale_notes import is_paper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.config import Limits
    from roomdet.geometry import Pixels
    from roomdet.texts import TextLine

# The sides of a picture stand uncompressed in front of its pixels: a picture is a stream, and no
# stream lies inside a compressed one (ISO 32000-1, 7.5.7 and 8.9.5).
_SIDE = re.compile(rb"/(Width|Height)\s+(\d{1,9})")
# A scan has a picture, or strips of one, and each recognized word; of more the first lines are met
# long before. 10 ms to look at all of them.
_MOST_OBJECTS_OF_A_SCAN = 5000
_WHITE = (255, 255, 255, 255)
_STRIP_ROWS = 16
_INK_RANGE = 8  # samples that differ by less are nothing, of 255
_XFA = (pdfium_c.FORMTYPE_XFA_FULL, pdfium_c.FORMTYPE_XFA_FOREGROUND)
_ROOT = re.compile(rb"/Root\s+(\d+)\s+\d+\s+R")
_UNIT = re.compile(rb"/UserUnit\s*(1(?=(?:\.0*)?\s*(?:/|>>))|)")
_NAMES_TOLD, _NAME_CHARS = 3, 40
# PDFium is not thread-safe: one thread at a time may be inside it, whatever document it works on
# (pypdfium2's documentation, "Thread incompatibility").
_pdfium = threading.Lock()


def read(
    data: bytes,
    *,
    page: int,
    side_px: int,
    limits: Limits,
    has_lines: bool,
    has_linework: bool,
) -> Page:
    """Render a page of a PDF; arguments and errors as :func:`roomdet.images.read_page`.

    The page is what a viewer shows: its crop box, turned as the page says, with form fields,
    stamps and other annotations that are not hidden.
    """
    pictures_wh = list(_picture_sizes(data))
    largest = max((width * height for width, height in pictures_wh), default=0)
    try:
        # In this order everywhere, or two threads may wait for each other.
        with (
            decode_lock(largest),
            _pdfium,
            closing(pdfium.PdfDocument(data)) as document,
        ):
            _refuse_what_is_elsewhere(document)
            _show_forms(document)  # before its pages are counted or opened
            count = len(document)
            check_page(page, count, limits)
            for picture_wh in pictures_wh:
                check_pixels(*picture_wh, limits)
            with closing(document[page - 1]) as sheet:
                shown = _render(document, sheet, number=page, count=count, side_px=side_px)
                if has_linework:
                    shown = replace(shown, linework=read_linework(sheet))
                if not has_lines:
                    return shown
                lines = tuple(line for line in read_lines(sheet) if _is_seen(line, shown.pixels))
                is_sized = not _has_own_unit(document, data) and (
                    math.isinf(shown.native_px) or is_paper(sheet.get_size())
                )
                paper_wh_pt = sheet.get_size() if is_sized else None
                return replace(shown, lines=lines, paper_wh_pt=paper_wh_pt)
    except pdfium.PdfiumError as err:
        raise _refusal(err) from err


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


def _refuse_what_is_elsewhere(document: pdfium.PdfDocument) -> None:
    """Refuse documents whose pages only say that what they are about is somewhere else."""
    if document.get_formtype() in _XFA:
        raise InvalidFileFormat(
            "the PDF is an XFA form, whose pages only Adobe's programs can draw; "
            "print it to a PDF from there, or send the page as PNG",
            {"found": "XFA form"},
        )
    count = document.count_attachments()
    if count and b"/Collection" in _catalog(document):
        names = [_attached(document, i) for i in range(min(count, _NAMES_TOLD))]
        shown = ", ".join(names) + (", …" if count > len(names) else "")
        files = "1 file, which is" if count == 1 else f"{count} files, which are"
        raise InvalidFileFormat(
            f"the PDF is a portfolio, a cover for {files} attached to it ({shown}); "
            "send what holds the plan by itself",
            {"found": "PDF portfolio", "files": count},
        )


def _attached(document: pdfium.PdfDocument, index: int) -> str:
    """The name of an attached file, shortened."""
    try:
        name: str = document.get_attachment(index).get_name()
    except UnicodeDecodeError:  # half a character, such as of a damaged file
        return "one whose name cannot be read"
    return name[:_NAME_CHARS]


def _copy(document: pdfium.PdfDocument) -> bytes:
    """The document as PDFium writes it, without compressed objects."""
    copy = io.BytesIO()
    document.save(copy)
    return copy.getvalue()


def _catalog(document: pdfium.PdfDocument) -> bytes:
    """The document's catalog, which PDFium gives away only as part of a copy of the document."""
    text = _copy(document)
    *_, root = _ROOT.findall(text)
    found = re.search(rb"[\r\n]%b 0 obj(.*?)endobj" % root, text, re.DOTALL)
    return found[1] if found else b""


def _is_seen(line: TextLine, pixels: Pixels) -> bool:
    """Whether there is ink where a line stands: layers are hidden, and views cut things off.

    Recognized text over a scan is not drawn, but the scan is.
    """
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = line.box_xyxy
    shown = pixels[
        max(0, int(y0 * height) - 1) : int(y1 * height) + 2,
        max(0, int(x0 * width) - 1) : int(x1 * width) + 2,
    ]
    return int(shown.max()) - int(shown.min()) >= _INK_RANGE


def _has_own_unit(document: pdfium.PdfDocument, data: bytes) -> bool:
    """Whether a page of the document counts in another unit than points, which PDFium ignores.

    Sheets of more than 200 inches do (ISO 32000-1, table 30, UserUnit).
    """
    if b"/ObjStm" in data:  # a page may be in a compressed object; a copy has none
        data = _copy(document)
    return any(unit != b"1" for unit in _UNIT.findall(data))


def _show_forms(document: pdfium.PdfDocument) -> None:
    """Have form fields drawn.

    Also those that the document's form does not list, for which ``init_forms`` does nothing.
    """
    config = pdfium_c.FPDF_FORMFILLINFO(version=2)
    raw = pdfium_c.FPDFDOC_InitFormFillEnvironment(document, config)
    if raw:
        document.formenv = pdfium.PdfFormEnv(raw, config)


def _render(
    document: pdfium.PdfDocument, sheet: pdfium.PdfPage, *, number: int, count: int, side_px: int
) -> Page:
    width_pt, height_pt = sheet.get_size()
    if not (width_pt > 0 and height_pt > 0):
        raise InvalidFileFormat(f"page {number} has no area")
    width, height = fit_within((width_pt, height_pt), side_px)
    # PdfPage.render takes a scale and rounds sides up, to side_px + 1 at times; this is exact. With
    # room for an alpha channel PDFium lays transparent groups over what is there; without it draws
    # all that is below them anew for each: docs/decisions/0031-pdf-pages-as-seen.md.
    bitmap = pdfium.PdfBitmap.new_native(
        width, height, format=pdfium_c.FPDFBitmap_BGRA, rev_byteorder=True
    )
    with closing(bitmap):  # here and not by Python at some later time, outside the lock
        bitmap.fill_rect(_WHITE, 0, 0, width, height)
        flags = pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER
        pdfium_c.FPDF_RenderPageBitmap(bitmap, sheet, 0, 0, width, height, 0, flags)
        if document.formenv:
            pdfium_c.FPDF_FFLDraw(document.formenv, bitmap, sheet, 0, 0, width, height, 0, flags)
        pixels = _without_alpha(bitmap.to_numpy())
    return Page(
        pixels,
        (width_pt, height_pt),
        _native_px(sheet, max(width_pt, height_pt)),
        width * height,
        number=number,
        count=count,
    )


def _without_alpha(rgba: Pixels) -> Pixels:
    """RGB of opaque RGBA."""
    rgb: Pixels = np.empty((*rgba.shape[:2], 3), np.uint8)
    # All three channels at a time take three times as long, and so do whole channels of a large
    # page, which leave the processor's cache in between.
    for top in range(0, len(rgba), _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        for channel in range(3):
            rgb[rows, :, channel] = rgba[rows, :, channel]
    return rgb


def _native_px(sheet: pdfium.PdfPage, longer_pt: float) -> float:
    """Longer side in pixels of a page that is a scan, by its finest picture; else infinite.

    Recognized text may lie over a scan, and links; they do not make it sharper.

    Args:
        sheet: The page.
        longer_pt: Its longer side.
    """
    count = pdfium_c.FPDFPage_CountObjects(sheet)
    if count > _MOST_OBJECTS_OF_A_SCAN or _has_annotations(sheet):
        return math.inf
    native_px = 0.0
    for number in range(count):
        thing = pdfium_c.FPDFPage_GetObject(sheet, number)
        kind = pdfium_c.FPDFPageObj_GetType(thing)
        if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            native_px = max(native_px, _picture_px(thing, longer_pt))
        elif kind != pdfium_c.FPDF_PAGEOBJ_TEXT:
            return math.inf
    return native_px or math.inf


def _has_annotations(sheet: pdfium.PdfPage) -> bool:
    """Whether something may be drawn over a page that is not part of it."""
    for number in range(pdfium_c.FPDFPage_GetAnnotCount(sheet)):
        annotation = pdfium_c.FPDFPage_GetAnnot(sheet, number)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        pdfium_c.FPDFPage_CloseAnnot(annotation)
        if kind not in (pdfium_c.FPDF_ANNOT_LINK, pdfium_c.FPDF_ANNOT_POPUP):
            return True
    return False


def _picture_px(picture: pdfium_c.FPDF_PAGEOBJECT, longer_pt: float) -> float:
    """Longer side in pixels of a page that is as sharp as a picture on it."""
    width, height = ctypes.c_uint(), ctypes.c_uint()
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium_c.FPDFImageObj_GetImagePixelSize(picture, width, height)
    pdfium_c.FPDFPageObj_GetBounds(picture, left, bottom, right, top)
    shown_pt = max(right.value - left.value, top.value - bottom.value)
    return max(width.value, height.value) * longer_pt / shown_pt if shown_pt > 0 else 0.0


def _refusal(err: pdfium.PdfiumError) -> InvalidFileFormat:
    if err.err_code == pdfium_c.FPDF_ERR_PASSWORD:
        return InvalidFileFormat(
            "the PDF is encrypted with a password; send it without", {"found": "encrypted PDF"}
        )
    return InvalidFileFormat("the PDF is damaged or ends early", {"found": FileType.PDF.value})
