# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures: PNG, JPEG, TIFF, WebP, BMP and GIF read by Pillow, reduced while they are large.

A sheet scanned at 300 dpi has 70 million pixels. It is decoded in its own mode (one byte a pixel
where it is black and white) and turned into RGB in strips while it is reduced, so that no second
full-size copy is ever made. A picture that is not reduced first goes from the decoder to the last
filter as it is. May be called from several threads at once.
"""

from __future__ import annotations

import io
import struct
import warnings
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
from PIL import (
    Image,
    ImageChops,
    ImageOps,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.PngImagePlugin import PngImageFile

from roomdet import png
from roomdet.errors import FileTooLarge, InvalidFileFormat
from roomdet.filetypes import FileType
from roomdet.geometry import fit_within
from roomdet.inflate import StoredBlocks
from roomdet.page import LARGE_PIXELS, Page, check_page, check_pixels, turn_for

if TYPE_CHECKING:
    from roomdet.config import Limits
    from roomdet.geometry import Pixels

# The box filter may shrink to this multiple of the target; the last step is bilinear
# (Pillow's documentation calls 2.0 "close to fair resampling", Image.resize, reducing_gap).
REDUCING_GAP = 2.0
# A large picture that would not shrink at all by that does by this: as a whole it would be held
# twice, in its own mode and as grey or RGB.
LARGE_GAP = 1.25
# Converted at a time. The copies of a strip stay in the processor's cache (2 MB as RGB), where the
# allocator has the same memory for the next strip.
STRIP_PIXELS = 500_000
# Pillow warns of odd metadata; the limits are ours. For the whole process, because
# warnings.catch_warnings changes the filters of every thread and may put back those of another.
warnings.filterwarnings("ignore", module=r"PIL\.")
# Of what we read Pillow does not load these two at once; for the first file of their kind it would
# load all of its 40 plugins, 15 ms.
_PLUGINS = (TiffImagePlugin, WebPImagePlugin)
# What Pillow raises on damaged files (pillow 13: PngImagePlugin, TiffImagePlugin, ImageFile).
_DAMAGED = (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, EOFError,
            struct.error, ZeroDivisionError, OverflowError, RuntimeError)  # fmt: skip
_PLAIN_MODES = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr")
_ALPHA_MODES = ("LA", "PA", "RGBA")
_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_ORIENTATION_TAG = 0x0112  # EXIF 2.32, tag Orientation, and what turns each value upright
_BITS_TAG, _PHOTOMETRIC_TAG = 258, 262  # TIFF 6.0, section 8
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = (5, 6, 7, 8)


def read(data: bytes, kind: FileType, *, page: int, side_px: int, limits: Limits) -> Page:
    """Read a picture; arguments and errors as :func:`roomdet.images.read_page`."""
    try:
        # Pillow takes the memory of a WebP when it opens it, before it says how large it is; of
        # any other kind when it loads it.
        with (
            turn_for(LARGE_PIXELS + 1 if kind is FileType.WEBP else 0),
            Image.open(io.BytesIO(data), formats=[kind.value]) as picture,
        ):
            count = _seek(picture, kind, page, limits)
            plain = png.decode(data, picture) if kind is FileType.PNG else None
            if plain is None:
                pixels, source_wh = _read_frame(picture, kind, side_px)
            else:
                source_wh = plain.size
                pixels = rgb(_at_size(plain, fit_within(source_wh, side_px), 8))
            count_px = source_wh[0] * source_wh[1]
            return Page(pixels, source_wh, max(source_wh), count_px, number=page, count=count)
    except Image.DecompressionBombError as err:
        raise FileTooLarge(
            f"the picture has more pixels than the limit of {limits.max_pixels:,}",
            {"limit": limits.max_pixels},
        ) from err
    except MemoryError as err:
        raise FileTooLarge(
            f"the {kind.value} file needs more memory than this server has for one request"
        ) from err
    except _DAMAGED as err:
        raise InvalidFileFormat(
            f"the {kind.value} file is damaged or ends early", {"found": kind.value}
        ) from err


def _seek(picture: Image.Image, kind: FileType, page: int, limits: Limits) -> int:
    """Go to a page and check that it may and can be read; return the number of pages."""
    count = _count_pages(picture, limits.max_pages) if kind is FileType.TIFF else 1
    check_page(page, count, limits)
    if page > 1:
        picture.seek(page - 1)
    check_pixels(*picture.size, limits)
    if picture.mode not in _PLAIN_MODES + _ALPHA_MODES + _SIXTEEN_BIT_MODES:
        raise InvalidFileFormat(
            f"the {kind.value} file has pixels of mode {picture.mode}; "
            "save it in grey, RGB or CMYK with 8 or 16 bits a channel",
            {"found": picture.mode},
        )
    return count


def _read_frame(
    picture: Image.Image, kind: FileType, side_px: int
) -> tuple[Pixels, tuple[int, int]]:
    """Decode a page, and say what size it has when it stands upright."""
    source_wh = picture.size
    width, height = fit_within(source_wh, side_px)
    # JPEG alone can be decoded at 1/2, 1/4 or 1/8 of its size.
    picture.draft(None, (round(width * REDUCING_GAP), round(height * REDUCING_GAP)))
    if isinstance(picture, PngImageFile):
        # The hook by which Pillow's plugins read pixels otherwise than from the file as it is.
        picture.load_read = StoredBlocks(picture.load_read).read  # type: ignore[method-assign]
    pixels_held = 0 if kind is FileType.WEBP else _decoded_pixels(picture, source_wh)
    with turn_for(pixels_held), closing(picture):
        picture.load()
        if kind is FileType.TIFF:  # Pillow turns a TIFF upright while it loads it
            orientation, source_wh = 1, picture.size
        else:
            orientation = _orientation(picture)
        bits, is_negative = _sample_format(picture)
        pixels = _at_size(picture, fit_within(source_wh, side_px), bits)
    if is_negative:
        pixels = ImageOps.invert(pixels)
    if orientation in _UPRIGHT:
        pixels = pixels.transpose(_UPRIGHT[orientation])
    if orientation in _SWAPS_SIDES:
        source_wh = (source_wh[1], source_wh[0])
    return rgb(pixels), source_wh


def _decoded_pixels(picture: Image.Image, source_wh: tuple[int, int]) -> int:
    """Pixels that the decoder will hold at a time."""
    # libjpeg keeps the coefficients of a progressive JPEG at full size, whatever comes out.
    width, height = source_wh if "progressive" in picture.info else picture.size
    return width * height


def _count_pages(picture: Image.Image, limit: int) -> int:
    """Pages of a TIFF, counted up to one more than ``limit``."""
    count = 1
    while count <= limit:
        try:
            picture.seek(count)
        except EOFError:
            break
        count += 1
    picture.seek(0)
    return count


def _sample_format(picture: Image.Image) -> tuple[int, bool]:
    """Bits of a grey sample, and whether 0 is white where Pillow does not see to that itself.

    Pillow hands over a TIFF of 12 or 16 bits as it is (pillow 13, TiffImagePlugin.OPEN_INFO).
    """
    if picture.mode not in _SIXTEEN_BIT_MODES:
        return 8, False
    tags = getattr(picture, "tag_v2", {})
    return tags.get(_BITS_TAG, (16,))[0], tags.get(_PHOTOMETRIC_TAG, 1) == 0


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 (upright) where there is none or it cannot be read."""
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except _DAMAGED:
        return 1


