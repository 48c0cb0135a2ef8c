# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is written on a page, whoever read it: a PDF's text layer, or recognition of characters."""

from __future__ import annotations

from dataclasses import dataclass


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
