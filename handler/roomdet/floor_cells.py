# SPDX-License-Identifier: AGPL-3.0-or-later
"""A room's floor laid between the drawn lines of its page, where the file says where they run.

A mask knows about where a room ends, lines know exactly: the lines at which a mask changes part
what is seen of a room into cells, and the room is those cells in which the mask says it is, but for
sides that would run where nothing is drawn while a line is near.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from roomdet.contours import signed_area, without_needless

if TYPE_CHECKING:
    from roomdet.contours import Mask, Points

    Gray = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

# Directions that differ by less are one.
_PARALLEL_DEGREES = 1.5
# A room lies along the page if so much of its outline does; else along its longest side.
_ALONG_PAGE = 0.5
# Lines that are nearer to one another, in pixels of the page, are one.
_SAME_PX = 0.35
# The mask is compared on either side of a line, at so many of its pixels from it.
_BESIDE_MASK_PX = 2.0
# A line bounds the room if the mask changes across so much of it: of the room's side, or pixels.
_LEAST_SHARE, _LEAST_MASK_PX = 0.06, 6.0
# What is darker by this, of 255, than paper is drawn.
_LEAST_INK = 12
# A cell of which more than this is as dark is wall, if it is wider than lines are, of the page.
_BLACK, _MOST_BLACK, _LEAST_WALL_PX = 80, 0.5, 7.0
# Sides of the mask's outline that are no line: they are kept if no line is as near, in its pixels.
_FAR_MASK_PX, _LEAST_SIDE_MASK_PX = 3.0, 4.0
# For a side to be drawn, so many pixels of the mask along it may be against what the mask says;
# for a corner to be one of the drawing, in which lines end, so many in all.
_LINE_WORTH_PX, _CORNER_WORTH = 3.0, 150.0
_END_PX = 0.6  # from a corner, of the page
_MOST_LINES = 32  # in either direction; of more those at which the mask changes most
# A side is tried on so many lines to either side of where it is, one side after the other.
_REACH, _MOST_MOVES = 3, 24
_BINS = 128  # along a line, at which it is asked whether it is there: those of the mask
# A floor is sure if the mask disagrees with so little of it, of which open corners are their share
# of so much; or with less, if lines meet in all its corners: where walls overlap, none end there.
_MOST_DOUBT, _OPEN_DOUBT, _LITTLE_DOUBT = 0.145, 0.2, 0.05
_NEVER = 1e6


@dataclass(frozen=True, slots=True)
class Floor:
    """A room's floor between lines.

    Attributes:
        corners_px: float64, shape ``(k, 2)``, in pixels of the page.
        doubt: How much the mask disagrees with it, of its area.
        open: Of its corners, how many no line ends in, 0 to 1.
        is_closed: Whether lines meet in all of them.
    """

    corners_px: Points
    doubt: float
    open: float
    is_closed: bool

    @property
    def is_sure(self) -> bool:
        """Whether mask and lines agree that this is the room."""
        is_little = self.is_closed and self.doubt <= _LITTLE_DOUBT
        return is_little or self.doubt + _OPEN_DOUBT * self.open <= _MOST_DOUBT


def floor_between_lines(
    mask: Mask,
    window_px: Floats,
    bounds_px: Floats,
    outline_px: Points,
    lines_px: Floats,
    page: Gray,
) -> Floor | None:
    """The floor of a room, or none where no lines bound it.

    Args:
        mask: float32, square, 0 to 1, what of the window lies in the room.
        window_px: float64, shape ``(4,)``, what of the page the mask shows.
        bounds_px: float64, shape ``(4,)``, how far the room may reach on it.
        outline_px: float64, shape ``(k, 2)``, its outline as the mask draws it.
        lines_px: float64, shape ``(n, 4)``, from where to where straight lines are drawn on the
            page, in its pixels.
        page: uint8 gray, shape ``(height, width)``.
    """
    frame = _Frame.of(mask, window_px, outline_px)
    ends = (frame.to_frame(lines_px[:, :2]), frame.to_frame(lines_px[:, 2:]))
    both = np.concatenate(ends, axis=1)
    around = frame.to_frame(outline_px)
    bounds = frame.bounds(bounds_px)
    across_x, across_y = (
        _bounding_lines(frame, axis, both, around, bounds, page) for axis in (0, 1)
    )
    if not (across_x.drawn.any() and across_y.drawn.any()):
        return None
    cells = _Cells(frame, bounds, across_x, across_y, frame.is_black(page))
    inside = cells.settled()
    if not inside.any():
        return None
    corners_px = frame.to_page(cells.outline(inside))
    return Floor(corners_px, cells.doubt(inside), *cells.corners(inside))


class PlacedLines:
    """The lines of a page, to be asked for those of a window.

    Args:
        lines_px: float64, shape ``(n, 4)``, both ends of each, in pixels of the page.
    """

    def __init__(self, lines_px: Floats) -> None:
        self._lines_px = lines_px
        x0, y0, x1, y1 = np.ascontiguousarray(lines_px.T)
        self._low_x, self._high_x = np.minimum(x0, x1), np.maximum(x0, x1)
        self._low_y, self._high_y = np.minimum(y0, y1), np.maximum(y0, y1)

    def near(self, window_px: Floats) -> Floats:
        """Lines that run through a window, as far as their bounds say, float64, ``(k, 4)``."""
        x0, y0, x1, y1 = window_px.tolist()
        touch = (self._high_x >= x0) & (self._low_x <= x1)
        touch &= (self._high_y >= y0) & (self._low_y <= y1)
        near: Floats = self._lines_px[touch]
        return near


@dataclass(frozen=True, slots=True)
class _Frame:
    """A mask along the sides of its room.

    Attributes:
        mask: float64, 0 to 1.
        low: float64, shape ``(2,)``, where it begins in the frame, in pixels of the page.
        step: float64, shape ``(2,)``, size of its pixels.
        axes: float64, shape ``(2, 2)``, rows are the frame's directions on the page.
        middle_px: float64, shape ``(2,)``, the frame's origin on the page.
    """

    mask: Floats
    low: Floats
    step: Floats
    axes: Floats
    middle_px: Floats

    @classmethod
    def of(cls, mask: Mask, window_px: Floats, outline_px: Points) -> _Frame:
        size = np.array(mask.shape[::-1], np.float64)
        middle, half = (window_px[:2] + window_px[2:]) / 2, (window_px[2:] - window_px[:2]) / 2
        values = mask.astype(np.float64)
        turn = _turn_degrees(outline_px)
        if turn == 0:
            return cls(values, -half, 2 * half / size, np.eye(2), middle)
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        axes = np.array([(cos, sin), (-sin, cos)])
        reach = np.abs(axes) @ half
        step = 2 * reach / size
        places = [
            (np.arange(n) + 0.5) * s - r
            for n, s, r in zip(size.astype(int), step, reach, strict=True)
        ]
        on_page = np.stack(np.meshgrid(*places), axis=-1) @ axes
        turned = _sampled(values, (on_page + half) * (size / (2 * half)))
        return cls(turned, -reach, step, axes, middle)

    def to_frame(self, points_px: Floats) -> Floats:
        """Points of the page in the frame, shape ``(…, 2)``."""
        return (points_px - self.middle_px) @ self.axes.T

    def to_page(self, points: Floats) -> Floats:
        """Points of the frame on the page."""
        return points @ self.axes + self.middle_px

    @property
    def is_turned(self) -> bool:
        """Whether its directions are others than the page's."""
        return bool(self.axes[0, 0] != 1)

    def is_black(self, page: Gray) -> Flags:
        """Whether the page is black in the middle of each pixel of the mask."""
        height, width = page.shape
        x, y = (
            low + size * (np.arange(count) + 0.5)
            for low, size, count in zip(self.low, self.step, self.mask.shape[::-1], strict=True)
        )
        if self.is_turned:
            at = self.to_page(np.stack(np.meshgrid(x, y), axis=-1)).astype(np.intp)
            seen = page[at[..., 1].clip(0, height - 1), at[..., 0].clip(0, width - 1)]
        else:
            column = (x + self.middle_px[0]).astype(np.intp).clip(0, width - 1)
            row = (y + self.middle_px[1]).astype(np.intp).clip(0, height - 1)
            seen = page[np.ix_(row, column)]
        black: Flags = seen <= _BLACK
        return black

    def bounds(self, bounds_px: Floats) -> Floats:
        """Bounds on the page in the frame, low and high; none where it is turned."""
        if self.is_turned:
            return np.stack([self.low, self.high])
        return self.to_frame(bounds_px.reshape(2, 2))

    @property
    def high(self) -> Floats:
        """Where it ends."""
        return self.low + self.step * self.mask.shape[::-1]


