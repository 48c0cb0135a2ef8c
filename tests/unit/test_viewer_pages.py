# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages as the viewer cuts them into tiles (roomdet_client/viewer/pages.py)."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from roomdet_client.viewer.errors import NotFound, Unreadable
from roomdet_client.viewer.pages import (
    TILE_PX,
    Document,
    halve,
    level_count,
    level_size,
    open_document,
    tile,
    whole,
)
from roomdet_client.viewer.shelf import MAX_OPEN, Shelf
from tests.conftest import SAMPLE_PDF, SAMPLE_PNG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A1_PT = (2384, 1684)
HAIRLINE_PT = 0.1
BLACK, WHITE = 0, 255
# A gray of 180 on white is what a pencil leaves: plain to see.
PLAIN_TO_SEE = 190


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture's file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def sheet_with_wall() -> bytes:
    """An A1 page with one hairline from top to bottom."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A1_PT)
    canvas.setLineWidth(HAIRLINE_PT)
    canvas.line(1000.3, 100, 1000.3, 1500)
    canvas.save()
    return buffer.getvalue()


def picture_with_wall() -> bytes:
    """A picture of 4000 px with one black line of one pixel."""
    image = Image.new("L", (4000, 2800), WHITE)
    image.paste(BLACK, (1601, 200, 1602, 2500))
    return encode(image)


def tiles_of(document: Document, level: int) -> Iterator[tuple[int, int, Image.Image]]:
    """Each tile of a level with the pixel of its corner."""
    width, height = level_size(document.size_wh(1), level)
    for column in range(-(-width // TILE_PX)):
        for row in range(-(-height // TILE_PX)):
            with Image.open(io.BytesIO(tile(document, 1, level, column, row))) as image:
                yield column * TILE_PX, row * TILE_PX, image.convert("RGB")


@pytest.mark.parametrize(("data", "last"), [(sheet_with_wall(), 12), (picture_with_wall(), 12)])
def test_a_thin_wall_is_seen_at_every_level(data: bytes, last: int) -> None:
    """From the smallest picture of the page to the deepest, a hairline stays plain to see."""
    document = open_document(data)

    for level in range(8, last + 1):
        width, height = level_size(document.size_wh(1), level)
        line = document.region(1, (width, height), (0, height // 2, width, height // 2 + 1))
        assert np.asarray(line.convert("L")).min() <= PLAIN_TO_SEE, f"level {level}: {width} px"


def test_a_mean_would_lose_the_wall() -> None:
    """What halving keeps is more than its mean alone does (else the trouble is not worth it)."""
    line = Image.new("L", (512, 512), WHITE)
    line.paste(BLACK, (101, 0, 102, 512))
    kept, mean = line, line
    for _ in range(4):
        kept, mean = halve(kept), mean.reduce(2)

    assert np.asarray(mean).min() > 235
    assert np.asarray(kept).min() < PLAIN_TO_SEE


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (512, 3), (640, 480)])
def test_halves_are_rounded_up_and_white_stays_white(mode: str, size: tuple[int, int]) -> None:
    """An odd side keeps its last pixel; nothing dark comes in from outside."""
    white = 255 if mode == "L" else (255, 255, 255)
    half = halve(Image.new(mode, size, white))

    assert half.size == ((size[0] + 1) // 2, (size[1] + 1) // 2)
    assert np.asarray(half).min() == WHITE


@pytest.mark.parametrize("path", [SAMPLE_PDF, SAMPLE_PNG], ids=["pdf", "png"])
def test_tiles_join_without_a_seam(path: Path) -> None:
    """A level's tiles side by side are the page at that scale.

    PDFium puts a letter on a tile's edge a fraction of a pixel elsewhere: 7 pixels in 100,000.
    """
    document = open_document(path.read_bytes())
    level = level_count(document.size_wh(1)) - 2
    size = level_size(document.size_wh(1), level)
    joined = Image.new("RGB", size)
    for left, top, image in tiles_of(document, level):
        joined.paste(image, (left, top))

    page = document.region(1, size, (0, 0, *size)).convert("RGB")
    difference = np.abs(np.asarray(joined).astype(int) - np.asarray(page)).max(axis=2)
    assert (difference > 2).mean() < 2e-4


def test_documents_that_come_and_go_are_drawn_by_many_threads(tmp_path: Path) -> None:
    """More than are kept open: each is closed while others are drawn, and none is drawn wrong."""
    for number in range(MAX_OPEN + 3):
        (tmp_path / f"{number}.pdf").write_bytes(sheet_with_wall())
    shelf = Shelf(tmp_path)
    keys = [entry.id for entry in shelf.entries()]

    def draw(turn: int) -> bytes:
        return tile(shelf.document(keys[turn % len(keys)]), 1, 9, 0, 0)

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(draw, range(120)))) == 1


def test_a_tile_that_is_not_there_is_refused() -> None:
    """Levels, columns and rows outside a page are an error, not an empty picture."""
    document = open_document(SAMPLE_PNG.read_bytes())
    deepest = level_count(document.size_wh(1))

    for level, column, row in [(deepest + 1, 0, 0), (deepest, 99, 0), (deepest, 0, 99)]:
        with pytest.raises(NotFound):
            tile(document, 1, level, column, row)
    with pytest.raises(NotFound, match="no page 2"):
        tile(document, 2, 8, 0, 0)


@pytest.mark.parametrize(
    ("image", "kind", "options", "expected"),
    [
        (Image.new("I;16", (40, 30), 65535), "PNG", {}, 255),
        (Image.new("RGBA", (40, 30), (0, 0, 0, 0)), "PNG", {}, 255),
        (Image.new("CMYK", (40, 30), (0, 0, 0, 0)), "TIFF", {}, 255),
        (Image.new("1", (40, 30), 1), "TIFF", {}, 255),
        (Image.new("P", (40, 30), 0), "GIF", {}, 0),
        (Image.new("RGB", (40, 30), "white"), "BMP", {}, 255),
        (Image.new("RGB", (40, 30), "white"), "WEBP", {"lossless": True}, 255),
    ],
    ids=["16 bits", "transparent", "cmyk", "bilevel", "palette", "bmp", "webp"],
)
def test_pictures_of_all_kinds_are_shown(
    image: Image.Image, kind: str, options: dict[str, Any], expected: int
) -> None:
    """White is white whatever the file's way of saying so."""
    shown = whole(open_document(encode(image, kind, **options)), 1, 1000)

    assert shown.size == (40, 30)
    assert np.asarray(shown.convert("L")).tolist() == [[expected] * 40] * 30


