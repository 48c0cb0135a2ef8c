# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a mask to a polygon as a draftsman would draw it: pure functions of arrays.

A contour is found between the pixels, its corners where it turns, its sides by the points between
them; a side that lies nearly along the page lies along it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.float32]

LEVEL = 0.5
# Of a contour a corner is what lies farther than this from the line between its neighbors, and
# a side shorter than this is a corner that the mask has rounded, unless it is a step between two
# sides that run the same way; pixels of the mask. A wall around a room is as thick.
TOLERANCE_PX, SHORT_PX = 1.3, 5.0
# A side along the page is off by at most this: in degrees, or by so much at its ends, if it is long
# enough to tell.
STRAIGHT_DEGREES, STRAIGHT_PX, TELLING_PX = 4.0, 0.9, 10.0
# A step so short is square to the sides that it lies between.
STEP_PX = 10.0
# Sides that meet are drawn to where they cross, unless that is farther from the corner than this.
FAR_PX = 5.0
_TRIMMED = 0.15  # of a side's points at each end, which a rounded corner has moved
LEAST_CORNERS = 3


def contour(mask: Mask, level: float = LEVEL) -> Points | None:
    """The longest way around what is above a level: of the parts the largest, without its holes.

    Args:
        mask: float32, shape ``(height, width)``.
        level: Between the pixels it is met where their values say.

    Returns:
        float64, shape ``(n, 2)``, x and y in pixels, where a pixel is a square and the first one
        runs from 0 to 1, implicitly closed, with the part on its right. None where nothing is.
    """
    framed = np.pad(mask.astype(np.float64), 1) - level
    framed[[0, -1]] = framed[:, [0, -1]] = -level
    inside = framed > 0
    rings = [_points(framed, ring) for ring in _rings(inside)]
    return max(rings, key=lambda ring: abs(signed_area(ring)), default=None)


