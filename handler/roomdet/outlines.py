# SPDX-License-Identifier: AGPL-3.0-or-later
"""The outlines of found rooms: polygons, or why there is none.

A small network says of each pixel of a room's crop whether it lies in the room
(docs/decisions/0052-outlines.md); its contour, straightened, is the polygon. Where the page's file
says how its lines run, they bound it exactly (docs/decisions/0056-rooms-between-lines.md).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import openvino as ov

from roomdet.contours import LEAST_CORNERS, contour, is_simple, signed_area, straightened
from roomdet.detector import CORE, CompiledNetwork, compile_for_latency
from roomdet.errors import ModelError
from roomdet.floor_cells import PlacedLines, floor_between_lines
from roomdet.geometry import GRID
from roomdet.linework import NONE
from roomdet.network import NetworkManifest
from roomdet.nooks import has_walls, nooks_of, without
from roomdet.room_crops import CROP_PX, cut_crops, gray, windows
from roomdet.wall_faces import on_faces

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from roomdet.contours import Mask, Points
    from roomdet.geometry import Boxes, Pixels
    from roomdet.linework import Linework

TOPOLOGY, WEIGHTS = "outlines.xml", "outlines.bin"  # in the archive, beside the detector
# The page is best seen with a longer side of at most this; a smaller one as it is.
MOST_PX = 4160
# A polygon may reach so far beyond its box, as a fraction of the page.
BEYOND_BOX = 2 / GRID
# A mask's certainty is how much of what may be the room surely is: its expected overlap with the
# true one. Below this there is no polygon.
LEAST_CERTAINTY = 0.9
# And below this where the lines of the page bound it.
LEAST_WITH_LINES = 0.75
# A polygon's extent and the box are the same room from this overlap on.
LEAST_AGREEMENT = 0.6
# And what straightening changed is at most this share of the mask.
MOST_CHANGED = 0.12
_DECIMALS = 4  # of a fraction: one decimal on the grid of 0 to 1000
_ROOMS_AT_ONCE = 16  # 0.7 MB each in the network

UNCLEAR = "the room's walls are not clear enough on the page"
OTHER_EXTENT = "the room's walls do not fit its bounding box"
TOO_SLOW = "there was no time to see the page closely"
_NO_LINES = PlacedLines(NONE.astype(np.float64))
NO_NETWORK = "this server's model draws no outlines; its archive was packed without that network"


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of a room, or why it has none.

    Attributes:
        polygon: float64, shape ``(k, 2)`` with ``k >= 3``, x and y as fractions of the page with
            four decimals, clockwise as seen, closed implicitly, not crossing itself, at most
            :data:`BEYOND_BOX` outside the room's box; or None.
        certainty: The overlap with the true outline that the network expects, 0 to 1.
        reason: For the caller, why there is none; empty where there is one.
        is_sure: Whether it may be measured: where lines are drawn, whether these bound it; true on
            pictures.
    """

    polygon: npt.NDArray[np.float64] | None
    certainty: float
    reason: str = ""
    is_sure: bool = True


class Outliner(Protocol):
    """Draws the outlines of rooms on a page."""

    def outlines(
        self,
        pixels: Pixels,
        boxes_xyxy_norm: Boxes,
        linework: Linework = NONE,
        *,
        ends_s: float = math.inf,
    ) -> list[Outline]:
        """As :meth:`OutlineNetwork.outlines`."""
        ...


class NoOutlines:
    """Of an archive without an outline network."""

    def outlines(
        self,
        _pixels: Pixels,
        boxes_xyxy_norm: Boxes,
        linework: Linework = NONE,  # noqa: ARG002
        *,
        ends_s: float = math.inf,  # noqa: ARG002  # is there at once
    ) -> list[Outline]:
        """Say of each box why it has no outline."""
        return [Outline(None, 0.0, NO_NETWORK)] * len(boxes_xyxy_norm)


