# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lay the sides of an outline on the inner faces of the walls, as the page's own pixels show them.

A mask is coarse where a room is large; lines are not. Each side is moved across itself, by a
little, to where ink begins, and stays where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from roomdet.contours import Points

    Gray = npt.NDArray[np.uint8]

# A side is moved by at most so many pixels of the mask, or of the page if these are more.
REACH_MASK_PX, REACH_PX = 1.5, 2.5
# What is looked at of a side: its middle part, in pieces, at so many points.
_TRIMMED, _PIECES, _POINTS_A_PIECE = 0.08, 7, 12
_STEP_PX = 0.5
# A piece has a wall where its ink rises by so much of 255; the face is where half of it is reached.
_LEAST_RISE, _HALF = 30.0, 0.5
# So many pieces must have one: doors and windows may be in the others.
_LEAST_PIECES = 3
# Ink that is no thicker than this is a line: it was drawn along its middle.
_LINE_PX = 2.5
# A side that is shorter than so many times what it may be moved by is left where it is.
_LEAST_LENGTH = 7.0
# Sides that meet at less than this (sine) are moved together.
_FLAT = 0.2


def on_faces(corners_px: Points, page: Gray, scale_xy: tuple[float, float]) -> Points:
    """A polygon whose sides lie on walls.

    Args:
        corners_px: float64, shape ``(k, 2)``, in pixels of the page, counterclockwise as seen.
        page: uint8 gray, shape ``(height, width)``.
        scale_xy: Pixels of the page per pixel of the mask.

    Returns:
        New corners, as many.
    """
    corners = corners_px[:, 0] + 1j * corners_px[:, 1]
    ends = np.roll(corners, -1)
    lengths = np.abs(ends - corners)
    along = (ends - corners) / np.maximum(lengths, 1e-9)
    out = along * 1j  # across each side, away from the room
    reach = np.maximum(
        REACH_PX,
        REACH_MASK_PX * (np.abs(out.real) * scale_xy[0] + np.abs(out.imag) * scale_xy[1]),
    )
    moves = np.array(
        [
            _move(start, end, float(most), page)
            for start, end, most in zip(corners.tolist(), ends.tolist(), reach, strict=True)
        ]
    )
    before, move_before = np.roll(along, 1), np.roll(moves, 1)
    turn = (before.conj() * along).imag
    is_flat = np.abs(turn) < _FLAT
    met = (move_before * along - moves * before) / np.where(is_flat, 1.0, turn)
    shift = np.where(is_flat, out * (moves + move_before) / 2, met)
    moved = corners + shift
    found: Points = np.stack([moved.real, moved.imag], axis=1)
    return found


def _move(start: complex, end: complex, reach_px: float, page: Gray) -> float:
    """How far a side has to go outwards to lie on a wall's face, in pixels; 0 where none is."""
    length = abs(end - start)
    if length < _LEAST_LENGTH * reach_px:
        return 0.0
    across = (end - start) / length * 1j
    share = np.linspace(_TRIMMED, 1 - _TRIMMED, _PIECES * _POINTS_A_PIECE)
    offsets = np.arange(-reach_px, reach_px + _STEP_PX, _STEP_PX)
    beyond = np.arange(1, round(_LINE_PX / _STEP_PX) + 2) * _STEP_PX + offsets[-1]
    across_px = np.concatenate([offsets, beyond])
    points = (start + (end - start) * share)[:, None] + across * across_px
    ink = 255.0 - _sampled(page, points)
    whole = ink.reshape(_PIECES, _POINTS_A_PIECE, -1).mean(axis=1)
    profiles = whole[:, : len(offsets)]
    low, high = profiles.min(axis=1), profiles.max(axis=1)
    is_dark = profiles >= (low + _HALF * (high - low))[:, None]
    first = is_dark.argmax(axis=1)
    has_wall = (high - low >= _LEAST_RISE) & (first > 0)
    if int(has_wall.sum()) < _LEAST_PIECES:
        return 0.0
    rows = np.flatnonzero(has_wall)
    at = first[rows]
    half = low[rows] + _HALF * (high - low)[rows]
    inner, outer = profiles[rows, at - 1], profiles[rows, at]
    back = (outer - half) / np.maximum(outer - inner, 1e-9)
    faces = offsets[at] - back * _STEP_PX
    is_past = (whole[rows] < half[:, None]) & (across_px > faces[:, None] + _STEP_PX)
    thickness = np.where(is_past.any(axis=1), across_px[is_past.argmax(axis=1)] - faces, np.inf)
    return float(np.median(faces + np.where(thickness <= _LINE_PX, thickness / 2, 0.0)))


def _sampled(page: Gray, points: npt.NDArray[np.complex128]) -> npt.NDArray[np.float64]:
    """Values between the pixels of a page, whose first one runs from 0 to 1."""
    height, width = page.shape
    x = (points.real - 0.5).clip(0, width - 1.001)
    y = (points.imag - 0.5).clip(0, height - 1.001)
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, below = x - column, y - row
    column_after, row_after = np.minimum(column + 1, width - 1), np.minimum(row + 1, height - 1)
    upper = page[row, column] * (1 - right) + page[row, column_after] * right
    lower = page[row_after, column] * (1 - right) + page[row_after, column_after] * right
    values: npt.NDArray[np.float64] = upper * (1 - below) + lower * below
    return values
