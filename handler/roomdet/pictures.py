# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures: PNG, JPEG, WebP, BMP and GIF read by Pillow, reduced while they are large.

A sheet scanned at 300 dpi has 70 million pixels. It is decoded in its own mode (one byte a pixel
where it is black and white) and turned into RGB in strips while it is reduced, so that no second
full-size copy is ever made. A picture that is not reduced first goes from the decoder to the last
filter as it is. TIFF is :mod:`roomdet.tiff`'s. May be called from several threads at once.
"""

from __future__ import annotations

import io
import struct
import warnings
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, WebPImagePlugin
from PIL.GifImagePlugin import GifImageFile
from PIL.PngImagePlugin import PngImageFile

from roomdet import ancillary, png
from roomdet.errors import FileTooLarge, InvalidFileFormat
from roomdet.filetypes import FileType
from roomdet.geometry import fit_within
from roomdet.inflate import StoredBlocks
from roomdet.page import LARGE_PIXELS, Page, check_page, check_pixels, decode_lock
from roomdet.reduction import (
    REDUCING_GAP,
    factors,
    join,
    over_white,
    resize,
    rgb,
    strip_rows,
    upright,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.config import Limits
    from roomdet.geometry import Pixels

# Pillow warns of odd metadata; the limits are ours. For the whole process, because
# warnings.catch_warnings changes the filters of every thread and may put back those of another.
warnings.filterwarnings("ignore", module=r"PIL\.")
# Of what we read Pillow does not load this one at once; for the first file of its kind it would
# load all of its 40 plugins, 15 ms.
_PLUGINS = (WebPImagePlugin,)
# What Pillow raises on damaged files (pillow 13: PngImagePlugin, ImageFile).
_DAMAGED = (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, EOFError,
            struct.error, ZeroDivisionError, OverflowError, RuntimeError)  # fmt: skip
_UNREAD = "Unsupported BMP"  # how what Pillow says of a BMP's layout begins (BmpImagePlugin)
_PLAIN_MODES = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr")
_ALPHA_MODES = ("LA", "PA", "RGBA")
_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_PNG_DEPTH_AT = 24  # in the file: signature, and length, name, width and height of the header
_ORIENTATION_TAG = 0x0112  # EXIF 2.32, tag Orientation


def read(data: bytes, kind: FileType, *, page: int, side_px: int, limits: Limits) -> Page:
    """Read a picture; arguments and errors as :func:`roomdet.images.read_page`."""
    try:
        data = ancillary.without(data, kind)
        # Pillow takes the memory of a WebP when it opens it, before it says how large it is; of
        # any other kind when it loads it.
        with (
            decode_lock(LARGE_PIXELS + 1 if kind is FileType.WEBP else 0),
            Image.open(io.BytesIO(data), formats=[kind.value]) as picture,
        ):
            _check(picture, page, limits)
            plain = png.decode(data, picture) if kind is FileType.PNG else None
            if plain is None:
                pixels, source_wh = _read_frame(picture, kind, side_px, data[_PNG_DEPTH_AT])
            else:
                source_wh = plain.size
                pixels = rgb(_at_size(plain, fit_within(source_wh, side_px)))
            count_px = source_wh[0] * source_wh[1]
            return Page(pixels, source_wh, max(source_wh), count_px, number=page, count=1)
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
        if str(err).startswith(_UNREAD):
            raise InvalidFileFormat(
                f"the {kind.value} file is of a kind that is not read ({err}); save it as PNG",
                {"found": str(err)},
            ) from err
        raise InvalidFileFormat(
            f"the {kind.value} file is damaged or ends early", {"found": kind.value}
        ) from err


def _check(picture: Image.Image, page: int, limits: Limits) -> None:
    """Check that a picture may and can be read."""
    check_page(page, 1, limits)
    check_pixels(*picture.size, limits)
    # What else Pillow has modes for, these kinds cannot hold.
    assert picture.mode in _PLAIN_MODES + _ALPHA_MODES + _SIXTEEN_BIT_MODES, picture.mode


def _read_frame(
    picture: Image.Image, kind: FileType, side_px: int, bits: int
) -> tuple[Pixels, tuple[int, int]]:
    """Decode a picture, and say what size it has when it stands upright.

    Args:
        picture: Not loaded.
        kind: Of its file.
        side_px: Longer side of what is returned.
        bits: Of a sample of a PNG.
    """
    source_wh = picture.size
    width, height = fit_within(source_wh, side_px)
    # JPEG alone can be decoded at 1/2, 1/4 or 1/8 of its size.
    picture.draft(None, (round(width * REDUCING_GAP), round(height * REDUCING_GAP)))
    if isinstance(picture, PngImageFile):
        # The hook by which Pillow's plugins read pixels otherwise than from the file as it is.
        picture.load_read = StoredBlocks(picture.load_read).read  # type: ignore[method-assign]
    pixels_held = 0 if kind is FileType.WEBP else _decoded_pixels(picture, source_wh)
    frame_box = picture.tile[0][1] if isinstance(picture, GifImageFile) and picture.tile else None
    with decode_lock(pixels_held), closing(picture):
        picture.load()
        orientation = _orientation(picture)
        if kind is FileType.PNG:
            _scale_transparent_gray(picture, bits)
        shown = _without_empty_alpha(picture)
        if frame_box and frame_box != (0, 0, *source_wh):
            shown = Image.new("RGB", source_wh, "white")
            shown.paste(_opaque(picture.crop(frame_box)), frame_box)
        pixels = _at_size(shown, (width, height))
    pixels, source_wh = upright(pixels, source_wh, orientation)
    return rgb(pixels), source_wh


def _decoded_pixels(picture: Image.Image, source_wh: tuple[int, int]) -> int:
    """Pixels that the decoder will hold at a time."""
    # libjpeg keeps the coefficients of a progressive JPEG at full size, whatever comes out.
    width, height = source_wh if "progressive" in picture.info else picture.size
    return width * height


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 (upright) where there is none or it cannot be read."""
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except _DAMAGED:
        return 1


