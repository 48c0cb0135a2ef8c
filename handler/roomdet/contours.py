# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a mask to a polygon as a draftsman would draw it: pure functions of arrays.

A contour is found between the pixels, its corners where it turns, its sides by the points between
them; a side that lies nearly along the page lies along it.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.float32]

LEVEL = 0.5
# Of a contour a corner is what lies farther than this from the line between its neighbors, and
# a side shorter than this is a corner that the mask has rounded, unless it is a step between two
# sides that run the same way; pixels of the mask. A wall around a room is as thick.
TOLERANCE_PX, SHORT_PX = 1.3, 8.0
# A side along the page is off by at most this: in degrees, or by so much at its ends, if it is long
# enough to tell.
STRAIGHT_DEGREES, STRAIGHT_PX, TELLING_PX = 4.0, 1.3, 10.0
# A step so short is square to the sides that it lies between.
STEP_PX = 10.0
# Sides that meet are drawn to where they cross, unless that is farther from the corner than this.
FAR_PX = 10.0
_TINY = 1e-9
_TRIMMED = 0.15  # of a side's points at each end, which a rounded corner has moved
LEAST_CORNERS = 3


def contour(mask: Mask, level: float = LEVEL) -> Points | None:
    """The longest way around what is above a level: of the parts the largest, without its holes.

    Args:
        mask: float32, shape ``(height, width)``.
        level: Between the pixels it is met where their values say.

    Returns:
        float64, shape ``(n, 2)``, x and y in pixels, where a pixel is a square and the first one
        runs from 0 to 1, implicitly closed, counterclockwise as seen. None where nothing is.
    """
    framed = np.pad(mask.astype(np.float64), 1) - level
    framed[[0, -1]] = framed[:, [0, -1]] = -level
    inside = framed > 0
    rings = [_points(framed, ring) for ring in _rings(inside)]
    return max(rings, key=lambda ring: abs(signed_area(ring)), default=None)


