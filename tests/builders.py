# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files for the tests: one plan, drawn and written in every form that is read.

Everything is drawn here and depends on nothing but the arguments. What Pillow and reportlab
cannot write (interlaced PNG, tiled or big-endian TIFF, a PDF around a fax picture) is put
together by hand, which makes this file long; each format has its section.
"""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import pypdfium2
from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

SEED = 20
PLAN_WH = (320, 200)
A1_WH = (9933, 7016)  # 841 x 594 mm at 300 dpi
A1_PT = (2384, 1684)
CORNER = (0.08, 0.1)  # from the lower left, of the sheet's width and height

# No two of the eight ways to turn and mirror the plan look alike, in color or in black and white.
BLACK, RED, BLUE, GRAY = (0, 0, 0), (200, 30, 30), (30, 60, 200), (190, 190, 190)
# name: color and (left, top, right, bottom) as fractions of the plan
ROOMS = {
    "kitchen": (BLACK, (0.10, 0.10, 0.40, 0.25)),
    "bath": (GRAY, (0.60, 0.10, 0.90, 0.30)),
    "hall": (BLUE, (0.10, 0.60, 0.30, 0.85)),
    "office": (RED, (0.55, 0.60, 0.90, 0.85)),
}
# x and y of the first pixel of each pass, and its steps (PNG specification, 8.2)
ADAM7 = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
]
A1Kind = Literal["png", "jpeg", "g4.tiff", "pdf", "vector.pdf"]


# A page's form that draws itself twice, and so on without end.
ENDLESS_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R"
    b"/Resources<</XObject<</I 5 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length 6>>stream\n/I Do \nendstream endobj\n"
    b"5 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 100 100]/Resources<</XObject<</I 5 0 R>>>>"
    b"/Length 12>>stream\n/I Do /I Do \nendstream endobj\ntrailer<</Root 1 0 R/Size 6>>\n"
)


def rooms_px(wh: tuple[int, int]) -> list[tuple[tuple[int, int, int], tuple[int, int, int, int]]]:
    """Color and box (left, top, right, bottom; right and bottom exclusive) of the plan's rooms."""
    width, height = wh
    return [
        (color, (round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height)))
        for color, (x0, y0, x1, y1) in ROOMS.values()
    ]


def draw_plan(wh: tuple[int, int] = PLAN_WH, mode: str = "RGB") -> Image.Image:
    """The plan on white, without soft edges; ``mode`` "1" and "L" as Pillow converts them."""
    picture = Image.new("RGB" if mode != "1" else "1", wh, "white")
    draw = ImageDraw.Draw(picture)
    for color, (left, top, right, bottom) in rooms_px(wh):
        shade = color if mode != "1" else 255 * (color == GRAY)
        draw.rectangle((left, top, right - 1, bottom - 1), fill=shade)
    return picture if picture.mode == mode else picture.convert(mode)


def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    """A file as Pillow writes it."""
    file = io.BytesIO()
    picture.save(file, format=kind, **options)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    """EXIF data that holds an orientation only."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


# PNG


def png_header(wh: tuple[int, int], *, depth: int = 1, color_type: int = 0) -> bytes:
    """A PNG that claims to be ``wh`` large and holds next to nothing."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            png_chunk(b"IHDR", struct.pack(">IIBBBBB", *wh, depth, color_type, 0, 0, 0)),
            png_chunk(b"IDAT", zlib.compress(b"\0")),
            png_chunk(b"IEND", b""),
        ]
    )


def png_rgb(samples: npt.NDArray[np.uint8 | np.uint16], *, is_interlaced: bool = False) -> bytes:
    """A PNG of RGB samples with 8 or 16 bits, optionally interlaced (Adam7)."""
    height, width, _ = samples.shape
    depth = samples.dtype.itemsize * 8
    passes = ADAM7 if is_interlaced else [(0, 0, 1, 1)]
    rows = [
        b"\0" + row.astype(f">u{depth // 8}").tobytes()
        for x, y, step_x, step_y in passes
        for row in samples[y::step_y, x::step_x]
    ]
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, int(is_interlaced))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            png_chunk(b"IHDR", header),
            png_chunk(b"IDAT", zlib.compress(b"".join(rows))),
            png_chunk(b"IEND", b""),
        ]
    )


