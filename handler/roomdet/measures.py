# SPDX-License-Identifier: AGPL-3.0-or-later
"""A page's scale from lengths that are written on it: a scale bar, chains of dimensions.

Both need nothing but where the numbers stand. The numbers of a scale bar stand at its ticks, and a
dimension stands at the middle of what it measures, so that two neighbors of a chain are apart by
half of their sum. What does not fit closely, or often enough, is no evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from roomdet.scale_notes import plain_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from roomdet.texts import TextLine

    Floats = npt.NDArray[np.float64]

M_PER_PT = 0.0254 / 72
_M_PER_FOOT = 0.3048
# Scales in which plans are drawn; what is measured is taken for the nearest, if it is near.
_PLANS = (20, 24, 25, 32, 48, 50, 64, 75, 96, 100, 120, 128, 150, 192, 200, 240, 250, 300, 360, 384,
          400, 480, 500, 600, 750, 1000)  # fmt: skip
NEAR = 0.02  # share by which a measured scale may be off: a half of the way from 1:96 to 1:100
_SAME = 0.008  # by which two measurements of the same scale may
_LEAST_PAIRS = 6  # of neighbors in chains that say the same
_LEAST_SHARE = 0.3  # of all pairs
_LEAST_SPREAD = 0.08  # of their lengths: numbers of rooms in a row of equal rooms spread less
_LONGEST_NUMBER = 16  # characters
_LEAST_TICKS = 3
_MOST_UNITS = 50  # of a page that are looked at beside its bars
_OFF_LINE = 0.01  # of the bar's length, that a number of it may stand beside its tick


@dataclass(frozen=True, slots=True)
class Fit:
    """A scale that is measured.

    Attributes:
        ratio: Lengths in the building per length on the page.
        source: ``scale_bar`` or ``dimensions``.
    """

    ratio: float
    source: str


def nearest_plan_scale(ratio: float) -> int | None:
    """Return the scale in which plans are drawn that a measured one is, or none."""
    near = min(_PLANS, key=lambda known: abs(ratio / known - 1))
    return near if abs(ratio / near - 1) <= NEAR else None


def measured_scale(lines: Sequence[TextLine], page_wh_pt: tuple[float, float]) -> Fit | None:
    """Return the scale that the lengths on a page fit.

    Dimensions are more exact than a bar; where they do not agree there is none.
    """
    short = [line for line in lines if len(line.text) <= _LONGEST_NUMBER and _has_digit(line.text)]
    rows = _rows(short, page_wh_pt)
    bar, chains = _bar(rows, lines, page_wh_pt), _chains(rows)
    if bar is not None and chains is not None and abs(bar.ratio / chains.ratio - 1) > 2 * NEAR:
        return None
    return chains or bar


@dataclass(frozen=True, slots=True)
class _Word:
    """A short text in the frame of those who read it: ``u`` along the line, ``v`` downwards."""

    text: str
    u0: float
    u1: float
    v0: float
    v1: float

    @property
    def middle(self) -> float:
        return (self.u0 + self.u1) / 2

    @property
    def height(self) -> float:
        return self.v1 - self.v0


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)


def reading_box(line: TextLine, page_wh_pt: tuple[float, float]) -> tuple[float, ...]:
    """Return a line's box in points as its reader sees it: along the line, then downwards.

    Returns:
        ``u0, v0, u1, v1``; axes of different turns do not compare.
    """
    return turned_box(line.box_xyxy, line.turn_degrees, page_wh_pt)


def turned_box(
    box_xyxy: tuple[float, float, float, float], turn: int, page_wh_pt: tuple[float, float]
) -> tuple[float, ...]:
    """Return a box, given in fractions of a page, in points of those who read at a turn."""
    w, h = page_wh_pt
    x0, y0, x1, y1 = box_xyxy[0] * w, box_xyxy[1] * h, box_xyxy[2] * w, box_xyxy[3] * h
    match turn % 360:
        case 90:
            return (y0, -x1, y1, -x0)
        case 180:
            return (-x1, -y1, -x0, -y0)
        case 270:
            return (-y1, x0, -y0, x1)
        case _:
            return (x0, y0, x1, y1)


def _rows(lines: Sequence[TextLine], page_wh_pt: tuple[float, float]) -> list[list[_Word]]:
    """Return short texts as rows that stand on one line, each from left to right."""
    rows: list[list[_Word]] = []
    for turn in (0, 90, 180, 270):
        words = [
            _Word(plain_text(line.text), u0, u1, v0, v1)
            for line in lines
            if line.turn_degrees == turn
            for u0, v0, u1, v1 in [reading_box(line, page_wh_pt)]
        ]
        words.sort(key=lambda word: word.v1)
        start = 0
        for i in range(1, len(words) + 1):
            if i == len(words) or words[i].v1 - words[i - 1].v1 > 0.25 * words[i].height:
                rows.append(sorted(words[start:i], key=lambda word: word.u0))
                start = i
    return [row for row in rows if len(row) > 1]


# -- scale bars -------------------------------------------------------------------------------

_TICK = re.compile(r"(\d{1,4}(?:[.,]\d{1,2})?)'?(?: ?(M|METERS?|METRES?|METER|FT|FEET|FOOT))?")
_UNIT = re.compile(r"\(?(M|METERS?|METRES?|METER|FT|FEET|FOOT)\.?\)?")


def _bar(
    rows: list[list[_Word]], lines: Sequence[TextLine], page_wh_pt: tuple[float, float]
) -> Fit | None:
    units = _units(lines)
    fits = [
        fit for row in rows for ticks in _runs_of_ticks(row)
        if (fit := _bar_of(ticks, units, page_wh_pt)) is not None
    ]  # fmt: skip
    ratios = np.array([fit.ratio for fit in fits])
    if not len(ratios) or ratios.max() / ratios.min() > 1 + 2 * NEAR:
        return None  # bars of several drawings
    return fits[0]


def _runs_of_ticks(row: list[_Word]) -> list[list[tuple[float, str, _Word]]]:
    """Return runs ``0 … 5 … 10 M`` of a row: from a zero on, as long as numbers grow."""
    runs: list[list[tuple[float, str, _Word]]] = []
    last = -1.0
    for word in row:
        match = _TICK.fullmatch(word.text)
        if match is None:
            last = -1.0
            continue
        value = float(match[1].replace(",", "."))
        unit = match[2] or ("FT" if "'" in word.text else "")
        if value == 0:
            runs.append([(value, unit, word)])
        elif 0 <= last < value:
            runs[-1].append((value, unit, word))
        last = value if value == 0 or 0 <= last < value else -1.0
    return [run for run in runs if len(run) >= _LEAST_TICKS]


def _bar_of(
    ticks: list[tuple[float, str, _Word]],
    units: Sequence[tuple[TextLine, re.Match[str]]],
    page_wh_pt: tuple[float, float],
) -> Fit | None:
    unit = next((unit for _, unit, _ in ticks if unit), "") or _unit_beside(
        ticks[-1][2], units, page_wh_pt
    )
    plain = [(value, word) for value, own, word in ticks if not own or own == "FT" == unit]
    if not unit or len(plain) < _LEAST_TICKS:
        return None  # the number of a text that goes on with a unit is off its tick
    values = np.array([value for value, _ in plain])
    for places in ([w.middle for _, w in plain], [w.u0 for _, w in plain]):
        at = np.array(places)
        slope, start = np.polyfit(values, at, 1)
        off = np.abs(at - (start + slope * values)).max()
        if slope > 0 and off <= _OFF_LINE * (at[-1] - at[0]):
            meters = _M_PER_FOOT if unit[0] == "F" else 1.0
            return Fit(float(meters / (slope * M_PER_PT)), "scale_bar")
    return None


def _units(lines: Sequence[TextLine]) -> list[tuple[TextLine, re.Match[str]]]:
    """The upright lines that are nothing but a unit."""
    return [
        (line, match)
        for line in lines
        if len(line.text) < _LONGEST_NUMBER and not line.turn_degrees
        if (match := _UNIT.fullmatch(line.text.upper()))
    ]


def _unit_beside(
    word: _Word,
    units: Sequence[tuple[TextLine, re.Match[str]]],
    page_wh_pt: tuple[float, float],
) -> str:
    """Return the unit that stands right of a bar's last number, or none."""
    for line, match in units[:_MOST_UNITS]:
        u0, v0, _, v1 = reading_box(line, page_wh_pt)
        is_level = min(v1, word.v1) - max(v0, word.v0) > 0
        if is_level and -word.height < u0 - word.u1 < 6 * word.height:
            return match[1]
    return ""


