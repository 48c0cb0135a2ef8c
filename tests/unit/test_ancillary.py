# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is not needed to show a picture goes; what is stays, and its faults are told.

That pictures with odd metadata are read is the matter of test_corpus.py.
"""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import Image

from roomdet import ancillary
from roomdet.errors import InvalidFileFormat
from roomdet.filetypes import FileType
from tests.builders import draw_plan, encode, exif, png_chunk
from tests.corpus.pngs import RGB, spoiled, written
from tests.unit.reading import read


def png(**options: bytes) -> bytes:
    """The plan with chunks before or after its pixels."""
    return written(np.asarray(draw_plan()), RGB, 8, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_plain_file_is_not_copied(kind: str) -> None:
    """Nothing is taken out of it, so it is the same bytes."""
    data = encode(draw_plan(), kind)

    assert ancillary.without(data, FileType(kind)) is data


def test_orientation_stays() -> None:
    """In a PNG, a JPEG and a WebP among things that go."""
    text = png_chunk(b"tEXt", b"Title\0plan")
    turned = png_chunk(b"eXIf", exif(6)[6:])

    assert ancillary.without(png(before=text + turned), FileType.PNG) == png(before=turned)
    for kind in ("JPEG", "WEBP"):
        data = encode(draw_plan(), kind, exif=exif(6), icc_profile=bytes(500))
        less = ancillary.without(data, FileType(kind))
        assert len(less) < len(data) - 500
        assert read(less).source_wh == (200, 320)


@pytest.mark.parametrize("size", [2**20 - 100, 2**20 + 100])
def test_orientation_in_a_long_text_is_not_looked_for(size: int) -> None:
    """Pillow takes texts up to 1 MiB, packed or not; a longer one goes, and the picture stays."""
    xmp = b'<x tiff:Orientation="6"/>'.ljust(size)
    for packed, content in (b"\0", xmp), (b"\1", zlib.compress(xmp)):
        chunk = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + packed + b"\0\0\0" + content)

        assert read(png(before=chunk)).source_wh == ((200, 320) if size < 2**20 else (320, 200))


def test_spoiled_transparency_is_told() -> None:
    """Without it the picture would be another one."""
    chunk = spoiled(png_chunk(b"tRNS", bytes(6)))

    with pytest.raises(InvalidFileFormat, match=r"transparency \(tRNS, at byte 33\).*checksum"):
        read(png(before=chunk))


def test_chunk_that_ends_beyond_the_file_is_told() -> None:
    """Before the pixels nothing can be found behind it."""
    data = png()
    broken = data[:33] + b"\x7f\xff\xff\xfftEXt" + data[33:]

    with pytest.raises(InvalidFileFormat, match="begins at byte 33 ends beyond it"):
        read(broken)


def test_apples_png_is_named() -> None:
    """Its pixels are in another order and not compressed as in PNG."""
    with pytest.raises(InvalidFileFormat, match=r"Apple's own kind \(CgBI\)"):
        read(png(before=png_chunk(b"CgBI", bytes(4))))


def test_segments_that_are_none_are_left_to_the_decoder() -> None:
    """A JPEG that is not one says so itself."""
    data = encode(draw_plan(), "JPEG")
    broken = data[:20] + b"\0\0" + data[22:]

    assert ancillary.without(broken, FileType.JPEG) is broken
    with pytest.raises(InvalidFileFormat, match="damaged or ends early"):
        read(data[:150])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_one_visible_pixel_makes_alpha_count(kind: str, mode: str) -> None:
    """Alpha that is 0 everywhere is none; a single pixel of it is."""
    plan = draw_plan().convert(mode)
    plan.putalpha(Image.new("L", plan.size, 0))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}

    empty = read(encode(plan, kind, **options))
    alphas = plan.getchannel("A")
    alphas.putpixel((319, 199), 255)
    plan.putalpha(alphas)
    visible = read(encode(plan, kind, **options))

    assert np.array_equal(
        empty.pixels, np.asarray(draw_plan().convert("L" if mode == "LA" else "RGB").convert("RGB"))
    )
    assert (visible.pixels == 255).all()


def test_palette_that_is_transparent_as_a_whole_is_opaque() -> None:
    """Of the entries that the picture uses."""
    plan = draw_plan().quantize(8)
    used = max(np.unique(np.asarray(plan))) + 1

    empty = read(encode(plan, "PNG", transparency=bytes(int(used))))

    assert np.array_equal(empty.pixels, np.asarray(plan.convert("RGB")))
