# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bytes in, one page out: RGB pixels at the working size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from roomdet import documents, pictures, png, tiff
from roomdet.errors import FileTooLarge, InvalidFileFormat
from roomdet.filetypes import FileType, identify
from roomdet.reduction import rgb

if TYPE_CHECKING:
    from roomdet.config import Limits
    from roomdet.geometry import Pixels
    from roomdet.page import Page

READABLE = "PNG, JPEG, TIFF, WebP, BMP, GIF or PDF"


def read_page(
    data: bytes,
    *,
    page: int,
    side_px: int,
    limits: Limits,
    has_lines: bool = False,
    has_linework: bool = False,
) -> Page:
    """Read one page of a picture or document.

    The header is read first: nothing is decoded before its bytes, pixels and pages are known to
    be within the limits.

    Args:
        data: The file. Its content decides what it is, whatever it was called.
        page: Counted from 1; pictures of a single page have only the first.
        side_px: Longer side of the page that is returned.
        limits: What is refused.
        has_lines: Whether the page is to have its lines of text; those of pictures are not read.
        has_linework: Whether it is to have the lines that it is drawn of, if it is.

    Raises:
        InvalidFileFormat: If it is empty, damaged, encrypted, or of a kind that is not read.
        FileTooLarge: If it exceeds a limit.
        ValidationError: If there is no such page.
    """
    if not data:
        raise InvalidFileFormat(f"the file is empty; send the bytes of a {READABLE} file")
    if len(data) > limits.max_bytes:
        raise too_many_bytes(len(data), limits)
    kind = identify(data)
    if isinstance(kind, FileType):
        if kind is FileType.TIFF:
            return tiff.read(data, page=page, side_px=side_px, limits=limits)
        if kind is FileType.PDF:
            return documents.read(
                data,
                page=page,
                side_px=side_px,
                limits=limits,
                has_lines=has_lines,
                has_linework=has_linework,
            )
        return pictures.read(data, kind, page=page, side_px=side_px, limits=limits)
    raise InvalidFileFormat(
        f"the file is {kind}; send a {READABLE} file (drawing programs export PDF)",
        {"found": kind},
    )


class LargePage:
    """A page as large as it may be asked for, and smaller; held in gray if it is.

    Args:
        pixels: uint8 RGB, shape ``(height, width, 3)``. Not modified.
    """

    def __init__(self, pixels: Pixels) -> None:
        only = png.gray(pixels)
        self._picture = Image.fromarray(pixels if only is None else only)

    @property
    def side_px(self) -> int:
        """Longer side of the page as it is held."""
        return max(self._picture.size)

    def whole(self) -> Pixels:
        """The page as large as it is held, uint8 RGB, shape ``(height, width, 3)``."""
        return rgb(self._picture)

    def at(self, page_wh_px: tuple[int, int]) -> Pixels:
        """The page at a size, averaged over what is left out.

        Args:
            page_wh_px: Width and height, neither larger than the page's.

        Returns:
            uint8 RGB, shape ``(height, width, 3)``.
        """
        return rgb(self._picture.resize(page_wh_px, Image.Resampling.BOX))


def too_many_bytes(size: int, limits: Limits) -> FileTooLarge:
    """The error for a file of ``size`` bytes, known or estimated before it was decoded."""
    return FileTooLarge(
        f"the file has {size:,} bytes; the limit is {limits.max_bytes:,}",
        {"bytes": size, "limit": limits.max_bytes},
    )
