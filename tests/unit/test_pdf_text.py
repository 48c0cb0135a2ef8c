# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lines of a PDF's text layer, against pages on which it is known where each stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from roomdet import pdf_text, texts
from roomdet.config import Limits
from roomdet.images import read_page
from roomdet.isolation import IsolatedReader, PageCeiling
from roomdet.texts import TextLine, pack_lines, unpack_lines
from tests.builders import draw_plan, encode, pdf_page, pdf_stream, raw_pdf, scanned_pdf

if TYPE_CHECKING:
    from collections.abc import Callable

    from reportlab.pdfgen.canvas import Canvas

LIMITS = Limits()
WH_PT = (400, 300)


def written(write: Callable[[Canvas], None], **page: Any) -> bytes:
    """A page with what is written on it; where and how it is turned as :func:`pdf_page`."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        write(canvas)

    return pdf_page(draw, WH_PT, **page)


def lines_of(data: bytes) -> tuple[TextLine, ...]:
    """The lines of a file's first page."""
    return read_page(data, page=1, side_px=64, limits=LIMITS, has_lines=True).lines


def write_room(canvas: Canvas) -> None:
    """Write one line."""
    canvas.drawString(100, 200, "LIVING ROOM")


def turned_string(degrees: float) -> Callable[[Canvas], None]:
    """Write one line that reads counterclockwise by so many degrees, about the page's center."""

    def write(canvas: Canvas) -> None:
        canvas.translate(200, 150)
        canvas.rotate(degrees)
        canvas.drawCentredString(0, 0, "SHAFT 12")

    return write


def test_line_is_where_it_is_shown() -> None:
    """Corners are fractions from the upper left, of letters 10 pt high that stand on y = 200."""
    (line,) = lines_of(written(write_room))
    x0, y0, x1, y1 = line.box_xyxy
    assert ("LIVING ROOM", 0) == (line.text, line.turn_degrees)
    assert 0.25 == pytest.approx(x0, abs=0.005)
    assert 1 / 3 == pytest.approx(y1, abs=0.01)
    assert 60 < (x1 - x0) * WH_PT[0] < 80
    assert 8 < (y1 - y0) * WH_PT[1] < 13


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_turned_line_and_turned_page(degrees: int, rotation: int) -> None:
    """A page is turned clockwise, a line counterclockwise; the box stays about the center."""
    (line,) = lines_of(written(turned_string(degrees), rotation=rotation))
    x0, y0, x1, y1 = line.box_xyxy
    shown_wh = WH_PT[::-1] if rotation in (90, 270) else WH_PT
    wide, high = (x1 - x0) * shown_wh[0], (y1 - y0) * shown_wh[1]
    assert ("SHAFT 12", (rotation - degrees) % 360) == (line.text, line.turn_degrees)
    assert (wide > high) == (line.turn_degrees in (0, 180))
    assert (0.5, 0.5) == pytest.approx(((x0 + x1) / 2, (y0 + y1) / 2), abs=0.02)


def test_cropped_page_has_only_what_is_shown() -> None:
    """Fractions are of the crop box, and what is outside is not there."""

    def write(canvas: Canvas) -> None:
        write_room(canvas)
        canvas.drawString(10, 10, "OUTSIDE")

    (line,) = lines_of(written(write, crop_pt=(100, 100, 300, 300)))
    assert "LIVING ROOM" == line.text
    assert 0.0 == pytest.approx(line.box_xyxy[0], abs=0.01)
    assert 0.5 == pytest.approx(line.box_xyxy[3], abs=0.02)


def test_columns_and_heights_are_lines_of_their_own() -> None:
    """What stands side by side with a gap is two lines, and so is what is written higher."""

    def write(canvas: Canvas) -> None:
        canvas.drawString(50, 200, "HALL")
        canvas.drawString(120, 200, "BATH")
        canvas.drawString(75, 207, "2")

    assert ["HALL", "BATH", "2"] == [line.text for line in lines_of(written(write))]


def test_letters_that_are_set_one_by_one_are_a_word() -> None:
    """Drawing programs place each letter; a narrow gap is none, a wide one is a space."""

    def write(canvas: Canvas) -> None:
        for x_pt, letter in zip((50, 57, 64, 71, 84, 91), "WALLED", strict=True):
            canvas.drawString(x_pt, 200, letter)

    assert ["WALL ED"] == [line.text for line in lines_of(written(write))]


def test_page_without_words_has_no_lines() -> None:
    """A picture has none, and a page whose letters lie beyond its edge."""
    picture = encode(draw_plan(), "PNG")
    assert () == lines_of(picture)
    assert () == lines_of(written(lambda canvas: canvas.drawString(-500, 20, "GONE")))


def test_lines_are_read_only_where_they_are_asked_for() -> None:
    """The page of a request that wants boxes alone is not searched for text."""
    page = read_page(written(write_room), page=1, side_px=64, limits=LIMITS)
    assert () == page.lines


