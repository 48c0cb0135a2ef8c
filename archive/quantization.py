# SPDX-License-Identifier: AGPL-3.0-or-later
"""Make an exported network compute in int8, after training (NNCF)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import nncf
import numpy as np
import numpy.typing as npt

from archive.topology import HEAD
from roomdet.config import Limits
from roomdet.geometry import Letterbox
from roomdet.images import read_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import openvino as ov

    from roomdet.geometry import Pixels

# What turns the head's numbers into pixels and scores stays in float: in int8 a box's edge would
# have 256 places on 640 px. The head's convolutions are quantized like all others.
FLOAT_PATTERNS = [f"{HEAD}.*"]
FLOAT_TYPES = ["Sigmoid"]


def quantize(model: ov.Model, pictures: Sequence[Path], input_px: int) -> ov.Model:
    """Return a network whose convolutions are int8.

    Args:
        model: Takes float32, shape ``(1, 3, height, width)``, 0 to 1.
        pictures: Plans as they will be submitted; the layers' ranges are those that occur here.
        input_px: Longest side of a page that the network sees.
    """
    logging.getLogger("nncf").setLevel(logging.WARNING)
    return nncf.quantize(
        model,
        nncf.Dataset([_canvas(path, input_px) for path in pictures], _as_input),
        # Activations have zero points of their own: swish has hardly any negative values.
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        ignored_scope=nncf.IgnoredScope(patterns=FLOAT_PATTERNS, types=FLOAT_TYPES, validate=False),
    )


def _canvas(path: Path, input_px: int) -> Pixels:
    """A picture as the detector lays it out."""
    page = read_page(path.read_bytes(), page=1, side_px=input_px, limits=Limits()).pixels
    height, width = page.shape[:2]
    return Letterbox.around((width, height), input_px).place(page)


def _as_input(canvas: Pixels) -> npt.NDArray[np.float32]:
    return (canvas.astype(np.float32) / np.float32(255)).transpose(2, 0, 1)[None]
