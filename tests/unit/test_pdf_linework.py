# SPDX-License-Identifier: AGPL-3.0-or-later
"""The lines that a PDF page is drawn of, against pages on which each is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from roomdet import pdf_linework
from roomdet.config import Limits
from roomdet.images import read_page
from roomdet.isolation import IsolatedReader, PageCeiling
from roomdet.linework import MOST_LINES, pack_linework, unpack_linework
from tests.builders import draw_plan, encode, pdf_page, scanned_pdf

if TYPE_CHECKING:
    from collections.abc import Callable

    from reportlab.pdfgen.canvas import Canvas

    from roomdet.linework import Linework

LIMITS = Limits()
WH_PT = (400, 300)
MANY = 300


def drawn(draw: Callable[[Canvas], None], **page: Any) -> bytes:
    """A page with what is drawn on it; where and how it is turned as :func:`pdf_page`."""
    return pdf_page(draw, WH_PT, **page)


def linework_of(data: bytes) -> Linework:
    """The lines of a file's first page."""
    return read_page(data, page=1, side_px=64, limits=LIMITS, has_linework=True).linework


def in_points(lines: Linework, wh_pt: tuple[int, int] = WH_PT) -> list[list[float]]:
    """Ends in points from the upper left corner."""
    ends: list[list[float]] = (lines * np.tile(wh_pt, 2)).round(2).tolist()
    return ends


def draw_line(canvas: Canvas) -> None:
    """Draw one line, from 100 pt right of and 50 pt above the lower left corner, to the right."""
    canvas.line(100, 50, 300, 50)


def test_line_is_where_it_is_shown() -> None:
    """Along its middle, however thick it is."""

    def draw(canvas: Canvas) -> None:
        canvas.setLineWidth(9)
        draw_line(canvas)

    assert in_points(linework_of(drawn(draw))) == [[100, 250, 300, 250]]


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [(90, [50, 100, 50, 300]), (180, [300, 50, 100, 50]), (270, [250, 300, 250, 100])],
)
def test_turned_page_has_its_lines_turned(rotation: int, expected: list[float]) -> None:
    """As its pixels are."""
    wh_pt = WH_PT if rotation == 180 else WH_PT[::-1]
    (line,) = in_points(linework_of(drawn(draw_line, rotation=rotation)), wh_pt)
    assert line == pytest.approx(expected, abs=0.01)


def test_cropped_page_has_them_from_its_corner() -> None:
    """What lies beyond is kept: a line may go on there."""
    lines = linework_of(drawn(draw_line, crop_pt=(150, 40, 350, 140)))
    assert in_points(lines, (200, 100)) == [[-50, 90, 150, 90]]


def test_outlines_are_closed_and_fills_have_edges() -> None:
    """A rectangle has four lines, filled or not."""

    def draw(canvas: Canvas) -> None:
        canvas.setFillGray(0.5)
        canvas.rect(100, 100, 50, 20, stroke=0, fill=1)
        canvas.rect(200, 100, 50, 20)

    lines = in_points(linework_of(drawn(draw)))
    ends = {frozenset({(a, b), (c, d)}) for a, b, c, d in lines}
    corners = [(100, 200), (150, 200), (150, 180), (100, 180)]
    other = [(x + 100, y) for x, y in corners]
    assert ends == {
        frozenset({each[i - 1], each[i]}) for each in (corners, other) for i in range(4)
    }


def test_forms_on_forms_place_their_lines() -> None:
    """A block is drawn once and shown where it is placed, larger and turned."""

    def draw(canvas: Canvas) -> None:
        canvas.beginForm("inner")
        canvas.line(0, 0, 10, 0)
        canvas.endForm()
        canvas.beginForm("outer")
        canvas.translate(5, 0)
        canvas.doForm("inner")
        canvas.endForm()
        canvas.translate(100, 100)
        canvas.rotate(90)
        canvas.scale(3, 3)
        canvas.doForm("outer")

    ((x0, y0, x1, y1),) = in_points(linework_of(drawn(draw)))
    assert (x0, y0, x1, y1) == pytest.approx((100, 185, 100, 155), abs=0.01)


def test_white_curved_invisible_and_short_lines_are_none() -> None:
    """What hides, what is round, what only cuts and what is part of a letter bound no room."""

    def draw(canvas: Canvas) -> None:
        canvas.setStrokeGray(0.99)
        canvas.line(0, 0, 100, 100)
        canvas.setStrokeGray(0)
        canvas.bezier(0, 0, 50, 100, 100, 100, 150, 0)
        canvas.line(10, 10, 11, 10)
        clip = canvas.beginPath()
        clip.rect(0, 0, 200, 200)
        canvas.clipPath(clip, stroke=0, fill=0)
        draw_line(canvas)

    assert in_points(linework_of(drawn(draw))) == [[100, 250, 300, 250]]


def draw_many(canvas: Canvas) -> None:
    """Draw so many parallel lines, a path each."""
    for i in range(MANY):
        canvas.line(10, i, 300, i)


@pytest.mark.parametrize(
    ("limit", "most"), [("MOST_PATHS", MANY), ("MOST_POINTS", 2 * MANY), ("MOST_LINES", MANY)]
)
def test_page_of_too_many_has_none(limit: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a drawing would mislead; of as many as are allowed there are all."""
    data = drawn(draw_many)
    monkeypatch.setattr(pdf_linework, limit, most)
    assert len(linework_of(data)) == MANY
    monkeypatch.setattr(pdf_linework, limit, most - 1)
    assert len(linework_of(data)) == 0


def test_page_that_takes_too_long_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the page is read as before."""
    monkeypatch.setattr(pdf_linework, "MOST_S", 0.0)
    monkeypatch.setattr(pdf_linework, "_SECONDS_ASKED_EVERY", 1)
    assert len(linework_of(drawn(draw_many))) == 0


def test_pictures_and_pages_that_are_not_asked_have_none() -> None:
    """A scan is a picture, in whatever file it lies."""
    picture = encode(draw_plan(), "PNG")
    assert len(linework_of(picture)) == 0
    assert len(linework_of(scanned_pdf(picture))) == 0
    plain = read_page(drawn(draw_line), page=1, side_px=64, limits=LIMITS, has_lines=True)
    assert len(plain.linework) == 0


def test_lines_come_through_the_process_that_reads_pages() -> None:
    """With and without the page's text before them."""
    data = drawn(draw_many)
    reader = IsolatedReader(LIMITS, PageCeiling(20.0, 0))
    try:
        for has_lines in (False, True):
            page = reader.read_page(
                data, page=1, side_px=64, has_lines=has_lines, has_linework=True
            )
            assert np.array_equal(page.linework, linework_of(data))
        assert len(reader.read_page(data, page=1, side_px=64).linework) == 0
    finally:
        reader.close()


def test_packed_lines_are_the_same_and_of_too_many_none() -> None:
    """So much memory is shared, and no more."""
    lines = np.random.default_rng(1).random((7, 4), np.float32)
    assert np.array_equal(unpack_linework(pack_linework(lines)), lines)
    assert pack_linework(np.zeros((MOST_LINES + 1, 4), np.float32)) == b""


@pytest.mark.parametrize("number", [math.nan, math.inf, -1e9])
def test_lines_that_end_nowhere_are_refused(number: float) -> None:
    """The process that reads pages may have been taken over by one."""
    with pytest.raises(ValueError, match="nowhere"):
        unpack_linework(np.array([[0, 0, 1, number]], np.float32).tobytes())
    with pytest.raises(ValueError, match="reshape"):
        unpack_linework(b"\0" * 12)
