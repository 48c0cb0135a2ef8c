# SPDX-License-Identifier: AGPL-3.0-or-later
"""A golden plan as PDF, so that a version that cannot read PDF never serves."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Kinds of PNG whose pixels PDF takes as they are: the name there, and numbers a pixel.
_COLORS = {0: (b"/DeviceGray", 1), 2: (b"/DeviceRGB", 3)}


def as_pdf(png: bytes) -> bytes | None:
    """A page with the pixels of a PNG, one for each point; nothing is decoded or lost.

    Args:
        png: A picture.

    Returns:
        None where PDF does not take them as they are: interlaced, with alpha or a palette.
    """
    chunks = list(_chunks(png))
    if not chunks or chunks[0][0] != b"IHDR":
        return None
    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if kind not in _COLORS or interlaced:
        return None
    space, colors = _COLORS[kind]
    pixels = b"".join(content for name, content in chunks if name == b"IDAT")
    page = b"q %d 0 0 %d 0 0 cm /Plan Do Q" % (width, height)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R"
        b"/Resources<</XObject<</Plan 5 0 R>>>>>>" % (width, height),
        _stream(b"", page),
        _stream(
            b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace%s/BitsPerComponent %d"
            b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors %d/BitsPerComponent %d"
            b"/Columns %d>>" % (width, height, space, bits, colors, bits, width),
            pixels,
        ),
    ]
    return _document(objects)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each whole chunk."""
    if not png.startswith(_SIGNATURE):
        return
    at = len(_SIGNATURE)
    while at + 12 <= len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + size]
        if struct.pack(">I", zlib.crc32(name + content)) != png[at + 8 + size : at + 12 + size]:
            return
        yield name, content
        at += 12 + size


def _stream(entries: bytes, content: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content)


def _document(objects: list[bytes]) -> bytes:
    """Objects numbered from 1, the first of which is the catalog."""
    made, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return made + (
        b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table)
        + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, len(made))
    )
