# SPDX-License-Identifier: AGPL-3.0-or-later
"""Complete a plan set whose labels lack rooms, with what a trained detector finds there.

``python -m plans.complete PLANS --network weights/rooms --out COMPLETED`` writes a new plan set
that links the pictures and holds the given boxes and, beside them, confident detections that
overlap none of them. The given boxes are never changed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plans.errors import DataError
from plans.plan_sets import Sample, read_plan_set
from roomdet.config import Config, Limits
from roomdet.detector import load_detector
from roomdet.geometry import iou_matrix
from roomdet.images import read_page
from roomdet.schema import RequestOptions

if TYPE_CHECKING:
    from roomdet.geometry import Boxes, Detections


@dataclass(frozen=True, slots=True)
class Rule:
    """Which detections become labels.

    Attributes:
        confidence: Least confidence, 0 to 1.
        iou: Largest overlap with a given box, 0 to 1; above it the room counts as labeled.
        largest_norm: Largest share of the picture, so that a plan as a whole is never added.
    """

    confidence: float = 0.5
    iou: float = 0.3
    largest_norm: float = 0.5


def missing_rooms(given_xyxy: Boxes, found: Detections, rule: Rule) -> Boxes:
    """Return the found boxes that the given ones lack, shape ``(n, 4)``, fractions of the page."""
    confident = found.boxes_xyxy[found.scores >= rule.confidence]
    areas = (confident[:, 2] - confident[:, 0]) * (confident[:, 3] - confident[:, 1])
    candidates = confident[areas <= rule.largest_norm]
    if not len(given_xyxy) or not len(candidates):
        return candidates
    apart: Boxes = candidates[iou_matrix(candidates, given_xyxy).max(axis=1) <= rule.iou]
    return apart


def complete(samples: tuple[Sample, ...], network: Path, out: Path, rule: Rule) -> tuple[int, int]:
    """Write the completed plan set; return the number of given and of added boxes."""
    limits = Limits()
    detector = load_detector(network, Config(limits=limits))
    options = RequestOptions(confidence=rule.confidence)
    for name in ("images", "labels"):
        (out / name).mkdir(parents=True, exist_ok=True)
    given = added = 0
    for number, sample in enumerate(samples, start=1):
        page = read_page(sample.path.read_bytes(), page=1, side_px=detector.input_px, limits=limits)
        labeled = sample.boxes_xyxyn
        new = missing_rooms(labeled, detector.detect(page.pixels, options), rule)
        _write(sample, np.concatenate([labeled, new]), out)
        given, added = given + len(labeled), added + len(new)
        if number % 500 == 0 or number == len(samples):
            print(f"{number} of {len(samples)} pictures, {given} boxes given, {added} added")
    return given, added


def _write(sample: Sample, corners: Boxes, out: Path) -> None:
    link = out / "images" / sample.path.name
    if not link.exists():
        link.symlink_to(sample.path.resolve())
    lines = [
        f"0 {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}\n"
        for x0, y0, x1, y1 in corners.tolist()
    ]
    labels = out / "labels" / f"{sample.path.stem}.txt"
    labels.write_text("".join(lines), encoding="ascii")


def main() -> int:
    usual = Rule()
    parser = argparse.ArgumentParser(prog="python -m plans.complete", description=__doc__)
    parser.add_argument("plans", type=Path)
    parser.add_argument("--network", type=Path, default=Path("weights/rooms"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--confidence", type=float, default=usual.confidence)
    parser.add_argument("--iou", type=float, default=usual.iou)
    args = parser.parse_args()
    try:
        plans = read_plan_set(args.plans)
    except DataError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    complete(plans.samples, args.network, args.out, Rule(args.confidence, args.iou))
    index = args.plans / "index.jsonl"
    if index.exists():
        shutil.copy(index, args.out / "index.jsonl")
    return 0


if __name__ == "__main__":
    sys.exit(main())
