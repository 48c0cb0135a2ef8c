# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests that were made to do harm: bombs, lies about sizes, files of two kinds, and the like.

Each is small or soon made; none is right, unless by its own account. What they have in common is
the answer that they must get: 200, 400, 413 or 415, within seconds and within bounds of memory.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from tests.builders import ENDLESS_PDF, draw_plan, encode, pdf_stream, plan_pdf, png_chunk, raw_pdf
from tests.e2e.wire import OPTIONS_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL_FACTS = {OPTIONS_HEADER: "include=name,polygon,area"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=B"}
LARGE_PX = 12_200  # squared a little less than what is read
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
OF_FONT = b"/Font<</F 5 0 R>>"
A3_PT = (1191, 842)


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        name: What it is.
        body: As sent.
        headers: As sent.
    """

    name: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def requests(*, is_whole: bool = True) -> Iterator[Request]:
    """All of them; without ``is_whole`` those that are no larger than a few MB."""
    for name, body in [*_lies(), *_polyglots(), *_small_pictures(), *_documents()]:
        yield Request(name, body)
    for name, body in _texts():
        yield Request(name, body, ALL_FACTS)
    yield from _envelopes()
    if is_whole:
        for name, body in _large():
            yield Request(name, body)
        yield from _large_envelopes()


def quick_requests() -> Iterator[Request]:
    """Some of those that are made and answered in some hundredths of a second."""
    for name, body in [*list(_lies())[::4], *_polyglots(), *list(_pages())[::3]]:
        yield Request(name, body)
    yield from _envelopes()


# -- pictures ---------------------------------------------------------------------------------


def _lies() -> Iterator[tuple[str, bytes]]:
    """Sizes in headers that the pixels do not bear out."""
    plan = draw_plan((64, 40))
    # Where width and height stand, and how they are written.
    places = {
        "PNG": (16, ">II"),
        "BMP": (18, "<ii"),
        "GIF": (6, "<HH"),
        "JPEG": (encode(plan, "JPEG").index(b"\xff\xc0") + 5, ">HH"),
    }
    for kind, (at, form) in places.items():
        file = encode(plan, kind)
        top = 0x7FFF_FFFF if form.lower() == form and "i" in form else 0xFFFF
        for sides in ((0, 0), (1, top), (top, 1), (top, top), (LARGE_PX, LARGE_PX), (-1 & top, 2)):
            lie = bytearray(file)
            struct.pack_into(form, lie, at, *sides)
            if kind == "PNG":
                struct.pack_into(">I", lie, 29, zlib.crc32(lie[12:29]))
            yield f"{kind} that claims {sides[0]} x {sides[1]}", bytes(lie)
    for bits in (0, 1, 7, 255):
        lie = bytearray(encode(plan, "BMP"))
        struct.pack_into("<H", lie, 28, bits)
        yield f"BMP of {bits} bits", bytes(lie)
    tiff = encode(plan, "TIFF")
    for tag in (256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 322, 323, 338):
        for value in (0, 1, 3, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF):
            yield f"TIFF whose tag {tag} is {value}", _with_tag(tiff, tag, value)
    webp = bytearray(encode(plan, "WEBP", lossless=True))
    webp[21:25] = b"\xff\xff\xff\x0f"
    yield "WebP that claims 16384 x 16384", bytes(webp)


def _with_tag(tiff: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF with another number in a tag, or with the tag in place of another."""
    changed = bytearray(tiff)
    (at,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, at)
    entries = range(at + 2, at + 2 + 12 * count, 12)
    tags = [struct.unpack_from("<H", tiff, entry)[0] for entry in entries]
    entry = entries[tags.index(tag)] if tag in tags else entries[-1]
    struct.pack_into("<HHII", changed, entry, tag, 4, 1, value)
    return bytes(changed)


def _small_pictures() -> Iterator[tuple[str, bytes]]:
    plan = draw_plan((64, 40))
    png, gif, tiff = (encode(plan, kind) for kind in ("PNG", "GIF", "TIFF"))
    head, rest = png[:33], png[33:]
    bomb = zlib.compress(bytes(50_000_000), 9)
    yield "PNG with a text of 50 MB", head + png_chunk(b"zTXt", b"a\0\0" + bomb) + rest
    yield "PNG with a profile of 50 MB", head + png_chunk(b"iCCP", b"a\0\0" + bomb) + rest
    yield (
        "PNG with a turn in a text of 50 MB",
        head + png_chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb) + rest,
    )
    yield "PNG of 300,000 chunks", head + png_chunk(b"teXt", b"") * 300_000 + rest
    yield "PNG whose pixels go on", png[:-12] + png_chunk(b"IDAT", zlib.compress(bytes(10**7))) * 3
    yield "PNG without an end", png[:-12]
    yield "GIF of 20,000 frames", gif[:-1] + gif[gif.index(b"\x2c") : -1] * 20_000 + b"\x3b"
    yield "GIF with a frame beside it", gif.replace(b"\x2c\0\0\0\0", b"\x2c\xf0\xff\xf0\xff", 1)
    loop = bytearray(tiff)
    (at,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, at)
    struct.pack_into("<I", loop, at + 2 + 12 * count, at)
    yield "TIFF whose next page is its first", bytes(loop)
    yield "BigTIFF of 2^60 tags", b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1 << 60) + bytes(64)
    yield "JPEG of markers", b"\xff\xd8" + b"\xff\xe1\0\2" * 200_000 + b"\xff\xd9"
    yield "JPEG of fill bytes", b"\xff\xd8" + b"\xff" * 1_000_000
    yield (
        "WebP of chunks",
        b"RIFF\xff\xff\xff\x7fWEBPVP8X\x0a\0\0\0" + bytes(10) + (b"ANMF\0\0\0\0" * 100_000),
    )


