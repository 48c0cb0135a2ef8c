# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures without what is not needed to show them.

Programs put diagrams, profiles and previews into a PNG, JPEG or WebP, of any size and not always as
the format wants it. Pillow refuses some of them for that. What stays is the pixels, their palette
and transparency, and what says how the picture is turned, if it is intact.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from roomdet.errors import InvalidFileFormat
from roomdet.filetypes import FileType

if TYPE_CHECKING:
    from collections.abc import Iterator

# PNG specification, 5.3: length, name, content, checksum.
_CHUNK_BYTES = 12
_PNG_HEAD = 8
_NEEDED = (b"IHDR", b"PLTE", b"IDAT")
_TRANSPARENCY = b"tRNS"
_DEEP_RGB = bytes([16, 2])  # bit depth and color type, in the header
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
# Where programs say how a picture is turned.
_TURNING = {b"eXIf": b"", b"iTXt": b"XML:com.adobe.xmp\0", b"tEXt": b"Raw profile type exif\0",
            b"zTXt": b"Raw profile type exif\0"}  # fmt: skip
# Pillow's own limit of an unpacked text (PngImagePlugin.MAX_TEXT_CHUNK).
_MOST_TEXT_BYTES = 2**20

# JPEG, T.81, table B.1.
_APP0, _APP1, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_SCAN, _FILL = 0xDA, 0xFF
_EXIF = b"Exif\0"
_FRAMES = {
    0xC0: "", 0xC1: "", 0xC2: "", 0xC9: "", 0xCA: "",
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical lossless",
    0xCB: "lossless", 0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "hierarchical lossless",
    0xF7: "JPEG-LS",
}  # fmt: skip
_EIGHT_BITS = 8
_COMPONENTS = (1, 3, 4)
_SAVE_JPEG_AS = "save it as PNG, or as ordinary (baseline) JPEG"

# Windows' BITMAPINFOHEADER.
_BMP_HEAD, _BMP_INFO_BYTES = 54, 40
_BMP_COMPRESSIONS = {4: "JPEG", 5: "PNG"}

