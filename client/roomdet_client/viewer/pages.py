# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages of pictures and PDFs, cut into tiles of any size at which someone may look at them.

A page has levels as in a deep zoom image: at the deepest it is ``size_wh`` pixels large, at each
level above half of that. A wall must stay visible at every level:

- PDFium draws each tile anew at its own scale, and never a line thinner than a pixel. On a sheet of
  42 x 30 in that takes 10 to 30 ms a tile.
- A picture is halved again and again. Halving by the mean alone, a black line of one pixel is down
  to 6 % after four levels; half mean, half darkest pixel, it keeps 32 %.
"""

from __future__ import annotations

import io
import math
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Protocol

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image, ImageChops, ImageOps

from roomdet_client.pages import pdfium_lock
from roomdet_client.viewer.errors import NotFound, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

TILE_PX = 512
# A pyramid's smallest level is 2**8 = 256 px or less on its longer side.
SMALLEST_LEVEL = 8
PDF_DPI = 400
PDF_MIN_PX = 8192
PDF_MAX_PX = 16384
POINTS_PER_INCH = 72
# Share of the darkest pixel when a picture is halved.
KEEP_DARK = 0.5
# What a picture of 16 bits a sample is divided by.
SIXTEEN_TO_EIGHT_BITS = 1 / 256
_WHITE = (255, 255, 255, 255)


class Document(Protocol):
    """A file with pages; safe to use from several threads."""

    @property
    def page_count(self) -> int:
        """Number of pages, at least 1."""

    def size_wh(self, page: int) -> tuple[int, int]:
        """Width and height in pixels of a page at its deepest level; pages count from 1."""

    def region(self, page: int, level_wh: tuple[int, int], box: Box) -> Image.Image:
        """Draw a part of a page.

        Args:
            page: Counted from 1.
            level_wh: Width and height in pixels that the whole page has at this scale.
            box: The part, ``x_min, y_min, x_max, y_max`` in these pixels.
        """


Box = tuple[int, int, int, int]


def open_document(data: bytes) -> Document:
    """Open a picture or PDF.

    Raises:
        Unreadable: If it is neither, or damaged, or locked with a password.
    """
    return PdfDocument(data) if b"%PDF-" in data[:1024] else Picture(data)


def level_count(size_wh: tuple[int, int]) -> int:
    """Number of the deepest level; level 0 is a single pixel."""
    return math.ceil(math.log2(max(size_wh)))


def level_size(size_wh: tuple[int, int], level: int) -> tuple[int, int]:
    """Width and height of a page at a level, rounded up as deep zoom pictures are."""
    shrink = 2 ** (level_count(size_wh) - level)
    return math.ceil(size_wh[0] / shrink), math.ceil(size_wh[1] / shrink)


def tile(document: Document, page: int, level: int, column: int, row: int) -> bytes:
    """One tile as PNG, ``TILE_PX`` on a side, less at the right and lower edge.

    Raises:
        NotFound: If the page has no such tile.
    """
    size_wh = document.size_wh(page)
    if not 0 <= level <= level_count(size_wh):
        raise NotFound(f"page {page} has no level {level}")
    width, height = level_wh = level_size(size_wh, level)
    left, top = column * TILE_PX, row * TILE_PX
    if not (0 <= left < width and 0 <= top < height):
        raise NotFound(f"level {level} of page {page} has no tile {column}, {row}")
    box = (left, top, min(left + TILE_PX, width), min(top + TILE_PX, height))
    return png(document.region(page, level_wh, box))


def whole(document: Document, page: int, longer_px: int) -> Image.Image:
    """A whole page, its longer side ``longer_px`` or, of a picture with fewer, what it has."""
    width, height = document.size_wh(page)
    scale = min(1.0, longer_px / max(width, height))
    level_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return document.region(page, level_wh, (0, 0, *level_wh))


def png(image: Image.Image) -> bytes:
    """Encode quickly."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


class PdfDocument:
    """A PDF, drawn by PDFium; the page that was looked at last stays open."""

    def __init__(self, data: bytes) -> None:
        with pdfium_lock:
            try:
                self._document = pdfium.PdfDocument(data)
                self.page_count = len(self._document)
            except pdfium.PdfiumError as err:
                raise Unreadable(_why(err)) from err
        if not self.page_count:
            raise Unreadable("the PDF has no pages")
        self._open: tuple[int, pdfium.PdfPage] | None = None

    def size_wh(self, page: int) -> tuple[int, int]:
        """As :meth:`Document.size_wh`: 400 dpi, but 8192 to 16384 px on the longer side."""
        check_page(page, self.page_count)
        with pdfium_lock:
            try:
                width_pt, height_pt = self._document.get_page_size(page - 1)
            except pdfium.PdfiumError as err:
                raise Unreadable(_why(err)) from err
        longer_pt = max(width_pt, height_pt)
        if not min(width_pt, height_pt) > 0:
            raise Unreadable(f"page {page} has no area")
        longer_px = min(max(longer_pt / POINTS_PER_INCH * PDF_DPI, PDF_MIN_PX), PDF_MAX_PX)
        scale = longer_px / longer_pt
        return max(1, round(width_pt * scale)), max(1, round(height_pt * scale))

    def region(self, page: int, level_wh: tuple[int, int], box: Box) -> Image.Image:
        """As :meth:`Document.region`."""
        check_page(page, self.page_count)
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        with pdfium_lock:
            sheet = self._page(page)
            bitmap = pdfium.PdfBitmap.new_native(
                width, height, format=pdfium_c.FPDFBitmap_BGR, rev_byteorder=True
            )
            with closing(bitmap):
                bitmap.fill_rect(_WHITE, 0, 0, width, height)
                pdfium_c.FPDF_RenderPageBitmap(
                    bitmap,
                    sheet,
                    -left,
                    -top,
                    *level_wh,
                    0,
                    pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER,
                )
                image: Image.Image = bitmap.to_pil().copy()
                return image

    def _page(self, page: int) -> pdfium.PdfPage:
        if self._open and self._open[0] == page:
            return self._open[1]
        if self._open:
            self._open[1].close()
            self._open = None
        try:
            sheet = self._document[page - 1]
        except pdfium.PdfiumError as err:
            raise Unreadable(f"page {page} of the PDF is damaged") from err
        self._open = (page, sheet)
        return sheet

    def __del__(self) -> None:
        # pypdfium2 would close them as well, but perhaps while another thread is inside PDFium.
        with pdfium_lock:
            if getattr(self, "_open", None):
                self._open[1].close()  # type: ignore[index]  # just looked at
            if hasattr(self, "_document"):
                self._document.close()