def _polyglots() -> Iterator[tuple[str, bytes]]:
    """Files that are of two kinds."""
    plan = draw_plan((64, 40))
    png, jpeg, gif = (encode(plan, kind) for kind in ("PNG", "JPEG", "GIF"))
    pdf = plan_pdf()
    yield "PNG with a PDF in it", png[:33] + png_chunk(b"teXt", pdf) + png[33:]
    yield "PNG with a PDF behind it", png + pdf
    yield "PDF with a PNG in front of it", png + b"\n" + pdf
    yield (
        "JPEG with a PDF in its comment",
        (b"\xff\xd8\xff\xfe" + struct.pack(">H", len(pdf) + 2) + pdf + jpeg[2:]),
    )
    yield "GIF with a PDF behind it", gif + pdf
    yield "PDF behind a kilobyte of HTML", b"<html>" + b" " * 900 + pdf
    yield "PDF behind 2 kilobytes of HTML", b"<html>" + b" " * 2000 + pdf
    yield "PDF with a PNG behind it", pdf + png
    yield "PDF with a ZIP behind it", pdf + b"PK\3\4" + bytes(100) + b"PK\5\6" + bytes(18)
    yield "ZIP with a PDF in it", b"PK\3\4" + bytes(26) + pdf
    yield "BMP whose name is a PDF's", b"BM%PDF-1.7\n" + pdf
    yield "TIFF that is a PDF, too", b"II*\0" + struct.pack("<I", 8) + pdf
    yield "RIFF that is a PDF", b"RIFF\0\0\0\0WEBP" + pdf
    yield "JSON with a PDF behind it", b'{"image": "' + pdf


