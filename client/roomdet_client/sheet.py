# SPDX-License-Identifier: AGPL-3.0-or-later
"""The size of a page, and where a box of an answer lies on it. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GRID = 1000  # an answer's boxes run from 0 to 1000
Box = tuple[float, float, float, float]
Ring = tuple[tuple[float, float], ...]  # points x, y of an outline; the last is the first again


@dataclass(frozen=True)
class Sheet:
    """A page as a person sees it: after EXIF orientation, ``/Rotate`` and crop box.

    Attributes:
        width: Of the upright page, in ``unit``; greater than 0.
        height: The same.
        unit: ``px`` of a picture, ``pt`` (1/72 inch) of a PDF page.
        rotation: ``/Rotate`` of a PDF page: 0, 90, 180 or 270, clockwise.
        origin_pt: Lower left corner of a PDF page's crop box, cut to its media box.
    """

    width: float
    height: float
    unit: Literal["px", "pt"]
    rotation: int = 0
    origin_pt: tuple[float, float] = (0.0, 0.0)

    def scaled(self, box_xyxy_grid: Box, width: float, height: float) -> Box:
        """A box on a rendering of the page of that size, origin top left."""
        x0, y0, x1, y1 = box_xyxy_grid
        return (x0 * width / GRID, y0 * height / GRID, x1 * width / GRID, y1 * height / GRID)

    def shown(self, box_xyxy_grid: Box) -> Box:
        """A box in the page's unit as it is seen, origin top left."""
        return self.scaled(box_xyxy_grid, self.width, self.height)

    def upward(self, box_xyxy_grid: Box) -> Box:
        """A box in the page's unit as it is seen, origin at the lower left and y upward."""
        x0, y0, x1, y1 = self.shown(box_xyxy_grid)
        return (x0, self.height - y1, x1, self.height - y0)

    def ring_scaled(self, ring_grid: Ring, width: float, height: float) -> Ring:
        """An outline on a rendering of the page of that size, origin top left."""
        return tuple((x * width / GRID, y * height / GRID) for x, y in ring_grid)

    def ring_shown(self, ring_grid: Ring) -> Ring:
        """An outline in the page's unit as it is seen, origin top left."""
        return self.ring_scaled(ring_grid, self.width, self.height)

    def ring_upward(self, ring_grid: Ring) -> Ring:
        """An outline in the page's unit as it is seen, origin at the lower left and y upward."""
        return tuple((x, self.height - y) for x, y in self.ring_shown(ring_grid))

    def ring_in_pdf(self, ring_grid: Ring) -> Ring:
        """An outline in the coordinates of a PDF page's content: see :meth:`in_pdf`.

        Raises:
            ValueError: If this is no PDF page.
        """
        width, height = self._size_in_pdf()
        return tuple(self._point(x / GRID, y / GRID, width, height) for x, y in ring_grid)

    def in_pdf(self, box_xyxy_grid: Box) -> Box:
        """A box in the coordinates of a PDF page's content: points, before ``/Rotate``.

        Source:
            ISO 32000-1, 8.3.2.3 and table 30; the table of docs/api.md, Coordinates.

        Raises:
            ValueError: If this is no PDF page.
        """
        x0, y0, x1, y1 = box_xyxy_grid
        (xa, ya), (xb, yb) = self.ring_in_pdf(((x0, y0), (x1, y1)))
        return (min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb))

    def _size_in_pdf(self) -> tuple[float, float]:
        """Width and height of a PDF page before ``/Rotate``."""
        if self.unit != "pt":
            raise ValueError("a picture has no points; ask for pixels")
        turned = self.rotation in (90, 270)
        return (self.height, self.width) if turned else (self.width, self.height)

    def _point(self, u: float, v: float, width: float, height: float) -> tuple[float, float]:
        """A point of the seen page, 0 to 1 from the top left, in the content's coordinates."""
        x0, y0 = self.origin_pt
        if self.rotation == 90:  # noqa: PLR2004  # degrees
            return (x0 + v * width, y0 + u * height)
        if self.rotation == 180:  # noqa: PLR2004
            return (x0 + (1 - u) * width, y0 + v * height)
        if self.rotation == 270:  # noqa: PLR2004
            return (x0 + (1 - v) * width, y0 + (1 - u) * height)
        return (x0 + u * width, y0 + (1 - v) * height)
