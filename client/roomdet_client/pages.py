# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plans as the client reads them: how many pages, how large, and drawn. Pillow and PDFium.

The server reads what it is sent by itself; this is for boxes in pixels and points, for drawings,
and for plans that must be made smaller.
"""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
from PIL import Image, ImageOps

from roomdet_client.errors import PlanUnreadable
from roomdet_client.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".pdf"})
_PDF_HEAD_BYTES = 1024  # ISO 32000-1, Annex H: viewers find %PDF- within the first 1024 bytes
_ORIENTATION_TAG = 0x0112
_LYING = range(5, 9)  # EXIF orientations that swap width and height
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_DAMAGED = (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, EOFError,
            ZeroDivisionError, OverflowError, RuntimeError)  # fmt: skip
_REDUCING_GAP = 2.0
# PDFium may be used by one thread at a time.
pdfium_lock = threading.RLock()


class Plan:
    """The bytes of a plan, decoded when they are asked for. Several threads may share one.

    Args:
        data: A picture or PDF.
        name: What to call it in messages.
    """

    def __init__(self, data: bytes, name: str = "the plan") -> None:
        self._data: bytes | Path = data
        self.name = name

    @property
    def data(self) -> bytes:
        """The file's bytes.

        Raises:
            PlanUnreadable: If the file is not there any more.
        """
        if isinstance(self._data, bytes):
            return self._data
        try:
            return self._data.read_bytes()
        except OSError as err:
            raise PlanUnreadable(f"{self.name} cannot be read: {err.strerror or err}") from err

    @property
    def is_pdf(self) -> bool:
        """Whether it is a PDF; otherwise it is taken for a picture.

        Raises:
            PlanUnreadable: If the file is not there any more.
        """
        if isinstance(self._data, bytes):
            return b"%PDF-" in self._data[:_PDF_HEAD_BYTES]
        try:
            with self._data.open("rb") as file:
                return b"%PDF-" in file.read(_PDF_HEAD_BYTES)
        except OSError as err:
            raise PlanUnreadable(f"{self.name} cannot be read: {err.strerror or err}") from err

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """Read a file.

        Raises:
            PlanUnreadable: If it is not there.
        """
        return cls(cls.at(path).data, str(path))

    @classmethod
    def at(cls, path: str | Path, name: str | None = None) -> Plan:
        """A file that is read each time it is needed: for many files at once."""
        plan = cls(b"", name or str(path))
        plan._data = Path(path)
        return plan

    @property
    def page_count(self) -> int:
        """Pages of a PDF or TIFF; other pictures, animated ones too, have one.

        Raises:
            PlanUnreadable: If it is damaged, or needs a password.
        """
        if self.is_pdf:
            with self._pdf() as document:
                return len(document)
        with self._picture() as picture:
            return int(getattr(picture, "n_frames", 1)) if picture.format == "TIFF" else 1

    def sheet(self, page: int = 1) -> Sheet:
        """The size of a page.

        Raises:
            PlanUnreadable: If there is no such page, or it is damaged.
        """
        if not self.is_pdf:
            with self._picture(page) as picture:
                width, height = _upright_size(picture)
                return Sheet(width, height, "px")
        with self._pdf_page(page) as found:
            width, height = found.get_size()
            crop, media = found.get_cropbox(), found.get_mediabox()
            origin = (max(crop[0], media[0]), max(crop[1], media[1]))
            return Sheet(width, height, "pt", found.get_rotation(), origin)

    def render(self, page: int = 1, side_px: int = 1600) -> Image.Image:
        """Draw a page on white.

        Args:
            page: Counted from 1.
            side_px: Longer side; a smaller picture keeps its own size.

        Returns:
            RGB picture of the upright page.

        Raises:
            PlanUnreadable: If there is no such page, or it is damaged.
        """
        if not self.is_pdf:
            return _to_rgb(self.upright(page, side_px))
        with self._pdf_page(page) as found:
            scale = side_px / max(found.get_size())
            bitmap = found.render(scale=scale, fill_color=(255, 255, 255, 255))
            picture: Image.Image = bitmap.to_pil()
            return picture.convert("RGB")

    def upright(self, page: int, side_px: int) -> Image.Image:
        """A picture in its own mode, turned upright, its longer side at most ``side_px``.

        Raises:
            PlanUnreadable: If there is no such page, or it is damaged.
        """
        with self._picture(page) as picture:
            try:
                picture.draft(None, (side_px, side_px))  # a JPEG is reduced while it is decoded
                turned = ImageOps.exif_transpose(picture)
                if max(turned.size) > side_px:
                    turned = _shrink(turned, side_px)
                turned.load()
            except _DAMAGED as err:
                raise self._unreadable(err) from err
            return turned

    def page_alone(self, page: int) -> bytes:
        """A PDF of one page of a PDF, its lines still lines.

        Raises:
            PlanUnreadable: If there is no such page, or it is damaged.
        """
        with self._pdf_page(page), self._pdf() as source:
            alone = pypdfium2.PdfDocument.new()
            try:
                alone.import_pages(source, [page - 1])
                file = io.BytesIO()
                alone.save(file)
            finally:
                alone.close()
            return file.getvalue()

    @contextmanager
    def _picture(self, page: int = 1) -> Iterator[Image.Image]:
        with self._opened() as picture:
            count = int(getattr(picture, "n_frames", 1)) if picture.format == "TIFF" else 1
            self._check_page(page, count)
            if page > 1:
                picture.seek(page - 1)
            yield picture

    def _opened(self) -> Image.Image:
        if not self.data:
            raise PlanUnreadable(f"{self.name} is empty")
        try:
            return Image.open(io.BytesIO(self.data))
        except Image.DecompressionBombError as err:
            raise PlanUnreadable(f"{self.name} has too many pixels to be read here") from err
        except _DAMAGED as err:
            raise self._unreadable(err) from err

    @contextmanager
    def _pdf(self) -> Iterator[pypdfium2.PdfDocument]:
        with pdfium_lock:
            try:
                document = pypdfium2.PdfDocument(self.data)
            except pypdfium2.PdfiumError as err:
                raise self._unreadable(err) from err
            try:
                yield document
            finally:
                document.close()

    @contextmanager
    def _pdf_page(self, page: int) -> Iterator[pypdfium2.PdfPage]:
        with self._pdf() as document:
            self._check_page(page, len(document))
            try:
                yield document[page - 1]
            except pypdfium2.PdfiumError as err:
                raise self._unreadable(err) from err

    def _check_page(self, page: int, count: int) -> None:
        if not 1 <= page <= count:
            pages = f"{count} page{'s' * (count != 1)}"
            raise PlanUnreadable(f"page {page} was asked for; {self.name} has {pages}")

    def _unreadable(self, err: Exception) -> PlanUnreadable:
        kind = "PDF" if self.is_pdf else "picture"
        return PlanUnreadable(f"{self.name} cannot be read as {kind}: {err}")


def _upright_size(picture: Image.Image) -> tuple[int, int]:
    width, height = picture.size
    # Pillow turns a TIFF by itself, and tells its size turned (TiffImagePlugin, _setup).
    if picture.format != "TIFF" and picture.getexif().get(_ORIENTATION_TAG) in _LYING:
        return height, width
    return width, height


def _shrink(picture: Image.Image, side_px: int) -> Image.Image:
    """Average pixels, in gray or color: an edge of black and white needs gray."""
    even = picture if picture.mode in ("L", "RGB") else _to_rgb(picture)
    scale = side_px / max(even.size)
    size = (max(1, round(even.width * scale)), max(1, round(even.height * scale)))
    # As the server does (roomdet/pictures.py): blocks first, the last step bilinear.
    return even.resize(size, Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)


def _to_rgb(picture: Image.Image) -> Image.Image:
    """RGB on white, or gray where the picture has only gray."""
    if picture.mode in _SIXTEEN_BIT:
        return picture.convert("I").point(lambda value: value / 257).convert("L").convert("RGB")
    if picture.mode in ("1", "L", "I", "F"):
        return picture.convert("L").convert("RGB")
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    return picture.convert("RGB")
