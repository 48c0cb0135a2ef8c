# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ways to make one answer of overlapping boxes: pure functions of the passes' detections."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from roomdet.geometry import Boxes, Detections, Scores, iou_matrix, non_maximum_suppression

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ROOMS = 300
FORGOTTEN = 0.001  # a score that soft suppression has pressed below this is no room

Merge: TypeAlias = Callable[[list[Detections]], Detections]
Change: TypeAlias = Callable[[Detections], Detections]


def suppressed(iou: float) -> Merge:
    """As served: of boxes that overlap by more than ``iou`` the most confident one stays."""
    return lambda passes: non_maximum_suppression(_all_of(passes), iou=iou, max_count=MAX_ROOMS)


def soft(sigma: float, *, iou: float = 1.0) -> Merge:
    """Overlapped boxes lose confidence instead of being dropped, up to an overlap of ``iou``.

    Source:
        Bodla et al., Soft-NMS, arXiv 1704.04503: a factor of ``exp(-overlap² / sigma)``.
    """

    def merge(passes: list[Detections]) -> Detections:
        found = _all_of(passes)
        boxes, scores = found.boxes_xyxy, found.scores.astype(np.float64)
        rest = np.arange(len(scores))
        kept: list[int] = []
        kept_scores: list[float] = []
        while rest.size and len(kept) < MAX_ROOMS:
            place = int(scores[rest].argmax())
            best, rest = int(rest[place]), np.delete(rest, place)
            kept.append(best)
            kept_scores.append(float(scores[best]))
            overlap = iou_matrix(boxes[best : best + 1], boxes[rest])[0]
            scores[rest] *= np.exp(-(overlap**2) / sigma)
            rest = rest[(scores[rest] >= FORGOTTEN) & (overlap <= iou)]
        return Detections(boxes[kept], np.array(kept_scores, np.float32))

    return merge


def distant(iou: float) -> Merge:
    """Suppression where boxes with centers far apart may overlap more.

    Source:
        Zheng et al., Distance-IoU, arXiv 1911.08287: overlap less the squared distance of the
        centers over the squared diagonal of the box around both.
    """

    def merge(passes: list[Detections]) -> Detections:
        found = _sorted(_all_of(passes))
        boxes = found.boxes_xyxy
        rest = np.arange(len(found))
        kept: list[int] = []
        while rest.size and len(kept) < MAX_ROOMS:
            best, rest = int(rest[0]), rest[1:]
            kept.append(best)
            rest = rest[_distance_iou(boxes[best], boxes[rest]) <= iou]
        return Detections(boxes[kept], found.scores[kept])

    return merge


def voted(iou: float, *, voters_iou: float) -> Merge:
    """Suppression; a kept box is then the mean, by confidence, of what overlaps it so much.

    Source:
        Gidaris and Komodakis, box voting, arXiv 1505.01749.
    """

    def merge(passes: list[Detections]) -> Detections:
        found = _all_of(passes)
        kept = non_maximum_suppression(found, iou=iou, max_count=MAX_ROOMS)
        weights = found.scores * (iou_matrix(kept.boxes_xyxy, found.boxes_xyxy) >= voters_iou)
        boxes: Boxes = (weights @ found.boxes_xyxy) / weights.sum(axis=1, keepdims=True)
        return Detections(boxes, kept.scores)

    return merge


def fused(iou: float, *, each_iou: float = 0.6) -> Merge:
    """Weighted box fusion of passes, each suppressed by itself with ``each_iou``.

    A room's box is the mean of its boxes by confidence; its confidence is their sum over the number
    of passes, so that a room seen in one pass of four has a quarter.

    Source:
        Solovyev et al., Weighted boxes fusion, arXiv 1910.13302.
    """

    def merge(passes: list[Detections]) -> Detections:
        kept = [non_maximum_suppression(one, iou=each_iou, max_count=MAX_ROOMS) for one in passes]
        found = _sorted(_all_of(kept))
        sums = np.zeros((len(found), 5))  # of each room: box times confidence, confidence
        means = np.zeros((len(found), 4), np.float32)
        rooms = 0
        for box, score in zip(found.boxes_xyxy, found.scores, strict=True):
            overlap = iou_matrix(box[None], means[:rooms])[0]
            room = int(overlap.argmax()) if rooms and overlap.max() > iou else rooms
            rooms = max(rooms, room + 1)
            sums[room] += [*(box * score), score]
            means[room] = sums[room, :4] / sums[room, 4]
        scores: Scores = np.minimum(sums[:rooms, 4] / len(passes), 1).astype(np.float32)
        merged = _sorted(Detections(means[:rooms], scores))
        return Detections(merged.boxes_xyxy[:MAX_ROOMS], merged.scores[:MAX_ROOMS])

    return merge


