# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the outline network sees of a room: its box with some of what is around it, in a square.

Every box fills the same part of the square, whatever its form, so that a corridor's width is seen
as finely as its length. Training cuts its crops here, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from roomdet.geometry import Pixels

CROP_PX = 128  # sides of the square
# Of a box's width and height, on each side; so much is seen around it.
MARGIN = 0.15
_PAPER = 255  # beyond the page's edge


@dataclass(frozen=True, slots=True)
class RoomCrops:
    """Rooms as the outline network sees them.

    Attributes:
        pixels: uint8 gray, shape ``(n, CROP_PX, CROP_PX)``.
        windows_xyxy_px: float64, shape ``(n, 4)``, what of the page each shows, in its pixels.
    """

    pixels: npt.NDArray[np.uint8]
    windows_xyxy_px: npt.NDArray[np.float64]


def windows(boxes_xyxy_px: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Boxes with what is seen around them, float64, shape ``(n, 4)``, perhaps beyond the page."""
    boxes = np.asarray(boxes_xyxy_px, np.float64).reshape(-1, 4)
    around = (boxes[:, 2:] - boxes[:, :2]) * MARGIN
    return np.concatenate([boxes[:, :2] - around, boxes[:, 2:] + around], axis=1)


def gray(pixels: Pixels) -> Image.Image:
    """A page of RGB pixels, shape ``(height, width, 3)``, in gray."""
    return Image.fromarray(pixels).convert("L")


def cut_crops(page: Image.Image, windows_xyxy_px: npt.NDArray[np.float64]) -> RoomCrops:
    """Cut rooms out of a gray page, averaged over what is left out.

    Args:
        page: In gray (mode ``L``).
        windows_xyxy_px: float64, shape ``(n, 4)``, none of them empty. Beyond the page is paper.
    """
    beyond = np.array([-windows_xyxy_px[:, :2], windows_xyxy_px[:, 2:] - np.array(page.size)])
    pad = max(0, math.ceil(beyond.max(initial=0.0)))
    wide = ImageOps.expand(page, pad, _PAPER) if pad else page
    crops = np.empty((len(windows_xyxy_px), CROP_PX, CROP_PX), np.uint8)
    for crop, window in zip(crops, (windows_xyxy_px + pad).tolist(), strict=True):
        shown = wide.resize((CROP_PX, CROP_PX), Image.Resampling.BILINEAR, box=tuple(window))
        crop[:] = np.asarray(shown)
    return RoomCrops(crops, windows_xyxy_px)
