# SPDX-License-Identifier: AGPL-3.0-or-later
"""Export a checkpoint to OpenVINO as ultralytics' documentation does, in float and in int8.

``python -m benchmarks.peers.export_openvino rooms.pt plans`` writes both folders beside the
checkpoint, ``rooms_openvino_model`` and ``rooms_int8_openvino_model``, which ``YOLO(...)`` takes in
its place. The folder ``plans`` holds ``images`` and ``labels`` to calibrate int8 with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ultralytics import YOLO


def export(checkpoint: Path, plans: Path) -> None:
    """Export twice."""
    pictures = str((plans / "images").resolve())
    data = plans / "data.yaml"
    data.write_text(json.dumps({"train": pictures, "val": pictures, "names": {0: "room"}}), "utf-8")
    YOLO(checkpoint).export(format="openvino", dynamic=True)
    # Since ultralytics 8.4, `quantize=8` is the name of what was `int8=True`.
    YOLO(checkpoint).export(format="openvino", dynamic=True, quantize=8, data=str(data))


if __name__ == "__main__":
    export(*map(Path, sys.argv[1:]))
