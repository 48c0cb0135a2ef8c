# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an answer says of rooms beside their boxes, where that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomdet.labels import name_rooms
from roomdet.schema import Include

if TYPE_CHECKING:
    from roomdet.geometry import Boxes
    from roomdet.page import Page
    from roomdet.schema import RequestOptions

Facts = dict[str, object]
_CONFIDENCE_DECIMALS = 2


def find_facts(page: Page, boxes_xyxy_norm: Boxes, options: RequestOptions) -> list[Facts]:
    """Say of each room what was asked for.

    Args:
        page: With its lines of text, where a name is asked for.
        boxes_xyxy_norm: float32, shape ``(n, 4)``, the rooms as fractions of the page.
        options: ``include`` says what.

    Returns:
        For each room the keys that its answer has more.
    """
    facts: list[Facts] = [{} for _ in boxes_xyxy_norm]
    if Include.NAME in options.include:
        names = name_rooms(page.lines, boxes_xyxy_norm, page.source_wh)
        for known, label in zip(facts, names, strict=True):
            known["name_hint"] = label.name if label else None
            if label:
                known["name_source"] = "text"
                known["name_confidence"] = round(label.confidence, _CONFIDENCE_DECIMALS)
    return facts