def _rings(inside: npt.NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """Boundaries between inside and outside, each a list of crossings.

    A crossing lies between two neighboring pixels and is named by the sum of their rows and the sum
    of their columns.
    """
    a, b = inside[:-1, :-1], inside[:-1, 1:]  # corners of each cell of four pixels
    c, d = inside[1:, 1:], inside[1:, :-1]
    code = a + 2 * b + 4 * c + 8 * d
    following: dict[tuple[int, int], tuple[int, int]] = {}
    rows, columns = np.nonzero((code > 0) & (code < 15))  # noqa: PLR2004  # all four
    for row, column, kind in zip(
        rows.tolist(), columns.tolist(), code[rows, columns].tolist(), strict=True
    ):
        for start, end in _STEPS[kind]:
            following[2 * row + start[0], 2 * column + start[1]] = (
                2 * row + end[0],
                2 * column + end[1],
            )
    rings = []
    while following:
        first, at = following.popitem()
        ring = [first]
        while at != first:
            ring.append(at)
            at = following.pop(at)
        rings.append(ring)
    return rings


_TOP, _RIGHT, _BOTTOM, _LEFT = (0, 1), (1, 2), (2, 1), (1, 0)
# Ways through a cell with the inside on the right; of two opposite corners inside, each is alone.
_STEPS: dict[int, tuple[tuple[tuple[int, int], tuple[int, int]], ...]] = {
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


def _points(framed: npt.NDArray[np.float64], ring: list[tuple[int, int]]) -> Points:
    """Where the crossings of a ring lie, in pixels of the unframed mask."""
    doubled = np.array(ring)
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


def straightened(ring: Points, scale_xy: tuple[float, float]) -> Points:
    """A contour as a polygon of few corners.

    Args:
        ring: Of :func:`contour`.
        scale_xy: Pixels of the page per pixel of the mask; angles are those on the page.

    Returns:
        float64, shape ``(k, 2)``, in pixels of the mask. Perhaps fewer corners than three, or one
        that crosses itself: see :func:`is_simple`.
    """
    corners = _corners(ring)
    if len(corners) < LEAST_CORNERS:
        return ring[corners]
    sides = [
        _Side.through(_between(ring, start, end), np.array(scale_xy))
        for start, end in zip(corners, np.roll(corners, -1).tolist(), strict=True)
    ]
    return _joined(_without_short(_with_square_steps(_without_kinks(sides))))


def _corners(ring: Points) -> list[int]:
    """Indices of the points where a ring turns (Ramer, Douglas and Peucker)."""
    first = int(np.argmax(((ring - ring.mean(axis=0)) ** 2).sum(axis=1)))
    second = int(np.argmax(((ring - ring[first]) ** 2).sum(axis=1)))
    n = len(ring)
    low, high = sorted((first, second))
    kept = {low, high}
    open_parts = [(low, high), (high, low + n)]
    while open_parts:
        start, end = open_parts.pop()
        if end - start < 2:  # noqa: PLR2004  # nothing between
            continue
        between = ring[np.arange(start + 1, end) % n]
        far = _distances(between, ring[start % n], ring[end % n])
        at = int(np.argmax(far))
        if far[at] > TOLERANCE_PX:
            middle = start + 1 + at
            kept.add(middle % n)
            open_parts += [(start, middle), (middle, end)]
    return sorted(kept)


def _distances(points: Points, start: Points, end: Points) -> npt.NDArray[np.float64]:
    """Of points to the stretch between two."""
    along = end - start
    length2 = float(along @ along)
    share = ((points - start) @ along / length2).clip(0, 1) if length2 else np.zeros(len(points))
    away = points - start - share[:, None] * along
    found: npt.NDArray[np.float64] = np.hypot(*away.T)
    return found


def _between(ring: Points, start: int, end: int) -> Points:
    """The points from one corner to the next, both of them among them."""
    n = len(ring)
    return ring[np.arange(start, end + n * (end <= start) + 1) % n]


class _Side:
    """A side of a polygon: a line, and from where to where it is seen.

    Attributes:
        start, end: Where it is seen to begin and to end, on the line.
        along: Its direction, of length 1.
        length: In pixels of the mask.
    """

    def __init__(self, middle: Points, along: Points, start: Points, end: Points) -> None:
        self.along = along
        self.start = middle + ((start - middle) @ along) * along
        self.end = middle + ((end - middle) @ along) * along
        self.length = float(np.hypot(*(end - start)))

    @classmethod
    def through(cls, points: Points, scale_xy: Points) -> _Side:
        """The line that lies nearest to points, along the page if it nearly is."""
        cut = int(len(points) * _TRIMMED)
        kept = points[cut : len(points) - cut]
        middle = kept.mean(axis=0)
        along = points[-1] - points[0]
        if len(kept) > 2:  # noqa: PLR2004  # two points are a line
            spread = (kept - middle).T @ (kept - middle)
            best = np.linalg.eigh(spread)[1][:, 1]
            along = best if best @ along >= 0 else -best
        along = along / max(float(np.hypot(*along)), 1e-9)
        length = float(np.hypot(*(points[-1] - points[0])))
        for axis in (0, 1):
            off = abs(along[1 - axis])
            degrees = np.degrees(
                np.arctan2(off * scale_xy[1 - axis], abs(along[axis]) * scale_xy[axis])
            )
            is_near = length >= TELLING_PX and off * length / 2 <= STRAIGHT_PX
            if degrees <= STRAIGHT_DEGREES or is_near:
                sign = np.sign(along[axis]) or 1.0
                along = np.eye(2)[axis] * sign
                break
        return cls(middle, along, points[0], points[-1])

    def is_along(self, other: _Side) -> bool:
        """Whether they run the same way, or back."""
        cross = self.along[0] * other.along[1] - self.along[1] * other.along[0]
        return abs(float(cross)) < float(np.sin(np.radians(STRAIGHT_DEGREES)))


def _without_kinks(sides: list[_Side]) -> list[_Side]:
    """Make one side of neighbors that go on in one line."""
    left = list(sides)
    i = 0
    while i < len(left) > LEAST_CORNERS:
        before, after = left[i - 1], left[i]
        goes_on = before.is_along(after) and before.along @ after.along > 0
        if goes_on and _step(before, after) < TOLERANCE_PX:
            left[i - 1] = _one_side(before, after)
            del left[i]
        else:
            i += 1
    return left


def _with_square_steps(sides: list[_Side]) -> list[_Side]:
    """Turn each short side between two sides of one direction square to them, about its middle."""
    turned = []
    for before, side, after in zip(
        [sides[-1], *sides], sides, [*sides[1:], sides[0]], strict=False
    ):
        if side.length < STEP_PX and before.is_along(after) and not side.is_along(before):
            across = np.array([-before.along[1], before.along[0]])
            across *= np.sign(across @ side.along) or 1.0
            turned.append(_Side((side.start + side.end) / 2, across, side.start, side.end))
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
    away = after.start - before.end
    return abs(float(away[0] * before.along[1] - away[1] * before.along[0]))


def _one_side(before: _Side, after: _Side) -> _Side:
    """A side from where one begins to where another ends, on the line of the longer one."""
    longer = before if before.length >= after.length else after
    return _Side(longer.start, longer.along, before.start, after.end)


def _joined(sides: list[_Side]) -> Points:
    """The corners where sides meet."""
    corners: list[Points] = []
    for before, after in pairwise([sides[-1], *sides]):
        crossing = None if before.is_along(after) else _crossing(before, after)
        at = (before.end + after.start) / 2
        if crossing is not None and np.hypot(*(crossing - at)) <= FAR_PX + SHORT_PX:
            corners.append(crossing)
        else:
            corners += [before.end, after.start]
    return without_needless(np.array(corners))


def _crossing(one: _Side, other: _Side) -> Points:
    away = other.start - one.start
    cross = one.along[0] * other.along[1] - one.along[1] * other.along[0]
    share = (away[0] * other.along[1] - away[1] * other.along[0]) / cross
    crossing: Points = one.start + share * one.along
    return crossing


def without_needless(corners: Points, least: float = 1e-9) -> Points:
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