def then(merge: Merge, *changes: Change) -> Merge:
    """A merge, and changes of its answer one after the other."""

    def merged(passes: list[Detections]) -> Detections:
        found = merge(passes)
        for change in changes:
            found = _sorted(change(found))
        return found

    return merged


def demote_covered(share: float, factor: float) -> Change:
    """A box that lies in a better one by this share of its area keeps this factor of its score."""

    def change(found: Detections) -> Detections:
        inside = _share_inside(found.boxes_xyxy, found.boxes_xyxy)
        is_covered = (np.tril(inside, -1) > share).any(axis=1)  # better ones come first
        return Detections(found.boxes_xyxy, found.scores * np.where(is_covered, factor, 1))

    return change


def demote_containers(count: int, filled: float, factor: float) -> Change:
    """A box around ``count`` boxes that fill it so far keeps this factor of its score.

    Boxes with less than half of its own score do not count as being in it.
    """

    def change(found: Detections) -> Detections:
        boxes, scores = found.boxes_xyxy, found.scores
        inside = _share_inside(boxes, boxes).T > 0.9  # noqa: PLR2004  # row: box, column: in it
        inside &= scores[None] >= scores[:, None] / 2
        np.fill_diagonal(inside, val=False)
        areas = _areas(boxes)
        share = (inside * areas[None]).sum(axis=1) / np.maximum(areas, 1e-12)
        is_container = (inside.sum(axis=1) >= count) & (share >= filled)
        return Detections(boxes, scores * np.where(is_container, factor, 1).astype(np.float32))

    return change


def _all_of(passes: Sequence[Detections]) -> Detections:
    return Detections(
        np.concatenate([found.boxes_xyxy for found in passes]),
        np.concatenate([found.scores for found in passes]),
    )


def _sorted(found: Detections) -> Detections:
    order = np.argsort(-found.scores, kind="stable")
    return Detections(found.boxes_xyxy[order], found.scores[order])


def _areas(boxes_xyxy: Boxes) -> npt.NDArray[np.float32]:
    areas: npt.NDArray[np.float32] = np.prod(
        np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0, None), axis=1
    )
    return areas


def _share_inside(boxes_xyxy: Boxes, others_xyxy: Boxes) -> npt.NDArray[np.float32]:
    """Share of each box's area (row) that lies in each other one (column), 0 to 1."""
    low = np.maximum(boxes_xyxy[:, None, :2], others_xyxy[None, :, :2])
    high = np.minimum(boxes_xyxy[:, None, 2:], others_xyxy[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    share: npt.NDArray[np.float32] = common / np.maximum(_areas(boxes_xyxy)[:, None], 1e-12)
    return share


def _distance_iou(box_xyxy: Boxes, others_xyxy: Boxes) -> npt.NDArray[np.float32]:
    overlap = iou_matrix(box_xyxy[None], others_xyxy)[0]
    around = np.maximum(box_xyxy[2:], others_xyxy[:, 2:]) - np.minimum(
        box_xyxy[:2], others_xyxy[:, :2]
    )
    apart = (box_xyxy[:2] + box_xyxy[2:] - others_xyxy[:, :2] - others_xyxy[:, 2:]) / 2
    distance: npt.NDArray[np.float32] = (apart**2).sum(axis=1) / np.maximum(
        (around**2).sum(axis=1), 1e-12
    )
    result: npt.NDArray[np.float32] = overlap - distance
    return result
