# SPDX-License-Identifier: AGPL-3.0-or-later
"""Compare what we answer with what ultralytics' own ``predict`` finds, with the same checkpoint.

``python -m evaluation.parity PICTURES…`` compares float boxes before rounding, in fp32 and bf16;
with ``--url`` also the integers that a running server answers. JSON goes to standard output.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ultralytics import YOLO

from evaluation.reference import predict_page
from roomdet.config import Config, Limits, Precision
from roomdet.detector import load_detector
from roomdet.geometry import GRID, Boxes, Detections, iou_matrix
from roomdet.images import read_page
from roomdet.schema import Detail, RequestOptions
from roomdet_client.client import detect

if TYPE_CHECKING:
    from collections.abc import Sequence

SAME_IOU = 0.98  # a float box that overlaps its reference this much is the same box
SERVED_CONFIDENCE = 0.30  # integers are compared for detections this certain …
SERVED_EDGE = 2  # … and may differ by this many of 1000


@dataclass(slots=True)
class Agreement:
    """How far two lists of rooms agree, over several pictures.

    Attributes:
        reference: Rooms of the reference.
        found: Rooms of ours.
        matched: Rooms of the reference that have a partner among ours, one to one.
        largest_score_difference: Over the matched rooms.
        largest_edge_difference: Over the matched rooms, of 1000.
    """

    reference: int = 0
    found: int = 0
    matched: int = 0
    largest_score_difference: float = 0.0
    largest_edge_difference: float = 0.0

    @property
    def share(self) -> float:
        """Matched rooms of all rooms in either list that could be matched, 0 to 1."""
        most = max(self.reference, self.found)
        return self.matched / most if most else 1.0

    def add(self, reference: Detections, found: Detections, same: np.ndarray) -> None:
        """Count one picture.

        Args:
            reference: Rooms of the reference, boxes as fractions of the page.
            found: Rooms of ours, likewise.
            same: bool, shape ``(len(reference), len(found))``: which pairs count as the same box.
        """
        self.reference += len(reference)
        self.found += len(found)
        free = same.copy()
        for row in range(len(reference)):
            partners = np.flatnonzero(free[row])
            if not partners.size:
                continue
            column = partners[0]
            free[:, column] = False
            self.matched += 1
            edges = np.abs(reference.boxes_xyxy[row] - found.boxes_xyxy[column]) * GRID
            score = abs(float(reference.scores[row] - found.scores[column]))
            self.largest_edge_difference = max(self.largest_edge_difference, float(edges.max()))
            self.largest_score_difference = max(self.largest_score_difference, score)


def compare_floats(
    pictures: Sequence[bytes], checkpoint: Path, network: Path, precision: Precision
) -> Agreement:
    """Compare boxes before rounding, at the default thresholds, on the same letterbox."""
    model = YOLO(checkpoint)
    detector = load_detector(network, Config(precision=precision))
    options = RequestOptions()
    agreement = Agreement()
    for data in pictures:
        page = read_page(data, page=1, side_px=detector.input_px, limits=Limits())
        reference = predict_page(model, page.pixels, options, detector.input_px)
        found = detector.detect(page.pixels, options)
        same = iou_matrix(reference.boxes_xyxy, found.boxes_xyxy) >= SAME_IOU
        agreement.add(reference, found, same)
    return agreement


def compare_served(pictures: Sequence[bytes], checkpoint: Path, url: str) -> Agreement:
    """Compare the integers that a server answers of one look, for rooms of at least 0.30."""
    model = YOLO(checkpoint)
    agreement = Agreement()
    for data in pictures:
        page = read_page(data, page=1, side_px=640, limits=Limits())
        reference = _certain(predict_page(model, page.pixels, RequestOptions(), 640))
        served = _certain(_served(data, url))
        distance = np.abs(reference.boxes_xyxy[:, None] - served.boxes_xyxy[None]).max(axis=2)
        agreement.add(reference, served, distance * GRID <= SERVED_EDGE)
    return agreement


def _served(data: bytes, url: str) -> Detections:
    rooms = detect(data, url=url, options={"detail": Detail.PAGE}).rooms
    boxes: Boxes = np.array([room.box_xyxy_grid for room in rooms], np.float32).reshape(-1, 4)
    return Detections(
        boxes / np.float32(GRID), np.array([room.confidence for room in rooms], np.float32)
    )


def _certain(found: Detections) -> Detections:
    chosen = found.scores >= SERVED_CONFIDENCE
    return Detections(found.boxes_xyxy[chosen], found.scores[chosen])


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.parity", description=__doc__)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--checkpoint", type=Path, default=Path("weights/rooms.pt"))
    parser.add_argument("--network", type=Path, default=Path("weights/rooms"))
    parser.add_argument("--url", help="address of a running server, such as http://127.0.0.1:8080")
    args = parser.parse_args(argv)
    pictures = [path.read_bytes() for path in args.pictures]
    report: dict[str, object] = {"pictures": len(pictures)}
    for precision in (Precision.FP32, Precision.BF16):
        agreement = compare_floats(pictures, args.checkpoint, args.network, precision)
        report[precision] = {**asdict(agreement), "share": agreement.share}
    if args.url:
        agreement = compare_served(pictures, args.checkpoint, args.url)
        report["served"] = {**asdict(agreement), "share": agreement.share}
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
