# SPDX-License-Identifier: AGPL-3.0-or-later
"""PNG of the common kinds, decoded in less than half of Pillow's time.

PNG stores each row as differences to its neighbors. Pillow undoes them byte by byte; the `png`
crate that `kornia_rs` brings uses the processor's vectors, and is written in a language without
memory errors. See docs/decisions/0025-png-by-rust.md.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import numpy as np
from kornia_rs import io
from PIL import Image

from roomdet.page import LARGE_PIXELS

if TYPE_CHECKING:
    from roomdet.geometry import Pixels

# Pillow's modes of 8 bits, as the decoder calls them.
_KINDS = {"L": "mono", "RGB": "rgb", "RGBA": "rgba"}
_RGB = 3
# What the decoder may take beside the samples: png::Limits of the crate allows 64 MiB for rows and
# chunks, and its stream has buffers of its own.
_BESIDE_SAMPLES = 66 * 2**20
# Looked at at a time, so that what is in between stays in the processor's cache, in memory that
# the allocator has at hand: fresh pages of a whole picture take longer than the work on them.
STRIP_ROWS = 64
# Whatever makes more of a file than its samples: a transparent color, an animation, and what may
# turn it on its side. A file that has these bytes by chance is read by Pillow, too.
_MORE = (b"tRNS", b"acTL", b"eXIf", b"Raw profile", b"XML:com.adobe.xmp")
# A panic that wants to print a trace takes memory; for want of it, it waits forever for a lock that
# it holds itself, and for Python's lock with it. Read by Rust at the first panic.
os.environ["RUST_BACKTRACE"] = "0"


def decode(data: bytes, header: Image.Image) -> Image.Image | None:
    """Decode a PNG that is nothing but samples of 8 bits, gray or RGB, with or without alpha.

    Args:
        data: The file.
        header: The same as Pillow opened it, within the limits and not loaded.

    Returns:
        The picture, gray also where all of its pixels are gray and opaque; None if Pillow has to
        read it, for its kind, its size (the decoder holds Python's lock), for want of memory, or
        because it is damaged: Pillow then says how.
    """
    width, height = header.size
    kind = _KINDS.get(header.mode)
    if kind is None or width * height > LARGE_PIXELS or any(mark in data for mark in _MORE):
        return None
    if not _is_there_memory(width * height * len(header.getbands())):
        return None
    try:
        samples: Pixels = io.decode_image_png_u8(bytes(data), (height, width), kind)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001  # a panic is no Exception
        return None
    if kind == "mono":
        return Image.fromarray(samples[:, :, 0])
    only = gray(samples)
    if only is None and kind == "rgba" and not _has_alpha(samples):
        samples = samples[:, :, :_RGB].copy()
        only = gray(samples)
    return Image.fromarray(samples if only is None else only)


def _has_alpha(samples: Pixels) -> bool:
    """Whether any pixel is to be seen; where none is, nobody meant it so."""
    rows = range(0, len(samples), STRIP_ROWS)
    return any(samples[top : top + STRIP_ROWS, :, _RGB].any() for top in rows)


def _is_there_memory(samples: int) -> bool:
    """Whether a picture of so many samples can be decoded; for want of memory Rust may abort.

    Other threads that take memory before the decoder does can still make this untrue.
    """
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # counted by RLIMIT_DATA, not kept by malloc
    try:
        mmap.mmap(-1, samples + _BESIDE_SAMPLES, flags=private).close()
    except OSError:
        return False
    return True


def gray(samples: Pixels) -> Pixels | None:
    """One channel of RGB or RGBA of which every pixel is gray and opaque.

    Args:
        samples: uint8, shape ``(height, width, 3 or 4)``.

    Returns:
        uint8, shape ``(height, width)``; None where there is color or transparency.
    """
    height, width, channels = samples.shape
    is_gray = _is_gray_rgb if channels == _RGB else _is_gray_rgba
    only = np.empty((height, width), np.uint8)
    for top in range(0, height, STRIP_ROWS):
        strip = samples[top : top + STRIP_ROWS]
        if not is_gray(strip):
            return None
        only[top : top + STRIP_ROWS] = strip[:, :, 0]
    return only


def _is_gray_rgb(strip: Pixels) -> bool:
    flat = strip.reshape(-1)
    is_like_next = flat[1:] == flat[:-1]
    is_like_next[2::3] = True  # blue need not be like the next pixel's red
    return bool(is_like_next.all())


def _is_gray_rgba(strip: Pixels) -> bool:
    pixels = strip.view("<u4")
    return bool((pixels == (pixels & 0xFF) * 0x010101 + 0xFF000000).all())