def _turn_degrees(outline_px: Points) -> float:
    """By how much a room is turned on its page, 0 to 90, clockwise."""
    sides = np.roll(outline_px, -1, axis=0) - outline_px
    lengths = np.hypot(*sides.T)
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) % 90
    is_along = np.minimum(angles, 90 - angles) < _PARALLEL_DEGREES
    if lengths[is_along].sum() >= _ALONG_PAGE * lengths.sum():
        return 0.0
    longest = angles[lengths.argmax()]
    off = (angles - longest + 45) % 90 - 45
    is_near = np.abs(off) < 2 * _PARALLEL_DEGREES
    return float((longest + np.average(off[is_near], weights=lengths[is_near])) % 90)


def _sampled(values: Floats, at: Floats) -> Floats:
    """Values between the pixels of a mask, the first of which runs from 0 to 1; 0 beyond it."""
    height, width = values.shape
    x, y = (at[..., 0] - 0.5).clip(0, width - 1.001), (at[..., 1] - 0.5).clip(0, height - 1.001)
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, below = x - column, y - row
    upper = values[row, column] * (1 - right) + values[row, column + 1] * right
    lower = values[row + 1, column] * (1 - right) + values[row + 1, column + 1] * right
    is_on = ((at >= 0) & (at <= (width, height))).all(axis=-1)
    return np.where(is_on, upper * (1 - below) + lower * below, 0.0)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines across an axis of a frame, and both ends of what is seen.

    Attributes:
        at: float64, shape ``(n,)``, where they lie on the axis, rising.
        drawn: float64, shape ``(n, _BINS + 1)``, how much of each is drawn up to the edge of each
            bin, in pixels of the page.
        ends: Which line, and where along it, a stroke of it ends.
    """

    at: Floats
    drawn: Floats
    ends: tuple[npt.NDArray[np.intp], Floats]


def _bounding_lines(
    frame: _Frame, axis: int, lines: Floats, outline: Points, bounds: Floats, page: Gray
) -> _Lines:
    """The lines across an axis at which the mask changes, and sides of its outline without one."""
    along = 1 - axis
    low, high, step = frame.low, frame.high, frame.step
    run = lines[:, 2 + along] - lines[:, along]
    lean = lines[:, 2 + axis] - lines[:, axis]
    is_along = np.abs(lean) <= math.tan(math.radians(_PARALLEL_DEGREES)) * np.abs(run)
    lines = lines[is_along]
    places = (lines[:, axis] + lines[:, 2 + axis]) / 2
    is_seen = (places > low[axis]) & (places < high[axis])
    lines, places = lines[is_seen], places[is_seen]
    order = np.argsort(places)
    lines, places = lines[order], places[order]
    starts = np.flatnonzero(np.diff(places, prepend=-np.inf) > _SAME_PX)
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(places)))
    size = (high[along] - low[along]) / _BINS
    first = ((lines[:, [along, 2 + along]].min(axis=1) - low[along]) / size).round().astype(int)
    last = ((lines[:, [along, 2 + along]].max(axis=1) - low[along]) / size).round().astype(int)
    is_drawn = np.zeros((len(starts), _BINS), np.bool_)
    lengths = np.zeros(len(starts))
    for one, begin, end in zip(
        group.tolist(), first.clip(0).tolist(), last.clip(0).tolist(), strict=True
    ):
        is_drawn[one, begin:end] = True
    np.add.at(lengths, group, 1.0)
    at = np.add.reduceat(places, starts) / lengths if len(starts) else np.zeros(0)

    rows = frame.mask if axis == 0 else frame.mask.T  # a column of it is what lies along a line
    on_mask = (at - low[axis]) / step[axis] - 0.5
    change = np.abs(
        _between(rows.T, on_mask + _BESIDE_MASK_PX) - _between(rows.T, on_mask - _BESIDE_MASK_PX)
    )
    side = float(np.ptp(outline[:, along]))
    least = min(_LEAST_SHARE * side, _LEAST_MASK_PX * step[along])
    is_kept = (change * is_drawn).sum(axis=1) * size >= least
    middles = low[along] + (np.arange(_BINS) + 0.5) * size
    points = np.empty((int(is_kept.sum()), _BINS, 2))
    points[..., axis], points[..., along] = at[is_kept, None], middles
    is_drawn[is_kept] &= _is_inked(frame.to_page(points), page, frame.axes[axis])
    told = (change * is_drawn).sum(axis=1) * size
    is_kept &= told >= least
    if is_kept.sum() > _MOST_LINES:
        is_kept &= told >= np.sort(told)[-_MOST_LINES]
    at, is_drawn = at[is_kept], is_drawn[is_kept]
    both = np.concatenate([lines[:, along], lines[:, 2 + along]])
    of = np.concatenate([group, group])
    both, of = both[is_kept[of]], (np.cumsum(is_kept) - 1)[of[is_kept[of]]]

    guessed = [*_sides(outline, axis, step), *bounds[:, axis].tolist()]
    far = _FAR_MASK_PX * step[axis]
    alone = [
        place
        for place in guessed
        if low[axis] < place < high[axis] and not (np.abs(at - place) <= far).any()
    ]
    at = np.concatenate([[low[axis]], at, alone, [high[axis]]])
    nothing = np.zeros((1, _BINS), np.bool_)
    is_drawn = np.concatenate([nothing, is_drawn, np.repeat(nothing, len(alone) + 1, axis=0)])
    order = np.argsort(at, kind="stable")
    drawn = np.zeros((len(at), _BINS + 1))
    np.cumsum(is_drawn[order] * size, axis=1, out=drawn[:, 1:])
    return _Lines(at[order], drawn, (np.argsort(order)[of + 1], both))


def _is_inked(points_px: Floats, page: Gray, across: Floats) -> Flags:
    """Whether something is drawn at points or right beside them: layers are hidden."""
    height, width = page.shape
    ink = np.zeros(points_px.shape[:-1], np.bool_)
    for offset in (-0.7, 0.0, 0.7):
        x, y = np.moveaxis((points_px + offset * across).astype(np.intp), -1, 0)
        ink |= page[y.clip(0, height - 1), x.clip(0, width - 1)] < 255 - _LEAST_INK
    return ink


def _sides(outline: Points, axis: int, step: Floats) -> list[float]:
    """Where the longer sides of an outline lie that run across an axis."""
    ends = np.roll(outline, -1, axis=0)
    sides = np.abs(ends - outline)
    is_side = (sides[:, 1 - axis] > _LEAST_SIDE_MASK_PX * step[1 - axis]) & (
        sides[:, axis] < 0.06 * sides[:, 1 - axis]
    )
    middles = (outline[is_side, axis] + ends[is_side, axis]) / 2
    return [float(place) for place in middles]


class _Cells:
    """What is seen of a room, parted by lines.

    Areas and lengths are in pixels of the mask.
    """

    def __init__(
        self,
        frame: _Frame,
        bounds: Floats,
        across_x: _Lines,
        across_y: _Lines,
        is_black: Flags,
    ) -> None:
        self._x, self._y = across_x.at, across_y.at
        x = (self._x - frame.low[0]) / frame.step[0]
        y = (self._y - frame.low[1]) / frame.step[1]
        self._sums = _over_cells(frame.mask, x, y)
        self._areas = np.diff(y)[:, None] * np.diff(x)
        # Of each cell's left and upper edge, and at the ends: how much of it is not drawn.
        drawn_x = np.diff(
            _bins_between(across_x.drawn, self._y, frame.low[1], frame.high[1]), axis=1
        )
        drawn_y = np.diff(
            _bins_between(across_y.drawn, self._x, frame.low[0], frame.high[0]), axis=1
        )
        self._bare_x = (np.diff(y)[:, None] - drawn_x.T / frame.step[1]).clip(0)
        self._bare_y = (np.diff(x) - drawn_y / frame.step[0]).clip(0)
        # At each crossing, how little it is a corner of the drawing, by how many of its lines end
        # there; and whether both are drawn there at all.
        ends = _ends(across_x, self._y).T.astype(float) + _ends(across_y, self._x)
        self._open = 1 - ends / 2
        self._meet = _are_at(across_x, self._y, frame.low[1], frame.high[1]).T & _are_at(
            across_y, self._x, frame.low[0], frame.high[0]
        )
        # What it costs to have a cell in the room rather than out of it.
        self._costs = self._areas - 2 * self._sums
        is_wide = np.minimum(np.diff(self._y)[:, None], np.diff(self._x)) >= _LEAST_WALL_PX
        is_wall = _over_cells(is_black, x, y) > _MOST_BLACK * self._areas
        self._costs[is_wall & is_wide] = _NEVER
        for places, limits, costs in (
            (self._x, bounds[:, 0], self._costs.T),
            (self._y, bounds[:, 1], self._costs),
        ):
            middles = (places[1:] + places[:-1]) / 2
            is_beyond = (middles < limits[0]) | (middles > limits[1])
            is_beyond[[0, -1]] = True
            costs[is_beyond] = _NEVER

    def settled(self) -> Flags:
        """Which cells are the room's: by the mask, then side by side moved to drawn lines."""
        inside = self._largest(self._costs < 0)
        best = float(self._cost(inside[None])[0])
        for _ in range(_MOST_MOVES):
            moves = self._moves(inside)
            costs = self._cost(moves)
            if not len(costs) or costs.min() >= best - 1e-6:
                break
            inside, best = moves[costs.argmin()], float(costs.min())
        return self._largest(inside)

    def _cost(self, rooms: Flags) -> Floats:
        """What it costs to take rooms for the room, shape ``(n,)``."""

        def total(flags: Flags, values: Floats) -> Floats:
            return flags.reshape(len(rooms), values.size) @ values.ravel()

        edge_x, edge_y = _edges(rooms)
        bare = total(edge_x, self._bare_x) + total(edge_y, self._bare_y)
        corners = total(_corners(rooms), self._open)
        return total(rooms, self._costs) + _LINE_WORTH_PX * bare + _CORNER_WORTH * corners

    def _moves(self, inside: Flags) -> Flags:
        """The same room with one of its sides on a line nearby, one after the other."""
        moves = []
        for turned in (inside, inside.T):
            edge = _edges(turned[None])[0][0]
            columns = turned.shape[1]
            # Where a side begins and ends: the same edge, with the same side of it in the room.
            side = np.where(edge[:, 1:-1], np.where(turned[:, :-1], 1, -1), 0)
            turns = np.argwhere(np.diff(side, axis=0, prepend=0, append=0) != 0)
            for line in np.unique(turns[:, 1]).tolist():
                ends = turns[turns[:, 1] == line, 0].tolist()
                for start, end in pairwise(ends):
                    way = side[start, line]
                    if not way:
                        continue
                    at = line + 1
                    for to in range(max(1, at - _REACH), min(columns - 1, at + _REACH) + 1):
                        if to != at:
                            moved = turned.copy()
                            moved[start:end, min(at, to) : max(at, to)] = (to > at) == (way > 0)
                            moves.append(moved if turned is inside else moved.T)
        return np.array(moves, np.bool_).reshape(-1, *inside.shape)

    def _largest(self, inside: Flags) -> Flags:
        """Of the parts of a room the largest."""
        left = inside.copy()
        best, best_area = np.zeros_like(inside), 0.0
        while left.any():
            part = np.zeros_like(left)
            part[tuple(np.argwhere(left)[0])] = True
            while True:
                grown = part.copy()
                grown[1:] |= part[:-1]
                grown[:-1] |= part[1:]
                grown[:, 1:] |= part[:, :-1]
                grown[:, :-1] |= part[:, 1:]
                grown &= left
                if (grown == part).all():
                    break
                part = grown
            area = float(self._areas[part].sum())
            if area > best_area:
                best, best_area = part, area
            left &= ~part
        return best

    def doubt(self, inside: Flags) -> float:
        """How much the mask disagrees with a room, of its area."""
        off = (self._areas - self._sums)[inside].sum() + self._sums[~inside].sum()
        return float(off / self._areas[inside].sum())

    def corners(self, inside: Flags) -> tuple[float, bool]:
        """Of a room's corners, how many no line ends in, and whether lines meet in all of them."""
        (is_corner,) = _corners(inside[None])
        return float(self._open[is_corner].mean()), bool(self._meet[is_corner].all())

    def outline(self, inside: Flags) -> Points:
        """Corners of a room, without its holes."""
        padded = np.pad(inside, 1)
        following: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for y, x in np.argwhere(inside).tolist():
            above, below = padded[y, x + 1], padded[y + 2, x + 1]
            left, right = padded[y + 1, x], padded[y + 1, x + 2]
            ways = (
                (above, (x, y), (x + 1, y)),
                (right, (x + 1, y), (x + 1, y + 1)),
                (below, (x + 1, y + 1), (x, y + 1)),
                (left, (x, y + 1), (x, y)),
            )
            for is_inside, start, end in ways:
                if not is_inside:
                    following.setdefault(start, []).append(end)
        rings = []
        while following:
            first = at = next(iter(following))
            ring = [first]
            before = (0, 0)
            while True:
                ends = following[at]
                # Where two parts of a room meet in a corner, stay in the one.
                ends.sort(
                    key=lambda end: (end[0] - at[0]) * before[1] - (end[1] - at[1]) * before[0]
                )
                end = ends.pop(0)
                if not ends:
                    del following[at]
                before, at = (end[0] - at[0], end[1] - at[1]), end
                if at == first:
                    break
                ring.append(at)
            rings.append(np.array([(self._x[x], self._y[y]) for x, y in ring]))
        return without_needless(max(rings, key=lambda ring: abs(signed_area(ring))))


