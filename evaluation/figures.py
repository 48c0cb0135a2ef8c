# SPDX-License-Identifier: AGPL-3.0-or-later
"""All figures of a list of judged pictures, as the reports hold them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from evaluation.coco import MAX_BOXES, average_precision
from evaluation.scoring import count, is_hit
from roomdet.schema import RequestOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from evaluation.scoring import EvalResult

THRESHOLD = RequestOptions().confidence
# Sides of rooms, the root of the area, in percent of the page's longer side: 6.4 px of 640 are 1 %.
SIZES_PERCENT = (0, 1, 2, 4, 8)
_DECIMALS = 4


def figures(judged: Sequence[EvalResult], max_boxes: int = MAX_BOXES) -> dict[str, float]:
    """COCO's figures, and precision, recall and F1 at :data:`THRESHOLD`; 0 to 1, four decimals.

    Args:
        judged: Found boxes should reach down to the lowest confidence.
        max_boxes: COCO's maxDets.

    Raises:
        ValueError: If no picture has a true room.
    """
    counts = count(judged, threshold=THRESHOLD)
    values = asdict(average_precision(judged, max_boxes)) | {
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
    }
    return {name: round(value, _DECIMALS) for name, value in values.items()}


def recall_by_size(judged: Sequence[EvalResult]) -> list[dict[str, float | None]]:
    """Recall at :data:`THRESHOLD` of small rooms, of larger ones, and so on.

    Returns:
        For each of :data:`SIZES_PERCENT`: ``from_percent``, how many ``rooms`` are at least so
        large and smaller than the next size, and their ``recall``, 0 to 1, None without rooms.
    """
    sides_percent = np.concatenate([_sides_percent(picture) for picture in judged])
    hits = np.concatenate([is_hit(picture, threshold=THRESHOLD) for picture in judged])
    step = np.digitize(sides_percent, SIZES_PERCENT) - 1
    return [
        {
            "from_percent": low,
            "rooms": int((step == number).sum()),
            "recall": _mean(hits[step == number]),
        }
        for number, low in enumerate(SIZES_PERCENT)
    ]


def _sides_percent(picture: EvalResult) -> npt.NDArray[np.float64]:
    corners_px = picture.truth_xyxy_px.astype(np.float64)
    sides_px = np.sqrt(np.prod(corners_px[:, 2:] - corners_px[:, :2], axis=1))
    sides: npt.NDArray[np.float64] = sides_px / max(picture.size_wh_px) * 100
    return sides


def _mean(hits: npt.NDArray[np.bool_]) -> float | None:
    return round(float(hits.mean()), _DECIMALS) if hits.size else None