def _scale_transparent_gray(picture: Image.Image, bits: int) -> None:
    """Let a transparent gray have 8 bits as its pixels have; Pillow leaves it 2 or 4."""
    key = picture.info.get("transparency")
    if picture.mode == "L" and isinstance(key, int):
        picture.info["transparency"] = key * 255 // ((1 << bits) - 1)


def _without_empty_alpha(picture: Image.Image) -> Image.Image:
    """The picture as if it had no alpha where that is 0 everywhere.

    Some programs write nothing into the fourth channel; no viewer shows an empty page then.
    """
    if picture.mode in _ALPHA_MODES:
        is_empty = picture.getbbox(alpha_only=True) is None
        return picture.convert("L" if picture.mode == "LA" else "RGB") if is_empty else picture
    opacity = picture.info.get("transparency")
    if picture.mode == "P" and opacity is not None:
        used = [color for color, count in enumerate(picture.histogram()) if count]
        alphas = (
            opacity
            if isinstance(opacity, bytes)
            else bytes(255 * (c != opacity) for c in range(256))
        )
        if not any(alphas[color] if color < len(alphas) else 255 for color in used):
            del picture.info["transparency"]
    return picture


def _at_size(picture: Image.Image, target_wh: tuple[int, int]) -> Image.Image:
    """Scale a decoded picture to ``target_wh``, averaging over what is left out; gray or RGB."""
    factor_xy = factors(picture.size, target_wh)
    if factor_xy == (1, 1):
        reduced = _opaque(picture)
    elif _is_opaque(picture):
        reduced = picture.reduce(factor_xy)
    else:
        reduced = join(_strips(picture, factor_xy[1]), picture.size, factor_xy)
    return resize(reduced, picture.size, factor_xy, target_wh)


def _strips(picture: Image.Image, multiple: int) -> Iterator[Image.Image]:
    """Rows of a picture from top to bottom, each strip converted when it is asked for."""
    width, height = picture.size
    rows = strip_rows(width, multiple)
    for top in range(0, height, rows):
        yield _opaque(picture.crop((0, top, width, min(top + rows, height))))


def _opaque(pixels: Image.Image) -> Image.Image:
    """Turn pixels of any accepted mode into gray or RGB, transparency laid over white.

    Pixels that already are what is wanted are returned as they are.
    """
    if _is_opaque(pixels):
        return pixels
    if pixels.mode in _SIXTEEN_BIT_MODES:
        samples = np.asarray(pixels)
        gray = (samples >> 8).astype(np.uint8)
        if "transparency" in pixels.info:
            gray[samples == pixels.info["transparency"]] = 255
        return Image.fromarray(gray)
    if pixels.mode in _ALPHA_MODES or "transparency" in pixels.info:
        return over_white(pixels if pixels.mode in ("RGBA", "LA") else pixels.convert("RGBA"))
    return pixels.convert("L" if pixels.mode == "1" else "RGB")


def _is_opaque(pixels: Image.Image) -> bool:
    """Whether the pixels are gray or RGB of 8 bits already, without a transparent color."""
    return pixels.mode in ("L", "RGB") and "transparency" not in pixels.info
