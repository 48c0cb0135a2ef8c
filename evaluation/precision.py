# SPDX-License-Identifier: AGPL-3.0-or-later
"""What answers are worth on pictures whose rooms are known, in figures of a set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.coco import average_precision
from evaluation.scoring import EvalResult, count
from roomdet.geometry import Boxes, Detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.mosaics import KnownPlan

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


def precision(plans: Sequence[KnownPlan], answers: Sequence[Detections]) -> Precision:
    """Compare answers, in fractions of their pictures, with the rooms.

    Raises:
        ValueError: If no picture has a room.
    """
    judged = [_judged(plan, answer) for plan, answer in zip(plans, answers, strict=True)]
    coco = average_precision(judged)
    f1 = max(count(judged, threshold=float(threshold)).f1 for threshold in THRESHOLDS)
    return Precision(coco.ap50, coco.ap50_95, f1)


def _judged(plan: KnownPlan, answer: Detections) -> EvalResult:
    size_px = np.array(plan.size_wh_px * 2, np.float32)
    boxes: Boxes = np.clip(answer.boxes_xyxy, 0, 1) * size_px
    found = Detections(boxes, answer.scores)
    return EvalResult("", plan.rooms_xyxy_norm * size_px, found, plan.size_wh_px)
