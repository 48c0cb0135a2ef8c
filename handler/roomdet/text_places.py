# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where lines of text are on a page, out of what a network marked as text: pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan2, cos, degrees, hypot, radians, sin, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.geometry import Pixels

Marks = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.intp]

# Of 255. The network was trained to mark less than the letters' height (inference.yml: thresh,
# box_thresh and unclip_ratio): marked is text from the first on, a place whose mean reaches the
# second is a line, and the line is larger by this share of the place's area to its perimeter.
LEAST_MARK, LEAST_MEAN, GROWTH = 51, 102, 1.4
# Places less high are specks, px.
LEAST_PX = 3
# Places less long than this for their height tell no direction: they are taken for upright.
# Lines lean by so many degrees or not at all; and only if the place is smaller for that: two lines
# that were marked as one seem to lean if one of them is shorter.
LEAST_LONG, LEAST_SLANT = 1.5, 3.0
_STEEP = 45.0
# Two lines in one place have this height together, px, and are no longer than this for it; so much
# ink, of the most, is as good as none; of their height they share this.
_FEWEST_PX, _MOST_LENGTH, _THIN, _SHARED = 16, 6, 0.1, 0.03
# Letters end within this share of a place's height, at a row with so little of their mean ink.
_EDGE, _BARE = 0.45, 0.12
# A narrow margin, above and below together, as a share of the height of the letters.
_MARGIN = 0.4


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle around a line of text, in pixels of the page.

    Attributes:
        x, y: Its center.
        length, height: Along the line and across it.
        slant_degrees: Clockwise from left-to-right to the direction in which it reads.
    """

    x: float
    y: float
    length: float
    height: float
    slant_degrees: float = 0.0

    @property
    def turn_degrees(self) -> int:
        """The nearest of 0, 90, 180 and 270."""
        return round(self.slant_degrees / 90) % 4 * 90

    @property
    def box_xyxy(self) -> tuple[float, float, float, float]:
        """Corners of the upright box around it."""
        along, across = _axes(self.slant_degrees)
        half_x = (abs(along[0]) * self.length + abs(across[0]) * self.height) / 2
        half_y = (abs(along[1]) * self.length + abs(across[1]) * self.height) / 2
        return (self.x - half_x, self.y - half_y, self.x + half_x, self.y + half_y)

    def turned(self) -> Place:
        """The same place read the other way round."""
        return replace(self, slant_degrees=(self.slant_degrees + 180) % 360)

    def straight(self) -> Place:
        """The same place turned to the nearest right angle."""
        return replace(self, slant_degrees=float(self.turn_degrees))

    def stretch(self, start: float, end: float) -> Place:
        """A part of its length, from one share of it to another, 0 to 1."""
        return self._part(_axes(self.slant_degrees)[0], self.length, start, end, "length")

    def band(self, top: float, bottom: float) -> Place:
        """A part of its height, from one share of it to another, 0 to 1."""
        return self._part(_axes(self.slant_degrees)[1], self.height, top, bottom, "height")

    def _part(
        self, axis: tuple[float, float], side: float, start: float, end: float, name: str
    ) -> Place:
        off = ((start + end) / 2 - 0.5) * side
        x, y = self.x + off * axis[0], self.y + off * axis[1]
        return replace(self, x=x, y=y, **{name: side * (end - start)})


class _Runs(NamedTuple):
    """Marked pixels of one row that touch, row by row: from ``x0`` to before ``x1``."""

    row: Numbers
    x0: Numbers
    x1: Numbers


def places(marks: Marks) -> list[Place]:
    """Put marks that touch together into lines.

    Args:
        marks: uint8, shape ``(height, width)``, how surely a pixel is of text, 0 to 255.
    """
    runs = _runs(marks >= LEAST_MARK)
    found = []
    for chosen in _touching(runs, len(marks)):
        row, x0, x1 = runs.row[chosen], runs.x0[chosen], runs.x1[chosen]
        y = np.repeat(row, x1 - x0)
        x = np.concatenate([np.arange(*ends) for ends in zip(x0, x1, strict=True)])
        if np.ptp(row) + 1 >= LEAST_PX and marks[y, x].mean() >= LEAST_MEAN:
            found.append(_place(x, y))
    return [place for place in found if min(place.length, place.height) > LEAST_PX]


def ways(place: Place) -> list[Place]:
    """How a line may read; one that is turned, from either end."""
    is_turned = _STEEP < place.slant_degrees % 180 <= 180 - _STEEP
    if is_turned:
        return [place, place.turned()]
    return [place.turned() if abs(place.slant_degrees - 180) < _STEEP else place]


def halves(pixels: Pixels, place: Place) -> list[Place]:
    """The two lines that a place may hold one below the other; none if it is too low or long.

    They are parted where there is least ink, above the dots of an umlaut rather than below.
    """
    if place.height < _FEWEST_PX or place.length > _MOST_LENGTH * place.height:
        return []
    shown = cut_out(pixels, place)[..., 1].astype(np.float32)
    ink = (shown.max() - shown).sum(axis=1)
    low, high = round(0.3 * len(ink)), round(0.7 * len(ink))
    is_thin = ink[low:high] <= ink[low:high].min() + _THIN * ink.max()
    parted = (low + int(is_thin.argmax()) + 0.5) / len(ink)
    return [place.band(0, parted + _SHARED), place.band(parted - _SHARED, 1)]


def fit(pixels: Pixels, place: Place) -> Place:
    """The place no higher than the letters in it, without umlauts' dots or descenders."""
    shown = cut_out(pixels, place)[..., 1].astype(np.float32)
    ink = (shown.max() - shown).sum(axis=1)
    low, high = round(_EDGE * len(ink)), round((1 - _EDGE) * len(ink))
    is_bare = ink < _BARE * ink[low : high + 1].mean()
    above, below = np.flatnonzero(is_bare[:low]), np.flatnonzero(is_bare[high:])
    top = int(above[-1]) + 1 if above.size else 0
    bottom = high + int(below[0]) if below.size else len(ink)
    return place.band(top / len(ink), bottom / len(ink))


