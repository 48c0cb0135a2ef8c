# SPDX-License-Identifier: AGPL-3.0-or-later
"""A submitted page, and pixels on a canvas as the network sees them."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from roomdet.config import Limits
from roomdet.detector import parse_output
from roomdet.geometry import PADDING_VALUE, Boxes, Detections, Pixels
from roomdet.images import read_page

if TYPE_CHECKING:
    from roomdet.geometry import Scores

LOWEST_CONFIDENCE = 0.01
LIMITS = Limits()
INK_CONTRAST = 40  # of 255: what differs so much from the paper is ink
INK_MARGIN = 0.03  # of the inked part's longer side, left around it

RunNetwork: TypeAlias = Callable[[Pixels], Boxes]


@dataclass(frozen=True, slots=True)
class Page:
    """A picture as it was submitted.

    Attributes:
        data: The file.
        size_wh_px: Its size.
    """

    data: bytes
    size_wh_px: tuple[int, int]

    @classmethod
    def of(cls, data: bytes) -> Page:
        """Read the size from the header of a picture."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large sheets
            with Image.open(io.BytesIO(data)) as picture:
                return cls(data, picture.size)

    def pixels(self, side_px: int) -> Pixels:
        """The page as the server reads it, its longer side ``side_px``."""
        return read_page(self.data, page=1, side_px=side_px, limits=LIMITS).pixels

    def at_most(self, side_px: int) -> Pixels:
        """The page at its own size, reduced to ``side_px`` if it is larger."""
        return self.pixels(min(side_px, max(self.size_wh_px)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies on a canvas."""

    offset_xy_px: tuple[int, int]
    size_wh_px: tuple[int, int]
    canvas_wh_px: tuple[int, int]

    @classmethod
    def centered(cls, pixels: Pixels, canvas_wh_px: tuple[int, int]) -> Place:
        """In the middle, as the server lays it."""
        height, width = pixels.shape[:2]
        offset = (canvas_wh_px[0] - width) // 2, (canvas_wh_px[1] - height) // 2
        return cls(offset, (width, height), canvas_wh_px)

    def canvas(self, pixels: Pixels) -> Pixels:
        """The picture on grey."""
        (left, top), (width, height) = self.offset_xy_px, self.size_wh_px
        canvas = np.full((*self.canvas_wh_px[::-1], 3), PADDING_VALUE, np.uint8)
        canvas[top : top + height, left : left + width] = pixels
        return canvas

    def to_page(self, boxes_xyxy_px: npt.NDArray[np.floating[Any]], scores: Scores) -> Detections:
        """Map boxes from canvas pixels to fractions of the picture."""
        boxes = (boxes_xyxy_px - self.offset_xy_px * 2) / (self.size_wh_px * 2)
        return Detections(boxes.astype(np.float32), scores)


def candidates(pixels: Pixels, run: RunNetwork, canvas_wh_px: tuple[int, int]) -> Detections:
    """What the network finds on pixels laid in the middle of a grey canvas, as their fractions."""
    place = Place.centered(pixels, canvas_wh_px)
    found = parse_output(run(place.canvas(pixels)), LOWEST_CONFIDENCE)
    return place.to_page(found.boxes_xyxy, found.scores)


def ink_box(pixels: Pixels) -> tuple[int, int, int, int]:
    """Corners of the inked part of a page with a margin; the whole page where there is no ink."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    paper = np.median(edge, axis=0).astype(np.int16)
    is_ink = (np.abs(pixels.astype(np.int16) - paper) > INK_CONTRAST).any(axis=2)
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    height, width = is_ink.shape
    if not rows.size:
        return 0, 0, width, height
    x0, x1, y0, y1 = int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1
    margin = round(INK_MARGIN * max(x1 - x0, y1 - y0))
    return (
        max(0, x0 - margin),
        max(0, y0 - margin),
        min(width, x1 + margin),
        min(height, y1 + margin),
    )


def tile_starts(length_px: int, tile_px: int, overlap: float) -> list[int]:
    """Where tiles begin so that they cover a length evenly and overlap at least so much."""
    if length_px <= tile_px:
        return [0]
    count = 1 + math.ceil((length_px - tile_px) / (tile_px * (1 - overlap)))
    return [round(i * (length_px - tile_px) / (count - 1)) for i in range(count)]


def resized(pixels: Pixels, wh_px: tuple[int, int], resampling: Image.Resampling) -> Pixels:
    """The pixels at another size."""
    return np.asarray(Image.fromarray(pixels).resize(wh_px, resampling))
