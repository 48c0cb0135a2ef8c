# SPDX-License-Identifier: AGPL-3.0-or-later
"""A drawing of the page with its rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomdet_client.drawing import as_png, draw_rooms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.exports.page import ExportPage


def encode(pages: Sequence[ExportPage]) -> bytes:
    """One page.

    Raises:
        ValueError: If more than one page is given.
        PlanUnreadable: If the page cannot be drawn.
    """
    (page,) = pages
    return as_png(draw_rooms(page.plan, page.rooms, page=page.page))
