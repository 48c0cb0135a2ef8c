# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages of a TIFF: where they are, how their pixels are stored, and what is refused by name.

Only the page that is asked for is looked at; the others are counted. May be called from several
threads at once.
"""

from __future__ import annotations

import struct
from ctypes import c_uint32
from dataclasses import replace
from typing import TYPE_CHECKING

from roomdet import libtiff
from roomdet.errors import FileTooLarge, InvalidFileFormat, ValidationError
from roomdet.geometry import fit_within
from roomdet.page import Page, check_page, check_pixels, decode_lock
from roomdet.reduction import factors, join, resize, rgb, upright
from roomdet.tiff_rows import (
    CMYK,
    COLOR_SAMPLES,
    PALETTE,
    PREMULTIPLIED,
    RGB,
    STRAIGHT,
    WHITE_IS_ZERO,
    YCBCR,
    Layout,
    Rows,
)

if TYPE_CHECKING:
    from PIL import Image

    from roomdet.config import Limits
    from roomdet.libtiff import Directory

# TIFF 6.0 and its supplements, as libtiff's tiff.h numbers them.
COMPRESSIONS = {
    1: "no", 2: "CCITT RLE", 3: "CCITT group 3", 4: "CCITT group 4", 5: "LZW", 6: "old-style JPEG",
    7: "JPEG", 8: "Deflate", 9: "JBIG", 10: "JBIG", 32766: "NeXT", 32771: "CCITT RLE (words)",
    32773: "PackBits", 32809: "ThunderScan", 32946: "Deflate", 33003: "JPEG 2000",
    33004: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG", 34676: "SGI log", 34677: "SGI log",
    34712: "JPEG 2000", 34713: "Nikon's raw", 34887: "LERC", 34892: "lossy JPEG", 34925: "LZMA",
    34933: "PNG", 34934: "JPEG XR", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL",
    52546: "JPEG XL",
}  # fmt: skip
_UNSAID = -1
UNREAD_COLORS = {
    _UNSAID: "no PhotometricInterpretation, so that black may be white",
    4: "a transparency mask", 8: "Lab color", 9: "Lab color", 10: "Lab color",
    32803: "a camera's raw pixels", 32844: "LogLuv color", 32845: "LogLuv color",
    34892: "a camera's raw pixels",
}  # fmt: skip
UNREAD_NUMBERS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_FAX = (2, 3, 4)
_OLD_JPEG, _JPEG = 6, 7
_RLE_OF_WORDS = 32771  # libtiff 4.7 takes the words from where they lie in memory
_JPEG_BITS, _MOST_BITS, _MOST_INDEX_BITS = 8, 16, 8
_CMYK_INKS, _CORELS_ALPHA = 1, 999
_PLANAR = 2
_EXTRA_SAMPLES = 338
_BIG_VERSION, _HEADER_BYTES = 43, 8
# Rows of a fax come over a line that may spoil a few; each is then like the one before.
_MOST_SPOILED_ROWS = 0.01
_SAVE_AS = "save it as PNG, or as TIFF with LZW compression, in gray or RGB of 8 bits a sample"


def read(data: bytes, *, page: int, side_px: int, limits: Limits) -> Page:
    """Read a page; arguments and errors as :func:`roomdet.images.read_page`."""
    pages = _Pages(data, limits.max_pages + 1)
    if not pages.offsets:
        raise InvalidFileFormat(
            "the TIFF file is damaged or ends early: its first page is not there", {"found": "TIFF"}
        )
    try:
        check_page(page, len(pages.offsets), limits)
    except ValidationError as err:
        if not pages.is_broken_off:
            raise
        message = f"{err}; its list of pages breaks off there: save the file anew"
        raise ValidationError(message, err.details) from err
    try:
        with libtiff.opened(data, pages.offsets[page - 1]) as directory:
            has_extra_samples = _EXTRA_SAMPLES in pages.tags(page)
            layout = _layout(directory, page, limits, has_extra_samples=has_extra_samples)
            with decode_lock(layout.size_wh[0] * layout.size_wh[1]):
                pixels, source_wh = _read_pixels(directory, layout, side_px)
    except MemoryError as err:
        raise FileTooLarge(
            f"page {page} of the TIFF file needs more memory than this server has for one request"
        ) from err
    except libtiff.LibtiffError as err:
        if err.is_about_layout:
            raise _unread(page, f"a layout that is not read ({err})") from err
        raise InvalidFileFormat(
            f"page {page} of the TIFF file is damaged or ends early ({err})", {"found": "TIFF"}
        ) from err
    return Page(
        rgb(pixels),
        source_wh,
        max(source_wh),
        source_wh[0] * source_wh[1],
        number=page,
        count=len(pages.offsets),
    )


class _Pages:
    """Where the pages of a TIFF are.

    Pages behind a pointer to nowhere cannot be found; those before it are as good as ever.

    Args:
        data: The file.
        limit: At most so many are looked for.

    Attributes:
        offsets: Where their directories begin.
        is_broken_off: Whether their list ends otherwise than it should.
    """

    def __init__(self, data: bytes, limit: int) -> None:
        self._data = data
        order = "<" if data[:2] == b"II" else ">"
        self._is_big = _BIG_VERSION in data[2:4]
        self._offset_form, self._count_form, self._entry_bytes = (
            (order + "Q", order + "Q", 20) if self._is_big else (order + "I", order + "H", 12)
        )
        self._tag_form = order + "H"
        self.offsets: list[int] = []
        self.is_broken_off = False
        try:
            self._follow(limit)
        except struct.error:  # beyond the end of the file
            self.is_broken_off = True

    def tags(self, page: int) -> list[int]:
        entries_at, count = self._entries(self.offsets[page - 1])
        ends = range(entries_at, entries_at + count * self._entry_bytes, self._entry_bytes)
        return [self._number(self._tag_form, at) for at in ends]

    def _follow(self, limit: int) -> None:
        offset = self._number(self._offset_form, 8 if self._is_big else 4)
        while offset and len(self.offsets) < limit and offset not in self.offsets:
            entries_at, count = self._entries(offset)
            next_at = entries_at + count * self._entry_bytes
            if not count or next_at > len(self._data):
                self.is_broken_off = True
                return
            self.offsets.append(offset)
            offset = self._number(self._offset_form, next_at)

    def _entries(self, offset: int) -> tuple[int, int]:
        count = self._number(self._count_form, offset)
        return offset + struct.calcsize(self._count_form), count

    def _number(self, form: str, at: int) -> int:
        if at > len(self._data):  # unpack_from has errors of its own for a number of 64 bits
            raise struct.error
        return int(struct.unpack_from(form, self._data, at)[0])


def _read_pixels(
    directory: Directory, layout: Layout, side_px: int
) -> tuple[Image.Image, tuple[int, int]]:
    """A page at its final size, gray or RGB, and the size that it has when it stands upright."""
    size_wh = layout.size_wh
    target_wh = fit_within(size_wh, side_px)
    factor_xy = factors(size_wh, target_wh)
    rows = Rows(directory, layout)
    reduced = join(rows.strips(factor_xy[1]), size_wh, factor_xy)
    if layout.alpha and rows.is_transparent:
        # Transparent as a whole: whoever wrote it did not mean it.
        rows = Rows(directory, replace(layout, alpha=0))
        reduced = join(rows.strips(factor_xy[1]), size_wh, factor_xy)
    if directory.spoiled_rows > size_wh[1] * _MOST_SPOILED_ROWS:
        raise libtiff.LibtiffError("too many of its rows are no fax")
    return upright(resize(reduced, size_wh, factor_xy, target_wh), size_wh, layout.orientation)


def _layout(directory: Directory, page: int, limits: Limits, *, has_extra_samples: bool) -> Layout:
    """What the tags of a page say of its pixels.

    Raises:
        InvalidFileFormat: If it cannot be read, with the name of what is in the way.
        FileTooLarge: If it exceeds a limit.
    """
    size_wh = _size(directory, limits)
    compression = directory.number(259) or 1
    photometric = _photometric(directory, compression)
    bits, samples = directory.number(258) or 1, directory.number(277) or 1
    what = _unread_storage(compression, bits, directory.number(339) or 1) or _unread_color(
        photometric, bits, samples, directory.number(332)
    )
    if what:
        raise _unread(page, what)
    if compression != _OLD_JPEG and directory.pixels_at < _HEADER_BYTES:
        raise libtiff.LibtiffError(f"its pixels are said to begin at byte {directory.pixels_at}")
    is_planar = samples > 1 and directory.number(284) == _PLANAR
    is_converted = photometric == YCBCR
    if is_converted and compression == _JPEG and not is_planar:
        directory.convert_jpeg_to_rgb()
        photometric, is_converted = RGB, False
    orientation = directory.number(274) or 1
    if is_converted:
        directory.refuse_unless_convertible()
    extra = directory.numbers(_EXTRA_SAMPLES)
    return Layout(
        size_wh,
        bits=bits,
        samples=samples,
        photometric=photometric,
        alpha=_alpha(photometric, samples, extra, has_extra_samples=has_extra_samples),
        is_planar=is_planar,
        is_converted=is_converted,
        orientation=orientation,
        palette=directory.color_map(1 << bits) if photometric == PALETTE else None,
    )


def _size(directory: Directory, limits: Limits) -> tuple[int, int]:
    """Width and height of a page, within the limits as its tiles are."""
    size_wh = directory.number(256, c_uint32) or 0, directory.number(257, c_uint32) or 0
    check_pixels(*size_wh, limits)
    if directory.is_tiled:  # each is decoded as a whole
        check_pixels(*directory.tile_wh, limits)
    return size_wh


def _photometric(directory: Directory, compression: int) -> int:
    """What the samples mean; where nothing is said, what all programs take them for."""
    said = directory.number(262)
    if said is not None:
        return said
    if directory.number(277) == COLOR_SAMPLES[RGB]:
        return RGB
    return WHITE_IS_ZERO if compression in _FAX else _UNSAID


def _alpha(photometric: int, samples: int, extra: list[int], *, has_extra_samples: bool) -> int:
    """Meaning of the first sample that is no color; 0 if it is none, or not alpha."""
    colors = COLOR_SAMPLES[photometric]
    if samples <= colors or photometric == YCBCR:
        return 0
    if not has_extra_samples:  # as older programs write RGBA
        return STRAIGHT if photometric == RGB else 0
    kind = extra[0] if extra else 0
    return STRAIGHT if kind == _CORELS_ALPHA else kind if kind in (PREMULTIPLIED, STRAIGHT) else 0


def _unread_storage(compression: int, bits: int, numbers: int) -> str:
    """What is in the way of reading samples, empty where nothing is."""
    name = COMPRESSIONS.get(compression, f"unknown ({compression})")
    if compression == _RLE_OF_WORDS or not libtiff.can_decode(compression):
        return f"{name} compression"
    if numbers in UNREAD_NUMBERS:
        return f"{UNREAD_NUMBERS[numbers]} samples of {bits} bits"
    if bits > _MOST_BITS:
        return f"samples of {bits} bits"
    if compression in (_OLD_JPEG, _JPEG) and bits != _JPEG_BITS:
        return f"{name} compression of {bits} bits a sample"
    return ""


def _unread_color(photometric: int, bits: int, samples: int, inks: int | None) -> str:
    """What is in the way of showing samples, empty where nothing is."""
    if photometric not in COLOR_SAMPLES:
        return UNREAD_COLORS.get(photometric, f"color of an unknown kind ({photometric})")
    if samples < COLOR_SAMPLES[photometric]:
        return f"color of {COLOR_SAMPLES[photometric]} samples but only {samples} a pixel"
    if photometric == CMYK and inks not in (None, _CMYK_INKS):
        return "inks other than CMYK"
    if photometric == PALETTE and bits > _MOST_INDEX_BITS:
        return f"a palette of {bits} bits"
    return ""


def _unread(page: int, what: str) -> InvalidFileFormat:
    return InvalidFileFormat(
        f"page {page} of the TIFF file has {what}; {_SAVE_AS}", {"found": what}
    )
