# SPDX-License-Identifier: AGPL-3.0-or-later
"""The outlines of rooms on a picture: they move with it as its boxes do, and are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from shapely import get_parts, make_valid
from shapely.geometry import Polygon, box

if TYPE_CHECKING:
    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

    Boxes = npt.NDArray[np.float32]
    Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outlines:
    """Outlines of rooms.

    Attributes:
        points_px: Of each room its corners in pixels, float, shape ``(k, 2)``, implicitly closed;
            without the holes that a room around a core has.
    """

    points_px: tuple[Points, ...] = ()

    def beside(self, boxes: Boxes) -> Boxes:
        """Boxes, and after them each corner as a box without extent: what moves boxes moves it."""
        corners = np.concatenate([np.zeros((0, 2)), *self.points_px])
        return np.concatenate([boxes, np.tile(corners, 2)]).astype(np.float32)

    def moved(self, moved: Boxes) -> tuple[Boxes, Outlines]:
        """Take apart what :meth:`beside` put together."""
        ends = np.cumsum([len(points) for points in self.points_px])
        count = len(moved) - (int(ends[-1]) if len(ends) else 0)
        corners = moved[count:, :2].astype(np.float64)
        return moved[:count], Outlines(tuple(np.split(corners, ends)[:-1]))

    def on_page(
        self, boxes: Boxes, kept: npt.NDArray[np.bool_], page_hw: tuple[int, ...]
    ) -> Outlines:
        """The parts on the page of the rooms that are kept.

        Args:
            boxes: The rooms' boxes cut at the page's edges, which stand in for what is too thin.
            kept: Which rooms.
            page_hw: Height and width of the page, perhaps more.
        """
        page = box(0, 0, page_hw[1], page_hw[0])
        return Outlines(
            tuple(
                corners_px(largest(make_valid(Polygon(points)).intersection(page), box(*edges)))
                for points, edges, is_kept in zip(self.points_px, boxes.tolist(), kept, strict=True)
                if is_kept
            )
        )


def largest(shape: BaseGeometry, otherwise: Polygon) -> Polygon:
    """The largest polygon of a shape; the other one where it has none."""
    parts = [part for part in get_parts(shape) if isinstance(part, Polygon) and part.area > 0]
    return max(parts, key=lambda part: part.area, default=otherwise)


def corners_px(shape: Polygon) -> Points:
    """The corners of a polygon's outer ring, float64, shape ``(k, 2)``, each once."""
    return np.array(shape.exterior.coords[:-1], np.float64)


def outline_row(image: str, outlines: Outlines) -> dict[str, object]:
    """The line of a picture in ``rooms.jsonl``."""
    rooms = [{"polygon": points.round(1).tolist()} for points in outlines.points_px]
    return {"image": image, "rooms": rooms}
