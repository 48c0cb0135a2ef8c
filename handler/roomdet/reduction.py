# SPDX-License-Identifier: AGPL-3.0-or-later
"""From decoded rows to a page at the wanted size, averaging over what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops

from roomdet import png
from roomdet.page import LARGE_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roomdet.geometry import Pixels

# The box filter may shrink to this multiple of the target; the last step is bilinear
# (Pillow's documentation calls 2.0 "close to fair resampling", Image.resize, reducing_gap).
REDUCING_GAP = 2.0
# A large picture that would not shrink at all by that does by this: as a whole it would be held
# twice, in its own mode and as gray or RGB.
LARGE_GAP = 1.25
# Converted at a time. The copies of a strip stay in the processor's cache (2 MB as RGB), where the
# allocator has the same memory for the next strip.
STRIP_PIXELS = 500_000

# EXIF 2.32 and TIFF 6.0, tag Orientation: what turns each value upright.
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


def factors(size_wh: tuple[int, int], target_wh: tuple[int, int]) -> tuple[int, int]:
    """By how much the box filter shrinks width and height of a picture."""
    found = _factors(size_wh, target_wh, REDUCING_GAP)
    if found == (1, 1) and size_wh[0] * size_wh[1] > LARGE_PIXELS:
        return _factors(size_wh, target_wh, LARGE_GAP)
    return found


def strip_rows(width: int, factor_y: int) -> int:
    """Rows of a strip that is converted at a time, a multiple of ``factor_y``."""
    return max(1, STRIP_PIXELS // width // factor_y) * factor_y


def join(
    strips: Iterable[Image.Image], size_wh: tuple[int, int], factor_xy: tuple[int, int]
) -> Image.Image:
    """Average blocks of pixels into one, strip by strip.

    Args:
        strips: Gray or RGB, from top to bottom, all but the last with a multiple of the factor's
            rows.
        size_wh: Of all strips together; there is at least one row.
        factor_xy: Width and height of a block.
    """
    factor_x, factor_y = factor_xy
    reduced: Image.Image | None = None
    top = 0
    for strip in strips:
        shrunk = strip if factor_xy == (1, 1) else strip.reduce(factor_xy)
        if reduced is None:
            reduced_wh = -(-size_wh[0] // factor_x), -(-size_wh[1] // factor_y)
            if shrunk.size == reduced_wh:
                return shrunk
            reduced = Image.new(shrunk.mode, reduced_wh)
        reduced.paste(shrunk, (0, top // factor_y))
        top += strip.height
    assert reduced is not None
    return reduced


def resize(
    reduced: Image.Image,
    size_wh: tuple[int, int],
    factor_xy: tuple[int, int],
    target_wh: tuple[int, int],
) -> Image.Image:
    """Bring a picture that was ``size_wh`` before it was reduced to its final size."""
    if reduced.mode == "RGB":
        reduced = _gray_as_gray(reduced)
    # The last column and row of the reduced picture may stand for fewer pixels than the others.
    box_px = (0, 0, size_wh[0] / factor_xy[0], size_wh[1] / factor_xy[1])
    return reduced.resize(target_wh, Image.Resampling.BILINEAR, box=box_px)


def upright(
    pixels: Image.Image, source_wh: tuple[int, int], orientation: int
) -> tuple[Image.Image, tuple[int, int]]:
    """Turn a picture as its orientation says, and the size that it had."""
    if orientation in _UPRIGHT:
        pixels = pixels.transpose(_UPRIGHT[orientation])
    return pixels, source_wh[::-1] if orientation in _SWAPS_SIDES else source_wh


def rgb(pixels: Image.Image) -> Pixels:
    """Samples of a gray or RGB picture, uint8, shape ``(height, width, 3)``."""
    samples: Pixels = np.asarray(pixels)
    return samples if pixels.mode == "RGB" else np.repeat(samples, 3).reshape(*samples.shape, 3)


def over_white(picture: Image.Image) -> Image.Image:
    """Lay RGBA or gray with alpha over white."""
    mode = "L" if picture.mode == "LA" else "RGB"
    white = Image.new(mode, picture.size, "white")
    white.paste(picture.convert(mode), mask=picture.getchannel("A"))
    return white


def _factors(size_wh: tuple[int, int], target_wh: tuple[int, int], gap: float) -> tuple[int, int]:
    (width, height), (target_width, target_height) = size_wh, target_wh
    return max(1, int(width / target_width / gap)), max(1, int(height / target_height / gap))


def _gray_as_gray(pixels: Image.Image) -> Image.Image:
    """Turn RGB of which every pixel is gray into one channel: a third of the work for a filter.

    Many plans are drawn in black and stored in color.
    """
    height, middle = pixels.height, pixels.height // 2
    gray = Image.new("L", pixels.size)
    # The middle first: there a plan in color tells itself sooner than at its white margin.
    for top in (middle, *range(0, height, png.STRIP_ROWS)):
        rows = pixels.crop((0, top, pixels.width, min(top + png.STRIP_ROWS, height)))
        red, *others = rows.split()
        if any(ImageChops.difference(red, other).getbbox() for other in others):
            return pixels
        gray.paste(red, (0, top))
    return gray
