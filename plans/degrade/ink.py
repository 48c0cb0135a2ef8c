# SPDX-License-Identifier: AGPL-3.0-or-later
"""How the drawing itself may look: thick, thin or pale lines, white on black, white on blue.

Pages are uint8 RGB, shape ``(height, width, 3)``, dark lines on light paper. No function changes
the page that it gets; each returns a new one of the same shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from plans.degrade.pixels import WHITE, as_page

if TYPE_CHECKING:
    from roomdet.geometry import Pixels

BLUEPRINT_RGB = (28, 66, 134)  # Prussian blue as faded sheets show it
BLUEPRINT_INK_RGB = (232, 238, 246)


def thicken(page: Pixels, growth_px: int) -> Pixels:
    """Every dark stroke is ``growth_px`` wider; 0 or more."""
    kernel = np.ones((growth_px + 1, growth_px + 1), np.uint8)
    return as_page(cv2.erode(page, kernel))


def thin(page: Pixels, loss_px: int) -> Pixels:
    """Every dark stroke is ``loss_px`` narrower; thinner ones pale instead of vanishing.

    Args:
        page: The page.
        loss_px: 0 or more.
    """
    kernel = np.ones((loss_px + 1, loss_px + 1), np.uint8)
    eaten = cv2.dilate(page, kernel)
    return as_page(cv2.addWeighted(eaten, 0.7, page, 0.3, 0))


def fade(page: Pixels, contrast: float) -> Pixels:
    """Lines pale towards white paper.

    Args:
        page: The page.
        contrast: What is left of each difference from white, 0 (blank) to 1 (unchanged).
    """
    table = WHITE - (WHITE - np.arange(256)) * contrast
    return as_page(cv2.LUT(page, np.rint(table).astype(np.uint8)))


def invert(page: Pixels) -> Pixels:
    """White lines on black."""
    return as_page(cv2.bitwise_not(page))


def cyanotype(page: Pixels) -> Pixels:
    """White lines on blue, as the first blueprints were."""
    shade = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    steps = np.linspace(0, 1, 256)[:, None]
    table = steps * np.array(BLUEPRINT_RGB) + (1 - steps) * np.array(BLUEPRINT_INK_RGB)
    return as_page(np.rint(table).astype(np.uint8)[shade])