class OutlineNetwork:
    """Draws the outlines of rooms that were found.

    Args:
        folder: Holds ``outlines.xml`` and ``outlines.bin``.
        threads: Of the CPU; 0 takes all.

    Raises:
        ModelError: If OpenVINO cannot read or compile the network, or it is another one.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        self._network = CompiledNetwork(partial(_compile, folder, threads))
        self.masks(np.zeros((1, CROP_PX, CROP_PX), np.uint8))

    def outlines(
        self,
        pixels: Pixels,
        boxes_xyxy_norm: Boxes,
        linework: Linework = NONE,
        *,
        ends_s: float = math.inf,
    ) -> list[Outline]:
        """Draw the outlines of rooms.

        Args:
            pixels: uint8 RGB, shape ``(height, width, 3)``, the page; see :data:`MOST_PX`.
            boxes_xyxy_norm: float, shape ``(n, 4)``, corners as fractions of the page, none empty.
            linework: The lines that the page is drawn of, if its file has them.
            ends_s: No room is begun at or after this time, of :func:`time.monotonic`.

        Returns:
            One of each box, in their order.

        Raises:
            ModelError: If the network answers with numbers that are none.
        """
        page_wh = np.array(pixels.shape[1::-1], np.float64)
        boxes = boxes_xyxy_norm.astype(np.float64)
        page = gray(pixels)
        crops = cut_crops(page, windows(boxes * np.tile(page_wh, 2)))
        values = np.asarray(page)
        lines = PlacedLines(linework.astype(np.float64) * np.tile(page_wh, 2))
        found = []
        for start in range(0, len(boxes), _ROOMS_AT_ONCE):
            if time.monotonic() >= ends_s:
                found += [Outline(None, 0.0, TOO_SLOW)] * (len(boxes) - start)
                break
            part = slice(start, start + _ROOMS_AT_ONCE)
            masks = self.masks(crops.pixels[part])
            found += [
                outline(mask, window, box, values, lines)
                for mask, window, box in zip(
                    masks, crops.windows_xyxy_px[part], boxes[part], strict=True
                )
            ]
        for i, inner in enumerate(nooks_of([known.polygon for known in found], boxes)):
            room = found[i].polygon
            nooks = [
                nook
                for nook in inner
                if room is not None and has_walls(nook * page_wh, room * page_wh, values)
            ]
            if nooks:
                (mask,) = self.masks(crops.pixels[i : i + 1])
                window = crops.windows_xyxy_px[i]
                scale = (window[2:] - window[:2]) / CROP_PX
                rest = without(mask, [(nook * page_wh - window[:2]) / scale for nook in nooks])
                less = outline(rest, window, boxes[i], values, lines)
                found[i] = found[i] if less.polygon is None else less
        return found

    def masks(self, crops: npt.NDArray[np.uint8]) -> Mask:
        """What of each crop lies in the room.

        Args:
            crops: uint8, shape ``(n, CROP_PX, CROP_PX)``, at most 16.

        Returns:
            float32 of the same shape, 0 to 1.

        Raises:
            ModelError: If a number is NaN or infinite, or the network is no outline network.
        """
        masks: Mask = self._network(crops[:, None])
        if masks.shape != (len(crops), 1, CROP_PX, CROP_PX):
            raise ModelError(f"the outline network answers {masks.shape}: it is another network")
        if not np.isfinite(masks).all():
            raise ModelError("the outline network answered with numbers that are not finite")
        return masks[:, 0]


def _compile(folder: Path, threads: int) -> ov.CompiledModel:
    try:
        model = CORE.read_model(folder / TOPOLOGY, folder / WEIGHTS)
        model.reshape([ov.Dimension(1, _ROOMS_AT_ONCE), 1, CROP_PX, CROP_PX])
        # With the instructions that the detector uses, bfloat16 is no faster.
        return compile_for_latency(model, ov.Type.f32, threads)
    except RuntimeError as err:  # OpenVINO's C++ exceptions arrive as RuntimeError
        raise ModelError(f"OpenVINO cannot load the outline network: {err}") from err


def load_outlines(folder: Path, *, threads: int = 0) -> Outliner:
    """Load the outline network of an archive, if it has one.

    Args:
        folder: The extracted archive, or any folder with ``network.json`` and what it names.
        threads: Of the CPU; 0 takes all.

    Raises:
        ModelError: If a file is damaged or missing, or as :class:`OutlineNetwork`.
    """
    if TOPOLOGY not in NetworkManifest.read(folder).files:
        return NoOutlines()
    return OutlineNetwork(folder, threads=threads)


def outline(
    mask: Mask,
    window_px: Points,
    box_norm: Points,
    page: npt.NDArray[np.uint8],
    lines: PlacedLines = _NO_LINES,
) -> Outline:
    """The outline that a mask draws.

    Args:
        mask: float32, shape ``(CROP_PX, CROP_PX)``, 0 to 1.
        window_px: float64, shape ``(4,)``, what of the page the mask shows.
        box_norm: float64, shape ``(4,)``, the room's box, as fractions of the page.
        page: uint8 gray, shape ``(height, width)``.
        lines: What the page is drawn of.
    """
    certainty, near_px = _certainty(mask), lines.near(window_px)
    if certainty < (LEAST_WITH_LINES if len(near_px) else LEAST_CERTAINTY):
        return Outline(None, certainty, UNCLEAR)
    seen = _Seen.of(mask, window_px, box_norm, page)
    if seen is None:
        return Outline(None, certainty, UNCLEAR)
    floor = floor_between_lines(
        mask, window_px, seen.bounds_px, seen.corners_px, near_px, page
    )  # fmt: skip
    polygon, is_sure = None, not len(near_px)
    if floor is not None and (floor.is_sure or certainty >= LEAST_CERTAINTY):
        polygon = seen.as_polygon(floor.corners_px)
        is_sure = polygon is not None and floor.is_sure
    if polygon is None and certainty >= LEAST_CERTAINTY:
        polygon = seen.from_pixels()
    if polygon is None:
        return Outline(None, certainty, UNCLEAR)
    extent = np.concatenate([polygon.min(axis=0), polygon.max(axis=0)])
    if _overlap(extent, box_norm) < LEAST_AGREEMENT:
        return Outline(None, certainty, OTHER_EXTENT)
    return Outline(polygon, certainty, is_sure=is_sure)


def _certainty(mask: Mask) -> float:
    """How much of what may be the room surely is."""
    is_in = mask >= 0.5  # noqa: PLR2004  # more likely in than out
    sure, possible = float(mask[is_in].sum()), float(is_in.sum() + mask[~is_in].sum())
    return sure / possible if possible else 0.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a mask shows of a room.

    Attributes:
        corners_px: float64, shape ``(k, 2)``, of its outline, in pixels of the page.
        area_norm: Of the mask, as a fraction of the page.
        bounds: float64, shape ``(4,)``, how far it may reach, as fractions of the page.
        scale_xy: Pixels of the page per pixel of the mask.
        page: uint8 gray, shape ``(height, width)``.
    """

    corners_px: Points
    area_norm: float
    bounds: Points
    scale_xy: tuple[float, float]
    page: npt.NDArray[np.uint8]

    @classmethod
    def of(
        cls, mask: Mask, window_px: Points, box_norm: Points, page: npt.NDArray[np.uint8]
    ) -> _Seen | None:
        """What a mask shows within its bounds, if it does."""
        page_wh_px = np.array(page.shape[::-1], np.float64)
        scale = (window_px[2:] - window_px[:2]) / CROP_PX
        bounds = _clamp(box_norm)
        low, high = (
            (edge * page_wh_px - window_px[:2]) / scale for edge in (bounds[:2], bounds[2:])
        )
        ring = contour(_within(mask, low, high))
        if ring is None:
            return None
        scale_xy = (float(scale[0]), float(scale[1]))
        corners_px = window_px[:2] + straightened(ring, scale_xy) * scale
        area_norm = abs(signed_area(ring)) * float(np.prod(scale / page_wh_px))
        return cls(corners_px, area_norm, bounds, scale_xy, page)

    @property
    def page_wh_px(self) -> Points:
        """Width and height of the page, float64."""
        return np.array(self.page.shape[::-1], np.float64)

    @property
    def bounds_px(self) -> Points:
        """How far it may reach, in pixels of the page."""
        return self.bounds * np.tile(self.page_wh_px, 2)

    def from_pixels(self) -> Points | None:
        """Its polygon, with sides on the walls' faces if it can have them there."""
        polygon = self.as_polygon(on_faces(self.corners_px, self.page, self.scale_xy))
        return self.as_polygon(self.corners_px) if polygon is None else polygon

    def as_polygon(self, corners_px: Points) -> Points | None:
        """Corners as they are answered, if they are a polygon and nearly as large as the mask."""
        fractions = np.clip(corners_px / self.page_wh_px, self.bounds[:2], self.bounds[2:])
        polygon = _rounded(fractions)
        changed = abs(abs(signed_area(polygon)) - self.area_norm) / self.area_norm
        is_one = len(polygon) >= LEAST_CORNERS and changed <= MOST_CHANGED and is_simple(polygon)
        return polygon if is_one else None