def _at_size(picture: Image.Image, target_wh: tuple[int, int], bits: int) -> Image.Image:
    """Scale a decoded picture to ``target_wh``, averaging over what is left out; grey or RGB."""
    width, height = picture.size
    factor_x, factor_y = _factors(picture.size, target_wh, REDUCING_GAP)
    if (factor_x, factor_y) == (1, 1) and width * height > LARGE_PIXELS:
        factor_x, factor_y = _factors(picture.size, target_wh, LARGE_GAP)
    if (factor_x, factor_y) == (1, 1):
        reduced = _opaque(picture, bits)
    else:
        reduced = _reduced(picture, factor_x, factor_y, bits)
    if reduced.mode == "RGB":
        reduced = _grey_as_grey(reduced)
    # The last column and row of the reduced picture may stand for fewer pixels than the others.
    box_px = (0, 0, width / factor_x, height / factor_y)
    return reduced.resize(target_wh, Image.Resampling.BILINEAR, box=box_px)


def _factors(size_wh: tuple[int, int], target_wh: tuple[int, int], gap: float) -> tuple[int, int]:
    """By how much the box filter shrinks width and height."""
    (width, height), (target_width, target_height) = size_wh, target_wh
    return max(1, int(width / target_width / gap)), max(1, int(height / target_height / gap))


