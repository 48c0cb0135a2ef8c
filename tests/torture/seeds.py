# SPDX-License-Identifier: AGPL-3.0-or-later
"""What fuzzing starts from: small inputs of each kind, most of them right."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from functools import cache
from typing import TYPE_CHECKING

from tests.builders import (
    deep_tiff,
    draw_plan,
    encode,
    exif,
    pdf_stream,
    plan_pdf,
    png_chunk,
    raw_pdf,
    scanned_pdf,
    tiff,
)
from tests.corpus import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

_WH = (32, 20)
_MOST_BYTES = 6000  # of a seed: the fuzzer's inputs are little longer
_PNG = encode(draw_plan(_WH), "PNG")
_TEXT = base64.b64encode(_PNG).decode()


@cache
def _corpus() -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for case in cases(is_whole=False):
        if len(case.data) <= _MOST_BYTES:
            found.setdefault(case.kind, []).append(case.data)
    return found


def _of_corpus(*kinds: str) -> Iterator[bytes]:
    for kind, files in _corpus().items():
        if kind in kinds:
            yield from files


def pngs() -> Iterator[bytes]:
    """One of each layout, and the chunks that are looked into."""
    yield from _of_corpus("PNG")
    head, rest = _PNG[:33], _PNG[33:]
    turn = b"Raw profile type exif\0\nexif\n 26\n" + exif(6).hex().encode()
    for name, content in {
        b"eXIf": exif(8), b"tEXt": turn, b"zTXt": turn[:22] + b"\0" + zlib.compress(turn[22:]),
        b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation='3'/>", b"tRNS": bytes(6),
        b"acTL": bytes(8), b"iCCP": b"a\0\0" + zlib.compress(bytes(99)),
    }.items():  # fmt: skip
        yield head + png_chunk(name, content) + rest


def tiffs() -> Iterator[bytes]:
    """One of each layout and compression."""
    yield from _of_corpus("TIFF")
    yield tiff(draw_plan(_WH))
    yield tiff(draw_plan(_WH, "L"), is_big_endian=True, tile_px=16)
    yield from (deep_tiff(99, bits=bits) for bits in (12, 16))


def jpegs() -> Iterator[bytes]:
    """Baseline, progressive, grey, CMYK, turned."""
    yield from _of_corpus("JPEG")
    yield encode(draw_plan(_WH), "JPEG", exif=exif(6))


def other_pictures() -> Iterator[bytes]:
    """BMP, GIF and WebP."""
    yield from _of_corpus("BMP", "GIF", "WebP")


def documents() -> Iterator[bytes]:
    """PDF of all that is looked at: text, forms, scans, attachments, layers."""
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    text = (
        b"20 20 200 150 re S BT /F 12 Tf 60 80 Td (KITCHEN) Tj 0 -14 Td (12.5 m2) Tj "
        b"200 -50 Td (SCALE 1:100 \\(A3\\)) Tj 0 -12 Td (DRAWN DATE SHEET) Tj ET"
    )
    yield raw_pdf(text, [font], resources=b"/Font<</F 5 0 R>>")
    mapped = font.replace(b">>", b"/ToUnicode 6 0 R>>")
    cmap = (
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <41> <00c5> "
        b"endbfchar endcmap"
    )
    yield raw_pdf(text, [mapped, pdf_stream(b"", cmap)], resources=b"/Font<</F 5 0 R>>")
    yield raw_pdf(b"/I Do", [pdf_stream(b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]", text)])
    yield raw_pdf(b"").replace(
        b"/Type/Page/", b"/Type/Page/Rotate 90/CropBox[9 9 90 90]/UserUnit 2/"
    )
    yield raw_pdf(b"").replace(
        b"/Type/Page/",
        b"/Annots[<</Type/Annot/Subtype/Square/Rect[9 9 99 99]/F 4>>]/Type/Page/",
    )
    yield raw_pdf(b"", [b"<</Type/Filespec/F(a)/EF<</F 6 0 R>>>>", pdf_stream(b"", b"PK")]).replace(
        b"<</Type/Catalog",
        b"<</Collection<<>>/Names<</EmbeddedFiles<</Names[(a) 5 0 R]>>>>/Type/Catalog",
    )
    yield plan_pdf(pages=2)
    yield plan_pdf(encrypt="secret")
    yield scanned_pdf(encode(draw_plan(_WH, "1"), "PNG"), _WH)
    yield scanned_pdf(encode(draw_plan(_WH), "JPEG"), _WH)


def base64_texts() -> Iterator[bytes]:
    """As callers write it."""
    yield from (_TEXT.encode(), base64.urlsafe_b64encode(_PNG), base64.encodebytes(_PNG))
    yield f"data:image/png;base64,{_TEXT}".encode()
    yield f"b'{_TEXT}'".encode()
    yield from (b"", b"====", b"A A\r\n A=", b"https://example.org/plan.png", b"%2B+/-_")


def attributes() -> Iterator[bytes]:
    """Options in a header."""
    yield b"confidence=0.4;page=2; iou = 1 ;max_rooms=3"
    yield b"detail=sheet;include=name, polygon,area;scale=1:100 (A1)"
    yield b'scale=1/8"=1\'-0";page=1e1'


def rows() -> Iterator[bytes]:
    """Header lines, an empty line, the body."""
    document = json.dumps({"image": _TEXT, "page": 1, "include": ["name"], "scale": "1:50"})
    for kind in ("application/json", "text/plain", "", "application/x-www-form-urlencoded"):
        yield f"Content-Type:{kind}\n\n{document}".encode()
    yield b'Content-Type:application/json\n\n{"image_url":"s3://bucket/plans/a.pdf"}'
    yield b"x-amzn-sagemaker-custom-attributes:page=2\nContent-Type:image/png\n\n" + _PNG
    yield b"Content-Encoding:gzip\n\n" + gzip.compress(document.encode())
    for name in ("Content-Type", "X-Roomdet-Content-Type"):
        yield f"{name}:multipart/form-data; boundary=B\n\n".encode() + _form()


def _form() -> bytes:
    return (
        b'--B\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + _PNG[:200] + b"\r\n"
        b'--B\r\nContent-Disposition: form-data; name="page"\r\n\r\n1\r\n--B--\r\n'
    )


def forms() -> Iterator[bytes]:
    """A header, a line break, the body."""
    kind = b"multipart/form-data; boundary=B\n"
    yield kind + _form()
    yield kind + _form().replace(b"image/png", b"image/png\r\nContent-Transfer-Encoding: base64")
    yield kind + _form().replace(b"image/png\r\n", b"multipart/mixed; boundary=C\r\n").replace(
        _PNG[:200], b"--C\r\n\r\nabc\r\n--C--\r\n"
    )
    yield b'multipart/mixed; boundary*0=B; boundary*1=""\n' + _form()
    yield b"multipart/related\n" + _form().replace(b'name="image"', b"name*=utf-8''im%61ge")


def encoded() -> Iterator[bytes]:
    """A letter that says how, then the body."""
    yield b"g" + gzip.compress(_PNG)
    yield b"g" + gzip.compress(b"a") * 3
    yield b"z" + zlib.compress(_PNG)
    yield b"z" + zlib.compress(_PNG)[2:-4]
    yield b"g" + gzip.compress(bytes(100_000))


def addresses() -> Iterator[bytes]:
    """Some that are read, and neighbors of theirs."""
    for text in ("s3://bucket/plans/a.pdf", "s3://other/a/b/c", "s3://bucket/plan", "s3://Bucket/a",
                 "s3://bucket/plans/../a", "s3://bucket/plans/%2e%2e/a", "s3://1.2.3.4/a",
                 "https://bucket.s3.amazonaws.com/plans/a", "s3://bucket/plans//a"):  # fmt: skip
        yield text.encode()


def notes() -> Iterator[bytes]:
    """What drawings say of scales, in several languages, and what is none."""
    for text in ("SCALE 1:100", "SKALA 1:50 (A1), 1:100 (A3)", "1/8\" = 1'-0\"", "1\"=20'",
                 "SCALE: AS NOTED", "MAßSTAB 1 : 50", "ESC. 1/75", "1-1/2\"=1'-0\"", "N.T.S.",
                 "Échelle 1∕200", "RAMP 1:12", "2024-01-01 10:50", "A1 1:100 36 x 24", "PLAN 1:20",
                 "DO NOT SCALE", "３/１６″＝１′", "М 1:100", "SCALE NONE",
                 "1:1 000", "¼\"=1'"):  # fmt: skip
        yield text.encode()


def lines() -> Iterator[bytes]:
    """Rows: four bytes of place, then the text."""
    label = [b"\x10\x10\x40\x10KITCHEN", b"\x10\x14\x40\x1012.5 m2", b"\x10\x18\x20\x10101"]
    notes = [b"\xc0\xd0\x40\x10SCALE 1:100", b"\xc0\xd4\x40\x10DRAWN", b"\xc0\xd8\x40\x10DATE"]
    bar = [bytes([16 + 16 * i, 200, 8, 16]) + b"%d" % (i * 2) for i in range(6)]
    chain = [bytes([16 + 16 * i, 8, 16, 16]) + b"%d" % (3000 + 7 * i) for i in range(12)]
    feet = [bytes([16 + 16 * i, 8, 16, 16]) + b"%d'-%d\"" % (10 + i, i) for i in range(12)]
    yield b"\n".join(label + notes)
    yield b"\n".join([*bar, b"\x80\xc8\x08\x10M"])
    yield b"\n".join(chain)
    yield b"\n".join(feet + label)
    yield b"\n".join([b"\x40\x40\x40\x10FLOOR PLAN 1:50", b"\x80\x80\x40\x10SECTION A-A 1:20"])
