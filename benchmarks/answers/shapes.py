# SPDX-License-Identifier: AGPL-3.0-or-later
"""The exported network on canvases of other sizes than the served ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomdet import network
from roomdet.detector import compile_network, precision_of

if TYPE_CHECKING:
    from pathlib import Path

    from roomdet.config import Precision
    from roomdet.geometry import Boxes, Pixels

LARGEST_PX = 1280


class AnySizeNetwork:
    """A YOLOv8 network that takes canvases of up to ``LARGEST_PX``.

    Args:
        folder: Holds ``network.json`` and the files that it names.
        precision: Arithmetic.
    """

    def __init__(self, folder: Path, precision: Precision) -> None:
        manifest = network.NetworkManifest.read(folder)
        self.input_px = manifest.input_px
        self._compiled = compile_network(
            folder, input_px=LARGEST_PX, precision=precision_of(manifest, precision)
        )
        self._sizes: set[tuple[int, ...]] = set()

    @property
    def sizes(self) -> int:
        """How many sizes it has been shown; the first canvas of each takes longer."""
        return len(self._sizes)

    def run(self, canvas: Pixels) -> Boxes:
        """Run the network.

        Args:
            canvas: uint8 RGB, shape ``(height, width, 3)``, sides multiples of 32.

        Returns:
            float32, shape ``(4 + classes, anchors)``, as :func:`roomdet.detector.parse_output`
            reads it.
        """
        self._sizes.add(canvas.shape)
        output: Boxes = self._compiled(canvas[None])[0][0]
        return output
