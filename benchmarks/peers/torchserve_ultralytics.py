# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ultralytics' ``predict`` in a TorchServe handler, in the way of TorchServe's own example.

Like ``examples/object_detector/yolo/yolov8`` of pytorch/serve, the archive holds the checkpoint and
``initialize`` calls ``YOLO(...)``. Unlike it, the picture is not cut to its middle 640 pixels,
where rooms at the margin would be lost, the base class is the plain one, whose import is the
shortest, and answers hold the boxes instead of a count per class.

OpenVINO is hidden from the base handler, which would import it only because this environment has it
for training: a user of this peer would not have it, and it costs seconds and 150 MB.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.modules.setdefault("openvino.torch", None)  # type: ignore[arg-type]

from ts.torch_handler.base_handler import BaseHandler  # noqa: E402

from benchmarks.peers import ultralytics_predict  # noqa: E402

if TYPE_CHECKING:
    from ts.context import Context


class UltralyticsHandler(BaseHandler):  # type: ignore[misc]  # torchserve has no types
    """One row in, one answer out; the batch size is TorchServe's default, 1."""

    def initialize(self, context: Context) -> None:
        """Load and warm the checkpoint of the archive."""
        folder = Path(context.system_properties["model_dir"])
        checkpoint = folder / context.manifest["model"]["serializedFile"]
        self.model = ultralytics_predict.load(str(checkpoint))
        self.initialized = True

    def handle(self, data: list[dict[str, Any]], context: Context) -> list[dict[str, Any]]:
        """Answer each row."""
        self.context = context
        return [ultralytics_predict.answer(self.model, bytes(row["body"])) for row in data]
