# SPDX-License-Identifier: AGPL-3.0-or-later
"""PNG of every color type and depth, and with chunks that are no picture and often at fault."""

from __future__ import annotations

import itertools
import struct
import zlib
from typing import TYPE_CHECKING, Final

import imagecodecs
import numpy as np

from tests.builders import ADAM7, exif, png_chunk
from tests.corpus.case import Case
from tests.corpus.drawing import (
    SIZE_WH,
    alpha,
    packed,
    palette_shown,
    quantized,
    restored,
    samples,
    show,
    upright,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.geometry import Pixels
    from tests.corpus.drawing import Numbers, Samples

KIND: Final = "PNG"
MAGIC: Final = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
DEPTHS: Final = {
    GRAY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GRAY_ALPHA: (8, 16),
    RGBA: (8, 16),
}  # fmt: skip
NAMES: Final = {GRAY: "gray", RGB: "RGB", PALETTE: "palette", GRAY_ALPHA: "gray", RGBA: "RGB"}
COLORS: Final = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 1, RGBA: 3}


def written(  # noqa: PLR0913  # each a part of the file
    stored: Numbers,
    color_type: int,
    depth: int,
    *,
    is_interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
    idat_bytes: int = 700,
) -> bytes:
    """A PNG with chunks before and after its pixels, which come in chunks of so many bytes."""
    height, width = stored.shape[:2]
    passes = ADAM7 if is_interlaced else [(0, 0, 1, 1)]
    rows = [
        bytes([0]) + row
        for x, y, step_x, step_y in passes
        for row in packed(stored[y::step_y, x::step_x], depth)
        if row
    ]
    pixels = zlib.compress(b"".join(rows))
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(is_interlaced))
    table = palette_shown(np.arange(1 << depth), depth) if color_type == PALETTE else None
    return b"".join(
        [
            MAGIC,
            png_chunk(b"IHDR", header),
            b"" if table is None else png_chunk(b"PLTE", table.tobytes()),
            before,
            *(
                png_chunk(b"IDAT", pixels[at : at + idat_bytes])
                for at in range(0, len(pixels), idat_bytes)
            ),
            after,
            png_chunk(b"IEND", b""),
        ]
    )


def shown_by_libspng(data: bytes) -> Pixels:
    """What libspng makes of it; imagecodecs asks it for no transparent color."""
    return _shown(imagecodecs.spng_decode(data))


def shown_by_libpng(data: bytes) -> Pixels:
    """What libpng makes of it; imagecodecs asks it for no interlaced rows."""
    return _shown(imagecodecs.png_decode(data))


def _shown(stored: Numbers) -> Pixels:
    stored = np.atleast_3d(stored)
    values = restored(stored, stored.dtype.itemsize * 8)
    channels = stored.shape[2]
    opacity = values[:, :, -1:] if channels in (2, 4) else None
    return show(values[:, :, : channels - (opacity is not None)], "rgb", opacity)


def cases(*, is_whole: bool) -> Iterator[Case]:
    """One of each color type, depth and order of rows, or all."""
    yield from _layouts(is_whole=is_whole)
    yield from _ancillary()
    yield from _turned()


def _layouts(*, is_whole: bool) -> Iterator[Case]:
    for color_type, is_interlaced in itertools.product(DEPTHS, (False, True)):
        for depth in DEPTHS[color_type]:
            order = "interlaced" if is_interlaced else "plain"
            name = f"{NAMES[color_type]}, {depth}-bit"
            stored, shown, opacity = _drawn(color_type, depth)
            if opacity is not None:
                name += ", alpha"
            for idat_bytes in (8, 700, 10**6) if is_whole else (700,):
                data = written(
                    stored, color_type, depth, is_interlaced=is_interlaced, idat_bytes=idat_bytes
                )
                yield Case(
                    KIND, name, order, f"chunks of {idat_bytes}", data, shown, shown_by_libspng
                )
            if opacity is not None:
                empty = np.dstack([stored[:, :, :-1], np.zeros_like(stored[:, :, -1:])])
                opaque = show(restored(stored[:, :, :-1], depth), "rgb")
                data = written(empty, color_type, depth, is_interlaced=is_interlaced)
                yield Case(
                    KIND, f"{NAMES[color_type]}, {depth}-bit, empty alpha", order, "", data, opaque
                )
            else:
                yield from _one_color_transparent(
                    stored, color_type, depth, is_interlaced=is_interlaced
                )


def _drawn(color_type: int, depth: int) -> tuple[Numbers, Pixels, Samples | None]:
    stored = quantized(samples(COLORS[color_type]), depth)
    if color_type == PALETTE:
        return stored, palette_shown(stored[:, :, 0], depth), None
    if color_type not in (GRAY_ALPHA, RGBA):
        return stored, show(restored(stored, depth), "rgb"), None
    steps = quantized(alpha(), depth)
    opacity = restored(steps, depth)
    return np.dstack([stored, steps]), show(restored(stored, depth), "rgb", opacity), opacity