def _large() -> Iterator[tuple[str, bytes]]:
    """As large as what is read, and of next to nothing."""
    side = LARGE_PX
    for color, (depth, samples) in {0: (16, 1), 2: (16, 3), 6: (16, 4), 4: (8, 2)}.items():
        for interlaced in (0, 1):
            header = struct.pack(">IIBBBBB", side, side, depth, color, 0, 0, interlaced)
            row = 1 + side * samples * depth // 8
            yield (
                f"PNG of {side} px, color {color}, {depth} bits, Adam7 {interlaced}",
                (
                    b"\x89PNG\r\n\x1a\n"
                    + png_chunk(b"IHDR", header)
                    + png_chunk(b"IDAT", _zeros(row * side))
                    + png_chunk(b"IEND", b"")
                ),
            )
    grey = Image.new("L", (side, side), 200)
    yield "JPEG, progressive, of 12,200 px", encode(grey, "JPEG", progressive=True)
    yield "GIF of 12,200 px", encode(grey, "GIF")
    yield "TIFF, LZW, of 12,200 px", encode(grey, "TIFF", compression="tiff_lzw")
    fax = Image.new("1", (side, side), 1)
    yield "TIFF, fax, of 12,200 px", encode(fax, "TIFF", compression="group4")
    yield "WebP of 12,200 px", encode(grey.convert("RGB"), "WEBP", lossless=True, method=0)


def _zeros(count: int) -> bytes:
    """A zlib stream of so many zeros."""
    packer, packed = zlib.compressobj(9), []
    block = bytes(1 << 24)
    for start in range(0, count, len(block)):
        packed.append(packer.compress(block[: count - start]))
    return b"".join([*packed, packer.flush()])


# -- documents --------------------------------------------------------------------------------


def _pages() -> Iterator[tuple[str, bytes]]:
    """Sizes that no page has."""
    for box in (
        "0 0 1e38 1e38", "0 0 1e-38 1e-38", "0 0 1e38 1", "0 0 1 1e38", "-1e38 -1e38 1e38 1e38",
        "1e7 1e7 1.0000001e7 1.0000001e7", "16777216 0 16777217 1", "nan nan nan nan",
        "0 0 14400 1", "0 0 0.0001 0.0001", "5 5 1 1", "-200 -200 -100 -100",
        "1e30 1e30 1.1e30 1.1e30",
    ):  # fmt: skip
        content = b"BT /F 10 Tf 10 10 Td (ROOM) Tj ET 0 0 m 100 100 l S"
        data = raw_pdf(content, [FONT], resources=OF_FONT)
        data = data.replace(b"MediaBox[0 0 320 200]", f"MediaBox[{box}]".encode())
        yield f"PDF of a page [{box}]", data
        yield (
            f"PDF of a page [{box}], turned",
            data.replace(b"/Type/Page/", b"/Type/Page/Rotate 90/"),
        )
    yield (
        "PDF whose unit is 1e30",
        raw_pdf(b"").replace(b"/Type/Page/", b"/Type/Page/UserUnit 1e30/"),
    )