# -- chains of dimensions ---------------------------------------------------------------------

_FEET = re.compile(r"(\d{1,3})'(?: ?-? ?(\d{1,2})(?: (\d{1,2})/(\d{1,2}))?(?: ?\")?)?")
_MM = re.compile(r"(\d{1,2}[ .,']?\d{3}|\d{3})(?: ?MM)?")
_M = re.compile(r"(\d{1,2})[.,](\d{2,3})(?: ?M)?")


def length_m(text: str) -> float | None:
    """Return the length that a text is, in metres, or none: feet and inches, mm, metres.

    A whole number of three to five digits is of millimetres, one with two or three decimals of
    metres. Plans in centimetres are taken for ten times smaller than they are, and so for drawn in
    a scale in which no plan is.
    """
    if match := _FEET.fullmatch(text):
        under = int(match[4] or 1)
        if under == 0:
            return None
        inches = int(match[2] or 0) + int(match[3] or 0) / under
        return (int(match[1]) + inches / 12) * _M_PER_FOOT
    if match := _MM.fullmatch(text):
        return int(re.sub(r"\D", "", match[1])) / 1000
    if match := _M.fullmatch(text):
        return float(f"{match[1]}.{match[2]}")
    return None


def _chains(rows: list[list[_Word]]) -> Fit | None:
    """Return the scale that most pairs of neighbors fit, if many do."""
    ratios, lengths = _pairs(rows)
    if len(ratios) < _LEAST_PAIRS:
        return None
    order = np.argsort(ratios)
    ratios, lengths = ratios[order], lengths[order]
    ends = np.searchsorted(ratios, ratios * (1 + 2 * _SAME), side="right")
    counts = ends - np.arange(len(ratios))
    best = int(np.argmax(counts))
    kept = slice(best, int(ends[best]))
    count = int(counts[best])
    if count < max(_LEAST_PAIRS, _LEAST_SHARE * len(ratios)):
        return None
    spread = float(lengths[kept].std() / lengths[kept].mean())
    ratio = float(np.median(ratios[kept]))
    if spread < _LEAST_SPREAD or nearest_plan_scale(ratio) is None:
        return None
    return Fit(ratio, "dimensions")


def _pairs(rows: list[list[_Word]]) -> tuple[Floats, Floats]:
    """Return, of neighbors in chains, the scale that they fit and half of their sum in metres."""
    found: list[tuple[float, float]] = []
    for row in rows:
        chain = [(word, length) for word in row if (length := length_m(word.text)) is not None]
        for (first, a), (second, b) in pairwise(chain):
            apart = (second.middle - first.middle) * M_PER_PT
            if apart > 0 and a > 0 and b > 0:
                found.append(((a + b) / 2 / apart, (a + b) / 2))
    pairs = np.array(found, np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
