# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the ultralytics peers have in common: the same work for a picture, whatever serves it.

The model is used as ultralytics' documentation uses it: ``YOLO(checkpoint).predict``, which fuses
batch normalization into the convolutions, runs under ``torch.inference_mode`` and keeps the
picture's shape (rectangular letterbox). Pictures are decoded by OpenCV, as ultralytics does with
files. It reads no PDF; a page is rendered at 300 dpi first, the resolution of the scanned sheet.

Ultralytics sets PyTorch to one thread less than there are cores, at the first ``predict``;
``PEER_THREADS`` (benchmarks/peers/threads.py finds the fastest) is set after that.
"""

from __future__ import annotations

import os
from typing import Any

import cv2
import numpy as np
import pypdfium2
import torch
from ultralytics import YOLO

THRESHOLDS = {"conf": 0.25, "iou": 0.45, "imgsz": 640}
PDF_DPI = 300
_POINTS_PER_INCH = 72


def load(checkpoint: str, threads: int | None = None) -> Any:
    """Load the model and warm it up, so that the first request finds it ready."""
    model = YOLO(checkpoint)
    model.predict(np.zeros((640, 640, 3), np.uint8), verbose=False, **THRESHOLDS)
    torch.set_num_threads(threads or int(os.environ["PEER_THREADS"]))
    return model


def decode(data: bytes) -> Any:
    """Pixels as ultralytics takes them: uint8 BGR, shape ``(height, width, 3)``, upright."""
    if data.startswith(b"%PDF-"):
        document = pypdfium2.PdfDocument(data)
        try:
            bitmap = document[0].render(scale=PDF_DPI / _POINTS_PER_INCH)
            return bitmap.to_numpy()[:, :, :3].copy()
        finally:
            document.close()
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def answer(model: Any, data: bytes) -> dict[str, Any]:
    """The rooms of one file, in the form in which this project answers them."""
    result = model.predict(decode(data), verbose=False, **THRESHOLDS)[0]
    boxes = (result.boxes.xyxyn.numpy() * 1000).round().astype(int).tolist()
    return {
        "status": "success",
        "detected_rooms": [
            {"id": f"room_{number:03d}", "bounding_box": box, "confidence": round(score, 4)}
            for number, (box, score) in enumerate(
                zip(boxes, result.boxes.conf.tolist(), strict=True), start=1
            )
        ],
    }