def png_chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG with its checksum."""
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


# TIFF


def tiff(picture: Image.Image, *, is_big_endian: bool = False, tile_px: int = 0) -> bytes:
    """An uncompressed TIFF of a gray or RGB picture, in one strip or in square tiles."""
    samples = np.atleast_3d(np.asarray(picture))
    height, width, bands = samples.shape
    blocks = [samples.tobytes()]
    if tile_px:
        padding = ((0, -height % tile_px), (0, -width % tile_px), (0, 0))
        padded = np.pad(samples, padding)
        blocks = [
            padded[y : y + tile_px, x : x + tile_px].tobytes()
            for y, x in itertools.product(
                range(0, height, tile_px),
                range(0, width, tile_px),
            )
        ]
    first = 8  # the blocks follow the header
    offsets = [first + sum(map(len, blocks[:i])) for i in range(len(blocks))]
    counts = list(map(len, blocks))
    tags: dict[int, Sequence[int]] = {
        256: [width],
        257: [height],
        258: [8] * bands,
        259: [1],  # no compression
        262: [2 if bands > 1 else 1],  # RGB, or black is zero
        277: [bands],
    }
    if tile_px:
        tags |= {322: [tile_px], 323: [tile_px], 324: offsets, 325: counts}
    else:
        tags |= {273: offsets, 278: [height], 279: counts}
    return _tiff_file(blocks, tags, ">" if is_big_endian else "<")


def deep_tiff(gray: int, *, bits: int, is_white_zero: bool = False) -> bytes:
    """A little-endian TIFF of 8 x 8 pixels of one gray, 0 (black) to 255, with 12 or 16 bits."""
    top = (1 << bits) - 1
    sample = round((255 - gray if is_white_zero else gray) * top / 255)
    if bits == 12:  # two samples in three bytes
        row = bytes([sample >> 4, (sample & 15) << 4 | sample >> 8, sample & 255]) * 4
    else:
        row = sample.to_bytes(2, "little") * 8
    tags = {
        256: [8],
        257: [8],
        258: [bits],
        259: [1],
        262: [0 if is_white_zero else 1],
        273: [8],
        277: [1],
        278: [8],
        279: [8 * len(row)],
    }
    return _tiff_file([row * 8], tags, "<")


def _tiff_file(blocks: Sequence[bytes], tags: Mapping[int, Sequence[int]], order: str) -> bytes:
    data = b"".join(blocks)
    directory_at = 8 + len(data)
    values_at = directory_at + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)  # all are LONG, type 4
        entries += struct.pack(f"{order}HHI", tag, 4, len(numbers))
        entries += packed if len(packed) <= 4 else struct.pack(f"{order}I", values_at + len(values))
        values += packed if len(packed) > 4 else b""
    magic = b"MM" if order == ">" else b"II"
    head = magic + struct.pack(f"{order}HI", 42, directory_at)
    count = struct.pack(f"{order}H", len(tags))
    return head + data + count + entries + struct.pack(f"{order}I", 0) + values


# PDF


def pdf_page(
    draw: Callable[[Canvas], None],
    wh_pt: tuple[int, int],
    *,
    rotation: int = 0,
    crop_pt: tuple[int, int, int, int] | None = None,
    pages: int = 1,
    encrypt: object = None,
) -> bytes:
    """A page that something is drawn on, empty ones behind it; arguments as :func:`plan_pdf`."""
    file = io.BytesIO()
    # reportlab takes the size of the turned page.
    shown_wh_pt = wh_pt[::-1] if rotation in (90, 270) else wh_pt
    canvas = Canvas(file, pagesize=shown_wh_pt, invariant=1, encrypt=encrypt)
    canvas.setPageRotation(rotation)
    if crop_pt:
        canvas.setCropBox(crop_pt)
    draw(canvas)
    for _ in range(pages):
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def plan_pdf(
    *,
    pages: int = 1,
    wh_pt: tuple[int, int] = PLAN_WH,
    rotation: int = 0,
    crop_pt: tuple[int, int, int, int] | None = None,
    encrypt: object = None,
) -> bytes:
    """The plan as vectors on the first page, empty pages behind it.

    Args:
        pages: How many in all.
        wh_pt: Size of the pages before they are turned; one point is one pixel of the plan.
        rotation: ``/Rotate`` of the first page: clockwise, 0, 90, 180 or 270.
        crop_pt: ``/CropBox`` of the first page: left, bottom, right, top from the lower left.
        encrypt: What reportlab's ``Canvas`` takes under this name.
    """

    def draw(canvas: Canvas) -> None:
        for color, (left, top, right, bottom) in rooms_px(wh_pt):
            canvas.setFillColorRGB(*(value / 255 for value in color))
            canvas.rect(left, wh_pt[1] - bottom, right - left, bottom - top, stroke=0, fill=1)

    return pdf_page(draw, wh_pt, rotation=rotation, crop_pt=crop_pt, pages=pages, encrypt=encrypt)


def corner_pdf(plan: bytes, scale: float) -> bytes:
    """A sheet as large as a PDF's first page, with that page, so much smaller, in a corner."""
    file = io.BytesIO()
    with (
        closing(pypdfium2.PdfDocument(plan)) as source,
        closing(pypdfium2.PdfDocument.new()) as sheet,
    ):
        width, height = source[0].get_size()
        page = sheet.new_page(width, height)
        flat = source.page_as_xobject(0, sheet).as_pageobject()
        matrix = pypdfium2.PdfMatrix().scale(scale, scale)
        flat.set_matrix(matrix.translate(CORNER[0] * width, CORNER[1] * height))
        page.insert_obj(flat)
        page.gen_content()
        sheet.save(file)
    return file.getvalue()


