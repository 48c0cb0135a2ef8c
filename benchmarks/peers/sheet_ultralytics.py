# SPDX-License-Identifier: AGPL-3.0-or-later
"""A sheet by ultralytics' int8 export: the page at once, or tile by tile with SAHI; no server.

``CHECKPOINT=build/bench/exports/rooms_int8_openvino_model PEER_THREADS=2 python -m
benchmarks.peers.sheet_ultralytics predict|sahi`` takes turns (:mod:`benchmarks.peers.turns`) and
is told the levels and tiles in which this project sees the page (benchmarks/bench/sheet_rounds.py).

``predict`` gets the whole page on one canvas, of as many pixels as all those tiles together. SAHI
cuts each level into the same tiles and merges what is found there, by its defaults; the levels'
boxes go through torchvision's suppression. Neither reads PDF: a page is drawn by PDFium for each
canvas or, for SAHI, once for the finest level, from which the others are reduced.

Each has a model for each size of canvas, so that nothing is compiled anew, and the size is height
and width, so that no tile is padded to a square. On processors with AMX ultralytics runs int8 on
canvases of the size that its export names and on no other: there an export is one of that size.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import closing
from functools import cache
from math import ceil, sqrt
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pypdfium2
import torch
import yaml
from sahi import AutoDetectionModel
from sahi.predict import get_sliced_prediction
from torchvision.ops import nms
from ultralytics import YOLO

from benchmarks.peers.turns import take_turns
from benchmarks.peers.ultralytics_predict import THRESHOLDS, as_answer

if TYPE_CHECKING:
    from collections.abc import Callable

OVERLAP_PX = 128.5  # as roomdet.slices.OVERLAP; SAHI takes a share and rounds down
SAME_ROOM_IOU = 0.5
_STRIDE = 32


def page_at(data: bytes, size_wh: tuple[int, int]) -> Any:
    """The page at a size: uint8 BGR, shape ``(height, width, 3)``."""
    if data.startswith(b"%PDF-"):
        with closing(pypdfium2.PdfDocument(data)) as document:
            page = document[0]
            bitmap = page.render(scale=max(size_wh) / max(page.get_size()))
        with closing(bitmap):
            picture = bitmap.to_numpy().copy()
    else:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return resized(picture, size_wh)


def resized(picture: Any, size_wh: tuple[int, int]) -> Any:
    """A picture at another size; it is left as it is where it has that size."""
    if picture.shape[1::-1] == tuple(size_wh):
        return picture
    return cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA)


def predict(data: bytes, turn: dict[str, Any]) -> Callable[[], bytes]:
    """The whole page on a canvas of as many pixels as all tiles have."""
    pixels = sum(level["tiles"] * level["tile_wh"][0] * level["tile_wh"][1] for level in _of(turn))
    width, height = _of(turn)[-1]["size_wh"]
    scale = sqrt(pixels / (width * height))
    size_wh = (round(width * scale), round(height * scale))
    canvas_hw = _canvas_hw(size_wh)
    asked = THRESHOLDS | {"imgsz": list(canvas_hw)}

    def work() -> bytes:
        picture = page_at(data, size_wh)
        boxes = _yolo(canvas_hw).predict(picture, verbose=False, **asked)[0].boxes
        return json.dumps(as_answer(boxes.xyxyn.numpy(), boxes.conf.numpy())).encode()

    return work


def slice_and_merge(data: bytes, turn: dict[str, Any]) -> Callable[[], bytes]:
    """Every level's tiles by SAHI."""

    def work() -> bytes:
        levels = _of(turn)
        page = page_at(data, tuple(levels[-1]["size_wh"]))
        found = [_level(resized(page, tuple(level["size_wh"])), level) for level in levels]
        boxes, scores = (np.concatenate(column) for column in zip(*found, strict=True))
        kept = nms(torch.from_numpy(boxes), torch.from_numpy(scores), SAME_ROOM_IOU).numpy()
        return json.dumps(as_answer(boxes[kept], scores[kept])).encode()

    return work


def _level(page: Any, level: dict[str, Any]) -> tuple[Any, Any]:
    """Boxes, as fractions of the page, and scores of a level's rooms, merged by SAHI."""
    width, height = level["tile_wh"]
    found = get_sliced_prediction(
        page[:, :, ::-1],  # SAHI takes RGB
        _sahi(_canvas_hw((width, height))),
        slice_height=height,
        slice_width=width,
        overlap_height_ratio=OVERLAP_PX / height,
        overlap_width_ratio=OVERLAP_PX / width,
        perform_standard_pred=False,
        verbose=0,
    ).object_prediction_list
    boxes = [room.bbox.to_xyxy() for room in found]
    size_wh = np.array(page.shape[1::-1] * 2, np.float32)
    scores = [room.score.value for room in found]
    return np.array(boxes, np.float32).reshape(-1, 4) / size_wh, np.array(scores, np.float32)


@cache
def _yolo(canvas_hw: tuple[int, int]) -> Any:
    return YOLO(export_of(canvas_hw), task="detect")


@cache
def _sahi(canvas_hw: tuple[int, int]) -> Any:
    return AutoDetectionModel.from_pretrained(
        model_type="ultralytics",
        model_path=export_of(canvas_hw),
        task="detect",
        confidence_threshold=THRESHOLDS["conf"],
        device="cpu",
        image_size=list(canvas_hw),
    )


def export_of(canvas_hw: tuple[int, int]) -> str:
    """Folder of the export for canvases of one size: the same network, which takes any."""
    export = Path(os.environ["CHECKPOINT"])
    folder = Path(mkdtemp()) / export.name
    shutil.copytree(export, folder)
    about = folder / "metadata.yaml"
    metadata = yaml.safe_load(about.read_text("utf-8")) | {"imgsz": list(canvas_hw)}
    about.write_text(yaml.safe_dump(metadata), "utf-8")
    return str(folder)


def _canvas_hw(size_wh: tuple[int, int]) -> tuple[int, int]:
    width, height = (ceil(side / _STRIDE) * _STRIDE for side in size_wh)
    return height, width


def _of(turn: dict[str, Any]) -> list[dict[str, Any]]:
    levels: list[dict[str, Any]] = turn["levels"]
    return levels


if __name__ == "__main__":
    take_turns({"predict": predict, "sahi": slice_and_merge}[sys.argv[1]])
