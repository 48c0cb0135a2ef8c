# SPDX-License-Identifier: AGPL-3.0-or-later
"""Paper and light: texture, yellowing, uneven lighting, vignette, folds.

Pages are uint8 RGB, shape ``(height, width, 3)``. No function changes the page that it gets; each
returns a new one of the same shape. Each multiplies the page by a smooth field of light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from plans.degrade.pixels import as_page

if TYPE_CHECKING:
    from numpy.random import Generator

    from roomdet.geometry import Pixels

# What old paper leaves of red, green and blue.
YELLOWED_RGB = (0.96, 0.87, 0.66)
_FULL = 255.0
Light = npt.NDArray[np.float32]


def texture(page: Pixels, depth: float, generator: Generator) -> Pixels:
    """Fibers and stains of paper.

    Args:
        page: The page.
        depth: Darkest spot as a share of white, 0 to 1; 0.3 is rough paper.
        generator: Says where the spots are.
    """
    height, width = page.shape[:2]
    light = np.zeros((height, width), np.float32)
    for cell_px, share in ((2, 0.4), (12, 0.3), (90, 0.3)):
        coarse = generator.random((height // cell_px + 2, width // cell_px + 2), np.float32)
        light += np.float32(share) * _enlarge(coarse, (width, height))
    return _shine(page, 1 - depth * light)


def yellow(page: Pixels, age: float) -> Pixels:
    """Paper that has yellowed; ``age`` from 0 (white) to 1 (brown)."""
    shades = np.arange(256, dtype=np.float32)[:, None]
    table = shades * (1 - age * (1 - np.array(YELLOWED_RGB, np.float32)))
    return as_page(cv2.LUT(page, np.rint(table).astype(np.uint8)[None]))


def uneven_light(page: Pixels, depth: float, generator: Generator) -> Pixels:
    """One side lies in the shade, with soft edges; ``depth`` is the light lost there, 0 to 1."""
    height, width = page.shape[:2]
    coarse = generator.random((3, 3), np.float32)
    coarse = (coarse - coarse.min()) / max(float(np.ptp(coarse)), 1e-6)
    light = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return _shine(page, 1 - depth * np.clip(light, 0, 1))


def vignette(page: Pixels, depth: float) -> Pixels:
    """The corners are darker by ``depth``, 0 to 1, as a lens makes them."""
    height, width = page.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    return _shine(page, 1 - depth * (x * x + y * y) / 2)


def folds(page: Pixels, count: int, depth: float, generator: Generator) -> Pixels:
    """Creases across the page, light on one side and dark on the other.

    Args:
        page: The page.
        count: Creases, half of them upright.
        depth: Light lost beside a crease, 0 to 1.
        generator: Says where they are.
    """
    height, width = page.shape[:2]
    light = np.ones((height, width), np.float32)
    for number in range(count):
        length = (width, height)[number % 2]
        at = generator.uniform(0.1, 0.9) * length
        distance = (np.arange(length, dtype=np.float32) - at) / (0.03 * length)
        profile = 1 - depth * np.exp(-np.abs(distance)) * np.where(distance > 0, 1.0, 0.25)
        profile = profile.astype(np.float32)
        light *= profile[:, None] if number % 2 else profile[None]
    return _shine(page, light)


def _enlarge(coarse: Light, wh: tuple[int, int]) -> Light:
    return np.asarray(cv2.resize(coarse, wh, interpolation=cv2.INTER_LINEAR), np.float32)


def _shine(page: Pixels, light: npt.NDArray[np.floating]) -> Pixels:
    """Multiply a page by light, 0 to 1, one value a pixel."""
    levels = np.rint(np.clip(light, 0, 1) * np.float32(_FULL)).astype(np.uint8)
    return as_page(cv2.multiply(page, cv2.cvtColor(levels, cv2.COLOR_GRAY2RGB), scale=1 / _FULL))
