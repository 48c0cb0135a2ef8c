# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the ultralytics peers have in common: the same work for a picture, whatever serves it.

The model is used as ultralytics' documentation uses it: ``YOLO(checkpoint).predict``, which fuses
batch normalization into the convolutions, runs under ``torch.inference_mode`` and keeps the
picture's shape (rectangular letterbox). The checkpoint may be a folder that ultralytics exported
(export_openvino.py); OpenVINO runs it then, with the threads that it takes by itself, and on
processors with AMX ultralytics lays pictures on square canvases for int8.

Pictures are decoded by OpenCV, as ultralytics does with files. It reads no PDF; a page is rendered
at 300 dpi first, the resolution of the scanned sheet.

Ultralytics sets PyTorch to one thread less than there are cores, at the first ``predict``;
``PEER_THREADS`` (benchmarks/peers/threads.py finds the fastest) is set after that.
"""

from __future__ import annotations

import os
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pypdfium2
import torch
from ultralytics import YOLO

if TYPE_CHECKING:
    from collections.abc import Iterator

THRESHOLDS = {"conf": 0.25, "iou": 0.45, "imgsz": 640}
PDF_DPI = 300
_POINTS_PER_INCH = 72
_PDFIUM = threading.Lock()  # it is not safe to be used by two threads at once


def load(checkpoint: str, threads: int | None = None) -> Any:
    """Load the model and warm it up, so that the first request finds it ready."""
    model = YOLO(checkpoint, task="detect")
    model.predict(np.zeros((640, 640, 3), np.uint8), verbose=False, **THRESHOLDS)
    torch.set_num_threads(threads or int(os.environ["PEER_THREADS"]))
    return model


@contextmanager
def decoded(data: bytes) -> Iterator[Any]:
    """Pixels as ultralytics takes them: uint8 BGR, shape ``(height, width, 3)``, upright."""
    if not data.startswith(b"%PDF-"):
        yield cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        return
    with _PDFIUM, closing(pypdfium2.PdfDocument(data)) as document:
        bitmap = document[0].render(scale=PDF_DPI / _POINTS_PER_INCH)
    with closing(bitmap):
        yield bitmap.to_numpy()  # PDFium's own memory, not a copy


def answer(model: Any, data: bytes) -> dict[str, Any]:
    """The rooms of one file."""
    with decoded(data) as picture:
        result = model.predict(picture, verbose=False, **THRESHOLDS)[0]
    return as_answer(result.boxes.xyxyn.numpy(), result.boxes.conf.numpy())


def as_answer(boxes_xyxyn: Any, scores: Any) -> dict[str, Any]:
    """Boxes, as fractions of the page, in the form in which this project answers them."""
    boxes = (boxes_xyxyn * 1000).round().astype(int).tolist()
    return {
        "status": "success",
        "detected_rooms": [
            {"id": f"room_{number:03d}", "bounding_box": box, "confidence": round(score, 4)}
            for number, (box, score) in enumerate(zip(boxes, scores.tolist(), strict=True), start=1)
        ],
    }