class Picture:
    """A picture, upright, on white; the page looked at last is kept with each of its halvings.

    A TIFF may have several pages. Of an animation the first frame counts, as for the server.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._lock = threading.Lock()
        with _readable(), Image.open(io.BytesIO(data)) as image:
            is_document = image.format == "TIFF"
            self.page_count = int(getattr(image, "n_frames", 1)) if is_document else 1
            self._levels = (1, [_shown(image)])
            self._sizes = {1: self._levels[1][0].size}

    def size_wh(self, page: int) -> tuple[int, int]:
        """As :meth:`Document.size_wh`: the picture's own size."""
        check_page(page, self.page_count)
        with self._lock:
            if page not in self._sizes:
                self._sizes[page] = self._levels_of(page)[0].size
            return self._sizes[page]

    def region(self, page: int, level_wh: tuple[int, int], box: Box) -> Image.Image:
        """As :meth:`Document.region`; between two levels the larger is reduced."""
        check_page(page, self.page_count)
        image = self._at_least(page, level_wh[0])
        if image.size == level_wh:
            return image.crop(box)
        fit_x, fit_y = image.width / level_wh[0], image.height / level_wh[1]
        part = (box[0] * fit_x, box[1] * fit_y, box[2] * fit_x, box[3] * fit_y)
        size = (box[2] - box[0], box[3] - box[1])
        return image.resize(size, Image.Resampling.LANCZOS, box=part)

    def _at_least(self, page: int, width_px: int) -> Image.Image:
        with self._lock:
            levels = self._levels_of(page)
            while min(levels[-1].size) > 1 and levels[-1].width // 2 >= width_px:
                levels.append(halve(levels[-1]))
            return next(image for image in reversed(levels) if image.width >= width_px)

    def _levels_of(self, page: int) -> list[Image.Image]:
        if self._levels[0] != page:
            with _readable(), Image.open(io.BytesIO(self._data)) as image:
                image.seek(page - 1)
                self._levels = (page, [_shown(image)])
        return self._levels[1]


def halve(image: Image.Image) -> Image.Image:
    """Half the size, rounded up, with thin dark lines kept dark."""
    size = ((image.width + 1) // 2, (image.height + 1) // 2)
    white = 255 if image.mode == "L" else (255, 255, 255)
    # Each takes one of the four pixels of a block.
    corners = [
        image.transform(size, Image.Transform.AFFINE, (2, 0, x, 0, 2, y), fillcolor=white)
        for x in (-1, 0)
        for y in (-1, 0)
    ]
    darkest = ImageChops.darker(
        ImageChops.darker(corners[0], corners[1]), ImageChops.darker(corners[2], corners[3])
    )
    return Image.blend(image.reduce(2), darkest, KEEP_DARK)


@contextmanager
def _readable() -> Iterator[None]:
    """Tell what is wrong with a picture in our own words."""
    try:
        yield
    except Image.DecompressionBombError as err:
        raise Unreadable("the picture has more pixels than can be shown") from err
    except (OSError, ValueError, SyntaxError) as err:
        raise Unreadable("neither a PDF nor a picture that can be read") from err


def _shown(image: Image.Image) -> Image.Image:
    """The first frame in 8 bits, gray or RGB, as people see it."""
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        return upright.convert("I").point(lambda value: value * SIXTEEN_TO_EIGHT_BITS, "L")
    if upright.mode in ("1", "L"):
        return upright.convert("L")
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        white = Image.new("RGBA", layer.size, _WHITE)
        return Image.alpha_composite(white, layer).convert("RGB")
    return upright.convert("RGB")


def check_page(page: int, count: int) -> None:
    """Refuse a page that is not there.

    Raises:
        NotFound: If it is not within 1 and ``count``.
    """
    if not 1 <= page <= count:
        raise NotFound(f"there is no page {page}; the document has {count}")


def _why(err: pdfium.PdfiumError) -> str:
    if err.err_code == pdfium_c.FPDF_ERR_PASSWORD:
        return "the PDF is locked with a password; save it without one"
    return "the PDF is damaged or ends early"
