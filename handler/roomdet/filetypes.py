# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a file is, by its first bytes."""

from __future__ import annotations

import codecs
import re
from enum import Enum

# A PDF may have up to this much in front of its header (ISO 32000-1, annex H, note 13).
_PDF_HEADER_WITHIN = 1024
_TEXT_SAMPLE = 512
TEXT = "text"
_UNKNOWN = "of no kind that is known here"
# Comments (group code 999) may stand before the first section (DXF reference, group codes).
_DXF_SECTION = re.compile(r"^\s*0\s+SECTION\b", re.MULTILINE)


class FileType(Enum):
    """Kinds that are read; the values are Pillow's format names."""

    PNG = "PNG"
    JPEG = "JPEG"
    TIFF = "TIFF"
    WEBP = "WEBP"
    BMP = "BMP"
    GIF = "GIF"
    PDF = "PDF"


_SIGNATURES: tuple[tuple[bytes, FileType | str], ...] = (
    (b"\x89PNG\r\n\x1a\n", FileType.PNG),
    (b"\xff\xd8\xff", FileType.JPEG),
    (b"II*\x00", FileType.TIFF),
    (b"MM\x00*", FileType.TIFF),
    (b"II+\x00", FileType.TIFF),  # BigTIFF
    (b"MM\x00+", FileType.TIFF),
    (b"GIF87a", FileType.GIF),
    (b"GIF89a", FileType.GIF),
    (b"BM", FileType.BMP),
    (b"PK\x03\x04", "a ZIP archive (or an Office document)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"AC10", "an AutoCAD drawing (DWG)"),
    (b"AutoCAD Binary DXF", "a DXF drawing"),
    (b"\xd0\xcf\x11\xe0", "an old Office or Revit file"),
    (b"%!PS", "PostScript"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "a Photoshop document"),
)
# What is left of binary files that were sent, or read and written, as text: line breaks changed or
# dropped, bytes read as Latin-1 and written as UTF-8, or replaced where they are no UTF-8.
_AS_TEXT = "whose bytes were changed on the way, as if it were text (curl needs --data-binary)"
_SPOILED = re.compile(
    rb"(?:\x89|\xc2\x89|\xef\xbf\xbd|\?)(?P<png>PNG[\r\n\x1a])"
    rb"|(?:\xc3\xbf\xc3\x98\xc3\xbf|(?:\xef\xbf\xbd){3,4}[\x00-\x7f]{0,3}(?P<jpeg>JFIF|Exif))"
)


def identify(data: bytes) -> FileType | str:
    """Tell what a file is.

    Returns:
        Its type if it is one that we read, else a phrase that completes "the file is …".
    """
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FileType.WEBP
    if data[4:8] == b"ftyp":
        return "HEIC, AVIF or a video"
    if b"%PDF-" in data[:_PDF_HEADER_WITHIN]:
        return FileType.PDF
    spoiled = _SPOILED.match(data)
    if spoiled:
        return f"a {'PNG' if spoiled['png'] else 'JPEG'} {_AS_TEXT}"
    return _identify_text(data[:_TEXT_SAMPLE])


def _identify_text(sample: bytes) -> str:
    try:
        # Incremental, because the cut may split the last character.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(sample)
    except UnicodeDecodeError:
        return _UNKNOWN
    if "\x00" in text:
        return _UNKNOWN
    if "<svg" in text:
        return "an SVG drawing"
    if _DXF_SECTION.search(text):
        return "a DXF drawing"
    if text.lstrip().lower().startswith(("<!doctype html", "<html")):
        return "a web page"
    return TEXT
