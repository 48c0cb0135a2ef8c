# SPDX-License-Identifier: AGPL-3.0-or-later
"""OpenCV's answers as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from roomdet.geometry import Pixels

WHITE = 255


def as_page(array: Any) -> Pixels:
    """A contiguous uint8 array; OpenCV's own types say less."""
    return np.ascontiguousarray(array, np.uint8)