def scanned_pdf(picture: bytes, wh_pt: tuple[int, int] = PLAN_WH) -> bytes:
    """A page that holds nothing but a picture, as scanners write it."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=wh_pt, invariant=1)
    canvas.drawImage(ImageReader(io.BytesIO(picture)), 0, 0, *wh_pt)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def pdf_stream(dictionary: bytes, data: bytes) -> bytes:
    """A stream object for :func:`raw_pdf`."""
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (dictionary, len(data), data)


def raw_pdf(
    content: bytes,
    objects: Sequence[bytes] = (),
    *,
    wh_pt: tuple[int, int] = PLAN_WH,
    resources: bytes = b"/XObject<</I 5 0 R>>",
) -> bytes:
    """A PDF of one page put together by hand; ``objects`` are numbered from 5."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Resources<<%b>>/Contents 4 0 R>>"
    numbered = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page % (*wh_pt, resources),
        pdf_stream(b"", content),
        *objects,
    ]
    file, offsets = b"%PDF-1.7\n", []
    for number, item in enumerate(numbered, 1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(numbered) + 1
    return file + b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<</Size %d/Root 1 0 R>>\n" % (
        size, table, size,
    ) + b"startxref\n%d\n%%%%EOF\n" % len(file)  # fmt: skip


def layered_pdf(layers: int) -> bytes:
    """A page with transparent layers over all of it, which are few bytes and much work."""
    state = b"/ExtGState<</E<</BM/Multiply/ca 0.01>>>>/XObject<</G 5 0 R>>"
    layer = pdf_stream(
        b"/Type/XObject/Subtype/Form/BBox[0 0 320 200]/Group<</S/Transparency/I true>>",
        b"0.9 g 0 0 320 200 re f",
    )
    content = zlib.compress(b"40 40 240 120 re S /E gs " + b"/G Do " * layers)
    drawing = pdf_stream(b"/Filter/FlateDecode", content)
    data = raw_pdf(b"", [layer, drawing], resources=state)
    return data.replace(b"/Contents 4 0 R", b"/Contents 6 0 R")


def fax_pdf(picture: Image.Image, wh_pt: tuple[int, int] = PLAN_WH) -> bytes:
    """A page that holds a black-and-white picture in CCITT group 4, which reportlab cannot."""
    strip = encode(picture, "TIFF", compression="group4", tiffinfo={278: picture.height})
    with Image.open(io.BytesIO(strip)) as written:
        tags = written.tag_v2  # type: ignore[attr-defined]  # a TIFF has tags
        (start,), (length,) = tags[273], tags[279]
    dictionary = (
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 1"
        b"/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns %d/Rows %d/BlackIs1 true>>"
    ) % (*picture.size, *picture.size)
    return raw_pdf(
        b"%d 0 0 %d 0 0 cm /I Do" % wh_pt,
        [pdf_stream(dictionary, strip[start : start + length])],
        wh_pt=wh_pt,
    )


# Large sheets


@cache
def a1_sheet(kind: A1Kind) -> bytes:
    """An A1 sheet full of walls and hatching, at 300 dpi where it is made of pixels.

    Args:
        kind: "png" and "jpeg" in RGB, "g4.tiff" black and white, "pdf" a scan in group 4,
            "vector.pdf" lines.
    """
    if kind == "vector.pdf":
        return _a1_vectors()
    if kind == "g4.tiff":
        return encode(_a1_drawing(), "TIFF", compression="group4")
    if kind == "pdf":
        return fax_pdf(_a1_drawing(), A1_PT)
    in_color = _a1_drawing().convert("RGB")
    return encode(in_color, "PNG", compress_level=1) if kind == "png" else encode(in_color, "JPEG")


def _a1_lines(count: int = 4000) -> list[tuple[float, float, float, float]]:
    """Ends of the sheet's lines as fractions, most of them level or upright."""
    chance = np.random.default_rng(SEED)
    lines = []
    for i in range(count):
        x, y, length = chance.random(), chance.random(), chance.uniform(0.005, 0.1)
        dx, dy = [(length, 0.0), (0.0, length), (length / 4, length / 4)][i % 3]
        lines.append((x, y, x + dx, y + dy))
    return lines


def _a1_drawing() -> Image.Image:
    picture = draw_plan(A1_WH, "1")
    draw = ImageDraw.Draw(picture)
    width, height = A1_WH
    for x0, y0, x1, y1 in _a1_lines():
        draw.line((x0 * width, y0 * height, x1 * width, y1 * height), fill=0, width=5)
    return picture


def _a1_vectors() -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A1_PT, invariant=1, pageCompression=1)
    width, height = A1_PT
    for color, (left, top, right, bottom) in rooms_px(A1_PT):
        canvas.setFillColorRGB(*(value / 255 for value in color))
        canvas.rect(left, height - bottom, right - left, bottom - top, stroke=0, fill=1)
    canvas.lines(
        [
            (x0 * width, height * (1 - y0), x1 * width, height * (1 - y1))
            for x0, y0, x1, y1 in _a1_lines()
        ]
    )
    canvas.showPage()
    canvas.save()
    return file.getvalue()
