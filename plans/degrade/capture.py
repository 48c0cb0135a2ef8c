# SPDX-License-Identifier: AGPL-3.0-or-later
"""What cameras, scanners, photocopiers and files do to a page.

Pages are uint8 RGB, shape ``(height, width, 3)``. No function changes the page that it gets; each
returns a new one of the same shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from plans.degrade.pixels import WHITE, as_page

if TYPE_CHECKING:
    from numpy.random import Generator

    from roomdet.geometry import Pixels

CLAHE_TILES = (8, 8)


def gaussian_blur(page: Pixels, sigma_px: float) -> Pixels:
    """Out of focus; ``sigma_px`` above 0."""
    return as_page(cv2.GaussianBlur(page, (0, 0), sigma_px))


def motion_blur(page: Pixels, length_px: int, angle_deg: float) -> Pixels:
    """The camera moved by ``length_px`` along a line; 0 degrees is to the right."""
    kernel = np.zeros((length_px, length_px), np.float32)
    middle = (length_px - 1) / 2
    reach = middle * np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    start, end = (np.rint(middle + sign * reach).astype(int).tolist() for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return as_page(cv2.filter2D(page, -1, kernel / kernel.sum()))


def gaussian_noise(page: Pixels, sigma: float, generator: Generator) -> Pixels:
    """A scanner's gray noise with a standard deviation of ``sigma`` of 255."""
    noise = generator.standard_normal(page.shape[:2], np.float32) * np.float32(sigma)
    return _add_gray(page, noise)


def speckle_noise(page: Pixels, sigma: float, generator: Generator) -> Pixels:
    """Noise that is strong where the page is light: each pixel times 1 plus ``sigma`` x normal."""
    noise = generator.standard_normal(page.shape[:2], np.float32) * np.float32(sigma)
    return _add_gray(page, noise * cv2.cvtColor(page, cv2.COLOR_RGB2GRAY))


def salt_and_pepper(page: Pixels, share: float, generator: Generator) -> Pixels:
    """White and black dots on ``share`` of all pixels, 0 to 1, half of them each."""
    chance = generator.random(page.shape[:2], np.float32)
    dotted = page.copy()
    dotted[chance < share / 2] = WHITE
    dotted[chance > 1 - share / 2] = 0
    return dotted


def jpeg(page: Pixels, quality: int) -> Pixels:
    """Written as JPEG and read again; ``quality`` 1 to 100 as libjpeg counts."""
    _, file = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return as_page(cv2.imdecode(file, cv2.IMREAD_COLOR))  # red and blue stay swapped both ways


def lower_resolution(page: Pixels, factor: float) -> Pixels:
    """Reduced to ``factor`` of its size, above 0 and below 1, and enlarged again."""
    height, width = page.shape[:2]
    small_wh = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(page, small_wh, interpolation=cv2.INTER_AREA)
    return as_page(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def local_contrast(page: Pixels, clip_limit: float) -> Pixels:
    """Contrast evened out tile by tile (CLAHE), as scan programs do.

    Args:
        page: The page.
        clip_limit: Slope limit of OpenCV's CLAHE; 1 changes little, 4 is strong.
    """
    lab = cv2.cvtColor(page, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = cv2.createCLAHE(clip_limit, CLAHE_TILES).apply(lab[:, :, 0])
    return as_page(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def photocopy(page: Pixels, threshold: int, dropout: float, generator: Generator) -> Pixels:
    """Black and white, with patches where the toner is missing.

    Args:
        page: The page.
        threshold: What is lighter becomes white; 1 to 255.
        dropout: Share of the page in which strokes break, 0 to 1.
        generator: Says where.
    """
    gray = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    height, width = gray.shape
    coarse = generator.random((max(2, height // 24), max(2, width // 24)), np.float32)
    worn = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR) < dropout
    holes = generator.integers(0, 256, gray.shape, np.uint8) < WHITE // 2
    copy = np.where((gray >= threshold) | (worn & holes), WHITE, 0).astype(np.uint8)
    return as_page(cv2.cvtColor(copy, cv2.COLOR_GRAY2RGB))


def _add_gray(page: Pixels, noise: np.ndarray) -> Pixels:
    """Add one gray value a pixel to all three colors, in saturating 8-bit arithmetic."""
    levels = np.clip(np.rint(noise), -WHITE, WHITE).astype(np.int16)
    lighter = np.maximum(levels, 0).astype(np.uint8)
    darker = np.maximum(-levels, 0).astype(np.uint8)
    added = cv2.add(page, cv2.cvtColor(lighter, cv2.COLOR_GRAY2RGB))
    return as_page(cv2.subtract(added, cv2.cvtColor(darker, cv2.COLOR_GRAY2RGB)))
