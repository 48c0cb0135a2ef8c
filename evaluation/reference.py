# SPDX-License-Identifier: AGPL-3.0-or-later
"""The reference pipeline: ultralytics' own ``predict`` on our letterboxed page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from roomdet.geometry import Boxes, Detections, Letterbox, Pixels, Scores

if TYPE_CHECKING:
    from ultralytics import YOLO

    from roomdet.schema import RequestOptions


def predict_page(model: YOLO, pixels: Pixels, options: RequestOptions, input_px: int) -> Detections:
    """Find rooms with ultralytics.

    Args:
        model: A detector; its classes are all rooms, so suppression does not tell them apart.
        pixels: uint8 RGB, shape ``(height, width, 3)``, as :func:`roomdet.images.read_page`
            returns them.
        options: Thresholds.
        input_px: Longest side of the page; ultralytics finds it already letterboxed.

    Returns:
        Boxes as fractions of the page, highest confidence first.
    """
    height, width = pixels.shape[:2]
    letterbox = Letterbox.around((width, height), input_px)
    canvas_bgr = np.ascontiguousarray(letterbox.place(pixels)[:, :, ::-1])
    result = model.predict(
        canvas_bgr,
        imgsz=input_px,
        conf=options.confidence,
        iou=options.iou,
        max_det=options.max_rooms,
        agnostic_nms=True,
        device="cpu",
        verbose=False,
    )[0]
    boxes: Boxes = result.boxes.xyxy.numpy().astype(np.float32)
    scores: Scores = result.boxes.conf.numpy().astype(np.float32)
    return Detections(letterbox.canvas_to_page(boxes), scores)
