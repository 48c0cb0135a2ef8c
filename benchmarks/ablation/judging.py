# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a network finds on plan sets, clean and spoilt, without a server, at its own input size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.coco import average_precision
from evaluation.corruptions import select
from evaluation.scoring import Judged
from evaluation.served import submitted
from roomdet.config import Config, Limits, Precision
from roomdet.detector import load_detector
from roomdet.geometry import Detections
from roomdet.images import read_page
from roomdet.schema import RequestOptions
from training.plan_sets import evenly_thinned, read_plan_set

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evaluation.corruptions import Corruption
    from roomdet.detector import Detector
    from training.plan_sets import PlanPicture

LIMITS = Limits()
# Fp32, because a weak network's rooms may move in bf16 so far that it refuses its golden plan.
CONFIG = Config(limits=LIMITS, precision=Precision.FP32)
LOWEST_CONFIDENCE = RequestOptions(confidence=0.01)


@dataclass(frozen=True, slots=True)
class PlanSet:
    """Real plans that no variant has seen.

    Attributes:
        pictures: All of them.
        spoilt_pictures: How many of them are spoilt at most.
    """

    pictures: list[PlanPicture]
    spoilt_pictures: int

    @classmethod
    def read(cls, folder: Path, prefix: str, *, every: int, spoilt_pictures: int) -> PlanSet:
        """Read every so many-th picture of a folder whose name begins with ``prefix``.

        Raises:
            DataError: As :func:`training.plan_sets.read_plan_set`.
        """
        return cls(read_plan_set(folder, prefix)[::every], spoilt_pictures)

    def judge(self, network: Path, spoilt: Sequence[str]) -> dict[str, object]:
        """COCO's figures of a network, on clean pages and on some that are spoilt.

        Args:
            network: Folder with ``network.json`` and what it names.
            spoilt: Names of corruptions.

        Raises:
            ModelError: If the network does not prove itself.
        """
        detector = load_detector(network, CONFIG)
        some = evenly_thinned(self.pictures, self.spoilt_pictures)
        spoilers = select(",".join(spoilt) or "none")
        return {
            "pictures": len(self.pictures),
            "clean": _figures(detector, self.pictures, None),
            "spoilt_pictures": len(some),
            "spoilt": {spoiler.name: _figures(detector, some, spoiler) for spoiler in spoilers},
        }


def _figures(
    detector: Detector, pictures: Sequence[PlanPicture], spoil: Corruption | None
) -> dict[str, float]:
    judged = [_judge(detector, picture, spoil) for picture in pictures]
    return {key: round(value, 4) for key, value in asdict(average_precision(judged)).items()}


def _judge(detector: Detector, picture: PlanPicture, spoil: Corruption | None) -> Judged:
    """Compare in the pixels of the submitted page."""
    data, truth_xyxy_px, size_wh = submitted(picture, spoil)
    page = read_page(data, page=1, side_px=detector.input_px, limits=LIMITS)
    found = detector.predict(page.pixels).rooms(LOWEST_CONFIDENCE)
    boxes_xyxy_px = found.boxes_xyxy * np.array(size_wh * 2, np.float32)
    in_px = Detections(boxes_xyxy_px, found.scores)
    return Judged(picture.path.name, truth_xyxy_px, in_px, size_wh)
