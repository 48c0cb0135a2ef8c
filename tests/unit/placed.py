# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lines of text where a test puts them on a page, in points."""

from __future__ import annotations

from roomdet.texts import TextLine

PAGE_WH_PT = (2384.0, 1684.0)  # A1, lying
_LETTER = 0.6  # width of a letter in heights


def line(
    text: str,
    x: float,
    y: float,
    *,
    height: float = 10,
    turn: int = 0,
    page_wh_pt: tuple[float, float] = PAGE_WH_PT,
) -> TextLine:
    """A line whose middle is there, upright or turned."""
    along, across = _LETTER * height * len(text) / 2, height / 2
    dx, dy = (along, across) if turn % 180 == 0 else (across, along)
    w, h = page_wh_pt
    return TextLine(text, ((x - dx) / w, (y - dy) / h, (x + dx) / w, (y + dy) / h), turn)