def _rings(inside: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Boundaries between inside and outside, each the crossings that it runs through.

    A crossing lies between two neighboring pixels and is named by the sum of their rows and the sum
    of their columns; shape ``(n, 2)``.
    """
    a, b = inside[:-1, :-1], inside[:-1, 1:]  # corners of each cell of four pixels
    c, d = inside[1:, 1:], inside[1:, :-1]
    code = a + 2 * b + 4 * c + 8 * d
    cells = np.argwhere((code > 0) & (code < _ALL_FOUR))
    steps = _STEPS[code[tuple(cells.T)]]  # cells, two ways through, start and end, y and x
    ways = (2 * cells[:, None, None] + steps)[steps[:, :, 0, 0] >= 0]
    width = 2 * inside.shape[1]
    names = ways[:, :, 0] * width + ways[:, :, 1]
    following = dict(names.tolist())
    rings = []
    while following:
        first, at = following.popitem()
        ring = [first]
        while at != first:
            ring.append(at)
            at = following.pop(at)
        rings.append(np.stack(np.divmod(np.array(ring, np.int64), width), axis=1))
    return rings


_TOP, _RIGHT, _BOTTOM, _LEFT = (0, 1), (1, 2), (2, 1), (1, 0)
_ALL_FOUR = 15
# Ways through a cell with the inside on the left; of two opposite corners inside, each is alone.
_WAYS: dict[int, tuple[tuple[tuple[int, int], tuple[int, int]], ...]] = {
    1: ((_LEFT, _TOP),),
    2: ((_TOP, _RIGHT),),
    3: ((_LEFT, _RIGHT),),
    4: ((_RIGHT, _BOTTOM),),
    5: ((_LEFT, _TOP), (_RIGHT, _BOTTOM)),
    6: ((_TOP, _BOTTOM),),
    7: ((_LEFT, _BOTTOM),),
    8: ((_BOTTOM, _LEFT),),
    9: ((_BOTTOM, _TOP),),
    10: ((_TOP, _RIGHT), (_BOTTOM, _LEFT)),
    11: ((_BOTTOM, _RIGHT),),
    12: ((_RIGHT, _LEFT),),
    13: ((_RIGHT, _TOP),),
    14: ((_TOP, _LEFT),),
}
# The same by code, -1 where there is no second way.
_STEPS = np.full((_ALL_FOUR + 1, 2, 2, 2), -1)
for _code, _ways in _WAYS.items():
    _STEPS[_code, : len(_ways)] = _ways


def _points(framed: npt.NDArray[np.float64], doubled: npt.NDArray[np.int64]) -> Points:
    """Where the crossings of a ring lie, in pixels of the unframed mask."""
    low, high = doubled // 2, (doubled + 1) // 2
    before, after = framed[tuple(low.T)], framed[tuple(high.T)]
    share = before / (before - after)
    at = low + (high - low) * share[:, None]
    points: Points = at[:, ::-1] - 0.5  # a pixel's center, and the frame of one pixel
    return points


def signed_area(points: Points) -> float:
    """Area within a closed polygon, above 0 where it turns clockwise on the page."""
    x, y = points.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def are_inside(polygon: npt.NDArray[np.floating], points: Points) -> npt.NDArray[np.bool_]:
    """Whether points lie in a polygon: a ray from each crosses its sides an odd number of times.

    Args:
        polygon: Shape ``(k, 2)``, implicitly closed.
        points: Shape ``(n, 2)``.

    Returns:
        bool, shape ``(n,)``.
    """
    a, b = polygon, np.roll(polygon, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(a[:, 1] == b[:, 1], 1.0, b[:, 1] - a[:, 1])
    reach = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    odd: npt.NDArray[np.bool_] = (crosses & (x < reach)).sum(axis=1) % 2 == 1
    return odd


def straightened(ring: Points, scale_xy: tuple[float, float]) -> Points:
    """A contour as a polygon of few corners.

    Args:
        ring: Of :func:`contour`.
        scale_xy: Pixels of the page per pixel of the mask; angles are those on the page.

    Returns:
        float64, shape ``(k, 2)``, in pixels of the mask. Perhaps fewer corners than three, or one
        that crosses itself: see :func:`is_simple`.
    """
    plane = ring[:, 0] + 1j * ring[:, 1]
    twice = np.concatenate([plane, plane])
    at = _corners(twice)
    if len(at) < LEAST_CORNERS:
        return ring[at]
    sides = [
        _through(twice[start : end + 1], scale_xy)
        for start, end in pairwise([*at, at[0] + len(ring)])
    ]
    corners = _joined(_without_short(_with_square_steps(_without_kinks(sides))))
    return without_needless(np.array([(corner.real, corner.imag) for corner in corners]))


def _corners(twice: npt.NDArray[np.complex128]) -> list[int]:
    """Indices of the points where a ring turns (Ramer, Douglas and Peucker).

    Args:
        twice: The ring two times, points as complex numbers.
    """
    n = len(twice) // 2
    first = int(np.argmax(np.abs(twice[:n] - twice[:n].mean())))
    second = int(np.argmax(np.abs(twice[:n] - twice[first])))
    low, high = sorted((first, second))
    kept = {low, high}
    open_parts = [(low, high), (high, low + n)]
    while open_parts:
        start, end = open_parts.pop()
        if end - start < 2:  # noqa: PLR2004  # nothing between
            continue
        along = twice[end] - twice[start]
        length = abs(along)
        beside = (twice[start + 1 : end] - twice[start]) * (along.conjugate() / (length or 1.0))
        beyond = np.maximum(-beside.real, beside.real - length).clip(0)
        far = np.hypot(beside.imag, beyond)
        at = int(np.argmax(far))
        if far[at] > TOLERANCE_PX:
            middle = start + 1 + at
            kept.add(middle % n)
            open_parts += [(start, middle), (middle, end)]
    return sorted(kept)


@dataclass(frozen=True, slots=True)
class _Side:
    """A side of a polygon: a line, and from where to where it is seen; points are complex numbers.

    Attributes:
        start: Where it is seen to begin, on the line.
        end: Where it is seen to end.
        along: Its direction, of length 1.
    """

    start: complex
    end: complex
    along: complex

    @classmethod
    def on_line(cls, middle: complex, along: complex, start: complex, end: complex) -> _Side:
        """The side of a line that two points beside it bound."""
        foot, head = (middle + _dot(point - middle, along) * along for point in (start, end))
        return cls(foot, head, along)

    @property
    def length(self) -> float:
        """In pixels of the mask."""
        return abs(self.end - self.start)

    def is_along(self, other: _Side) -> bool:
        """Whether they run the same way, or back."""
        return abs(_cross(self.along, other.along)) < math.sin(math.radians(STRAIGHT_DEGREES))


def _dot(one: complex, other: complex) -> float:
    return (one.conjugate() * other).real


def _cross(one: complex, other: complex) -> float:
    return (one.conjugate() * other).imag


def _through(points: npt.NDArray[np.complex128], scale_xy: tuple[float, float]) -> _Side:
    """The side that lies nearest to points, along the page if it nearly is."""
    cut = int(len(points) * _TRIMMED)
    kept = points[cut : len(points) - cut]
    middle = complex(kept.mean())
    start, end = complex(points[0]), complex(points[-1])
    along = end - start
    if len(kept) > 2:  # noqa: PLR2004  # two points are a line
        turned = complex(((kept - middle) ** 2).sum())  # at twice the angle of the longer axis
        best = cmath.rect(1.0, cmath.phase(turned) / 2)
        along = best if _dot(best, along) >= 0 else -best
    along /= max(abs(along), _TINY)
    return _Side.on_line(middle, _straight(along, abs(end - start), scale_xy), start, end)


def _straight(along: complex, length: float, scale_xy: tuple[float, float]) -> complex:
    """A direction, or that of the page's edge which it nearly is."""
    x, y = along.real, along.imag
    on_page = math.degrees(math.atan2(abs(y) * scale_xy[1], abs(x) * scale_xy[0]))

    def is_near(degrees: float, off: float) -> bool:
        is_telling = length >= TELLING_PX and off * length / 2 <= STRAIGHT_PX
        return degrees <= STRAIGHT_DEGREES or is_telling

    if is_near(on_page, abs(y)):
        return complex(math.copysign(1, x), 0)
    if is_near(90 - on_page, abs(x)):
        return complex(0, math.copysign(1, y))
    return along


def _without_kinks(sides: list[_Side]) -> list[_Side]:
    """Make one side of neighbors that go on in one line."""
    left = list(sides)
    i = 0
    while i < len(left) > LEAST_CORNERS:
        before, after = left[i - 1], left[i]
        goes_on = before.is_along(after) and _dot(before.along, after.along) > 0
        if goes_on and _step(before, after) < TOLERANCE_PX:
            left[i - 1] = _one_side(before, after)
            del left[i]
        else:
            i += 1
    return left


def _with_square_steps(sides: list[_Side]) -> list[_Side]:
    """Turn each short side between two sides of one direction square to them, about its middle."""
    turned = []
    for i, side in enumerate(sides):
        before, after = sides[i - 1], sides[(i + 1) % len(sides)]
        if side.length < STEP_PX and before.is_along(after) and not side.is_along(before):
            across = before.along * 1j
            across *= math.copysign(1, _dot(across, side.along))
            middle = (side.start + side.end) / 2
            turned.append(_Side.on_line(middle, across, side.start, side.end))
        else:
            turned.append(side)
    return turned


def _without_short(sides: list[_Side]) -> list[_Side]:
    """Drop sides that a rounded corner makes, the shortest first; a step keeps its side."""
    left = list(sides)
    while len(left) > LEAST_CORNERS:
        order = sorted(range(len(left)), key=lambda i: left[i].length)
        for i in order:
            if left[i].length >= SHORT_PX:
                return left
            before, after = left[i - 1], left[(i + 1) % len(left)]
            if not before.is_along(after):
                del left[i]
                break
            if _step(before, after) < TOLERANCE_PX:
                left[i - 1] = _one_side(before, after)
                for gone in sorted((i, (i + 1) % len(left)), reverse=True):
                    del left[gone]
                break
        else:
            return left
    return left


def _step(before: _Side, after: _Side) -> float:
    """How far two sides of one direction lie apart."""
    return abs(_cross(before.along, after.start - before.end))


def _one_side(before: _Side, after: _Side) -> _Side:
    """A side from where one begins to where another ends, on the line of the longer one."""
    longer = before if before.length >= after.length else after
    return _Side.on_line(longer.start, longer.along, before.start, after.end)


def _joined(sides: list[_Side]) -> list[complex]:
    """The corners where sides meet."""
    corners: list[complex] = []
    for before, after in pairwise([sides[-1], *sides]):
        if not before.is_along(after):
            away = _cross(after.along, after.start - before.start)
            crossing = before.start + away / _cross(after.along, before.along) * before.along
            if abs(crossing - (before.end + after.start) / 2) <= FAR_PX:
                corners.append(crossing)
                continue
        corners += [before.end, after.start]
    return corners


def without_needless(corners: Points, least: float = _TINY) -> Points:
    """Corners without those that lie on the line between their neighbors."""
    kept = corners
    while len(kept) > 2:  # noqa: PLR2004  # fewer are no polygon
        before, after = np.roll(kept, 1, axis=0), np.roll(kept, -1, axis=0)
        a, b = kept - before, after - kept
        turn = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
        needless = turn <= least * np.maximum(np.hypot(*(after - before).T), least)
        if not needless.any():
            break
        kept = np.delete(kept, int(np.argmax(needless)), axis=0)
    return kept


def is_simple(corners: Points) -> bool:
    """Whether a closed polygon neither crosses nor touches itself, and has an area."""
    n = len(corners)
    if n < 3 or signed_area(corners) == 0:  # noqa: PLR2004  # fewer have no area
        return False
    start, end = corners, np.roll(corners, -1, axis=0)
    i, j = np.triu_indices(n, 1)
    is_next = (j == i + 1) | ((i == 0) & (j == n - 1))
    touch = _touch(start[i], end[i], start[j], end[j])
    if touch[~is_next].any():
        return False
    # Neighbors meet in their corner; they must not run back over one another.
    a, b = end - start, np.roll(end - start, -1, axis=0)
    cross, dot = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(axis=1)
    return not bool(((cross == 0) & (dot <= 0)).any())


def _touch(a: Points, b: Points, c: Points, d: Points) -> npt.NDArray[np.bool_]:
    """Whether stretches a to b and c to d have a point in common, pair by pair."""

    def side(p: Points, q: Points, r: Points) -> npt.NDArray[np.float64]:
        u, v = q - p, r - p
        found: npt.NDArray[np.float64] = np.sign(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
        return found

    def within(p: Points, q: Points, r: Points) -> npt.NDArray[np.bool_]:
        is_within = (np.minimum(p, q) <= r) & (r <= np.maximum(p, q))
        return is_within[:, 0] & is_within[:, 1]

    abc, abd, cda, cdb = side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)
    ends = [
        (which == 0) & within(p, q, r)
        for which, p, q, r in ((abc, a, b, c), (abd, a, b, d), (cda, c, d, a), (cdb, c, d, b))
    ]
    crossed = (abc * abd < 0) & (cda * cdb < 0)
    touch: npt.NDArray[np.bool_] = np.logical_or.reduce([crossed, *ends])
    return touch