def _ends(lines: _Lines, places: Floats) -> Flags:
    """Whether a stroke of each line ends at each place along it."""
    of, ends = lines.ends
    is_end = np.zeros((len(lines.at), len(places)), np.bool_)
    np.logical_or.at(is_end, of, np.abs(ends[:, None] - places) <= _END_PX)
    return is_end


def _are_at(lines: _Lines, places: Floats, low: float, high: float) -> Flags:
    """Whether each line is drawn at each place along it, or right beside it."""
    beside = 1.5 * (high - low) / _BINS
    after = _bins_between(lines.drawn, (places + beside).clip(low, high), low, high)
    before = _bins_between(lines.drawn, (places - beside).clip(low, high), low, high)
    is_at: Flags = after > before
    return is_at


def _corners(rooms: Flags) -> Flags:
    """Whether rooms have a corner at each crossing of lines: of its four cells one or three."""
    return _ends_along(_ends_along(rooms, 2), 1)


def _edges(rooms: Flags) -> tuple[Flags, Flags]:
    """Whether a room ends at each cell's left edge, and at its upper one."""
    return _ends_along(rooms, 2), _ends_along(rooms, 1)


def _ends_along(flags: Flags, axis: int) -> Flags:
    """Where flags change along an axis, before the first and after the last of which none is."""
    values = np.moveaxis(flags, axis, 0)
    changes = np.empty((len(values) + 1, *values.shape[1:]), np.bool_)
    changes[0], changes[-1] = values[0], values[-1]
    np.not_equal(values[1:], values[:-1], out=changes[1:-1])
    return np.moveaxis(changes, 0, axis)


def _over_cells(values: Floats | Flags, x: Floats, y: Floats) -> Floats:
    """Sums of a mask's values between places, shape ``(len(y) - 1, len(x) - 1)``."""
    table = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    table[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    sums: Floats = np.diff(np.diff(_between(_between(table, y).T, x).T, axis=0), axis=1)
    return sums


def _between(table: Floats, at: Floats) -> Floats:
    """Rows of a table at places between them."""
    row = at.astype(np.intp).clip(0, len(table) - 2)
    share = (at - row).clip(0, 1)[:, None]
    rows: Floats = table[row] * (1 - share) + table[row + 1] * share
    return rows


def _bins_between(drawn: Floats, at: Floats, low: float, high: float) -> Floats:
    """How much of each line is drawn up to places, shape ``(lines, places)``."""
    return _between(drawn.T, (at - low) / (high - low) * _BINS).T