def _documents() -> Iterator[tuple[str, bytes]]:
    yield "PDF of a form without end", ENDLESS_PDF
    for depth in (12, 24):
        forms = [
            pdf_stream(
                b"/Type/XObject/Subtype/Form/BBox[0 0 320 200]/Resources<</XObject<</I %d 0 R>>>>"
                % (number + 1),
                b"/I Do /I Do",
            )
            for number in range(5, 5 + depth)
        ]
        yield f"PDF of 2^{depth} forms", raw_pdf(b"/I Do", [*forms, pdf_stream(b"", b"0 0 m")])
    yield from _pages()
    pages = b"".join(b"%d 0 obj<</Type/Page/Parent 2 0 R>>endobj\n" % i for i in range(3, 10_003))
    kids = b" ".join(b"%d 0 R" % i for i in range(3, 10_003))
    root = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    yield (
        "PDF of 10,000 pages",
        root
        + pages
        + (
            b"2 0 obj<</Type/Pages/MediaBox[0 0 9 9]/Count 10000/Kids[%b]>>endobj\n"
            b"trailer<</Root 1 0 R>>\n" % kids
        ),
    )
    yield "PDF that claims 2 billion pages", raw_pdf(b"").replace(b"/Count 1", b"/Count 2147483647")
    yield "PDF whose pages are their own parent", raw_pdf(b"").replace(b"[3 0 R]", b"[2 0 R]")
    tree = b"".join(
        b"%d 0 obj<</Type/Pages/Count 1/Kids[%d 0 R]/Parent %d 0 R>>endobj\n" % (i, i + 1, i - 1)
        for i in range(2, 5000)
    )
    yield "PDF with a tree of 5,000 levels", root + tree + b"trailer<</Root 1 0 R>>\n"
    for name, deep in {"arrays": b"[" * 500_000, "dictionaries": b"<<" * 300_000,
                       "brackets": b"(" * 500_000, "states": b"q " * 500_000}.items():  # fmt: skip
        yield f"PDF page of nested {name}", raw_pdf(deep)
        yield f"PDF object of nested {name}", raw_pdf(b"", [deep])
    bomb = _zeros(10**9)
    yield (
        "PDF page of 1 GB",
        raw_pdf(b"", [pdf_stream(b"/Filter/FlateDecode", bomb)]).replace(
            b"/Contents 4 0 R", b"/Contents 5 0 R"
        ),
    )
    twice = pdf_stream(b"/Filter[/FlateDecode/FlateDecode]", zlib.compress(bomb, 9))
    yield (
        "PDF page of 1 GB, packed twice",
        raw_pdf(b"", [twice]).replace(b"/Contents 4 0 R", b"/Contents 5 0 R"),
    )
    hexes = pdf_stream(b"/Filter[" + b"/ASCIIHexDecode" * 5000 + b"]", b"30>")
    yield "PDF page of 5,000 filters", raw_pdf(b"", [hexes]).replace(b"/Contents 4", b"/Contents 5")
    yield from _drawings()
    yield from _pictures_in_documents(bomb)
    yield (
        "PDF portfolio with a name that is none",
        raw_pdf(
            b"", [b"<</Type/Filespec/F(a)/UF<feffd800>/EF<</F 6 0 R>>>>", pdf_stream(b"", b"PK")]
        ).replace(
            b"<</Type/Catalog",
            b"<</Collection<<>>/Names<</EmbeddedFiles<</Names[(a) 5 0 R]>>>>/Type/Catalog",
        ),
    )
    archive = gzip.compress(bytes(10**7))
    yield (
        "PDF with a packed archive attached",
        raw_pdf(
            b"",
            [b"<</Type/Filespec/F(a.zip)/EF<</F 6 0 R>>>>", pdf_stream(b"", b"PK\3\4" + archive)],
        ).replace(
            b"<</Type/Catalog", b"<</Names<</EmbeddedFiles<</Names[(a) 5 0 R]>>>>/Type/Catalog"
        ),
    )
    yield (
        "PDF whose table is a circle",
        (b"%PDF-1.4\nxref\n0 0\ntrailer<</Root 1 0 R/Size 1/Prev 9>>\nstartxref\n9\n%%EOF\n"),
    )


def _drawings() -> Iterator[tuple[str, bytes]]:
    """Pages that take long to draw."""
    pattern = pdf_stream(
        b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.01/YStep 0.01"
        b"/Resources<<>>",
        b"0 0 1 1 re f",
    )
    yield (
        "PDF filled with a tiny pattern",
        raw_pdf(
            b"/Pattern cs /I scn 0 0 320 200 re f", [pattern], resources=b"/Pattern<</I 5 0 R>>"
        ),
    )
    shading = b"<</ShadingType 1/ColorSpace/DeviceRGB/Function 6 0 R>>"
    calculator = pdf_stream(
        b"/FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]",
        b"{" + b"dup sin exch cos mul " * 20_000 + b"0}",
    )
    yield (
        "PDF shaded by a long program",
        raw_pdf(b"/I sh", [shading, calculator], resources=b"/Shading<</I 5 0 R>>"),
    )
    yield "PDF of a million dashes", raw_pdf(b"[0.0001 0.0001] 0 d 0 0 m 320 200 l S")
    groups = b"<</Type/Group/S/Transparency/I true/K true>>"
    stacked = [
        pdf_stream(
            b"/Type/XObject/Subtype/Form/BBox[0 0 320 200]/Group %b" % groups
            + b"/Resources<</XObject<</I %d 0 R>>>>" % (number + 1),
            b"/I Do",
        )
        for number in range(5, 205)
    ]
    yield "PDF of 200 transparent groups", raw_pdf(b"/I Do", [*stacked, pdf_stream(b"", b"")])
    type3 = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/FirstChar 65"
        b"/LastChar 65/Widths[1]/Encoding<</Differences[65/A]>>/CharProcs<</A 6 0 R>>"
        b"/Resources<</Font<</F 5 0 R>>>>>>"
    )
    again = pdf_stream(b"", b"1 0 d0 BT /F 1 Tf (AA) Tj ET")
    yield (
        "PDF of a letter made of itself",
        raw_pdf(b"BT /F 99 Tf (AAAA) Tj ET", [type3, again], resources=OF_FONT),
    )
    lines = b"".join(b"%d 0 m 0 %d l\n" % (i % 320, i % 200) for i in range(300_000)) + b"S"
    yield "PDF of one path of 300,000 lines", raw_pdf(lines)
    yield "PDF clipped 50,000 times", raw_pdf(b"0 0 300 200 re W n\n" * 50_000 + b"0 0 9 9 re f")


