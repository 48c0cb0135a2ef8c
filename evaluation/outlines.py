# SPDX-License-Identifier: AGPL-3.0-or-later
"""How good the outlines of found rooms are: ``python -m evaluation.outlines --sheets FOLDER``.

The folder is a plan set with ``rooms.jsonl``, one line a picture: ``{"image": …, "rooms":
[{"polygon": [[x, y], …]}, …]}`` in pixels, as :mod:`plans.synth` writes it. The rooms are found in
this process, as a worker finds them. Sheets may be labeled in part.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from evaluation.coco import average_precision
from evaluation.figures import THRESHOLD
from evaluation.scoring import MATCH_IOU, EvalResult
from evaluation.sheets import MAX_ROOMS, near_labels
from roomdet.config import Config, Limits
from roomdet.detector import load_detector
from roomdet.geometry import Detections, fit_within, fractions_to_grid, iou_matrix
from roomdet.images import LargePage, read_page
from roomdet.inspection import Ceiling, Inspection
from roomdet.outlines import MOST_PX, Outline, OutlineNetwork
from roomdet.schema import RequestOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from roomdet.detector import OpenVinoDetector
    from roomdet.geometry import Boxes

    Points = npt.NDArray[np.float64]

LEAST_CONFIDENCE = 0.01  # what average precision is computed from
_SECONDS = 600.0  # a page may take
_RASTER_PX = 1024  # longer side of the window in which two polygons are compared
_SHIFT_BITS = 4  # OpenCV takes coordinates in 1/16 pixel
TRUTH, FOUND, BOX = "#128a2e", "#e00000", "#e0a000"
_DRAWN_PX = 2800


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, what is known of it and what was found.

    Attributes:
        path: Its file.
        size_wh: In pixels.
        truth: Each room's corners in pixels, float64, shape ``(k, 2)``.
        found: Rooms from :data:`LEAST_CONFIDENCE` on, as fractions of the picture.
        outlines: One of each found room.
        seconds: What the outlines took.
    """

    path: Path
    size_wh: tuple[int, int]
    truth: list[Points]
    found: Detections
    outlines: list[Outline]
    seconds: float

    @property
    def truth_xyxy_px(self) -> Boxes:
        """The true rooms' boxes, float32, shape ``(n, 4)``."""
        boxes = [np.concatenate([points.min(axis=0), points.max(axis=0)]) for points in self.truth]
        return np.array(boxes, np.float32).reshape(-1, 4)

    def judged(self, boxes_norm: Boxes) -> EvalResult:
        """The picture as :mod:`evaluation.coco` judges it, with other corners perhaps."""
        grid = fractions_to_grid(boxes_norm) / 1000 * np.array(self.size_wh * 2)
        found = Detections(grid.astype(np.float32), self.found.scores)
        return near_labels(EvalResult(self.path.name, self.truth_xyxy_px, found, self.size_wh))

    def refined(self) -> Boxes:
        """The found boxes, those with a polygon with its extent instead."""
        boxes = self.found.boxes_xyxy.copy()
        for box, outline in zip(boxes, self.outlines, strict=True):
            if outline.polygon is not None:
                box[:] = [*outline.polygon.min(axis=0), *outline.polygon.max(axis=0)]
        return boxes

    def matches(self) -> list[tuple[int, int]]:
        """Indices of found and true rooms that are the same, the most confident first."""
        sure = int((self.found.scores >= THRESHOLD).sum())
        boxes = self.found.boxes_xyxy[:sure] * np.array(self.size_wh * 2, np.float32)
        overlap = iou_matrix(boxes, self.truth_xyxy_px)
        pairs = []
        for row in range(sure):
            best = int(overlap[row].argmax()) if overlap.shape[1] else 0
            if overlap.shape[1] and overlap[row, best] >= MATCH_IOU:
                overlap[:, best] = 0
                pairs.append((row, best))
        return pairs


