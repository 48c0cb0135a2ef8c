# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is drawn on the pictures of the corpus, and how it must be shown.

Samples are floats from 0 to 1 until they are stored. What they look like is computed here in the
plainest way, apart from anything that reads pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from roomdet.geometry import Pixels

Samples = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]

SIZE_WH = (61, 47)  # odd, and no multiple of a tile, a strip or a byte
ORIENTATIONS = range(1, 9)  # EXIF 2.32 and TIFF 6.0
SEED = 17


def samples(channels: int, *, is_smooth: bool = False, wh: tuple[int, int] = SIZE_WH) -> Samples:
    """A picture that no two orientations and no two channels share.

    Args:
        channels: How many.
        is_smooth: Without grain, for lossy compression.
        wh: Width and height.

    Returns:
        Shape ``(height, width, channels)``.
    """
    width, height = wh
    y, x = np.mgrid[0:height, 0:width]
    slopes = [x / width, y / height, (x + y) / (width + height), 1 - x / width, 1 - y / height]
    drawn = np.stack([slopes[channel % 5] for channel in range(channels)], axis=-1)
    drawn[: height // 3, : width // 4] = 1
    drawn[height // 2 : height // 2 + height // 5, width // 2 :] = 0
    if not is_smooth:
        drawn += np.random.default_rng(SEED).uniform(-0.2, 0.2, drawn.shape)
    clipped: Samples = drawn.clip(0, 1)
    return clipped


def alpha(*, wh: tuple[int, int] = SIZE_WH) -> Samples:
    """Transparency by degrees, with parts that are fully so and not at all."""
    width, height = wh
    x = np.mgrid[0:height, 0:width][1] / width
    steps: Samples = np.clip(1.5 * x - 0.2, 0, 1)[:, :, None]
    return steps


def quantized(values: Samples, bits: int) -> Numbers:
    """Samples as numbers of so many bits, uint8, uint16 or uint32."""
    kind = np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32
    numbers: Numbers = np.rint(values * float(2**bits - 1)).astype(kind)
    return numbers


def restored(numbers: Numbers, bits: int) -> Samples:
    """Samples of numbers of so many bits."""
    values: Samples = numbers.astype(np.float64) / float(2**bits - 1)
    return values


def show(colors: Samples, photometric: str, opacity: Samples | None = None) -> Pixels:
    """Turn samples into what a person sees on a white page.

    Args:
        colors: Shape ``(height, width, channels)``.
        photometric: ``minisblack``, ``miniswhite``, ``rgb`` or ``separated``.
        opacity: Straight alpha, shape ``(height, width, 1)``.

    Returns:
        uint8 RGB, shape ``(height, width, 3)``.
    """
    if photometric == "miniswhite":
        colors = 1 - colors
    if photometric == "separated":
        colors = (1 - colors[:, :, :3]) * (1 - colors[:, :, 3:4])
    if colors.shape[2] == 1:
        colors = np.repeat(colors, 3, axis=2)
    if opacity is not None and opacity.any():
        colors = colors * opacity + (1 - opacity)
    shown: Pixels = np.rint(colors * 255).astype(np.uint8)
    return shown


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn stored pixels as EXIF 2.32 and TIFF 6.0 say."""
    if orientation >= 5:  # rows are columns
        pixels, orientation = pixels.swapaxes(0, 1), orientation - 4
    if orientation in (2, 3):
        pixels = pixels[:, ::-1]
    return pixels[::-1] if orientation in (3, 4) else pixels


def palette_shown(indexes: Numbers, bits: int) -> Pixels:
    """What indexes of the palette look like; the upper 8 bits of a color are shown.

    Args:
        indexes: Shape ``(height, width)``.
        bits: Of an index.
    """
    shown: Pixels = (palette(bits).T[indexes] >> 8).astype(np.uint8)
    return shown


def palette(bits: int) -> Numbers:
    """Colors for every index, uint16, shape ``(3, 2 ** bits)``."""
    count = 1 << bits
    index = np.arange(count)
    mixed = np.stack([index * 7 % count, index * 3 % count, (index * 5 + 1) % count])
    return (mixed * 65535 // (count - 1)).astype(np.uint16)


def packed(stored: Numbers, bits: int) -> list[bytes]:
    """Rows of numbers of so many bits, the highest first, each filled up to a byte."""
    height = len(stored)
    wide = stored.reshape(height, -1).astype(np.uint16)
    each = (wide[:, :, None] >> np.arange(bits - 1, -1, -1)) & 1
    return [np.packbits(row).tobytes() for row in each.reshape(height, -1).astype(np.uint8)]