def _pictures_in_documents(bomb: bytes) -> Iterator[tuple[str, bytes]]:
    show = b"q 320 0 0 200 0 0 cm /I Do Q"
    kind = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8"
    for sides in (b"/Width 12000/Height 12000", b"/W#69dth 60000/H#65ight 60000",
                  b"/Width 2147483647/Height 2147483647", b"/Width -1/Height -1"):  # fmt: skip
        for packing in (b"/Filter/FlateDecode", b"/Filter/CCITTFaxDecode/DecodeParms<</K -1>>",
                        b"/Filter/JBIG2Decode", b"/Filter/JPXDecode", b"/Filter/DCTDecode",
                        b"/Filter/RunLengthDecode"):  # fmt: skip
            content = bomb if packing.endswith(b"FlateDecode") else b"\0\1\2\3" * 50
            file = raw_pdf(show, [pdf_stream(kind + sides + packing, content)])
            yield f"PDF with a picture {(sides + packing).decode()}", file
    inline = b"q 320 0 0 200 0 0 cm BI /W 60000 /H 60000 /BPC 8 /CS /G /F /Fl ID " + bomb[:2000]
    yield "PDF with an inline picture of 60,000 px", raw_pdf(inline + b"\nEI Q")
    yield (
        "PDF with 100,000 sides of pictures",
        raw_pdf(b"", [b"/Width 1 /Height 1 stream\n" * 100_000]),
    )


