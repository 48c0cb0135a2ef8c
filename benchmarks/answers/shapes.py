# SPDX-License-Identifier: AGPL-3.0-or-later
"""The exported network at any input size, not only the one that it was exported for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13, properties

from roomdet import network
from roomdet.anchors import STRIDES
from roomdet.config import Precision
from roomdet.detector import CORE, _with_uint8_input

if TYPE_CHECKING:
    from pathlib import Path

    from roomdet.geometry import Boxes, Pixels

CELL = STRIDES[-1]  # sides of a canvas are multiples of the coarsest stride


class AnySizeNetwork:
    """A YOLOv8 network, compiled for each size of canvas that it is shown.

    The export holds, as constants, where the cells of its three grids lie and how large they are;
    everything else follows the input's shape.

    Args:
        folder: Holds ``network.xml`` and ``network.bin``.
        precision: Arithmetic.
    """

    def __init__(self, folder: Path, precision: Precision) -> None:
        self.input_px = network.NetworkManifest.read(folder).input_px
        self._folder = folder
        self._core = CORE
        has_bf16 = "BF16" in self._core.get_property("CPU", properties.device.capabilities)
        use_bf16 = precision is Precision.BF16 or (precision is Precision.AUTO and has_bf16)
        self._type = ov.Type.bf16 if use_bf16 else ov.Type.f32
        self._compiled: dict[tuple[int, int], ov.CompiledModel] = {}

    @property
    def sizes(self) -> int:
        """How many sizes it has been compiled for."""
        return len(self._compiled)

    def run(self, canvas: Pixels) -> Boxes:
        """Run the network.

        Args:
            canvas: uint8 RGB, shape ``(height, width, 3)``, sides multiples of 32.

        Returns:
            float32, shape ``(4 + classes, anchors)``, as :func:`roomdet.detector.parse_output`
            reads it.
        """
        height, width = canvas.shape[:2]
        if (height, width) not in self._compiled:
            self._compiled[height, width] = self._compile(height, width)
        output: Boxes = self._compiled[height, width](canvas[None])[0][0]
        return output

    def _compile(self, height: int, width: int) -> ov.CompiledModel:
        model = self._core.read_model(
            self._folder / network.TOPOLOGY, self._folder / network.WEIGHTS
        )
        anchors = model.outputs[0].get_partial_shape().to_shape()[-1]
        points, strides = anchor_grid(height, width)
        for constant in model.get_ordered_ops():
            if constant.get_type_name() != "Constant":
                continue
            shape = list(constant.get_output_shape(0))
            values = {(1, 2, anchors): points, (1, 1, anchors): strides}.get(tuple(shape))
            if values is not None:
                new = opset13.constant(values, constant.get_element_type())
                for target in constant.output(0).get_target_inputs():
                    target.replace_source_output(new.output(0))
        # Model.reshape would first check the new constants against the old input.
        model.get_parameters()[0].set_partial_shape(ov.PartialShape([1, 3, height, width]))
        model.validate_nodes_and_infer_types()
        mode = properties.hint.PerformanceMode.LATENCY
        return self._core.compile_model(
            _with_uint8_input(model),
            "CPU",
            {
                properties.hint.performance_mode: mode,
                properties.hint.inference_precision: self._type,
            },
        )


def anchor_grid(height: int, width: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Centers of the cells of YOLOv8's grids, in cells, and the cells' sides in pixels.

    Returns:
        float32, shapes ``(1, 2, anchors)`` and ``(1, 1, anchors)``: x then y; row by row, the
        finest grid first.

    Source:
        ultralytics 8.4, ``make_anchors``.
    """
    if height % CELL or width % CELL:
        raise ValueError(f"the sides of {width} x {height} px are no multiples of {CELL}")
    points, strides = [], []
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        y, x = np.mgrid[:rows, :columns] + 0.5
        points.append(np.stack([x.ravel(), y.ravel()]))
        strides.append(np.full((1, rows * columns), stride))
    return (
        np.concatenate(points, axis=1)[None].astype(np.float32),
        np.concatenate(strides, axis=1)[None].astype(np.float32),
    )
