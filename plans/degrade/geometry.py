# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a page may lie: skewed, turned, photographed at an angle; boxes move with it.

Boxes are float32, shape ``(n, 4)``, corners ``x0, y0, x1, y1`` in page pixels, where a pixel is a
square and the page runs from 0 to its width and height. A room counts as its rectangle: its four
corners are moved, and its new box encloses them, cut at the page's edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from plans.degrade.pixels import WHITE, as_page

if TYPE_CHECKING:
    import numpy.typing as npt
    from numpy.random import Generator

    from roomdet.geometry import Boxes, Pixels

    Homography = npt.NDArray[np.float64]

DESK_RGB = ((132, 98, 66), (92, 92, 96), (196, 186, 170), (54, 48, 44))
_QUARTER_TURNS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}


def quarter_turn(page: Pixels, boxes_xyxy_px: Boxes, degrees: int) -> tuple[Pixels, Boxes]:
    """Turn a page counterclockwise by 90, 180 or 270 degrees; nothing is cut or resampled."""
    height, width = page.shape[:2]
    turns = {
        90: [[0, 1, 0], [-1, 0, width], [0, 0, 1]],
        180: [[-1, 0, width], [0, -1, height], [0, 0, 1]],
        270: [[0, -1, height], [1, 0, 0], [0, 0, 1]],
    }
    turned = as_page(cv2.rotate(page, _QUARTER_TURNS[degrees]))
    moved = move_boxes(boxes_xyxy_px, np.array(turns[degrees], np.float64), turned.shape[:2])
    return turned, moved


def skew(page: Pixels, boxes_xyxy_px: Boxes, degrees: float) -> tuple[Pixels, Boxes]:
    """Lay a page askew, counterclockwise, reduced so that all of it stays on the same canvas.

    What comes into view has the color of the page's own edge.
    """
    height, width = page.shape[:2]
    cosine, sine = abs(np.cos(np.radians(degrees))), abs(np.sin(np.radians(degrees)))
    scale = min(width / (width * cosine + height * sine), height / (height * cosine + width * sine))
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    skewed = cv2.warpPerspective(
        page,
        _of_pixel_centers(matrix),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_edge_color(page),
    )
    return as_page(skewed), move_boxes(boxes_xyxy_px, matrix, page.shape[:2])


def photograph(
    page: Pixels, boxes_xyxy_px: Boxes, depth: float, generator: Generator
) -> tuple[Pixels, Boxes]:
    """A page on a desk, seen at an angle, on a canvas of the same size.

    Args:
        page: The page.
        boxes_xyxy_px: Boxes on it.
        depth: How far each corner may move inwards, as a share of width and height, 0 to 0.4.
            It moves by 0.2 to 1 of that, independently in x and y.
        generator: Says how far, and which desk.
    """
    height, width = page.shape[:2]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    inwards = 1 - 2 * corners
    shift = generator.uniform(0.2 * depth, depth, (4, 2)).astype(np.float32) * inwards
    size = np.array([width, height], np.float32)
    matrix = np.asarray(
        cv2.getPerspectiveTransform(corners * size, (corners + shift) * size), np.float64
    )
    at_centers = _of_pixel_centers(matrix)
    photo = _desk(page, generator)
    sheet = cv2.warpPerspective(page, at_centers, (width, height), flags=cv2.INTER_LINEAR)
    cover = cv2.warpPerspective(
        np.full((height, width), WHITE, np.uint8), at_centers, (width, height)
    )
    shadow_px = max(2, min(height, width) // 60)
    shadow = cv2.GaussianBlur(np.roll(cover, (shadow_px, shadow_px), (0, 1)), (0, 0), shadow_px)
    photo = cv2.multiply(
        photo, cv2.cvtColor(WHITE - shadow // 2, cv2.COLOR_GRAY2RGB), scale=1 / WHITE
    )
    photo[cover == WHITE] = sheet[cover == WHITE]
    return as_page(photo), move_boxes(boxes_xyxy_px, matrix, page.shape[:2])


def move_boxes(boxes_xyxy_px: Boxes, matrix: Homography, canvas_hw_px: tuple[int, ...]) -> Boxes:
    """Boxes that enclose the moved corners of the given ones, cut at the canvas.

    Args:
        boxes_xyxy_px: As the module says. Not modified.
        matrix: Homography, shape ``(3, 3)``, from old to new coordinates.
        canvas_hw_px: Height and width of the new page.
    """
    if not len(boxes_xyxy_px):
        return boxes_xyxy_px.copy()
    corners = boxes_xyxy_px[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 1, 2).astype(np.float64)
    moved = cv2.perspectiveTransform(corners, matrix).reshape(-1, 4, 2)
    enclosing = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)
    height, width = canvas_hw_px
    clipped: Boxes = np.clip(enclosing, 0, [width, height] * 2).astype(np.float32)
    return clipped


def _of_pixel_centers(matrix: Homography) -> Homography:
    """OpenCV's coordinates are those of pixel centers, half a pixel less than ours."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    shifted: Homography = np.linalg.inv(half) @ matrix @ half
    return shifted


def _edge_color(page: Pixels) -> tuple[float, ...]:
    edge = np.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])
    return tuple(np.median(edge, axis=0).tolist())


def _desk(page: Pixels, generator: Generator) -> Pixels:
    """A table top with some grain."""
    height, width = page.shape[:2]
    color = np.array(DESK_RGB[generator.integers(len(DESK_RGB))], np.float32)
    grain = generator.random((height // 3 + 2, width // 60 + 2), np.float32)
    light = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    return as_page((0.8 + 0.2 * light)[:, :, None] * color)
