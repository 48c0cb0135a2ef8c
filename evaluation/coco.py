# SPDX-License-Identifier: AGPL-3.0-or-later
"""COCO average precision of one class, as pycocotools computes it."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from evaluation.scoring import EvalResult
    from roomdet.geometry import Boxes, Scores

# COCO counts 100 boxes a picture; office floors have more rooms than that, so we count as many as
# an answer holds by default.
MAX_BOXES = 300
_CLASS = 1
_ALL_AREAS = [[0.0, 1e10]]


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """COCO figures, each 0 to 1.

    Attributes:
        ap50: Average precision at IoU 0.50.
        ap75: At IoU 0.75.
        ap50_95: Mean over IoU 0.50 to 0.95 in steps of 0.05, COCO's own "AP".
        ar50_95: Recall of all found boxes, averaged over the same IoUs.
    """

    ap50: float
    ap75: float
    ap50_95: float
    ar50_95: float


def average_precision(
    pictures: Sequence[EvalResult], max_boxes: int = MAX_BOXES
) -> AveragePrecision:
    """Compute COCO's figures.

    Args:
        pictures: Every found box counts, so they should reach down to the lowest confidence.
        max_boxes: COCO's maxDets: of a picture's boxes only so many, the most confident, count.

    Raises:
        ValueError: If no picture has a true room.
    """
    if not any(len(picture.truth_xyxy_px) for picture in pictures):
        raise ValueError("no picture has a room, so there is no precision to average")
    with redirect_stdout(io.StringIO()):  # pycocotools reports its progress
        truth = _annotated(len(pictures), ((picture.truth_xyxy_px, None) for picture in pictures))
        found = _annotated(
            len(pictures),
            ((picture.found.boxes_xyxy, picture.found.scores) for picture in pictures),
        )
        judge = COCOeval(truth, found, "bbox")
        judge.params.maxDets = [1, 10, max_boxes]  # pycocotools wants three
        judge.params.areaRng, judge.params.areaRngLbl = _ALL_AREAS, ["all"]
        judge.evaluate()
        judge.accumulate()
    # Axes: IoU, recall, class, area, number of boxes.
    precision: npt.NDArray[np.float64] = judge.eval["precision"][:, :, 0, 0, -1].mean(axis=1)
    recall: npt.NDArray[np.float64] = judge.eval["recall"][:, 0, 0, -1]
    ious = judge.params.iouThrs.round(2).tolist()
    return AveragePrecision(
        ap50=float(precision[ious.index(0.5)]),
        ap75=float(precision[ious.index(0.75)]),
        ap50_95=float(precision.mean()),
        ar50_95=float(recall.mean()),
    )


def _annotated(pictures: int, boxes: Iterable[tuple[Boxes, Scores | None]]) -> Any:
    """A COCO data set; with scores, as :meth:`COCO.loadRes` would make it, also without boxes."""
    annotations: list[dict[str, object]] = []
    for picture, (boxes_xyxy_px, scores) in enumerate(boxes, 1):
        for number, box in enumerate(boxes_xyxy_px.astype(np.float64)):
            width, height = (box[2:] - box[:2]).tolist()
            annotation: dict[str, object] = {
                "id": len(annotations) + 1,  # 0 would count as no match
                "image_id": picture,
                "category_id": _CLASS,
                "bbox": [*box[:2].tolist(), width, height],
                "area": width * height,
                "iscrowd": 0,
            }
            if scores is not None:
                annotation["score"] = float(scores[number])
            annotations.append(annotation)
    data = COCO()
    data.dataset = {
        "images": [{"id": picture} for picture in range(1, pictures + 1)],
        "categories": [{"id": _CLASS, "name": "room"}],
        "annotations": annotations,
    }
    data.createIndex()
    return data