def polygon_iou(one: Points, other: Points) -> float:
    """Intersection over union of two polygons, to about 0.002."""
    low = np.minimum(one.min(axis=0), other.min(axis=0))
    high = np.maximum(one.max(axis=0), other.max(axis=0))
    scale = _RASTER_PX / float((high - low).max())
    width, height = (np.ceil((high - low) * scale).astype(int) + 1).tolist()
    masks = []
    for corners in (one, other):
        mask = np.zeros((height, width), np.uint8)
        points = np.rint(((corners - low) * scale - 0.5) * (1 << _SHIFT_BITS)).astype(np.int32)
        cv2.fillPoly(mask, [points], 1, shift=_SHIFT_BITS)
        masks.append(mask.astype(bool))
    union = int((masks[0] | masks[1]).sum())
    return int((masks[0] & masks[1]).sum()) / union if union else 0.0


def report(pictures: Sequence[Picture]) -> dict[str, Any]:
    """The figures of a set."""
    ious, box_ious, without = [], [], []
    for picture in pictures:
        size = np.array(picture.size_wh, np.float64)
        for found, true in picture.matches():
            outline = picture.outlines[found]
            x0, y0, x1, y1 = picture.found.boxes_xyxy[found].astype(np.float64)
            box = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) * size
            box_ious.append(polygon_iou(box, picture.truth[true]))
            if outline.polygon is None:
                without.append(outline.reason)
            else:
                ious.append(polygon_iou(outline.polygon * size, picture.truth[true]))
    before = average_precision([one.judged(one.found.boxes_xyxy) for one in pictures], MAX_ROOMS)
    after = average_precision([one.judged(one.refined()) for one in pictures], MAX_ROOMS)
    return {
        "pictures": len(pictures),
        "true_rooms": sum(len(picture.truth) for picture in pictures),
        "found_rooms": len(box_ious),
        "with_polygon": round(len(ious) / max(1, len(box_ious)), 4),
        "without": {reason: without.count(reason) for reason in sorted(set(without))},
        "iou_of_polygons": _spread(ious),
        "iou_of_boxes_instead": _spread(box_ious),
        "ap75": {"boxes": round(before.ap75, 4), "extents_of_polygons": round(after.ap75, 4)},
        "ap50_95": {
            "boxes": round(before.ap50_95, 4),
            "extents_of_polygons": round(after.ap50_95, 4),
        },
        "seconds_a_picture": round(float(np.median([one.seconds for one in pictures])), 3),
    }


def _spread(ious: list[float]) -> dict[str, float]:
    if not ious:
        return {}
    tenth, median = np.percentile(ious, [10, 50]).tolist()
    return {
        "mean": round(float(np.mean(ious)), 4),
        "tenth_percentile": round(tenth, 4),
        "median": round(median, 4),
    }


class Finder:
    """Finds rooms and draws their outlines, as a worker does.

    Args:
        network: Folder of an exported network.
        threads: Of the CPU; 0 takes all.
    """

    def __init__(self, network: Path, threads: int) -> None:
        self._config = replace(Config(), threads=threads)
        self._network = network
        self._detector: OpenVinoDetector | None = None
        self._outlines = OutlineNetwork(network, threads=threads)

    def look(self, path: Path, truth: list[Points], known: Detections | None) -> Picture:
        """Find the rooms of a picture, unless they are known, and their outlines."""
        data = path.read_bytes()
        with Image.open(path) as opened:
            size_wh = opened.size
        side_px = min(MOST_PX, max(size_wh))
        large = LargePage(read_page(data, page=1, side_px=side_px, limits=Limits()).pixels)
        found = self._find(data, large) if known is None else known
        pixels = large.at(fit_within(size_wh, side_px))
        started_s = time.perf_counter()
        outlines = self._outlines.outlines(pixels, found.boxes_xyxy)
        seconds = time.perf_counter() - started_s
        return Picture(path, size_wh, truth, found, outlines, seconds)

    def _find(self, data: bytes, large: LargePage) -> Detections:
        if self._detector is None:
            self._detector = load_detector(self._network, self._config)
        page = read_page(data, page=1, side_px=self._detector.input_px, limits=Limits())
        options = RequestOptions(confidence=LEAST_CONFIDENCE, max_rooms=MAX_ROOMS)
        ceiling = Ceiling(self._config.max_levels, time.monotonic() + _SECONDS)
        inspection = Inspection(self._detector, page, options, ceiling)
        while side_px := inspection.next_side_px():
            inspection.look(large.at(fit_within(page.source_wh, side_px)))
        return inspection.rooms()


