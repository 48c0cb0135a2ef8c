# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the handler does of a row between its file and its rooms, without a server around it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from roomdet.inspection import Ceiling, Inspection

if TYPE_CHECKING:
    from roomdet.config import Config
    from roomdet.detector import Detector
    from roomdet.item import BatchItem


def find_rooms(row: BatchItem, detector: Detector, config: Config) -> None:
    """Read the page and see it, level by level, as :meth:`RoomHandler.inference` does.

    Args:
        row: Has its options and ``read_at``; gets its page, its inspection and its rooms.
        detector: Answers for one canvas.
        config: What is granted to a page.

    Raises:
        RequestError: As :func:`roomdet.images.read_page`.
        ModelError: If the network answers with numbers that are none.
    """
    row.page = row.read(detector.input_px)
    ceiling = Ceiling(config.max_levels, time.monotonic() + config.max_seconds)
    row.inspection = inspection = Inspection(detector, row.page, row.options, ceiling)
    while side_px := inspection.next_side_px():
        inspection.look(row.level_pixels(side_px, inspection.deepest_px))
    row.found = inspection.rooms()
    row.forget()