def rgb(pixels: Image.Image) -> Pixels:
    """Samples of a grey or RGB picture, uint8, shape ``(height, width, 3)``."""
    samples: Pixels = np.asarray(pixels)
    return samples if pixels.mode == "RGB" else np.repeat(samples, 3).reshape(*samples.shape, 3)


def _reduced(picture: Image.Image, factor_x: int, factor_y: int, bits: int) -> Image.Image:
    """Average blocks of pixels into one, strip by strip where they must be converted first."""
    if _is_opaque(picture):
        return picture.reduce((factor_x, factor_y))
    width, height = picture.size
    strip_rows = max(1, STRIP_PIXELS // width // factor_y) * factor_y
    reduced: Image.Image | None = None
    for top in range(0, height, strip_rows):
        box = (0, top, width, min(top + strip_rows, height))
        strip = _opaque(picture.crop(box), bits).reduce((factor_x, factor_y))
        if reduced is None:
            reduced = Image.new(strip.mode, (strip.width, -(-height // factor_y)))
        reduced.paste(strip, (0, top // factor_y))
    assert reduced is not None  # Pillow opens no picture without rows
    return reduced


def _grey_as_grey(pixels: Image.Image) -> Image.Image:
    """Turn RGB of which every pixel is grey into one channel: a third of the work for a filter.

    Many plans are drawn in black and stored in color.
    """
    height, middle = pixels.height, pixels.height // 2
    grey = Image.new("L", pixels.size)
    # The middle first: there a plan in color tells itself sooner than at its white margin.
    for top in (middle, *range(0, height, png.STRIP_ROWS)):
        rows = pixels.crop((0, top, pixels.width, min(top + png.STRIP_ROWS, height)))
        red, *others = rows.split()
        if any(ImageChops.difference(red, other).getbbox() for other in others):
            return pixels
        grey.paste(red, (0, top))
    return grey


def _opaque(pixels: Image.Image, bits: int) -> Image.Image:
    """Turn pixels of any accepted mode into grey or RGB, transparency laid over white.

    Pixels that already are what is wanted are returned as they are.
    """
    if _is_opaque(pixels):
        return pixels
    if pixels.mode in _SIXTEEN_BIT_MODES:
        return Image.fromarray((np.asarray(pixels) >> (bits - 8)).astype(np.uint8))
    if pixels.mode in _ALPHA_MODES or "transparency" in pixels.info:
        layer = pixels if pixels.mode == "RGBA" else pixels.convert("RGBA")
        white = Image.new("RGB", pixels.size, "white")
        white.paste(layer, mask=layer)
        return white
    return pixels.convert("L" if pixels.mode == "1" else "RGB")


def _is_opaque(pixels: Image.Image) -> bool:
    """Whether the pixels are grey or RGB of 8 bits already, without a transparent color."""
    return pixels.mode in ("L", "RGB") and "transparency" not in pixels.info
