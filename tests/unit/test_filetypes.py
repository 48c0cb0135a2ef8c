# SPDX-License-Identifier: AGPL-3.0-or-later
"""The content of a file decides what it is; what is not read is named."""

from __future__ import annotations

import io
import zipfile
from typing import Final

import pytest
from PIL import Image

from roomdet.config import Limits
from roomdet.errors import InvalidFileFormat
from roomdet.filetypes import FileType, identify
from roomdet.images import read_page
from tests.builders import draw_plan, encode, plan_pdf, tiff


def zip_archive() -> bytes:
    """A ZIP archive with a picture in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("plan.png", encode(draw_plan(), "PNG"))
    return file.getvalue()


# As the reader of pictures sets for the process; pytest puts filters of its own around every test.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL[.]")

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'
DXF = "  0\r\nSECTION\r\n  2\r\nHEADER\r\n"
READ: Final = {
    "png": (encode(draw_plan(), "PNG"), FileType.PNG),
    "jpeg": (encode(draw_plan(), "JPEG"), FileType.JPEG),
    "tiff": (encode(draw_plan(), "TIFF"), FileType.TIFF),
    "tiff-big-endian": (tiff(draw_plan(), is_big_endian=True), FileType.TIFF),
    "bigtiff": (encode(draw_plan(), "TIFF", big_tiff=True), FileType.TIFF),
    "webp": (encode(draw_plan(), "WEBP"), FileType.WEBP),
    "bmp": (encode(draw_plan(), "BMP"), FileType.BMP),
    "gif": (encode(draw_plan(), "GIF"), FileType.GIF),
    "pdf": (plan_pdf(), FileType.PDF),
    "pdf-behind-junk": (b"\n" * 1019 + plan_pdf(), FileType.PDF),
}
REFUSED: Final = {
    "zip": (zip_archive(), "a ZIP archive"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(20), "a gzip archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(20), "a 7z archive"),
    "dwg": (b"AC1032" + bytes(40), "an AutoCAD drawing (DWG)"),
    "dxf": (DXF.encode(), "a DXF drawing"),
    "dxf-with-comment": (f"999\nLibreCAD\n{DXF}".encode(), "a DXF drawing"),
    "dxf-binary": (b"AutoCAD Binary DXF\r\n\x1a\x00" + bytes(20), "a DXF drawing"),
    "revit": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "an old Office or Revit file"),
    "postscript": (b"%!PS-Adobe-3.0\n", "PostScript"),
    "png-without-carriage-returns": (
        encode(draw_plan(), "PNG").replace(b"\r\n", b"\n"),
        "a PNG whose bytes were changed",
    ),
    "png-as-utf-8": (
        encode(draw_plan(), "PNG").decode("latin-1").encode(),
        "a PNG whose bytes were changed",
    ),
    "png-replaced": (
        encode(draw_plan(), "PNG").decode(errors="replace").encode(),
        "a PNG whose bytes were",
    ),
    "png-as-ascii": (
        encode(draw_plan(), "PNG").decode("latin-1").encode("ascii", "replace"),
        "a PNG whose bytes",
    ),
    "jpeg-as-utf-8": (
        encode(draw_plan(), "JPEG").decode("latin-1").encode(),
        "a JPEG whose bytes were changed",
    ),
    "jpeg-replaced": (
        encode(draw_plan(), "JPEG").decode(errors="replace").encode(),
        "a JPEG whose bytes were",
    ),
    "photoshop": (b"8BPS\x00\x01" + bytes(20), "a Photoshop document"),
    "jpeg-2000": (encode(draw_plan(), "JPEG2000"), "JPEG 2000"),
    "jpeg-2000-bare": (encode(draw_plan(), "JPEG2000", no_jp2=True), "JPEG 2000"),
    "avif": (encode(Image.new("RGB", (16, 16)), "AVIF"), "HEIC, AVIF or a video"),
    "heic": (b"\x00\x00\x00\x18ftypheic" + bytes(20), "HEIC, AVIF or a video"),
    "svg": (SVG, "an SVG drawing"),
    "svg-with-prolog": (b'<?xml version="1.0"?>\n' + SVG, "an SVG drawing"),
    "html": (b"\n<!DOCTYPE html><title>Not found</title>", "a web page"),
    "html-with-mark": (b"\xef\xbb\xbf<html><body></body></html>", "a web page"),
    "json": (b'{"image": "aGVsbG8="}', "text"),
    "text": (b"hello", "text"),
    "text-cut-in-a-letter": ("ä".encode() * 255 + "x€".encode() * 9, "text"),
    "base64": (b"iVBORw0KGgoAAAANSUhEUgAA", "text"),
    "zeros": (bytes(100), "of no kind that is known here"),
    "noise": (bytes(range(128, 256)), "of no kind that is known here"),
    "one-byte": (b"\xff", "of no kind that is known here"),
    "wav": (b"RIFF\x24\x00\x00\x00WAVEfmt ", "of no kind that is known here"),
}


@pytest.mark.parametrize("name", READ)
def test_kind_is_told_by_content(name: str) -> None:
    """Every kind that is read is told by its first bytes."""
    data, kind = READ[name]

    assert identify(data) is kind


@pytest.mark.parametrize("name", REFUSED)
def test_other_kind_is_named(name: str) -> None:
    """The caller is told what came and what is read instead."""
    data, phrase = REFUSED[name]

    with pytest.raises(InvalidFileFormat) as caught:
        read_page(data, page=1, side_px=64, limits=Limits())

    message = str(caught.value)
    assert message.startswith(f"the file is {phrase}")
    assert message.endswith(
        "; send a PNG, JPEG, TIFF, WebP, BMP, GIF or PDF file (drawing programs export PDF)"
    )
    assert message[len("the file is ") :].startswith(str(caught.value.details["found"]))


def test_empty_file_is_refused() -> None:
    """Nothing is not a picture."""
    with pytest.raises(InvalidFileFormat, match="the file is empty"):
        read_page(b"", page=1, side_px=64, limits=Limits())


@pytest.mark.parametrize("name", READ)
def test_signature_alone_is_damaged(name: str) -> None:
    """A file that ends behind its signature is refused as what it claims to be."""
    data, kind = READ[name]
    start = 1024 if name == "pdf-behind-junk" else 12

    with pytest.raises(InvalidFileFormat, match=r"damaged or ends early") as caught:
        read_page(data[:start], page=1, side_px=64, limits=Limits())

    assert caught.value.details == {"found": kind.value}