# WebP container specification, "Extended file format".
_WEBP_HEAD = 12
_WEBP_NEEDED = (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
_HAS_PROFILE, _HAS_EXIF, _HAS_XMP = 0x20, 0x08, 0x04


def without(data: bytes, kind: FileType) -> bytes:
    """The file without its ancillary parts; the same bytes where it has none.

    Raises:
        InvalidFileFormat: If it is of a variant that is not read, or damaged where that shows.
    """
    if kind is FileType.PNG:
        return _joined(data, data[:_PNG_HEAD], list(_png_chunks(data)), _PNG_END)
    if kind is FileType.JPEG:
        return _plain_jpeg(data)
    if kind is FileType.BMP:
        _check_bmp(data)
    return _plain_webp(data) if kind is FileType.WEBP else data


def _joined(data: bytes, head: bytes, spans: list[tuple[int, int]], end: bytes) -> bytes:
    """Parts of a file; the file itself where that is all of it."""
    whole = len(head) + sum(end - start for start, end in spans) + len(end)
    if whole == len(data):
        return data
    return b"".join([head, *(data[start:end] for start, end in spans), end])


def _png_chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the chunks of a PNG are that are needed, from start to end."""
    at, has_pixels, seen = _PNG_HEAD, False, set[bytes]()
    while at + _PNG_HEAD <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + _CHUNK_BYTES + length
        if name == b"IEND" or (has_pixels and (end > len(data) or not name.isalpha())):
            if name == b"IDAT":
                yield at, len(data)  # Pillow says that it ends early
            return
        if end > len(data) and name not in _NEEDED:
            raise InvalidFileFormat(
                f"the PNG file is damaged or ends early: what begins at byte {at:,} ends beyond it",
                {"found": "PNG", "at": at},
            )
        has_pixels = has_pixels or name == b"IDAT"
        if name in _NEEDED or _is_wanted(data, at, name, end, seen):
            yield at, end
        at = end


def _is_wanted(data: bytes, at: int, name: bytes, end: int, seen: set[bytes]) -> bool:
    """Whether an ancillary chunk of a PNG is needed, too."""
    if name == b"CgBI":
        raise InvalidFileFormat(
            "the PNG file is of Apple's own kind (CgBI), as in apps; save it as ordinary PNG",
            {"found": "CgBI"},
        )
    content = data[at + _PNG_HEAD : end - 4]
    if name == _TRANSPARENCY:
        if not _is_intact(data, at, end):
            raise InvalidFileFormat(
                f"the PNG file is damaged: its transparency (tRNS, at byte {at:,}) has a wrong "
                "checksum; save it anew",
                {"found": "PNG", "at": at},
            )
        if data[24:26] == _DEEP_RGB:  # Pillow drops the lower half of the pixels, not of the color
            raise InvalidFileFormat(
                "the PNG file is RGB of 16 bits with a transparent color; save it with 8 bits a "
                "channel, or without transparency",
                {"found": "16-bit RGB with a transparent color"},
            )
        return True
    if name not in _TURNING or name in seen or not content.startswith(_TURNING[name]):
        return False
    seen.add(name)
    return _is_intact(data, at, end) and _is_short(name, content)


def _is_intact(data: bytes, at: int, end: int) -> bool:
    (checksum,) = struct.unpack_from(">I", data, end - 4)
    return zlib.crc32(data[at + 4 : end - 4]) == int(checksum)


def _is_short(name: bytes, content: bytes) -> bool:
    """Whether a text is one that Pillow takes, once it is unpacked."""
    if len(content) > _MOST_TEXT_BYTES:
        return False
    packed_at = content.find(b"\0") + 2
    if name == b"iTXt":
        is_packed = content[packed_at - 1 : packed_at] == b"\1"
        packed_at = content.find(b"\0", content.find(b"\0", packed_at + 1) + 1) + 1
    else:
        is_packed = name == b"zTXt"
    if not is_packed:
        return True
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(content[packed_at:], _MOST_TEXT_BYTES)
    except zlib.error:
        return False
    return unpacking.eof


def _plain_jpeg(data: bytes) -> bytes:
    """A JPEG without application data but JFIF's, EXIF and Adobe's, and without comments."""
    spans: list[tuple[int, int]] = []
    at = 2
    while at + 4 <= len(data) and data[at] == _FILL:
        marker = data[at + 1]
        if marker == _FILL:
            at += 1
            continue
        if marker == _SCAN:
            spans.append((at, len(data)))
            return _joined(data, data[:2], spans, b"")
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            _check_frame(marker, data[at + 4 : end])
        if _is_kept(marker, data[at + 4 : at + 4 + len(_EXIF)]):
            spans.append((at, end))
        at = end
    return data  # not as it should be: the decoder says how


def _is_kept(marker: int, start: bytes) -> bool:
    if marker == _APP1:
        return start == _EXIF
    return marker in (_APP0, _APP14) or not (_APP0 <= marker <= _APP15 or marker == _COMMENT)


def _check_frame(marker: int, header: bytes) -> None:
    """Refuse a kind of JPEG that libjpeg does not decode here."""
    bits = header[0] if header else _EIGHT_BITS
    components = header[5] if len(header) > 5 else 1  # noqa: PLR2004  # bits, height, width
    what = _FRAMES[marker] and f"of a kind that is not read ({_FRAMES[marker]})"
    if not what and bits != _EIGHT_BITS:
        what = f"one of {bits} bits a sample"
    if not what and components not in _COMPONENTS:
        what = f"one of {components} channels"
    if what:
        raise InvalidFileFormat(f"the JPEG file is {what}; {_SAVE_JPEG_AS}", {"found": what})


def _check_bmp(data: bytes) -> None:
    """Refuse a file of another kind inside a BMP."""
    compression = _BMP_COMPRESSIONS.get(data[30]) if len(data) > _BMP_HEAD else None
    if compression and data[14] >= _BMP_INFO_BYTES:
        raise InvalidFileFormat(
            f"the BMP file has {compression} compression, which is for printers; save it as PNG",
            {"found": f"{compression} compression"},
        )


def _plain_webp(data: bytes) -> bytes:
    """A WebP without profile and XMP, and without an EXIF chunk that ends beyond the file."""
    if data[_WEBP_HEAD : _WEBP_HEAD + 4] != b"VP8X":
        return data
    spans: list[tuple[int, int]] = []
    flags = data[_WEBP_HEAD + 8] & ~(_HAS_PROFILE | _HAS_EXIF | _HAS_XMP)
    at = _WEBP_HEAD + 18  # behind VP8X, of 10 bytes
    while at + 8 <= len(data):
        name = data[at : at + 4]
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        is_exif = name == b"EXIF" and end <= len(data)
        if is_exif or name in _WEBP_NEEDED:
            spans.append((at, min(end, len(data))))
            flags |= _HAS_EXIF if is_exif else 0
        at = end
    size = 4 + 18 + sum(end - start for start, end in spans)
    head = b"RIFF" + struct.pack("<I", size) + b"WEBPVP8X" + data[_WEBP_HEAD + 4 : _WEBP_HEAD + 8]
    return b"".join(
        [head, bytes([flags]), data[_WEBP_HEAD + 9 : _WEBP_HEAD + 18],
         *(data[start:end] for start, end in spans)]
    )  # fmt: skip