def test_a_picture_is_shown_upright() -> None:
    """EXIF orientation counts, as it does for the server's boxes."""
    image = Image.new("RGB", (40, 30), "white")
    exif = image.getexif()
    exif[0x0112] = 6

    document = open_document(encode(image, "JPEG", exif=exif))

    assert document.size_wh(1) == (30, 40)


def test_a_tiff_has_all_its_pages() -> None:
    """Each at its own size, forth and back."""
    first, second = Image.new("L", (40, 30), 255), Image.new("L", (20, 10), 0)
    data = encode(first, "TIFF", save_all=True, append_images=[second])

    document = open_document(data)

    assert document.page_count == 2
    assert [document.size_wh(page) for page in (1, 2, 1)] == [(40, 30), (20, 10), (40, 30)]
    shown = [np.asarray(whole(document, page, 100)).max() for page in (1, 2, 1)]
    assert shown == [255, 0, 255]


def locked_pdf() -> bytes:
    """A PDF that asks for a password."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=StandardEncryption("secret"))
    canvas.save()
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "neither a PDF nor a picture"),
        (b"plain text", "neither a PDF nor a picture"),
        (SAMPLE_PNG.read_bytes()[:2000], "neither a PDF nor a picture"),
        (b"%PDF-1.7 and nothing more", "damaged"),
        (locked_pdf(), "password"),
    ],
    ids=["empty", "text", "cut png", "cut pdf", "locked"],
)
def test_what_cannot_be_shown_says_why(data: bytes, reason: str) -> None:
    """No file of any kind ends in another error than ours."""
    with pytest.raises(Unreadable, match=reason):
        open_document(data)