def _clamp(box_norm: Points) -> Points:
    """How far a polygon may reach: on the grid, inside the page."""
    low = np.ceil((box_norm[:2] - BEYOND_BOX) * 10**_DECIMALS - 1e-6)
    high = np.floor((box_norm[2:] + BEYOND_BOX) * 10**_DECIMALS + 1e-6)
    edges: Points = np.concatenate([low, high]).clip(0, 10**_DECIMALS) / 10**_DECIMALS
    return edges


def _within(mask: Mask, low_px: Points, high_px: Points) -> Mask:
    """A mask that reaches its level at most at the given edges, in pixels of the mask."""
    centers = np.arange(CROP_PX) + 0.5
    reach = [
        np.minimum(centers - low, high - centers) / 2 + 0.5  # 0.5 on the edge, linear beside it
        for low, high in zip(low_px, high_px, strict=True)
    ]
    most = np.minimum(reach[1][:, None], reach[0][None, :]).clip(0, 1)
    clamped: Mask = np.minimum(mask, most).astype(np.float32)
    return clamped


def _rounded(corners: Points) -> Points:
    """Corners on the grid, those that fall together once, clockwise from the upper left one."""
    rounded: Points = corners.round(_DECIMALS)
    rounded = rounded[(rounded != np.roll(rounded, 1, axis=0)).any(axis=1)]
    if len(rounded) < LEAST_CORNERS:
        return rounded
    if signed_area(rounded) < 0:
        rounded = rounded[::-1]
    first = int(np.argmin(rounded.sum(axis=1)))
    turned: Points = np.roll(rounded, -first, axis=0)
    return turned


def _overlap(one: Points, other: Points) -> float:
    """Intersection over union of two boxes."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    both = float(np.prod(sides.clip(0)))
    areas = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]))
    return both / (areas - both) if areas > both else 0.0
