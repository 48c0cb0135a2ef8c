# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is written on a page, whoever read it: a PDF's text layer, or recognition of characters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The lines of a sheet have 40 kB.
MOST_BYTES, MOST_LINES = 2**20, 5000
_TURNS_DEGREES = (0, 90, 180, 270)


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text, in reading order.

    Attributes:
        text: As it reads, single spaces between its words.
        box_xyxy: Corners of the box around it, as fractions of the page as it is shown, 0 to 1;
            what lies outside is cut off.
        turn_degrees: Clockwise from left-to-right to the direction in which it reads: 0, 90, 180
            or 270, the nearest one.
        confidence: 1 where the file says so; of recognition, 0 to 1.
    """

    text: str
    box_xyxy: tuple[float, float, float, float]
    turn_degrees: int = 0
    confidence: float = 1.0


def pack_lines(lines: Iterable[TextLine]) -> bytes:
    """Lines as bytes, at most ``MOST_BYTES`` of ``MOST_LINES``; what would be more is left out."""
    packed = []
    left = MOST_BYTES - 2
    for line in islice(lines, MOST_LINES):
        text = json.dumps((line.text, line.box_xyxy, line.turn_degrees))
        left -= len(text) + 1
        if left < 0:
            break
        packed.append(text)
    return f"[{','.join(packed)}]".encode()


def unpack_lines(packed: bytes) -> tuple[TextLine, ...]:
    """Lines as they were packed, by a process that may have read anything.

    Raises:
        ValueError, TypeError: If they were not packed by :func:`pack_lines`.
    """
    lines = []
    for text, (x0, y0, x1, y1), turn_degrees in json.loads(packed):
        box = (float(x0), float(y0), float(x1), float(y1))
        if turn_degrees not in _TURNS_DEGREES:
            raise ValueError(f"a line reads at {turn_degrees!r} degrees")
        lines.append(TextLine(str(text), box, int(turn_degrees)))
    return tuple(lines)