def snug(pixels: Pixels, place: Place) -> Place:
    """The line with a narrow margin instead of a wide one, which others may reach into."""
    close = fit(pixels, place)
    margin = _MARGIN * close.height
    length = max(place.length - place.height + close.height + margin, 1.0)
    return replace(close, height=close.height + margin, length=min(length, place.length))


def cut_out(pixels: Pixels, place: Place) -> Pixels:
    """The line as it reads, from left to right; beyond the page is paper.

    Returns:
        uint8 RGB, shape ``(height, length, 3)`` of the place, rounded, at least 1.
    """
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = (round(end) for end in place.box_xyxy)
    x0, y0, x1, y1 = (
        max(x0, 0),
        max(y0, 0),
        min(max(x1, x0 + 1), width),
        min(max(y1, y0 + 1), height),
    )
    shown = pixels[y0:y1, x0:x1]
    if place.slant_degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(shown, place.turn_degrees // 90))
    size = max(1, round(place.length)), max(1, round(place.height))
    along, across = _axes(place.slant_degrees)
    corner = (
        place.x - x0 - along[0] * size[0] / 2 - across[0] * size[1] / 2,
        place.y - y0 - along[1] * size[0] / 2 - across[1] * size[1] / 2,
    )
    upright = Image.fromarray(shown).transform(
        size,
        Image.Transform.AFFINE,
        (along[0], across[0], corner[0], along[1], across[1], corner[1]),
        Image.Resampling.BILINEAR,
        fillcolor=(255, 255, 255),
    )
    return np.asarray(upright)


def _place(x: Numbers, y: Numbers) -> Place:
    """The rectangle of a line of which these pixels are marked."""
    dx, dy = x - x.mean(), y - y.mean()
    xx, yy, xy = (dx * dx).mean(), (dy * dy).mean(), (dx * dy).mean()
    spread = hypot(xx - yy, 2 * xy)
    ratio = sqrt((xx + yy + spread) / max(xx + yy - spread, 1e-9))
    slant = degrees(atan2(2 * xy, xx - yy)) / 2
    nearest = 90.0 * round(slant / 90) if ratio >= LEAST_LONG else 0.0
    upright = _around(x, y, nearest)
    if ratio < LEAST_LONG or abs(slant - nearest) < LEAST_SLANT:
        return upright
    return min(upright, _around(x, y, slant), key=lambda place: place.length * place.height)


def _around(x: Numbers, y: Numbers, slant_degrees: float) -> Place:
    """The rectangle of a line that goes this way."""
    along, across = _axes(slant_degrees)
    u, v = x * along[0] + y * along[1], x * across[0] + y * across[1]
    length, height = np.ptp(u) + 1, np.ptp(v) + 1
    growth = GROWTH * length * height / (length + height)
    middle_u, middle_v = (u.max() + u.min() + 1) / 2, (v.max() + v.min() + 1) / 2
    return Place(
        float(middle_u * along[0] + middle_v * across[0]),
        float(middle_u * along[1] + middle_v * across[1]),
        float(length + growth),
        float(height + growth),
        slant_degrees % 360,
    )


def _axes(slant_degrees: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Unit vectors along a line and across it, to its next line; y points down."""
    c, s = cos(radians(slant_degrees)), sin(radians(slant_degrees))
    return (c, s), (-s, c)


def _runs(is_marked: npt.NDArray[np.bool_]) -> _Runs:
    padded = np.zeros((len(is_marked), is_marked.shape[1] + 2), np.int8)
    padded[:, 1:-1] = is_marked
    edges = np.diff(padded.reshape(-1))  # no run goes on in the next row: both have an empty end
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    row, x0 = np.divmod(starts, padded.shape[1])
    return _Runs(row, x0, x0 + ends - starts)


def _touching(runs: _Runs, height: int) -> Iterator[Numbers]:
    """Indices of runs that touch, directly or by others."""
    first = np.searchsorted(runs.row, np.arange(height + 1)).tolist()
    x0, x1 = runs.x0.tolist(), runs.x1.tolist()
    leader = list(range(len(x0)))

    def lead(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for row in np.unique(runs.row[1:] if len(x0) else runs.row).tolist():
        above, here, end = first[max(row - 1, 0)], first[row], first[row + 1]
        for index in range(here, end):
            while above < here and x1[above] <= x0[index]:
                above += 1
            other = above
            while other < here and x0[other] < x1[index]:
                leader[lead(index)] = lead(other)
                other += 1
    leaders = np.array([lead(index) for index in range(len(x0))], np.intp)
    order = np.argsort(leaders, kind="stable")
    if len(order):
        yield from np.split(order, np.flatnonzero(np.diff(leaders[order])) + 1)