def _texts() -> Iterator[tuple[str, bytes]]:
    """Text layers that no drawing has; to be sent with ``include``."""
    room = b"20 20 400 300 re S 420 20 400 300 re S 20 320 800 400 re S\n"

    def page(content: bytes, font: bytes = FONT, more: tuple[bytes, ...] = ()) -> bytes:
        return raw_pdf(room + content, [font, *more], wh_pt=A3_PT, resources=OF_FONT)

    yield (
        "100,000 letters at one place",
        page(b"BT /F 10 Tf 100 100 Td " + b"(A) Tj 0 0 Td " * 100_000 + b"ET"),
    )
    yield (
        "a line of 100,000 letters",
        page(b"BT /F 0.01 Tf 100 100 Td (" + b"A" * 100_000 + b") Tj ET"),
    )
    yield (
        "a line of 50,000 words",
        page(b"BT /F 0.01 Tf 100 100 Td (" + b"1 " * 50_000 + b") Tj ET"),
    )
    for word in (
        "KITCHEN",
        "SCALE 1:100",
        "SCALE",
        "1:100",
        "12,5 m2",
        "SITE PLAN",
        "0",
        "4200",
        "M",
        'SCALE 1:1 1:2 1:3 1:4 1:5 1/8"=1\'-0" @A1 NTS',
        "DETAIL A",
        "101",
        "DRAWN DATE",
    ):
        text = word.encode().replace(b"(", b"\\(")
        spread = b"".join(
            b"1 0 0 1 %d %d Tm (%b) Tj\n" % (i * 37 % 1150, i * 91 % 830, text) for i in range(6000)
        )
        stacked = b"".join(b"1 0 0 1 100 %d Tm (%b) Tj\n" % (i % 800, text) for i in range(6000))
        same = (b"1 0 0 1 100 100 Tm (%b) Tj\n" % text) * 6000
        for how, content in {
            "spread": spread,
            "in a column": stacked,
            "at one place": same,
        }.items():
            yield f"6,000 times {word!r} {how}", page(b"BT /F 3 Tf " + content + b"ET")
    numbered = b"".join(
        b"1 0 0 1 %d %d Tm (%d) Tj\n" % (i % 1000, i % 7 * 100, i % 1000) for i in range(6000)
    )
    yield "6,000 numbers in rows", page(b"BT /F 1 Tf " + numbered + b"ET")
    for matrix in (b"0 0 0 0 5 5", b"1e38 0 0 1e38 5 5", b"1e-38 0 0 1e-38 5 5", b"1 1 1 1 5 5",
                   b"-1 0 0 -1 500 500", b"0 1 -1 0 500 500", b"1 0 0 1 1e38 1e38"):  # fmt: skip
        yield (
            f"letters set by [{matrix.decode()}]",
            page(b"BT /F 10 Tf %b Tm (KITCHEN SCALE 1:100) Tj ET" % matrix),
        )
    for size in (b"0", b"-10", b"1e38", b"1e-38", b"99999"):
        yield (
            f"letters of {size.decode()} points",
            page(b"BT /F %b Tf 100 100 Td (KITCHEN) Tj ET" % size),
        )
    for target in (b"d800", b"dfffd800", b"d800dc00", b"ffff", b"0000", b"0031" * 500, b"00110000",
                   b"ffffffff", b"202e", b"000a", b"feff"):  # fmt: skip
        cmap = (
            b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <41> <%b> "
            b"endbfchar endcmap" % target
        )
        mapped = FONT.replace(b">>", b"/ToUnicode 6 0 R>>")
        yield (
            f"letters that stand for {target[:16].decode()}",
            page(b"BT /F 10 Tf 100 100 Td (AAAA KITCHEN) Tj ET", mapped, (pdf_stream(b"", cmap),)),
        )


# -- envelopes --------------------------------------------------------------------------------


