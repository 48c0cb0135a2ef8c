# SPDX-License-Identifier: AGPL-3.0-or-later
"""A page as the readers of pictures and documents return it, and what they share."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomdet.errors import FileTooLarge, InvalidFileFormat, ValidationError
from roomdet.linework import NONE

if TYPE_CHECKING:
    from roomdet.config import Limits
    from roomdet.geometry import Pixels
    from roomdet.linework import Linework
    from roomdet.texts import TextLine

# JPEG's own limit; at 300 dpi it is 5.5 m. Longer rows cost decoders far more memory than pixels.
MAX_SIDE_PX = 65_535
_LONG_NUMBER = 10**9
# 40 MB decoded as RGB. Rows of a batch are read in parallel; of more pixels than this, memory for
# one at a time has to do. A plan on a screen has fewer, and so has a photo that is decoded at half
# its size; a sheet of paper at 300 dpi has more.
LARGE_PIXELS = 10_000_000


class Turn:
    """Lets one large picture be decoded at a time.

    Attributes:
        lock: By which it does; of a process beside the worker, the worker's.
    """

    def __init__(self) -> None:
        self.lock: AbstractContextManager[object] = threading.Lock()


turn = Turn()


@dataclass(frozen=True, slots=True)
class Page:
    """One page at the working size.

    Attributes:
        pixels: uint8 RGB, shape ``(height, width, 3)``, upright as a person sees it, transparency
            laid over white.
        source_wh: Size of what was submitted, upright: pixels of a picture, points (1/72 inch) of
            a PDF page.
        native_px: Longer side of what the page holds, in pixels; infinite where it is drawn of
            lines.
        pixel_count: Pixels that were submitted; of a PDF page, those that were drawn.
        number: Counted from 1.
        count: Pages of the document; 1 for a picture.
        lines: What is written on it, where that was asked for and the file says so.
        paper_wh_pt: Its size on paper in points (1/72 inch), where that was asked for and the file
            says so.
        linework: The straight lines that it is drawn of, where they were asked for and the file
            has them.
    """

    pixels: Pixels
    source_wh: tuple[float, float]
    native_px: float
    pixel_count: int
    number: int
    count: int
    lines: tuple[TextLine, ...] = ()
    paper_wh_pt: tuple[float, float] | None = None
    linework: Linework = field(default_factory=lambda: NONE)


def check_page(page: int, count: int, limits: Limits) -> None:
    """Refuse a document of too many pages and a page that it does not have.

    Raises:
        FileTooLarge: If the document has more pages than the limit.
        ValidationError: If ``page`` is above ``count``.
        InvalidFileFormat: If there is no page at all.
    """
    if count < 1:
        raise InvalidFileFormat("the document has no pages")
    if count > limits.max_pages:
        raise FileTooLarge(
            f"the document has more than {limits.max_pages:,} pages, which is the limit",
            {"limit": limits.max_pages},
        )
    if page > count:
        pages = "1 page" if count == 1 else f"{count} pages"
        # A caller's number may have thousands of digits.
        asked: int | str = page if page < _LONG_NUMBER else f"{str(page)[:9]}…"
        raise ValidationError(
            f"page {asked} was asked for; the file has {pages}",
            {"page": asked, "page_count": count},
        )


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Refuse a picture of too many pixels, or one that is too long to be a plan.

    Raises:
        FileTooLarge: If ``width * height`` exceeds the limit, or a side ``MAX_SIDE_PX``.
    """
    if width * height > limits.max_pixels:
        raise FileTooLarge(
            f"the picture has {width} x {height} = {width * height:,} pixels; "
            f"the limit is {limits.max_pixels:,}",
            {"pixels": width * height, "limit": limits.max_pixels},
        )
    if max(width, height) > MAX_SIDE_PX:
        raise FileTooLarge(
            f"the picture has {width} x {height} pixels; the limit of a side is {MAX_SIDE_PX:,}",
            {"side": max(width, height), "limit": MAX_SIDE_PX},
        )


def decode_lock(pixels: int) -> AbstractContextManager[object]:
    """Wait, as a context, until no other large picture is being decoded.

    Args:
        pixels: Pixels that will be held at a time. Up to ``LARGE_PIXELS`` nobody waits.
    """
    return turn.lock if pixels > LARGE_PIXELS else nullcontext()
