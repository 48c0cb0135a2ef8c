# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plan sets with known rooms, and COCO's average precision on them."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from roomdet.geometry import Boxes, Detections, Scores

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
# Three are asked for; an answer holds 300 rooms unless told otherwise.
MAX_FOUND = [1, 10, 300]


@dataclass(frozen=True, slots=True)
class KnownPlan:
    """A picture and its rooms.

    Attributes:
        data: The file.
        size_wh_px: Its size.
        rooms_xyxy_norm: float32, shape ``(n, 4)``, corners as fractions of the picture.
    """

    data: bytes
    size_wh_px: tuple[int, int]
    rooms_xyxy_norm: Boxes


@dataclass(frozen=True, slots=True)
class Precision:
    """COCO's figures, 0 to 1.

    Attributes:
        ap50: Average precision at IoU 0.50.
        ap50_95: The mean over IoU 0.50, 0.55 … 0.95.
        best_f1: At IoU 0.50, at the threshold that is best for this very set.
    """

    ap50: float
    ap50_95: float
    best_f1: float


def read_plan_set(folder: Path, prefix: str) -> list[KnownPlan]:
    """Read the pictures whose names begin with ``prefix``, by name.

    Raises:
        OSError: If one of them has no label file, or there is none.
    """
    paths = sorted(path for path in (folder / "images").iterdir() if path.suffix in SUFFIXES)
    plans = []
    for path in (path for path in paths if path.name.startswith(prefix)):
        text = (folder / "labels" / f"{path.stem}.txt").read_text("utf-8")
        rows = [[float(word) for word in line.split()] for line in text.splitlines()]
        table = np.array(rows, np.float32).reshape(-1, 5)
        centers, halves = table[:, 1:3], table[:, 3:] / 2
        with Image.open(path) as picture:
            size_wh_px = picture.size
        boxes = np.concatenate([centers - halves, centers + halves], axis=1)
        plans.append(KnownPlan(path.read_bytes(), size_wh_px, boxes))
    if not plans:
        raise FileNotFoundError(f"no picture {prefix}* in {folder / 'images'}")
    return plans


def precision(plans: Sequence[KnownPlan], answers: Sequence[Detections]) -> Precision:
    """Compare answers, in fractions of their pictures, with the rooms."""
    sizes = [np.array(plan.size_wh_px * 2, np.float32) for plan in plans]
    truth = [(plan.rooms_xyxy_norm * size, None) for plan, size in zip(plans, sizes, strict=True)]
    found = [
        (np.clip(answer.boxes_xyxy, 0, 1) * size, answer.scores)
        for answer, size in zip(answers, sizes, strict=True)
    ]
    with redirect_stdout(io.StringIO()):  # pycocotools reports its progress
        judge = COCOeval(_annotated(truth), _annotated(found), "bbox")
        judge.params.maxDets = MAX_FOUND
        judge.params.areaRng, judge.params.areaRngLbl = [[0.0, 1e10]], ["all"]
        judge.evaluate()
        judge.accumulate()
    # Axes: IoU, recall in steps of 0.01, class, area, number of boxes.
    curve: npt.NDArray[np.float64] = judge.eval["precision"][:, :, 0, 0, -1]
    recall = judge.params.recThrs
    at_50 = curve[0]
    f1 = 2 * at_50 * recall / np.maximum(at_50 + recall, 1e-9)
    return Precision(float(at_50.mean()), float(curve.mean()), float(f1.max()))


def _annotated(pictures: Iterable[tuple[Boxes, Scores | None]]) -> Any:
    """COCO's form of boxes; with scores, as its ``loadRes`` makes it, also where there are none."""
    annotations: list[dict[str, object]] = []
    images = []
    for image, (boxes_xyxy_px, scores) in enumerate(pictures, 1):
        images.append({"id": image})
        for place, (x0, y0, x1, y1) in enumerate(boxes_xyxy_px.astype(np.float64).tolist()):
            box = [x0, y0, x1 - x0, y1 - y0]
            annotation: dict[str, object] = {
                "id": len(annotations) + 1,  # 0 would count as no match
                "image_id": image,
                "category_id": 1,
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
            }
            if scores is not None:
                annotation["score"] = float(scores[place])
            annotations.append(annotation)
    data = COCO()
    data.dataset = {"images": images, "categories": [{"id": 1}], "annotations": annotations}
    data.createIndex()
    return data