def test_paper_is_as_large_as_the_page_is_shown() -> None:
    """Turned and cropped, in points; a picture has none."""
    turned = written(write_room, rotation=90, crop_pt=(0, 0, 400, 200))
    page = read_page(turned, page=1, side_px=64, limits=LIMITS, has_lines=True)
    assert (200, 400) == page.paper_wh_pt
    picture = encode(draw_plan(), "PNG")
    assert read_page(picture, page=1, side_px=64, limits=LIMITS, has_lines=True).paper_wh_pt is None


def test_page_that_counts_in_another_unit_has_no_paper() -> None:
    """PDFium takes its units for points, which would make areas wrong by the unit's square."""
    content = b"BT /F 10 Tf 10 10 Td (A) Tj ET"
    data = raw_pdf(content, [b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"])
    plain = read_page(data, page=1, side_px=64, limits=LIMITS, has_lines=True)
    scaled = data.replace(b"/Type/Page/Parent", b"/Type/Page/UserUnit 10/Parent")
    own_unit = read_page(scaled, page=1, side_px=64, limits=LIMITS, has_lines=True)
    assert plain.source_wh == plain.paper_wh_pt
    assert own_unit.paper_wh_pt is None


def test_scan_is_as_large_as_paper_or_nobody_knows() -> None:
    """A program that makes a PDF of a picture takes a pixel for a point."""
    picture = encode(draw_plan(), "PNG")
    for wh_pt, expected in (((842, 595), (842, 595)), ((3200, 2000), None)):
        page = read_page(
            scanned_pdf(picture, wh_pt), page=1, side_px=64, limits=LIMITS, has_lines=True
        )
        assert expected == page.paper_wh_pt


def test_words_that_nobody_sees_are_not_read() -> None:
    """White on white, cut off by a view, or on a layer that is switched off."""

    def write(canvas: Canvas) -> None:
        write_room(canvas)
        canvas.setFillColorRGB(1, 1, 1)
        canvas.drawString(100, 100, "SCALE 1:20")
        canvas.setFillColorRGB(0, 0, 0)
        path = canvas.beginPath()
        path.rect(0, 0, 20, 20)
        canvas.clipPath(path, stroke=0)
        canvas.drawString(100, 50, "NEXT DOOR")

    page = read_page(written(write), page=1, side_px=400, limits=LIMITS, has_lines=True)
    assert ["LIVING ROOM"] == [line.text for line in page.lines]


def test_page_far_from_the_origin() -> None:
    """Coordinates of a survey; fractions are of the page all the same."""
    content = b"BT /F 10 Tf 100100 100200 Td (A) Tj ET"
    data = raw_pdf(content, [b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"])
    moved = re.sub(rb"MediaBox\[[^]]*\]", b"MediaBox[100000 100000 100400 100300]", data)
    moved = moved.replace(b"/XObject<</I 5 0 R>>", b"/Font<</F 5 0 R>>")
    (line,) = read_page(moved, page=1, side_px=400, limits=LIMITS, has_lines=True).lines
    assert (0.25, 1 / 3) == pytest.approx((line.box_xyxy[0], line.box_xyxy[3]), abs=0.02)


def test_letters_are_printable() -> None:
    """A map to characters can say anything; an answer has no control and no direction marks."""
    content = b"BT /F 10 Tf 10 10 Td (AB) Tj ET"
    cmap = (
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 2 beginbfchar "
        b"<41> <001b> <42> <202e0048> endbfchar endcmap"
    )
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>"
    data = raw_pdf(content, [font, pdf_stream(b"", cmap)], resources=b"/Font<</F 5 0 R>>")
    for line in lines_of(data):
        assert line.text.isprintable()


def test_letters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of millions of letters costs as much as one of the most that are read."""
    monkeypatch.setattr(pdf_text, "MOST_CHARS", 6)
    assert ["LIVING"] == [line.text for line in lines_of(written(write_room))]


def test_letters_that_are_none_do_not_matter() -> None:
    """A font without a map to characters, zero sizes and control characters: no line, no error."""
    content = b"BT /F 0 Tf 10 10 Td (A) Tj /F 8 Tf 1 0 0 0 5 5 Tm (\\001\\002\\377) Tj ET"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Symbol>>"
    data = raw_pdf(content, [font], resources=b"/Font<</F 5 0 R>>")
    for line in lines_of(data):
        assert line.text.strip()


def test_process_that_reads_pages_hands_lines_over() -> None:
    """As they were read in this process, beside the same pixels."""
    data = written(write_room)
    reader = IsolatedReader(LIMITS, PageCeiling(20.0, 0))
    try:
        page = reader.read_page(data, page=1, side_px=64, has_lines=True)
        without = reader.read_page(data, page=1, side_px=64)
    finally:
        reader.close()
    assert lines_of(data) == page.lines
    assert () == without.lines
    assert np.array_equal(page.pixels, without.pixels)


def test_packed_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is left out, whole lines of it."""
    lines = [TextLine(f"ROOM {number} ½″", (0.1, 0.2, 0.3, 0.4), 90) for number in range(50)]
    assert tuple(lines) == unpack_lines(pack_lines(lines))
    monkeypatch.setattr(texts, "MOST_BYTES", 1000)
    packed = pack_lines(lines)
    assert 900 < len(packed) <= 1000
    assert tuple(lines[: len(unpack_lines(packed))]) == unpack_lines(packed)