def _envelopes() -> Iterator[Request]:
    """Everything around a file."""
    file = encode(draw_plan((64, 40)), "PNG")
    text = base64.b64encode(file).decode()
    bodies: dict[str, bytes] = {
        f"JSON of {depth} levels": b'{"image":"","page":' + b"[" * depth + b"]" * depth + b"}"
        for depth in (100, 255, 300, 950, 985, 990, 995, 1000, 100_000)
    }
    bodies |= {
        "JSON with a number of 5,000 digits": b'{"image":"","page":' + b"9" * 5000 + b"}",
        "JSON with a number of 4,000 digits": b'{"image":"%b","page":' % text.encode()
        + b"9" * 4000
        + b"}",
        "JSON with 1e400": b'{"image":"%b","confidence":1e400}' % text.encode(),
        "JSON with NaN": b'{"image":"%b","confidence":NaN}' % text.encode(),
        "JSON with a long key": json.dumps({"image": text, "k" * 2_000_000: 1}).encode(),
        "JSON with a long word": json.dumps({"image": text, "detail": "k" * 2_000_000}).encode(),
        "JSON with half a character": b'{"image":"%b","\\ud800":1}' % text.encode(),
        "JSON in UTF-16": json.dumps({"image": text}).encode("utf-16"),
        "JSON in UTF-32": json.dumps({"image": text}).encode("utf-32"),
        "JSON with a mark before it": b"\xef\xbb\xbf" + json.dumps({"image": text}).encode(),
        "JSON of 200,000 values": b'{"image":[' + b"0," * 200_000 + b"0]}",
        "base64 with 200,000 blanks": json.dumps({"image": text + " " * 200_000 + text}).encode(),
        "base64 with 200,000 breaks": json.dumps({"image": "\n".join(text[:4] * 50_000)}).encode(),
        "base64 with a sign at its end": json.dumps({"image": text * 2000 + "😀"}).encode(),
        "base64 of =": json.dumps({"image": "=" * 1_000_000}).encode(),
        "a data URL of commas": json.dumps({"image": "data:" + "," * 200_000}).encode(),
        "an image_url of parts": json.dumps({"image_url": "s3://b" + "/a" * 500_000}).encode(),
    }
    for name, body in bodies.items():
        yield Request(name, body, JSON)
    part = b'--B\r\nContent-Disposition: form-data; name="image"\r\n\r\n' + file + b"\r\n"
    forms: dict[str, bytes] = {
        "form of 20,000 parts": b"".join(
            part.replace(b'"image"', b'"a%d"' % i) for i in range(20_000)
        ),
        "form with a number in its name": part.replace(
            b'name="image"', b"name*" + b"1" * 5000 + b"=a"
        ),
        "form with an odd charset": part.replace(
            b"\r\n\r\n", b"\r\nContent-Type: multipart/mixed; boundary*=a\0b''x\r\n\r\n", 1
        ),
        "form of delimiters": b"--B\r\n" * 200_000,
        "form of half delimiters": b"\r\n--B" * 200_000,
        "form of blanks": b"--B" + b" " * 1_000_000 + b"\r\n",
        "form with 7,000 parameters": part.replace(b"form-data", b"form-data" + b";a=b" * 1900),
    }
    for name, body in forms.items():
        yield Request(name, body + b"--B--\r\n", FORM)
        yield Request(f"{name}, not ended", body, FORM)
    yield Request(
        "form whose boundary is a number",
        part,
        {"Content-Type": "multipart/form-data; boundary*" + "1" * 5000 + "=B"},
    )
    packed = {"gzip": gzip.compress(b""), "deflate": b"\3\0"}
    for encoding, member in packed.items():
        headers = {"Content-Encoding": encoding}
        yield Request(f"{encoding} of 50,000 members", member * 50_000, headers)
        yield Request(f"{encoding} and noise", member + b"\xff" * 1000, headers)
    yield Request("gzip of 300 MB", gzip.compress(bytes(3 * 10**8)), {"Content-Encoding": "gzip"})
    for options in (";" * 7000, "a" * 7000, "page=" + "9" * 7000, "=;=;=", "include=" + "," * 7000,
                    "include=name," * 500, "scale=" + "1/" * 3000, "scale=1:" + "0" * 39,
                    "scale=\u0661:\u0661\u0660\u0660", "confidence=١", "page=0x1", "page=1_0",
                    "confidence=nan", "iou=-0.0", "confidence=1e-400", "\x7f=\x80"):  # fmt: skip
        value = options.encode().decode("latin-1")
        yield Request(f"attributes {options[:20]!r}", file, {OPTIONS_HEADER: value})


def _large_envelopes() -> Iterator[Request]:
    """Bodies as large as TorchServe takes."""
    most = 28_000_000
    yield Request("28 MB of {", b"{" * most, JSON)
    yield Request("28 MB of one word", b'{"detail":"' + b"a" * (most - 20) + b'"}', JSON)
    yield Request("28 MB of one key", b'{"' + b"a" * (most - 20) + b'":1}', JSON)
    yield Request("28 MB of zeros as options", b'{"image":"","page":' + b"1" * most, JSON)
    yield Request("28 MB of base64", b'{"image":"' + b"A" * (most - 20) + b'"}', JSON)
    yield Request(
        "26 MB of base64 with a sign", b'{"image":"' + b"A" * 26_000_000 + b'\\ud83d\\ude00"}', JSON
    )
    yield Request("26 MB of blanks", b'{"image":"A' + b" " * 26_000_000 + b'A"}', JSON)
    yield Request("20 MB that are no picture", bytes(20_000_000))
    yield Request("20 MB of PDF", b"%PDF-1.7\n" + b"/Width 1/Height 1 stream\n" * 800_000)
    yield Request("28 MB of delimiters", b"--B\r\n" * (most // 5), FORM)
    yield Request(
        "28 MB of gzip members", gzip.compress(b"") * (most // 20), {"Content-Encoding": "gzip"}
    )
