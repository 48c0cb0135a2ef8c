# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ultralytics' ``predict`` in a FastAPI application, with the same weights.

``CHECKPOINT=weights/rooms.pt uvicorn benchmarks.peers.fastapi_ultralytics:app`` in an environment
of requirements/train.txt and requirements/bench.txt.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from fastapi import FastAPI, Request
from ultralytics import YOLO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

THRESHOLDS = {"conf": 0.25, "iou": 0.45, "imgsz": 640}


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    """Load and warm the model before the first request."""
    application.state.model = YOLO(os.environ["CHECKPOINT"])
    application.state.model.predict(np.zeros((640, 640, 3), np.uint8), verbose=False, **THRESHOLDS)
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/invocations")  # type: ignore[untyped-decorator]  # fastapi is not installed here
async def detect(request: Request) -> dict[str, Any]:
    """Answer the rooms of one picture, sent as raw bytes."""
    picture = cv2.imdecode(np.frombuffer(await request.body(), np.uint8), cv2.IMREAD_COLOR)
    result = request.app.state.model.predict(picture, verbose=False, **THRESHOLDS)[0]
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
