# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rooms with their outlines, as the network that draws outlines is trained on them.

A folder of :mod:`plans.synth` holds pictures and ``rooms.jsonl``, which has each room's polygon in
pixels. A sample is a room seen through a box that is off as a detector's is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from roomdet.room_crops import CROP_PX, cut_crops, windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    Gray = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.float32]

SAMPLE_PX = CROP_PX  # sides of a sample
_LEAST_SIDE_PX = 8.0
_AROUND = 0.6  # of a room's sides, kept on each side: more than the farthest box and its margin
_MOST_PX = 288  # per side of what is kept
# How far a detector's edges are off, as shares of the box's sides: mostly little, sometimes much.
_NEAR, _FAR, _FAR_SHARE = 0.02, 0.09, 0.3
_MOST_OFF = 0.25
_FINE = 4  # a mask is drawn so many times finer and averaged
_SHIFT_BITS = 4  # OpenCV takes coordinates in 1/16 pixel
_PAPER = 255


@dataclass(frozen=True, slots=True)
class Room:
    """A room and what is around it.

    Attributes:
        picture: uint8 gray, shape ``(height, width)``.
        corners_px: float64, shape ``(k, 2)``, of its outline in pixels of the picture.
    """

    picture: Gray
    corners_px: npt.NDArray[np.float64]

    @property
    def box_xyxy_px(self) -> npt.NDArray[np.float64]:
        """The outline's extent, float64, shape ``(4,)``."""
        return np.concatenate([self.corners_px.min(axis=0), self.corners_px.max(axis=0)])


def read_rooms(folder: Path) -> Iterator[Room]:
    """Rooms of a folder's pictures, those left out that are too small to have a form."""
    for line in (folder / "rooms.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        with Image.open(folder / "images" / row["image"]) as opened:
            page = np.array(opened.convert("L"))
        for room in row["rooms"]:
            corners = np.array(room["polygon"], np.float64)
            if len(corners) >= 3 and np.ptp(corners, axis=0).min() >= _LEAST_SIDE_PX:
                yield _cut(page, corners)


def _cut(page: Gray, corners: npt.NDArray[np.float64]) -> Room:
    low, high = corners.min(axis=0), corners.max(axis=0)
    around = (high - low) * _AROUND
    x0, y0 = np.floor(low - around).astype(int).tolist()
    x1, y1 = np.ceil(high + around).astype(int).tolist()
    shown = page[max(y0, 0) : y1, max(x0, 0) : x1]
    picture = np.full((y1 - y0, x1 - x0), _PAPER, np.uint8)
    top, left = max(-y0, 0), max(-x0, 0)
    picture[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    size_wh = np.minimum([x1 - x0, y1 - y0], _MOST_PX)
    factor = size_wh / [x1 - x0, y1 - y0]
    small = cv2.resize(picture, size_wh.tolist(), interpolation=cv2.INTER_AREA)
    return Room(np.asarray(small, np.uint8), (corners - [x0, y0]) * factor)


def draw_sample(room: Room, rng: np.random.Generator) -> tuple[Gray, Mask]:
    """A room as the network sees it through a detector's box, turned and in another ink.

    Returns:
        uint8, shape ``(CROP_PX, CROP_PX)``, and float32 of the same shape: how much of each pixel
        lies in the room, 0 to 1.
    """
    box = room.box_xyxy_px
    spread = np.where(rng.random(4) < _FAR_SHARE, _FAR, _NEAR)
    off = (rng.standard_normal(4) * spread).clip(-_MOST_OFF, _MOST_OFF)
    window = windows(box + off * np.tile(box[2:] - box[:2], 2))
    crop = cut_crops(Image.fromarray(_blurred(room.picture, rng)), window).pixels[0]
    scale = CROP_PX / (window[0, 2:] - window[0, :2])
    mask = draw_mask((room.corners_px - window[0, :2]) * scale)
    for axis in (0, 1):
        if rng.random() < 0.5:
            crop, mask = np.flip(crop, axis), np.flip(mask, axis)
    if rng.random() < 0.5:
        crop, mask = crop.T, mask.T
    return _in_other_ink(crop, rng), np.ascontiguousarray(mask)


def draw_mask(corners_px: npt.NDArray[np.float64]) -> Mask:
    """How much of each pixel of a crop lies in a polygon, float32, 0 to 1.

    Args:
        corners_px: float64, shape ``(k, 2)``, in pixels of the crop, perhaps beyond it.
    """
    fine = np.zeros((CROP_PX * _FINE, CROP_PX * _FINE), np.uint8)
    # OpenCV's coordinates are those of pixel centers.
    points = np.rint((corners_px * _FINE - 0.5) * (1 << _SHIFT_BITS)).astype(np.int32)
    cv2.fillPoly(fine, [points], 255, shift=_SHIFT_BITS)
    # OpenCV fills whatever the edge touches: half of it is inside.
    cv2.polylines(fine, [points], isClosed=True, color=127, shift=_SHIFT_BITS)
    mask = cv2.resize(fine, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(mask, np.float32) / np.float32(255)


def _blurred(picture: Gray, rng: np.random.Generator) -> Gray:
    """Return a picture as a coarser level or scanner shows it, in half of the cases."""
    if rng.random() < 0.5:
        return picture
    sigma = float(rng.uniform(0.3, 1.2))
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def _in_other_ink(crop: Gray, rng: np.random.Generator) -> Gray:
    """Return a crop with paler or darker lines, on darker paper, with noise, or inverted."""
    ink = (255 - crop) * np.float32(rng.uniform(0.5, 1.6))
    if rng.random() < 0.25:
        ink += rng.standard_normal(crop.shape, np.float32) * np.float32(rng.uniform(2, 14))
    if rng.random() < 0.25:
        ink += np.float32(rng.uniform(0, 50))
    if rng.random() < 0.04:
        ink = 255 - ink
    return (255 - ink).clip(0, 255).astype(np.uint8)
