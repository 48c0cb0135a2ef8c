# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lettering of one stroke, as plotters and older CAD programs write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from plans.synth.canvas import ColorRGB, Mask

_FACES = {
    "simplex": cv2.FONT_HERSHEY_SIMPLEX,
    "plain": cv2.FONT_HERSHEY_PLAIN,
    "duplex": cv2.FONT_HERSHEY_DUPLEX,
    "complex": cv2.FONT_HERSHEY_COMPLEX_SMALL,
}
STROKE_FACES = tuple(_FACES)
_LINE = 1.75  # distance of lines in heights of capitals


@dataclass(frozen=True, slots=True)
class Stroke:
    """One of OpenCV's Hershey faces; letters beyond ASCII lose their accents.

    Attributes:
        face: A name of :data:`STROKE_FACES`.
        size_px: Height of capitals.
        width_px: Of the stroke.
        stretch: Width of a letter as a share of the usual.
        left: Whether lines start below each other; else they are centered.
        color: Ink.
    """

    face: str
    size_px: int
    width_px: int = 1
    stretch: float = 1.0
    left: bool = False
    color: ColorRGB = (0, 0, 0)

    def coverage(self, text: str) -> Mask:
        """Return how much ink each pixel of a text holds, 0 to 255."""
        face = _FACES[self.face]
        size = max(4, self.size_px)
        scale = size / cv2.getTextSize("H", face, 1.0, 1)[0][1]
        lines = [_to_ascii(line) for line in text.split("\n")]
        widths = [cv2.getTextSize(line, face, scale, self.width_px)[0][0] for line in lines]
        step = round(_LINE * size)
        page = np.zeros((step * (len(lines) - 1) + 2 * size + 4, max(widths) + 4), np.uint8)
        for i, line in enumerate(lines):
            x = 2 if self.left else 2 + (max(widths) - widths[i]) // 2
            at = (x, 2 + size + size // 4 + i * step)
            cv2.putText(page, line, at, face, scale, 255, self.width_px, cv2.LINE_AA)
        if self.stretch != 1.0:
            wh = (max(1, round(page.shape[1] * self.stretch)), page.shape[0])
            page = cv2.resize(page, wh, interpolation=cv2.INTER_AREA)
        covered: Mask = page
        return covered


_PLAIN = str.maketrans("ÅÄÖåäöÉéèêÈÜüßçñóôíáàâ²°–’", "AAOaaoEeeeEUuscnooiaaa2o-'")


def _to_ascii(text: str) -> str:
    return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
