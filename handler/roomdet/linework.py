# SPDX-License-Identifier: AGPL-3.0-or-later
"""The straight lines of a drawing, where its file says from where to where each runs."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

# float32, shape ``(n, 4)``: x and y of both ends of each line, fractions of the page as shown.
Linework: TypeAlias = npt.NDArray[np.float32]

MOST_LINES = 100_000  # of a page; one with more has none, as a part of a drawing misleads
_NUMBERS = 4
MOST_BYTES = MOST_LINES * _NUMBERS * 4
NONE: Linework = np.zeros((0, _NUMBERS), np.float32)
_BEYOND = 100.0  # pages away from the page


def pack_linework(lines: Linework) -> bytes:
    """Lines as bytes, at most ``MOST_BYTES``; of more lines none."""
    return lines.astype(np.float32).tobytes() if len(lines) <= MOST_LINES else b""


def unpack_linework(packed: bytes) -> Linework:
    """Lines as they were packed, by a process that may have read anything.

    Raises:
        ValueError: If they were not packed by :func:`pack_linework`.
    """
    lines = np.frombuffer(packed, np.float32).reshape(-1, _NUMBERS)
    if not (np.abs(lines) <= _BEYOND).all():  # nor is NaN
        raise ValueError("a line of the page ends nowhere near it")
    return lines
