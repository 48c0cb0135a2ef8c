# SPDX-License-Identifier: AGPL-3.0-or-later
"""One answer from what was found on several levels of a page: pure functions of arrays.

A room is seen on every level, at twice the size on the next. The network judges it best where its
size is one that it was trained on, so the levels vote by size; a level that finds nothing where it
should votes, too, which is what removes boxes around several rooms and pieces of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from roomdet.geometry import (
    Boxes,
    Detections,
    Scores,
    iou_matrix,
    non_maximum_suppression,
)
from roomdet.stitching import cut_edges, stitch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet.slices import Slice

# Sides of rooms (root of the area, px) that the network starts to know and knows, and knows and no
# longer does: where recall falls on sheets whose rooms are labeled, level by level
# (docs/decisions/0027-sliced-inference.md).
KNOWN_FROM_PX, KNOWN_TO_PX = (20.0, 45.0), (220.0, 420.0)
# What a level that does not know a size still counts, so that a room of any size has a judge.
LEAST_WEIGHT = 1e-3
# A candidate that only levels judge which do not know its size goes last, but goes.
UNKNOWN_SHARE = 0.25
# Work grows with candidates times rooms. Apartments of a whole floor have 3,000; hatches may have
# any number.
MOST_CANDIDATES = 8000
# Candidates that overlap a surer one by more than this are the same room, seen again; those that
# agree with it by this much share in its corners.
SAME_IOU, VOTERS_IOU = 0.5, 0.7


@dataclass(frozen=True, slots=True)
class Level:
    """What was found on one level of a page.

    Attributes:
        size_wh_px: Size of the page on this level.
        slices: Parts that were looked at; the others have no say in what lies there.
        boxes_xyxy: float32, shape ``(n, 4)``, corners in pixels of the level.
        scores: float32, shape ``(n,)``, 0 to 1.
    """

    size_wh_px: tuple[int, int]
    slices: tuple[Slice, ...]
    boxes_xyxy: Boxes
    scores: Scores

    @classmethod
    def of(cls, found: Sequence[tuple[Slice, Detections]], size_wh_px: tuple[int, int]) -> Level:
        """A level without what its slices cut, and with what runs through several of them.

        Args:
            found: Slices and what was found on each, in pixels of the level.
            size_wh_px: Size of the page on this level.
        """
        stitched = stitch(found, size_wh_px)
        boxes, scores = [stitched.boxes_xyxy], [stitched.scores]
        for part, rooms in found:
            is_whole = ~cut_edges(rooms.boxes_xyxy, part, size_wh_px).any(axis=1)
            boxes.append(rooms.boxes_xyxy[is_whole])
            scores.append(rooms.scores[is_whole])
        parts = tuple(part for part, _ in found)
        return cls(size_wh_px, parts, np.concatenate(boxes), np.concatenate(scores))


def known(sides_px: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How well the network knows rooms of a size, 0 to 1.

    Args:
        sides_px: Root of the area in pixels of the canvas, any shape.
    """
    log = np.log(np.maximum(sides_px, 1.0))
    rise, fall = (
        np.clip((log - np.log(low)) / np.log(high / low), 0.0, 1.0)
        for low, high in (KNOWN_FROM_PX, KNOWN_TO_PX)
    )
    weights: npt.NDArray[np.float64] = rise * (1 - fall)
    return weights


def merge(levels: Sequence[Level], *, confidence: float, iou: float) -> Detections:
    """Make one answer of several levels.

    Args:
        levels: What was found on each, cut boxes left out, down to a low score: every candidate
            is a vote.
        confidence: Rooms below this are left out; 0 to 1.
        iou: Of two rooms that overlap by more than this the surer one is kept; 0 to 1.

    Returns:
        Boxes as fractions of the page, none of them empty, the surest first; scores 0 to 1.
    """
    pool = _Pool.of(levels)
    boxes: list[npt.NDArray[np.float64]] = []
    bests: list[int] = []
    said: list[npt.NDArray[np.float32]] = []
    left = np.arange(len(pool.scores))
    # A room's score is a mean of what was said of it: none comes of what is ranked lower still.
    while left.size and pool.ranks[left[0]] >= UNKNOWN_SHARE * confidence:
        best = left[0]
        overlaps = iou_matrix(pool.boxes_xyxy[left[:1]], pool.boxes_xyxy[left])[0]
        is_same = overlaps > SAME_IOU
        is_same[0] = True
        same = left[is_same]
        if pool.scores[same].max() >= confidence:
            voters = same[(overlaps[is_same] >= VOTERS_IOU) | (same == best)]
            weights = pool.votes[voters]
            boxes.append(weights @ pool.boxes_xyxy[voters] / weights.sum())
            bests.append(int(best))
            said.append(pool.said(same, len(levels)))
        left = left[~is_same]
    found = np.array(boxes, np.float64).reshape(-1, 4) / pool.size_wh_twice
    fractions = np.clip(found, 0, 1).astype(np.float32)
    sure = _scores(pool, levels, np.array(bests, np.int64), np.array(said, np.float64))
    is_room = (fractions[:, 2:] > fractions[:, :2]).all(axis=1) & (sure >= confidence)
    rooms = Detections(fractions[is_room], sure[is_room])
    return non_maximum_suppression(rooms, iou=iou, max_count=len(rooms))


