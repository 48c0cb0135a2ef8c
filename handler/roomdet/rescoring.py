# SPDX-License-Identifier: AGPL-3.0-or-later
"""Scores of rooms on a sheet, put right by what the page and the other rooms say of them.

The network sees a room; it does not see that a cell of a title block has no door, nor that most of
a box lies in rooms that were found for themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from roomdet.geometry import Boxes, Detections, areas

if TYPE_CHECKING:
    import numpy.typing as npt

    from roomdet.evidence import LineMap

# Rooms of at least this score have a say in what others are.
NEIGHBOR_SCORE = 0.1
# Each edge of a box is drawn that far where it has no door.
CLOSED_SHARE = 0.97
# A box so much of which lies in a larger one lies in it.
INSIDE_SHARE = 0.85
# No more of a box than this counts as lying in smaller ones, which overlap, too.
MOST_HELD = 1.5
# A box whose edge is so near to the frame of the sheet is no room, as a share of the page.
FRAME_DISTANCE = 0.004
# Log odds of a room: of the score, and what is taken off where its edges are closed, for the share
# of it that lies in smaller rooms, and for that in a surer one
# (docs/decisions/0027-sliced-inference.md).
SLOPE, OFFSET = 1.09, 0.57
CLOSED, HELD, COVERED = 0.92, 1.54, 0.55
_LEAST, _MOST = 0.01, 0.99  # of a score, so that its odds are finite


def least_score(confidence: float) -> float:
    """The lowest score that may be put right to that confidence, or has a say in it."""
    odds = (np.log(confidence / (1 - min(confidence, _MOST))) - OFFSET) / SLOPE
    return min(NEIGHBOR_SCORE, float(_share(odds)))


def rescore(rooms: Detections, lines: LineMap) -> Detections:
    """Put the scores of a sheet's rooms right.

    Args:
        rooms: Boxes as fractions of the page; all of at least ``NEIGHBOR_SCORE`` among them.
        lines: Of the page.

    Returns:
        The same rooms without those at the sheet's frame, the surest first.
    """
    rooms = _within_frame(rooms, lines)
    boxes, scores = rooms.boxes_xyxy, rooms.scores.astype(np.float64)
    clipped = scores.clip(_LEAST, _MOST)
    is_closed = lines.drawn_shares(boxes).min(axis=1, initial=1.0) >= CLOSED_SHARE
    held, covered = _shared(boxes, scores)
    odds = SLOPE * np.log(clipped / (1 - clipped)) + OFFSET
    odds -= CLOSED * is_closed + HELD * held + COVERED * covered
    order = np.argsort(-odds, kind="stable")
    return Detections(boxes[order], _share(odds[order]).astype(np.float32))


def _within_frame(rooms: Detections, lines: LineMap) -> Detections:
    frame = lines.frame()
    if frame is None:
        return rooms
    boxes = rooms.boxes_xyxy
    low, high = np.array(frame[:2]) + FRAME_DISTANCE, np.array(frame[2:]) - FRAME_DISTANCE
    is_within = ((boxes[:, :2] >= low) & (boxes[:, 2:] <= high)).all(axis=1)
    return Detections(boxes[is_within], rooms.scores[is_within])


def _shared(
    boxes: Boxes, scores: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How much of each box lies in smaller ones, by their scores, and how much in a surer one."""
    sizes = areas(boxes).astype(np.float64)
    says = scores >= NEIGHBOR_SCORE
    others, other_sizes, other_scores = boxes[says], sizes[says], scores[says]
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = (high - low).clip(0, None).prod(axis=2, dtype=np.float64)
    share = common / sizes[:, None]
    is_in_it = (common > INSIDE_SHARE * other_sizes) & (other_sizes < sizes[:, None])
    held = (share * other_scores * is_in_it).sum(axis=1).clip(0, MOST_HELD)
    is_surer = other_scores > scores[:, None]
    covered = np.where(is_surer, share, 0.0).max(axis=1, initial=0.0)
    return held, covered


def _share(odds: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
    """Log odds as a share, 0 to 1."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(odds, np.float64))))
