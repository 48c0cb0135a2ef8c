# SPDX-License-Identifier: AGPL-3.0-or-later
"""Found rooms against true ones at one threshold: precision, recall, F1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from roomdet.geometry import Boxes, Detections, iou_matrix

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

MATCH_IOU = 0.5  # a found room that overlaps a true one this much is that room


@dataclass(frozen=True, slots=True)
class EvalResult:
    """What was found on a picture beside what is there.

    Attributes:
        name: The picture's file name.
        truth_xyxy_px: float32, shape ``(n, 4)``, the true rooms.
        found: The found ones in the same pixels.
        size_wh_px: Width and height of the picture.
        spared: Also found, where the labels cannot tell whether rightly; counts neither way.
    """

    name: str
    truth_xyxy_px: Boxes
    found: Detections
    size_wh_px: tuple[int, int]
    spared: Detections | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Rooms that were found, invented and missed."""

    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float:
        """Hits of all found rooms, 0 to 1; 1 where nothing was found."""
        found = self.tp + self.fp
        return self.tp / found if found else 1.0

    @property
    def recall(self) -> float:
        """Hits of all true rooms, 0 to 1; 1 where there are none."""
        true = self.tp + self.fn
        return self.tp / true if true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where nothing is and nothing was found."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else 1.0


def count(pictures: Iterable[EvalResult], *, threshold: float) -> Counts:
    """Count over several pictures.

    Args:
        pictures: Rooms of each; a pair never spans two pictures.
        threshold: Found rooms below this confidence are left out.
    """
    each = [_count_one(picture, threshold) for picture in pictures]
    return Counts(
        sum(counts.tp for counts in each),
        sum(counts.fp for counts in each),
        sum(counts.fn for counts in each),
    )


def is_hit(picture: EvalResult, *, threshold: float) -> npt.NDArray[np.bool_]:
    """Which true rooms of a picture were found; bool, shape ``(n,)``.

    Greedily: the most confident room first takes the free true room that it overlaps most.
    """
    chosen = picture.found.scores >= threshold
    order = np.argsort(-picture.found.scores[chosen], kind="stable")
    overlap = iou_matrix(picture.found.boxes_xyxy[chosen][order], picture.truth_xyxy_px)
    is_free = np.ones(len(picture.truth_xyxy_px), np.bool_)
    for row in overlap:
        candidates = np.where(is_free, row, 0.0)
        if candidates.size and candidates.max() >= MATCH_IOU:
            is_free[candidates.argmax()] = False
    return ~is_free


def _count_one(picture: EvalResult, threshold: float) -> Counts:
    tp = int(is_hit(picture, threshold=threshold).sum())
    found = int((picture.found.scores >= threshold).sum())
    return Counts(tp, found - tp, len(picture.truth_xyxy_px) - tp)