@dataclass(frozen=True, slots=True)
class _Pool:
    """Candidates of all levels, in pixels of the finest one, the surest first.

    Attributes:
        boxes_xyxy: float32, shape ``(n, 4)``.
        scores: float32, shape ``(n,)``, as the network said.
        ranks: The same, less where the network does not know the size.
        levels: Which level each is of.
        votes: What each counts for the corners of its room.
        size_wh_twice: Width, height, width and height of the page.
    """

    boxes_xyxy: Boxes
    scores: Scores
    ranks: npt.NDArray[np.float64]
    levels: npt.NDArray[np.int64]
    votes: npt.NDArray[np.float64]
    size_wh_twice: npt.NDArray[np.float64]

    @classmethod
    def of(cls, levels: Sequence[Level]) -> _Pool:
        """Gather the candidates of all levels."""
        size_wh_twice = np.array(levels[-1].size_wh_px * 2, np.float64)
        boxes = np.concatenate(
            [
                level.boxes_xyxy * (size_wh_twice / (level.size_wh_px * 2)).astype(np.float32)
                for level in levels
            ]
        )
        scores = np.concatenate([level.scores for level in levels])
        numbers = np.repeat(np.arange(len(levels)), [len(level.scores) for level in levels])
        sides_px = np.concatenate([_sides(level.boxes_xyxy) for level in levels])
        weights = known(sides_px)
        ranks = scores * (UNKNOWN_SHARE + (1 - UNKNOWN_SHARE) * weights)
        order = np.lexsort((boxes[:, 0], boxes[:, 1], -ranks))[:MOST_CANDIDATES]
        votes = (weights + LEAST_WEIGHT) * scores.astype(np.float64) ** 2 * (sides_px + 1)
        return cls(
            boxes[order], scores[order], ranks[order], numbers[order], votes[order], size_wh_twice
        )

    def said(self, candidates: npt.NDArray[np.int64], count: int) -> Scores:
        """The highest score of some candidates on each of so many levels; 0 where none is."""
        highest = np.zeros(count, np.float32)
        np.maximum.at(highest, self.levels[candidates], self.scores[candidates])
        return highest


def _scores(
    pool: _Pool,
    levels: Sequence[Level],
    bests: npt.NDArray[np.int64],
    said: npt.NDArray[np.float64],
) -> Scores:
    """Mean of what the levels say of rooms, by how well each knows their size and has seen them.

    Args:
        pool: All candidates.
        levels: What was found on each.
        bests: Of each room the surest candidate.
        said: Shape ``(rooms, levels)``, what each level says; 0 where it says nothing.
    """
    total = weights = np.zeros(len(bests))
    for level, scores in zip(levels, said.reshape(-1, len(levels)).T, strict=True):
        here = pool.boxes_xyxy[bests] * (level.size_wh_px * 2 / pool.size_wh_twice)
        has_say = (scores > 0) | _are_seen(here, level)
        weight = np.where(has_say, known(_sides(here)) + LEAST_WEIGHT, 0.0)
        weights = weights + weight
        total = total + weight * scores
    return (total / weights).astype(np.float32)


def _are_seen(boxes_xyxy: npt.NDArray[np.floating], level: Level) -> npt.NDArray[np.bool_]:
    """Of which boxes some slice shows all."""
    is_seen = np.zeros(len(boxes_xyxy), np.bool_)
    for part in level.slices:
        is_seen |= ~cut_edges(boxes_xyxy, part, level.size_wh_px).any(axis=1)
    return is_seen


def _sides(boxes_xyxy: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    widths, heights = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).clip(0, None).T.astype(np.float64)
    sides: npt.NDArray[np.float64] = np.sqrt(widths * heights)
    return sides
