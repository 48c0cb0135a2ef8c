# SPDX-License-Identifier: AGPL-3.0-or-later
"""The text layer of a PDF page as lines, whichever way they read.

To be called by :mod:`roomdet.documents` alone, which sees to it that one thread is inside PDFium.
"""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium_c

from roomdet.shown_page import ShownPage
from roomdet.texts import TextLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pypdfium2 as pdfium

# Of more no plan needs to know its rooms' names: a sheet has 6,000, 3 µs each.
MOST_CHARS = 100_000
# A gap as wide as this, in heights of the letters, ends a line; a shift across its direction, too.
_GAP, _SHIFT = 1.2, 0.5
_SPACE = 0.25  # a gap that is read as one, of the height
_TURN_DEGREES = 10.0  # letters that lean more than this against each other are of two lines
_BROKEN = "\ufffd\ufffe\uffff\x00"


def read_lines(sheet: pdfium.PdfPage) -> tuple[TextLine, ...]:
    """Read what is written on a page, in the order of the file.

    Args:
        sheet: A loaded page.

    Returns:
        Lines that lie on the page as it is shown, in part at least. A line of several columns is
        as many lines.
    """
    to_page = ShownPage.of(sheet)
    lines: list[TextLine] = []
    with closing(sheet.get_textpage()) as text:
        row = _Row()
        for letter in _letters(text):
            if letter is not None and letter.text.isspace():
                row.text += " "  # how wide it is, the next letter's place says
                continue
            if letter is None or not row.goes_on_with(letter):
                lines += row.as_line(to_page)
                row = _Row()
            if letter is not None:
                row.add(letter)
        lines += row.as_line(to_page)
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class _Letter:
    """A character, in points of the page before it is turned."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    angle_degrees: float  # counterclockwise

    def along(self) -> tuple[float, float]:
        """Start and end in the direction in which the line reads, and across it."""
        return _interval(self.corners, _unit(self.angle_degrees))

    def across(self) -> tuple[float, float]:
        """Foot and head across that direction."""
        return _interval(self.corners, _unit(self.angle_degrees + 90))

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        return (
            (self.left, self.bottom),
            (self.right, self.bottom),
            (self.right, self.top),
            (self.left, self.top),
        )


@dataclass(slots=True)
class _Row:
    """Letters of one line so far."""

    letters: list[_Letter] = field(default_factory=list)
    text: str = ""
    end: float = 0.0  # of the last letter, along
    foot: float = 0.0
    height: float = 0.0

    def goes_on_with(self, letter: _Letter) -> bool:
        if not self.letters:
            return True
        turn = abs(letter.angle_degrees - self.letters[0].angle_degrees) % 360
        if min(turn, 360 - turn) > _TURN_DEGREES:
            return False
        start, _ = letter.along()
        foot, head = letter.across()
        height = max(self.height, head - foot)
        is_near = -height < start - self.end < _GAP * height
        return is_near and abs(foot - self.foot) < _SHIFT * height

    def add(self, letter: _Letter) -> None:
        start, end = letter.along()
        foot, head = letter.across()
        if not self.letters:
            self.foot, self.height = foot, head - foot
        elif start - self.end > _SPACE * self.height:
            self.text += " "
        self.text += letter.text
        self.end = end
        self.letters.append(letter)

    def as_line(self, to_page: ShownPage) -> Iterator[TextLine]:
        text = self.text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
        text = " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())
        if not text:
            return
        corners = [to_page.fraction(*at) for letter in self.letters for at in letter.corners]
        xs, ys = zip(*corners, strict=True)
        x0, y0, x1, y1 = (min(1.0, max(0.0, edge)) for edge in (min(xs), min(ys), max(xs), max(ys)))
        if x1 > x0 and y1 > y0:
            turn = round(to_page.turned_degrees(self.letters[0].angle_degrees) / 90) % 4 * 90
            yield TextLine(text, (x0, y0, x1, y1), turn)


def _letters(text: pdfium.PdfTextPage) -> Iterator[_Letter | None]:
    """The letters of a page; None where PDFium sees a line end."""
    box = pdfium_c.FS_RECTF()
    for index in range(min(text.count_chars(), MOST_CHARS)):
        letter = chr(pdfium_c.FPDFText_GetUnicode(text, index))
        if letter in "\r\n":
            yield None
        elif letter in _BROKEN:
            continue
        elif pdfium_c.FPDFText_GetLooseCharBox(text, index, box):
            angle = -math.degrees(pdfium_c.FPDFText_GetCharAngle(text, index))  # of it, clockwise
            yield _Letter(letter, box.left, box.bottom, box.right, box.top, angle)


def _unit(degrees: float) -> tuple[float, float]:
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


def _interval(
    corners: tuple[tuple[float, float], ...], direction: tuple[float, float]
) -> tuple[float, float]:
    places = [x * direction[0] + y * direction[1] for x, y in corners]
    return min(places), max(places)