def draw(picture: Picture) -> Image.Image:
    """True outlines in green, drawn ones in red, boxes of rooms without one in yellow."""
    with Image.open(picture.path) as opened:
        drawing = opened.convert("RGB")
    scale = min(1.0, _DRAWN_PX / max(drawing.size))
    drawing = drawing.resize((round(drawing.width * scale), round(drawing.height * scale)))
    pen = ImageDraw.Draw(drawing)
    for corners in picture.truth:
        _outline(pen, corners * scale, TRUTH, 4)
    size = np.array(drawing.size)
    for box, score, outline in zip(
        picture.found.boxes_xyxy, picture.found.scores, picture.outlines, strict=True
    ):
        if score >= THRESHOLD and outline.polygon is None:
            pen.rectangle((box * np.tile(size, 2)).tolist(), outline=BOX, width=2)
        elif score >= THRESHOLD:
            assert outline.polygon is not None
            _outline(pen, outline.polygon * size, FOUND, 2)
    return drawing


def _outline(pen: ImageDraw.ImageDraw, corners: Points, color: str, width: int) -> None:
    points = [tuple(corner) for corner in [*corners.tolist(), corners[0].tolist()]]
    pen.line(points, fill=color, width=width)


def read_boxes(path: Path | None) -> dict[str, Detections]:
    """Found rooms that an earlier run kept."""
    if path is None or not path.exists():
        return {}
    return {
        name: Detections(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32))
        for name, (boxes, scores) in json.loads(path.read_text("utf-8")).items()
    }


def write_boxes(path: Path, pictures: Sequence[Picture]) -> None:
    """Keep the found rooms, which another network of outlines may be tried on."""
    kept = {
        one.path.name: (one.found.boxes_xyxy.tolist(), one.found.scores.tolist())
        for one in pictures
    }
    path.write_text(json.dumps(kept), "utf-8")


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; bad usage ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.outlines", description=__doc__)
    add = parser.add_argument
    add("--sheets", type=Path, required=True, help="plan set with rooms.jsonl")
    add("--network", type=Path, default=Path("weights/rooms"), help="folder, or an archive")
    add("--boxes", type=Path, help="JSON of found rooms: read if it is there, else written")
    add("--at-most", type=int, help="only so many pictures, spread over all")
    add("--drawings", type=Path, help="folder for pictures with outlines")
    add("--threads", type=int, default=0)
    return parser.parse_args(argv)


def run(args: argparse.Namespace, network: Path) -> dict[str, Any]:
    """Find, draw and measure."""
    rows = [
        json.loads(line) for line in (args.sheets / "rooms.jsonl").read_text("utf-8").splitlines()
    ]
    if args.at_most:
        chosen = np.linspace(0, len(rows) - 1, min(args.at_most, len(rows))).round().astype(int)
        rows = [rows[i] for i in chosen]
    known = read_boxes(args.boxes)
    finder = Finder(network, args.threads)
    pictures = []
    for row in rows:
        truth = [np.array(room["polygon"], np.float64) for room in row["rooms"]]
        path = args.sheets / "images" / row["image"]
        pictures.append(finder.look(path, truth, known.get(path.name)))
        print(f"{path.name}: {len(pictures)} of {len(rows)}", file=sys.stderr, flush=True)
        if args.drawings:
            args.drawings.mkdir(parents=True, exist_ok=True)
            draw(pictures[-1]).save(args.drawings / f"{path.stem}.png")
    if args.boxes and not args.boxes.exists():
        write_boxes(args.boxes, pictures)
    return report(pictures)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the figures go to standard output as JSON."""
    args = parse_args(argv)
    cv2.setNumThreads(1)
    if args.network.is_dir():
        figures = run(args, args.network)
    else:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(args.network) as archive:
            archive.extractall(folder)
            figures = run(args, Path(folder))
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