def _one_color_transparent(
    stored: Numbers, color_type: int, depth: int, *, is_interlaced: bool
) -> Iterator[Case]:
    """A color, or entries of the palette, that are transparent."""
    at = stored[5, 40]
    order = "interlaced" if is_interlaced else "plain"
    if color_type == PALETTE:
        count = 1 << depth
        alphas = (np.arange(count) * 255 // (count - 1)).astype(np.uint8)
        opacity = restored(alphas[stored[:, :, 0]][:, :, None], 8)
        colors = restored(palette_shown(stored[:, :, 0], depth), 8)
        key, shown = alphas.tobytes(), show(colors, "rgb", opacity)
    else:
        is_key = (stored == at).all(axis=2, keepdims=True)
        key = b"".join(struct.pack(">H", int(value)) for value in at)
        shown = show(restored(stored, depth), "rgb", (~is_key).astype(float))
    yield Case(
        KIND, f"{NAMES[color_type]}, {depth}-bit, transparent color", order, "",
        written(
            stored, color_type, depth, is_interlaced=is_interlaced, before=png_chunk(b"tRNS", key)
        ),
        shown, None if is_interlaced else shown_by_libpng,
    )  # fmt: skip


def spoiled(chunk: bytes) -> bytes:
    """A chunk with a wrong checksum."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


def _ancillary() -> Iterator[Case]:
    """Chunks that no picture needs, whatever is wrong with them."""
    long_text = b"Diagram\0\0" + zlib.compress(b"<mxfile/>" * 300_000)
    turned = png_chunk(b"eXIf", exif(6)[6:])
    packed_xmp = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 2**21)
    chunks = {
        "text, wrong checksum": spoiled(png_chunk(b"tEXt", b"Title\0plan")),
        "packed text, wrong checksum": spoiled(
            png_chunk(b"zTXt", b"mxfile\0\0" + zlib.compress(b"a"))
        ),
        "packed text of 2.7 MB": png_chunk(b"zTXt", long_text),
        "text of 3 MB": png_chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        "packed text that is none": png_chunk(b"zTXt", b"Title\0\0plan"),
        "XMP of 2 MB": png_chunk(b"iTXt", packed_xmp),
        "profile that is none": png_chunk(b"iCCP", b"x\0\0abc"),
        "profile of 5 MB": png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(5_000_000))),
        "gamma of 3 bytes": png_chunk(b"gAMA", b"\0\0\1"),
        "orientation, wrong checksum": spoiled(turned),
        "private chunk, wrong checksum": spoiled(png_chunk(b"prVt", bytes(100))),
        "size of a pixel, cut": png_chunk(b"pHYs", b"\0"),
        "empty name": png_chunk(b"tEXt", b""),
    }
    stored, shown, _ = _drawn(RGB, 8)
    gray, gray_shown, _ = _drawn(GRAY, 1)
    for (variant, chunk), place in itertools.product(chunks.items(), ("before", "after")):
        for name, drawn, look, color_type, depth in (
            ("RGB, 8-bit", stored, shown, RGB, 8),
            ("gray, 1-bit", gray, gray_shown, GRAY, 1),
        ):
            data = written(drawn, color_type, depth, **{place: chunk})  # type: ignore[arg-type]
            yield Case(KIND, name, "plain", f"{variant}, {place}", data, look)
    whole = written(stored, RGB, 8)
    for variant, data in {
        "no end": whole[:-12],
        "end cut": whole[:-3],
        "bytes behind the end": whole + b"more" * 1000,
        "chunk that ends beyond the file": whole[:-12] + b"\0\xff\xff\xfftEXtTitle",
        "no name behind the pixels": whole[:-12] + bytes(40),
    }.items():
        yield Case(KIND, "RGB, 8-bit", "plain", variant, data, shown)


def _turned() -> Iterator[Case]:
    stored, shown, _ = _drawn(RGB, 8)
    for orientation in range(1, 9):
        content = exif(orientation)
        xmp = b'<rdf:Description tiff:Orientation="%d"/>' % orientation
        hexed = content.hex().encode()
        for variant, chunk in {
            "eXIf": png_chunk(b"eXIf", content[6:]),
            "XMP": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
            "packed XMP": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)),
            "raw profile": png_chunk(
                b"zTXt",
                b"Raw profile type exif\0\0"
                + zlib.compress(b"\nexif\n%8d\n" % len(content) + hexed + b"\n"),
            ),
        }.items():
            yield Case(
                KIND, "RGB, 8-bit", "plain", f"orientation {orientation} by {variant}",
                written(stored, RGB, 8, before=chunk), upright(shown, orientation),
            )  # fmt: skip
    assert shown.shape[:2] == SIZE_WH[::-1]
