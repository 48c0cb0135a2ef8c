# SPDX-License-Identifier: AGPL-3.0-or-later
"""The text layer of a PDF page as lines, whichever way they read.

To be called by :mod:`roomdet.documents` alone, which sees to it that one thread is inside PDFium.
"""

from __future__ import annotations

import ctypes
import math
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium_c

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
_DEVICE = 10**6  # what PDFium's whole-numbered device is wide and high here
_BROKEN = "\ufffd\ufffe\uffff\x00"


def read_lines(sheet: pdfium.PdfPage) -> tuple[TextLine, ...]:
    """Read what is written on a page, in the order of the file.

    Args:
        sheet: A loaded page.

    Returns:
        Lines that lie on the page as it is shown, in part at least. A line of several columns is
        as many lines.
    """
    to_page = _Shown.of(sheet)
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

    def as_line(self, to_page: _Shown) -> Iterator[TextLine]:
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


@dataclass(frozen=True, slots=True)
class _Shown:
    """From points of a page to fractions of it as it is shown: cropped and turned.

    Attributes:
        origin: Where the point 0, 0 lies.
        step_x: How far a point to the right goes.
        step_y: How far a point up goes.
    """

    origin: tuple[float, float]
    step_x: tuple[float, float]
    step_y: tuple[float, float]

    @classmethod
    def of(cls, sheet: pdfium.PdfPage) -> _Shown:
        """Ask PDFium which points of a page three corners of what is shown are.

        The other way round PDFium has whole numbers that end where a page is far from the origin.
        """

        def point(x: int, y: int) -> tuple[float, float]:
            x_pt, y_pt = ctypes.c_double(), ctypes.c_double()
            pdfium_c.FPDF_DeviceToPage(sheet, 0, 0, _DEVICE, _DEVICE, 0, x, y, x_pt, y_pt)
            return x_pt.value, y_pt.value

        (x, y), right, below = point(0, 0), point(_DEVICE, 0), point(0, _DEVICE)
        across, down = (right[0] - x, right[1] - y), (below[0] - x, below[1] - y)
        width, height = math.hypot(*across) ** 2, math.hypot(*down) ** 2
        step_x = (across[0] / width, down[0] / height)
        step_y = (across[1] / width, down[1] / height)
        origin = (-x * step_x[0] - y * step_y[0], -x * step_x[1] - y * step_y[1])
        return cls(origin, step_x, step_y)

    def fraction(self, x_pt: float, y_pt: float) -> tuple[float, float]:
        (x, y), (right_x, right_y), (up_x, up_y) = self.origin, self.step_x, self.step_y
        return x + x_pt * right_x + y_pt * up_x, y + x_pt * right_y + y_pt * up_y

    def turned_degrees(self, angle_degrees: float) -> float:
        """Clockwise on the shown page, of an angle counterclockwise on the page."""
        across, up = _unit(angle_degrees)
        x = across * self.step_x[0] + up * self.step_y[0]
        y = across * self.step_x[1] + up * self.step_y[1]
        return math.degrees(math.atan2(y, x))


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
