# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plans with known rooms, and what answers of theirs are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.coco import average_precision
from evaluation.mosaics import KnownPlan
from evaluation.scoring import Judged, count
from roomdet.geometry import Boxes, Detections
from training import plan_sets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

THRESHOLDS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True, slots=True)
class Precision:
    """Figures of a set, 0 to 1.

    Attributes:
        ap50: COCO's average precision at IoU 0.50.
        ap50_95: The mean over IoU 0.50, 0.55 … 0.95.
        best_f1: At IoU 0.50, at the one of :data:`THRESHOLDS` that is best for this very set.
    """

    ap50: float
    ap50_95: float
    best_f1: float


@dataclass(frozen=True, slots=True)
class Rooms:
    """How many and how large the rooms of a set are.

    Attributes:
        a_picture: Mean number of rooms.
        side_px: Side of the median room, the root of its area, as the network sees it.
    """

    a_picture: float
    side_px: float


def rooms_of(plans: Sequence[KnownPlan], seen_px: int) -> Rooms:
    """Count and measure the rooms of pictures whose longer sides are seen at ``seen_px``."""
    sides_px = []
    for plan in plans:
        factor = seen_px / max(plan.size_wh_px)
        corners_px = plan.rooms_xyxy_norm * np.array(plan.size_wh_px * 2) * factor
        sides_px.append(np.sqrt(np.prod(corners_px[:, 2:] - corners_px[:, :2], axis=1)))
    every = np.concatenate(sides_px)
    median_px = float(np.median(every)) if every.size else 0.0
    return Rooms(round(every.size / len(plans), 1), round(median_px, 1))


def read_plan_set(folder: Path, prefix: str) -> list[KnownPlan]:
    """Read the pictures whose names begin with ``prefix``, by name.

    Raises:
        DataError: If one of them has no labels, or there is none.
    """
    return [KnownPlan.read(picture) for picture in plan_sets.read_plan_set(folder, prefix)]


def precision(plans: Sequence[KnownPlan], answers: Sequence[Detections]) -> Precision:
    """Compare answers, in fractions of their pictures, with the rooms."""
    judged = [_judged(plan, answer) for plan, answer in zip(plans, answers, strict=True)]
    coco = average_precision(judged)
    f1 = max(count(judged, threshold=float(threshold)).f1 for threshold in THRESHOLDS)
    return Precision(coco.ap50, coco.ap50_95, f1)


def _judged(plan: KnownPlan, answer: Detections) -> Judged:
    size_px = np.array(plan.size_wh_px * 2, np.float32)
    boxes: Boxes = np.clip(answer.boxes_xyxy, 0, 1) * size_px
    found = Detections(boxes, answer.scores)
    return Judged("", plan.rooms_xyxy_norm * size_px, found, plan.size_wh_px)
